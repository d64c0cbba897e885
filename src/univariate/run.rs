//! The two iterations behind Newton and Halley: the pure one and the safeguarded one, whatever the step.

use super::{ScalarReport, Settings, bracket_error};
use crate::{CriticalKind, Error, Real, Termination};

/// One evaluation. `f` is the function whose zero is sought: for a minimum of `g`, `f = g'`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<T> {
    pub(super) x: T,
    /// `f`, for a minimum `g`.
    pub(super) value: T,
    pub(super) f: T,
    /// `f'`.
    pub(super) slope: T,
    pub(super) second: Option<T>,
    /// The method's proposal: from here to `x + step`.
    pub(super) step: T,
}

impl<T: Real> Point<T> {
    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.f.is_finite()
    }

    /// An infinity has a sign; a NaN has none.
    pub(super) fn is_nan(&self) -> bool {
        is_nan(self.f) || is_nan(self.value)
    }

    pub(super) fn opposes(&self, other: &Self) -> bool {
        let zero = T::zero();
        (self.f < zero && other.f > zero) || (self.f > zero && other.f < zero)
    }
}

pub(super) fn is_nan<T: Real>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

/// How a run ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<T> {
    pub(super) point: Point<T>,
    pub(super) termination: Termination,
    pub(super) bracket: Option<(T, T)>,
    pub(super) kind: Option<CriticalKind>,
}

impl<T> Ending<T> {
    pub(super) fn new(point: Point<T>, termination: Termination) -> Self {
        Self { point, termination, bracket: None, kind: None }
    }
}

/// What a point says of the run so far.
pub(super) enum Verdict<T> {
    GoOn,
    End(Ending<T>),
    /// Stationary, but no minimum: this point is lower.
    Escape(Point<T>),
}

/// What a line search found.
enum Trial<T> {
    /// With the stretch that did it.
    Lower(Point<T>, T),
    /// `f` has the other sign there.
    Across(Point<T>),
    /// Nothing, and whether all that was tried was outside the domain.
    Stuck(bool),
}

pub(super) struct Run<'r, T> {
    call: &'r mut dyn FnMut(T) -> Point<T>,
    pub(super) settings: Settings<T>,
    pub(super) minimum: bool,
    pub(super) iterations: usize,
    evaluations: usize,
    trace: Vec<T>,
}

/// How the steps have been going.
struct Pace<T> {
    start: T,
    /// The last proposal, and the last move.
    step: Option<T>,
    moved: T,
    /// `|step_k| / |step_{k−1}|` of the proposals; 0 where they turned round.
    ratio: T,
    /// Moves in a row that went away from 0 and did not shrink.
    outward: usize,
}

impl<T: Real> Pace<T> {
    fn new(start: T) -> Self {
        Self { start, step: None, moved: T::zero(), ratio: T::zero(), outward: 0 }
    }

    /// Proposals keep their size though the moves are long: a small `f` here is no root.
    fn unsettled(&self, x: T) -> bool {
        self.ratio > T::of(0.9) && self.moved > T::EPSILON.sqrt() * x.abs()
    }

    fn reach(&self) -> T {
        T::one().max(self.start.abs())
    }

    /// Half of all moves or more, the last ones, went outward and have come far.
    fn runs_off(&self, x: T, iterations: usize) -> bool {
        self.outward >= 6 && 2 * self.outward >= iterations && x.abs() > T::of(8.0) * self.reach()
    }

    fn is_gone(&self, x: T, iterations: usize) -> bool {
        self.runs_off(x, iterations) && x.abs() * T::EPSILON > self.reach()
    }

    fn update(&mut self, now: &Point<T>, next: &Point<T>, step: T) {
        self.moved = (next.x - now.x).abs();
        if next.step.is_finite() {
            self.ratio = (next.step / step).abs();
        } else if let Some(last) = self.step {
            self.ratio = (step / last).abs();
        }
        let outward = next.x.abs() > now.x.abs() && self.ratio >= T::of(0.9);
        self.outward = if outward { self.outward + 1 } else { 0 };
        self.step = Some(step);
    }
}

impl<'r, T: Real> Run<'r, T> {
    pub(super) fn new(call: &'r mut dyn FnMut(T) -> Point<T>, settings: Settings<T>, minimum: bool) -> Self {
        Self { call, settings, minimum, iterations: 0, evaluations: 0, trace: Vec::new() }
    }

    pub(super) fn from(mut self, start: T) -> Result<ScalarReport<T>, Error> {
        self.settings.check(Some(start))?;
        let ending = match self.settings.bracket {
            Some((a, b)) => self.between(a, b, start)?,
            None if self.settings.pure => self.pure(start),
            None => self.free(start),
        };
        Ok(self.report(ending))
    }

    /// Evaluates.
    pub(super) fn at(&mut self, x: T) -> Point<T> {
        self.evaluations += 1;
        (self.call)(x)
    }

    pub(super) fn record(&mut self, x: T) {
        if self.settings.trace {
            self.trace.push(x);
        }
    }

    pub(super) fn is_last(&self) -> bool {
        self.iterations >= self.settings.iterations
    }

    fn report(self, ending: Ending<T>) -> ScalarReport<T> {
        let Point { x, value, f, slope, second, .. } = ending.point;
        ScalarReport {
            x,
            value,
            derivative: Some(if self.minimum { f } else { slope }),
            second_derivative: if self.minimum { Some(slope) } else { second },
            kind: ending.kind,
            bracket: ending.bracket,
            iterations: self.iterations,
            evaluations: self.evaluations,
            termination: ending.termination,
            trace: self.trace,
            residual: Some(f.abs()),
        }
    }

    /// `x ← x + step`, and nothing else, until it converges or fails.
    fn pure(&mut self, start: T) -> Ending<T> {
        let mut now = self.at(start);
        self.record(start);
        if !now.is_finite() {
            return Ending::new(now, Termination::NonFinite);
        }
        let scale = now.f.abs();
        let mut pace = Pace::new(start);
        let mut mark = start; // a power of two of steps ago at most twice (Brent 1980)
        loop {
            let failed = |termination| {
                let away = pace.runs_off(now.x, self.iterations);
                Ending::new(now, if away { Termination::Divergence } else { termination })
            };
            let next = now.x + now.step;
            let short = now.step.abs() <= T::of(4.0) * T::EPSILON * now.x.abs();
            if self.attained(&now, &pace) {
                return self.end(now, pace.moved);
            } else if now.f == T::zero() || pace.is_gone(now.x, self.iterations) {
                return Ending::new(now, Termination::Divergence);
            } else if now.slope == T::zero() {
                return failed(Termination::ZeroDerivative);
            } else if !next.is_finite() || !now.slope.is_finite() {
                return failed(Termination::NonFinite);
            } else if self.is_last() {
                return failed(Termination::Iterations);
            }
            let repeats = next == now.x || next == mark;
            if short && let Some(ending) = self.certify(&now, scale) {
                let adjacent = ending.bracket.is_some_and(|(a, b)| a == now.x || b == now.x);
                if adjacent || repeats {
                    let kind = self.kind_if_stationary(&now, pace.moved, ending.termination);
                    return Ending { point: now, kind, ..ending };
                }
            }
            if repeats {
                let still = next == now.x;
                return Ending::new(now, if still { Termination::StepTolerance } else { Termination::Cycle });
            }
            let next = self.at(next);
            if !next.is_finite() {
                let away = pace.runs_off(now.x, self.iterations);
                return Ending::new(now, if away { Termination::Divergence } else { Termination::NonFinite });
            }
            self.iterations += 1;
            self.record(next.x);
            if self.iterations.is_power_of_two() {
                mark = next.x;
            }
            pace.update(&now, &next, now.step);
            now = next;
        }
    }

    /// Downhill (in `|f|`, or in `g`) until two points of opposite sign are known.
    fn free(&mut self, start: T) -> Ending<T> {
        let mut now = self.at(start);
        self.record(start);
        if !now.is_finite() {
            return Ending::new(now, Termination::NonFinite);
        }
        let scale = now.f.abs();
        let mut pace = Pace::new(start);
        let mut stretch = T::one();
        loop {
            let verdict = if self.attained(&now, &pace) {
                self.judge(now, pace.moved, None)
            } else if now.f == T::zero() || pace.is_gone(now.x, self.iterations) {
                Verdict::End(Ending::new(now, Termination::Divergence))
            } else if self.is_last() {
                let away = pace.runs_off(now.x, self.iterations);
                let termination = if away { Termination::Divergence } else { Termination::Iterations };
                Verdict::End(Ending::new(now, termination))
            } else {
                Verdict::GoOn
            };
            let next = match verdict {
                Verdict::End(ending) => return ending,
                Verdict::Escape(lower) => {
                    stretch = T::one();
                    pace = Pace::new(start);
                    lower
                }
                Verdict::GoOn => {
                    let Some(step) = self.direction(&now) else {
                        return self.hunt(now, Termination::ZeroDerivative);
                    };
                    // Where g'' < 0 the steps lead away from a maximum and grow by themselves.
                    let convex = !self.minimum || now.slope >= T::zero();
                    let ratio = pace.step.filter(|_| convex).map_or(T::zero(), |last| step / last);
                    match self.descend(&now, step, lengthen(stretch, ratio)) {
                        Trial::Lower(next, t) => {
                            stretch = t.max(T::one());
                            pace.update(&now, &next, step);
                            next
                        }
                        Trial::Across(other) => return self.between_signs(now, other),
                        Trial::Stuck(outside) => {
                            if let Some(ending) = self.certify(&now, scale) {
                                let kind = self.kind_if_stationary(&now, pace.moved, ending.termination);
                                return Ending { kind, ..ending };
                            }
                            let why = if outside { Termination::NonFinite } else { Termination::NoDescent };
                            if !self.minimum {
                                return self.hunt(now, why);
                            }
                            match self.lower(&now, None) {
                                Some(lower) => lower,
                                None => return Ending::new(now, why),
                            }
                        }
                    }
                }
            };
            self.iterations += 1;
            self.record(next.x);
            now = next;
        }
    }

    /// The method's step; for a minimum without curvature one as long as `x`, downhill.
    fn direction(&self, now: &Point<T>) -> Option<T> {
        if now.step.is_finite() && now.step != T::zero() {
            Some(now.step)
        } else if self.minimum {
            Some(-now.f.signum() * T::one().max(now.x.abs()))
        } else {
            None
        }
    }

    /// From `now` along `stretch · step`, halved until something is gained.
    fn descend(&mut self, now: &Point<T>, step: T, stretch: T) -> Trial<T> {
        let mut t = step * stretch;
        let mut outside = false;
        loop {
            let x = now.x + t;
            if x == now.x {
                return Trial::Stuck(outside);
            }
            if x.is_finite() {
                let next = self.at(x);
                let bottomless = self.minimum && next.value < -T::MAX;
                if !next.is_nan() && !bottomless && next.opposes(now) {
                    return Trial::Across(next);
                }
                outside = !next.is_finite();
                if !outside && self.gains(now, &next, t / step) {
                    return Trial::Lower(next, t / step);
                }
            }
            t = if t.is_finite() { t * T::of(0.5) } else { step };
        }
    }

    /// Armijo's test on `|f|`, whose slope along the step is `−|f|`, or on `g`, whose slope is `g' step`.
    /// Where `g` is flat to rounding, `|g'|` decides.
    fn gains(&self, now: &Point<T>, next: &Point<T>, t: T) -> bool {
        let alpha = T::of(1e-4);
        if !self.minimum {
            let bound = (T::one() - alpha * t.min(T::one())) * now.f.abs();
            return next.f.abs() <= bound && next.f.abs() < now.f.abs();
        }
        let promised = now.f * (next.x - now.x);
        if promised.abs() <= T::of(8.0) * T::EPSILON * now.value.abs() {
            return next.f.abs() < now.f.abs();
        }
        next.value <= now.value + alpha * promised
    }

    /// From a point where `|f|` cannot be lowered: `x ± h, x ± 2h, x ± 4h, …` until `f` changes sign.
    fn hunt(&mut self, now: Point<T>, otherwise: Termination) -> Ending<T> {
        let mut h = (now.x.abs() + T::one()) / T::of(16.0);
        let mut sides = [Some(now), Some(now)];
        for _ in 0..60 {
            for (side, h) in sides.iter_mut().zip([-h, h]) {
                let x = now.x + h;
                let Some(last) = side.filter(|_| x.is_finite()) else { continue };
                let next = self.at(x);
                if next.f == T::zero() && next.slope != T::zero() {
                    self.iterations += 1;
                    self.record(x);
                    return Ending::new(next, Termination::Exact);
                } else if next.opposes(&last) {
                    return self.between_signs(last, next);
                }
                *side = (!next.is_nan()).then_some(next);
            }
            h *= T::of(2.0);
        }
        Ending::new(now, otherwise)
    }

    /// Whether `f` vanishes or meets its tolerance, on a run that settles.
    fn attained(&self, now: &Point<T>, pace: &Pace<T>) -> bool {
        now.f.abs() <= self.settings.tolerance && !pace.unsettled(now.x)
    }

    /// The ending at a point that meets its test.
    pub(super) fn end(&mut self, now: Point<T>, moved: T) -> Ending<T> {
        let termination = match self.minimum {
            _ if now.f == T::zero() => Termination::Exact,
            true => Termination::GradientTolerance,
            false => Termination::ResidualTolerance,
        };
        let kind = self.kind_if_stationary(&now, moved, termination);
        Ending { kind, ..Ending::new(now, termination) }
    }

    /// The same, unless a minimum was asked for and `within` there are lower points.
    pub(super) fn judge(&mut self, now: Point<T>, moved: T, within: Option<(T, T)>) -> Verdict<T> {
        let ending = self.end(now, moved);
        if matches!(ending.kind, Some(CriticalKind::Maximum | CriticalKind::Degenerate))
            && let Some(lower) = self.lower(&now, within)
        {
            return Verdict::Escape(lower);
        }
        Verdict::End(ending)
    }

    pub(super) fn kind_if_stationary(
        &mut self,
        now: &Point<T>,
        moved: T,
        termination: Termination,
    ) -> Option<CriticalKind> {
        (self.minimum && termination.is_stationary()).then(|| self.kind(now, moved))
    }

    /// By the sign of `g''`, unless `|g''(x)| ≤ 4 |g''(x + s) − g''(x)|`.
    fn kind(&mut self, now: &Point<T>, moved: T) -> CriticalKind {
        let short = self.short(now.x);
        let s = if moved > T::zero() { moved.min(short) } else { short };
        let inside = |y: &T| self.settings.bracket.is_none_or(|(a, b)| a <= *y && *y <= b);
        let near = [now.x + s, now.x - s].into_iter().find(inside);
        let change = near.map_or(T::zero(), |x| (self.at(x).slope - now.slope).abs());
        match now.slope {
            curvature if curvature > T::of(4.0) * change => CriticalKind::Minimum,
            curvature if -curvature > T::of(4.0) * change => CriticalKind::Maximum,
            _ => CriticalKind::Degenerate,
        }
    }

    /// A distance over which even the third power of the variable shows.
    fn short(&self, x: T) -> T {
        T::EPSILON.sqrt().sqrt() * T::one().max(x.abs())
    }

    /// A lower point nearby, if there is one.
    fn lower(&mut self, now: &Point<T>, within: Option<(T, T)>) -> Option<Point<T>> {
        let mut h = self.short(now.x);
        let noticeably = now.value - T::of(4.0) * T::EPSILON * now.value.abs();
        for _ in 0..4 {
            for x in [now.x - h, now.x + h] {
                if within.is_none_or(|(a, b)| a < x && x < b) {
                    let next = self.at(x);
                    if next.is_finite() && next.value < noticeably {
                        return Some(next);
                    }
                }
            }
            h *= T::of(8.0);
        }
        None
    }

    fn between(&mut self, a: T, b: T, start: T) -> Result<Ending<T>, Error> {
        let (lo, hi) = (self.at(a), self.at(b));
        let first = if start == a {
            lo
        } else if start == b {
            hi
        } else {
            self.at(start)
        };
        self.record(start);
        self.bracketed_by(lo, hi, first).ok_or_else(|| {
            let expected = if self.minimum {
                "with g'(a) ≤ 0 ≤ g'(b)"
            } else {
                "with f(a) and f(b) of opposite signs"
            };
            bracket_error(expected, (a, b))
        })
    }

    fn between_signs(&mut self, now: Point<T>, other: Point<T>) -> Ending<T> {
        self.iterations += 1;
        self.record(other.x);
        self.bracketed(now, other, other)
    }
}

/// Schröder's stretch for steps with ratio `r`, at most twice the last one.
fn lengthen<T: Real>(last: T, r: T) -> T {
    let two = T::of(2.0);
    if r < T::of(0.4) || is_nan(r) {
        return T::one();
    }
    let most = two * last.max(two);
    if r < T::one() { most.min(T::one() / (T::one() - r)) } else { most }
}

//! What the methods share: evaluation, the loop, endings and the kind of a point.

use std::ops::ControlFlow::{self, Break, Continue};

use super::ScalarReport;
use super::settings::Settings;
use crate::optimizer::{rounding, vanishes};
use crate::{CriticalKind, Real, Termination};

/// One evaluation. `f` is the function whose zero is sought: for a minimum of `g`, `f = g'`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<T> {
    pub(super) x: T,
    /// `f`, for a minimum `g`.
    pub(super) value: T,
    pub(super) f: T,
    /// `f'`, NaN where it is not known; `second`, which is `f''`, too.
    pub(super) slope: T,
    pub(super) second: T,
    /// The method's proposal: from here to `x + step`.
    pub(super) step: T,
}

impl<T: Real> Point<T> {
    /// Of a method without derivatives.
    pub(super) fn plain(x: T, f: T) -> Self {
        Self { x, value: f, f, slope: T::NAN, second: T::NAN, step: T::NAN }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.f.is_finite()
    }

    /// An infinity has a sign; a NaN has none.
    pub(super) fn is_nan(&self) -> bool {
        self.f.f64().is_nan() || self.value.f64().is_nan()
    }

    pub(super) fn opposes(&self, other: &Self) -> bool {
        let zero = T::zero();
        (self.f < zero && other.f > zero) || (self.f > zero && other.f < zero)
    }

    /// Lower than `other` by more than rounding.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.value < other.value - rounding(other.value)
    }
}

/// Where an iteration ended, and why.
pub(super) type Ending<T> = (Point<T>, Termination);

/// The next point, or the ending where there is none.
pub(super) type Next<T> = ControlFlow<Ending<T>, Point<T>>;

/// An iteration under way: what is called, what it was told, and what came of it so far.
pub(super) struct Iteration<'r, T> {
    call: &'r mut dyn FnMut(T) -> Point<T>,
    pub(super) settings: Settings<T>,
    pub(super) minimum: bool,
    pub(super) iterations: usize,
    evaluations: usize,
    trace: Vec<T>,
    /// The length of the last move, 0 before the first.
    pub(super) moved: T,
    /// `|f|` at the start, the smaller one of two: what is rounding is told by it.
    pub(super) scale: T,
    /// The last ends between which `f` changes sign.
    pub(super) bracket: Option<(T, T)>,
    /// How often a bracket was bisected.
    pub(super) bisections: usize,
    /// Whether `g` was level as far as a lower point was looked for, on both sides.
    is_level: bool,
}

impl<'r, T: Real> Iteration<'r, T> {
    pub(super) fn new(call: &'r mut dyn FnMut(T) -> Point<T>, settings: Settings<T>, minimum: bool) -> Self {
        Self {
            call,
            settings,
            minimum,
            iterations: 0,
            evaluations: 0,
            trace: Vec::new(),
            moved: T::zero(),
            scale: T::zero(),
            bracket: None,
            bisections: 0,
            is_level: false,
        }
    }

    /// From point to point until the method ends, which it does at the latest where [`is_last`](Self::is_last).
    pub(super) fn iterate(
        &mut self, mut now: Point<T>, mut method: impl FnMut(&mut Self, &Point<T>) -> Next<T>,
    ) -> Ending<T> {
        loop {
            match method(self, &now) {
                Break(ending) => return ending,
                Continue(next) => self.moved = (next.x - std::mem::replace(&mut now, next).x).abs(),
            }
            self.advance(now.x);
        }
    }

    /// Whether the bound on iterations is met.
    pub(super) fn is_last(&self) -> bool {
        self.iterations >= self.settings.iterations
    }

    /// Evaluates; at an end of the bracket given where rounding has led past it. Where `x` is not finite all is NaN,
    /// and the closure is not called.
    pub(super) fn at(&mut self, x: T) -> Point<T> {
        if !x.is_finite() {
            return Point::plain(x, T::NAN);
        }
        let x = self.settings.bracket.map_or(x, |(a, b)| x.max(a).min(b));
        self.evaluations += 1;
        (self.call)(x)
    }

    /// Whether `x` is in the bracket that the settings give.
    pub(super) fn may_ask(&self, x: T) -> bool {
        self.settings.bracket.is_none_or(|(a, b)| a <= x && x <= b)
    }

    pub(super) fn record(&mut self, x: T) {
        if self.settings.trace {
            self.trace.push(x);
        }
    }

    pub(super) fn advance(&mut self, x: T) {
        self.iterations += 1;
        self.record(x);
    }

    pub(super) fn report(mut self, (point, mut termination): Ending<T>) -> ScalarReport<T> {
        if termination.is_stationary() && !point.is_finite() {
            termination = Termination::NonFinite;
        }
        let is_met = point.f.abs() <= self.settings.tolerance && termination == Termination::ZeroDerivative;
        let judged = self.minimum && (is_met || termination.is_stationary());
        let kind = judged.then(|| self.kind(&point));
        let Point { x, value, f, slope, second, .. } = point;
        let (derivative, second) = if self.minimum { (f, slope) } else { (slope, second) };
        let known = |derivative: T| Some(derivative).filter(|derivative| !derivative.f64().is_nan());
        ScalarReport {
            x,
            value,
            derivative: known(derivative),
            second_derivative: known(second),
            kind,
            bracket: self.bracket,
            iterations: self.iterations,
            evaluations: self.evaluations,
            termination,
            trace: self.trace,
            residual: Some(f.abs()),
        }
    }

    /// From a point that meets its tolerance: the ending, unless a minimum is sought and there are lower points; the
    /// pure iteration does not go there, but ends as one that found no minimum.
    pub(super) fn met_or_lower(&mut self, now: &Point<T>) -> Next<T> {
        let met = match self.minimum {
            _ if now.f == T::zero() => Termination::Exact,
            true => Termination::GradientTolerance,
            false => Termination::ResidualTolerance,
        };
        let kind = if self.minimum { self.kind(now) } else { CriticalKind::Minimum };
        if kind == CriticalKind::Minimum || self.settings.pure && kind == CriticalKind::Maximum {
            return Break((*now, met));
        }
        match self.lower(now) {
            Some(_) if self.settings.pure => Break((*now, Termination::ZeroDerivative)),
            Some(_) if self.is_last() => Break((*now, Termination::Iterations)),
            Some(lower) => Continue(lower),
            // nothing tells a plateau from a minimum
            None if self.is_level => Break((*now, Termination::ZeroDerivative)),
            // f can vanish by underflow on the way to infinity
            None if !(now.x + now.x).is_finite() || self.has_faded(now) => {
                Break((*now, Termination::Divergence))
            }
            None => Break((*now, met)),
        }
    }

    /// By the sign of `g''`, unless `|g''(x)| ≤ 4 |g''(x + s) − g''(x)|`, `s` the last move; for a minimum Newton's
    /// step, if that is longer. A long move may have hit the point: where `g'` is zero, `s/4096` may tell, if `g'` is `g'' s`
    /// there.
    fn kind(&mut self, now: &Point<T>) -> CriticalKind {
        let short = self.short(now.x);
        let moved = if self.moved > T::zero() { self.moved.min(short.max(now.x.abs())) } else { short };
        let holds_along = now.slope > T::zero() && now.step.is_finite();
        let s = if holds_along { moved.max(now.step.abs()) } else { moved };
        let mut is_clear = |s: T, is_told: bool| {
            let Some(s) = [s, -s].into_iter().find(|&s| self.may_ask(now.x + s)) else { return true };
            let near = self.at(now.x + s);
            let share = near.f / (now.slope * s);
            let is_explained = share > T::of(0.5) && share < T::of(2.0);
            now.slope.abs() > T::of(4.0) * (near.slope - now.slope).abs() && (is_told || is_explained)
        };
        let is_clear = is_clear(s, true) || now.f == T::zero() && is_clear(s / T::of(4096.0), false);
        match now.slope {
            second if is_clear && second > T::zero() => CriticalKind::Minimum,
            second if is_clear && second < T::zero() => CriticalKind::Maximum,
            _ => CriticalKind::Degenerate,
        }
    }

    /// A lower point in the bracket, at a [`short`](Self::short) distance or 8, 64, … times that, if there is one; the
    /// farthest to which `g` falls up to `max(1, |x|)`. A side on which `g` has risen, or ends, is left.
    pub(super) fn lower(&mut self, now: &Point<T>) -> Option<Point<T>> {
        let (a, b) = self.bracket.unwrap_or((-T::MAX, T::MAX));
        let mut h = self.short(now.x);
        let mut sides = [-T::one(), T::one()].map(Some);
        let (mut lowest, mut noise) = (*now, T::zero());
        while h.is_finite() && (lowest.x == now.x || h <= T::one().max(now.x.abs())) {
            for i in 0..2 {
                let x = sides[i].map_or(T::NAN, |sign| now.x + sign * h);
                let next = if a < x && x < b { self.at(x) } else { Point::plain(x, T::NAN) };
                // what is noise at one distance is not measured again at the others
                let may_be = next.is_below(&lowest) && next.value < lowest.value - noise;
                noise = if may_be { noise.max(self.noise(&next)) } else { noise };
                if may_be && next.value < lowest.value - noise {
                    lowest = next;
                    sides[1 - i] = None;
                } else if lowest.x != now.x || !(next.value <= now.value + rounding(now.value)) {
                    sides[i] = None;
                }
            }
            h *= T::of(8.0);
        }
        self.is_level = lowest.x == now.x && sides.iter().all(Option::is_some);
        Some(lowest).filter(|lowest| lowest.x != now.x)
    }

    /// Whether `g` is level on one side of a point, and where it rises on the other its slope comes [out of](vanishes) underflow.
    fn has_faded(&mut self, now: &Point<T>) -> bool {
        // the last move came from where it was steep, as a rule
        let (far, moved) = (T::one().max(now.x.abs()), self.moved);
        let mut rise = |side: T, t: T| (self.at(now.x + side * t).f * side).max(T::zero());
        let mut steepest = |side: T| {
            let lengths = (0..=64).map(|k| far * T::of(0.5_f64.powi(k))).chain([moved]);
            lengths
                .map(|t| (rise(side, t), t))
                .fold((T::zero(), T::zero()), |most, at| if at.0 > most.0 { at } else { most })
        };
        let sides = [-T::one(), T::one()].map(|side| (side, steepest(side)));
        let (side, (steepest, mut from)) = match sides {
            [rises, (_, (level, _))] | [(_, (level, _)), rises]
                if rises.1.0 > level && level == T::zero() =>
            {
                rises
            }
            _ => return false,
        };
        // from the nearest distance at which it is about as steep as far away
        let mut level = T::zero();
        for _ in 0..64 {
            let middle = T::of(0.5) * (level + from);
            *(if T::of(4.0) * rise(side, middle) >= steepest { &mut from } else { &mut level }) = middle;
        }
        vanishes(|share| Ok(rise(side, share * from))).unwrap_or(false)
    }

    /// How far the value at a point may be off: by rounding, and by as much as those a few numbers away differ.
    pub(super) fn noise(&mut self, point: &Point<T>) -> T {
        let mut spread = T::zero();
        for k in (-8..=8).map(|k| T::of(3.0 * f64::from(k))) {
            let x = point.x + point.x * k * T::EPSILON;
            if self.may_ask(x) {
                spread = spread.max((self.at(x).value - point.value).abs());
            }
        }
        spread + rounding(point.value)
    }

    /// A distance over which even the third power of the variable shows, by the size of `x`; at 0 by the last move.
    fn short(&self, x: T) -> T {
        let size = if x == T::zero() { self.moved } else { x.abs() };
        T::EPSILON.sqrt().sqrt() * size.max(T::one() / T::MAX)
    }
}

//! From a start, without a bracket: the textbook iteration, or downhill until two points of opposite sign are known.

use std::ops::ControlFlow::{Break, Continue};

use super::ScalarReport;
use super::bracket::{Bracket, Bracketed, Search};
use super::iteration::{Ending, Iteration, Next, Point};
use crate::optimizer::rounding;
use crate::{Error, Real, Termination};

/// How the steps have been going.
#[derive(Default)]
struct Unbracketed<T> {
    /// `max(1, |x₀|)`.
    reach: T,
    /// The last proposal, and how many of it were gone.
    step: Option<T>,
    stretch: T,
    /// `step_k / step_{k−1}` of the proposals.
    ratio: T,
    /// Moves in a row that went away from 0 and did not shrink.
    outward: usize,
    /// A point at most twice a power of two of steps ago, to meet again in a cycle (Brent 1980).
    mark: T,
}

impl<T: Real> Unbracketed<T> {
    fn search(run: &mut Iteration<'_, T>, start: T) -> Ending<T> {
        let first = run.at(start);
        if !first.is_finite() {
            return (first, Termination::NonFinite);
        }
        run.scale = first.f.abs();
        let mut search = Self { reach: T::one().max(start.abs()), mark: start, ..Self::default() };
        run.iterate(first, |run, now| search.next(run, now))
    }

    fn next(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        let (next, step) = if self.has_settled(run, now) {
            let lower = run.met_or_lower(now)?;
            (lower, lower.x - now.x)
        } else if now.f == T::zero() || self.runs_off(run, now) && now.x.abs() * T::EPSILON > self.reach {
            // vanished without settling, or so far out that the start is rounding there
            return Break((*now, Termination::Divergence));
        } else if run.is_last() {
            return self.ended(run, now, Termination::Iterations);
        } else if run.settings.pure {
            (self.textbook(run, now)?, now.step)
        } else if let Some(step) = direction(run, now) {
            (self.downhill(run, now, step)?, step)
        } else {
            return Break(run.hunt(now, Termination::ZeroDerivative));
        };
        self.update(now, &next, step);
        Continue(next)
    }

    /// Whether `f` meets its tolerance where proposals shrink, or moves are short: on the way to infinity it
    /// may do so anywhere.
    fn has_settled(&self, run: &Iteration<'_, T>, now: &Point<T>) -> bool {
        let unsettled = self.ratio.abs() > T::of(0.9) && run.moved > T::EPSILON.sqrt() * now.x.abs();
        now.f.abs() <= run.settings.tolerance && !unsettled
    }

    /// Half of all moves or more, the last ones, went outward and have come far.
    fn runs_off(&self, run: &Iteration<'_, T>, now: &Point<T>) -> bool {
        self.outward >= 6 && 2 * self.outward >= run.iterations && now.x.abs() > T::of(8.0) * self.reach
    }

    /// The ending for this reason, unless the reason is that the run has gone off.
    fn ended(&self, run: &Iteration<'_, T>, now: &Point<T>, reason: Termination) -> Next<T> {
        Break((*now, if self.runs_off(run, now) { Termination::Divergence } else { reason }))
    }

    fn update(&mut self, now: &Point<T>, next: &Point<T>, step: T) {
        // a zero of f that the slope does not explain proposes no step: it may be rounding
        let change = next.slope.abs() * (next.x - now.x).abs();
        let is_told = next.f != T::zero() || change >= T::EPSILON.sqrt() * now.f.abs();
        if next.step.is_finite() && is_told {
            self.ratio = next.step / step;
        } else if let Some(last) = self.step {
            self.ratio = step / last;
        }
        let outward = next.x.abs() > now.x.abs() && self.ratio.abs() >= T::of(0.9);
        self.outward = if outward { self.outward + 1 } else { 0 };
        self.stretch = ((next.x - now.x) / step).max(T::one());
        self.step = Some(step);
    }

    /// `x ← x + step`, and nothing else.
    fn textbook(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        let x = now.x + now.step;
        if now.slope == T::zero() {
            return self.ended(run, now, Termination::ZeroDerivative);
        } else if !x.is_finite() || !now.slope.is_finite() {
            return self.ended(run, now, Termination::NonFinite);
        }
        let repeats = x == now.x || x == self.mark;
        let is_short = now.step.abs() <= T::of(4.0) * T::EPSILON * now.x.abs();
        if is_short && let Some((_, termination)) = run.confirm(now) {
            let adjacent = run.bracket.is_some_and(|(a, b)| a == now.x || b == now.x);
            if adjacent || repeats {
                return Break((*now, termination));
            }
        }
        if repeats {
            return Break((*now, if x == now.x { Termination::StepTolerance } else { Termination::Cycle }));
        }
        let next = run.at(x);
        if !next.is_finite() {
            return self.ended(run, now, Termination::NonFinite);
        }
        if (run.iterations + 1).is_power_of_two() {
            self.mark = x;
        }
        Continue(next)
    }

    /// A step that lowers `|f|`, or `g`, until `f` has the other sign somewhere.
    fn downhill(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>, step: T) -> Next<T> {
        // where g'' < 0 the steps lead away from a maximum and grow by themselves
        let convex = !run.minimum || now.slope >= T::zero();
        let stretch = if convex { lengthen(self.stretch, self.ratio) } else { T::one() };
        match run.descend(now, step, stretch) {
            Ok(next) if next.opposes(now) => Break(run.between_signs(now, next)),
            Ok(next) => Continue(next),
            Err(reason) => self.stuck(run, now, reason),
        }
    }

    /// Where no step gains anything: a change of sign among the nearest numbers, one further away, or a lower
    /// point.
    fn stuck(&self, run: &mut Iteration<'_, T>, now: &Point<T>, reason: Termination) -> Next<T> {
        if let Some(ending) = run.confirm(now) {
            Break(ending)
        } else if !run.minimum {
            Break(run.hunt(now, reason))
        } else if let Some(lower) = run.lower(now) {
            Continue(lower)
        } else {
            self.ended(run, now, reason)
        }
    }
}

/// The method's step; for a minimum without curvature one as long as `x`, downhill.
fn direction<T: Real>(run: &Iteration<'_, T>, now: &Point<T>) -> Option<T> {
    let downhill = || -now.f.signum() * T::one().max(now.x.abs());
    let is_usable = now.step.is_finite() && now.step != T::zero();
    if is_usable { Some(now.step) } else { run.minimum.then(downhill) }
}

/// The factor by which to lengthen a step: steps with the ratio `r` are those at a root of multiplicity `1/(1 − r)`
/// (Schröder 1870). At most twice the last factor.
fn lengthen<T: Real>(last: T, r: T) -> T {
    let most = T::of(2.0) * last.max(T::of(2.0));
    let multiplicity = T::one() / (T::one() - r).max(T::zero());
    if r >= T::of(0.3) { multiplicity.min(most) } else { T::one() }
}

impl<T: Real> Iteration<'_, T> {
    /// From a start: where the settings give a bracket, by the search between two points of opposite sign.
    pub(super) fn from(mut self, start: T, search: Search<T>) -> Result<ScalarReport<T>, Error> {
        self.settings.check(start)?;
        self.record(start);
        let ending = match self.settings.bracket {
            None => Unbracketed::search(&mut self, start),
            Some(ends) => self.between(ends, start, search)?,
        };
        Ok(self.report(ending))
    }

    /// From `now` along `stretch · step`, halved until something is gained or `f` has the other sign; after 16
    /// halvings by ¼, ⅛, …, for the step may be of another order altogether.
    fn descend(&mut self, now: &Point<T>, step: T, stretch: T) -> Result<Point<T>, Termination> {
        let mut t = step * stretch;
        let mut halvings = 0;
        let mut reason = Termination::NoDescent;
        while now.x + t != now.x {
            let next = self.at(now.x + t);
            let bottomless = self.minimum && next.value < -T::MAX;
            let across = next.opposes(now) && !next.is_nan() && !bottomless;
            if across || next.is_finite() && self.gains(now, &next, t / step) {
                return Ok(next);
            }
            reason = if next.is_finite() { Termination::NoDescent } else { Termination::NonFinite };
            halvings += 1;
            t = if t.is_finite() { t * T::of(0.5).powi(1.max(halvings - 16)) } else { step };
        }
        Err(reason)
    }

    /// Armijo's test on `|f|`, whose slope along the step is `−|f|`, or on `g`, whose slope is `g' step`.
    /// Where `g` is flat to rounding, `|g'|` decides.
    fn gains(&self, now: &Point<T>, next: &Point<T>, t: T) -> bool {
        let alpha = T::of(1e-4);
        let predicted = now.f * (next.x - now.x);
        if !self.minimum {
            let bound = (T::one() - alpha * t.min(T::one())) * now.f.abs();
            next.f.abs() <= bound && next.f.abs() < now.f.abs()
        } else if predicted.abs() <= rounding(now.value) || next.value == now.value {
            next.f.abs() < now.f.abs()
        } else {
            next.value <= now.value + alpha * predicted
        }
    }

    /// From a point where `|f|` cannot be lowered: on both sides, until `f` changes sign.
    fn hunt(&mut self, now: &Point<T>, otherwise: Termination) -> Ending<T> {
        let h = (now.x.abs() + T::one()) / T::of(16.0);
        let found = self.change_of_sign(now, [-h, h], 60);
        found.map_or((*now, otherwise), |(last, next)| self.between_signs(&last, next))
    }

    fn between_signs(&mut self, now: &Point<T>, other: Point<T>) -> Ending<T> {
        self.advance(other.x);
        Bracketed::search(self, Bracket::new(*now, other), other)
    }

    /// Where Newton's step is lost to rounding: looks for the change of sign that it predicts, over half of the
    /// digits, and halves what is between until the ends are neighbours.
    fn confirm(&mut self, now: &Point<T>) -> Option<Ending<T>> {
        let h = now.step.signum() * T::EPSILON * now.x.abs().max(T::one() / T::MAX);
        let digits = T::EPSILON.f64().log2().abs() as usize;
        let (last, mut next) = self.change_of_sign(now, [h], digits / 2)?;
        let mut bracket = Bracket::new(last, next);
        while next.f != T::zero() && !bracket.is_closed() {
            next = self.at(bracket.half());
            if next.is_nan() {
                return Some((bracket.best(), Termination::NonFinite));
            }
            *(if next.opposes(&bracket.lo) { &mut bracket.hi } else { &mut bracket.lo }) = next;
        }
        Some(if next.f == T::zero() { (next, Termination::Exact) } else { bracket.conclude(self) })
    }

    /// Looks at `x + h`, `x + 2h`, `x + 4h`, …, for one `h` or two, for two points of opposite sign, the last one
    /// of which may be a root itself. A side on which `f` is NaN is left.
    fn change_of_sign<const N: usize>(
        &mut self, now: &Point<T>, mut sides: [T; N], doublings: usize,
    ) -> Option<(Point<T>, Point<T>)> {
        let mut last = [*now; N];
        for _ in 0..doublings {
            for (h, last) in sides.iter_mut().zip(&mut last) {
                let next = self.at(now.x + *h);
                if next.opposes(last) || next.f == T::zero() && next.slope != T::zero() {
                    return Some((*last, next));
                }
                *h = if next.is_nan() { T::NAN } else { *h * T::of(2.0) };
                // a zero without a slope may be underflow: one on each side of which there is another sign is not
                *last = if next.f == T::zero() { *last } else { next };
            }
        }
        None
    }
}

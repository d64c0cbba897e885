//! Downhill without a bracket, until there is one.

use std::ops::ControlFlow::{Break, Continue};

use super::iteration::{Ending, Iteration, Next, Point, is_nan};
use super::pure::Pace;
use crate::optimizer::rounding;
use crate::{Real, Termination};

/// Downhill (in `|f|`, or in `g`) until two points of opposite sign are known.
struct Safeguarded<T> {
    pace: Pace<T>,
    stretch: T,
    /// `|f(x₀)|`.
    scale: T,
}

impl<T: Real> Safeguarded<T> {
    fn next(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        if self.pace.has_settled(now, run.settings.tolerance) {
            let lower = run.attained_or_lower(now, self.pace.moved, None)?;
            self.stretch = T::one();
            self.pace.update(now, &lower, lower.x - now.x);
            return Continue(lower);
        } else if self.pace.is_gone(now) {
            return Break(Ending::new(*now, Termination::Divergence));
        } else if run.is_last() {
            return self.pace.ended(now, Termination::Iterations);
        }
        let Some(step) = run.direction(now) else {
            return Break(run.hunt(now, Termination::ZeroDerivative));
        };
        // where g'' < 0 the steps lead away from a maximum and grow by themselves
        let convex = !run.minimum || now.slope >= T::zero();
        let ratio = self.pace.step.filter(|_| convex).map_or(T::zero(), |last| step / last);
        match run.descend(now, step, lengthen(self.stretch, ratio)) {
            Ok((next, _)) if next.opposes(now) => Break(run.between_signs(now, next)),
            Ok((next, stretch)) => {
                self.stretch = stretch.max(T::one());
                self.pace.update(now, &next, step);
                Continue(next)
            }
            Err(reason) => self.stuck(run, now, reason),
        }
    }

    /// Where no step gains anything: a change of sign among the nearest numbers, one further away, or a lower
    /// point.
    fn stuck(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>, reason: Termination) -> Next<T> {
        if let Some(ending) = run.confirm(now, self.scale) {
            Break(run.with_kind(ending, self.pace.moved))
        } else if !run.minimum {
            Break(run.hunt(now, reason))
        } else if let Some(lower) = run.lower(now, None) {
            Continue(lower)
        } else {
            self.pace.ended(now, reason)
        }
    }
}

impl<T: Real> Iteration<'_, T> {
    pub(super) fn safeguarded(&mut self, first: Point<T>) -> Ending<T> {
        let (pace, scale) = (Pace::new(first.x), first.f.abs());
        let mut safeguarded = Safeguarded { pace, stretch: T::one(), scale };
        self.iterate(first, |run, now| safeguarded.next(run, now))
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

    /// From `now` along `stretch · step`, halved until something is gained or `f` has the other sign; after 16
    /// halvings by ¼, ⅛, …, for the step may be of another order altogether. With the stretch that did it.
    fn descend(&mut self, now: &Point<T>, step: T, stretch: T) -> Result<(Point<T>, T), Termination> {
        let mut t = step * stretch;
        let (mut halvings, mut reason) = (0, Termination::NoDescent);
        while now.x + t != now.x {
            let next = self.at(now.x + t);
            let bottomless = self.minimum && next.value < -T::MAX;
            let across = next.opposes(now) && !next.is_nan() && !bottomless;
            if across || next.is_finite() && self.gains(now, &next, t / step) {
                return Ok((next, t / step));
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
        if !self.minimum {
            let bound = (T::one() - alpha * t.min(T::one())) * now.f.abs();
            return next.f.abs() <= bound && next.f.abs() < now.f.abs();
        }
        let predicted = now.f * (next.x - now.x);
        if predicted.abs() <= rounding(now.value) {
            return next.f.abs() < now.f.abs();
        }
        next.value <= now.value + alpha * predicted
    }

    /// From a point where `|f|` cannot be lowered: on both sides, until `f` changes sign.
    fn hunt(&mut self, now: &Point<T>, otherwise: Termination) -> Ending<T> {
        let h = (now.x.abs() + T::one()) / T::of(16.0);
        match self.change_of_sign(now, [Some(-h), Some(h)], 60) {
            Some((last, next)) => self.between_signs(&last, next),
            None => Ending::new(*now, otherwise),
        }
    }

    fn between_signs(&mut self, now: &Point<T>, other: Point<T>) -> Ending<T> {
        self.advance(other.x);
        if other.f == T::zero() {
            return Ending::new(other, Termination::Exact);
        }
        self.bracketed(*now, other, other)
    }
}

/// The factor by which to lengthen a step: steps with the ratio `r` are those at a root of multiplicity `1/(1 − r)`
/// (Schröder 1870). At most twice the last factor.
fn lengthen<T: Real>(last: T, r: T) -> T {
    let two = T::of(2.0);
    if r < T::of(0.4) || is_nan(r) {
        return T::one();
    }
    let most = two * last.max(two);
    if r < T::one() { most.min(T::one() / (T::one() - r)) } else { most }
}

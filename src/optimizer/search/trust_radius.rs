//! The radius of a trust region, and the judgement of a step by what it promised.

use nalgebra::DVector;

use super::backtrack::Backtrack;
use super::rounding::{drowns, is_level};
use crate::contract::setting;
use crate::objective::evaluate;
use crate::optimizer::Step;
use crate::{Error, Objective, Real, kernel};

/// The radius `Δ` of a trust region. It follows `ρ`, the actual over the predicted reduction of `f` by a step `s`:
///
/// ```text
/// ρ < 0             Δ ← t min(Δ, reach ‖s‖),  t = max(most, ½ / (2 − ρ))
/// 0 ≤ ρ ≤ ¼         Δ ← least min(Δ, reach ‖s‖)
/// ρ ≥ ¾, or full    Δ ← grow ‖s‖  where ‖s‖ ≥ edge Δ
/// f not finite      Δ ← min(Δ, reach ‖s‖) / 10
/// ```
///
/// `1/(2 − ρ)` is where the parabola through `f(x)`, `f(x + s)` and the slope at `x` has its minimum along `s`.
#[derive(Debug, Clone)]
pub(crate) struct TrustRadius<T> {
    pub(crate) now: T,
    rule: RadiusRule,
}

/// The constants of [`TrustRadius`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct RadiusRule {
    most: f64,
    least: f64,
    reach: f64,
    grow: f64,
    edge: f64,
}

impl RadiusRule {
    /// Those of Moré 1978, section 7, and MINPACK's `lmder` (which takes the parabola's minimum, not half of it).
    pub(crate) const MORE: Self = Self { most: 0.1, least: 0.5, reach: 10.0, grow: 2.0, edge: 0.0 };
}

impl<T: Real> TrustRadius<T> {
    pub(crate) fn new(now: T, rule: RadiusRule) -> Self {
        Self { now, rule }
    }

    /// After a step of this length; `full` is one that is the same without the region. Returns the factor by which
    /// the region was made smaller or larger.
    pub(crate) fn update(&mut self, ratio: T, length: T, full: bool) -> T {
        let RadiusRule { most, least, grow, edge, .. } = self.rule;
        if ratio > T::of(0.25) {
            let trusted = (ratio >= T::of(0.75) || full) && length >= T::of(edge) * self.now;
            if trusted {
                self.now = (T::of(grow) * length).min(T::MAX.sqrt());
            }
            return if trusted { T::of(grow) } else { T::one() };
        }
        let parabola = T::of(0.5) / (T::of(2.0) - ratio);
        let t = if ratio < T::zero() { parabola.max(T::of(most)) } else { T::of(least) };
        self.shrink(t, length)
    }

    /// After a step of this length to where `f` is not finite.
    pub(crate) fn retreat(&mut self, length: T) -> T {
        self.shrink(T::of(0.1), length)
    }

    fn shrink(&mut self, t: T, length: T) -> T {
        self.now = t * self.now.min(T::of(self.rule.reach) * length);
        t
    }
}

/// `ρ = (f(x) − f(x + s)) / promised`: the step is accepted if `ρ > η`, the radius becomes `‖s‖/4` where
/// `ρ ≤ ¼`, and `4Δ` where `ρ > ¾` on the boundary.
#[derive(Debug, Clone)]
pub(in crate::optimizer) struct Radius<T: Real> {
    pub(in crate::optimizer) initial: T,
    pub(in crate::optimizer) acceptance: T,
    pub(in crate::optimizer) now: T,
    pub(in crate::optimizer) at: Backtrack<T>,
    gradient: DVector<T>,
}

impl<T: Real> Radius<T> {
    pub(in crate::optimizer) fn new() -> Self {
        let (initial, acceptance) = (T::one(), T::of(0.15));
        Self { initial, acceptance, now: initial, at: Backtrack::new(), gradient: DVector::zeros(0) }
    }

    /// Judges the settings; a run starts with the first radius.
    pub(in crate::optimizer) fn start(&mut self) -> Result<(), Error> {
        let fine = self.initial > T::zero() && self.initial.is_finite();
        setting("radius", "positive and finite", self.initial, fine)?;
        let fine = self.acceptance >= T::zero() && self.acceptance < T::of(0.25);
        setting("acceptance", "at least 0 and below 1/4", self.acceptance, fine)?;
        self.now = self.initial;
        Ok(())
    }

    pub(in crate::optimizer) fn set(&mut self, radius: T) {
        self.now = radius.min(T::MAX.sqrt());
    }

    /// `f(x + s)` if the step is accepted, with the point in the trial buffer; adapts the radius.
    ///
    /// Where the promise drowns in the rounding of `f`, a smaller gradient is enough. And `f` can be noisier than its
    /// size tells, where large terms cancel in it: a gradient four times smaller outweighs a change that is small
    /// beside `f`.
    pub(in crate::optimizer) fn judge<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
        s: &DVector<T>,
        promised: T,
        step: &mut Step<T>,
    ) -> Result<Option<T>, Error> {
        let f = self.at.value_at(objective, x, T::one(), s, step);
        let length = Some(kernel::norm(s.as_slice())).filter(|length| length.is_finite()).unwrap_or(self.now);
        if !f.is_finite() {
            self.now = length * T::of(0.1);
            return Ok(None);
        }
        if drowns(promised, step.value) && self.calms(objective, f, T::one(), step)? {
            return Ok(Some(f));
        }
        let ratio = if promised > T::zero() { (step.value - f) / promised } else { T::zero() };
        if ratio > T::of(0.75) && length >= T::of(0.9) * self.now {
            self.set(T::of(4.0) * self.now);
        } else if ratio <= T::of(0.25) {
            self.now = length * T::of(0.25);
        }
        if ratio > self.acceptance {
            return Ok(Some(f));
        }
        let is_small = promised <= T::EPSILON.sqrt() * step.value.abs();
        if is_small && self.calms(objective, f, T::of(0.25), step)? {
            self.now = self.now.max(length);
            return Ok(Some(f));
        }
        Ok(None)
    }

    /// Whether the trial point, with value `f`, is level with the one of `step`, and its gradient smaller than so many
    /// times the gradient there.
    fn calms<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        f: T,
        times: T,
        step: &mut Step<T>,
    ) -> Result<bool, Error> {
        if !is_level(f, step.value) {
            return Ok(false);
        }
        evaluate(objective, self.at.trial(), &mut self.gradient)?;
        step.evaluations += 1;
        Ok(kernel::norm_inf(self.gradient.as_slice()) < times * step.gradient_norm)
    }
}

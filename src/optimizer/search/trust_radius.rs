//! The radius of a trust region, and the judgement of a step by what it promised.

use nalgebra::DVector;

use super::{Backtrack, Position, drowns, is_level};
use crate::contract::setting;
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
    /// Those of Nocedal and Wright 2006, algorithm 4.1, with `4‖s‖` for `2Δ`.
    pub(crate) const NOCEDAL_WRIGHT: Self =
        Self { most: 0.25, least: 0.25, reach: 1.0, grow: 4.0, edge: 0.9 };
}

impl<T: Real> TrustRadius<T> {
    pub(crate) fn new(now: T, rule: RadiusRule) -> Self {
        Self { now, rule }
    }

    /// No larger than what can be squared.
    pub(crate) fn set(&mut self, radius: T) {
        self.now = radius.min(T::MAX.sqrt());
    }

    /// After a step of this length; `full` is one that is the same without the region. Returns the factor by which
    /// the region was made smaller or larger.
    pub(crate) fn update(&mut self, ratio: T, length: T, full: bool) -> T {
        let RadiusRule { most, least, grow, edge, .. } = self.rule;
        if ratio > T::of(0.25) {
            let trusted = (ratio >= T::of(0.75) || full) && length >= T::of(edge) * self.now;
            if trusted {
                self.set(T::of(grow) * length);
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

/// A trust region around the point of a step. With `ρ = (f(x) − f(x + s)) / promised` a step is accepted if `ρ > η`.
#[derive(Debug, Clone)]
pub(crate) struct Region<T: Real> {
    /// The radius that a run starts with, where one is given.
    initial: Option<T>,
    /// `η`.
    pub(crate) acceptance: T,
    pub(crate) radius: TrustRadius<T>,
    pub(crate) line: Backtrack<T>,
    gradient: DVector<T>,
}

impl<T: Real> Default for Region<T> {
    fn default() -> Self {
        Self {
            initial: None,
            acceptance: T::of(0.15),
            radius: TrustRadius::new(T::zero(), RadiusRule::NOCEDAL_WRIGHT),
            line: Backtrack::default(),
            gradient: DVector::default(),
        }
    }
}

impl<T: Real> Region<T> {
    /// The radius that a run starts with.
    pub(crate) fn begin_with(&mut self, radius: T) {
        self.initial = Some(radius);
        self.radius.now = radius;
    }

    /// At the first point: where no radius is given, the power of two next to the size of `x`, 1 at zero.
    pub(crate) fn open(&mut self, x: &DVector<T>) {
        if self.radius.now == T::zero() {
            self.radius.now = T::one() / kernel::unit(kernel::norm_inf(x.as_slice()));
        }
    }

    /// Judges the settings; a run starts with the first radius.
    pub(crate) fn start(&mut self) -> Result<(), Error> {
        let initial = self.initial.unwrap_or(T::one());
        setting("radius", "positive and finite", initial, initial > T::zero() && initial.is_finite())?;
        let fine = self.acceptance >= T::zero() && self.acceptance < T::of(0.25);
        setting("acceptance", "at least 0 and below 1/4", self.acceptance, fine)?;
        self.radius.now = self.initial.unwrap_or(T::zero());
        Ok(())
    }

    /// Makes the region larger where it is next to nothing beside `x`, and `f` cannot tell a step to its boundary from none.
    pub(crate) fn outgrows<O: ?Sized>(&mut self, at: &Position<T, O>, promised: T, s: &DVector<T>) -> bool {
        let radius = self.radius.now;
        let is_small = radius <= T::EPSILON.sqrt() * kernel::norm_inf(at.x.as_slice());
        let is_on_boundary = || kernel::norm(s.as_slice()) >= T::of(0.5) * radius;
        if is_small && promised > T::zero() && drowns(promised, at.step.value) && is_on_boundary() {
            self.radius.set(T::of(4.0) * radius);
        }
        self.radius.now > radius
    }

    /// `f(x + s)` if the step is accepted, with the point in the trial buffer; adapts the radius.
    ///
    /// Where the predicted gain is within the rounding of `f`, a smaller gradient is enough. And `f` can be noisier
    /// than its size tells, where large terms cancel in it: a gradient four times smaller outweighs a change that is
    /// small beside `f`.
    pub(crate) fn judge<O: Objective<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, s: &DVector<T>, promised: T,
    ) -> Result<Option<T>, Error> {
        let f = self.line.value_at(at, T::one(), s);
        let length = Some(kernel::norm(s.as_slice())).filter(|s| s.is_finite()).unwrap_or(self.radius.now);
        if !f.is_finite() {
            self.radius.retreat(length);
            return Ok(None);
        }
        if drowns(promised, at.step.value) && self.calms(at, f, T::one())? {
            return Ok(Some(f));
        }
        let ratio = if promised > T::zero() { (at.step.value - f) / promised } else { T::zero() };
        self.radius.update(ratio, length, false);
        if ratio > self.acceptance {
            return Ok(Some(f));
        }
        let is_small = promised <= T::EPSILON.sqrt() * at.step.value.abs();
        if is_small && self.calms(at, f, T::of(0.25))? {
            self.radius.now = self.radius.now.max(length);
            return Ok(Some(f));
        }
        Ok(None)
    }

    /// Whether the trial point, with value `f`, is level with `x`, and its gradient smaller than so many times the
    /// gradient at `x`.
    fn calms<O: Objective<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, f: T, times: T,
    ) -> Result<bool, Error> {
        if !is_level(f, at.step.value) {
            return Ok(false);
        }
        let (_, there) = at.evaluate(&self.line.trial, &mut self.gradient)?;
        Ok(there < times * at.step.gradient_norm)
    }
}

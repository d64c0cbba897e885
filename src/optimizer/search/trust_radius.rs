//! The radius of a trust region, and the judgement of a step by what it promised.

use nalgebra::DVector;

use super::backtrack::Backtrack;
use crate::optimizer::Step;
use crate::{Error, Objective, Real, kernel};

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

    pub(in crate::optimizer) fn check(&self) -> Result<(), Error> {
        let bad = |name, expected, found: T| Err(Error::Setting { name, expected, found: found.f64() });
        if !(self.initial > T::zero() && self.initial.is_finite()) {
            return bad("radius", "positive and finite", self.initial);
        }
        if !(self.acceptance >= T::zero() && self.acceptance < T::of(0.25)) {
            return bad("acceptance", "at least 0 and below 1/4", self.acceptance);
        }
        Ok(())
    }

    pub(in crate::optimizer) fn reset(&mut self) {
        self.now = self.initial;
    }

    pub(in crate::optimizer) fn set(&mut self, radius: T) {
        self.now = radius.min(T::MAX.sqrt());
    }

    /// `f(x + s)` if the step is accepted, with the point in the trial buffer; adapts the radius.
    pub(in crate::optimizer) fn judge<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
        s: &DVector<T>,
        promised: T,
        step: &mut Step<T>,
    ) -> Result<Option<T>, Error> {
        let f = self.at.value_at(objective, x, T::one(), s, step);
        let (length, scale) = (norm(s.as_slice()), step.value.abs());
        let length = if length.is_finite() { length } else { self.now };
        if !f.is_finite() {
            self.now = length * T::of(0.1);
            return Ok(None);
        }
        // the promise drowns in the rounding of f: the gradient decides
        if promised <= T::of(16.0) * T::EPSILON * scale && f - step.value <= T::EPSILON.sqrt() * scale {
            crate::objective::evaluate(objective, self.at.trial(), &mut self.gradient)?;
            step.evaluations += 1;
            if kernel::norm_inf(self.gradient.as_slice()) < step.gradient_norm {
                return Ok(Some(f));
            }
        }
        // a promise of nothing is not kept
        let ratio = if promised > T::zero() { (step.value - f) / promised } else { T::zero() };
        if ratio > T::of(0.75) && length >= T::of(0.9) * self.now {
            self.set(T::of(4.0) * self.now);
        } else if ratio <= T::of(0.25) {
            self.now = length * T::of(0.25);
        }
        if ratio > self.acceptance {
            return Ok(Some(f));
        }
        // f can be noisier than its size tells, where large terms cancel in it: a gradient four times smaller
        // outweighs a change that is small beside f
        let small = T::EPSILON.sqrt() * scale;
        if promised <= small && f - step.value <= small {
            crate::objective::evaluate(objective, self.at.trial(), &mut self.gradient)?;
            step.evaluations += 1;
            if kernel::norm_inf(self.gradient.as_slice()) <= T::of(0.25) * step.gradient_norm {
                self.now = self.now.max(length);
                return Ok(Some(f));
            }
        }
        Ok(None)
    }
}

/// `‖x‖₂` without overflow.
pub(in crate::optimizer) fn norm<T: Real>(x: &[T]) -> T {
    let scale = kernel::norm_inf(x);
    if scale == T::zero() || !scale.is_finite() {
        return scale;
    }
    scale * x.iter().fold(T::zero(), |s, &x| s + (x / scale) * (x / scale)).sqrt()
}

//! Backtracking along a direction of descent.

use nalgebra::DVector;

use super::Step;
use crate::{Error, Objective, Real, kernel};

/// Shortest step tried: `10⁻⁴⁰` of the full one, or longer.
const BACKTRACKS: usize = 40;

/// The buffers of a search.
#[derive(Debug, Clone)]
pub(super) struct Backtrack<T: Real> {
    trial: DVector<T>,
    gradient: DVector<T>,
}

impl<T: Real> Backtrack<T> {
    pub(super) fn new() -> Self {
        Self { trial: DVector::zeros(0), gradient: DVector::zeros(0) }
    }

    /// The `t ≤ 1` with `f(x + t d) ≤ f(x) + 10⁻⁴ t ∇fᵀd` (Armijo 1966): the full step, else the minimum of
    /// the parabola through the last try, kept within a tenth and a half of it. Moves `x`; `None` leaves
    /// it.
    ///
    /// Where `|∇fᵀd|` is of the order of the rounding of `f` that test compares noise; then the full step
    /// is taken if it lowers `‖∇f‖∞`.
    pub(super) fn search<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
        direction: &DVector<T>,
        slope: T,
        step: &mut Step<T>,
    ) -> Result<Option<T>, Error> {
        let (value, half) = (step.value, T::of(0.5));
        let noisy = -slope <= T::of(16.0) * T::EPSILON * value.abs();
        let mut t = T::one();
        for _ in 0..if noisy { 0 } else { BACKTRACKS } {
            let f = self.value_at(objective, x, t, direction, step);
            if f.is_finite() && f <= value + T::of(1e-4) * t * slope {
                x.copy_from(&self.trial);
                return Ok(Some(t));
            }
            let parabola = -slope * t * t * half / (f - value - slope * t);
            t = if parabola.is_finite() { parabola.clamp(t * T::of(0.1), t * half) } else { t * T::of(0.1) };
        }
        // the values are all rounding here: the gradient decides
        if self.place(x, T::one(), direction) {
            let f = super::evaluate(objective, &self.trial, &mut self.gradient)?;
            step.evaluations += 1;
            let lower = kernel::norm_inf(self.gradient.as_slice()) < step.gradient_norm;
            if f.is_finite() && f - value <= T::EPSILON.sqrt() * value.abs() && lower {
                x.copy_from(&self.trial);
                return Ok(Some(T::one()));
            }
        }
        Ok(None)
    }

    /// Puts `x + t d` in the trial point; false where that is not finite.
    pub(super) fn place(&mut self, x: &DVector<T>, t: T, direction: &DVector<T>) -> bool {
        assign(&mut self.trial, x);
        kernel::axpy(t, direction.as_slice(), self.trial.as_mut_slice());
        kernel::norm_inf(self.trial.as_slice()).is_finite()
    }

    /// The point last tried.
    pub(super) fn trial(&mut self) -> &mut DVector<T> {
        &mut self.trial
    }

    /// `f(x + t d)`; not a number where the point is not finite.
    pub(super) fn value_at<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
        t: T,
        direction: &DVector<T>,
        step: &mut Step<T>,
    ) -> T {
        if !self.place(x, t, direction) {
            return T::NAN;
        }
        step.evaluations += 1;
        objective.value(&self.trial)
    }
}

/// `to ← from`, without an allocation where the lengths agree.
pub(super) fn assign<T: Real>(to: &mut DVector<T>, from: &DVector<T>) {
    if to.len() == from.len() {
        to.copy_from(from);
    } else {
        to.clone_from(from);
    }
}

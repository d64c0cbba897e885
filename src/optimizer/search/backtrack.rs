//! Backtracking along a direction of descent.

use nalgebra::DVector;

use super::evaluated::assign;
use super::rounding::{calms, drowns};
use crate::objective::evaluate;
use crate::optimizer::Step;
use crate::{Error, Objective, Real, kernel};

/// Shortest step tried: `10⁻⁴⁰` of the full one, or longer.
const BACKTRACKS: usize = 40;

/// The buffers of a search.
#[derive(Debug, Clone)]
pub(in crate::optimizer) struct Backtrack<T: Real> {
    trial: DVector<T>,
    gradient: DVector<T>,
}

impl<T: Real> Backtrack<T> {
    pub(in crate::optimizer) fn new() -> Self {
        Self { trial: DVector::zeros(0), gradient: DVector::zeros(0) }
    }

    /// The `t ≤ 1` with `f(x + t d) ≤ f(x) + 10⁻⁴ t ∇fᵀd` (Armijo 1966): the full step, else the minimum of
    /// the parabola through the last try, kept within a tenth and a half of it. Moves `x`; `None` leaves
    /// it. `full` is the value at the full step, where it is known, not to be acceptable.
    ///
    /// Where `|∇fᵀd|` is of the order of the rounding of `f` that test compares noise; then the full step
    /// is taken if it lowers `‖∇f‖∞`.
    pub(in crate::optimizer) fn search<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
        direction: &DVector<T>,
        slope: T,
        full: Option<T>,
        step: &mut Step<T>,
    ) -> Result<Option<T>, Error> {
        let mut t = T::one();
        for i in 0..if drowns(-slope, step.value) { 0 } else { BACKTRACKS } {
            let known = full.filter(|_| i == 0);
            let f = known.unwrap_or_else(|| self.value_at(objective, x, t, direction, step));
            if known.is_none() && falls(step, slope, t, f) {
                x.copy_from(&self.trial);
                return Ok(Some(t));
            }
            let parabola = -slope * t * t * T::of(0.5) / (f - step.value - slope * t);
            t = if parabola.is_finite() {
                parabola.clamp(t * T::of(0.1), t * T::of(0.5))
            } else {
                t * T::of(0.1)
            };
        }
        // the values are all rounding here: the gradient decides
        if self.place(x, T::one(), direction) {
            let f = evaluate(objective, &self.trial, &mut self.gradient)?;
            step.evaluations += 1;
            if calms(step, f, kernel::norm_inf(self.gradient.as_slice())) {
                x.copy_from(&self.trial);
                return Ok(Some(T::one()));
            }
        }
        Ok(None)
    }

    /// Puts `x + t d` in the trial point; false where that is not finite.
    pub(in crate::optimizer) fn place(&mut self, x: &DVector<T>, t: T, direction: &DVector<T>) -> bool {
        assign(&mut self.trial, x);
        kernel::axpy(t, direction.as_slice(), self.trial.as_mut_slice());
        kernel::norm_inf(self.trial.as_slice()).is_finite()
    }

    /// The point last tried.
    pub(in crate::optimizer) fn trial(&mut self) -> &mut DVector<T> {
        &mut self.trial
    }

    /// `f(x + t d)`; not a number where the point is not finite.
    pub(in crate::optimizer) fn value_at<O: Objective<T> + ?Sized>(
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

/// Armijo's test of `f` at length `t`.
fn falls<T: Real>(step: &Step<T>, slope: T, t: T, f: T) -> bool {
    f.is_finite() && f <= step.value + T::of(1e-4) * t * slope
}

/// Whether [`Backtrack::search`] would take the full step to a point with this value and gradient.
pub(in crate::optimizer) fn takes_full<T: Real>(step: &Step<T>, slope: T, there: &Step<T>) -> bool {
    if drowns(-slope, step.value) {
        calms(step, there.value, there.gradient_norm)
    } else {
        there.gradient_norm.is_finite() && falls(step, slope, T::one(), there.value)
    }
}

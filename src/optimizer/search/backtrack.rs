//! Backtracking along a direction of descent.

use nalgebra::DVector;

use super::{Position, assign, calms, drowns};
use crate::optimizer::Step;
use crate::{Error, Objective, Real, kernel};

/// Shorter steps tried. Beyond [`HALVES`] of them each is a tenth of the one before.
const BACKTRACKS: usize = 40;
const HALVES: usize = 10;

/// The buffers of a search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Backtrack<T: Real> {
    pub(crate) trial: DVector<T>,
    gradient: DVector<T>,
}

impl<T: Real> Backtrack<T> {
    /// The `t ≤ 1` with `f(x + t d) ≤ f(x) + 10⁻⁴ t ∇fᵀd` (Armijo 1966): the full step, else the minimum of
    /// the parabola through the last try, kept within a tenth and a half of it. Moves `x`; `None` leaves
    /// it. `full` is the value at the full step, where it is known, not to be acceptable.
    ///
    /// Where `|∇fᵀd|` is of the order of the rounding of `f` that test compares noise; then the full step
    /// is taken if it lowers `‖∇f‖∞`.
    pub(crate) fn search<O: Objective<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, direction: &DVector<T>, slope: T, full: Option<T>,
    ) -> Result<Option<T>, Error> {
        let mut t = T::one();
        for i in 0..if drowns(-slope, at.step.value) { 0 } else { BACKTRACKS } {
            let known = full.filter(|_| i == 0);
            let f = known.unwrap_or_else(|| self.value_at(at, t, direction));
            if known.is_none() && falls(&at.step, slope, t, f) {
                at.x.copy_from(&self.trial);
                return Ok(Some(t));
            }
            let parabola = -slope * t * t * T::of(0.5) / (f - at.step.value - slope * t);
            t = if parabola.is_finite() && i < HALVES {
                parabola.clamp(t * T::of(0.1), t * T::of(0.5))
            } else {
                t * T::of(0.1)
            };
        }
        // the values are all rounding here: the gradient decides
        if self.place(at.x, T::one(), direction) {
            let (f, gradient_norm) = at.evaluate(&self.trial, &mut self.gradient)?;
            if calms(&at.step, f, gradient_norm) {
                at.x.copy_from(&self.trial);
                return Ok(Some(T::one()));
            }
        }
        Ok(None)
    }

    /// Puts `x + t d` in the trial point; false where that is not finite.
    pub(crate) fn place(&mut self, x: &DVector<T>, t: T, direction: &DVector<T>) -> bool {
        assign(&mut self.trial, x);
        kernel::axpy(t, direction.as_slice(), self.trial.as_mut_slice());
        kernel::norm_inf(self.trial.as_slice()).is_finite()
    }

    /// `f(x + t d)`; not a number where the point is not finite.
    pub(crate) fn value_at<O: Objective<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, t: T, direction: &DVector<T>,
    ) -> T {
        if self.place(at.x, t, direction) { at.value(&self.trial) } else { T::NAN }
    }
}

/// Armijo's test of `f` at length `t`; what it asks for may be less than rounding, and then no fall is none.
fn falls<T: Real>(step: &Step<T>, slope: T, t: T, f: T) -> bool {
    f.is_finite() && f < step.value && f <= step.value + T::of(1e-4) * t * slope
}

/// Whether [`Backtrack::search`] would take the full step to a point with this value and gradient.
pub(crate) fn takes_full<T: Real>(step: &Step<T>, slope: T, there: &Step<T>) -> bool {
    if drowns(-slope, step.value) {
        calms(step, there.value, there.gradient_norm)
    } else {
        there.gradient_norm.is_finite() && falls(step, slope, T::one(), there.value)
    }
}

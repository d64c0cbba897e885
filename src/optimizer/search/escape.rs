//! The way off a saddle.

use nalgebra::DVector;

use super::{Evaluated, Position, assign};
use crate::critical_point::margin;
use crate::kernel::{self, Spectrum};
use crate::optimizer::Outcome;
use crate::{Error, Hessian, Objective, Real};

/// Whether a point with a negative eigenvalue is stationary for practical purposes: `‖∇f‖∞ ≤ √ε`, or the
/// stationary point of the quadratic model, `x + s`, lies within `ε^¼ max(1, ‖x‖∞)`.
pub(crate) fn is_near_saddle<T: Real, O: ?Sized>(
    at: &Position<T, O>, spectrum: &Spectrum<T>, s: &DVector<T>,
) -> bool {
    let steepest = kernel::norm_inf(spectrum.values.as_slice());
    let root = T::EPSILON.sqrt();
    let scale = kernel::norm_inf(at.x.as_slice()).max(T::one());
    at.step.gradient_norm <= root * steepest * scale || kernel::norm_inf(s.as_slice()) <= root.sqrt() * scale
}

/// Leaves `x` along `± v`, the eigenvector of the smallest eigenvalue `λ < 0`, to the side with the lower
/// `f`: the longest `t = τ, τ/4, τ/16, …`, `τ = max(1, ‖x‖∞)`, with `f(x ± t v) ≤ f(x) − ⅛ |λ| t²`, a
/// quarter of what the model promises. False, and `x` untouched, if there is none or `λ` is rounding.
///
/// It is the escape from a saddle only if `λ` stays negative within the step `s` to the stationary point of the
/// model, by the margin of [`CriticalPoint::of`](crate::CriticalPoint::of). On the way to a minimum with a flat
/// direction an eigenvalue wavers around zero: nothing is escaped by such a step, and `s` is taken where it leads lower.
pub(crate) fn escape<T: Real, O: Hessian<T> + ?Sized>(
    at: &mut Position<T, O>, here: &Evaluated<T>, spectrum: &Spectrum<T>, s: &DVector<T>,
    trial: &mut DVector<T>,
) -> Result<bool, Error> {
    let least = spectrum.values[0];
    if least >= -spectrum.zero() {
        return Ok(false);
    }
    let reached = &*at.x + s;
    let moved = escape_along(at, spectrum.vectors.column(0).as_slice(), least, trial);
    if moved && least >= -margin(at.objective, &reached, &here.hessian, None)? {
        at.step.outcome = Outcome::Unsettled;
        let moved = at.x.clone();
        if at.value(&reached) < at.value(&moved) {
            at.x.copy_from(&reached);
        }
    }
    Ok(moved)
}

/// [`escape`] along any unit vector `v` with `vᵀHv = λ < 0`.
pub(crate) fn escape_along<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<T, O>, v: &[T], lambda: T, trial: &mut DVector<T>,
) -> bool {
    let mut t = kernel::norm_inf(at.x.as_slice()).max(T::one());
    for _ in 0..30 {
        let promised = -lambda * t * t * T::of(0.5);
        let mut best = at.step.value - promised * T::of(0.25);
        let mut side = None;
        for sign in [t, -t] {
            assign(trial, at.x);
            kernel::axpy(sign, v, trial.as_mut_slice());
            if !kernel::norm_inf(trial.as_slice()).is_finite() {
                continue;
            }
            let f = at.value(trial);
            if f.is_finite() && f < at.step.value && f <= best {
                best = f;
                side = Some(sign);
            }
        }
        if let Some(sign) = side {
            kernel::axpy(sign, v, at.x.as_mut_slice());
            at.step.modified = true;
            at.step.outcome = Outcome::Escaped;
            return true;
        }
        t *= T::of(0.25);
    }
    false
}

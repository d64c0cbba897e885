//! The way off a saddle.

use nalgebra::{DMatrix, DVector};

use super::evaluated::assign;
use crate::critical_point::margin;
use crate::kernel::{Spectrum, zero};
use crate::optimizer::{Outcome, Step};
use crate::{Error, Hessian, Objective, Real, kernel};

/// Whether a point with a negative eigenvalue is stationary for practical purposes: `‖∇f‖∞ ≤ √ε`, or the
/// stationary point of the quadratic model lies within `ε^¼ max(1, ‖x‖∞)`.
pub(in crate::optimizer) fn is_near_saddle<T: Real>(
    x: &DVector<T>,
    gradient_norm: T,
    newton: &DVector<T>,
) -> bool {
    let root = T::EPSILON.sqrt();
    let scale = kernel::norm_inf(x.as_slice()).max(T::one());
    gradient_norm <= root || kernel::norm_inf(newton.as_slice()) <= root.sqrt() * scale
}

/// Leaves `x` along `± v`, the eigenvector of the smallest eigenvalue `λ < 0`, to the side with the lower
/// `f`: the longest `t = τ, τ/4, τ/16, …`, `τ = max(1, ‖x‖∞)`, with `f(x ± t v) ≤ f(x) − ⅛ |λ| t²`, a
/// quarter of what the model promises. False, and `x` untouched, if there is none or `λ` is rounding.
///
/// It is the escape from a saddle only if `λ` stays negative within the step `s` to the stationary point of the
/// model, by the margin of [`CriticalPoint::of`](crate::CriticalPoint::of). On the way to a minimum with a flat
/// direction an eigenvalue wavers around zero: the same step, but nothing was escaped.
pub(in crate::optimizer) fn escape<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O,
    x: &mut DVector<T>,
    model: (&DMatrix<T>, &Spectrum<T>, &DVector<T>),
    step: &mut Step<T>,
    trial: &mut DVector<T>,
) -> Result<bool, Error> {
    let (hessian, spectrum, s) = model;
    let least = spectrum.values[0];
    if least >= -zero(&spectrum.values) {
        return Ok(false);
    }
    let reached = &*x + s;
    let moved = escape_along(objective, x, spectrum.vectors.column(0).as_slice(), least, step, trial);
    if moved && least >= -margin(objective, &reached, hessian)? {
        step.outcome = Outcome::Moved;
    }
    Ok(moved)
}

/// [`escape`] along any unit vector `v` with `vᵀHv = λ < 0`.
pub(in crate::optimizer) fn escape_along<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O,
    x: &mut DVector<T>,
    v: &[T],
    lambda: T,
    step: &mut Step<T>,
    trial: &mut DVector<T>,
) -> bool {
    let mut t = kernel::norm_inf(x.as_slice()).max(T::one());
    for _ in 0..30 {
        let promised = -lambda * t * t * T::of(0.5);
        let mut best = step.value - promised * T::of(0.25);
        let mut side = None;
        for sign in [t, -t] {
            assign(trial, x);
            kernel::axpy(sign, v, trial.as_mut_slice());
            if !kernel::norm_inf(trial.as_slice()).is_finite() {
                continue;
            }
            step.evaluations += 1;
            let f = objective.value(trial);
            if f.is_finite() && f < step.value && f <= best {
                best = f;
                side = Some(sign);
            }
        }
        if let Some(sign) = side {
            kernel::axpy(sign, v, x.as_mut_slice());
            step.modified = true;
            step.outcome = Outcome::Escaped;
            return true;
        }
        t *= T::of(0.25);
    }
    false
}

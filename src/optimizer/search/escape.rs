//! The way off a saddle.

use nalgebra::DVector;

use super::{Evaluated, Position, assign, rounding};
use crate::critical_point::margin;
use crate::kernel::{self, Spectrum};
use crate::optimizer::Outcome;
use crate::{Error, Hessian, Objective, Real};

/// Lengths of an escape, at the most.
const LENGTHS: usize = 64;

/// Whether a point with a negative eigenvalue is stationary for practical purposes: with `τ` the size of the largest variable,
/// `‖∇f‖∞ ≤ √ε ‖Λ‖∞ τ`, or the stationary point of the quadratic model, `x + s`, lies within `ε^¼ τ`.
pub(crate) fn is_near_saddle<T: Real, O: ?Sized>(
    at: &Position<T, O>, here: &Evaluated<T>, spectrum: &Spectrum<T>, s: &DVector<T>,
) -> bool {
    let steepest = kernel::norm_inf(spectrum.values.as_slice());
    let root = T::EPSILON.sqrt();
    let scale = here.scale();
    at.step.gradient_norm <= root * steepest * scale || kernel::norm_inf(s.as_slice()) <= root.sqrt() * scale
}

/// Leaves `x` along `± v`, the eigenvector of the smallest eigenvalue `λ < 0`, to the side with the lower
/// `f`: the longest `t = τ, τ/4, τ/16, …`, `τ` the size of the largest variable, with `f(x ± t v) ≤ f(x) − ⅛ |λ| t²`, a
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
    let moved = escape_along(at, here.scale(), spectrum.vectors.column(0).as_slice(), least, trial);
    if moved && least >= -margin(at.objective, &reached, &here.hessian, None)? {
        at.step.outcome = Outcome::Unsettled;
        let moved = at.x.clone();
        if at.value(&reached) < at.value(&moved) {
            at.x.copy_from(&reached);
        }
    }
    Ok(moved)
}

/// [`escape`] along any unit vector `v` with `vᵀHv = λ < 0`. Where no coordinate is as long as `τ`, that is only where to
/// begin: if it leads down, four times as long a step is tried as well. `τ` is long enough for its promise to be clear of
/// the rounding of `f`.
pub(crate) fn escape_along<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<T, O>, scale: T, v: &[T], lambda: T, trial: &mut DVector<T>,
) -> bool {
    let size = kernel::norm_inf(at.x.as_slice());
    let clear = (T::of(32.0) * rounding(at.step.value) / -lambda).sqrt();
    let mut t = scale.max(clear);
    let mut found = None;
    for k in 0..LENGTHS {
        let step = lower(at, v, lambda, t, trial);
        let grows = size < scale && (k == 0 || found.is_some());
        match step {
            Some(_) => found = step,
            None if found.is_some() => break,
            None => {}
        }
        if found.is_some() && !grows {
            break;
        }
        t *= T::of(if found.is_some() { 4.0 } else { 0.25 });
    }
    let Some(step) = found else { return false };
    kernel::axpy(step, v, at.x.as_mut_slice());
    at.step.modified = true;
    at.step.outcome = Outcome::Escaped;
    true
}

/// `t` or `−t`, to the side with the lower `f`, where that is low enough.
fn lower<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<T, O>, v: &[T], lambda: T, t: T, trial: &mut DVector<T>,
) -> Option<T> {
    let promised = -lambda * t * t * T::of(0.5);
    let mut best = at.step.value - promised * T::of(0.25);
    let mut side = None;
    for step in [t, -t] {
        assign(trial, at.x);
        kernel::axpy(step, v, trial.as_mut_slice());
        if !kernel::norm_inf(trial.as_slice()).is_finite() {
            continue;
        }
        let f = at.value(trial);
        if f.is_finite() && f < at.step.value && f <= best {
            best = f;
            side = Some(step);
        }
    }
    side
}

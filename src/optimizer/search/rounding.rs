//! Where values are nothing but rounding, gradients decide: near a minimum a value is exact to `ε |f|`, so that it
//! tells `x` to `√ε` only, while the gradient tells it to `ε`.

use crate::Real;
use crate::optimizer::Step;

/// `8 ε |f|`: what rounding does to a value `f`.
pub(crate) fn rounding<T: Real>(f: T) -> T {
    T::of(8.0) * T::EPSILON * f.abs()
}

/// Whether a promised reduction of `f` is of the order of its rounding.
pub(crate) fn drowns<T: Real>(promised: T, f: T) -> bool {
    promised <= T::of(2.0) * rounding(f)
}

/// Whether a value is not higher than `f` by more than `√ε |f|`: large terms may cancel in `f`, and their rounding is
/// more than that of `f`.
pub(crate) fn is_level<T: Real>(value: T, f: T) -> bool {
    value - f <= T::EPSILON.sqrt() * f.abs()
}

/// Whether a point is level with the one of `step`, and its gradient smaller.
pub(crate) fn calms<T: Real>(step: &Step<T>, value: T, gradient_norm: T) -> bool {
    value.is_finite() && is_level(value, step.value) && gradient_norm < step.gradient_norm
}

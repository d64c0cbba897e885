//! Householder's reflections: `H = 1 − τ v vᵀ` with `v = (1, y)`.

use crate::kernel::real::Real;
use crate::kernel::sums::{axpy, norm, scale};

/// The reflection that takes `(ρ, c)` to `(d, 0)`: with `σ = ‖(ρ, c)‖`, `d = ∓σ`, `y = c / (ρ − d)`,
/// `τ = (d − ρ) / d`, the sign such that nothing cancels. Returns `(d, τ)` and leaves `y` in the place of `c`. What is too
/// small for its reciprocal to be a number is rounding of rounding, and becomes zero.
pub(super) fn reflection<T: Real>(rho: T, c: &mut [T]) -> (T, T) {
    let below = norm(c);
    if below < T::LEAST_NORMAL {
        c.fill(T::zero());
        return (rho, T::zero());
    }
    let d = -rho.hypot(below).signed_as(rho);
    scale(T::one() / (rho - d), c);
    (d, (d - rho) / d)
}

/// `(top, below) ← H (top, below)`, where `yᵀ below` is known: `w = τ (top + yᵀ below)`, `top ← top − w`,
/// `below ← below − w y`.
pub(super) fn reflect<T: Real>(product: T, tau: T, y: &[T], top: &mut T, below: &mut [T]) {
    let w = tau * (*top + product);
    *top -= w;
    axpy(-w, y, below);
}

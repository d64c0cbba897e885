//! Householder's reflections: `H = 1 − τ v vᵀ` with `v = (1, y)`.

use crate::kernel::real::Real;
use crate::kernel::sums::{axpy, dot, norm, scale};

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

/// `(top, below) ← H (top, below)`: `w = τ (top + yᵀ below)`, `top ← top − w`, `below ← below − w y`.
pub(super) fn reflect<T: Real>(tau: T, y: &[T], top: &mut T, below: &mut [T]) {
    let product = dot(y, below);
    reflect_with(product, tau, y, top, below);
}

/// The same, with `yᵀ below` known.
pub(super) fn reflect_with<T: Real>(product: T, tau: T, y: &[T], top: &mut T, below: &mut [T]) {
    let w = tau * (*top + product);
    *top -= w;
    axpy(-w, y, below);
}

/// Orthonormal columns of the same span as the independent columns `a` (`rows` each, one after the other), in their
/// place: with `A = H₁ … Hₖ R`, the first columns of `H₁ … Hₖ`.
pub(super) fn orthonormalise<T: Real>(a: &mut [T], rows: usize) {
    let columns = a.len() / rows.max(1);
    let mut taus = vec![T::zero(); columns];
    for k in 0..columns {
        let (left, right) = a.split_at_mut((k + 1) * rows);
        let (top, y) = left[k * rows + k..].split_first_mut().expect("no more columns than rows");
        (*top, taus[k]) = reflection(*top, y);
        for column in right.chunks_exact_mut(rows) {
            let (top, below) = column[k..].split_first_mut().expect("as above");
            reflect(taus[k], y, top, below);
        }
    }
    for k in (0..columns).rev() {
        let (left, right) = a.split_at_mut((k + 1) * rows);
        let (before, column) = left[k * rows..].split_at_mut(k);
        let (top, y) = column.split_first_mut().expect("as above");
        for column in right.chunks_exact_mut(rows) {
            let (top, below) = column[k..].split_first_mut().expect("as above");
            reflect(taus[k], y, top, below);
        }
        // H e = e − τ v
        before.fill(T::zero());
        *top = T::one() - taus[k];
        scale(-taus[k], y);
    }
}

//! The Newton step where the Hessian is singular: softmax scores, features that depend on each other.

use nalgebra::{DMatrix, DVector, DVectorView};

use super::cholesky::{cholesky_solve, pivot_rounding};
use crate::kernel::real::Real;
use crate::kernel::sums::{axpy, dot, norm_inf};

/// The shortest `s` with `H s = −g`, for `H` positive semidefinite up to rounding: `s = −H⁺ g`.
///
/// ```text
/// H = L Lᵀ,      a column of zeros in L for each pivot that is rounding
/// Lᵀ N = 0,      Nᵀ N = 1: N spans the null space
/// L Lᵀ s = −g,   s = 0 at the missing pivots;   then s ← s − N Nᵀ s
/// ```
///
/// `None` where `H` is not semidefinite, or where `f` falls along the null space: where for one of the vectors `v` that span
/// it, `vᵀg` is neither small beside `max |v_i| √H_ii · max |g_i| / √H_ii` (`√ε`) nor rounding of the terms that `g` is a sum of,
/// whose sizes are taken to be `n |H| |x|`. No unit of a variable decides that.
///
/// `H` and `g` are measured in `1 / unit`. `l`, of the size of `H`, is for the factor; nothing is allocated where `H` is not semidefinite.
pub(crate) fn least_norm_step<T: Real>(
    h: &DMatrix<T>, g: &DVector<T>, x: &DVector<T>, unit: T, l: &mut DMatrix<T>,
) -> Option<DVector<T>> {
    let n = g.len();
    if !factor(h, unit, l) {
        return None;
    }
    let missing: Vec<usize> = (0..n).filter(|&j| is_missing(l, j)).collect();
    let mut null = DMatrix::zeros(n, missing.len());
    for (mut v, &j) in null.column_iter_mut().zip(&missing) {
        v[j] = T::one();
        for k in (0..j).rev().filter(|&k| !is_missing(l, k)) {
            let below = dot(&l.column(k).as_slice()[k + 1..], &v.as_slice()[k + 1..]);
            v[k] = -below / l[(k, k)];
        }
    }
    let g = g * unit;
    let terms = h.map(|h| h.abs() * unit) * x.abs() * T::of(n as f64);
    let roots = h.diagonal().map(|h| (h * unit).max(T::zero()).sqrt());
    let largest = |of: &dyn Fn(usize) -> T| (0..n).map(of).fold(T::zero(), |most, x| most.max(x));
    let steepest = largest(&|i| if roots[i] > T::zero() { g[i].abs() / roots[i] } else { T::zero() });
    let falls = |v: DVectorView<'_, T>| {
        let rounding = T::EPSILON.sqrt() * largest(&|i| v[i].abs() * roots[i]) * steepest;
        v.dot(&g).abs() > rounding + T::EPSILON * v.abs().dot(&terms)
    };
    if null.column_iter().any(falls) {
        return None;
    }
    let null = null.qr().q();
    let mut s = -g;
    cholesky_solve(l.as_slice(), n, s.as_mut_slice());
    let along = null.tr_mul(&s);
    s.gemv(-T::one(), &null, &along, T::one());
    norm_inf(s.as_slice()).is_finite().then_some(s)
}

/// Infinity stands for the root of a missing pivot: dividing by it gives `s = 0` there.
fn is_missing<T: Real>(l: &DMatrix<T>, j: usize) -> bool {
    !l[(j, j)].is_finite()
}

/// `L` in the lower triangle, column by column. False where a pivot is negative beyond rounding, or rounding while
/// the entries below it are not, as they are in a semidefinite matrix: `a_ij² ≤ a_ii a_jj`.
fn factor<T: Real>(h: &DMatrix<T>, unit: T, l: &mut DMatrix<T>) -> bool {
    let n = h.nrows();
    l.copy_from(h);
    *l *= unit;
    let small = |i: usize, j: usize| pivot_rounding(n, ((h[(i, i)] * unit) * (h[(j, j)] * unit)).sqrt());
    for j in 0..n {
        let (before, rest) = l.as_mut_slice().split_at_mut(j * n);
        let column = &mut rest[j..n];
        for (k, before) in before.chunks_exact(n).enumerate() {
            if before[k].is_finite() {
                axpy(-before[j], &before[j..], column);
            }
        }
        let pivot = column[0];
        if pivot.abs() <= small(j, j) {
            if !column.iter().enumerate().all(|(i, a)| a.abs() <= T::of(8.0) * small(j + i, j)) {
                return false;
            }
            column.fill(T::zero());
            column[0] = T::of(f64::INFINITY);
        } else if pivot > T::zero() && pivot.is_finite() {
            let root = pivot.sqrt();
            column.iter_mut().for_each(|a| *a /= root);
        } else {
            return false;
        }
    }
    true
}

//! Symmetric tridiagonal matrices by QL steps.

use crate::kernel::math::Fused;
use crate::kernel::real::Real;
use crate::kernel::simd::{inlined, vectorize};

/// `0 … n − 1` in the order of rising keys.
pub(super) fn ascending<T: Real>(n: usize, key: impl Fn(usize) -> T) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| key(i).f64().total_cmp(&key(j).f64()));
    order
}

/// How many iterations the decomposition of an `n × n` matrix may take.
pub(crate) fn bound(n: usize) -> usize {
    100 + 60 * n
}

/// The nearest number.
pub(super) fn finite<T: Real>(x: T) -> T {
    x.clamp(-T::MAX, T::MAX)
}

/// Eigenvalues of the symmetric tridiagonal matrix with diagonal `d` and subdiagonal `e` (and a spare entry
/// at its end), of entries up to 1, unsorted in `d`, by QL steps with implicit shifts (Bowdler, Martin, Reinsch
/// and Wilkinson, Numer. Math. 11, 1968; Dubrulle 1970). The eigenvectors are multiplied to the `n` columns of
/// `z` from the right, `Z ← Z V`; an empty `z` has no rows. False after [`bound`] steps.
pub(super) fn implicit_ql<T: Real>(d: &mut [T], e: &mut [T], z: &mut [T]) -> bool {
    vectorize(inlined!(|fused| steps(fused, d, e, z)))
}

#[inline(always)]
fn steps<T: Real>(fused: Fused, d: &mut [T], e: &mut [T], z: &mut [T]) -> bool {
    let (n, two) = (d.len(), T::of(2.0));
    let rows = z.len() / n.max(1);
    let length = |a: T, b: T| {
        let square = a * a + b * b;
        if square > T::LEAST_NORMAL / T::EPSILON && square <= T::MAX {
            return square.sqrt();
        }
        let (p, q) = (a.abs().max(b.abs()), a.abs().min(b.abs()));
        if p == T::zero() { p } else { p * (T::one() + (q / p) * (q / p)).sqrt() }
    };
    let mut left = bound(n);
    for first in 0..n {
        loop {
            // the block that begins at `first` ends where the subdiagonal vanishes
            let negligible = |i: usize| {
                e[i].abs() <= T::EPSILON * (d[i].abs() + d[i + 1].abs()).max(T::LEAST_NORMAL / T::EPSILON)
            };
            let last = (first..n - 1).find(|&i| negligible(i)).unwrap_or(n - 1);
            if last == first {
                break;
            }
            if left == 0 {
                return false;
            }
            left -= 1;
            // Wilkinson's shift
            let g = (d[first + 1] - d[first]) / (two * e[first]);
            let root = length(g, T::one());
            let mut g = d[last] - d[first] + e[first] / if g >= T::zero() { g + root } else { g - root };
            let (mut cos, mut sin, mut shift) = (T::one(), T::one(), T::zero());
            let mut split = false;
            for i in (first..last).rev() {
                let (f, b) = (sin * e[i], cos * e[i]);
                let r = length(f, g);
                e[i + 1] = r;
                if r == T::zero() {
                    d[i + 1] -= shift;
                    split = true;
                    break;
                }
                (sin, cos) = (f / r, g / r);
                g = d[i + 1] - shift;
                let r = (d[i] - g) * sin + two * cos * b;
                shift = sin * r;
                d[i + 1] = g + shift;
                g = cos * r - b;
                if rows > 0 {
                    rotate(fused, cos, sin, &mut z[i * rows..(i + 2) * rows]);
                }
            }
            if !split {
                d[first] -= shift;
                e[first] = g;
            }
            e[last] = T::zero();
        }
    }
    true
}

/// `(l, r) ← (c l − s r, s l + c r)` for two neighbouring columns.
#[inline(always)]
fn rotate<T: Real>(fused: Fused, cos: T, sin: T, columns: &mut [T]) {
    let (left, right) = columns.split_at_mut(columns.len() / 2);
    for (l, r) in left.iter_mut().zip(right) {
        let (low, high) = (fused.mul_add(-sin, *r, cos * *l), fused.mul_add(sin, *l, cos * *r));
        (*l, *r) = (low, high);
    }
}

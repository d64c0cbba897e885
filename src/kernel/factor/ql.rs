//! Symmetric tridiagonal matrices by QL steps.
#![expect(unsafe_code, reason = "hands columns of one buffer to vector registers as pointers")]

use crate::kernel::real::Real;
use crate::kernel::scratch::with_scratch;
use crate::kernel::simd::{Task, Vector, dispatch};
use crate::kernel::sums::{all_finite, norm_inf};

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

/// `T = V diag(λ) Vᵀ` in place, for the symmetric tridiagonal `T` with diagonal `d` and subdiagonal `e` (and a
/// spare entry at its end): `d ← λ`, unsorted, and `v ← V`, by columns. False where `T` is not finite, or the
/// bounded iteration did not converge.
pub(crate) fn tridiagonal<T: Real>(d: &mut [T], e: &mut [T], v: &mut [T]) -> bool {
    if !(all_finite(d) && all_finite(e)) {
        return false;
    }
    v.fill(T::zero());
    v.iter_mut().step_by(d.len() + 1).for_each(|v| *v = T::one());
    let scale = norm_inf(d).max(norm_inf(e));
    if scale > T::zero() {
        d.iter_mut().chain(e.iter_mut()).for_each(|t| *t /= scale);
    }
    let converged = implicit_ql(d, e, v);
    d.iter_mut().for_each(|d| *d = finite(*d * scale));
    converged
}

/// Eigenvalues of the symmetric tridiagonal matrix with diagonal `d` and subdiagonal `e` (and a spare entry
/// at its end), of entries up to 1, unsorted in `d`, by QL steps with implicit shifts (Bowdler, Martin, Reinsch
/// and Wilkinson, Numer. Math. 11, 1968; Dubrulle 1970). The eigenvectors are multiplied to the `n` columns of
/// `z` from the right, `Z ← Z V`; an empty `z` has no rows. False after [`bound`] steps.
pub(super) fn implicit_ql<T: Real>(d: &mut [T], e: &mut [T], z: &mut [T]) -> bool {
    let space = if z.is_empty() { 0 } else { (2 * SWEEPS + ROWS) * d.len() };
    with_scratch(space, |scratch| {
        let mut rotations = Rotations::new(z, d.len(), scratch);
        let converged = steps(d, e, &mut rotations);
        rotations.apply();
        converged
    })
}

fn steps<T: Real>(d: &mut [T], e: &mut [T], rotations: &mut Rotations<'_, T>) -> bool {
    let n = d.len();
    let two = T::of(2.0);
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
                rotations.push(cos, sin);
            }
            rotations.end_sweep(last);
            if !split {
                d[first] -= shift;
                e[first] = g;
            }
            e[last] = T::zero();
        }
    }
    true
}

/// Sweeps of rotations that are kept before they act.
const SWEEPS: usize = 64;
/// Rows on which they act together.
const ROWS: usize = 32;

/// Rotations of neighbouring columns of `z`, kept until there are enough to act on a few rows at a time, which stay in
/// the cache.
struct Rotations<'a, T> {
    z: &'a mut [T],
    columns: usize,
    /// Cosines and sines.
    pairs: &'a mut [T],
    used: usize,
    /// The right column of the first rotation of each sweep, and where its pairs end; each next one acts one column to
    /// the left.
    sweeps: [(usize, usize); SWEEPS],
    count: usize,
    block: &'a mut [T],
}

impl<'a, T: Real> Rotations<'a, T> {
    fn new(z: &'a mut [T], columns: usize, scratch: &'a mut [T]) -> Self {
        let (block, pairs) = scratch.split_at_mut(if z.is_empty() { 0 } else { ROWS * columns });
        Self { z, columns, pairs, used: 0, sweeps: [(0, 0); SWEEPS], count: 0, block }
    }

    fn push(&mut self, cos: T, sin: T) {
        if let Some([c, s]) = self.pairs.get_mut(self.used..self.used + 2) {
            (*c, *s) = (cos, sin);
            self.used += 2;
        }
    }

    fn end_sweep(&mut self, right: usize) {
        self.sweeps[self.count] = (right, self.used);
        self.count += 1;
        if self.count == SWEEPS {
            self.apply();
        }
    }

    fn apply(&mut self) {
        let rows = self.z.len() / self.columns;
        for start in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - start);
            for (to, z) in self.block.chunks_exact_mut(ROWS).zip(self.z.chunks_exact(rows)) {
                to[..count].copy_from_slice(&z[start..start + count]);
            }
            let mut from = 0;
            for (right, end) in &self.sweeps[..self.count] {
                let (pairs, _) = self.pairs[from..*end].as_chunks();
                assert!(pairs.len() <= *right && (right + 1) * ROWS <= self.block.len());
                let right = self.block[right * ROWS..].as_mut_ptr();
                // SAFETY: asserted.
                unsafe { dispatch(Rotate { right, pairs }) };
                from = *end;
            }
            for (z, from) in self.z.chunks_exact_mut(rows).zip(self.block.chunks_exact(ROWS)) {
                z[start..start + count].copy_from_slice(&from[..count]);
            }
        }
        (self.used, self.count) = (0, 0);
    }
}

/// `(l, r) ← (c l − s r, s l + c r)` for the columns `right − 1` and `right` of [`ROWS`], then one to the left, and so on.
struct Rotate<'a, T> {
    right: *mut T,
    pairs: &'a [[T; 2]],
}

/// Registers of a column at a time; of 16 lanes at most, they divide [`ROWS`].
const REGISTERS: usize = 2;

impl<T: Real> Task<T> for Rotate<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) {
        const { assert!(ROWS.is_multiple_of(REGISTERS * V::LANES)) };
        for part in (0..ROWS).step_by(REGISTERS * V::LANES) {
            // SAFETY: as many columns as there are pairs stand before `right`.
            unsafe {
                let mut column = self.right.add(part);
                let mut carried = [V::splat(T::zero()); REGISTERS];
                for (i, r) in carried.iter_mut().enumerate() {
                    *r = V::load(column.add(i * V::LANES));
                }
                for [c, s] in self.pairs {
                    let (cos, sin, minus) = (V::splat(*c), V::splat(*s), V::splat(-*s));
                    for (i, r) in carried.iter_mut().enumerate() {
                        let left = V::load(column.sub(ROWS).add(i * V::LANES));
                        sin.fma(left, cos.mul(*r)).store(column.add(i * V::LANES));
                        *r = minus.fma(*r, cos.mul(left));
                    }
                    column = column.sub(ROWS);
                }
                for (i, r) in carried.iter().enumerate() {
                    r.store(column.add(i * V::LANES));
                }
            }
        }
    }
}

//! Eigenvalues of symmetric matrices, in bounded time.
#![expect(unsafe_code, reason = "hands columns of one buffer to vector registers as pointers")]

use nalgebra::{DMatrix, DVector};

use super::conquer::{LEAF, conquer};
use super::tridiagonal::Tridiagonal;
use crate::kernel::real::{Real, compiled};
use crate::kernel::scratch::with_scratch;
use crate::kernel::simd::{Task, Vector, dispatch};
use crate::kernel::sums::{all_finite, norm_inf};

/// `H = V diag(λ) Vᵀ` with the eigenvalues ascending and the unit eigenvectors in the columns of `V`.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum<T: Real> {
    pub(crate) values: DVector<T>,
    pub(crate) vectors: DMatrix<T>,
}

impl<T: Real> Spectrum<T> {
    compiled! {
        /// `−V max(|Λ|, δ)⁻¹ Vᵀ g` with `δ = √ε max |λ|`: a direction of descent whatever the signs (Greenstadt
        /// 1967). `−g` where all eigenvalues are zero.
        pub(crate) fn descend(this: &'a Spectrum<T>, g: &'a DVector<T>) -> DVector<T> {
            let floor = T::EPSILON.sqrt() * this.values.amax();
            if floor == T::zero() {
                return -g;
            }
            let mut coordinates = this.vectors.tr_mul(g);
            coordinates.zip_apply(&this.values, |c, l| *c /= -l.abs().max(floor));
            &this.vectors * coordinates
        }

        /// Which columns of `V` belong to eigenvalues with `|λ| > tolerance`, applied to `b`:
        /// `Σ_{|λ| > tolerance} v (vᵀb) / λ`, the solution of least norm.
        pub(crate) fn solve(this: &'a Spectrum<T>, b: &'a DVector<T>, tolerance: T) -> DVector<T> {
            let mut coordinates = this.vectors.tr_mul(b);
            for (c, &l) in coordinates.iter_mut().zip(&this.values) {
                *c = if l.abs() > tolerance { *c / l } else { T::zero() };
            }
            &this.vectors * coordinates
        }
    }
}

impl<T: Real> Spectrum<T> {
    /// The eigenvectors with `λ > tolerance`.
    pub(crate) fn range(&self, tolerance: T) -> Vec<DVector<T>> {
        let pairs = self.values.iter().zip(self.vectors.column_iter());
        pairs.filter(|(value, _)| **value > tolerance).map(|(_, v)| v.into_owned()).collect()
    }
}

compiled! {
    /// Eigenvalues and vectors of a square matrix, whose lower triangle is read. `None` where it is not finite, or the
    /// bounded iteration did not converge.
    pub(crate) fn spectrum<T>(h: &'a DMatrix<T>) -> Option<Spectrum<T>> {
        let n = h.nrows();
        if n == 0 || !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        if n == 2 {
            let (values, [c, s]) = two(h);
            return Some(Spectrum {
                values: DVector::from_column_slice(&values),
                vectors: DMatrix::from_column_slice(2, 2, &[c, s, -s, c]),
            });
        }
        let (rows, graded, scale) = graded(h);
        let reduced = Tridiagonal::new(graded, n);
        let (mut d, mut e) = mirrored(&reduced);
        let values = if n > LEAF { with_digits(&d, &e) } else { None };
        let mut z = conquer(&mut d, &mut e)?;
        z.chunks_exact_mut(n).for_each(<[T]>::reverse);
        reduced.rotate(&mut z);
        let values = values.unwrap_or(d).into_iter().map(|value| finite(value * scale));
        let values = DVector::from_iterator(n, values);
        let mut vectors = DMatrix::zeros(n, n);
        for (mut vector, z) in vectors.column_iter_mut().zip(z.chunks_exact(n)) {
            for (&row, z) in rows.iter().zip(z) {
                vector[row] = *z;
            }
        }
        Some(Spectrum { values, vectors })
    }

    /// The eigenvalues alone, a third of the work.
    pub(crate) fn eigenvalues<T>(h: &'a DMatrix<T>) -> Option<DVector<T>> {
        let n = h.nrows();
        if !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        match n {
            1 => return Some(DVector::from_element(1, h[(0, 0)])),
            2 => return Some(DVector::from_column_slice(&two(h).0)),
            _ => {}
        }
        let (_, graded, scale) = graded(h);
        let (mut d, mut e) = mirrored(&Tridiagonal::new(graded, n));
        let values = with_digits(&d, &e).or_else(|| conquer(&mut d, &mut e).map(|_| d))?;
        Some(DVector::from_iterator(n, values.into_iter().map(|value| finite(value * scale))))
    }
}

/// Diagonal and subdiagonal from their ends on: QL wants the small end first.
fn mirrored<T: Real>(reduced: &Tridiagonal<T>) -> (Vec<T>, Vec<T>) {
    let n = reduced.diagonal.len();
    let d = reduced.diagonal.iter().rev().copied().collect();
    (d, reduced.subdiagonal[..n - 1].iter().rev().copied().chain([T::zero()]).collect())
}

/// The eigenvalues of a tridiagonal matrix, ascending, the small ones with digits of their own where it is graded. `None`
/// where the iteration did not end.
fn with_digits<T: Real>(d: &[T], e: &[T]) -> Option<Vec<T>> {
    let (mut d, mut e) = (d.to_vec(), e.to_vec());
    let converged = implicit_ql(&mut d, &mut e, &mut []);
    d.sort_by(|a, b| a.f64().total_cmp(&b.f64()));
    converged.then_some(d)
}

/// The lower triangle of `H` with its diagonal in the order of falling size, its largest entry about 1; the old places
/// of the rows, and the unit of the entries.
///
/// In that order the reduction to tridiagonal form keeps the small eigenvalues of a matrix whose rows differ by
/// orders of magnitude, as they do where variables have different units; in the opposite order it drowns them in
/// `ε ‖H‖` (Martin, Reinsch and Wilkinson, Numer. Math. 11, 1968, of their mirrored order).
fn graded<T: Real>(h: &DMatrix<T>) -> (Vec<usize>, Vec<T>, T) {
    let (n, largest) = (h.nrows(), norm_inf(h.as_slice()));
    let (unit, back) = largest.unit();
    let rows = ascending(n, |i| -h[(i, i)].abs());
    let mut graded = vec![T::zero(); n * n];
    for (j, column) in graded.chunks_exact_mut(n).enumerate() {
        for (i, entry) in column.iter_mut().enumerate().skip(j) {
            *entry = h[(rows[i].max(rows[j]), rows[i].min(rows[j]))] * unit;
        }
    }
    (rows, graded, back)
}

/// `0 … n − 1` in the order of rising keys.
pub(super) fn ascending<T: Real>(n: usize, key: impl Fn(usize) -> T) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| key(i).f64().total_cmp(&key(j).f64()));
    order
}

/// The rule for zero, `n ε max |λ|`.
pub(crate) fn zero<T: Real>(values: &DVector<T>) -> T {
    let n = values.len();
    let largest = values[0].abs().max(values[n - 1].abs());
    T::of(n as f64) * T::EPSILON * largest
}

/// How many iterations the decomposition of an `n × n` matrix may take.
pub(crate) fn bound(n: usize) -> usize {
    100 + 60 * n
}

pub(super) fn finite<T: Real>(x: T) -> T {
    x.clamp(-T::MAX, T::MAX)
}

/// `[[a, b], [b, c]]`: with `m = (a + c)/2`, `d = (a − c)/2` and `r = √(d² + b²)` the eigenvalue of larger
/// modulus is `m + sign(m) r`, the other one follows from the determinant without cancellation; the unit
/// eigenvector of `m − r` is returned as `(cos, sin)`.
fn two<T: Real>(h: &DMatrix<T>) -> ([T; 2], [T; 2]) {
    let half = T::of(0.5);
    let h = h.as_slice();
    let (a, b, c) = (h[0], h[1], h[3]);
    let (m, d) = (half * a + half * c, half * a - half * c);
    // √(d² + b²) without overflow, and without the cost of `hypot`
    let (p, q) = (d.abs().max(b.abs()), d.abs().min(b.abs()));
    let t = if p > T::zero() { q / p } else { T::zero() };
    let r = p * (T::one() + t * t).sqrt();
    let large = finite(if m >= T::zero() { m + r } else { m - r });
    let small = if large == T::zero() {
        T::zero()
    } else {
        let (major, minor) = if a.abs() >= c.abs() { (a, c) } else { (c, a) };
        finite((major / large) * minor - (b / large) * b)
    };
    // rounding may exchange two that are nearly equal
    let values = if small <= large { [small, large] } else { [large, small] };
    // of m + r: (d + r, b), or (b, r − d) where d < 0; that of m − r is at right angles
    let (u, v) =
        if d >= T::zero() { (d * half + r * half, b * half) } else { (b * half, r * half - d * half) };
    let norm = u.abs().max(v.abs());
    if norm == T::zero() {
        return (values, [T::one(), T::zero()]);
    }
    let (u, v) = (u / norm, v / norm);
    let norm = (u * u + v * v).sqrt();
    (values, [-v / norm, u / norm])
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

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::{eigenvalues, spectrum};
    use crate::Real;
    use crate::kernel::{at_each_level, sizes};

    #[test]
    fn nearly_equal_eigenvalues_ascend() {
        let mut a = 1.283683477334007_f64;
        for _ in 0..100 {
            for (p, q) in [(a, a.next_up()), (a.next_up(), a), (-a, -a.next_up()), (a, a)] {
                let h = DMatrix::from_diagonal(&DVector::from_column_slice(&[p, q]));
                let values = eigenvalues(&h).expect("finite");
                assert!(values[0] <= values[1], "{p} {q}: {values}");
                assert_eq!(spectrum(&h).expect("finite").values, values);
            }
            a *= 1.01;
        }
    }

    /// `2` on the diagonal and `−1` beside it: `λ_k = 2 − 2 cos(kπ / (n + 1))`; and the same matrix reflected.
    fn known<T: Real>(n: usize) {
        let second = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0_f64,
        });
        let v = DVector::from_fn(n, |i, _| ((i * i + 1) as f64).sin()).normalize();
        let reflect = |a: DMatrix<f64>| &a - &v * (v.transpose() * &a) * 2.0;
        let full = reflect(reflect(second.clone()).transpose());
        let tolerance = 40.0 * n as f64 * T::EPSILON.f64();
        for h in [second, (&full + full.transpose()) * 0.5] {
            let h = h.map(T::of);
            let spectrum = spectrum(&h).expect("finite");
            let values = eigenvalues(&h).expect("finite");
            for (k, (one, other)) in spectrum.values.iter().zip(&values).enumerate() {
                let expected = 2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
                assert!((one.f64() - expected).abs() <= tolerance, "{n}: {k}, {one} {expected}");
                assert!((other.f64() - expected).abs() <= tolerance, "{n}: {k}, {other} {expected}");
            }
            let rest = &h * &spectrum.vectors - &spectrum.vectors * DMatrix::from_diagonal(&spectrum.values);
            assert!(rest.amax().f64() <= tolerance, "{n}: {}", rest.amax());
        }
    }

    /// Units that differ by orders of magnitude keep the digits of small eigenvalues: those of `D A D` for
    /// `D = diag(1, δ, δ², …)` tend to `δ²ᵏ` times the pivots of `A`.
    #[test]
    fn eigenvalues_that_are_known() {
        at_each_level(|| {
            for n in sizes(&[3, 10, 33, 64, 200], 10) {
                known::<f32>(n);
                known::<f64>(n);
            }
            {
                let (n, delta) = (6, 1e-5);
                let h = DMatrix::from_fn(n, n, |i, j| {
                    let a = if i == j { 2.0 } else { 1.0 };
                    // in no order
                    a * f64::powi(delta, ((i * 5 % n) + (j * 5 % n)) as i32)
                });
                // A = 1 + 11ᵀ has the pivots 2, 3/2, 4/3, …
                for (k, value) in eigenvalues(&h).expect("finite").iter().rev().enumerate() {
                    let expected = (k + 2) as f64 / (k + 1) as f64 * f64::powi(delta, 2 * k as i32);
                    assert!((value / expected - 1.0).abs() < 1e-9, "{delta}, {k}: {value} {expected}");
                }
            }
        });
    }
}

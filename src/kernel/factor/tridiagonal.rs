//! A symmetric matrix reduced to tridiagonal form, half of the work as products.
#![expect(unsafe_code, reason = "hands columns of one matrix to vector registers as pointers")]

use super::reflector::reflection;
use crate::kernel::product::{STRIP, add_product, product, subtract_lower};
use crate::kernel::simd::{Task, Vector, dispatch, inlined, vectorize};
use crate::kernel::sums::{axpy, dot, scale};
use crate::kernel::{Factor, Real};

/// Columns reduced before the rest of the matrix is brought up to date.
const PANEL: usize = 32;
/// Columns read together.
const TOGETHER: usize = 4;

/// `A = Q T Qᵀ` with `T` tridiagonal.
#[derive(Debug)]
pub(super) struct Tridiagonal<T> {
    n: usize,
    /// Below the subdiagonal, the reflectors `v` of `Q`, without their leading 1.
    a: Vec<T>,
    taus: Vec<T>,
    pub(super) diagonal: Vec<T>,
    /// And a spare entry at its end.
    pub(super) subdiagonal: Vec<T>,
}

impl<T: Real> Tridiagonal<T> {
    /// Reduces the lower triangle of `a` (`n × n`, by columns). Column `j` of a panel is brought up to date with those
    /// before it, and reflected, `v = (1, y)`; then
    ///
    /// ```text
    /// w = τ (A − V Wᵀ − W Vᵀ) v,   w ← w − ½ τ (wᵀ v) v
    /// ```
    ///
    /// and after the panel `A ← A − V Wᵀ − W Vᵀ` (Dongarra, Sorensen and Hammarling, *Block reduction of matrices to
    /// condensed forms for eigenvalue computations*, 1989).
    pub(super) fn new(mut a: Vec<T>, n: usize) -> Self {
        let (mut taus, mut diagonal, mut subdiagonal) =
            (vec![T::zero(); n], vec![T::zero(); n], vec![T::zero(); n]);
        let mut panel = Panel { n, v: vec![T::zero(); n * PANEL], w: vec![T::zero(); n * PANEL] };
        for start in (0..n).step_by(PANEL) {
            let width = PANEL.min(n - start);
            for c in 0..width {
                let j = start + c;
                panel.update_column(&mut a, c, j);
                diagonal[j] = a[j * n + j];
                if j + 1 == n {
                    break;
                }
                let (top, y) = a[j * n + j + 1..(j + 1) * n].split_first_mut().expect("j + 1 < n");
                (subdiagonal[j], taus[j]) = reflection(*top, y);
                panel.v[c * n..(c + 1) * n].fill(T::zero());
                panel.v[c * n + j + 1] = T::one();
                panel.v[c * n + j + 2..(c + 1) * n].copy_from_slice(y);
                panel.multiply(&a, c, j, taus[j]);
            }
            panel.update_rest(&mut a, start + width);
        }
        Self { n, a, taus, diagonal, subdiagonal }
    }

    /// `X ← Q X`, the columns of `X` one after the other: the reflectors of a panel together, `1 − V T Vᵀ` (Schreiber
    /// and Van Loan, 1989).
    pub(super) fn rotate(&self, x: &mut [T]) {
        let n = self.n;
        let (mut v, mut inner) = (vec![T::zero(); n * PANEL], Vec::new());
        for start in (0..n.saturating_sub(1)).step_by(PANEL).rev() {
            let (width, rows) = (PANEL.min(n - 1 - start), n - 1 - start);
            for c in 0..width {
                let column = &mut v[c * rows..(c + 1) * rows];
                column[..c].fill(T::zero());
                column[c] = T::one();
                column[c + 1..].copy_from_slice(&self.a[(start + c) * n + start + c + 2..][..rows - c - 1]);
            }
            let v = Factor::new(&v, rows, width);
            let t = compact(v, &self.taus[start..start + width]);
            for x in x.chunks_mut(n * STRIP) {
                let columns = x.len() / n;
                inner.resize(2 * width * columns, T::zero());
                let (vx, tvx) = inner.split_at_mut(width * columns);
                let part = Factor::strided(&x[start + 1..], (rows, columns), (1, n));
                product(T::one(), v.t(), part, T::zero(), vx);
                let (t, vx) = (Factor::new(&t, width, width), Factor::new(vx, width, columns));
                product(T::one(), t, vx, T::zero(), tvx);
                add_product(-T::one(), v, Factor::new(tvx, width, columns), &mut x[start + 1..], n);
            }
        }
    }
}

/// The upper triangle `T` of `H₁ … Hₖ = 1 − V T Vᵀ`: `T_jj = τ_j`, above it `−τ_j T (Vᵀ v_j)`.
fn compact<T: Real>(v: Factor<'_, T>, taus: &[T]) -> Vec<T> {
    let k = taus.len();
    let (mut gram, mut t) = (vec![T::zero(); k * k], vec![T::zero(); k * k]);
    product(T::one(), v.t(), v, T::zero(), &mut gram);
    for (j, tau) in taus.iter().enumerate() {
        let (before, column) = t.split_at_mut(j * k);
        for (t, overlap) in before.chunks_exact(k).zip(&gram[j * k..]) {
            axpy(-*tau * *overlap, &t[..j], &mut column[..j]);
        }
        column[j] = *tau;
    }
    t
}

/// `V` and `W` of the present panel: columns of `n`, of which the rows below the diagonal count.
struct Panel<T> {
    n: usize,
    v: Vec<T>,
    w: Vec<T>,
}

impl<T: Real> Panel<T> {
    /// `a_j ← a_j − Σ_c (v_c w_cj + w_c v_cj)` for the columns `c` before this one of the panel.
    fn update_column(&self, a: &mut [T], before: usize, j: usize) {
        let n = self.n;
        let column = &mut a[j * n + j..(j + 1) * n];
        for (v, w) in self.v.chunks_exact(n).zip(self.w.chunks_exact(n)).take(before) {
            let (v, w, vj, wj) = (&v[j..], &w[j..], v[j], w[j]);
            vectorize(inlined!(|fused| {
                for ((a, v), w) in column.iter_mut().zip(v).zip(w) {
                    *a = fused.mul_add(-wj, *v, fused.mul_add(-vj, *w, *a));
                }
            }));
        }
    }

    /// `w_c` of the reflector `v_c` that begins in row `j + 1`.
    fn multiply(&mut self, a: &[T], c: usize, j: usize, tau: T) {
        let (n, from) = (self.n, j + 1);
        let (before, w) = self.w.split_at_mut(c * n);
        let v = &self.v[c * n + from..(c + 1) * n];
        w[..from].fill(T::zero());
        let w = &mut w[from..n];
        w.fill(T::zero());
        symmetric(a, n, from, v, w);
        for (v_before, w_before) in self.v.chunks_exact(n).zip(before.chunks_exact(n)) {
            let (v_before, w_before) = (&v_before[from..], &w_before[from..]);
            let (by_w, by_v) = (dot(w_before, v), dot(v_before, v));
            axpy(-by_w, v_before, w);
            axpy(-by_v, w_before, w);
        }
        scale(tau, w);
        axpy(-T::of(0.5) * tau * dot(w, v), v, w);
    }

    /// `A ← A − V Wᵀ − W Vᵀ`, the lower triangle from row `from` on.
    fn update_rest(&mut self, a: &mut [T], from: usize) {
        let n = self.n;
        if from < n {
            let both = [[&*self.v, &self.w].concat(), [&*self.w, &self.v].concat()];
            let [left, right] =
                both.each_ref().map(|f| Factor::strided(&f[from..], (n - from, 2 * PANEL), (1, n)));
            subtract_lower(left, right, &mut a[from * n + from..], n);
        }
    }
}

/// `y ← y + A x` with the lower triangle of `A` from row and column `from` on, each entry read once.
pub(super) fn symmetric<T: Real>(a: &[T], n: usize, from: usize, x: &[T], y: &mut [T]) {
    let (m, a_len) = (n - from, a.len());
    let mut c = 0;
    while c < m {
        let width = TOGETHER.min(m - c);
        let column = |k: usize| &a[(from + c + k) * n + from + c + k..(from + c + k + 1) * n];
        for k in 0..width {
            let (top, below) = column(k).split_first().expect("the diagonal");
            y[c + k] += *top * x[c + k];
            // within the square on the diagonal
            for (i, a) in below.iter().enumerate().take(width - k - 1) {
                y[c + k + 1 + i] += *a * x[c + k];
                y[c + k] += *a * x[c + k + 1 + i];
            }
        }
        if width == TOGETHER {
            let below = c + TOGETHER;
            let (head, tail) = y.split_at_mut(below);
            let factors = std::array::from_fn(|k| x[c + k]);
            let (rows, a) = (m - below, a[(from + c) * n + from + below..].as_ptr());
            assert!(x.len() == m && tail.len() == rows && a_len >= n * n);
            // SAFETY: as many rows are left of the four columns, of `x` and of `y`.
            let sums = unsafe {
                dispatch(Both { rows, a, column: n, factors, x: x[below..].as_ptr(), y: tail.as_mut_ptr() })
            };
            head[c..].iter_mut().zip(sums).for_each(|(y, sum)| *y += sum);
        }
        c += width;
    }
}

/// `y ← y + Σ a_k x_k` for neighbouring columns below a square on the diagonal, and `a_kᵀ x` of each.
struct Both<T> {
    rows: usize,
    a: *const T,
    column: usize,
    factors: [T; TOGETHER],
    x: *const T,
    y: *mut T,
}

impl<T: Real> Task<T> for Both<T> {
    type Output = [T; TOGETHER];

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) -> [T; TOGETHER] {
        // SAFETY: `rows` elements of each column, of `x` and of `y`.
        unsafe {
            let factors = self.factors.map(inlined!(|x| V::splat(x)));
            let mut sums = [V::splat(T::zero()); TOGETHER];
            let mut i = 0;
            while i < self.rows {
                let mask = V::mask((self.rows - i).min(V::LANES));
                let (x, mut y) = (V::load_some(self.x.add(i), mask), V::load_some(self.y.add(i), mask));
                for k in 0..TOGETHER {
                    let a = V::load_some(self.a.add(k * self.column + i), mask);
                    y = a.fma(factors[k], y);
                    sums[k] = a.fma(x, sums[k]);
                }
                y.store_some(self.y.add(i), mask);
                i += V::LANES;
            }
            sums.map(inlined!(|sum| sum.sum()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    const SIZES: [usize; 12] = [1, 2, 3, 4, 5, 7, 31, 32, 33, 34, 65, 130];

    fn check<T: Real>(n: usize) {
        let entry = |i: usize, j: usize| {
            T::of((((i.max(j) * 31 + i.min(j) * 17 + 5) * 7919) % 1009) as f64 / 504.0 - 1.0)
        };
        // the upper triangle is not read
        let mut a = vec![T::NAN; n * n];
        for j in 0..n {
            for i in j..n {
                a[j * n + i] = entry(i, j);
            }
        }
        let reduced = Tridiagonal::new(a, n);
        let mut q = vec![T::zero(); n * n];
        q.iter_mut().step_by(n + 1).for_each(|q| *q = T::one());
        reduced.rotate(&mut q);
        let tolerance = T::of(20.0 * n as f64) * T::EPSILON;
        for i in 0..n {
            for j in 0..n {
                let overlap = dot(&q[i * n..][..n], &q[j * n..][..n]);
                let expected = if i == j { T::one() } else { T::zero() };
                assert!((overlap - expected).magnitude() <= tolerance, "QᵀQ, {n}: {i}, {j}");
                // (Q T Qᵀ)_ij
                let t = |k: usize, l: usize| match k.abs_diff(l) {
                    0 => reduced.diagonal[k],
                    _ => reduced.subdiagonal[k.min(l)],
                };
                let product = (0..n).fold(T::zero(), |sum, k| {
                    (k.saturating_sub(1)..n.min(k + 2))
                        .fold(sum, |sum, l| sum + q[k * n + i] * t(k, l) * q[l * n + j])
                });
                assert!((product - entry(i, j)).magnitude() <= tolerance, "Q T Qᵀ, {n}: {i}, {j}");
            }
        }
    }

    #[test]
    fn the_factors_reproduce_the_matrix() {
        at_each_level(|| {
            for n in sizes(&SIZES, 7) {
                check::<f32>(n);
                check::<f64>(n);
            }
        });
    }
}

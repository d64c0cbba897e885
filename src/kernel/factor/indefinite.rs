//! Symmetric matrices that are not definite: the signs of their eigenvalues, and solutions.

use nalgebra::DMatrix;

use crate::kernel::product::{product, subtract_lower};
use crate::kernel::real::Real;
use crate::kernel::sums::{all_finite, dot, largest, norm_inf};
use crate::kernel::views::Factor;

/// Columns factorised before the rest of the matrix is brought up to date.
const PANEL: usize = 64;
/// `(1 + √17) / 8`, which bounds the growth of the entries.
const ALPHA: f64 = 0.640_388_203_202_208;

/// How many eigenvalues of a symmetric matrix, the lower triangle of `a` (`n × n`, by columns), are positive and how many
/// negative: as many as of `D` (Sylvester's law of inertia). The content of `a` is spoilt.
pub(super) fn signs<T: Real>(a: &mut [T], n: usize) -> [usize; 2] {
    factorise(a, n, n, &mut Buffers::default())
}

/// Room for [`solve_indefinite`], kept from call to call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Buffers<T> {
    a: Vec<T>,
    w: Vec<T>,
    exchanges: Vec<[usize; 2]>,
}

/// Solves `A x = b` in place, for a symmetric `A` whose lower triangle is read. False where it is singular, or not
/// finite.
///
/// `bᵀ` stands below `A` as a row that is no pivot, and becomes `(D⁻¹ L⁻¹ P b)ᵀ`, a row of `L`.
pub(crate) fn solve_indefinite<T: Real>(a: &DMatrix<T>, b: &mut [T], buffers: &mut Buffers<T>) -> bool {
    let (n, rows) = (b.len(), b.len() + 1);
    let (unit, _) = norm_inf(a.as_slice()).unit();
    let mut bordered = std::mem::take(&mut buffers.a);
    bordered.resize(rows * rows, T::zero());
    let columns = bordered.chunks_exact_mut(rows).zip(a.as_slice().chunks_exact(n.max(1)));
    for (j, (to, from)) in columns.enumerate() {
        to[j..n].iter_mut().zip(&from[j..]).for_each(|(to, a)| *to = *a * unit);
        to[n] = b[j] * unit;
    }
    let is_regular = factorise(&mut bordered, rows, n, buffers).iter().sum::<usize>() == n;
    for (k, column) in bordered.chunks_exact(rows).enumerate().take(n).rev() {
        b[k] = column[n] - dot(&column[k + 1..n], &b[k + 1..]);
        let [p, q] = buffers.exchanges[k];
        b.swap(p, q);
    }
    buffers.a = bordered;
    is_regular && all_finite(b)
}

/// ```text
/// P A Pᵀ = L D Lᵀ
/// ```
///
/// `L` unit lower triangular, in the place of the lower triangle of `a` (`rows × rows`, the first `n` of which are
/// pivots), `D` of blocks `1 × 1` and `2 × 2`, of which the positive and the negative eigenvalues are counted (Bunch and
/// Kaufman 1977, by panels as in LAPACK's `dlasyf`). An exchange of rows acts on the columns from its own on.
fn factorise<T: Real>(a: &mut [T], rows: usize, n: usize, buffers: &mut Buffers<T>) -> [usize; 2] {
    let Buffers { w, exchanges, .. } = buffers;
    w.resize(rows * n.min(PANEL), T::zero());
    exchanges.clear();
    let mut panel = Panel { rows, n, a, w, exchanges, start: 0, signs: [0; 2] };
    while panel.start < n {
        let (start, end) = (panel.start, panel.factorise());
        let (left, rest) = panel.a.split_at_mut(end * rows);
        if end < n {
            let part = |from| Factor::strided(from, (rows - end, end - start), (1, rows));
            subtract_lower(part(&left[start * rows + end..]), part(&panel.w[end..]), &mut rest[end..], rows);
        }
        for (k, [p, q]) in panel.exchanges.iter().enumerate().skip(start).rev() {
            (start..k).for_each(|c| left.swap(c * rows + p, c * rows + q));
        }
        panel.start = end;
    }
    panel.signs
}

/// The columns from `start` on: `L` takes their place in `a`, and `W = L D` stands in `w`.
struct Panel<'a, T> {
    rows: usize,
    n: usize,
    a: &'a mut [T],
    w: &'a mut [T],
    /// The two rows that were exchanged for each pivot.
    exchanges: &'a mut Vec<[usize; 2]>,
    start: usize,
    signs: [usize; 2],
}

impl<T: Real> Panel<'_, T> {
    /// Where the panel ends.
    fn factorise(&mut self) -> usize {
        let (n, mut k) = (self.n, self.start);
        // a pivot may need two columns of `w`
        let limit = n.min(self.start + PANEL);
        while k < limit && (k + 1 < limit || k + 1 == n) {
            self.update(k, k, k);
            let (pivot, other) = self.pivot(k);
            let last = k + usize::from(other.is_some());
            if pivot != last {
                self.exchange(k, last, pivot);
            }
            self.exchanges.push([last, pivot]);
            if other.is_some() {
                self.exchanges.push([last, last]);
                self.eliminate_pair(k);
            } else {
                self.eliminate(k);
            }
            k = last + 1;
        }
        k
    }

    fn column(&self, k: usize) -> &[T] {
        &self.w[(k - self.start) * self.rows..][..self.rows]
    }

    /// Column `c` of the matrix, from row `k` on, with all before `k` of the panel taken off: into column `to` of `w`.
    fn update(&mut self, c: usize, k: usize, to: usize) {
        let (n, before) = (self.rows, k - self.start);
        let (w, column) = self.w.split_at_mut((to - self.start) * n);
        for (w, a) in column[k..c].iter_mut().zip(self.a[k * n + c..].iter().step_by(n)) {
            *w = *a;
        }
        column[c..n].copy_from_slice(&self.a[c * n + c..(c + 1) * n]);
        if before > 0 {
            let l = Factor::strided(&self.a[self.start * n + k..], (n - k, before), (1, n));
            let row = Factor::strided(&w[c..], (before, 1), (n, 1));
            product(-T::one(), l, row, T::one(), &mut column[k..n]);
        }
    }

    /// Which row becomes the pivot; a second one where both make a block. Its column is in `w` at `k`, or at `k + 1` of
    /// a block.
    fn pivot(&mut self, k: usize) -> (usize, Option<usize>) {
        let (n, alpha) = (self.n, T::of(ALPHA));
        let (size, below) = (self.column(k)[k].abs(), &self.column(k)[k + 1..n]);
        if below.is_empty() {
            return (k, None);
        }
        let row = k + 1 + largest(below);
        let lambda = self.column(k)[row].abs();
        if size >= alpha * lambda {
            return (k, None);
        }
        self.update(row, k, k + 1);
        let other = self.column(k + 1);
        let beside = [&other[k..row], &other[row + 1..n]].map(|part| part.get(largest(part)));
        let sigma = beside.into_iter().flatten().fold(T::zero(), |sigma, x| sigma.max(x.abs()));
        if size * sigma >= alpha * lambda * lambda {
            return (k, None);
        }
        if other[row].abs() >= alpha * sigma {
            let (at, next) = ((k - self.start) * self.rows, (k + 1 - self.start) * self.rows);
            self.w.copy_within(next..next + self.rows, at);
            return (row, None);
        }
        (row, Some(k))
    }

    /// Exchanges the rows and columns `p < q` of what is left from `k` on; `p` is done with, so only `q` is kept.
    fn exchange(&mut self, k: usize, p: usize, q: usize) {
        let n = self.rows;
        self.a[q * n + q] = self.a[p * n + p];
        for j in p + 1..q {
            self.a[j * n + q] = self.a[p * n + j];
        }
        self.a.copy_within(p * n + q + 1..(p + 1) * n, q * n + q + 1);
        for c in self.start..k {
            self.a.swap(c * n + p, c * n + q);
        }
        for column in self.w.chunks_exact_mut(n).take(p + 1 - self.start) {
            column.swap(p, q);
        }
    }

    /// `l = w / d`; a column of zeros where `d = 0`, for then all of `w` is.
    fn eliminate(&mut self, k: usize) {
        let n = self.rows;
        let column = &self.w[(k - self.start) * n..][..n];
        let d = column[k];
        self.signs[0] += usize::from(d > T::zero());
        self.signs[1] += usize::from(d < T::zero());
        let l = &mut self.a[k * n + k + 1..(k + 1) * n];
        l.copy_from_slice(&column[k + 1..]);
        if d != T::zero() {
            l.iter_mut().for_each(|l| *l /= d);
        }
    }

    /// `(l₁ l₂) = (w₁ w₂) D⁻¹`; the determinant of such a `D` is negative.
    fn eliminate_pair(&mut self, k: usize) {
        let n = self.rows;
        self.signs = self.signs.map(|count| count + 1);
        let (one, two) = self.w[(k - self.start) * n..][..2 * n].split_at(n);
        let d = one[k + 1];
        let (first, second) = (two[k + 1] / d, one[k] / d);
        let t = T::one() / (first * second - T::one());
        let (l, m) = self.a[k * n..(k + 2) * n].split_at_mut(n);
        l[k + 1] = T::zero();
        for i in k + 2..n {
            l[i] = t * ((first * one[i] - two[i]) / d);
            m[i] = t * ((second * two[i] - one[i]) / d);
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::{Buffers, signs, solve_indefinite};
    use crate::Real;
    use crate::kernel::{at_each_level, sizes};

    /// `L D Lᵀ` in exact integers, `L` unit lower triangular: by Sylvester's law the signs of `D`.
    fn check<T: Real>(n: usize, seed: usize) {
        let draw = |i: usize, j: usize, m: usize| ((i * 7919 + j * 104_729 + seed * 31 + 5) >> 3) % m;
        let d: Vec<f64> = (0..n).map(|i| draw(i, i, 5) as f64 - if seed == 0 { -1.0 } else { 2.0 }).collect();
        let l = |i: usize, j: usize| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => f64::from(u8::from(draw(i, j, n) < 2)),
        };
        let mut a = vec![T::NAN; n * n];
        for j in 0..n {
            for i in j..n {
                a[j * n + i] = T::of((0..=j).map(|k| l(i, k) * d[k] * l(j, k)).sum());
            }
        }
        // a zero among the pivots may come out as rounding of either sign
        let zeros = d.iter().filter(|d| **d == 0.0).count();
        let expected = [d.iter().filter(|d| **d > 0.0).count(), d.iter().filter(|d| **d < 0.0).count()];
        let found = signs(&mut a, n);
        assert!(
            found.iter().zip(expected).all(|(f, e)| (e..=e + zeros).contains(f)),
            "{n}, {seed}: {found:?}"
        );
        assert!(found.iter().sum::<usize>() <= n);
    }

    #[test]
    fn integer_matrices_keep_their_signs() {
        at_each_level(|| {
            for n in sizes(&[0, 1, 2, 3, 7, 33, 63, 64, 65, 66, 127, 128, 129, 150], 33) {
                for seed in 0..4 {
                    check::<f64>(n, seed);
                    check::<f32>(n, seed);
                }
            }
        });
    }

    /// Blocks `(0 1; 1 0)` leave no pivot of one row.
    #[test]
    fn pairs_are_pivots() {
        for n in [2, 64, 66, 130] {
            let entry = |i: usize, j: usize| f64::from(u8::from(i / 2 == j / 2 && i != j));
            let mut a: Vec<f64> = (0..n * n).map(|k| entry(k % n, k / n)).collect();
            assert_eq!(signs(&mut a, n), [n / 2; 2]);
            assert_eq!(signs(&mut vec![0.0; n * n], n), [0; 2]);
        }
    }

    fn solves<T: Real>(n: usize) {
        let entry = |i: usize, j: usize| ((i * j) as f64 * 0.37 + (i + j) as f64 + 0.3).sin();
        let x: Vec<f64> = (0..n).map(|i| i as f64 % 5.0 - 2.0).collect();
        let full = |i: usize, j: usize| T::of(entry(i.max(j), i.min(j))).f64();
        let rhs: Vec<f64> = (0..n).map(|i| (0..n).map(|j| full(i, j) * x[j]).sum()).collect();
        let (mut b, mut buffers): (Vec<T>, _) = (rhs.iter().map(|b| T::of(*b)).collect(), Buffers::default());
        // buffers of another size before
        solve_indefinite(&DMatrix::repeat(3, 3, T::one()), &mut [T::one(); 3], &mut buffers);
        let lower = DMatrix::from_fn(n, n, |i, j| if i < j { T::zero() } else { T::of(entry(i, j)) });
        assert!(solve_indefinite(&lower, &mut b, &mut buffers), "{n}");
        // The residual is small, whatever the condition.
        let size = b.iter().fold(1.0, |m, x| x.f64().abs().max(m));
        for (i, rhs) in rhs.iter().enumerate() {
            let r = (0..n).fold(*rhs, |r, j| r - full(i, j) * b[j].f64());
            assert!(r.abs() <= 50.0 * n as f64 * size * T::EPSILON.f64(), "{n}: row {i}, {r}");
        }
        if n > 0 {
            let mut singular = lower.clone();
            singular.column_mut(n / 2).fill(T::zero());
            singular.row_mut(n / 2).fill(T::zero());
            assert!(!solve_indefinite(&singular, &mut b, &mut buffers), "{n}: a column of zeros");
            singular.copy_from(&lower);
            singular[(n - 1, 0)] = T::NAN;
            assert!(!solve_indefinite(&singular, &mut b, &mut buffers), "{n}: NaN");
        }
    }

    #[test]
    fn solves_what_is_not_definite() {
        at_each_level(|| {
            for n in sizes(&[0, 1, 2, 3, 5, 8, 17, 33, 63, 64, 65, 66, 100, 130, 150], 17) {
                solves::<f32>(n);
                solves::<f64>(n);
            }
        });
        let (mut b, a) = ([4.0, 1.0], DMatrix::from_row_slice(2, 2, &[0.0, 2.0, 2.0, -1.0]));
        assert!(solve_indefinite(&a, &mut b, &mut Buffers::default()));
        assert_eq!(b.map(f64::to_bits), [1.5, 2.0].map(f64::to_bits));
    }
}

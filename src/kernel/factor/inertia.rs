//! The signs of eigenvalues, counted by a factorisation.

use crate::kernel::product::{product, subtract_lower};
use crate::kernel::sums::largest;
use crate::kernel::{Factor, Real};

/// Columns factorised before the rest of the matrix is brought up to date.
const PANEL: usize = 64;
/// `(1 + √17) / 8`, which bounds the growth of the entries.
const ALPHA: f64 = 0.640_388_203_202_208;

/// How many eigenvalues of a symmetric matrix, the lower triangle of `a` (`n × n`, by columns), are positive and how many
/// negative: as many as of `D` (Sylvester's law of inertia), with
///
/// ```text
/// P A Pᵀ = L D Lᵀ
/// ```
///
/// `L` unit lower triangular, `D` of blocks `1 × 1` and `2 × 2` (Bunch and Kaufman 1977, by panels as in LAPACK's
/// `dlasyf`). The content of `a` is spoilt.
pub(super) fn signs<T: Real>(a: &mut [T], n: usize) -> [usize; 2] {
    let mut panel = Panel { n, a, w: vec![T::zero(); n * PANEL], start: 0, signs: [0; 2] };
    while panel.start < n {
        let (start, end) = (panel.start, panel.factorise());
        let (left, rest) = panel.a.split_at_mut(end * n);
        if let Some(c) = rest.get_mut(end..) {
            let part = |from| Factor::strided(from, (n - end, end - start), (1, n));
            subtract_lower(part(&left[start * n + end..]), part(&panel.w[end..]), c, n);
        }
        panel.start = end;
    }
    panel.signs
}

/// The columns from `start` on: `L` takes their place in `a`, and `W = L D` stands in `w`.
struct Panel<'a, T> {
    n: usize,
    a: &'a mut [T],
    w: Vec<T>,
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
            if other.is_some() {
                self.eliminate_pair(k);
            } else {
                self.eliminate(k);
            }
            k = last + 1;
        }
        k
    }

    fn column(&self, k: usize) -> &[T] {
        &self.w[(k - self.start) * self.n..][..self.n]
    }

    /// Column `c` of the matrix, from row `k` on, with all before `k` of the panel taken off: into column `to` of `w`.
    fn update(&mut self, c: usize, k: usize, to: usize) {
        let (n, before) = (self.n, k - self.start);
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
        let (size, below) = (self.column(k)[k].abs(), &self.column(k)[k + 1..]);
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
            let at = (k - self.start) * n;
            self.w.copy_within(at + n..at + 2 * n, at);
            return (row, None);
        }
        (row, Some(k))
    }

    /// Exchanges the rows and columns `p < q` of what is left from `k` on; `p` is done with, so only `q` is kept.
    fn exchange(&mut self, k: usize, p: usize, q: usize) {
        let n = self.n;
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
        let n = self.n;
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
        let n = self.n;
        self.signs = self.signs.map(|count| count + 1);
        let (one, two) = self.w[(k - self.start) * n..][..2 * n].split_at(n);
        let d = one[k + 1];
        let (first, second) = (two[k + 1] / d, one[k] / d);
        let t = T::one() / (first * second - T::one());
        let (l, m) = self.a[k * n..(k + 2) * n].split_at_mut(n);
        for i in k + 2..n {
            l[i] = t * ((first * one[i] - two[i]) / d);
            m[i] = t * ((second * two[i] - one[i]) / d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::signs;
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
}

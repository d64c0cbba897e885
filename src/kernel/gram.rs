//! `H ← H + X diag(s) Xᵀ` for many samples.

use super::product::add_product;
use super::simd::{inlined, prefetch, vectorize};
use super::{Factor, Real, with_scratch};

/// Samples at a time: [`COLUMNS`] rows of them stay in the first-level cache.
const DEPTH: usize = 128;
/// Columns of `H` at a time: tiles above the diagonal are left out but for a corner of this size.
const COLUMNS: usize = 8;

/// Adds the lower triangle of `X diag(s) Xᵀ` to that of `h`, whose columns stand `column` apart, for `X` of `n`
/// rows (its columns contiguous) and `s.len()` columns. What stands above the diagonal of the `n × n` is spoilt.
///
/// Stretch by stretch of the samples, with `S = X diag(s)` written out: columns `j…` of `X Sᵀ` from row `j` on.
/// The samples behind the last one, which a caller who goes through its data will ask for next, are on their way
/// to the cache meanwhile.
pub(crate) fn weighted_gram<T: Real>(x: Factor<'_, T>, s: &[T], h: &mut [T], column: usize) {
    let (n, samples) = (x.rows, x.cols);
    assert!(
        x.row_stride == 1 && s.len() == samples && n <= column && (n == 0 || h.len() >= (n - 1) * column + n)
    );
    // a line of the cache holds the rows of one tile
    let step = n.next_multiple_of(64 / size_of::<T>());
    with_scratch(step * DEPTH.min(samples), |scaled: &mut [T]| {
        for start in (0..samples).step_by(DEPTH) {
            let s = &s[start..samples.min(start + DEPTH)];
            let part = x.columns(start..start + s.len());
            scale_columns(part, s, step, scaled);
            let mut next = (0..s.len()).map(|j| (start + samples + j) * x.col_stride);
            for j in (0..n).step_by(COLUMNS) {
                for sample in next.by_ref().take(s.len().div_ceil(n.div_ceil(COLUMNS))) {
                    for i in (0..n).step_by(64 / size_of::<T>()) {
                        prefetch(x.as_ptr().wrapping_add(sample + i));
                    }
                }
                let columns = (COLUMNS.min(n - j), s.len());
                let scaled = Factor::strided(&scaled[j..], columns, (1, step));
                add_product(T::one(), part.lines(j..n), scaled.t(), &mut h[j * column + j..], column);
            }
        }
    });
}

/// `to_j ← s_j x_{start + j}`.
fn scale_columns<T: Real>(x: Factor<'_, T>, s: &[T], step: usize, to: &mut [T]) {
    vectorize(inlined!(|_| {
        for (j, (s, to)) in s.iter().zip(to.chunks_exact_mut(step.max(1))).enumerate() {
            let x = x.column(j).expect("contiguous columns");
            to.iter_mut().zip(x).for_each(|(to, x)| *to = *s * *x);
        }
    }));
}

/// Copies the lower triangle of a `p × p` matrix to the upper, tile by tile: each is read by columns that fit
/// the first-level cache.
pub(super) fn mirror<T: Real>(h: &mut [T], p: usize) {
    const TILE: usize = 16;
    for left in (0..p).step_by(TILE) {
        for top in (left..p).step_by(TILE) {
            for i in top..p.min(top + TILE) {
                let right = i.min(left + TILE);
                let (before, row) = h.split_at_mut(i * p);
                let below = before[left * p..].iter().skip(i).step_by(p);
                row[left..right].iter_mut().zip(below).for_each(|(to, from)| *to = *from);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    fn check<T: Real>(n: usize, samples: usize) {
        let x: Vec<T> = (0..n * samples).map(|i| T::of(((i * 7919) >> 3) as f64 % 7.0 - 3.0)).collect();
        let s: Vec<T> = (0..samples).map(|i| T::of(i as f64 % 4.0 - 1.0)).collect();
        let start: Vec<T> = (0..n * n).map(|i| T::of((i / n + i % n) as f64)).collect();
        let mut expected = start.clone();
        for k in 0..samples {
            for j in 0..n {
                for i in 0..n {
                    expected[j * n + i] += s[k] * x[k * n + i] * x[k * n + j];
                }
            }
        }
        let mut h = start.clone();
        weighted_gram(Factor::new(&x, n, samples), &s, &mut h, n);
        for j in 0..n {
            assert_eq!(
                h[j * n + j..(j + 1) * n],
                expected[j * n + j..(j + 1) * n],
                "{n} rows, {samples} samples"
            );
        }
    }

    #[test]
    fn the_lower_triangle_agrees_with_three_loops() {
        at_each_level(|| {
            for n in sizes(&[0, 1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 49, 100], 9) {
                check::<f64>(n, (n * 37) % 50);
                check::<f32>(n, 40);
            }
            for (n, samples) in if cfg!(miri) { [(25, 3), (3, 140)] } else { [(270, 3), (12, 600)] } {
                check::<f64>(n, samples);
            }
        });
    }
}

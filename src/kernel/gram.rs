//! `H ← H + X diag(s) Xᵀ` for many samples.
#![expect(unsafe_code, reason = "hands checked slices to the tiles as pointers")]

use super::Factor;
use super::level::dispatch;
use super::pack::{PackColumns, PackRows};
use super::product::{ROWS, depth_limit, even_part};
use super::scratch::with_scratch;
use super::tile::{Block, Update};
use crate::Real;

/// `H ← H + X diag(s) Xᵀ` for `X` of `n` rows and `s.len()` columns: reads the lower triangle of `H`,
/// column-major `n × n`, and writes both.
///
/// Each stretch of [`depth_limit`] samples is one product of `X` with the rows of its copy times `s`, of which
/// the tiles above the diagonal are left out.
pub(crate) fn weighted_gram<T: Real>(x: Factor<'_, T>, s: &[T], h: &mut [T]) {
    let (n, samples) = (x.rows, x.cols);
    assert!(s.len() == samples && h.len() >= n * n);
    if n == 0 {
        return;
    }
    let (deep, high) = (depth_limit::<T>().min(samples), even_part(n, ROWS, 16));
    let (space_a, space_b) = (PackRows::<T>::space(high, deep), PackColumns::<T>::space(deep, n));
    with_scratch(space_a + space_b, |scratch: &mut [T]| {
        let (a, b) = scratch.split_at_mut(space_a);
        for p in (0..samples).step_by(deep.max(1)) {
            let depth = deep.min(samples - p);
            let s = &s[p..p + depth];
            // SAFETY: samples `p..p + depth` of X; the copies have the space that their tasks ask for; rows
            // and columns stay below `n`.
            unsafe {
                let x_p = x.data.as_ptr().add(p * x.col_stride);
                let (row, column) = (x.row_stride, x.col_stride);
                let (scale, to) = (Some(s.as_ptr()), b.as_mut_ptr());
                let step =
                    dispatch(PackColumns { depth, columns: n, b: x_p, row: column, column: row, scale, to });
                for i in (0..n).step_by(high) {
                    let rows = high.min(n - i);
                    let to = a.as_mut_ptr();
                    dispatch(PackRows { rows, depth, a: x_p.add(i * row), row, column, to, to_column: 0 });
                    let mut block = |j: usize, columns, lower| Block {
                        rows,
                        columns,
                        depth,
                        a: to,
                        a_step: depth,
                        a_column: 0,
                        b: b.as_ptr().add(j * depth),
                        b_step: depth,
                        b_row: step,
                        b_column: 1,
                        c: h.as_mut_ptr().add(i + j * n),
                        c_column: n,
                        update: Update::Scaled(T::one(), T::one()),
                        lower,
                    };
                    dispatch(block(0, i, false));
                    dispatch(block(i, rows, true));
                }
            }
        }
    });
    for j in 0..n {
        for i in 0..j {
            h[j * n + i] = h[i * n + j];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::at_each_level;

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
        let transposed: Vec<T> = (0..n * samples).map(|i| x[i % samples * n + i / samples]).collect();
        for x in [Factor::new(&x, n, samples), Factor::new(&transposed, samples, n).t()] {
            let mut h = start.clone();
            weighted_gram(x, &s, &mut h);
            assert_eq!(h, expected, "{n} rows, {samples} samples");
        }
    }

    #[test]
    fn both_triangles_agree_with_three_loops() {
        at_each_level(|| {
            for n in [0, 1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 49, 100] {
                check::<f64>(n, (n * 37) % 50);
                check::<f32>(n, 40);
            }
            check::<f64>(270, 3);
            check::<f64>(12, 600);
        });
    }
}

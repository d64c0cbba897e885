//! Passes over vectors, at the speed of memory. Sums are taken in lanes, in an order that depends on the
//! length alone, whatever the machine.
#![expect(unsafe_code, reason = "hands checked slices to a task as pointers")]

use super::matrix_vector::{Columns, Dots};
use super::simd::dispatch;
use super::sweep::largest_of_parts;
use super::{Factor, Fused, Kernel, vectorize};
use crate::Real;

/// `out ← out + A 1`: the sum of the columns, finished before it is added.
pub(crate) fn add_columns<T: Real>(a: Factor<'_, T>, out: &mut [T]) {
    assert!(out.len() >= a.rows);
    let Factor { rows, cols: depth, col_stride: column, .. } = a;
    if rows == 1 && column == 1 {
        out[0] += sum(&a.data[..depth]);
    } else if a.row_stride == 1 {
        const ROWS: usize = 256;
        let (a, one) = (a.data.as_ptr(), T::one());
        for (block, out) in out[..rows].chunks_mut(ROWS).enumerate() {
            let (mut sums, rows) = ([T::zero(); ROWS], out.len());
            let (a, y) = (a.wrapping_add(block * ROWS), sums.as_mut_ptr());
            // SAFETY: `Factor` vouches for its elements, of which these rows are a part; `sums` has `ROWS`,
            // and every `x` is the one `one`.
            unsafe { dispatch(Columns { rows, depth, a, column, x: &raw const one, x_step: 0, y }) };
            for (out, sum) in out.iter_mut().zip(&sums) {
                *out += *sum;
            }
        }
    } else {
        for (i, out) in out[..rows].iter_mut().enumerate() {
            *out += (0..depth).fold(T::zero(), |sum, j| sum + a.at(i, j));
        }
    }
}

/// `y ← y + α x`.
pub(crate) fn axpy<T: Real>(alpha: T, x: &[T], y: &mut [T]) {
    vectorize(
        #[inline(always)]
        |fused| {
            for (y, x) in y.iter_mut().zip(x) {
                *y = fused.mul_add(alpha, *x, *y);
            }
        },
    );
}

/// `x ← α x`.
pub(crate) fn scale<T: Real>(alpha: T, x: &mut [T]) {
    vectorize(
        #[inline(always)]
        |_| {
            for x in x {
                *x *= alpha;
            }
        },
    );
}

/// `xᵀ y`.
pub(crate) fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    let depth = x.len().min(y.len());
    let mut sum = T::zero();
    let (a, x) = (x.as_ptr(), y.as_ptr());
    // SAFETY: one row of `depth` elements, and as many of the other vector.
    unsafe { dispatch(Dots { rows: 1, depth, a, row: depth, x, y: &raw mut sum }) };
    sum
}

/// `Σ x_i`.
fn sum<T: Real>(x: &[T]) -> T {
    fold(
        x,
        #[inline(always)]
        |sum, x| sum + x,
    )
}

/// `max |x_i|`; NaN if any entry is NaN.
pub(crate) fn norm_inf<T: Real>(x: &[T]) -> T {
    let part = |x: &[T]| {
        fold(
            x,
            #[inline(always)]
            |max, x| larger(max, x),
        )
    };
    largest_of_parts(x, &part, larger)
}

/// `max(m, |x|)` for `m ≥ 0`; NaN, once it came, stays.
#[inline(always)]
fn larger<T: Kernel>(max: T, x: T) -> T {
    let x = x.magnitude();
    if x > max || x.not_a_number() { x } else { max }
}

/// The first `i` with the largest `|x_i|`, or the first NaN.
pub(super) fn largest<T: Kernel>(x: &[T]) -> usize {
    let (mut at, mut max) = (0, T::default());
    for (i, x) in x.iter().enumerate() {
        let x = x.magnitude();
        if x.not_a_number() {
            return i;
        }
        if x > max {
            (at, max) = (i, x);
        }
    }
    at
}

/// Whether no entry is NaN or infinite: `Σ 0 x_i` is zero.
pub(crate) fn all_finite<T: Real>(x: &[T]) -> bool {
    fold(
        x,
        #[inline(always)]
        |sum, x| sum + T::lit(0.0) * x,
    ) == T::zero()
}

/// `Σ x_i y_i` in `LANES` lanes, for use inside [`vectorize`].
#[inline(always)]
pub(super) fn fold_products<T: Kernel, const LANES: usize>(fused: Fused, x: &[T], y: &[T]) -> T {
    let mut lanes = [T::default(); LANES];
    let ((x, x_rest), (y, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in x.iter().zip(y) {
        for i in 0..LANES {
            lanes[i] = fused.mul_add(x[i], y[i], lanes[i]);
        }
    }
    for (lane, (x, y)) in lanes.iter_mut().zip(x_rest.iter().zip(y_rest)) {
        *lane = fused.mul_add(*x, *y, *lane);
    }
    halve(lanes, |x, y| x + y)
}

/// Folds from zero: a short slice as it stands, a long one in lanes.
#[inline(always)]
fn fold<T: Kernel>(x: &[T], f: impl Fn(T, T) -> T) -> T {
    const LANES: usize = 64;
    if x.len() < LANES {
        return x.iter().fold(T::default(), |sum, x| f(sum, *x));
    }
    vectorize(
        #[inline(always)]
        |_| lanes::<T, LANES>(x, f),
    )
}

/// Folds from zero in `LANES` lanes, and then the lanes.
#[inline(always)]
fn lanes<T: Kernel, const LANES: usize>(x: &[T], f: impl Fn(T, T) -> T) -> T {
    let mut lanes = [T::default(); LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, x) in lanes.iter_mut().zip(chunk) {
            *lane = f(*lane, *x);
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane = f(*lane, *x);
    }
    halve(lanes, f)
}

#[inline(always)]
fn halve<T: Kernel, const LANES: usize>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// `‖x‖₂` without overflow or underflow on the way.
pub(crate) fn norm<T: Real>(x: &[T]) -> T {
    let scale = norm_inf(x);
    if scale == T::zero() || !scale.is_finite() {
        return scale;
    }
    scale * x.iter().fold(T::zero(), |s, &x| s + (x / scale) * (x / scale)).sqrt()
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact results, compared as they are")]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    const SIZES: [usize; 14] = [0, 1, 2, 3, 5, 8, 15, 17, 33, 63, 64, 65, 100, 1000];

    fn vector(n: usize, seed: f64) -> Vec<f64> {
        (0..n).map(|i| ((i as f64 + seed) * 0.7).sin()).collect()
    }

    #[test]
    fn sums_agree_with_plain_loops() {
        at_each_level(|| {
            for n in sizes(&SIZES, 65) {
                let (x, y) = (vector(n, 0.3), vector(n, 1.9));
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * (1.0 + b.abs());
                assert!(close(dot(&x, &y), x.iter().zip(&y).map(|(x, y)| x * y).sum()));
                assert_eq!(norm_inf(&x), x.iter().fold(0.0, |m: f64, x| m.max(x.abs())));
                let mut z = y.clone();
                axpy(0.5, &x, &mut z);
                assert!(z.iter().zip(&y).zip(&x).all(|((z, y), x)| close(*z, y + 0.5 * x)));
                scale(2.0, &mut z);
                assert!(z.iter().zip(&y).zip(&x).all(|((z, y), x)| close(*z, 2.0 * y + x)));
                for rows in [1, 2, 7, 16, 33] {
                    let a = vector(rows * n, 0.1);
                    let (mut out, mut transposed) = (vector(rows, 0.5), vector(n, 0.5));
                    add_columns(Factor::new(&a, rows, n), &mut out);
                    add_columns(Factor::new(&a, rows, n).t(), &mut transposed);
                    for (i, out) in out.into_iter().enumerate() {
                        assert!(close(
                            out,
                            (i as f64 * 0.7 + 0.35).sin() + a.iter().skip(i).step_by(rows).sum::<f64>()
                        ));
                    }
                    for (j, out) in transposed.into_iter().enumerate() {
                        assert!(close(
                            out,
                            (j as f64 * 0.7 + 0.35).sin() + a[j * rows..][..rows].iter().sum::<f64>()
                        ));
                    }
                }
            }
        });
    }

    #[test]
    fn one_poisoned_entry_is_noticed_wherever_it_stands() {
        at_each_level(|| {
            for n in sizes(&SIZES, 65) {
                let mut x: Vec<f32> = vec![3e38; n];
                assert!(all_finite(&x));
                for i in (0..n).step_by(7) {
                    for poison in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                        x[i] = poison;
                        assert!(!all_finite(&x));
                        assert_eq!(norm_inf(&x).is_nan(), poison.is_nan());
                        assert_eq!(norm_inf(&x).is_infinite(), poison.is_infinite());
                    }
                    x[i] = 1.0;
                }
            }
        });
    }
}

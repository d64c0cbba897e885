//! Passes over vectors, at the speed of memory.
//!
//! A sum of many terms is one of short sums: a lane adds [`TERMS`], or twice as many where that is all there is, and
//! what the lanes make is added in pairs, so that rounding grows with the logarithm of the length. The order depends on the length and the width of
//! the registers alone.
#![expect(unsafe_code, reason = "hands checked slices to a task as pointers")]

use std::ops::Range;

use super::math::Elementary;
use super::matrix_vector::{Columns, Dots, TERMS};
use super::simd::{dispatch, inlined, vectorize};
use super::{Factor, Real, sweep};

/// `Σ f(part)` over parts of `range`, of at most `leaf` each, added in pairs.
pub(crate) fn pairwise<T: Elementary>(
    range: Range<usize>, leaf: usize, f: &mut impl FnMut(Range<usize>) -> T,
) -> T {
    if range.len() <= leaf {
        return f(range);
    }
    let middle = range.start + range.len().div_ceil(leaf) / 2 * leaf;
    let low = pairwise(range.start..middle, leaf, f);
    low + pairwise(middle..range.end, leaf, f)
}

/// `out ← out + A 1`: the sum of the columns, finished before it is added.
pub(crate) fn add_columns<T: Real>(a: Factor<'_, T>, out: &mut [T]) {
    assert!(a.row_stride == 1 && out.len() >= a.rows);
    if a.rows == 1 && a.col_stride == 1 {
        out[0] += sum(a.t().column(0).expect("neighbours"));
    } else {
        for start in (0..a.rows).step_by(ROWS) {
            let rows = start..a.rows.min(start + ROWS);
            let mut sums = [T::zero(); ROWS];
            sum_columns(a, rows.clone(), 0..a.cols, &mut sums);
            out[rows].iter_mut().zip(&sums).for_each(|(out, sum)| *out += *sum);
        }
    }
}

/// Rows that [`sum_columns`] adds at a time.
const ROWS: usize = 256;

/// `sums ← sums + A 1` for some rows and columns, in pairs of runs of columns; `sums` are zero.
fn sum_columns<T: Real>(a: Factor<'_, T>, rows: Range<usize>, columns: Range<usize>, sums: &mut [T; ROWS]) {
    if columns.len() > TERMS && a.cols > 2 * TERMS {
        let middle = columns.start + columns.len().div_ceil(TERMS) / 2 * TERMS;
        let mut high = [T::zero(); ROWS];
        sum_columns(a, rows.clone(), columns.start..middle, sums);
        sum_columns(a, rows.clone(), middle..columns.end, &mut high);
        sums[..rows.len()].iter_mut().zip(high).for_each(|(low, high)| *low += high);
        return;
    }
    let start = a.as_ptr().wrapping_add(rows.start + columns.start * a.col_stride);
    let (one, rows, depth, y) = (T::one(), rows.len(), columns.len(), sums.as_mut_ptr());
    // SAFETY: `Factor` vouches for its elements, of which these rows and columns are a part; `sums` has `ROWS`, and
    // every `x` is the one `one`.
    unsafe {
        dispatch(Columns { rows, depth, a: start, column: a.col_stride, x: &raw const one, x_step: 0, y });
    };
}

/// `x ← value`.
pub(crate) fn fill<T: Real>(x: &mut [T], value: T) {
    vectorize(inlined!(|_| x.fill(value)));
}

/// Vectors of so few entries are not worth the way to wider instructions.
const SHORT: usize = 12;

/// `y ← y + α x`.
pub(crate) fn axpy<T: Real>(alpha: T, x: &[T], y: &mut [T]) {
    if y.len() <= SHORT {
        y.iter_mut().zip(x).for_each(|(y, x)| *y += alpha * *x);
        return;
    }
    vectorize(inlined!(|fused| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = fused.mul_add(alpha, *x, *y);
        }
    }));
}

/// `y ← y + x`, by several threads where that is worth a fork.
pub(crate) fn add<T: Real>(x: &[T], y: &mut [T]) {
    sweep(x, [y], inlined!(|_, x, [y]| [y + x]));
}

/// `y ← α x`.
pub(crate) fn scaled<T: Real>(alpha: T, x: &[T], y: &mut [T]) {
    if y.len() <= SHORT {
        y.iter_mut().zip(x).for_each(|(y, x)| *y = alpha * *x);
        return;
    }
    vectorize(inlined!(|_| {
        for (y, x) in y.iter_mut().zip(x) {
            *y = alpha * *x;
        }
    }));
}

/// `x ← α x`.
pub(crate) fn scale<T: Real>(alpha: T, x: &mut [T]) {
    vectorize(inlined!(|_| {
        for x in x {
            *x *= alpha;
        }
    }));
}

/// `x ← x ⊙ y`.
pub(crate) fn times<T: Real>(x: &mut [T], y: &[T]) {
    vectorize(inlined!(|_| {
        for (x, y) in x.iter_mut().zip(y) {
            *x *= *y;
        }
    }));
}

/// `xᵀ y`.
pub(crate) fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    let n = x.len().min(y.len());
    if n <= SHORT {
        return x.iter().zip(y).fold(T::zero(), |sum, (x, y)| sum + *x * *y);
    }
    let (x, y) = (&x[..n], &y[..n]);
    // up to `TERMS` stretches of [`Dots`], even where registers are narrow
    pairwise(0..n, TERMS * TERMS * 8, &mut |part| {
        let (x, y, mut sum) = (&x[part.clone()], &y[part], T::zero());
        let depth = x.len();
        let (a, x) = (x.as_ptr(), y.as_ptr());
        // SAFETY: one row of `depth` elements, and as many of the other vector.
        unsafe { dispatch(Dots { rows: 1, depth, a, row: depth, x, y: &raw mut sum }) };
        sum
    })
}

/// `Σ x_i`.
pub(crate) fn sum<T: Real>(x: &[T]) -> T {
    pairwise(0..x.len(), TERMS * LANES, &mut |part| fold(&x[part], inlined!(|sum, x| sum + x)))
}

/// `‖x‖₂`, whatever the size of the entries: where a square over- or underflows, that of `x` times a power of two.
/// NaN and infinity are those of the entries.
pub(crate) fn norm<T: Real>(x: &[T]) -> T {
    let squares = dot(x, x);
    if squares >= T::LEAST_NORMAL / (T::EPSILON * T::EPSILON) && squares <= T::MAX {
        return squares.sqrt();
    }
    let largest = norm_inf(x);
    if largest == T::zero() || !largest.is_finite() {
        return largest;
    }
    let (unit, back) = largest.unit();
    // the same order of the sum, and so the same bits, as where nothing leaves the range
    let scaled: Vec<T> = x.iter().map(|x| *x * unit).collect();
    dot(&scaled, &scaled).sqrt() * back
}

/// The power of two that takes a size next to 1; 1 for 0.
pub(crate) fn unit<T: Real>(size: T) -> T {
    if size > T::zero() { size.unit().0 } else { T::one() }
}

/// `max |x_i|`; NaN if any entry is NaN.
pub(crate) fn norm_inf<T: Real>(x: &[T]) -> T {
    fold(x, inlined!(|max, x| larger(max, x)))
}

/// `max(m, |x|)` for `m ≥ 0`; NaN, once it came, stays.
#[inline(always)]
pub(super) fn larger<T: Elementary>(max: T, x: T) -> T {
    let x = x.magnitude();
    if x > max || x.not_a_number() { x } else { max }
}

/// The first `i` with the largest `|x_i|`, or the first NaN.
pub(super) fn largest<T: Elementary>(x: &[T]) -> usize {
    let first = |(at, max): (usize, T), (i, x): (usize, &T)| {
        let x = x.magnitude();
        if x > max || (x.not_a_number() && !max.not_a_number()) { (i, x) } else { (at, max) }
    };
    x.iter().enumerate().fold((0, T::default()), first).0
}

/// Whether no entry is NaN or infinite: `Σ 0 x_i` is zero.
pub(crate) fn all_finite<T: Real>(x: &[T]) -> bool {
    fold(x, inlined!(|sum, x| sum + T::lit(0.0) * x)) == T::zero()
}

/// Lanes of a fold.
const LANES: usize = 64;

/// Folds from zero: a short slice as it stands, a long one in lanes.
#[inline(always)]
fn fold<T: Elementary>(x: &[T], f: impl Fn(T, T) -> T) -> T {
    if x.len() <= 2 * TERMS {
        return x.iter().fold(T::default(), |sum, x| f(sum, *x));
    }
    vectorize(inlined!(|_| {
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
    }))
}

#[inline(always)]
pub(crate) fn halve<T: Elementary, const LANES: usize>(mut lanes: [T; LANES], f: impl Fn(T, T) -> T) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            lanes[i] = f(lanes[i], lanes[i + half]);
        }
        half /= 2;
    }
    lanes[0]
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
                    let mut out = vector(rows, 0.5);
                    add_columns(Factor::new(&a, rows, n), &mut out);
                    for (i, out) in out.into_iter().enumerate() {
                        assert!(close(
                            out,
                            (i as f64 * 0.7 + 0.35).sin() + a.iter().skip(i).step_by(rows).sum::<f64>()
                        ));
                    }
                }
            }
        });
    }

    /// In sequence, 10⁶ equal terms in f32 are off by 1e−3 and more.
    #[test]
    fn many_equal_terms_keep_their_digits() {
        at_each_level(|| {
            let n = if cfg!(miri) { 5000 } else { 1_000_000 };
            let x = vec![0.1_f32; n];
            let close = |sum: f32, exact: f64| (f64::from(sum) - exact).abs() <= 1e-6 * exact;
            let (tenth, n_f64) = (f64::from(0.1_f32), n as f64);
            assert!(close(sum(&x), n_f64 * tenth));
            assert!(close(dot(&x, &vec![1.0; n]), n_f64 * tenth));
            assert!(close(norm(&x), n_f64.sqrt() * tenth));
            let mut columns = [0.0; 5];
            add_columns(Factor::new(&x, 5, n / 5), &mut columns);
            assert!(columns.iter().all(|sum| close(*sum, n_f64 / 5.0 * tenth)), "{columns:?}");
        });
    }

    #[test]
    fn a_norm_neither_overflows_nor_vanishes() {
        for unit in [1.0, 1e300, 1e-300, f64::MAX / 5.0, f64::MIN_POSITIVE, 5e-324, 2f64.powi(-1074)] {
            assert!((norm(&[3.0 * unit, 4.0 * unit]) / unit - 5.0).abs() <= 1e-15, "{unit}");
        }
        for unit in [1e37_f32, 1e-38, 1e-45, f32::MAX / 5.0, f32::MIN_POSITIVE] {
            assert!((norm(&[-3.0 * unit, 4.0 * unit]) / unit - 5.0).abs() <= 1e-6, "{unit}");
        }
        assert_eq!(norm::<f64>(&[]), 0.0);
        assert_eq!(norm(&[0.0, 0.0]), 0.0);
        assert_eq!(norm(&[1.0, f64::NEG_INFINITY]), f64::INFINITY);
        assert!(norm(&[1.0, f64::NAN, f64::INFINITY]).is_nan());
        // as without the power of two, but for rounding
        let v: Vec<f64> = (0..9).map(|i| f64::from(i).sin()).collect();
        let scaled: Vec<f64> = v.iter().map(|v| v * 2f64.powi(900)).collect();
        assert!((norm(&scaled) / 2f64.powi(900) / norm(&v) - 1.0).abs() <= 2.0 * f64::EPSILON);
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

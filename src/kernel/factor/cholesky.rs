//! `A = L Lᵀ`, and the triangular solves.

use std::ops::Range;

use crate::kernel::product::{STRIP, product, subtract_strip};
use crate::kernel::sums::{axpy, dot};
use crate::kernel::{Factor, Fused, Real, inlined, vectorize};

/// Up to this size the triangle is kept in an array: wider instructions and tiles cost more than they bring.
const SMALL: usize = 12;
/// Columns factorised at a time: one tile wide.
const PANEL: usize = 8;

/// Factorises a symmetric positive definite `n × n` matrix in place, `A = L Lᵀ`: reads and writes the
/// lower triangle only. False, with the content spoilt, if a pivot is not finite, not positive, or only
/// [rounding](pivot_rounding) of what it was subtracted from: the matrix is singular to working precision.
///
/// A strip of columns is brought up to date with all before it by one product, then, panel by panel, with those
/// before in the strip.
pub(crate) fn cholesky<T: Real>(a: &mut [T], n: usize) -> bool {
    match n {
        0..=4 => small::<T, 4>(a, n),
        5..=8 => small::<T, 8>(a, n),
        9..=SMALL => small::<T, SMALL>(a, n),
        _ => cholesky_columns(a, n) == n,
    }
}

/// [`cholesky`], and how many columns were factorised before it broke off: the next one is brought up to date with them,
/// and its pivot is not that of a definite matrix.
pub(crate) fn cholesky_columns<T: Real>(a: &mut [T], n: usize) -> usize {
    let a = &mut a[..n * n];
    // what fits two strips fits the cache
    let strip = if n <= 2 * STRIP { 2 * STRIP } else { STRIP };
    for start in (0..n).step_by(strip) {
        let end = n.min(start + strip);
        let mut least = [T::zero(); 2 * STRIP];
        for (least, c) in least.iter_mut().zip(start..end) {
            *least = pivot_rounding(n, a[c * n + c]);
        }
        if start > 0 {
            subtract::<T, STRIP>(a, n, 0..start, start..end);
        }
        for j in (start..end).step_by(PANEL) {
            let columns = PANEL.min(end - j);
            if j > start {
                subtract::<T, PANEL>(a, n, start..j, j..j + columns);
            }
            let (columns, least) = (&mut a[j * n..(j + columns) * n], &least[j - start..]);
            let width = columns.len() / n;
            let finished = vectorize(inlined!(|fused| panel(fused, columns, n, j, least)));
            if finished < width {
                return j + finished;
            }
        }
    }
    n
}

/// What is left of a diagonal entry `a` once a pivot is rounding: `8 n ε a`, for the errors of `n` subtractions and
/// of the sums that the entries are. Each pivot is measured by its own entry, so the units of the variables do not
/// matter.
pub(crate) fn pivot_rounding<T: Real>(n: usize, a: T) -> T {
    T::of(8.0 * n as f64) * T::EPSILON * a
}

/// `A_ij ← A_ij − Σ_p L_ip L_jp` for the columns `j`, from the diagonal on, and some columns `p` before them.
fn subtract<T: Real, const WIDTH: usize>(a: &mut [T], n: usize, p: Range<usize>, j: Range<usize>) {
    let (before, rest) = a.split_at_mut(j.start * n);
    let l = Factor::strided(&before[p.start * n + j.start..], (n - j.start, p.len()), (1, n));
    subtract_strip::<T, WIDTH>(l, l.lines(0..j.len()), &mut rest[j.start..], n);
}

/// Factorises columns whose predecessors have been taken off, from row `j` on, that of their first pivot:
/// `L_i = A_i / √d`. The columns to the right need `A_i / d` only, so no root stands between one pivot and the next.
/// Pivots up to `least` are rounding. How many columns it was.
#[inline(always)]
fn panel<T: Real>(fused: Fused, columns: &mut [T], n: usize, j: usize, least: &[T]) -> usize {
    for c in 0..columns.len() / n {
        let (column, others) = columns[c * n..].split_at_mut(n);
        let (pivot, below) = column[j + c..].split_first_mut().expect("j + c < n");
        let d = *pivot;
        if !(d > least[c].max(T::zero()) && d <= T::MAX) {
            return c;
        }
        let inverse = T::one() / d;
        for (k, other) in others.chunks_exact_mut(n).enumerate() {
            let factor = -below[k] * inverse;
            for (to, l) in other[j + c + 1 + k..].iter_mut().zip(&below[k..]) {
                *to = fused.mul_add(factor, *l, *to);
            }
        }
        *pivot = d.sqrt();
        let factor = T::one() / *pivot;
        below.iter_mut().for_each(|l| *l *= factor);
    }
    columns.len() / n
}

/// [`cholesky`] of at most `N` columns, each as long as `N`: loops without ends to look after. What stands above the
/// diagonal is neither read nor written.
#[inline(always)]
fn small<T: Real, const N: usize>(a: &mut [T], n: usize) -> bool {
    assert!(n <= N);
    let mut l = [[T::zero(); N]; N];
    let mut least = [T::zero(); N];
    for c in 0..n {
        l[c][c..n].copy_from_slice(&a[c * n + c..(c + 1) * n]);
        least[c] = pivot_rounding(n, l[c][c]);
    }
    for c in 0..n {
        let column = l[c];
        let d = column[c];
        if !(d > least[c].max(T::zero()) && d <= T::MAX) {
            return false;
        }
        let inverse = T::one() / d;
        for k in c + 1..n {
            let factor = -column[k] * inverse;
            for (to, l) in l[k].iter_mut().zip(&column) {
                *to += factor * *l;
            }
        }
        let (root, below) = (d.sqrt(), &column[c + 1..n]);
        let factor = T::one() / root;
        a[c * n + c] = root;
        a[c * n + c + 1..(c + 1) * n].iter_mut().zip(below).for_each(|(to, l)| *to = *l * factor);
    }
    true
}

/// Solves `L Lᵀ x = b` in place, with `L` from [`cholesky`]. Reciprocals of the diagonal stand aside from the chain of
/// unknowns, where divisions would not.
pub(crate) fn cholesky_solve<T: Real>(l: &[T], n: usize, b: &mut [T]) {
    let column = |j: usize| l[j * n + j..(j + 1) * n].split_first().expect("j < n");
    for j in 0..n {
        let (d, below) = column(j);
        let (x, rest) = b[j..n].split_first_mut().expect("j < n");
        *x *= T::one() / *d;
        axpy(-*x, below, rest);
    }
    for j in (0..n).rev() {
        let (d, below) = column(j);
        let (x, rest) = b[j..n].split_first_mut().expect("j < n");
        *x = (*x - dot(below, rest)) * (T::one() / *d);
    }
}

/// Up to this size a triangle is inverted column by column.
const TRIANGLE: usize = 16;

/// `L ← L⁻¹`, for a lower triangle `n × n` by columns; what stands above it becomes zero.
pub(crate) fn invert_lower<T: Real>(l: &mut [T], n: usize) {
    for (j, column) in l.chunks_exact_mut(n.max(1)).enumerate() {
        column[..j].fill(T::zero());
    }
    let size = n.div_ceil(2) * (n / 2);
    invert_part(l, n, 0..n, &mut [vec![T::zero(); size], vec![T::zero(); size]]);
}

/// Of a part of the diagonal:
///
/// ```text
/// (A 0; B C)⁻¹ = (A⁻¹ 0; −C⁻¹ B A⁻¹ C⁻¹)
/// ```
fn invert_part<T: Real>(l: &mut [T], n: usize, part: Range<usize>, scratch: &mut [Vec<T>; 2]) {
    let (start, end) = (part.start, part.end);
    if part.len() <= TRIANGLE {
        for j in part.rev() {
            let inverse = T::one() / l[j * n + j];
            l[j * n + j] = inverse;
            for i in (j + 1..end).rev() {
                let sum = (j + 1..=i).fold(T::zero(), |sum, k| sum + l[k * n + i] * l[j * n + k]);
                l[j * n + i] = -inverse * sum;
            }
        }
        return;
    }
    let middle = start + part.len() / 2;
    invert_part(l, n, start..middle, scratch);
    invert_part(l, n, middle..end, scratch);
    let (left, below) = (middle - start, end - middle);
    let block = |row: usize, column: usize, size| Factor::strided(&l[column * n + row..], size, (1, n));
    let [first, second] = scratch;
    let (a, b, c) = (
        block(start, start, (left, left)),
        block(middle, start, (below, left)),
        block(middle, middle, (below, below)),
    );
    product(T::one(), b, a, T::zero(), first);
    product(-T::one(), c, Factor::new(first, below, left), T::zero(), second);
    for (j, column) in second[..below * left].chunks_exact(below).enumerate() {
        l[(start + j) * n + middle..][..below].copy_from_slice(column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    const SIZES: [usize; 18] = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 49, 64, 100, 129, 200];

    fn check<T: Real>(n: usize) {
        // A = B Bᵀ + n 1, its upper triangle poisoned.
        let b: Vec<T> = (0..n * n).map(|i| T::of((((i + 1) * 7919) >> 3) as f64 % 7.0 - 3.0)).collect();
        let mut a = vec![T::NAN; n * n];
        for j in 0..n {
            for i in j..n {
                let s = (0..n).fold(T::zero(), |s, k| s + b[k * n + i] * b[k * n + j]);
                a[j * n + i] = s + if i == j { T::of(n as f64) } else { T::zero() };
            }
        }
        let mut l = a.clone();
        assert!(cholesky(&mut l, n));
        let tolerance = T::of(30.0 * (n * n) as f64) * T::EPSILON;
        for j in 0..n {
            assert!(l[j * n..][..j].iter().all(|x| x.not_a_number()), "the upper triangle is not touched");
            for i in j..n {
                let s = (0..=j).fold(T::zero(), |s, k| s + l[k * n + i] * l[k * n + j]);
                assert!((s - a[j * n + i]).magnitude() <= tolerance, "{n}: {i}, {j}");
            }
        }
        let x: Vec<T> = (0..n).map(|i| T::of(i as f64 % 5.0 - 2.0)).collect();
        let mut y = vec![T::zero(); n];
        for j in 0..n {
            for i in 0..n {
                y[i] += a[i.min(j) * n + i.max(j)] * x[j];
            }
        }
        cholesky_solve(&l, n, &mut y);
        assert!(x.iter().zip(&y).all(|(x, y)| (*x - *y).magnitude() <= T::of(1000.0) * T::EPSILON));
        let mut inverse = l.clone();
        invert_lower(&mut inverse, n);
        for j in 0..n {
            assert!(inverse[j * n..][..j].iter().all(|x| *x == T::zero()));
            for i in j..n {
                let s = (j..=i).fold(T::zero(), |s, k| s + l[k * n + i] * inverse[j * n + k]);
                let expected = if i == j { T::one() } else { T::zero() };
                assert!((s - expected).magnitude() <= tolerance, "{n}: {i}, {j}");
            }
        }
        for bad in [T::zero(), -T::one(), T::NAN, T::of(f64::INFINITY)] {
            for j in (0..n).step_by(6) {
                let mut l = a.clone();
                l[j * n + j] = bad;
                assert!(!cholesky(&mut l, n), "{n}: pivot {j} from {bad}");
            }
        }
    }

    #[test]
    fn rounding_is_no_pivot_and_units_do_not_matter() {
        // (1, t)ᵀ(1, t) of rank one, whatever is left of the second pivot
        for t in [1.0, 0.1, 1.0 / 3.0, 1e-9, 1e9 / 7.0] {
            assert!(!cholesky(&mut [1.0, t, f64::NAN, t * t * (1.0 + 1e-16)], 2));
            assert!(!cholesky(&mut [1.0, t, f64::NAN, t * t * (1.0 + f64::EPSILON)], 2));
            assert!(cholesky(&mut [1.0, t, f64::NAN, t * t * (1.0 + 1e-13)], 2));
        }
        assert!(cholesky(&mut [1.0, 0.0, 0.0, 1e-300], 2));
        assert!(cholesky(&mut [1e-300, 0.0, 0.0, 1.0], 2));
    }

    #[test]
    fn the_factor_reproduces_the_matrix() {
        at_each_level(|| {
            for n in sizes(&SIZES, 15) {
                check::<f32>(n);
                check::<f64>(n);
            }
        });
    }
}

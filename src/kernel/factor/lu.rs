//! `P A = L U` with row exchanges, for matrices that are not positive definite.
#![expect(unsafe_code, reason = "hands parts of one checked slice to the tiles as pointers")]

use crate::kernel::real::Real;
use crate::kernel::simd::{Block, Update, dispatch, inlined, vectorize};
use crate::kernel::sums::largest;

/// Columns factorised at a time.
const PANEL: usize = 8;

/// Factorises a general `n × n` matrix in place, `P A = L U` with unit diagonal in `L`; row `j` was exchanged
/// with row `pivots[j]`. False, with the content spoilt, if a pivot is zero or not finite.
pub(crate) fn lu<T: Real>(a: &mut [T], n: usize, pivots: &mut [usize]) -> bool {
    let (a, pivots) = (&mut a[..n * n], &mut pivots[..n]);
    for j in (0..n).step_by(PANEL) {
        let width = PANEL.min(n - j);
        if !panel(a, n, j, width, pivots) {
            return false;
        }
        exchange(a, n, j, width, pivots);
        update(a, n, j, width);
    }
    true
}

/// Factorises columns `j..j + width` from row `j` on.
fn panel<T: Real>(a: &mut [T], n: usize, j: usize, width: usize, pivots: &mut [usize]) -> bool {
    let columns = &mut a[j * n..(j + width) * n];
    vectorize(inlined!(|fused| {
        for c in 0..width {
            let row = j + c;
            let pivot = row + largest(&columns[c * n + row..(c + 1) * n]);
            pivots[row] = pivot;
            for column in columns.chunks_exact_mut(n) {
                column.swap(row, pivot);
            }
            let (column, others) = columns[c * n..].split_at_mut(n);
            let (d, below) = column[row..].split_first_mut().expect("row < n");
            if !(d.magnitude() > T::zero() && d.magnitude() <= T::MAX) {
                return false;
            }
            for l in below.iter_mut() {
                *l /= *d;
            }
            for other in others.chunks_exact_mut(n) {
                let (u, other) = other[row..].split_first_mut().expect("row < n");
                for (o, l) in other.iter_mut().zip(below.iter()) {
                    *o = fused.mul_add(-*u, *l, *o);
                }
            }
        }
        true
    }))
}

/// Exchanges rows in the columns outside the panel, and solves for the panel's rows of `U`.
fn exchange<T: Real>(a: &mut [T], n: usize, j: usize, width: usize, pivots: &[usize]) {
    let (left, right) = a.split_at_mut((j + width) * n);
    let (left, panel) = left.split_at_mut(j * n);
    for (row, &pivot) in pivots.iter().enumerate().skip(j).take(width) {
        if pivot != row {
            for column in left.chunks_exact_mut(n).chain(right.chunks_exact_mut(n)) {
                column.swap(row, pivot);
            }
        }
    }
    // Below its diagonal, L; zeros elsewhere, so that every step is one of whole registers.
    let mut l = [[T::zero(); PANEL]; PANEL];
    for (c, (l, column)) in l.iter_mut().zip(panel.chunks_exact(n)).enumerate() {
        l[c + 1..width].copy_from_slice(&column[j + c + 1..j + width]);
    }
    vectorize(inlined!(|fused| {
        for column in right.chunks_exact_mut(n) {
            let mut u = [T::zero(); PANEL];
            u[..width].copy_from_slice(&column[j..j + width]);
            for c in 0..PANEL {
                let x = -u[c];
                for r in 0..PANEL {
                    u[r] = fused.mul_add(x, l[c][r], u[r]);
                }
            }
            column[j..j + width].copy_from_slice(&u[..width]);
        }
    }));
}

/// `A_ij ← A_ij − Σ_p L_ip U_pj` over the panel, right of it and below.
fn update<T: Real>(a: &mut [T], n: usize, j: usize, width: usize) {
    let next = j + width;
    if next == n {
        return;
    }
    // SAFETY: columns `j..next` from row `next` on, and rows `j..next` of the columns from `next` on, are read;
    // rows and columns from `next` on are written. All lie in the matrix.
    unsafe {
        let base = a.as_mut_ptr();
        dispatch(Block {
            rows: n - next,
            columns: n - next,
            depth: width,
            a: base.add(j * n + next),
            a_step: 1,
            a_column: Some(n),
            b: base.add(next * n + j),
            b_step: n,
            b_row: 1,
            b_column: n,
            c: base.add(next * n + next),
            c_column: n,
            update: Update::Scaled(-T::one(), T::one()),
        });
    }
}

/// Solves `A x = b` in place, with what [`lu`] made of `A`.
pub(crate) fn lu_solve<T: Real>(lu: &[T], n: usize, pivots: &[usize], b: &mut [T]) {
    let (lu, b) = (&lu[..n * n], &mut b[..n]);
    vectorize(inlined!(|fused| {
        for (j, &pivot) in pivots[..n].iter().enumerate() {
            b.swap(j, pivot);
        }
        for (j, column) in lu.chunks_exact(n.max(1)).enumerate() {
            let (x, rest) = b[j..].split_first_mut().expect("j < n");
            for (b, l) in rest.iter_mut().zip(&column[j + 1..]) {
                *b = fused.mul_add(-*x, *l, *b);
            }
        }
        for (j, column) in lu.chunks_exact(n.max(1)).enumerate().rev() {
            let (x, before) = b[..=j].split_last_mut().expect("one at least");
            *x /= column[j];
            for (b, u) in before.iter_mut().zip(column) {
                *b = fused.mul_add(-*x, *u, *b);
            }
        }
    }));
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "exact results, compared as they are")]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    fn check<T: Real>(n: usize) {
        let a: Vec<T> = (0..n * n).map(|i| T::of(((i * i) as f64 * 0.37 + i as f64 + 0.3).sin())).collect();
        let x: Vec<T> = (0..n).map(|i| T::of(i as f64 % 5.0 - 2.0)).collect();
        let mut b = vec![T::zero(); n];
        for j in 0..n {
            for i in 0..n {
                b[i] += a[j * n + i] * x[j];
            }
        }
        let (mut f, mut pivots, rhs) = (a.clone(), vec![0; n], b.clone());
        assert!(lu(&mut f, n, &mut pivots), "{n}");
        lu_solve(&f, n, &pivots, &mut b);
        // The residual is small, whatever the condition.
        let size = b.iter().fold(T::one(), |m, x| if x.magnitude() > m { x.magnitude() } else { m });
        for i in 0..n {
            let r = (0..n).fold(rhs[i], |r, j| r - a[j * n + i] * b[j]);
            assert!(r.magnitude() <= T::of(50.0 * n as f64) * size * T::EPSILON, "{n}: row {i}, {r}");
        }
        if n > 0 {
            let mut f = a.clone();
            f[(n / 2) * n..(n / 2 + 1) * n].fill(T::zero());
            assert!(!lu(&mut f, n, &mut pivots), "{n}: a column of zeros");
            f.copy_from_slice(&a);
            f[n / 2] = T::NAN;
            assert!(!lu(&mut f, n, &mut pivots), "{n}: NaN");
        }
    }

    #[test]
    fn solves_what_it_factorises() {
        at_each_level(|| {
            for n in sizes(&[0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 49, 64, 100], 17) {
                check::<f32>(n);
                check::<f64>(n);
            }
        });
    }

    #[test]
    fn exchanges_rows_where_the_pivot_is_zero() {
        let (mut a, mut pivots, mut b) = ([0.0, 1.0, 2.0, -1.0], [0; 2], [4.0, -1.0]);
        assert!(lu(&mut a, 2, &mut pivots));
        lu_solve(&a, 2, &pivots, &mut b);
        assert_eq!(b, [1.0, 2.0]);
    }
}

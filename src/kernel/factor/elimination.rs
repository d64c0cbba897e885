//! Elimination with row exchanges, for matrices that are not positive definite.

use crate::kernel::real::Real;
use crate::kernel::sums::{axpy, largest};

/// `b ← A⁻¹ b` for a general `n × n` matrix, which is spoilt. False, with `b` spoilt as well, if a pivot is zero or not
/// finite.
///
/// ```text
/// P A = L U,  L y = P b by column after column,    then U x = y
/// ```
pub(crate) fn eliminate<T: Real>(a: &mut [T], n: usize, b: &mut [T]) -> bool {
    for k in 0..n {
        let pivot = k + largest(&a[k * n + k..(k + 1) * n]);
        b.swap(k, pivot);
        a[k * n..].chunks_exact_mut(n).for_each(|column| column.swap(k, pivot));
        let (left, right) = a.split_at_mut((k + 1) * n);
        let (d, l) = left[k * n + k..].split_first_mut().expect("k < n");
        if !(d.magnitude() > T::zero() && d.is_finite()) {
            return false;
        }
        l.iter_mut().for_each(|l| *l /= *d);
        for column in right.chunks_exact_mut(n).chain([&mut *b]) {
            axpy(-column[k], l, &mut column[k + 1..]);
        }
    }
    for (k, u) in a.chunks_exact(n.max(1)).enumerate().rev() {
        b[k] /= u[k];
        axpy(-b[k], &u[..k], &mut b[..k]);
    }
    true
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
        let rhs = b.clone();
        assert!(eliminate(&mut a.clone(), n, &mut b), "{n}");
        // The residual is small, whatever the condition.
        let size = b.iter().fold(T::one(), |m, x| if x.magnitude() > m { x.magnitude() } else { m });
        for i in 0..n {
            let r = (0..n).fold(rhs[i], |r, j| r - a[j * n + i] * b[j]);
            assert!(r.magnitude() <= T::of(50.0 * n as f64) * size * T::EPSILON, "{n}: row {i}, {r}");
        }
        if n > 0 {
            let mut f = a.clone();
            f[(n / 2) * n..(n / 2 + 1) * n].fill(T::zero());
            assert!(!eliminate(&mut f, n, &mut b), "{n}: a column of zeros");
            f.copy_from_slice(&a);
            f[n / 2] = T::NAN;
            assert!(!eliminate(&mut f, n, &mut b), "{n}: NaN");
        }
    }

    #[test]
    fn solves_what_it_eliminates() {
        at_each_level(|| {
            for n in sizes(&[0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 49, 64, 100], 17) {
                check::<f32>(n);
                check::<f64>(n);
            }
        });
    }

    #[test]
    fn exchanges_rows_where_the_pivot_is_zero() {
        let (mut a, mut b) = ([0.0, 1.0, 2.0, -1.0], [4.0, -1.0]);
        assert!(eliminate(&mut a, 2, &mut b));
        assert_eq!(b, [1.0, 2.0]);
    }
}

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::kernel::{self, Fused};
use crate::{Curved, Error, Loss, Real};

/// Softmax cross-entropy on scores: `ℓ(z, y) = Σ_i y_i (logsumexp(z) − z_i)`, targets one-hot or a
/// distribution over the `k` classes. `CrossEntropy` *is* softmax and cross-entropy together.
///
/// ```text
/// p       = e^{z − max z} / Σ e^{z − max z}
/// ∂ℓ/∂z   = p − y
/// ∂²ℓ/∂z² = diag(p) − p pᵀ
/// ```
///
/// ```
/// use gradus::{CrossEntropy, Loss};
/// use nalgebra::dmatrix;
///
/// let (z, y) = (dmatrix![1000.0; 0.0], dmatrix![0.0; 1.0]);
/// assert_eq!(CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]), 1000.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CrossEntropy;

/// The class with the largest score (the first of equals).
pub(crate) fn argmax<T: Real>(z: impl Iterator<Item = T>) -> usize {
    let best = z.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |best| best.0)
}

/// Per column: `p ← softmax(z)`; returns `max z` and `ln Σ e^{z − max z}`, whose sum is `logsumexp(z)`.
#[inline(always)]
fn softmax<T: Real>(fused: Fused, z: &[T], p: &mut [T]) -> (T, T) {
    let max = z.iter().fold(z[0], |m, z| if *z > m { *z } else { m });
    for (p, z) in p.iter_mut().zip(z) {
        *p = fused.exp(*z - max);
    }
    let sum = p.iter().fold(T::zero(), |s, p| s + *p);
    let scale = T::one() / sum;
    for p in p.iter_mut() {
        *p *= scale;
    }
    (max, fused.ln(sum))
}

/// `Σ_i y_i (logsumexp(z) − z_i)`, each difference taken before the logarithm is added.
#[inline(always)]
fn cross_entropy<T: Real>(z: &[T], y: &[T], (max, log_sum): (T, T)) -> T {
    z.iter().zip(y).fold(T::zero(), |s, (z, y)| s + *y * ((max - *z) + log_sum))
}

impl<T: Real> Loss<T> for CrossEntropy {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        kernel::vectorize(
            #[inline(always)]
            |fused| {
                let columns = z.column_iter().zip(y.column_iter()).zip(weights);
                columns.filter(|(_, w)| **w != T::zero()).fold(T::zero(), |total, ((z, y), &w)| {
                    let (z, y) = (z.as_slice(), y.as_slice());
                    let max = z.iter().fold(z[0], |m, z| if *z > m { *z } else { m });
                    let sum = z.iter().fold(T::zero(), |s, z| s + fused.exp(*z - max));
                    total + w * cross_entropy(z, y, (max, fused.ln(sum)))
                })
            },
        )
    }

    fn value_gradient(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        mut delta: DMatrixViewMut<'_, T>,
    ) -> T {
        kernel::vectorize(
            #[inline(always)]
            |fused| {
                let columns = z.column_iter().zip(y.column_iter()).zip(delta.column_iter_mut());
                columns.zip(weights).fold(T::zero(), |total, (((z, y), mut delta), &w)| {
                    let (z, y, delta) = (z.as_slice(), y.as_slice(), delta.as_mut_slice());
                    if w == T::zero() {
                        delta.fill(T::zero());
                        return total;
                    }
                    let log = softmax(fused, z, delta);
                    // the targets sum to 1 up to rounding: Σ y p − y is exact for whatever they sum to
                    for (delta, y) in delta.iter_mut().zip(y) {
                        *delta = w * (*delta - *y);
                    }
                    total + w * cross_entropy(z, y, log)
                })
            },
        )
    }

    fn respond(&self, mut z: DMatrixViewMut<'_, T>) {
        for mut z in z.column_iter_mut() {
            let max = z.max();
            z.apply(|z| *z = Fused::PORTABLE.exp(*z - max));
            let sum = z.sum();
            z.apply(|z| *z /= sum);
        }
    }

    /// The share of samples whose largest score is the class of the largest target.
    fn score(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>) -> T {
        let columns = z.column_iter().zip(y.column_iter());
        let right = columns.filter(|(z, y)| argmax(z.iter().copied()) == argmax(y.iter().copied())).count();
        T::of(right as f64) / T::of(z.ncols() as f64)
    }

    fn is_convex(&self) -> bool {
        true
    }

    /// Every sample's own class (target 1) strictly above all others.
    fn separates(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> bool {
        let mut samples = z.column_iter().zip(y.column_iter()).zip(weights).filter(|(_, w)| **w > T::zero());
        z.nrows() > 1
            && samples.all(|((z, y), _)| {
                let class = argmax(y.iter().copied());
                y[class] == T::one() && z.iter().enumerate().all(|(i, s)| i == class || *s < z[class])
            })
    }

    fn check(&self, y: DMatrixView<'_, T>) -> Result<(), Error> {
        let (expected, slack) = ("non-negative and sum to 1", T::of(16.0) * T::EPSILON);
        for (sample, column) in y.column_iter().enumerate() {
            let wrong = column.iter().copied().find(|y| !(*y >= T::zero() && *y <= T::one() + slack));
            let sum = column.sum();
            let off = (sum - T::one()).abs() > slack * T::of(column.len() as f64);
            if let Some(found) = wrong.or(off.then_some(sum)) {
                return Err(Error::Label { argument: "y", expected, found: found.f64(), sample });
            }
        }
        Ok(())
    }
}

impl<T: Real> Curved<T> for CrossEntropy {
    fn curvature_product(
        &self,
        z: DMatrixView<'_, T>,
        _y: DMatrixView<'_, T>,
        weights: &[T],
        r: DMatrixView<'_, T>,
        mut out: DMatrixViewMut<'_, T>,
    ) {
        kernel::vectorize(
            #[inline(always)]
            |fused| {
                let columns = z.column_iter().zip(r.column_iter()).zip(out.column_iter_mut());
                for (((z, r), mut out), &w) in columns.zip(weights) {
                    let (z, r, p) = (z.as_slice(), r.as_slice(), out.as_mut_slice());
                    softmax(fused, z, p);
                    let mean = p.iter().zip(r).fold(T::zero(), |s, (p, r)| s + *p * *r);
                    for (p, r) in p.iter_mut().zip(r) {
                        *p = if w == T::zero() { T::zero() } else { w * *p * (*r - mean) };
                    }
                }
            },
        );
    }
}

//! Features measured from an origin, each in its own unit, without a copy of the table.

use std::cmp::Ordering;

use nalgebra::{DMatrixView, DVector};

use crate::Real;
use crate::kernel::{self, compiled, inlined, vectorize};

/// The coordinates `x̃ = s x − o` of features: `s` is one over the power of two next to their size, `o` is 0 unless they
/// are far from zero. In those of the parameters of an affine model, `φ = (W̃, b̃)`,
///
/// ```text
/// W = W̃ diag(s),   b = b̃ − W̃ o
/// ```
#[derive(Debug)]
pub(crate) struct Frame<T> {
    origin: Vec<T>,
    scale: Vec<T>,
    outputs: usize,
    /// How many parameters are weights; the others are biases.
    pub(crate) weights: usize,
}

impl<T: Real> Frame<T> {
    /// Of features whose size is the largest distance from the origin, but no less than `least`; nothing where that is no
    /// gain, for all lie around 0 and within a factor of 16 of 1.
    pub(super) fn new(
        x: DMatrixView<'_, T>, shares: &[T], outputs: usize, has_bias: bool, least: T,
    ) -> Option<Self> {
        let mut origin = if has_bias { origins(x, shares) } else { vec![T::zero(); x.nrows()] };
        let sizes = sizes(x, &origin, shares).into_iter().map(|size| size.hypot(least));
        let scale: Vec<T> = sizes.map(kernel::unit).collect();
        kernel::times(&mut origin, &scale);
        let frame = Self { weights: scale.len() * outputs, origin, scale, outputs };
        (!frame.unusual().is_empty()).then_some(frame)
    }

    /// The features that do not lie around 0 and within a factor of 16 of 1.
    pub(super) fn unusual(&self) -> Vec<usize> {
        let is_ordinary = |s: &T| (T::of(0.0625)..=T::of(16.0)).contains(s);
        let unusual = |&i: &usize| !is_ordinary(&self.scale[i]) || self.origin[i] != T::zero();
        (0..self.scale.len()).filter(unusual).collect()
    }

    /// By how much a gradient by `θ` may be larger than that by `φ`: `∂W = (∂W̃ + ∂b̃ oᵀ) diag(s)⁻¹`.
    pub(crate) fn steepness(&self) -> T {
        let units = self.scale.iter().zip(&self.origin);
        units.fold(T::one(), |largest, (s, o)| largest.max((T::one() + o.abs()) / *s))
    }

    /// The frame of the same features for another number of outputs.
    pub(super) fn with_outputs(&self, outputs: usize) -> Self {
        let (origin, scale) = (self.origin.clone(), self.scale.clone());
        Self { weights: scale.len() * outputs, origin, scale, outputs }
    }

    /// `s` of the feature that a parameter multiplies.
    pub(crate) fn scale(&self, parameter: usize) -> T {
        self.scale.get(parameter / self.outputs).copied().unwrap_or_else(T::one)
    }

    compiled! {
        /// `x̃ = s x − o`, sample by sample, to a buffer of as many or more.
        pub(super) fn place(this: &'a Frame<T>, x: DMatrixView<'a, T>, to: &'a mut [T]) {
            vectorize(inlined!(|_| {
                for (x, to) in x.column_iter().zip(to.chunks_exact_mut(this.scale.len())) {
                    let units = this.scale.iter().zip(&this.origin);
                    for ((to, x), (s, o)) in to.iter_mut().zip(x.as_slice()).zip(units) {
                        *to = *x * *s - *o;
                    }
                }
            }));
        }
    }

    /// `θ` of `φ`.
    pub(crate) fn parameters(&self, phi: &DVector<T>) -> DVector<T> {
        let mut theta = DVector::from_fn(phi.len(), |i, _| phi[i] * self.scale(i));
        for i in (0..self.weights).filter(|i| self.origin[i / self.outputs] != T::zero()) {
            theta[self.weights + i % self.outputs] -= self.origin[i / self.outputs] * phi[i];
        }
        theta
    }
}

compiled! {
    /// The largest distance of each row from its origin, over samples that count; column by column, as they lie.
    fn sizes<T>(x: DMatrixView<'a, T>, origin: &'a [T], shares: &'a [T]) -> Vec<T> {
        vectorize(inlined!(|_| {
            let mut largest = vec![T::zero(); x.nrows()];
            for (sample, _) in x.column_iter().zip(shares).filter(|(_, share)| **share > T::zero()) {
                for ((l, x), o) in largest.iter_mut().zip(sample.as_slice()).zip(origin) {
                    let x = (*x - *o).abs();
                    *l = if x > *l { x } else { *l };
                }
            }
            largest
        }))
    }
}

compiled! {
    /// `Σ_j w_j x_ij²` of each row.
    pub(super) fn mean_squares<T>(x: DMatrixView<'a, T>, shares: &'a [T]) -> Vec<T> {
        vectorize(inlined!(|_| {
            let mut squares = vec![T::zero(); x.nrows()];
            for (sample, share) in x.column_iter().zip(shares) {
                for (square, x) in squares.iter_mut().zip(sample.as_slice()) {
                    *square += *share * *x * *x;
                }
            }
            squares
        }))
    }
}

/// Samples that tell where features lie.
const SAMPLED: usize = 63;

/// Where each feature lies, if that is far from zero: the median of some samples, if it is 16 times their mean distance
/// from it or more, else 0. The digits that samples of a far feature share are lost to every product of it, while
/// differences from one of them are exact.
pub(crate) fn origins<T: Real>(x: DMatrixView<'_, T>, shares: &[T]) -> Vec<T> {
    let step = x.ncols().div_ceil(SAMPLED);
    let some: Vec<_> = (0..x.ncols()).step_by(step).filter(|j| shares[*j] > T::zero()).collect();
    let origin = |row: usize| {
        let mut values: Vec<T> = some.iter().map(|j| x[(row, *j)]).collect();
        values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        let median = *values.get(values.len() / 2)?;
        let count = T::of(values.len() as f64);
        let spread = values.iter().fold(T::zero(), |sum, x| sum + (*x - median).abs() / count);
        (median.abs() >= T::of(16.0) * spread).then_some(median)
    };
    (0..x.nrows()).map(|row| origin(row).unwrap_or_default()).collect()
}

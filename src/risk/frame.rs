//! Features measured from an origin, each in its own unit, without a copy of the table.

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
    /// Of features with these origins, whose size is the largest distance from there, but no less than `least`, and of offsets
    /// after them, which stay as they are; nothing where that is no gain, for all lie around 0 and within a factor of 16 of 1.
    pub(super) fn new(mut origin: Vec<T>, distances: &[T], outputs: usize, least: T) -> Option<Self> {
        let mut scale: Vec<T> = distances.iter().map(|size| kernel::unit(size.hypot(least))).collect();
        scale.resize(origin.len(), T::one());
        kernel::times(&mut origin, &scale);
        let frame = Self { weights: distances.len() * outputs, origin, scale, outputs };
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

    compiled! {
        /// `φ` of `θ`.
        pub(crate) fn coordinates(this: &'a Frame<T>, theta: &'a DVector<T>) -> DVector<T> {
            let mut phi = DVector::from_fn(theta.len(), |i, _| theta[i] / this.scale(i));
            for i in (0..this.weights).filter(|i| this.origin[i / this.outputs] != T::zero()) {
                let shift = this.origin[i / this.outputs] * phi[i];
                phi[this.weights + i % this.outputs] += shift;
            }
            phi
        }

        /// `θ` of `φ`.
        pub(crate) fn parameters(this: &'a Frame<T>, phi: &'a DVector<T>) -> DVector<T> {
            let mut theta = DVector::from_fn(phi.len(), |i, _| phi[i] * this.scale(i));
            for i in (0..this.weights).filter(|i| this.origin[i / this.outputs] != T::zero()) {
                theta[this.weights + i % this.outputs] -= this.origin[i / this.outputs] * phi[i];
            }
            theta
        }
    }
}

compiled! {
    /// The largest distance of each row from its origin, over samples that count, or what is larger already; column by
    /// column, as they lie.
    pub(super) fn distances<T>(x: DMatrixView<'a, T>, origin: &'a [T], shares: &'a [T], largest: &'a mut [T]) {
        vectorize(inlined!(|_| {
            for (sample, _) in x.column_iter().zip(shares).filter(|(_, share)| **share > T::zero()) {
                for ((l, x), o) in largest.iter_mut().zip(sample.as_slice()).zip(origin) {
                    let x = (*x - *o).abs();
                    *l = if x > *l { x } else { *l };
                }
            }
        }));
    }
}

compiled! {
    /// Adds `Σ_j w_j x_ij²` of each row.
    pub(super) fn add_squares<T>(x: DMatrixView<'a, T>, shares: &'a [T], squares: &'a mut [T]) {
        vectorize(inlined!(|_| {
            for (sample, share) in x.column_iter().zip(shares) {
                for (square, x) in squares.iter_mut().zip(sample.as_slice()) {
                    *square += *share * *x * *x;
                }
            }
        }));
    }
}

/// Samples that tell where features lie.
pub(super) const SAMPLED: usize = 63;

/// Where each of `n` features lies, if that is far from zero: the median of some samples, one after the other, if it is 16
/// times their mean distance from it or more, else 0. The digits that samples of a far feature share are lost to every
/// product of it, while differences from one of them are exact.
pub(super) fn origins<T: Real>(samples: &[T], n: usize) -> Vec<T> {
    let origin = |row: usize| {
        let mut values: Vec<T> = samples.iter().skip(row).step_by(n).copied().collect();
        values.sort_unstable_by(|a, b| a.f64().total_cmp(&b.f64()));
        let median = *values.get(values.len() / 2)?;
        let count = T::of(values.len() as f64);
        let spread = values.iter().fold(T::zero(), |sum, x| sum + (*x - median).abs() / count);
        (median.abs() >= T::of(16.0) * spread).then_some(median)
    };
    (0..n).map(|row| origin(row).unwrap_or_default()).collect()
}

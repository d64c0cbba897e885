use nalgebra::DMatrixView;

use super::entries::fit;
use crate::kernel::{self, pairwise};
use crate::{Loss, Real};

/// Losses whose scores tell classes apart.
///
/// ```
/// use gradus::{Classifier, CrossEntropy, LogLoss};
///
/// assert_eq!(LogLoss.class(&[-0.3]), 0);
/// assert_eq!(CrossEntropy.class(&[-0.3, 2.0, 1.0]), 1);
/// ```
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` tells no classes apart",
    label = "implements `Loss`, but not `Classifier`",
    note = "`predict` gives the mean response of a regression; classes come from `LogLoss` or `CrossEntropy`, or from a \
            loss of your own that implements `Classifier`",
    note = "counts and other numbers are given as `f64` or `f32`: `usize` is for class numbers"
)]
pub trait Classifier<T: Real>: Loss<T> {
    /// The class of one sample, by its scores.
    fn class(&self, scores: &[T]) -> usize;

    /// The share of right samples, by weight: those whose class has the largest target (of one output: 1, if that is
    /// above ½). A loss of one's own returns it from [`score_weighted`](Loss::score_weighted).
    ///
    /// ```
    /// use gradus::{Classifier, LogLoss, matrix};
    ///
    /// let (z, y) = (matrix![-0.3, 2.0], matrix![1.0, 1.0]);
    /// assert_eq!(LogLoss.share_of_right(z.as_view(), y.as_view(), &[3.0, 1.0]), 0.25);
    /// ```
    fn share_of_right(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        if !fit(&[z.shape(), y.shape()], weights.len()) {
            return T::NAN;
        }
        let is_right = |j: usize| match (self.class(z.column(j).as_slice()), y.column(j).as_slice()) {
            (class, [y]) => class == usize::from(*y > T::of(0.5)),
            (class, y) => {
                y.get(class).is_some_and(|of| *of > T::zero() && y.iter().all(|other| *other <= *of))
            }
        };
        let (scale, _) = kernel::norm_inf(weights).unit();
        let sum = |counts: &dyn Fn(usize) -> bool| {
            pairwise(0..weights.len(), SAMPLES, &mut |part| {
                part.filter(|j| counts(*j)).fold(T::zero(), |sum, j| sum + weights[j] * scale)
            })
        };
        sum(&is_right) / sum(&|_| true)
    }
}

/// Samples that are added one after the other.
const SAMPLES: usize = 32;

//! Losses: how far scores are from targets, with their own derivatives in the scores.

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::{Error, Real};

pub use cross_entropy::CrossEntropy;
pub(crate) use cross_entropy::argmax;
pub use element_wise::{ElementWise, Jet};
pub use huber::Huber;
pub use log_loss::LogLoss;
pub use squared_error::SquaredError;
pub use through::Through;

mod cross_entropy;
mod element_wise;
mod huber;
mod log_loss;
mod squared_error;
mod through;

/// `Σ_j w_j ℓ(z_j, y_j)`: compares scores `Z` with targets `Y` (both `k × m`, one sample per column).
///
/// The scale is the caller's, in `weights` (length `m`): [`EmpiricalRisk`](crate::EmpiricalRisk) hands
/// `w_j / Σw`, so that its value is a mean over samples, weight 2 *is* the sample twice, and chunks add up.
///
/// **An implementor must** work on scores, not on probabilities, so that no logarithm ever sees a zero; and
/// must write (not add) `delta`. A sample of weight zero adds exactly nothing.
///
/// `examples/own_loss.rs` writes one in a few lines.
pub trait Loss<T: Real>: Sync {
    /// `Σ_j w_j ℓ(z_j, y_j)`.
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T;

    /// The same, with `∂/∂Z` of it written to `delta` (`k × m`).
    fn value_gradient(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        delta: DMatrixViewMut<'_, T>,
    ) -> T;

    /// Turns scores into the mean response they stand for: nothing (the default) for regression, `σ(z)` for
    /// the log loss, softmax for the cross-entropy.
    fn respond(&self, _z: DMatrixViewMut<'_, T>) {}

    /// How well scores fit, for people: the coefficient of determination `R²` over all outputs (the
    /// default), the share of right classes for the losses of classifiers. Best is 1.
    fn score(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>) -> T {
        let mut response = z.clone_owned();
        self.respond(response.as_view_mut());
        let (mut residual, mut total) = (T::zero(), T::zero());
        for (z, y) in response.row_iter().zip(y.row_iter()) {
            let mean = y.mean();
            for (z, y) in z.iter().zip(y.iter()) {
                residual += (*y - *z) * (*y - *z);
                total += (*y - mean) * (*y - mean);
            }
        }
        T::one() - residual / total
    }

    /// Whether the loss is convex in the scores. Default: `false`.
    fn is_convex(&self) -> bool {
        false
    }

    /// Whether these scores prove that the loss has no minimum over finite scores: every sample (of
    /// positive weight) strictly on its own side of a decision. Default: `false`.
    fn separates(&self, _z: DMatrixView<'_, T>, _y: DMatrixView<'_, T>, _weights: &[T]) -> bool {
        false
    }

    /// Settings, and targets that the loss does not understand. Default: anything finite will do.
    ///
    /// # Errors
    /// [`Error::Label`], [`Error::OneClass`], [`Error::Setting`].
    fn check(&self, _y: DMatrixView<'_, T>) -> Result<(), Error> {
        Ok(())
    }
}

/// A loss with second derivatives in the scores.
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` has no second derivatives, which this method needs",
    label = "implements `Loss`, but not `Curved`",
    note = "train with a first-order method (`GradientDescent`, `Adam`, `Lbfgs`), or implement `Curved`"
)]
pub trait Curved<T: Real>: Loss<T> {
    /// Writes `w_j (∂²ℓ/∂z²)(z_j, y_j) r_j` to the columns of `out` (`r` and `out` are `k × m`).
    fn curvature_product(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    );

    /// Whether `∂²ℓ/∂z²` is diagonal: no output bends another's. Default: `false`.
    fn is_diagonal(&self) -> bool {
        false
    }
}

/// Whether scores, targets (and whatever else has their shape) and weights fit each other; where not, the
/// losses of the crate answer NaN and write nothing.
#[inline]
fn fit(shapes: &[(usize, usize)], weights: usize) -> bool {
    shapes.iter().all(|shape| *shape == shapes[0] && shape.0 > 0 && shape.1 == weights)
}

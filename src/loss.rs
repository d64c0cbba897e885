//! Losses: how far scores are from targets, with their own derivatives in the scores.
//!
//! ```
//! use gradus::{Huber, Loss, SquaredError, matrix};
//!
//! let (z, y) = (matrix![10.0], matrix![0.0]); // an outlier
//! assert_eq!(SquaredError.value(z.as_view(), y.as_view(), &[1.0]), 50.0);
//! assert_eq!(Huber::new(1.0).value(z.as_view(), y.as_view(), &[1.0]), 9.5);
//! ```

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::{Error, Real};

pub use classifier::Classifier;
pub use cross_entropy::CrossEntropy;
pub(crate) use determination::determination;
pub use element_wise::{ElementWise, Through};
pub use entries::Jet;
#[doc(hidden)]
pub use entries::Pass;
use entries::fit;
pub(crate) use glm::Glm;
pub use glm::{Binomial, Gamma, NegativeBinomial, Poisson};
pub use huber::Huber;
#[doc(hidden)]
pub use likelihood::Family;
pub use likelihood::Likelihood;
pub use log_loss::LogLoss;
use margins::{grows, margin_by};
pub use squared_error::SquaredError;
#[doc(hidden)]
pub use targets::TargetView;

mod classifier;
mod cross_entropy;
mod determination;
mod element_wise;
mod entries;
mod glm;
mod huber;
mod likelihood;
mod log_loss;
mod margins;
mod squared_error;
mod targets;

/// `Σ_j w_j ℓ(z_j, y_j)`: compares scores `Z` with targets `Y` (both `k × m`, one sample per column).
///
/// The scale is the caller's, in `weights` (length `m`): [`EmpiricalRisk`](crate::EmpiricalRisk) hands
/// `w_j / Σw`, so that its value is a mean over samples, weight 2 *is* the sample twice, and chunks add up (for
/// mini-batches see [`batch`](crate::EmpiricalRisk::batch)).
///
/// **An implementor must** work on scores, not on probabilities, so that no logarithm of zero is taken; and
/// must write (not add) `delta`. A sample of weight zero adds exactly nothing.
///
/// `examples/own_loss.rs` writes one in a few lines.
///
/// ```
/// use gradus::nalgebra::DMatrix;
/// use gradus::{Loss, SquaredError, matrix};
///
/// let (z, y, mut delta) = (matrix![3.0, 1.0], matrix![1.0, 0.0], DMatrix::zeros(1, 2));
/// let (z, y, w) = (z.as_view(), y.as_view(), [0.5, 0.5]);
/// let value = SquaredError.value_gradient(z, y, &w, delta.as_view_mut());
/// assert_eq!((value, delta), (1.25, matrix![1.0, 0.5])); // Σ w ½ (z − y)², and w (z − y)
/// assert_eq!(SquaredError.value(z, y, &w), value);
/// ```
#[doc(alias("loss function", "cost function"))]
pub trait Loss<T: Real>: Sync {
    /// `Σ_j w_j ℓ(z_j, y_j)`.
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T;

    /// The same, with `∂/∂Z` of it written to `delta` (`k × m`).
    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T;

    /// Which likelihood the loss is, so that curvature tells precision. Default: none.
    ///
    /// ```
    /// use gradus::loss::Likelihood;
    /// use gradus::{Huber, LogLoss, Loss};
    ///
    /// assert_eq!(Loss::<f64>::likelihood(&LogLoss), Likelihood::Known);
    /// assert_eq!(Loss::<f64>::likelihood(&Huber::new(1.0)), Likelihood::None);
    /// ```
    fn likelihood(&self) -> Likelihood {
        Likelihood::None
    }

    /// Which distribution of the targets the loss is by name.
    #[doc(hidden)]
    fn family(&self) -> Family {
        Family::Other
    }

    /// Turns scores, in place, into the mean response they stand for: nothing (the default) for regression, `σ(z)`
    /// for the log loss, softmax for the cross-entropy.
    ///
    /// ```
    /// use gradus::{LogLoss, Loss, matrix};
    ///
    /// let mut z = matrix![0.0];
    /// LogLoss.response(z.as_view_mut());
    /// assert_eq!(z[0], 0.5); // σ(0)
    /// ```
    fn response(&self, _z: DMatrixViewMut<'_, T>) {}

    /// How well scores fit, as [`Fitted::score`](crate::Fitted::score) gives it: that of equal weights.
    ///
    /// ```
    /// use gradus::{Loss, SquaredError, matrix};
    ///
    /// let (z, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// assert_eq!(SquaredError.score(z.as_view(), y.as_view()), 0.5); // R² = 1 − 1/2
    /// ```
    fn score(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>) -> T {
        self.score_weighted(z, y, &vec![T::one(); z.ncols()])
    }

    /// How well scores fit, with a weight for each sample: the coefficient of determination `R²` over all outputs (the
    /// default), the [share of right samples](Classifier::share_of_right) for the losses of classifiers. Best is 1;
    /// NaN or infinite where there is none.
    ///
    /// ```
    /// use gradus::{Loss, SquaredError, matrix};
    ///
    /// let (z, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let score: f64 = SquaredError.score_weighted(z.as_view(), y.as_view(), &[3.0, 1.0]);
    /// assert!((score - (1.0 - 1.0 / 3.0)).abs() < 1e-15); // the mean is 1.5
    /// ```
    fn score_weighted(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        if !fit(&[z.shape(), y.shape()], weights.len()) {
            return T::NAN;
        }
        let mut response = z.clone_owned();
        self.response(response.as_view_mut());
        determination(response.as_view(), y, weights)
    }

    /// Whether the loss is convex in the scores. Default: `false`.
    ///
    /// ```
    /// use gradus::loss::ElementWise;
    /// use gradus::{Activation, Loss, SquaredError};
    ///
    /// assert!(Loss::<f64>::is_convex(&SquaredError));
    /// assert!(!Loss::<f64>::is_convex(&SquaredError.through(Activation::Sigmoid)));
    /// ```
    fn is_convex(&self) -> bool {
        false
    }

    /// The least of the rates at which the loss of one sample with targets `y` falls for ever as its scores move along
    /// `r` (negative: it grows), with `∂margin/∂r` written to `row`; all three have `k` entries. Where no sample's
    /// margin is negative along some direction of the parameters, the risk falls along it, or stays, and has no
    /// minimum. Positively homogeneous in `r`, the least of linear functions. Default: of a [convex](Self::is_convex) loss
    /// by its gradient far out, which takes the loss to be differentiable; else `−max |r|`, for losses that grow along every
    /// `r`. NaN, and nothing written, where a length is wrong.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{LogLoss, Loss, SquaredError};
    ///
    /// let mut row = [0.0];
    /// assert_eq!(LogLoss.margin(&[1.0], &[2.0], &mut row), 2.0); // a larger score suits label 1
    /// assert_eq!(LogLoss.margin(&[0.0], &[2.0], &mut row), -2.0);
    /// assert_eq!(row, [-1.0]);
    /// assert_eq!(Loss::margin(&SquaredError, &[1.0], &[2.0], &mut row), -2.0);
    /// ```
    fn margin(&self, y: &[T], r: &[T], row: &mut [T]) -> T {
        if [y.len(), row.len()] != [r.len(); 2] {
            return T::NAN;
        }
        if !self.is_convex() {
            return grows(r, row);
        }
        let (k, y_j) = (r.len(), DMatrixView::from_slice(y, r.len(), 1));
        let gradient = |z: &[T], g: &mut [T]| {
            g.fill(T::NAN);
            let (z, room) = (DMatrixView::from_slice(z, k, 1), DMatrixViewMut::from_slice(g, k, 1));
            self.value_gradient(z, y_j, &[T::one()], room);
        };
        margin_by(gradient, y, r, row)
    }

    /// The same loss, where it is known to have second derivatives.
    #[doc(hidden)]
    fn second_order(&self) -> Option<&dyn SecondOrderLoss<T>> {
        None
    }

    /// [`value_gradient`](Self::value_gradient), or the value alone, of targets that are the classes of samples, where
    /// that needs no columns of zeros and ones.
    #[doc(hidden)]
    fn of_classes(
        &self, _z: DMatrixView<'_, T>, _classes: &[usize], _weights: &[T],
        _delta: Option<DMatrixViewMut<'_, T>>,
    ) -> Option<T> {
        None
    }

    /// Whether the loss applies a sigmoid or softmax of its own, so that the model must not end in one.
    #[doc(hidden)]
    fn squashes(&self) -> bool {
        false
    }

    /// `ŷ`, `∂ℓ/∂ŷ` and `∂ŷ/∂z` of one output as they are formed on paper, from the rounded `ŷ`: what
    /// [`value_gradient`](Self::value_gradient) never multiplies. None where outputs are coupled, or the loss does not tell.
    #[doc(hidden)]
    fn chain(&self, _z: T, _y: T) -> Option<[T; 3]> {
        None
    }

    /// Settings, and targets that the loss does not understand. Default: anything finite will do.
    ///
    /// ```
    /// use gradus::{Error, LogLoss, Loss, matrix};
    ///
    /// let y = matrix![0.0, 2.0]; // 2 is no probability
    /// assert!(matches!(LogLoss.check(y.as_view()), Err(Error::Label { sample: 1, .. })));
    /// ```
    ///
    /// # Errors
    /// [`Error::Label`], [`Error::OneClass`], [`Error::Setting`].
    fn check(&self, _y: DMatrixView<'_, T>) -> Result<(), Error> {
        Ok(())
    }
}

/// A loss with second derivatives in the scores.
///
/// ```
/// use gradus::nalgebra::DMatrix;
/// use gradus::{LogLoss, SecondOrderLoss, matrix};
///
/// let (z, y, r) = (matrix![0.0], matrix![1.0], matrix![4.0]);
/// let (z, y, r) = (z.as_view(), y.as_view(), r.as_view());
/// let mut out = DMatrix::zeros(1, 1);
/// LogLoss.curvature_product(z, y, &[1.0], r, out.as_view_mut());
/// assert_eq!(out[0], 1.0); // σ(0) (1 − σ(0)) · 4
/// ```
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` has no second derivatives, which this method needs",
    label = "implements `Loss`, but not `SecondOrderLoss`",
    note = "train with a first-order method (`GradientDescent`, `Adam`, `Lbfgs`), or implement `SecondOrderLoss`"
)]
pub trait SecondOrderLoss<T: Real>: Loss<T> {
    /// Writes `w_j (∂²ℓ/∂z²)(z_j, y_j) r_j` to the columns of `out` (`r` and `out` are `k × m`).
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    );

    /// The same for the mean of `∂²ℓ/∂z²` over targets that are distributed as the scores say.
    #[doc(hidden)]
    fn expected_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        self.curvature_product(z, y, weights, r, out);
    }
}

use std::fmt;

use nalgebra::DMatrix;

use super::{mean, weights};
use crate::contract::{check_evaluation, check_finite, check_matrix, check_some};
use crate::data::Inputs;
use crate::figures::Figure;
use crate::loss::determination;
use crate::{Error, Real, kernel};

/// Numbers that were predicted, beside the true ones.
///
/// ```
/// use gradus::metrics::Regression;
///
/// let (truth, predicted) = ([1.0, 2.0, 4.0], [1.0, 3.0, 4.0]);
/// let judged = Regression::new(&truth, &predicted)?;
/// assert_eq!(judged.mean_absolute_error()?, 1.0 / 3.0);
/// assert_eq!(judged.to_string(), "\
/// R²          0.785714
/// MAE         0.333333
/// RMSE        0.57735
/// samples     3");
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Regression {
    truth: DMatrix<f64>,
    predicted: DMatrix<f64>,
    weights: Vec<f64>,
}

impl Regression {
    /// Of true and predicted numbers, both `outputs × samples` (a slice is of one output).
    ///
    /// ```
    /// use gradus::metrics::Regression;
    /// use gradus::Perceptron;
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.9, 5.1, 7.0, 9.2]);
    /// let fitted = Perceptron::new(1).fit(&x, &y)?;
    /// let judged = Regression::new(&y, &fitted.predict(&x)?)?;
    /// assert!((judged.r2()? - fitted.score(&x, &y)?).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`], [`Error::NonFinite`].
    pub fn new<'a, T: Real>(truth: impl Inputs<'a, T>, predicted: impl Inputs<'a, T>) -> Result<Self, Error> {
        let (truth, predicted) = (truth.samples(1), predicted.samples(1));
        check_some("truth", "sample (column)", truth.len())?;
        check_finite("truth", truth)?;
        check_matrix("predicted", predicted, truth.shape())?;
        let weights = vec![1.0; truth.ncols()];
        Ok(Self { truth: truth.map(T::f64), predicted: predicted.map(T::f64), weights })
    }

    /// With a weight for each sample.
    ///
    /// ```
    /// use gradus::metrics::Regression;
    ///
    /// let judged = Regression::new(&[1.0, 2.0], &[1.0, 3.0])?;
    /// assert_eq!(judged.with_weights(&[3.0, 1.0])?.mean_absolute_error()?, 0.25);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one weight per sample; [`Error::Setting`] where one is negative or not finite,
    /// or none is positive; [`Error::Range`] where their sum is too large.
    pub fn with_weights<T: Real>(self, given: &[T]) -> Result<Self, Error> {
        Ok(Self { weights: weights(given, self.truth.ncols())?, ..self })
    }

    /// The coefficient of determination, as [`Fitted::score`](crate::Fitted::score) gives it:
    /// `1 − Σ w (y − z)² / Σ w (y − ȳ)²`, sums over samples and outputs (of several outputs, scikit-learn's
    /// `multioutput="variance_weighted"`).
    ///
    /// ```
    /// use gradus::metrics::Regression;
    ///
    /// assert_eq!(Regression::new(&[1.0, 3.0], &[1.0, 2.0])?.r2()?, 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Evaluation`] for constant targets, which have none.
    #[doc(alias("R²", "r2_score", "coefficient of determination"))]
    pub fn r2(&self) -> Result<f64, Error> {
        let r2 = determination(self.predicted.as_view(), self.truth.as_view(), &self.weights);
        check_evaluation("R²", "these targets (constant ones have none)", &[r2])?;
        Ok(r2)
    }

    /// The mean of `|y − z|` over samples and outputs.
    ///
    /// ```
    /// use gradus::metrics::Regression;
    ///
    /// let judged = Regression::new(&[1.0, 3.0], &[2.0, 1.0])?;
    /// assert_eq!(judged.mean_absolute_error()?, 1.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Range`] where a difference is too large for a number.
    #[doc(alias = "MAE")]
    pub fn mean_absolute_error(&self) -> Result<f64, Error> {
        self.mean_of_outputs(|residuals| mean(&self.weights, residuals.iter().map(|r| r.abs()).collect()))
    }

    /// The root of the mean of `(y − z)²` over samples; of several outputs, the mean of their roots.
    ///
    /// ```
    /// use gradus::metrics::Regression;
    ///
    /// let judged = Regression::new(&[0.0, 0.0], &[1.0, 7.0])?;
    /// assert_eq!(judged.root_mean_squared_error()?, 5.0); // √((1 + 49)/2)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Range`] where a difference is too large for a number.
    #[doc(alias("RMSE", "MSE"))]
    pub fn root_mean_squared_error(&self) -> Result<f64, Error> {
        self.mean_of_outputs(|residuals| {
            let unit = kernel::unit(kernel::norm_inf(&residuals));
            mean(&self.weights, residuals.iter().map(|r| (r * unit).powi(2)).collect()).sqrt() / unit
        })
    }

    fn mean_of_outputs(&self, error: impl Fn(Vec<f64>) -> f64) -> Result<f64, Error> {
        let residual = |i: usize, j: usize| match self.weights[j] {
            0.0 => 0.0,
            _ => self.truth[(i, j)] - self.predicted[(i, j)],
        };
        let outputs = 0..self.truth.nrows();
        let errors: Vec<f64> =
            outputs.map(|i| error((0..self.weights.len()).map(|j| residual(i, j)).collect())).collect();
        let mean = mean(&vec![1.0; errors.len()], errors);
        if mean.is_finite() { Ok(mean) } else { Err(Error::Range { what: "an error", found: mean }) }
    }
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in
            [("R²", self.r2()), ("MAE", self.mean_absolute_error()), ("RMSE", self.root_mean_squared_error())]
        {
            super::line(f, name, value)?;
        }
        write!(f, "{:<12}{}", "samples", Figure(kernel::sum(&self.weights)))
    }
}

//! How well a model fits, and whether a larger one fits better.

use nalgebra::{DMatrix, DVector};

use super::distributions::{chi_square, f_ratio};
use super::information::over;
use super::{Covariance, Curvature, Layout, Statistics};
use crate::contract::setting;
use crate::loss::Likelihood;
use crate::{EmpiricalRisk, Error, Objective, Real, SecondOrderLoss, SecondOrderModel, kernel};

/// A test of a hypothesis: its statistic, and the probability of one at least as large were the hypothesis true.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
///
/// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let test = risk.statistics(fitted.parameters())?.f_test().expect("least squares");
/// assert!((test.statistic - 3.0_f64).abs() < 1e-13); // of one slope F = t²
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HypothesisTest {
    /// `χ²` or `F`.
    pub statistic: f64,
    /// Its degrees of freedom: parameters that the hypothesis sets to zero.
    pub degrees_of_freedom: f64,
    /// Those of the residuals, for `F`.
    pub residual_degrees: Option<f64>,
    /// The probability.
    pub p_value: f64,
}

impl<T: Real> Statistics<T> {
    /// Akaike's criterion `−2 ln L + 2 p`, smaller is better. A variance that is estimated is not counted, as statsmodels
    /// does not.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let statistics = risk.statistics(fitted.parameters())?;
    /// assert_eq!(statistics.aic(), statistics.log_likelihood.map(|log| 4.0 - 2.0 * log));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn aic(&self) -> Option<f64> {
        self.log_likelihood.map(|log| 2.0 * self.parameters - 2.0 * log)
    }

    /// The Bayesian criterion `−2 ln L + p ln m` (Schwarz 1978).
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let statistics = risk.statistics(fitted.parameters())?;
    /// let expected = statistics.log_likelihood.map(|log| 2.0 * 4.0_f64.ln() - 2.0 * log);
    /// assert_eq!(statistics.bic(), expected);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn bic(&self) -> Option<f64> {
        self.log_likelihood.map(|log| self.parameters * self.samples.ln() - 2.0 * log)
    }

    /// `1 − (1 − R²) (m − 1)/(m − p)`, with `m` for `m − 1` where there is no mean to take off.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let adjusted = risk.statistics(fitted.parameters())?.adjusted_r_squared();
    /// assert!((adjusted.unwrap_or_default() - 0.5_f64).abs() < 1e-13);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn adjusted_r_squared(&self) -> Option<f64> {
        let (r, left) = (self.r_squared?, self.degrees_of_freedom?);
        Some(1.0 - (1.0 - r) * (self.samples - self.mean()) / left)
    }

    /// Whether an affine model with one output fits better than none of its features, by Fisher's ratio; none where it is
    /// not fitted by least squares without penalty, and beside errors that are robust, for the ratio is not.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let test = risk.statistics(fitted.parameters())?.f_test();
    /// assert!(test.is_some_and(|test| test.p_value < 1e-3));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn f_test(&self) -> Option<HypothesisTest> {
        let (u, left, count) = (self.unexplained?, self.degrees_of_freedom?, self.parameters - self.mean());
        let is_plain = self.layout.is_affine && self.source == Covariance::Information;
        let is_whole = is_plain && (self.parameters - self.estimates.len() as f64).abs() < 1e-9;
        (is_whole && count > 0.0).then(|| {
            let statistic = ((1.0 - u).max(0.0) / count) / (u / left);
            let p_value = f_ratio(statistic, count, left);
            HypothesisTest { statistic, degrees_of_freedom: count, residual_degrees: Some(left), p_value }
        })
    }

    /// The root of the residual variance of the first output.
    fn sigma(&self) -> f64 {
        self.residual_variance.as_ref().map_or(f64::NAN, |variances| variances[0].f64().sqrt())
    }

    /// `−m/2 (ln 2π σ² + 1)` of each output, at `σ² = Σ w r² / m`; so many outputs share one.
    pub(crate) fn normal_likelihood(&self, shared: f64) -> Option<f64> {
        let variances = self.residual_variance.iter().flat_map(|variances| variances.iter());
        let left = self.degrees_of_freedom.unwrap_or(f64::NAN);
        let squares = variances.map(|variance| variance.f64() * left / (self.samples * shared));
        let log: f64 =
            squares.map(|square| -0.5 * self.samples * ((std::f64::consts::TAU * square).ln() + 1.0)).sum();
        log.is_finite().then_some(log)
    }

    /// 1 where `R²` is about the mean.
    fn mean(&self) -> f64 {
        f64::from(u8::from(self.layout.bias || !self.layout.is_affine))
    }

    /// Whether these parameters fit better than those of a smaller model on the same samples, by twice the difference of
    /// the log-likelihoods (Wilks 1938). Where the dispersion is estimated, as of [`Gamma`](crate::loss::Gamma), by Fisher's
    /// ratio of the difference of the deviances to the dispersion of these (McCullagh and Nelder 1989, 2.3).
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier, matrix};
    ///
    /// let x = matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let (ones, y) = ([1.0; 6], [0, 0, 1, 0, 1, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let with_hours = risk.statistics(fitted.parameters())?;
    /// // the bias alone
    /// let model = SigmoidClassifier::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, LogLoss, &ones, &y)?;
    /// let fitted = risk.fit()?;
    /// let test = with_hours.likelihood_ratio(&risk.statistics(fitted.parameters())?)?;
    /// assert!(test.degrees_of_freedom == 1.0 && test.p_value < 0.1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] unless both have a likelihood and as many samples, and `smaller` has fewer parameters.
    pub fn likelihood_ratio(&self, smaller: &Self) -> Result<HypothesisTest, Error> {
        let count = self.parameters - smaller.parameters;
        let logs = self.log_likelihood.zip(smaller.log_likelihood);
        let is_fine = count > 0.0 && (self.samples - smaller.samples).abs() <= 1e-6 * self.samples;
        let expected = "a fit of the same samples, with a likelihood and fewer parameters";
        setting("smaller", expected, smaller.parameters, is_fine && logs.is_some())?;
        let deviances = self.deviance.zip(smaller.deviance).zip(self.dispersion);
        if let (Some(((large, small), phi)), Some(left)) = (deviances, self.degrees_of_freedom) {
            let statistic = (small - large).max(0.0) / count / phi;
            let p_value = f_ratio(statistic, count, left);
            let residual_degrees = Some(left);
            return Ok(HypothesisTest { statistic, degrees_of_freedom: count, residual_degrees, p_value });
        }
        let statistic = logs.map_or(f64::NAN, |(large, small)| (2.0 * (large - small)).max(0.0));
        let p_value = chi_square(statistic, count);
        Ok(HypothesisTest { statistic, degrees_of_freedom: count, residual_degrees: None, p_value })
    }
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Statistics of the parameters, with what the likelihood says of the fit.
    pub(super) fn tell(
        &mut self, theta: &DVector<T>, curvature: Curvature<T>, source: Covariance,
    ) -> Result<Statistics<T>, Error> {
        let (k, is_affine) = (self.model().outputs(), self.is_affine());
        let estimates = curvature.contrast(DMatrix::from_column_slice(theta.len(), 1, theta.as_slice()));
        let (pearson, rounding) = (curvature.pearson, curvature.rounding.max().f64());
        let mut told = Statistics::new(estimates.column(0).into_owned(), curvature, self.total_weight(), k)?;
        let bias = is_affine && self.linear().bias;
        told.layout = Layout { outputs: if is_affine { k } else { 1 }, bias, is_affine };
        told.source = source;
        let likelihood = self.loss().likelihood();
        if matches!(likelihood, Likelihood::Known | Likelihood::Dispersion) {
            let penalised = self.penalised_parameters().iter().cloned().flatten();
            let squares = penalised.fold(0.0, |sum, i| sum + theta[i].f64() * theta[i].f64());
            let penalty = 0.5 * self.penalty_strength().f64() * squares;
            let loss = (self.value(theta).f64() - penalty) * told.samples;
            self.broken()?;
            told.log_likelihood = (likelihood == Likelihood::Known).then_some(-loss);
            told.tell_family(self, loss, pearson)?;
        }
        if likelihood == Likelihood::Normal {
            told.log_likelihood = told.normal_likelihood(if is_affine { 1.0 } else { k as f64 });
            if is_affine && k > 1 {
                let correlation = self.residual_correlation(theta)?;
                told.log_likelihood =
                    told.log_likelihood.zip(correlation).map(|(log, det)| log - 0.5 * told.samples * det);
            }
            told.unexplained = if k == 1 { self.unexplained(&told, rounding)? } else { None };
            told.r_squared = told.unexplained.map(|u| 1.0 - u);
        }
        Ok(told)
    }

    /// `ln det` of the correlation matrix of the residuals of outputs, unless that is singular.
    fn residual_correlation(&self, theta: &DVector<T>) -> Result<Option<f64>, Error> {
        let moments = self.survey().residual_moments(theta)?;
        let sizes = moments.diagonal().map(|square| square.sqrt());
        let k = sizes.len();
        let cosine = |i: usize, j: usize, m: T| over(over(m, sizes[i]), sizes[j]);
        let mut root = moments.map_with_location(cosine);
        let is_definite = kernel::cholesky(root.as_mut_slice(), k);
        Ok(is_definite.then(|| (0..k).map(|o| 2.0 * root[(o, o)].f64().ln()).sum()))
    }

    /// The mean square of residuals over that of targets less offsets about their mean, or about 0, in units of `σ`;
    /// `rounding` is what targets differ by although they are equal.
    fn unexplained(&self, told: &Statistics<T>, rounding: f64) -> Result<Option<f64>, Error> {
        let (sigma, total) = (told.sigma(), self.survey().sample_sum(|_, _, w| w)?);
        let features = self.model().inputs() - self.model().offsets();
        let target = |x: &[T], y: &[T]| x[features..].iter().fold(y[0].f64(), |y, offset| y - offset.f64());
        let mut mean = 0.0;
        // the second time, of what rounding of the first left
        for _ in 0..if told.mean() > 0.0 { 2 } else { 0 } {
            mean += self.survey().sample_sum(|x, y, w| w * (target(x, y) - mean))? / total;
        }
        let square = self.survey().sample_sum(|x, y, w| w * ((target(x, y) - mean) / sigma).powi(2))? / total;
        let left = told.degrees_of_freedom.unwrap_or(f64::NAN) / told.samples;
        Ok((square > rounding * rounding).then(|| left / square))
    }
}

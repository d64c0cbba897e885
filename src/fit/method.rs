//! Fits of a risk: by the method that belongs to a model and a loss, or by any other.

use nalgebra::DVector;

use crate::{
    EmpiricalRisk, Error, Fitted, Lbfgs, Loss, Model, Network, Objective, Optimizer, Real, Report, Stop,
    minimize,
};

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Fits the model exactly or by maximum likelihood, with the sample weights and the ridge penalty of the risk, over
    /// its present batch.
    ///
    /// - [`Perceptron`](crate::Perceptron) with [`SquaredError`](crate::SquaredError): least squares, as
    ///   [`Perceptron::fit`](crate::Perceptron::fit) says.
    /// - [`SigmoidClassifier`](crate::SigmoidClassifier) with [`LogLoss`](crate::LogLoss): logistic regression, as
    ///   [`SigmoidClassifier::fit`](crate::SigmoidClassifier::fit) says. A single class is an error where the
    ///   model has a bias, even with a penalty: the bias is not penalised, and runs to infinity. Without a bias there may be a
    ///   minimum, and the report says which it is.
    /// - [`Perceptron`](crate::Perceptron) with [`Huber`](crate::Huber): robust regression, as logistic regression.
    /// - [`Network`](crate::Network) with any loss: L-BFGS over all samples at once, from
    ///   [`initial(0)`](crate::Network::initial), as [`Stop::default`] says; [`Network::fit`](crate::Network::fit) trains by
    ///   mini-batches.
    /// - [`Perceptron`](crate::Perceptron) with [`CrossEntropy`](crate::CrossEntropy): softmax regression, by the same
    ///   methods. Adding the same number to all scores changes nothing, so with biases the Hessian always has zero
    ///   eigenvalues: the verdict is degenerate, and convex.
    ///
    /// - [`Perceptron`](crate::Perceptron), also with an [`Offset`](crate::Offset), with [`Poisson`](crate::loss::Poisson),
    ///   [`Gamma`](crate::loss::Gamma), [`NegativeBinomial`](crate::loss::NegativeBinomial) or
    ///   [`Binomial`](crate::loss::Binomial): generalised linear models, by Newton from the mean response. All targets zero are
    ///   an error, unless the model has no bias.
    ///
    /// Others are fitted by [`fit_with`](Self::fit_with).
    ///
    /// ```
    /// use gradus::{CrossEntropy, EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = ([-1.0, 1.0], [-1.0, 1.0]);
    /// // min ½ mean (w x − y)² + ½ λ w²: w = 1/(1 + λ)
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.ridge(1.0).fit()?;
    /// assert!((fitted.weights()[0] - 0.5_f64).abs() < 1e-15);
    ///
    /// let (x, classes) = ([0.1, 0.9, 1.1, 2.0, 2.2, 2.9], [0, 0, 1, 1, 2, 2]);
    /// let model = Perceptron::new(1).with_outputs(3);
    /// let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &classes)?.ridge(0.01);
    /// assert_eq!(risk.fit()?.classify(&[0.0, 1.5, 3.0])?, [0, 1, 2]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for the penalty; [`Error::RankDeficient`] where least squares do not determine the
    /// coefficients, with the columns to blame, and [`Error::Evaluation`] where they overflow; of models with a
    /// bias [`Error::OneClass`] where an output sees a single class, [`Error::NoSamples`] for a class without
    /// samples, [`Error::EdgeMean`] where all counts are 0, or all shares 0 or 1.
    pub fn fit(&mut self) -> Result<Fitted<T, M, L>, Error>
    where
        M: Fit<T, L>,
    {
        M::fit_risk(self)
    }

    /// Fits any model with any loss by any method, from `start`, until `stop` holds: [`minimize`] over the present batch,
    /// with the model around its report. `start` has an entry for each parameter of the model
    /// ([`parameter_count`](crate::Architecture::parameter_count)). Model and loss are cloned into it.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Lbfgs, LogLoss, SigmoidClassifier, Stop, vector};
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]); // alike on both sides of 2.5
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    /// let start = vector![0.0, 0.0];
    /// let fitted = risk.fit_with(&mut Lbfgs::new(), start, &Stop::default())?;
    /// assert!(fitted.report.converged());
    /// assert!((fitted.predict(&[2.5])?[0] - 0.5_f64).abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`minimize`].
    pub fn fit_with<O: Optimizer<T, Self>>(
        &mut self, optimizer: &mut O, start: DVector<T>, stop: &Stop<T>,
    ) -> Result<Fitted<T, M, L>, Error>
    where
        M: Clone,
        L: Clone,
    {
        let report = minimize(optimizer, self, start, stop)?;
        Ok(self.fitted(report))
    }

    /// The model around a report.
    pub(super) fn fitted(&self, mut report: Report<T>) -> Fitted<T, M, L>
    where
        M: Clone,
        L: Clone,
    {
        if report.certificate.is_none() {
            // a hint, which a run that failed may do without
            report.unscaled = self.survey().unusual_features().unwrap_or_default();
        }
        Fitted::new(self.model().clone(), self.loss().clone(), report)
    }
}

/// A model that, with the loss `L`, has a fit without settings: [`EmpiricalRisk::fit`], which says for which pairs there
/// is one. A bound for generic code; a model of your own may have one too.
///
/// ```
/// use gradus::{EmpiricalRisk, Error, Fit, LogLoss, Loss, SigmoidClassifier};
///
/// type Risk<'a, M, L> = EmpiricalRisk<'a, f64, M, L>;
///
/// fn least<M: Fit<f64, L>, L: Loss<f64>>(risk: &mut Risk<'_, M, L>) -> Result<f64, Error> {
///     Ok(risk.fit()?.report.into_converged()?.value)
/// }
///
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]);
/// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
/// assert!(least(&mut risk)? < 2.0_f64.ln()); // ln 2 without the feature
/// # Ok::<(), Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`fit` knows no method for the model `{Self}` with the loss `{L}`",
    note = "it knows `Perceptron` with `SquaredError`, `Huber`, `CrossEntropy`, `Poisson`, `Gamma`, `NegativeBinomial` or \
            `Binomial`, `SigmoidClassifier` with `LogLoss`, and `Network` with any loss",
    note = "`risk.fit_with(&mut Lbfgs::new(), start, &Stop::default())?` fits every model with every loss, by any method; a \
            `Trainer` does by mini-batches"
)]
pub trait Fit<T: Real, L>: Model<T> + Sized {
    /// What [`EmpiricalRisk::fit`] does.
    ///
    /// # Errors
    /// Those of the method.
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, L>) -> Result<Fitted<T, Self, L>, Error>;
}

impl<T: Real, L: Loss<T> + Clone> Fit<T, L> for Network {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, L>) -> Result<Fitted<T, Self, L>, Error> {
        let start = risk.model().initial(0);
        let report = minimize(&mut Lbfgs::new(), risk as &mut dyn Objective<T>, start, &Stop::default())?;
        Ok(risk.fitted(report))
    }
}

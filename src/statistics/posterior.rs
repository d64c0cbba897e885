//! How sure a prediction is.

use nalgebra::{DMatrix, DVector};

use super::distributions::Symmetric;
use super::information::{Curvature, Question};
use super::jacobian::Jacobian;
use crate::contract::{check_evaluation, check_samples, matrix, setting};
use crate::data::Inputs;
use crate::loss::Likelihood;
use crate::risk::Sandwich;
use crate::{EmpiricalRisk, Error, Model, Real, SecondOrderLoss, SecondOrderModel, kernel};

/// What data leave open of a model's parameters, to tell how sure its predictions are; made by
/// [`EmpiricalRisk::posterior`].
///
/// # What question it answers
///
/// *How far may this prediction be from that of an endless sample?* and, where the loss is the squared error, *within
/// which limits will a new observation lie?*
///
/// ```text
/// θ ~ N(θ̂, σ² H⁻¹),   H = ∇² Σ_j w_j ℓ_j + (Σw) λ 1      (Laplace 1774; MacKay 1992)
/// Var z(x) = σ² J H⁻¹ Jᵀ,   J = ∂z/∂θ at x               (the delta method)
/// ```
///
/// `H` is the exact Hessian, of affine models its root comes from an orthogonal factorisation. `σ` is the residual
/// standard deviation where the loss has a variance to estimate, else 1; quantiles are Student's or the normal ones, as in
/// [`statistics`](EmpiricalRisk::statistics). Of a loss that is no likelihood the covariance is the sandwich. The interval of
/// a score goes through the response: of a probability it stays within 0 and 1. Of softmax, the score of each class is
/// measured from those of the others.
///
/// # The call
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
///
/// let hours = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let points = [2.9, 5.1, 7.0, 9.2, 10.8, 13.1];
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &hours, &points)?;
/// let fitted = risk.fit()?;
/// let posterior = risk.posterior(fitted.parameters())?;
/// let mean = posterior.predict(&[3.5, 12.0], 0.95)?;
/// assert!(mean.lower[0] < 8.0 && 8.0 < mean.upper[0]);
/// let width = |j: usize| mean.upper[j] - mean.lower[j];
/// assert!(width(1) > 4.0 * width(0)); // far away from the data
/// let next = posterior.predict_observation(&[3.5], 0.95)?;
/// assert!(next.lower[0] < mean.lower[0] && mean.upper[0] < next.upper[0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
#[doc = include_str!("../guide/pictures/confidence.svg")]
///
/// Features are those of the risk: where that was made of [scaled](crate::data::Standardizer) ones, a prediction takes
/// `&scales.transform(&x)?`, also if the fitted model [scales by itself](crate::Fitted::with_scaling).
///
/// # How to read the answer
///
/// An interval of 95 % holds the mean response in 95 of 100 samples like this one: exactly so for linear models with normal
/// errors, about so for others with many samples. A penalty is read as a normal prior, `λ Σw/σ²` being the precision of each
/// weight: averaged over truths drawn from it, intervals cover; of one truth, the bias that a strong penalty brings is not
/// in the interval. Of a network it is the interval of the minimum that was found: others may predict otherwise.
///
/// Of 4,000 simulated sets each, intervals of 95 % held the truth in 94.8 % (lines of 12 samples), 95.4 % (logistic), 94.4 % (a
/// growth curve) and 93.5 % (a 1-8-1 network with truths from its prior; 100 samples each); none was refused.
///
/// # When it is refused
///
/// Parameters that no prediction sees (of a unit that is switched off, a shift of all biases of softmax) need no
/// curvature. A prediction that depends on one without curvature is refused, and so is a Hessian with a negative
/// eigenvalue, [`Error::NotPositiveDefinite`]: add a ridge penalty, or take fewer units. The others are those of
/// [`statistics`](EmpiricalRisk::statistics).
#[derive(Debug)]
pub struct Posterior<'r, T: Real, M, L> {
    model: &'r M,
    loss: &'r L,
    theta: DVector<T>,
    /// `B` with `B Bᵀ` the covariance.
    root: DMatrix<T>,
    /// Directions without curvature, by columns.
    null: DMatrix<T>,
    /// The standard deviation of an observation of each output, where there is one.
    sigma: Option<DVector<T>>,
    distribution: Symmetric,
}

/// Predictions with their intervals (`outputs × samples`).
///
/// ```
/// use gradus::{EmpiricalRisk, LogLoss, PredictionOf, SigmoidClassifier};
///
/// let (hours, passed) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 1, 0, 1, 1]);
/// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
/// let fitted = risk.fit()?;
/// let predicted = risk.posterior(fitted.parameters())?.predict(&[3.5], 0.9)?;
/// assert!((predicted.mean[0] - 0.5_f64).abs() < 1e-9 && predicted.of == PredictionOf::Mean);
/// assert!(0.0 < predicted.lower[0] && predicted.upper[0] < 1.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction<T: Real> {
    /// The response at `θ̂`, as [`Fitted::predict`](crate::Fitted::predict) gives it.
    pub mean: DMatrix<T>,
    /// The lower ends.
    pub lower: DMatrix<T>,
    /// The upper ends.
    pub upper: DMatrix<T>,
    /// What the intervals are of.
    pub of: PredictionOf,
    /// The probability of each.
    pub level: f64,
}

/// What an interval is of.
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, PredictionOf, SquaredError};
///
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.9, 5.1, 7.0, 9.2]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let next = risk.posterior(fitted.parameters())?.predict_observation(&[5.0], 0.9)?;
/// assert_eq!(next.of, PredictionOf::Observation);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PredictionOf {
    /// The mean response.
    Mean,
    /// A new observation, of weight 1.
    Observation,
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// How sure predictions are of the model with the parameters `theta` that minimise this risk, over all its samples;
    /// [`Posterior`] explains it. It borrows model and loss from the risk.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    ///
    /// // slope 3/2, residuals ½ (−1, 2, −1), one degree of freedom
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let predicted = risk.posterior(fitted.parameters())?.predict(&[0.0], 0.5)?;
    /// // half of the probability is within one standard error, √(1.5/3)
    /// assert!((predicted.upper[0] - (2.0 + 0.5_f64.sqrt())).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics), but that parameters without curvature are allowed.
    pub fn posterior(&mut self, theta: &DVector<T>) -> Result<Posterior<'_, T, M, L>, Error> {
        let question = Question { what: "a posterior", allows_flat: true, by_prior: true };
        let mut curvature = self.curvature(theta, question)?;
        let k = curvature.sigma.len();
        if self.loss().likelihood() == Likelihood::None {
            curvature.root = self.robust_root(theta, &curvature)?;
        }
        let sigma = &curvature.sigma;
        let scaled = |rows: &DMatrix<T>| rows.map_with_location(|i, _, a| a * sigma[i % k]);
        (curvature.root, curvature.null) = (scaled(&curvature.root), scaled(&curvature.null));
        let is_normal = self.loss().likelihood() == Likelihood::Normal;
        Ok(Posterior {
            model: self.model(),
            loss: self.loss(),
            theta: theta.clone(),
            root: curvature.root,
            null: curvature.null,
            sigma: is_normal.then_some(curvature.sigma),
            distribution: curvature.degrees_of_freedom.map_or(Symmetric::Normal, Symmetric::Student),
        })
    }
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The root `A (Σ Aᵀg gᵀA)^½` of the covariance of [`Robust::Hc0`](super::Robust::Hc0), no deviation less than rounding of residuals.
    fn robust_root(&self, theta: &DVector<T>, curvature: &Curvature<T>) -> Result<DMatrix<T>, Error> {
        let Curvature { sigma, root: a, rounding, .. } = curvature;
        let b = DMatrix::identity(a.ncols(), a.ncols());
        let mut moments =
            self.survey().gradient_moments(self.loss(), theta, &Sandwich { sigma, b, a, power: 0 })?;
        kernel::mirror(moments.as_mut_slice(), a.ncols());
        let singular = Error::Evaluation { what: "the covariance", at: "x", found: f64::NAN };
        let spectrum = kernel::spectrum(&moments).ok_or(singular)?;
        let deviation = |value: T| value.max(T::zero()).sqrt().max(rounding.max());
        Ok(a * spectrum.vectors.map_with_location(|_, j, v| v * deviation(spectrum.values[j])))
    }
}

impl<T: Real, M: Model<T>, L: SecondOrderLoss<T>> Posterior<'_, T, M, L> {
    /// The mean response for each sample of `x` (`features × samples`), with intervals that hold it with the
    /// probability `level`.
    ///
    /// ```
    /// use gradus::loss::Poisson;
    /// use gradus::{EmpiricalRisk, Perceptron};
    ///
    /// let (x, y) = ([0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 4.0, 9.0, 15.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let rate = risk.posterior(fitted.parameters())?.predict(&[2.5], 0.95)?;
    /// assert!(rate.mean == fitted.predict(&[2.5])? && rate.lower[0] > 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a level that is not strictly between 0 and 1; [`Error::Empty`], [`Error::Shape`] and
    /// [`Error::NonFinite`] for `x`; [`Error::NotPositiveDefinite`] where a prediction depends on parameters that the data
    /// do not determine; [`Error::Evaluation`] for one that no number of this type holds.
    pub fn predict<'a>(&self, x: impl Inputs<'a, T>, level: f64) -> Result<Prediction<T>, Error> {
        self.interval(x, level, PredictionOf::Mean)
    }

    /// The same with intervals that hold a new observation, of weight 1: of squared error, whose observations scatter by the
    /// residual standard deviation. It is wide enough if they are normal, however many samples there were.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Error, LogLoss, Perceptron, SigmoidClassifier, SquaredError};
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.9, 5.1, 7.0, 9.2]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let next = risk.posterior(fitted.parameters())?.predict_observation(&[5.0], 0.95)?;
    /// assert!(next.upper[0] - next.lower[0] > 0.5);
    ///
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &[0, 1, 0, 1])?;
    /// let fitted = risk.fit()?;
    /// let refused = risk.posterior(fitted.parameters())?.predict_observation(&[5.0], 0.95);
    /// assert!(matches!(refused, Err(Error::NoVariance { .. }))); // it is 0 or 1
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict), and [`Error::NoVariance`] for other losses.
    pub fn predict_observation<'a>(&self, x: impl Inputs<'a, T>, level: f64) -> Result<Prediction<T>, Error> {
        self.interval(x, level, PredictionOf::Observation)
    }

    fn interval<'a>(
        &self, x: impl Inputs<'a, T>, level: f64, of: PredictionOf,
    ) -> Result<Prediction<T>, Error> {
        setting("level", "strictly between 0 and 1", level, level > 0.0 && level < 1.0)?;
        let (x, k) = (x.samples(self.model.inputs()), self.model.outputs());
        check_samples(x, self.model.inputs())?;
        let scatter = match (of, &self.sigma) {
            (PredictionOf::Mean, _) => DVector::zeros(k),
            (PredictionOf::Observation, Some(sigma)) => sigma.clone(),
            _ => return Err(Error::NoVariance { what: "an interval for an observation" }),
        };
        let critical = T::of(self.distribution.critical(1.0 - level));
        let mut mean = matrix("outputs", (k, x.ncols()), T::zero())?;
        let (mut lower, mut upper) = (mean.clone(), mean.clone());
        let (mut z, mut jacobian) = (DMatrix::zeros(k, 1), DMatrix::zeros(self.theta.len(), k));
        let mut jacobians = Jacobian::new(self.model);
        for j in 0..x.ncols() {
            jacobians.at(&self.theta, x.columns(j, 1), z.as_mut_slice(), jacobian.as_mut_slice())?;
            let mut response = z.clone();
            self.loss.response(response.as_view_mut());
            mean.column_mut(j).copy_from(&response);
            let relative = self.relative(&z);
            for (o, scatter) in scatter.iter().enumerate() {
                let along = &jacobian * relative.column(o);
                let spread = kernel::norm(self.root.tr_mul(&along).as_slice());
                self.check_seen(&along, spread)?;
                let error = kernel::norm(&[spread, *scatter]);
                let ends = [-error, error].map(|error| {
                    let mut z = z.clone();
                    z[o] += critical * error;
                    self.loss.response(z.as_view_mut());
                    z[o]
                });
                lower[(o, j)] = if ends[0] < ends[1] { ends[0] } else { ends[1] };
                upper[(o, j)] = if ends[0] < ends[1] { ends[1] } else { ends[0] };
            }
        }
        for found in [&mean, &lower, &upper] {
            check_evaluation("the prediction", "x", found.as_slice())?;
        }
        Ok(Prediction { mean, lower, upper, of, level })
    }

    /// What the response of each output sees of the scores, by columns, over what it sees of its own: `∂r_o/∂z over
    /// ∂r_o/∂z_o`, by differences. Of softmax its own score less a mean of the others.
    fn relative(&self, z: &DMatrix<T>) -> DMatrix<T> {
        let (k, h) = (z.len(), T::of(2f64.powi(-10)));
        let at = |step: &dyn Fn(usize) -> T| {
            let mut z = DMatrix::from_fn(k, 1, |i, _| z[i] + step(i));
            self.loss.response(z.as_view_mut());
            z
        };
        let mut relative = DMatrix::identity(k, k);
        if k == 1 {
            return relative;
        }
        let ignores_shifts = (at(&|_| T::one()) - at(&|_| T::zero())).amax() <= T::of(8.0) * T::EPSILON;
        let changes: Vec<DMatrix<T>> = (0..k)
            .map(|q| {
                let step = |sign: T| at(&|i| if i == q { sign * h } else { T::zero() });
                step(T::one()) - step(-T::one())
            })
            .collect();
        for o in 0..k {
            let own = changes[o][o];
            if own.abs() > T::LEAST_NORMAL {
                (0..k).for_each(|q| relative[(q, o)] = changes[q][o] / own);
            } else if ignores_shifts {
                relative.column_mut(o).add_scalar_mut(-T::one() / T::of(k as f64));
            }
        }
        relative
    }

    /// Along directions without curvature the prediction changes by little beside what others leave open.
    fn check_seen(&self, along: &DVector<T>, spread: T) -> Result<(), Error> {
        let seen = self.null.tr_mul(along).amax();
        if seen <= T::of(T::EPSILON.f64().cbrt()) * spread {
            return Ok(());
        }
        Err(Error::NotPositiveDefinite {
            what: "a prediction that depends on all parameters",
            found: 0.0,
            remedy: "the data do not determine it: add a ridge penalty, or take fewer units",
        })
    }
}

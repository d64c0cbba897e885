//! A trained model: architecture, loss and parameters, with the report of how they were found.

use nalgebra::{DMatrix, DVector};

use crate::contract::{check_evaluation, check_finite, check_length, check_weights, setting};
use crate::data::{Inputs, Standardizer, Targets};
use crate::model::Affine;
use crate::risk::check_pair;
use crate::{Classifier, Error, Loss, Model, Real, Report};

mod bounds;
mod exact;
mod firth;
mod glm;
mod likelihood;
mod method;
mod predictor;
mod sparse;
mod whitened;

pub use method::Fit;
pub use predictor::Predictor;

/// A trained model: architecture, loss and parameters, with the report of the run that found them.
///
/// Made by `fit` (of a [`Perceptron`](crate::Perceptron::fit), a [`SigmoidClassifier`](crate::SigmoidClassifier::fit) or
/// a [`Network`](crate::Network::fit)), by a [`Trainer`](crate::Trainer), or from known parameters. Inputs are
/// `features × samples`, one sample per column; answers `outputs × samples`.
///
/// ```
/// use gradus::{Perceptron, matrix};
///
/// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![3.0, 5.0, 7.0, 9.0]);
/// let fitted = Perceptron::new(1).fit(&x, &y)?;
/// assert!(fitted.report.converged());
/// assert!((fitted.predict(&matrix![10.0])?[0] - 21.0_f64).abs() < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Save and load
///
/// With the feature `serde`, in any of serde's formats, and without the data: architecture, loss, parameters and
/// report; numbers of another type are rounded to the one they are read as. What is loaded is what was saved, bit for bit,
/// if the format keeps finite numbers (of `serde_json`, that is the feature `float_roundtrip`); those that are not finite are
/// saved as words.
///
/// A file is checked as it is read. It carries the names of model and loss, and is not read as another; unknown names
/// and fields are refused; sizes are multiplied without overflow and compared with the parameters that are there, and
/// every number and setting is checked, before there is a model. Nothing is allocated by a size that is only claimed.
///
#[cfg_attr(feature = "serde", doc = "```")]
#[cfg_attr(not(feature = "serde"), doc = "```ignore")]
/// use gradus::{Fitted, Perceptron, SquaredError};
///
/// let fitted = Perceptron::new(1).fit(&[1.0, 2.0, 3.0], &[2.9, 5.1, 7.0])?;
/// let file = serde_json::to_string(&fitted)?;
/// let loaded: Fitted<f64, Perceptron, SquaredError> = serde_json::from_str(&file)?;
/// assert_eq!(loaded, fitted);
///
/// let damaged = file.replace("\"inputs\":1", "\"inputs\":1000000000000");
/// let error = serde_json::from_str::<Fitted<f64, Perceptron, SquaredError>>(&damaged).unwrap_err();
/// assert!(error.to_string().starts_with("`theta` must have length 1000000000001, found 2"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted<T: Real, M, L> {
    pub(crate) model: M,
    pub(crate) loss: L,
    /// What brings raw inputs to those that the model was fitted to.
    pub(crate) scaling: Option<Standardizer<T>>,
    /// Where the run ended and why. Its `x` are the [`parameters`](Self::parameters), the only copy of them.
    pub report: Report<T>,
}

impl<T: Real, M: Model<T>, L: Loss<T>> Fitted<T, M, L> {
    /// A model with known parameters `θ`, in the order of its architecture. Its report says
    /// [`Termination::Given`](crate::Termination::Given), with neither value nor gradient: both are NaN there.
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let theta = vector![4.5, 1.5, 0.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, theta)?;
    /// assert_eq!(known.predict(&matrix![1.0; 3.0])?[0], 0.9998766054240138); // 1/(1 + e⁻⁹)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::NonFinite`], and what architecture and loss have to say of themselves.
    pub fn from_parameters(model: M, loss: L, theta: DVector<T>) -> Result<Self, Error> {
        let fitted = Self::new(model, loss, Report::given(theta));
        fitted.check()?;
        Ok(fitted)
    }

    /// Whether architecture and loss are sound, and the report's point is parameters of the model.
    pub(crate) fn check(&self) -> Result<(), Error> {
        check_pair(&self.model, &self.loss)?;
        check_length("theta", self.report.x.len(), self.model.parameter_count())?;
        check_finite("theta", self.report.x.as_view())?;
        self.check_scaling()?;
        self.loss.check(DMatrix::zeros(self.model.outputs(), 0).as_view())
    }

    /// The report's point as the parameters of a model: lengths agree.
    pub(crate) fn new(model: M, loss: L, report: Report<T>) -> Self {
        Self { model, loss, scaling: None, report }
    }

    /// The same model for raw inputs: whatever it is asked from here on, it scales by `standard` first, so that nobody
    /// forgets to. Saved with it; [`weights`](Self::weights) and [`bias`](Self::bias) are still those of scaled
    /// features, and so is what the risk tells: statistics, influence and a [posterior](crate::Posterior) take scaled inputs. It
    /// has to know as many features as the model; an [`Offset`](crate::Offset) is to be [kept](Standardizer::keep).
    ///
    /// ```
    /// use gradus::SigmoidClassifier;
    /// use gradus::data::Standardizer;
    ///
    /// let hours = gradus::matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let standard = Standardizer::fit(&hours)?;
    /// let model = SigmoidClassifier::new(1);
    /// let scaled = model.fit(&standard.transform(&hours)?, &[0, 0, 1, 0, 1, 1])?;
    /// let fitted = scaled.clone().with_scaling(standard.clone());
    /// assert_eq!(fitted.predict(&[3.5])?, scaled.predict(&standard.transform(&[3.5])?)?);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn with_scaling(self, standard: Standardizer<T>) -> Self {
        Self { scaling: Some(standard), ..self }
    }

    /// What raw inputs are scaled by, if [`with_scaling`](Self::with_scaling) said so.
    ///
    /// ```
    /// use gradus::Perceptron;
    ///
    /// let fitted = Perceptron::new(1).fit(&[1.0, 2.0, 3.0], &[3.0, 5.0, 7.0])?;
    /// assert_eq!(fitted.scaling(), None);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn scaling(&self) -> Option<&Standardizer<T>> {
        self.scaling.as_ref()
    }

    /// The architecture.
    ///
    /// ```
    /// use gradus::{Fitted, Perceptron, SquaredError, vector};
    ///
    /// let theta = vector![1.0, 2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(2), SquaredError, theta)?;
    /// assert_eq!(known.model(), &Perceptron::new(2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The loss.
    ///
    /// ```
    /// use gradus::{Fitted, Huber, Perceptron, vector};
    ///
    /// let theta = vector![1.0, 2.0];
    /// let known = Fitted::from_parameters(Perceptron::new(1), Huber::new(2.0), theta)?;
    /// assert_eq!(known.loss(), &Huber::new(2.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn loss(&self) -> &L {
        &self.loss
    }

    /// All parameters `θ`, in the order of the architecture.
    ///
    /// ```
    /// use gradus::{Perceptron, matrix, vector};
    ///
    /// // y = 2 x + 1: the weight, then the bias
    /// let fitted = Perceptron::new(1).fit(&matrix![1.0, 2.0, 3.0], &matrix![3.0, 5.0, 7.0])?;
    /// assert!(fitted.parameters().relative_eq(&vector![2.0, 1.0], 1e-13, 1e-13));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn parameters(&self) -> &DVector<T> {
        &self.report.x
    }

    /// The mean response for each sample of `x` (`features × samples`): scores for regression, for the losses of
    /// classifiers the probability of each class, or of each yes (`outputs × samples`).
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let theta = vector![2.0, -2.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(1), LogLoss, theta)?;
    /// assert_eq!(known.predict(&matrix![1.0])?, matrix![0.5]); // σ(2 · 1 − 2)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`] (of `x`, or of the `scores` of a model of one's own), [`Error::NonFinite`] for
    /// `x`, and [`Error::Evaluation`] for scores or responses that no number of this type holds.
    #[doc(alias("predict_proba", "inference"))]
    pub fn predict<'a>(&self, x: impl Inputs<'a, T>) -> Result<DMatrix<T>, Error> {
        self.evaluate(x.samples(self.model.inputs()), true)
    }

    /// The scores `Z` for each sample of `x`, before any sigmoid or softmax of the loss.
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let theta = vector![2.0, -2.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(1), LogLoss, theta)?;
    /// assert_eq!(known.scores(&matrix![1.0, 3.0])?, matrix![0.0, 4.0]); // 2 x − 2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict).
    pub fn scores<'a>(&self, x: impl Inputs<'a, T>) -> Result<DMatrix<T>, Error> {
        self.evaluate(x.samples(self.model.inputs()), false)
    }

    /// How well `x` predicts `y`; best is 1. `R²` for regression, the share of right samples for the losses of
    /// classifiers: those that [`classify`](Self::classify) gives the class of their largest target.
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let theta = vector![2.0, -2.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(1), LogLoss, theta)?;
    /// let (x, y) = (matrix![0.0, 2.0, 3.0, 4.0], matrix![0.0, 0.0, 1.0, 1.0]);
    /// assert_eq!(known.score(&x, &y)?, 0.75); // the second of four is wrong
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict), for `x` and for `y`; [`Error::Label`]; [`Error::Evaluation`] where there is
    /// no score, as `R²` of constant targets.
    #[doc(alias("accuracy", "R²"))]
    pub fn score<'a>(&self, x: impl Inputs<'a, T>, y: impl Targets<'a, T, L>) -> Result<T, Error> {
        let x = x.samples(self.model.inputs());
        self.score_weighted(x, y, &vec![T::one(); x.ncols()])
    }

    /// The same with a weight for each sample: weight 2 is the sample twice, weight 0 the sample left out.
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let theta = vector![2.0, -2.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(1), LogLoss, theta)?;
    /// let (x, y) = (matrix![0.0, 2.0, 3.0, 4.0], matrix![0.0, 0.0, 1.0, 1.0]);
    /// assert_eq!(known.score_weighted(&x, &y, &[1.0, 5.0, 1.0, 1.0])?, 0.375); // three of eight
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`score`](Self::score); [`Error::Length`] unless there is one weight per sample; [`Error::Setting`]
    /// where one is negative or not finite, or none is positive.
    pub fn score_weighted<'a>(
        &self, x: impl Inputs<'a, T>, y: impl Targets<'a, T, L>, weights: &[T],
    ) -> Result<T, Error> {
        let (z, y) = (self.scores(x)?, y.targets(self.model.outputs()));
        y.check(&self.loss, z.shape())?;
        check_weights(weights, y.len())?;
        let positive = weights.iter().any(|w| *w > T::zero());
        setting("weights", "positive for at least one sample", T::zero(), positive)?;
        let mut room = y.room(z.nrows(), z.ncols());
        let score = self.loss.score_weighted(z.as_view(), y.dense(&mut room), weights);
        check_evaluation("the score", "these targets (constant ones have no R²)", &[score])?;
        Ok(score)
    }

    /// The class of each sample of `x`; [`Classifier::class`] says how it is chosen.
    ///
    /// ```
    /// use gradus::{SigmoidClassifier, matrix};
    ///
    /// let x = matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// let fitted = SigmoidClassifier::new(1).fit(&x, &matrix![0.0, 0.0, 1.0, 0.0, 1.0, 1.0])?;
    /// assert_eq!(fitted.classify(&matrix![0.0, 7.0])?, [0, 1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`predict`](Self::predict).
    pub fn classify<'a>(&self, x: impl Inputs<'a, T>) -> Result<Vec<usize>, Error>
    where
        L: Classifier<T>,
    {
        let z = self.scores(x)?;
        Ok(z.column_iter().map(|z| self.loss.class(z.as_slice())).collect())
    }

    /// `W` (`outputs × features`) of an affine model.
    ///
    /// ```
    /// use gradus::{Fitted, Perceptron, SquaredError, matrix, vector};
    ///
    /// let theta = vector![1.0, 2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(2), SquaredError, theta)?;
    /// assert_eq!(known.weights(), matrix![1.0, 2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[expect(private_bounds, reason = "the affine models of the crate")]
    pub fn weights(&self) -> DMatrix<T>
    where
        M: Affine<T>,
    {
        let (k, n) = (self.model.outputs(), self.model.inputs() - self.model.offsets());
        DMatrix::from_iterator(k, n, self.coefficients().take(k * n))
    }

    /// `b` of an affine model (one entry per output); zeros for a model without.
    ///
    /// ```
    /// use gradus::{Fitted, Perceptron, SquaredError, vector};
    ///
    /// let theta = vector![1.0, 2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(2), SquaredError, theta)?;
    /// assert_eq!(known.bias(), vector![3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[expect(private_bounds, reason = "the affine models of the crate")]
    pub fn bias(&self) -> DVector<T>
    where
        M: Affine<T>,
    {
        let (k, n) = (self.model.outputs(), self.model.inputs() - self.model.offsets());
        DVector::from_iterator(k, self.coefficients().skip(k * n).take(k))
    }

    /// `θ`, and zeros for what is missing.
    fn coefficients(&self) -> impl Iterator<Item = T> {
        self.report.x.iter().copied().chain(std::iter::repeat(T::zero()))
    }
}

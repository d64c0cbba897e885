//! Model × loss × data: an objective, so that whatever minimises functions trains models.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::{check_samples, check_shape, check_weights, room, setting};
use crate::data::{Inputs, Targets};
use crate::model::Linear;
use crate::{Error, Loss, Model, Objective, Real, Recession};

use pass::Summing;
use samples::Samples;
use source::Source;
use state::{Point, Quantity, Weights, Worker};
use sums::Sums;

pub(crate) use design::{Asked, Design, Weighing};
pub(crate) use firth::Firth;
pub(crate) use frame::Frame;
pub use ranks::Exchange;
pub(crate) use sandwich::{Sandwich, unbiased};
pub use source::{Block, Blocks};
pub(crate) use survey::Surveyed;
pub(crate) use window::Window;

mod batch;
mod curvature;
mod design;
mod features;
mod firth;
mod frame;
mod leaves;
mod moments;
mod pass;
mod ranks;
mod recession;
mod samples;
mod sandwich;
mod source;
mod spread;
mod state;
mod sums;
mod survey;
mod tree;
mod window;

/// The empirical risk: the mean loss of a model over samples, as a function of the parameters `θ`.
///
/// ```text
/// f(θ) = Σ_j w_j ℓ(model(θ, x_j), y_j) / Σ_j w_j  +  (λ/2) ‖W‖²
/// ```
///
/// The mean is over samples, the sum inside `ℓ` over outputs. Weights default to 1, `λ` to 0; the ridge
/// penalty leaves biases alone (scikit-learn's `C` is `λ = 1/(C m)`).
///
/// Data are borrowed, **one sample per column**: `x` is `features × samples`, `y` is `outputs × samples`
/// ([`columns`](crate::data::columns) turns a table with one sample per row), or slices as [`Inputs`] and [`Targets`]
/// say: one output's targets, or class numbers. Shapes, finiteness and labels are checked here, once.
///
/// ```
/// use gradus::{EmpiricalRisk, LogLoss, Newton, SigmoidClassifier, Stop, minimize, vector};
///
/// let (x, y) = ([0.5, 1.5, 2.5, 3.5, 4.5], [0, 1, 0, 1, 1]);
/// let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
/// let (mut risk, start) = (risk.ridge(0.01), vector![0.0, 0.0]);
/// let report = minimize(&mut Newton::new(), &mut risk, start, &Stop::default())?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug)]
#[doc(alias("loss function", "training objective"))]
pub struct EmpiricalRisk<'a, T: Real, M: Model<T>, L> {
    model: M,
    loss: L,
    samples: Samples<'a, T>,
    ridge: T,
    /// Runs of parameters that the penalty shrinks.
    penalised: Vec<Range<usize>>,
    summing: Summing<T, M::Cache>,
    point: Point<T>,
    verdict: Option<Recession<T>>,
}

impl<'a, T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'a, T, M, L> {
    /// The mean loss of `model` over the columns of `x` (`features × samples`) and `y`
    /// (`outputs × samples`, or class numbers).
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// assert_eq!(risk.value(&dvector![0.0, 0.0]), 2.5); // the mean of ½ 1² and ½ 3²
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] without samples, [`Error::Shape`] (of `x`, `y`, or the `scores` of a model of one's own),
    /// [`Error::NonFinite`], [`Error::TooLarge`] for more parameters than memory holds, [`Error::Length`] and
    /// [`Error::Class`] for class numbers, [`Error::SigmoidTwice`], and what the loss has to say of the targets
    /// ([`Error::Label`]).
    pub fn new(model: M, loss: L, x: impl Inputs<'a, T>, y: impl Targets<'a, T, L>) -> Result<Self, Error> {
        check_pair(&model, &loss)?;
        let (x, y) = (x.samples(model.inputs()), y.targets(model.outputs()));
        check_samples(x, model.inputs())?;
        y.check(&loss, (model.outputs(), x.ncols()))?;
        Self::of(model, loss, Source::Memory(x, y), None, x.columns(0, 1))
    }

    /// Of checked data, with the inputs of one sample.
    fn of(
        model: M, loss: L, source: Source<'a, T>, weights: Option<Weights<T>>, x: DMatrixView<'_, T>,
    ) -> Result<Self, Error> {
        let p = room::<T>("parameters", &[model.parameter_count()])?;
        // one sample in a cache for two: whatever the scores, there is one column of them
        let mut cache = model.cache(2);
        let z = model.forward(&DVector::zeros(p), x, &mut cache);
        check_shape("scores", z.shape(), (model.outputs(), 1))?;
        let mut is_penalised = vec![true; p];
        model.penalised(&mut is_penalised);
        let samples = Samples { weights, ..Samples::unshared(source) };
        Self::with_samples(model, loss, samples, runs(&is_penalised)).with_shares(Ok(()))
    }

    fn with_samples(model: M, loss: L, samples: Samples<'a, T>, penalised: Vec<Range<usize>>) -> Self {
        let (summing, point) = Default::default();
        Self { model, loss, samples, ridge: T::zero(), penalised, summing, point, verdict: None }
    }

    /// Weighs the samples: weight 2 is the sample twice, weight 0 the sample removed. A rank among others gives its weights
    /// after [`over`](Self::over): then all of its own may be 0, and what is wrong with them is an error on all ranks.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// // (3 · 0.5 + 4.5) / 4
    /// assert_eq!(risk.with_weights(&[3.0, 1.0])?.value(&dvector![0.0, 0.0]), 1.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one weight per sample; [`Error::Setting`] where one is negative or
    /// not finite, or none is positive.
    pub fn with_weights(mut self, weights: &[T]) -> Result<Self, Error> {
        if let Source::Stream(_) = self.samples.source {
            return Err(Error::InMemory {
                what: "a list of weights",
                remedy: "give them with the blocks of the stream",
            });
        }
        let mut all = Weights { w: weights.to_vec(), ..Weights::none() };
        all.see_all(weights);
        self.samples.weights = Some(all);
        let found = check_weights(weights, self.samples.source.samples());
        self.with_shares(found)
    }

    /// Adds `(λ/2) ‖W‖²`, on weights and not on biases. Default: 0. `λ` must be finite and not negative. The risk is a mean:
    /// scikit-learn's `alpha` of `Ridge` is `λ m`, its `C` of a classifier `1/(λ m)`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![5.0, 7.0]); // y = 2 x + 3
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// assert_eq!(risk.ridge(0.5).value(&dvector![2.0, 3.0]), 1.0); // 0.5/2 · 2²
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("L2 penalty", "regularization", "weight decay"))]
    pub fn ridge(self, lambda: T) -> Self {
        Self { ridge: lambda, verdict: None, ..self }
    }

    /// The architecture.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// assert_eq!(risk.model(), &Perceptron::new(1));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn model(&self) -> &M {
        &self.model
    }

    /// The loss.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Huber, Perceptron};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(2.0), &x, &y)?;
    /// assert_eq!(risk.loss(), &Huber::new(2.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn loss(&self) -> &L {
        &self.loss
    }

    /// Samples in the data (not only in the batch).
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// assert_eq!(risk.batch(0..1)?.samples(), 3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn samples(&self) -> usize {
        self.samples.count
    }

    /// The batch in play, of samples in memory.
    pub(crate) fn present(&self) -> Window<'_, T> {
        self.samples.present()
    }

    /// What features are measured by, if not as they are.
    pub(crate) fn frame(&self) -> Option<&Frame<T>> {
        self.samples.frame.as_ref()
    }

    /// Whether sample `j` of the data, which are in memory, has a weight.
    pub(crate) fn counts(&self, j: usize) -> bool {
        self.samples.counts(j)
    }

    /// `Σw` of the data.
    pub(crate) fn total_weight(&self) -> T {
        self.samples.total_weight()
    }

    /// Runs of parameters that the ridge penalty shrinks.
    pub(crate) fn penalised_parameters(&self) -> &[Range<usize>] {
        &self.penalised
    }

    /// `λ` of the ridge penalty.
    pub(crate) fn penalty_strength(&self) -> T {
        self.ridge
    }

    /// Takes another `λ`.
    pub(crate) fn set_penalty(&mut self, lambda: T) {
        self.ridge = lambda;
        self.forget();
    }

    /// What ended a sum since it was last asked.
    pub(crate) fn broken(&mut self) -> Result<(), Error> {
        self.summing.failure.take().map_or(Ok(()), Err)
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The map `W x + b` of the features without offsets, where the model is affine.
    pub(crate) fn linear(&self) -> Linear {
        self.survey().linear()
    }

    /// Whether the scores are an affine function of all parameters.
    pub(crate) fn is_affine(&self) -> bool {
        self.survey().is_affine()
    }
}

/// An architecture is sound, and its scores are what the loss takes.
pub(crate) fn check_pair<T: Real>(model: &impl Model<T>, loss: &impl Loss<T>) -> Result<(), Error> {
    model.check_as()?;
    if model.ends_in_sigmoid() && loss.squashes() { Err(Error::SigmoidTwice) } else { Ok(()) }
}

/// The runs of `true`.
fn runs(flags: &[bool]) -> Vec<Range<usize>> {
    let mut end = 0;
    let runs = flags.chunk_by(|a, b| a == b).map(|run| {
        end += run.len();
        (run[0], end - run.len()..end)
    });
    runs.filter_map(|(on, run)| on.then_some(run)).collect()
}

impl<T: Real, M: Model<T>, L: Loss<T>> Objective<T> for EmpiricalRisk<'_, T, M, L> {
    fn dim(&self) -> usize {
        self.model.parameter_count()
    }

    fn value(&mut self, theta: &DVector<T>) -> T {
        if theta.len() != self.dim() {
            return T::NAN;
        }
        let Self { model, loss, samples, summing, .. } = self;
        let root = Sums::zeros(0, 0);
        let sums = summing.sum(samples, model, Quantity::Value, theta, root, &|here, chunk, worker, sums| {
            let ((x, y, shares), Worker { cache, room }) = (here.part(chunk), worker);
            let z = model.forward(theta, here.seen(x, &mut room.placed), cache);
            sums.value += y.value(loss, z, shares, None, &mut room.targets);
        });
        sums.value + self.survey().penalty(theta, None)
    }

    fn value_gradient(&mut self, theta: &DVector<T>, gradient: &mut DVector<T>) -> T {
        if theta.len() != self.dim() || gradient.len() != self.dim() {
            return T::NAN;
        }
        let Self { model, loss, samples, summing, .. } = self;
        let root = Sums::of(gradient, &mut DMatrix::zeros(0, 0));
        let sums =
            summing.sum(samples, model, Quantity::Gradient, theta, root, &|here, chunk, worker, sums| {
                here.add_chunk((model, loss), theta, chunk, worker, sums);
            });
        *gradient = sums.vector;
        sums.value + self.survey().penalty(theta, Some(gradient))
    }

    fn is_convex(&self) -> bool {
        self.is_affine() && self.loss.is_convex()
    }

    fn recedes(&mut self, theta: &DVector<T>) -> Recession<T> {
        self.seek_recession(theta)
    }

    fn failure(&mut self) -> Option<Error> {
        self.summing.failure.take()
    }

    fn check(&self) -> Result<(), Error> {
        let fine = self.ridge >= T::zero() && self.ridge.is_finite();
        setting("ridge", "finite and not negative", self.ridge, fine)
    }
}

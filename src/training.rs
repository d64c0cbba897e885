//! Mini-batch training: epochs over shuffled samples, any stochastic method, history, early stopping.

use std::ops::{ControlFlow, Range};

use nalgebra::DVector;

use crate::contract::{check_length, check_point, setting};
use crate::data::{Inputs, Targets};
use crate::fit::Fitted;
use crate::optimizer::Stochastic;
use crate::{Adam, EmpiricalRisk, Error, Loss, Model, Network, Objective, Optimizer, Real};

pub use checkpoint::{Checkpoint, Training};
pub use history::{Epoch, History};
use run::{Plan, Run};

mod checkpoint;
mod history;
mod run;

impl Network {
    /// Trains by mini-batch [`Adam`], for `x` (`features × samples`) and `y` (`outputs × samples`).
    ///
    /// Starts at [`initial`](Network::initial) parameters, shuffled and drawn by `seed`, with the defaults of
    /// [`Trainer`]: learning rate `1e−3`, batches of `min(200, m)`, 5000 updates or 20 epochs, whichever is more.
    /// Features should be of one scale (see [`Standardizer`](crate::data::Standardizer)).
    ///
    /// Training ends because its epochs are over, which is no convergence: judge by a held-out
    /// [`score`](Fitted::score).
    ///
    /// ```
    /// use gradus::{Activation, LogLoss, Network, matrix};
    ///
    /// let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
    /// let xor = matrix![0.0, 1.0, 1.0, 0.0];
    /// let fitted = Network::new(&[2, 8, 1], Activation::Tanh).fit(LogLoss, &x, &xor, 1)?;
    /// assert_eq!(fitted.classify(&x)?, [0, 1, 1, 0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::Evaluation`] where the loss is not finite at the start.
    pub fn fit<'a, T: Real, L: Loss<T> + Clone>(
        &self, loss: L, x: impl Inputs<'a, T>, y: impl Targets<'a, T, L>, seed: u64,
    ) -> Result<Fitted<T, Self, L>, Error> {
        let mut risk = EmpiricalRisk::new(self.clone(), loss, x, y)?;
        let start = self.initial(seed);
        Trainer::default().seed(seed).train(&mut risk, start).map(|(fitted, _)| fitted)
    }
}

/// Mini-batch training with an optimizer of your choice.
///
/// Every epoch goes once through all samples, in an order shuffled anew, and takes one step per batch on the mean
/// loss of that batch, as [`batch`](EmpiricalRisk::batch) weighs it. The seed alone decides the order: same seed, same
/// bits.
///
/// ```
/// use gradus::{Activation, Adam, EmpiricalRisk, LogLoss, Network, Trainer, matrix};
///
/// let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
/// let xor = matrix![0.0, 1.0, 1.0, 0.0];
/// let network = Network::new(&[2, 8, 1], Activation::Tanh);
/// let start = network.initial(7);
/// let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &xor)?;
/// let mut trainer = Trainer::new(Adam::new(0.01)).epochs(1000);
/// let (fitted, history) = trainer.train(&mut risk, start)?;
/// assert_eq!(fitted.classify(&x)?, [0, 1, 1, 0]);
/// assert!(history[999].loss < history[0].loss);
/// assert!(fitted.report.to_string().starts_with("finished: all 1000 epochs"));
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
#[doc(alias("SGD", "mini-batch", "early stopping", "epochs"))]
pub struct Trainer<T: Real, P = Adam<T>> {
    optimizer: P,
    epochs: Option<usize>,
    batch: Option<usize>,
    seed: u64,
    patience: Option<(usize, T)>,
    plateau: Option<(usize, f64)>,
    validation_share: Option<f64>,
    frozen: Vec<Range<usize>>,
}

/// What training returns: the model with its report, and its history, an entry per epoch.
///
/// ```
/// use gradus::{EmpiricalRisk, Error, Perceptron, SquaredError, Trained, Trainer};
/// use gradus::{matrix, vector};
///
/// fn train() -> Result<Trained<f64, Perceptron, SquaredError>, Error> {
///     let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
///     let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
///     Trainer::default().epochs(3).train(&mut risk, vector![0.0, 0.0])
/// }
/// let (fitted, history) = train()?;
/// assert_eq!((fitted.report.iterations, history.len()), (3, 3));
/// # Ok::<(), gradus::Error>(())
/// ```
pub type Trained<T, M, L> = (Fitted<T, M, L>, History<T>);

impl<T: Real> Default for Trainer<T> {
    /// [`Adam`] with its usual rate of `1e−3`.
    fn default() -> Self {
        Self::new(Adam::new(T::of(1e-3)))
    }
}

impl<T: Real, P> Trainer<T, P> {
    /// With any method that is sound on mini-batches ([`Stochastic`]).
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let model = Perceptron::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(GradientDescent::new(0.5)).epochs(1);
    /// let (fitted, _) = trainer.train(&mut risk, vector![0.0])?;
    /// assert_eq!(fitted.parameters()[0], 1.75); // one step along the mean of x y, 7/2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(optimizer: P) -> Self
    where
        P: Stochastic,
    {
        Self {
            optimizer,
            epochs: None,
            batch: None,
            seed: 0,
            patience: None,
            plateau: None,
            validation_share: None,
            frozen: Vec::new(),
        }
    }

    /// Passes through the data, at least 1. Default: as many as 5000 updates take, 20 at the least.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let (_, history) = Trainer::default().epochs(7).train(&mut risk, vector![0.0, 0.0])?;
    /// assert_eq!(history.len(), 7);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs: Some(epochs), ..self }
    }

    /// Samples per step, all of them if there are fewer. Default: `min(200, m)`.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0], matrix![1.0, 3.0, 5.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(2).batch_size(2);
    /// let (fitted, _) = trainer.train(&mut risk, vector![0.0, 0.0])?;
    /// assert_eq!(fitted.report.iterations, 4); // per epoch, a batch of two and one of one
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn batch_size(self, samples: usize) -> Self {
        Self { batch: Some(samples), ..self }
    }

    /// Decides the order of the samples. Default: 0.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0], matrix![1.0, 3.0, 5.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut train = |seed| {
    ///     let mut trainer = Trainer::default().epochs(5).batch_size(1).seed(seed);
    ///     trainer.train(&mut risk, vector![0.0, 0.0])
    /// };
    /// assert_eq!(train(1)?, train(1)?); // the same order, the same bits
    /// assert_ne!(train(1)?, train(2)?);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Stops after `patience` epochs in which the validation loss (the epoch's loss where there is no validation
    /// set) has not improved on its best by `improvement`, and returns to the point of the least loss. Default: off. Usual:
    /// 10 epochs, `1e−4`.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Termination, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().early_stopping(3, 10.0); // no epoch improves by 10
    /// let (fitted, history) = trainer.train(&mut risk, vector![0.0, 0.0])?;
    /// assert_eq!((fitted.report.termination, history.len()), (Termination::NoImprovement, 4));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn early_stopping(self, patience: usize, improvement: T) -> Self {
        Self { patience: Some((patience, improvement)), ..self }
    }

    /// Multiplies the learning rate with `factor`, in `(0, 1)`, whenever the loss that
    /// [early stopping](Self::early_stopping) watches has not improved for `patience` epochs. Default: off.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 1.0], matrix![1.0, 3.0]);
    /// let model = Perceptron::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
    /// // from one side of the minimum at 2 to the other, until the rate is halved
    /// let trainer = Trainer::new(GradientDescent::new(2.0));
    /// let mut trainer = trainer.epochs(3).reduce_on_plateau(1, 0.5);
    /// let (fitted, _) = trainer.train(&mut risk, vector![1.0])?;
    /// assert_eq!(fitted.parameters()[0], 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "ReduceLROnPlateau")]
    pub fn reduce_on_plateau(self, patience: usize, factor: f64) -> Self {
        Self { plateau: Some((patience, factor)), ..self }
    }

    /// Holds out this share of the samples, in `(0, 1)` and rounded to at least one, drawn by the seed: the history's
    /// validation loss and metric (their [`score`](Fitted::score): accuracy, R²) are theirs, and no step sees them.
    /// Default: none; a validation objective of one's own comes before it.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![3.0, 5.0, 7.0, 9.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(5).batch_size(1).validation_share(0.25);
    /// let (fitted, history) = trainer.train(&mut risk, DVector::zeros(2))?;
    /// assert_eq!(fitted.report.iterations, 15); // three samples an epoch
    /// assert!(history[4].validation < history[0].validation);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "validation_split")]
    pub fn validation_share(self, share: f64) -> Self {
        Self { validation_share: Some(share), ..self }
    }

    /// Leaves the parameters of this range as they are, as those of a layer ([`Layer::range`](crate::Layer::range)).
    /// More than one range can be frozen. A method that clips gradients takes the norm of the whole one. Default: none.
    ///
    /// ```
    /// use gradus::{Activation, EmpiricalRisk, LogLoss, Network, Trainer, matrix};
    ///
    /// let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
    /// let y = matrix![0.0, 1.0, 1.0, 0.0];
    /// let network = Network::new(&[2, 8, 1], Activation::Tanh);
    /// let (first, start) = (network.layers()[0].range(), network.initial(1));
    /// let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(10).frozen(first.clone());
    /// let (fitted, _) = trainer.train(&mut risk, start.clone())?;
    /// assert_eq!(fitted.parameters().rows_range(first.clone()), start.rows_range(first));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias("fine-tuning", "freeze", "transfer learning"))]
    pub fn frozen(mut self, parameters: Range<usize>) -> Self {
        self.frozen.push(parameters);
        self
    }

    /// Trains from `start`; [`train_with`](Self::train_with) says what comes back. Model and loss are cloned into it: a
    /// model or a loss of your own has to be [`Clone`].
    ///
    /// ```
    /// use gradus::{Adam, EmpiricalRisk, Perceptron, SquaredError, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![-1.0, 1.0, 3.0]); // y = 2 x + 1
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(Adam::new(0.01)).epochs(2000);
    /// let (fitted, _) = trainer.train(&mut risk, vector![0.0, 0.0])?;
    /// assert!(fitted.parameters().relative_eq(&vector![2.0, 1.0], 1e-3, 1e-3));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`train_with`](Self::train_with).
    pub fn train<'a, M: Model<T> + Clone, L: Loss<T> + Clone>(
        &mut self, risk: &mut EmpiricalRisk<'a, T, M, L>, start: DVector<T>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Stochastic + Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        self.train_with(risk, start, None, |_| ControlFlow::Continue(()))
    }

    /// Trains from `start`, with a validation set (the risk of the same model on other data, or any objective of
    /// its parameters) and a closure that sees every epoch ([`Training`]) and may end
    /// the run.
    ///
    /// Returns the trained model and its history, an entry per epoch. The report holds value and gradient norm over
    /// all samples that it trained on at the point returned, and why the run ended: [`Iterations`](crate::Termination::Iterations) when the epochs were
    /// over, [`NoImprovement`](crate::Termination::NoImprovement), [`Stopped`](crate::Termination::Stopped), or [`NonFinite`](crate::Termination::NonFinite) when the run
    /// diverged: then the point is the last one whose loss was finite. None of these is convergence.
    ///
    /// The risk is left with all its samples in play. Samples of weight zero are never drawn.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::nalgebra::DVector;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Termination, Trainer};
    /// use gradus::matrix;
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0], matrix![3.0, 5.0, 7.0]);
    /// let (x_new, y_new) = (matrix![4.0], matrix![9.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut held_out = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x_new, &y_new)?;
    /// let (fitted, history) = Trainer::default().train_with(
    ///     &mut risk,
    ///     DVector::zeros(2),
    ///     Some(&mut held_out),
    ///     |training| match training.epoch().epoch {
    ///         3 => ControlFlow::Break(()),
    ///         _ => ControlFlow::Continue(()),
    ///     },
    /// )?;
    /// assert_eq!((fitted.report.termination, history.len()), (Termination::Stopped, 3));
    /// assert!(history[2].validation < history[0].validation);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a batch size or epochs of zero or settings of optimizer and risk, [`Error::Length`] and
    /// [`Error::NonFinite`] for the start, [`Error::Length`] for a validation objective of another dimension,
    /// [`Error::Evaluation`] where the loss is not finite at the start.
    pub fn train_with<'a, M: Model<T> + Clone, L: Loss<T> + Clone>(
        &mut self, risk: &mut EmpiricalRisk<'a, T, M, L>, start: DVector<T>,
        validation: Option<&mut dyn Objective<T>>,
        progress: impl FnMut(&mut Training<'_, T>) -> ControlFlow<()>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Stochastic + Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        check_point("start", &start, risk.dim())?;
        self.go_on(risk, Checkpoint::new(start), validation, progress)
    }

    /// Goes on from a [`Checkpoint`], bit for bit as if the run had never ended, by the same trainer (batches and seed too) on
    /// the same data; from a file, where that keeps every bit (`serde_json` with its feature `float_roundtrip`).
    /// More [`epochs`](Self::epochs) are allowed.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::nalgebra::DVector;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0], matrix![3.0, 5.0, 7.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(10).batch_size(2);
    /// let whole = trainer.train(&mut risk, DVector::zeros(2))?;
    ///
    /// let mut kept = None; // with the feature `serde`, a file
    /// trainer.train_with(&mut risk, DVector::zeros(2), None, |training| {
    ///     kept = training.checkpoint();
    ///     match training.epoch().epoch {
    ///         4 => ControlFlow::Break(()),
    ///         _ => ControlFlow::Continue(()),
    ///     }
    /// })?;
    /// let checkpoint = kept.expect("Adam can be resumed");
    /// let resumed = trainer.resume(&mut risk, checkpoint, None, |_| ControlFlow::Continue(()))?;
    /// assert_eq!(resumed, whole);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`train_with`](Self::train_with); [`Error::Checkpoint`] where it is of another method,
    /// [`Error::Length`] where it is of another model.
    pub fn resume<'a, M: Model<T> + Clone, L: Loss<T> + Clone>(
        &mut self, risk: &mut EmpiricalRisk<'a, T, M, L>, checkpoint: Checkpoint<T>,
        validation: Option<&mut dyn Objective<T>>,
        progress: impl FnMut(&mut Training<'_, T>) -> ControlFlow<()>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Stochastic + Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        checkpoint.check(risk.dim())?;
        self.go_on(risk, checkpoint, validation, progress)
    }

    fn go_on<'a, M: Model<T> + Clone, L: Loss<T> + Clone>(
        &mut self, risk: &mut EmpiricalRisk<'a, T, M, L>, from: Checkpoint<T>,
        validation: Option<&mut dyn Objective<T>>,
        progress: impl FnMut(&mut Training<'_, T>) -> ControlFlow<()>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Stochastic + Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        risk.check()?;
        risk.check_in_memory("a `Trainer`")?;
        self.optimizer.start(risk, None)?;
        if let Some(memory) = &from.memory {
            self.optimizer.remember(memory, risk.dim())?;
        }
        if let Some(validation) = &validation {
            validation.check()?;
            check_length("validation", validation.dim(), risk.dim())?;
        }
        let samples = (0..risk.samples()).filter(|j| risk.counts(*j)).collect();
        let mut run = Run::new(self.plan(samples, risk.dim(), validation.is_some())?, from);
        let ended = run.epochs(&mut self.optimizer, risk, validation, progress);
        let reported = ended.and_then(|termination| run.report(risk, termination));
        risk.batch(0..risk.samples())?;
        let (mut report, history) = reported?;
        report.unscaled = risk.survey().unusual_features()?;
        Ok((Fitted::new(risk.model().clone(), risk.loss().clone(), report), history))
    }

    /// The settings for these samples and `dim` parameters.
    fn plan(&self, mut samples: Vec<usize>, dim: usize, validated: bool) -> Result<Plan<T>, Error> {
        let mut held_out = Vec::new();
        if let Some(share) = self.validation_share.filter(|_| !validated) {
            let count = (share * samples.len() as f64).round().max(1.0) as usize;
            let fine = share > 0.0 && share < 1.0 && count < samples.len();
            setting("validation_share", "in (0, 1), and leave a sample to train on", share, fine)?;
            run::shuffle(&mut samples, self.seed, 0);
            held_out = samples.split_off(samples.len() - count);
            samples.sort_unstable();
        }
        let batch = self.batch.unwrap_or(BATCH).min(samples.len());
        setting("batch_size", "at least 1", T::zero(), batch > 0)?;
        setting("epochs", "at least 1", T::zero(), self.epochs != Some(0))?;
        let (patience, improvement) = self.patience.unwrap_or((1, T::zero()));
        setting("patience", "at least 1 epoch", T::zero(), patience > 0)?;
        let fine = improvement >= T::zero() && improvement.is_finite();
        setting("improvement", "finite and not negative", improvement, fine)?;
        let (patience, factor) = self.plateau.unwrap_or((1, 0.5));
        setting("patience", "at least 1 epoch", T::zero(), patience > 0)?;
        setting("factor", "in (0, 1)", factor, factor > 0.0 && factor < 1.0)?;
        if let Some(range) = self.frozen.iter().find(|range| range.end > dim) {
            return Err(Error::Length { argument: "frozen", expected: dim, found: range.end });
        }
        let steps = samples.len().div_ceil(batch);
        Ok(Plan {
            samples,
            held_out,
            batch,
            epochs: self.epochs.unwrap_or_else(|| UPDATES.div_ceil(steps).max(EPOCHS)),
            seed: self.seed,
            patience: self.patience,
            plateau: self.plateau,
            frozen: self.frozen.iter().filter(|range| !range.is_empty()).cloned().collect(),
        })
    }
}

const BATCH: usize = 200;
const UPDATES: usize = 5000;
const EPOCHS: usize = 20;

//! Mini-batch training: epochs over shuffled samples, any stochastic method, history, early stopping.

use std::ops::ControlFlow;

use nalgebra::DVector;

use crate::data::{Inputs, Targets};
use crate::fit::Fitted;
use crate::kernel;
use crate::model::Stream;
use crate::optimizer::Stochastic;
use crate::{
    Adam, EmpiricalRisk, Error, Loss, Model, Network, Objective, Optimizer, Real, Report, Termination,
};

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
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{Activation, LogLoss, Network};
    ///
    /// let x = dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
    /// let xor = dmatrix![0.0, 1.0, 1.0, 0.0];
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
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{Activation, Adam, EmpiricalRisk, LogLoss, Network, Trainer};
///
/// let x = dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
/// let xor = dmatrix![0.0, 1.0, 1.0, 0.0];
/// let network = Network::new(&[2, 8, 1], Activation::Tanh);
/// let start = network.initial(7);
/// let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &xor)?;
/// let mut trainer = Trainer::new(Adam::new(0.01)).epochs(1000);
/// let (fitted, history) = trainer.train(&mut risk, start)?;
/// assert_eq!(fitted.classify(&x)?, [0, 1, 1, 0]);
/// assert!(history[999].loss < history[0].loss);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Trainer<T: Real, P = Adam<T>> {
    optimizer: P,
    epochs: Option<usize>,
    batch: Option<usize>,
    seed: u64,
    patience: Option<(usize, T)>,
}

/// One pass through the data.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix, dvector};
/// use gradus::{EmpiricalRisk, Epoch, GradientDescent, Perceptron, SquaredError, Trainer};
///
/// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let mut trainer = Trainer::new(GradientDescent::new(0.1)).epochs(1);
/// let (_, history) = trainer.train(&mut risk, dvector![0.0, 0.0])?;
/// // (½ 1² + ½ 3²) / 2
/// assert_eq!(history, [Epoch { epoch: 1, loss: 2.5, validation: None }]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch<T> {
    /// Counted from 1.
    pub epoch: usize,
    /// The mean of the losses of the batches, each before its own step and as often as it has samples (penalty
    /// included): the risk, but for the steps.
    pub loss: T,
    /// The validation objective after the epoch, if there is one.
    pub validation: Option<T>,
}

/// What training returns: the model with its report, and its history, an entry per epoch.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix, dvector};
/// use gradus::{EmpiricalRisk, Error, Perceptron, SquaredError, Trained, Trainer};
///
/// fn train() -> Result<Trained<f64, Perceptron, SquaredError>, Error> {
///     let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
///     let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
///     Trainer::default().epochs(3).train(&mut risk, dvector![0.0, 0.0])
/// }
/// let (fitted, history) = train()?;
/// assert_eq!((fitted.report.iterations, history.len()), (3, 3));
/// # Ok::<(), gradus::Error>(())
/// ```
pub type Trained<T, M, L> = (Fitted<T, M, L>, Vec<Epoch<T>>);

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
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let model = Perceptron::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(GradientDescent::new(0.5)).epochs(1);
    /// let (fitted, _) = trainer.train(&mut risk, dvector![0.0])?;
    /// assert_eq!(fitted.parameters()[0], 1.75); // one step along the mean of x y, 7/2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(optimizer: P) -> Self
    where
        P: Stochastic,
    {
        Self { optimizer, epochs: None, batch: None, seed: 0, patience: None }
    }

    /// Passes through the data, at least 1. Default: as many as 5000 updates take, 20 at the least.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let (_, history) = Trainer::default().epochs(7).train(&mut risk, dvector![0.0, 0.0])?;
    /// assert_eq!(history.len(), 7);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn epochs(self, epochs: usize) -> Self {
        Self { epochs: Some(epochs), ..self }
    }

    /// Samples per step, all of them if there are fewer. Default: `min(200, m)`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(2).batch_size(2);
    /// let (fitted, _) = trainer.train(&mut risk, dvector![0.0, 0.0])?;
    /// assert_eq!(fitted.report.iterations, 4); // per epoch, a batch of two and one of one
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn batch_size(self, samples: usize) -> Self {
        Self { batch: Some(samples), ..self }
    }

    /// Decides the order of the samples. Default: 0.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut train = |seed| {
    ///     let mut trainer = Trainer::default().epochs(5).batch_size(1).seed(seed);
    ///     trainer.train(&mut risk, dvector![0.0, 0.0])
    /// };
    /// assert_eq!(train(1)?, train(1)?); // the same order, the same bits
    /// assert_ne!(train(1)?, train(2)?);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Stops after `patience` epochs in which the validation loss (the epoch's loss where there is no validation
    /// set) has not improved on its best by `improvement`, and returns to the best point. Default: off. Usual:
    /// 10 epochs, `1e−4`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Termination, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().early_stopping(3, 10.0); // no epoch improves by 10
    /// let (fitted, history) = trainer.train(&mut risk, dvector![0.0, 0.0])?;
    /// assert_eq!((fitted.report.termination, history.len()), (Termination::NoImprovement, 4));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn early_stopping(self, patience: usize, improvement: T) -> Self {
        Self { patience: Some((patience, improvement)), ..self }
    }

    /// Trains from `start`; [`train_with`](Self::train_with) says what comes back. Model and loss are cloned into it: a
    /// model or a loss of your own has to be [`Clone`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{Adam, EmpiricalRisk, Perceptron, SquaredError, Trainer};
    ///
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![-1.0, 1.0, 3.0]); // y = 2 x + 1
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(Adam::new(0.01)).epochs(2000);
    /// let (fitted, _) = trainer.train(&mut risk, dvector![0.0, 0.0])?;
    /// assert!(fitted.parameters().relative_eq(&dvector![2.0, 1.0], 1e-3, 1e-3));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`train_with`](Self::train_with).
    pub fn train<'a, M: Model<T> + Clone, L: Loss<T> + Clone>(
        &mut self, risk: &mut EmpiricalRisk<'a, T, M, L>, start: DVector<T>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        self.train_with(risk, start, None, |_, _| ControlFlow::Continue(()))
    }

    /// Trains from `start`, with a validation set (the risk of the same model on other data, or any objective of
    /// its parameters) and a closure that sees every epoch and may end the run.
    ///
    /// Returns the trained model and its history, an entry per epoch. The report holds value and gradient norm over
    /// all samples at the point returned, and why the run ended: [`Termination::Iterations`] when the epochs were
    /// over, [`Termination::NoImprovement`], [`Termination::Stopped`], or [`Termination::NonFinite`] when the run
    /// diverged: then the point is the last one whose loss was finite. None of these is convergence.
    ///
    /// The risk is left with all its samples in play. Samples of weight zero are never drawn.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::nalgebra::{self, DVector, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Termination, Trainer};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![3.0, 5.0, 7.0]);
    /// let (x_new, y_new) = (dmatrix![4.0], dmatrix![9.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut held_out = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x_new, &y_new)?;
    /// let (fitted, history) = Trainer::default().train_with(
    ///     &mut risk,
    ///     DVector::zeros(2),
    ///     Some(&mut held_out),
    ///     |epoch, _theta| match epoch.epoch {
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
        progress: impl FnMut(&Epoch<T>, &DVector<T>) -> ControlFlow<()>,
    ) -> Result<Trained<T, M, L>, Error>
    where
        P: Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        risk.check()?;
        self.optimizer.start(risk, None)?;
        crate::contract::check_point("start", &start, risk.dim())?;
        if let Some(validation) = &validation {
            validation.check()?;
            if validation.dim() != risk.dim() {
                let (expected, found) = (risk.dim(), validation.dim());
                return Err(Error::Length { argument: "validation", expected, found });
            }
        }
        let samples: Vec<usize> = (0..risk.samples()).filter(|j| risk.counts(*j)).collect();
        let plan = self.plan(samples.len())?;
        let mut run =
            Run { good: start.clone(), at: start.clone(), x: start, samples, history: Vec::new(), steps: 0 };
        let ended = run.epochs(&mut self.optimizer, risk, &plan, validation, progress);
        let all = risk.samples();
        let termination = ended.and_then(|termination| risk.batch(0..all).map(|_| termination))?;
        run.report(risk, termination).map(|(report, history)| {
            (Fitted::new(risk.model().clone(), risk.loss().clone(), report), history)
        })
    }

    /// The settings for `m` samples.
    fn plan(&self, m: usize) -> Result<Plan<T>, Error> {
        let setting = |name, expected, found| Err(Error::Setting { name, expected, found });
        let batch = self.batch.unwrap_or(BATCH).min(m);
        if batch == 0 {
            return setting("batch_size", "at least 1", 0.0);
        }
        if self.epochs == Some(0) {
            return setting("epochs", "at least 1", 0.0);
        }
        if let Some((patience, improvement)) = self.patience {
            if patience == 0 {
                return setting("patience", "at least 1 epoch", 0.0);
            }
            if !(improvement >= T::zero() && improvement.is_finite()) {
                return setting("improvement", "finite and not negative", improvement.f64());
            }
        }
        let epochs = self.epochs.unwrap_or_else(|| UPDATES.div_ceil(m.div_ceil(batch)).max(EPOCHS));
        Ok(Plan { batch, epochs, seed: self.seed, patience: self.patience })
    }
}

const BATCH: usize = 200;
const UPDATES: usize = 5000;
const EPOCHS: usize = 20;

struct Plan<T> {
    batch: usize,
    epochs: usize,
    seed: u64,
    patience: Option<(usize, T)>,
}

/// The state of a run.
struct Run<T: Real> {
    x: DVector<T>,
    /// Where the last step started.
    at: DVector<T>,
    /// The last point whose batch had a finite loss and gradient.
    good: DVector<T>,
    samples: Vec<usize>,
    history: Vec<Epoch<T>>,
    steps: usize,
}

impl<T: Real> Run<T> {
    fn epochs<'a, M: Model<T>, L: Loss<T>, P: Optimizer<T, EmpiricalRisk<'a, T, M, L>>>(
        &mut self, optimizer: &mut P, risk: &mut EmpiricalRisk<'a, T, M, L>, plan: &Plan<T>,
        mut validation: Option<&mut dyn Objective<T>>,
        mut progress: impl FnMut(&Epoch<T>, &DVector<T>) -> ControlFlow<()>,
    ) -> Result<Termination, Error> {
        let mut stream = Stream::new(plan.seed);
        let (mut best, mut since): (Option<(T, DVector<T>)>, usize) = (None, 0);
        for epoch in 1..=plan.epochs {
            stream.shuffle(&mut self.samples);
            let Some(loss) = self.epoch(optimizer, risk, plan.batch)? else {
                return Ok(Termination::NonFinite);
            };
            let validation = validation.as_mut().map(|objective| objective.value(&self.x));
            let entry = Epoch { epoch, loss, validation };
            self.history.push(entry);
            if progress(&entry, &self.x).is_break() {
                return Ok(Termination::Stopped);
            }
            let Some((patience, improvement)) = plan.patience else { continue };
            let monitored = validation.unwrap_or(loss);
            match &mut best {
                Some((value, x)) if monitored < *value - improvement => {
                    (*value, since) = (monitored, epoch);
                    x.copy_from(&self.x);
                }
                None if monitored.is_finite() => (best, since) = (Some((monitored, self.x.clone())), epoch),
                // a validation loss that is not finite is no improvement either
                _ if epoch - since >= patience => {
                    if let Some((_, x)) = best {
                        self.x = x;
                    }
                    return Ok(Termination::NoImprovement);
                }
                _ => {}
            }
        }
        if let Some((_, x)) = best {
            self.x = x;
        }
        Ok(Termination::Iterations)
    }

    /// One pass; the mean loss, or nothing once it is not finite.
    fn epoch<'a, M: Model<T>, L: Loss<T>, P: Optimizer<T, EmpiricalRisk<'a, T, M, L>>>(
        &mut self, optimizer: &mut P, risk: &mut EmpiricalRisk<'a, T, M, L>, batch: usize,
    ) -> Result<Option<T>, Error> {
        let mut loss = 0.0;
        for samples in self.samples.chunks(batch) {
            self.at.as_mut_slice().copy_from_slice(self.x.as_slice());
            let step = optimizer.step(risk.select(samples)?, &mut self.x)?;
            if self.x.len() != self.at.len() {
                let (expected, found) = (self.at.len(), self.x.len());
                return Err(Error::Resized { what: "the point", expected, found });
            }
            if !step.is_finite() {
                return Ok(None);
            }
            std::mem::swap(&mut self.good, &mut self.at);
            self.steps += 1;
            loss += step.value.f64() * (samples.len() as f64 / self.samples.len() as f64);
        }
        Ok(Some(T::of(loss)))
    }

    /// Judges the point over all samples; one that is not finite there gives way to the last good one.
    fn report<M: Model<T>, L: Loss<T>>(
        self, risk: &mut EmpiricalRisk<'_, T, M, L>, mut termination: Termination,
    ) -> Result<(Report<T>, Vec<Epoch<T>>), Error> {
        let mut gradient = DVector::zeros(self.x.len());
        let mut found = T::NAN;
        let diverged = termination == Termination::NonFinite;
        for x in if diverged { [self.good, self.x] } else { [self.x, self.good] } {
            let value = risk.value_gradient(&x, &mut gradient);
            let norm = kernel::norm_inf(gradient.as_slice());
            if value.is_finite() && norm.is_finite() {
                let mut report = Report::given(x);
                (report.value, report.gradient_norm, report.termination) = (value, norm, termination);
                (report.iterations, report.evaluations) = (self.steps, self.steps + 1);
                return Ok((report, self.history));
            }
            found = if value.is_finite() { norm } else { value };
            termination = Termination::NonFinite;
        }
        let at = if self.steps == 0 { "the start" } else { "every point that was reached" };
        Err(Error::Evaluation { what: "the loss over all samples, or its gradient,", at, found: found.f64() })
    }
}

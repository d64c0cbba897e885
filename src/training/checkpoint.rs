use std::fmt;
use std::time::{Duration, Instant};

use nalgebra::DVector;

use super::{Epoch, History};
use crate::contract::check_point;
use crate::figures::Figure;
use crate::optimizer::{Memory, Stochastic};
use crate::{Error, Real};

/// All that a run needs to go on: parameters, the method's memory, history. The order of samples follows from the seed
/// and the epoch.
///
/// [`Training::checkpoint`] makes one, [`Trainer::resume`](crate::Trainer::resume) goes on from it. With the feature
/// `serde` it is saved and loaded, and checked like every file.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint<T: Real> {
    pub(crate) theta: DVector<T>,
    /// The last point whose batch had a finite loss and gradient.
    pub(crate) good: DVector<T>,
    /// Where early stopping would return to.
    pub(crate) best: Option<DVector<T>>,
    pub(crate) history: History<T>,
    pub(crate) steps: usize,
    /// Nothing before the first step.
    pub(crate) memory: Option<Memory>,
}

impl<T: Real> Checkpoint<T> {
    /// Before the first step.
    pub(super) fn new(theta: DVector<T>) -> Self {
        let (good, history) = (theta.clone(), History(Vec::new()));
        Self { theta, good, best: None, history, steps: 0, memory: None }
    }

    /// Here is the best point so far.
    pub(super) fn keep(&mut self) {
        match &mut self.best {
            Some(best) => best.copy_from(&self.theta),
            None => self.best = Some(self.theta.clone()),
        }
    }

    /// Of a model with so many parameters, and from a run.
    pub(crate) fn check(&self, dim: usize) -> Result<(), Error> {
        for point in [Some(&self.theta), Some(&self.good), self.best.as_ref()].into_iter().flatten() {
            check_point("checkpoint", point, dim)?;
        }
        let counted = self.history.iter().zip(1..).all(|(entry, epoch)| entry.epoch == epoch);
        // a step for each batch of an epoch
        let epochs = self.history.len();
        let steps = epochs..=epochs.saturating_mul(u32::MAX as usize);
        if counted && steps.contains(&self.steps) && self.memory.is_some() {
            return Ok(());
        }
        let found = "a run whose epochs or steps are not counted, or whose method is not told".into();
        Err(Error::Checkpoint { found, expected: "epochs 1, 2, 3, … of a method, a step or more in each" })
    }

    /// The parameters.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let model = Perceptron::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(GradientDescent::new(0.5)).epochs(1);
    /// trainer.train_with(&mut risk, vector![0.0], None, |training| {
    ///     let checkpoint = training.checkpoint().expect("gradient descent can be resumed");
    ///     assert_eq!((checkpoint.parameters()[0], checkpoint.history().len()), (1.75, 1));
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn parameters(&self) -> &DVector<T> {
        &self.theta
    }

    /// The epochs so far.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// Trainer::default().epochs(3).train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     let checkpoint = training.checkpoint().expect("Adam can be resumed");
    ///     assert_eq!(checkpoint.history().last(), Some(training.epoch()));
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn history(&self) -> &History<T> {
        &self.history
    }
}

/// A run after an epoch, as the closure of [`Trainer::train_with`](crate::Trainer::train_with) sees it. It prints as a
/// line of progress.
///
/// ```
/// use std::ops::ControlFlow;
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
///
/// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// Trainer::default().epochs(3).train_with(&mut risk, vector![0.0, 0.0], None, |training| {
///     println!("{training}"); // epoch 1 of 3, loss 2.50000, 0.0 s, 0.0 s left
///     ControlFlow::Continue(())
/// })?;
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Training<'r, T: Real> {
    pub(super) state: &'r mut Checkpoint<T>,
    pub(super) method: &'r mut dyn Stochastic,
    pub(super) epochs: usize,
    pub(super) begun: Instant,
    /// Epochs that an earlier run has had.
    pub(super) before: usize,
}

impl<T: Real> fmt::Debug for Training<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Training").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<T: Real> Training<'_, T> {
    /// The epoch that has just ended.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut losses = Vec::new();
    /// Trainer::default().epochs(3).train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     losses.push(training.epoch().loss);
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!((losses.len(), losses[0]), (3, 2.5));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epoch(&self) -> &Epoch<T> {
        self.state.history.0.last().expect("the closure is called after an epoch")
    }

    /// The parameters `θ` after it.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
    /// use gradus::{matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let model = Perceptron::new(1).without_bias();
    /// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::new(GradientDescent::new(0.5)).epochs(1);
    /// trainer.train_with(&mut risk, vector![0.0], None, |training| {
    ///     assert_eq!(training.parameters()[0], 1.75); // one step along the mean of x y, 7/2
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn parameters(&self) -> &DVector<T> {
        &self.state.theta
    }

    /// Writes a number of one's own beside the losses of the epoch.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut trainer = Trainer::default().epochs(3);
    /// let (_, history) = trainer.train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     training.record(training.parameters().norm());
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert!(history[0].metric < history[2].metric);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn record(&mut self, metric: T) {
        if let Some(epoch) = self.state.history.0.last_mut() {
            epoch.metric = Some(metric);
        }
    }

    /// Time since this run began.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// Trainer::default().train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     let in_time = training.elapsed().as_secs() < 60;
    ///     if in_time { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// })?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Time that the epochs still to come will take, if they take as long as those before.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// Trainer::default().epochs(2).train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     assert!(training.epoch().epoch < 2 || training.remaining().is_zero());
    ///     ControlFlow::Continue(())
    /// })?;
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn remaining(&self) -> Duration {
        let (all, done) = (self.epochs, self.state.history.len());
        self.elapsed().mul_f64((all - done.min(all)) as f64 / (done - self.before).max(1) as f64)
    }

    /// What the run needs to go on from here another time; nothing where the method does not tell what it remembers
    /// ([`Stochastic::memory`](crate::optimizer::Stochastic::memory)).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut last = None;
    /// Trainer::default().epochs(2).train_with(&mut risk, vector![0.0, 0.0], None, |training| {
    ///     last = training.checkpoint();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert!(last.is_some_and(|checkpoint| checkpoint.history().len() == 2));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn checkpoint(&mut self) -> Option<Checkpoint<T>> {
        let memory = Some(self.method.memory()?);
        Some(Checkpoint { memory, ..self.state.clone() })
    }
}

impl<T: Real> fmt::Display for Training<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let epoch = self.epoch();
        write!(f, "epoch {} of {}, loss {}", epoch.epoch, self.epochs, Figure(epoch.loss.f64()))?;
        if let Some(validation) = epoch.validation {
            write!(f, ", validation {}", Figure(validation.f64()))?;
        }
        if let Some(metric) = epoch.metric {
            write!(f, ", metric {}", Figure(metric.f64()))?;
        }
        let [elapsed, remaining] = [self.elapsed(), self.remaining()].map(|time| time.as_secs_f64());
        write!(f, ", {elapsed:.1} s, {remaining:.1} s left")
    }
}

use std::fmt;
use std::ops::Deref;

use crate::Real;
use crate::figures::Figure;

/// One pass through the data.
///
/// ```
/// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
/// use gradus::{matrix, vector};
///
/// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let mut trainer = Trainer::new(GradientDescent::new(0.1)).epochs(1);
/// let (_, history) = trainer.train(&mut risk, vector![0.0, 0.0])?;
/// assert_eq!((history[0].epoch, history[0].loss), (1, 2.5)); // (½ 1² + ½ 3²) / 2
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch<T> {
    /// Counted from 1.
    pub epoch: usize,
    /// The mean of the losses of the batches, each before its own step and as often as it has samples (penalty
    /// included): the risk, but for the steps.
    pub loss: T,
    /// The validation objective after the epoch, if there is one.
    pub validation: Option<T>,
    /// What the closure of the run has recorded ([`Training::record`](super::Training::record)); without that the
    /// [`score`](crate::Fitted::score) of the samples that
    /// [`validation_share`](crate::Trainer::validation_share) holds out.
    pub metric: Option<T>,
}

impl<T: Copy> Epoch<T> {
    /// What improvement is judged by: the validation loss, or without one the loss.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let (_, history) = Trainer::default().epochs(1).train(&mut risk, vector![0.0, 0.0])?;
    /// assert_eq!(history[0].watched(), history[0].loss);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn watched(&self) -> T {
        self.validation.unwrap_or(self.loss)
    }
}

/// The epochs of a run, which it lends as a slice; it prints as a table.
///
/// ```
/// use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Trainer};
/// use gradus::{matrix, vector};
///
/// let (x, y) = (matrix![1.0, 2.0], matrix![2.0, 4.0]);
/// let model = Perceptron::new(1).without_bias();
/// let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y)?;
/// let mut trainer = Trainer::new(GradientDescent::new(0.2)).epochs(3);
/// let (_, history) = trainer.train(&mut risk, vector![0.0])?;
/// assert_eq!(history.best().map(|epoch| epoch.epoch), Some(3));
/// assert_eq!(
///     history.to_string(),
///     "epoch         loss
///     1            5
///     2         1.25
///     3       0.3125
/// best: epoch 3, 0.3125"
/// );
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
#[cfg_attr(
    feature = "serde",
    serde(bound(
        serialize = "T: Real + serde::Serialize",
        deserialize = "T: Real + serde::Deserialize<'de>"
    ))
)]
pub struct History<T>(pub(super) Vec<Epoch<T>>);

impl<T> Deref for History<T> {
    type Target = [Epoch<T>];

    fn deref(&self) -> &[Epoch<T>] {
        &self.0
    }
}

impl<T> IntoIterator for History<T> {
    type Item = Epoch<T>;
    type IntoIter = std::vec::IntoIter<Epoch<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a History<T> {
    type Item = &'a Epoch<T>;
    type IntoIter = std::slice::Iter<'a, Epoch<T>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T: Real> History<T> {
    /// The first epoch of the least [watched](Epoch::watched) loss, if there was one.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, Trainer, matrix, vector};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let (_, history) = Trainer::default().epochs(4).train(&mut risk, vector![0.0, 0.0])?;
    /// assert_eq!(history.best(), history.last());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn best(&self) -> Option<&Epoch<T>> {
        let numbers = self.iter().filter(|epoch| epoch.watched().is_finite());
        numbers.reduce(|best, epoch| if epoch.watched() < best.watched() { epoch } else { best })
    }
}

/// Rows that a long history is thinned to.
const ROWS: usize = 12;

impl<T: Real> fmt::Display for History<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = [
            self.iter().any(|epoch| epoch.validation.is_some()),
            self.iter().any(|epoch| epoch.metric.is_some()),
        ];
        write!(f, "epoch {:>12}", "loss")?;
        for (name, _) in ["validation", "metric"].iter().zip(has).filter(|(_, has)| *has) {
            write!(f, " {name:>12}")?;
        }
        let every = self.len().div_ceil(ROWS).max(1);
        for (i, epoch) in self.iter().enumerate() {
            if (i + 1) % every != 0 && i > 0 && i + 1 < self.len() {
                continue;
            }
            write!(f, "\n{:>5} {:>12}", epoch.epoch, Figure(epoch.loss.f64()))?;
            for (entry, _) in [epoch.validation, epoch.metric].iter().zip(has).filter(|(_, has)| *has) {
                write!(f, " {:>12}", entry.map_or(String::new(), |entry| Figure(entry.f64()).to_string()))?;
            }
        }
        match self.best() {
            Some(best) => write!(f, "\nbest: epoch {}, {}", best.epoch, Figure(best.watched().f64())),
            None => Ok(()),
        }
    }
}

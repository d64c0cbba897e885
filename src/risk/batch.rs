//! Which samples of the data are in play.

use std::ops::Range;

use super::{EmpiricalRisk, Source};
use crate::contract::check_some;
use crate::{Error, Loss, Model, Real};

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Narrows the risk to a range of samples, without copying or rebuilding anything.
    ///
    /// A batch `B` has the value `Σ w_j ℓ_j / (|B| w̄)` and the penalty, with its size `|B|` and the mean weight `w̄` of
    /// the data, both over samples of positive weight: the mean over the batches of an epoch, each as often as it has
    /// samples, is the risk.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dmatrix};
    /// use gradus::{EmpiricalRisk, GradientDescent, Optimizer, Perceptron, SquaredError};
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![3.0, 5.0, 7.0, 9.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let (mut descent, mut theta) = (GradientDescent::new(0.1), DVector::<f64>::zeros(2));
    /// for _ in 0..200 {
    ///     for start in [0, 2] {
    ///         descent.step(risk.batch(start..start + 2)?, &mut theta)?;
    ///     }
    /// }
    /// assert!((theta[0] - 2.0).abs() < 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] where the range ends beyond the data, [`Error::Empty`] where it holds no sample,
    /// [`Error::Setting`] where all its weights are zero.
    pub fn batch(&mut self, range: Range<usize>) -> Result<&mut Self, Error> {
        if range.end > self.samples() {
            let (expected, found) = (self.samples(), range.end);
            return Err(Error::Length { argument: "range", expected, found });
        }
        check_some("range", "sample", range.len())?;
        if range != (0..self.samples()) {
            self.check_in_memory("a batch")?;
        }
        if self.is_in_memory() {
            self.batch.share(range.clone(), self.weights.as_ref(), self.share)?;
            self.batch.range = range;
            self.batch.is_gathered = false;
            self.forget();
        }
        Ok(self)
    }

    /// Narrows the risk to the samples of the given indices, which it copies side by side, until
    /// [`batch`](Self::batch)`(0..samples)` widens it again.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![2.0, 8.0, 4.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// // the mean of ½ 4² and ½ 2²
    /// assert_eq!(risk.select(&[2, 0])?.value(&dvector![0.0, 0.0]), 5.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`batch`](Self::batch).
    pub fn select(&mut self, samples: &[usize]) -> Result<&mut Self, Error> {
        if let Some(&found) = samples.iter().find(|j| **j >= self.samples()) {
            return Err(Error::Length { argument: "samples", expected: self.samples(), found });
        }
        check_some("samples", "sample", samples.len())?;
        self.check_in_memory("a batch")?;
        self.batch.share(samples.iter().copied(), self.weights.as_ref(), self.share)?;
        if let Source::Memory(x, y) = self.source {
            self.batch.gathered.gather(x, y, samples);
        }
        self.batch.range = 0..samples.len();
        self.batch.is_gathered = true;
        self.forget();
        Ok(self)
    }

    /// All samples are in the memory of this process, as what is asked for needs.
    pub(crate) fn check_in_memory(&self, what: &'static str) -> Result<(), Error> {
        let remedy = match what {
            "influence" => "ask for that of samples that one memory holds",
            _ => "use a method that takes all samples at once, as `Lbfgs`",
        };
        if self.is_in_memory() { Ok(()) } else { Err(Error::InMemory { what, remedy }) }
    }

    /// Another batch: nothing that was computed still holds.
    pub(super) fn forget(&mut self) {
        self.point.forget();
        self.verdict = None;
    }
}

//! Which samples of the data are in play.

use std::ops::Range;

use super::EmpiricalRisk;
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
        self.samples.narrow(range)?;
        if self.samples.is_in_memory() {
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
        self.samples.select(samples)?;
        self.forget();
        Ok(self)
    }

    /// Whether all samples are in the memory of this process.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.samples.is_in_memory()
    }

    /// They are, as what is asked for needs.
    pub(crate) fn check_in_memory(&self, what: &'static str) -> Result<(), Error> {
        self.samples.check_in_memory(what)
    }

    /// Another batch: nothing that was computed still holds.
    pub(super) fn forget(&mut self) {
        self.point.forget();
        self.verdict = None;
    }
}

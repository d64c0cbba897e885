//! Inference in a loop, without allocation.

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};

use crate::contract::{check_evaluation, check_finite, check_length, check_shape, check_some, matrix};
use crate::data::Inputs;
use crate::{Error, Fitted, Loss, Model, Real, kernel};

impl<T: Real, M: Model<T>, L: Loss<T>> Fitted<T, M, L> {
    /// Inference in a loop: owns the workspace for batches of up to `max_batch` samples, so that
    /// [`predict_into`](Predictor::predict_into) allocates nothing.
    ///
    /// ```
    /// use gradus::nalgebra::DMatrix;
    /// use gradus::{Fitted, Perceptron, SquaredError, matrix, vector};
    ///
    /// let theta = vector![2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(1), SquaredError, theta)?;
    /// let (mut predictor, mut y) = (known.predictor(2), DMatrix::zeros(1, 2));
    /// predictor.predict_into(&matrix![1.0, 2.0], &mut y)?;
    /// assert_eq!(y, matrix![5.0, 7.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn predictor(&self, max_batch: usize) -> Predictor<T, M, L, &Self> {
        Predictor::new(self, max_batch)
    }

    /// The same, of a predictor that owns the model: for a thread or a service that keeps it.
    ///
    /// ```
    /// use gradus::{Fitted, Perceptron, SquaredError, vector};
    ///
    /// let theta = vector![2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(1), SquaredError, theta)?;
    /// let mut predictor = known.into_predictor(1);
    /// let answer = std::thread::spawn(move || {
    ///     let mut y = [0.0];
    ///     predictor.predict_one(&[4.0], &mut y).map(|()| y)
    /// });
    /// assert_eq!(answer.join().expect("no panic")?, [11.0]); // 2 · 4 + 3
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn into_predictor(self, max_batch: usize) -> Predictor<T, M, L> {
        Predictor::new(self, max_batch)
    }

    /// A scaling has as many features as the model.
    pub(super) fn check_scaling(&self) -> Result<(), Error> {
        let (scaling, expected) = (self.scaling.as_ref(), self.model.inputs());
        scaling.map_or(Ok(()), |standard| check_length("scaling", standard.mean.len(), expected))
    }

    pub(super) fn evaluate(&self, x: DMatrixView<'_, T>, response: bool) -> Result<DMatrix<T>, Error> {
        let mut out = matrix("outputs", (self.model.outputs(), x.ncols()), T::zero())?;
        self.check_inputs(x)?;
        self.share(x, 0..x.ncols(), out.as_mut_slice(), response)?;
        Ok(out)
    }

    /// Writes the answers for a range of samples; by several threads where that is worth a fork.
    fn share(
        &self, x: DMatrixView<'_, T>, range: Range<usize>, out: &mut [T], response: bool,
    ) -> Result<(), Error> {
        let half = range.len() / WIDTH / 2 * WIDTH;
        let work = range.len().saturating_mul(self.model.parameter_count());
        if half == 0 || work < WORTH_SHARING || kernel::threads() == 1 {
            return self.predictor(range.len().min(WIDTH)).run(x, range, out, response);
        }
        let middle = range.start + half;
        let (low, high) = out.split_at_mut(half * self.model.outputs());
        let (first, second) = kernel::join(
            || self.share(x, range.start..middle, low, response),
            || self.share(x, middle..range.end, high, response),
        );
        first.and(second)
    }

    /// There are parameters, and samples of as many features as the model takes; whether these are finite is asked block
    /// by block.
    fn check_inputs(&self, x: DMatrixView<'_, T>) -> Result<(), Error> {
        check_length("parameters", self.report.x.len(), self.model.parameter_count())?;
        self.check_scaling()?;
        check_some("x", "sample (column)", x.ncols())?;
        check_shape("x", x.shape(), (self.model.inputs(), x.ncols()))
    }
}

/// Parameters × samples below which a second thread costs more than it brings.
const WORTH_SHARING: usize = 1 << 20;

/// Samples at a time where no number is given.
const WIDTH: usize = 256;

/// Inference without allocation, made by [`Fitted::predictor`], which borrows the model, and by
/// [`Fitted::into_predictor`], which takes it over.
///
/// ```
/// use gradus::{Perceptron, matrix};
/// use gradus::nalgebra::DMatrix;
///
/// let fitted = Perceptron::new(1).fit(&matrix![1.0, 2.0, 3.0], &matrix![3.0, 5.0, 7.0])?;
/// let (mut predictor, mut out) = (fitted.predictor(1), DMatrix::zeros(1, 1));
/// for x in [4.0_f64, 5.0] {
///     predictor.predict_into(&matrix![x], &mut out)?;
///     assert!((out[0] - (2.0 * x + 1.0)).abs() < 1e-12);
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
pub struct Predictor<T: Real, M: Model<T>, L, F = Fitted<T, M, L>> {
    fitted: F,
    cache: M::Cache,
    /// Scaled inputs.
    scaled: Vec<T>,
    width: usize,
    loss: PhantomData<L>,
}

impl<T: Real, M: Model<T>, L, F> std::fmt::Debug for Predictor<T, M, L, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Predictor").field("max_batch", &self.width).finish_non_exhaustive()
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>, F: Borrow<Fitted<T, M, L>>> Predictor<T, M, L, F> {
    fn new(fitted: F, max_batch: usize) -> Self {
        // a width of zero would never end, and no workspace needs more than it could ever fill
        let width = max_batch.clamp(1, 1 << 16);
        let Fitted { model, scaling, .. } = fitted.borrow();
        let cache = model.cache(width);
        let scaled = vec![T::zero(); scaling.as_ref().map_or(0, |standard| standard.mean.len() * width)];
        Self { fitted, cache, scaled, width, loss: PhantomData }
    }

    /// Writes the mean response for each sample of `x` (`features × samples`) to `out`
    /// (`outputs × samples`). More samples than the workspace was made for go through it in parts.
    ///
    /// ```
    /// use gradus::nalgebra::DMatrix;
    /// use gradus::{Fitted, Perceptron, SquaredError, matrix, vector};
    ///
    /// let theta = vector![2.0, 3.0];
    /// let known = Fitted::from_parameters(Perceptron::new(1), SquaredError, theta)?;
    /// let mut y = DMatrix::zeros(1, 3);
    /// // two samples, then one
    /// known.predictor(2).predict_into(&matrix![0.0, 1.0, 2.0], &mut y)?;
    /// assert_eq!(y, matrix![3.0, 5.0, 7.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Fitted::predict`]; [`Error::Shape`] for an `out` of another shape.
    pub fn predict_into<'a>(&mut self, x: impl Inputs<'a, T>, out: &mut DMatrix<T>) -> Result<(), Error> {
        let Fitted { model, .. } = self.fitted.borrow();
        let x = x.samples(model.inputs());
        check_shape("out", out.shape(), (model.outputs(), x.ncols()))?;
        self.evaluate(x, out.as_mut_slice(), true)
    }

    /// Writes the mean response for one sample, an entry per feature, to `out`, an entry per output.
    ///
    /// ```
    /// use gradus::{Fitted, LogLoss, SigmoidClassifier, vector};
    ///
    /// let theta = vector![1.0, 2.0, -4.0];
    /// let known = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, theta)?;
    /// let mut yes = [0.0];
    /// known.predictor(1).predict_one(&[2.0, 1.0], &mut yes)?;
    /// assert_eq!(yes, [0.5]); // σ(1 · 2 + 2 · 1 − 4)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Fitted::predict`]; [`Error::Length`] for an `x` or `out` of another length.
    pub fn predict_one(&mut self, x: &[T], out: &mut [T]) -> Result<(), Error> {
        let Fitted { model, .. } = self.fitted.borrow();
        check_length("x", x.len(), model.inputs())?;
        check_length("out", out.len(), model.outputs())?;
        self.evaluate(DMatrixView::from_slice(x, x.len(), 1), out, true)
    }

    /// `out` has an entry per output and sample.
    fn evaluate(&mut self, x: DMatrixView<'_, T>, out: &mut [T], response: bool) -> Result<(), Error> {
        self.fitted.borrow().check_inputs(x)?;
        self.run(x, 0..x.ncols(), out, response)
    }

    /// Writes the answers for a range of samples, a block at a time: while that is near, it is checked as well.
    fn run(
        &mut self, x: DMatrixView<'_, T>, range: Range<usize>, out: &mut [T], response: bool,
    ) -> Result<(), Error> {
        let Fitted { model, loss, scaling, report } = self.fitted.borrow();
        let at = "these inputs: bring features near 1, or use f64";
        for (start, out) in
            range.step_by(self.width).zip(out.chunks_mut((self.width * model.outputs()).max(1)))
        {
            let mut block = x.columns(start, out.len() / model.outputs());
            check_finite("x", block).map_err(|error| error.further(start))?;
            if let Some(standard) = scaling {
                let scaled = &mut self.scaled[..block.len()];
                standard.place(block, scaled)?;
                block = DMatrixView::from_slice(scaled, model.inputs(), block.ncols());
            }
            let z = model.forward(&report.x, block, &mut self.cache);
            check_shape("scores", z.shape(), (model.outputs(), block.ncols()))?;
            kernel::copy_columns(z, out);
            check_evaluation("a score", at, out)?;
            if response {
                loss.response(DMatrixViewMut::from_slice(out, model.outputs(), block.ncols()));
                check_evaluation("a response", at, out)?;
            }
        }
        Ok(())
    }
}

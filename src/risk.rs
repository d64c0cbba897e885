//! Model × loss × data: an objective, so that whatever minimises functions trains models.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::{check_finite, check_shape, room};
use crate::kernel;
use crate::{Error, Loss, Model, Objective, Real, Recession};

mod batch;
mod chunks;
mod curvature;

use chunks::{Batch, Chunks, GROUPS, WORTH_SHARING, add, chunk_width, for_each, threads};

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
/// ([`columns`](crate::data::columns) turns a table with one sample per row). Shapes, finiteness and labels
/// are checked here, once.
///
/// ```
/// use gradus::nalgebra::{self, DVector, dmatrix};
/// use gradus::{EmpiricalRisk, LogLoss, Newton, SigmoidClassifier, Stop, minimize};
///
/// let x = dmatrix![0.5, 1.5, 2.5, 3.5, 4.5];
/// let y = dmatrix![0.0, 1.0, 0.0, 1.0, 1.0];
/// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?.ridge(0.01);
/// let report = minimize(&mut Newton::new(), &mut risk, DVector::zeros(2), &Stop::default())?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug)]
pub struct EmpiricalRisk<'a, T: Real, M: Model<T>, L> {
    model: M,
    loss: L,
    x: DMatrixView<'a, T>,
    y: DMatrixView<'a, T>,
    weights: Option<Vec<T>>,
    ridge: T,
    penalised: Vec<bool>,
    batch: Batch<T>,
    workers: Vec<Worker<T, M::Cache>>,
    second: Option<curvature::Second<T, M::Cache>>,
}

/// What one thread needs to evaluate chunks of the batch.
#[derive(Debug)]
struct Worker<T, C> {
    cache: C,
    delta: DMatrix<T>,
    gradient: DVector<T>,
    value: T,
}

impl<'a, T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'a, T, M, L> {
    /// The mean loss of `model` over the columns of `x` (`features × samples`) and `y`
    /// (`outputs × samples`).
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
    /// [`Error::NonFinite`], [`Error::TooLarge`] for more parameters than memory holds, and what the loss has to say of
    /// the targets ([`Error::Label`]).
    pub fn new(
        model: M,
        loss: L,
        x: impl Into<DMatrixView<'a, T>>,
        y: impl Into<DMatrixView<'a, T>>,
    ) -> Result<Self, Error> {
        let (x, y) = (x.into(), y.into());
        model.check()?;
        if x.ncols() == 0 {
            return Err(Error::Empty { argument: "x", expected: "sample (column)" });
        }
        check_shape("x", x.shape(), (model.inputs(), x.ncols()))?;
        check_shape("y", y.shape(), (model.outputs(), x.ncols()))?;
        check_finite("x", x)?;
        check_finite("y", y)?;
        loss.check(y)?;
        let p = room::<T>("parameters", &[model.parameter_count()])?;
        // one sample in a cache for two: whatever the scores, there is one column of them
        let mut cache = model.cache(2);
        let z = model.forward(&DVector::zeros(p), x.columns(0, 1), &mut cache);
        check_shape("scores", z.shape(), (model.outputs(), 1))?;
        let mut penalised = vec![true; p];
        model.penalised(&mut penalised);
        let batch = Batch { range: 0..0, gathered: None, is_gathered: false, shares: Vec::new() };
        let (ridge, workers) = (T::zero(), Vec::new());
        let mut risk =
            Self { model, loss, x, y, weights: None, ridge, penalised, batch, workers, second: None };
        risk.share(0..x.ncols())?;
        Ok(risk)
    }

    /// Weighs the samples: weight 2 is the sample twice, weight 0 the sample removed.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// assert_eq!(risk.with_weights(&[3.0, 1.0])?.value(&dvector![0.0, 0.0]), 1.5); // (3 · 0.5 + 4.5) / 4
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one weight per sample; [`Error::Setting`] where one is negative or
    /// not finite, or none is positive.
    pub fn with_weights(mut self, weights: &[T]) -> Result<Self, Error> {
        if weights.len() != self.x.ncols() {
            let (expected, found) = (self.x.ncols(), weights.len());
            return Err(Error::Length { argument: "weights", expected, found });
        }
        if let Some(w) = weights.iter().find(|w| !(**w >= T::zero() && w.is_finite())) {
            let expected = "finite and not negative";
            return Err(Error::Setting { name: "weights", expected, found: w.f64() });
        }
        self.weights = Some(weights.to_vec());
        self.share(0..weights.len())?;
        Ok(self)
    }

    /// Adds `(λ/2) ‖W‖²`, on weights and not on biases. Default: 0. `λ` must be finite and not negative.
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
    pub fn ridge(self, lambda: T) -> Self {
        Self { ridge: lambda, ..self }
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
        self.x.ncols()
    }

    /// The weight of sample `j` of the data.
    pub(crate) fn weight(&self, j: usize) -> T {
        self.weights.as_ref().map_or(T::one(), |weights| weights[j])
    }

    /// `Σw` of the data.
    pub(crate) fn total_weight(&self) -> T {
        (0..self.samples()).fold(T::zero(), |s, j| s + self.weight(j))
    }

    /// Which parameters the ridge penalty shrinks.
    pub(crate) fn penalised_parameters(&self) -> &[bool] {
        &self.penalised
    }

    /// `λ` of the ridge penalty.
    pub(crate) fn penalty_strength(&self) -> T {
        self.ridge
    }

    /// The batch in play: inputs, targets, and `w_j / Σw` of each sample.
    pub(crate) fn present(&self) -> (DMatrixView<'_, T>, DMatrixView<'_, T>, &[T]) {
        self.part(0..self.batch.len())
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    fn width(&self) -> usize {
        chunk_width(self.model.parameter_count()).min(self.samples())
    }

    /// The chunks of group `g` out of `groups`, as ranges of the batch.
    fn chunks(&self, g: usize, groups: usize) -> Chunks {
        let (width, len) = (self.width(), self.batch.len());
        let count = len.div_ceil(width);
        Chunks { next: g * count / groups * width, end: len.min((g + 1) * count / groups * width), width }
    }

    /// The whole batch in chunks of `width`.
    fn chunks_of(&self, width: usize) -> Chunks {
        Chunks { next: 0, end: self.batch.len(), width }
    }

    fn groups(&self) -> usize {
        self.batch.len().div_ceil(self.width()).min(GROUPS)
    }

    /// Inputs, targets and shares of a range of the batch.
    fn part(&self, range: Range<usize>) -> (DMatrixView<'_, T>, DMatrixView<'_, T>, &[T]) {
        let shares = &self.batch.shares[range.clone()];
        match &self.batch.gathered {
            Some((x, y)) if self.batch.is_gathered => {
                (x.columns_range(range.clone()), y.columns_range(range), shares)
            }
            _ => {
                let range = self.batch.range.start + range.start..self.batch.range.start + range.end;
                (self.x.columns_range(range.clone()), self.y.columns_range(range), shares)
            }
        }
    }

    /// The first worker, made at the first call and lent out while `self` is read.
    fn take_worker(&mut self) -> Worker<T, M::Cache> {
        self.workers.pop().unwrap_or_else(|| self.worker())
    }

    fn give_back(&mut self, worker: Worker<T, M::Cache>) {
        self.workers.push(worker);
    }

    /// The loss of one chunk, with its gradient added.
    fn add_chunk(
        &self,
        theta: &DVector<T>,
        chunk: Range<usize>,
        cache: &mut M::Cache,
        delta: &mut DMatrix<T>,
        gradient: &mut DVector<T>,
    ) -> T {
        let (x, y, shares) = self.part(chunk);
        let z = self.model.forward(theta, x, cache);
        let mut delta = delta.columns_mut(0, y.ncols());
        let value = self.loss.value_gradient(z, y, shares, delta.as_view_mut());
        self.model.backward(theta, x, delta.as_view(), cache, gradient);
        if gradient.len() == theta.len() {
            return value;
        }
        // a model of one's own replaced it
        *gradient = DVector::repeat(theta.len(), T::NAN);
        T::NAN
    }

    /// `Σ_g value_g`, in the order of the groups: `work` computes one group into a worker, `collect` takes the
    /// results one after the other.
    fn sum_groups(
        &mut self,
        work: impl Fn(&Self, Chunks, &mut Worker<T, M::Cache>) + Sync,
        mut collect: impl FnMut(&mut Worker<T, M::Cache>),
    ) -> T {
        let groups = self.groups();
        let mut workers = std::mem::take(&mut self.workers);
        let side_by_side = self.side_by_side(groups);
        while workers.len() < side_by_side {
            workers.push(self.worker());
        }
        let mut value = T::zero();
        for start in (0..groups).step_by(side_by_side) {
            for_each(&mut workers[..side_by_side], |i, worker| {
                work(self, self.chunks(start + i, groups), worker);
            });
            for worker in &mut workers[..side_by_side] {
                collect(worker);
                value += worker.value;
            }
        }
        self.workers = workers;
        value
    }

    /// How many groups run side by side: all of them where there are threads and work enough to share.
    fn side_by_side(&self, groups: usize) -> usize {
        let work = self.model.parameter_count().saturating_mul(self.batch.len());
        if threads() > 1 && work >= WORTH_SHARING { groups } else { 1 }
    }

    fn worker(&self) -> Worker<T, M::Cache> {
        self.worker_for(self.width())
    }

    fn worker_for(&self, width: usize) -> Worker<T, M::Cache> {
        let (k, p) = (self.model.outputs(), self.model.parameter_count());
        Worker {
            cache: self.model.cache(width),
            // what a loss never writes shows
            delta: DMatrix::repeat(k, width, T::NAN),
            gradient: DVector::zeros(p),
            value: T::zero(),
        }
    }

    /// Whether the scores are an affine function of all parameters.
    fn is_affine(&self) -> bool {
        self.model.affine_in() == (0..self.model.parameter_count())
    }

    /// The least and the largest margin of the scores at `θ` by which the loss decides, where nothing is penalised.
    fn margins(&mut self, theta: &DVector<T>) -> Option<(T, T)> {
        if self.ridge != T::zero() || theta.len() != self.model.parameter_count() {
            return None;
        }
        let (mut worker, mut range) = (self.take_worker(), None);
        for chunk in self.chunks_of(self.width()) {
            let (x, y, shares) = self.part(chunk);
            let z = self.model.forward(theta, x, &mut worker.cache);
            let mut row = vec![T::zero(); y.nrows()];
            for j in (0..y.ncols()).filter(|j| shares[*j] > T::zero()) {
                let margin = self.loss.margin(y.column(j).as_slice(), z.column(j).as_slice(), &mut row);
                let (low, high) = range.unwrap_or((margin, margin));
                range = Some((low.min(margin), high.max(margin)));
            }
        }
        self.give_back(worker);
        range
    }

    /// `(λ/2) ‖W‖²`, with `λ W` added to `gradient`.
    fn penalty(&self, theta: &DVector<T>, gradient: Option<&mut DVector<T>>) -> T {
        if self.ridge == T::zero() {
            return T::zero();
        }
        let weights = || theta.iter().zip(&self.penalised);
        if let Some(gradient) = gradient {
            for (g, (w, _)) in gradient.iter_mut().zip(weights()).filter(|(_, (_, on))| **on) {
                *g += self.ridge * *w;
            }
        }
        let weights = weights().filter(|(_, on)| **on);
        T::of(0.5) * self.ridge * weights.fold(T::zero(), |s, (w, _)| s + *w * *w)
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> Objective<T> for EmpiricalRisk<'_, T, M, L> {
    fn dim(&self) -> usize {
        self.model.parameter_count()
    }

    fn value(&mut self, theta: &DVector<T>) -> T {
        if theta.len() != self.dim() {
            return T::NAN;
        }
        let value = self.sum_groups(
            |risk, chunks, worker| {
                worker.value = T::zero();
                for chunk in chunks {
                    let (x, y, shares) = risk.part(chunk);
                    let z = risk.model.forward(theta, x, &mut worker.cache);
                    worker.value += risk.loss.value(z, y, shares);
                }
            },
            |_| {},
        );
        value + self.penalty(theta, None)
    }

    fn value_gradient(&mut self, theta: &DVector<T>, gradient: &mut DVector<T>) -> T {
        if theta.len() != self.dim() || gradient.len() != self.dim() {
            return T::NAN;
        }
        let groups = self.groups();
        let one_chunk_each = self.batch.len().div_ceil(self.width()) == groups && self.width() <= 128;
        if self.side_by_side(groups) == 1 && one_chunk_each && false {
            let (mut worker, mut value) = (self.take_worker(), T::zero());
            kernel::fill(gradient.as_mut_slice(), T::zero());
            for chunk in self.chunks(0, 1) {
                value += self.add_chunk(theta, chunk, &mut worker.cache, &mut worker.delta, gradient);
            }
            self.give_back(worker);
            return value + self.penalty(theta, Some(gradient));
        }
        let mut first = true;
        let value = self.sum_groups(
            |risk, chunks, Worker { cache, delta, gradient, value }| {
                *value = T::zero();
                kernel::fill(gradient.as_mut_slice(), T::zero());
                for chunk in chunks {
                    *value += risk.add_chunk(theta, chunk, cache, delta, gradient);
                }
            },
            |worker| {
                // the first group's sum changes hands instead of being copied
                if std::mem::take(&mut first) {
                    std::mem::swap(gradient, &mut worker.gradient);
                } else {
                    add(worker.gradient.as_slice(), gradient.as_mut_slice());
                }
            },
        );
        value + self.penalty(theta, Some(gradient))
    }

    fn is_convex(&self) -> bool {
        self.is_affine() && self.loss.is_convex()
    }

    /// Unpenalised, scores that put every sample strictly on its own side grow without bound along the same `θ`,
    /// or its last layer, and the loss falls for ever: the classes are separable.
    fn recedes(&mut self, theta: &DVector<T>) -> Recession<T> {
        if !self.model.affine_in().is_empty()
            && self.margins(theta).is_some_and(|(least, _)| least > T::zero())
        {
            return Recession::Along(theta.clone());
        }
        Recession::No
    }

    fn check(&self) -> Result<(), Error> {
        if self.ridge >= T::zero() && self.ridge.is_finite() {
            return Ok(());
        }
        Err(Error::Setting { name: "ridge", expected: "finite and not negative", found: self.ridge.f64() })
    }
}

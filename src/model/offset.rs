//! A known part of the scores.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{Architecture, Model, SecondOrderModel};
use crate::{Error, Real, kernel};

/// A model with an offset: the last feature is added to every score as it stands, with no coefficient. It is how counts are
/// related to what they are counted in, `ln μ = W x + b + ln(exposure)`.
///
/// `x` has one row more than the features of the model, the offset below them. Where features are standardised, the offset
/// is [kept](crate::data::Standardizer::keep): else it would have another coefficient. Parameters are those of the model, `W`
/// by columns and then `b`.
///
/// ```
/// use gradus::{EmpiricalRisk, Offset, Perceptron, loss::Poisson, matrix};
///
/// // accidents, with one feature and the logarithm of the kilometres driven
/// let kilometres = [1.0_f64, 2.0, 4.0, 2.0, 8.0];
/// let mut x = matrix![0.0, 0.0, 0.0, 1.0, 1.0; 0.0, 0.0, 0.0, 0.0, 0.0];
/// kilometres.iter().enumerate().for_each(|(j, km)| x[(1, j)] = km.ln());
/// let accidents = [1.0, 3.0, 4.0, 5.0, 16.0];
/// let model = Offset::new(Perceptron::new(1));
/// let mut risk = EmpiricalRisk::new(model, Poisson, &x, &accidents)?;
/// let fitted = risk.fit()?;
/// let theta = fitted.parameters();
/// assert!((theta[1].exp() - 8.0_f64 / 7.0).abs() < 1e-8); // 8 in 7 kilometres
/// assert!((theta[0].exp() - 2.1 * 7.0 / 8.0).abs() < 1e-8); // 21 in 10
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset<M>(pub(crate) M);

impl<M: Architecture> Offset<M> {
    /// The model with an offset beside its features.
    ///
    /// ```
    /// use gradus::{Architecture, Offset, Perceptron};
    ///
    /// let model = Offset::new(Perceptron::new(3));
    /// assert_eq!((model.inputs(), model.parameter_count()), (4, 4));
    /// ```
    pub fn new(model: M) -> Self {
        Self(model)
    }
}

/// The cache of the model, and its scores with the offset.
#[doc(hidden)]
#[derive(Debug)]
pub struct OffsetCache<T: Real, C> {
    inner: C,
    scores: DMatrix<T>,
}

impl<M: Architecture> Architecture for Offset<M> {
    fn inputs(&self) -> usize {
        self.0.inputs().saturating_add(1)
    }

    fn outputs(&self) -> usize {
        self.0.outputs()
    }

    fn parameter_count(&self) -> usize {
        self.0.parameter_count()
    }

    fn penalised(&self, penalised: &mut [bool]) {
        self.0.penalised(penalised);
    }

    fn affine_in(&self) -> Range<usize> {
        self.0.affine_in()
    }

    fn offsets(&self) -> usize {
        self.0.offsets() + 1
    }

    fn check(&self) -> Result<(), Error> {
        self.0.check()
    }
}

impl<T: Real, M: Model<T>> Model<T> for Offset<M> {
    type Cache = OffsetCache<T, M::Cache>;

    fn cache(&self, max_batch: usize) -> Self::Cache {
        OffsetCache { inner: self.0.cache(max_batch), scores: DMatrix::zeros(self.0.outputs(), max_batch) }
    }

    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        let OffsetCache { inner, scores } = cache;
        let z = self.0.forward(theta, kernel::top(x, self.0.inputs()), inner);
        let fits = x.nrows() == self.inputs() && scores.nrows() == z.nrows();
        let m = if fits { z.ncols().min(scores.ncols()) } else { 0 };
        for (j, mut out) in scores.columns_mut(0, m).column_iter_mut().enumerate() {
            out.copy_from_slice(z.column(j).as_slice());
            out.add_scalar_mut(x[(self.0.inputs(), j)]);
        }
        scores.columns(0, m)
    }

    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>, cache: &mut Self::Cache,
        gradient: &mut DVector<T>,
    ) {
        self.0.backward(theta, kernel::top(x, self.0.inputs()), delta, &mut cache.inner, gradient);
    }

    fn adds_finished_sums(&self) -> bool {
        self.0.adds_finished_sums()
    }

    fn affine_inputs<'c>(&self, x: DMatrixView<'c, T>, cache: &'c Self::Cache) -> Option<DMatrixView<'c, T>> {
        self.0.affine_inputs(kernel::top(x, self.0.inputs()), &cache.inner)
    }
}

impl<T: Real, M: SecondOrderModel<T>> SecondOrderModel<T> for Offset<M> {
    fn tangent<'c>(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        self.0.tangent(theta, v, kernel::top(x, self.0.inputs()), &mut cache.inner)
    }

    fn backward_tangent(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut DVector<T>,
    ) {
        let x = kernel::top(x, self.0.inputs());
        self.0.backward_tangent(theta, v, x, delta, r_delta, &mut cache.inner, out);
    }

    fn dense_hessian(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut [T],
    ) {
        let x = kernel::top(x, self.0.inputs());
        self.0.dense_hessian(theta, x, delta, curvature, &mut cache.inner, out);
    }

    fn hessian_diagonal(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut DVector<T>,
    ) {
        let x = kernel::top(x, self.0.inputs());
        self.0.hessian_diagonal(theta, x, delta, curvature, &mut cache.inner, out);
    }
}

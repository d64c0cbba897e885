//! What scores change by with the parameters, sample by sample.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::check_size;
use crate::{Error, Model, Real};

/// Tells the scores of one sample after the other, and their Jacobian `∂z/∂θ`.
pub(super) struct Jacobian<'m, T: Real, M: Model<T>> {
    model: &'m M,
    cache: M::Cache,
    gradient: DVector<T>,
    units: DMatrix<T>,
}

impl<'m, T: Real, M: Model<T>> Jacobian<'m, T, M> {
    pub(super) fn new(model: &'m M) -> Self {
        let (p, k) = (model.parameter_count(), model.outputs());
        let (cache, gradient, units) = (model.cache(2), DVector::zeros(p), DMatrix::identity(k, k));
        Self { model, cache, gradient, units }
    }

    /// Writes the scores `z` (`k`) of one sample, and their Jacobian, transposed (`p × k`).
    pub(super) fn at(
        &mut self, theta: &DVector<T>, x: DMatrixView<'_, T>, z: &mut [T], jacobian: &mut [T],
    ) -> Result<(), Error> {
        let scores = self.model.forward(theta, x, &mut self.cache);
        check_size("the scores", scores.len(), z.len())?;
        z.iter_mut().zip(&scores).for_each(|(z, score)| *z = *score);
        for (o, column) in jacobian.chunks_exact_mut(theta.len().max(1)).enumerate() {
            self.gradient.fill(T::zero());
            self.model.backward(theta, x, self.units.columns(o, 1), &mut self.cache, &mut self.gradient);
            check_size("the gradient", self.gradient.len(), theta.len())?;
            column.copy_from_slice(self.gradient.as_slice());
        }
        Ok(())
    }
}

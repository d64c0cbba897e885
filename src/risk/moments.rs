//! Second moments over the samples of the batch, weights counting samples.

use nalgebra::{DMatrix, DVector};

use super::leaves::Sums;
use super::{EmpiricalRisk, Quantity};
use crate::{Loss, Model, Real, kernel};

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// `Σ_j w_j r_j r_jᵀ` of the residuals `r = z − y` (`k × k`, the lower triangle).
    pub(crate) fn residual_moments(&mut self, theta: &DVector<T>) -> DMatrix<T> {
        let total = self.total_weight();
        let root = Sums::zeros(0, self.model.outputs());
        let sums = self.sum_chunks(Quantity::Moments, root, |risk, chunk, worker, sums| {
            let (x, y, shares) = risk.part(chunk);
            let residuals = risk.model.forward(theta, x, &mut worker.cache) - y.dense(&mut worker.targets);
            for (r, share) in residuals.column_iter().zip(shares) {
                sums.matrix.ger(*share * total, &r, &r, T::one());
            }
        });
        sums.matrix
    }

    /// What rounding makes of a residual of each output: `4 ε` times the root mean square of the terms that a residual is
    /// a sum of, `Σ |W| |x| + |b| + |y|`; of models that are not affine, `|z| + |y|`.
    pub(crate) fn rounding(&mut self, theta: &DVector<T>) -> DVector<T> {
        let is_affine = self.is_affine();
        let theta = if is_affine { theta.abs() } else { theta.clone() };
        let (_, y, _) = self.present();
        // squares are of numbers next to 1
        let units = y.sizes(self.model.outputs()).map(kernel::unit);
        let root = Sums::zeros(units.len(), 1);
        let sums = self.sum_chunks(Quantity::Moments, root, |risk, chunk, worker, sums| {
            let (x, y, shares) = risk.part(chunk);
            let absolute = if is_affine { x.abs() } else { x.into_owned() };
            let z = risk.model.forward(&theta, absolute.as_view(), &mut worker.cache);
            let y = y.dense(&mut worker.targets);
            for ((z, y), share) in z.column_iter().zip(y.column_iter()).zip(shares) {
                let terms = (z.abs() + y.abs()).component_mul(&units);
                sums.vector.axpy(*share, &terms.component_mul(&terms), T::one());
            }
        });
        sums.vector.zip_map(&units, |square, unit| T::of(4.0) * T::EPSILON * square.sqrt() / unit)
    }

    /// `Σ_j w_j u_j u_jᵀ` of `u_j = B Aᵀ g_j`, `g_j` the gradient of the loss of sample `j` with `∂ℓ/∂z` of each
    /// output over its `sigma`: positive semidefinite whatever the rounding; the lower triangle.
    pub(crate) fn gradient_moments(
        &mut self, theta: &DVector<T>, sigma: &DVector<T>, b: &DMatrix<T>, a: &DMatrix<T>,
    ) -> DMatrix<T> {
        let (p, total) = (theta.len(), self.total_weight());
        let sums = self.sum_chunks(Quantity::Moments, Sums::zeros(0, p), |risk, chunk, worker, sums| {
            let mut g = DVector::zeros(p);
            for j in chunk {
                let (x, y, share) = risk.part(j..j + 1);
                let y = y.dense(&mut worker.targets);
                let mut delta = worker.delta.columns_mut(0, 1);
                let z = risk.model.forward(theta, x, &mut worker.cache);
                risk.loss.value_gradient(z, y, &[T::one()], delta.as_view_mut());
                delta.column_mut(0).component_div_assign(sigma);
                g.fill(T::zero());
                risk.model.backward(theta, x, delta.as_view(), &mut worker.cache, &mut g);
                let u = b * a.tr_mul(&g);
                sums.matrix.ger(share[0] * total, &u, &u, T::one());
            }
        });
        sums.matrix
    }
}

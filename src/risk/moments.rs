//! Second moments over the samples of the batch, weights counting samples.

use nalgebra::{DMatrix, DVector};

use super::leaves::Sums;
use super::{EmpiricalRisk, Quantity};
use crate::{Loss, Model, Real};

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// `Σ_j w_j r_j r_jᵀ` of the residuals `r = z − y` (`k × k`).
    pub(crate) fn residual_moments(&mut self, theta: &DVector<T>) -> DMatrix<T> {
        let total = self.total_weight();
        let root = Sums::zeros(0, self.model.outputs());
        let sums = self.sum_chunks(Quantity::Moments, root, |risk, chunk, worker, sums| {
            let (x, y, shares) = risk.part(chunk);
            let residuals = risk.model.forward(theta, x, &mut worker.cache) - y;
            for (r, share) in residuals.column_iter().zip(shares) {
                sums.matrix.ger(*share * total, &r, &r, T::one());
            }
        });
        sums.matrix
    }

    /// `Σ_j w_j u_j u_jᵀ` of `u_j = A g_j`, `g_j` the gradient of the loss of sample `j`: positive semidefinite
    /// whatever the rounding.
    pub(crate) fn gradient_moments(&mut self, theta: &DVector<T>, a: &DMatrix<T>) -> DMatrix<T> {
        let (p, total) = (theta.len(), self.total_weight());
        let sums = self.sum_chunks(Quantity::Moments, Sums::zeros(0, p), |risk, chunk, worker, sums| {
            let (mut g, mut u) = (DVector::zeros(p), DVector::zeros(p));
            for j in chunk {
                let (x, y, share) = risk.part(j..j + 1);
                let mut delta = worker.delta.columns_mut(0, 1);
                let z = risk.model.forward(theta, x, &mut worker.cache);
                risk.loss.value_gradient(z, y, &[T::one()], delta.as_view_mut());
                g.fill(T::zero());
                risk.model.backward(theta, x, delta.as_view(), &mut worker.cache, &mut g);
                u.gemv(T::one(), a, &g, T::zero());
                sums.matrix.ger(share[0] * total, &u, &u, T::one());
            }
        });
        sums.matrix
    }
}

//! Second moments over the samples of the batch, weights counting samples.

use nalgebra::{DMatrix, DVector};

use super::leaves::Sums;
use super::{EmpiricalRisk, Quantity};
use crate::loss::Likelihood;
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
    /// a sum of, `Σ |W| |x| + |b| + |y|`; of models that are not affine, `|z| + |y|`. Where scores are of another kind than targets,
    /// these count as a label does.
    pub(crate) fn rounding(&mut self, theta: &DVector<T>) -> DVector<T> {
        let is_affine = self.is_affine();
        let theta = if is_affine { theta.abs() } else { theta.clone() };
        let (_, y, _) = self.present();
        let is_likeness = matches!(self.loss.likelihood(), Likelihood::Normal | Likelihood::None);
        let label = if is_likeness { T::MAX } else { T::one() };
        // squares are of numbers next to 1
        let units = y.sizes(self.model.outputs()).map(|size| kernel::unit(size.min(label)));
        let root = Sums::zeros(units.len(), 1);
        let sums = self.sum_chunks(Quantity::Moments, root, |risk, chunk, worker, sums| {
            let (x, y, shares) = risk.part(chunk);
            let absolute = if is_affine { x.abs() } else { x.into_owned() };
            let z = risk.model.forward(&theta, absolute.as_view(), &mut worker.cache);
            let y = y.dense(&mut worker.targets);
            for ((z, y), share) in z.column_iter().zip(y.column_iter()).zip(shares) {
                let terms = (z.abs() + y.map(|y| y.abs().min(label))).component_mul(&units);
                sums.vector.axpy(*share, &terms.component_mul(&terms), T::one());
            }
        });
        sums.vector.zip_map(&units, |square, unit| T::of(4.0) * T::EPSILON * square.sqrt() / unit)
    }
}

//! A proof that samples overlap, by second derivatives.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::cone::Cone;
use crate::contract::room;
use crate::kernel::{self, Factor};
use crate::risk::curvature::write_blocks;
use crate::{Loss, Model, Perceptron, Real, SecondOrderLoss, SecondOrderModel};

/// Parameters beyond which a Hessian costs too much.
const LARGEST: usize = 4096;

impl<T: Real, M: Model<T>, L: Loss<T>> Cone<'_, '_, T, M, L> {
    /// A proof of overlap that is cheap near a minimum. With the Newton step `s` of the samples' loss,
    ///
    /// ```text
    /// Σ J_jᵀ (Δ_j + C_j r_j) = 0,   r_j = J_j s,   Δ = ∂ℓ/∂z,   C = ∂²ℓ/∂z²
    /// ```
    ///
    /// Where no `C_j r_j` turns a sign of `Δ_j`, these are positive weights on all rows; far out on the way to infinity
    /// `r` is about 1, and turns some. From elsewhere a few steps lead to the minimum, if there is one. Returns whether
    /// the rows span all directions, if this proves that they overlap.
    pub(super) fn overlap_by_newton(&mut self, blocks: &[Range<usize>], steps: usize) -> Option<bool> {
        let loss = self.risk.loss.second_order()?;
        self.inputs?;
        let mut at = self.coordinates();
        let p = at.len();
        room::<f64>("parameters", &[p, p]).ok().filter(|_| p <= LARGEST)?;
        for _ in 0..steps {
            let (mut step, mut hessian) = self.derivatives(loss, blocks, &at);
            let size = hessian.diagonal();
            if !kernel::cholesky(hessian.as_mut_slice(), p) {
                return None;
            }
            kernel::cholesky_solve(hessian.as_slice(), p, step.as_mut_slice());
            step.neg_mut();
            let (mut largest, mut turns) = (0.0_f64, false);
            for block in blocks {
                let (b, z, delta) = self.slopes(loss, block, &at);
                let (_, y, shares) = self.risk.part(block.clone());
                let y = y.dense(&mut self.targets);
                let r = scores(&step, &b);
                let (mut change, rounded) = (DMatrix::zeros(z.nrows(), z.ncols()), r.map(T::of));
                let (z, rounded) = (z.as_view(), rounded.as_view());
                loss.curvature_product(z, y, shares, rounded, change.as_view_mut());
                largest = largest.max(kernel::norm_inf(r.as_slice()));
                let samples = delta.column_iter().zip(change.column_iter()).zip(shares);
                for ((delta, change), _) in samples.filter(|(_, share)| **share > T::zero()) {
                    turns |= delta.iter().zip(change.iter()).any(|(delta, c)| !(c.abs() < delta.abs()));
                }
            }
            if largest < 0.5 && !turns {
                return Some((0..p).all(|i| hessian[(i, i)] * hessian[(i, i)] > 1e-10 * size[i]));
            }
            // not further than the quadratic model may hold
            kernel::axpy(1.0 / largest.max(1.0), step.as_slice(), at.as_mut_slice());
        }
        None
    }

    /// Gradient and Hessian of the samples' loss. Where equal changes of all scores change nothing, the Hessian is
    /// made definite along them; the gradient has no part there.
    fn derivatives(
        &mut self, loss: &dyn SecondOrderLoss<T>, blocks: &[Range<usize>], at: &DVector<f64>,
    ) -> (DVector<f64>, DMatrix<f64>) {
        let (p, k) = (at.len(), self.risk.model.outputs());
        let map = Perceptron::new(self.rows).with_outputs(k).without_bias();
        let (mut cache, mut gradient, mut hessian) = (map.cache(0), DVector::zeros(p), DMatrix::zeros(p, p));
        for block in blocks {
            let (b, z, delta) = self.slopes(loss, block, at);
            let (_, y, shares) = self.risk.part(block.clone());
            let (mut unit, mut curvature) = (z.clone(), DMatrix::zeros(k * k, z.ncols()));
            let sample = (z.as_view(), y.dense(&mut self.targets), shares);
            write_blocks(loss, sample, unit.as_mut_slice(), curvature.as_mut_slice());
            let (delta, curvature) = (delta.map(Real::f64), curvature.map(Real::f64));
            let (b, delta, curvature) = (b.as_view(), delta.as_view(), curvature.as_view());
            map.backward(at, b, delta, &mut cache, &mut gradient);
            map.dense_hessian(at, b, delta, curvature, &mut cache, hessian.as_mut_slice());
        }
        for i in (0..p).step_by(k).filter(|_| self.is_flat) {
            let size = hessian[(i, i)].max(f64::MIN_POSITIVE);
            hessian.view_mut((i, i), (k, k)).add_scalar_mut(size);
        }
        for i in 0..p {
            hessian[(i, i)] *= 1.0 + p as f64 * f64::EPSILON;
        }
        (gradient, hessian)
    }

    /// Inputs, scores and `Δ` of a block of samples at a point.
    fn slopes(
        &mut self, loss: &dyn SecondOrderLoss<T>, block: &Range<usize>, at: &DVector<f64>,
    ) -> (DMatrix<f64>, DMatrix<T>, DMatrix<T>) {
        let b = self.gather(block.clone());
        let (_, y, shares) = self.risk.part(block.clone());
        let z = scores(at, &b).map(T::of);
        let (mut delta, y) = (z.clone(), y.dense(&mut self.targets));
        loss.value_gradient(z.as_view(), y, shares, delta.as_view_mut());
        (b, z, delta)
    }
}

/// `D B`.
fn scores(d: &DVector<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let k = d.len() / b.nrows();
    let mut z = DMatrix::zeros(k, b.ncols());
    let d = Factor::new(d.as_slice(), k, b.nrows());
    kernel::product(1.0, d, Factor::view(&b.as_view()), 0.0, z.as_mut_slice());
    z
}

//! A proof that samples overlap, by second derivatives.

use nalgebra::{DMatrix, DVector};

use super::cone::{Block, Cone, WIDE};
use crate::contract::room;
use crate::kernel::{self, Factor};
use crate::risk::curvature::write_blocks;
use crate::risk::sums::{Largest, Sums};
use crate::{Error, Model, Perceptron, Real, SecondOrderLoss, SecondOrderModel};

/// Parameters beyond which a Hessian costs too much.
const LARGEST: usize = 4096;

impl<T: Real> Cone<'_, T> {
    /// A proof of overlap that is cheap near a minimum. With the Newton step `s` of the samples' loss,
    ///
    /// ```text
    /// Σ J_jᵀ (Δ_j + C_j r_j) = 0,   r_j = J_j s,   Δ = ∂ℓ/∂z,   C = ∂²ℓ/∂z²
    /// ```
    ///
    /// Where no `C_j r_j` turns a sign of `Δ_j`, these are positive weights on all rows; far out on the way to infinity
    /// it is about `−Δ_j`, and turns some: half of that is far from either. From elsewhere a few steps lead to the minimum, if there is one. Returns whether
    /// the rows span all directions, if this proves that they overlap.
    pub(super) fn overlap_by_newton(&self, steps: usize) -> Result<Option<bool>, Error> {
        let (Some(loss), true) = (self.risk.loss.second_order(), self.may_take_newton()) else {
            return Ok(None);
        };
        let mut at = self.coordinates();
        let p = at.len();
        for _ in 0..steps {
            let (mut step, mut hessian) = self.derivatives(loss, &at)?;
            let size = hessian.diagonal();
            if !kernel::cholesky(hessian.as_mut_slice(), p) {
                return Ok(None);
            }
            kernel::cholesky_solve(hessian.as_slice(), p, step.as_mut_slice());
            step.neg_mut();
            // the largest change of a score, beside the others where only that counts, and whether a sign turns
            let zero = || Largest::new(2);
            let changes = self.blocks(WIDE, zero, |block, changes: &mut Largest<f64>| {
                let (z, delta) = slopes(loss, block, &at);
                let r = scores(&step, &block.b);
                let (mut change, rounded) = (DMatrix::zeros(z.nrows(), z.ncols()), r.map(T::of));
                let (z, rounded) = (z.as_view(), rounded.as_view());
                loss.curvature_product(z, block.y, block.shares, rounded, change.as_view_mut());
                for r in r.column_iter() {
                    // what all scores have in common may change nothing
                    let both = r.max() - r.min();
                    changes.see(0, if self.is_flat { both } else { kernel::norm_inf(r.as_slice()) });
                }
                let samples = delta.column_iter().zip(change.column_iter()).zip(block.shares);
                for ((delta, change), _) in samples.filter(|(_, share)| **share > T::zero()) {
                    let half = T::of(0.5);
                    let turns =
                        delta.iter().zip(change.iter()).any(|(delta, c)| !(c.abs() < half * delta.abs()));
                    changes.see(1, f64::from(u8::from(turns)));
                }
            })?;
            let (largest, turns) = (changes.0[0], changes.0[1] > 0.0);
            if largest < 0.5 && !turns {
                return Ok(Some((0..p).all(|i| hessian[(i, i)] * hessian[(i, i)] > 1e-10 * size[i])));
            }
            // not further than the quadratic model may hold
            kernel::axpy(1.0 / largest.max(1.0), step.as_slice(), at.as_mut_slice());
        }
        Ok(None)
    }

    /// Whether there are second derivatives, of no more parameters than they are worth their cost.
    pub(super) fn may_take_newton(&self) -> bool {
        let p = self.free.len();
        let has_room = || room::<f64>("parameters", &[p, p]).is_ok();
        self.risk.loss.second_order().is_some() && self.inputs.is_some() && p <= LARGEST && has_room()
    }

    /// Gradient and Hessian of the samples' loss. Where equal changes of all scores change nothing, the Hessian is
    /// made definite along them; the gradient has no part there.
    fn derivatives(
        &self, loss: &dyn SecondOrderLoss<T>, at: &DVector<f64>,
    ) -> Result<(DVector<f64>, DMatrix<f64>), Error> {
        let (p, k) = (at.len(), self.risk.model.outputs());
        let map = Perceptron::new(self.rows).with_outputs(k).without_bias();
        let zero = || Sums::zeros(p, p);
        let sums = self.blocks(WIDE, zero, |block, sums: &mut Sums<f64>| {
            let (z, delta) = slopes(loss, block, at);
            let (mut unit, mut curvature) = (z.clone(), DMatrix::zeros(k * k, z.ncols()));
            let sample = (z.as_view(), block.y, block.shares);
            write_blocks(loss, sample, unit.as_mut_slice(), curvature.as_mut_slice());
            let (delta, curvature) = (delta.map(Real::f64), curvature.map(Real::f64));
            let (b, delta, curvature) = (block.b.as_view(), delta.as_view(), curvature.as_view());
            let mut cache = map.cache(0);
            map.backward(at, b, delta, &mut cache, &mut sums.vector);
            map.dense_hessian(at, b, delta, curvature, &mut cache, sums.matrix.as_mut_slice());
        })?;
        let mut hessian = sums.matrix;
        for i in (0..p).step_by(k).filter(|_| self.is_flat) {
            let size = hessian[(i, i)].max(f64::MIN_POSITIVE);
            hessian.view_mut((i, i), (k, k)).add_scalar_mut(size);
        }
        for i in 0..p {
            hessian[(i, i)] *= 1.0 + p as f64 * f64::EPSILON;
        }
        Ok((sums.vector, hessian))
    }
}

/// Scores and `Δ` of a block of samples at a point.
fn slopes<T: Real>(
    loss: &dyn SecondOrderLoss<T>, block: &Block<'_, T>, at: &DVector<f64>,
) -> (DMatrix<T>, DMatrix<T>) {
    let z = scores(at, &block.b).map(T::of);
    let mut delta = z.clone();
    loss.value_gradient(z.as_view(), block.y, block.shares, delta.as_view_mut());
    (z, delta)
}

/// `D B`.
fn scores(d: &DVector<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    let k = d.len() / b.nrows();
    let mut z = DMatrix::zeros(k, b.ncols());
    let d = Factor::new(d.as_slice(), k, b.nrows());
    kernel::product(1.0, d, Factor::view(&b.as_view()), 0.0, z.as_mut_slice());
    z
}

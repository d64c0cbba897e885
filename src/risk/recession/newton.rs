//! A proof that samples overlap, by second derivatives.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::cone::Cone;
use crate::contract::room;
use crate::kernel::{self, Factor};
use crate::model::Linear;
use crate::{Loss, Model, Real, SecondOrderLoss};

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
                let Bent { r, delta, curvature, .. } = self.bend(loss, block, &at, Some(&step));
                largest = largest.max(kernel::norm_inf(r.as_slice()));
                let shares = self.risk.part(block.clone()).2;
                let samples = delta.column_iter().zip(curvature.column_iter()).zip(shares);
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
        &mut self,
        loss: &dyn SecondOrderLoss<T>,
        blocks: &[Range<usize>],
        at: &DVector<f64>,
    ) -> (DVector<f64>, DMatrix<f64>) {
        let (p, k) = (at.len(), self.risk.model.outputs());
        let linear = Linear { inputs: self.rows, outputs: k, bias: false };
        let (mut cache, mut gradient) = (linear.cache(0), DVector::zeros(p));
        let mut hessian = DMatrix::zeros(p, p);
        for block in blocks {
            let Bent { b, delta, curvature, .. } = self.bend(loss, block, at, None);
            linear.backward(&b.as_view(), &delta.as_view(), gradient.as_mut_slice());
            linear.dense_hessian(&b.as_view(), &curvature.as_view(), &mut cache, hessian.as_mut_slice());
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

    /// A block at a point: inputs, `Δ`, and the blocks of `C` by columns, or `r = J s` and `C r` of a step.
    fn bend(
        &mut self,
        loss: &dyn SecondOrderLoss<T>,
        block: &Range<usize>,
        at: &DVector<f64>,
        step: Option<&DVector<f64>>,
    ) -> Bent {
        let b = self.gather(block.clone());
        let (_, y, shares) = self.risk.part(block.clone());
        let (k, m) = y.shape();
        let along = |d: &DVector<f64>| {
            let mut r = DMatrix::zeros(k, m);
            let (d, b) = (Factor::new(d.as_slice(), k, self.rows), Factor::new(b.as_slice(), self.rows, m));
            kernel::product(1.0, d, b, 0.0, r.as_mut_slice());
            r
        };
        let z = along(at).map(T::of);
        let mut delta = DMatrix::zeros(k, m);
        loss.value_gradient(z.as_view(), y, shares, delta.as_view_mut());
        let r = step.map_or(DMatrix::zeros(0, 0), along);
        let directions = if step.is_some() { 1 } else { k };
        let mut curvature = DMatrix::zeros(k * directions, m);
        for q in 0..directions {
            let unit = || DMatrix::from_fn(k, m, |i, _| if i == q { T::one() } else { T::zero() });
            let direction = step.map_or_else(unit, |_| r.map(T::of));
            let columns = curvature.view_mut((q * k, 0), (k, m));
            loss.curvature_product(z.as_view(), y, shares, direction.as_view(), columns);
        }
        Bent { b, r, delta: delta.map(Real::f64), curvature: curvature.map(Real::f64) }
    }
}

/// What [`Cone::bend`] tells.
struct Bent {
    b: DMatrix<f64>,
    r: DMatrix<f64>,
    delta: DMatrix<f64>,
    curvature: DMatrix<f64>,
}

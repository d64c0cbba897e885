//! The second-order half of the empirical risk.

use nalgebra::{DMatrix, DVector};

use super::EmpiricalRisk;
use crate::{Curved, Hessian, HessianProduct, Objective, Real, SecondOrder};

/// Buffers for second derivatives of one chunk.
#[derive(Debug)]
pub(super) struct Second<T> {
    /// `R{Δ}`, or a unit direction of the scores (`k × width`).
    direction: DMatrix<T>,
    /// `k × k` blocks `w_j ∂²ℓ/∂z²`, one per column (`k² × width`).
    curvature: DMatrix<T>,
    unit: DVector<T>,
    column: DVector<T>,
}

impl<T: Real, M: SecondOrder<T>, L: Curved<T>> EmpiricalRisk<'_, T, M, L> {
    fn second(&self) -> Second<T> {
        let (k, width, p) = (self.model.outputs(), self.width(), self.dim());
        let (unit, column) = (DVector::zeros(p), DVector::zeros(p));
        Second { direction: DMatrix::zeros(k, width), curvature: DMatrix::zeros(0, 0), unit, column }
    }

    /// The Gauss–Newton product `Jᵀ (∂²L/∂Z²) J v` (Schraudolph 2002), penalty included: the Hessian product
    /// without the curvature of the model itself, and equal to it where the model is affine. `theta`, `v`
    /// and `out` have length `p`; where one has not, nothing is written.
    pub fn gauss_newton_product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.product(theta, v, out, false);
    }

    fn product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>, exact: bool) {
        if [theta.len(), v.len(), out.len()] != [self.dim(); 3] {
            return;
        }
        let (mut worker, mut second) = (self.take_worker(), self.take_second());
        out.fill(T::zero());
        for chunk in self.chunks(0, 1) {
            let (x, y, shares) = self.part(chunk);
            self.model.forward(theta, x, &mut worker.cache);
            let mut delta = worker.delta.columns_mut(0, y.ncols());
            if exact {
                let scores = self.model.scores(&worker.cache);
                self.loss.value_gradient(scores, y, shares, delta.as_view_mut());
            } else {
                delta.fill(T::zero());
            }
            self.model.tangent(theta, v, x, &mut worker.cache);
            let mut r_delta = second.direction.columns_mut(0, y.ncols());
            let (z, r_z) = (self.model.scores(&worker.cache), self.model.tangent_scores(&worker.cache));
            self.loss.curvature_product(z, y, shares, r_z, r_delta.as_view_mut());
            let (delta, r_delta) = (delta.as_view(), r_delta.as_view());
            self.model.backward_tangent(theta, v, x, delta, r_delta, &mut worker.cache, out);
        }
        for (i, on) in self.penalised.iter().enumerate() {
            if *on {
                out[i] += self.ridge * v[i];
            }
        }
        self.give_back(worker);
        self.second = Some(second);
    }

    /// `f`, with the Hessian written and, if asked for, the gradient: one forward pass for all.
    fn curve(&mut self, theta: &DVector<T>, mut gradient: Option<&mut DVector<T>>, h: &mut DMatrix<T>) -> T {
        let p = self.dim();
        let lent = gradient.as_ref().map_or(p, |gradient| gradient.len());
        if theta.len() != p || lent != p || h.shape() != (p, p) {
            return T::NAN;
        }
        let (mut worker, mut second) = (self.take_worker(), self.take_second());
        let k = self.model.outputs();
        if second.curvature.nrows() == 0 {
            second.curvature = DMatrix::zeros(k * k, self.width());
        }
        if let Some(gradient) = &mut gradient {
            gradient.fill(T::zero());
        }
        h.fill(T::zero());
        let mut value = T::zero();
        for chunk in self.chunks(0, 1) {
            let (x, y, shares) = self.part(chunk);
            self.model.forward(theta, x, &mut worker.cache);
            let mut delta = worker.delta.columns_mut(0, y.ncols());
            let z = self.model.scores(&worker.cache);
            value += self.loss.value_gradient(z, y, shares, delta.as_view_mut());
            // the blocks, a column of each at a time
            let mut r = second.direction.columns_mut(0, y.ncols());
            let mut curvature = second.curvature.columns_mut(0, y.ncols());
            for q in 0..k {
                r.fill(T::zero());
                r.row_mut(q).fill(T::one());
                self.loss.curvature_product(z, y, shares, r.as_view(), curvature.rows_mut(q * k, k));
            }
            let (delta, curvature) = (delta.as_view(), curvature.as_view());
            if let Some(gradient) = &mut gradient {
                self.model.backward(theta, x, delta, &mut worker.cache, gradient);
            }
            let cache = &mut worker.cache;
            if !self.model.dense_hessian(theta, x, delta, curvature, cache, h.as_mut_slice()) {
                for j in 0..p {
                    second.unit[j] = T::one();
                    self.model.tangent(theta, &second.unit, x, cache);
                    let r_z = self.model.tangent_scores(cache);
                    self.loss.curvature_product(self.model.scores(cache), y, shares, r_z, r.as_view_mut());
                    second.column.fill(T::zero());
                    let (r, column) = (r.as_view(), &mut second.column);
                    self.model.backward_tangent(theta, &second.unit, x, delta, r, cache, column);
                    second.unit[j] = T::zero();
                    h.column_mut(j).axpy(T::one(), &second.column, T::one());
                }
            }
        }
        h.fill_upper_triangle_with_lower_triangle();
        for (i, on) in self.penalised.iter().enumerate() {
            if *on {
                h[(i, i)] += self.ridge;
            }
        }
        self.give_back(worker);
        self.second = Some(second);
        value + self.penalty(theta, gradient)
    }

    fn take_second(&mut self) -> Second<T> {
        self.second.take().unwrap_or_else(|| self.second())
    }
}

impl<T: Real, M: SecondOrder<T>, L: Curved<T>> HessianProduct<T> for EmpiricalRisk<'_, T, M, L> {
    fn hessian_product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.product(theta, v, out, true);
    }
}

impl<T: Real, M: SecondOrder<T>, L: Curved<T>> Hessian<T> for EmpiricalRisk<'_, T, M, L> {
    fn hessian(&mut self, theta: &DVector<T>, hessian: &mut DMatrix<T>) {
        self.curve(theta, None, hessian);
    }

    fn value_gradient_hessian(
        &mut self,
        theta: &DVector<T>,
        gradient: &mut DVector<T>,
        hessian: &mut DMatrix<T>,
    ) -> T {
        self.curve(theta, Some(gradient), hessian)
    }
}

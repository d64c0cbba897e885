//! The second-order half of the empirical risk.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

use super::pass::Part;
use super::{EmpiricalRisk, Quantity, Sums, Worker};
use crate::kernel::Factor;
use crate::{Error, Hessian, HessianProduct, Objective, Real, SecondOrderLoss, SecondOrderModel, kernel};

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The Gauss–Newton product `Jᵀ (∂²L/∂Z²) J v` (Schraudolph 2002), penalty included: the Hessian product
    /// without the curvature of the model itself, and equal to it where the model is affine.
    ///
    /// Positive semidefinite for a convex loss. `theta`, `v` and `out` have length `p`; where one has not,
    /// nothing is written.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dmatrix};
    /// use gradus::{Activation, EmpiricalRisk, HessianProduct, Network, SquaredError};
    ///
    /// let (x, y) = (dmatrix![0.0, 1.0, 2.0], dmatrix![0.0, 1.0, 4.0]);
    /// let network = Network::new(&[1, 3, 1], Activation::Tanh);
    /// let theta = network.initial(7);
    /// let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y)?;
    /// let v = DVector::from_element(theta.len(), 1.0);
    /// let (mut gv, mut hv) = (v.clone(), v.clone());
    /// risk.gauss_newton_product(&theta, &v, &mut gv);
    /// risk.hessian_product(&theta, &v, &mut hv);
    /// assert!(v.dot(&gv) >= 0.0 && gv != hv);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn gauss_newton_product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.product(theta, v, out, false);
    }

    /// Writes the diagonal of the exact Hessian, penalty included, to `out`, without the rest of the matrix.
    ///
    /// `theta` and `out` have length `p`; where one has not, nothing is written. A [`Network`](crate::Network)
    /// and the affine models take one pass over the data; a model of your own that does not offer
    /// [`hessian_diagonal`](SecondOrderModel::hessian_diagonal) takes one Hessian product per entry. Where memory does not
    /// hold what is needed on the way (outputs × outputs, units × units of all but the first layer), the result is NaN.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![2.0, 4.0, 6.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let mut diagonal = DVector::zeros(2);
    /// risk.hessian_diagonal(&dvector![0.0, 0.0], &mut diagonal);
    /// assert!(diagonal.relative_eq(&dvector![14.0 / 3.0, 1.0], 1e-15, 1e-15));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn hessian_diagonal(&mut self, theta: &DVector<T>, out: &mut DVector<T>) {
        if [theta.len(), out.len()] != [self.dim(); 2] {
            return;
        }
        self.point.forget();
        let root = Sums::of(out, &mut DMatrix::zeros(0, 0));
        let sums =
            self.sum_chunks(Quantity::Product, theta.as_slice(), root, &|here, chunk, worker, sums| {
                let Some(CurvedChunk { x, delta, blocks, cache, .. }) =
                    here.curve_chunk(theta, chunk, worker)
                else {
                    return sums.spoil(theta.len());
                };
                here.model.hessian_diagonal(theta, x, delta, blocks, cache, &mut sums.vector);
            });
        *out = sums.vector;
        self.each_penalised(|i, ridge| out[i] += ridge);
    }

    fn product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>, is_exact: bool) {
        if [theta.len(), v.len(), out.len()] != [self.dim(); 3] {
            return;
        }
        let is_there = self.point.is_there && equal(self.point.theta.as_slice(), theta.as_slice());
        self.point.forget();
        let root = Sums::of(out, &mut DMatrix::zeros(0, 0));
        let sums =
            self.sum_chunks(Quantity::Product, theta.as_slice(), root, &|here, chunk, worker, sums| {
                let (x, y, shares) = here.part(chunk);
                let m = y.len();
                let Worker { cache, delta, scores, r_delta, flat, placed, targets, .. } = worker;
                let (x, y) = (here.seen(x, placed), y.dense(targets));
                if !is_there {
                    let z = here.model.forward(theta, x, cache);
                    kernel::copy_columns(z, scores.as_mut_slice());
                    here.loss.value_gradient(z, y, shares, delta.columns_mut(0, m));
                }
                let (z, r_z) = (scores.columns(0, m), here.model.tangent(theta, v, x, cache));
                here.loss.curvature_product(z, y, shares, r_z, r_delta.columns_mut(0, m));
                let delta = if is_exact { delta.columns(0, m) } else { flat.columns(0, m) };
                here.model.backward_tangent(
                    theta,
                    v,
                    x,
                    delta,
                    r_delta.columns(0, m),
                    cache,
                    &mut sums.vector,
                );
            });
        *out = sums.vector;
        if self.leaves(Quantity::Product, 0).is_one_chunk() {
            self.point.stand_at(theta);
        }
        self.each_penalised(|i, ridge| out[i] += ridge * v[i]);
    }

    /// `f`, with gradient and Hessian written: one forward pass for all.
    fn curve(&mut self, theta: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>) -> T {
        let p = self.dim();
        if [theta.len(), gradient.len(), hessian.nrows(), hessian.ncols()] != [p; 4] {
            return T::NAN;
        }
        self.point.forget();
        let root = Sums::of(gradient, hessian);
        let sums =
            self.sum_chunks(Quantity::Hessian, theta.as_slice(), root, &|here, chunk, worker, sums| {
                let Some(CurvedChunk { value, x, delta, blocks, cache }) =
                    here.curve_chunk(theta, chunk, worker)
                else {
                    return sums.spoil(theta.len());
                };
                sums.value += value;
                here.model.backward(theta, x, delta, cache, &mut sums.vector);
                here.model.dense_hessian(theta, x, delta, blocks, cache, sums.matrix.as_mut_slice());
            });
        *gradient = sums.vector;
        *hessian = sums.matrix;
        kernel::mirror(hessian.as_mut_slice(), p);
        self.each_penalised(|i, ridge| hessian.as_mut_slice()[i * p + i] += ridge);
        sums.value + self.penalty(theta, Some(gradient))
    }

    /// `Σ_j w_j ∂²ℓ/∂z²` (`k × k`), the Hessian by biases, column by column.
    pub(crate) fn score_curvature(&self, theta: &DVector<T>) -> Result<DMatrix<T>, Error> {
        let k = self.model.outputs();
        let zero = || Sums::zeros(k * k, 0);
        let sums = self.sum_samples(&zero, &|here, chunk, worker, sums| {
            let (x, y, shares) = here.part(chunk);
            let (m, Worker { cache, delta, r_delta, placed, targets, .. }) = (x.ncols(), worker);
            let (x, unit) = (here.seen(x, placed), &mut r_delta.as_mut_slice()[..k * m]);
            let (z, y) = (here.model.forward(theta, x, cache), y.dense(targets));
            for (q, column) in sums.vector.as_mut_slice().chunks_exact_mut(k).enumerate() {
                write_unit(q, k, unit);
                let direction = DMatrixView::from_slice(unit, k, m);
                here.loss.curvature_product(z, y, shares, direction, delta.columns_mut(0, m));
                kernel::add_columns(Factor::view(&delta.columns(0, m)), column);
            }
        })?;
        Ok(DMatrix::from_column_slice(k, k, sums.vector.as_slice()))
    }

    /// What rounding of parameters, scores and slopes makes of the gradient of an affine model, `‖∇f‖∞`, where all of it adds
    /// up:
    ///
    /// ```text
    /// 4 ε ( Σ_j w_j (|∂²ℓ_j/∂z²| t_j + |∂ℓ_j/∂z|) |x_j|ᵀ + λ |W| ),   t = |W| |x| + |b|
    /// ```
    pub(crate) fn rounding_of_gradient(&self, theta: &DVector<T>) -> Result<T, Error> {
        let (k, sizes) = (self.model.outputs(), theta.abs());
        let zero = || Sums::zeros(theta.len(), 0);
        let sums = self.sum_samples(&zero, &|here, chunk, worker, sums| {
            let Some(CurvedChunk { x, delta, blocks, cache, .. }) = here.curve_chunk(theta, chunk, worker)
            else {
                return sums.spoil(theta.len());
            };
            let (x, mut slopes) = (x.abs(), delta.abs());
            let terms = here.model.forward(&sizes, x.as_view(), cache).into_owned();
            for (j, mut slopes) in slopes.column_iter_mut().enumerate() {
                let curvatures = blocks.column(j);
                let curvatures = curvatures.iter().enumerate();
                curvatures.for_each(|(i, c)| slopes[i % k] += c.abs() * terms[(i / k, j)]);
            }
            here.model.backward(&sizes, x.as_view(), slopes.as_view(), cache, &mut sums.vector);
        });
        let mut sums = sums?.vector;
        self.penalty(&sizes, Some(&mut sums));
        Ok((T::of(4.0) * T::EPSILON * kernel::norm_inf(sums.as_slice())).min(T::MAX))
    }

    /// The least and the greatest curvature that the penalty gives a weight.
    pub(crate) fn penalty_range(&self) -> [T; 2] {
        let mut range = [T::MAX, T::zero()];
        self.each_penalised(|_, ridge| range = [range[0].min(ridge), range[1].max(ridge)]);
        range
    }
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> Part<'_, T, M, L> {
    /// Goes forward, with `Δ` and the blocks `∂²L/∂z²` written to the worker's buffers.
    pub(super) fn curve_chunk<'w>(
        &'w self, theta: &DVector<T>, chunk: Range<usize>, worker: &'w mut Worker<T, M::Cache>,
    ) -> Option<CurvedChunk<'w, T, M::Cache>> {
        let ((x, y, shares), k) = (self.part(chunk), self.model.outputs());
        let (m, Worker { cache, delta, r_delta, blocks, placed, targets, .. }) = (y.len(), worker);
        let (x, y) = (self.seen(x, placed), y.dense(targets));
        kernel::reserve(blocks, k.saturating_mul(k).saturating_mul(delta.ncols()))?;
        let z = self.model.forward(theta, x, cache);
        let value = self.loss.value_gradient(z, y, shares, delta.columns_mut(0, m));
        let blocks = &mut blocks[..k * k * m];
        write_blocks(self.loss, (z, y, shares), r_delta.as_mut_slice(), blocks);
        let blocks = DMatrixView::from_slice(blocks, k * k, m);
        Some(CurvedChunk { value, x, delta: delta.columns(0, m), blocks, cache })
    }
}

/// A chunk gone through: its loss, and what the second derivatives of the model take.
pub(super) struct CurvedChunk<'w, T, C> {
    value: T,
    pub(super) x: DMatrixView<'w, T>,
    pub(super) delta: DMatrixView<'w, T>,
    pub(super) blocks: DMatrixView<'w, T>,
    cache: &'w mut C,
}

/// `∂²L/∂z²` of each sample, a column of blocks: column `q` of a block is its product with the unit direction `q`.
pub(super) fn write_blocks<T: Real, L: SecondOrderLoss<T> + ?Sized>(
    loss: &L, (z, y, shares): (DMatrixView<'_, T>, DMatrixView<'_, T>, &[T]), unit: &mut [T],
    blocks: &mut [T],
) {
    let (k, m) = y.shape();
    let unit = &mut unit[..k * m];
    // what a loss never writes shows
    kernel::fill(blocks, T::NAN);
    let mut blocks = DMatrixViewMut::from_slice(blocks, k * k, m);
    for q in 0..k {
        write_unit(q, k, unit);
        let direction = DMatrixView::from_slice(unit, k, m);
        loss.curvature_product(z, y, shares, direction, blocks.view_mut((q * k, 0), (k, m)));
    }
}

/// The unit direction `q` of the `k` scores of each sample.
fn write_unit<T: Real>(q: usize, k: usize, unit: &mut [T]) {
    kernel::fill(unit, T::zero());
    unit.iter_mut().skip(q).step_by(k).for_each(|r| *r = T::one());
}

/// Whether two vectors of one length are the same, NaN never; stretch by stretch, which compiles to vectors.
fn equal<T: Real>(a: &[T], b: &[T]) -> bool {
    let same = |(a, b): (&[T], &[T])| a.iter().zip(b).fold(true, |same, (a, b)| same & (a == b));
    a.chunks(64).zip(b.chunks(64)).all(same)
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> HessianProduct<T>
    for EmpiricalRisk<'_, T, M, L>
{
    fn hessian_product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.product(theta, v, out, true);
    }
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> Hessian<T> for EmpiricalRisk<'_, T, M, L> {
    fn hessian(&mut self, theta: &DVector<T>, hessian: &mut DMatrix<T>) {
        let mut gradient = std::mem::replace(&mut self.point.gradient, DVector::zeros(0));
        gradient.resize_vertically_mut(self.dim(), T::zero());
        self.curve(theta, &mut gradient, hessian);
        self.point.gradient = gradient;
    }

    fn value_gradient_hessian(
        &mut self, theta: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        self.curve(theta, gradient, hessian)
    }
}

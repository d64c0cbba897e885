//! The second-order half of the empirical risk.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

use super::EmpiricalRisk;
use super::pass::leaves;
use super::samples::Part;
use super::state::{Quantity, Room, Worker};
use super::sums::Sums;
use super::survey::{Running, Survey, With};
use crate::kernel::{Factor, compiled};
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
        let Self { model, loss, samples, summing, .. } = self;
        let root = Sums::of(out, &mut DMatrix::zeros(0, 0));
        let sums =
            summing.sum(samples, model, Quantity::Product, theta, root, &|here, chunk, worker, sums| {
                let Worker { cache, room } = worker;
                let mut running = With::new(model, &mut *cache);
                let curved = here.curve_chunk((&mut running, loss), theta, chunk, room);
                let Some(CurvedChunk { x, delta, blocks, .. }) = curved else {
                    return sums.spoil(theta.len());
                };
                model.hessian_diagonal(theta, x, delta, blocks, cache, &mut sums.vector);
            });
        *out = sums.vector;
        self.survey().each_penalised(|i, ridge| out[i] += ridge);
    }

    fn product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>, is_exact: bool) {
        if [theta.len(), v.len(), out.len()] != [self.dim(); 3] {
            return;
        }
        let is_there = self.point.is_there && equal(self.point.theta.as_slice(), theta.as_slice());
        self.point.forget();
        let Self { model, loss, samples, summing, .. } = self;
        let root = Sums::of(out, &mut DMatrix::zeros(0, 0));
        let sums =
            summing.sum(samples, model, Quantity::Product, theta, root, &|here, chunk, worker, sums| {
                let ((x, y, shares), Worker { cache, room }) = (here.part(chunk), worker);
                let Room { delta, scores, r_delta, flat, placed, targets, .. } = room;
                let (x, y, m) = (here.seen(x, placed), y.dense(targets), y.len());
                if !is_there {
                    let z = model.forward(theta, x, cache);
                    kernel::copy_columns(z, scores.as_mut_slice());
                    loss.value_gradient(z, y, shares, delta.columns_mut(0, m));
                }
                let (z, r_z) = (scores.columns(0, m), model.tangent(theta, v, x, cache));
                loss.curvature_product(z, y, shares, r_z, r_delta.columns_mut(0, m));
                let delta = if is_exact { delta.columns(0, m) } else { flat.columns(0, m) };
                model.backward_tangent(theta, v, x, delta, r_delta.columns(0, m), cache, &mut sums.vector);
            });
        *out = sums.vector;
        if leaves(&self.samples, &self.model, Quantity::Product, 0).is_one_chunk() {
            self.point.stand_at(theta);
        }
        self.survey().each_penalised(|i, ridge| out[i] += ridge * v[i]);
    }

    /// `f`, with gradient and Hessian written: one forward pass for all.
    fn curve(&mut self, theta: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>) -> T {
        let p = self.dim();
        if [theta.len(), gradient.len(), hessian.nrows(), hessian.ncols()] != [p; 4] {
            return T::NAN;
        }
        self.point.forget();
        let Self { model, loss, samples, summing, .. } = self;
        let root = Sums::of(gradient, hessian);
        let sums =
            summing.sum(samples, model, Quantity::Hessian, theta, root, &|here, chunk, worker, sums| {
                let Worker { cache, room } = worker;
                let mut running = With::new(model, &mut *cache);
                let curved = here.curve_chunk((&mut running, loss), theta, chunk, room);
                let Some(CurvedChunk { value, x, delta, blocks }) = curved else {
                    return sums.spoil(theta.len());
                };
                sums.value += value;
                model.backward(theta, x, delta, cache, &mut sums.vector);
                model.dense_hessian(theta, x, delta, blocks, cache, sums.matrix.as_mut_slice());
            });
        *gradient = sums.vector;
        *hessian = sums.matrix;
        kernel::mirror(hessian.as_mut_slice(), p);
        self.survey().each_penalised(|i, ridge| hessian.as_mut_slice()[i * p + i] += ridge);
        sums.value + self.survey().penalty(theta, Some(gradient))
    }
}

impl<T: Real> Part<'_, T> {
    /// Goes forward, with `Δ` and the blocks `∂²L/∂z²` written.
    pub(super) fn curve_chunk<'w>(
        &'w self, (running, loss): (&mut dyn Running<T>, &dyn SecondOrderLoss<T>), theta: &DVector<T>,
        chunk: Range<usize>, room: &'w mut Room<T>,
    ) -> Option<CurvedChunk<'w, T>> {
        let value = self.curve(&mut *running, loss, theta, chunk.clone(), &mut *room)?;
        let ((x, y, _), k) = (self.part(chunk), room.delta.nrows());
        let m = y.len();
        let x = if self.frame.is_some() { room.placed.columns(0, m) } else { x };
        let blocks = DMatrixView::from_slice(&room.blocks, k * k, m);
        Some(CurvedChunk { value, x, delta: room.delta.columns(0, m), blocks })
    }

    compiled! {
        /// The value of the loss; nothing where memory does not hold the blocks.
        fn curve(
            this: &'a Part<'a, T>, running: &'a mut dyn Running<T>, loss: &'a dyn SecondOrderLoss<T>,
            theta: &'a DVector<T>, chunk: Range<usize>, room: &'a mut Room<T>,
        ) -> Option<T> {
            let (x, y, shares) = this.part(chunk);
            let Room { delta, r_delta, blocks, placed, targets, .. } = room;
            let (m, k, x) = (y.len(), delta.nrows(), this.seen(x, placed));
            kernel::reserve(blocks, k.saturating_mul(k).saturating_mul(delta.ncols()))?;
            let (z, y) = (running.forward(theta, x), y.dense(targets));
            let value = loss.value_gradient(z, y, shares, delta.columns_mut(0, m));
            write_blocks(loss, (z, y, shares), r_delta.as_mut_slice(), &mut blocks[..k * k * m]);
            Some(value)
        }
    }
}

/// A chunk gone through: its loss, and what the second derivatives of the model take.
pub(super) struct CurvedChunk<'w, T> {
    value: T,
    pub(super) x: DMatrixView<'w, T>,
    pub(super) delta: DMatrixView<'w, T>,
    pub(super) blocks: DMatrixView<'w, T>,
}

impl<T: Real> Survey<'_, T> {
    compiled! {
        /// `Σ_j w_j ∂²ℓ/∂z²` (`k × k`), the Hessian by biases, column by column.
        pub(crate) fn score_curvature(
            this: &'a Survey<'a, T>, loss: &'a dyn SecondOrderLoss<T>, theta: &'a DVector<T>,
        ) -> Result<DMatrix<T>, Error> {
            let k = this.model.outputs();
            let zero = || Sums::zeros(k * k, 0);
            let sums = this.sum_samples(&zero, &|here, chunk, worker, sums| {
                let (x, y, shares) = here.part(chunk);
                let (m, Worker { cache, room: Room { delta, r_delta, placed, targets, .. } }) = (x.ncols(), worker);
                let (x, unit) = (here.seen(x, placed), &mut r_delta.as_mut_slice()[..k * m]);
                let (z, y) = (cache.forward(theta, x), y.dense(targets));
                for (q, column) in sums.vector.as_mut_slice().chunks_exact_mut(k).enumerate() {
                    write_unit(q, k, unit);
                    let direction = DMatrixView::from_slice(unit, k, m);
                    loss.curvature_product(z, y, shares, direction, delta.columns_mut(0, m));
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
        pub(crate) fn rounding_of_gradient(
            this: &'a Survey<'a, T>, loss: &'a dyn SecondOrderLoss<T>, theta: &'a DVector<T>,
        ) -> Result<T, Error> {
            let (k, sizes) = (this.model.outputs(), theta.abs());
            let zero = || Sums::zeros(theta.len(), 0);
            let sums = this.sum_samples(&zero, &|here, chunk, worker, sums| {
                let Worker { cache, room } = worker;
                let curved = here.curve_chunk((&mut **cache, loss), theta, chunk, room);
                let Some(CurvedChunk { x, delta, blocks, .. }) = curved else { return sums.spoil(theta.len()) };
                let (x, mut slopes) = (x.abs(), delta.abs());
                let terms = cache.forward(&sizes, x.as_view()).into_owned();
                for (j, mut slopes) in slopes.column_iter_mut().enumerate() {
                    let curvatures = blocks.column(j);
                    let curvatures = curvatures.iter().enumerate();
                    curvatures.for_each(|(i, c)| slopes[i % k] += c.abs() * terms[(i / k, j)]);
                }
                cache.backward(&sizes, x.as_view(), slopes.as_view(), &mut sums.vector);
            });
            let mut sums = sums?.vector;
            this.penalty(&sizes, Some(&mut sums));
            Ok((T::of(4.0) * T::EPSILON * kernel::norm_inf(sums.as_slice())).min(T::MAX))
        }
    }
}

/// `∂²L/∂z²` of each sample, a column of blocks: column `q` of a block is its product with the unit direction `q`.
pub(super) fn write_blocks<T: Real>(
    loss: &dyn SecondOrderLoss<T>, (z, y, shares): (DMatrixView<'_, T>, DMatrixView<'_, T>, &[T]),
    unit: &mut [T], blocks: &mut [T],
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

//! The second-order half of the empirical risk.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{EmpiricalRisk, Worker};
use crate::kernel;
use crate::{Hessian, HessianProduct, Objective, Real, SecondOrderLoss, SecondOrderModel};

/// Samples that are worth one addition to a Hessian, which is larger than what they leave in a cache.
const DENSE_WIDTH: usize = 256;

/// Buffers for second derivatives of one chunk, and a worker of their own.
#[derive(Debug)]
pub(super) struct Second<T, C> {
    worker: Worker<T, C>,
    /// Where the worker has gone forward, if it still stands there and the batch is one chunk.
    theta: DVector<T>,
    is_there: bool,
    /// `Δ = 0`, for Gauss–Newton products.
    flat: DMatrix<T>,
    /// `R{Δ}`, or a unit direction of the scores (`k × width`).
    direction: DMatrix<T>,
    /// `k × k` blocks `w_j ∂²ℓ/∂z²`, one per column (`k² × width`).
    curvature: DMatrix<T>,
    /// `Z`.
    scores: DMatrix<T>,
}

impl<T, C> Second<T, C> {
    /// The batch has changed.
    pub(super) fn forget(&mut self) {
        self.is_there = false;
    }
}

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
    /// [`hessian_diagonal`](SecondOrderModel::hessian_diagonal) takes one Hessian product per entry.
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
        out.fill(T::zero());
        self.each_chunk(theta, |risk, (x, y), second| {
            let Worker { cache, delta, .. } = &mut second.worker;
            let (delta, curvature) = (delta.columns(0, y.ncols()), second.curvature.columns(0, y.ncols()));
            risk.model.hessian_diagonal(theta, x, delta, curvature, cache, out);
        });
        self.add_ridge(|i, ridge| add_at(out, i, ridge));
    }

    fn product(&mut self, theta: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>, exact: bool) {
        if [theta.len(), v.len(), out.len()] != [self.dim(); 3] {
            return;
        }
        let mut second = self.take_second();
        out.fill(T::zero());
        let width = self.dense_width();
        let is_one_chunk = self.batch.len() <= width;
        for range in self.chunks_of(width) {
            let (x, y, shares) = self.part(range);
            let Worker { cache, delta, .. } = &mut second.worker;
            let mut delta = delta.columns_mut(0, y.ncols());
            // products at one point, as in conjugate gradients, share their forward pass
            if !(second.is_there && equal(second.theta.as_slice(), theta.as_slice())) {
                let z = self.model.forward(theta, x, cache);
                second.scores.columns_mut(0, y.ncols()).copy_from(&z);
                self.loss.value_gradient(z, y, shares, delta.as_view_mut());
                second.theta.as_mut_slice().copy_from_slice(theta.as_slice());
                second.is_there = is_one_chunk;
            }
            let mut r_delta = second.direction.columns_mut(0, y.ncols());
            let (z, r_z) = (second.scores.columns(0, y.ncols()), self.model.tangent(theta, v, x, cache));
            self.loss.curvature_product(z, y, shares, r_z, r_delta.as_view_mut());
            let delta = if exact { delta.as_view() } else { second.flat.columns(0, y.ncols()) };
            self.model.backward_tangent(theta, v, x, delta, r_delta.as_view(), cache, out);
        }
        self.add_ridge(|i, ridge| add_at(out, i, ridge * v[i]));
        self.second = Some(second);
    }

    /// `f`, with the Hessian written and, if asked for, the gradient: one forward pass for all.
    fn curve(&mut self, theta: &DVector<T>, mut gradient: Option<&mut DVector<T>>, h: &mut DMatrix<T>) -> T {
        let p = self.dim();
        let lent = gradient.as_ref().map_or(p, |gradient| gradient.len());
        if theta.len() != p || lent != p || h.shape() != (p, p) {
            return T::NAN;
        }
        if let Some(gradient) = &mut gradient {
            gradient.fill(T::zero());
        }
        let h = h.as_mut_slice();
        (0..p).for_each(|j| h[j * p + j..(j + 1) * p].fill(T::zero()));
        let value = self.each_chunk(theta, |risk, (x, y), second| {
            let Worker { cache, delta, .. } = &mut second.worker;
            let (delta, curvature) = (delta.columns(0, y.ncols()), second.curvature.columns(0, y.ncols()));
            if let Some(gradient) = &mut gradient {
                risk.model.backward(theta, x, delta, cache, gradient);
            }
            risk.model.dense_hessian(theta, x, delta, curvature, cache, h);
        });
        kernel::mirror(h, p);
        self.add_ridge(|i, ridge| h[i * p + i] += ridge);
        value + self.penalty(theta, gradient)
    }

    /// Goes forward chunk by chunk; `work` finds `Δ` and the blocks `∂²L/∂z²` in its buffers. Returns the loss.
    fn each_chunk(
        &mut self,
        theta: &DVector<T>,
        mut work: impl FnMut(&Self, Part<'_, T>, &mut Second<T, M::Cache>),
    ) -> T {
        let (mut second, k) = (self.take_second(), self.model.outputs());
        second.is_there = false;
        let width = self.dense_width();
        if second.curvature.is_empty() {
            second.curvature = DMatrix::repeat(k * k, width, T::NAN);
        }
        let mut value = T::zero();
        for range in self.chunks_of(width) {
            let (x, y, shares) = self.part(range);
            let Worker { cache, delta, .. } = &mut second.worker;
            let z = self.model.forward(theta, x, cache);
            value += self.loss.value_gradient(z, y, shares, delta.columns_mut(0, y.ncols()));
            // the blocks, a column of each at a time
            let mut curvature = second.curvature.columns_mut(0, y.ncols());
            for q in 0..k {
                let r = &mut second.direction.as_mut_slice()[..k * y.ncols()];
                r.fill(T::zero());
                r.iter_mut().skip(q).step_by(k).for_each(|r| *r = T::one());
                let r = second.direction.columns(0, y.ncols());
                self.loss.curvature_product(z, y, shares, r, curvature.rows_mut(q * k, k));
            }
            work(self, (x, y), &mut second);
        }
        self.second = Some(second);
        value
    }

    fn add_ridge(&self, mut add: impl FnMut(usize, T)) {
        if self.ridge != T::zero() {
            self.penalised.iter().enumerate().filter(|(_, on)| **on).for_each(|(i, _)| add(i, self.ridge));
        }
    }

    fn dense_width(&self) -> usize {
        DENSE_WIDTH.min(self.samples())
    }

    fn take_second(&mut self) -> Second<T, M::Cache> {
        self.second.take().unwrap_or_else(|| {
            let (width, k) = (self.dense_width(), self.model.outputs());
            Second {
                worker: self.worker_for(width),
                theta: DVector::zeros(self.dim()),
                is_there: false,
                flat: DMatrix::zeros(k, width),
                direction: DMatrix::repeat(k, width, T::NAN),
                curvature: DMatrix::zeros(0, 0),
                scores: DMatrix::repeat(k, width, T::NAN),
            }
        })
    }
}

/// Inputs and targets of a part of the batch.
type Part<'a, T> = (DMatrixView<'a, T>, DMatrixView<'a, T>);

/// `outᵢ ← outᵢ + x`, unless a model of one's own has shortened the vector.
fn add_at<T: Real>(out: &mut DVector<T>, i: usize, x: T) {
    if let Some(out) = out.get_mut(i) {
        *out += x;
    }
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

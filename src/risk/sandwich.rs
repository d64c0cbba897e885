//! Second moments of the gradients of samples: what lies between two Hessians in a robust covariance.

use nalgebra::{DMatrix, DVector};

use super::samples::Part;
use super::state::Worker;
use super::sums::Sums;
use super::survey::{Survey, Working};
use crate::kernel::{self, compiled};
use crate::loss::Family;
use crate::{Error, Real, SecondOrderLoss};

/// The way from the gradient `g` of a sample to `u = B Aᵀ g`, with `∂ℓ/∂z` of each output over its `sigma`.
pub(crate) struct Sandwich<'s, T: Real> {
    pub(crate) sigma: &'s DVector<T>,
    pub(crate) b: DMatrix<T>,
    /// `A Aᵀ = H⁻¹`, of the sum over samples.
    pub(crate) a: &'s DMatrix<T>,
    /// The power of `√(1 − h)` that slopes are divided by, `h` the leverage of the sample at its output.
    pub(crate) power: i32,
}

/// `(1 − h)^(−power/2)` of a leverage `h`: what is fitted whatever its target has no residual.
pub(crate) fn unbiased<T: Real>(h: T, power: i32) -> T {
    let left = T::one() - h;
    let is_free = left > T::EPSILON * T::of(64.0);
    if is_free { left.sqrt().powi(-power) } else { T::zero() }
}

impl<T: Real> Survey<'_, T> {
    compiled! {
        /// `Σ_j w_j u_j u_jᵀ`: positive semidefinite whatever the rounding; the lower triangle.
        pub(crate) fn gradient_moments(
            this: &'a Survey<'a, T>, loss: &'a dyn SecondOrderLoss<T>, theta: &'a DVector<T>,
            sandwich: &'a Sandwich<'a, T>,
        ) -> Result<DMatrix<T>, Error> {
            let sums = this.whitened(loss, theta, sandwich, (0, sandwich.b.nrows()), |_, w, u, sums| {
                sums.matrix.ger(w, u, u, T::one());
            });
            Ok(sums?.matrix)
        }

        /// `Σ_g s_g s_gᵀ` of the sums `s_g = Σ w_j u_j` over the samples of each of so many groups.
        pub(crate) fn cluster_moments(
            this: &'a Survey<'a, T>, loss: &'a dyn SecondOrderLoss<T>, theta: &'a DVector<T>,
            sandwich: &'a Sandwich<'a, T>, groups: &'a [usize], count: usize,
        ) -> Result<DMatrix<T>, Error> {
            let p = theta.len();
            let sums = this.whitened(loss, theta, sandwich, (p * count, 0), |j, w, u, sums| {
                kernel::axpy(w, u.as_slice(), &mut sums.vector.as_mut_slice()[p * groups[j]..][..p]);
            })?;
            let sums = DMatrix::from_column_slice(p, count, sums.vector.as_slice());
            Ok(&sums * sums.transpose())
        }
    }

    /// The sum, with a vector and a matrix of these sizes, of what `add` makes of each `j`, `w_j` and `u_j`; of a sample whose
    /// weight counts trials, which is one observation, of `1` and `w_j u_j`.
    fn whitened(
        &self, loss: &dyn SecondOrderLoss<T>, theta: &DVector<T>, sandwich: &Sandwich<'_, T>,
        (length, size): (usize, usize), add: impl Fn(usize, T, &DVector<T>, &mut Sums<T>) + Sync,
    ) -> Result<Sums<T>, Error> {
        let (total, is_of_trials) = (self.samples.total_weight(), self.loss.family() == Family::Binomial);
        let zero = || Sums::zeros(length, size);
        self.sum_samples(&zero, &|here, chunk, worker, sums| {
            let mut g = DVector::zeros(theta.len());
            for j in chunk {
                let w = here.part(j..j + 1).2[0] * total;
                let [times, trials] = if is_of_trials { [T::one(), w] } else { [w, T::one()] };
                let u = here.whitened(loss, theta, (j, trials), sandwich, worker, &mut g);
                add(j, times, &u, sums);
            }
        })
    }
}

impl<T: Real> Part<'_, T> {
    /// `u` of sample `j`, of so many trials.
    fn whitened(
        &self, loss: &dyn SecondOrderLoss<T>, theta: &DVector<T>, (j, trials): (usize, T),
        sandwich: &Sandwich<'_, T>, worker: &mut Working<'_, T>, g: &mut DVector<T>,
    ) -> DVector<T> {
        let Worker { cache, room } = worker;
        let ((x, y, _), k, trials) = (self.part(j..j + 1), sandwich.sigma.len(), [trials]);
        let (z, y) = (cache.forward(theta, x).into_owned(), y.dense(&mut room.targets));
        let mut slopes = DMatrix::zeros(k, 1);
        loss.value_gradient(z.as_view(), y, &trials, slopes.as_view_mut());
        slopes.column_mut(0).component_div_assign(sandwich.sigma);
        for o in 0..if sandwich.power > 0 { k } else { 0 } {
            // h = (∂z/∂θ A Aᵀ ∂z/∂θᵀ ∂²ℓ/∂z²)_oo, which no shift of scores that the loss ignores is in
            let unit = DMatrix::from_fn(k, 1, |q, _| if q == o { T::one() } else { T::zero() });
            let mut bend = DMatrix::zeros(k, 1);
            loss.expected_product(z.as_view(), y, &trials, unit.as_view(), bend.as_view_mut());
            let [along, bent] = [unit, bend].map(|direction| {
                g.fill(T::zero());
                cache.backward(theta, x, direction.as_view(), g);
                sandwich.a.tr_mul(g)
            });
            slopes[o] *= unbiased(along.dot(&bent), sandwich.power);
        }
        g.fill(T::zero());
        cache.backward(theta, x, slopes.as_view(), g);
        &sandwich.b * sandwich.a.tr_mul(g)
    }
}

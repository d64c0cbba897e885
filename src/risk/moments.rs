//! Second moments over the samples of the batch, weights counting samples.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::samples::Part;
use super::sums::{Largest, Sums};
use super::survey::Survey;
use crate::kernel::{self, compiled};
use crate::loss::{Family, Likelihood};
use crate::{Error, Real, SecondOrderLoss};

/// A number of a sample: its inputs, targets and share.
type OfSample<'f, T> = dyn Fn(&[T], &[T], f64) -> f64 + Sync + 'f;

impl<T: Real> Survey<'_, T> {
    compiled! {
        /// `Σ_j w_j r_j r_jᵀ` of the residuals `r = z − y` (`k × k`, the lower triangle).
        pub(crate) fn residual_moments(this: &'a Survey<'a, T>, theta: &'a DVector<T>) -> Result<DMatrix<T>, Error> {
            let total = this.samples.total_weight();
            let zero = || Sums::zeros(0, this.model.outputs());
            let sums = this.sum_samples(&zero, &|here, chunk, worker, sums| {
                let (x, y, shares) = here.part(chunk);
                let residuals = worker.cache.forward(theta, x) - y.dense(&mut worker.room.targets);
                for (r, share) in residuals.column_iter().zip(shares) {
                    sums.matrix.ger(*share * total, &r, &r, T::one());
                }
            })?;
            Ok(sums.matrix)
        }

        /// What rounding makes of a residual of each output: `4 ε` times the root mean square of the terms that a residual is
        /// a sum of, `Σ |W| |x| + |b| + |y|`; of models that are not affine, `|z| + |y|`. Where scores are of another kind than
        /// targets, these count as a label does.
        pub(crate) fn rounding(this: &'a Survey<'a, T>, theta: &'a DVector<T>) -> Result<DVector<T>, Error> {
            let is_affine = this.is_affine();
            let theta = if is_affine { theta.abs() } else { theta.clone() };
            let is_likeness = matches!(this.loss.likelihood(), Likelihood::Normal | Likelihood::None);
            let label = if is_likeness { T::MAX } else { T::one() };
            // squares are of numbers next to 1
            let units = DVector::from_vec(this.target_sizes()?).map(|size| kernel::unit(size.min(label)));
            let zero = || Sums::zeros(units.len(), 0);
            let sums = this.sum_samples(&zero, &|here, chunk, worker, sums| {
                let (x, y, shares) = here.part(chunk);
                let absolute = if is_affine { x.abs() } else { x.into_owned() };
                let z = worker.cache.forward(&theta, absolute.as_view());
                let y = y.dense(&mut worker.room.targets);
                for ((z, y), share) in z.column_iter().zip(y.column_iter()).zip(shares) {
                    let terms = (z.abs() + y.map(|y| y.abs().min(label))).component_mul(&units);
                    sums.vector.axpy(*share, &terms.component_mul(&terms), T::one());
                }
            })?;
            Ok(sums.vector.zip_map(&units, |square, unit| T::of(4.0) * T::EPSILON * square.sqrt() / unit))
        }

        /// What the loss says of the scores of all samples, times their shares: `Σ (∂ℓ/∂z)²`, Pearson's
        /// `Σ (∂ℓ/∂z)² / (∂²ℓ/∂z²)` and `Σ ∂²ℓ/∂z²`; then in how many chunks equal changes of all scores change a slope, outputs
        /// meet, and a curvature is negative or no number.
        pub(crate) fn score_moments(
            this: &'a Survey<'a, T>, loss: &'a dyn SecondOrderLoss<T>, theta: &'a DVector<T>,
        ) -> Result<DVector<T>, Error> {
            let k = this.model.outputs();
            let zero = || Sums::zeros(6, 0);
            let sums = this.sum_samples(&zero, &|here, chunk, worker, sums| {
                let (x, y, shares) = here.part(chunk);
                let z = worker.cache.forward(theta, x);
                let y = y.dense(&mut worker.room.targets);
                let mut slopes = DMatrix::repeat(k, y.ncols(), T::NAN);
                loss.value_gradient(z, y, shares, slopes.as_view_mut());
                let product = |r: DMatrix<T>| {
                    let mut out = DMatrix::repeat(k, y.ncols(), T::NAN);
                    loss.expected_product(z, y, shares, r.as_view(), out.as_view_mut());
                    out
                };
                let together = product(DMatrix::repeat(k, y.ncols(), T::one()));
                let own = |o| move |q, _| if q == o { T::one() } else { T::zero() };
                let are_apart = (0..k).all(|o| {
                    let alone = product(DMatrix::from_fn(k, y.ncols(), own(o)));
                    alone == together.map_with_location(|q, _, c| if q == o { c } else { T::zero() })
                });
                for ((slope, curvature), i) in slopes.iter().zip(&together).zip(0..) {
                    let share = shares[i / k];
                    sums.vector[0] += if *slope == T::zero() { *slope } else { *slope / share * *slope };
                    sums.vector[1] +=
                        if *curvature > T::zero() { *slope / *curvature * *slope } else { T::zero() };
                    sums.vector[2] += *curvature;
                }
                let is_moved = together.iter().any(|c| *c != T::zero());
                let is_odd = together.iter().any(|c| !(*c >= T::zero() && c.is_finite()));
                for (sum, is_so) in sums.vector.iter_mut().skip(3).zip([is_moved, !are_apart, is_odd]) {
                    *sum += if is_so { T::one() } else { T::zero() };
                }
            })?;
            Ok(sums.vector)
        }

        /// The largest size of a target of each output.
        pub(crate) fn target_sizes(this: &'a Survey<'a, T>) -> Result<Vec<T>, Error> {
            this.largest(this.model.outputs(), |here, chunk, room, largest| {
                let (_, y, _) = here.part(chunk);
                for y in y.dense(room).column_iter() {
                    y.iter().enumerate().for_each(|(o, y)| largest.see(o, y.abs()));
                }
            })
        }

        /// Of each output whether there is a sample that counts with a target that is not 0, and one with one that is. Targets
        /// that are lost beside their share are 0.
        pub(crate) fn members(this: &'a Survey<'a, T>) -> Result<Vec<[bool; 2]>, Error> {
            let k = this.model.outputs();
            let seen = this.largest(2 * k, |here, chunk, room, largest| {
                here.samples(chunk, room, |_, y, share| {
                    for (o, y) in y.iter().enumerate() {
                        largest.see(2 * o + usize::from(*y * share == T::zero()), T::one());
                    }
                });
            })?;
            Ok(seen.chunks_exact(2).map(|seen| [seen[0] > T::zero(), seen[1] > T::zero()]).collect())
        }


        fn sum_of(this: &'a Survey<'a, T>, f: &'a OfSample<'a, T>) -> Result<f64, Error> {
            let zero = || Sums::zeros(0, 0);
            let sum = this.sum_samples(&zero, &|here, chunk, worker, sum: &mut Sums<f64>| {
                here.samples(chunk, &mut worker.room.targets, |x, y, share| sum.value += f(x, y, share.f64()));
            })?;
            Ok(sum.value)
        }
    }

    /// `Σ_j f(x_j, y_j, w_j)` over the samples that count, of their shares.
    pub(crate) fn sample_sum(&self, f: impl Fn(&[T], &[T], f64) -> f64 + Sync) -> Result<f64, Error> {
        self.sum_of(&f)
    }

    /// The weight of the samples; where a weight counts trials, their number.
    pub(crate) fn observations(&self) -> Result<f64, Error> {
        match self.loss.family() {
            Family::Binomial => self.sample_sum(|_, _, _| 1.0),
            _ => Ok(self.samples.total_weight().f64()),
        }
    }

    /// The largest of numbers that samples show; `room` is for dense targets of a chunk.
    pub(super) fn largest(
        &self, count: usize,
        see: impl Fn(&Part<'_, T>, Range<usize>, &mut DMatrix<T>, &mut Largest<T>) + Sync,
    ) -> Result<Vec<T>, Error> {
        let zero = || Largest::new(count);
        let largest = self.sum_samples(&zero, &|here, chunk, worker, largest| {
            see(here, chunk, &mut worker.room.targets, largest);
        });
        largest.map(|largest| largest.0)
    }
}

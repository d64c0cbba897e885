//! Models that are nothing but an affine map.

use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut, DVector};

use super::linear::{Linear, LinearCache, to_inputs};
use super::{Offset, Perceptron, SigmoidClassifier};
use crate::contract::{check_some, setting};
use crate::kernel::{self, Factor};
use crate::{Architecture, Error, InputGradient, Model, Real, SecondOrderModel};

/// A model that is nothing but an affine map.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one affine map, so it has no single `W` and `b`",
    note = "for a `Network`, `fitted.model().layers()` gives views of each layer's part of `fitted.parameters()`"
)]
pub(crate) trait Affine<T: Real>: SecondOrderModel<T> {}

impl<T: Real, M: Affine<T>> Affine<T> for Offset<M> {}

/// Written out for each, so that models by dual numbers may have a blanket implementation.
macro_rules! affine {
    ($($model:ty),*) => {$(
        impl<T: Real> Affine<T> for $model {}

        impl Architecture for $model {
            fn inputs(&self) -> usize {
                self.0.inputs
            }

            fn outputs(&self) -> usize {
                self.0.outputs
            }

            fn parameter_count(&self) -> usize {
                self.0.parameter_count()
            }

            fn affine_in(&self) -> Range<usize> {
                0..self.0.parameter_count()
            }

            fn penalised(&self, penalised: &mut [bool]) {
                if penalised.len() == self.0.parameter_count() {
                    let (weights, biases) = penalised.split_at_mut(self.0.weight_count());
                    weights.fill(true);
                    biases.fill(false);
                }
            }

            fn check(&self) -> Result<(), Error> {
                let Linear { inputs, outputs, .. } = self.0;
                check_some("inputs", "feature", inputs)?;
                check_some("outputs", "output", outputs)?;
                let expected = "small enough for the parameters to be counted";
                setting("outputs", expected, f64::INFINITY, self.0.parameter_count() < usize::MAX)
            }
        }

        impl<T: Real> Model<T> for $model {
            type Cache = LinearCache<T>;

            fn cache(&self, max_batch: usize) -> LinearCache<T> {
                let mut scores = Vec::new();
                // a batch that memory does not hold is one that does not fit
                let _ = kernel::reserve(&mut scores, self.0.outputs.saturating_mul(max_batch));
                LinearCache { tangent: Vec::new(), gram: Vec::new(), scores, batch: 0 }
            }

            /// `Z = W X + b 1ᵀ`; no scores where shapes do not fit.
            fn forward<'c>(
                &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut LinearCache<T>,
            ) -> DMatrixView<'c, T> {
                let linear = self.0;
                let room = cache.scores.len().checked_div(linear.outputs).unwrap_or(0);
                let fits = (theta.len(), x.nrows()) == (linear.parameter_count(), linear.inputs);
                let fits = fits && x.ncols() <= room;
                cache.batch = if fits { x.ncols() } else { 0 };
                if fits {
                    let (w, b) = linear.parts(theta.as_slice());
                    kernel::affine(w, b, Factor::view(&x), &mut cache.scores);
                }
                linear.view(&cache.scores, cache.batch)
            }

            /// `∇W += Δ Xᵀ`, `∇b += Δ 1`.
            fn backward(
                &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
                _cache: &mut LinearCache<T>, gradient: &mut DVector<T>,
            ) {
                let linear = self.0;
                if !linear.fits(theta.len(), x.shape(), &delta) || gradient.len() != theta.len() {
                    return;
                }
                let (w, b) = gradient.as_mut_slice().split_at_mut(linear.weight_count());
                let delta = Factor::view(&delta);
                kernel::product(T::one(), delta, Factor::view(&x).t(), T::one(), w);
                if linear.bias {
                    kernel::add_columns(delta, b);
                }
            }

            fn adds_finished_sums(&self) -> bool {
                true
            }

            fn affine_inputs<'c>(
                &self, x: DMatrixView<'c, T>, _cache: &'c LinearCache<T>,
            ) -> Option<DMatrixView<'c, T>> {
                Some(x)
            }
        }

        impl<T: Real> InputGradient<T> for $model {
            /// `∂L/∂X = Wᵀ Δ`.
            fn input_gradient(
                &self, theta: &DVector<T>, delta: DMatrixView<'_, T>, _cache: &mut LinearCache<T>,
                mut out: DMatrixViewMut<'_, T>,
            ) {
                if self.0.fits(theta.len(), out.shape(), &delta) {
                    to_inputs(self.0.parts(theta.as_slice()).0, &delta, &mut out);
                }
            }
        }

        impl<T: Real> SecondOrderModel<T> for $model {
            /// `R{Z} = V X + v_b 1ᵀ`: the scores are linear in `θ`.
            fn tangent<'c>(
                &self, _theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>,
                cache: &'c mut LinearCache<T>,
            ) -> DMatrixView<'c, T> {
                let linear = self.0;
                if v.len() != linear.parameter_count() || x.shape() != (linear.inputs, cache.batch) {
                    return linear.view(&cache.tangent, 0);
                }
                let (w, b) = linear.parts(v.as_slice());
                cache.tangent.resize(cache.scores.len(), T::zero());
                kernel::affine(w, b, Factor::view(&x), &mut cache.tangent);
                linear.view(&cache.tangent, cache.batch)
            }

            fn backward_tangent(
                &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
                r_delta: DMatrixView<'_, T>, cache: &mut LinearCache<T>, out: &mut DVector<T>,
            ) {
                if v.len() == theta.len() && delta.shape() == r_delta.shape() {
                    self.backward(theta, x, r_delta, cache, out);
                }
            }

            fn dense_hessian(
                &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
                curvature: DMatrixView<'_, T>, cache: &mut LinearCache<T>, out: &mut [T],
            ) {
                let (linear, p) = (self.0, theta.len());
                let blocks = linear.outputs.saturating_mul(linear.outputs);
                let has_blocks = curvature.shape() == (blocks, x.ncols());
                if linear.fits(p, x.shape(), &delta) && has_blocks && p.checked_mul(p) == Some(out.len()) {
                    linear.add_hessian(&x, &curvature, cache, out);
                }
            }

            /// `∂²L/∂W_oi² = Σ S_oo x_i²`, `∂²L/∂b_o² = Σ S_oo`.
            fn hessian_diagonal(
                &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
                curvature: DMatrixView<'_, T>, _cache: &mut LinearCache<T>, out: &mut DVector<T>,
            ) {
                let (linear, k) = (self.0, self.0.outputs);
                let has_blocks = curvature.shape() == (k.saturating_mul(k), x.ncols());
                if !linear.fits(theta.len(), x.shape(), &delta) || !has_blocks || out.len() != theta.len() {
                    return;
                }
                let (w, b) = out.as_mut_slice().split_at_mut(linear.weight_count());
                for (x, s) in x.column_iter().zip(curvature.column_iter()) {
                    let s = || s.iter().step_by(k + 1);
                    for (w, x) in w.chunks_exact_mut(k).zip(x.iter()) {
                        w.iter_mut().zip(s()).for_each(|(w, s)| *w += *s * *x * *x);
                    }
                    b.iter_mut().zip(s()).for_each(|(b, s)| *b += *s);
                }
            }
        }
    )*};
}

affine!(Perceptron, SigmoidClassifier);

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use crate::{Architecture, InputGradient, Model, Perceptron, SecondOrderModel};

    /// Whatever does not fit leaves everything as it was.
    #[test]
    fn shapes_that_do_not_fit_do_nothing() {
        let model = Perceptron::new(3).with_outputs(2);
        let p = model.parameter_count();
        let (theta, v) = (DVector::<f64>::zeros(p), DVector::zeros(p));
        let (x, delta) = (DMatrix::zeros(3, 4), DMatrix::repeat(2, 4, 1.0));
        let curvature = DMatrix::zeros(4, 4);
        for (wrong_theta, wrong_x) in [(p - 1, (3, 4)), (p, (2, 4)), (p, (3, 9)), (0, (0, 0))] {
            let (short, odd) = (DVector::zeros(wrong_theta), DMatrix::zeros(wrong_x.0, wrong_x.1));
            let mut cache = model.cache(5);
            assert_eq!(model.forward(&short, odd.as_view(), &mut cache).ncols(), 0);
            assert_eq!(model.tangent(&theta, &short, odd.as_view(), &mut cache).ncols(), 0);
            let mut gradient = DVector::repeat(wrong_theta, 7.0);
            model.backward(&theta, odd.as_view(), delta.as_view(), &mut cache, &mut gradient);
            model.backward_tangent(
                &theta,
                &v,
                odd.as_view(),
                delta.as_view(),
                delta.as_view(),
                &mut cache,
                &mut gradient,
            );
            assert!(gradient.iter().all(|g| (*g - 7.0).abs() < 1e-300));
            let mut out = DMatrix::repeat(wrong_x.0, wrong_x.1, 7.0);
            model.input_gradient(&short, delta.as_view(), &mut cache, out.as_view_mut());
            let mut h = vec![7.0; wrong_theta * wrong_theta];
            let (x, c) = (odd.as_view(), curvature.as_view());
            model.dense_hessian(&theta, x, delta.as_view(), c, &mut cache, &mut h);
            assert!(out.iter().chain(&h).all(|entry| (*entry - 7.0).abs() < 1e-300));
        }
        let mut cache = model.cache(5);
        assert_eq!(model.forward(&theta, x.as_view(), &mut cache).shape(), (2, 4));
        let huge = Perceptron::new(usize::MAX).with_outputs(3);
        assert!(huge.parameter_count() == usize::MAX && huge.check().is_err());
    }
}

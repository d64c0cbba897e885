//! The affine core `Z = W X + b 1ᵀ` that the perceptron and the sigmoid classifier share.

use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut, DVector};

use crate::contract::setting;
use crate::kernel::{self, Factor};
use crate::{Architecture, Error, InputGradient, Model, Real, SecondOrderModel};

/// Shape of an affine map: `θ = (W column-major, then b)`, `W` is `outputs × inputs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub(crate) struct Linear {
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
    pub(crate) bias: bool,
}

/// Scores and tangent scores of the last batch, `outputs × batch`.
#[derive(Debug, Clone)]
pub struct LinearCache<T> {
    scores: Vec<T>,
    tangent: Vec<T>,
    gram: Vec<T>,
    batch: usize,
}

impl Linear {
    pub(crate) fn weight_count(self) -> usize {
        self.inputs.saturating_mul(self.outputs)
    }

    pub(crate) fn parameter_count(self) -> usize {
        self.weight_count().saturating_add(if self.bias { self.outputs } else { 0 })
    }

    /// The two parts of `θ` (or of anything of its shape).
    fn parts<T: Real>(self, theta: &[T]) -> (Factor<'_, T>, Option<&[T]>) {
        let (w, b) = theta.split_at(self.weight_count());
        (Factor::new(w, self.outputs, self.inputs), self.bias.then_some(b))
    }

    fn view<T: Real>(self, scores: &[T], batch: usize) -> DMatrixView<'_, T> {
        DMatrixView::from_slice(&scores[..self.outputs * batch], self.outputs, batch)
    }

    /// Whether `θ`, `X` and `Δ` have the shapes of this map.
    fn fits<T: Real>(self, theta: usize, x: (usize, usize), delta: &DMatrixView<'_, T>) -> bool {
        (theta, x.0) == (self.parameter_count(), self.inputs) && delta.shape() == (self.outputs, x.1)
    }

    /// Adds to the lower triangle of `out`, for outputs `o ≥ q` and with `S_oq` the loss's curvature,
    ///
    /// ```text
    /// ∂²L/∂(W_o, b_o)∂(W_q, b_q) = [X; 1] diag(S_oq) [X; 1]ᵀ
    /// ```
    fn add_hessian<T: Real>(
        self, x: &DMatrixView<'_, T>, curvature: &DMatrixView<'_, T>, cache: &mut LinearCache<T>,
        out: &mut [T],
    ) {
        let (n, k, m, p) = (self.inputs, self.outputs, x.ncols(), self.parameter_count());
        let x = Factor::view(x);
        let LinearCache { gram, tangent: s, .. } = cache;
        gram.resize(if k == 1 { n } else { n * n + n }, T::zero());
        s.resize(s.len().max(m), T::zero());
        let s = &mut s[..m];
        for q in 0..k {
            for o in q..k {
                match kernel::flat(curvature) {
                    Some(all) if k == 1 => s.copy_from_slice(all),
                    _ => s.iter_mut().zip(curvature.row(q * k + o).iter()).for_each(|(s, c)| *s = *c),
                }
                if kernel::norm_inf(s) == T::zero() {
                    continue;
                }
                let (xs, xx) = gram.split_at_mut(n);
                if k == 1 {
                    kernel::weighted_gram(x, s, out, p);
                } else {
                    xx.fill(T::zero());
                    kernel::weighted_gram(x, s, xx, n);
                    // S is symmetric, and so is the block: unless o = q, (i, j) and (j, i) of it both stand below
                    // the diagonal of `out`
                    for j in 0..n {
                        for (i, xx) in (j..n).zip(&xx[j * n + j..(j + 1) * n]) {
                            out[(j * k + q) * p + i * k + o] += *xx;
                            if i > j && o != q {
                                out[(j * k + o) * p + i * k + q] += *xx;
                            }
                        }
                    }
                }
                if self.bias {
                    kernel::product(T::one(), x, Factor::new(s, m, 1), T::zero(), xs);
                    for (j, xs) in xs.iter().enumerate() {
                        out[(j * k + q) * p + n * k + o] += *xs;
                        if o != q {
                            out[(j * k + o) * p + n * k + q] += *xs;
                        }
                    }
                    let at = (n * k + q) * p + n * k + o;
                    kernel::add_columns(Factor::new(s, 1, m), &mut out[at..=at]);
                }
            }
        }
    }
}

/// `out ← Wᵀ Δ`, whatever lies between the columns of `out`.
pub(super) fn to_inputs<T: Real>(
    w: Factor<'_, T>, delta: &DMatrixView<'_, T>, out: &mut DMatrixViewMut<'_, T>,
) {
    if let Some(out) = kernel::flat_mut(out) {
        return kernel::product(T::one(), w.t(), Factor::view(delta), T::zero(), out);
    }
    for (delta, mut out) in delta.column_iter().zip(out.column_iter_mut()) {
        let delta = Factor::new(delta.as_slice(), delta.len(), 1);
        kernel::product(T::one(), w.t(), delta, T::zero(), out.as_mut_slice());
    }
}

/// A model that is nothing but an affine map.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not one affine map, so it has no single `W` and `b`",
    note = "for a `Network`, `fitted.model().layers()` gives views of each layer's part of `fitted.parameters()`"
)]
pub(crate) trait Affine: Sync {
    fn linear(&self) -> Linear;
}

impl<M: Affine> Architecture for M {
    fn inputs(&self) -> usize {
        self.linear().inputs
    }

    fn outputs(&self) -> usize {
        self.linear().outputs
    }

    fn parameter_count(&self) -> usize {
        self.linear().parameter_count()
    }

    fn affine_in(&self) -> Range<usize> {
        0..self.linear().parameter_count()
    }

    fn penalised(&self, penalised: &mut [bool]) {
        if penalised.len() == self.linear().parameter_count() {
            let (weights, biases) = penalised.split_at_mut(self.linear().weight_count());
            weights.fill(true);
            biases.fill(false);
        }
    }

    fn check(&self) -> Result<(), Error> {
        let Linear { inputs, outputs, .. } = self.linear();
        for (argument, size, expected) in [("inputs", inputs, "feature"), ("outputs", outputs, "output")] {
            if size == 0 {
                return Err(Error::Empty { argument, expected });
            }
        }
        let expected = "small enough for the parameters to be counted";
        setting("outputs", expected, f64::INFINITY, self.linear().parameter_count() < usize::MAX)
    }
}

impl<T: Real, M: Affine> Model<T> for M {
    type Cache = LinearCache<T>;

    fn cache(&self, max_batch: usize) -> LinearCache<T> {
        let mut scores = Vec::new();
        // a batch that memory does not hold is one that does not fit
        let _ = kernel::reserve(&mut scores, self.linear().outputs.saturating_mul(max_batch));
        LinearCache { tangent: Vec::new(), gram: Vec::new(), scores, batch: 0 }
    }

    /// `Z = W X + b 1ᵀ`; no scores where shapes do not fit.
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut LinearCache<T>,
    ) -> DMatrixView<'c, T> {
        let linear = self.linear();
        let room = cache.scores.len().checked_div(linear.outputs).unwrap_or(0);
        let fits = (theta.len(), x.nrows()) == (linear.parameter_count(), linear.inputs) && x.ncols() <= room;
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
        let linear = self.linear();
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

impl<T: Real, M: Affine> InputGradient<T> for M {
    /// `∂L/∂X = Wᵀ Δ`.
    fn input_gradient(
        &self, theta: &DVector<T>, delta: DMatrixView<'_, T>, _cache: &mut LinearCache<T>,
        mut out: DMatrixViewMut<'_, T>,
    ) {
        if self.linear().fits(theta.len(), out.shape(), &delta) {
            to_inputs(self.linear().parts(theta.as_slice()).0, &delta, &mut out);
        }
    }
}

impl<T: Real, M: Affine> SecondOrderModel<T> for M {
    /// `R{Z} = V X + v_b 1ᵀ`: the scores are linear in `θ`.
    fn tangent<'c>(
        &self, _theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut LinearCache<T>,
    ) -> DMatrixView<'c, T> {
        let linear = self.linear();
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
        let (linear, p) = (self.linear(), theta.len());
        let has_blocks = curvature.shape() == (linear.outputs.saturating_mul(linear.outputs), x.ncols());
        if linear.fits(p, x.shape(), &delta) && has_blocks && p.checked_mul(p) == Some(out.len()) {
            linear.add_hessian(&x, &curvature, cache, out);
        }
    }

    /// `∂²L/∂W_oi² = Σ S_oo x_i²`, `∂²L/∂b_o² = Σ S_oo`.
    fn hessian_diagonal(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, _cache: &mut LinearCache<T>, out: &mut DVector<T>,
    ) {
        let (linear, k) = (self.linear(), self.linear().outputs);
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

//! The affine core `Z = W X + b 1ᵀ` that the perceptron and the sigmoid classifier share.

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::Real;
use crate::kernel::{self, Factor};

/// Shape of an affine map: `θ = (W column-major, then b)`, `W` is `outputs × inputs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        self.inputs * self.outputs
    }

    pub(crate) fn parameter_count(self) -> usize {
        self.weight_count() + if self.bias { self.outputs } else { 0 }
    }

    /// The two parts of `θ` (or of anything of its shape).
    fn parts<T: Real>(self, theta: &[T]) -> (Factor<'_, T>, Option<&[T]>) {
        let (w, b) = theta.split_at(self.weight_count());
        (Factor::new(w, self.outputs, self.inputs), self.bias.then_some(b))
    }

    pub(crate) fn cache<T: Real>(self, max_batch: usize) -> LinearCache<T> {
        let scores = vec![T::zero(); self.outputs * max_batch];
        LinearCache { tangent: Vec::new(), gram: Vec::new(), scores, batch: 0 }
    }

    /// `Z = W X + b 1ᵀ`.
    pub(crate) fn forward<T: Real>(self, theta: &[T], x: &DMatrixView<'_, T>, cache: &mut LinearCache<T>) {
        let (w, b) = self.parts(theta);
        cache.batch = x.ncols();
        kernel::affine(w, b, Factor::view(x), &mut cache.scores);
    }

    pub(crate) fn scores<T: Real>(self, cache: &LinearCache<T>) -> DMatrixView<'_, T> {
        DMatrixView::from_slice(&cache.scores[..self.outputs * cache.batch], self.outputs, cache.batch)
    }

    /// `∇W += Δ Xᵀ`, `∇b += Δ 1`.
    pub(crate) fn backward<T: Real>(
        self,
        x: &DMatrixView<'_, T>,
        delta: &DMatrixView<'_, T>,
        gradient: &mut [T],
    ) {
        let (w, b) = gradient.split_at_mut(self.weight_count());
        let delta = Factor::view(delta);
        kernel::product(T::one(), delta, Factor::view(x).t(), T::one(), w);
        if self.bias {
            kernel::add_columns(delta, b);
        }
    }

    /// `∂L/∂X = Wᵀ Δ`.
    pub(crate) fn input_gradient<T: Real>(
        self,
        theta: &[T],
        delta: &DMatrixView<'_, T>,
        mut out: DMatrixViewMut<'_, T>,
    ) -> bool {
        let (w, _) = self.parts(theta);
        match kernel::flat_mut(&mut out) {
            Some(out) => kernel::product(T::one(), w.t(), Factor::view(delta), T::zero(), out),
            None => {
                for (delta, mut out) in delta.column_iter().zip(out.column_iter_mut()) {
                    let delta = Factor::new(delta.as_slice(), self.outputs, 1);
                    kernel::product(T::one(), w.t(), delta, T::zero(), out.as_mut_slice());
                }
            }
        }
        true
    }

    /// `R{Z} = V X + v_b 1ᵀ`: the model is linear in `θ`.
    pub(crate) fn tangent<T: Real>(self, v: &[T], x: &DMatrixView<'_, T>, cache: &mut LinearCache<T>) {
        let (w, b) = self.parts(v);
        cache.tangent.resize(cache.scores.len(), T::zero());
        kernel::affine(w, b, Factor::view(x), &mut cache.tangent);
    }

    pub(crate) fn tangent_scores<T: Real>(self, cache: &LinearCache<T>) -> DMatrixView<'_, T> {
        DMatrixView::from_slice(&cache.tangent[..self.outputs * cache.batch], self.outputs, cache.batch)
    }

    /// Adds to the lower triangle of `out`, for outputs `o ≥ q` and with `S_oq` the loss's curvature,
    ///
    /// ```text
    /// ∂²L/∂(W_o, b_o)∂(W_q, b_q) = [X; 1] diag(S_oq) [X; 1]ᵀ
    /// ```
    pub(crate) fn dense_hessian<T: Real>(
        self,
        x: &DMatrixView<'_, T>,
        curvature: &DMatrixView<'_, T>,
        cache: &mut LinearCache<T>,
        out: &mut [T],
    ) {
        let (n, k, m, p) = (self.inputs, self.outputs, x.ncols(), self.parameter_count());
        let x = Factor::view(x);
        let LinearCache { gram, tangent: s, .. } = cache;
        gram.resize(n * n + n, T::zero());
        s.resize(s.len().max(m), T::zero());
        let s = &mut s[..m];
        for q in 0..k {
            for o in q..k {
                let mut any = false;
                for (s, c) in s.iter_mut().zip(curvature.row(q * k + o).iter()) {
                    *s = *c;
                    any |= *c != T::zero();
                }
                if !any {
                    continue;
                }
                gram.fill(T::zero());
                let (xx, xs) = gram.split_at_mut(n * n);
                kernel::weighted_gram(x, s, xx);
                // S is symmetric, and so is the block: (i, j) and (j, i) of it both stand below the diagonal
                // of `out` unless o = q
                for j in 0..n {
                    for i in 0..n {
                        let (row, col) = (i * k + o, j * k + q);
                        if row >= col {
                            out[col * p + row] += xx[j * n + i];
                        } else {
                            out[row * p + col] += if o == q { T::zero() } else { xx[j * n + i] };
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
                    let sum = s.iter().fold(T::zero(), |sum, s| sum + *s);
                    out[(n * k + q) * p + n * k + o] += sum;
                }
            }
        }
    }
}

impl Linear {
    /// `∂²L/∂W_oi² = Σ S_oo x_i²`, `∂²L/∂b_o² = Σ S_oo`.
    pub(crate) fn hessian_diagonal<T: Real>(
        self,
        x: &DMatrixView<'_, T>,
        curvature: &DMatrixView<'_, T>,
        out: &mut [T],
    ) {
        let (w, b) = out.split_at_mut(self.weight_count());
        for (x, s) in x.column_iter().zip(curvature.column_iter()) {
            let s = || s.iter().step_by(self.outputs + 1);
            for (w, x) in w.chunks_exact_mut(self.outputs).zip(x.iter()) {
                w.iter_mut().zip(s()).for_each(|(w, s)| *w += *s * *x * *x);
            }
            b.iter_mut().zip(s()).for_each(|(b, s)| *b += *s);
        }
    }
}

/// Implements the traits for a newtype around [`Linear`].
macro_rules! affine_model {
    ($model:ident) => {
        impl crate::Architecture for $model {
            fn inputs(&self) -> usize {
                self.0.inputs
            }
            fn outputs(&self) -> usize {
                self.0.outputs
            }
            fn parameter_count(&self) -> usize {
                self.0.parameter_count()
            }
            fn penalised(&self, penalised: &mut [bool]) {
                let (weights, biases) = penalised.split_at_mut(self.0.weight_count());
                weights.fill(true);
                biases.fill(false);
            }
            fn is_affine(&self) -> bool {
                true
            }
            fn check(&self) -> Result<(), crate::Error> {
                for (argument, size, expected) in
                    [("inputs", self.0.inputs, "feature"), ("outputs", self.0.outputs, "output")]
                {
                    if size == 0 {
                        return Err(crate::Error::Empty { argument, expected });
                    }
                }
                Ok(())
            }
        }

        impl<T: crate::Real> crate::Model<T> for $model {
            type Cache = crate::model::linear::LinearCache<T>;

            fn cache(&self, max_batch: usize) -> Self::Cache {
                self.0.cache(max_batch)
            }
            fn forward(&self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &mut Self::Cache) {
                self.0.forward(theta.as_slice(), &x, cache);
            }
            fn scores<'c>(&self, cache: &'c Self::Cache) -> DMatrixView<'c, T> {
                self.0.scores(cache)
            }
            fn backward(
                &self,
                _theta: &DVector<T>,
                x: DMatrixView<'_, T>,
                delta: DMatrixView<'_, T>,
                _cache: &mut Self::Cache,
                gradient: &mut DVector<T>,
            ) {
                self.0.backward(&x, &delta, gradient.as_mut_slice());
            }
            fn input_gradient(
                &self,
                theta: &DVector<T>,
                delta: DMatrixView<'_, T>,
                _cache: &mut Self::Cache,
                out: DMatrixViewMut<'_, T>,
            ) -> bool {
                self.0.input_gradient(theta.as_slice(), &delta, out)
            }
        }

        impl<T: crate::Real> crate::SecondOrder<T> for $model {
            fn tangent(
                &self,
                _theta: &DVector<T>,
                v: &DVector<T>,
                x: DMatrixView<'_, T>,
                cache: &mut Self::Cache,
            ) {
                self.0.tangent(v.as_slice(), &x, cache);
            }
            fn tangent_scores<'c>(&self, cache: &'c Self::Cache) -> DMatrixView<'c, T> {
                self.0.tangent_scores(cache)
            }
            fn backward_tangent(
                &self,
                _theta: &DVector<T>,
                _v: &DVector<T>,
                x: DMatrixView<'_, T>,
                _delta: DMatrixView<'_, T>,
                r_delta: DMatrixView<'_, T>,
                _cache: &mut Self::Cache,
                out: &mut DVector<T>,
            ) {
                self.0.backward(&x, &r_delta, out.as_mut_slice());
            }
            fn dense_hessian(
                &self,
                _theta: &DVector<T>,
                x: DMatrixView<'_, T>,
                _delta: DMatrixView<'_, T>,
                curvature: DMatrixView<'_, T>,
                cache: &mut Self::Cache,
                out: &mut [T],
            ) -> bool {
                self.0.dense_hessian(&x, &curvature, cache, out);
                true
            }
            fn hessian_diagonal(
                &self,
                _theta: &DVector<T>,
                x: DMatrixView<'_, T>,
                _delta: DMatrixView<'_, T>,
                curvature: DMatrixView<'_, T>,
                _cache: &mut Self::Cache,
                out: &mut DVector<T>,
            ) -> bool {
                self.0.hessian_diagonal(&x, &curvature, out.as_mut_slice());
                true
            }
        }
    };
}
pub(super) use affine_model;

//! The affine core `Z = W X + b 1ᵀ` that the perceptron and the sigmoid classifier share.

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::Real;
use crate::kernel::{self, Factor, compiled};

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
    pub(super) scores: Vec<T>,
    pub(super) tangent: Vec<T>,
    pub(super) gram: Vec<T>,
    pub(super) batch: usize,
}

impl Linear {
    pub(crate) fn weight_count(self) -> usize {
        self.inputs.saturating_mul(self.outputs)
    }

    pub(crate) fn parameter_count(self) -> usize {
        self.weight_count().saturating_add(if self.bias { self.outputs } else { 0 })
    }

    /// The two parts of `θ` (or of anything of its shape).
    pub(super) fn parts<T: Real>(self, theta: &[T]) -> (Factor<'_, T>, Option<&[T]>) {
        let (w, b) = theta.split_at(self.weight_count());
        (Factor::new(w, self.outputs, self.inputs), self.bias.then_some(b))
    }

    pub(super) fn view<T: Real>(self, scores: &[T], batch: usize) -> DMatrixView<'_, T> {
        DMatrixView::from_slice(&scores[..self.outputs * batch], self.outputs, batch)
    }

    /// Whether `θ`, `X` and `Δ` have the shapes of this map.
    pub(super) fn fits<T: Real>(self, theta: usize, x: (usize, usize), delta: &DMatrixView<'_, T>) -> bool {
        (theta, x.0) == (self.parameter_count(), self.inputs) && delta.shape() == (self.outputs, x.1)
    }

    /// Adds to the lower triangle of `out`, for outputs `o ≥ q` and with `S_oq` the loss's curvature,
    ///
    /// ```text
    /// ∂²L/∂(W_o, b_o)∂(W_q, b_q) = [X; 1] diag(S_oq) [X; 1]ᵀ
    /// ```
    pub(super) fn add_hessian<T: Real>(
        self, x: &DMatrixView<'_, T>, curvature: &DMatrixView<'_, T>, cache: &mut LinearCache<T>,
        out: &mut [T],
    ) {
        add_hessian(self, *x, *curvature, cache, out);
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

compiled! {
    fn add_hessian<T>(
        map: Linear, x: DMatrixView<'a, T>, curvature: DMatrixView<'a, T>, cache: &'a mut LinearCache<T>, out: &'a mut [T],
    ) {
        let (n, k, m, p) = (map.inputs, map.outputs, x.ncols(), map.parameter_count());
        let x = Factor::view(&x);
        let LinearCache { gram, tangent: s, .. } = cache;
        gram.resize(if k == 1 { n } else { n * n + n }, T::zero());
        s.resize(s.len().max(m), T::zero());
        let s = &mut s[..m];
        for q in 0..k {
            for o in q..k {
                match kernel::flat(&curvature) {
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
                if map.bias {
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

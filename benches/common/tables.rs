//! Data for linear models: a formula, whatever the size.

use gradus::nalgebra::{DMatrix, DVector};

use crate::nets::{uniform, unit};

/// Inputs `features × samples` and targets `1 × samples`.
pub(crate) struct Table {
    pub(crate) x: DMatrix<f64>,
    pub(crate) y: DMatrix<f64>,
}

/// `wᵀx + ¼` for each sample.
fn scores(x: &DMatrix<f64>, w: &DVector<f64>) -> DVector<f64> {
    x.tr_mul(w).add_scalar(0.25)
}

/// Features of five scales, and coefficients that undo them.
fn features(samples: usize, features: usize) -> (DMatrix<f64>, DVector<f64>) {
    let scale = |i: usize| (1 + i % 5) as f64;
    let x = DMatrix::from_fn(features, samples, |i, j| scale(i) * uniform(11, j * features + i));
    let w = DVector::from_fn(features, |i, _| uniform(12, i) * 8.0 / (features as f64).sqrt() / scale(i));
    (x, w)
}

/// Labels 0 and 1, drawn with probability `σ(wᵀx + ¼)`.
pub(crate) fn logistic(samples: usize, dim: usize) -> Table {
    let (x, w) = features(samples, dim);
    let z = scores(&x, &w);
    let label = |j: usize| f64::from(u8::from(1.0 / (1.0 + (-z[j]).exp()) > unit(13, j)));
    Table { y: DMatrix::from_fn(1, samples, |_, j| label(j)), x }
}

/// One-hot labels of `classes`, drawn with the probabilities `softmax(W x)`.
pub(crate) fn softmax(samples: usize, dim: usize, classes: usize) -> Table {
    let (x, _) = features(samples, dim);
    let scale = |i: usize| 8.0 / (dim as f64).sqrt() / (1 + i % 5) as f64;
    let w = DMatrix::from_fn(classes, dim, |c, i| scale(i) * uniform(15, c * dim + i));
    let mut y = DMatrix::zeros(classes, samples);
    for (j, mut z) in (w * &x).column_iter_mut().enumerate() {
        let largest = z.max();
        z.apply(|z| *z = (*z - largest).exp());
        let (drawn, mut below) = (unit(13, j) * z.sum(), 0.0);
        let class = z.iter().position(|share| {
            below += share;
            drawn < below
        });
        y[(class.unwrap_or(classes - 1), j)] = 1.0;
    }
    Table { x, y }
}

/// `wᵀx + ¼` with uniform noise.
pub(crate) fn linear(samples: usize, dim: usize) -> Table {
    let (x, w) = features(samples, dim);
    let z = scores(&x, &w);
    Table { y: DMatrix::from_fn(1, samples, |_, j| z[j] + uniform(14, j)), x }
}

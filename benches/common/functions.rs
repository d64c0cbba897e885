//! Functions as a user writes them, by hand.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Hessian, Objective};

/// A function on slices, which the vectors of any library can lend.
pub(crate) trait Formula {
    fn dim(&self) -> usize;
    fn value(&self, x: &[f64]) -> f64;
    fn value_gradient(&self, x: &[f64], g: &mut [f64]) -> f64;
    /// Into an `n × n` matrix of zeros, by columns.
    fn hessian(&self, x: &[f64], h: &mut [f64]);
}

/// `Σ_i 100 (x_{i+1} − x_i²)² + (1 − x_i)²`.
pub(crate) struct Valley(pub(crate) usize);

impl Formula for Valley {
    fn dim(&self) -> usize {
        self.0
    }

    fn value(&self, x: &[f64]) -> f64 {
        x.windows(2).map(|p| 100.0 * (p[1] - p[0] * p[0]).powi(2) + (1.0 - p[0]).powi(2)).sum()
    }

    fn value_gradient(&self, x: &[f64], g: &mut [f64]) -> f64 {
        g.fill(0.0);
        let mut f = 0.0;
        for i in 0..self.0 - 1 {
            let (bend, rest) = (x[i + 1] - x[i] * x[i], 1.0 - x[i]);
            f += 100.0 * bend * bend + rest * rest;
            g[i] -= 400.0 * x[i] * bend + 2.0 * rest;
            g[i + 1] += 200.0 * bend;
        }
        f
    }

    fn hessian(&self, x: &[f64], h: &mut [f64]) {
        let n = self.0;
        for i in 0..n - 1 {
            h[i * (n + 1)] += 1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0;
            h[(i + 1) * (n + 1)] += 200.0;
            h[i * n + i + 1] = -400.0 * x[i];
            h[(i + 1) * n + i] = -400.0 * x[i];
        }
    }
}

/// `x⁴ + 0.8y⁴ + 4x² + 2yᵖ − xy − 0.2x²y`: a bowl for `p = 2`; for `p = 3` two minima, and a saddle at the
/// origin.
pub(crate) enum Quartic {
    Bowl,
    Saddle,
}

impl Quartic {
    /// `2yᵖ` and its two derivatives.
    fn term(&self, y: f64) -> (f64, f64, f64) {
        match self {
            Self::Bowl => (2.0 * y * y, 4.0 * y, 4.0),
            Self::Saddle => (2.0 * y * y * y, 6.0 * y * y, 12.0 * y),
        }
    }
}

impl Formula for Quartic {
    fn dim(&self) -> usize {
        2
    }

    fn value(&self, v: &[f64]) -> f64 {
        let (x, y) = (v[0], v[1]);
        x * x * (x * x + 4.0 - 0.2 * y) + 0.8 * (y * y) * (y * y) + self.term(y).0 - x * y
    }

    fn value_gradient(&self, v: &[f64], g: &mut [f64]) -> f64 {
        let (x, y) = (v[0], v[1]);
        g[0] = x * (4.0 * x * x + 8.0 - 0.4 * y) - y;
        g[1] = 3.2 * y * y * y + self.term(y).1 - x - 0.2 * x * x;
        self.value(v)
    }

    fn hessian(&self, v: &[f64], h: &mut [f64]) {
        let (x, y) = (v[0], v[1]);
        let mixed = -1.0 - 0.4 * x;
        h.copy_from_slice(&[12.0 * x * x + 8.0 - 0.4 * y, mixed, mixed, 9.6 * y * y + self.term(y).2]);
    }
}

/// A formula as an objective of this crate.
pub(crate) struct Ours<F>(pub(crate) F);

impl<F: Formula> Objective<f64> for Ours<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value(&mut self, x: &DVector<f64>) -> f64 {
        self.0.value(x.as_slice())
    }

    fn value_gradient(&mut self, x: &DVector<f64>, g: &mut DVector<f64>) -> f64 {
        self.0.value_gradient(x.as_slice(), g.as_mut_slice())
    }
}

impl<F: Formula> Hessian<f64> for Ours<F> {
    fn hessian(&mut self, x: &DVector<f64>, h: &mut DMatrix<f64>) {
        h.fill(0.0);
        self.0.hessian(x.as_slice(), h.as_mut_slice());
    }
}

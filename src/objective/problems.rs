//! Test problems. (being written)

use nalgebra::{DMatrix, DVector};

use crate::{Hessian, HessianProduct, Objective, Real};

/// Rosenbrock.
#[derive(Debug, Clone, Copy)]
pub struct Rosenbrock {
    dim: usize,
}

impl Rosenbrock {
    /// In `dim` variables.
    pub fn new(dim: usize) -> Self {
        Self { dim }
    }
}

impl<T: Real> Objective<T> for Rosenbrock {
    fn dim(&self) -> usize {
        self.dim
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        g.fill(T::zero());
        let mut f = T::zero();
        for i in 0..self.dim - 1 {
            let (t, u) = (x[i + 1] - x[i] * x[i], T::one() - x[i]);
            f += T::of(100.0) * t * t + u * u;
            g[i] += T::of(-400.0) * x[i] * t - T::of(2.0) * u;
            g[i + 1] += T::of(200.0) * t;
        }
        f
    }
}
impl<T: Real> Hessian<T> for Rosenbrock {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        h.fill(T::zero());
        for i in 0..self.dim - 1 {
            h[(i, i)] += T::of(1200.0) * x[i] * x[i] - T::of(400.0) * x[i + 1] + T::of(2.0);
            h[(i + 1, i + 1)] += T::of(200.0);
            h[(i, i + 1)] -= T::of(400.0) * x[i];
            h[(i + 1, i)] -= T::of(400.0) * x[i];
        }
    }
}
impl<T: Real> HessianProduct<T> for Rosenbrock {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(self.dim, self.dim);
        self.hessian(x, &mut h);
        out.gemv(T::one(), &h, v, T::zero());
    }
}

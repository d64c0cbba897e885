//! The risk of an affine model in coordinates in which its features are independent and of one size.

use nalgebra::{DMatrix, DVector};

use crate::kernel::{self, Factor};
use crate::{Error, Objective, Real, Recession};

/// `f(Φ L⁻¹)`, with `L Lᵀ` near the Hessian of each output: in `Φ` (`outputs × features`, the biases last) all curvatures
/// are of one size, so that a quasi-Newton method takes few steps whatever the features are.
pub(super) struct Whitened<'r, T: Real, O> {
    risk: &'r mut O,
    /// `L⁻¹`
    inverse: DMatrix<T>,
    theta: DVector<T>,
    gradient: DVector<T>,
    /// By how much a gradient by `Θ` may be larger than that by `Φ`: `‖L‖∞ ≤ max √(n (L Lᵀ)_ii)`.
    pub(super) steepness: T,
}

impl<'r, T: Real, O: Objective<T>> Whitened<'r, T, O> {
    /// With the metric `L Lᵀ`; nothing where that is not definite.
    pub(super) fn new(risk: &'r mut O, mut metric: DMatrix<T>) -> Option<Self> {
        let n = metric.nrows();
        let steepness = (T::of(n as f64) * metric.diagonal().max()).sqrt();
        if !kernel::cholesky(metric.as_mut_slice(), n) {
            return None;
        }
        kernel::invert_lower(metric.as_mut_slice(), n);
        let p = risk.dim();
        Some(Self { risk, inverse: metric, theta: DVector::zeros(p), gradient: DVector::zeros(p), steepness })
    }

    /// `Θ` of `Φ`.
    pub(super) fn parameters(&mut self, phi: &DVector<T>) -> &DVector<T> {
        let (l, theta) = (Factor::view(&self.inverse.as_view()), self.theta.as_mut_slice());
        kernel::product(T::one(), rows(phi, self.inverse.nrows()), l, T::zero(), theta);
        &self.theta
    }
}

/// Of the shape `outputs × n`.
fn rows<T: Real>(parameters: &DVector<T>, n: usize) -> Factor<'_, T> {
    Factor::new(parameters.as_slice(), parameters.len() / n, n)
}

impl<T: Real, O: Objective<T>> Objective<T> for Whitened<'_, T, O> {
    fn dim(&self) -> usize {
        self.risk.dim()
    }

    fn value(&mut self, phi: &DVector<T>) -> T {
        self.parameters(phi);
        self.risk.value(&self.theta)
    }

    /// `∂Φ = ∂Θ L⁻ᵀ`.
    fn value_gradient(&mut self, phi: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.parameters(phi);
        let value = self.risk.value_gradient(&self.theta, &mut self.gradient);
        let (l, by_theta) =
            (Factor::view(&self.inverse.as_view()), rows(&self.gradient, self.inverse.nrows()));
        kernel::product(T::one(), by_theta, l.t(), T::zero(), gradient.as_mut_slice());
        value
    }

    fn is_convex(&self) -> bool {
        self.risk.is_convex()
    }

    fn recedes(&mut self, phi: &DVector<T>) -> Recession<T> {
        self.parameters(phi);
        self.risk.recedes(&self.theta)
    }

    fn failure(&mut self) -> Option<Error> {
        self.risk.failure()
    }
}

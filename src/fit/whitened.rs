//! The risk of an affine model in coordinates in which its features are of one size, and independent.

use nalgebra::{DMatrix, DVector};

use crate::kernel::{self, Factor, compiled};
use crate::{Error, Objective, Real, Recession};

/// `f(Θ₀ + Φ A)`, with `A⁻¹ A⁻ᵀ` near the Hessian of each output: in `Φ` (`outputs × features`, the biases last) all
/// curvatures are of one size, so that a quasi-Newton method takes few steps whatever the features are.
pub(super) struct Whitened<'r, T: Real> {
    risk: &'r mut dyn Objective<T>,
    /// `Θ₀`
    origin: DVector<T>,
    axes: Axes<T>,
    theta: DVector<T>,
    gradient: DVector<T>,
}

compiled! {
    /// `L⁻¹` of a matrix `L Lᵀ`, if it is definite, and a bound of `‖L‖∞`.
    fn inverse_root<T>(metric: DMatrix<T>) -> Option<(DMatrix<T>, T)> {
        let (n, mut metric) = (metric.nrows(), metric);
        let steepness = (T::of(n as f64) * metric.diagonal().max()).sqrt();
        if !kernel::cholesky(metric.as_mut_slice(), n) {
            return None;
        }
        kernel::invert_lower(metric.as_mut_slice(), n);
        Some((metric, steepness))
    }
}

/// `A`.
pub(super) enum Axes<T> {
    /// A diagonal matrix.
    Units(Vec<T>),
    /// `L⁻¹` of a metric `L Lᵀ`, and by how much a gradient by `Θ` may be larger than that by `Φ`:
    /// `‖L‖∞ ≤ max √(n (L Lᵀ)_ii)`.
    Root(DMatrix<T>, T),
}

impl<T: Real> Axes<T> {
    /// Of a metric; nothing where that is not definite.
    pub(super) fn of(metric: DMatrix<T>) -> Option<Self> {
        let (inverse, steepness) = inverse_root(metric)?;
        Some(Self::Root(inverse, steepness))
    }

    /// By how much a gradient by `Θ` may be larger than that by `Φ`.
    pub(super) fn steepness(&self) -> T {
        match self {
            Self::Units(units) => {
                units.iter().fold(T::one(), |steepest, unit| steepest.max(T::one() / *unit))
            }
            Self::Root(_, steepness) => *steepness,
        }
    }

    /// `out ← x A + β out`, or `x Aᵀ + β out`; `β = 0` does not read `out`.
    fn apply(&self, x: &DVector<T>, is_turned: bool, beta: T, out: &mut [T]) {
        match self {
            Self::Units(units) => {
                let k = x.len() / units.len();
                for (i, (out, x)) in out.iter_mut().zip(x.iter()).enumerate() {
                    let kept = if beta == T::zero() { beta } else { beta * *out };
                    *out = kept + *x * units[i / k];
                }
            }
            Self::Root(inverse, _) => {
                let (a, n) = (Factor::view(&inverse.as_view()), inverse.nrows());
                let x = Factor::new(x.as_slice(), x.len() / n, n);
                kernel::product(T::one(), x, if is_turned { a.t() } else { a }, beta, out);
            }
        }
    }
}

impl<'r, T: Real> Whitened<'r, T> {
    /// Around `Θ₀`.
    pub(super) fn new(risk: &'r mut dyn Objective<T>, origin: DVector<T>, axes: Axes<T>) -> Self {
        let (theta, gradient) = (origin.clone(), origin.clone());
        Self { risk, origin, axes, theta, gradient }
    }

    /// `Θ` of `Φ`.
    pub(super) fn parameters(&mut self, phi: &DVector<T>) -> &DVector<T> {
        self.theta.as_mut_slice().copy_from_slice(self.origin.as_slice());
        self.axes.apply(phi, false, T::one(), self.theta.as_mut_slice());
        &self.theta
    }
}

impl<T: Real> Objective<T> for Whitened<'_, T> {
    fn dim(&self) -> usize {
        self.risk.dim()
    }

    fn value(&mut self, phi: &DVector<T>) -> T {
        self.parameters(phi);
        self.risk.value(&self.theta)
    }

    /// `∂Φ = ∂Θ Aᵀ`.
    fn value_gradient(&mut self, phi: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.parameters(phi);
        let value = self.risk.value_gradient(&self.theta, &mut self.gradient);
        self.axes.apply(&self.gradient, true, T::zero(), gradient.as_mut_slice());
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

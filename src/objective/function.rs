//! Closures as objectives.
use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::{Hessian, HessianProduct, Objective, Real};

/// An objective made of closures.
///
/// ```
/// use gradus::{CriticalKind, Function, Newton, Stop, minimize};
/// use nalgebra::{DMatrix, DVector, dvector};
///
/// // f = 2x² + 3y² − xy
/// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
///     g.copy_from(&dvector![4.0 * x[0] - x[1], 6.0 * x[1] - x[0]]);
///     2.0 * x[0] * x[0] + 3.0 * x[1] * x[1] - x[0] * x[1]
/// })
/// .with_hessian(|_x: &DVector<f64>, h: &mut DMatrix<f64>| h.copy_from_slice(&[4.0, -1.0, -1.0, 6.0]));
/// let report = minimize(&mut Newton::new(), &mut f, dvector![4.0, 4.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Clone)]
pub struct Function<F, H = WithoutHessian> {
    dim: usize,
    value_gradient: F,
    hessian: H,
}

/// A [`Function`] without second derivatives.
#[derive(Debug, Clone, Copy)]
pub struct WithoutHessian;

/// A [`Function`]'s closure that writes the Hessian.
#[derive(Clone)]
pub struct WithHessian<H>(H);

impl<F> Function<F> {
    /// `value_gradient(x, g)` returns `f(x)` and writes `∇f(x)` to `g`; both have length `dim`.
    pub fn new<T: Real>(dim: usize, value_gradient: F) -> Self
    where
        F: FnMut(&DVector<T>, &mut DVector<T>) -> T,
    {
        Self { dim, value_gradient, hessian: WithoutHessian }
    }

    /// Adds a closure that writes the whole `dim × dim` Hessian.
    pub fn with_hessian<T: Real, H>(self, hessian: H) -> Function<F, WithHessian<H>>
    where
        H: FnMut(&DVector<T>, &mut DMatrix<T>),
    {
        Function { dim: self.dim, value_gradient: self.value_gradient, hessian: WithHessian(hessian) }
    }
}

impl<F, H> fmt::Debug for Function<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("dim", &self.dim).finish_non_exhaustive()
    }
}

impl<H> fmt::Debug for WithHessian<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithHessian")
    }
}

impl<T: Real, F: FnMut(&DVector<T>, &mut DVector<T>) -> T, H> Objective<T> for Function<F, H> {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        (self.value_gradient)(x, gradient)
    }
}

impl<T, F, H> Hessian<T> for Function<F, WithHessian<H>>
where
    T: Real,
    F: FnMut(&DVector<T>, &mut DVector<T>) -> T,
    H: FnMut(&DVector<T>, &mut DMatrix<T>),
{
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        (self.hessian.0)(x, hessian);
    }
}

impl<T, F, H> HessianProduct<T> for Function<F, WithHessian<H>>
where
    T: Real,
    F: FnMut(&DVector<T>, &mut DVector<T>) -> T,
    H: FnMut(&DVector<T>, &mut DMatrix<T>),
{
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut hessian = DMatrix::zeros(x.len(), x.len());
        (self.hessian.0)(x, &mut hessian);
        out.gemv(T::one(), &hessian, v, T::zero());
    }
}

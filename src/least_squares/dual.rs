use nalgebra::{DMatrix, DVector};
use num_dual::Dual;

use super::{Residuals, SecondOrderResiduals};
use crate::objective::{AutoDiff, Chunk, DualReal, Number, WIDTH, parts};

/// Residuals that are written once, over numbers that may carry derivatives; [`AutoDiff`] makes [`Residuals`] and
/// [`SecondOrderResiduals`] of them, exact to rounding.
///
/// A curve through samples is better written as a [`DualModel`](crate::DualModel) in an
/// [`EmpiricalRisk`](crate::EmpiricalRisk), with squared error; both methods take that too.
///
/// ```
/// use gradus::least_squares::DualResiduals;
/// use gradus::objective::AutoDiff;
/// use gradus::{LevenbergMarquardt, Number, vector};
///
/// /// Rosenbrock's valley
/// struct Valley;
///
/// impl DualResiduals for Valley {
///     fn dim(&self) -> usize { 2 }
///     fn count(&self) -> usize { 2 }
///     fn residuals<D: Number>(&self, x: &[D], r: &mut [D]) {
///         r[0] = D::of(10.0) * (x[1] - x[0] * x[0]);
///         r[1] = D::of(1.0) - x[0];
///     }
/// }
///
/// let start = vector![-1.2, 1.0];
/// let report = LevenbergMarquardt::new().solve(AutoDiff::new(Valley), start)?;
/// assert!(report.converged() && report.x == vector![1.0, 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait DualResiduals {
    /// The number `n` of parameters.
    fn dim(&self) -> usize;

    /// The number `m` of residuals.
    fn count(&self) -> usize;

    /// Writes `r(x)` to `residuals` (length `m`), with `x` of length `n`.
    fn residuals<D: Number>(&self, x: &[D], residuals: &mut [D]);
}

impl<T: DualReal, F: DualResiduals> Residuals<T> for AutoDiff<T, F> {
    fn dim(&self) -> usize {
        self.function.dim()
    }

    fn count(&self) -> usize {
        self.function.count()
    }

    fn residuals(&mut self, x: &DVector<T>, residuals: &mut DVector<T>) {
        if (x.len(), residuals.len()) == (self.function.dim(), self.function.count()) {
            self.function.residuals(x.as_slice(), residuals.as_mut_slice());
        }
    }

    fn jacobian(&mut self, x: &DVector<T>, jacobian: &mut DMatrix<T>) {
        let (m, n) = (self.function.count(), self.function.dim());
        if (x.len(), jacobian.shape()) != (n, (m, n)) {
            return;
        }
        self.first.results.resize(m, Chunk::from(T::NAN));
        for start in (0..n).step_by(WIDTH) {
            self.first.place(x, start);
            self.function.residuals(self.first.x.as_slice(), &mut self.first.results);
            for (i, residual) in self.first.results.iter().enumerate() {
                (start..n).zip(parts(residual)).for_each(|(j, part)| jacobian[(i, j)] = part);
            }
        }
    }
}

impl<T: DualReal, F: DualResiduals> SecondOrderResiduals<T> for AutoDiff<T, F> {
    fn add_curvature(&mut self, x: &DVector<T>, weights: &DVector<T>, hessian: &mut DMatrix<T>) {
        let (m, n) = (self.function.count(), self.function.dim());
        if (x.len(), weights.len(), hessian.shape()) != (n, m, (n, n)) {
            return;
        }
        self.second.results.resize(m, Dual::from(T::NAN));
        for j in 0..n {
            // the chunk that holds the diagonal, and those below
            for start in (j / WIDTH * WIDTH..n).step_by(WIDTH) {
                self.second.place(x, |i| if i == j { T::one() } else { T::zero() }, start);
                self.function.residuals(self.second.x.as_slice(), &mut self.second.results);
                for (residual, weight) in self.second.results.iter().zip(weights) {
                    for (i, part) in (start..n).zip(parts(&residual.eps)).filter(|(i, _)| *i >= j) {
                        hessian[(i, j)] += *weight * part;
                        if i > j {
                            hessian[(j, i)] += *weight * part;
                        }
                    }
                }
            }
        }
    }
}

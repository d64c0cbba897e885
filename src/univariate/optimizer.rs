//! Newton's method in one variable as an [`Optimizer`] of objectives with one parameter.

use nalgebra::{DMatrix, DVector};

use super::ScalarNewton;
use crate::optimizer::{Outcome, Step};
use crate::{Certificate, Error, Hessian, Optimizer, Real};

/// One iteration of [`ScalarNewton::minimum`] a step, on an objective with `dim() == 1`. A bracket is kept.
///
/// ```
/// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
/// use gradus::univariate::ScalarNewton;
/// use gradus::{CriticalKind, Function, Stop, minimize};
///
/// // g = e^x − ln x
/// let mut g = Function::new(1, |x: &DVector<f64>, slope: &mut DVector<f64>| {
///     slope[0] = x[0].exp() - 1.0 / x[0];
///     x[0].exp() - x[0].ln()
/// })
/// .with_hessian(|x: &DVector<f64>, h: &mut DMatrix<f64>| h[0] = x[0].exp() + 1.0 / (x[0] * x[0]));
/// let report = minimize(&mut ScalarNewton::pure(), &mut g, dvector![0.05], &Stop::default())?;
/// assert_eq!((report.iterations, report.kind()), (8, Some(CriticalKind::Minimum)));
/// # Ok::<(), gradus::Error>(())
/// ```
impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for ScalarNewton<T> {
    fn check(&self, objective: &O) -> Result<(), Error> {
        match objective.dim() {
            1 => Ok(()),
            found => Err(Error::Length { argument: "start", expected: 1, found }),
        }
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let &[start] = x.as_slice() else {
            return Err(Error::Length { argument: "x", expected: 1, found: x.len() });
        };
        // what is never written shows
        let (mut gradient, mut hessian) = (DVector::repeat(1, T::NAN), DMatrix::repeat(1, 1, T::NAN));
        let mut at = |t: T| {
            let point = DVector::from_element(1, t);
            let g = objective.value_gradient_hessian(&point, &mut gradient, &mut hessian);
            let derivative = |d: Option<&T>| d.copied().unwrap_or(T::NAN);
            (g, derivative(gradient.get(0)), derivative(hessian.get(0)))
        };
        let (g, slope, curvature) = at(start);
        let mut step = Step::new(g, slope.abs());
        if !step.is_finite() || !curvature.is_finite() {
            (step.gradient_norm, step.outcome) = (T::NAN, Outcome::Stuck);
            return Ok(step);
        }
        let report = self.iterations(1).minimum(at, start)?;
        step.evaluations += report.evaluations;
        step.modified = curvature <= T::zero();
        step.outcome = if report.x == start {
            Outcome::Stuck
        } else if curvature < T::zero() && slope.abs() <= T::EPSILON.sqrt() {
            Outcome::Escaped
        } else {
            Outcome::Moved
        };
        x[0] = report.x;
        Ok(step)
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<Certificate<T>>, Error> {
        Certificate::of(objective, x).map(Some)
    }
}

//! basin's trust region, with its exact subproblem, on the same formulas and the same nalgebra.

use std::convert::Infallible;

use basin::{CostFunction, Executor, FirstOrderState, Gradient, Hessian, MoreSorensen, TrustRegion};
use gradus::nalgebra::{DMatrix, DVector};

use crate::functions::Formula;

/// A formula as a problem for basin.
struct Theirs<'f, F>(&'f F);

impl<F: Formula> CostFunction for Theirs<'_, F> {
    type Param = DVector<f64>;
    type Output = f64;
    type Error = Infallible;

    fn cost(&self, x: &DVector<f64>) -> Result<f64, Infallible> {
        Ok(self.0.value(x.as_slice()))
    }
}

impl<F: Formula> Gradient for Theirs<'_, F> {
    type Gradient = DVector<f64>;

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Infallible> {
        let mut gradient = DVector::zeros(x.len());
        self.0.value_gradient(x.as_slice(), gradient.as_mut_slice());
        Ok(gradient)
    }
}

impl<F: Formula> Hessian for Theirs<'_, F> {
    type Hessian = DMatrix<f64>;

    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Infallible> {
        let mut hessian = DMatrix::zeros(x.len(), x.len());
        self.0.hessian(x.as_slice(), hessian.as_mut_slice());
        Ok(hessian)
    }
}

/// The point where the gradient has met the tolerance.
pub(crate) fn trust_region<F: Formula>(formula: &F, start: &[f64], tolerance: f64) -> Vec<f64> {
    let solver = TrustRegion::with_subproblem(MoreSorensen::new());
    let solver = solver.with_absolute_gradient_tolerance(tolerance);
    let state = FirstOrderState::new(DVector::from_column_slice(start));
    let run = Executor::new(Theirs(formula), solver, state).max_iter(1000).run();
    let Ok(run) = run;
    run.param().as_slice().to_vec()
}

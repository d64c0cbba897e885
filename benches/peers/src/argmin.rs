//! argmin's Newton on the same formulas, on its own nalgebra.

use argmin::core::{Error, Executor, Gradient, Hessian, State};
use argmin::solver::newton::Newton;
use nalgebra_0_34::{DMatrix, DVector};

use crate::functions::Formula;

/// A formula as a problem for argmin.
struct Theirs<'f, F>(&'f F);

impl<F: Formula> Gradient for Theirs<'_, F> {
    type Param = DVector<f64>;
    type Gradient = DVector<f64>;

    fn gradient(&self, x: &DVector<f64>) -> Result<DVector<f64>, Error> {
        let mut gradient = DVector::zeros(x.len());
        self.0.value_gradient(x.as_slice(), gradient.as_mut_slice());
        Ok(gradient)
    }
}

impl<F: Formula> Hessian for Theirs<'_, F> {
    type Param = DVector<f64>;
    type Hessian = DMatrix<f64>;

    fn hessian(&self, x: &DVector<f64>) -> Result<DMatrix<f64>, Error> {
        let mut hessian = DMatrix::zeros(x.len(), x.len());
        self.0.hessian(x.as_slice(), hessian.as_mut_slice());
        Ok(hessian)
    }
}

/// The point after so many steps: this Newton has no test for convergence. Its stopwatch is off.
pub(crate) fn newton<F: Formula>(formula: &F, start: &[f64], steps: u64) -> Result<Vec<f64>, Error> {
    let start = DVector::from_column_slice(start);
    let run = Executor::new(Theirs(formula), Newton::<f64>::new())
        .configure(|state| state.param(start).max_iters(steps))
        .timer(false)
        .run()?;
    let point = run.state().get_param().ok_or_else(|| Error::msg("no point"))?;
    Ok(point.as_slice().to_vec())
}

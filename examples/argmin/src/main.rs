//! Side by side with argmin: its L-BFGS on an objective of this crate, and Newton's trust region on a problem
//! written for argmin.
//!
//! `cargo run --release --manifest-path examples/argmin/Cargo.toml`

use std::cell::RefCell;

use argmin::core::{CostFunction, Executor, Gradient, Hessian as ArgminHessian, State};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use gradus::nalgebra::{self, DMatrix, DVector, dmatrix, dvector};
use gradus::{
    EmpiricalRisk, Hessian, LogLoss, Newton, Objective, SigmoidClassifier, Stop, TrustRegion, minimize,
};

/// An objective of this crate as a problem for argmin. The cell is for scratch: an objective may keep some.
struct ForArgmin<O>(RefCell<O>);

impl<O: Objective<f64>> CostFunction for ForArgmin<O> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.0.borrow_mut().value(&DVector::from_column_slice(x)))
    }
}

impl<O: Objective<f64>> Gradient for ForArgmin<O> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let mut gradient = DVector::zeros(x.len());
        self.0.borrow_mut().value_gradient(&DVector::from_column_slice(x), &mut gradient);
        Ok(gradient.as_slice().to_vec())
    }
}

/// A problem written for argmin as an objective of this crate; what it refuses to evaluate is "outside".
struct FromArgmin<P> {
    problem: P,
    dim: usize,
}

impl<P> Objective<f64> for FromArgmin<P>
where
    P: CostFunction<Param = Vec<f64>, Output = f64> + Gradient<Param = Vec<f64>, Gradient = Vec<f64>>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&mut self, x: &DVector<f64>) -> f64 {
        self.problem.cost(&x.as_slice().to_vec()).unwrap_or(f64::NAN)
    }

    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        let point = x.as_slice().to_vec();
        match self.problem.gradient(&point) {
            Ok(g) => gradient.copy_from_slice(&g),
            Err(_) => return f64::NAN,
        }
        self.problem.cost(&point).unwrap_or(f64::NAN)
    }
}

impl<P> Hessian<f64> for FromArgmin<P>
where
    Self: Objective<f64>,
    P: ArgminHessian<Param = Vec<f64>, Hessian = Vec<Vec<f64>>>,
{
    fn hessian(&mut self, x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        match self.problem.hessian(&x.as_slice().to_vec()) {
            Ok(h) => *hessian = DMatrix::from_fn(self.dim, self.dim, |i, j| h[i][j]),
            Err(_) => hessian.fill(f64::NAN),
        }
    }
}

/// Rosenbrock's valley in two variables, the way argmin likes it.
struct Valley;

impl CostFunction for Valley {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, x: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok((1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2))
    }
}

impl Gradient for Valley {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, x: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        let t = x[1] - x[0] * x[0];
        Ok(vec![-2.0 * (1.0 - x[0]) - 400.0 * x[0] * t, 200.0 * t])
    }
}

impl ArgminHessian for Valley {
    type Param = Vec<f64>;
    type Hessian = Vec<Vec<f64>>;

    fn hessian(&self, x: &Vec<f64>) -> Result<Vec<Vec<f64>>, argmin::core::Error> {
        let cross = -400.0 * x[0];
        Ok(vec![vec![2.0 + 1200.0 * x[0] * x[0] - 400.0 * x[1], cross], vec![cross, 200.0]])
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let x = dmatrix![0.5, 1.5, 2.5, 3.5, 4.5, 5.5];
    let y = dmatrix![0.0, 0.0, 1.0, 0.0, 1.0, 1.0];
    let risk = || EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y);

    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7).with_tolerance_grad(1e-9)?;
    let theirs = Executor::new(ForArgmin(RefCell::new(risk()?)), solver)
        .configure(|state| state.param(vec![0.0, 0.0]).max_iters(100))
        .run()?;
    let theirs = theirs.state().get_best_param().cloned().ok_or("argmin returned no point")?;
    let ours = minimize(&mut Newton::new(), &mut risk()?, dvector![0.0, 0.0], &Stop::default())?;
    println!("our risk      argmin's L-BFGS {theirs:.6?}, our Newton {:.6?}", ours.x.as_slice());
    assert!((ours.into_converged()?.x - DVector::from_vec(theirs)).amax() < 1e-6);

    let mut valley = FromArgmin { problem: Valley, dim: 2 };
    let report = minimize(&mut TrustRegion::new(), &mut valley, dvector![-1.2, 1.0], &Stop::default())?;
    println!("argmin's problem, our trust region\n{report}");
    assert!((report.into_converged()?.x - dvector![1.0, 1.0]).amax() < 1e-6);
    Ok(())
}

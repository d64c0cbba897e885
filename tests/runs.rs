//! A run from its first point to its last: who sees what, what ends it, and what it leaves behind.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::rc::Rc;

use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::optimizer::{Optimizer, Outcome, Step};
use gradus::problems::Rosenbrock;
use gradus::{
    AdaGrad, Adam, Bfgs, ConjugateGradient, EmpiricalRisk, Error, Function, GradientDescent, Hessian,
    HessianProduct, Lbfgs, LogLoss, Newton, NewtonCg, Objective, Recession, RmsProp, SaddleFree,
    SigmoidClassifier, Stop, Termination, TrustRegion, minimize, minimize_with,
};

#[test]
fn the_closure_sees_every_point_of_the_trace() -> Result<(), Error> {
    for iterations in [0, 1, 5, 1000] {
        let stop = Stop::default().trace(true).iterations(iterations);
        let mut seen = Vec::new();
        let mut last = DVector::zeros(0);
        let mut f = Rosenbrock::new(2);
        let report = minimize_with(&mut Newton::new(), &mut f, dvector![-1.2, 1.0], &stop, |point, x| {
            seen.push(*point);
            last = x.clone();
            ControlFlow::Continue(())
        })?;
        assert_eq!(seen, report.trace);
        assert_eq!(last, report.x);
        assert_eq!(seen.last().map(|point| point.value), Some(report.value));
    }
    Ok(())
}

#[test]
fn to_stop_at_the_minimum_is_to_have_converged() -> Result<(), Error> {
    let mut f = Rosenbrock::new(2);
    let stop = Stop::default();
    let always = |_: &_, _: &_| ControlFlow::Break(());
    let report = minimize_with(&mut Newton::new(), &mut f, dvector![1.0, 1.0], &stop, always)?;
    assert!(report.converged());
    let report = minimize_with(&mut Newton::new(), &mut f, dvector![0.0, 1.0], &stop, always)?;
    assert_eq!((report.termination, report.iterations), (Termination::Stopped, 0));
    Ok(())
}

/// `½ ‖x‖²` behind a connection that breaks after so many evaluations, with whatever value then.
struct Remote {
    left: usize,
    then: f64,
    failure: Option<Error>,
}

impl Objective<f64> for Remote {
    fn dim(&self) -> usize {
        2
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        gradient.copy_from(x);
        if self.left == 0 {
            self.failure = Some(Error::Failed { what: "the connection broke".into() });
            return self.then;
        }
        self.left -= 1;
        0.5 * x.norm_squared()
    }
    fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }
}

#[test]
fn a_failure_outside_of_mathematics_ends_the_run() -> Result<(), Error> {
    let stop = Stop::default().relative(0.0); // no evaluations but those of the steps
    let failed = Error::Failed { what: "the connection broke".into() };
    for then in [f64::NAN, f64::INFINITY, 0.0, -1e300] {
        let mut remote = Remote { left: 5, then, failure: None };
        let report = minimize(&mut GradientDescent::new(0.1), &mut remote, dvector![1.0, 2.0], &stop)?;
        assert_eq!(report.termination, Termination::Failed, "{then}");
        assert_eq!(report.failure, Some(failed.clone()));
        // the fifth evaluation was the last good one: x = 0.9⁴ x₀
        assert_eq!(report.iterations, 4);
        assert!((report.x[0] - 0.9_f64.powi(4)).abs() < 1e-15);
        assert!((report.value - 0.5 * report.x.norm_squared()).abs() < 1e-15);
        assert!(!report.converged());
        assert!(report.to_string().contains("the connection broke"), "{report}");
        assert_eq!(report.into_converged().unwrap_err(), failed);
        // without a first point there is no report
        let mut remote = Remote { left: 0, then, failure: None };
        let run = minimize(&mut Lbfgs::new(), &mut remote, dvector![1.0, 2.0], &stop);
        assert_eq!(run.unwrap_err(), failed);
    }
    Ok(())
}

/// Stays where it is, and says why.
struct Says(Termination);

impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for Says {
    fn step(&mut self, objective: &mut O, x: &mut DVector<f64>) -> Result<Step<f64>, Error> {
        let mut gradient = DVector::zeros(x.len());
        let value = objective.value_gradient(x, &mut gradient);
        Ok(Step::new(value, gradient.amax()).ended(self.0))
    }
}

#[test]
fn the_word_of_a_method_is_tested() -> Result<(), Error> {
    let stationary = [Termination::GradientTolerance, Termination::ResidualTolerance, Termination::Exact];
    for why in stationary {
        for unit in [1e-100, 1e-8, 1.0, 1e8, 1e100] {
            let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
                g.copy_from_slice(&[2.0 * unit * x[0], 200.0 * unit * x[1]]);
                unit * (1.0 + x[0] * x[0] + 100.0 * x[1] * x[1])
            });
            let stop = Stop::default().gradient(0.0);
            let report = minimize(&mut Says(why), &mut f, dvector![1.0, 0.1], &stop)?;
            assert_eq!(report.termination, Termination::NoDescent, "{why:?} {unit:e}");
            let report = minimize(&mut Says(why), &mut f, dvector![0.0, 0.0], &stop)?;
            assert!(report.converged(), "{why:?} {unit:e}");
        }
    }
    let mut f = Rosenbrock::new(2);
    let report = minimize(&mut Says(Termination::Cycle), &mut f, dvector![0.0, 0.0], &Stop::default())?;
    assert_eq!(report.termination, Termination::Cycle);
    Ok(())
}

/// `½ ‖x‖²`, convex, of which nobody can tell whether it falls for ever.
struct Doubtful;

impl Objective<f64> for Doubtful {
    fn dim(&self) -> usize {
        2
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        gradient.copy_from(x);
        0.5 * x.norm_squared()
    }
    fn is_convex(&self) -> bool {
        true
    }
    fn recedes(&mut self, _x: &DVector<f64>) -> Recession<f64> {
        Recession::Undecided
    }
}

impl Hessian<f64> for Doubtful {
    fn hessian(&mut self, _x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        hessian.fill_with_identity();
    }
}

#[test]
fn what_is_undecided_is_no_global_minimum() -> Result<(), Error> {
    let report = minimize(&mut Newton::new(), &mut Doubtful, dvector![1.0, 2.0], &Stop::default())?;
    assert!(report.termination.is_stationary() && !report.converged());
    let shown = report.to_string();
    assert!(shown.contains("undecided") && !shown.contains("global minimum"), "{shown}");
    Ok(())
}

/// Keeps account of the runs it is told of.
#[derive(Default)]
struct Counted {
    opened: usize,
    closed: usize,
}

impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for Counted {
    fn start(&mut self, _objective: &O, tolerance: Option<f64>) -> Result<(), Error> {
        match tolerance {
            Some(_) => self.opened += 1,
            None => self.closed += 1,
        }
        Ok(())
    }
    fn step(&mut self, objective: &mut O, x: &mut DVector<f64>) -> Result<Step<f64>, Error> {
        let value = objective.value(x);
        Ok(Step::new(value, 1.0))
    }
}

#[test]
fn a_run_is_closed_whatever_became_of_it() {
    let mut counted = Counted::default();
    let mut nowhere = Function::new(1, |_: &DVector<f64>, _: &mut DVector<f64>| f64::NAN);
    assert!(minimize(&mut counted, &mut nowhere, dvector![1.0], &Stop::default()).is_err());
    assert_eq!((counted.opened, counted.closed), (1, 1));
    assert!(minimize(&mut counted, &mut Rosenbrock::new(1), dvector![1.0], &Stop::default()).is_ok());
    assert_eq!((counted.opened, counted.closed), (2, 2));
    // nothing is opened for a start that is none
    assert!(minimize(&mut counted, &mut nowhere, dvector![f64::NAN], &Stop::default()).is_err());
    assert_eq!((counted.opened, counted.closed), (2, 2));
}

/// `½ c ‖x‖²`, with `c` in other hands.
struct Shifting {
    c: Rc<Cell<f64>>,
}

impl Objective<f64> for Shifting {
    fn dim(&self) -> usize {
        3
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        gradient.copy_from(&(x * self.c.get()));
        0.5 * self.c.get() * x.norm_squared()
    }
}

impl Hessian<f64> for Shifting {
    fn hessian(&mut self, _x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        hessian.fill(0.0);
        hessian.fill_diagonal(self.c.get());
    }
}

impl HessianProduct<f64> for Shifting {
    fn hessian_product(&mut self, _x: &DVector<f64>, v: &DVector<f64>, out: &mut DVector<f64>) {
        out.copy_from(&(v * self.c.get()));
    }
}

#[test]
fn a_step_by_hand_evaluates_anew() -> Result<(), Error> {
    type Method = Box<dyn Optimizer<f64, Shifting>>;
    let methods: [(&str, Method); 13] = [
        ("descent", Box::new(GradientDescent::new(0.1))),
        ("momentum", Box::new(GradientDescent::new(0.1).momentum(0.5))),
        ("AdaGrad", Box::new(AdaGrad::new(0.1))),
        ("RMSProp", Box::new(RmsProp::new(0.1))),
        ("Adam", Box::new(Adam::new(0.1))),
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("BFGS", Box::new(Bfgs::new())),
        ("CG", Box::new(ConjugateGradient::new())),
        ("Newton", Box::new(Newton::new())),
        ("pure Newton", Box::new(Newton::pure())),
        ("trust region", Box::new(TrustRegion::new())),
        ("Newton-CG", Box::new(NewtonCg::new())),
        ("saddle-free", Box::new(SaddleFree::new())),
    ];
    for (name, mut method) in methods {
        let c = Rc::new(Cell::new(1.0));
        let mut f = Shifting { c: c.clone() };
        let start = dvector![1.0, -2.0, 3.0];
        let mut x = start.clone();
        method.step(&mut f, &mut x)?;
        // before a run, and after one
        for _ in 0..2 {
            for factor in [7.0, 0.5, 3.0] {
                c.set(factor);
                let expected = (0.5 * factor * x.norm_squared(), factor * x.amax());
                let step = method.step(&mut f, &mut x)?;
                assert_eq!((step.value, step.gradient_norm), expected, "{name}");
            }
            minimize(&mut *method, &mut f, start.clone(), &Stop::default().iterations(3))?;
            x.copy_from(&start);
        }
    }
    Ok(())
}

#[test]
fn a_learner_gets_the_steps_asked_for() -> Result<(), Error> {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![0.0, 0.0, 1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    let stop = Stop::default().iterations(500).trace(true);
    let report = minimize(&mut GradientDescent::new(0.5), &mut risk, dvector![0.0, 0.0], &stop)?;
    assert_eq!((report.iterations, report.trace.len()), (500, 501));
    // the verdict stands at the end
    assert_eq!(report.termination, Termination::Separable);
    assert!(matches!(report.recession, Recession::Along(_)) && !report.converged());
    Ok(())
}

#[test]
fn the_outcome_of_a_step_that_goes_nowhere() -> Result<(), Error> {
    let mut f = Rosenbrock::new(2);
    let mut x = dvector![1.0, 1.0];
    let step = Newton::new().step(&mut f, &mut x)?;
    assert_eq!((step.outcome, step.evaluations), (Outcome::Ended(Termination::NoDescent), 1));
    assert_eq!(x, dvector![1.0, 1.0]);
    Ok(())
}

/// The trace tells how far each point is from the one before, and in which radius the next one was sought.
#[test]
fn a_trace_tells_steps_and_radii() {
    fn run<P: Optimizer<f64, Rosenbrock>>(mut method: P) -> Vec<gradus::Progress<f64>> {
        let (stop, mut points) = (Stop::default().trace(true), Vec::new());
        let (mut f, start) = (Rosenbrock::new(6), DVector::from_element(6, -1.5));
        let report = minimize_with(&mut method, &mut f, start, &stop, |_, x| {
            points.push(x.clone());
            ControlFlow::Continue(())
        });
        let trace = report.unwrap().trace;
        assert!(trace.len() > 5 && trace.len() == points.len());
        assert_eq!(trace[0].step.to_bits(), 0);
        for (pair, progress) in points.windows(2).zip(&trace[1..]) {
            assert_eq!(progress.step.to_bits(), (&pair[1] - &pair[0]).amax().to_bits());
        }
        trace
    }
    let by_products = run(NewtonCg::new().radius(0.125));
    for trace in [&run(TrustRegion::new().radius(0.125)), &by_products] {
        assert_eq!(trace[0].radius, Some(0.125));
        assert!(trace.iter().all(|progress| progress.radius.is_some_and(|radius| radius > 0.0)));
    }
    assert!(by_products.windows(2).all(|pair| pair[1].step <= pair[0].radius.unwrap() * (1.0 + 1e-12)));
    for trace in [run(Lbfgs::new()), run(Newton::new())] {
        assert!(trace.iter().all(|progress| progress.radius.is_none()));
    }
}

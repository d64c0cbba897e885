//! L-BFGS, BFGS and conjugate gradients: what they must reach, and that they never claim more.

use gradus::nalgebra::DVector;
use gradus::objective::problems::{Problem, Rosenbrock};
use gradus::*;

type Method<T, O> = Box<dyn Optimizer<T, O>>;

fn methods<T: Real, O: Objective<T>>() -> [(&'static str, Method<T, O>); 3] {
    [
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("BFGS", Box::new(Bfgs::new())),
        ("CG", Box::new(ConjugateGradient::new())),
    ]
}

fn run<T: Real, O: Objective<T>>(
    method: &mut Method<T, O>,
    f: &mut O,
    start: DVector<T>,
    stop: &Stop<T>,
) -> Result<Report<T>, Error> {
    let report = minimize(method.as_mut(), f, start, stop)?;
    // whatever happened, the report is true of its point
    let mut g = DVector::zeros(report.x.len());
    let value = f.value_gradient(&report.x, &mut g);
    assert_eq!((value, g.amax()), (report.value, report.gradient_norm));
    Ok(report)
}

#[test]
#[ignore]
fn explore() {
    let stop = Stop::default();
    for (name, mut method) in methods::<f64, Rosenbrock>() {
        for n in [2, 10, 100] {
            let mut f = Rosenbrock::new(n);
            let start = f.start();
            let r = run(&mut method, &mut f, start, &stop).unwrap();
            println!(
                "{name} rosenbrock {n}: {} it {} ev {} g {:e}",
                r.termination, r.iterations, r.evaluations, r.gradient_norm
            );
        }
    }
    for (name, mut method) in methods::<f64, Problem>() {
        for factor in [1.0, 10.0, 100.0] {
            let mut solved = 0;
            for problem in Problem::ALL {
                let mut f = problem;
                let start = problem.start::<f64>() * factor;
                match run(&mut method, &mut f, start, &stop) {
                    Ok(r) => {
                        let ok = problem.optima().iter().any(|o| {
                            (r.value - o.value).abs()
                                <= if o.value == 0.0 { 1e-4 } else { 1e-4 * o.value.abs() }
                        });
                        solved += usize::from(ok);
                        println!(
                            "{name} x{factor} {problem:?}: ok {ok} f {:e} conv {} {} it {} ev {} g {:e}",
                            r.value,
                            r.converged(),
                            r.termination,
                            r.iterations,
                            r.evaluations,
                            r.gradient_norm
                        );
                    }
                    Err(e) => println!("{name} x{factor} {problem:?}: {e}"),
                }
            }
            println!("{name} x{factor}: solved {solved}/{}", Problem::ALL.len());
        }
    }
}

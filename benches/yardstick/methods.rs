//! w6: Newton and trust region on functions as a user writes them.

use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::{Error, Hessian, Newton, Optimizer, Stop, TrustRegion, minimize};

use crate::Settings;
use crate::functions::{Ours, Quartic, Valley};
use crate::timer::time;

const TOLERANCE: f64 = 1e-8;

/// The valley in 2, 10 and 100 variables; the quartic, also from its saddle.
pub(crate) fn run(settings: &Settings) -> Result<(), Error> {
    for dim in [2, 10, 100] {
        let start = DVector::from_fn(dim, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        methods(settings, &format!("rosenbrock-{dim}"), &mut Ours(Valley(dim)), &start)?;
    }
    methods(settings, "quartic(4,4)", &mut Ours(Quartic::Saddle), &dvector![4.0, 4.0])?;
    methods(settings, "quartic(0,0)", &mut Ours(Quartic::Saddle), &dvector![0.0, 0.0])
}

fn methods<O: Hessian<f64>>(
    settings: &Settings, case: &str, objective: &mut O, start: &DVector<f64>,
) -> Result<(), Error> {
    one(settings, case, "Newton pure", Newton::pure, objective, start)?;
    one(settings, case, "Newton", Newton::new, objective, start)?;
    one(settings, case, "TrustRegion", TrustRegion::new, objective, start)
}

/// A whole run, from making the method to the report with its verdict.
fn one<O: Hessian<f64>, P: Optimizer<f64, O>>(
    settings: &Settings, case: &str, method: &str, make: impl Fn() -> P, objective: &mut O,
    start: &DVector<f64>,
) -> Result<(), Error> {
    let stop = Stop::default().gradient(TOLERANCE);
    let report = minimize(&mut make(), objective, start.clone(), &stop)?;
    let timing = time(settings.seconds / 2.0, || minimize(&mut make(), objective, start.clone(), &stop));
    let x = &report.x;
    let (mut gradient, mut hessian) = (x.clone(), DMatrix::zeros(x.len(), x.len()));
    let value = objective.value_gradient_hessian(x, &mut gradient, &mut hessian);
    let kind = report.kind().map_or("no verdict".into(), |kind| format!("{kind:?}"));
    let line = settings.line::<f64>("w6", case).text("method", method).times(timing);
    line.number("iters", report.iterations as f64)
        .number("f", value)
        .number("grad_norm", gradient.norm())
        .number("min_eig", hessian.symmetric_eigenvalues().min())
        .text("point", &format!("{:.6},{:.6}", x[0], x[1]))
        .text("note", &format!("{kind}, {} escapes, {}", report.escapes, report.termination))
        .print();
    Ok(())
}

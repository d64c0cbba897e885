//! Every method on every hostile function: no panic, no NaN behind `Ok`, bounded, and converged only where it can be
//! computed again.

#[path = "support/hostile_functions.rs"]
mod hostile_functions;

use gradus::univariate::{Brent, Halley, ScalarNewton, ScalarReport};
use gradus::{
    AdaGrad, Adam, Bfgs, ConjugateGradient, Error, GradientDescent, Hessian, Lbfgs, Newton, NewtonCg,
    Objective, Optimizer, Real, Report, RmsProp, SaddleFree, Stop, TrustRegion, minimize,
};
use hostile_functions::{ALL, Hostile};
use nalgebra::{DMatrix, DVector};

const METHODS: [&str; 13] = [
    "gradient descent",
    "momentum",
    "Adam",
    "AdaGrad",
    "RMSProp",
    "L-BFGS",
    "BFGS",
    "conjugate gradients",
    "Newton",
    "pure Newton",
    "trust region",
    "Newton-CG",
    "saddle-free",
];

fn method<T: Real>(name: &str) -> Box<dyn Optimizer<T, Hostile>> {
    let rate = T::of(1e-2);
    match name {
        "gradient descent" => Box::new(GradientDescent::new(rate)),
        "momentum" => Box::new(GradientDescent::new(rate).momentum(T::of(0.9))),
        "Adam" => Box::new(Adam::new(rate)),
        "AdaGrad" => Box::new(AdaGrad::new(rate)),
        "RMSProp" => Box::new(RmsProp::new(rate)),
        "L-BFGS" => Box::new(Lbfgs::new()),
        "BFGS" => Box::new(Bfgs::new()),
        "conjugate gradients" => Box::new(ConjugateGradient::new()),
        "Newton" => Box::new(Newton::new()),
        "pure Newton" => Box::new(Newton::pure()),
        "trust region" => Box::new(TrustRegion::new()),
        "Newton-CG" => Box::new(NewtonCg::new()),
        _ => Box::new(SaddleFree::new()),
    }
}

/// What is false of a report; nothing, if all is well.
fn false_of<T: Real>(f: &mut Hostile, report: &Report<T>, bound: usize) -> Option<&'static str> {
    let mut gradient = DVector::zeros(report.x.len());
    let value = f.value_gradient(&report.x, &mut gradient);
    let norm = gradient.amax();
    let shown = format!("{report}");
    if report.iterations > bound || !shown.contains("converged") {
        Some("not bounded or not shown")
    } else if !report.x.iter().all(|x| x.is_finite()) || !report.value.is_finite() {
        Some("not finite")
    } else if value != report.value || norm != report.gradient_norm {
        Some("of another point")
    } else if !report.converged() {
        None
    } else if norm.f64()
        > (1e-4 * (1.0 + value.f64().abs()).max(norm_nearby(f, &report.x))).max(change(f, &report.x))
    {
        Some("converged, but not stationary")
    } else {
        (f.falls && report.certificate.is_some()).then_some("converged, but there is no minimum")
    }
}

/// The largest slope within an eighth of `x`.
fn norm_nearby<T: Real>(f: &mut Hostile, x: &DVector<T>) -> f64 {
    let mut gradient = DVector::zeros(x.len());
    let mut largest = 0.0_f64;
    for sign in [-0.125, 0.125] {
        f.value_gradient(&x.map(|x| x + T::of(sign) * x.abs().max(T::one())), &mut gradient);
        largest = largest.max(gradient.amax().f64());
    }
    largest
}

/// By how much the slope changes within what `Stop::default()` asks of `x`.
fn change<T: Real>(f: &mut Hostile, x: &DVector<T>) -> f64 {
    let (mut here, mut there) = (DVector::zeros(x.len()), DVector::zeros(x.len()));
    f.value_gradient(x, &mut here);
    let share = T::of(if T::EPSILON.f64() < 1e-10 { 2e-10 } else { 4e-6 });
    let mut largest = 0.0_f64;
    for sign in [-T::one(), T::one()] {
        f.value_gradient(&x.map(|x| x + sign * share * x.abs().max(T::one())), &mut there);
        largest = largest.max((&there - &here).amax().f64());
    }
    largest
}

fn all_methods<T: Real>() -> Vec<String> {
    let mut faults = Vec::new();
    for mut f in ALL {
        let start = DVector::from_iterator(f.start.len(), f.start.iter().map(|x| T::of(*x)));
        for name in METHODS {
            for bound in [3, 300] {
                let stop = Stop::default().iterations(bound);
                match minimize(&mut *method::<T>(name), &mut f, start.clone(), &stop) {
                    Ok(report) => {
                        if let Some(fault) = false_of(&mut f, &report, bound) {
                            faults.push(format!("{name} on {}: {fault}: {} {report}", f.name, report.x));
                        }
                    }
                    Err(error) => {
                        assert!(!matches!(error, Error::Length { .. }), "{name} on {}: {error}", f.name);
                    }
                }
            }
        }
    }
    faults
}

/// What no probe sees: a fall along a curve only, and values that have become 0 on the way down.
fn is_known(fault: &str) -> bool {
    let unseen = ["Peano", "max(x², y)", "eˣ", "e⁻ˣ", "e^(eˣ)"];
    fault.contains("there is no minimum") && unseen.iter().any(|name| fault.contains(&format!(" on {name}:")))
}

#[test]
fn every_method_tells_the_truth_f64() {
    assert!(ALL.len() >= 70);
    let faults: Vec<_> = all_methods::<f64>().into_iter().filter(|fault| !is_known(fault)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_method_tells_the_truth_f32() {
    let faults: Vec<_> = all_methods::<f32>().into_iter().filter(|fault| !is_known(fault)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `(g, g', g'')`.
fn jet<T: Real>(mut f: Hostile, x: T) -> (T, T, T) {
    let x = DVector::from_element(1, x);
    let (mut slope, mut second) = (DVector::zeros(1), DMatrix::zeros(1, 1));
    let value = f.value_gradient(&x, &mut slope);
    f.hessian(&x, &mut second);
    (value, slope[0], second[(0, 0)])
}

fn scalar<T: Real>() {
    for f in ALL.into_iter().filter(|f| f.start.len() == 1 && f.start[0].abs() < 1e30) {
        let start = T::of(f.start[0]);
        let reach = T::of(f.start[0].abs().max(1.0));
        for tolerance in [0.0, 1e-9].map(T::of) {
            let minimum = |x| jet(f, x);
            let root = |x| (jet(f, x).0, jet(f, x).1);
            let (a, b) = (start - reach * T::of(1.37), start + reach * T::of(2.11));
            let bracketed = |report: Result<ScalarReport<T>, Error>| report.ok();
            let minima = [
                ScalarNewton::new().tolerance(tolerance).minimum(minimum, start).ok(),
                ScalarNewton::pure().tolerance(tolerance).minimum(minimum, start).ok(),
                bracketed(ScalarNewton::new().tolerance(tolerance).bracket(a, b).minimum(minimum, start)),
                Brent::new().minimum(|x| jet(f, x).0, (a, b)).ok(),
            ];
            let roots = [
                ScalarNewton::new().tolerance(tolerance).root(root, start).ok(),
                ScalarNewton::pure().tolerance(tolerance).root(root, start).ok(),
                Halley::new().tolerance(tolerance).root(minimum, start).ok(),
                bracketed(ScalarNewton::new().tolerance(tolerance).bracket(a, b).root(root, start)),
                bracketed(Brent::new().tolerance(tolerance).root(|x| jet(f, x).0, (a, b))),
            ];
            let minima = minima.into_iter().enumerate().map(|(i, report)| (true, i, report));
            let roots = roots.into_iter().enumerate().map(|(i, report)| (false, i, report));
            for (is_minimum, i, report) in minima.chain(roots) {
                let Some(report) = report else { continue };
                let what = format!("{} ({is_minimum}, {i}), {tolerance:?}: {report}", f.name);
                assert!(
                    report.x.is_finite() && report.iterations <= 1000 && report.evaluations < 100_000,
                    "{what}"
                );
                assert!(!report.converged() || report.value.is_finite(), "{what}");
                // so far out that all is rounded to zero
                let underflows =
                    report.x.abs() > T::of(30.0) && jet(f, report.x) == (T::zero(), T::zero(), T::zero());
                assert!(!(is_minimum && f.falls && report.converged()) || underflows, "{what}");
                if is_minimum && i < 3 && report.converged() {
                    let (_, slope, second) = jet(f, report.x);
                    let rounding = T::of(1e3) * T::EPSILON * second.abs() * report.x.abs();
                    let small = tolerance.max(rounding).max(T::EPSILON * report.value.abs());
                    assert!(slope.abs() <= small || report.bracket.is_some(), "{what}");
                }
            }
        }
    }
}

#[test]
fn methods_of_one_variable_tell_the_truth() {
    scalar::<f64>();
    scalar::<f32>();
}

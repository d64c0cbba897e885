//! Hessians that are singular by construction: softmax scores, dependent features.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;
use tables::standardised;

/// An optimizer of each kind that solves with the dense Hessian, by name.
fn run<O: Hessian<f64>>(name: &str, f: &mut O) -> Report<f64> {
    let (start, stop) = (DVector::zeros(f.dim()), Stop::default());
    match name {
        "newton" => minimize(&mut Newton::new(), f, start, &stop),
        "trust region" => minimize(&mut TrustRegion::new(), f, start, &stop),
        _ => minimize(&mut Newton::pure(), f, start, &stop),
    }
    .unwrap()
}

const METHODS: [&str; 3] = ["newton", "trust region", "pure"];

/// Whatever the order of the samples: nothing moves along equal biases.
#[test]
fn softmax_biases_sum_to_zero() {
    let (x, labels) = standardised("iris");
    let reference = json::Json::parse(&tables::read("tests/data/linear_models.json"));
    let intercepts = tables::vector(reference.get("cases").get("softmax_iris").get("intercept"));
    for stride in [1, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 149] {
        let order: Vec<usize> = (0..150).map(|j| j * stride % 150).collect();
        let x = x.select_columns(&order);
        let labels: Vec<usize> = order.iter().map(|j| labels[*j] as usize).collect();
        let y = data::one_hot(&labels, 3).unwrap();
        let model = Perceptron::new(4).with_outputs(3);
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap().ridge(1.0 / 150.0);
        let fitted = risk.fit().unwrap().report;
        let runs = METHODS.map(|name| run(name, &mut risk));
        for (name, report) in METHODS.iter().zip(&runs).chain([(&"fit", &fitted)]) {
            let bias = report.x.rows(12, 3);
            println!("{name} {stride}: {} steps, {bias:?} {:e}", report.iterations, bias.sum());
            assert!(report.converged() && report.iterations < 20, "{name}: {report}");
            assert!(
                report.kind() == Some(CriticalKind::Degenerate) && report.modified == 0,
                "{name}: {report}"
            );
            assert!(report.certificate.as_ref().unwrap().convex);
            assert!(bias.sum().abs() < 1e-9, "{name}: {}", bias.sum());
            assert!((bias - &intercepts).amax() < 1e-6, "{name}: {bias}");
        }
    }
}

/// The third feature is made of the others: of all minima the shortest.
#[test]
fn dependent_features_share_their_weight() {
    let (x, labels) = standardised("iris");
    for (a, b) in
        [(1.0, 1.0), (1.0, -1.0), (0.5, 0.25), (3.0, 1.0 / 7.0), (1.0 / 3.0, 0.0), (10.0, 0.1), (0.1, 0.1)]
    {
        let x = DMatrix::from_fn(3, 100, |i, j| match i {
            2 => a * x[(1, 50 + j)] + b * x[(0, 50 + j)],
            i => x[(i, 50 + j)],
        });
        let y = DMatrix::from_fn(1, 100, |_, j| if labels[50 + j] > 1.0 { 1.0 } else { 0.0 });
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &x, &y).unwrap();
        // two features determine the scores
        let two = x.rows(0, 2).into_owned();
        let mut determined = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &two, &y).unwrap();
        let determined = determined.fit().unwrap().report;
        let (w0, w1) = (determined.x[0], determined.x[1]);
        // (w0 − b t, w1 − a t, t) of least norm
        let t = (w0 * b + w1 * a) / (1.0 + a * a + b * b);
        let expected = DVector::from_vec(vec![w0 - b * t, w1 - a * t, t, determined.x[2]]);
        for name in METHODS {
            let report = run(name, &mut risk);
            println!("{a} {b} {name}: {} steps, {:e}", report.iterations, (&report.x - &expected).amax());
            assert!(report.converged(), "{name}: {report}");
            assert!((&report.x - &expected).amax() < 1e-6, "{name}: {} {expected}", report.x);
        }
    }
}

/// f = x + y²/2 falls along its flat direction, and x² y² is no bowl at its axis.
#[test]
fn what_falls_along_a_flat_direction_is_followed() {
    let fall = || {
        Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
            g.copy_from_slice(&[1.0, x[1]]);
            x[0] + 0.5 * x[1] * x[1]
        })
        .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| h.copy_from_slice(&[0.0, 0.0, 0.0, 1.0]))
    };
    for name in &METHODS[..2] {
        let report = run(name, &mut fall());
        assert!(!report.converged() && report.value < -1e3, "{name}: {report}");
    }
}

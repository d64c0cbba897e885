//! Ridge, logistic and softmax regression beside scikit-learn (`tests/data/fits.py`) on public tables, also with classes
//! that count alike.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::data::{Standardizer, balanced_weights};
use gradus::nalgebra::DVector;
use gradus::*;
use serde_json::Value;

/// Parameters, biases of several classes with a mean of zero.
fn fitted<T: Real>(case: &Value) -> DVector<f64> {
    let name = case["table"].as_str().unwrap();
    let (x, y) = tables::table(name);
    let x = match name {
        "diabetes" => x,
        "digits" => x / 16.0,
        _ => Standardizer::fit(&x).unwrap().transform(&x).unwrap(),
    };
    let (x, targets) = (x.map(T::of), y.map(T::of));
    let labels: Vec<usize> = y.iter().map(|y| *y as usize).collect();
    let (n, classes) = (x.nrows(), labels.iter().max().unwrap() + 1);
    let weights = match case["balanced"].as_bool().unwrap() {
        true => balanced_weights(&labels).unwrap(),
        false => vec![T::one(); labels.len()],
    };
    let lambda = T::of(case["ridge"].as_f64().unwrap());
    macro_rules! fit {
        ($model:expr, $loss:expr, $y:expr) => {{
            let risk = EmpiricalRisk::new($model, $loss, &x, $y).unwrap().with_weights(&weights);
            risk.unwrap().ridge(lambda).fit().unwrap().report
        }};
    }
    let report = match (case["loss"].as_str().unwrap(), classes) {
        ("ridge", _) => fit!(Perceptron::new(n), SquaredError, &targets),
        (_, 2) => fit!(SigmoidClassifier::new(n), LogLoss, &labels),
        _ => fit!(Perceptron::new(n).with_outputs(classes), CrossEntropy, &labels),
    };
    assert!(report.converged(), "{name}: {report}");
    let mut theta = report.x.map(T::f64);
    if theta.len() > n + 1 {
        let mut biases = theta.rows_mut(n * classes, classes);
        let mean = biases.mean();
        biases.add_scalar_mut(-mean);
    }
    theta
}

fn agree<T: Real>(tolerance: f64) {
    let cases: Vec<Value> = serde_json::from_str(&tables::read("tests/data/fits.json")).unwrap();
    assert_eq!(cases.len(), 10);
    for case in &cases {
        let theta = case["theta"].as_array().unwrap().iter().map(|theta| theta.as_f64().unwrap());
        let (expected, found) = (DVector::from_vec(theta.collect()), fitted::<T>(case));
        let worst = (&expected - &found).amax() / expected.amax();
        let (name, ridge) = (case["table"].as_str().unwrap(), case["ridge"].as_f64().unwrap());
        println!("{name} {ridge:.2e}: {worst:.1e}");
        assert!(worst <= tolerance, "{name}: {worst:e}");
    }
}

#[test]
fn fits_are_those_of_scikit_learn() {
    agree::<f64>(1e-6);
}

#[test]
fn single_precision_fits_are_those_of_scikit_learn() {
    agree::<f32>(1e-3);
}

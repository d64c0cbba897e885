//! Standard errors against certified and 25-digit values (`tests/data/statistics.py`).

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;
use tables::{digits, nist, table};

fn golden() -> json::Json {
    json::Json::parse(&tables::read("tests/data/statistics.json"))
}

#[test]
fn nist_standard_deviations_keep_their_digits() {
    for (name, power, at_least) in [
        ("Norris", 1, 12.5),
        ("Pontius", 2, 11.5),
        ("NoInt1", 1, 14.0),
        ("Longley", 1, 11.5),
        ("Wampler4", 5, 11.5),
    ] {
        let set = nist(name, power);
        let model = Perceptron::new(set.x.nrows());
        let model = if set.bias { model } else { model.without_bias() };
        let mut risk = EmpiricalRisk::new(model, SquaredError, &set.x, &set.y).unwrap();
        let fitted = risk.fit().unwrap();
        let statistics = risk.statistics(fitted.parameters()).unwrap();
        let found = digits(&statistics.standard_errors, &set.deviations);
        println!("{name}: {found:.1}");
        assert!(found >= at_least, "{name}: {found}");
    }
    // no residuals at all: errors of nothing but rounding
    let set = nist("Wampler1", 5);
    let mut risk = EmpiricalRisk::new(Perceptron::new(5), SquaredError, &set.x, &set.y).unwrap();
    let fitted = risk.fit().unwrap();
    let statistics = risk.statistics(fitted.parameters()).unwrap();
    println!("{}", statistics.standard_errors.amax());
    assert!(statistics.standard_errors.amax() < 1e-8);
}

fn compare(risk: &mut EmpiricalRisk<'_, f64, SigmoidClassifier, LogLoss>, golden: &json::Json) {
    let fitted = risk.fit().unwrap();
    assert!(fitted.report.converged(), "{}", fitted.report);
    let theta = tables::vector(golden.get("theta"));
    assert!(digits(fitted.parameters(), &theta) >= 8.0);
    for theta in [&theta, fitted.parameters()] {
        let plain = risk.statistics(theta).unwrap();
        let robust = risk.robust_statistics(theta, Robust::Hc0).unwrap();
        let (plain, robust) = (plain.standard_errors, robust.standard_errors);
        let found = [
            digits(&plain, &tables::vector(golden.get("errors"))),
            digits(&robust, &tables::vector(golden.get("robust"))),
        ];
        println!("{found:?}");
        assert!(found[0] >= 7.5 && found[1] >= 7.5);
    }
}

#[test]
fn logistic_standard_errors() {
    let golden = golden();
    let (x, y) = table("breast_cancer");
    let x = x.rows(0, 10).into_owned();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(10), LogLoss, &x, &y).unwrap();
    compare(&mut risk, golden.get("logistic").get("breast_cancer_10"));

    let (x, y) = table("iris");
    let (x, y) = (x.columns(50, 100).into_owned(), y.columns(50, 100).add_scalar(-1.0));
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(4), LogLoss, &x, &y).unwrap();
    compare(&mut risk, golden.get("logistic").get("iris_2"));
    // penalised: H⁻¹ F H⁻¹
    let mut risk = risk.ridge(0.0078125);
    compare(&mut risk, golden.get("ridge").get("iris_2"));
}

#[test]
fn linear_standard_errors_p_values_and_intervals() {
    let golden = golden();
    let golden = golden.get("least_squares").get("diabetes");
    let (x, y) = table("diabetes");
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let statistics = risk.statistics(fitted.parameters()).unwrap();
    assert!(digits(&statistics.standard_errors, &tables::vector(golden.get("errors"))) >= 12.0);
    assert_eq!(statistics.degrees_of_freedom, Some(431.0));
    let hc0 = risk.robust_statistics(fitted.parameters(), Robust::Hc0).unwrap();
    assert!(digits(&hc0.standard_errors, &tables::vector(golden.get("robust"))) >= 12.0);
    let hc1 = risk.robust_statistics(fitted.parameters(), Robust::Hc1).unwrap();
    let ratio = hc1.standard_errors.component_div(&hc0.standard_errors);
    assert!((ratio.add_scalar(-(442.0f64 / 431.0).sqrt())).amax() < 1e-14);

    // an interval ends where the hypothesis of its end has p = 1 − level
    let intervals = statistics.confidence_intervals(0.95).unwrap();
    let mut shifted = statistics.clone();
    shifted.estimates -= intervals.column(0);
    assert!(shifted.p_values().iter().all(|p| (p - 0.05).abs() < 1e-12));
    for level in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(matches!(statistics.confidence_intervals(level), Err(Error::Setting { name: "level", .. })));
    }
}

#[test]
fn several_outputs_share_their_residuals() {
    let (x, y) = table("diabetes");
    let both = DMatrix::from_fn(2, y.ncols(), |o, j| if o == 0 { y[j] } else { 3.0 * y[j] - x[(2, j)] });
    let mut risk = EmpiricalRisk::new(Perceptron::new(10).with_outputs(2), SquaredError, &x, &both).unwrap();
    let fitted = risk.fit().unwrap();
    let statistics = risk.statistics(fitted.parameters()).unwrap();
    for o in 0..2 {
        let one = both.rows(o, 1).into_owned();
        let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &one).unwrap();
        let fitted = risk.fit().unwrap();
        let errors = risk.statistics(fitted.parameters()).unwrap().standard_errors;
        let mine = DVector::from_iterator(11, (0..11).map(|i| statistics.standard_errors[2 * i + o]));
        assert!(digits(&mine, &errors) >= 12.0);
    }
    // the second output is three times the first, up to an exact function of the features
    let correlation = statistics.covariance[(0, 1)] / statistics.covariance[(0, 0)];
    assert!((correlation - 3.0).abs() < 1e-10);
}

#[test]
fn networks_have_statistics_where_their_hessian_is_definite() {
    // one tanh unit: y = a tanh(w x + b) + c, with noise
    let x = DMatrix::from_fn(1, 40, |_, j| (j as f64 - 20.0) / 8.0);
    let y = x.map(|x| 2.0 * (1.5 * x + 0.25).tanh() - 0.5 + 0.05 * (37.0 * x).sin());
    let network = Network::new(&[1, 1, 1], Activation::Tanh);
    let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
    let start = DVector::from_vec(vec![1.0, 0.0, 1.0, 0.0]);
    let report = minimize(&mut Newton::new(), &mut risk, start, &Stop::default().gradient(1e-12)).unwrap();
    let statistics = risk.statistics(&report.x).unwrap();
    // σ² (m H)⁻¹ by hand
    let mut hessian = DMatrix::zeros(4, 4);
    risk.hessian(&report.x, &mut hessian);
    let variance = 2.0 * report.value * 40.0 / 36.0;
    let by_hand = (hessian * 40.0).try_inverse().unwrap() * variance;
    assert!((&by_hand - &statistics.covariance).amax() < 1e-10 * by_hand.amax());
    assert_eq!(statistics.degrees_of_freedom, Some(36.0));
    assert!((statistics.residual_variance.as_ref().unwrap()[0] - variance).abs() < 1e-12);
    // at the truth: every parameter within four errors
    let truth = [1.5, 0.25, 2.0, -0.5];
    for ((found, truth), error) in report.x.iter().zip(truth).zip(&statistics.standard_errors) {
        assert!((found.abs() - f64::abs(truth)).abs() < 4.0 * error);
    }
    // away from the minimum, or with units that nothing determines: refused
    let away = &report.x + DVector::repeat(4, 0.01);
    assert!(matches!(risk.statistics(&away), Err(Error::NotStationary { .. })));
    let zero = DVector::zeros(4);
    assert!(matches!(risk.statistics(&zero), Err(Error::NotPositiveDefinite { .. })));
    let labels = y.map(|y| f64::from(y > 0.0));
    let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &labels).unwrap();
    assert!(matches!(risk.statistics(&zero), Err(Error::NotPositiveDefinite { .. })));
}

#[test]
fn refusals_are_typed() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 2.0, 4.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    assert!(matches!(risk.statistics(&(&theta * 1.1)), Err(Error::NotStationary { .. })));
    assert!(matches!(risk.statistics(&DVector::zeros(3)), Err(Error::Length { .. })));
    assert!(matches!(risk.statistics(&DVector::repeat(2, f64::NAN)), Err(Error::NonFinite { .. })));
    let (x, y) = (x.columns(0, 2).into_owned(), y.columns(0, 2).into_owned());
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    assert!(matches!(risk.statistics(&theta), Err(Error::DegreesOfFreedom { .. })));
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0; 2.0, 4.0, 6.0, 8.0], dmatrix![0.0, 1.0, 0.0, 1.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    assert!(matches!(
        risk.statistics(fitted.parameters()),
        Err(Error::RankDeficient { rank: 2, expected: 3, columns }) if columns == [1]
    ));
}

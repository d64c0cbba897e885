//! Standard errors against certified and 25-digit values (`tests/data/statistics.py`).

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/rational.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod rational;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;
use rational::Dice;
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
    shifted.estimates.copy_from(&(&statistics.estimates - intervals.column(1)));
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

/// `2ᵏ`, over the whole range.
fn power(k: i32) -> f64 {
    2.0_f64.powi(k / 2) * 2.0_f64.powi(k - k / 2)
}

/// A line's slope: its standard error over `2ᵏ` and its p value, or nothing where these are no numbers.
fn slope<T: Real>(k: i32, l: i32) -> Option<(f64, f64)> {
    let x = dmatrix![1.0, 2.0, 3.0, 4.0].map(|x: f64| T::of(x * power(l)));
    let y = dmatrix![2.9, 5.1, 7.0, 9.2].map(|y: f64| T::of(y * power(k)));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let theta = match risk.fit() {
        Err(Error::Evaluation { .. }) => return None,
        fitted => fitted.unwrap().report.x,
    };
    let found = [risk.statistics(&theta), risk.robust_statistics(&theta, Robust::Hc1)];
    let [Ok(plain), Ok(robust)] = found else {
        assert!(found.iter().all(|found| matches!(found, Err(Error::Range { .. }))), "2^{k} {found:?}");
        return None;
    };
    let of = |statistics: &Statistics<T>| statistics.standard_errors[0].f64() / power(k) * power(l);
    assert!((of(&robust) / of(&plain) - 0.6).abs() < 1e-4, "2^{k} {}", of(&robust) / of(&plain));
    Some((of(&plain), plain.p_values()[0].f64()))
}

/// SciPy #26113: a test has no unit.
#[test]
fn errors_and_p_values_have_no_unit() {
    let near = |(error, p): (f64, f64), digits: f64| {
        (error / 0.042426406871192 - 1.0).abs() < digits && (p / 4.1579082899756e-4 - 1.0).abs() < digits
    };
    let mut known = 0;
    for k in (-900..=900).step_by(50) {
        for l in [0, k, -k, 300] {
            let found = slope::<f64>(k, l);
            known += usize::from(found.is_some());
            assert!(found.is_none_or(|found| near(found, 1e-9)), "2^{k} 2^{l} {found:?}");
            if k.abs() <= 120 && l.abs() <= 120 {
                let found = slope::<f32>(k, l);
                assert!(found.is_none_or(|found| near(found, 1e-4)), "2^{k} 2^{l} {found:?}");
            }
        }
    }
    assert!(known > 60, "{known}");
    assert!(
        slope::<f64>(500, 0).is_some() && slope::<f64>(-500, 0).is_some() && slope::<f32>(-50, 0).is_some()
    );
}

/// scikit-learn #17925, a classifier.
#[test]
fn p_values_of_a_classifier_have_no_unit() {
    let x = dmatrix![1.0, -0.5, -0.5, 1.0, -0.5, -0.5, 1.0, 0.2; 0.3, 1.2, -0.7, 0.5, -1.0, 0.4, 0.9, -0.2];
    let y = dmatrix![0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
    for k in [0, 40, -40, 250, 500, 600, 1000, -500, -900] {
        let x = &x * power(k);
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        assert!(
            fitted.report.converged() && (fitted.weights()[0] * power(k) + 1.2915843317055737).abs() < 1e-8
        );
        match risk.statistics(fitted.parameters()) {
            Ok(statistics) => {
                assert!((statistics.p_values()[0] / 0.2964063670195063 - 1.0).abs() < 1e-6, "2^{k}");
            }
            Err(error) => assert!(matches!(error, Error::Range { .. }) && k.abs() > 500, "2^{k} {error}"),
        }
    }
}

/// scikit-learn #16857, Keras #23420, Operon #15: constant targets, and others without noise. What is zero is not
/// significant, and nothing is refused.
fn without_noise<T: Real>(round: usize) {
    let mut dice = Dice(1 + round as u64);
    let (n, m) = (1 + round % 4, 6 + round % 40);
    let far = [0.0, 0.0, 10.0, 100.0][round % 4];
    let unit = power([0, 0, 20, -20][round / 4 % 4]);
    let x = DMatrix::from_fn(n, m, |i, _| {
        T::of((dice.roll(-999, 999) as f64 / 999.0 + far) * [1.0, 1e-3, 1e4][(i + round) % 3])
    });
    // the first feature counts in one of two, the others never
    let slope = T::of((round % 2) as f64 * 0.3);
    let y = DMatrix::from_fn(1, m, |_, j| (slope * x[(0, j)] - T::of(0.7)) * T::of(unit));
    let mut risk = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    for statistics in [risk.statistics(&theta), risk.robust_statistics(&theta, Robust::Hc0)] {
        let statistics = statistics.unwrap_or_else(|error| panic!("{round}: {error}"));
        let p = statistics.p_values();
        assert!(statistics.standard_errors.iter().all(|error| *error > T::zero()), "{round}");
        for i in (round % 2)..n {
            assert!(p[i] > T::of(0.05), "{round}: p of a coefficient that is zero: {p}");
        }
        assert!(round.is_multiple_of(2) || p[0] < T::of(1e-3), "{round}: {p}");
    }
}

#[test]
fn noise_of_rounding_is_not_significant() {
    for round in 0..1000 {
        without_noise::<f64>(round);
        without_noise::<f32>(round);
    }
    // nothing at all
    let (x, y) = (dmatrix![1.0, 2.0, 4.0], DMatrix::<f64>::zeros(1, 3));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    for statistics in [risk.statistics(&theta), risk.robust_statistics(&theta, Robust::Hc1)] {
        assert!(statistics.unwrap().p_values().iter().all(|p| (p - 1.0).abs() < 1e-15));
    }
    // a condition of 1000
    let cell = |j: usize, i: f64| (i * 0.37).sin() + if j == 1 { (i * 1.7).cos() / 1024.0 } else { 0.0 };
    let x = DMatrix::from_fn(2, 20, |j, i| cell(j, i as f64));
    let y = DMatrix::from_fn(1, 20, |_, i| 0.1 + 0.3 * x[(0, i)] + 0.7 * x[(1, i)]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    assert!(risk.statistics(&theta).unwrap().standard_errors.amax() < 1e-12);
}

#[test]
fn a_point_is_stationary_to_a_thousandth_of_an_error() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    let model = Perceptron::new(1).without_bias();
    let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let error = risk.statistics(&theta).unwrap().standard_errors[0];
    for side in [-1.0, 1.0] {
        assert!(risk.statistics(&theta.add_scalar(side * 0.9e-3 * error)).is_ok());
        let away = risk.statistics(&theta.add_scalar(side * 1.2e-3 * error));
        let Err(Error::NotStationary { distance, .. }) = away else { panic!("{away:?}") };
        assert!((distance / 1.2e-3 - 1.0).abs() < 1e-6);
    }
}

/// Nobody's degrees of freedom, in a field that all may write to.
#[test]
fn degrees_of_freedom_that_are_none_have_no_p_value() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let mut statistics = risk.statistics(&theta).unwrap();
    for none in [-1e300, -1.0, 0.0, f64::NAN, f64::NEG_INFINITY] {
        statistics.degrees_of_freedom = Some(none);
        assert!(statistics.p_values().iter().all(|p: &f64| p.is_nan()));
    }
}

/// Where a fit says separable, statistics refuse, wherever the feature lies.
#[test]
fn quasi_complete_separation_is_refused() {
    for shift in [0.0, 1022.0, 1e7] {
        let (x, y) = (dmatrix![0.0, 2.0, 2.0, 0.0].add_scalar(shift), dmatrix![1.0, 0.0, 0.0, 0.0]);
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        assert_eq!(fitted.report.termination, Termination::Separable);
        assert!(matches!(risk.statistics(fitted.parameters()), Err(Error::Separable { .. })));
        assert!(matches!(risk.statistics(&DVector::zeros(2)), Err(Error::Separable { .. })));
        let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc0);
        assert!(matches!(robust, Err(Error::Separable { .. })));
    }
}

/// `H⁻¹ F H⁻¹` and its trace by hand, of a network with a penalty and two outputs.
#[test]
fn penalised_networks_and_several_outputs() {
    let x = DMatrix::from_fn(1, 40, |_, j| (j as f64 - 20.0) / 8.0);
    let cell = |o: usize, x: f64| {
        (1.5 - o as f64 * 3.0) * (1.5 * x + 0.25).tanh() + 0.05 * ((37 + o) as f64 * x).sin()
    };
    let y = DMatrix::from_fn(2, 40, |o, j| cell(o, x[j]));
    let network = Network::new(&[1, 1, 2], Activation::Tanh);
    for lambda in [0.0, 0.01] {
        let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap().ridge(lambda);
        let start = DVector::from_vec(vec![1.0, 0.0, 1.0, -1.0, 0.0, 0.0]);
        let stop = Stop::default().gradient(1e-12);
        let theta = minimize(&mut Newton::new(), &mut risk, start, &stop).unwrap().x;
        let (mut h, mut f) = (DMatrix::zeros(6, 6), DMatrix::zeros(6, 6));
        risk.hessian(&theta, &mut h);
        risk = risk.ridge(0.0);
        risk.hessian(&theta, &mut f);
        let squares = 2.0 * 40.0 * risk.value(&theta);
        let mut risk = risk.ridge(lambda);
        let inverse = h.try_inverse().unwrap();
        let left = 80.0 - (&inverse * &f).trace();
        let by_hand = &inverse * f * &inverse / 40.0 * (squares / left);
        let statistics = risk.statistics(&theta).unwrap();
        assert!((statistics.degrees_of_freedom.unwrap() - left).abs() < 1e-9);
        assert!((&by_hand - &statistics.covariance).amax() < 1e-9 * by_hand.amax());
        assert!(
            statistics.residual_variance.unwrap().iter().all(|v| (v * left / squares - 1.0).abs() < 1e-9)
        );
    }
    // of least squares each output has its own
    let mut risk = EmpiricalRisk::new(Perceptron::new(1).with_outputs(2), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let hc0 = risk.robust_statistics(&theta, Robust::Hc0).unwrap();
    let hc1 = risk.robust_statistics(&theta, Robust::Hc1).unwrap();
    assert_eq!(hc0.degrees_of_freedom, Some(38.0));
    assert!((hc1.covariance[(0, 0)] / hc0.covariance[(0, 0)] - 40.0 / 38.0).abs() < 1e-14);
}

/// More samples than one leaf of a sum holds.
#[test]
fn robust_covariances_are_symmetric() {
    let x = DMatrix::from_fn(3, 9000, |i, j| ((i * 7919 + j * (j + 3 * i)) % 1009) as f64 / 500.0 - 1.0);
    let y = DMatrix::from_fn(2, 9000, |o, j| x[(o, j)] + (j as f64).cos() * x[(2, j)]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(3).with_outputs(2), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let hc0 = risk.robust_statistics(&theta, Robust::Hc0).unwrap().covariance;
    let plain = risk.statistics(&theta).unwrap().covariance;
    for covariance in [&hc0, &plain] {
        assert!((covariance - covariance.transpose()).amax() <= 1e-14 * covariance.amax());
    }
    // Σ (x r)(x r)ᵀ between (XᵀX)⁻¹, output after output
    let design = x.insert_row(3, 1.0);
    let inverse = (&design * design.transpose()).try_inverse().unwrap();
    let residual =
        |o: usize, j: usize| (0..4).fold(-y[(o, j)], |sum, i| sum + theta[2 * i + o] * design[(i, j)]);
    let scaled = [0, 1].map(|o| &inverse * DMatrix::from_fn(4, 9000, |i, j| design[(i, j)] * residual(o, j)));
    let by_hand = &scaled[0] * scaled[1].transpose();
    for (i, j) in (0..4).flat_map(|i| (0..4).map(move |j| (i, j))) {
        assert!((hc0[(2 * i, 2 * j + 1)] - by_hand[(i, j)]).abs() < 1e-12 * hc0.amax());
    }
}

//! Inference against statsmodels and SciPy (`tests/data/inference.py`): eight digits in f64, three in f32.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::loss::{ElementWise, Jet, Likelihood};
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;
use json::Json;

fn golden() -> Json {
    Json::parse(&tables::read("tests/data/inference.json"))
}

struct Data<T: Real> {
    x: DMatrix<T>,
    y: DMatrix<T>,
    groups: Vec<usize>,
    digits: f64,
}

fn data<T: Real>(golden: &Json) -> Data<T> {
    let y = golden.get("y").flat();
    let x = golden.get("x").flat();
    Data {
        x: DMatrix::from_column_slice(4, y.len(), &x).map(T::of),
        groups: (0..y.len()).map(|j| j % 17).collect(),
        y: DMatrix::from_row_slice(1, y.len(), &y).map(T::of),
        digits: if T::EPSILON.f64() < 1e-10 { 1e-8 } else { 1e-3 },
    }
}

/// Each number to so many digits of itself.
fn near(what: &str, found: impl IntoIterator<Item = f64>, expected: &[f64], digits: f64) {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= digits * expected.abs(), "{what}: {found:e} {expected:e}");
    }
}

fn doubles<T: Real>(numbers: &DVector<T>) -> Vec<f64> {
    numbers.iter().map(|x| x.f64()).collect()
}

fn errors<T: Real>(statistics: Result<Statistics<T>, Error>) -> Vec<f64> {
    doubles(&statistics.unwrap().standard_errors)
}

fn least_squares<T: Real>() {
    let all = golden();
    let (golden, Data { x, y, groups, digits }) = (all.get("least_squares"), data::<T>(&all));
    let number = |key: &str| golden.get(key).number();
    let mut risk = EmpiricalRisk::new(Perceptron::new(4), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    near("theta", doubles(&told.estimates), &golden.get("theta").flat(), digits);
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    for (kind, name) in
        [(Robust::Hc0, "hc0"), (Robust::Hc1, "hc1"), (Robust::Hc2, "hc2"), (Robust::Hc3, "hc3")]
    {
        near(name, errors(risk.robust_statistics(&theta, kind)), &golden.get(name).flat(), digits);
    }
    near(
        "clustered",
        errors(risk.clustered_statistics(&theta, &groups)),
        &golden.get("clustered").flat(),
        digits,
    );
    let measures = [told.log_likelihood, told.aic(), told.bic(), told.r_squared, told.adjusted_r_squared()];
    let expected = ["log", "aic", "bic", "r", "adjusted"].map(number);
    near("measures", measures.map(Option::unwrap), &expected, digits);
    let f = told.f_test().unwrap();
    near("F", [f.statistic], &[number("f")], digits);
    assert_eq!((f.degrees_of_freedom, f.residual_degrees), (4.0, Some(437.0)));
    // a tail magnifies what its argument lacks
    near("p of F", [f.p_value], &[number("f_p")], 1e3 * digits);
    near("p", doubles(&told.p_values()), &golden.get("p").flat(), 1e3 * digits);

    let one = x.rows(0, 1).into_owned();
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &one, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let smaller = risk.statistics(&theta).unwrap();
    let ratio = told.likelihood_ratio(&smaller).unwrap();
    let [statistic, p, degrees] = golden.get("ratio").flat()[..] else { panic!() };
    near("ratio", [ratio.statistic, ratio.degrees_of_freedom], &[statistic, degrees], 10.0 * digits);
    near("p of ratio", [ratio.p_value], &[p], 1e3 * digits);
    assert!(matches!(smaller.likelihood_ratio(&told), Err(Error::Setting { name: "smaller", .. })));
    assert!(matches!(risk.clustered_statistics(&theta, &[1, 2]), Err(Error::Length { .. })));
    let one_group = vec![3; y.len()];
    let refused = risk.clustered_statistics(&theta, &one_group);
    assert!(matches!(refused, Err(Error::Setting { name: "groups", .. })));
}

#[test]
fn least_squares_as_statsmodels_has_them() {
    least_squares::<f64>();
    least_squares::<f32>();
}

/// Weights count samples: as if each stood there so many times.
fn weighted_and_through_zero<T: Real>() {
    let all = golden();
    let Data { x, y, groups, digits } = data::<T>(&all);
    let weights: Vec<T> = (0..y.len()).map(|j| T::of((j % 4) as f64)).collect();
    let golden = all.get("weighted");
    let risk = EmpiricalRisk::new(Perceptron::new(4), SquaredError, &x, &y).unwrap();
    let mut risk = risk.with_weights(&weights).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    near("theta", doubles(&told.estimates), &golden.get("theta").flat(), digits);
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    near(
        "clustered",
        errors(risk.clustered_statistics(&theta, &groups)),
        &golden.get("clustered").flat(),
        digits,
    );
    let measures = [told.log_likelihood, told.aic(), told.bic(), told.r_squared, told.adjusted_r_squared()];
    let expected = ["log", "aic", "bic", "r", "adjusted"].map(|key| golden.get(key).number());
    near("measures", measures.map(Option::unwrap), &expected, digits);
    near("F", [told.f_test().unwrap().statistic], &[golden.get("f").number()], digits);

    let golden = all.get("through_zero");
    let model = Perceptron::new(4).without_bias();
    let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    let measures = [told.log_likelihood, told.r_squared, told.adjusted_r_squared()];
    let expected = ["log", "r", "adjusted"].map(|key| golden.get(key).number());
    near("measures", measures.map(Option::unwrap), &expected, digits);
    near("F", [told.f_test().unwrap().statistic], &[golden.get("f").number()], digits);
}

#[test]
fn weights_count_samples_and_a_model_may_pass_through_zero() {
    weighted_and_through_zero::<f64>();
    weighted_and_through_zero::<f32>();
}

fn classifiers<T: Real>() {
    let all = golden();
    let Data { x, y, groups, digits } = data::<T>(&all);
    let golden = all.get("logistic");
    let high: Vec<usize> = y.iter().map(|y| usize::from(y.f64() > 140.0)).collect();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(4), LogLoss, &x, &high).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    near("theta", doubles(&told.estimates), &golden.get("theta").flat(), digits);
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    near("p", doubles(&told.p_values()), &golden.get("p").flat(), 1e3 * digits);
    near("hc0", errors(risk.robust_statistics(&theta, Robust::Hc0)), &golden.get("hc0").flat(), digits);
    near(
        "clustered",
        errors(risk.clustered_statistics(&theta, &groups)),
        &golden.get("clustered").flat(),
        digits,
    );
    let measures = [told.log_likelihood, told.aic(), told.bic()];
    let expected = ["log", "aic", "bic"].map(|key| golden.get(key).number());
    near("measures", measures.map(Option::unwrap), &expected, digits);
    assert!(told.r_squared.is_none() && told.f_test().is_none());

    let golden = all.get("softmax");
    let classes: Vec<usize> =
        y.iter().map(|y| usize::from(y.f64() > 100.0) + usize::from(y.f64() > 180.0)).collect();
    let model = Perceptron::new(4).with_outputs(3);
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    assert_eq!((told.reference, told.parameters.round()), (Some(0), 10.0));
    // class after class
    let of = |numbers: &DVector<T>, classes: [usize; 2]| -> Vec<f64> {
        classes.iter().flat_map(|c| (0..5).map(move |i| numbers[3 * i + c].f64())).collect()
    };
    near("softmax", of(&told.estimates, [1, 2]), &golden.get("theta").flat(), digits);
    near("errors", of(&told.standard_errors, [1, 2]), &golden.get("errors").flat(), digits);
    assert!(
        of(&told.standard_errors, [0, 0]).iter().chain(&of(&told.estimates, [0, 0])).all(|x| x.abs() <= 0.0)
    );
    let hc0 = risk.robust_statistics(&theta, Robust::Hc0).unwrap();
    near("hc0", of(&hc0.standard_errors, [1, 2]), &golden.get("hc0").flat(), digits);
    let measures = [told.log_likelihood, told.aic(), told.bic()];
    let expected = ["log", "aic", "bic"].map(|key| golden.get(key).number());
    near("measures", measures.map(Option::unwrap), &expected, digits);
    // wherever the common shift stands
    let elsewhere = theta.map_with_location(|i, _, t| t + T::of([0.5, -0.25, 0.0, 1.0, 2.0][i / 3]));
    let again = risk.statistics(&elsewhere).unwrap();
    near("shifted", of(&again.standard_errors, [1, 2]), &golden.get("errors").flat(), digits);
}

#[test]
fn classifiers_as_statsmodels_has_them() {
    classifiers::<f64>();
    classifiers::<f32>();
}

/// Huber's loss, as a user would write it.
#[derive(Clone)]
struct Mine;

impl ElementWise for Mine {
    const CONVEX: bool = true;
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (r, delta) = (z - y, T::of(40.0));
        let psi = r.min(delta).max(-delta);
        let second = if psi == r { T::one() } else { T::zero() };
        Jet { value: psi * (r - T::of(0.5) * psi), first: psi, second }
    }
}

/// The log loss, as a user would write it, and say that it is a likelihood.
#[derive(Clone)]
struct Logistic;

impl ElementWise for Logistic {
    const CONVEX: bool = true;
    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
    }
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let p = T::one() / (T::one() + (-z).exp());
        Jet { value: (T::one() + z.exp()).ln() - y * z, first: p - y, second: p * (T::one() - p) }
    }
}

fn losses_without_and_of_ones_own<T: Real>() {
    let all = golden();
    let (golden, Data { x, y, digits, .. }) = (all.get("huber"), data::<T>(&all));
    let mut risk = EmpiricalRisk::new(Perceptron::new(4), Huber::new(40.0), &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    near("huber", doubles(&told.estimates), &golden.get("theta").flat(), digits);
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    assert_eq!((told.source, told.degrees_of_freedom), (Covariance::Sandwich(Robust::Hc0), None));
    assert!(told.log_likelihood.is_none() && told.aic().is_none());
    let mut mine = EmpiricalRisk::new(Perceptron::new(4), Mine, &x, &y).unwrap();
    near("mine", errors(mine.statistics(&theta)), &golden.get("errors").flat(), digits);

    let golden = all.get("logistic");
    let high = y.map(|y| T::of(f64::from(u8::from(y.f64() > 140.0))));
    let mut mine = EmpiricalRisk::new(Perceptron::new(4), Logistic, &x, &high).unwrap();
    let mut newton = Newton::new();
    let theta = mine.fit_with(&mut newton, DVector::zeros(5), &Stop::default()).unwrap().report.x;
    let told = mine.statistics(&theta).unwrap();
    near("errors", doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    near("log", told.log_likelihood, &[golden.get("log").number()], digits);
}

#[test]
fn a_loss_that_is_no_likelihood_has_a_sandwich() {
    losses_without_and_of_ones_own::<f64>();
    losses_without_and_of_ones_own::<f32>();
}

/// No unit decides: targets and delta times `2ᵏ`, features times `2ˡ`.
#[test]
fn sandwiches_have_no_unit() {
    let all = golden();
    let (golden, Data { x, y, digits, .. }) = (all.get("huber"), data::<f64>(&all));
    let estimates = golden.get("theta").flat();
    for (k, l) in [(0, 60), (-300, 0), (300, -40), (-60, 100)] {
        let (up, across) = (2.0_f64.powi(k), 2.0_f64.powi(l));
        let (x, y) = (&x * across, &y * up);
        let mut risk = EmpiricalRisk::new(Perceptron::new(4), Huber::new(40.0 * up), &x, &y).unwrap();
        let units = |i: usize| up / if i < 4 { across } else { 1.0 };
        let theta = DVector::from_fn(5, |i, _| estimates[i] * units(i));
        for told in [risk.statistics(&theta), risk.robust_statistics(&theta, Robust::Hc0)] {
            let mut errors = told.unwrap_or_else(|error| panic!("2^{k} 2^{l}: {error}")).standard_errors / up;
            errors.rows_mut(0, 4).scale_mut(across);
            near("errors", doubles(&errors), &golden.get("errors").flat(), digits);
        }
    }
}

#[test]
fn penalised_softmax_has_differences() {
    // H⁻¹ F H⁻¹ on the differences, by hand: in coordinates in which class 0 is left out
    let x = dmatrix![-1.0, -0.5, 0.0, 0.4, 0.9, 1.3, 2.0, -2.0, 0.7, 0.1];
    let classes = [0, 0, 1, 2, 1, 2, 2, 1, 0, 2];
    let lambda = 0.05;
    let model = Perceptron::new(1).with_outputs(3);
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap().ridge(lambda);
    let theta = risk.fit().unwrap().report.x;
    let told = risk.statistics(&theta).unwrap();
    let mut h = DMatrix::zeros(6, 6);
    risk.hessian(&theta, &mut h);
    let mut f = h.clone();
    (0..3).for_each(|i| f[(i, i)] -= lambda);
    // the bias of class 0 stands still, which fixes the shift that no penalty does
    let keep = [0, 1, 2, 4, 5];
    let part = |a: &DMatrix<f64>| DMatrix::from_fn(5, 5, |i, j| a[(keep[i], keep[j])]);
    let inverse = part(&h).try_inverse().unwrap();
    let covariance = &inverse * part(&f) * &inverse / 10.0;
    // differences of weights to class 0, biases as they are
    let d = dmatrix![-1.0, 1.0, 0.0, 0.0, 0.0; -1.0, 0.0, 1.0, 0.0, 0.0; 0.0, 0.0, 0.0, 1.0, 0.0; 0.0, 0.0, 0.0, 0.0, 1.0];
    let by_hand = &d * covariance * d.transpose();
    for (row, i) in [1, 2, 4, 5].into_iter().enumerate() {
        for (column, j) in [1, 2, 4, 5].into_iter().enumerate() {
            let found = told.covariance[(i, j)];
            assert!((found - by_hand[(row, column)]).abs() < 1e-9, "{i} {j} {found} {by_hand}");
        }
    }
    assert!(told.parameters < 4.0);
}

#[test]
fn summaries_are_aligned_and_say_what_is_robust() {
    let all = golden();
    let Data { x, y, groups, .. } = data::<f64>(&all);
    let mut risk = EmpiricalRisk::new(Perceptron::new(4), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let names = ["body mass index", "pressure", "s1", "s5"];
    let summary = risk.statistics(&theta).unwrap().summary(&names).unwrap();
    println!("{summary}");
    let lines: Vec<&str> = summary.lines().collect();
    assert_eq!(lines.len(), 9);
    let column = |line: &str| line.chars().take(15 + 4 * 13).collect::<String>().chars().count();
    assert!(lines[..6].iter().all(|line| column(line) == 67));
    assert!(lines[5].trim_start().starts_with("(bias)") && summary.contains("F 105.839 on 4 and 437"));
    let robust = risk.robust_statistics(&theta, Robust::Hc3).unwrap();
    assert!(robust.summary(&names).unwrap().ends_with("robust (HC3)"));
    let clustered = risk.clustered_statistics(&theta, &groups).unwrap().summary(&names).unwrap();
    assert!(clustered.ends_with("clustered by 17 groups"));
    assert!(matches!(
        robust.summary(&names[..2]),
        Err(Error::Length { argument: "names", expected: 5, found: 2 })
    ));
    assert!(matches!(robust.summary_at(&names, 1.0), Err(Error::Setting { name: "level", .. })));
    let model = Perceptron::new(4).with_outputs(3);
    let classes: Vec<usize> = y.iter().map(|y| usize::from(*y > 100.0) + usize::from(*y > 180.0)).collect();
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let summary = risk.statistics(&theta).unwrap().summary(&names).unwrap();
    println!("{summary}");
    assert_eq!(summary.matches("reference").count(), 5);
    assert!(summary.contains("2: body mass index"));
}

/// One far sample among few: HC2 and HC3 leave out what is fitted whatever its target.
#[test]
fn a_leverage_of_one_adds_nothing() {
    let x = dmatrix![0.0, 0.0, 0.0, 0.0, 1.0; 1.0, 2.0, 3.0, 4.0, 5.0];
    let y = dmatrix![1.0, 2.5, 2.9, 4.2, 9.0];
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().report.x;
    for robust in [Robust::Hc2, Robust::Hc3] {
        let told = risk.robust_statistics(&theta, robust).unwrap();
        assert!(told.standard_errors.iter().all(|error| *error > 0.0 && *error < 10.0), "{told}");
    }
}

//! Inference against statsmodels and SciPy (`tests/data/inference.py`): eight digits in f64, three in f32; and how often
//! intervals hold the truth of simulated tables.
//!
//! `GRADUS_SETS=4000 cargo test --release --test inference hold -- --nocapture` prints that over more tables.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use draw::Draw;
use gradus::loss::{ElementWise, Gamma, Jet, Likelihood, NegativeBinomial, Poisson};
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
    let clustered = risk.clustered_statistics(&theta, &groups).unwrap();
    near("clustered p", doubles(&clustered.p_values()), &golden.get("clustered_p").flat(), 1e3 * digits);
    // the classical ratio does not belong beside robust errors
    assert_eq!(clustered.f_test(), None);
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

fn uniform(draw: &mut Draw) -> f64 {
    (draw.unit() + 1.0) / 2.0 + 2f64.powi(-32)
}

fn normal(draw: &mut Draw) -> f64 {
    (-2.0 * uniform(draw).ln()).sqrt() * (std::f64::consts::TAU * uniform(draw)).cos()
}

/// The sum of `shape` exponentials.
fn gamma(draw: &mut Draw, shape: usize) -> f64 {
    (0..shape).map(|_| -uniform(draw).ln()).sum()
}

/// By Knuth's product of uniform numbers.
fn poisson(draw: &mut Draw, mean: f64) -> f64 {
    let mut product = uniform(draw);
    let mut count = 0.0;
    while product > (-mean).exp() {
        product *= uniform(draw);
        count += 1.0;
    }
    count
}

/// Two features between −1 and 1, the linear predictor `½ + x₁ − 0.7 x₂`, and what `draw_y` makes of it.
fn simulated(
    draw: &mut Draw, m: usize, mut draw_y: impl FnMut(&mut Draw, f64, f64) -> f64,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let x = DMatrix::from_fn(2, m, |_, _| draw.unit());
    let y = DMatrix::from_fn(1, m, |_, j| {
        let eta = 0.5 + x[(0, j)] - 0.7 * x[(1, j)];
        draw_y(draw, eta, x[(0, j)])
    });
    (x, y)
}

const TRUTH: [f64; 3] = [1.0, -0.7, 0.5];

/// The share in percent of parameters within their interval of 90 %, over so many tables.
fn held(name: &str, few: usize, mut of_table: impl FnMut(&mut Draw) -> Option<DMatrix<f64>>) -> f64 {
    let tables = std::env::var("GRADUS_SETS").ok().and_then(|sets| sets.parse().ok()).unwrap_or(few);
    let (mut draw, mut held, mut all) = (Draw::new(29), 0, 0);
    for _ in 0..tables {
        let Some(intervals) = of_table(&mut draw) else { continue };
        for (i, truth) in TRUTH.iter().enumerate() {
            held += usize::from(intervals[(i, 0)] <= *truth && *truth <= intervals[(i, 1)]);
            all += 1;
        }
    }
    assert!(all >= 3 * tables * 9 / 10, "{name}: of {tables} tables {} were refused", tables - all / 3);
    let share = 100.0 * held as f64 / all as f64;
    println!("{name}: {share:.2} % of {all} parameters within 90 %");
    share
}

fn intervals<M, L>(x: &DMatrix<f64>, y: &DMatrix<f64>, model: M, loss: L) -> Option<DMatrix<f64>>
where
    M: SecondOrderModel<f64> + Fit<f64, L>,
    L: SecondOrderLoss<f64>,
    for<'y> &'y DMatrix<f64>: data::Targets<'y, f64, L>,
{
    let mut risk = EmpiricalRisk::new(model, loss, x, y).ok()?;
    let fitted = risk.fit().ok()?;
    risk.statistics(fitted.parameters()).ok()?.confidence_intervals(0.9).ok()
}

/// Within two points: five standard errors of the least many tables, and what intervals by curvature miss with few samples.
#[test]
fn intervals_hold_as_often_as_they_say() {
    let near = |share: f64| assert!((share - 90.0).abs() < 2.0, "{share}");
    // exact at any number of samples
    near(held("linear, m = 8", 1500, |draw| {
        let (x, y) = simulated(draw, 8, |draw, eta, _| eta + 3.0 * normal(draw));
        intervals(&x, &y, Perceptron::new(2), SquaredError)
    }));
    near(held("logistic, m = 200", 1000, |draw| {
        let (x, y) = simulated(draw, 200, |draw, eta, _| {
            f64::from(u8::from(uniform(draw) < 1.0 / (1.0 + (-eta).exp())))
        });
        intervals(&x, &y, SigmoidClassifier::new(2), LogLoss)
    }));
    near(held("Poisson, m = 60", 1000, |draw| {
        let (x, y) = simulated(draw, 60, |draw, eta, _| poisson(draw, eta.exp()));
        intervals(&x, &y, Perceptron::new(2), Poisson)
    }));
    near(held("gamma of shape 3, m = 60", 1000, |draw| {
        let (x, y) = simulated(draw, 60, |draw, eta, _| eta.exp() * gamma(draw, 3) / 3.0);
        intervals(&x, &y, Perceptron::new(2), Gamma)
    }));
    near(held("negative binomial, m = 100", 1000, |draw| {
        let (x, y) = simulated(draw, 100, |draw, eta, _| {
            let mean = eta.exp() * gamma(draw, 2) / 2.0;
            poisson(draw, mean)
        });
        intervals(&x, &y, Perceptron::new(2), NegativeBinomial::new(0.5))
    }));
}

/// Noise that grows with a feature: intervals that trust one variance hold too seldom, robust ones do not.
#[test]
fn robust_intervals_hold_where_variances_differ() {
    let by = |robust: Option<Robust>, name: &str| {
        held(name, 1000, |draw| {
            let (x, y) = simulated(draw, 100, |draw, eta, x| eta + 4.0 * x * x * normal(draw));
            let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).ok()?;
            let fitted = risk.fit().ok()?;
            let theta = fitted.parameters();
            let statistics = match robust {
                Some(robust) => risk.robust_statistics(theta, robust),
                None => risk.statistics(theta),
            };
            statistics.ok()?.confidence_intervals(0.9).ok()
        })
    };
    assert!(by(None, "one variance") < 88.0);
    assert!((by(Some(Robust::Hc3), "HC3") - 90.0).abs() < 2.0);
    // counts that vary more than Poisson's
    let by = |is_robust: bool, name: &str| {
        held(name, 1000, |draw| {
            let (x, y) = simulated(draw, 150, |draw, eta, _| {
                let mean = eta.exp() * gamma(draw, 1);
                poisson(draw, mean)
            });
            let mut risk = EmpiricalRisk::new(Perceptron::new(2), Poisson, &x, &y).ok()?;
            let theta = risk.fit().ok()?.parameters().clone();
            let statistics = match is_robust {
                true => risk.robust_statistics(&theta, Robust::Hc3),
                false => risk.statistics(&theta),
            };
            statistics.ok()?.confidence_intervals(0.9).ok()
        })
    };
    assert!(by(false, "Poisson of gamma means") < 80.0);
    assert!((by(true, "the same, HC3") - 90.0).abs() < 3.0);
}

/// Least squares with an offset is least squares of the targets without it.
#[test]
fn an_offset_is_no_scatter() {
    fn check<T: Real>(digits: f64) {
        let mut draw = Draw::new(5);
        for case in 0..200 {
            let (n, m) = (1 + draw.below(3), 8 + draw.below(40));
            let x = DMatrix::from_fn(n + 1, m, |i, _| T::of(draw.unit() * if i == n { 8.0 } else { 1.0 }));
            let rest = DMatrix::from_fn(1, m, |_, j| T::of(draw.unit()) + x[(0, j)]);
            let y = &rest + x.rows(n, 1);
            let lambda = T::of(if case % 2 == 0 { 0.0 } else { 0.01 });
            let features = x.rows(0, n).into_owned();
            let plain = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &features, &rest).unwrap();
            let mut plain = plain.ridge(lambda);
            let theta = plain.fit().unwrap().report.x;
            let shifted = EmpiricalRisk::new(Offset::new(Perceptron::new(n)), SquaredError, &x, &y).unwrap();
            let mut shifted = shifted.ridge(lambda);
            let both = [plain.statistics(&theta).unwrap(), shifted.statistics(&theta).unwrap()];
            let all = both.map(|told| {
                let of_the_fit =
                    [told.log_likelihood, told.r_squared, told.adjusted_r_squared()].map(Option::unwrap);
                let f = told.f_test().map(|test| test.statistic);
                let mut all = doubles(&told.standard_errors);
                all.extend(doubles(told.residual_variance.as_ref().unwrap()));
                all.extend(of_the_fit.into_iter().chain(f));
                all
            });
            assert!(lambda > T::zero() || all[0].len() == n + 6);
            for (plain, shifted) in all[0].iter().zip(&all[1]) {
                assert!((plain - shifted).abs() <= digits * (1.0 + plain.abs()), "{case}: {all:?}");
            }
            let cooks = [plain.influence(&theta).unwrap(), shifted.influence(&theta).unwrap()]
                .map(|influence| doubles(&influence.cooks_distance));
            for (plain, shifted) in cooks[0].iter().zip(&cooks[1]) {
                assert!((plain - shifted).abs() <= 10.0 * digits * (1.0 + plain), "{case}: {cooks:?}");
            }
        }
    }
    check::<f64>(1e-9);
    check::<f32>(2e-3);
}

/// `−m/2 (k ln 2π + ln det Σ + k)` with `Σ` of the residuals of all outputs.
#[test]
fn outputs_have_one_likelihood() {
    let mut draw = Draw::new(6);
    let (m, k) = (40, 3);
    let x = DMatrix::from_fn(2, m, |_, _| draw.unit());
    let y = DMatrix::from_fn(1, m, |_, _| draw.unit());
    let y = DMatrix::from_fn(k, m, |_, j| y[j] + 0.3 * draw.unit());
    let model = Perceptron::new(2).with_outputs(k);
    let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let residuals = fitted.predict(&x).unwrap() - &y;
    let sigma = &residuals * residuals.transpose() / m as f64;
    let expected =
        -0.5 * m as f64 * (k as f64 * (std::f64::consts::TAU.ln() + 1.0) + sigma.determinant().ln());
    let told = risk.statistics(fitted.parameters()).unwrap();
    near("log", [told.log_likelihood.unwrap()], &[expected], 1e-10);
}

/// With a penalty the data's part of a network's Hessian may be negative where the whole is not.
#[test]
fn penalised_networks_have_no_negative_parameters() {
    let (x, y) = ([-1.1, -0.7, -0.8, 0.3, -0.2, 0.1], [0.8, 0.9, 0.5, -0.5, -0.8, -0.8]);
    let network = Network::new(&[1, 1, 1], Activation::Tanh);
    let mut answered = 0;
    for seed in 0..40 {
        let lambda = [0.3, 0.1, 0.03, 0.01][seed % 4];
        let risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
        let mut risk = risk.ridge(lambda);
        let start = network.initial(seed as u64);
        let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default()).unwrap();
        if report.kind() != Some(CriticalKind::Minimum) {
            continue;
        }
        answered += 1;
        let told = risk.statistics(&report.x).unwrap();
        assert!(told.parameters >= 0.0 && told.parameters <= 4.0, "{seed}: {}", told.parameters);
        let least = told.covariance.clone().symmetric_eigenvalues().min();
        assert!(least >= -1e-12 * told.covariance.trace(), "{seed}: {least}");
        let influence = risk.influence(&report.x).unwrap();
        assert!(influence.cooks_distance.iter().all(|cook| *cook >= 0.0), "{seed}");
    }
    assert!(answered > 30, "{answered}");
}

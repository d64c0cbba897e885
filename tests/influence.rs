//! Influence of samples: against statsmodels (`tests/data/influence.py`), and against fits without each of them.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use std::time::{Duration, Instant};

use draw::Draw;
use gradus::loss::{NegativeBinomial, Poisson};
use gradus::nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};
use gradus::*;
use tables::{digits, standardised, table};

#[test]
fn least_squares_as_statsmodels() {
    fn check<T: Real>(at_least: f64) {
        let golden = json::Json::parse(&tables::read("tests/data/influence.json"));
        let (x, y) = table("diabetes");
        let (x, y) = (x.map(T::of), y.map(T::of));
        let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        let influence = risk.influence(fitted.parameters()).unwrap();
        assert_eq!(influence.errors.amax(), T::zero());
        let same = |found: DVector<T>, key: &str| {
            let found = digits(&found.map(Real::f64), &tables::vector(golden.get(key)));
            println!("{key}: {found:.1}");
            assert!(found >= at_least, "{key}: {found}");
        };
        same(influence.leverage.row(0).transpose(), "leverage");
        same(influence.predictions.row(0).transpose(), "predictions");
        same(influence.parameters.column(17).into_owned(), "parameters_17");
        // squares of errors that may be rounding are compared beside their mean
        let expected = tables::vector(golden.get("cooks_distance"));
        let worst = (influence.cooks_distance.map(Real::f64) - &expected).amax() / expected.mean();
        assert!(worst < 10f64.powf(-at_least), "{worst:e}");
    }
    check::<f64>(8.0);
    check::<f32>(3.0);
}

/// What the parameters without a sample differ from those of a fit without it, beside their shift.
fn compare<T: Real>(influence: &Influence<T>, theta: &DVector<T>, j: usize, cold: &DVector<T>) -> f64 {
    let shift = (cold - theta).norm().f64();
    (influence.parameters.column(j) - cold).norm().f64() / shift
}

#[test]
fn logistic_regression_without_each_patient() {
    let (x, y) = standardised("breast_cancer");
    let m = x.ncols();
    for (c, step) in [(0.1, 8), (1.0, 1), (10.0, 8)] {
        let lambda = 1.0 / (c * m as f64);
        let model = SigmoidClassifier::new(x.nrows());
        let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y).unwrap().ridge(lambda);
        let fitted = risk.fit().unwrap();
        let begin = Instant::now();
        let influence = risk.influence(fitted.parameters()).unwrap();
        let quick = begin.elapsed();
        assert!(influence.undetermined.is_empty());
        let (mut slow, mut worst, mut beyond) = (Duration::ZERO, 0.0_f64, 0);
        for j in (0..m).step_by(step) {
            let (x, y) = (x.clone().remove_column(j), y.clone().remove_column(j));
            let begin = Instant::now();
            let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y).unwrap().ridge(lambda);
            let cold = risk.fit().unwrap();
            slow += begin.elapsed();
            worst = worst.max(compare(&influence, fitted.parameters(), j, cold.parameters()));
            // what it says of its own error is compared with a fit to rounding
            let (start, stop) = (cold.parameters().clone(), Stop::default().gradient(1e-13));
            let exact = minimize(&mut Newton::new(), &mut risk, start, &stop).unwrap();
            let error = compare(&influence, fitted.parameters(), j, &exact.x);
            beyond += usize::from(error > 1e-3);
        }
        let ratio = slow.as_secs_f64() * step as f64 / quick.as_secs_f64();
        println!("C = {c}: {worst:.1e} of the shift, {quick:?}, cold fits {ratio:.0} times that");
        assert!(worst < 1e-3 && beyond == 0, "{worst} {beyond}");
    }
}

/// Of a random risk, with weights of which some are zero: the same with the weight of a sample set to zero.
fn left_out<M, L>(
    model: &M, loss: &L, x: &DMatrix<f64>, y: &DMatrix<f64>, ridge: f64, draw: &mut Draw,
) -> bool
where
    M: SecondOrderModel<f64> + Clone,
    L: SecondOrderLoss<f64> + Clone,
{
    let m = x.ncols();
    let weights: Vec<f64> = (0..m).map(|_| [0.0, 1.0, 1.0, 2.5, 0.5][draw.below(5)]).collect();
    let weights = if draw.below(2) == 0 { vec![1.0; m] } else { weights };
    let fit = |weights: &[f64], start: DVector<f64>| {
        let risk = EmpiricalRisk::new(model.clone(), loss.clone(), x, y).unwrap();
        let mut risk = risk.with_weights(weights).unwrap().ridge(ridge);
        let stop = Stop::default().gradient(1e-11);
        let report = minimize(&mut Newton::new(), &mut risk, start, &stop).unwrap();
        (risk, report)
    };
    let start = DVector::from_fn(model.parameter_count(), |_, _| 0.5 * draw.unit());
    let (mut risk, report) = fit(&weights, start);
    let Ok(influence) = risk.influence(&report.x) else { return false };
    for j in (0..m).filter(|j| !influence.undetermined.contains(j)) {
        let mut without = weights.clone();
        without[j] = 0.0;
        if without.iter().sum::<f64>() == 0.0 {
            continue;
        }
        // from where it should be: another start may lead to another minimum
        let there = influence.parameters.column(j).into_owned();
        let (mut rest, cold) = fit(&without, there.clone());
        let shift = (&cold.x - &report.x).norm();
        let error = (influence.parameters.column(j) - &cold.x).norm();
        // of a network it may be a stationary point that Newton's method leaves
        let mut slope = there.clone();
        rest.value_gradient(&there, &mut slope);
        let is_left = model.affine_in().is_empty() || model.affine_in().len() < there.len();
        let is_stationary = is_left && slope.amax() < 1e-6;
        let most = if is_left { 1e-3 } else { 5e-4 };
        assert!(
            is_stationary || error <= most * shift + 1e-8,
            "{error:e} of {shift:e}, estimated {:e}",
            influence.errors[j]
        );
        if weights[j] == 0.0 {
            assert!(influence.parameters.column(j) == report.x && influence.leverage.column(j).amax() == 0.0);
        }
    }
    true
}

#[test]
fn any_model_and_loss_without_a_sample() {
    let (mut draw, mut answered) = (Draw::new(7), 0);
    for case in 0..180 {
        let (n, m) = (1 + draw.below(3), 12 + draw.below(30));
        let mut x = DMatrix::from_fn(n, m, |_, _| 2.0 * draw.unit());
        let mut ridge = [0.0, 0.01, 0.1][draw.below(3)];
        // a constant beside the bias, which the penalty keeps at zero without an error
        if n > 1 && case % 4 == 3 && case % 7 < 6 {
            x.row_mut(n - 1).fill(3.0);
            ridge += 0.01;
        }
        let noise: Vec<f64> = (0..m).map(|_| draw.unit()).collect();
        let line = DMatrix::from_fn(1, m, |_, j| x[(0, j)] + noise[j]);
        let counts = line.map(|z| (z.exp() * 2.0).round());
        let label = line.map(|z| f64::from(z > 0.2));
        let classes = DMatrix::from_fn(3, m, |o, j| f64::from(((line[j] + 3.0) as usize % 3) == o));
        let model = Perceptron::new(n);
        let network = Network::new(&[n, 2, 1], Activation::Tanh);
        answered += usize::from(match case % 7 {
            0 => left_out(&model, &SquaredError, &x, &line, ridge, &mut draw),
            1 => left_out(&model, &Poisson, &x, &counts, ridge, &mut draw),
            2 => left_out(&model, &NegativeBinomial::new(0.3), &x, &counts, ridge, &mut draw),
            3 => left_out(&SigmoidClassifier::new(n), &LogLoss, &x, &label, ridge, &mut draw),
            4 => left_out(&model.with_outputs(3), &CrossEntropy, &x, &classes, ridge + 0.01, &mut draw),
            5 => left_out(&model, &Huber::new(0.7), &x, &line, ridge, &mut draw),
            _ => left_out(&network, &SquaredError, &x, &line, ridge + 0.01, &mut draw),
        });
    }
    println!("{answered} of 180 answered");
    assert!(answered > 120);
}

/// The closed form of the hat matrix, whatever the units.
#[test]
fn leverage_is_the_diagonal_of_the_hat_matrix() {
    let mut draw = Draw::new(3);
    for scale in [1.0, 1e-6, 1e9] {
        let x = DMatrix::from_fn(2, 20, |i, _| draw.unit() * if i == 0 { scale } else { 1.0 });
        let y = DMatrix::from_fn(2, 20, |_, _| draw.unit());
        let one = x.clone().insert_row(2, 1.0);
        let hat = one.transpose() * (&one * one.transpose()).try_inverse().unwrap() * &one;
        let mut risk = EmpiricalRisk::new(Perceptron::new(2).with_outputs(2), SquaredError, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        let influence = risk.influence(fitted.parameters()).unwrap();
        let fit = fitted.predict(&x).unwrap();
        for j in 0..20 {
            let h = hat[(j, j)];
            for o in 0..2 {
                assert!((influence.leverage[(o, j)] - h).abs() < 1e-9);
                let left_out = y[(o, j)] - (y[(o, j)] - fit[(o, j)]) / (1.0 - h);
                assert!((influence.predictions[(o, j)] - left_out).abs() < 1e-8);
            }
        }
    }
}

#[test]
fn samples_that_a_fit_stands_on_are_listed() {
    // the last sample alone tells the slope
    let (x, y) = ([1.0, 1.0, 1.0, 2.0], [1.0, 2.0, 3.0, 5.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let influence = risk.influence(fitted.parameters()).unwrap();
    assert_eq!(influence.undetermined, [3]);
    assert!((influence.leverage[3] - 1.0_f64).abs() < 1e-12);
    assert!(influence.parameters.iter().chain(&influence.cooks_distance).all(|x| x.is_finite()));
    // without the third the classes are apart
    let (x, y) = ([1.0, 2.0, 5.0, 4.0, 5.5, 6.0], [0, 0, 0, 1, 1, 1]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let influence = risk.influence(fitted.parameters()).unwrap();
    assert!(influence.undetermined.contains(&2), "{:?}", influence.undetermined);
    assert!(influence.parameters.iter().chain(&influence.predictions).all(|x: &f64| x.is_finite()));
    // the risk is as it was
    assert_eq!(risk.fit().unwrap().parameters(), fitted.parameters());
}

/// Of softmax one class has a single sample: without that one, and no other, there is no minimum.
#[test]
fn a_class_that_one_sample_is_of() {
    let mut draw = Draw::new(3);
    for case in 0..20 {
        let (m, lambda) = (24 + draw.below(8), [0.0, 0.01][case % 2]);
        let x = DMatrix::from_fn(2, m, |_, _| draw.unit());
        let only = draw.below(m);
        let classes: Vec<usize> = (0..m).map(|j| if j == only { 2 } else { draw.below(2) }).collect();
        let model = Perceptron::new(2).with_outputs(3);
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap().ridge(lambda);
        let fitted = risk.fit().unwrap().report;
        let Ok(influence) = risk.influence(&fitted.x) else { continue };
        let listed: Vec<usize> = (0..m)
            .filter(|j| {
                let mut weights = vec![1.0; m];
                weights[*j] = 0.0;
                let rest = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap();
                let mut rest = rest.with_weights(&weights).unwrap().ridge(lambda);
                !rest.fit().is_ok_and(|fitted| fitted.report.converged())
            })
            .collect();
        assert!(listed.contains(&only));
        assert_eq!(influence.undetermined, listed, "{case}");
    }
}

#[test]
fn what_has_no_answer_is_refused() {
    let blocks = || (0..3).map(|i| Ok::<_, Error>((matrix![1.0, 2.0, f64::from(i)], matrix![1.0, 2.0, 4.0])));
    let mut risk = EmpiricalRisk::from_stream(Perceptron::new(1), SquaredError, &blocks).unwrap();
    let fitted = risk.fit().unwrap();
    assert!(matches!(risk.influence(fitted.parameters()), Err(Error::InMemory { what: "influence", .. })));
    let (x, y) = ([1.0, 2.0, 3.0], [1.0, 2.0, 4.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let elsewhere = risk.influence(&vector![0.0, 0.0]);
    assert!(matches!(elsewhere, Err(Error::NotStationary { what: "influence", .. })));
}

/// Logistic loss that panics once it has been asked for so many gradients.
struct Panics(std::sync::atomic::AtomicUsize);

impl Loss<f64> for Panics {
    fn value(&self, z: DMatrixView<'_, f64>, y: DMatrixView<'_, f64>, weights: &[f64]) -> f64 {
        LogLoss.value(z, y, weights)
    }
    fn value_gradient(
        &self, z: DMatrixView<'_, f64>, y: DMatrixView<'_, f64>, weights: &[f64],
        delta: DMatrixViewMut<'_, f64>,
    ) -> f64 {
        let before = self.0.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
        assert!(before > 0, "a panic of the loss");
        LogLoss.value_gradient(z, y, weights, delta)
    }
    fn likelihood(&self) -> loss::Likelihood {
        loss::Likelihood::Known
    }
}

impl SecondOrderLoss<f64> for Panics {
    fn curvature_product(
        &self, z: DMatrixView<'_, f64>, y: DMatrixView<'_, f64>, weights: &[f64], r: DMatrixView<'_, f64>,
        out: DMatrixViewMut<'_, f64>,
    ) {
        LogLoss.curvature_product(z, y, weights, r, out);
    }
}

#[test]
fn a_panic_of_the_loss_leaves_the_risk_as_it_was() {
    let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 40.0], [0.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    let mut plain = EmpiricalRisk::new(Perceptron::new(1), LogLoss, &x, &y).unwrap().ridge(0.01);
    let report = minimize(&mut Newton::new(), &mut plain, vector![0.0, 0.0], &Stop::default()).unwrap();
    let theta = report.into_converged().unwrap().x;
    let mut panics = 0;
    for calls in (0..200).step_by(3) {
        let loss = Panics(std::sync::atomic::AtomicUsize::new(calls));
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), loss, &x, &y).unwrap().ridge(0.01);
        let run = std::panic::AssertUnwindSafe(|| risk.influence(&theta).map(drop));
        panics += usize::from(std::panic::catch_unwind(run).is_err());
        for at in [&theta, &vector![1.0, -1.0]] {
            assert_eq!(risk.value(at).to_bits(), plain.value(at).to_bits(), "after {calls} gradients");
        }
    }
    assert!(panics > 10, "{panics}");
}

/// A count far from all others: without it the fit is another one, and its own terms drown those of the rest.
#[test]
fn a_sample_that_rules_the_fit() {
    fn check<T: Real>(most: f64) {
        let mut draw = Draw::new(8);
        let mut known = 0;
        for case in 0..300 {
            let m = 6 + draw.below(20);
            let far = [3.0, 5.0, 10.0, 30.0][case % 4];
            let mut x = DMatrix::from_fn(1, m, |_, _| draw.unit());
            let mut y = DMatrix::from_fn(1, m, |_, _| draw.below(4) as f64);
            (x[0], y[0]) = (far, 30.0 + 10.0 * draw.below(27) as f64);
            let (x, y) = (x.map(T::of), y.map(T::of));
            let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y).unwrap();
            let Some(fitted) = risk.fit().ok().filter(|fitted| fitted.report.converged()) else { continue };
            let Ok(influence) = risk.influence(fitted.parameters()) else { continue };
            let theta = fitted.parameters();
            for j in (0..m).filter(|j| !influence.undetermined.contains(j)) {
                let (x, y) = (x.clone().remove_column(j), y.clone().remove_column(j));
                let mut rest = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y).unwrap();
                let Some(cold) = rest.fit().ok().filter(|cold| cold.report.converged()) else { continue };
                known += 1;
                let shift = (cold.parameters() - theta).norm().f64();
                let lacks = (influence.parameters.column(j) - cold.parameters()).norm().f64();
                let size = cold.parameters().norm().f64();
                assert!(lacks <= 1e-3 * shift + most * (1.0 + size), "{case}, {j}: {lacks} of {shift}");
                assert!(influence.errors[j].is_finite());
            }
        }
        assert!(known > 2000, "{known}");
    }
    check::<f64>(1e-7);
    check::<f32>(1e-3);
}

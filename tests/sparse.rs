//! L1 penalties: beside scikit-learn (`tests/data/l1.py`), and by the conditions of a minimum computed anew.

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
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;
use serde_json::Value;

fn one_hot(labels: &DMatrix<f64>, classes: usize) -> DMatrix<f64> {
    DMatrix::from_fn(classes, labels.ncols(), |c, j| f64::from(labels[j] as usize == c))
}

#[test]
fn fits_are_those_of_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(&tables::read("tests/data/l1.json")).unwrap();
    for case in cases {
        let (x, y) = tables::standardised(case["table"].as_str().unwrap());
        let number = |key: &str| case[key].as_f64().unwrap();
        let (l1, ridge) = (number("l1"), number("ridge"));
        let n = x.nrows();
        let expected: Vec<f64> =
            case["theta"].as_array().unwrap().iter().map(|t| t.as_f64().unwrap()).collect();
        let mut expected = DVector::from_vec(expected);
        let mut found = match case["loss"].as_str().unwrap() {
            "squared" => {
                let risk = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, &y).unwrap();
                risk.ridge(ridge).fit_l1(l1).unwrap().report
            }
            "log" => {
                let risk = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y).unwrap();
                risk.ridge(ridge).fit_l1(l1).unwrap().report
            }
            _ => {
                let (model, y) = (Perceptron::new(n).with_outputs(3), one_hot(&y, 3));
                let risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap();
                let mut report = risk.ridge(ridge).fit_l1(l1).unwrap().report;
                let mut biases = report.x.rows_mut(3 * n, 3);
                let mean = biases.mean();
                biases.add_scalar_mut(-mean);
                report
            }
        };
        assert!(found.converged(), "{found}");
        let scale = expected.rows(0, expected.len() - 1).amax();
        for (found, expected) in found.x.iter_mut().zip(expected.iter_mut()) {
            assert!(
                (*found - *expected).abs() <= 1e-6 * (scale + expected.abs()),
                "{case}: {found} {expected}"
            );
            assert!(*found == 0.0 || expected.abs() > 1e-9 * scale, "{case}: {found} {expected}");
        }
    }
}

/// `max(|g + λ s|, (|g| − λ)₊)` of the weights and `|g|` of the biases, from the risk's own gradient.
fn violation<T: Real>(risk: &mut impl Objective<T>, theta: &DVector<T>, weights: usize, lambda: f64) -> f64 {
    let mut gradient = DVector::zeros(theta.len());
    risk.value_gradient(theta, &mut gradient);
    let of = |(i, (w, g)): (usize, (&T, &T))| {
        let (w, g, lambda) = (w.f64(), g.f64(), if i < weights { lambda } else { 0.0 });
        if w == 0.0 { (g.abs() - lambda).max(0.0) } else { (g + lambda * w.signum()).abs() }
    };
    theta.iter().zip(&gradient).enumerate().map(of).fold(0.0, f64::max)
}

struct Case<T> {
    x: DMatrix<T>,
    y: DMatrix<T>,
    lambda: f64,
}

/// Features that are related, of sizes from 2⁻⁶ to 2⁶ where asked for, more or fewer than samples.
fn case<T: Real>(draw: &mut Draw, outputs: usize, classes: bool, units: bool) -> Case<T> {
    let (n, m) = (1 + draw.below(8), 12 + draw.below(30));
    let mut x = DMatrix::from_fn(n, m, |_, _| draw.unit());
    for i in 1..n {
        let share = draw.unit();
        for j in 0..m {
            x[(i, j)] += share * x[(i - 1, j)];
        }
    }
    let w = DMatrix::from_fn(outputs, n, |_, _| if draw.below(2) == 0 { 0.0 } else { 3.0 * draw.unit() });
    let z = &w * &x + DMatrix::from_fn(outputs, m, |_, _| draw.unit());
    let y = match (classes, outputs) {
        (false, _) => z,
        (true, 1) => DMatrix::from_fn(1, m, |_, j| f64::from(z[j] > 0.5 * draw.unit())),
        _ => DMatrix::from_fn(outputs, m, |c, j| f64::from(z.column(j).imax() == c)),
    };
    if units {
        for i in 0..n {
            let unit = 2f64.powi(draw.below(13) as i32 - 6);
            x.row_mut(i).scale_mut(unit);
        }
    }
    let lambda = 2f64.powi(-1 - draw.below(8) as i32);
    Case { x: x.map(T::of), y: y.map(T::of), lambda }
}

fn conditions_hold<T: Real>(seed: u64, tolerance: f64) {
    let mut draw = Draw::new(seed);
    let mut sparse = 0;
    for i in 0..250 {
        macro_rules! check {
            ($model:expr, $loss:expr, $outputs:expr, $classes:expr) => {{
                let Case { x, y, lambda } = case::<T>(&mut draw, $outputs, $classes, i % 2 == 0);
                let model = $model(x.nrows());
                let risk = EmpiricalRisk::new(model, $loss, &x, &y).unwrap();
                let mut risk = risk.ridge(T::of([0.0, 0.01][i % 2]));
                let ones = |c: usize| y.row(c).iter().filter(|y| **y == T::one()).count();
                if $classes && (0..$outputs).any(|c| [0, y.ncols()].contains(&ones(c))) {
                    assert!(risk.fit_l1(T::of(lambda)).is_err(), "{i}: a class is missing");
                    continue;
                }
                let fitted = risk.fit_l1(T::of(lambda)).unwrap();
                let weights = x.nrows() * $outputs;
                let size = 1.0_f64.max(x.amax().f64()) * 1.0_f64.max(y.amax().f64()).powi(2);
                let worst = violation(&mut risk, fitted.parameters(), weights, lambda);
                assert!(fitted.report.converged(), "{i}: {}", fitted.report);
                assert!(worst <= tolerance * size, "{i}: {worst:e} of {size}, {}", fitted.report);
                assert!((fitted.report.gradient_norm.f64() - worst).abs() <= 1e-6 * worst + 1e-12);
                sparse += fitted.parameters().iter().filter(|w| **w == T::zero()).count();
            }};
        }
        let several = |n| Perceptron::new(n).with_outputs(3);
        check!(Perceptron::new, SquaredError, 1, false);
        check!(several, SquaredError, 3, false);
        check!(SigmoidClassifier::new, LogLoss, 1, true);
        check!(several, CrossEntropy, 3, true);
        check!(Perceptron::new, Huber::new(0.5), 1, false);
    }
    assert!(sparse > 500, "{sparse}");
}

#[test]
fn the_conditions_of_a_minimum_hold() {
    conditions_hold::<f64>(1, 1e-9);
    conditions_hold::<f32>(2, 1e-3);
}

#[test]
fn a_strong_penalty_leaves_the_biases_alone() {
    let mut draw = Draw::new(3);
    for _ in 0..100 {
        let Case { x, y, .. } = case::<f64>(&mut draw, 1, false, true);
        let mut risk = EmpiricalRisk::new(Perceptron::new(x.nrows()), SquaredError, &x, &y).unwrap();
        let mean = DVector::from_fn(x.nrows() + 1, |i, _| if i < x.nrows() { 0.0 } else { y.mean() });
        let mut gradient = DVector::zeros(mean.len());
        risk.value_gradient(&mean, &mut gradient);
        let most = gradient.rows(0, x.nrows()).amax();
        let fitted = risk.fit_l1(1.001 * most).unwrap();
        assert!(fitted.weights().iter().all(|w| *w == 0.0));
        assert!((fitted.bias()[0] - y.mean()).abs() <= 1e-12 * y.amax());
        let less = risk.fit_l1(0.9 * most).unwrap();
        assert!(less.weights().iter().any(|w| *w != 0.0));
    }
}

/// Targets and penalty times a power of two: weights times the same, to the last bit.
#[test]
fn no_unit_of_the_targets_decides() {
    let mut draw = Draw::new(4);
    for _ in 0..100 {
        let Case { x, y, lambda } = case::<f64>(&mut draw, 1, false, true);
        let fit = |unit: f64| {
            let y = &y * unit;
            let mut risk = EmpiricalRisk::new(Perceptron::new(x.nrows()), SquaredError, &x, &y).unwrap();
            risk.fit_l1(lambda * unit).unwrap()
        };
        let plain = fit(1.0);
        for exponent in [-200, -60, 60, 200] {
            let unit = 2f64.powi(exponent);
            assert_eq!(fit(unit).parameters(), &(plain.parameters() * unit), "{exponent}");
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 2.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    for lambda in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(risk.fit_l1(lambda), Err(Error::Setting { name: "lambda", .. })));
    }
    let fitted = risk.fit_l1(0.1).unwrap();
    assert!(matches!(risk.statistics(fitted.parameters()), Err(Error::NotStationary { .. })));
    use gradus::loss::ElementWise;
    let through = SquaredError.through(Activation::Sigmoid);
    let mut bent = EmpiricalRisk::new(Perceptron::new(1), through, &x, &y).unwrap();
    assert!(matches!(bent.fit_l1(0.1), Err(Error::Setting { name: "loss", .. })));
}

/// A class that nobody is of lets its bias run to infinity, whatever the penalty; of Huber's loss far from its bend
/// there is no curvature, and the run goes on.
#[test]
fn a_missing_class_is_no_minimum_and_a_flat_hessian_no_end() {
    let mut draw = Draw::new(5);
    for i in 0..100 {
        let Case { x, lambda, .. } = case::<f64>(&mut draw, 1, false, false);
        let (n, m) = x.shape();
        let labels = vec![i % 2; m];
        let mut one = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &labels).unwrap();
        assert!(matches!(one.fit_l1(lambda), Err(Error::OneClass { .. })));
        let missing = draw.below(3);
        let labels: Vec<usize> = (0..m).map(|j| (missing + 1 + j % 2) % 3).collect();
        let model = Perceptron::new(n).with_outputs(3);
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &labels).unwrap();
        assert!(matches!(risk.fit_l1(lambda), Err(Error::NoSamples { class, .. }) if class == missing));
        let model = model.without_bias();
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &labels).unwrap();
        assert!(risk.fit_l1(lambda).unwrap().report.converged());

        let y = DMatrix::from_fn(1, m, |_, j| 1e3 * (1.0 + x[(0, j)]));
        let mut risk = EmpiricalRisk::new(Perceptron::new(n), Huber::new(1e-3), &x, &y).unwrap();
        let fitted = risk.fit_l1(1e-6).unwrap();
        let worst = violation(&mut risk, fitted.parameters(), n, 1e-6);
        assert!(!fitted.report.converged() || worst <= 1e-9, "{worst:e}, {}", fitted.report);
    }
}

#[test]
fn a_risk_without_the_penalty_certifies_no_minimum_of_both() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 1, 0, 1, 1]);
    for unit in [1.0, 2f64.powi(40)] {
        let x = &x * unit;
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
        let mut sparse = risk.fit_l1(0.05 * unit).unwrap().report;
        let mut firth = risk.fit_firth().unwrap().report;
        let mut plain = risk.fit().unwrap().report;
        for report in [&mut sparse, &mut firth] {
            assert!(report.converged(), "{report}");
            let refused = report.certify(&mut risk);
            assert!(matches!(refused, Err(Error::Setting { name: "objective", .. })), "{refused:?}");
        }
        plain.certify(&mut risk).unwrap();
        assert!(plain.converged() && plain.kind() == Some(CriticalKind::Minimum));
    }
}

#[test]
fn an_offset_has_no_penalty_and_no_coefficient() {
    let (mut draw, mut sparse) = (Draw::new(12), 0);
    for i in 0..100 {
        let Case { x, lambda, .. } = case::<f64>(&mut draw, 1, false, i % 2 == 0);
        let (n, m) = x.shape();
        let exposure: Vec<f64> = (0..m).map(|_| draw.unit()).collect();
        let y = DMatrix::from_fn(1, m, |_, j| (2.0 * (exposure[j] + draw.unit()).exp()).round());
        let fit = |level: f64| {
            let x = DMatrix::from_fn(n + 1, m, |i, j| if i == n { exposure[j] + level } else { x[(i, j)] });
            let mut risk =
                EmpiricalRisk::new(Offset::new(Perceptron::new(n)), loss::Poisson, &x, &y).unwrap();
            let fitted = risk.fit_l1(lambda).unwrap();
            let worst = violation(&mut risk, fitted.parameters(), n, lambda);
            let size = 1.0_f64.max(x.amax()) * y.amax();
            assert!(fitted.report.converged() && worst <= 1e-9 * size, "{i}: {worst:e} {}", fitted.report);
            assert_eq!((fitted.weights().shape(), fitted.bias().len()), ((1, n), 1));
            fitted
        };
        // the same for all is another bias
        let (here, there) = (fit(0.0), fit(0.75));
        assert!((here.weights() - there.weights()).amax() <= 1e-7 * here.weights().amax().max(1.0));
        assert!((here.bias()[0] - there.bias()[0] - 0.75).abs() < 1e-6);
        sparse += here.weights().iter().filter(|w| **w == 0.0).count();
    }
    assert!(sparse > 50, "{sparse}");
}

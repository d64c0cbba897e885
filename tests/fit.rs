//! The fits against certified and 40-digit values.

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
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::*;
use tables::{digits, nist, standardised, table};

#[test]
fn nist_regressions_keep_their_digits() {
    for (name, power, at_least) in [
        ("Norris", 1, 13.0),
        ("Pontius", 2, 12.0),
        ("NoInt1", 1, 14.0),
        ("Longley", 1, 13.0),
        ("Wampler1", 5, 14.0),
        ("Wampler4", 5, 13.0),
    ] {
        let set = nist(name, power);
        let model = Perceptron::new(set.x.nrows());
        let model = if set.bias { model } else { model.without_bias() };
        let fitted = model.fit(&set.x, &set.y).unwrap();
        let found = digits(fitted.parameters(), &set.estimates);
        println!("{name}: {found:.1}");
        assert!(found >= at_least, "{name}: {found}");
    }
}

/// The powers of 82 points, a condition of 10¹⁵: `tests/data/statistics.py` has the same doubles.
#[test]
fn a_polynomial_of_degree_ten_keeps_its_digits() {
    let golden = json::Json::parse(&tables::read("tests/data/statistics.json"));
    let golden = golden.get("polynomial");
    let points: Vec<f64> = (0..82).map(|i| -8.75 + f64::from(i) / 16.0).collect();
    let powers = |t: &f64| std::iter::successors(Some(*t), |v| Some(v * t)).take(10).collect::<Vec<_>>();
    let x = data::columns(&points.iter().map(powers).collect::<Vec<_>>()).unwrap();
    let noise = |i: i32| f64::from(i * 37 % 82) - 40.5;
    let y = DMatrix::from_fn(1, 82, |_, i| 0.75 + 0.125 * points[i] + noise(i as i32) / 4096.0);
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let theta = tables::vector(golden.get("theta"));
    let found = digits(fitted.parameters(), &theta);
    println!("polynomial: {found:.1} digits");
    assert!(found >= 9.0, "{found}");
    let errors = risk.statistics(fitted.parameters()).unwrap().standard_errors;
    let found = digits(&errors, &tables::vector(golden.get("errors")));
    println!("polynomial: {found:.1} digits of standard errors");
    assert!(found >= 6.0, "{found}");
}

fn reference() -> json::Json {
    json::Json::parse(&tables::read("tests/data/linear_models.json")).get("cases").clone()
}

/// `w` then `b`, as the file names them.
fn linear(case: &json::Json) -> DVector<f64> {
    let mut theta = tables::vector(case.get("coef"));
    let last = theta.len();
    theta = theta.insert_row(last, case.get("intercept").number());
    theta
}

#[test]
fn diabetes_is_exact() {
    let (x, y) = table("diabetes");
    let reference = reference();
    let case = reference.get("ols_diabetes");
    let fitted = Perceptron::new(10).fit(&x, &y).unwrap();
    assert!(digits(fitted.parameters(), &linear(case)) >= 13.0);
    assert!((fitted.score(&x, &y).unwrap() - 0.517_748_422_220_349_9).abs() < 1e-14);
    assert!(
        (fitted.weights()[2] - 519.84592005446).abs() < 1e-9
            && (fitted.bias()[0] - 152.1334841628).abs() < 1e-9
    );
    let report = &fitted.report;
    assert_eq!(report.termination, Termination::Exact);
    assert!(report.converged() && report.gradient_norm < 1e-10);
    let rss = case.get("rss").number();
    assert!((report.value / (rss / 442.0 / 2.0) - 1.0).abs() < 1e-14);
    // the certificate is that of the exact Hessian
    let certificate = report.certificate.as_ref().unwrap();
    assert!(certificate.convex && certificate.decrement.unwrap() < 1e-10);
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
    let exact = CriticalPoint::of(&mut risk, fitted.parameters()).unwrap();
    assert!((exact.eigenvalues() - certificate.eigenvalues()).amax() < 1e-14);
    assert_eq!(exact.inertia, certificate.inertia);

    // RSS + α ‖w‖² is m (2 f) with λ = α/m
    let fitted = risk.ridge(1.0 / 442.0).fit().unwrap();
    assert!(digits(fitted.parameters(), &linear(case.get("ridge"))) >= 12.0);
    assert!(fitted.report.gradient_norm < 1e-10);
}

#[test]
fn several_outputs_are_fitted_side_by_side() {
    let (x, y) = table("diabetes");
    let both = DMatrix::from_fn(2, y.ncols(), |o, j| if o == 0 { y[j] } else { y[j].sqrt() });
    let fitted = Perceptron::new(10).with_outputs(2).fit(&x, &both).unwrap();
    let mut gradient = DVector::zeros(22);
    let mut risk = EmpiricalRisk::new(Perceptron::new(10).with_outputs(2), SquaredError, &x, &both).unwrap();
    risk.value_gradient(fitted.parameters(), &mut gradient);
    assert!(gradient.amax() < 1e-10);
    for o in 0..2 {
        let one = Perceptron::new(10).fit(&x, both.rows(o, 1).clone_owned().as_view()).unwrap();
        assert!((one.weights().row(0) - fitted.weights().row(o)).amax() < 1e-9);
        assert!((one.bias()[0] - fitted.bias()[o]).abs() < 1e-10);
    }
    let certificate = fitted.report.certificate.unwrap();
    let exact = CriticalPoint::of(&mut risk, &fitted.report.x).unwrap();
    assert!((exact.eigenvalues() - certificate.eigenvalues()).amax() < 1e-14);
}

#[test]
fn weight_two_is_the_sample_twice_and_zero_none() {
    let (x, y) = standardised("breast_cancer");
    let columns: Vec<usize> = (0..60).collect();
    let (x, y) = (x.select_columns(&columns).rows(0, 3).into_owned(), y.select_columns(&columns));
    let weights: Vec<f64> = (0..60).map(|j| f64::from(j % 3)).collect();
    let repeated: Vec<usize> = (0..60).flat_map(|j| vec![j; j % 3]).collect();
    let (xx, yy) = (x.select_columns(&repeated), y.select_columns(&repeated));
    let response = x.row(0) * 2.0 + x.row(1).map(|v| v * v);
    let response = DMatrix::from_row_slice(1, 60, response.as_slice());
    let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &response).unwrap();
    let weighted = risk.with_weights(&weights).unwrap().ridge(0.125).fit().unwrap();
    let response = response.select_columns(&repeated);
    let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &xx, &response).unwrap();
    let twice = risk.ridge(0.125).fit().unwrap();
    assert!((weighted.parameters() - twice.parameters()).amax() < 1e-13);

    let risk = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &x, &y).unwrap();
    let mut weighted = risk.with_weights(&weights).unwrap().ridge(0.125);
    let mut twice = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &xx, &yy).unwrap().ridge(0.125);
    let (a, b) = (weighted.fit().unwrap(), twice.fit().unwrap());
    assert!((a.parameters() - b.parameters()).amax() < 1e-9);
    let errors = |risk: &mut EmpiricalRisk<'_, f64, SigmoidClassifier, LogLoss>, theta: &DVector<f64>| {
        let plain = risk.statistics(theta).unwrap().standard_errors;
        (plain, risk.robust_statistics(theta, Robust::Hc1).unwrap().standard_errors)
    };
    let (a, b) = (errors(&mut weighted, a.parameters()), errors(&mut twice, b.parameters()));
    assert!((a.0 - b.0).amax() < 1e-8 && (a.1 - b.1).amax() < 1e-8);
}

#[test]
fn dependent_columns_are_named() {
    let (x, y) = table("diabetes");
    let deficient = |x: &DMatrix<f64>, bias: bool| {
        let model = Perceptron::new(x.nrows());
        let model = if bias { model } else { model.without_bias() };
        match model.fit(x, &y) {
            Err(Error::RankDeficient { rank, expected, columns }) => (rank, expected, columns),
            other => panic!("{other:?}"),
        }
    };
    // 11 = 2 · column 3 − column 5
    let sum = x.row(3) * 2.0 - x.row(5);
    let mut more = x.clone().insert_row(10, 0.0);
    more.row_mut(10).copy_from(&sum);
    assert_eq!(deficient(&more, true), (11, 12, vec![10]));
    assert_eq!(deficient(&more, false), (10, 11, vec![10]));
    // a constant is the bias once more, and a column of zeros nothing
    let mut flat = x.clone();
    flat.row_mut(4).fill(1e9);
    assert_eq!(deficient(&flat, true), (10, 11, vec![4]));
    flat.row_mut(4).fill(0.0);
    assert_eq!(deficient(&flat, false), (9, 10, vec![4]));
    // fewer samples than coefficients
    let few = Perceptron::new(10).fit(x.columns(0, 6), y.columns(0, 6));
    assert!(matches!(few, Err(Error::RankDeficient { rank: 6, expected: 11, .. })), "{few:?}");
    let mut few =
        EmpiricalRisk::new(Perceptron::new(10), SquaredError, x.columns(0, 6), y.columns(0, 6)).unwrap();
    assert!(few.statistics(&DVector::zeros(11)).is_err());
    let ridge = few.ridge(1e-3).fit().unwrap();
    assert!(ridge.report.gradient_norm < 1e-12);
}

#[test]
fn units_do_not_matter() {
    let (x, y) = table("diabetes");
    let plain = Perceptron::new(10).fit(&x, &y).unwrap();
    for (a, b) in [(1e150, 1e-150), (1e-140, 1e120), (1.0, 1e-300)] {
        let mut scaled = x.clone();
        scaled.row_mut(2).scale_mut(a);
        scaled.row_mut(7).scale_mut(1.0 / a);
        let y = y.map(|y| y * b);
        let fitted = Perceptron::new(10).fit(&scaled, &y).unwrap();
        let expected = plain.weights()[2] / a * b;
        assert!((fitted.weights()[2] / expected - 1.0).abs() < 1e-11, "{a:e} {b:e}");
    }
    let (x, y) = (table("breast_cancer").0.rows(0, 10).into_owned(), table("breast_cancer").1);
    let plain = SigmoidClassifier::new(10).fit(&x, &y).unwrap();
    for a in [1e100, 1e40, 1e-40, 1e-100, 1e-9] {
        let fitted = SigmoidClassifier::new(10).fit(&(&x * a), &y).unwrap();
        assert!(fitted.report.converged(), "{a}: {}", fitted.report);
        let scaled = fitted.weights() * a;
        assert!((scaled.component_div(&plain.weights()).add_scalar(-1.0)).amax() < 1e-7, "{a:e}");
    }
    // far too small for any tolerance on the raw gradient
    let tiny = SigmoidClassifier::new(1).fit(&dmatrix![1e-12, -1e-12], &dmatrix![1.0, 0.0]).unwrap();
    assert_eq!(tiny.report.termination, Termination::Separable);
}

#[test]
fn single_precision_is_first_class() {
    let (x, y) = table("diabetes");
    let fitted = Perceptron::new(10).fit(&x.map(|v| v as f32), &y.map(|v| v as f32)).unwrap();
    let exact = linear(reference().get("ols_diabetes"));
    assert!(digits(&fitted.parameters().map(f64::from), &exact) >= 4.0);
    let (x, y) = standardised("breast_cancer");
    let (x, y) = (x.map(|v| v as f32), y.map(|v| v as f32));
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y).unwrap().ridge(0.01);
    let fitted = risk.fit().unwrap();
    assert!(fitted.report.converged(), "{}", fitted.report);
    let statistics = risk.statistics(fitted.parameters()).unwrap();
    assert!(statistics.standard_errors.iter().all(|e| *e > 0.0));
}

#[test]
fn breast_cancer_with_a_penalty_takes_few_steps() {
    let (x, y) = standardised("breast_cancer");
    for lambda in [1.0, 1.0 / 569.0, 1e-4] {
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y).unwrap().ridge(lambda);
        let fitted = risk.fit().unwrap();
        let report = &fitted.report;
        println!("λ = {lambda}: {} steps, {:e}", report.iterations, report.gradient_norm);
        assert!(report.converged() && report.iterations <= 12 && report.gradient_norm <= 1e-10);
        assert_eq!(report.kind(), Some(CriticalKind::Minimum));
        // recomputable from the point
        let mut gradient = DVector::zeros(31);
        risk.value_gradient(fitted.parameters(), &mut gradient);
        assert!(gradient.amax() <= 2e-10);
    }
}

#[test]
fn breast_cancer_without_a_penalty_is_separable() {
    for (x, y) in [standardised("breast_cancer"), table("breast_cancer")] {
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        let report = &fitted.report;
        println!("{report}");
        assert_eq!(report.termination, Termination::Separable);
        assert!(!report.converged() && report.iterations <= 40);
        assert!((fitted.score(&x, &y).unwrap() - 1.0).abs() <= 0.0);
        let Err(Error::Separable { direction, .. }) = risk.statistics(fitted.parameters()) else { panic!() };
        let direction = DVector::from_vec(direction);
        let z = direction.rows(0, 30).transpose() * &x;
        let margins = z.iter().zip(y.iter()).map(|(z, y)| (z + direction[30]) * (2.0 * y - 1.0));
        assert!(margins.fold(f64::INFINITY, f64::min) > 0.0);
    }
}

#[test]
fn quasi_complete_separation_is_named() {
    // both classes at 3, and nowhere else on the wrong side
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 3.0, 4.0, 5.0], dmatrix![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    assert_eq!(fitted.report.termination, Termination::Separable);
    let Err(Error::Separable { direction, .. }) = risk.statistics(fitted.parameters()) else { panic!() };
    assert!((direction[1] / direction[0] + 3.0).abs() < 1e-4);
    // one sample across, and there is a minimum
    let y = dmatrix![0.0, 1.0, 0.0, 1.0, 1.0, 1.0];
    assert!(SigmoidClassifier::new(1).fit(&x, &y).unwrap().report.converged());
}

#[test]
fn one_class_is_an_error_where_it_has_no_answer() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 1.0, 1.0]);
    let one = Error::OneClass { argument: "y", found: 1.0 };
    assert_eq!(SigmoidClassifier::new(1).fit(&x, &y).unwrap_err(), one);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap().ridge(1.0);
    assert_eq!(risk.fit().unwrap_err(), one);
    let model = SigmoidClassifier::new(1).without_bias();
    let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y).unwrap().ridge(1.0);
    assert!(risk.fit().unwrap().report.converged());
    // samples of weight zero are no class
    let y = dmatrix![0.0, 1.0, 1.0];
    let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    assert_eq!(risk.with_weights(&[0.0, 1.0, 1.0]).unwrap().fit().unwrap_err(), one);
    let y = data::one_hot(&[0, 2, 0], 3).unwrap();
    let mut risk =
        EmpiricalRisk::new(Perceptron::new(1).with_outputs(3), CrossEntropy, &x, &y).unwrap().ridge(1.0);
    assert_eq!(risk.fit().unwrap_err(), Error::NoSamples { argument: "y", class: 1 });
}

#[test]
fn softmax_regression_on_iris_is_exact() {
    let (x, labels) = standardised("iris");
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let y = data::one_hot(&labels, 3).unwrap();
    let reference = reference();
    let case = reference.get("softmax_iris");
    let model = Perceptron::new(4).with_outputs(3);
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap().ridge(1.0 / 150.0);
    let fitted = risk.fit().unwrap();
    println!("{}", fitted.report);
    assert!(fitted.report.converged());
    assert!((fitted.report.value * 150.0 - case.get("objective").number()).abs() < 1e-9);
    for (class, coef) in case.get("coef_by_class").items().iter().enumerate() {
        assert!((fitted.weights().row(class).transpose() - tables::vector(coef)).amax() < 1e-7);
    }
    let p = fitted.predict(&x).unwrap();
    for (j, row) in case.get("proba_first3").items().iter().enumerate() {
        assert!((p.column(j) - tables::vector(row)).amax() < 1e-8);
    }
    let classes = fitted.classify(&x).unwrap();
    let right = classes.iter().zip(&labels).filter(|(a, b)| a == b).count();
    assert_eq!(right, 146);
    assert!((fitted.score(&x, &y).unwrap() - 146.0 / 150.0).abs() < 1e-15);
}

#[test]
fn a_predictor_answers_as_predict_does() {
    let network = Network::new(&[3, 5, 2], Activation::Tanh);
    let fitted = Fitted::from_parameters(network.clone(), SquaredError, network.initial::<f64>(3)).unwrap();
    assert_eq!(fitted.report.termination, Termination::Given);
    assert!(!fitted.report.converged());
    let x = DMatrix::from_fn(3, 1000, |i, j| ((i * 7 + j) as f64).sin());
    let all = fitted.predict(&x).unwrap();
    for width in [0, 1, 7, 1000, usize::MAX] {
        let mut out = DMatrix::zeros(2, 1000);
        fitted.predictor(width).predict_into(&x, &mut out).unwrap();
        assert!((&out - &all).amax() < 1e-15, "{width}");
    }
    let wide = DMatrix::from_fn(6, 50, |i, j| (i + j) as f64);
    let part = fitted.predict(wide.rows(1, 3)).unwrap();
    assert!((part - fitted.predict(&wide.rows(1, 3).into_owned()).unwrap()).amax() < 1e-15);
    let known = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, dvector![4.5, 1.5, 0.0]).unwrap();
    assert!((known.predict(&dmatrix![1.0; 3.0]).unwrap()[0] - 0.9998766054240137_f64).abs() < 1e-15);
}

/// As many columns are named as the rank lacks: pingouin #130, a column per level, a constant column, and a bias.
#[test]
fn levels_and_a_constant_are_two_too_many() {
    let x = DMatrix::from_fn(4, 9, |i, j| if i == 3 { 1.0 } else { f64::from(u8::from(j % 3 == i)) });
    let y = DMatrix::from_fn(1, 9, |_, j| j as f64);
    let Err(Error::RankDeficient { rank, expected, columns }) = Perceptron::new(4).fit(&x, &y) else {
        panic!("columns depend")
    };
    assert_eq!((rank, expected, columns.len()), (3, 5, 2));
    let rest = x.remove_rows_at(&columns);
    assert!(Perceptron::new(2).fit(&rest, &y).is_ok());
    // they do wherever they lie: the third is the sum of two far from zero
    let y = DMatrix::from_fn(1, 20, |_, j| (j as f64).cos());
    let mut x = DMatrix::from_fn(3, 20, |i, j| 1e6 * (i + 1) as f64 + ((i * 7 + j * j * 3) % 11) as f64);
    let sum = x.row(0) + x.row(1);
    x.row_mut(2).copy_from(&sum);
    let Err(Error::RankDeficient { columns, .. }) = Perceptron::new(3).fit(&x, &y) else {
        panic!("they depend")
    };
    assert_eq!(columns, [2]);
}

/// statsmodels #4738: R's glm has the slope 0.08739.
#[test]
fn times_are_features_too() {
    let x = |offset: f64| DMatrix::from_fn(1, 60, |_, j| offset + j as f64);
    let y = DMatrix::from_fn(1, 60, |_, j| f64::from(u8::from((j * 7) % 60 + j > 60)));
    for offset in [0.0, 1e6, 1.4e9, 1e10, 1e12] {
        let fitted = SigmoidClassifier::new(1).fit(&x(offset), &y).unwrap();
        let report = &fitted.report;
        assert!(report.converged() && report.kind() == Some(CriticalKind::Minimum), "{offset:e}: {report}");
        assert!((fitted.weights()[0] / 0.08738904031119578 - 1.0).abs() < 1e-9, "{offset:e}");
    }
    // numbers are a quarter apart where the bias is: those nearest to it are far from likeliest
    let fitted = SigmoidClassifier::new(1).fit(&x(2e16), &y);
    assert!(fitted.is_ok_and(|fitted| !fitted.report.converged()));
    let line = Perceptron::new(1).fit(&x(1.4e9), &(x(0.0) * 3.0)).unwrap();
    assert!(line.report.converged() && (line.weights()[0] / 3.0 - 1.0).abs() < 1e-15);
    let years = dmatrix![2020.0_f32, 2021.0, 2022.0, 2023.0];
    let fitted = SigmoidClassifier::new(1).fit(&years, &dmatrix![0.0, 1.0, 0.0, 1.0]).unwrap();
    assert!(fitted.report.converged() && (fitted.weights()[0] / 0.908_184_3 - 1.0).abs() < 1e-4);
    for shift in [0.0, 1e3, 1e5, 1e7, 1e8, 1e10] {
        let x = dmatrix![1.0, 2.0, 3.0, 4.0].add_scalar(shift);
        let fitted = SigmoidClassifier::new(1).fit(&x, &dmatrix![0.0, 1.0, 0.0, 1.0]).unwrap();
        assert!(fitted.report.converged() && (fitted.weights()[0] / 0.90818426254_f64 - 1.0).abs() < 1e-9);
    }
}

/// A penalty of `λ 2²ᵏ` on features of `2ᵏ` is that of `λ` on features of 1; moving them moves the bias alone.
#[test]
fn penalties_have_the_unit_of_their_features() {
    let x = DMatrix::from_fn(2, 30, |i, j| ((i * 13 + j * j * 7) % 17) as f64 - 8.0);
    let y = DMatrix::from_fn(1, 30, |_, j| f64::from(u8::from((j * 11) % 23 > 9)));
    let fit = |x: &DMatrix<f64>, lambda: f64| {
        EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, x, &y).unwrap().ridge(lambda).fit().unwrap()
    };
    let first = fit(&x, 0.01);
    assert!(first.report.converged());
    for k in [-400, -40, -3, 3, 40, 400] {
        let unit = 2.0_f64.powi(k);
        let found = fit(&(&x * unit), 0.01 * unit * unit);
        assert!(found.report.converged(), "{k}: {}", found.report);
        assert!((found.weights() * unit - first.weights()).amax() < 1e-9, "{k}");
        assert!((found.report.value / first.report.value - 1.0).abs() < 1e-12, "{k}");
    }
    let far = fit(&x.add_scalar(1e6), 0.01);
    assert!(far.report.converged() && (far.weights() - first.weights()).amax() < 1e-9);
}

/// A sample of weight zero decides nothing, however far away.
#[test]
fn samples_without_weight_are_not_there() {
    let x = dmatrix![0.5, 1.5, 2.5, 3.5, 4.5, 1e200];
    let y = dmatrix![0.0, 1.0, 0.0, 1.0, 1.0, 0.0];
    let weights = [1.0, 1.0, 1.0, 1.0, 1.0, 0.0];
    let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    let weighted = risk.with_weights(&weights).unwrap().fit().unwrap();
    let (x, y) = (x.columns(0, 5).into_owned(), y.columns(0, 5).into_owned());
    let alone = SigmoidClassifier::new(1).fit(&x, &y).unwrap();
    assert!(weighted.report.converged() && (weighted.parameters() - alone.parameters()).amax() < 1e-9);
}

/// Targets in another unit: the same fit in it.
#[test]
fn robust_fits_and_rates_have_no_unit() -> Result<(), Error> {
    fn check<T: Real>(powers: &[i32], digits: f64) -> Result<(), Error> {
        let (n, m) = (3, 60);
        let x = DMatrix::from_fn(n, m, |i, j| T::of(((7 * i + 3) as f64 * (j as f64 + 0.5)).sin()));
        let z =
            |j: usize| x.column(j).iter().enumerate().map(|(i, x)| (i as f64 - 0.5) * x.f64()).sum::<f64>();
        let far = |j: usize| if j.is_multiple_of(9) { 12.0 } else { 0.3 * (5.0 * j as f64).cos() };
        let line = DMatrix::from_fn(1, m, |_, j| T::of(z(j) + 2.0 + far(j)));
        let rates =
            DMatrix::from_fn(1, m, |_, j| T::of((0.3 * z(j)).exp() * (1.0 + 0.5 * (3.0 * j as f64).sin())));
        for ridge in [0.0, 0.1] {
            let huber = |k: i32| {
                let y = &line * T::of(2f64.powi(k));
                let loss = Huber::new(2f64.powi(k));
                EmpiricalRisk::new(Perceptron::new(n), loss, &x, &y)?.ridge(T::of(ridge)).fit()
            };
            let plain = huber(0)?;
            assert!(plain.report.converged(), "{}", plain.report);
            for &k in powers {
                let scaled = huber(k)?;
                let theta = scaled.parameters() * T::of(2f64.powi(-k));
                let apart = (theta - plain.parameters()).amax().f64();
                assert!(scaled.report.converged() && apart < digits, "2^{k}: {apart:e} {}", scaled.report);
            }
        }
        let poisson = |k: i32| {
            let y = &rates * T::of(2f64.powi(k));
            EmpiricalRisk::new(Perceptron::new(n), loss::Poisson, &x, &y)?.fit()
        };
        let plain = poisson(0)?;
        for &k in powers.iter().filter(|k| k.abs() <= 100) {
            let scaled = poisson(k)?;
            let mut theta = scaled.parameters().clone();
            theta[n] -= T::of(f64::from(k) * std::f64::consts::LN_2);
            let apart = (theta - plain.parameters()).amax().f64();
            assert!(
                scaled.report.converged() && apart < 100.0 * digits,
                "rates 2^{k}: {apart:e} {}",
                scaled.report
            );
        }
        Ok(())
    }
    check::<f64>(&[-300, -90, -30, -3, 20, 60, 250], 1e-8)?;
    check::<f32>(&[-60, -30, -3, 20, 50], 1e-3)
}

/// Targets up to 10⁸ δ: from far out the loss is straight. The minimum of a convex function is where its gradient, here
/// summed by itself, vanishes.
#[test]
fn huber_from_far_out() {
    let mut draw = Draw::new(27);
    for case in 0..300 {
        let (n, m) = (1 + draw.below(5), 12 + draw.below(60));
        let (size, noise) = (10f64.powi(draw.below(9) as i32), 10f64.powi(draw.below(4) as i32 - 1));
        let x = DMatrix::from_fn(n, m, |_, _| draw.unit());
        let w = DVector::from_fn(n, |_, _| draw.unit());
        let y = DMatrix::from_fn(1, m, |_, j| {
            let outlier = if draw.below(8) == 0 { 3.0 * draw.unit() } else { 0.0 };
            size * (1.0 + x.column(j).dot(&w) + outlier) + noise * draw.unit()
        });
        let delta = 10f64.powi(draw.below(7) as i32 - 3);
        let targets = &y * delta;
        let mut risk = EmpiricalRisk::new(Perceptron::new(n), Huber::new(delta), &x, &targets).unwrap();
        let report = risk.fit().unwrap().report;
        assert!(report.converged(), "{case}: {size:e} {noise} {report}");
        let mut gradient = DVector::zeros(n + 1);
        for (x, y) in x.column_iter().zip(&targets) {
            let z = x.dot(&report.x.rows(0, n)) + report.x[n];
            let slope = (z - y).clamp(-delta, delta) / delta / m as f64;
            gradient.rows_mut(0, n).axpy(slope, &x, 1.0);
            gradient[n] += slope;
        }
        // curvatures are 1 at most: the parameters are within so much of their size
        assert!(gradient.amax() <= 1e-9 * (size + noise), "{case}: {gradient} {report}");
    }
}

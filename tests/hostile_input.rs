//! Bad shapes, empty data, NaN and infinities in every argument, one class, foreign labels, bad settings: a typed
//! error that names the argument, never a panic; evaluation methods answer NaN and write nothing.

use gradus::data::{Standardizer, columns, one_hot};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::objective::problems::Rosenbrock;
use gradus::*;

const POISON: [f64; 3] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
const HUGE: [f64; 4] = [f64::MAX, -f64::MAX, 1e200, f64::MIN_POSITIVE / 4.0];

fn x() -> DMatrix<f64> {
    dmatrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0; 2.0, 1.0, 4.0, 3.0, 7.0, 5.0]
}

fn labels() -> DMatrix<f64> {
    dmatrix![0.0, 1.0, 0.0, 1.0, 0.0, 1.0]
}

/// Every fit, on the same data; targets of two rows go to the models with two outputs.
fn every_fit(x: &DMatrix<f64>, y: &DMatrix<f64>) -> Vec<(&'static str, Option<Error>)> {
    let k = y.nrows().max(1);
    let (perceptron, classifier) =
        (Perceptron::new(2).with_outputs(k), SigmoidClassifier::new(2).with_outputs(k));
    let network = Network::new(&[2, 3, k], Activation::Tanh);
    let softmax = || EmpiricalRisk::new(perceptron, CrossEntropy, x, y)?.ridge(0.1).fit();
    let single = |m: &DMatrix<f64>| m.map(|v| v as f32);
    vec![
        ("perceptron", perceptron.fit(x, y).err()),
        ("perceptron f32", perceptron.fit(&single(x), &single(y)).err()),
        ("classifier", classifier.fit(x, y).err()),
        ("classifier f32", classifier.fit(&single(x), &single(y)).err()),
        ("softmax", softmax().err()),
        ("network", network.fit(SquaredError, x, y, 1).err()),
        ("huber", network.fit(Huber::default(), x, y, 1).err()),
    ]
}

#[test]
fn shapes_are_named() {
    let (x, y) = (x(), labels());
    for (x, y) in [
        (x.transpose(), y.clone()),
        (x.clone(), y.transpose()),
        (x.columns(0, 5).into_owned(), y.clone()),
        (x.rows(0, 1).into_owned(), y.clone()),
        (x.clone(), DMatrix::zeros(0, 6)),
        (DMatrix::zeros(0, 6), y.clone()),
    ] {
        for (model, error) in every_fit(&x, &y) {
            assert!(matches!(error, Some(Error::Shape { argument: "x" | "y", .. })), "{model}: {error:?}");
        }
    }
    for (model, error) in every_fit(&DMatrix::zeros(2, 0), &DMatrix::zeros(1, 0)) {
        assert!(matches!(error, Some(Error::Empty { argument: "x", .. })), "{model}: {error:?}");
    }
}

#[test]
fn poison_is_found_in_every_entry() {
    for poison in POISON {
        for at in 0..12 {
            let mut x = x();
            x[at] = poison;
            for (model, error) in every_fit(&x, &labels()) {
                let Some(Error::NonFinite { argument: "x", row, column, .. }) = error else {
                    panic!("{model}: {error:?}")
                };
                assert_eq!((row, column), (at % 2, at / 2));
            }
        }
        for at in 0..6 {
            let mut y = labels();
            y[at] = poison;
            for (model, error) in every_fit(&x(), &y) {
                assert!(matches!(error, Some(Error::NonFinite { argument: "y", .. })), "{model}: {error:?}");
            }
        }
    }
}

#[test]
fn numbers_at_the_ends_of_the_range_never_panic() {
    for huge in HUGE {
        for at in 0..12 {
            let mut x = x();
            x[at] = huge;
            every_fit(&x, &labels());
            let all = x.map(|_| huge);
            every_fit(&all, &labels());
        }
        every_fit(&x(), &(labels() * huge));
        let (theta, data, targets) = (DVector::repeat(3, huge), x(), labels());
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &data, &targets).unwrap();
        let _ = (risk.statistics(&theta), risk.robust_statistics(&theta, Robust::Hc1));
        let known = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, theta).unwrap();
        let p = known.probability(&x()).unwrap();
        assert!(p.iter().all(|p| p.is_nan() || (0.0..=1.0).contains(p)));
        known.classify(&x()).unwrap();
    }
}

#[test]
fn labels_are_judged() {
    for label in [2.0, -1.0, 0.5, 1.0 + f64::EPSILON] {
        let mut y = labels();
        y[3] = label;
        let expected = Error::Label { argument: "y", expected: "0 or 1", found: label, sample: 3 };
        assert_eq!(SigmoidClassifier::new(2).fit(&x(), &y).unwrap_err(), expected);
        let network = Network::new(&[2, 3, 1], Activation::Relu);
        assert_eq!(network.fit(LogLoss, &x(), &y, 0).unwrap_err(), expected);
        let fitted = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, DVector::zeros(3)).unwrap();
        assert_eq!(fitted.score(&x(), &y).unwrap_err(), expected);
    }
    for y in [dmatrix![0.5; 0.6], dmatrix![1.5; -0.5], dmatrix![0.0; 0.0]] {
        let x = dmatrix![1.0];
        let risk = EmpiricalRisk::new(Perceptron::new(1).with_outputs(2), CrossEntropy, &x, &y);
        assert!(matches!(risk, Err(Error::Label { argument: "y", sample: 0, .. })));
    }
    for value in [0.0, 1.0] {
        let y = labels().map(|_| value);
        let one = Error::OneClass { argument: "y", found: value };
        assert_eq!(SigmoidClassifier::new(2).fit(&x(), &y).unwrap_err(), one);
    }
}

#[test]
fn weights_batches_and_penalties_are_judged() {
    let (x, y) = (x(), labels());
    let risk = || EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    assert!(matches!(
        risk().with_weights(&[1.0; 5]),
        Err(Error::Length { argument: "weights", expected: 6, found: 5 })
    ));
    assert!(matches!(risk().with_weights(&[]), Err(Error::Length { .. })));
    assert!(matches!(risk().with_weights(&[0.0; 6]), Err(Error::Setting { name: "weights", .. })));
    assert!(matches!(risk().with_weights(&[f64::MAX; 6]), Err(Error::Setting { name: "weights", .. })));
    for bad in [f64::NAN, f64::INFINITY, -1.0] {
        let mut weights = [1.0; 6];
        weights[2] = bad;
        assert!(matches!(risk().with_weights(&weights), Err(Error::Setting { name: "weights", .. })));
        assert!(matches!(risk().ridge(bad).fit(), Err(Error::Setting { name: "ridge", .. })));
        let mut classifier =
            EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap().ridge(bad);
        assert!(matches!(classifier.fit(), Err(Error::Setting { name: "ridge", .. })));
        assert!(matches!(
            classifier.statistics(&DVector::zeros(3)),
            Err(Error::Setting { name: "ridge", .. })
        ));
        let network = Network::new(&[2, 2, 1], Activation::Tanh);
        let start = network.initial(1);
        let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap().ridge(bad);
        let trained = Trainer::default().epochs(1).train(&mut risk, start);
        assert!(matches!(trained, Err(Error::Setting { name: "ridge", .. })));
    }
    assert!(
        risk().batch(0..7).is_err()
            && risk().batch(3..3).is_err()
            && risk().batch(usize::MAX - 1..usize::MAX).is_err()
    );
    assert!(risk().select(&[6]).is_err() && risk().select(&[]).is_err());
    #[expect(clippy::reversed_empty_ranges, reason = "that is the point")]
    let reversed = risk().batch(4..2).is_err();
    assert!(reversed);
}

#[test]
fn architectures_are_judged() {
    let (x, y) = (DMatrix::<f64>::zeros(0, 3), DMatrix::<f64>::zeros(1, 3));
    assert!(matches!(Perceptron::new(0).fit(&x, &y), Err(Error::Empty { .. })));
    assert!(matches!(SigmoidClassifier::new(0).fit(&x, &y), Err(Error::Empty { .. })));
    assert!(matches!(Perceptron::new(2).with_outputs(0).fit(&x, &y), Err(Error::Empty { .. })));
    for sizes in [&[][..], &[2], &[2, 0, 1], &[0, 3, 1], &[2, 3, 0]] {
        let network = Network::new(sizes, Activation::Tanh);
        let start: DVector<f64> = network.initial(0);
        assert!(network.fit(SquaredError, &self::x(), &labels(), 0).is_err(), "{sizes:?}");
        assert!(Fitted::from_parameters(network, SquaredError, start).is_err(), "{sizes:?}");
    }
    for slope in [f64::NAN, f64::INFINITY, -1.0] {
        let network = Network::new(&[2, 3, 1], Activation::LeakyRelu { slope });
        assert!(matches!(network.fit(SquaredError, &self::x(), &labels(), 0), Err(Error::Setting { .. })));
    }
}

#[test]
fn a_fitted_model_judges_what_it_is_asked() {
    let fitted = SigmoidClassifier::new(2).fit(&x(), &labels()).unwrap();
    let wrong: [(DMatrix<f64>, &str); 4] = [
        (DMatrix::zeros(2, 0), "empty"),
        (DMatrix::zeros(3, 2), "shape"),
        (DMatrix::zeros(0, 2), "shape"),
        (dmatrix![1.0; f64::NAN], "poison"),
    ];
    for (x, kind) in wrong {
        let mut out = DMatrix::zeros(1, x.ncols());
        let errors = [
            fitted.predict(&x).unwrap_err(),
            fitted.scores(&x).unwrap_err(),
            fitted.probability(&x).unwrap_err(),
            fitted.classify(&x).unwrap_err(),
            fitted.score(&x, &DMatrix::zeros(1, x.ncols())).unwrap_err(),
            fitted.predictor(4).predict_into(&x, &mut out).unwrap_err(),
        ];
        for error in errors {
            let fits = match error {
                Error::Empty { argument: "x", .. } => kind == "empty",
                Error::Shape { argument: "x", .. } => kind == "shape",
                Error::NonFinite { argument: "x", row: 1, column: 0, .. } => kind == "poison",
                _ => false,
            };
            assert!(fits, "{kind}: {error}");
        }
    }
    let mut out = DMatrix::zeros(1, 5);
    let error = fitted.predictor(4).predict_into(&x(), &mut out).unwrap_err();
    assert!(matches!(error, Error::Shape { argument: "out", .. }));
    assert!(matches!(fitted.score(&x(), &DMatrix::zeros(2, 6)), Err(Error::Shape { argument: "y", .. })));
    let given = |theta: DVector<f64>| Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, theta);
    assert!(matches!(
        given(DVector::zeros(2)),
        Err(Error::Length { argument: "theta", expected: 3, found: 2 })
    ));
    for poison in POISON {
        assert!(matches!(given(dvector![0.0, poison, 0.0]), Err(Error::NonFinite { argument: "theta", .. })));
    }
}

#[test]
fn tables_are_judged() {
    assert!(matches!(columns::<f64>(&[] as &[Vec<f64>]), Err(Error::Empty { argument: "rows", .. })));
    assert!(matches!(columns::<f64>(&[vec![], vec![]]), Err(Error::Empty { argument: "rows", .. })));
    let ragged = columns(&[vec![1.0, 2.0], vec![1.0]]);
    assert!(matches!(ragged, Err(Error::Length { argument: "rows", expected: 2, found: 1 })));
    assert!(matches!(one_hot::<f64>(&[], 3), Err(Error::Empty { argument: "labels", .. })));
    assert!(matches!(one_hot::<f64>(&[0], 0), Err(Error::Empty { argument: "classes", .. })));
    assert!(matches!(one_hot::<f64>(&[0, 3], 3), Err(Error::Label { argument: "labels", sample: 1, .. })));
    assert!(matches!(
        Standardizer::<f64>::fit(&DMatrix::zeros(2, 0)),
        Err(Error::Empty { argument: "x", .. })
    ));
    let standard = Standardizer::fit(&x()).unwrap();
    assert!(matches!(standard.transform(&DMatrix::zeros(3, 1)), Err(Error::Shape { argument: "x", .. })));
    for poison in POISON {
        let x = dmatrix![1.0, poison; 2.0, 3.0];
        assert!(matches!(Standardizer::fit(&x), Err(Error::NonFinite { argument: "x", .. })));
        assert!(matches!(standard.transform(&x), Err(Error::NonFinite { argument: "x", .. })));
    }
    // constant, huge and subnormal features stay finite
    let x = dmatrix![f64::MAX, -f64::MAX, 0.0; 0.1, 0.1, 0.1; 5e-324, 0.0, 0.0; 1e300, 2e300, 3e300];
    let standard = Standardizer::fit(&x).unwrap();
    assert!(standard.scale().iter().all(|s| s.is_finite() && *s > 0.0), "{}", standard.scale());
    let z = standard.transform(&x).unwrap();
    assert!(z.row(1).iter().all(|z| z.abs() < 1e-15));
    assert!((z.row(3).iter().map(|z| z * z).sum::<f64>() / 3.0 - 1.0).abs() < 1e-14);
    // a spread below the smallest number is none
    let tiny = dmatrix![5e-324, 0.0, 0.0, 0.0, 0.0, 0.0];
    assert_eq!(Standardizer::fit(&tiny).unwrap().transform(&tiny).unwrap(), tiny);
}

/// Runs every general method from `start`.
fn every_method(start: &DVector<f64>, stop: &Stop<f64>) -> Vec<Result<Report<f64>, Error>> {
    let mut f = Rosenbrock::new(2);
    let from = || start.clone();
    vec![
        minimize(&mut GradientDescent::new(1e-3), &mut f, from(), stop),
        minimize(&mut Adam::new(1e-3), &mut f, from(), stop),
        minimize(&mut AdaGrad::new(1e-2), &mut f, from(), stop),
        minimize(&mut RmsProp::new(1e-3), &mut f, from(), stop),
        minimize(&mut Newton::new(), &mut f, from(), stop),
        minimize(&mut Newton::pure(), &mut f, from(), stop),
        minimize(&mut TrustRegion::new(), &mut f, from(), stop),
        minimize(&mut NewtonCg::new(), &mut f, from(), stop),
        minimize(&mut SaddleFree::new(), &mut f, from(), stop),
    ]
}

#[test]
fn starts_and_stops_are_judged() {
    let stop = Stop::default().iterations(50);
    for result in every_method(&DVector::zeros(3), &stop) {
        assert!(
            matches!(result, Err(Error::Length { argument: "start", expected: 2, found: 3 })),
            "{result:?}"
        );
    }
    for poison in POISON {
        for result in every_method(&dvector![1.0, poison], &stop) {
            assert!(matches!(result, Err(Error::NonFinite { argument: "start", row: 1, .. })), "{result:?}");
        }
        for bad in [stop.gradient(poison), stop.step(poison), stop.value(poison), stop.gradient(-1.0)] {
            for result in every_method(&dvector![1.0, 1.0], &bad) {
                assert!(matches!(result, Err(Error::Setting { .. })), "{result:?}");
            }
        }
    }
    // far out: an error where the value itself overflows, else a report with a finite point
    for huge in HUGE {
        for result in every_method(&dvector![huge, -huge], &stop) {
            match result {
                Ok(report) => assert!(report.x.iter().all(|x| x.is_finite()) && report.value.is_finite()),
                Err(error) => assert!(matches!(error, Error::Evaluation { at: "the start", .. }), "{error}"),
            }
        }
    }
    for rate in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let (mut f, from) = (Rosenbrock::new(2), || dvector![1.0, 2.0]);
        let errors = [
            minimize(&mut GradientDescent::new(rate), &mut f, from(), &stop).unwrap_err(),
            minimize(&mut Adam::new(rate), &mut f, from(), &stop).unwrap_err(),
            minimize(&mut AdaGrad::new(rate), &mut f, from(), &stop).unwrap_err(),
            minimize(&mut RmsProp::new(rate), &mut f, from(), &stop).unwrap_err(),
        ];
        assert!(errors.iter().all(|error| matches!(error, Error::Setting { .. })), "{rate}: {errors:?}");
    }
}

#[test]
fn matrices_to_classify_are_judged() {
    let classify = |h: DMatrix<f64>| CriticalPoint::classify(&h);
    assert!(matches!(classify(DMatrix::zeros(0, 0)), Err(Error::Empty { .. })));
    assert!(matches!(classify(DMatrix::zeros(2, 3)), Err(Error::Shape { .. })));
    assert!(matches!(classify(dmatrix![1.0, 2.0; 0.0, 1.0]), Err(Error::Asymmetric { .. })));
    for poison in POISON {
        assert!(matches!(classify(dmatrix![1.0, poison; poison, 1.0]), Err(Error::NonFinite { .. })));
        let point = CriticalPoint::of(&mut Rosenbrock::new(2), &dvector![poison, 1.0]);
        assert!(matches!(point, Err(Error::NonFinite { .. })));
    }
    for huge in HUGE {
        let _ = classify(dmatrix![huge, 1.0; 1.0, -huge]);
        let _ = classify(dmatrix![huge, huge; huge, huge]);
    }
    assert!(CriticalPoint::of(&mut Rosenbrock::new(2), &DVector::<f64>::zeros(5)).is_err());
}

#[test]
fn a_wrong_length_evaluates_to_nan_and_writes_nothing() {
    let (x, y) = (x(), labels());
    let mut risk = EmpiricalRisk::new(Network::new(&[2, 3, 1], Activation::Tanh), LogLoss, &x, &y).unwrap();
    let p = risk.dim();
    let (right, marked) = (DVector::zeros(p), DVector::repeat(p, 7.0));
    for wrong in [DVector::zeros(0), DVector::zeros(p - 1), DVector::zeros(p + 1)] {
        let mut out = marked.clone();
        let mut h = DMatrix::repeat(p, p, 7.0);
        assert!(risk.value(&wrong).is_nan());
        assert!(risk.value_gradient(&wrong, &mut out).is_nan());
        assert!(risk.value_gradient_hessian(&wrong, &mut out, &mut h).is_nan());
        risk.hessian(&wrong, &mut h);
        risk.hessian_product(&wrong, &right, &mut out);
        risk.hessian_product(&right, &wrong, &mut out);
        risk.gauss_newton_product(&wrong, &right, &mut out);
        assert!(!risk.has_no_minimum(&wrong));
        assert_eq!(out, marked);
        assert!(h.iter().all(|h| (h - 7.0).abs() <= 0.0));
        let (mut short, mut small) = (wrong.clone(), DMatrix::repeat(p - 1, p, 7.0));
        assert!(risk.value_gradient(&right, &mut short).is_nan());
        risk.hessian_product(&right, &right, &mut short);
        risk.hessian(&right, &mut small);
        assert_eq!(short, wrong);
        assert!(small.iter().all(|h| (h - 7.0).abs() <= 0.0));
    }
}

#[test]
fn every_error_speaks_for_itself() {
    let errors = [
        Perceptron::new(2).fit(&x().transpose(), &labels()).unwrap_err(),
        Perceptron::new(2).fit(&DMatrix::repeat(2, 6, 1.0), &labels()).unwrap_err(),
        SigmoidClassifier::new(2).fit(&x(), &DMatrix::zeros(1, 6)).unwrap_err(),
        SigmoidClassifier::new(2).fit(&x(), &(labels() * 2.0)).unwrap_err(),
    ];
    let said: Vec<String> = errors.iter().map(Error::to_string).collect();
    assert_eq!(said[0], "`x` must be 2 × 2, found 6 × 2");
    assert!(said[1].contains("rank 1, expected 3"), "{}", said[1]);
    assert!(said[2].contains("single class (0)"), "{}", said[2]);
    assert_eq!(said[3], "`y` must be 0 or 1, found 2 for sample 1");
}

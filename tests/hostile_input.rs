//! Bad shapes, empty data, NaN and infinities in every argument, one class, foreign labels, bad settings: a typed
//! error that names the argument, never a panic; evaluation methods answer NaN and write nothing.

use gradus::data::{Standardizer, columns, one_hot};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::problems::Rosenbrock;
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
        match known.predict(&x()) {
            Ok(p) => assert!(p.iter().all(|p| (0.0..=1.0).contains(p)) && known.classify(&x()).is_ok()),
            Err(error) => {
                assert!(matches!(error, Error::Evaluation { .. }), "{error}");
                assert_eq!(known.classify(&x()).unwrap_err().to_string(), error.to_string());
            }
        }
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
    // their sum is no number, but their shares are
    let value = |risk: &mut EmpiricalRisk<_, _, _>| risk.value(&dvector![1.0, 2.0, 3.0]);
    let equal = value(&mut risk().with_weights(&[f64::MAX; 6]).unwrap());
    assert!((equal / value(&mut risk()) - 1.0).abs() < 1e-15, "{equal}");
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
            fitted.predict(&x).unwrap_err(),
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
    assert!(matches!(ragged, Err(Error::Ragged { argument: "rows", row: 1, expected: 2, found: 1 })));
    assert!(matches!(one_hot::<f64>(&[], 3), Err(Error::Empty { argument: "labels", .. })));
    assert!(matches!(one_hot::<f64>(&[0], 0), Err(Error::Empty { argument: "classes", .. })));
    assert!(matches!(one_hot::<f64>(&[0, 3], 3), Err(Error::Class { argument: "labels", sample: 1, .. })));
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
        assert!(!matches!(risk.recedes(&wrong), Recession::Along(_)));
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
    assert_eq!(said[0], "`x` is 6 × 2 but the model takes 2 features: one sample per column, transpose it");
    assert!(said[1].contains("rank 1, expected 3"), "{}", said[1]);
    assert!(said[2].contains("single class (0)"), "{}", said[2]);
    assert_eq!(said[3], "`y` must be 0 or 1, found 2 for sample 1");
}

/// Residuals `x − 1` whose outputs are replaced by larger ones.
struct Replacing {
    residuals: bool,
    jacobian: bool,
}

impl Residuals<f64> for Replacing {
    fn dim(&self) -> usize {
        2
    }
    fn count(&self) -> usize {
        2
    }
    fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
        *r = if self.residuals { DVector::zeros(5) } else { x.add_scalar(-1.0) };
    }
    fn jacobian(&mut self, _x: &DVector<f64>, j: &mut DMatrix<f64>) {
        *j = if self.jacobian { DMatrix::zeros(3, 2) } else { DMatrix::identity(2, 2) };
    }
}

#[test]
fn residuals_that_replace_what_they_are_lent_end_in_an_error() {
    for (residuals, jacobian) in [(true, false), (false, true), (true, true)] {
        let new = || Replacing { residuals, jacobian };
        let (start, stop) = (dvector![3.0, 4.0], Stop::default());
        let mut squares = LeastSquares::new(new());
        let bounded = LevenbergMarquardt::new().bounds(Bounds::unbounded(2).upper(0, 9.0));
        for ended in [
            minimize(&mut Lbfgs::new(), &mut squares, start.clone(), &stop),
            minimize(&mut Adam::new(0.1), &mut squares, start.clone(), &stop),
            LevenbergMarquardt::new().solve(new(), start.clone()),
            GaussNewton::new().solve(new(), start.clone()),
            bounded.clone().solve(new(), start.clone()),
            minimize(&mut bounded.clone(), &mut squares, start.clone(), &stop),
        ] {
            assert!(matches!(ended, Err(Error::Resized { .. })), "{ended:?}");
        }
    }
}

/// As many entries in other rows and columns are told as such.
#[test]
fn a_message_never_expects_what_it_found() {
    let error = Error::Resized { what: "the Jacobian", expected: 6, found: 6 }.to_string();
    assert!(error.contains("other rows and columns") && !error.contains("expected 6"), "{error}");
    let error = Error::Resized { what: "the Jacobian", expected: 6, found: 9 }.to_string();
    assert!(error.contains("with 9 entries, expected 6"), "{error}");
}

/// Replaces the point by another one.
#[derive(Clone)]
struct Wandering;

impl optimizer::Stochastic for Wandering {}

impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for Wandering {
    fn step(&mut self, f: &mut O, x: &mut DVector<f64>) -> Result<optimizer::Step<f64>, Error> {
        let step = optimizer::Step::new(f.value(x), 1.0);
        *x = DVector::zeros(7);
        Ok(step)
    }
}

#[test]
fn an_optimizer_that_replaces_the_point_ends_in_an_error() {
    let replaced = minimize(&mut Wandering, &mut Rosenbrock::new(2), dvector![0.0, 0.0], &Stop::default());
    let expected = Error::Resized { what: "the point", expected: 2, found: 7 };
    assert_eq!(replaced.unwrap_err(), expected);
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 2.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let trained = Trainer::new(Wandering).train(&mut risk, dvector![0.0, 0.0]);
    assert_eq!(trained.unwrap_err(), expected);
}

/// A model with scores of a shape of their own, as many parameters as it likes, or a gradient that it replaces.
#[derive(Debug, Clone)]
struct Odd {
    scores: (usize, usize),
    parameters: usize,
    outputs: usize,
    replaces: bool,
}

impl Architecture for Odd {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        self.outputs
    }
    fn parameter_count(&self) -> usize {
        self.parameters
    }
}

impl Model<f64> for Odd {
    type Cache = DMatrix<f64>;
    fn cache(&self, _max_batch: usize) -> DMatrix<f64> {
        DMatrix::repeat(self.scores.0, self.scores.1, 0.5)
    }
    fn forward<'c>(
        &self, _theta: &DVector<f64>, _x: nalgebra::DMatrixView<'_, f64>, cache: &'c mut DMatrix<f64>,
    ) -> nalgebra::DMatrixView<'c, f64> {
        cache.as_view()
    }
    fn backward(
        &self, _theta: &DVector<f64>, _x: nalgebra::DMatrixView<'_, f64>,
        _delta: nalgebra::DMatrixView<'_, f64>, _cache: &mut DMatrix<f64>, gradient: &mut DVector<f64>,
    ) {
        if self.replaces {
            *gradient = DVector::zeros(9);
        }
    }
}

#[test]
fn a_model_with_scores_of_another_shape_is_named() {
    let x = dmatrix![1.0, 2.0, 3.0];
    for scores in [(2, 3), (1, 2), (1, 4), (0, 0), (3, 1)] {
        let odd = Odd { scores, parameters: 2, outputs: 1, replaces: false };
        let risk = EmpiricalRisk::new(odd.clone(), SquaredError, &x, &x).map(|_| ());
        let Err(Error::Shape { argument: "scores", found, .. }) = risk else { panic!("{risk:?}") };
        assert_eq!(found, scores);
        let fitted = Fitted::from_parameters(odd, SquaredError, dvector![0.0, 0.0]).unwrap();
        let mut out = DMatrix::zeros(1, 3);
        let errors = [
            fitted.predict(&x).unwrap_err(),
            fitted.scores(&x).unwrap_err(),
            fitted.score(&x, &x).unwrap_err(),
            fitted.predictor(3).predict_into(&x, &mut out).unwrap_err(),
        ];
        assert!(errors.iter().all(|e| matches!(e, Error::Shape { argument: "scores", .. })), "{errors:?}");
    }
    let odd = Odd { scores: (1, 1), parameters: 2, outputs: 1, replaces: true };
    let one = dmatrix![1.0];
    let mut risk = EmpiricalRisk::new(odd, SquaredError, &one, &one).unwrap().ridge(0.1);
    let stop = Stop::default();
    assert!(minimize(&mut GradientDescent::new(0.1), &mut risk, dvector![1.0, 1.0], &stop).is_err());
}

/// Residuals in numbers that no memory holds.
struct Countless(usize);

impl Residuals<f64> for Countless {
    fn dim(&self) -> usize {
        1
    }
    fn count(&self) -> usize {
        self.0
    }
    fn residuals(&mut self, _x: &DVector<f64>, _r: &mut DVector<f64>) {}
    fn jacobian(&mut self, _x: &DVector<f64>, _j: &mut DMatrix<f64>) {}
}

#[test]
fn more_than_memory_holds_is_refused() {
    for huge in [usize::MAX, usize::MAX / 2, 1 << 60, 1 << 44] {
        let is_large = |error: Option<Error>| {
            assert!(matches!(error, Some(Error::TooLarge { .. })), "{huge}: {error:?}");
        };
        is_large(one_hot::<f64>(&[0, 1], huge).err());
        let (mut f, start, stop) = (Rosenbrock::new(2), dvector![-1.2, 1.0], Stop::default());
        is_large(minimize(&mut Lbfgs::new().memory(huge), &mut f, start, &stop).err());
        is_large(LevenbergMarquardt::new().solve(Countless(huge), dvector![1.0]).err());
        is_large(GaussNewton::new().solve(Countless(huge), dvector![1.0]).err());
        let mut squares = LeastSquares::new(Countless(huge));
        assert!(squares.value(&dvector![1.0]).is_nan());
        is_large(squares.offset(&dvector![1.0]).err());
        is_large(minimize(&mut Lbfgs::new(), &mut squares, dvector![1.0], &stop).err());

        let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 2.0]);
        let odd = Odd { scores: (1, 1), parameters: huge, outputs: 1, replaces: false };
        is_large(EmpiricalRisk::new(odd, SquaredError, &x, &y).err());
        let wide = Odd { scores: (1, 1), parameters: 0, outputs: huge, replaces: false };
        let wide = Fitted::from_parameters(wide, SquaredError, DVector::zeros(0)).unwrap();
        is_large(wide.predict(&x).err());
        let network = Network::new(&[1, huge, 1], Activation::Tanh);
        assert!(network.initial::<f64>(1).is_empty() && network.fit(LogLoss, &x, &y, 1).is_err());
        if network.check().is_ok() {
            is_large(EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).err());
        }
        // a cache for so many samples takes none
        let (perceptron, narrow) = (Perceptron::new(1), Network::new(&[1, 2, 1], Activation::Tanh));
        let mut cache = perceptron.cache(huge);
        assert_eq!(perceptron.forward(&dvector![1.0, 1.0], x.as_view(), &mut cache).ncols(), 0);
        let mut cache = narrow.cache(huge);
        assert_eq!(narrow.forward(&narrow.initial(1), x.as_view(), &mut cache).ncols(), 0);
    }
    // whose matrices would be: 2^21 coordinates are few
    let (n, stop) = (1 << 21, Stop::default().iterations(2));
    let (mut f, start) = (Rosenbrock::new(n), DVector::<f64>::zeros(n));
    let from = || start.clone();
    let errors = [
        minimize(&mut Newton::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut TrustRegion::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut Bfgs::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut SaddleFree::new().dimension(usize::MAX), &mut f, from(), &stop).unwrap_err(),
        CriticalPoint::of(&mut f, &start).unwrap_err(),
        Perceptron::new(n).fit(&start, &dmatrix![1.0]).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| matches!(error, Error::TooLarge { .. })), "{errors:?}");
}

#[test]
fn slices_of_another_length_are_left_alone() {
    let network = Network::new(&[1, 2, 1], Activation::Tanh);
    let classifier = SigmoidClassifier::new(3);
    let all: [&dyn Architecture; 3] = [&Perceptron::new(3), &classifier, &network];
    for model in all {
        for length in [0, 1, model.parameter_count() - 1, model.parameter_count() + 1] {
            for before in [true, false] {
                let mut slice = vec![before; length];
                model.penalised(&mut slice);
                assert!(slice.iter().all(|on| *on == before));
            }
        }
    }
}

#[test]
fn statistics_of_unequal_lengths_stop_at_the_shorter() {
    let x = dmatrix![1.0, 2.0, 3.0, 4.0, 5.0];
    let y = dmatrix![1.0, 2.5, 2.0, 4.0, 4.5];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let mut statistics = risk.statistics(fitted.parameters()).unwrap();
    assert_eq!(statistics.confidence_intervals(0.95).unwrap().shape(), (2, 2));
    statistics.standard_errors = DVector::zeros(1);
    assert_eq!((statistics.ratios().len(), statistics.p_values().len()), (1, 1));
    assert_eq!(statistics.confidence_intervals(0.95).unwrap().shape(), (1, 2));
    statistics.estimates = DVector::zeros(0);
    assert_eq!(statistics.ratios().len(), 0);
    assert_eq!(statistics.confidence_intervals(0.95).unwrap().shape(), (0, 2));
}

/// `|z − y|` without its derivative.
struct Silent;

impl Loss<f64> for Silent {
    fn value(&self, z: nalgebra::DMatrixView<'_, f64>, y: nalgebra::DMatrixView<'_, f64>, _: &[f64]) -> f64 {
        (z - y).abs().sum()
    }
    fn value_gradient(
        &self, z: nalgebra::DMatrixView<'_, f64>, y: nalgebra::DMatrixView<'_, f64>, weights: &[f64],
        _delta: nalgebra::DMatrixViewMut<'_, f64>,
    ) -> f64 {
        self.value(z, y, weights)
    }
}

#[test]
fn a_gradient_that_is_never_written_is_no_zero_gradient() {
    let silent = || Function::new(2, |x: &DVector<f64>, _: &mut DVector<f64>| x.norm_squared());
    let mut without_hessian = silent().with_hessian(|_: &DVector<f64>, _: &mut DMatrix<f64>| {});
    let (start, stop) = (dvector![3.0, 4.0], Stop::default());
    let from = || start.clone();
    let mut f = silent();
    let errors = [
        minimize(&mut GradientDescent::new(0.1), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut Adam::new(0.1), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut AdaGrad::new(0.1), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut RmsProp::new(0.1), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut Lbfgs::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut Bfgs::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut ConjugateGradient::new(), &mut f, from(), &stop).unwrap_err(),
        minimize(&mut Newton::new(), &mut without_hessian, from(), &stop).unwrap_err(),
        minimize(&mut TrustRegion::new(), &mut without_hessian, from(), &stop).unwrap_err(),
        minimize(&mut NewtonCg::new(), &mut without_hessian, from(), &stop).unwrap_err(),
        minimize(&mut SaddleFree::new(), &mut without_hessian, from(), &stop).unwrap_err(),
        minimize(&mut GradientDescent::new(0.1), &mut f, from(), &stop.iterations(0)).unwrap_err(),
        CriticalPoint::of(&mut without_hessian, &start).unwrap_err(),
        LevenbergMarquardt::new().solve(Countless(2), dvector![1.0]).unwrap_err(),
    ];
    for error in &errors {
        assert!(matches!(error, Error::Evaluation { .. }), "{error}");
    }
    assert!(errors[0].to_string().contains("must be written"), "{}", errors[0]);
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![2.0, 4.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Silent, &x, &y).unwrap();
    let run = minimize(&mut GradientDescent::new(0.1), &mut risk, dvector![0.0, 0.0], &stop);
    assert!(matches!(run, Err(Error::Evaluation { what: "the gradient", .. })));
    // a Hessian that is never written certifies nothing
    let mut no_hessian = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
        g[0] = 2.0 * x[0];
        x[0] * x[0]
    })
    .with_hessian(|_: &DVector<f64>, _: &mut DMatrix<f64>| {});
    assert!(matches!(CriticalPoint::of(&mut no_hessian, &dvector![0.0]), Err(Error::NonFinite { .. })));
    let report = minimize(&mut Newton::new(), &mut no_hessian, dvector![3.0], &stop).unwrap();
    assert_eq!(report.certificate, None);
}

#[test]
fn value_gradient_and_hessian_together_write_nothing_where_a_length_is_wrong() {
    let rosenbrock: &mut dyn Hessian<f64> = &mut Rosenbrock::new(2);
    let booth: &mut dyn Hessian<f64> = &mut problems::Problem::Booth;
    let own: &mut dyn Hessian<f64> = &mut Function::new(2, |_: &DVector<f64>, g: &mut DVector<f64>| {
        g.fill(0.0);
        0.0
    })
    .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| h.fill(0.0));
    for f in [rosenbrock, booth, own] {
        for (x, g, h) in [(2, 2, (2, 3)), (2, 2, (1, 1)), (2, 3, (2, 2)), (3, 2, (2, 2)), (3, 3, (3, 3))] {
            let (mut gradient, mut hessian) = (DVector::repeat(g, 7.0), DMatrix::repeat(h.0, h.1, 7.0));
            let value = f.value_gradient_hessian(&DVector::zeros(x), &mut gradient, &mut hessian);
            assert!(value.is_nan());
            assert!(gradient.iter().chain(hessian.iter()).all(|entry| (entry - 7.0).abs() <= 0.0));
        }
    }
    let mut squares = LeastSquares::new(Replacing { residuals: false, jacobian: false });
    assert!(squares.value_gradient(&dvector![1.0, 1.0], &mut DVector::zeros(3)).is_nan());
}

#[test]
fn an_end_of_a_bracket_whose_slope_underflows_is_no_minimum() {
    let bell = |x: f64| {
        let e = (-x * x).exp();
        (-e, 2.0 * x * e, (2.0 - 4.0 * x * x) * e)
    };
    let report = univariate::ScalarNewton::new().bracket(-10.0, 60.0).minimum(bell, 6.0).unwrap();
    assert!(report.value <= bell(6.0).0 && report.x.abs() < 1e-6, "{report:?}");
}

#[test]
fn falling_towards_the_edge_of_a_domain_takes_few_evaluations() {
    let root = |x: f64| (x.sqrt(), 0.5 / x.sqrt(), -0.25 * x.powf(-1.5)); // the last overflows first
    let report = univariate::ScalarNewton::new().minimum(root, 1.0).unwrap();
    assert!(report.evaluations < 60 * (report.iterations + 1), "{report:?}");
}

#[test]
fn models_check_every_shape_before_they_write() {
    let model = Perceptron::new(1);
    let (x, y, theta) = (dmatrix![1.0, 2.0], dmatrix![1.0, 1.0], dvector![1.0, 1.0]);
    let mut cache = model.cache(2);
    model.forward(&theta, x.as_view(), &mut cache);
    let (mut out, marked) = (dvector![7.0, 7.0], dvector![7.0, 7.0]);
    for wrong in [DVector::zeros(0), DVector::zeros(3)] {
        model.backward(&wrong, x.as_view(), y.as_view(), &mut cache, &mut out);
        let (delta, r) = (y.as_view(), y.as_view());
        model.backward_tangent(&wrong, &theta, x.as_view(), delta, r, &mut cache, &mut out);
        model.backward_tangent(&theta, &wrong, x.as_view(), delta, r, &mut cache, &mut out);
        assert_eq!(out, marked);
    }
    let (odd, mut h) = (DMatrix::zeros(1, 3), [7.0; 4]);
    model.dense_hessian(&theta, x.as_view(), odd.as_view(), y.as_view(), &mut cache, &mut h);
    model.hessian_diagonal(&theta, x.as_view(), odd.as_view(), y.as_view(), &mut cache, &mut out);
    assert_eq!((DVector::from_row_slice(&h), out), (DVector::repeat(4, 7.0), marked));
    let network = Network::new(&[1, 2, 1], Activation::Tanh);
    let theta = network.initial(1);
    let (mut cache, mut out) = (network.cache(2), DMatrix::<f64>::repeat(1, 2, 7.0));
    network.forward(&theta, x.as_view(), &mut cache);
    network.input_gradient(&theta, odd.as_view(), &mut cache, out.as_view_mut());
    assert!(out.iter().all(|entry| (entry - 7.0).abs() <= 0.0));
}

#[test]
fn losses_judge_no_scores_of_another_shape() {
    let (z, y) = (dmatrix![1.0_f64, 2.0; -1.0, 0.5], dmatrix![1.0, 1.0, 1.0; 0.0, 0.0, 0.0]);
    let (z, y) = (z.as_view(), y.as_view());
    assert!(SquaredError.score(z, y).is_nan() && SquaredError.score(y, z).is_nan());
    assert!(LogLoss.score(z, y).is_nan() && LogLoss.score(y, z).is_nan());
    assert!(CrossEntropy.score(z, y).is_nan() && CrossEntropy.score(y, z).is_nan());
}

#[test]
fn every_setting_is_judged_where_it_is_used() {
    assert!(matches!(
        Standardizer::<f64>::fit(&DMatrix::zeros(0, 3)),
        Err(Error::Empty { argument: "x", .. })
    ));
    assert_eq!(Standardizer::fit(&x()).unwrap().transform(&DMatrix::zeros(2, 0)).unwrap().shape(), (2, 0));
    let (x, y) = (x(), labels());
    let risk = || EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap();
    let refused = CriticalPoint::of(&mut risk().ridge(-1.0), &DVector::zeros(3));
    assert!(matches!(refused, Err(Error::Setting { name: "ridge", .. })));
    let mut report = risk().fit().unwrap().report;
    assert!(matches!(report.certify(&mut risk().ridge(-1.0)), Err(Error::Setting { name: "ridge", .. })));
    let huber = Fitted::from_parameters(Perceptron::new(1), Huber::new(-1.0), dvector![1.0, 1.0]);
    assert!(matches!(huber, Err(Error::Setting { name: "delta", .. })));
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let none = Trainer::default().epochs(0).train(&mut risk, DVector::zeros(3));
    assert!(matches!(none, Err(Error::Setting { name: "epochs", .. })));
    let strong = risk.ridge(1e308).fit();
    assert!(matches!(strong, Err(Error::Setting { name: "ridge", .. })), "{strong:?}");
    // coefficients of 1e310 are out of range: whatever the end, the start is not to blame
    match SigmoidClassifier::new(2).fit(&(&x * 1e-310), &y) {
        Ok(fitted) => assert!(fitted.parameters().iter().all(|t| t.is_finite())),
        Err(error) => assert!(!matches!(error, Error::Evaluation { at: "the start", .. }), "{error}"),
    }
}

#[test]
fn early_stopping_counts_validation_losses_that_are_not_finite() {
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let mut nowhere = Function::new(2, |_: &DVector<f64>, _: &mut DVector<f64>| f64::NAN);
    let mut trainer = Trainer::default().epochs(100).early_stopping(3, 0.0);
    let go = |_: &mut Training<'_, f64>| std::ops::ControlFlow::Continue(());
    let (fitted, history) =
        trainer.train_with(&mut risk, dvector![0.0, 0.0], Some(&mut nowhere), go).unwrap();
    assert_eq!((fitted.report.termination, history.len()), (Termination::NoImprovement, 3));
}

#[test]
fn what_grows_faster_than_what_is_given_is_refused_too() {
    // a row that is named a million times
    let row = vec![0.0; 1 << 20];
    let error = columns(&vec![row.as_slice(); 1 << 20]);
    assert!(matches!(error, Err(Error::TooLarge { argument: "rows", .. })), "{error:?}");

    // blocks of outputs × outputs; and `∂²L/∂z²` of units × units, on the way to another layer
    let k = 1_000_000;
    let wide = SigmoidClassifier::new(1).with_outputs(k).without_bias();
    let (x, y, targets) = (dmatrix![1.0], dmatrix![0.5], DMatrix::zeros(k, 1));
    assert_nan(EmpiricalRisk::new(wide, LogLoss, &x, &targets).unwrap(), k);
    let deep = Network::new(&[1, 1, k, 1], Activation::Tanh);
    let p = deep.parameter_count();
    assert_nan(EmpiricalRisk::new(deep, SquaredError, &x, &y).unwrap(), p);

    fn assert_nan<M: SecondOrderModel<f64>, L: SecondOrderLoss<f64>>(
        mut risk: EmpiricalRisk<f64, M, L>, p: usize,
    ) {
        let mut diagonal = DVector::zeros(p);
        risk.hessian_diagonal(&DVector::from_element(p, 0.1), &mut diagonal);
        assert!(diagonal.iter().all(|h| h.is_nan()));
    }
}

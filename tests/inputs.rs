//! Data as people have them: every form of `x` and `y` is read as the matrix it stands for, and classes give the bits of
//! their columns of zeros and ones.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use std::ops::ControlFlow;

use draw::Draw;
use gradus::data::one_hot;
use gradus::nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector, SMatrix};
use gradus::{
    Activation, Adam, Architecture, Bfgs, Classifier, CrossEntropy, EmpiricalRisk, Error, Fitted, Function,
    GradientDescent, Hessian, HessianProduct, Huber, Lbfgs, LogLoss, Loss, Model, Network, Objective,
    Perceptron, Real, SecondOrderLoss, SecondOrderModel, SigmoidClassifier, SquaredError, Stop, Trainer,
    TrustRegion, matrix, minimize, vector,
};

#[path = "support/draw.rs"]
mod draw;

fn bits<T: Real>(values: impl IntoIterator<Item = T>) -> Vec<u64> {
    values.into_iter().map(|v| v.f64().to_bits()).collect()
}

/// `y = 2 x₁ − x₂ + 3`, in every form that `x` and `y` may have.
fn a_plane<T: Real>() {
    let of = |numbers: &[f64]| numbers.iter().map(|x| T::of(*x)).collect::<Vec<T>>();
    let x = DMatrix::from_column_slice(2, 5, &of(&[0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 2.0, 1.0, 3.0, 5.0]));
    let prices = of(&[3.0, 5.0, 2.0, 6.0, 4.0]);
    let array: [T; 5] = prices.clone().try_into().unwrap();
    let (column, row) = (DVector::from_vec(prices.clone()), DMatrix::from_row_slice(1, 5, &prices));
    let wide = DMatrix::from_fn(3, 7, |i, j| if i < 2 && j < 5 { x[(i, j)] } else { T::NAN });
    let fixed = SMatrix::<T, 2, 5>::from_iterator(x.iter().copied());

    let view = x.columns(0, 5);

    let model = || Perceptron::new(2);
    let expected = model().fit(&x, &row).unwrap();
    for (theta, exact) in expected.parameters().iter().zip([2.0, -1.0, 3.0]) {
        assert!((theta.f64() - exact).abs() < 64.0 * T::EPSILON.f64());
    }
    let fits = [
        model().fit(&x, &prices),
        model().fit(&x, &prices[..]),
        model().fit(&x, prices.as_slice()),
        model().fit(&x, &array),
        model().fit(&x, &column),
        model().fit(&x, row.as_view()),
        model().fit(&x, &row.row(0)),
        model().fit(x.as_view(), &column),
        model().fit(view, &column),
        model().fit(&fixed, &column),
        model().fit(wide.view((0, 0), (2, 5)), &prices),
        model().fit(&mut x.clone(), &mut column.clone()),
        model().fit(x.clone().as_view_mut(), &prices),
        EmpiricalRisk::new(model(), SquaredError, &x, &prices).and_then(|mut risk| risk.fit()),
    ];
    for fitted in fits {
        assert_eq!(
            bits(fitted.unwrap().parameters().iter().copied()),
            bits(expected.parameters().iter().copied())
        );
    }

    // one sample of two features
    let point = of(&[1.0, 2.0]);
    let expected = expected_of(&expected, &DMatrix::from_column_slice(2, 1, &point));
    let fitted = model().fit(&x, &prices).unwrap();
    let array: [T; 2] = point.clone().try_into().unwrap();
    for y in [
        fitted.predict(&point),
        fitted.predict(point.as_slice()),
        fitted.predict(&array),
        fitted.predict(&DVector::from_vec(point.clone())),
        fitted.scores(&point),
    ] {
        assert_eq!(bits(y.unwrap().iter().copied()), expected);
    }
    let mut out = DMatrix::zeros(1, 1);
    fitted.predictor(1).predict_into(&point, &mut out).unwrap();
    assert_eq!(bits(out.iter().copied()), expected);
    assert!((fitted.score(&x, &prices).unwrap().f64() - 1.0).abs() < 1e-5);
    let wrong = fitted.predict(&of(&[1.0, 2.0, 3.0])).unwrap_err();
    assert_eq!(wrong, Error::Shape { argument: "x", expected: (2, 1), found: (3, 1) });
}

fn expected_of<T: Real>(fitted: &Fitted<T, Perceptron, SquaredError>, x: &DMatrix<T>) -> Vec<u64> {
    bits(fitted.predict(x).unwrap().iter().copied())
}

#[test]
fn every_form_of_x_and_y_is_read() {
    a_plane::<f32>();
    a_plane::<f64>();
}

/// For a model of one feature a slice is as many samples; of several outputs it is one sample's targets.
#[test]
fn a_slice_is_what_the_model_makes_of_it() {
    let fitted = Perceptron::new(1).fit(&[1.0, 2.0, 3.0], &[3.0, 5.0, 7.0]).unwrap();
    let y = fitted.predict(&[4.0, 5.0]).unwrap();
    assert!(y.relative_eq(&matrix![9.0, 11.0], 1e-12, 1e-12), "{y}");
    let x: DVector<f32> = vector![1.0, 2.0, 3.0];
    let fitted = Perceptron::new(1).fit(&x, &vector![3.0, 5.0, 7.0]).unwrap();
    assert_eq!(fitted.predict(&[4.0_f32, 5.0]).unwrap().shape(), (1, 2));

    let model = Perceptron::new(3).with_outputs(2).without_bias();
    let mut risk = EmpiricalRisk::new(model, SquaredError, &[1.0, 2.0, 3.0], &[4.0, 6.0]).unwrap();
    assert_eq!(risk.value(&DVector::zeros(6)), 0.5 * (16.0 + 36.0));
}

#[test]
fn matrices_written_out() {
    let x = matrix![1.0, 2.0, 3.0; 4.0, 5.0, 6.0];
    assert_eq!(x, DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
    assert_eq!(matrix![1, 2,; 3, 4,;], DMatrix::from_row_slice(2, 2, &[1, 2, 3, 4]));
    assert_eq!(matrix![7.0_f32].shape(), (1, 1));
    let none: DMatrix<f64> = matrix![];
    assert_eq!(none.shape(), (0, 0));
    assert_eq!(vector![1.0, 2.0], DVector::from_vec(vec![1.0, 2.0]));
    let none: DVector<f32> = vector![];
    assert!(none.is_empty());
}

/// Everything that a risk gives, by classes and by their columns of zeros and ones.
fn alike<T, M, L>(model: M, loss: L, x: &DMatrix<T>, (labels, y): (&Vec<usize>, &DMatrix<T>), draw: &mut Draw)
where
    T: Real,
    M: SecondOrderModel<T> + Clone,
    L: SecondOrderLoss<T> + Classifier<T> + Clone,
{
    let (m, p) = (x.ncols(), model.parameter_count());
    let theta = DVector::from_fn(p, |_, _| T::of(draw.unit()));
    let v = DVector::from_fn(p, |_, _| T::of(draw.unit()));
    let weights: Vec<T> = (0..m).map(|_| T::of(draw.below(3) as f64)).collect();
    let some: Vec<usize> = (0..m).map(|_| draw.below(m)).collect();
    let (start, ridge, is_weighted) = (draw.below(m), T::of(0.1 * draw.below(2) as f64), draw.below(2) == 0);
    let all = |risk: Result<EmpiricalRisk<'_, T, M, L>, Error>| {
        let mut risk = risk.unwrap().ridge(ridge);
        if is_weighted && weights.iter().any(|w| *w > T::zero()) {
            risk = risk.with_weights(&weights).unwrap();
        }
        let mut all = Vec::new();
        for batch in 0..3 {
            let narrowed = match batch {
                0 => risk.batch(0..m).is_ok(),
                1 => risk.batch(start..m).is_ok(),
                _ => risk.select(&some).is_ok(),
            };
            all.push(u64::from(narrowed));
            let (mut g, mut h, mut hv) = (theta.clone(), DMatrix::zeros(p, p), v.clone());
            all.extend(bits([risk.value(&theta), risk.value_gradient(&theta, &mut g)]));
            risk.hessian(&theta, &mut h);
            risk.hessian_product(&theta, &v, &mut hv);
            all.extend(bits(g.iter().chain(h.iter()).chain(hv.iter()).copied()));
            risk.gauss_newton_product(&theta, &v, &mut g);
            risk.hessian_diagonal(&theta, &mut hv);
            all.extend(bits(g.iter().chain(hv.iter()).copied()));
            all.extend(format!("{:?}", risk.recedes(&theta)).bytes().map(u64::from));
        }
        let known =
            Fitted::from_parameters(risk.model().clone(), risk.loss().clone(), theta.clone()).unwrap();
        (all, known)
    };
    let (by_labels, known) = all(EmpiricalRisk::new(model.clone(), loss.clone(), x, labels));
    let (by_columns, _) = all(EmpiricalRisk::new(model, loss, x, y));
    assert_eq!(by_labels, by_columns);
    let scores = [known.score(x, labels), known.score(x, y), known.score(x, labels.as_slice())];
    assert!(scores.iter().all(|score| *score == scores[0]), "{scores:?}");
}

fn classes_are_columns<T: Real>(seed: u64) {
    let mut draw = Draw::new(seed);
    let (n, k, m) = (1 + draw.below(4), 2 + draw.below(9), 1 + draw.below(150));
    let x = DMatrix::from_fn(n, m, |_, _| T::of(draw.wide(-3, 3)));
    let labels: Vec<usize> = (0..m).map(|_| draw.below(k)).collect();
    let y: DMatrix<T> = one_hot(&labels, k).unwrap();
    let classes = (&labels, &y);
    alike(Perceptron::new(n).with_outputs(k), CrossEntropy, &x, classes, &mut draw);
    alike(SigmoidClassifier::new(n).with_outputs(k), LogLoss, &x, classes, &mut draw);
    let network = Network::new(&[n, 3, k], Activation::Tanh);
    alike(network.clone(), CrossEntropy, &x, classes, &mut draw);
    alike(network, LogLoss, &x, classes, &mut draw);
    let halves: Vec<usize> = labels.iter().map(|label| label % 2).collect();
    let y = DMatrix::from_iterator(1, m, halves.iter().map(|label| T::of(*label as f64)));
    alike(SigmoidClassifier::new(n), LogLoss, &x, (&halves, &y), &mut draw);
}

#[test]
fn classes_give_the_bits_of_their_columns() {
    for seed in 0..60 {
        classes_are_columns::<f64>(seed);
        classes_are_columns::<f32>(seed);
    }
}

/// Many classes are worked on in lanes: values and slopes, sure and unsure samples, infinite scores among them.
fn many_classes<T: Real>() {
    let mut draw = Draw::new(5);
    for k in [2, 15, 63, 64, 65, 127, 128, 200, 1000, 2500] {
        let (m, n) = (1 + draw.below(70), 2);
        let x = DMatrix::from_fn(n, m, |_, _| T::of(draw.unit()));
        let labels: Vec<usize> = (0..m).map(|_| draw.below(k)).collect();
        let y: DMatrix<T> = one_hot(&labels, k).unwrap();
        let model = Perceptron::new(n).with_outputs(k);
        let mut by_labels = EmpiricalRisk::new(model, CrossEntropy, &x, &labels).unwrap();
        let mut by_columns = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap();
        for size in [1.0, 50.0, 1e4, f64::MAX] {
            let theta = DVector::from_fn(n * k + k, |_, _| T::of(size.min(T::MAX.f64()) * draw.unit()));
            let (mut g, mut h) = (theta.clone(), theta.clone());
            let values = [
                by_labels.value(&theta),
                by_columns.value(&theta),
                by_labels.value_gradient(&theta, &mut g),
                by_columns.value_gradient(&theta, &mut h),
            ];
            let of = bits(values);
            assert_eq!((of[0], of[2]), (of[1], of[3]), "{k} {size}: {values:?}");
            assert_eq!(bits(g.iter().copied()), bits(h.iter().copied()), "{k} {size}");
        }
    }
}

#[test]
fn many_classes_give_the_bits_of_their_columns() {
    many_classes::<f64>();
    many_classes::<f32>();
}

/// `logsumexp(z) − z_c` and `p − y` of scores with known sums: of `k` classes one has the score `a`, the others 0.
fn closed_form<T: Real>() {
    for k in [3_usize, 64, 65, 129, 1000] {
        for a in [-2.0, 0.0, 0.5, 3.0, 12.0] {
            let mut theta = DVector::<T>::zeros(2 * k);
            theta[k + k / 2] = T::of(a);
            let labels = [k / 2, k - 1];
            let model = Perceptron::new(1).with_outputs(k);
            let x = DMatrix::zeros(1, 2);
            let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &labels).unwrap();
            let mut gradient = theta.clone();
            let value = risk.value_gradient(&theta, &mut gradient).f64();
            // s = k − 1 + e^a
            let s = (k - 1) as f64 + a.exp();
            let expected = (s.ln() - a + s.ln()) / 2.0;
            let tolerance = 8.0 * T::EPSILON.f64();
            assert!((value - expected).abs() <= tolerance * (1.0 + expected), "{k} {a}: {value} {expected}");
            let own = a.exp() / s - 0.5;
            assert!((gradient[k + k / 2].f64() - own).abs() <= tolerance, "{k} {a}");
            assert!((gradient[k].f64() - 1.0 / s).abs() <= tolerance / s, "{k} {a}");
        }
    }
}

#[test]
fn scores_with_known_sums() {
    closed_form::<f64>();
    closed_form::<f32>();
}

/// Fits, their errors and their statistics.
fn fits_are_alike<T: Real>() {
    let mut draw = Draw::new(7);
    let mut outcomes = [0; 2];
    for _ in 0..60 {
        let (n, k, m) = (1 + draw.below(3), 2 + draw.below(3), 8 + draw.below(50));
        let x = DMatrix::from_fn(n, m, |_, _| T::of(draw.unit()));
        let labels: Vec<usize> = (0..m).map(|_| draw.below(k)).collect();
        let y: DMatrix<T> = one_hot(&labels, k).unwrap();
        let (model, binary) = (Perceptron::new(n).with_outputs(k), SigmoidClassifier::new(n));
        let by_labels = EmpiricalRisk::new(model, CrossEntropy, &x, &labels).and_then(|mut risk| risk.fit());
        let by_columns = EmpiricalRisk::new(model, CrossEntropy, &x, &y).and_then(|mut risk| risk.fit());
        outcomes[usize::from(by_labels.is_ok())] += 1;
        assert_eq!(format!("{by_labels:?}"), format!("{by_columns:?}"));

        let labels: Vec<usize> = labels.iter().map(|label| usize::from(*label == 0)).collect();
        let y = y.rows(0, 1).into_owned();
        let (by_labels, by_columns) = (binary.fit(&x, &labels), binary.fit(&x, &y));
        assert_eq!(format!("{by_labels:?}"), format!("{by_columns:?}"));
        if let Ok(fitted) = by_labels {
            let mut by_labels = EmpiricalRisk::new(binary, LogLoss, &x, &labels).unwrap();
            let mut by_columns = EmpiricalRisk::new(binary, LogLoss, &x, &y).unwrap();
            let statistics = [
                format!("{:?}", by_labels.statistics(fitted.parameters())),
                format!("{:?}", by_columns.statistics(fitted.parameters())),
            ];
            assert_eq!(statistics[0], statistics[1]);
        }
    }
    assert!(outcomes[1] > 30, "{outcomes:?}");
}

#[test]
fn fits_by_classes_are_those_by_columns() {
    fits_are_alike::<f64>();
    fits_are_alike::<f32>();
}

#[test]
fn training_by_classes_is_that_by_columns() {
    let mut draw = Draw::new(3);
    let x = DMatrix::from_fn(3, 200, |_, _| draw.unit());
    let labels: Vec<usize> = x.column_iter().map(|x| x.imax()).collect();
    let y = one_hot(&labels, 3).unwrap();
    let network = Network::new(&[3, 8, 3], Activation::Relu);
    let train = |risk: Result<EmpiricalRisk<'_, f64, Network, CrossEntropy>, Error>,
                 held_out: Result<EmpiricalRisk<'_, f64, Network, CrossEntropy>, Error>| {
        let (mut risk, mut held_out) = (risk.unwrap(), held_out.unwrap());
        let mut trainer = Trainer::new(Adam::new(0.01)).epochs(30).batch_size(32);
        let start = network.initial(1);
        trainer.train_with(&mut risk, start, Some(&mut held_out), |_| ControlFlow::Continue(())).unwrap()
    };
    let new = |x, y| EmpiricalRisk::new(network.clone(), CrossEntropy, x, y);
    let by_columns = train(new(&x, &y), new(&x, &y));
    let labelled = || EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &labels);
    let by_labels = train(labelled(), labelled());
    assert_eq!(by_labels, by_columns);
    assert!(by_labels.0.score(&x, &labels).unwrap() > 0.9);
    let fitted = network.fit(CrossEntropy, &x, &labels, 1).unwrap();
    assert_eq!(fitted, network.fit(CrossEntropy, &x, &y, 1).unwrap());
}

#[test]
fn wrong_labels_are_named() {
    let x = [0.0, 1.0, 2.0];
    let model = Perceptron::new(1).with_outputs(3);
    let new = |labels: &[usize]| EmpiricalRisk::new(model, CrossEntropy, &x, labels).map(|_| ());
    let beyond = Error::Class { argument: "y", classes: 3, found: 3, sample: 1 };
    assert_eq!(new(&[0, 3, 7]).unwrap_err(), beyond);
    assert_eq!(
        beyond.to_string(),
        "`y` must hold classes 0 to 2 (of 3), found class 3 for sample 1: count classes from 0, or give the model \
         an output for each and take `CrossEntropy`"
    );
    assert_eq!(new(&[0, 1]).unwrap_err(), Error::Length { argument: "y", expected: 3, found: 2 });
    assert_eq!(new(&[]).unwrap_err(), Error::Length { argument: "y", expected: 3, found: 0 });
    assert_eq!(
        new(&[0, usize::MAX, 1]).unwrap_err(),
        Error::Class { argument: "y", classes: 3, found: usize::MAX, sample: 1 }
    );
    let binary = SigmoidClassifier::new(1);
    assert_eq!(
        binary.fit(&x, &[0, 1, 2]).unwrap_err(),
        Error::Class { argument: "y", classes: 2, found: 2, sample: 2 }
    );
    assert_eq!(binary.fit(&x, &[1, 1, 1]).unwrap_err(), Error::OneClass { argument: "y", found: 1.0 });
    assert_eq!(binary.fit(&x, &[0, 0, 0]).unwrap_err(), Error::OneClass { argument: "y", found: 0.0 });
    let empty = EmpiricalRisk::new(model, CrossEntropy, &x, &[2, 0, 2]).and_then(|mut risk| risk.fit());
    assert_eq!(empty.unwrap_err(), Error::NoSamples { argument: "y", class: 1 });
    let fitted = Fitted::from_parameters(model, CrossEntropy, DVector::zeros(6)).unwrap();
    assert_eq!(fitted.score(&x, &[0, 3, 7]).unwrap_err(), beyond);
    // cross-entropy of a single output is no question
    let one = EmpiricalRisk::new(Perceptron::new(1), CrossEntropy, &x, &[0, 1, 0]).map(|_| ());
    assert!(matches!(one, Err(Error::Label { argument: "y", sample: 0, .. })), "{one:?}");
}

/// A loss of one's own that tells classes −1 and 1 apart.
#[derive(Debug, Clone, Copy)]
struct Hinge;

impl<T: Real> Loss<T> for Hinge {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        let terms = z.iter().zip(y.iter()).zip(weights);
        terms.fold(T::zero(), |sum, ((z, y), w)| sum + *w * (T::one() - *y * *z).max(T::zero()))
    }

    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], mut delta: DMatrixViewMut<'_, T>,
    ) -> T {
        for (i, (z, y)) in z.iter().zip(y.iter()).enumerate() {
            delta[i] = if *y * *z < T::one() { -weights[i] * *y } else { T::zero() };
        }
        self.value(z, y, weights)
    }

    fn check(&self, y: DMatrixView<'_, T>) -> Result<(), Error> {
        match y.iter().position(|y| y.abs() != T::one()) {
            Some(sample) => {
                Err(Error::Label { argument: "y", expected: "−1 or 1", found: y[sample].f64(), sample })
            }
            None => Ok(()),
        }
    }
}

impl<T: Real> Classifier<T> for Hinge {
    fn class(&self, scores: &[T]) -> usize {
        usize::from(scores[0] > T::zero())
    }
}

/// A loss with labels of its own refuses columns that it does not understand, wherever the first of them is.
#[test]
fn a_loss_judges_the_columns_of_classes() {
    let x = [0.0, 1.0, 2.0];
    for (labels, found) in [([1, 1, 0], 0.0), ([0, 1, 1], 0.0)] {
        let error = EmpiricalRisk::new(Perceptron::new(1), Hinge, &x, &labels).unwrap_err();
        assert!(matches!(error, Error::Label { found: f, .. } if f == found), "{error:?}");
    }
    assert!(EmpiricalRisk::new(Perceptron::new(1), Hinge, &x, &[1, 1, 1]).is_ok());
    assert!(EmpiricalRisk::new(Perceptron::new(1), Hinge, &x, &[-1.0, 1.0, 1.0]).is_ok());
}

/// What is said of the commonest mistakes.
#[test]
fn errors_teach() {
    let said = |error: Error| {
        assert_eq!(format!("{error:?}"), error.to_string(), "what `main` prints is the sentence");
        error.to_string()
    };
    let rows = DMatrix::from_fn(5, 2, |i, j| (i * (j + 1)) as f64);
    let y = [0.0, 1.0, 2.0, 3.0, 4.0];
    assert_eq!(
        said(Perceptron::new(2).fit(&rows, &y).unwrap_err()),
        "`x` is 5 × 2 but the model takes 2 features: one sample per column, transpose it"
    );
    let network = Network::new(&[3, 4, 1], Activation::Tanh);
    assert_eq!(
        said(network.fit(SquaredError, &rows.transpose(), &y, 1).unwrap_err()),
        "`x` is 2 × 5 but the model takes 3 features (a network, in its first layer): expected features × samples"
    );
    let softmax = || Perceptron::new(2).with_outputs(5);
    let x = rows.transpose();
    for error in [
        EmpiricalRisk::new(softmax(), CrossEntropy, &x, &DMatrix::from_row_slice(1, 5, &y)).map(|_| ()),
        EmpiricalRisk::new(softmax(), CrossEntropy, &matrix![1.0, 2.0, 3.0; 1.0, 2.0, 3.0], &y[..3])
            .map(|_| ()),
        EmpiricalRisk::new(Perceptron::new(2), CrossEntropy, &x, &y).map(|_| ()),
    ] {
        let said = said(error.unwrap_err());
        assert!(
            said.contains("give class numbers") || said.contains("class numbers are given as `&[usize]`"),
            "{said}"
        );
    }
    let ragged = gradus::data::columns(&[vec![1.0, 2.0], vec![3.0, 4.0], vec![5.0]]).unwrap_err();
    assert_eq!(said(ragged), "row 2 of `rows` has 1 entries, expected 2, as many as the first");

    let network = Network::new(&[2, 3, 1], Activation::Tanh).with_output_activation(Activation::Sigmoid);
    let labels = [0, 1, 0, 1, 1];
    let theta: DVector<f64> = network.initial(1);
    for error in [
        network.fit(LogLoss, &x, &labels, 1).unwrap_err(),
        EmpiricalRisk::new(network.clone(), LogLoss, &x, &labels).map(|_| ()).unwrap_err(),
        Fitted::from_parameters(network.clone(), LogLoss, theta.clone()).map(|_| ()).unwrap_err(),
        Fitted::from_parameters(network.clone(), CrossEntropy, theta.clone()).map(|_| ()).unwrap_err(),
    ] {
        assert_eq!(error, Error::SigmoidTwice);
        assert!(said(error).contains("leave the output `Activation::Identity`"));
    }
    assert!(Fitted::from_parameters(network, SquaredError, theta).is_ok());

    // a run that diverges, and one whose gradient has the wrong sign
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let start = vector![0.0, 0.0, 0.0];
    let mut descent = GradientDescent::new(100.0);
    let diverged = risk.fit_with(&mut descent, start.clone(), &Stop::default()).unwrap();
    assert!(!diverged.report.converged());
    let said = diverged.report.to_string();
    assert!(said.contains("learning rate") && said.contains("near to 1"), "{said}");
    let mut uphill = Function::new(1, |x: &DVector<f64>, g| {
        g[0] = -2.0 * x[0];
        x[0] * x[0]
    });
    let report = minimize(&mut Lbfgs::new(), &mut uphill, vector![1.0], &Stop::default()).unwrap();
    assert!(report.to_string().contains("check::gradient"), "{report}");
}

/// A line of one's own, without second derivatives.
#[derive(Clone)]
struct Slope;

impl Architecture for Slope {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        1
    }
}

impl<T: Real> Model<T> for Slope {
    type Cache = Vec<T>;
    fn cache(&self, max_batch: usize) -> Vec<T> {
        vec![T::zero(); max_batch]
    }
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Vec<T>,
    ) -> DMatrixView<'c, T> {
        cache.iter_mut().zip(x.iter()).for_each(|(z, x)| *z = theta[0] * *x);
        DMatrixView::from_slice(cache, 1, x.ncols())
    }
    fn backward(
        &self, _theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>, _cache: &mut Vec<T>,
        gradient: &mut DVector<T>,
    ) {
        gradient[0] += x.dot(&delta);
    }
}

/// `risk.fit_with` is for every model, loss and method; `risk.fit` for every pair that has one of its own.
fn any_method<T: Real>() {
    let x: Vec<T> = [-2.0, -1.0, 0.0, 1.0, 2.0].map(T::of).to_vec();
    let y: Vec<T> = x.iter().map(|x| *x * T::of(3.0)).collect();
    let labels = [0, 1, 0, 1, 1];
    let (stop, tolerance) = (Stop::default(), T::EPSILON.f64().sqrt() * 4.0);
    let slope =
        |fitted: Fitted<T, Slope, SquaredError>| (fitted.parameters()[0].f64() - 3.0).abs() < tolerance;
    let mut risk = EmpiricalRisk::new(Slope, SquaredError, &x, &y).unwrap();
    let start = || DVector::<T>::zeros(1);
    assert!(slope(risk.fit_with(&mut Lbfgs::new(), start(), &stop).unwrap()));
    assert!(slope(risk.fit_with(&mut Bfgs::new(), start(), &stop).unwrap()));
    assert!(slope(risk.fit_with(&mut GradientDescent::new(T::of(0.4)), start(), &stop).unwrap()));

    let network = Network::new(&[1, 3, 1], Activation::Tanh);
    let start: DVector<T> = network.initial(0);
    let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &labels).unwrap().ridge(T::of(0.1));
    let fitted = risk.fit().unwrap();
    assert!(fitted.report.converged(), "{}", fitted.report);
    assert_eq!(fitted, risk.fit_with(&mut Lbfgs::new(), start.clone(), &stop).unwrap());
    let by_newton = risk.fit_with(&mut TrustRegion::new(), start, &stop).unwrap();
    assert!(by_newton.report.converged() && by_newton.report.kind().is_some());

    // seven points on a line, and one far from it, in whatever unit: the line but for the outlier's bounded pull
    for unit in [1.0, 1e-6, 1e6] {
        let x: Vec<T> = (0..8).map(|i| T::of(unit * f64::from(i))).collect();
        let y: Vec<T> =
            (0..8).map(|i| T::of(if i == 7 { 500.0 } else { 2.0 * f64::from(i) + 1.0 })).collect();
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(0.01), &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        assert!(fitted.report.converged(), "{unit}: {}", fitted.report);
        assert!((fitted.weights()[0].f64() * unit - 2.0).abs() < 0.02, "{unit}: {}", fitted.weights());
        let mut gradient = fitted.parameters().clone();
        risk.value_gradient(fitted.parameters(), &mut gradient);
        assert!(gradient[1].f64().abs() < 1e-4, "{gradient}");
    }
}

#[test]
fn any_method_gives_a_fitted_model() {
    any_method::<f64>();
    any_method::<f32>();
}

/// A table is predicted in the same bits by any number of threads, and its errors name the column of the table.
fn tables_are_predicted<T: Real>() {
    let mut draw = Draw::new(9);
    let network = Network::new(&[6, 40, 3], Activation::Tanh);
    let theta: DVector<T> = network.initial(3);
    let fitted = Fitted::from_parameters(network, CrossEntropy, theta).unwrap();
    for m in [1, 255, 256, 257, 512, 1300, 6001] {
        let x = DMatrix::from_fn(6, m, |_, _| T::of(draw.unit()));
        let mut expected = DMatrix::zeros(3, m);
        fitted.predictor(256).predict_into(&x, &mut expected).unwrap();
        for threads in [1, 2, 3, 5] {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let (y, classes) = pool.install(|| (fitted.predict(&x).unwrap(), fitted.classify(&x).unwrap()));
            assert_eq!(bits(y.iter().copied()), bits(expected.iter().copied()), "{m} {threads}");
            assert!(y.column_iter().zip(&classes).all(|(y, class)| y.imax() == *class));
        }
        for poison in [f64::NAN, f64::INFINITY] {
            let (mut x, j) = (x.clone(), draw.below(m));
            x[(4, j)] = T::of(poison);
            let error = fitted.predict(&x).unwrap_err();
            assert!(
                matches!(error, Error::NonFinite { argument: "x", row: 4, column, .. } if column == j),
                "{error}"
            );
        }
    }
}

#[test]
fn tables_are_predicted_by_any_number_of_threads() {
    tables_are_predicted::<f64>();
    tables_are_predicted::<f32>();
}

/// What the page on tables shows of other crates is what their package runs.
#[test]
fn the_page_on_tables_quotes_the_package() {
    let read =
        |path: &str| std::fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (page, program) = (read("src/data/tables.md"), read("examples/interop/src/main.rs"));
    let program: Vec<&str> = program.lines().map(str::trim).collect();
    let blocks: Vec<&str> =
        page.split("```ignore").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 3);
    for line in blocks.iter().flat_map(|block| block.lines()).map(str::trim) {
        assert!(line.is_empty() || program.contains(&line), "{line}");
    }
}

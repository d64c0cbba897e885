//! What a trained model says of data: scores, classes, shares of right samples, scales. Answers are compared with
//! counts and exact fractions; what no number holds is an error, never an `Ok`.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

#[path = "support/draw.rs"]
mod draw;

use draw::Draw;
use gradus::data::{Standardizer, one_hot};
use gradus::loss::ElementWise;
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::*;

/// A model that always says class 0 of ten is right once.
#[test]
fn the_score_of_a_classifier_is_the_share_of_right_samples() {
    let x = DMatrix::from_fn(1, 10, |_, j| j as f64);
    let y = one_hot(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 10).unwrap();
    let theta = DVector::from_fn(20, |i, _| if i < 10 { 0.0 } else { -1.0 - i as f64 / 100.0 });
    let known = Fitted::from_parameters(SigmoidClassifier::new(1).with_outputs(10), LogLoss, theta).unwrap();
    assert_eq!(known.classify(&x).unwrap(), [0; 10]);
    assert_eq!(known.score(&x, &y).unwrap(), 0.1);
}

/// The classes counted by hand: the share, with weights, in another order of samples, with samples repeated.
fn counts_classes<T: Real, M: Model<T>, L: Classifier<T>>(known: &Fitted<T, M, L>, draw: &mut Draw) {
    let (n, k) = (known.model().inputs(), known.model().outputs());
    let m = 1 + draw.below(9);
    let x = DMatrix::from_fn(n, m, |_, _| T::of(2.0 * draw.unit()));
    let labels: Vec<usize> = (0..m).map(|_| draw.below(k.max(2))).collect();
    let y = match k {
        1 => DMatrix::from_fn(1, m, |_, j| T::of(labels[j] as f64)),
        _ => one_hot(&labels, k).unwrap(),
    };
    let weights: Vec<usize> = (0..m).map(|j| draw.below(4) + usize::from(j == 0)).collect();
    let classes = known.classify(&x).unwrap();
    let right = |j: &usize| classes[*j] == labels[*j];
    let share = (0..m).filter(right).count() as f64 / m as f64;
    assert_eq!(known.score(&x, &y).unwrap(), T::of(share));
    let total: usize = weights.iter().sum();
    let weighted = (0..m).filter(right).map(|j| weights[j]).sum::<usize>() as f64 / total as f64;
    let given: Vec<T> = weights.iter().map(|w| T::of(*w as f64)).collect();
    assert_eq!(known.score_weighted(&x, &y, &given).unwrap(), T::of(weighted));
    // any unit of the weights
    let largest = T::of(if T::EPSILON.f64() < 1e-10 { 2f64.powi(1021) } else { 2f64.powi(125) });
    let large: Vec<T> = given.iter().map(|w| *w * largest).collect();
    assert_eq!(known.score_weighted(&x, &y, &large).unwrap(), T::of(weighted));
    let order: Vec<usize> = (0..m).rev().collect();
    assert_eq!(known.score(&x.select_columns(&order), &y.select_columns(&order)).unwrap(), T::of(share));
    let twice: Vec<usize> = (0..m).flat_map(|j| vec![j; weights[j]]).collect();
    assert_eq!(known.score(&x.select_columns(&twice), &y.select_columns(&twice)).unwrap(), T::of(weighted));
}

fn every_classifier<T: Real>() {
    let mut draw = Draw::new(21);
    for case in 0..500 {
        let (n, k) = (1 + draw.below(3), 1 + draw.below(5));
        let mut theta = |p: usize| DVector::from_fn(p, |_, _| T::of(draw.unit()));
        let network = Network::new(&[n, 3, k], Activation::Tanh);
        match case % 4 {
            0 => {
                let model = SigmoidClassifier::new(n).with_outputs(k);
                let known = Fitted::from_parameters(model, LogLoss, theta(k * (n + 1)));
                counts_classes(&known.unwrap(), &mut draw);
            }
            1 => {
                let known =
                    Fitted::from_parameters(network.clone(), LogLoss, theta(network.parameter_count()));
                counts_classes(&known.unwrap(), &mut draw);
            }
            2 => {
                let model = Perceptron::new(n).with_outputs(k + 1);
                let known = Fitted::from_parameters(model, CrossEntropy, theta((k + 1) * (n + 1)));
                counts_classes(&known.unwrap(), &mut draw);
            }
            _ => {
                let network = Network::new(&[n, 3, k + 1], Activation::Silu);
                let known =
                    Fitted::from_parameters(network.clone(), CrossEntropy, theta(network.parameter_count()));
                counts_classes(&known.unwrap(), &mut draw);
            }
        }
    }
}

#[test]
fn every_classifier_is_scored_by_its_classes() {
    every_classifier::<f32>();
    every_classifier::<f64>();
}

/// `R²` of integers as an exact fraction, in any unit.
fn determination<T: Real>(reach: i32) {
    let mut draw = Draw::new(22);
    let known =
        Fitted::from_parameters(Perceptron::new(1).without_bias(), SquaredError, dvector![T::one()]).unwrap();
    for case in 0..1500 {
        let m = 1 + draw.below(8);
        let integers = |draw: &mut Draw, reach: usize| {
            (0..m).map(|_| draw.below(reach) as i64 - 5).collect::<Vec<i64>>()
        };
        let (z, y) = (integers(&mut draw, 12), integers(&mut draw, if case % 9 == 0 { 2 } else { 14 }));
        let weights: Vec<i64> = (0..m).map(|j| draw.below(4) as i64 + i64::from(j == 0)).collect();
        let sum = |f: &dyn Fn(usize) -> i64| (0..m).map(|j| weights[j] * f(j)).sum::<i64>();
        let total = sum(&|_| 1);
        // both sums of squares, times the weight of all
        let spread = total * sum(&|j| y[j] * y[j]) - sum(&|j| y[j]).pow(2);
        let residual = total * sum(&|j| (y[j] - z[j]).pow(2));
        let unit = T::of(2f64.powi(draw.below(2 * reach as usize) as i32 - reach));
        let row = |v: &[i64]| DMatrix::from_fn(1, m, |_, j| T::of(v[j] as f64) * unit);
        let given: Vec<T> = weights.iter().map(|w| T::of(*w as f64)).collect();
        let found = known.score_weighted(&row(&z), &row(&y), &given);
        if spread == 0 {
            assert!(matches!(found, Err(Error::Evaluation { .. })), "{case}: {found:?}");
            continue;
        }
        let exact = 1.0 - residual as f64 / spread as f64;
        let off = (found.unwrap().f64() - exact).abs();
        assert!(off <= 8.0 * T::EPSILON.f64() * (1.0 + (1.0 - exact)), "{case}: {off:e} from {exact}");
    }
}

#[test]
fn the_coefficient_of_determination_has_no_unit() {
    determination::<f32>(120);
    determination::<f64>(1000);
    // far from zero, and out of reach of their squares
    let known =
        Fitted::from_parameters(Perceptron::new(1).without_bias(), SquaredError, dvector![1.0]).unwrap();
    let (z, y) = (dmatrix![1.7e308, -1.7e308], dmatrix![-1.7e308, 1.7e308]);
    assert_eq!(known.score(&z, &y).unwrap(), -3.0);
    assert!(known.score(&dmatrix![1e300, 0.0], &dmatrix![0.0, 1e-300]).is_err());
    let two = Fitted::from_parameters(
        Perceptron::new(2).with_outputs(2).without_bias(),
        SquaredError,
        dvector![1.0, 0.0, 0.0, 1.0],
    )
    .unwrap();
    // the second output is constant and exact: all that counts is the first
    let (z, y) = (dmatrix![1e-200, 2e-200; 1e300, 1e300], dmatrix![1e-200, 3e-200; 1e300, 1e300]);
    assert_eq!(two.score(&z, &y).unwrap(), 0.5);
}

/// Whatever the parameters and inputs: numbers, or an error that says what is not one.
fn only_numbers<T: Real>(reach: i32) {
    let mut draw = Draw::new(23);
    let mut refused = 0;
    let mut judge = |found: Result<DMatrix<T>, Error>, classes: Option<Result<Vec<usize>, Error>>| match found
    {
        Ok(found) => {
            assert!(found.iter().all(|z| z.is_finite()), "{found}");
            assert!(classes.is_none_or(|classes| classes.is_ok()));
        }
        Err(error) => {
            assert!(matches!(error, Error::Evaluation { .. }), "{error}");
            assert!(classes.is_none_or(|classes| classes.is_err()));
            refused += 1;
        }
    };
    for case in 0..1500 {
        let mut wide = |rows: usize, columns: usize| {
            DMatrix::from_fn(rows, columns, |_, _| {
                T::of(if draw.below(3) == 0 { draw.wide(reach / 2, reach) } else { draw.wide(-20, 20) })
            })
        };
        let (x, theta) = (wide(2, 3), wide(18, 1).column(0).into_owned());
        let part = |p: usize| theta.rows(0, p).into_owned();
        let network = Network::new(
            &[2, 2, 2],
            [Activation::Tanh, Activation::Silu, Activation::Gelu, Activation::ELU][case % 4],
        );
        match case % 3 {
            0 => {
                let known = Fitted::from_parameters(Perceptron::new(2), SquaredError, part(3)).unwrap();
                let mut out = DMatrix::zeros(1, 3);
                let into = known.predictor(2).predict_into(&x, &mut out);
                judge(into.map(|()| out), None);
                judge(known.predict(&x), None);
                judge(known.scores(&x), None);
            }
            1 => {
                let known = Fitted::from_parameters(network, CrossEntropy, part(12)).unwrap();
                judge(known.predict(&x), Some(known.classify(&x)));
                judge(known.scores(&x), Some(known.classify(&x)));
            }
            _ => {
                let model = SigmoidClassifier::new(2).with_outputs(2);
                let known = Fitted::from_parameters(model, LogLoss, part(6)).unwrap();
                judge(known.predict(&x), Some(known.classify(&x)));
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn predictions_are_numbers_or_an_error() {
    only_numbers::<f32>(127);
    only_numbers::<f64>(1023);
    let theta = dvector![1e300_f64, -1e300, 7.0];
    let known = Fitted::from_parameters(Perceptron::new(2), SquaredError, theta).unwrap();
    let error = known.predict(&dmatrix![1e10; 1e10]).unwrap_err();
    assert!(error.to_string().starts_with("a score is not finite at these inputs"), "{error}");
}

/// A setting is judged as the scalar it is used in.
#[test]
fn settings_that_vanish_or_overflow_in_single_precision_are_refused() {
    fn refused<T: Real, L: Loss<T>>(loss: L, activation: Activation) -> bool {
        let (x, y) = (DMatrix::from_element(1, 2, T::one()), DMatrix::from_element(1, 2, T::one()));
        let network = Network::with_layers(1, &[(1, activation)]);
        let theta = DVector::<T>::zeros(2);
        let risk = EmpiricalRisk::new(network.clone(), loss, &x, &y);
        let fitted = Fitted::from_parameters(network, SquaredError, theta);
        let is_setting =
            |error: &Error| matches!(error, Error::Setting { found, .. } if [1e-50, 1e50].contains(found));
        assert!(risk.as_ref().err().is_none_or(is_setting));
        assert!(activation == Activation::Tanh || fitted.is_err() == risk.is_err());
        risk.is_err()
    }
    for found in [1e-50, 1e50] {
        let tanh = Activation::Tanh;
        let (leaky, elu) = (Activation::LeakyRelu { slope: found }, Activation::Elu { alpha: found });
        assert!(refused::<f32, _>(Huber::new(found), tanh) && !refused::<f64, _>(Huber::new(found), tanh));
        for activation in [leaky, elu] {
            assert!(
                refused::<f32, _>(SquaredError, activation) && !refused::<f64, _>(SquaredError, activation)
            );
            let through = SquaredError.through(activation);
            assert!(refused::<f32, _>(through, tanh) && !refused::<f64, _>(through, tanh));
        }
    }
}

/// Mean and variance of integers as exact fractions, in any unit, up to the ends of the range.
fn scales<T: Real>(low: i32, high: i32) {
    let mut draw = Draw::new(24);
    for case in 0..1500 {
        let m = 1 + draw.below(9);
        let offset = if case % 4 == 0 { 1 << 20 } else { 0 };
        let spread = if case % 7 == 0 { 1 } else { 16 };
        let integers: Vec<i64> = (0..m).map(|_| offset + draw.below(spread) as i64 * 2 - 15).collect();
        let exponent = low + draw.below((high - low) as usize) as i32;
        // in parts, for a power that is no number
        let unit = |v: f64| v * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
        let x = DMatrix::from_fn(1, m, |_, j| T::of(unit(integers[j] as f64)));
        if x.iter().any(|x| !x.is_finite()) {
            continue;
        }
        let (sum, squares) = (integers.iter().sum::<i64>(), integers.iter().map(|v| v * v).sum::<i64>());
        let mean = sum as f64 / m as f64;
        let variance = (m as i64 * squares - sum * sum) as f64 / (m * m) as f64;
        let standard = Standardizer::fit(&x).unwrap();
        let close = |found: f64, exact: f64, size: f64| {
            let off = (found - unit(exact)).abs();
            assert!(
                off <= 8.0 * T::EPSILON.f64() * unit(size),
                "{case}: {found:e} for {exact} · 2^{exponent}"
            );
        };
        let size = integers.iter().fold(0.0, |s: f64, v| s.max(v.abs() as f64));
        close(standard.mean()[0].f64(), mean, size);
        if variance == 0.0 {
            assert_eq!((standard.mean()[0], standard.scale()[0]), (x[0], T::one()));
            continue;
        }
        close(standard.scale()[0].f64(), variance.sqrt(), size);
        for (z, v) in standard.transform(&x).unwrap().iter().zip(&integers) {
            let exact = (*v as f64 - mean) / variance.sqrt();
            assert!(
                (z.f64() - exact).abs() <= 16.0 * T::EPSILON.f64() * size.max(1.0),
                "{case}: {z} for {exact}"
            );
        }
    }
}

#[test]
fn features_of_any_size_have_a_scale() {
    scales::<f32>(-120, 124);
    scales::<f64>(-1000, 1020);
    let standard = Standardizer::fit(&dmatrix![1.7e308, 1.7e308, -1.7e308]).unwrap();
    let (mean, scale): (f64, f64) = (standard.mean()[0], standard.scale()[0]);
    assert!((mean / 1.7e308 - 1.0 / 3.0).abs() < 1e-15, "{mean:e}");
    assert!((scale / 1.602_775_370_689_507_6e308 - 1.0).abs() < 1e-15, "{scale:e}");
    let least = Standardizer::fit(&dmatrix![1.0, 1.0 + 1e-3]).unwrap().transform(&dmatrix![1e308]);
    assert!(matches!(least, Err(Error::Evaluation { .. })), "{least:?}");
}

/// Twenty million ones, which in sequence stand still at 2²⁴: their mean is 1, and so is their scale.
#[test]
fn sums_of_many_single_precision_numbers_do_not_stand_still() {
    let many = 20_000_000;
    let (x, y) = (DMatrix::from_element(1, many, 1.0_f32), DMatrix::from_element(1, many, 2.0_f32));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1).without_bias(), SquaredError, &x, &y).unwrap();
    let value = risk.value(&dvector![0.0]);
    assert!((value - 2.0).abs() < 1e-5, "the mean of ½ 2²: {value}");
    // min ½ (w − 2)² + ½ w²
    let w = risk.ridge(1.0).fit().unwrap().parameters()[0];
    assert!((w - 1.0).abs() < 1e-5, "{w}");
    let standard = Standardizer::fit(&x).unwrap();
    assert_eq!((standard.mean()[0], standard.scale()[0]), (1.0, 1.0));
}

/// Classes, features and samples in another order: the same losses, scores and probabilities; f32 as f64.
#[test]
fn no_order_decides() {
    let mut draw = Draw::new(25);
    let shuffled = |n: usize, draw: &mut Draw| {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            order.swap(i, draw.below(i + 1));
        }
        order
    };
    for case in 0..1000 {
        let (n, k, m) = (1 + draw.below(4), 2 + draw.below(4), 1 + draw.below(9));
        let x = DMatrix::from_fn(n, m, |_, _| f64::from(draw.unit() as f32));
        let labels: Vec<usize> = (0..m).map(|_| draw.below(k)).collect();
        let y: DMatrix<f64> = one_hot(&labels, k).unwrap();
        let (w, b) = (
            DMatrix::from_fn(k, n, |_, _| f64::from(3.0 * draw.unit() as f32)),
            DVector::from_fn(k, |_, _| f64::from(draw.unit() as f32)),
        );
        let theta = |w: &DMatrix<f64>, b: &DVector<f64>| {
            DVector::from_iterator(k * n + k, w.iter().chain(b.iter()).copied())
        };
        let model = Perceptron::new(n).with_outputs(k);
        let (classes, features, samples) =
            (shuffled(k, &mut draw), shuffled(n, &mut draw), shuffled(m, &mut draw));
        let other_x = x.select_rows(&features).select_columns(&samples);
        let other_y = y.select_rows(&classes).select_columns(&samples);
        let other_w = w.select_rows(&classes).select_columns(&features);
        let other = theta(&other_w, &b.select_rows(&classes));
        let given = theta(&w, &b);
        let value = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap().ridge(0.5).value(&given);
        let moved =
            EmpiricalRisk::new(model, CrossEntropy, &other_x, &other_y).unwrap().ridge(0.5).value(&other);
        assert!((value - moved).abs() <= 1e-14 * (1.0 + value), "{case}: {value} {moved}");
        let (x_32, y_32, theta_32) = (x.map(|x| x as f32), y.map(|y| y as f32), given.map(|t| t as f32));
        let single =
            EmpiricalRisk::new(model, CrossEntropy, &x_32, &y_32).unwrap().ridge(0.5).value(&theta_32);
        assert!((value - f64::from(single)).abs() <= 4e-6 * (1.0 + value), "{case}: {value} {single}");
        let known = Fitted::from_parameters(model, CrossEntropy, given).unwrap();
        let turned = Fitted::from_parameters(model, CrossEntropy, other).unwrap();
        assert_eq!(known.score(&x, &y).unwrap(), turned.score(&other_x, &other_y).unwrap(), "{case}");
        let p = known.predict(&x).unwrap().select_rows(&classes).select_columns(&samples);
        assert!((p - turned.predict(&other_x).unwrap()).amax() <= 1e-14, "{case}");
    }
}

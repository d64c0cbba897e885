//! Networks trained by mini-batches on real data.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use std::ops::ControlFlow;

use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;

/// Digits scaled to 0…1, shuffled by a seed, and split 80/20.
fn digits(seed: u64) -> [DMatrix<f32>; 4] {
    let (x, labels) = tables::table("digits");
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let x = x.map(|pixel| pixel as f32 / 16.0);
    let y: DMatrix<f32> = data::one_hot(&labels, 10).unwrap();
    // a generator of our own: the split must not depend on the crate
    let mut order: Vec<usize> = (0..labels.len()).collect();
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    for i in (1..order.len()).rev() {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        order.swap(i, (state >> 33) as usize % (i + 1));
    }
    let (train, test) = order.split_at(labels.len() * 4 / 5);
    [x.select_columns(train), y.select_columns(train), x.select_columns(test), y.select_columns(test)]
}

#[test]
fn a_network_reads_digits() {
    let mut scores: Vec<f32> = (0..5)
        .map(|seed| {
            let [x, y, x_test, y_test] = digits(seed);
            let network = Network::new(&[64, 64, 10], Activation::Relu);
            let fitted = network.fit(CrossEntropy, &x, &y, seed).unwrap();
            assert_eq!(fitted.report.termination, Termination::Iterations);
            assert!(!fitted.report.converged());
            fitted.score(&x_test, &y_test).unwrap()
        })
        .collect();
    scores.sort_by(f32::total_cmp);
    println!("{scores:?}");
    assert!(scores[2] >= 0.965, "{scores:?}");
}

#[test]
fn xor_is_learnt_from_nearly_every_start() {
    let (x, y) = (dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], dmatrix![0.0, 1.0, 1.0, 0.0]);
    let network = Network::new(&[2, 4, 1], Activation::Tanh);
    let right = (0..20).filter(|seed| {
        let fitted = network.fit(LogLoss, &x, &y, *seed).unwrap();
        assert_eq!(fitted.report.iterations, 5000);
        println!("{seed}: {}", fitted.report.value);
        fitted.classify(&x).unwrap() == [0, 1, 1, 0]
    });
    let right = right.count();
    println!("{right} of 20");
    assert!(right >= 18, "{right}");
}

fn line() -> (DMatrix<f64>, DMatrix<f64>) {
    let x = DMatrix::from_fn(2, 50, |i, j| ((i * 50 + j) as f64 * 0.7).sin());
    let y = DMatrix::from_fn(1, 50, |_, j| 2.0 * x[(0, j)] - x[(1, j)] + 0.5);
    (x, y)
}

fn go(_: &Epoch<f64>, _: &DVector<f64>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn the_report_is_that_of_all_samples_at_the_point() {
    let (x, y) = line();
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap().ridge(0.01);
    let mut trainer = Trainer::new(Adam::new(0.01)).epochs(7).batch_size(8).seed(3);
    let (fitted, history) = trainer.train(&mut risk, DVector::zeros(3)).unwrap();
    assert_eq!((history.len(), fitted.report.iterations), (7, 7 * 7));
    let mut fresh = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap().ridge(0.01);
    let mut gradient = DVector::zeros(3);
    let value = fresh.value_gradient(fitted.parameters(), &mut gradient);
    assert!((fitted.report.value - value).abs() < 1e-15);
    assert!((fitted.report.gradient_norm - gradient.amax()).abs() < 1e-15);
    assert!((risk.value(fitted.parameters()) - value).abs() < 1e-15, "all samples are back in play");
    assert!(history.windows(2).all(|pair| pair[1].loss < pair[0].loss));
    assert_eq!(history.iter().map(|e| e.epoch).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    // the same seed, the same bits; another, another order
    let (again, _) = trainer.train(&mut risk, DVector::zeros(3)).unwrap();
    assert_eq!(again, fitted);
    let (other, _) = trainer.clone().seed(4).train(&mut risk, DVector::zeros(3)).unwrap();
    assert_ne!(other, fitted);
}

#[test]
fn a_full_batch_is_plain_descent() {
    let (x, y) = line();
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let mut trainer = Trainer::new(GradientDescent::new(0.1)).epochs(30).batch_size(1000);
    let (fitted, _) = trainer.train(&mut risk, DVector::zeros(3)).unwrap();
    let stop = Stop::default().iterations(30);
    let plain = minimize(&mut GradientDescent::new(0.1), &mut risk, DVector::zeros(3), &stop).unwrap();
    assert!((fitted.parameters() - plain.x).amax() < 1e-14);
}

#[test]
fn weight_two_is_the_sample_twice_in_a_full_batch_and_zero_is_never_drawn() {
    let (x, y) = line();
    let weights: Vec<f64> = (0..50).map(|j| f64::from(j % 3)).collect();
    let repeated: Vec<usize> = (0..50).flat_map(|j| vec![j; j % 3]).collect();
    let (xx, yy) = (x.select_columns(&repeated), y.select_columns(&repeated));
    let risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let mut weighted = risk.with_weights(&weights).unwrap();
    let mut twice = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &xx, &yy).unwrap();
    let mut trainer = Trainer::new(Adam::new(0.05)).epochs(40);
    let (a, _) = trainer.train(&mut weighted, DVector::zeros(3)).unwrap();
    let (b, _) = trainer.train(&mut twice, DVector::zeros(3)).unwrap();
    assert!((a.parameters() - b.parameters()).amax() < 1e-12);
    // batches of one: a sample without weight would be a batch without weight
    trainer.batch_size(1).train(&mut weighted, DVector::zeros(3)).unwrap();
}

#[test]
fn early_stopping_returns_to_the_best() {
    let (x, y) = line();
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    // a validation loss with its best somewhere on the way
    let half = &y * 0.5;
    let mut validation = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &half).unwrap();
    let mut points = Vec::new();
    let mut trainer = Trainer::new(Adam::new(0.02)).epochs(500).early_stopping(10, 1e-4);
    let (fitted, history) = trainer
        .train_with(&mut risk, DVector::zeros(3), Some(&mut validation), |_, theta| {
            points.push(theta.clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(fitted.report.termination, Termination::NoImprovement);
    let best = history.len() - 10;
    assert!(best > 3 && history.len() < 200);
    assert_eq!(fitted.parameters(), &points[best - 1]);
    assert!((validation.value(fitted.parameters()) - history[best - 1].validation.unwrap()).abs() < 1e-15);
    assert!(!fitted.report.converged());
}

#[test]
fn a_run_that_diverges_keeps_its_last_finite_point() {
    let (x, y) = line();
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let mut trainer = Trainer::new(GradientDescent::new(1e30)).epochs(100).batch_size(10);
    let (fitted, history) = trainer.train(&mut risk, DVector::zeros(3)).unwrap();
    assert_eq!(fitted.report.termination, Termination::NonFinite);
    assert!(fitted.parameters().iter().all(|t| t.is_finite()) && fitted.report.value.is_finite());
    assert!(history.len() < 100 && !fitted.report.converged());
    assert!(fitted.predict(&x).is_ok());
}

#[test]
fn settings_are_judged_where_the_run_starts() {
    let (x, y) = line();
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let zero = || DVector::zeros(3);
    let new = || Trainer::new(Adam::new(0.01)).epochs(2);
    for mut bad in [
        new().batch_size(0),
        new().early_stopping(0, 1e-4),
        new().early_stopping(3, f64::NAN),
        new().early_stopping(3, -1.0),
    ] {
        assert!(matches!(bad.train(&mut risk, zero()), Err(Error::Setting { .. })));
    }
    for rate in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
        let bad = Trainer::new(Adam::new(rate)).train(&mut risk, zero());
        assert!(matches!(bad, Err(Error::Setting { .. })), "{rate}");
    }
    assert!(matches!(new().train(&mut risk, DVector::zeros(2)), Err(Error::Length { .. })));
    assert!(matches!(new().train(&mut risk, DVector::repeat(3, f64::NAN)), Err(Error::NonFinite { .. })));
    let huge = new().train(&mut risk, DVector::repeat(3, 1e200));
    assert!(matches!(huge, Err(Error::Evaluation { at: "the start", .. })), "{huge:?}");
    let mut other = problems::Rosenbrock::new(2);
    let wrong = new().train_with(&mut risk, zero(), Some(&mut other), go);
    assert!(matches!(wrong, Err(Error::Length { argument: "validation", .. })));
    let none = new().epochs(0).train(&mut risk, zero());
    assert!(matches!(none, Err(Error::Setting { name: "epochs", .. })));
}

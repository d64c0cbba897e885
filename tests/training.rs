//! Networks trained by mini-batches on real data.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

#[path = "support/draw.rs"]
mod draw;

use std::ops::ControlFlow;

use draw::Draw;

use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
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

fn go(_: &mut Training<'_, f64>) -> ControlFlow<()> {
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
        .train_with(&mut risk, DVector::zeros(3), Some(&mut validation), |training| {
            points.push(training.parameters().clone());
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(fitted.report.termination, Termination::NoImprovement);
    let shown = format!("finished after {} epochs: the loss watched", history.len());
    assert!(fitted.report.to_string().starts_with(&shown), "{}", fitted.report);
    let best = history.len() - 10;
    assert!(best > 3 && history.len() < 200);
    assert_eq!(fitted.parameters(), &points[best - 1]);
    assert!((validation.value(fitted.parameters()) - history[best - 1].validation.unwrap()).abs() < 1e-15);
    assert!(!fitted.report.converged());
}

/// An improvement that is too small to go on for is the best one all the same.
#[test]
fn early_stopping_keeps_the_least_loss() {
    let (x, y) = line();
    let mut below = 0;
    for (seed, improvement) in (0..20).map(|seed| (seed, 10f64.powi(2 - (seed as i32 % 5)))) {
        let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
        let mut validation = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
        let descent = GradientDescent::new(0.002);
        let mut trainer = Trainer::new(descent).epochs(60).early_stopping(8, improvement).seed(seed);
        let go_on = |_: &mut Training<'_, f64>| ControlFlow::Continue(());
        let run = trainer.train_with(&mut risk, DVector::zeros(3), Some(&mut validation), go_on);
        let (fitted, history) = run.unwrap();
        let least = history.iter().map(Epoch::watched).fold(f64::MAX, f64::min);
        assert_eq!(validation.value(fitted.parameters()).to_bits(), least.to_bits(), "{seed} {improvement}");
        assert_eq!(history.best().unwrap().watched().to_bits(), least.to_bits());
        below += usize::from(least > history[0].watched() - improvement && least < history[0].watched());
    }
    assert!(below >= 4, "{below} runs in which no epoch improved enough");
}

/// However a run ended, a point whose gradient is rounding has a kind.
#[test]
fn what_training_leaves_is_judged() {
    let (x, y) = line();
    let y = y.map_with_location(|_, j, y| y + 0.1 * (j as f64 * 1.7).sin());
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let mut trainer = Trainer::new(GradientDescent::new(0.1)).epochs(5000).batch_size(x.ncols());
    let mut report = trainer.train(&mut risk, DVector::zeros(3)).unwrap().0.report;
    assert_eq!((report.termination, report.kind()), (Termination::Iterations, None));
    report.certify(&mut risk).unwrap();
    assert_eq!(report.kind(), Some(CriticalKind::Minimum), "{report}");

    // a network from zeros is at a point where nothing leads anywhere
    let network = Network::new(&[2, 3, 1], Activation::Tanh);
    let (x, y) = (dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], dmatrix![1.0, -1.0, -1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
    let fitted = Fitted::from_parameters(network, SquaredError, DVector::zeros(13)).unwrap();
    let mut report = fitted.report;
    report.certify(&mut risk).unwrap();
    assert!(report.kind().is_some() && !report.converged(), "{report}");
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

/// The weighted mean of targets by mini-batches: `min Σ w ½ (θ − y)²`.
fn weighted_mean(y: &[f64], w: &[f64], batch: usize) -> f64 {
    let (x, y) = (DMatrix::from_element(1, y.len(), 1.0), DMatrix::from_row_slice(1, y.len(), y));
    let model = Perceptron::new(1).without_bias();
    let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &y).unwrap().with_weights(w).unwrap();
    let descent = GradientDescent::new(0.01).schedule(Schedule::inverse_time(0.001));
    let (fitted, _) =
        Trainer::new(descent).epochs(20_000).batch_size(batch).train(&mut risk, dvector![0.9]).unwrap();
    fitted.parameters()[0]
}

/// Weight 3 is the sample three times, whatever the batch.
#[test]
fn weights_count_in_batches_of_one() {
    let mean = weighted_mean(&[0.0, 1.0], &[3.0, 1.0], 1);
    assert!((mean - 0.25).abs() < 0.03, "{mean}");
    let mean = weighted_mean(&[0.0, 1.0, 7.0], &[3e-200, 1e-200, 0.0], 1);
    assert!((mean - 0.25).abs() < 0.03, "{mean}");
}

fn batches_add_up<T: Real>(tolerance: f64) {
    let mut draw = Draw::new(11);
    for case in 0..600 {
        let m = 1 + draw.below(12);
        let x = DMatrix::from_fn(2, m, |_, _| T::of(draw.unit()));
        let y = DMatrix::from_fn(1, m, |_, _| T::of(3.0 * draw.unit()));
        let mut weights: Vec<T> = (0..m).map(|_| T::of(draw.below(4) as f64)).collect();
        weights[draw.below(m)] = T::of(2.0);
        let theta = DVector::from_fn(3, |_, _| T::of(draw.unit()));
        let lambda = T::of(draw.below(2) as f64 * 0.5);
        // ½ (z − y)² of each sample, its gradient, and the penalty
        let of = |j: usize| {
            let r = (theta[0] * x[(0, j)] + theta[1] * x[(1, j)] + theta[2] - y[j]).f64();
            [0.5 * r * r, r * x[(0, j)].f64(), r * x[(1, j)].f64(), r]
        };
        let (a, b, l) = (theta[0].f64(), theta[1].f64(), lambda.f64());
        let penalty = [l / 2.0 * (a * a + b * b), l * a, l * b, 0.0];
        let total: f64 = weights.iter().map(|w| w.f64()).sum();
        let counted: Vec<usize> = (0..m).filter(|j| weights[*j] > T::zero()).collect();
        let mean = total / counted.len() as f64;
        let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
        // any unit of the weights
        let unit =
            T::of(if T::EPSILON.f64() < 1e-10 { draw.wide(-900, 900) } else { draw.wide(-90, 90) }.abs());
        let scaled: Vec<T> = weights.iter().map(|w| *w * unit).collect();
        risk = risk.with_weights(&scaled).unwrap().ridge(lambda);
        let evaluate = |risk: &mut EmpiricalRisk<'_, T, Perceptron, SquaredError>| {
            let mut g = DVector::zeros(3);
            let value = risk.value_gradient(&theta, &mut g);
            assert_eq!(risk.value(&theta), value);
            [value.f64(), g[0].f64(), g[1].f64(), g[2].f64()]
        };
        let all = evaluate(&mut risk);
        let mut order: Vec<usize> = (0..m).collect();
        for i in (1..m).rev() {
            order.swap(i, draw.below(i + 1));
        }
        let reordered = evaluate(risk.select(&order).unwrap());
        assert!(
            (reordered[0] - all[0]).abs() <= tolerance * (1.0 + all[0]),
            "{case}: {reordered:?} for {all:?}"
        );
        let (size, by_range) = (1 + draw.below(m + 2), case % 2 == 0);
        let mut sum = [0.0; 4];
        let mut drawn = 0;
        for (chunk, start) in order.chunks(size).zip((0..m).step_by(size)) {
            let chunk = if by_range { (start..m.min(start + size)).collect() } else { chunk.to_vec() };
            let count = chunk.iter().filter(|j| weights[**j] > T::zero()).count();
            let narrowed =
                if by_range { risk.batch(start..start + chunk.len()) } else { risk.select(&chunk) };
            if count == 0 {
                let error = narrowed.unwrap_err();
                assert!(matches!(error, Error::Setting { name: "weights", .. }), "{error}");
                continue;
            }
            let found = evaluate(narrowed.unwrap());
            for k in 0..4 {
                let exact = chunk.iter().map(|j| weights[*j].f64() * of(*j)[k]).sum::<f64>();
                let exact = exact / (count as f64 * mean) + penalty[k];
                assert!(
                    (found[k] - exact).abs() <= tolerance * (20.0 + all[0]),
                    "{case}: {found:?} for {exact}"
                );
                sum[k] += found[k] * count as f64 / counted.len() as f64;
            }
            drawn += count;
        }
        assert_eq!(drawn, counted.len());
        for k in 0..4 {
            assert!((sum[k] - all[k]).abs() <= tolerance * (20.0 + all[0]), "{case}: {sum:?} for {all:?}");
        }
        // weight 2 is the sample twice
        let twice: Vec<usize> = (0..m).flat_map(|j| vec![j; weights[j].f64() as usize]).collect();
        let (xx, yy) = (x.select_columns(&twice), y.select_columns(&twice));
        let mut repeated =
            EmpiricalRisk::new(Perceptron::new(2), SquaredError, &xx, &yy).unwrap().ridge(lambda);
        for (found, expected) in evaluate(&mut repeated).iter().zip(all) {
            assert!((found - expected).abs() <= tolerance * (1.0 + all[0]), "{case}: {found} for {expected}");
        }
    }
}

/// The value of every batch by its formula, and their mean over an epoch, each as often as it has samples: the risk.
#[test]
fn the_batches_of_an_epoch_add_up_to_the_risk() {
    batches_add_up::<f64>(1e-14);
    batches_add_up::<f32>(1e-6);
}

/// Steps too short to move anything: the loss of the epoch is the risk.
#[test]
fn the_loss_of_an_epoch_is_the_risk() {
    let mut draw = Draw::new(12);
    for _ in 0..100 {
        let m = 2 + draw.below(9);
        let x = DMatrix::from_fn(1, m, |_, _| draw.unit());
        let y = DMatrix::from_fn(1, m, |_, _| draw.unit());
        let weights: Vec<f64> = (0..m).map(|j| (draw.below(5) + usize::from(j == 0)) as f64).collect();
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
        risk = risk.with_weights(&weights).unwrap().ridge(0.25);
        let start = dvector![0.5, -0.25];
        let expected = risk.value(&start);
        let mut trainer = Trainer::new(GradientDescent::new(1e-300)).epochs(2).batch_size(1 + draw.below(m));
        let (fitted, history) = trainer.train(&mut risk, start.clone()).unwrap();
        assert_eq!(fitted.parameters(), &start);
        for epoch in history {
            assert!((epoch.loss - expected).abs() <= 1e-14, "{} for {expected}", epoch.loss);
        }
    }
}

/// By hand, on one batch after another: value and gradient of the batch that was asked for, never of the one before.
#[test]
fn a_step_by_hand_evaluates_anew() {
    fn walk(
        name: &str,
        mut method: impl for<'a, 'b> Optimizer<f64, EmpiricalRisk<'a, f64, Perceptron, SquaredError>>,
    ) {
        let mut draw = Draw::new(13);
        for case in 0..120 {
            let (x, y) = (
                DMatrix::from_fn(1, 6, |_, _| draw.unit()),
                DMatrix::from_fn(1, 6, |_, _| 9.0 * draw.unit()),
            );
            let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
            let (mut risk, mut theta) = (risk.ridge(0.1), dvector![draw.unit(), draw.unit()]);
            for step in 0..6 {
                let batch = (step * 2) % 6..(step * 2) % 6 + 2;
                let mut g = DVector::zeros(2);
                let expected = risk.batch(batch.clone()).unwrap().value_gradient(&theta, &mut g);
                let found = method.step(risk.batch(batch).unwrap(), &mut theta).unwrap();
                let off = (found.value - expected).abs() + (found.gradient_norm - g.amax()).abs();
                assert!(off <= 1e-12 * (1.0 + expected + g.amax()), "{name}: {case}, {step}: {found:?}");
            }
        }
    }
    walk("descent", GradientDescent::new(0.1).momentum(0.5));
    walk("adagrad", AdaGrad::new(0.1));
    walk("rms", RmsProp::new(0.1));
    walk("adam", Adam::new(0.1));
    walk("lbfgs", Lbfgs::new());
    walk("bfgs", Bfgs::new());
    walk("conjugate", ConjugateGradient::new());
    walk("newton", Newton::new());
    walk("trust", TrustRegion::new());
    walk("newton-cg", NewtonCg::new());
    walk("saddle-free", SaddleFree::new());
}

/// Features far from zero or of another size than 1 are named, whatever became of the run; a factor of 8 is none.
#[test]
fn unscaled_features_are_named() {
    let mut draw = Draw::new(13);
    for _ in 0..200 {
        let n = 1 + draw.below(6);
        let mut expected = Vec::new();
        let mut x = DMatrix::from_fn(n, 40, |_, _| draw.unit());
        for i in 0..n {
            let (unit, shift) = match draw.below(4) {
                0 => (2f64.powi(6 + draw.below(40) as i32), 0.0),
                1 => (2f64.powi(-6 - draw.below(40) as i32), 0.0),
                2 => (1.0, 1e3),
                _ => ([0.25, 1.0, 8.0][draw.below(3)], 0.0),
            };
            if !(0.25..=8.0).contains(&unit) || shift > 0.0 {
                expected.push(i);
            }
            x.row_mut(i).apply(|x| *x = unit * *x + shift);
        }
        let y = DMatrix::from_fn(1, 40, |_, j| x[(0, j)].signum());
        let mut risk = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, &y).unwrap();
        let (fitted, _) = Trainer::default().epochs(1).train(&mut risk, DVector::zeros(n + 1)).unwrap();
        assert_eq!(fitted.report.unscaled, expected);
        assert_eq!(fitted.report.to_string().contains("Standardizer"), !expected.is_empty());
        let start = DVector::zeros(n + 1);
        let fitted = risk.fit_with(&mut Adam::new(1e-3), start, &Stop::default().iterations(3)).unwrap();
        assert_eq!(fitted.report.unscaled, expected);
    }
}

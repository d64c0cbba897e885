//! Predictions with intervals: against statsmodels (`tests/data/influence.py`), in closed form, and how often they cover.
//!
//! `GRADUS_SETS=4000 cargo test --release --all-features --test posterior coverage -- --nocapture` prints the coverage over
//! so many simulated sets.

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
use gradus::loss::Gamma;
use gradus::nalgebra::{DMatrix, DMatrixView, DVector};
use gradus::*;
use tables::table;

#[test]
fn least_squares_as_statsmodels() {
    fn check<T: Real>(accuracy: f64) {
        let golden = json::Json::parse(&tables::read("tests/data/influence.json"));
        let (x, y) = table("diabetes");
        let (x, y) = (x.map(T::of), y.map(T::of));
        let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        let posterior = risk.posterior(fitted.parameters()).unwrap();
        let first = x.columns(0, 3);
        for (key, found) in [
            ("mean", posterior.predict(first, 0.9).unwrap()),
            ("observation", posterior.predict_observation(first, 0.9).unwrap()),
        ] {
            let expected = golden.get(key).items();
            for (found, expected) in [&found.mean, &found.lower, &found.upper].into_iter().zip(expected) {
                let error = (found.transpose().column(0).map(Real::f64) - tables::vector(expected)).amax();
                assert!(error < accuracy * 100.0, "{key}: {error:e}");
            }
        }
    }
    check::<f64>(1e-10);
    check::<f32>(1e-3);
}

/// Of two classes softmax and the log loss say the same, scores in other words.
/// Outputs of least squares do not meet: each has the intervals that it has alone.
#[test]
fn several_outputs_have_the_intervals_of_each() {
    fn check<T: Real>(accuracy: f64) {
        let mut draw = Draw::new(5);
        for case in 0..40 {
            let (n, k, m) = (1 + draw.below(3), 2 + draw.below(3), 8 + draw.below(12));
            let model = Perceptron::new(n);
            let model = if case % 4 == 0 { model.without_bias() } else { model };
            let lambda = T::of([0.0, 0.1][draw.below(2)]);
            let x = DMatrix::from_fn(n, m, |_, _| T::of(draw.unit()));
            let y = DMatrix::from_fn(k, m, |o, j| x[(0, j)] * T::of(o as f64) + T::of(draw.unit()));
            let mut risk = EmpiricalRisk::new(model.with_outputs(k), SquaredError, &x, &y).unwrap();
            risk = risk.ridge(lambda);
            let theta = risk.fit().unwrap().report.x;
            let posterior = risk.posterior(&theta).unwrap();
            for is_mean in [true, false] {
                let predict = |posterior: &Posterior<'_, T, Perceptron, SquaredError>| match is_mean {
                    true => posterior.predict(&x, 0.9).unwrap(),
                    false => posterior.predict_observation(&x, 0.9).unwrap(),
                };
                let all = predict(&posterior);
                for o in 0..k {
                    let one = DMatrix::from_fn(1, m, |_, j| y[(o, j)]);
                    let mut risk = EmpiricalRisk::new(model, SquaredError, &x, &one).unwrap().ridge(lambda);
                    let theta = risk.fit().unwrap().report.x;
                    let alone = predict(&risk.posterior(&theta).unwrap());
                    for (all, alone) in [(&all.lower, &alone.lower), (&all.upper, &alone.upper)] {
                        let off = (0..m).map(|j| (all[(o, j)] - alone[j]).abs().f64()).fold(0.0, f64::max);
                        assert!(off <= accuracy * alone.amax().f64(), "{case}: {off:e}");
                    }
                }
            }
        }
    }
    check::<f64>(1e-12);
    check::<f32>(1e-4);
}

#[test]
fn softmax_of_two_classes_is_logistic() {
    let mut draw = Draw::new(1);
    for _ in 0..20 {
        let x = DMatrix::from_fn(2, 40, |_, _| 2.0 * draw.unit());
        let labels: Vec<usize> =
            (0..40).map(|j| usize::from(x[(0, j)] - 0.5 * x[(1, j)] + 1.5 * draw.unit() > 0.3)).collect();
        let mut logistic = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &labels).unwrap();
        let Ok(one) = logistic.fit() else { continue };
        if !one.report.converged() {
            continue;
        }
        let mut softmax =
            EmpiricalRisk::new(Perceptron::new(2).with_outputs(2), CrossEntropy, &x, &labels).unwrap();
        let two = softmax.fit().unwrap();
        let far = DMatrix::from_fn(2, 8, |i, j| if i == 0 { j as f64 - 4.0 } else { 0.3 });
        let one = logistic.posterior(one.parameters()).unwrap().predict(&far, 0.9).unwrap();
        let two = softmax.posterior(two.parameters()).unwrap().predict(&far, 0.9).unwrap();
        for j in 0..8 {
            let (of_one, of_two) = ((one.lower[j], one.upper[j]), (two.lower[(1, j)], two.upper[(1, j)]));
            assert!(
                (of_one.0 - of_two.0).abs() + (of_one.1 - of_two.1).abs() < 1e-5,
                "{of_one:?} {of_two:?}"
            );
            // the other class is the rest
            assert!((two.lower[(0, j)] - 1.0 + of_two.1).abs() < 1e-5);
        }
    }
}

#[test]
fn directions_that_no_prediction_sees() {
    // the second unit is switched off for all samples
    let network = Network::new(&[1, 2, 1], Activation::Relu);
    let x = matrix![0.5, 1.0, 1.5, 2.0, 2.5, 3.0];
    let y = matrix![1.1, 1.9, 3.2, 3.9, 5.1, 5.9];
    let mut line = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let fitted = line.fit().unwrap();
    let w: f64 = fitted.weights()[0];
    // z = v relu(w x + b) + c: w v and b v + c are determined, and with a penalty on weights all four are
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap().ridge(1e-3);
    let start = vector![w.sqrt(), 0.0, 0.3, -5.0, w.sqrt(), 0.0, 0.1];
    let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default()).unwrap();
    let statistics = risk.statistics(&report.x);
    assert!(matches!(statistics, Err(Error::NotPositiveDefinite { what: "statistics", .. })), "{report}");
    match risk.posterior(&report.x) {
        Ok(posterior) => {
            let predicted = posterior.predict(&x, 0.95).unwrap();
            assert!((0..6).all(|j| predicted.lower[j] < y[j] + 0.5 && y[j] - 0.5 < predicted.upper[j]));
            // where it is on, it is not known
            let on = posterior.predict(&[100.0], 0.95);
            println!("{on:?}");
        }
        Err(error) => panic!("{error} {report}"),
    }
}

#[test]
fn an_indefinite_hessian_is_refused_with_a_remedy() {
    let (x, y) = ([-1.0, -0.5, 0.0, 0.5, 1.0], [1.0, 0.2, 0.0, 0.3, 1.1]);
    let network = Network::new(&[1, 2, 1], Activation::Tanh);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
    // all weights zero, the bias at the mean: a saddle
    let theta = vector![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.52];
    let error = risk.posterior(&theta).unwrap_err();
    assert!(matches!(error, Error::NotPositiveDefinite { what: "a posterior", .. }), "{error}");
    assert!(error.to_string().contains("ridge"), "{error}");
}

#[test]
fn a_prediction_that_the_data_do_not_determine_is_refused() {
    // no sample tells the weight of the second feature through a hinge that is always 0
    let network = Network::new(&[2, 1, 1], Activation::Relu);
    let x = matrix![1.0, 2.0, 3.0, 4.0, 5.0; 0.0, 0.0, 0.0, 0.0, 0.0];
    let y = matrix![1.0, 2.2, 2.9, 4.1, 4.8];
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
    let start = vector![1.0, 0.5, 0.1, 1.0, 0.0];
    let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default()).unwrap();
    let posterior = risk.posterior(&report.x).unwrap();
    assert!(posterior.predict(&matrix![2.5; 0.0], 0.9).is_ok());
    let error = posterior.predict(&matrix![2.5; 1.0], 0.9).unwrap_err();
    assert!(matches!(error, Error::NotPositiveDefinite { .. }), "{error}");
}

#[test]
fn arguments_are_checked_and_units_do_not_matter() {
    let mut draw = Draw::new(5);
    let x = DMatrix::from_fn(1, 30, |_, _| draw.unit());
    let y = x.map(|x| 2.0 * x) + DMatrix::from_fn(1, 30, |_, _| 0.3 * draw.unit());
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(0.2), &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let posterior = risk.posterior(fitted.parameters()).unwrap();
    for level in [0.0, 1.0, f64::NAN, -1.0] {
        assert!(matches!(posterior.predict(&[0.1], level), Err(Error::Setting { name: "level", .. })));
    }
    assert!(matches!(posterior.predict(&[f64::NAN], 0.9), Err(Error::NonFinite { .. })));
    assert!(matches!(posterior.predict_observation(&[0.1], 0.9), Err(Error::NoVariance { .. })));
    let at = posterior.predict(&[0.1, 0.9], 0.9).unwrap();
    // robust errors of the parameters tell the same at zero, where the prediction is the bias
    let statistics = risk.statistics(fitted.parameters()).unwrap();
    let ends = statistics.confidence_intervals(0.9).unwrap();
    let zero = risk.posterior(fitted.parameters()).unwrap().predict(&[0.0], 0.9).unwrap();
    assert!((zero.lower[0] - ends[(1, 0)]).abs() < 1e-12 && (zero.upper[0] - ends[(1, 1)]).abs() < 1e-12);
    for k in [-20, 12] {
        let (scale, turn) = (2f64.powi(k), 2f64.powi(-k));
        let (x, y) = (&x * turn, &y * scale);
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(0.2 * scale), &x, &y).unwrap();
        let fitted = risk.fit().unwrap();
        let scaled = risk.posterior(fitted.parameters()).unwrap().predict(&[0.1 * turn, 0.9 * turn], 0.9);
        let scaled = scaled.unwrap();
        for j in 0..2 {
            assert!((scaled.lower[j] / scale - at.lower[j]).abs() < 1e-6, "{scaled:?} {at:?}");
        }
    }
    // a positive mean stays positive
    let y = x.map(|x: f64| (3.0 * x).exp());
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Gamma, &x, &y).unwrap();
    let fitted = risk.fit().unwrap();
    let predicted = risk.posterior(fitted.parameters()).unwrap().predict(&[-5.0], 0.999).unwrap();
    assert!(predicted.lower[0] > 0.0);
}

/// Streams tell the same.
#[test]
fn the_same_from_a_stream() {
    let (x, y) = table("diabetes");
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y).unwrap();
    let theta = risk.fit().unwrap().parameters().clone();
    let memory = risk.posterior(&theta).unwrap().predict(&x, 0.95).unwrap();
    let blocks = || {
        (0..442).step_by(50).map(|j| {
            let width = 50.min(442 - j);
            Ok::<_, Error>((x.columns(j, width).into_owned(), y.columns(j, width).into_owned()))
        })
    };
    let mut risk = EmpiricalRisk::from_stream(Perceptron::new(10), SquaredError, &blocks).unwrap();
    assert_eq!(risk.posterior(&theta).unwrap().predict(&x, 0.95).unwrap(), memory);
}

fn normal(draw: &mut Draw) -> f64 {
    let radius = (-2.0 * (0.5 - 0.5 * draw.unit()).ln()).sqrt();
    radius * (std::f64::consts::PI * draw.unit()).cos()
}

fn sets(few: usize) -> usize {
    std::env::var("GRADUS_SETS").ok().and_then(|sets| sets.parse().ok()).unwrap_or(few)
}

/// Of so many sets the share, in percent, of true means within 95 %, and of sets that were refused.
fn covered(name: &str, few: usize, mut of_set: impl FnMut(&mut Draw) -> Option<f64>) -> f64 {
    let (sets, mut draw) = (sets(few), Draw::new(17));
    let shares: Vec<f64> = (0..sets).filter_map(|_| of_set(&mut draw)).collect();
    let share = 100.0 * shares.iter().sum::<f64>() / shares.len() as f64;
    let refused = 100.0 * (sets - shares.len()) as f64 / sets as f64;
    println!("{name}: {share:.2} % of true means covered, {refused:.1} % of {sets} sets refused");
    share
}

fn within(predicted: &Prediction<f64>, truth: impl Fn(usize) -> f64) -> f64 {
    let count = predicted.mean.len();
    let holds = (0..count).filter(|j| predicted.lower[*j] <= truth(*j) && truth(*j) <= predicted.upper[*j]);
    holds.count() as f64 / count as f64
}

#[test]
fn coverage_of_lines() {
    let share = covered("linear, m = 12", 1500, |draw| {
        let x = DMatrix::from_fn(1, 12, |_, _| draw.unit());
        let truth = |x: f64| 1.0 + 2.0 * x;
        let y = x.map(truth) + DMatrix::from_fn(1, 12, |_, _| 0.5 * normal(draw));
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).ok()?;
        let fitted = risk.fit().ok()?;
        let posterior = risk.posterior(fitted.parameters()).ok()?;
        let mean = within(&posterior.predict(&[0.7], 0.95).ok()?, |_| truth(0.7));
        let next = truth(0.7) + 0.5 * normal(draw);
        let next = within(&posterior.predict_observation(&[0.7], 0.95).ok()?, |_| next);
        Some((mean + next) / 2.0)
    });
    assert!((share - 95.0).abs() < 1.5);
}

#[test]
fn coverage_of_probabilities() {
    let share = covered("logistic, m = 100", 800, |draw| {
        let x = DMatrix::from_fn(1, 100, |_, _| 2.0 * draw.unit());
        let truth = |x: f64| 1.0 / (1.0 + (0.3 - 1.2 * x).exp());
        let labels: Vec<usize> = x.iter().map(|x| usize::from(0.5 + 0.5 * draw.unit() < truth(*x))).collect();
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &labels).ok()?;
        let fitted = risk.fit().ok()?;
        let posterior = risk.posterior(fitted.parameters()).ok()?;
        let at = [-1.8, -0.9, 0.0, 0.9, 1.8];
        Some(within(&posterior.predict(&at, 0.95).ok()?, |j| truth(at[j])))
    });
    assert!((share - 95.0).abs() < 2.0);
}

/// `θ₁/(1 + exp(−θ₂ (t − θ₃)))`, by hand.
struct Growth;

impl Architecture for Growth {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        3
    }
}

impl Growth {
    /// The score, with its gradient and Hessian.
    fn jet(theta: &DVector<f64>, t: f64) -> (f64, [f64; 3], [[f64; 3]; 3]) {
        let (a, b, c) = (theta[0], theta[1], theta[2]);
        let s = 1.0 / (1.0 + (-b * (t - c)).exp());
        let (d, dd) = (s * (1.0 - s), s * (1.0 - s) * (1.0 - 2.0 * s));
        let u = t - c;
        let cross = [d * u, -d * b];
        let bc = a * (-dd * u * b - d);
        let h = [[0.0, cross[0], cross[1]], [cross[0], a * dd * u * u, bc], [cross[1], bc, a * dd * b * b]];
        (a * s, [s, a * d * u, -a * d * b], h)
    }
}

impl Model<f64> for Growth {
    type Cache = Vec<f64>;
    fn cache(&self, max_batch: usize) -> Vec<f64> {
        vec![0.0; max_batch]
    }
    fn forward<'c>(
        &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, cache: &'c mut Vec<f64>,
    ) -> DMatrixView<'c, f64> {
        cache.iter_mut().zip(x.iter()).for_each(|(z, t)| *z = Self::jet(theta, *t).0);
        DMatrixView::from_slice(cache, 1, x.ncols())
    }
    fn backward(
        &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, delta: DMatrixView<'_, f64>, _: &mut Vec<f64>,
        gradient: &mut DVector<f64>,
    ) {
        for (t, delta) in x.iter().zip(delta.iter()) {
            let (_, g, _) = Self::jet(theta, *t);
            (0..3).for_each(|i| gradient[i] += delta * g[i]);
        }
    }
}

impl SecondOrderModel<f64> for Growth {
    fn tangent<'c>(
        &self, theta: &DVector<f64>, v: &DVector<f64>, x: DMatrixView<'_, f64>, cache: &'c mut Vec<f64>,
    ) -> DMatrixView<'c, f64> {
        for (r, t) in cache.iter_mut().zip(x.iter()) {
            let (_, g, _) = Self::jet(theta, *t);
            *r = (0..3).map(|i| g[i] * v[i]).sum();
        }
        DMatrixView::from_slice(cache, 1, x.ncols())
    }
    fn backward_tangent(
        &self, theta: &DVector<f64>, v: &DVector<f64>, x: DMatrixView<'_, f64>, delta: DMatrixView<'_, f64>,
        r_delta: DMatrixView<'_, f64>, _: &mut Vec<f64>, out: &mut DVector<f64>,
    ) {
        for ((t, delta), r_delta) in x.iter().zip(delta.iter()).zip(r_delta.iter()) {
            let (_, g, h) = Self::jet(theta, *t);
            for i in 0..3 {
                out[i] += r_delta * g[i] + delta * (0..3).map(|q| h[i][q] * v[q]).sum::<f64>();
            }
        }
    }
}

#[test]
fn coverage_of_a_growth_curve() {
    let share = covered("growth, m = 100", 600, |draw| {
        let x = DMatrix::from_fn(1, 100, |_, j| j as f64 / 5.0);
        let theta = vector![10.0, 0.6, 8.0];
        let truth = |t: f64| Growth::jet(&theta, t).0;
        let y = x.map(truth) + DMatrix::from_fn(1, 100, |_, _| 0.8 * normal(draw));
        let mut risk = EmpiricalRisk::new(Growth, SquaredError, &x, &y).ok()?;
        let report = minimize(&mut TrustRegion::new(), &mut risk, theta.clone(), &Stop::default()).ok()?;
        let posterior = risk.posterior(&report.x).ok()?;
        let at = [1.0, 5.0, 8.0, 12.0, 19.0];
        Some(within(&posterior.predict(&at, 0.95).ok()?, |j| truth(at[j])))
    });
    assert!((share - 95.0).abs() < 2.0);
}

/// Truths drawn from the prior that the penalty states: `λ m / σ²` is the precision of a weight.
#[test]
fn coverage_of_a_network() {
    let (sigma, tau, m) = (0.2_f64, 1.0, 100);
    let share = covered("1-8-1, m = 100", 60, |draw| {
        let network = Network::new(&[1, 8, 1], Activation::Tanh);
        let truth: DVector<f64> = DVector::from_fn(25, |_, _| tau * normal(draw));
        let x = DMatrix::from_fn(1, m, |_, _| 3.0 * draw.unit());
        let known = Fitted::from_parameters(network.clone(), SquaredError, truth.clone()).unwrap();
        let y = known.predict(&x).unwrap() + DMatrix::from_fn(1, m, |_, _| sigma * normal(draw));
        let ridge = sigma.powi(2) / (m as f64 * tau * tau);
        let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).ok()?.ridge(ridge);
        let best = (0..2)
            .filter_map(|seed| {
                let start = network.initial_with(Initialize::PyTorch, draw.bits() + seed);
                minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default()).ok()
            })
            .min_by(|a, b| a.value.total_cmp(&b.value))?;
        let posterior = risk.posterior(&best.x).ok()?;
        let at: Vec<f64> = (0..25).map(|i| -2.88 + 0.24 * f64::from(i)).collect();
        let means = known.predict(&at).unwrap();
        Some(within(&posterior.predict(&at, 0.95).ok()?, |j| means[j]))
    });
    assert!((92.0..98.0).contains(&share));
}

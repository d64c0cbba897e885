//! Interrupted and resumed training, held-out samples, frozen parameters, clipping, plateaus and schedules.
#![expect(clippy::float_cmp, reason = "bits are compared")]

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

use std::ops::ControlFlow;

use draw::Draw;
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::optimizer::{Optimizer, Step, Stochastic};
use gradus::*;

type Data<T> = (DMatrix<T>, DMatrix<T>, Vec<T>);

fn data<T: Real>(draw: &mut Draw, m: usize) -> Data<T> {
    let x = DMatrix::from_fn(3, m, |_, _| T::of(draw.unit()));
    let y = DMatrix::from_fn(1, m, |_, j| T::of((2.0 * x[(0, j)].f64()).sin() + 0.1 * draw.unit()));
    let weights = (0..m).map(|j| T::of(((j % 4) as f64) * 0.5 + if j == 0 { 1.0 } else { 0.0 })).collect();
    (x, y, weights)
}

/// A run in pieces, each ended by its closure after a random number of epochs, gives the bits of the whole.
fn in_pieces<T: Real, P>(
    draw: &mut Draw, mut trainer: Trainer<T, P>, save: impl Fn(&Checkpoint<T>) -> Checkpoint<T>,
) where
    P: Clone + Stochastic + for<'a> Optimizer<T, EmpiricalRisk<'a, T, Network, SquaredError>>,
{
    let (x, y, weights) = data::<T>(draw, 23);
    let network = Network::new(&[3, 4, 1], Activation::Tanh);
    let start = network.initial(draw.below(1000) as u64);
    let risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
    let mut risk = risk.with_weights(&weights).unwrap().ridge(T::of(1e-3));
    let whole = trainer.train(&mut risk, start.clone()).unwrap();

    let mut kept = None;
    let mut last = 1 + draw.below(4);
    let mut ended = trainer
        .train_with(&mut risk, start, None, |training| {
            kept = training.checkpoint();
            match training.epoch().epoch == last {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        })
        .unwrap();
    while ended.0.report.termination == Termination::Stopped {
        last += 1 + draw.below(5);
        let checkpoint = save(&kept.take().unwrap());
        ended = trainer
            .resume(&mut risk, checkpoint, None, |training| {
                kept = training.checkpoint();
                match training.epoch().epoch == last {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            })
            .unwrap();
    }
    // the closure may have ended the run where its epochs ended too
    assert_eq!(ended.1, whole.1);
    assert_eq!(ended.0, whole.0);
}

fn every_method<T: Real>(seed: u64, save: impl Fn(&Checkpoint<T>) -> Checkpoint<T>) {
    let mut draw = Draw::new(seed);
    for case in 0..40 {
        let rate = T::of(0.01 + 0.02 * draw.unit().abs());
        let schedule = match draw.below(4) {
            0 => Schedule::constant(),
            1 => Schedule::warm_up(5).then(Schedule::cosine(40)),
            2 => Schedule::exponential(0.99),
            _ => Schedule::step_decay(7, 0.7).lasting(20).then(Schedule::inverse_time(0.1)),
        };
        macro_rules! run {
            ($method:expr) => {{
                let mut method = $method.schedule(schedule.clone());
                if draw.below(2) == 0 {
                    method = method.clip(T::of(0.05));
                }
                let mut trainer = Trainer::new(method).epochs(13).batch_size(1 + draw.below(9)).seed(case);
                if draw.below(2) == 0 {
                    trainer = trainer.early_stopping(1 + draw.below(3), T::of(1e-3));
                }
                if draw.below(2) == 0 {
                    trainer = trainer.validation_share(0.2);
                }
                if draw.below(2) == 0 {
                    trainer = trainer.reduce_on_plateau(1 + draw.below(2), 0.5);
                }
                if draw.below(3) == 0 {
                    trainer = trainer.frozen(0..4);
                }
                in_pieces(&mut draw, trainer, &save);
            }};
        }
        run!(GradientDescent::new(rate));
        run!(GradientDescent::new(rate).momentum(T::of(0.9)));
        run!(GradientDescent::new(rate).nesterov(T::of(0.9)));
        run!(AdaGrad::new(rate));
        run!(RmsProp::new(rate));
        run!(Adam::new(rate));
        run!(Adam::new(rate).weight_decay(T::of(0.1)));
    }
}

#[test]
fn resumed_training_has_the_bits_of_the_whole() {
    every_method::<f64>(1, Checkpoint::clone);
    every_method::<f32>(2, Checkpoint::clone);
}

#[cfg(feature = "serde")]
#[test]
fn the_same_through_a_file() {
    every_method::<f64>(3, |checkpoint| {
        serde_json::from_str(&serde_json::to_string(checkpoint).unwrap()).unwrap()
    });
    every_method::<f32>(4, |checkpoint| {
        serde_json::from_str(&serde_json::to_string(checkpoint).unwrap()).unwrap()
    });
}

fn line_risk<'a>(
    x: &'a DMatrix<f64>, y: &'a DMatrix<f64>,
) -> EmpiricalRisk<'a, f64, Perceptron, SquaredError> {
    EmpiricalRisk::new(Perceptron::new(1), SquaredError, x, y).unwrap()
}

fn go<T: Real>(_: &mut Training<'_, T>) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

fn checkpoint_of<P>(method: P) -> Checkpoint<f64>
where
    P: Stochastic + for<'a> Optimizer<f64, EmpiricalRisk<'a, f64, Perceptron, SquaredError>>,
{
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    let mut kept = None;
    Trainer::new(method)
        .epochs(3)
        .train_with(&mut line_risk(&x, &y), dvector![0.0, 0.0], None, |training| {
            kept = training.checkpoint();
            ControlFlow::Continue(())
        })
        .unwrap();
    kept.unwrap()
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    let mut risk = line_risk(&x, &y);
    let other = checkpoint_of(RmsProp::new(0.1));
    let wrong = Trainer::default().epochs(5).resume(&mut risk, other.clone(), None, go);
    assert!(matches!(wrong, Err(Error::Checkpoint { expected: "Adam", .. })), "{wrong:?}");
    let plain = Trainer::new(RmsProp::new(0.1)).epochs(5).resume(&mut risk, other, None, go);
    assert_eq!(plain.unwrap().1.len(), 5);

    // momentum remembers what plain descent has not got
    let plain = checkpoint_of(GradientDescent::new(0.1));
    let mut rolling = Trainer::new(GradientDescent::new(0.1).momentum(0.9)).epochs(5);
    assert!(matches!(rolling.resume(&mut risk, plain, None, go), Err(Error::Checkpoint { .. })));

    let two = dmatrix![1.0, 2.0, 3.0; 0.0, 1.0, 1.0];
    let mut wider = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &two, &y).unwrap();
    let narrow = checkpoint_of(Adam::new(0.1));
    let wrong = Trainer::default().resume(&mut wider, narrow, None, go);
    assert!(matches!(wrong, Err(Error::Length { argument: "checkpoint", expected: 3, found: 2 })));
}

/// A method of one's own that keeps what it remembers to itself.
#[derive(Debug, Clone)]
struct SignDescent;

impl Stochastic for SignDescent {}

impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for SignDescent {
    fn step(&mut self, f: &mut O, x: &mut DVector<f64>) -> Result<Step<f64>, Error> {
        let mut g = DVector::zeros(x.len());
        let value = f.value_gradient(x, &mut g);
        *x -= g.map(f64::signum) * 0.01;
        Ok(Step::new(value, g.amax()))
    }
}

#[test]
fn a_method_that_does_not_tell_has_no_checkpoint() {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    let mut risk = line_risk(&x, &y);
    let mut trainer = Trainer::new(SignDescent).epochs(3);
    let mut seen = 0;
    let ended = trainer.train_with(&mut risk, dvector![0.0, 0.0], None, |training| {
        assert_eq!(training.checkpoint(), None);
        seen += 1;
        ControlFlow::Continue(())
    });
    assert_eq!((ended.unwrap().1.len(), seen), (3, 3));
    let of_another = checkpoint_of(Adam::new(0.1));
    assert!(matches!(trainer.resume(&mut risk, of_another, None, go), Err(Error::Checkpoint { .. })));
}

#[cfg(feature = "serde")]
#[test]
fn a_damaged_checkpoint_is_an_error() {
    let whole = serde_json::to_string(&checkpoint_of(Adam::new(0.1))).unwrap();
    assert!(serde_json::from_str::<Checkpoint<f64>>(&whole).is_ok());
    for end in 0..whole.len() {
        assert!(serde_json::from_str::<Checkpoint<f64>>(&whole[..end]).is_err(), "{end}");
    }
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0]);
    let mut draw = Draw::new(5);
    let mut read = 0;
    for _ in 0..2000 {
        let mut bytes = whole.clone().into_bytes();
        for _ in 0..1 + draw.below(3) {
            let at = draw.below(bytes.len());
            bytes[at] = b"0123456789-.e,]}[{\"xN"[draw.below(21)];
        }
        let Ok(text) = String::from_utf8(bytes) else { continue };
        let Ok(checkpoint) = serde_json::from_str::<Checkpoint<f64>>(&text) else { continue };
        read += 1;
        // what can be read is refused with an error, or goes on to numbers
        if let Ok((fitted, _)) =
            Trainer::default().epochs(5).resume(&mut line_risk(&x, &y), checkpoint, None, go)
        {
            assert!(fitted.parameters().iter().all(|t| t.is_finite()));
        }
    }
    assert!(read > 50, "{read}");
}

/// Every number of a checkpoint in turn is one that no run has: loading or resuming says so, or numbers come of it.
#[cfg(feature = "serde")]
fn every_number_is_judged<T, P>(method: P)
where
    T: Real + serde::Serialize + serde::de::DeserializeOwned,
    P: Clone + Stochastic + for<'a> Optimizer<T, EmpiricalRisk<'a, T, Perceptron, SquaredError>>,
{
    use serde_json::{Value, json};
    fn numbers(value: &Value, at: String, found: &mut Vec<String>) {
        match value {
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(i, v)| numbers(v, format!("{at}/{i}"), found));
            }
            Value::Object(all) => all.iter().for_each(|(k, v)| numbers(v, format!("{at}/{k}"), found)),
            Value::Number(_) => found.push(at),
            _ => {}
        }
    }
    let (x, y) = (dmatrix![1.0, 2.0, 3.0].map(T::of), dmatrix![1.0, 3.0, 5.0].map(T::of));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    let mut trainer = Trainer::new(method).epochs(3).batch_size(2).early_stopping(2, T::zero());
    let mut kept = None;
    let keep = |training: &mut Training<'_, T>| {
        kept = training.checkpoint();
        ControlFlow::Continue(())
    };
    trainer.train_with(&mut risk, DVector::zeros(2), None, keep).unwrap();
    let (whole, mut places) = (serde_json::to_value(kept.unwrap()).unwrap(), Vec::new());
    numbers(&whole, String::new(), &mut places);
    assert!(places.len() > 9);
    trainer = trainer.epochs(6);
    for place in places {
        for number in [
            json!(u64::MAX),
            json!(u64::MAX / 2),
            json!(i64::MAX),
            json!(1_u64 << 53),
            json!(2),
            json!(0),
            json!(-1),
            json!(1e308),
            json!(-1e308),
            json!(3e38),
            json!(-3e38),
            json!(1e-320),
            json!(-1e-30),
            json!("NaN"),
        ] {
            let mut damaged = whole.clone();
            *damaged.pointer_mut(&place).unwrap() = number.clone();
            let Ok(checkpoint) = serde_json::from_value::<Checkpoint<T>>(damaged) else { continue };
            assert!(!checkpoint.history().to_string().is_empty());
            let Ok((fitted, _)) = trainer.resume(&mut risk, checkpoint, None, go) else { continue };
            assert!(fitted.parameters().iter().all(|t| t.is_finite()), "{place} {number}");
            // six epochs of two batches, or as many as the file tells of
            let most = number.as_u64().filter(|_| place == "/steps").unwrap_or(6) + 12;
            assert!(fitted.report.iterations as u64 <= most && most < 1 << 40, "{place} {number}");
        }
    }
}

#[cfg(feature = "serde")]
#[test]
fn no_number_of_a_checkpoint_is_trusted() {
    fn methods<T: Real + serde::Serialize + serde::de::DeserializeOwned>() {
        let rate = T::of(0.05);
        every_number_is_judged(GradientDescent::new(rate));
        every_number_is_judged(GradientDescent::new(rate).momentum(T::of(0.9)));
        every_number_is_judged(AdaGrad::new(rate));
        every_number_is_judged(
            RmsProp::new(rate).schedule(Schedule::cosine(3).then(Schedule::step_decay(2, 0.5))),
        );
        every_number_is_judged(Adam::new(rate).weight_decay(T::of(0.1)));
    }
    methods::<f64>();
    methods::<f32>();
}

/// The loss over the samples that steps see and that over those held out are together the loss over all.
#[test]
fn held_out_samples_are_no_others() {
    let mut draw = Draw::new(6);
    for case in 0..300 {
        let m = 2 + draw.below(40);
        let x = DMatrix::from_fn(1, m, |_, _| draw.unit());
        let y = DMatrix::from_fn(1, m, |_, _| draw.unit());
        let mut risk = line_risk(&x, &y);
        let theta = dvector![draw.unit(), draw.unit()];
        let share = 0.02 + 0.6 * draw.unit().abs();
        let held = (share * m as f64).round().max(1.0);
        // nothing moves
        let mut trainer = Trainer::default().epochs(2).seed(case).validation_share(share).frozen(0..2);
        let trained = trainer.train(&mut risk, theta.clone());
        if held >= m as f64 {
            assert!(matches!(trained, Err(Error::Setting { name: "validation_share", .. })));
            continue;
        }
        let (fitted, history) = trained.unwrap();
        assert_eq!(fitted.parameters(), &theta);
        assert_eq!(fitted.report.gradient_norm, 0.0, "of what may move");
        let m = m as f64;
        let all = (history[0].loss * (m - held) + history[0].validation.unwrap() * held) / m;
        assert!((all - risk.value(&theta)).abs() <= 1e-14 * (1.0 + all), "{case}");
        assert!((history[1].loss - fitted.report.value).abs() <= 1e-14 * (1.0 + all));
        assert_eq!(history[0].validation, history[1].validation);
    }
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    for share in [0.0, -0.1, 1.0, 2.0, f64::NAN, f64::INFINITY, 0.9] {
        let refused =
            Trainer::default().validation_share(share).train(&mut line_risk(&x, &y), dvector![0.0, 0.0]);
        assert!(matches!(refused, Err(Error::Setting { name: "validation_share", .. })), "{share}");
    }
}

/// Their score stands beside their loss, which tells which they are; what the run records comes before it.
#[test]
fn held_out_samples_are_scored() {
    let mut draw = Draw::new(8);
    for case in 0..60 {
        let x = DMatrix::from_fn(1, 10, |_, _| draw.unit());
        let labels: Vec<usize> = (0..10).map(|_| draw.below(2)).collect();
        let theta = dvector![1.0 + draw.unit(), 0.5 * draw.unit()];
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &labels).unwrap();
        let mut trainer = Trainer::default().epochs(2).seed(case).validation_share(0.3).frozen(0..2);
        let (_, history) = trainer.train(&mut risk, theta.clone()).unwrap();
        let score = |j: usize| theta[0] * x[j] + theta[1];
        let loss = |j: usize| (score(j) * if labels[j] == 1 { -1.0 } else { 1.0 }).exp().ln_1p();
        let right = |j: usize| f64::from(u8::from((score(j) > 0.0) == (labels[j] == 1)));
        let mean = |of: &dyn Fn(usize) -> f64, set: [usize; 3]| set.map(of).iter().sum::<f64>() / 3.0;
        let sets = (0..10).flat_map(|a| (0..a).flat_map(move |b| (0..b).map(move |c| [a, b, c])));
        let found = history[1].validation.unwrap();
        let apart = |set: &[usize; 3]| (mean(&loss, *set) - found).abs();
        let held_out = sets.min_by(|a, b| apart(a).total_cmp(&apart(b))).unwrap();
        assert!(apart(&held_out) < 1e-14);
        assert!((history[1].metric.unwrap() - mean(&right, held_out)).abs() < 1e-15, "{case}");
        let mine = |training: &mut Training<'_, f64>| {
            training.record(7.0);
            ControlFlow::Continue(())
        };
        let (_, history) = trainer.train_with(&mut risk, theta, None, mine).unwrap();
        assert_eq!(history[0].metric, Some(7.0));
    }
    // one sample has no R²
    let (x, y) = (dmatrix![1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 2.0]);
    let mut trainer = Trainer::default().epochs(1).validation_share(0.3);
    let (_, history) = trainer.train(&mut line_risk(&x, &y), dvector![0.0, 0.0]).unwrap();
    assert!(history[0].validation.is_some() && history[0].metric.is_none());
}

#[test]
fn frozen_parameters_keep_their_bits_and_others_move() {
    let mut draw = Draw::new(7);
    let (x, y, _) = data::<f32>(&mut draw, 30);
    let network = Network::new(&[3, 5, 4, 1], Activation::Tanh);
    for layer in 0..3 {
        let (start, range) = (network.initial(layer as u64), network.layers()[layer].range());
        let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
        let mut trainer = Trainer::new(Adam::new(0.01).weight_decay(0.1)).epochs(5).frozen(range.clone());
        let (fitted, _) = trainer.train(&mut risk, start.clone()).unwrap();
        for i in 0..start.len() {
            let moved = fitted.parameters()[i] != start[i];
            // nothing decays from a bias of zero while its gradient is not
            assert!(moved != range.contains(&i), "{layer}: {i}");
        }
    }
    let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
    let beyond = Trainer::default().frozen(0..1000).train(&mut risk, network.initial(0));
    assert!(
        matches!(beyond, Err(Error::Length { argument: "frozen", expected: 49, found: 1000 })),
        "{beyond:?}"
    );
    let backwards = Trainer::default().epochs(1).frozen(std::ops::Range { start: 9, end: 3 });
    assert!(
        { backwards }
            .train(&mut risk, network.initial(0))
            .is_ok_and(|(fitted, _)| fitted.report.iterations > 0)
    );
}

fn clipped<T: Real>() {
    let mut draw = Draw::new(8);
    for case in 0..500 {
        let n = 1 + draw.below(6);
        let size = 2f64.powi(draw.below(60) as i32 - 30);
        let g = DVector::from_fn(n, |_, _| T::of(size * draw.unit()));
        let most = T::of(2f64.powi(draw.below(60) as i32 - 30));
        let slope = g.clone();
        let mut plane = Function::new(n, move |x: &DVector<T>, out: &mut DVector<T>| {
            out.copy_from(&slope);
            slope.dot(x)
        });
        let mut x = DVector::zeros(n);
        GradientDescent::new(T::one()).clip(most).step(&mut plane, &mut x).unwrap();
        let norm = g.iter().map(|g| g.f64() * g.f64()).sum::<f64>().sqrt();
        let factor = (most.f64() / norm).min(1.0);
        for (x, g) in x.iter().zip(&g) {
            let expected = -factor * g.f64();
            assert!((x.f64() - expected).abs() <= 8.0 * T::EPSILON.f64() * expected.abs(), "{case}");
        }
    }
    for most in [T::zero(), -T::one(), T::NAN, T::one() / T::zero()] {
        let refused = Optimizer::<T, problems::Rosenbrock>::start(
            &mut Adam::new(T::of(0.1)).clip(most),
            &problems::Rosenbrock::new(2),
            None,
        );
        assert!(matches!(refused, Err(Error::Setting { name: "clip", .. })));
    }
}

#[test]
fn gradients_are_clipped_by_their_norm() {
    clipped::<f64>();
    clipped::<f32>();
}

#[test]
fn schedules_follow_one_another() {
    let mut draw = Draw::new(9);
    for _ in 0..1000 {
        let one = |draw: &mut Draw| match draw.below(5) {
            0 => Schedule::warm_up(1 + draw.below(9)),
            1 => Schedule::cosine(1 + draw.below(9)),
            2 => Schedule::exponential(0.9),
            3 => Schedule::inverse_time(0.3),
            _ => Schedule::step_decay(2, 0.5),
        };
        let (a, b, c) = (one(&mut draw), one(&mut draw), one(&mut draw));
        let (first, second) = (1 + draw.below(9), 1 + draw.below(9));
        let [left, right] = [
            a.clone().lasting(first).then(b.clone().lasting(second)).then(c.clone()),
            a.clone().lasting(first).then(b.clone().lasting(second).then(c.clone())),
        ];
        for t in 0..40 {
            let expected = match t {
                t if t < first => a.factor(t),
                t if t < first + second => b.factor(t - first),
                _ => c.factor(t - first - second),
            };
            assert_eq!((left.factor(t), right.factor(t)), (expected, expected));
        }
    }
    let endless = Schedule::exponential(0.9).then(Schedule::cosine(3));
    let mut method = GradientDescent::new(0.1).schedule(endless);
    let refused = Optimizer::<f64, _>::start(&mut method, &problems::Rosenbrock::new(2), None);
    assert!(matches!(refused, Err(Error::Setting { name: "schedule", .. })));
    assert_eq!(Schedule::constant().then(Schedule::cosine(3)).factor(9), 1.0);
}

#[test]
fn settings_of_a_plateau_are_judged() {
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    for (patience, factor) in [(0, 0.5), (1, 0.0), (1, 1.0), (1, f64::NAN), (1, -0.5)] {
        let mut trainer = Trainer::default().epochs(2).reduce_on_plateau(patience, factor);
        let refused = trainer.train(&mut line_risk(&x, &y), dvector![0.0, 0.0]);
        assert!(matches!(refused, Err(Error::Setting { .. })));
    }
}

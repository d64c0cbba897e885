//! Same seed, same bits: from run to run, and for any number of threads.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, GradientDescent, Initialize, Loss, Model, Network, Optimizer,
    Real,
};

/// Exact bits, so that `0.0` and `−0.0` differ.
fn bits<T: Real>(values: &DVector<T>) -> Vec<u64> {
    values.iter().map(|v| v.f64().to_bits()).collect()
}

fn numbers<T: Real>(rows: usize, columns: usize) -> DMatrix<T> {
    DMatrix::from_fn(rows, columns, |i, j| T::of((1.3 * i as f64 + 0.7 * (j * j) as f64).sin()))
}

fn classes<T: Real>(classes: usize, samples: usize) -> DMatrix<T> {
    DMatrix::from_fn(classes, samples, |i, j| T::of(f64::from(u8::from(i == j * j % classes))))
}

/// Parameters after a few steps on all samples, a range of them and a selection.
fn after_steps<T: Real, M: Model<T>, L: Loss<T>>(
    model: M, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>), mut theta: DVector<T>,
) -> DVector<T> {
    let m = x.ncols();
    let mut risk = EmpiricalRisk::new(model, loss, x, y).unwrap().ridge(T::of(1e-3));
    let mut descent = GradientDescent::new(T::of(0.05));
    let backwards: Vec<usize> = (0..m).rev().step_by(2).collect();
    for _ in 0..3 {
        descent.step(risk.batch(0..m).unwrap(), &mut theta).unwrap();
        descent.step(risk.batch(3..m / 2).unwrap(), &mut theta).unwrap();
        descent.step(risk.select(&backwards).unwrap(), &mut theta).unwrap();
    }
    theta
}

#[test]
fn initial_parameters_follow_from_the_seed() {
    let network = Network::new(&[3, 8, 2], Activation::Tanh);
    for initialize in [
        Initialize::GlorotUniform,
        Initialize::GlorotNormal,
        Initialize::HeUniform,
        Initialize::HeNormal,
        Initialize::LeCunNormal,
        Initialize::PyTorch,
    ] {
        let draw = |seed| bits::<f64>(&network.initial_with(initialize, seed));
        assert_eq!(draw(7), draw(7), "{initialize:?}");
        assert_ne!(draw(7), draw(8), "{initialize:?}");
    }
}

fn runs_repeat<T: Real>() {
    let network = Network::new(&[6, 20, 3], Activation::Relu);
    let (x, y) = (numbers::<T>(6, 97), classes::<T>(3, 97));
    let run = |seed| {
        let theta = network.initial(seed);
        bits(&after_steps(network.clone(), CrossEntropy, (&x, &y), theta))
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_run_repeats_bit_by_bit() {
    runs_repeat::<f64>();
    runs_repeat::<f32>();
}

/// With threads to share the work.
#[cfg(feature = "rayon")]
mod threads {
    use gradus::{
        Hessian, HessianProduct, Huber, LogLoss, Objective, Perceptron, Robust, SecondOrderLoss,
        SecondOrderModel, SigmoidClassifier, SquaredError,
    };

    use super::*;

    const THREADS: [usize; 5] = [2, 3, 5, 8, 16];

    /// What `f` gives on a pool of so many threads.
    fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    /// `run` gives the same bits on one thread, which takes the serial path, and on several.
    fn assert_threads_agree<T: Real>(name: &str, run: impl Fn() -> DVector<T> + Sync) {
        let serial = with_threads(1, || bits(&run()));
        assert!(serial.iter().all(|b| f64::from_bits(*b).is_finite()), "{name}");
        for threads in THREADS {
            assert!(with_threads(threads, || bits(&run())) == serial, "{name} differs at {threads} threads");
        }
    }

    /// Large enough to be shared between threads, and of a size that no chunk divides.
    fn threads_agree<T: Real>() {
        let m = 517;
        let (x, y) = (numbers::<T>(40, m), classes::<T>(5, m));
        for hidden in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
            let network = Network::new(&[40, 60, 30, 5], hidden);
            let run = || after_steps(network.clone(), CrossEntropy, (&x, &y), network.initial(3));
            assert_threads_agree(&format!("{hidden:?}"), run);
            let targets = numbers::<T>(5, m);
            let run = || after_steps(network.clone(), SquaredError, (&x, &targets), network.initial(4));
            assert_threads_agree(&format!("{hidden:?}, squared error"), run);
        }
        let (x, y) = (numbers::<T>(50, 20_011), classes::<T>(2, 20_011));
        let y = y.rows(0, 1).clone_owned();
        let run = || after_steps(SigmoidClassifier::new(50), LogLoss, (&x, &y), DVector::zeros(51));
        assert_threads_agree("sigmoid classifier", run);
    }

    #[test]
    fn bits_do_not_depend_on_the_number_of_threads() {
        threads_agree::<f64>();
        threads_agree::<f32>();
    }

    /// Value, gradient, Hessian, both products and the diagonal, one after the other.
    fn every_sum<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
        model: M, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>), theta: &DVector<T>,
    ) -> DVector<T> {
        let (m, p) = (x.ncols(), theta.len());
        let weights: Vec<_> = (0..m).map(|j| T::of((j % 4) as f64 + 0.1)).collect();
        let risk = EmpiricalRisk::new(model, loss, x, y).unwrap().with_weights(&weights).unwrap();
        let mut risk = risk.ridge(T::of(0.3));
        let (mut gradient, mut hessian) = (DVector::zeros(p), DMatrix::zeros(p, p));
        let mut sums = vec![risk.value(theta), risk.value_gradient(theta, &mut gradient)];
        sums.extend(gradient.iter());
        sums.push(risk.value_gradient_hessian(theta, &mut gradient, &mut hessian));
        sums.extend(gradient.iter().chain(&hessian));
        risk.hessian_product(theta, &theta.add_scalar(T::one()), &mut gradient);
        sums.extend(gradient.iter());
        risk.gauss_newton_product(theta, &theta.add_scalar(T::one()), &mut gradient);
        sums.extend(gradient.iter());
        risk.hessian_diagonal(theta, &mut gradient);
        sums.extend(gradient.iter());
        DVector::from_vec(sums)
    }

    fn every_sum_agrees<T: Real>() {
        let m = 11_003;
        let (x, y) = (numbers::<T>(12, m), classes::<T>(3, m));
        let network = Network::new(&[12, 10, 3], Activation::Tanh);
        let theta = network.initial::<T>(5);
        assert_threads_agree("network", || every_sum(network.clone(), CrossEntropy, (&x, &y), &theta));
        let theta = DVector::from_fn(39, |i, _| T::of((i as f64).sin()));
        let perceptron = Perceptron::new(12).with_outputs(3);
        assert_threads_agree("softmax", || every_sum(perceptron, CrossEntropy, (&x, &y), &theta));
        assert_threads_agree("robust", || every_sum(perceptron, Huber::default(), (&x, &y), &theta));
        let classifier = SigmoidClassifier::new(12).with_outputs(3);
        assert_threads_agree("logistic", || every_sum(classifier, LogLoss, (&x, &y), &theta));
    }

    #[test]
    fn no_sum_over_samples_depends_on_the_number_of_threads() {
        every_sum_agrees::<f64>();
        every_sum_agrees::<f32>();
    }

    /// Standard errors of both kinds, and the direction that tells separable classes.
    fn fits_agree<T: Real>() {
        let m = 9_001;
        let x = DMatrix::from_fn(20, m, |i, j| T::of(((i + 1) as f64 * 0.37 * (j * j + 1) as f64).sin()));
        let y = numbers::<T>(2, m);
        let statistics = || {
            let mut risk =
                EmpiricalRisk::new(Perceptron::new(20).with_outputs(2), SquaredError, &x, &y).unwrap();
            let fitted = risk.fit().unwrap();
            let errors = risk.statistics(fitted.parameters()).unwrap().standard_errors;
            let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc1).unwrap().covariance;
            DVector::from_iterator(42 + 42 * 42, errors.iter().chain(&robust).copied())
        };
        assert_threads_agree("linear statistics", statistics);
        let labels = DMatrix::from_fn(1, m, |_, j| T::of(f64::from(u8::from((j * j) % 7 < 3))));
        let logistic = || {
            let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(20), LogLoss, &x, &labels).unwrap();
            let fitted = risk.fit().unwrap();
            let errors = risk.statistics(fitted.parameters()).unwrap().standard_errors;
            let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc0).unwrap().standard_errors;
            DVector::from_iterator(63, fitted.parameters().iter().chain(&errors).chain(&robust).copied())
        };
        assert_threads_agree("logistic statistics", logistic);
        let apart = x.rows(0, 1).map(|x| T::of(f64::from(u8::from(x > T::of(0.2)))));
        let direction = || {
            let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(20), LogLoss, &x, &apart).unwrap();
            match risk.recedes(&DVector::zeros(21)) {
                gradus::Recession::Along(direction) => direction,
                other => panic!("{other:?}"),
            }
        };
        assert_threads_agree("direction", direction);
    }

    #[test]
    fn nor_does_what_is_made_of_them() {
        fits_agree::<f64>();
        fits_agree::<f32>();
    }
}

/// 2²⁵ equal samples of a model with one feature: a running sum in single precision would stand still at 2²⁴.
#[test]
fn long_sums_in_single_precision_keep_their_digits() {
    let m = 1 << 25;
    let (x, y) = (DMatrix::<f32>::repeat(1, m, 1.0), DMatrix::<f32>::repeat(1, m, 0.1));
    let model = gradus::Perceptron::new(1).without_bias();
    let mut risk = EmpiricalRisk::new(model, gradus::SquaredError, &x, &y).unwrap();
    let mut gradient = DVector::zeros(1);
    let value = gradus::Objective::value_gradient(&mut risk, &DVector::from_element(1, 1.1), &mut gradient);
    let z = f64::from(1.1_f32 - 0.1_f32);
    assert!((f64::from(value) / (0.5 * z * z) - 1.0).abs() < 1e-6, "{value}");
    assert!((f64::from(gradient[0]) / z - 1.0).abs() < 1e-6, "{gradient}");
}

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
    model: M,
    loss: L,
    (x, y): (&DMatrix<T>, &DMatrix<T>),
    mut theta: DVector<T>,
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
    use gradus::{HessianProduct, LogLoss, Objective, SecondOrderModel, SigmoidClassifier, SquaredError};

    use super::*;

    /// What `f` gives on a pool of so many threads.
    fn with_threads<R: Send>(threads: usize, f: impl FnOnce() -> R + Send) -> R {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(f)
    }

    /// `run` gives the same bits at 1, 2, 3 and 8 threads; one thread takes the serial path.
    fn assert_threads_agree<T: Real>(name: &str, run: impl Fn() -> DVector<T> + Sync) {
        let serial = with_threads(1, || bits(&run()));
        assert!(serial.iter().all(|b| f64::from_bits(*b).is_finite()), "{name}");
        for threads in [2, 3, 8] {
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

    fn value_and_curvature<T: Real, M: SecondOrderModel<T>>(model: M, theta: &DVector<T>) -> DVector<T> {
        let (x, y) = (numbers::<T>(40, 517), classes::<T>(5, 517));
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap();
        let mut product = DVector::zeros(theta.len());
        risk.hessian_product(theta, theta, &mut product);
        let value = risk.value(theta);
        product.push(value)
    }

    #[test]
    fn values_and_hessian_products_do_not_depend_on_the_number_of_threads() {
        let network = Network::new(&[40, 60, 30, 5], Activation::Tanh);
        let theta = network.initial::<f64>(5);
        assert_threads_agree("product", || value_and_curvature(network.clone(), &theta));
        let theta = network.initial::<f32>(5);
        assert_threads_agree("product, f32", || value_and_curvature(network.clone(), &theta));
    }
}

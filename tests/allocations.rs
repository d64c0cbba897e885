//! After the first step, a step allocates nothing: counted by an allocator that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::ControlFlow;

use gradus::data::Standardizer;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, AdaGrad, Adam, Bfgs, ConjugateGradient, CrossEntropy, EmpiricalRisk, Fitted, GaussNewton,
    GradientDescent, Hessian, HessianProduct, Lbfgs, LeastSquares, LevenbergMarquardt, LogLoss, Network,
    Newton, NewtonCg, Objective, Optimizer, Perceptron, Real, Residuals, RmsProp, SaddleFree, Schedule,
    SecondOrderLoss, SecondOrderModel, SigmoidClassifier, SquaredError, Trainer, Training, TrustRegion,
};

/// The system's allocator, with a count per thread (tests run side by side).
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator, unchanged; the counter neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator is unsafe to write, and nothing else can count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// How often `f` allocates.
fn allocations(f: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    f();
    ALLOCATIONS.get() - before
}

/// Fails unless `f` is silent after its first call.
fn assert_silent(name: &str, mut f: impl FnMut()) {
    f();
    let count = allocations(|| (0..8).for_each(|_| f()));
    assert_eq!(count, 0, "{name}: {count} allocations in 8 calls after the first");
}

fn numbers<T: Real>(rows: usize, columns: usize) -> DMatrix<T> {
    DMatrix::from_fn(rows, columns, |i, j| T::of((1.7 * i as f64 + 0.9 * (j * j) as f64).sin()))
}

fn classes<T: Real>(classes: usize, samples: usize) -> DMatrix<T> {
    DMatrix::from_fn(classes, samples, |i, j| T::of(f64::from(u8::from(i == j * j % classes))))
}

fn labels<T: Real>(samples: usize) -> DMatrix<T> {
    DMatrix::from_fn(1, samples, |_, j| T::of(f64::from(u8::from(j % 3 == 0))))
}

type Named<T, O> = (&'static str, Box<dyn Optimizer<T, O>>);

/// Every optimizer that asks for a gradient only.
fn first_order<T: Real, O: Objective<T>>() -> Vec<Named<T, O>> {
    let rate = T::of(1e-3);
    let decay = T::of(1e-2);
    vec![
        ("gradient descent", Box::new(GradientDescent::new(rate))),
        ("momentum", Box::new(GradientDescent::new(rate).momentum(T::of(0.9)))),
        ("Nesterov", Box::new(GradientDescent::new(rate).nesterov(T::of(0.9)))),
        ("a schedule", Box::new(GradientDescent::new(rate).schedule(Schedule::exponential(0.99)))),
        ("AdaGrad", Box::new(AdaGrad::new(rate))),
        ("RMSProp", Box::new(RmsProp::new(rate))),
        ("Adam", Box::new(Adam::new(rate))),
        ("AdamW", Box::new(Adam::new(rate).weight_decay(decay))),
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("BFGS", Box::new(Bfgs::new())),
        ("conjugate gradients", Box::new(ConjugateGradient::new())),
    ]
}

/// Methods that stay with one batch: line searches, and those on exact second derivatives.
fn whole_batch<T: Real, O: Hessian<T> + HessianProduct<T>>() -> Vec<Named<T, O>> {
    vec![
        ("Newton", Box::new(Newton::new())),
        ("textbook Newton", Box::new(Newton::pure())),
        // inside the region: a step on its boundary takes the eigenvalues
        ("trust region", Box::new(TrustRegion::new().radius(T::of(1e3)))),
        ("Newton-CG", Box::new(NewtonCg::new())),
        ("saddle-free", Box::new(SaddleFree::new())),
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("BFGS", Box::new(Bfgs::new())),
        ("conjugate gradient", Box::new(ConjugateGradient::new())),
    ]
}

/// Newton's method and the trust region take eigenvalues, which may allocate, unless the Hessian is positive
/// `definite`: where it is not, they stand aside.
fn assert_whole_batch_silent<T, M, L>(
    model: &M, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>),
    (start, ridge, definite): (&DVector<T>, f64, bool),
) where
    T: Real,
    M: SecondOrderModel<T> + Clone + std::fmt::Debug,
    L: SecondOrderLoss<T> + Copy,
{
    let mut risk = EmpiricalRisk::new(model.clone(), loss, x, y).unwrap().ridge(T::of(ridge));
    for (name, mut optimizer) in whole_batch::<T, _>() {
        if !definite && ["Newton", "trust region"].contains(&name) {
            continue;
        }
        let mut theta = start.clone();
        let name = format!("{name}, {model:?}, {}", std::any::type_name::<T>());
        assert_silent(&name, || {
            theta.copy_from(start);
            let step = optimizer.step(&mut risk, &mut theta).unwrap();
            assert!(!(definite && step.modified), "{name}");
            optimizer.step(&mut risk, &mut theta).unwrap();
        });
        assert!(theta != *start && theta.iter().all(|t| t.is_finite()), "{name}: {theta}");
    }
}

fn assert_steps_silent<T, M, L>(model: &M, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>), theta: &DVector<T>)
where
    T: Real,
    M: SecondOrderModel<T> + Clone + std::fmt::Debug,
    L: SecondOrderLoss<T> + Copy,
{
    let scalar = std::any::type_name::<T>();
    let mut risk = EmpiricalRisk::new(model.clone(), loss, x, y).unwrap();
    let m = x.ncols();
    for (name, mut optimizer) in first_order::<T, _>() {
        let (name, mut theta) = (format!("{name}, {model:?}, {scalar}"), theta.clone());
        assert_silent(&name, || {
            optimizer.step(risk.batch(0..m).unwrap(), &mut theta).unwrap();
        });
        assert_silent(&format!("{name}, mini-batches"), || {
            for start in (0..m - m % 8).step_by(8) {
                optimizer.step(risk.batch(start..start + 8).unwrap(), &mut theta).unwrap();
            }
        });
        assert_silent(&format!("{name}, shuffled mini-batches"), || {
            for start in 0..4 {
                optimizer.step(risk.select(&[start, 7, 2 * start, 11]).unwrap(), &mut theta).unwrap();
            }
        });
        assert!(theta.iter().all(|t| t.is_finite()), "{name}: {theta}");
    }

    let mut risk = EmpiricalRisk::new(model.clone(), loss, x, y).unwrap();
    let p = risk.dim();
    let (mut out, mut hessian) = (DVector::zeros(p), DMatrix::zeros(p, p));
    assert_silent(&format!("value, {model:?}, {scalar}"), || {
        risk.value(theta);
    });
    assert_silent(&format!("Hessian product, {model:?}, {scalar}"), || {
        risk.hessian_product(theta, theta, &mut out);
    });
    assert_silent(&format!("Hessian, {model:?}, {scalar}"), || {
        risk.value_gradient_hessian(theta, &mut out, &mut hessian);
    });
    assert!(hessian.iter().all(|h| h.is_finite()) && hessian.amax() > T::zero());

    let fitted = Fitted::from_parameters(model.clone(), loss, theta.clone()).unwrap();
    let (mut predictor, mut out) = (fitted.predictor(m / 2), y.clone());
    let mut first = y.columns(0, 1).clone_owned();
    assert_silent(&format!("inference, {model:?}, {scalar}"), || {
        predictor.predict_into(x, &mut out).unwrap();
        predictor.predict_into(x.columns(0, 1), &mut first).unwrap();
    });
    let standard = Standardizer::fit(x).unwrap();
    let (mut predictor, row) = (fitted.with_scaling(standard).into_predictor(1), x.column(0).clone_owned());
    assert_silent(&format!("one sample, {model:?}, {scalar}"), || {
        predictor.predict_one(row.as_slice(), first.as_mut_slice()).unwrap();
    });
}

fn all_models<T: Real>() {
    let x = numbers::<T>(5, 67);
    let (numbers, labels, classes) = (numbers(1, 67), labels(67), classes(3, 67));
    let theta = DVector::from_element(6, T::of(0.01));
    assert_steps_silent(&Perceptron::new(5), SquaredError, (&x, &numbers), &theta);
    assert_steps_silent(&SigmoidClassifier::new(5), LogLoss, (&x, &labels), &theta);
    let start = (&DVector::from_element(6, T::of(0.1)), 0.01, true);
    assert_whole_batch_silent(&Perceptron::new(5), SquaredError, (&x, &numbers), start);
    assert_whole_batch_silent(&SigmoidClassifier::new(5), LogLoss, (&x, &labels), start);
    for hidden in [Activation::Relu, Activation::Tanh, Activation::Gelu] {
        let network = Network::new(&[5, 9, 7, 3], hidden);
        let theta = network.initial(1);
        assert_steps_silent(&network, CrossEntropy, (&x, &classes), &theta);
        let network = Network::new(&[5, 8, 1], hidden);
        let theta = network.initial(2);
        assert_steps_silent(&network, SquaredError, (&x, &numbers), &theta);
        assert_steps_silent(&network, LogLoss, (&x, &labels), &theta);
        let network = Network::new(&[5, 4, 1], hidden);
        let theta = network.initial(3);
        assert_whole_batch_silent(&network, LogLoss, (&x, &labels), (&theta, 0.01, false));
    }
}

#[test]
fn a_step_allocates_nothing_after_the_first_in_f64() {
    all_models::<f64>();
}

#[test]
fn a_step_allocates_nothing_after_the_first_in_f32() {
    all_models::<f32>();
}

/// Products of this size are packed in blocks.
#[test]
fn a_step_of_a_larger_network_allocates_nothing_after_the_first() {
    let network = Network::new(&[300, 130, 10], Activation::Relu);
    let (x, y) = (numbers::<f32>(300, 140), classes::<f32>(10, 140));
    let mut theta = network.initial(3);
    let mut risk = EmpiricalRisk::new(network, CrossEntropy, &x, &y).unwrap();
    let mut descent = GradientDescent::new(0.01);
    // on one thread: what a pool of threads allocates to hand work around is its own affair
    let steps = || {
        assert_silent("a larger network", || {
            descent.step(&mut risk, &mut theta).unwrap();
        });
    };
    rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap().install(steps);
}

/// An indefinite Hessian, and the way off a saddle: for a method that takes no dense eigenvalues.
#[test]
fn a_saddle_free_step_allocates_nothing_after_the_first() {
    let (x, y) = (numbers::<f64>(5, 67), classes::<f64>(3, 67));
    let network = Network::new(&[5, 9, 7, 3], Activation::Tanh);
    let (start, saddle) = (network.initial(1), DVector::zeros(network.initial::<f64>(1).len()));
    let mut risk = EmpiricalRisk::new(network, CrossEntropy, &x, &y).unwrap();
    let (mut method, mut theta) = (SaddleFree::new(), start.clone());
    assert_silent("saddle-free", || {
        for from in [&start, &saddle] {
            theta.copy_from(from);
            (0..3).for_each(|_| _ = method.step(&mut risk, &mut theta).unwrap());
        }
    });
    assert!(theta != saddle && theta.iter().all(|t| t.is_finite()), "{theta}");
}

#[test]
fn an_epoch_allocates_nothing_after_the_first() {
    let (x, y) = (numbers::<f32>(5, 67), classes::<f32>(3, 67));
    for hidden in [Activation::Relu, Activation::Tanh] {
        let network = Network::new(&[5, 9, 3], hidden);
        let start = network.initial(1);
        let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y).unwrap();
        let mut held_out = EmpiricalRisk::new(network, CrossEntropy, &x, &y).unwrap();
        let mut trainer = Trainer::default().epochs(32).batch_size(16).early_stopping(32, 0.0);
        let mut counts = [0; 33];
        let count = |training: &mut Training<'_, f32>| {
            counts[training.epoch().epoch] = ALLOCATIONS.get();
            ControlFlow::Continue(())
        };
        trainer.train_with(&mut risk, start, Some(&mut held_out), count).unwrap();
        for epoch in 3..=32_usize {
            // the history doubles its space where it is full
            let full = epoch > 4 && (epoch - 1).is_power_of_two();
            assert_eq!(counts[epoch] - counts[epoch - 1], usize::from(full), "epoch {epoch}");
        }
    }
}

/// r = (1 − x₁, 1 − x₂, x₁ x₂ − 2): never solved exactly.
struct Product;

impl<T: Real> Residuals<T> for Product {
    fn dim(&self) -> usize {
        2
    }
    fn count(&self) -> usize {
        3
    }
    fn residuals(&mut self, x: &DVector<T>, r: &mut DVector<T>) {
        r.copy_from_slice(&[T::one() - x[0], T::one() - x[1], x[0] * x[1] - T::of(2.0)]);
    }
    fn jacobian(&mut self, x: &DVector<T>, j: &mut DMatrix<T>) {
        let (zero, one) = (T::zero(), T::one());
        j.copy_from_slice(&[-one, zero, x[1], zero, -one, x[0]]);
    }
}

#[test]
fn a_step_on_residuals_allocates_nothing_after_the_first() {
    type Method = Box<dyn Optimizer<f64, LeastSquares<f64, Product>>>;
    let methods: [(&str, Method); 2] = [
        ("Levenberg-Marquardt", Box::new(LevenbergMarquardt::new())),
        ("Gauss-Newton", Box::new(GaussNewton::new())),
    ];
    for (name, mut method) in methods {
        let (mut squares, mut x) = (LeastSquares::new(Product), DVector::from_vec(vec![1e6, -1e5]));
        assert_silent(name, || {
            method.step(&mut squares, &mut x).unwrap();
        });
    }
}

#[test]
fn the_allocator_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
    assert_eq!(allocations(|| assert_ne!(std::hint::black_box(1), 0)), 0);
}

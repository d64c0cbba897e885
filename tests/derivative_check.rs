//! The derivative checker passes what is right, fails what is wrong, and says so where it cannot tell.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::check::{self, Verdict};
use gradus::loss::{ElementWise, Jet};
use gradus::problems::Rosenbrock;
use gradus::{
    Activation, Architecture, CrossEntropy, Error, Function, Huber, InputGradient, LogLoss, Model, Network,
    Objective, Perceptron, Real, SquaredError,
};
use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector, dmatrix, dvector};

/// `f(x)` and `f'(x)` of one variable as an objective.
fn scalar<T: Real>(f: impl Fn(T) -> (T, T)) -> impl Objective<T> {
    Function::new(1, move |x: &DVector<T>, g: &mut DVector<T>| {
        let (value, slope) = f(x[0]);
        g[0] = slope;
        value
    })
}

/// The verdict on the slope, and its relative error.
fn verdict<T: Real>(f: impl Fn(T) -> (T, T), x: f64) -> (Verdict, f64) {
    let report = check::gradient(&mut scalar(f), &DVector::from_element(1, T::of(x))).unwrap();
    let slope = report.components.last().unwrap();
    (slope.verdict, slope.relative_error.f64())
}

fn smooth<T: Real>(wrong: T, agreement: f64) {
    let one = T::one();
    let functions: [fn(T) -> (T, T); 6] = [
        |x| (x.exp(), x.exp()),
        |x| (x.sin(), x.cos()),
        |x| (T::one() / (T::one() + x * x), -(x + x) / ((T::one() + x * x) * (T::one() + x * x))),
        |x| (x * x * x, T::of(3.0) * x * x),
        |x| (x.tanh(), T::one() - x.tanh() * x.tanh()),
        |x| ((T::of(20.0) * x).sin(), T::of(20.0) * (T::of(20.0) * x).cos()),
    ];
    for f in functions {
        for x in [-3.1, -1.0, -0.37, 0.01, 0.5, 1.3, 2.9] {
            let (passed, error) = verdict(f, x);
            assert_eq!(passed, Verdict::Passed, "at {x}");
            assert!(error < agreement, "{error} at {x}");
            let flipped = |x: T| (f(x).0, -f(x).1);
            let scaled = |x: T| (f(x).0, wrong * f(x).1);
            assert_eq!(verdict(flipped, x).0, Verdict::Failed, "flipped at {x}");
            assert_eq!(verdict(scaled, x).0, Verdict::Failed, "scaled at {x}");
            assert_eq!(verdict(|x: T| (f(x).0, one / T::zero()), x).0, Verdict::Failed);
            assert_eq!(verdict(|x: T| (f(x).0, T::NAN), x).0, Verdict::Failed);
        }
    }
}

#[test]
fn right_slopes_pass_and_wrong_ones_fail() {
    smooth::<f64>(1.0 + 1e-6, 1e-8);
    smooth::<f32>(1.0 + 1.0 / 32.0, 1e-3);
}

#[test]
fn the_end_of_the_domain_is_no_obstacle() {
    // far above, just inside, and on the border with one side left
    for x in [3.0, 1e-2, 1e-6] {
        assert_eq!(verdict(|x: f64| (x.ln(), 1.0 / x), x).0, Verdict::Passed, "{x}");
        assert_eq!(verdict(|x: f64| (x.ln(), -1.0 / x), x).0, Verdict::Failed, "{x}");
    }
    let edge = |sign: f64| {
        move |x: f64| (if x < 0.0 { f64::NAN } else { (2.0 * x).exp() }, sign * 2.0 * (2.0 * x).exp())
    };
    assert_eq!(verdict(edge(1.0), 0.0).0, Verdict::Passed);
    assert_eq!(verdict(edge(-1.0), 0.0).0, Verdict::Failed);
    // defined nowhere else
    let lonely = |x: f64| (if x == 1.0 { 0.0 } else { f64::INFINITY }, 1.0);
    assert_eq!(verdict(lonely, 1.0).0, Verdict::Undecided);
    // no derivative at the end: √x
    for slope in [0.0, 1.0, 1e3] {
        assert_ne!(verdict(|x: f64| (x.sqrt(), slope), 0.0).0, Verdict::Passed);
    }
}

#[test]
fn a_kink_is_undecided_and_a_slope_outside_it_is_wrong() {
    let relu = |slope: f64| move |x: f64| (x.max(0.0), slope);
    for slope in [0.0, 0.5, 1.0] {
        assert_eq!(verdict(relu(slope), 0.0).0, Verdict::Undecided, "{slope}");
    }
    for slope in [-1.0, 1.5] {
        assert_eq!(verdict(relu(slope), 0.0).0, Verdict::Failed, "{slope}");
    }
    // beside it, at any distance, there is a derivative
    for distance in [1e-1, 1e-3, 1e-5, 1e-7] {
        let f = |sign: f64| move |x: f64| ((x - distance).abs(), sign * (x - distance).signum());
        assert_eq!(verdict(f(1.0), 0.0).0, Verdict::Passed, "{distance}");
        assert_eq!(verdict(f(-1.0), 0.0).0, Verdict::Failed, "{distance}");
    }
    let relu = |slope: f32| move |x: f32| (x.max(0.0), slope);
    assert_eq!(verdict(relu(1.0), 0.0).0, Verdict::Undecided);
    assert_eq!(verdict(relu(-1.0), 0.0).0, Verdict::Failed);
}

/// Between the smallest number and the largest every check ends, and a right slope is not called wrong.
fn ends_anywhere<T: Real>() {
    let functions: [fn(T) -> (T, T); 4] = [
        |x| (T::of(3.0) * x, T::of(3.0)),
        |x| (x * x, x + x),
        |x| (x.atan(), T::one() / (T::one() + x * x)),
        |x| (T::one() / x, -T::one() / (x * x)),
    ];
    let small = T::MAX.recip();
    let smallest = small * T::of(8.0) * T::EPSILON;
    for f in functions {
        for size in [smallest, small, T::one(), T::MAX / T::of(16.0), T::MAX] {
            for x in [size, -size] {
                let report = check::gradient(&mut scalar(f), &DVector::from_element(1, x));
                if let Ok(report) = report {
                    assert_ne!(report.verdict(), Verdict::Failed, "{report}");
                }
            }
        }
    }
}

#[test]
fn checks_end_at_the_ends_of_the_numbers() {
    ends_anywhere::<f64>();
    ends_anywhere::<f32>();
}

#[test]
fn noise_is_undecided() {
    // a slope of 1e−9 under noise of 1e−8
    let noisy = |x: f64| (1e-9 * x + 1e-8 * (1e15 * x).sin(), -1e-9);
    assert_eq!(verdict(noisy, 0.3).0, Verdict::Undecided);
    // and a large offset: 1e12 + x
    assert_eq!(verdict(|x: f64| (1e12 + x, 0.999), 0.3).0, Verdict::Undecided);
    assert_eq!(verdict(|x: f64| (1e12 + x, -1.0), 0.3).0, Verdict::Failed);
}

#[test]
fn at_a_minimum_the_zero_gradient_passes() {
    let report = check::gradient(&mut Rosenbrock::new(6), &DVector::<f64>::repeat(6, 1.0)).unwrap();
    assert!(report.passed(), "{report}");
    let report = check::gradient(&mut Rosenbrock::new(6), &DVector::<f32>::repeat(6, 1.0)).unwrap();
    assert!(report.passed(), "{report}");
}

#[test]
fn a_value_that_is_not_that_of_the_gradient_fails() {
    let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
        g[0] = 2.0 * x[0];
        x[0] * x[0]
    })
    .with_value(|x: &DVector<f64>| x[0] * x[0] + 1.0);
    let report = check::gradient(&mut f, &dvector![0.5]).unwrap();
    assert_eq!(report.worst().unwrap().quantity, "f (value alone)");
    assert_eq!(report.verdict(), Verdict::Failed);
}

#[test]
fn wrong_hessians_fail() {
    let f = |h: [f64; 4]| {
        Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
            g.copy_from_slice(&[4.0 * x[0] - x[1], 6.0 * x[1] - x[0]]);
            2.0 * x[0] * x[0] + 3.0 * x[1] * x[1] - x[0] * x[1]
        })
        .with_hessian(move |_x: &DVector<f64>, out: &mut DMatrix<f64>| out.copy_from_slice(&h))
    };
    let x = dvector![0.5, -2.0];
    assert!(check::hessian(&mut f([4.0, -1.0, -1.0, 6.0]), &x).unwrap().passed());
    assert!(check::hessian_product(&mut f([4.0, -1.0, -1.0, 6.0]), &x).unwrap().passed());
    for wrong in [[4.0, 1.0, 1.0, 6.0], [4.0, -1.0, 0.0, 6.0], [4.0, -1.0, -1.0, 6.0001]] {
        assert_eq!(check::hessian(&mut f(wrong), &x).unwrap().verdict(), Verdict::Failed);
        assert_eq!(check::hessian_product(&mut f(wrong), &x).unwrap().verdict(), Verdict::Failed);
    }
}

#[test]
fn input_that_cannot_be_used_is_an_error() {
    let mut f = Rosenbrock::new(3);
    let length = check::gradient(&mut f, &DVector::<f64>::zeros(2)).unwrap_err();
    assert!(matches!(length, Error::Length { argument: "x", expected: 3, found: 2 }));
    let nan = check::hessian(&mut f, &dvector![1.0, f64::NAN, 0.0]).unwrap_err();
    assert!(matches!(nan, Error::NonFinite { argument: "x", row: 1, .. }));
    let infinite = check::hessian_product(&mut f, &dvector![1.0, 0.0, f32::INFINITY]).unwrap_err();
    assert!(matches!(infinite, Error::NonFinite { argument: "x", row: 2, .. }));
    let outside = check::gradient(&mut scalar(|x: f64| (x.ln(), 1.0 / x)), &dvector![-1.0]).unwrap_err();
    assert!(matches!(outside, Error::Evaluation { what: "the value", .. }));
    let mut resized = Function::new(2, |_x: &DVector<f64>, g: &mut DVector<f64>| {
        *g = DVector::zeros(3);
        0.0
    });
    let resized = check::gradient(&mut resized, &dvector![1.0, 2.0]).unwrap_err();
    assert!(matches!(resized, Error::Resized { expected: 2, found: 3, .. }));
    let empty = check::gradient(&mut Rosenbrock::new(0), &DVector::<f64>::zeros(0)).unwrap_err();
    assert!(matches!(empty, Error::Empty { argument: "x", .. }));
}

/// An affine model with one mistake of choice in its derivatives.
#[derive(Clone, Copy, PartialEq)]
enum Mistake {
    None,
    Overwrites,
    Sign,
    Transposed,
    Input,
}

struct Affine(Mistake);

impl Architecture for Affine {
    fn inputs(&self) -> usize {
        2
    }
    fn outputs(&self) -> usize {
        2
    }
    fn parameter_count(&self) -> usize {
        4
    }
}

impl Model<f64> for Affine {
    type Cache = DMatrix<f64>;

    fn cache(&self, max_batch: usize) -> DMatrix<f64> {
        DMatrix::zeros(2, max_batch)
    }
    fn forward<'c>(
        &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, cache: &'c mut DMatrix<f64>,
    ) -> DMatrixView<'c, f64> {
        *cache = DMatrix::from_column_slice(2, 2, theta.as_slice()) * x;
        cache.as_view()
    }
    fn backward(
        &self, _theta: &DVector<f64>, x: DMatrixView<'_, f64>, delta: DMatrixView<'_, f64>,
        _cache: &mut DMatrix<f64>, gradient: &mut DVector<f64>,
    ) {
        let mut g = delta * x.transpose();
        if self.0 == Mistake::Transposed {
            g = g.transpose();
        }
        let sign = if self.0 == Mistake::Sign { -1.0 } else { 1.0 };
        let keep = if self.0 == Mistake::Overwrites { 0.0 } else { 1.0 };
        for (out, g) in gradient.iter_mut().zip(g.iter()) {
            *out = keep * *out + sign * g;
        }
    }
}

impl InputGradient<f64> for Affine {
    fn input_gradient(
        &self, theta: &DVector<f64>, delta: DMatrixView<'_, f64>, _cache: &mut DMatrix<f64>,
        mut out: DMatrixViewMut<'_, f64>,
    ) {
        let w = DMatrix::from_column_slice(2, 2, theta.as_slice());
        let w = if self.0 == Mistake::Input { w } else { w.transpose() };
        out.copy_from(&(w * delta));
    }
}

#[test]
fn mistakes_in_models_are_caught() {
    let (theta, x) = (dvector![0.5, -1.0, 2.0, 0.25], dmatrix![1.0, -2.0, 0.5; 0.75, 1.5, -1.0]);
    assert!(check::model(&Affine(Mistake::None), &theta, &x).unwrap().passed());
    for mistake in [Mistake::Overwrites, Mistake::Sign, Mistake::Transposed] {
        let report = check::model(&Affine(mistake), &theta, &x).unwrap();
        assert_eq!(report.verdict(), Verdict::Failed);
    }
    assert!(check::input_gradient(&Affine(Mistake::None), &theta, &x).unwrap().passed());
    let wrong = check::input_gradient(&Affine(Mistake::Input), &theta, &x).unwrap();
    assert_eq!(wrong.verdict(), Verdict::Failed);
    let transposed = check::model(&Affine(Mistake::None), &theta, &x.transpose()).unwrap_err();
    assert!(matches!(transposed, Error::Shape { argument: "x", expected: (2, 2), found: (3, 2) }));
}

/// `ℓ = (z − y)⁴`, with mistakes.
struct Quartic {
    first: f64,
    second: f64,
}

impl ElementWise for Quartic {
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let r = z - y;
        Jet { value: r * r * r * r, first: T::of(self.first) * r * r * r, second: T::of(self.second) * r * r }
    }
}

#[test]
fn mistakes_in_losses_are_caught() {
    let (z, y) = (dmatrix![0.5, -2.0; 3.0, 1.0], dmatrix![1.0, 0.0; 0.0, 3.0]);
    let verdicts = |first: f64, second: f64| {
        let loss = Quartic { first, second };
        let slope = check::loss(&loss, &z, &y, &[0.25, 0.75]).unwrap();
        let curvature = check::second_order_loss(&loss, &z, &y, &[0.25, 0.75]).unwrap();
        (slope.verdict(), curvature.verdict())
    };
    assert_eq!(verdicts(4.0, 12.0), (Verdict::Passed, Verdict::Passed));
    assert_eq!(verdicts(-4.0, -12.0), (Verdict::Failed, Verdict::Passed));
    assert_eq!(verdicts(4.0, 12.1), (Verdict::Passed, Verdict::Failed));
}

fn the_crate_passes_its_own_checks<T: Real>() {
    let x = DMatrix::from_fn(3, 2, |i, j| T::of((1.3 * i as f64 - 0.9 * j as f64).sin()));
    for activation in [
        Activation::Identity,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Relu,
        Activation::LEAKY_RELU,
        Activation::ELU,
        Activation::Softplus,
        Activation::Gelu,
        Activation::Silu,
    ] {
        let network = Network::with_layers(3, &[(4, activation), (2, activation)]);
        let theta = network.initial_with(gradus::Initialize::PyTorch, 3);
        let (first, second) =
            (check::model(&network, &theta, &x), check::second_order_model(&network, &theta, &x));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_ne!(first.verdict(), Verdict::Failed, "{activation:?}\n{first}");
        let inputs = check::input_gradient(&network, &theta, &x).unwrap();
        assert_ne!(inputs.verdict(), Verdict::Failed, "{activation:?}\n{inputs}");
        assert_ne!(second.verdict(), Verdict::Failed, "{activation:?}\n{second}");
        assert!(
            T::EPSILON.f64() > 1e-10 || first.passed() && second.passed(),
            "{activation:?}\n{first}\n{second}"
        );
    }
    let affine = Perceptron::new(3).with_outputs(2);
    let theta = DVector::from_fn(8, |i, _| T::of((i as f64).cos()));
    assert_ne!(check::model(&affine, &theta, &x).unwrap().verdict(), Verdict::Failed);
    assert_ne!(check::second_order_model(&affine, &theta, &x).unwrap().verdict(), Verdict::Failed);

    let z = DMatrix::from_fn(2, 3, |i, j| T::of((2.3 * i as f64 + 1.1 * j as f64).sin()));
    let y = DMatrix::from_fn(2, 3, |i, j| T::of(((i + j) % 2) as f64));
    let w = [T::of(0.5), T::of(0.3), T::of(0.2)];
    let curved = [
        check::second_order_loss(&SquaredError, &z, &y, &w),
        check::second_order_loss(&LogLoss, &z, &y, &w),
        check::second_order_loss(&CrossEntropy, &z, &y, &w),
        check::second_order_loss(&Huber::default(), &z, &y, &w),
        check::second_order_loss(&SquaredError.through(Activation::Tanh), &z, &y, &w),
        check::loss(&SquaredError, &z, &y, &w),
        check::loss(&LogLoss, &z, &y, &w),
        check::loss(&CrossEntropy, &z, &y, &w),
        check::loss(&Huber::default(), &z, &y, &w),
        check::loss(&SquaredError.through(Activation::Tanh), &z, &y, &w),
    ];
    for report in curved {
        let report = report.unwrap();
        assert_ne!(report.verdict(), Verdict::Failed, "{report}");
        assert!(T::EPSILON.f64() > 1e-10 || report.passed(), "{report}");
    }
}

#[test]
fn models_and_losses_of_the_crate_pass_f64() {
    the_crate_passes_its_own_checks::<f64>();
}

#[test]
fn models_and_losses_of_the_crate_pass_f32() {
    the_crate_passes_its_own_checks::<f32>();
}

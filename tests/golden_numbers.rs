//! Worked examples, to the digits they were printed with.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::problems::Problem;
use gradus::{
    Activation, Architecture, CriticalKind, CriticalPoint, EmpiricalRisk, GradientDescent, Hessian,
    Initialize, LogLoss, Loss, Model, Network, Newton, Objective, Perceptron, Real, SigmoidClassifier,
    SquaredError, Stop, Termination, minimize,
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

#[path = "support/problems.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod more_problems;
use more_problems::problem;

#[track_caller]
fn close<T: Real>(found: &[T], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found.f64() - expected).abs() <= tolerance, "{found} for {expected}");
    }
}

fn value_gradient<T: Real>(objective: &mut impl Objective<T>, x: &DVector<T>) -> (T, DVector<T>) {
    let mut gradient = DVector::repeat(x.len(), T::NAN);
    let value = objective.value_gradient(x, &mut gradient);
    (value, gradient)
}

fn hessian(objective: &mut impl Hessian<f64>, x: &DVector<f64>) -> DMatrix<f64> {
    let mut h = DMatrix::repeat(x.len(), x.len(), f64::NAN);
    objective.hessian(x, &mut h);
    h
}

/// `L = ½ (y − ŷ)²`: `∂L/∂w_i = −x_i (y − ŷ)`, `∂L/∂b = −(y − ŷ)`, the mean over samples, and the Hessian
/// `[X; 1][X; 1]ᵀ/m`.
#[test]
fn regression_with_a_perceptron() {
    let (x, y) = (dmatrix![1.0, -2.0, 0.5; 3.0, 1.0, -1.0], dmatrix![2.0, 0.0, 1.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let theta = dvector![0.5, -1.0, 0.25];
    let (value, gradient) = value_gradient(&mut risk, &theta);
    // ŷ = (−2.25, −1.75, 1.5), ŷ − y = (−4.25, −1.75, 0.5)
    close(&[value], &[(4.25 * 4.25 + 1.75 * 1.75 + 0.25) / 6.0], 1e-15);
    let expected = [(-4.25 + 3.5 + 0.25) / 3.0, (-12.75 - 1.75 - 0.5) / 3.0, (-4.25 - 1.75 + 0.5) / 3.0];
    close(gradient.as_slice(), &expected, 1e-15);
    let design = dmatrix![1.0, -2.0, 0.5; 3.0, 1.0, -1.0; 1.0, 1.0, 1.0];
    let expected = &design * design.transpose() / 3.0;
    close(hessian(&mut risk, &theta).as_slice(), expected.as_slice(), 1e-15);

    // one Newton step from anywhere is the least-squares solution
    for start in [dvector![0.0, 0.0, 0.0], dvector![1e3, -1e3, 50.0]] {
        let report = minimize(&mut Newton::pure(), &mut risk, start, &Stop::default().iterations(1)).unwrap();
        let solution = design.transpose().lu().solve(&y.transpose()).unwrap();
        close(report.x.as_slice(), solution.as_slice(), 1e-11);
    }
}

/// `x = (1, 3)`, `w = (4.5, 1.5)`, `b = 0`: `z = 9`, `ŷ = 0.99988`.
#[test]
fn classification_with_a_perceptron() {
    let (x, y, theta) = (dmatrix![1.0; 3.0], dmatrix![0.0], dvector![4.5, 1.5, 0.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap();
    let (value, gradient) = value_gradient(&mut risk, &theta);
    assert_eq!(Activation::Sigmoid.value(9.0), 0.999_876_605_424_013_8); // 0.999_876_605_424_013_768…
    assert_eq!(value, 9.000_123_402_189_724);
    close(gradient.as_slice(), &[0.999_876_605_42, 2.999_629_816_27, 0.999_876_605_42], 5e-12);

    let (x, y, theta) = (x.map(|x| x as f32), y.map(|y| y as f32), theta.map(|t| t as f32));
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y).unwrap();
    let (value, gradient) = value_gradient(&mut risk, &theta);
    close(&[value], &[9.000_123_402], 1e-6);
    close(gradient.as_slice(), &[0.999_876_6, 2.999_629_8, 0.999_876_6], 1e-6);

    // far in the tails, where sigmoid then logarithm would be 0 · ∞
    for z in [40.0, 700.0, 1e5] {
        let (x, y) = (dmatrix![1.0], dmatrix![1.0]);
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
        let (value, gradient) = value_gradient(&mut risk, &dvector![-z, 0.0]);
        assert!(value == z && gradient == dvector![-1.0, -1.0]);
    }
}

/// `θ` of the 2-2-1 network: `W = [[0.5, −0.25], [0.1, 0.4]]` (rows are units), column-major.
fn golden_theta() -> DVector<f64> {
    dvector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05]
}

#[test]
fn a_network_of_two_layers() {
    let (x, y, theta) = (dmatrix![1.0; 3.0], dmatrix![1.0], golden_theta());
    let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &x, &y).unwrap();
    let (value, gradient) = value_gradient(&mut risk, &theta);
    close(&[value], &[0.732_054_279_202_676_4], 2e-16);
    let w_hidden = [-0.090_329_94, 0.058_355_97, -0.270_989_81, 0.175_067_91];
    let (b_hidden, w, b) =
        ([-0.090_329_94, 0.058_355_97], [-0.240_110_9, -0.389_444_99], -0.519_079_969_378_499);
    close(&gradient.as_slice()[..4], &w_hidden, 5e-9);
    close(&gradient.as_slice()[4..6], &b_hidden, 5e-9);
    close(&gradient.as_slice()[6..8], &w, 5.1e-9);
    close(&gradient.as_slice()[8..], &[b], 1e-15);

    let mut cache = network.cache(1);
    let mut z = network.forward(&theta, x.as_view(), &mut cache).clone_owned();
    close(z.as_slice(), &[-0.076_356_955_097_695_29], 1e-16);
    Loss::<f64>::response(&LogLoss, z.as_view_mut());
    close(z.as_slice(), &[0.480_920_030_621_501], 1e-15);
    // the hidden layer by itself: a = (0.46257015, 0.75026011)
    let hidden = Network::with_layers(2, &[(2, Activation::Sigmoid)]);
    let mut cache = hidden.cache(1);
    let a = hidden.forward(&theta.rows(0, 6).clone_owned(), x.as_view(), &mut cache);
    close(a.clone_owned().as_slice(), &[0.462_570_15, 0.750_260_11], 5e-9);
}

/// All gradients first, then all updates: a step of gradient descent uses the *old* output weights.
#[test]
fn the_hidden_layer_is_updated_with_the_old_output_weights() {
    let (x, y, mut theta) = (dmatrix![1.0; 3.0], dmatrix![1.0], golden_theta());
    let mut risk =
        EmpiricalRisk::new(Network::new(&[2, 2, 1], Activation::Sigmoid), LogLoss, &x, &y).unwrap();
    let (_, gradient) = value_gradient(&mut risk, &theta);
    let expected = &theta - &gradient * 0.5;
    gradus::Optimizer::step(&mut GradientDescent::new(0.5), &mut risk, &mut theta).unwrap();
    close(theta.as_slice(), expected.as_slice(), 1e-15);
}

/// `{0, 1}²`, one sample per column.
fn square() -> DMatrix<f64> {
    dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0]
}

/// A 2-2-1 sigmoid network whose weights are all zero is at an exact stationary point, whatever the
/// (balanced) labels: a strict saddle for `y = x₁`, degenerate for XOR.
#[test]
fn zero_initialisation_is_stationary() {
    let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let zero: DVector<f64> = network.initial_with(Initialize::Zeros, 0);
    let x = square();
    for (y, kind) in [
        (dmatrix![0.0, 0.0, 1.0, 1.0], CriticalKind::Saddle),
        (dmatrix![0.0, 1.0, 1.0, 0.0], CriticalKind::Degenerate),
    ] {
        let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &x, &y).unwrap();
        let (value, gradient) = value_gradient(&mut risk, &zero);
        close(&[value], &[std::f64::consts::LN_2], 2e-16);
        assert_eq!(gradient.amax(), 0.0);
        let point = CriticalPoint::of(&mut risk, &zero).unwrap();
        assert_eq!(point.kind, kind);
        let eigenvalues = point.eigenvalues().as_slice();
        if kind == CriticalKind::Saddle {
            close(&[eigenvalues[0], eigenvalues[8]], &[-0.0625, 0.3785], 5e-5);
        } else {
            close(&eigenvalues[..8], &[0.0; 8], 1e-16);
            close(&eigenvalues[8..], &[0.375], 1e-15);
            assert_eq!((point.inertia.positive, point.inertia.zero, point.inertia.negative), (1, 8, 0));
        }
        // textbook Newton and gradient descent cannot leave it; nothing is sold as a minimum
        let descent =
            minimize(&mut GradientDescent::new(1.0), &mut risk, zero.clone(), &Stop::default()).unwrap();
        assert_eq!((descent.termination, descent.iterations), (Termination::GradientTolerance, 0));
        let pure = minimize(&mut Newton::pure(), &mut risk, zero.clone(), &Stop::default()).unwrap();
        assert_eq!(pure.kind(), Some(kind));
        assert!(!pure.converged(), "flat directions lead down: {pure}");
    }
}

/// The safeguarded Newton's method leaves that saddle along its negative eigenvector, and says so.
#[test]
fn the_saddle_of_zero_initialisation_is_escaped() {
    let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let (x, y) = (square(), dmatrix![0.0, 0.0, 1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y).unwrap().ridge(1e-3);
    let report = minimize(&mut Newton::new(), &mut risk, DVector::zeros(9), &Stop::default()).unwrap();
    assert!(report.escapes >= 1 && report.value < 0.5, "{report}");
}

/// Hidden units with equal incoming *and* outgoing weights stay equal for ever.
#[test]
fn equal_hidden_units_stay_equal() {
    let network = Network::new(&[2, 3, 1], Activation::Tanh);
    let (x, y) = (square(), dmatrix![0.0, 1.0, 1.0, 0.0]);
    let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &x, &y).unwrap();
    // units 0 and 1 alike, unit 2 not: W column-major (3 × 2), b, w, b
    let theta = dvector![0.3, 0.3, -0.7, -0.2, -0.2, 0.9, 0.1, 0.1, 0.4, 0.8, 0.8, -0.5, 0.05];
    assert_eq!(theta.len(), network.parameter_count());
    let alike =
        |theta: &DVector<f64>| [(0, 1), (3, 4), (6, 7), (9, 10)].iter().all(|&(i, j)| theta[i] == theta[j]);
    let stop = Stop::default().iterations(500);
    let descent = minimize(&mut GradientDescent::new(0.5), &mut risk, theta.clone(), &stop).unwrap();
    assert!(descent.value < 0.69 && alike(&descent.x), "{}", descent.x);
    assert!((&descent.x - &theta).amax() > 0.1);
    let adam = minimize(&mut gradus::Adam::new(0.01), &mut risk, theta, &stop).unwrap();
    assert!(alike(&adam.x), "{}", adam.x);
}

/// `f = 2x² + 3y² − xy`: eigenvalues `5 ∓ √2` everywhere, a minimum at the origin.
#[test]
fn the_hessian_of_a_quadratic() {
    let mut f = Problem::Quadratic;
    let (_, gradient) = value_gradient(&mut f, &dvector![4.0, 4.0]);
    assert_eq!(gradient, dvector![12.0, 20.0]);
    assert_eq!(hessian(&mut f, &dvector![1.0, -7.0]), dmatrix![4.0, -1.0; -1.0, 6.0]);
    let point = CriticalPoint::of(&mut f, &dvector![0.0, 0.0]).unwrap();
    close(point.eigenvalues().as_slice(), &[3.585_786_437_626_905, 6.414_213_562_373_095], 2e-15);
    assert_eq!(point.kind, CriticalKind::Minimum);
}

/// Derivatives of the two quartics at their start, as printed.
#[test]
fn the_quartics_at_their_start() {
    let (x, mut bowl) = (dvector![4.0, 4.0], problem("quartic bowl"));
    let (_, gradient) = value_gradient(&mut bowl, &x);
    close(gradient.as_slice(), &[277.6, 213.6], 1e-12);
    close(hessian(&mut bowl, &x).as_slice(), &[198.4, -2.6, -2.6, 157.6], 1e-12);
    let (_, gradient) = value_gradient(&mut Problem::QuarticSaddle, &x);
    close(gradient.as_slice(), &[277.6, 293.6], 1e-12);
    close(hessian(&mut Problem::QuarticSaddle, &x).as_slice(), &[198.4, -2.6, -2.6, 201.6], 1e-12);
    let bowl = CriticalPoint::of(&mut bowl, &dvector![0.0, 0.0]).unwrap();
    close(bowl.eigenvalues().as_slice(), &[6.0 - 5.0_f64.sqrt(), 6.0 + 5.0_f64.sqrt()], 4e-15);
    let saddle = CriticalPoint::of(&mut Problem::QuarticSaddle, &dvector![0.0, 0.0]).unwrap();
    close(saddle.eigenvalues().as_slice(), &[4.0 - 17.0_f64.sqrt(), 4.0 + 17.0_f64.sqrt()], 4e-15);
    assert_eq!((bowl.kind, saddle.kind), (CriticalKind::Minimum, CriticalKind::Saddle));
}

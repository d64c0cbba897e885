//! Models and residuals that are written once, by dual numbers: the derivatives of those written by hand, and fits by
//! every method.

#[path = "support/rational.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod rational;

use gradus::least_squares::{DualResiduals, SecondOrderResiduals};
use gradus::nalgebra::{DMatrix, DMatrixView, DVector, dmatrix, dvector};
use gradus::objective::AutoDiff;
use gradus::problems::Rosenbrock;
use gradus::*;
use rational::Dice;

/// Two tanh layers and an affine one, parameters in the order of a [`Network`].
#[derive(Debug, Clone)]
struct Net([usize; 4]);

impl Architecture for Net {
    fn inputs(&self) -> usize {
        self.0[0]
    }
    fn outputs(&self) -> usize {
        self.0[3]
    }
    fn parameter_count(&self) -> usize {
        self.0.windows(2).map(|n| (n[0] + 1) * n[1]).sum()
    }
}

impl DualModel for Net {
    fn scores<D: Number>(&self, mut theta: &[D], x: &[D], z: &mut [D]) {
        let mut a = x.to_vec();
        for (layer, n) in self.0.windows(2).enumerate() {
            let (w, rest) = theta.split_at(n[0] * n[1]);
            let sum = |o: usize| (0..n[0]).fold(rest[o], |sum, i| sum + w[i * n[1] + o] * a[i]);
            let sums: Vec<D> = (0..n[1]).map(sum).collect();
            a = if layer < 2 { sums.iter().map(|z| z.tanh()).collect() } else { sums };
            theta = &rest[n[1]..];
        }
        z.copy_from_slice(&a);
    }
}

fn close<T: Real>(a: &[T], b: &[T], tolerance: f64) {
    let size = b.iter().fold(1e-300_f64, |size, b| size.max(b.f64().abs()));
    for (a, b) in a.iter().zip(b) {
        assert!((a.f64() - b.f64()).abs() <= tolerance * size, "{a} {b}");
    }
}

fn agrees_with_a_network<T: objective::DualReal>(seed: u64, sizes: [usize; 4], tolerance: f64) {
    let mut dice = Dice(seed);
    let m = 9;
    let x = DMatrix::from_fn(sizes[0], m, |_, _| <T as Real>::of(dice.roll(-999, 999) as f64 / 700.0));
    let classes: Vec<usize> = (0..m).map(|_| dice.roll(0, sizes[3] as i64 - 1) as usize).collect();
    let weights: Vec<T> = (0..m).map(|j| <T as Real>::of((j % 3) as f64)).collect();
    let network = Network::new(&sizes, Activation::Tanh);
    let theta: DVector<T> = network.initial(seed);
    let v = DVector::from_fn(theta.len(), |_, _| <T as Real>::of(dice.roll(-9, 9) as f64));
    let mut by_hand = EmpiricalRisk::new(network, CrossEntropy, &x, &classes).unwrap();
    by_hand = by_hand.with_weights(&weights).unwrap().ridge(<T as Real>::of(0.0));
    let mut dual = EmpiricalRisk::new(Net(sizes), CrossEntropy, &x, &classes).unwrap();
    dual = dual.with_weights(&weights).unwrap();

    let p = theta.len();
    let zeros = || (DVector::zeros(p), DMatrix::zeros(p, p));
    let ((mut g, mut h), (mut g2, mut h2)) = (zeros(), zeros());
    let f = dual.value_gradient_hessian(&theta, &mut g, &mut h);
    let f2 = by_hand.value_gradient_hessian(&theta, &mut g2, &mut h2);
    close(&[f, dual.value(&theta)], &[f2, f2], tolerance);
    close(g.as_slice(), g2.as_slice(), tolerance);
    close(h.as_slice(), h2.as_slice(), tolerance);
    assert_eq!(h, h.transpose());
    dual.value_gradient(&theta, &mut g);
    close(g.as_slice(), g2.as_slice(), tolerance);
    dual.hessian_product(&theta, &v, &mut g);
    by_hand.hessian_product(&theta, &v, &mut g2);
    close(g.as_slice(), g2.as_slice(), tolerance);
    dual.gauss_newton_product(&theta, &v, &mut g);
    by_hand.gauss_newton_product(&theta, &v, &mut g2);
    close(g.as_slice(), g2.as_slice(), tolerance);
    dual.hessian_diagonal(&theta, &mut g);
    by_hand.hessian_diagonal(&theta, &mut g2);
    close(g.as_slice(), g2.as_slice(), tolerance);
}

#[test]
fn derivatives_are_those_of_a_network_written_by_hand() {
    for seed in 0..12 {
        for sizes in [[1, 1, 1, 2], [2, 3, 1, 2], [3, 2, 2, 4]] {
            agrees_with_a_network::<f64>(seed, sizes, 1e-13);
            agrees_with_a_network::<f32>(seed, sizes, 2e-5);
        }
    }
    let x = dmatrix![0.3, -1.0; 0.5, 2.0];
    let net = Net([2, 3, 2, 1]);
    let theta = DVector::from_fn(net.parameter_count(), |i, _| (i as f64).sin());
    assert!(check::model(&net, &theta, &x).unwrap().passed());
}

/// Logistic growth: `z = θ₁/(1 + exp(−θ₂ (x − θ₃)))`.
#[derive(Debug, Clone, PartialEq)]
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
    fn penalised(&self, penalised: &mut [bool]) {
        penalised.copy_from_slice(&[false, true, true]);
    }
}

impl DualModel for Growth {
    fn scores<D: Number>(&self, b: &[D], x: &[D], z: &mut [D]) {
        z[0] = b[0] / (D::of(1.0) + (-b[1] * (x[0] - b[2])).exp());
    }
}

/// A model of a user's own, beside the blanket implementation.
struct Scale;

impl Architecture for Scale {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        1
    }
}

impl<T: Real> Model<T> for Scale {
    type Cache = Vec<T>;
    fn cache(&self, max_batch: usize) -> Vec<T> {
        vec![T::zero(); max_batch]
    }
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, z: &'c mut Vec<T>,
    ) -> DMatrixView<'c, T> {
        z.iter_mut().zip(x.iter()).for_each(|(z, x)| *z = theta[0] * *x);
        DMatrixView::from_slice(z, 1, x.ncols())
    }
    fn backward(
        &self, _theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>, _cache: &mut Vec<T>,
        gradient: &mut DVector<T>,
    ) {
        gradient[0] += x.dot(&delta);
    }
}

fn data<T: Real>(m: usize) -> (DMatrix<T>, DMatrix<T>, Vec<T>) {
    let noise = |i: usize| 0.2 * ((i * 7919 % 13) as f64 / 6.0 - 1.0);
    let t = DMatrix::from_fn(1, m, |_, i| T::of(20.0 * i as f64 / m as f64));
    let y = t.map_with_location(|_, i, t: T| T::of(10.0 / (1.0 + (-0.6 * (t.f64() - 8.0)).exp()) + noise(i)));
    (t, y, (0..m).map(|i| T::of((i % 4) as f64)).collect())
}

/// Value and point are the risk's: with weights, some of them zero, with a penalty, with more samples than a chunk.
fn a_risk_is_fitted_as_least_squares<T: objective::DualReal>(tolerance: f64) {
    for (m, lambda) in [(20, 0.0), (20, 0.01), (700, 0.001)] {
        let (t, y, weights) = data::<T>(m);
        let risk = EmpiricalRisk::new(Growth, SquaredError, &t, &y).unwrap();
        let mut risk = risk.with_weights(&weights).unwrap().ridge(<T as Real>::of(lambda));
        let start = DVector::from_vec([5.0, 1.0, 5.0].map(<T as Real>::of).to_vec());
        let stop = Stop::default();
        let newton = risk.fit_with(&mut TrustRegion::new(), start.clone(), &stop).unwrap();
        let marquardt = risk.fit_with(&mut LevenbergMarquardt::new(), start.clone(), &stop).unwrap();
        let near = newton.parameters().map(|x| x * <T as Real>::of(1.01));
        let gauss = risk.fit_with(&mut GaussNewton::new(), near, &stop).unwrap();
        for fitted in [&marquardt, &gauss] {
            assert!(newton.report.converged() && fitted.report.converged(), "{}", fitted.report);
            close(fitted.parameters().as_slice(), newton.parameters().as_slice(), tolerance);
            close(&[fitted.report.value], &[risk.value(fitted.parameters())], 1e3 * T::EPSILON.f64());
        }
        let mut report = marquardt.report.clone();
        report.certify(&mut risk).unwrap();
        assert_eq!(report.kind(), Some(CriticalKind::Minimum));
    }
}

#[test]
fn levenberg_marquardt_and_gauss_newton_take_a_risk() {
    a_risk_is_fitted_as_least_squares::<f64>(1e-6);
    a_risk_is_fitted_as_least_squares::<f32>(1e-2);
    // a model with first derivatives alone, and two outputs of a network
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    let mut risk = EmpiricalRisk::new(Scale, SquaredError, &x, &y).unwrap();
    let report = minimize(&mut GaussNewton::new(), &mut risk, dvector![7.0], &Stop::default()).unwrap();
    assert!((report.x[0] - 1.4_f64).abs() < 1e-14 && (report.value - 0.05_f64).abs() < 1e-14);
    let both = DMatrix::from_fn(2, 30, |o, j| ((1 + o) as f64 * 0.2 * j as f64).sin());
    let x = DMatrix::from_fn(1, 30, |_, j| 0.2 * j as f64 - 3.0);
    let network = Network::new(&[1, 4, 2], Activation::Tanh);
    let start = network.initial(3);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &both).unwrap().ridge(1e-4);
    let fitted = risk.fit_with(&mut LevenbergMarquardt::new(), start, &Stop::default()).unwrap();
    assert!(fitted.report.converged(), "{}", fitted.report);
    let mut gradient = DVector::zeros(fitted.parameters().len());
    let value = risk.value_gradient(fitted.parameters(), &mut gradient);
    assert!((value - fitted.report.value).abs() < 1e-14 && gradient.amax() < 1e-7);
}

/// Rosenbrock's valley of any length as residuals: `½ ‖r‖²` is half of the published function.
struct Valley(usize);

impl DualResiduals for Valley {
    fn dim(&self) -> usize {
        self.0
    }
    fn count(&self) -> usize {
        2 * (self.0 - 1)
    }
    fn residuals<D: Number>(&self, x: &[D], r: &mut [D]) {
        for (i, r) in r.chunks_exact_mut(2).enumerate() {
            r[0] = D::of(10.0) * (x[i + 1] - x[i] * x[i]);
            r[1] = D::of(1.0) - x[i];
        }
    }
}

fn residuals_are_those_of_the_valley<T: objective::DualReal>(tolerance: f64) {
    for n in [2, 3, 8, 9, 17] {
        let mut by_hand = Rosenbrock::new(n);
        let mut squares = LeastSquares::new(AutoDiff::<T, _>::new(Valley(n)));
        let x = by_hand.start();
        let ((mut g, mut h), (mut g2, mut h2)) =
            ((DVector::zeros(n), DMatrix::zeros(n, n)), (DVector::zeros(n), DMatrix::zeros(n, n)));
        let f = squares.value_gradient(&x, &mut g);
        let f2 = by_hand.value_gradient(&x, &mut g2);
        squares.hessian(&x, &mut h);
        by_hand.hessian(&x, &mut h2);
        let two = <T as Real>::of(2.0);
        close(&[f * two], &[f2], tolerance);
        close((g * two).as_slice(), g2.as_slice(), tolerance);
        close((h * two).as_slice(), h2.as_slice(), tolerance);
    }
    let start = DVector::from_vec([-1.2, 1.0].map(<T as Real>::of).to_vec());
    let report = LevenbergMarquardt::new().solve(AutoDiff::new(Valley(2)), start).unwrap();
    assert!(report.converged());
    close(report.x.as_slice(), &[1.0, 1.0].map(<T as Real>::of), 1e-6);
}

#[test]
fn dual_residuals_are_those_written_by_hand() {
    residuals_are_those_of_the_valley::<f64>(1e-13);
    residuals_are_those_of_the_valley::<f32>(1e-5);
}

/// Writes nothing.
#[derive(Clone)]
struct Silent;

impl Architecture for Silent {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        2
    }
    fn parameter_count(&self) -> usize {
        3
    }
}

impl DualModel for Silent {
    fn scores<D: Number>(&self, _theta: &[D], _x: &[D], _z: &mut [D]) {}
}

#[test]
fn what_does_not_fit_or_is_never_written_is_told() {
    let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0; 0.0, 0.0]);
    let mut risk = EmpiricalRisk::new(Silent, SquaredError, &x, &y).unwrap();
    let stop = Stop::default();
    let ended = risk.fit_with(&mut TrustRegion::new(), dvector![1.0, 2.0, 3.0], &stop);
    assert!(matches!(ended, Err(Error::Evaluation { .. })));
    let ended = risk.fit_with(&mut LevenbergMarquardt::new(), dvector![1.0, 2.0, 3.0], &stop);
    assert!(matches!(ended, Err(Error::Evaluation { .. })));
    let ended = risk.fit_with(&mut LevenbergMarquardt::new(), dvector![1.0], &stop);
    assert!(matches!(ended, Err(Error::Length { .. })));

    let (theta, short) = (dvector![1.0, 1.0, 1.0], dvector![1.0]);
    let mut cache = Model::<f64>::cache(&Growth, 1);
    let odd = dmatrix![1.0; 2.0];
    assert_eq!(Growth.forward(&short, x.columns(0, 1), &mut cache).ncols(), 0);
    assert_eq!(Growth.forward(&theta, odd.as_view(), &mut cache).ncols(), 0);
    assert_eq!(Growth.forward(&theta, x.as_view(), &mut cache).ncols(), 0);
    assert_eq!(Growth.tangent(&theta, &short, x.columns(0, 1), &mut cache).ncols(), 0);
    let (delta, mut out) = (dmatrix![1.0, 1.0, 1.0], dvector![7.0, 7.0]);
    let (x, delta) = (x.as_view(), delta.as_view());
    Growth.backward(&theta, x, delta, &mut cache, &mut out);
    Growth.backward_tangent(&theta, &theta, x, delta, delta, &mut cache, &mut out);
    let mut h = [7.0; 4];
    Growth.dense_hessian(&theta, x, delta, delta, &mut cache, &mut h);
    assert!(out.iter().chain(&h).all(|entry| (*entry - 7.0).abs() < 1e-300));
    let mut r = dvector![7.0];
    let mut valley = AutoDiff::<f64, _>::new(Valley(2));
    valley.residuals(&short, &mut r);
    let mut h = DMatrix::repeat(2, 2, 7.0);
    valley.jacobian(&short, &mut h);
    valley.add_curvature(&short, &r, &mut h);
    assert!(r.iter().chain(&h).all(|entry| (*entry - 7.0).abs() < 1e-300));
}

/// `y = a x/(b + x)`, with noise of a hundredth: what has converged in f32 is near enough to the minimum for statistics, for
/// values that are rounding do not end a run whose gradient still falls.
#[test]
fn what_has_converged_in_single_precision_has_statistics() {
    #[derive(Debug, Clone)]
    struct Saturation;
    impl Architecture for Saturation {
        fn inputs(&self) -> usize {
            1
        }
        fn outputs(&self) -> usize {
            1
        }
        fn parameter_count(&self) -> usize {
            2
        }
    }
    impl DualModel for Saturation {
        fn scores<D: Number>(&self, theta: &[D], x: &[D], z: &mut [D]) {
            z[0] = theta[0] * x[0] / (theta[1] + x[0]);
        }
    }
    let mut dice = Dice(31);
    let mut uniform =
        |from: f64, to: f64| from + (to - from) * dice.roll(0, 1 << 30) as f64 / f64::from(1 << 30);
    for case in 0..300 {
        let (a, b) = (uniform(1.0, 10.0), uniform(0.5, 5.0));
        let x: Vec<f32> = (0..30).map(|_| uniform(0.1, 8.0) as f32).collect();
        let noise: Vec<f64> = (0..30).map(|_| uniform(-0.017, 0.017)).collect();
        let mean = |x: f32| a * f64::from(x) / (b + f64::from(x));
        let y: Vec<f32> = x.iter().zip(&noise).map(|(x, noise)| (mean(*x) + noise) as f32).collect();
        let mut risk = EmpiricalRisk::new(Saturation, SquaredError, &x, &y).unwrap();
        let start = dvector![(1.1 * a) as f32, (0.9 * b) as f32];
        for method in [&mut Newton::new() as &mut dyn Optimizer<f32, _>, &mut TrustRegion::new()] {
            let report = minimize(method, &mut risk, start.clone(), &Stop::default()).unwrap();
            assert!(report.converged() && report.iterations < 15, "{case}: {report}");
            let statistics = risk.statistics(&report.x);
            assert!(statistics.is_ok(), "{case}: {report}\n{statistics:?}");
        }
    }
}

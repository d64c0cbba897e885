//! Verdicts by products with the Hessian: on quadratics whose inertia is known by how they are made, and on networks.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

use draw::Draw;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;

/// `½ (x − c)ᵀ H (x − c)`, known by products alone.
struct Quadratic<T: Real, P> {
    center: DVector<T>,
    product: P,
    products: usize,
}

impl<T: Real, P: FnMut(&DVector<T>) -> DVector<T>> Objective<T> for Quadratic<T, P> {
    fn dim(&self) -> usize {
        self.center.len()
    }
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let r = x - &self.center;
        gradient.copy_from(&(self.product)(&r));
        gradient.dot(&r) * T::of(0.5)
    }
}

impl<T: Real, P: FnMut(&DVector<T>) -> DVector<T>> HessianProduct<T> for Quadratic<T, P> {
    fn hessian_product(&mut self, _x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.products += 1;
        out.copy_from(&(self.product)(v));
    }
}

/// `L D Lᵀ` in exact integers, `L` unit lower triangular: by Sylvester's law as many eigenvalues of each sign as of `D`.
fn congruent(signs: &[f64], draw: &mut Draw) -> DMatrix<f64> {
    let n = signs.len();
    let mut l = DMatrix::identity(n, n);
    for i in 1..n {
        l[(i, draw.below(i))] = draw.below(3) as f64 - 1.0;
    }
    &l * DMatrix::from_diagonal(&DVector::from_column_slice(signs)) * l.transpose()
}

fn kind_of(signs: &[f64]) -> CriticalKind {
    let has = |test: fn(&f64) -> bool| signs.iter().any(test);
    match (has(|s| *s > 0.0), has(|s| *s == 0.0), has(|s| *s < 0.0)) {
        (true, _, true) => CriticalKind::Saddle,
        (_, true, _) => CriticalKind::Degenerate,
        (true, ..) => CriticalKind::Minimum,
        _ => CriticalKind::Maximum,
    }
}

/// Of 5,000 quadratics in each scalar, in units from 2⁻⁴⁰ to 2⁴⁰: the verdict at the stationary point after methods that
/// know nothing of it, and what those with products say themselves.
fn every_method<T: Real>(seed: u64) {
    let mut draw = Draw::new(seed);
    let mut seen = [0; 4];
    for case in 0..5000 {
        let n = 1 + draw.below(8);
        let among = [&[1.0, 2.0, 3.0][..], &[-1.0, -2.0], &[1.0, -1.0, 2.0], &[0.0, 1.0, 2.0], &[0.0, -1.0]];
        let among = among[case % 5];
        let signs: Vec<f64> = (0..n).map(|_| among[draw.below(among.len())]).collect();
        let kind = kind_of(&signs);
        seen[kind as usize] += 1;
        let scale = 2f64.powi(draw.below(81) as i32 - 40);
        let h = congruent(&signs, &mut draw).map(|h| T::of(h * scale));
        let center = DVector::from_fn(n, |_, _| T::of(draw.unit()));
        let mut f = Quadratic { center: center.clone(), product: |v: &DVector<T>| &h * v, products: 0 };
        let stop = Stop::default().iterations(50);

        let at = DVector::from_fn(n, |i, _| {
            // off the point where there is a way back
            center[i] + T::of(if kind == CriticalKind::Minimum { draw.unit() } else { 0.0 })
        });
        let mut report = match case % 3 {
            0 => minimize(&mut Lbfgs::new(), &mut f, at.clone(), &stop),
            1 => minimize(&mut ConjugateGradient::new(), &mut f, at.clone(), &stop),
            _ => minimize(&mut Adam::new(T::of(0.1)), &mut f, at.clone(), &stop),
        }
        .unwrap();
        f.products = 0;
        let point = report.certify_by_products(&mut f).unwrap().clone();
        // a Hessian, and where that may underflow another one or two
        assert!(f.products <= 3 * n);
        assert_eq!((point.kind, point.unknown), (kind, 0), "{h} {point}");
        let count = |test: fn(&f64) -> bool| signs.iter().filter(|s| test(s)).count();
        let found = [point.inertia.positive, point.inertia.zero, point.inertia.negative];
        assert_eq!(found, [count(|s| *s > 0.0), count(|s| *s == 0.0), count(|s| *s < 0.0)]);

        for by_products in [true, false] {
            let report = match by_products {
                true => minimize(&mut NewtonCg::new(), &mut f, at.clone(), &stop),
                false => minimize(&mut SaddleFree::new(), &mut f, at.clone(), &stop),
            };
            let report = report.unwrap();
            let said = report.kind();
            assert!(said.is_none_or(|said| said == kind), "{kind}: {report}\n{h}");
            assert_eq!(report.converged(), said.is_some() && count(|s| *s < 0.0) == 0 && report.converged());
        }
    }
    assert!(seen.iter().all(|count| *count > 200), "{seen:?}");
}

#[test]
fn every_method_in_f64() {
    every_method::<f64>(1);
}

#[test]
fn every_method_in_f32() {
    every_method::<f32>(2);
}

/// `Q Λ Q v`, `Q` of three reflections.
fn rotated<T: Real>(
    spectrum: &DVector<f64>, draw: &mut Draw,
) -> impl FnMut(&DVector<T>) -> DVector<T> + use<T> {
    let n = spectrum.len();
    let mirrors: Vec<DVector<T>> =
        (0..3).map(|_| DVector::from_fn(n, |_, _| draw.unit()).normalize().map(T::of)).collect();
    let spectrum = spectrum.map(T::of);
    move |v| {
        let reflect = |v: DVector<T>, m: &DVector<T>| &v - m * (m.dot(&v) * T::of(2.0));
        let v = mirrors.iter().fold(v.clone(), reflect).component_mul(&spectrum);
        mirrors.iter().rev().fold(v, reflect)
    }
}

/// Of each end of a spectrum, so that all that is said holds with the stated confidence.
const FAILURE: f64 = 1e-9 / 6.0;

/// More than 1,000 variables: the interval holds the least eigenvalue, the verdict is never wrong, and the share that is
/// left open is not larger than the bound of Kuczyński and Woźniakowski.
fn intervals<T: Real>(seed: u64, at_least: usize) {
    let mut draw = Draw::new(seed);
    let (mut decided, mut cases) = (0, 0);
    for case in 0..60 {
        let n = 1001 + draw.below(1000);
        let least = [1.0, 0.1, 0.0, -0.1, -1.0, 1e-3, -1e-3, 1e-7][case % 8];
        let spectrum = DVector::from_fn(n, |i, _| match case % 5 {
            _ if i == 3 => least,
            0 => least + i as f64,
            1 => least.max(1.0) + draw.unit().abs(),
            2 => 10f64.powf(3.0 * draw.unit()).max(least),
            3 => 1.0,
            _ if least < 0.0 => least * (1.0_f64 + draw.unit().abs()).recip(),
            _ => least + draw.unit().powi(2),
        });
        let scale = 2f64.powi(draw.below(41) as i32 - 20);
        let center = DVector::from_fn(n, |_, _| T::of(draw.unit()));
        let product = rotated::<T>(&(&spectrum * scale), &mut draw);
        let mut f = Quadratic { center: center.clone(), product, products: 0 };
        let point = CriticalPoint::by_products(&mut f, &center).unwrap();
        let interval = *point.interval().unwrap();
        let (low, high) = (spectrum.min(), spectrum.max());
        let rounding = T::EPSILON.f64() * n as f64 * low.abs().max(high.abs());
        let [lower, upper] = [interval.lower, interval.upper].map(|end| end.f64() / scale);
        assert!(lower <= low + rounding && low - rounding <= upper, "{lower:e} {low:e} {upper:e}");
        assert_eq!(interval.products, f.products);
        let k = interval.products as f64;
        let bound = ((1.648 * (n as f64).sqrt() / FAILURE).ln() / (2.0 * k - 1.0)).powi(2);
        let width = upper - low.min(upper) + (low - lower).max(0.0);
        assert!(
            width <= 1.1 * bound * (high - low) + 2.5 * rounding,
            "{width:e} {:e}: {point}",
            bound * (high - low)
        );
        let is_wrong = match point.kind {
            CriticalKind::Minimum => low <= 0.0,
            CriticalKind::Maximum => high >= 0.0,
            CriticalKind::Saddle => low >= 0.0 || high <= 0.0,
            kind => kind != CriticalKind::Undecided,
        };
        assert!(!is_wrong, "{low:e} {high:e} {point}");
        if low.abs() > 5.0 * bound * (high - low) + 5.0 * rounding {
            assert_ne!(point.kind, CriticalKind::Undecided, "{low:e} {high:e} {point}");
        }
        cases += 1;
        decided += usize::from(point.kind != CriticalKind::Undecided);
    }
    println!("{decided} of {cases} decided");
    assert!(decided >= at_least);
}

#[test]
fn intervals_hold_the_least_eigenvalue() {
    intervals::<f64>(3, 40);
    intervals::<f32>(4, 30);
}

/// `Σ xᵢ² + xₙ³` has an inflection, however small the gradient is; the step to it shows that, for many variables too.
#[test]
fn curvature_that_vanishes_within_a_step_decides_nothing() {
    struct Inflection(usize);
    impl Objective<f64> for Inflection {
        fn dim(&self) -> usize {
            self.0
        }
        fn value_gradient(&mut self, x: &DVector<f64>, g: &mut DVector<f64>) -> f64 {
            let (n, y) = (self.0, x[self.0 - 1]);
            g.copy_from(&x.map_with_location(|i, _, x| x * (2.0 + (i % 7) as f64)));
            g[n - 1] = 3.0 * y * y;
            let bowl = |(i, x): (usize, &f64)| (1.0 + 0.5 * (i % 7) as f64) * x * x;
            x.iter().enumerate().take(n - 1).map(bowl).sum::<f64>() + y.powi(3)
        }
    }
    impl HessianProduct<f64> for Inflection {
        fn hessian_product(&mut self, x: &DVector<f64>, v: &DVector<f64>, out: &mut DVector<f64>) {
            let n = self.0;
            out.copy_from(&v.map_with_location(|i, _, v| v * (2.0 + (i % 7) as f64)));
            out[n - 1] = 6.0 * x[n - 1] * v[n - 1];
        }
    }
    for (n, kind) in [(5, CriticalKind::Degenerate), (1500, CriticalKind::Undecided)] {
        for y in [1e-3, 1e-5] {
            // the gradient is larger in other directions
            let mut x = DVector::from_fn(n, |i, _| if n > 5 { 1e-6 * (i as f64).sin() } else { 0.0 });
            x[n - 1] = y;
            let point = CriticalPoint::by_products(&mut Inflection(n), &x).unwrap();
            assert_eq!(point.kind, kind, "{point}");
        }
    }
}

/// After a method by gradients many variables have a verdict too.
#[test]
fn a_long_valley_after_lbfgs() {
    let mut f = problems::Rosenbrock::new(1500);
    let start = DVector::from_element(1500, 0.9);
    let mut report = minimize(&mut Lbfgs::new(), &mut f, start, &Stop::default()).unwrap();
    let point = report.certify_by_products(&mut f).unwrap();
    println!("{point}");
    assert_eq!(point.kind, CriticalKind::Minimum);
    assert!(point.decrement.unwrap() < 1e-6);
}

/// 200 networks: what the Hessian says and what its products say is the same.
#[test]
fn networks_are_judged_alike() {
    let mut draw = Draw::new(5);
    let mut kinds = [0; 5];
    for case in 0..200 {
        let (inputs, units, m) = (1 + draw.below(3), 1 + draw.below(4), 5 + draw.below(20));
        let activation = [Activation::Tanh, Activation::Sigmoid, Activation::Softplus][case % 3];
        let network = Network::new(&[inputs, units, 1], activation);
        let x = DMatrix::from_fn(inputs, m, |_, _| draw.unit());
        let y = DMatrix::from_fn(1, m, |_, j| x[(0, j)].sin() + 0.3 * draw.unit());
        let start = network.initial(case as u64);
        let risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
        let mut risk = risk.ridge([0.0, 1e-3, 1e-2, 0.1][case % 4]);
        let stop = Stop::default().iterations(200);
        let mut report = match case % 4 {
            0 => minimize(&mut Lbfgs::new(), &mut risk, start, &stop),
            1 => minimize(&mut Adam::new(0.05), &mut risk, start, &stop),
            2 => minimize(&mut NewtonCg::new(), &mut risk, start, &stop),
            _ => minimize(&mut SaddleFree::new(), &mut risk, start, &stop),
        }
        .unwrap();
        let by_products = report.certify_by_products(&mut risk).unwrap().clone();
        let dense = report.certify(&mut risk).unwrap();
        kinds[dense.kind as usize] += 1;
        assert_eq!(
            (by_products.kind, by_products.inertia),
            (dense.kind, dense.inertia),
            "{dense}\n{by_products}"
        );
    }
    println!("{kinds:?}");
    assert!(kinds[0] > 50);
}

/// A convex risk needs no product, and says so.
#[test]
fn convexity_is_enough() {
    let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 1, 0, 1]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    let stop = Stop::default();
    let mut report = minimize(&mut Lbfgs::new(), &mut risk, DVector::zeros(2), &stop).unwrap();
    let point = report.certify_by_products(&mut risk).unwrap();
    assert!(point.convex && point.unknown == 2 && point.interval().is_none());
    assert_eq!(point.kind, CriticalKind::Minimum);
    assert!(report.converged());
    let text = report.to_string();
    assert!(text.ends_with("kind        minimum: by convexity; convex, so a global minimum"), "{text}");
    // stationary nowhere: no kind
    report.termination = Termination::Iterations;
    assert_eq!(report.kind(), None);
    let report = minimize(&mut NewtonCg::new(), &mut risk, DVector::zeros(2), &stop).unwrap();
    assert!(report.certificate.unwrap().convex);
}

#[test]
fn products_that_are_no_numbers_are_refused() {
    for n in [3, 2000] {
        let product = |v: &DVector<f64>| v * if v[0] == 0.0 { 1.0 } else { f64::NAN };
        let mut f = Quadratic { center: DVector::zeros(n), product, products: 0 };
        assert!(CriticalPoint::by_products(&mut f, &DVector::zeros(n)).is_err());
        assert!(CriticalPoint::by_products(&mut f, &DVector::zeros(n + 1)).is_err());
    }
}

/// The smallest numbers end too: what is beyond the Ritz values is no share of them there.
#[test]
fn spectra_among_the_smallest_numbers_are_judged() {
    fn judged<T: Real>(size: f64, sign: f64) -> CriticalPoint<T> {
        let n = 1200;
        let entry = |i: usize| size * if i == 0 { sign } else { 1.0 + i as f64 };
        let spectrum = DVector::from_fn(n, |i, _| T::of(entry(i)));
        let product = |v: &DVector<T>| v.component_mul(&spectrum);
        let mut f = Quadratic { center: DVector::zeros(n), product, products: 0 };
        CriticalPoint::by_products(&mut f, &DVector::zeros(n)).unwrap()
    }
    for exponent in [-300, -310, -320] {
        for sign in [1.0, -1000.0] {
            let is_wrong = if sign > 0.0 { CriticalKind::Saddle } else { CriticalKind::Minimum };
            let point = judged::<f64>(10_f64.powi(exponent), sign);
            assert!(point.kind != is_wrong && point.kind != CriticalKind::Maximum, "{exponent}: {point}");
            let point = judged::<f32>(10_f64.powi(exponent / 8), sign);
            assert!(point.kind != is_wrong && point.kind != CriticalKind::Maximum, "{exponent}: {point}");
        }
    }
}

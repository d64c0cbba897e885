//! What the second-order methods promise: hard problems solved from far away, saddles left, no hang and no
//! bad point whatever the function does.

#![expect(clippy::float_cmp, reason = "a report repeats what was evaluated")]

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
#[path = "support/problems.rs"]
mod problems;

use gradus::optimizer::Outcome;
use gradus::{
    CriticalKind, CriticalPoint, Function, Hessian, HessianProduct, Newton, NewtonCg, Objective, Optimizer,
    Real, SaddleFree, Stop, Termination, TrustRegion, minimize, problems::Rosenbrock,
};
use nalgebra::{DMatrix, DVector, dvector};
use problems::{Problem, more_garbow_hillstrom, problem};

/// An objective with a dense Hessian and its products.
trait Full<T: Real>: Hessian<T> + HessianProduct<T> {}
impl<T: Real, F: Hessian<T> + HessianProduct<T>> Full<T> for F {}

type Method<T, F> = (&'static str, Box<dyn Optimizer<T, F>>);

fn methods<T: Real, F: Full<T>>() -> Vec<Method<T, F>> {
    vec![
        ("Newton", Box::new(Newton::new())),
        ("trust region", Box::new(TrustRegion::new())),
        ("Newton-CG", Box::new(NewtonCg::new())),
        ("saddle-free", Box::new(SaddleFree::new())),
    ]
}

// ---- Moré, Garbow and Hillstrom ----

/// How many are solved from `x₀`, `10 x₀` and `100 x₀`; none may call a saddle, or a point that is not
/// stationary, converged.
fn solved<M: Optimizer<f64, Problem>>(method: impl Fn() -> M, problems: &[Problem]) -> [usize; 3] {
    [1.0, 10.0, 100.0].map(|scale| {
        let solved = problems.iter().filter(|problem| {
            let start = DVector::from_vec(problem.start.clone()) * scale;
            let mut f = (*problem).clone();
            let Ok(report) = minimize(&mut method(), &mut f, start, &Stop::default()) else {
                return false; // the function overflows at the start
            };
            let mut gradient = DVector::zeros(report.x.len());
            assert!(f.value_gradient(&report.x, &mut gradient) == report.value);
            if report.converged() {
                assert!(
                    gradient.amax() <= report.tolerance.max(report.floor),
                    "{} from {scale} x₀: {report}",
                    problem.id
                );
                let judged = CriticalPoint::of(&mut f, &report.x).unwrap();
                let certified = report.certificate.is_some();
                let bad = matches!(judged.kind, CriticalKind::Saddle | CriticalKind::Maximum);
                assert!(!(certified && bad), "{} from {scale} x₀: {report}", problem.id);
            }
            problem.is_solved(report.value)
        });
        solved.count()
    })
}

#[test]
fn the_trust_region_solves_hard_problems_from_far_away() {
    let problems: Vec<_> = more_garbow_hillstrom().into_iter().filter(|p| p.id != "20c").collect();
    assert_eq!(problems.len(), 40);
    let found = solved(TrustRegion::new, &problems);
    println!("trust region {found:?}");
    // [40, 38, 36] here; the last digit of an exponential decides where a run from 100 x₀ ends
    assert!(found[0] == 40 && found[1] >= 37 && found[2] >= 35, "{found:?}");
}

/// A problem with its variables in another order: `f(x)` at `x[order[i]] = y[i]`.
struct Reordered {
    problem: Problem,
    order: [usize; 3],
}

impl Reordered {
    fn back(&self, y: &DVector<f64>) -> DVector<f64> {
        let mut x = y.clone();
        self.order.iter().zip(y).for_each(|(&k, &y)| x[k] = y);
        x
    }
}

impl Objective<f64> for Reordered {
    fn dim(&self) -> usize {
        3
    }
    fn value_gradient(&mut self, y: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        let mut g = y.clone();
        let value = self.problem.value_gradient(&self.back(y), &mut g);
        gradient.copy_from_slice(&self.order.map(|k| g[k]));
        value
    }
}

impl Hessian<f64> for Reordered {
    fn hessian(&mut self, y: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        let mut h = DMatrix::zeros(3, 3);
        self.problem.hessian(&self.back(y), &mut h);
        hessian.copy_from(&DMatrix::from_fn(3, 3, |i, j| h[(self.order[i], self.order[j])]));
    }
}

/// Meyer's problem, whose Hessian spans 30 orders of magnitude, is solved in any order of its variables.
#[test]
fn the_order_of_variables_does_not_matter() {
    let problem = problem("10");
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        for scale in [10.0, 100.0] {
            let start = DVector::from_row_slice(&order.map(|k| scale * problem.start[k]));
            let mut f = Reordered { problem: problem.clone(), order };
            let report = minimize(&mut TrustRegion::new(), &mut f, start, &Stop::default()).unwrap();
            assert!(problem.is_solved(report.value), "{order:?} from {scale} x₀: {report}");
        }
    }
}

#[test]
fn newton_solves_all_from_the_usual_starts() {
    let problems: Vec<_> = more_garbow_hillstrom().into_iter().filter(|p| p.id != "20c").collect();
    let found = solved(Newton::new, &problems);
    println!("Newton {found:?}");
    assert!(found[0] == 40 && found[1] >= 36 && found[2] >= 33, "{found:?}");
}

#[test]
fn methods_without_a_matrix_come_close() {
    let problems: Vec<_> = more_garbow_hillstrom().into_iter().filter(|p| p.id != "20c").collect();
    let (cg, free) = (solved(NewtonCg::new, &problems), solved(SaddleFree::new, &problems));
    println!("Newton-CG {cg:?}, saddle-free {free:?}");
    assert!(cg[0] >= 38 && free[0] >= 35, "{cg:?} {free:?}");
}

// ---- saddles ----

/// `f = ½ Σ λ_i z_i² + ¼ Σ z_i⁴`, `z = Q (x − c)` with a reflection `Q`: stationary at `c`, bounded below.
#[derive(Clone)]
struct Well<T: Real> {
    lambda: DVector<T>,
    center: DVector<T>,
    q: DMatrix<T>,
    quartic: T,
}

impl<T: Real> Well<T> {
    fn new(lambda: &[f64]) -> Self {
        let n = lambda.len();
        let u = DVector::from_fn(n, |i, _| T::of(((i + 1) as f64).sin())).normalize();
        let q = DMatrix::identity(n, n) - &u * u.transpose() * T::of(2.0);
        let center = DVector::from_fn(n, |i, _| T::of((i as f64 - 1.0) / 2.0));
        Self {
            lambda: DVector::from_iterator(n, lambda.iter().map(|&l| T::of(l))),
            center,
            q,
            quartic: T::one(),
        }
    }
}

impl<T: Real> Objective<T> for Well<T> {
    fn dim(&self) -> usize {
        self.lambda.len()
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let z = &self.q * (x - &self.center);
        let mut f = T::zero();
        let dz = DVector::from_fn(z.len(), |i, _| {
            let (l, z, k) = (self.lambda[i], z[i], self.quartic);
            f += T::of(0.5) * l * z * z + T::of(0.25) * k * z * z * z * z;
            l * z + k * z * z * z
        });
        g.copy_from(&(&self.q * dz));
        f
    }
}
impl<T: Real> Hessian<T> for Well<T> {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        let z = &self.q * (x - &self.center);
        let d = z.zip_map(&self.lambda, |z, l| l + T::of(3.0) * self.quartic * z * z);
        let full = &self.q * DMatrix::from_diagonal(&d) * &self.q;
        h.copy_from(&((&full + full.transpose()) * T::of(0.5)));
    }
}
impl<T: Real> HessianProduct<T> for Well<T> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(self.dim(), self.dim());
        self.hessian(x, &mut h);
        out.gemv(T::one(), &h, v, T::zero());
    }
}

fn leaves_saddles<T: Real>() {
    let cases: [&[f64]; 5] = [
        &[-1.0, 2.0],
        &[-2.0, -1.0, 3.0],
        &[-0.01, 1.0, 1.0, 100.0],
        &[-1.0; 4],
        &[-1.0, -1.0, 0.0, 0.0, 5.0, 5.0],
    ];
    for lambda in cases {
        let minimum: f64 = lambda.iter().filter(|l| **l < 0.0).map(|l| -0.25 * l * l).sum();
        let f = Well::<T>::new(lambda);
        for (name, mut method) in methods::<T, Well<T>>() {
            // exactly on the saddle, and so near that the gradient says stop
            for nudge in [0.0, 1e-3 * T::EPSILON.f64().sqrt()] {
                let start = f.center.map(|c| c + T::of(nudge));
                let report = minimize(&mut *method, &mut f.clone(), start, &Stop::default()).unwrap();
                let error = (report.value.f64() - minimum).abs();
                assert!(report.escapes >= 1, "{name} {lambda:?} {nudge:e}: {report}");
                let noise = 1e-9_f64.max(1e2 * T::EPSILON.f64());
                assert!(
                    report.converged() && error < noise,
                    "{name} {lambda:?} {nudge:e}: {error:e} {report}"
                );
            }
        }
    }
}

#[test]
fn a_start_on_a_saddle_is_left_and_said_so() {
    leaves_saddles::<f32>();
    leaves_saddles::<f64>();
}

#[test]
fn zero_gradient_with_negative_curvature_moves_along_the_eigenvector() {
    let mut f = Well::<f64>::new(&[-1.0, 2.0, 3.0]);
    for (name, mut method) in methods::<f64, Well<f64>>() {
        let mut x = f.center.clone();
        let step = method.step(&mut f, &mut x).unwrap();
        assert_eq!((step.outcome, step.gradient_norm), (Outcome::Escaped, 0.0), "{name}");
        let along = (&f.q * (x - &f.center)).normalize();
        assert!(along[0].abs() > 1.0 - 1e-12, "{name}: {along}");
    }
}

/// `‖x‖² − ln ‖x‖²`: the unit circle is a valley of minima. Just inside it the curvature along it is negative,
/// by `2 (1 − 1/‖x‖²)`, and vanishes as the valley is reached: a descent, no escape.
#[test]
fn a_flat_direction_is_no_saddle() {
    let value = |x: &DVector<f64>, g: &mut DVector<f64>| {
        let square = x.norm_squared();
        g.copy_from(&(x * (2.0 - 2.0 / square)));
        square - square.ln()
    };
    let hessian = |x: &DVector<f64>, h: &mut DMatrix<f64>| {
        let square = x.norm_squared();
        let round = DMatrix::identity(2, 2) * (2.0 - 2.0 / square);
        h.copy_from(&(round + x * x.transpose() * (4.0 / (square * square))));
    };
    let methods: [Method<f64, _>; 2] =
        [("Newton", Box::new(Newton::new())), ("trust region", Box::new(TrustRegion::new()))];
    for (name, mut method) in methods {
        let mut f = Function::new(2, value).with_hessian(hessian);
        let report = minimize(&mut *method, &mut f, dvector![0.9999, 0.0], &Stop::default()).unwrap();
        assert_eq!((report.escapes, report.kind()), (0, Some(CriticalKind::Degenerate)), "{name}: {report}");
        assert!(report.converged() && (report.x.norm() - 1.0).abs() < 1e-8, "{name}: {report}");
    }
}

/// Unbounded below: no method may call that converged, leave a point that is not finite, or hang.
#[test]
fn unbounded_saddles_end_honestly() {
    for lambda in [&[-1.0, 1.0][..], &[-1.0, -1e-8, 0.0, 1e8]] {
        let f = Well { quartic: 0.0, ..Well::<f64>::new(lambda) };
        for (name, mut method) in methods::<f64, Well<f64>>() {
            for start in [f.center.clone(), f.center.add_scalar(1.0)] {
                let report = minimize(&mut *method, &mut f.clone(), start, &Stop::default()).unwrap();
                assert!(!report.converged(), "{name}: {report}");
                assert!(report.x.iter().all(|x| x.is_finite()) && report.value.is_finite());
            }
        }
    }
}

// ---- subproblems that hang others ----

/// `f = gᵀx + ½ xᵀHx + ¼ k ‖x‖⁴` in 19 variables, `H = Q diag(λ) Q`.
struct Quartic {
    g: DVector<f64>,
    h: DMatrix<f64>,
    quartic: f64,
}

impl Objective<f64> for Quartic {
    fn dim(&self) -> usize {
        self.g.len()
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        let hx = &self.h * x;
        let square = x.norm_squared();
        gradient.copy_from(&(&self.g + &hx + x * (self.quartic * square)));
        self.g.dot(x) + 0.5 * x.dot(&hx) + 0.25 * self.quartic * square * square
    }
}
impl Hessian<f64> for Quartic {
    fn hessian(&mut self, x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        let n = x.len();
        let bend = DMatrix::identity(n, n) * x.norm_squared() + x * x.transpose() * 2.0;
        hessian.copy_from(&(&self.h + bend * self.quartic));
    }
}
impl HessianProduct<f64> for Quartic {
    fn hessian_product(&mut self, x: &DVector<f64>, v: &DVector<f64>, out: &mut DVector<f64>) {
        let mut h = DMatrix::zeros(x.len(), x.len());
        self.hessian(x, &mut h);
        out.gemv(1.0, &h, v, 0.0);
    }
}

#[test]
fn nearly_hard_cases_in_nineteen_variables_end() {
    let n = 19;
    let u = DVector::from_fn(n, |i, _| ((3 * i + 1) as f64).sin()).normalize();
    let q = DMatrix::identity(n, n) - &u * u.transpose() * 2.0;
    let spectra: [&dyn Fn(usize) -> f64; 6] = [
        &|i| if i == 0 { -1e-3 } else { 10f64.powi(i as i32 - 9) },
        &|i| if i < 3 { -1.0 } else { 1.0 },
        &|i| if i == 0 { -1e10 } else { 10f64.powi(-(i as i32)) },
        &|i| if i < 9 { 0.0 } else { 1e8 },
        &|i| -(10f64.powi(i as i32 - 12)),
        &|i| if i == 0 { 0.0 } else { i as f64 },
    ];
    for (case, spectrum) in spectra.iter().enumerate() {
        for tilt in [0.0, 1e-300, 1e-20, 1e-16, 1e-12, 1e-8, 1.0] {
            // the gradient at 0 has next to nothing along the first eigenvector
            let c = DVector::from_fn(n, |i, _| if i == 0 { tilt } else { 1.0 / (i as f64) });
            let h = &q * DMatrix::from_diagonal(&DVector::from_fn(n, |i, _| spectrum(i))) * &q;
            let h = (&h + h.transpose()) * 0.5;
            let mut f = Quartic { g: &q * c, h, quartic: 1.0 };
            for (name, mut method) in methods::<f64, Quartic>() {
                let stop = Stop::default().gradient(1e-6).iterations(300);
                let report = minimize(&mut *method, &mut f, DVector::zeros(n), &stop).unwrap();
                assert!(report.value < 0.0 && report.x.iter().all(|x| x.is_finite()), "{name}: {report}");
                // f64 gives up at about ε‖H‖‖x‖ and cannot reach 1e−6 at 1e10
                if name == "trust region" && case != 2 {
                    assert!(report.converged(), "{case} {tilt:e} {name}: {report}");
                    assert_ne!(report.kind(), Some(CriticalKind::Saddle));
                }
            }
        }
    }
}

/// The step into the region's boundary is the exact minimum of the model there: checked by its conditions,
/// `(H + μI)s = −g`, `H + μI ⪰ 0`, `‖s‖ = Δ`.
#[test]
fn the_first_step_solves_the_subproblem() {
    for lambda in [&[-1.0, 2.0, 3.0][..], &[-5.0, -5.0, 1.0], &[1e-3, 1e-2, 1e6], &[0.0, 1.0, 2.0]] {
        for radius in [1e-3, 0.1, 1.0] {
            // purely quadratic, so the model is the function and the step is accepted; off the boundary path
            let mut f = Well { quartic: 0.0, ..Well::<f64>::new(lambda) };
            let start = &f.center + &f.q * dvector![3.0, -4.0, 5.0];
            let (mut g, mut h) = (DVector::zeros(3), DMatrix::zeros(3, 3));
            f.value_gradient_hessian(&start, &mut g, &mut h);
            // the value of any step from here is at least that of the exact one
            let mut x = start.clone();
            let step = TrustRegion::new().radius(radius).step(&mut f, &mut x).unwrap();
            let gained = step.value - f.value(&x);
            let mut best = 0.0_f64;
            for i in 0..200 {
                for j in 0..100 {
                    let (a, b) = (f64::from(i) * 0.0314159, f64::from(j) * 0.0314159);
                    let s = dvector![a.cos() * b.sin(), a.sin() * b.sin(), b.cos()] * radius;
                    best = best.max(-(g.dot(&s) + 0.5 * s.dot(&(&h * &s))));
                }
            }
            assert!(gained >= best * (1.0 - 1e-9), "{lambda:?} {radius}: {gained} {best}");
        }
    }
}

// ---- misbehaving functions ----

/// Counts calls, and answers the `k`-th with NaN.
struct Faulty<T: Real> {
    inner: Rosenbrock,
    fault: usize,
    what: &'static str,
    calls: usize,
    bad: T,
}

impl<T: Real> Faulty<T> {
    fn fails(&mut self, what: &str) -> bool {
        self.calls += usize::from(what == self.what);
        what == self.what && self.calls == self.fault
    }
}

impl<T: Real> Objective<T> for Faulty<T> {
    fn dim(&self) -> usize {
        2
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        assert!(x.iter().all(|x| x.is_finite()), "evaluated at a point that is not finite");
        let f = self.inner.value_gradient(x, g);
        if self.fails("gradient") {
            g[1] = self.bad;
        }
        if self.fails("value") { self.bad } else { f }
    }
}
impl<T: Real> Hessian<T> for Faulty<T> {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        self.inner.hessian(x, h);
        if self.fails("Hessian") {
            h[(1, 0)] = self.bad;
        }
    }
}
impl<T: Real> HessianProduct<T> for Faulty<T> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.inner.hessian_product(x, v, out);
        if self.fails("Hessian") {
            out[0] = self.bad;
        }
    }
}

fn survives<T: Real>() {
    for what in ["value", "gradient", "Hessian"] {
        for fault in 1..=20 {
            for bad in [T::NAN, T::of(f64::INFINITY), T::of(f64::NEG_INFINITY)] {
                let mut all = methods::<T, Faulty<T>>();
                all.push(("textbook", Box::new(Newton::pure())));
                for (name, mut method) in all {
                    let inner = Rosenbrock::new(2);
                    let mut f = Faulty { inner, fault, what, calls: 0, bad };
                    let start = dvector![T::of(-1.2), T::one()];
                    let Ok(report) = minimize(&mut *method, &mut f, start, &Stop::default()) else {
                        assert!(fault == 1 && what != "Hessian", "{name} {what} {fault}");
                        continue;
                    };
                    let finite = report.x.iter().all(|x| x.is_finite());
                    assert!(finite && report.value.is_finite() && report.gradient_norm.is_finite(), "{name}");
                    if report.converged() {
                        assert!(
                            (report.x[0] - T::one()).abs() < T::of(1e-2),
                            "{name} {what} {fault}: {report}"
                        );
                    } else {
                        assert_ne!(report.termination, Termination::GradientTolerance);
                    }
                    // one bad value is no reason to give up
                    if what == "value" && fault > 1 && name == "trust region" && bad.is_finite() {
                        assert!(report.converged());
                    }
                }
            }
        }
    }
}

#[test]
fn a_nan_at_any_call_is_survived() {
    survives::<f32>();
    survives::<f64>();
}

#[test]
fn singular_and_huge_hessians() {
    for lambda in
        [&[0.0, 0.0, 1.0][..], &[1e-12, 1e-12, 1.0], &[1e150, 1e150, 1e150], &[1e-150, 1e-150, 1e-150]]
    {
        for quartic in [0.0, 1.0] {
            let f = Well { quartic, ..Well::<f64>::new(lambda) };
            for (name, mut method) in methods::<f64, Well<f64>>() {
                let start = f.center.add_scalar(0.5);
                let report = minimize(&mut *method, &mut f.clone(), start, &Stop::default()).unwrap();
                let ended = report.converged() || report.termination != Termination::GradientTolerance;
                assert!(ended && report.x.iter().all(|x| x.is_finite()), "{name} {lambda:?}: {report}");
                if lambda[2] <= 1.0 && quartic == 0.0 {
                    // along eigenvalues of 1e−12 the steps of the saddle-free method are too short to end within the bound
                    let is_there = report.converged() || name == "saddle-free" && report.value < 1e-33;
                    assert!(is_there, "{name} {lambda:?}: {report}");
                }
            }
        }
    }
}

#[test]
fn large_problems_by_products_alone() {
    let n = 1000;
    let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
    struct Chain(usize);
    impl Objective<f64> for Chain {
        fn dim(&self) -> usize {
            self.0
        }
        // Σ (x_{2i} − x_{2i−1}²)² 100 + (1 − x_{2i−1})²
        fn value_gradient(&mut self, x: &DVector<f64>, g: &mut DVector<f64>) -> f64 {
            (0..self.0 / 2).fold(0.0, |f, k| {
                let (a, b) = (x[2 * k], x[2 * k + 1]);
                let (t, u) = (b - a * a, 1.0 - a);
                (g[2 * k], g[2 * k + 1]) = (-400.0 * a * t - 2.0 * u, 200.0 * t);
                f + 100.0 * t * t + u * u
            })
        }
    }
    impl HessianProduct<f64> for Chain {
        fn hessian_product(&mut self, x: &DVector<f64>, v: &DVector<f64>, out: &mut DVector<f64>) {
            for k in 0..self.0 / 2 {
                let (a, b) = (x[2 * k], x[2 * k + 1]);
                let (p, q) = (v[2 * k], v[2 * k + 1]);
                out[2 * k] = (1200.0 * a * a - 400.0 * b + 2.0) * p - 400.0 * a * q;
                out[2 * k + 1] = -400.0 * a * p + 200.0 * q;
            }
        }
    }
    for report in [
        minimize(&mut NewtonCg::new(), &mut Chain(n), start.clone(), &Stop::default()).unwrap(),
        minimize(&mut SaddleFree::new(), &mut Chain(n), start, &Stop::default()).unwrap(),
    ] {
        assert!(report.converged() && report.kind() == Some(CriticalKind::Minimum), "{report}");
        assert!(report.x.add_scalar(-1.0).amax() < 1e-6);
    }
}

#[test]
fn settings_are_checked_where_a_run_starts() {
    let mut f = Rosenbrock::new(2);
    let start = dvector![-1.2, 1.0];
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            minimize(&mut TrustRegion::new().radius(radius), &mut f, start.clone(), &Stop::default())
                .is_err()
        );
        assert!(
            minimize(&mut NewtonCg::new().radius(radius), &mut f, start.clone(), &Stop::default()).is_err()
        );
    }
    for eta in [-0.1, 0.25, f64::NAN] {
        assert!(
            minimize(&mut TrustRegion::new().acceptance(eta), &mut f, start.clone(), &Stop::default())
                .is_err()
        );
    }
    assert!(minimize(&mut NewtonCg::new().products(0), &mut f, start.clone(), &Stop::default()).is_err());
    assert!(minimize(&mut SaddleFree::new().dimension(0), &mut f, start, &Stop::default()).is_err());
}

/// `(1 − x)² + w (y − x²)²`: along the floor of the valley, of any width, lies nothing but `x = 1`.
struct Valley(f64);

impl<T: Real> Objective<T> for Valley {
    fn dim(&self) -> usize {
        2
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let (w, r, rest) = (T::of(self.0), x[1] - x[0] * x[0], T::one() - x[0]);
        g[0] = T::of(-2.0) * rest - T::of(4.0) * w * r * x[0];
        g[1] = T::of(2.0) * w * r;
        rest * rest + w * r * r
    }
}

impl<T: Real> Hessian<T> for Valley {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        let (w, r) = (T::of(self.0), x[1] - x[0] * x[0]);
        h[(0, 0)] = T::of(2.0) - T::of(4.0) * w * r + T::of(8.0) * w * x[0] * x[0];
        h[(1, 0)] = T::of(-4.0) * w * x[0];
        h[(0, 1)] = h[(1, 0)];
        h[(1, 1)] = T::of(2.0) * w;
    }
}

impl<T: Real> HessianProduct<T> for Valley {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(2, 2);
        self.hessian(x, &mut h);
        h.mul_to(v, out);
    }
}

/// Valleys down to where their curvatures are `1 : 10¹⁷` in f64: whoever says that it has converged is at the minimum.
#[test]
fn narrow_valleys_are_no_minima() {
    fn check<T: Real>(width: f64, far: f64) {
        let mut draw = draw::Draw::new(5);
        for _ in 0..300 {
            let w = 10f64.powf(width * (draw.unit() + 1.0));
            let x = 10f64.powf(far * (draw.unit() + 1.0)) * if draw.unit() < 0.0 { -1.0 } else { 1.0 };
            let start = DVector::from_vec(vec![T::of(x), T::of(x * (1.0 + 0.5 * draw.unit()))]);
            for (name, mut method) in methods::<T, Valley>() {
                let stop = Stop::default().iterations(3000);
                let Ok(report) = minimize(&mut *method, &mut Valley(w), start.clone(), &stop) else {
                    continue;
                };
                let is_there = (report.x[0].f64() - 1.0).abs() < 0.05;
                assert!(!report.converged() || is_there, "{name} {w:e} from {x:e}: {report}");
            }
        }
    }
    check::<f64>(6.0, 1.5);
    check::<f32>(1.25, 0.75);
}

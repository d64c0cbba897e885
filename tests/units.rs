//! No unit decides a run: whatever `f` is multiplied by, a run takes the same steps to the same verdict.

#[path = "support/draw.rs"]
mod draw;
#[path = "support/problems.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod problems;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;
use problems::{Problem, classics, more_garbow_hillstrom};

/// `2ᵏ f`.
#[derive(Clone)]
struct Times<F>(F, f64);

impl<T: Real, F: Objective<T>> Objective<T> for Times<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let value = self.0.value_gradient(x, g);
        g.scale_mut(T::of(self.1));
        value * T::of(self.1)
    }
    fn value(&mut self, x: &DVector<T>) -> T {
        self.0.value(x) * T::of(self.1)
    }
}

impl<T: Real, F: Hessian<T>> Hessian<T> for Times<F> {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        self.0.hessian(x, h);
        h.scale_mut(T::of(self.1));
    }
}

impl<T: Real, F: HessianProduct<T>> HessianProduct<T> for Times<F> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.0.hessian_product(x, v, out);
        out.scale_mut(T::of(self.1));
    }
}

type Method<T, O> = (&'static str, Box<dyn Optimizer<T, O>>);

fn by_gradients<T: Real, O: Objective<T>>() -> Vec<Method<T, O>> {
    vec![
        ("L-BFGS", Box::new(Lbfgs::new())),
        ("BFGS", Box::new(Bfgs::new())),
        ("conjugate gradients", Box::new(ConjugateGradient::new())),
    ]
}

fn by_hessians<T: Real, O: Hessian<T> + HessianProduct<T>>() -> Vec<Method<T, O>> {
    vec![
        ("Newton", Box::new(Newton::new())),
        ("textbook", Box::new(Newton::pure())),
        ("trust region", Box::new(TrustRegion::new())),
        ("Newton-CG", Box::new(NewtonCg::new())),
        ("saddle-free", Box::new(SaddleFree::new())),
    ]
}

fn square<T: Real>(c: T) -> impl Hessian<T> + HessianProduct<T> {
    let two = T::of(2.0);
    Function::new(1, move |x: &DVector<T>, g: &mut DVector<T>| {
        g[0] = two * (c * x[0]);
        c * x[0] * x[0]
    })
    .with_hessian(move |_: &DVector<T>, h: &mut DMatrix<T>| h[0] = two * c)
}

fn solves_squares<T: Real>(scales: &[f64]) {
    for &c in scales {
        let by_hessians = by_hessians::<T, _>().into_iter().map(|method| (method, 1e-6));
        let reached = 1e-6_f64.max(3.0 * T::EPSILON.f64().powf(2.0 / 3.0));
        let by_gradients = by_gradients().into_iter().map(|method| (method, reached));
        for ((name, mut method), reached) in by_hessians.chain(by_gradients) {
            for start in [1000.0, -3.0, 1e-3] {
                let start = DVector::from_element(1, T::of(start));
                let report = minimize(&mut *method, &mut square(T::of(c)), start, &Stop::default()).unwrap();
                // unless all of `f` is below the numbers
                assert!(
                    (report.converged() || report.x[0].abs() < T::EPSILON)
                        && report.x[0].abs() < T::of(reached),
                    "{name} {c:e}: {report} {}",
                    report.x
                );
                // a start next to zero has no size but its own: a few steps go on
                let again = minimize(&mut *method, &mut square(T::of(c)), report.x.clone(), &Stop::default())
                    .unwrap();
                let is_told = again.converged() || report.value == T::zero();
                let is_near = again.x[0].abs() <= report.x[0].abs();
                assert!(is_near && (is_told || again.x[0].abs() < T::EPSILON), "{name} {c:e}: {again}");
            }
        }
    }
}

#[test]
fn a_small_factor_is_no_minimum() {
    solves_squares::<f64>(&[1e-300, 1e-200, 1e-100, 1e-30, 1e-12, 1.0, 1e12, 1e30, 1e100, 1e200, 1e290]);
    solves_squares::<f32>(&[1e-30, 1e-20, 1e-10, 1.0, 1e10, 1e20, 1e30]);
}

/// What must not depend on the unit.
fn outcome<T: Real>(report: &Report<T>) -> (Vec<T>, Termination, usize, usize, bool, optimizer::Probed) {
    let x = report.x.as_slice().to_vec();
    (x, report.termination, report.iterations, report.evaluations, report.converged(), report.probed)
}

fn scales_nothing<T: Real>(f: &Problem, powers: &[i32], counted: &mut [usize; 2]) {
    let start = DVector::from_iterator(f.start.len(), f.start.iter().map(|x| T::of(*x)));
    // in f32 the squares of what is rounding leave the range by and by
    let stop = Stop::default().iterations(if T::EPSILON.f64() < 1e-10 { 100 } else { 60 });
    let methods = || {
        let mut methods = by_hessians::<T, Times<Problem>>();
        methods.extend(by_gradients());
        methods
    };
    let runs = |k: i32| {
        let mut f = Times(f.clone(), 2f64.powi(k));
        methods()
            .into_iter()
            .map(move |(name, mut method)| (name, minimize(&mut *method, &mut f, start.clone(), &stop)))
    };
    let plain: Vec<_> = runs.clone()(0).collect();
    for &k in powers {
        for ((name, plain), (_, scaled)) in plain.iter().zip(runs.clone()(k)) {
            let (Ok(plain), Ok(scaled)) = (plain, scaled) else { continue };
            let is_lost = |report: &Report<T>| {
                report.termination == Termination::NonFinite || report.value.f64().abs() > T::MAX.f64().cbrt()
            };
            if is_lost(plain) || is_lost(&scaled) {
                continue; // it leaves the range
            }
            assert_eq!(outcome(plain), outcome(&scaled), "{name} {} 2^{k}: {plain}\n{scaled}", f.id);
            assert!(
                plain.gradient_norm * T::of(2f64.powi(k)) == scaled.gradient_norm,
                "{name} {} 2^{k}",
                f.id
            );
            if scaled.converged() {
                assert!(scaled.gradient_norm <= scaled.tolerance.max(scaled.floor), "{name} {} 2^{k}", f.id);
                counted[1] += 1;
            }
            counted[0] += 1;
        }
    }
}

#[test]
fn powers_of_two_change_no_step_and_no_verdict() {
    let mut counted = [0; 2];
    for f in more_garbow_hillstrom().iter().chain(&classics()).filter(|f| f.start.len() <= 10) {
        scales_nothing::<f64>(f, &[-61, 100], &mut counted);
        scales_nothing::<f32>(f, &[-9], &mut counted);
    }
    println!("{counted:?}");
    assert!(counted[0] >= 1000 && counted[1] >= 500, "{counted:?}");
}

/// A seeded stream of numbers in [0, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `c (½ Σ λ_i (x_i − m)² + ¼ (Σ (x_i − m))²)`: values and gradients from one end of the range to the other, whose
/// squares and products are beyond it.
fn reaches_bowls<T: Real>(cases: usize, exponent: f64, (span, close): (f64, f64)) -> usize {
    let mut numbers = Numbers(exponent as u64);
    let mut count = 0;
    for _ in 0..cases {
        let n = 1 + (numbers.next() * 5.0) as usize;
        let c = T::of(10f64.powf((2.0 * numbers.next() - 1.0) * exponent));
        let lambda: Vec<T> = (0..n).map(|_| T::of(1.0 + span * numbers.next())).collect();
        let centre = T::of((numbers.next() * 20.0).floor() - 10.0);
        let start = DVector::from_fn(n, |_, _| T::of(numbers.next() * 200.0 - 100.0));
        let f = |x: &DVector<T>, g: &mut DVector<T>| {
            let half = T::of(0.5);
            let sum = x.iter().fold(T::zero(), |sum, x| sum + (*x - centre));
            let mut value = half * half * sum * sum;
            for i in 0..n {
                let d = x[i] - centre;
                value += half * lambda[i] * d * d;
                g[i] = c * (lambda[i] * d + half * sum);
            }
            c * value
        };
        for (name, mut method) in by_gradients() {
            let report =
                minimize(&mut *method, &mut Function::new(n, f), start.clone(), &Stop::default()).unwrap();
            let error = report.x.add_scalar(-centre).amax();
            assert!(report.converged() && error < T::of(close), "{name} {c}: {error} {report}");
            count += 1;
        }
    }
    count
}

#[test]
fn products_of_gradients_stay_in_range() {
    let count =
        reaches_bowls::<f64>(300, 290.0, (100.0, 1e-6)) + reaches_bowls::<f32>(100, 28.0, (20.0, 1e-2));
    assert!(count >= 1000);
}

/// Counts: from here the gradient is 2e255, and its square beyond the range (SciPy's issues 3581 and 5023).
#[test]
fn counts_from_far_away() {
    let t: Vec<f64> = (0..40).map(|i| f64::from(i) * 0.5).collect();
    let y: Vec<f64> =
        t.iter().enumerate().map(|(i, t)| ((0.4 * t - 1.0).exp() + (i % 3) as f64).floor()).collect();
    let mut f = Function::new(2, |b: &DVector<f64>, g: &mut DVector<f64>| {
        g.fill(0.0);
        t.iter().zip(&y).fold(0.0, |sum, (t, y)| {
            let (eta, mean) = (b[0] + b[1] * t, (b[0] + b[1] * t).exp());
            g[0] += mean - y;
            g[1] += (mean - y) * t;
            sum + mean - y * eta
        })
    });
    let start = DVector::from_vec(vec![0.0, 30.0]);
    let mut all = Vec::new();
    for stop in [Stop::default().gradient(1e-5), Stop::default()].map(|stop| stop.iterations(2000)) {
        for (name, mut method) in by_gradients() {
            let report = minimize(&mut *method, &mut f, start.clone(), &stop).unwrap();
            assert!(report.converged() && (report.x[1] - 0.394_850_182_5).abs() < 1e-6, "{name}: {report}");
            all.push(report.x[1]);
        }
    }
    assert_eq!(all.len(), 6);
}

/// `f(x / s)`: the variables in another unit.
struct In<F>(F, f64);

impl<T: Real, F: Objective<T>> Objective<T> for In<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let value = self.0.value_gradient(&(x / T::of(self.1)), g);
        *g /= T::of(self.1);
        value
    }
}

impl<T: Real, F: Hessian<T>> Hessian<T> for In<F> {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        self.0.hessian(&(x / T::of(self.1)), h);
        *h /= T::of(self.1);
        *h /= T::of(self.1);
    }
}

impl<T: Real, F: HessianProduct<T>> HessianProduct<T> for In<F> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        self.0.hessian_product(&(x / T::of(self.1)), &(v / T::of(self.1)), out);
        *out /= T::of(self.1);
    }
}

/// `cosh(x − 1)`, and so far up that a step of length 1 is rounding where the unit is large.
struct Cosh;

impl<T: Real> Objective<T> for Cosh {
    fn dim(&self) -> usize {
        1
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        g[0] = (x[0] - T::one()).sinh();
        (x[0] - T::one()).cosh()
    }
}

impl<T: Real> Hessian<T> for Cosh {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        h[0] = (x[0] - T::one()).cosh();
    }
}

impl<T: Real> HessianProduct<T> for Cosh {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        out[0] = (x[0] - T::one()).cosh() * v[0];
    }
}

fn solves_in<T: Real, F: Hessian<T> + HessianProduct<T>>(
    f: impl Fn() -> F, start: &[f64], exponents: &[i32], close: f64,
) {
    for &exponent in exponents {
        let unit = 10f64.powi(exponent);
        let from = DVector::from_iterator(start.len(), start.iter().map(|x| T::of(x * unit)));
        let methods = by_gradients().into_iter().chain(by_hessians());
        for (name, mut method) in methods {
            let mut f = In(f(), unit);
            let report = minimize(method.as_mut(), &mut f, from.clone(), &Stop::default()).expect("finite");
            let off = (&report.x / T::of(unit)).map(|x| (x.f64() - 1.0).abs()).amax();
            assert!(report.converged() && off <= close, "{name}, 1e{exponent}: {off:e}\n{report}");
        }
    }
}

/// From nanometres to light years: the minimum is found, and no start is called one.
#[test]
fn the_unit_of_the_variables_does_not_matter() {
    let rosenbrock = || gradus::problems::Rosenbrock::new(2);
    let exponents = [-15, -12, -11, -9, -6, -3, 0, 3, 6, 9];
    solves_in::<f64, _>(rosenbrock, &[-1.2, 1.0], &exponents, 1e-6);
    solves_in::<f32, _>(rosenbrock, &[-1.2, 1.0], &[-8, -6, -4, -2, 0, 2, 4], 2e-2);
    solves_in::<f64, _>(|| Cosh, &[3.0], &[-15, -12, -9, -6, 0, 6, 9, 12, 18], 1e-7);
    solves_in::<f32, _>(|| Cosh, &[3.0], &[-10, -8, -6, -4, 0, 4, 8, 12], 1e-3);
}

/// `1 / (1 + x² + y²)`.
struct Bell;

impl<T: Real> Objective<T> for Bell {
    fn dim(&self) -> usize {
        2
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let q = T::one() + x.dot(x);
        g.copy_from(&(x * (T::of(-2.0) / q / q)));
        T::one() / q
    }
}

impl<T: Real> Hessian<T> for Bell {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        let q = T::one() + x.dot(x);
        h.copy_from(&((x / q) * (x / q).transpose() * (T::of(8.0) / q)));
        h[(0, 0)] -= T::of(2.0) / q / q;
        h[(1, 1)] -= T::of(2.0) / q / q;
    }
}

impl<T: Real> HessianProduct<T> for Bell {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(2, 2);
        self.hessian(x, &mut h);
        out.copy_from(&(h * v));
    }
}

/// `1 / (1 + x² + y²)` falls for ever: however far a run goes, and though the gradient vanishes, it has not converged.
#[test]
fn a_minimum_at_infinity_is_none() {
    fn runs<T: Real>(random: &mut draw::Draw) {
        let start = DVector::from_fn(2, |_, _| T::of(6.0 * random.unit() - 3.0));
        for (name, mut method) in by_gradients().into_iter().chain(by_hessians()) {
            let report =
                minimize(method.as_mut(), &mut Bell, start.clone(), &Stop::default()).expect("finite");
            let at_top = report.x.amax() < T::of(1e-3);
            assert!(!report.converged() || at_top, "{name} from {start}: {report}");
        }
    }
    let mut random = draw::Draw::new(5);
    for _ in 0..30 {
        runs::<f64>(&mut random);
        runs::<f32>(&mut random);
    }
}

/// `f(x / u)`: each variable in a unit of its own.
struct InEach<F>(F, DVector<f64>);

impl<F> InEach<F> {
    fn at<T: Real>(&self, x: &DVector<T>) -> DVector<T> {
        x.zip_map(&self.1, |x, u| x / T::of(u))
    }
}

impl<T: Real, F: Objective<T>> Objective<T> for InEach<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let x = self.at(x);
        let value = self.0.value_gradient(&x, g);
        *g = self.at(g);
        value
    }
    fn value(&mut self, x: &DVector<T>) -> T {
        let x = self.at(x);
        self.0.value(&x)
    }
}

impl<T: Real, F: Hessian<T>> Hessian<T> for InEach<F> {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        let x = self.at(x);
        self.0.hessian(&x, h);
        *h = h.map_with_location(|i, j, h| h / T::of(self.1[i]) / T::of(self.1[j]));
    }
}

/// How many runs have converged, of which no mixture of units made one that has not.
fn converges_in_mixtures<T: Real>(f: &Problem, draw: &mut draw::Draw) -> usize {
    let n = f.start.len();
    let runs = |units: DVector<f64>| {
        let start = DVector::from_fn(n, |i, _| T::of(f.start[i] * units[i]));
        let mut f = InEach(f.clone(), units);
        let newton = minimize(&mut Newton::new(), &mut f, start.clone(), &Stop::default()).unwrap();
        [newton, minimize(&mut TrustRegion::new(), &mut f, start, &Stop::default()).unwrap()]
    };
    let plain = runs(DVector::repeat(n, 1.0));
    for _ in 0..3 {
        let units = DVector::from_fn(n, |_, _| 2f64.powi(draw.below(41) as i32 - 20));
        for (plain, mixed) in plain.iter().zip(runs(units.clone())) {
            assert!(mixed.converged() || !plain.converged(), "{} in {units}: {mixed}\n{plain}", f.id);
        }
    }
    plain.iter().filter(|report| report.converged()).count()
}

/// Parameters in units from a millionth to a million, mixed: what converges by second derivatives does so in all of them.
#[test]
fn mixed_units_change_no_verdict() {
    let mut draw = draw::Draw::new(11);
    let mut count = 0;
    for f in more_garbow_hillstrom().iter().chain(&classics()).filter(|f| f.start.len() <= 10) {
        count += converges_in_mixtures::<f64>(f, &mut draw) + converges_in_mixtures::<f32>(f, &mut draw);
    }
    assert!(count >= 120, "{count}");
}

/// `a Σ h(x_i − 1)`, with Huber's `h`: `½ r²` up to `|r| = 1`, and straight beyond.
struct Straight(usize, f64);

impl<T: Real> Objective<T> for Straight {
    fn dim(&self) -> usize {
        self.0
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let (mut value, a, one, half) = (T::zero(), T::of(self.1), T::one(), T::of(0.5));
        for (x, g) in x.iter().zip(g.iter_mut()) {
            let r = *x - one;
            value += if r.abs() <= one { half * r * r } else { r.abs() - half };
            *g = a * r.clamp(-one, one);
        }
        a * value
    }
}

impl<T: Real> Hessian<T> for Straight {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        h.fill(T::zero());
        for (i, x) in x.iter().enumerate() {
            h[(i, i)] = if (*x - T::one()).abs() <= T::one() { T::of(self.1) } else { T::zero() };
        }
    }
}

/// Where the Hessian is zero a step has no length of its own: it is as long as the variables, in any unit of `f` and `x`.
#[test]
fn where_nothing_curves_no_unit_decides() {
    fn runs<T: Real>(random: &mut draw::Draw, exponent: i32) {
        for case in 0..200 {
            let n = 1 + case % 3;
            let start: Vec<f64> = (0..n).map(|_| random.wide(1, 8)).collect();
            let powers = || 2f64.powi(exponent);
            let (unit, a) = (random.wide(-exponent, exponent).abs().log2().round(), random.unit().abs());
            let (unit, a) = (2f64.powf(unit), powers().powf(2.0 * a - 1.0).log2().round().exp2());
            let from = DVector::from_iterator(n, start.iter().map(|x| T::of(x * unit)));
            for (name, trust) in [("Newton", false), ("TrustRegion", true)] {
                let (mut f, stop) = (In(Straight(n, a), unit), Stop::default());
                let report = match trust {
                    true => minimize(&mut TrustRegion::new(), &mut f, from.clone(), &stop),
                    false => minimize(&mut Newton::new(), &mut f, from.clone(), &stop),
                };
                let report = report.unwrap();
                let off = (&report.x / T::of(unit)).map(|x| (x.f64() - 1.0).abs()).amax();
                assert!(
                    report.converged() && off <= 1e-3,
                    "{name}, {start:?} in {unit:e}, f times {a:e}: {off:e}\n{report}"
                );
            }
        }
    }
    runs::<f64>(&mut draw::Draw::new(7), 40);
    runs::<f32>(&mut draw::Draw::new(8), 12);
}

/// From a start far from the minimum that all units share: steps off saddles and first radii are as long as the variables.
#[test]
fn from_afar_the_same_minimum_is_found_in_any_unit() {
    for exponent in [-40, -20, -10, -3, 0, 3, 10, 20, 40] {
        let unit = 2f64.powi(exponent);
        for trust in [false, true] {
            let mut f = In(gradus::problems::Problem::Beale, unit);
            let (start, stop) = (DVector::from_element(2, 4.0 * unit), Stop::default());
            let report = match trust {
                true => minimize(&mut TrustRegion::new(), &mut f, start, &stop).unwrap(),
                false => minimize(&mut Newton::new(), &mut f, start, &stop).unwrap(),
            };
            let x = &report.x / unit;
            let off = (x[0] - 3.0).abs().max((x[1] - 0.5).abs());
            assert!(report.converged() && off < 1e-6, "2^{exponent}, {trust}: {report}");
        }
    }
}

/// Of weights that are drawn some are small, and how small says nothing of their unit: runs take about as many steps.
#[test]
fn small_weights_of_a_network_are_of_one_unit() {
    let mut draw = draw::Draw::new(23);
    let (mut even, mut mixed) = (0, 0);
    for seed in 0..12 {
        let x = DMatrix::from_fn(6, 80, |_, _| draw.unit());
        let labels: Vec<usize> =
            (0..80).map(|j| ((x[(0, j)] * x[(1, j)] + x[(2, j)]) * 3.0 + 30.0) as usize % 3).collect();
        let network = Network::new(&[6, 8, 3], Activation::Tanh);
        let start: DVector<f64> = network.initial(seed);
        let mut risk = EmpiricalRisk::new(network, CrossEntropy, &x, &labels).unwrap().ridge(1e-3);
        let size = start.amax();
        let least = |least: f64| {
            let at_least = start.map(|w| w.abs().max(0.1 * size).copysign(w + 1e-9));
            at_least.map_with_location(|i, _, w| if i % 3 == 0 { w.signum() * size * least } else { w })
        };
        let (level, small) = (least(2f64.powi(-8)), least(2f64.powi(-14)));
        for (steps, start) in [(&mut even, level), (&mut mixed, small)] {
            let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default()).unwrap();
            *steps += report.iterations;
        }
    }
    println!("{even} steps where a third of the weights is small, {mixed} where it is smaller");
    assert!(4 * mixed <= 5 * even, "{even} {mixed}");
}

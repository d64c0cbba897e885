//! Where gradient and curvature vanish, a look around tells minima from plateaus and inflections.

use gradus::least_squares::{GaussNewton, LevenbergMarquardt, Residuals};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::optimizer::Probed;
use gradus::*;

type Method<T, O> = (&'static str, Box<dyn Optimizer<T, O>>);

fn methods<T: Real, O: Hessian<T> + HessianProduct<T>>() -> Vec<Method<T, O>> {
    vec![
        ("Newton", Box::new(Newton::new())),
        ("trust region", Box::new(TrustRegion::new())),
        ("Newton-CG", Box::new(NewtonCg::new())),
        ("saddle-free", Box::new(SaddleFree::new())),
        ("textbook", Box::new(Newton::pure())),
    ]
}

/// A seeded stream of numbers in [0, 1).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// `c Σ a_i z_i^{k_i}` of the coordinates `z = Q (x − x₀)`, `Q` orthogonal.
#[derive(Clone)]
struct Powers {
    c: f64,
    terms: Vec<(f64, i32)>,
    centre: Vec<f64>,
    q: DMatrix<f64>,
}

impl Powers {
    fn z<T: Real>(&self, x: &DVector<T>) -> DVector<f64> {
        let centred = DVector::from_iterator(x.len(), x.iter().zip(&self.centre).map(|(x, c)| x.f64() - c));
        &self.q * centred
    }
}

impl<T: Real> Objective<T> for Powers {
    fn dim(&self) -> usize {
        self.terms.len()
    }
    fn value_gradient(&mut self, x: &DVector<T>, g: &mut DVector<T>) -> T {
        let z = self.z(x);
        let slope = |((a, k), z): (&(f64, i32), &f64)| {
            self.c * a * f64::from(*k) * if *k == 0 { 0.0 } else { z.powi(k - 1) }
        };
        let slopes = DVector::from_iterator(z.len(), self.terms.iter().zip(z.iter()).map(slope));
        g.copy_from(&self.q.tr_mul(&slopes).map(T::of));
        let value: f64 = self.terms.iter().zip(z.iter()).map(|((a, k), z)| a * z.powi(*k)).sum();
        T::of(self.c * value)
    }
}

impl<T: Real> Hessian<T> for Powers {
    fn hessian(&mut self, x: &DVector<T>, h: &mut DMatrix<T>) {
        let z = self.z(x);
        let second = |((a, k), z): (&(f64, i32), &f64)| {
            self.c * a * f64::from(k * (k - 1)) * if *k < 2 { 0.0 } else { z.powi(k - 2) }
        };
        let diagonal = DVector::from_iterator(z.len(), self.terms.iter().zip(z.iter()).map(second));
        h.copy_from(&(self.q.transpose() * DMatrix::from_diagonal(&diagonal) * &self.q).map(T::of));
    }
}

impl<T: Real> HessianProduct<T> for Powers {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(x.len(), x.len());
        self.hessian(x, &mut h);
        out.gemv(T::one(), &h, v, T::zero());
    }
}

/// A rotation in the plane of each pair of axes, or none.
fn rotation(n: usize, numbers: &mut Numbers) -> DMatrix<f64> {
    let mut q = DMatrix::identity(n, n);
    for i in 1..n {
        let (sin, cos) = (numbers.next() * 6.0).sin_cos();
        let mut plane = DMatrix::identity(n, n);
        (plane[(0, 0)], plane[(0, i)], plane[(i, 0)], plane[(i, i)]) = (cos, -sin, sin, cos);
        q = plane * q;
    }
    q
}

/// From the stationary point itself: with odd powers or negative coefficients it is no minimum, else it is one.
fn tells_powers_apart<T: Real>(cases: usize, seed: u64) -> usize {
    let mut numbers = Numbers(seed);
    let mut count = 0;
    for case in 0..cases {
        let n = 1 + (numbers.next() * 4.0) as usize;
        let falls = case % 2 == 0;
        let mut terms: Vec<(f64, i32)> =
            (0..n).map(|_| (0.5 + numbers.next(), [0, 2, 4, 6][(numbers.next() * 4.0) as usize])).collect();
        if falls {
            terms[0] = [(1.0, 3), (-1.0, 3), (-1.0, 4), (1.0, 5)][case / 2 % 4];
        } else if terms.iter().all(|(_, k)| *k == 0) {
            terms[0].1 = 4;
        }
        let c = 2f64.powi((numbers.next() * 40.0) as i32 - 20);
        let q = if case % 3 == 0 { DMatrix::identity(n, n) } else { rotation(n, &mut numbers) };
        let f = Powers { c, terms, centre: vec![0.0; n], q };
        for (name, mut method) in methods::<T, Powers>() {
            let stop = Stop::default().iterations(100);
            let report = minimize(&mut *method, &mut f.clone(), DVector::zeros(n), &stop).unwrap();
            assert_eq!(report.converged(), !falls, "{name} {:?} {c:e}: {report}", f.terms);
            if !falls {
                assert!(report.iterations == 0 && report.x.amax() == T::zero(), "{name}: {report}");
            }
            count += 1;
        }
        // a method by gradients stays where it is, and does not look around before it is asked to
        let mut f = f.clone();
        let mut report =
            minimize(&mut Lbfgs::<T>::new(), &mut f, DVector::zeros(n), &Stop::default()).unwrap();
        assert!(report.converged() && report.iterations == 0, "{report}");
        report.certify(&mut f).unwrap();
        assert_eq!(report.converged(), !falls, "{:?} {c:e}: {report}", f.terms);
    }
    count
}

#[test]
fn odd_powers_are_left_and_even_ones_kept() {
    let count = tells_powers_apart::<f64>(300, 1) + tells_powers_apart::<f32>(120, 2);
    assert!(count >= 2000);
}

/// `c · shape(x − shift)` in one variable.
fn scalar(
    value: impl Fn(f64) -> f64 + Copy, slope: impl Fn(f64) -> f64, second: impl Fn(f64) -> f64,
) -> impl Hessian<f64> + HessianProduct<f64> {
    Function::new(1, move |x: &DVector<f64>, g: &mut DVector<f64>| {
        g[0] = slope(x[0]);
        value(x[0])
    })
    .with_hessian(move |x: &DVector<f64>, h: &mut DMatrix<f64>| h[0] = second(x[0]))
}

#[test]
fn plateaus_are_no_minima() {
    for c in [1e-200, 1e-12, 1.0, 1e100] {
        for start in [6.0, -9.0, 26.0, 30.0, 40.0, 1e3] {
            for (name, mut method) in methods() {
                let bell = move |x: f64| -c * (-x * x).exp();
                let mut f = scalar(bell, move |x| -2.0 * x * bell(x), move |x| (4.0 * x * x - 2.0) * bell(x));
                let report = minimize(&mut *method, &mut f, dvector![start], &Stop::default()).unwrap();
                assert!(!report.converged() || report.x[0].abs() < 1e-6, "{name} {c:e} {start}: {report}");
            }
        }
        for start in [1e5, 1e10, 1e80, 1e150, -1e150] {
            if c / start / start == 0.0 {
                continue; // nothing is left of the gradient
            }
            for (name, mut method) in methods() {
                let slope = move |x: f64| -c / (1.0 + x * x);
                let mut f = scalar(
                    |x| -c * x.atan(),
                    slope,
                    |x| 2.0 * c / (x * (1.0 + 1.0 / (x * x)).powi(2)) / x / x,
                );
                let report = minimize(&mut *method, &mut f, dvector![start], &Stop::default()).unwrap();
                assert!(!report.converged(), "{name} −atan {c:e} {start:e}: {report}");
            }
        }
        for (name, mut method) in methods() {
            let mut f = scalar(move |x| c * x.powi(3), move |x| 3.0 * c * x * x, move |x| 6.0 * c * x);
            for start in [1.0, 1e-5, 0.0] {
                let report = minimize(&mut *method, &mut f, dvector![start], &Stop::default()).unwrap();
                assert!(!report.converged(), "{name} x³ {c:e} {start:e}: {report}");
            }
        }
    }
}

/// `Σ x_i⁴` from anywhere: no method ends exactly at the minimum, and what is lower beside it is the same minimum.
fn fourth_powers<T: Real>(seed: u64) {
    let mut numbers = Numbers(seed);
    for case in 0..60 {
        let n = 1 + case % 3;
        let start = DVector::from_fn(n, |_, _| T::of(8.0 * numbers.next() - 4.0));
        let f = Powers { c: 1.0, terms: vec![(1.0, 4); n], centre: vec![0.0; n], q: DMatrix::identity(n, n) };
        for (name, mut method) in methods::<T, Powers>() {
            let report = minimize(&mut *method, &mut f.clone(), start.clone(), &Stop::default()).unwrap();
            assert!(report.converged() && report.x.amax() < T::of(1e-3), "{name} from {start}: {report}");
        }
    }
}

#[test]
fn fourth_powers_have_their_minimum() {
    fourth_powers::<f64>(7);
    fourth_powers::<f32>(8);
}

/// Functions of one variable that fall for ever: value, slope and curvature, as they come.
fn falling<T: Real>(which: usize, x: T) -> [T; 3] {
    let (one, two) = (T::one(), T::of(2.0));
    match which {
        0 => {
            let e = (-x).exp();
            [e, -e, e]
        }
        1 => {
            let t = (-x).tanh();
            [t, t * t - one, two * t * (t * t - one)]
        }
        2 => {
            let p = one / (one + x.exp());
            [(-x).max(T::zero()) + (-x.abs()).exp().ln_1p(), -p, p * (one - p)]
        }
        3 => {
            let q = (one + x * x).sqrt();
            [q - x, x / q - one, one / q / q / q]
        }
        4 => {
            let e = (-x).exp();
            let f = (-e).exp();
            [-f, -e * f, e * f * (one - e)]
        }
        _ => [-x * x * x, -T::of(3.0) * x * x, -T::of(6.0) * x],
    }
}

/// `c (φ(u x) + (v y)²)`, or without `y`.
fn beside_a_bowl<T: Real>(
    which: usize, (c, u, v): (T, T, T), n: usize,
) -> impl Hessian<T> + HessianProduct<T> {
    let parts = move |x: &DVector<T>| {
        let y = if n > 1 { x[1] * v } else { T::zero() };
        (falling(which, x[0] * u), y)
    };
    Function::new(n, move |x: &DVector<T>, g: &mut DVector<T>| {
        let ([f, slope, _], y) = parts(x);
        g[0] = c * slope * u;
        if n > 1 {
            g[1] = T::of(2.0) * c * y * v;
        }
        c * (f + y * y)
    })
    .with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
        h.fill(T::zero());
        h[(0, 0)] = c * parts(x).0[2] * u * u;
        if n > 1 {
            h[(1, 1)] = T::of(2.0) * c * v * v;
        }
    })
}

/// However it vanishes far out, by rounding or by underflow: there is no minimum. Methods by gradients can tell of one
/// variable alone.
fn none_is_a_minimum<T: Real>(cases: usize, seed: u64, reach: f64) {
    let mut numbers = Numbers(seed);
    for case in 0..cases {
        let (which, n) = (case % 6, 1 + case / 6 % 2);
        let mut unit = |reach: f64| 2f64.powi(((numbers.next() - 0.5) * 2.0 * reach) as i32);
        let [c, u, v] = [unit(2.0 * reach), unit(reach), unit(reach)].map(T::of);
        let mut start = DVector::from_fn(n, |_, _| T::of(4.0 * numbers.next() - 2.0));
        start[0] /= u;
        if n > 1 {
            start[1] /= v;
        }
        let mut all = methods();
        if n == 1 {
            all.push(("L-BFGS", Box::new(Lbfgs::new())));
            all.push(("BFGS", Box::new(Bfgs::new())));
            all.push(("conjugate gradients", Box::new(ConjugateGradient::new())));
        }
        for (name, mut method) in all {
            let mut f = beside_a_bowl(which, (c, u, v), n);
            let report = minimize(&mut *method, &mut f, start.clone(), &Stop::default()).unwrap();
            assert!(!report.converged(), "{name}, {which} of {n}, units {c} {u} {v}: {report}");
        }
    }
}

#[test]
fn what_falls_for_ever_has_no_minimum() {
    none_is_a_minimum::<f64>(300, 3, 20.0);
    none_is_a_minimum::<f32>(150, 4, 8.0);
}

/// `φ(aᵀx) + Σ_k (b_kᵀx − c_k)²` with integers: it falls for ever along the `d` orthogonal to all `b_k`, which is no axis.
/// Of `which` 6 `φ(u) = −u`: then it has no bound.
fn aslant<T: Real>(which: usize, a: &[f64], d: &[f64]) -> impl Hessian<T> + HessianProduct<T> {
    let n = a.len();
    let a = DVector::from_iterator(n, a.iter().map(|a| T::of(*a)));
    let rows: Vec<DVector<T>> = (1..n)
        .map(|k| {
            DVector::from_fn(n, |i, _| {
                T::of(if i == k - 1 {
                    d[k]
                } else if i == k {
                    -d[k - 1]
                } else {
                    0.0
                })
            })
        })
        .collect();
    let phi = move |u: T| if which == 6 { [-u, -T::one(), T::zero()] } else { falling(which, u) };
    let (two, b) = (T::of(2.0), rows.clone());
    let (slopes, bends) = (a.clone(), a);
    Function::new(n, move |x: &DVector<T>, g: &mut DVector<T>| {
        let [mut f, slope, _] = phi(slopes.dot(x));
        g.copy_from(&(&slopes * slope));
        for (k, b) in b.iter().enumerate() {
            let r = b.dot(x) - T::of(k as f64);
            f += r * r;
            g.axpy(two * r, b, T::one());
        }
        f
    })
    .with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
        h.copy_from(&(&bends * bends.transpose() * phi(bends.dot(x))[2]));
        rows.iter().for_each(|b| *h += b * b.transpose() * two);
    })
}

/// Where one step leads to where a slope has vanished, nothing is known of the way: a small share is still said to converge.
fn none_aslant_is_a_minimum<T: Real>(cases: usize, seed: u64, share: f64) {
    let mut numbers = Numbers(seed);
    let (mut runs, mut converged, mut minima) = (0.0, 0.0, 0.0);
    for case in 0..cases {
        let (which, n) = (case % 7, 2 + case / 7 % 3);
        let mut integer = |zero: bool| loop {
            let k = (numbers.next() * 7.0).floor() - 3.0;
            if zero || k != 0.0 {
                break k;
            }
        };
        let d: Vec<f64> = (0..n).map(|_| integer(false)).collect();
        let a: Vec<f64> = (0..n).map(|_| integer(true)).collect();
        let along: f64 = a.iter().zip(&d).map(|(a, d)| a * d).sum();
        if along == 0.0 {
            continue;
        }
        let start = DVector::from_fn(n, |_, _| T::of((8.0 * numbers.next() - 4.0).round() / 2.0));
        for (name, mut method) in methods() {
            let mut f = aslant(which, &a, &d);
            let report = minimize(&mut *method, &mut f, start.clone(), &Stop::default()).unwrap();
            runs += 1.0;
            converged += f64::from(report.converged());
            let is_minimum = report.converged() && report.kind() == Some(CriticalKind::Minimum);
            minima += f64::from(is_minimum);
            assert!(!(which == 6 && report.converged()), "{name} {a:?} {d:?} {start}: {report}");
        }
    }
    println!("{converged} of {runs} converged, {minima} to a minimum");
    assert!(converged <= share * runs && minima <= 0.25 * share * runs, "{converged}, {minima} of {runs}");
}

#[test]
fn what_falls_along_no_axis_has_no_minimum() {
    none_aslant_is_a_minimum::<f64>(420, 13, 0.04);
    none_aslant_is_a_minimum::<f32>(420, 14, 0.08);
}

/// What the textbook's method ends at is what it is, wherever it came from: a saddle or a maximum is no fall for ever.
#[test]
fn saddles_and_maxima_stay_what_they_are() {
    let (mut numbers, mut count) = (Numbers(9), 0);
    for case in 0..300 {
        let n = 1 + case % 4;
        let sign = |i: usize| if i == 0 || case % 3 == 0 { -1.0 } else { 1.0 };
        let terms = (0..n).map(|i| (sign(i) * (0.5 + i as f64), 2)).collect();
        let q = rotation(n, &mut numbers);
        let mut f = Powers { c: 1.0, terms, centre: vec![0.0; n], q };
        let start = DVector::from_fn(n, |_, _| 20.0 * numbers.next() - 10.0);
        let report = minimize(&mut Newton::pure(), &mut f, start, &Stop::default()).unwrap();
        let is_maximum = n == 1 || case % 3 == 0;
        let kind = if is_maximum { CriticalKind::Maximum } else { CriticalKind::Saddle };
        assert_ne!(report.termination, Termination::Divergence, "{case}: {report}");
        if report.termination.is_stationary() {
            assert_eq!(report.kind(), Some(kind), "{case}: {report}");
            count += 1;
        }
    }
    assert!(count > 250, "{count}");
}

/// From the maximum of `u⁴ − u²`, `u = 2ᵏ x`, in any unit.
fn leaves_in_any_unit<T: Real>(reach: i32, close: f64) {
    for k in -reach..=reach {
        let u = T::of(2f64.powi(k));
        for (name, mut method) in methods().into_iter().take(4) {
            let f = Function::new(1, move |x: &DVector<T>, g: &mut DVector<T>| {
                let z = x[0] * u;
                g[0] = (T::of(4.0) * z * z * z - T::of(2.0) * z) * u;
                z * z * z * z - z * z
            });
            let mut f = f.with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
                let z = x[0] * u;
                h[0] = (T::of(12.0) * z * z - T::of(2.0)) * u * u;
            });
            let report = minimize(&mut *method, &mut f, DVector::zeros(1), &Stop::default()).unwrap();
            let z = (report.x[0] * u).abs().f64();
            assert!(report.converged(), "{name} 2^{k}: {report}");
            assert!((z - 0.5_f64.sqrt()).abs() < close, "{name} 2^{k}: {z}");
        }
    }
}

#[test]
fn a_maximum_is_left_in_any_unit() {
    leaves_in_any_unit::<f64>(60, 1e-8);
    leaves_in_any_unit::<f32>(24, 1e-4);
}

/// Exclusive-or from zeros: no coordinate leads down.
#[test]
fn a_network_of_zeros_is_left() {
    let x = dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
    let y = dmatrix![0.0, 1.0, 1.0, 0.0];
    for units in 2..=8 {
        let network = Network::new(&[2, units, 1], Activation::Tanh);
        let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y).unwrap();
        let start = DVector::zeros(risk.dim());
        for (name, mut method) in methods().into_iter().take(4) {
            let report = minimize(&mut *method, &mut risk, start.clone(), &Stop::default()).unwrap();
            println!("{name} {units}: {} {:e} {}", report.escapes, report.value, report.termination);
            assert!(report.escapes > 0 && report.value < 0.6, "{name} {units}: {report}");
        }
        let pure = minimize(&mut Newton::pure(), &mut risk, start.clone(), &Stop::default()).unwrap();
        assert!(!pure.converged() && pure.probed == Probed::Lower && pure.x == start, "{pure}");
    }
}

/// `r = x² + c`: at 0 the Jacobian vanishes, and that is the minimum.
struct Square(f64);

impl Residuals<f64> for Square {
    fn dim(&self) -> usize {
        1
    }
    fn count(&self) -> usize {
        1
    }
    fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
        r[0] = x[0] * x[0] + self.0;
    }
    fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
        j[(0, 0)] = 2.0 * x[0];
    }
}

#[test]
fn one_point_has_one_reason_whatever_the_way_to_it() {
    for c in [1.0, 1e-3, 1e-6] {
        for start in [0.0, 1.0, -3.0, 100.0] {
            let start = dvector![start];
            let ends = [
                LevenbergMarquardt::new().solve(Square(c), start.clone()).unwrap(),
                GaussNewton::new().solve(Square(c), start).unwrap(),
            ];
            for end in ends {
                assert!(end.converged() && end.x[0].abs() < 1e-3 * c.sqrt(), "{c}: {end} {}", end.x);
            }
        }
        if c < 1.0 {
            continue; // a well narrower than a quarter is not seen
        }
        // r = x² − c is left at 0
        let report = LevenbergMarquardt::new().solve(Square(-c), dvector![0.0]).unwrap();
        assert!(report.converged() && (report.x[0].powi(2) / c - 1.0).abs() < 1e-9, "{report}");
    }
}

/// A bell of height b₁ at b₂, as wide as b₃, far from the data: no parameter has any influence.
struct Bell;

impl Residuals<f64> for Bell {
    fn dim(&self) -> usize {
        3
    }
    fn count(&self) -> usize {
        41
    }
    fn residuals(&mut self, b: &DVector<f64>, r: &mut DVector<f64>) {
        let bell = |h: f64, at: f64, w: f64, t: f64| h * (-(t - at).powi(2) / (2.0 * w * w)).exp();
        for (i, r) in r.iter_mut().enumerate() {
            let t = 840.0 + 0.75 * i as f64;
            *r = bell(b[0], b[1], b[2], t) - bell(60.0, 855.5, 2.0, t);
        }
    }
    fn jacobian(&mut self, b: &DVector<f64>, j: &mut DMatrix<f64>) {
        for i in 0..41 {
            let d = 840.0 + 0.75 * i as f64 - b[1];
            let e = (-d * d / (2.0 * b[2] * b[2])).exp();
            j[(i, 0)] = e;
            j[(i, 1)] = b[0] * e * d / (b[2] * b[2]);
            j[(i, 2)] = b[0] * e * d * d / b[2].powi(3);
        }
    }
}

#[test]
fn a_start_without_influence_is_no_fit() {
    for start in [dvector![1.0, 1.0, 1.0], dvector![60.0, 700.0, 2.0], dvector![60.0, 10.0, 1.0]] {
        let report = LevenbergMarquardt::new().solve(Bell, start.clone()).unwrap();
        assert!(!report.converged() || report.value < 1e-9, "{report}");
        let report = GaussNewton::new().solve(Bell, start).unwrap();
        assert!(!report.converged() || report.value < 1e-9, "{report}");
    }
}

/// `uᵖ e^(−u)` has its minimum at 0, and falls for ever from `u = p` on, until it underflows.
#[test]
fn what_a_long_step_skips_is_no_minimum() {
    let (mut found, mut off) = (0, 0);
    for (p, k, start) in [2, 4].into_iter().flat_map(|p| {
        // not at p itself, a maximum
        let starts = (1..=24).map(|i| f64::from(i) * 0.25 + 0.0625);
        starts.flat_map(move |start| [-30, -8, 0, 8, 30].map(move |k| (p, k, start)))
    }) {
        let unit = 2f64.powi(k);
        let methods: [(&str, Box<dyn Optimizer<f64, _>>); 3] = [
            ("L-BFGS", Box::new(Lbfgs::new())),
            ("BFGS", Box::new(Bfgs::new())),
            ("CG", Box::new(ConjugateGradient::new())),
        ];
        for (name, mut method) in methods {
            let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
                let u = x[0] / unit;
                g[0] = (f64::from(p) - u) * u.powi(p - 1) * (-u).exp() / unit;
                u.powi(p) * (-u).exp()
            });
            let report = minimize(method.as_mut(), &mut f, dvector![start * unit], &Stop::default()).unwrap();
            let is_there = (report.x[0] / unit).abs() < 0.5;
            assert!(!report.converged() || is_there, "{name} {p} {start} in {unit:e}: {report}");
            found += usize::from(report.converged());
            off += usize::from(report.termination == Termination::Divergence);
        }
    }
    println!("{found} {off}");
    assert!(found > 100 && off > 20, "{found} {off}");
}

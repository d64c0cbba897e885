//! Random calls of every room in both scalars: no panic, no NaN behind `Ok`, every loop bounded. Plain random, with a
//! seed a case. A case that has not ended after a minute is a loop without an end: it is named, and the run aborted.
//!
//! Each target runs for as many seconds as `GRADUS_FUZZ_SECONDS` says (0.3 if it says nothing), from the seed in
//! `GRADUS_FUZZ_SEED` on. Three minutes each, with all checks on:
//!
//! ```text
//! GRADUS_FUZZ_SECONDS=180 cargo test --all-features --test fuzz
//! ```
//!
//! A case that fails prints its seed; put it into [`REGRESSIONS`].

use std::io::Write as _;
use std::marker::PhantomData;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use gradus::check;
use gradus::data::{Standardizer, columns, folds, one_hot, row_major, select, stratified_split};
use gradus::least_squares::Residuals;
use gradus::metrics::{Classification, ConfusionMatrix, Regression};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::univariate::{Brent, Halley, ScalarNewton};
use gradus::*;

/// Target and seed of what once failed; in f32 the same names end in it.
const REGRESSIONS: &[(&str, u64)] =
    &[("univariate", 1095), ("univariate", 225_769), ("univariate", 5_024_572), ("fits", 6), ("fits", 543)];

/// A seeded stream (splitmix64, Steele, Lea and Flood 2014).
struct Random<T>(u64, PhantomData<T>);

impl<T: Real> Random<T> {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.bits() % n as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// Mostly of ordinary size; now and then of any, or none at all.
    fn number(&mut self) -> T {
        let (wide, least, smallest) = match is_double::<T>() {
            true => (1e300, f64::MIN_POSITIVE, 5e-324),
            false => (1e37, f32::MIN_POSITIVE.into(), f32::from_bits(1).into()),
        };
        T::of(match self.below(40) {
            0 => self.unit() * wide,
            1 => self.unit() / wide,
            2 => 0.0,
            3 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, T::MAX.f64(), least, smallest][self.below(6)],
            4 => self.unit() * 10_f64.powi(self.below(40) as i32 - 20),
            5 => self.below(5) as f64,
            _ => 3.0 * self.unit(),
        })
    }

    fn finite(&mut self) -> T {
        Some(self.number()).filter(|x| x.is_finite()).unwrap_or(T::one())
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> DMatrix<T> {
        let wild = self.below(4) == 0;
        DMatrix::from_fn(rows, columns, |_, _| if wild { self.number() } else { T::of(2.0 * self.unit()) })
    }

    fn vector(&mut self, n: usize) -> DVector<T> {
        let matrix = self.matrix(n, 1);
        DVector::from_column_slice(matrix.as_slice())
    }

    fn network(&mut self) -> Network {
        let layers: Vec<_> = (0..1 + self.below(3)).map(|_| (1 + self.below(4), self.activation())).collect();
        Network::with_layers(1 + self.below(3), &layers)
    }

    fn activation(&mut self) -> Activation {
        [
            Activation::Identity,
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Relu,
            Activation::LEAKY_RELU,
            Activation::ELU,
            Activation::Softplus,
            Activation::Gelu,
            Activation::Silu,
        ][self.below(9)]
    }
}

fn is_double<T: Real>() -> bool {
    T::EPSILON.f64() < 1e-10
}

/// Says which case it was, if it was the last.
struct Case(String, u64);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fuzz target {:?}, seed {}", self.0, self.1);
        }
    }
}

/// A case may take a minute; a search in one variable takes milliseconds.
const LONGEST: Duration = Duration::from_secs(60);

/// Names the case it was told last, and aborts, if none is told for too long.
fn watchdog(target: String) -> Sender<u64> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut seed = 0;
        loop {
            match told.recv_timeout(LONGEST) {
                Ok(next) => seed = next,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    // past the capture of what tests print
                    _ = writeln!(std::io::stderr(), "fuzz target {target:?}, seed {seed}: no end in sight");
                    std::process::abort();
                }
            }
        }
    });
    tell
}

fn fuzz<T: Real>(target: &str, mut case: impl FnMut(&mut Random<T>)) {
    let target = if is_double::<T>() { target.to_owned() } else { format!("{target} f32") };
    let setting = |name: &str| std::env::var(name).ok();
    let seconds = setting("GRADUS_FUZZ_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(0.3);
    let first: u64 = setting("GRADUS_FUZZ_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let known = REGRESSIONS.iter().filter(|(name, _)| *name == target).map(|(_, seed)| *seed);
    let mut cases = 0;
    let alive = watchdog(target.clone());
    for seed in known.chain(first..) {
        let _named = Case(target.clone(), seed);
        _ = alive.send(seed);
        case(&mut Random(seed, PhantomData));
        cases += 1;
        if Instant::now() > end {
            break;
        }
    }
    println!("{target}: {cases} cases");
}

fn sound<T: Real>(report: &Report<T>) {
    assert!(report.x.iter().all(|x| x.is_finite()) && !report.value.f64().is_nan(), "{report}");
    assert!(!report.converged() || report.value.is_finite() && report.gradient_norm.is_finite(), "{report}");
    assert!(!report.to_string().is_empty());
    kept(report);
}

/// Whatever a run returns can be saved, and loaded as it was.
#[cfg(feature = "serde")]
fn kept<T: Real>(report: &Report<T>) {
    fn again<T: Real + serde::Serialize + serde::de::DeserializeOwned>(report: &dyn std::any::Any) {
        let Some(report) = report.downcast_ref::<Report<T>>() else { return };
        let text = serde_json::to_string(report).unwrap();
        let loaded: Report<T> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(loaded.to_string(), report.to_string());
    }
    again::<f64>(report);
    again::<f32>(report);
}

#[cfg(not(feature = "serde"))]
fn kept<T: Real>(_: &Report<T>) {}

/// A function of one variable, smooth pieces between random knots.
fn pieces<T: Real>(random: &mut Random<T>) -> impl Fn(T) -> (T, T, T) + Clone + use<T> {
    let parts: Vec<[T; 4]> =
        (0..1 + random.below(4)).map(|_| std::array::from_fn(|_| random.number())).collect();
    let (three, six) = (T::of(3.0), T::of(6.0));
    move |x: T| {
        let part = parts.iter().find(|part| x < part[3]).unwrap_or(&parts[0]);
        let [a, b, c, d] = *part;
        let u = x - d;
        (a + b * u + c * u * u * u, b + three * c * u * u, six * c * u)
    }
}

fn univariate<T: Real>() {
    fuzz::<T>("univariate", |random| {
        let (g, start, tolerance) = (pieces(random), random.number(), random.number().abs());
        let (a, b, bound) = (random.number(), random.number(), random.below(300));
        let newton = ScalarNewton::new().tolerance(tolerance).iterations(bound);
        let pure = ScalarNewton::pure().tolerance(tolerance).iterations(bound);
        let brent = Brent::new().tolerance(tolerance).iterations(bound);
        let f = |x: T| (g(x).0, g(x).1);
        let reports = [
            newton.minimum(&g, start),
            newton.bracket(a, b).minimum(&g, start),
            pure.minimum(&g, start),
            newton.root(f, start),
            newton.bracket(a, b).root(f, start),
            pure.root(f, start),
            Halley::new().tolerance(tolerance).iterations(bound).root(&g, start),
            brent.root(|x| g(x).0, (a, b)),
            brent.minimum(|x| g(x).0, (a, b)),
        ];
        for report in reports.into_iter().flatten() {
            assert!(
                report.x.is_finite() && report.iterations <= bound && report.evaluations < 400 * (bound + 10),
                "{report}"
            );
            assert!(!report.converged() || report.value.is_finite(), "{report}");
        }
    });
}

/// Polynomials in several variables whose derivatives may lie.
struct Polynomial<T> {
    a: DMatrix<T>,
    b: DVector<T>,
    cubic: T,
    lie: T,
    spoilt: usize,
    calls: usize,
}

impl<T: Real> Polynomial<T> {
    fn new(random: &mut Random<T>, n: usize) -> Self {
        let root = random.matrix(n, n);
        let a = if random.below(2) == 0 { root.tr_mul(&root) } else { &root + root.transpose() };
        let lie = if random.below(4) == 0 { random.number() } else { T::one() };
        let spoilt = if random.below(4) == 0 { 1 + random.below(20) } else { usize::MAX };
        Self { a, b: random.vector(n), cubic: random.number() * T::of(0.1), lie, spoilt, calls: 0 }
    }
}

impl<T: Real> Objective<T> for Polynomial<T> {
    fn dim(&self) -> usize {
        self.b.len()
    }
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.calls += 1;
        let ax = &self.a * x;
        gradient.copy_from(&((&ax - &self.b + x.map(|x| T::of(3.0) * self.cubic * x * x)) * self.lie));
        if self.calls == self.spoilt {
            return T::NAN;
        }
        T::of(0.5) * ax.dot(x) - self.b.dot(x) + self.cubic * x.map(|x| x * x * x).sum()
    }
}

impl<T: Real> Hessian<T> for Polynomial<T> {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        hessian.copy_from(&(&self.a + DMatrix::from_diagonal(&x.map(|x| T::of(6.0) * self.cubic * x))));
    }
}

impl<T: Real> HessianProduct<T> for Polynomial<T> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        out.copy_from(&(&self.a * v + x.component_mul(v) * T::of(6.0) * self.cubic));
    }
}

fn method<T: Real>(random: &mut Random<T>) -> Box<dyn Optimizer<T, Polynomial<T>>> {
    let setting = random.number();
    match random.below(14) {
        0 => Box::new(GradientDescent::new(setting)),
        1 => Box::new(GradientDescent::new(T::of(0.1)).momentum(setting)),
        2 => Box::new(Adam::new(setting)),
        3 => Box::new(AdaGrad::new(setting)),
        4 => Box::new(RmsProp::new(setting)),
        5 => Box::new(Lbfgs::new().memory(random.below(5))),
        6 => Box::new(Bfgs::new()),
        7 => Box::new(ConjugateGradient::new()),
        8 => Box::new(Newton::new()),
        9 => Box::new(Newton::pure()),
        10 => Box::new(TrustRegion::new()),
        11 => Box::new(NewtonCg::new()),
        12 => Box::new(Lbfgs::new().wolfe(setting)),
        _ => Box::new(SaddleFree::new().dimension(random.below(5))),
    }
}

fn runs<T: Real>() {
    fuzz::<T>("runs", |random| {
        let n = random.below(5);
        let (mut f, start, mut method) = (Polynomial::new(random, n), random.vector(n), method(random));
        let stop = Stop::default().iterations(random.below(60)).trace(random.below(2) == 0);
        let stop = if random.below(3) == 0 { stop.gradient(random.number()) } else { stop };
        let stop = if random.below(3) == 0 { stop.evaluations(random.below(60)) } else { stop };
        if let Ok(report) = minimize(&mut *method, &mut f, start.clone(), &stop) {
            sound(&report);
        }
        let mut x = start;
        _ = method.step(&mut f, &mut x);
    });
}

fn critical_points<T: Real>() {
    fuzz::<T>("critical points", |random| {
        let n = random.below(6);
        let matrix = random.matrix(n, n);
        let symmetric =
            if random.below(3) == 0 { matrix } else { (&matrix + matrix.transpose()) * T::of(0.5) };
        if let Ok(point) = CriticalPoint::classify(&symmetric) {
            let values = point.eigenvalues();
            assert!(values.iter().all(|value| value.is_finite()), "{values}");
            assert!(values.as_slice().windows(2).all(|pair| pair[0] <= pair[1]), "{values}");
            assert_eq!(point.inertia.positive + point.inertia.zero + point.inertia.negative, n);
        }
        let mut f = Polynomial::new(random, n);
        _ = CriticalPoint::of(&mut f, &random.vector(n));
    });
}

fn checks<T: Real>() {
    fuzz::<T>("checks", |random| {
        let n = random.below(4);
        let (mut f, x) = (Polynomial::new(random, n), random.vector(n));
        let g = pieces(random);
        let mut scalar = Function::new(1, |x: &DVector<T>, out: &mut DVector<T>| {
            out[0] = g(x[0]).1;
            g(x[0]).0
        });
        let reports = [
            check::gradient(&mut f, &x),
            check::hessian(&mut f, &x),
            check::hessian_product(&mut f, &x),
            check::gradient(&mut scalar, &DVector::from_element(1, random.finite())),
        ];
        for report in reports.into_iter().flatten() {
            assert!(!report.to_string().is_empty() && report.worst().is_some());
        }
        let network = random.network();
        let (theta, samples) = (network.initial::<T>(random.bits()), random.below(4));
        let x = random.matrix(network.inputs(), samples);
        _ = check::model(&network, &theta, &x);
        _ = check::second_order_model(&network, &theta, &x);
        _ = check::input_gradient(&network, &theta, &x);
    });
}

/// Targets that suit all losses: zeros and ones, one a column; or anything.
fn targets<T: Real>(random: &mut Random<T>, k: usize, m: usize) -> DMatrix<T> {
    if random.below(4) == 0 {
        return random.matrix(k, m);
    }
    let class: Vec<usize> = (0..m).map(|_| random.below(k.max(2))).collect();
    DMatrix::from_fn(k, m, |i, j| if class[j] == i { T::one() } else { T::zero() })
}

fn risks<T: Real>() {
    fuzz::<T>("risks", |random| {
        let network = random.network();
        let m = random.below(20);
        let (x, y) = (random.matrix(network.inputs(), m), targets(random, network.outputs(), m));
        let theta = if random.below(2) == 0 {
            network.initial(random.bits())
        } else {
            random.vector(network.parameter_count())
        };
        let weights: Vec<T> = (0..m).map(|_| random.number().abs()).collect();
        fn all<T: Real, L: SecondOrderLoss<T>>(
            network: Network, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>), theta: &DVector<T>, weights: &[T],
            ridge: T,
        ) -> Option<()> {
            let risk = EmpiricalRisk::new(network, loss, x, y).ok()?;
            let mut risk = risk.with_weights(weights).ok()?.ridge(ridge);
            let p = theta.len();
            let (mut g, mut h, mut hv) = (DVector::zeros(p), DMatrix::zeros(p, p), DVector::zeros(p));
            _ = risk.value_gradient(theta, &mut g);
            _ = risk.value(theta);
            risk.hessian(theta, &mut h);
            risk.hessian_product(theta, &g, &mut hv);
            let stop = Stop::default().iterations(5);
            sound(&minimize(&mut TrustRegion::new(), &mut risk, theta.clone(), &stop).ok()?);
            Some(())
        }
        let (data, ridge) = ((&x, &y), random.number());
        _ = match random.below(4) {
            0 => all(network, SquaredError, data, &theta, &weights, ridge),
            1 => all(network, LogLoss, data, &theta, &weights, ridge),
            2 => all(network, CrossEntropy, data, &theta, &weights, ridge),
            _ => all(network, Huber::default(), data, &theta, &weights, ridge),
        };
    });
}

fn fits<T: Real>() {
    fuzz::<T>("fits", |random| {
        let (n, k, m) = (1 + random.below(4), 1 + random.below(3), random.below(25));
        let (x, y, other) = (random.matrix(n, m), targets(random, k, m), random.matrix(n, 3));
        if let Ok(fitted) = Perceptron::new(n).with_outputs(k).fit(&x, &y) {
            sound(&fitted.report);
            if let Ok(predicted) = fitted.predict(&other) {
                assert!(!predicted.iter().any(|y| y.f64().is_nan()), "{predicted}");
            }
            _ = fitted.score(&x, &y);
        }
        if let Ok(fitted) = SigmoidClassifier::new(n).with_outputs(k).fit(&x, &y) {
            sound(&fitted.report);
            if let Ok(predicted) = fitted.predict(&other) {
                assert!(predicted.iter().all(|y| (0.0..=1.0).contains(&y.f64())), "{predicted}");
            }
            _ = fitted.classify(&other);
        }
        let softmax = Perceptron::new(n).with_outputs(k);
        if let Ok(Ok(fitted)) =
            EmpiricalRisk::new(softmax, CrossEntropy, &x, &y).map(|risk| risk.ridge(T::of(0.1)).fit())
        {
            sound(&fitted.report);
        }
    });
}

fn statistics<T: Real>() {
    fuzz::<T>("statistics", |random| {
        let (n, m) = (1 + random.below(3), 1 + random.below(20));
        let (x, y, level) = (random.matrix(n, m), targets(random, 1, m), random.number());
        if let Ok(mut risk) = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, &y) {
            let theta = risk.fit().map_or(random.vector(n + 1), |fitted| fitted.parameters().clone());
            if let Ok(statistics) = risk.statistics(&theta) {
                _ = (
                    statistics.p_values(),
                    statistics.ratios(),
                    statistics.confidence_intervals(level.f64()),
                );
                assert!(statistics.standard_errors.iter().all(|error| error.f64() >= 0.0), "{statistics:?}");
            }
        }
        if let Ok(mut risk) = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y) {
            let theta = risk.fit().map_or(random.vector(n + 1), |fitted| fitted.parameters().clone());
            _ = risk.statistics(&theta);
        }
    });
}

fn training<T: Real>() {
    fuzz::<T>("training", |random| {
        let network = random.network();
        let m = random.below(20);
        let (x, y) = (random.matrix(network.inputs(), m), targets(random, network.outputs(), m));
        let Ok(mut risk) = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y) else { return };
        let start = network.initial(random.bits());
        let trainer =
            Trainer::new(Adam::new(random.number())).epochs(random.below(4)).batch_size(random.below(9));
        if let Ok((fitted, _)) = trainer.seed(random.bits()).train(&mut risk, start) {
            assert!(fitted.parameters().iter().all(|t| t.is_finite()));
        }
    });
}

/// `rᵢ = Σ aᵢⱼ xⱼ + cᵢ xᵢ² − bᵢ`.
struct Curves<T> {
    a: DMatrix<T>,
    b: DVector<T>,
    c: T,
}

impl<T: Real> Residuals<T> for Curves<T> {
    fn dim(&self) -> usize {
        self.a.ncols()
    }
    fn count(&self) -> usize {
        self.a.nrows()
    }
    fn residuals(&mut self, x: &DVector<T>, r: &mut DVector<T>) {
        let square = x.map(|x| self.c * x * x).sum();
        r.copy_from(&(&self.a * x - &self.b).add_scalar(square));
    }
    fn jacobian(&mut self, x: &DVector<T>, jacobian: &mut DMatrix<T>) {
        jacobian.copy_from(&self.a);
        for (mut column, x) in jacobian.column_iter_mut().zip(x) {
            column.add_scalar_mut(T::of(2.0) * self.c * *x);
        }
    }
}

fn least_squares<T: Real>() {
    fuzz::<T>("least squares", |random| {
        let (m, n) = (random.below(6), random.below(4));
        let mut new = || Curves { a: random.matrix(m, n), b: random.vector(m), c: random.number() };
        let (one, two) = (new(), new());
        let start = random.vector(n);
        let by = [LevenbergMarquardt::new().solve(one, start.clone()), GaussNewton::new().solve(two, start)];
        by.iter().flatten().for_each(sound::<T>);
    });
}

fn data<T: Real>() {
    fuzz::<T>("data", |random| {
        let (n, m) = (random.below(4), random.below(6));
        let x = random.matrix(n, m);
        if let Ok(standardizer) = Standardizer::fit(&x)
            && let Ok(scaled) = standardizer.transform(&x)
        {
            assert!(scaled.iter().all(|x| x.is_finite() && x.abs() <= T::of(1e3)), "{x}{scaled}");
            let z = if random.below(2) == 0 { scaled } else { random.matrix(n, 2) };
            let back = standardizer.inverse(&z).unwrap_or_default();
            assert!(back.iter().all(|x| x.is_finite()), "{z}{back}");
        }
        let labels: Vec<usize> = (0..m).map(|_| random.below(5)).collect();
        _ = one_hot::<T>(&labels, random.below(5));
        let rows: Vec<Vec<T>> =
            (0..n).map(|_| (0..random.below(4)).map(|_| random.number()).collect()).collect();
        _ = columns(&rows);
        _ = row_major(&rows.concat(), random.below(4));
        let (share, k) = (random.number(), random.below(9));
        for (train, test) in
            stratified_split(&labels, share.f64(), 1).into_iter().chain(folds(m, k, 1).into_iter().flatten())
        {
            assert!(!train.is_empty() && !test.is_empty() && train.len() + test.len() == m);
        }
        _ = select(&labels, &[random.below(8)]);
    });
}

fn metrics<T: Real>() {
    fuzz::<T>("metrics", |random| {
        let (k, m) = (random.below(4), random.below(7));
        let mut labels = || (0..m).map(|_| random.below(k + 2)).collect::<Vec<usize>>();
        let (truth, called) = (labels(), labels());
        let weights: Vec<T> =
            (0..m).map(|_| if random.below(3) > 0 { T::one() } else { random.number().abs() }).collect();
        let share = |x: f64| assert!((0.0..=1.0).contains(&x), "{x}");
        if let Ok(counted) = ConfusionMatrix::weighted(&truth, &called, &weights) {
            share(counted.accuracy());
            for scores in
                counted.classes().into_iter().chain([counted.macro_average(), counted.weighted_average()])
            {
                [scores.precision, scores.recall, scores.f1].into_iter().for_each(share);
            }
            assert!(!counted.to_string().contains("NaN"), "{counted}");
        }
        let scores = match random.below(2) {
            0 => random.matrix(k, m),
            _ => DMatrix::from_fn(k, m, |_, _| T::of(random.below(5) as f64 / 4.0)),
        };
        if let Ok(judged) =
            Classification::new(&truth, &scores).and_then(|judged| judged.with_weights(&weights))
        {
            judged.auc().into_iter().for_each(share);
            let rest =
                [judged.log_loss(), judged.brier_score(), judged.calibration(4).map(|t| t.expected_error)];
            assert!(rest.into_iter().flatten().all(|x| x.is_finite()), "{judged}");
            assert!(!judged.to_string().contains("NaN"), "{judged}");
        }
        let judged = Regression::new(&random.matrix(k, m), &random.matrix(k, m));
        if let Ok(judged) = judged.and_then(|judged| judged.with_weights(&weights)) {
            let all = [judged.r2(), judged.mean_absolute_error(), judged.root_mean_squared_error()];
            assert!(all.into_iter().flatten().all(|x| x.is_finite()), "{judged}");
        }
    });
}

#[cfg(feature = "serde")]
fn files<T: Real + serde::Serialize + serde::de::DeserializeOwned>() {
    fuzz::<T>("files", |random| {
        let network = random.network();
        let theta = network.initial::<T>(random.bits());
        let fitted = Fitted::from_parameters(network, SquaredError, theta).unwrap();
        let mut text = serde_json::to_string(&fitted).unwrap().into_bytes();
        let mut nameless = postcard::to_allocvec(&fitted).unwrap();
        for _ in 0..random.below(4) {
            for file in [&mut text, &mut nameless] {
                let at = random.below(file.len().max(1));
                match random.below(3) {
                    0 => file.truncate(at),
                    1 if at < file.len() => file[at] = random.bits() as u8,
                    _ => file.insert(at.min(file.len()), b"0-9[]{}e.,"[random.below(10)]),
                }
            }
        }
        for loaded in [
            serde_json::from_slice::<Fitted<T, Network, SquaredError>>(&text).ok(),
            postcard::from_bytes(&nameless).ok(),
        ]
        .into_iter()
        .flatten()
        {
            let n = loaded.model().inputs();
            if n < 1000 {
                _ = loaded.predict(&DMatrix::repeat(n, 2, T::of(0.5)));
            }
        }
    });
}

macro_rules! in_both {
    ($($(#[$attribute:meta])* $target:ident $f64:ident $f32:ident,)*) => {$(
        $(#[$attribute])*
        #[test]
        fn $f64() {
            $target::<f64>();
        }

        $(#[$attribute])*
        #[test]
        fn $f32() {
            $target::<f32>();
        }
    )*};
}

in_both! {
    univariate univariate_f64 univariate_f32,
    runs runs_f64 runs_f32,
    critical_points critical_points_f64 critical_points_f32,
    checks checks_f64 checks_f32,
    risks risks_f64 risks_f32,
    fits fits_f64 fits_f32,
    statistics statistics_f64 statistics_f32,
    training training_f64 training_f32,
    least_squares least_squares_f64 least_squares_f32,
    data data_f64 data_f32,
    metrics metrics_f64 metrics_f32,
    #[cfg(feature = "serde")]
    files files_f64 files_f32,
}

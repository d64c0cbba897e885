//! Random calls of every room: no panic, no NaN behind `Ok`, every loop bounded. Plain random, with a seed a case.
//!
//! Each target runs for as many seconds as `GRADUS_FUZZ_SECONDS` says (0.3 if it says nothing), from the seed in
//! `GRADUS_FUZZ_SEED` on. Three minutes each, with all checks on:
//!
//! ```text
//! GRADUS_FUZZ_SECONDS=180 cargo test --all-features --test fuzz
//! ```
//!
//! A case that fails prints its seed; put it into [`REGRESSIONS`].

use std::time::{Duration, Instant};

use gradus::check;
use gradus::data::{Standardizer, columns, folds, one_hot, row_major, select, stratified_split};
use gradus::least_squares::Residuals;
use gradus::metrics::{Classification, ConfusionMatrix, Regression};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::univariate::{Brent, Halley, ScalarNewton};
use gradus::*;

/// Target and seed of what once failed.
const REGRESSIONS: &[(&str, u64)] =
    &[("univariate", 1095), ("univariate", 225_769), ("fits", 6), ("fits", 543)];

/// A seeded stream (splitmix64, Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
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
    fn number(&mut self) -> f64 {
        match self.below(40) {
            0 => self.unit() * 1e300,
            1 => self.unit() * 1e-300,
            2 => 0.0,
            3 => [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, f64::MIN_POSITIVE, 5e-324]
                [self.below(6)],
            4 => self.unit() * 10_f64.powi(self.below(40) as i32 - 20),
            5 => self.below(5) as f64,
            _ => 3.0 * self.unit(),
        }
    }

    fn finite(&mut self) -> f64 {
        Some(self.number()).filter(|x| x.is_finite()).unwrap_or(1.0)
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> DMatrix<f64> {
        let wild = self.below(4) == 0;
        DMatrix::from_fn(rows, columns, |_, _| if wild { self.number() } else { 2.0 * self.unit() })
    }

    fn vector(&mut self, n: usize) -> DVector<f64> {
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

/// Says which case it was, if it was the last.
struct Case(&'static str, u64);

impl Drop for Case {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fuzz target {:?}, seed {}", self.0, self.1);
        }
    }
}

fn fuzz(target: &'static str, mut case: impl FnMut(&mut Random)) {
    let setting = |name: &str| std::env::var(name).ok();
    let seconds = setting("GRADUS_FUZZ_SECONDS").and_then(|text| text.parse().ok()).unwrap_or(0.3);
    let first: u64 = setting("GRADUS_FUZZ_SEED").and_then(|text| text.parse().ok()).unwrap_or(1);
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let known = REGRESSIONS.iter().filter(|(name, _)| *name == target).map(|(_, seed)| *seed);
    let mut cases = 0;
    for seed in known.chain(first..) {
        let _named = Case(target, seed);
        case(&mut Random(seed));
        cases += 1;
        if Instant::now() > end {
            break;
        }
    }
    println!("{target}: {cases} cases");
}

fn sound(report: &Report<f64>) {
    assert!(report.x.iter().all(|x| x.is_finite()) && !report.value.is_nan(), "{report}");
    assert!(!report.converged() || report.value.is_finite() && report.gradient_norm.is_finite(), "{report}");
    assert!(!report.to_string().is_empty());
}

/// A function of one variable, smooth pieces between random knots.
fn pieces(random: &mut Random) -> impl Fn(f64) -> (f64, f64, f64) + Clone + use<> {
    let parts: Vec<[f64; 4]> =
        (0..1 + random.below(4)).map(|_| std::array::from_fn(|_| random.number())).collect();
    move |x: f64| {
        let part = parts.iter().find(|part| x < part[3]).unwrap_or(&parts[0]);
        let [a, b, c, d] = *part;
        let u = x - d;
        (a + b * u + c * u * u * u, b + 3.0 * c * u * u, 6.0 * c * u)
    }
}

#[test]
fn univariate() {
    fuzz("univariate", |random| {
        let (g, start, tolerance) = (pieces(random), random.number(), random.number().abs());
        let (a, b, bound) = (random.number(), random.number(), random.below(300));
        let newton = ScalarNewton::new().tolerance(tolerance).iterations(bound);
        let pure = ScalarNewton::pure().tolerance(tolerance).iterations(bound);
        let brent = Brent::new().tolerance(tolerance).iterations(bound);
        let f = |x: f64| (g(x).0, g(x).1);
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
struct Polynomial {
    a: DMatrix<f64>,
    b: DVector<f64>,
    cubic: f64,
    lie: f64,
    spoilt: usize,
    calls: usize,
}

impl Polynomial {
    fn new(random: &mut Random, n: usize) -> Self {
        let root = random.matrix(n, n);
        let a = if random.below(2) == 0 { root.tr_mul(&root) } else { &root + root.transpose() };
        let lie = if random.below(4) == 0 { random.number() } else { 1.0 };
        let spoilt = if random.below(4) == 0 { 1 + random.below(20) } else { usize::MAX };
        Self { a, b: random.vector(n), cubic: random.number() * 0.1, lie, spoilt, calls: 0 }
    }
}

impl Objective<f64> for Polynomial {
    fn dim(&self) -> usize {
        self.b.len()
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        self.calls += 1;
        let ax = &self.a * x;
        gradient.copy_from(&((&ax - &self.b + x.map(|x| 3.0 * self.cubic * x * x)) * self.lie));
        if self.calls == self.spoilt {
            return f64::NAN;
        }
        0.5 * ax.dot(x) - self.b.dot(x) + self.cubic * x.map(|x| x * x * x).sum()
    }
}

impl Hessian<f64> for Polynomial {
    fn hessian(&mut self, x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        hessian.copy_from(&(&self.a + DMatrix::from_diagonal(&x.map(|x| 6.0 * self.cubic * x))));
    }
}

impl HessianProduct<f64> for Polynomial {
    fn hessian_product(&mut self, x: &DVector<f64>, v: &DVector<f64>, out: &mut DVector<f64>) {
        out.copy_from(&(&self.a * v + x.component_mul(v) * 6.0 * self.cubic));
    }
}

fn method(random: &mut Random) -> Box<dyn Optimizer<f64, Polynomial>> {
    let setting = random.number();
    match random.below(14) {
        0 => Box::new(GradientDescent::new(setting)),
        1 => Box::new(GradientDescent::new(0.1).momentum(setting)),
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

#[test]
fn runs() {
    fuzz("runs", |random| {
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

#[test]
fn critical_points() {
    fuzz("critical points", |random| {
        let n = random.below(6);
        let matrix = random.matrix(n, n);
        let symmetric = if random.below(3) == 0 { matrix } else { (&matrix + matrix.transpose()) * 0.5 };
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

#[test]
fn checks() {
    fuzz("checks", |random| {
        let n = random.below(4);
        let (mut f, x) = (Polynomial::new(random, n), random.vector(n));
        let g = pieces(random);
        let mut scalar = Function::new(1, |x: &DVector<f64>, out: &mut DVector<f64>| {
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
        let (theta, samples) = (network.initial::<f64>(random.bits()), random.below(4));
        let x = random.matrix(network.inputs(), samples);
        _ = check::model(&network, &theta, &x);
        _ = check::second_order_model(&network, &theta, &x);
        _ = check::input_gradient(&network, &theta, &x);
    });
}

/// Targets that suit all losses: zeros and ones, one a column; or anything.
fn targets(random: &mut Random, k: usize, m: usize) -> DMatrix<f64> {
    if random.below(4) == 0 {
        return random.matrix(k, m);
    }
    let class: Vec<usize> = (0..m).map(|_| random.below(k.max(2))).collect();
    DMatrix::from_fn(k, m, |i, j| f64::from(u8::from(class[j] == i)))
}

#[test]
fn risks() {
    fuzz("risks", |random| {
        let network = random.network();
        let m = random.below(20);
        let (x, y) = (random.matrix(network.inputs(), m), targets(random, network.outputs(), m));
        let theta = if random.below(2) == 0 {
            network.initial(random.bits())
        } else {
            random.vector(network.parameter_count())
        };
        let weights: Vec<f64> = (0..m).map(|_| random.number().abs()).collect();
        fn all<L: SecondOrderLoss<f64>>(
            network: Network, loss: L, (x, y): (&DMatrix<f64>, &DMatrix<f64>), theta: &DVector<f64>,
            weights: &[f64], ridge: f64,
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

#[test]
fn fits() {
    fuzz("fits", |random| {
        let (n, k, m) = (1 + random.below(4), 1 + random.below(3), random.below(25));
        let (x, y, other) = (random.matrix(n, m), targets(random, k, m), random.matrix(n, 3));
        if let Ok(fitted) = Perceptron::new(n).with_outputs(k).fit(&x, &y) {
            sound(&fitted.report);
            if let Ok(predicted) = fitted.predict(&other) {
                assert!(!predicted.iter().any(|y| y.is_nan()), "{predicted}");
            }
            _ = fitted.score(&x, &y);
        }
        if let Ok(fitted) = SigmoidClassifier::new(n).with_outputs(k).fit(&x, &y) {
            sound(&fitted.report);
            if let Ok(predicted) = fitted.predict(&other) {
                assert!(predicted.iter().all(|y| (0.0..=1.0).contains(y)), "{predicted}");
            }
            _ = fitted.classify(&other);
        }
        let softmax = Perceptron::new(n).with_outputs(k);
        if let Ok(Ok(fitted)) =
            EmpiricalRisk::new(softmax, CrossEntropy, &x, &y).map(|risk| risk.ridge(0.1).fit())
        {
            sound(&fitted.report);
        }
    });
}

#[test]
fn statistics() {
    fuzz("statistics", |random| {
        let (n, m) = (1 + random.below(3), 1 + random.below(20));
        let (x, y, level) = (random.matrix(n, m), targets(random, 1, m), random.number());
        if let Ok(mut risk) = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, &y) {
            let theta = risk.fit().map_or(random.vector(n + 1), |fitted| fitted.parameters().clone());
            if let Ok(statistics) = risk.statistics(&theta) {
                _ = (statistics.p_values(), statistics.ratios(), statistics.confidence_intervals(level));
                assert!(statistics.standard_errors.iter().all(|error| *error >= 0.0), "{statistics:?}");
            }
        }
        if let Ok(mut risk) = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y) {
            let theta = risk.fit().map_or(random.vector(n + 1), |fitted| fitted.parameters().clone());
            _ = risk.statistics(&theta);
        }
    });
}

#[test]
fn training() {
    fuzz("training", |random| {
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
struct Curves {
    a: DMatrix<f64>,
    b: DVector<f64>,
    c: f64,
}

impl Residuals<f64> for Curves {
    fn dim(&self) -> usize {
        self.a.ncols()
    }
    fn count(&self) -> usize {
        self.a.nrows()
    }
    fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
        let square = x.map(|x| self.c * x * x).sum();
        r.copy_from(&(&self.a * x - &self.b).add_scalar(square));
    }
    fn jacobian(&mut self, x: &DVector<f64>, jacobian: &mut DMatrix<f64>) {
        jacobian.copy_from(&self.a);
        for (mut column, x) in jacobian.column_iter_mut().zip(x) {
            column.add_scalar_mut(2.0 * self.c * x);
        }
    }
}

#[test]
fn least_squares() {
    fuzz("least squares", |random| {
        let (m, n) = (random.below(6), random.below(4));
        let mut new = || Curves { a: random.matrix(m, n), b: random.vector(m), c: random.number() };
        let (one, two) = (new(), new());
        let start = random.vector(n);
        let by = [LevenbergMarquardt::new().solve(one, start.clone()), GaussNewton::new().solve(two, start)];
        by.iter().flatten().for_each(sound);
    });
}

#[test]
fn data() {
    fuzz("data", |random| {
        let (n, m) = (random.below(4), random.below(6));
        let x = random.matrix(n, m);
        if let Ok(standardizer) = Standardizer::fit(&x)
            && let Ok(scaled) = standardizer.transform(&x)
        {
            assert!(scaled.iter().all(|x| x.is_finite() && x.abs() <= 1e3), "{x}{scaled}");
            let z = if random.below(2) == 0 { scaled } else { random.matrix(n, 2) };
            let back = standardizer.inverse(&z).unwrap_or_default();
            assert!(back.iter().all(|x| x.is_finite()), "{z}{back}");
        }
        let labels: Vec<usize> = (0..m).map(|_| random.below(5)).collect();
        _ = one_hot::<f64>(&labels, random.below(5));
        let rows: Vec<Vec<f64>> =
            (0..n).map(|_| (0..random.below(4)).map(|_| random.number()).collect()).collect();
        _ = columns(&rows);
        _ = row_major(&rows.concat(), random.below(4));
        let (share, k) = (random.number(), random.below(9));
        for (train, test) in
            stratified_split(&labels, share, 1).into_iter().chain(folds(m, k, 1).into_iter().flatten())
        {
            assert!(!train.is_empty() && !test.is_empty() && train.len() + test.len() == m);
        }
        _ = select(&labels, &[random.below(8)]);
    });
}

#[test]
fn metrics() {
    fuzz("metrics", |random| {
        let (k, m) = (random.below(4), random.below(7));
        let mut labels = || (0..m).map(|_| random.below(k + 2)).collect::<Vec<usize>>();
        let (truth, called) = (labels(), labels());
        let weights: Vec<f64> =
            (0..m).map(|_| if random.below(3) > 0 { 1.0 } else { random.number().abs() }).collect();
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
            _ => DMatrix::from_fn(k, m, |_, _| random.below(5) as f64 / 4.0),
        };
        if let Ok(judged) =
            Classification::new(&truth, &scores).and_then(|judged| judged.with_weights(&weights))
        {
            judged.auc().into_iter().for_each(share);
            let rest =
                [judged.log_loss(), judged.brier_score(), judged.calibration(4).map(|t| t.expected_error)];
            assert!(rest.into_iter().flatten().all(f64::is_finite), "{judged}");
            assert!(!judged.to_string().contains("NaN"), "{judged}");
        }
        let judged = Regression::new(&random.matrix(k, m), &random.matrix(k, m));
        if let Ok(judged) = judged.and_then(|judged| judged.with_weights(&weights)) {
            let all = [judged.r2(), judged.mean_absolute_error(), judged.root_mean_squared_error()];
            assert!(all.into_iter().flatten().all(f64::is_finite), "{judged}");
        }
    });
}

#[cfg(feature = "serde")]
#[test]
fn files() {
    fuzz("files", |random| {
        let network = random.network();
        let theta = network.initial::<f64>(random.bits());
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
            serde_json::from_slice::<Fitted<f64, Network, SquaredError>>(&text).ok(),
            postcard::from_bytes(&nameless).ok(),
        ]
        .into_iter()
        .flatten()
        {
            let n = loaded.model().inputs();
            if n < 1000 {
                _ = loaded.predict(&DMatrix::repeat(n, 2, 0.5));
            }
        }
    });
}

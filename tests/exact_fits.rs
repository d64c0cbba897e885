//! Fits and statistics against exact arithmetic, whatever the units of features and targets, wherever they lie, and in
//! both precisions.

#[path = "support/rational.rs"]
mod rational;

use gradus::data::one_hot;
use gradus::nalgebra::DMatrix;
use gradus::{
    CriticalKind, CrossEntropy, EmpiricalRisk, Error, Huber, LogLoss, Perceptron, Real, Recession,
    SigmoidClassifier, SquaredError, Statistics, Termination,
};
use rational::{Dice, Exact, Table, least_squares, rank};

/// `2ᵏ`, over the whole range.
fn power(k: i64) -> f64 {
    let half = (k / 2) as i32;
    2.0_f64.powi(half) * 2.0_f64.powi(k as i32 - half)
}

fn apart(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected.abs()
}

/// A table of integers, and what is done to it: each feature times a power of two, after a shift; targets times another.
#[derive(Debug)]
struct Case {
    /// Samples in rows, without the bias.
    x: Table,
    y: Vec<i64>,
    bias: bool,
    shift: Vec<i64>,
    units: Vec<i64>,
    unit: i64,
}

impl Case {
    fn draw(dice: &mut Dice, reach: i64, far: &[i64]) -> Self {
        let (n, bias) = (dice.roll(1, 4) as usize, dice.roll(0, 3) > 0);
        let m = n + 1 + dice.roll(0, 8) as usize;
        let mut x: Table = (0..m).map(|_| (0..n).map(|_| dice.roll(-9, 9)).collect()).collect();
        // some columns depend on others
        for j in 0..n {
            let kind = dice.roll(0, 9);
            let (a, b, c) = (dice.roll(0, 3) as usize % n, dice.roll(0, 3) as usize % n, dice.roll(-2, 2));
            for row in &mut x {
                match kind {
                    0 => row[j] = row[a] + c * row[b],
                    1 => row[j] = c,
                    _ => {}
                }
            }
        }
        // some targets are constant, or on a plane
        let kind = dice.roll(0, 5);
        let slope = if kind == 1 { dice.roll(-3, 3) } else { 0 };
        let constant = if bias { dice.roll(-9, 9) } else { 0 };
        let y = x.iter().map(|row| if kind < 2 { slope * row[0] + constant } else { dice.roll(-20, 20) });
        let y = y.collect();
        let mut unit = || dice.roll(0, 1) * dice.roll(-reach, reach);
        let (units, unit) = ((0..n).map(|_| unit()).collect(), unit());
        let mut shift = || if bias { far[dice.roll(0, far.len() as i64 - 1) as usize] } else { 0 };
        let shift = (0..n).map(|_| shift()).collect();
        Self { x, y, bias, shift, units, unit }
    }

    fn with_bias(&self) -> Table {
        let bias = i64::from(self.bias);
        self.x.iter().map(|row| row.iter().copied().chain((0..bias).map(|_| 1)).collect()).collect()
    }

    fn data<T: Real>(&self) -> (DMatrix<T>, DMatrix<T>) {
        let entry = |i: usize, j: usize| (self.x[j][i] + self.shift[i]) as f64 * power(self.units[i]);
        let x = DMatrix::from_fn(self.shift.len(), self.x.len(), |i, j| T::of(entry(i, j)));
        (x, DMatrix::from_fn(1, self.y.len(), |_, j| T::of(self.y[j] as f64 * power(self.unit))))
    }

    fn model(&self) -> Perceptron {
        let model = Perceptron::new(self.shift.len());
        if self.bias { model } else { model.without_bias() }
    }
}

#[test]
fn a_value_out_of_range_is_not_blamed_on_a_learning_rate() {
    let fitted = Perceptron::new(1).fit(&[1.0, 2.0, 3.0, 4.0], &[1e308, -1e308, 1e308, 0.5e308]).unwrap();
    assert_eq!(fitted.report.termination, Termination::NonFinite);
    assert!(fitted.report.to_string().contains("bring features and targets near to 1"), "{}", fitted.report);
}

/// The columns that are named are as many as the rank lacks, and without them it is full.
fn check_named(case: &Case, rank_of_all: usize, columns: &[usize]) {
    let table = case.with_bias();
    assert_eq!(columns.len(), table[0].len() - rank_of_all, "{columns:?} of {case:?}");
    let kept = |row: &Vec<i64>| (0..row.len()).filter(|j| !columns.contains(j)).map(|j| row[j]).collect();
    let rest: Table = table.iter().map(kept).collect();
    assert_eq!(rank(&rest), rank_of_all, "{columns:?} of {case:?}");
}

/// Weights, and the bias where features lie around zero, against the exact ones; the same of their standard errors.
fn check_least_squares<T: Real>(case: &Case, digits: f64) {
    let ((x, y), table) = (case.data::<T>(), case.with_bias());
    let mut risk = EmpiricalRisk::new(case.model(), SquaredError, &x, &y).unwrap();
    let full = rank(&table);
    let fitted = match risk.fit() {
        Err(Error::RankDeficient { rank, expected, columns }) => {
            assert_eq!((rank, expected), (full, table[0].len()), "{case:?}");
            return check_named(case, full, &columns);
        }
        fitted => fitted.unwrap_or_else(|error| panic!("{error}: {case:?}")),
    };
    assert_eq!(full, table[0].len(), "{case:?}");
    let exact = least_squares(&table, &case.y);
    let size = exact.beta.iter().fold(1.0_f64, |size, b| size.max(b.abs()));
    let is_far = case.shift.iter().any(|shift| *shift != 0);
    let known = if is_far { case.shift.len() } else { table[0].len() };
    let unit = |i: usize| power(case.unit) / case.units.get(i).map_or(1.0, |k| power(*k));
    for i in 0..known {
        let found = fitted.parameters()[i].f64() / unit(i);
        assert!((found - exact.beta[i]).abs() <= digits * size, "{found} {:?} {case:?}", exact.beta);
    }
    let report = &fitted.report;
    let is_lost = report.termination == Termination::NonFinite;
    assert!(report.converged() != is_lost && report.value.is_finite() != is_lost, "{report} {case:?}");
    if case.y.len() > table[0].len() {
        check_statistics(case, &exact, risk.statistics(fitted.parameters()), digits);
    }
}

fn check_statistics<T: Real>(case: &Case, exact: &Exact, found: Result<Statistics<T>, Error>, digits: f64) {
    let statistics = match found {
        Err(Error::Range { .. }) => return,
        found => found.unwrap_or_else(|error| panic!("{error}: {case:?}")),
    };
    let p_values = statistics.p_values();
    let far = case.shift.iter().copied().max().unwrap_or(0);
    for i in 0..case.shift.len() {
        let error = statistics.standard_errors[i].f64() * power(case.units[i]) / power(case.unit);
        let p = p_values[i].f64();
        if exact.is_perfect {
            assert!(error < 1e3 * T::EPSILON.f64() * (1e3 + far as f64), "{error} {case:?}");
            assert!(exact.beta[i] != 0.0 || p > 0.05, "zero is significant: {p} {case:?}");
        } else {
            assert!(apart(error, exact.errors[i]) <= digits, "{error} {:?} {case:?}", exact.errors);
            let t = exact.beta[i] / exact.errors[i];
            assert!((0.0..=1.0).contains(&p) && (t.abs() < 30.0 || p < 0.1), "{p} of {t}: {case:?}");
        }
    }
}

#[test]
fn least_squares_are_exact_in_any_unit_and_anywhere() {
    let mut dice = Dice(1);
    for _ in 0..2000 {
        check_least_squares::<f64>(&Case::draw(&mut dice, 240, &[0, 0, 1000, 1 << 20, 1_400_000_000]), 1e-6);
        check_least_squares::<f64>(&Case::draw(&mut dice, 0, &[0, 100]), 1e-10);
        check_least_squares::<f32>(&Case::draw(&mut dice, 25, &[0, 0, 100, 2000]), 2e-2);
    }
}

/// A likelihood's fit, as it is and in other units, elsewhere, and in another order; each the weights in the first units.
struct Copy {
    /// `f64`, or what `f32` makes of it.
    is_double: bool,
    shift: Vec<f64>,
    units: Vec<i64>,
    /// Which sample, feature and class come where.
    samples: Vec<usize>,
    features: Vec<usize>,
    classes: Vec<usize>,
}

impl Copy {
    fn draw(dice: &mut Dice, (n, m, k): (usize, usize, usize), is_double: bool) -> Self {
        let mut order = |count: usize| {
            let mut order: Vec<usize> = (0..count).collect();
            for i in (1..count).rev() {
                order.swap(i, dice.roll(0, i as i64) as usize);
            }
            order
        };
        let (samples, features, classes) = (order(m), order(n), order(k));
        let (reach, far) =
            if is_double { (250, [0.0, 1e3, 1e7, 1.4e9, 1e10]) } else { (30, [0.0, 7.0, 100.0, 1e3, 2e3]) };
        let units = (0..n).map(|_| dice.roll(0, 1) * dice.roll(-reach, reach)).collect();
        let shift = (0..n).map(|_| far[dice.roll(0, 4) as usize]).collect();
        Self { is_double, shift, units, samples, features, classes }
    }

    fn inputs(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        let entry = |i: usize, j: usize| (x[(i, j)] + self.shift[i]) * power(self.units[i]);
        DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| entry(self.features[i], self.samples[j]))
    }

    fn targets(&self, y: &DMatrix<f64>) -> DMatrix<f64> {
        DMatrix::from_fn(y.nrows(), y.ncols(), |i, j| y[(self.classes[i], self.samples[j])])
    }

    /// The weights in the first units, and their order; `k × n`.
    fn back(&self, weights: &DMatrix<f64>) -> DMatrix<f64> {
        let mut first = weights.clone();
        for (i, feature) in self.features.iter().enumerate() {
            for (class, to) in self.classes.iter().enumerate() {
                first[(*to, *feature)] = weights[(class, i)] * power(self.units[*feature]);
            }
        }
        first
    }
}

/// What is compared: whether and why a fit ended, its kind, its weights less their mean over classes, its value.
struct Ending {
    termination: Termination,
    recedes: bool,
    kind: Option<CriticalKind>,
    weights: DMatrix<f64>,
    value: f64,
    p_values: Option<DMatrix<f64>>,
}

fn logistic<T: Real>(x: &DMatrix<T>, y: &DMatrix<T>) -> Result<Ending, Error> {
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(x.nrows()), LogLoss, x, y)?;
    let fitted = risk.fit()?;
    let statistics = risk.statistics(fitted.parameters());
    if fitted.report.termination == Termination::Separable {
        assert!(matches!(statistics, Err(Error::Separable { .. })));
    }
    let p_values = match statistics {
        Ok(statistics) => Some(DMatrix::from_fn(1, x.nrows(), |_, i| statistics.p_values()[i].f64())),
        Err(_) => None,
    };
    Ok(Ending { p_values, ..ending(&fitted.report, &fitted.weights().map(Real::f64)) })
}

fn ending<T: Real>(report: &gradus::Report<T>, weights: &DMatrix<f64>) -> Ending {
    let mean = weights.row_mean();
    let several = weights.nrows() > 1;
    let weights = DMatrix::from_fn(weights.nrows(), weights.ncols(), |i, j| {
        weights[(i, j)] - if several { mean[j] } else { 0.0 }
    });
    let recedes = matches!(report.recession, Recession::Along(_));
    let (termination, kind, value) = (report.termination, report.kind(), report.value.f64());
    Ending { termination, recedes, kind, weights, value, p_values: None }
}

fn softmax<T: Real>(x: &DMatrix<T>, y: &DMatrix<T>) -> Result<Ending, Error> {
    let model = Perceptron::new(x.nrows()).with_outputs(y.nrows());
    let fitted = EmpiricalRisk::new(model, CrossEntropy, x, y)?.fit()?;
    Ok(ending(&fitted.report, &fitted.weights().map(Real::f64)))
}

/// The same verdict and the same weights as those of the first data.
fn compare(copy: &Copy, first: &Ending, found: &Ending, mean: f64) {
    let what = || {
        format!(
            "{:?} {:?} {:?} {:?}: {:?} {:?}",
            copy.shift, copy.units, first.termination, found.termination, first.weights, found.weights
        )
    };
    assert_eq!((first.recedes, first.termination), (found.recedes, found.termination), "{}", what());
    if first.recedes {
        return;
    }
    let tolerance = if copy.is_double { 1e-7 } else { 2e-2 };
    let size = first.weights.amax().max(mean);
    assert!((copy.back(&found.weights) - &first.weights).amax() <= tolerance * size, "{}", what());
    // the value is that at numbers next to the likeliest ones
    assert!(apart(found.value, first.value) <= 100.0 * tolerance, "{}", what());
    if copy.is_double && found.kind.is_some() {
        assert_eq!(first.kind, found.kind, "{}", what());
    }
    if let (Some(first), Some(found)) = (&first.p_values, &found.p_values) {
        let found = DMatrix::from_fn(1, first.len(), |_, i| {
            found[copy.features.iter().position(|f| *f == i).unwrap()]
        });
        assert!((found - first).amax() < if copy.is_double { 1e-5 } else { 5e-2 }, "{}", what());
    }
}

#[test]
fn likelihoods_have_no_unit_and_no_origin() {
    let mut dice = Dice(2);
    let (mut minima, mut separable) = (0, 0);
    for round in 0..1200 {
        let (n, k) = (dice.roll(1, 3) as usize, if round % 2 == 0 { 1 } else { dice.roll(2, 4) as usize });
        let m = 6 + 5 * n * k + dice.roll(0, 12) as usize;
        let x = DMatrix::from_fn(n, m, |_, _| dice.roll(-9, 9) as f64);
        let noise = dice.roll(0, 12);
        let class = |j: usize, dice: &mut Dice| match k {
            1 => usize::from(x[(0, j)] as i64 + dice.roll(-noise, noise) > 0),
            _ => (x[(0, j)] as i64 + 9 + dice.roll(-noise, noise)).clamp(0, 18) as usize * k / 19,
        };
        let labels: Vec<usize> = (0..m).map(|j| class(j, &mut dice)).collect();
        let y = match k {
            1 => DMatrix::from_fn(1, m, |_, j| labels[j] as f64),
            _ => one_hot(&labels, k).unwrap(),
        };
        let fit = |x: &DMatrix<f64>, y: &DMatrix<f64>| if k == 1 { logistic(x, y) } else { softmax(x, y) };
        let first = match fit(&x, &y) {
            Err(Error::OneClass { .. } | Error::NoSamples { .. }) => continue,
            first => first.unwrap(),
        };
        assert!(
            first.recedes || first.termination == Termination::GradientTolerance,
            "{:?}",
            first.termination
        );
        (minima, separable) = (minima + usize::from(!first.recedes), separable + usize::from(first.recedes));
        for is_double in [true, true, false] {
            let copy = Copy::draw(&mut dice, (n, m, k), is_double);
            let (x, y) = (copy.inputs(&x), copy.targets(&y));
            let found = if is_double {
                fit(&x, &y)
            } else {
                let (x, y) = (x.map(|x| x as f32), y.map(|y| y as f32));
                if k == 1 { logistic(&x, &y) } else { softmax(&x, &y) }
            };
            compare(&copy, &first, &found.unwrap(), 1e-2);
        }
    }
    assert!(minima > 300 && separable > 80, "{minima} {separable}");
}

/// A perfect fit leaves no value that steps could be measured by: what is left is rounding of residuals.
#[test]
fn a_robust_line_through_constant_targets() {
    fn check<T: Real>() {
        for c in [5.0, 1000.0, 1.0 / 3.0, 0.1, -7e5, 1e-8] {
            for (delta, ridge) in [(1.0, 0.0), (1.0, 0.1), (1.0, 1.0), (0.01, 0.5), (100.0, 0.1)] {
                let x = [1.0, 2.0, 3.0, 4.0, 7.0].map(T::of);
                let y = [T::of(c); 5];
                let mut risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(delta), &x, &y)
                    .unwrap()
                    .ridge(T::of(ridge));
                let fitted = risk.fit().unwrap();
                let (report, size) = (&fitted.report, T::EPSILON.f64() * c.abs());
                assert!(report.converged() && report.iterations < 200, "{c} {delta} {ridge}: {report}");
                let [w, b] = [report.x[0].f64(), report.x[1].f64()];
                assert!(
                    w.abs() <= 16.0 * size && (b - y[0].f64()).abs() <= 64.0 * size,
                    "{c} {delta}: {report}"
                );
            }
        }
    }
    check::<f64>();
    check::<f32>();
}

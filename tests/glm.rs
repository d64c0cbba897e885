//! Generalised linear models against statsmodels (`tests/data/inference.py`).

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::loss::{Binomial, ElementWise, Gamma, NegativeBinomial, Poisson};
use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::*;
use json::Json;

struct Table<T: Real> {
    x: DMatrix<T>,
    /// With the offset below.
    shifted: DMatrix<T>,
    weights: Vec<T>,
    digits: f64,
}

fn near(what: &str, found: &[f64], expected: &[f64], digits: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= digits * expected.abs(), "{what}: {found:e} {expected:e}");
    }
}

fn doubles<T: Real>(numbers: &DVector<T>) -> Vec<f64> {
    numbers.iter().map(|x| x.f64()).collect()
}

fn agrees<T: Real>(name: &str, golden: &Json, fitted: &Report<T>, told: &Statistics<T>, digits: f64) {
    assert!(fitted.converged(), "{name}: {fitted}");
    assert_eq!(fitted.certificate.as_ref().unwrap().kind, CriticalKind::Minimum);
    near(name, &doubles(&told.estimates), &golden.get("theta").flat(), 10.0 * digits);
    near(name, &doubles(&told.standard_errors), &golden.get("errors").flat(), digits);
    let number = |key: &str| golden.get(key).number();
    let left = told.samples - told.parameters;
    let found = [told.log_likelihood, told.aic(), told.deviance, told.dispersion].map(Option::unwrap);
    near(name, &found, &[number("log"), number("aic"), number("deviance"), number("pearson") / left], digits);
}

fn check<T: Real, L: ElementWise + Clone>(all: &Json, name: &str, loss: L, y: &[f64], table: &Table<T>)
where
    for<'a> EmpiricalRisk<'a, T, Perceptron, L>: Fits<T>,
    for<'a> EmpiricalRisk<'a, T, Offset<Perceptron>, L>: Fits<T>,
{
    let y = DMatrix::from_row_slice(1, y.len(), y).map(T::of);
    let risk = EmpiricalRisk::new(Perceptron::new(4), loss.clone(), &table.x, &y).unwrap();
    let mut risk = risk.with_weights(&table.weights).unwrap();
    assert!(risk.is_convex());
    let report = risk.fits();
    agrees(name, all.get(name), &report, &risk.statistics(&report.x).unwrap(), table.digits);
    let golden = |key: &str| all.get(name).get(key).flat();
    let kinds: &[_] = match name {
        "poisson" => &[(Robust::Hc0, "hc0")],
        "binomial" => {
            &[(Robust::Hc0, "hc0"), (Robust::Hc1, "hc1"), (Robust::Hc2, "hc2"), (Robust::Hc3, "hc3")]
        }
        _ => &[],
    };
    for (robust, key) in kinds {
        let told = risk.robust_statistics(&report.x, *robust).unwrap();
        near(key, &doubles(&told.standard_errors), &golden(key), table.digits);
    }
    if name == "gamma" {
        // against the bias alone, by the deviances
        let ones = DMatrix::repeat(1, y.len(), T::one());
        let mut small =
            EmpiricalRisk::new(Perceptron::new(1).without_bias(), loss.clone(), &ones, &y).unwrap();
        let alone = small.fits();
        let smaller = small.statistics(&alone.x).unwrap();
        let test = risk.statistics(&report.x).unwrap().likelihood_ratio(&smaller).unwrap();
        let number = |key: &str| all.get(name).get(key).number();
        let left = y.len() as f64 - 5.0;
        let ratio = (number("null_deviance") - number("deviance")) / 4.0 / (number("pearson") / left);
        near("ratio", &[test.statistic], &[ratio], 100.0 * table.digits);
        assert_eq!((test.degrees_of_freedom, test.residual_degrees), (4.0, Some(left)));
    }
    if !kinds.is_empty() {
        let groups: Vec<usize> = (0..y.len()).map(|j| j % 17).collect();
        let told = risk.clustered_statistics(&report.x, &groups).unwrap();
        near("clustered", &doubles(&told.standard_errors), &golden("clustered"), table.digits);
    }

    let risk = EmpiricalRisk::new(Offset::new(Perceptron::new(4)), loss, &table.shifted, &y).unwrap();
    let mut risk = risk.with_weights(&table.weights).unwrap();
    assert!(risk.is_convex());
    let report = risk.fits();
    let told = risk.statistics(&report.x).unwrap();
    agrees(name, all.get(&format!("{name}_offset")), &report, &told, table.digits);
    assert_eq!(told.summary(&["bmi", "bp", "s1", "s5"]).unwrap().lines().count(), 9);
}

/// `fit` of the pairs that have one.
trait Fits<T: Real> {
    fn fits(&mut self) -> Report<T>;
}

macro_rules! fits {
    ($($model:ty, $loss:ty;)*) => {$(
        impl<T: Real> Fits<T> for EmpiricalRisk<'_, T, $model, $loss> {
            fn fits(&mut self) -> Report<T> {
                self.fit().unwrap().report
            }
        }
    )*};
}

fits! {
    Perceptron, Poisson; Perceptron, Gamma; Perceptron, NegativeBinomial; Perceptron, Binomial;
    Offset<Perceptron>, Poisson; Offset<Perceptron>, Gamma; Offset<Perceptron>, NegativeBinomial;
    Offset<Perceptron>, Binomial;
}

fn families<T: Real>() {
    let all = Json::parse(&tables::read("tests/data/inference.json"));
    let y = all.get("y").flat();
    let m = y.len();
    let x = DMatrix::from_column_slice(4, m, &all.get("x").flat()).map(T::of);
    let offset = all.get("offset").flat();
    let shifted = DMatrix::from_fn(5, m, |i, j| if i < 4 { x[(i, j)] } else { T::of(offset[j]) });
    let digits = if T::EPSILON.f64() < 1e-10 { 1e-8 } else { 1e-3 };
    let mut table = Table { x, shifted, weights: vec![T::one(); m], digits };
    let counts: Vec<f64> = y.iter().map(|y| (y / 20.0).floor()).collect();
    check(&all, "poisson", Poisson, &counts, &table);
    check(&all, "gamma", Gamma, &y, &table);
    check(&all, "negative_binomial", NegativeBinomial::new(0.4), &counts, &table);
    let (successes, trials) = (all.get("successes").flat(), all.get("trials").flat());
    let shares: Vec<f64> = successes.iter().zip(&trials).map(|(s, n)| s / n).collect();
    table.weights = trials.iter().map(|n| T::of(*n)).collect();
    check(&all, "binomial", Binomial, &shares, &table);
}

#[test]
fn families_as_statsmodels_has_them() {
    families::<f64>();
    families::<f32>();
}

/// Derivatives against differences, and slopes that do not cancel in the tails.
#[test]
fn jets_are_derivatives() {
    fn close(loss: &impl ElementWise, targets: &[f64]) {
        for y in targets {
            for z in [-20.0, -3.0, -0.5, 0.0, 0.3, 2.0, 6.0] {
                let (jet, h) = (loss.jet(z, *y), 1e-5);
                let ends = [loss.jet(z - h, *y), loss.jet(z + h, *y)];
                let size = jet.first.abs().max(jet.second.abs()).max(1e-3 * jet.value.abs());
                let slope = (ends[1].value - ends[0].value) / (2.0 * h);
                let bend = (ends[1].first - ends[0].first) / (2.0 * h);
                assert!((slope - jet.first).abs() < 1e-6 * size, "{z} {y} {slope} {jet:?}");
                assert!((bend - jet.second).abs() < 1e-6 * size, "{z} {y} {bend} {jet:?}");
                assert!(jet.second >= 0.0);
            }
        }
    }
    close(&Poisson, &[0.0, 1.0, 7.0]);
    close(&Gamma, &[0.01, 1.0, 50.0]);
    close(&NegativeBinomial::new(0.3), &[0.0, 2.0, 40.0]);
    close(&Binomial, &[0.0, 0.25, 1.0]);
    // Poisson's is the limit for small α
    let [near, exact]: [f64; 2] =
        [NegativeBinomial::new(1e-9).jet(1.5, 3.0).first, Poisson.jet(1.5, 3.0).first];
    assert!((near - exact).abs() < 1e-7);
}

#[test]
fn counts_that_are_apart_are_named() {
    // all counts of the second group are 0
    let (x, y) = (dmatrix![0.0, 0.0, 0.0, 1.0, 1.0], dmatrix![1.0, 3.0, 2.0, 0.0, 0.0]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y).unwrap();
    let report = risk.fit().unwrap().report;
    assert_eq!(report.termination, Termination::Separable, "{report}");
    assert!(matches!(risk.statistics(&report.x), Err(Error::Separable { .. })));
    let mut risk = risk.ridge(0.01);
    assert!(risk.fit().unwrap().report.converged());
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), NegativeBinomial::new(1.0), &x, &y).unwrap();
    assert_eq!(risk.fit().unwrap().report.termination, Termination::Separable);
    let shares = dmatrix![0.0, 0.0, 0.0, 0.5, 1.0];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Binomial, &x, &shares).unwrap();
    assert_eq!(risk.fit().unwrap().report.termination, Termination::Separable);
    let with_offset = DMatrix::from_rows(&[x.row(0), x.row(0)]);
    let mut risk = EmpiricalRisk::new(Offset::new(Perceptron::new(1)), Poisson, &with_offset, &y).unwrap();
    assert_eq!(risk.fit().unwrap().report.termination, Termination::Separable);
    let nothing = dmatrix![0.0, 0.0, 0.0, 0.0, 0.0];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &nothing).unwrap().ridge(0.1);
    assert_eq!(risk.fit().unwrap_err(), Error::EdgeMean { argument: "y", found: 0.0 });
}

#[test]
fn targets_and_settings_are_judged() {
    let x = dmatrix![0.0, 1.0, 2.0];
    fn refused(loss: impl ElementWise + std::fmt::Debug, x: &DMatrix<f64>, y: &DMatrix<f64>) {
        let error = EmpiricalRisk::new(Perceptron::new(1), loss, x, y).unwrap_err();
        assert!(matches!(error, Error::Label { argument: "y", sample: 1, .. }), "{error}");
    }
    refused(Poisson, &x, &dmatrix![1.0, -1.0, 2.0]);
    refused(Gamma, &x, &dmatrix![1.0, 0.0, 2.0]);
    refused(NegativeBinomial::new(0.5), &x, &dmatrix![1.0, -3.0, 2.0]);
    refused(Binomial, &x, &dmatrix![1.0, 1.5, 0.0]);
    let y = dmatrix![1.0, 1.0, 2.0];
    for alpha in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = EmpiricalRisk::new(Perceptron::new(1), NegativeBinomial::new(alpha), &x, &y).unwrap_err();
        assert!(matches!(error, Error::Setting { name: "alpha", .. }));
    }
}

/// Large counts, and features of any unit: Newton starts from the mean.
#[test]
fn no_unit_decides() {
    let x = dmatrix![0.0, 1.0, 2.0, 3.0, 4.0, 5.0];
    let y = dmatrix![1.0e6, 2.1e6, 3.9e6, 8.2e6, 15.7e6, 32.5e6];
    let mut slopes: Vec<f64> = Vec::new();
    for unit in [1.0, 1e6, 1e-9] {
        for loss in [0, 1] {
            let x = &x * unit;
            let report = match loss {
                0 => EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y).unwrap().fit().unwrap().report,
                _ => EmpiricalRisk::new(Perceptron::new(1), Gamma, &x, &y).unwrap().fit().unwrap().report,
            };
            assert!(report.converged() && report.iterations < 20, "{report}");
            slopes.push(report.x[0] * unit);
        }
    }
    for pair in slopes.chunks(2).skip(1) {
        assert!((pair[0] - slopes[0]).abs() < 1e-9 && (pair[1] - slopes[1]).abs() < 1e-9, "{slopes:?}");
    }
}

/// Targets that are all the same, and as many coefficients as samples: nothing is left of the loss, and that is a minimum,
/// whatever the features are.
#[test]
fn perfect_fits_have_converged() {
    fn told<T: Real>(
        name: &str, x: &DMatrix<T>, y: &DMatrix<T>, fitted: Result<(Report<T>, DMatrix<T>), Error>,
    ) {
        let (report, predicted) = fitted.unwrap();
        assert!(report.converged() && report.iterations <= 60, "{name} {x}{y}{report}");
        let digits = T::EPSILON.f64().sqrt() * 50.0 * y.amax().f64();
        assert!((predicted - y).amax().f64() <= digits, "{name} {x}{y}{report}");
    }
    fn all<T: Real>(x: &DMatrix<f64>, y: &[f64]) {
        let (x, y) = (x.map(T::of), DMatrix::from_fn(1, y.len(), |_, j| T::of(y[j])));
        let shares = &y / T::of(8.0);
        macro_rules! check {
            ($loss:expr, $y:expr) => {
                let fitted = EmpiricalRisk::new(Perceptron::new(x.nrows()), $loss, &x, $y)
                    .and_then(|mut risk| risk.fit())
                    .and_then(|fitted| Ok((fitted.report.clone(), fitted.predict(&x)?)));
                told(stringify!($loss), &x, $y, fitted);
            };
        }
        check!(Poisson, &y);
        check!(Gamma, &y);
        check!(Binomial, &shares);
        check!(NegativeBinomial::new(0.4), &y);
    }
    let mut state = 11_u64;
    let mut roll = |sides: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % sides
    };
    for power in (0..30).step_by(3) {
        let small = 0.5_f64.powi(power);
        let x = dmatrix![1.0, -1.0; small, 0.0];
        all::<f64>(&x, &[5.0, 3.0]);
        all::<f32>(&x, &[5.0, 3.0]);
    }
    all::<f64>(&dmatrix![1.955, 1.566, 1.566, 1.566], &[2.0; 4]);
    for _ in 0..100 {
        let (m, far) = (3 + roll(4) as usize, [0.0, 1.0, 100.0, 1e4][roll(4) as usize]);
        let x = DMatrix::from_fn(1, m, |_, _| far + roll(1 << 20) as f64 / f64::from(1 << 20));
        let y = vec![1.0 + roll(7) as f64; m];
        all::<f64>(&x, &y);
        all::<f32>(&x, &y);
    }
}

/// Two groups of two: means, dispersion `2 δ²` and the log-likelihoods, by mpmath, are closed forms.
#[test]
fn likelihoods_keep_their_digits() {
    let x = [0.0, 0.0, 1.0, 1.0];
    fn told<L: ElementWise + Clone>(x: &[f64; 4], y: [f64; 4], loss: L) -> f64
    where
        for<'a> EmpiricalRisk<'a, f64, Perceptron, L>: Fits<f64>,
    {
        let y = DMatrix::from_row_slice(1, 4, &y);
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), loss, x, &y).unwrap();
        let report = risk.fits();
        risk.statistics(&report.x).unwrap().log_likelihood.unwrap()
    }
    for (k, expected) in
        [(4, 2.258983083843566), (10, 18.891250800948653), (17, 38.299371061946425), (24, 57.70749211757639)]
    {
        let d = 2f64.powi(-k);
        let found = told(&x, [4.0 - 4.0 * d, 4.0 + 4.0 * d, 1.0 - d, 1.0 + d], Gamma);
        near(&format!("gamma {k}"), &[found], &[expected], 1e-9);
    }
    let counts = told(&x, [1.0, 3.0, 2.0, 6.0], NegativeBinomial::new(1e-14));
    near("few counts", &[counts], &[-7.201214250599205], 1e-9);
    let counts = told(&x, [9e11, 11e11, 2e12, 3e12], NegativeBinomial::new(0.01));
    near("many counts", &[counts], &[-111.86177371740445], 1e-9);
}

//! Firth's penalised logistic regression: in closed form, beside 40 digits (`tests/data/firth.py`) and R's published figures.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    CriticalKind, EmpiricalRisk, Error, Fitted, LogLoss, Offset, Real, SigmoidClassifier, Statistics,
    Termination,
};
use serde_json::Value;

use draw::Draw;

#[path = "support/draw.rs"]
mod draw;

struct Case {
    x: DMatrix<f64>,
    y: DMatrix<f64>,
    weights: Vec<f64>,
    bias: bool,
}

type Answer<T> = (Fitted<T, SigmoidClassifier, LogLoss>, Statistics<T>);

impl Case {
    fn fit<T: Real>(&self) -> Result<Answer<T>, Error> {
        let model = SigmoidClassifier::new(self.x.nrows());
        let model = if self.bias { model } else { model.without_bias() };
        let (x, y) = (self.x.map(T::of), self.y.map(T::of));
        let weights: Vec<T> = self.weights.iter().map(|w| T::of(*w)).collect();
        let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y)?.with_weights(&weights)?;
        let fitted = risk.fit_firth()?;
        let statistics = risk.firth_statistics(fitted.parameters())?;
        Ok((fitted, statistics))
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn cases() -> Vec<(String, Case, Value)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/firth.json");
    let all: serde_json::Map<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let of = |case: &Value| {
        let rows: Vec<_> = case["x"].as_array().unwrap().iter().map(numbers).collect();
        let (n, m) = (rows[0].len(), rows.len());
        let x = DMatrix::from_fn(n, m, |i, j| rows[j][i]);
        let y = DMatrix::from_row_slice(1, m, &numbers(&case["y"]));
        Case { x, y, weights: numbers(&case["w"]), bias: case["bias"].as_bool().unwrap() }
    };
    all.into_iter().map(|(name, case)| (name, of(&case), case)).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64, name: &str) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found / expected - 1.0).abs() <= tolerance, "{name}: {found} {expected}");
    }
}

#[test]
fn equal_to_forty_digits() -> Result<(), Error> {
    for (name, case, expected) in cases() {
        let (fitted, statistics) = case.fit::<f64>()?;
        assert!(fitted.report.converged(), "{name}: {}", fitted.report);
        assert_eq!(fitted.report.kind(), Some(CriticalKind::Minimum), "{name}: {}", fitted.report);
        assert!(fitted.report.iterations <= 15, "{name}: {}", fitted.report); // its Hessian is exact
        let (theta, errors) = (numbers(&expected["theta"]), numbers(&expected["errors"]));
        for (i, error) in errors.iter().enumerate() {
            assert!((fitted.parameters()[i] - theta[i]).abs() <= 1e-8 * error, "{name} {}", fitted.report);
        }
        assert_close(statistics.standard_errors.as_slice(), &errors, 1e-9, &name);
        let total: f64 = case.weights.iter().sum();
        let value = expected["value"].as_f64().unwrap();
        assert!((-fitted.report.value * total - value).abs() <= 1e-9 * value.abs(), "{name}");
        if name == "far" {
            continue; // f32 does not hold these features apart
        }
        let (fitted, _) = case.fit::<f32>()?;
        assert!(fitted.report.converged(), "{name}: {}", fitted.report);
        let found: Vec<_> = fitted.parameters().iter().map(|t| f64::from(*t)).collect();
        for (i, error) in errors.iter().enumerate() {
            assert!((found[i] - theta[i]).abs() <= 1e-3 * error, "{name} {}", fitted.report);
        }
    }
    Ok(())
}

/// `logistf` 1.26 and `brglm2` 0.9 on the data of Heinze and Schemper (2002), as their manuals print them.
#[test]
fn endometrial_cancer_as_published() -> Result<(), Error> {
    let (_, case, _) = cases().into_iter().find(|(name, ..)| name == "endometrial").unwrap();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &case.x, &case.y)?;
    assert_eq!(risk.fit()?.report.termination, Termination::Separable); // by neovasculation
    let (fitted, statistics) = case.fit::<f64>()?;
    for (found, published) in fitted.parameters().iter().zip([2.92927, -0.03475, -2.60416, 3.77456]) {
        assert!((found - published).abs() < 5e-6, "{found} {published}");
    }
    for (found, published) in statistics.standard_errors.iter().zip([1.55076, 0.03958, 0.77602, 1.48869]) {
        assert!((found - published).abs() < 5e-6, "{found} {published}");
    }
    Ok(())
}

/// With a parameter for each cell the penalty adds ½ to each count (Firth 1993, section 3.3).
#[test]
fn two_by_two_tables_in_closed_form() -> Result<(), Error> {
    let mut draw = Draw::new(3);
    for case in 0..100 {
        let counts: [f64; 4] = std::array::from_fn(|_| draw.below(6) as f64);
        if counts[0] + counts[1] == 0.0 || counts[2] + counts[3] == 0.0 {
            continue;
        }
        let table = Case {
            x: DMatrix::from_row_slice(1, 4, &[0.0, 0.0, 1.0, 1.0]),
            y: DMatrix::from_row_slice(1, 4, &[0.0, 1.0, 0.0, 1.0]),
            weights: counts.to_vec(),
            bias: true,
        };
        let (fitted, _) = table.fit::<f64>()?;
        let odds = |no: f64, yes: f64| ((yes + 0.5) / (no + 0.5)).ln();
        let bias = odds(counts[0], counts[1]);
        let expected = DVector::from_vec(vec![odds(counts[2], counts[3]) - bias, bias]);
        let distance = (fitted.parameters() - &expected).amax();
        assert!(
            fitted.report.converged() && distance < 1e-9,
            "{case} {counts:?}: {} {expected}",
            fitted.report
        );
    }
    Ok(())
}

/// Scaled and shifted features change nothing but the units of the weights, and separable data are fitted as any.
#[test]
fn no_unit_decides_and_nothing_runs_away() -> Result<(), Error> {
    let mut draw = Draw::new(5);
    for number in 0..60 {
        let (n, m) = (1 + draw.below(3), 8 + draw.below(30));
        let x = DMatrix::from_fn(n, m, |_, _| draw.unit());
        let is_separable = number % 2 == 0;
        let y = DMatrix::from_fn(1, m, |_, j| {
            let above = if is_separable { x[(0, j)] > 0.1 } else { draw.unit() > 0.2 * x[(0, j)] };
            f64::from(u8::from(above))
        });
        let case = Case { x, y, weights: vec![1.0; m], bias: true };
        let (fitted, statistics) = case.fit::<f64>()?;
        assert!(fitted.report.converged() && fitted.parameters().amax() < 1e3, "{number}: {}", fitted.report);
        assert_eq!(fitted.report.kind(), Some(CriticalKind::Minimum), "{number}");
        let scales: Vec<f64> = (0..n).map(|_| draw.wide(-20, 20).abs()).collect();
        let moved = DMatrix::from_fn(n, m, |i, j| (case.x[(i, j)] + 3.0) * scales[i]);
        let moved = Case { x: moved, y: case.y.clone(), weights: case.weights.clone(), bias: true };
        let (other, errors) = moved.fit::<f64>()?;
        assert!(other.report.converged(), "{number}: {}", other.report);
        for (i, scale) in scales.iter().enumerate() {
            let one = [fitted.parameters()[i], statistics.standard_errors[i]];
            let two = [other.parameters()[i] * scale, errors.standard_errors[i] * scale];
            assert!((one[0] - two[0]).abs() < 1e-6 * one[1], "{number}: {one:?} {two:?}");
            assert_close(&two[1..], &one[1..], 1e-6, "the standard error");
        }
    }
    Ok(())
}

#[test]
fn what_has_no_penalty_is_refused() -> Result<(), Error> {
    let x = DMatrix::from_fn(2, 6, |i, j| (j * (i + 1)) as f64); // the second is twice the first
    let y = DMatrix::from_row_slice(1, 6, &[0.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &y)?;
    assert!(matches!(risk.fit_firth(), Err(Error::RankDeficient { rank: 2, expected: 3, .. })));
    let blocks = || std::iter::once(Ok::<_, std::io::Error>((x.clone(), y.clone())));
    let mut stream = EmpiricalRisk::from_stream(SigmoidClassifier::new(2), LogLoss, &blocks)?;
    assert!(matches!(stream.fit_firth(), Err(Error::InMemory { .. })));
    let x = x.rows(0, 1).into_owned();
    let mut ridge = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?.ridge(0.1);
    assert!(matches!(ridge.fit_firth(), Err(Error::Setting { name: "ridge", .. })));
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    let fitted = risk.fit()?;
    let refused = risk.firth_statistics(fitted.parameters());
    assert!(matches!(refused, Err(Error::NotStationary { .. })));
    assert!(matches!(risk.firth_statistics(&DVector::zeros(5)), Err(Error::Length { .. })));
    Ok(())
}

/// `−Σ ℓ − ½ ln det I`, of two features and a bias, by its definition.
fn penalised(x: &DMatrix<f64>, y: &DMatrix<f64>, offset: &[f64], theta: &[f64]) -> f64 {
    let (mut value, mut information) = (0.0, DMatrix::zeros(3, 3));
    for (j, offset) in offset.iter().enumerate() {
        let row = DVector::from_vec(vec![x[(0, j)], x[(1, j)], 1.0]);
        let z = row.dot(&DVector::from_column_slice(theta)) + offset;
        let p = 1.0 / (1.0 + (-z).exp());
        value += y[j] * p.ln() + (1.0 - y[j]) * (1.0 - p).ln();
        information += &row * row.transpose() * (p * (1.0 - p));
    }
    -value - 0.5 * information.determinant().ln()
}

#[test]
fn an_offset_is_added_to_the_scores_and_has_no_coefficient() -> Result<(), Error> {
    let mut draw = Draw::new(11);
    for _ in 0..20 {
        let m = 8 + draw.below(12);
        let features = DMatrix::from_fn(2, m, |_, _| draw.unit());
        let y = DMatrix::from_fn(1, m, |_, j| f64::from(features[(0, j)] + draw.unit() > 0.0));
        let offset: Vec<f64> = (0..m).map(|_| 2.0 * draw.unit()).collect();
        let x = features.clone().insert_row(2, 0.0);
        let fit = |offset: &dyn Fn(usize) -> f64| {
            let x = DMatrix::from_fn(3, m, |i, j| if i == 2 { offset(j) } else { x[(i, j)] });
            let mut risk = EmpiricalRisk::new(Offset::new(SigmoidClassifier::new(2)), LogLoss, &x, &y)?;
            let fitted = risk.fit_firth()?;
            assert!(fitted.report.converged(), "{}", fitted.report);
            let statistics = risk.firth_statistics(fitted.parameters())?;
            Ok::<_, Error>((fitted, statistics))
        };
        // at the minimum of the definition, along each parameter
        let theta = fit(&|j| offset[j])?.0.parameters().clone();
        for i in 0..3 {
            let at = |h: f64| {
                let mut there = theta.clone();
                there[i] += h;
                penalised(&features, &y, &offset, there.as_slice())
            };
            let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
            assert!(slope.abs() < 1e-7, "{slope:e} along {i}");
        }
        // the same for all is another bias
        let (plain, level) = (fit(&|_| 0.0)?, fit(&|_| 1.5)?);
        let same = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &features, &y)?.fit_firth()?;
        assert!((same.parameters() - plain.0.parameters()).amax() < 1e-10);
        assert!((level.0.weights() - plain.0.weights()).amax() < 1e-9);
        assert!(((plain.0.bias() - level.0.bias())[0] - 1.5).abs() < 1e-8);
        let errors = |statistics: &Statistics<f64>| statistics.standard_errors.clone();
        assert!((errors(&level.1) - errors(&plain.1)).amax() < 1e-8);
    }
    Ok(())
}

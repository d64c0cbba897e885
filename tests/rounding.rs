//! What rounding leaves of a fit is no fault of it: its report and its statistics say so, in f64 and in f32.

#[path = "support/draw.rs"]
mod draw;

use draw::Draw;
use gradus::loss::Poisson;
use gradus::nalgebra::DMatrix;
use gradus::*;

/// Features anywhere, targets with noise or without, and weights of one size.
struct Case<T: Real> {
    x: DMatrix<T>,
    y: Vec<T>,
    weights: Vec<T>,
}

fn case<T: Real>(draw: &mut Draw, size: f64) -> Case<T> {
    let (n, m) = (1 + draw.below(3), 6 + draw.below(60));
    let shifts: Vec<f64> = (0..n).map(|_| [0.0, 1.0, 16384.0][draw.below(3)]).collect();
    let x = DMatrix::from_fn(n, m, |i, _| T::of(shifts[i] + (8.0 * draw.unit()).round()));
    let (slope, noise) = (draw.unit(), [0.0, 1e-3, 1.0][draw.below(3)]);
    let y = (0..m).map(|j| T::of(size * (1.0 + slope * (x[(0, j)].f64() - shifts[0]) + noise * draw.unit())));
    let y = y.collect();
    let weight = 10f64.powi(draw.below(7) as i32);
    let weights = (0..m).map(|_| T::of(weight * (1.0 + draw.unit().round().abs()))).collect();
    Case { x, y, weights }
}

/// The figures of the report satisfy what they are documented to.
fn is_within_floor<T: Real>(report: &Report<T>) -> bool {
    report.gradient_norm <= report.tolerance.max(report.floor)
}

fn least_squares<T: Real>(draw: &mut Draw, reach: i32) {
    for number in 0..300 {
        let case = case::<T>(draw, draw_size(number, reach));
        let model = Perceptron::new(case.x.nrows());
        let risk = EmpiricalRisk::new(model, SquaredError, &case.x, &case.y).unwrap();
        let mut risk = risk.with_weights(&case.weights).unwrap();
        let Ok(fitted) = risk.fit() else { continue };
        let report = &fitted.report;
        assert!(!report.converged() || is_within_floor(report), "{number}: {report:?}");
        match risk.statistics(fitted.parameters()) {
            Err(Error::NotStationary { distance, .. }) => panic!("{number}: {distance} {report}"),
            Ok(told) => {
                let f = told.f_test();
                assert!(f.is_none_or(|f| f.statistic.is_finite() && f.statistic >= 0.0), "{number}: {f:?}");
                assert!(
                    told.r_squared.is_none_or(|r| (-1e-6..=1.0).contains(&r)),
                    "{number}: {:?}",
                    told.r_squared
                );
            }
            Err(_) => {}
        }
    }
}

fn draw_size(number: usize, reach: i32) -> f64 {
    10f64.powi([0, reach, -reach][number % 3])
}

#[test]
fn exact_fits_are_as_exact_as_they_say() {
    least_squares::<f64>(&mut Draw::new(81), 60);
    least_squares::<f32>(&mut Draw::new(82), 8);
    let report = Perceptron::new(1).fit(&[1.0, 2.0, 3.0, 4.0], &[2.9, 5.1, 7.0, 9.2]).unwrap().report;
    assert!(report.converged() && is_within_floor(&report) && report.floor < 1e-12, "{report:?}");
}

/// A fit that converged is never refused: there is no further convergence to be had.
fn likelihoods<T: Real>(draw: &mut Draw) {
    for number in 0..150 {
        let Case { x, weights, .. } = case::<T>(draw, 1.0);
        let labels: Vec<usize> = (0..x.ncols()).map(|_| draw.below(2)).collect();
        let risk = EmpiricalRisk::new(SigmoidClassifier::new(x.nrows()), LogLoss, &x, &labels).unwrap();
        let mut risk = risk.with_weights(&weights).unwrap();
        if let Ok(fitted) = risk.fit() {
            told(&fitted.report, risk.statistics(fitted.parameters()), number);
        }
        let largest = 10usize.pow(draw.below(5) as u32);
        let counts: Vec<T> = (0..x.ncols()).map(|_| T::of(draw.below(4 * largest) as f64)).collect();
        let risk = EmpiricalRisk::new(Perceptron::new(x.nrows()), Poisson, &x, &counts).unwrap();
        let mut risk = risk.with_weights(&weights).unwrap();
        if let Ok(fitted) = risk.fit() {
            told(&fitted.report, risk.statistics(fitted.parameters()), number);
        }
    }
}

fn told<T: Real>(report: &Report<T>, statistics: Result<Statistics<T>, Error>, number: usize) {
    if let (true, Err(Error::NotStationary { distance, .. })) = (report.converged(), statistics) {
        panic!("{number}: {distance} {report}");
    }
}

#[test]
fn statistics_of_a_converged_fit_are_not_refused() {
    likelihoods::<f64>(&mut Draw::new(83));
    likelihoods::<f32>(&mut Draw::new(84));
}

#[test]
fn ten_thousand_samples_in_single_precision() {
    let mut draw = Draw::new(85);
    let x = DMatrix::from_fn(3, 10_000, |_, _| (2.0 * draw.unit()) as f32);
    let labels: Vec<usize> = (0..10_000)
        .map(|j| usize::from(x[(0, j)] - 0.5 * x[(1, j)] + 2.0 * draw.unit() as f32 > 0.3))
        .collect();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &x, &labels).unwrap();
    let fitted = risk.fit().unwrap();
    assert!(fitted.report.converged(), "{}", fitted.report);
    risk.statistics(fitted.parameters()).unwrap();
    // what rounding does not explain is refused
    let away = fitted.parameters() * 1.1;
    assert!(matches!(risk.statistics(&away), Err(Error::NotStationary { .. })));
}

fn constant_targets<T: Real>(draw: &mut Draw, reach: i32) {
    for number in 0..200 {
        let Case { x, y, weights } = case::<T>(draw, 1.0);
        let target = T::of([7.0, 4100.0, 256.0, draw.wide(-reach, reach)][number % 4]);
        let y = vec![target; y.len()];
        let risk = EmpiricalRisk::new(Perceptron::new(x.nrows()), SquaredError, &x, &y).unwrap();
        let mut risk = risk.with_weights(&weights).unwrap();
        let Ok(fitted) = risk.fit() else { continue };
        let Ok(told) = risk.statistics(fitted.parameters()) else { continue };
        let measures = [told.r_squared, told.adjusted_r_squared(), told.f_test().map(|f| f.statistic)];
        assert_eq!(measures, [None; 3], "{number}: {target}");
    }
}

#[test]
fn constant_targets_have_no_r_squared() {
    constant_targets::<f64>(&mut Draw::new(86), 60);
    constant_targets::<f32>(&mut Draw::new(87), 10);
}

#[test]
fn a_perfect_fit_has_finite_statistics() {
    let x = [1.0_f64, 2.0, 3.0, 4.0, 5.0];
    let mut risk =
        EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &[3.0, 5.0, 7.0, 9.0, 11.0]).unwrap();
    let fitted = risk.fit().unwrap();
    let told = risk.statistics(fitted.parameters()).unwrap();
    let f = told.f_test().unwrap();
    assert!(f.statistic > 1e20 && f.statistic.is_finite() && f.p_value > 0.0, "{f:?}");
    // F = t² of the one slope
    assert!((f.statistic / (told.ratios()[0] * told.ratios()[0]) - 1.0).abs() < 1e-9, "{f:?}");
    assert!(!told.summary(&["x"]).unwrap().contains("inf"));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &[0.0; 5]).unwrap();
    let fitted = risk.fit().unwrap();
    let told = risk.statistics(fitted.parameters()).unwrap();
    assert_eq!((told.log_likelihood, told.aic(), told.bic(), told.r_squared), (None, None, None, None));
    assert!(!told.summary(&["x"]).unwrap().contains("inf"));
}

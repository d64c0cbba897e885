//! How sure a fit is, and which samples decide it.

use gradus::nalgebra::DVector;
use gradus::{EmpiricalRisk, Error, LogLoss, Perceptron, SigmoidClassifier, SquaredError, vector};

use crate::newton::legend;
use crate::svg::{BLUE, Frame, INK, ORANGE, PALE, Point, Svg};

/// Bands of 95 % around a line and around a probability, by the delta method.
pub(crate) fn confidence() -> Result<String, Error> {
    let mut svg = Svg::new("Confidence bands around a line and around a probability", 720, 350);

    let x = [0.5, 1.0, 1.7, 2.2, 3.1, 3.6, 4.4, 5.2, 5.8, 6.5];
    let y = [1.6, 3.1, 3.2, 5.4, 5.2, 7.7, 8.2, 11.5, 10.9, 13.9];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    let fitted = risk.fit()?;
    let statistics = risk.statistics(fitted.parameters())?;
    let theta = fitted.parameters();
    let error = |at: f64| {
        let slope = vector![at, 1.0];
        slope.dot(&(&statistics.covariance * &slope)).sqrt()
    };
    // Student's quantile for 8 degrees of freedom, from an interval of the crate's own
    let half = statistics.confidence_intervals(0.95)?[(0, 1)] - theta[0];
    let t = half / statistics.standard_errors[0];
    let frame = Frame { corner: [45.0, 30.0], size: [300.0, 240.0], x: [-3.0, 10.0], y: [-8.0, 22.0] };
    let line = |x: f64| theta[0] * x + theta[1];
    band(&mut svg, frame, |x| line(x) - t * error(x), |x| line(x) + t * error(x));
    svg.stroke(&frame.curve(line), BLUE, 2.0);
    svg.stroke(&frame.dots(x.iter().zip(&y).map(|(x, y)| [*x, *y])), INK, 5.0);
    frame.axes(&mut svg, "ŷ = w x + b", &[-2.0, 2.0, 6.0, 10.0], &[0.0, 10.0, 20.0]);

    let hours: Vec<f64> = (0..24).map(|j| 0.25 * f64::from(j) + 0.25).collect();
    let passed = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1];
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
    let fitted = risk.fit()?;
    let statistics = risk.statistics(fitted.parameters())?;
    let theta = fitted.parameters();
    let z = |x: f64, errors: f64| {
        let slope = vector![x, 1.0];
        let error = slope.dot(&(&statistics.covariance * &slope)).sqrt();
        1.0 / (1.0 + (-(theta[0] * x + theta[1] + errors * error)).exp())
    };
    let frame = Frame { corner: [400.0, 30.0], size: [300.0, 240.0], x: [-1.0, 8.0], y: [-0.05, 1.05] };
    band(&mut svg, frame, |x| z(x, -1.96), |x| z(x, 1.96));
    svg.stroke(&frame.curve(|x| z(x, 0.0)), BLUE, 2.0);
    svg.stroke(&frame.dots(hours.iter().zip(&passed).map(|(x, y)| [*x, *y as f64])), INK, 5.0);
    frame.axes(&mut svg, "ŷ = σ(w x + b), the band by the score", &[0.0, 2.0, 4.0, 6.0], &[0.0, 0.5, 1.0]);
    legend(
        &mut svg,
        [45.0, 325.0],
        &[(INK, "samples"), (BLUE, "fit"), ("#bcd4ee", "where the mean is, with 95 % confidence")],
    );
    Ok(svg.finish())
}

fn band(svg: &mut Svg, frame: Frame, low: impl Fn(f64) -> f64, high: impl Fn(f64) -> f64) {
    let at = |i: i32| frame.x[0] + (frame.x[1] - frame.x[0]) * f64::from(i) / 60.0;
    let there = (0..=60).map(|i| [at(i), high(at(i))]);
    let back = (0..=60).rev().map(|i| [at(i), low(at(i))]);
    svg.fill(&(frame.line(there.chain(back)) + "z"), "#bcd4ee", 0.8);
}

/// Studentised residuals against leverage, with lines of equal Cook's distance.
pub(crate) fn leverage() -> Result<String, Error> {
    let mut svg = Svg::new("Residual against leverage", 720, 340);
    let mut x =
        vec![1.0, 1.4, 1.7, 2.0, 2.3, 2.6, 2.9, 3.3, 3.5, 3.8, 4.1, 4.4, 4.7, 5.0, 5.2, 5.5, 5.8, 6.1];
    let mut y =
        vec![2.5, 2.4, 3.2, 2.8, 3.6, 3.5, 4.6, 4.4, 4.9, 4.5, 5.7, 5.4, 6.0, 5.9, 6.9, 6.6, 6.7, 7.6];
    x.extend([3.1, 9.5, 8.0]);
    y.extend([6.7, 10.1, 7.2]);
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    let fitted = risk.fit()?;
    let statistics = risk.statistics(fitted.parameters())?;
    let Some(variance) = statistics.residual_variance.as_ref().map(|variance| variance[0]) else {
        unreachable!("squared error has one")
    };
    let theta: &DVector<f64> = fitted.parameters();
    let points: Vec<Point> = x
        .iter()
        .zip(&y)
        .map(|(x, y)| {
            let row = vector![*x, 1.0];
            let h = row.dot(&(&statistics.covariance * &row)) / variance; // xᵀ (XᵀX)⁻¹ x
            [h, (y - theta.dot(&row)) / (variance * (1.0 - h)).sqrt()]
        })
        .collect();
    let frame = Frame { corner: [55.0, 30.0], size: [630.0, 235.0], x: [0.0, 0.5], y: [-3.8, 3.8] };
    svg.stroke(&frame.line([[0.0, 0.0], [0.5, 0.0]]), PALE, 1.0);
    for (distance, colour) in [(0.5, "#eeb98f"), (1.0, ORANGE)] {
        for side in [-1.0, 1.0] {
            // D = r² h/(p (1 − h)), p = 2
            let r = |h: f64| side * (2.0 * distance * (1.0 - h) / h).sqrt();
            let start = 2.0 * distance / (3.8_f64 * 3.8 + 2.0 * distance);
            let curve = (0..=60).map(|i| start + (0.5 - start) * f64::from(i) / 60.0).map(|h| [h, r(h)]);
            svg.stroke(&frame.line(curve), colour, 1.4);
        }
    }
    for (j, point) in points.iter().enumerate() {
        let far = j >= 18;
        svg.stroke(&frame.dots([*point]), if far { INK } else { BLUE }, 6.0);
        if far {
            let [left, top] = frame.at(*point);
            let words =
                ["far from the line, little leverage", "leverage, on the line", "both: it turns the line"];
            let anchor = if j == 19 { "end" } else { "start" };
            let aside = if j == 19 { -9.0 } else { 9.0 };
            svg.label([left + aside, top + 4.0], anchor, words[j - 18]);
        }
    }
    frame.axes(
        &mut svg,
        "studentised residual, by leverage xᵀ(XᵀX)⁻¹x",
        &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5],
        &[-3.0, 0.0, 3.0],
    );
    legend(&mut svg, [55.0, 315.0], &[(BLUE, "samples"), ("#eeb98f", "Cook's distance 0.5"), (ORANGE, "1")]);
    Ok(svg.finish())
}

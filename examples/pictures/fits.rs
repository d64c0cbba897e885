//! How sure a fit is, and which samples decide it.

use gradus::data::{Standardizer, columns};
use gradus::nalgebra::DMatrix;
use gradus::{EmpiricalRisk, Error, LogLoss, Perceptron, Prediction, SigmoidClassifier, SquaredError};

use crate::newton::legend;
use crate::svg::{BLUE, Frame, GREY, INK, ORANGE, PALE, Point, Svg};

/// Bands of 95 % around a line and around a probability.
pub(crate) fn confidence() -> Result<String, Error> {
    let mut svg = Svg::new("Confidence bands around a line and around a probability", 720, 350);

    let x = [0.5, 1.0, 1.7, 2.2, 3.1, 3.6, 4.4, 5.2, 5.8, 6.5];
    let y = [1.6, 3.1, 3.2, 5.4, 5.2, 7.7, 8.2, 11.5, 10.9, 13.9];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    let fitted = risk.fit()?;
    let frame = Frame { corner: [45.0, 30.0], size: [300.0, 240.0], x: [-3.0, 10.0], y: [-8.0, 22.0] };
    let at = grid(frame);
    let posterior = risk.posterior(fitted.parameters())?;
    band(&mut svg, frame, &at, &posterior.predict_observation(&at, 0.95)?, "#d9e6f5");
    band(&mut svg, frame, &at, &posterior.predict(&at, 0.95)?, "#bcd4ee");
    svg.stroke(&frame.dots(x.iter().zip(&y).map(|(x, y)| [*x, *y])), INK, 5.0);
    frame.axes(&mut svg, "ŷ = w x + b", &[-2.0, 2.0, 6.0, 10.0], &[0.0, 10.0, 20.0]);

    let hours: Vec<f64> = (0..24).map(|j| 0.25 * f64::from(j) + 0.25).collect();
    let passed = [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1];
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
    let fitted = risk.fit()?;
    let frame = Frame { corner: [400.0, 30.0], size: [300.0, 240.0], x: [-1.0, 8.0], y: [-0.05, 1.05] };
    let at = grid(frame);
    let predicted = risk.posterior(fitted.parameters())?.predict(&at, 0.95)?;
    band(&mut svg, frame, &at, &predicted, "#bcd4ee");
    svg.stroke(&frame.dots(hours.iter().zip(&passed).map(|(x, y)| [*x, *y as f64])), INK, 5.0);
    frame.axes(&mut svg, "ŷ = σ(w x + b), the band by the score", &[0.0, 2.0, 4.0, 6.0], &[0.0, 0.5, 1.0]);
    let entries = [
        (INK, "samples"),
        (BLUE, "fit"),
        ("#bcd4ee", "95 % interval of the mean"),
        ("#d9e6f5", "95 % interval of a new observation"),
    ];
    legend(&mut svg, [45.0, 325.0], &entries);
    Ok(svg.finish())
}

fn grid(frame: Frame) -> Vec<f64> {
    (0..=60).map(|i| frame.x[0] + (frame.x[1] - frame.x[0]) * f64::from(i) / 60.0).collect()
}

/// The prediction at each point of the grid, and its interval.
fn band(svg: &mut Svg, frame: Frame, grid: &[f64], predicted: &Prediction<f64>, colour: &str) {
    let with = |y: &DMatrix<f64>| grid.iter().zip(y.iter()).map(|(x, y)| [*x, *y]).collect::<Vec<Point>>();
    let (there, back) = (with(&predicted.upper), with(&predicted.lower));
    svg.fill(&(frame.line(there.into_iter().chain(back.into_iter().rev())) + "z"), colour, 1.0);
    svg.stroke(&frame.line(with(&predicted.mean)), BLUE, 2.0);
}

/// Coefficients with their intervals: those that leave zero out are significant.
pub(crate) fn intervals() -> Result<String, Error> {
    let mut lines = include_str!("../data/diabetes.csv").lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let read = |line: &str| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
    let all = columns(&lines.map(read).collect::<Vec<Vec<f64>>>())?;
    let n = all.nrows() - 1;
    let x = Standardizer::fit(all.rows(0, n))?.transform(all.rows(0, n))?;
    let mut risk = EmpiricalRisk::new(Perceptron::new(n), SquaredError, &x, all.rows(n, 1))?;
    let fitted = risk.fit()?;
    let statistics = risk.statistics(fitted.parameters())?;
    let ends = statistics.confidence_intervals(0.95)?;

    let mut svg = Svg::new("Ten coefficients with their 95 % intervals", 720, 330);
    let frame = Frame { corner: [55.0, 30.0], size: [630.0, 235.0], x: [-80.0, 80.0], y: [-9.6, 0.6] };
    svg.stroke(&frame.line([[0.0, -9.6], [0.0, 0.6]]), GREY, 1.0);
    for i in 0..n {
        let (at, [low, high]) = (-(i as f64), [ends[(i, 0)], ends[(i, 1)]]);
        let colour = if low > 0.0 || high < 0.0 { BLUE } else { ORANGE };
        svg.stroke(&frame.line([[low, at], [high, at]]), colour, 2.5);
        svg.stroke(&frame.dots([[statistics.estimates[i], at]]), colour, 8.0);
        svg.text([48.0, frame.at([0.0, at])[1] + 4.0], "end", names[i]);
    }
    let title = "coefficients of the diabetes data, features standardised";
    frame.axes(&mut svg, title, &[-80.0, -40.0, 0.0, 40.0, 80.0], &[]);
    let entries = [(BLUE, "the interval leaves 0 out: p < 0.05"), (ORANGE, "it holds 0")];
    legend(&mut svg, [55.0, 310.0], &entries);
    Ok(svg.finish())
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
    let (leverage, predicted) = (risk.influence(fitted.parameters())?.leverage, fitted.predict(&x)?);
    let point = |j: usize| {
        let h = leverage[j];
        [h, (y[j] - predicted[j]) / f64::sqrt(variance * (1.0 - h))]
    };
    let points: Vec<Point> = (0..x.len()).map(point).collect();
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

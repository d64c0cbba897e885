//! w3 and w4: logistic and linear regression, with objective, gradient and error computed anew.

use std::error::Error;
use std::time::Instant;

use gradus::nalgebra::DVector;
use gradus::{EmpiricalRisk, LogLoss, Newton, Perceptron, SigmoidClassifier, Stop, minimize};

use crate::Settings;
use crate::tables::{Table, linear, logistic};
use crate::timer::Timing;

const RIDGE: f64 = 1e-3;
/// Of the largest gradient component, relative to the start.
const TOLERANCE: f64 = 1e-6;

pub(crate) fn logistic_regression(settings: &Settings) -> Result<(), Box<dyn Error>> {
    for (samples, features) in [(10_000, 20), (100_000, 100)] {
        let table = logistic(samples, features);
        let case = format!("n{samples}-d{features}");
        let zeros = DVector::zeros(features + 1);
        let start = regularised(&table, &zeros).1;

        let (timing, fitted) = fits(settings, || {
            EmpiricalRisk::new(SigmoidClassifier::new(features), LogLoss, &table.x, &table.y)?
                .ridge(RIDGE)
                .fit()
        })?;
        let print = |method: &str, timing, theta: &DVector<f64>| {
            let (objective, gradient) = regularised(&table, theta);
            let line = settings.line::<f64>("w3", &case).text("method", method).times(timing);
            line.number("objective", objective).number("rel_grad", gradient / start).print();
        };
        print("fit", timing, fitted.parameters());

        let stop = Stop::default().gradient(TOLERANCE * start);
        let (timing, report) = fits(settings, || {
            let risk = EmpiricalRisk::new(SigmoidClassifier::new(features), LogLoss, &table.x, &table.y)?;
            minimize(&mut Newton::new(), &mut risk.ridge(RIDGE), zeros.clone(), &stop)
        })?;
        print("minimize by Newton", timing, &report.x);
    }
    Ok(())
}

pub(crate) fn linear_regression(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let (samples, features) = (100_000, 100);
    let table = linear(samples, features);
    let (timing, fitted) = fits(settings, || Perceptron::new(features).fit(&table.x, &table.y))?;
    let theta = fitted.parameters();
    let residuals = table.x.columns(0, samples).tr_mul(&theta.rows(0, features)).add_scalar(theta[features])
        - table.y.transpose();
    let line = settings.line::<f64>("w4", &format!("n{samples}-d{features}")).text("method", "fit");
    line.times(timing).number("mse", residuals.norm_squared() / samples as f64).print();

    Ok(())
}

/// Whole fits, for five times the seconds of a small workload; the first one warms up.
pub(crate) fn fits<R, E>(
    settings: &Settings, mut fit: impl FnMut() -> Result<R, E>,
) -> Result<(Timing, R), E> {
    let mut last = fit()?;
    let (begin, mut samples) = (Instant::now(), Vec::new());
    while samples.len() < 3 || (begin.elapsed().as_secs_f64() < 5.0 * settings.seconds && samples.len() < 50)
    {
        let start = Instant::now();
        last = fit()?;
        samples.push(start.elapsed().as_secs_f64());
    }
    Ok((Timing::of(samples), last))
}

/// `mean ln(1 + e^{−s z}) + (λ/2) ‖w‖²`, `s = ±1`, and the largest component of its gradient, plainly.
fn regularised(table: &Table, theta: &DVector<f64>) -> (f64, f64) {
    let (n, m) = table.x.shape();
    let (w, bias) = (theta.rows(0, n), theta[n]);
    let mut gradient = DVector::zeros(n + 1);
    let mut objective = 0.5 * RIDGE * w.norm_squared();
    for (x, y) in table.x.column_iter().zip(table.y.iter()) {
        let z = w.dot(&x) + bias;
        let wrong = if *y > 0.5 { -z } else { z };
        objective += (wrong.max(0.0) + (-wrong.abs()).exp().ln_1p()) / m as f64;
        let residual = (1.0 / (1.0 + (-z).exp()) - y) / m as f64;
        gradient.rows_mut(0, n).axpy(residual, &x, 1.0);
        gradient[n] += residual;
    }
    gradient.rows_mut(0, n).axpy(RIDGE, &w, 1.0);
    (objective, gradient.amax())
}

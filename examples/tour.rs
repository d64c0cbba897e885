//! The main job: three models on real data, and Newton's method on functions, with the verdict at each point.
//!
//! ```text
//! cargo run --release --example tour
//! ```

use std::error::Error;
use std::time::Instant;

use gradus::data::{Standardizer, columns, one_hot};
use gradus::nalgebra::{self, DMatrix, DVector, dvector};
use gradus::*;

type Answer<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Answer {
    let start = Instant::now();
    perceptron_on_diabetes()?;
    sigmoid_classifier_on_breast_cancer()?;
    network_on_digits()?;
    newton_on_functions()?;
    println!("\n{:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}\n{}", "─".repeat(text.chars().count()));
}

/// Reads `examples/data/<name>.csv`: names of the features, features (one sample per column), target.
fn table(name: &str) -> Answer<(Vec<String>, DMatrix<f64>, DMatrix<f64>)> {
    let path = format!("{}/examples/data/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(&path)?;
    let names = reader.headers()?.iter().map(String::from).collect();
    let rows = reader.deserialize().collect::<Result<Vec<Vec<f64>>, _>>()?;
    let all = columns(&rows)?;
    let n = all.nrows() - 1;
    Ok((names, all.rows(0, n).into_owned(), all.rows(n, 1).into_owned()))
}

/// A line per coefficient; the last one is the bias.
fn coefficients(names: &[String], statistics: &Statistics<f64>) -> Answer {
    let (ratios, p) = (statistics.ratios(), statistics.p_values());
    let intervals = statistics.confidence_intervals(0.95)?;
    let ratio = if statistics.degrees_of_freedom.is_some() { "t" } else { "z" };
    println!("{:<24} {:>11} {:>10} {ratio:>8} {:>9}   95 % interval", "", "coefficient", "std. error", "p");
    for (i, estimate) in statistics.estimates.iter().enumerate() {
        let name = if i + 1 == statistics.estimates.len() { "bias" } else { &names[i] };
        let (error, low, high) = (statistics.standard_errors[i], intervals[(i, 0)], intervals[(i, 1)]);
        let (ratio, p) = (ratios[i], p[i]);
        println!("{name:<24} {estimate:>11.3} {error:>10.3} {ratio:>8.2} {p:>9.1e}   {low:>9.3} … {high:.3}");
    }
    Ok(())
}

fn perceptron_on_diabetes() -> Answer {
    title("A perceptron on diabetes: progression from ten measures, 442 patients");
    let (names, x, y) = table("diabetes")?;
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y)?;
    let fitted = risk.fit()?;
    coefficients(&names, &risk.statistics(fitted.parameters())?)?;
    println!("R² {:.12}\n{}", fitted.score(&x, &y)?, fitted.report);
    Ok(())
}

fn sigmoid_classifier_on_breast_cancer() -> Answer {
    title("A sigmoid classifier on breast cancer: malignant or benign from thirty measures, 569 tumours");
    let (names, raw, y) = table("breast_cancer")?;
    let x = Standardizer::fit(&raw)?.transform(&raw)?;
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?.ridge(1.0 / 569.0);
    let fitted = risk.fit()?;
    println!("With a ridge penalty: {:.1} % right\n{}", 100.0 * fitted.score(&x, &y)?, fitted.report);

    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?;
    println!("\nWithout:\n{}", risk.fit()?.report);

    println!("\nThe first ten measures alone do not separate the classes:");
    let ten = raw.rows(0, 10).into_owned();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(10), LogLoss, &ten, &y)?;
    let fitted = risk.fit()?;
    coefficients(&names, &risk.statistics(fitted.parameters())?)?;
    println!("{:.1} % right\n{}", 100.0 * fitted.score(&ten, &y)?, fitted.report);
    Ok(())
}

fn network_on_digits() -> Answer {
    title("A network on digits: 64 pixels, 64 hidden units, 10 classes");
    let (_, x, labels) = table("digits")?;
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let x = x.map(|pixel| (pixel / 16.0) as f32);
    let y: DMatrix<f32> = one_hot(&labels, 10)?;
    // every fifth sample is held out
    let (held_out, kept): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|j| j % 5 == 0);
    let (x_test, y_test) = (x.select_columns(&held_out), y.select_columns(&held_out));
    let (x, y) = (x.select_columns(&kept), y.select_columns(&kept));

    let network = Network::new(&[64, 64, 10], Activation::Relu);
    let start = network.initial(1);
    let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y)?;
    let mut validation = EmpiricalRisk::new(network, CrossEntropy, &x_test, &y_test)?;
    let (fitted, _) = Trainer::default().epochs(60).batch_size(64).seed(1).train_with(
        &mut risk,
        start,
        Some(&mut validation),
        |training| {
            if training.epoch().epoch == 1 || training.epoch().epoch % 10 == 0 {
                println!("{training}");
            }
            std::ops::ControlFlow::Continue(())
        },
    )?;
    let (seen, new) = (100.0 * fitted.score(&x, &y)?, 100.0 * fitted.score(&x_test, &y_test)?);
    println!("{seen:.1} % right of {} seen, {new:.1} % of {} held out", kept.len(), held_out.len());
    println!("{}", fitted.report);
    Ok(())
}

/// `x⁴ + 0.8y⁴ + 4x² + 2y^p − xy − 0.2x²y`: example A with `p = 2`, example B with `p = 3`.
fn example(p: i32) -> impl Hessian<f64> {
    let power = f64::from(p);
    let f = Function::new(2, move |v: &DVector<f64>, g: &mut DVector<f64>| {
        let (x, y) = (v[0], v[1]);
        g[0] = 4.0 * x.powi(3) + 8.0 * x - y - 0.4 * x * y;
        g[1] = 3.2 * y.powi(3) + 2.0 * power * y.powi(p - 1) - x - 0.2 * x * x;
        x.powi(4) + 0.8 * y.powi(4) + 4.0 * x * x + 2.0 * y.powi(p) - x * y - 0.2 * x * x * y
    });
    f.with_hessian(move |v: &DVector<f64>, h: &mut DMatrix<f64>| {
        let (x, y) = (v[0], v[1]);
        let mixed = -1.0 - 0.4 * x;
        let second = 9.6 * y * y + 2.0 * power * (power - 1.0) * y.powi(p - 2);
        h.copy_from_slice(&[12.0 * x * x + 8.0 - 0.4 * y, mixed, mixed, second]);
    })
}

fn newton_on_functions() -> Answer {
    title("Newton's method, textbook and safeguarded, and what it found");
    println!(
        "{:<8} {:<14} {:>12} {:>5}  {:<28} {:<10} eigenvalues",
        "", "from", "f", "steps", "ends at", "verdict"
    );
    for (name, p, starts) in [
        ("A", 2, vec![dvector![4.0, 4.0]]),
        ("B", 3, vec![dvector![4.0, 4.0], dvector![0.05, 0.0], dvector![0.0, 0.0]]),
    ] {
        for start in starts {
            for (kind, mut newton) in [("pure", Newton::pure()), ("", Newton::new())] {
                let report = minimize(&mut newton, &mut example(p), start.clone(), &Stop::default())?;
                let verdict = report.kind().map_or("none".into(), |kind| kind.to_string());
                let eigenvalues = report.certificate.as_ref().map(|c| c.eigenvalues());
                let eigenvalues = eigenvalues.map_or(String::new(), |l| format!("{:.4}, {:.4}", l[0], l[1]));
                println!(
                    "{:<8} {:<14} {:>12.3e} {:>5}  {:<28} {verdict:<10} {eigenvalues}{}",
                    format!("{name} {kind}"),
                    format!("({}, {})", start[0], start[1]),
                    report.value,
                    report.iterations,
                    format!("({:.8}, {:.8})", report.x[0], report.x[1]),
                    if report.escapes > 0 { format!("   {} escape", report.escapes) } else { String::new() },
                );
            }
        }
    }
    Ok(())
}

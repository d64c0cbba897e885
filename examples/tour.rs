//! The tour: three models on real data, a look inside a network, and Newton's method on functions; what each number
//! means, and the verdict at each point.
//!
//! ```text
//! cargo run --release --example tour
//! ```

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use gradus::data::{Standardizer, columns, one_hot};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;

type Answer<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Answer {
    let start = Instant::now();
    perceptron_on_diabetes()?;
    sigmoid_classifier_on_breast_cancer()?;
    how_sure_is_it()?;
    inside_a_network()?;
    network_on_digits()?;
    newton_step_by_step()?;
    saddles_and_minima()?;
    println!("\nAll of it in {:.1} s. What to read next: examples/README.md", start.elapsed().as_secs_f64());
    Ok(())
}

fn title(text: &str) {
    println!("\n{text}\n{}", "─".repeat(text.chars().count()));
}

/// Reads `examples/data/<name>.csv`: names of the features, features (one sample per column), target.
fn table(name: &str) -> Answer<(Vec<String>, DMatrix<f64>, DMatrix<f64>)> {
    let path = format!("{}/examples/data/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let mut reader = csv::Reader::from_path(&path)?;
    let mut names: Vec<_> = reader.headers()?.iter().map(String::from).collect();
    let rows = reader.deserialize().collect::<Result<Vec<Vec<f64>>, _>>()?;
    let all = columns(&rows)?;
    let n = all.nrows() - 1;
    names.truncate(n);
    Ok((names, all.rows(0, n).into_owned(), all.rows(n, 1).into_owned()))
}

fn perceptron_on_diabetes() -> Answer {
    title("1. A perceptron on diabetes");
    println!(
        "Ten measures of 442 patients, and how far their disease was a year later. A perceptron, ŷ = w x + b,"
    );
    println!("takes the weights with the least squared error.\n");
    let (names, x, y) = table("diabetes")?;
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y)?;
    let fitted = risk.fit()?;
    println!("{}\n", risk.statistics(fitted.parameters())?.summary(&names)?);
    println!(
        "estimate: what ŷ gains with one unit of a measure, the others held. std. error: how far the estimate"
    );
    println!(
        "would be off with other patients. p: how often chance alone would show as much. `bmi`, `bp`, `s5` count;"
    );
    println!("`age` can be left out. R² {:.12}: half of the variance is explained.\n", fitted.score(&x, &y)?);
    println!("{}\n", fitted.report);
    println!(
        "gradient: the largest slope of the loss at the weights, zero up to rounding. kind: the eigenvalues of the"
    );
    println!("Hessian are positive, so it is a minimum; and least squares is convex, so there is no other.");
    Ok(())
}

fn sigmoid_classifier_on_breast_cancer() -> Answer {
    title("2. A sigmoid classifier on breast cancer");
    println!("Thirty measures of 569 tumours; is one benign? ŷ = σ(w x + b) is the probability that it is.");
    println!(
        "Newton's method finds the weights with the least log loss, and a small penalty on their size:\n"
    );
    let (_, raw, y) = table("breast_cancer")?;
    let x = Standardizer::fit(&raw)?.transform(&raw)?;
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?.ridge(1.0 / 569.0);
    let fitted = risk.fit()?;
    println!("{}\n", fitted.report);
    println!(
        "value: the mean log loss, where guessing ½ costs ln 2 = 0.693. {:.1} % are right.\n",
        100.0 * fitted.score(&x, &y)?
    );
    println!(
        "Without the penalty there is no best answer. Some plane has all benign tumours on one side, and the longer"
    );
    println!(
        "the weights, the smaller the loss, for ever. The gradient looks as good as above; the report knows better:\n"
    );
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?;
    println!("{}", risk.fit()?.report);
    Ok(())
}

fn how_sure_is_it() -> Answer {
    title("3. How sure is it?");
    println!(
        "The first ten measures alone do not separate the classes, so the weights have a best value, and an error.\n"
    );
    let (names, raw, y) = table("breast_cancer")?;
    let ten = raw.rows(0, 10).into_owned();
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(10), LogLoss, &ten, &y)?;
    let fitted = risk.fit()?;
    println!("{}\n", risk.statistics(fitted.parameters())?.summary(&names[..10])?);
    println!(
        "z: the estimate in standard errors. Beyond 2 it is hardly chance, as for texture and smoothness. Radius"
    );
    println!("and perimeter tell nearly the same, so neither can be told from 0.");
    println!("{:.1} % are right.\n\n{}", 100.0 * fitted.score(&ten, &y)?, fitted.report);
    Ok(())
}

fn inside_a_network() -> Answer {
    title("4. Inside a network: backpropagation");
    println!(
        "Two inputs, two hidden sigmoids, one output; x = (1, 3), the label is 1. Forward: each layer's z and a."
    );
    println!(
        "Backward: ∂L/∂a comes from the layer behind, times φ'(z) it is δ, which all earlier layers share.\n"
    );
    let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let (hidden, output) = (([0.5, -0.25, 0.1, 0.4], [0.1, -0.2]), ([0.7, -0.6], [0.05]));
    let theta = network.parameters_from_rows(&[(&hidden.0, &hidden.1), (&output.0, &output.1)])?;
    println!("{}\n", network.explain(&LogLoss, &theta, &matrix![1.0; 3.0], &[1])?);
    println!(
        "In the last layer ∂L/∂ŷ = −1/ŷ and ∂ŷ/∂z = ŷ (1 − ŷ): their product is ŷ − 1, without the sigmoid's slope."
    );
    Ok(())
}

fn network_on_digits() -> Answer {
    title("5. A network on digits: 64 pixels, 64 hidden units, 10 classes");
    let (_, x, labels) = table("digits")?;
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let x = x.map(|pixel| (pixel / 16.0) as f32);
    let y: DMatrix<f32> = one_hot(&labels, 10)?;
    // every fifth sample is held out
    let (held_out, kept): (Vec<usize>, Vec<usize>) = (0..labels.len()).partition(|j| j % 5 == 0);
    let (x_test, y_test) = (x.select_columns(&held_out), y.select_columns(&held_out));
    let (x, y) = (x.select_columns(&kept), y.select_columns(&kept));
    println!(
        "It trains on {} digits; {} are held out. loss: on those that it learns from.",
        kept.len(),
        held_out.len()
    );
    println!("validation: on those that it never sees; were it to rise, the network would learn by heart.\n");

    let network = Network::new(&[64, 64, 10], Activation::Relu);
    let start = network.initial(1);
    let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y)?;
    let mut validation = EmpiricalRisk::new(network, CrossEntropy, &x_test, &y_test)?;
    let mut trainer = Trainer::default().epochs(60).batch_size(64).seed(1);
    let (fitted, _) = trainer.train_with(&mut risk, start, Some(&mut validation), |training| {
        let epoch = training.epoch();
        if epoch.epoch == 1 || epoch.epoch % 10 == 0 {
            println!("{training}  {}", "▬".repeat((20.0 * epoch.loss).ceil() as usize));
        }
        ControlFlow::Continue(())
    })?;
    let (seen, new) = (100.0 * fitted.score(&x, &y)?, 100.0 * fitted.score(&x_test, &y_test)?);
    println!(
        "\n{seen:.1} % right of {} seen, {new:.1} % of {} held out. One that it gets wrong:\n",
        kept.len(),
        held_out.len()
    );
    let classes = fitted.classify(&x_test)?;
    if let Some(j) = (0..classes.len()).find(|j| classes[*j] != labels[held_out[*j]]) {
        let shade = |pixel: &f32| [" ", "░", "▒", "▓", "█"][(4.0 * pixel) as usize].repeat(2);
        for row in x_test.column(j).as_slice().chunks(8) {
            println!("    {}", row.iter().map(shade).collect::<String>());
        }
        let (digit, class) = (labels[held_out[j]], classes[j]);
        let p = fitted.predict(&x_test.column(j).into_owned())?;
        println!(
            "\n    a {digit}, taken for a {class}: p({class}) = {:.2}, p({digit}) = {:.2}",
            p[class], p[digit]
        );
    }
    println!("\n{}\n", fitted.report);
    println!("All epochs are over, which is not convergence, and is not called so.");
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

fn newton_step_by_step() -> Answer {
    title("6. Newton's method, step by step");
    println!(
        "A: f = x⁴ + 0.8y⁴ + 4x² + 2y² − xy − 0.2x²y from (4, 4). Each step is −H⁻¹∇f, to the minimum of the quadratic"
    );
    println!(
        "with the slope ∇f and the curvature H of f. Near the end the digits that are right double with each step.\n"
    );
    let trace = Trace::of(&mut Newton::pure(), &mut example(2), vector![4.0, 4.0], &Stop::default())?;
    println!("{trace}\n");
    println!(
        "λ: the eigenvalues of H, how f curves along two directions at right angles. Both positive: a minimum."
    );
    Ok(())
}

fn saddles_and_minima() -> Answer {
    title("7. Saddles are not minima");
    println!(
        "B is A with 2y³ for 2y², as a misprint has it. Its origin is a saddle: flat, and f falls on two sides."
    );
    println!("`pure` is the textbook's iteration, the other one safeguarded: it does not end on a saddle.\n");
    println!(
        "{:<8} {:<14} {:>12} {:>5}  {:<28} {:<10} eigenvalues",
        "", "from", "f", "steps", "ends at", "verdict"
    );
    for (name, p, starts) in [
        ("A", 2, vec![vector![4.0, 4.0]]),
        ("B", 3, vec![vector![4.0, 4.0], vector![0.05, 0.0], vector![0.0, 0.0]]),
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
    println!(
        "\nThe gradient is zero at all of these points. Only the signs of the eigenvalues tell the saddle from the minima,"
    );
    println!("and the last line leaves it along the eigenvector of −0.1231, to the lowest point that B has.");
    Ok(())
}

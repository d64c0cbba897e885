//! What a user's program does with the library, and how long it takes: `measure` runs it in a debug build and in a
//! release build.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use gradus::data::{Standardizer, columns, one_hot};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, Adam, CrossEntropy, EmpiricalRisk, LogLoss, Network, Newton, Optimizer, SigmoidClassifier,
    SquaredError, Trainer,
};

type Answer<T = ()> = Result<T, Box<dyn Error>>;

/// Reads `examples/data/<name>.csv`: features (one sample per column), target.
fn table(name: &str) -> Answer<(DMatrix<f64>, DMatrix<f64>)> {
    let path = format!("{}/../../examples/data/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path)?;
    let rows = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>())
        .collect::<Result<Vec<_>, _>>()?;
    let all = columns(&rows)?;
    let n = all.nrows() - 1;
    Ok((all.rows(0, n).into_owned(), all.rows(n, 1).into_owned()))
}

/// Prints the least time of three.
fn time<R>(name: &str, mut job: impl FnMut() -> Answer<R>) -> Answer {
    let mut least = f64::INFINITY;
    for _ in 0..3 {
        let start = Instant::now();
        black_box(job()?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    println!("{name} {least:.6}");
    Ok(())
}

fn digits() -> Answer {
    let (x, labels) = table("digits")?;
    let labels: Vec<usize> = labels.iter().map(|label| *label as usize).collect();
    let (x, y) = (x.map(|pixel| (pixel / 16.0) as f32), one_hot::<f32>(&labels, 10)?);
    let network = Network::new(&[64, 64, 10], Activation::Relu);
    time("digits_by_adam", || {
        let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y)?;
        let mut trainer = Trainer::new(Adam::new(1e-3)).epochs(20).batch_size(64).seed(1);
        Ok(trainer.train(&mut risk, network.initial(1))?)
    })
}

fn logistic() -> Answer {
    let (x, y) = table("breast_cancer")?;
    let x = Standardizer::fit(&x)?.transform(&x)?;
    time("logistic_fit", || {
        for _ in 0..20 {
            EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?.ridge(1e-3).fit()?;
        }
        Ok(())
    })
}

fn newton() -> Answer {
    let network = Network::new(&[13, 16, 1], Activation::Tanh);
    let x = DMatrix::from_fn(13, 500, |i, j| (0.7 * i as f64 + 1.3 * j as f64).sin());
    let y = DMatrix::from_fn(1, 500, |_, j| (x[(0, j)] * x[(1, j)]).tanh());
    let start: DVector<f64> = network.initial(1);
    assert_eq!(start.len(), 241);
    time("newton_20_steps", || {
        let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y)?;
        let (mut newton, mut theta) = (Newton::new(), start.clone());
        for _ in 0..20 {
            newton.step(&mut risk, &mut theta)?;
        }
        Ok(theta)
    })
}

fn main() -> Answer {
    digits()?;
    logistic()?;
    newton()
}

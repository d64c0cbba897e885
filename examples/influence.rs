//! Which samples drive a fit: leverage, Cook's distance, and the fit without each of 569 patients, in a blink.
//!
//! `cargo run --release --example influence`

use std::time::Instant;

use gradus::data::{Standardizer, columns};
use gradus::{EmpiricalRisk, Error, LogLoss, SigmoidClassifier};

fn main() -> Result<(), Error> {
    let table = include_str!("data/breast_cancer.csv");
    let read = |line: &str| line.split(',').map(|cell| cell.parse().unwrap_or(f64::NAN)).collect();
    let rows: Vec<Vec<f64>> = table.lines().skip(1).map(read).collect();
    let all = columns(&rows)?;
    let n = all.nrows() - 1;
    let (x, y) = (all.rows(0, n).into_owned(), all.rows(n, 1).into_owned());
    let x = Standardizer::fit(&x)?.transform(&x)?;

    let m = x.ncols();
    let risk = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?;
    let mut risk = risk.ridge(1.0 / m as f64); // scikit-learn's C = 1
    let fitted = risk.fit()?;
    let begin = Instant::now();
    let influence = risk.influence(fitted.parameters())?;
    println!("{m} fits without a sample each: {:.1?}", begin.elapsed());

    println!("patient   leverage   Cook's distance   p   p without it");
    let fit = fitted.predict(&x)?;
    for j in influence.most_influential(5) {
        let (h, d) = (influence.leverage[j], influence.cooks_distance[j]);
        println!("{j:7} {h:10.3} {d:17.3} {:5.2} {:5.2}", fit[j], influence.predictions[j]);
    }
    let wrong = |p: f64, y: f64| f64::from((p > 0.5) != (y > 0.5));
    let count = |p: &[f64]| p.iter().zip(&y).map(|(p, y)| wrong(*p, *y)).sum::<f64>();
    println!(
        "wrong: {} in the fit, {} left out",
        count(fit.as_slice()),
        count(influence.predictions.as_slice())
    );
    Ok(())
}

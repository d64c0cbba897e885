//! A curve of your own through data: written once, fitted, with the uncertainty of its parameters.
//!
//! `cargo run --release --example curve_fit --features num-dual`

use gradus::{
    Architecture, DualModel, EmpiricalRisk, Error, LevenbergMarquardt, Number, SquaredError, Stop, vector,
};

/// Logistic growth, `z = θ₁/(1 + exp(−θ₂ (t − θ₃)))`: capacity, rate and the time of half of it.
#[derive(Clone)]
struct Growth;

impl Architecture for Growth {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        3
    }
}

impl DualModel for Growth {
    fn scores<D: Number>(&self, theta: &[D], t: &[D], z: &mut [D]) {
        z[0] = theta[0] / (D::of(1.0) + (-theta[1] * (t[0] - theta[2])).exp());
    }
}

fn main() -> Result<(), Error> {
    let days: Vec<f64> = (0..10).map(|i| 2.0 * f64::from(i)).collect();
    let size = [0.12, 0.21, 0.85, 2.31, 5.02, 7.71, 9.15, 9.77, 9.86, 10.05];

    let mut risk = EmpiricalRisk::new(Growth, SquaredError, &days, &size)?;
    let start = vector![5.0, 1.0, 5.0];
    let fitted = risk.fit_with(&mut LevenbergMarquardt::new(), start, &Stop::default())?;
    println!("{}", fitted.report);
    println!("{}", risk.statistics(fitted.parameters())?.summary(&["capacity", "rate", "half"])?);
    println!("on day 9: {:.2}", fitted.predict(&[9.0])?[0]);
    Ok(())
}

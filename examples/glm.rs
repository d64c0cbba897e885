//! Counts with an exposure: Poisson regression, checked for scatter, and the negative binomial beside it.
//!
//! `cargo run --release --example glm`

use gradus::loss::{NegativeBinomial, Poisson};
use gradus::{EmpiricalRisk, Error, Offset, Perceptron, matrix};

fn main() -> Result<(), Error> {
    // accidents at ten crossings: traffic lights, a slope of the road, and the logarithm of the cars per day
    let x = matrix![
        0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0;
        0.2, 1.5, 0.9, 3.1, 2.2, 0.4, 1.1, 2.9, 2.0, 0.1;
        6.2, 7.1, 6.9, 6.5, 7.7, 7.3, 7.9, 6.8, 8.1, 7.6
    ];
    let accidents: [f64; 10] = [4.0, 21.0, 6.0, 19.0, 34.0, 3.0, 19.0, 5.0, 31.0, 9.0];
    let names = ["lights", "slope"];

    let model = Offset::new(Perceptron::new(2));
    let mut risk = EmpiricalRisk::new(model, Poisson, &x, &accidents)?;
    let fitted = risk.fit()?;
    println!("{}", fitted.report);
    let poisson = risk.statistics(fitted.parameters())?;
    println!("{}\n", poisson.summary(&names)?);
    println!("lights multiply accidents by {:.2}", fitted.parameters()[0].exp());

    let mut risk = EmpiricalRisk::new(model, NegativeBinomial::new(0.1), &x, &accidents)?;
    let fitted = risk.fit()?;
    println!("{}", risk.statistics(fitted.parameters())?.summary(&names)?);
    Ok(())
}

//! A loss of one's own: Poisson regression, `ℓ(z, y) = e^z − y z` for counts `y`, with Newton's method.
//!
//! `cargo run --release --example own_loss`

use gradus::check;
use gradus::loss::{ElementWise, Jet};
use gradus::nalgebra::{self, DVector, dmatrix};
use gradus::{EmpiricalRisk, Error, Newton, Perceptron, Real, Stop, minimize};

struct Poisson;

impl ElementWise for Poisson {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let mean = z.exp();
        Jet { value: mean - y * z, first: mean - y, second: mean }
    }

    fn response<T: Real>(&self, z: T) -> T {
        z.exp()
    }
}

fn main() -> Result<(), Error> {
    let (z, y) = (dmatrix![-1.0, 0.5, 2.0], dmatrix![0.0, 3.0, 5.0]);
    let (slope, curvature) = (
        check::loss(&Poisson, &z, &y, &[0.2, 0.3, 0.5])?,
        check::curvature(&Poisson, &z, &y, &[0.2, 0.3, 0.5])?,
    );
    println!("{slope}\n{curvature}");
    assert!(slope.passed() && curvature.passed());

    // counts that grow with x
    let x = dmatrix![0.0_f64, 1.0, 2.0, 3.0, 4.0, 5.0];
    let y = dmatrix![1.0, 2.0, 2.0, 5.0, 9.0, 12.0];
    let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &y)?;
    let report =
        minimize(&mut Newton::new(), &mut risk, DVector::zeros(2), &Stop::default())?.into_converged()?;
    println!(
        "Each step in x multiplies the expected count by {:.4} ({} Newton steps).",
        report.x[0].exp(),
        report.iterations
    );
    Ok(())
}

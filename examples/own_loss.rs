//! Losses of one's own: Poisson regression from one function, and a robust distance that no single output decides.
//!
//! `cargo run --release --example own_loss`

use gradus::check;
use gradus::loss::{ElementWise, Jet};
use gradus::nalgebra::{self, DMatrix, DMatrixView, DMatrixViewMut, DVector, dmatrix};
use gradus::{
    Activation, EmpiricalRisk, Error, Lbfgs, Loss, Network, Newton, Perceptron, Real, Stop, minimize,
};

/// `ℓ(z, y) = e^z − y z` for counts `y`, with `ℓ'` and `ℓ''`.
struct Poisson;

impl ElementWise for Poisson {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let mean = z.exp();
        Jet { value: mean - y * z, first: mean - y, second: mean }
    }
}

/// `ℓ(z, y) = √(1 + ‖z − y‖²)`: far from its targets a sample pulls no harder, whatever the direction.
struct Distance;

impl<T: Real> Loss<T> for Distance {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        let term = |(j, w): (usize, &T)| *w * (z.column(j) - y.column(j)).norm().hypot(T::one());
        weights.iter().enumerate().map(term).fold(T::zero(), |sum, term| sum + term)
    }
    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], mut delta: DMatrixViewMut<'_, T>,
    ) -> T {
        for (j, w) in weights.iter().enumerate() {
            let apart = z.column(j) - y.column(j);
            delta.set_column(j, &(&apart * (*w / apart.norm().hypot(T::one()))));
        }
        self.value(z, y, weights)
    }
}

fn main() -> Result<(), Error> {
    let (z, y, weights) = (dmatrix![-1.0, 0.5, 2.0], dmatrix![0.0, 3.0, 5.0], [0.2, 0.3, 0.5]);
    let slope = check::loss(&Poisson, &z, &y, &weights)?;
    let curvature = check::second_order_loss(&Poisson, &z, &y, &weights)?;
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

    // a point that moves along a line in the plane, seen once far away
    let x = DMatrix::from_fn(1, 21, |_, j| 0.1 * j as f64);
    let mut y = DMatrix::from_fn(2, 21, |i, j| [3.0, -1.0][i] * x[j]);
    assert!(check::loss(&Distance, &y.map(|y| y + 0.5), &y, &[1.0; 21])?.passed());
    y[(0, 10)] += 1000.0;
    let mut risk = EmpiricalRisk::new(Network::new(&[1, 2], Activation::Identity), Distance, &x, &y)?;
    let report =
        minimize(&mut Lbfgs::new(), &mut risk, DVector::zeros(4), &Stop::default())?.into_converged()?;
    println!("Speed ({:.4}, {:.4}), one sighting in 21 wrong by 1000.", report.x[0], report.x[1]);
    assert!((report.x[0] - 3.0).abs() < 0.01 && (report.x[1] + 1.0).abs() < 0.01);
    Ok(())
}

//! A model of one's own: an asymptotic growth curve `z = a (1 − e^{−b x})`, trained like any other.
//!
//! `cargo run --release --example own_model`

use gradus::check;
use gradus::nalgebra::{self, DMatrix, DMatrixView, DVector, dvector};
use gradus::{
    Architecture, EmpiricalRisk, Error, GradientDescent, Model, Real, SquaredError, Stop, minimize,
};

/// [`Clone`](Clone) for the `Trainer`, whose result holds its model.
#[derive(Debug, Clone)]
struct Growth;

impl Architecture for Growth {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        2
    }
}

impl<T: Real> Model<T> for Growth {
    type Cache = Vec<T>; // the scores

    fn cache(&self, max_batch: usize) -> Self::Cache {
        vec![T::zero(); max_batch]
    }
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, z: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        z.iter_mut().zip(x.iter()).for_each(|(z, x)| *z = theta[0] * (T::one() - (-theta[1] * *x).exp()));
        DMatrixView::from_slice(z, 1, x.ncols())
    }
    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        _cache: &mut Self::Cache, gradient: &mut DVector<T>,
    ) {
        for (x, delta) in x.iter().zip(delta.iter()) {
            let e = (-theta[1] * *x).exp();
            gradient[0] += *delta * (T::one() - e);
            gradient[1] += *delta * theta[0] * *x * e;
        }
    }
}

fn main() -> Result<(), Error> {
    let x = DMatrix::from_fn(1, 20, |_, j| 0.25 * (j + 1) as f64);
    let y = x.map(|x| 3.0 * (1.0 - (-0.8 * x).exp()));

    let check = check::model(&Growth, &dvector![2.0, 0.5], &x)?;
    println!("{check}");
    assert!(check.passed());

    let mut risk = EmpiricalRisk::new(Growth, SquaredError, &x, &y)?;
    let stop = Stop::default().iterations(20_000);
    let report =
        minimize(&mut GradientDescent::new(0.5), &mut risk, dvector![1.0, 1.0], &stop)?.into_converged()?;
    println!(
        "It grows to {:.6} at the rate {:.6}, after {} steps.",
        report.x[0], report.x[1], report.iterations
    );
    assert!((report.x - dvector![3.0, 0.8]).amax() < 1e-6);
    Ok(())
}

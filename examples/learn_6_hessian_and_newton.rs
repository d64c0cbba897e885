//! Several variables: the Hessian, what its eigenvalues say of a point, and Newton's method.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{CriticalPoint, Error, Function, Hessian, Newton, Stop, Trace, matrix, vector};

/// `x⁴ + 0.8y⁴ + 4x² + 2yᵖ − xy − 0.2x²y`
fn quartic(p: i32) -> impl Hessian<f64> {
    let q = f64::from(p);
    let f = Function::new(2, move |v: &DVector<f64>, g: &mut DVector<f64>| {
        let (x, y) = (v[0], v[1]);
        g[0] = 4.0 * x.powi(3) + 8.0 * x - y - 0.4 * x * y;
        g[1] = 3.2 * y.powi(3) + 2.0 * q * y.powi(p - 1) - x - 0.2 * x * x;
        x.powi(4) + 0.8 * y.powi(4) + 4.0 * x * x + 2.0 * y.powi(p) - x * y - 0.2 * x * x * y
    });
    f.with_hessian(move |v: &DVector<f64>, h: &mut DMatrix<f64>| {
        let (x, y) = (v[0], v[1]);
        let (xx, xy) = (12.0 * x * x + 8.0 - 0.4 * y, -1.0 - 0.4 * x);
        h.copy_from_slice(&[xx, xy, xy, 9.6 * y * y + 2.0 * q * (q - 1.0) * y.powi(p - 2)]);
    })
}

fn main() -> Result<(), Error> {
    println!("Where ∇f = 0, the signs of the eigenvalues λ of H tell the kind of the point:\n");
    for (name, hessian) in [
        ("2x² + 3y² − xy", matrix![4.0, -1.0; -1.0, 6.0]),
        ("−x² − y²", matrix![-2.0, 0.0; 0.0, -2.0]),
        ("x² − y²", matrix![2.0, 0.0; 0.0, -2.0]),
        ("x² + y⁴, at 0", matrix![2.0, 0.0; 0.0, 0.0]),
    ] {
        println!("{name}\n  {}\n", CriticalPoint::classify(&hessian)?);
    }

    let stop = Stop::default();
    println!("x ← x − H⁻¹∇f on x⁴ + 0.8y⁴ + 4x² + 2y² − xy − 0.2x²y from (4, 4):\n");
    println!("{}\n", Trace::of(&mut Newton::pure(), &mut quartic(2), vector![4.0, 4.0], &stop)?);

    println!(
        "A misprint, 2y³ for 2y²: the origin is a saddle now, and the same steps end on it, from (0.05, 0):\n"
    );
    let trace = Trace::of(&mut Newton::pure(), &mut quartic(3), vector![0.05, 0.0], &stop)?;
    println!("{trace}\n");

    println!(
        "Newton's method with safeguards leaves it, along the eigenvector of the negative eigenvalue:\n"
    );
    let trace = Trace::of(&mut Newton::new(), &mut quartic(3), vector![0.0, 0.0], &stop)?;
    println!("{trace}");
    Ok(())
}

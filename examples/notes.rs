//! Every number of the course notes, in forty lines.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{univariate::ScalarNewton, *};

/// `x⁴ + 0.8y⁴ + 4x² + 2yᵖ − xy − 0.2x²y`: example A with `p = 2`, the misprint with `p = 3`.
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

pub(crate) fn notes() -> Result<String, Error> {
    let (x, four) = (matrix![1.0; 3.0], vector![4.0, 4.0]);
    let one = SigmoidClassifier::new(2).explain(&LogLoss, &vector![4.5, 1.5, 0.0], &x, &[0])?;
    let two = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let rows = [([0.5, -0.25, 0.1, 0.4].as_slice(), [0.1, -0.2].as_slice()), (&[0.7, -0.6], &[0.05])];
    let two = two.explain(&LogLoss, &two.parameters_from_rows(&rows)?, &x, &[1])?;
    let three = Network::new(&[2, 3, 2, 1], Activation::Sigmoid);
    let three = three.explain(&LogLoss, &three.initial(1), &x, &[1])?;
    let g = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
    let newton = ScalarNewton::pure().trace(true).minimum(g, 0.05)?.table(g)?;
    let quadratic = CriticalPoint::classify(&matrix![4.0, -1.0; -1.0, 6.0])?.eigenvalues().clone();
    let mut text = format!("{one:.17}\n{two:.17}\n{three:.17}\n{newton:.17}\n{quadratic:.15}");
    for (p, start) in [(2, four.clone()), (3, four), (3, vector![0.05, 0.0]), (3, vector![0.0, -2.0])] {
        text +=
            &format!("{:.20}\n", Trace::of(&mut Newton::pure(), &mut quartic(p), start, &Stop::default())?);
    }
    Ok(text)
}

fn main() -> Result<(), Error> {
    notes().map(|text| println!("{text}"))
}

//! Newton's method in one variable: for a root and for a minimum, and what the second derivative says.

use gradus::univariate::ScalarNewton;
use gradus::{CriticalKind, Error};

fn main() -> Result<(), Error> {
    let newton = ScalarNewton::pure().trace(true);

    println!("A root of f = x² − 2, x ← x − f/f'. The digits that are right double:\n");
    let f = |x: f64| (x * x - 2.0, 2.0 * x);
    println!("{:.15}\n", newton.root(f, 1.0)?.table(f)?);

    println!("A minimum of f = eˣ − ln x is a root of f', x ← x − f'/f'':\n");
    let f = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
    let report = newton.minimum(f, 0.05)?;
    println!("{}\n{report}\n", report.table(f)?);

    println!("The same function has no root: two questions, two entry points.\n");
    println!("{}\n", ScalarNewton::new().root(|x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x), 1.0)?);

    println!("A short step proves nothing. From 10⁻⁵⁰ the first step is 10⁻⁵⁰, where f' is −10⁵⁰:\n");
    let report = newton.iterations(3).minimum(f, 1e-50)?;
    println!("{}\n", report.table(f)?);

    println!(
        "Where f' = 0, f'' tells the kind: f'' > 0 concave up, a minimum; f'' < 0 concave down, a maximum.\n"
    );
    let cosine = |x: f64| (x.cos(), -x.sin(), -x.cos());
    let report = newton.minimum(cosine, 0.1)?;
    assert_eq!(report.kind, Some(CriticalKind::Maximum));
    println!("cos from 0.1, the textbook's steps:\n{report}\n");
    println!("and kept downhill:\n{}\n", ScalarNewton::new().minimum(cosine, 0.1)?);

    println!("f'' = 0 leaves it undecided: x⁴ has a minimum there, x³ has none.\n");
    for (name, k) in [("x⁴", 4), ("x³", 3)] {
        let power = |x: f64| {
            let q = f64::from(k);
            (x.powi(k), q * x.powi(k - 1), q * (q - 1.0) * x.powi(k - 2))
        };
        println!("{name} at 0:\n{}\n", ScalarNewton::pure().minimum(power, 0.0)?);
    }
    Ok(())
}

//! Write a function once; gradient, Hessian and Newton's method come with it.
//!
//! `cargo run --release --example auto_diff --features num-dual`

use gradus::nalgebra::{self, DVector, dvector};
use gradus::num_dual::DualNum;
use gradus::{Error, Newton, Stop, minimize};
use gradus::{
    check,
    objective::{AutoDiff, DualFunction},
};

/// The energy of three equal charges in a bowl: `Σ ½‖r_i‖² + Σ_{i<j} 1/‖r_i − r_j‖`, in the plane.
struct Charges;

impl DualFunction<f64> for Charges {
    fn dim(&self) -> usize {
        6
    }

    fn value<D: DualNum<Primitive = f64>>(&self, x: &DVector<D>) -> D {
        let mut energy = x.iter().map(|x| x.powi(2) * 0.5).sum::<D>();
        for i in 0..3 {
            for j in 0..i {
                let along = |axis: usize| (x[2 * i + axis].clone() - &x[2 * j + axis]).powi(2);
                energy += (along(0) + along(1)).sqrt().recip();
            }
        }
        energy
    }
}

fn main() -> Result<(), Error> {
    let (mut charges, start) = (AutoDiff::new(Charges), dvector![1.0, 0.0, -0.5, 0.3, 0.2, -0.8]);
    assert!(
        check::gradient(&mut charges, &start)?.passed() && check::hessian(&mut charges, &start)?.passed()
    );

    let report = minimize(&mut Newton::new(), &mut charges, start, &Stop::default())?;
    let side = (report.x[0] - report.x[2]).hypot(report.x[1] - report.x[3]);
    println!("{report}");
    println!(
        "Three charges settle in a triangle of side {side:.9}; turning it costs nothing, hence the zero."
    );
    // at radius r the energy is 3r²/2 + √3/r: r³ = 1/√3, and the side √3 r is 3^⅓
    assert!((side - 3.0_f64.cbrt()).abs() < 1e-8);
    Ok(())
}

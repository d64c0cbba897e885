//! Newton and the trust region beside argmin's Newton and basin's trust region, in one process, round by round, on the same formulas.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml
//! ```
//!
//! A run of this crate ends at `‖∇f‖∞ ≤ 1e−8`, with the verdict by eigenvalues. argmin's Newton has neither a test nor
//! a verdict; it is told the fewest steps that lead there, and its stopwatch is off.

use gradus::nalgebra::{self, DMatrix, DVector, dvector};
use gradus::{Hessian, Newton, Optimizer, Stop, TrustRegion, minimize};

use functions::{Formula, Ours, Quartic, Valley};
use timer::{Timing, time};

mod argmin;
mod basin;
#[path = "../../common/functions.rs"]
mod functions;
#[path = "../../common/timer.rs"]
#[expect(dead_code, reason = "no rates are printed")]
mod timer;

type Failure = Box<dyn std::error::Error>;

const TOLERANCE: f64 = 1e-8;
const ROUNDS: usize = 5;
const SECONDS: f64 = 0.05;

fn run<O: Hessian<f64>, P: Optimizer<f64, O>>(mut method: P, objective: &mut O, start: &DVector<f64>) -> f64 {
    let stop = Stop::default().gradient(TOLERANCE);
    let report = minimize(&mut method, objective, start.clone(), &stop).expect("the start is finite");
    assert!(report.termination.is_stationary(), "{report}");
    report.value
}

/// The textbook loop in ten lines: with a test, without a verdict or a safeguard.
fn by_hand<O: Hessian<f64>>(objective: &mut O, start: &DVector<f64>) -> f64 {
    let n = start.len();
    let (mut x, mut gradient, mut hessian) = (start.clone(), DVector::zeros(n), DMatrix::zeros(n, n));
    loop {
        let value = objective.value_gradient_hessian(&x, &mut gradient, &mut hessian);
        if gradient.amax() <= TOLERANCE {
            return value;
        }
        x -= hessian.clone().lu().solve(&gradient).expect("the Hessian is regular");
    }
}

/// The fewest steps of argmin's Newton to the tolerance.
fn argmin_steps<F: Formula>(formula: &F, start: &DVector<f64>) -> Result<u64, Failure> {
    let mut gradient = DVector::zeros(start.len());
    for steps in 1..=500 {
        let x = argmin::newton(formula, start.as_slice(), steps)?;
        formula.value_gradient(&x, gradient.as_mut_slice());
        if gradient.amax() <= TOLERANCE {
            return Ok(steps);
        }
    }
    Err("argmin's Newton did not get there in 500 steps".into())
}

fn compare<F: Formula>(name: &str, formula: F, start: &DVector<f64>) -> Result<(), Failure> {
    let steps = argmin_steps(&formula, start)?;
    let (there, mut gradient) =
        (basin::trust_region(&formula, start.as_slice(), TOLERANCE), vec![0.0; start.len()]);
    formula.value_gradient(&there, &mut gradient);
    assert!(gradient.iter().all(|g| g.abs() <= TOLERANCE), "{name}: basin's trust region did not get there");
    let mut f = Ours(formula);
    let mut rounds = [const { Vec::new() }; 6];
    for _ in 0..ROUNDS {
        let medians = [
            time(SECONDS, || argmin::newton(&f.0, start.as_slice(), steps)).median,
            time(SECONDS, || run(Newton::pure(), &mut f, start)).median,
            time(SECONDS, || run(Newton::new(), &mut f, start)).median,
            time(SECONDS, || run(TrustRegion::new(), &mut f, start)).median,
            time(SECONDS, || by_hand(&mut f, start)).median,
            time(SECONDS, || basin::trust_region(&f.0, start.as_slice(), TOLERANCE)).median,
        ];
        rounds.iter_mut().zip(medians).for_each(|(round, median)| round.push(median));
    }
    let [argmin, pure, safeguarded, trust_region, hand, basin] = rounds.map(|round| Timing::of(round).median);
    println!(
        "{name:<16} {:>10.2} {:>8.2} {:>13.2} {:>13.2} {:>9.2} {:>9.2} {:>13.2}",
        argmin * 1e6,
        argmin / pure,
        argmin / safeguarded,
        argmin / trust_region,
        argmin / hand,
        basin * 1e6,
        basin / trust_region,
    );
    Ok(())
}

fn main() -> Result<(), Failure> {
    println!("Whole runs; the time of argmin's Newton over others' (above 1: they are faster).");
    println!("The last two: basin's trust region, and its time over that of ours.");
    println!(
        "function          argmin µs     pure   safeguarded  trust region   by hand  basin µs  trust region"
    );
    for n in [2, 10, 100] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        compare(&format!("rosenbrock {n}"), Valley(n), &start)?;
    }
    compare("example A", Quartic::Bowl, &dvector![4.0, 4.0])?;
    compare("example B", Quartic::Saddle, &dvector![4.0, 4.0])
}

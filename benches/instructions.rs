//! Instructions per training step of the smallest net, counted by callgrind: a figure without noise, for it
//! does not depend on what else the machine does.
//!
//! ```text
//! cargo bench --bench instructions
//! ```
//!
//! The program runs itself under `valgrind` with two numbers of steps; the difference is theirs alone.
//! Valgrind knows no AVX-512: the kernels take their 256-bit path.

use std::process::{Command, ExitCode};

use gradus::{Activation, EmpiricalRisk, Error, GradientDescent, Optimizer, Real, SquaredError};

use nets::NETS;

#[path = "common/nets.rs"]
#[expect(dead_code, reason = "nothing is timed here")]
mod nets;

const ACTIVATIONS: [Activation; 3] = [Activation::Relu, Activation::Sigmoid, Activation::Tanh];
const SCALARS: [&str; 2] = ["f32", "f64"];
const STEPS: u64 = 1000;

fn steps<T: Real>(activation: Activation, count: u64) -> Result<(), Error> {
    let tiny = NETS[0];
    let (x, y) = (tiny.x::<T>(tiny.batch), tiny.y::<T>(tiny.batch));
    let mut risk = EmpiricalRisk::new(tiny.network(activation), SquaredError, &x, &y)?;
    let (mut descent, mut theta) = (GradientDescent::new(T::of(0.01)), tiny.theta());
    for _ in 0..count {
        descent.step(&mut risk, &mut theta)?;
    }
    Ok(())
}

/// Instructions of the whole program with so many steps; `None` without valgrind.
fn instructions(activation: usize, scalar: &str, count: u64) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().ok()?)
        .args(["steps", &activation.to_string(), scalar, &count.to_string()])
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report.lines().find_map(|line| line.split_once("Collected : "))?;
    collected.1.trim().parse().ok()
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["steps", activation, scalar, count] => {
            let activation = activation.parse().ok().and_then(|a: usize| ACTIVATIONS.get(a));
            let (Some(activation), Ok(count)) = (activation, count.parse()) else { return ExitCode::FAILURE };
            let result = if *scalar == "f32" {
                steps::<f32>(*activation, count)
            } else {
                steps::<f64>(*activation, count)
            };
            if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        [.., "--bench"] => {
            println!("Instructions per training step of 2-16-16-1 on 32 samples");
            for (i, activation) in ACTIVATIONS.iter().enumerate() {
                for scalar in SCALARS {
                    let counts = (instructions(i, scalar, STEPS), instructions(i, scalar, 2 * STEPS));
                    let (Some(once), Some(twice)) = counts else {
                        println!("valgrind is not installed: nothing counted");
                        return ExitCode::SUCCESS;
                    };
                    println!(
                        "{:8} {scalar}  {:>7}",
                        format!("{activation:?}"),
                        twice.saturating_sub(once) / STEPS
                    );
                }
            }
            ExitCode::SUCCESS
        }
        _ => ExitCode::SUCCESS, // `cargo test --benches` asks only whether it starts
    }
}

#!/usr/bin/env bash
# What a user's crate costs that depends on this one: times of three programs in a debug and in a release build, and of
# building again after a change. The crate has the two lines of the README for debug builds, and nothing else unusual.
#
#   benches/user_build.sh          this crate
#   benches/user_build.sh PATH     another copy of it, to compare with
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
crate=$(cd "${1:-$here}" && pwd)
user=$(mktemp -d)
trap 'rm -r "$user"' EXIT
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$crate/target/user_build}

mkdir "$user/src"
cat > "$user/Cargo.toml" <<END
[package]
name = "user"
version = "0.1.0"
edition = "2024"

[dependencies]
gradus = { path = "$crate" }

[profile.dev.package.gradus]
opt-level = 3
END
cat > "$user/src/main.rs" <<END
use std::time::Instant;

use gradus::data::{columns, one_hot};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, Adam, CrossEntropy, EmpiricalRisk, Error, LogLoss, Network, Newton, Optimizer, SigmoidClassifier,
    SquaredError, Trainer,
};

const DIGITS: &str = include_str!("$here/examples/data/digits.csv");

/// Uniform numbers in [−½, ½).
fn noise(i: usize) -> f64 {
    let mut x = i as u64 ^ 0x9e37_79b9_7f4a_7c15;
    for shift in [29, 31, 30] {
        x = (x ^ (x >> shift)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (x >> 11) as f64 / (1u64 << 53) as f64 - 0.5
}

fn digits() -> Result<f64, Error> {
    let lines = DIGITS.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let rows: Vec<Vec<f32>> =
        lines.map(|line| line.split(',').map(|pixel| pixel.parse().expect("a number")).collect()).collect();
    let pixels: Vec<&[f32]> = rows.iter().map(|row| &row[..64]).collect();
    let labels: Vec<usize> = rows.iter().map(|row| row[64] as usize).collect();
    let (x, y) = (columns(&pixels)? / 16.0, one_hot(&labels, 10)?);
    let start = Instant::now();
    let network = Network::new(&[64, 64, 10], Activation::Relu);
    let theta = DVector::from_fn(4810, |i, _| 0.2 * noise(i) as f32);
    let mut risk = EmpiricalRisk::new(network, CrossEntropy, &x, &y)?;
    Trainer::new(Adam::new(1e-3)).epochs(20).batch_size(64).seed(1).train(&mut risk, theta)?;
    Ok(start.elapsed().as_secs_f64())
}

fn logistic() -> Result<f64, Error> {
    let x = DMatrix::from_fn(20, 10_000, |i, j| noise(j * 20 + i));
    let y = DMatrix::from_fn(1, 10_000, |_, j| f64::from(u8::from(x.column(j).sum() > 2.0 * noise(j + 7_000_000))));
    let start = Instant::now();
    SigmoidClassifier::new(20).fit(&x, &y)?;
    Ok(start.elapsed().as_secs_f64())
}

fn newton() -> Result<f64, Error> {
    let x = DMatrix::from_fn(10, 512, |i, j| noise(j * 10 + i));
    let y = DMatrix::from_fn(1, 512, |_, j| (3.0 * x[(0, j)]).sin() * x[(1, j)]);
    let network = Network::new(&[10, 20, 1], Activation::Tanh);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y)?;
    let (mut newton, mut theta) = (Newton::new(), DVector::from_fn(241, |i, _| noise(i)));
    let start = Instant::now();
    for _ in 0..20 {
        newton.step(&mut risk, &mut theta)?;
    }
    Ok(start.elapsed().as_secs_f64())
}

fn main() -> Result<(), Error> {
    let least = |run: fn() -> Result<f64, Error>| {
        (0..3).try_fold(f64::INFINITY, |least, _| Ok::<_, Error>(least.min(run()?)))
    };
    println!("{} {} {}", least(digits)?, least(logistic)?, least(newton)?);
    Ok(())
}
END

cd "$user"
cp "$here/Cargo.lock" . 2>/dev/null || true
cargo build --quiet
cargo build --quiet --release
read -r d1 d2 d3 < <("$CARGO_TARGET_DIR/debug/user")
read -r r1 r2 r3 < <("$CARGO_TARGET_DIR/release/user")
again() {
    touch src/main.rs
    local start=$EPOCHREALTIME
    cargo build --quiet "$@"
    echo "$EPOCHREALTIME $start" | awk '{ print $1 - $2 }'
}
least() { sort -g | head -1; }
debug=$(for _ in 1 2 3; do again; done | least)
release=$(for _ in 1 2 3; do again --release; done | least)
row() { awk -v name="$1" -v d="$2" -v r="$3" 'BEGIN { printf "%-46s %10.1f %10.1f %8.1f\n", name, 1e3 * d, 1e3 * r, d / r }'; }
echo "ms                                                  debug    release    ratio"
row "digits by Adam, 20 epochs, f32" "$d1" "$r1"
row "logistic fit, 10000 samples of 20 features" "$d2" "$r2"
row "20 Newton steps, 241 parameters" "$d3" "$r3"
row "building again after a change of main.rs" "$debug" "$release"

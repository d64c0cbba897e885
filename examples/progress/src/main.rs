//! A progress bar while a network trains.
//!
//! ```text
//! cargo run --release --manifest-path examples/progress/Cargo.toml
//! ```

use std::ops::ControlFlow;

use gradus::nalgebra::DMatrix;
use gradus::{Activation, EmpiricalRisk, Error, Network, SquaredError, Trainer};
use indicatif::{ProgressBar, ProgressStyle};

fn main() -> Result<(), Error> {
    // a wave in two variables
    let x = DMatrix::from_fn(2, 2000, |i, j| ((i + 1) as f64 * j as f64 * 0.618).fract() * 2.0 - 1.0);
    let y = DMatrix::from_fn(1, 2000, |_, j| (3.0 * x[(0, j)]).sin() * x[(1, j)]);
    let network = Network::new(&[2, 32, 32, 1], Activation::Tanh);
    let start = network.initial(1);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y)?;

    let epochs = 300;
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}").expect("a valid template");
    let bar = ProgressBar::new(epochs as u64).with_style(style);
    let mut trainer = Trainer::default().epochs(epochs).validation_share(0.1).early_stopping(30, 1e-5);
    let (fitted, history) = trainer.train_with(&mut risk, start, None, |training| {
        bar.set_position(training.epoch().epoch as u64);
        let left = training.remaining().as_secs_f64();
        bar.set_message(format!("loss {:.2e}, {left:.1} s left", training.epoch().watched()));
        ControlFlow::Continue(())
    })?;
    bar.finish();
    println!("{history}\n\n{}", fitted.report);
    Ok(())
}

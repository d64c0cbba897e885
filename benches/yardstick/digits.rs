//! w7: a whole run, 64-64-10 on handwritten digits by Adam, and the share of unseen digits it gets right.

use std::error::Error;
use std::time::Instant;

use gradus::nalgebra::DMatrix;
use gradus::{Activation, Adam, CrossEntropy, EmpiricalRisk, Trainer};

use crate::Settings;
use crate::nets::Net;
use crate::timer::Timing;

const NET: Net = Net { name: "digits-64-64-10-adam-20ep", sizes: &[64, 64, 10], batch: 64 };
/// The other samples are held out.
const TRAINING: usize = 1438;
const EPOCHS: usize = 20;
/// Each with an order of its own, so that the accuracy is a median too.
const RUNS: u64 = 9;

pub(crate) fn run(settings: &Settings) -> Result<(), Box<dyn Error>> {
    let prefix = settings.data.as_ref().ok_or("w7 needs --data PREFIX")?;
    let pixels = std::fs::read(format!("{prefix}.x.f32"))?;
    let pixels =
        pixels.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    let labels = std::fs::read(format!("{prefix}.y.u8"))?;
    let x = DMatrix::from_iterator(64, labels.len(), pixels);
    let y = DMatrix::from_fn(10, labels.len(), |i, j| f32::from(u8::from(i == usize::from(labels[j]))));
    let held_out = labels.len() - TRAINING;

    let (mut times, mut accuracies) = (Vec::new(), Vec::new());
    for seed in 0..RUNS {
        let start = Instant::now();
        let (x_train, y_train) = (x.columns(0, TRAINING), y.columns(0, TRAINING));
        let mut risk = EmpiricalRisk::new(NET.network(Activation::Relu), CrossEntropy, x_train, y_train)?;
        let mut trainer = Trainer::new(Adam::new(1e-3)).epochs(EPOCHS).batch_size(NET.batch).seed(seed);
        let (fitted, _) = trainer.train(&mut risk, NET.theta())?;
        times.push(start.elapsed().as_secs_f64());
        accuracies.push(fitted.score(x.columns(TRAINING, held_out), y.columns(TRAINING, held_out))?);
    }
    let first = times.remove(0);
    accuracies.sort_by(f32::total_cmp);
    let line = settings.line::<f32>("w7", NET.name).times(Timing::of(times)).number("first_us", first * 1e6);
    line.number("accuracy", f64::from(accuracies[accuracies.len() / 2])).print();
    Ok(())
}

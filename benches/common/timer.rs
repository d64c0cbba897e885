//! A stopwatch.

use std::hint::black_box;
use std::time::Instant;

/// Seconds per call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) median: f64,
    pub(crate) least: f64,
}

impl Timing {
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { median: samples[samples.len() / 2], least: samples[0] }
    }

    /// GFLOP/s, at so much work per call.
    pub(crate) fn gflops(&self, flop: f64) -> f64 {
        flop / self.median * 1e-9
    }
}

/// Seconds that `calls` calls take.
fn elapsed<R>(calls: u32, mut f: impl FnMut() -> R) -> f64 {
    let start = Instant::now();
    for _ in 0..calls {
        black_box(f());
    }
    start.elapsed().as_secs_f64()
}

/// Times samples of about 2 ms (or of one call) for `seconds`, after a fifth of that to warm up.
pub(crate) fn time<R>(seconds: f64, mut f: impl FnMut() -> R) -> Timing {
    const SAMPLE: f64 = 2e-3;
    let per_sample = |one: f64| (SAMPLE / one.max(1e-9)).clamp(1.0, 4e6) as u32;
    let mut calls = per_sample(elapsed(1, &mut f));
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < 0.2 * seconds {
        calls = per_sample(elapsed(calls, &mut f) / f64::from(calls));
    }
    let mut samples = Vec::new();
    let start = Instant::now();
    while start.elapsed().as_secs_f64() < seconds || samples.len() < 3 {
        samples.push(elapsed(calls, &mut f) / f64::from(calls));
    }
    Timing::of(samples)
}

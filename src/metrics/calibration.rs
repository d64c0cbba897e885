use std::fmt;

use super::{Compensated, mean};
use crate::figures::Figure;

/// Whether what is said to happen with a probability happens as often: samples sorted into bins by probability.
///
/// ```
/// use gradus::metrics::Classification;
///
/// let probabilities = [0.1, 0.2, 0.2, 0.9, 0.7];
/// let table = Classification::new(&[0, 0, 1, 1, 1], &probabilities)?.calibration(2)?;
/// assert_eq!(table.to_string(), "\
/// predicted     observed    samples
///  0.166667     0.333333          3
///       0.8            1          2
/// expected calibration error 0.18");
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    /// The bins that hold a sample, by rising probability.
    pub bins: Vec<CalibrationBin>,
    /// The mean distance of predicted from observed over all samples.
    #[doc(alias = "ECE")]
    pub expected_error: f64,
}

/// A bin of a [`Calibration`] table.
///
/// ```
/// use gradus::metrics::{CalibrationBin, Classification};
///
/// let judged = Classification::new(&[0, 1], &[0.25, 0.75])?;
/// let bin = CalibrationBin { predicted: 0.5, observed: 0.5, samples: 2.0 };
/// assert_eq!(judged.calibration(1)?.bins, [bin]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CalibrationBin {
    /// The mean probability in it.
    pub predicted: f64,
    /// The share of class 1 in it.
    pub observed: f64,
    /// Its samples, counted by their weights.
    pub samples: f64,
}

impl Calibration {
    /// Of samples `(probability, is of class 1, weight)`, whose weights of zero have been left out.
    pub(super) fn new(mut samples: Vec<(f64, bool, f64)>, bins: usize) -> Self {
        samples.sort_by(|a, b| a.0.total_cmp(&b.0));
        let edges: Vec<f64> = (1..bins).map(|edge| edge as f64 / bins as f64).collect();
        let bin = |probability: f64| edges.partition_point(|edge| *edge < probability);
        let mut table = Vec::new();
        for part in samples.chunk_by(|a, b| bin(a.0) == bin(b.0)) {
            let weights: Vec<f64> = part.iter().map(|sample| sample.2).collect();
            let mut count = Compensated::default();
            weights.iter().for_each(|w| count.add(*w));
            table.push(CalibrationBin {
                predicted: mean(&weights, part.iter().map(|sample| sample.0).collect()),
                observed: mean(&weights, part.iter().map(|sample| f64::from(u8::from(sample.1))).collect()),
                samples: count.value(),
            });
        }
        let counts: Vec<f64> = table.iter().map(|bin| bin.samples).collect();
        let distances = table.iter().map(|bin| (bin.predicted - bin.observed).abs()).collect();
        Self { expected_error: mean(&counts, distances), bins: table }
    }
}

impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "predicted     observed    samples")?;
        for bin in &self.bins {
            let [predicted, observed, samples] = [bin.predicted, bin.observed, bin.samples].map(Figure);
            writeln!(f, "{predicted:>9}    {observed:>9}    {samples:>7}")?;
        }
        write!(f, "expected calibration error {}", Figure(self.expected_error))
    }
}

//! How good predictions are, on whatever samples they were made: classes, probabilities, numbers.
//!
//! | predictions | judged by | what it knows |
//! |---|---|---|
//! | classes | [`ConfusionMatrix`] | accuracy, precision, recall, F1 by class and averaged |
//! | probabilities, or scores | [`Classification`] | ROC curve, AUC, log loss, Brier score, calibration |
//! | numbers | [`Regression`] | R², mean absolute error, root mean squared error |
//!
//! The truth comes first, the predictions second. Each takes a weight for each sample if wanted: weight 2 is the sample
//! twice, weight 0 the sample left out. Each displays itself. All is computed in `f64`, also from `f32`, by sums whose
//! rounding does not grow with the number of samples; what has no answer, as the AUC of a single class, is an error.
//!
//! ```
//! use gradus::metrics::{Classification, ConfusionMatrix};
//!
//! let truth = [0, 0, 1, 0, 1];
//! let confusion = ConfusionMatrix::new(&truth, &[0, 0, 1, 1, 1])?;
//! assert_eq!(confusion.accuracy(), 0.8);
//!
//! let probability_of_1 = [0.1, 0.3, 0.6, 0.7, 0.9];
//! let judged = Classification::new(&truth, &probability_of_1)?;
//! assert_eq!(judged.auc()?, 5.0 / 6.0); // of six pairs of a 0 and a 1, five are in order
//! # Ok::<(), gradus::Error>(())
//! ```

use std::fmt;

use crate::contract::{check_weights, setting};
use crate::figures::Figure;
use crate::{Error, Real, kernel};

pub use calibration::{Calibration, CalibrationBin};
pub use classification::Classification;
pub use confusion::{ClassScores, ConfusionMatrix};
pub use regression::Regression;
pub use roc::{RocCurve, RocPoint};

mod calibration;
mod classification;
mod confusion;
mod regression;
mod roc;

/// Weights as they were given: not all zero, and with a sum that is a number.
fn weights<T: Real>(given: &[T], samples: usize) -> Result<Vec<f64>, Error> {
    check_weights(given, samples)?;
    let positive = given.iter().any(|w| *w > T::zero());
    setting("weights", "positive for at least one sample", T::zero(), positive)?;
    let weights: Vec<f64> = given.iter().map(|w| w.f64()).collect();
    // twice the sum is one too
    match kernel::sum(&weights) {
        found if found > f64::MAX / 4.0 => Err(Error::Range { what: "the sum of weights", found }),
        _ => Ok(weights),
    }
}

/// `Σ w_j x_j / Σ w_j`, whatever the units of both: powers of two are taken out.
fn mean(weights: &[f64], mut x: Vec<f64>) -> f64 {
    let (unit, mut w) = (kernel::unit(kernel::norm_inf(&x)), weights.to_vec());
    kernel::scale(unit, &mut x);
    kernel::scale(kernel::unit(kernel::norm_inf(weights)), &mut w);
    kernel::dot(&w, &x) / kernel::sum(&w) / unit
}

/// A line of a summary.
fn line(f: &mut fmt::Formatter<'_>, name: &str, value: Result<f64, Error>) -> fmt::Result {
    match value {
        Ok(value) => writeln!(f, "{name:<12}{}", Figure(value)),
        Err(error) => writeln!(f, "{name:<12}none: {error}"),
    }
}

/// A sum, and the rounding of its additions (Neumaier 1974).
#[derive(Debug, Clone, Copy, Default)]
struct Compensated {
    sum: f64,
    rounding: f64,
}

impl Compensated {
    fn add(&mut self, x: f64) {
        let sum = self.sum + x;
        let (large, small) = if self.sum.abs() >= x.abs() { (self.sum, x) } else { (x, self.sum) };
        self.rounding += large - sum + small;
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.rounding
    }
}

//! What is said of a generalised linear model: deviance, dispersion, and all terms of the likelihood.

use super::Statistics;
use super::distributions::ln_gamma;
use crate::loss::Family;
use crate::{EmpiricalRisk, Loss, Model, Real};

impl<T: Real> Statistics<T> {
    /// Adds what the family tells, given `Σ w ℓ` and Pearson's statistic.
    pub(super) fn tell_family<M: Model<T>, L: Loss<T>>(
        &mut self, risk: &EmpiricalRisk<'_, T, M, L>, loss: f64, pearson: Option<T>,
    ) {
        let family = risk.loss().family();
        if family == Family::Other {
            return;
        }
        let (_, y, shares) = risk.present();
        let (total, mut room) = (risk.total_weight().f64(), y.room(risk.model().outputs(), y.len()));
        let y = y.dense(&mut room);
        if family == Family::Binomial {
            // a weight counts trials, not samples
            self.samples = shares.iter().filter(|share| **share > T::zero()).count() as f64;
        }
        let left = self.samples * y.nrows() as f64 - self.parameters;
        self.dispersion =
            pearson.map(|pearson| pearson.f64() / left).filter(|phi| left > 0.0 && phi.is_finite());
        let phi = self.dispersion.unwrap_or(f64::NAN);
        let sum = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
            let columns = y.column_iter().zip(shares).filter(|(_, share)| **share > T::zero());
            columns.map(|(y, share)| y.iter().map(|y| f(y.f64(), share.f64() * total)).sum::<f64>()).sum()
        };
        self.deviance = Some(2.0 * loss);
        let scale = if family == Family::Gamma { phi } else { 1.0 };
        self.log_likelihood = Some(sum(&|y, w| saturated(family, y, w, phi)) - loss / scale);
    }
}

/// `x ln x`, where `0 ln 0` is 0.
fn x_ln_x(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x * x.ln() }
}

/// `ln p(y | μ = y)` of a sample that counts `w` times: what a likelihood reaches at the most.
fn saturated(family: Family, y: f64, w: f64, phi: f64) -> f64 {
    match family {
        Family::Other => 0.0,
        Family::Poisson => w * (x_ln_x(y) - y - ln_gamma(y + 1.0)),
        Family::Gamma => -w * ((1.0 + phi.ln()) / phi + y.ln() + ln_gamma(1.0 / phi)),
        Family::NegativeBinomial(alpha) => {
            let ways = ln_gamma(y + 1.0 / alpha) - ln_gamma(1.0 / alpha) - ln_gamma(y + 1.0);
            w * (ways + x_ln_x(y) + y * alpha.ln() - (y + 1.0 / alpha) * (alpha * y).ln_1p())
        }
        // w trials
        Family::Binomial => {
            let ways = ln_gamma(w + 1.0) - ln_gamma(w * y + 1.0) - ln_gamma(w * (1.0 - y) + 1.0);
            ways + w * (x_ln_x(y) + x_ln_x(1.0 - y))
        }
    }
}

//! What is said of a generalised linear model: deviance, dispersion, and all terms of the likelihood.

use super::Statistics;
use super::distributions::ln_gamma;
use crate::loss::Family;
use crate::{EmpiricalRisk, Error, Loss, Model, Real};

impl<T: Real> Statistics<T> {
    /// Adds what the family tells, given `Σ w ℓ` and Pearson's statistic.
    pub(super) fn tell_family<M: Model<T>, L: Loss<T>>(
        &mut self, risk: &EmpiricalRisk<'_, T, M, L>, loss: f64, pearson: Option<T>,
    ) -> Result<(), Error> {
        let family = risk.loss().family();
        if family == Family::Other {
            return Ok(());
        }
        let (total, k) = (risk.total_weight().f64(), risk.model().outputs());
        if family == Family::Binomial {
            // a weight counts trials, not samples
            self.samples = risk.sample_sum(|_, _, _| 1.0)?;
        }
        let left = self.samples * k as f64 - self.parameters;
        self.dispersion =
            pearson.map(|pearson| pearson.f64() / left).filter(|phi| left > 0.0 && phi.is_finite());
        let phi = self.dispersion.unwrap_or(f64::NAN);
        let of_sample = |y: &[T], w: f64| y.iter().map(|y| saturated(family, y.f64(), w, phi)).sum::<f64>();
        let most = risk.sample_sum(|_, y, share| of_sample(y, share * total))?;
        self.deviance = Some(2.0 * loss);
        let scale = if family == Family::Gamma { phi } else { 1.0 };
        self.log_likelihood = Some(most - loss / scale).filter(|log| log.is_finite());
        Ok(())
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

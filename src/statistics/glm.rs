//! What is said of a generalised linear model: deviance, dispersion, and all terms of the likelihood.

use std::f64::consts::TAU;

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
        self.samples = risk.survey().observations()?;
        let left = self.samples * k as f64 - self.parameters;
        self.dispersion =
            pearson.map(|pearson| pearson.f64() / left).filter(|phi| left > 0.0 && phi.is_finite());
        let phi = self.dispersion.unwrap_or(f64::NAN);
        let of_sample = |y: &[T], w: f64| y.iter().map(|y| saturated(family, y.f64(), w, phi)).sum::<f64>();
        let most = risk.survey().sample_sum(|_, y, share| of_sample(y, share * total))?;
        self.deviance = Some(2.0 * loss);
        let scale = if family == Family::Gamma { phi } else { 1.0 };
        self.log_likelihood = Some(most - loss / scale).filter(|log| log.is_finite());
        Ok(())
    }
}

/// `n ln n − n − ln Γ(n + 1)`, the logarithm of the largest probability that Poisson's distribution gives to `n`; by Stirling's
/// series where the terms cancel.
fn of_counts(n: f64) -> f64 {
    if n == 0.0 {
        return 0.0;
    }
    if n < 16.0 {
        return n * n.ln() - n - ln_gamma(n + 1.0);
    }
    let i = 1.0 / (n * n);
    let series = 1.0 / 12.0 - i * (1.0 / 360.0 - i * (1.0 / 1260.0 - i / 1680.0));
    -0.5 * (TAU * n).ln() - series / n
}

/// `ln p(y | μ = y)` of a sample that counts `w` times: what a likelihood reaches at the most.
fn saturated(family: Family, y: f64, w: f64, phi: f64) -> f64 {
    match family {
        Family::Other => 0.0,
        Family::Poisson => w * of_counts(y),
        Family::Gamma => w * (of_counts(1.0 / phi) - (phi * y).ln()),
        Family::NegativeBinomial(alpha) => {
            let nu = 1.0 / alpha;
            w * (of_counts(y) + of_counts(nu) - of_counts(y + nu) - (alpha * y).ln_1p())
        }
        // w trials
        Family::Binomial => of_counts(w * y) + of_counts(w * (1.0 - y)) - of_counts(w),
    }
}

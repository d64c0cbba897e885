//! Statistics as people read them.

use std::fmt;

use super::{Covariance, Robust, Statistics};
use crate::figures::Figure;
use crate::{Error, Real};

/// A line for each parameter, in the order of `θ`.
impl<T: Real> fmt::Display for Statistics<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = (0..self.estimates.len()).map(|i| i.to_string()).collect();
        f.write_str(&self.lines(&names, 0.05))
    }
}

impl<T: Real> Statistics<T> {
    /// The table of coefficients with their names, and below it what is known of the fit, with intervals of 95 %.
    ///
    /// `names` are those of the parameters, in their order; of an affine model those of the features, or of features and
    /// bias.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// assert_eq!(risk.statistics(fitted.parameters())?.summary(&["hours"])?, "\
    /// parameter     estimate   std. error            t            p   95 % interval
    ///     hours          1.5     0.866025      1.73205     0.333333   -9.5039 … 12.5039
    ///    (bias)            2     0.707107      2.82843     0.216347   -6.98464 … 10.9846
    /// 3 samples, 2 parameters, residual standard error 1.22474
    /// log-likelihood -3.21709, AIC 10.4342, BIC 8.63141
    /// R² 0.75, adjusted 0.5, F 3 on 1 and 1 (p = 0.333333)");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] for another number of names.
    pub fn summary<S: AsRef<str>>(&self, names: &[S]) -> Result<String, Error> {
        self.summary_at(names, 0.95)
    }

    /// The same with intervals that cover their parameters with the probability `level`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let summary = risk.statistics(fitted.parameters())?.summary_at(&["hours"], 0.5)?;
    /// assert!(summary.contains("50 % interval\n") && summary.contains("0.633975 … 2.36603"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] for another number of names; [`Error::Setting`] for a level that is not strictly between 0
    /// and 1.
    pub fn summary_at<S: AsRef<str>>(&self, names: &[S], level: f64) -> Result<String, Error> {
        self.confidence_intervals(level)?;
        let outputs = self.layout.outputs;
        let rows = self.estimates.len() / outputs;
        let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        if self.layout.bias && names.len() + 1 == rows {
            names.push("(bias)");
        }
        if names.len() != rows && names.len() != self.estimates.len() {
            return Err(Error::Length { argument: "names", expected: rows, found: names.len() });
        }
        let of_output = |i: usize| match names.len() == rows && outputs > 1 {
            true => format!("{}: {}", i % outputs, names[i / outputs]),
            false => names[i].to_owned(),
        };
        let names: Vec<String> = (0..self.estimates.len()).map(of_output).collect();
        Ok(self.lines(&names, 1.0 - level) + &self.of_the_fit())
    }

    fn lines(&self, names: &[String], p: f64) -> String {
        let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("parameter".len());
        let ratio = if self.degrees_of_freedom.is_some() { "t" } else { "z" };
        let mut text = format!(
            "{:>width$} {:>12} {:>12} {ratio:>12} {:>12}   {} % interval",
            "parameter",
            "estimate",
            "std. error",
            "p",
            Figure(100.0 * (1.0 - p))
        );
        let (ratios, tails) = (self.ratios(), self.p_values());
        let critical = T::of(self.distribution().critical(p));
        for (i, (estimate, error)) in self.estimates.iter().zip(&self.standard_errors).enumerate() {
            text += &format!("\n{:>width$} {:>12}", names[i], Figure(estimate.f64()));
            if self.is_reference(i) {
                text += "    reference";
                continue;
            }
            for number in [*error, ratios[i], tails[i]] {
                text += &format!(" {:>12}", Figure(number.f64()));
            }
            let ends = [*estimate - critical * *error, *estimate + critical * *error];
            let [low, high] = ends.map(|end| Figure(end.f64()));
            text += &format!("   {low} … {high}");
        }
        text
    }

    fn of_the_fit(&self) -> String {
        let mut text = format!("\n{} samples, {} parameters", Figure(self.samples), Figure(self.parameters));
        if let (Some(variances), None) = (&self.residual_variance, self.dispersion) {
            let roots = variances.iter().map(|variance| Figure(variance.f64().sqrt()).to_string());
            text += &format!(", residual standard error {}", roots.collect::<Vec<_>>().join(", "));
        }
        if let (Some(log), Some(aic), Some(bic)) = (self.log_likelihood, self.aic(), self.bic()) {
            text += &format!("\nlog-likelihood {}, AIC {}, BIC {}", Figure(log), Figure(aic), Figure(bic));
        }
        if let (Some(deviance), Some(dispersion)) = (self.deviance, self.dispersion) {
            text += &format!("\ndeviance {}, dispersion {}", Figure(deviance), Figure(dispersion));
        }
        if let (Some(r), Some(adjusted)) = (self.r_squared, self.adjusted_r_squared()) {
            text += &format!("\nR² {}, adjusted {}", Figure(r), Figure(adjusted));
        }
        if let Some(f) = self.f_test() {
            let [d1, d2] = [f.degrees_of_freedom, f.residual_degrees.unwrap_or_default()].map(Figure);
            text += &format!(", F {} on {d1} and {d2} (p = {})", Figure(f.statistic), Figure(f.p_value));
        }
        text + &match self.source {
            Covariance::Information => String::new(),
            Covariance::Sandwich(robust) => {
                let name = match robust {
                    Robust::Hc0 => "HC0",
                    Robust::Hc1 => "HC1",
                    Robust::Hc2 => "HC2",
                    Robust::Hc3 => "HC3",
                };
                format!("\nstandard errors are robust ({name})")
            }
            Covariance::Clustered { groups } => format!("\nstandard errors are clustered by {groups} groups"),
        }
    }
}

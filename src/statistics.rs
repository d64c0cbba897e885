//! How well data determine the parameters: covariance, standard errors, tests and intervals.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::contract::{check_point, room, setting};
use crate::figures::Figure;
use crate::kernel;
use crate::{EmpiricalRisk, Error, Loss, Model, Objective, Real, Recession};
use distributions::Symmetric;
use information::{Curvature, Information};

mod distributions;
mod information;

/// What maximum likelihood says of its own precision, parameter by parameter in the order of `θ`.
///
/// Made by [`EmpiricalRisk::statistics`] and [`EmpiricalRisk::robust_statistics`].
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
///
/// // slope 3/2, residuals ½ (−1, 2, −1)
/// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let statistics = risk.statistics(fitted.parameters())?;
/// assert!((statistics.standard_errors[0] - 0.75_f64.sqrt()).abs() < 1e-14); // √(1.5 / Σx²)
/// assert_eq!(statistics.to_string(), "\
/// parameter     estimate   std. error            t            p   95 % interval
///         0          1.5     0.866025      1.73205     0.333333   -9.5039 … 12.5039
///         1            2     0.707107      2.82843     0.216347   -6.98464 … 10.9846");
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics<T: Real> {
    /// `θ`.
    pub estimates: DVector<T>,
    /// The covariance of the estimates (`p × p`).
    pub covariance: DMatrix<T>,
    /// The roots of its diagonal.
    pub standard_errors: DVector<T>,
    /// Unbiased residual variance of each output, where the loss is the squared error.
    pub residual_variance: Option<DVector<T>>,
    /// Degrees of freedom of Student's distribution; none: the normal one. Unless positive there are no p values: NaN.
    pub degrees_of_freedom: Option<f64>,
}

/// Standard errors that hold although the model's variance does not (White 1980; MacKinnon and White 1985).
///
/// ```text
/// H⁻¹ (Σ_j w_j g_j g_jᵀ) H⁻¹,   g_j the gradient of the loss of sample j
/// ```
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{EmpiricalRisk, Perceptron, Robust, SquaredError};
///
/// // residuals ½ (−1, 2, −1)
/// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc0)?;
/// assert!((robust.covariance[(0, 0)] - 0.125_f64).abs() < 1e-14); // Σ (x r)² / (Σx²)²
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Robust {
    /// As above.
    Hc0,
    /// Times `m/(m − p)`.
    Hc1,
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Covariance and standard errors of the parameters `theta` that minimise this risk, over all its samples.
    ///
    /// ```text
    /// H = ∇² Σ_j w_j ℓ_j + (Σw) λ 1,   F = ∇² Σ_j w_j ℓ_j   (the observed information)
    /// covariance = σ² H⁻¹ F H⁻¹                               (= σ² H⁻¹ without a penalty)
    /// ```
    ///
    /// - Squared error: `σ²` is the residual variance, divided by `Σw − tr(H⁻¹F)` (`m − p` without a penalty), and
    ///   ratios follow Student's distribution. For a [`Perceptron`](crate::Perceptron) with several outputs, residuals
    ///   of different outputs may be correlated, and so are then their coefficients.
    /// - Log loss and cross-entropy: `σ² = 1`, and ratios follow the normal distribution.
    ///
    /// Weights count samples: weight 2 is the sample twice. A penalty biases estimates, which no covariance tells.
    /// For affine models `H` is never formed: its root comes from an orthogonal factorisation. `H` is the exact
    /// Hessian; no damping of any optimizer is in it. No residual is taken for smaller than what rounding makes of it: of
    /// a perfect fit, standard errors are of that size, and a coefficient that is zero is not significant.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let statistics = risk.statistics(fitted.parameters())?;
    /// assert_eq!(statistics.degrees_of_freedom, Some(2.0));
    /// let slope = statistics.confidence_intervals(0.95)?.row(0).into_owned();
    /// assert!(slope[0] < 2.08 && 2.08 < slope[1] && statistics.p_values()[0] < 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] and [`Error::NonFinite`] for `theta`; [`Error::NotStationary`] where it is no minimum to
    /// within a thousandth of a standard error, or rounding; [`Error::Separable`] with the direction, and
    /// [`Error::Undecided`]; [`Error::RankDeficient`] with the columns; [`Error::NotPositiveDefinite`] for a network whose
    /// Hessian is not; [`Error::DegreesOfFreedom`]; [`Error::Range`] where squares of standard errors cannot be
    /// represented.
    #[expect(private_bounds, reason = "the likelihoods of the crate")]
    pub fn statistics(&mut self, theta: &DVector<T>) -> Result<Statistics<T>, Error>
    where
        M: Information<T, L>,
    {
        Statistics::new(theta, self.curvature(theta)?)
    }

    /// [`statistics`](Self::statistics) with a covariance that does not trust the model's variance, only its mean.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, Robust, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let hc0 = risk.robust_statistics(fitted.parameters(), Robust::Hc0)?.standard_errors;
    /// let hc1 = risk.robust_statistics(fitted.parameters(), Robust::Hc1)?.standard_errors;
    /// assert!((hc1[0] / hc0[0] - 2.0_f64.sqrt()).abs() < 1e-14); // √(4/(4 − 2))
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics).
    #[expect(private_bounds, reason = "the likelihoods of the crate")]
    pub fn robust_statistics(&mut self, theta: &DVector<T>, robust: Robust) -> Result<Statistics<T>, Error>
    where
        M: Information<T, L>,
    {
        let mut curvature = self.curvature(theta)?;
        let Curvature { sigma, rounding, root, .. } = &curvature;
        // a row of A times its output's σ is what the parameter is measured in
        let (k, (lengths, rows)) = (sigma.len(), information::unit_rows(root));
        let mut moments = self.gradient_moments(theta, sigma, &rows.transpose(), root);
        kernel::mirror(moments.as_mut_slice(), theta.len());
        if robust == Robust::Hc1 {
            let count = self.total_weight();
            moments *= count / information::degrees(count, T::of(theta.len() as f64 / k as f64))?;
        }
        let deviations = DVector::from_fn(theta.len(), |i, _| moments[(i, i)].sqrt().max(rounding[i % k]));
        curvature.errors = DVector::from_fn(theta.len(), |i, _| deviations[i] * lengths[i] * sigma[i % k]);
        curvature.correlation =
            moments.map_with_location(|i, j, m| information::over(m, deviations[i] * deviations[j]));
        Statistics::new(theta, curvature)
    }

    fn curvature(&mut self, theta: &DVector<T>) -> Result<Curvature<T>, Error>
    where
        M: Information<T, L>,
    {
        self.check()?;
        check_point("theta", theta, self.dim())?;
        room::<T>("theta", &[theta.len(), theta.len(), 4])?; // Hessian, factor, inverse, covariance
        self.batch(0..self.samples())?;
        match self.recedes(theta) {
            Recession::Along(direction) => {
                let direction = direction.iter().map(|d| d.f64()).collect();
                return Err(Error::Separable { what: "statistics", direction });
            }
            Recession::Undecided => return Err(Error::Undecided { what: "statistics" }),
            Recession::NotSought | Recession::No => {}
        }
        let curvature = M::curvature(self, theta)?;
        // the distance to the minimum in standard errors, ‖Aᵀg / σ‖, and what rounding of the residuals makes of it
        let mut gradient = DVector::zeros(theta.len());
        self.value_gradient(theta, &mut gradient);
        let Curvature { root, sigma, rounding, .. } = &curvature;
        let total = self.total_weight();
        gradient.iter_mut().enumerate().for_each(|(i, g)| *g = *g / sigma[i % sigma.len()] * total);
        let distance = kernel::norm(root.tr_mul(&gradient).as_slice()).f64();
        let rounding = (kernel::norm(rounding.as_slice()) * total.sqrt()).f64();
        if distance <= STATIONARY + rounding {
            return Ok(curvature);
        }
        Err(Error::NotStationary { what: "statistics", distance })
    }
}

/// Standard errors between the parameters and the minimum.
const STATIONARY: f64 = 1e-3;

/// A line for each parameter, in the order of `θ`.
impl<T: Real> fmt::Display for Statistics<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = if self.degrees_of_freedom.is_some() { "t" } else { "z" };
        write!(f, "parameter     estimate   std. error {ratio:>12} {:>12}   95 % interval", "p")?;
        let (ratios, p) = (self.ratios(), self.p_values());
        let critical = T::of(self.distribution().critical(0.05));
        for (i, (estimate, error)) in self.estimates.iter().zip(&self.standard_errors).enumerate() {
            let numbers = [*estimate, *error, ratios[i], p[i]].map(|number| Figure(number.f64()));
            let ends = [*estimate - critical * *error, *estimate + critical * *error];
            let [low, high] = ends.map(|end| Figure(end.f64()));
            write!(f, "\n{i:>9}")?;
            numbers.iter().try_for_each(|number| write!(f, " {number:>12}"))?;
            write!(f, "   {low} … {high}")?;
        }
        Ok(())
    }
}

impl<T: Real> Statistics<T> {
    fn new(theta: &DVector<T>, curvature: Curvature<T>) -> Result<Self, Error> {
        let errors = curvature.errors;
        information::representable("the covariance", &errors)?;
        Ok(Self {
            estimates: theta.clone(),
            covariance: curvature
                .correlation
                .map_with_location(|i, j, cosine| errors[i] * cosine * errors[j]),
            standard_errors: errors,
            residual_variance: curvature.residual_variance,
            degrees_of_freedom: curvature.degrees_of_freedom,
        })
    }

    fn distribution(&self) -> Symmetric {
        self.degrees_of_freedom.map_or(Symmetric::Normal, Symmetric::Student)
    }

    /// Estimates over standard errors: `t` where there are degrees of freedom, else `z`. An estimate of zero has the ratio
    /// zero.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// // a slope of 3/2 with the standard error √3/2
    /// let t = risk.statistics(fitted.parameters())?.ratios();
    /// assert!((t[0] - 3.0_f64.sqrt()).abs() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn ratios(&self) -> DVector<T> {
        let pairs = self.estimates.iter().zip(&self.standard_errors);
        DVector::from_vec(pairs.map(|(estimate, error)| information::over(*estimate, *error)).collect())
    }

    /// The probability of a ratio at least as large, of either sign, were the parameter zero.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// // t = √3 with one degree of freedom: 1 − 2 arctan(√3)/π
    /// let p = risk.statistics(fitted.parameters())?.p_values();
    /// assert!((p[0] - 1.0 / 3.0_f64).abs() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn p_values(&self) -> DVector<T> {
        let distribution = self.distribution();
        self.ratios().map(|ratio| T::of(distribution.two_sided(ratio.f64())))
    }

    /// Lower and upper ends (columns) of an interval for each parameter (rows), that covers it with the
    /// probability `level`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    /// let (x, y) = (dmatrix![-1.0, 0.0, 1.0], dmatrix![0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// // one degree of freedom: half of the probability is within one error, here √3/2
    /// let ends = risk.statistics(fitted.parameters())?.confidence_intervals(0.5)?;
    /// assert!((ends[(0, 1)] - (1.5 + 0.75_f64.sqrt())).abs() < 1e-13);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a level that is not strictly between 0 and 1.
    pub fn confidence_intervals(&self, level: f64) -> Result<DMatrix<T>, Error> {
        setting("level", "strictly between 0 and 1", level, level > 0.0 && level < 1.0)?;
        let critical = T::of(self.distribution().critical(1.0 - level));
        let pairs = self.estimates.iter().zip(&self.standard_errors);
        let ends =
            |(estimate, error): (&T, &T)| [*estimate - critical * *error, *estimate + critical * *error];
        let ends: Vec<T> = pairs.flat_map(ends).collect();
        Ok(DMatrix::from_row_slice(ends.len() / 2, 2, &ends))
    }
}

//! How well data determine the parameters: covariance, standard errors, tests and intervals.

use nalgebra::{DMatrix, DVector};

use crate::contract::{check_length, check_point, room, setting};
use crate::loss::Likelihood;
use crate::optimizer::rounding as rounding_of;
use crate::risk::Sandwich;
use crate::{EmpiricalRisk, Error, Objective, Real, Recession, SecondOrderLoss, SecondOrderModel, kernel};
use distributions::Symmetric;
use information::Question;
pub(crate) use information::{Curvature, degrees, unit_rows};

pub use goodness::HypothesisTest;
pub use influence::Influence;
pub use posterior::{Posterior, Prediction, PredictionOf};

mod axes;
mod distributions;
mod firth;
mod glm;
mod goodness;
mod influence;
mod information;
mod jacobian;
mod posterior;
mod summary;

/// What maximum likelihood says of its own precision, parameter by parameter in the order of `θ`.
///
/// Made by [`EmpiricalRisk::statistics`], [`robust_statistics`](EmpiricalRisk::robust_statistics) and
/// [`clustered_statistics`](EmpiricalRisk::clustered_statistics), and for nonlinear least squares by
/// [`LeastSquares::statistics`](crate::LeastSquares::statistics) and its
/// [robust](crate::LeastSquares::robust_statistics) kin. [`summary`](Self::summary) prints it with names.
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
///
/// // slope 3/2, residuals ½ (−1, 2, −1)
/// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
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
///
#[doc = include_str!("guide/pictures/intervals.svg")]
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Statistics<T: Real> {
    /// `θ`.
    pub estimates: DVector<T>,
    /// The covariance of the estimates (`p × p`).
    pub covariance: DMatrix<T>,
    /// The roots of its diagonal.
    pub standard_errors: DVector<T>,
    /// Unbiased residual variance of each output, where the loss is the squared error; the dispersion, where it has one.
    pub residual_variance: Option<DVector<T>>,
    /// Degrees of freedom of the residuals, and of Student's distribution; none: the normal one. Clustered errors take one less
    /// than there are groups for it. Unless positive there are no p values: NaN.
    pub degrees_of_freedom: Option<f64>,
    /// Where the covariance comes from.
    pub source: Covariance,
    /// The class whose coefficients are taken from those of the others, which are all that softmax determines: its own
    /// are 0, without error.
    pub reference: Option<usize>,
    /// `m`: samples, counted by their weights; rows, where weights count trials.
    pub samples: f64,
    /// `p`: parameters, those that a penalty or a shift leaves undetermined not counted.
    pub parameters: f64,
    /// The logarithm of the likelihood, where the loss is one; of the squared error at the likeliest variance, unless that
    /// is 0. For a loss of one's own, up to what it leaves out.
    pub log_likelihood: Option<f64>,
    /// `R²` of one output with squared error: about the mean, or about 0 for an affine model without bias. Targets that
    /// differ by no more than rounding of residuals have none.
    pub r_squared: Option<f64>,
    /// Of a generalised linear model `2 Σ w ℓ`: twice what the log-likelihood lacks to that of a model with a parameter for
    /// each sample, times the dispersion.
    pub deviance: Option<f64>,
    /// Of a generalised linear model `φ̂ = Σ w (y − μ)²/V(μ) / (m − p)`: about 1 where counts scatter as their distribution
    /// says, more where they scatter more.
    pub dispersion: Option<f64>,
    /// `1 − R²`, whose digits `R²` next to 1 has lost.
    unexplained: Option<f64>,
    /// Outputs, that parameters are of in turn, and whether the last parameters are biases.
    layout: Layout,
}

/// Where a covariance comes from.
///
/// ```
/// use gradus::{Covariance, EmpiricalRisk, Huber, Perceptron, Robust, matrix};
///
/// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0, 5.0], matrix![2.9, 5.1, 7.0, 9.2, 30.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), Huber::new(1.0), &x, &y)?;
/// let fitted = risk.fit()?;
/// // Huber's loss is no likelihood
/// let statistics = risk.statistics(fitted.parameters())?;
/// assert_eq!(statistics.source, Covariance::Sandwich(Robust::Hc0));
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Covariance {
    /// `σ² H⁻¹`, or `σ² H⁻¹ F H⁻¹` with a penalty.
    Information,
    /// `H⁻¹ (Σ g gᵀ) H⁻¹` over samples.
    Sandwich(Robust),
    /// The same over the sums of so many groups of samples.
    Clustered {
        /// Groups that have a sample.
        groups: usize,
    },
}

/// What parameters are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    outputs: usize,
    bias: bool,
    is_affine: bool,
}

/// Standard errors that hold although the model's variance does not (White 1980; MacKinnon and White 1985).
///
/// ```text
/// H⁻¹ (Σ_j w_j g_j g_jᵀ) H⁻¹,   g_j the gradient of the loss of sample j
/// ```
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, Robust, SquaredError, matrix};
///
/// // residuals ½ (−1, 2, −1)
/// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc0)?;
/// assert!((robust.covariance[(0, 0)] - 0.125_f64).abs() < 1e-14); // Σ (x r)² / (Σx²)²
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Robust {
    /// As above. Of [`Binomial`](crate::loss::Binomial), whose weights count trials, each sample is one observation:
    /// `w_j² g_j g_jᵀ`.
    Hc0,
    /// Times `m/(m − p)`, `p` the [`parameters`](Statistics::parameters) of an output.
    Hc1,
    /// With `g_j g_jᵀ/(1 − h_j)`, `h_j` the leverage of the sample (of each output apart): unbiased where variances are equal.
    Hc2,
    /// With `g_j g_jᵀ/(1 − h_j)²`, near the jackknife; the most careful with few samples (Long and Ervin 2000).
    Hc3,
}

impl Robust {
    /// The power of `√(1 − h)` that residuals are divided by.
    pub(crate) fn power(self) -> i32 {
        match self {
            Self::Hc0 | Self::Hc1 => 0,
            Self::Hc2 => 1,
            Self::Hc3 => 2,
        }
    }
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Covariance and standard errors of the parameters `theta` that minimise this risk, over all its samples.
    ///
    /// ```text
    /// H = ∇² Σ_j w_j ℓ_j + (Σw) λ 1,   F = ∇² Σ_j w_j ℓ_j   (the observed information)
    /// covariance = σ² H⁻¹ F H⁻¹                               (= σ² H⁻¹ without a penalty)
    /// ```
    ///
    /// Where `F` curves downwards, as that of a network under a strong penalty may, its Gauss–Newton part stands for it; for affine
    /// models both are expected information.
    ///
    /// - Squared error: `σ²` is the residual variance, divided by `Σw − tr(H⁻¹F)` (`m − p` without a penalty), and
    ///   ratios follow Student's distribution. For a [`Perceptron`](crate::Perceptron) with several outputs, residuals
    ///   of different outputs may be correlated, and so are then their coefficients.
    /// - Log loss and cross-entropy: `σ² = 1`, and ratios follow the normal distribution. Softmax is not changed by the
    ///   same number added to the scores of all classes, so estimates are differences to class 0
    ///   ([`reference`](Statistics::reference)).
    /// - A loss that is no likelihood (Huber's, and one's own unless it [says](crate::Loss::likelihood) that it is one): the
    ///   sandwich of [`Robust::Hc0`], and the normal distribution; [`source`](Statistics::source) says so.
    ///
    /// Weights count samples: weight 2 is the sample twice. A penalty biases estimates, which no covariance tells.
    /// For affine models `H` is never formed: its root comes from an orthogonal factorisation. `H` is the exact
    /// Hessian; no damping of any optimizer is in it. No residual is taken for smaller than what rounding makes of it: of
    /// a perfect fit, standard errors are of that size, and a coefficient that is zero is not significant.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![2.9, 5.1, 7.0, 9.2]);
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
    /// [`Error::Length`] and [`Error::NonFinite`] for `theta`; [`Error::NotStationary`] where it is no minimum to within
    /// a thousandth of a standard error, or what rounding makes of its value and gradient; [`Error::Separable`] with the
    /// direction, and [`Error::Undecided`]; [`Error::RankDeficient`] with the columns; [`Error::NotPositiveDefinite`] for
    /// a network whose Hessian is not; [`Error::DegreesOfFreedom`]; [`Error::Range`] where squares of standard errors
    /// cannot be represented.
    pub fn statistics(&mut self, theta: &DVector<T>) -> Result<Statistics<T>, Error> {
        if self.loss().likelihood() == Likelihood::None {
            return self.robust_statistics(theta, Robust::Hc0);
        }
        let curvature = self.curvature(theta, STATISTICS)?;
        self.tell(theta, curvature, Covariance::Information)
    }

    /// [`statistics`](Self::statistics) with a covariance that does not trust the model's variance, only its mean.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, Robust, SquaredError, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![2.9, 5.1, 7.0, 9.2]);
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
    pub fn robust_statistics(&mut self, theta: &DVector<T>, robust: Robust) -> Result<Statistics<T>, Error> {
        self.sandwiched(theta, Covariance::Sandwich(robust), &[])
    }

    /// The same for samples in groups that are independent of each other, while those of one group need not be:
    ///
    /// ```text
    /// G/(G − 1) (m − 1)/(m − p)  H⁻¹ (Σ_g s_g s_gᵀ) H⁻¹,   s_g the sum of w_j g_j over the group
    /// ```
    ///
    /// `groups` holds a number for each sample, whatever it is. Source: Liang and Zeger (1986), with the correction that
    /// Stata and statsmodels make for few groups.
    ///
    /// ```
    /// use gradus::{Covariance, EmpiricalRisk, Perceptron, SquaredError, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0, 5.0], matrix![2.9, 5.1, 7.0, 9.2, 10.8]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let clustered = risk.clustered_statistics(fitted.parameters(), &[1, 1, 2, 2, 7])?;
    /// assert_eq!(clustered.source, Covariance::Clustered { groups: 3 });
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics); [`Error::Length`] unless there is a group for each sample, and
    /// [`Error::Setting`] for fewer than two groups.
    pub fn clustered_statistics(
        &mut self, theta: &DVector<T>, groups: &[usize],
    ) -> Result<Statistics<T>, Error> {
        self.check_in_memory("a list of groups")?;
        check_length("groups", groups.len(), self.samples())?;
        let mut numbers: Vec<usize> =
            (0..groups.len()).filter(|j| self.counts(*j)).map(|j| groups[j]).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let count = numbers.len();
        setting("groups", "of two numbers or more", count as f64, count > 1)?;
        // a sample without weight may be of any
        let groups: Vec<usize> =
            groups.iter().map(|group| numbers.binary_search(group).unwrap_or_default()).collect();
        self.sandwiched(theta, Covariance::Clustered { groups: count }, &groups)
    }

    fn sandwiched(
        &mut self, theta: &DVector<T>, source: Covariance, groups: &[usize],
    ) -> Result<Statistics<T>, Error> {
        let curvature = self.curvature(theta, STATISTICS)?;
        let curvature = self.robust(theta, source, groups, curvature)?;
        self.tell(theta, curvature, source)
    }

    /// With the errors of a covariance that trusts the mean alone.
    fn robust(
        &mut self, theta: &DVector<T>, source: Covariance, groups: &[usize], curvature: Curvature<T>,
    ) -> Result<Curvature<T>, Error> {
        let Curvature { sigma, root: a, .. } = &curvature;
        // a row of A times its output's σ is what the parameter is measured in
        let (lengths, rows) = information::unit_rows(&curvature.contrast(a.clone()));
        let (k, count) = (sigma.len(), T::of(self.survey().observations()?));
        let power = match source {
            Covariance::Sandwich(robust) => robust.power(),
            _ => 0,
        };
        let sandwich = Sandwich { sigma, b: rows.transpose(), a, power };
        let left = || information::degrees(count, curvature.effective / T::of(k as f64));
        let mut moments = match source {
            Covariance::Clustered { groups: number } => {
                room::<T>("groups", &[number, theta.len(), 4])?;
                let few = T::of(number as f64 / (number - 1) as f64) * (count - T::one()) / left()?;
                self.survey().cluster_moments(self.loss(), theta, &sandwich, groups, number)? * few
            }
            Covariance::Sandwich(Robust::Hc1) => {
                self.survey().gradient_moments(self.loss(), theta, &sandwich)? * (count / left()?)
            }
            _ => self.survey().gradient_moments(self.loss(), theta, &sandwich)?,
        };
        kernel::mirror(moments.as_mut_slice(), theta.len());
        Ok(curvature.sandwiched(&moments, &lengths))
    }

    fn curvature(&mut self, theta: &DVector<T>, question: Question) -> Result<Curvature<T>, Error> {
        let what = question.what;
        self.check()?;
        check_point("theta", theta, self.dim())?;
        room::<T>("theta", &[theta.len(), theta.len(), 4])?; // Hessian, factor, inverse, covariance
        self.batch(0..self.samples())?;
        let recession = self.recedes(theta);
        self.broken()?;
        match recession {
            Recession::Along(direction) => {
                let direction = direction.iter().map(|d| d.f64()).collect();
                return Err(Error::Separable { what, direction });
            }
            Recession::Undecided => return Err(Error::Undecided { what }),
            Recession::NotSought | Recession::No => {}
        }
        let curvature = self.information(theta, question)?;
        let mut gradient = DVector::zeros(theta.len());
        let value = self.value_gradient(theta, &mut gradient);
        self.broken()?;
        self.settled(theta, curvature, (value, gradient), what)
    }

    /// The curvature, where the gradient says that the point is a minimum.
    fn settled(
        &self, theta: &DVector<T>, curvature: Curvature<T>, (value, mut gradient): (T, DVector<T>),
        what: &'static str,
    ) -> Result<Curvature<T>, Error> {
        // the distance to the minimum in standard errors, ‖Aᵀg / σ‖, and what rounding of the residuals makes of it
        let Curvature { root, sigma, rounding, .. } = &curvature;
        let total = self.total_weight();
        gradient.iter_mut().enumerate().for_each(|(i, g)| *g = *g / sigma[i % sigma.len()] * total);
        let distance = kernel::norm(root.tr_mul(&gradient).as_slice()).f64();
        // and of the value, which shows no λ whose ½ λ² is rounding
        let hidden = (rounding_of(value) * T::of(2.0)).sqrt() / sigma.min();
        let allowed = STATIONARY + ((kernel::norm(rounding.as_slice()) + hidden) * total.sqrt()).f64();
        if distance <= allowed || distance <= allowed + self.rounding_of_sums(theta, &curvature)?.f64() {
            return Ok(curvature);
        }
        Err(Error::NotStationary { what, distance })
    }

    /// What rounding of its sums over samples makes of a gradient, in standard errors: `‖|A|ᵀ 4ε √(m Σ w g²) / σ‖`.
    fn rounding_of_sums(&self, theta: &DVector<T>, curvature: &Curvature<T>) -> Result<T, Error> {
        let (lengths, rows) = information::unit_rows(&curvature.root);
        let (a, b) = (DMatrix::from_diagonal(&lengths), DMatrix::identity(theta.len(), theta.len()));
        let sandwich = Sandwich { sigma: &curvature.sigma, b, a: &a, power: 0 };
        let squares =
            self.survey().gradient_moments(self.loss(), theta, &sandwich)?.diagonal() * self.total_weight();
        let sums = squares.map(|square| T::of(4.0) * T::EPSILON * square.sqrt());
        Ok(kernel::norm((rows.abs() * sums).as_slice()))
    }
}

const STATISTICS: Question = Question { what: "statistics", allows_flat: false, by_prior: false };

/// Standard errors between the parameters and the minimum.
pub(crate) const STATIONARY: f64 = 1e-3;

impl<T: Real> Statistics<T> {
    /// Of the estimates, with what is known of their likelihood left open.
    pub(crate) fn new(
        estimates: DVector<T>, curvature: Curvature<T>, samples: T, outputs: usize,
    ) -> Result<Self, Error> {
        let errors = curvature.errors;
        information::representable("the covariance", &errors)?;
        Ok(Self {
            estimates,
            covariance: curvature
                .correlation
                .map_with_location(|i, j, cosine| errors[i] * cosine * errors[j]),
            standard_errors: errors,
            residual_variance: curvature.residual_variance,
            degrees_of_freedom: curvature.degrees_of_freedom,
            source: Covariance::Information,
            reference: (!curvature.shifted.is_empty()).then_some(0),
            samples: samples.f64(),
            parameters: curvature.effective.f64(),
            log_likelihood: None,
            r_squared: None,
            unexplained: None,
            deviance: None,
            dispersion: None,
            layout: Layout { outputs, bias: false, is_affine: false },
        })
    }

    /// Whether a parameter is one that others are measured from.
    fn is_reference(&self, i: usize) -> bool {
        self.reference.is_some() && self.standard_errors[i] == T::zero()
    }

    fn distribution(&self) -> Symmetric {
        let degrees = match (self.degrees_of_freedom, self.source) {
            (Some(_), Covariance::Clustered { groups }) => Some(groups as f64 - 1.0),
            (degrees, _) => degrees,
        };
        degrees.map_or(Symmetric::Normal, Symmetric::Student)
    }

    /// Estimates over standard errors: `t` where there are degrees of freedom, else `z`. An estimate of zero has the ratio
    /// zero.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
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
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
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
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0], matrix![0.0, 3.0, 3.0]);
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

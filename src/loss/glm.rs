//! Losses of generalised linear models (Nelder and Wedderburn 1972), on scores: `μ = e^z` for counts and sizes, `μ = σ(z)`
//! for shares. Each is measured from its least value, where `μ = y`: so twice their sum is the deviance, and what is left
//! where a model fits well keeps its digits.

use super::element_wise::ElementWise;
use super::entries::Jet;
use super::{Family, Likelihood};
use crate::contract::positive;
use crate::{Error, Real};

/// Counts `y = 0, 1, 2, …` whose variance is their mean `μ = e^z`: Poisson regression, with the log link. Convex.
///
/// ```text
/// ℓ = μ − y − y ln(μ/y),   ∂ℓ/∂z = μ − y,   ∂²ℓ/∂z² = μ
/// ```
///
/// Where all counts of some group are 0, its coefficient runs to minus infinity: the report says
/// [`Separable`](crate::Termination::Separable).
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, loss::Poisson};
///
/// let (x, counts) = ([0.0, 1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 3.0, 6.0, 13.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), Poisson, &x, &counts)?;
/// let fitted = risk.fit()?;
/// assert!(fitted.report.converged() && (fitted.weights()[0] - 0.69_f64).abs() < 0.05);
/// println!("{}", risk.statistics(fitted.parameters())?.summary(&["years"])?);
/// println!("expected in year 5: {:.1}", fitted.predict(&[5.0])?[0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Poisson;

/// Positive sizes `y` whose standard deviation is proportional to their mean `μ = e^z`: Gamma regression, with the log link.
/// Convex.
///
/// ```text
/// ℓ = y/μ − 1 − ln(y/μ),   ∂ℓ/∂z = 1 − y/μ,   ∂²ℓ/∂z² = y/μ, of mean 1
/// ```
///
/// The dispersion `φ`, the square of the coefficient of variation, comes from Pearson's statistic.
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, loss::Gamma};
///
/// let (x, costs) = ([0.0, 1.0, 2.0, 3.0, 4.0], [1.1, 1.8, 4.3, 7.5, 17.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), Gamma, &x, &costs)?;
/// let fitted = risk.fit()?;
/// let statistics = risk.statistics(fitted.parameters())?;
/// assert!(fitted.report.converged() && statistics.dispersion.is_some_and(|phi| phi < 0.02));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Gamma;

/// Counts that scatter more than Poisson's: variance `μ + α μ²` (NB2) with a dispersion `α` that is given, and the log link.
/// Convex.
///
/// ```text
/// ℓ       = (y + 1/α) ln((1 + α μ)/(1 + α y)) − y ln(μ/y)
/// ∂ℓ/∂z   = (μ − y)/(1 + α μ)
/// ∂²ℓ/∂z² = (1 + α y) μ/(1 + α μ)²
/// ```
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, loss::NegativeBinomial};
///
/// let (x, counts) = ([0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 3.0, 2.0, 9.0, 13.0]);
/// let loss = NegativeBinomial::new(0.5);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), loss, &x, &counts)?;
/// assert!(risk.fit()?.report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NegativeBinomial {
    pub(crate) alpha: f64,
}

/// Successes among trials, logistic regression of counts: `y` is the **share** of successes, and the number of trials is the
/// sample's weight ([`with_weights`](crate::EmpiricalRisk::with_weights)). Convex.
///
/// ```text
/// ℓ = y ln(y/μ) + (1 − y) ln((1 − y)/(1 − μ)),   ∂ℓ/∂z = μ − y,   ∂²ℓ/∂z² = μ (1 − μ)
/// ```
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, loss::Binomial};
///
/// let (doses, trials) = ([1.0, 2.0, 3.0, 4.0], [10.0, 12.0, 9.0, 11.0]);
/// let shares = [1.0 / 10.0, 4.0 / 12.0, 6.0 / 9.0, 10.0 / 11.0];
/// let risk = EmpiricalRisk::new(Perceptron::new(1), Binomial, &doses, &shares)?;
/// let mut risk = risk.with_weights(&trials)?;
/// let fitted = risk.fit()?;
/// assert!(fitted.report.converged() && fitted.predict(&[2.6])?[0] > 0.5_f64);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Binomial;

impl NegativeBinomial {
    /// With the dispersion `alpha`, positive and finite; near 0 it is Poisson's.
    ///
    /// ```
    /// use gradus::loss::{ElementWise, NegativeBinomial};
    ///
    /// // (μ − y)/(1 + α μ) at μ = 1
    /// assert_eq!(NegativeBinomial::new(1.0).jet(0.0, 3.0).first, -1.0);
    /// ```
    pub fn new(alpha: f64) -> Self {
        Self { alpha }
    }
}

/// The losses of this file.
#[diagnostic::on_unimplemented(
    message = "`fit` knows no method for a `Perceptron` with the loss `{Self}`",
    note = "it knows `SquaredError`, `Huber`, `CrossEntropy`, `Poisson`, `Gamma`, `NegativeBinomial` and `Binomial`; logistic \
            regression is `SigmoidClassifier` with `LogLoss`",
    note = "`risk.fit_with(&mut Lbfgs::new(), start, &Stop::default())?` fits every model with every loss"
)]
pub(crate) trait Glm: ElementWise + Clone {}

impl Glm for Poisson {}
impl Glm for Gamma {}
impl Glm for NegativeBinomial {}
impl Glm for Binomial {}

/// Of counts 0 the loss falls for ever as their mean does.
fn margin_of_counts<T: Real>(y: T, r: T) -> T {
    if y == T::zero() { -r } else { -r.abs() }
}

impl ElementWise for Poisson {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let mean = z.exp();
        if y == T::zero() {
            return Jet { value: mean, first: mean, second: mean };
        }
        let d = z - y.ln();
        Jet { value: y * (d.exp_m1() - d.min(T::MAX)), first: y * d.exp_m1(), second: mean }
    }

    fn family(&self) -> Family {
        Family::Poisson
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
    }

    fn response<T: Real>(&self, z: T) -> T {
        z.exp()
    }

    fn margin<T: Real>(&self, y: T, r: T) -> T {
        margin_of_counts(y, r)
    }

    fn target<T: Real>(&self, y: T) -> Result<(), &'static str> {
        if y >= T::zero() { Ok(()) } else { Err("a count, 0 or more") }
    }
}

impl ElementWise for Gamma {
    const CONVEX: bool = true;

    /// It grows both ways.
    fn margin<T: Real>(&self, _y: T, r: T) -> T {
        -r.abs()
    }

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let d = z - y.ln();
        Jet { value: (-d).exp_m1() + d.max(-T::MAX), first: -(-d).exp_m1(), second: (-d).exp() }
    }

    fn expected<T: Real>(&self, _z: T, _y: T) -> T {
        T::one()
    }

    fn family(&self) -> Family {
        Family::Gamma
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Dispersion
    }

    fn response<T: Real>(&self, z: T) -> T {
        z.exp()
    }

    fn target<T: Real>(&self, y: T) -> Result<(), &'static str> {
        if y > T::zero() { Ok(()) } else { Err("positive") }
    }
}

impl ElementWise for NegativeBinomial {
    const CONVEX: bool = true;

    /// With `t = z + ln α`: `α μ/(1 + α μ) = σ(t)` and `1/(1 + α μ) = σ(−t)`.
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let alpha = T::of(self.alpha);
        let (up, down, softplus) = sigmoid(z + alpha.ln());
        let second = (y + T::one() / alpha) * up * down;
        if y == T::zero() {
            return Jet { value: softplus / alpha, first: up / alpha, second };
        }
        let d = z - y.ln();
        let excess = (alpha * y * d.exp_m1() / (T::one() + alpha * y)).ln_1p();
        let excess = if excess.is_finite() { excess } else { softplus - (alpha * y).ln_1p() };
        // (e^d + α μ)/(1 + α μ) = 1 + (e^d − 1)/(1 + α μ)
        let rest = if d.abs() > T::one() { d.min(T::MAX) - excess } else { (d.exp_m1() * down).ln_1p() };
        let value = excess / alpha - y * rest;
        Jet { value, first: if d > T::one() { up / alpha - y * down } else { y * d.exp_m1() * down }, second }
    }

    fn expected<T: Real>(&self, z: T, _y: T) -> T {
        // μ/(1 + α μ)
        sigmoid(z + T::of(self.alpha).ln()).0 / T::of(self.alpha)
    }

    fn family(&self) -> Family {
        Family::NegativeBinomial(self.alpha)
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
    }

    fn response<T: Real>(&self, z: T) -> T {
        z.exp()
    }

    fn margin<T: Real>(&self, y: T, r: T) -> T {
        margin_of_counts(y, r)
    }

    fn settings<T: Real>(&self) -> Result<(), Error> {
        positive::<T>("alpha", self.alpha)
    }

    fn target<T: Real>(&self, y: T) -> Result<(), &'static str> {
        Poisson.target(y)
    }
}

impl ElementWise for Binomial {
    const CONVEX: bool = true;

    /// With `d = z − ln(y/(1 − y))` and `q = y`, of `d > 0` with `−d` and `q = 1 − y`, so that `m = e^d − 1` is not positive:
    /// `ℓ = ln(1 + q m) − q d` and `∂ℓ/∂z = ± y (1 − y) m/(1 + q m)`, both exactly zero at `d = 0`.
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (zero, one, (up, down, above)) = (T::zero(), T::one(), sigmoid(z));
        let second = up * down;
        if y == zero {
            return Jet { value: above, first: up, second };
        }
        if y == one {
            return Jet { value: sigmoid(-z).2, first: -down, second };
        }
        let d = z - (y / (one - y)).ln();
        let (q, sign) = if d > zero { (one - y, -one) } else { (y, one) };
        let m = (-d.abs()).exp_m1();
        let first = sign * y * (one - y) * m / (one + q * m);
        // next to zero, the first term of the series is nearer than a difference
        let is_near = d.abs() <= T::EPSILON.sqrt();
        let square = T::of(0.5) * y * (one - y) * d * d;
        let value = if is_near { square } else { (q * m).ln_1p() + q * d.abs() };
        Jet { value, first, second }
    }

    fn family(&self) -> Family {
        Family::Binomial
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
    }

    fn response<T: Real>(&self, z: T) -> T {
        sigmoid(z).0
    }

    /// Of shares of 0 and 1 alone it falls for ever.
    fn margin<T: Real>(&self, y: T, r: T) -> T {
        if y == T::one() { r } else { margin_of_counts(y, r) }
    }

    fn target<T: Real>(&self, y: T) -> Result<(), &'static str> {
        if y >= T::zero() && y <= T::one() { Ok(()) } else { Err("a share, from 0 to 1") }
    }
}

/// `σ(t)`, `σ(−t)` and `ln(1 + eᵗ)`, from one exponential.
fn sigmoid<T: Real>(t: T) -> (T, T, T) {
    let (one, e) = (T::one(), (-t.abs()).exp());
    let (large, small) = (one / (one + e), e / (one + e));
    let (up, down) = if t > T::zero() { (large, small) } else { (small, large) };
    (up, down, t.max(T::zero()) + e.ln_1p())
}

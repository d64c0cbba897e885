//! Which likelihood a loss is.

/// Of which likelihood a loss is the negative logarithm; [`statistics`](crate::EmpiricalRisk::statistics) depends on it.
///
/// ```
/// use gradus::loss::{ElementWise, Likelihood};
/// use gradus::{CrossEntropy, Loss, SquaredError};
///
/// assert_eq!(ElementWise::likelihood(&SquaredError), Likelihood::Normal);
/// assert_eq!(Loss::<f64>::likelihood(&CrossEntropy), Likelihood::Known);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Likelihood {
    /// Of none: standard errors come from the sandwich `H⁻¹ (Σ g gᵀ) H⁻¹`.
    #[default]
    None,
    /// `ℓ(z, y) = −ln p(y | z)`, up to terms that depend on `y` alone.
    Known,
    /// `ℓ(z, y) = ½ (z − y)²`: normal, with a variance that the residuals tell.
    Normal,
    /// `ℓ(z, y) = −φ ln p(y | z)`, up to terms without `z`, with a dispersion `φ` that Pearson's statistic tells.
    Dispersion,
}

/// A distribution of the targets whose likelihood is known with all its terms.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Family {
    #[default]
    Other,
    Poisson,
    Gamma,
    /// With its dispersion.
    NegativeBinomial(f64),
    Binomial,
}

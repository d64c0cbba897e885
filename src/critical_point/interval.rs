//! What products tell of the least eigenvalue.

use std::fmt;

use crate::Real;
use crate::figures::Figure;

/// An interval that holds the least eigenvalue of a Hessian with the stated confidence.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{CriticalKind, CriticalPoint, problems::Rosenbrock};
///
/// let x = DVector::from_element(2000, 1.0);
/// let point = CriticalPoint::by_products(&mut Rosenbrock::new(2000), &x)?;
/// let least = point.interval().expect("more than 1,000 variables");
/// assert_eq!(point.kind, CriticalKind::Minimum);
/// assert!(least.lower > 0.0 && least.products <= 300);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct LeastEigenvalue<T> {
    /// No eigenvalue is less, with the confidence: "no curvature below".
    pub lower: T,
    /// The least Ritz value `vᵀHv`, `‖v‖ = 1`: there is curvature as small as this.
    pub upper: T,
    /// The probability, over starts of Lanczos' method, with which all is true that is said of the spectrum.
    pub confidence: f64,
    /// `(upper − lower) / (λ_max − λ_min)`.
    pub epsilon: f64,
    /// Products with the Hessian that it took.
    pub products: usize,
}

impl<T: Real> fmt::Display for LeastEigenvalue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [lower, epsilon] = [self.lower.f64(), self.epsilon].map(Figure);
        let Self { confidence, products, .. } = self;
        write!(
            f,
            "no curvature below {lower} with confidence {confidence}, ε {epsilon} by {products} products"
        )
    }
}

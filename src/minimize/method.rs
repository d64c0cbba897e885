//! Which method a fit chose.

use std::fmt;

/// The method that `fit` chose.
///
/// ```
/// use gradus::{Method, SigmoidClassifier, matrix};
///
/// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![0.0, 1.0, 0.0, 1.0]);
/// let fitted = SigmoidClassifier::new(1).fit(&x, &y)?;
/// assert_eq!(fitted.report.method, Some(Method::Newton));
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Method {
    /// An orthogonal factorisation.
    Householder,
    /// Newton's method.
    Newton,
    /// L-BFGS.
    Lbfgs,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Householder => "Householder reflections",
            Self::Newton => "Newton",
            Self::Lbfgs => "L-BFGS",
        })
    }
}

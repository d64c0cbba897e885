//! What the methods can be told.

use nalgebra::DMatrixView;

use super::bracket_error;
use crate::contract::{check_finite, setting};
use crate::{Error, Real};

/// A method for one variable with its settings: [`Brent`](super::Brent), [`ScalarNewton`](super::ScalarNewton) or
/// [`Halley`](super::Halley); `D` is the
/// number of derivatives of `f` that it takes for a root.
///
/// ```
/// use gradus::univariate::{Brent, Halley, ScalarMethod, ScalarNewton};
///
/// fn quick<const D: usize>(method: ScalarMethod<f64, D>) -> ScalarMethod<f64, D> {
///     method.tolerance(1e-6).iterations(20)
/// }
/// let (brent, newton, halley) =
///     (quick(Brent::new()), quick(ScalarNewton::new()), quick(Halley::new()));
/// assert!(brent.root(|x| x * x - 2.0, (0.0, 2.0))?.converged());
/// assert!(newton.root(|x| (x * x - 2.0, 2.0 * x), 1.0)?.converged());
/// assert!(halley.root(|x| (x * x - 2.0, 2.0 * x, 2.0), 1.0)?.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScalarMethod<T, const D: usize>(pub(super) Settings<T>);

/// A method that goes from a start; one that does not is given a bracket where it is called.
pub trait FromStart {}

impl<T: Real, const D: usize> ScalarMethod<T, D> {
    /// The safeguarded method: tolerance 0 (to rounding), at most 256 iterations, no bracket, no trace.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// // The textbook iteration diverges from here.
    /// let report = ScalarNewton::new().root(|x: f64| (x.atan(), 1.0 / (1.0 + x * x)), 1.4)?;
    /// assert!(report.converged() && report.x.abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops at `|f(x)| ≤ tolerance`, for a minimum `|g'(x)| ≤ tolerance`. Default: 0, that is, to rounding.
    /// [`Brent`](super::Brent), who has no derivative of `g`, takes no notice where a minimum is sought.
    ///
    /// ```
    /// use gradus::{Termination, univariate::ScalarNewton};
    ///
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x);
    /// let report = ScalarNewton::new().tolerance(1e-3).root(square, 1.0)?;
    /// assert_eq!(report.termination, Termination::ResidualTolerance);
    /// assert!(report.residual.is_some_and(|f| f <= 1e-3));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn tolerance(self, tolerance: T) -> Self {
        Self(Settings { tolerance, ..self.0 })
    }

    /// At most so many iterations. Default: 256.
    ///
    /// ```
    /// use gradus::{Termination, univariate::ScalarNewton};
    ///
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x);
    /// let report = ScalarNewton::pure().iterations(3).root(square, 1.0)?;
    /// assert_eq!((report.termination, report.iterations), (Termination::Iterations, 3));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn iterations(self, bound: usize) -> Self {
        Self(Settings { iterations: bound, ..self.0 })
    }

    /// Keeps every iterate in the report, the start first. Default: no.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// let report = ScalarNewton::pure().trace(true).root(|x: f64| (x * x - 2.0, 2.0 * x), 1.0)?;
    /// assert_eq!(report.trace[..3], [1.0, 1.5, 1.4166666666666667]);
    /// assert_eq!(report.trace.len(), report.iterations + 1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn trace(self, on: bool) -> Self {
        Self(Settings { trace: on, ..self.0 })
    }
}

impl<T: Real, const D: usize> ScalarMethod<T, D>
where
    Self: FromStart,
{
    /// The textbook iteration, digit for digit, with the settings of [`new`](Self::new). A bracket is
    /// refused.
    ///
    /// ```
    /// use gradus::{Termination, univariate::ScalarNewton};
    ///
    /// let cubic = |x: f64| (x.powi(3) - 2.0 * x + 2.0, 3.0 * x * x - 2.0);
    /// let pure = ScalarNewton::pure().root(cubic, 0.0)?; // 0, 1, 0, 1, …
    /// assert_eq!(pure.termination, Termination::Cycle);
    /// assert!(ScalarNewton::new().root(cubic, 0.0)?.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn pure() -> Self {
        Self(Settings { pure: true, ..Settings::default() })
    }

    /// Never leaves `[a, b]`: the closure is not called outside it. A root needs `f(a)` and `f(b)` of opposite
    /// signs, a minimum `g'(a) ≤ 0 ≤ g'(b)`; at the ends an infinity of the right sign will do. Default:
    /// none.
    ///
    /// ```
    /// use gradus::{Termination, univariate::ScalarNewton};
    ///
    /// let logarithm = |x: f64| (x.ln(), 1.0 / x);
    /// assert_eq!(ScalarNewton::new().bracket(0.0, 50.0).root(logarithm, 50.0)?.x, 1.0);
    /// let pole = |x: f64| (1.0 / x, -1.0 / (x * x));
    /// let pole = ScalarNewton::new().bracket(-1.0, 1.0).root(pole, 0.5)?;
    /// assert_eq!(pole.termination, Termination::Discontinuity);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn bracket(self, a: T, b: T) -> Self {
        Self(Settings { bracket: Some((a, b)), ..self.0 })
    }
}

/// Checked once, when a run starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Settings<T> {
    pub(super) tolerance: T,
    pub(super) iterations: usize,
    pub(super) bracket: Option<(T, T)>,
    pub(super) pure: bool,
    pub(super) trace: bool,
}

impl<T: Default> Default for Settings<T> {
    fn default() -> Self {
        Self { tolerance: T::default(), iterations: 256, bracket: None, pure: false, trace: false }
    }
}

impl<T: Real> Settings<T> {
    pub(super) fn check(&self, start: T) -> Result<(), Error> {
        let fine = self.tolerance >= T::zero() && self.tolerance.is_finite();
        setting("tolerance", "finite and not negative", self.tolerance, fine)?;
        if let Some((a, b)) = self.bracket {
            setting("bracket", "left out of the pure iteration, which is not kept in one", a, !self.pure)?;
            check_finite("bracket", DMatrixView::from_slice(&[a, b], 2, 1))?;
        }
        check_finite("start", DMatrixView::from_slice(&[start], 1, 1))?;
        match self.bracket {
            Some((a, b)) if a >= b => Err(bracket_error("not empty", (a, b))),
            Some((a, b)) if start < a || start > b => Err(bracket_error("around the start", (a, b))),
            _ => Ok(()),
        }
    }
}

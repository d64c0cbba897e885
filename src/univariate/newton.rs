//! Newton's method.

use super::ScalarReport;
use super::bracket::Bracketed;
use super::iteration::{Iteration, Point};
use super::settings::{FromStart, ScalarMethod};
use crate::{Error, Real};

/// Newton's method in one variable: for a root of `f`, for a minimum of `g`.
///
/// ```text
/// root      x ← x − f(x) / f'(x)
/// minimum   x ← x − g'(x) / |g''(x)|      (pure: g'(x) / g''(x))
/// ```
///
/// [`new`](ScalarMethod::new) is safeguarded. A root is sought with steps that lower `|f|`, a minimum with steps
/// that lower `g` (Armijo 1966: by at least `10⁻⁴` of what the slope predicts); a step that does not, or
/// that leaves the domain (NaN), is halved. Steps that shrink by a steady factor `r` are those at a root of
/// multiplicity `1/(1 − r)` and are stretched by it (Schröder 1870), so multiple roots and far starts take
/// few steps. As soon as two points of opposite sign are known, everything stays between them: Newton where
/// its steps shrink to a quarter, bisection where they do not (after Dekker 1969 and Brent 1973).
/// From a local minimum of `|f|` the search for a change of sign widens to both sides. A stationary point
/// that has lower neighbours is left towards them.
///
/// [`pure`](ScalarMethod::pure) is the textbook iteration, digit for digit, and says how it failed: cycle,
/// divergence, zero derivative, overflow.
///
/// The minimum of `e^x − ln x` is at `Ω = W(1)`:
///
/// ```
/// use gradus::univariate::ScalarNewton;
///
/// let g = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
/// let report = ScalarNewton::new().minimum(g, 0.05)?;
/// assert!((report.x - 0.5671432904097838).abs() <= f64::EPSILON);
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("Newton-Raphson", "Newton method", "root finding"))]
pub type ScalarNewton<T> = ScalarMethod<T, 1>;

impl<T> FromStart for ScalarNewton<T> {}

impl<T: Real> ScalarNewton<T> {
    /// A root of `f` from `start`; the closure returns `(f(x), f'(x))`.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// // Kepler's equation, E − e sin E = M.
    /// let (e, m) = (0.9, 1.0);
    /// let kepler = |x: f64| (x - e * x.sin() - m, 1.0 - e * x.cos());
    /// let x = ScalarNewton::new().root(kepler, m)?.into_converged()?.x;
    /// assert!((x - e * x.sin() - m).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NonFinite`] for the start or the bracket; [`Error::Bracket`] if the bracket is empty, does
    /// not hold the start or no change of sign; [`Error::Setting`] for a bad tolerance or a bracket on the
    /// pure iteration. How the iteration ended is the report's [`termination`](ScalarReport::termination).
    pub fn root(&self, mut f: impl FnMut(T) -> (T, T), start: T) -> Result<ScalarReport<T>, Error> {
        let mut call = |x: T| {
            let (f, slope) = f(x);
            Point { slope, step: -f / slope, ..Point::plain(x, f) }
        };
        Iteration::new(&mut call, self.0, false).from(start, Bracketed::search)
    }

    /// A minimum of `g` from `start`; the closure returns `(g(x), g'(x), g''(x))`.
    ///
    /// Never uphill: `g` at the point returned is at most `g(start)`, up to rounding (`pure` may
    /// go uphill).
    ///
    /// ```
    /// use gradus::{CriticalKind, univariate::ScalarNewton};
    ///
    /// let g = |x: f64| (x.powi(4) - 2.0 * x * x, 4.0 * x.powi(3) - 4.0 * x, 12.0 * x * x - 4.0);
    /// let report = ScalarNewton::new().minimum(g, 0.1)?; // g'' < 0 here
    /// assert_eq!((report.x, report.value), (1.0, -1.0));
    /// assert_eq!(report.kind, Some(CriticalKind::Minimum));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`root`](Self::root); the bracket needs `g'(a) ≤ 0 ≤ g'(b)`.
    pub fn minimum(&self, mut g: impl FnMut(T) -> (T, T, T), start: T) -> Result<ScalarReport<T>, Error> {
        let pure = self.0.pure;
        let mut call = |x: T| {
            let (value, f, slope) = g(x);
            let step = -f / if pure { slope } else { slope.abs() };
            Point { value, slope, step, ..Point::plain(x, f) }
        };
        Iteration::new(&mut call, self.0, true).from(start, Bracketed::search)
    }
}

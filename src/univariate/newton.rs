//! Newton's method.

use super::iteration::{Iteration, Point};
use super::{ScalarReport, Settings};
use crate::{Error, Real};

/// Newton's method in one variable: for a root of `f`, for a minimum of `g`.
///
/// ```text
/// root      x ← x − f(x) / f'(x)
/// minimum   x ← x − g'(x) / |g''(x)|      (pure: g'(x) / g''(x))
/// ```
///
/// [`new`](Self::new) is safeguarded. A root is sought with steps that lower `|f|`, a minimum with steps
/// that lower `g` (Armijo 1966: by at least `10⁻⁴` of what the slope predicts); a step that does not, or
/// that leaves the domain (NaN), is halved. Steps that shrink by a steady factor `r` are those at a root of
/// multiplicity `1/(1 − r)` and are stretched by it (Schröder 1870), so multiple roots and far starts take
/// few steps. As soon as two points of opposite sign are known, everything stays between them: Newton where
/// its steps shrink to a quarter, bisection where they do not (after Dekker 1969 and Brent 1973).
/// From a local minimum of `|f|` the search for a change of sign widens to both sides. A stationary point
/// that has lower neighbours is left towards them.
///
/// [`pure`](Self::pure) is the textbook iteration, digit for digit, and says how it failed: cycle,
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
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScalarNewton<T>(Settings<T>);

impl<T: Real> ScalarNewton<T> {
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

    /// Stops at `|f(x)| ≤ tolerance`, for a minimum `|g'(x)| ≤ tolerance`. Default: 0, that is, to rounding.
    ///
    /// ```
    /// use gradus::{Termination, univariate::ScalarNewton};
    ///
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x);
    /// let report = ScalarNewton::new().tolerance(1e-3).root(square, 1.0)?;
    /// assert_eq!(report.termination, Termination::ResidualTolerance);
    /// assert!(report.value.abs() <= 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
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
    #[must_use]
    pub fn iterations(self, bound: usize) -> Self {
        Self(Settings { iterations: bound, ..self.0 })
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
    #[must_use]
    pub fn bracket(self, a: T, b: T) -> Self {
        Self(Settings { bracket: Some((a, b)), ..self.0 })
    }

    /// Keeps every iterate in the report. Default: no.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// let report = ScalarNewton::pure().trace(true).root(|x: f64| (x * x - 2.0, 2.0 * x), 1.0)?;
    /// assert_eq!(report.trace[..3], [1.0, 1.5, 1.4166666666666667]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn trace(self, on: bool) -> Self {
        Self(Settings { trace: on, ..self.0 })
    }

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
            Point { x, value: f, f, slope, second: None, step: newton_step(f, slope) }
        };
        Iteration::new(&mut call, self.0, false).from(start)
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
            let step = newton_step(f, if pure { slope } else { slope.abs() });
            Point { x, value, f, slope, second: None, step }
        };
        Iteration::new(&mut call, self.0, true).from(start)
    }
}

/// `−f/f'`: no step (0) from a zero of `f`, no number where `f' = 0` too.
pub(super) fn newton_step<T: Real>(f: T, slope: T) -> T {
    if f == T::zero() && slope != T::zero() { T::zero() } else { -f / slope }
}

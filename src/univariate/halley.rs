//! Halley's method.

use super::iteration::{Iteration, Point};
use super::newton::newton_step;
use super::{ScalarReport, Settings};
use crate::{Error, Real};

/// Halley's method (Halley 1694) for a root of `f`: Newton's step with the curvature taken in, of third order.
///
/// ```text
/// n = −f/f'        x ← x + n / (1 + n f''/(2 f'))   =   x − 2 f f' / (2 f'² − f f'')
/// ```
///
/// [`new`](Self::new) is safeguarded as [`ScalarNewton`](super::ScalarNewton) is, and takes Newton's step
/// `n` where the denominator is below ½; [`pure`](Self::pure) is the textbook iteration.
///
/// ```
/// use gradus::univariate::Halley;
///
/// let cube = |x: f64| (x.powi(3) - 2.0, 3.0 * x * x, 6.0 * x);
/// let report = Halley::new().root(cube, 1.0)?;
/// assert!((report.x - 2.0_f64.cbrt()).abs() <= f64::EPSILON);
/// assert!(report.iterations <= 4);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Halley<T>(Settings<T>);

impl<T: Real> Halley<T> {
    /// The safeguarded method: tolerance 0 (to rounding), at most 256 iterations, no bracket, no trace.
    ///
    /// ```
    /// use gradus::univariate::Halley;
    ///
    /// let atan = |x: f64| (x.atan(), 1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2));
    /// assert!(Halley::new().root(atan, 1e6)?.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The textbook iteration, with the settings of [`new`](Self::new). A bracket is refused.
    ///
    /// ```
    /// use gradus::univariate::Halley;
    ///
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x, 2.0);
    /// assert_eq!(Halley::pure().trace(true).root(square, 1.0)?.trace[..2], [1.0, 1.4]); // 7/5
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn pure() -> Self {
        Self(Settings { pure: true, ..Settings::default() })
    }

    /// Stops at `|f(x)| ≤ tolerance`. Default: 0, that is, to rounding.
    ///
    /// ```
    /// # use gradus::univariate::Halley;
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x, 2.0);
    /// let report = Halley::new().tolerance(0.1).root(square, 1.0)?;
    /// assert!(report.value.abs() <= 0.1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn tolerance(self, tolerance: T) -> Self {
        Self(Settings { tolerance, ..self.0 })
    }

    /// At most so many iterations. Default: 256.
    ///
    /// ```
    /// # use gradus::univariate::Halley;
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x, 2.0);
    /// assert!(!Halley::pure().iterations(1).root(square, 1.0)?.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn iterations(self, bound: usize) -> Self {
        Self(Settings { iterations: bound, ..self.0 })
    }

    /// Never leaves `[a, b]`, whose ends must be of opposite signs. Default: none.
    ///
    /// ```
    /// # use gradus::univariate::Halley;
    /// let square = |x: f64| (x * x - 2.0, 2.0 * x, 2.0);
    /// assert!(Halley::new().bracket(-2.0, 0.0).root(square, -1.0)?.x < 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn bracket(self, a: T, b: T) -> Self {
        Self(Settings { bracket: Some((a, b)), ..self.0 })
    }

    /// Keeps every iterate in the report. Default: no.
    ///
    /// ```
    /// # use gradus::univariate::Halley;
    /// let report = Halley::new().trace(true).root(|x: f64| (x * x - 2.0, 2.0 * x, 2.0), 1.0)?;
    /// assert_eq!(report.trace.len(), report.iterations + 1);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn trace(self, on: bool) -> Self {
        Self(Settings { trace: on, ..self.0 })
    }

    /// A root of `f` from `start`; the closure returns `(f(x), f'(x), f''(x))`.
    ///
    /// ```
    /// use gradus::univariate::Halley;
    ///
    /// // Lambert's W(1): w e^w = 1.
    /// let w = |w: f64| (w * w.exp() - 1.0, (1.0 + w) * w.exp(), (2.0 + w) * w.exp());
    /// let x = Halley::new().root(w, 1.0)?.into_converged()?.x;
    /// assert!((x - 0.5671432904097838).abs() <= f64::EPSILON);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`ScalarNewton::root`](super::ScalarNewton::root).
    pub fn root(&self, mut f: impl FnMut(T) -> (T, T, T), start: T) -> Result<ScalarReport<T>, Error> {
        let pure = self.0.pure;
        let mut call = |x: T| {
            let (f, slope, second) = f(x);
            let newton = newton_step(f, slope);
            let denominator = T::one() + newton * (second / slope) * T::of(0.5);
            let step = if pure || denominator >= T::of(0.5) { newton / denominator } else { newton };
            Point { x, value: f, f, slope, second: Some(second), step }
        };
        Iteration::new(&mut call, self.0, false).from(start)
    }
}

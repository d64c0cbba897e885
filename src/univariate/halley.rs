//! Halley's method.

use super::ScalarReport;
use super::bracket::Bracketed;
use super::iteration::{Iteration, Point};
use super::settings::{FromStart, ScalarMethod};
use crate::{Error, Real};

/// Halley's method (Halley 1694) for a root of `f`: Newton's step with the curvature taken in, of third order.
///
/// ```text
/// n = −f/f'        x ← x + n / (1 + n f''/(2 f'))   =   x − 2 f f' / (2 f'² − f f'')
/// ```
///
/// [`new`](ScalarMethod::new) is safeguarded as [`ScalarNewton`](super::ScalarNewton) is, and takes Newton's step
/// `n` where the denominator is below ½; [`pure`](ScalarMethod::pure) is the textbook iteration.
///
/// ```
/// use gradus::univariate::Halley;
///
/// let cube = |x: f64| (x.powi(3) - 2.0, 3.0 * x * x, 6.0 * x);
/// let report = Halley::new().root(cube, 1.0)?;
/// assert!((report.x - 2.0_f64.cbrt()).abs() <= f64::EPSILON);
/// assert!(report.iterations <= 4);
/// let square = |x: f64| (x * x - 2.0, 2.0 * x, 2.0);
/// assert_eq!(Halley::pure().trace(true).root(square, 1.0)?.trace[..2], [1.0, 1.4]); // 7/5
/// # Ok::<(), gradus::Error>(())
/// ```
pub type Halley<T> = ScalarMethod<T, 2>;

impl<T> FromStart for Halley<T> {}

impl<T: Real> Halley<T> {
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
            let newton = -f / slope;
            let denominator = T::one() + newton * (second / slope) * T::of(0.5);
            let step = if pure || denominator >= T::of(0.5) { newton / denominator } else { newton };
            Point { slope, second, step, ..Point::plain(x, f) }
        };
        Iteration::new(&mut call, self.0, false).from(start, Bracketed::search)
    }
}

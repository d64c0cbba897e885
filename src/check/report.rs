use std::cmp::Reverse;
use std::fmt;

use super::differences::Estimate;
use crate::Real;
use crate::figures::Figure;

/// What the comparison of one derivative came to, from best to worst.
///
/// ```
/// use gradus::{Function, vector};
/// use gradus::nalgebra::DVector;
/// use gradus::check::{self, Verdict};
///
/// let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
///     g[0] = x[0].signum();
///     x[0].abs()
/// });
/// assert_eq!(check::gradient(&mut f, &vector![1.0])?.verdict(), Verdict::Passed);
/// // the kink
/// assert_eq!(check::gradient(&mut f, &vector![0.0])?.verdict(), Verdict::Undecided);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Analytic and numeric derivative agree.
    Passed,
    /// The differences do not settle: a kink at the point, the end of the domain, or a function too noisy to
    /// tell.
    Undecided,
    /// They differ by more than tolerance and numeric error explain.
    Failed,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Undecided => "undecided",
        })
    }
}

/// One derivative, analytic beside numeric.
///
/// ```
/// use gradus::{check, problems::Rosenbrock, vector};
///
/// let report = check::gradient(&mut Rosenbrock::new(2), &vector![0.0, 1.0])?;
/// let second = report.components.iter().find(|c| c.row == 1).expect("two rows");
/// assert_eq!((second.quantity, second.analytic), ("∇f", 200.0)); // 200 (x₂ − x₁²)
/// assert!((second.numeric - 200.0_f64).abs() < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Component<T> {
    /// Which derivative: `∇f`, `∇²f`, `∂L/∂Z`, …
    pub quantity: &'static str,
    /// Row of the entry.
    pub row: usize,
    /// Column of the entry; 0 where the derivative is a vector.
    pub column: usize,
    /// What the code under test says.
    pub analytic: T,
    /// What differences say.
    pub numeric: T,
    /// `|analytic − numeric|`.
    pub absolute_error: T,
    /// The absolute error relative to the larger of the two; 0 where both are 0.
    pub relative_error: T,
    /// How far the numeric derivative itself may be off.
    pub numeric_error: T,
    /// The step of the difference; 0 where none was finite.
    pub step: T,
    /// What it came to.
    pub verdict: Verdict,
}

impl<T: Real> Component<T> {
    pub(super) fn compare(
        quantity: &'static str, (row, column): (usize, usize), analytic: T, e: &Estimate<T>,
    ) -> Self {
        let absolute_error = (analytic - e.value).abs();
        let size = analytic.abs().max(e.value.abs());
        let is_unseen = e.flat && size == T::zero();
        Self {
            quantity,
            row,
            column,
            analytic,
            numeric: e.value,
            absolute_error,
            relative_error: if absolute_error == T::zero() { T::zero() } else { absolute_error / size },
            numeric_error: if is_unseen { T::of(f64::INFINITY) } else { e.error },
            step: e.step,
            verdict: judge(analytic, absolute_error, size, e),
        }
    }

    /// Whether it is right to the tolerance by its own size: nothing that shorter steps show makes it wrong.
    pub(super) fn is_sure(&self) -> bool {
        let known = self.numeric_error <= tolerance::<T>().sqrt() * self.numeric.abs();
        self.verdict == Verdict::Passed
            && self.relative_error <= tolerance()
            && known
            && self.numeric != T::zero()
    }

    /// Whether the derivative is said to be zero, and no difference says otherwise.
    pub(super) fn is_still(&self) -> bool {
        let is_zero = self.analytic == T::zero() && self.numeric == T::zero();
        self.verdict == Verdict::Undecided && is_zero && self.numeric_error.is_finite()
    }

    /// Two values that have to be the same number, no differences involved.
    pub(super) fn same(quantity: &'static str, found: T, expected: T) -> Self {
        let slope = expected.abs();
        let error = T::of(64.0) * T::EPSILON * slope;
        let expected = Estimate {
            value: expected,
            error,
            step: T::zero(),
            slope,
            hidden: T::zero(),
            kink: None,
            flat: false,
        };
        Self::compare(quantity, (0, 0), found, &expected)
    }
}

/// `1e−8` in f64 and `1e−3` in f32.
fn tolerance<T: Real>() -> T {
    T::of(if T::EPSILON.f64() < 1e-10 { 1e-8 } else { 1e-3 })
}

/// Agreement to the tolerance passes. A difference beyond it fails, unless
/// ten times the numeric error explain it: then it passes where that error is small against the slopes around and
/// against the derivative itself, and is undecided where it is not, for a wrong sign would be no larger.
fn judge<T: Real>(analytic: T, difference: T, size: T, e: &Estimate<T>) -> Verdict {
    let tolerance = tolerance::<T>();
    let explained = T::of(10.0) * e.error;
    if !analytic.is_finite() {
        return Verdict::Failed;
    }
    if let Some((least, most)) = e.kink {
        // any slope between the two is a derivative of a kind; one outside is wrong
        let slack = tolerance.sqrt() * least.abs().max(most.abs());
        let inside = analytic >= least - slack && analytic <= most + slack;
        return if inside { Verdict::Undecided } else { Verdict::Failed };
    }
    let rounding = T::of(64.0) * T::EPSILON * e.slope.max(size);
    if !(e.error.is_finite() && e.slope.is_finite()) || e.flat && analytic == T::zero() {
        Verdict::Undecided
    } else if difference <= tolerance * size + rounding && e.slope > T::zero() {
        Verdict::Passed
    } else if difference > explained.max(e.hidden) {
        Verdict::Failed
    } else if difference <= explained && explained <= (tolerance * e.slope).min(tolerance.sqrt() * size) {
        Verdict::Passed
    } else {
        Verdict::Undecided
    }
}

/// What a derivative check found, component by component.
///
/// ```
/// use gradus::{Function, vector};
/// use gradus::nalgebra::DVector;
/// use gradus::check;
///
/// // f = x² + sin y, with a sign wrong
/// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
///     g.copy_from_slice(&[2.0 * x[0], -x[1].cos()]);
///     x[0] * x[0] + x[1].sin()
/// });
/// let report = check::gradient(&mut f, &vector![1.0, 1.0])?;
/// assert!(!report.passed());
/// let worst = report.worst().expect("two components");
/// assert_eq!((worst.row, worst.analytic), (1, -1.0_f64.cos()));
/// println!("{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CheckReport<T> {
    /// All comparisons, in order.
    pub components: Vec<Component<T>>,
}

impl<T: Real> CheckReport<T> {
    /// A derivative of zero along which nothing changes at all is undecided by itself: it may be lost beside a large
    /// offset. It passes where the rounding is small against the other derivatives, or where what is differentiated
    /// `is_derivative` itself, which has no offset.
    pub(super) fn of(mut components: Vec<Component<T>>, is_derivative: bool) -> Self {
        let numeric = |c: &Component<T>| if c.numeric.is_finite() { c.numeric.abs() } else { T::zero() };
        let steepest = components.iter().map(numeric).fold(T::zero(), T::max);
        for c in components.iter_mut().filter(|c| c.is_still()) {
            if is_derivative || c.numeric_error <= T::of(1e-12) * steepest {
                c.verdict = Verdict::Passed;
            }
        }
        Self { components }
    }

    /// Whether every component passed.
    ///
    /// ```
    /// use gradus::{check, problems::Rosenbrock, vector};
    ///
    /// assert!(check::gradient(&mut Rosenbrock::new(2), &vector![-1.2, 1.0])?.passed());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn passed(&self) -> bool {
        self.verdict() == Verdict::Passed
    }

    /// The verdict on the whole: failed if any component failed, else undecided if any is, or if there is
    /// none at all.
    ///
    /// ```
    /// use gradus::check::{CheckReport, Verdict};
    ///
    /// let nothing = CheckReport::<f64> { components: Vec::new() };
    /// assert_eq!(nothing.verdict(), Verdict::Undecided); // nothing compared, nothing passed
    /// ```
    pub fn verdict(&self) -> Verdict {
        self.components.iter().map(|c| c.verdict).max().unwrap_or(Verdict::Undecided)
    }

    /// The components with the given verdict.
    ///
    /// ```
    /// use gradus::vector;
    /// use gradus::{check::{self, Verdict}, problems::Rosenbrock};
    ///
    /// let report = check::hessian(&mut Rosenbrock::new(3), &vector![-1.2, 1.0, 0.5])?;
    /// assert_eq!(report.with_verdict(Verdict::Passed).count(), report.components.len());
    /// assert_eq!(report.with_verdict(Verdict::Failed).count(), 0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn with_verdict(&self, verdict: Verdict) -> impl Iterator<Item = &Component<T>> {
        self.components.iter().filter(move |c| c.verdict == verdict)
    }

    /// The component to look at first: the largest absolute error among those that failed, or else among
    /// the undecided, or else among all. `None` without components.
    ///
    /// ```
    /// use gradus::{Function, vector};
    /// use gradus::nalgebra::DVector;
    /// use gradus::check;
    ///
    /// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g.copy_from_slice(&[2.0 * x[0], 5.0]); // ∂f/∂x₂ is 0
    ///     x[0] * x[0]
    /// });
    /// let report = check::gradient(&mut f, &vector![1.0, 1.0])?;
    /// assert!(report.worst().is_some_and(|worst| worst.row == 1 && worst.analytic == 5.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn worst(&self) -> Option<&Component<T>> {
        let error = |c: &Component<T>| c.absolute_error.f64();
        let order = |a: &&Component<T>, b: &&Component<T>| {
            a.verdict.cmp(&b.verdict).then(error(a).total_cmp(&error(b)))
        };
        self.components.iter().max_by(order)
    }
}

const HEADER: &str =
    "derivative                      analytic         numeric   abs err   rel err      step  verdict";

/// At most so many lines of a report are printed, the worst first.
const LINES: usize = 20;

impl<T: Real> fmt::Display for CheckReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [passed, undecided, failed] = [Verdict::Passed, Verdict::Undecided, Verdict::Failed]
            .map(|verdict| self.with_verdict(verdict).count());
        writeln!(f, "{}: {passed} passed, {failed} failed, {undecided} undecided", self.verdict())?;
        writeln!(f, "{HEADER}")?;
        let mut lines: Vec<_> = self.components.iter().collect();
        lines.sort_by_key(|c| Reverse(c.verdict));
        for c in lines.iter().take(LINES) {
            let name = format!("{}[{}, {}]", c.quantity, c.row, c.column);
            let [a, n] = [c.analytic, c.numeric].map(|number| Figure(number.f64()));
            let [e, r, h] = [c.absolute_error, c.relative_error, c.step].map(T::f64);
            writeln!(f, "{name:<24}{a:>16}{n:>16}{e:>10.1e}{r:>10.1e}{h:>10.1e}  {}", c.verdict)?;
        }
        match lines.len().saturating_sub(LINES) {
            0 => Ok(()),
            more => writeln!(f, "… and {more} more"),
        }
    }
}

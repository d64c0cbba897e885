//! One variable: roots and minima by Newton, Halley and Brent, and why each search ended.
//!
//! A root of `f` and a minimum of `g` are two questions with two entry points: `e^x − ln x` has no root at
//! all, but a minimum at `Ω = 0.5671432904097838`. Every method takes **one** closure that returns the value
//! and the derivatives it needs, and returns a [`ScalarReport`].
//!
//! | you have | and want | use |
//! |---|---|---|
//! | `(f, f')` | a root | [`ScalarNewton::root`] |
//! | `(f, f', f'')` | a root | [`Halley::root`] |
//! | `f`, a bracket | a root | [`Brent::root`] |
//! | `(g, g', g'')` | a minimum | [`ScalarNewton::minimum`] |
//! | `g`, a bracket | a minimum | [`Brent::minimum`] |
//!
//! **Converged** means one of two things, both recomputable from the report:
//!
//! - the residual met its tolerance: `|f(x)| ≤ tolerance`, or `|g'(x)| ≤ tolerance`
//!   ([`ResidualTolerance`](Termination::ResidualTolerance),
//!   [`GradientTolerance`](Termination::GradientTolerance));
//! - it is attained to rounding ([`Exact`](Termination::Exact)): zero at `x`, or of opposite sign at two
//!   neighbouring floating-point numbers `a < b` and no larger there than its slope explains,
//!   `|f| ≤ 256 |f'| (b − a)`, or than rounding does, `|f| ≤ 256 ε |f(x₀)|`. (A pure iteration that stands
//!   still because its step is lost to rounding counts if these neighbours agree with `x` in half of the digits.)
//!
//! A short step alone is never convergence, and neither is a small `f` on the way to infinity: where steps
//! do not shrink, as for `x e⁻ˣ` from 2, the ending is [`Divergence`](Termination::Divergence). The
//! tolerance is 0 unless you set one: no absolute number suits every scale of `f`, and the second test is
//! always within reach of a root where `f` changes sign.
//!
//! ```
//! use gradus::univariate::{Brent, ScalarNewton};
//!
//! let report = ScalarNewton::new().root(|x: f64| (x * x - 2.0, 2.0 * x), 1.0)?;
//! assert!(report.converged() && (report.x - 2.0_f64.sqrt()).abs() <= f64::EPSILON);
//! let report = Brent::new().minimum(|x: f64| (x - 1.0).powi(2), (0.0, 3.0))?;
//! assert!((report.x - 1.0).abs() < 1e-7);
//! # Ok::<(), gradus::Error>(())
//! ```

mod bracket;
mod brent;
mod halley;
mod iteration;
mod newton;
mod settings;
mod unbracketed;

use std::fmt;

pub use brent::Brent;
pub use halley::Halley;
pub use newton::ScalarNewton;
pub use settings::ScalarMethod;

use crate::contract::check_some;
use crate::figures::{Cell, Figure, Table};
use crate::{CriticalKind, Error, Real, Termination};

/// Where a search in one variable ended and why. All numbers are those at `x`, the point returned.
///
/// ```
/// use gradus::{Termination, univariate::ScalarNewton};
///
/// let report = ScalarNewton::new().root(|x: f64| (x * x - 2.0, 2.0 * x), 1.0)?;
/// assert_eq!(report.termination, Termination::Exact);
/// let root = report.into_converged()?.x; // an error if it did not converge
/// assert!((root - 2.0_f64.sqrt()).abs() <= f64::EPSILON);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct ScalarReport<T> {
    /// The point.
    pub x: T,
    /// `f(x)`, or `g(x)` for a minimum.
    pub value: T,
    /// `f'(x)`, or `g'(x)` for a minimum; none from [`Brent`].
    pub derivative: Option<T>,
    /// `f''(x)` from [`Halley`], `g''(x)` from [`ScalarNewton::minimum`]: positive where the function is concave up (convex),
    /// negative where it is concave down.
    pub second_derivative: Option<T>,
    /// The kind of a stationary point, where a minimum was asked for. `Minimum` and `Maximum` by the sign of
    /// `g''`; `Degenerate` where that is zero or changes by its own size nearby (an inflection, or a minimum
    /// as flat as that of `x⁴`): `|g''(x)| ≤ 4 |g''(x + s) − g''(x)|`, `s` the last move or,
    /// where `g'' > 0`, Newton's step if that is longer: a minimum has to hold as far as its own step leads.
    /// From a degenerate point lower values are looked for on both sides, at any distance but not past a rise, and
    /// followed; [`pure`](ScalarMethod::pure) only ends there with
    /// [`ZeroDerivative`](Termination::ZeroDerivative), as every method does where neither side rises. Not seen: what is narrower than the lengths, `1/8` of
    /// each other, and a fall that is rounding as far as that (`e⁻ˣ` from 800).
    /// From [`Brent`]: `Minimum` where `g` rises on both sides, as fast as `|x|³` or faster.
    pub kind: Option<CriticalKind>,
    /// The last bracket, where there was one: ends between which `f` (or `g'`) changes sign.
    pub bracket: Option<(T, T)>,
    /// Points moved to. Trial points of a line search are evaluations, not iterations.
    pub iterations: usize,
    /// Calls of the closure.
    pub evaluations: usize,
    /// Why the search ended.
    pub termination: Termination,
    /// The points `x₀, x₁, …`, if the settings asked for them.
    pub trace: Vec<T>,
    /// What the tolerance bounds: `|f(x)|`, or `|g'(x)|` for a minimum by derivatives.
    pub residual: Option<T>,
}

impl<T: Real> ScalarReport<T> {
    /// Whether a root or a stationary point is attained (see the [module](self)) and, where a minimum was
    /// asked for, it is not known to be a maximum.
    ///
    /// ```
    /// use gradus::{CriticalKind, univariate::ScalarNewton};
    ///
    /// let cosine = |x: f64| (x.cos(), -x.sin(), -x.cos());
    /// let report = ScalarNewton::pure().minimum(cosine, 0.1)?;
    /// assert_eq!(report.kind, Some(CriticalKind::Maximum)); // where the textbook iteration ends
    /// assert!(!report.converged());
    /// assert!(ScalarNewton::new().minimum(cosine, 0.1)?.converged()); // at π
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn converged(&self) -> bool {
        self.termination.is_stationary() && self.kind != Some(CriticalKind::Maximum)
    }

    /// The report, if it converged.
    ///
    /// ```
    /// use gradus::{Error, Termination, univariate::ScalarNewton};
    ///
    /// let report = ScalarNewton::new().root(|x: f64| (x * x + 1.0, 2.0 * x), 0.7)?;
    /// let error = report.into_converged().unwrap_err(); // no root
    /// assert!(matches!(error, Error::NotConverged { termination: Termination::NoDescent, .. }));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotConverged`], with the residual `|f(x)|` or `|g'(x)|` as its gradient.
    pub fn into_converged(self) -> Result<Self, Error> {
        if self.converged() {
            return Ok(self);
        }
        let gradient = self.residual.unwrap_or(T::NAN).f64();
        let obstacle = self.termination.is_stationary().then_some("at a maximum");
        let Self { termination, iterations, .. } = self;
        Err(Error::NotConverged { termination, iterations, gradient, obstacle })
    }

    /// A row for each point of the [`trace`](Self::trace): `k`, `x`, what the closure `f` returns there, and the step to
    /// the next point. Give the closure that the search had: it returns `(f, f')` or `(f, f', f'')`; or an array.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// // a minimum: g' = 0, by steps −g'/g''
    /// let g = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
    /// let report = ScalarNewton::pure().trace(true).minimum(g, 0.05)?;
    /// println!("{}", report.table(g)?);
    /// assert_eq!(report.trace[1], 0.09724764704478506);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`] where no trace was asked for: [`trace(true)`](ScalarMethod::trace).
    pub fn table<const N: usize, D: Into<[T; N]>>(&self, mut f: impl FnMut(T) -> D) -> Result<Table, Error> {
        check_some("trace", "point: ask for it by `trace(true)`", self.trace.len())?;
        let nexts = self.trace.iter().skip(1).map(|x| Some(*x)).chain([None]);
        let row = |((k, &x), next): ((usize, &T), Option<T>)| {
            let mut row = vec![Cell::text(&k), Cell::number(x)];
            row.extend(f(x).into().map(Cell::number));
            row.push(next.map_or(Cell::text(&""), |next| Cell::number(next - x)));
            row
        };
        let rows = self.trace.iter().enumerate().zip(nexts).map(row).collect();
        let derivatives = (0..N).map(|order| format!("f{}(x)", "'".repeat(order)));
        let header = ["k", "x"].map(String::from).into_iter().chain(derivatives);
        Ok(Table::new(header.chain(["x₊ − x".to_owned()]), rows))
    }
}

impl<T: Real> fmt::Display for ScalarReport<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.converged() { "converged" } else { "not converged" };
        writeln!(f, "{verdict}: {}", self.termination)?;
        writeln!(f, "  x           {}", self.x)?;
        writeln!(f, "  value       {}", Figure(self.value.f64()))?;
        if let Some(residual) = self.residual {
            writeln!(f, "  residual    {}", Figure(residual.f64()))?;
        }
        write!(f, "  iterations  {} ({} evaluations)", self.iterations, self.evaluations)?;
        if let Some(kind) = self.kind {
            write!(f, "\n  kind        {kind}")?;
        }
        Ok(())
    }
}

fn bracket_error<T: Real>(expected: &'static str, (a, b): (T, T)) -> Error {
    Error::Bracket { expected, found: (a.f64(), b.f64()) }
}

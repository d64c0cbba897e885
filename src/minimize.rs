//! Steps until a rule says stop, and a report that tells the truth about the point it returns.

use std::fmt;
use std::ops::ControlFlow;

use nalgebra::DVector;

use crate::kernel;
use crate::optimizer::{Optimizer, Outcome, evaluate};
use crate::{Certificate, CriticalKind, Error, Objective, Real, Termination};

/// When to stop. Whichever rule holds first ends the run; only the gradient's is convergence.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{GradientDescent, Stop, Termination, minimize, objective::problems::Rosenbrock};
///
/// let stop = Stop::default().iterations(10);
/// let report = minimize(&mut GradientDescent::new(1e-3), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
/// assert_eq!((report.termination, report.iterations), (Termination::Iterations, 10));
/// assert!(!report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop<T> {
    gradient: T,
    step: T,
    value: T,
    iterations: usize,
    evaluations: usize,
    trace: bool,
}

impl<T: Real> Default for Stop<T> {
    /// Gradient `√ε` scaled to `1e−8` in f64 and `1e−4` in f32, 1000 iterations, no other rule, no trace.
    fn default() -> Self {
        let gradient = T::of(if T::EPSILON.f64() < 1e-10 { 1e-8 } else { 1e-4 });
        let (step, value) = (T::zero(), T::zero());
        Self { gradient, step, value, iterations: 1000, evaluations: usize::MAX, trace: false }
    }
}

impl<T: Real> Stop<T> {
    /// Converged when `‖∇f‖∞ ≤ tolerance`; in least squares only where the relative
    /// [`Offset`](crate::least_squares::Offset) agrees. Default: `1e−8` (f64), `1e−4` (f32).
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Lbfgs, Stop, minimize, objective::problems::Rosenbrock};
    ///
    /// let stop = Stop::default().gradient(1e-2);
    /// let report = minimize(&mut Lbfgs::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert!(report.converged() && report.gradient_norm <= 1e-2);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn gradient(self, tolerance: T) -> Self {
        Self { gradient: tolerance, ..self }
    }

    /// Stops when a step moves no coordinate by more than `tolerance · max(1, ‖x‖∞)`. Default: 0, never.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Stop, Termination, minimize, objective::problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().step(1e-2));
    /// let report = minimize(&mut descent, &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert_eq!(report.termination, Termination::StepTolerance);
    /// assert!(!report.converged()); // a short step is no minimum
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn step(self, tolerance: T) -> Self {
        Self { step: tolerance, ..self }
    }

    /// Stops when the value changes by no more than `tolerance · max(1, |f|)`. Default: 0, never.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Stop, Termination, minimize, objective::problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().value(1e-2));
    /// let report = minimize(&mut descent, &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert_eq!(report.termination, Termination::ValueTolerance);
    /// assert!(report.value > 1.0); // far from the minimum, which is 0
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn value(self, tolerance: T) -> Self {
        Self { value: tolerance, ..self }
    }

    /// At most so many steps. Default: 1000.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Newton, Stop, Termination, minimize, objective::problems::Rosenbrock};
    ///
    /// let stop = Stop::default().iterations(2);
    /// let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert_eq!((report.iterations, report.termination), (2, Termination::Iterations));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn iterations(self, bound: usize) -> Self {
        Self { iterations: bound, ..self }
    }

    /// Stops before the step that would follow so many evaluations. Default: no bound.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Stop, Termination, minimize, objective::problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().evaluations(10));
    /// let report = minimize(&mut descent, &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert_eq!((report.evaluations, report.termination), (10, Termination::Evaluations));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn evaluations(self, bound: usize) -> Self {
        Self { evaluations: bound, ..self }
    }

    /// Keeps every iteration's value and gradient norm in the report. Default: no.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Newton, Stop, minimize, objective::problems::Rosenbrock};
    ///
    /// let stop = Stop::default().trace(true);
    /// let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert_eq!(report.trace.len(), report.iterations + 1);
    /// assert!((report.trace[0].value - 24.2_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn trace(self, on: bool) -> Self {
        Self { trace: on, ..self }
    }

    fn check(&self) -> Result<(), Error> {
        for (name, found) in [("gradient", self.gradient), ("step", self.step), ("value", self.value)] {
            if !(found >= T::zero() && found.is_finite()) {
                return Err(Error::Setting { name, expected: "finite and not negative", found: found.f64() });
            }
        }
        Ok(())
    }
}

/// One point of a run.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{Newton, Stop, minimize, objective::problems::Rosenbrock};
///
/// let stop = Stop::default().trace(true);
/// let trace = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![0.0, 0.0], &stop)?.trace;
/// assert_eq!((trace[0].iteration, trace[0].value, trace[0].gradient_norm), (0, 1.0, 2.0));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Progress<T> {
    /// Steps taken before the point.
    pub iteration: usize,
    /// Evaluations so far.
    pub evaluations: usize,
    /// `f(x)`.
    pub value: T,
    /// `‖∇f(x)‖∞`.
    pub gradient_norm: T,
}

/// Where a run ended and why. Value and gradient are those of `x`, the point returned.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{CriticalKind, Newton, Stop, minimize, objective::problems::Rosenbrock};
///
/// let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// println!("{report}");
/// let x = report.into_converged()?.x; // an error if it did not converge
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Report<T: Real> {
    /// The point.
    pub x: DVector<T>,
    /// `f(x)`.
    pub value: T,
    /// `‖∇f(x)‖∞`.
    pub gradient_norm: T,
    /// Steps taken.
    pub iterations: usize,
    /// Evaluations of the objective (value, or value and gradient).
    pub evaluations: usize,
    /// Why the run ended.
    pub termination: Termination,
    /// What second derivatives say of `x`, where the method knows them.
    pub certificate: Option<Certificate<T>>,
    /// How many steps modified the Hessian to descend.
    pub modified: usize,
    /// How many stationary points with a negative eigenvalue were left along it.
    pub escapes: usize,
    /// Predicted and actual reduction of `f` in the last step, where the method predicts one.
    pub reduction: Option<(T, T)>,
    /// The whole run, if [`Stop::trace`] asked for it.
    pub trace: Vec<Progress<T>>,
}

impl<T: Real> Report<T> {
    /// The kind of the point, where it is stationary to the tolerance and second derivatives are known.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{CriticalKind, Newton, Stop, minimize, objective::problems::Problem};
    ///
    /// let mut f = Problem::DoubleWell; // from the symmetry axis the textbook iteration finds the saddle
    /// let report = minimize(&mut Newton::pure(), &mut f, dvector![0.0, 1.0], &Stop::default())?;
    /// assert_eq!(report.kind(), Some(CriticalKind::Saddle));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn kind(&self) -> Option<CriticalKind> {
        let certificate = self.certificate.as_ref().filter(|_| self.termination.is_stationary());
        certificate.map(|certificate| certificate.point.kind)
    }

    /// Whether `x` is stationary to the tolerance *and* nothing known speaks against a minimum: a saddle or
    /// a maximum has not converged.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Newton, Stop, minimize, objective::problems::Problem};
    ///
    /// let mut f = Problem::DoubleWell;
    /// let report = minimize(&mut Newton::pure(), &mut f, dvector![0.0, 1.0], &Stop::default())?;
    /// assert!(report.termination.is_stationary() && !report.converged()); // a saddle
    /// assert!(minimize(&mut Newton::new(), &mut f, dvector![0.0, 1.0], &Stop::default())?.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn converged(&self) -> bool {
        let against = matches!(self.kind(), Some(CriticalKind::Saddle | CriticalKind::Maximum));
        let known = |what: fn(&Certificate<T>) -> bool| self.certificate.as_ref().is_some_and(what);
        self.termination.is_stationary() && !known(|c| c.unbounded) && (known(|c| c.convex) || !against)
    }

    /// The report, if it converged.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Error, Newton, Stop, minimize, objective::problems::Rosenbrock};
    ///
    /// let stop = Stop::default().iterations(1);
    /// let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
    /// assert!(matches!(report.into_converged(), Err(Error::NotConverged { iterations: 1, .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotConverged`].
    pub fn into_converged(self) -> Result<Self, Error> {
        if self.converged() {
            return Ok(self);
        }
        let gradient = self.gradient_norm.f64();
        Err(Error::NotConverged { termination: self.termination, iterations: self.iterations, gradient })
    }
}

impl<T: Real> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.converged() { "converged" } else { "not converged" };
        writeln!(f, "{verdict}: {}", self.termination)?;
        writeln!(f, "  value       {:e}", self.value.f64())?;
        writeln!(f, "  gradient    {:e}", self.gradient_norm.f64())?;
        write!(f, "  iterations  {} ({} evaluations)", self.iterations, self.evaluations)?;
        if let Some(certificate) = &self.certificate {
            match self.kind() {
                Some(kind) => write!(f, "\n  kind        {kind}")?,
                None => f.write_str("\n  curvature   (not stationary, so no kind)")?,
            }
            let inertia = certificate.point.inertia;
            let signs =
                [(inertia.positive, "positive"), (inertia.zero, "zero"), (inertia.negative, "negative")];
            for (i, (count, sign)) in signs.iter().filter(|(count, _)| *count > 0).enumerate() {
                write!(f, "{} {count} {sign}", if i == 0 { ":" } else { "," })?;
            }
            if self.kind().is_some() && certificate.convex {
                f.write_str("; convex, so a global minimum")?;
            }
        }
        if self.modified + self.escapes > 0 {
            write!(f, "\n  modified    {} Hessians, {} saddles escaped", self.modified, self.escapes)?;
        }
        Ok(())
    }
}

/// Repeats `optimizer`'s steps on `objective` from `start` until `stop` says so.
///
/// The point returned is one that was evaluated, and `converged` is true of it.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{Newton, Stop, minimize, objective::problems::Problem};
///
/// let report = minimize(&mut Newton::new(), &mut Problem::Booth, dvector![0.0, 0.0], &Stop::default())?;
/// assert!(report.x.relative_eq(&dvector![1.0, 3.0], 1e-13, 1e-13));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Bad settings, a start of the wrong length or not finite, a function that is not finite there;
/// [`Error::Resized`] where user code replaced what it was lent, [`Error::TooLarge`] for more numbers than memory
/// holds.
pub fn minimize<T, O, P>(
    optimizer: &mut P,
    objective: &mut O,
    start: DVector<T>,
    stop: &Stop<T>,
) -> Result<Report<T>, Error>
where
    T: Real,
    O: Objective<T> + ?Sized,
    P: Optimizer<T, O> + ?Sized,
{
    minimize_with(optimizer, objective, start, stop, |_, _| ControlFlow::Continue(()))
}

/// [`minimize`] with a closure that sees every point and may end the run.
///
/// ```
/// use std::ops::ControlFlow;
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{GradientDescent, Stop, Termination, minimize_with, objective::problems::Rosenbrock};
///
/// let (mut descent, mut f) = (GradientDescent::new(1e-3), Rosenbrock::new(2));
/// let report = minimize_with(&mut descent, &mut f, dvector![-1.2, 1.0], &Stop::default(), |progress, _x| {
///     if progress.value < 1.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(report.termination, Termination::Callback);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Those of [`minimize`].
pub fn minimize_with<T, O, P>(
    optimizer: &mut P,
    objective: &mut O,
    start: DVector<T>,
    stop: &Stop<T>,
    mut progress: impl FnMut(&Progress<T>, &DVector<T>) -> ControlFlow<()>,
) -> Result<Report<T>, Error>
where
    T: Real,
    O: Objective<T> + ?Sized,
    P: Optimizer<T, O> + ?Sized,
{
    stop.check()?;
    objective.check()?;
    optimizer.check(objective)?;
    optimizer.reset();
    check_point("start", &start, objective.dim())?;

    let mut x = start; // where the next step starts
    let mut at = x.clone(); // where the last step started: the point that was evaluated
    let mut good = Report::given(x.clone());
    let mut length = None;
    let mut predicted = T::zero();
    for iteration in 0..=stop.iterations {
        at.copy_from(&x);
        // the bound is on steps: the point after the last one is evaluated, and left where it is
        let step = if iteration < stop.iterations {
            optimizer.step_within(objective, &mut x, stop.gradient)?
        } else {
            let mut gradient = DVector::zeros(0);
            let value = evaluate(objective, &x, &mut gradient)?;
            crate::optimizer::Step::new(value, kernel::norm_inf(gradient.as_slice()))
        };
        if x.len() != at.len() {
            return Err(Error::Resized { what: "the point", expected: at.len(), found: x.len() });
        }
        good.evaluations = good.evaluations.saturating_add(step.evaluations);
        if !step.is_finite() {
            if iteration == 0 {
                let (what, found) = if step.value.is_finite() {
                    ("the gradient", step.gradient_norm)
                } else {
                    ("the value", step.value)
                };
                return Err(Error::Evaluation { what, at: "the start", found: found.f64() });
            }
            good.termination = Termination::NonFinite;
            break;
        }
        let change = good.value - step.value;
        if iteration > 0 && predicted != T::zero() {
            good.reduction = Some((predicted, change));
        }
        predicted = step.predicted;
        std::mem::swap(&mut good.x, &mut at);
        (good.value, good.gradient_norm, good.iterations) = (step.value, step.gradient_norm, iteration);
        let point = Progress {
            iteration,
            evaluations: good.evaluations,
            value: step.value,
            gradient_norm: step.gradient_norm,
        };
        if stop.trace {
            good.trace.push(point);
        }
        let calm = step.gradient_norm <= stop.gradient
            && !matches!(step.outcome, Outcome::Escaped | Outcome::Unsettled);
        let ended = if step.outcome == Outcome::Lost {
            Some(Termination::Divergence)
        // where there is no minimum, the gradient vanishes on the way to infinity
        } else if (calm || objective.is_convex()) && objective.has_no_minimum(&good.x) {
            Some(Termination::Separable)
        } else if calm {
            Some(Termination::GradientTolerance)
        } else if progress(&point, &good.x).is_break() {
            Some(Termination::Callback)
        } else if iteration == stop.iterations {
            Some(Termination::Iterations)
        } else if step.outcome == Outcome::Stuck {
            Some(Termination::NoDescent)
        } else if step.outcome == Outcome::Stationary {
            Some(Termination::Exact)
        } else if length.is_some_and(|l| l <= stop.step * good.x.amax().max(T::one()))
            && stop.step > T::zero()
        {
            Some(Termination::StepTolerance)
        } else if iteration > 0
            && stop.value > T::zero()
            && change.abs() <= stop.value * step.value.abs().max(T::one())
        {
            Some(Termination::ValueTolerance)
        } else if good.evaluations >= stop.evaluations {
            Some(Termination::Evaluations)
        } else {
            None
        };
        if let Some(termination) = ended {
            good.termination = termination;
            break;
        }
        good.modified += usize::from(step.modified);
        good.escapes += usize::from(step.outcome == Outcome::Escaped);
        if stop.step > T::zero() {
            length = Some((&x - &good.x).amax());
        }
    }
    // a point whose Hessian is not finite has no certificate, but is not lost
    good.certificate = optimizer.certify(objective, &good.x).ok().flatten();
    if good.termination.is_stationary() && good.certificate.as_ref().is_some_and(|c| c.unbounded) {
        good.termination = Termination::Separable;
    }
    Ok(good)
}

impl<T: Real> Report<T> {
    /// A point of which nothing is known yet.
    pub(crate) fn given(x: DVector<T>) -> Self {
        Self {
            x,
            value: T::NAN,
            gradient_norm: T::NAN,
            iterations: 0,
            evaluations: 0,
            termination: Termination::Given,
            certificate: None,
            modified: 0,
            escapes: 0,
            reduction: None,
            trace: Vec::new(),
        }
    }
}

/// A point has the objective's length and is finite.
pub(crate) fn check_point<T: Real>(argument: &'static str, x: &DVector<T>, dim: usize) -> Result<(), Error> {
    if x.len() != dim {
        return Err(Error::Length { argument, expected: dim, found: x.len() });
    }
    if dim == 0 {
        return Err(Error::Empty { argument, expected: "coordinate" });
    }
    match x.iter().position(|x| !x.is_finite()) {
        Some(row) => Err(Error::NonFinite { argument, row, column: 0, found: x[row].f64() }),
        None => Ok(()),
    }
}

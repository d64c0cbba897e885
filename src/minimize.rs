//! Steps until a rule says stop, and a report that tells the truth about the point it returns.

use std::ops::ControlFlow;

use nalgebra::DVector;

use crate::contract::check_point;
use crate::kernel;
use crate::objective::evaluate;
use crate::optimizer::{Optimizer, Outcome};
use crate::{Error, Objective, Real, Termination};

pub use report::{Progress, Report};
pub use stop::Stop;

mod report;
mod stop;

/// Repeats `optimizer`'s steps on `objective` from `start` until `stop` says so.
///
/// The point returned is one that was evaluated, and `converged` is true of it.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{Newton, Stop, minimize, problems::Problem};
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
/// use gradus::{GradientDescent, Stop, Termination, minimize_with, problems::Rosenbrock};
///
/// let (mut descent, mut f) = (GradientDescent::new(1e-3), Rosenbrock::new(2));
/// let report = minimize_with(&mut descent, &mut f, dvector![-1.2, 1.0], &Stop::default(), |progress, _x| {
///     if progress.value < 1.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(report.termination, Termination::Stopped);
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
            Some(Termination::Stopped)
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

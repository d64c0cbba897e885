//! Steps until a rule says stop, and a report that tells the truth about the point it returns.

use std::ops::ControlFlow;

use nalgebra::DVector;

use crate::contract::{check_evaluation, check_point, check_size, setting};
use crate::kernel::{self, compiled};
use crate::optimizer::{Optimizer, Outcome, Position, Seen, Step};
use crate::{Error, Objective, Real, Recession, Termination};

use beyond::distance;
pub use method::Method;
use pair::Pair;
pub use report::{Progress, Report};
use stationary::{Zero, falls};
pub use stop::Stop;

mod beyond;
mod method;
mod pair;
mod report;
mod stationary;
mod stop;

/// Repeats `optimizer`'s steps on `objective` from `start` until `stop` says so.
///
/// The point returned is one that was evaluated, and `converged` is true of it.
///
/// ```
/// use gradus::{Newton, Stop, minimize, problems::Problem, vector};
///
/// let (mut newton, stop) = (Newton::new(), Stop::default());
/// let report = minimize(&mut newton, &mut Problem::Booth, vector![0.0, 0.0], &stop)?;
/// assert!(report.x.relative_eq(&vector![1.0, 3.0], 1e-13, 1e-13));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Bad settings, a start of the wrong length or not finite, a function that is not finite there;
/// [`Error::Resized`] where user code replaced what it was lent, [`Error::TooLarge`] for more numbers than memory
/// holds.
pub fn minimize<T: Real, O: Objective<T> + ?Sized, P: Optimizer<T, O> + ?Sized>(
    optimizer: &mut P, objective: &mut O, start: DVector<T>, stop: &Stop<T>,
) -> Result<Report<T>, Error> {
    minimize_with(optimizer, objective, start, stop, |_, _| ControlFlow::Continue(()))
}

/// [`minimize`] with a closure that sees every point and may end the run.
///
/// ```
/// use std::ops::ControlFlow;
/// use gradus::{GradientDescent, Stop, Termination, minimize_with, problems::Rosenbrock};
/// use gradus::vector;
///
/// let (mut descent, mut f) = (GradientDescent::new(1e-3), Rosenbrock::new(2));
/// let (start, stop) = (vector![-1.2, 1.0], Stop::default());
/// let report = minimize_with(&mut descent, &mut f, start, &stop, |progress, _x| {
///     if progress.value < 1.0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
/// })?;
/// assert_eq!(report.termination, Termination::Stopped);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Those of [`minimize`].
pub fn minimize_with<T: Real, O: Objective<T> + ?Sized, P: Optimizer<T, O> + ?Sized>(
    optimizer: &mut P, objective: &mut O, mut start: DVector<T>, stop: &Stop<T>,
    mut progress: impl FnMut(&Progress<T>, &DVector<T>) -> ControlFlow<()>,
) -> Result<Report<T>, Error> {
    stop.check()?;
    objective.check()?;
    check_point("start", &start, objective.dim())?;
    optimizer.start(objective, Some(stop.gradient))?;
    let outside = optimizer.face().is_some_and(|face| face.project(&mut start));
    let report = run(&mut pair::Of { objective, optimizer }, start, stop, &mut progress);
    // what the method keeps of this objective ends with the run, whatever became of it
    let closed = optimizer.start(objective, None);
    let mut report = report?;
    report.face = report.face.map(|face| face.from(outside));
    closed.map(|()| report)
}

/// What sees every point.
type Watch<'a, T> = dyn FnMut(&Progress<T>, &DVector<T>) -> ControlFlow<()> + 'a;

compiled! {
    /// Steps until an ending, and what is known of the point there.
    fn run<T>(
        pair: &'a mut (dyn Pair<T> + 'a), start: DVector<T>, stop: &'a Stop<T>, progress: &'a mut Watch<'a, T>,
    ) -> Result<Report<T>, Error> {
        let mut report = Report::given(start.clone());
        let mut at = start.clone(); // the point that the last step told of
        let mut x = start; // where the next one starts
        let mut length = None;
        let mut zero = Zero::new(stop, &report.x, pair.seen().1.is_some());
        for iteration in 0..=stop.iterations {
            at.copy_from(&x);
            // the bound is on steps: the point after the last one is evaluated, and left where it is
            let step = match iteration < stop.iterations {
                true => pair.step(&mut x)?,
                false if pair.seen().1.is_some() => pair.step(&mut x.clone())?,
                false => Position::new(pair.objective(), &mut x, &mut DVector::zeros(0))?.step,
            };
            check_size("the point", x.len(), at.len())?;
            report.evaluations = report.evaluations.saturating_add(step.evaluations);
            if let Some(ending) = broken(pair.objective(), &step, iteration, &mut report)? {
                report.termination = ending;
                break;
            }
            let change = report.value - step.value;
            report.tell(&mut at, &step, iteration);
            let point = report.progress(distance(&report.x, &at).min(T::MAX), step.radius);
            let stopped = show(&mut report, point, stop, progress);
            let settled = Settled { step: &step, change, before: &at, length, stopped };
            let (objective, face) = pair.seen();
            let mut seen = Seen::new(objective, face);
            if let Some(ending) = ending(&settled, &mut zero, &mut seen, &mut report, stop)? {
                report.termination = ending;
                if report.floor == T::zero() {
                    report.floor = step.floor;
                }
                // a tolerance by second derivatives comes with a floor by the same, which at x = 0 is zero
                let is_known = report.floor > T::zero() || step.tolerance.is_some();
                let is_allowed = report.evaluations.saturating_add(3) <= stop.evaluations;
                if !is_known && is_allowed {
                    zero.measure_floor(&mut seen, &mut report)?;
                }
                break;
            }
            report.modified += usize::from(step.modified);
            report.escapes += usize::from(step.outcome == Outcome::Escaped);
            length = (stop.step > T::zero()).then(|| distance(&x, &report.x));
        }
        // a point whose Hessian is not finite cannot be judged, but is not lost
        report.certificate = pair.certify(&report.x).ok().flatten();
        report.face = pair.seen().1.filter(|face| face.is_of(&report.x)).cloned();
        let face = report.face.clone();
        let mut seen = Seen::new(pair.objective(), face.as_ref());
        report.seek_recession(&mut seen);
        if zero.runs_off(&mut seen, &mut report)? {
            report.termination = Termination::Divergence;
        }
        report.probe(&mut seen, &[])?;
        // what fails while the point is judged leaves it without a verdict
        if let Some(failure) = pair.objective().failure() {
            report.lose(failure);
        }
        Ok(report)
    }
}

/// The ending of a run whose objective has failed, or is no longer finite; an error if it never was.
fn broken<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, step: &Step<T>, iteration: usize, report: &mut Report<T>,
) -> Result<Option<Termination>, Error> {
    if let Some(failure) = objective.failure() {
        if iteration == 0 {
            return Err(failure);
        }
        report.lose(failure);
        return Ok(Some(Termination::Failed));
    }
    if iteration > 0 && !step.is_finite() {
        return Ok(Some(Termination::NonFinite));
    }
    check_evaluation("the value", "the start", &[step.value])?;
    check_evaluation("the gradient", "the start", &[step.gradient_norm])?;
    let norm = step.gradient_norm;
    setting("gradient_norm", "a norm, not negative, whatever method tells it", norm, norm >= T::zero())?;
    Ok(None)
}

/// Keeps the point in the trace, and shows it to the caller; whether that asks to stop.
fn show<T: Real>(
    report: &mut Report<T>, point: Progress<T>, stop: &Stop<T>, progress: &mut Watch<'_, T>,
) -> bool {
    if stop.trace {
        report.trace.push(point);
    }
    progress(&point, &report.x).is_break()
}

/// What is known of a point when its ending is asked for.
struct Settled<'a, T: Real> {
    step: &'a Step<T>,
    /// `f` before less `f` here; NaN at the start.
    change: T,
    /// Where the step before came from.
    before: &'a DVector<T>,
    /// How far the step before went, where that is a rule.
    length: Option<T>,
    /// Whether the caller asked to stop.
    stopped: bool,
}

/// The first rule that holds, in the order of what it says about the point.
fn ending<T: Real, O: Objective<T> + ?Sized>(
    at: &Settled<'_, T>, zero: &mut Zero<T>, objective: &mut O, report: &mut Report<T>, stop: &Stop<T>,
) -> Result<Option<Termination>, Error> {
    let is_last = report.iterations == stop.iterations;
    let goes_on = matches!(at.step.outcome, Outcome::Escaped | Outcome::Unsettled);
    zero.is_judged |= goes_on;
    zero.course.see(report.iterations, &report.x, at.before);
    if zero.is_low_first(report) && matches!(objective.recedes(&report.x), Recession::Along(_)) {
        return Ok(Some(Termination::Separable));
    }
    let is_calm = !goes_on && zero.holds(objective, report, at.before, at.step)?;
    let calm = if report.gradient_norm <= report.tolerance {
        Termination::GradientTolerance
    } else {
        Termination::Exact
    };
    let said = match at.step.outcome {
        Outcome::Ended(Termination::Divergence) => return Ok(Some(Termination::Divergence)),
        Outcome::Ended(Termination::Exact) if !is_calm && !falls(objective, report)? => {
            Some(Termination::Exact)
        }
        Outcome::Ended(why) if why.is_stationary() => Some(Termination::NoDescent),
        Outcome::Ended(why) => Some(why),
        _ => None,
    };
    let shortest = || stop.step * kernel::norm_inf(report.x.as_slice()).max(T::one());
    let is_short = at.length.is_some_and(|length| length <= shortest());
    let is_level = at.change.abs() <= stop.value * report.value.abs().max(T::one());
    let rules = [
        (is_calm, Some(calm)),
        (at.stopped, Some(Termination::Stopped)),
        (is_last, Some(Termination::Iterations)),
        (true, said),
        (is_short, Some(Termination::StepTolerance)),
        (stop.value > T::zero() && is_level, Some(Termination::ValueTolerance)),
        (report.evaluations >= stop.evaluations, Some(Termination::Evaluations)),
    ];
    Ok(rules.into_iter().find_map(|(holds, ending)| ending.filter(|_| holds)))
}

//! The rules that end a run.

use crate::{Error, Real};

/// When to stop. Whichever rule holds first ends the run; only those of the gradient are convergence.
///
/// ```
/// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
/// use gradus::vector;
///
/// let stop = Stop::default().iterations(10);
/// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
/// let report = minimize(&mut GradientDescent::new(1e-3), &mut f, start, &stop)?;
/// assert_eq!((report.termination, report.iterations), (Termination::Iterations, 10));
/// assert!(!report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop<T> {
    pub(crate) gradient: T,
    pub(crate) relative: T,
    pub(crate) step: T,
    pub(crate) value: T,
    pub(crate) iterations: usize,
    pub(crate) evaluations: usize,
    pub(crate) trace: bool,
}

impl<T: Real> Default for Stop<T> {
    /// The relative rule with 2e−10 (f64) or 4e−6 (f32), 1000 iterations, no other rule, no trace.
    ///
    /// An absolute tolerance for the gradient has the unit of `f`: no number fits every function, so none is set. The
    /// relative rule has none, and asks about the point: a run that starts at a minimum ends there at once, unless a
    /// coordinate is zero and only gradients are known. On the way, a method by gradients goes on for eight steps, which
    /// must not have shown a direction that the rule does not hold along.
    fn default() -> Self {
        Self {
            gradient: T::zero(),
            relative: T::of(if T::EPSILON.f64() < 1e-10 { 2e-10 } else { 4e-6 }),
            step: T::zero(),
            value: T::zero(),
            iterations: 1000,
            evaluations: usize::MAX,
            trace: false,
        }
    }
}

impl<T: Real> Stop<T> {
    /// Converged where `‖∇f‖∞ ≤ tolerance`, in the unit of `f`; in least squares only where the relative
    /// [`Offset`](crate::least_squares::Offset) agrees. Default: 0, only where the gradient vanishes.
    ///
    /// ```
    /// use gradus::{Lbfgs, Stop, minimize, problems::Rosenbrock, vector};
    ///
    /// let stop = Stop::default().gradient(1e-2);
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut Lbfgs::new(), &mut f, start, &stop)?;
    /// assert!(report.converged() && report.gradient_norm <= 1e-2);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn gradient(self, tolerance: T) -> Self {
        Self { gradient: tolerance, ..self }
    }

    /// Converged also where a short step down the gradient leads past the minimum along it:
    ///
    /// ```text
    /// hᵀ∇f(x − h) ≤ 0,  h = t ∇f(x),  t as large as |h_i| ≤ tolerance · max(u_i, |x_i|) lets it
    /// ```
    ///
    /// where `u_i` is 32 times the largest `|x_i|` that the run has seen, and 1 at most or from a start of zeros:
    /// coordinates next to zero have no size of their own. In a run without bounds, where the largest of two variables
    /// lie further apart than a factor of 1024, each variable, and `∇f` with it, is measured in a power of two below its
    /// largest. And where a step as long in the direction of the last one changes the gradient by its size, so that no
    /// narrow valley hides the way down. That does not depend on the unit
    /// of `f`: what is small only because `f` is flat does not pass. As a bound on the gradient it is
    /// [`Report::tolerance`](crate::Report::tolerance). It takes two evaluations at the start, some on the way, and
    /// four where it holds. With it a method that can go no further has converged where the gradient is rounding
    /// ([`Report::floor`](crate::Report::floor)), and one whose gradient has fallen to `√ε` of the first ends where `f`
    /// is known to [fall for ever](crate::Objective::recedes). Default: 2e−10 (f64) or 4e−6 (f32), which
    /// rounding leaves in reach of gradients; 0 switches it off.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Function, Lbfgs, Stop, minimize, vector};
    ///
    /// // f = 1e−20 x²: its gradient is 2e−17 at the start
    /// let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g[0] = 2e-20 * x[0];
    ///     1e-20 * x[0] * x[0]
    /// });
    /// let report = minimize(&mut Lbfgs::new(), &mut f, vector![1000.0], &Stop::default())?;
    /// assert!(report.converged() && report.x[0].abs() < 1e-6);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn relative(self, tolerance: T) -> Self {
        Self { relative: tolerance, ..self }
    }

    /// Stops when a step moves no coordinate by more than `tolerance · max(1, ‖x‖∞)`. Default: 0, never.
    ///
    /// ```
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    /// use gradus::vector;
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().step(1e-2));
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
    /// assert_eq!(report.termination, Termination::StepTolerance);
    /// assert!(!report.converged()); // a short step is no minimum
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn step(self, tolerance: T) -> Self {
        Self { step: tolerance, ..self }
    }

    /// Stops when the value changes by no more than `tolerance · max(1, |f|)`. Default: 0, never.
    ///
    /// ```
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    /// use gradus::vector;
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().value(1e-2));
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
    /// assert_eq!(report.termination, Termination::ValueTolerance);
    /// assert!(report.value > 1.0); // far from the minimum, which is 0
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn value(self, tolerance: T) -> Self {
        Self { value: tolerance, ..self }
    }

    /// At most so many steps. Default: 1000.
    ///
    /// ```
    /// use gradus::{Newton, Stop, Termination, minimize, problems::Rosenbrock, vector};
    ///
    /// let stop = Stop::default().iterations(2);
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
    /// assert_eq!((report.iterations, report.termination), (2, Termination::Iterations));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn iterations(self, bound: usize) -> Self {
        Self { iterations: bound, ..self }
    }

    /// Stops before the step that would follow so many evaluations; those that judge the point of the ending come on top.
    /// Default: no bound.
    ///
    /// ```
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    /// use gradus::vector;
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().evaluations(10));
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
    /// assert_eq!((report.evaluations, report.termination), (10, Termination::Evaluations));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn evaluations(self, bound: usize) -> Self {
        Self { evaluations: bound, ..self }
    }

    /// Keeps every iteration's value, gradient norm, step length and radius in the report ([`Progress`](crate::Progress));
    /// the points themselves are seen by the closure of [`minimize_with`](crate::minimize_with). Default: no.
    ///
    /// ```
    /// use gradus::{Newton, Stop, minimize, problems::Rosenbrock, vector};
    ///
    /// let stop = Stop::default().trace(true);
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
    /// assert_eq!(report.trace.len(), report.iterations + 1);
    /// assert!((report.trace[0].value - 24.2_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn trace(self, on: bool) -> Self {
        Self { trace: on, ..self }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let (gradient, relative) = (("gradient", self.gradient), ("relative", self.relative));
        for (name, found) in [gradient, relative, ("step", self.step), ("value", self.value)] {
            if !(found >= T::zero() && found.is_finite()) {
                return Err(Error::Setting { name, expected: "finite and not negative", found: found.f64() });
            }
        }
        Ok(())
    }
}

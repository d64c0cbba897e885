//! The rules that end a run.

use crate::{Error, Real};

/// When to stop. Whichever rule holds first ends the run; only the gradient's is convergence.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
///
/// let stop = Stop::default().iterations(10);
/// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
/// let report = minimize(&mut GradientDescent::new(1e-3), &mut f, start, &stop)?;
/// assert_eq!((report.termination, report.iterations), (Termination::Iterations, 10));
/// assert!(!report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stop<T> {
    pub(crate) gradient: T,
    pub(crate) step: T,
    pub(crate) value: T,
    pub(crate) iterations: usize,
    pub(crate) evaluations: usize,
    pub(crate) trace: bool,
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
    /// use gradus::{Lbfgs, Stop, minimize, problems::Rosenbrock};
    ///
    /// let stop = Stop::default().gradient(1e-2);
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut Lbfgs::new(), &mut f, start, &stop)?;
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
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().step(1e-2));
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
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
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().value(1e-2));
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
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
    /// use gradus::{Newton, Stop, Termination, minimize, problems::Rosenbrock};
    ///
    /// let stop = Stop::default().iterations(2);
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
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
    /// use gradus::{GradientDescent, Stop, Termination, minimize, problems::Rosenbrock};
    ///
    /// let (mut descent, stop) = (GradientDescent::new(1e-3), Stop::default().evaluations(10));
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut descent, &mut f, start, &stop)?;
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
    /// use gradus::{Newton, Stop, minimize, problems::Rosenbrock};
    ///
    /// let stop = Stop::default().trace(true);
    /// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
    /// let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
    /// assert_eq!(report.trace.len(), report.iterations + 1);
    /// assert!((report.trace[0].value - 24.2_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn trace(self, on: bool) -> Self {
        Self { trace: on, ..self }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        for (name, found) in [("gradient", self.gradient), ("step", self.step), ("value", self.value)] {
            if !(found >= T::zero() && found.is_finite()) {
                return Err(Error::Setting { name, expected: "finite and not negative", found: found.f64() });
            }
        }
        Ok(())
    }
}

use nalgebra::DVector;

use super::search::{
    Backtrack, Bounds, Evaluated, Face, Frame, FreeStep, NewtonModel, Position, Progress, Shape, ends,
    escape, is_near_saddle, leave_flat, takes_full,
};
use super::{Optimizer, Step};
use crate::kernel::compiled;
use crate::{CriticalPoint, Error, Hessian, Real, Termination};

/// Newton's method, safeguarded, on an exact Hessian.
///
/// ```text
/// x ← x + t s,    H s = −∇f                    where H = ∇²f(x) is positive definite,
///                 s = −H⁺∇f                    where H is semidefinite, and ∇f in its range,
///                 s = −V max(|Λ|, δ)⁻¹ Vᵀ ∇f   otherwise, with H = V Λ Vᵀ
/// ```
///
/// A pivot of the factorisation that is only rounding of its own diagonal entry counts as zero. Then the shortest
/// step is taken, so that nothing moves along directions in which `f` is flat, as along equal biases of a softmax.
/// The length `t` is 1, or shorter until `f(x + t s) ≤ f(x) + 10⁻⁴ t ∇fᵀs` (Armijo 1966). Where the
/// predicted decrease is within the rounding of `f`, the full step is taken if it lowers `‖∇f‖`. A point is left
/// along `±` its most negative eigenvector, to the side with the lower `f`, where the step has become short
/// (`ε^¼ max(1, ‖x‖)`) or `‖∇f‖∞ ≤ √ε max |λ| max(1, ‖x‖)` although an eigenvalue is negative: an *escape*, counted in the
/// report. So a run ends on a saddle only if the negative eigenvalue is within rounding. Where a step leads
/// outside the domain (`f` not finite) it is shortened. Where neither value nor gradient has improved beyond rounding
/// for `20 + n` steps, it ends ([`NoDescent`](crate::Termination::NoDescent), unless the point is stationary).
/// In a run without bounds, variables whose sizes at the start lie further apart than a factor of 1024 are measured each in a
/// power of two next to its size, unless that sets their curvatures further apart.
///
/// The modification with `|Λ|` is that of Greenstadt (1967); Nocedal and Wright (2006), section 3.4.
/// For hard problems far from their solution prefer [`TrustRegion`](super::TrustRegion).
///
/// Where starts on `[−4, 4]²` lead on [`QuarticSaddle`](crate::problems::Problem::QuarticSaddle), with
/// [`pure`](Self::pure) and [`new`](Self::new) ([the guide](crate::guide::safeguards)):
///
#[doc = include_str!("../guide/pictures/basins.svg")]
///
/// ```
/// use gradus::{CriticalKind, Newton, Stop, minimize, problems::Rosenbrock, vector};
///
/// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
/// let report = minimize(&mut Newton::new(), &mut f, start, &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[doc(alias("Newton-Raphson", "Newton–Raphson", "Newton method", "quadratic convergence"))]
pub struct Newton<T: Real> {
    pure: bool,
    here: Evaluated<T>,
    frame: Frame<T>,
    model: NewtonModel<T>,
    line: Backtrack<T>,
    /// Whether the last step was a full one.
    full: bool,
    progress: Progress<T>,
}

impl<T: Real> Newton<T> {
    /// The safeguarded method.
    ///
    /// ```
    /// use gradus::{Newton, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![4.0, 4.0];
    /// Newton::new().step(&mut Problem::Quadratic, &mut x)?; // a quadratic takes one step
    /// assert!(x.amax() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Minimises within [`Bounds`](super::Bounds). Default: no bounds.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3 is least at y = ½
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![4.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.converged() && report.x.relative_eq(&vector![3.0, 0.5], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn bounds(mut self, bounds: Bounds<T>) -> Self {
        self.frame.bound(bounds);
        self
    }

    /// The textbook iteration `x ← x − H⁻¹∇f`, by a solve, with no safeguard: it stops on saddles and
    /// maxima (and the report says so), it may cycle and diverge. A singular Hessian ends it, unless that is
    /// semidefinite and `∇f` in its range: then the step is the shortest solution.
    ///
    /// ```
    /// use gradus::nalgebra::{DMatrix, DVector};
    /// use gradus::{CriticalKind, Function, Newton, Stop, minimize, vector};
    ///
    /// // f = x² − y²
    /// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g.copy_from(&vector![2.0 * x[0], -2.0 * x[1]]);
    ///     x[0] * x[0] - x[1] * x[1]
    /// })
    /// .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| {
    ///     h.copy_from_slice(&[2.0, 0.0, 0.0, -2.0]);
    /// });
    /// let report = minimize(&mut Newton::pure(), &mut f, vector![3.0, 4.0], &Stop::default())?;
    /// assert_eq!(report.kind(), Some(CriticalKind::Saddle));
    /// assert!(!report.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn pure() -> Self {
        Self { pure: true, ..Self::new() }
    }

    /// `x ← x + s`, `H s = −∇f`.
    fn pure_step<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>) -> Result<Step<T>, Error> {
        let solved = !self.here.is_end(&at.step)
            && (self.model.solve(&self.here) != Shape::Indefinite || self.model.eliminate(&self.here));
        let settled = solved && self.model.is_settled(&self.here, at.objective.is_convex());
        if ends(at, &mut self.here, settled, true)? {
            return Ok(at.step);
        }
        if !(solved && self.line.place(at.x, T::one(), &self.model.s)) {
            if !leave_flat(at, &mut self.here, true)? {
                at.step = at.step.ended(Termination::NoDescent);
            }
            return Ok(at.step);
        }
        at.x.copy_from(&self.line.trial);
        Ok(at.step)
    }

    /// `x ← x + t s`, `H s = −∇f` or its modification.
    fn safeguarded_step<O: Hessian<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>,
    ) -> Result<Step<T>, Error> {
        let convex = self.model.solve(&self.here) != Shape::Indefinite;
        if !convex {
            at.step.modified = true;
            if let Some(spectrum) = self.model.modify(&self.here)
                && is_near_saddle(at, &self.here, &spectrum, &self.model.s)
                && escape(at, &self.here, &spectrum, &self.model.s, &mut self.line.trial)?
            {
                return Ok(at.step);
            }
        }
        let settled = self.model.is_settled(&self.here, at.objective.is_convex());
        if ends(at, &mut self.here, settled, false)? {
            return Ok(at.step);
        }
        // near a perfect fit terms cancel, and what is left of them is no guide
        self.progress.see(&at.step);
        if self.here.is_within_run() && self.progress.stale > 2 * Progress::<T>::PATIENCE + at.x.len() {
            return Ok(at.step.ended(Termination::NoDescent));
        }
        let mut slope = self.model.slope(&self.here);
        if slope.is_none() && convex && at.step.gradient_norm > T::zero() {
            at.step.modified = true;
            self.model.modify(&self.here);
            slope = self.model.slope(&self.here);
        }
        match slope {
            Some(slope) if self.search(at, slope)? => Ok(at.step),
            _ if leave_flat(at, &mut self.here, false)? => Ok(at.step),
            _ => Ok(at.step.ended(Termination::NoDescent)),
        }
    }

    /// Moves `x` by `t s`. Within a run, and while full steps are taken, the full step is tried with all derivatives: if
    /// it is taken, they are those of the next step.
    fn search<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>, slope: T) -> Result<bool, Error> {
        let mut full = None;
        if self.here.is_within_run() && self.full && self.line.place(at.x, T::one(), &self.model.s) {
            let there = self.here.evaluate_hessian(at.objective, &self.line.trial)?;
            at.step.evaluations += 1;
            if takes_full(&at.step, slope, &there) {
                at.x.copy_from(&self.line.trial);
                return Ok(true);
            }
            full = Some(there.value);
        }
        let length = self.line.search(at, &self.model.s, slope, full)?;
        self.full = length == Some(T::one());
        Ok(length.is_some())
    }
}

impl<T: Real> FreeStep<T> for Newton<T> {
    fn parts(&mut self) -> (&mut Evaluated<T>, &mut Frame<T>) {
        (&mut self.here, &mut self.frame)
    }

    fn free_step(&mut self, objective: &mut dyn Hessian<T>, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let step = self.here.visit(objective, x)?;
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        let mut at = Position { objective, x, step };
        match self.pure {
            true => self.pure_step(&mut at),
            false => self.safeguarded_step(&mut at),
        }
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for Newton<T> {
    fn start(&mut self, objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.progress = Progress::default();
        self.full = true;
        self.here.start(tolerance);
        self.frame.start(objective.dim(), tolerance)
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut lent = objective;
        step(self, &mut lent, x)
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        let mut lent = objective;
        self.frame.judge(&mut self.here, &mut lent, x).map(Some)
    }

    fn face(&self) -> Option<&Face<T>> {
        self.frame.face()
    }
}

compiled! {
    fn step<T>(
        method: &'a mut Newton<T>, objective: &'a mut (dyn Hessian<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        method.framed_step(objective, x)
    }
}

use nalgebra::{DMatrix, DVector};

use super::search::backtrack::{Backtrack, takes_full};
use super::search::escape::{escape, is_near_saddle};
use super::search::local::Local;
use super::{Optimizer, Outcome, Step};
use crate::kernel::{Spectrum, least_norm_step};
use crate::{Certificate, Error, Hessian, Real, kernel};

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
/// promised gain drowns in the rounding of `f`, the full step is taken if it lowers `‖∇f‖`. A point is left
/// along `±` its most negative eigenvector, to the side with the lower `f`, where the step has become short
/// (`ε^¼ max(1, ‖x‖)`) or `‖∇f‖∞ ≤ √ε` although an eigenvalue is negative: an *escape*, counted in the
/// report. So a saddle ends no run, unless its negative eigenvalue is nothing but rounding. A point outside
/// the domain (`f` not finite) is retreated from, and never left behind.
///
/// The modification with `|Λ|` is that of Greenstadt (1967); Nocedal and Wright (2006), section 3.4.
/// For hard problems far from their solution prefer [`TrustRegion`](super::TrustRegion).
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{CriticalKind, Newton, Stop, minimize, problems::Rosenbrock};
///
/// let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Newton<T: Real> {
    pure: bool,
    here: Local<T>,
    factor: DMatrix<T>,
    pivots: Vec<usize>,
    direction: DVector<T>,
    line: Backtrack<T>,
    /// Whether the last step was a full one.
    full: bool,
}

impl<T: Real> Default for Newton<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Newton<T> {
    /// The safeguarded method.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Newton, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![4.0, 4.0];
    /// Newton::new().step(&mut Problem::Quadratic, &mut x)?; // a quadratic takes one step
    /// assert!(x.amax() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            pure: false,
            here: Local::new(),
            factor: DMatrix::zeros(0, 0),
            pivots: Vec::new(),
            direction: DVector::zeros(0),
            line: Backtrack::new(),
            full: true,
        }
    }

    /// The textbook iteration `x ← x − H⁻¹∇f`, by a solve, with no safeguard: it stops on saddles and
    /// maxima (and the report says so), it may cycle and diverge. A singular Hessian ends it, unless that is
    /// semidefinite and `∇f` in its range: then the step is the shortest solution.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{CriticalKind, Function, Newton, Stop, minimize};
    ///
    /// // f = x² − y²
    /// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g.copy_from(&dvector![2.0 * x[0], -2.0 * x[1]]);
    ///     x[0] * x[0] - x[1] * x[1]
    /// })
    /// .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| h.copy_from_slice(&[2.0, 0.0, 0.0, -2.0]));
    /// let report = minimize(&mut Newton::pure(), &mut f, dvector![3.0, 4.0], &Stop::default())?;
    /// assert_eq!(report.kind(), Some(CriticalKind::Saddle));
    /// assert!(!report.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn pure() -> Self {
        Self { pure: true, ..Self::new() }
    }

    /// Solves `H s = −∇f` by Cholesky's factorisation; false where `H` is not positive definite.
    fn solve_definite(&mut self) -> bool {
        let n = self.here.gradient.len();
        self.factor.copy_from(&self.here.hessian);
        if !kernel::cholesky(self.factor.as_mut_slice(), n) {
            return false;
        }
        negate_into(&self.here.gradient, &mut self.direction);
        kernel::cholesky_solve(self.factor.as_slice(), n, self.direction.as_mut_slice());
        true
    }

    /// Solves `H s = −∇f` by elimination; false where `H` is singular.
    fn solve_indefinite(&mut self) -> bool {
        let n = self.here.gradient.len();
        self.pivots.resize(n, 0);
        self.factor.copy_from(&self.here.hessian);
        if !kernel::lu(self.factor.as_mut_slice(), n, &mut self.pivots) {
            return false;
        }
        negate_into(&self.here.gradient, &mut self.direction);
        kernel::lu_solve(self.factor.as_slice(), n, &self.pivots, self.direction.as_mut_slice());
        true
    }

    /// Solves `H s = −∇f` by the shortest `s`; false where `H` is not semidefinite, or `f` falls along its null space.
    fn solve_semidefinite(&mut self, x: &DVector<T>) -> bool {
        let step = least_norm_step(&self.here.hessian, &self.here.gradient, x, &mut self.factor);
        let is_solved = step.is_some();
        if let Some(step) = step {
            self.direction.copy_from(&step);
        }
        is_solved
    }

    fn pure_step(&mut self, x: &mut DVector<T>, mut step: Step<T>) -> Step<T> {
        let solved = self.solve_definite() || self.solve_semidefinite(x) || self.solve_indefinite();
        if !(solved && self.line.place(x, T::one(), &self.direction)) {
            step.outcome = Outcome::Stuck;
            return step;
        }
        x.copy_from(self.line.trial());
        // the model's change is ½ ∇fᵀs, a rise where H is not positive definite
        step.predicted = -kernel::dot(self.here.gradient.as_slice(), self.direction.as_slice()) * T::of(0.5);
        step
    }
}

pub(super) fn negate_into<T: Real>(from: &DVector<T>, to: &mut DVector<T>) {
    to.zip_apply(from, |to, from| *to = -from);
}

impl<T: Real> Newton<T> {
    /// A step, in a run that ends at a gradient of so much, if it is one.
    fn advance<O: Hessian<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
        end: Option<T>,
    ) -> Result<Step<T>, Error> {
        let mut step = self.here.revisit(objective, x)?;
        if !step.is_finite() {
            step.outcome = Outcome::Stuck;
            return Ok(step);
        }
        if self.direction.len() != x.len() {
            (self.direction, self.factor) = (DVector::zeros(x.len()), DMatrix::zeros(x.len(), x.len()));
        }
        let is_end = end.is_some_and(|tolerance| step.gradient_norm <= tolerance);
        if self.pure {
            return Ok(if is_end { step } else { self.pure_step(x, step) });
        }
        let definite = self.solve_definite() || self.solve_semidefinite(x);
        if definite && is_end {
            return Ok(step);
        }
        let mut slope = if definite { self.slope() } else { None };
        if slope.is_none() && !(definite && step.gradient_norm == T::zero()) {
            step.modified = true;
            let spectrum = Spectrum::new(&self.here.hessian);
            match &spectrum {
                Some(spectrum) => self.direction.copy_from(&spectrum.descend(&self.here.gradient)),
                None => negate_into(&self.here.gradient, &mut self.direction),
            }
            if let Some(spectrum) = spectrum
                && is_near_saddle(x, step.gradient_norm, &self.direction)
            {
                let model = (&self.here.hessian, &spectrum, &self.direction);
                if escape(objective, x, model, &mut step, self.line.trial())? {
                    return Ok(step);
                }
            }
            slope = self.slope();
        }
        let Some(slope) = slope else {
            step.outcome = Outcome::Stuck;
            return Ok(step);
        };
        // m(0) − m(ts) = −t ∇fᵀs − ½ t² sᵀHs
        let curvature = if step.modified { self.curvature() } else { -slope };
        match self.search(objective, x, slope, end.is_some(), &mut step)? {
            Some(t) => step.predicted = -t * slope - T::of(0.5) * t * t * curvature,
            None => step.outcome = Outcome::Stuck,
        }
        Ok(step)
    }

    /// `∇fᵀs`, where `s` leads down.
    fn slope(&self) -> Option<T> {
        let slope = kernel::dot(self.here.gradient.as_slice(), self.direction.as_slice());
        (slope < T::zero() && slope.is_finite()).then_some(slope)
    }

    /// `sᵀHs`.
    fn curvature(&mut self) -> T {
        let Self { here, direction: s, line, .. } = self;
        super::search::backtrack::assign(line.trial(), s);
        line.trial().gemv(T::one(), &here.hessian, s, T::zero());
        kernel::dot(line.trial().as_slice(), s.as_slice())
    }

    /// The length of the step, and `x` moved by it. Within a run, and while full steps are taken, the full step is
    /// tried with all derivatives: if it is taken, they are those of the next step.
    fn search<O: Hessian<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
        slope: T,
        within: bool,
        step: &mut Step<T>,
    ) -> Result<Option<T>, Error> {
        let mut full = None;
        if within && self.full && self.line.place(x, T::one(), &self.direction) {
            let there = self.here.evaluate(objective, self.line.trial())?;
            step.evaluations += 1;
            if takes_full(step, slope, &there) {
                x.copy_from(self.line.trial());
                return Ok(Some(T::one()));
            }
            full = Some(there.value);
        }
        let length = self.line.search(objective, x, &self.direction, slope, full, step)?;
        self.full = length == Some(T::one());
        Ok(length)
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for Newton<T> {
    fn reset(&mut self) {
        self.here.forget();
        self.full = true;
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        self.here.forget();
        self.advance(objective, x, None)
    }

    fn step_within(&mut self, objective: &mut O, x: &mut DVector<T>, tolerance: T) -> Result<Step<T>, Error> {
        self.advance(objective, x, Some(tolerance))
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<Certificate<T>>, Error> {
        self.here.certify(objective, x).map(Some)
    }
}

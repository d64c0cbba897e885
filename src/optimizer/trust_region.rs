use nalgebra::DVector;

use super::search::escape::{escape, is_near_saddle};
use super::search::evaluated::{Evaluated, assign};
use super::search::newton_model::{NewtonModel, Shape};
use super::search::position::Position;
use super::search::probe::{ends, leave_flat};
use super::search::subproblem::Subproblem;
use super::search::trust_radius::Region;
use super::{Optimizer, Step};
use crate::{CriticalPoint, Error, Hessian, Real, Termination, kernel};

/// Newton's method in a trust region, on an exact Hessian: the recommended method for hard problems.
///
/// ```text
/// s = argmin { m(s) : ‖s‖ ≤ Δ },    m(s) = ∇fᵀs + ½ sᵀHs,    ρ = (f(x) − f(x + s)) / −m(s)
/// ```
///
/// The subproblem is solved exactly (Moré and Sorensen 1983), the hard case included, whatever the signs of
/// the eigenvalues: by two to four Cholesky factorisations of `H + μI`, each `n³/3` operations, in one matrix beside
/// the Hessian. A step is accepted if `ρ > η`; `Δ` shrinks to `‖s‖/4` where `ρ ≤ ¼` and grows to `4Δ`
/// where `ρ > ¾` on the boundary. An accepted step that is not the Newton step is improved before it is taken: where
/// `Δ` has grown, by the steps of the radii `4Δ, 16Δ, …` while `f` falls, and by the Newton step, half and a quarter of
/// it (where `H` is not positive definite, with `|Λ|` for `Λ`, up to 64 variables); the lowest `f` wins. The path of
/// radii follows curved valleys; the Newton step, which does not know the scale of the variables, follows narrow ones.
/// What has not paid lately is left out for a few steps.
///
/// Where the gradient all but vanishes (`‖∇f‖∞ ≤ √ε ‖H‖∞ max(1, ‖x‖∞)`) while an eigenvalue is negative, the step is
/// along that eigenvector, to the side with the lower `f`, and counts as an escape. Points outside the domain (`f` not
/// finite) shrink `Δ`.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{CriticalKind, Stop, TrustRegion, minimize, problems::Rosenbrock};
///
/// let (mut f, start) = (Rosenbrock::new(2), dvector![-1.2, 1.0]);
/// let report = minimize(&mut TrustRegion::new(), &mut f, start, &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustRegion<T: Real> {
    region: Region<T>,
    here: Evaluated<T>,
    model: NewtonModel<T>,
    subproblem: Subproblem<T>,
    best: DVector<T>,
    path: Look,
    newton: Look,
}

/// Up to so many variables the whole spectrum costs as much as a few factorisations.
const SMALL: usize = 64;

/// A look beyond an accepted step, left out for up to [`REST`](Self::REST) steps where it has not paid lately.
#[derive(Debug, Clone, Copy, Default)]
struct Look {
    failures: usize,
    wait: usize,
}

impl Look {
    const PATIENCE: usize = 3;
    const REST: usize = 8;

    fn is_due(&mut self) -> bool {
        let is_due = self.wait == 0;
        self.wait = self.wait.saturating_sub(1);
        is_due
    }

    fn tell(&mut self, paid: bool) {
        self.failures = if paid { 0 } else { self.failures + 1 };
        self.wait = self.failures.saturating_sub(Self::PATIENCE).min(Self::REST);
    }
}

/// Bounds on radii tried: up to `4²⁰ Δ` outwards, down to `4⁻⁶⁰ Δ` inwards.
const PATH: usize = 20;
const REJECTIONS: usize = 60;

impl<T: Real> Default for TrustRegion<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> TrustRegion<T> {
    /// With the default radius and acceptance.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Stop, TrustRegion, minimize, problems::Problem};
    ///
    /// let mut f = Problem::Beale; // f(3, ½) = 0
    /// let (start, stop) = (dvector![1.0, 1.0], Stop::default());
    /// let report = minimize(&mut TrustRegion::new(), &mut f, start, &stop)?;
    /// assert!(report.into_converged()?.x.relative_eq(&dvector![3.0, 0.5], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            region: Region::new(),
            here: Evaluated::new(),
            model: NewtonModel::new(),
            subproblem: Subproblem::new(),
            best: DVector::zeros(0),
            path: Look::default(),
            newton: Look::default(),
        }
    }

    /// The radius `Δ₀` that a run starts with. Default: `1`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), dvector![-1.2, 1.0], Stop::default());
    /// let mut method = TrustRegion::new().radius(0.1);
    /// assert!(minimize(&mut method, &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().radius(0.0), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "radius", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn radius(mut self, radius: T) -> Self {
        self.region.begin_with(radius);
        self
    }

    /// The share `η` of the promised reduction that a step must reach. Default: `0.15`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), dvector![-1.2, 1.0], Stop::default());
    /// let mut method = TrustRegion::new().acceptance(0.0);
    /// assert!(minimize(&mut method, &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().acceptance(0.25), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "acceptance", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn acceptance(mut self, eta: T) -> Self {
        self.region.acceptance = eta;
        self
    }

    /// The Newton step, where the model has a minimum and it lies inside; whether it was taken.
    fn newton_step<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>) -> Result<bool, Error> {
        let s = &self.model.s;
        if kernel::norm(s.as_slice()) > self.region.radius.now {
            return Ok(false);
        }
        let promised = self.model.promise(&self.here);
        let is_taken = self.region.judge(at, s, promised)?.is_some();
        if is_taken {
            at.x.copy_from(&self.region.line.trial);
        }
        Ok(is_taken)
    }

    /// Whether the gradient all but vanishes, `‖∇f‖∞ ≤ √ε ‖H‖ max(1, ‖x‖∞)`: then a negative eigenvalue is worth the whole
    /// spectrum.
    fn is_nearly_stationary<O: ?Sized>(&self, at: &Position<T, O>) -> bool {
        let scale = kernel::norm_inf(at.x.as_slice()).max(T::one());
        let small = T::EPSILON.sqrt() * scale * self.here.change(|_| T::one());
        at.x.len() <= SMALL || self.here.is_end(&at.step) || at.step.gradient_norm <= small
    }

    /// Leaves a saddle.
    fn escapes<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>) -> Result<bool, Error> {
        match self.model.modify(&self.here) {
            Some(spectrum) if is_near_saddle(at, &spectrum, &self.model.s) => {
                escape(at, &self.here, &spectrum, &self.model.s, &mut self.region.line.trial)
            }
            _ => Ok(false),
        }
    }

    /// The first accepted step of the radii `Δ, Δ/4, …`, improved; whether there is one.
    fn boundary_step<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>) -> Result<bool, Error> {
        for _ in 0..REJECTIONS {
            let radius = self.region.radius.now;
            let promised = self.subproblem.solve(&self.here, &mut self.model, radius);
            if kernel::norm(self.subproblem.s.as_slice()) == T::zero() {
                break;
            }
            if let Some(f) = self.region.judge(at, &self.subproblem.s, promised)? {
                assign(&mut self.best, &self.region.line.trial);
                let mut lowest = f;
                if self.region.radius.now > radius && self.path.is_due() {
                    lowest = self.follow_path(at, radius, f);
                    self.path.tell(lowest < f);
                }
                if self.has_newton_step(at) && self.newton.is_due() {
                    let f = self.try_newton(at, lowest);
                    self.newton.tell(f < lowest);
                }
                at.x.copy_from(&self.best);
                return Ok(true);
            }
            if self.region.line.trial == *at.x {
                break;
            }
        }
        Ok(false)
    }

    /// Where the radius has grown: while `f` falls, and the steps end on the boundary, goes on to those of the radii `4Δ, 16Δ, …`. The path of radii is curved, and follows curved valleys. The lowest value.
    fn follow_path<O: Hessian<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, mut radius: T, mut lowest: T,
    ) -> T {
        for _ in 0..PATH {
            if kernel::norm(self.subproblem.s.as_slice()) < T::of(0.9) * radius {
                break; // inside: larger radii change nothing
            }
            radius *= T::of(4.0);
            self.subproblem.solve(&self.here, &mut self.model, radius);
            let f = self.region.line.value_at(at, T::one(), &self.subproblem.s);
            if !(f.is_finite() && f < lowest) {
                break;
            }
            self.best.copy_from(&self.region.line.trial);
            lowest = f;
            self.region.radius.set(radius);
        }
        lowest
    }

    /// Whether there is a step that knows no radius: the Newton step, or with few variables the modified one.
    fn has_newton_step<O: ?Sized>(&mut self, at: &Position<T, O>) -> bool {
        let is_small = at.step.modified && at.x.len() <= SMALL;
        !at.step.modified || is_small && self.model.modify(&self.here).is_some()
    }

    /// Goes to the Newton step, half or a quarter of it (with `|Λ|` for `Λ` where `H` is not positive definite), if `f`
    /// is lower there. It does not depend on the scale of the variables, and follows narrow valleys.
    fn try_newton<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>, mut lowest: T) -> T {
        for t in [1.0, 0.5, 0.25].map(T::of) {
            let f = self.region.line.value_at(at, t, &self.model.s);
            if f.is_finite() && f < lowest {
                self.best.copy_from(&self.region.line.trial);
                lowest = f;
                let length = t * kernel::norm(self.model.s.as_slice());
                self.region.radius.set(self.region.radius.now.max(length));
            }
        }
        lowest
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for TrustRegion<T> {
    fn start(&mut self, _objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.here.start(tolerance);
        self.subproblem = Subproblem::new();
        [self.path, self.newton] = [Look::default(); 2];
        self.region.start()
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let step = self.here.visit(objective, x)?;
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        let mut at = Position { objective, x, step };
        let shape = self.model.solve(&self.here);
        let is_definite = shape != Shape::Indefinite;
        at.step.modified = !is_definite;
        let has_spectrum = !is_definite && self.is_nearly_stationary(&at);
        if has_spectrum && self.escapes(&mut at)? {
            return Ok(at.step);
        }
        let settled = (is_definite || has_spectrum) && self.model.is_settled(&self.here);
        if ends(&mut at, &mut self.here, settled, false)? {
            return Ok(at.step);
        }
        if is_definite && step.gradient_norm > T::zero() && self.newton_step(&mut at)? {
            return Ok(at.step);
        }
        if settled && shape == Shape::Semidefinite || is_definite && step.gradient_norm == T::zero() {
            return Ok(at.step.ended(Termination::NoDescent));
        }
        self.subproblem.begin(&self.here, &self.model, shape);
        match self.boundary_step(&mut at)? {
            true => Ok(at.step),
            false if leave_flat(&mut at, &mut self.here, false)? => Ok(at.step),
            false => Ok(at.step.ended(Termination::NoDescent)),
        }
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        self.here.judge(objective, x).map(Some)
    }
}

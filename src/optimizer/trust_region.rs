use nalgebra::{DMatrix, DVector};

use super::search::{
    Bounds, Evaluated, Face, Factored, Frame, FreeStep, NewtonModel, Position, Region, Shape, assign, ends,
    escape, is_near_saddle, leave_flat, subproblem,
};
use super::{Optimizer, Step};
use crate::kernel::{self, Spectrum, compiled};
use crate::{CriticalPoint, Error, Hessian, Real, Termination};

/// Newton's method in a trust region, on an exact Hessian: the recommended method for hard problems.
///
/// ```text
/// s = argmin { m(s) : ‖s‖ ≤ Δ },    m(s) = ∇fᵀs + ½ sᵀHs,    ρ = (f(x) − f(x + s)) / −m(s)
/// ```
///
/// The subproblem is solved exactly (Moré and Sorensen 1983), the hard case included, whatever the signs of
/// the eigenvalues. A step is accepted if `ρ > η`; `Δ` shrinks to `‖s‖/4` where `ρ ≤ ¼` and grows to `4Δ`
/// where `ρ > ¾` on the boundary. Values are cheap beside Hessians, so an accepted step that is not the
/// Newton step is improved before it is taken: by the steps of the radii `4Δ, 16Δ, …` while `f` falls, and by
/// the Newton step (with `|Λ|` for `Λ` where `H` is not positive definite), half and a quarter of it; the
/// lowest `f` wins. The path of radii follows curved valleys; the Newton step, which does not know the scale
/// of the variables, follows narrow ones.
///
/// Where the gradient all but vanishes while an eigenvalue is negative, the step is along that eigenvector,
/// to the side with the lower `f`, and counts as an escape. Points outside the domain (`f` not finite) shrink
/// `Δ`. Of more than 64 variables, away from stationary points, the subproblem is solved to a quarter of `Δ` by a
/// few factorisations of `H + μI` instead of a decomposition of `H`, and its steps follow no path of radii: a step
/// takes about `n³` operations. For many thousands of variables see [`NewtonCg`](super::NewtonCg).
///
/// In a run without bounds, variables whose sizes at the start lie further apart than a factor of 1024 are measured, and `‖s‖`
/// and `Δ` with them, each in a power of two next to its size, unless that sets their curvatures further apart.
///
/// ```
/// use gradus::{CriticalKind, Stop, TrustRegion, minimize, problems::Rosenbrock, vector};
///
/// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
/// let report = minimize(&mut TrustRegion::new(), &mut f, start, &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Default)]
pub struct TrustRegion<T: Real> {
    region: Region<T>,
    here: Evaluated<T>,
    frame: Frame<T>,
    model: NewtonModel<T>,
    factored: Factored<T>,
    s: DVector<T>,
    best: DVector<T>,
}

/// Up to so many variables the model is solved in the eigenvectors of `H`.
const FEW: usize = 64;

/// The spectrum of `H`, and the gradient in its eigenvectors.
type Eigen<'a, T> = (&'a Spectrum<T>, &'a DVector<T>);

/// Bounds on radii tried: up to `4²⁰ Δ` outwards, down to `4⁻⁶⁰ Δ` inwards.
const PATH: usize = 20;
const REJECTIONS: usize = 60;

impl<T: Real> TrustRegion<T> {
    /// With the default radius and acceptance.
    ///
    /// ```
    /// use gradus::{Stop, TrustRegion, minimize, problems::Problem, vector};
    ///
    /// let mut f = Problem::Beale; // f(3, ½) = 0
    /// let (start, stop) = (vector![1.0, 1.0], Stop::default());
    /// let report = minimize(&mut TrustRegion::new(), &mut f, start, &stop)?;
    /// assert!(report.into_converged()?.x.relative_eq(&vector![3.0, 0.5], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// The radius `Δ₀` that a run starts with. Default: the power of two next to the largest coordinate of the start, 1 for
    /// a start of zeros.
    ///
    /// ```
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock, vector};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), vector![-1.2, 1.0], Stop::default());
    /// let mut method = TrustRegion::new().radius(0.1);
    /// assert!(minimize(&mut method, &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().radius(0.0), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "radius", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn radius(mut self, radius: T) -> Self {
        self.region.begin_with(radius);
        self
    }

    /// The share `η` of the promised reduction that a step must reach. Default: `0.15`.
    ///
    /// ```
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock, vector};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), vector![-1.2, 1.0], Stop::default());
    /// let mut method = TrustRegion::new().acceptance(0.0);
    /// assert!(minimize(&mut method, &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().acceptance(0.25), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "acceptance", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn acceptance(mut self, eta: T) -> Self {
        self.region.acceptance = eta;
        self
    }

    /// Minimises within [`Bounds`](super::Bounds). Default: no bounds.
    ///
    /// ```
    /// use gradus::{Bounds, TrustRegion, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3 is least at y = ½
    /// let mut method = TrustRegion::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![4.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.converged() && report.x.relative_eq(&vector![3.0, 0.5], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn bounds(mut self, bounds: Bounds<T>) -> Self {
        self.frame.bound(bounds);
        self
    }

    /// Whether the gradient all but vanishes, or there are few variables: then the eigenvectors of `H` are asked for.
    fn needs_spectrum<O: ?Sized>(&self, at: &Position<T, O>) -> bool {
        let small = T::EPSILON.sqrt() * self.here.change(|i, x| self.here.size.of(i, x));
        at.x.len() <= FEW || self.here.is_end(&at.step) || at.step.gradient_norm <= small
    }

    /// The model in its eigenvectors; linear where the Hessian has no spectrum to be had. Where `H` is semidefinite up
    /// to rounding, eigenvalues and gradient of its null space are rounding.
    fn decompose(&self, shape: Shape) -> (Spectrum<T>, DVector<T>) {
        let n = self.s.len();
        let linear = || Spectrum { values: DVector::zeros(n), vectors: DMatrix::identity(n, n) };
        let mut spectrum = kernel::spectrum(&self.here.hessian).unwrap_or_else(linear);
        let mut c = spectrum.vectors.tr_mul(&self.here.gradient);
        if shape == Shape::Semidefinite {
            let tolerance = spectrum.zero();
            for (lambda, c) in spectrum.values.iter_mut().zip(c.iter_mut()) {
                if lambda.abs() <= tolerance {
                    *lambda = T::zero();
                    *c = T::zero();
                }
            }
        }
        (spectrum, c)
    }

    /// The Newton step, where the model has a minimum and it lies inside; whether it was taken.
    fn newton_step<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>) -> Result<bool, Error> {
        let s = &self.model.s;
        if kernel::norm(s.as_slice()) > self.region.radius.now {
            return Ok(false);
        }
        let promised = -T::of(0.5) * kernel::dot(self.here.gradient.as_slice(), s.as_slice());
        let is_taken = self.region.judge(at, s, promised)?.is_some();
        if is_taken {
            at.x.copy_from(&self.region.line.trial);
        }
        Ok(is_taken)
    }

    /// The best step within a radius, into `s`: in the eigenvectors of `H` where they are known, else by factorisations.
    /// What the model gains by it.
    fn solve(&mut self, spectrum: Option<Eigen<'_, T>>, radius: T) -> T {
        if let Some((spectrum, c)) = spectrum {
            return subproblem::solve(spectrum, c, radius, &mut self.s);
        }
        let promised = self.factored.solve(&self.here, &mut self.model, radius);
        self.s.copy_from(&self.factored.s);
        promised
    }

    /// The first accepted step of the radii `Δ, Δ/4, …`, improved; whether there is one.
    fn boundary_step<O: Hessian<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, spectrum: Option<Eigen<'_, T>>,
    ) -> Result<bool, Error> {
        for _ in 0..REJECTIONS {
            let radius = self.region.radius.now;
            let promised = self.solve(spectrum, radius);
            if self.region.outgrows(at, promised, &self.s) {
                continue;
            }
            if kernel::norm(self.s.as_slice()) == T::zero() {
                break;
            }
            if let Some(f) = self.region.judge(at, &self.s, promised)? {
                assign(&mut self.best, &self.region.line.trial);
                let f = match spectrum {
                    Some(spectrum) => self.follow_path(at, spectrum, radius, f),
                    None => f,
                };
                if spectrum.is_some() || !at.step.modified {
                    self.try_newton(at, f);
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

    /// Values are cheap beside Hessians: while `f` falls, and the steps end on the boundary, goes on to those of the
    /// radii `4Δ, 16Δ, …`. The path of radii is curved, and follows curved valleys. The lowest value.
    fn follow_path<O: Hessian<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, (spectrum, c): Eigen<'_, T>, mut radius: T, mut lowest: T,
    ) -> T {
        for _ in 0..PATH {
            if kernel::norm(self.s.as_slice()) < T::of(0.9) * radius {
                break; // inside: larger radii change nothing
            }
            radius *= T::of(4.0);
            subproblem::solve(spectrum, c, radius, &mut self.s);
            let f = self.region.line.value_at(at, T::one(), &self.s);
            if !(f.is_finite() && f < lowest) {
                break;
            }
            self.best.copy_from(&self.region.line.trial);
            lowest = f;
            self.region.radius.set(radius);
        }
        lowest
    }

    /// Goes to the Newton step, half or a quarter of it (with `|Λ|` for `Λ` where `H` is not positive definite), if `f`
    /// is lower there. It does not depend on the scale of the variables, and follows narrow valleys.
    fn try_newton<O: Hessian<T> + ?Sized>(&mut self, at: &mut Position<T, O>, mut lowest: T) {
        for t in [1.0, 0.5, 0.25].map(T::of) {
            let f = self.region.line.value_at(at, t, &self.model.s);
            if f.is_finite() && f < lowest {
                self.best.copy_from(&self.region.line.trial);
                lowest = f;
                let length = t * kernel::norm(self.model.s.as_slice());
                self.region.radius.set(self.region.radius.now.max(length));
            }
        }
    }
}

impl<T: Real> FreeStep<T> for TrustRegion<T> {
    fn parts(&mut self) -> (&mut Evaluated<T>, &mut Frame<T>) {
        (&mut self.here, &mut self.frame)
    }

    fn free_step(&mut self, objective: &mut dyn Hessian<T>, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let step = self.here.visit(objective, x)?;
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        if self.s.len() != x.len() {
            self.s = DVector::zeros(x.len());
        }
        let mut at = Position { objective, x, step };
        self.region.open(at.x);
        at.step.radius = Some(self.region.radius.now);
        let shape = self.model.solve(&self.here);
        if shape != Shape::Indefinite {
            let settled = self.model.is_settled(&self.here, at.objective.is_convex());
            if ends(&mut at, &mut self.here, settled, false)? {
                return Ok(at.step);
            }
            if step.gradient_norm == T::zero() {
                return Ok(step.ended(Termination::NoDescent)); // an exact minimum of the model
            }
            if self.newton_step(&mut at)? {
                return Ok(at.step);
            }
        }
        at.step.modified = shape == Shape::Indefinite;
        let known = self.needs_spectrum(&at).then(|| self.decompose(shape));
        if at.step.modified {
            let mut settled = false;
            let mut leaves = false;
            if let Some((spectrum, _)) = &known {
                self.model.s.copy_from(&spectrum.descend(&self.here.gradient));
                leaves = is_near_saddle(&at, &self.here, spectrum, &self.model.s)
                    && escape(&mut at, &self.here, spectrum, &self.model.s, &mut self.region.line.trial)?;
                settled = self.model.is_settled(&self.here, at.objective.is_convex());
            }
            if leaves || ends(&mut at, &mut self.here, settled, false)? {
                return Ok(at.step);
            }
        }
        if known.is_none() {
            self.factored.begin(&self.here, &self.model, shape);
        }
        match self.boundary_step(&mut at, known.as_ref().map(|(spectrum, c)| (spectrum, c)))? {
            true => Ok(at.step),
            false if leave_flat(&mut at, &mut self.here, false)? => Ok(at.step),
            false => Ok(at.step.ended(Termination::NoDescent)),
        }
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for TrustRegion<T> {
    fn start(&mut self, objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.factored = Factored::default();
        self.region.start()?;
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
        method: &'a mut TrustRegion<T>, objective: &'a mut (dyn Hessian<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        method.framed_step(objective, x)
    }
}

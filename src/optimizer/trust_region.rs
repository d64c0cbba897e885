use nalgebra::{DMatrix, DVector};

use super::newton::negate_into;
use super::search::escape::{escape, is_near_saddle};
use super::search::local::Local;
use super::search::trust_radius::{Radius, norm};
use super::{Optimizer, Outcome, Step};
use crate::kernel::{Spectrum, least_norm_step, zero};
use crate::{Certificate, Error, Hessian, Real, kernel};

/// Newton's method in a trust region, on an exact Hessian: the recommended method for hard problems.
///
/// ```text
/// s = argmin { ∇fᵀs + ½ sᵀHs : ‖s‖ ≤ Δ },    ρ = (f(x) − f(x + s)) / (the reduction the model promises)
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
/// `Δ`. Each step on the boundary decomposes the Hessian, about `10 n³` operations: for thousands of
/// variables see [`NewtonCg`](super::NewtonCg).
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{CriticalKind, Stop, TrustRegion, minimize, problems::Rosenbrock};
///
/// let mut method = TrustRegion::new();
/// let report = minimize(&mut method, &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct TrustRegion<T: Real> {
    radius: Radius<T>,
    here: Local<T>,
    factor: DMatrix<T>,
    newton: DVector<T>,
    s: DVector<T>,
}

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
    /// let report = minimize(&mut TrustRegion::new(), &mut f, dvector![1.0, 1.0], &Stop::default())?;
    /// assert!(report.into_converged()?.x.relative_eq(&dvector![3.0, 0.5], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        let empty = || DVector::zeros(0);
        Self {
            radius: Radius::new(),
            here: Local::new(),
            factor: DMatrix::zeros(0, 0),
            newton: empty(),
            s: empty(),
        }
    }

    /// The radius `Δ₀` that a run starts with. Default: `1`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), dvector![-1.2, 1.0], Stop::default());
    /// assert!(minimize(&mut TrustRegion::new().radius(0.1), &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().radius(0.0), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "radius", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn radius(mut self, radius: T) -> Self {
        (self.radius.initial, self.radius.now) = (radius, radius);
        self
    }

    /// The share `η` of the promised reduction that a step must reach. Default: `0.15`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Error, Stop, TrustRegion, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), dvector![-1.2, 1.0], Stop::default());
    /// assert!(minimize(&mut TrustRegion::new().acceptance(0.0), &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut TrustRegion::new().acceptance(0.25), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "acceptance", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn acceptance(mut self, eta: T) -> Self {
        self.radius.acceptance = eta;
        self
    }

    fn prepare(&mut self, n: usize) {
        if self.s.len() != n {
            (self.newton, self.s) = (DVector::zeros(n), DVector::zeros(n));
            self.factor = DMatrix::zeros(n, n);
        }
    }

    /// `H s = −∇f` by Cholesky's factorisation, into `newton`; false where `H` is not positive definite.
    fn solve_definite(&mut self) -> bool {
        let n = self.newton.len();
        self.factor.copy_from(&self.here.hessian);
        if !kernel::cholesky(self.factor.as_mut_slice(), n) {
            return false;
        }
        negate_into(&self.here.gradient, &mut self.newton);
        kernel::cholesky_solve(self.factor.as_slice(), n, self.newton.as_mut_slice());
        kernel::norm_inf(self.newton.as_slice()).is_finite()
    }

    /// Looks for a lower point than the accepted one (`x + s` of radius `Δ`, with value `f`): along the path
    /// of larger radii, and along the Newton direction. Moves `x` to the best.
    fn improve<O: Hessian<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
        model: (&Spectrum<T>, &DVector<T>),
        (f, radius): (T, T),
        step: &mut Step<T>,
    ) {
        let start = x.clone();
        let mut best = f;
        x.copy_from(self.radius.at.trial());
        let mut longer = radius;
        for _ in 0..PATH {
            if norm(self.s.as_slice()) < T::of(0.9) * longer {
                break; // inside: larger radii change nothing
            }
            longer *= T::of(4.0);
            let promised = super::search::subproblem::solve(model.0, model.1, longer, &mut self.s);
            let f = self.radius.at.value_at(objective, &start, T::one(), &self.s, step);
            if !(f.is_finite() && f < best) {
                break;
            }
            x.copy_from(self.radius.at.trial());
            (best, step.predicted) = (f, promised);
            self.radius.set(longer);
        }
        let mut t = T::one();
        for _ in 0..3 {
            let f = self.radius.at.value_at(objective, &start, t, &self.newton, step);
            if f.is_finite() && f < best {
                x.copy_from(self.radius.at.trial());
                let slope = kernel::dot(self.here.gradient.as_slice(), self.newton.as_slice());
                self.s.gemv(T::one(), &self.here.hessian, &self.newton, T::zero());
                let curvature = kernel::dot(self.s.as_slice(), self.newton.as_slice());
                step.predicted = -t * slope - T::of(0.5) * t * t * curvature;
                self.radius.set(self.radius.now.max(t * norm(self.newton.as_slice())));
                best = f;
            }
            t *= T::of(0.5);
        }
    }
}

/// Bounds on radii tried: up to `4²⁰ Δ` outwards, down to `4⁻⁶⁰ Δ` inwards.
const PATH: usize = 20;
const REJECTIONS: usize = 60;

impl<T: Real, O: Hessian<T> + ?Sized> Optimizer<T, O> for TrustRegion<T> {
    fn check(&self, _objective: &O) -> Result<(), Error> {
        self.radius.check()
    }

    fn reset(&mut self) {
        self.here.forget();
        self.radius.reset();
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut step = self.here.evaluate(objective, x)?;
        if !step.is_finite() {
            step.outcome = Outcome::Stuck;
            return Ok(step);
        }
        let n = x.len();
        self.prepare(n);
        let mut is_flat = false;
        let definite = self.solve_definite() || {
            let newton = least_norm_step(&self.here.hessian, &self.here.gradient, x, &mut self.factor);
            is_flat = newton.is_some();
            newton.is_some_and(|newton| {
                self.newton.copy_from(&newton);
                true
            })
        };
        if definite && step.gradient_norm == T::zero() {
            step.outcome = Outcome::Stuck; // an exact minimum
            return Ok(step);
        }
        if definite && norm(self.newton.as_slice()) <= self.radius.now {
            self.s.copy_from(&self.newton);
            step.predicted = -T::of(0.5) * kernel::dot(self.here.gradient.as_slice(), self.s.as_slice());
            if self.radius.judge(objective, x, &self.s, step.predicted, &mut step)?.is_some() {
                x.copy_from(self.radius.at.trial());
                return Ok(step);
            }
        }
        step.modified = !definite;
        // where the Hessian is of no use, the model is linear
        let linear = || Spectrum { values: DVector::zeros(n), vectors: DMatrix::identity(n, n) };
        let mut spectrum = Spectrum::new(&self.here.hessian).unwrap_or_else(linear);
        let mut coordinates = spectrum.vectors.tr_mul(&self.here.gradient);
        if is_flat {
            // curvature and gradient of the null space are rounding
            let tolerance = zero(&spectrum.values);
            for (l, c) in
                spectrum.values.iter_mut().zip(coordinates.iter_mut()).filter(|(l, _)| l.abs() <= tolerance)
            {
                (*l, *c) = (T::zero(), T::zero());
            }
        }
        if !definite {
            self.newton.copy_from(&spectrum.descend(&self.here.gradient));
            if is_near_saddle(x, step.gradient_norm, &self.newton) {
                let model = (&self.here.hessian, &spectrum, &self.newton);
                if escape(objective, x, model, &mut step, self.radius.at.trial())? {
                    return Ok(step);
                }
            }
        }
        for _ in 0..REJECTIONS {
            let radius = self.radius.now;
            step.predicted = super::search::subproblem::solve(&spectrum, &coordinates, radius, &mut self.s);
            let length = norm(self.s.as_slice());
            if length == T::zero() {
                break;
            }
            if let Some(f) = self.radius.judge(objective, x, &self.s, step.predicted, &mut step)? {
                self.improve(objective, x, (&spectrum, &coordinates), (f, radius), &mut step);
                return Ok(step);
            }
            if self.radius.at.trial() == x {
                break;
            }
        }
        (step.outcome, step.predicted) = (Outcome::Stuck, T::zero());
        Ok(step)
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<Certificate<T>>, Error> {
        self.here.certify(objective, x).map(Some)
    }
}

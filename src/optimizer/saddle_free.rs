use nalgebra::DVector;

use super::search::{Backtrack, Evaluated, Position, ends_by_products, is_within};
use super::{Optimizer, Step};
use crate::contract::setting;
use crate::kernel::{self, compiled};
use crate::objective::Lanczos;
use crate::{CriticalPoint, Error, HessianProduct, Real, Termination};

/// Saddle-free Newton in a Krylov space, by Hessian products alone.
///
/// ```text
/// s = −Q |T|⁻¹ Qᵀ∇f,    H Q ≈ Q T,    Q an orthonormal basis of span {∇f, H∇f, H²∇f, …}
/// ```
///
/// Lanczos' method builds `Q` and the tridiagonal `T`; `|T|` takes the moduli of its eigenvalues, floored
/// at `√ε` of the largest, so that saddles repel as strongly as Newton's method is drawn to them (Dauphin,
/// Pascanu, Gulcehre, Cho, Ganguli and Bengio 2014). The step is shortened until it satisfies Armijo's
/// condition. For large `n`.
///
/// Where the step becomes short, or `‖∇f‖∞ ≤ √ε`, the space is built once more, from a fixed vector without
/// structure; if it holds negative curvature, the point is left along that, to the side with the lower `f`,
/// and the step counts as an escape. The report holds a verdict [by products](crate::CriticalPoint::by_products).
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{SaddleFree, Stop, minimize, problems::Rosenbrock};
///
/// let (mut f, start) = (Rosenbrock::new(50), DVector::from_element(50, 0.5));
/// let report = minimize(&mut SaddleFree::new(), &mut f, start, &Stop::default())?;
/// assert!(report.into_converged()?.value < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct SaddleFree<T: Real> {
    dimension: usize,
    here: Evaluated<T>,
    direction: DVector<T>,
    lanczos: Lanczos<T>,
    line: Backtrack<T>,
}

default_is_new!(SaddleFree);

impl<T: Real> SaddleFree<T> {
    /// With the default dimension of the Krylov space.
    ///
    /// ```
    /// use gradus::{SaddleFree, Stop, minimize, problems::Problem, vector};
    ///
    /// // minima −1/4, the start on the way to the saddle
    /// let (mut f, start) = (Problem::SaddleBetweenMinima, vector![1.0, 0.0]);
    /// let report = minimize(&mut SaddleFree::new(), &mut f, start, &Stop::default())?;
    /// assert!(report.converged() && (report.value + 0.25_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            dimension: 50,
            here: Evaluated::default(),
            direction: DVector::default(),
            lanczos: Lanczos::default(),
            line: Backtrack::default(),
        }
    }

    /// The dimension of the Krylov space, one Hessian product each. Default: `50`, and never more than `n`.
    ///
    /// ```
    /// use gradus::{Optimizer, SaddleFree, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// SaddleFree::new().dimension(1).step(&mut Problem::Quadratic, &mut x)?;
    /// // the space of g alone
    /// assert!(((1.0 - x[1]) / (1.0 - x[0]) - 5.0 / 3.0_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn dimension(mut self, dimension: usize) -> Self {
        self.dimension = dimension;
        self
    }
}

compiled! {
    fn step<T>(
        method: &'a mut SaddleFree<T>, objective: &'a mut (dyn HessianProduct<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let n = x.len();
        if method.direction.len() != n {
            method.direction = DVector::zeros(n);
        }
        let step = method.here.evaluate(objective, x)?;
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        let mut at = Position { objective, x, step };
        let gradient = &method.here.gradient;
        if method.lanczos.run(at.objective, at.x, gradient, method.dimension)? {
            // in the coordinates of Q the gradient is ‖∇f‖ e₁
            let length = kernel::norm(gradient.as_slice());
            at.step.modified = method.lanczos.descend(length, &mut method.direction);
        } else {
            // no products to be had: down the gradient
            at.step.modified = true;
            method.direction.zip_apply(gradient, |d, g| *d = -g);
        }
        let slope = kernel::dot(gradient.as_slice(), method.direction.as_slice());
        let promised = || T::of(-0.5) * slope;
        let is_settled = method.here.is_settled(&method.direction, promised, at.objective.is_convex());
        let is_near =
            is_within(at.x, &method.direction, T::EPSILON.sqrt().sqrt(), |_, x| x.abs().max(T::one()));
        let said = (is_settled, is_near);
        if ends_by_products(&mut at, &method.here, &mut method.lanczos, method.dimension, said)? {
            return Ok(at.step);
        }
        let leads_down = slope < T::zero() && slope.is_finite();
        if leads_down && method.line.search(&mut at, &method.direction, slope, None)?.is_some() {
            return Ok(at.step);
        }
        Ok(at.step.ended(Termination::NoDescent))
    }
}

impl<T: Real, O: HessianProduct<T> + ?Sized> Optimizer<T, O> for SaddleFree<T> {
    fn start(&mut self, _objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.here.start(tolerance);
        setting("dimension", "at least 1", T::of(self.dimension as f64), self.dimension > 0)
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut lent = objective;
        step(self, &mut lent, x)
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        CriticalPoint::by_products(objective, x).map(Some)
    }
}

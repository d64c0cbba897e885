//! Methods that take one step on an objective.

use nalgebra::DVector;

use crate::{Certificate, Error, Real};

pub use adagrad::{AdaGrad, RmsProp};
pub use adam::Adam;
pub use bfgs::Bfgs;
pub use conjugate_gradient::ConjugateGradient;
pub use gradient_descent::GradientDescent;
pub use lbfgs::Lbfgs;
pub use newton::Newton;
pub use newton_cg::NewtonCg;
pub use saddle_free::SaddleFree;
pub use schedule::Schedule;
pub use trust_region::TrustRegion;

mod adagrad;
mod adam;
mod backtrack;
mod bfgs;
mod conjugate_gradient;
mod directions;
mod escape;
mod gradient_descent;
mod lanczos;
mod lbfgs;
mod line_search;
mod local;
mod newton;
mod newton_cg;
mod radius;
mod saddle_free;
mod schedule;
mod trust_region;

/// A method that takes steps on an objective.
///
/// **An implementor must** evaluate the objective at the `x` it is given, then move `x`, and describe the
/// *given* point in the [`Step`] it returns; must leave `x` finite; and must keep nothing about `f` between
/// steps but averages of its gradients, so that the objective may change under it (mini-batches), unless
/// it says so. **A caller
/// may** stop after any step. What a method asks of `O` is what it needs: [`Objective`](crate::Objective)
/// for first-order methods, [`Hessian`](crate::Hessian) for Newton.
///
/// `examples/own_optimizer.rs` writes one in a few lines.
pub trait Optimizer<T: Real, O: ?Sized> {
    /// Judges settings, and whether they fit the objective; asked once, before the first step of a run.
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its domain.
    fn check(&self, _objective: &O) -> Result<(), Error> {
        Ok(())
    }

    /// Forgets what earlier steps left behind (momentum, radii), at the start of a run.
    fn reset(&mut self) {}

    /// Evaluates at the `x` it is given, then moves it.
    ///
    /// # Errors
    /// [`Error::Resized`] if the objective returned a gradient or Hessian of another size.
    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error>;

    /// What is known of `x` from second derivatives, where the method has them. Default: nothing.
    ///
    /// # Errors
    /// Those of [`CriticalPoint::classify`](crate::CriticalPoint::classify).
    fn certify(&mut self, _objective: &mut O, _x: &DVector<T>) -> Result<Option<Certificate<T>>, Error> {
        Ok(None)
    }
}

/// What an optimizer tells of one step; value and gradient are those of the point *before* it moved.
///
/// ```
/// use gradus::optimizer::{Outcome, Step};
///
/// let step = Step::new(1.5_f64, 0.25);
/// assert_eq!((step.evaluations, step.outcome), (1, Outcome::Moved));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step<T> {
    /// `f(x)` at the point given.
    pub value: T,
    /// `‖∇f(x)‖∞` at the point given.
    pub gradient_norm: T,
    /// How often the objective was evaluated (value, or value and gradient).
    pub evaluations: usize,
    /// The reduction of `f` that the method's model promised for the step; zero where it has no model.
    pub predicted: T,
    /// Whether the Hessian was modified to give a direction of descent.
    pub modified: bool,
    /// What became of the point.
    pub outcome: Outcome,
}

impl<T: Real> Step<T> {
    /// A step that moved after one evaluation.
    pub fn new(value: T, gradient_norm: T) -> Self {
        let (evaluations, predicted) = (1, T::zero());
        Self { value, gradient_norm, evaluations, predicted, modified: false, outcome: Outcome::Moved }
    }

    /// Whether value and gradient are finite at the point given.
    pub fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient_norm.is_finite()
    }
}

/// What became of the point in a step.
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It moved.
    Moved,
    /// It was stationary with a negative eigenvalue, and left along the eigenvector: the run goes on
    /// although the gradient is small.
    Escaped,
    /// It moved, but a test of the method's own, free of scale, says that the point it left is not stationary:
    /// the run goes on although the gradient is small.
    Unsettled,
    /// It stayed: no step was found that lowers the function.
    Stuck,
    /// It stayed: no step was found that lowers the function, and a test of the method's own, free of scale,
    /// says that it is stationary up to rounding.
    Stationary,
    /// It stayed, on a plateau far out: the gradient vanishes because a parameter that had influence before has
    /// none here. Not stationary, however small the gradient.
    Lost,
}

/// `f(x)` with `∇f(x)` in `gradient`, sized once and checked after a user's code had it.
pub(crate) fn evaluate<T: Real, O: crate::Objective<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
    gradient: &mut DVector<T>,
) -> Result<T, Error> {
    if gradient.len() != x.len() {
        *gradient = DVector::zeros(x.len());
    }
    let value = objective.value_gradient(x, gradient);
    if gradient.len() != x.len() {
        return Err(Error::Resized { what: "the gradient", expected: x.len(), found: gradient.len() });
    }
    Ok(value)
}

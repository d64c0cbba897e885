//! Methods that take one step on an objective.
//!
//! ```
//! use gradus::{GradientDescent, Lbfgs, Newton, Stop, minimize, problems::Rosenbrock};
//! use gradus::vector;
//!
//! let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
//! let stop = Stop::default().iterations(100);
//! assert!(minimize(&mut Newton::new(), &mut f, start.clone(), &stop)?.converged());
//! assert!(minimize(&mut Lbfgs::new(), &mut f, start.clone(), &stop)?.converged());
//! assert!(!minimize(&mut GradientDescent::new(1e-3), &mut f, start, &stop)?.converged());
//! # Ok::<(), gradus::Error>(())
//! ```

use nalgebra::DVector;

use crate::{CriticalPoint, Error, Real, Termination};

pub use adagrad::AdaGrad;
pub use adam::Adam;
pub use bfgs::Bfgs;
pub use conjugate_gradient::ConjugateGradient;
pub use gradient_descent::GradientDescent;
pub use lbfgs::Lbfgs;
pub use newton::Newton;
pub use newton_cg::NewtonCg;
pub use rms_prop::RmsProp;
pub use saddle_free::SaddleFree;
pub use schedule::Schedule;
pub(crate) use search::{
    Bounded, Full, NEIGHBOURS, Position, RadiusRule, Seen, Size, TrustRadius, Within, closeness, is_same,
    leads_lower, leave, neighbour, probe, rounding, units, vanishes,
};
pub use search::{Bounds, Face};
pub use stochastic::{Memory, Stochastic};
pub use trust_region::TrustRegion;

/// A method of default settings.
macro_rules! default_is_new {
    ($method:ident) => {
        impl<T: Real> Default for $method<T> {
            fn default() -> Self {
                Self::new()
            }
        }
    };
}

mod adagrad;
mod adam;
mod bfgs;
mod conjugate_gradient;
mod first_order;
mod gradient_descent;
mod lbfgs;
mod newton;
mod newton_cg;
mod rms_prop;
mod saddle_free;
mod schedule;
mod search;
mod stochastic;
mod trust_region;

/// A method that takes steps on an objective.
///
/// **An implementor must** evaluate the objective at the `x` it is given, then move `x`, and describe the *given*
/// point in the [`Step`] it returns; must leave `x` finite; and may use a value or gradient of an earlier call only
/// within a run: between [`start`](Self::start) with a tolerance and the next `start`. Outside of a run the objective
/// may change from step to step (mini-batches). **A caller may** stop after any step. What a method asks of `O` is
/// what it needs: [`Objective`](crate::Objective) for first-order methods, [`Hessian`](crate::Hessian) for Newton.
///
/// `examples/own_optimizer.rs` writes one in a few lines.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::optimizer::{Optimizer, Step};
/// use gradus::{Error, Objective, Stop, minimize, problems::Problem, vector};
///
/// /// x ← x − ∇f / 5
/// struct Descent;
///
/// impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for Descent {
///     fn step(&mut self, f: &mut O, x: &mut DVector<f64>) -> Result<Step<f64>, Error> {
///         let mut g = DVector::zeros(x.len());
///         let value = f.value_gradient(x, &mut g);
///         *x -= &g * 0.2;
///         Ok(Step::new(value, g.amax())) // of the point before it moved
///     }
/// }
///
/// let (mut f, stop) = (Problem::Quadratic, Stop::default());
/// let report = minimize(&mut Descent, &mut f, vector![4.0, 4.0], &stop)?;
/// assert!(report.converged() && report.x.amax() < 1e-8);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Optimizer<T: Real, O: ?Sized> {
    /// Judges settings, and forgets what earlier steps left behind (momentum, radii, points).
    ///
    /// With a tolerance a run begins: until the next `start` the objective stays the same, and the run ends where
    /// `‖∇f‖∞ ≤ tolerance`; there a method need not move on. [`minimize`](crate::minimize) opens a run like this, and
    /// closes it by a `start` without tolerance. Default: nothing to judge or to forget.
    ///
    /// ```
    /// use gradus::{Adam, Error, GradientDescent, Optimizer, problems::Rosenbrock};
    /// use gradus::vector;
    ///
    /// let mut f = Rosenbrock::new(2);
    /// let judged = Adam::new(-0.1).start(&f, None);
    /// assert!(matches!(judged, Err(Error::Setting { name: "rate", .. })));
    ///
    /// let mut descent = GradientDescent::new(1e-3).momentum(0.9);
    /// let (mut x, mut again) = (vector![-1.2, 1.0], vector![-1.2, 1.0]);
    /// descent.step(&mut f, &mut x)?;
    /// descent.start(&f, None)?; // without it the next step would remember the first
    /// descent.step(&mut f, &mut again)?;
    /// assert_eq!(x, again);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a setting outside its domain, or one that does not fit the objective.
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        Ok(())
    }

    /// Evaluates at the `x` it is given, then moves it.
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // f = 2x² + 3y² − xy
    /// let step = GradientDescent::new(0.25).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!((step.value, step.gradient_norm), (4.0, 5.0)); // of the point given
    /// assert_eq!(x, vector![0.25, -0.25]); // 1 − 3/4, 1 − 5/4
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Resized`] if the objective returned a gradient or Hessian of another size, [`Error::TooLarge`] for
    /// matrices or memories that there is no room for.
    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error>;

    /// What is known of `x` from second derivatives, where the method has them. Default: nothing.
    ///
    /// ```
    /// use gradus::{GradientDescent, Newton, Optimizer, problems::Rosenbrock, vector};
    ///
    /// let (mut f, x) = (Rosenbrock::new(2), vector![1.0, 1.0]);
    /// let point = Newton::new().certify(&mut f, &x)?;
    /// assert!(point.is_some_and(|point| point.inertia.positive == 2));
    /// assert_eq!(GradientDescent::new(0.1).certify(&mut f, &x)?, None);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CriticalPoint::classify`].
    fn certify(&mut self, _objective: &mut O, _x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        Ok(None)
    }

    /// Which bounds hold at the last point it was given, of a method that has [`Bounds`]: from it
    /// [`minimize`](crate::minimize) knows the gradient on the face, and projects the start. Default: no bounds.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Optimizer, problems::Problem, vector};
    ///
    /// let (mut f, mut x) = (Problem::Quadratic, vector![4.0, 4.0]);
    /// let mut newton = Newton::new().bounds(Bounds::unbounded(2).lower(0, 4.0));
    /// newton.step(&mut f, &mut x)?;
    /// let face = Optimizer::<f64, Problem>::face(&newton).unwrap();
    /// assert_eq!(face.multipliers(), &vector![12.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn face(&self) -> Option<&Face<T>> {
        None
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
    /// Whether the Hessian was modified to give a direction of descent.
    pub modified: bool,
    /// What was seen along flat directions of the Hessian at the point given.
    pub probed: Probed,
    /// The size of `‖∇f‖∞` within `ε^⅔` of a minimum, by second derivatives at the point given, where a method has looked.
    pub tolerance: Option<T>,
    /// Four times what neighbouring numbers make of `‖∇f‖∞`, by the same; else zero.
    pub floor: T,
    /// The radius of the trust region at the point given, of a method that has one.
    pub radius: Option<T>,
    /// What became of the point.
    pub outcome: Outcome,
}

impl<T: Real> Step<T> {
    /// A step that moved after one evaluation.
    ///
    /// ```
    /// use gradus::optimizer::Step;
    ///
    /// let step = Step::new(1.5, 0.25);
    /// assert_eq!((step.value, step.gradient_norm, step.modified), (1.5, 0.25, false));
    /// ```
    pub fn new(value: T, gradient_norm: T) -> Self {
        Self {
            value,
            gradient_norm,
            evaluations: 1,
            modified: false,
            probed: Probed::No,
            tolerance: None,
            floor: T::zero(),
            radius: None,
            outcome: Outcome::Moved,
        }
    }

    /// The same, of a method that stays where it is.
    ///
    /// ```
    /// use gradus::Termination;
    /// use gradus::optimizer::{Outcome, Step};
    ///
    /// let step = Step::new(1.5, 0.25).ended(Termination::NoDescent);
    /// assert_eq!(step.outcome, Outcome::Ended(Termination::NoDescent));
    /// ```
    #[must_use]
    pub fn ended(self, why: Termination) -> Self {
        Self { outcome: Outcome::Ended(why), ..self }
    }

    /// Whether value and gradient are finite at the point given.
    ///
    /// ```
    /// use gradus::optimizer::Step;
    ///
    /// assert!(Step::new(1.5, 0.25).is_finite());
    /// assert!(!Step::new(1.5, f64::INFINITY).is_finite());
    /// ```
    pub fn is_finite(&self) -> bool {
        self.value.is_finite() && self.gradient_norm.is_finite()
    }
}

/// What became of the point in a step.
///
/// ```
/// use gradus::optimizer::{Optimizer, Outcome};
/// use gradus::{Newton, problems::Problem, vector};
///
/// let mut x = vector![0.0, 0.0]; // a saddle
/// let step = Newton::new().step(&mut Problem::SaddleBetweenMinima, &mut x)?;
/// assert!(step.outcome == Outcome::Escaped && x[1] != 0.0);
/// # Ok::<(), gradus::Error>(())
/// ```
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
    /// It stayed where it is, for this reason. A stationary one ([`Termination::is_stationary`]) counts only where
    /// [`minimize`](crate::minimize) finds the same by its own test.
    Ended(Termination),
}

/// What was seen along the flat directions of a Hessian that leaves undecided what a stationary point is.
///
/// ```
/// use gradus::nalgebra::{DMatrix, DVector};
/// use gradus::optimizer::Probed;
/// use gradus::{Function, Newton, Stop, minimize, vector};
///
/// // f = xᵏ: gradient and curvature vanish at 0
/// let power = |k: i32| {
///     Function::new(1, move |x: &DVector<f64>, g: &mut DVector<f64>| {
///         g[0] = f64::from(k) * x[0].powi(k - 1);
///         x[0].powi(k)
///     })
///     .with_hessian(move |x: &DVector<f64>, h: &mut DMatrix<f64>| {
///         h[0] = f64::from(k * (k - 1)) * x[0].powi(k - 2);
///     })
/// };
/// let (mut newton, start, stop) = (Newton::pure(), vector![0.0], Stop::default());
/// let bowl = minimize(&mut newton, &mut power(4), start.clone(), &stop)?;
/// assert!(bowl.converged() && bowl.probed == Probed::Bowl);
/// let inflection = minimize(&mut newton, &mut power(3), start, &stop)?;
/// assert!(!inflection.converged() && inflection.probed == Probed::Lower);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Probed {
    /// Nobody looked: nothing is flat, or it was known that there is nothing lower.
    No,
    /// Along every ray `f` is higher.
    Bowl,
    /// Along some it is higher or the same, along none lower.
    Valley,
    /// A lower point, and the method did not go there: this is no minimum.
    Lower,
    /// Gradient and curvature vanish altogether, and `f` is the same as far as was looked: a plateau.
    Level,
}

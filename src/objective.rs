//! Differentiable functions of one flat vector, and what more they may offer.
//!
//! ```
//! use gradus::nalgebra::{self, DVector, dvector};
//! use gradus::check;
//! use gradus::{Function, Lbfgs, Stop, minimize};
//!
//! let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
//!     g[0] = x[0].exp() - 2.0;
//!     x[0].exp() - 2.0 * x[0]
//! });
//! assert!(check::gradient(&mut f, &dvector![1.0])?.passed());
//! let report = minimize(&mut Lbfgs::new(), &mut f, dvector![0.0], &Stop::default())?;
//! assert!((report.x[0] - 2.0_f64.ln()).abs() < 1e-8);
//! # Ok::<(), gradus::Error>(())
//! ```

use nalgebra::{DMatrix, DVector};

use crate::contract::check_size;
use crate::{Error, Real};

#[cfg(feature = "num-dual")]
#[doc(hidden)]
pub use dual::DualReal;
#[cfg(feature = "num-dual")]
pub use dual::{AutoDiff, DualFunction, Number};
#[cfg(feature = "num-dual")]
pub(crate) use dual::{Chunk, WIDTH, parts, seed};
pub use function::Function;
#[doc(hidden)]
pub use function::{ValueAlone, WithHessian, Without};
pub(crate) use lanczos::Lanczos;

#[cfg(feature = "num-dual")]
mod dual;
mod function;
mod lanczos;
mod lent;

/// A differentiable function `f: Rⁿ → R`.
///
/// **An implementor must** write (not add) the gradient into the vector it is lent, whole, and keep its
/// length; and answer a point outside the domain with a value that is not finite (`NaN`, `±∞`): line
/// searches then retreat. It need not check lengths: the library hands points of length [`dim`](Self::dim).
/// **A caller may** reuse the same buffers for every call. `&mut self` is for the implementor's scratch:
/// equal points must give equal answers.
///
/// ```
/// use gradus::nalgebra::{self, DVector, dvector};
/// use gradus::{GradientDescent, Objective, Stop, minimize};
///
/// /// f(x) = ½ ‖x − 1‖²
/// struct Bowl;
///
/// impl Objective<f64> for Bowl {
///     fn dim(&self) -> usize {
///         3
///     }
///     fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
///         gradient.copy_from(&x.add_scalar(-1.0));
///         0.5 * gradient.norm_squared()
///     }
/// }
///
/// let (mut descent, start) = (GradientDescent::new(0.5), dvector![4.0, 0.0, -2.0]);
/// let report = minimize(&mut descent, &mut Bowl, start, &Stop::default())?;
/// assert!(report.into_converged()?.x.relative_eq(&dvector![1.0, 1.0, 1.0], 1e-7, 1e-7));
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Objective<T: Real> {
    /// The length `n` of the vector that the function takes.
    fn dim(&self) -> usize;

    /// `f(x)`, with `∇f(x)` written to `gradient` (length `n`).
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T;

    /// `f(x)` alone. Provided by [`value_gradient`](Self::value_gradient), with a gradient thrown away;
    /// implement it where the value alone is cheaper, for line searches ask for nothing else.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Objective, problems::Rosenbrock};
    ///
    /// // 100 (x₂ − x₁²)² + (1 − x₁)²
    /// assert_eq!(Rosenbrock::new(2).value(&dvector![0.0, 1.0]), 101.0);
    /// ```
    fn value(&mut self, x: &DVector<T>) -> T {
        self.value_gradient(x, &mut DVector::zeros(x.len()))
    }

    /// Whether every stationary point is known to be a global minimum. Default: `false`, unknown.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{Activation, EmpiricalRisk, Network, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// assert!(EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?.is_convex());
    /// let network = Network::new(&[1, 2, 1], Activation::Tanh);
    /// assert!(!EmpiricalRisk::new(network, SquaredError, &x, &y)?.is_convex());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn is_convex(&self) -> bool {
        false
    }

    /// Whether `f` falls for ever from `x`: then it has no minimum, however small the gradient. Asked once, where a
    /// run ends. Default: [`Recession::NotSought`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    /// use gradus::{EmpiricalRisk, LogLoss, Objective, Recession, SigmoidClassifier};
    ///
    /// let (x, y) = (dmatrix![-1.0, 1.0], dmatrix![0.0, 1.0]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    /// // the classes are apart: larger weights are better for ever
    /// assert!(matches!(risk.recedes(&dvector![0.0, 0.0]), Recession::Along(_)));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn recedes(&mut self, _x: &DVector<T>) -> Recession<T> {
        Recession::NotSought
    }

    /// What went wrong outside of mathematics since it was last asked: a file that ended, a lost connection. The
    /// implementor keeps it until asked; [`minimize`](crate::minimize) asks after every step, finite or not, and ends
    /// the run as [`Termination::Failed`](crate::Termination::Failed); on the first step it returns the error. Default: nothing.
    ///
    /// ```
    /// use gradus::{Objective, problems::Rosenbrock};
    ///
    /// assert_eq!(Objective::<f64>::failure(&mut Rosenbrock::new(2)), None);
    /// ```
    fn failure(&mut self) -> Option<Error> {
        None
    }

    /// Settings that can only be judged when a run starts. Default: there are none.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, Error, Objective, Perceptron, SquaredError};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![1.0, 3.0]);
    /// let risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?.ridge(-1.0);
    /// assert!(matches!(risk.check(), Err(Error::Setting { name: "ridge", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is outside its domain.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}

/// Whether a function falls for ever; see [`Objective::recedes`].
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{Objective, Recession, problems::Rosenbrock};
///
/// assert_eq!(Rosenbrock::new(2).recedes(&dvector![1.0, 1.0]), Recession::NotSought);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Recession<T: Real> {
    /// It was not looked for.
    #[default]
    NotSought,
    /// It does not: there is no such direction.
    No,
    /// It falls for ever along this direction.
    Along(DVector<T>),
    /// Rounding does not let it be told.
    Undecided,
}

/// An objective that knows `∇²f(x) v` without the matrix.
///
/// ```
/// use gradus::nalgebra::{self, DVector, dvector};
/// use gradus::{HessianProduct, problems::Rosenbrock};
///
/// let mut hv = DVector::zeros(2);
/// Rosenbrock::new(2).hessian_product(&dvector![-1.2, 1.0], &dvector![1.0, 0.0], &mut hv);
/// assert_eq!(hv, dvector![1330.0, 480.0]);
/// ```
pub trait HessianProduct<T: Real>: Objective<T> {
    /// Writes `∇²f(x) v` to `out` (all three of length `n`).
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>);
}

/// An objective that knows its dense Hessian.
///
/// **An implementor must** write the whole symmetric matrix, both triangles.
///
/// ```
/// use gradus::nalgebra::{self, DMatrix, dmatrix, dvector};
/// use gradus::{Hessian, problems::Rosenbrock};
///
/// let mut h = DMatrix::zeros(2, 2);
/// Rosenbrock::new(2).hessian(&dvector![-1.2, 1.0], &mut h);
/// assert_eq!(h, dmatrix![1330.0, 480.0; 480.0, 200.0]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no second derivatives, which this method needs",
    label = "no dense Hessian",
    note = "use a first-order method (`GradientDescent`, `Adam`, `Lbfgs`), or implement `Hessian` (for closures: \
            `Function::with_hessian`; for a model in an `EmpiricalRisk`: `SecondOrderModel`)",
    note = "with products alone (`HessianProduct`) take `NewtonCg` or `SaddleFree`, and `certify_by_products` for `certify`"
)]
pub trait Hessian<T: Real>: Objective<T> {
    /// Writes `∇²f(x)` to `hessian` (`n × n`).
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>);

    /// `f(x)`, with gradient and Hessian written: one pass where the implementor shares work between them. NaN, and
    /// nothing written, where a length is wrong.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dmatrix, dvector};
    /// use gradus::{Hessian, problems::Rosenbrock};
    ///
    /// let (mut g, mut h) = (DVector::zeros(2), DMatrix::zeros(2, 2));
    /// let (mut f, x) = (Rosenbrock::new(2), dvector![0.0, 0.0]);
    /// let value = f.value_gradient_hessian(&x, &mut g, &mut h);
    /// assert_eq!((value, g, h), (1.0, dvector![-2.0, 0.0], dmatrix![2.0, 0.0; 0.0, 200.0]));
    /// ```
    fn value_gradient_hessian(
        &mut self, x: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        let n = self.dim();
        if [x.len(), gradient.len(), hessian.nrows(), hessian.ncols()] != [n; 4] {
            return T::NAN;
        }
        let value = self.value_gradient(x, gradient);
        self.hessian(x, hessian);
        value
    }
}

/// `f(x)` with `∇f(x)` in `gradient`, sized once and checked after a user's code had it.
pub(crate) fn evaluate<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>, gradient: &mut DVector<T>,
) -> Result<T, Error> {
    if gradient.len() != x.len() {
        // what is never written shows
        *gradient = DVector::repeat(x.len(), T::NAN);
    }
    let value = objective.value_gradient(x, gradient);
    check_size("the gradient", gradient.len(), x.len())?;
    Ok(value)
}

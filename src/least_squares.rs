//! Nonlinear least squares: residuals with their Jacobian, and the methods that use both.
//!
//! ```text
//! f(x) = ½ ‖r(x)‖² = ½ Σ rᵢ(x)²,   ∇f = Jᵀ r,   ∇²f = JᵀJ + Σ rᵢ ∇²rᵢ
//! ```
//!
//! The ½ is ours: the residual sum of squares that tables print is `2 f`.
//!
//! ```
//! use gradus::least_squares::{LevenbergMarquardt, Residuals};
//! use gradus::nalgebra::{self, DMatrix, DVector, dvector};
//!
//! /// y = b₁ (1 − exp(−b₂ t))
//! struct Growth {
//!     t: Vec<f64>,
//!     y: Vec<f64>,
//! }
//!
//! impl Residuals<f64> for Growth {
//!     fn dim(&self) -> usize {
//!         2
//!     }
//!     fn count(&self) -> usize {
//!         self.t.len()
//!     }
//!     fn residuals(&mut self, b: &DVector<f64>, r: &mut DVector<f64>) {
//!         for ((r, t), y) in r.iter_mut().zip(&self.t).zip(&self.y) {
//!             *r = b[0] * (1.0 - (-b[1] * t).exp()) - y;
//!         }
//!     }
//!     fn jacobian(&mut self, b: &DVector<f64>, j: &mut DMatrix<f64>) {
//!         for (mut row, t) in j.row_iter_mut().zip(&self.t) {
//!             row[0] = 1.0 - (-b[1] * t).exp();
//!             row[1] = b[0] * t * (-b[1] * t).exp();
//!         }
//!     }
//! }
//!
//! let data = Growth { t: vec![1.0, 2.0, 4.0, 8.0], y: vec![1.2, 2.0, 2.9, 3.4] };
//! let report = LevenbergMarquardt::new().solve(data, dvector![1.0, 1.0])?.into_converged()?;
//! println!("{} with residual sum of squares {}", report.x, 2.0 * report.value);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Where the residuals are those of a model at samples, both methods take the risk itself, and the derivatives may be left
//! to the feature `num-dual` (`DualModel`; residuals that are no curve's are `DualResiduals`):
//!
//! ```
//! use gradus::{Activation, EmpiricalRisk, LevenbergMarquardt, Network, SquaredError, Stop};
//!
//! let (x, y) = ([-2.0, -1.0, 0.0, 1.0, 2.0], [-0.9, -0.8, 0.1, 0.7, 1.0]);
//! let network = Network::new(&[1, 1, 1], Activation::Tanh);
//! let start = network.initial(1);
//! let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y)?.ridge(1e-3);
//! let fitted = risk.fit_with(&mut LevenbergMarquardt::new(), start, &Stop::default())?;
//! assert!(fitted.report.converged());
//! # Ok::<(), gradus::Error>(())
//! ```

use nalgebra::{DMatrix, DVector};

use crate::contract::{check_size, check_some, matrix, room};
use crate::kernel::{self, Factor};
use crate::{Error, Hessian, Objective, Real, Stop};

#[cfg(feature = "num-dual")]
pub use dual::DualResiduals;
pub use gauss_newton::GaussNewton;
pub use levenberg_marquardt::LevenbergMarquardt;

mod bounded;
#[cfg(feature = "num-dual")]
mod dual;
mod gauss_newton;
mod levenberg_marquardt;
mod local_problem;
mod precision;
mod samples;

/// Residuals `r: Rⁿ → Rᵐ` with their Jacobian, to be made small in the sum of squares.
///
/// **An implementor must** write the whole output it is lent and keep its shape, and answer outside its domain
/// with numbers that are not finite: the methods then retreat. Equal points must give equal answers.
/// **A caller may** ask for residuals without the Jacobian, and the other way round.
///
/// The [module](self) has an example.
///
/// ```
/// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
/// use gradus::{LevenbergMarquardt, Residuals};
///
/// /// r = x² − 2
/// struct Root;
///
/// impl Residuals<f64> for Root {
///     fn dim(&self) -> usize { 1 }
///     fn count(&self) -> usize { 1 }
///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
///         r[0] = x[0] * x[0] - 2.0;
///     }
///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
///         j[(0, 0)] = 2.0 * x[0];
///     }
/// }
///
/// let report = LevenbergMarquardt::new().solve(Root, dvector![3.0])?;
/// assert!((report.x[0] - 2.0_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Residuals`, which this method needs",
    note = "an `EmpiricalRisk` with `SquaredError` goes to `risk.fit_with(&mut LevenbergMarquardt::new(), start, \
            &Stop::default())`; residuals by dual numbers are `AutoDiff::new(mine)`"
)]
pub trait Residuals<T: Real> {
    /// The number `n` of parameters.
    fn dim(&self) -> usize;

    /// The number `m` of residuals.
    fn count(&self) -> usize;

    /// Writes `r(x)` to `residuals` (length `m`): model minus data, or data minus model.
    fn residuals(&mut self, x: &DVector<T>, residuals: &mut DVector<T>);

    /// Writes `∂rᵢ/∂xⱼ` to `jacobian` (`m × n`), of the residuals with their sign.
    fn jacobian(&mut self, x: &DVector<T>, jacobian: &mut DMatrix<T>);
}

/// Residuals that know their second derivatives: with them Newton and the trust region run on `½ ‖r‖²`, by its
/// exact Hessian.
///
/// ```
/// use gradus::least_squares::{LeastSquares, Residuals, SecondOrderResiduals};
/// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
/// use gradus::{Newton, Stop, minimize};
///
/// /// r = x² − 2, r'' = 2
/// struct Root;
/// impl Residuals<f64> for Root {
///     fn dim(&self) -> usize { 1 }
///     fn count(&self) -> usize { 1 }
///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
///         r[0] = x[0] * x[0] - 2.0;
///     }
///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
///         j[(0, 0)] = 2.0 * x[0];
///     }
/// }
/// impl SecondOrderResiduals<f64> for Root {
///     fn add_curvature(&mut self, _x: &DVector<f64>, w: &DVector<f64>, h: &mut DMatrix<f64>)
///     {
///         h[(0, 0)] += 2.0 * w[0];
///     }
/// }
///
/// let (mut squares, stop) = (LeastSquares::new(Root), Stop::default());
/// let report = minimize(&mut Newton::new(), &mut squares, dvector![3.0], &stop)?;
/// assert!(report.converged() && (report.x[0] - 2.0_f64.sqrt()).abs() < 1e-8);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait SecondOrderResiduals<T: Real>: Residuals<T> {
    /// Adds `Σ wᵢ ∇²rᵢ(x)` to `hessian` (`n × n`, both triangles), with `weights` `w` of length `m`.
    fn add_curvature(&mut self, x: &DVector<T>, weights: &DVector<T>, hessian: &mut DMatrix<T>);
}

impl<T: Real, R: Residuals<T> + ?Sized> Residuals<T> for &mut R {
    fn dim(&self) -> usize {
        (**self).dim()
    }
    fn count(&self) -> usize {
        (**self).count()
    }
    fn residuals(&mut self, x: &DVector<T>, residuals: &mut DVector<T>) {
        (**self).residuals(x, residuals);
    }
    fn jacobian(&mut self, x: &DVector<T>, jacobian: &mut DMatrix<T>) {
        (**self).jacobian(x, jacobian);
    }
}

impl<T: Real, R: SecondOrderResiduals<T> + ?Sized> SecondOrderResiduals<T> for &mut R {
    fn add_curvature(&mut self, x: &DVector<T>, weights: &DVector<T>, hessian: &mut DMatrix<T>) {
        (**self).add_curvature(x, weights, hessian);
    }
}

/// `f(x) = ½ ‖r(x)‖²` as an [`Objective`]: what [`LevenbergMarquardt`] and [`GaussNewton`] step on, and any
/// other method can.
///
/// ```
/// use gradus::least_squares::{LeastSquares, Residuals};
/// use gradus::nalgebra::{self, DMatrix, DVector, dmatrix, dvector};
/// use gradus::{Lbfgs, Stop, minimize};
///
/// /// Rosenbrock's valley: r = (10 (x₂ − x₁²), 1 − x₁)
/// struct Valley;
///
/// impl Residuals<f64> for Valley {
///     fn dim(&self) -> usize {
///         2
///     }
///     fn count(&self) -> usize {
///         2
///     }
///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
///         r.copy_from(&dvector![10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]]);
///     }
///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
///         j.copy_from(&dmatrix![-20.0 * x[0], 10.0; -1.0, 0.0]);
///     }
/// }
///
/// let (mut squares, stop) = (LeastSquares::new(Valley), Stop::default());
/// let report = minimize(&mut Lbfgs::new(), &mut squares, dvector![-1.2, 1.0], &stop)?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LeastSquares<T: Real, R> {
    problem: R,
    residuals: DVector<T>,
    jacobian: DMatrix<T>,
    /// What came back from user code in another shape.
    failure: Option<Error>,
}

/// How far a point is from the solution of its own linearised problem `min ‖r + J δ‖`, whatever the scale of
/// residuals and parameters. All are zero where `∇f = 0`.
///
/// [`LevenbergMarquardt`] and [`GaussNewton`] end as [`Exact`](crate::Termination::Exact) where they can go
/// no further and one of the three is at most `√ε` (`1.5e−8` in f64, `3.5e−4` in f32). A small gradient ends
/// them only where cosine or step is at most `ε^⅔` (`4e−11`, `2.4e−5`), or they can go no further.
///
/// Source: the relative offset of Bates and Watts, *Nonlinear Regression Analysis* (1988), section 2.2.3; the
/// slope is the gradient test of Moré, Garbow and Hillstrom's MINPACK (1980).
///
/// ```
/// use gradus::least_squares::Offset;
///
/// let offset = Offset { cosine: 1e-9, step: 0.1, slope: 0.1 };
/// assert!(offset.is_small()); // the residuals are all but orthogonal to the tangent space
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Offset<T> {
    /// `‖P r‖ / ‖r‖`, `P` the projection on the columns of `J`: the cosine between residuals and tangent
    /// space.
    pub cosine: T,
    /// `‖D δ‖ / ‖D x‖`, `δ` the Gauss–Newton step, `D` the norms of the columns of `J`: its relative length.
    pub step: T,
    /// `max_j |J_jᵀ r| / (‖J_j‖ ‖r‖)`: the largest cosine between residuals and one column. It says least, but
    /// all that can be had where the columns are dependent to rounding.
    pub slope: T,
}

impl<T: Real> Offset<T> {
    /// Whether one of the three is at most `√ε`.
    ///
    /// ```
    /// use gradus::least_squares::Offset;
    ///
    /// assert!(Offset { cosine: 1e-3_f32, step: 3e-4, slope: 1e-2 }.is_small()); // √ε is 3.5e−4
    /// assert!(!Offset { cosine: 1e-3_f64, step: 3e-4, slope: 1e-2 }.is_small());
    /// ```
    pub fn is_small(&self) -> bool {
        [self.cosine, self.step, self.slope].iter().any(|&offset| offset <= T::EPSILON.sqrt())
    }
}

impl<T: Real, R: Residuals<T>> LeastSquares<T, R> {
    /// Of these residuals (or of `&mut` to them).
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LeastSquares, Objective, Residuals};
    ///
    /// struct Root; // r = x² − 2
    /// impl Residuals<f64> for Root {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn count(&self) -> usize { 1 }
    ///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
    ///         r[0] = x[0] * x[0] - 2.0;
    ///     }
    ///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         j[(0, 0)] = 2.0 * x[0];
    ///     }
    /// }
    /// assert_eq!(LeastSquares::new(Root).value(&dvector![3.0]), 24.5); // ½ 7²
    /// ```
    pub fn new(problem: R) -> Self {
        Self { problem, residuals: DVector::zeros(0), jacobian: DMatrix::zeros(0, 0), failure: None }
    }

    /// The residuals.
    ///
    /// ```
    /// use gradus::nalgebra::{DMatrix, DVector};
    /// use gradus::{LeastSquares, Residuals};
    ///
    /// struct Root; // r = x² − 2
    /// impl Residuals<f64> for Root {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn count(&self) -> usize { 1 }
    ///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
    ///         r[0] = x[0] * x[0] - 2.0;
    ///     }
    ///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         j[(0, 0)] = 2.0 * x[0];
    ///     }
    /// }
    /// assert_eq!(LeastSquares::new(Root).problem().count(), 1);
    /// ```
    pub fn problem(&self) -> &R {
        &self.problem
    }

    /// `J(x)` in the buffer, its shape checked.
    fn jacobian_at(&mut self, x: &DVector<T>) -> Result<(), Error> {
        let (m, n) = (self.problem.count(), x.len());
        if self.jacobian.shape() != (m, n) {
            self.jacobian = matrix("jacobian", (m, n), T::NAN)?;
        }
        self.problem.jacobian(x, &mut self.jacobian);
        if self.jacobian.shape() != (m, n) {
            let found = self.jacobian.len();
            return Err(Error::Resized { what: "the Jacobian", expected: m * n, found });
        }
        Ok(())
    }

    /// The Jacobian in the buffer.
    /// No value, and why.
    fn failed(&mut self, failure: Error) -> T {
        self.failure = Some(failure);
        T::NAN
    }

    fn factor(&self) -> Factor<'_, T> {
        Factor::new(self.jacobian.as_slice(), self.jacobian.nrows(), self.jacobian.ncols())
    }

    /// `Jᵀ r` with the Jacobian in the buffer; NaN where a problem changed its number of residuals.
    fn gradient(&self, r: &DVector<T>, gradient: &mut DVector<T>) {
        if r.len() != self.jacobian.nrows() {
            return gradient.fill(T::NAN);
        }
        let r = Factor::new(r.as_slice(), r.len(), 1);
        kernel::product(T::one(), self.factor().t(), r, T::zero(), gradient.as_mut_slice());
    }
}

/// `r(x)`, its length checked.
fn residuals_at<T: Real>(
    problem: &mut impl Residuals<T>, x: &DVector<T>, r: &mut DVector<T>,
) -> Result<(), Error> {
    let m = problem.count();
    if r.len() != m {
        room::<T>("residuals", &[m])?;
        // what is never written shows
        *r = DVector::repeat(m, T::NAN);
    }
    problem.residuals(x, r);
    check_size("the residuals", r.len(), m)
}

impl<T: Real, R: Residuals<T>> Objective<T> for LeastSquares<T, R> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        let Self { problem, residuals, .. } = self;
        if x.len() != problem.dim() {
            return T::NAN;
        }
        match residuals_at(problem, x, residuals) {
            Ok(()) => half_square(residuals),
            Err(failure) => self.failed(failure),
        }
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let value = self.value(x);
        if value.f64().is_nan() || gradient.len() != x.len() {
            return T::NAN;
        }
        if let Err(failure) = self.jacobian_at(x) {
            return self.failed(failure);
        }
        self.gradient(&self.residuals, gradient);
        value
    }

    fn failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    fn check(&self) -> Result<(), Error> {
        check_some("residuals", "residual", self.problem.count())?;
        room::<T>("residuals", &[self.problem.count(), self.problem.dim().saturating_add(1)]).map(|_| ())
    }
}

impl<T: Real, R: SecondOrderResiduals<T>> Hessian<T> for LeastSquares<T, R> {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        let n = self.problem.dim();
        if x.len() != n || hessian.shape() != (n, n) {
            return;
        }
        if !self.value(x).is_finite() || self.jacobian_at(x).is_err() {
            hessian.fill(T::NAN);
            return;
        }
        kernel::product(T::one(), self.factor().t(), self.factor(), T::zero(), hessian.as_mut_slice());
        self.problem.add_curvature(x, &self.residuals, hessian);
    }
}

/// Until nothing improves: the scale of a gradient is the data's, so no tolerance fits it.
fn to_the_end<T: Real>() -> Stop<T> {
    Stop::default().relative(T::zero()).iterations(10_000)
}

/// `½ ‖r‖²`.
fn half_square<T: Real>(r: &DVector<T>) -> T {
    T::of(0.5) * kernel::dot(r.as_slice(), r.as_slice())
}

use nalgebra::DVector;

use super::bounded::{FreeResiduals, Memory, Remembered};
use super::local_problem::{Attempt, LocalProblem};
use super::samples::squares;
use super::{LeastSquares, Residuals, to_the_end};
use crate::contract::setting;
use crate::optimizer::{Bounded, Bounds, Face, Full, Optimizer, RadiusRule, Step, TrustRadius, Within};
use crate::{EmpiricalRisk, Error, Model, Objective, Real, Report, SquaredError, minimize};

/// Tries of one step, at the most.
const TRIES: usize = 60;

/// Levenberg–Marquardt: the linearised problem in a region that is trusted.
///
/// ```text
/// min over δ of ‖r + J δ‖   with ‖D δ‖ ≤ Δ         x ← x + δ
/// (JᵀJ + λ D²) δ = −Jᵀr     with the λ ≥ 0 that keeps it there
/// ```
///
/// `D` holds the largest norms so far of the columns of `J`, so that the units of the parameters do not matter.
/// The normal equations above are never formed: an orthogonal factorisation solves the same problem without
/// squaring its condition. `Δ` follows the ratio of actual to predicted reduction; a residual that is not
/// finite shrinks it. Where both reductions are rounding the scaled gradient decides, so that the last digits
/// are reached.
///
/// Ends at a step that improves nothing: as [`Exact`](crate::Termination::Exact) where the relative
/// [`Offset`](super::Offset) is small, as [`Divergence`](crate::Termination::Divergence) where a parameter has run
/// off to where it has no influence, else as [`NoDescent`](crate::Termination::NoDescent). A gradient that meets
/// its tolerance ends a run only where the offset is small too: the scale of a gradient is the data's.
/// Within a run it keeps the residuals of the point it went to; a step by hand evaluates anew.
///
/// Source: Moré, *The Levenberg-Marquardt algorithm: implementation and theory*, Lecture Notes in Mathematics
/// 630 (1978).
///
/// It steps on [`Residuals`], and on an [`EmpiricalRisk`] of any model with [`SquaredError`]: then the residuals are those
/// of the samples times the roots of their shares, a ridge penalty adds a row `√λ` for each weight, and value and report are
/// the risk's. The [module](super) has an example of either.
///
/// ```
/// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
/// use gradus::{LevenbergMarquardt, Residuals};
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
/// let report = LevenbergMarquardt::new().solve(Root, dvector![3.0])?.into_converged()?;
/// assert!((report.x[0] - 2.0_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct LevenbergMarquardt<T: Real> {
    factor: T,
    local: LocalProblem<T>,
    radius: TrustRadius<T>,
    lambda: T,
    bounds: Within<T>,
    memory: Memory<T>,
}

impl<T: Real> Default for LevenbergMarquardt<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> LevenbergMarquardt<T> {
    /// With a first region of the size of `x`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LeastSquares, LevenbergMarquardt, Residuals, Stop, minimize};
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
    /// let (mut method, mut squares) = (LevenbergMarquardt::new(), LeastSquares::new(Root));
    /// let stop = Stop::default().gradient(1e-3);
    /// let report = minimize(&mut method, &mut squares, dvector![3.0], &stop)?;
    /// assert!(report.converged() && report.gradient_norm <= 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        let radius = TrustRadius::new(T::zero(), RadiusRule::MORE);
        Self {
            factor: T::one(),
            local: LocalProblem::new(false),
            radius,
            lambda: T::zero(),
            bounds: Within::default(),
            memory: Memory::default(),
        }
    }

    /// The first region: `Δ = factor · ‖D x‖`, or `factor` where that is zero. Default: `1`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LeastSquares, LevenbergMarquardt, Optimizer, Residuals};
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
    /// let mut x = dvector![3.0];
    /// LevenbergMarquardt::new().factor(0.1).step(&mut LeastSquares::new(Root), &mut x)?;
    /// assert!((3.0 - x[0] - 0.3).abs() < 0.04); // Δ = 0.3, met to a tenth
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn factor(self, factor: T) -> Self {
        Self { factor, ..self }
    }

    /// Minimises within [`Bounds`](crate::Bounds). Default: no bounds.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{Bounds, LevenbergMarquardt, Residuals};
    ///
    /// struct Line; // r = (x + y − 3, x − y, x + 2 y − 2)
    /// impl Residuals<f64> for Line {
    ///     fn dim(&self) -> usize { 2 }
    ///     fn count(&self) -> usize { 3 }
    ///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
    ///         r.copy_from_slice(&[x[0] + x[1] - 3.0, x[0] - x[1], x[0] + 2.0 * x[1] - 2.0]);
    ///     }
    ///     fn jacobian(&mut self, _x: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         j.copy_from_slice(&[1.0, 1.0, 1.0, 1.0, -1.0, 2.0]);
    ///     }
    /// }
    /// let mut method = LevenbergMarquardt::new().bounds(Bounds::unbounded(2).upper(0, 1.0));
    /// let report = method.solve(Line, dvector![0.0, 0.0])?.into_converged()?;
    /// assert!((report.x[0], (report.x[1] - 5.0 / 6.0).abs() < 1e-15) == (1.0, true));
    /// assert!(report.face.unwrap().multipliers()[0] < 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn bounds(self, bounds: Bounds<T>) -> Self {
        Self { bounds: Within::new(bounds), ..self }
    }

    /// Minimises `½ ‖r(x)‖²` from `start` to the last digit: without a tolerance for the gradient, whose scale
    /// is the data's, until the relative [`Offset`](super::Offset) gets no smaller; 10000 steps at most.
    ///
    /// For other rules: [`minimize`](crate::minimize) on a [`LeastSquares`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LevenbergMarquardt, Residuals};
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
    /// let report = LevenbergMarquardt::new().solve(Root, dvector![-3.0])?;
    /// assert!(report.converged());
    /// assert!((report.x[0] + 2.0_f64.sqrt()).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Bad settings, a start of the wrong length or not finite, residuals that are not finite there.
    pub fn solve<R: Residuals<T>>(&mut self, problem: R, start: DVector<T>) -> Result<Report<T>, Error> {
        minimize(self, &mut LeastSquares::new(problem), start, &to_the_end())
    }

    fn begin(&mut self, dim: usize, tolerance: Option<T>) -> Result<(), Error> {
        self.local = LocalProblem::new(tolerance.is_some());
        self.memory = Memory::default();
        let fine = self.factor > T::zero() && self.factor.is_finite();
        setting("factor", "positive and finite", self.factor, fine)?;
        self.bounds.start(dim, tolerance)
    }

    /// A step on the face of the variables that bounds leave free.
    fn bounded_step<R: Residuals<T>>(
        &mut self, bounds: &mut Bounded<T>, problem: &mut R, x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let mut memory = std::mem::take(&mut self.memory);
        if !bounds.is_within_run() {
            memory = Memory::default();
        }
        let mut squares = LeastSquares::new(Remembered { problem, memory: &mut memory });
        let step = bounds.step(&mut squares, x, Full::first, |at, y, is_new| {
            if is_new {
                self.local.forget();
            }
            let (squares, face) = (&mut *at.objective, at.face);
            self.free_step(&mut LeastSquares::new(FreeResiduals { squares, face, x: DVector::zeros(0) }), y)
        });
        let failure = squares.failure.take();
        self.memory = memory;
        failure.map_or(step, Err)
    }

    fn free_step<R: Residuals<T>>(
        &mut self, squares: &mut LeastSquares<T, R>, x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let (mut step, new) = self.local.stand(squares, x)?;
        if new {
            let size = self.local.size();
            self.radius.now = self.factor * if size > T::zero() { size } else { T::one() };
            self.lambda = T::zero();
        }
        step.radius = Some(self.radius.now);
        for _ in 0..TRIES {
            // (JᵀJ + λ D²) δ = −Jᵀr  with ‖D δ‖ = Δ, or λ = 0
            let length = self.local.linear.within(self.radius.now, &mut self.lambda);
            let change = self.local.linear.change();
            let full = self.lambda == T::zero();
            // f(x) − ½ ‖r + J δ‖² = ½ ‖J δ‖² + λ ‖D δ‖²  (Moré 1978, equation 4.4)
            let predicted = T::of(0.5) * change * change + self.lambda * length * length;
            let attempt = self.local.attempt(squares, x, T::one(), predicted, &mut step)?;
            match attempt {
                Attempt::Outside => self.lambda /= self.radius.retreat(length),
                Attempt::Ratio(ratio) => self.lambda /= self.radius.update(ratio, length, full),
                Attempt::Rounding { taken } if full => {
                    if !taken {
                        break;
                    }
                }
                // the region is so small that all reductions in it are rounding
                Attempt::Rounding { .. } => {
                    self.radius.now = T::of(100.0) * length;
                    self.lambda *= T::of(0.01);
                }
            }
            if attempt.is_taken() {
                return Ok(step);
            }
        }
        self.local.ended(squares, x, step)
    }
}

/// On the residuals of the samples.
impl<T: Real, M: Model<T>> Optimizer<T, EmpiricalRisk<'_, T, M, SquaredError>> for LevenbergMarquardt<T> {
    fn start(
        &mut self, risk: &EmpiricalRisk<'_, T, M, SquaredError>, tolerance: Option<T>,
    ) -> Result<(), Error> {
        risk.check_in_memory("residuals")?;
        self.begin(risk.dim(), tolerance)
    }

    fn step(
        &mut self, risk: &mut EmpiricalRisk<'_, T, M, SquaredError>, x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        self.step(&mut squares(risk), x)
    }

    fn face(&self) -> Option<&Face<T>> {
        self.bounds.face()
    }
}

impl<T: Real, R: Residuals<T>> Optimizer<T, LeastSquares<T, R>> for LevenbergMarquardt<T> {
    fn start(&mut self, squares: &LeastSquares<T, R>, tolerance: Option<T>) -> Result<(), Error> {
        self.begin(squares.dim(), tolerance)
    }

    fn step(&mut self, squares: &mut LeastSquares<T, R>, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let Some(mut bounds) = self.bounds.0.take() else { return self.free_step(squares, x) };
        let step = self.bounded_step(&mut bounds, &mut squares.problem, x);
        self.bounds.0 = Some(bounds);
        step
    }

    fn face(&self) -> Option<&Face<T>> {
        self.bounds.face()
    }
}

use nalgebra::DVector;

use super::local_problem::{Attempt, LocalProblem};
use super::samples::squares;
use super::{LeastSquares, Residuals, to_the_end};
use crate::optimizer::{Optimizer, Step};
use crate::{EmpiricalRisk, Error, Model, Real, Report, SquaredError, minimize};

/// Halvings of one step, at the most.
const HALVINGS: usize = 50;

/// Gauss–Newton: the solution of the linearised problem, shortened until `f` falls.
///
/// ```text
/// min over δ of ‖r + J δ‖,    x ← x + t δ,    t = 1, ½, ¼, …  (Armijo 1966, on f = ½ ‖r‖²)
/// ```
///
/// By an orthogonal factorisation with column pivoting; directions that `J` does not determine stay where they
/// are. Quick where residuals are small or the model nearly linear and the start good; where it is neither,
/// [`LevenbergMarquardt`](super::LevenbergMarquardt) is safer and hardly slower. It ends as that
/// does, and takes a risk with squared error as that does.
///
/// Source: Nocedal and Wright, *Numerical Optimization* (2006), section 10.3.
///
/// ```
/// use gradus::least_squares::{GaussNewton, Residuals};
/// use gradus::nalgebra::{self, DMatrix, DVector, dmatrix, dvector};
///
/// /// A line through three points: linear, so one step is all.
/// struct Line;
///
/// impl Residuals<f64> for Line {
///     fn dim(&self) -> usize {
///         2
///     }
///     fn count(&self) -> usize {
///         3
///     }
///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
///         r.copy_from(&dvector![x[0] - 1.0, x[0] + x[1] - 2.0, x[0] + 2.0 * x[1] - 2.0]);
///     }
///     fn jacobian(&mut self, _x: &DVector<f64>, j: &mut DMatrix<f64>) {
///         j.copy_from(&dmatrix![1.0, 0.0; 1.0, 1.0; 1.0, 2.0]);
///     }
/// }
///
/// let report = GaussNewton::new().solve(Line, dvector![0.0, 0.0])?.into_converged()?;
/// assert!(report.x.relative_eq(&dvector![7.0 / 6.0, 0.5], 1e-14, 1e-14));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct GaussNewton<T: Real> {
    local: LocalProblem<T>,
}

impl<T: Real> GaussNewton<T> {
    /// There is nothing to set.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{GaussNewton, LeastSquares, Optimizer, Residuals};
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
    /// GaussNewton::new().step(&mut LeastSquares::new(Root), &mut x)?;
    /// assert!((x[0] - 11.0 / 6.0).abs() < 1e-15); // 3 − 7/6
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Minimises `½ ‖r(x)‖²` from `start` to the last digit, by the rules of
    /// [`LevenbergMarquardt::solve`](super::LevenbergMarquardt::solve).
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{GaussNewton, Residuals};
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
    /// let report = GaussNewton::new().solve(Root, dvector![3.0])?;
    /// assert!(report.converged());
    /// assert!((report.x[0] - 2.0_f64.sqrt()).abs() < 1e-15);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// A start of the wrong length or not finite, residuals that are not finite there.
    pub fn solve<R: Residuals<T>>(&mut self, problem: R, start: DVector<T>) -> Result<Report<T>, Error> {
        minimize(self, &mut LeastSquares::new(problem), start, &to_the_end())
    }

    fn begin(&mut self, tolerance: Option<T>) -> Result<(), Error> {
        self.local = LocalProblem::new(tolerance.is_some());
        Ok(())
    }
}

/// On the residuals of the samples.
impl<T: Real, M: Model<T>> Optimizer<T, EmpiricalRisk<'_, T, M, SquaredError>> for GaussNewton<T> {
    fn start(
        &mut self, risk: &EmpiricalRisk<'_, T, M, SquaredError>, tolerance: Option<T>,
    ) -> Result<(), Error> {
        risk.check_in_memory("residuals")?;
        self.begin(tolerance)
    }

    fn step(
        &mut self, risk: &mut EmpiricalRisk<'_, T, M, SquaredError>, x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        self.step(&mut squares(risk), x)
    }
}

impl<T: Real, R: Residuals<T>> Optimizer<T, LeastSquares<T, R>> for GaussNewton<T> {
    fn start(&mut self, _squares: &LeastSquares<T, R>, tolerance: Option<T>) -> Result<(), Error> {
        self.begin(tolerance)
    }

    fn step(&mut self, squares: &mut LeastSquares<T, R>, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let (mut step, _) = self.local.stand(squares, x)?;
        let change = self.local.linear.change();
        let mut t = T::one();
        for _ in 0..HALVINGS {
            // f(x) − ½ ‖r + t J δ‖² = t (1 − t/2) ‖J δ‖²,  as −rᵀJ δ = ‖J δ‖²
            let predicted = t * (T::one() - T::of(0.5) * t) * change * change;
            match self.local.attempt(squares, x, t, predicted, &mut step)? {
                attempt if attempt.is_taken() => return Ok(step),
                Attempt::Rounding { .. } => break,
                Attempt::Ratio(_) => t *= T::of(0.5),
                Attempt::Outside => t *= T::of(0.1),
            }
        }
        self.local.ended(squares, x, step)
    }
}

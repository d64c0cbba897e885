use nalgebra::{DMatrix, DVector};

use super::local_problem::{LocalProblem, scaled_norm};
use super::{LeastSquares, Residuals};
use crate::contract::{check_evaluation, check_point, room};
use crate::kernel::norm;
use crate::risk::unbiased;
use crate::statistics::{Covariance, Curvature, Robust, STATIONARY, Statistics, degrees, unit_rows};
use crate::{Error, Real};

impl<T: Real, R: Residuals<T>> LeastSquares<T, R> {
    /// Covariance and standard errors of the parameters `x` that minimise `½ ‖r‖²`, where residuals are independent, of
    /// mean zero and one variance:
    ///
    /// ```text
    /// σ̂² (JᵀJ)⁻¹,   σ̂² = ‖r‖²/(m − n)
    /// ```
    ///
    /// From the orthogonal factorisation of `J`: the condition is not squared. Ratios follow Student's distribution. These
    /// are the standard errors of NIST, R's `nls` and SciPy's `curve_fit`, which take the curve for its tangent;
    /// [`EmpiricalRisk::statistics`](crate::EmpiricalRisk::statistics) takes its exact second derivatives.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LeastSquares, LevenbergMarquardt, Residuals};
    ///
    /// /// y = b₁ exp(b₂ t) through (0, 1), (1, 2), (2, 5)
    /// struct Growth;
    /// impl Residuals<f64> for Growth {
    ///     fn dim(&self) -> usize { 2 }
    ///     fn count(&self) -> usize { 3 }
    ///     fn residuals(&mut self, b: &DVector<f64>, r: &mut DVector<f64>) {
    ///         for (i, y) in [1.0, 2.0, 5.0].iter().enumerate() {
    ///             r[i] = b[0] * (b[1] * i as f64).exp() - y;
    ///         }
    ///     }
    ///     fn jacobian(&mut self, b: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         for i in 0..3 {
    ///             let t = i as f64;
    ///             j[(i, 0)] = (b[1] * t).exp();
    ///             j[(i, 1)] = b[0] * t * (b[1] * t).exp();
    ///         }
    ///     }
    /// }
    ///
    /// let report = LevenbergMarquardt::new().solve(Growth, dvector![1.0, 1.0])?;
    /// let statistics = LeastSquares::new(Growth).statistics(&report.x)?;
    /// assert_eq!(statistics.degrees_of_freedom, Some(1.0));
    /// println!("{}", statistics.summary(&["size", "rate"])?);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`offset`](Self::offset); [`Error::RankDeficient`] with the parameters that `J` does not determine;
    /// [`Error::DegreesOfFreedom`] for no more residuals than parameters; [`Error::NotStationary`] where the linearised
    /// problem is solved more than a thousandth of a standard error away; [`Error::Range`].
    pub fn statistics(&mut self, x: &DVector<T>) -> Result<Statistics<T>, Error> {
        self.tell(x, None)
    }

    /// [`statistics`](Self::statistics) with a covariance that does not ask that residuals have one variance:
    ///
    /// ```text
    /// (JᵀJ)⁻¹ (Σ_i J_iᵀ r_i² J_i) (JᵀJ)⁻¹,   J_i the row of residual i
    /// h_i = J_i (JᵀJ)⁻¹ J_iᵀ                  its leverage
    /// ```
    ///
    /// and with the corrections for few residuals that [`Robust`] lists.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{Covariance, LeastSquares, Residuals, Robust};
    ///
    /// /// y = b x through (−1, −1), (1, 1), (2, 7): b = 8/3, residuals ⅓ (−5, 5, −5)
    /// struct Line;
    /// impl Residuals<f64> for Line {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn count(&self) -> usize { 3 }
    ///     fn residuals(&mut self, b: &DVector<f64>, r: &mut DVector<f64>) {
    ///         r.copy_from(&dvector![1.0 - b[0], b[0] - 1.0, 2.0 * b[0] - 7.0]);
    ///     }
    ///     fn jacobian(&mut self, _: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         j.copy_from_slice(&[-1.0, 1.0, 2.0]);
    ///     }
    /// }
    ///
    /// let (mut squares, x) = (LeastSquares::new(Line), dvector![8.0 / 3.0]);
    /// let hc0 = squares.robust_statistics(&x, Robust::Hc0)?;
    /// assert_eq!(hc0.source, Covariance::Sandwich(Robust::Hc0));
    /// assert!((hc0.covariance[(0, 0)] - 25.0 / 54.0_f64).abs() < 1e-14); // Σ (x r)² / (Σx²)²
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics).
    pub fn robust_statistics(&mut self, x: &DVector<T>, robust: Robust) -> Result<Statistics<T>, Error> {
        self.tell(x, Some(robust))
    }

    fn tell(&mut self, x: &DVector<T>, robust: Option<Robust>) -> Result<Statistics<T>, Error> {
        let (m, n) = (self.problem.count(), self.problem.dim());
        check_point("x", x, n)?;
        room::<T>("x", &[n, n, 4])?;
        let mut local = LocalProblem::new(false);
        let (step, _) = local.stand(self, x)?;
        check_evaluation("the value", "x", &[step.value])?;
        check_evaluation("the gradient", "x", &[step.gradient_norm])?;
        let count = T::of(m as f64);
        let left = degrees(count, T::of(n as f64))?;
        let root = local.linear.inverse_root(&local.scale).map_err(|columns| Error::RankDeficient {
            rank: n - columns.len(),
            expected: n,
            columns,
        })?;
        let size = norm(local.here.residuals.as_slice());
        // what rounding makes of a residual, of their root mean square
        let rounding =
            T::of(4.0) * T::EPSILON * (size + scaled_norm(&local.norms, x.as_slice())) / count.sqrt();
        let sigma = (size / left.sqrt()).max(rounding);
        let distance = if size > T::zero() { (local.linear.projection() / sigma).f64() } else { 0.0 };
        if distance > STATIONARY + (rounding * count.sqrt() / sigma).f64() {
            return Err(Error::NotStationary { what: "statistics", distance });
        }
        let known = Curvature::known(root.clone(), &root, T::of(n as f64), DVector::repeat(1, rounding));
        let mut curvature = known.estimated(&DVector::repeat(1, sigma), left)?;
        if let Some(robust) = robust {
            let (lengths, rows) = unit_rows(&root);
            let moments = self.moments(&(local.here.residuals / curvature.sigma[0]), &root, robust) * rows;
            let few = if robust == Robust::Hc1 { count / left } else { T::one() };
            curvature = curvature.sandwiched(&(moments.tr_mul(&moments) * few), &lengths);
        }
        let mut statistics = Statistics::new(x.clone(), curvature, count, 1)?;
        statistics.source = robust.map_or(statistics.source, Covariance::Sandwich);
        statistics.log_likelihood = statistics.normal_likelihood(1.0);
        Ok(statistics)
    }

    /// The rows `r_i J_i A / (1 − h_i)^½` (or its square), `h_i = ‖J_i A‖²`, with the Jacobian in the buffer.
    fn moments(&self, r: &DVector<T>, a: &DMatrix<T>, robust: Robust) -> DMatrix<T> {
        let mut rows = &self.jacobian * a;
        for (mut row, r) in rows.row_iter_mut().zip(r) {
            row *= *r * unbiased(row.norm_squared(), robust.power());
        }
        rows
    }
}

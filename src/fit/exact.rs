//! Least squares by an orthogonal factorisation.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{Fit, Fitted};
use crate::contract::check_evaluation;
use crate::kernel::{self, Samples, Triangle};
use crate::risk::Design;
use crate::{
    CriticalKind, CriticalPoint, EmpiricalRisk, Error, Objective, Perceptron, Real, Report, SquaredError,
    Termination,
};

impl Perceptron {
    /// The least-squares solution, exact up to rounding, for `x` (`features × samples`) and `y`
    /// (`outputs × samples`):
    ///
    /// ```text
    /// min Σ_j ½ ‖W x_j + b − y_j‖²
    /// ```
    ///
    /// By Householder reflections of `[X; 1]ᵀ` (Golub 1965), never by normal equations, then refined with
    /// residuals in twice the precision (Björck 1987). Features need no scaling. Sample weights and a ridge penalty
    /// are settings of the [risk](EmpiricalRisk::fit).
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{Perceptron, Termination};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![2.9, 5.1, 7.0, 9.2]);
    /// let fitted = Perceptron::new(1).fit(&x, &y)?;
    /// assert_eq!(fitted.report.termination, Termination::Exact);
    /// assert!((fitted.weights()[0] - 2.08_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::RankDeficient`] where the data do not determine the coefficients,
    /// with the columns to blame; [`Error::Evaluation`] where they overflow. Where only the sum of squares does, the
    /// report has not converged ([`Termination::NonFinite`]).
    pub fn fit<'a, T: Real>(
        self, x: impl Into<DMatrixView<'a, T>>, y: impl Into<DMatrixView<'a, T>>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        EmpiricalRisk::new(self, SquaredError, x, y)?.fit()
    }
}

impl<T: Real> Fit<T, SquaredError> for Perceptron {
    fn fit_risk(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        risk.check()?;
        let (_, y, shares) = risk.present();
        let design = Design::new(risk, shares);
        let samples = design.samples(y);
        let triangle = design.factorise(&samples)?;

        let (p, k) = (samples.coefficients(), samples.outputs());
        let mut beta = vec![T::zero(); p * k];
        triangle.solve(&mut beta);
        refine(&triangle, &samples, &design.ridge, &mut beta);
        let theta = coefficients(&beta, p, k);
        let unit = design.unit;
        check_evaluation("the least-squares solution", "the coefficients' units", theta.as_slice())?;
        let mut gradient = DVector::zeros(theta.len());
        let value = risk.value_gradient(&theta, &mut gradient);
        let mut report = Report::given(theta);
        report.value = value;
        report.gradient_norm = kernel::norm_inf(gradient.as_slice());
        report.evaluations = 1;
        let finite = value.is_finite() && report.gradient_norm.is_finite();
        report.termination = if finite { Termination::Exact } else { Termination::NonFinite };
        report.certificate = certify(&triangle, unit, &gradient, report.gradient_norm, k);
        Ok(Fitted::new(*risk.model(), SquaredError, report))
    }
}

/// Corrects the coefficients while that gains digits; a correction that does not shrink is taken back.
fn refine<T: Real>(triangle: &Triangle<T>, samples: &Samples<'_, T>, ridge: &[T], beta: &mut [T]) {
    let mut before = T::MAX;
    for _ in 0..REFINEMENTS {
        let kept = beta.to_vec();
        let change = triangle.refine(samples, ridge, beta);
        let shrinks = change <= before * T::of(0.5);
        if !shrinks || !kernel::all_finite(beta) {
            beta.copy_from_slice(&kept);
            return;
        }
        if change <= T::EPSILON {
            return;
        }
        before = change;
    }
}

const REFINEMENTS: usize = 3;

/// Coefficients, output after output, in the order of `θ`: `W` (outputs × features) by columns, then `b`.
pub(crate) fn coefficients<T: Real>(beta: &[T], p: usize, k: usize) -> DVector<T> {
    DMatrix::from_column_slice(p, k, beta)
        .transpose()
        .reshape_generic(nalgebra::Dyn(p * k), nalgebra::Const::<1>)
}

/// The certificate of the solution. The Hessian is `unit RᵀR` for each output, so its eigenvalues come `k` times.
fn certify<T: Real>(
    triangle: &Triangle<T>, unit: T, gradient: &DVector<T>, gradient_norm: T, k: usize,
) -> Option<CriticalPoint<T>> {
    let root = triangle.root();
    let one = CriticalPoint::classify(&(root.tr_mul(&root) * unit)).ok()?;
    let eigenvalues = one.eigenvalues().iter().flat_map(|l| std::iter::repeat_n(*l, k));
    let eigenvalues = DVector::from_iterator(k * one.eigenvalues().len(), eigenvalues);
    let point = CriticalPoint::new(eigenvalues, one.tolerance, None);
    // √(gᵀ H⁻¹ g), H⁻¹ = R⁻¹ R⁻ᵀ / unit
    let g = DMatrix::from_column_slice(k, gradient.len() / k, gradient.as_slice());
    let decrement = (g * triangle.inverse_root()).norm() / unit.sqrt();
    let decrement = Some(decrement).filter(|_| point.kind == CriticalKind::Minimum);
    Some(point.with(Some(gradient_norm), decrement, true))
}

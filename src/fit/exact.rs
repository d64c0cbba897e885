//! Least squares by an orthogonal factorisation.

use nalgebra::{DMatrix, DVector};

use super::Fitted;
use super::method::Fit;
use crate::contract::check_evaluation;
use crate::data::{Inputs, Targets};
use crate::kernel::{self, Factor, Triangle};
use crate::risk::{Asked, Design, Weighing};
use crate::{
    CriticalPoint, EmpiricalRisk, Error, Method, Objective, Perceptron, Real, Report, SquaredError,
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
    /// residuals in twice the precision (Björck 1987). Features need no scaling, and are measured from one of their
    /// samples where they are far from zero. Sample weights and a ridge penalty are settings of the
    /// [risk](EmpiricalRisk::fit).
    ///
    /// ```
    /// use gradus::{Perceptron, Termination, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![2.9, 5.1, 7.0, 9.2]);
    /// let fitted = Perceptron::new(1).fit(&x, &y)?;
    /// assert_eq!(fitted.report.termination, Termination::Exact);
    /// assert!((fitted.weights()[0] - 2.08_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::RankDeficient`] where the data do not determine the coefficients,
    /// with the columns to blame; [`Error::Evaluation`] where they overflow, or vanish. Where only the sum of squares
    /// overflows, the report has not converged ([`Termination::NonFinite`]), nor where no numbers are near enough to the
    /// coefficients ([`Termination::NoDescent`]).
    pub fn fit<'a, T: Real>(
        self, x: impl Inputs<'a, T>, y: impl Targets<'a, T, SquaredError>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        EmpiricalRisk::new(self, SquaredError, x, y)?.fit()
    }
}

impl<T: Real> Fit<T, SquaredError> for Perceptron {
    fn fit_risk(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        risk.check()?;
        let survey = risk.survey();
        let (design, asked) = (Design::new(&survey, Weighing::Shares)?, (&survey, &SquaredError as _));
        let triangle = design.penalised(design.triangle(asked)?);
        let inverse = design.inverse(asked, &triangle)?;

        let (p, k) = (design.coefficients(), risk.model().0.outputs);
        let mut beta = vec![T::zero(); p * k];
        triangle.solve(&mut beta);
        refine(&design, asked, &triangle, &mut beta)?;
        design.bring_back(&mut beta);
        // from output after output to the order of θ
        let theta = DVector::from_fn(p * k, |i, _| beta[i % k * p + i / k]);
        let norm = kernel::norm(inverse.as_slice());
        let (unit, inverse) = (design.unit, design.inverse_root(inverse));
        check_evaluation("the least-squares solution", "the coefficients' units", theta.as_slice())?;
        let mut gradient = DVector::zeros(theta.len());
        let size = kernel::norm_inf(&risk.survey().target_sizes()?);
        let value = risk.value_gradient(&theta, &mut gradient);
        risk.broken()?;
        let gradient_norm = kernel::norm_inf(gradient.as_slice());
        let method = Some(Method::Householder);
        let mut report = Report { value, gradient_norm, method, evaluations: 1, ..Report::given(theta) };
        report.floor = floor(&design.lengths(&triangle.root()), &report.x, size);
        report.certificate = certify(&triangle.root(), (norm, &inverse), unit, &gradient, k);
        let decrement = report.certificate.as_ref().and_then(|point| point.decrement).unwrap_or_default();
        report.termination = match value.is_finite() && gradient_norm.is_finite() {
            false => Termination::NonFinite,
            // the coefficients that minimise are not among the numbers there are
            true if decrement > T::EPSILON.sqrt().sqrt() * size => Termination::NoDescent,
            true => Termination::Exact,
        };
        Ok(Fitted::new(*risk.model(), SquaredError, report))
    }
}

/// Corrects the coefficients while that gains digits; a correction that does not shrink is taken back.
fn refine<T: Real>(
    design: &Design<'_, T>, asked: Asked<'_, T>, triangle: &Triangle<T>, beta: &mut [T],
) -> Result<(), Error> {
    let mut before = T::MAX;
    for _ in 0..REFINEMENTS {
        let kept = beta.to_vec();
        let change = design.refine(asked, triangle, beta)?;
        let shrinks = change <= before * T::of(0.5);
        if !shrinks || !kernel::all_finite(beta) {
            beta.copy_from_slice(&kept);
            return Ok(());
        }
        if change <= T::EPSILON {
            return Ok(());
        }
        before = change;
    }
    Ok(())
}

const REFINEMENTS: usize = 3;

/// What rounding makes of the gradient, whose residuals have the terms `|W| |x| + |b| + |y|`: by Cauchy and Schwarz at most
/// `4ε ‖x_i‖ (Σ_l |θ_l| ‖x_l‖ + ‖y‖)`, of the columns `x_l` of all samples and of targets of this size.
fn floor<T: Real>(lengths: &[T], theta: &DVector<T>, size: T) -> T {
    let k = theta.len() / lengths.len();
    let terms = |o: usize| {
        lengths.iter().enumerate().fold(size, |sum: T, (l, length)| sum + theta[l * k + o].abs() * *length)
    };
    let most = (0..k).map(terms).fold(size, T::max);
    (T::of(4.0) * T::EPSILON * kernel::norm_inf(lengths) * most).min(T::MAX)
}

/// The certificate of the solution, by coefficients of features measured from their origins. With `R` the root, the Hessian
/// is `unit RᵀR` for each output, so its eigenvalues come `k` times. All are positive, for the rank is full: none is less
/// than `unit / ‖R⁻¹‖²`, and that is within their number of the least. Nothing where the Hessian cannot be represented.
fn certify<T: Real>(
    root: &DMatrix<T>, (norm, inverse): (T, &DMatrix<T>), unit: T, gradient: &DVector<T>, k: usize,
) -> Option<CriticalPoint<T>> {
    let p = root.ncols();
    let (mut hessian, r) = (DMatrix::zeros(p, p), Factor::view(&root.as_view()));
    kernel::product(unit, r.t(), r, T::zero(), hessian.as_mut_slice());
    let one =
        CriticalPoint::classify(&hessian).ok().filter(|_| hessian.diagonal().min() >= T::LEAST_NORMAL)?;
    let least = unit / norm / norm;
    let point = one.definite(k, least);
    // √(gᵀ H⁻¹ g), H⁻¹ = R⁻¹ R⁻ᵀ / unit
    let mut by_root = vec![T::zero(); gradient.len()];
    let (g, inverse) = (Factor::new(gradient.as_slice(), k, p), Factor::view(&inverse.as_view()));
    kernel::product(T::one(), g, inverse, T::zero(), &mut by_root);
    let decrement = kernel::norm(&by_root) / unit.sqrt();
    // of a gradient that has left the range nothing is known
    let decrement = Some(decrement).filter(|decrement| *decrement >= T::zero());
    Some(point.with(Some(kernel::norm_inf(gradient.as_slice())), decrement, true))
}

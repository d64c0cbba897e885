//! Least squares by an orthogonal factorisation.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{Fit, Fitted};
use crate::contract::{check_evaluation, room};
use crate::kernel::{self, Factor, Samples, Triangle};
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
        self,
        x: impl Into<DMatrixView<'a, T>>,
        y: impl Into<DMatrixView<'a, T>>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        EmpiricalRisk::new(self, SquaredError, x, y)?.fit()
    }
}

impl<T: Real> Fit<T, SquaredError> for Perceptron {
    fn fit_risk(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>,
    ) -> Result<Fitted<T, Self, SquaredError>, Error> {
        risk.check()?;
        let (x, y, shares) = risk.present();
        let design = Design::new(x, risk.model().0.bias, shares, risk.penalty_strength());
        if let Some(found) = design.ridge.iter().find(|ridge| !ridge.is_finite()) {
            let expected = "small enough to be finite when summed over the samples";
            return Err(Error::Setting { name: "ridge", expected, found: found.f64() });
        }
        let samples = design.samples(y);
        let (p, k) = (samples.coefficients(), y.nrows());
        room::<T>("x", &[p, p.saturating_add(k)])?;
        let triangle = kernel::factorise(&samples, &design.ridge);
        check_rank(&triangle, &design)?;

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

/// The rows of an affine model's least-squares problem. Equal weights are left out: they change nothing but the
/// scale, and `weight · unit` is what the risk gives a sample.
#[derive(Debug)]
pub(crate) struct Design<'a, T: Real> {
    x: DMatrixView<'a, T>,
    bias: bool,
    weights: Option<&'a [T]>,
    /// `λ / unit` for each coefficient that is penalised; empty without a penalty.
    pub(crate) ridge: Vec<T>,
    pub(crate) unit: T,
}

impl<'a, T: Real> Design<'a, T> {
    pub(crate) fn new(x: DMatrixView<'a, T>, bias: bool, shares: &'a [T], ridge: T) -> Self {
        let equal = shares[0] > T::zero() && shares.iter().all(|share| *share == shares[0]);
        let (unit, weights) = if equal { (shares[0], None) } else { (T::one(), Some(shares)) };
        let p = x.nrows() + usize::from(bias);
        let mut penalty = vec![ridge / unit; if ridge == T::zero() { 0 } else { p }];
        if let (true, Some(last)) = (bias, penalty.last_mut()) {
            *last = T::zero();
        }
        Self { x, bias, weights, ridge: penalty, unit }
    }

    pub(crate) fn samples(&self, y: DMatrixView<'a, T>) -> Samples<'a, T> {
        Samples { x: Factor::view(&self.x), bias: self.bias, y: Factor::view(&y), weights: self.weights }
    }
}

/// A column whose angle to the span of those before it is nothing but rounding depends on them. `ε (p + √m)` is what
/// reflections and sums of `m` terms leave of an exact dependence; ill-conditioned data stay far above.
pub(crate) fn check_rank<T: Real>(triangle: &Triangle<T>, design: &Design<'_, T>) -> Result<(), Error> {
    let (n, m) = design.x.shape();
    let p = n + usize::from(design.bias);
    let tolerance = T::of(4.0 * (p as f64 + (m as f64).sqrt())) * T::EPSILON;
    // a NaN is no independence
    let dependent = |(j, sine): (usize, T)| if sine > tolerance { None } else { Some(j) };
    let mut columns: Vec<_> = triangle.independence().into_iter().enumerate().filter_map(dependent).collect();
    if columns.is_empty() {
        return Ok(());
    }
    let rank = p - columns.len();
    if design.bias && columns.last() == Some(&n) {
        // the bias came last, but a constant feature is what there is to remove
        let constant = |i: &usize| design.x.row(*i).iter().all(|x| *x == design.x[(*i, 0)]);
        if let Some(feature) = (0..n).find(constant) {
            columns.pop();
            columns.push(feature);
            columns.sort_unstable();
            columns.dedup();
        }
    }
    Err(Error::RankDeficient { rank, expected: p, columns })
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
    triangle: &Triangle<T>,
    unit: T,
    gradient: &DVector<T>,
    gradient_norm: T,
    k: usize,
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

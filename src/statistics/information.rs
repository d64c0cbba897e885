//! The observed information of each model, from its most accurate source.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::kernel;
use crate::model::Affine;
use crate::risk::Design;
use crate::{
    CriticalKind, CriticalPoint, CrossEntropy, EmpiricalRisk, Error, Hessian, LogLoss, Loss, Model, Network,
    Objective, Perceptron, Real, Recession, SecondOrderLoss, SigmoidClassifier, SquaredError,
};

/// A model and a loss that together are a likelihood, so that curvature tells precision.
#[diagnostic::on_unimplemented(
    message = "`{Self}` with the loss `{L}` is no likelihood that statistics are known for",
    note = "known are `Perceptron` with `SquaredError`, `SigmoidClassifier` with `LogLoss`, and `Network` with these \
            or `CrossEntropy`"
)]
pub(crate) trait Information<T: Real, L>: Model<T> + Sized {
    fn curvature(risk: &mut EmpiricalRisk<'_, T, Self, L>, theta: &DVector<T>)
    -> Result<Curvature<T>, Error>;
}

/// What the observed information says, in sums over samples.
#[derive(Debug)]
pub(crate) struct Curvature<T: Real> {
    /// `H⁻¹`, penalty included.
    pub(super) inverse: DMatrix<T>,
    /// `σ² H⁻¹ F H⁻¹`.
    pub(super) covariance: DMatrix<T>,
    /// `tr(H⁻¹ F)`, the parameters that the data still determine.
    pub(super) effective: T,
    /// `σ²`, or what rounding leaves of it: the unit of gains in the sum of losses.
    pub(super) scatter: T,
    pub(super) residual_variance: Option<DVector<T>>,
    pub(super) degrees_of_freedom: Option<f64>,
}

impl<T: Real> Curvature<T> {
    /// A likelihood without a variance to estimate: `σ² = 1`.
    fn known(inverse: DMatrix<T>, covariance: DMatrix<T>, effective: T) -> Self {
        let (scatter, residual_variance, degrees_of_freedom) = (T::one(), None, None);
        Self { inverse, covariance, effective, scatter, residual_variance, degrees_of_freedom }
    }
}

impl<T: Real> Information<T, SquaredError> for Perceptron {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let (_, y, shares) = risk.present();
        let total = risk.total_weight();
        let (block, exact) = block(risk, shares, y)?;
        let left = degrees(total, block.effective)?;
        let mut squares = risk.residual_moments(theta);
        if let Some(exact) = &exact {
            squares.set_diagonal(exact);
        }
        let variance = squares / left;
        let floor = risk.present().1.iter().fold(T::zero(), |s, y| s.max(y.abs())) * T::EPSILON * T::of(64.0);
        Ok(Curvature {
            inverse: block.inverse.kronecker(&DMatrix::identity(variance.nrows(), variance.nrows())),
            covariance: block.covariance.kronecker(&variance),
            scatter: variance.diagonal().max() + floor * floor * total,
            residual_variance: Some(variance.diagonal()),
            degrees_of_freedom: Some(left.f64()),
            ..block
        })
    }
}

impl<T: Real> Information<T, LogLoss> for SigmoidClassifier {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, LogLoss>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        if let Recession::Along(direction) = risk.recedes(theta) {
            let direction = direction.iter().map(|d| d.f64()).collect();
            return Err(Error::Separable { what: "statistics", direction });
        }
        let (x, y, shares) = risk.present();
        let (k, m) = y.shape();
        let mut cache = risk.model().cache(m);
        let z = risk.model().forward(theta, x, &mut cache);
        let mut curved = DMatrix::zeros(k, m);
        let ones = DMatrix::repeat(k, m, T::one());
        risk.loss().curvature_product(z, y, shares, ones.as_view(), curved.as_view_mut());
        let mut inverse = DMatrix::zeros(theta.len(), theta.len());
        let mut covariance = inverse.clone();
        let mut effective = T::zero();
        // one block per output, for outputs do not meet
        for o in 0..k {
            let weights: Vec<T> = curved.row(o).iter().copied().collect();
            let (block, _) = block(risk, &weights, y.rows(o, 1))?;
            let mut alone = DMatrix::zeros(k, k);
            alone[(o, o)] = T::one();
            inverse += block.inverse.kronecker(&alone);
            covariance += block.covariance.kronecker(&alone);
            effective += block.effective;
        }
        Ok(Curvature::known(inverse, covariance, effective))
    }
}

/// One output of an affine model, by reflections: `H = unit RᵀR` of its weighted samples. With it, the sums of squared
/// residuals of the least-squares problem, where nothing is added to them.
fn block<T: Real, M: Model<T> + Affine, L: Loss<T>>(
    risk: &EmpiricalRisk<'_, T, M, L>, weights: &[T], y: DMatrixView<'_, T>,
) -> Result<(Curvature<T>, Option<DVector<T>>), Error> {
    let design = Design::new(risk, weights);
    let samples = design.samples(y);
    let triangle = design.factorise(&samples)?;
    let unit = design.unit * risk.total_weight();
    // H⁻¹ = (√unit R)⁻¹ (√unit R)⁻ᵀ
    let root = triangle.inverse_root() / unit.sqrt();
    let inverse = &root * root.transpose();
    if design.ridge.is_empty() {
        let effective = T::of(root.nrows() as f64);
        let squares = DVector::from_column_slice(&triangle.residual) * unit;
        return Ok((Curvature::known(inverse.clone(), inverse, effective), Some(squares)));
    }
    // F = SᵀS without the penalty, and H⁻¹ F H⁻¹ as a square
    let s = kernel::factorise(&samples, &[]).root() * unit.sqrt();
    let half = &s * &inverse;
    let effective = (s * root).norm_squared();
    Ok((Curvature::known(inverse, half.tr_mul(&half), effective), None))
}

/// What `samples`, counted by their weights, leave beside the coefficients.
pub(super) fn degrees<T: Real>(samples: T, coefficients: T) -> Result<T, Error> {
    let left = samples - coefficients;
    if left > T::EPSILON * T::of(64.0) * samples {
        return Ok(left);
    }
    Err(Error::DegreesOfFreedom { samples: samples.f64(), coefficients: coefficients.f64() })
}

impl<T: Real> Information<T, SquaredError> for Network {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let dense = dense(risk, theta)?;
        let squares = risk.residual_moments(theta);
        let left = degrees(risk.total_weight() * T::of(squares.nrows() as f64), dense.effective)?;
        let variance = squares.trace() / left;
        Ok(Curvature {
            covariance: dense.covariance * variance,
            scatter: variance,
            residual_variance: Some(DVector::repeat(squares.nrows(), variance)),
            degrees_of_freedom: Some(left.f64()),
            ..dense
        })
    }
}

/// The losses of classifiers are likelihoods as they stand.
#[diagnostic::on_unimplemented(
    message = "the loss `{Self}` is no likelihood that statistics are known for",
    note = "for a `Network` known are `SquaredError`, `LogLoss` and `CrossEntropy`"
)]
trait Likelihood {}

impl Likelihood for LogLoss {}
impl Likelihood for CrossEntropy {}

impl<T: Real, L: SecondOrderLoss<T> + Likelihood> Information<T, L> for Network {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, L>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        dense(risk, theta)
    }
}

/// From the dense Hessian, where that is positive definite.
fn dense<T: Real, L: SecondOrderLoss<T>>(
    risk: &mut EmpiricalRisk<'_, T, Network, L>, theta: &DVector<T>,
) -> Result<Curvature<T>, Error> {
    let (p, total, ridge) = (theta.len(), risk.total_weight(), risk.penalty_strength());
    let mut hessian = DMatrix::zeros(p, p);
    risk.hessian(theta, &mut hessian);
    hessian *= total;
    let point = CriticalPoint::classify(&hessian)?;
    let mut factor = hessian.clone();
    if point.kind != CriticalKind::Minimum || !kernel::cholesky(factor.as_mut_slice(), p) {
        return Err(Error::NotPositiveDefinite {
            what: "statistics",
            found: point.eigenvalues()[0].f64(),
            remedy: "the data do not determine these parameters: take fewer units, or a ridge penalty",
        });
    }
    let mut inverse = DMatrix::identity(p, p);
    for mut column in inverse.column_iter_mut() {
        kernel::cholesky_solve(factor.as_slice(), p, column.as_mut_slice());
    }
    if ridge == T::zero() {
        return Ok(Curvature::known(inverse.clone(), inverse, T::of(p as f64)));
    }
    for i in risk.penalised_parameters().iter().cloned().flatten() {
        hessian[(i, i)] -= ridge * total;
    }
    let shrunk = &inverse * hessian;
    let covariance = &shrunk * &inverse;
    Ok(Curvature::known(inverse, covariance, shrunk.trace()))
}

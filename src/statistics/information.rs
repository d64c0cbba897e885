//! The observed information of each model, from its most accurate source.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::kernel;
use crate::model::Affine;
use crate::risk::Design;
use crate::{
    Architecture, CriticalKind, CriticalPoint, CrossEntropy, EmpiricalRisk, Error, Hessian, LogLoss, Loss,
    Model, Network, Perceptron, Real, SecondOrderLoss, SigmoidClassifier, SquaredError,
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

/// What the observed information says, in sums over samples. Nothing in it is squared that has a unit.
#[derive(Debug)]
pub(crate) struct Curvature<T: Real> {
    /// `A` with `A Aᵀ = H⁻¹`, penalty included.
    pub(super) root: DMatrix<T>,
    /// `tr(H⁻¹ F)`, the parameters that the data still determine.
    pub(super) effective: T,
    /// `σ` of each output, or what rounding leaves of it.
    pub(super) sigma: DVector<T>,
    /// What rounding makes of a residual of each output, over `σ`.
    pub(super) rounding: DVector<T>,
    pub(super) errors: DVector<T>,
    pub(super) correlation: DMatrix<T>,
    pub(super) residual_variance: Option<DVector<T>>,
    pub(super) degrees_of_freedom: Option<f64>,
}

impl<T: Real> Curvature<T> {
    /// A likelihood without a variance to estimate: `σ = 1`, and the covariance `B Bᵀ`.
    fn known(root: DMatrix<T>, b: &DMatrix<T>, effective: T, rounding: DVector<T>) -> Self {
        let (errors, rows) = unit_rows(b);
        let sigma = DVector::repeat(rounding.len(), T::one());
        let (residual_variance, degrees_of_freedom, correlation) = (None, None, rows.tr_mul(&rows));
        Self { root, effective, sigma, rounding, errors, correlation, residual_variance, degrees_of_freedom }
    }

    /// With a `σ` of each output, estimated from so many degrees of freedom; outputs that parameters are of take turns.
    fn estimated(self, sigma: &DVector<T>, left: T) -> Result<Self, Error> {
        representable("the residual variance", sigma)?;
        Ok(Self {
            errors: self.errors.map_with_location(|i, _, error| error * sigma[i % sigma.len()]),
            rounding: self.rounding.zip_map(sigma, over),
            residual_variance: Some(sigma.map(|sigma| sigma * sigma)),
            degrees_of_freedom: Some(left.f64()),
            // where it is 0 all residuals are, whatever they are divided by
            sigma: sigma.map(|sigma| if sigma == T::zero() { T::one() } else { sigma }),
            ..self
        })
    }
}

/// `x / y`, where `0 / 0` is 0.
pub(super) fn over<T: Real>(x: T, y: T) -> T {
    if x == T::zero() { x } else { x / y }
}

/// The lengths of the rows of a matrix, and its transposed with columns of length 1.
pub(super) fn unit_rows<T: Real>(b: &DMatrix<T>) -> (DVector<T>, DMatrix<T>) {
    let mut rows = b.transpose();
    let lengths = DVector::from_fn(b.nrows(), |i, _| kernel::norm(rows.column(i).as_slice()));
    rows.column_iter_mut().zip(&lengths).for_each(|(mut row, length)| row.apply(|x| *x = over(*x, *length)));
    (lengths, rows)
}

/// Squares of errors are in the range of the scalar, with all their digits.
pub(super) fn representable<T: Real>(what: &'static str, errors: &DVector<T>) -> Result<(), Error> {
    let is_lost = |e: T| e != T::zero() && !(e * e >= T::LEAST_NORMAL && e * e <= T::MAX);
    let lost = errors.iter().find(|error| is_lost(**error));
    lost.map_or(Ok(()), |error| Err(Error::Range { what, found: (*error * *error).f64() }))
}

impl<T: Real> Information<T, SquaredError> for Perceptron {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let (_, y, shares) = risk.present();
        let k = risk.model().outputs();
        let block = Block::new(risk, shares, y.dense(&mut y.room(k, y.len())))?;
        let left = degrees(risk.total_weight(), block.effective)?;
        let (rounding, moments) = (risk.rounding(theta), risk.residual_moments(theta));
        let sigma = DVector::from_fn(k, |o, _| {
            let residual = block.residual.get(o).copied().unwrap_or_else(|| moments[(o, o)].sqrt());
            (residual / left.sqrt()).max(rounding[o])
        });
        let cosines = DMatrix::from_fn(k, k, |o, q| match o == q {
            true => T::one(),
            false => over(moments[(o.max(q), o.min(q))] / left / sigma[o], sigma[q]),
        });
        let mut known = Curvature::known(block.root, &block.covariance_root, block.effective, rounding);
        known.root = known.root.kronecker(&DMatrix::identity(k, k));
        known.errors = known.errors.kronecker(&DVector::repeat(k, T::one()));
        known.correlation = known.correlation.kronecker(&cosines);
        known.estimated(&sigma, left)
    }
}

impl<T: Real> Information<T, LogLoss> for SigmoidClassifier {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, LogLoss>, theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let (x, y, shares) = risk.present();
        let (k, m) = (risk.model().outputs(), y.len());
        let mut room = y.room(k, m);
        let y = y.dense(&mut room);
        let mut cache = risk.model().cache(m);
        let z = risk.model().forward(theta, x, &mut cache);
        let mut curved = DMatrix::zeros(k, m);
        let ones = DMatrix::repeat(k, m, T::one());
        risk.loss().curvature_product(z, y, shares, ones.as_view(), curved.as_view_mut());
        let mut root = DMatrix::zeros(theta.len(), theta.len());
        let mut covariance_root = root.clone();
        let mut effective = T::zero();
        // one block per output, for outputs do not meet
        for o in 0..k {
            let weights: Vec<T> = curved.row(o).iter().copied().collect();
            let block = Block::new(risk, &weights, y.rows(o, 1))?;
            let mut alone = DMatrix::zeros(k, k);
            alone[(o, o)] = T::one();
            root += block.root.kronecker(&alone);
            covariance_root += block.covariance_root.kronecker(&alone);
            effective += block.effective;
        }
        Ok(Curvature::known(root, &covariance_root, effective, risk.rounding(theta)))
    }
}

/// One output of an affine model, by reflections: `H = unit RᵀR` of its weighted samples.
struct Block<T: Real> {
    /// `A` with `A Aᵀ = H⁻¹`.
    root: DMatrix<T>,
    /// `B` with `B Bᵀ = H⁻¹ F H⁻¹`.
    covariance_root: DMatrix<T>,
    effective: T,
    /// The roots of the sums of squared residuals of the least-squares problem, where no penalty is added to them.
    residual: Vec<T>,
}

impl<T: Real> Block<T> {
    fn new<M: Affine<T>, L: Loss<T>>(
        risk: &EmpiricalRisk<'_, T, M, L>, weights: &[T], y: DMatrixView<'_, T>,
    ) -> Result<Self, Error> {
        let design = Design::new(risk, weights);
        let samples = design.samples(y);
        let (triangle, inverse) = design.factorise(&samples)?;
        let unit = (design.unit * risk.total_weight()).sqrt();
        // F = SᵀS without the penalty, B = A (S A)ᵀ
        let shrunk = if design.ridge.is_empty() {
            None
        } else {
            Some(kernel::factorise(&samples, &[]).root() * &inverse)
        };
        let root = design.inverse_root(inverse) / unit;
        let Some(shrunk) = shrunk else {
            let effective = T::of(root.nrows() as f64);
            let residual = triangle.residual.iter().map(|residual| *residual * unit).collect();
            return Ok(Self { covariance_root: root.clone(), root, effective, residual });
        };
        let effective = kernel::norm(shrunk.as_slice()).powi(2);
        Ok(Self { covariance_root: &root * shrunk.transpose(), root, effective, residual: Vec::new() })
    }
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
        let (rounding, moments) = (risk.rounding(theta), risk.residual_moments(theta));
        let k = rounding.len();
        let dense = dense(risk, theta, rounding)?;
        let left = degrees(risk.total_weight() * T::of(k as f64), dense.effective)?;
        // one variance for all outputs
        let sigma = (moments.trace() / left).sqrt().max(dense.rounding.max());
        dense.estimated(&DVector::repeat(k, sigma), left)
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
        let rounding = risk.rounding(theta);
        dense(risk, theta, rounding)
    }
}

/// From the dense Hessian, where that is positive definite, its diagonal brought next to 1: `H = D⁻¹ (L Lᵀ) D⁻¹`.
fn dense<T: Real, L: SecondOrderLoss<T>>(
    risk: &mut EmpiricalRisk<'_, T, Network, L>, theta: &DVector<T>, rounding: DVector<T>,
) -> Result<Curvature<T>, Error> {
    let (p, total, ridge) = (theta.len(), risk.total_weight(), risk.penalty_strength());
    let mut hessian = DMatrix::zeros(p, p);
    risk.hessian(theta, &mut hessian);
    let refused = |found: T| Error::NotPositiveDefinite {
        what: "statistics",
        found: found.f64(),
        remedy: "the data do not determine these parameters: take fewer units, or a ridge penalty",
    };
    let scale = hessian.diagonal().map(|h| kernel::unit(h.abs().sqrt()));
    hessian.iter_mut().enumerate().for_each(|(i, h)| *h *= scale[i % p] * scale[i / p]);
    let point = CriticalPoint::classify(&hessian)?;
    let mut factor = hessian.clone();
    if point.kind != CriticalKind::Minimum || !kernel::cholesky(factor.as_mut_slice(), p) {
        return Err(refused(point.extremes().0));
    }
    // A = D L⁻ᵀ
    let mut inverse = DMatrix::identity(p, p);
    factor.solve_lower_triangular_mut(&mut inverse);
    let inverse_root = inverse.transpose();
    let scale = scale / total.sqrt();
    let root = DMatrix::from_fn(p, p, |i, j| scale[i] * inverse_root[(i, j)]);
    let known = Curvature::known(root.clone(), &root, T::of(p as f64), rounding);
    if ridge == T::zero() {
        return Ok(known);
    }
    // H⁻¹ F H⁻¹, F = H − λ
    for i in risk.penalised_parameters().iter().cloned().flatten() {
        hessian[(i, i)] -= ridge * total * scale[i] * scale[i];
    }
    let inverse = inverse_root * inverse;
    let shrunk = &inverse * hessian;
    let covariance = &shrunk * inverse;
    if let Some(variance) = covariance.diagonal().iter().find(|variance| !(**variance > T::zero())) {
        return Err(refused(*variance));
    }
    let deviations = covariance.diagonal().map(|variance| variance.sqrt());
    let correlation = covariance.map_with_location(|i, j, c| c / deviations[i] / deviations[j]);
    let errors = deviations.component_mul(&scale);
    Ok(Curvature { effective: shrunk.trace(), errors, correlation, ..known })
}

//! The observed information of each model, from its most accurate source.

use nalgebra::{DMatrix, DVector};

use crate::fit::{Design, check_rank};
use crate::kernel;
use crate::{
    CriticalPoint, CrossEntropy, EmpiricalRisk, Error, Hessian, LogLoss, Loss, Model, Network, Objective,
    Perceptron, Real, Recession, SecondOrderLoss, SigmoidClassifier, SquaredError,
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
    /// `σ²`, or what rounding leaves of it: the unit of gains in the sum of losses.
    pub(super) scatter: T,
    pub(super) residual_variance: Option<DVector<T>>,
    pub(super) degrees_of_freedom: Option<f64>,
}

impl<T: Real> Information<T, SquaredError> for Perceptron {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>,
        theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let (ridge, total) = (risk.penalty_strength(), risk.total_weight());
        let (x, y, shares) = risk.present();
        let (k, bias) = (y.nrows(), risk.model().0.bias);
        let design = Design::new(x, bias, shares, ridge);
        let block = Block::new(&design, y, total)?;
        let dof = total - block.effective();

        // residuals and their covariance between outputs
        let residuals = residuals(risk, theta);
        let mut weighted = residuals.clone();
        for (mut r, w) in weighted.column_iter_mut().zip(risk.present().2) {
            r *= *w * total;
        }
        let mut scatter = &weighted * residuals.transpose();
        if let Some(exact) = &block.squares {
            scatter.set_diagonal(exact);
        }
        let dof = degrees(total, block.effective(), dof)?;
        let variance = scatter / dof;
        let floor = y.iter().fold(T::zero(), |s, y| s.max(y.abs())) * T::EPSILON * T::of(64.0);
        Ok(Curvature {
            inverse: block.inverse().kronecker(&DMatrix::identity(k, k)),
            covariance: block.covariance().kronecker(&variance),
            scatter: variance.diagonal().max() + floor * floor * total,
            residual_variance: Some(variance.diagonal()),
            degrees_of_freedom: Some(dof.f64()),
        })
    }
}

impl<T: Real> Information<T, LogLoss> for SigmoidClassifier {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, LogLoss>,
        theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        if let Recession::Along(direction) = risk.recedes(theta) {
            let direction = direction.iter().map(|d| d.f64()).collect();
            return Err(Error::Separable { what: "statistics", direction });
        }
        let (ridge, total) = (risk.penalty_strength(), risk.total_weight());
        let (x, y, shares) = risk.present();
        let (k, p) = (y.nrows(), theta.len());
        let mut cache = risk.model().cache(x.ncols());
        let z = risk.model().forward(theta, x, &mut cache);
        let (ones, mut curved) = (DMatrix::repeat(k, x.ncols(), T::one()), DMatrix::zeros(k, x.ncols()));
        risk.loss().curvature_product(z, y, shares, ones.as_view(), curved.as_view_mut());
        // one block per output, for outputs do not meet
        let (mut inverse, mut covariance) = (DMatrix::zeros(p, p), DMatrix::zeros(p, p));
        for o in 0..k {
            let weights: Vec<T> = curved.row(o).iter().copied().collect();
            let design = Design::new(x, risk.model().0.bias, &weights, ridge);
            let block = Block::new(&design, y.rows(o, 1).clone_owned().as_view(), total)?;
            let (one, two) = (block.inverse(), block.covariance());
            for j in 0..p / k {
                for i in 0..p / k {
                    inverse[(i * k + o, j * k + o)] = one[(i, j)];
                    covariance[(i * k + o, j * k + o)] = two[(i, j)];
                }
            }
        }
        let (scatter, residual_variance, degrees_of_freedom) = (T::one(), None, None);
        Ok(Curvature { inverse, covariance, scatter, residual_variance, degrees_of_freedom })
    }
}

/// `H = unit · total · RᵀR` of the weighted samples of one output, by reflections.
struct Block<T: Real> {
    /// `(√(unit · total) R)⁻¹`, so that `H⁻¹` is it times its transpose.
    inverse_root: DMatrix<T>,
    /// `F H⁻¹` and so forth need `√F`; nothing without a penalty, where `F = H`.
    information_root: Option<DMatrix<T>>,
    /// Sums of squared residuals, where nothing is added to them.
    squares: Option<DVector<T>>,
}

impl<T: Real> Block<T> {
    fn new(design: &Design<'_, T>, y: nalgebra::DMatrixView<'_, T>, total: T) -> Result<Self, Error> {
        let samples = design.samples(y);
        let triangle = kernel::factorise(&samples, &design.ridge);
        check_rank(&triangle, design)?;
        let (unit, free) = (design.unit * total, design.ridge.is_empty());
        Ok(Self {
            inverse_root: triangle.inverse_root() / unit.sqrt(),
            information_root: (!free).then(|| kernel::factorise(&samples, &[]).root() * unit.sqrt()),
            squares: free.then(|| DVector::from_column_slice(&triangle.residual) * unit),
        })
    }

    fn inverse(&self) -> DMatrix<T> {
        &self.inverse_root * self.inverse_root.transpose()
    }

    /// `H⁻¹ F H⁻¹`, as a square.
    fn covariance(&self) -> DMatrix<T> {
        match &self.information_root {
            None => self.inverse(),
            Some(root) => {
                let half = root * self.inverse();
                half.tr_mul(&half)
            }
        }
    }

    /// `tr(H⁻¹ F)`, the parameters that the data still determine.
    fn effective(&self) -> T {
        match &self.information_root {
            None => T::of(self.inverse_root.nrows() as f64),
            Some(root) => (root * &self.inverse_root).iter().fold(T::zero(), |s, x| s + *x * *x),
        }
    }
}

fn degrees<T: Real>(samples: T, coefficients: T, left: T) -> Result<T, Error> {
    if left > T::EPSILON * T::of(64.0) * samples {
        return Ok(left);
    }
    Err(Error::DegreesOfFreedom { samples: samples.f64(), coefficients: coefficients.f64() })
}

/// `Z − Y` over all samples.
fn residuals<T: Real, M: Model<T>, L: Loss<T>>(
    risk: &EmpiricalRisk<'_, T, M, L>,
    theta: &DVector<T>,
) -> DMatrix<T> {
    let (x, y, _) = risk.present();
    let mut cache = risk.model().cache(x.ncols());
    risk.model().forward(theta, x, &mut cache) - y
}

impl<T: Real> Information<T, SquaredError> for Network {
    fn curvature(
        risk: &mut EmpiricalRisk<'_, T, Self, SquaredError>,
        theta: &DVector<T>,
    ) -> Result<Curvature<T>, Error> {
        let total = risk.total_weight();
        let (inverse, covariance, effective) = dense(risk, theta)?;
        let residuals = residuals(risk, theta);
        let (_, _, shares) = risk.present();
        let squares = residuals
            .column_iter()
            .zip(shares)
            .fold(T::zero(), |s, (r, w)| s + *w * total * r.norm_squared());
        let outputs = T::of(residuals.nrows() as f64);
        let left = degrees(total * outputs, effective, total * outputs - effective)?;
        let variance = squares / left;
        Ok(Curvature {
            inverse,
            covariance: covariance * variance,
            scatter: variance,
            residual_variance: Some(DVector::repeat(residuals.nrows(), variance)),
            degrees_of_freedom: Some(left.f64()),
        })
    }
}

/// The losses of classifiers are likelihoods as they stand.
macro_rules! network_likelihood {
    ($($loss:ident),*) => {$(
        impl<T: Real> Information<T, $loss> for Network {
                    fn curvature(
                risk: &mut EmpiricalRisk<'_, T, Self, $loss>,
                theta: &DVector<T>,
            ) -> Result<Curvature<T>, Error> {
                let (inverse, covariance, _) = dense(risk, theta)?;
                let (scatter, residual_variance, degrees_of_freedom) = (T::one(), None, None);
                Ok(Curvature { inverse, covariance, scatter, residual_variance, degrees_of_freedom })
            }
        }
    )*};
}
network_likelihood!(LogLoss, CrossEntropy);

/// `H⁻¹`, `H⁻¹ F H⁻¹` and `tr(H⁻¹ F)` from the dense Hessian, where that is positive definite.
fn dense<T: Real, L: SecondOrderLoss<T>>(
    risk: &mut EmpiricalRisk<'_, T, Network, L>,
    theta: &DVector<T>,
) -> Result<(DMatrix<T>, DMatrix<T>, T), Error> {
    let (p, total, ridge) = (theta.len(), risk.total_weight(), risk.penalty_strength());
    let mut hessian = DMatrix::zeros(p, p);
    risk.hessian(theta, &mut hessian);
    hessian *= total;
    let point = CriticalPoint::classify(&hessian)?;
    let mut factor = hessian.clone();
    if point.inertia.positive < p || !kernel::cholesky(factor.as_mut_slice(), p) {
        let remedy = "the data do not determine these parameters: take fewer units, or a ridge penalty";
        return Err(Error::NotPositiveDefinite {
            what: "statistics",
            found: point.eigenvalues()[0].f64(),
            remedy,
        });
    }
    let mut inverse = DMatrix::identity(p, p);
    for mut column in inverse.column_iter_mut() {
        kernel::cholesky_solve(factor.as_slice(), p, column.as_mut_slice());
    }
    if ridge == T::zero() {
        return Ok((inverse.clone(), inverse, T::of(p as f64)));
    }
    for i in risk.penalised_parameters().iter().cloned().flatten() {
        hessian[(i, i)] -= ridge * total;
    }
    let shrunk = &inverse * hessian;
    Ok((inverse.clone(), &shrunk * &inverse, shrunk.trace()))
}

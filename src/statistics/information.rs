//! The observed information of a risk, from its most accurate source.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::axes::ByAxes;
use crate::loss::Likelihood;
use crate::risk::{Design, Weighing};
use crate::{
    CriticalKind, CriticalPoint, EmpiricalRisk, Error, Model, Real, SecondOrderLoss, SecondOrderModel, kernel,
};

/// What is asked of the information, whether directions without curvature are allowed, and whether a penalty is a prior, so
/// that `H⁻¹` is the covariance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(super) what: &'static str,
    pub(super) allows_flat: bool,
    pub(super) by_prior: bool,
}

/// What the observed information says, in sums over samples. Nothing in it is squared that has a unit.
#[derive(Debug)]
pub(crate) struct Curvature<T: Real> {
    /// `A` with `A Aᵀ = H⁻¹`, penalty included.
    pub(crate) root: DMatrix<T>,
    /// A basis of the directions without curvature, where these are allowed (`p` rows).
    pub(crate) null: DMatrix<T>,
    /// `tr(H⁻¹ F)`, the parameters that the data still determine.
    pub(crate) effective: T,
    /// `σ` of each output, or what rounding leaves of it.
    pub(crate) sigma: DVector<T>,
    /// What rounding makes of a residual of each output, over `σ`.
    pub(crate) rounding: DVector<T>,
    pub(crate) errors: DVector<T>,
    pub(crate) correlation: DMatrix<T>,
    pub(crate) residual_variance: Option<DVector<T>>,
    pub(crate) degrees_of_freedom: Option<f64>,
    /// Pearson's statistic, where outputs do not meet.
    pub(crate) pearson: Option<T>,
    /// The parameters, output after output of each input, that only differences between outputs are known of.
    pub(crate) shifted: Range<usize>,
}

impl<T: Real> Curvature<T> {
    /// A likelihood without a variance to estimate: `σ = 1`, and the covariance `B Bᵀ`.
    pub(crate) fn known(root: DMatrix<T>, b: &DMatrix<T>, effective: T, rounding: DVector<T>) -> Self {
        let (errors, rows) = unit_rows(b);
        let sigma = DVector::repeat(rounding.len(), T::one());
        let (residual_variance, degrees_of_freedom, correlation) = (None, None, rows.tr_mul(&rows));
        let (shifted, null) = (0..0, DMatrix::zeros(root.nrows(), 0));
        Self {
            root,
            null,
            effective,
            sigma,
            rounding,
            errors,
            correlation,
            residual_variance,
            degrees_of_freedom,
            pearson: None,
            shifted,
        }
    }

    /// With a `σ` of each output, estimated from so many degrees of freedom; outputs that parameters are of take turns.
    pub(crate) fn estimated(self, sigma: &DVector<T>, left: T) -> Result<Self, Error> {
        representable("the residual variance", sigma)?;
        let (residual_variance, degrees) = (sigma.map(|sigma| sigma * sigma), left.f64());
        let curvature = self.measured(sigma);
        Ok(Self {
            errors: curvature.errors.map_with_location(|i, _, error| error * sigma[i % sigma.len()]),
            residual_variance: Some(residual_variance),
            degrees_of_freedom: Some(degrees),
            ..curvature
        })
    }

    /// With errors from second moments of the gradients of samples, of parameters measured in `lengths` times the `σ` of
    /// their output.
    pub(crate) fn sandwiched(self, moments: &DMatrix<T>, lengths: &DVector<T>) -> Self {
        let (p, k) = (lengths.len(), self.sigma.len());
        let deviations = DVector::from_fn(p, |i, _| moments[(i, i)].sqrt().max(self.rounding[i % k]));
        let errors = DVector::from_fn(p, |i, _| deviations[i] * lengths[i] * self.sigma[i % k]);
        let correlation = moments.map_with_location(|i, j, m| over(m, deviations[i] * deviations[j]));
        Self { errors, correlation, ..self }
    }

    /// With slopes measured in `σ` of each output.
    fn measured(self, sigma: &DVector<T>) -> Self {
        Self {
            rounding: self.rounding.zip_map(sigma, over),
            // where it is 0 all residuals are, whatever they are divided by
            sigma: sigma.map(|sigma| if sigma == T::zero() { T::one() } else { sigma }),
            ..self
        }
    }

    /// Of a loss that is no likelihood: `σ² = Σ (∂ℓ/∂z)² / Σ ∂²ℓ/∂z²` is what its slopes are measured by.
    fn in_units_of(mut self, scores: &Scores<T>) -> Self {
        self.rounding *= scores.bend();
        let sigma = (scores.slope.sqrt() / scores.bend()).max(self.rounding.max());
        let sigma = DVector::repeat(self.sigma.len(), sigma);
        self.measured(&sigma)
    }

    /// What belongs to parameters, those that are shifted with a mean of zero over the outputs.
    pub(crate) fn centred(&self, mut theta: DVector<T>) -> DVector<T> {
        let k = self.sigma.len();
        for first in self.shifted.clone().step_by(k) {
            let mean = theta.rows(first, k).mean();
            theta.rows_mut(first, k).add_scalar_mut(-mean);
        }
        theta
    }

    /// The rows of what belongs to parameters, those that are shifted less those of the first output.
    pub(crate) fn contrast(&self, mut rows: DMatrix<T>) -> DMatrix<T> {
        let k = self.sigma.len();
        for first in self.shifted.clone().step_by(k) {
            let reference = rows.row(first).into_owned();
            (first..first + k).for_each(|i| rows.row_mut(i).zip_apply(&reference, |row, r| *row -= r));
        }
        rows
    }
}

/// `x / y`, where `0 / 0` is 0.
pub(super) fn over<T: Real>(x: T, y: T) -> T {
    if x == T::zero() { x } else { x / y }
}

/// The lengths of the rows of a matrix, and its transposed with columns of length 1.
pub(crate) fn unit_rows<T: Real>(b: &DMatrix<T>) -> (DVector<T>, DMatrix<T>) {
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

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Of an affine model by reflections, of others from the dense Hessian.
    pub(super) fn information(
        &mut self, theta: &DVector<T>, question: Question,
    ) -> Result<Curvature<T>, Error> {
        let rounding = self.survey().rounding(theta)?;
        let scores = Scores::new(self, theta)?;
        let likelihood = self.loss().likelihood();
        let is_map = self.is_affine_map(theta);
        let mut known = match scores.are_apart && is_map {
            true if likelihood == Likelihood::Normal => return self.normal_map(theta, rounding),
            true => self.affine_map(theta, rounding)?,
            false => {
                let by = if is_map {
                    self.by_axes(theta, question.allows_flat)?
                } else {
                    self.by_parameters(theta)?
                };
                self.dense(theta, rounding, &by, scores.ignore_shifts, question)?
            }
        };
        let (total, k) = (self.total_weight(), known.sigma.len());
        known.pearson = scores.are_apart.then_some(scores.pearson * total);
        let residual = match likelihood {
            Likelihood::Known => {
                known.rounding *= scores.bend().max(T::one());
                return Ok(known);
            }
            Likelihood::None => return Ok(known.in_units_of(&scores)),
            Likelihood::Normal => self.survey().residual_moments(theta)?.trace().sqrt(),
            Likelihood::Dispersion => (scores.pearson * total).sqrt(),
        };
        let left = degrees(total * T::of(k as f64), known.effective)?;
        // one variance for all outputs
        let sigma = (residual / left.sqrt()).max(known.rounding.max());
        known.estimated(&DVector::repeat(k, sigma), left)
    }

    /// Whether the model says that it is `W x + b`.
    pub(super) fn is_affine_map(&self, theta: &DVector<T>) -> bool {
        self.is_affine() && self.told_inputs(theta) == Some(self.linear().inputs)
    }

    /// The inputs of the last map, if the model tells them, whatever the sample.
    fn told_inputs(&self, theta: &DVector<T>) -> Option<usize> {
        let (x, mut cache) = (DMatrix::zeros(self.model().inputs(), 1), self.model().cache(2));
        self.model().forward(theta, x.as_view(), &mut cache);
        self.model().affine_inputs(x.as_view(), &cache).map(|inputs| inputs.nrows())
    }

    /// Least squares: each output with a variance of its own, and residuals of different outputs may be correlated.
    fn normal_map(&mut self, theta: &DVector<T>, rounding: DVector<T>) -> Result<Curvature<T>, Error> {
        let k = self.model().outputs();
        let block = Block::new(self, Weighing::Shares)?;
        let left = degrees(self.total_weight(), block.effective)?;
        let moments = self.survey().residual_moments(theta)?;
        let sigma = DVector::from_fn(k, |o, _| {
            // the triangle is of targets with their offsets
            let told = block.residual.get(o).filter(|_| self.model().offsets() == 0);
            let residual = told.copied().unwrap_or_else(|| moments[(o, o)].sqrt());
            (residual / left.sqrt()).max(rounding[o])
        });
        let cosines = DMatrix::from_fn(k, k, |o, q| match o == q {
            true => T::one(),
            false => over(moments[(o.max(q), o.min(q))] / left / sigma[o], sigma[q]),
        });
        let effective = block.effective * T::of(k as f64);
        let mut known = Curvature::known(block.root, &block.covariance_root, effective, rounding);
        known.root = known.root.kronecker(&DMatrix::identity(k, k));
        known.null = DMatrix::zeros(known.root.nrows(), 0);
        known.errors = known.errors.kronecker(&DVector::repeat(k, T::one()));
        known.correlation = known.correlation.kronecker(&cosines);
        known.estimated(&sigma, left)
    }

    /// One block per output, for outputs do not meet.
    fn affine_map(&self, theta: &DVector<T>, rounding: DVector<T>) -> Result<Curvature<T>, Error> {
        let (k, p) = (self.model().outputs(), self.model().parameter_count());
        let mut root = DMatrix::zeros(p, p);
        let mut covariance_root = root.clone();
        let mut effective = T::zero();
        for o in 0..k {
            let block = Block::new(self, Weighing::Curvature(theta, o))?;
            let mut alone = DMatrix::zeros(k, k);
            alone[(o, o)] = T::one();
            root += block.root.kronecker(&alone);
            covariance_root += block.covariance_root.kronecker(&alone);
            effective += block.effective;
        }
        Ok(Curvature::known(root, &covariance_root, effective, rounding))
    }

    /// From the dense Hessian, where that is positive definite, its diagonal brought next to 1: `H = D⁻¹ (L Lᵀ) D⁻¹`.
    /// Where the loss ignores shifts of all scores, so does `H`, and gets a curvature along them that no difference sees.
    fn dense(
        &self, theta: &DVector<T>, rounding: DVector<T>, ByAxes { axes, hessian, data }: &ByAxes<T>,
        ignores_shifts: bool, question: Question,
    ) -> Result<Curvature<T>, Error> {
        let (p, total, k) = (theta.len(), self.total_weight(), rounding.len());
        let shifted = if ignores_shifts { self.shifted(theta) } else { 0..0 };
        let refused = |found: T| Error::NotPositiveDefinite {
            what: question.what,
            found: found.f64(),
            remedy: "fit to convergence first (`TrustRegion`); where it has converged the data do not determine these parameters: take fewer units, or a ridge penalty",
        };
        let root_at = |floor: T| {
            let least = floor * hessian.diagonal().amax();
            let mut scale = hessian.diagonal().map(|h| kernel::unit(h.abs().max(least).sqrt()));
            for first in shifted.clone().step_by(k) {
                let least = scale.rows(first, k).min();
                scale.rows_mut(first, k).fill(least);
            }
            let by_scale = |h: &DMatrix<T>| h.map_with_location(|i, j, h| h * (scale[i] * scale[j]));
            let (mut scaled, data) = (by_scale(hessian), data.as_ref().map(by_scale));
            for first in shifted.clone().step_by(k) {
                scaled.view_mut((first, first), (k, k)).add_scalar_mut(T::one() / T::of(k as f64));
            }
            let root = inverse_root(scaled, floor)?;
            Ok(root.map(|(inverse_root, null)| (scale, data, inverse_root, null)))
        };
        let root = match root_at(T::zero())? {
            Err(_) if question.allows_flat => root_at(T::EPSILON.sqrt())?,
            root => root,
        };
        let (scale, data, inverse_root, null) = root.map_err(refused)?;
        let scale = scale / total.sqrt();
        let rows = |a: &DMatrix<T>| {
            let scaled = a.map_with_location(|i, _, a| scale[i] * a);
            axes.as_ref().map_or_else(|| scaled.clone(), |axes| axes * &scaled)
        };
        let (root, null) = (rows(&inverse_root), rows(&null));
        let effective = T::of((root.ncols() - shifted.len() / k) as f64);
        let mut known = Curvature::known(root.clone(), &root, effective, rounding);
        (known.shifted, known.null) = (shifted, null);
        let Some(data) = data else {
            let (errors, rows) = unit_rows(&known.contrast(root));
            return Ok(Curvature { errors, correlation: rows.tr_mul(&rows), ..known });
        };
        let effective = inverse_root.component_mul(&(&data * &inverse_root)).sum().min(T::of(p as f64));
        if question.by_prior {
            return Ok(Curvature { effective, ..known });
        }
        // H⁻¹ F H⁻¹
        let inverse = &inverse_root * inverse_root.transpose();
        let (lengths, turn) = unit_rows(&rows(&DMatrix::identity(p, p)));
        let covariance = turn.tr_mul(&(&inverse * data * &inverse)) * &turn;
        let covariance = known.contrast(known.contrast(covariance).transpose());
        if let Some(variance) = covariance.diagonal().iter().find(|variance| !(**variance >= T::zero())) {
            return Err(refused(*variance));
        }
        let deviations = covariance.diagonal().map(|variance| variance.sqrt());
        let correlation = covariance.map_with_location(|i, j, c| over(over(c, deviations[i]), deviations[j]));
        let errors = deviations.component_mul(&lengths);
        Ok(Curvature { effective, errors, correlation, ..known })
    }

    /// The parameters of the last map, whose outputs take turns.
    fn shifted(&self, theta: &DVector<T>) -> Range<usize> {
        if self.told_inputs(theta).is_some() { self.model().affine_in() } else { 0..0 }
    }
}

/// `A` with `A Aᵀ = H⁻¹` of a positive definite matrix, and no column; or the least eigenvalue. With a `floor` of the root of
/// the pseudoinverse, and a basis of the directions with `|λ|` up to the floor, where no `λ` is less.
type Root<T> = Result<(DMatrix<T>, DMatrix<T>), T>;

fn inverse_root<T: Real>(mut hessian: DMatrix<T>, floor: T) -> Result<Root<T>, Error> {
    let p = hessian.nrows();
    if floor > T::zero() {
        let unfinished = Error::Factorization { what: "the eigenvalue iteration", iterations: p };
        let spectrum = kernel::spectrum(&hessian).ok_or(unfinished)?;
        let zero = spectrum.values.iter().filter(|value| **value <= floor).count();
        let mut root = spectrum.vectors.columns(zero, p - zero).into_owned();
        let values = spectrum.values.iter().skip(zero);
        root.column_iter_mut().zip(values).for_each(|(mut v, value)| v /= value.sqrt());
        let is_flat = spectrum.values[0] >= -floor;
        let null = spectrum.vectors.columns(0, zero).into_owned();
        return Ok(if is_flat { Ok((root, null)) } else { Err(spectrum.values[0]) });
    }
    let point = CriticalPoint::classify(&hessian)?;
    if point.kind != CriticalKind::Minimum || !kernel::cholesky(hessian.as_mut_slice(), p) {
        return Ok(Err(point.extremes().0));
    }
    // L⁻ᵀ
    let mut inverse = DMatrix::identity(p, p);
    hessian.solve_lower_triangular_mut(&mut inverse);
    Ok(Ok((inverse.transpose(), DMatrix::zeros(p, 0))))
}

/// What the loss says of the scores of all samples, times their shares.
struct Scores<T: Real> {
    /// Whether outputs do not meet, and no expected `∂²ℓ/∂z²` is negative.
    are_apart: bool,
    /// Whether adding a number to all scores of a sample changes no curvature.
    ignore_shifts: bool,
    /// `Σ (∂ℓ/∂z)²`.
    slope: T,
    /// `Σ (∂ℓ/∂z)² / (∂²ℓ/∂z²)`, where outputs do not meet: Pearson's statistic.
    pearson: T,
    /// `Σ ∂²ℓ/∂z²`.
    curvature: T,
}

impl<T: Real> Scores<T> {
    fn new<M: Model<T>, L: SecondOrderLoss<T>>(
        risk: &EmpiricalRisk<'_, T, M, L>, theta: &DVector<T>,
    ) -> Result<Self, Error> {
        let sums = risk.survey().score_moments(risk.loss(), theta)?;
        let [is_moved, meet, is_odd] = [3, 4, 5].map(|i| sums[i] != T::zero());
        let ignore_shifts = risk.model().outputs() > 1 && !is_moved;
        let are_apart = !(meet || is_odd || ignore_shifts);
        Ok(Self { are_apart, ignore_shifts, slope: sums[0], pearson: sums[1], curvature: sums[2] })
    }

    /// The root of the mean curvature, 1 where it is not known.
    fn bend(&self) -> T {
        if self.are_apart { self.curvature.sqrt() } else { T::one() }
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
    fn new<M: Model<T>, L: SecondOrderLoss<T>>(
        risk: &EmpiricalRisk<'_, T, M, L>, weighing: Weighing<'_, T>,
    ) -> Result<Self, Error> {
        let survey = risk.survey();
        let (design, asked) = (Design::new(&survey, weighing)?, (&survey, risk.loss() as _));
        let plain = design.triangle(asked)?;
        let unit = (design.unit * risk.total_weight()).sqrt();
        let residual: Vec<T> = (0..plain.outputs()).map(|o| plain.residual(o) * unit).collect();
        // F = SᵀS without the penalty, B = A (S A)ᵀ
        let data = (!design.ridge.is_empty()).then(|| plain.root());
        let inverse = design.inverse(asked, &design.penalised(plain))?;
        let shrunk = data.map(|root| root * &inverse);
        let root = design.inverse_root(inverse) / unit;
        let Some(shrunk) = shrunk else {
            let effective = T::of(root.nrows() as f64);
            return Ok(Self { covariance_root: root.clone(), root, effective, residual });
        };
        let effective = kernel::norm(shrunk.as_slice()).powi(2);
        Ok(Self { covariance_root: &root * shrunk.transpose(), root, effective, residual: Vec::new() })
    }
}

/// What `samples`, counted by their weights, leave beside the coefficients.
pub(crate) fn degrees<T: Real>(samples: T, coefficients: T) -> Result<T, Error> {
    let left = samples - coefficients;
    if left > T::EPSILON * T::of(64.0) * samples {
        return Ok(left);
    }
    Err(Error::DegreesOfFreedom { samples: samples.f64(), coefficients: coefficients.f64() })
}

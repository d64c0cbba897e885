//! The least-squares problem behind the risk of an affine model.

use std::iter;
use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::EmpiricalRisk;
use super::frame::{Frame, mean_squares, origins};
use super::recession::Active;
use crate::contract::{room, setting};
use crate::kernel::{self, Factor, Samples, Triangle};
use crate::loss::TargetView;
use crate::model::{Affine, Linear};
use crate::{Error, Hessian, Loss, Model, Perceptron, Real, Recession, SquaredError};

/// The rows of an affine model's least-squares problem. Equal weights are left out: they change nothing but the
/// scale, and `weight · unit` is what the risk gives a sample. Where there is a bias to take it up, features that are
/// far from zero are measured from an [`origin`](origins).
#[derive(Debug)]
pub(crate) struct Design<'a, T: Real> {
    x: DMatrixView<'a, T>,
    origin: Vec<T>,
    bias: bool,
    weights: Option<&'a [T]>,
    /// `λ / unit` for each coefficient that is penalised; empty without a penalty.
    pub(crate) ridge: Vec<T>,
    pub(crate) unit: T,
}

impl<'a, T: Real> Design<'a, T> {
    /// The batch of a risk of an affine model with its penalty; the weights are its shares, or these times the curvature of
    /// each sample.
    pub(crate) fn new<M: Model<T>, L: Loss<T>>(
        risk: &'a EmpiricalRisk<'_, T, M, L>, weights: &'a [T],
    ) -> Self {
        let (x, _, shares) = risk.present();
        let x = kernel::top(x, x.nrows() - risk.model.offsets());
        let bias = risk.model.parameter_count() > x.nrows() * risk.model.outputs();
        let origin = if bias { origins(x, shares) } else { Vec::new() };
        let equal = weights[0] > T::zero() && weights.iter().all(|weight| *weight == weights[0]);
        let (unit, weights) = if equal { (weights[0], None) } else { (T::one(), Some(weights)) };
        let p = x.nrows() + usize::from(bias);
        let mut ridge = vec![risk.ridge / unit; if risk.ridge == T::zero() { 0 } else { p }];
        if let (true, Some(last)) = (bias, ridge.last_mut()) {
            *last = T::zero();
        }
        Self { x, origin, bias, weights, ridge, unit }
    }

    pub(crate) fn samples<'s>(&'s self, y: DMatrixView<'s, T>) -> Samples<'s, T> {
        let (x, y) = (Factor::view(&self.x), Factor::view(&y));
        Samples { x, origin: &self.origin, bias: self.bias, y, weights: self.weights }
    }

    /// The triangular factor and the inverse of its [root](Triangle::root), where the samples and the penalty determine
    /// the coefficients.
    ///
    /// A column depends on those before it where its distance to their span is nothing but rounding of the terms that
    /// make it up. `ε (p + √m)` is what reflections and sums of `m` terms leave of an exact dependence. With `A` of
    /// columns `a_j` and the root `R`, the distance is `|R_jj|`, and the terms are `a_j` and those of
    /// `Σ_i<j (R⁻¹)_ij R_jj a_i`: none depends where `Σ_i |(R⁻¹)_ij| ‖a_i‖` is small beside the reciprocal of rounding.
    /// In doubt it is decided column by column, and then in `f64`.
    pub(crate) fn factorise(&self, samples: &Samples<'_, T>) -> Result<(Triangle<T>, DMatrix<T>), Error> {
        for ridge in &self.ridge {
            let expected = "small enough to be finite when summed over the samples";
            setting("ridge", expected, *ridge, ridge.is_finite())?;
        }
        let p = samples.coefficients();
        room::<T>("x", &[p, p.saturating_add(samples.outputs())])?;
        let triangle = kernel::factorise(samples, &self.ridge);
        let rounding = 4.0 * (p as f64 + (self.x.ncols() as f64).sqrt());
        let (root, inverse) = (triangle.root(), triangle.inverse_root());
        // a factor of 16 for the order of the columns, in which the bias stands first where it is decided
        if are_independent(&root, &inverse, T::of(0.0625 / (rounding * T::EPSILON.f64()))) {
            return Ok((triangle, inverse));
        }
        let decide = |root: &DMatrix<f64>, epsilon: f64| dependent(root, self.bias, rounding * epsilon);
        if decide(&root.map(Real::f64), T::EPSILON.f64()).is_empty() {
            return Ok((triangle, inverse));
        }
        let columns = decide(&self.root_in_double(samples)?, f64::EPSILON);
        if columns.is_empty() {
            return Ok((triangle, inverse));
        }
        Err(Error::RankDeficient { rank: p - columns.len(), expected: p, columns })
    }

    fn root_in_double(&self, samples: &Samples<'_, T>) -> Result<DMatrix<f64>, Error> {
        room::<f64>("x", &[self.x.nrows(), self.x.ncols()])?;
        let double = |numbers: &[T]| numbers.iter().map(|x| x.f64()).collect::<Vec<_>>();
        let (x, origin) = (self.x.map(Real::f64), double(&self.origin));
        let (weights, ridge) = (self.weights.map(double), double(&self.ridge));
        let (x, y) = (x.as_view(), Factor::new(&[], 0, x.ncols()));
        let (x, weights) = (Factor::view(&x), weights.as_deref());
        let samples = Samples { x, origin: &origin, bias: samples.bias, y, weights };
        Ok(kernel::factorise(&samples, &ridge).root())
    }

    /// The coefficients of features as they are, output after output, from those of features measured from their
    /// origins: `b ← b − oᵀw`.
    pub(crate) fn bring_back(&self, beta: &mut [T]) {
        let p = self.x.nrows() + usize::from(self.bias);
        for beta in beta.chunks_exact_mut(p) {
            if let Some((bias, w)) = beta.split_last_mut().filter(|_| self.bias) {
                *bias -= kernel::dot(&self.origin, w);
            }
        }
    }

    /// The inverse of a square root of `X W Xᵀ`, of features as they are, from that of features measured from their
    /// origins.
    pub(crate) fn inverse_root(&self, mut inverse: DMatrix<T>) -> DMatrix<T> {
        inverse.column_iter_mut().for_each(|mut column| self.bring_back(column.as_mut_slice()));
        inverse
    }
}

/// `Σ_i |(R⁻¹)_ij| ‖R_i‖ < limit` for all `j`.
fn are_independent<T: Real>(root: &DMatrix<T>, inverse: &DMatrix<T>, limit: T) -> bool {
    let lengths: Vec<T> = root.column_iter().map(|column| kernel::norm(column.as_slice())).collect();
    inverse.column_iter().all(|column| kernel::dot(column.abs().as_slice(), &lengths) < limit)
}

/// The columns that depend on those before them, and on the bias, which stands first here, so that what remains is
/// independent wherever features lie. What is dependent is left out of what later ones are compared with: it is rounding,
/// which points anywhere.
fn dependent(root: &DMatrix<f64>, bias: bool, tolerance: f64) -> Vec<usize> {
    let (mut kept, mut columns) = (Active::default(), Vec::new());
    let features = root.ncols() - usize::from(bias);
    for j in (features..root.ncols()).chain(0..features) {
        let length = kernel::norm(root.column(j).as_slice());
        let column = root.column(j) / length;
        let terms = kept.solve(&column).iter().fold(1.0, |sum, c| sum + c.abs());
        // a NaN is no independence
        if !(length > 0.0 && kept.add(column, 0.0, tolerance * terms)) {
            columns.push(j);
        }
    }
    columns
}

impl<T: Real, M: Model<T>, L: Loss<T> + Clone> EmpiricalRisk<'_, T, M, L> {
    /// The risk of the present batch in the coordinates of a [`Frame`], unless those are no gain. From a size of `√λ` down
    /// the penalty determines the weight of a feature.
    pub(crate) fn framed(&self) -> EmpiricalRisk<'_, T, M, L>
    where
        M: Affine<T> + Clone,
    {
        let (x, y, shares) = self.present();
        let frame = Frame::new(x, shares, self.model.outputs(), self.model.linear().bias, self.ridge.sqrt());
        let penalised = self.penalised.clone();
        self.alike(self.model.clone(), self.loss.clone(), y, penalised, frame).ridge(self.ridge)
    }

    /// The features of the present batch that are far from zero, or whose size is far from 1.
    pub(crate) fn unusual_features(&self) -> Vec<usize> {
        let (x, _, shares) = self.present();
        Frame::new(x, shares, 1, true, T::zero()).map_or_else(Vec::new, |frame| frame.unusual())
    }

    /// The same, known to have a minimum.
    pub(crate) fn with_minimum(self) -> Self {
        Self { verdict: Some(Recession::No), ..self }
    }

    /// `Σ_j w_j x_ij²` of each feature; in a frame, a bound for features next to 1.
    pub(crate) fn mean_squares(&self) -> Vec<T> {
        let (x, _, shares) = self.present();
        if self.frame.is_some() { vec![T::of(4.0); x.nrows()] } else { mean_squares(x, shares) }
    }

    /// Parameters of one output in these units have curvatures of one size, `1/√(Σ_j w_j x_ij² + λ/c)`; nothing is left to
    /// do in a frame, nor where a penalty holds more features than there are samples.
    pub(crate) fn units(&self, c: T) -> Vec<T>
    where
        M: Affine<T>,
    {
        let ((x, _, _), bias) = (self.present(), self.model.linear().bias);
        let mut units = vec![T::one(); x.nrows() + usize::from(bias)];
        if self.frame.is_none() && x.nrows() <= x.ncols() {
            let squares = self.mean_squares().into_iter().map(|square| square + self.ridge / c);
            let sized = units.iter_mut().zip(squares).filter(|(_, square)| *square > T::zero());
            sized.for_each(|(unit, square)| *unit = T::one() / square.sqrt());
        }
        units
    }

    /// `c X W Xᵀ + λ` in the parameters of one output, with `W` the shares: near the Hessian of each output of a loss
    /// whose curvature is about `c`.
    pub(crate) fn metric(&self, c: T) -> Result<DMatrix<T>, Error>
    where
        M: Affine<T>,
    {
        let linear = Linear { outputs: 1, ..self.model.linear() };
        let p = linear.parameter_count();
        room::<T>("second moments of the features", &[p, p])?;
        // whatever the targets are
        let (x, _, _) = self.present();
        let y = TargetView::Numbers(x.rows(0, 1));
        let penalised = iter::once(0..linear.inputs).collect();
        let frame = self.frame.as_ref().map(|frame| frame.with_outputs(1));
        let one = self.alike(Perceptron(linear), SquaredError, y, penalised, frame);
        let mut metric = DMatrix::zeros(p, p);
        one.ridge(self.ridge / c).hessian(&DVector::zeros(p), &mut metric);
        Ok(metric * c)
    }

    /// The same samples with their shares, for another model or in other coordinates.
    fn alike<'s, N: Model<T>, K: Loss<T>>(
        &'s self, model: N, loss: K, y: TargetView<'s, T>, penalised: Vec<Range<usize>>,
        frame: Option<Frame<T>>,
    ) -> EmpiricalRisk<'s, T, N, K> {
        let (x, _, shares) = self.present();
        let mut risk = EmpiricalRisk::unshared(model, loss, (x, y), penalised);
        (risk.batch.range, risk.batch.shares) = (0..shares.len(), shares.to_vec());
        risk.frame = frame;
        risk
    }
}

//! The least-squares problem behind the risk of an affine model.

use nalgebra::DMatrixView;

use super::EmpiricalRisk;
use crate::contract::{room, setting};
use crate::kernel::{self, Factor, Samples, Triangle};
use crate::model::Affine;
use crate::{Error, Loss, Model, Real};

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
    /// The batch of a risk with its penalty; the weights are its shares, or these times the curvature of each sample.
    pub(crate) fn new<M: Model<T> + Affine, L: Loss<T>>(
        risk: &'a EmpiricalRisk<'_, T, M, L>, weights: &'a [T],
    ) -> Self {
        let (x, _, _) = risk.present();
        let bias = risk.model.linear().bias;
        let equal = weights[0] > T::zero() && weights.iter().all(|weight| *weight == weights[0]);
        let (unit, weights) = if equal { (weights[0], None) } else { (T::one(), Some(weights)) };
        let p = x.nrows() + usize::from(bias);
        let mut ridge = vec![risk.ridge / unit; if risk.ridge == T::zero() { 0 } else { p }];
        if let (true, Some(last)) = (bias, ridge.last_mut()) {
            *last = T::zero();
        }
        Self { x, bias, weights, ridge, unit }
    }

    pub(crate) fn samples(&self, y: DMatrixView<'a, T>) -> Samples<'a, T> {
        Samples { x: Factor::view(&self.x), bias: self.bias, y: Factor::view(&y), weights: self.weights }
    }

    /// The triangular factor, where the samples and the penalty determine the coefficients.
    pub(crate) fn factorise(&self, samples: &Samples<'a, T>) -> Result<Triangle<T>, Error> {
        for ridge in &self.ridge {
            let expected = "small enough to be finite when summed over the samples";
            setting("ridge", expected, *ridge, ridge.is_finite())?;
        }
        let p = samples.coefficients();
        room::<T>("x", &[p, p.saturating_add(samples.outputs())])?;
        let triangle = kernel::factorise(samples, &self.ridge);
        self.check_rank(&triangle)?;
        Ok(triangle)
    }

    /// A column whose angle to the span of those before it is nothing but rounding depends on them. `ε (p + √m)` is
    /// what reflections and sums of `m` terms leave of an exact dependence; ill-conditioned data stay far above.
    fn check_rank(&self, triangle: &Triangle<T>) -> Result<(), Error> {
        let (n, m) = self.x.shape();
        let p = n + usize::from(self.bias);
        let tolerance = T::of(4.0 * (p as f64 + (m as f64).sqrt())) * T::EPSILON;
        // a NaN is no independence
        let dependent = |(j, sine): (usize, T)| if sine > tolerance { None } else { Some(j) };
        let mut columns: Vec<_> =
            triangle.independence().into_iter().enumerate().filter_map(dependent).collect();
        if columns.is_empty() {
            return Ok(());
        }
        let rank = p - columns.len();
        if self.bias && columns.last() == Some(&n) {
            // the bias came last, but a constant feature is what there is to remove
            let constant = |i: &usize| self.x.row(*i).iter().all(|x| *x == self.x[(*i, 0)]);
            if let Some(feature) = (0..n).find(constant) {
                columns.pop();
                columns.push(feature);
                columns.sort_unstable();
                columns.dedup();
            }
        }
        Err(Error::RankDeficient { rank, expected: p, columns })
    }
}

use nalgebra::{DMatrix, DVector};

use super::{LeastSquares, Residuals};
use crate::risk::Window;
use crate::{EmpiricalRisk, Model, Objective, Real, SquaredError};

/// The residuals of a risk with squared error, whose half sum of squares is the risk:
///
/// ```text
/// r = (√(w_j/Σw) (z_j − y_j) of every sample,  √λ W)
/// ```
pub(super) struct Samples<'r, 'a, T: Real, M: Model<T>> {
    risk: &'r mut EmpiricalRisk<'a, T, M, SquaredError>,
    cache: M::Cache,
    targets: DMatrix<T>,
    delta: DMatrix<T>,
    gradient: DVector<T>,
}

/// Samples at a time where residuals are all that is wanted.
const WIDTH: usize = 256;

impl<'r, 'a, T: Real, M: Model<T>> Samples<'r, 'a, T, M> {
    pub(super) fn new(risk: &'r mut EmpiricalRisk<'a, T, M, SquaredError>) -> Self {
        let (k, p, y) = (risk.model().outputs(), risk.dim(), risk.present().y);
        // one sample in a cache for two: whatever the scores, there is one column of them
        let width = y.len().clamp(2, WIDTH);
        let (cache, targets) = (risk.model().cache(width), y.room(k, width));
        Self { risk, cache, targets, delta: DMatrix::zeros(k, 1), gradient: DVector::zeros(p) }
    }

    /// The parameters that are penalised, with `√λ`, in the order of their rows, which follow those of the samples.
    fn penalties(&self) -> impl Iterator<Item = (usize, usize, T)> {
        let y = self.risk.present().y;
        let root = self.risk.penalty_strength().sqrt();
        let runs = if root > T::zero() { self.risk.penalised_parameters() } else { &[] };
        let first = y.len() * self.risk.model().outputs();
        runs.iter().flat_map(Clone::clone).enumerate().map(move |(row, i)| (first + row, i, root))
    }
}

impl<T: Real, M: Model<T>> Residuals<T> for Samples<'_, '_, T, M> {
    fn dim(&self) -> usize {
        self.risk.dim()
    }

    fn count(&self) -> usize {
        let y = self.risk.present().y;
        y.len() * self.risk.model().outputs() + self.penalties().count()
    }

    fn residuals(&mut self, theta: &DVector<T>, residuals: &mut DVector<T>) {
        let (k, Window { x, y, shares, .. }) = (self.risk.model().outputs(), self.risk.present());
        for first in (0..y.len()).step_by(WIDTH) {
            let range = first..y.len().min(first + WIDTH);
            let z = self.risk.model().forward(theta, x.columns_range(range.clone()), &mut self.cache);
            let part = y.columns(range.clone());
            let y = part.dense(&mut self.targets);
            if z.shape() != y.shape() {
                return residuals.fill(T::NAN); // a model of one's own has other scores
            }
            let rows = residuals.as_mut_slice()[range.start * k..].iter_mut();
            for (i, ((row, z), y)) in rows.zip(z.iter()).zip(y.iter()).enumerate() {
                let share = shares[first + i / k];
                *row = if share == T::zero() { share } else { share.sqrt() * (*z - *y) };
            }
        }
        self.penalties().for_each(|(row, i, root)| residuals[row] = root * theta[i]);
    }

    fn jacobian(&mut self, theta: &DVector<T>, jacobian: &mut DMatrix<T>) {
        let (k, Window { x, shares, .. }) = (self.risk.model().outputs(), self.risk.present());
        jacobian.fill(T::zero());
        for (j, share) in shares.iter().enumerate().filter(|(_, share)| **share > T::zero()) {
            let x = x.columns(j, 1);
            self.risk.model().forward(theta, x, &mut self.cache);
            for o in 0..k {
                self.delta.fill(T::zero());
                self.delta[o] = share.sqrt();
                self.gradient.fill(T::zero());
                let (delta, cache) = (self.delta.as_view(), &mut self.cache);
                self.risk.model().backward(theta, x, delta, cache, &mut self.gradient);
                if self.gradient.len() != theta.len() {
                    return jacobian.fill(T::NAN); // a model of one's own replaced it
                }
                jacobian.row_mut(j * k + o).tr_copy_from(&self.gradient);
            }
        }
        self.penalties().for_each(|(row, i, root)| jacobian[(row, i)] = root);
    }
}

/// The least-squares problem of a risk.
pub(super) fn squares<'r, 'a, T: Real, M: Model<T>>(
    risk: &'r mut EmpiricalRisk<'a, T, M, SquaredError>,
) -> LeastSquares<T, Samples<'r, 'a, T, M>> {
    LeastSquares::new(Samples::new(risk))
}

//! The set of active rows of Lawson and Hanson's algorithm.

use nalgebra::DVector;

use crate::kernel;

/// The active rows, of norm 1, as `Q R`, with their weights.
#[derive(Default)]
pub(in crate::risk) struct Active {
    rows: Vec<DVector<f64>>,
    q: Vec<DVector<f64>>,
    /// Columns of `R`.
    r: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Active {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// `v ← v − Q Qᵀ v`, twice; returns `Qᵀ v`.
    pub(super) fn project(&self, v: &mut DVector<f64>) -> Vec<f64> {
        let mut parts = vec![0.0; self.q.len()];
        for _ in 0..2 {
            for (sum, q) in parts.iter_mut().zip(&self.q) {
                let part = kernel::dot(q.as_slice(), v.as_slice());
                kernel::axpy(-part, q.as_slice(), v.as_mut_slice());
                *sum += part;
            }
        }
        parts
    }

    /// False, and nothing added, where no more than `least` of the row is independent of the others.
    pub(in crate::risk) fn add(&mut self, row: DVector<f64>, weight: f64, least: f64) -> bool {
        let mut q = row.clone();
        let mut column = self.project(&mut q);
        let rest = kernel::norm(q.as_slice());
        if rest <= least {
            return false;
        }
        column.push(rest);
        self.rows.push(row);
        self.q.push(q / rest);
        self.r.push(column);
        self.weights.push(weight);
        true
    }

    fn remove(&mut self, i: usize) {
        let rows = self.rows.split_off(i);
        let weights = self.weights.split_off(i);
        self.q.truncate(i);
        self.r.truncate(i);
        for (row, weight) in rows.into_iter().zip(weights).skip(1) {
            self.add(row, weight, 0.0);
        }
    }

    /// `1 / min |R_ii|`.
    pub(super) fn condition(&self) -> f64 {
        1.0 / self.r.iter().fold(1.0, |least: f64, column| least.min(column[column.len() - 1]))
    }

    /// `R λ = −Qᵀ e`.
    pub(in crate::risk) fn solve(&self, e: &DVector<f64>) -> Vec<f64> {
        let mut weights: Vec<_> = self.q.iter().map(|q| -kernel::dot(q.as_slice(), e.as_slice())).collect();
        for i in (0..weights.len()).rev() {
            let (above, from) = weights.split_at_mut(i);
            from[0] /= self.r[i][i];
            kernel::axpy(-from[0], &self.r[i][..i], above);
        }
        weights
    }

    /// The weights that minimise, rows being dropped where theirs would be negative.
    pub(super) fn balance(&mut self, e: &DVector<f64>) {
        loop {
            let best = self.solve(e);
            let mut first = (1.0, None);
            for (i, (now, best)) in
                self.weights.iter().zip(&best).enumerate().filter(|(_, (_, best))| **best <= 0.0)
            {
                let step = if *now > 0.0 { now / (now - best) } else { 0.0 };
                if first.1.is_none() || step < first.0 {
                    first = (step, Some(i));
                }
            }
            let (step, dropped) = first;
            self.weights.iter_mut().zip(&best).for_each(|(now, best)| *now += step * (best - *now));
            let Some(i) = dropped else { return };
            self.remove(i);
        }
    }
}

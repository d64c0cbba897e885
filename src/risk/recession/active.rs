//! The set of active rows of Lawson and Hanson's algorithm.

use nalgebra::DVector;

use crate::kernel;

/// The active rows, of norm 1, as `Q R`, with their weights.
#[derive(Default)]
pub(in crate::risk) struct Active(Vec<Row>);

struct Row {
    row: DVector<f64>,
    /// A column of `Q`.
    q: DVector<f64>,
    /// A column of `R`.
    r: Vec<f64>,
    weight: f64,
}

impl Active {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// `v ← v − Q Qᵀ v`, twice; returns `Qᵀ v`.
    pub(super) fn project(&self, v: &mut DVector<f64>) -> Vec<f64> {
        let mut parts = vec![0.0; self.len()];
        for _ in 0..2 {
            for (sum, Row { q, .. }) in parts.iter_mut().zip(&self.0) {
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
        let mut r = self.project(&mut q);
        let rest = kernel::norm(q.as_slice());
        r.push(rest);
        let is_dependent = rest <= least;
        if !is_dependent {
            self.0.push(Row { row, q: q / rest, r, weight });
        }
        !is_dependent
    }

    fn remove(&mut self, i: usize) {
        for Row { row, weight, .. } in self.0.split_off(i).into_iter().skip(1) {
            self.add(row, weight, 0.0);
        }
    }

    /// `1 / min |R_ii|`.
    pub(super) fn condition(&self) -> f64 {
        1.0 / self.0.iter().fold(1.0, |least: f64, row| least.min(row.r[row.r.len() - 1]))
    }

    /// `R λ = −Qᵀ e`.
    pub(in crate::risk) fn solve(&self, e: &DVector<f64>) -> Vec<f64> {
        let mut weights: Vec<_> =
            self.0.iter().map(|row| -kernel::dot(row.q.as_slice(), e.as_slice())).collect();
        for (i, Row { r, .. }) in self.0.iter().enumerate().rev() {
            let (above, from) = weights.split_at_mut(i);
            from[0] /= r[i];
            kernel::axpy(-from[0], &r[..i], above);
        }
        weights
    }

    /// The weights that minimise, rows being dropped where theirs would be negative.
    pub(super) fn balance(&mut self, e: &DVector<f64>) {
        loop {
            let best = self.solve(e);
            let mut first = (1.0, None);
            for (i, (Row { weight: now, .. }, best)) in self.0.iter().zip(&best).enumerate() {
                let step = if *now > 0.0 { now / (now - best) } else { 0.0 };
                if *best <= 0.0 && (first.1.is_none() || step < first.0) {
                    first = (step, Some(i));
                }
            }
            let (step, dropped) = first;
            self.0.iter_mut().zip(&best).for_each(|(row, best)| row.weight += step * (best - row.weight));
            let Some(i) = dropped else { return };
            self.remove(i);
        }
    }
}

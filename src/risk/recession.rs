//! Whether the risk falls for ever in the parameters in which the scores are affine: separation, complete or not
//! (Albert and Anderson, *On the existence of maximum likelihood estimates in logistic regression models*, 1984).
//!
//! Along `d` the scores of sample `j` move by `r = J_j d`, and its loss falls for ever, or stays, where the least of its
//! margins is not negative. Each is linear, `aᵀd` with the row `a = J_jᵀ ∂margin/∂r`. So the risk recedes along `d` if
//! `aᵀd ≥ 0` for all rows and `> 0` for one. With `e` the sum of all rows,
//!
//! ```text
//! min ‖e + Σ λ a‖,   λ ≥ 0
//! ```
//!
//! decides (Lawson and Hanson, *Solving least squares problems*, 1974, ch. 23). A residual `d ≠ 0` has `aᵀd ≥ 0` for all
//! rows and `eᵀd = ‖d‖² > 0`. If there is none, then `Σ (1 + λ) a = 0` with positive weights on all rows: where none of
//! their `aᵀd` is negative, all are zero.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::EmpiricalRisk;
use crate::kernel::{self, Factor};
use crate::{Loss, Model, Real, Recession};

/// Samples that are looked at together: the worst of them on the wrong side becomes active.
const BLOCK: usize = 64;
/// Samples per parameter that are tried first: where these overlap in all directions, so do all.
const TRIED_FIRST: usize = 8;

/// What the rows of some samples say.
enum Verdict {
    /// There is no such direction.
    Overlap {
        /// Nor is there one for more samples: active rows span all directions.
        spans: bool,
    },
    Along(DVector<f64>),
    Undecided,
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Of an affine model the verdict depends on the data alone, and is kept.
    pub(super) fn seek_recession(&mut self, theta: &DVector<T>) -> Recession<T> {
        if theta.len() != self.model.parameter_count() || !kernel::all_finite(theta.as_slice()) {
            return Recession::NotSought;
        }
        if let Some(verdict) = self.verdict.clone().filter(|_| self.is_affine()) {
            return verdict;
        }
        let verdict = self.decide(theta);
        self.verdict = Some(verdict.clone());
        verdict
    }

    fn decide(&self, theta: &DVector<T>) -> Recession<T> {
        let Some(mut cone) = Cone::new(self, theta) else { return Recession::NotSought };
        if cone.free.is_empty() {
            return Recession::No;
        }
        let all: Vec<_> = (0..self.batch.len()).step_by(BLOCK).map(|start| cone.block(start)).collect();
        let share = all.len() / (TRIED_FIRST * cone.rows).div_ceil(BLOCK).max(4);
        if share > 1 {
            let some: Vec<_> = all.iter().step_by(share).cloned().collect();
            if let Verdict::Overlap { spans: true } = cone.judge(&some) {
                return Recession::No;
            }
        }
        match cone.judge(&all) {
            Verdict::Overlap { .. } => Recession::No,
            Verdict::Along(direction) => Recession::Along(cone.parameters(&direction)),
            Verdict::Undecided => Recession::Undecided,
        }
    }
}

/// The rows of the samples, one block of them at a time.
///
/// With `B_j` the inputs `ã` of a sample, and a 1 for the bias, the scores `D B_j` of a direction `D` (`k × inputs`,
/// then the bias) are those of an affine map; the row of `∂margin/∂r = u` is `u B_jᵀ`. Of a model that does not say so
/// `B_j` is `J_jᵀ`, with `D` a single row, and so is `uᵀ`.
///
/// Inputs are measured in the power of two next to their size, from a sample where all lie within a factor of two of
/// each other: both are exact.
struct Cone<'r, 'a, T: Real, M: Model<T>, L> {
    risk: &'r EmpiricalRisk<'a, T, M, L>,
    theta: &'r DVector<T>,
    cache: M::Cache,
    /// The parameters, in their order in `θ`, that no penalty holds.
    free: Vec<usize>,
    /// Inputs, if the model tells them.
    inputs: Option<usize>,
    /// Rows of `B_j`.
    rows: usize,
    origin: Vec<f64>,
    scale: Vec<f64>,
}

impl<'r, 'a, T: Real, M: Model<T>, L: Loss<T>> Cone<'r, 'a, T, M, L> {
    /// Nothing where no parameters move scores, or no sample says how its loss falls.
    fn new(risk: &'r EmpiricalRisk<'a, T, M, L>, theta: &'r DVector<T>) -> Option<Self> {
        let (range, k) = (risk.model.affine_in(), risk.model.outputs());
        let is_held = |i: &usize| risk.ridge != T::zero() && risk.penalised.iter().any(|run| run.contains(i));
        let free: Vec<_> = range.clone().filter(|i| !is_held(i)).collect();
        let mut cache = risk.model.cache(BLOCK);
        let (x, y, shares) = risk.part(0..risk.batch.len());
        let (mut scratch, mut is_told) = (Scratch::new(k), false);
        for j in (0..y.ncols()).filter(|j| shares[*j] > T::zero()) {
            units(&risk.loss, y.column(j).as_slice(), &mut scratch, |margin, _| {
                is_told |= margin != -T::one()
            });
            if is_told {
                break;
            }
        }
        if range.is_empty() || !is_told {
            return None;
        }
        risk.model.forward(theta, x.columns(0, 1), &mut cache);
        let told = risk.model.affine_inputs(x.columns(0, 1), &cache).map(|inputs| inputs.nrows());
        let has_bias = |n: usize| range.len() == k * (n + 1);
        let inputs = told.and_then(|n| match free.len() {
            l if l == range.len() => Some(n),
            l if l == k && has_bias(n) && free[0] + k == range.end => Some(0),
            _ => None,
        });
        let rows = inputs.map_or(free.len(), |_| free.len() / k);
        let (origin, scale) = (vec![0.0; rows], vec![1.0; rows]);
        Some(Self { risk, theta, cache, free, inputs, rows, origin, scale })
    }

    fn block(&self, start: usize) -> Range<usize> {
        start..self.risk.batch.len().min(start + BLOCK)
    }

    /// Rows of `D`.
    fn height(&self) -> usize {
        self.inputs.map_or(1, |_| self.risk.model.outputs())
    }

    /// `B` of a block, its samples side by side.
    fn gather(&mut self, block: Range<usize>) -> DMatrix<f64> {
        let (x, _, _) = self.risk.part(block.clone());
        let model = &self.risk.model;
        let mut b = DMatrix::repeat(self.rows, x.ncols() * model.outputs() / self.height(), 1.0);
        if let Some(n) = self.inputs {
            if !self.risk.is_affine() {
                model.forward(self.theta, x, &mut self.cache);
            }
            let told = model.affine_inputs(x, &self.cache).unwrap_or(x);
            for (mut b, inputs) in b.column_iter_mut().zip(told.column_iter()) {
                b.iter_mut().zip(inputs.iter()).take(n).for_each(|(b, x)| *b = x.f64());
            }
        } else {
            let mut gradient = DVector::zeros(self.theta.len());
            for (s, mut b) in b.column_iter_mut().enumerate() {
                let (j, output, k) = (s / model.outputs(), s % model.outputs(), model.outputs());
                let delta = DMatrix::from_fn(k, 1, |i, _| if i == output { T::one() } else { T::zero() });
                model.forward(self.theta, x.columns(j, 1), &mut self.cache);
                gradient.fill(T::zero());
                model.backward(self.theta, x.columns(j, 1), delta.as_view(), &mut self.cache, &mut gradient);
                b.iter_mut().zip(&self.free).for_each(|(b, i)| *b = gradient[*i].f64());
            }
        }
        for mut b in b.column_iter_mut() {
            for (b, (origin, scale)) in b.iter_mut().zip(self.origin.iter().zip(&self.scale)) {
                *b = (*b - origin) * scale;
            }
        }
        b
    }

    /// Chooses origin and scale of each input.
    fn frame(&mut self, blocks: &[Range<usize>]) {
        (self.origin, self.scale) = (vec![0.0; self.rows], vec![1.0; self.rows]);
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); self.rows];
        let first = self.gather(blocks[0].clone());
        for block in blocks {
            for b in self.gather(block.clone()).column_iter() {
                ends.iter_mut().zip(b.iter()).for_each(|(e, b)| *e = (e.0.min(*b), e.1.max(*b)));
            }
        }
        // only where there is a bias to take up what is subtracted
        let shifted = self.inputs.filter(|n| *n < self.rows).unwrap_or(0);
        for (i, (low, high)) in ends.into_iter().enumerate() {
            let is_far = i < shifted
                && low * high > 0.0
                && low.abs().max(high.abs()) <= 2.0 * low.abs().min(high.abs());
            self.origin[i] = if is_far { first[(i, 0)] } else { 0.0 };
            let size = (low - self.origin[i]).abs().max((high - self.origin[i]).abs());
            self.scale[i] =
                if size > 0.0 { (-size.log2().round()).clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        }
    }

    /// The direction in the parameters themselves, of size 1.
    fn parameters(&self, direction: &DVector<f64>) -> DVector<T> {
        let (height, last) = (self.height(), self.rows - 1);
        let mut d = DMatrix::from_column_slice(height, self.rows, direction.as_slice());
        for i in 0..self.rows {
            d.column_mut(i).scale_mut(self.scale[i]);
            if self.origin[i] != 0.0 {
                let moved = d.column(i) * self.origin[i];
                d.column_mut(last).zip_apply(&moved, |b, moved| *b -= moved);
            }
        }
        let size = kernel::norm_inf(d.as_slice());
        let mut out = DVector::zeros(self.theta.len());
        self.free.iter().zip(d.iter()).for_each(|(i, d)| out[*i] = T::of(d / size));
        out
    }

    /// The free parameters of `θ` as a direction.
    fn direction(&self) -> DVector<f64> {
        let (height, last) = (self.height(), self.rows - 1);
        let theta = self.free.iter().map(|i| self.theta[*i].f64());
        let mut d = DMatrix::from_iterator(height, self.rows, theta);
        for i in 0..self.rows {
            if self.origin[i] != 0.0 {
                let moved = d.column(i) * self.origin[i];
                d.column_mut(last).zip_apply(&moved, |b, moved| *b += moved);
            }
            d.column_mut(i).unscale_mut(self.scale[i]);
        }
        let norm = kernel::norm(d.as_slice()).max(f64::MIN_POSITIVE);
        DVector::from_iterator(d.len(), d.iter().map(|d| d / norm))
    }

    /// Calls `each` with number, targets and `B_j` of every sample of a block that has a weight.
    fn each(&mut self, block: &Range<usize>, mut each: impl FnMut(usize, &[T], &[f64])) {
        let b = self.gather(block.clone());
        let (_, y, shares) = self.risk.part(block.clone());
        let columns = b.ncols() / y.ncols();
        for j in (0..y.ncols()).filter(|j| shares[*j] > T::zero()) {
            let size = columns * self.rows;
            each(j, y.column(j).as_slice(), &b.as_slice()[j * size..][..size]);
        }
    }

    /// `e`, the sum of all rows with positive weights, and how many there are.
    fn sum(&mut self, blocks: &[Range<usize>]) -> (DVector<f64>, f64) {
        let (loss, height, rows) = (&self.risk.loss, self.height(), self.rows);
        let (mut e, mut count) = (DVector::zeros(height * rows), 0.0);
        let mut scratch = Scratch::new(self.risk.model.outputs());
        let (mut u, mut row) = (vec![0.0; scratch.r.len()], e.clone());
        for block in blocks {
            self.each(block, |_, y, b| {
                u.fill(0.0);
                units(loss, y, &mut scratch, |margin, row| {
                    if margin < T::zero() {
                        let norm = row.iter().fold(0.0, |sum, u| sum + u.f64() * u.f64()).sqrt();
                        u.iter_mut().zip(row).for_each(|(sum, u)| *sum += u.f64() / norm);
                        count += 1.0;
                    }
                });
                outer(&u, b, rows, row.as_mut_slice());
                let size = kernel::norm(b);
                kernel::axpy(if size > 0.0 { 1.0 / size } else { 0.0 }, row.as_slice(), e.as_mut_slice());
            });
        }
        (e, count)
    }

    /// The worst row of the first block, from `cursor` on and round, in which a sample that has not been passed over
    /// has a margin along `d` below `−tolerance` of its row's norm.
    fn violator(
        &mut self,
        d: &DVector<f64>,
        blocks: &[Range<usize>],
        cursor: &mut usize,
        tolerance: f64,
        passed: &[(usize, usize)],
    ) -> Option<Violator> {
        let (loss, height, rows) = (&self.risk.loss, self.height(), self.rows);
        let mut scratch = Scratch::new(self.risk.model.outputs());
        let (mut r, mut u, mut row) = (vec![0.0; scratch.r.len()], vec![0.0; scratch.r.len()], d.clone());
        let d = Factor::new(d.as_slice(), height, rows);
        for _ in 0..blocks.len() {
            let (mut worst, at) = (None::<Violator>, *cursor % blocks.len());
            self.each(&blocks[at], |j, y, b| {
                kernel::product(1.0, d, Factor::new(b, rows, b.len() / rows), 0.0, &mut r);
                let margin = least(loss, y, &r, &mut u, &mut scratch);
                if margin >= 0.0 || passed.contains(&(at, j)) {
                    return;
                }
                outer(&u, b, rows, row.as_mut_slice());
                let norm = kernel::norm(row.as_slice());
                let margin = margin / norm;
                if margin < -tolerance && worst.as_ref().is_none_or(|worst| margin < worst.margin) {
                    worst = Some(Violator { margin, at: (at, j), row: &row / norm });
                }
            });
            if worst.is_some() {
                return worst;
            }
            *cursor = at + 1;
        }
        None
    }

    /// Lawson and Hanson's algorithm on the rows of some samples.
    fn judge(&mut self, blocks: &[Range<usize>]) -> Verdict {
        self.frame(blocks);
        let (mut e, count) = self.sum(blocks);
        let (p, norm, mut cursor) = (e.len() as f64, kernel::norm(e.as_slice()), 0);
        let rounding = p.sqrt() * f64::EPSILON;
        if norm <= p * f64::EPSILON * count {
            return Verdict::Overlap { spans: false };
        }
        e.unscale_mut(norm);
        let known = self.direction();
        if kernel::dot(known.as_slice(), e.as_slice()) > 0.0
            && self.violator(&known, blocks, &mut cursor, rounding, &[]).is_none()
        {
            return Verdict::Along(known);
        }
        let (mut active, mut passed, mut is_stuck) = (Active::default(), Vec::new(), false);
        for _ in 0..4 * e.len() + 8 {
            let mut d = e.clone();
            active.project(&mut d);
            let length = kernel::norm(d.as_slice());
            let spans = active.rows.len() == e.len();
            if length <= p * f64::EPSILON || spans {
                // positive weights are left on all rows whatever the rounding
                let is_sure = active.condition() * p * f64::EPSILON * norm < 0.125;
                return if is_sure { Verdict::Overlap { spans } } else { Verdict::Undecided };
            }
            d.unscale_mut(length);
            let doubt = active.condition() * rounding;
            let Some(Violator { margin, at, row }) =
                self.violator(&d, blocks, &mut cursor, rounding, &passed)
            else {
                // the mean of the margins along d is far beyond what rounding makes of the least
                let is_sure = !is_stuck && 1e3 * doubt < length * norm / count;
                return if is_sure { Verdict::Along(d) } else { Verdict::Undecided };
            };
            // in doubt, a row in the span of the active ones has a margin of zero
            let is_doubtful = margin >= -doubt;
            if active.add(row, 0.0, if is_doubtful { doubt } else { rounding }) {
                active.balance(&e);
                passed.clear();
                is_stuck = false;
            } else {
                passed.push(at);
                is_stuck |= !is_doubtful;
            }
        }
        Verdict::Undecided
    }
}

/// A row of norm 1 with a negative margin, and which block and sample it is of.
struct Violator {
    margin: f64,
    at: (usize, usize),
    row: DVector<f64>,
}

/// Room for a direction of the scores and a row.
struct Scratch<T> {
    r: Vec<T>,
    row: Vec<T>,
}

impl<T: Real> Scratch<T> {
    fn new(outputs: usize) -> Self {
        Self { r: vec![T::zero(); outputs], row: vec![T::zero(); outputs] }
    }
}

/// Hands out the margins of a sample in the directions `± e_i` of its scores, with their rows.
fn units<T: Real, L: Loss<T>>(
    loss: &L,
    y: &[T],
    Scratch { r, row }: &mut Scratch<T>,
    mut hand: impl FnMut(T, &[T]),
) {
    r.fill(T::zero());
    for i in 0..y.len() {
        for side in [T::one(), -T::one()] {
            r[i] = side;
            hand(loss.margin(y, r, row), row);
        }
        r[i] = T::zero();
    }
}

/// The least margin along `r`, the product with it of the row in `u`.
fn least<T: Real, L: Loss<T>>(loss: &L, y: &[T], r: &[f64], u: &mut [f64], scratch: &mut Scratch<T>) -> f64 {
    let product = |row: &[T]| row.iter().zip(r).fold(0.0, |sum, (u, r)| sum + u.f64() * r);
    let mut take = |row: &[T]| u.iter_mut().zip(row).for_each(|(u, row)| *u = row.f64());
    scratch.r.iter_mut().zip(r).for_each(|(rounded, r)| *rounded = T::of(*r));
    loss.margin(y, &scratch.r, &mut scratch.row);
    let mut margin = product(&scratch.row);
    take(&scratch.row);
    if T::EPSILON.f64() > f64::EPSILON {
        // rounded scores may choose another row than the least
        units(loss, y, scratch, |side, row| {
            if side < T::zero() && product(row) < margin {
                margin = product(row);
                take(row);
            }
        });
    }
    margin
}

/// `u Bᵀ`, for `u` of as many columns as `B` has, and `B` of `rows`.
fn outer(u: &[f64], b: &[f64], rows: usize, row: &mut [f64]) {
    let columns = b.len() / rows;
    let u = Factor::new(u, u.len() / columns, columns);
    kernel::product(1.0, u, Factor::new(b, rows, columns).t(), 0.0, row);
}

/// The active rows, of norm 1, as `Q R`, with their weights.
#[derive(Default)]
struct Active {
    rows: Vec<DVector<f64>>,
    q: Vec<DVector<f64>>,
    /// Columns of `R`.
    r: Vec<Vec<f64>>,
    weights: Vec<f64>,
}

impl Active {
    /// `v ← v − Q Qᵀ v`, twice; returns `Qᵀ v`.
    fn project(&self, v: &mut DVector<f64>) -> Vec<f64> {
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
    fn add(&mut self, row: DVector<f64>, weight: f64, least: f64) -> bool {
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
    fn condition(&self) -> f64 {
        1.0 / self.r.iter().fold(1.0, |least: f64, column| least.min(column[column.len() - 1]))
    }

    /// `R λ = −Qᵀ e`.
    fn solve(&self, e: &DVector<f64>) -> Vec<f64> {
        let mut weights: Vec<_> = self.q.iter().map(|q| -kernel::dot(q.as_slice(), e.as_slice())).collect();
        for i in (0..weights.len()).rev() {
            let (above, from) = weights.split_at_mut(i);
            from[0] /= self.r[i][i];
            kernel::axpy(-from[0], &self.r[i][..i], above);
        }
        weights
    }

    /// The weights that minimise, rows being dropped where theirs would be negative.
    fn balance(&mut self, e: &DVector<f64>) {
        loop {
            let best = self.solve(e);
            let mut first = (1.0, None);
            for (i, (now, best)) in
                self.weights.iter().zip(&best).enumerate().filter(|(_, (_, best))| **best <= 0.0)
            {
                let step = now / (now - best);
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

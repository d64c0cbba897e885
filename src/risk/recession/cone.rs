//! The rows of margins, and which of them a direction is on the wrong side of.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use crate::kernel::{self, Factor};
use crate::risk::EmpiricalRisk;
use crate::{Loss, Model, Real};

/// Samples that are looked at together: the worst of them on the wrong side becomes active.
pub(super) const BLOCK: usize = 64;
/// Samples in one product of a Newton step.
pub(super) const WIDE: usize = 512;

/// The rows of the samples, one block of them at a time.
///
/// With `B_j` the inputs `ã` of a sample, and a 1 for the bias, the scores `D B_j` of a direction `D` (`k × inputs`,
/// then the bias) are those of an affine map; the row of `∂margin/∂r = u` is `u B_jᵀ`. Of a model that does not say so
/// `B_j` is `J_jᵀ`, with `D` a single row, and so is `uᵀ`.
///
/// Inputs are measured in the power of two next to their size, from a sample where all lie within a factor of two of
/// each other: both are exact.
pub(super) struct Cone<'r, 'a, T: Real, M: Model<T>, L> {
    pub(super) risk: &'r EmpiricalRisk<'a, T, M, L>,
    theta: &'r DVector<T>,
    cache: M::Cache,
    /// Targets of a block, where they are classes.
    pub(super) targets: DMatrix<T>,
    /// The parameters, in their order in `θ`, that no penalty holds.
    pub(super) free: Vec<usize>,
    /// Inputs, if the model tells them.
    pub(super) inputs: Option<usize>,
    /// Rows of `B_j`.
    pub(super) rows: usize,
    /// Whether every row of every sample is the same along equal changes of all scores, namely nothing.
    pub(super) is_flat: bool,
    origin: Vec<f64>,
    scale: Vec<f64>,
}

/// A margin that is clearly negative.
const CLEAR: f64 = 1e-5;

impl<'r, 'a, T: Real, M: Model<T>, L: Loss<T>> Cone<'r, 'a, T, M, L> {
    /// Nothing where no parameters move scores, or no sample says how its loss falls.
    pub(super) fn new(risk: &'r EmpiricalRisk<'a, T, M, L>, theta: &'r DVector<T>) -> Option<Self> {
        let (range, k) = (risk.model.affine_in(), risk.model.outputs());
        let range = range.start..range.end.min(theta.len());
        let is_held = |i: &usize| risk.ridge != T::zero() && risk.penalised.iter().any(|run| run.contains(i));
        let free: Vec<_> = range.clone().filter(|i| !is_held(i)).collect();
        let (x, y, shares) = risk.part(0..risk.batch.len());
        let mut targets = y.room(k, WIDE);
        let mut scratch = Scratch::new(k);
        let (mut falls, mut is_flat) = (false, k > 1);
        for j in (0..y.len()).filter(|j| shares[*j] > T::zero()) {
            let y = y.columns(j..j + 1).dense(&mut targets);
            units(&risk.loss, y.column(0).as_slice(), &mut scratch, |margin, row| {
                let sum = row.iter().fold(T::zero(), |sum, u| sum + *u);
                falls |= margin != -T::one();
                is_flat &= sum.abs() <= T::of(4.0 * k as f64) * T::EPSILON;
            });
            if falls && !is_flat {
                break;
            }
        }
        if range.is_empty() || !falls {
            return None;
        }
        let mut cache = risk.model.cache(WIDE);
        risk.model.forward(theta, x.columns(0, 1), &mut cache);
        let told = risk.model.affine_inputs(x.columns(0, 1), &cache).map(|inputs| inputs.nrows());
        let inputs = told.and_then(|n| match free.len() {
            all if all == range.len() => Some(n),
            // a penalty leaves the bias
            bias if bias == k && range.len() == k * (n + 1) && free[0] + k == range.end => Some(0),
            _ => None,
        });
        let rows = inputs.map_or(free.len(), |_| free.len() / k);
        let (origin, scale) = (vec![0.0; rows], vec![1.0; rows]);
        Some(Self { risk, theta, cache, targets, free, inputs, rows, is_flat, origin, scale })
    }

    /// So many may overlap in all directions, if all do: then they prove it. Of several classes each needs its own.
    pub(super) fn samples_tried_first(&self) -> usize {
        if self.is_flat { 8 * self.free.len() } else { 16 * self.rows }
    }

    /// How many independent rows there can be.
    pub(super) fn span(&self) -> usize {
        let flat = if self.is_flat && self.inputs.is_some() { self.rows } else { 0 };
        self.free.len() - flat
    }

    /// Rows of `D`.
    fn height(&self) -> usize {
        self.inputs.map_or(1, |_| self.risk.model.outputs())
    }

    /// `B` of a block, its samples side by side.
    pub(super) fn gather(&mut self, block: Range<usize>) -> DMatrix<f64> {
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
                let entry = |i: &usize| gradient.get(*i).map_or(f64::NAN, |g| g.f64());
                b.iter_mut().zip(&self.free).for_each(|(b, i)| *b = entry(i));
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
    pub(super) fn frame(&mut self, blocks: &[Range<usize>]) {
        (self.origin, self.scale) = (vec![0.0; self.rows], vec![1.0; self.rows]);
        let mut ends = vec![(f64::INFINITY, f64::NEG_INFINITY); self.rows];
        let rows = self.rows;
        for block in blocks {
            self.each(block, |_, _, b| {
                for b in b.chunks_exact(rows) {
                    ends.iter_mut().zip(b).for_each(|(e, b)| *e = (e.0.min(*b), e.1.max(*b)));
                }
            });
        }
        // only where there is a bias to take up what is subtracted
        let shifted = self.inputs.filter(|n| *n < self.rows).unwrap_or(0);
        for (i, (low, high)) in ends.into_iter().enumerate() {
            let is_far = i < shifted
                && low * high > 0.0
                && low.abs().max(high.abs()) <= 2.0 * low.abs().min(high.abs());
            self.origin[i] = if is_far { low } else { 0.0 };
            let size = (low - self.origin[i]).abs().max((high - self.origin[i]).abs());
            self.scale[i] =
                if size > 0.0 { (-size.log2().round()).clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        }
    }

    /// The direction in the parameters themselves, of size 1.
    pub(super) fn parameters(&self, direction: &DVector<f64>) -> DVector<T> {
        let mut d = DMatrix::from_column_slice(self.height(), self.rows, direction.as_slice());
        d.column_iter_mut().zip(&self.scale).for_each(|(mut d, scale)| d *= *scale);
        self.move_origin(&mut d, -1.0);
        let size = kernel::norm_inf(d.as_slice());
        let mut out = DVector::zeros(self.theta.len());
        self.free.iter().zip(d.iter()).for_each(|(i, d)| out[*i] = T::of(d / size));
        out
    }

    /// The free parameters of `θ`.
    pub(super) fn coordinates(&self) -> DVector<f64> {
        let theta = self.free.iter().map(|i| self.theta[*i].f64());
        let mut d = DMatrix::from_iterator(self.height(), self.rows, theta);
        self.move_origin(&mut d, 1.0);
        d.column_iter_mut().zip(&self.scale).for_each(|(mut d, scale)| d /= *scale);
        DVector::from_column_slice(d.as_slice())
    }

    /// The bias takes up what an origin subtracts.
    fn move_origin(&self, d: &mut DMatrix<f64>, sign: f64) {
        let (mut inputs, mut bias) = d.columns_range_pair_mut(..self.rows - 1, self.rows - 1..);
        for (d, origin) in inputs.column_iter_mut().zip(&self.origin).filter(|(_, origin)| **origin != 0.0) {
            bias.column_mut(0).axpy(sign * origin, &d, 1.0);
        }
    }

    /// Calls `each` with number, targets and `B_j` of every sample of a block that has a weight.
    fn each(&mut self, block: &Range<usize>, mut each: impl FnMut(usize, &[T], &[f64])) {
        let b = self.gather(block.clone());
        let (_, y, shares) = self.risk.part(block.clone());
        let y = y.dense(&mut self.targets);
        let columns = b.ncols() / y.ncols();
        for j in (0..y.ncols()).filter(|j| shares[*j] > T::zero()) {
            let size = columns * self.rows;
            each(j, y.column(j).as_slice(), &b.as_slice()[j * size..][..size]);
        }
    }

    /// `e`, the sum of all rows with positive weights, and how many there are.
    pub(super) fn sum(&mut self, blocks: &[Range<usize>]) -> (DVector<f64>, f64) {
        let (loss, height, rows) = (&self.risk.loss, self.height(), self.rows);
        let (mut e, mut count) = (DVector::zeros(height * rows), 0.0);
        let mut scratch = Scratch::new(self.risk.model.outputs());
        let (mut u, mut row) = (vec![0.0; scratch.r.len()], e.clone());
        for block in blocks {
            let mut part = DVector::zeros(e.len());
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
                kernel::axpy(if size > 0.0 { 1.0 / size } else { 0.0 }, row.as_slice(), part.as_mut_slice());
            });
            e += part;
        }
        (e, count)
    }

    /// The row with the least margin along `d`, in units of its norm, below `−tolerance`, of samples that have not been
    /// passed over: of the blocks from `cursor` on and round, until one is clearly below. Weak ones, which are nearly in
    /// the span of the active rows, are taken only where there is no other.
    pub(super) fn violator(
        &mut self, d: &DVector<f64>, blocks: &[Range<usize>], cursor: &mut usize, tolerance: f64,
        passed: &[(usize, usize)],
    ) -> Option<Violator> {
        let (loss, height, rows) = (&self.risk.loss, self.height(), self.rows);
        let mut scratch = Scratch::new(self.risk.model.outputs());
        let (mut r, mut u, mut row) = (vec![0.0; scratch.r.len()], vec![0.0; scratch.r.len()], d.clone());
        let d = Factor::new(d.as_slice(), height, rows);
        let mut worst = None::<Violator>;
        for _ in 0..blocks.len() {
            let at = *cursor % blocks.len();
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
            if worst.as_ref().is_some_and(|worst| worst.margin < -CLEAR) {
                break;
            }
            *cursor = at + 1;
        }
        worst
    }
}

/// A row of norm 1 with a negative margin, and which block and sample it is of.
pub(super) struct Violator {
    pub(super) margin: f64,
    pub(super) at: (usize, usize),
    pub(super) row: DVector<f64>,
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
    loss: &L, y: &[T], Scratch { r, row }: &mut Scratch<T>, mut hand: impl FnMut(T, &[T]),
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

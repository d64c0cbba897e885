//! The rows of margins, of one block of samples after the other.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::margins::{Scratch, units};
use crate::kernel;
use crate::risk::samples::Part;
use crate::risk::sums::{Largest, Sums};
use crate::risk::survey::{Running, Survey, Working};
use crate::risk::tree::Summand;
use crate::risk::window::{Gathered, Share};
use crate::{Error, Real};

/// Samples that are looked at together: the worst of them on the wrong side becomes active.
pub(super) const BLOCK: usize = 64;
/// Samples in one product of a Newton step.
pub(super) const WIDE: usize = 512;
/// Bytes of copies of some samples.
const MOST: usize = 256 << 20;

/// The rows of the samples, one block of them at a time.
///
/// With `B_j` the inputs `ã` of a sample, and a 1 for the bias, the scores `D B_j` of a direction `D` (`k × inputs`,
/// then the bias) are those of an affine map; the row of `∂margin/∂r = u` is `u B_jᵀ`. Of a model that does not say so
/// `B_j` is `J_jᵀ`, with `D` a single row, and so is `uᵀ`.
///
/// Inputs are measured in the power of two next to their size, from a sample where all lie within a factor of two of
/// each other: both are exact.
pub(super) struct Cone<'r, T: Real> {
    pub(super) risk: Survey<'r, T>,
    theta: &'r DVector<T>,
    /// Copies of some samples, if not all are asked.
    some: Option<Gathered<T>>,
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

/// Some samples: the number of the first, targets, shares, and their `B_j` side by side.
pub(super) struct Block<'b, T: Real> {
    pub(super) first: usize,
    pub(super) y: DMatrixView<'b, T>,
    pub(super) shares: &'b [T],
    pub(super) b: DMatrix<f64>,
}

impl<T: Real> Block<'_, T> {
    /// Number, targets and `B_j` of every sample that has a weight.
    pub(super) fn samples(&self) -> impl Iterator<Item = (usize, &[T], &[f64])> {
        let size = self.b.len() / self.y.ncols();
        let counts = (0..self.y.ncols()).filter(|j| self.shares[*j] > T::zero());
        let k = self.y.nrows();
        let y = kernel::flat(&self.y).unwrap_or_default();
        counts.map(move |j| (self.first + j, &y[j * k..(j + 1) * k], &self.b.as_slice()[j * size..][..size]))
    }
}

impl<'r, T: Real> Cone<'r, T> {
    /// Nothing where no parameters move scores, or no sample says how its loss falls.
    pub(super) fn new(risk: Survey<'r, T>, theta: &'r DVector<T>) -> Result<Option<Self>, Error> {
        let (range, k) = (risk.model.affine_in(), risk.model.outputs());
        let range = range.start..range.end.min(theta.len());
        let is_held = |i: &usize| risk.ridge != T::zero() && risk.penalised.iter().any(|run| run.contains(i));
        let free: Vec<_> = range.clone().filter(|i| !is_held(i)).collect();
        if range.is_empty() {
            return Ok(None);
        }
        let kinds = risk.largest(2, |here, chunk, room, kinds| {
            let mut scratch = Scratch::new(k);
            here.samples(chunk, room, |_, y, _| {
                if kinds.0[0] > T::zero() && (k == 1 || kinds.0[1] > T::zero()) {
                    return;
                }
                units(risk.loss, y, &mut scratch, |margin, row| {
                    let sum = row.iter().fold(T::zero(), |sum, u| sum + *u);
                    let is_flat = sum.abs() <= T::of(4.0 * k as f64) * T::EPSILON;
                    kinds.see(0, if margin == -T::one() { T::zero() } else { T::one() });
                    kinds.see(1, if is_flat { T::zero() } else { T::one() });
                });
            });
        })?;
        if kinds[0] <= T::zero() {
            return Ok(None);
        }
        let (mut running, x) = (risk.model.running(2), DMatrix::zeros(risk.model.inputs(), 1));
        running.forward(theta, x.as_view());
        let told = running.affine_inputs(x.as_view()).map(|inputs| inputs.nrows());
        let inputs = told.and_then(|n| match free.len() {
            all if all == range.len() => Some(n),
            // a penalty leaves the bias
            bias if bias == k && range.len() == k * (n + 1) && free[0] + k == range.end => Some(0),
            _ => None,
        });
        let rows = inputs.map_or(free.len(), |_| free.len() / k);
        let (origin, scale) = (vec![0.0; rows], vec![1.0; rows]);
        let is_flat = k > 1 && kinds[1] <= T::zero();
        Ok(Some(Self { risk, theta, some: None, free, inputs, rows, is_flat, origin, scale }))
    }

    /// The same of some blocks of samples here and there, where there are many more: so many may overlap in all directions, if
    /// all do; then they prove it. Of several classes each needs its own.
    pub(super) fn some(&self) -> Result<Option<Self>, Error> {
        let few = if self.is_flat { 8 * self.free.len() } else { 16 * self.rows };
        let (n, k) = (self.risk.model.inputs(), self.risk.model.outputs());
        let stride = self.risk.samples.in_play().div_ceil(BLOCK) / few.div_ceil(BLOCK).max(4);
        let bytes = few.saturating_mul(n + k).saturating_mul(size_of::<T>());
        if stride <= 1 || bytes > MOST || !self.may_take_newton() {
            return Ok(None);
        }
        let (size, blocks) = (n + k + 1, self.risk.samples.in_play().div_ceil(BLOCK).div_ceil(stride));
        let zero = || Sums::zeros(size * BLOCK * blocks, 0);
        let sums = self.pass(
            (BLOCK, self.risk.samples.in_play() / 16),
            zero,
            |_, here, chunk, worker, sums: &mut Sums<T>| {
                let block = chunk.start / BLOCK;
                if block.is_multiple_of(stride) {
                    let (x, y, shares) = here.part(chunk);
                    let y = y.dense(&mut worker.room.targets);
                    let places = &mut sums.vector.as_mut_slice()[block / stride * BLOCK * size..];
                    for (j, place) in (0..shares.len()).zip(places.chunks_exact_mut(size)) {
                        place[..n].copy_from_slice(x.column(j).as_slice());
                        place[n..n + k].copy_from_slice(y.column(j).as_slice());
                        place[n + k] = shares[j];
                    }
                }
            },
        )?;
        let mut some = Gathered::new((n, k), BLOCK * blocks);
        let numbers: Vec<f64> = sums.vector.iter().map(|x| x.f64()).collect();
        some.read(&numbers, false, Share::none());
        let (free, origin, scale) = (self.free.clone(), self.origin.clone(), self.scale.clone());
        Ok(Some(Self { some: Some(some), free, origin, scale, ..*self }))
    }

    /// How many independent rows there can be.
    pub(super) fn span(&self) -> usize {
        let flat = if self.is_flat && self.inputs.is_some() { self.rows } else { 0 };
        self.free.len() - flat
    }

    /// Rows of `D`.
    pub(super) fn height(&self) -> usize {
        self.inputs.map_or(1, |_| self.risk.model.outputs())
    }

    /// A sum over the samples, or some of them, so many at a time.
    pub(super) fn pass<S: Summand>(
        &self, (width, least): (usize, usize), zero: impl Fn() -> S + Sync,
        add: impl Fn(&Self, &Part<'_, T>, Range<usize>, &mut Working<'r, T>, &mut S) + Sync,
    ) -> Result<S, Error> {
        let worker = || self.risk.worker(width, false);
        let some = self.some.as_ref().map(|some| some.window(0));
        self.risk.sum_once(some, (width, least), &worker, &zero, &|here, chunk, worker, sum| {
            add(self, here, chunk, worker, sum);
        })
    }

    /// The same of the rows of each block.
    pub(super) fn blocks<S: Summand>(
        &self, width: usize, zero: impl Fn() -> S + Sync, add: impl Fn(&Block<'_, T>, &mut S) + Sync,
    ) -> Result<S, Error> {
        self.pass((width, 1), zero, |cone, here, chunk, worker, sum| {
            add(&cone.block(here, chunk, worker), sum);
        })
    }

    /// Some samples with their rows.
    pub(super) fn block<'w>(
        &self, here: &'w Part<'_, T>, chunk: Range<usize>, worker: &'w mut Working<'_, T>,
    ) -> Block<'w, T> {
        let b = self.gather(here, chunk.clone(), &mut *worker.cache);
        let (first, (_, y, shares)) = (chunk.start, here.part(chunk));
        Block { first, y: y.dense(&mut worker.room.targets), shares, b }
    }

    /// `B` of a block, its samples side by side.
    fn gather(&self, here: &Part<'_, T>, block: Range<usize>, running: &mut dyn Running<T>) -> DMatrix<f64> {
        let ((x, _, _), k) = (here.part(block), self.risk.model.outputs());
        let mut b = DMatrix::repeat(self.rows, x.ncols() * k / self.height(), 1.0);
        if let Some(n) = self.inputs {
            if !self.risk.is_affine() {
                running.forward(self.theta, x);
            }
            let told = running.affine_inputs(x).unwrap_or(x);
            for (mut b, inputs) in b.column_iter_mut().zip(told.column_iter()) {
                b.iter_mut().zip(inputs.iter()).take(n).for_each(|(b, x)| *b = x.f64());
            }
        } else {
            let mut gradient = DVector::zeros(self.theta.len());
            for (s, mut b) in b.column_iter_mut().enumerate() {
                let (j, output) = (s / k, s % k);
                let delta = DMatrix::from_fn(k, 1, |i, _| if i == output { T::one() } else { T::zero() });
                running.forward(self.theta, x.columns(j, 1));
                gradient.fill(T::zero());
                running.backward(self.theta, x.columns(j, 1), delta.as_view(), &mut gradient);
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
    pub(super) fn frame(&mut self) -> Result<(), Error> {
        let rows = self.rows;
        (self.origin, self.scale) = (vec![0.0; rows], vec![1.0; rows]);
        let zero = || Largest::new(2 * rows);
        let ends = self.blocks(BLOCK, zero, |block, ends: &mut Largest<f64>| {
            for b in block.samples().flat_map(|(_, _, b)| b.chunks_exact(rows)) {
                for (i, b) in b.iter().enumerate() {
                    ends.see(2 * i, -*b);
                    ends.see(2 * i + 1, *b);
                }
            }
        })?;
        // only where there is a bias to take up what is subtracted
        let shifted = self.inputs.filter(|n| *n < self.rows).unwrap_or(0);
        for (i, ends) in ends.0.chunks_exact(2).enumerate() {
            let (low, high) = (-ends[0], ends[1]);
            let is_far = i < shifted
                && low * high > 0.0
                && low.abs().max(high.abs()) <= 2.0 * low.abs().min(high.abs());
            self.origin[i] = if is_far { low } else { 0.0 };
            let size = (low - self.origin[i]).abs().max((high - self.origin[i]).abs());
            self.scale[i] =
                if size > 0.0 { (-size.log2().round()).clamp(-1000.0, 1000.0).exp2() } else { 1.0 };
        }
        Ok(())
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
}

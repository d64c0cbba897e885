//! One pass over the samples in play: every sum goes this way.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::leaves::{Adder, InPlace, Leaves, chunk_width};
use super::state::{Batch, Worker, second_width};
use super::{Counter, EmpiricalRisk, Frame, Quantity, Source, Summand, Sums, Window};
use crate::loss::TargetView;
use crate::{Error, Loss, Model, Real};

/// Samples in memory, and what is asked of them.
pub(super) struct Part<'p, T: Real, M, L> {
    pub(super) model: &'p M,
    pub(super) loss: &'p L,
    frame: Option<&'p Frame<T>>,
    window: Window<'p, T>,
}

/// Adds one chunk to a sum.
pub(super) type Add<'f, T, M, L, W, S> = dyn Fn(&Part<'_, T, M, L>, Range<usize>, &mut W, &mut S) + Sync + 'f;

impl<T: Real, M: Model<T>, L: Loss<T>> Part<'_, T, M, L> {
    /// Inputs, targets and shares of some of the samples, by their numbers among all.
    pub(super) fn part(&self, range: Range<usize>) -> (DMatrixView<'_, T>, TargetView<'_, T>, &[T]) {
        let Window { start, x, y, shares } = &self.window;
        let range = range.start - start..range.end - start;
        (x.columns_range(range.clone()), y.columns(range.clone()), &shares[range])
    }

    /// The inputs as the model sees them.
    pub(super) fn seen<'w>(&self, x: DMatrixView<'w, T>, placed: &'w mut DMatrix<T>) -> DMatrixView<'w, T> {
        let Some(frame) = self.frame else { return x };
        frame.place(x, placed.as_mut_slice());
        placed.columns(0, x.ncols())
    }

    /// The loss of one chunk, with its gradient added.
    pub(super) fn add_chunk(
        &self, theta: &DVector<T>, chunk: Range<usize>, worker: &mut Worker<T, M::Cache>, sums: &mut Sums<T>,
    ) {
        let (x, y, shares) = self.part(chunk);
        let x = self.seen(x, &mut worker.placed);
        let z = self.model.forward(theta, x, &mut worker.cache);
        let mut delta = worker.delta.columns_mut(0, y.len());
        let value = y.value(self.loss, z, shares, Some(delta.as_view_mut()), &mut worker.targets);
        sums.value += value;
        self.model.backward(theta, x, delta.as_view(), &mut worker.cache, &mut sums.vector);
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The batch in play, of samples in memory.
    pub(crate) fn present(&self) -> Window<'_, T> {
        let Batch { range, gathered, is_gathered, shares } = &self.batch;
        match &self.source {
            Source::Memory(x, y) if !is_gathered => {
                Window { start: 0, x: x.columns_range(range.clone()), y: y.columns(range.clone()), shares }
            }
            _ => gathered.with_shares(shares),
        }
    }

    /// How the samples in play are cut for a sum of this quantity, of `bytes`.
    pub(super) fn leaves(&self, quantity: Quantity, bytes: usize) -> Leaves {
        let width = match quantity {
            Quantity::Product | Quantity::Hessian => second_width(self.model.outputs()),
            Quantity::Value | Quantity::Gradient => chunk_width(self.model.parameter_count()),
        };
        Leaves::new(self.in_play(), width, bytes)
    }

    /// The sum over the samples in play of what `add` adds for one chunk at `theta`, into `root`, whatever that holds. What
    /// ends it is kept as the risk's failure, and the sum is NaN.
    pub(super) fn sum_chunks(
        &mut self, quantity: Quantity, theta: &[T], root: Sums<T>,
        add: &Add<'_, T, M, L, Worker<T, M::Cache>, Sums<T>>,
    ) -> Sums<T> {
        let (length, size) = (root.vector.len(), root.matrix.nrows());
        let leaves = self.leaves(quantity, root.matrix.len().saturating_mul(size_of::<T>()));
        let threads = leaves.threads(length.max(1).saturating_mul(size.max(1)));
        let in_place = match quantity {
            Quantity::Gradient if self.model.adds_finished_sums() => InPlace::OnSibling,
            Quantity::Gradient => InPlace::Nowhere,
            _ => InPlace::InLeaf,
        };
        self.ranks.iter_mut().for_each(|ranks| ranks.stand_at(quantity as u64, theta));
        // taken out, so that nothing half done stays behind where a model or a loss of one's own panics
        let is_second = quantity >= Quantity::Product;
        let mut workers = std::mem::take(&mut self.workers[usize::from(is_second)]);
        let mut counters = std::mem::take(&mut self.counters[quantity as usize]);
        while workers.len() < threads {
            workers.push(self.worker(&self.model, leaves.width, is_second));
        }
        counters.resize_with(threads.max(counters.len()), Counter::default);
        counters[0].keep(root);
        let sums = self.sum(
            None,
            (leaves, in_place),
            (&mut workers[..threads], &mut counters[..threads]),
            &|| Sums::zeros(length, size),
            &|here, chunk, worker, sums| {
                add(here, chunk, worker, sums);
                if sums.vector.len() != length {
                    sums.spoil(length); // a model of one's own replaced it
                }
            },
        );
        self.workers[usize::from(is_second)] = workers;
        match sums {
            Ok(sums) => {
                self.counters[quantity as usize] = counters;
                sums
            }
            Err(failure) => {
                self.failure = Some(failure);
                let mut lost = Sums::zeros(length, size);
                lost.spoil(length);
                lost
            }
        }
    }

    /// The sum over the samples in play, or over some others, of what `add` adds for one chunk.
    fn sum<S: Summand + Send + Sync, W: Send>(
        &self, some: Option<Window<'_, T>>, (leaves, in_place): (Leaves, InPlace),
        (workers, counters): (&mut [W], &mut [Counter<S>]), zero: &(dyn Fn() -> S + Sync),
        add: &Add<'_, T, M, L, W, S>,
    ) -> Result<S, Error> {
        let mut walk = |range: Range<usize>, counters: &mut [Counter<S>]| {
            let mut hand = |window: Window<'_, T>| {
                let part = Part { model: &self.model, loss: &self.loss, frame: self.frame.as_ref(), window };
                let add = |chunk: Range<usize>, worker: &mut W, sum: &mut S| add(&part, chunk, worker, sum);
                let here = window.range();
                let here = here.start.max(range.start)..here.end.min(range.end);
                Adder { leaves, in_place, zero, add: &add }.range(here, workers, counters);
            };
            match some {
                Some(window) => {
                    hand(window);
                    Ok(())
                }
                None => self.each(&mut hand),
            }
        };
        if let (Some(ranks), None) = (&self.ranks, some) {
            return ranks.sum(leaves.size, counters, zero, &mut walk);
        }
        walk(0..usize::MAX, counters)?;
        let (owner, others) = counters.split_first_mut().expect("a counter each");
        let root = owner.finish().unwrap_or_else(zero);
        others.iter_mut().for_each(|other| other.take_back(owner));
        Ok(root)
    }

    /// The same where nothing is kept for the next time: in chunks of `width`, in leaves of so many samples or more.
    pub(super) fn sum_once<S: Summand + Send + Sync, W: Send>(
        &self, some: Option<Window<'_, T>>, (width, least): (usize, usize), worker: &dyn Fn() -> W,
        zero: &(dyn Fn() -> S + Sync), add: &Add<'_, T, M, L, W, S>,
    ) -> Result<S, Error> {
        let samples = some.map_or(self.in_play(), |some| some.shares.len());
        let numbers = zero().numbers().count();
        let leaves = Leaves::new(samples, width, numbers * size_of::<S::Number>()).of_at_least(least);
        let threads = leaves.threads(numbers);
        let mut workers: Vec<W> = (0..threads).map(|_| worker()).collect();
        let mut counters: Vec<_> = (0..threads).map(|_| Counter::default()).collect();
        self.sum(some, (leaves, InPlace::InLeaf), (&mut workers, &mut counters), zero, add)
    }

    /// The same with the workers of second derivatives.
    pub(super) fn sum_samples<S: Summand + Send + Sync>(
        &self, zero: &(dyn Fn() -> S + Sync), add: &Add<'_, T, M, L, Worker<T, M::Cache>, S>,
    ) -> Result<S, Error> {
        let width = second_width(self.model.outputs());
        self.sum_once(None, (width, 1), &|| self.worker(&self.model, width, true), zero, add)
    }

    pub(super) fn worker<N: Model<T>>(
        &self, model: &N, width: usize, is_second: bool,
    ) -> Worker<T, N::Cache> {
        let (k, width) = (model.outputs(), width.min(self.count));
        // what a loss never writes shows
        let unwritten = |is_needed: bool| DMatrix::repeat(k, if is_needed { width } else { 0 }, T::NAN);
        Worker {
            cache: model.cache(width),
            delta: unwritten(true),
            scores: unwritten(is_second),
            r_delta: unwritten(is_second),
            flat: DMatrix::zeros(k, if is_second { width } else { 0 }),
            blocks: Vec::new(),
            placed: DMatrix::zeros(model.inputs(), if self.frame.is_some() { width } else { 0 }),
            targets: DMatrix::zeros(k, if self.source.is_of_classes() { width } else { 0 }),
        }
    }
}

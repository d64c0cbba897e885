//! One pass over the samples in play: every sum goes this way.

use std::ops::Range;

use nalgebra::DVector;

use super::leaves::{Adder, InPlace, Leaves, chunk_width};
use super::samples::{Part, Samples};
use super::state::{Quantity, Worker, second_width};
use super::sums::{Sums, boxed, of_any_kind};
use super::tree::{Counter, into_kind, of_kind};
use crate::{Error, Loss, Model, Real};

/// Adds one chunk to a sum.
pub(super) type Add<'f, T, W, S> = dyn Fn(&Part<'_, T>, Range<usize>, &mut W, &mut S) + Sync + 'f;

impl<T: Real> Part<'_, T> {
    /// The loss of one chunk, with its gradient added.
    pub(super) fn add_chunk<M: Model<T>>(
        &self, (model, loss): (&M, &impl Loss<T>), theta: &DVector<T>, chunk: Range<usize>,
        worker: &mut Worker<T, M::Cache>, sums: &mut Sums<T>,
    ) {
        let ((x, y, shares), Worker { cache, room }) = (self.part(chunk), worker);
        let x = self.seen(x, &mut room.placed);
        let z = model.forward(theta, x, cache);
        let mut delta = room.delta.columns_mut(0, y.len());
        let value = y.value(loss, z, shares, Some(delta.as_view_mut()), &mut room.targets);
        sums.value += value;
        model.backward(theta, x, delta.as_view(), cache, &mut sums.vector);
    }
}

/// What a risk sums up with, made where it is first needed and kept between evaluations.
#[derive(Debug)]
pub(super) struct Summing<T: Real, C> {
    /// One for each thread, and another for second derivatives.
    pub(super) workers: [Vec<Worker<T, C>>; 2],
    /// One for each thread and [`Quantity`].
    counters: [Vec<Counter>; 4],
    /// What holds the sum of each quantity.
    roots: [Option<Box<Sums<T>>>; 4],
    /// What ended a sum since it was last asked.
    pub(super) failure: Option<Error>,
}

impl<T: Real, C> Default for Summing<T, C> {
    fn default() -> Self {
        let (workers, counters, roots) = Default::default();
        Self { workers, counters, roots, failure: None }
    }
}

impl<T: Real, C: Send> Summing<T, C> {
    /// The sum over the samples in play of what `add` adds for one chunk at `theta`, into `root`, whatever that holds. What
    /// ends it is kept as the risk's failure, and the sum is NaN.
    pub(super) fn sum<M: Model<T, Cache = C>>(
        &mut self, samples: &mut Samples<'_, T>, model: &M, quantity: Quantity, theta: &DVector<T>,
        root: Sums<T>, add: &Add<'_, T, Worker<T, C>, Sums<T>>,
    ) -> Sums<T> {
        let (length, size) = (root.vector.len(), root.matrix.nrows());
        let leaves = leaves(samples, model, quantity, root.matrix.len().saturating_mul(size_of::<T>()));
        let threads = leaves.threads(length.max(1).saturating_mul(size.max(1)));
        let in_place = match quantity {
            Quantity::Gradient if model.adds_finished_sums() => InPlace::OnSibling,
            Quantity::Gradient => InPlace::Nowhere,
            _ => InPlace::InLeaf,
        };
        samples.ranks.iter_mut().for_each(|ranks| ranks.stand_at(quantity as u64, theta.as_slice()));
        // taken out, so that nothing half done stays behind where a model or a loss of one's own panics
        let is_second = quantity >= Quantity::Product;
        let mut workers = std::mem::take(&mut self.workers[usize::from(is_second)]);
        let mut counters = std::mem::take(&mut self.counters[quantity as usize]);
        while workers.len() < threads {
            workers.push(Worker::new(model, samples, leaves.width, is_second));
        }
        counters.resize_with(threads.max(counters.len()), Counter::default);
        let mut kept = std::mem::take(&mut self.roots[quantity as usize]).unwrap_or_default();
        *kept = root;
        counters[0].keep(of_any_kind(kept));
        let (zero, workers_in_use) = (|| boxed::<T>(length, size), &mut workers[..threads]);
        let adder = Adder { leaves, in_place, zero: &zero };
        let mut run = |part: &Part<'_, T>, range: Range<usize>, counters: &mut [Counter]| {
            adder.range(range, workers_in_use, counters, &|chunk, worker, sum| {
                let sums: &mut Sums<T> = of_kind(sum);
                add(part, chunk, worker, sums);
                if sums.vector.len() != length {
                    sums.spoil(length); // a model of one's own replaced it
                }
            });
        };
        let sum = samples.sum(None, leaves.size, &mut counters[..threads], &zero, &mut run);
        self.workers[usize::from(is_second)] = workers;
        match sum {
            Ok(sum) => {
                let mut sum = into_kind(sum);
                let sums = std::mem::take(&mut *sum);
                (self.counters[quantity as usize], self.roots[quantity as usize]) = (counters, Some(sum));
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
}

/// How the samples in play are cut for a sum of this quantity, of `bytes`.
pub(super) fn leaves<T: Real>(
    samples: &Samples<'_, T>, model: &impl Model<T>, quantity: Quantity, bytes: usize,
) -> Leaves {
    let width = match quantity {
        Quantity::Product | Quantity::Hessian => second_width(model.outputs()),
        Quantity::Value | Quantity::Gradient => chunk_width(model.parameter_count()),
    };
    Leaves::new(samples.in_play(), width, bytes)
}

impl<T: Real, C> Worker<T, C> {
    pub(super) fn new<M: Model<T, Cache = C>>(
        model: &M, samples: &Samples<'_, T>, width: usize, is_second: bool,
    ) -> Self {
        let width = width.min(samples.count);
        let room = samples.room((model.inputs(), model.outputs()), width, is_second);
        Self { cache: model.cache(width), room }
    }
}

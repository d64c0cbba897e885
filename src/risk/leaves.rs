//! How the samples of a batch are added up: in chunks that a cache holds, chunks in leaves, leaves in the [tree]. The
//! cut depends on the model and the number of samples alone, and so do the bits.
//!
//! [tree]: super::tree

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::tree::{Counter, Node, Summand};
use crate::{Real, kernel};

/// Samples that are worth a leaf: to add one costs as much as some ten.
const LEAF: usize = 1024;
/// Chunks whose sums are added one after the other at the most.
const CHUNKS: usize = 16;
/// Bytes for the sums that one thread holds at a time, where one is as large as a matrix.
const ROOM: usize = 64 << 20;
/// Parameters × samples below which a second thread costs more than it brings.
const WORTH_SHARING: usize = 1 << 19;

/// Columns of one chunk: enough work to be worth a call, few enough activations to stay in the cache.
pub(super) fn chunk_width(parameters: usize) -> usize {
    match parameters {
        0..1024 => (1 << 16) / parameters.max(64),
        1024..500_000 => 64,
        _ => 128,
    }
}

/// A batch cut into leaves of whole chunks, as even as may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    samples: usize,
    pub(super) width: usize,
    count: usize,
}

impl Leaves {
    /// As many as chunks up to 8, then one for so many samples; fewer, where sums of `bytes` leave no room for the
    /// `log₂ + 1` of them that are held at a time.
    pub(super) fn new(samples: usize, width: usize, bytes: usize) -> Self {
        let chunks = samples.div_ceil(width);
        let levels = (ROOM / bytes.max(1)).clamp(1, 32) - 1;
        let count = samples.div_ceil(LEAF).clamp(8, 1024).max(chunks.div_ceil(CHUNKS)).min(chunks);
        Self { samples, width, count: count.min(1 << levels) }
    }

    /// Whether there is nothing to add up.
    pub(super) fn is_one_chunk(self) -> bool {
        self.samples <= self.width
    }

    /// The chunks of a leaf, as ranges of samples.
    fn chunks(self, leaf: usize) -> impl ExactSizeIterator<Item = Range<usize>> {
        let chunks = self.samples.div_ceil(self.width);
        let range = leaf * chunks / self.count..(leaf + 1) * chunks / self.count;
        range.map(move |chunk| chunk * self.width..self.samples.min((chunk + 1) * self.width))
    }

    /// How many threads share the leaves.
    pub(super) fn threads(self, parameters: usize) -> usize {
        let is_worth_it = parameters.saturating_mul(self.samples) >= WORTH_SHARING;
        if is_worth_it { kernel::threads().min(self.count) } else { 1 }
    }
}

/// Where a chunk's sum may be added to others without being formed apart: the bits are those of a sum formed apart
/// only where each entry gets one finished sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum InPlace {
    Nowhere,
    /// To the chunks before in its leaf.
    InLeaf,
    /// To them, and where it is a leaf by itself, to its even sibling.
    OnSibling,
}

/// The sum of all leaves, `add` being asked for one chunk after the other; it goes into `root`, whatever that holds. As
/// many threads as there are `workers` share the leaves, with a counter each.
pub(super) fn sum<S: Summand + Send + Sync, W: Send>(
    leaves: Leaves, in_place: InPlace, workers: &mut [W], counters: &mut [Counter<S>], root: S,
    zero: impl Fn() -> S + Sync, add: impl Fn(Range<usize>, &mut W, &mut S) + Sync,
) -> S {
    let parts = workers.len();
    counters[0].keep(root);
    for_each(0, workers, counters, &|part, worker, counter| {
        for leaf in part * leaves.count / parts..(part + 1) * leaves.count / parts {
            let chunks = leaves.chunks(leaf);
            let sibling =
                (in_place == InPlace::OnSibling && chunks.len() == 1).then(|| counter.sibling(leaf));
            let (level, mut sum) = match sibling.flatten() {
                Some(left) => (1, left),
                None => (0, counter.zero(&zero)),
            };
            for (i, chunk) in chunks.enumerate() {
                if i == 0 || in_place != InPlace::Nowhere {
                    add(chunk, worker, &mut sum);
                } else {
                    let mut apart = counter.zero(&zero);
                    add(chunk, worker, &mut apart);
                    sum.add(&apart);
                    counter.keep(apart);
                }
            }
            counter.push(Node { level, index: leaf >> level, sum });
        }
    });
    let (owner, others) = counters.split_first_mut().expect("a counter each");
    others.iter_mut().for_each(|other| other.hand_over(owner));
    let root = owner.finish().unwrap_or_else(zero);
    others.iter_mut().for_each(|other| other.take_back(owner));
    root
}

/// `work(part, ..)` for every part, from `first` on: one fork and one join where there is more than one worker.
fn for_each<W: Send, S: Send>(
    first: usize, workers: &mut [W], counters: &mut [Counter<S>],
    work: &(impl Fn(usize, &mut W, &mut Counter<S>) + Sync),
) {
    if let ([worker], [counter]) = (&mut *workers, &mut *counters) {
        return work(first, worker, counter);
    }
    let half = workers.len() / 2;
    let ((low, high), (to_low, to_high)) = (workers.split_at_mut(half), counters.split_at_mut(half));
    kernel::join(|| for_each(first, low, to_low, work), || for_each(first + half, high, to_high, work));
}

/// A value, with a vector and a symmetric matrix beside it, of which the lower triangle counts; either may be empty.
#[derive(Debug)]
pub(super) struct Sums<T: Real> {
    pub(super) value: T,
    pub(super) vector: DVector<T>,
    pub(super) matrix: DMatrix<T>,
}

impl<T: Real> Summand for Sums<T> {
    fn add(&mut self, other: &Self) {
        self.value += other.value;
        kernel::add(other.vector.as_slice(), self.vector.as_mut_slice());
        let columns = lower_triangle(&mut self.matrix);
        let others = other.matrix.as_slice();
        columns.for_each(|(range, column)| kernel::add(&others[range], column));
    }

    fn clear(&mut self) {
        self.value = T::zero();
        kernel::fill(self.vector.as_mut_slice(), T::zero());
        lower_triangle(&mut self.matrix).for_each(|(_, column)| kernel::fill(column, T::zero()));
    }
}

impl<T: Real> Sums<T> {
    /// Takes the caller's buffers, which become the sum.
    pub(super) fn of(vector: &mut DVector<T>, matrix: &mut DMatrix<T>) -> Self {
        let (no_vector, no_matrix) = (DVector::zeros(0), DMatrix::zeros(0, 0));
        Self {
            value: T::zero(),
            vector: std::mem::replace(vector, no_vector),
            matrix: std::mem::replace(matrix, no_matrix),
        }
    }

    /// Zeros: a vector of `length`, and a square matrix of `size`.
    /// Of what cannot be known.
    pub(super) fn spoil(&mut self, length: usize) {
        self.value = T::NAN;
        self.vector = DVector::repeat(length, T::NAN);
        self.matrix.fill(T::NAN);
    }

    pub(super) fn zeros(length: usize, size: usize) -> Self {
        Self { value: T::zero(), vector: DVector::zeros(length), matrix: DMatrix::zeros(size, size) }
    }
}

/// The columns of the lower triangle of a square matrix, and where they stand in it.
fn lower_triangle<T: Real>(matrix: &mut DMatrix<T>) -> impl Iterator<Item = (Range<usize>, &mut [T])> {
    let n = matrix.nrows();
    let columns = matrix.as_mut_slice().chunks_exact_mut(n.max(1)).enumerate();
    columns.map(move |(j, column)| (j * n + j..(j + 1) * n, &mut column[j..]))
}

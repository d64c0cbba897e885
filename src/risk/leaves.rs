//! How samples are added up: in chunks that a cache holds, chunks in leaves, leaves in the [tree]. The cut depends on the
//! model and the number of samples alone, and so do the bits: not on threads, on the blocks of a stream, or on ranks.
//!
//! [tree]: super::tree

use std::ops::Range;

use super::tree::{Counter, Node, Sum, Zero};
use crate::kernel;

/// Samples that are worth a leaf, and the most in a chunk: to add a leaf costs as much as some ten samples.
pub(super) const LEAF: usize = 1024;
/// Chunks whose sums are added one after the other at the most.
const CHUNKS: usize = 16;
/// Bytes for the sums that one thread holds at a time, where one is as large as a matrix.
const ROOM: usize = 64 << 20;
/// Parameters × samples below which a second thread costs more than it brings.
const WORTH_SHARING: usize = 1 << 19;

/// Columns of one chunk, a power of two: enough work to be worth a call, few enough activations to stay in the cache.
pub(super) fn chunk_width(parameters: usize) -> usize {
    match parameters {
        0..1024 => power_below((1 << 16) / parameters.max(64)),
        1024..500_000 => 64,
        _ => 128,
    }
}

/// The largest power of two that is not larger.
pub(super) fn power_below(n: usize) -> usize {
    1 << n.max(1).ilog2()
}

/// Samples cut into leaves, and those into chunks, all of a power of two but the last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaves {
    samples: usize,
    pub(super) width: usize,
    pub(super) size: usize,
}

impl Leaves {
    /// Leaves of a chunk up to 8, then of an eighth of the samples up to [`LEAF`]; of more, where sums of `bytes` leave no
    /// room for the `log₂ + 1` of them that are held at a time.
    pub(super) fn new(samples: usize, width: usize, bytes: usize) -> Self {
        let levels = (ROOM / bytes.max(1)).clamp(1, 32) - 1;
        let size = (samples / 8).next_power_of_two().clamp(width, LEAF.min(CHUNKS * width));
        Self { samples, width, size }.of_at_least(samples.div_ceil(1 << levels))
    }

    /// Leaves of so many samples, or more.
    pub(super) fn of_at_least(self, samples: usize) -> Self {
        Self { size: self.size.max(samples.next_power_of_two()), ..self }
    }

    /// Whether there is nothing to add up.
    pub(super) fn is_one_chunk(self) -> bool {
        self.samples <= self.width
    }

    /// How many threads share the leaves.
    pub(super) fn threads(self, parameters: usize) -> usize {
        let is_worth_it = parameters.saturating_mul(self.samples) >= WORTH_SHARING;
        if is_worth_it { kernel::threads().min(self.samples.div_ceil(self.size)) } else { 1 }
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

/// How one sum is formed, of whatever kind.
pub(super) struct Adder<'f> {
    pub(super) leaves: Leaves,
    pub(super) in_place: InPlace,
    pub(super) zero: &'f Zero<'f>,
}

impl Adder<'_> {
    /// Adds samples that lie side by side, from the beginning of a chunk to the end of one, to those before, which the first
    /// counter holds; `add` is asked for one chunk after the other. As many threads as there are `workers` share the leaves,
    /// with a counter each.
    pub(super) fn range<W: Send>(
        &self, range: Range<usize>, workers: &mut [W], counters: &mut [Counter], add: &AddBy<'_, W>,
    ) {
        let parts = workers.len();
        hand_back(counters);
        for_each(0, workers, counters, &|part, worker, counter| {
            self.share(&range, (part, parts), counter, &mut |chunk, sum| add(chunk, worker, sum));
        });
        hand_over(counters);
    }

    /// One of so many parts of the leaves.
    fn share(
        &self, range: &Range<usize>, (part, parts): (usize, usize), counter: &mut Counter, add: &mut Add<'_>,
    ) {
        let size = self.leaves.size;
        let leaves = range.start / size..range.end.div_ceil(size);
        let cut = |part: usize| leaves.start + (part * leaves.len()).div_ceil(parts);
        for leaf in cut(part)..cut(part + 1) {
            self.leaf(range.start.max(leaf * size)..range.end.min((leaf + 1) * size), counter, add);
        }
    }

    /// A leaf, or a part of it, which is added to those before.
    fn leaf(&self, range: Range<usize>, counter: &mut Counter, add: &mut Add<'_>) {
        let Leaves { samples, width, size } = self.leaves;
        if range.is_empty() {
            return;
        }
        let index = range.start / size;
        let is_alone = self.in_place == InPlace::OnSibling && size <= width;
        let (level, mut sum) = match is_alone.then(|| counter.sibling(index)).flatten() {
            Some(left) => (1, left),
            None => (0, counter.open.take().unwrap_or_else(|| counter.zero(self.zero))),
        };
        for start in range.clone().step_by(width) {
            let chunk = start..range.end.min(start + width);
            if self.in_place != InPlace::Nowhere || start.is_multiple_of(size) {
                add(chunk, &mut *sum);
            } else {
                let mut apart = counter.zero(self.zero);
                add(chunk, &mut *apart);
                sum.take_in(&*apart);
                counter.keep(apart);
            }
        }
        if range.end == samples || range.end.is_multiple_of(size) {
            counter.push(Node { level, index: index >> level, sum });
        } else {
            counter.open = Some(sum);
        }
    }
}

/// Adds a chunk to a sum, by what one thread needs.
type AddBy<'f, W> = dyn Fn(Range<usize>, &mut W, &mut dyn Sum) + Sync + 'f;

/// Adds a chunk to a sum.
type Add<'f> = dyn FnMut(Range<usize>, &mut dyn Sum) + 'f;

/// Each counter gets back as many sums as it has handed over.
pub(super) fn hand_back(counters: &mut [Counter]) {
    let (owner, others) = counters.split_first_mut().expect("a counter each");
    others.iter_mut().for_each(|other| other.take_back(owner));
}

fn hand_over(counters: &mut [Counter]) {
    let (owner, others) = counters.split_first_mut().expect("a counter each");
    others.iter_mut().for_each(|other| other.hand_over(owner));
}

/// `work(part, ..)` for every part, from `first` on: one fork and one join where there is more than one worker.
fn for_each<W: Send>(
    first: usize, workers: &mut [W], counters: &mut [Counter],
    work: &(dyn Fn(usize, &mut W, &mut Counter) + Sync),
) {
    if let ([worker], [counter]) = (&mut *workers, &mut *counters) {
        return work(first, worker, counter);
    }
    let half = workers.len() / 2;
    let ((low, high), (to_low, to_high)) = (workers.split_at_mut(half), counters.split_at_mut(half));
    kernel::join(|| for_each(first, low, to_low, work), || for_each(first + half, high, to_high, work));
}

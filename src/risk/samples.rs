//! Which samples there are, and what each of them weighs: in memory, in a stream, over ranks.

use std::ops::Range;
use std::sync::Arc;

use super::frame::Frame;
use super::leaves::hand_back;
use super::ranks::Ranks;
use super::source::Source;
use super::state::{Batch, Room, Weights, make_room};
use super::tree::{Counter, Sum, Zero};
use super::window::{Columns, Gathered, Share, Window};
use nalgebra::{DMatrix, DMatrixView};

use crate::contract::check_some;
use crate::kernel::compiled;
use crate::loss::TargetView;
use crate::{Error, Real};

/// The samples of a risk, whatever its model and loss.
#[derive(Debug)]
pub(crate) struct Samples<'a, T: Real> {
    pub(super) source: Source<'a, T>,
    pub(super) ranks: Option<Ranks<'a>>,
    /// Over ranks, copies of what follows the samples of this one: from later ranks, and those in memory that share a chunk
    /// with them.
    pub(super) tail: Arc<Gathered<T>>,
    /// Samples in the data, and what each weighs in the risk of all of them.
    pub(super) count: usize,
    pub(super) share: Share<T>,
    pub(super) weights: Option<Weights<T>>,
    pub(super) batch: Batch<T>,
    /// What features of a risk that is [framed](super::EmpiricalRisk::framed) are measured by, if not as they are.
    pub(super) frame: Option<Frame<T>>,
}

impl<'a, T: Real> Samples<'a, T> {
    /// Samples without shares yet.
    pub(super) fn unshared(source: Source<'a, T>) -> Self {
        Self {
            source,
            ranks: None,
            tail: Arc::default(),
            count: 0,
            share: Share::none(),
            weights: None,
            batch: Batch::default(),
            frame: None,
        }
    }

    /// Samples in play.
    pub(super) fn in_play(&self) -> usize {
        if self.is_in_memory() { self.batch.len() } else { self.count }
    }

    /// Whether all samples are in the memory of this process.
    pub(super) fn is_in_memory(&self) -> bool {
        self.ranks.is_none() && matches!(self.source, Source::Memory(..))
    }

    /// All samples are in the memory of this process, as what is asked for needs.
    pub(super) fn check_in_memory(&self, what: &'static str) -> Result<(), Error> {
        let remedy = match what {
            "influence" => "ask for that of samples that one memory holds",
            _ => "use a method that takes all samples at once, as `Lbfgs`",
        };
        if self.is_in_memory() { Ok(()) } else { Err(Error::InMemory { what, remedy }) }
    }

    /// Whether sample `j` of the data, which are in memory, has a weight.
    pub(super) fn counts(&self, j: usize) -> bool {
        self.weights.as_ref().is_none_or(|weights| weights.w[j] > T::zero())
    }

    /// `Σw` of the data.
    pub(super) fn total_weight(&self) -> T {
        self.share.total / self.share.scale
    }

    /// What each share is, if all are the same.
    pub(super) fn equal_share(&self) -> Option<T> {
        let weight = match &self.weights {
            Some(weights) => (weights.least == weights.largest).then_some(weights.least)?,
            None => T::one(),
        };
        let first = self.batch.shares.first().filter(|_| self.is_in_memory());
        Some(first.copied().unwrap_or_else(|| self.share.of(weight)))
    }

    /// The batch in play, of samples in memory.
    pub(super) fn present(&self) -> Window<'_, T> {
        let Batch { range, gathered, is_gathered, shares } = &self.batch;
        match &self.source {
            Source::Memory(x, y) if !is_gathered => {
                Window { start: 0, x: x.columns_range(range.clone()), y: y.columns(range.clone()), shares }
            }
            _ => gathered.with_shares(shares),
        }
    }

    /// The samples in the memory of this process.
    pub(super) fn columns(&self) -> Option<Columns<'_, T>> {
        let Source::Memory(x, y) = self.source else { return None };
        Some(Columns { x, y, weights: self.weights.as_ref().map(|weights| &weights.w[..]) })
    }

    /// Room for chunks of samples of `n` features and `k` outputs.
    pub(super) fn room(&self, (n, k): (usize, usize), width: usize, is_second: bool) -> Room<T> {
        let placed = if self.frame.is_some() { n } else { 0 };
        let targets = if self.source.is_of_classes() { k } else { 0 };
        make_room([k, placed, targets], width, is_second)
    }

    /// Narrows the samples in play to a range.
    pub(super) fn narrow(&mut self, range: Range<usize>) -> Result<(), Error> {
        let all = 0..self.count;
        if range.end > all.end {
            return Err(Error::Length { argument: "range", expected: all.end, found: range.end });
        }
        check_some("range", "sample", range.len())?;
        if range != all {
            self.check_in_memory("a batch")?;
        }
        if self.is_in_memory() {
            self.batch.share(range.start, range.len(), None, self.weights.as_ref(), self.share)?;
            self.batch.range = range;
            self.batch.is_gathered = false;
        }
        Ok(())
    }

    /// Narrows them to copies of those of some numbers, side by side.
    pub(super) fn select(&mut self, samples: &[usize]) -> Result<(), Error> {
        if let Some(&found) = samples.iter().find(|j| **j >= self.count) {
            return Err(Error::Length { argument: "samples", expected: self.count, found });
        }
        check_some("samples", "sample", samples.len())?;
        self.check_in_memory("a batch")?;
        self.batch.share(0, samples.len(), Some(samples), self.weights.as_ref(), self.share)?;
        if let Source::Memory(x, y) = self.source {
            self.batch.gathered.gather(x, y, samples);
        }
        self.batch.range = 0..samples.len();
        self.batch.is_gathered = true;
        Ok(())
    }

    /// Hands out the samples in play, all of them in memory or one window after the other.
    fn each(&self, hand: &mut dyn FnMut(Window<'_, T>)) -> Result<(), Error> {
        match (&self.source, &self.ranks) {
            (Source::Memory(..), None) => hand(self.present()),
            (Source::Memory(x, y), Some(ranks)) => {
                let (start, own) = (ranks.start(), ranks.own.clone());
                let shares = &self.batch.shares[own.clone()];
                hand(Window { start, x: x.columns_range(own.clone()), y: y.columns(own.clone()), shares });
                hand(self.tail.window(start + own.len()));
            }
            (Source::Stream(stream), None) => {
                stream.windows((0, 0), Gathered::default().window(0), self.share, hand)?;
            }
            (Source::Stream(stream), Some(ranks)) => {
                let from = (ranks.start(), ranks.own.start);
                stream.windows(from, self.tail.window(0), self.share, hand)?;
            }
        }
        Ok(())
    }
}

impl<T: Real> Samples<'_, T> {
    compiled! {
        /// Samples in play, in the same order with the same shares, which are never narrowed.
        pub(super) fn lent(this: &'a Samples<'a, T>) -> Samples<'a, T> {
            let source = match (&this.source, &this.ranks) {
                (Source::Memory(..), None) => {
                    let Window { x, y, .. } = this.present();
                    Source::Memory(x, y)
                }
                _ => this.source.clone(),
            };
            let (ranks, tail) = (this.ranks.clone(), this.tail.clone());
            let mut lent =
                Samples { count: this.in_play(), share: this.share, ranks, tail, ..Samples::unshared(source) };
            lent.batch.shares.clone_from(&this.batch.shares);
            lent.batch.range = 0..this.batch.shares.len();
            lent
        }

        /// The sum over the samples in play, or over some others, of what `run` adds, in leaves of this size.
        pub(super) fn sum(
            this: &'a Samples<'a, T>, some: Option<Window<'a, T>>, leaf: usize, counters: &'a mut [Counter],
            zero: &'a Zero<'a>, run: &'a mut Run<'a, T>,
        ) -> Result<Box<dyn Sum>, Error> {
            let mut walk = |range: Range<usize>, counters: &mut [Counter]| {
                let mut hand = |window: Window<'_, T>| {
                    let here = window.range();
                    let here = here.start.max(range.start)..here.end.min(range.end);
                    run(&Part { frame: this.frame.as_ref(), window }, here, counters);
                };
                match some {
                    Some(window) => {
                        hand(window);
                        Ok(())
                    }
                    None => this.each(&mut hand),
                }
            };
            if let (Some(ranks), None) = (&this.ranks, some) {
                return ranks.sum(leaf, counters, zero, &mut walk);
            }
            walk(0..usize::MAX, counters)?;
            let root = counters[0].finish().unwrap_or_else(zero);
            hand_back(counters);
            Ok(root)
        }
    }
}

/// Samples in memory.
pub(super) struct Part<'p, T: Real> {
    pub(super) frame: Option<&'p Frame<T>>,
    pub(super) window: Window<'p, T>,
}

/// Adds up some samples of a part, which lie side by side.
pub(super) type Run<'f, T> = dyn FnMut(&Part<'_, T>, Range<usize>, &mut [Counter]) + 'f;

impl<T: Real> Part<'_, T> {
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

    /// Inputs, targets and share of each sample that counts; `room` is for dense targets.
    pub(super) fn samples(
        &self, chunk: Range<usize>, room: &mut DMatrix<T>, mut hand: impl FnMut(&[T], &[T], T),
    ) {
        let (x, y, shares) = self.part(chunk);
        let y = y.dense(room);
        for (j, share) in shares.iter().enumerate().filter(|(_, share)| **share > T::zero()) {
            hand(x.column(j).as_slice(), y.column(j).as_slice(), *share);
        }
    }
}

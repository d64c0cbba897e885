//! Which samples there are, and what each of them weighs: in memory, in a stream, over ranks.

use std::sync::Arc;

use super::leaves::{LEAF, power_below};
use super::ranks::{Exchange, Ranks, gather};
use super::source::{Blocks, Source, Stream, extremes};
use super::state::Weights;
use super::sums::Sums;
use super::window::{Columns, Gathered, Share, Window};
use super::{EmpiricalRisk, Quantity};
use crate::contract::setting;
use crate::{Error, Loss, Model, Real, kernel};

/// The least and the largest of the weights, and how many are positive; nothing where there are none.
type Sizes<T> = Option<(T, T, usize)>;

impl<'a, T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'a, T, M, L> {
    /// The mean loss over samples that need not fit into memory: `blocks` begins at the first of them, again for each pass, and
    /// gives blocks `(x, y)` or `(x, y, weights)` of any number of samples, of the kinds that
    /// [`new`](Self::new) takes (a matrix with one sample per column, numbers, class numbers), or what went wrong.
    ///
    /// The first pass, here, checks and counts. Value, gradient, Hessian, fits, statistics and verdicts are then those of the
    /// same samples in memory, **to the last bit**, whatever blocks they come in. The next samples are read while these are
    /// summed up, by a thread of its own, in two windows of a few megabytes.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let file = "0.5 0\n1.5 1\n2.5 0\n3.5 1\n4.5 1\n";
    /// let blocks = || {
    ///     file.lines().map(|line| {
    ///         let (x, y) = line.split_once(' ').ok_or("a line without a label")?;
    ///         let x: f64 = x.parse().map_err(|_| "not a number")?;
    ///         Ok::<_, &str>(([x], [usize::from(y == "1")]))
    ///     })
    /// };
    /// let model = SigmoidClassifier::new(1);
    /// let fitted = EmpiricalRisk::from_stream(model, LogLoss, &blocks)?.fit()?;
    /// let in_memory = model.fit(&[0.5, 1.5, 2.5, 3.5, 4.5], &[0, 1, 0, 1, 1])?;
    /// assert_eq!(fitted, in_memory);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// What goes wrong in a later pass, or where that has other samples in number or shape, ends a run as
    /// [`Termination::Failed`](crate::Termination::Failed) at the last good point, with the [error](Error) in its report.
    /// Batches, and so a [`Trainer`](crate::Trainer), need samples in memory.
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and [`Error::Failed`] with the block and the pass for what `blocks` gives as an error.
    pub fn from_stream(model: M, loss: L, blocks: &'a impl Blocks<T, L>) -> Result<Self, Error> {
        super::check_pair(&model, &loss)?;
        let (stream, some) = Stream::new(blocks, &loss, (model.inputs(), model.outputs()))?;
        Self::of(model, loss, Source::Stream(stream), some.as_view())
    }

    /// The same risk of all samples that the ranks hold: each of them gives its own, in memory or by a stream, in the order of
    /// the ranks, and calls the same methods as the others. Then value, gradient, Hessian, fits, statistics and verdicts are,
    /// on every rank and **to the last bit**, those of all samples in one process.
    ///
    /// Ranks may hold any number of samples from 1 on; those near their ends change hands here, once, so that leaves are
    /// whole: fewer than 1,024, or a sixty-fourth of a share. [`Exchange`] has an example.
    ///
    /// An error of one rank is an error on all: a run ends as [`Termination::Failed`](crate::Termination::Failed) at the last
    /// good point. Batches, and so a [`Trainer`](crate::Trainer), need samples in the memory of one process.
    ///
    /// # Errors
    /// [`Error::Disagree`] where ranks have another number of features, outputs or parameters than the first, or only some of
    /// them weights; [`Error::Rank`] for an error of another rank; those of the exchange; [`Error::Setting`] where no weight
    /// is positive.
    pub fn over(mut self, exchange: &'a dyn Exchange) -> Result<Self, Error> {
        let (rank, size) = (exchange.rank(), exchange.size());
        setting("rank", "less than the number of ranks", T::of(rank as f64), rank < size)?;
        let (tail, tail_shares) = (Arc::new(Gathered::default()), Vec::new());
        self.ranks = Some(Ranks { exchange, starts: Vec::new(), own: 0..0, tail, tail_shares });
        self.settle()?;
        Ok(self)
    }

    /// Finds out which samples there are, and gives each its share.
    pub(super) fn settle(&mut self) -> Result<(), Error> {
        self.forget();
        (self.workers, self.counters) = Default::default();
        let count = self.source.samples();
        let mut weights = match &self.source {
            Source::Stream(stream) => stream.weights,
            Source::Memory(..) => self.weights.as_ref().map(|weights| extremes(&weights.w)),
        };
        self.count = count;
        if let Some(ranks) = self.ranks.take() {
            let (counts, all) = self.meet(ranks.exchange, count, weights)?;
            self.count = counts.iter().sum();
            weights = all;
            self.ranks = Some(self.share_out(ranks.exchange, &counts)?);
        }
        let Some((least, largest, positive)) = weights else {
            self.share = Share { scale: T::one(), total: T::of(self.count as f64) };
            self.give_shares();
            return Ok(());
        };
        if positive == 0 {
            let expected = "positive for at least one sample";
            return Err(Error::Setting { name: "weights", expected, found: 0.0 });
        }
        let (scale, _) = largest.unit();
        let w = self.weights.take().map_or_else(Vec::new, |weights| weights.w);
        self.weights = Some(Weights {
            w,
            scale,
            sum: T::one(),
            count: positive,
            equal: (least == largest).then_some(least),
        });
        self.share = Share { scale, total: T::one() };
        self.give_shares();
        let zeros = Sums::zeros(0, 0);
        let sums = self.sum_chunks(Quantity::Value, zeros, |here, chunk, _, sums| {
            sums.value += kernel::sum(here.part(chunk).2);
        });
        self.failure.take().map_or(Ok(()), Err)?;
        self.share.total = sums.value;
        self.weights.iter_mut().for_each(|weights| weights.sum = sums.value);
        self.give_shares();
        Ok(())
    }

    /// The shares of samples in memory.
    fn give_shares(&mut self) {
        let Source::Memory(x, _) = self.source else { return };
        let m = x.ncols();
        self.batch.shares.clear();
        match &self.weights {
            Some(weights) => self.batch.shares.extend(weights.w.iter().map(|w| self.share.of(*w))),
            None => self.batch.shares.resize(m, self.share.of(T::one())),
        }
        self.batch.range = 0..m;
        self.batch.is_gathered = false;
        if let Some(ranks) = &mut self.ranks {
            ranks.tail_shares = ranks.tail.shares.iter().map(|w| self.share.of(*w)).collect();
        }
    }

    /// How many samples each rank has, and of what size weights are on all.
    fn meet(
        &self, exchange: &dyn Exchange, count: usize, weights: Sizes<T>,
    ) -> Result<(Vec<usize>, Sizes<T>), Error> {
        const SAME: [&str; 6] = [
            "features",
            "outputs",
            "parameters",
            "bytes in a number",
            "class numbers (0: none)",
            "weights (0: none)",
        ];
        let (least, largest, positive) = weights.unwrap_or_default();
        let sizes = [self.model.inputs(), self.model.outputs(), self.model.parameter_count(), size_of::<T>()];
        let kinds = [self.source.is_of_classes(), weights.is_some()].map(usize::from);
        let mut mine: Vec<f64> =
            sizes.into_iter().chain(kinds).chain([count, positive]).map(|size| size as f64).collect();
        mine.extend([least.f64(), largest.f64()]);
        let all = gather(exchange, Ok(mine))?;
        let (mut counts, mut sum) = (Vec::new(), (T::MAX, T::zero(), 0));
        for (rank, numbers) in all.iter().enumerate() {
            let wrong = || Error::Rank { rank, what: "it does not begin with the others".into() };
            let [same @ .., count, positive, least, largest] = &numbers[..] else { return Err(wrong()) };
            let differs =
                same.iter().zip(&all[0]).zip(SAME).find(|((found, first), _)| found.total_cmp(first).is_ne());
            if let Some(((found, expected), what)) = differs {
                let (expected, found) = (*expected as usize, *found as usize);
                return Err(Error::Disagree { what, rank, expected, found });
            }
            counts.push(*count as usize);
            sum = (sum.0.min(T::of(*least)), sum.1.max(T::of(*largest)), sum.2 + *positive as usize);
        }
        Ok((counts, weights.map(|_| sum)))
    }

    /// Moves samples near the ends of ranks so that each begins at a leaf.
    fn share_out(&self, exchange: &'a dyn Exchange, counts: &[usize]) -> Result<Ranks<'a, T>, Error> {
        let (rank, shape) = (exchange.rank(), (self.model.inputs(), self.model.outputs()));
        let is_of_classes = self.source.is_of_classes();
        let unit = power_below(self.count / (64 * counts.len())).max(LEAF);
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        let begins: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let starts: Vec<_> =
            begins.iter().map(|begin| begin.next_multiple_of(unit).min(self.count)).collect();
        let (begin, end) = (begins[rank], begins[rank + 1]);
        let skipped = starts[rank].min(end) - begin;
        let heads = gather(exchange, self.head(skipped).map(|head| head.numbers(is_of_classes)))?;

        let mut own = skipped..end - begin;
        let mut tail = Gathered::new(shape, 0);
        if starts[rank + 1] > end {
            let room = starts[rank + 1] - starts[rank].min(end / LEAF * LEAF);
            tail = Gathered::new(shape, room);
            if let (Source::Memory(x, y), false) = (&self.source, own.is_empty()) {
                own.end = (end / LEAF * LEAF).max(begin + skipped) - begin;
                let w = self.weights.as_ref().map(|weights| &weights.w[..]);
                tail.push(&Columns { x: *x, y: *y, weights: w }, own.end..end - begin, Share::none());
            }
            for (other, numbers) in heads.iter().enumerate().skip(rank + 1) {
                let head = Gathered::of(shape, is_of_classes, numbers);
                let wrong =
                    || Error::Rank { rank: other, what: "samples that change hands are not whole".into() };
                let head = head.ok_or_else(wrong)?;
                let wanted =
                    starts[rank].max(begins[other])..starts[rank + 1].min(begins[other] + head.len());
                if !wanted.is_empty() {
                    let wanted = wanted.start - begins[other]..wanted.end - begins[other];
                    tail.push(&head.columns(is_of_classes), wanted, Share::none());
                }
            }
        }
        Ok(Ranks { exchange, starts, own, tail: Arc::new(tail), tail_shares: Vec::new() })
    }

    /// Copies of the first samples of this process, with their weights.
    fn head(&self, samples: usize) -> Result<Gathered<T>, Error> {
        match &self.source {
            Source::Stream(stream) if samples > 0 => stream.head(samples),
            Source::Memory(x, y) if samples > 0 => {
                let mut head = Gathered::new((self.model.inputs(), self.model.outputs()), samples);
                let w = self.weights.as_ref().map(|weights| &weights.w[..]);
                head.push(&Columns { x: *x, y: *y, weights: w }, 0..samples, Share::none());
                Ok(head)
            }
            _ => Ok(Gathered::default()),
        }
    }

    /// Hands out the samples in play, all of them in memory or one window after the other.
    pub(super) fn each(&self, mut hand: impl FnMut(Window<'_, T>)) -> Result<(), Error> {
        let is_of_classes = self.source.is_of_classes();
        match (&self.source, &self.ranks) {
            (Source::Memory(..), None) => hand(self.present()),
            (Source::Memory(x, y), Some(ranks)) => {
                let Ranks { own, tail, tail_shares, .. } = ranks;
                let start = ranks.start();
                let (x, shares) = (x.columns_range(own.clone()), &self.batch.shares[own.clone()]);
                hand(Window { start, x, y: y.columns(own.clone()), shares });
                hand(Window { start: start + own.len(), ..tail.present(tail_shares, is_of_classes) });
            }
            (Source::Stream(stream), None) => stream.windows((0, 0), None, self.share, hand)?,
            (Source::Stream(stream), Some(ranks)) => {
                stream.windows((ranks.start(), ranks.own.start), Some(&ranks.tail), self.share, hand)?;
            }
        }
        Ok(())
    }
}

//! Which samples there are, and what each of them weighs: in memory, in a stream, over ranks.

use std::ops::Range;
use std::sync::Arc;

use super::EmpiricalRisk;
use super::leaves::{Adder, InPlace, LEAF, Leaves, chunk_width, power_below};
use super::pass::Summing;
use super::ranks::{Exchange, Ranks, gather};
use super::samples::{Part, Samples};
use super::source::{Blocks, Source, Stream};
use super::state::{Quantity, Weights};
use super::sums::{Sums, boxed};
use super::tree::{Counter, of_kind};
use super::window::{Gathered, Share};
use crate::contract::setting;
use crate::kernel::compiled;
use crate::{Error, Loss, Model, Real, kernel};

impl<'a, T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'a, T, M, L> {
    /// The mean loss over samples that need not fit into memory: `blocks` begins at the first of them, again for each pass, and
    /// gives blocks `(x, y)` or `(x, y, weights)` of any number of samples, of the kinds that
    /// [`new`](Self::new) takes (a matrix with one sample per column, numbers, class numbers), or what went wrong.
    ///
    /// The first pass, here, checks and counts. Value, gradient, Hessian, fits, statistics and verdicts are then those of the
    /// same samples in memory, **to the last bit**, whatever blocks they come in. The next samples are read while these are
    /// summed up, by a thread of its own, in four windows of a few megabytes.
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
    /// [`Termination::Failed`](crate::Termination::Failed) at the last good point, with the [error](Error) in its report; so does
    /// a source that is lost while the end of the run is judged.
    /// Batches, and so a [`Trainer`](crate::Trainer), need samples in memory, and so do the residuals of
    /// [`LevenbergMarquardt`](crate::LevenbergMarquardt) and [`GaussNewton`](crate::GaussNewton).
    ///
    /// # Errors
    /// Those of [`new`](Self::new), and [`Error::Failed`] with the block and the pass for what `blocks` gives as an error.
    pub fn from_stream(model: M, loss: L, blocks: &'a impl Blocks<T, L>) -> Result<Self, Error> {
        super::check_pair(&model, &loss)?;
        let (stream, some, weights) = Stream::new(blocks, &loss, (model.inputs(), model.outputs()))?;
        Self::of(model, loss, Source::Stream(stream), weights, some.as_view())
    }

    /// The same risk of all samples that the ranks hold: each of them gives its own, in memory or by a stream, in the order of
    /// the ranks, and calls the same methods as the others. Then value, gradient, Hessian, fits, statistics and verdicts are,
    /// on every rank and **to the last bit**, those of all samples in one process.
    ///
    /// Ranks may hold any number of samples from 1 on; their [weights](Self::with_weights) are given after this. Samples near
    /// their ends change hands here, once, so that leaves are whole: fewer than 1,024, or a sixty-fourth of a share.
    /// [`Exchange`] has an example.
    ///
    /// An error of one rank is an error on all: a run ends as [`Termination::Failed`](crate::Termination::Failed) at the last
    /// good point. Batches, and so a [`Trainer`](crate::Trainer), and residuals need samples in the memory of one process.
    ///
    /// # Errors
    /// [`Error::Disagree`] where ranks have another number of features, outputs or parameters than the first, or only some of
    /// them weights; [`Error::Rank`] for an error of another rank; those of the exchange; [`Error::Setting`] where no weight
    /// is positive.
    pub fn over(mut self, exchange: &'a dyn Exchange) -> Result<Self, Error> {
        let (rank, size) = (exchange.rank(), exchange.size());
        setting("rank", "less than the number of ranks", T::of(rank as f64), rank < size)?;
        self.samples.ranks = Some(Ranks { exchange, starts: Vec::new(), own: 0..0, point: 0.0 });
        self.with_shares(Ok(()))
    }

    /// With its share for each sample; what is wrong with them here is an error on all ranks.
    pub(super) fn with_shares(mut self, found: Result<(), Error>) -> Result<Self, Error> {
        self.forget();
        self.summing = Summing::default();
        let sizes = [self.model.inputs(), self.model.outputs(), self.model.parameter_count()];
        self.samples = settled(self.samples, sizes, found)?;
        Ok(self)
    }
}

compiled! {
    /// Samples, each with its share.
    fn settled<T>(samples: Samples<'a, T>, sizes: [usize; 3], found: Result<(), Error>) -> Result<Samples<'a, T>, Error> {
        samples.settled(sizes, found)
    }
}

impl<'a, T: Real> Samples<'a, T> {
    /// Finds out which samples there are, and gives each its share, for a model of so many features, outputs and parameters.
    fn settled(mut self, sizes: [usize; 3], found: Result<(), Error>) -> Result<Self, Error> {
        self.count = self.source.samples();
        let counts = match self.ranks.as_ref().map(|ranks| ranks.exchange) {
            Some(exchange) => Some(self.meet(exchange, sizes, found)?),
            None => found.map(|()| None)?,
        };
        let largest = self.weights.as_ref().map_or(T::one(), |weights| weights.largest);
        let expected = "positive for at least one sample (one rank among others gives its own after `over`)";
        setting("weights", expected, T::zero(), largest > T::zero())?;
        // `w · scale`, then its share of their sum
        self.share = Share { scale: largest.unit().0, total: T::one() };
        if let Source::Memory(x, _) = self.source {
            self.batch.shares.clear();
            match &self.weights {
                Some(weights) => self.batch.shares.extend(weights.w.iter().map(|w| self.share.of(*w))),
                None => self.batch.shares.resize(x.ncols(), T::one()),
            }
            self.batch.range = 0..x.ncols();
            self.batch.is_gathered = false;
        }
        if let (Some(ranks), Some(counts)) = (self.ranks.take(), counts) {
            self.share_out(ranks.exchange, &counts, sizes)?;
        }
        self.share.total = match self.weights {
            Some(_) => self.total_share(sizes)?,
            None => T::of(self.count as f64),
        };
        self.batch.shares.iter_mut().for_each(|share| *share /= self.share.total);
        let tail = &mut Arc::make_mut(&mut self.tail).shares;
        tail.iter_mut().for_each(|share| *share /= self.share.total);
        Ok(self)
    }

    /// The sum of the shares of samples.
    fn total_share(&mut self, [_, _, parameters]: [usize; 3]) -> Result<T, Error> {
        let leaves = Leaves::new(self.in_play(), chunk_width(parameters), 0);
        self.ranks.iter_mut().for_each(|ranks| ranks.stand_at::<T>(Quantity::Value as u64, &[]));
        let zero = || boxed::<T>(0, 0);
        let adder = Adder { leaves, in_place: InPlace::InLeaf, zero: &zero };
        let mut workers = vec![(); leaves.threads(1)];
        let mut counters: Vec<_> = workers.iter().map(|()| Counter::default()).collect();
        let mut run = |part: &Part<'_, T>, range: Range<usize>, counters: &mut [Counter]| {
            adder.range(range, &mut workers, counters, &|chunk, (), sum| {
                of_kind::<Sums<T>>(sum).value += kernel::sum(part.part(chunk).2);
            });
        };
        let mut sum = self.sum(None, leaves.size, &mut counters, &zero, &mut run)?;
        Ok(of_kind::<Sums<T>>(&mut *sum).value)
    }

    /// How many samples each rank has; of what size weights are on all.
    fn meet(
        &mut self, exchange: &dyn Exchange, [inputs, outputs, parameters]: [usize; 3],
        found: Result<(), Error>,
    ) -> Result<Vec<usize>, Error> {
        const SAME: [&str; 6] = [
            "features",
            "outputs",
            "parameters",
            "bytes in a number",
            "class numbers (0: none)",
            "weights (0: none)",
        ];
        let sizes = [inputs, outputs, parameters, size_of::<T>()];
        let kinds = [self.source.is_of_classes(), self.weights.is_some()].map(usize::from);
        let mut mine: Vec<f64> =
            sizes.into_iter().chain(kinds).chain([self.count]).map(|size| size as f64).collect();
        let Weights { least, largest, positive, .. } = self.weights.clone().unwrap_or_else(Weights::none);
        mine.extend([least.f64(), largest.f64(), positive as f64]);
        let mut counts = Vec::new();
        for (rank, numbers) in gather(exchange, found.map(|()| mine), &SAME)?.into_iter().enumerate() {
            let [_, _, _, _, _, _, count, least, largest, positive] = numbers[..] else {
                return Err(Error::Rank { rank, what: "it does not begin with the others".into() });
            };
            counts.push(count as usize);
            if let Some(weights) = self.weights.as_mut().filter(|_| rank != exchange.rank()) {
                weights.see(T::of(least), T::of(largest), positive as usize);
            }
        }
        self.count = counts.iter().sum();
        Ok(counts)
    }

    /// Moves samples near the ends of ranks so that each begins at a leaf.
    fn share_out(
        &mut self, exchange: &'a dyn Exchange, counts: &[usize], [n, k, _]: [usize; 3],
    ) -> Result<(), Error> {
        let (rank, is_of_classes) = (exchange.rank(), self.source.is_of_classes());
        let unit = power_below(self.count / (64 * counts.len())).max(LEAF);
        let ends = counts.iter().scan(0, |end, count| {
            *end += count;
            Some(*end)
        });
        let begins: Vec<usize> = std::iter::once(0).chain(ends).collect();
        let starts: Vec<_> =
            begins.iter().map(|begin| begin.next_multiple_of(unit).min(self.count)).collect();
        // what a rank gives to those before
        let given = |rank: usize| begins[rank]..starts[rank].min(begins[rank + 1]);
        let (begin, end, skipped) = (begins[rank], begins[rank + 1], given(rank).len());
        let mut head = Vec::new();
        let written = match &self.source {
            Source::Stream(stream) if skipped > 0 => stream.write(skipped, &mut head),
            _ => {
                self.columns().iter().for_each(|columns| columns.write(0..skipped, &mut head));
                Ok(())
            }
        };
        let heads = gather(exchange, written.map(|()| head), &[])?;

        let mut own = skipped..end - begin;
        let cut = (end / LEAF * LEAF).max(begin + skipped);
        let mut tail = Gathered::new((n, k), starts[rank + 1] - starts[rank].max(end) + end - cut);
        if let Some(columns) = self.columns() {
            own.end = cut - begin;
            tail.push(&columns, own.end..end - begin, self.share);
        }
        let size = n + if is_of_classes { 1 } else { k } + 1;
        for (other, numbers) in heads.iter().enumerate().skip(rank + 1) {
            if numbers.len() != size * given(other).len() {
                let what = "samples that change hands are not whole".into();
                return Err(Error::Rank { rank: other, what });
            }
            let wanted = given(other).start.max(starts[rank])..given(other).end.min(starts[rank + 1]);
            if !wanted.is_empty() {
                let [from, to] = [wanted.start, wanted.end].map(|sample| (sample - begins[other]) * size);
                tail.read(&numbers[from..to], is_of_classes, self.share);
            }
        }
        self.tail = Arc::new(tail);
        self.ranks = Some(Ranks { exchange, starts, own, point: 0.0 });
        Ok(())
    }
}

//! One sum over processes: each adds up its own leaves, and all of them the subtrees of all.

use std::ops::Range;
use std::sync::Arc;

use super::tree::{Counter, Node, Summand};
use super::window::Gathered;
use crate::{Error, Real};

/// How the ranks of a computation that is spread over processes or machines hand each other what they have: by MPI, by
/// sockets, or, as here, by threads.
///
/// **An implementor must** return, on every rank, what each rank gave to the same call, in the order of the ranks, byte
/// for byte and of any length, none included; the call returns when all have given theirs. Nothing is added by the
/// engine: the crate adds, in an order that depends on the samples alone. Where a rank is lost the call must fail, not
/// wait, if the engine can tell; what it says then is the error of the evaluation on every rank.
///
/// ```
/// use std::sync::{Barrier, Mutex};
/// use gradus::{EmpiricalRisk, Error, Exchange, SigmoidClassifier, LogLoss};
///
/// /// Threads that wait for each other.
/// struct Table {
///     meet: Barrier,
///     given: Mutex<Vec<Vec<u8>>>,
/// }
///
/// struct Seat<'t>(usize, &'t Table);
///
/// impl Exchange for Seat<'_> {
///     fn rank(&self) -> usize {
///         self.0
///     }
///     fn size(&self) -> usize {
///         2
///     }
///     fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
///         self.1.given.lock().unwrap()[self.0] = mine.to_vec();
///         self.1.meet.wait();
///         let all = self.1.given.lock().unwrap().clone();
///         self.1.meet.wait();
///         Ok(all)
///     }
/// }
///
/// let table = Table { meet: Barrier::new(2), given: Mutex::new(vec![vec![]; 2]) };
/// let (x, y) = ([0.5, 1.5, 2.5, 3.5, 4.5, 5.5], [0, 1, 0, 1, 0, 1]);
/// let fit = |rank: usize| {
///     let (seat, mine) = (Seat(rank, &table), [0..2, 2..6][rank].clone());
///     let (x, y) = (&x[mine.clone()], &y[mine]);
///     let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, x, y)?;
///     risk.over(&seat)?.fit().map(|fitted| fitted.parameters().clone())
/// };
/// let (first, second) = std::thread::scope(|scope| {
///     let second = scope.spawn(|| fit(1));
///     (fit(0), second.join().expect("no panic"))
/// });
/// let alone = SigmoidClassifier::new(1).fit(&x, &y)?;
/// assert_eq!(&first?, alone.parameters()); // to the last bit
/// assert_eq!(&second?, alone.parameters());
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Exchange: Sync {
    /// The number of this rank, from 0.
    fn rank(&self) -> usize;

    /// How many ranks there are.
    fn size(&self) -> usize;

    /// Hands `mine` to all ranks and returns what each of them gave, in their order, this one included.
    ///
    /// # Errors
    /// What went wrong, as [`Error::Failed`].
    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error>;
}

/// The ranks, and which samples are whose. A leaf belongs to one rank: what stands before the first one that begins among
/// a rank's samples goes to the ranks before.
#[derive(Clone)]
pub(super) struct Ranks<'a, T: Real> {
    pub(super) exchange: &'a dyn Exchange,
    /// Where the samples of each rank begin among all, and where the last ones end.
    pub(super) starts: Vec<usize>,
    /// Of the samples in the memory of this rank, those that it sums up where they lie.
    pub(super) own: Range<usize>,
    /// Copies of those that follow: from later ranks, and those in memory that share a chunk with them.
    pub(super) tail: Arc<Gathered<T>>,
    /// A hash of what was last evaluated, and at which parameters: it has to be the same on all ranks.
    pub(super) point: f64,
}

impl<T: Real> std::fmt::Debug for Ranks<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ranks").field("rank", &self.exchange.rank()).finish_non_exhaustive()
    }
}

impl<T: Real> Ranks<'_, T> {
    /// The number of the first sample of this rank among all.
    pub(super) fn start(&self) -> usize {
        self.starts[self.exchange.rank()]
    }

    /// The sum over all ranks, in each of which `walk` adds up its samples. Where leaves are so large that ranks share one
    /// they take turns.
    pub(super) fn sum<S: Summand>(
        &self, leaf: usize, counters: &mut [Counter<S>], zero: impl Fn() -> S,
        mut walk: impl FnMut(&mut [Counter<S>]) -> Result<(), Error>,
    ) -> Result<S, Error> {
        let samples = self.starts.last().copied().unwrap_or_default();
        let is_whole = |start: &usize| start.is_multiple_of(leaf) || *start == samples;
        let together = self.starts.iter().all(is_whole);
        let mut total = Counter::default();
        for turn in 0..if together { 1 } else { self.exchange.size() } {
            // the leaf that is not whole goes to the next rank alone
            let (open, mut mine) = (total.open.take(), Ok(vec![self.point]));
            if together || turn == self.exchange.rank() {
                counters[0].open = open;
                mine = walk(counters).map(|()| write(self.point, &mut counters[0]));
            }
            for (rank, numbers) in gather(self.exchange, mine, [POINT])?.into_iter().enumerate() {
                read(numbers, &mut total, &zero).ok_or_else(|| Error::Rank {
                    rank,
                    what: "its sums are of another size: it evaluates something else".into(),
                })?;
            }
        }
        Ok(total.finish().unwrap_or_else(zero))
    }

    /// Notes what is evaluated next (Fowler, Noll and Vo's hash).
    pub(super) fn stand_at(&mut self, what: u64, theta: &[T]) {
        let bits = theta.iter().map(|x| x.f64().to_bits());
        let hash = std::iter::once(what).chain(bits).fold(0xcbf2_9ce4_8422_2325_u64, |hash, bits| {
            (hash ^ bits ^ bits >> 32).wrapping_mul(0x0100_0000_01b3)
        });
        self.point = (hash >> 11) as f64;
    }
}

const POINT: &str = "the parameters or what is asked of them (by a hash)";

/// The point, then nodes one after the other, each with level and index before its numbers; a leaf that is not whole has
/// no level.
fn write<S: Summand>(point: f64, counter: &mut Counter<S>) -> Vec<f64> {
    let mut all = vec![point];
    let open = counter.open.take().map(|sum| (-1.0, Node { level: 0, index: 0, sum }));
    let whole = counter.drain().map(|node| (f64::from(node.level), node));
    for (level, Node { index, mut sum, .. }) in whole.chain(open) {
        all.extend([level, index as f64]);
        all.extend(sum.numbers().map(|x| x.f64()));
    }
    all
}

fn read<S: Summand>(numbers: Vec<f64>, to: &mut Counter<S>, zero: &impl Fn() -> S) -> Option<()> {
    let mut numbers = numbers.into_iter().skip(1);
    while let Some(level) = numbers.next() {
        let (index, mut sum) = (numbers.next()?, zero());
        for x in sum.numbers() {
            *x = S::Number::of(numbers.next()?);
        }
        if level < 0.0 {
            to.open = Some(sum);
        } else {
            to.push(Node { level: level as u32, index: index as usize, sum });
        }
    }
    Some(())
}

/// What all ranks have, unless one of them has failed, or begins with other numbers than the first: then that is an error
/// on all.
pub(super) fn gather<const N: usize>(
    exchange: &dyn Exchange, mine: Result<Vec<f64>, Error>, same: [&'static str; N],
) -> Result<Vec<Vec<f64>>, Error> {
    let message: Vec<u8> = match &mine {
        Ok(numbers) => std::iter::once(0).chain(numbers.iter().flat_map(|x| x.to_le_bytes())).collect(),
        Err(error) => std::iter::once(1).chain(error.to_string().into_bytes()).collect(),
    };
    let all = exchange.gather(&message)?;
    mine?;
    if all.len() != exchange.size() {
        return Err(Error::Length {
            argument: "what is gathered",
            expected: exchange.size(),
            found: all.len(),
        });
    }
    let numbers = |(rank, message): (usize, Vec<u8>)| match message.split_first() {
        Some((0, bytes)) => {
            Ok::<Vec<f64>, _>(bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect())
        }
        Some((_, text)) => Err(Error::Rank { rank, what: String::from_utf8_lossy(text).into_owned() }),
        None => Err(Error::Rank { rank, what: "it gave nothing".into() }),
    };
    let all = all.into_iter().enumerate().map(numbers).collect::<Result<Vec<_>, _>>()?;
    for (rank, numbers) in all.iter().enumerate() {
        let mut begin = numbers.iter().zip(&all[0]).zip(same);
        if let Some(((found, expected), what)) = begin.find(|((found, first), _)| found != first) {
            let (expected, found) = (*expected as usize, *found as usize);
            return Err(Error::Disagree { what, rank, expected, found });
        }
    }
    Ok(all)
}

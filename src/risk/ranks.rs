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
    /// Copies of those that follow: from later ranks, and those in memory that share a chunk with them; in the place of shares stand weights.
    pub(super) tail: Arc<Gathered<T>>,
    pub(super) tail_shares: Vec<T>,
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
            let (open, mut mine) = (total.open.take(), Ok(Vec::new()));
            if together || turn == self.exchange.rank() {
                counters[0].open = open;
                mine = walk(counters).map(|()| subtrees(&mut counters[0]));
            }
            for (rank, numbers) in gather(self.exchange, mine)?.into_iter().enumerate() {
                read(&numbers, &mut total, &zero).ok_or_else(|| Error::Rank {
                    rank,
                    what: "its sums are of another size: it evaluates something else".into(),
                })?;
            }
        }
        Ok(total.finish().unwrap_or_else(zero))
    }
}

/// Nodes one after the other, each with level, index and length before its numbers; a leaf that is not whole has no level.
fn subtrees<S: Summand>(counter: &mut Counter<S>) -> Vec<f64> {
    let mut all = Vec::new();
    let mut write = |level: f64, index: usize, sum: &S| {
        let numbers = sum.numbers();
        all.extend([level, index as f64, numbers.len() as f64]);
        all.extend(numbers);
    };
    for Node { level, index, sum } in counter.drain() {
        write(f64::from(level), index, &sum);
    }
    if let Some(sum) = counter.open.take() {
        write(-1.0, 0, &sum);
    }
    all
}

fn read<S: Summand>(mut numbers: &[f64], to: &mut Counter<S>, zero: &impl Fn() -> S) -> Option<()> {
    while let [level, index, length, rest @ ..] = numbers {
        let (sum_of, after) = rest.split_at_checked(*length as usize)?;
        let mut sum = zero();
        sum.take(sum_of)?;
        if *level < 0.0 {
            to.open = Some(sum);
        } else {
            to.push(Node { level: *level as u32, index: *index as usize, sum });
        }
        numbers = after;
    }
    numbers.is_empty().then_some(())
}

/// What all ranks have, unless one of them has failed: then that is an error on all.
pub(super) fn gather(exchange: &dyn Exchange, mine: Result<Vec<f64>, Error>) -> Result<Vec<Vec<f64>>, Error> {
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
        Some((0, bytes)) => Ok(bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect()),
        Some((_, text)) => Err(Error::Rank { rank, what: String::from_utf8_lossy(text).into_owned() }),
        None => Err(Error::Rank { rank, what: "it gave nothing".into() }),
    };
    all.into_iter().enumerate().map(numbers).collect()
}

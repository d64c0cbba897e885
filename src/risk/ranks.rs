//! One sum over processes: each adds up its own leaves, and all of them the subtrees of all.

use std::ops::Range;

use super::tree::{Counter, Node, Sum, Zero};
use crate::contract::check_length;
use crate::kernel::compiled;
use crate::{Error, Real};

/// How the ranks of a computation that is spread over processes or machines hand each other what they have: by MPI, by
/// sockets, or, as here, by threads.
///
/// **An implementor must** return, on every rank, what each rank gave to the same call, in the order of the ranks, byte
/// for byte and of any length, none included; the call returns when all have given theirs. Nothing is added by the
/// engine: the crate adds, in an order that depends on the samples alone. Where a rank is lost the call must fail, not
/// wait, if the engine can tell; what it says then is the error of the evaluation on every rank.
///
/// **A caller must** begin at the same point on every rank and call the same methods there. Each exchange carries a hash of
/// the parameters: ranks that differ are [`Error::Disagree`] on all.
///
/// # What it costs
///
/// One exchange an evaluation. A rank gives `s` sums, of 8 bytes a parameter for a gradient, `4 p²` for a Hessian, and
/// receives those of all `R` ranks, which it keeps until they are added: `s` is 1 where all have the same power of two of
/// samples, and 12 at the most. With `F` operations a second a machine and `B` bytes a second between them, the Hessian of an
/// affine model takes `m p² / (R F) + 4 s R p² / B` and the latency of `log₂ R` messages: of more than `√(m B / 4 s F)`
/// machines each makes it slower, whatever `p`. A gradient, which reads `8 m p / R` bytes at `M` a second, gains up to
/// `√(m B / s M)` of them. On paper, for 10⁸ samples of 1,000 features, `F` = 10¹², `M` = 10¹¹, `B` = 1.25 × 10⁹ (10 Gbit/s)
/// and 20 µs a message:
///
/// | machines | Hessian (100 s alone) | received | gradient (8 s alone) | received |
/// |---|---|---|---|---|
/// | 8 | 12.5 s, 8.0 × | 32 MB | 1.0 s, 8.0 × | 64 kB |
/// | 64 | 1.77 s, 57 × | 256 MB | 0.13 s, 64 × | 512 kB |
/// | 177 | 1.13 s, 88 × | 708 MB | 0.047 s, 172 × | 1.4 MB |
/// | 256 | 1.21 s, 83 × | 1 GB | 0.033 s, 242 × | 2 MB |
/// | 1,024 | 3.4 s, 30 × | 4 GB | 0.015 s, 550 × | 8 MB |
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
pub(super) struct Ranks<'a> {
    pub(super) exchange: &'a dyn Exchange,
    /// Where the samples of each rank begin among all, and where the last ones end.
    pub(super) starts: Vec<usize>,
    /// Of the samples in the memory of this rank, those that it sums up where they lie.
    pub(super) own: Range<usize>,
    /// A hash of what was last evaluated, and at which parameters: it has to be the same on all ranks.
    pub(super) point: f64,
}

impl std::fmt::Debug for Ranks<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ranks").field("rank", &self.exchange.rank()).finish_non_exhaustive()
    }
}

/// Adds up some of the samples of this rank.
type Walk<'f> = dyn FnMut(Range<usize>, &mut [Counter]) -> Result<(), Error> + 'f;

impl Ranks<'_> {
    /// The number of the first sample of this rank among all.
    pub(super) fn start(&self) -> usize {
        self.starts[self.exchange.rank()]
    }

    /// The sum over all ranks, in each of which `walk` adds up some of its samples: from its first whole leaf on, then those
    /// before, which belong to a leaf that another rank has begun.
    pub(super) fn sum(
        &self, leaf: usize, counters: &mut [Counter], zero: &Zero<'_>, walk: &mut Walk<'_>,
    ) -> Result<Box<dyn Sum>, Error> {
        let of_rank = |(rank, ends): (usize, &[usize])| {
            let first = ends[0].next_multiple_of(leaf).min(ends[1]);
            [(rank, ends[0]..first), (rank, first..ends[1])]
        };
        let mut pieces: Vec<_> = self.starts.windows(2).enumerate().flat_map(of_rank).collect();
        pieces.retain(|(_, piece)| !piece.is_empty());
        let mut sums: Vec<Option<Counter>> = pieces.iter().map(|_| None).collect();
        while sums.iter().any(Option::is_none) {
            let begins = |i: usize| pieces[i].1.start.is_multiple_of(leaf);
            let is_next = |i: &usize| sums[*i].is_none() && (begins(*i) || sums[i - 1].is_some());
            let next: Vec<usize> = (0..pieces.len()).filter(is_next).collect();
            let mut mine = Ok(vec![self.point]);
            if let Some(i) = next.iter().copied().find(|i| pieces[*i].0 == self.exchange.rank()) {
                if !begins(i) {
                    counters[0].open = sums[i - 1].as_mut().and_then(|before| before.open.take());
                }
                mine = walk(pieces[i].1.clone(), counters).map(|()| write(self.point, &mut counters[0]));
            }
            let all = gather(self.exchange, mine, &[POINT])?;
            for i in next {
                let rank = pieces[i].0;
                sums[i] = Some(read(&all[rank], zero).ok_or_else(|| Error::Rank {
                    rank,
                    what: "its sums are of another size: it evaluates something else".into(),
                })?);
            }
        }
        let mut total = Counter::default();
        sums.iter_mut().flatten().for_each(|part| part.drain().for_each(|node| total.push(node)));
        Ok(total.finish().unwrap_or_else(zero))
    }

    /// Notes what is evaluated next.
    pub(super) fn stand_at<T: Real>(&mut self, what: u64, theta: &[T]) {
        self.point = hash(what, theta);
    }
}

compiled! {
    /// Fowler, Noll and Vo's hash.
    fn hash<T>(what: u64, theta: &'a [T]) -> f64 {
        let bits = theta.iter().map(|x| x.f64().to_bits());
        let hash = std::iter::once(what).chain(bits).fold(0xcbf2_9ce4_8422_2325_u64, |hash, bits| {
            (hash ^ bits ^ bits >> 32).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 11) as f64
    }
}

const POINT: &str = "the parameters or what is asked of them (by a hash)";

/// The point, then nodes one after the other, each with level and index before its numbers; a leaf that is not whole has
/// no level.
fn write(point: f64, counter: &mut Counter) -> Vec<f64> {
    let mut all = vec![point];
    let open = counter.open.take().map(|sum| (-1.0, Node { level: 0, index: 0, sum }));
    let whole = counter.drain().map(|node| (f64::from(node.level), node));
    for (level, Node { index, mut sum, .. }) in whole.chain(open) {
        all.extend([level, index as f64]);
        sum.write(&mut all);
    }
    all
}

fn read(numbers: &[f64], zero: &Zero<'_>) -> Option<Counter> {
    let (mut numbers, mut counter) = (numbers.get(1..)?.iter(), Counter::default());
    while let Some(level) = numbers.next() {
        let (index, mut sum) = (*numbers.next()? as usize, zero());
        sum.read(&mut numbers)?;
        if *level < 0.0 {
            counter.open = Some(sum);
        } else {
            counter.push(Node { level: *level as u32, index, sum });
        }
    }
    Some(counter)
}

/// What all ranks have, unless one of them has failed, or begins with other numbers than the first: then that is an error
/// on all.
pub(super) fn gather(
    exchange: &dyn Exchange, mine: Result<Vec<f64>, Error>, same: &[&'static str],
) -> Result<Vec<Vec<f64>>, Error> {
    let message: Vec<u8> = match &mine {
        Ok(numbers) => std::iter::once(0).chain(numbers.iter().flat_map(|x| x.to_le_bytes())).collect(),
        Err(error) => std::iter::once(1).chain(error.to_string().into_bytes()).collect(),
    };
    let all = exchange.gather(&message)?;
    mine?;
    check_length("what is gathered", all.len(), exchange.size())?;
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
        if let Some(((found, expected), what)) =
            begin.find(|((found, first), _)| found.total_cmp(first).is_ne())
        {
            let (expected, found) = (*expected as usize, *found as usize);
            return Err(Error::Disagree { what, rank, expected, found });
        }
    }
    Ok(all)
}

//! Ranks that are threads of one process.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;

use gradus::{Error, Exchange};

/// What each rank has given in a round.
type Round = Vec<Option<Vec<u8>>>;

/// What all ranks have given, round by round, and who has left.
pub(crate) struct Meeting {
    rounds: Mutex<(Vec<Round>, Option<usize>)>,
    changed: Condvar,
    size: usize,
}

/// The place of one rank, which fails from a round on.
pub(crate) struct Seat<'m> {
    meeting: &'m Meeting,
    rank: usize,
    round: AtomicUsize,
    fails_at: usize,
}

impl Exchange for Seat<'_> {
    fn rank(&self) -> usize {
        self.rank
    }

    fn size(&self) -> usize {
        self.meeting.size
    }

    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let round = self.round.fetch_add(1, Ordering::SeqCst);
        let mut rounds = self.meeting.rounds.lock().unwrap();
        if round >= self.fails_at {
            rounds.1 = Some(self.rank);
            self.meeting.changed.notify_all();
            return Err(Error::Failed { what: "the cable is cut".into() });
        }
        while rounds.0.len() <= round {
            rounds.0.push(vec![None; self.meeting.size]);
        }
        rounds.0[round][self.rank] = Some(mine.to_vec());
        self.meeting.changed.notify_all();
        loop {
            if rounds.0[round].iter().all(Option::is_some) {
                return Ok(rounds.0[round].iter().flatten().cloned().collect());
            }
            if let Some(lost) = rounds.1 {
                return Err(Error::Failed { what: format!("rank {lost} has left") });
            }
            rounds = self.meeting.changed.wait(rounds).unwrap();
        }
    }
}

/// A rank that ends leaves the others no one to wait for.
impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let mut rounds = self.meeting.rounds.lock().unwrap();
        if rounds.0.iter().any(|round| round[self.rank].is_none()) {
            rounds.1 = Some(self.rank);
        }
        self.meeting.changed.notify_all();
    }
}

/// What each of so many ranks returns; the exchange of rank `fails.0` fails from round `fails.1` on.
pub(crate) fn on_ranks<R: Send>(
    size: usize, fails: (usize, usize), run: impl Fn(usize, &dyn Exchange) -> R + Sync,
) -> Vec<R> {
    let meeting = Meeting { rounds: Mutex::default(), changed: Condvar::new(), size };
    let (meeting, run) = (&meeting, &run);
    thread::scope(|scope| {
        let ranks: Vec<_> = (0..size)
            .map(|rank| {
                scope.spawn(move || {
                    let fails_at = if rank == fails.0 { fails.1 } else { usize::MAX };
                    run(rank, &Seat { meeting, rank, round: AtomicUsize::new(0), fails_at })
                })
            })
            .collect();
        ranks.into_iter().map(|rank| rank.join().expect("no rank panics")).collect()
    })
}

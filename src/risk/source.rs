//! Where samples lie: in memory, or in the blocks of a stream, which is read again for each pass.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use nalgebra::{DMatrix, DMatrixView};

use super::leaves::{LEAF, power_below};
use super::state::Weights;
use super::window::{Columns, Gathered, Share, Window};
use crate::contract::{check_classes, check_length, check_matrix, check_some, check_weights};
use crate::data::{Inputs, Targets};
use crate::loss::TargetView;
use crate::{Error, LogLoss, Loss, Real};

/// The samples of this process.
#[derive(Debug, Clone)]
pub(super) enum Source<'a, T: Real> {
    Memory(DMatrixView<'a, T>, TargetView<'a, T>),
    Stream(Stream<'a, T>),
}

impl<T: Real> Source<'_, T> {
    pub(super) fn samples(&self) -> usize {
        match self {
            Self::Memory(x, _) => x.ncols(),
            Self::Stream(stream) => stream.samples,
        }
    }

    pub(super) fn is_of_classes(&self) -> bool {
        match self {
            Self::Memory(_, y) => matches!(y, TargetView::Classes(_)),
            Self::Stream(stream) => stream.is_of_classes,
        }
    }
}

/// What a stream may give as a block of samples: `(x, y)` or `(x, y, weights)`, each of a kind that may also be given in
/// memory, as [`EmpiricalRisk::from_stream`](crate::EmpiricalRisk::from_stream) says.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no block of samples of `{T}` for the loss `{L}`",
    label = "expected `(x, y)` or `(x, y, weights)`",
    note = "`x` is a matrix or a slice of `{T}`, one sample per column; `y` is targets of the same kinds, or a `Vec<usize>` of \
            class numbers; weights are a `Vec<{T}>`"
)]
pub trait Block<T: Real, L> {
    #[doc(hidden)]
    fn columns(&self, shape: (usize, usize)) -> Columns<'_, T>;
}

impl<T: Real, L, X, Y> Block<T, L> for (X, Y)
where
    for<'b> &'b X: Inputs<'b, T>,
    for<'b> &'b Y: Targets<'b, T, L>,
{
    fn columns(&self, (n, k): (usize, usize)) -> Columns<'_, T> {
        Columns { x: self.0.samples(n), y: self.1.targets(k), weights: None }
    }
}

impl<T: Real, L, X, Y, W: AsRef<[T]>> Block<T, L> for (X, Y, W)
where
    for<'b> &'b X: Inputs<'b, T>,
    for<'b> &'b Y: Targets<'b, T, L>,
{
    fn columns(&self, (n, k): (usize, usize)) -> Columns<'_, T> {
        Columns { x: self.0.samples(n), y: self.1.targets(k), weights: Some(self.2.as_ref()) }
    }
}

/// Takes a block, and says whether more are wanted.
type Take<'t, T> = dyn FnMut(Columns<'_, T>) -> Result<bool, Error> + 't;

/// What begins at the first block of a stream whenever it is called: a closure without arguments that returns an iterator
/// over blocks, or over what went wrong. See [`EmpiricalRisk::from_stream`](crate::EmpiricalRisk::from_stream).
#[diagnostic::on_unimplemented(
    message = "`{Self}` gives no blocks of samples of `{T}` for the loss `{L}`",
    note = "expected a closure `|| reader.blocks()` of an iterator over `Result<(x, y), E>`, or `Result<(x, y, weights), E>`"
)]
pub trait Blocks<T: Real, L>: Read<T> {}

impl<T: Real, L, F, I, B, E> Blocks<T, L> for F
where
    F: Fn() -> I + Sync,
    I: IntoIterator<Item = Result<B, E>>,
    B: Block<T, L> + Block<T, LogLoss>,
    E: fmt::Display,
{
}

/// The same, whatever the loss: one that takes class numbers takes all kinds of targets.
#[doc(hidden)]
pub trait Read<T: Real>: Sync {
    fn read(&self, shape: (usize, usize), pass: usize, take: &mut Take<'_, T>) -> Result<(), Error>;
}

impl<T: Real, F, I, B, E> Read<T> for F
where
    F: Fn() -> I + Sync,
    I: IntoIterator<Item = Result<B, E>>,
    B: Block<T, LogLoss>,
    E: fmt::Display,
{
    fn read(&self, shape: (usize, usize), pass: usize, take: &mut Take<'_, T>) -> Result<(), Error> {
        for (number, block) in self().into_iter().enumerate() {
            let failed =
                |error| Error::Failed { what: format!("block {} of pass {pass}: {error}", number + 1) };
            if !take(block.map_err(failed)?.columns(shape))? {
                break;
            }
        }
        Ok(())
    }
}

/// Samples that are read from beginning to end for each pass.
#[derive(Clone)]
pub(super) struct Stream<'a, T: Real> {
    blocks: &'a dyn Read<T>,
    passes: Arc<AtomicUsize>,
    /// Features and outputs.
    shape: (usize, usize),
    pub(super) samples: usize,
    pub(super) is_of_classes: bool,
}

impl<T: Real> fmt::Debug for Stream<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("samples", &self.samples).finish_non_exhaustive()
    }
}

/// A stream, the inputs of one of its samples, and of what size the weights are, if there are any.
type Counted<'a, T> = (Stream<'a, T>, DMatrix<T>, Option<Weights<T>>);

impl<'a, T: Real> Stream<'a, T> {
    /// Goes through all blocks once: everything is checked, and counted.
    pub(super) fn new(
        blocks: &'a dyn Read<T>, loss: &impl Loss<T>, shape: (usize, usize),
    ) -> Result<Counted<'a, T>, Error> {
        let passes = Arc::default();
        let mut stream = Self { blocks, passes, shape, samples: 0, is_of_classes: false };
        let (mut samples, mut is_of_classes, mut weights) = (0, false, None);
        let mut some = DMatrix::zeros(shape.0, 1);
        stream.read(&mut |block| {
            let (n, k) = shape;
            let m = block.x.ncols();
            check_matrix("x", block.x, (n, m)).map_err(|error| error.further(samples))?;
            block.y.check(loss, (k, m)).map_err(|error| error.further(samples))?;
            if let Some(w) = block.weights {
                check_weights(w, m)?;
                weights.get_or_insert_with(Weights::none).see_all(w);
            }
            is_of_classes = matches!(block.y, TargetView::Classes(_));
            if m > 0 {
                some.copy_from(&block.x.column(0));
            }
            samples += m;
            Ok(true)
        })?;
        check_some("the stream", "sample (column)", samples)?;
        (stream.samples, stream.is_of_classes) = (samples, is_of_classes);
        Ok((stream, some, weights))
    }

    fn read(&self, take: &mut Take<'_, T>) -> Result<(), Error> {
        self.blocks.read(self.shape, self.passes.fetch_add(1, Ordering::Relaxed) + 1, take)
    }

    /// The samples, with so many before them, are such as those of the first pass.
    fn check(&self, block: &Columns<'_, T>, before: usize) -> Result<(), Error> {
        let (n, k) = self.shape;
        let m = block.x.ncols();
        check_length("a block of the stream", block.y.len(), m)?;
        check_length("a block of the stream", block.weights.map_or(m, <[T]>::len), m)?;
        let targets = || match block.y {
            TargetView::Numbers(y) => check_matrix("y", y, (k, m)),
            TargetView::Classes(labels) => check_classes("y", labels, if k == 1 { 2 } else { k }),
        };
        let weights = || block.weights.map_or(Ok(()), |w| check_weights(w, m));
        let checked = check_matrix("x", block.x, (n, m)).and_then(|()| targets()).and_then(|()| weights());
        checked.map_err(|error| error.further(before))
    }

    /// Writes the first samples for another process.
    pub(super) fn write(&self, mut samples: usize, to: &mut Vec<f64>) -> Result<(), Error> {
        let mut before = 0;
        self.read(&mut |block| {
            self.check(&block, before)?;
            let some = samples.min(block.y.len());
            block.write(0..some, to);
            before += some;
            samples -= some;
            Ok(samples > 0)
        })
    }

    /// One pass: hands out the samples in windows of a power of two, without the first ones that are to be `skipped`, and
    /// with those of `tail` behind. The next window is read meanwhile, by a thread of its own.
    pub(super) fn windows(
        &self, (start, skipped): (usize, usize), tail: Window<'_, T>, share: Share<T>,
        hand: &mut dyn FnMut(Window<'_, T>),
    ) -> Result<(), Error> {
        let total = self.samples - skipped + tail.shares.len();
        let width = self.width().min(total.next_power_of_two());
        let ahead = (AHEAD * WINDOW / (width * self.bytes())).clamp(1, AHEAD);
        let (full, filled) = sync_channel(ahead);
        let (free, emptied) = sync_channel(ahead + 1);
        let room = || Gathered::new(self.shape, width);
        (0..ahead).for_each(|_| drop(free.send(room())));
        thread::scope(|scope| {
            let ahead = Ahead { room: room(), width, full, emptied };
            let thread = thread::Builder::new();
            let thread = thread.spawn_scoped(scope, || self.read_windows(skipped, tail, share, ahead));
            let thread =
                thread.map_err(|error| Error::Failed { what: format!("no thread to read: {error}") })?;
            let mut at = start;
            while let Ok(window) = filled.recv() {
                let window: Gathered<T> = window;
                hand(window.window(at));
                at += window.len();
                let _ = free.send(window);
            }
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn read_windows(
        &self, mut skip: usize, tail: Window<'_, T>, share: Share<T>, mut ahead: Ahead<T>,
    ) -> Result<(), Error> {
        let expected = self.samples;
        let count = |found| Error::Length { argument: "a later pass of the stream", expected, found };
        let mut seen = 0;
        self.read(&mut |block| {
            self.check(&block, seen)?;
            let m = block.y.len();
            seen += m;
            if seen > expected {
                return Err(count(seen));
            }
            let skipped = skip.min(m);
            skip -= skipped;
            ahead.push(&block, skipped..m, share)?;
            Ok(true)
        })?;
        if seen < expected {
            return Err(count(seen));
        }
        let Window { x, y, shares, .. } = tail;
        ahead.push(&Columns { x, y, weights: Some(shares) }, 0..shares.len(), Share::none())?;
        if ahead.room.len() > 0 { ahead.hand_over() } else { Ok(()) }
    }

    /// Of a sample.
    fn bytes(&self) -> usize {
        (self.shape.0 + self.shape.1 + 1) * size_of::<T>()
    }

    /// Samples of a window: some megabytes, in whole chunks.
    fn width(&self) -> usize {
        power_below(WINDOW / self.bytes()).max(if self.shape.0 < LEAF { LEAF } else { LEAF / 2 })
    }
}

/// Bytes of a window.
const WINDOW: usize = 4 << 20;
/// Windows beside the one that is being filled.
const AHEAD: usize = 3;

/// The window that is being filled.
struct Ahead<T: Real> {
    room: Gathered<T>,
    width: usize,
    full: SyncSender<Gathered<T>>,
    emptied: Receiver<Gathered<T>>,
}

impl<T: Real> Ahead<T> {
    fn push(
        &mut self, block: &Columns<'_, T>, mut range: Range<usize>, share: Share<T>,
    ) -> Result<(), Error> {
        while !range.is_empty() {
            let end = range.end.min(range.start + self.width - self.room.len());
            self.room.push(block, range.start..end, share);
            range.start = end;
            if self.room.len() == self.width {
                self.hand_over()?;
            }
        }
        Ok(())
    }

    fn hand_over(&mut self) -> Result<(), Error> {
        let nobody = || Error::Failed { what: "nobody takes what is read".into() };
        let mut next = self.emptied.recv().map_err(|_| nobody())?;
        next.clear();
        self.full.send(std::mem::replace(&mut self.room, next)).map_err(|_| nobody())
    }
}

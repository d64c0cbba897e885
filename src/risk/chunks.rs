//! How a batch is cut into chunks, and who computes them: the cut depends on the model and the batch alone, so
//! that results do not depend on the number of threads.

use std::ops::Range;

use nalgebra::DMatrix;

use crate::{Error, Real, kernel};

/// The samples in play, and `w_j / Σw` of each.
#[derive(Debug)]
pub(super) struct Batch<T> {
    pub(super) range: Range<usize>,
    /// Copies of the columns of `x` and `y`, where they are not a range of the data.
    pub(super) gathered: Option<(DMatrix<T>, DMatrix<T>)>,
    pub(super) is_gathered: bool,
    pub(super) shares: Vec<T>,
}

impl<T: Real> Batch<T> {
    pub(super) fn normalise(&mut self) -> Result<(), Error> {
        let total = kernel::sum(&self.shares);
        if !(total > T::zero() && total.is_finite()) {
            let expected = "positive for at least one sample of the batch, with a finite sum";
            return Err(Error::Setting { name: "weights", expected, found: total.f64() });
        }
        self.shares.iter_mut().for_each(|w| *w /= total);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// Columns of one chunk: enough work to be worth a call, few enough activations to stay in the cache. A
/// function of the model alone, so that results do not depend on anything else.
pub(super) fn chunk_width(parameters: usize) -> usize {
    match parameters {
        0..1024 => (1 << 16) / parameters.max(64),
        1024..500_000 => 64,
        _ => 128,
    }
}

/// Chunks are summed within groups and groups into the whole, always in the same order, whoever computes
/// them: at most so many groups can run side by side.
pub(super) const GROUPS: usize = 8;

/// Parameters × samples below which a second thread costs more than it brings.
pub(super) const WORTH_SHARING: usize = 1 << 19;

#[cfg(feature = "rayon")]
pub(super) fn threads() -> usize {
    rayon::current_num_threads()
}

#[cfg(not(feature = "rayon"))]
pub(super) fn threads() -> usize {
    1
}

/// One fork and one join where there is more than one worker.
#[cfg(feature = "rayon")]
pub(super) fn for_each<W: Send>(workers: &mut [W], work: impl Fn(usize, &mut W) + Sync) {
    use rayon::iter::{IndexedParallelIterator, IntoParallelRefMutIterator, ParallelIterator};
    match workers {
        [worker] => work(0, worker),
        workers => workers.par_iter_mut().with_max_len(1).enumerate().for_each(|(i, worker)| work(i, worker)),
    }
}

#[cfg(not(feature = "rayon"))]
pub(super) fn for_each<W>(workers: &mut [W], work: impl Fn(usize, &mut W)) {
    workers.iter_mut().enumerate().for_each(|(i, worker)| work(i, worker));
}

/// `to ← to + from`.
pub(super) fn add<T: Real>(from: &[T], to: &mut [T]) {
    kernel::add(from, to);
}

/// Ranges of `width` samples, the last one shorter.
#[derive(Debug, Clone)]
pub(super) struct Chunks {
    pub(super) next: usize,
    pub(super) end: usize,
    pub(super) width: usize,
}

impl Iterator for Chunks {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.next;
        self.next = self.end.min(start + self.width);
        (start < self.end).then_some(start..self.next)
    }
}

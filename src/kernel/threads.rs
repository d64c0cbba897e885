//! Two things side by side, where the feature `rayon` allows it.

#[cfg(feature = "rayon")]
pub(crate) use rayon::{current_num_threads as threads, join};

#[cfg(not(feature = "rayon"))]
pub(crate) fn threads() -> usize {
    1
}

#[cfg(not(feature = "rayon"))]
pub(crate) fn join<A, B>(first: impl FnOnce() -> A, second: impl FnOnce() -> B) -> (A, B) {
    (first(), second())
}

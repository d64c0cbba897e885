//! One buffer per thread, aligned to cache lines, that grows and is kept.
#![expect(unsafe_code, reason = "one buffer of bytes serves both precisions")]

use std::cell::Cell;

use super::real::compiled;
use super::simd::Kernel;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "read as scalars")] [u8; 64]);

thread_local! {
    static LINES: Cell<Vec<Line>> = const { Cell::new(Vec::new()) };
}

/// Lends `len` scalars of any content to `f`. A call inside `f` gets another buffer, newly allocated.
pub(crate) fn with_scratch<T: Kernel, R>(len: usize, f: impl FnOnce(&mut [T]) -> R) -> R {
    let mut lines = LINES.take();
    let needed = (len * size_of::<T>()).div_ceil(size_of::<Line>());
    if lines.len() < needed {
        lines.clear();
        lines.resize(needed, Line([0; 64]));
    }
    // SAFETY: the lines hold at least `len` scalars, are aligned beyond any scalar, and are initialised;
    // `Kernel` is f32 or f64, for which all bits are values.
    let scratch = unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<T>(), len) };
    let result = f(scratch);
    LINES.set(lines);
    result
}

compiled! {
    /// Lets `buffer` hold `len` numbers, the new ones zero; `None` where memory does not: an allocation that fails ends the
    /// process.
    pub(crate) fn reserve<T>(buffer: &'a mut Vec<T>, len: usize) -> Option<()> {
        if buffer.len() < len {
            buffer.try_reserve_exact(len - buffer.len()).ok()?;
            buffer.resize(len, T::zero());
        }
        Some(())
    }
}

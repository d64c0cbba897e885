//! Copies of factors in the order in which the tiles read them.
#![expect(unsafe_code, reason = "raw loads and stores: the callers check the bounds of their slices once")]

use std::ops::Range;

use super::tile::panel_height;
use super::{Kernel, Task, Vector, prefetch};

/// How many contiguous lines are read side by side.
const STRETCH: usize = 16;

/// Lines of a factor, rows of `A` or columns of `B`: element `p` of line `i` stands at `i · line + p · step`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Lines<T> {
    pub(in crate::kernel) count: usize,
    pub(in crate::kernel) depth: usize,
    pub(in crate::kernel) from: *const T,
    pub(in crate::kernel) line: usize,
    pub(in crate::kernel) step: usize,
    pub(in crate::kernel) to: *mut T,
}

impl<T: Kernel> Lines<T> {
    /// Follows what is contiguous: from line to line for a stretch of the depth, or lines to their end.
    fn stretches(self) -> impl Iterator<Item = Range<usize>> {
        let stretch = if self.line == 1 { STRETCH } else { self.depth.max(1) };
        (0..self.depth).step_by(stretch).map(move |p| p..self.depth.min(p + stretch))
    }

    /// Copies `width` lines from line `first` on, in a panel of `total` lines: element `p` of line `i` to
    /// `p · to_step + i`.
    ///
    /// # Safety
    /// The lines are those of a factor, and the panel has room for them, the last register filled up.
    #[inline(always)]
    unsafe fn copy<V: Vector<Scalar = T>>(
        &self, (first, width, total): (usize, usize, usize), depth: Range<usize>, to: *mut T, to_step: usize,
    ) {
        let Self { line, step, .. } = *self;
        // SAFETY: the caller's.
        unsafe {
            let from = self.from.add(first * line);
            if line == 1 {
                for w in (0..width).step_by(V::LANES) {
                    let mask = V::mask(V::LANES.min(width - w));
                    for p in depth.clone() {
                        prefetch(from.wrapping_add((p + STRETCH) * step + w));
                        let x = V::load_some(from.add(p * step + w), mask);
                        let to = to.add(p * to_step + w);
                        if w + V::LANES <= total { x.store(to) } else { x.store_some(to, mask) }
                    }
                }
            } else if step == 1 {
                for p in depth.clone().step_by(V::LANES) {
                    let count = V::LANES.min(depth.end - p);
                    let x = interleave::<V>(from.add(p), line, width, total, V::mask(count));
                    for (q, x) in x[..total].iter().enumerate() {
                        let (q, i) = (q * V::LANES / total, q * V::LANES % total);
                        if q < count {
                            x.store(to.add((p + q) * to_step + i));
                        }
                    }
                }
            } else {
                for p in depth {
                    for i in 0..width {
                        *to.add(p * to_step + i) = *from.add(p * step + i * line);
                    }
                }
            }
        }
    }
}

/// Packs rows of `A` into panels of up to [`HEIGHT`](Vector::HEIGHT) registers of rows, or into columns so far apart.
/// Rows beyond the last, up to a whole register, are filled with what does not matter.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct PackRows<T>(pub(in crate::kernel) Lines<T>, pub(in crate::kernel) Option<usize>);

impl<T> PackRows<T> {
    /// The scalars that the copy takes, at any level.
    pub(in crate::kernel) fn space(rows: usize, depth: usize) -> usize {
        rows.next_multiple_of(16) * depth
    }
}

impl<T: Kernel> Task<T> for PackRows<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) {
        let Self(rows, column) = self;
        let registers = rows.count.div_ceil(V::LANES);
        let step = if column.is_none() { rows.depth } else { 1 };
        for depth in rows.stretches() {
            let mut r = 0;
            while r < registers {
                let height = panel_height::<V>(registers - r);
                for h in 0..height {
                    let i = (r + h) * V::LANES;
                    let lanes = V::LANES.min(rows.count - i);
                    // SAFETY: `lanes` rows from `i` lie in `A`, and their register in the copy.
                    unsafe {
                        let to = rows.to.add(r * V::LANES * step + h * V::LANES);
                        let column = column.unwrap_or(height * V::LANES);
                        rows.copy::<V>((i, lanes, V::LANES), depth.clone(), to, column);
                    }
                }
                r += height;
            }
        }
    }
}

/// One register from each of `total` lines, which stand `step` apart and of which those from `count` on repeat
/// the last, interleaved: the first elements of all, the second ones of all, and so on. Every doubling zips the
/// first half of the registers with the second.
#[inline(always)]
unsafe fn interleave<V: Vector>(
    from: *const V::Scalar, step: usize, count: usize, total: usize, mask: V::Mask,
) -> [V; 16] {
    // SAFETY: the caller's: `count` lines hold the elements of the mask.
    unsafe {
        let first = V::load_some(from, mask);
        let mut x = [first; 16];
        for (i, x) in x[..total].iter_mut().enumerate() {
            prefetch(from.wrapping_add((i + total) * step));
            *x = V::load_some(from.add(i.min(count - 1) * step), mask);
        }
        let mut zipped = 1;
        while zipped < total {
            let y = x;
            for i in 0..total / 2 {
                (x[2 * i], x[2 * i + 1]) = y[i].zip(y[i + total / 2]);
            }
            zipped *= 2;
        }
        x
    }
}

/// Packs columns of `B` into panels of [`COLUMNS`](Vector::COLUMNS), and returns how many that is.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct PackColumns<T>(pub(in crate::kernel) Lines<T>);

impl<T> PackColumns<T> {
    /// The scalars that the copy takes, at any level.
    pub(in crate::kernel) fn space(depth: usize, columns: usize) -> usize {
        // Whole registers may run over the end of the last panel.
        depth * columns.next_multiple_of(8) + 16 * 8
    }
}

impl<T: Kernel> Task<T> for PackColumns<T> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) -> usize {
        let Self(columns) = self;
        for depth in columns.stretches() {
            for j in (0..columns.count).step_by(V::COLUMNS) {
                let width = V::COLUMNS.min(columns.count - j);
                // SAFETY: columns `j..j + width` lie in `B`, and their panel in the copy.
                unsafe {
                    let to = columns.to.add(j * columns.depth);
                    columns.copy::<V>((j, width, V::COLUMNS), depth.clone(), to, V::COLUMNS);
                }
            }
        }
        V::COLUMNS
    }
}

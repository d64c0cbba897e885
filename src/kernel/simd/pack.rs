//! Copies of factors in the order in which the tiles read them.
#![expect(unsafe_code, reason = "raw loads and stores: the callers check the bounds of their slices once")]

use super::level::Task;
use super::tile::{Left, panel_height};
use super::vector::{Kernel, Vector, prefetch};

/// How many contiguous lines are read side by side.
const STRETCH: usize = 16;

/// Packs `rows × depth` of `A`, element `(i, p)` at `i · row + p · column`, into panels of up to
/// [`HEIGHT`](Vector::HEIGHT) registers of rows, or into columns so far apart. Rows beyond the last, up to a whole
/// register, are filled with what does not matter.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct PackRows<T> {
    pub(in crate::kernel) rows: usize,
    pub(in crate::kernel) depth: usize,
    pub(in crate::kernel) a: *const T,
    pub(in crate::kernel) row: usize,
    pub(in crate::kernel) column: usize,
    pub(in crate::kernel) to: *mut T,
    pub(in crate::kernel) to_columns: Left,
}

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
        let registers = self.rows.div_ceil(V::LANES);
        // Follow what is contiguous: columns across the registers of rows, or rows to their end.
        let stretch = if self.row == 1 { STRETCH } else { self.depth.max(1) };
        for p in (0..self.depth).step_by(stretch) {
            let depth = stretch.min(self.depth - p);
            let mut r = 0;
            while r < registers {
                let height = panel_height::<V>(registers - r);
                for h in 0..height {
                    let i = (r + h) * V::LANES;
                    let lanes = V::LANES.min(self.rows - i);
                    // SAFETY: `lanes` rows from `i` lie in `A`, and their register in the copy.
                    unsafe {
                        let from = self.a.add(i * self.row + p * self.column);
                        let to_column = self.to_columns.column(height * V::LANES);
                        let is_packed = self.to_columns == Left::PACKED;
                        let panel = self.to.add(r * V::LANES * if is_packed { self.depth } else { 1 });
                        let to = panel.add(p * to_column + h * V::LANES);
                        let part = Self { depth, ..self };
                        if self.row == 1 {
                            part.copy::<V>(from, lanes, to, to_column);
                        } else if self.column == 1 {
                            part.transpose::<V>(from, lanes, to, to_column);
                        } else {
                            part.gather(from, lanes, to, to_column);
                        }
                    }
                }
                r += height;
            }
        }
    }
}

impl<T: Kernel> PackRows<T> {
    /// Columns are contiguous.
    #[inline(always)]
    unsafe fn copy<V: Vector<Scalar = T>>(&self, from: *const T, lanes: usize, to: *mut T, to_column: usize) {
        // SAFETY: the caller's.
        unsafe {
            let mask = V::mask(lanes);
            for p in 0..self.depth {
                prefetch(from.wrapping_add((p + STRETCH) * self.column));
                V::load_some(from.add(p * self.column), mask).store(to.add(p * to_column));
            }
        }
    }

    /// Rows are contiguous: `LANES` of them, interleaved, are columns.
    #[inline(always)]
    unsafe fn transpose<V: Vector<Scalar = T>>(
        &self, from: *const T, lanes: usize, to: *mut T, to_column: usize,
    ) {
        // SAFETY: the caller's; rows from `lanes` on repeat the last one.
        unsafe {
            let mut p = 0;
            while p < self.depth {
                let width = V::LANES.min(self.depth - p);
                let x = interleave::<V>(from.add(p), self.row, lanes, V::LANES, V::mask(width));
                for (q, x) in x[..V::LANES].iter().enumerate() {
                    if q < width {
                        x.store(to.add((p + q) * to_column));
                    }
                }
                p += width;
            }
        }
    }

    #[inline(always)]
    unsafe fn gather(&self, from: *const T, lanes: usize, to: *mut T, to_column: usize) {
        // SAFETY: the caller's.
        unsafe {
            for p in 0..self.depth {
                for i in 0..lanes {
                    *to.add(p * to_column + i) = *from.add(p * self.column + i * self.row);
                }
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

/// Packs `depth × columns` of `B`, element `(p, j)` at `p · row + j · column`, into panels of
/// [`COLUMNS`](Vector::COLUMNS) columns, row by row.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct PackColumns<T> {
    pub(in crate::kernel) depth: usize,
    pub(in crate::kernel) columns: usize,
    pub(in crate::kernel) b: *const T,
    pub(in crate::kernel) row: usize,
    pub(in crate::kernel) column: usize,
    pub(in crate::kernel) to: *mut T,
}

impl<T> PackColumns<T> {
    /// The scalars that the copy takes, at any level.
    pub(in crate::kernel) fn space(depth: usize, columns: usize) -> usize {
        // Whole registers may run over the end of the last panel.
        depth * columns.next_multiple_of(8) + 16 * 8
    }
}

impl<T: Kernel> Task<T> for PackColumns<T> {
    /// The step from row to row of a panel.
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) -> usize {
        let stretch = if self.column == 1 { STRETCH } else { self.depth.max(1) };
        for start in (0..self.depth).step_by(stretch) {
            let end = (start + stretch).min(self.depth);
            for j in (0..self.columns).step_by(V::COLUMNS) {
                let width = V::COLUMNS.min(self.columns - j);
                // SAFETY: columns `j..j + width` lie in `B`, and their panel in the copy.
                unsafe {
                    let from = self.b.add(j * self.column);
                    let to = self.to.add(j * self.depth);
                    if self.column == 1 {
                        for w in (0..width).step_by(V::LANES) {
                            let mask = V::mask(V::LANES.min(width - w));
                            for p in start..end {
                                let at = p * self.row + w;
                                prefetch(from.wrapping_add(at + STRETCH * self.row));
                                let x = V::load_some(from.add(at), mask);
                                x.store_some(to.add(p * V::COLUMNS + w), mask);
                            }
                        }
                    } else if self.row == 1 {
                        for p in (start..end).step_by(V::LANES) {
                            let mask = V::mask(V::LANES.min(end - p));
                            let x = interleave::<V>(from.add(p), self.column, width, V::COLUMNS, mask);
                            for (q, x) in x[..V::COLUMNS].iter().enumerate() {
                                x.store(to.add(p * V::COLUMNS + q * V::LANES));
                            }
                        }
                    } else {
                        for p in start..end {
                            for w in 0..width {
                                *to.add(p * V::COLUMNS + w) = *from.add(p * self.row + w * self.column);
                            }
                        }
                    }
                }
            }
        }
        V::COLUMNS
    }
}

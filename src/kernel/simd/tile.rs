//! A block of a product in register tiles: the innermost loops of everything cubic.
#![expect(unsafe_code, reason = "raw loads and stores: the callers check the bounds of their slices once")]

use super::level::{Task, inlined};
use super::vector::{Kernel, Vector};

/// What becomes of `C`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) enum Update<'a, T> {
    /// `C ← C + A B`, each element one chain of multiply-adds that starts from `C`.
    Chain,
    /// `C ← b 1ᵀ + A B`, each element one chain that starts from its bias.
    Bias(&'a [T]),
    /// `C ← α (A B) + β C`, each element of `A B` one chain that starts from zero. `β = 0` does not read `C`.
    Scaled(T, T),
}

/// One block of a product, `rows × depth` times `depth × columns`, the depth in one go.
///
/// `A` stands in panels of up to [`HEIGHT`](Vector::HEIGHT) registers of rows: the panel from row `i` starts at
/// `i · a_step`, its columns `a_column` apart; `None`: by the height of the panel, filled up to whole registers, in
/// a copy of [`PackRows`](super::PackRows).
/// `B` stands in panels of [`COLUMNS`](Vector::COLUMNS) columns: the one from column `j` starts at `j · b_step`, with its
/// elements `(p, j)` at `p · b_row + j · b_column`.
#[derive(Clone, Copy, Debug)]
pub(in crate::kernel) struct Block<'a, T> {
    pub(in crate::kernel) rows: usize,
    pub(in crate::kernel) columns: usize,
    pub(in crate::kernel) depth: usize,
    pub(in crate::kernel) a: *const T,
    pub(in crate::kernel) a_step: usize,
    pub(in crate::kernel) a_column: Option<usize>,
    pub(in crate::kernel) b: *const T,
    pub(in crate::kernel) b_step: usize,
    pub(in crate::kernel) b_row: usize,
    pub(in crate::kernel) b_column: usize,
    pub(in crate::kernel) c: *mut T,
    pub(in crate::kernel) c_column: usize,
    pub(in crate::kernel) update: Update<'a, T>,
}

/// How many of `registers` remaining registers of rows the next panel takes: as many as it may, but rather two
/// and two than three and one.
#[inline(always)]
pub(in crate::kernel) fn panel_height<V: Vector>(registers: usize) -> usize {
    if registers == 4 { 2 } else { registers.min(V::HEIGHT) }
}

/// How many of the remaining columns the next tile takes.
#[inline(always)]
fn panel_width<V: Vector>(columns: usize) -> usize {
    if columns >= V::COLUMNS { V::COLUMNS } else { 1 << columns.ilog2() }
}

impl<T: Kernel> Task<T> for Block<'_, T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) {
        let registers = self.rows.div_ceil(V::LANES);
        let mut j = 0;
        while j < self.columns {
            let width = panel_width::<V>(self.columns - j);
            let (mut r, mut i) = (0, 0);
            while r < registers {
                let height = panel_height::<V>(registers - r);
                let next = (i + height * V::LANES).min(self.rows);
                // SAFETY: rows `i..next` and columns `j..j + width` lie in the block, whose
                // pointers are good by the contract of `run`.
                unsafe {
                    match (height, width) {
                        (3, 8) => self.tile::<V, 3, 8>(i, next, j),
                        (2, 8) => self.tile::<V, 2, 8>(i, next, j),
                        (1, 8) => self.tile::<V, 1, 8>(i, next, j),
                        (3, 4) => self.tile::<V, 3, 4>(i, next, j),
                        (2, 4) => self.tile::<V, 2, 4>(i, next, j),
                        (1, 4) => self.tile::<V, 1, 4>(i, next, j),
                        (3, 2) => self.tile::<V, 3, 2>(i, next, j),
                        (2, 2) => self.tile::<V, 2, 2>(i, next, j),
                        (1, 2) => self.tile::<V, 1, 2>(i, next, j),
                        (3, 1) => self.tile::<V, 3, 1>(i, next, j),
                        (2, 1) => self.tile::<V, 2, 1>(i, next, j),
                        (1, 1) => self.tile::<V, 1, 1>(i, next, j),
                        _ => unreachable!("heights are 1, 2, 3 and widths 1, 2, 4, 8"),
                    }
                }
                (r, i) = (r + height, next);
            }
            j += width;
        }
    }
}

impl<T: Kernel> Block<'_, T> {
    /// The tile of rows `i..end`, that is `H` registers of which the last may be cut, and columns `j..j + W`.
    #[inline(always)]
    unsafe fn tile<V: Vector<Scalar = T>, const H: usize, const W: usize>(
        &self, i: usize, end: usize, j: usize,
    ) {
        let a_column = self.a_column.unwrap_or(H * V::LANES);
        // SAFETY: by the contract of `Block`, for rows below `end` and columns below `j + W`; the last
        // register is masked to the rows below `end`.
        unsafe {
            let mask = V::mask(end - i - (H - 1) * V::LANES);
            let c = self.c.add(i + j * self.c_column);
            let mut sum = match self.update {
                Update::Chain => std::array::from_fn(|w| load::<V, H>(c.add(w * self.c_column), mask)),
                Update::Bias(bias) => [load::<V, H>(bias.as_ptr().add(i), mask); W],
                Update::Scaled(..) => [[V::splat(T::default()); H]; W],
            };
            let a = self.a.wrapping_add(i * self.a_step);
            let (panel, w) = (j / V::COLUMNS * V::COLUMNS, j % V::COLUMNS);
            let b = self.b.wrapping_add(panel * self.b_step + w * self.b_column);
            // A mask costs a register, except where masks have their own: without one where all rows are there,
            // or packed to whole registers.
            if V::MASKS || (self.a_column.is_some() && end - i < H * V::LANES) {
                self.accumulate::<V, H, W>(&mut sum, a, a_column, b, inlined!(|a| load::<V, H>(a, mask)));
            } else {
                self.accumulate::<V, H, W>(
                    &mut sum,
                    a,
                    a_column,
                    b,
                    inlined!(|a| std::array::from_fn(|h| V::load(a.add(h * V::LANES)))),
                );
            }
            self.write::<V, H, W>(sum, c, mask);
        }
    }

    /// `C ← sum`, or `C ← α sum + β C`, in one tile.
    #[inline(always)]
    unsafe fn write<V: Vector<Scalar = T>, const H: usize, const W: usize>(
        &self, mut sum: [[V; H]; W], c: *mut T, mask: V::Mask,
    ) {
        // SAFETY: the caller's: `W` columns of the rows that the mask leaves.
        unsafe {
            if let Update::Scaled(alpha, beta) = self.update {
                let (alpha, scale) = (V::splat(alpha), V::splat(beta));
                for (w, sum) in sum.iter_mut().enumerate() {
                    *sum = sum.map(|s| s.mul(alpha));
                    if beta != T::default() {
                        for (s, c) in sum.iter_mut().zip(load::<V, H>(c.add(w * self.c_column), mask)) {
                            *s = c.fma(scale, *s);
                        }
                    }
                }
            }
            for (w, sum) in sum.iter().enumerate() {
                let c = c.add(w * self.c_column);
                for (h, s) in sum[..H - 1].iter().enumerate() {
                    s.store(c.add(h * V::LANES));
                }
                sum[H - 1].store_some(c.add((H - 1) * V::LANES), mask);
            }
        }
    }

    /// `sum ← sum + A B` for the rows and columns of one tile.
    #[inline(always)]
    unsafe fn accumulate<V: Vector<Scalar = T>, const H: usize, const W: usize>(
        &self, sum: &mut [[V; H]; W], mut a: *const T, a_column: usize, mut b: *const T,
        load: impl Fn(*const T) -> [V; H],
    ) {
        // SAFETY: by the contract of `Block`, for its `depth`.
        unsafe {
            for _ in 0..self.depth {
                let x = load(a);
                for (w, sum) in sum.iter_mut().enumerate() {
                    let y = V::splat(*b.add(w * self.b_column));
                    for (sum, x) in sum.iter_mut().zip(x) {
                        *sum = x.fma(y, *sum);
                    }
                }
                // Wrapping: the last step may lead beyond the factors.
                a = a.wrapping_add(a_column);
                b = b.wrapping_add(self.b_row);
            }
        }
    }
}

/// `H` registers from `p` on, the last one masked.
#[inline(always)]
unsafe fn load<V: Vector, const H: usize>(p: *const V::Scalar, mask: V::Mask) -> [V; H] {
    std::array::from_fn(inlined!(|h| {
        // SAFETY: the caller's.
        unsafe {
            let p = p.add(h * V::LANES);
            if h + 1 < H { V::load(p) } else { V::load_some(p, mask) }
        }
    }))
}

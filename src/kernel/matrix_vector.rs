//! `y = A x` at the speed at which `A` can be read.
#![expect(unsafe_code, reason = "raw loads and stores, within the bounds that `Factor` vouches for")]

use super::simd::{Kernel, Task, Update, Vector, dispatch};
use super::{Factor, Real, with_scratch};

/// So many terms are added one after the other where a sum is one of short sums.
pub(super) const TERMS: usize = 32;

/// Whether [`multiply`] takes this product.
pub(super) fn fits<T: Real>(a: &Factor<'_, T>, x: &Factor<'_, T>) -> bool {
    a.row_stride == 1 || by_rows(a, x)
}

fn by_rows<T: Real>(a: &Factor<'_, T>, x: &Factor<'_, T>) -> bool {
    a.col_stride == 1 && x.row_stride == 1 && a.cols > 1
}

/// `y ← update(A x)`.
///
/// Contiguous columns are added one after the other, `y ← y + x_p a_p`: each element is the same chain of
/// multiply-adds as in a product of many columns. Contiguous rows are dotted with `x`. A bias is one each,
/// or one for all.
pub(super) fn multiply<T: Real>(a: Factor<'_, T>, x: Factor<'_, T>, update: Update<'_, T>, y: &mut [T]) {
    let y = &mut y[..a.rows];
    match update {
        Update::Scaled(alpha, beta) if alpha != T::one() || beta != T::zero() => {
            return with_scratch(a.rows, |sums: &mut [T]| {
                sums.fill(T::zero());
                add(a, x, sums);
                for (y, s) in y.iter_mut().zip(sums) {
                    let s = alpha * *s;
                    *y = if beta == T::zero() { s } else { s + beta * *y };
                }
            });
        }
        Update::Scaled(..) => y.fill(T::zero()),
        Update::Bias(&[b]) => y.fill(b),
        Update::Bias(bias) => y.copy_from_slice(&bias[..a.rows]),
        Update::Chain => {}
    }
    add(a, x, y);
}

/// `y ← y + A x`.
fn add<T: Real>(a: Factor<'_, T>, x: Factor<'_, T>, y: &mut [T]) {
    let by_rows = by_rows(&a, &x);
    let Factor { rows, cols: depth, row_stride: row, col_stride: column, .. } = a;
    let (a, x, x_step, y) = (a.as_ptr(), x.as_ptr(), x.row_stride, y.as_mut_ptr());
    // SAFETY: `Factor` vouches for its elements, and `y` has `rows`.
    unsafe {
        if by_rows {
            dispatch(Dots { rows, depth, a, row, x, y });
        } else {
            dispatch(Columns { rows, depth, a, column, x, x_step, y });
        }
    }
}

/// `y ← y + A x`, by contiguous columns.
pub(super) struct Columns<T> {
    pub(super) rows: usize,
    pub(super) depth: usize,
    pub(super) a: *const T,
    pub(super) column: usize,
    pub(super) x: *const T,
    pub(super) x_step: usize,
    pub(super) y: *mut T,
}

impl<T: Kernel> Task<T> for Columns<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) {
        let mut p = 0;
        while p < self.depth {
            // SAFETY: the group of columns lies in `A`.
            unsafe {
                if self.depth - p >= 8 {
                    self.group::<V, 8>(p);
                    p += 8;
                } else {
                    self.group::<V, 1>(p);
                    p += 1;
                }
            }
        }
    }
}

impl<T: Kernel> Columns<T> {
    /// Columns `p..p + W`, with one load and store of `y`.
    #[inline(always)]
    unsafe fn group<V: Vector<Scalar = T>, const W: usize>(&self, p: usize) {
        // SAFETY: by the contract of `Columns`; the last register is masked to the rows there are.
        unsafe {
            let x: [V; W] = std::array::from_fn(|w| V::splat(*self.x.add((p + w) * self.x_step)));
            let a: [_; W] = std::array::from_fn(|w| self.a.add((p + w) * self.column));
            let mut i = 0;
            while i + V::LANES <= self.rows {
                let mut y = V::load(self.y.add(i));
                for w in 0..W {
                    y = V::load(a[w].add(i)).fma(x[w], y);
                }
                y.store(self.y.add(i));
                i += V::LANES;
            }
            if i < self.rows {
                let mask = V::mask(self.rows - i);
                let mut y = V::load_some(self.y.add(i), mask);
                for w in 0..W {
                    y = V::load_some(a[w].add(i), mask).fma(x[w], y);
                }
                y.store_some(self.y.add(i), mask);
            }
        }
    }
}

/// `y ← y + A x`, by contiguous rows; both `A`'s rows and `x` without gaps. Each lane adds up to [`TERMS`] products,
/// and each of those stretches is added to `y`.
pub(super) struct Dots<T> {
    pub(super) rows: usize,
    pub(super) depth: usize,
    pub(super) a: *const T,
    pub(super) row: usize,
    pub(super) x: *const T,
    pub(super) y: *mut T,
}

impl<T: Kernel> Task<T> for Dots<T> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector<Scalar = T>>(self) {
        let stretch = 4 * TERMS * V::LANES;
        for start in (0..self.depth).step_by(stretch) {
            let depth = stretch.min(self.depth - start);
            let part = Self { depth, a: self.a.wrapping_add(start), x: self.x.wrapping_add(start), ..self };
            let mut i = 0;
            while i < self.rows {
                // SAFETY: the rows lie in `A`.
                unsafe {
                    if self.rows - i >= 4 {
                        part.group::<V, 4>(i);
                        i += 4;
                    } else {
                        part.group::<V, 1>(i);
                        i += 1;
                    }
                }
            }
        }
    }
}

impl<T: Kernel> Dots<T> {
    /// Rows `i..i + H`: each has four registers of sums, whatever `H`.
    #[expect(clippy::needless_range_loop, reason = "q walks registers in memory too")]
    #[inline(always)]
    unsafe fn group<V: Vector<Scalar = T>, const H: usize>(&self, i: usize) {
        // SAFETY: by the contract of `Dots`; the last register is masked to the elements there are.
        unsafe {
            let a: [_; H] = std::array::from_fn(|h| self.a.add((i + h) * self.row));
            let mut sums = [[V::splat(T::default()); 4]; H];
            let mut p = 0;
            while p + 4 * V::LANES <= self.depth {
                for q in 0..4 {
                    let x = V::load(self.x.add(p + q * V::LANES));
                    for h in 0..H {
                        sums[h][q] = V::load(a[h].add(p + q * V::LANES)).fma(x, sums[h][q]);
                    }
                }
                p += 4 * V::LANES;
            }
            for q in 0..4 {
                if p < self.depth {
                    let mask = V::mask(V::LANES.min(self.depth - p));
                    let x = V::load_some(self.x.add(p), mask);
                    for h in 0..H {
                        sums[h][q] = V::load_some(a[h].add(p), mask).fma(x, sums[h][q]);
                    }
                    p += V::LANES;
                }
            }
            for (h, [s0, s1, s2, s3]) in sums.into_iter().enumerate() {
                let y = self.y.add(i + h);
                *y = *y + s0.add(s1).add(s2.add(s3)).sum();
            }
        }
    }
}

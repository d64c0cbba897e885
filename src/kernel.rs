//! Private: products, fused passes, factorisations and elementary functions over plain slices.

mod factor;
mod gram;
pub(crate) mod math;
mod matrix_vector;
mod product;
mod real;
mod scratch;
mod simd;
mod sums;
mod sweep;
mod views;

use std::ops::{Add, Div, Mul, Neg, Sub};

use nalgebra::DMatrixView;

pub(crate) use factor::{
    Linearised, Samples, Spectrum, Triangle, cholesky, cholesky_solve, eigenvalue_bound, factorise,
    least_norm_step, lu, lu_solve, tridiagonal, zero,
};
pub(crate) use gram::weighted_gram;
pub(crate) use product::{affine, product};
pub use real::Real;
pub(crate) use simd::{Fused, vectorize};
use simd::{Lanes, Vector};
#[cfg(test)]
pub(crate) use simd::{at_each_level, sizes};
pub(crate) use sums::{add_columns, all_finite, axpy, dot, norm, norm_inf, scale};
pub(crate) use sweep::sweep;
pub(crate) use views::{flat, flat_mut};

/// What the kernels need to know of a scalar.
pub(crate) trait Kernel:
    Copy
    + Default
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + math::Elementary
{
    /// Registers of 512 bits, of 256, and of what the target always has.
    #[cfg(target_arch = "x86_64")]
    type Avx512: Vector<Scalar = Self>;
    #[cfg(target_arch = "x86_64")]
    type Avx2: Vector<Scalar = Self>;
    type Portable: Vector<Scalar = Self>;

    /// `self · b + c` rounded once: one instruction in code compiled for a machine that has it.
    fn fma(self, b: Self, c: Self) -> Self;
}

impl Kernel for f32 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256;
    type Portable = Lanes<Self, 4>;

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }
}

impl Kernel for f64 {
    #[cfg(target_arch = "x86_64")]
    type Avx512 = std::arch::x86_64::__m512d;
    #[cfg(target_arch = "x86_64")]
    type Avx2 = std::arch::x86_64::__m256d;
    type Portable = Lanes<Self, 2>;

    #[inline(always)]
    fn fma(self, b: Self, c: Self) -> Self {
        self.mul_add(b, c)
    }
}

/// A factor of a product: element `(i, j)` stands at `i * row_stride + j * col_stride`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<'a, T> {
    data: &'a [T],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

impl<'a, T: Real> Factor<'a, T> {
    /// A column-major `rows × cols` matrix, columns one after the other.
    pub(crate) fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        let count = rows.checked_mul(cols);
        assert!(count.is_some_and(|count| data.len() >= count), "a factor needs rows × cols elements");
        Self { data, rows, cols, row_stride: 1, col_stride: rows }
    }

    /// A nalgebra view: contiguous columns, any column stride.
    pub(crate) fn view(view: &DMatrixView<'a, T>) -> Self {
        let (rows, cols) = view.shape();
        let ld = view.strides().1;
        let len = if rows == 0 || cols == 0 { 0 } else { (cols - 1) * ld + rows };
        // SAFETY: a `DMatrixView` has unit row stride and borrows, for `'a`, every element from its
        // first to its last, that is `(cols − 1) · ld + rows` of them in one allocation.
        #[expect(unsafe_code, reason = "a checked view of the elements behind a nalgebra view")]
        let data = unsafe { std::slice::from_raw_parts(view.as_ptr(), len) };
        Self { data, rows, cols, row_stride: 1, col_stride: ld }
    }

    /// The transposed factor, without a copy.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    fn at(&self, i: usize, j: usize) -> T {
        self.data[i * self.row_stride + j * self.col_stride]
    }
}

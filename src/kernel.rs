//! Private: products, fused passes, factorisations and elementary functions over plain slices.

mod level;
mod matrix_vector;
mod pack;
mod product;
mod scratch;
mod tile;
mod vector;

use std::ops::{Add, Div, Mul, Neg, Sub};

use nalgebra::DMatrixView;

use crate::Real;
#[cfg(test)]
pub(crate) use level::at_each_level;
pub(crate) use level::{Fused, vectorize};
pub(crate) use product::{affine, product};
use vector::{Lanes, Vector};

pub(crate) mod math;
mod views;
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
    + 'static
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
        assert!(data.len() >= rows * cols, "a factor needs rows × cols elements");
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

/// `out ← out + A s`, the weighted sum of the columns of a column-major `out.len() × s.len()` matrix.
pub(crate) fn add_columns<T: Real>(a: Factor<'_, T>, out: &mut [T]) {
    for j in 0..a.cols {
        for (i, o) in out.iter_mut().enumerate() {
            *o += a.at(i, j);
        }
    }
}

/// `H ← H + X diag(s) Xᵀ`, both triangles, `H` column-major `n × n`.
pub(crate) fn weighted_gram<T: Real>(x: Factor<'_, T>, s: &[T], h: &mut [T]) {
    let n = x.rows;
    for (k, &s) in s.iter().enumerate() {
        for j in 0..n {
            for i in 0..n {
                h[j * n + i] += s * x.at(i, k) * x.at(j, k);
            }
        }
    }
}

/// `y ← y + α x`.
pub(crate) fn axpy<T: Real>(alpha: T, x: &[T], y: &mut [T]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += alpha * *x;
    }
}

/// `xᵀ y`.
pub(crate) fn dot<T: Real>(x: &[T], y: &[T]) -> T {
    x.iter().zip(y).fold(T::zero(), |s, (x, y)| s + *x * *y)
}

/// `max |x_i|`; NaN if any entry is NaN.
pub(crate) fn norm_inf<T: Real>(x: &[T]) -> T {
    x.iter().fold(T::zero(), |m, x| if x.abs() <= m || !(m >= T::zero()) { m } else { x.abs() })
}

/// Factorises a symmetric positive definite `n × n` matrix in place, `A = L Lᵀ`: reads and writes the
/// lower triangle only. False, with the content spoilt, if a pivot is not positive.
pub(crate) fn cholesky<T: Real>(a: &mut [T], n: usize) -> bool {
    for j in 0..n {
        for k in 0..j {
            let l = a[k * n + j];
            for i in j..n {
                let s = a[k * n + i] * l;
                a[j * n + i] -= s;
            }
        }
        let d = a[j * n + j];
        if !(d > T::zero() && d.is_finite()) {
            return false;
        }
        let d = d.sqrt();
        for i in j..n {
            a[j * n + i] /= d;
        }
    }
    true
}

/// Solves `L Lᵀ x = b` in place, with `L` from [`cholesky`].
pub(crate) fn cholesky_solve<T: Real>(l: &[T], n: usize, b: &mut [T]) {
    for j in 0..n {
        b[j] /= l[j * n + j];
        let x = b[j];
        for i in j + 1..n {
            b[i] -= l[j * n + i] * x;
        }
    }
    for j in (0..n).rev() {
        for i in j + 1..n {
            let s = l[j * n + i] * b[i];
            b[j] -= s;
        }
        b[j] /= l[j * n + j];
    }
}

//! Private: products, fused passes, factorisations and elementary functions over plain slices.
//!
//! What is listed under [`compiled!`](real::compiled) is compiled in this crate for both scalars, whatever calls it.

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

pub(crate) use factor::{Linearised, Samples, Spectrum, Triangle, eigenvalue_bound, zero};
pub(crate) use math::Fused;
pub use real::Real;
pub(crate) use real::{Compiled, compiled, output};
#[cfg(test)]
pub(crate) use simd::{at_each_level, sizes};
pub(crate) use simd::{inlined, vectorize};
pub(crate) use sums::{halve, pairwise};
pub(crate) use sweep::sweep;
pub(crate) use views::{Factor, flat, flat_mut};

/// The same functions for code that is [`compiled!`] itself: it saves a call.
pub(crate) mod inside {
    pub(crate) use super::product::{affine, product};
    pub(crate) use super::sums::add_columns;
}

use nalgebra::{DMatrix, DMatrixView, DVector};

compiled! {
    pub(crate) fn product<T>(alpha: T, a: Factor<'a, T>, b: Factor<'a, T>, beta: T, c: &'a mut [T]) {
        product::product(alpha, a, b, beta, c);
    }
    pub(crate) fn affine<T>(w: Factor<'a, T>, bias: Option<&'a [T]>, x: Factor<'a, T>, z: &'a mut [T]) {
        product::affine(w, bias, x, z);
    }
    pub(crate) fn weighted_gram<T>(x: Factor<'a, T>, s: &'a [T], h: &'a mut [T], column: usize) {
        gram::weighted_gram(x, s, h, column);
    }
    pub(crate) fn mirror<T>(h: &'a mut [T], n: usize) {
        gram::mirror(h, n);
    }

    pub(crate) fn fill<T>(x: &'a mut [T], value: T) { sums::fill(x, value); }
    pub(crate) fn add<T>(from: &'a [T], to: &'a mut [T]) {
        sweep(from, [to], inlined!(|_, x, [y]| [y + x]));
    }
    pub(crate) fn add_columns<T>(a: Factor<'a, T>, out: &'a mut [T]) { sums::add_columns(a, out); }
    pub(crate) fn axpy<T>(alpha: T, x: &'a [T], y: &'a mut [T]) { sums::axpy(alpha, x, y); }
    pub(crate) fn scale<T>(alpha: T, x: &'a mut [T]) { sums::scale(alpha, x); }
    pub(crate) fn gather<T>(from: DMatrixView<'a, T>, columns: &'a [usize], to: &'a mut [T]) {
        views::gather(from, columns, to);
    }
    pub(crate) fn copy_columns<T>(from: DMatrixView<'a, T>, to: &'a mut [T]) { views::copy_columns(from, to); }
    pub(crate) fn times<T>(x: &'a mut [T], y: &'a [T]) { sums::times(x, y); }
    pub(crate) fn dot<T>(x: &'a [T], y: &'a [T]) -> T { sums::dot(x, y) }
    pub(crate) fn sum<T>(x: &'a [T]) -> T { sums::sum(x) }
    pub(crate) fn norm<T>(x: &'a [T]) -> T { sums::norm(x) }
    pub(crate) fn norm_inf<T>(x: &'a [T]) -> T { sums::norm_inf(x) }
    pub(crate) fn all_finite<T>(x: &'a [T]) -> bool { sums::all_finite(x) }

    pub(crate) fn cholesky<T>(a: &'a mut [T], n: usize) -> bool { factor::cholesky(a, n) }
    pub(crate) fn cholesky_solve<T>(l: &'a [T], n: usize, b: &'a mut [T]) { factor::cholesky_solve(l, n, b); }
    pub(crate) fn lu<T>(a: &'a mut [T], n: usize, pivots: &'a mut [usize]) -> bool { factor::lu(a, n, pivots) }
    pub(crate) fn lu_solve<T>(lu: &'a [T], n: usize, pivots: &'a [usize], b: &'a mut [T]) {
        factor::lu_solve(lu, n, pivots, b);
    }
    pub(crate) fn tridiagonal<T>(d: &'a mut [T], e: &'a mut [T], v: &'a mut [T]) -> bool {
        factor::tridiagonal(d, e, v)
    }
    pub(crate) fn factorise<T>(samples: &'a Samples<'a, T>, ridge: &'a [T]) -> Triangle<T> {
        factor::factorise(samples, ridge)
    }
    pub(crate) fn least_norm_step<T>(
        h: &'a DMatrix<T>, g: &'a DVector<T>, x: &'a DVector<T>, l: &'a mut DMatrix<T>
    ) -> Option<DVector<T>> {
        factor::least_norm_step(h, g, x, l)
    }
}

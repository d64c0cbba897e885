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
mod threads;
mod views;

pub(crate) use factor::{
    Double, Ends, Lanczos, Linearised, Reflections, Samples, Spectrum, Triangle, counts, eigenvalue_bound,
    eigenvalues, ends, normal, spectrum, unstructured, zero,
};
pub(crate) use math::Fused;
pub use real::Real;
pub(crate) use real::{Compiled, compiled};
pub(crate) use scratch::{reserve, with_scratch};
#[cfg(test)]
pub(crate) use simd::{at_each_level, sizes};
pub(crate) use simd::{inlined, vectorize};
pub(crate) use sums::{halve, pairwise, unit};
pub(crate) use sweep::sweep;
pub(crate) use threads::{join, threads};
pub(crate) use views::{Factor, flat, flat_mut, top};

/// The same functions for code that is [`compiled!`] itself: it saves a call.
pub(crate) mod inside {
    pub(crate) use super::product::{affine, product};
    pub(crate) use super::sums::{add_columns, axpy, times};
}

use nalgebra::{DMatrix, DMatrixView, DVector};

/// Kernels of a module, compiled here.
macro_rules! forwarded {
    ($($module:ident::$name:ident($($argument:ident: $type:ty),*) $(-> $output:ty)?;)*) => {
        compiled! {$(
            pub(crate) fn $name<T>($($argument: $type),*) $(-> $output)? { $module::$name($($argument),*) }
        )*}
    };
}

forwarded! {
    product::product(alpha: T, a: Factor<'a, T>, b: Factor<'a, T>, beta: T, c: &'a mut [T]);
    product::affine(w: Factor<'a, T>, bias: Option<&'a [T]>, x: Factor<'a, T>, z: &'a mut [T]);
    gram::weighted_gram(x: Factor<'a, T>, s: &'a [T], h: &'a mut [T], column: usize);
    gram::mirror(h: &'a mut [T], n: usize);

    sums::fill(x: &'a mut [T], value: T);
    sums::add(x: &'a [T], y: &'a mut [T]);
    sums::add_columns(a: Factor<'a, T>, out: &'a mut [T]);
    sums::axpy(alpha: T, x: &'a [T], y: &'a mut [T]);
    sums::scale(alpha: T, x: &'a mut [T]);
    sums::scaled(alpha: T, x: &'a [T], y: &'a mut [T]);
    sums::times(x: &'a mut [T], y: &'a [T]);
    sums::dot(x: &'a [T], y: &'a [T]) -> T;
    sums::sum(x: &'a [T]) -> T;
    sums::norm(x: &'a [T]) -> T;
    sums::norm_inf(x: &'a [T]) -> T;
    sums::all_finite(x: &'a [T]) -> bool;
    views::gather(from: DMatrixView<'a, T>, columns: &'a [usize], to: &'a mut [T]);
    views::copy_columns(from: DMatrixView<'a, T>, to: &'a mut [T]);
    views::turn(from: Factor<'a, T>, to: &'a mut [T]);

    factor::cholesky(a: &'a mut [T], n: usize) -> bool;
    factor::cholesky_columns(a: &'a mut [T], n: usize) -> usize;
    factor::cholesky_solve(l: &'a [T], n: usize, b: &'a mut [T]);
    factor::eliminate(a: &'a mut [T], n: usize, b: &'a mut [T]) -> bool;
    factor::invert_lower(l: &'a mut [T], n: usize);
    factor::reflect(triangle: &'a mut Triangle<T>, samples: &'a Samples<'a, T>, work: &'a mut Reflections<T>);
    factor::stack(triangle: &'a mut Triangle<T>, other: &'a Triangle<T>);
    factor::least_norm_step(
        h: &'a DMatrix<T>, g: &'a DVector<T>, x: &'a DVector<T>, unit: T, l: &'a mut DMatrix<T>
    ) -> Option<DVector<T>>;
}

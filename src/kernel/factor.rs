//! Factorisations: of definite, semidefinite and indefinite matrices, and of tall ones.

pub(super) use cholesky::pivot_rounding;
pub(crate) use cholesky::{cholesky, cholesky_solve};
pub(crate) use eigen::{Spectrum, bound as eigenvalue_bound, tridiagonal, zero};
pub(crate) use householder::{Samples, Triangle, factorise};
pub(crate) use lu::{lu, lu_solve};
pub(crate) use semidefinite::least_norm_step;
pub(crate) use triangle::Triangle as Linearised;

mod cholesky;
mod eigen;
mod householder;
mod lu;
mod pivoted_qr;
mod semidefinite;
mod triangle;

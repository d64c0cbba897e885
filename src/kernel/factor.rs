//! Factorisations: of definite, semidefinite and indefinite matrices, and of tall ones.

pub(super) use cholesky::{cholesky, cholesky_solve, invert_lower};
pub(crate) use counts::{Ends, counts, ends};
pub(super) use eigen::tridiagonal;
pub(crate) use eigen::{Spectrum, bound as eigenvalue_bound, eigenvalues, spectrum, zero};
pub(super) use householder::factorise;
pub(crate) use householder::{Samples, Triangle};
pub(crate) use linearised::Linearised;
pub(super) use lu::{lu, lu_solve};
pub(super) use semidefinite::least_norm_step;

mod cholesky;
mod conquer;
mod counts;
mod eigen;
mod householder;
mod inertia;
mod linearised;
mod lu;
mod reflector;
mod secular;
mod semidefinite;
mod solve;
mod tridiagonal;

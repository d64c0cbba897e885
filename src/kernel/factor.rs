//! Factorisations: of definite, semidefinite and indefinite matrices, and of tall ones.

pub(super) use cholesky::{cholesky, cholesky_columns, cholesky_solve, invert_lower};
pub(crate) use counts::{Ends, counts, ends};
pub(crate) use eigen::{Spectrum, eigenvalues, spectrum, zero};
pub(super) use elimination::eliminate;
pub(crate) use householder::{Reflections, Samples, Triangle};
pub(super) use householder::{reflect, stack};
pub(crate) use lanczos::{Lanczos, normal, unstructured};
pub(crate) use linearised::Linearised;
pub(crate) use ql::bound as eigenvalue_bound;
pub(super) use semidefinite::least_norm_step;
pub(crate) use solve::Double;

mod cholesky;
mod conquer;
mod counts;
mod eigen;
mod elimination;
mod householder;
mod inertia;
mod lanczos;
mod linearised;
mod ql;
mod reflector;
mod secular;
mod semidefinite;
mod solve;
mod tridiagonal;

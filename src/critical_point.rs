//! What kind of point a stationary point is: eigenvalues, inertia, kind.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::{Error, Hessian, Real};

/// The kind of a stationary point, from the signs of the Hessian's eigenvalues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CriticalKind {
    /// All eigenvalues positive.
    Minimum,
    /// All eigenvalues negative.
    Maximum,
    /// Both signs: conclusively neither minimum nor maximum.
    Saddle,
    /// Some eigenvalues are zero and the others share a sign: second derivatives cannot decide.
    Degenerate,
}

impl fmt::Display for CriticalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Saddle => "saddle",
            Self::Degenerate => "degenerate",
        })
    }
}

/// How many eigenvalues are positive, zero and negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inertia {
    /// `n₊`.
    pub positive: usize,
    /// `n₀`.
    pub zero: usize,
    /// `n₋`.
    pub negative: usize,
}

/// A point judged by its Hessian.
#[derive(Debug, Clone, PartialEq)]
pub struct CriticalPoint<T: Real> {
    /// Eigenvalues of the Hessian, ascending.
    pub eigenvalues: DVector<T>,
    /// Their signs.
    pub inertia: Inertia,
    /// What the signs say of a stationary point.
    pub kind: CriticalKind,
    /// `|λ| ≤ tolerance` counted as zero.
    pub tolerance: T,
    /// The unit eigenvector of the smallest eigenvalue, if that is negative.
    pub direction: Option<DVector<T>>,
}

/// What second derivatives say of the point that a run returned.
#[derive(Debug, Clone, PartialEq)]
pub struct Certificate<T: Real> {
    /// Eigenvalues, inertia, kind.
    pub point: CriticalPoint<T>,
    /// `‖∇f‖∞`.
    pub gradient_norm: T,
    /// Newton decrement `√(∇fᵀ H⁻¹ ∇f)`, where `H` is positive definite.
    pub decrement: Option<T>,
    /// `max |λ| / min |λ|`.
    pub condition: T,
    /// Whether the problem is known to be convex: then a stationary point is a global minimum whatever the
    /// inertia.
    pub convex: bool,
}

impl<T: Real> CriticalPoint<T> {
    /// Classifies by a symmetric Hessian.
    ///
    /// # Errors
    /// See the source.
    pub fn classify(_hessian: &DMatrix<T>) -> Result<Self, Error> {
        unreachable!("being written")
    }

    /// Classifies a point of an objective.
    ///
    /// # Errors
    /// See the source.
    pub fn of<O: Hessian<T> + ?Sized>(_objective: &mut O, _x: &DVector<T>) -> Result<Self, Error> {
        unreachable!("being written")
    }
}

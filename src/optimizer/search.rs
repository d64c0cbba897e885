//! What methods share: searches along a line and within a radius, the point with its derivatives, escapes.

pub(super) mod backtrack;
pub(super) mod directions;
pub(super) mod escape;
pub(super) mod lanczos;
pub(super) mod local;
pub(super) mod subproblem;
pub(super) mod trust_radius;
pub(super) mod wolfe;

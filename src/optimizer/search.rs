//! What methods share: searches along a line and within a radius, the point with its derivatives, the way off a
//! saddle.

pub(super) mod backtrack;
pub(super) mod bounds;
pub(super) mod directions;
pub(super) mod escape;
pub(super) mod evaluated;
pub(super) mod factored;
pub(super) mod newton_model;
pub(super) mod on_face;
pub(super) mod position;
pub(super) mod probe;
pub(super) mod rounding;
pub(super) mod subproblem;
pub(super) mod trust_radius;
pub(super) mod verdict;
pub(super) mod wolfe;

//! What methods share: searches along a line and within a radius, the point with its derivatives, the way off a
//! saddle.

pub(crate) use backtrack::{Backtrack, takes_full};
pub use bounds::{Bounds, Face};
pub(crate) use directions::{Directed, Direction};
pub(crate) use escape::{escape, escape_along, is_near_saddle};
pub(crate) use evaluated::{Evaluated, assign};
pub(crate) use factored::Factored;
pub(crate) use free_step::{Frame, FreeStep};
pub(crate) use newton_model::{NewtonModel, Shape};
pub(crate) use on_face::{Bounded, Full, OnFace, Seen, Within};
pub(crate) use position::Position;
pub(crate) use probe::{
    NEIGHBOURS, ends, ends_by_products, is_same, leads_lower, leave, leave_flat, neighbour, probe, vanishes,
};
pub(crate) use rounding::{Progress, Size, calms, closeness, drowns, is_level, is_within, rounding};
pub(crate) use trust_radius::{RadiusRule, Region, TrustRadius};
pub(crate) use units::units;
pub(crate) use wolfe::{Line, LineSearch};

mod backtrack;
mod bounds;
mod directions;
mod escape;
mod evaluated;
mod factored;
mod free_step;
mod newton_model;
mod on_face;
mod position;
mod probe;
mod rounding;
pub(super) mod subproblem;
mod trust_radius;
mod units;
mod verdict;
mod wolfe;

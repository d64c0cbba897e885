//! Registers, the level of instructions in use, register tiles and packing.

pub(super) use level::{Task, dispatch};
#[cfg(test)]
pub(crate) use level::{at_each_level, sizes};
pub(crate) use level::{inlined, vectorize};
pub(super) use pack::{Lines, PackColumns, PackRows};
pub(super) use tile::{Block, Update};
pub(super) use vector::prefetch;
pub(crate) use vector::{Kernel, Vector};

mod level;
mod pack;
mod tile;
mod vector;

//! gradus
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod error;
mod kernel;
mod real;
mod termination;

pub use error::Error;
pub use nalgebra;
pub use real::Real;
pub use termination::Termination;

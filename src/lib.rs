//! gradus
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod critical_point;
mod error;
mod kernel;
pub mod loss;
mod minimize;
pub mod model;
pub mod objective;
pub mod optimizer;
mod real;
mod risk;
mod termination;

pub use critical_point::{Certificate, CriticalKind, CriticalPoint, Inertia};
pub use error::Error;
pub use loss::{CrossEntropy, Curved, Huber, LogLoss, Loss, SquaredError, Through};
pub use minimize::{Progress, Report, Stop, minimize, minimize_with};
pub use model::{
    Activation, Architecture, Initialize, Model, Network, Perceptron, SecondOrder, SigmoidClassifier,
};
pub use nalgebra;
pub use objective::{Function, Hessian, HessianProduct, Objective};
pub use optimizer::{GradientDescent, Newton, Optimizer, TrustRegion};
pub use real::Real;
pub use risk::EmpiricalRisk;
pub use termination::Termination;

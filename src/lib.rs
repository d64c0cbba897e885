//! Fit a model or minimise a function, and be told the truth about where you ended up.
//!
//! ```
//! use gradus::nalgebra::{self, DVector, dvector};
//! use gradus::{Function, Newton, Stop, minimize};
//! // f(x, y) = x² − y² + y⁴: a saddle at the origin, minima at y = ±1/√2
//! let f = Function::new(2, |x: &DVector<f64>, g| {
//!     g.copy_from_slice(&[2.0 * x[0], -2.0 * x[1] + 4.0 * x[1].powi(3)]);
//!     x[0].powi(2) - x[1].powi(2) + x[1].powi(4)
//! });
//! let mut f = f.with_hessian(|x, h| {
//!     h.copy_from_slice(&[2.0, 0.0, 0.0, -2.0 + 12.0 * x[1].powi(2)]);
//! });
//! let stop = Stop::default();
//! let report = minimize(&mut Newton::new(), &mut f, dvector![1.0, 0.0], &stop)?;
//! // it landed on the saddle, and left it
//! assert!(report.converged() && report.escapes == 1);
//! Ok::<(), gradus::Error>(())
//! ```
//!
//! # The idea
//!
//! - An [`Objective`] is a differentiable function of one flat vector; it may add a [`Hessian`] and a
//!   [`HessianProduct`]. [`Function`] makes one from closures.
//! - A [`Model`] is an architecture without parameters or buffers: [`Perceptron`], [`SigmoidClassifier`],
//!   [`Network`], or yours. A [`Loss`] compares its scores with targets.
//! - [`EmpiricalRisk`] = model × loss × data **is an objective**: everything that minimises functions trains
//!   models, and everything that trains models minimises functions.
//! - An [`Optimizer`] takes one step; what it needs is in its bounds, so that asking for more than an objective
//!   has is a compile error. [`minimize`] repeats steps until [`Stop`] holds and returns a [`Report`]: the
//!   point, why it stopped, and what kind of point it is.
//!
//! # Conventions
//!
//! | symbol | meaning | shape |
//! |---|---|---|
//! | `n`, `m`, `k`, `p` | features, samples, outputs, parameters | |
//! | `X` | inputs, **one sample per column** ([`data::columns`] turns a table with one sample per row) | `n × m` |
//! | `Y`, `Z` | targets; scores, before any sigmoid or softmax | `k × m` |
//! | `θ` | all parameters in one vector: per layer `W` (units × inputs) column-major, then `b` | `p` |
//!
//! The risk is the **mean over samples of the sum over outputs**; squared error carries its ½; a ridge penalty
//! `(λ/2)‖W‖²` leaves biases alone and is never on by default. Gradients are written, not added, everywhere
//! but in [`Model::backward`].
//!
//! # Features
//!
//! | feature | what it adds |
//! |---|---|
//! | `rayon` | chunks of a batch side by side on rayon's threads, bit for bit as without; fastest inside `ThreadPool::install` |
//! | `num-dual` | exact derivatives of functions that are generic over dual numbers ([`objective`]) |
//! | `safetensors` | networks and affine models from PyTorch's weights, and back ([`Fitted`]) |
//! | `serde` | saving and loading of what training leaves ([`Fitted`]), with every file checked |
//!
//! # Debug builds
//!
//! The kernels are compiled in this crate. These two lines in your `Cargo.toml` make them fast under plain
//! `cargo run` too:
//!
//! ```toml
//! [profile.dev.package.gradus]
//! opt-level = 3
//! ```
//!
//! [`how_to_choose`] says which method to take.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod check;
mod contract;
mod critical_point;
pub mod data;
mod error;
mod figures;
mod fit;
mod kernel;
pub mod least_squares;
pub mod loss;
pub mod metrics;
mod minimize;
pub mod model;
pub mod objective;
pub mod optimizer;
pub mod problems;
mod risk;
#[cfg(feature = "safetensors")]
mod safetensors;
#[cfg(feature = "serde")]
mod save;
mod statistics;
mod termination;
mod training;
pub mod univariate;

#[doc = include_str!("how_to_choose.md")]
pub mod how_to_choose {}

pub use critical_point::{CriticalKind, CriticalPoint, Inertia};
pub use error::Error;
pub use fit::{Fitted, Predictor};
pub use kernel::Real;
pub use least_squares::{GaussNewton, LeastSquares, LevenbergMarquardt, Residuals};
pub use loss::{Classifier, CrossEntropy, Huber, LogLoss, Loss, SecondOrderLoss, SquaredError, Through};
pub use minimize::{Progress, Report, Stop, minimize, minimize_with};
pub use model::{
    Activation, Architecture, Initialize, InputGradient, Layer, Model, Network, Perceptron, SecondOrderModel,
    SigmoidClassifier,
};
pub use nalgebra;
#[cfg(feature = "num-dual")]
pub use num_dual;
pub use objective::{Function, Hessian, HessianProduct, Objective, Recession};
pub use optimizer::{
    AdaGrad, Adam, Bfgs, ConjugateGradient, GradientDescent, Lbfgs, Newton, NewtonCg, Optimizer, RmsProp,
    SaddleFree, Schedule, TrustRegion,
};
pub use risk::EmpiricalRisk;
pub use statistics::{Robust, Statistics};
pub use termination::Termination;
pub use training::{Checkpoint, Epoch, History, Trained, Trainer, Training};

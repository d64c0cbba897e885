//! Fit a model or minimise a function, and be told the truth about where you ended up.
//!
//! ```
//! use gradus::Perceptron;
//!
//! let x = [1.0, 2.0, 3.0, 4.0]; // one feature: a sample in each entry
//! let y = [2.9, 5.1, 7.0, 9.2];
//! let fitted = Perceptron::new(1).fit(&x, &y)?;
//! println!("y = {:.2} x + {:.2}", fitted.weights()[0], fitted.bias()[0]);
//! println!("{}", fitted.report); // converged: … convex, so a global minimum
//! assert!((fitted.predict(&[5.0])?[0] - 11.25_f64).abs() < 1e-12);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Where to find what
//!
//! To learn the mathematics along with the crate, page by page, read the [`guide`].
//!
//! | to | take |
//! |---|---|
//! | fit a line, a plane, ridge or L1 | [`Perceptron::fit`], [`EmpiricalRisk::fit`], [`EmpiricalRisk::fit_l1`] |
//! | tell two classes apart (logistic regression), or several (softmax) | [`SigmoidClassifier::fit`], [`EmpiricalRisk::fit`] with [`CrossEntropy`] |
//! | the same where classes are separable or samples few (Firth) | [`EmpiricalRisk::fit_firth`] |
//! | train a network (MLP), with held-out samples, schedules, checkpoints | [`Network::fit`], [`Trainer`] |
//! | model counts, sizes, shares (GLM: Poisson, Gamma, binomial) | [`generalised_linear_models`] |
//! | read a CSV file, or tables of polars, ndarray, faer | [`data::tables`] |
//! | split, fold, select, scale, weigh classes | [`data`] |
//! | judge: accuracy, F1, ROC and AUC, log loss, R² | [`metrics`], [`Fitted::score`] |
//! | standard errors, p values, intervals, AIC, R² | [`EmpiricalRisk::statistics`], explained in [`inference`] |
//! | how sure a prediction is, with an interval | [`EmpiricalRisk::posterior`], explained by [`Posterior`] |
//! | which samples drive a fit, and the fit without each | [`EmpiricalRisk::influence`], explained by [`Influence`] |
//! | whether a point is a minimum, after any method | [`Report::certify`], [`Report::certify_by_products`] |
//! | minimise a function of many variables | [`minimize`] with an [`Optimizer`](optimizer) |
//! | within bounds, or with some variables fixed | [`Bounds`] |
//! | of one variable, or find its root | [`univariate`] |
//! | fit a curve of your own, without derivatives | `DualModel` (feature `num-dual`), as below |
//! | by residuals and Jacobian | [`LevenbergMarquardt`] |
//! | check a gradient of your own | [`check::gradient`] |
//! | see every number of backpropagation (the chain rule, the cache), and of each Newton step | [`Network::explain`], [`Trace`], [`explain`] |
//! | know which method suits | [`how_to_choose`] |
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
//! | `num-dual` | exact derivatives of functions ([`objective`]), models and residuals that are written once over dual numbers |
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
//! # A curve of your own
//!
//! With the feature `num-dual` a curve is written once, and has its first and second derivatives:
//!
#![cfg_attr(feature = "num-dual", doc = "```")]
#![cfg_attr(not(feature = "num-dual"), doc = "```ignore")]
//! use gradus::{Architecture, DualModel, EmpiricalRisk, LevenbergMarquardt, Number};
//! use gradus::{SquaredError, Stop, vector};
//!
//! /// z = θ₁/(1 + exp(−θ₂ (t − θ₃)))
//! #[derive(Clone)]
//! struct Growth;
//! impl Architecture for Growth {
//!     fn inputs(&self) -> usize { 1 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn parameter_count(&self) -> usize { 3 }
//! }
//! impl DualModel for Growth {
//!     fn scores<D: Number>(&self, theta: &[D], t: &[D], z: &mut [D]) {
//!         z[0] = theta[0] / (D::of(1.0) + (-theta[1] * (t[0] - theta[2])).exp());
//!     }
//! }
//!
//! let (t, y) = ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [0.1, 0.3, 0.9, 2.4, 5.1, 7.6]);
//! let mut risk = EmpiricalRisk::new(Growth, SquaredError, &t, &y)?;
//! let (mut method, start) = (LevenbergMarquardt::new(), vector![5.0, 1.0, 5.0]);
//! let fitted = risk.fit_with(&mut method, start, &Stop::default())?;
//! let names = ["capacity", "rate", "half time"];
//! println!("{}", risk.statistics(fitted.parameters())?.summary(&names)?);
//! assert!((fitted.parameters()[2] - 7.9_f64).abs() < 0.2);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A saddle is not a minimum
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Function, Newton, Stop, minimize, vector};
//! // f(x, y) = x² − y² + y⁴: a saddle at the origin, minima at y = ±1/√2
//! let f = Function::new(2, |x: &DVector<f64>, g| {
//!     g.copy_from_slice(&[2.0 * x[0], -2.0 * x[1] + 4.0 * x[1].powi(3)]);
//!     x[0].powi(2) - x[1].powi(2) + x[1].powi(4)
//! });
//! let mut f = f.with_hessian(|x, h| {
//!     h.copy_from_slice(&[2.0, 0.0, 0.0, -2.0 + 12.0 * x[1].powi(2)]);
//! });
//! let report = minimize(&mut Newton::new(), &mut f, vector![1.0, 0.0], &Stop::default())?;
//! // it landed on the saddle, and left it
//! assert!(report.converged() && report.escapes == 1);
//! # Ok::<(), gradus::Error>(())
//! ```
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod check;
mod contract;
mod critical_point;
pub mod data;
mod error;
pub mod explain;
mod figures;
mod fit;
pub mod guide;
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

#[doc = include_str!("glm.md")]
pub mod generalised_linear_models {}

#[doc = include_str!("inference.md")]
pub mod inference {}

pub use critical_point::{CriticalKind, CriticalPoint, Inertia, LeastEigenvalue};
pub use error::Error;
#[doc(inline)]
pub use explain::Trace;
pub use fit::{Fit, Fitted, Predictor};
pub use kernel::Real;
#[doc(inline)]
pub use least_squares::{GaussNewton, LeastSquares, LevenbergMarquardt, Residuals};
#[doc(inline)]
pub use loss::{Classifier, CrossEntropy, Huber, LogLoss, Loss, SecondOrderLoss, SquaredError, Through};
pub use minimize::{Method, Progress, Report, Stop, minimize, minimize_with};
#[cfg(feature = "num-dual")]
#[doc(inline)]
pub use model::DualModel;
#[doc(inline)]
pub use model::{
    Activation, Architecture, Initialize, InputGradient, Layer, Model, Network, Offset, Perceptron,
    SecondOrderModel, SigmoidClassifier,
};
pub use nalgebra;
#[cfg(feature = "num-dual")]
pub use num_dual;
#[cfg(feature = "num-dual")]
#[doc(inline)]
pub use objective::Number;
#[doc(inline)]
pub use objective::{Function, Hessian, HessianProduct, Objective, Recession};
#[doc(inline)]
pub use optimizer::{
    AdaGrad, Adam, Bfgs, Bounds, ConjugateGradient, Face, GradientDescent, Lbfgs, Newton, NewtonCg,
    Optimizer, RmsProp, SaddleFree, Schedule, TrustRegion,
};
pub use risk::{Block, Blocks, EmpiricalRisk, Exchange};
pub use statistics::{
    Covariance, HypothesisTest, Influence, Posterior, Prediction, PredictionOf, Robust, Statistics,
};
pub use termination::Termination;
pub use training::{Checkpoint, Epoch, History, Trained, Trainer, Training};

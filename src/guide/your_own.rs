//! Your own function, loss, activation, model and optimizer: the least of each, and how to check it.
//!
//! # A function
//!
//! Value and gradient from one closure; the Hessian, if you have it, from another. With the feature `num-dual`,
//! [`objective`](crate::objective) derives a function that is written once.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Function, Lbfgs, Stop, check, minimize, vector};
//!
//! // f = Σ (xᵢ − i)⁴ + x₀²
//! let mut f = Function::new(2, |x: &DVector<f64>, g| {
//!     g.copy_from_slice(&[4.0 * x[0].powi(3) + 2.0 * x[0], 4.0 * (x[1] - 1.0).powi(3)]);
//!     x[0].powi(4) + (x[1] - 1.0).powi(4) + x[0] * x[0]
//! });
//! assert!(check::gradient(&mut f, &vector![0.3, 0.4])?.passed());
//! let report = minimize(&mut Lbfgs::new(), &mut f, vector![2.0, 3.0], &Stop::default())?;
//! assert!((report.x[1] - 1.0).abs() < 1e-2);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A loss
//!
//! Of one score and one target: value, slope and curvature, and the crate makes Newton work with it.
//!
//! ```
//! use gradus::loss::{ElementWise, Jet};
//! use gradus::{EmpiricalRisk, Newton, Perceptron, Real, Stop, minimize, vector};
//!
//! struct LogCosh; // ln cosh(z − y): squared near 0, absolute far away
//! impl ElementWise for LogCosh {
//!     const CONVEX: bool = true;
//!     fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
//!         let (r, t) = ((z - y).abs(), (z - y).tanh());
//!         let tail = (-(r + r)).exp().ln_1p() - T::of(2.0).ln();
//!         Jet { value: r + tail, first: t, second: T::one() - t * t }
//!     }
//! }
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 50.0]); // an outlier
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), LogCosh, &x, &y)?;
//! let start = vector![0.0, 0.0];
//! let report = minimize(&mut Newton::new(), &mut risk, start, &Stop::default())?;
//! assert!(report.converged());
//! assert_eq!(format!("{:.2}", report.x[0]), "1.70");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! A loss that is said to be `CONVEX` is asked by its slopes far out where it falls for ever, so that data without a minimum are
//! told; [`margin`](crate::loss::ElementWise::margin) says that faster.
//!
//! A loss of several scores at once implements [`Loss`](crate::Loss) (`examples/own_loss.rs`). Write it on scores
//! ([why](super::sigmoid_and_log_loss)).
//!
//! # An activation
//!
//! ```
//! use gradus::model::OwnActivation;
//! use gradus::{Activation, LogLoss, Network, Real, matrix};
//!
//! struct Sine;
//! impl OwnActivation for Sine {
//!     const NAME: &'static str = "sine";
//!     fn jet<T: Real>(z: T) -> (T, T, T) {
//!         (z.sin(), z.cos(), -z.sin()) // φ, φ', φ''
//!     }
//! }
//! let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
//! let network = Network::new(&[2, 8, 1], Activation::own::<Sine>());
//! assert_eq!(network.fit(LogLoss, &x, &[0, 1, 1, 0], 1)?.classify(&x)?, [0, 1, 1, 0]);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A model
//!
//! A model maps parameters and a column of inputs to scores: `forward` and `backward`, which multiplies `∂L/∂Z` by `∂Z/∂θ`.
//!
//! ```
//! use gradus::nalgebra::{DMatrixView, DVector};
//! use gradus::{Architecture, EmpiricalRisk, Lbfgs, Model, SquaredError, Stop};
//! use gradus::{check, matrix, minimize, vector};
//!
//! struct Decay; // z = θ₀ e^(−θ₁ x)
//! impl Architecture for Decay {
//!     fn inputs(&self) -> usize { 1 }
//!     fn outputs(&self) -> usize { 1 }
//!     fn parameter_count(&self) -> usize { 2 }
//! }
//! impl Model<f64> for Decay {
//!     type Cache = Vec<f64>; // the scores
//!     fn cache(&self, max_batch: usize) -> Vec<f64> { vec![0.0; max_batch] }
//!     fn forward<'c>(
//!         &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, z: &'c mut Vec<f64>,
//!     ) -> DMatrixView<'c, f64> {
//!         for (z, x) in z.iter_mut().zip(x.iter()) {
//!             *z = theta[0] * (-theta[1] * x).exp();
//!         }
//!         DMatrixView::from_slice(z, 1, x.ncols())
//!     }
//!     fn backward(
//!         &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, delta: DMatrixView<'_, f64>,
//!         _: &mut Vec<f64>, gradient: &mut DVector<f64>,
//!     ) {
//!         for (x, delta) in x.iter().zip(delta.iter()) {
//!             let e = (-theta[1] * x).exp();
//!             gradient[0] += delta * e; // added, not written
//!             gradient[1] -= delta * theta[0] * x * e;
//!         }
//!     }
//! }
//! let (x, y) = (matrix![0.0, 1.0, 2.0, 3.0], matrix![3.0, 1.8, 1.1, 0.7]);
//! assert!(check::model(&Decay, &vector![2.0, 0.3], &x)?.passed());
//! let mut risk = EmpiricalRisk::new(Decay, SquaredError, &x, &y)?;
//! let report = minimize(&mut Lbfgs::new(), &mut risk, vector![1.0, 1.0], &Stop::default())?;
//! assert!(report.converged());
//! assert_eq!(format!("{:.3?}", report.x.as_slice()), "[2.991, 0.497]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! With the feature `num-dual` a [`DualModel`](crate#a-curve-of-your-own) is one formula, with first and second derivatives.
//!
//! # An optimizer
//!
//! Evaluate at the `x` given, move it, and describe the point before it moved.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::optimizer::{Optimizer, Step};
//! use gradus::{Error, Objective, Stop, minimize, problems::Problem, vector};
//!
//! struct SignDescent(f64); // xᵢ ← xᵢ − α sign(∂f/∂xᵢ), α halved at each change of sign
//! impl<O: Objective<f64> + ?Sized> Optimizer<f64, O> for SignDescent {
//!     fn step(&mut self, f: &mut O, x: &mut DVector<f64>) -> Result<Step<f64>, Error> {
//!         let (mut g, mut after) = (DVector::zeros(x.len()), DVector::zeros(x.len()));
//!         let value = f.value_gradient(x, &mut g);
//!         x.zip_apply(&g, |x, g| if g != 0.0 { *x -= self.0 * g.signum() });
//!         f.value_gradient(x, &mut after);
//!         if g.dot(&after) < 0.0 {
//!             self.0 /= 2.0;
//!         }
//!         Ok(Step::new(value, g.amax()))
//!     }
//! }
//! let (mut f, start) = (Problem::Booth, vector![0.0, 0.0]);
//! let stop = Stop::default().gradient(1e-6);
//! let report = minimize(&mut SignDescent(1.0), &mut f, start, &stop)?;
//! assert!(report.converged());
//! assert_eq!(format!("{:.4?}", report.x.as_slice()), "[1.0000, 3.0000]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Longer ones, for `f32` and `f64` both: `examples/own_model.rs`, `own_loss.rs`, `own_optimizer.rs`.
//!
//! Next: [exercises](super::exercises).

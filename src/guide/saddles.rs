//! Saddles: why methods end on them, and how they are left.
//!
//! # A gradient that vanishes is not a minimum
//!
//! `f = x² − y² + y⁴` has a saddle at the origin and minima at `y = ±1/√2`. From `(1, 0)` the gradient never leaves the axis
//! `y = 0`, so that whatever follows it ends on the saddle:
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{CriticalKind, GradientDescent, Newton, Stop, minimize, vector};
//!
//! let (mut f, stop) = (Problem::SaddleBetweenMinima, Stop::default());
//! let start = vector![1.0_f64, 0.0];
//!
//! // a method by gradients cannot know
//! let mut report = minimize(&mut GradientDescent::new(0.1), &mut f, start.clone(), &stop)?;
//! assert_eq!((report.converged(), report.kind()), (true, None));
//! report.certify(&mut f)?; // asked afterwards
//! assert_eq!((report.converged(), report.kind()), (false, Some(CriticalKind::Saddle)));
//!
//! // the textbook's Newton ends there in one step, and the report says what it is
//! let report = minimize(&mut Newton::pure(), &mut f, start.clone(), &stop)?;
//! assert_eq!((report.iterations, report.kind()), (1, Some(CriticalKind::Saddle)));
//!
//! // the safeguarded one leaves
//! let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
//! assert!(report.converged());
//! assert_eq!((report.escapes, format!("{:.6}", report.x[1].abs())), (1, "0.707107".into()));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # The escape
//!
//! Along the eigenvector `v` of the most negative eigenvalue `f` falls to both sides, by `½ λ t²` at first. The safeguarded
//! methods step along `±v`, to the side with the lower `f`, count an *escape* in the report, and go on.
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{CriticalPoint, Objective, vector};
//!
//! let mut f = Problem::QuarticSaddle; // example B, at its saddle
//! let saddle = vector![0.0_f64, 0.0];
//! let point = CriticalPoint::of(&mut f, &saddle)?;
//! let Some(v) = point.direction.clone() else { unreachable!("a saddle has a way down") };
//! let lambda = point.extremes().0;
//! for t in [0.001, -0.001] {
//!     let change = f.value(&(&saddle + &v * t)) - f.value(&saddle);
//!     assert!((change / (0.5 * lambda * t * t) - 1.0).abs() < 0.05); // ½ λ t²
//! }
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Zero weights
//!
//! A 2-2-1 sigmoid network whose weights are all zero, on the corners of a square with balanced labels, is at an exact
//! stationary point: gradient descent never moves.
//!
//! ```
//! use gradus::{Activation, CriticalPoint, EmpiricalRisk, Initialize, LogLoss, Network};
//! use gradus::matrix;
//!
//! let corners = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let zero = network.initial_with(Initialize::Zeros, 0);
//! // y = x₁: a saddle
//! let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &corners, &[0, 0, 1, 1])?;
//! let point = CriticalPoint::of(&mut risk, &zero)?;
//! assert_eq!(point.gradient_norm, Some(0.0));
//! let (least, greatest) = point.extremes();
//! assert_eq!(format!("{} {least:.4} {greatest:.4}", point.kind), "saddle -0.0625 0.3785");
//! // exclusive or: one positive eigenvalue, eight zeros
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &corners, &[0, 1, 1, 0])?;
//! let point = CriticalPoint::of(&mut risk, &zero)?;
//! assert_eq!(point.inertia.to_string(), "1 positive, 8 zero");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Hidden units with equal weights in and out receive equal slopes and stay equal for ever: initial weights are drawn, by a
//! seed.
//!
//! # Flat directions
//!
//! Where eigenvalues are zero the second-derivative test is silent. Before a run ends on such a point it looks along the flat
//! directions ([`Report::probed`](crate::Report#structfield.probed)); what falls there is followed.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Function, Newton, Stop, minimize, vector};
//!
//! // x² + y³ falls for ever along −y, and is flat to second order on the way
//! let f = Function::new(2, |v: &DVector<f64>, g| {
//!     g.copy_from_slice(&[2.0 * v[0], 3.0 * v[1] * v[1]]);
//!     v[0] * v[0] + v[1].powi(3)
//! });
//! let mut f = f.with_hessian(|v, h| h.copy_from_slice(&[2.0, 0.0, 0.0, 6.0 * v[1]]));
//! let (start, stop) = (vector![1.0, 1.0], Stop::default());
//! let textbook = minimize(&mut Newton::pure(), &mut f, start.clone(), &stop)?;
//! assert!(!textbook.converged());
//! let safeguarded = minimize(&mut Newton::new(), &mut f, start, &stop)?;
//! assert!(!safeguarded.converged() && safeguarded.value < -1e3);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! For many variables, [`SaddleFree`](crate::SaddleFree) and [`NewtonCg`](crate::NewtonCg) find negative curvature by products.
//!
//! Next: [separation](super::separation).

//! Where a researcher begins: exact second derivatives of any model, verdicts, covariance, and what they rest on.
//!
//! | question | answer |
//! |---|---|
//! | exact Hessian and products of a network | [`Hessian`](crate::Hessian), [`HessianProduct`](crate::HessianProduct) on any [`EmpiricalRisk`](crate::EmpiricalRisk); Bishop 1992, Pearlmutter 1994 |
//! | Gauss–Newton products, the diagonal | [`gauss_newton_product`](crate::EmpiricalRisk::gauss_newton_product), [`hessian_diagonal`](crate::EmpiricalRisk::hessian_diagonal) |
//! | is this point a minimum? | [`CriticalPoint::of`](crate::CriticalPoint::of), and its rule for [zero](super::kinds_of_points) |
//! | saddles and flat directions | [saddles](super::saddles), [`SaddleFree`](crate::SaddleFree) |
//! | what converged means, method by method | the table at [`Report::converged`](crate::Report::converged) |
//! | standard errors: Fisher, sandwich, clustered | [`inference`](crate::inference) |
//! | separation | [separation](super::separation), [`Objective::recedes`](crate::Objective::recedes) |
//! | nonlinear least squares | [`LevenbergMarquardt`](crate::LevenbergMarquardt), [`GaussNewton`](crate::GaussNewton) |
//! | derivatives by dual numbers | [`objective`](crate::objective), feature `num-dual` |
//! | bits that do not depend on threads, blocks or ranks | [`from_stream`](crate::EmpiricalRisk::from_stream), [`over`](crate::EmpiricalRisk::over) |
//!
//! # The spectrum of a trained network
//!
//! ```
//! use gradus::{Activation, CriticalPoint, EmpiricalRisk, LogLoss, Network, Stop};
//! use gradus::{TrustRegion, matrix, minimize};
//!
//! let corners = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
//! let network = Network::new(&[2, 4, 1], Activation::Tanh);
//! let start = network.initial(3);
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &corners, &[0, 1, 1, 0])?.ridge(1e-3);
//! let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default())?;
//! let point = CriticalPoint::of(&mut risk, &report.x)?;
//! println!("{point}");
//! assert!(report.converged());
//! assert_eq!(point.inertia.to_string(), "16 positive, 1 zero");
//! for layer in risk.model().layers() {
//!     println!("{:.3}", layer.weights(&report.x)?);
//! }
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! The penalty brought the weights of one of four hidden units to zero: its bias matters to nothing, and is the zero
//! eigenvalue. With an inertia `(n₊, n₀, n₋)` *degenerate* is the normal verdict on a network.
//!
//! Formulas stand above the code that computes them, in the same symbols, with author, year and equation: the README names
//! the files in reading order. Every derivative is compared with references of 40 digits that share no code with the crate.

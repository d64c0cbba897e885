//! The Hessian: all second derivatives of a function of several variables.
//!
//! # Definition
//!
//! ```text
//! H = [∂²f/∂xᵢ∂xⱼ],   n × n and symmetric: the order of differentiation does not matter
//! f(x + s) ≈ f(x) + ∇f(x)ᵀ s + ½ sᵀ H(x) s
//! ```
//!
//! For `f = 2x² + 3y² − xy`:
//!
//! ```text
//! ∇f = (4x − y, 6y − x)
//! H  = [[4, −1], [−1, 6]]
//! ```
//!
//! ```
//! use gradus::nalgebra::{DMatrix, DVector};
//! use gradus::{Function, Hessian, Objective, check, matrix, vector};
//!
//! let f = Function::new(2, |v: &DVector<f64>, g| {
//!     let (x, y) = (v[0], v[1]);
//!     g.copy_from_slice(&[4.0 * x - y, 6.0 * y - x]); // ∇f
//!     2.0 * x * x + 3.0 * y * y - x * y // f
//! });
//! let mut f = f.with_hessian(|_, h| h.copy_from_slice(&[4.0, -1.0, -1.0, 6.0])); // H
//!
//! let x = vector![4.0, 4.0];
//! let (mut gradient, mut h) = (DVector::zeros(2), DMatrix::zeros(2, 2));
//! assert_eq!(f.value_gradient(&x, &mut gradient), 64.0);
//! assert_eq!(gradient, vector![12.0, 20.0]);
//! f.hessian(&x, &mut h);
//! assert_eq!(h, matrix![4.0, -1.0; -1.0, 6.0]);
//!
//! // own derivatives are compared with differences
//! assert!(check::gradient(&mut f, &x)?.passed() && check::hessian(&mut f, &x)?.passed());
//!
//! // this f is its own second-order expansion: f(x + s) = f + ∇fᵀs + ½ sᵀHs
//! let s = vector![-1.0, 2.0];
//! let expanded = f.value(&x) + gradient.dot(&s) + 0.5 * s.dot(&(&h * &s));
//! assert_eq!(f.value(&(&x + &s)), expanded);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # How a function curves along a direction
//!
//! Along a unit vector `d` the second derivative is `dᵀHd`: the entries of the diagonal along the axes, and every value
//! between the least and the greatest eigenvalue in between ([eigenvalues](super::kinds_of_points)).
//!
//! ```
//! use gradus::{matrix, vector};
//!
//! let h = matrix![4.0, -1.0; -1.0, 6.0];
//! let along = |x: f64, y: f64| {
//!     let d = vector![x, y].normalize();
//!     d.dot(&(&h * &d))
//! };
//! assert_eq!((along(1.0, 0.0), along(0.0, 1.0)), (4.0, 6.0));
//! assert_eq!(format!("{:.3} {:.3}", along(1.0, 1.0), along(1.0, -1.0)), "4.000 6.000");
//! ```
//!
//! # Of a model
//!
//! A risk has its exact Hessian, for models of any depth. Of the [golden network](super::two_layers) it is 9 × 9:
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::{Activation, CriticalPoint, EmpiricalRisk, Hessian, LogLoss, Network};
//! use gradus::{matrix, vector};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let sample = matrix![1.0; 3.0];
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &sample, &[1])?;
//! let theta = vector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05];
//! let mut h = DMatrix::zeros(9, 9);
//! risk.hessian(&theta, &mut h);
//! // ∂²L/∂b² = ŷ(1 − ŷ)
//! assert_eq!(format!("{:.6}", h[(8, 8)]), "0.249636");
//! let point = CriticalPoint::classify(&h)?;
//! assert_eq!(point.inertia.to_string(), "3 positive, 4 zero, 2 negative");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Without the matrix
//!
//! `n` variables have `n²` second derivatives. Methods for many variables need only products `H·v`
//! ([`HessianProduct`](crate::HessianProduct)), each at the price of about two gradients.
//!
//! Next: [eigenvalues and kinds of points](super::kinds_of_points).

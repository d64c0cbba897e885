//! Newton's method in several variables, on two functions that differ in one exponent.
//!
//! # The step
//!
//! Minimise the quadratic that has the function's value, gradient and Hessian at `xₖ`:
//!
//! ```text
//! H(xₖ) s = −∇f(xₖ),     xₖ₊₁ = xₖ + s
//! ```
//!
//! A system of equations is *solved*; no inverse is formed. On a quadratic the first step ends at its stationary point.
//!
//! # Example A
//!
//! ```text
//! f   = x⁴ + 0.8y⁴ + 4x² + 2y² − xy − 0.2x²y
//! ∇f  = (4x³ + 8x − y − 0.4xy,  3.2y³ + 4y − x − 0.2x²)
//! H   = [[12x² + 8 − 0.4y, −1 − 0.4x], [−1 − 0.4x, 9.6y² + 4]]
//! ```
//!
//! ```
//! use gradus::{matrix, vector};
//!
//! let mut v = vector![4.0_f64, 4.0];
//! for k in 1..=8 {
//!     let (x, y) = (v[0], v[1]);
//!     let gradient = vector![
//!         4.0 * x.powi(3) + 8.0 * x - y - 0.4 * x * y,
//!         3.2 * y.powi(3) + 4.0 * y - x - 0.2 * x * x
//!     ];
//!     let mixed = -1.0 - 0.4 * x;
//!     let h = matrix![12.0 * x * x + 8.0 - 0.4 * y, mixed; mixed, 9.6 * y * y + 4.0];
//!     if k == 1 {
//!         assert_eq!(format!("{:.1?}", gradient.as_slice()), "[277.6, 213.6]");
//!         assert_eq!(format!("{:.1?}", h.as_slice()), "[198.4, -2.6, -2.6, 157.6]");
//!     }
//!     let Some(step) = h.lu().solve(&-gradient) else { break }; // H s = −∇f
//!     v += step;
//!     println!("{k}  ({:.8}, {:.8})", v[0], v[1]);
//!     if k == 2 {
//!         assert_eq!(format!("{:.8?}", v.as_slice()), "[1.59225691, 1.67481611]");
//!     }
//! }
//! assert!(v.amax() < 1e-15); // the minimum at the origin
//! ```
//!
//! ```text
//! 1  (2.58273866, 2.62128884)
//! 2  (1.59225691, 1.67481611)
//! 3  (0.87058917, 1.00182107)
//! 4  (0.33519431, 0.49397623)
//! 5  (0.04123585, 0.12545903)
//! 6  (0.00019466, 0.00301029)
//! 7  (-0.00000002, 0.00000004)
//! 8  (0.00000000, -0.00000000)
//! ```
//!
//! [`Trace`](crate::Trace) keeps these points of any run, with `f`, `∇f`, `H`, its eigenvalues and the step at each, and prints
//! them as a table:
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{Newton, Stop, Trace, vector};
//!
//! let (mut newton, mut f) = (Newton::pure(), Problem::QuarticSaddle); // example B
//! let trace = Trace::of(&mut newton, &mut f, vector![4.0, 4.0], &Stop::default())?;
//! println!("{trace}");
//! assert_eq!(format!("{:.1?}", trace.points[0].gradient.as_slice()), "[277.6, 293.6]");
//! assert_eq!(format!("{:.6?}", trace.points[2].x.as_slice()), "[1.589244, 1.564947]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! At the origin `H = [[8, −1], [−1, 4]]`, with eigenvalues `6 ∓ √5 > 0`: a minimum.
//!
#![doc = include_str!("pictures/newton_paths.svg")]
//!
//! # Example B: what a misprint does to a minimum
//!
//! Print `2y³` for `2y²`. The origin is still stationary, but `H = [[8, −1], [−1, 0]]` there has eigenvalues `4 ∓ √17`, that
//! is `−0.1231` and `8.1231`: a saddle.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::problems::Problem;
//! use gradus::{CriticalKind, CriticalPoint, Newton, Stop, minimize, vector};
//!
//! // x⁴ + 0.8y⁴ + 4x² + 2y³ − xy − 0.2x²y
//! let mut f = Problem::QuarticSaddle;
//! let origin = CriticalPoint::of(&mut f, &vector![0.0, 0.0])?;
//! assert_eq!(format!("{:.4?}", origin.eigenvalues().as_slice()), "[-0.1231, 8.1231]");
//! assert_eq!(origin.kind, CriticalKind::Saddle);
//!
//! let stop = Stop::default();
//! let mut pure = Newton::pure();
//! let mut textbook = |x: f64, y| minimize(&mut pure, &mut f, vector![x, y], &stop);
//!
//! // from (4, 4): a shallow minimum, a hair away from the saddle
//! let report = textbook(4.0, 4.0)?;
//! assert_eq!(format!("{:.8?}", report.x.as_slice()), "[0.00258245, 0.02063839]");
//! assert_eq!(format!("{:.4e}", report.value), "-8.9222e-6");
//! assert_eq!(report.kind(), Some(CriticalKind::Minimum));
//!
//! // from (0.05, 0): the saddle; the gradient is zero there, and only the eigenvalues tell
//! let report = textbook(0.05, 0.0)?;
//! assert_eq!(report.kind(), Some(CriticalKind::Saddle));
//! assert!(!report.converged());
//!
//! // from (−1, −2): the global minimum
//! let report = textbook(-1.0, -2.0)?;
//! assert_eq!(format!("{:.8?}", report.x.as_slice()), "[-0.21179348, -1.89269315]");
//! assert_eq!(format!("{:.7}", report.value), "-3.4965575");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | | A: `2y²` | B: `2y³` |
//! |---|---|---|
//! | origin | minimum, `λ = 3.76, 8.24` | saddle, `λ = −0.12, 8.12` |
//! | minima | the origin, `f = 0` | `(0.0026, 0.0206)`, `f = −8.9e−6`, and `(−0.2118, −1.8927)`, `f = −3.4966`, `λ = 8.98, 11.99` |
//! | textbook Newton from `(4, 4)` | the minimum | the shallow one |
//! | a result without eigenvalues | right | may be the saddle |
//!
//! Where each of 1681 starts leads is the next page's subject.
//!
//! Program: `cargo run --release --example learn_6_hessian_and_newton`. Next: [safeguards](super::safeguards).

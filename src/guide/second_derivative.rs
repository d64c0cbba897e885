//! The second derivative: curvature, concavity, and the kind of a stationary point.
//!
//! # What it measures
//!
//! The first derivative is the slope, the second the rate at which the slope changes. Of a position `x(t)` they are velocity
//! and acceleration, `v = dx/dt` and `a = d²x/dt²`.
//!
//! ```
//! // a stone thrown upward: x = 20 t − 5 t²
//! let position = |t: f64| 20.0 * t - 5.0 * t * t;
//! let velocity = |t: f64| 20.0 - 10.0 * t; // dx/dt
//! let acceleration = -10.0; // d²x/dt²
//! let h = 1e-4;
//! let difference = (position(1.0 + h) - 2.0 * position(1.0) + position(1.0 - h)) / (h * h);
//! assert!((difference - acceleration).abs() < 1e-5);
//! assert_eq!((velocity(2.0), position(2.0)), (0.0, 20.0)); // the top: v = 0, a < 0
//! ```
//!
//! # Convex and concave
//!
//! | sign | the graph | also called | a stationary point is |
//! |---|---|---|---|
//! | `f'' > 0` | lies above its tangents, like a bowl | convex, concave up | a minimum |
//! | `f'' < 0` | lies below its tangents, like a dome | concave, concave down | a maximum |
//! | `f'' = 0` | undecided | maybe an inflection | undecided: `x⁴` minimum, `−x⁴` maximum, `x³` neither |
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//! use gradus::{CriticalKind, Termination};
//!
//! // f = x³ − 3x: f' = 3x² − 3 is zero at ±1, f'' = 6x
//! let f = |x: f64| (x.powi(3) - 3.0 * x, 3.0 * x * x - 3.0, 6.0 * x);
//! let right = ScalarNewton::pure().minimum(f, 2.0)?;
//! assert_eq!((right.x, right.kind), (1.0, Some(CriticalKind::Minimum))); // f'' = 6
//! let left = ScalarNewton::pure().minimum(f, -2.0)?;
//! assert_eq!((left.x, left.kind), (-1.0, Some(CriticalKind::Maximum))); // f'' = −6
//! assert!(!left.converged()); // a maximum is no minimum
//!
//! // f = x³: slope and curvature vanish together
//! let cube = |x: f64| (x.powi(3), 3.0 * x * x, 6.0 * x);
//! let flat = ScalarNewton::pure().minimum(cube, 0.0)?;
//! assert_eq!(flat.kind, Some(CriticalKind::Degenerate));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Why Newton asks for it
//!
//! Near `xₖ`, `g(x) ≈ g + g'·(x − xₖ) + ½ g''·(x − xₖ)²`: a parabola with its vertex at `xₖ − g'/g''`. Where `g'' > 0` the
//! vertex is its lowest point and the step leads down; where `g'' < 0` it is the highest, and the same formula leads **up**.
//! The safeguarded method steps by `−g'/|g''|` there.
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//!
//! // x⁴ − 2x²: maximum at 0, minima at ±1, g'' < 0 for |x| < 0.577
//! let g = |x: f64| (x.powi(4) - 2.0 * x * x, 4.0 * x.powi(3) - 4.0 * x, 12.0 * x * x - 4.0);
//! assert!(ScalarNewton::pure().minimum(g, 0.1)?.x.abs() < 1e-8); // up, to the maximum
//! assert_eq!(ScalarNewton::new().minimum(g, 0.1)?.x, 1.0); // down, to a minimum
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Convex functions
//!
//! Where `f'' ≥ 0` everywhere there is one valley at most: every stationary point is a global minimum. The log loss and the
//! squared error are convex in their scores, so the risks of perceptron and sigmoid classifier are convex in `θ`, and their
//! reports say *convex, so a global minimum*. Those of networks are not.
//!
//! Program: `cargo run --release --example learn_5_newton_in_one_variable`. Next: [the Hessian](super::hessian).

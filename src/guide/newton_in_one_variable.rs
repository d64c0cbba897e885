//! Newton's method in one variable: for roots and for minima, and why a short step proves nothing.
//!
//! # A root of f
//!
//! Follow the tangent to zero: `f(xₖ) + f'(xₖ)(x − xₖ) = 0`.
//!
//! ```text
//! xₖ₊₁ = xₖ − f(xₖ)/f'(xₖ)
//! ```
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//!
//! let f = |x: f64| (x * x - 2.0, 2.0 * x); // f and f'
//! let mut x = 1.0;
//! for _ in 0..4 {
//!     let (value, slope) = f(x);
//!     x -= value / slope;
//!     println!("{x:.12}");
//! }
//! assert_eq!(format!("{x:.11}"), "1.41421356237"); // √2
//!
//! let report = ScalarNewton::pure().trace(true).root(f, 1.0)?;
//! let first = format!("{:.6?}", &report.trace[..4]);
//! assert_eq!(first, "[1.000000, 1.500000, 1.416667, 1.414216]");
//! assert!(report.converged());
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! ```text
//! 1.500000000000
//! 1.416666666667
//! 1.414215686275
//! 1.414213562375
//! ```
//!
//! Digits double at each step (quadratic convergence) near a simple root. At a double root they do not: for `(x − 1)²` each
//! step halves the error.
//!
//! # A minimum of g
//!
//! Where `g` is least its slope is zero, so find a root of `g'`:
//!
//! ```text
//! xₖ₊₁ = xₖ − g'(xₖ)/g''(xₖ)
//! ```
//!
//! ```
//! use gradus::CriticalKind;
//! use gradus::univariate::ScalarNewton;
//!
//! let g = |x: f64| {
//!     let value = x.exp() - x.ln(); // g   = eˣ − ln x
//!     let slope = x.exp() - 1.0 / x; // g'  = eˣ − 1/x
//!     let curvature = x.exp() + 1.0 / (x * x); // g'' = eˣ + 1/x²
//!     (value, slope, curvature)
//! };
//! let report = ScalarNewton::pure().trace(true).minimum(g, 0.05)?;
//! for (k, x) in report.trace.iter().enumerate() {
//!     println!("{k}  {x:.10}  g' = {:.3e}", g(*x).1);
//! }
//! assert_eq!(
//!     format!("{:.5?}", &report.trace[..9]),
//!     "[0.05000, 0.09725, 0.18318, 0.32052, 0.47730, 0.55785, 0.56706, 0.56714, 0.56714]"
//! );
//! assert_eq!(report.x, 0.5671432904097838); // Ω, where eˣ = 1/x
//! assert_eq!(report.kind, Some(CriticalKind::Minimum));
//! assert_eq!(format!("{:.7}", report.value), "2.3303661");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! ```text
//! 0  0.0500000000  g' = -1.895e1
//! 1  0.0972476470  g' = -9.181e0
//! 2  0.1831766668  g' = -4.258e0
//! 3  0.3205196896  g' = -1.742e0
//! 4  0.4772976524  g' = -4.834e-1
//! 5  0.5578497671  g' = -4.569e-2
//! 6  0.5670598902  g' = -4.064e-4
//! 7  0.5671432838  g' = -3.200e-8
//! 8  0.5671432904  g' = 0.000e0
//! ```
//!
//! [`report.table(f)`](crate::univariate::ScalarReport::table) prints such tables, with `f`, `f'` and `f''` at each point.
//!
//! # Two entry points
//!
//! [`root`](crate::univariate::ScalarNewton::root) and [`minimum`](crate::univariate::ScalarNewton::minimum) are two
//! questions. `eˣ − ln x` has a minimum of 2.33 and so no root at all:
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//!
//! let f = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x);
//! let report = ScalarNewton::new().root(f, 0.05)?;
//! assert!(!report.converged());
//! println!("{report}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A short step proves nothing
//!
//! From a tiny start each step only doubles `x`: from `1e−50` the first one is `1e−50` long, and `g' = −5e49` after it. A loop
//! that ends where `|xₖ₊₁ − xₖ| < 1e−6` would report `2e−50`. Test what is to be zero: the residual `f`, or the slope `g'`.
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//!
//! let g = |x: f64| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
//! let first = 1e-50 - g(1e-50).1 / g(1e-50).2;
//! assert_eq!(format!("{first:.0e} {:.0e}", g(first).1), "2e-50 -5e49");
//!
//! let report = ScalarNewton::pure().iterations(500).minimum(g, 1e-50)?;
//! assert!(report.converged() && report.iterations > 150);
//! assert_eq!(report.x, 0.5671432904097838);
//! // far out each step goes back by 1: from 50 it takes 53, and from 710 eˣ is infinite
//! assert_eq!(ScalarNewton::pure().minimum(g, 50.0)?.iterations, 53);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # How it fails
//!
//! The textbook iteration may cycle, run away, or divide by zero. [`pure`](crate::univariate::ScalarMethod::pure) is that
//! iteration, and says which; [`new`](crate::univariate::ScalarMethod::new) shortens steps that do not lower `|f|`, and stays
//! between two points of opposite sign once it has them.
//!
//! ```
//! use gradus::Termination;
//! use gradus::univariate::ScalarNewton;
//!
//! let cubic = |x: f64| (x.powi(3) - 2.0 * x + 2.0, 3.0 * x * x - 2.0);
//! let atan = |x: f64| (x.atan(), 1.0 / (1.0 + x * x));
//! let cycle = ScalarNewton::pure().root(cubic, 0.0)?;
//! assert_eq!(cycle.termination, Termination::Cycle); // 0, 1, 0, 1
//! assert!(!ScalarNewton::pure().root(atan, 1.4)?.converged()); // further off each time
//!
//! let safe = ScalarNewton::new();
//! assert_eq!(format!("{:.8}", safe.root(cubic, 0.0)?.into_converged()?.x), "-1.76929235");
//! assert_eq!(safe.root(atan, 1.4)?.into_converged()?.x, 0.0);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Next: [the second derivative](super::second_derivative).

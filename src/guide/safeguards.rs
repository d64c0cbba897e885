//! Safeguards: what the textbook's full step does wrong, and what replaces it.
//!
//! # What goes wrong
//!
//! | where | the full step `−H⁻¹∇f` |
//! |---|---|
//! | `H` has a negative eigenvalue | goes **up** along it: to a saddle or a maximum |
//! | `H` is nearly singular | is enormous |
//! | far from the solution, `H` changes on the way | overshoots, cycles, diverges |
//! | the function ends (`ln x`, a pole) | leaves its domain |
//!
//! # What is done about it
//!
//! | safeguard | how |
//! |---|---|
//! | modified Hessian | `s = −V max(abs Λ, δ)⁻¹ Vᵀ ∇f`: every eigenvalue by its size, so that the step always descends |
//! | line search | `x + t s`, `t` halved until `f` falls by `10⁻⁴ t` of what the slope predicts (Armijo 1966) |
//! | trust region | the minimum of the quadratic within a radius, which grows where the quadratic was right and shrinks where it was not |
//! | escape | at a stationary point with a negative eigenvalue, a step along it ([saddles](super::saddles)) |
//!
//! [`Newton::new`](crate::Newton::new) has the first two and escapes; [`TrustRegion`](crate::TrustRegion) the third and escapes;
//! [`Newton::pure`](crate::Newton::pure) is the textbook. Near a minimum with positive eigenvalues all three take the same,
//! full steps.
//!
//! # Where 1681 starts lead
//!
//! Example B of [the last page](super::newton_in_several_variables), from a grid of 41 × 41 starts on `[−4, 4]²`:
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{CriticalKind, Newton, Stop, minimize, vector};
//!
//! let ends = |newton: &mut Newton<f64>| {
//!     let (mut f, mut counts) = (Problem::QuarticSaddle, [0_i32; 3]);
//!     for i in 0..41 * 41 {
//!         let start = vector![f64::from(i % 41 - 20) / 5.0, f64::from(i / 41 - 20) / 5.0];
//!         let report = minimize(newton, &mut f, start, &Stop::default())?;
//!         counts[match report.kind() {
//!             Some(CriticalKind::Minimum) if report.value < -3.0 => 0, // the global minimum
//!             Some(CriticalKind::Minimum) => 1,                         // the shallow one
//!             _ => 2,                                                   // the saddle
//!         }] += 1;
//!     }
//!     Ok::<_, gradus::Error>(counts)
//! };
//! let percent = |counts: [i32; 3]| counts.map(|count| (f64::from(count) / 16.81).round());
//! let (textbook, safeguarded) = (ends(&mut Newton::pure())?, ends(&mut Newton::new())?);
//! assert_eq!(percent(textbook), [37.0, 52.0, 11.0]);
//! assert_eq!(percent(safeguarded), [53.0, 47.0, 0.0]);
//! assert_eq!(safeguarded[2], 0); // not one start
//! println!("{textbook:?} {safeguarded:?}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | ends on | textbook | safeguarded |
//! |---|---|---|
//! | global minimum | 37 % | 53 % |
//! | shallow minimum | 52 % | 47 % |
//! | saddle | 11 % | 0: not one start |
//!
#![doc = include_str!("pictures/basins.svg")]
//!
//! To the left of the origin the textbook's basins lie in strips: starts that are neighbours end on different points.
//!
//! Which minimum is found still depends on the start: no local method knows of valleys that it does not see. Where the problem
//! is not convex, try several starts and keep the best.
//!
//! # One variable
//!
//! [`ScalarNewton::new`](crate::univariate::ScalarMethod::new) halves steps that do not lower `|f|` (or `g`), and once two
//! points of opposite sign are known it stays between them, by bisection where Newton's steps do not shrink
//! ([failures of the textbook](super::newton_in_one_variable)).
//!
//! Next: [saddles](super::saddles).

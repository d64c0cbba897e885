//! Reading a report, line by line.
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{Newton, Stop, minimize, vector};
//!
//! let (mut f, start) = (Problem::QuarticSaddle, vector![0.05, 0.0]);
//! let report = minimize(&mut Newton::new(), &mut f, start, &Stop::default())?;
//! println!("{report}");
//! assert!(report.to_string().contains("kind        minimum: 2 positive"));
//! assert!(report.converged() && report.gradient_norm < 1e-12);
//! assert_eq!((report.iterations, report.modified, report.escapes), (7, 2, 0));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! ```text
//! converged: the gradient met its tolerance
//!   x           [0.00258245, 0.0206384]
//!   value       -8.9222e-6
//!   gradient    1.09378e-16
//!   iterations  7 (16 evaluations)
//!   kind        minimum: 2 positive
//!   modified    2 Hessians, 0 saddles escaped
//! ```
//!
//! | line | says | ask |
//! |---|---|---|
//! | `converged` | the gradient met its tolerance **and** nothing known speaks against a minimum | [`converged`](crate::Report::converged), [`into_converged`](crate::Report::into_converged) for an error otherwise |
//! | `not converged` | why not: iterations, a saddle, separable classes, numbers that are not finite | [`termination`](crate::Report#structfield.termination) |
//! | `finished` | a [`Trainer`](crate::Trainer) went through its epochs; that is no convergence | judge by a held-out [`score`](crate::Fitted::score) |
//! | `x` | the point (up to 8 coordinates) | [`x`](crate::Report#structfield.x) |
//! | `value`, `gradient` | `f` and `‖∇f‖∞` there, in the units of `f` | [`tolerance`](crate::Report#structfield.tolerance), [`floor`](crate::Report#structfield.floor) |
//! | `iterations` | steps, and evaluations of the function | [`Stop`](crate::Stop) sets their bounds |
//! | `kind` | what the eigenvalues say of the point; *unknown* where the method has only gradients | [`certify`](crate::Report::certify) |
//! | `convex` | a stationary point is a global minimum, whatever zeros there are | |
//! | `probed` | what was seen along flat directions | [`probed`](crate::Report#structfield.probed) |
//! | `modified` | steps on a modified Hessian, saddles left | [`escapes`](crate::Report#structfield.escapes) |
//! | `unscaled` | features whose scale slows a method by gradients | [`Standardizer`](crate::data::Standardizer) |
//!
//! # The same function, four answers
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{GradientDescent, Lbfgs, Newton, Stop, minimize, vector};
//!
//! let (mut f, stop) = (Problem::QuarticSaddle, Stop::default());
//! let start = vector![4.0, 4.0];
//!
//! let few = minimize(&mut Newton::pure(), &mut f, start.clone(), &stop.iterations(3))?;
//! assert!(few.to_string().starts_with("not converged: the bound on iterations"));
//! let shallow = minimize(&mut Newton::pure(), &mut f, start.clone(), &stop)?;
//! assert!(shallow.to_string().contains("kind        minimum: 2 positive"));
//! let gradients = minimize(&mut Lbfgs::new(), &mut f, start.clone(), &stop)?;
//! assert!(gradients.to_string().contains("kind        unknown: ask `certify`"));
//! let wild = minimize(&mut GradientDescent::new(0.1), &mut f, start, &stop)?;
//! assert!(wild.to_string().starts_with("not converged: the function or its derivatives"));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! *Converged* never says *global*: only `convex` does. Next: [choosing a method](crate::how_to_choose), then
//! [your own](super::your_own).

//! Separation: classes that a line tells apart have no best weights.
//!
//! # Why there is no minimum
//!
//! If some `w, b` put every sample strictly on its own side, then `2w, 2b` do so too, with a lower log loss, and so on: the
//! risk falls towards 0 for ever, the weights run to infinity, and the gradient vanishes on the way. A test of the gradient
//! alone calls that converged.
//!
//! ```
//! use gradus::{EmpiricalRisk, LogLoss, Objective, SigmoidClassifier, vector};
//!
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]); // apart at 2.5
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
//! let along = [1.0, 10.0, 100.0].map(|t| risk.value(&(vector![1.0, -2.5] * t)));
//! assert_eq!(format!("{along:.4?}"), "[0.3377, 0.0034, 0.0000]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # What is reported
//!
//! Every sample strictly on its own side is a *proof* that there is no minimum. The fit tests it and says
//! [`Separable`](crate::Termination::Separable). Classes that only touch (quasi-separation; Albert and Anderson 1984) are found by
//! non-negative least squares.
//!
//! ```
//! use gradus::{SigmoidClassifier, Termination};
//!
//! let x = [1.0, 2.0, 3.0, 4.0];
//! let fitted = SigmoidClassifier::new(1).fit(&x, &[0, 0, 1, 1])?;
//! assert_eq!(fitted.report.termination, Termination::Separable);
//! assert!(!fitted.report.converged());
//! assert!(fitted.report.into_converged().is_err());
//!
//! let touching = SigmoidClassifier::new(1).fit(&[1.0, 2.0, 2.0, 3.0], &[0, 0, 1, 1])?;
//! assert_eq!(touching.report.termination, Termination::Separable);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # What to do
//!
//! | you want | do |
//! |---|---|
//! | classes only | use it as it is: [`classify`](crate::Fitted::classify) is right on every sample |
//! | probabilities and weights | a ridge penalty, `(λ/2)‖W‖²`: then there is one minimum |
//! | the same without a λ to choose | [`fit_firth`](crate::EmpiricalRisk::fit_firth): Firth's penalty (1993) keeps weights finite |
//! | standard errors | [`firth_statistics`](crate::EmpiricalRisk::firth_statistics); without a penalty there are none, and [`statistics`](crate::EmpiricalRisk::statistics) refuses |
//!
//! ```
//! use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
//!
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]);
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?.ridge(0.1);
//! let fitted = risk.fit()?;
//! assert!(fitted.report.converged());
//! assert_eq!(format!("{:.4}", fitted.weights()[0]), "1.5077");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Of several classes and of counts the same happens: a class, or a group with no event, whose likeliest coefficient is
//! infinite ([generalised linear models](crate::generalised_linear_models)).
//!
//! Next: [how sure](super::how_sure).

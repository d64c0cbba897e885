//! How sure one is: from the curvature at the minimum to an interval around a prediction.
//!
//! # Steep is sure
//!
//! Near the minimum the log-likelihood is a parabola, `−½ (θ − θ*)ᵀ m H (θ − θ*)`. Where it is steep, little else than `θ*` fits
//! as well; where it is flat, much does. Its inverse curvature is the covariance of the estimates:
//!
//! ```text
//! Cov = (m H)⁻¹                      log loss
//! Cov = s² (m H)⁻¹,  s² = RSS/(m − p)   squared error
//! standard error of θᵢ = √Covᵢᵢ
//! ```
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::{EmpiricalRisk, Hessian, LogLoss, SigmoidClassifier};
//!
//! let hours = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let passed = [0, 0, 1, 0, 1, 1];
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
//! let fitted = risk.fit()?;
//! let statistics = risk.statistics(fitted.parameters())?;
//!
//! let mut h = DMatrix::zeros(2, 2);
//! risk.hessian(fitted.parameters(), &mut h);
//! let Some(covariance) = (h * 6.0).try_inverse() else { unreachable!("a minimum") };
//! assert!((covariance - &statistics.covariance).amax() < 1e-9);
//! assert_eq!(format!("{:.4?}", statistics.standard_errors.as_slice()), "[0.9126, 3.3879]");
//! println!("{}", statistics.summary(&["hours"])?);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Six samples do not tell that `w` is not zero: its interval contains 0. Of more coefficients see the picture of
//! [`Statistics`](crate::Statistics).
//!
//! # From parameters to a prediction
//!
//! A prediction `g(θ)` inherits its error through its slope (the delta method):
//!
//! ```text
//! variance of g(θ*) ≈ ∇gᵀ Cov ∇g
//! ```
//!
//! Of a line `ŷ = w x + b` the slope is `(x, 1)`, so the band is narrowest near the mean of `x` and opens to both sides:
//!
//! ```
//! use gradus::{EmpiricalRisk, Perceptron, SquaredError, vector};
//!
//! let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let y = [2.9, 5.1, 7.0, 9.2, 10.8, 13.1];
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
//! let fitted = risk.fit()?;
//! let statistics = risk.statistics(fitted.parameters())?;
//! let error = |at: f64| {
//!     let slope = vector![at, 1.0];
//!     slope.dot(&(&statistics.covariance * &slope)).sqrt()
//! };
//! let errors = [1.0, 3.5, 6.0].map(error);
//! assert_eq!(format!("{errors:.4?}"), "[0.1184, 0.0668, 0.1184]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! [`posterior`](crate::EmpiricalRisk::posterior) does so for any model, with exact derivatives: intervals of the mean and, of
//! squared error, of a new observation, which scatters by `s` besides.
//!
//! ```
//! use gradus::{EmpiricalRisk, Perceptron, SquaredError};
//!
//! let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let y = [2.9, 5.1, 7.0, 9.2, 10.8, 13.1];
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
//! let fitted = risk.fit()?;
//! let posterior = risk.posterior(fitted.parameters())?;
//! let mean = posterior.predict(&[6.0], 0.95)?;
//! let next = posterior.predict_observation(&[6.0], 0.95)?;
//! assert_eq!(format!("{:.2} … {:.2}", mean.lower[0], mean.upper[0]), "12.71 … 13.37");
//! assert_eq!(format!("{:.2} … {:.2}", next.lower[0], next.upper[0]), "12.48 … 13.60");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
#![doc = include_str!("pictures/confidence.svg")]
//!
//! # Which samples decide
//!
//! The leverage of a sample is how far its own target moves its own prediction, `hⱼ = xⱼᵀ(XᵀX)⁻¹xⱼ`: between `1/m` and 1, and
//! `p` in all. A sample far from the line with little leverage moves it little; with both it turns it (Cook's distance,
//! `r² h/(p (1 − h))` of the studentised residual `r`).
//!
//! ```
//! use gradus::{EmpiricalRisk, Perceptron, SquaredError};
//!
//! let x = [1.0, 2.0, 3.0, 4.0, 5.0, 15.0]; // one far from the others
//! let y = [1.1, 1.9, 3.2, 3.9, 5.1, 9.0];
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
//! let fitted = risk.fit()?;
//! let influence = risk.influence(fitted.parameters())?;
//! let leverage = influence.leverage.as_slice();
//! assert_eq!(format!("{leverage:.2?}"), "[0.29, 0.24, 0.20, 0.17, 0.17, 0.94]");
//! assert!((influence.leverage.sum() - 2.0_f64).abs() < 1e-12); // p
//! assert_eq!(influence.most_influential(1), [5]);
//! let (slope, without) = (fitted.weights()[0], influence.parameters[(0, 5)]);
//! assert_eq!(format!("{slope:.2} {without:.2}"), "0.54 1.00");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
#![doc = include_str!("pictures/leverage.svg")]
//!
//! # Read on
//!
//! [`inference`](crate::inference): which covariance for which loss, robust and clustered errors, tests, and when statistics are
//! refused.
//!
//! Next: [reading a report](super::reading_a_report).

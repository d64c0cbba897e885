//! Classification with a perceptron: a sigmoid, the likelihood, and regression's formulas again.
//!
//! # From a score to a probability
//!
//! ```text
//! score         z = w₁x₁ + w₂x₂ + b
//! probability   ŷ = σ(z) = 1/(1 + e⁻ᶻ)            σ' = σ(1 − σ)
//! ```
//!
#![doc = include_str!("pictures/sigmoid.svg")]
//!
//! Far from 0 the slope vanishes: a score that is large is sure, and moves the probability no more.
//!
//! # From a probability to a loss
//!
//! A sample of class `y` (0 or 1) has the probability `ŷ^y (1 − ŷ)^(1 − y)`. Samples are independent, so that of all of them
//! is the **product**; the best weights make it largest. Its logarithm is a sum, largest at the same weights, and minus its
//! mean is the log loss:
//!
//! ```text
//! maximise   Π ŷⱼ^yⱼ (1 − ŷⱼ)^(1 − yⱼ)
//! minimise   (1/m) Σ −yⱼ ln ŷⱼ − (1 − yⱼ) ln(1 − ŷⱼ)
//! ```
//!
//! ```
//! let (y, y_hat) = ([1.0, 0.0, 1.0], [0.9_f64, 0.2, 0.6]);
//! let term = |(y, p): (&f64, &f64)| p.powf(*y) * (1.0 - p).powf(1.0 - y);
//! let likelihood: f64 = y.iter().zip(&y_hat).map(term).product(); // 0.9 · 0.8 · 0.6
//! let term = |(y, p): (&f64, &f64)| -y * p.ln() - (1.0 - y) * (1.0 - p).ln();
//! let log_loss = y.iter().zip(&y_hat).map(term).sum::<f64>() / 3.0;
//! assert_eq!(format!("{likelihood:.3} {log_loss:.6}"), "0.432 0.279777");
//! assert!((log_loss + likelihood.ln() / 3.0).abs() < 1e-15);
//! ```
//!
//! # The chain rule, with a factor more
//!
//! ```text
//! ∂L/∂ŷ  = −(y − ŷ)/(ŷ(1 − ŷ))
//! ∂ŷ/∂z  = ŷ(1 − ŷ)
//! ∂z/∂wᵢ = xᵢ
//! product:  ∂L/∂wᵢ = −(y − ŷ) xᵢ,   ∂L/∂b = −(y − ŷ)
//! ```
//!
//! `ŷ(1 − ŷ)` cancels, and what remains are the formulas of [regression](super::regression), with another `ŷ`.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{EmpiricalRisk, LogLoss, Objective, SigmoidClassifier, matrix, vector};
//!
//! let (x, y) = ([1.0, 3.0], 0.0);
//! let (w, b) = ([4.5, 1.5], 0.0);
//! let z = w[0] * x[0] + w[1] * x[1] + b;
//! let y_hat = 1.0 / (1.0 + f64::exp(-z)); // ŷ = σ(z)
//! let by_y_hat = -(y - y_hat) / (y_hat * (1.0 - y_hat)); // ∂L/∂ŷ
//! let by_z = by_y_hat * y_hat * (1.0 - y_hat); // · ∂ŷ/∂z
//! let gradient = [by_z * x[0], by_z * x[1], by_z];
//! assert_eq!(format!("{z} {y_hat:.7}"), "9 0.9998766");
//! assert_eq!(format!("{by_y_hat:.3} {by_z:.7}"), "8104.084 0.9998766");
//! assert_eq!(format!("{gradient:.6?}"), "[0.999877, 2.999630, 0.999877]");
//!
//! let x = matrix![1.0; 3.0];
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &x, &[0])?;
//! let mut exact = DVector::zeros(3);
//! let loss = risk.value_gradient(&vector![4.5, 1.5, 0.0], &mut exact);
//! assert_eq!(loss, 9.000123402189724);
//! assert_eq!(format!("{:.6?}", exact.as_slice()), format!("{gradient:.6?}"));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Fitting
//!
//! No formula gives the weights; Newton's method takes a few steps. The Hessian is
//!
//! ```text
//! H = [X; 1] diag(ŷ(1 − ŷ)) [X; 1]ᵀ / m
//! ```
//!
//! with weights `ŷ(1 − ŷ)` between 0 and ¼: samples near the boundary decide (iteratively reweighted least squares).
//!
//! ```
//! use gradus::SigmoidClassifier;
//!
//! let hours = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
//! let fitted = SigmoidClassifier::new(1).fit(&hours, &[0, 0, 1, 0, 1, 1])?;
//! let (w, b) = (fitted.weights()[0], fitted.bias()[0]);
//! assert_eq!(format!("{w:.4} {b:.4}"), "1.2140 -4.2491");
//! assert_eq!(format!("{:.4}", fitted.predict(&[4.0])?[0]), "0.6473");
//! assert_eq!(format!("{:.2}", -b / w), "3.50"); // the boundary: z = 0, ŷ = ½
//! println!("{}", fitted.report);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! More than two classes: softmax, `EmpiricalRisk::new(Perceptron::new(n).with_outputs(k), CrossEntropy, &x, &labels)`.
//! Where a line separates the classes there are [no best weights](super::separation).
//!
//! Next: [why losses take scores](super::sigmoid_and_log_loss).

//! Sigmoid and log loss in floating-point numbers: why every loss of this crate takes scores, not probabilities.
//!
//! # Two factors that must not be multiplied
//!
//! `∂L/∂ŷ · ∂ŷ/∂z` cancels on paper. In numbers, the formula `ŷ = 1/(1 + e⁻ᶻ)` gives 1 from `z = 36.8` on (`f64`; `f32`:
//! 16.7), `1 − ŷ` is 0, and the product is `∞ · 0`:
//!
//! ```
//! let (z, y) = (40.0_f64, 0.0);
//! let y_hat = 1.0 / (1.0 + (-z).exp()); // 1, not 1 − 4e−18
//! assert_eq!(y_hat, 1.0);
//! assert_eq!(-(1.0 - y_hat).ln(), f64::INFINITY); // the loss; right: 40
//! let (by_y_hat, by_z) = (-(y - y_hat) / (y_hat * (1.0 - y_hat)), y_hat * (1.0 - y_hat));
//! assert_eq!((by_y_hat, by_z), (f64::INFINITY, 0.0));
//! assert!((by_y_hat * by_z).is_nan()); // the slope; right: 1
//! ```
//!
//! # The same on scores
//!
//! Put `ŷ = σ(z)` into the loss before evaluating it. No difference of near numbers is left in either tail:
//!
//! ```text
//! L(z, y)  = max(z, 0) − z y + ln(1 + e^(−|z|))
//! ∂L/∂z    = (1 − y) σ(z) − y σ(−z)          = ŷ − y
//! ∂²L/∂z²  = σ(z) σ(−z)                      = ŷ(1 − ŷ)
//! ```
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::{LogLoss, Loss, matrix};
//!
//! let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
//! for (z, y) in [(9.0_f64, 0.0), (40.0, 0.0), (40.0, 1.0), (-800.0, 1.0)] {
//!     let loss = z.max(0.0) - z * y + (-z.abs()).exp().ln_1p();
//!     let slope = (1.0 - y) * sigmoid(z) - y * sigmoid(-z);
//!     let mut delta = DMatrix::zeros(1, 1);
//!     let pair = (matrix![z], matrix![y]);
//!     let (scores, targets) = (pair.0.as_view(), pair.1.as_view());
//!     let ours = LogLoss.value_gradient(scores, targets, &[1.0], delta.as_view_mut());
//!     println!("z = {z}, y = {y}: L = {ours:e}, ∂L/∂z = {:e}", delta[0]);
//!     assert!((ours - loss).abs() <= 1e-15 * loss && (delta[0] - slope).abs() <= 1e-15);
//! }
//! ```
//!
//! ```text
//! z = 9, y = 0: L = 9.000123402189724e0, ∂L/∂z = 9.998766054240137e-1
//! z = 40, y = 0: L = 4e1, ∂L/∂z = 1e0
//! z = 40, y = 1: L = 4.248354255291589e-18, ∂L/∂z = -4.248354255291589e-18
//! z = -800, y = 1: L = 8e2, ∂L/∂z = -1e0
//! ```
//!
//! So a [`Network`](crate::Network) ends in scores, and [`LogLoss`](crate::LogLoss) holds the sigmoid;
//! [`predict`](crate::Fitted::predict) gives probabilities. A sigmoid of the network's own under the log loss is refused.
//!
//! # Slopes of activations
//!
//! `σ' = σ(1 − σ)`, with the derivation in one line: `d/dz (1 + e⁻ᶻ)⁻¹ = e⁻ᶻ (1 + e⁻ᶻ)⁻² = σ · (1 − σ)`, for
//! `1 − σ = e⁻ᶻ/(1 + e⁻ᶻ)`. It is at most ¼, at `z = 0`. [`Activation::jet`](crate::Activation::jet) gives `φ`, `φ'`, `φ''`.
//!
//! ```
//! use gradus::Activation;
//!
//! for z in [0.0_f64, 2.0, 40.0] {
//!     let (a, first, second) = Activation::Sigmoid.jet(z);
//!     println!("σ({z}) = {a:.6}, σ' = {first:.3e}, σ'' = {second:.3e}");
//! }
//! let (a, first, _) = Activation::Sigmoid.jet(2.0_f64);
//! assert!((first - a * (1.0 - a)).abs() < 1e-16);
//! let (a, first, _) = Activation::Sigmoid.jet(40.0_f64);
//! assert_eq!(a * (1.0 - a), 0.0); // from the rounded a
//! assert_eq!(format!("{first:.4e}"), "4.2484e-18"); // from z
//! ```
//!
//! # Which pairs cancel
//!
//! The rule is `∂L/∂z = ∂L/∂ŷ · φ'(z)`. It is `ŷ − y` only for matched pairs; change one of the two and the formula changes.
//!
//! | output | loss | `∂L/∂z` |
//! |---|---|---|
//! | identity | [`SquaredError`](crate::SquaredError) | `ŷ − y` |
//! | sigmoid | [`LogLoss`](crate::LogLoss) | `ŷ − y` |
//! | softmax | [`CrossEntropy`](crate::CrossEntropy) | `p − y` |
//! | exponential | [`Poisson`](crate::loss::Poisson) | `μ − y` |
//! | sigmoid | `SquaredError.through(Activation::Sigmoid)` | `(ŷ − y) ŷ(1 − ŷ)` |
//!
//! The last one learns nothing from a sample that is wrong and sure: its slope vanishes there.
//!
//! ```
//! use gradus::nalgebra::DMatrix;
//! use gradus::loss::ElementWise;
//! use gradus::{Activation, LogLoss, Loss, SquaredError, matrix};
//!
//! let (z, y) = (matrix![-9.0], matrix![1.0]); // ŷ = 0.0001, and wrong
//! let slope = |loss: &dyn Fn(&mut DMatrix<f64>)| {
//!     let mut delta = DMatrix::zeros(1, 1);
//!     loss(&mut delta);
//!     delta[0]
//! };
//! let matched = slope(&|delta| {
//!     LogLoss.value_gradient(z.as_view(), y.as_view(), &[1.0], delta.as_view_mut());
//! });
//! let squared = SquaredError.through(Activation::Sigmoid);
//! let unmatched = slope(&|delta| {
//!     squared.value_gradient(z.as_view(), y.as_view(), &[1.0], delta.as_view_mut());
//! });
//! assert_eq!(format!("{matched:.5} {unmatched:.5}"), "-0.99988 -0.00012");
//! ```
//!
//! Program: `cargo run --release --example learn_2_sigmoid_and_log_loss`. Next: [two layers](super::two_layers).

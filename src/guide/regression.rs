//! Regression with a perceptron: one line of code per formula, from one sample to the exact solution.
//!
//! # One sample
//!
//! ```text
//! prediction   ŷ = w₁x₁ + w₂x₂ + b
//! loss         L = ½ (y − ŷ)²
//! chain rule   ∂L/∂wᵢ = ∂L/∂ŷ · ∂ŷ/∂wᵢ = −(y − ŷ) · xᵢ
//!              ∂L/∂b  = ∂L/∂ŷ · ∂ŷ/∂b  = −(y − ŷ)
//! update       wᵢ ← wᵢ − α ∂L/∂wᵢ,    b ← b − α ∂L/∂b
//! ```
//!
//! The chain rule is the whole of it: `L` depends on `wᵢ` only through `ŷ`, so its slope is the product of the two slopes.
//!
//! ```
//! let (x, y) = ([1.0, 3.0], 2.0);
//! let (mut w, mut b, rate) = ([0.5, -0.25], 0.1, 0.1);
//! for step in 0..3 {
//!     let y_hat = w[0] * x[0] + w[1] * x[1] + b; // ŷ = w₁x₁ + w₂x₂ + b
//!     let loss = 0.5 * (y - y_hat) * (y - y_hat); // L = ½ (y − ŷ)²
//!     let dw = [-(y - y_hat) * x[0], -(y - y_hat) * x[1]]; // ∂L/∂w
//!     let db = -(y - y_hat); // ∂L/∂b
//!     println!("{step}: ŷ = {y_hat:.5}, L = {loss:.7}, ∂L/∂w = {dw:.4?}, ∂L/∂b = {db:.4}");
//!     if step == 0 {
//!         assert_eq!(format!("{y_hat:.2} {loss:.5}"), "-0.15 2.31125");
//!         assert_eq!(format!("{dw:.2?} {db:.2}"), "[-2.15, -6.45] -2.15");
//!     }
//!     for i in 0..2 {
//!         w[i] -= rate * dw[i];
//!     }
//!     b -= rate * db;
//! }
//! assert_eq!(format!("{w:.5?} {b:.5}"), "[0.69565, 0.33695] 0.29565");
//! ```
//!
//! ```text
//! 0: ŷ = -0.15000, L = 2.3112500, ∂L/∂w = [-2.1500, -6.4500], ∂L/∂b = -2.1500
//! 1: ŷ = 2.21500, L = 0.0231125, ∂L/∂w = [0.2150, 0.6450], ∂L/∂b = 0.2150
//! 2: ŷ = 1.97850, L = 0.0002311, ∂L/∂w = [-0.0215, -0.0645], ∂L/∂b = -0.0215
//! ```
//!
//! # The same by the crate
//!
//! `θ = (w₁, w₂, b)`. A risk is a function of `θ` with a value and a gradient; a sample is a column.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError, matrix, vector};
//!
//! let (x, y) = (matrix![1.0; 3.0], [2.0]);
//! let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y)?;
//! let (theta, mut gradient) = (vector![0.5, -0.25, 0.1], DVector::zeros(3));
//! let loss = risk.value_gradient(&theta, &mut gradient);
//! assert_eq!(format!("{loss:.5}"), "2.31125");
//! assert_eq!(format!("{:.2?}", gradient.as_slice()), "[-2.15, -6.45, -2.15]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Many samples
//!
//! The risk is the mean over samples, so that the learning rate does not depend on how many there are.
//!
//! ```text
//! Ŷ = W X + b 1ᵀ
//! f = (1/m) Σ ½ (yⱼ − ŷⱼ)²
//! ∇_W f = (Ŷ − Y) Xᵀ / m
//! ∇_b f = (Ŷ − Y) 1 / m
//! ```
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{EmpiricalRisk, Objective, Perceptron, SquaredError, matrix, vector};
//!
//! let (x, y) = (matrix![1.0, 2.0, 3.0, 4.0], matrix![2.9, 5.1, 7.0, 9.2]);
//! let (w, b, m) = (1.0, 0.0, 4.0);
//! let y_hat = x.map(|x| w * x + b); // Ŷ = W X + b 1ᵀ
//! let by_w = (&y_hat - &y).dot(&x) / m; // (Ŷ − Y) Xᵀ / m
//! let by_b = (&y_hat - &y).sum() / m; // (Ŷ − Y) 1 / m
//! assert_eq!(format!("{by_w:.3} {by_b:.3}"), "-10.225 -3.550");
//!
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
//! let mut gradient = DVector::zeros(2);
//! risk.value_gradient(&vector![w, b], &mut gradient);
//! assert!((gradient - vector![by_w, by_b]).amax() < 1e-14);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Downhill, and all at once
//!
//! Gradient descent repeats the update. Its pace is set by the narrowest direction: with a rate of 0.2 the error falls by
//! 3 % a step. The Hessian of this risk is constant,
//!
//! ```text
//! H = [X; 1][X; 1]ᵀ / m
//! ```
//!
//! so one step of Newton's method, `θ − H⁻¹∇f`, ends at the minimum from anywhere ([why](super::newton_in_several_variables)).
//!
//! ```
//! use gradus::{EmpiricalRisk, GradientDescent, Newton, Perceptron, SquaredError, Stop};
//! use gradus::{minimize, vector};
//!
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0], [2.9, 5.1, 7.0, 9.2]);
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
//! let (start, stop) = (vector![0.0, 0.0], Stop::default().gradient(1e-6));
//!
//! let slow = minimize(&mut GradientDescent::new(0.2), &mut risk, start.clone(), &stop)?;
//! assert_eq!(slow.iterations, 325);
//! let fast = minimize(&mut Newton::pure(), &mut risk, start, &stop)?;
//! assert_eq!(fast.iterations, 1);
//! assert_eq!(format!("{:.4?}", fast.x.as_slice()), "[2.0800, 0.8500]");
//! assert!((slow.x - fast.x).amax() < 1e-4);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! [`Perceptron::fit`](crate::Perceptron::fit) does it without forming `H`, by an orthogonal factorisation of `X`, which
//! keeps the digits that forming `X Xᵀ` would lose.
//!
//! Program: `cargo run --release --example learn_1_perceptron_and_regression`. Next: [classification](super::classification).

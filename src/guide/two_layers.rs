//! A network of two layers, and all of its partial derivatives.
//!
//! # Forward
//!
//! ```text
//! z₁ = x₁w₁₁ + x₂w₂₁ + b₁      a₁ = σ(z₁)
//! z₂ = x₁w₁₂ + x₂w₂₂ + b₂      a₂ = σ(z₂)
//! z  = a₁w₁ + a₂w₂ + b         ŷ  = σ(z)
//! L  = −y ln ŷ − (1 − y) ln(1 − ŷ)
//! ```
//!
//! `wᵢⱼ` leads from input `i` to unit `j`. In matrix form the units are the rows of `W`, so `W = [[w₁₁, w₂₁], [w₁₂, w₂₂]]`.
//!
//! # Backward
//!
//! Each parameter acts on `L` along a path; the chain rule multiplies the slopes on it.
//!
//! ```text
//! ∂L/∂wᵢ  = ∂L/∂z · ∂z/∂wᵢ                        = −(y − ŷ) aᵢ
//! ∂L/∂b   = ∂L/∂z                                 = −(y − ŷ)
//! ∂L/∂wᵢⱼ = ∂L/∂z · ∂z/∂aⱼ · ∂aⱼ/∂zⱼ · ∂zⱼ/∂wᵢⱼ   = −(y − ŷ) wⱼ aⱼ(1 − aⱼ) xᵢ
//! ∂L/∂bⱼ  = ∂L/∂z · ∂z/∂aⱼ · ∂aⱼ/∂zⱼ              = −(y − ŷ) wⱼ aⱼ(1 − aⱼ)
//! ```
//!
//! What two lines share is computed once: `δ = ŷ − y` for the output, `δⱼ = δ wⱼ aⱼ(1 − aⱼ)` for unit `j`. With `δ` in hand,
//! a weight's slope is `δ` of the unit that it leads to, times the activation that it comes from.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Activation, EmpiricalRisk, LogLoss, Network, Objective, matrix};
//!
//! let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
//! let (x, y) = ([1.0, 3.0], 1.0);
//! let (w_hidden, b_hidden) = ([[0.5, -0.25], [0.1, 0.4]], [0.1, -0.2]); // rows are units
//! let (w, b) = ([0.7, -0.6], 0.05);
//!
//! // forward
//! let score = |j: usize| w_hidden[j][0] * x[0] + w_hidden[j][1] * x[1] + b_hidden[j];
//! let z_hidden = [0, 1].map(score);
//! let a = z_hidden.map(sigmoid);
//! let z = a[0] * w[0] + a[1] * w[1] + b;
//! let y_hat = sigmoid(z);
//! assert_eq!(format!("{z_hidden:.2?} {a:.8?}"), "[-0.15, 1.10] [0.46257015, 0.75026011]");
//! assert_eq!(format!("{z:.8} {y_hat:.8}"), "-0.07635696 0.48092003");
//! assert_eq!(format!("{:.8}", -y_hat.ln()), "0.73205428"); // L
//!
//! // backward
//! let delta = y_hat - y; // ∂L/∂z
//! let by_w = a.map(|a| delta * a); // ∂L/∂wᵢ
//! let delta_hidden = [0, 1].map(|j| delta * w[j] * a[j] * (1.0 - a[j])); // ∂L/∂zⱼ = ∂L/∂bⱼ
//! let by_w_hidden = delta_hidden.map(|delta| x.map(|x| delta * x)); // ∂L/∂wᵢⱼ, a row a unit
//! assert_eq!(format!("{delta:.8}"), "-0.51907997");
//! assert_eq!(format!("{by_w:.8?}"), "[-0.24011090, -0.38944499]");
//! assert_eq!(format!("{delta_hidden:.8?}"), "[-0.09032994, 0.05835597]");
//! assert_eq!(
//!     format!("{by_w_hidden:.8?}"),
//!     "[[-0.09032994, -0.27098981], [0.05835597, 0.17506791]]"
//! );
//!
//! // the same by the crate, read by layers
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let theta = network.parameters_from_rows(&[
//!     (&[0.5, -0.25, 0.1, 0.4], &[0.1, -0.2]), // hidden: W row by row, b
//!     (&[0.7, -0.6], &[0.05]),                 // output
//! ])?;
//! let sample = matrix![1.0; 3.0];
//! let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &sample, &[1])?;
//! let mut gradient = DVector::zeros(9);
//! let loss = risk.value_gradient(&theta, &mut gradient);
//! assert_eq!(loss, 0.7320542792026764);
//! let [hidden, output] = [&network.layers()[0], &network.layers()[1]];
//! for j in 0..2 {
//!     assert!((output.weights(&gradient)?[(0, j)] - by_w[j]).abs() < 1e-15);
//!     assert!((hidden.bias(&gradient)?[j] - delta_hidden[j]).abs() < 1e-15);
//!     for i in 0..2 {
//!         assert!((hidden.weights(&gradient)?[(j, i)] - by_w_hidden[j][i]).abs() < 1e-15);
//!     }
//! }
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Every number in a table
//!
//! [`explain`](crate::Network::explain) keeps what a pass computes, layer by layer. In the last row `a` is `ŷ`, and the two
//! factors of `δ` are those that [cancel](super::classification).
//!
//! ```
//! use gradus::{Activation, LogLoss, Network, matrix, vector};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let theta = vector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05];
//! let pass = network.explain(&LogLoss, &theta, &matrix![1.0; 3.0], &[1])?;
//! println!("{}\n", pass.table());
//! println!("{}", pass.gradient_table());
//! let hidden = &pass.layers[0];
//! assert_eq!(format!("{:.6?}", hidden.a.as_slice()), "[0.462570, 0.750260]");
//! assert_eq!(format!("{:.6?}", hidden.slope.as_slice()), "[0.248599, 0.187370]");
//! assert_eq!(format!("{:.6?}", hidden.upstream.as_slice()), "[-0.363356, 0.311448]");
//! assert_eq!(format!("{:.6?}", hidden.delta.as_slice()), "[-0.090330, 0.058356]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! ```text
//! layer  sample  unit  z = W a₋ + b  a = φ(z)     φ'(z)  ∂L/∂a = W₊ᵀδ₊  δ = ∂L/∂a φ'
//!     1       0     0         -0.15   0.46257  0.248599      -0.363356    -0.0903299
//!     1       0     1           1.1   0.75026   0.18737       0.311448      0.058356
//!     2       0     0     -0.076357   0.48092  0.249636       -2.07935      -0.51908
//!
//! layer  parameter       ∂L/∂θ      = Σ ∂L/∂a · φ'(z) · ∂z/∂θ
//!     1     w[0,0]  -0.0903299       -0.363356 · 0.248599 · 1
//!     1     w[0,1]    -0.27099       -0.363356 · 0.248599 · 3
//!     1       b[0]  -0.0903299       -0.363356 · 0.248599 · 1
//!     1     w[1,0]    0.058356         0.311448 · 0.18737 · 1
//!     1     w[1,1]    0.175068         0.311448 · 0.18737 · 3
//!     1       b[1]    0.058356         0.311448 · 0.18737 · 1
//!     2     w[0,0]   -0.240111  -2.07935 · 0.249636 · 0.46257
//!     2     w[0,1]   -0.389445  -2.07935 · 0.249636 · 0.75026
//!     2       b[0]    -0.51908        -2.07935 · 0.249636 · 1
//! ```
//!
//! # All gradients first, then all updates
//!
//! `∂L/∂wᵢⱼ` contains `wⱼ`: the **old** one. Whoever updates the output layer before computing the hidden layer's slopes
//! takes another step. A method of this crate has the whole gradient before it moves anything.
//!
//! ```
//! use gradus::{Activation, EmpiricalRisk, GradientDescent, LogLoss, Network, Stop};
//! use gradus::{matrix, minimize, vector};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let sample = matrix![1.0; 3.0];
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &sample, &[1])?;
//! let theta = vector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05];
//! let stop = Stop::default().iterations(1);
//! let after = minimize(&mut GradientDescent::new(0.5), &mut risk, theta, &stop)?.x;
//! assert_eq!(format!("{:.6}", after[0]), "0.545165"); // w₁₁: 0.5 + ½ · 0.09032994
//! assert_eq!(format!("{:.6}", after[6]), "0.820055"); // w₁: 0.7 + ½ · 0.2401109
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A start that must not be zero
//!
//! With all weights 0 both hidden units are equal, receive equal slopes and stay equal; here the gradient vanishes at once,
//! at a [saddle](super::saddles). [`Network::initial`](crate::Network::initial) draws the weights by a seed.
//!
//! Program: `cargo run --release --example learn_3_two_layers`. Next: [any depth](super::backpropagation).

//! Backpropagation: the chain rule through any number of layers, with what the forward pass keeps.
//!
//! # The two passes
//!
//! ```text
//! forward    A⁽⁰⁾ = X
//!            Z⁽ˡ⁾ = W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ,    A⁽ˡ⁾ = φ(Z⁽ˡ⁾)       kept: the cache
//! backward   Δ⁽ᴰ⁾ = ∂L/∂Z⁽ᴰ⁾
//!            ∂L/∂W⁽ˡ⁾ = Δ⁽ˡ⁾ A⁽ˡ⁻¹⁾ᵀ
//!            ∂L/∂b⁽ˡ⁾ = Δ⁽ˡ⁾ 1
//!            Δ⁽ˡ⁻¹⁾ = W⁽ˡ⁾ᵀ Δ⁽ˡ⁾ ⊙ φ'(Z⁽ˡ⁻¹⁾)
//! ```
//!
//! `Δ⁽ˡ⁾` is `∂L/∂Z⁽ˡ⁾`, a column per sample: the product of all slopes from the loss down to layer `l`. `W⁽ˡ⁾`, `b⁽ˡ⁾` and
//! all earlier layers share it, so it is computed once; that, and the cache, is why a gradient by a million parameters costs
//! as much as some three forward passes, and not a million.
//!
//! # Three layers by hand
//!
//! ```
//! use gradus::nalgebra::{DMatrix, DVector};
//! use gradus::{Activation, EmpiricalRisk, LogLoss, Network, Objective, matrix};
//!
//! let (x, y) = (matrix![1.0, -1.0; 3.0, 0.5], matrix![1.0, 0.0]); // two samples
//! let network = Network::new(&[2, 3, 2, 1], Activation::Tanh);
//! let theta: DVector<f64> = network.initial(1);
//! let (layers, m) = (network.layers(), x.ncols());
//!
//! // forward: a[l] = A⁽ˡ⁾, from a[0] = X
//! let mut a = vec![x.clone()];
//! for (l, layer) in layers.iter().enumerate() {
//!     let ones = DMatrix::repeat(1, m, 1.0);
//!     let z = layer.weights(&theta)? * &a[l] + layer.bias(&theta)? * ones;
//!     a.push(if l + 1 < layers.len() { z.map(f64::tanh) } else { z });
//! }
//!
//! // backward: for the log loss ∂L/∂Z = (ŷ − y)/m
//! let mut delta = a[3].zip_map(&y, |z, y| (1.0 / (1.0 + (-z).exp()) - y) / m as f64);
//! let mut by_hand = DVector::zeros(theta.len());
//! for (l, layer) in layers.iter().enumerate().rev() {
//!     layer.weights_mut(&mut by_hand)?.copy_from(&(&delta * a[l].transpose())); // Δ Aᵀ
//!     layer.bias_mut(&mut by_hand)?.copy_from(&delta.column_sum()); // Δ 1
//!     let slope = a[l].map(|a| 1.0 - a * a); // tanh' = 1 − a², from the cache
//!     delta = (layer.weights(&theta)?.transpose() * &delta).component_mul(&slope);
//! }
//!
//! let mut gradient = DVector::zeros(theta.len());
//! EmpiricalRisk::new(network.clone(), LogLoss, &x, &y)?
//!     .value_gradient(&theta, &mut gradient);
//! assert!((gradient - by_hand).amax() < 1e-15);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # The cache
//!
//! [`Model::cache`](crate::Model::cache) makes it once, for batches up to a size; `forward` fills it and `backward` reads it,
//! so a training step allocates nothing. A [`Network`](crate::Network) keeps `φ'` beside `A`, formed from the same
//! exponential: `1 − a²` of a rounded `a` has no digits left where a unit saturates.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Activation, Model, Network, matrix};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let theta = network.parameters_from_rows(&[
//!     (&[0.5, -0.25, 0.1, 0.4], &[0.1, -0.2]),
//!     (&[0.7, -0.6], &[0.05]),
//! ])?;
//! let x = matrix![1.0; 3.0];
//! let mut cache = network.cache(1);
//! let z = network.forward(&theta, x.as_view(), &mut cache)[0]; // the score
//! let a = cache.activations(0); // of the hidden layer
//! assert_eq!(format!("{:.4} {:.4}", a[0], a[1]), "0.4626 0.7503");
//! assert_eq!(format!("{z:.8}"), "-0.07635696");
//! let delta = matrix![1.0 / (1.0 + f64::exp(-z)) - 1.0]; // ∂L/∂z for y = 1
//! let mut gradient = DVector::zeros(9);
//! network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient); // adds
//! assert_eq!(format!("{:.8}", gradient[8]), "-0.51907997"); // ∂L/∂b
//! let delta = cache.deltas(0);
//! assert_eq!(format!("{:.4} {:.4}", delta[0], delta[1]), "-0.0903 0.0584");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Every number of both passes as a table: [`explain`](crate::Network::explain), shown for [two layers](super::two_layers).
//!
#![doc = include_str!("pictures/exclusive_or.svg")]
//!
//! A small network learns exclusive or, and a larger one two spirals: the boundary where `ŷ = ½`, and the loss of each step.
//!
#![doc = include_str!("pictures/spirals.svg")]
//!
//! # Is it right?
//!
//! Compare it with differences of the value, coordinate by coordinate:
//!
//! ```
//! use gradus::{Activation, EmpiricalRisk, LogLoss, Network, check, matrix};
//!
//! let (x, y) = (matrix![1.0, -1.0; 3.0, 0.5], [1, 0]);
//! let network = Network::new(&[2, 3, 2, 1], Activation::Tanh);
//! let theta = network.initial(1);
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y)?;
//! let report = check::gradient(&mut risk, &theta)?;
//! assert!(report.passed(), "{report}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # Slopes that vanish
//!
//! `Δ⁽ˡ⁻¹⁾` has a factor `φ'` per layer, and `σ' ≤ ¼`: through ten sigmoid layers slopes shrink by a million. Hence relu,
//! tanh and initial weights that keep the size of a layer's scores ([`Initialize`](crate::Initialize)).
//!
//! # Second derivatives
//!
//! The same idea once more: differentiate both passes along a direction `v` (Pearlmutter 1994), and `∇²f · v` costs about two
//! gradients: [`HessianProduct`](crate::HessianProduct). The dense Hessian of a network is exact too, block by block
//! ([`Hessian`](crate::Hessian)).
//!
//! Program: `cargo run --release --example learn_4_any_depth_with_the_cache`. Next: [Newton's method in one variable](super::newton_in_one_variable).

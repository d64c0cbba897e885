//! From PyTorch: the same network, the same numbers, and what is different.
//!
//! | PyTorch | gradus |
//! |---|---|
//! | `x` of shape `(batch, features)` | `features × samples`, a sample per **column** ([`data::columns`](crate::data::columns), [`row_major`](crate::data::row_major)) |
//! | `nn.Sequential(Linear(2, 16), Tanh(), Linear(16, 1))` | `Network::new(&[2, 16, 1], Activation::Tanh)` |
//! | parameters inside the module | one vector `θ` beside it; [`layer.weights(&theta)`](crate::model::Layer::weights) |
//! | `BCEWithLogitsLoss`, `CrossEntropyLoss` | [`LogLoss`](crate::LogLoss), [`CrossEntropy`](crate::CrossEntropy): on scores too |
//! | `MSELoss` | [`SquaredError`](crate::SquaredError) **with ½**, summed over outputs, mean over samples |
//! | `loss.backward()`, `p.grad` | `risk.value_gradient(&theta, &mut gradient)`: written, not added; no `zero_grad` |
//! | `optim.Adam(lr=1e-3)` | [`Adam::new(1e-3)`](crate::Adam) |
//! | `weight_decay` of Adam | [`ridge`](crate::EmpiricalRisk::ridge) on the risk (weights, not biases); of AdamW: [`weight_decay`](crate::Adam::weight_decay) |
//! | the training loop, `DataLoader` | [`Trainer`](crate::Trainer), its batches and seed |
//! | `lr_scheduler`, `clip_grad_norm_` | [`Schedule`](crate::Schedule), [`Adam::clip`](crate::Adam::clip) |
//! | `requires_grad = False` | [`Trainer::frozen`](crate::Trainer::frozen) |
//! | `weight=`, `pos_weight` | [`data::balanced_weights`](crate::data::balanced_weights) and [`with_weights`](crate::EmpiricalRisk::with_weights) |
//! | checkpoints | [`Checkpoint`](crate::Checkpoint), [`Trainer::resume`](crate::Trainer::resume) |
//! | hooks that print activations | [`explain`](crate::explain) |
//! | `torch.manual_seed` | a seed per call: `network.initial(seed)`, `Trainer::seed` |
//! | initial weights of `Linear` | [`Initialize::PyTorch`](crate::Initialize) |
//! | `torch.autograd.functional.hessian` | `risk.hessian(&theta, &mut h)`, exact |
//! | `state_dict`, safetensors | feature `safetensors` ([`Fitted`](crate::Fitted)) |
//!
//! # Weights of your own
//!
//! `W` row by row, as `layer.weight` and `layer.bias` print them:
//!
//! ```
//! use gradus::{Activation, Fitted, LogLoss, Network, matrix};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let theta = network.parameters_from_rows(&[
//!     (&[0.5, -0.25, 0.1, 0.4], &[0.1, -0.2]), // 0.weight, 0.bias
//!     (&[0.7, -0.6], &[0.05]),                 // 2.weight, 2.bias
//! ])?;
//! let fitted = Fitted::from_parameters(network, LogLoss, theta)?;
//! let sample = matrix![1.0; 3.0];
//! assert_eq!(format!("{:.6}", fitted.predict(&sample)?[0]), "0.480920"); // the sigmoid of
//! assert_eq!(format!("{:.6}", fitted.scores(&sample)?[0]), "-0.076357"); // the logit
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # A loop of your own
//!
//! ```
//! use gradus::{Activation, Adam, EmpiricalRisk, LogLoss, Network, Objective, Optimizer};
//! use gradus::matrix;
//!
//! let (x, y) = (matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], [0, 1, 1, 0]);
//! let network = Network::new(&[2, 8, 1], Activation::Tanh);
//! let mut theta = network.initial(1);
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y)?;
//! let mut adam = Adam::new(0.01);
//! for epoch in 0..1000 {
//!     let step = adam.step(&mut risk, &mut theta)?; // zero_grad, forward, backward, step
//!     if epoch % 200 == 0 {
//!         println!("{epoch}: loss {:.4}, gradient {:.1e}", step.value, step.gradient_norm);
//!     }
//! }
//! assert!(risk.value(&theta) < 0.05);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Mini-batches: [`batch`](crate::EmpiricalRisk::batch) and [`select`](crate::EmpiricalRisk::select), or a
//! [`Trainer`](crate::Trainer).
//!
//! # What is different
//!
//! - No graph: derivatives are formulas, so a step costs arithmetic and nothing else. No GPU, no convolutions.
//! - Training ends with a [report](super::reading_a_report) that does not call the end of the epochs convergence.
//! - Small problems can be finished by Newton's method to the last digit ([how to choose](crate::how_to_choose)): with a small
//!   [ridge penalty](crate::EmpiricalRisk::ridge), for without one a network may have no minimum in reach.

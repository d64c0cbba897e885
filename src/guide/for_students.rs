//! Where a student begins: the notes' order, every formula beside its line, every number printed by a program.
//!
//! | your notes say | page |
//! |---|---|
//! | perceptron, squared error, gradient descent | [regression](super::regression) |
//! | sigmoid, maximum likelihood, log loss | [classification](super::classification), [sigmoid and log loss](super::sigmoid_and_log_loss) |
//! | `∂L/∂w₁₁` of a 2-2-1 network | [two layers](super::two_layers) |
//! | chain rule, backpropagation, cache | [backpropagation](super::backpropagation) |
//! | Newton's method, `√2`, `eˣ − ln x` | [one variable](super::newton_in_one_variable) |
//! | concave up, concave down, inflection | [second derivative](super::second_derivative) |
//! | Hessian, symmetric matrix | [Hessian](super::hessian) |
//! | eigenvalues, minimum, maximum, saddle | [kinds of points](super::kinds_of_points) |
//! | Newton in two variables | [several variables](super::newton_in_several_variables) |
//!
//! # What printed notes get wrong
//!
//! Each of these is in circulation; the pages have the right ones.
//!
//! 1. `∂L/∂w₁₁ = −x₁w₁a₁(1 − a₁) ŷ (y − ŷ)`: the extra `ŷ` is wrong.
//! 2. `xₖ = xₖ₊₁ − f/f'`: indices exchanged.
//! 3. `z₂ = x₂w₂₁ + x₂w₂₂ + b₂`: the first `x₂` should be `x₁`, and the weights `w₁₂`, `w₂₂`; `z = a₂w₁ + a₂w₂ + b`: the first
//!    `a₂` should be `a₁`; `a₁ = σ(z₂)` is `σ(z₁)`, and `ŷ = σ(a₁)` is `σ(z)`.
//! 4. `2y³` for `2y²`, and `(0, 0)` called its minimum: it is a [saddle](super::newton_in_several_variables).
//! 5. "Convex: `f'' < 0`": convex is `f'' > 0`.
//! 6. "Mixed signs are inconclusive": mixed signs *are* a saddle; zeros are inconclusive. "At a saddle `f'' = 0`": that is an
//!    inflection, in [one variable](super::second_derivative).
//! 7. "Maximise the mean of the likelihoods": of the product.
//!
//! # Check your own answer
//!
//! Any derivative that you found on paper, against differences of the function:
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Function, check, vector};
//!
//! let mut f = Function::new(2, |v: &DVector<f64>, g| {
//!     let (x, y) = (v[0], v[1]);
//!     g.copy_from_slice(&[2.0 * x * y + y.cos(), x * x - x * y.sin()]); // your ∂f/∂x, ∂f/∂y
//!     x * x * y + x * y.cos() // your f
//! });
//! let report = check::gradient(&mut f, &vector![1.0, 2.0])?;
//! assert!(report.passed());
//! println!("{report}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! Tables of all intermediate numbers of your own network or function: [`explain`](crate::explain).
//!
//! Then the [exercises](super::exercises).

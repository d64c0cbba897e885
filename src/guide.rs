//! The guide: learn the mathematics and the crate together. Every formula stands beside the line that computes it, and
//! every number printed is checked by a test.
//!
//! # Where to begin
//!
//! | you are | begin at |
//! |---|---|
//! | a student with notes on perceptrons, backpropagation or Newton's method | [for students](for_students) |
//! | an engineer with data | [for engineers](for_engineers) |
//! | a researcher who needs second derivatives, verdicts, covariance | [for researchers](for_researchers) |
//! | coming from PyTorch | [from PyTorch](from_pytorch) |
//!
//! # What notes teach
//!
//! 1. [Regression with a perceptron](regression): loss, chain rule, gradient descent, the exact solution.
//! 2. [Classification](classification): sigmoid, likelihood, log loss.
//! 3. [Sigmoid and log loss in numbers](sigmoid_and_log_loss): why losses take scores.
//! 4. [Two layers](two_layers): all partial derivatives.
//! 5. [Backpropagation](backpropagation): any depth, with the cache.
//! 6. [Newton in one variable](newton_in_one_variable): roots, minima, and why a short step proves nothing.
//! 7. [The second derivative](second_derivative): convex, concave.
//! 8. [The Hessian](hessian).
//! 9. [Eigenvalues and kinds of points](kinds_of_points): minimum, maximum, saddle, degenerate.
//! 10. [Newton in several variables](newton_in_several_variables): `2y²` and `2y³`.
//!
//! # What notes leave out
//!
//! 11. [Safeguards](safeguards): where 1681 starts lead.
//! 12. [Saddles](saddles), escapes, flat directions.
//! 13. [Separation](separation): classes without a best line.
//! 14. [How sure](how_sure): from curvature to intervals.
//! 15. [Reading a report](reading_a_report).
//! 16. [Choosing a method](crate::how_to_choose).
//! 17. [Your own](your_own) function, loss, activation, model, optimizer.
//! 18. [Exercises](exercises), with answers that run.
//!
//! The programs `learn_1_…` to `learn_6_…` in `examples/` follow these pages; `notes` prints every number of the course notes.
//! Tables of every intermediate number: [`explain`](crate::explain).
//!
//! # Notation
//!
//! | symbol | meaning |
//! |---|---|
//! | `x`, `y`, `ŷ` | input, target, prediction |
//! | `z`, `a`, `φ` | score of a unit, its activation `a = φ(z)` |
//! | `w`, `b`, `θ` | weights, bias; all parameters in one vector |
//! | `L`, `f` | loss of a sample; the function minimised: a risk is the mean of `L` |
//! | `α` | learning rate |
//! | `∂L/∂w`, `∇f`, `H` | partial derivative, gradient, Hessian |
//! | `δ`, `Δ` | `∂L/∂z` of a unit, of a layer (a column per sample) |
//! | `λ` | eigenvalue; weight of a ridge penalty |
//! | `⊙` | product entry by entry |
//!
//! Pages on single subjects: [how to choose](crate::how_to_choose), [inference](crate::inference), [generalised linear
//! models](crate::generalised_linear_models), [tables](crate::data::tables).

pub mod backpropagation;
pub mod classification;
pub mod exercises;
pub mod for_engineers;
pub mod for_researchers;
pub mod for_students;
pub mod from_pytorch;
pub mod hessian;
pub mod how_sure;
pub mod kinds_of_points;
pub mod newton_in_one_variable;
pub mod newton_in_several_variables;
pub mod reading_a_report;
pub mod regression;
pub mod saddles;
pub mod safeguards;
pub mod second_derivative;
pub mod separation;
pub mod sigmoid_and_log_loss;
pub mod two_layers;
pub mod your_own;

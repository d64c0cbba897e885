//! Exercises, with answers that run.
//!
//! # 1. One step by hand
//!
//! A perceptron with `w = 2`, `b = 1` sees `x = 3`, `y = 5`. Where do `w` and `b` go with a rate of 0.1?
//!
//! <details><summary>Answer</summary>
//!
//! `ŷ = 7`, `y − ŷ = −2`, so `∂L/∂w = 6`, `∂L/∂b = 2`.
//!
//! ```
//! use gradus::{EmpiricalRisk, GradientDescent, Perceptron, SquaredError, Stop};
//! use gradus::{minimize, vector};
//!
//! let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &[3.0], &[5.0])?;
//! let stop = Stop::default().iterations(1);
//! let theta = vector![2.0, 1.0];
//! let after = minimize(&mut GradientDescent::new(0.1), &mut risk, theta, &stop)?.x;
//! assert_eq!(format!("{:.1?}", after.as_slice()), "[1.4, 0.8]");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 2. The largest slope
//!
//! Where is `σ'` largest, and how large? And `tanh'`?
//!
//! <details><summary>Answer</summary>
//!
//! At `z = 0`: `σ' = ¼`, `tanh' = 1`.
//!
//! ```
//! use gradus::Activation;
//!
//! assert_eq!(Activation::Sigmoid.jet(0.0_f64), (0.5, 0.25, 0.0));
//! assert_eq!(Activation::Tanh.jet(0.0_f64), (0.0, 1.0, 0.0));
//! ```
//!
//! </details>
//!
//! # 3. A better guess than zero
//!
//! With all scores 0 every probability is ½. What is the log loss, whatever the labels? What is the best constant guess for
//! labels with 3 ones in 4?
//!
//! <details><summary>Answer</summary>
//!
//! `ln 2 = 0.6931`. The best constant is `ŷ = ¾`, `b = ln 3`: where the mean of `ŷ − y` is zero.
//!
//! ```
//! use gradus::{EmpiricalRisk, LogLoss, Objective, SigmoidClassifier, vector};
//!
//! // a feature that is always 0 leaves the bias alone
//! let (x, y) = ([0.0; 4], [1, 1, 0, 1]);
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
//! assert_eq!(format!("{:.4}", risk.value(&vector![0.0, 0.0])), "0.6931");
//! assert_eq!(format!("{:.4}", risk.value(&vector![0.0, 3.0_f64.ln()])), "0.5623");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 4. Cube roots
//!
//! Write Newton's iteration for `∛a`, and compute `∛10` from 2. Then find the root of `∛x` itself from 1: what happens?
//!
//! <details><summary>Answer</summary>
//!
//! `x ← x − (x³ − a)/(3x²)`. Of `∛x`, `f/f' = 3x`: each step goes from `x` to `−2x`, away from the root.
//!
//! ```
//! use gradus::univariate::ScalarNewton;
//!
//! let cube = |x: f64| (x.powi(3) - 10.0, 3.0 * x * x);
//! assert_eq!(format!("{:.10}", ScalarNewton::pure().root(cube, 2.0)?.x), "2.1544346900");
//!
//! let cbrt = |x: f64| (x.cbrt(), 1.0 / (3.0 * x.cbrt().powi(2)));
//! let trace = ScalarNewton::pure().trace(true).iterations(4).root(cbrt, 1.0)?.trace;
//! assert_eq!(format!("{trace:.0?}"), "[1, -2, 4, -8, 16]"); // x − 3x
//! assert_eq!(ScalarNewton::new().root(cbrt, 1.0)?.into_converged()?.x, 0.0);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 5. Minimum, maximum or saddle?
//!
//! `f = x³ − 3x + y²`: find the stationary points and their kinds.
//!
//! <details><summary>Answer</summary>
//!
//! `∇f = (3x² − 3, 2y)`: `(1, 0)` and `(−1, 0)`. `H = [[6x, 0], [0, 2]]`: a minimum and a saddle.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{CriticalKind, CriticalPoint, Function, vector};
//!
//! let f = Function::new(2, |v: &DVector<f64>, g| {
//!     g.copy_from_slice(&[3.0 * v[0] * v[0] - 3.0, 2.0 * v[1]]);
//!     v[0].powi(3) - 3.0 * v[0] + v[1] * v[1]
//! });
//! let mut f = f.with_hessian(|v, h| h.copy_from_slice(&[6.0 * v[0], 0.0, 0.0, 2.0]));
//! assert_eq!(CriticalPoint::of(&mut f, &vector![1.0, 0.0])?.kind, CriticalKind::Minimum);
//! assert_eq!(CriticalPoint::of(&mut f, &vector![-1.0, 0.0])?.kind, CriticalKind::Saddle);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 6. Eigenvalues on paper
//!
//! For which `a` is the origin a minimum of `x² + a x y + y²`?
//!
//! <details><summary>Answer</summary>
//!
//! `H = [[2, a], [a, 2]]` has eigenvalues `2 ∓ a`: a minimum for `|a| < 2`, degenerate at `±2`, a saddle beyond.
//!
//! ```
//! use gradus::{CriticalKind, CriticalPoint, matrix};
//!
//! let kind = |a| CriticalPoint::classify(&matrix![2.0, a; a, 2.0]).map(|point| point.kind);
//! assert_eq!(kind(1.9)?, CriticalKind::Minimum);
//! assert_eq!(kind(2.0)?, CriticalKind::Degenerate);
//! assert_eq!(kind(2.1)?, CriticalKind::Saddle);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 7. A gradient that is wrong
//!
//! A colleague's gradient of `x² y` is `(2xy, x)`. Find the mistake without reading it.
//!
//! <details><summary>Answer</summary>
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{Function, check, vector};
//!
//! let mut f = Function::new(2, |v: &DVector<f64>, g| {
//!     g.copy_from_slice(&[2.0 * v[0] * v[1], v[0]]); // ∂f/∂y is x²
//!     v[0] * v[0] * v[1]
//! });
//! let report = check::gradient(&mut f, &vector![3.0, 2.0])?;
//! assert!(!report.passed());
//! assert!(report.to_string().contains('9')); // what differences give: x² = 9
//! println!("{report}");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 8. Units that stay twins
//!
//! Why does a network whose hidden units start with equal weights never use more than one of them?
//!
//! <details><summary>Answer</summary>
//!
//! Their slopes are equal, so every update leaves them equal.
//!
//! ```
//! use gradus::{Activation, EmpiricalRisk, GradientDescent, LogLoss, Network, Stop};
//! use gradus::{matrix, minimize, vector};
//!
//! let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
//! let network = Network::new(&[2, 2, 1], Activation::Tanh);
//! let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &[0, 1, 1, 0])?;
//! // columns of W (both units alike), biases, output weights, bias
//! let start = vector![0.3, 0.3, -0.2, -0.2, 0.1, 0.1, 0.8, 0.8, 0.05];
//! let stop = Stop::default().iterations(500);
//! let after = minimize(&mut GradientDescent::new(0.5), &mut risk, start, &stop)?.x;
//! assert!([0, 2, 4, 6].iter().all(|&i| after[i] == after[i + 1]));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 9. A minimum that is not there
//!
//! `y = [0, 0, 0, 1, 1, 1]` for `x = 1 … 6`: what does the fit say, and what does a penalty change?
//!
//! <details><summary>Answer</summary>
//!
//! The classes are [separable](super::separation): no finite weights are best. With `(λ/2) w²` there is one minimum.
//!
//! ```
//! use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier, Termination};
//!
//! let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 0, 1, 1, 1]);
//! let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
//! assert_eq!(risk.fit()?.report.termination, Termination::Separable);
//! assert!(risk.ridge(0.01).fit()?.report.converged());
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! # 10. Every partial of three layers
//!
//! Change `&[2, 3, 2, 1]` and the activation in [backpropagation](super::backpropagation) to `&[3, 4, 4, 2]` with a sigmoid.
//! Which two lines have to change with it?
//!
//! <details><summary>Answer</summary>
//!
//! The activation of the forward pass, and its slope: `σ' = a(1 − a)`. (And the loss of two outputs: the log loss is summed
//! over outputs, so `Y` has two rows.)
//!
//! ```
//! use gradus::nalgebra::{DMatrix, DVector};
//! use gradus::{Activation, EmpiricalRisk, LogLoss, Network, Objective, matrix};
//!
//! let sigmoid = |z: f64| 1.0 / (1.0 + (-z).exp());
//! let (x, y) = (matrix![1.0, -1.0; 3.0, 0.5; 0.0, 2.0], matrix![1.0, 0.0; 0.0, 1.0]);
//! let network = Network::new(&[3, 4, 4, 2], Activation::Sigmoid);
//! let theta: DVector<f64> = network.initial(1);
//! let (layers, ones) = (network.layers(), DMatrix::repeat(1, 2, 1.0));
//! let mut a = vec![x.clone()];
//! for (l, layer) in layers.iter().enumerate() {
//!     let z = layer.weights(&theta)? * &a[l] + layer.bias(&theta)? * &ones;
//!     a.push(if l < 2 { z.map(sigmoid) } else { z }); // here
//! }
//! let mut delta = a[3].zip_map(&y, |z, y| (sigmoid(z) - y) / 2.0);
//! let mut by_hand = DVector::zeros(theta.len());
//! for (l, layer) in layers.iter().enumerate().rev() {
//!     layer.weights_mut(&mut by_hand)?.copy_from(&(&delta * a[l].transpose()));
//!     layer.bias_mut(&mut by_hand)?.copy_from(&delta.column_sum());
//!     let slope = a[l].map(|a| a * (1.0 - a)); // and here
//!     delta = (layer.weights(&theta)?.transpose() * &delta).component_mul(&slope);
//! }
//! let mut gradient = DVector::zeros(theta.len());
//! EmpiricalRisk::new(network.clone(), LogLoss, &x, &y)?
//!     .value_gradient(&theta, &mut gradient);
//! assert!((gradient - by_hand).amax() < 1e-15);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! </details>
//!
//! Back to [the guide](super).

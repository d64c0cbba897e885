//! Eigenvalues of the Hessian, and the kinds of stationary points.
//!
//! # Eigenvalues
//!
//! `H v = λ v`: along an eigenvector `v` the function curves like a parabola with second derivative `λ`. A symmetric matrix
//! has `n` real eigenvalues and orthogonal eigenvectors. Of `H = [[4, −1], [−1, 6]]`:
//!
//! ```text
//! det(H − λI) = (4 − λ)(6 − λ) − 1 = λ² − 10λ + 23 = 0
//! λ = 5 ∓ √2 = 3.5858, 6.4142
//! ```
//!
//! ```
//! use gradus::{CriticalKind, CriticalPoint, matrix};
//!
//! let point = CriticalPoint::classify(&matrix![4.0, -1.0; -1.0, 6.0])?;
//! assert_eq!(format!("{:.7?}", point.eigenvalues().as_slice()), "[3.5857864, 6.4142136]");
//! assert_eq!(point.kind, CriticalKind::Minimum);
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # The second-derivative test
//!
//! Where `∇f = 0`:
//!
//! | eigenvalues | kind |
//! |---|---|
//! | all `> 0` | minimum: up in every direction |
//! | all `< 0` | maximum: down in every direction |
//! | both signs | **saddle**, conclusively: up along some, down along others |
//! | some `= 0`, the rest of one sign | degenerate: the test cannot decide |
//!
#![doc = include_str!("pictures/eigenvectors.svg")]
//!
//! Contours are blue where `f` is above its value in the middle, orange where it is below.
//!
//! Mixed signs are never inconclusive, and at a saddle `H` need not vanish; what is inconclusive is zero. Where `∇f ≠ 0` the
//! signs only say which way the function curves.
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{CriticalKind, CriticalPoint, Function, Hessian, matrix, vector};
//!
//! // ½ (a x² + b y²), with its stationary point at the origin
//! fn bowl(a: f64, b: f64) -> impl Hessian<f64> {
//!     let f = Function::new(2, move |v: &DVector<f64>, g| {
//!         g.copy_from_slice(&[a * v[0], b * v[1]]);
//!         0.5 * (a * v[0] * v[0] + b * v[1] * v[1])
//!     });
//!     f.with_hessian(move |_, h| h.copy_from(&matrix![a, 0.0; 0.0, b]))
//! }
//! for (a, b, kind) in [
//!     (2.0, 3.0, CriticalKind::Minimum),
//!     (-2.0, -3.0, CriticalKind::Maximum),
//!     (2.0, -3.0, CriticalKind::Saddle),
//!     (2.0, 0.0, CriticalKind::Degenerate),
//! ] {
//!     let point = CriticalPoint::of(&mut bowl(a, b), &vector![0.0, 0.0])?;
//!     assert_eq!(point.kind, kind);
//!     println!("{point}");
//! }
//! // of a saddle, the way down
//! let point = CriticalPoint::of(&mut bowl(2.0, -3.0), &vector![0.0, 0.0])?;
//! assert_eq!(point.direction.map(|d| d.abs()), Some(vector![0.0, 1.0]));
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # What counts as zero
//!
//! Rounding leaves no exact zeros: `|λ| ≤ n ε max |λ|` counts as one. And an iteration ends at a point that is only
//! *nearly* stationary. `x² + y³` from `(1, 1)` comes to `y = 3e−5`, where the gradient is below `1e−8` and the eigenvalues
//! are `2` and `1.8e−4`: both positive, and yet `f` is unbounded below. So an eigenvalue also counts as zero while it would
//! change by its own size within one Newton step:
//!
//! ```text
//! |λ| ≤ 4 ‖H(x + s) − H(x)‖,   s = −H⁻¹∇f
//! ```
//!
//! ```
//! use gradus::nalgebra::DVector;
//! use gradus::{CriticalKind, CriticalPoint, Function, matrix, vector};
//!
//! let f = Function::new(2, |v: &DVector<f64>, g| {
//!     g.copy_from_slice(&[2.0 * v[0], 3.0 * v[1] * v[1]]);
//!     v[0] * v[0] + v[1].powi(3)
//! });
//! let mut f = f.with_hessian(|v, h| h.copy_from_slice(&[2.0, 0.0, 0.0, 6.0 * v[1]]));
//! let alone = CriticalPoint::classify(&matrix![2.0, 0.0; 0.0, 1.8e-4])?;
//! assert_eq!(alone.kind, CriticalKind::Minimum); // by the matrix alone
//! let point = CriticalPoint::of(&mut f, &vector![0.0, 3e-5])?;
//! assert_eq!(point.kind, CriticalKind::Degenerate); // by the function around it
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! # The condition
//!
//! The ratio of the greatest to the least eigenvalue says how narrow the valley is. Gradient descent needs a number of
//! steps in proportion to it; Newton's method does not notice. [`CriticalPoint::condition`](crate::CriticalPoint::condition).
//!
//! Next: [Newton's method in several variables](super::newton_in_several_variables).

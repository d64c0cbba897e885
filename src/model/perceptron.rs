use super::linear::Linear;

/// A perceptron: `ŷ = W x + b`, the model of linear regression.
///
/// `θ` is `W` (`outputs × inputs`) column-major, then `b`: for one output simply `(w₁, …, w_n, b)`. With
/// [`SquaredError`](crate::SquaredError), [`fit`](Self::fit) is least squares.
///
/// ```
/// use gradus::{Perceptron, matrix};
///
/// // y = 2 x₁ − x₂ + 3, one sample per column
/// let x = matrix![0.0, 1.0, 0.0, 2.0;
///                  0.0, 0.0, 1.0, 1.0];
/// let y = matrix![3.0, 5.0, 2.0, 6.0];
/// let fitted = Perceptron::new(2).fit(&x, &y)?;
/// assert!((fitted.weights()[(0, 1)] + 1.0_f64).abs() < 1e-14);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias(
    "linear regression",
    "least squares",
    "ordinary least squares",
    "LinearRegression",
    "softmax regression"
))]
pub struct Perceptron(pub(crate) Linear);

impl Perceptron {
    /// One output, with a bias.
    ///
    /// ```
    /// use gradus::{Architecture, Perceptron};
    ///
    /// assert_eq!(Perceptron::new(3).parameter_count(), 4);
    /// ```
    pub fn new(inputs: usize) -> Self {
        Self(Linear { inputs, outputs: 1, bias: true })
    }

    /// `outputs` outputs side by side.
    ///
    /// ```
    /// use gradus::{Architecture, Perceptron};
    ///
    /// assert_eq!(Perceptron::new(3).with_outputs(2).parameter_count(), 2 * 3 + 2);
    /// ```
    pub fn with_outputs(self, outputs: usize) -> Self {
        Self(Linear { outputs, ..self.0 })
    }

    /// Without `b`, where the origin is known.
    ///
    /// ```
    /// use gradus::{Perceptron, matrix};
    ///
    /// let (x, y) = (matrix![1.0, 2.0], matrix![1.0, 3.0]);
    /// let line = Perceptron::new(1).without_bias().fit(&x, &y)?;
    /// assert!((line.parameters()[0] - 1.4_f64).abs() < 1e-15); // Σxy / Σx²
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn without_bias(self) -> Self {
        Self(Linear { bias: false, ..self.0 })
    }
}

use super::linear::Linear;

/// The sigmoid classifier: `ŷ = σ(W x + b)`, the probability of class 1; logistic regression.
///
/// The model computes the scores `z = W x + b`; [`LogLoss`](crate::LogLoss) holds the sigmoid. `θ` is `W`
/// (`outputs × inputs`) column-major, then `b`. Several outputs are several independent yes-or-no questions.
///
#[doc = include_str!("../guide/pictures/sigmoid.svg")]
///
/// ```
/// use gradus::{SigmoidClassifier, matrix};
///
/// let x = matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// let y = matrix![0.0, 0.0, 1.0, 0.0, 1.0, 1.0];
/// let fitted = SigmoidClassifier::new(1).fit(&x, &y)?;
/// assert!(fitted.report.converged());
/// assert!((fitted.predict(&matrix![3.5])?[(0, 0)] - 0.5_f64).abs() < 1e-9);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[doc(alias("logistic regression", "IRLS", "LogisticRegression", "logit", "classification"))]
pub struct SigmoidClassifier(pub(crate) Linear);

impl SigmoidClassifier {
    /// One output, with a bias.
    ///
    /// ```
    /// use gradus::{Architecture, SigmoidClassifier};
    ///
    /// assert_eq!(SigmoidClassifier::new(3).parameter_count(), 4);
    /// ```
    pub fn new(inputs: usize) -> Self {
        Self(Linear { inputs, outputs: 1, bias: true })
    }

    /// `outputs` outputs side by side.
    ///
    /// ```
    /// use gradus::{Architecture, SigmoidClassifier};
    ///
    /// assert_eq!(SigmoidClassifier::new(3).with_outputs(2).parameter_count(), 2 * 3 + 2);
    /// ```
    pub fn with_outputs(self, outputs: usize) -> Self {
        Self(Linear { outputs, ..self.0 })
    }

    /// Without `b`, where the origin is known.
    ///
    /// ```
    /// use gradus::{SigmoidClassifier, matrix};
    ///
    /// let (x, y) = (matrix![-2.0, -1.0, 1.0, 2.0], matrix![0.0, 1.0, 0.0, 1.0]);
    /// let fitted = SigmoidClassifier::new(1).without_bias().fit(&x, &y)?;
    /// assert_eq!(fitted.predict(&matrix![0.0])?[0], 0.5); // σ(w · 0)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn without_bias(self) -> Self {
        Self(Linear { bias: false, ..self.0 })
    }
}

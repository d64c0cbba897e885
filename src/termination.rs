//! Why an iteration stopped.

use std::fmt;

/// Why an iteration stopped. Data, never an error: running out of iterations is an outcome.
///
/// ```
/// use gradus::Termination;
///
/// assert!(Termination::GradientTolerance.is_stationary());
/// assert!(!Termination::Iterations.is_stationary());
/// assert_eq!(Termination::Iterations.to_string(), "the bound on iterations was reached");
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Termination {
    /// The derivative test is met at the point returned: `‖∇f‖∞ ≤ tolerance`.
    GradientTolerance,
    /// The residual test is met at the point returned: `|f| ≤ tolerance`.
    ResidualTolerance,
    /// The solution is exact up to rounding (a direct factorisation, a residual of zero, a small
    /// [`Offset`](crate::least_squares::Offset) that gets no smaller).
    Exact,
    /// The step became shorter than its tolerance while the gradient had not met its own.
    StepTolerance,
    /// The value changed by less than its tolerance while the gradient had not met its own.
    ValueTolerance,
    /// The bound on iterations was reached.
    Iterations,
    /// The bound on evaluations was reached.
    Evaluations,
    /// The function or its derivatives are not finite and no way back was found; the best finite point is
    /// returned.
    NonFinite,
    /// No step that lowers the function was found: the limit of the precision, or derivatives that do not
    /// belong to the function (see [`check::gradient`](crate::check::gradient)). Of [`Newton::pure`](crate::Newton::pure):
    /// the Hessian is singular.
    NoDescent,
    /// The classes are separable: the likelihood has no maximum, the weights run to infinity.
    Separable,
    /// The caller's closure asked to stop.
    Stopped,
    /// Something failed outside of mathematics ([`Objective::failure`](crate::Objective::failure)); the report holds
    /// the error, and the last point before it.
    Failed,
    /// The validation loss has not improved for as many epochs as training was told to wait.
    NoImprovement,
    /// There was no run: the parameters were given.
    Given,
    /// The derivative vanished where the function did not.
    ZeroDerivative,
    /// The iterates repeat themselves.
    Cycle,
    /// The iterates run off to infinity.
    Divergence,
    /// What the bracket shrank to is a jump or a pole, no root; for a minimum also the edge of the domain.
    Discontinuity,
}

impl Termination {
    /// Whether the derivative or residual test (or an exact solution) ended the iteration.
    ///
    /// ```
    /// use gradus::Termination;
    ///
    /// assert!(Termination::Exact.is_stationary());
    /// assert!(!Termination::StepTolerance.is_stationary()); // a short step proves nothing
    /// ```
    pub fn is_stationary(self) -> bool {
        matches!(self, Self::GradientTolerance | Self::ResidualTolerance | Self::Exact)
    }
}

impl fmt::Display for Termination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GradientTolerance => "the gradient met its tolerance",
            Self::ResidualTolerance => "the residual met its tolerance",
            Self::Exact => "the solution is exact up to rounding",
            Self::StepTolerance => "the step met its tolerance before the gradient did",
            Self::ValueTolerance => "the value met its tolerance before the gradient did",
            Self::Iterations => "the bound on iterations was reached",
            Self::Evaluations => "the bound on evaluations was reached",
            Self::NonFinite => "the function or its derivatives are not finite there: start nearer, bring features and targets near to 1, or take a smaller learning rate where there is one",
            Self::NoDescent => "no step lowers the function any further: rounding, a wrong gradient (`check::gradient` tells), for the textbook's Newton a singular Hessian, or, where a root is sought, a minimum of |f|",
            Self::Separable => "the classes are separable, so the parameters have no finite optimum: add a ridge penalty (biases, which it leaves alone, need samples of every class), or, of a logistic model, take `fit_firth`",
            Self::Stopped => "the caller asked to stop",
            Self::Failed => "the objective failed outside of mathematics",
            Self::NoImprovement => "the loss watched for early stopping no longer improves",
            Self::Given => "the parameters were given, not fitted",
            Self::ZeroDerivative => "the derivative vanished away from a solution",
            Self::Cycle => "the iterates repeat themselves",
            Self::Divergence => "the iterates run off to infinity",
            Self::Discontinuity => "the bracket holds a jump, a pole or the edge of the domain",
        })
    }
}

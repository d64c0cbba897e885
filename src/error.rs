//! One error type for the whole crate: every variant names the argument, what was expected and what was found.

/// What went wrong, with the argument, the expectation and the finding as data.
///
/// Errors are for input that cannot be used. How an iteration *ended* is no error but the
/// [`Termination`](crate::Termination) of its report, until [`into_converged`](crate::Report::into_converged) asks for more.
///
/// ```
/// use gradus::nalgebra::DMatrix;
/// use gradus::{EmpiricalRisk, Error, Perceptron, SquaredError};
///
/// let (x, y) = (DMatrix::<f64>::zeros(3, 5), DMatrix::<f64>::zeros(1, 4));
/// let error = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap_err();
/// assert!(matches!(error, Error::Shape { argument: "y", expected: (1, 5), found: (1, 4) }));
/// ```
///
/// What `main` returns is printed by its sentence, not by its fields:
///
/// ```
/// use gradus::{Error, Perceptron, matrix};
///
/// let rows = matrix![1.0, 2.0; 3.0, 4.0; 5.0, 6.0]; // one sample per row
/// let error: Error = Perceptron::new(2).fit(&rows, &[1.0, 2.0, 3.0]).unwrap_err();
/// let sentence =
///     "`x` is 3 × 2 but the model takes 2 features: one sample per column, transpose it";
/// assert_eq!(format!("{error:?}"), sentence);
/// ```
#[non_exhaustive]
#[derive(Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// A matrix or vector has the wrong shape (rows × columns).
    #[error("{}", shape(argument, *expected, *found))]
    Shape {
        /// The argument's name.
        argument: &'static str,
        /// Rows and columns expected.
        expected: (usize, usize),
        /// Rows and columns found.
        found: (usize, usize),
    },
    /// A vector, slice or list has the wrong length.
    #[error("`{argument}` must have length {expected}, found {found}")]
    Length {
        /// The argument's name.
        argument: &'static str,
        /// Length expected.
        expected: usize,
        /// Length found.
        found: usize,
    },
    /// A table whose rows are not of one length.
    #[error("row {row} of `{argument}` has {found} entries, expected {expected}, as many as the first")]
    Ragged {
        /// The argument's name.
        argument: &'static str,
        /// The first row of another length, counted from 0.
        row: usize,
        /// Entries of the first row.
        expected: usize,
        /// Entries of this one.
        found: usize,
    },
    /// There is nothing to work on.
    #[error("`{argument}` is empty: expected at least one {expected}")]
    Empty {
        /// The argument's name.
        argument: &'static str,
        /// What there should be at least one of.
        expected: &'static str,
    },
    /// A NaN or an infinity in the input.
    #[error("`{argument}` must be finite, found {found} at row {row}, column {column}{}", place(argument, *row, *column))]
    NonFinite {
        /// The argument's name.
        argument: &'static str,
        /// Row of the first offending entry.
        row: usize,
        /// Column of the first offending entry (one column per sample).
        column: usize,
        /// The entry.
        found: f64,
    },
    /// A target that the loss does not understand.
    #[error("`{argument}` must be {expected}, found {found} for sample {sample}{}", classes(expected))]
    Label {
        /// The argument's name.
        argument: &'static str,
        /// What the loss expects.
        expected: &'static str,
        /// The offending value.
        found: f64,
        /// The sample (column) it belongs to.
        sample: usize,
    },
    /// A class that the model has no output for.
    #[error(
        "`{argument}` must hold classes 0 to {} (of {classes}), found class {found} for sample {sample}: count classes \
         from 0, or give the model an output for each and take `CrossEntropy`",
        classes.saturating_sub(1)
    )]
    Class {
        /// The argument's name.
        argument: &'static str,
        /// How many classes there are.
        classes: usize,
        /// The class.
        found: usize,
        /// The sample that it was given for.
        sample: usize,
    },
    /// The model ends in a sigmoid, and the loss applies a sigmoid or softmax of its own.
    #[error(
        "the output activation of the model is a sigmoid, but the loss takes scores and applies its own sigmoid or \
         softmax: leave the output `Activation::Identity`, or take `SquaredError`"
    )]
    SigmoidTwice,
    /// All samples belong to one class, so there is nothing to tell apart.
    #[error("`{argument}` holds a single class ({found}): a classifier needs at least two")]
    OneClass {
        /// The argument's name.
        argument: &'static str,
        /// The only class there is.
        found: f64,
    },
    /// All counts are 0, or all shares 0 or 1: the likeliest mean is on the edge of what means may be.
    #[error(
        "all of `{argument}` is {found}: so is the likeliest mean, and no finite bias reaches it; add samples of other \
         values"
    )]
    EdgeMean {
        /// The argument's name.
        argument: &'static str,
        /// The only value there is.
        found: f64,
    },
    /// A class that no sample belongs to: its scores run to minus infinity.
    #[error(
        "no sample of `{argument}` belongs to class {class}: expected at least one of each; leave the class out"
    )]
    NoSamples {
        /// The argument's name.
        argument: &'static str,
        /// The empty class.
        class: usize,
    },
    /// The classes are separable, so the weights that make the data likeliest do not exist.
    #[error(
        "{what} needs classes that overlap, found that these are separable: add a ridge penalty, remove features, or, of a logistic model, take `fit_firth`"
    )]
    Separable {
        /// What was asked for.
        what: &'static str,
        /// Parameters along which every score moves to its own side, or stays: moving along them for ever
        /// makes the data ever likelier.
        direction: Vec<f64>,
    },
    /// Whether there are likeliest weights could not be decided.
    #[error("{what} needs classes that overlap, found that separation is not decided: add a ridge penalty")]
    Undecided {
        /// What was asked for.
        what: &'static str,
    },
    /// A result that its scalar cannot hold, or not with all its digits.
    #[error(
        "{what} leaves the range of numbers, found {found:e}: measure data in units nearer to their size"
    )]
    Range {
        /// Which quantity.
        what: &'static str,
        /// What is left of it.
        found: f64,
    },
    /// A question that only a minimum can answer was asked of another point.
    #[error(
        "{what} needs a minimum of the risk, found a point {distance:.2e} standard errors away from one: fit further \
         first, with a smaller `Stop::gradient`; of a fit that bounds or an L1 penalty hold there is none"
    )]
    NotStationary {
        /// What was asked for.
        what: &'static str,
        /// The Newton step to the minimum, in standard errors.
        distance: f64,
    },
    /// As many coefficients as samples, or more: nothing is left to tell their precision by.
    #[error(
        "{samples} samples leave no degrees of freedom for {coefficients} coefficients: expected more samples"
    )]
    DegreesOfFreedom {
        /// Samples, counted by their weights.
        samples: f64,
        /// Coefficients, those that a penalty leaves undetermined not counted.
        coefficients: f64,
    },
    /// A checkpoint of another run: of another method, model or trainer.
    #[error("the checkpoint is of {found}, expected {expected}")]
    Checkpoint {
        /// What it is of.
        found: String,
        /// What goes on from it.
        expected: &'static str,
    },
    /// A setting outside its domain.
    #[error("setting `{name}` must be {expected}, found {found}")]
    Setting {
        /// The setting's name.
        name: &'static str,
        /// Its domain.
        expected: &'static str,
        /// The value it was given.
        found: f64,
    },
    /// The function or its derivatives are not finite where they have to be.
    #[error("{what} is not finite at {at}: found {found}{}", unwritten(what, *found))]
    Evaluation {
        /// Which quantity: the value, the gradient, the Hessian.
        what: &'static str,
        /// Where: "the start", "x".
        at: &'static str,
        /// The first offending number.
        found: f64,
    },
    /// More numbers than can be counted, or than there is memory for.
    #[error("`{argument}` asks for {found} numbers: expected no more than memory holds")]
    TooLarge {
        /// The argument, setting or size that asks for them.
        argument: &'static str,
        /// How many; `usize::MAX` where they cannot be counted.
        found: usize,
    },
    /// A user's gradient or Hessian, or a point, came back with another shape than it was lent with.
    #[error("{what} came back {}: write into it, do not replace it", resized(*expected, *found))]
    Resized {
        /// Which output.
        what: &'static str,
        /// Entries lent.
        expected: usize,
        /// Entries returned.
        found: usize,
    },
    /// A matrix that must be symmetric is not.
    #[error(
        "`{argument}` must be symmetric, found {upper} at ({row}, {column}) but {lower} at ({column}, {row})"
    )]
    Asymmetric {
        /// The argument's name.
        argument: &'static str,
        /// Row of the worst pair.
        row: usize,
        /// Column of the worst pair.
        column: usize,
        /// Entry above the diagonal.
        upper: f64,
        /// Its mirror image.
        lower: f64,
    },
    /// The columns of the design do not determine the coefficients.
    #[error(
        "the design has rank {rank}, expected {expected}: {}; remove what depends on others, or add a ridge penalty",
        dependent(columns)
    )]
    RankDeficient {
        /// Numerical rank.
        rank: usize,
        /// Number of coefficients.
        expected: usize,
        /// Features that depend on those before them, or on the bias: without them the rank is full.
        columns: Vec<usize>,
    },
    /// An iterative factorisation did not finish within its bound.
    #[error("{what} did not converge within {iterations} iterations")]
    Factorization {
        /// Which factorisation.
        what: &'static str,
        /// Its bound.
        iterations: usize,
    },
    /// A matrix that has to be positive definite for the answer to exist is not.
    #[error("{what} needs a positive definite Hessian, found smallest eigenvalue {found:e}: {remedy}")]
    NotPositiveDefinite {
        /// What was asked for.
        what: &'static str,
        /// The smallest eigenvalue found.
        found: f64,
        /// What to do about it.
        remedy: &'static str,
    },
    /// A question about single observations was asked of a loss that does not say how they scatter.
    #[error(
        "{what} needs a loss that estimates the variance of an observation (squared error): `predict` tells of the mean"
    )]
    NoVariance {
        /// What was asked for.
        what: &'static str,
    },
    /// A bracket whose ends do not enclose what is sought.
    #[error("`bracket` must be finite, in order and {expected}, found [{}, {}]", found.0, found.1)]
    Bracket {
        /// What the ends must satisfy.
        expected: &'static str,
        /// The ends.
        found: (f64, f64),
    },
    /// A variable whose bounds leave no number for it, or are none.
    #[error(
        "the bounds of variable {variable} must be in order, numbers or infinite outwards, found [{}, {}]", found.0, found.1
    )]
    Bounds {
        /// The variable.
        variable: usize,
        /// Its lower and its upper bound.
        found: (f64, f64),
    },
    /// Something failed outside of mathematics, in the words of whoever met it; for
    /// [`Objective::failure`](crate::Objective::failure).
    #[error("the objective failed: {what}")]
    Failed {
        /// What failed.
        what: String,
    },
    /// A file names an activation of one's own, which it cannot hold.
    #[error(
        "the file needs your own activation `{name}`: load it inside of `known_in`, as in \
         `Activation::own::<Mine>().known_in(|| serde_json::from_str(&file))`"
    )]
    OwnActivation {
        /// The activation's name.
        name: String,
    },
    /// What needs all samples in the memory of one process was asked of a stream, or of samples spread over ranks.
    #[error("{what} needs all samples in the memory of one process: {remedy}")]
    InMemory {
        /// What was asked for.
        what: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// Ranks that are to work on one problem, at one point, have different ones.
    #[error("ranks differ in {what}: rank {rank} has {found}, rank 0 has {expected}")]
    Disagree {
        /// What differs.
        what: &'static str,
        /// The first rank that differs.
        rank: usize,
        /// What rank 0 has.
        expected: usize,
        /// What this one has.
        found: usize,
    },
    /// Another rank has failed, or cannot be understood.
    #[error("rank {rank} failed: {what}")]
    Rank {
        /// Which one.
        rank: usize,
        /// The error in its words.
        what: String,
    },
    /// A tensor of a file is not what the layer of a model takes.
    #[error("tensor `{name}` must be {expected}, found {found}")]
    Tensor {
        /// The tensor's name.
        name: String,
        /// The type and shape of the layer's weights or biases.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// A report that did not converge was asked to be a converged one.
    #[error(
        "not converged after {iterations} iterations: {termination}{} (largest gradient component {gradient:e})",
        obstacle.map(|obstacle| format!(", but {obstacle}")).unwrap_or_default()
    )]
    NotConverged {
        /// Why the iteration stopped.
        termination: crate::Termination,
        /// Steps taken.
        iterations: usize,
        /// `‖∇f‖∞` at the point returned.
        gradient: f64,
        /// What speaks against a minimum where the gradient is zero: `at a saddle`.
        obstacle: Option<&'static str>,
    },
}

impl Error {
    /// The same of a block that begins at so many columns.
    pub(crate) fn further(self, columns: usize) -> Self {
        match self {
            Self::NonFinite { argument, row, column, found } => {
                Self::NonFinite { argument, row, column: column + columns, found }
            }
            Self::Label { argument, expected, found, sample } => {
                Self::Label { argument, expected, found, sample: sample + columns }
            }
            Self::Class { argument, classes, found, sample } => {
                Self::Class { argument, classes, found, sample: sample + columns }
            }
            other => other,
        }
    }
}

impl std::fmt::Debug for Error {
    /// The sentence: this is what a `main` that returns an error prints.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// The commonest mistakes have names: samples in rows, another number of features, class numbers as numbers.
fn shape(argument: &str, expected: (usize, usize), found: (usize, usize)) -> String {
    let (features, (rows, columns)) = (expected.0, found);
    match argument {
        "x" if columns == features => {
            format!(
                "`x` is {rows} × {columns} but the model takes {features} features: one sample per column, transpose it"
            )
        }
        "x" => format!(
            "`x` is {rows} × {columns} but the model takes {features} features (a network, in its first layer): \
             expected features × samples"
        ),
        _ => {
            let hint = match argument {
                _ if (columns, rows) == expected && rows != columns => {
                    " (one sample per column: transpose it)"
                }
                "y" if rows == 1 || columns == 1 => {
                    " (a row for each output, a column for each sample of `x`; class numbers are given as `&[usize]`)"
                }
                _ => "",
            };
            format!("`{argument}` must be {} × {}, found {rows} × {columns}{hint}", expected.0, expected.1)
        }
    }
}

/// Rows and columns by what they are.
fn place(argument: &str, row: usize, column: usize) -> String {
    match argument {
        "x" => format!(" (feature {row} of sample {column})"),
        "y" => format!(" (output {row} of sample {column})"),
        _ => String::new(),
    }
}

/// Distributions over classes are not class numbers.
fn classes(expected: &str) -> &'static str {
    let of_classes = expected.starts_with("non-negative");
    if of_classes { ": give class numbers as `&[usize]`, and the model an output for each class" } else { "" }
}

/// Rows and columns may be others where as many entries came back as were lent.
fn resized(expected: usize, found: usize) -> String {
    match found == expected {
        true => format!("with other rows and columns than the {expected} entries lent"),
        false => format!("with {found} entries, expected {expected}"),
    }
}

/// Vectors are lent full of NaN: what stays NaN may never have been written.
fn unwritten(what: &str, found: f64) -> &'static str {
    let lent = found.is_nan() && what == "the gradient";
    if lent { " (every entry of the gradient must be written)" } else { "" }
}

fn dependent(columns: &[usize]) -> String {
    let names: Vec<_> = columns.iter().map(usize::to_string).collect();
    match names.len() {
        0 => "some columns depend on the others".into(),
        1 => format!("column {} depends on the others (a constant feature does on the bias)", names[0]),
        _ => {
            format!("columns {} depend on the others (a constant feature does on the bias)", names.join(", "))
        }
    }
}

//! What a person may give as `x`, and as `y`.

use nalgebra::{DMatrixView, DMatrixViewMut, Dim, Dyn, Matrix, RawStorage};

use crate::kernel::flat;
use crate::loss::TargetView;
use crate::{Classifier, Real};

/// What may be given as `x`: samples of a model's features, one sample per column.
///
/// | given | read as |
/// |---|---|
/// | `&DMatrix`, a view, a matrix of fixed size | `features × samples` |
/// | `&[T]`, `&Vec<T>`, `&[T; N]`, `&DVector` | one sample; for a model of one feature, a sample in each entry |
///
/// ```
/// use gradus::Perceptron;
///
/// let x = gradus::matrix![0.0, 1.0, 0.0, 2.0; 0.0, 0.0, 1.0, 1.0];
/// let prices = vec![3.0, 5.0, 2.0, 6.0]; // 2 x₁ − x₂ + 3
/// let fitted = Perceptron::new(2).fit(&x, &prices)?;
/// assert!((fitted.predict(&[1.0, 2.0])?[0] - 3.0_f64).abs() < 1e-14);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// Rows of samples are no columns, and numbers of one type are not those of another; the compiler says what to do:
///
/// ```compile_fail,E0277
/// let rows = vec![vec![0.0, 1.0], vec![2.0, 3.0]]; // `gradus::data::columns(&rows)?`
/// gradus::Perceptron::new(2).fit(&rows, &[1.0, 2.0])?;
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// ```compile_fail,E0277
/// let fitted = gradus::Perceptron::new(1).fit(&[0.0, 1.0, 3.0], &[1.0_f64, 2.0, 4.0])?;
/// let x: Vec<f32> = vec![2.0]; // `x.iter().copied().map(f64::from).collect::<Vec<_>>()`
/// fitted.predict(&x)?;
/// # Ok::<(), gradus::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no table of `{T}`: give a matrix with one sample per column, or a slice of `{T}`",
    label = "neither a matrix nor a slice of `{T}`",
    note = "what you own is lent: `&x`",
    note = "rows of samples become a matrix by `gradus::data::columns(&rows)?`",
    note = "numbers of another type are converted first: `x.map(f64::from)`, or of a slice \
            `x.iter().copied().map(f64::from).collect::<Vec<_>>()`"
)]
pub trait Inputs<'a, T: Real> {
    /// The samples as columns, of `features` entries if the caller is right.
    ///
    /// ```
    /// use gradus::data::Inputs;
    ///
    /// let numbers = [1.0, 2.0, 3.0];
    /// assert_eq!(numbers.samples(3), gradus::matrix![1.0; 2.0; 3.0]); // one sample
    /// assert_eq!(numbers.samples(1), gradus::matrix![1.0, 2.0, 3.0]); // three
    /// ```
    fn samples(self, features: usize) -> DMatrixView<'a, T>;
}

/// What may be given as `y` where the loss is `L`: targets of a model's outputs, one sample per column.
///
/// | given | read as |
/// |---|---|
/// | `&DMatrix`, a view, a matrix of fixed size | `outputs × samples` |
/// | `&[T]`, `&Vec<T>`, `&[T; N]`, `&DVector` | the targets of one output; of several, those of one sample |
/// | `&[usize]`, `&Vec<usize>`, `&[usize; N]` | the class of each sample, counted from 0, where the loss is of a [`Classifier`] |
///
/// A class stands for a column with a one in its row; where there is one output, class 0 for the target 0 and class 1
/// for 1. Classes are kept as they are, without a matrix of zeros and ones, and give the same bits.
///
/// ```
/// use gradus::{CrossEntropy, EmpiricalRisk, Perceptron, SigmoidClassifier};
///
/// let x = [0.1, 0.9, 1.1, 2.0, 2.2, 2.9];
/// let fitted = SigmoidClassifier::new(1).fit(&x, &[0, 1, 0, 0, 1, 1])?;
/// assert_eq!(fitted.score(&x, &[0, 0, 0, 1, 1, 1])?, 1.0);
///
/// let classes: Vec<usize> = vec![0, 0, 1, 1, 2, 2];
/// let model = Perceptron::new(1).with_outputs(3);
/// let fitted = EmpiricalRisk::new(model, CrossEntropy, &x, &classes)?.ridge(0.01).fit()?;
/// assert_eq!(fitted.classify(&[0.0, 1.5, 3.0])?, [0, 1, 2]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// A loss that tells no classes apart takes no class numbers:
///
/// ```compile_fail,E0277
/// gradus::Perceptron::new(1).fit(&[0.1, 0.9, 1.1], &[0_usize, 1, 1])?;
/// # Ok::<(), gradus::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no target of `{T}` for the loss `{L}`: give a matrix with one sample per column, a slice of \
               `{T}`, or class numbers as `&[usize]`",
    label = "neither a matrix nor a slice of `{T}`, nor class numbers",
    note = "class numbers of another type become `usize` by \
            `labels.iter().map(|label| *label as usize).collect::<Vec<_>>()`",
    note = "numbers of another type are converted first: `y.map(f64::from)`, or of a slice \
            `y.iter().copied().map(f64::from).collect::<Vec<_>>()`"
)]
pub trait Targets<'a, T: Real, L> {
    #[doc(hidden)]
    fn targets(self, outputs: usize) -> TargetView<'a, T>;
}

/// What has been read already.
impl<'a, T: Real, L> Targets<'a, T, L> for TargetView<'a, T> {
    fn targets(self, _outputs: usize) -> Self {
        self
    }
}

/// A slice: one column, or where columns have one entry each, as many of them.
fn line<T: Real>(numbers: &[T], rows: usize) -> DMatrixView<'_, T> {
    let (rows, columns) = if rows == 1 { (1, numbers.len()) } else { (numbers.len(), 1) };
    DMatrixView::from_slice(numbers, rows, columns)
}

/// A matrix as it is; one that has a single column by its type is a slice.
fn table<'a, T: Real, C: Dim>(matrix: impl Into<DMatrixView<'a, T>>, rows: usize) -> DMatrixView<'a, T> {
    let view = matrix.into();
    match flat(&view) {
        Some(numbers) if C::try_to_usize() == Some(1) => line(numbers, rows),
        _ => view,
    }
}

/// Numbers are inputs and targets alike.
macro_rules! numbers {
    ($([$($generics:tt)*] $type:ty $(where $bound:path)? => $read:expr;)*) => {$(
        impl<'a, T: Real, $($generics)*> Inputs<'a, T> for $type $(where Self: $bound)? {
            fn samples(self, features: usize) -> DMatrixView<'a, T> {
                $read(self, features)
            }
        }

        impl<'a, T: Real, L, $($generics)*> Targets<'a, T, L> for $type $(where Self: $bound)? {
            fn targets(self, outputs: usize) -> TargetView<'a, T> {
                TargetView::Numbers($read(self, outputs))
            }
        }
    )*};
}

numbers! {
    [] &'a [T] => line;
    [] &'a Vec<T> => line;
    [const N: usize] &'a [T; N] => line;
    [] DMatrixView<'a, T> => table::<T, Dyn>;
    [] DMatrixViewMut<'a, T> => table::<T, Dyn>;
    [R: Dim, C: Dim, S: RawStorage<T, R, C>] &'a Matrix<T, R, C, S> where Into<DMatrixView<'a, T>> => table::<T, C>;
    [R: Dim, C: Dim, S: RawStorage<T, R, C>] &'a mut Matrix<T, R, C, S> where Into<DMatrixView<'a, T>>
        => table::<T, C>;
}

macro_rules! classes {
    ($([$($generics:tt)*] $type:ty;)*) => {$(
        impl<'a, T: Real, L: Classifier<T>, $($generics)*> Targets<'a, T, L> for $type {
            fn targets(self, _outputs: usize) -> TargetView<'a, T> {
                TargetView::Classes(self)
            }
        }
    )*};
}

classes! {
    [] &'a [usize];
    [] &'a Vec<usize>;
    [const N: usize] &'a [usize; N];
}

//! From tables to matrices: one sample per column, classes as columns of a one, features of one scale. CSV files, and the
//! tables of other crates, are read as the page [`tables`] says.
//!
//! ```
//! use gradus::data::{Standardizer, columns};
//!
//! let x = columns(&[[1.0, 10.0], [3.0, 30.0]])?; // two samples, one per row
//! let z = Standardizer::fit(&x)?.transform(&x)?;
//! assert_eq!(z, gradus::matrix![-1.0, 1.0; -1.0, 1.0]);
//! # Ok::<(), gradus::Error>(())
//! ```

use std::collections::BTreeMap;

use nalgebra::{DMatrix, DMatrixView};

use crate::contract::{check_classes, check_length, check_some, matrix, room};
use crate::kernel::compiled;
use crate::{Error, Real};

pub use inputs::{Inputs, Targets};
#[doc(hidden)]
pub use literals::from_rows;
pub use parts::{Parts, Select, folds, select, split, stratified_folds, stratified_split};
pub use standardizer::Standardizer;

mod inputs;
mod literals;
mod parts;
mod standardizer;

#[doc = include_str!("data/tables.md")]
#[doc(alias("CSV", "DataFrame", "NumPy", "ndarray", "pandas", "polars"))]
pub mod tables {}

/// A table with one sample per **row** as a matrix with one sample per **column** (`features × samples`).
///
/// ```
/// use gradus::data::columns;
///
/// let x = columns(&[[5.1, 3.5], [4.9, 3.0], [6.2, 2.9]])?;
/// assert_eq!(x.shape(), (2, 3));
/// assert_eq!(x[(0, 2)], 6.2);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without rows or without features, [`Error::Ragged`] where a row is longer or shorter than
/// the first, [`Error::TooLarge`] for more entries than memory holds.
pub fn columns<T: Real>(rows: &[impl AsRef<[T]>]) -> Result<DMatrix<T>, Error> {
    let features = rows.first().map_or(0, |row| row.as_ref().len());
    check_some("rows", "row", rows.len())?;
    check_some("rows", "feature", features)?;
    if let Some(row) = rows.iter().position(|row| row.as_ref().len() != features) {
        let found = rows[row].as_ref().len();
        return Err(Error::Ragged { argument: "rows", row, expected: features, found });
    }
    let mut x = matrix("rows", (features, rows.len()), T::zero())?;
    for (mut x, row) in x.column_iter_mut().zip(rows) {
        x.iter_mut().zip(row.as_ref()).for_each(|(x, row)| *x = *row);
    }
    Ok(x)
}

/// A row-major buffer, one sample after the other, as a matrix with one sample per **column**, without a copy: what other
/// programs hold as `samples × features` is `features × samples` here.
///
/// ```
/// use gradus::data::row_major;
///
/// let buffer = [5.1, 3.5, 4.9, 3.0, 6.2, 2.9]; // three rows of two
/// let x = row_major(&buffer, 2)?;
/// assert_eq!(x, gradus::matrix![5.1, 4.9, 6.2; 3.5, 3.0, 2.9]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without samples or without features, [`Error::Length`] where the last row is not whole.
#[doc(alias = "reshape")]
pub fn row_major<T: Real>(buffer: &[T], features: usize) -> Result<DMatrixView<'_, T>, Error> {
    Ok(DMatrixView::from_slice(buffer, features, samples(buffer, features)?))
}

/// A column-major buffer, one feature after the other, as a matrix with one sample per **column**: what polars, faer, R and
/// Fortran hold as `samples × features`. Numbers of a sample have to come together, so this one is a copy.
///
/// ```
/// use gradus::data::column_major;
///
/// let buffer = [5.1, 4.9, 6.2, 3.5, 3.0, 2.9]; // two features of three samples
/// let x = column_major(&buffer, 2)?;
/// assert_eq!(x, gradus::matrix![5.1, 4.9, 6.2; 3.5, 3.0, 2.9]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without samples or without features, [`Error::Length`] where the last feature is not whole.
pub fn column_major<T: Real>(buffer: &[T], features: usize) -> Result<DMatrix<T>, Error> {
    Ok(DMatrixView::from_slice(buffer, samples(buffer, features)?, features).transpose())
}

/// Of a buffer that is whole.
fn samples<T>(buffer: &[T], features: usize) -> Result<usize, Error> {
    check_some("features", "feature", features)?;
    check_some("buffer", "sample", buffer.len())?;
    let samples = buffer.len().div_ceil(features);
    check_length("buffer", buffer.len(), samples.saturating_mul(features))?;
    Ok(samples)
}

/// Labels `0…classes − 1` as targets for [`CrossEntropy`](crate::CrossEntropy): a column per sample, with a one
/// in the row of its class (`classes × samples`).
///
/// ```
/// use gradus::matrix;
/// use gradus::data::one_hot;
/// use gradus::nalgebra::DMatrix;
///
/// let y: DMatrix<f64> = one_hot(&[2, 0], 3)?;
/// assert_eq!(y, matrix![0.0, 1.0; 0.0, 0.0; 1.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without labels or classes, [`Error::Class`] for a label that is no class, [`Error::TooLarge`] for
/// more entries than memory holds.
#[doc(alias = "OneHotEncoder")]
pub fn one_hot<T: Real>(labels: &[usize], classes: usize) -> Result<DMatrix<T>, Error> {
    columns_of_classes(labels, classes)
}

compiled! {
    fn columns_of_classes<T>(labels: &'a [usize], classes: usize) -> Result<DMatrix<T>, Error> {
        check_some("labels", "label", labels.len())?;
        check_some("classes", "class", classes)?;
        check_classes("labels", labels, classes)?;
        let mut y = matrix("classes", (classes, labels.len()), T::zero())?;
        for (label, mut y) in labels.iter().zip(y.column_iter_mut()) {
            y[*label] = T::one();
        }
        Ok(y)
    }
}

/// Weights of samples that make classes equal: `m/(k m_c)` for a sample of a class of `m_c`, where `k` classes occur among
/// `m` samples; their mean is 1. For [`with_weights`](crate::EmpiricalRisk::with_weights) of a risk and of
/// [`metrics`](crate::metrics).
///
/// ```
/// use gradus::data::balanced_weights;
/// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
///
/// let x = [0.1, 0.4, 0.6, 0.9, 1.1, 1.2, 0.8, 1.6];
/// let ill = [0, 0, 0, 0, 0, 0, 1, 1];
/// let weights = balanced_weights(&ill)?;
/// assert_eq!((weights[0], weights[7]), (8.0 / 12.0, 2.0));
/// let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &ill)?;
/// let fitted = risk.with_weights(&weights)?.fit()?;
/// assert_eq!(fitted.classify(&[0.2, 1.3])?, [0, 1]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without labels, [`Error::TooLarge`] for more than memory holds.
#[doc(alias("class_weight", "class weights", "imbalanced"))]
pub fn balanced_weights<T: Real>(labels: &[usize]) -> Result<Vec<T>, Error> {
    check_some("labels", "label", labels.len())?;
    room::<T>("labels", &[labels.len()])?;
    let mut counts = BTreeMap::new();
    for label in labels {
        *counts.entry(label).or_insert(0.0) += 1.0;
    }
    let share = labels.len() as f64 / counts.len() as f64;
    Ok(labels.iter().map(|label| T::of(share / counts[label])).collect())
}

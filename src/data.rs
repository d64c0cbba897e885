//! From tables to matrices: one sample per column, classes as columns of a one, features of one scale.
//!
//! ```
//! use gradus::data::{Standardizer, columns};
//! use gradus::nalgebra::{self, dmatrix};
//!
//! let x = columns(&[[1.0, 10.0], [3.0, 30.0]])?; // two samples, one per row
//! assert_eq!(Standardizer::fit(&x)?.transform(&x)?, dmatrix![-1.0, 1.0; -1.0, 1.0]);
//! # Ok::<(), gradus::Error>(())
//! ```

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::{check_classes, check_evaluation, check_matrix, check_samples, matrix};
use crate::kernel::{compiled, pairwise};
use crate::{Error, Real};

pub use inputs::{Inputs, Targets};
#[doc(hidden)]
pub use literals::from_rows;

mod inputs;
mod literals;

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
/// [`Error::Empty`] without rows or without features, [`Error::Length`] where a row is longer or shorter than
/// the first, [`Error::TooLarge`] for more entries than memory holds.
pub fn columns<T: Real>(rows: &[impl AsRef<[T]>]) -> Result<DMatrix<T>, Error> {
    let features = rows.first().map_or(0, |row| row.as_ref().len());
    if rows.is_empty() || features == 0 {
        let (argument, expected) = ("rows", if rows.is_empty() { "row" } else { "feature" });
        return Err(Error::Empty { argument, expected });
    }
    if let Some(row) = rows.iter().map(AsRef::as_ref).find(|row| row.len() != features) {
        return Err(Error::Length { argument: "rows", expected: features, found: row.len() });
    }
    let mut x = matrix("rows", (features, rows.len()), T::zero())?;
    for (mut x, row) in x.column_iter_mut().zip(rows) {
        x.iter_mut().zip(row.as_ref()).for_each(|(x, row)| *x = *row);
    }
    Ok(x)
}

/// Labels `0…classes − 1` as targets for [`CrossEntropy`](crate::CrossEntropy): a column per sample, with a one
/// in the row of its class (`classes × samples`).
///
/// ```
/// use gradus::data::one_hot;
/// use gradus::nalgebra::{self, DMatrix, dmatrix};
///
/// let y: DMatrix<f64> = one_hot(&[2, 0], 3)?;
/// assert_eq!(y, dmatrix![0.0, 1.0; 0.0, 0.0; 1.0, 0.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Empty`] without labels or classes, [`Error::Class`] for a label that is no class, [`Error::TooLarge`] for
/// more entries than memory holds.
pub fn one_hot<T: Real>(labels: &[usize], classes: usize) -> Result<DMatrix<T>, Error> {
    if labels.is_empty() || classes == 0 {
        let (argument, expected) = if labels.is_empty() { ("labels", "label") } else { ("classes", "class") };
        return Err(Error::Empty { argument, expected });
    }
    check_classes("labels", labels, classes)?;
    let mut y = matrix("classes", (classes, labels.len()), T::zero())?;
    for (label, mut y) in labels.iter().zip(y.column_iter_mut()) {
        y[*label] = T::one();
    }
    Ok(y)
}

/// Brings features to mean 0 and variance 1: `(x − mean) / scale`, with what it learned from one data set
/// applied to any other.
///
/// The variance is that of the data themselves (divided by `m`, not `m − 1`); a constant feature has scale 1.
/// Gradient methods need features of one scale; Newton's method and the exact fits do not, but penalties do. With
/// the feature `serde` it is saved beside the model that needs it.
///
/// ```
/// use gradus::data::Standardizer;
/// use gradus::nalgebra::{self, dmatrix};
///
/// let x = dmatrix![1.0, 3.0; 500.0, 500.0];
/// let standard = Standardizer::fit(&x)?;
/// assert_eq!(standard.transform(&x)?, dmatrix![-1.0, 1.0; 0.0, 0.0]);
/// assert_eq!(standard.transform(&dmatrix![4.0; 501.0])?, dmatrix![2.0; 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Standardizer<T: Real> {
    pub(crate) mean: DVector<T>,
    pub(crate) scale: DVector<T>,
}

impl<T: Real> Standardizer<T> {
    /// Learns mean and scale of each feature (row) of `x` (`features × samples`).
    ///
    /// ```
    /// use gradus::data::Standardizer;
    /// use gradus::nalgebra::{self, dmatrix};
    ///
    /// let standard = Standardizer::fit(&dmatrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!((standard.mean()[0], standard.scale()[0]), (4.0, 2.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NonFinite`].
    pub fn fit<'a>(x: impl Into<DMatrixView<'a, T>>) -> Result<Self, Error> {
        let x = x.into();
        check_samples(x, x.nrows())?;
        if x.nrows() == 0 {
            return Err(Error::Empty { argument: "x", expected: "feature (row)" });
        }
        let mut standard = Self { mean: DVector::zeros(x.nrows()), scale: DVector::zeros(x.nrows()) };
        moments(x, standard.mean.as_mut_slice(), standard.scale.as_mut_slice());
        Ok(standard)
    }

    /// The mean of each feature.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    ///
    /// let standard = Standardizer::fit(&dmatrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!(standard.mean(), &dvector![4.0, 500.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn mean(&self) -> &DVector<T> {
        &self.mean
    }

    /// The standard deviation of each feature; 1 for constant ones.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    /// use gradus::nalgebra::{self, dmatrix, dvector};
    ///
    /// let standard = Standardizer::fit(&dmatrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!(standard.scale(), &dvector![2.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn scale(&self) -> &DVector<T> {
        &self.scale
    }

    /// `(x − mean) / scale` for each sample of `x` (`features × samples`); nothing for no samples.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    /// use gradus::nalgebra::{self, dmatrix};
    ///
    /// let standard = Standardizer::fit(&dmatrix![2.0, 6.0])?;
    /// assert_eq!(standard.transform(&dmatrix![4.0, 8.0])?, dmatrix![0.0, 2.0]); // (x − 4) / 2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] where the number of features differs, [`Error::NonFinite`], [`Error::Evaluation`] for a result
    /// that no number of this type holds.
    pub fn transform<'a>(&self, x: impl Into<DMatrixView<'a, T>>) -> Result<DMatrix<T>, Error> {
        let x = x.into();
        check_matrix("x", x, (self.mean.len(), x.ncols()))?;
        let standard = standardise(x, self.mean.as_slice(), self.scale.as_slice());
        let at = "these inputs, which are far beyond those it has learned from";
        check_evaluation("a standardised feature", at, standard.as_slice())?;
        Ok(standard)
    }
}

compiled! {
    /// Mean and scale of each row, whose numbers a power of two brings near 1. The mean is taken twice, the second time
    /// of what the first one left.
    fn moments<T>(x: DMatrixView<'a, T>, mean: &'a mut [T], scale: &'a mut [T]) {
        let count = T::of(x.ncols() as f64);
        for (i, (mean, scale)) in mean.iter_mut().zip(scale).enumerate() {
            let row = x.row(i);
            let (down, up) = row.amax().unit();
            let average = |f: &dyn Fn(T) -> T| {
                let sum = pairwise(0..row.len(), SHORT, &mut |part| {
                    part.fold(T::zero(), |sum, j| sum + f(row[j] * down))
                });
                sum / count
            };
            let rough = average(&|x| x);
            let center = rough + average(&|x| x - rough);
            *mean = center * up;
            let width = row.iter().fold(T::zero(), |w, x| w.max((*x * down - center).abs()));
            let size = row.amax() * down;
            let constant = row.iter().all(|x| *x == row[0]) || width <= T::EPSILON * size;
            let deviation = width * average(&|x| ((x - center) / width) * ((x - center) / width)).sqrt() * up;
            // NaN where the width is zero, zero where it is too small for a number
            *scale = if !constant && deviation > T::zero() { deviation } else { T::one() };
        }
    }

    fn standardise<T>(x: DMatrixView<'a, T>, mean: &'a [T], scale: &'a [T]) -> DMatrix<T> {
        let half = T::of(0.5);
        DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| {
            let (x, mean, scale) = (x[(i, j)], mean[i], scale[i]);
            let difference = x - mean;
            // numbers whose difference is too large for one are not small either: their halves are exact
            if difference.is_finite() { difference / scale } else { (x * half - mean * half) / scale / half }
        })
    }
}

/// Samples that are added one after the other.
const SHORT: usize = 32;

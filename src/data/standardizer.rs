use nalgebra::{DMatrix, DMatrixView, DVector};

use super::Inputs;
use crate::contract::{check_evaluation, check_matrix, check_samples, check_some};
use crate::kernel::{compiled, pairwise};
use crate::{Error, Real, kernel};

/// Brings features to mean 0 and variance 1: `(x − mean) / scale`, with what it learned from one data set
/// applied to any other.
///
/// The variance is that of the data themselves (divided by `m`, not `m − 1`); a constant feature has scale 1.
/// Gradient methods need features of one scale; Newton's method and the exact fits do not, but penalties do. With
/// the feature `serde` it is saved beside the model that needs it.
///
/// ```
/// use gradus::matrix;
/// use gradus::data::Standardizer;
///
/// let x = matrix![1.0, 3.0; 500.0, 500.0];
/// let standard = Standardizer::fit(&x)?;
/// assert_eq!(standard.transform(&x)?, matrix![-1.0, 1.0; 0.0, 0.0]);
/// assert_eq!(standard.transform(&matrix![4.0; 501.0])?, matrix![2.0; 1.0]);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("StandardScaler", "normalize", "z-score"))]
pub struct Standardizer<T: Real> {
    pub(crate) mean: DVector<T>,
    pub(crate) scale: DVector<T>,
}

impl<T: Real> Standardizer<T> {
    /// Learns mean and scale of each feature (row) of `x` (`features × samples`); a slice or vector is one feature.
    ///
    /// ```
    /// use gradus::matrix;
    /// use gradus::data::Standardizer;
    ///
    /// let standard = Standardizer::fit(&matrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!((standard.mean()[0], standard.scale()[0]), (4.0, 2.0));
    /// assert_eq!(Standardizer::fit(&[2.0, 6.0])?.transform(&[8.0])?, matrix![2.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NonFinite`].
    pub fn fit<'a>(x: impl Inputs<'a, T>) -> Result<Self, Error> {
        learn(x.samples(1))
    }

    /// Leaves these features as they are: mean 0, scale 1. For an [`Offset`](crate::Offset), whose coefficient is 1 in its
    /// own unit, and for yes and no.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    ///
    /// let x = gradus::matrix![2.0, 6.0; 0.0, 1.0];
    /// let standard = Standardizer::fit(&x)?.keep(&[1])?;
    /// assert_eq!(standard.transform(&x)?, gradus::matrix![-1.0, 1.0; 0.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] for a feature that is not there.
    pub fn keep(mut self, features: &[usize]) -> Result<Self, Error> {
        let expected = self.mean.len();
        for &found in features {
            let (Some(mean), Some(scale)) = (self.mean.get_mut(found), self.scale.get_mut(found)) else {
                return Err(Error::Length { argument: "features", expected, found });
            };
            (*mean, *scale) = (T::zero(), T::one());
        }
        Ok(self)
    }

    /// The mean of each feature.
    ///
    /// ```
    /// use gradus::{matrix, vector};
    /// use gradus::data::Standardizer;
    ///
    /// let standard = Standardizer::fit(&matrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!(standard.mean(), &vector![4.0, 500.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn mean(&self) -> &DVector<T> {
        &self.mean
    }

    /// The standard deviation of each feature; 1 for constant ones.
    ///
    /// ```
    /// use gradus::{matrix, vector};
    /// use gradus::data::Standardizer;
    ///
    /// let standard = Standardizer::fit(&matrix![2.0, 6.0; 500.0, 500.0])?;
    /// assert_eq!(standard.scale(), &vector![2.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn scale(&self) -> &DVector<T> {
        &self.scale
    }

    /// `(x − mean) / scale` for each sample of `x` (`features × samples`, or a slice with one sample); nothing for no
    /// samples.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    ///
    /// let standard = Standardizer::fit(&gradus::matrix![2.0, 6.0])?;
    /// assert_eq!(standard.transform(&[4.0, 8.0])?, gradus::matrix![0.0, 2.0]); // (x − 4) / 2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Shape`] where the number of features differs, [`Error::NonFinite`], [`Error::Evaluation`] for a result
    /// that no number of this type holds.
    pub fn transform<'a>(&self, x: impl Inputs<'a, T>) -> Result<DMatrix<T>, Error> {
        self.changed(x.samples(self.mean.len()), true)
    }

    /// [`transform`](Self::transform) without another matrix; on an error, `x` stays as it was.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    ///
    /// let mut x = gradus::matrix![2.0, 6.0];
    /// Standardizer::fit(&x)?.transform_in_place(&mut x)?;
    /// assert_eq!(x, gradus::matrix![-1.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`transform`](Self::transform).
    pub fn transform_in_place(&self, x: &mut DMatrix<T>) -> Result<(), Error> {
        check_matrix("x", x.as_view(), (self.mean.len(), x.ncols()))?;
        self.change(x.as_mut_slice(), true)
    }

    /// `scale z + mean`: what [`transform`](Self::transform) made `z` of.
    ///
    /// ```
    /// use gradus::data::Standardizer;
    ///
    /// let standard = Standardizer::fit(&gradus::matrix![2.0, 6.0])?;
    /// assert_eq!(standard.inverse(&[0.0, 2.0])?, gradus::matrix![4.0, 8.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`transform`](Self::transform).
    pub fn inverse<'a>(&self, z: impl Inputs<'a, T>) -> Result<DMatrix<T>, Error> {
        self.changed(z.samples(self.mean.len()), false)
    }

    compiled! {
        fn changed(this: &'a Standardizer<T>, x: DMatrixView<'a, T>, forward: bool) -> Result<DMatrix<T>, Error> {
            check_matrix("x", x, (this.mean.len(), x.ncols()))?;
            let mut changed = x.into_owned();
            this.change(changed.as_mut_slice(), forward)?;
            Ok(changed)
        }
    }

    /// Whole samples, in place, if every result is a number.
    fn change(&self, x: &mut [T], forward: bool) -> Result<(), Error> {
        let found = rescale(x, self.mean.as_slice(), self.scale.as_slice(), forward);
        let at = "these inputs, which are far beyond those it has learned from";
        check_evaluation("a standardised feature", at, found.as_slice())
    }

    /// [`transform`](Self::transform) of checked samples into a buffer.
    pub(crate) fn place(&self, x: DMatrixView<'_, T>, to: &mut [T]) -> Result<(), Error> {
        kernel::copy_columns(x, to);
        self.change(to, true)
    }
}

compiled! {
    fn learn<T>(x: DMatrixView<'a, T>) -> Result<Standardizer<T>, Error> {
        check_samples(x, x.nrows())?;
        check_some("x", "feature (row)", x.nrows())?;
        let mut standard = Standardizer { mean: DVector::zeros(x.nrows()), scale: DVector::zeros(x.nrows()) };
        moments(x, standard.mean.as_mut_slice(), standard.scale.as_mut_slice());
        Ok(standard)
    }

    /// Mean and scale of each row, whose numbers a power of two brings near 1. The mean is taken twice, the second time
    /// of what the first one left; what rounding of it leaves is no part of the deviations.
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
            let apart = |x: T| (x - center) / width;
            let left = average(&apart);
            let deviation = width * average(&|x| (apart(x) - left) * (apart(x) - left)).sqrt() * up;
            // NaN where the width is zero, zero where it is too small for a number
            *scale = if !constant && deviation > T::zero() { deviation } else { T::one() };
        }
    }

    /// Writes all or nothing, and then what is not finite.
    fn rescale<T>(x: &'a mut [T], mean: &'a [T], scale: &'a [T], forward: bool) -> Option<T> {
        let half = T::of(0.5);
        let new = |x: T, mean: T, scale: T| {
            let there = (x - mean) / scale;
            let back = x * scale + mean;
            // what is too large for a number on the way has halves that are not, and they are exact
            match forward {
                true if (x - mean).is_finite() => there,
                true => (x * half - mean * half) / scale / half,
                false if back.is_finite() => back,
                false => (x * half * scale + mean * half) / half,
            }
        };
        let entries = || mean.iter().zip(scale);
        for sample in x.chunks_exact(mean.len()) {
            for (x, (mean, scale)) in sample.iter().zip(entries()) {
                let new = new(*x, *mean, *scale);
                if !new.is_finite() {
                    return Some(new);
                }
            }
        }
        for sample in x.chunks_exact_mut(mean.len()) {
            sample.iter_mut().zip(entries()).for_each(|(x, (mean, scale))| *x = new(*x, *mean, *scale));
        }
        None
    }
}

/// Samples that are added one after the other.
const SHORT: usize = 32;

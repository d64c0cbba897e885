use nalgebra::{DMatrix, DVector, Dim, Dyn, Matrix, RawStorage};

use crate::contract::{check_some, room, setting};
use crate::model::Stream;
use crate::{Error, Real};

/// The numbers of the samples to learn from, and of those to judge by, each in ascending order.
///
/// ```
/// use gradus::data::{Parts, split};
///
/// let (train, test): Parts = split(100, 0.25, 1)?;
/// assert_eq!((train.len(), test.len()), (75, 25));
/// # Ok::<(), gradus::Error>(())
/// ```
pub type Parts = (Vec<usize>, Vec<usize>);

/// Draws a share of `m` samples to judge by (a broken number of them is one more); the others are to learn from. Same
/// seed, same parts.
///
/// ```
/// use gradus::Perceptron;
/// use gradus::data::{select, split};
///
/// let x = gradus::matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0];
/// let y = [3.1, 4.9, 7.2, 9.0, 10.8, 13.1, 15.0, 16.9];
/// let (train, test) = split(8, 0.25, 1)?;
/// let fitted = Perceptron::new(1).fit(&select(&x, &train)?, &select(&y, &train)?)?;
/// assert!(fitted.score(&select(&x, &test)?, &select(&y, &test)?)? > 0.9);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for a share that leaves a part without samples, [`Error::TooLarge`] for more samples than memory
/// holds.
#[doc(alias = "train_test_split")]
pub fn split(m: usize, share: f64, seed: u64) -> Result<Parts, Error> {
    parts(shuffled(m, seed, None)?, &[m], share)
}

/// [`split`] by class numbers: of each class, and of all samples, the share to judge by is met to within one sample.
///
/// ```
/// use gradus::data::stratified_split;
///
/// let labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
/// let (train, test) = stratified_split(&labels, 0.25, 1)?;
/// assert_eq!((train.len(), test.len()), (9, 3));
/// assert_eq!(test.iter().filter(|j| labels[**j] == 0).count(), 1);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Those of [`split`]; [`Error::Empty`] without labels.
pub fn stratified_split(labels: &[usize], share: f64, seed: u64) -> Result<Parts, Error> {
    check_some("labels", "sample", labels.len())?;
    let order = shuffled(labels.len(), seed, Some(labels))?;
    let classes = order.chunk_by(|i, j| labels[*i] == labels[*j]);
    let sizes: Vec<usize> = classes.map(<[usize]>::len).collect();
    parts(order, &sizes, share)
}

/// Cross-validation: `m` samples in `k` folds, each in turn the part to judge by and the others the part to learn from.
/// Sizes differ by one at the most. Same seed, same folds.
///
/// ```
/// use gradus::Perceptron;
/// use gradus::data::{folds, select};
///
/// let x = gradus::matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0];
/// let y = [3.1, 4.9, 7.2, 9.0, 10.8, 13.1, 15.0, 16.9, 19.2];
/// for (train, test) in folds(9, 3, 1)? {
///     let fitted = Perceptron::new(1).fit(&select(&x, &train)?, &select(&y, &train)?)?;
///     assert!(fitted.score(&select(&x, &test)?, &select(&y, &test)?)? > 0.9);
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] unless there are two folds, and a sample for each; [`Error::TooLarge`] for more samples than
/// memory holds.
#[doc(alias("k-fold", "cross-validation"))]
pub fn folds(m: usize, k: usize, seed: u64) -> Result<impl ExactSizeIterator<Item = Parts> + Clone, Error> {
    dealt(shuffled(m, seed, None)?, k)
}

/// [`folds`] by class numbers: also the sizes of each class in them differ by one at the most. A class with fewer samples
/// than folds is missing from some of the parts to judge by, one with a single sample from a part to learn from.
///
/// ```
/// use gradus::SigmoidClassifier;
/// use gradus::data::{select, stratified_folds};
///
/// let x = [0.1, 0.5, 0.9, 1.1, 1.4, 1.0, 1.6, 2.0, 2.4, 2.7];
/// let labels = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1];
/// for (train, test) in stratified_folds(&labels, 5, 1)? {
///     let model = SigmoidClassifier::new(1);
///     let fitted = model.fit(&select(&x, &train)?, &select(&labels, &train)?)?;
///     assert!(fitted.score(&select(&x, &test)?, &select(&labels, &test)?)? >= 0.5);
/// }
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// Those of [`folds`].
pub fn stratified_folds(
    labels: &[usize], k: usize, seed: u64,
) -> Result<impl ExactSizeIterator<Item = Parts> + Clone, Error> {
    dealt(shuffled(labels.len(), seed, Some(labels))?, k)
}

/// All samples in random order, those of a class together.
fn shuffled(m: usize, seed: u64, labels: Option<&[usize]>) -> Result<Vec<usize>, Error> {
    room::<usize>("samples", &[m, 2])?;
    let mut order: Vec<usize> = (0..m).collect();
    Stream::new(seed).shuffle(&mut order);
    if let Some(labels) = labels {
        order.sort_by_key(|j| labels[*j]);
    }
    Ok(order)
}

/// Of the classes, which stand one after the other, each has its share drawn, rounded down, and those that lost most by it
/// one sample more, until the whole has its share: Hamilton's method of the largest remainders.
fn parts(order: Vec<usize>, sizes: &[usize], share: f64) -> Result<Parts, Error> {
    let m = order.len();
    // a product that is whole but for its rounding is whole
    let due = |size: usize| size as f64 * share * (1.0 - f64::EPSILON);
    let drawn = due(m).ceil();
    let fine = share > 0.0 && share < 1.0 && drawn >= 1.0 && drawn < m as f64;
    setting("share", "between 0 and 1, with at least one sample in either part", share, fine)?;
    let mut counts: Vec<usize> = sizes.iter().map(|size| due(*size) as usize).collect();
    let missing = (drawn as usize).saturating_sub(counts.iter().sum());
    let mut classes: Vec<usize> = (0..sizes.len()).collect();
    classes.sort_by(|i, j| due(sizes[*j]).fract().total_cmp(&due(sizes[*i]).fract()));
    classes.iter().take(missing).for_each(|class| counts[*class] += 1);
    // the share of the samples before it, to the nearest whole number
    let passed =
        |position: usize, size: u128, count: u128| (2 * position as u128 * count + size) / (2 * size);
    let is_drawn = |size: usize, count: usize| {
        let passed = move |position| passed(position, size as u128, count as u128);
        (0..size).map(move |position| passed(position + 1) > passed(position))
    };
    let is_drawn: Vec<bool> = sizes.iter().zip(counts).flat_map(|(size, n)| is_drawn(*size, n)).collect();
    Ok(divided(order, |position| is_drawn[position]))
}

/// Dealt like cards.
fn dealt(order: Vec<usize>, k: usize) -> Result<impl ExactSizeIterator<Item = Parts> + Clone, Error> {
    let fine = (2..=order.len()).contains(&k);
    setting("folds", "at least 2, and no more than there are samples", k as f64, fine)?;
    Ok((0..k).map(move |fold| divided(order.clone(), |position| position % k == fold)))
}

fn divided(order: Vec<usize>, is_second: impl Fn(usize) -> bool) -> Parts {
    let (second, first): (Vec<_>, Vec<_>) =
        order.into_iter().enumerate().partition(|(position, _)| is_second(*position));
    let ascending = |part: Vec<(usize, usize)>| {
        let mut part: Vec<usize> = part.into_iter().map(|(_, sample)| sample).collect();
        part.sort_unstable();
        part
    };
    (ascending(first), ascending(second))
}

/// Some of the samples: columns of a matrix, entries of a slice. Numbers are not looked at: what is missing may be NaN until it
/// is filled in, as by the mean of each part to learn from.
///
/// ```
/// use gradus::data::select;
///
/// let x = gradus::matrix![1.0, 2.0, 3.0; 10.0, 20.0, 30.0];
/// assert_eq!(select(&x, &[2, 0])?, gradus::matrix![3.0, 1.0; 30.0, 10.0]);
/// assert_eq!(select(&[7, 8, 9], &[2, 0])?, [9, 7]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Setting`] for a sample that there is not.
pub fn select<S: Select>(from: S, samples: &[usize]) -> Result<S::Selected, Error> {
    from.selected(samples)
}

/// What [`select`] takes samples from: a matrix with one sample per column; a slice, an array or a vector with one
/// sample per entry.
///
/// ```
/// use gradus::data::{Select, select};
///
/// fn last<S: Select>(data: S) -> Result<S::Selected, gradus::Error> {
///     select(data, &[2])
/// }
/// assert_eq!(last(&gradus::matrix![1.0, 2.0, 3.0])?, gradus::matrix![3.0]);
/// assert_eq!(last(&["a", "b", "c"])?, ["c"]);
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait Select {
    /// What the samples are returned as.
    type Selected;

    #[doc(hidden)]
    fn selected(self, samples: &[usize]) -> Result<Self::Selected, Error>;
}

/// Every sample is one of so many.
fn check_samples(samples: &[usize], count: usize) -> Result<(), Error> {
    let found = samples.iter().find(|sample| **sample >= count);
    found.map_or(Ok(()), |found| setting("samples", "below the number of samples", *found as f64, false))
}

impl<T: Copy> Select for &[T] {
    type Selected = Vec<T>;

    fn selected(self, samples: &[usize]) -> Result<Vec<T>, Error> {
        check_samples(samples, self.len())?;
        Ok(samples.iter().map(|sample| self[*sample]).collect())
    }
}

impl<T: Copy> Select for &Vec<T> {
    type Selected = Vec<T>;

    fn selected(self, samples: &[usize]) -> Result<Vec<T>, Error> {
        self.as_slice().selected(samples)
    }
}

impl<T: Copy, const N: usize> Select for &[T; N] {
    type Selected = Vec<T>;

    fn selected(self, samples: &[usize]) -> Result<Vec<T>, Error> {
        self.as_slice().selected(samples)
    }
}

impl<T: Real> Select for &DVector<T> {
    type Selected = DVector<T>;

    fn selected(self, samples: &[usize]) -> Result<DVector<T>, Error> {
        self.as_slice().selected(samples).map(DVector::from_vec)
    }
}

impl<T: Real, R: Dim, S: RawStorage<T, R, Dyn>> Select for &Matrix<T, R, Dyn, S> {
    type Selected = DMatrix<T>;

    fn selected(self, samples: &[usize]) -> Result<DMatrix<T>, Error> {
        check_samples(samples, self.ncols())?;
        Ok(DMatrix::from_fn(self.nrows(), samples.len(), |i, j| self[(i, samples[j])]))
    }
}

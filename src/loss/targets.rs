//! Targets as they were given.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut};

use crate::contract::{check_classes, check_length, check_matrix};
use crate::kernel::{compiled, flat};
use crate::{Error, Loss, Real};

/// Targets of samples: numbers, or classes.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum TargetView<'a, T: Real> {
    /// `outputs × samples`
    Numbers(DMatrixView<'a, T>),
    /// The class of each sample.
    Classes(&'a [usize]),
}

impl<'a, T: Real> TargetView<'a, T> {
    /// Targets have their shape, are finite, and the loss understands them.
    pub(crate) fn check(self, loss: &impl Loss<T>, (k, m): (usize, usize)) -> Result<(), Error> {
        let labels = match self {
            Self::Numbers(y) => {
                check_matrix("y", y, (k, m))?;
                return loss.check(y);
            }
            Self::Classes(labels) => labels,
        };
        check_length("y", labels.len(), m)?;
        check_classes("y", labels, if k == 1 { 2 } else { k })?;
        // but for their order the columns of all classes are alike: two of them show the loss what there is
        let another = labels.iter().find(|label| **label != labels[0]);
        let two: Vec<_> = labels.iter().take(1).chain(another).copied().collect();
        loss.check(TargetView::Classes(&two).dense(&mut DMatrix::zeros(k, two.len())))
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Numbers(y) => y.ncols(),
            Self::Classes(labels) => labels.len(),
        }
    }

    /// Whether nothing lies between the columns.
    pub(crate) fn is_flat(self) -> bool {
        match self {
            Self::Numbers(y) => flat(&y).is_some(),
            Self::Classes(_) => true,
        }
    }

    /// The targets of some of the samples.
    pub(crate) fn columns(&self, range: Range<usize>) -> TargetView<'_, T> {
        match self {
            Self::Numbers(y) => TargetView::Numbers(y.columns_range(range)),
            Self::Classes(labels) => TargetView::Classes(&labels[range]),
        }
    }

    /// Room for [`dense`](Self::dense) targets of `k` outputs, as many as `width` at a time.
    pub(crate) fn room(self, k: usize, width: usize) -> DMatrix<T> {
        DMatrix::zeros(k, if matches!(self, Self::Classes(_)) { width } else { 0 })
    }

    /// The targets as a matrix, written to `room` where they are classes: a one in the row of each; where there is one
    /// row, the class itself.
    pub(crate) fn dense<'s>(self, room: &'s mut DMatrix<T>) -> DMatrixView<'s, T>
    where
        'a: 's,
    {
        match self {
            Self::Numbers(y) => y,
            Self::Classes(labels) => {
                write(labels, room.nrows(), room.as_mut_slice());
                room.columns(0, labels.len())
            }
        }
    }

    /// The loss of scores, with its slopes written to `delta`, if there is one; `room` is for [`dense`](Self::dense)
    /// targets.
    pub(crate) fn value(
        self, loss: &impl Loss<T>, z: DMatrixView<'_, T>, weights: &[T],
        mut delta: Option<DMatrixViewMut<'_, T>>, room: &mut DMatrix<T>,
    ) -> T {
        if let Self::Classes(classes) = self {
            let delta = delta.as_mut().map(DMatrixViewMut::as_view_mut);
            if let Some(value) = loss.of_classes(z, classes, weights, delta) {
                return value;
            }
        }
        let y = self.dense(room);
        match delta {
            Some(delta) => loss.value_gradient(z, y, weights, delta),
            None => loss.value(z, y, weights),
        }
    }
}

compiled! {
    fn write<T>(labels: &'a [usize], k: usize, to: &'a mut [T]) {
        if k == 1 {
            to.iter_mut().zip(labels).for_each(|(y, label)| *y = T::of(*label as f64));
            return;
        }
        to[..k * labels.len()].fill(T::zero());
        to.chunks_exact_mut(k).zip(labels).for_each(|(y, label)| y[*label] = T::one());
    }
}

//! Slices behind nalgebra's views, which give up none where the column stride is dynamic.
#![expect(unsafe_code, reason = "checked slices of the elements behind a view")]

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::Real;

/// The entries of a view, column after column, if nothing lies between its columns.
pub(crate) fn flat<'a, T: Real>(view: &DMatrixView<'a, T>) -> Option<&'a [T]> {
    let (rows, cols) = view.shape();
    // SAFETY: the view borrows its elements for `'a`; with unit row stride and column stride `rows` they
    // are `rows · cols` neighbours.
    (cols <= 1 || view.strides().1 == rows)
        .then(|| unsafe { std::slice::from_raw_parts(view.as_ptr(), rows * cols) })
}

/// The entries of a mutable view, column after column, if nothing lies between its columns.
pub(crate) fn flat_mut<'a, T: Real>(view: &'a mut DMatrixViewMut<'_, T>) -> Option<&'a mut [T]> {
    let (rows, cols) = view.shape();
    // SAFETY: as in `flat`, and the view is borrowed mutably for as long as the slice lives.
    (cols <= 1 || view.strides().1 == rows)
        .then(|| unsafe { std::slice::from_raw_parts_mut(view.as_mut_ptr(), rows * cols) })
}

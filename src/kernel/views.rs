//! Matrices as the kernels see them: where each element stands, whatever the strides.
#![expect(unsafe_code, reason = "pointers to the checked elements of slices and views")]

use std::marker::PhantomData;
use std::ops::Range;

use nalgebra::{Const, DMatrixView, DMatrixViewMut, Dyn, ViewStorage};

use super::real::Real;

/// A factor of a product: element `(i, j)` stands at `i * row_stride + j * col_stride`. What lies between the
/// elements belongs to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Factor<'a, T> {
    start: *const T,
    pub(crate) rows: usize,
    pub(super) cols: usize,
    pub(super) row_stride: usize,
    pub(super) col_stride: usize,
    elements: PhantomData<&'a [T]>,
}

impl<'a, T: Real> Factor<'a, T> {
    /// A column-major `rows × cols` matrix, columns one after the other.
    pub(crate) fn new(data: &'a [T], rows: usize, cols: usize) -> Self {
        let count = rows.checked_mul(cols);
        assert!(count.is_some_and(|count| data.len() >= count), "a factor's elements lie in its slice");
        Self { start: data.as_ptr(), rows, cols, row_stride: 1, col_stride: rows, elements: PhantomData }
    }

    /// Elements of `data` at the given strides.
    pub(super) fn strided(data: &'a [T], shape: (usize, usize), strides: (usize, usize)) -> Self {
        let last = |count: usize, stride: usize| (count - 1).checked_mul(stride);
        let end = match shape {
            (0, _) | (_, 0) => Some(0),
            (rows, cols) => last(rows, strides.0)
                .zip(last(cols, strides.1))
                .and_then(|(i, j)| i.checked_add(j)?.checked_add(1)),
        };
        assert!(end.is_some_and(|end| data.len() >= end), "a factor's elements lie in its slice");
        Self::at_strides(data.as_ptr(), shape, strides)
    }

    /// A nalgebra view: contiguous columns, any column stride.
    pub(crate) fn view(view: &DMatrixView<'a, T>) -> Self {
        Self::at_strides(view.as_ptr(), view.shape(), view.strides())
    }

    fn at_strides(start: *const T, (rows, cols): (usize, usize), (row, col): (usize, usize)) -> Self {
        // the stride of a single column is never used; one that no element vouches for could overflow
        let col_stride = if cols <= 1 { rows } else { col };
        Self { start, rows, cols, row_stride: row, col_stride, elements: PhantomData }
    }

    /// Some of the columns.
    pub(crate) fn columns(self, range: Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.cols);
        let start = self.start.wrapping_add(range.start * self.col_stride);
        Self { start, cols: range.len(), ..self }
    }

    /// Some of the rows.
    pub(super) fn lines(self, range: Range<usize>) -> Self {
        self.t().columns(range).t()
    }

    /// The transposed factor, without a copy.
    pub(crate) fn t(self) -> Self {
        Self {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    pub(super) fn as_ptr(&self) -> *const T {
        self.start
    }

    pub(super) fn at(&self, i: usize, j: usize) -> T {
        assert!(i < self.rows && j < self.cols);
        // SAFETY: an element of the factor, which its slice or view vouched for.
        unsafe { *self.start.add(i * self.row_stride + j * self.col_stride) }
    }

    /// Column `j`, if its elements are neighbours.
    pub(super) fn column(&self, j: usize) -> Option<&'a [T]> {
        assert!(j < self.cols);
        // SAFETY: `rows` neighbours from the first element of the column on, borrowed for `'a`.
        (self.row_stride == 1)
            .then(|| unsafe { std::slice::from_raw_parts(self.start.add(j * self.col_stride), self.rows) })
    }
}

/// The entries of a view, column after column, if nothing lies between its columns.
pub(crate) fn flat<'a, T: Real>(view: &DMatrixView<'a, T>) -> Option<&'a [T]> {
    let (rows, cols) = view.shape();
    // SAFETY: the view borrows its elements for `'a`; with unit row stride and column stride `rows` they
    // are `rows · cols` neighbours.
    (cols <= 1 || view.strides().1 == rows)
        .then(|| unsafe { std::slice::from_raw_parts(view.as_ptr(), rows * cols) })
}

/// The first rows of a view, for as long as it lives.
pub(crate) fn top<'a, T: Real>(view: DMatrixView<'a, T>, rows: usize) -> DMatrixView<'a, T> {
    let (rows, columns) = (rows.min(view.nrows()), view.ncols());
    let (shape, strides) = ((Dyn(rows), Dyn(columns)), (Const::<1>, Dyn(view.strides().1)));
    // SAFETY: some of the entries that the view borrows for `'a`, where they stand in it.
    DMatrixView::from_data(unsafe { ViewStorage::from_raw_parts(view.as_ptr(), shape, strides) })
}

/// The entries of a mutable view, column after column, if nothing lies between its columns.
pub(crate) fn flat_mut<'a, T: Real>(view: &'a mut DMatrixViewMut<'_, T>) -> Option<&'a mut [T]> {
    let (rows, cols) = view.shape();
    // SAFETY: as in `flat`, and the view is borrowed mutably for as long as the slice lives.
    (cols <= 1 || view.strides().1 == rows)
        .then(|| unsafe { std::slice::from_raw_parts_mut(view.as_mut_ptr(), rows * cols) })
}

/// The given columns, one after the other.
pub(super) fn gather<T: Real>(from: DMatrixView<'_, T>, columns: &[usize], to: &mut [T]) {
    assert!(columns.iter().all(|j| *j < from.ncols()) && to.len() >= columns.len() * from.nrows());
    let from = Factor::view(&from);
    for (to, &j) in to.chunks_exact_mut(from.rows.max(1)).zip(columns) {
        to.copy_from_slice(from.column(j).expect("the columns of a view have no gaps"));
    }
}

/// All columns, one after the other.
pub(super) fn copy_columns<T: Real>(from: DMatrixView<'_, T>, to: &mut [T]) {
    if let Some(from) = flat(&from).filter(|from| from.len() <= to.len()) {
        return to[..from.len()].copy_from_slice(from);
    }
    let from = Factor::view(&from);
    for (j, to) in to.chunks_exact_mut(from.rows.max(1)).take(from.cols).enumerate() {
        to.copy_from_slice(from.column(j).expect("the columns of a view have no gaps"));
    }
}

/// The transposed of contiguous columns.
pub(super) fn turn<T: Real>(from: Factor<'_, T>, to: &mut [T]) {
    for j in 0..from.cols {
        let column = from.column(j).expect("contiguous columns");
        to[j..].iter_mut().step_by(from.cols).zip(column).for_each(|(to, x)| *to = *x);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

    use nalgebra::{DMatrix, DMatrixView, Dyn, U1};

    use crate::kernel::{Factor, at_each_level, product, weighted_gram};

    /// Four samples that are one: a column stride of 0 is a stride like others.
    #[test]
    fn columns_that_stand_on_one_another() {
        at_each_level(|| {
            for n in [1, 3, 20, 70] {
                let entries: Vec<f64> = (0..n).map(|i| i as f64 - 1.5).collect();
                let view = DMatrixView::from_slice_with_strides_generic(&entries, Dyn(n), Dyn(4), U1, Dyn(0));
                let (x, ones) = (Factor::view(&view), [1.0; 4]);
                let mut sums = vec![0.0; n];
                product(1.0, x, Factor::new(&ones, 4, 1), 0.0, &mut sums);
                assert!(sums.iter().zip(&entries).all(|(sum, x)| *sum == 4.0 * x));
                let (mut square, mut h) = (vec![0.0; n * n], vec![0.0; n * n]);
                product(1.0, x, x.t(), 0.0, &mut square);
                weighted_gram(x, &ones, &mut h, n);
                for j in 0..n {
                    for i in j..n {
                        assert_eq!(square[j * n + i], 4.0 * entries[i] * entries[j], "{n}");
                        assert_eq!(h[j * n + i], square[j * n + i], "{n}");
                    }
                }
            }
        });
    }

    /// What lies between the columns of a view is another's: it may be written meanwhile.
    #[test]
    fn the_gaps_of_a_view_are_not_touched() {
        let mut all = DMatrix::from_element(6, 5, 1.0);
        let (upper, mut lower) = all.rows_range_pair_mut(0..3, 3..6);
        std::thread::scope(|scope| {
            scope.spawn(move || lower.fill(7.0));
            let (view, mut sums) = (upper.as_view(), [0.0; 3]);
            product(1.0, Factor::view(&view), Factor::new(&[1.0; 5], 5, 1), 0.0, &mut sums);
            assert_eq!(sums, [5.0; 3]);
        });
        assert_eq!(all.sum(), 15.0 + 7.0 * 15.0);
    }

    /// The stride of a single column means nothing, however large.
    #[test]
    fn one_column_has_no_stride() {
        let entries = [1.0, 2.0, 3.0];
        let view =
            DMatrixView::from_slice_with_strides_generic(&entries, Dyn(3), Dyn(1), U1, Dyn(usize::MAX / 2));
        let mut sums = [0.0; 3];
        product(2.0, Factor::view(&view), Factor::new(&[1.0], 1, 1), 0.0, &mut sums);
        assert_eq!(sums, [2.0, 4.0, 6.0]);
    }
}

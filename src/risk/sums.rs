//! What is summed over samples.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::tree::{Sum, Summand};
use crate::kernel::compiled;
use crate::{Real, kernel};

/// A value, with a vector and a symmetric matrix beside it, of which the lower triangle counts; either may be empty.
#[derive(Debug, Default)]
pub(super) struct Sums<T: Real> {
    pub(super) value: T,
    pub(super) vector: DVector<T>,
    pub(super) matrix: DMatrix<T>,
}

impl<T: Real> Summand for Sums<T> {
    type Number = T;

    fn add(&mut self, other: &Self) {
        self.value += other.value;
        kernel::add(other.vector.as_slice(), self.vector.as_mut_slice());
        let columns = lower_triangle(&mut self.matrix);
        let others = other.matrix.as_slice();
        columns.for_each(|(range, column)| kernel::add(&others[range], column));
    }

    fn clear(&mut self) {
        self.value = T::zero();
        kernel::fill(self.vector.as_mut_slice(), T::zero());
        lower_triangle(&mut self.matrix).for_each(|(_, column)| kernel::fill(column, T::zero()));
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut T> {
        let triangle = lower_triangle(&mut self.matrix).flat_map(|(_, column)| column);
        std::iter::once(&mut self.value).chain(&mut self.vector).chain(triangle)
    }
}

impl<T: Real> Sums<T> {
    /// Takes the caller's buffers, which become the sum.
    pub(super) fn of(vector: &mut DVector<T>, matrix: &mut DMatrix<T>) -> Self {
        Self { value: T::zero(), vector: std::mem::take(vector), matrix: std::mem::take(matrix) }
    }

    compiled! {
        /// Of what cannot be known.
        pub(super) fn spoil(this: &'a mut Sums<T>, length: usize) {
            this.value = T::NAN;
            this.vector = DVector::repeat(length, T::NAN);
            this.matrix.fill(T::NAN);
        }
    }

    /// Zeros: a vector of `length`, and a square matrix of `size`.
    pub(super) fn zeros(length: usize, size: usize) -> Self {
        Self { value: T::zero(), vector: DVector::zeros(length), matrix: DMatrix::zeros(size, size) }
    }
}

compiled! {
    /// A [sum of zeros](Sums::zeros).
    pub(super) fn boxed<T>(length: usize, size: usize) -> Box<dyn Sum> {
        Box::new(Sums::<T>::zeros(length, size))
    }

    pub(super) fn of_any_kind<T>(sums: Box<Sums<T>>) -> Box<dyn Sum> {
        sums
    }
}

/// The columns of the lower triangle of a square matrix, and where they stand in it.
fn lower_triangle<T: Real>(matrix: &mut DMatrix<T>) -> impl Iterator<Item = (Range<usize>, &mut [T])> {
    let n = matrix.nrows();
    let columns = matrix.as_mut_slice().chunks_exact_mut(n.max(1)).enumerate();
    columns.map(move |(j, column)| (j * n + j..(j + 1) * n, &mut column[j..]))
}

/// The largest of each entry, none below the least number.
#[derive(Debug)]
pub(super) struct Largest<T>(pub(super) Vec<T>);

impl<T: Real> Largest<T> {
    pub(super) fn new(entries: usize) -> Self {
        Self(vec![-T::MAX; entries])
    }

    pub(super) fn see(&mut self, entry: usize, x: T) {
        let largest = &mut self.0[entry];
        *largest = if x > *largest { x } else { *largest };
    }
}

impl<T: Real> Summand for Largest<T> {
    type Number = T;

    fn add(&mut self, other: &Self) {
        other.0.iter().enumerate().for_each(|(entry, x)| self.see(entry, *x));
    }

    fn clear(&mut self) {
        self.0.fill(-T::MAX);
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut()
    }
}

//! Samples side by side in memory.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};

use crate::loss::TargetView;
use crate::{Real, kernel};

/// Samples that lie side by side in memory, with the share of each in the risk.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'w, T: Real> {
    /// The number of the first of them among all samples.
    pub(super) start: usize,
    pub(crate) x: DMatrixView<'w, T>,
    pub(crate) y: TargetView<'w, T>,
    pub(crate) shares: &'w [T],
}

impl<T: Real> Window<'_, T> {
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.start + self.shares.len()
    }

    /// Inputs, targets and shares of some of the samples, by their numbers among all.
    pub(super) fn part(&self, range: Range<usize>) -> (DMatrixView<'_, T>, TargetView<'_, T>, &[T]) {
        let range = range.start - self.start..range.end - self.start;
        (self.x.columns_range(range.clone()), self.y.columns(range.clone()), &self.shares[range])
    }
}

/// Some samples as a stream gives them.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Columns<'b, T: Real> {
    pub(super) x: DMatrixView<'b, T>,
    pub(super) y: TargetView<'b, T>,
    pub(super) weights: Option<&'b [T]>,
}

/// `w · scale / total`: the share of a sample of weight `w` in the risk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Share<T> {
    pub(super) scale: T,
    pub(super) total: T,
}

impl<T: Real> Share<T> {
    /// The weight itself.
    pub(super) fn none() -> Self {
        Self { scale: T::one(), total: T::one() }
    }

    pub(super) fn of(self, w: T) -> T {
        w * self.scale / self.total
    }
}

/// Samples side by side, in room for more.
#[derive(Debug, Clone)]
pub(super) struct Gathered<T: Real> {
    x: DMatrix<T>,
    y: DMatrix<T>,
    labels: Vec<usize>,
    /// Of each sample that is there.
    pub(super) shares: Vec<T>,
}

impl<T: Real> Default for Gathered<T> {
    fn default() -> Self {
        Self::new((0, 0), 0)
    }
}

impl<T: Real> Gathered<T> {
    /// Room for so many samples of `n` features and `k` outputs.
    pub(super) fn new((n, k): (usize, usize), width: usize) -> Self {
        let (labels, shares) = (Vec::new(), Vec::new());
        Self { x: DMatrix::zeros(n, width), y: DMatrix::zeros(k, width), labels, shares }
    }

    pub(super) fn len(&self) -> usize {
        self.shares.len()
    }

    pub(super) fn clear(&mut self) {
        self.labels.clear();
        self.shares.clear();
    }

    /// Copies some samples of a block behind those that are there.
    pub(super) fn push(&mut self, block: &Columns<'_, T>, range: Range<usize>, share: Share<T>) {
        let at = self.len();
        let x = &mut self.x.as_mut_slice()[at * block.x.nrows()..];
        kernel::copy_columns(block.x.columns_range(range.clone()), x);
        match block.y {
            TargetView::Numbers(y) => {
                kernel::copy_columns(
                    y.columns_range(range.clone()),
                    &mut self.y.as_mut_slice()[at * y.nrows()..],
                );
            }
            TargetView::Classes(labels) => self.labels.extend_from_slice(&labels[range.clone()]),
        }
        match block.weights {
            Some(weights) => self.shares.extend(weights[range].iter().map(|w| share.of(*w))),
            None => self.shares.resize(at + range.len(), share.of(T::one())),
        }
    }

    /// What is there, from this number of all samples on.
    pub(super) fn window(&self, start: usize, is_of_classes: bool) -> Window<'_, T> {
        Window { start, ..self.present(&self.shares, is_of_classes) }
    }

    /// The same, with the shares for weights.
    pub(super) fn columns(&self, is_of_classes: bool) -> Columns<'_, T> {
        let Window { x, y, shares, .. } = self.window(0, is_of_classes);
        Columns { x, y, weights: Some(shares) }
    }

    pub(super) fn gather(&mut self, x: DMatrixView<'_, T>, y: TargetView<'_, T>, samples: &[usize]) {
        gather(x, samples, &mut self.x);
        match y {
            TargetView::Numbers(y) => gather(y, samples, &mut self.y),
            TargetView::Classes(labels) => {
                self.labels.clear();
                self.labels.extend(samples.iter().map(|j| labels[*j]));
            }
        }
    }

    /// Inputs, targets and shares, one kind after the other, for another process.
    pub(super) fn numbers(&self, is_of_classes: bool) -> Vec<f64> {
        let m = self.len();
        let y = if is_of_classes { &[] } else { &self.y.as_slice()[..m * self.y.nrows()] };
        let x = &self.x.as_slice()[..m * self.x.nrows()];
        let numbers = |numbers: &[T]| numbers.iter().map(|x| x.f64()).collect::<Vec<_>>();
        let labels = self.labels.iter().map(|label| *label as f64).collect();
        [numbers(x), numbers(y), labels, numbers(&self.shares)].concat()
    }

    /// What another process has written.
    pub(super) fn of((n, k): (usize, usize), is_of_classes: bool, numbers: &[f64]) -> Option<Self> {
        let k = if is_of_classes { 1 } else { k };
        let m = numbers.len() / (n + k + 1);
        let (x, rest) = numbers.split_at_checked(m * n)?;
        let (y, shares) = rest.split_at_checked(m * k)?;
        let numbers = |numbers: &[f64]| numbers.iter().map(|x| T::of(*x)).collect::<Vec<_>>();
        Some(Self {
            x: DMatrix::from_vec(n, m, numbers(x)),
            y: DMatrix::from_vec(k, m, numbers(y)),
            labels: y.iter().filter(|_| is_of_classes).map(|label| *label as usize).collect(),
            shares: (shares.len() == m).then(|| numbers(shares))?,
        })
    }

    /// Samples that were gathered, with their shares.
    pub(super) fn present<'s>(&'s self, shares: &'s [T], is_of_classes: bool) -> Window<'s, T> {
        let y = if is_of_classes {
            TargetView::Classes(&self.labels)
        } else {
            TargetView::Numbers(self.y.columns(0, shares.len()))
        };
        Window { start: 0, x: self.x.columns(0, shares.len()), y, shares }
    }
}

/// Copies columns side by side into a matrix, which grows if it has to.
fn gather<T: Real>(from: DMatrixView<'_, T>, samples: &[usize], to: &mut DMatrix<T>) {
    if to.ncols() < samples.len() {
        *to = DMatrix::zeros(from.nrows(), samples.len());
    }
    kernel::gather(from, samples, to.as_mut_slice());
}

//! Samples side by side in memory.

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView};

use crate::Real;
use crate::kernel::{self, compiled};
use crate::loss::TargetView;

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
}

/// Some samples as a stream gives them.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Columns<'b, T: Real> {
    pub(super) x: DMatrixView<'b, T>,
    pub(super) y: TargetView<'b, T>,
    pub(super) weights: Option<&'b [T]>,
}

impl<T: Real> Columns<'_, T> {
    /// Writes some samples for another process, each as inputs, targets and weight.
    pub(super) fn write(&self, range: Range<usize>, to: &mut Vec<f64>) {
        for j in range {
            to.extend(self.x.column(j).iter().map(|x| x.f64()));
            match self.y {
                TargetView::Numbers(y) => to.extend(y.column(j).iter().map(|y| y.f64())),
                TargetView::Classes(labels) => to.push(labels[j] as f64),
            }
            to.push(self.weights.map_or(1.0, |weights| weights[j].f64()));
        }
    }
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
#[derive(Debug, Clone, Default)]
pub(super) struct Gathered<T: Real> {
    x: DMatrix<T>,
    y: DMatrix<T>,
    /// Of each sample that is there, where targets are classes.
    labels: Vec<usize>,
    /// Of each sample that is there.
    pub(super) shares: Vec<T>,
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
                let to = &mut self.y.as_mut_slice()[at * y.nrows()..];
                kernel::copy_columns(y.columns_range(range.clone()), to);
            }
            TargetView::Classes(labels) => self.labels.extend_from_slice(&labels[range.clone()]),
        }
        match block.weights {
            Some(weights) => self.shares.extend(weights[range].iter().map(|w| share.of(*w))),
            None => self.shares.resize(at + range.len(), share.of(T::one())),
        }
    }

    /// Reads samples that were [written](Columns::write) behind those that are there, as far as there is room.
    pub(super) fn read(&mut self, numbers: &[f64], is_of_classes: bool, share: Share<T>) {
        let (n, k) = (self.x.nrows(), if is_of_classes { 1 } else { self.y.nrows() });
        let columns = self.x.column_iter_mut().zip(self.y.column_iter_mut()).skip(self.shares.len());
        for (sample, (mut x, mut y)) in numbers.chunks_exact(n + k + 1).zip(columns) {
            x.iter_mut().zip(sample).for_each(|(x, number)| *x = T::of(*number));
            match is_of_classes {
                true => self.labels.push(sample[n] as usize),
                false => y.iter_mut().zip(&sample[n..]).for_each(|(y, number)| *y = T::of(*number)),
            }
            self.shares.push(share.of(T::of(sample[n + k])));
        }
    }

    /// Copies the samples of a batch.
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

    /// What is there, from this number of all samples on.
    pub(super) fn window(&self, start: usize) -> Window<'_, T> {
        Window { start, ..self.with_shares(&self.shares) }
    }

    /// The samples of a batch, with their shares.
    pub(super) fn with_shares<'s>(&'s self, shares: &'s [T]) -> Window<'s, T> {
        let y = match self.labels.is_empty() {
            true => TargetView::Numbers(self.y.columns(0, shares.len())),
            false => TargetView::Classes(&self.labels),
        };
        Window { start: 0, x: self.x.columns(0, shares.len()), y, shares }
    }
}

compiled! {
    /// Copies columns side by side into a matrix, which grows if it has to.
    fn gather<T>(from: DMatrixView<'a, T>, samples: &'a [usize], to: &'a mut DMatrix<T>) {
        if to.ncols() < samples.len() {
            *to = DMatrix::zeros(from.nrows(), samples.len());
        }
        kernel::gather(from, samples, to.as_mut_slice());
    }
}

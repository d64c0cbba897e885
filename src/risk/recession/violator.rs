//! The sum of all rows, and which of them a direction is on the wrong side of.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use nalgebra::DVector;

use super::cone::{BLOCK, Cone};
use super::margins::{Scratch, least, outer, units};
use crate::kernel::{self, Factor};
use crate::risk::sums::Sums;
use crate::risk::tree::Summand;
use crate::{Error, Real};

/// A margin that is clearly negative.
const CLEAR: f64 = 1e-5;

impl<T: Real> Cone<'_, T> {
    /// `e`, the sum of all rows with positive weights, and how many there are.
    pub(super) fn sum(&self) -> Result<(DVector<f64>, f64), Error> {
        let (loss, k, size) = (self.risk.loss, self.risk.model.outputs(), self.height() * self.rows);
        let zero = || Sums::zeros(size, 0);
        let sums = self.blocks(BLOCK, zero, |block, sums: &mut Sums<f64>| {
            let mut scratch = Scratch::new(k);
            let (mut u, mut row) = (vec![0.0; k], DVector::zeros(size));
            let mut part = DVector::zeros(size);
            for (_, y, b) in block.samples() {
                u.fill(0.0);
                units(loss, y, &mut scratch, |margin, row| {
                    if margin < T::zero() {
                        let norm = row.iter().fold(0.0, |sum, u| sum + u.f64() * u.f64()).sqrt();
                        u.iter_mut().zip(row).for_each(|(sum, u)| *sum += u.f64() / norm);
                        sums.value += 1.0;
                    }
                });
                outer(&u, b, self.rows, row.as_mut_slice());
                let size = kernel::norm(b);
                kernel::axpy(if size > 0.0 { 1.0 / size } else { 0.0 }, row.as_slice(), part.as_mut_slice());
            }
            sums.vector += part;
        })?;
        Ok((sums.vector, sums.value))
    }

    /// The row with the least margin along `d`, in units of its norm, below `−tolerance`, of samples that have not been
    /// passed over: of the blocks from `cursor` on and round, until one is clearly below. Weak ones, which are nearly in
    /// the span of the active rows, are taken only where there is no other.
    pub(super) fn violator(
        &self, d: &DVector<f64>, cursor: &mut usize, tolerance: f64, passed: &[usize],
    ) -> Result<Option<Worst>, Error> {
        let mut worst = self.worst(d, *cursor..usize::MAX, tolerance, passed)?;
        if *cursor > 0 && !worst.is_clear() {
            worst.add(&self.worst(d, 0..*cursor, tolerance, passed)?);
        }
        if worst.is_clear() {
            *cursor = worst.at as usize / BLOCK;
        }
        Ok((worst.margin < 0.0).then_some(worst))
    }

    /// The same of a range of blocks.
    fn worst(
        &self, d: &DVector<f64>, range: Range<usize>, tolerance: f64, passed: &[usize],
    ) -> Result<Worst, Error> {
        let (loss, height, rows) = (self.risk.loss, self.height(), self.rows);
        let k = self.risk.model.outputs();
        // those behind the first clear one need not be looked at
        let first = AtomicUsize::new(usize::MAX);
        let none = || Worst { margin: 0.0, at: 0.0, row: DVector::zeros(d.len()) };
        self.pass((BLOCK, 1), none, |cone, here, chunk, worker, worst: &mut Worst| {
            let at = chunk.start / BLOCK;
            if !range.contains(&at) || at > first.load(Ordering::Relaxed) || worst.is_clear() {
                return;
            }
            let mut scratch = Scratch::new(k);
            let (mut r, mut u, mut row) = (vec![0.0; k], vec![0.0; k], d.clone());
            for (j, y, b) in cone.block(here, chunk, worker).samples() {
                let (d, b_j) =
                    (Factor::new(d.as_slice(), height, rows), Factor::new(b, rows, b.len() / rows));
                kernel::product(1.0, d, b_j, 0.0, &mut r);
                let margin = least(loss, y, &r, &mut u, &mut scratch);
                if margin >= 0.0 || passed.contains(&j) {
                    continue;
                }
                outer(&u, b, rows, row.as_mut_slice());
                let norm = kernel::norm(row.as_slice());
                let margin = margin / norm;
                if margin < -tolerance && margin < worst.margin {
                    *worst = Worst { margin, at: j as f64, row: &row / norm };
                }
            }
            if worst.is_clear() {
                first.fetch_min(at, Ordering::Relaxed);
            }
        })
    }
}

/// A row of norm 1 with a negative margin, and the number of its sample, or a margin of zero. Of samples in order: the first
/// that is clearly on the wrong side, with those of its block the worst, else the worst.
pub(super) struct Worst {
    pub(super) margin: f64,
    pub(super) at: f64,
    pub(super) row: DVector<f64>,
}

impl Worst {
    fn is_clear(&self) -> bool {
        self.margin < -CLEAR
    }
}

impl Summand for Worst {
    type Number = f64;

    fn add(&mut self, other: &Self) {
        if other.margin < self.margin && !self.is_clear() {
            (self.margin, self.at) = (other.margin, other.at);
            self.row.copy_from(&other.row);
        }
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut f64> {
        [&mut self.margin, &mut self.at].into_iter().chain(&mut self.row)
    }
}

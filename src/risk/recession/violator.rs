//! The sum of all rows, and which of them a direction is on the wrong side of.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use nalgebra::DVector;

use super::cone::{BLOCK, Block, Cone};
use super::margins::{Scratch, least, outer, units};
use crate::kernel::{self, Factor};
use crate::risk::sums::Sums;
use crate::risk::tree::Summand;
use crate::{Error, Loss, Model, Real};

/// A margin that is clearly negative.
const CLEAR: f64 = 1e-5;

impl<T: Real, M: Model<T>, L: Loss<T>> Cone<'_, '_, T, M, L> {
    /// `e`, the sum of all rows with positive weights, and how many there are.
    pub(super) fn sum(&self) -> Result<(DVector<f64>, f64), Error> {
        let (loss, k, size) = (&self.risk.loss, self.risk.model.outputs(), self.height() * self.rows);
        let sums = self.blocks(
            BLOCK,
            size,
            || Sums::zeros(size, 0),
            |block, sums: &mut Sums<f64>| {
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
                    kernel::axpy(
                        if size > 0.0 { 1.0 / size } else { 0.0 },
                        row.as_slice(),
                        part.as_mut_slice(),
                    );
                }
                sums.vector += part;
            },
        )?;
        Ok((sums.vector, sums.value))
    }

    /// The row with the least margin along `d`, in units of its norm, below `−tolerance`, of samples that have not been
    /// passed over: of the blocks from `cursor` on and round, until one is clearly below. Weak ones, which are nearly in
    /// the span of the active rows, are taken only where there is no other.
    pub(super) fn violator(
        &self, d: &DVector<f64>, cursor: &mut usize, tolerance: f64, passed: &[usize],
    ) -> Result<Option<Violator>, Error> {
        let mut worst = self.worst(d, *cursor..usize::MAX, tolerance, passed)?;
        if *cursor > 0 && !worst.is_clear() {
            worst.add(&self.worst(d, 0..*cursor, tolerance, passed)?);
        }
        if let Some(worst) = worst.0.as_ref().filter(|_| worst.is_clear()) {
            *cursor = worst.at / BLOCK;
        }
        Ok(worst.0)
    }

    /// The same of a range of blocks.
    fn worst(
        &self, d: &DVector<f64>, range: Range<usize>, tolerance: f64, passed: &[usize],
    ) -> Result<Worst, Error> {
        let (loss, height, rows) = (&self.risk.loss, self.height(), self.rows);
        let k = self.risk.model.outputs();
        // those behind the first clear one need not be looked at
        let first = AtomicUsize::new(usize::MAX);
        self.pass(BLOCK, d.len(), Worst::default, |cone, here, chunk, worker, worst: &mut Worst| {
            let at = chunk.start / BLOCK;
            if !range.contains(&at) || at > first.load(Ordering::Relaxed) || worst.is_clear() {
                return;
            }
            let mut scratch = Scratch::new(k);
            let (mut r, mut u, mut row) = (vec![0.0; k], vec![0.0; k], d.clone());
            let b = cone.gather(here, chunk.clone(), &mut worker.cache);
            let (_, y, shares) = here.part(chunk.clone());
            let block = Block { first: chunk.start, y: y.dense(&mut worker.targets), shares, b };
            for (j, y, b) in block.samples() {
                kernel::product(
                    1.0,
                    Factor::new(d.as_slice(), height, rows),
                    Factor::new(b, rows, b.len() / rows),
                    0.0,
                    &mut r,
                );
                let margin = least(loss, y, &r, &mut u, &mut scratch);
                if margin >= 0.0 || passed.contains(&j) {
                    continue;
                }
                outer(&u, b, rows, row.as_mut_slice());
                let norm = kernel::norm(row.as_slice());
                let margin = margin / norm;
                if margin < -tolerance && worst.0.as_ref().is_none_or(|worst| margin < worst.margin) {
                    worst.0 = Some(Violator { margin, at: j, row: &row / norm });
                }
            }
            if worst.is_clear() {
                first.fetch_min(at, Ordering::Relaxed);
            }
        })
    }
}

/// A row of norm 1 with a negative margin, and which sample it is of.
#[derive(Clone)]
pub(super) struct Violator {
    pub(super) margin: f64,
    pub(super) at: usize,
    pub(super) row: DVector<f64>,
}

/// Of samples in order: the first that is clearly on the wrong side, with those of its block the worst, else the worst.
#[derive(Default)]
struct Worst(Option<Violator>);

impl Worst {
    fn is_clear(&self) -> bool {
        self.0.as_ref().is_some_and(|worst| worst.margin < -CLEAR)
    }
}

impl Summand for Worst {
    fn add(&mut self, other: &Self) {
        let is_worse = |other: &&Violator| self.0.as_ref().is_none_or(|worst| other.margin < worst.margin);
        if let Some(other) = other.0.as_ref().filter(is_worse).filter(|_| !self.is_clear()) {
            self.0 = Some(other.clone());
        }
    }

    fn clear(&mut self) {
        self.0 = None;
    }

    fn numbers(&self) -> Vec<f64> {
        let numbers = |worst: &Violator| [&[worst.margin, worst.at as f64], worst.row.as_slice()].concat();
        self.0.as_ref().map_or_else(Vec::new, numbers)
    }

    fn take(&mut self, numbers: &[f64]) -> Option<()> {
        self.0 = match numbers {
            [] => None,
            [margin, at, row @ ..] => {
                Some(Violator { margin: *margin, at: *at as usize, row: DVector::from_column_slice(row) })
            }
            [_] => return None,
        };
        Some(())
    }
}

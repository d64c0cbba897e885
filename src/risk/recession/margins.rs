//! The margins of one sample.

use crate::kernel::{self, Factor};
use crate::{Loss, Real};

/// Room for a direction of the scores and a row.
pub(super) struct Scratch<T> {
    r: Vec<T>,
    row: Vec<T>,
}

impl<T: Real> Scratch<T> {
    pub(super) fn new(outputs: usize) -> Self {
        Self { r: vec![T::zero(); outputs], row: vec![T::zero(); outputs] }
    }
}

/// Hands out the margins of a sample in the directions `± e_i` of its scores, with their rows.
pub(super) fn units<T: Real>(
    loss: &dyn Loss<T>, y: &[T], Scratch { r, row }: &mut Scratch<T>, mut hand: impl FnMut(T, &[T]),
) {
    r.fill(T::zero());
    for i in 0..y.len() {
        for side in [T::one(), -T::one()] {
            r[i] = side;
            hand(loss.margin(y, r, row), row);
        }
        r[i] = T::zero();
    }
}

/// The least margin along `r`, the product with it of the row in `u`.
pub(super) fn least<T: Real>(
    loss: &dyn Loss<T>, y: &[T], r: &[f64], u: &mut [f64], scratch: &mut Scratch<T>,
) -> f64 {
    let product = |row: &[T]| row.iter().zip(r).fold(0.0, |sum, (u, r)| sum + u.f64() * r);
    let mut take = |row: &[T]| u.iter_mut().zip(row).for_each(|(u, row)| *u = row.f64());
    scratch.r.iter_mut().zip(r).for_each(|(rounded, r)| *rounded = T::of(*r));
    loss.margin(y, &scratch.r, &mut scratch.row);
    let mut margin = product(&scratch.row);
    take(&scratch.row);
    if T::EPSILON.f64() > f64::EPSILON {
        // rounded scores may choose another row than the least
        units(loss, y, scratch, |side, row| {
            if side < T::zero() && product(row) < margin {
                margin = product(row);
                take(row);
            }
        });
    }
    margin
}

/// `u Bᵀ`, for `u` of as many columns as `B` has, and `B` of `rows`.
pub(super) fn outer(u: &[f64], b: &[f64], rows: usize, row: &mut [f64]) {
    let columns = b.len() / rows;
    let u = Factor::new(u, u.len() / columns, columns);
    kernel::product(1.0, u, Factor::new(b, rows, columns).t(), 0.0, row);
}

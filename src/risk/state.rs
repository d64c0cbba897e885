//! What a risk keeps between evaluations.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::leaves::power_below;
use super::window::{Gathered, Share};
use crate::contract::setting;
use crate::kernel::compiled;
use crate::{Error, Real};

/// The weights of samples.
#[derive(Debug, Clone)]
pub(super) struct Weights<T> {
    /// Those of the samples that this process holds in memory.
    pub(super) w: Vec<T>,
    /// Of all samples: the least, the largest, and how many are positive.
    pub(super) least: T,
    pub(super) largest: T,
    pub(super) positive: usize,
}

impl<T: Real> Weights<T> {
    /// Of no samples yet.
    pub(super) fn none() -> Self {
        Self { w: Vec::new(), least: T::MAX, largest: T::zero(), positive: 0 }
    }

    /// Counts more of them in.
    pub(super) fn see(&mut self, least: T, largest: T, positive: usize) {
        self.least = self.least.min(least);
        self.largest = self.largest.max(largest);
        self.positive += positive;
    }

    pub(super) fn see_all(&mut self, weights: &[T]) {
        weights.iter().for_each(|w| self.see(*w, *w, usize::from(*w > T::zero())));
    }
}

/// The samples in play, and the share of each in the risk.
#[derive(Debug, Default)]
pub(super) struct Batch<T: Real> {
    pub(super) range: Range<usize>,
    /// Copies of samples that are not a range of the data.
    pub(super) gathered: Gathered<T>,
    pub(super) is_gathered: bool,
    pub(super) shares: Vec<T>,
}

impl<T: Real> Batch<T> {
    compiled! {
        /// The shares `w_j / (|B| w̄)` of the samples of a batch `B`, with its size `|B|` and the mean weight of the data
        /// `w̄ = Σw / m` over samples of positive weight: `w_j / Σw` for all of them, and on average over the batches.
        pub(super) fn share(
            this: &'a mut Batch<T>, first: usize, size: usize, listed: Option<&'a [usize]>, weights: Option<&'a Weights<T>>,
            share: Share<T>,
        ) -> Result<(), Error> {
            let samples = (0..size).map(|i| listed.map_or(first + i, |listed| listed[i]));
            let Some(weights) = weights else {
                if this.shares.len() != size {
                    this.shares.clear();
                    this.shares.resize(size, T::one() / T::of(size as f64));
                }
                return Ok(());
            };
            let count = samples.clone().filter(|j| weights.w[*j] > T::zero()).count();
            let expected = "positive for at least one sample of the batch: leave those without weight out";
            setting("weights", expected, T::zero(), count > 0)?;
            let share = Share { total: share.total * T::of(count as f64 / weights.positive as f64), ..share };
            this.shares.clear();
            this.shares.extend(samples.map(|j| share.of(weights.w[j])));
            Ok(())
        }
    }

    pub(super) fn len(&self) -> usize {
        self.range.len()
    }
}

/// What is summed over the samples again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Quantity {
    Value,
    Gradient,
    Product,
    Hessian,
}

/// What one thread needs to evaluate chunks of the batch: the cache of a model, and room.
#[derive(Debug)]
pub(super) struct Worker<T, C> {
    pub(super) cache: C,
    pub(super) room: Room<T>,
}

/// Buffers for a chunk, all of `width` columns.
#[derive(Debug)]
pub(super) struct Room<T> {
    /// `Δ = ∂L/∂Z` (`k` rows).
    pub(super) delta: DMatrix<T>,
    /// `Z` (`k` rows): a model lends its scores or their tangents, not both. As the next three, for second derivatives alone.
    pub(super) scores: DMatrix<T>,
    /// `R{Δ}`, or a unit direction of the scores (`k` rows).
    pub(super) r_delta: DMatrix<T>,
    /// `Δ = 0`, for Gauss–Newton products (`k` rows).
    pub(super) flat: DMatrix<T>,
    /// `k × k` blocks `w_j ∂²ℓ/∂z²`, one per column (`k²` rows); made where they are first needed.
    pub(super) blocks: Vec<T>,
    /// Inputs measured by the frame of the risk, if it has one (`n` rows).
    pub(super) placed: DMatrix<T>,
    /// Targets, where they are classes (`k` rows).
    pub(super) targets: DMatrix<T>,
}

compiled! {
    /// With so many rows in [`delta`](Room::delta), [`placed`](Room::placed) and [`targets`](Room::targets).
    pub(super) fn make_room<T>(sizes: [usize; 3], width: usize, is_second: bool) -> Room<T> {
        let [k, placed, targets] = sizes;
        let second = if is_second { k } else { 0 };
        // what a loss never writes shows
        let unwritten = |rows| DMatrix::repeat(rows, width, T::NAN);
        Room {
            delta: unwritten(k),
            scores: unwritten(second),
            r_delta: unwritten(second),
            flat: DMatrix::zeros(second, width),
            blocks: Vec::new(),
            placed: DMatrix::zeros(placed, width),
            targets: DMatrix::zeros(targets, width),
        }
    }
}

/// Samples at a time where there are second derivatives: 256, or as many blocks of `k × k` as take 128 MB.
pub(super) fn second_width(k: usize) -> usize {
    power_below((1 << 24) / k.saturating_mul(k).max(1)).min(256)
}

/// Where the first worker has gone forward, if it still stands there and the batch is one chunk: products at one point,
/// as in conjugate gradients, share their forward pass.
#[derive(Debug, Default)]
pub(super) struct Point<T: Real> {
    pub(super) theta: DVector<T>,
    pub(super) is_there: bool,
    /// Lent where only the Hessian is asked for.
    pub(super) gradient: DVector<T>,
}

impl<T: Real> Point<T> {
    pub(super) fn stand_at(&mut self, theta: &DVector<T>) {
        if self.theta.len() != theta.len() {
            self.theta = theta.clone();
        }
        self.theta.as_mut_slice().copy_from_slice(theta.as_slice());
        self.is_there = true;
    }

    /// The worker has gone elsewhere, or the batch is another.
    pub(super) fn forget(&mut self) {
        self.is_there = false;
    }
}

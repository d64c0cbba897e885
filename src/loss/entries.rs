//! Passes over scores and targets, entry by entry.

use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut};

use crate::Real;
use crate::kernel::{self, Fused, flat, flat_mut, inlined, pairwise};

/// `ℓ(z, y)` with its first two derivatives in `z`.
///
/// ```
/// use gradus::SquaredError;
/// use gradus::loss::{ElementWise, Jet};
///
/// let jet: Jet<f64> = SquaredError.jet(3.0, 1.0);
/// assert_eq!(jet, Jet { value: 2.0, first: 2.0, second: 1.0 });
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet<T> {
    /// `ℓ(z, y)`.
    pub value: T,
    /// `∂ℓ/∂z`.
    pub first: T,
    /// `∂²ℓ/∂z²`.
    pub second: T,
}

/// What is asked of a loss over all entries of `z` and `y` (`k × m`), with a weight for each sample.
#[doc(hidden)]
#[derive(Debug)]
pub struct Pass<'a, T: Real> {
    pub(super) z: DMatrixView<'a, T>,
    pub(super) y: DMatrixView<'a, T>,
    pub(super) weights: &'a [T],
    pub(super) wanted: Wanted<'a, T>,
}

#[derive(Debug)]
pub(super) enum Wanted<'a, T: Real> {
    /// `Σ_j w_j Σ_i ℓ(z_ij, y_ij)`.
    Value,
    /// The same, and `w_j ℓ'(z_ij, y_ij)` to be written.
    Gradient(DMatrixViewMut<'a, T>),
    /// `w_j ℓ''(z_ij, y_ij) r_ij` to be written.
    Product(DMatrixView<'a, T>, DMatrixViewMut<'a, T>),
}

/// Samples that are added in one go where each has several outputs.
const SAMPLES: usize = 32;
/// Entries that are added in one go, as many in each lane.
const ENTRIES: usize = SAMPLES * LANES;

impl<T: Real> Pass<'_, T> {
    /// Does what is asked with `jet(fused, z, y)`; NaN where the shapes do not fit each other.
    #[inline(always)]
    pub(super) fn run(self, jet: impl Fn(Fused, T, T) -> Jet<T>) -> T {
        let Self { z, y, weights, wanted } = self;
        let others = match &wanted {
            Wanted::Value => [y.shape(); 2],
            Wanted::Gradient(delta) => [delta.shape(); 2],
            Wanted::Product(r, out) => [r.shape(), out.shape()],
        };
        if !fit(&[z.shape(), y.shape(), others[0], others[1]], weights.len()) {
            return T::NAN;
        }
        match wanted {
            Wanted::Value => sum(z, y, weights, None, &jet),
            Wanted::Gradient(delta) => sum(z, y, weights, Some(delta), &jet),
            Wanted::Product(r, out) => {
                scale(z, y, weights, r, out, &jet);
                T::zero()
            }
        }
    }
}

/// Independent partial sums, so that a sum over entries runs at the width of the machine in one fixed order.
const LANES: usize = 16;

/// The weights of a run of entries: one each, or one for all.
#[derive(Clone, Copy)]
enum Weights<'a, T> {
    Each(&'a [T]),
    All(T),
}

impl<T: Real> Weights<'_, T> {
    /// Those of `count` entries from `start` on, and zeros.
    #[inline(always)]
    fn block(self, start: usize, count: usize) -> [T; LANES] {
        match self {
            Self::Each(w) => padded(&w[start..]),
            Self::All(w) => std::array::from_fn(inlined!(|lane| if lane < count { w } else { T::zero() })),
        }
    }
}

/// The first entries, and zeros where there are not enough.
#[inline(always)]
fn padded<T: Real>(x: &[T]) -> [T; LANES] {
    if let Some(block) = x.first_chunk() {
        return *block;
    }
    let mut block = [T::zero(); LANES];
    block[..x.len()].copy_from_slice(x);
    block
}

/// `w ℓ`, and exactly nothing for a sample of weight zero.
#[inline(always)]
fn weighted<T: Real>(w: T, value: T) -> T {
    if w == T::zero() { T::zero() } else { w * value }
}

/// `Σ w ℓ(z, y)` over a run of entries, block by block, with `w ℓ'` written to `delta`, if there is one.
#[inline(always)]
fn run<T: Real>(
    fused: Fused, z: &[T], y: &[T], weights: Weights<'_, T>, mut delta: Option<&mut [T]>,
    jet: &impl Fn(Fused, T, T) -> Jet<T>,
) -> T {
    let mut sums = [T::zero(); LANES];
    for start in (0..z.len()).step_by(LANES) {
        let count = LANES.min(z.len() - start);
        let (z, y, w) = (padded(&z[start..]), padded(&y[start..]), weights.block(start, count));
        let mut slopes = [T::zero(); LANES];
        for lane in 0..LANES {
            let Jet { value, first, .. } = jet(fused, z[lane], y[lane]);
            sums[lane] += weighted(w[lane], value);
            slopes[lane] = weighted(w[lane], first);
        }
        if let Some(delta) = &mut delta {
            delta[start..start + count].copy_from_slice(&slopes[..count]);
        }
    }
    kernel::halve(sums, |x, y| x + y)
}

/// `Σ_j w_j Σ_i ℓ(z_ij, y_ij)`, with `w_j ℓ'(z_ij, y_ij)` written to `delta`, if there is one.
#[inline(always)]
fn sum<T: Real>(
    z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], mut delta: Option<DMatrixViewMut<'_, T>>,
    jet: &impl Fn(Fused, T, T) -> Jet<T>,
) -> T {
    let lines = (z.nrows() == 1).then(|| flat(&z).zip(flat(&y))).flatten();
    let is_flat = delta.as_mut().is_none_or(|delta| flat_mut(delta).is_some());
    if let (Some((z, y)), true) = (lines, is_flat) {
        let mut delta = delta.as_mut().and_then(flat_mut);
        return pairwise(0..weights.len(), ENTRIES, &mut |part: Range<usize>| {
            let delta = delta.as_mut().map(|delta| &mut delta[part.clone()]);
            let (z, y, w) = (&z[part.clone()], &y[part.clone()], Weights::Each(&weights[part]));
            kernel::vectorize(inlined!(|fused| run(fused, z, y, w, delta, jet)))
        });
    }
    pairwise(0..weights.len(), SAMPLES, &mut |part: Range<usize>| {
        kernel::vectorize(inlined!(|fused| {
            let mut total = T::zero();
            for j in part {
                let (z, y, w) = (z.column(j), y.column(j), Weights::All(weights[j]));
                let mut delta = delta.as_mut().map(|delta| delta.column_mut(j));
                let delta = delta.as_mut().map(|delta| delta.as_mut_slice());
                total += run(fused, z.as_slice(), y.as_slice(), w, delta, jet);
            }
            total
        }))
    })
}

/// `out_ij = w_j ℓ''(z_ij, y_ij) r_ij`.
#[inline(always)]
fn scale<T: Real>(
    z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
    mut out: DMatrixViewMut<'_, T>, jet: &impl Fn(Fused, T, T) -> Jet<T>,
) {
    kernel::vectorize(inlined!(
        |fused| match (z.nrows(), flat(&z), flat(&y), flat(&r), flat_mut(&mut out)) {
            (1, Some(z), Some(y), Some(r), Some(out)) => {
                for ((((z, y), r), out), w) in z.iter().zip(y).zip(r).zip(out).zip(weights) {
                    *out = weighted(*w, jet(fused, *z, *y).second * *r);
                }
            }
            _ => {
                let columns =
                    z.column_iter().zip(y.column_iter()).zip(r.column_iter()).zip(out.column_iter_mut());
                for ((((z, y), r), mut out), &w) in columns.zip(weights) {
                    for (((z, y), r), out) in z.iter().zip(y.iter()).zip(r.iter()).zip(out.iter_mut()) {
                        *out = weighted(w, jet(fused, *z, *y).second * *r);
                    }
                }
            }
        }
    ));
}

/// The class with the largest score (the first of equals).
pub(crate) fn argmax<T: Real>(z: impl Iterator<Item = T>) -> usize {
    let best = z.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |best| best.0)
}

/// Whether scores, targets (and whatever else has their shape) and weights fit each other; where not, the
/// losses of the crate answer NaN and write nothing.
#[inline]
pub(super) fn fit(shapes: &[(usize, usize)], weights: usize) -> bool {
    shapes.iter().all(|shape| *shape == shapes[0] && shape.0 > 0 && shape.1 == weights)
}

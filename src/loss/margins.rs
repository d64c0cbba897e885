//! Whether a convex loss falls for ever, asked of its slopes.

use super::entries::argmax;
use crate::{Real, kernel};

/// The margin of a convex loss along the scores `r`, by its `gradient`, with its derivative in `r` in `row`: the least at
/// distances `t` as far out as numbers reach, for far out a score that is rounding in `r` may outgrow the others.
///
/// ```text
/// row = −∇ℓ(t r) / ‖∇ℓ(t r)‖∞,    margin = rowᵀ r
/// ```
///
/// A loss that never rises along `d` has `∇ℓ(z)ᵀd ≤ 0` at every `z`. Where the slope is zero, either it has faded, and the loss
/// falls for ever, or it ended at once, as that of a hinge does, and there is a minimum as if it grew.
pub(super) fn margin_by<T: Real>(
    mut gradient: impl FnMut(&[T], &mut [T]), y: &[T], r: &[T], row: &mut [T],
) -> T {
    let widest = if T::EPSILON.f64() < 1e-10 { 1022 } else { 126 };
    let size = kernel::norm_inf(r);
    // no number is beyond such a target
    if kernel::norm_inf(y) > T::of(2f64.powi(widest - 1)) || !(size > T::zero()) {
        return grows(r, row);
    }
    let mut z = vec![T::zero(); r.len()];
    let noise = T::of(4.0 * r.len() as f64) * T::EPSILON;
    // ∇ℓ(t r)ᵀr, where it is more than rounding of its terms
    let mut along = |t: T, g: &mut [T]| {
        z.iter_mut().zip(r).for_each(|(z, r)| *z = *r / size * t);
        gradient(&z, g);
        let terms = || g.iter().zip(r).map(|(g, r)| *g * (*r / size));
        let (slope, size) = terms().fold((T::zero(), T::zero()), |(sum, size), t| (sum + t, size + t.abs()));
        if slope.abs() <= noise * size { T::zero() } else { slope }
    };
    let power = |k: i32| T::of(2f64.powi(k));
    let mut g = vec![T::zero(); r.len()];
    let (mut far, mut least) = (None, T::MAX);
    for k in std::iter::successors(Some(widest), |k| (*k > 1).then_some(k / 2)) {
        let slope = along(power(k), &mut g);
        if !kernel::all_finite(&g) {
            continue;
        }
        let unit = kernel::norm_inf(&g);
        let share = if slope == T::zero() { slope } else { -slope / unit };
        if share < least {
            (far, least) = (far.or(Some(slope)), share);
            row.copy_from_slice(&g);
        }
    }
    let Some(far) = far else { return grows(r, row) };
    // a convex loss whose slope is zero at both ends is constant
    if far == T::zero() && along(T::zero(), &mut g) != T::zero() {
        let mut last = [T::zero(); 3];
        for k in -4..widest {
            let slope = along(power(k), &mut g).abs();
            if !(slope > T::zero()) {
                break;
            }
            last = [last[1], last[2], slope];
            row.copy_from_slice(&g);
        }
        // over twice the distance an exponential falls by more each time, a power of the distance from its end by less before
        if !last.windows(2).all(|pair| pair[0] > T::of(3.0) * pair[1]) {
            return grows(r, row);
        }
    }
    let unit = -kernel::norm_inf(row);
    row.iter_mut().for_each(|g| *g = if *g == T::zero() { *g } else { *g / unit });
    row.iter().zip(r).fold(T::zero(), |margin, (g, r)| margin + *g * *r)
}

/// `−max |r|`: as if the loss grew along every `r`.
pub(super) fn grows<T: Real>(r: &[T], row: &mut [T]) -> T {
    let largest = argmax(r.iter().map(|r| r.abs()));
    row.fill(T::zero());
    let (Some(row), Some(r)) = (row.get_mut(largest), r.get(largest)) else { return T::zero() };
    *row = if *r > T::zero() { -T::one() } else { T::one() };
    *row * *r
}

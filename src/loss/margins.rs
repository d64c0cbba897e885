//! Whether a convex loss falls for ever, asked of its slopes.

use crate::Real;

/// The margin of a convex loss of one score along `r`, by its slope `∂ℓ/∂z`: as far out as numbers reach, and nearer where the
/// formula ends before. There it grows, falls, or its slope is zero: then either that has faded, and the loss falls for
/// ever, or it ended at once, as that of a hinge does, and there is a minimum as if it grew.
pub(super) fn margin_by<T: Real>(slope: impl Fn(T) -> T, y: T, r: T) -> T {
    let widest = if T::EPSILON.f64() < 1e-10 { 1022 } else { 126 };
    if y.abs() > T::of(2f64.powi(widest - 1)) {
        return -r.abs(); // no number is beyond such a target
    }
    let side = if r < T::zero() { -T::one() } else { T::one() };
    let along = |k: i32| side * slope(side * T::of(2f64.powi(k)));
    let nearer = std::iter::successors(Some(widest), |k| (*k > 1).then_some(k / 2));
    let far = nearer.map(along).find(|slope| !slope.f64().is_nan()).unwrap_or(T::one());
    if far != T::zero() {
        return if far > T::zero() { -r.abs() } else { r.abs() };
    }
    let ended = |slope: &T| slope.abs() > T::zero();
    let slopes: Vec<T> = (-4..widest).map(along).take_while(ended).map(|slope| slope.abs()).collect();
    // over twice the distance an exponential falls by more each time, a power of the distance from its end by less before that
    let fades =
        slopes.len() > 2 && slopes[slopes.len() - 3..].windows(2).all(|pair| pair[0] > T::of(3.0) * pair[1]);
    if fades { r.abs() } else { -r.abs() }
}

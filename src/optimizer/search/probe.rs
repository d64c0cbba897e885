//! A look along directions in which curvature says nothing: the way off plateaus and inflections.
//!
//! At most [`VALUES`] values along [`MIXTURES`] seeded mixtures of the flat directions and along the flat parts of the
//! axes, both ways, first as far as takes some variable by a quarter of its [`Size`], then four times that; a ray that has
//! risen is not followed. Then, where there is more
//! than one flat direction, eight descents of [`DESCENT`] evaluations from mixtures at ¼, 1, 4 and 16. A single
//! direction is followed up to `10³`. A fall counts beyond the rounding at both of its ends. Where a ray rises on one side
//! and is level on the other, the slope must not come out of its zeros as one that [`vanishes`] does, of up to
//! [`ONE_SIDED`] rays.
//!
//! Before that, [`SHORT`] steps against the flat part of the gradient, each four times the one before: it should be
//! rounding, and where it is not, `f` falls in a valley that is too narrow for longer looks.

use nalgebra::DVector;

use super::{Evaluated, Position, Size, assign, closeness, escape_along, is_within, rounding};
use crate::objective::Lanczos;
use crate::optimizer::{Lbfgs, Outcome, Probed};
use crate::{CriticalKind, Error, Hessian, HessianProduct, Objective, Real, Termination, kernel};

const VALUES: usize = 72;
const MIXTURES: usize = 32;
const DESCENT: usize = 16;
const ONE_SIDED: usize = 4;
const SHORT: i32 = 13;

/// Looks around `x` in the directions that are orthogonal to all of `range`: what was seen, and whether along a single one
/// `f` still falls where it was looked at last. A lower point is put in `x`.
pub(crate) fn probe<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, gradient: &DVector<T>, range: &[DVector<T>], size: &Size<T>,
) -> Result<(Probed, bool), Error> {
    let n = at.x.len();
    let from = at.x.clone();
    let sizes = DVector::from_fn(n, |i, _| size.of(i, from[i]));
    if follow(at, gradient, range, &sizes) {
        return Ok((Probed::Lower, false));
    }
    let start = at.step.evaluations;
    let is_single = range.len() + 1 >= n;
    let (lengths, mixtures): (&[f64], _) = match is_single {
        true => (&[0.25, 1.0, 4.0, 16.0, 64.0, 256.0, 1000.0], 1),
        false => (&[0.25, 1.0], MIXTURES + n.min(VALUES)),
    };
    let mut rays: Vec<Ray<T>> = vec![[(T::zero(), false); 2]; mixtures];
    let (mut lowest, mut farthest) = (at.step.value, false);
    for &length in lengths {
        for (k, ray) in rays.iter_mut().enumerate() {
            let Some(v) = mixture(k, &sizes, range) else { continue };
            for ((t, rose), sign) in ray.iter_mut().zip([1.0, -1.0]) {
                if *rose || at.step.evaluations - start >= VALUES {
                    continue;
                }
                *t = T::of(length * sign);
                let there = &from + &v * *t;
                let f = if kernel::all_finite(there.as_slice()) { at.value(&there) } else { T::NAN };
                if !(f.is_finite() && f <= at.step.value + rounding(at.step.value.abs().max(f.abs()))) {
                    *rose = true;
                } else if f < lowest && is_lower(at, &there, f) {
                    (lowest, farthest) = (f, is_single && length > 999.0);
                    at.x.copy_from(&there);
                    if !is_single {
                        return Ok((Probed::Lower, false));
                    }
                }
            }
        }
    }
    // what falls by so little, as far as was looked, is a valley whose gradient is rounding
    if farthest && at.step.value - lowest <= T::EPSILON.sqrt() * at.step.value.abs() {
        assign(at.x, &from);
        return Ok((Probed::Valley, false));
    }
    if lowest < at.step.value {
        return Ok((Probed::Lower, farthest));
    }
    if !is_single && descend(at, range, &sizes)? {
        return Ok((Probed::Lower, false));
    }
    if comes_out_of_rounding(at, &sizes, range, &rays)? {
        return Ok((Probed::Level, true));
    }
    let sides = || rays.iter().flatten().filter(|(t, _)| *t != T::zero());
    let seen = match sides().filter(|(_, rose)| *rose).count() {
        0 if range.is_empty() => Probed::Level,
        risen if risen == sides().count() => Probed::Bowl,
        _ => Probed::Valley,
    };
    Ok((seen, false))
}

/// How far each side was followed, and whether `f` rose there.
type Ray<T> = [(T, bool); 2];

/// Whether a ray on which `f` is level on one side alone has come there by underflow, or by rounding.
fn comes_out_of_rounding<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, sizes: &DVector<T>, range: &[DVector<T>], rays: &[Ray<T>],
) -> Result<bool, Error> {
    let x = at.x.clone();
    let of_one_side = |(k, ray): (usize, &Ray<T>)| match *ray {
        [(s, true), (t, false)] | [(t, false), (s, true)] if t != T::zero() => Some((k, s)),
        _ => None,
    };
    for (k, t) in rays.iter().enumerate().filter_map(of_one_side).take(ONE_SIDED) {
        if let Some(v) = mixture(k, sizes, range)
            && vanishes_along(at, &x, &(v * t))?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the slope along `v`, where `f` has risen, [vanishes] next to `x`, where it is level the other way: seen from
/// where it is steepest, of `4ᵏ v`
fn vanishes_along<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, x: &DVector<T>, v: &DVector<T>,
) -> Result<bool, Error> {
    let mut gradient = DVector::zeros(0);
    let mut slope_at = |there: &DVector<T>| {
        at.evaluate(there, &mut gradient)?;
        Ok(kernel::dot(gradient.as_slice(), v.as_slice()))
    };
    let mut slope = |t: T| slope_at(&(x + v * t));
    // beyond x the slope falls to nothing
    let mut last = T::MAX;
    for length in (-4..=1).map(|k| -T::of(4_f64.powi(k))) {
        let slope = slope(length)?;
        if !(slope >= T::zero() && slope <= last) {
            return Ok(false);
        }
        last = slope;
    }
    let (mut steepest, mut t) = (T::zero(), T::one());
    for length in (-10..=4).map(|k| T::of(4_f64.powi(k))) {
        let found = slope(length)?;
        if found > steepest && found.is_finite() {
            (steepest, t) = (found, length);
        }
    }
    // in a flat valley it is rounding, as neighbours tell
    for ulps in NEIGHBOURS.map(T::of) {
        let beside = slope_at(&neighbour(&(x + v * t), ulps))?;
        if !(steepest > T::of(64.0) * (beside - steepest).abs()) {
            return Ok(false);
        }
    }
    vanishes(|share| slope_at(&(x + v * (share * t))))
}

/// Goes against the flat part of the gradient as long as `f` falls; whether it went anywhere.
fn follow<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, gradient: &DVector<T>, range: &[DVector<T>], sizes: &DVector<T>,
) -> bool {
    let next_to_one = kernel::norm_inf(gradient.as_slice()).unit().0;
    let Some(v) = outside(gradient * next_to_one, range, sizes) else { return false };
    let (from, mut lowest) = (at.x.clone(), at.step.value);
    for k in (0..SHORT).rev() {
        let there = &from - &v * T::of(0.25_f64.powi(k));
        let f = at.value(&there);
        if !(f <= at.step.value + rounding(at.step.value)) {
            break;
        }
        if f < lowest && is_lower(at, &there, f) {
            lowest = f;
            at.x.copy_from(&there);
        }
    }
    lowest < at.step.value
}

/// Descents from the mixtures; whether one ended lower than `x`, which is then there.
fn descend<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, range: &[DVector<T>], sizes: &DVector<T>,
) -> Result<bool, Error> {
    for k in 0..8 {
        let Some(v) = mixture(k, sizes, range) else { continue };
        let mut there = &*at.x + v * T::of(4f64.powi(k as i32 % 4 - 1));
        let (f, evaluations) = Lbfgs::new().descend(&mut &mut *at.objective, &mut there, DESCENT)?;
        at.step.evaluations += evaluations;
        if is_lower(at, &there, f) {
            assign(at.x, &there);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether `f` there is below that at `x` by more than rounding at both ends, and by more than it wavers at either.
fn is_lower<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, there: &DVector<T>, f: T,
) -> bool {
    let mut noise = T::of(4.0) * rounding(at.step.value.abs().max(f.abs()));
    if !(f < at.step.value - noise) {
        return false;
    }
    let (x, value) = (at.x.clone(), at.step.value);
    for (point, f) in [(there, f), (&x, value)] {
        for ulps in NEIGHBOURS.map(T::of) {
            let change = (at.value(&neighbour(point, ulps)) - f).abs();
            noise = noise.max(T::of(4.0) * change);
        }
    }
    f < at.step.value - noise
}

/// Ulps that tell what is rounding: what moves a residual by less than an ulp of its own shows nothing.
pub(crate) const NEIGHBOURS: [f64; 4] = [-8.0, -2.0, 2.0, 8.0];

/// The point whose coordinates are so many ulps off, and half as many more the other way, in turn: terms of one size with both
/// signs do not cancel what that makes of them.
pub(crate) fn neighbour<T: Real>(x: &DVector<T>, ulps: T) -> DVector<T> {
    let by = [-ulps, ulps * T::of(1.5)].map(|ulps| T::one() + ulps * T::EPSILON);
    x.map_with_location(|i, _, x| x * by[i % 2])
}

/// The `k`-th seeded mixture, by the sizes of the variables, of what is orthogonal to `range`, and after those the part of an
/// axis there; nothing where that is rounding.
fn mixture<T: Real>(k: usize, sizes: &DVector<T>, range: &[DVector<T>]) -> Option<DVector<T>> {
    let mut v = DVector::zeros(sizes.len());
    match k.checked_sub(MIXTURES) {
        Some(axis) => v[axis] = sizes[axis],
        None => {
            kernel::unstructured(k as u64, v.as_mut_slice());
            v.component_mul_assign(sizes);
        }
    }
    outside(v, range, sizes)
}

/// The part of `v` that is orthogonal to `range`, as long as a variable is wide: `max |v_i| / size_i = 1`. Nothing where that is
/// rounding.
fn outside<T: Real>(mut v: DVector<T>, range: &[DVector<T>], sizes: &DVector<T>) -> Option<DVector<T>> {
    let size = kernel::norm(v.as_slice());
    for _ in 0..2 {
        for q in range {
            let overlap = kernel::dot(q.as_slice(), v.as_slice());
            kernel::axpy(-overlap, q.as_slice(), v.as_mut_slice());
        }
    }
    let widest = v.iter().zip(sizes).fold(T::zero(), |most, (v, size)| most.max(v.abs() / *size));
    (kernel::norm(v.as_slice()) > T::EPSILON.sqrt() * size).then(|| v / widest)
}

/// Whether the Newton step, `x − s`, moves a coordinate by more than `⁴√ε` of its size, which is no less than `reach`, and leads
/// to a lower point: then a method that knows gradients alone has ended in a valley.
pub(crate) fn leads_lower<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, s: &DVector<T>, reach: T,
) -> bool {
    let size = Size::at(at.x);
    if is_within(at.x, s, T::EPSILON.sqrt().sqrt(), |i, x| size.of(i, x).max(reach)) {
        return false;
    }
    let there = &*at.x - s;
    let f = at.value(&there);
    is_lower(at, &there, f)
}

/// Whether a lower point is as near as a minimum can be told: then it belongs to the same one.
pub(crate) fn is_same<T: Real>(x: &DVector<T>, there: &DVector<T>, size: &Size<T>) -> bool {
    is_within(x, &(there - x), closeness(), |i, x| size.of(i, x))
}

/// Leaves a point where a run would end, if its Hessian is semidefinite with flat directions and a lower point is near;
/// says so where `f` falls as far as was looked, or where nothing tells it from a plateau. Whether it is decided. What is
/// `pure` does not move.
pub(crate) fn leave_flat<T: Real, O: Hessian<T> + ?Sized>(
    at: &mut Position<'_, T, O>, here: &mut Evaluated<T>, pure: bool,
) -> Result<bool, Error> {
    if at.objective.is_convex() {
        return Ok(false);
    }
    let tolerance = match here.judge_here(at.objective, at.x) {
        Ok(point) if point.kind == CriticalKind::Degenerate => point.tolerance,
        _ => return Ok(false),
    };
    match kernel::spectrum(&here.hessian) {
        Some(spectrum) => leave(at, (&here.gradient, &here.size), &spectrum.range(tolerance), pure),
        None => Ok(false),
    }
}

/// [`leave_flat`], the range of the Hessian known.
pub(crate) fn leave<T: Real, O: Objective<T> + ?Sized>(
    at: &mut Position<'_, T, O>, (gradient, size): (&DVector<T>, &Size<T>), range: &[DVector<T>], pure: bool,
) -> Result<bool, Error> {
    let from = at.x.clone();
    let (mut seen, falls) = probe(at, gradient, range, size)?;
    if pure && seen == Probed::Lower && is_same(&from, at.x, size) {
        seen = Probed::Bowl;
    }
    at.step.probed = seen;
    if seen == Probed::Lower && !pure && !falls {
        at.step.probed = Probed::No; // of the point it left
        at.step.outcome = Outcome::Escaped;
        return Ok(true);
    }
    assign(at.x, &from);
    let is_minimum = matches!(seen, Probed::Bowl | Probed::Valley);
    if !is_minimum {
        let is_fall = falls && !pure;
        at.step = at.step.ended(if is_fall { Termination::Divergence } else { Termination::NoDescent });
    }
    Ok(!is_minimum)
}

/// Whether a step is all that there is: where the gradient has met its tolerance, or the method's own test calls the point
/// settled, flat directions are looked along; elsewhere the step says that the point is not stationary. Of a convex
/// function the method's own test is enough.
pub(crate) fn ends<T: Real, O: Hessian<T> + ?Sized>(
    at: &mut Position<'_, T, O>, here: &mut Evaluated<T>, is_settled: bool, pure: bool,
) -> Result<bool, Error> {
    let is_end = here.is_end(&at.step);
    if is_end || is_settled {
        at.step.tolerance = Some(here.change(|i, x| closeness::<T>() * here.size.of(i, x)));
        at.step.floor = here.change(|_, x| T::of(4.0) * T::EPSILON * x.abs());
        if leave_flat(at, here, pure)? || is_end {
            return Ok(true);
        }
        // elsewhere the run asks how the gradient changes, for an inflection may be near
        if at.objective.is_convex() && here.has_no_tolerance() {
            at.step = at.step.ended(Termination::Exact);
            return Ok(true);
        }
        return Ok(false);
    }
    if here.is_within_run() {
        at.step.outcome = Outcome::Unsettled;
    }
    Ok(false)
}

/// [`ends`] by so many `products`; a saddle is left too, also where the point is only near one. Which directions are flat is
/// not known: all mixtures are probed.
pub(crate) fn ends_by_products<T: Real, O: HessianProduct<T> + ?Sized>(
    at: &mut Position<'_, T, O>, here: &Evaluated<T>, lanczos: &mut Lanczos<T>, products: usize,
    (is_settled, is_near): (bool, bool),
) -> Result<bool, Error> {
    let is_end = here.is_end(&at.step);
    let ends = is_end || is_settled;
    if !ends && here.is_within_run() {
        at.step.outcome = Outcome::Unsettled;
    }
    if !(ends || is_near) {
        return Ok(false);
    }
    if let Some((lambda, v)) = lanczos.negative_eigenvalue(at.objective, at.x, products)? {
        return Ok(escape_along(at, here.scale(), v.as_slice(), lambda, &mut DVector::zeros(0)) || is_end);
    }
    if ends && lanczos.is_flat() && !at.objective.is_convex() {
        return Ok(leave(at, (&here.gradient, &here.size), &[], false)? || is_end);
    }
    Ok(is_end)
}

/// Whether a slope, positive at 1 and zero at 0, comes out of its zeros as one that underflows or is rounding does: by a
/// jump that is small beside the slope at 1, and then not like a power of the distance from there, whose ratios over
/// the same factor are equal.
pub(crate) fn vanishes<T: Real>(mut slope: impl FnMut(T) -> Result<T, Error>) -> Result<bool, Error> {
    let highest = slope(T::one())?;
    let (mut flat, mut edge) = (T::zero(), T::one());
    for _ in 0..64 {
        let middle = T::of(0.5) * (flat + edge);
        if slope(middle)? > T::zero() { edge = middle } else { flat = middle }
    }
    let mut at = |share: f64| slope(edge + T::of(share) * (T::one() - edge));
    let (nearest, near, far) = (at(1.0 / 1024.0)?, at(1.0 / 64.0)?, at(0.25)?);
    let (first, second) = (near / nearest, far / near);
    let is_power = first > T::of(3.0) && second < T::of(16.0) * first * first;
    Ok(highest > T::zero() && near <= T::EPSILON.sqrt() * highest && !is_power)
}

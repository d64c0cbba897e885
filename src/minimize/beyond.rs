//! Whether `f` falls for ever the way that a run went: then its gradient vanishes, but no minimum is there.

use nalgebra::DVector;

use super::Report;
use crate::objective::evaluate;
use crate::optimizer::{NEIGHBOURS, neighbour, rounding, vanishes};
use crate::{Error, Objective, Real, kernel};

/// The last step of a run that was none of rounding, by the variables that it moved: by more than `√ε` of the way that they
/// have been from the start.
#[derive(Debug, Default)]
pub(super) struct Course<T: Real> {
    pub(super) start: DVector<T>,
    /// Of each variable the way, the step and the one that is looked at; in one allocation, which runs of few variables notice.
    moves: Vec<T>,
    /// The longest of the ways of those variables.
    pub(super) way: T,
    /// The points after 8, 16, 32, … steps, the last two of them.
    marks: [DVector<T>; 2],
}

impl<T: Real> Course<T> {
    pub(super) fn new(start: &DVector<T>) -> Self {
        Self { start: start.clone(), ..Self::default() }
    }

    /// The direction of the step, `‖v‖∞ = 1`.
    fn direction(&self) -> DVector<T> {
        let n = self.start.len();
        let step = DVector::from_column_slice(&self.moves[n..2 * n]);
        &step / kernel::norm_inf(step.as_slice())
    }

    pub(super) fn see(&mut self, iteration: usize, x: &DVector<T>, before: &DVector<T>) {
        if iteration >= 8 && iteration.is_power_of_two() {
            self.marks.swap(0, 1);
            self.marks[0].clone_from(x);
        }
        let (x, before, start) = (x.as_slice(), before.as_slice(), self.start.as_slice());
        if self.moves.is_empty() {
            if x == start {
                return;
            }
            self.moves = vec![T::zero(); 3 * x.len()];
        }
        let (ways, steps) = self.moves.split_at_mut(x.len());
        let (step, next) = steps.split_at_mut(x.len());
        let (least, mut longest) = (T::EPSILON.sqrt(), T::zero());
        let ends = x.iter().zip(before).zip(start);
        for (((x, before), start), (way, next)) in ends.zip(ways.iter_mut().zip(&mut *next)) {
            let (from, moved) = ((*x - *start).abs(), *x - *before);
            *way = if from > *way { from } else { *way };
            let is_moved = moved.abs() > least * *way;
            *next = if is_moved { moved } else { T::zero() };
            longest = if is_moved && *way > longest { *way } else { longest };
        }
        if longest > T::zero() {
            self.way = longest;
            step.copy_from_slice(next);
        }
    }
}

/// `‖x − y‖∞`.
pub(super) fn distance<T: Real>(x: &DVector<T>, y: &DVector<T>) -> T {
    x.as_slice().iter().zip(y.as_slice()).fold(T::zero(), |most, (x, y)| most.max((*x - *y).abs()))
}

/// Whether `f` falls for ever the way that the run went: by its last step, or since a point some way back, or by the part of
/// the last step in which `f` is flat, where other terms have settled since; of that only where the run has left the start far
/// behind, for it takes evaluations at every minimum.
pub(super) fn falls<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, course: &Course<T>,
) -> Result<bool, Error> {
    let (x, v, way) = (report.x.clone(), course.direction(), course.way);
    let moved = v.zip_zip_map(&x, &course.start, |v, x, start| if v == T::zero() { x } else { start });
    let back = &x - &v * way;
    if falls_along(objective, report, (&v, way), &[&moved, &back])? {
        return Ok(true);
    }
    // a run that ends at a minimum has come next to it
    let far = |from: &DVector<T>| {
        from.len() == x.len() && distance(&x, from) > T::of(0.125) * distance(&x, &course.start)
    };
    for mark in course.marks.iter().filter(|mark| far(mark)) {
        let (v, way) = (&x - mark, distance(&x, mark));
        if falls_along(objective, report, (&(v / way), way), &[mark])? {
            return Ok(true);
        }
    }
    if way <= T::of(4.0) * kernel::norm_inf(course.start.as_slice()) {
        return Ok(false);
    }
    let Some(v) = flat_part(objective, report, v, way)? else { return Ok(false) };
    Ok(falls_along(objective, report, (&v, way), &[&(&x - &v * way)])?
        || falls_along(objective, report, (&-&v, way), &[&(&x + &v * way)])?)
}

/// Of more variables the part of a direction in which `f` is flat is not asked for.
const FEW: usize = 5;

/// What is left of `v` without the directions in which the gradient changes along it, `v ← v − u uᵀv`, `u ∝ ∇²f v`, one after
/// the other; nothing where that is rounding.
fn flat_part<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, mut v: DVector<T>, way: T,
) -> Result<Option<DVector<T>>, Error> {
    let n = v.len();
    if !(2..=FEW).contains(&n) {
        return Ok(None);
    }
    let t = way * T::of(0.25_f64.powi(8));
    let [mut ahead, mut behind] = [DVector::zeros(0), DVector::zeros(0)];
    let mut first = None;
    for _ in 0..2 * (n - 1) {
        report.evaluations = report.evaluations.saturating_add(2);
        evaluate(objective, &(&report.x + &v * t), &mut ahead)?;
        evaluate(objective, &(&report.x - &v * t), &mut behind)?;
        let change = &ahead - &behind;
        let size = kernel::norm_inf(change.as_slice());
        if !(size > T::EPSILON.sqrt() * *first.get_or_insert(size)) {
            break;
        }
        let u = change / size;
        let share = kernel::dot(u.as_slice(), v.as_slice()) / kernel::dot(u.as_slice(), u.as_slice());
        v -= u * share;
        let size = kernel::norm_inf(v.as_slice());
        if !(size > T::EPSILON.sqrt()) {
            return Ok(None);
        }
        v /= size;
    }
    Ok(Some(v))
}

/// Looks along `v`, `‖v‖∞ = 1`, by lengths `t` up to the whole `way`. No minimum shows where `∇f(x + t v)ᵀv` is negative for
/// all `t`, or zero for all and [vanishing](vanishes) on the straight way from one of these points. Rounding is what is
/// within four times the slopes at the nearest numbers.
fn falls_along<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, (v, way): (&DVector<T>, T), from: &[&DVector<T>],
) -> Result<bool, Error> {
    if report.face.as_ref().is_some_and(|face| face.ends(v)) {
        return Ok(false);
    }
    let x = report.x.clone();
    let mut slope = |t: T| slope_at(objective, report, &x, v, t * way);
    // at a minimum slopes grow with the distance
    let (near, far) = (slope(T::of(0.25_f64.powi(13)))?, slope(T::of(0.25_f64.powi(12)))?);
    if near > T::zero() && far > T::of(2.0) * near {
        return Ok(false);
    }
    let size = kernel::norm_inf(x.as_slice()).max(way) / way;
    let mut noise = T::zero();
    for k in 1..=4 {
        let nearest = T::of(2.0 * f64::from(k)) * T::EPSILON * size;
        noise = noise.max(slope(nearest)?.abs()).max(slope(-nearest)?.abs());
    }
    noise = noise.max(wavers(objective, report, &x, v, T::zero())?);
    let mut slope = |t: T| slope_at(objective, report, &x, v, t * way);
    let mut slope =
        |t: T| slope(t).map(|slope| if slope.abs() <= T::of(4.0) * noise { T::zero() } else { slope });
    let mut slopes = [T::zero(); 27];
    for k in (0..=13).rev().chain(14..=26) {
        slopes[k as usize] = slope(T::of(0.25_f64.powi(k)))?;
        if !(slopes[k as usize] <= T::zero()) {
            return Ok(false);
        }
    }
    // on the way to a limit slopes shrink, and where there is none f falls visibly; what does neither is rounding
    let (far, near) = (slopes[0], slopes[8..].iter().fold(T::zero(), |least: T, slope| least.min(*slope)));
    if near < T::zero() && far > T::of(0.75) * near {
        return Ok(true);
    }
    if slopes.iter().any(|slope| *slope < T::zero()) {
        let there = evaluate(objective, &(&x + v * way), &mut DVector::zeros(0))?;
        report.evaluations = report.evaluations.saturating_add(1);
        if there < report.value - rounding(report.value) {
            return Ok(true);
        }
    }
    for from in from {
        if vanishes_on_the_way(objective, report, from, noise)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the slope [vanishes] on the straight way `from` there: seen from the farthest distance `d` at which `f` fell about as
/// fast as anywhere, on to `x`, at `r`, by `r (d/r)ˢ`, for `d` may be rounding beside `r`. What is steep by no more
/// than `64` times the noise at `x`, or there, may be rounding.
fn vanishes_on_the_way<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, from: &DVector<T>, mut noise: T,
) -> Result<bool, Error> {
    let way = &report.x - from;
    let r = kernel::norm_inf(way.as_slice());
    let way = way / r;
    let mut fall = |d: T| slope_at(objective, report, from, &way, d).map(|slope| -slope);
    let (mut steepest, mut nearest) = (T::zero(), T::one());
    for share in (0..=60).map(|k| T::of(0.25_f64.powi(k))) {
        let found = fall(share * r)?;
        // the farthest of those that are nearly as steep
        if found > T::of(4.0) * steepest && found.is_finite() {
            (steepest, nearest) = (found, share);
        }
    }
    let there = from + &way * (nearest * r);
    noise = noise.max(wavers(objective, report, &there, &way, -steepest)?);
    if !(steepest > T::of(64.0) * noise) {
        return Ok(false);
    }
    let mut fall = |d: T| slope_at(objective, report, from, &way, d).map(|slope| -slope);
    vanishes(|s: T| fall(T::of(nearest.f64().powf(s.f64())) * r))
}

/// The most that the slope along `v` differs from this one at the [`NEIGHBOURS`] of a point.
fn wavers<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, x: &DVector<T>, v: &DVector<T>, slope: T,
) -> Result<T, Error> {
    NEIGHBOURS.map(T::of).into_iter().try_fold(T::zero(), |most: T, ulps| {
        let beside = slope_at(objective, report, &neighbour(x, ulps), v, T::zero())?;
        Ok(most.max((beside - slope).abs()))
    })
}

/// `∇f(x + t v)ᵀv`, where it is more than rounding of its terms.
fn slope_at<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, x: &DVector<T>, v: &DVector<T>, t: T,
) -> Result<T, Error> {
    report.evaluations = report.evaluations.saturating_add(1);
    let mut gradient = DVector::zeros(0);
    evaluate(objective, &(x + v * t), &mut gradient)?;
    let terms = gradient.component_mul(v);
    let slope = terms.sum();
    Ok(if slope.abs() <= T::of(16.0) * T::EPSILON * terms.abs().sum() { T::zero() } else { slope })
}

//! Whether `f` falls for ever the way that a run went: then its gradient vanishes, but no minimum is there.

use nalgebra::DVector;

use super::Report;
use crate::objective::evaluate;
use crate::optimizer::vanishes;
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

    pub(super) fn see(&mut self, x: &DVector<T>, before: &DVector<T>) {
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

/// Looks along the direction `v` of the last step, `‖v‖∞ = 1`, by lengths `t` up to the whole `way` from the start. No
/// minimum shows where `∇f(x + t v)ᵀv` is negative for all `t`, or zero for all and [vanishing](vanishes) behind `x`.
/// Rounding is what is within four times the slopes at the nearest numbers.
pub(super) fn falls<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, course: &Course<T>,
) -> Result<bool, Error> {
    let v = course.direction();
    if report.face.as_ref().is_some_and(|face| face.ends(&v)) {
        return Ok(false);
    }
    let mut gradient = DVector::zeros(0);
    let mut slope = |t: T| -> Result<T, Error> {
        report.evaluations = report.evaluations.saturating_add(1);
        let mut there = report.x.clone();
        kernel::axpy(t * course.way, v.as_slice(), there.as_mut_slice());
        evaluate(objective, &there, &mut gradient)?;
        Ok(kernel::dot(gradient.as_slice(), v.as_slice()))
    };
    // at a minimum slopes grow with the distance
    let (near, far) = (slope(T::of(0.25_f64.powi(13)))?, slope(T::of(0.25_f64.powi(12)))?);
    if near > T::zero() && far > T::of(2.0) * near {
        return Ok(false);
    }
    let size = kernel::norm_inf(report.x.as_slice()).max(course.way) / course.way;
    let mut noise = T::zero();
    for k in 1..=4 {
        let nearest = T::of(2.0 * f64::from(k)) * T::EPSILON * size;
        noise = noise.max(slope(nearest)?.abs()).max(slope(-nearest)?.abs());
    }
    let mut slope =
        |t: T| slope(t).map(|slope| if slope.abs() <= T::of(4.0) * noise { T::zero() } else { slope });
    let mut falls = false;
    for k in (0..=13).rev().chain(14..=26) {
        let slope = slope(T::of(0.25_f64.powi(k)))?;
        if !(slope <= T::zero()) {
            return Ok(false);
        }
        falls |= slope < T::zero();
    }
    if falls {
        return Ok(true);
    }
    vanishes_on_the_way(objective, report, course, &v)
}

/// Whether the slope [vanishes] on the straight way from the start, by the variables that `v` moves: seen from the farthest
/// distance `d` at which `f` fell about as fast as anywhere, on to `x`, at `r`, by `r (d/r)ˢ`, for `d` may be rounding beside
/// `r`.
fn vanishes_on_the_way<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>, course: &Course<T>, v: &DVector<T>,
) -> Result<bool, Error> {
    let from = v.zip_zip_map(&report.x, &course.start, |v, x, start| if v == T::zero() { x } else { start });
    let way = &report.x - &from;
    let r = kernel::norm_inf(way.as_slice());
    let way = way / r;
    let mut gradient = DVector::zeros(0);
    let mut fall = |d: T| -> Result<T, Error> {
        report.evaluations = report.evaluations.saturating_add(1);
        let mut there = from.clone();
        kernel::axpy(d, way.as_slice(), there.as_mut_slice());
        evaluate(objective, &there, &mut gradient)?;
        Ok(-kernel::dot(gradient.as_slice(), way.as_slice()))
    };
    let (mut steepest, mut nearest) = (T::zero(), T::one());
    for share in (0..=60).map(|k| T::of(0.25_f64.powi(k))) {
        let found = fall(share * r)?;
        // the farthest of those that are nearly as steep
        if found > T::of(4.0) * steepest && found.is_finite() {
            (steepest, nearest) = (found, share);
        }
    }
    vanishes(|s: T| fall(T::of(nearest.f64().powf(s.f64())) * r))
}

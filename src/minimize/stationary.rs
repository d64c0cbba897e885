//! What counts as zero for a gradient, in no unit of `f`.

use nalgebra::DVector;

use super::beyond::{self, Course, distance};
use super::{Report, Stop};
use crate::objective::evaluate;
use crate::optimizer::{Outcome, Size, Step, neighbour, rounding, units};
use crate::{CriticalPoint, Error, Objective, Real, Recession, Termination, kernel};

/// How many steps confirm the relative rule.
const CONFIRMED: usize = 8;

/// What is asked of the gradient at a point, and the buffers for it.
#[derive(Debug, Default)]
pub(super) struct Zero<T: Real> {
    stop: Stop<T>,
    /// `f` and `‖∇f‖∞` at the start.
    first: Option<(T, T)>,
    was_low: bool,
    /// The tolerance where it was measured last.
    known: Option<T>,
    pub(super) course: Course<T>,
    /// `‖x‖∞` at the start, or where a start of zeros first led.
    reach: T,
    met: Option<Met<T>>,
    /// Whether the method has a test of its own, and has called a point before not stationary.
    pub(super) is_judged: bool,
    gradient: DVector<T>,
    size: Size<T>,
    /// The [units] of the variables: 1 within bounds.
    unit: DVector<T>,
    /// Their sizes: next to zero those of [`Size`], or of the units where these differ.
    sizes: DVector<T>,
    is_bounded: bool,
    there: DVector<T>,
    changed: DVector<T>,
}

/// A point that met the relative rule.
#[derive(Debug)]
struct Met<T: Real> {
    iteration: usize,
    x: DVector<T>,
    value: T,
    gradient_norm: T,
    tolerance: T,
}

impl<T: Real> Zero<T> {
    pub(super) fn new(stop: &Stop<T>, start: &DVector<T>, is_bounded: bool) -> Self {
        Self { stop: *stop, course: Course::new(start), is_bounded, ..Self::default() }
    }

    /// Whether the gradient has fallen to `√ε` of the first one just now: where `f` falls for ever, it vanishes far out.
    pub(super) fn is_low_first(&mut self, report: &Report<T>) -> bool {
        let (_, first) = *self.first.get_or_insert((report.value, report.gradient_norm));
        if self.reach == T::zero() {
            self.reach = kernel::norm_inf(report.x.as_slice());
        }
        let is_low = report.gradient_norm <= T::EPSILON.sqrt() * first && self.stop.relative > T::zero();
        is_low && !std::mem::replace(&mut self.was_low, true)
    }

    /// Whether the start is less than such a share of the point.
    fn is_far_out(&self, report: &Report<T>, share: T) -> bool {
        kernel::norm_inf(report.x.as_slice()) * share > self.reach.max(T::one())
    }

    /// Whether the run has not found a minimum but gone off: where the start is `√ε` beside the point and `f` is lower at
    /// `2 x`, or the start is rounding and `f` no higher there, or [`beyond`] the point `f` falls on. Not asked where a convex
    /// function is known not to recede, an eigenvalue is negative, or the least one tells of a curvature that can be seen
    /// beside the first gradient.
    pub(super) fn runs_off<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, report: &mut Report<T>,
    ) -> Result<bool, Error> {
        let is_far = self.is_far_out(report, T::EPSILON.sqrt());
        let is_stuck = report.termination == Termination::NoDescent;
        let is_sure = objective.is_convex() && report.recession == Recession::No;
        if is_sure || !(report.termination.is_stationary() || is_stuck && is_far) {
            return Ok(false);
        }
        if is_far {
            report.evaluations = report.evaluations.saturating_add(1);
            let there = objective.value(&(&report.x * T::of(2.0)));
            // nearer than where the start is rounding it may be a level valley
            let is_level = there == report.value && self.is_far_out(report, T::EPSILON);
            let falls = there < report.value || is_level;
            if falls || is_stuck {
                return Ok(falls);
            }
        }
        let first = self.first.map_or(T::zero(), |(_, first)| first);
        let way = self.course.way;
        let is_clear = |point: &CriticalPoint<T>| {
            point.inertia.negative > 0 || point.extremes().0 * way > T::EPSILON.sqrt() * first
        };
        let is_seen = way == T::zero() || report.certificate.as_ref().is_some_and(is_clear);
        Ok(!is_seen && beyond::falls(objective, report, &self.course)?)
    }

    /// Whether the gradient at the report's point, which a step from the one `before` led to, is zero. The relative rule is
    /// asked at the start, when the gradient comes near what it asked for before, now and then, and at the end. Where a
    /// method is stuck, values have told it `x` to `√ε`, and no more is asked. Where nothing but gradients is known, the
    /// next steps have to [confirm](Self::is_confirmed) it.
    pub(super) fn holds<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, report: &mut Report<T>, before: &DVector<T>, step: &Step<T>,
    ) -> Result<bool, Error> {
        let norm = report.gradient_norm;
        let is_stuck = matches!(step.outcome, Outcome::Ended(_));
        report.tolerance = self.stop.gradient;
        report.floor = T::zero();
        let known = step.tolerance.filter(|known| norm <= *known && self.stop.relative > T::zero());
        if let Some(known) = known.filter(|_| objective.is_convex()) {
            report.tolerance = report.tolerance.max(known);
            return Ok(true);
        }
        if is_stuck {
            self.stop.relative = self.stop.relative.max(T::EPSILON.sqrt());
        }
        if norm <= report.tolerance || self.stop.relative == T::zero() || self.is_far_out(report, T::EPSILON)
        {
            return Ok(norm <= report.tolerance);
        }
        let is_last = report.iterations == self.stop.iterations;
        // coordinates of zero have no size of their own
        let is_warm = report.iterations == 0 && self.course.start.iter().all(|x| *x != T::zero());
        // after the last step nobody but the rule has a word
        let is_told = is_stuck || is_warm || self.is_judged && !is_last || step.tolerance.is_some();
        if let Some(met) = self.met.take_if(|_| !is_told) {
            let is_sure = norm <= T::EPSILON * met.gradient_norm;
            if !(is_sure || is_last) && report.iterations < met.iteration + CONFIRMED {
                self.met = Some(met);
                return Ok(false);
            }
            if is_sure || self.is_confirmed(objective, &met, report)? {
                report.tolerance = report.tolerance.max(met.tolerance);
                return Ok(true);
            }
        }
        let again = report.iterations >= 32 && report.iterations.is_power_of_two();
        let is_near = self.known.is_none_or(|known| norm <= T::of(2.0) * known);
        if is_stuck || is_last || again || is_near {
            self.measure(objective, report, before)?;
            self.known = Some(report.tolerance);
        }
        if is_stuck && norm > report.tolerance {
            self.measure_floor(objective, report)?;
        }
        let is_met = norm <= report.tolerance.max(report.floor);
        if is_met && !is_told {
            let &mut Report { iterations: iteration, value, gradient_norm, tolerance, ref x, .. } = report;
            self.met = Some(Met { iteration, x: x.clone(), value, gradient_norm, tolerance });
            report.tolerance = self.stop.gradient;
        }
        Ok(is_met && is_told)
    }

    /// Whether the rule holds along the way since it was met too: in a narrow valley neither the gradient nor one step shows
    /// the floor. Or the gradient is rounding, and so is what `f` has fallen by, or that is within `ε²` of the whole fall.
    fn is_confirmed<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, met: &Met<T>, report: &mut Report<T>,
    ) -> Result<bool, Error> {
        let (norm, fall) = (report.gradient_norm, met.value - report.value);
        let whole = self.first.map_or(T::zero(), |(first, _)| T::EPSILON * T::EPSILON * (first - met.value));
        let noise = T::of(CONFIRMED as f64) * rounding(met.value);
        if norm <= met.tolerance && fall <= noise.max(whole) {
            self.measure_floor(objective, report)?;
            if norm <= report.floor || fall <= whole {
                return Ok(true);
            }
        }
        self.measure(objective, report, &met.x)?;
        self.known = Some(report.tolerance);
        Ok(norm <= report.tolerance)
    }

    /// The tolerance of the relative rule: along the gradient, and along the step that led to `x`, which knows the valleys.
    /// Zero at a kink, where half of the way changes the gradient by as much.
    fn measure<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, report: &mut Report<T>, before: &DVector<T>,
    ) -> Result<(), Error> {
        let x = report.x.clone();
        let ratio = self.look(objective, &x)?;
        let norm = report.gradient_norm * ratio;
        report.evaluations = report.evaluations.saturating_add(2);
        let along = self.gradient.component_mul(&self.unit) / norm;
        let full = self.change_along(objective, &x, &along, T::one())?;
        let mut tolerance = full;
        let mut s = (&x - before).component_div(&self.unit);
        let length = kernel::norm_inf(s.as_slice());
        if norm <= tolerance && length > T::zero() {
            s /= length;
            tolerance = tolerance.min(self.change_along(objective, &x, &s, T::one())?);
            report.evaluations = report.evaluations.saturating_add(1);
        }
        if norm <= tolerance {
            report.evaluations = report.evaluations.saturating_add(1);
            let half = self.change_along(objective, &x, &along, T::of(0.5))?;
            tolerance = if half > T::of(0.75) * full { T::zero() } else { tolerance };
        }
        report.tolerance = self.stop.gradient.max(tolerance / ratio);
        Ok(())
    }

    /// The gradient at `x`, and the units there: by how much they change its norm.
    fn look<O: Objective<T> + ?Sized>(&mut self, objective: &mut O, x: &DVector<T>) -> Result<T, Error> {
        self.size.see(&self.course.start);
        self.size.see(x);
        evaluate(objective, x, &mut self.gradient)?;
        let n = x.len();
        let apart = units(n, |i| self.size.seen(i));
        (self.unit, self.sizes) = match apart.filter(|_| !self.is_bounded) {
            Some(unit) => (unit.clone(), unit.zip_map(x, |unit, x| x.abs().max(unit))),
            None => (DVector::repeat(n, T::one()), DVector::from_fn(n, |i, _| self.size.of(i, x[i]))),
        };
        let norm = kernel::norm_inf(self.gradient.component_mul(&self.unit).as_slice());
        let ratio = norm / kernel::norm_inf(self.gradient.as_slice());
        Ok(if ratio > T::zero() && ratio.is_finite() { ratio } else { T::one() })
    }

    /// `uᵀ(∇f(x) − ∇f(x − h)) / uᵀu`, in the units of the variables: where that is the size of the gradient, the minimum
    /// along `u` is within `h = t u`, as long as may be with `|h_i| ≤ τ size_i`, times so much. Nothing where `f` curves down.
    fn change_along<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, u: &DVector<T>, times: T,
    ) -> Result<T, Error> {
        let way = u.component_mul(&self.unit);
        let longest = self.sizes.iter().zip(&way).fold(T::MAX, |t, (size, u)| t.min(*size / u.abs()));
        let t = times * self.stop.relative * longest;
        self.there.clone_from(x);
        kernel::axpy(-t, way.as_slice(), self.there.as_mut_slice());
        evaluate(objective, &self.there, &mut self.changed)?;
        let change = (&self.gradient - &self.changed).component_mul(&self.unit);
        let share = kernel::dot(u.as_slice(), change.as_slice()) / kernel::dot(u.as_slice(), u.as_slice());
        Ok(if share > T::zero() && share.is_finite() { share } else { T::zero() })
    }

    /// Four times what the gradient changes by between [neighbours](neighbour), two ulps away or three. Nothing where a
    /// thousand times the way changes it by little more: that is a kink, or no rounding that could be told from one. A gradient within `8 ε` of the first one is the rounding of terms that cancel where
    /// neighbours leave it as it is or change it altogether: that of a function that falls for ever changes by little,
    /// above the subnormal numbers.
    pub(super) fn measure_floor<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, report: &mut Report<T>,
    ) -> Result<(), Error> {
        let ratio = self.look(objective, &report.x)?;
        report.evaluations = report.evaluations.saturating_add(3);
        let near = self.change_between(objective, &report.x, T::of(2.0))?;
        let far = self.change_between(objective, &report.x, T::of(2048.0))?;
        let norm = report.gradient_norm;
        let terms = self.first.map_or(T::zero(), |(_, first)| T::of(8.0) * T::EPSILON * first);
        let is_noise = near == T::zero() || T::of(4.0) * near >= norm * ratio;
        report.floor = match far >= T::of(16.0) * near {
            _ if norm <= terms && is_noise && norm * T::EPSILON > T::zero() => terms,
            true => T::of(4.0) * near / ratio,
            false => T::zero(),
        };
        Ok(())
    }

    /// What the gradient changes by where each coordinate moves by so many ulps; NaN where it is not finite there.
    fn change_between<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, ulps: T,
    ) -> Result<T, Error> {
        self.there = neighbour(x, ulps);
        evaluate(objective, &self.there, &mut self.changed)?;
        let is_finite = kernel::all_finite(self.changed.as_slice());
        let change = (&self.changed - &self.gradient).component_mul(&self.unit);
        Ok(if is_finite { kernel::norm_inf(change.as_slice()) } else { T::NAN })
    }
}

/// Whether `f` is seen to fall along `−∇f`: then a method's word that the point is exact does not count.
///
/// Tried are the steps on which the slope promises a share `θ = 1, ⅛, …, 8⁻¹²` of `|f|`: `x − t ∇f`,
/// `t = θ |f| / ‖∇f‖²`. A fall counts beyond what `f` wavers between `x` and its two neighbours, and where the step
/// is longer than `8 ε ‖x‖∞`: among the nearest numbers `f` falls and rises by rounding.
pub(super) fn falls<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, report: &mut Report<T>,
) -> Result<bool, Error> {
    const TRIALS: usize = 13;
    let f = report.value;
    let mut gradient = DVector::zeros(0);
    evaluate(objective, &report.x, &mut gradient)?;
    let mut noise = T::of(8.0) * T::EPSILON * f.abs();
    for ulps in [-2.0, 2.0] {
        noise = noise.max((objective.value(&neighbour(&report.x, T::of(ulps))) - f).abs());
    }
    let nearest = T::of(8.0) * T::EPSILON * kernel::norm_inf(report.x.as_slice());
    let norm = kernel::norm(gradient.as_slice());
    let mut promised = f.abs();
    let mut is_seen = false;
    for _ in 0..TRIALS {
        // ‖∇f‖² may leave the range where t does not
        let there = &report.x - &gradient * (promised / norm / norm);
        let is_longer = distance(&there, &report.x) > nearest;
        is_seen = is_seen || is_longer && objective.value(&there) < f - noise;
        promised *= T::of(0.125);
    }
    report.evaluations = report.evaluations.saturating_add(3 + TRIALS);
    Ok(is_seen)
}

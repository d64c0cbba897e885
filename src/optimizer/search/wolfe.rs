//! A line search for the strong Wolfe conditions that survives rounding, kinks and the edge of a domain.
//!
//! With `φ(t) = f(x + t d)` and `φ'(0) < 0` it looks for a `t` where
//!
//! ```text
//! φ(t)    ≤ φ(0) + δ t φ'(0) + ω      δ = 10⁻⁴, ω = 8 ε |φ(0)|: the rounding of a value
//! |φ'(t)| ≤ σ |φ'(0)|
//! ```
//!
//! The interval `[a, b]` keeps `φ(a) ≤ φ(0) + ω, φ'(a) < 0` and, at `b`, a slope upwards, a value too high, or
//! none at all; a minimum lies between. Secants of the slopes shrink it, halving where they are slow. Near a
//! minimum slopes are exact to `ε` where values are to `√ε`: so slopes decide, and values only rule lengths out.
//!
//! Source: Hager and Zhang, *A new conjugate gradient method with guaranteed descent and an efficient line
//! search*, SIAM J. Optim. 16 (2005), section 4; the conditions with an error bound as in their (4.1)-(4.3).

use nalgebra::DVector;

use super::{Evaluated, assign, rounding};
use crate::{Error, Objective, Real, kernel};

/// Evaluations of one search, at the most.
const PROBES: usize = 50;

/// The buffers of a search: the point `x + t d`, what was evaluated there, and the best of them with its length.
#[derive(Debug, Clone, Default)]
pub(crate) struct LineSearch<T: Real> {
    at: DVector<T>,
    trial: Evaluated<T>,
    best: Evaluated<T>,
    length: T,
    /// Evaluations of the next search, at the most, where it is not [`PROBES`].
    pub(crate) most: Option<usize>,
}

/// The line to search along.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a, T: Real> {
    pub(crate) from: &'a Evaluated<T>,
    pub(crate) direction: &'a DVector<T>,
    /// `φ'(0)`.
    pub(crate) slope: T,
    /// The length to try first.
    pub(crate) first: T,
    /// `σ`.
    pub(crate) sigma: T,
}

/// `φ` and `φ'` at `t`; where they are not finite the value is `None`.
#[derive(Clone, Copy)]
struct Probe<T> {
    t: T,
    value: Option<T>,
    slope: T,
}

/// Why a search ends.
enum End {
    /// The Wolfe conditions hold at the best place.
    Wolfe,
    /// The interval or the patience is used up.
    Exhausted,
    /// The objective broke its contract.
    Failed(Error),
}

impl<T: Real> LineSearch<T> {
    /// Searches along the line. The point found, with its length, is one where the Wolfe conditions hold, or, if there
    /// was none, the lowest that was met, if it is lower than the start.
    pub(crate) fn search<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, line: Line<'_, T>, evaluations: &mut usize,
    ) -> Result<Option<(&mut Evaluated<T>, T)>, Error> {
        self.best.value = T::NAN;
        let noise = rounding(line.from.value);
        let most = self.most.unwrap_or(PROBES);
        let mut shrinking = Shrinking { objective, line, noise, left: most, found: self };
        let end = shrinking.shrink();
        *evaluations += most - shrinking.left;
        match end {
            End::Failed(error) => Err(error),
            End::Exhausted if !(self.best.value < line.from.value) => Ok(None),
            End::Wolfe | End::Exhausted => Ok(Some((&mut self.best, self.length))),
        }
    }
}

/// One search under way.
struct Shrinking<'a, T: Real, O: ?Sized> {
    objective: &'a mut O,
    line: Line<'a, T>,
    noise: T,
    left: usize,
    found: &'a mut LineSearch<T>,
}

impl<T: Real, O: Objective<T> + ?Sized> Shrinking<'_, T, O> {
    /// Shrinks the interval until the search ends.
    fn shrink(&mut self) -> End {
        let mut interval = match self.bracket() {
            Ok(interval) => interval,
            Err(end) => return end,
        };
        loop {
            match self.narrow(interval) {
                Ok(narrower) => interval = narrower,
                Err(end) => return end,
            }
        }
    }

    /// `φ` and `φ'` at `t`; ends the search where the conditions hold.
    fn probe(&mut self, t: T) -> Result<Probe<T>, End> {
        if self.left == 0 {
            return Err(End::Exhausted);
        }
        self.left -= 1;
        let outside = Probe { t, value: None, slope: -T::one() };
        let Line { from, direction, slope: start, sigma, .. } = self.line;
        let LineSearch { at, trial, best, length, .. } = &mut *self.found;
        assign(at, &from.x);
        kernel::axpy(t, direction.as_slice(), at.as_mut_slice());
        if !kernel::all_finite(at.as_slice()) {
            return Ok(outside);
        }
        let told = trial.evaluate(self.objective, at).map_err(End::Failed)?;
        let slope = kernel::dot(trial.gradient.as_slice(), direction.as_slice());
        if !(told.is_finite() && slope.is_finite()) {
            return Ok(outside);
        }
        let value = told.value;
        let wolfe =
            value <= from.value + T::of(1e-4) * t * start + self.noise && slope.abs() <= -sigma * start;
        if wolfe || !best.value.is_finite() || value < best.value {
            std::mem::swap(trial, best);
            *length = t;
        }
        if wolfe { Err(End::Wolfe) } else { Ok(Probe { t, value: Some(value), slope }) }
    }

    /// Whether the value is no higher than at the start.
    fn low(&self, at: &Probe<T>) -> bool {
        at.value.is_some_and(|value| value <= self.line.from.value + self.noise)
    }

    /// The first interval: lengthens the step while it leads down.
    fn bracket(&mut self) -> Result<(Probe<T>, Probe<T>), End> {
        let mut a = Probe { t: T::zero(), value: Some(self.line.from.value), slope: self.line.slope };
        let mut b = self.probe(self.line.first)?;
        while b.slope < T::zero() {
            if !self.low(&b) {
                return self.halve(a, b);
            }
            let secant = secant(&a, &b);
            let most = b.t * T::of(10.0);
            a = b;
            b = self.probe(if secant > T::of(2.0) * a.t && secant < most { secant } else { most })?;
        }
        Ok((a, b))
    }

    /// Halves `[a, b]`, where `b` slopes down but lies too high (or nowhere), until `b` slopes up.
    fn halve(&mut self, mut a: Probe<T>, mut b: Probe<T>) -> Result<(Probe<T>, Probe<T>), End> {
        loop {
            let share = T::of(if b.value.is_some() { 0.5 } else { 0.1 });
            let middle = self.inside(&a, &b, a.t + share * (b.t - a.t)).ok_or(End::Exhausted)?;
            let c = self.probe(middle)?;
            if c.slope >= T::zero() {
                return Ok((a, c));
            }
            if self.low(&c) { a = c } else { b = c }
        }
    }

    /// `[a, b]` with `c` for one of its ends.
    fn update(&mut self, (a, b): (Probe<T>, Probe<T>), t: T) -> Result<(Probe<T>, Probe<T>), End> {
        let Some(t) = self.inside(&a, &b, t) else {
            return Ok((a, b));
        };
        let c = self.probe(t)?;
        if c.slope >= T::zero() {
            Ok((a, c))
        } else if self.low(&c) {
            Ok((c, b))
        } else {
            self.halve(a, c)
        }
    }

    /// A double secant step, and a halving where it shrank the interval by less than a third: of the lengths' logarithms
    /// where they differ by orders of magnitude.
    fn narrow(&mut self, (a, b): (Probe<T>, Probe<T>)) -> Result<(Probe<T>, Probe<T>), End> {
        let left = self.left;
        let third = T::of(0.66);
        let c = secant(&a, &b);
        let (mut p, mut q) = self.update((a, b), c)?;
        // the end that moved has a partner on its own side: extrapolate their slopes
        let beyond = if q.t == c { secant(&b, &q) } else { secant(&a, &p) };
        if p.t == c || q.t == c {
            (p, q) = self.update((p, q), beyond)?;
        }
        if q.t - p.t > third * (b.t - a.t) {
            let is_wide = p.t > T::zero() && p.t < T::of(1e-3) * q.t;
            let middle = if is_wide { p.t.sqrt() * q.t.sqrt() } else { p.t + T::of(0.5) * (q.t - p.t) };
            (p, q) = self.update((p, q), middle)?;
        }
        // neighbouring numbers have none between them
        if self.left == left { Err(End::Exhausted) } else { Ok((p, q)) }
    }

    /// `t`, if it lies strictly inside the interval.
    fn inside(&self, a: &Probe<T>, b: &Probe<T>, t: T) -> Option<T> {
        (t > a.t && t < b.t).then_some(t)
    }
}

/// Where the line through two slopes meets zero; anything where there is no such place.
fn secant<T: Real>(a: &Probe<T>, b: &Probe<T>) -> T {
    let unit = a.slope.abs().max(b.slope.abs()).unit().0;
    let (p, q) = (a.slope * unit, b.slope * unit);
    (a.t * q - b.t * p) / (q - p)
}

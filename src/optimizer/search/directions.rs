//! What L-BFGS, BFGS and conjugate gradients share: a direction, a line search along it, a memory of both.

use nalgebra::DVector;

use super::backtrack::assign;
use super::wolfe::{LineSearch, Place};
use crate::objective::evaluate;
use crate::optimizer::{Outcome, Step};
use crate::{Error, Objective, Real, kernel};

/// So many steps, and one for each variable, without a lower value or a smaller gradient than any before: there
/// is nothing more to gain.
const PATIENCE: usize = 10;

/// A rule that makes a direction from a gradient and what it has learnt from the steps before.
pub(in crate::optimizer) trait Direction<T> {
    /// Whether `d` carries its own length, so that `t = 1` is tried first.
    const SCALED: bool;

    /// Sizes the memory for points of length `n`; [`Error::TooLarge`] where there is no room for it.
    fn prepare(&mut self, n: usize) -> Result<(), Error>;

    /// Turns `d`, the direction before, into the next one; false where nothing is known yet.
    fn direction(&mut self, gradient: &[T], d: &mut [T]) -> bool;

    /// Learns from a step `s = x₊ − x` and the change of gradient `y = ∇f(x₊) − ∇f(x)`.
    fn learn(&mut self, s: &[T], y: &[T]);

    /// Forgets all steps.
    fn forget(&mut self);
}

/// Steps of a [`Direction`], each with a line search.
#[derive(Debug, Clone)]
pub(in crate::optimizer) struct Directed<T: Real, D> {
    pub(in crate::optimizer) rule: D,
    pub(in crate::optimizer) curvature: T,
    search: LineSearch<T>,
    /// Where the last step ended, with value and gradient: not evaluated again.
    here: Place<T>,
    known: bool,
    d: DVector<T>,
    s: DVector<T>,
    y: DVector<T>,
    /// `t φ'(0)` of the last step.
    decrease: T,
    lowest: (T, T),
    stale: usize,
}

impl<T: Real, D: Direction<T>> Directed<T, D> {
    pub(in crate::optimizer) fn new(rule: D, curvature: f64) -> Self {
        let empty = || DVector::zeros(0);
        Self {
            rule,
            curvature: T::of(curvature),
            search: LineSearch::new(),
            here: Place::new(),
            known: false,
            d: empty(),
            s: empty(),
            y: empty(),
            decrease: T::zero(),
            lowest: (T::MAX, T::MAX),
            stale: 0,
        }
    }

    pub(in crate::optimizer) fn check(&self) -> Result<(), Error> {
        let fine = self.curvature > T::zero() && self.curvature < T::one();
        crate::contract::setting("wolfe", "above 0 and below 1", self.curvature, fine)
    }

    pub(in crate::optimizer) fn reset(&mut self) {
        self.known = false;
        self.rule.forget();
        self.decrease = T::zero();
        self.lowest = (T::MAX, T::MAX);
        self.stale = 0;
    }

    pub(in crate::optimizer) fn step<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let mut evaluations = 0;
        if !(self.known && self.here.x == *x) {
            self.reset();
            assign(&mut self.here.x, x);
            self.here.value = evaluate(objective, x, &mut self.here.gradient)?;
            evaluations = 1;
        }
        let mut step = Step::new(self.here.value, kernel::norm_inf(self.here.gradient.as_slice()));
        self.known = step.is_finite();
        if !self.known || self.exhausted(&step) {
            step.outcome = Outcome::Stuck;
        } else if self.forward(objective, &mut evaluations)? {
            x.copy_from(&self.here.x);
        } else {
            step.outcome = Outcome::Stuck;
        }
        step.evaluations = evaluations;
        Ok(step)
    }

    /// Whether neither value nor gradient has improved for long: both are rounding.
    fn exhausted(&mut self, step: &Step<T>) -> bool {
        let (value, gradient) = self.lowest;
        let lower = step.value < value - T::of(8.0) * T::EPSILON * value.abs();
        self.stale = if lower || step.gradient_norm < gradient { 0 } else { self.stale + 1 };
        self.lowest = (value.min(step.value), gradient.min(step.gradient_norm));
        step.gradient_norm == T::zero() || self.stale > PATIENCE + self.here.x.len()
    }

    /// Goes to a lower place along the rule's direction, or, if there is none, along the gradient.
    fn forward<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        evaluations: &mut usize,
    ) -> Result<bool, Error> {
        let n = self.here.x.len();
        for buffer in [&mut self.d, &mut self.s, &mut self.y] {
            if buffer.len() != n {
                *buffer = DVector::zeros(n);
            }
        }
        self.rule.prepare(n)?;
        loop {
            let g = self.here.gradient.as_slice();
            let learnt = self.rule.direction(g, self.d.as_mut_slice()) && self.descends();
            if !learnt {
                self.rule.forget();
                self.d.fill(T::zero());
                kernel::axpy(-T::one(), self.here.gradient.as_slice(), self.d.as_mut_slice());
            }
            let slope = kernel::dot(self.here.gradient.as_slice(), self.d.as_slice());
            let first = if !learnt {
                self.first_length()
            } else if D::SCALED {
                T::one()
            } else {
                // as much decrease as in the step before
                let first = self.decrease / slope;
                if first > T::zero() && first.is_finite() { first } else { T::one() }
            };
            let settings = (slope, first, self.curvature);
            if let Some(best) = self.search.search(objective, &self.here, &self.d, settings, evaluations)? {
                best.x.sub_to(&self.here.x, &mut self.s);
                best.gradient.sub_to(&self.here.gradient, &mut self.y);
                self.rule.learn(self.s.as_slice(), self.y.as_slice());
                self.decrease = best.length * slope;
                std::mem::swap(best, &mut self.here);
                return Ok(true);
            }
            if !learnt {
                return Ok(false);
            }
            self.rule.forget();
        }
    }

    /// Whether `d` is finite and leads down, by more than rounding.
    fn descends(&self) -> bool {
        let (g, d) = (self.here.gradient.as_slice(), self.d.as_slice());
        let slope = kernel::dot(g, d);
        kernel::all_finite(d) && slope < -T::EPSILON * kernel::norm_inf(g) * kernel::norm_inf(d)
    }

    /// The first try along the gradient, in the scale of `x`, else of `f` (Hager and Zhang 2005, I0).
    fn first_length(&self) -> T {
        let gradient = kernel::norm_inf(self.here.gradient.as_slice());
        let (x, f, small) = (kernel::norm_inf(self.here.x.as_slice()), self.here.value.abs(), T::of(0.01));
        let length = if x > T::zero() {
            small * x / gradient
        } else if f > T::zero() {
            small * f / gradient / gradient
        } else {
            T::one()
        };
        if length > T::zero() && length.is_finite() { length } else { T::one() }
    }
}

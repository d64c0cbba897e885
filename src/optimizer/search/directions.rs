//! What L-BFGS, BFGS and conjugate gradients share: a direction, a line search along it, a memory of both.

use nalgebra::DVector;

use super::{Evaluated, Line, LineSearch, Progress};
use crate::contract::setting;
use crate::optimizer::Step;
use crate::{Error, Objective, Real, Termination, kernel};

/// A rule that makes a direction from a gradient and what it has learnt from the steps before.
pub(crate) trait Direction<T> {
    /// Whether `d` carries its own length, so that `t = 1` is tried first.
    const SCALED: bool;

    /// Sizes the memory for points of length `n`; [`Error::TooLarge`] where there is no room for it.
    fn prepare(&mut self, n: usize) -> Result<(), Error>;

    /// Gradients come in one unit, a power of two, as long as nothing is forgotten: so none of their products leaves the
    /// range. Turns `d`, the direction before, into the next one; false where nothing is known yet.
    fn direction(&mut self, gradient: &[T], d: &mut [T]) -> bool;

    /// Learns from a step `s = x₊ − x` and the change of gradient `y = ∇f(x₊) − ∇f(x)`.
    fn learn(&mut self, s: &[T], y: &[T]);

    /// Forgets all steps.
    fn forget(&mut self);
}

/// Steps of a [`Direction`], each with a line search.
#[derive(Debug, Clone, Default)]
pub(crate) struct Directed<T: Real, D> {
    pub(crate) rule: D,
    /// `σ` of the Wolfe conditions.
    pub(crate) sigma: T,
    pub(crate) search: LineSearch<T>,
    /// Where the last step ended, with value and gradient: within a run not evaluated again.
    pub(crate) here: Evaluated<T>,
    /// What takes gradients to their unit: next to 1 for the first one that the rule learns from.
    unit: T,
    /// The gradient in that unit.
    g: DVector<T>,
    d: DVector<T>,
    s: DVector<T>,
    y: DVector<T>,
    /// `t φ'(0)` of the last step.
    decrease: T,
    progress: Progress<T>,
}

impl<T: Real, D: Direction<T>> Directed<T, D> {
    pub(crate) fn new(rule: D, sigma: f64) -> Self
    where
        D: Default,
    {
        Self { rule, sigma: T::of(sigma), ..Self::default() }
    }

    pub(crate) fn start(&mut self, tolerance: Option<T>) -> Result<(), Error> {
        let fine = self.sigma > T::zero() && self.sigma < T::one();
        setting("wolfe", "above 0 and below 1", self.sigma, fine)?;
        self.here.start(tolerance);
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.rule.forget();
        self.decrease = T::zero();
        self.progress = Progress::default();
    }

    pub(crate) fn step(
        &mut self, objective: &mut dyn Objective<T>, x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let goes_on = self.here.knows(x);
        if !goes_on {
            self.forget();
        }
        let mut step = match goes_on && self.here.is_within_run() {
            true => self.here.tell(),
            false => self.here.evaluate(objective, x)?,
        };
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        if self.is_exhausted(&step) || !self.advance(objective, &mut step.evaluations)? {
            return Ok(step.ended(Termination::NoDescent));
        }
        x.copy_from(&self.here.x);
        Ok(step)
    }

    /// Whether neither value nor gradient has improved for long, after a new beginning along the gradient too: both are
    /// rounding. What was learnt far away may hide the way down.
    fn is_exhausted(&mut self, step: &Step<T>) -> bool {
        self.progress.see(step);
        let patience = Progress::<T>::PATIENCE + self.here.x.len();
        if self.progress.stale == patience {
            self.rule.forget();
        }
        step.gradient_norm == T::zero() || self.progress.stale > patience + Progress::<T>::PATIENCE
    }

    /// Goes to a lower point along the rule's direction, or, if there is none, along the gradient.
    fn advance(&mut self, objective: &mut dyn Objective<T>, evaluations: &mut usize) -> Result<bool, Error> {
        let n = self.here.x.len();
        for buffer in [&mut self.g, &mut self.d, &mut self.s, &mut self.y] {
            if buffer.len() != n {
                *buffer = DVector::zeros(n);
            }
        }
        self.rule.prepare(n)?;
        loop {
            let learnt = self.is_learnt();
            if !learnt {
                self.rule.forget();
                self.unit = kernel::norm_inf(self.here.gradient.as_slice()).unit().0;
                self.scale_gradient();
                kernel::scaled(-T::one(), self.g.as_slice(), self.d.as_mut_slice());
            }
            let slope = kernel::dot(self.here.gradient.as_slice(), self.d.as_slice());
            let first = self.first_length(learnt, slope);
            let line = Line { from: &self.here, direction: &self.d, slope, first, sigma: self.sigma };
            if let Some((best, length)) = self.search.search(objective, line, evaluations)? {
                best.x.sub_to(&self.here.x, &mut self.s);
                best.gradient.sub_to(&self.here.gradient, &mut self.y);
                kernel::scale(self.unit, self.y.as_mut_slice());
                self.rule.learn(self.s.as_slice(), self.y.as_slice());
                self.decrease = length * slope;
                self.here.swap(best);
                return Ok(true);
            }
            if !learnt {
                return Ok(false);
            }
            self.rule.forget();
        }
    }

    /// Whether the rule made a `d` that is finite and leads down, by more than rounding. Its unit has been outgrown where
    /// the gradient is so large or small in it that products leave the range.
    fn is_learnt(&mut self) -> bool {
        let size = kernel::norm_inf(self.here.gradient.as_slice()) * self.unit;
        let most = T::MAX.sqrt().sqrt();
        self.scale_gradient();
        let (g, d) = (self.g.as_slice(), self.d.as_mut_slice());
        if !(size * most >= T::one() && size <= most && self.rule.direction(g, d)) {
            return false;
        }
        kernel::all_finite(d) && kernel::dot(g, d) < -T::EPSILON * size * kernel::norm_inf(d)
    }

    /// The gradient in its unit.
    fn scale_gradient(&mut self) {
        self.g.copy_from(&self.here.gradient);
        kernel::scale(self.unit, self.g.as_mut_slice());
    }

    /// The length to try first: 1 where the rule scales `d`, as much decrease as in the step before where it does not,
    /// and along the gradient one in the scale of `x`, else of `f` (Hager and Zhang 2005, I0).
    fn first_length(&self, learnt: bool, slope: T) -> T {
        let gradient = kernel::norm_inf(self.here.gradient.as_slice());
        let size = gradient * self.unit;
        let x = kernel::norm_inf(self.here.x.as_slice());
        let f = self.here.value.abs();
        let small = T::of(0.01);
        let length = if learnt && D::SCALED {
            T::one()
        } else if learnt {
            self.decrease / slope
        } else if x > T::zero() {
            small * x / size
        } else {
            small * f / gradient / size
        };
        if length > T::zero() && length.is_finite() { length } else { T::one() }
    }
}

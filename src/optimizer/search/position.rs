//! A step under way.

use nalgebra::DVector;

use crate::objective::evaluate;
use crate::optimizer::Step;
use crate::{Error, Objective, Real, kernel};

/// The objective, the point that a step leaves, and what the step tells of it; evaluations are counted here.
pub(crate) struct Position<'a, T: Real, O: ?Sized> {
    pub(crate) objective: &'a mut O,
    pub(crate) x: &'a mut DVector<T>,
    pub(crate) step: Step<T>,
}

impl<'a, T: Real, O: Objective<T> + ?Sized> Position<'a, T, O> {
    /// Evaluates at `x`.
    pub(crate) fn new(
        objective: &'a mut O, x: &'a mut DVector<T>, gradient: &mut DVector<T>,
    ) -> Result<Self, Error> {
        let value = evaluate(objective, x, gradient)?;
        let step = Step::new(value, kernel::norm_inf(gradient.as_slice()));
        Ok(Self { objective, x, step })
    }

    /// `f` there.
    pub(crate) fn value(&mut self, there: &DVector<T>) -> T {
        self.step.evaluations += 1;
        self.objective.value(there)
    }

    /// `f` there, and `‖∇f‖∞`.
    pub(crate) fn evaluate(
        &mut self, there: &DVector<T>, gradient: &mut DVector<T>,
    ) -> Result<(T, T), Error> {
        self.step.evaluations += 1;
        let value = evaluate(self.objective, there, gradient)?;
        Ok((value, kernel::norm_inf(gradient.as_slice())))
    }
}

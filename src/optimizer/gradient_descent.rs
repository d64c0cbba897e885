use nalgebra::DVector;

use super::{Optimizer, Outcome, Step};
use crate::kernel;
use crate::{Error, Objective, Real};

/// Gradient descent. (to be completed)
#[derive(Debug, Clone)]
pub struct GradientDescent<T: Real> {
    rate: T,
    gradient: DVector<T>,
}

impl<T: Real> GradientDescent<T> {
    /// With a constant learning rate.
    pub fn new(rate: T) -> Self {
        Self { rate, gradient: DVector::zeros(0) }
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for GradientDescent<T> {
    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let value = super::evaluate(objective, x, &mut self.gradient)?;
        let mut step = Step::new(value, kernel::norm_inf(self.gradient.as_slice()));
        if step.is_finite() {
            kernel::axpy(-self.rate, self.gradient.as_slice(), x.as_mut_slice());
        } else {
            step.outcome = Outcome::Stuck;
        }
        Ok(step)
    }
}

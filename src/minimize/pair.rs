//! A method and what it minimises, behind one pointer: what runs them is compiled in this crate.

use nalgebra::DVector;

use crate::optimizer::{Face, Optimizer, Step};
use crate::{CriticalPoint, Error, Objective, Real};

pub(super) trait Pair<T: Real> {
    fn objective(&mut self) -> &mut dyn Objective<T> {
        self.seen().0
    }

    /// The objective, and the bounds that the method has.
    fn seen(&mut self) -> (&mut dyn Objective<T>, Option<&Face<T>>);

    fn step(&mut self, x: &mut DVector<T>) -> Result<Step<T>, Error>;

    fn certify(&mut self, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error>;
}

pub(super) struct Of<'a, O: ?Sized, P: ?Sized> {
    pub(super) objective: &'a mut O,
    pub(super) optimizer: &'a mut P,
}

impl<T: Real, O: Objective<T> + ?Sized, P: Optimizer<T, O> + ?Sized> Pair<T> for Of<'_, O, P> {
    fn seen(&mut self) -> (&mut dyn Objective<T>, Option<&Face<T>>) {
        (&mut self.objective, self.optimizer.face())
    }

    fn step(&mut self, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        self.optimizer.step(self.objective, x)
    }

    fn certify(&mut self, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        self.optimizer.certify(self.objective, x)
    }
}

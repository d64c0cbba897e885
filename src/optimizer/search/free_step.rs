//! One step for all variables, for those that bounds leave free, and for variables in units of their own.

use nalgebra::DVector;

use super::units::Units;
use super::{Evaluated, Face, Full, Within};
use crate::optimizer::Step;
use crate::{Bounds, CriticalPoint, Error, Hessian, Real};

/// The variables that a method of second order takes its steps in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame<T: Real> {
    bounds: Within<T>,
    units: Units<T>,
}

impl<T: Real> Frame<T> {
    pub(crate) fn bound(&mut self, bounds: Bounds<T>) {
        self.bounds = Within::new(bounds);
    }

    /// A run begins or ends.
    pub(crate) fn start(&mut self, dim: usize, tolerance: Option<T>) -> Result<(), Error> {
        self.units.forget();
        self.bounds.start(dim, tolerance)
    }

    /// The verdict on `x`, in its own units.
    pub(crate) fn judge(
        &mut self, here: &mut Evaluated<T>, objective: &mut dyn Hessian<T>, x: &DVector<T>,
    ) -> Result<CriticalPoint<T>, Error> {
        self.units.end(here);
        self.bounds.judge(objective, x).unwrap_or_else(|| here.judge(objective, x))
    }

    pub(crate) fn face(&self) -> Option<&Face<T>> {
        self.bounds.face()
    }
}

/// A method whose step is the same in any variables.
pub(crate) trait FreeStep<T: Real>: Sized {
    /// What is known of the point, and where steps are taken.
    fn parts(&mut self) -> (&mut Evaluated<T>, &mut Frame<T>);

    /// The step in the variables that it is given.
    fn free_step(&mut self, objective: &mut dyn Hessian<T>, x: &mut DVector<T>) -> Result<Step<T>, Error>;

    /// The step from `x`, in the variables of the frame.
    fn framed_step(&mut self, objective: &mut dyn Hessian<T>, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let (here, frame) = self.parts();
        if let Some(mut bounds) = frame.bounds.0.take() {
            let step = bounds.step(objective, x, Full::second, |face, y, is_new| {
                if is_new {
                    self.parts().0.forget();
                }
                self.free_step(face, y)
            });
            self.parts().1.bounds.0 = Some(bounds);
            return step;
        }
        let evaluations = frame.units.open(here, objective, x)?;
        let step = match frame.units.apart.take() {
            None => self.free_step(objective, x),
            Some(mut apart) => {
                let step = apart.step(self, |m| m.parts().0, objective, x, |m, f, y| m.free_step(f, y));
                self.parts().1.units.apart = Some(apart);
                step
            }
        };
        step.map(|step| Step { evaluations: step.evaluations + evaluations, ..step })
    }
}

//! The second-order picture of the objective at one point, in buffers that are sized once.

use nalgebra::{DMatrix, DVector};

use super::backtrack::assign;
use crate::contract::check_hessian;
use crate::contract::room;
use crate::optimizer::Step;
use crate::{Certificate, Error, Hessian, Real, kernel};

/// `x`, `f`, `∇f` and `∇²f` of the last evaluation.
#[derive(Debug, Clone)]
pub(in crate::optimizer) struct Local<T: Real> {
    x: DVector<T>,
    pub(in crate::optimizer) value: T,
    pub(in crate::optimizer) gradient: DVector<T>,
    pub(in crate::optimizer) hessian: DMatrix<T>,
}

impl<T: Real> Local<T> {
    pub(in crate::optimizer) fn new() -> Self {
        let empty = DVector::zeros(0);
        Self { x: empty.clone(), value: T::NAN, gradient: empty, hessian: DMatrix::zeros(0, 0) }
    }

    /// Evaluates at `x`, and tells what a step has to tell of it.
    pub(in crate::optimizer) fn evaluate<O: Hessian<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        let n = x.len();
        if self.gradient.len() != n || self.hessian.len() != n * n {
            room::<T>("hessian", &[n, n])?;
            // what is never written shows
            (self.gradient, self.hessian) = (DVector::repeat(n, T::NAN), DMatrix::repeat(n, n, T::NAN));
        }
        assign(&mut self.x, x);
        self.value = objective.value_gradient_hessian(x, &mut self.gradient, &mut self.hessian);
        if self.gradient.len() != n {
            return Err(Error::Resized { what: "the gradient", expected: n, found: self.gradient.len() });
        }
        check_hessian(&self.hessian, n)?;
        Ok(Step::new(self.value, kernel::norm_inf(self.gradient.as_slice())))
    }

    /// As [`evaluate`](Self::evaluate), at no cost where the last evaluation was of this point.
    pub(in crate::optimizer) fn revisit<O: Hessian<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        if !self.knows(x) {
            return self.evaluate(objective, x);
        }
        let known = Step::new(self.value, kernel::norm_inf(self.gradient.as_slice()));
        Ok(Step { evaluations: 0, ..known })
    }

    fn knows(&self, x: &DVector<T>) -> bool {
        self.value.is_finite() && self.x == *x && self.hessian.nrows() == x.len()
    }

    /// The certificate of `x`, from what the last evaluation left behind if that was its point.
    pub(in crate::optimizer) fn certify<O: Hessian<T> + ?Sized>(
        &self,
        objective: &mut O,
        x: &DVector<T>,
    ) -> Result<Certificate<T>, Error> {
        if self.knows(x) {
            Certificate::new(objective, x, &self.gradient, &self.hessian)
        } else {
            Certificate::of(objective, x)
        }
    }

    /// What was evaluated belongs to an earlier run.
    pub(in crate::optimizer) fn forget(&mut self) {
        self.value = T::NAN;
    }
}

//! An objective that is lent is one.

use nalgebra::{DMatrix, DVector};

use crate::{Error, Hessian, HessianProduct, Objective, Real, Recession};

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for &mut O {
    fn dim(&self) -> usize {
        (**self).dim()
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        (**self).value(x)
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        (**self).value_gradient(x, gradient)
    }

    fn is_convex(&self) -> bool {
        (**self).is_convex()
    }

    fn recedes(&mut self, x: &DVector<T>) -> Recession<T> {
        (**self).recedes(x)
    }

    fn failure(&mut self) -> Option<Error> {
        (**self).failure()
    }

    fn check(&self) -> Result<(), Error> {
        (**self).check()
    }
}

impl<T: Real, O: HessianProduct<T> + ?Sized> HessianProduct<T> for &mut O {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        (**self).hessian_product(x, v, out);
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Hessian<T> for &mut O {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        (**self).hessian(x, hessian);
    }

    fn value_gradient_hessian(
        &mut self, x: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        (**self).value_gradient_hessian(x, gradient, hessian)
    }
}

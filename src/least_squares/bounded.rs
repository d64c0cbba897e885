//! Residuals as a function of the variables that bounds leave free.

use nalgebra::{DMatrix, DVector};

use super::{LeastSquares, Residuals};
use crate::Real;
use crate::optimizer::Face;

/// What was asked for last, and where: residuals, and Jacobian.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory<T: Real> {
    at: [DVector<T>; 2],
    residuals: DVector<T>,
    jacobian: DMatrix<T>,
}

/// Residuals that are not asked for twice at one point.
pub(super) struct Remembered<'a, T: Real, R> {
    pub(super) problem: &'a mut R,
    pub(super) memory: &'a mut Memory<T>,
}

impl<T: Real, R: Residuals<T>> Residuals<T> for Remembered<'_, T, R> {
    fn dim(&self) -> usize {
        self.problem.dim()
    }

    fn count(&self) -> usize {
        self.problem.count()
    }

    fn residuals(&mut self, x: &DVector<T>, residuals: &mut DVector<T>) {
        let Memory { at: [at, _], residuals: known, .. } = &mut *self.memory;
        if at == x {
            return residuals.clone_from(known);
        }
        self.problem.residuals(x, residuals);
        at.clone_from(x);
        known.clone_from(residuals);
    }

    fn jacobian(&mut self, x: &DVector<T>, jacobian: &mut DMatrix<T>) {
        let Memory { at: [_, at], jacobian: known, .. } = &mut *self.memory;
        if at == x {
            return jacobian.clone_from(known);
        }
        self.problem.jacobian(x, jacobian);
        at.clone_from(x);
        known.clone_from(jacobian);
    }
}

/// `y ↦ r(P(x))`, `y` the free variables of `x`.
pub(super) struct FreeResiduals<'a, T: Real, R> {
    pub(super) squares: &'a mut LeastSquares<T, R>,
    pub(super) face: &'a Face<T>,
    pub(super) x: DVector<T>,
}

impl<T: Real, R: Residuals<T>> Residuals<T> for FreeResiduals<'_, T, R> {
    fn dim(&self) -> usize {
        self.face.free().len()
    }

    fn count(&self) -> usize {
        self.squares.problem.count()
    }

    fn residuals(&mut self, y: &DVector<T>, residuals: &mut DVector<T>) {
        self.face.lift(y, &mut self.x);
        self.squares.problem.residuals(&self.x, residuals);
    }

    fn jacobian(&mut self, y: &DVector<T>, jacobian: &mut DMatrix<T>) {
        self.face.lift(y, &mut self.x);
        if self.squares.jacobian_at(&self.x).is_err() {
            return jacobian.fill(T::NAN);
        }
        for (mut column, &i) in jacobian.column_iter_mut().zip(self.face.free()) {
            column.copy_from(&self.squares.jacobian.column(i));
        }
    }
}

//! The quadratic model `m(s) = f + ∇fᵀs + ½ sᵀHs`, and the step to its stationary point.

use nalgebra::{DMatrix, DVector};

use super::Evaluated;
use crate::Real;
use crate::kernel::{self, Spectrum, least_norm_step};

/// What the factorisation found `H` to be, up to the rounding of its pivots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Definite,
    /// And `∇f` lies in its range.
    Semidefinite,
    Indefinite,
}

/// The Newton step `s`, and room for a factor of `H`.
#[derive(Debug, Clone, Default)]
pub(crate) struct NewtonModel<T: Real> {
    pub(crate) s: DVector<T>,
    pub(crate) factor: DMatrix<T>,
}

impl<T: Real> NewtonModel<T> {
    /// Solves `H s = −∇f`: by Cholesky's factorisation where `H` is positive definite, by the shortest `s` where it is
    /// semidefinite and `∇f` in its range; else `s` is left as it was.
    pub(crate) fn solve(&mut self, here: &Evaluated<T>) -> Shape {
        let n = here.x.len();
        if self.s.len() != n {
            self.s = DVector::zeros(n);
            self.factor = DMatrix::zeros(n, n);
        }
        // in the Hessian's binary unit: roots of 2ᵏ h are those of h for even k only, and so they are the same for all
        let unit = kernel::norm_inf(here.hessian.as_slice()).unit().0;
        kernel::scaled(unit, here.hessian.as_slice(), self.factor.as_mut_slice());
        if kernel::cholesky(self.factor.as_mut_slice(), n) {
            kernel::scaled(-unit, here.gradient.as_slice(), self.s.as_mut_slice());
            kernel::cholesky_solve(self.factor.as_slice(), n, self.s.as_mut_slice());
            return Shape::Definite;
        }
        match least_norm_step(&here.hessian, &here.gradient, &here.x, unit, &mut self.factor) {
            Some(shortest) => {
                self.s.copy_from(&shortest);
                Shape::Semidefinite
            }
            None => Shape::Indefinite,
        }
    }

    /// Solves `H s = −∇f` by elimination, whatever the signs; false where `H` is singular.
    pub(crate) fn eliminate(&mut self, here: &Evaluated<T>) -> bool {
        self.down(here);
        self.factor.as_mut_slice().copy_from_slice(here.hessian.as_slice());
        kernel::eliminate(self.factor.as_mut_slice(), here.x.len(), self.s.as_mut_slice())
    }

    /// `s = −V max(|Λ|, δ)⁻¹ Vᵀ ∇f`, down whatever the signs; along `−∇f`, as far as the variables are large, where `H` is zero
    /// or has no spectrum to be had.
    pub(crate) fn modify(&mut self, here: &Evaluated<T>) -> Option<Spectrum<T>> {
        let spectrum = kernel::spectrum(&here.hessian);
        match spectrum.as_ref().filter(|spectrum| spectrum.values.amax() > T::zero()) {
            Some(spectrum) => self.s.copy_from(&spectrum.descend(&here.gradient)),
            None => {
                self.down(here);
                let entries = self.s.iter().zip(&here.x).enumerate();
                let shortest = |t: T, (i, (s, x)): (usize, (&T, &T))| t.min(here.size.of(i, *x) / s.abs());
                let t = entries.fold(T::MAX, shortest);
                self.s *= kernel::unit(T::one() / t);
            }
        }
        spectrum
    }

    /// `∇fᵀs`, where `s` leads down.
    pub(crate) fn slope(&self, here: &Evaluated<T>) -> Option<T> {
        let slope = kernel::dot(here.gradient.as_slice(), self.s.as_slice());
        (slope < T::zero() && slope.is_finite()).then_some(slope)
    }

    /// Whether the step is short enough for the point to be stationary, in no unit of `f`.
    pub(crate) fn is_settled(&self, here: &Evaluated<T>, is_convex: bool) -> bool {
        here.is_settled(&self.s, || self.promise(here), is_convex)
    }

    /// What the model gains by `s`.
    pub(crate) fn promise(&self, here: &Evaluated<T>) -> T {
        -T::of(0.5) * kernel::dot(here.gradient.as_slice(), self.s.as_slice())
    }

    /// `s = −∇f`.
    fn down(&mut self, here: &Evaluated<T>) {
        kernel::scaled(-T::one(), here.gradient.as_slice(), self.s.as_mut_slice());
    }
}

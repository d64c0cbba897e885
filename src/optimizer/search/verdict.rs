//! What kind of point it is that bounds hold.

use nalgebra::{DMatrix, DVector};

use super::{Face, Full, OnFace, Position, Size, probe};
use crate::contract::{check_evaluation, check_finite, check_point};
use crate::critical_point::hessian_at;
use crate::optimizer::Probed;
use crate::{CriticalKind, CriticalPoint, Error, Hessian, Inertia, Objective, Real};

impl<T: Real> Face<T> {
    /// The Hessian at `x` in the free variables.
    pub(crate) fn hessian<O: Hessian<T> + ?Sized>(
        &self, objective: &mut O, x: &DVector<T>,
    ) -> Result<DMatrix<T>, Error> {
        let mut y = DVector::zeros(0);
        self.gather(x, &mut y);
        hessian_at(&mut OnFace { objective, face: self, full: &mut Full::default() }, &y)
    }

    /// The verdict on `x` as a point of its face.
    pub(crate) fn judge<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<CriticalPoint<T>, Error> {
        check_point("x", x, self.x.len())?;
        let mut full = Full::default();
        let step = full.second(objective, x)?;
        check_evaluation("the value", "x", &[step.value])?;
        check_evaluation("the gradient", "x", &[step.gradient_norm])?;
        check_finite("hessian", full.here.hessian.as_view())?;
        self.refresh(x, &full.here.gradient, Some(&full.here.hessian));
        let wide = OnFace { objective, face: self, full: &mut full }.judge(x)?;
        let degenerate = self.degenerate();
        if wide.inertia.negative == 0 || degenerate.is_empty() {
            return Ok(wide);
        }
        // a way down from here may lead out of the bounds
        let is_lower = OnFace { objective, face: self, full: &mut full }.probe(x)?;
        let mut strict = self.clone();
        strict.free.retain(|i| !degenerate.contains(i));
        let mut strict = OnFace { objective, face: &strict, full: &mut full }.judge(x)?;
        if is_lower || strict.inertia.negative > 0 {
            return Ok(wide);
        }
        strict.kind = CriticalKind::Degenerate;
        Ok(strict)
    }
}

impl<T: Real, O: Objective<T> + ?Sized> OnFace<'_, T, O> {
    /// Whether something lower is seen around `x`.
    pub(super) fn probe(&mut self, x: &DVector<T>) -> Result<bool, Error> {
        let (mut y, mut gradient) = (DVector::zeros(0), DVector::zeros(0));
        self.face.gather(x, &mut y);
        let mut at = Position::new(self, &mut y, &mut gradient)?;
        Ok(probe(&mut at, &gradient, &[], &Size::default())?.0 == Probed::Lower)
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> OnFace<'_, T, O> {
    /// The verdict on `x` by its free variables; where there are none, it is a minimum.
    pub(super) fn judge(&mut self, x: &DVector<T>) -> Result<CriticalPoint<T>, Error> {
        if self.face.free.is_empty() {
            let none = Inertia { positive: 0, zero: 0, negative: 0 };
            let point = CriticalPoint::counted(none, [T::zero(); 2], T::zero(), None);
            return Ok(point.with(Some(T::zero()), None, self.objective.is_convex()));
        }
        let mut y = DVector::zeros(0);
        self.face.gather(x, &mut y);
        CriticalPoint::of(self, &y)
    }
}

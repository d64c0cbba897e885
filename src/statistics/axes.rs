//! The Hessian of a risk along axes that suit it.

use nalgebra::{DMatrix, DVector};

use crate::risk::{Design, Weighing};
use crate::{CriticalPoint, EmpiricalRisk, Error, Hessian, Real, SecondOrderLoss, SecondOrderModel, kernel};

/// A Hessian of the risk by `ψ`, and where there is a penalty, without it; `θ = axes ψ`.
pub(super) struct ByAxes<T: Real> {
    pub(super) axes: Option<DMatrix<T>>,
    pub(super) hessian: DMatrix<T>,
    pub(super) data: Option<DMatrix<T>>,
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The Hessian as it is; where the data alone curve it downwards, their part is the Gauss–Newton matrix, without the
    /// curvature of the model.
    pub(super) fn by_parameters(&mut self, theta: &DVector<T>) -> Result<ByAxes<T>, Error> {
        let mut hessian = DMatrix::zeros(theta.len(), theta.len());
        self.hessian(theta, &mut hessian);
        self.broken()?;
        if self.penalty_strength() == T::zero() {
            return Ok(ByAxes { axes: None, hessian, data: None });
        }
        let mut data = self.without_penalty(hessian.clone());
        if CriticalPoint::classify(&data)?.inertia.negative > 0 {
            let whole = self.gauss_newton(theta);
            data = self.without_penalty(whole);
            self.broken()?;
        }
        Ok(ByAxes { axes: None, hessian, data: Some(data) })
    }

    fn without_penalty(&self, mut hessian: DMatrix<T>) -> DMatrix<T> {
        let penalised = self.penalised_parameters().iter().cloned().flatten();
        penalised.for_each(|i| hessian[(i, i)] -= self.penalty_strength());
        hessian
    }

    /// The Gauss–Newton matrix, penalty included.
    fn gauss_newton(&mut self, theta: &DVector<T>) -> DMatrix<T> {
        let p = theta.len();
        let (mut unit, mut column) = (DVector::zeros(p), DVector::zeros(p));
        let mut matrix = DMatrix::zeros(p, p);
        for i in 0..p {
            unit.fill(T::zero());
            unit[i] = T::one();
            self.gauss_newton_product(theta, &unit, &mut column);
            matrix.column_mut(i).copy_from(&column);
        }
        matrix
    }

    /// Of an affine model along axes in which its samples are independent, or if they cannot be, of one size.
    pub(super) fn by_axes(&self, theta: &DVector<T>, allows_flat: bool) -> Result<ByAxes<T>, Error> {
        let survey = self.survey();
        let (design, asked) = (Design::new(&survey, Weighing::Shares)?, (&survey, self.loss() as _));
        let plain = design.triangle(asked)?;
        let root = plain.root();
        let a = match design.inverse(asked, &design.penalised(plain)) {
            Err(Error::RankDeficient { .. }) if allows_flat => {
                let unit = |j, _| kernel::unit(kernel::norm(root.column(j).as_slice()));
                DMatrix::from_diagonal(&DVector::from_fn(root.ncols(), unit))
            }
            a => a?,
        };
        let outputs = DMatrix::identity(self.model().outputs(), self.model().outputs());
        let mut hessian = design.hessian(asked, theta, &a)?;
        let data = (!design.ridge.is_empty()).then(|| {
            let shrinks = |i: usize, _, a: T| a * (design.ridge[i] * design.unit).sqrt();
            let shrinks: DMatrix<T> = a.map_with_location(shrinks);
            let data = hessian.clone();
            hessian += shrinks.tr_mul(&shrinks).kronecker(&outputs);
            data
        });
        let axes = Some(design.inverse_root(a).kronecker(&outputs));
        Ok(ByAxes { axes, hessian, data })
    }
}

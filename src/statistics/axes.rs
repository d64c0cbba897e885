//! The Hessian of a risk along axes that suit it.

use nalgebra::{DMatrix, DVector};

use crate::risk::{Design, Weighing};
use crate::{EmpiricalRisk, Error, Hessian, Real, SecondOrderLoss, SecondOrderModel, kernel};

/// A Hessian of the risk by `ψ`, and where there is a penalty, without it; `θ = axes ψ`.
pub(super) struct ByAxes<T: Real> {
    pub(super) axes: Option<DMatrix<T>>,
    pub(super) hessian: DMatrix<T>,
    pub(super) data: Option<DMatrix<T>>,
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// The Hessian as it is.
    pub(super) fn by_parameters(&mut self, theta: &DVector<T>) -> Result<ByAxes<T>, Error> {
        let mut hessian = DMatrix::zeros(theta.len(), theta.len());
        self.hessian(theta, &mut hessian);
        self.broken()?;
        let data = (self.penalty_strength() > T::zero()).then(|| {
            let mut data = hessian.clone();
            let penalised = self.penalised_parameters().iter().cloned().flatten();
            penalised.for_each(|i| data[(i, i)] -= self.penalty_strength());
            data
        });
        Ok(ByAxes { axes: None, hessian, data })
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

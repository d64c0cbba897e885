//! What scores change by with the parameters, sample by sample.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::check_size;
use crate::{Error, Model, Real};

/// Hands out of each sample of `x` its scores (`k × 1`) and their Jacobian `∂z/∂θ`, transposed (`p × k`).
pub(super) fn each_sample<T: Real, M: Model<T>>(
    model: &M, theta: &DVector<T>, x: DMatrixView<'_, T>,
    mut hand: impl FnMut(usize, &DMatrix<T>, &DMatrix<T>) -> Result<(), Error>,
) -> Result<(), Error> {
    let (p, k) = (theta.len(), model.outputs());
    let (mut cache, mut g, mut jacobian) = (model.cache(2), DVector::zeros(p), DMatrix::zeros(p, k));
    for j in 0..x.ncols() {
        let x = x.columns(j, 1);
        let z = model.forward(theta, x, &mut cache).into_owned();
        for o in 0..k {
            let unit = DMatrix::from_fn(k, 1, |q, _| if q == o { T::one() } else { T::zero() });
            g.fill(T::zero());
            model.backward(theta, x, unit.as_view(), &mut cache, &mut g);
            check_size("the gradient", g.len(), p)?;
            jacobian.column_mut(o).copy_from(&g);
        }
        hand(j, &z, &jacobian)?;
    }
    Ok(())
}

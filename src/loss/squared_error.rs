use super::Likelihood;
use super::element_wise::{ElementWise, run};
use super::entries::{Jet, Pass};
use crate::kernel::compiled;
use crate::{Activation, Real};

/// Half the squared error, `ℓ(z, y) = ½ (z − y)²`, summed over outputs.
///
/// `∂ℓ/∂z = z − y`, `∂²ℓ/∂z² = 1`. The ½ is part of the loss: PyTorch's and scikit-learn's mean squared error
/// is twice this, and averages over outputs too.
///
/// ```
/// use gradus::{Loss, SquaredError, matrix};
///
/// let (z, y) = (matrix![3.0, 1.0], matrix![1.0, 1.0]);
/// assert_eq!(SquaredError.value(z.as_view(), y.as_view(), &[0.5, 0.5]), 1.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[doc(alias("MSE", "mean squared error", "L2 loss"))]
pub struct SquaredError;

impl ElementWise for SquaredError {
    const CONVEX: bool = true;

    /// It grows both ways.
    fn margin<T: Real>(&self, _y: T, r: T) -> T {
        -r.abs()
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Normal
    }

    fn pass<T: Real>(&self, behind: Activation, pass: Pass<'_, T>) -> T {
        compiled_pass(*self, behind, pass)
    }

    #[inline(always)]
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let r = z - y;
        Jet { value: T::of(0.5) * r * r, first: r, second: T::one() }
    }
}

compiled! {
    fn compiled_pass<T>(loss: SquaredError, behind: Activation, pass: Pass<'a, T>) -> T {
        run(&loss, behind, pass)
    }
}

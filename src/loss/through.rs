use super::{ElementWise, Jet};
use crate::{Activation, Error, Real};

/// An element-wise loss behind an activation: `ℓ(φ(z), y)`; made by [`ElementWise::through`].
///
/// ```text
/// ∂/∂z   = ℓ' φ'
/// ∂²/∂z² = ℓ'' φ'² + ℓ' φ''
/// ```
///
/// ```
/// use gradus::loss::ElementWise;
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{Activation, Loss, SquaredError};
///
/// let loss = SquaredError.through(Activation::Sigmoid);
/// let (z, y) = (dmatrix![0.0], dmatrix![1.0]);
/// assert_eq!(loss.value(z.as_view(), y.as_view(), &[1.0]), 0.125);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Through<L> {
    pub(crate) loss: L,
    pub(crate) activation: Activation,
}

impl<L> Through<L> {
    pub(super) fn new(loss: L, activation: Activation) -> Self {
        Self { loss, activation }
    }
}

impl<L: ElementWise> ElementWise for Through<L> {
    #[inline(always)]
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (a, d1, d2) = self.activation.jet(z);
        let inner = self.loss.jet(a, y);
        Jet { value: inner.value, first: inner.first * d1, second: inner.second * d1 * d1 + inner.first * d2 }
    }

    fn response<T: Real>(&self, z: T) -> T {
        self.loss.response(self.activation.value(z))
    }

    fn settings(&self) -> Result<(), Error> {
        self.activation.check()?;
        self.loss.settings()
    }
}

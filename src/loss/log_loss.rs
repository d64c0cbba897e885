use nalgebra::{DMatrixView, DMatrixViewMut};

use super::Likelihood;
use super::element_wise::least;
use super::entries::{Jet, Pass, Wanted, argmax};
use crate::kernel::{Fused, compiled, inlined};
use crate::{Classifier, Error, Loss, Real, SecondOrderLoss};

/// The log loss (negative log-likelihood) of labels 0 and 1, on scores: `LogLoss` *is* sigmoid and log loss
/// together, `−y ln ŷ − (1 − y) ln(1 − ŷ)` with `ŷ = σ(z)`, summed over outputs.
///
/// ```text
/// ℓ       = max(z, 0) − z y + ln(1 + e^{−|z|})
/// ∂ℓ/∂z   = (1 − y) σ(z) − y σ(−z)
/// ∂²ℓ/∂z² = σ(z) σ(−z)
/// ```
///
/// By the chain rule `∂ℓ/∂ŷ · ∂ŷ/∂z = (ŷ − y)/(ŷ (1 − ŷ)) · ŷ (1 − ŷ) = ŷ − y`: the derivative of the sigmoid cancels, so it
/// stands in no gradient ([`SigmoidClassifier::explain`](crate::SigmoidClassifier::explain) shows the factors).
///
/// No cancellation in either tail, and no logarithm of a probability; an infinite score costs nothing on its own side.
///
/// ```
/// use gradus::{LogLoss, Loss, matrix};
///
/// let (z, y) = (matrix![9.0], matrix![0.0]);
/// assert_eq!(LogLoss.value(z.as_view(), y.as_view(), &[1.0]), 9.000123402189724);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[doc(alias(
    "log loss",
    "binary cross-entropy",
    "binary cross entropy",
    "BCE",
    "logistic loss",
    "maximum likelihood"
))]
pub struct LogLoss;

compiled! {
    fn response<T>(z: DMatrixViewMut<'a, T>) {
        let mut z = z;
        z.apply(|z| *z = Fused::PORTABLE.sigmoid(*z));
    }

    fn compiled_pass<T>(pass: Pass<'a, T>) -> T {
        pass.run(inlined!(|fused, z, y| jet(fused, z, y)))
    }
}

/// One exponential gives all: with `e = e^{−|z|}`, `σ(|z|) = 1/(1 + e)` and `σ(−|z|) = e/(1 + e)`.
#[inline(always)]
fn jet<T: Real>(fused: Fused, z: T, y: T) -> Jet<T> {
    let (zero, one, e) = (T::zero(), T::one(), fused.exp(-z.abs()));
    // max(z, 0) − z y: |z| times the label against it, and exactly nothing where there is none
    let against = if z > zero { one - y } else { y };
    let linear = if against == zero { zero } else { z.abs() * against };
    let (large, small) = (one / (one + e), e / (one + e));
    let (up, down) = if z > zero { (large, small) } else { (small, large) };
    Jet { value: linear + fused.ln_1p(e), first: (one - y) * up - y * down, second: large * large * e }
}

impl<T: Real> Loss<T> for LogLoss {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        compiled_pass(Pass { z, y, weights, wanted: Wanted::Value })
    }

    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T {
        compiled_pass(Pass { z, y, weights, wanted: Wanted::Gradient(delta) })
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
    }

    fn response(&self, z: DMatrixViewMut<'_, T>) {
        response(z);
    }

    /// `∂ℓ/∂ŷ = −y/ŷ + (1 − y)/(1 − ŷ)`, `∂ŷ/∂z = ŷ (1 − ŷ)`.
    fn chain(&self, z: T, y: T) -> Option<[T; 3]> {
        let p = Fused::PORTABLE.sigmoid(z);
        let q = T::one() - p;
        // 0/0 is what a label without a share is
        let share = |y: T, p: T| if y == T::zero() { y } else { y / p };
        Some([p, share(T::one() - y, q) - share(y, p), p * q])
    }

    /// The share of right samples.
    fn score_weighted(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        self.share_of_right(z, y, weights)
    }

    fn second_order(&self) -> Option<&dyn SecondOrderLoss<T>> {
        Some(self)
    }

    fn is_convex(&self) -> bool {
        true
    }

    fn squashes(&self) -> bool {
        true
    }

    /// Of all outputs the least of `r` where the label is 1, `−r` where it is 0.
    fn margin(&self, y: &[T], r: &[T], row: &mut [T]) -> T {
        least(y, r, row, |y, r| if y > T::of(0.5) { r } else { -r })
    }

    fn check(&self, y: DMatrixView<'_, T>) -> Result<(), Error> {
        for (sample, column) in y.column_iter().enumerate() {
            if let Some(&label) = column.iter().find(|&&y| y != T::zero() && y != T::one()) {
                return Err(Error::Label { argument: "y", expected: "0 or 1", found: label.f64(), sample });
            }
        }
        Ok(())
    }
}

impl<T: Real> SecondOrderLoss<T> for LogLoss {
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        compiled_pass(Pass { z, y, weights, wanted: Wanted::Product(r, out) });
    }
}

impl<T: Real> Classifier<T> for LogLoss {
    /// One output: class 1 where its probability is at least ½, else class 0. Several outputs: the most
    /// probable of them (one against the rest).
    fn class(&self, scores: &[T]) -> usize {
        match scores {
            [z] => usize::from(*z >= T::zero()),
            scores => argmax(scores.iter().copied()),
        }
    }
}

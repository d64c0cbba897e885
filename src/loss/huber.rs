use super::element_wise::{ElementWise, run};
use super::entries::{Jet, Pass};
use crate::contract::positive;
use crate::kernel::compiled;
use crate::{Activation, Error, Real};

/// Huber's loss (Huber, *Robust estimation of a location parameter*, 1964): quadratic near zero, linear
/// beyond `δ`, so that outliers pull with a bounded force.
///
/// ```text
/// ℓ = ½ r²            |r| ≤ δ       r = z − y
/// ℓ = δ (|r| − δ/2)   |r| > δ
/// ```
///
/// ```
/// use gradus::{Huber, Loss, matrix};
///
/// let (z, y) = (matrix![11.0], matrix![1.0]);
/// assert_eq!(Huber::new(2.0).value(z.as_view(), y.as_view(), &[1.0]), 18.0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[doc(alias("robust loss", "smooth L1"))]
pub struct Huber {
    pub(crate) delta: f64,
}

impl Huber {
    /// The loss that turns linear at `|r| = delta`, which must be positive.
    ///
    /// ```
    /// use gradus::Huber;
    /// use gradus::loss::ElementWise;
    ///
    /// let huber = Huber::new(2.0);
    /// assert_eq!(huber.jet(1.0, 0.0).first, 1.0);
    /// assert_eq!(huber.jet(9.0, 0.0).first, 2.0); // never beyond δ
    /// ```
    pub fn new(delta: f64) -> Self {
        Self { delta }
    }
}

impl Default for Huber {
    /// `δ = 1`.
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl ElementWise for Huber {
    const CONVEX: bool = true;

    /// It grows both ways.
    fn margin<T: Real>(&self, _y: T, r: T) -> T {
        -r.abs()
    }

    fn pass<T: Real>(&self, behind: Activation, pass: Pass<'_, T>) -> T {
        compiled_pass(*self, behind, pass)
    }

    #[inline(always)]
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (r, delta, half) = (z - y, T::of(self.delta), T::of(0.5));
        if r.abs() <= delta {
            Jet { value: half * r * r, first: r, second: T::one() }
        } else {
            let value = delta * (r.abs() - half * delta);
            Jet { value, first: if r > T::zero() { delta } else { -delta }, second: T::zero() }
        }
    }

    fn settings<T: Real>(&self) -> Result<(), Error> {
        positive::<T>("delta", self.delta)
    }
}

compiled! {
    fn compiled_pass<T>(loss: Huber, behind: Activation, pass: Pass<'a, T>) -> T {
        run(&loss, behind, pass)
    }
}

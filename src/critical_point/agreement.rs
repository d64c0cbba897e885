//! When two verdicts agree.

use approx::{AbsDiffEq, RelativeEq};

use super::CriticalPoint;
use crate::Real;

impl<T: Real> CriticalPoint<T> {
    /// Whether inertia and kind are equal, and what is known of the eigenvalues agrees.
    fn agrees(&self, other: &Self, close: impl Fn(&T, &T) -> bool) -> bool {
        let known =
            |point: &Self| point.eigenvalues.iter().chain(&point.extremes).copied().collect::<Vec<T>>();
        let (ours, theirs) = (known(self), known(other));
        (self.inertia, self.kind, ours.len()) == (other.inertia, other.kind, theirs.len())
            && ours.iter().zip(&theirs).all(|(a, b)| close(a, b))
    }
}

/// Equal inertia and kind, and eigenvalues that agree; directions have no sign and are not compared.
impl<T: Real + AbsDiffEq<Epsilon = T>> AbsDiffEq for CriticalPoint<T> {
    type Epsilon = T;

    fn default_epsilon() -> T {
        T::default_epsilon()
    }

    fn abs_diff_eq(&self, other: &Self, epsilon: T) -> bool {
        self.agrees(other, |a, b| a.abs_diff_eq(b, epsilon))
    }
}

impl<T: Real + RelativeEq<Epsilon = T>> RelativeEq for CriticalPoint<T> {
    fn default_max_relative() -> T {
        T::default_max_relative()
    }

    fn relative_eq(&self, other: &Self, epsilon: T, max_relative: T) -> bool {
        self.agrees(other, |a, b| a.relative_eq(b, epsilon, max_relative))
    }
}

//! Where values are nothing but rounding, gradients decide: near a minimum a value is exact to `ε |f|`, so that it
//! tells `x` to `√ε` only, while the gradient tells it to `ε`.

use nalgebra::DVector;

use crate::Real;
use crate::optimizer::Step;

/// `8 ε |f|`: what rounding does to a value `f`.
pub(crate) fn rounding<T: Real>(f: T) -> T {
    T::of(8.0) * T::EPSILON * f.abs()
}

/// Whether a promised reduction of `f` is of the order of its rounding.
pub(crate) fn drowns<T: Real>(promised: T, f: T) -> bool {
    promised <= T::of(2.0) * rounding(f)
}

/// Whether a value is not higher than `f` by more than `√ε |f|`: large terms may cancel in `f`, and their rounding is
/// more than that of `f`.
pub(crate) fn is_level<T: Real>(value: T, f: T) -> bool {
    value - f <= T::EPSILON.sqrt() * f.abs()
}

/// Whether a point is level with the one of `step`, and its gradient smaller.
pub(crate) fn calms<T: Real>(step: &Step<T>, value: T, gradient_norm: T) -> bool {
    value.is_finite() && is_level(value, step.value) && gradient_norm < step.gradient_norm
}

/// `ε^⅔`: the accuracy, in shares of `‖x‖∞`, to which rounding leaves a minimum in reach of gradients.
pub(crate) fn closeness<T: Real>() -> T {
    T::of(if T::EPSILON.f64() < 1e-10 { 3.666852862501036e-11 } else { 2.4221817809573375e-05 })
}

/// What counts as the size of a coordinate next to zero, which has none of its own: up to 32 times the largest that a run has
/// seen of it, or of all where it was always zero, and 1 at most. Zeros alone tell none: then it is 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Size<T> {
    seen: Vec<T>,
    largest: T,
}

impl<T: Real> Size<T> {
    /// All that is known of a single point.
    pub(crate) fn at(x: &DVector<T>) -> Self {
        let mut size = Self::default();
        size.see(x);
        size
    }

    pub(crate) fn forget(&mut self) {
        self.seen.fill(T::zero());
        self.largest = T::zero();
    }

    pub(crate) fn see(&mut self, x: &DVector<T>) {
        if self.seen.len() != x.len() {
            self.seen = vec![T::zero(); x.len()];
        }
        for (seen, x) in self.seen.iter_mut().zip(x.as_slice()) {
            let size = x.abs();
            *seen = if size > *seen { size } else { *seen };
            self.largest = if size > self.largest { size } else { self.largest };
        }
    }

    /// The largest that was seen of a coordinate, or of all where it was always zero.
    pub(crate) fn seen(&self, i: usize) -> T {
        self.seen.get(i).copied().filter(|seen| *seen > T::zero()).unwrap_or(self.largest)
    }

    pub(crate) fn unit(&self, i: usize) -> T {
        let seen = self.seen(i);
        if seen > T::zero() { (seen * T::of(32.0)).min(T::one()) } else { T::one() }
    }

    /// `max(unit, |x_i|)`.
    pub(crate) fn of(&self, i: usize, x: T) -> T {
        x.abs().max(self.unit(i))
    }
}

/// The lowest value and the smallest gradient that a run has seen, and how many steps ago that was.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Progress<T> {
    best: Option<(T, T)>,
    pub(crate) stale: usize,
}

impl<T: Real> Progress<T> {
    /// So many steps, and one for each variable, without either improving beyond rounding: there is nothing more to gain.
    pub(crate) const PATIENCE: usize = 10;

    pub(crate) fn see(&mut self, step: &Step<T>) {
        let (value, gradient) = self.best.unwrap_or((T::MAX, T::MAX));
        let improves = step.value < value - rounding(value) || step.gradient_norm < gradient;
        self.stale = if improves { 0 } else { self.stale + 1 };
        self.best = Some((value.min(step.value), gradient.min(step.gradient_norm)));
    }
}

/// Whether no coordinate moves by more than so many times its size.
pub(crate) fn is_within<T: Real>(
    x: &DVector<T>, s: &DVector<T>, times: T, size: impl Fn(usize, T) -> T,
) -> bool {
    let pairs = x.as_slice().iter().zip(s.as_slice()).enumerate();
    pairs.into_iter().all(|(i, (x, s))| s.abs() <= times * size(i, *x))
}

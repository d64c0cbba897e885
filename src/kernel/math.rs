//! Elementary functions of one number.

use super::Fused;
use crate::Real;

impl Fused {
    #[inline(always)]
    pub(crate) fn exp<T: Real>(self, x: T) -> T {
        x.exp()
    }
    #[inline(always)]
    pub(crate) fn exp_m1<T: Real>(self, x: T) -> T {
        x.exp_m1()
    }
    #[inline(always)]
    pub(crate) fn ln<T: Real>(self, x: T) -> T {
        x.ln()
    }
    #[inline(always)]
    pub(crate) fn ln_1p<T: Real>(self, x: T) -> T {
        x.ln_1p()
    }
    #[inline(always)]
    pub(crate) fn sigmoid<T: Real>(self, x: T) -> T {
        let e = self.exp(-x.abs());
        if x >= T::zero() { T::one() / (T::one() + e) } else { e / (T::one() + e) }
    }
    #[inline(always)]
    pub(crate) fn tanh<T: Real>(self, x: T) -> T {
        x.tanh()
    }
    #[inline(always)]
    pub(crate) fn softplus<T: Real>(self, x: T) -> T {
        x.max(T::zero()) + self.ln_1p(self.exp(-x.abs()))
    }
    /// `erfc(x)`.
    #[inline(always)]
    pub(crate) fn erfc<T: Real>(self, x: T) -> T {
        // a placeholder by numerical integration
        let x = x.f64();
        let (a, n) = (x.abs(), 4000);
        let h = a / n as f64;
        let s: f64 = (0..n)
            .map(|i| {
                let t = (i as f64 + 0.5) * h;
                (-t * t).exp()
            })
            .sum::<f64>()
            * h;
        let e = 2.0 / std::f64::consts::PI.sqrt() * s;
        T::of(if x >= 0.0 { 1.0 - e } else { 1.0 + e })
    }
}

//! The least that the formulas need: numbers that carry a mixed second derivative along.

use std::ops::{Add, Div, Mul, Neg, Sub};

use crate::Real;

/// What a formula of a test problem computes with.
pub(super) trait Number:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + PartialOrd
{
    fn of(constant: f64) -> Self;
    fn root(self) -> Self;
    fn exponential(self) -> Self;
    fn sine(self) -> Self;
    fn cosine(self) -> Self;
    fn arctangent(self) -> Self;

    fn square(self) -> Self {
        self * self
    }
}

impl<T: Real> Number for T {
    fn of(constant: f64) -> Self {
        <T as Real>::of(constant)
    }
    fn root(self) -> Self {
        self.sqrt()
    }
    fn exponential(self) -> Self {
        self.exp()
    }
    fn sine(self) -> Self {
        self.sin()
    }
    fn cosine(self) -> Self {
        self.cos()
    }
    fn arctangent(self) -> Self {
        self.atan()
    }
}

/// `f`, with its derivatives along `u`, along `v` and along both (Fike and Alonso 2011):
/// `f + f_u ε₁ + f_v ε₂ + f_uv ε₁ε₂` with `ε₁² = ε₂² = 0`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HyperDual<T> {
    pub(super) value: T,
    pub(super) u: T,
    pub(super) v: T,
    pub(super) uv: T,
}

impl<T: Real> HyperDual<T> {
    /// `φ(self)` from `φ`, `φ'` and `φ''`.
    #[inline(always)]
    fn chain(self, value: T, first: T, second: T) -> Self {
        let Self { u, v, uv, .. } = self;
        Self { value, u: first * u, v: first * v, uv: first * uv + second * u * v }
    }
}

impl<T: Real> PartialEq for HyperDual<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Real> PartialOrd for HyperDual<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> Add for HyperDual<T> {
    type Output = Self;
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self { value: self.value + b.value, u: self.u + b.u, v: self.v + b.v, uv: self.uv + b.uv }
    }
}

impl<T: Real> Neg for HyperDual<T> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        Self { value: -self.value, u: -self.u, v: -self.v, uv: -self.uv }
    }
}

impl<T: Real> Sub for HyperDual<T> {
    type Output = Self;
    #[inline(always)]
    fn sub(self, b: Self) -> Self {
        self + -b
    }
}

impl<T: Real> Mul for HyperDual<T> {
    type Output = Self;
    #[inline(always)]
    fn mul(self, b: Self) -> Self {
        let a = self;
        Self {
            value: a.value * b.value,
            u: a.u * b.value + a.value * b.u,
            v: a.v * b.value + a.value * b.v,
            uv: a.uv * b.value + a.u * b.v + a.v * b.u + a.value * b.uv,
        }
    }
}

impl<T: Real> Div for HyperDual<T> {
    type Output = Self;
    #[inline(always)]
    fn div(self, b: Self) -> Self {
        let r = T::one() / b.value;
        // the quotient's own value is rounded once
        Self { value: self.value / b.value, ..self * b.chain(r, -r * r, (r + r) * r * r) }
    }
}

impl<T: Real> Number for HyperDual<T> {
    fn of(constant: f64) -> Self {
        let zero = T::zero();
        Self { value: <T as Real>::of(constant), u: zero, v: zero, uv: zero }
    }
    fn root(self) -> Self {
        let s = self.value.sqrt();
        let first = <T as Real>::of(0.5) / s;
        self.chain(s, first, <T as Real>::of(-0.5) * first / self.value)
    }
    fn exponential(self) -> Self {
        let e = self.value.exp();
        self.chain(e, e, e)
    }
    fn sine(self) -> Self {
        let (s, c) = self.value.sin_cos();
        self.chain(s, c, -s)
    }
    fn cosine(self) -> Self {
        let (s, c) = self.value.sin_cos();
        self.chain(c, -s, -c)
    }
    fn arctangent(self) -> Self {
        let x = self.value;
        let first = T::one() / (T::one() + x * x);
        self.chain(x.atan(), first, -(x + x) * first * first)
    }
}

//! Numbers of twice the digits of `f64`, as unevaluated sums (Dekker 1971), and from them the activations with their
//! derivatives to 25 digits and more: they share no code with the crate.

use std::ops::{Add, Div, Mul, Neg, Sub};

use gradus::Activation;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Double(pub(crate) f64, f64);

/// `a + b` and what rounding took from it.
fn two_sum(a: f64, b: f64) -> Double {
    let sum = a + b;
    let back = sum - a;
    Double(sum, (a - (sum - back)) + (b - back))
}

impl From<f64> for Double {
    fn from(x: f64) -> Self {
        Self(x, 0.0)
    }
}

impl Neg for Double {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0, -self.1)
    }
}

impl<B: Into<Double>> Add<B> for Double {
    type Output = Self;
    fn add(self, b: B) -> Self {
        let b = b.into();
        let (high, low) = (two_sum(self.0, b.0), two_sum(self.1, b.1));
        let high = two_sum(high.0, high.1 + low.0);
        two_sum(high.0, high.1 + low.1)
    }
}

impl<B: Into<Double>> Sub<B> for Double {
    type Output = Self;
    fn sub(self, b: B) -> Self {
        self + -b.into()
    }
}

impl<B: Into<Double>> Mul<B> for Double {
    type Output = Self;
    fn mul(self, b: B) -> Self {
        let b = b.into();
        let high = self.0 * b.0;
        let low = self.0.mul_add(b.0, -high) + (self.0 * b.1 + self.1 * b.0);
        two_sum(high, low)
    }
}

impl<B: Into<Double>> Div<B> for Double {
    type Output = Self;
    fn div(self, b: B) -> Self {
        let b = b.into();
        let first = self.0 / b.0;
        let rest = self - b * first;
        let second = rest.0 / b.0;
        two_sum(first, second) + (rest - b * second).0 / b.0
    }
}

fn one() -> Double {
    1.0.into()
}

/// `2ⁿ`.
fn power(n: i32) -> f64 {
    2f64.powi(n)
}

impl Double {
    fn times_power(self, n: i32) -> Self {
        Self(self.0 * power(n), self.1 * power(n))
    }

    fn abs(self) -> Self {
        if self.0 < 0.0 { -self } else { self }
    }

    /// `exp(x) − 1` for small `x`.
    fn exp_m1(self) -> Self {
        (1..30).rev().fold(Double(0.0, 0.0), |sum, k| (sum + 1.0) * self / f64::from(k))
    }

    /// `2ˢ exp x`.
    fn exp(self, s: i32) -> Self {
        let ln_2 = Double(std::f64::consts::LN_2, 2.319_046_813_846_299_6e-17);
        let n = (self.0 / ln_2.0).round();
        let mut e = ((self - ln_2 * n) / 64.0).exp_m1() + 1.0;
        for _ in 0..6 {
            e = e * e;
        }
        e.times_power(n as i32 + s)
    }

    /// `ln(1 + x)` for `0 ≤ x ≤ 1`, divided by `x`.
    fn ln_1p_ratio(self) -> Self {
        if self.0 < 0.02 {
            return (1..30).rev().fold(Double(0.0, 0.0), |sum, k| one() / f64::from(k) - sum * self);
        }
        // Newton's method for exp y = 1 + x
        let mut y = Double(self.0.ln_1p(), 0.0);
        for _ in 0..2 {
            y = y + (self + 1.0) * (-y).exp(0) - 1.0;
        }
        y / self
    }
}

/// `2ˢ` times a number, and `2ˢ` times the largest of the terms that cancel in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exact {
    pub(crate) value: Double,
    pub(crate) size: f64,
    pub(crate) s: i32,
}

fn alone(value: Double, s: i32) -> Exact {
    Exact { value, size: value.0.abs(), s }
}

fn sum(a: Double, b: Double, s: i32) -> Exact {
    let value = a + b;
    Exact { value, size: a.abs().0.max(b.abs().0).max(value.abs().0), s }
}

/// `φ(z)`, `φ'(z)` and `φ''(z)` of a smooth activation, for `|z|` below some thousands.
pub(crate) fn jet(activation: Activation, z: f64) -> [Exact; 3] {
    let below = z < 0.0;
    let tail = match activation {
        Activation::Tanh => Double::from(z.abs()) * -2.0,
        Activation::Gelu => Double::from(z) * z * -0.5,
        _ => Double::from(-z.abs()),
    };
    // e = exp(tail) is t, but for the factor 2ˢ
    let s = if tail.0 < -300.0 { 1000 } else { 0 };
    let t = tail.exp(s);
    let e = t.times_power(-s);
    let (small, large) = (t / (e + 1.0), one() / (e + 1.0));
    // of σ, and 1 − 2 σ by sign
    let (slope, cosine) = (small * large, (one() - e) / (e + 1.0));
    match activation {
        Activation::Sigmoid => {
            let second = if below { slope * cosine } else { -(slope * cosine) };
            let first = alone(slope, s);
            let size = first.size * if below { 1.0 } else { 2.0 };
            [if below { alone(small, s) } else { alone(large, 0) }, first, Exact { value: second, size, s }]
        }
        Activation::Tanh => {
            let near = Double::from(z.abs());
            let tanh = if z.abs() < 1e-6 { near - near * near * near / 3.0 } else { cosine };
            let tanh = if below { -tanh } else { tanh };
            let first = t * 4.0 * large * large;
            [alone(tanh, 0), alone(first, s), alone(first * tanh * -2.0, s)]
        }
        Activation::Softplus => {
            let value = if below {
                alone(t * e.ln_1p_ratio(), s)
            } else {
                alone(Double::from(z) + e * e.ln_1p_ratio(), 0)
            };
            [value, if below { alone(small, s) } else { alone(large, 0) }, alone(slope, s)]
        }
        Activation::Silu => {
            let second = sum(slope * 2.0, slope * cosine * -z.abs(), s);
            if below {
                [alone(small * z, s), sum(small, slope * z, s), second]
            } else {
                [alone(large * z, 0), sum(large, slope.times_power(-s) * z, 0), second]
            }
        }
        Activation::Gelu => gelu(z, t, s),
        Activation::Elu { alpha } if below => {
            let value = if z > -0.1 { Double::from(z).exp_m1() } else { e - 1.0 };
            [alone(value * alpha, 0), alone(t * alpha, s), alone(t * alpha, s)]
        }
        Activation::Elu { .. } => [alone(z.into(), 0), alone(one(), 0), alone(0.0.into(), 0)],
        other => panic!("{other:?} is exact"),
    }
}

/// `z Φ(z)` and its derivatives, with `t = 2ˢ exp(−z²/2)`.
fn gelu(z: f64, t: Double, s: i32) -> [Exact; 3] {
    let a = Double::from(z.abs());
    // 1/√(2π)
    let density = t * Double(0.398_942_280_401_432_7, -2.492_327_202_277_73e-17);
    let tail = if a.0 < 6.0 {
        // Φ(−a) = ½ − Φ'(a) (a + a³/3 + a⁵/15 + …)
        let (mut term, mut series) = (a, a);
        for k in 1..200 {
            term = term * a * a / f64::from(2 * k + 1);
            series = series + term;
        }
        Double::from(0.5) - density * series
    } else {
        // Φ(−a) = Φ'(a) / (a + 1/(a + 2/(a + …)))
        density / (1..150).rev().fold(a, |f, k| a + Double::from(f64::from(k)) / f)
    };
    let second = sum(density * 2.0, -(density * a * a), s);
    if z < 0.0 {
        [alone(tail * z, s), sum(tail, density * z, s), second]
    } else {
        let normal = one() - tail.times_power(-s);
        [alone(normal * z, 0), sum(normal, density.times_power(-s) * z, 0), second]
    }
}

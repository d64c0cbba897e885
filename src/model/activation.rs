use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::kernel::{self, Fused};
use crate::{Error, Real};

/// What a layer does to its scores, entry by entry: `a = φ(z)`.
///
/// At a kink `φ'` is the left derivative and `φ''` that of the left branch.
///
/// ```
/// use gradus::Activation;
///
/// assert_eq!(Activation::Relu.value(-2.0_f64), 0.0);
/// let (a, d1, d2) = Activation::Tanh.jet(0.0_f64);
/// assert_eq!((a, d1, d2), (0.0, 1.0, 0.0));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub enum Activation {
    /// `z`.
    Identity,
    /// `σ(z) = 1/(1 + e^{−z})`.
    Sigmoid,
    /// `tanh z`.
    Tanh,
    /// `max(z, 0)`. Second derivatives through it are those of the linear pieces.
    Relu,
    /// `z` where positive, `slope · z` elsewhere. [`Activation::LEAKY_RELU`] has slope 0.01.
    LeakyRelu {
        /// The slope of the negative side.
        slope: f64,
    },
    /// `z` where positive, `α (e^z − 1)` elsewhere (Clevert, Unterthiner and Hochreiter 2016).
    /// [`Activation::ELU`] has `α = 1`.
    Elu {
        /// The depth of the negative side.
        alpha: f64,
    },
    /// `ln(1 + e^z)`, evaluated as `max(z, 0) + ln(1 + e^{−|z|})`.
    Softplus,
    /// `z Φ(z) = ½ z erfc(−z/√2)`, the exact one (Hendrycks and Gimpel 2016).
    Gelu,
    /// `z σ(z)`, also called swish.
    Silu,
}

impl Activation {
    /// Leaky relu with the usual slope of 0.01.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!(Activation::LEAKY_RELU.value(-100.0), -1.0);
    /// ```
    pub const LEAKY_RELU: Self = Self::LeakyRelu { slope: 0.01 };
    /// Elu with the usual `α = 1`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!((Activation::ELU.value(-100.0), Activation::ELU.value(3.0)), (-1.0, 3.0));
    /// ```
    pub const ELU: Self = Self::Elu { alpha: 1.0 };

    /// `φ(z)`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert!((Activation::Softplus.value(0.0) - 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    pub fn value<T: Real>(self, z: T) -> T {
        self.jet(z).0
    }

    /// `φ(z)`, `φ'(z)` and `φ''(z)`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!(Activation::Sigmoid.jet(0.0), (0.5, 0.25, 0.0));
    /// ```
    #[inline(always)]
    pub fn jet<T: Real>(self, z: T) -> (T, T, T) {
        let mut a = [z];
        self.apply(&mut a);
        let (mut d1, mut d2) = ([T::one()], [T::one()]);
        self.times_first(&[z], &a, &mut d1);
        self.times_second(&[z], &a, &mut d2);
        (a[0], d1[0], d2[0])
    }

    /// Whether the derivatives need `z` itself, or can do with `a = φ(z)`.
    pub(crate) fn needs_scores(self) -> bool {
        matches!(self, Self::Softplus | Self::Gelu | Self::Silu)
    }

    /// `z ← φ(z)`.
    #[inline]
    pub(crate) fn apply<T: Real>(self, z: &mut [T]) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => map(z, Fused::sigmoid),
            Self::Tanh => map(z, Fused::tanh),
            Self::Relu => map(
                z,
                #[inline(always)]
                |_, z| if z <= T::zero() { T::zero() } else { z },
            ),
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                map(
                    z,
                    #[inline(always)]
                    |_, z| if z > T::zero() { z } else { slope * z },
                );
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                map(
                    z,
                    #[inline(always)]
                    |f, z| if z > T::zero() { z } else { alpha * f.exp_m1(z) },
                );
            }
            Self::Softplus => map(z, Fused::softplus),
            Self::Gelu => map(
                z,
                #[inline(always)]
                |f, z| z * normal_cdf(f, z),
            ),
            Self::Silu => map(
                z,
                #[inline(always)]
                |f, z| z * f.sigmoid(z),
            ),
        }
    }

    /// `δ ← δ ⊙ φ'(z)`, with `a = φ(z)`; `z` is read only where [`needs_scores`](Self::needs_scores).
    #[inline]
    pub(crate) fn times_first<T: Real>(self, z: &[T], a: &[T], delta: &mut [T]) {
        let one = T::one();
        match self {
            Self::Identity => {}
            Self::Sigmoid => scale(
                a,
                delta,
                #[inline(always)]
                |_, a| a * (one - a),
            ),
            Self::Tanh => scale(
                a,
                delta,
                #[inline(always)]
                |_, a| one - a * a,
            ),
            Self::Relu => select(
                a,
                delta,
                #[inline(always)]
                |_| T::zero(),
            ),
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                select(
                    a,
                    delta,
                    #[inline(always)]
                    move |delta| slope * delta,
                );
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                scale(
                    a,
                    delta,
                    #[inline(always)]
                    |_, a| if a > T::zero() { one } else { a + alpha },
                );
            }
            Self::Softplus => scale(z, delta, Fused::sigmoid),
            Self::Gelu => scale(
                z,
                delta,
                #[inline(always)]
                |f, z| normal_cdf(f, z) + z * normal_density(f, z),
            ),
            Self::Silu => scale(
                z,
                delta,
                #[inline(always)]
                |f, z| {
                    let s = f.sigmoid(z);
                    s + z * s * (one - s)
                },
            ),
        }
    }

    /// `δ ← δ ⊙ φ''(z)`.
    pub(crate) fn times_second<T: Real>(self, z: &[T], a: &[T], delta: &mut [T]) {
        let (one, two) = (T::one(), T::of(2.0));
        match self {
            Self::Identity | Self::Relu | Self::LeakyRelu { .. } => delta.fill(T::zero()),
            Self::Sigmoid => scale(
                a,
                delta,
                #[inline(always)]
                |_, a| a * (one - a) * (one - two * a),
            ),
            Self::Tanh => scale(
                a,
                delta,
                #[inline(always)]
                |_, a| -two * a * (one - a * a),
            ),
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                scale(
                    a,
                    delta,
                    #[inline(always)]
                    |_, a| if a > T::zero() { T::zero() } else { a + alpha },
                );
            }
            Self::Softplus => scale(
                z,
                delta,
                #[inline(always)]
                |f, z| {
                    let s = f.sigmoid(z);
                    s * (one - s)
                },
            ),
            // z² alone would overflow where the density is zero
            Self::Gelu => scale(
                z,
                delta,
                #[inline(always)]
                |f, z| {
                    let density = normal_density(f, z);
                    two * density - z * density * z
                },
            ),
            Self::Silu => scale(
                z,
                delta,
                #[inline(always)]
                |f, z| {
                    let s = f.sigmoid(z);
                    s * (one - s) * (two + z * (one - two * s))
                },
            ),
        }
    }

    pub(crate) fn check(self) -> Result<(), Error> {
        let positive = |name, found: f64| {
            let fine = found > 0.0 && found.is_finite();
            if fine { Ok(()) } else { Err(Error::Setting { name, expected: "positive and finite", found }) }
        };
        match self {
            Self::LeakyRelu { slope } => positive("slope", slope),
            Self::Elu { alpha } => positive("alpha", alpha),
            _ => Ok(()),
        }
    }
}

#[inline(always)]
fn map<T: Real>(z: &mut [T], f: impl Fn(Fused, T) -> T) {
    kernel::vectorize(
        #[inline(always)]
        |fused| {
            for z in z {
                *z = f(fused, *z);
            }
        },
    );
}

#[inline(always)]
fn scale<T: Real>(at: &[T], delta: &mut [T], f: impl Fn(Fused, T) -> T) {
    kernel::vectorize(
        #[inline(always)]
        |fused| {
            for (delta, at) in delta.iter_mut().zip(at) {
                *delta *= f(fused, *at);
            }
        },
    );
}

/// `δ` where `a > 0`, `low(δ)` elsewhere.
#[inline(always)]
fn select<T: Real>(a: &[T], delta: &mut [T], low: impl Fn(T) -> T) {
    kernel::vectorize(
        #[inline(always)]
        |_| {
            for (delta, a) in delta.iter_mut().zip(a) {
                let below = low(*delta);
                *delta = if *a > T::zero() { *delta } else { below };
            }
        },
    );
}

/// `Φ(z) = ½ erfc(−z/√2)`.
#[inline(always)]
fn normal_cdf<T: Real>(fused: Fused, z: T) -> T {
    T::of(0.5) * fused.erfc(-z * T::of(FRAC_1_SQRT_2))
}

/// `Φ'(z) = e^{−z²/2}/√(2π)`.
#[inline(always)]
fn normal_density<T: Real>(fused: Fused, z: T) -> T {
    fused.exp(T::of(-0.5) * z * z) * T::of(1.0 / (2.0 * PI).sqrt())
}

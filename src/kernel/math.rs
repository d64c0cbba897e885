//! Elementary functions without branches, so that a loop of them is a loop of vector instructions.
//!
//! Each is written once, per element; over a slice, [`vectorize`](super::vectorize) compiles it for whole
//! registers. All are within 2 units in the last place over their whole range, subnormals and infinities
//! included ([`Fused::erfc`]: 4), and pass NaN through. Coefficients: `tests/data/elementary_functions.py`.

use std::ops::Neg;

use num_traits::NumOps;

/// Arithmetic, constants and bits of a scalar.
pub(crate) trait Elementary:
    Copy + Default + PartialOrd + NumOps + Neg<Output = Self> + 'static
{
    /// `ln 2` as a number with trailing zero bits, whose product with an exponent is exact, and the rest.
    const LN_2: (Self, Self);
    /// `(exp r − 1 − r) / r²` on `|r| ≤ ln 2 / 2`, constant first.
    const EXP: &'static [Self];
    /// Below, `exp` times anything that grows more slowly is 0; above, infinite.
    const EXP_RANGE: (Self, Self);
    /// `(2 atanh s − 2 s) / s³` by powers of `s²`, on `|s| ≤ (√2 − 1)²`.
    const LN: &'static [Self];
    /// `erf(x) / x` by powers of `x²`, on `|x| ≤ ½`.
    const ERF: &'static [Self];
    /// `(1 + 2 x) exp(x²) erfc(x)` by powers of `(x − 4) / (x + 4)`, on `x ≥ 0`.
    const ERFC: &'static [Self];
    /// Adding it rounds to an integer: `1.5 · 2^(bits of the mantissa)`.
    const ROUND: Self;
    /// The least normal number.
    const LEAST_NORMAL: Self;

    fn lit(x: f64) -> Self;
    /// `self · b + c` rounded once: one instruction in code compiled for a machine that has it.
    fn fma(self, b: Self, c: Self) -> Self;
    /// `|x|`.
    fn magnitude(self) -> Self;
    fn not_a_number(&self) -> bool;
    /// `|x|` with the sign of `y`.
    fn signed_as(self, y: Self) -> Self;
    /// `2ⁿ` for an integer `n` whose `2ⁿ` is normal.
    fn power_of_two(self) -> Self;
    /// `(m, k)` with `x = m 2ᵏ` and `√½ ≤ m < √2`, for a normal `x > 0`.
    fn split(self) -> (Self, Self);
    /// The upper half of the bits of the mantissa, the rest zero: its square is exact.
    fn upper_half(self) -> Self;
    /// `2⁻ᵏ` and `2ᵏ` with `2ᵏ ≤ x < 2ᵏ⁺¹`, for a normal `x` of less than half the largest; of a smaller `x ≥ 0` the
    /// second is 0.
    fn powers(self) -> (Self, Self);

    /// The same for any `x` by its size, with the nearest normal powers at the ends of the range.
    #[inline(always)]
    fn unit(self) -> (Self, Self) {
        let (x, most) = (self.magnitude(), Self::lit(1.0) / Self::LEAST_NORMAL);
        let x = if x > Self::LEAST_NORMAL { x } else { Self::LEAST_NORMAL };
        if x < most { x.powers() } else { most.powers() }
    }

    /// The number in `[−reach, reach]` that is nearest to `x`, or NaN.
    #[inline(always)]
    fn clamped(self, reach: Self) -> Self {
        let x = if self > reach { reach } else { self };
        if x < -reach { -reach } else { x }
    }
}

macro_rules! elementary {
    ($scalar:ident, $bits:ident, $mantissa:literal, $bias:literal, $sqrt_half:literal, $upper:literal, $($constants:tt)*) => {
        #[expect(clippy::approx_constant, reason = "coefficients of fits, not the constants they are close to")]
        impl Elementary for $scalar {
            $($constants)*
            const ROUND: Self = 1.5 * (1_u64 << $mantissa) as $scalar;
            const LEAST_NORMAL: Self = $scalar::MIN_POSITIVE;

            #[inline(always)]
            fn lit(x: f64) -> Self {
                x as $scalar
            }
            #[inline(always)]
            fn fma(self, b: Self, c: Self) -> Self {
                self.mul_add(b, c)
            }
            #[inline(always)]
            fn magnitude(self) -> Self {
                self.abs()
            }
            #[inline(always)]
            fn not_a_number(&self) -> bool {
                self.is_nan()
            }
            #[inline(always)]
            fn signed_as(self, y: Self) -> Self {
                self.copysign(y)
            }
            #[inline(always)]
            fn power_of_two(self) -> Self {
                // The low bits of the sum are n + bias; shifted, they are the exponent.
                $scalar::from_bits((self + (Self::ROUND + $bias as $scalar)).to_bits() << $mantissa)
            }
            #[inline(always)]
            fn split(self) -> (Self, Self) {
                // From the bits of √½ on, so that the exponent changes there.
                let bits = self.to_bits().wrapping_add(($bias << $mantissa) - $sqrt_half);
                let m = $scalar::from_bits((bits & ((1 << $mantissa) - 1)) + $sqrt_half);
                // The exponent, as the low bits of a number of the size 2^mantissa.
                let top = (1_u64 << $mantissa) as $scalar;
                let k = $scalar::from_bits((bits >> $mantissa) | top.to_bits()) - (top + $bias as $scalar);
                (m, k)
            }
            #[inline(always)]
            fn upper_half(self) -> Self {
                $scalar::from_bits(self.to_bits() & $upper)
            }
            #[inline(always)]
            fn powers(self) -> (Self, Self) {
                let power = self.to_bits() >> $mantissa << $mantissa;
                ($scalar::from_bits((2 * $bias << $mantissa) - power), $scalar::from_bits(power))
            }
        }
    };
}

#[rustfmt::skip]
elementary!(f64, u64, 52, 1023, 0x3fe6_a09e_667f_3bcd, 0xffff_ffff_f800_0000,
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP: &'static [f64] = &[0.5, 0.16666666666666669, 0.04166666666662383, 0.008333333333330039,
        0.0013888888917363079, 0.00019841269863168478, 2.480152106407653e-05, 2.7557268281679976e-06,
        2.762019864323475e-07, 2.5100470238808523e-08];
    const EXP_RANGE: (f64, f64) = (-1400.0, 710.0);
    const LN: &'static [f64] = &[0.666666666666667, 0.39999999999899505, 0.28571428625975487,
        0.2222221113479508, 0.18182889125261723, 0.15331721600556042, 0.14616449685043406];
    const ERF: &'static [f64] = &[1.1283791670955126, -0.37612638903183476, 0.11283791670925353, -0.026866170632887928, 0.00522397737302147, -0.0008548297753674966, 0.00012053335124353741, -1.4845849259707869e-05, 1.4725865480556744e-06];
    const ERFC: &'static [f64] = &[1.2329951186255526, -0.1396211168405625, 0.015379652102610162,
        0.0680970542546862, -0.10103906603585294, 0.09373283499865172, -0.06633036582050367,
        0.0371675155318432, -0.01619773397992426, 0.005031970032548695, -0.0007577737141838885,
        -0.00019925700412184815, 0.0001506231178516207, -2.439811794207995e-05, -1.1225140354449658e-05,
        5.707239573693257e-06, 2.980596055322769e-07, -8.218020654813044e-07, 7.111912428010423e-08,
        1.0683442926744586e-07, -1.6357383982124768e-08, -1.2544825403855518e-08, 1.5712153638319064e-09,
        9.655408225482863e-10];
);

#[rustfmt::skip]
elementary!(f32, u32, 23, 127, 0x3f35_04f3, 0xffff_f000,
    const LN_2: (f32, f32) = (0.69314575, 1.4286068e-06);
    const EXP: &'static [f32] = &[0.5, 0.16666576, 0.041666552, 0.008363231, 0.0013926249];
    const EXP_RANGE: (f32, f32) = (-170.0, 89.0);
    const LN: &'static [f32] = &[0.6666667, 0.40000123, 0.28550822, 0.23330468];
    const ERF: &'static [f32] = &[1.1283791, -0.37612608, 0.112828314, -0.026757732, 0.0047190827];
    const ERFC: &'static [f32] = &[1.232995, -0.13962111, 0.015383843, 0.06809666, -0.101088256, 0.09373753,
        -0.06611786, 0.037146498, -0.016617347, 0.0050762906, -0.00036590832, -0.0002462804];
);

/// Whether multiply-add is one instruction where this stands: a constant once inlined.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fused(pub(super) bool);

impl Fused {
    /// What the target always has.
    pub(crate) const PORTABLE: Self = Self(cfg!(any(target_arch = "aarch64", target_feature = "fma")));

    /// `a b + c`, rounded once where that costs one instruction, else twice.
    #[inline(always)]
    pub(crate) fn mul_add<T: Elementary>(self, a: T, b: T, c: T) -> T {
        if self.0 { a.fma(b, c) } else { a * b + c }
    }

    /// `c₀ + c₁ x + c₂ x² + …`
    #[inline(always)]
    fn polynomial<T: Elementary>(self, c: &[T], x: T) -> T {
        c.iter().rev().skip(1).fold(c[c.len() - 1], |sum, &c| self.mul_add(sum, x, c))
    }

    /// `x = n ln 2 + r + δ` with `|r| ≤ ln 2 / 2`, `δ` what rounding took from `r`: returns `n` and
    /// `exp(r + δ) − 1`.
    #[inline(always)]
    fn reduced_exp<T: Elementary>(self, x: T) -> (T, T) {
        let n = self.mul_add(x, T::lit(std::f64::consts::LOG2_E), T::ROUND) - T::ROUND;
        let whole = self.mul_add(n, -T::LN_2.0, x);
        let r = self.mul_add(n, -T::LN_2.1, whole);
        let delta = self.mul_add(n, -T::LN_2.1, whole - r);
        (n, r + self.mul_add(r * r, self.polynomial(T::EXP, r), delta))
    }

    /// `exp x = E s` for `x ≤ 0`: `E = 2ʰ (1 + (exp r − 1))` and `s = 2ⁿ⁻ʰ` are normal where the product is none, so
    /// that what is made of `E` is rounded once more, by `s`.
    #[inline(always)]
    fn scaled_exp<T: Elementary>(self, x: T) -> (T, T) {
        let (n, p) = self.reduced_exp(if x < T::EXP_RANGE.0 { T::EXP_RANGE.0 } else { x });
        let (h, s) = self.halves(n);
        ((T::lit(1.0) + p) * h, s)
    }

    /// `exp x`.
    #[inline(always)]
    pub(crate) fn exp<T: Elementary>(self, x: T) -> T {
        let (e, s) = self.scaled_exp(if x > T::EXP_RANGE.1 { T::EXP_RANGE.1 } else { x });
        e * s
    }

    /// `ln(m 2ᵏ + c)` with `f = m − 1`, `c` relative to `m 2ᵏ`, and `s = f / (2 + f)`:
    /// `ln m = 2 atanh s = f − (f²/2 − s (f²/2 + s² R(s²)))`.
    #[inline(always)]
    fn logarithm<T: Elementary>(self, f: T, k: T, c: T) -> T {
        let s = f / (T::lit(2.0) + f);
        let (s2, half) = (s * s, T::lit(0.5) * f * f);
        let tail = s2 * self.polynomial(T::LN, s2);
        let low = self.mul_add(s, half + tail, self.mul_add(k, T::LN_2.1, c));
        self.mul_add(k, T::LN_2.0, f - (half - low))
    }

    /// `ln(1 + x)`, accurate near zero: `ln u + c / u` with `u` the rounded `1 + x`, and `c` what it lost.
    #[inline(always)]
    pub(crate) fn ln_1p<T: Elementary>(self, x: T) -> T {
        let one = T::lit(1.0);
        let u = one + x;
        let lost = if x < one { x - (u - one) } else { one - (u - x) };
        let (m, k) = u.split();
        let unscaled = k == T::lit(0.0);
        let f = if unscaled { x } else { m - one };
        let c = if unscaled { T::lit(0.0) } else { lost / u };
        let y = self.logarithm(f, k, c);
        let y = if u == one { x } else { y };
        limits_of_ln(u, x, y)
    }

    /// `1 / (1 + exp(−z))`.
    #[inline(always)]
    pub(crate) fn sigmoid<T: Elementary>(self, z: T) -> T {
        self.sigmoid_jet(z).0
    }

    /// With `e = E s = exp(−|z|)`, of `σ(z)` and `σ(−z)` the smaller, `e / (1 + e)`, but for the factor `s`, and the
    /// larger.
    #[inline(always)]
    fn shares<T: Elementary>(self, e: T, s: T) -> (T, T) {
        let small = e / (T::lit(1.0) + e * s);
        (small, T::lit(1.0) - small * s)
    }

    /// `σ(z)`, `σ' = σ(z) σ(−z)` and `σ'' = σ' (1 − 2 σ)`.
    #[inline(always)]
    pub(crate) fn sigmoid_jet<T: Elementary>(self, z: T) -> (T, T, T) {
        let (e, s) = self.scaled_exp(-z.magnitude());
        let (small, large) = self.shares(e, s);
        let (small, below) = (small * s, z < T::lit(0.0));
        let (slope, cosine) = (small * large, T::lit(1.0) - (small + small));
        (if below { small } else { large }, slope, slope * if below { cosine } else { -cosine })
    }

    /// `tanh z`, `tanh' z` and `tanh'' = −2 tanh tanh'`, with `e = E s = exp(−2 |z|)`: `tanh |z| = (1 − e) / (1 + e)`
    /// and `tanh' z = 1 − tanh² z` below 0.55; from there on `1 − q` with `q = 2 e / (1 + e)`, and `q (2 − q)`, which
    /// `q ≤ ½` does not cancel.
    #[inline(always)]
    pub(crate) fn tanh_jet<T: Elementary>(self, z: T) -> (T, T, T) {
        let (one, two, a) = (T::lit(1.0), T::lit(2.0), z.magnitude());
        let x = T::lit(-2.0) * a;
        let (n, p) = self.reduced_exp(if x < T::EXP_RANGE.0 { T::EXP_RANGE.0 } else { x });
        let (h, s) = self.halves(n);
        let (e, power, near) = (self.mul_add(h, p, h), h * s, a < T::lit(0.55));
        let q = (if near { -self.mul_add(power, p, power - one) } else { e + e }) / (one + e * s);
        let s = if near { one } else { s };
        let tanh = if near { q } else { one - q * s };
        let slope = if near { self.mul_add(-q, q, one) } else { q * (two - q * s) };
        let tanh = tanh.signed_as(z);
        (tanh, slope * s, -(two * tanh * slope * s))
    }

    /// `ln(1 + exp z) = max(z, 0) + ln(1 + e)` with `e = E s = exp(−|z|)`, `σ(z)` and `σ'(z)`.
    #[inline(always)]
    pub(crate) fn softplus_jet<T: Elementary>(self, z: T) -> (T, T, T) {
        let (e, s) = self.scaled_exp(-z.magnitude());
        let ((small, large), zero) = (self.shares(e, s), T::lit(0.0));
        let above = if z < zero { zero } else { z };
        let slope = if z < zero { small * s } else { large };
        (above + self.ln_1p(e * s), slope, small * large * s)
    }

    /// `α (exp z − 1)` and twice `α exp z` where `z < 0`, with `exp z − 1 = 2ⁿ (exp r − 1) + (2ⁿ − 1)`; `z`, 1 and 0
    /// elsewhere, but the limits from below of the derivatives at 0.
    #[inline(always)]
    pub(crate) fn elu_jet<T: Elementary>(self, alpha: T, z: T) -> (T, T, T) {
        let (zero, one) = (T::lit(0.0), T::lit(1.0));
        let x = if z > zero { zero } else { z };
        let (n, p) = self.reduced_exp(if x < T::EXP_RANGE.0 { T::EXP_RANGE.0 } else { x });
        let (h, s) = self.halves(n);
        let (power, slope) = (h * s, alpha * self.mul_add(h, p, h) * s);
        let below = alpha * self.mul_add(power, p, power - one);
        let bends = z < zero || (z == zero && alpha == one);
        (
            if z >= zero { z } else { below },
            if z > zero { one } else { slope },
            if bends { slope } else { zero },
        )
    }

    /// `z σ(z)`, `σ + z σ'` and `σ' (2 + z (1 − 2 σ))`.
    #[inline(always)]
    pub(crate) fn silu_jet<T: Elementary>(self, z: T) -> (T, T, T) {
        let (one, two, below) = (T::lit(1.0), T::lit(2.0), z < T::lit(0.0));
        let (e, s) = self.scaled_exp(-z.magnitude());
        let (small, large) = self.shares(e, s);
        // beyond, exp(−|z|) z² is 0
        let c = z.clamped(-T::EXP_RANGE.0);
        let bend = self.mul_add(-c.magnitude(), one - two * small * s, two);
        let value = if below { c * small * s } else { z * large };
        let low = small * self.mul_add(c, large, one) * s;
        let slope = if below { low } else { large * self.mul_add(c * small, s, one) };
        (value, slope, small * large * bend * s)
    }

    /// Two powers of two whose product is `2ⁿ`, be it subnormal.
    #[inline(always)]
    fn halves<T: Elementary>(self, n: T) -> (T, T) {
        let half = self.mul_add(n, T::lit(0.5), T::ROUND) - T::ROUND;
        (half.power_of_two(), (n - half).power_of_two())
    }

    /// `z Φ(z)`, `Φ + z Φ'` and `Φ' (2 − z²)` with the normal density `Φ'(z) = e / √(2π)`, `e = E s = exp(−z²/2)`:
    /// beyond `|z| = √½` the tail is `½ e` times the smooth function of [`erfc`](Self::erfc) at `x = |z|/√2`.
    #[inline(always)]
    pub(crate) fn gelu_jet<T: Elementary>(self, z: T) -> (T, T, T) {
        let (one, two, half, four) = (T::lit(1.0), T::lit(2.0), T::lit(0.5), T::lit(4.0));
        // beyond, exp(−z²/2) z² is 0
        let c = z.clamped(T::lit(40.0));
        let a = c.magnitude();
        // z² = h² + (a − h) (a + h), h² exact
        let h = a.upper_half();
        let (e, s) = self.scaled_exp(-half * h * h);
        let e = e * self.exp(half * (h - a) * (h + a));
        let (x, density) = (a * T::lit(std::f64::consts::FRAC_1_SQRT_2), e * T::lit(0.398_942_280_401_432_7));
        let tail = half * e * self.polynomial(T::ERFC, (x - four) / (x + four)) / self.mul_add(two, x, one);
        let middle = half * x * self.polynomial(T::ERF, x * x);
        let near = x < half;
        let tail = if near { half - middle } else { tail };
        let density = if near { density * s } else { density };
        let s = if near { one } else { s };
        let (below, normal) = (z < T::lit(0.0), one - tail * s);
        let value = if below { c * tail * s } else { z * normal };
        let low = self.mul_add(c, density, tail) * s;
        let slope = if below { low } else { self.mul_add(c * density, s, normal) };
        (value, slope, density * self.mul_add(-c, c, two) * s)
    }

    /// `erfc x`, twice the normal probability beyond `√2 x`: `1 − erf x` up to ½, beyond it `exp(−x²)` times
    /// a smooth function, and `erfc(−x) = 2 − erfc x`.
    #[inline(always)]
    pub(crate) fn erfc<T: Elementary>(self, x: T) -> T {
        let (one, two, four) = (T::lit(1.0), T::lit(2.0), T::lit(4.0));
        let a = x.magnitude();
        let a = if a > T::lit(28.0) { T::lit(28.0) } else { a };
        let smooth = self.polynomial(T::ERFC, (a - four) / (a + four)) / self.mul_add(two, a, one);
        // exp(−a²) with a² = h² + (a − h) (a + h), h² exact.
        let h = a.upper_half();
        let y = smooth * (self.exp(-(h * h)) * self.exp((h - a) * (h + a)));
        let y = if x < T::lit(0.0) { two - y } else { y };
        let inner = one - x * self.polynomial(T::ERF, x * x);
        if a < T::lit(0.5) { inner } else { y }
    }
}

/// The values of a logarithm of `u` where the formula `y` does not hold; NaN and `∞` are those of `x`.
#[inline(always)]
fn limits_of_ln<T: Elementary>(u: T, x: T, y: T) -> T {
    let (zero, one, nan) = (T::lit(0.0), T::lit(1.0), T::lit(f64::NAN));
    let y = if u < one / zero { y } else { x };
    let y = if u == zero { -one / zero } else { y };
    if u < zero { nan } else { y }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::approx_constant,
        clippy::float_cmp,
        reason = "correctly rounded values, compared as they are"
    )]

    use super::*;
    use crate::kernel::{at_each_level, inlined, vectorize};

    /// Over slices: each element by its image, at the width of the machine.
    macro_rules! over_slices {
        ($($name:ident;)*) => {$(

            pub(super) fn $name<T: Elementary>(x: &mut [T]) {
                vectorize(
                    inlined!(|fused| {
                        for x in x {
                            *x = fused.$name(*x);
                        }
                    }),
                );
            }
        )*};
    }
    over_slices! {
                exp;
                ln_1p;
                sigmoid;
                erfc;
    }

    /// The same for one of three images that share an exponential.
    macro_rules! one_of_three {
        ($($name:ident = $jet:ident($($setting:literal)?).$i:tt;)*) => {$(

            pub(super) fn $name<T: Elementary>(x: &mut [T]) {
                vectorize(
                    inlined!(|fused| {
                        for x in x {
                            *x = fused.$jet($(T::lit($setting),)? *x).$i;
                        }
                    }),
                );
            }
        )*};
    }
    one_of_three! {
                sigmoid_slope = sigmoid_jet().1;
                tanh = tanh_jet().0;
                tanh_slope = tanh_jet().1;
                softplus = softplus_jet().0;
                softplus_slope = softplus_jet().1;
                elu = elu_jet(1.0).0;
                elu_slope = elu_jet(1.0).1;
                gelu = gelu_jet().0;
                gelu_slope = gelu_jet().1;
                silu = silu_jet().0;
                silu_slope = silu_jet().1;
    }

    // Correctly rounded values, from tests/data/elementary_functions.py.
    const EXP: &[(f64, f64)] = &[
        (0.0, 1.0),
        (-0.0, 1.0),
        (1e-320, 1.0),
        (-1e-320, 1.0),
        (1e-17, 1.0),
        (-1e-08, 0.9999999900000001),
        (0.1, 1.1051709180756477),
        (0.34657, 1.4142084849595797),
        (-0.34658, 0.7071022488445762),
        (1.0, 2.718281828459045),
        (-1.0, 0.36787944117144233),
        (2.5, 12.182493960703473),
        (-10.3, 3.363309518571897e-05),
        (88.5, 2.7230878250681117e+38),
        (-87.9, 6.691369935323047e-39),
        (300.25, 2.4941248615349213e+130),
        (709.78, 1.7928227943945155e+308),
        (-708.4, 2.217119081664265e-308),
        (-710.5, 2.71500483752131e-309),
        (-740.1, 3.8e-322),
        (-745.1, 5e-324),
    ];
    const LN_1P: &[(f64, f64)] = &[
        (0.0, 0.0),
        (1e-320, 1e-320),
        (-1e-320, -1e-320),
        (1e-17, 1e-17),
        (-1e-17, -1e-17),
        (1e-08, 9.999999950000001e-09),
        (-1e-08, -1.0000000050000001e-08),
        (0.1, 0.09531017980432487),
        (-0.3, -0.35667494393873234),
        (0.41421356, 0.34657358860194104),
        (0.4142136, 0.34657361688621197),
        (0.5, 0.4054651081081644),
        (0.9999, 0.6930971793099037),
        (1.0, 0.6931471805599453),
        (-0.9, -2.302585092994046),
        (-0.9999999999999999, -36.7368005696771),
        (2.5, 1.252762968495368),
        (100000000.0, 18.420680753952364),
        (1e+16, 36.841361487904734),
        (1e+300, 690.7755278982137),
    ];
    const SIGMOID: &[(f64, f64)] = &[
        (0.0, 0.5),
        (1e-320, 0.5),
        (1e-17, 0.5),
        (-1e-08, 0.4999999975),
        (0.1, 0.52497918747894),
        (-0.3, 0.425557483188341),
        (1.0, 0.7310585786300049),
        (-1.0, 0.2689414213699951),
        (2.5, 0.9241418199787564),
        (-5.0, 0.0066928509242848554),
        (-36.7, 1.1518409493076095e-16),
        (36.7, 0.9999999999999999),
        (-37.0, 8.533047625744065e-17),
        (300.0, 1.0),
        (-300.0, 5.148200222412013e-131),
        (-708.4, 2.217119081664265e-308),
        (-744.0, 1e-323),
        (-745.1, 5e-324),
    ];
    const TANH: &[(f64, f64)] = &[
        (0.0, 0.0),
        (1e-320, 1e-320),
        (-1e-320, -1e-320),
        (1e-17, 1e-17),
        (-1e-08, -1e-08),
        (0.1, 0.09966799462495582),
        (-0.17, -0.16838104587081473),
        (0.1733, 0.17158569137000115),
        (0.18, 0.1780808681173302),
        (-0.3, -0.2913126124515909),
        (0.5, 0.46211715726000974),
        (-0.55, -0.5005202111902353),
        (1.0, 0.7615941559557649),
        (2.5, 0.9866142981514303),
        (-5.0, -0.9999092042625951),
        (18.0, 0.9999999999999996),
        (19.1, 1.0),
        (-300.0, -1.0),
    ];
    const SOFTPLUS: &[(f64, f64)] = &[
        (0.0, 0.6931471805599453),
        (1e-320, 0.6931471805599453),
        (1e-17, 0.6931471805599453),
        (-1e-08, 0.6931471755599453),
        (0.1, 0.7443966600735709),
        (-0.3, 0.5543552444685271),
        (1.0, 1.3132616875182228),
        (-1.0, 0.3132616875182228),
        (2.5, 2.5788897342925496),
        (-5.0, 0.006715348489118068),
        (-36.7, 1.1518409493076095e-16),
        (36.7, 36.7),
        (-37.0, 8.533047625744066e-17),
        (300.0, 300.0),
        (-300.0, 5.148200222412013e-131),
        (-708.4, 2.217119081664265e-308),
        (-744.0, 1e-323),
        (-745.1, 5e-324),
    ];
    const ELU: &[(f64, f64)] = &[
        (0.0, 0.0),
        (-1e-320, -1e-320),
        (-1e-08, -9.999999950000001e-09),
        (-0.34658, -0.29289775115542377),
        (-1.0, -0.6321205588285577),
        (-10.3, -0.9999663669048143),
        (-40.0, -1.0),
        (-708.4, -1.0),
    ];
    const ELU_SLOPE: &[(f64, f64)] = &[
        (0.0, 1.0),
        (-1e-320, 1.0),
        (-1e-08, 0.9999999900000001),
        (-0.34658, 0.7071022488445762),
        (-1.0, 0.36787944117144233),
        (-10.3, 3.363309518571897e-05),
        (-40.0, 4.248354255291589e-18),
        (-300.0, 5.148200222412013e-131),
        (-708.4, 2.217119081664265e-308),
        (-740.1, 3.8e-322),
    ];
    const SIGMOID_SLOPE: &[(f64, f64)] = &[
        (0.0, 0.25),
        (1e-320, 0.25),
        (-1e-08, 0.25),
        (0.1, 0.24937604019289197),
        (-0.3, 0.24445831169074586),
        (1.0, 0.19661193324148185),
        (-1.0, 0.19661193324148185),
        (2.5, 0.07010371654510816),
        (-5.0, 0.006648056670790155),
        (17.0, 4.1399373760035016e-08),
        (36.7, 1.1518409493076095e-16),
        (-37.0, 8.533047625744065e-17),
        (300.0, 5.148200222412013e-131),
        (-300.0, 5.148200222412013e-131),
        (-708.4, 2.217119081664265e-308),
        (740.1, 3.8e-322),
    ];
    const TANH_SLOPE: &[(f64, f64)] = &[
        (0.0, 1.0),
        (1e-320, 1.0),
        (-1e-08, 0.9999999999999999),
        (0.1, 0.9900662908474398),
        (-0.3, 0.9151369618266292),
        (0.5, 0.7864477329659274),
        (-0.55, 0.7494795181900823),
        (1.0, 0.4199743416140261),
        (2.5, 0.02659222668316062),
        (-5.0, 0.0001815832309438067),
        (18.0, 9.278091320974273e-16),
        (19.1, 1.0280418219381054e-16),
        (-20.0, 1.6993417021166355e-17),
        (-300.0, 1.0601586212017243e-260),
        (350.0, 3.943870617503908e-304),
        (371.3, 1.24e-322),
    ];
    const SOFTPLUS_SLOPE: &[(f64, f64)] = &[
        (0.0, 0.5),
        (1e-320, 0.5),
        (-1e-08, 0.4999999975),
        (0.1, 0.52497918747894),
        (-0.3, 0.425557483188341),
        (1.0, 0.7310585786300049),
        (-1.0, 0.2689414213699951),
        (2.5, 0.9241418199787564),
        (-5.0, 0.0066928509242848554),
        (-36.7, 1.1518409493076095e-16),
        (36.7, 0.9999999999999999),
        (300.0, 1.0),
        (-300.0, 5.148200222412013e-131),
        (-708.4, 2.217119081664265e-308),
    ];
    const GELU: &[(f64, f64)] = &[
        (0.0, 0.0),
        (1e-320, 5e-321),
        (-1e-08, -4.999999960105772e-09),
        (0.1, 0.053982783727702904),
        (-0.3, -0.1146265733433142),
        (0.7, 0.5306254434438489),
        (-0.7, -0.1693745565561511),
        (0.71, 0.5404150316561094),
        (1.0, 0.8413447460685429),
        (-1.0, -0.15865525393145705),
        (2.5, 2.4844758366855597),
        (-5.0, -1.4332578593959695e-06),
        (5.0, 4.999998566742141),
        (-9.7, -1.4622683737458985e-21),
        (-15.3, -5.848932289972379e-52),
        (-30.1, -7.292228326137134e-198),
        (-37.4, -7.306769040567231e-305),
        (-38.4, -2.535e-321),
        (38.0, 38.0),
    ];
    const GELU_SLOPE: &[(f64, f64)] = &[
        (0.0, 0.5),
        (1e-320, 0.5),
        (-1e-08, 0.4999999920211544),
        (0.1, 0.5795230920247302),
        (-0.3, 0.26767223317289013),
        (0.7, 0.9766141011336599),
        (0.71, 0.9812907341417387),
        (1.0, 1.0833154705876864),
        (-1.0, -0.0833154705876863),
        (2.5, 1.037611085908145),
        (-5.0, -7.146946001792295e-06),
        (5.0, 1.000007146946002),
        (-9.7, -1.4180956962350368e-20),
        (-15.3, -8.94854655578352e-51),
        (-30.1, -2.194955407450478e-196),
        (-37.4, -2.732728837657262e-303),
        (-38.4, -9.7346e-320),
        (38.0, 1.0),
    ];
    const SILU: &[(f64, f64)] = &[
        (0.0, 0.0),
        (1e-320, 5e-321),
        (-1e-08, -4.9999999750000005e-09),
        (0.1, 0.052497918747894),
        (-0.3, -0.1276672449565023),
        (1.0, 0.7310585786300049),
        (-1.0, -0.2689414213699951),
        (2.5, 2.310354549946891),
        (-5.0, -0.03346425462142428),
        (36.7, 36.699999999999996),
        (-37.0, -3.1572276215253042e-15),
        (300.0, 300.0),
        (-300.0, -1.5444600667236042e-128),
        (-708.4, -1.5706071574509654e-305),
        (-740.1, -2.80506e-319),
        (-750.0, -1.5e-323),
    ];
    const SILU_SLOPE: &[(f64, f64)] = &[
        (0.0, 0.5),
        (1e-320, 0.5),
        (-1e-08, 0.499999995),
        (0.1, 0.5499167914982291),
        (-0.3, 0.3522199896811173),
        (1.0, 0.9276705118714867),
        (2.5, 1.0994011113415267),
        (-5.0, -0.02654743242966592),
        (36.7, 1.0000000000000042),
        (-37.0, -3.071897145267863e-15),
        (300.0, 1.0),
        (-300.0, -1.5393118665011922e-128),
        (-708.4, -1.568390038369301e-305),
        (-740.1, -2.8013e-319),
        (-750.0, -1.5e-323),
    ];
    const ERFC: &[(f64, f64)] = &[
        (0.0, 1.0),
        (1e-320, 1.0),
        (1e-17, 1.0),
        (-1e-08, 1.0000000112837917),
        (0.1, 0.887537083981715),
        (-0.3, 1.3286267594591274),
        (0.5, 0.4795001221869535),
        (-0.5, 1.5204998778130465),
        (1.0, 0.15729920705028513),
        (-1.0, 1.8427007929497148),
        (2.5, 0.0004069520174449589),
        (-5.0, 1.9999999999984626),
        (5.0, 1.537459794428035e-12),
        (9.7, 7.936107563214511e-43),
        (-6.0, 2.0),
        (15.3, 7.9765601254207e-104),
        (26.5, 2.2109076642637343e-307),
        (27.2, 1e-323),
    ];

    /// How many representable numbers apart, in units of `y`'s type.
    fn ulps(x: f64, y: f64) -> u64 {
        let order = |x: f64| {
            let bits = x.to_bits() as i64;
            if bits < 0 { i64::MIN - bits } else { bits }
        };
        order(x).abs_diff(order(y))
    }

    fn ulps_f32(x: f32, y: f64) -> f64 {
        let y32 = y as f32;
        if y32.is_infinite() && x == y32 {
            return 0.0;
        }
        let unit = (f32::from_bits(y32.abs().to_bits() + 1) - y32.abs()).max(f32::from_bits(1));
        (f64::from(x) - y).abs() / f64::from(unit)
    }

    fn golden(name: &str, f: fn(&mut [f64]), pairs: &[(f64, f64)], limit: u64) {
        at_each_level(|| {
            let mut x: Vec<f64> = pairs.iter().map(|p| p.0).collect();
            f(&mut x);
            for (y, &(x, exact)) in x.into_iter().zip(pairs) {
                assert!(ulps(y, exact) <= limit, "{name}({x:e}) = {y:e}, not {exact:e}");
                assert_eq!(y.is_sign_negative(), exact.is_sign_negative(), "{name}({x:e})");
            }
        });
    }

    #[test]
    fn double_precision_is_within_two_units_in_the_last_place() {
        golden("exp", exp, EXP, 1);
        golden("ln_1p", ln_1p, LN_1P, 1);
        golden("sigmoid", sigmoid, SIGMOID, 2);
        golden("tanh", tanh, TANH, 2);
        golden("softplus", softplus, SOFTPLUS, 2);
        golden("erfc", erfc, ERFC, 4);
        golden("elu", elu, ELU, 2);
        golden("elu_slope", elu_slope, ELU_SLOPE, 1);
        golden("sigmoid_slope", sigmoid_slope, SIGMOID_SLOPE, 4);
        golden("tanh_slope", tanh_slope, TANH_SLOPE, 4);
        golden("softplus_slope", softplus_slope, SOFTPLUS_SLOPE, 2);
        golden("gelu", gelu, GELU, 4);
        golden("gelu_slope", gelu_slope, GELU_SLOPE, 4);
        golden("silu", silu, SILU, 4);
        golden("silu_slope", silu_slope, SILU_SLOPE, 4);
    }

    #[test]
    fn single_precision_is_within_two_units_in_the_last_place() {
        type Function = (&'static str, fn(&mut [f32]), fn(f64) -> f64, f64);
        let functions: [Function; 9] = [
            ("exp", exp, f64::exp, 1.0),
            ("elu", elu, f64::exp_m1, 2.0),
            ("elu_slope", elu_slope, f64::exp, 2.0),
            ("sigmoid_slope", sigmoid_slope, |z| 0.25 / (z / 2.0).cosh().powi(2), 4.0),
            ("tanh_slope", tanh_slope, |z| 1.0 / z.cosh().powi(2), 4.0),
            ("ln_1p", ln_1p, f64::ln_1p, 1.0),
            ("sigmoid", sigmoid, |z| 1.0 / (1.0 + (-z).exp()), 2.0),
            ("tanh", tanh, f64::tanh, 2.0),
            ("softplus", softplus, |z| z.max(0.0) + (-z.abs()).exp().ln_1p(), 2.0),
        ];
        // All bit patterns, in steps.
        let count = if cfg!(miri) { 210 } else { 42_000 };
        let points: Vec<f32> = (0..count).map(|i| f32::from_bits(i * (u32::MAX / count))).collect();
        for (name, f, exact, limit) in functions {
            at_each_level(|| {
                let low = |x: &f32| if name.starts_with("elu") && *x > 0.0 { 0.0 } else { *x };
                let points: Vec<f32> = points.iter().map(low).collect();
                let mut y = points.clone();
                f(&mut y);
                for (&x, y) in points.iter().zip(y) {
                    let exact = exact(f64::from(x));
                    let agrees = if exact.is_nan() { y.is_nan() } else { ulps_f32(y, exact) <= limit };
                    assert!(agrees, "{name}({x:e}) = {y:e}, not {exact:e}");
                }
            });
        }
    }

    #[test]
    fn the_ends_are_exact() {
        const INF: f64 = f64::INFINITY;
        type End = (&'static str, fn(&mut [f64]), [f64; 4]);
        let ends: [End; 8] = [
            ("exp", exp, [0.0, INF, 1.0, 1.0]),
            ("sigmoid_slope", sigmoid_slope, [0.0, 0.0, 0.25, 0.25]),
            ("tanh_slope", tanh_slope, [0.0, 0.0, 1.0, 1.0]),
            ("ln_1p", ln_1p, [f64::NAN, INF, 0.0, -0.0]),
            ("sigmoid", sigmoid, [0.0, 1.0, 0.5, 0.5]),
            ("tanh", tanh, [-1.0, 1.0, 0.0, -0.0]),
            ("softplus", softplus, [0.0, INF, std::f64::consts::LN_2, std::f64::consts::LN_2]),
            ("erfc", erfc, [2.0, 0.0, 1.0, 1.0]),
        ];
        for (name, f, expected) in ends {
            at_each_level(|| {
                for len in [5, 37] {
                    let mut y: Vec<f64> =
                        [-INF, INF, 0.0, -0.0, f64::NAN].into_iter().cycle().take(len).collect();
                    f(&mut y);
                    for (i, y) in y.into_iter().enumerate() {
                        let e = if i % 5 == 4 { f64::NAN } else { expected[i % 5] };
                        assert!(
                            y.to_bits() == e.to_bits() || (y.is_nan() && e.is_nan()),
                            "{name}: {y}, not {e}"
                        );
                    }
                }
            });
        }
        let mut x = [-1.0, -1.5];
        ln_1p(&mut x);
        assert!(x[0] == -INF && x[1].is_nan());
    }

    /// An element has the same image alone, among others, and in either precision's tail.
    #[test]
    fn a_slice_is_its_elements() {
        at_each_level(|| {
            let x: Vec<f64> = (0..67).map(|i| (i as f64 - 33.0) * 0.37).collect();
            let mut y = x.clone();
            softplus(&mut y);
            for (x, y) in x.iter().zip(y) {
                let mut z = [*x];
                softplus(&mut z);
                assert_eq!(z[0].to_bits(), y.to_bits());
            }
        });
    }
}

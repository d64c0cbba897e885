//! Elementary functions without branches, so that a loop of them is a loop of vector instructions.
//!
//! Each is written once, per element; over a slice, [`vectorize`] compiles it for whole
//! registers. All are within 2 units in the last place over their whole range, subnormals and infinities
//! included ([`Fused::erfc`]: 4), and pass NaN through. Coefficients: `tests/data/elementary_functions.py`.

use super::{Fused, Kernel};

/// Constants and bits of a scalar.
pub(crate) trait Elementary: Sized + 'static {
    /// `ln 2` as a number with trailing zero bits, whose product with an exponent is exact, and the rest.
    const LN_2: (Self, Self);
    /// `(exp r − 1 − r) / r²` on `|r| ≤ ln 2 / 2`, constant first.
    const EXP: &'static [Self];
    /// Below, `exp` is 0; above, infinite.
    const EXP_RANGE: (Self, Self);
    /// `(2 atanh s − 2 s) / s³` by powers of `s²`, on `|s| ≤ (√2 − 1)²`.
    const LN: &'static [Self];
    /// `erf(x) / x` by powers of `x²`, on `|x| ≤ ½`.
    const ERF: &'static [Self];
    /// `(1 + 2 x) exp(x²) erfc(x)` by powers of `(x − 4) / (x + 4)`, on `x ≥ 0`.
    const ERFC: &'static [Self];
    /// Adding it rounds to an integer: `1.5 · 2^(bits of the mantissa)`.
    const ROUND: Self;
    /// The least normal number, and a power of two that makes every subnormal normal.
    const SUBNORMAL: (Self, Self, Self);

    fn lit(x: f64) -> Self;
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
}

macro_rules! elementary {
    ($scalar:ident, $bits:ident, $mantissa:literal, $bias:literal, $sqrt_half:literal, $upper:literal, $($constants:tt)*) => {
        #[expect(clippy::approx_constant, reason = "coefficients of fits, not the constants they are close to")]
        impl Elementary for $scalar {
            $($constants)*
            const ROUND: Self = 1.5 * (1_u64 << $mantissa) as $scalar;
            const SUBNORMAL: (Self, Self, Self) =
                ($scalar::MIN_POSITIVE, (1_u64 << ($mantissa + 2)) as $scalar, ($mantissa + 2) as $scalar);

            #[inline(always)]
            fn lit(x: f64) -> Self {
                x as $scalar
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
        }
    };
}

#[rustfmt::skip]
elementary!(f64, u64, 52, 1023, 0x3fe6_a09e_667f_3bcd, 0xffff_ffff_f800_0000,
    const LN_2: (f64, f64) = (0.693_147_180_369_123_8, 1.908_214_929_270_587_7e-10);
    const EXP: &'static [f64] = &[0.5, 0.16666666666666669, 0.04166666666662383, 0.008333333333330039,
        0.0013888888917363079, 0.00019841269863168478, 2.480152106407653e-05, 2.7557268281679976e-06,
        2.762019864323475e-07, 2.5100470238808523e-08];
    const EXP_RANGE: (f64, f64) = (-746.0, 710.0);
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
    const EXP_RANGE: (f32, f32) = (-104.0, 89.0);
    const LN: &'static [f32] = &[0.6666667, 0.40000123, 0.28550822, 0.23330468];
    const ERF: &'static [f32] = &[1.1283791, -0.37612608, 0.112828314, -0.026757732, 0.0047190827];
    const ERFC: &'static [f32] = &[1.232995, -0.13962111, 0.015383843, 0.06809666, -0.101088256, 0.09373753,
        -0.06611786, 0.037146498, -0.016617347, 0.0050762906, -0.00036590832, -0.0002462804];
);

impl Fused {
    /// `c₀ + c₁ x + c₂ x² + …`
    #[inline(always)]
    fn polynomial<T: Kernel>(self, c: &[T], x: T) -> T {
        c.iter().rev().skip(1).fold(c[c.len() - 1], |sum, &c| self.mul_add(sum, x, c))
    }

    /// `x = n ln 2 + r + δ` with `|r| ≤ ln 2 / 2`, `δ` what rounding took from `r`: returns `n` and
    /// `exp(r + δ) − 1`.
    #[inline(always)]
    fn reduced_exp<T: Kernel>(self, x: T) -> (T, T) {
        let n = self.mul_add(x, T::lit(std::f64::consts::LOG2_E), T::ROUND) - T::ROUND;
        let whole = self.mul_add(n, -T::LN_2.0, x);
        let r = self.mul_add(n, -T::LN_2.1, whole);
        let delta = self.mul_add(n, -T::LN_2.1, whole - r);
        (n, r + self.mul_add(r * r, self.polynomial(T::EXP, r), delta))
    }

    /// `exp x = 2ⁿ (1 + (exp r − 1))`, its power in two halves, for subnormal results.
    #[inline(always)]
    pub(crate) fn exp<T: Kernel>(self, x: T) -> T {
        let x = if x < T::EXP_RANGE.0 { T::EXP_RANGE.0 } else { x };
        let x = if x > T::EXP_RANGE.1 { T::EXP_RANGE.1 } else { x };
        let (n, p) = self.reduced_exp(x);
        let half = self.mul_add(n, T::lit(0.5), T::ROUND) - T::ROUND;
        (T::lit(1.0) + p) * half.power_of_two() * (n - half).power_of_two()
    }

    /// `exp x − 1 = 2ⁿ (exp r − 1) + (2ⁿ − 1)`.
    #[inline(always)]
    pub(crate) fn exp_m1<T: Kernel>(self, x: T) -> T {
        let (n, p) = self.reduced_exp(x);
        let power = n.power_of_two();
        let y = self.mul_add(power, p, power - T::lit(1.0));
        let y = if x > T::lit(64.0) { self.exp(x) } else { y };
        let y = if x < T::lit(-64.0) { T::lit(-1.0) } else { y };
        if x == T::lit(0.0) { x } else { y }
    }

    /// `ln(m 2ᵏ + c)` with `f = m − 1`, `c` relative to `m 2ᵏ`, and `s = f / (2 + f)`:
    /// `ln m = 2 atanh s = f − (f²/2 − s (f²/2 + s² R(s²)))`.
    #[inline(always)]
    fn logarithm<T: Kernel>(self, f: T, k: T, c: T) -> T {
        let s = f / (T::lit(2.0) + f);
        let (s2, half) = (s * s, T::lit(0.5) * f * f);
        let tail = s2 * self.polynomial(T::LN, s2);
        let low = self.mul_add(s, half + tail, self.mul_add(k, T::LN_2.1, c));
        self.mul_add(k, T::LN_2.0, f - (half - low))
    }

    /// `ln x`: `−∞` at 0, NaN below.
    #[inline(always)]
    pub(crate) fn ln<T: Kernel>(self, x: T) -> T {
        let (least, factor, exponent) = T::SUBNORMAL;
        let small = x < least;
        let (m, k) = (if small { x * factor } else { x }).split();
        let k = if small { k - exponent } else { k };
        let y = self.logarithm(m - T::lit(1.0), k, T::lit(0.0));
        limits_of_ln(x, x, y)
    }

    /// `ln(1 + x)`, accurate near zero: `ln u + c / u` with `u` the rounded `1 + x`, and `c` what it lost.
    #[inline(always)]
    pub(crate) fn ln_1p<T: Kernel>(self, x: T) -> T {
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

    /// `1 / (1 + exp(−z))`, written with `exp(−|z|)`, which cannot overflow.
    #[inline(always)]
    pub(crate) fn sigmoid<T: Kernel>(self, z: T) -> T {
        let one = T::lit(1.0);
        let e = self.exp(-z.magnitude());
        (if z < T::lit(0.0) { e } else { one }) / (one + e)
    }

    /// `tanh z = (1 − e) / (1 + e)` for `z ≥ 0`, with `e = exp(−2 z)`; from `tanh z = ½` on, `1 − 2 e / (1 + e)`.
    #[inline(always)]
    pub(crate) fn tanh<T: Kernel>(self, z: T) -> T {
        let (one, a) = (T::lit(1.0), z.magnitude());
        let x = if a > T::lit(32.0) { T::lit(-64.0) } else { T::lit(-2.0) * a };
        let (n, p) = self.reduced_exp(x);
        let power = n.power_of_two();
        let (e, rest) = (self.mul_add(power, p, power), -self.mul_add(power, p, power - one));
        let small = a < T::lit(0.55);
        let ratio = (if small { rest } else { e + e }) / (one + e);
        (if small { ratio } else { one - ratio }).signed_as(z)
    }

    /// `ln(1 + exp z) = max(z, 0) + ln(1 + exp(−|z|))`.
    #[inline(always)]
    pub(crate) fn softplus<T: Kernel>(self, z: T) -> T {
        let zero = T::lit(0.0);
        (if z < zero { zero } else { z }) + self.ln_1p(self.exp(-z.magnitude()))
    }

    /// `erfc x`, twice the normal probability beyond `√2 x`: `1 − erf x` up to ½, beyond it `exp(−x²)` times
    /// a smooth function, and `erfc(−x) = 2 − erfc x`.
    #[inline(always)]
    pub(crate) fn erfc<T: Kernel>(self, x: T) -> T {
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
fn limits_of_ln<T: Kernel>(u: T, x: T, y: T) -> T {
    let (zero, one, nan) = (T::lit(0.0), T::lit(1.0), T::lit(f64::NAN));
    let y = if u < one / zero { y } else { x };
    let y = if u == zero { -one / zero } else { y };
    if u < zero { nan } else { y }
}

#[cfg(test)]
#[expect(
    clippy::approx_constant,
    clippy::float_cmp,
    reason = "correctly rounded values, compared as they are"
)]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, vectorize};

    /// Over slices: each element by its image, at the width of the machine.
    macro_rules! over_slices {
        ($($name:ident;)*) => {$(

            pub(super) fn $name<T: Kernel>(x: &mut [T]) {
                vectorize(
                    #[inline(always)]
                    |fused| {
                        for x in x {
                            *x = fused.$name(*x);
                        }
                    },
                );
            }
        )*};
    }
    over_slices! {
                exp;
                exp_m1;
                ln;
                ln_1p;
                sigmoid;
                tanh;
                softplus;
                erfc;
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
    const EXP_M1: &[(f64, f64)] = &[
        (0.0, 0.0),
        (1e-320, 1e-320),
        (-1e-320, -1e-320),
        (1e-17, 1e-17),
        (-1e-08, -9.999999950000001e-09),
        (0.1, 0.10517091807564763),
        (0.34657, 0.4142084849595797),
        (-0.34658, -0.29289775115542377),
        (1.0, 1.7182818284590453),
        (-1.0, -0.6321205588285577),
        (2.5, 11.182493960703473),
        (-10.3, -0.9999663669048143),
        (40.0, 2.3538526683702e+17),
        (-40.0, -1.0),
        (300.25, 2.4941248615349213e+130),
        (709.7, 1.6549840276802644e+308),
        (-708.4, -1.0),
    ];
    const LN: &[(f64, f64)] = &[
        (1.0, 0.0),
        (1e-320, -736.8272408909739),
        (2.3e-308, -708.363299519231),
        (1e-17, -39.14394658089878),
        (0.1, -2.3025850929940455),
        (0.7071067811865475, -0.34657359027997275),
        (0.7071067811865477, -0.3465735902799724),
        (0.9999999999999999, -1.1102230246251565e-16),
        (1.0000000000000002, 2.2204460492503128e-16),
        (1.2, 0.1823215567939546),
        (1.4142135623730951, 0.3465735902799727),
        (2.0, 0.6931471805599453),
        (10.0, 2.302585092994046),
        (100000000.0, 18.420680743952367),
        (1e+300, 690.7755278982137),
        (1.7e+308, 709.7268368932282),
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
        golden("exp_m1", exp_m1, EXP_M1, 2);
        golden("ln", ln, LN, 1);
        golden("ln_1p", ln_1p, LN_1P, 1);
        golden("sigmoid", sigmoid, SIGMOID, 2);
        golden("tanh", tanh, TANH, 2);
        golden("softplus", softplus, SOFTPLUS, 2);
        golden("erfc", erfc, ERFC, 4);
    }

    #[test]
    fn single_precision_is_within_two_units_in_the_last_place() {
        type Function = (&'static str, fn(&mut [f32]), fn(f64) -> f64, f64);
        let functions: [Function; 7] = [
            ("exp", exp, f64::exp, 1.0),
            ("exp_m1", exp_m1, f64::exp_m1, 2.0),
            ("ln", ln, f64::ln, 1.0),
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
            ("exp_m1", exp_m1, [-1.0, INF, 0.0, -0.0]),
            ("ln", ln, [f64::NAN, INF, -INF, -INF]),
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

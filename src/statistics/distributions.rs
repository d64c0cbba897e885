//! The tails of the normal and of Student's distribution, in f64.

use crate::kernel;

/// A distribution that is symmetric about 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Symmetric {
    Normal,
    /// With so many degrees of freedom.
    Student(f64),
}

impl Symmetric {
    /// `P(|X| ≥ t)`.
    pub(super) fn two_sided(self, t: f64) -> f64 {
        let t = t.abs();
        match self {
            Self::Normal => kernel::vectorize(|m| m.erfc(t * std::f64::consts::FRAC_1_SQRT_2)),
            Self::Student(nu) => student(t, nu),
        }
    }

    /// The `t` with `P(|X| ≥ t) = p`, `0 < p < 1`: by bisection, to neighbouring numbers.
    pub(super) fn critical(self, p: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        while self.two_sided(high) > p && high < 1e300 {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..HALVINGS {
            let middle = low + (high - low) / 2.0;
            if self.two_sided(middle) > p { low = middle } else { high = middle }
        }
        high
    }
}

const HALVINGS: usize = 120;

/// `P(|T| ≥ t) = I_x(ν/2, ½)` with `x = ν/(ν + t²)`; NaN unless `ν > 0`.
fn student(t: f64, nu: f64) -> f64 {
    if t.is_nan() || !(nu > 0.0) {
        return f64::NAN;
    }
    let a = nu / 2.0;
    // x, 1 − x and xᵃ without squares that overflow
    let ratio = t / nu.sqrt();
    let (x, rest, ln_x) = if ratio > 1.0 {
        let inverse = (1.0 / ratio) * (1.0 / ratio);
        (inverse / (1.0 + inverse), 1.0 / (1.0 + inverse), -(2.0 * ratio.ln() + inverse.ln_1p()))
    } else {
        let square = ratio * ratio;
        (1.0 / (1.0 + square), square / (1.0 + square), -square.ln_1p())
    };
    if rest == 0.0 {
        return 1.0;
    }
    // xᵃ (1 − x)^½ / B(a, ½), with B(a, ½) = √π Γ(a)/Γ(a + ½)
    let front = (a * ln_x).exp() * rest.sqrt() * half_step(a) / std::f64::consts::PI.sqrt();
    if x < (a + 1.0) / (a + 2.5) {
        front / fraction(a, 0.5, x, rest)
    } else {
        1.0 - front / fraction(0.5, a, rest, x)
    }
}

/// `P(χ² ≥ x)` with `k` degrees of freedom: `Q(k/2, x/2)`; NaN unless `k > 0`.
pub(super) fn chi_square(x: f64, k: f64) -> f64 {
    let (a, x) = (k / 2.0, x / 2.0);
    if x.is_nan() || !(a > 0.0) {
        return f64::NAN;
    }
    if x <= 0.0 || x.is_infinite() {
        return if x > 0.0 { 0.0 } else { 1.0 };
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        // P = front Σ xⁿ / (a (a + 1) … (a + n))
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for n in 1..TERMS {
            term *= x / (a + f64::from(n));
            sum += term;
            if term <= f64::EPSILON * sum {
                break;
            }
        }
        return 1.0 - front * sum;
    }
    // Q = front / (x + 1 − a − 1 (1 − a)/(x + 3 − a − …)), by Lentz's method
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1e300, 1.0 / b);
    let mut f = d;
    for n in 1..TERMS {
        let n = f64::from(n);
        let numerator = n * (a - n);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        f *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    front * f
}

/// `P(F ≥ f) = I_x(d₂/2, d₁/2)` with `x = d₂/(d₂ + d₁ f)`; NaN unless both are positive.
pub(super) fn f_ratio(f: f64, d1: f64, d2: f64) -> f64 {
    if f.is_nan() || !(d1 > 0.0 && d2 > 0.0) {
        return f64::NAN;
    }
    let (a, b, ratio) = (d2 / 2.0, d1 / 2.0, d1 * f / d2);
    if ratio <= 0.0 {
        return 1.0;
    }
    let (x, y) = (1.0 / (1.0 + ratio), 1.0 / (1.0 + 1.0 / ratio));
    let beta = ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    let front = (b * y.ln() - a * ratio.ln_1p() - beta).exp();
    if x < (a + 1.0) / (a + b + 2.0) {
        front / fraction(a, b, x, y)
    } else {
        1.0 - front / fraction(b, a, y, x)
    }
}

/// `ln Γ(a)`, `a > 0`: Stirling's series for large `a`, by recurrence down to small ones.
pub(super) fn ln_gamma(mut a: f64) -> f64 {
    let mut product = 1.0;
    while a < 24.0 {
        product *= a;
        a += 1.0;
    }
    let b = 1.0 / (a * a);
    let series = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    let correction = series.iter().rev().fold(0.0, |s, c| s * b + c) / a;
    (a - 0.5) * a.ln() - a + 0.5 * std::f64::consts::TAU.ln() + correction - f64::ln(product)
}

/// `Γ(a + ½)/Γ(a)`: by its series for large `a` (from Stirling's), by recurrence down to small ones.
fn half_step(mut a: f64) -> f64 {
    let mut factor = 1.0;
    while a < 24.0 {
        factor *= a / (a + 0.5);
        a += 1.0;
    }
    let b = 1.0 / (a * a);
    let series = [-1.0 / 8.0, 1.0 / 192.0, -1.0 / 640.0, 17.0 / 14336.0, -31.0 / 18432.0];
    factor * a.sqrt() * (series.iter().rev().fold(0.0, |s, c| s * b + c) / a).exp()
}

/// The continued fraction of the incomplete beta function, `I_x(a, b) = xᵃ yᵇ / B(a, b) / fraction`, `y = 1 − x`, in
/// the form of Didonato and Morris (1992, equation 9), which does not cancel where `x` is next to 1; by Lentz's method
/// as Thompson and Barnett (1986) gave it.
fn fraction(a: f64, b: f64, x: f64, y: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let keep = |value: f64| if value.abs() < TINY { TINY } else { value };
    let denominator = |m: f64| {
        m + m * (b - m) * x / (a + 2.0 * m - 1.0)
            + (a + m) * (a * y - b * x + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    // at m = 0 the second term is 0, whatever it is divided by
    let mut f = keep(a * (a * y - b * x + 1.0) / (a + 1.0));
    let (mut c, mut d) = (f, 0.0);
    for m in 1..TERMS {
        let m = f64::from(m);
        let odd = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) / odd * ((a + b + m - 1.0) / odd) * m * (b - m) * x * x;
        d = 1.0 / keep(denominator(m) + numerator * d);
        c = keep(denominator(m) + numerator / c);
        f *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    f
}

/// The fraction needs about `√max(a, b)` terms.
const TERMS: i32 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// From `tests/data/statistics.py`.
    #[test]
    fn tails_agree_with_forty_digits() {
        for (nu, t, p) in GOLDEN {
            let found = Symmetric::Student(nu).two_sided(t);
            assert!((found - p).abs() <= 1e-12 * p, "{nu} {t}: {found:e}, {p:e}");
            assert!((Symmetric::Student(nu).two_sided(-t) - found).abs() <= 0.0);
        }
        for (t, p) in NORMAL {
            let found = Symmetric::Normal.two_sided(t);
            assert!((found - p).abs() <= 1e-13 * p, "{t}: {found:e}, {p:e}");
        }
    }

    /// From `tests/data/inference.py`.
    #[test]
    fn tails_of_ratios_and_squares() {
        let text = include_str!("../../tests/data/inference.json");
        let rows = |key: &str| -> Vec<Vec<f64>> {
            let (_, rest) = text.split_once(&format!("\"{key}\": [[")).unwrap();
            let (rows, _) = rest.split_once("]]").unwrap();
            let row = |row: &str| row.split(", ").map(|x| x.parse().unwrap()).collect();
            rows.split("], [").map(row).collect()
        };
        let near = |found: f64, p: f64, what: &[f64]| {
            assert!((found - p).abs() <= 1e-11 * p + 1e-305, "{what:?}: {found:e}");
        };
        rows("chi_square").iter().for_each(|row| near(chi_square(row[1], row[0]), row[2], row));
        rows("f").iter().for_each(|row| near(f_ratio(row[2], row[0], row[1]), row[3], row));
        assert!((chi_square(0.0, 2.0) - 1.0).abs() <= 0.0 && chi_square(f64::INFINITY, 2.0).abs() <= 0.0);
        assert!((f_ratio(0.0, 2.0, 3.0) - 1.0).abs() <= 0.0 && f_ratio(f64::INFINITY, 2.0, 3.0).abs() <= 0.0);
        assert!(chi_square(f64::NAN, 1.0).is_nan() && f_ratio(1.0, 0.0, 1.0).is_nan());
        // 40 digits: ln Γ(1/2) = ln √π, ln Γ(1e6 + 1/2), ln 9!
        let exact = [(0.5, 0.5723649429247001), (10.0, 12.801827480081469), (1e-9, 20.72326583636906)];
        exact.iter().for_each(|(a, log)| assert!((ln_gamma(*a) - log).abs() < 1e-13 * log.abs().max(1.0)));
    }

    #[test]
    fn critical_values_invert_the_tails() {
        // the tables of every textbook
        for (distribution, level, critical) in [
            (Symmetric::Normal, 0.95, 1.959963984540054),
            (Symmetric::Normal, 0.99, 2.5758293035489004),
            (Symmetric::Student(1.0), 0.5, 1.0),
            (Symmetric::Student(10.0), 0.95, 2.2281388519862744),
        ] {
            let found = distribution.critical(1.0 - level);
            assert!((found / critical - 1.0).abs() < 1e-12, "{found}");
        }
        for nu in [0.5, 1.0, 9.0, 431.0, 1e6] {
            for p in [1e-12, 0.01, 0.5, 0.999] {
                let t = Symmetric::Student(nu).critical(p);
                assert!((Symmetric::Student(nu).two_sided(t) / p - 1.0).abs() < 1e-11, "{nu} {p}");
            }
        }
    }

    #[test]
    fn ends_are_exact() {
        for distribution in [Symmetric::Normal, Symmetric::Student(3.0)] {
            assert!((distribution.two_sided(0.0) - 1.0).abs() <= 0.0);
            assert!(distribution.two_sided(f64::INFINITY).abs() <= 0.0);
            assert!(distribution.two_sided(f64::NAN).is_nan());
        }
    }

    const GOLDEN: [(f64, f64, f64); 49] = [
        (0.5, 1e-08, 0.999999994606474),
        (0.5, 0.1, 0.9463316211286064),
        (0.5, 0.75, 0.6696651342825103),
        (0.5, 1.0, 0.6022432216826442),
        (0.5, 2.5, 0.40097052905329317),
        (0.5, 7.0, 0.24205791711981),
        (0.5, 40.0, 0.10140979992949435),
        (1.0, 1e-08, 0.9999999936338023),
        (1.0, 0.1, 0.9365489651388929),
        (1.0, 0.75, 0.590334470601733),
        (1.0, 1.0, 0.5),
        (1.0, 2.5, 0.2422378831816868),
        (1.0, 7.0, 0.0903344706017331),
        (1.0, 40.0, 0.015912179824051628),
        (2.0, 1e-08, 0.9999999929289322),
        (2.0, 0.1, 0.9294654384141402),
        (2.0, 0.75, 0.5314787143341818),
        (2.0, 1.0, 0.4226497308103742),
        (2.0, 2.5, 0.1296117202215108),
        (2.0, 7.0, 0.019803941180393136),
        (2.0, 40.0, 0.0006244146721847406),
        (9.0, 1e-08, 0.9999999922393018),
        (9.0, 0.1, 0.9225364479566812),
        (9.0, 0.75, 0.47240444245535357),
        (9.0, 1.0, 0.3434363961379135),
        (9.0, 2.5, 0.03386182768298574),
        (9.0, 7.0, 6.324738963736694e-05),
        (9.0, 40.0, 1.8982998449339825e-11),
        (30.0, 1e-08, 0.9999999920873563),
        (30.0, 0.1, 0.9210096117902712),
        (30.0, 0.75, 0.45909654567432995),
        (30.0, 1.0, 0.3253086154260299),
        (30.0, 2.5, 0.018115649068066696),
        (30.0, 7.0, 8.869958667220643e-08),
        (30.0, 40.0, 1.3726045194406403e-27),
        (431.0, 1e-08, 0.9999999920257812),
        (431.0, 0.1, 0.9203908225071556),
        (431.0, 0.75, 0.45366390620015734),
        (431.0, 1.0, 0.3178715990833904),
        (431.0, 2.5, 0.012789969714511431),
        (431.0, 7.0, 9.861016351160558e-12),
        (431.0, 40.0, 3.5837519995163096e-147),
        (1000000.0, 1e-08, 0.9999999920211564),
        (1000000.0, 0.1, 0.9203443454920431),
        (1000000.0, 0.75, 0.45325488120141527),
        (1000000.0, 1.0, 0.31731074983357815),
        (1000000.0, 2.5, 0.012419489502163246),
        (1000000.0, 7.0, 2.561224111374079e-12),
        (1000000.0, 40.0, 0.0),
    ];
    const NORMAL: [(f64, f64); 6] = [
        (1e-08, 0.9999999920211544),
        (0.1, 0.920344325445942),
        (1.0, 0.3173105078629141),
        (2.5, 0.01241933065155227),
        (7.0, 2.55962508777167e-12),
        (30.0, 9.813427854296374e-198),
    ];
}

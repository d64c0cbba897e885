//! The formulas, over numbers that may carry derivatives.

use super::Problem;
use super::hyper_dual::Number;

const BARD: [f64; 15] =
    [0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39];

/// `(y, u)`.
const KOWALIK_OSBORNE: [(f64, f64); 11] = [
    (0.1957, 4.0),
    (0.1947, 2.0),
    (0.1735, 1.0),
    (0.1600, 0.5),
    (0.0844, 0.25),
    (0.0627, 0.167),
    (0.0456, 0.125),
    (0.0342, 0.1),
    (0.0323, 0.0833),
    (0.0235, 0.0714),
    (0.0246, 0.0625),
];

/// `Σ rᵢ²`.
fn squares<N: Number>(residuals: impl IntoIterator<Item = N>) -> N {
    residuals.into_iter().fold(N::of(0.0), |sum, r| sum + r.square())
}

impl Problem {
    pub(super) fn start_point(self) -> &'static [f64] {
        match self {
            Self::Quadratic | Self::QuarticBowl | Self::QuarticSaddle => &[4.0, 4.0],
            Self::SaddleBetweenMinima => &[1.0, 0.0],
            Self::DoubleWell => &[0.5, 1.0],
            Self::MonkeySaddle | Self::FlatCubic => &[1.0, 1.0],
            Self::Booth | Self::Matyas => &[-4.0, 4.0],
            Self::Himmelblau => &[0.0, 0.0],
            Self::SixHumpCamel => &[1.0, 1.0],
            Self::ThreeHumpCamel => &[1.0, -1.0],
            Self::FreudensteinRoth => &[0.5, -2.0],
            Self::PowellBadlyScaled => &[0.0, 1.0],
            Self::BrownBadlyScaled | Self::Beale => &[1.0, 1.0],
            Self::HelicalValley => &[-1.0, 0.0, 0.0],
            Self::Bard => &[1.0, 1.0, 1.0],
            Self::PowellSingular => &[3.0, -1.0, 0.0, 1.0],
            Self::Wood => &[-3.0, -1.0, -3.0, -1.0],
            Self::KowalikOsborne => &[0.25, 0.39, 0.415, 0.39],
            Self::BrownDennis => &[25.0, 5.0, -5.0, -1.0],
            Self::Watson => &[0.0; 6],
            Self::Trigonometric => &[0.1; 10],
            Self::Chebyquad => {
                &[1.0 / 9.0, 2.0 / 9.0, 3.0 / 9.0, 4.0 / 9.0, 5.0 / 9.0, 6.0 / 9.0, 7.0 / 9.0, 8.0 / 9.0]
            }
        }
    }

    /// `f(x)`, with `x` of the right length.
    #[inline]
    pub(super) fn formula<N: Number>(self, x: &[N]) -> N {
        let (c, a, b) = (N::of, x[0], x[1]);
        match self {
            Self::Quadratic => c(2.0) * a.square() + c(3.0) * b.square() - a * b,
            Self::QuarticBowl => quartic(a, b) + c(2.0) * b.square(),
            Self::QuarticSaddle => quartic(a, b) + c(2.0) * b.square() * b,
            Self::SaddleBetweenMinima => a.square() - b.square() + b.square().square(),
            Self::DoubleWell => (a.square() - c(1.0)).square() + b.square(),
            Self::MonkeySaddle => (a.square() - c(3.0) * b.square()) * a,
            Self::FlatCubic => a.square() + b.square() * b,
            Self::Booth => squares([a + c(2.0) * b - c(7.0), c(2.0) * a + b - c(5.0)]),
            Self::Matyas => c(0.26) * (a.square() + b.square()) - c(0.48) * a * b,
            Self::Himmelblau => squares([a.square() + b - c(11.0), a + b.square() - c(7.0)]),
            Self::SixHumpCamel => {
                let (aa, bb) = (a.square(), b.square());
                (c(4.0) - c(2.1) * aa + aa.square() / c(3.0)) * aa + a * b + c(4.0) * (bb - c(1.0)) * bb
            }
            Self::ThreeHumpCamel => {
                let aa = a.square();
                (c(2.0) - c(1.05) * aa + aa.square() / c(6.0)) * aa + a * b + b.square()
            }
            Self::FreudensteinRoth => squares([
                c(-13.0) + a + ((c(5.0) - b) * b - c(2.0)) * b,
                c(-29.0) + a + ((b + c(1.0)) * b - c(14.0)) * b,
            ]),
            Self::PowellBadlyScaled => {
                squares([c(1e4) * a * b - c(1.0), (-a).exponential() + (-b).exponential() - c(1.0001)])
            }
            Self::BrownBadlyScaled => squares([a - c(1e6), b - c(2e-6), a * b - c(2.0)]),
            Self::Beale => {
                let (b2, b3) = (b.square(), b.square() * b);
                squares([
                    c(1.5) - a * (c(1.0) - b),
                    c(2.25) - a * (c(1.0) - b2),
                    c(2.625) - a * (c(1.0) - b3),
                ])
            }
            Self::HelicalValley => {
                let radius = (a.square() + b.square()).root();
                squares([c(10.0) * (x[2] - c(10.0) * turns(a, b)), c(10.0) * (radius - c(1.0)), x[2]])
            }
            Self::Bard => squares(BARD.iter().enumerate().map(|(i, y)| {
                let (u, v) = (i as f64 + 1.0, 15.0 - i as f64);
                c(*y) - (a + c(u) / (c(v) * b + c(u.min(v)) * x[2]))
            })),
            // √5 (x₃ − x₄) and √10 (x₁ − x₄)² squared
            Self::PowellSingular => {
                (a + c(10.0) * b).square()
                    + c(5.0) * (x[2] - x[3]).square()
                    + (b - c(2.0) * x[2]).square().square()
                    + c(10.0) * (a - x[3]).square().square()
            }
            Self::Wood => {
                c(100.0) * (b - a.square()).square()
                    + (c(1.0) - a).square()
                    + c(90.0) * (x[3] - x[2].square()).square()
                    + (c(1.0) - x[2]).square()
                    + c(10.0) * (b + x[3] - c(2.0)).square()
                    + c(0.1) * (b - x[3]).square()
            }
            Self::KowalikOsborne => squares(KOWALIK_OSBORNE.iter().map(|&(y, u)| {
                let above = a * (c(u * u) + c(u) * b);
                c(y) - above / (c(u * u) + c(u) * x[2] + x[3])
            })),
            Self::BrownDennis => squares((1..=20).map(|i| {
                let t = f64::from(i) / 5.0;
                (a + c(t) * b - c(t.exp())).square() + (x[2] + c(t.sin()) * x[3] - c(t.cos())).square()
            })),
            Self::Watson => watson(x),
            Self::Trigonometric => {
                let n = x.len();
                let sum = x.iter().fold(c(n as f64), |sum, x| sum - x.cosine());
                squares((0..n).map(|i| sum + c(i as f64 + 1.0) * (c(1.0) - x[i].cosine()) - x[i].sine()))
            }
            Self::Chebyquad => squares((1..=x.len()).map(|i| {
                let mean = x.iter().fold(c(0.0), |sum, x| sum + chebyshev(i, *x)) / c(x.len() as f64);
                // ∫₀¹ T_i
                let even = i % 2 == 0;
                if even { mean + c(1.0 / ((i * i) as f64 - 1.0)) } else { mean }
            })),
        }
    }
}

/// `x⁴ + 0.8y⁴ + 4x² − xy − 0.2x²y`.
fn quartic<N: Number>(x: N, y: N) -> N {
    let c = N::of;
    let (xx, yy) = (x.square(), y.square());
    xx.square() + c(0.8) * yy.square() + c(4.0) * xx - x * y - c(0.2) * xx * y
}

/// The angle of `(x, y)` in turns: `arctan(y/x)/2π`, and half a turn more where `x < 0`.
fn turns<N: Number>(x: N, y: N) -> N {
    let quarter = |x: N, y: N| (y / x).arctangent() / N::of(std::f64::consts::TAU);
    if x > N::of(0.0) {
        quarter(x, y)
    } else if x < N::of(0.0) {
        quarter(x, y) + N::of(0.5)
    } else {
        // x = 0: the same angle, by its complement
        N::of(0.25) - quarter(y, x)
    }
}

/// Shifted to `[0, 1]`: `T_0 = 1`, `T_1 = 2x − 1`, `T_{i+1} = 2 (2x − 1) T_i − T_{i−1}`.
fn chebyshev<N: Number>(i: usize, x: N) -> N {
    let t1 = N::of(2.0) * x - N::of(1.0);
    let (mut before, mut t) = (N::of(1.0), t1);
    for _ in 1..i {
        (before, t) = (t, N::of(2.0) * t1 * t - before);
    }
    t
}

/// `rᵢ = p'(tᵢ) − p(tᵢ)² − 1` with `p(t) = Σ x_j t^{j−1}` and `tᵢ = i/29`; `r₃₀ = x₁`, `r₃₁ = x₂ − x₁² − 1`.
fn watson<N: Number>(x: &[N]) -> N {
    let c = N::of;
    let fit = squares((1..=29).map(|i| {
        let t = c(f64::from(i) / 29.0);
        // Horner, p and p' together
        let (p, slope) = x.iter().rev().fold((c(0.0), c(0.0)), |(p, slope), x| (p * t + *x, slope * t + p));
        slope - p.square() - c(1.0)
    }));
    fit + x[0].square() + (x[1] - x[0].square() - c(1.0)).square()
}

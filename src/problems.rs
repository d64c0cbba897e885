//! Test problems with starts and known stationary points, exact gradients and exact Hessians.
//!
//! [`Problem`] lists classics in two variables, [`Rosenbrock`] is the valley in any number of them.
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{Newton, Stop, minimize};
//!
//! for mut problem in Problem::ALL {
//!     let start = problem.start::<f64>();
//!     let report = minimize(&mut Newton::new(), &mut problem, start, &Stop::default())?;
//!     println!("{problem}: {:?} after {} steps", report.kind(), report.iterations);
//! }
//! # Ok::<(), gradus::Error>(())
//! ```

use std::f64::consts::FRAC_1_SQRT_2;
use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::CriticalKind::{self, Maximum, Minimum, Saddle};
use crate::{Hessian, HessianProduct, Objective, Real};

pub use rosenbrock::Rosenbrock;

mod rosenbrock;

/// A classic test problem in two variables.
///
/// ```
/// use gradus::problems::Problem;
/// use gradus::{CriticalKind, Objective};
///
/// let first = &Problem::Himmelblau.stationary_points()[0];
/// assert_eq!((first.x, first.kind), (&[3.0, 2.0][..], CriticalKind::Minimum));
/// assert_eq!(Problem::Himmelblau.value(&first.point::<f64>()), 0.0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// `2x² + 3y² − xy`: a bowl, its Hessian constant with eigenvalues `5 ∓ √2`.
    Quadratic,
    /// `x⁴ + 0.8y⁴ + 4x² + 2y³ − xy − 0.2x²y`: a saddle at the origin, a shallow minimum at a distance of 0.02
    /// from it and the global one at 1.9. Full-step Newton from nearer to the origin than that lands on the saddle.
    QuarticSaddle,
    /// `x² − y² + y⁴`: a saddle at the origin between two minima. From `(1, 0)`, the start, the gradient never
    /// leaves the axis that leads to the saddle.
    SaddleBetweenMinima,
    /// `(x + 2y − 7)² + (2x + y − 5)²`, a quadratic (Booth).
    Booth,
    /// `(x² + y − 11)² + (x + y² − 7)²`: four minima, four saddles, a maximum (Himmelblau 1972).
    Himmelblau,
    /// `Σ (cᵢ − x (1 − yⁱ))²` over `i = 1, 2, 3`, flat far from its zero (Beale 1958).
    Beale,
}

/// A stationary point that is known, to the precision of `f64`.
///
/// ```
/// use gradus::CriticalKind;
/// use gradus::problems::{Problem, StationaryPoint};
///
/// let saddle = StationaryPoint { x: &[0.0, 0.0], value: 0.0, kind: CriticalKind::Saddle };
/// assert!(Problem::SaddleBetweenMinima.stationary_points().contains(&saddle));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StationaryPoint {
    /// Where.
    pub x: &'static [f64],
    /// `f(x)`.
    pub value: f64,
    /// What kind of point: where the Hessian is singular at a minimum, [`CriticalKind::Degenerate`].
    pub kind: CriticalKind,
}

impl StationaryPoint {
    /// The point as a vector.
    ///
    /// ```
    /// use gradus::vector;
    /// use gradus::problems::Problem;
    ///
    /// let minimum = Problem::Booth.stationary_points()[0];
    /// assert_eq!(minimum.point::<f32>(), vector![1.0, 3.0]);
    /// ```
    pub fn point<T: Real>(&self) -> DVector<T> {
        vector(self.x)
    }
}

const fn at(x: &'static [f64], value: f64, kind: CriticalKind) -> StationaryPoint {
    StationaryPoint { x, value, kind }
}

// The digits that are not plain are from Newton iterations in 30 digits.
const QUARTIC_SADDLE: &[StationaryPoint] = &[
    at(&[-0.211_793_484_365_628_4, -1.892_693_146_234_427], -3.496_557_454_105_235, Minimum),
    at(&[0.002_582_454_519_141_263_5, 0.020_638_385_966_181_366], -8.922_198_047_828_41e-6, Minimum),
    at(&[0.0, 0.0], 0.0, Saddle),
];
const SADDLE_BETWEEN_MINIMA: &[StationaryPoint] = &[
    at(&[0.0, FRAC_1_SQRT_2], -0.25, Minimum),
    at(&[0.0, -FRAC_1_SQRT_2], -0.25, Minimum),
    at(&[0.0, 0.0], 0.0, Saddle),
];
const HIMMELBLAU: &[StationaryPoint] = &[
    at(&[3.0, 2.0], 0.0, Minimum),
    at(&[-2.805_118_086_952_745, 3.131_312_518_250_573], 0.0, Minimum),
    at(&[-3.779_310_253_377_747, -3.283_185_991_286_169_6], 0.0, Minimum),
    at(&[3.584_428_340_330_492, -1.848_126_526_964_403_6], 0.0, Minimum),
    at(&[3.385_154_183_607_021, 0.073_851_879_837_749_3], 13.311_926_270_405_59, Saddle),
    at(&[0.086_677_504_555_396_36, 2.884_254_701_174_776], 67.719_150_087_526_15, Saddle),
    at(&[-3.073_025_750_764_39, -0.081_353_044_287_967_51], 104.015_162_917_558_11, Saddle),
    at(&[-0.127_961_346_730_680_08, -1.953_714_980_244_576_3], 178.337_239_201_927_47, Saddle),
    at(&[-0.270_844_590_667_347_6, -0.923_038_556_479_981_5], 181.616_521_522_582_7, Maximum),
];

fn vector<T: Real>(x: &[f64]) -> DVector<T> {
    DVector::from_iterator(x.len(), x.iter().map(|x| T::of(*x)))
}

impl Problem {
    /// All of them.
    ///
    /// ```
    /// use gradus::Objective;
    /// use gradus::problems::Problem;
    ///
    /// for mut problem in Problem::ALL {
    ///     let start = problem.start::<f64>();
    ///     assert!(problem.value(&start).is_finite());
    /// }
    /// ```
    pub const ALL: [Self; 6] = [
        Self::Quadratic,
        Self::QuarticSaddle,
        Self::SaddleBetweenMinima,
        Self::Booth,
        Self::Himmelblau,
        Self::Beale,
    ];

    /// The customary start.
    ///
    /// ```
    /// use gradus::vector;
    /// use gradus::problems::Problem;
    ///
    /// assert_eq!(Problem::Beale.start::<f64>(), vector![1.0, 1.0]);
    /// ```
    pub fn start<T: Real>(self) -> DVector<T> {
        vector(&match self {
            Self::Quadratic | Self::QuarticSaddle => [4.0, 4.0],
            Self::SaddleBetweenMinima => [1.0, 0.0],
            Self::Booth => [-4.0, 4.0],
            Self::Himmelblau => [0.0, 0.0],
            Self::Beale => [1.0, 1.0],
        })
    }

    /// The stationary points that are known, a global minimum first.
    ///
    /// ```
    /// use gradus::CriticalKind::{Maximum, Minimum, Saddle};
    /// use gradus::problems::Problem;
    ///
    /// let points = Problem::Himmelblau.stationary_points();
    /// let count = |kind| points.iter().filter(|point| point.kind == kind).count();
    /// assert_eq!([Minimum, Saddle, Maximum].map(count), [4, 4, 1]);
    /// ```
    pub fn stationary_points(self) -> &'static [StationaryPoint] {
        match self {
            Self::Quadratic => const { &[at(&[0.0, 0.0], 0.0, Minimum)] },
            Self::QuarticSaddle => QUARTIC_SADDLE,
            Self::SaddleBetweenMinima => SADDLE_BETWEEN_MINIMA,
            Self::Booth => const { &[at(&[1.0, 3.0], 0.0, Minimum)] },
            Self::Himmelblau => HIMMELBLAU,
            Self::Beale => const { &[at(&[3.0, 0.5], 0.0, Minimum)] },
        }
    }

    /// The formula and, by hand, its derivatives.
    fn expand<T: Real>(self, x: T, y: T) -> Expansion<T> {
        let c = T::of;
        let [zero, one, two] = [0.0, 1.0, 2.0].map(c);
        let (x2, y2, y3) = (x * x, y * y, y * y * y);
        match self {
            Self::Quadratic => {
                (two * x2 + c(3.0) * y2 - x * y, [c(4.0) * x - y, c(6.0) * y - x], [c(4.0), -one, c(6.0)])
            }
            Self::QuarticSaddle => (
                x2 * x2 + c(0.8) * y2 * y2 + c(4.0) * x2 + two * y3 - x * y - c(0.2) * x2 * y,
                [
                    c(4.0) * x2 * x + c(8.0) * x - y - c(0.4) * x * y,
                    c(3.2) * y3 + c(6.0) * y2 - x - c(0.2) * x2,
                ],
                [c(12.0) * x2 + c(8.0) - c(0.4) * y, -one - c(0.4) * x, c(9.6) * y2 + c(12.0) * y],
            ),
            Self::SaddleBetweenMinima => {
                (x2 - y2 + y2 * y2, [two * x, c(4.0) * y3 - two * y], [two, zero, c(12.0) * y2 - two])
            }
            Self::Booth => squares([
                (x + two * y - c(7.0), [one, two], [zero; 3]),
                (two * x + y - c(5.0), [two, one], [zero; 3]),
            ]),
            Self::Himmelblau => squares([
                (x2 + y - c(11.0), [two * x, one], [two, zero, zero]),
                (x + y2 - c(7.0), [one, two * y], [zero, zero, two]),
            ]),
            Self::Beale => squares([
                (c(1.5) - x * (one - y), [y - one, x], [zero, one, zero]),
                (c(2.25) - x * (one - y2), [y2 - one, two * x * y], [zero, two * y, two * x]),
                (c(2.625) - x * (one - y3), [y3 - one, c(3.0) * x * y2], [zero, c(3.0) * y2, c(6.0) * x * y]),
            ]),
        }
    }
}

/// A function of `(x, y)` at one point: `f`, `[f_x, f_y]` and `[f_xx, f_xy, f_yy]`.
type Expansion<T> = (T, [T; 2], [T; 3]);

/// `f = Σ rᵢ²`, `∇f = 2 Σ rᵢ ∇rᵢ`, `∇²f = 2 Σ (∇rᵢ ∇rᵢᵀ + rᵢ ∇²rᵢ)`.
fn squares<T: Real, const N: usize>(residuals: [Expansion<T>; N]) -> Expansion<T> {
    let (two, zero) = (T::of(2.0), T::zero());
    residuals.into_iter().fold((zero, [zero; 2], [zero; 3]), |(f, g, h), (r, [a, b], s)| {
        (
            f + r * r,
            [g[0] + two * r * a, g[1] + two * r * b],
            [
                h[0] + two * (a * a + r * s[0]),
                h[1] + two * (a * b + r * s[1]),
                h[2] + two * (b * b + r * s[2]),
            ],
        )
    })
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<T: Real> Objective<T> for Problem {
    fn dim(&self) -> usize {
        2
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        if let [x, y] = *x.as_slice() { self.expand(x, y).0 } else { T::NAN }
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        if let ([x, y], 2) = (x.as_slice(), gradient.len()) {
            let (value, slopes, _) = self.expand(*x, *y);
            gradient.copy_from_slice(&slopes);
            return value;
        }
        T::NAN
    }
}

impl<T: Real> Hessian<T> for Problem {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        if let ([x, y], (2, 2)) = (x.as_slice(), hessian.shape()) {
            let (_, _, [xx, xy, yy]) = self.expand(*x, *y);
            hessian.copy_from_slice(&[xx, xy, xy, yy]);
        }
    }
}

impl<T: Real> HessianProduct<T> for Problem {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        if let ([x, y], [v_x, v_y], 2) = (x.as_slice(), v.as_slice(), out.len()) {
            let (_, _, [xx, xy, yy]) = self.expand(*x, *y);
            out.copy_from_slice(&[xx * *v_x + xy * *v_y, xy * *v_x + yy * *v_y]);
        }
    }
}

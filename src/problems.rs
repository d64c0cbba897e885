//! Test problems with starts and known stationary points, exact gradients and exact Hessians.
//!
//! [`Problem`] lists classics in few variables, [`Rosenbrock`] is the valley in any number of them.
//!
//! ```
//! use gradus::problems::Problem;
//! use gradus::{Newton, Stop, minimize};
//!
//! for mut problem in [Problem::Beale, Problem::Wood, Problem::HelicalValley] {
//!     let start = problem.start::<f64>();
//!     let report = minimize(&mut Newton::new(), &mut problem, start, &Stop::default())?;
//!     println!("{problem}: {:?} after {} steps", report.kind(), report.iterations);
//! }
//! # Ok::<(), gradus::Error>(())
//! ```

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::{CriticalKind, Hessian, HessianProduct, Objective, Real};

pub use rosenbrock::Rosenbrock;

use hyper_dual::{HyperDual, Number};

mod formulas;
mod hyper_dual;
mod optima;
mod rosenbrock;

/// A classic test problem.
///
/// Derivatives are exact (hyper-dual numbers run through the formula), evaluation allocates nothing. *MGH* is
/// Moré, Garbow and Hillstrom, *Testing unconstrained optimization software*, ACM TOMS 7 (1981); their
/// problems are `f = Σ rᵢ²`, without a ½.
///
/// ```
/// use gradus::problems::Problem;
/// use gradus::{CriticalKind, Objective};
///
/// let optimum = &Problem::Himmelblau.optima()[0];
/// assert_eq!((optimum.x, optimum.kind), (&[3.0, 2.0][..], CriticalKind::Minimum));
/// assert_eq!(Problem::Himmelblau.value(&optimum.point::<f64>()), 0.0);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Problem {
    /// `2x² + 3y² − xy`: a bowl, its Hessian constant with eigenvalues `5 ∓ √2`.
    Quadratic,
    /// `x⁴ + 0.8y⁴ + 4x² + 2y² − xy − 0.2x²y`: a bowl with one minimum, at the origin.
    QuarticBowl,
    /// `x⁴ + 0.8y⁴ + 4x² + 2y³ − xy − 0.2x²y`: a saddle at the origin, a shallow minimum a hair beside it and
    /// the global one further off. Full-step Newton from near the origin lands on the saddle.
    QuarticSaddle,
    /// `x² − y² + y⁴`: a saddle at the origin between two minima. From `(1, 0)`, the start, the gradient never
    /// leaves the axis that leads to the saddle.
    SaddleBetweenMinima,
    /// `(x² − 1)² + y²`: two wells and the saddle between them.
    DoubleWell,
    /// `x³ − 3xy²`: the monkey saddle, degenerate at the origin and unbounded below.
    MonkeySaddle,
    /// `x² + y³`: flat in `y` at the origin, which is no minimum.
    FlatCubic,
    /// `(x + 2y − 7)² + (2x + y − 5)²`, a quadratic (Booth).
    Booth,
    /// `0.26 (x² + y²) − 0.48xy`, a flat quadratic (Matyas).
    Matyas,
    /// `(x² + y − 11)² + (x + y² − 7)²`: four minima, four saddles, a maximum (Himmelblau 1972).
    Himmelblau,
    /// `(4 − 2.1x² + x⁴/3) x² + xy + 4 (y² − 1) y²`: the six-hump camel back (Dixon and Szegő 1978).
    SixHumpCamel,
    /// `2x² − 1.05x⁴ + x⁶/6 + xy + y²`: the three-hump camel back.
    ThreeHumpCamel,
    /// MGH 2: a valley with a local minimum away from the zero (Freudenstein and Roth 1963).
    FreudensteinRoth,
    /// MGH 3: an exponential scaled by 10⁴ (Powell 1970).
    PowellBadlyScaled,
    /// MGH 4: coordinates of 10⁶ and 10⁻⁶ (Brown).
    BrownBadlyScaled,
    /// MGH 5: `Σ (cᵢ − x (1 − yⁱ))²`, flat far from its zero (Beale 1958).
    Beale,
    /// MGH 7: a valley that winds around an axis (Fletcher and Powell 1963). Not smooth where `x₁ = x₂ = 0`,
    /// and not continuous where `x₁ = 0, x₂ < 0`.
    HelicalValley,
    /// MGH 8: three parameters, fifteen data (Bard 1970).
    Bard,
    /// MGH 13: the Hessian is singular at the minimum (Powell 1962).
    PowellSingular,
    /// MGH 14: a valley with a stationary point that is no minimum (Colville 1968).
    Wood,
    /// MGH 15: four parameters, eleven data (Kowalik and Osborne 1968).
    KowalikOsborne,
    /// MGH 16, twenty data: a large residual (Brown and Dennis 1971).
    BrownDennis,
    /// MGH 20 in six variables: a polynomial fit to a differential equation (Kowalik and Osborne 1968).
    Watson,
    /// MGH 26 in ten variables (Spedicato 1975).
    Trigonometric,
    /// MGH 35 in eight variables: abscissae of equally weighted quadrature (Fletcher 1965).
    Chebyquad,
}

/// A stationary point that is known, to the precision of `f64`.
///
/// ```
/// use gradus::CriticalKind;
/// use gradus::problems::{StationaryPoint, Problem};
///
/// let saddle = StationaryPoint { x: &[0.0, 0.0], value: 1.0, kind: CriticalKind::Saddle };
/// assert!(Problem::DoubleWell.optima().contains(&saddle)); // f(0, 0) = (0 − 1)² + 0
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
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::problems::Problem;
    ///
    /// assert_eq!(Problem::Booth.optima()[0].point::<f32>(), dvector![1.0, 3.0]);
    /// ```
    pub fn point<T: Real>(&self) -> DVector<T> {
        vector(self.x)
    }
}

/// No problem has more variables.
const MOST: usize = 10;

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
    pub const ALL: [Self; 25] = [
        Self::Quadratic,
        Self::QuarticBowl,
        Self::QuarticSaddle,
        Self::SaddleBetweenMinima,
        Self::DoubleWell,
        Self::MonkeySaddle,
        Self::FlatCubic,
        Self::Booth,
        Self::Matyas,
        Self::Himmelblau,
        Self::SixHumpCamel,
        Self::ThreeHumpCamel,
        Self::FreudensteinRoth,
        Self::PowellBadlyScaled,
        Self::BrownBadlyScaled,
        Self::Beale,
        Self::HelicalValley,
        Self::Bard,
        Self::PowellSingular,
        Self::Wood,
        Self::KowalikOsborne,
        Self::BrownDennis,
        Self::Watson,
        Self::Trigonometric,
        Self::Chebyquad,
    ];

    /// The customary start.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::problems::Problem;
    ///
    /// assert_eq!(Problem::Wood.start::<f64>(), dvector![-3.0, -1.0, -3.0, -1.0]);
    /// ```
    pub fn start<T: Real>(self) -> DVector<T> {
        vector(self.start_point())
    }

    /// The stationary points that are known; where the list is not complete, the global minima come first.
    ///
    /// ```
    /// use gradus::CriticalKind;
    /// use gradus::problems::Problem;
    ///
    /// let optima = Problem::Himmelblau.optima();
    /// let count = |kind| optima.iter().filter(|optimum| optimum.kind == kind).count();
    /// assert_eq!([CriticalKind::Minimum, CriticalKind::Saddle, CriticalKind::Maximum].map(count), [4, 4, 1]);
    /// ```
    pub fn optima(self) -> &'static [StationaryPoint] {
        self.stationary_points()
    }

    /// The number of variables.
    ///
    /// ```
    /// use gradus::problems::Problem;
    ///
    /// assert_eq!((Problem::Booth.dim(), Problem::Chebyquad.dim()), (2, 8));
    /// ```
    pub fn dim(self) -> usize {
        self.start_point().len()
    }

    /// `f`, `uᵀ∇f`, `vᵀ∇f` and `uᵀ∇²f v` in one run through the formula.
    fn run<T: Real>(self, x: &DVector<T>, u: impl Fn(usize) -> T, v: impl Fn(usize) -> T) -> HyperDual<T> {
        let mut point = [HyperDual::of(0.0); MOST];
        for (i, (point, x)) in point.iter_mut().zip(x.iter()).enumerate() {
            *point = HyperDual { value: *x, u: u(i), v: v(i), uv: T::zero() };
        }
        self.formula(&point[..x.len()])
    }
}

fn vector<T: Real>(x: &[f64]) -> DVector<T> {
    DVector::from_iterator(x.len(), x.iter().map(|x| T::of(*x)))
}

/// 1 where `i = j`.
fn unit<T: Real>(j: usize) -> impl Fn(usize) -> T {
    move |i| if i == j { T::one() } else { T::zero() }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

impl<T: Real> Objective<T> for Problem {
    fn dim(&self) -> usize {
        Self::dim(*self)
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        if x.len() != self.dim() {
            return T::NAN;
        }
        let mut point = [T::zero(); MOST];
        point[..x.len()].copy_from_slice(x.as_slice());
        self.formula(&point[..x.len()])
    }

    /// Two coordinates a run.
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let n = self.dim();
        if [x.len(), gradient.len()] != [n; 2] {
            return T::NAN;
        }
        let mut value = T::NAN;
        for i in (0..n).step_by(2) {
            let run = self.run(x, unit(i), unit(i + 1));
            value = run.value;
            gradient[i] = run.u;
            if i + 1 < n {
                gradient[i + 1] = run.v;
            }
        }
        value
    }
}

impl<T: Real> Hessian<T> for Problem {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        let n = self.dim();
        if x.len() != n || hessian.shape() != (n, n) {
            return;
        }
        for j in 0..n {
            for i in j..n {
                let entry = self.run(x, unit(i), unit(j)).uv;
                hessian[(i, j)] = entry;
                hessian[(j, i)] = entry;
            }
        }
    }
}

impl<T: Real> HessianProduct<T> for Problem {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let n = self.dim();
        if [x.len(), v.len(), out.len()] != [n; 3] {
            return;
        }
        for i in 0..n {
            out[i] = self.run(x, unit(i), |j| v[j]).uv;
        }
    }
}

//! What kind of point a stationary point is: eigenvalues, inertia, kind.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::contract::{check_evaluation, check_hessian, check_point, check_symmetric, matrix};
use crate::figures::Figure;
use crate::kernel::{self, Ends, Spectrum, compiled, zero};
use crate::objective::evaluate;
use crate::{Error, Hessian, Real};

pub use interval::LeastEigenvalue;
pub(crate) use judge::{margin, measure};
pub(crate) use products::Columns;

mod agreement;
mod interval;
mod judge;
mod products;

/// The kind of a stationary point, from the signs of the Hessian's eigenvalues ([the guide](crate::guide::kinds_of_points)).
///
#[doc = include_str!("guide/pictures/eigenvectors.svg")]
///
/// ```
/// use gradus::{CriticalKind, CriticalPoint, matrix};
///
/// // x² + yⁿ, whatever n ≥ 3
/// let point = CriticalPoint::classify(&matrix![2.0, 0.0; 0.0, 0.0])?;
/// assert_eq!(point.kind, CriticalKind::Degenerate);
/// assert_eq!(point.kind.to_string(), "degenerate");
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[doc(alias(
    "concave",
    "convex",
    "second derivative",
    "stationary point",
    "critical point",
    "saddle point",
    "inflection"
))]
pub enum CriticalKind {
    /// All eigenvalues positive: `f` curves up (concave up, convex) in every direction.
    Minimum,
    /// All eigenvalues negative: `f` curves down (concave down, concave) in every direction.
    Maximum,
    /// Both signs: `f` curves up in one direction and down in another, conclusively neither minimum nor maximum.
    Saddle,
    /// Some eigenvalues are zero and the others share a sign: second derivatives cannot decide.
    Degenerate,
    /// Not all signs are known, and those that are do not decide: there is no curvature below the lower end of an
    /// [interval](CriticalPoint::interval).
    Undecided,
}

impl fmt::Display for CriticalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Minimum => "minimum",
            Self::Maximum => "maximum",
            Self::Saddle => "saddle",
            Self::Degenerate => "degenerate",
            Self::Undecided => "undecided",
        })
    }
}

/// How many eigenvalues are positive, zero and negative: `(n₊, n₀, n₋)`.
///
/// ```
/// use gradus::{CriticalPoint, Inertia, matrix};
///
/// let inertia = CriticalPoint::classify(&matrix![2.0, 0.0; 0.0, -3.0])?.inertia;
/// assert_eq!(inertia, Inertia { positive: 1, zero: 0, negative: 1 });
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Inertia {
    /// `n₊`.
    pub positive: usize,
    /// `n₀`.
    pub zero: usize,
    /// `n₋`.
    pub negative: usize,
}

impl fmt::Display for Inertia {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signs = [(self.positive, "positive"), (self.zero, "zero"), (self.negative, "negative")];
        let counts =
            signs.iter().filter(|(count, _)| *count > 0).map(|(count, sign)| format!("{count} {sign}"));
        match counts.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => f.write_str("no eigenvalues"),
            counts => f.write_str(&counts),
        }
    }
}

impl Inertia {
    fn of<T: Real>(eigenvalues: &DVector<T>, tolerance: T) -> Self {
        let positive = eigenvalues.iter().filter(|&&l| l > tolerance).count();
        let negative = eigenvalues.iter().filter(|&&l| l < -tolerance).count();
        // a damaged file may hold a negative tolerance, which counts small eigenvalues twice before it is refused
        Self { positive, zero: eigenvalues.len().saturating_sub(positive + negative), negative }
    }

    /// All positive: a minimum. All negative: a maximum. Both signs: a saddle, whatever the zeros do.
    /// Otherwise some are zero and the test cannot decide.
    fn kind(self) -> CriticalKind {
        match (self.positive, self.zero, self.negative) {
            (_, 0, 0) => CriticalKind::Minimum,
            (0, 0, _) => CriticalKind::Maximum,
            (1.., _, 1..) => CriticalKind::Saddle,
            _ => CriticalKind::Degenerate,
        }
    }
}

/// A point judged by its Hessian: the signs of the eigenvalues of `∇²f(x)`, what they say of a stationary point, and
/// how far the point can be from the exact one.
///
/// ```
/// use gradus::{CriticalKind, CriticalPoint, matrix, problems::Rosenbrock, vector};
///
/// // of a Hessian alone
/// let point = CriticalPoint::classify(&matrix![1.0, 2.0; 2.0, 1.0])?;
/// assert_eq!(point.kind, CriticalKind::Saddle);
/// assert_eq!(point.eigenvalues().len(), 2);
///
/// // of an objective
/// let point = CriticalPoint::of(&mut Rosenbrock::new(2), &vector![1.0, 1.0])?;
/// assert_eq!((point.kind, point.decrement), (CriticalKind::Minimum, Some(0.0)));
/// assert_eq!(point.to_string(), "\
/// minimum: 2 positive
///   eigenvalues 0.399361, 1001.6
///   condition   2508.01
///   gradient    0
///   decrement   0");
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct CriticalPoint<T: Real> {
    /// All, or none.
    eigenvalues: DVector<T>,
    extremes: [T; 2],
    interval: Option<LeastEigenvalue<T>>,
    /// How many eigenvalues are positive, zero and negative, of those whose sign is known.
    pub inertia: Inertia,
    /// Of how many eigenvalues the sign is not known: none, unless the point was judged [by
    /// products](Self::by_products), or by convexity alone.
    pub unknown: usize,
    /// What the signs say of a stationary point.
    pub kind: CriticalKind,
    /// `|λ| ≤ tolerance` counted as zero.
    pub tolerance: T,
    /// The unit eigenvector of the smallest eigenvalue, if that counted as negative: the way down.
    pub direction: Option<DVector<T>>,
    /// `‖∇f‖∞`; nothing where a Hessian alone was judged.
    pub gradient_norm: Option<T>,
    /// Newton decrement `√(∇fᵀ H⁻¹ ∇f)`, where the gradient is known and `H` is positive definite: `½ decrement²` is
    /// what the quadratic model still promises to gain.
    pub decrement: Option<T>,
    /// Whether the problem is known to be convex: then a stationary point is a global minimum whatever the inertia.
    pub convex: bool,
}

/// Up to so many variables all eigenvalues cost about as much as a count of their signs.
const FEW: usize = 200;

/// What is known of the eigenvalues of a Hessian before a tolerance is.
enum Known<T: Real> {
    All(DVector<T>),
    Ends(Ends<T>, [T; 2]),
}

impl<T: Real> Known<T> {
    fn of(hessian: &DMatrix<T>) -> Result<Self, Error> {
        check_symmetric(hessian)?;
        let n = hessian.nrows();
        let known = match n <= FEW {
            true => kernel::eigenvalues(hessian).map(Self::All),
            false => kernel::ends(hessian).map(|(ends, extremes)| Self::Ends(ends, extremes)),
        };
        known.ok_or(UNFINISHED(n))
    }

    fn ends(&self) -> [T; 2] {
        match self {
            Self::All(eigenvalues) => [eigenvalues[0], eigenvalues[eigenvalues.len() - 1]],
            Self::Ends(_, ends) => *ends,
        }
    }

    fn point(self, hessian: &DMatrix<T>, tolerance: T) -> Result<CriticalPoint<T>, Error> {
        match self {
            Self::All(eigenvalues) => Ok(CriticalPoint::new(eigenvalues, tolerance, None)),
            Self::Ends(ends, _) => {
                let counts = kernel::counts(hessian, ends, tolerance).ok_or(UNFINISHED(hessian.nrows()))?;
                let (positive, negative) = (counts.positive, counts.negative);
                let zero = hessian.nrows().saturating_sub(positive + negative);
                let inertia = Inertia { positive, zero, negative };
                Ok(CriticalPoint::counted(inertia, counts.extremes, tolerance, counts.direction))
            }
        }
    }
}

impl<T: Real> CriticalPoint<T> {
    /// Classifies by a symmetric `n × n` Hessian.
    ///
    /// An eigenvalue counts as zero while `|λ| ≤ n ε max |λ|`; a matrix of zeros is degenerate.
    ///
    /// Up to 200 variables all eigenvalues are computed. Beyond, their signs are counted: a Cholesky factorisation of
    /// `H − tolerance` proves a minimum; else the inertia of `H ∓ tolerance` (Bunch and Kaufman 1977) tells how many are
    /// positive and negative. The [`extremes`](Self::extremes) are then known to a few hundredths, by Lanczos' method, and
    /// [`with_eigenvalues`](Self::with_eigenvalues) computes the rest.
    ///
    /// ```
    /// use gradus::{CriticalKind, CriticalPoint, matrix};
    ///
    /// let point = CriticalPoint::classify(&matrix![4.0, -1.0; -1.0, 6.0])?;
    /// assert_eq!(point.kind, CriticalKind::Minimum);
    /// assert!((point.eigenvalues()[0] - (5.0 - 2.0_f64.sqrt())).abs() < 1e-14);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Shape`] where it is not square, [`Error::NonFinite`],
    /// [`Error::Asymmetric`] where a pair differs by more than `√ε max |H|`, [`Error::Factorization`]
    /// where the bounded eigenvalue iteration did not end.
    pub fn classify(hessian: &DMatrix<T>) -> Result<Self, Error> {
        let known = Known::of(hessian)?;
        let tolerance = zero(hessian.nrows(), known.ends());
        let point = known.point(hessian, tolerance)?;
        if point.inertia.negative == 0 || point.direction.is_some() {
            return Ok(point);
        }
        let direction = spectrum(hessian)?.vectors.column(0).into_owned();
        Ok(Self { direction: Some(direction), ..point })
    }

    /// Signs and kind follow from the eigenvalues, ascending.
    pub(crate) fn new(eigenvalues: DVector<T>, tolerance: T, direction: Option<DVector<T>>) -> Self {
        let (least, greatest) = eigenvalues.as_slice().first().zip(eigenvalues.as_slice().last()).unzip();
        let extremes = [least, greatest].map(|end| end.copied().unwrap_or_default());
        let inertia = Inertia::of(&eigenvalues, tolerance);
        Self { eigenvalues, ..Self::counted(inertia, extremes, tolerance, direction) }
    }

    /// Of which only the least and the greatest eigenvalue are known, and how many there are of each sign.
    pub(crate) fn counted(
        inertia: Inertia, extremes: [T; 2], tolerance: T, direction: Option<DVector<T>>,
    ) -> Self {
        Self {
            eigenvalues: DVector::zeros(0),
            extremes,
            interval: None,
            inertia,
            unknown: 0,
            kind: inertia.kind(),
            tolerance,
            direction,
            gradient_norm: None,
            decrement: None,
            convex: false,
        }
    }

    /// Of `k` such Hessians side by side, which are known to have no eigenvalue below `least > 0`.
    pub(crate) fn definite(&self, k: usize, least: T) -> Self {
        let tolerance = self.tolerance.min(least * T::of(0.5));
        if self.eigenvalues.is_empty() {
            let inertia = Inertia { positive: k * self.dimension(), zero: 0, negative: 0 };
            return Self::counted(inertia, self.extremes.map(|l| l.max(least)), tolerance, None);
        }
        let eigenvalues = self.eigenvalues.iter().flat_map(|l| std::iter::repeat_n(l.max(least), k));
        Self::new(DVector::from_iterator(k * self.eigenvalues.len(), eigenvalues), tolerance, None)
    }

    /// With signs that are known otherwise, of eigenvalues no nearer to zero than `least`.
    fn signed(&self, inertia: Inertia, least: T) -> Self {
        let tolerance = self.tolerance.min(least * T::of(0.5));
        let sign = |i: usize, l: T| if i < inertia.negative { l.min(-least) } else { l.max(least) };
        if self.eigenvalues.is_empty() {
            let extremes = [sign(0, self.extremes[0]), sign(self.dimension() - 1, self.extremes[1])];
            return Self::counted(inertia, extremes, tolerance, None);
        }
        let eigenvalues = self.eigenvalues.map_with_location(|i, _, l| sign(i, l));
        Self { inertia, kind: inertia.kind(), ..Self::new(eigenvalues, tolerance, None) }
    }

    /// With what is known of the objective besides its Hessian. Where that is convex, how far an eigenvalue falls below zero
    /// is rounding of the Hessian, unless it is more than `√ε`: then the objective is not what it says.
    pub(crate) fn with(mut self, gradient_norm: Option<T>, decrement: Option<T>, convex: bool) -> Self {
        let (unknown, interval, [least, greatest]) = (self.unknown, self.interval, self.extremes);
        if convex && self.inertia.negative > 0 && -least <= T::EPSILON.sqrt() * greatest {
            (self.tolerance, self.direction) = (-least, None);
            self.inertia = match self.eigenvalues.is_empty() {
                true => {
                    let Inertia { positive, zero, negative } = self.inertia;
                    Inertia { positive, zero: zero.saturating_add(negative), negative: 0 }
                }
                false => Inertia::of(&self.eigenvalues, self.tolerance),
            };
        }
        Self { gradient_norm, decrement, convex, ..self }.with_unknown(unknown, interval)
    }

    /// Besides so many eigenvalues of unknown sign, which leave the kind to those that are known, and to convexity.
    pub(crate) fn with_unknown(self, unknown: usize, interval: Option<LeastEigenvalue<T>>) -> Self {
        let kind = match self.inertia.kind() {
            known if unknown == 0 => known,
            CriticalKind::Saddle => CriticalKind::Saddle,
            _ if self.convex => CriticalKind::Minimum,
            _ => CriticalKind::Undecided,
        };
        Self { unknown, interval, kind, ..self }
    }

    /// Judges a stationary or nearly stationary point of an objective.
    ///
    /// The result of an iteration is only nearly stationary, and there the signs alone can lie: `x² + y³`
    /// has positive eigenvalues at `y = 10⁻⁵`, and no minimum. So an eigenvalue also counts as zero
    /// while `|λ| ≤ 4 ‖H(x + s) − H(x)‖`, `s` the Newton step at `x`: one that changes by its own
    /// size within one step decides nothing. Where `∇f(x) = 0` exactly, `s = 0` and the Hessian has the
    /// last word; for a [convex](crate::Objective::is_convex) objective the margin is not needed. No unit of a variable
    /// makes an eigenvalue zero: where one counts as that, those of the Hessian in units `1/√|H_ii|` are asked too, whose
    /// signs are the same (Sylvester); what is negative in its own unit alone, and may be rounding, stays degenerate. For the
    /// signs at an arbitrary point, [`classify`](Self::classify) its Hessian.
    ///
    /// ```
    /// use gradus::{CriticalPoint, problems::Rosenbrock, vector};
    ///
    /// let point = CriticalPoint::of(&mut Rosenbrock::new(2), &vector![0.0, 0.0])?;
    /// assert_eq!(point.gradient_norm, Some(2.0));
    /// assert_eq!(point.condition(), 100.0); // ∇²f = diag(2, 200)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`classify`](Self::classify); [`Error::Length`] and [`Error::NonFinite`] for a bad `x`,
    /// [`Error::Evaluation`] where the function or its gradient is not finite there.
    pub fn of<O: Hessian<T> + ?Sized>(objective: &mut O, x: &DVector<T>) -> Result<Self, Error> {
        let mut lent = objective;
        judged(&mut lent, x).map(|(point, _)| point)
    }

    /// The least and the greatest eigenvalue: exact where all eigenvalues are known, else by Lanczos' method within a
    /// hundredth of the larger modulus of an eigenvalue, as a rule of the last one, and a few hundredths from the end. A
    /// least one that counts as negative is exact. Where an [interval](Self::interval) is known, the ends are Ritz
    /// values, which lie between them; by convexity alone, 0 and the largest number. Of a penalised fit by gradients
    /// they are bounds: no eigenvalue but those of zero is less, and none is greater.
    ///
    /// ```
    /// use gradus::{CriticalPoint, matrix};
    ///
    /// let point = CriticalPoint::classify(&matrix![3.0, 0.0; 0.0, -1.0])?;
    /// assert_eq!(point.extremes(), (-1.0, 3.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn extremes(&self) -> (T, T) {
        (self.extremes[0], self.extremes[1])
    }

    /// All eigenvalues of the Hessian, ascending: the second derivatives of `f` along its eigenvectors. At −1 `f` curves
    /// down along that one: no minimum. Empty where more than 200 were only counted by their signs. Then
    /// [`extremes`](Self::extremes) are known, and [`with_eigenvalues`](Self::with_eigenvalues) or
    /// [`Report::eigenvalues`](crate::Report::eigenvalues) computes all.
    ///
    /// ```
    /// use gradus::{CriticalPoint, matrix, vector};
    ///
    /// let point = CriticalPoint::classify(&matrix![3.0, 0.0; 0.0, -1.0])?;
    /// assert_eq!(point.eigenvalues(), &vector![-1.0, 3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn eigenvalues(&self) -> &DVector<T> {
        &self.eigenvalues
    }

    /// `max |λ| / min |λ|`; infinite for a singular Hessian. Where eigenvalues were only counted, by the
    /// [`extremes`](Self::extremes) of a positive definite Hessian; of one with negative eigenvalues, a bound:
    /// `max |λ| / tolerance`.
    ///
    /// ```
    /// use gradus::{CriticalPoint, matrix};
    ///
    /// assert_eq!(CriticalPoint::classify(&matrix![8.0, 0.0; 0.0, -2.0])?.condition(), 4.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn condition(&self) -> T {
        let [least, greatest] = self.extremes;
        let smallest = self.smallest();
        let largest = least.abs().max(greatest.abs());
        if smallest > T::zero() { largest / smallest } else { T::of(f64::INFINITY) }
    }

    /// The least modulus of an eigenvalue, or what none is less than.
    fn smallest(&self) -> T {
        match (self.eigenvalues.is_empty(), self.inertia) {
            (false, _) => self.eigenvalues.iter().fold(T::MAX, |least, l| least.min(l.abs())),
            (true, Inertia { zero: 0, negative: 0, .. }) => self.extremes[0],
            (true, Inertia { zero: 0, .. }) => self.tolerance,
            _ => T::zero(),
        }
    }
}

/// More eigenvalues are not printed, but for the least and the greatest.
const SHOWN: usize = 8;

impl<T: Real> fmt::Display for CriticalPoint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.signs())?;
        f.write_str(if self.convex { "; the problem is convex" } else { "" })?;
        let figures = |numbers: &[T]| numbers.iter().map(|l| Figure(l.f64()).to_string()).collect::<Vec<_>>();
        match self.eigenvalues.as_slice() {
            all if (1..=SHOWN).contains(&all.len()) => {
                write!(f, "\n  eigenvalues {}", figures(all).join(", "))?;
            }
            _ if self.unknown > 0 && self.interval.is_none() => {}
            _ => write!(f, "\n  eigenvalues {}", figures(&self.extremes).join(" … "))?,
        }
        if self.unknown == 0 {
            write!(f, "\n  condition   {}", Figure(self.condition().f64()))?;
        }
        for (name, number) in [("gradient ", self.gradient_norm), ("decrement", self.decrement)] {
            number.map_or(Ok(()), |number| write!(f, "\n  {name}   {}", Figure(number.f64())))?;
        }
        Ok(())
    }
}

compiled! {
    /// [`CriticalPoint::of`], and of a minimum the Newton step `H⁻¹∇f`.
    pub(crate) fn judged<T>(
        objective: &'a mut (dyn Hessian<T> + 'a), x: &'a DVector<T>,
    ) -> Result<(CriticalPoint<T>, Option<DVector<T>>), Error> {
        objective.check()?;
        check_point("x", x, objective.dim())?;
        let mut gradient = DVector::zeros(0);
        let value = evaluate(objective, x, &mut gradient)?;
        check_evaluation("the value", "x", &[value])?;
        check_evaluation("the gradient", "x", gradient.as_slice())?;
        let hessian = hessian_at(objective, x)?;
        CriticalPoint::judge(objective, x, &gradient, &hessian)
    }
}

/// `∇²f(x)`, newly allocated.
pub(crate) fn hessian_at<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>,
) -> Result<DMatrix<T>, Error> {
    // what is never written shows
    let mut hessian = matrix("hessian", (x.len(), x.len()), T::NAN)?;
    evaluate_hessian(objective, x, &mut hessian)?;
    Ok(hessian)
}

/// `∇²f(x)`, its shape checked after a user's code had it.
pub(crate) fn evaluate_hessian<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>, hessian: &mut DMatrix<T>,
) -> Result<(), Error> {
    objective.hessian(x, hessian);
    check_hessian(hessian, x.len())
}

fn spectrum<T: Real>(hessian: &DMatrix<T>) -> Result<Spectrum<T>, Error> {
    kernel::spectrum(hessian).ok_or(UNFINISHED(hessian.nrows()))
}

const UNFINISHED: fn(usize) -> Error =
    |n| Error::Factorization { what: "the eigenvalue iteration", iterations: kernel::eigenvalue_bound(n) };

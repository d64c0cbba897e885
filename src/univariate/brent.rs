//! Brent's methods: no derivatives, but a bracket.

use std::ops::ControlFlow::{Break, Continue};

use super::ScalarReport;
use super::bracket::{Bracket, half_width};
use super::iteration::{Ending, Iteration, Next, Point};
use super::settings::{ScalarMethod, Settings};
use crate::{CriticalKind, Error, Real, Termination};

/// Brent's methods (Brent 1973, *Algorithms for Minimization without Derivatives*, chapters 4 and 5): a root
/// or a minimum in a bracket from values alone.
///
/// The root by inverse quadratic interpolation and secants, with bisection where they do not halve their
/// steps; the minimum by parabolas, with golden sections. The closure is never called outside the bracket.
///
/// ```
/// use gradus::univariate::Brent;
///
/// let report = Brent::new().root(|x: f64| x.cos() - x, (0.0, 1.0))?;
/// assert!((report.x - 0.7390851332151607).abs() <= f64::EPSILON);
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
pub type Brent<T> = ScalarMethod<T, 0>;

impl<T: Real> Brent<T> {
    /// A root of `f` in `[a, b]`, whose ends must be of opposite signs (an infinity has one).
    ///
    /// ```
    /// use gradus::{Termination, univariate::Brent};
    ///
    /// let pole = Brent::new().root(|x: f64| x.tan(), (1.0, 2.0))?;
    /// assert_eq!(pole.termination, Termination::Discontinuity); // π/2 is no root
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NonFinite`] for the bracket, [`Error::Bracket`] if it is empty or holds no change of sign,
    /// [`Error::Setting`] for a bad tolerance.
    pub fn root(&self, mut f: impl FnMut(T) -> T, bracket: (T, T)) -> Result<ScalarReport<T>, Error> {
        let mut call = |x| Point::plain(x, f(x));
        let settings = Settings { bracket: Some(bracket), ..self.0 };
        Iteration::new(&mut call, settings, false).from(bracket.1, RootSearch::search)
    }

    /// A minimum of `g` in `[a, b]`. Values resolve it to about `√ε |x|`, no better: where `g` changes by
    /// `½ g'' s²`, a move of `√ε` is lost to rounding. Outside the domain (NaN) `g` counts as `+∞`.
    ///
    /// The ending is [`Exact`](Termination::Exact) where no value nearby is lower, and
    /// [`NoDescent`](Termination::NoDescent) where `g` only falls towards an end of the bracket, which is
    /// then the point returned and no stationary point.
    ///
    /// ```
    /// use gradus::univariate::Brent;
    ///
    /// let report = Brent::new().minimum(|x: f64| x.exp() - x.ln(), (0.0, 5.0))?;
    /// assert!(report.converged() && (report.x - 0.5671432904097838).abs() < 1e-7);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NonFinite`] for the bracket, [`Error::Bracket`] if it is empty, [`Error::Setting`] for a bad
    /// tolerance.
    pub fn minimum(&self, mut g: impl FnMut(T) -> T, bracket: (T, T)) -> Result<ScalarReport<T>, Error> {
        let settings = Settings { bracket: Some(bracket), ..self.0 };
        settings.check(bracket.0)?;
        let mut call = |x| {
            let value = g(x);
            Point::plain(x, if value.f64().is_nan() { T::MAX * T::of(2.0) } else { value })
        };
        let mut run = Iteration::new(&mut call, settings, false);
        let (ending, kind) = MinimumSearch::search(&mut run, bracket);
        Ok(ScalarReport { kind, residual: None, ..run.report(ending) })
    }
}

/// The search for a root: Brent 1973, chapter 4, procedure `zero`.
struct RootSearch<T> {
    /// The iterate before `b`.
    a: Point<T>,
    /// The best point.
    b: Point<T>,
    /// The other side of the root.
    c: Point<T>,
    /// The length of the move before the last one.
    e: T,
}

impl<T: Real> RootSearch<T> {
    /// From one end, which is `b`.
    fn search(run: &mut Iteration<'_, T>, bracket: Bracket<T>, b: Point<T>) -> Ending<T> {
        run.scale = bracket.lo.f.abs().min(bracket.hi.f.abs());
        let mut search = Self { a: bracket.lo, b, c: bracket.lo, e: bracket.hi.x - bracket.lo.x };
        run.iterate(b, |run, _| search.next(run))
    }

    fn next(&mut self, run: &mut Iteration<'_, T>) -> Next<T> {
        let last = (self.b.x - self.a.x).abs();
        self.order(last);
        let b = self.b;
        let bracket = Bracket::new(b, self.c);
        let m = bracket.half() - b.x;
        let least = T::EPSILON * b.x.abs();
        let step = self.interpolate(m, least).filter(|_| run.iterations % 8 != 7);
        let target = step.map(|step| b.x + if step.abs() > least { step } else { least * m.signum() });
        let next = bracket.next(run, &b, target)?;
        self.e = if target == Some(next.x) { last } else { (next.x - b.x).abs() };
        self.a = b;
        self.b = next;
        Continue(next)
    }

    /// Makes `c` the other side of the root, and `b` the better of the two.
    fn order(&mut self, last: T) {
        if (self.b.f > T::zero()) == (self.c.f > T::zero()) {
            self.c = self.a;
            self.e = last;
        }
        let Self { b, c, .. } = *self;
        if c.f.abs() < b.f.abs() {
            (self.a, self.b, self.c) = (b, c, b);
        }
    }

    /// The step `p/q` from `b` to the root of the parabola through `a`, `b`, `c` with the axes exchanged, of the
    /// secant where two of them are one; none if it is longer than ¾ of the bracket or half of `e`, or `b` no
    /// better than `a`.
    ///
    /// ```text
    /// secant      s = f(b)/f(a)                        p = 2 m s,  q = 1 − s
    /// parabola    s, q = f(a)/f(c), r = f(b)/f(c)      p = s (2 m q (q − r) − (b − a)(r − 1)),
    ///                                                  q = (q − 1)(r − 1)(s − 1)
    /// ```
    fn interpolate(&self, m: T, least: T) -> Option<T> {
        let Self { a, b, c, e, .. } = *self;
        if !(e >= least && a.f.abs() > b.f.abs()) {
            return None;
        }
        let one = T::one();
        let two = T::of(2.0);
        let s = b.f / a.f;
        let (p, q) = if a.x == c.x {
            (two * m * s, one - s)
        } else {
            let (q, r) = (a.f / c.f, b.f / c.f);
            let p = s * (two * m * q * (q - r) - (b.x - a.x) * (r - one));
            (p, (q - one) * (r - one) * (s - one))
        };
        let (p, q) = if p > T::zero() { (p, -q) } else { (-p, q) };
        let limit = (T::of(3.0) * m * q - (least * q).abs()).min((e * q).abs());
        (two * p < limit).then(|| p / q)
    }
}

/// The search for a minimum: Brent 1973, chapter 5, procedure `localmin`.
struct MinimumSearch<T> {
    /// The bracket, and the one given.
    a: T,
    b: T,
    ends: (T, T),
    /// The lowest point, the second lowest, and `w` before.
    x: Point<T>,
    w: Point<T>,
    v: Point<T>,
    /// The last move.
    d: T,
    /// The move before.
    e: T,
}

/// `(3 − √5)/2`, the smaller part of a golden section.
const GOLDEN: f64 = 0.381_966_011_250_105_15;

impl<T: Real> MinimumSearch<T> {
    fn search(run: &mut Iteration<'_, T>, ends: (T, T)) -> (Ending<T>, Option<CriticalKind>) {
        let (a, b) = ends;
        let golden = a + T::of(2.0 * GOLDEN) * half_width(ends);
        let x = run.at(if a < golden && golden < b { golden } else { a + half_width(ends) });
        run.record(x.x);
        let mut search = Self { a, b, ends, x, w: x, v: x, d: T::zero(), e: T::zero() };
        let ending = run.iterate(x, |run, _| search.next(run));
        search.conclude(run, ending)
    }

    fn next(&mut self, run: &mut Iteration<'_, T>) -> Next<T> {
        let x = self.x.x;
        let least = self.least();
        let (left, right) = (x - self.a, self.b - x);
        if left.max(right) <= T::of(2.0) * least {
            return Break((self.x, Termination::Exact));
        } else if run.is_last() {
            return Break((self.x, Termination::Iterations));
        }
        let inwards = if left < right { T::one() } else { -T::one() };
        if let Some(step) = self.vertex(least) {
            let is_near_an_end = (left + step).min(right - step) < T::of(2.0) * least;
            self.e = self.d;
            self.d = if is_near_an_end { least * inwards } else { step };
        } else {
            self.e = left.max(right) * inwards;
            self.d = T::of(GOLDEN) * self.e;
        }
        let d = if self.d.abs() >= least { self.d } else { least * self.d.signum() };
        let is_inside = self.a < x + d && x + d < self.b;
        let end = if d > T::zero() { self.b } else { self.a };
        let u = run.at(if is_inside { x + d } else { x + half_width((x, end)) });
        self.take(u);
        Continue(u)
    }

    /// The shortest step: values closer by are told apart by rounding only.
    fn least(&self) -> T {
        T::EPSILON.sqrt() * self.x.x.abs() + T::EPSILON * half_width(self.ends)
    }

    /// The step `p/q` to the vertex of the parabola through `v`, `w`, `x`; none if it is longer than `e/2` or leads
    /// out of the bracket.
    ///
    /// ```text
    /// r = (x − w)(g(x) − g(v)),    s = (x − v)(g(x) − g(w))
    /// p = ±((x − v) s − (x − w) r),    q = ∓2 (s − r)
    /// ```
    fn vertex(&self, least: T) -> Option<T> {
        let Self { a, b, x, w, v, e, .. } = *self;
        let r = (x.x - w.x) * (x.f - v.f);
        let s = (x.x - v.x) * (x.f - w.f);
        let p = (x.x - v.x) * s - (x.x - w.x) * r;
        let q = T::of(2.0) * (s - r);
        let (p, q) = if q > T::zero() { (-p, q) } else { (p, -q) };
        let shrinks = e.abs() > least && p.abs() < (T::of(0.5) * q * e).abs();
        let fits = shrinks && p > q * (a - x.x) && p < q * (b - x.x);
        Some(p / q).filter(|step| fits && step.is_finite())
    }

    /// Keeps the three lowest points, and the bracket around the lowest.
    fn take(&mut self, u: Point<T>) {
        let Self { x, w, v, .. } = *self;
        if u.f <= x.f {
            *(if u.x < x.x { &mut self.b } else { &mut self.a }) = x.x;
            (self.v, self.w, self.x) = (w, x, u);
            return;
        }
        *(if u.x < x.x { &mut self.a } else { &mut self.b }) = u.x;
        if u.f <= w.f || w.x == x.x {
            (self.v, self.w) = (w, u);
        } else if u.f <= v.f || v.x == x.x || v.x == w.x {
            self.v = u;
        }
    }

    /// The ending with its kind: at the lower end of the bracket instead, if `g` falls towards it.
    fn conclude(&self, run: &mut Iteration<'_, T>, ending: Ending<T>) -> (Ending<T>, Option<CriticalKind>) {
        run.bracket = Some((self.a, self.b));
        let x = self.x;
        if !x.f.is_finite() {
            return ((x, Termination::NonFinite), None);
        } else if ending.1 != Termination::Exact {
            return (ending, None);
        }
        let (a, b) = (run.at(self.a), run.at(self.b));
        let end = if b.f < a.f { b } else { a };
        if end.f < x.f {
            return ((end, Termination::NoDescent), None);
        }
        let h = (self.b - self.a).max(x.x.abs() * T::EPSILON.sqrt().sqrt());
        let is_minimum =
            [(x.x - h).max(self.ends.0), (x.x + h).min(self.ends.1)].into_iter().all(|y| run.at(y).f > x.f);
        (ending, Some(if is_minimum { CriticalKind::Minimum } else { CriticalKind::Degenerate }))
    }
}

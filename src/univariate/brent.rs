//! Brent's methods: no derivatives, but a bracket.

use std::ops::ControlFlow::{Break, Continue};

use super::ScalarReport;
use super::bracket::{Bracket, half_width};
use super::iteration::{Ending, Iteration, Next, Point};
use super::settings::{ScalarMethod, Settings};
use crate::optimizer::rounding;
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
    /// The ending is [`Exact`](Termination::Exact) where `g` rises from the point returned, or is as flat as
    /// the bracket is wide; [`Discontinuity`](Termination::Discontinuity) where it falls towards a pole, a
    /// jump or the edge of its domain; and [`NoDescent`](Termination::NoDescent) where it only falls towards
    /// an end of the bracket, which is then the point returned and no stationary point.
    ///
    /// ```
    /// use gradus::univariate::Brent;
    ///
    /// let report = Brent::new().minimum(|x: f64| x.exp() - x.ln(), (0.0, 5.0))?;
    /// assert!(report.converged() && (report.x - 0.5671432904097838).abs() < 1e-7);
    /// assert!(!Brent::new().minimum(|x: f64| 1.0 / x, (-3.1, 4.7))?.converged()); // a pole
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
    /// The bracket, and the one given; `f` is NaN at an end where it is not known.
    a: Point<T>,
    b: Point<T>,
    ends: (T, T),
    /// The lowest point, the second lowest, and `w` before.
    x: Point<T>,
    w: Point<T>,
    v: Point<T>,
    /// The last move.
    d: T,
    /// The move before.
    e: T,
    /// The shortest step, relative to `x`: `√ε` until the values at the ends of such a bracket are told from `g(x)`.
    resolution: T,
}

/// What the values on one side of a point say.
#[derive(Clone, Copy)]
enum Side<T> {
    /// They rise from it, and as fast as those of `|x|³` or faster.
    Rises,
    /// They rise slower.
    Flat,
    /// They do not rise up to the end of the bracket.
    Ends,
    /// They rise, but not from `g(x)`: a jump, a pole, the edge of the domain.
    Breaks,
    /// They fall to this point.
    Falls(Point<T>),
}

/// `(3 − √5)/2`, the smaller part of a golden section.
const GOLDEN: f64 = 0.381_966_011_250_105_15;

impl<T: Real> MinimumSearch<T> {
    fn search(run: &mut Iteration<'_, T>, ends: (T, T)) -> (Ending<T>, Option<CriticalKind>) {
        let unknown = |x| Point::plain(x, T::NAN);
        let (a, b) = (unknown(ends.0), unknown(ends.1));
        let golden = a.x + T::of(2.0 * GOLDEN) * half_width(ends);
        let x = run.at(if a.x < golden && golden < b.x { golden } else { a.x + half_width(ends) });
        run.record(x.x);
        let zero = T::zero();
        let mut search = Self { a, b, ends, x, w: x, v: x, d: zero, e: zero, resolution: T::EPSILON.sqrt() };
        let mut kind = None;
        let ending = run.iterate(x, |run, _| search.next(run, &mut kind));
        run.bracket = Some((search.a.x, search.b.x));
        (ending, kind)
    }

    fn next(&mut self, run: &mut Iteration<'_, T>, kind: &mut Option<CriticalKind>) -> Next<T> {
        let x = self.x.x;
        let (left, right) = (x - self.a.x, self.b.x - x);
        while left.max(right) <= T::of(2.0) * self.least() {
            if self.resolution <= T::of(4.0) * T::EPSILON || !self.is_told() {
                return self.settle(run, kind);
            }
            self.resolution *= T::of(1.0 / 16.0);
        }
        if run.is_last() {
            return Break((self.x, Termination::Iterations));
        }
        let least = self.least();
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
        let is_inside = self.a.x < x + d && x + d < self.b.x;
        let end = if d > T::zero() { self.b.x } else { self.a.x };
        let u = run.at(if is_inside { x + d } else { x + half_width((x, end)) });
        self.take(u);
        Continue(u)
    }

    /// The shortest step.
    fn least(&self) -> T {
        self.resolution * self.x.x.abs() + T::EPSILON * half_width(self.ends)
    }

    /// Whether the value at an end of the bracket is higher than `g(x)` by more than rounding, or not known.
    fn is_told(&self) -> bool {
        [self.a, self.b].iter().any(|end| end.is_nan() || self.x.is_below(end))
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
        let fits = shrinks && p > q * (a.x - x.x) && p < q * (b.x - x.x);
        Some(p / q).filter(|step| fits && step.is_finite())
    }

    /// Keeps the three lowest points, and the bracket around the lowest.
    fn take(&mut self, u: Point<T>) {
        let Self { x, w, v, .. } = *self;
        if u.f <= x.f {
            *(if u.x < x.x { &mut self.b } else { &mut self.a }) = x;
            (self.v, self.w, self.x) = (w, x, u);
            return;
        }
        *(if u.x < x.x { &mut self.a } else { &mut self.b }) = u;
        if u.f <= w.f || w.x == x.x {
            (self.v, self.w) = (w, u);
        } else if u.f <= v.f || v.x == x.x || v.x == w.x {
            self.v = u;
        }
    }

    /// What the narrow bracket holds, by the values on both sides of it; on from a lower point, if there is one.
    fn settle(&mut self, run: &mut Iteration<'_, T>, kind: &mut Option<CriticalKind>) -> Next<T> {
        let x = self.x;
        if !x.f.is_finite() {
            return Break((x, Termination::NonFinite));
        }
        for (end, given) in [(self.a, self.ends.0), (self.b, self.ends.1)] {
            let end = if end.x == given { run.at(given) } else { end };
            if end.f < x.f {
                return Break((end, Termination::NoDescent));
            }
        }
        let sides = [self.ends.0, self.ends.1].map(|end| (end, self.side(run, end)));
        let mut found = CriticalKind::Minimum;
        for (i, (end, (side, reach))) in sides.into_iter().enumerate() {
            let (other, far) = sides[1 - i].1;
            match side {
                Side::Rises => {}
                // as near as that the values on the other side are not told from g(x) either
                Side::Ends if !matches!(other, Side::Ends) && reach < far => {
                    return Break((run.at(end), Termination::NoDescent));
                }
                Side::Flat | Side::Ends => found = CriticalKind::Degenerate,
                Side::Breaks => return Break((x, Termination::Discontinuity)),
                Side::Falls(lower) if lower.x == end => return Break((lower, Termination::NoDescent)),
                Side::Falls(_) if run.is_last() => return Break((x, Termination::Iterations)),
                Side::Falls(lower) => {
                    let unknown = Point::plain(end, T::NAN);
                    let (a, b) = if end < x.x { (unknown, x) } else { (x, unknown) };
                    let resolution = T::EPSILON.sqrt();
                    *self = Self { a, b, x: lower, w: lower, v: lower, resolution, ..*self };
                    return Continue(lower);
                }
            }
        }
        *kind = Some(found);
        Break((x, Termination::Exact))
    }

    /// Looks from `x` to an end of the bracket given, at distances that double, and after 32 of them grow by 4, 8, …, until
    /// the values have risen; how far it was.
    ///
    /// Where `g(x ± h) − g(x) = c hᵖ + L`, three values tell `p > 0` from a logarithm or a pole, and `L`, the height of
    /// a jump, from 0:
    ///
    /// ```text
    /// r(h) = g(x ± h) − g(x),    d₁ = r(h/2) − r(h/4),    d₂ = r(h) − r(h/2)
    /// d₂ / d₁ = 2ᵖ,    L = r(h/4) − d₁² / (d₂ − d₁)
    /// ```
    ///
    /// Eight scales have to say so: rounding may look like a jump on one.
    fn side(&self, run: &mut Iteration<'_, T>, end: T) -> (Side<T>, T) {
        let Self { a, b, x, .. } = *self;
        let room = end - x.x;
        let rounded = T::of(2.0) * rounding(x.f);
        let many = T::of(256.0);
        let near = T::of(if self.is_told() { 256.0 } else { 64.0 }) * (b.x - a.x);
        let mut h = room.signum() * near.min(room.abs());
        let mut breaks = 0;
        let mut risen = false;
        let mut least = T::zero();
        let mut looks = 0;
        loop {
            let far = run.at(if h == room { end } else { x.x + h });
            let r4 = far.f - x.f;
            if r4 > many * rounded {
                let [r1, r2] = [0.25, 0.5].map(|part| run.at(x.x + h * T::of(part)).f - x.f);
                let (d1, d2) = (r2 - r1, r4 - r2);
                let jump = r1 - d1 * (d1 / (d2 - d1));
                if r2 > rounded && r4 > least && d2 > T::of(1.03) * d1.abs() && jump <= T::of(0.25) * r4 {
                    return (if r1 * T::of(64.0) >= r4 { Side::Rises } else { Side::Flat }, h.abs());
                } else if r4 > many * Self::wobble(run, x.x, h) {
                    least = if breaks == 0 { T::of(64.0) * r4 } else { least };
                    breaks += 1;
                }
                h *= T::of(4.0);
            } else if r4 < -rounded && !risen && r4 < -run.noise(&far) {
                return (Side::Falls(far), h.abs());
            }
            risen |= r4 > rounded;
            if breaks == 8 || far.x == end {
                let side = match risen {
                    _ if breaks > 0 => Side::Breaks,
                    true => Side::Flat,
                    false => Side::Ends,
                };
                return (side, room.abs());
            }
            looks += 1;
            let next = h * T::of(2.0).powi(1.max(looks - 31));
            h = if next.abs() < room.abs() { next } else { room };
        }
    }

    /// How much `g` rises and falls in turn between `x + h/4` and `x + h`.
    fn wobble(run: &mut Iteration<'_, T>, x: T, h: T) -> T {
        let (mut up, mut down) = (T::zero(), T::zero());
        let mut last = T::NAN;
        for k in 0..=12 {
            let value = run.at(x + h * T::of(0.25 + f64::from(k) / 16.0)).f;
            up += (value - last).max(T::zero());
            down += (last - value).max(T::zero());
            last = value;
        }
        up.min(down)
    }
}

//! Brent's methods: no derivatives, but a bracket.

use super::bracket::{across_neighbours, bisect, is_due, middle};
use super::run::is_nan;
use super::{ScalarReport, Settings, bracket_error};
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
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Brent<T>(Settings<T>);

impl<T: Real> Default for Brent<T> {
    /// [`Brent::new`].
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Real> Brent<T> {
    /// Tolerance 0 (to rounding), at most 256 iterations, no trace.
    ///
    /// ```
    /// use gradus::univariate::Brent;
    ///
    /// assert_eq!(Brent::new().root(|x: f32| x.powi(3) - 8.0, (0.0, 10.0))?.x, 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self(Settings::new(false))
    }

    /// A root stops at `|f(x)| ≤ tolerance`. Default: 0, that is, to rounding. A minimum has no residual to
    /// test and takes no notice.
    ///
    /// ```
    /// # use gradus::univariate::Brent;
    /// let report = Brent::new().tolerance(1e-3).root(|x: f64| x.cos() - x, (0.0, 1.0))?;
    /// assert!(report.value.abs() <= 1e-3);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn tolerance(self, tolerance: T) -> Self {
        Self(Settings { tolerance, ..self.0 })
    }

    /// At most so many iterations. Default: 256.
    ///
    /// ```
    /// # use gradus::univariate::Brent;
    /// assert!(!Brent::new().iterations(2).root(|x: f64| x.cos() - x, (0.0, 1.0))?.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn iterations(self, bound: usize) -> Self {
        Self(Settings { iterations: bound, ..self.0 })
    }

    /// Keeps every iterate in the report. Default: no.
    ///
    /// ```
    /// # use gradus::univariate::Brent;
    /// let report = Brent::new().trace(true).root(|x: f64| x.cos() - x, (0.0, 1.0))?;
    /// assert_eq!(report.trace.len(), report.iterations);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn trace(self, on: bool) -> Self {
        Self(Settings { trace: on, ..self.0 })
    }

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
        Settings { bracket: Some(bracket), ..self.0 }.check(None)?;
        let mut search = Search::new(&mut f, self.0);
        let (x0, x1) = bracket;
        let zero = T::zero();
        // b: the best point; a: the one before; c: the other side of the root.
        let (mut a, mut b) = ((x0, search.at(x0)), (x1, search.at(x1)));
        for end in [a, b] {
            if end.1 == zero {
                return Ok(search.report(end, Termination::Exact, None));
            }
        }
        if !((a.1 < zero && b.1 > zero) || (a.1 > zero && b.1 < zero)) {
            return Err(bracket_error("with f(a) and f(b) of opposite signs", bracket));
        }
        let scale = a.1.abs().min(b.1.abs());
        let mut c = a;
        let mut d = b.0 - a.0; // the last move
        let mut e = d; // the one before
        let mut turn = 0;
        let (end, termination) = loop {
            if (b.1 > zero) == (c.1 > zero) {
                c = a;
                d = b.0 - a.0;
                e = d;
            }
            if c.1.abs() < b.1.abs() {
                (a, b, c) = (b, c, b);
            }
            let half_way = middle(b.0, c.0);
            if b.1.abs() <= self.0.tolerance {
                let exact = b.1 == zero;
                break (b, if exact { Termination::Exact } else { Termination::ResidualTolerance });
            } else if half_way == b.0 || half_way == c.0 {
                break (b, search.across(b, c, bracket, scale));
            } else if search.iterations >= self.0.iterations {
                break (b, Termination::Iterations);
            }
            let m = half_way - b.0;
            let least = T::EPSILON * b.0.abs();
            let interpolated = if e.abs() >= least && a.1.abs() > b.1.abs() && !is_due(search.iterations, 8) {
                let s = b.1 / a.1;
                let (p, q) = if a.0 == c.0 {
                    (T::of(2.0) * m * s, T::one() - s)
                } else {
                    let (q, r) = (a.1 / c.1, b.1 / c.1);
                    let two_m = T::of(2.0) * m;
                    let p = s * (two_m * q * (q - r) - (b.0 - a.0) * (r - T::one()));
                    (p, (q - T::one()) * (r - T::one()) * (s - T::one()))
                };
                let (p, q) = if p > zero { (p, -q) } else { (-p, q) };
                let limit = (T::of(3.0) * m * q - (least * q).abs()).min((e * q).abs());
                (T::of(2.0) * p < limit).then(|| p / q)
            } else {
                None
            };
            let inside = |x: T| (b.0 < x && x < c.0) || (c.0 < x && x < b.0);
            let target = |step: T| b.0 + if step.abs() > least { step } else { least * m.signum() };
            let mut x = match interpolated.filter(|step| inside(target(*step))) {
                Some(step) => {
                    (e, d) = (d, step);
                    target(step)
                }
                None => {
                    turn += 1;
                    let x = bisect(b.0.min(c.0), b.0.max(c.0), turn);
                    d = x - b.0;
                    e = d;
                    x
                }
            };
            let mut fx = search.at(x);
            if is_nan(fx) && x != half_way {
                x = half_way;
                fx = search.at(x);
            }
            if is_nan(fx) {
                break (b, Termination::NonFinite);
            }
            search.advance(x);
            a = b;
            b = (x, fx);
        };
        let bracket = (end.0.min(c.0), end.0.max(c.0));
        Ok(search.report(end, termination, Some(bracket)))
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
        Settings { bracket: Some(bracket), ..self.0 }.check(None)?;
        let infinity = T::MAX * T::of(2.0);
        let mut high = |x| {
            let value = g(x);
            if is_nan(value) { infinity } else { value }
        };
        let mut search = Search::new(&mut high, self.0);
        let (mut a, mut b) = bracket;
        let width = b * T::of(0.5) - a * T::of(0.5);
        let (zero, half, golden) = (T::zero(), T::of(0.5), T::of(0.381_966_011_250_105_15));
        // x: the lowest point; w: the second lowest; v: w before.
        let mut x = a + golden * width * T::of(2.0);
        if !x.is_finite() || x <= a || x >= b {
            x = middle(a, b);
        }
        let mut fx = search.at(x);
        search.record(x);
        let ((mut v, mut fv), (mut w, mut fw)) = ((x, fx), (x, fx));
        let (mut d, mut e) = (zero, zero);
        let termination = loop {
            let m = middle(a, b);
            let least = T::EPSILON.sqrt() * x.abs() + T::EPSILON * width;
            if (x - m).abs() + (b * half - a * half) <= T::of(2.0) * least {
                break Termination::Exact;
            } else if search.iterations >= self.0.iterations {
                break Termination::Iterations;
            }
            // The vertex x + p/q of the parabola through v, w, x.
            let (r, q) = ((x - w) * (fx - fv), (x - v) * (fx - fw));
            let p = (x - v) * q - (x - w) * r;
            let q = T::of(2.0) * (q - r);
            let (p, q) = if q > zero { (-p, q) } else { (p, -q) };
            let fits = e.abs() > least
                && p.abs() < (half * q * e).abs()
                && p > q * (a - x)
                && p < q * (b - x)
                && (p / q).is_finite();
            if fits {
                e = d;
                d = p / q;
                let u = x + d;
                if u - a < T::of(2.0) * least || b - u < T::of(2.0) * least {
                    d = if x < m { least } else { -least };
                }
            } else {
                e = if x < m { b - x } else { a - x };
                d = golden * e;
            }
            let u = x + if d.abs() >= least { d } else { least * d.signum() };
            let u = if a < u && u < b { u } else { middle(x, if d > zero { b } else { a }) };
            let fu = search.at(u);
            search.advance(u);
            if fu <= fx {
                *(if u < x { &mut b } else { &mut a }) = x;
                ((v, fv), (w, fw), (x, fx)) = ((w, fw), (x, fx), (u, fu));
            } else {
                *(if u < x { &mut a } else { &mut b }) = u;
                if fu <= fw || w == x {
                    ((v, fv), (w, fw)) = ((w, fw), (u, fu));
                } else if fu <= fv || v == x || v == w {
                    (v, fv) = (u, fu);
                }
            }
        };
        if !fx.is_finite() {
            return Ok(search.report((x, fx), Termination::NonFinite, Some((a, b))));
        }
        let (ga, gb) = (search.at(a), search.at(b));
        let lowest_end = if gb < ga { (b, gb) } else { (a, ga) };
        let (point, termination) = match termination {
            Termination::Exact if lowest_end.1 < fx => (lowest_end, Termination::NoDescent),
            _ => ((x, fx), termination),
        };
        let kind = (termination == Termination::Exact).then(|| {
            let h = (b - a).max(x.abs() * T::EPSILON.sqrt().sqrt());
            let (left, right) = ((x - h).max(bracket.0), (x + h).min(bracket.1));
            let higher = search.at(left) > fx && search.at(right) > fx;
            if higher { CriticalKind::Minimum } else { CriticalKind::Degenerate }
        });
        let mut report = search.report(point, termination, Some((a, b)));
        report.kind = kind;
        report.residual = None;
        Ok(report)
    }
}

/// Calls, counted.
struct Search<'s, T> {
    call: &'s mut dyn FnMut(T) -> T,
    settings: Settings<T>,
    iterations: usize,
    evaluations: usize,
    trace: Vec<T>,
}

impl<'s, T: Real> Search<'s, T> {
    fn new(call: &'s mut dyn FnMut(T) -> T, settings: Settings<T>) -> Self {
        Self { call, settings, iterations: 0, evaluations: 0, trace: Vec::new() }
    }

    fn at(&mut self, x: T) -> T {
        self.evaluations += 1;
        (self.call)(x)
    }

    fn record(&mut self, x: T) {
        if self.settings.trace {
            self.trace.push(x);
        }
    }

    fn advance(&mut self, x: T) {
        self.iterations += 1;
        self.record(x);
    }

    /// The verdict on neighbours `b` and `c`, with the slope that `f` has beside them in the bracket.
    fn across(&mut self, b: (T, T), c: (T, T), (x0, x1): (T, T), scale: T) -> Termination {
        let (lo, hi) = if b.0 < c.0 { (b, c) } else { (c, b) };
        let h = T::of(1024.0) * (hi.0 - lo.0);
        let slope = if lo.0 - h >= x0 {
            (lo.1 - self.at(lo.0 - h)) / h
        } else if hi.0 + h <= x1 {
            (self.at(hi.0 + h) - hi.1) / h
        } else {
            (hi.1 - lo.1) / (hi.0 - lo.0) // no room to look
        };
        across_neighbours(lo, hi, slope, scale)
    }

    fn report(
        self,
        (x, value): (T, T),
        termination: Termination,
        bracket: Option<(T, T)>,
    ) -> ScalarReport<T> {
        ScalarReport {
            x,
            value,
            derivative: None,
            second_derivative: None,
            kind: None,
            bracket,
            iterations: self.iterations,
            evaluations: self.evaluations,
            termination,
            trace: self.trace,
            residual: Some(value.abs()),
        }
    }
}

//! What the methods share: evaluation, the loop, endings and the kind of a point.

use std::ops::ControlFlow;

use super::{ScalarReport, Settings};
use crate::optimizer::rounding;
use crate::{CriticalKind, Error, Real, Termination};

/// One evaluation. `f` is the function whose zero is sought: for a minimum of `g`, `f = g'`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point<T> {
    pub(super) x: T,
    /// `f`, for a minimum `g`.
    pub(super) value: T,
    pub(super) f: T,
    /// `f'`.
    pub(super) slope: T,
    pub(super) second: Option<T>,
    /// The method's proposal: from here to `x + step`.
    pub(super) step: T,
}

impl<T: Real> Point<T> {
    /// Of a method without derivatives.
    pub(super) fn plain(x: T, f: T) -> Self {
        Self { x, value: f, f, slope: T::NAN, second: None, step: T::NAN }
    }

    pub(super) fn is_finite(&self) -> bool {
        self.value.is_finite() && self.f.is_finite()
    }

    /// An infinity has a sign; a NaN has none.
    pub(super) fn is_nan(&self) -> bool {
        is_nan(self.f) || is_nan(self.value)
    }

    pub(super) fn opposes(&self, other: &Self) -> bool {
        let zero = T::zero();
        (self.f < zero && other.f > zero) || (self.f > zero && other.f < zero)
    }

    /// Lower than `other` by more than rounding.
    pub(super) fn is_below(&self, other: &Self) -> bool {
        self.value < other.value - rounding(other.value)
    }
}

pub(super) fn is_nan<T: Real>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

/// How an iteration ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending<T> {
    pub(super) point: Point<T>,
    pub(super) termination: Termination,
    pub(super) bracket: Option<(T, T)>,
    pub(super) kind: Option<CriticalKind>,
}

impl<T> Ending<T> {
    pub(super) fn new(point: Point<T>, termination: Termination) -> Self {
        Self { point, termination, bracket: None, kind: None }
    }
}

/// The next point, or the ending where there is none.
pub(super) type Next<T> = ControlFlow<Ending<T>, Point<T>>;

/// An iteration under way: what is called, what it was told, and the counts.
pub(super) struct Iteration<'r, T> {
    call: &'r mut dyn FnMut(T) -> Point<T>,
    pub(super) settings: Settings<T>,
    pub(super) minimum: bool,
    pub(super) iterations: usize,
    evaluations: usize,
    trace: Vec<T>,
}

impl<'r, T: Real> Iteration<'r, T> {
    pub(super) fn new(call: &'r mut dyn FnMut(T) -> Point<T>, settings: Settings<T>, minimum: bool) -> Self {
        Self { call, settings, minimum, iterations: 0, evaluations: 0, trace: Vec::new() }
    }

    pub(super) fn from(mut self, start: T) -> Result<ScalarReport<T>, Error> {
        self.settings.check(Some(start))?;
        let ending = match self.settings.bracket {
            Some(ends) => self.between(ends, start)?,
            None => self.unbracketed(start),
        };
        Ok(self.report(ending))
    }

    /// From point to point until the method ends, which it does at the latest where [`is_last`](Self::is_last).
    pub(super) fn iterate(
        &mut self,
        mut now: Point<T>,
        mut method: impl FnMut(&mut Self, &Point<T>) -> Next<T>,
    ) -> Ending<T> {
        loop {
            match method(self, &now) {
                ControlFlow::Break(ending) => return ending,
                ControlFlow::Continue(next) => now = next,
            }
            self.advance(now.x);
        }
    }

    /// Whether the bound on iterations is met.
    pub(super) fn is_last(&self) -> bool {
        self.iterations >= self.settings.iterations
    }

    /// Evaluates. Where `x` is not finite all is NaN, and the closure is not called.
    pub(super) fn at(&mut self, x: T) -> Point<T> {
        if !x.is_finite() {
            return Point::plain(x, T::NAN);
        }
        self.evaluations += 1;
        (self.call)(x)
    }

    pub(super) fn record(&mut self, x: T) {
        if self.settings.trace {
            self.trace.push(x);
        }
    }

    pub(super) fn advance(&mut self, x: T) {
        self.iterations += 1;
        self.record(x);
    }

    pub(super) fn report(self, ending: Ending<T>) -> ScalarReport<T> {
        let Point { x, value, f, slope, second, .. } = ending.point;
        ScalarReport {
            x,
            value,
            derivative: Some(if self.minimum { f } else { slope }),
            second_derivative: if self.minimum { Some(slope) } else { second },
            kind: ending.kind,
            bracket: ending.bracket,
            iterations: self.iterations,
            evaluations: self.evaluations,
            termination: ending.termination,
            trace: self.trace,
            residual: Some(f.abs()),
        }
    }

    /// The ending at a point that meets its test.
    pub(super) fn attained(&mut self, now: &Point<T>, moved: T) -> Ending<T> {
        let termination = match self.minimum {
            _ if now.f == T::zero() => Termination::Exact,
            true => Termination::GradientTolerance,
            false => Termination::ResidualTolerance,
        };
        self.with_kind(Ending::new(*now, termination), moved)
    }

    /// The same, unless a minimum was asked for and `within` there are lower points: then one of those.
    pub(super) fn attained_or_lower(&mut self, now: &Point<T>, moved: T, within: Option<(T, T)>) -> Next<T> {
        let ending = self.attained(now, moved);
        let is_lowest = matches!(ending.kind, None | Some(CriticalKind::Minimum));
        let lower = if is_lowest { None } else { self.lower(now, within) };
        let ended = |termination| ControlFlow::Break(Ending::new(*now, termination));
        match lower {
            Some(_) if self.is_last() => ended(Termination::Iterations),
            Some(lower) => ControlFlow::Continue(lower),
            // f can vanish by underflow on the way to infinity
            None if !is_lowest && !(now.x + now.x).is_finite() => ended(Termination::Divergence),
            None => ControlFlow::Break(ending),
        }
    }

    /// With the kind of the point, if it is stationary and a minimum was asked for.
    pub(super) fn with_kind(&mut self, ending: Ending<T>, moved: T) -> Ending<T> {
        let judged = self.minimum && ending.termination.is_stationary();
        Ending { kind: judged.then(|| self.kind(&ending.point, moved)), ..ending }
    }

    /// By the sign of `g''`, unless `|g''(x)| ≤ 4 |g''(x + s) − g''(x)|`.
    fn kind(&mut self, now: &Point<T>, moved: T) -> CriticalKind {
        let short = short(now.x);
        let s = if moved > T::zero() { moved.min(short) } else { short };
        let inside = |y: &T| self.settings.bracket.is_none_or(|(a, b)| a <= *y && *y <= b);
        let near = [now.x + s, now.x - s].into_iter().find(inside);
        let change = near.map_or(T::zero(), |x| (self.at(x).slope - now.slope).abs());
        match now.slope {
            second if second > T::of(4.0) * change => CriticalKind::Minimum,
            second if -second > T::of(4.0) * change => CriticalKind::Maximum,
            _ => CriticalKind::Degenerate,
        }
    }

    /// A lower point nearby, if there is one.
    pub(super) fn lower(&mut self, now: &Point<T>, within: Option<(T, T)>) -> Option<Point<T>> {
        let inside = |x: &T| within.is_none_or(|(a, b)| a < *x && *x < b);
        let mut h = short(now.x);
        for _ in 0..4 {
            for x in [now.x - h, now.x + h].into_iter().filter(inside) {
                let next = self.at(x);
                if next.is_finite() && next.is_below(now) {
                    return Some(next);
                }
            }
            h *= T::of(8.0);
        }
        None
    }

    /// From the start on.
    fn unbracketed(&mut self, start: T) -> Ending<T> {
        let first = self.at(start);
        self.record(start);
        if !first.is_finite() {
            return Ending::new(first, Termination::NonFinite);
        }
        if self.settings.pure { self.pure(first) } else { self.safeguarded(first) }
    }
}

/// A distance over which even the third power of the variable shows.
fn short<T: Real>(x: T) -> T {
    T::EPSILON.sqrt().sqrt() * T::one().max(x.abs())
}

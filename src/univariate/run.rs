//! What the iterations behind Newton and Halley share: evaluation, endings and the kind of a point.

use super::{ScalarReport, Settings, bracket_error};
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
}

pub(super) fn is_nan<T: Real>(x: T) -> bool {
    x.partial_cmp(&x).is_none()
}

/// How a run ended.
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

/// What a point says of the run so far.
pub(super) enum Verdict<T> {
    GoOn,
    End(Ending<T>),
    /// Stationary, but no minimum: this point is lower.
    Escape(Point<T>),
}

pub(super) struct Run<'r, T> {
    call: &'r mut dyn FnMut(T) -> Point<T>,
    pub(super) settings: Settings<T>,
    pub(super) minimum: bool,
    pub(super) iterations: usize,
    evaluations: usize,
    trace: Vec<T>,
}

impl<'r, T: Real> Run<'r, T> {
    pub(super) fn new(call: &'r mut dyn FnMut(T) -> Point<T>, settings: Settings<T>, minimum: bool) -> Self {
        Self { call, settings, minimum, iterations: 0, evaluations: 0, trace: Vec::new() }
    }

    pub(super) fn from(mut self, start: T) -> Result<ScalarReport<T>, Error> {
        self.settings.check(Some(start))?;
        let ending = match self.settings.bracket {
            Some((a, b)) => self.between(a, b, start)?,
            None if self.settings.pure => self.pure(start),
            None => self.free(start),
        };
        Ok(self.report(ending))
    }

    /// Evaluates.
    pub(super) fn at(&mut self, x: T) -> Point<T> {
        self.evaluations += 1;
        (self.call)(x)
    }

    pub(super) fn record(&mut self, x: T) {
        if self.settings.trace {
            self.trace.push(x);
        }
    }

    pub(super) fn is_last(&self) -> bool {
        self.iterations >= self.settings.iterations
    }

    fn report(self, ending: Ending<T>) -> ScalarReport<T> {
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
    pub(super) fn end(&mut self, now: Point<T>, moved: T) -> Ending<T> {
        let termination = match self.minimum {
            _ if now.f == T::zero() => Termination::Exact,
            true => Termination::GradientTolerance,
            false => Termination::ResidualTolerance,
        };
        let kind = self.kind_if_stationary(&now, moved, termination);
        Ending { kind, ..Ending::new(now, termination) }
    }

    /// The same, unless a minimum was asked for and `within` there are lower points.
    pub(super) fn judge(&mut self, now: Point<T>, moved: T, within: Option<(T, T)>) -> Verdict<T> {
        let ending = self.end(now, moved);
        if matches!(ending.kind, Some(CriticalKind::Maximum | CriticalKind::Degenerate))
            && let Some(lower) = self.lower(&now, within)
        {
            return Verdict::Escape(lower);
        }
        Verdict::End(ending)
    }

    pub(super) fn kind_if_stationary(
        &mut self,
        now: &Point<T>,
        moved: T,
        termination: Termination,
    ) -> Option<CriticalKind> {
        (self.minimum && termination.is_stationary()).then(|| self.kind(now, moved))
    }

    /// By the sign of `g''`, unless `|g''(x)| ≤ 4 |g''(x + s) − g''(x)|`.
    fn kind(&mut self, now: &Point<T>, moved: T) -> CriticalKind {
        let short = self.short(now.x);
        let s = if moved > T::zero() { moved.min(short) } else { short };
        let inside = |y: &T| self.settings.bracket.is_none_or(|(a, b)| a <= *y && *y <= b);
        let near = [now.x + s, now.x - s].into_iter().find(inside);
        let change = near.map_or(T::zero(), |x| (self.at(x).slope - now.slope).abs());
        match now.slope {
            curvature if curvature > T::of(4.0) * change => CriticalKind::Minimum,
            curvature if -curvature > T::of(4.0) * change => CriticalKind::Maximum,
            _ => CriticalKind::Degenerate,
        }
    }

    /// A distance over which even the third power of the variable shows.
    fn short(&self, x: T) -> T {
        T::EPSILON.sqrt().sqrt() * T::one().max(x.abs())
    }

    /// A lower point nearby, if there is one.
    pub(super) fn lower(&mut self, now: &Point<T>, within: Option<(T, T)>) -> Option<Point<T>> {
        let mut h = self.short(now.x);
        let noticeably = now.value - T::of(4.0) * T::EPSILON * now.value.abs();
        for _ in 0..4 {
            for x in [now.x - h, now.x + h] {
                if within.is_none_or(|(a, b)| a < x && x < b) {
                    let next = self.at(x);
                    if next.is_finite() && next.value < noticeably {
                        return Some(next);
                    }
                }
            }
            h *= T::of(8.0);
        }
        None
    }

    /// Between the ends that the settings give.
    fn between(&mut self, a: T, b: T, start: T) -> Result<Ending<T>, Error> {
        let (lo, hi) = (self.at(a), self.at(b));
        let first = if start == a {
            lo
        } else if start == b {
            hi
        } else {
            self.at(start)
        };
        self.record(start);
        self.bracketed_by(lo, hi, first).ok_or_else(|| {
            let expected = if self.minimum {
                "with g'(a) ≤ 0 ≤ g'(b)"
            } else {
                "with f(a) and f(b) of opposite signs"
            };
            bracket_error(expected, (a, b))
        })
    }
}

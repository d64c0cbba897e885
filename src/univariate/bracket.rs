//! Between two points of opposite sign: Newton where it helps, bisection where it doesn't.

use std::ops::ControlFlow::{Break, Continue};

use super::bracket_error;
use super::iteration::{Ending, Iteration, Next, Point};
use crate::{Error, Real, Termination};

/// Two points, `lo.x < hi.x`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bracket<T> {
    pub(super) lo: Point<T>,
    pub(super) hi: Point<T>,
}

impl<T: Real> Bracket<T> {
    pub(super) fn new(a: Point<T>, b: Point<T>) -> Self {
        let (lo, hi) = if a.x < b.x { (a, b) } else { (b, a) };
        Self { lo, hi }
    }

    fn contains(&self, x: T) -> bool {
        self.lo.x < x && x < self.hi.x
    }

    pub(super) fn ends(&self) -> (T, T) {
        (self.lo.x, self.hi.x)
    }

    /// Halfway between the ends; one of them only where they are neighbours.
    pub(super) fn half(&self) -> T {
        self.lo.x + half_width(self.ends())
    }

    /// Whether there is no number between the ends.
    pub(super) fn is_closed(&self) -> bool {
        !self.contains(self.half())
    }

    /// From `now`, one of the ends, to a point between them, unless a test is met or there is none: to the one
    /// proposed, if it is there; else to the [`bisect`](Self::bisect)ed one; halfway where `f` is NaN there.
    pub(super) fn next(&self, run: &mut Iteration<'_, T>, now: &Point<T>, proposal: Option<T>) -> Next<T> {
        run.bracket = Some(self.ends());
        let undercut = run.minimum && [self.lo, self.hi].iter().any(|end| end.is_below(now));
        if now.f.abs() <= run.settings.tolerance && !undercut {
            return run.met_or_lower(now);
        } else if self.is_closed() {
            return Break(self.conclude(run));
        } else if run.is_last() {
            return Break((self.best(), Termination::Iterations));
        }
        let x = proposal.filter(|&x| self.contains(x)).unwrap_or_else(|| self.bisect(run));
        let mut next = run.at(x);
        if next.is_nan() && x != self.half() {
            next = run.at(self.half());
        }
        if next.is_nan() { Break((self.best(), Termination::NonFinite)) } else { Continue(next) }
    }

    /// Halfway between the ends, in turns of the numbers and of their logarithms: the one is soon there if the
    /// root is of the size of the ends, the other if it is smaller by hundreds of orders of magnitude. (A few
    /// of the second kind reach a factor of two from any two floating-point numbers; bisecting numbers only, a
    /// root at 10⁻³⁰⁰ is a thousand steps away.)
    fn bisect(&self, run: &mut Iteration<'_, T>) -> T {
        run.bisections += 1;
        let (a, b) = self.ends();
        let tiny = T::one() / T::MAX;
        let geometric = if a < T::zero() && T::zero() < b {
            T::zero()
        } else {
            (a + b).signum() * a.abs().max(tiny).sqrt() * b.abs().max(tiny).sqrt()
        };
        if run.bisections % 2 == 1 && self.contains(geometric) { geometric } else { self.half() }
    }

    /// The end with the smaller `|f|`.
    pub(super) fn best(&self) -> Point<T> {
        let Self { lo, hi } = *self;
        if hi.f.abs() < lo.f.abs() || !lo.is_finite() { hi } else { lo }
    }

    /// What to make of a change of sign between neighbours.
    ///
    /// A root: `|f| ≤ 256 |f'| (b − a)`, with `f'` of the sign that `f` rises or falls with, or
    /// `|f| ≤ 256 ε · scale`. Across a pole `f'` has the wrong sign; across a jump `f` changes by more than `f'`
    /// explains.
    pub(super) fn conclude(&self, run: &mut Iteration<'_, T>) -> Ending<T> {
        run.bracket = Some(self.ends());
        let slope =
            Some(self.best().slope).filter(|&slope| !slope.f64().is_nan()).unwrap_or_else(|| self.slope(run));
        let Self { lo, hi } = *self;
        let many = T::of(256.0);
        let rise = hi.f - lo.f;
        let largest = lo.f.abs().max(hi.f.abs());
        let explained = rise * slope.signum() > T::zero() && largest <= many * slope.abs() * (hi.x - lo.x);
        let is_small = explained || largest <= many * T::EPSILON * run.scale;
        let termination = if lo.opposes(&hi) && rise.is_finite() && is_small {
            Termination::Exact
        } else if !lo.opposes(&hi) || largest < T::EPSILON.sqrt() * run.scale {
            Termination::NoDescent
        } else {
            Termination::Discontinuity
        };
        (self.best(), termination)
    }

    /// The slope that `f` has beside the ends, from values alone, but not outside the bracket given.
    fn slope(&self, run: &mut Iteration<'_, T>) -> T {
        let Self { lo, hi } = *self;
        let h = T::of(1024.0) * (hi.x - lo.x);
        if run.may_ask(lo.x - h) {
            (lo.f - run.at(lo.x - h).f) / h
        } else if run.may_ask(hi.x + h) {
            (run.at(hi.x + h).f - hi.f) / h
        } else {
            (hi.f - lo.f) / (hi.x - lo.x) // no room to look
        }
    }
}

/// `(b − a)/2`, without overflow.
pub(super) fn half_width<T: Real>((a, b): (T, T)) -> T {
    let half = T::of(0.5);
    if (b - a).is_finite() { (b - a) * half } else { b * half - a * half }
}

/// Shrinks a bracket until a test is met or its ends are neighbours.
///
/// Newton's step is taken if it stays inside and is at most a quarter of the last move; else half of the bracket
/// is dropped (after Dekker 1969 and Brent 1973).
pub(super) struct Bracketed<T> {
    bracket: Bracket<T>,
    /// By how much a step that is lost to rounding is lengthened.
    nudge: T,
}

impl<T: Real> Bracketed<T> {
    /// From `first` on.
    pub(super) fn search(run: &mut Iteration<'_, T>, bracket: Bracket<T>, first: Point<T>) -> Ending<T> {
        run.scale = run.scale.max(bracket.lo.f.abs().min(bracket.hi.f.abs()));
        run.moved = bracket.hi.x - bracket.lo.x;
        let mut search = Self { bracket, nudge: T::one() };
        if bracket.contains(first.x) {
            search.narrow(&first, run.minimum);
        }
        run.iterate(first, |run, now| search.next(run, now))
    }

    fn next(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        let target = self.target(now);
        let shrinks = (target - now.x).abs() <= T::of(0.25) * run.moved;
        // steps that shrink by a constant factor, as at a root at 0 of x^1.2, would need a thousand
        let is_due = run.iterations % 32 == 31;
        let next = self.bracket.next(run, now, Some(target).filter(|_| shrinks && !is_due))?;
        self.narrow(&next, run.minimum);
        Continue(next)
    }

    /// Where the proposed step leads. One that is lost to rounding is taken a little too long, twice as much each
    /// time, to bring in the other end.
    fn target(&mut self, now: &Point<T>) -> T {
        let lost = T::of(2.0) * T::EPSILON * now.x.abs();
        if now.step.abs() <= lost {
            self.nudge *= T::of(2.0);
            return now.x + now.step.signum() * lost * self.nudge;
        }
        now.x + now.step
    }

    /// Lets `next`, which is inside, take the place of one end.
    ///
    /// For a minimum, a point noticeably higher than the lower end becomes the other one, whatever its
    /// slope: so the lower end only ever falls, and a minimum stays inside.
    fn narrow(&mut self, next: &Point<T>, minimum: bool) {
        let Bracket { lo, hi } = &mut self.bracket;
        let lowest = if hi.value < lo.value { &*hi } else { &*lo };
        let above = if minimum && lowest.is_below(next) {
            next.x > lowest.x
        } else if minimum {
            next.f >= T::zero()
        } else {
            (next.f > T::zero()) == (hi.f > T::zero())
        };
        *(if above { hi } else { lo }) = *next;
    }
}

/// A search between two points of opposite sign, from a first point on.
pub(super) type Search<T> = fn(&mut Iteration<'_, T>, Bracket<T>, Point<T>) -> Ending<T>;

impl<T: Real> Iteration<'_, T> {
    /// Within the bracket that the settings give, unless one end is what is sought.
    pub(super) fn between(&mut self, ends: (T, T), start: T, search: Search<T>) -> Result<Ending<T>, Error> {
        let (lo, hi) = (self.at(ends.0), self.at(ends.1));
        let zero = T::zero();
        let known = [lo, hi].into_iter().find(|end| end.x == start);
        let first = known.unwrap_or_else(|| self.at(start));
        let has_root = lo.opposes(&hi) || lo.f == zero || hi.f == zero;
        if self.minimum && !(lo.f <= zero && hi.f >= zero) {
            return Err(bracket_error("with g'(a) ≤ 0 ≤ g'(b)", ends));
        } else if !self.minimum && !has_root {
            return Err(bracket_error("with f(a) and f(b) of opposite signs", ends));
        }
        // A stationary end is the minimum if g rises from it and no value is known to be lower: far out slopes
        // underflow to zero.
        let undercut = |end: &Point<T>| [lo, hi, first].iter().any(|point| point.is_below(end));
        let sought = |end: &Point<T>| end.f == zero && !(self.minimum && (end.slope < zero || undercut(end)));
        Ok(match [lo, hi].into_iter().find(sought) {
            Some(end) if !self.minimum || end.slope > zero || self.lower(&end).is_none() => {
                (end, Termination::Exact)
            }
            _ => search(self, Bracket::new(lo, hi), if first.is_nan() { lo } else { first }),
        })
    }
}

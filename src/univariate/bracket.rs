//! Between two points of opposite sign: Newton where it helps, bisection where it doesn't.

use std::ops::ControlFlow::{Break, Continue};

use super::bracket_error;
use super::iteration::{Ending, Iteration, Next, Point};
use crate::{Error, Real, Termination};

/// Two points, `lo.x < hi.x`, and how often the space between them was bisected.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bracket<T> {
    pub(super) lo: Point<T>,
    pub(super) hi: Point<T>,
    turn: usize,
}

impl<T: Real> Bracket<T> {
    pub(super) fn new(a: Point<T>, b: Point<T>) -> Self {
        let (lo, hi) = if a.x < b.x { (a, b) } else { (b, a) };
        Self { lo, hi, turn: 0 }
    }

    /// The same space, other ends.
    pub(super) fn set(&mut self, a: Point<T>, b: Point<T>) {
        *self = Self { turn: self.turn, ..Self::new(a, b) };
    }

    pub(super) fn contains(&self, x: T) -> bool {
        self.lo.x < x && x < self.hi.x
    }

    pub(super) fn ends(&self) -> (T, T) {
        (self.lo.x, self.hi.x)
    }

    /// Halfway between the ends.
    pub(super) fn half(&self) -> T {
        middle(self.lo.x, self.hi.x)
    }

    /// Whether there is no number between the ends.
    pub(super) fn is_closed(&self) -> bool {
        !self.contains(self.half())
    }

    /// Halfway between the ends, in turns of the numbers and of their logarithms: the one is soon there if the
    /// root is of the size of the ends, the other if it is smaller by hundreds of orders of magnitude. (A few
    /// of the second kind reach a factor of two from any two floating-point numbers; bisecting numbers only, a
    /// root at 10⁻³⁰⁰ is a thousand steps away.)
    pub(super) fn bisect(&mut self) -> T {
        self.turn += 1;
        let ((a, b), tiny) = (self.ends(), T::one() / T::MAX);
        let geometric = if a < T::zero() && T::zero() < b {
            T::zero()
        } else {
            (a + b).signum() * a.abs().max(tiny).sqrt() * b.abs().max(tiny).sqrt()
        };
        if self.turn % 2 == 1 && self.contains(geometric) { geometric } else { middle(a, b) }
    }

    /// The point at `x`, or halfway between the ends where `f` is NaN at `x`.
    pub(super) fn at_or_halfway(&self, x: T, run: &mut Iteration<'_, T>) -> Next<T> {
        let (mut next, half) = (run.at(x), self.half());
        if next.is_nan() && x != half {
            next = run.at(half);
        }
        if next.is_nan() {
            return Break(self.ending(self.best(), Termination::NonFinite));
        }
        Continue(next)
    }

    /// The end with the smaller `|f|`.
    pub(super) fn best(&self) -> Point<T> {
        let Self { lo, hi, .. } = *self;
        if hi.f.abs() < lo.f.abs() || !lo.is_finite() { hi } else { lo }
    }

    pub(super) fn ending(&self, point: Point<T>, termination: Termination) -> Ending<T> {
        Ending { bracket: Some(self.ends()), ..Ending::new(point, termination) }
    }

    /// What to make of a change of sign between neighbours, where `f' = slope`.
    ///
    /// A root: `|f| ≤ 256 |f'| (b − a)`, with `f'` of the sign that `f` rises or falls with, or
    /// `|f| ≤ 256 ε · scale`. Across a pole `f'` has the wrong sign; across a jump `f` changes by more than `f'`
    /// explains.
    pub(super) fn conclude(&self, slope: T, scale: T) -> Ending<T> {
        let (lo, hi, many) = (self.lo, self.hi, T::of(256.0));
        let (rise, largest) = (hi.f - lo.f, lo.f.abs().max(hi.f.abs()));
        let explained = rise * slope.signum() > T::zero() && largest <= many * slope.abs() * (hi.x - lo.x);
        let termination = if !lo.opposes(&hi) {
            Termination::NoDescent
        } else if !rise.is_finite() {
            Termination::Discontinuity
        } else if explained || largest <= many * T::EPSILON * scale {
            Termination::Exact
        } else if largest <= T::EPSILON.sqrt() * scale {
            Termination::NoDescent
        } else {
            Termination::Discontinuity
        };
        self.ending(self.best(), termination)
    }
}

/// Halfway between `a` and `b`, without overflow; one of the two only where they are neighbours.
pub(super) fn middle<T: Real>(a: T, b: T) -> T {
    let half = T::of(0.5);
    let width = b - a;
    if width.is_finite() { a + width * half } else { a * half + b * half }
}

/// Whether it is time to bisect, whatever else looks good: steps that shrink by a constant factor, as at a
/// root at 0 of `x^⅓` or `x^1.2`, would need a thousand.
pub(super) fn is_due(iteration: usize, every: usize) -> bool {
    iteration % every == every - 1
}

/// Shrinks a bracket until a test is met or its ends are neighbours.
///
/// Newton's step is taken if it stays inside and is at most a quarter of the last move; else half of the bracket
/// is dropped (after Dekker 1969 and Brent 1973).
struct Bracketed<T> {
    bracket: Bracket<T>,
    /// Whether `f` is positive at the upper end.
    rising: bool,
    /// The smaller `|f|` of the first ends.
    scale: T,
    /// The length of the last move.
    moved: T,
    /// By how much a step that is lost to rounding is lengthened.
    nudge: T,
}

impl<T: Real> Bracketed<T> {
    fn next(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        let bracket = &mut self.bracket;
        let next = if now.f.abs() <= run.settings.tolerance {
            let ends = Some(bracket.ends());
            let lower = run
                .attained_or_lower(now, self.moved, ends)
                .map_break(|ending| Ending { bracket: ends, ..ending })?;
            *(if lower.x < now.x { &mut bracket.hi } else { &mut bracket.lo }) = *now;
            lower
        } else if bracket.is_closed() {
            let ending = bracket.conclude(bracket.best().slope, self.scale);
            return Break(run.with_kind(ending, self.moved));
        } else if run.is_last() {
            return Break(bracket.ending(bracket.best(), Termination::Iterations));
        } else {
            let target = self.target(now);
            let newton = !is_due(run.iterations, 32)
                && self.bracket.contains(target)
                && (target - now.x).abs() <= T::of(0.25) * self.moved;
            let x = if newton { target } else { self.bracket.bisect() };
            self.bracket.at_or_halfway(x, run)?
        };
        self.moved = (next.x - now.x).abs();
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
        let Bracket { lo, hi, .. } = &mut self.bracket;
        let lowest = if hi.value < lo.value { &*hi } else { &*lo };
        let above = if minimum && lowest.is_below(next) {
            next.x > lowest.x
        } else if minimum && next.f == T::zero() {
            true
        } else {
            (next.f > T::zero()) == self.rising
        };
        *(if above { hi } else { lo }) = *next;
    }
}

impl<T: Real> Iteration<'_, T> {
    /// Between the ends that the settings give.
    pub(super) fn between(&mut self, ends: (T, T), start: T) -> Result<Ending<T>, Error> {
        let (zero, minimum) = (T::zero(), self.minimum);
        let (lo, hi) = (self.at(ends.0), self.at(ends.1));
        let known = [lo, hi].into_iter().find(|end| end.x == start);
        let first = known.unwrap_or_else(|| self.at(start));
        self.record(start);
        let has_root = lo.opposes(&hi) || lo.f == zero || hi.f == zero;
        if minimum && !(lo.f <= zero && hi.f >= zero) {
            return Err(bracket_error("with g'(a) ≤ 0 ≤ g'(b)", ends));
        } else if !minimum && !has_root {
            return Err(bracket_error("with f(a) and f(b) of opposite signs", ends));
        }
        // A stationary end is the minimum if g rises from it and no value is known to be lower: far out slopes
        // underflow to zero.
        let undercut = |end: &Point<T>| [lo, hi, first].iter().any(|point| point.is_below(end));
        let sought = |end: &&Point<T>| end.f == zero && !(minimum && (end.slope < zero || undercut(end)));
        if let Some(end) = [lo, hi].iter().find(sought) {
            return Ok(self.attained(end, zero));
        }
        Ok(self.bracketed(lo, hi, if first.is_nan() { lo } else { first }))
    }

    /// Between `a` and `b`, from `first` on.
    pub(super) fn bracketed(&mut self, a: Point<T>, b: Point<T>, first: Point<T>) -> Ending<T> {
        let bracket = Bracket::new(a, b);
        let Bracket { lo, hi, .. } = bracket;
        let mut bracketed = Bracketed {
            bracket,
            rising: self.minimum || lo.f < T::zero(),
            scale: lo.f.abs().min(hi.f.abs()),
            moved: hi.x - lo.x,
            nudge: T::one(),
        };
        if bracket.contains(first.x) {
            bracketed.narrow(&first, self.minimum);
        }
        self.iterate(first, |run, now| bracketed.next(run, now))
    }

    /// Where Newton's step is lost to rounding: looks for the change of sign that it predicts, up to 2¹⁰
    /// numbers further on, and shrinks it to neighbours.
    pub(super) fn confirm(&mut self, now: &Point<T>, scale: T) -> Option<Ending<T>> {
        let side = now.step.is_finite().then(|| now.step.signum())?;
        let h = side * T::EPSILON * now.x.abs().max(T::one() / T::MAX);
        let (last, next) = self.change_of_sign(now, [Some(h), None], 11)?;
        if next.f == T::zero() {
            return Some(Ending::new(next, Termination::Exact));
        }
        Some(self.pin(Bracket::new(last, next), scale))
    }

    /// Looks at `x + h`, `x + 2h`, `x + 4h`, …, on one side or both, for two points of opposite sign, the last one
    /// of which may be a root itself.
    pub(super) fn change_of_sign(
        &mut self,
        now: &Point<T>,
        mut sides: [Option<T>; 2],
        doublings: usize,
    ) -> Option<(Point<T>, Point<T>)> {
        let mut last = [*now; 2];
        for _ in 0..doublings {
            for (side, last) in sides.iter_mut().zip(&mut last) {
                let Some(h) = *side else { continue };
                let next = self.at(now.x + h);
                if next.opposes(last) || next.f == T::zero() && next.slope != T::zero() {
                    return Some((*last, next));
                }
                *last = next;
                *side = (!next.is_nan()).then_some(h * T::of(2.0));
            }
        }
        None
    }

    /// Halves a bracket until its ends are neighbours.
    fn pin(&mut self, mut bracket: Bracket<T>, scale: T) -> Ending<T> {
        while !bracket.is_closed() {
            let next = self.at(bracket.half());
            if next.is_nan() {
                return Ending::new(bracket.best(), Termination::NonFinite);
            } else if next.f == T::zero() {
                return bracket.ending(next, Termination::Exact);
            }
            *(if next.opposes(&bracket.lo) { &mut bracket.hi } else { &mut bracket.lo }) = next;
        }
        bracket.conclude(bracket.best().slope, scale)
    }
}

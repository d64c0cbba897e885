//! Between two points of opposite sign: Newton where it helps, bisection where it doesn't.

use super::run::{Ending, Point, Run, Verdict};
use crate::{Real, Termination};

/// Halfway between `a` and `b`, without overflow; one of the two only where they are neighbours.
pub(super) fn middle<T: Real>(a: T, b: T) -> T {
    let half = T::of(0.5);
    let width = b - a;
    if width.is_finite() { a + width * half } else { a * half + b * half }
}

/// Halfway between `a < b`, in turns of the numbers and of their logarithms: the one is soon there if the
/// root is of the size of the ends, the other if it is smaller by hundreds of orders of magnitude. (A few
/// of the second kind reach a factor of two from any two floating-point numbers; bisecting numbers only, a
/// root at 10⁻³⁰⁰ is a thousand steps away.)
pub(super) fn bisect<T: Real>(a: T, b: T, turn: usize) -> T {
    let (zero, tiny) = (T::zero(), T::one() / T::MAX);
    let geometric = if a < zero && zero < b {
        zero
    } else {
        (a + b).signum() * a.abs().max(tiny).sqrt() * b.abs().max(tiny).sqrt()
    };
    if turn % 2 == 1 && a < geometric && geometric < b { geometric } else { middle(a, b) }
}

/// Whether it is time to bisect, whatever else looks good: steps that shrink by a constant factor, as at a
/// root at 0 of `x^⅓` or `x^1.2`, would need a thousand.
pub(super) fn is_due(iteration: usize, every: usize) -> bool {
    iteration % every == every - 1
}

/// What to make of a change of sign between neighbours `a < b`.
///
/// A root: `|f| ≤ 256 |f'| (b − a)`, with `f'` of the sign that `f` rises or falls with, or
/// `|f| ≤ 256 ε · scale`. Across a pole `f'` has the wrong sign; across a jump `f` changes by more than `f'`
/// explains.
pub(super) fn across_neighbours<T: Real>(
    (a, fa): (T, T),
    (b, fb): (T, T),
    slope: T,
    scale: T,
) -> Termination {
    let (rise, largest) = (fb - fa, fa.abs().max(fb.abs()));
    let explained = rise * slope.signum() > T::zero() && largest <= T::of(256.0) * slope.abs() * (b - a);
    if !(rise.is_finite()) {
        Termination::Discontinuity
    } else if explained || largest <= T::of(256.0) * T::EPSILON * scale {
        Termination::Exact
    } else if largest <= T::EPSILON.sqrt() * scale {
        Termination::NoDescent
    } else {
        Termination::Discontinuity
    }
}

impl<T: Real> Run<'_, T> {
    /// Between the ends the user gave; none if they do not bracket what is sought.
    pub(super) fn bracketed_by(&mut self, lo: Point<T>, hi: Point<T>, first: Point<T>) -> Option<Ending<T>> {
        let zero = T::zero();
        // A stationary end that g rises from is the minimum; one that it falls from brackets.
        let (lo_zero, hi_zero) = (lo.f == zero, hi.f == zero);
        let brackets = if self.minimum { lo.f <= zero && hi.f >= zero } else { lo.opposes(&hi) };
        if !(brackets || !self.minimum && (lo_zero || hi_zero)) {
            return None;
        }
        // nor is it one where a value is known to be lower: far out slopes underflow to zero
        let noise = |value: T| T::of(8.0) * T::EPSILON * value.abs();
        let undercut =
            |end: &Point<T>| [lo, hi, first].iter().any(|p| p.value < end.value - noise(end.value));
        for (end, is_zero) in [(lo, lo_zero), (hi, hi_zero)] {
            if is_zero && !(self.minimum && (end.slope < zero || undercut(&end))) {
                return Some(self.end(end, zero));
            }
        }
        let first = if first.is_nan() { lo } else { first };
        Some(self.bracketed(lo, hi, first))
    }

    /// Shrinks `[a, b]`, from `now` in it, until a test is met or the ends are neighbours.
    ///
    /// Newton's step is taken if it stays inside and is at most a quarter of the last move; else half of the bracket
    /// is dropped. A step that is lost to rounding is taken a little too long, twice as much each
    /// time, to bring in the other end.
    pub(super) fn bracketed(&mut self, a: Point<T>, b: Point<T>, mut now: Point<T>) -> Ending<T> {
        let (mut lo, mut hi) = if a.x < b.x { (a, b) } else { (b, a) };
        let rising = self.minimum || lo.f < T::zero();
        let scale = lo.f.abs().min(hi.f.abs());
        let mut moved = hi.x - lo.x;
        let (mut nudge, mut turn) = (T::one(), 0);
        if lo.x < now.x && now.x < hi.x {
            self.narrow(&mut lo, &mut hi, now, rising);
        }
        loop {
            let ends = (lo.x, hi.x);
            let mut escape = None;
            if now.f.abs() <= self.settings.tolerance {
                match self.judge(now, moved, Some(ends)) {
                    Verdict::End(ending) => return Ending { bracket: Some(ends), ..ending },
                    Verdict::Escape(lower) => escape = Some(lower),
                    Verdict::GoOn => {}
                }
            }
            let half = middle(lo.x, hi.x);
            if half == lo.x || half == hi.x {
                let ending = self.conclude(lo, hi, scale);
                let kind = self.kind_if_stationary(&ending.point, moved, ending.termination);
                return Ending { kind, ..ending };
            } else if self.is_last() {
                let best = self.best(&lo, &hi);
                return Ending { bracket: Some(ends), ..Ending::new(best, Termination::Iterations) };
            }
            let inside = |x: T| lo.x < x && x < hi.x;
            let next = if let Some(lower) = escape {
                if lower.x < now.x {
                    hi = now;
                } else {
                    lo = now;
                }
                lower
            } else {
                let rounding = T::of(2.0) * T::EPSILON * now.x.abs();
                let target = if now.step.abs() <= rounding {
                    nudge *= T::of(2.0);
                    now.x + now.step.signum() * rounding * nudge
                } else {
                    now.x + now.step
                };
                let newton = !is_due(self.iterations, 32)
                    && inside(target)
                    && (target - now.x).abs() <= T::of(0.25) * moved;
                let x = if newton {
                    target
                } else {
                    turn += 1;
                    bisect(lo.x, hi.x, turn)
                };
                let next = self.at(x);
                if next.is_nan() && x != half { self.at(half) } else { next }
            };
            if next.is_nan() {
                let best = self.best(&lo, &hi);
                return Ending { bracket: Some(ends), ..Ending::new(best, Termination::NonFinite) };
            }
            self.iterations += 1;
            self.record(next.x);
            moved = (next.x - now.x).abs();
            self.narrow(&mut lo, &mut hi, next, rising);
            now = next;
        }
    }

    /// Lets `next`, which is inside, take the place of one end.
    ///
    /// For a minimum, a point noticeably higher than the lower end becomes the other one, whatever its
    /// slope: so the lower end only ever falls, and a minimum stays inside.
    fn narrow(&self, lo: &mut Point<T>, hi: &mut Point<T>, next: Point<T>, rising: bool) {
        let lowest = if hi.value < lo.value { &*hi } else { &*lo };
        let uphill = next.value > lowest.value + T::of(8.0) * T::EPSILON * lowest.value.abs();
        let above = if self.minimum && uphill {
            next.x > lowest.x
        } else if self.minimum && next.f == T::zero() {
            true
        } else {
            (next.f > T::zero()) == rising
        };
        *(if above { hi } else { lo }) = next;
    }

    /// The end with the smaller `|f|`.
    fn best(&self, lo: &Point<T>, hi: &Point<T>) -> Point<T> {
        if hi.f.abs() < lo.f.abs() || !lo.is_finite() { *hi } else { *lo }
    }

    /// The verdict on neighbours.
    fn conclude(&self, lo: Point<T>, hi: Point<T>, scale: T) -> Ending<T> {
        let best = self.best(&lo, &hi);
        let termination = if lo.opposes(&hi) {
            across_neighbours((lo.x, lo.f), (hi.x, hi.f), best.slope, scale)
        } else {
            Termination::NoDescent
        };
        Ending { bracket: Some((lo.x, hi.x)), ..Ending::new(best, termination) }
    }

    /// Where Newton's step is lost to rounding: looks for the change of sign that it promises, up to 2¹⁰
    /// numbers further on, and shrinks it to neighbours.
    pub(super) fn certify(&mut self, now: &Point<T>, scale: T) -> Option<Ending<T>> {
        let side = now.step.is_finite().then(|| now.step.signum())?;
        let mut h = T::EPSILON * now.x.abs().max(T::one() / T::MAX);
        for _ in 0..=10 {
            let x = now.x + side * h;
            let other = if x.is_finite() { self.at(x) } else { return None };
            if other.is_nan() {
                return None;
            } else if other.f == T::zero() && other.slope != T::zero() {
                return Some(Ending::new(other, Termination::Exact));
            } else if other.opposes(now) {
                return Some(self.pin(*now, other, scale));
            }
            h *= T::of(2.0);
        }
        None
    }

    fn pin(&mut self, a: Point<T>, b: Point<T>, scale: T) -> Ending<T> {
        let (mut lo, mut hi) = if a.x < b.x { (a, b) } else { (b, a) };
        loop {
            let half = middle(lo.x, hi.x);
            if half == lo.x || half == hi.x {
                return self.conclude(lo, hi, scale);
            }
            let next = self.at(half);
            if next.is_nan() {
                return Ending::new(self.best(&lo, &hi), Termination::NonFinite);
            } else if next.f == T::zero() {
                return Ending { bracket: Some((lo.x, hi.x)), ..Ending::new(next, Termination::Exact) };
            } else if next.opposes(&lo) {
                hi = next;
            } else {
                lo = next;
            }
        }
    }
}

//! The textbook iteration, whatever the step, and how to tell that it fails.

use std::ops::ControlFlow::{Break, Continue};

use super::iteration::{Ending, Iteration, Next, Point};
use crate::{Real, Termination};

/// How the steps have been going.
pub(super) struct Pace<T> {
    /// `max(1, |x₀|)`.
    reach: T,
    /// The last proposal, and the last move.
    pub(super) step: Option<T>,
    pub(super) moved: T,
    /// `|step_k| / |step_{k−1}|` of the proposals.
    ratio: T,
    moves: usize,
    /// Moves in a row that went away from 0 and did not shrink.
    outward: usize,
}

impl<T: Real> Pace<T> {
    pub(super) fn new(start: T) -> Self {
        let reach = T::one().max(start.abs());
        Self { reach, step: None, moved: T::zero(), ratio: T::zero(), moves: 0, outward: 0 }
    }

    /// Whether `f` meets its tolerance where proposals shrink, or moves are short: on the way to infinity it
    /// may do so anywhere.
    pub(super) fn has_settled(&self, now: &Point<T>, tolerance: T) -> bool {
        let unsettled = self.ratio > T::of(0.9) && self.moved > T::EPSILON.sqrt() * now.x.abs();
        now.f.abs() <= tolerance && !unsettled
    }

    /// Half of all moves or more, the last ones, went outward and have come far.
    fn runs_off(&self, x: T) -> bool {
        self.outward >= 6 && 2 * self.outward >= self.moves && x.abs() > T::of(8.0) * self.reach
    }

    /// Whether `f` has vanished without settling, or the run is so far out that its start is rounding there.
    pub(super) fn is_gone(&self, now: &Point<T>) -> bool {
        now.f == T::zero() || self.runs_off(now.x) && now.x.abs() * T::EPSILON > self.reach
    }

    /// The ending for this reason, unless the reason is that the run has gone off.
    pub(super) fn ended(&self, now: &Point<T>, reason: Termination) -> Next<T> {
        Break(Ending::new(*now, if self.runs_off(now.x) { Termination::Divergence } else { reason }))
    }

    pub(super) fn update(&mut self, now: &Point<T>, next: &Point<T>, step: T) {
        self.moved = (next.x - now.x).abs();
        if next.step.is_finite() {
            self.ratio = (next.step / step).abs();
        } else if let Some(last) = self.step {
            self.ratio = (step / last).abs();
        }
        let outward = next.x.abs() > now.x.abs() && self.ratio >= T::of(0.9);
        self.outward = if outward { self.outward + 1 } else { 0 };
        self.moves += 1;
        self.step = Some(step);
    }
}

/// `x ← x + step`, and nothing else, until it converges or fails.
struct Pure<T> {
    pace: Pace<T>,
    /// A point at most twice a power of two of steps ago, to meet again in a cycle (Brent 1980).
    mark: T,
    /// `|f(x₀)|`.
    scale: T,
}

impl<T: Real> Pure<T> {
    fn next(&mut self, run: &mut Iteration<'_, T>, now: &Point<T>) -> Next<T> {
        let ended = |termination| Break(Ending::new(*now, termination));
        let x = now.x + now.step;
        if self.pace.has_settled(now, run.settings.tolerance) {
            return Break(run.attained(now, self.pace.moved));
        } else if self.pace.is_gone(now) {
            return ended(Termination::Divergence);
        } else if now.slope == T::zero() {
            return self.pace.ended(now, Termination::ZeroDerivative);
        } else if !x.is_finite() || !now.slope.is_finite() {
            return self.pace.ended(now, Termination::NonFinite);
        } else if run.is_last() {
            return self.pace.ended(now, Termination::Iterations);
        }
        let repeats = x == now.x || x == self.mark;
        let is_short = now.step.abs() <= T::of(4.0) * T::EPSILON * now.x.abs();
        if is_short && let Some(ending) = run.confirm(now, self.scale) {
            let adjacent = ending.bracket.is_some_and(|(a, b)| a == now.x || b == now.x);
            if adjacent || repeats {
                return Break(run.with_kind(Ending { point: *now, ..ending }, self.pace.moved));
            }
        }
        if repeats {
            return ended(if x == now.x { Termination::StepTolerance } else { Termination::Cycle });
        }
        let next = run.at(x);
        if !next.is_finite() {
            return self.pace.ended(now, Termination::NonFinite);
        }
        self.pace.update(now, &next, now.step);
        if self.pace.moves.is_power_of_two() {
            self.mark = next.x;
        }
        Continue(next)
    }
}

impl<T: Real> Iteration<'_, T> {
    pub(super) fn pure(&mut self, first: Point<T>) -> Ending<T> {
        let mut pure = Pure { pace: Pace::new(first.x), mark: first.x, scale: first.f.abs() };
        self.iterate(first, |run, now| pure.next(run, now))
    }
}

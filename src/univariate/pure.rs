//! The textbook iteration, whatever the step, and how to tell that it fails.

use super::run::{Ending, Point, Run};
use crate::{Real, Termination};

/// How the steps have been going.
pub(super) struct Pace<T> {
    start: T,
    /// The last proposal, and the last move.
    pub(super) step: Option<T>,
    pub(super) moved: T,
    /// `|step_k| / |step_{k−1}|` of the proposals.
    ratio: T,
    /// Moves in a row that went away from 0 and did not shrink.
    outward: usize,
}

impl<T: Real> Pace<T> {
    pub(super) fn new(start: T) -> Self {
        Self { start, step: None, moved: T::zero(), ratio: T::zero(), outward: 0 }
    }

    /// Proposals keep their size though the moves are long: a small `f` here is no root.
    fn unsettled(&self, x: T) -> bool {
        self.ratio > T::of(0.9) && self.moved > T::EPSILON.sqrt() * x.abs()
    }

    fn reach(&self) -> T {
        T::one().max(self.start.abs())
    }

    /// Half of all moves or more, the last ones, went outward and have come far.
    pub(super) fn runs_off(&self, x: T, iterations: usize) -> bool {
        self.outward >= 6 && 2 * self.outward >= iterations && x.abs() > T::of(8.0) * self.reach()
    }

    pub(super) fn is_gone(&self, x: T, iterations: usize) -> bool {
        self.runs_off(x, iterations) && x.abs() * T::EPSILON > self.reach()
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
        self.step = Some(step);
    }
}

impl<T: Real> Run<'_, T> {
    /// `x ← x + step`, and nothing else, until it converges or fails.
    pub(super) fn pure(&mut self, start: T) -> Ending<T> {
        let mut now = self.at(start);
        self.record(start);
        if !now.is_finite() {
            return Ending::new(now, Termination::NonFinite);
        }
        let scale = now.f.abs();
        let mut pace = Pace::new(start);
        let mut mark = start; // a power of two of steps ago at most twice (Brent 1980)
        loop {
            let failed = |termination| {
                let away = pace.runs_off(now.x, self.iterations);
                Ending::new(now, if away { Termination::Divergence } else { termination })
            };
            let next = now.x + now.step;
            let short = now.step.abs() <= T::of(4.0) * T::EPSILON * now.x.abs();
            if self.attained(&now, &pace) {
                return self.end(now, pace.moved);
            } else if now.f == T::zero() || pace.is_gone(now.x, self.iterations) {
                return Ending::new(now, Termination::Divergence);
            } else if now.slope == T::zero() {
                return failed(Termination::ZeroDerivative);
            } else if !next.is_finite() || !now.slope.is_finite() {
                return failed(Termination::NonFinite);
            } else if self.is_last() {
                return failed(Termination::Iterations);
            }
            let repeats = next == now.x || next == mark;
            if short && let Some(ending) = self.certify(&now, scale) {
                let adjacent = ending.bracket.is_some_and(|(a, b)| a == now.x || b == now.x);
                if adjacent || repeats {
                    let kind = self.kind_if_stationary(&now, pace.moved, ending.termination);
                    return Ending { point: now, kind, ..ending };
                }
            }
            if repeats {
                let still = next == now.x;
                return Ending::new(now, if still { Termination::StepTolerance } else { Termination::Cycle });
            }
            let next = self.at(next);
            if !next.is_finite() {
                let away = pace.runs_off(now.x, self.iterations);
                return Ending::new(now, if away { Termination::Divergence } else { Termination::NonFinite });
            }
            self.iterations += 1;
            self.record(next.x);
            if self.iterations.is_power_of_two() {
                mark = next.x;
            }
            pace.update(&now, &next, now.step);
            now = next;
        }
    }

    /// Whether `f` vanishes or meets its tolerance, on a run that settles.
    pub(super) fn attained(&self, now: &Point<T>, pace: &Pace<T>) -> bool {
        now.f.abs() <= self.settings.tolerance && !pace.unsettled(now.x)
    }
}

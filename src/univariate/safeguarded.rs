//! Downhill without a bracket, until there is one.

use super::pure::Pace;
use super::run::{Ending, Point, Run, Verdict, is_nan};
use crate::{Real, Termination};

/// What a line search found.
enum Trial<T> {
    /// With the stretch that did it.
    Lower(Point<T>, T),
    /// `f` has the other sign there.
    Across(Point<T>),
    /// Nothing, and whether all that was tried was outside the domain.
    Stuck(bool),
}

impl<T: Real> Run<'_, T> {
    /// Downhill (in `|f|`, or in `g`) until two points of opposite sign are known.
    pub(super) fn free(&mut self, start: T) -> Ending<T> {
        let mut now = self.at(start);
        self.record(start);
        if !now.is_finite() {
            return Ending::new(now, Termination::NonFinite);
        }
        let scale = now.f.abs();
        let mut pace = Pace::new(start);
        let mut stretch = T::one();
        loop {
            let verdict = if self.attained(&now, &pace) {
                self.judge(now, pace.moved, None)
            } else if now.f == T::zero() || pace.is_gone(now.x, self.iterations) {
                Verdict::End(Ending::new(now, Termination::Divergence))
            } else if self.is_last() {
                let away = pace.runs_off(now.x, self.iterations);
                let termination = if away { Termination::Divergence } else { Termination::Iterations };
                Verdict::End(Ending::new(now, termination))
            } else {
                Verdict::GoOn
            };
            let next = match verdict {
                Verdict::End(ending) => return ending,
                Verdict::Escape(lower) => {
                    stretch = T::one();
                    pace = Pace::new(start);
                    lower
                }
                Verdict::GoOn => {
                    let Some(step) = self.direction(&now) else {
                        return self.hunt(now, Termination::ZeroDerivative);
                    };
                    // Where g'' < 0 the steps lead away from a maximum and grow by themselves.
                    let convex = !self.minimum || now.slope >= T::zero();
                    let ratio = pace.step.filter(|_| convex).map_or(T::zero(), |last| step / last);
                    match self.descend(&now, step, lengthen(stretch, ratio)) {
                        Trial::Lower(next, t) => {
                            stretch = t.max(T::one());
                            pace.update(&now, &next, step);
                            next
                        }
                        Trial::Across(other) => return self.between_signs(now, other),
                        Trial::Stuck(outside) => {
                            if let Some(ending) = self.certify(&now, scale) {
                                let kind = self.kind_if_stationary(&now, pace.moved, ending.termination);
                                return Ending { kind, ..ending };
                            }
                            let why = if outside { Termination::NonFinite } else { Termination::NoDescent };
                            if !self.minimum {
                                return self.hunt(now, why);
                            }
                            match self.lower(&now, None) {
                                Some(lower) => lower,
                                None => return Ending::new(now, why),
                            }
                        }
                    }
                }
            };
            self.iterations += 1;
            self.record(next.x);
            now = next;
        }
    }

    /// The method's step; for a minimum without curvature one as long as `x`, downhill.
    fn direction(&self, now: &Point<T>) -> Option<T> {
        if now.step.is_finite() && now.step != T::zero() {
            Some(now.step)
        } else if self.minimum {
            Some(-now.f.signum() * T::one().max(now.x.abs()))
        } else {
            None
        }
    }

    /// From `now` along `stretch · step`, halved until something is gained.
    fn descend(&mut self, now: &Point<T>, step: T, stretch: T) -> Trial<T> {
        let mut t = step * stretch;
        let mut outside = false;
        // halving; ever faster where the step is of another order altogether
        let mut tries = 0;
        loop {
            tries += 1;
            let x = now.x + t;
            if x == now.x {
                return Trial::Stuck(outside);
            }
            if x.is_finite() {
                let next = self.at(x);
                let bottomless = self.minimum && next.value < -T::MAX;
                if !next.is_nan() && !bottomless && next.opposes(now) {
                    return Trial::Across(next);
                }
                outside = !next.is_finite();
                if !outside && self.gains(now, &next, t / step) {
                    return Trial::Lower(next, t / step);
                }
            }
            t = if t.is_finite() { t * T::of(0.5).powi(1.max(tries - 16)) } else { step };
        }
    }

    /// Armijo's test on `|f|`, whose slope along the step is `−|f|`, or on `g`, whose slope is `g' step`.
    /// Where `g` is flat to rounding, `|g'|` decides.
    fn gains(&self, now: &Point<T>, next: &Point<T>, t: T) -> bool {
        let alpha = T::of(1e-4);
        if !self.minimum {
            let bound = (T::one() - alpha * t.min(T::one())) * now.f.abs();
            return next.f.abs() <= bound && next.f.abs() < now.f.abs();
        }
        let promised = now.f * (next.x - now.x);
        if promised.abs() <= T::of(8.0) * T::EPSILON * now.value.abs() {
            return next.f.abs() < now.f.abs();
        }
        next.value <= now.value + alpha * promised
    }

    /// From a point where `|f|` cannot be lowered: `x ± h, x ± 2h, x ± 4h, …` until `f` changes sign.
    fn hunt(&mut self, now: Point<T>, otherwise: Termination) -> Ending<T> {
        let mut h = (now.x.abs() + T::one()) / T::of(16.0);
        let mut sides = [Some(now), Some(now)];
        for _ in 0..60 {
            for (side, h) in sides.iter_mut().zip([-h, h]) {
                let x = now.x + h;
                let Some(last) = side.filter(|_| x.is_finite()) else { continue };
                let next = self.at(x);
                if next.f == T::zero() && next.slope != T::zero() {
                    self.iterations += 1;
                    self.record(x);
                    return Ending::new(next, Termination::Exact);
                } else if next.opposes(&last) {
                    return self.between_signs(last, next);
                }
                *side = (!next.is_nan()).then_some(next);
            }
            h *= T::of(2.0);
        }
        Ending::new(now, otherwise)
    }

    fn between_signs(&mut self, now: Point<T>, other: Point<T>) -> Ending<T> {
        self.iterations += 1;
        self.record(other.x);
        self.bracketed(now, other, other)
    }
}

/// Schröder's stretch for steps with ratio `r`, at most twice the last one.
fn lengthen<T: Real>(last: T, r: T) -> T {
    let two = T::of(2.0);
    if r < T::of(0.4) || is_nan(r) {
        return T::one();
    }
    let most = two * last.max(two);
    if r < T::one() { most.min(T::one() / (T::one() - r)) } else { most }
}

//! Whether the risk falls for ever in the parameters in which the scores are affine: separation, complete or not
//! (Albert and Anderson, *On the existence of maximum likelihood estimates in logistic regression models*, 1984).
//!
//! Along `d` the scores of sample `j` move by `r = J_j d`, and its loss falls for ever, or stays, where the least of its
//! margins is not negative. Each is linear, `aᵀd` with the row `a = J_jᵀ ∂margin/∂r`. So the risk recedes along `d` if
//! `aᵀd ≥ 0` for all rows and `> 0` for one. With `e` the sum of all rows,
//!
//! ```text
//! min ‖e + Σ λ a‖,   λ ≥ 0
//! ```
//!
//! decides (Lawson and Hanson, *Solving least squares problems*, 1974, ch. 23). A residual `d ≠ 0` has `aᵀd ≥ 0` for all
//! rows and `eᵀd = ‖d‖² > 0`. If there is none, then `Σ (1 + λ) a = 0` with positive weights on all rows: where none of
//! their `aᵀd` is negative, all are zero.

use nalgebra::DVector;

use super::EmpiricalRisk;
use super::survey::Survey;
use crate::kernel::{self, compiled};
use crate::{Error, Loss, Model, Real, Recession};
pub(super) use active::Active;
use cone::Cone;
use margins::{Scratch, units};
use violator::Worst;

mod active;
mod cone;
mod margins;
mod newton;
mod violator;

/// Directions of more parameters are not sought beyond the point itself and one Newton step: the work grows as their
/// cube.
const SOUGHT: usize = 1024;
/// Steps towards the minimum of the samples tried first, before a direction is sought.
const STEPS: usize = 8;

/// What the rows say.
enum Verdict {
    /// There is no such direction.
    Overlap,
    Along(DVector<f64>),
    Undecided,
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Of an affine model the verdict depends on the data alone, and is kept.
    pub(super) fn seek_recession(&mut self, theta: &DVector<T>) -> Recession<T> {
        if theta.len() != self.model.parameter_count() || !kernel::all_finite(theta.as_slice()) {
            return Recession::NotSought;
        }
        if let Some(verdict) = self.verdict.clone().filter(|_| self.is_affine()) {
            return verdict;
        }
        let of_data = self.frame().map(|frame| frame.parameters(theta));
        match self.survey().recession(of_data.as_ref().unwrap_or(theta)) {
            Ok(Recession::NotSought) => Recession::NotSought,
            Ok(verdict) => self.verdict.insert(verdict).clone(),
            Err(failure) => {
                self.summing.failure = Some(failure);
                Recession::NotSought
            }
        }
    }
}

impl<T: Real> Survey<'_, T> {
    compiled! {
        /// The verdict at `θ` of the features as they are.
        fn recession(this: &'a Survey<'a, T>, theta: &'a DVector<T>) -> Result<Recession<T>, Error> {
            let Some(mut cone) = Cone::new(*this, theta)? else {
                // a convex loss that grows along all scores
                return Ok(if this.is_affine() && this.loss.is_convex() { Recession::No } else { Recession::NotSought });
            };
            if cone.free.is_empty() {
                return Ok(Recession::No);
            }
            if let Some(mut some) = cone.some()? {
                some.frame()?;
                if some.overlap_by_newton(STEPS)? == Some(true) {
                    return Ok(Recession::No);
                }
            }
            Ok(match cone.judge()? {
                Verdict::Overlap => Recession::No,
                Verdict::Along(direction) => Recession::Along(cone.parameters(&direction)),
                Verdict::Undecided => Recession::Undecided,
            })
        }

        /// Of each output whether the loss of some sample grows where that score alone falls, and where it rises.
        pub(crate) fn grows_along_scores(this: &'a Survey<'a, T>) -> Result<Vec<bool>, Error> {
            let k = this.model.outputs();
            let grows = this.largest(2 * k, |here, chunk, room, largest| {
                let mut scratch = Scratch::new(k);
                here.samples(chunk, room, |_, y, _| {
                    let mut side = 0;
                    units(this.loss, y, &mut scratch, |margin, _| {
                        // a score rises before it falls
                        largest.see(side ^ 1, if margin < T::zero() { T::one() } else { T::zero() });
                        side += 1;
                    });
                });
            })?;
            Ok(grows.into_iter().map(|grows| grows > T::zero()).collect())
        }
    }
}

impl<T: Real> Cone<'_, T> {
    /// Tries the point itself as a direction, and a Newton step, before all rows are gone through.
    fn judge(&mut self) -> Result<Verdict, Error> {
        self.frame()?;
        let (e, count) = self.sum()?;
        let norm = kernel::norm(e.as_slice());
        if norm <= f64::EPSILON * count {
            return Ok(Verdict::Overlap);
        }
        let mut point = self.coordinates();
        point.unscale_mut(kernel::norm(point.as_slice()).max(f64::MIN_POSITIVE));
        // beyond rounding, margins are positive in the mean, and none is negative
        let rounding = (e.len() as f64).sqrt() * f64::EPSILON;
        if kernel::dot(point.as_slice(), e.as_slice()) > 1e3 * rounding * count
            && self.violator(&point, &mut 0, 0.0, &[])?.is_none()
        {
            return Ok(Verdict::Along(point));
        }
        match e.len() {
            _ if self.overlap_by_newton(1)?.is_some() => Ok(Verdict::Overlap),
            ..=SOUGHT => self.nearest(&(e / norm), norm, count),
            _ => Ok(Verdict::Undecided),
        }
    }

    /// Lawson and Hanson's algorithm: the nearest point to `−e` of the cone, `‖e‖ = 1`. The rows of a block are looked
    /// at together, and the blocks one after the other, so that a round costs a pass only where few are on the wrong
    /// side. `norm` is that of the sum of all `count` rows: each has the weight `1 / norm` in `e`.
    fn nearest(&self, e: &DVector<f64>, norm: f64, count: f64) -> Result<Verdict, Error> {
        let p = e.len() as f64;
        let rounding = p.sqrt() * f64::EPSILON;
        let zero = 8.0 * (p + count / norm) * f64::EPSILON;
        let (mut active, mut cursor) = (Active::default(), 0);
        let (mut passed, mut is_stuck) = (Vec::new(), false);
        for _ in 0..40 * e.len() + 80 {
            // d = e − Q Qᵀ e
            let mut d = e.clone();
            active.project(&mut d);
            let length = kernel::norm(d.as_slice());
            if length <= zero || active.len() == self.span() {
                // whatever the rounding, all rows keep positive weights
                let is_sure = active.condition() * zero * norm < 0.125;
                return Ok(if is_sure { Verdict::Overlap } else { Verdict::Undecided });
            }
            d.unscale_mut(length);
            let doubt = active.condition() * rounding;
            let Some(Worst { margin, at, row }) = self.violator(&d, &mut cursor, rounding, &passed)? else {
                // the mean of the margins along d is far beyond what rounding makes of the least
                let is_sure = !is_stuck && 1e3 * doubt < length * norm / count;
                return Ok(if is_sure { Verdict::Along(d) } else { Verdict::Undecided });
            };
            // in doubt, a row in the span of the active ones has a margin of zero
            let is_doubtful = margin >= -doubt;
            if active.add(row, 0.0, if is_doubtful { doubt } else { rounding }) {
                active.balance(e);
                passed.clear();
                is_stuck = false;
            } else {
                passed.push(at as usize);
                is_stuck |= !is_doubtful;
            }
        }
        Ok(Verdict::Undecided)
    }
}

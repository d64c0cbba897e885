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

use std::ops::Range;

use nalgebra::DVector;

use super::EmpiricalRisk;
use crate::{Loss, Model, Real, Recession, kernel};
pub(super) use active::Active;
use cone::{BLOCK, Cone, Violator, WIDE};

mod active;
mod cone;
mod newton;

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
        let of_data = self.frame.as_ref().map(|frame| frame.parameters(theta));
        let verdict = self.decide(of_data.as_ref().unwrap_or(theta));
        if verdict != Recession::NotSought {
            self.verdict = Some(verdict.clone());
        }
        verdict
    }

    fn decide(&self, theta: &DVector<T>) -> Recession<T> {
        let Some(mut cone) = Cone::new(self, theta) else { return Recession::NotSought };
        if cone.free.is_empty() {
            return Recession::No;
        }
        let cut = |width: usize| {
            let m = self.batch.len();
            (0..m).step_by(width).map(move |start| start..m.min(start + width)).collect::<Vec<_>>()
        };
        let all = cut(BLOCK);
        let stride = all.len() / cone.samples_tried_first().div_ceil(BLOCK).max(4);
        if stride > 1 {
            let some: Vec<_> = all.iter().step_by(stride).cloned().collect();
            cone.frame(&some);
            if cone.overlap_by_newton(&some, STEPS) == Some(true) {
                return Recession::No;
            }
        }
        match cone.judge(&all, &cut(WIDE)) {
            Verdict::Overlap => Recession::No,
            Verdict::Along(direction) => Recession::Along(cone.parameters(&direction)),
            Verdict::Undecided => Recession::Undecided,
        }
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> Cone<'_, '_, T, M, L> {
    /// Tries the point itself as a direction, and a Newton step, before all rows are gone through.
    fn judge(&mut self, blocks: &[Range<usize>], wide: &[Range<usize>]) -> Verdict {
        self.frame(blocks);
        let (e, count) = self.sum(blocks);
        let norm = kernel::norm(e.as_slice());
        if norm <= f64::EPSILON * count {
            return Verdict::Overlap;
        }
        let mut point = self.coordinates();
        point.unscale_mut(kernel::norm(point.as_slice()).max(f64::MIN_POSITIVE));
        let rounding = (e.len() as f64).sqrt() * f64::EPSILON;
        if kernel::dot(point.as_slice(), e.as_slice()) > 0.0
            && self.violator(&point, blocks, &mut 0, rounding, &[]).is_none()
        {
            return Verdict::Along(point);
        }
        match e.len() {
            _ if self.overlap_by_newton(wide, 1).is_some() => Verdict::Overlap,
            ..=SOUGHT => self.nearest(&(e / norm), norm, count, blocks),
            _ => Verdict::Undecided,
        }
    }

    /// Lawson and Hanson's algorithm: the nearest point to `−e` of the cone, `‖e‖ = 1`. The rows of a block are looked
    /// at together, and the blocks one after the other, so that a round costs a pass only where few are on the wrong
    /// side. `norm` is that of the sum of all `count` rows: each has the weight `1 / norm` in `e`.
    fn nearest(&mut self, e: &DVector<f64>, norm: f64, count: f64, blocks: &[Range<usize>]) -> Verdict {
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
                return if is_sure { Verdict::Overlap } else { Verdict::Undecided };
            }
            d.unscale_mut(length);
            let doubt = active.condition() * rounding;
            let Some(Violator { margin, at, row }) =
                self.violator(&d, blocks, &mut cursor, rounding, &passed)
            else {
                // the mean of the margins along d is far beyond what rounding makes of the least
                let is_sure = !is_stuck && 1e3 * doubt < length * norm / count;
                return if is_sure { Verdict::Along(d) } else { Verdict::Undecided };
            };
            // in doubt, a row in the span of the active ones has a margin of zero
            let is_doubtful = margin >= -doubt;
            if active.add(row, 0.0, if is_doubtful { doubt } else { rounding }) {
                active.balance(e);
                passed.clear();
                is_stuck = false;
            } else {
                passed.push(at);
                is_stuck |= !is_doubtful;
            }
        }
        Verdict::Undecided
    }
}

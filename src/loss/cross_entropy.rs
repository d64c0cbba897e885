use nalgebra::{DMatrixView, DMatrixViewMut};

use super::entries::{argmax, fit};
use crate::kernel::{self, Fused, compiled, flat, flat_mut, inlined, pairwise};
use crate::{Classifier, Error, Loss, Real, SecondOrderLoss};

/// Softmax cross-entropy on scores: `ℓ(z, y) = Σ_i y_i (logsumexp(z) − z_i)`, targets one-hot or a
/// distribution over the `k` classes. `CrossEntropy` *is* softmax and cross-entropy together.
///
/// ```text
/// p       = e^{z − max z} / Σ e^{z − max z}
/// ∂ℓ/∂z   = p − y
/// ∂²ℓ/∂z² = diag(p) − p pᵀ
/// ```
///
/// Nothing cancels where a sample is classified well: with `m` the class of the largest score and `s` the sum of the
/// others' `e^{z − max z}`, `logsumexp(z) − z_m = ln(1 + s)` and `1 − p_m = s/(1 + s)`. Infinite scores have the values
/// of the limit in which they go there together.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::{CrossEntropy, Loss};
///
/// let (z, y) = (dmatrix![1000.0; 0.0], dmatrix![0.0; 1.0]);
/// assert_eq!(CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]), 1000.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CrossEntropy;

/// Columns worked on together, so that exponentials run at the width of the machine.
const COLUMNS: usize = 32;

/// `max z`, the sum `s` of `e^{z − max z}` over all classes but one of the largest score, and `ln(1 + s)`, which with
/// the maximum adds up to `logsumexp(z)`.
#[derive(Clone, Copy)]
struct Sums<T> {
    max: T,
    rest: T,
    log: T,
}

/// `s` from the sum of all: below 1.5 there is one 1 among them, which is left out rather than subtracted.
#[inline(always)]
fn rest<T: Real>(sum: T, p: &[T]) -> T {
    if sum < T::of(1.5) { others(p) } else { sum - T::one() }
}

/// The sum of those `e^{z − max z}` that are not 1.
#[inline(always)]
fn others<T: Real>(p: &[T]) -> T {
    p.iter().fold(T::zero(), |s, p| s + if *p == T::one() { T::zero() } else { *p })
}

/// `z − max z`, zero for the largest be it infinite.
#[inline(always)]
fn from_top<T: Real>(z: T, max: T) -> T {
    if z == max { T::zero() } else { z - max }
}

/// Writes `e^{z − max z}`, the softmax but for its sum, for each of at most [`COLUMNS`] columns of `k` scores; the
/// logarithms are left to the caller.
#[inline(always)]
fn softmax<T: Real>(fused: Fused, z: &[T], k: usize, p: &mut [T]) -> [Sums<T>; COLUMNS] {
    let mut sums = [Sums { max: T::zero(), rest: T::zero(), log: T::zero() }; COLUMNS];
    for ((z, p), sums) in z.chunks_exact(k).zip(p.chunks_exact_mut(k)).zip(&mut sums) {
        sums.max = z.iter().fold(z[0], |m, z| if *z > m { *z } else { m });
        for (p, z) in p.iter_mut().zip(z) {
            *p = from_top(*z, sums.max);
        }
    }
    for p in p.iter_mut() {
        *p = fused.exp(*p);
    }
    for (p, sums) in p.chunks_exact(k).zip(&mut sums) {
        sums.rest = rest(p.iter().fold(T::zero(), |s, p| s + *p), p);
    }
    sums
}

/// The sums alone, of one column.
#[inline(always)]
fn sum_exp<T: Real>(fused: Fused, z: &[T]) -> Sums<T> {
    let max = z.iter().fold(z[0], |m, z| if *z > m { *z } else { m });
    let (mut sum, mut below) = (T::zero(), T::zero());
    for z in z.chunks(16) {
        let mut e = [T::zero(); 16];
        for (e, z) in e.iter_mut().zip(z) {
            *e = from_top(*z, max);
        }
        for e in &mut e {
            *e = fused.exp(*e);
        }
        for e in &e[..z.len()] {
            sum += *e;
            below += if *e == T::one() { T::zero() } else { *e };
        }
    }
    let rest = if sum < T::of(1.5) { below } else { sum - T::one() };
    Sums { max, rest, log: fused.ln_1p(rest) }
}

/// `Σ_i y_i (logsumexp(z) − z_i)`, each difference taken before the logarithm is added; it may overflow where
/// `y_i = 0`.
#[inline(always)]
fn cross_entropy<T: Real>(z: &[T], y: &[T], sums: Sums<T>) -> T {
    let sum = z.iter().zip(y).fold(T::zero(), |s, (z, y)| s + *y * ((sums.max - *z) + sums.log));
    if sum.abs() <= T::MAX {
        return sum;
    }
    let term = |z, y: T| if y == T::zero() { y } else { y * (sums.log - from_top(z, sums.max)) };
    z.iter().zip(y).fold(T::zero(), |s, (z, y)| s + term(*z, *y))
}

/// `p − y` of neighbouring columns, times the weights, to `delta`; returns the weighted sum of the losses. Of the
/// largest score it is `(1 − y) − s/(1 + s)`, for a label `y ≥ ½`: then `1 − y` is exact.
#[inline(always)]
fn block<T: Real>(fused: Fused, z: &[T], y: &[T], weights: &[T], delta: &mut [T]) -> T {
    let k = z.len() / weights.len();
    let mut sums = softmax(fused, z, k, delta);
    for sums in &mut sums {
        sums.log = fused.ln_1p(sums.rest);
    }
    let columns = z.chunks_exact(k).zip(y.chunks_exact(k)).zip(delta.chunks_exact_mut(k));
    let (mut total, one, half) = (T::zero(), T::one(), T::of(0.5));
    for (((z, y), delta), (&w, &sums)) in columns.zip(weights.iter().zip(&sums)) {
        if w == T::zero() {
            delta.fill(T::zero());
            continue;
        }
        let scale = one / (one + sums.rest);
        for (delta, y) in delta.iter_mut().zip(y) {
            *delta = w * (*delta * scale - *y);
        }
        if sums.rest < half {
            let m = argmax(z.iter().copied());
            if y[m] >= half {
                delta[m] = w * ((one - y[m]) - sums.rest * scale);
            }
        }
        total += w * cross_entropy(z, y, sums);
    }
    total
}

/// `w p ⊙ (r − pᵀr)` of neighbouring columns, `r` measured from that of the largest score.
#[inline(always)]
fn curve<T: Real>(fused: Fused, z: &[T], weights: &[T], r: &[T], out: &mut [T]) {
    let k = z.len() / weights.len();
    let sums = softmax(fused, z, k, out);
    for (((p, r), &w), sums) in out.chunks_exact_mut(k).zip(r.chunks_exact(k)).zip(weights).zip(sums) {
        let m = p.iter().position(|p| *p == T::one()).unwrap_or(0);
        let (sum, top) = (T::one() + sums.rest, r[m]);
        let t = p.iter().zip(r).fold(T::zero(), |t, (p, r)| t + *p * (*r - top)) / sum;
        for (p, r) in p.iter_mut().zip(r) {
            *p = if w == T::zero() { T::zero() } else { w / sum * *p * ((*r - top) - t) };
        }
    }
}

impl<T: Real> Loss<T> for CrossEntropy {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        if fit(&[z.shape(), y.shape()], weights.len()) { value(z, y, weights) } else { T::NAN }
    }

    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T {
        let fits = fit(&[z.shape(), y.shape(), delta.shape()], weights.len());
        if fits { value_gradient(z, y, weights, delta) } else { T::NAN }
    }

    fn response(&self, z: DMatrixViewMut<'_, T>) {
        response(z);
    }

    /// The share of samples whose largest score is the class of the largest target.
    fn score_weighted(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        self.share_of_right(z, y, weights)
    }

    fn second_order(&self) -> Option<&dyn SecondOrderLoss<T>> {
        Some(self)
    }

    fn is_convex(&self) -> bool {
        true
    }

    /// `Σ_i y_i r_i − max r`: how far the scores of a sample's own classes stay behind the largest, never positive.
    fn margin(&self, y: &[T], r: &[T], row: &mut [T]) -> T {
        let largest = argmax(r.iter().copied());
        row.copy_from_slice(y);
        row[largest] -= T::one();
        y.iter().zip(r).fold(T::zero(), |margin, (y, r_i)| margin + *y * (*r_i - r[largest]))
    }

    fn check(&self, y: DMatrixView<'_, T>) -> Result<(), Error> {
        let (expected, slack) = ("non-negative and sum to 1", T::of(16.0) * T::EPSILON);
        for (sample, column) in y.column_iter().enumerate() {
            let wrong = column.iter().copied().find(|y| !(*y >= T::zero() && *y <= T::one() + slack));
            let sum = column.sum();
            let off = (sum - T::one()).abs() > slack * T::of(column.len() as f64);
            if let Some(found) = wrong.or(off.then_some(sum)) {
                return Err(Error::Label { argument: "y", expected, found: found.f64(), sample });
            }
        }
        Ok(())
    }
}

impl<T: Real> SecondOrderLoss<T> for CrossEntropy {
    /// `p_i (r_i − Σ_j p_j r_j) = p_i ((r_i − r_m) − Σ_j p_j (r_j − r_m))`, `m` the class of the largest score.
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        if fit(&[z.shape(), y.shape(), r.shape(), out.shape()], weights.len()) {
            curvature_product(z, weights, r, out);
        }
    }
}

impl<T: Real> Classifier<T> for CrossEntropy {
    /// The class with the largest score, the first of equals.
    fn class(&self, scores: &[T]) -> usize {
        argmax(scores.iter().copied())
    }
}

compiled! {
    fn value<T>(z: DMatrixView<'a, T>, y: DMatrixView<'a, T>, weights: &'a [T]) -> T {
        pairwise(0..weights.len(), COLUMNS, &mut |part| kernel::vectorize(inlined!(|fused| {
            let mut total = T::zero();
            for j in part.filter(|j| weights[*j] != T::zero()) {
                let (z, y) = (z.column(j), y.column(j));
                total += weights[j] * cross_entropy(z.as_slice(), y.as_slice(), sum_exp(fused, z.as_slice()));
            }
            total
        })))
    }

    fn value_gradient<T>(
        z: DMatrixView<'a, T>, y: DMatrixView<'a, T>, weights: &'a [T], delta: DMatrixViewMut<'a, T>
    ) -> T {
        let (k, mut delta) = (z.nrows(), delta);
        let is_flat = flat_mut(&mut delta).is_some();
        // without gaps, a block of columns at a time
        let (flat, width) = match (flat(&z), flat(&y)) {
            (Some(z), Some(y)) if is_flat => (Some((z, y)), COLUMNS),
            _ => (None, 1),
        };
        pairwise(0..weights.len(), COLUMNS * width, &mut |part| kernel::vectorize(inlined!(|fused| {
            let mut total = T::zero();
            for start in part.clone().step_by(width) {
                let end = part.end.min(start + width);
                let (entries, w) = (start * k..end * k, &weights[start..end]);
                total += match (flat, flat_mut(&mut delta)) {
                    (Some((z, y)), Some(delta)) => {
                        block(fused, &z[entries.clone()], &y[entries.clone()], w, &mut delta[entries])
                    }
                    _ => {
                        let (z, y, mut delta) = (z.column(start), y.column(start), delta.column_mut(start));
                        block(fused, z.as_slice(), y.as_slice(), w, delta.as_mut_slice())
                    }
                };
            }
            total
        })))
    }

    fn response<T>(z: DMatrixViewMut<'a, T>) {
        let mut z = z;
        for mut z in z.column_iter_mut() {
            let max = z.max();
            z.apply(|z| *z = Fused::PORTABLE.exp(from_top(*z, max)));
            let sum = kernel::sum(z.as_slice());
            z.apply(|z| *z /= sum);
        }
    }

    fn curvature_product<T>(
        z: DMatrixView<'a, T>, weights: &'a [T], r: DMatrixView<'a, T>, out: DMatrixViewMut<'a, T>
    ) {
        let (k, mut out) = (z.nrows(), out);
        kernel::vectorize(inlined!(|fused| {
            if let (Some(z), Some(r), Some(out)) = (flat(&z), flat(&r), flat_mut(&mut out)) {
                let width = COLUMNS * k;
                let blocks = z.chunks(width).zip(r.chunks(width)).zip(out.chunks_mut(width));
                for (((z, r), out), w) in blocks.zip(weights.chunks(COLUMNS)) {
                    curve(fused, z, w, r, out);
                }
                return;
            }
            let columns = z.column_iter().zip(r.column_iter()).zip(out.column_iter_mut());
            for (((z, r), mut out), w) in columns.zip(weights.chunks(1)) {
                curve(fused, z.as_slice(), w, r.as_slice(), out.as_mut_slice());
            }
        }));
    }
}

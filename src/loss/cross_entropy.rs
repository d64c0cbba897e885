use nalgebra::{DMatrixView, DMatrixViewMut};

use super::Likelihood;
use super::TargetView;
use super::entries::{argmax, fit};
use crate::kernel::{self, Fused, compiled, flat, flat_mut, inlined, pairwise, with_scratch};
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
/// use gradus::{CrossEntropy, Loss, matrix};
///
/// let (z, y) = (matrix![1000.0; 0.0], matrix![0.0; 1.0]);
/// assert_eq!(CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]), 1000.0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[doc(alias("softmax", "cross-entropy", "cross entropy", "NLL", "multinomial"))]
pub struct CrossEntropy;

/// Columns worked on together, so that the exponentials of few classes run at the width of the machine.
const COLUMNS: usize = 32;
/// Entries worked on together, of many classes: scores and slopes that the nearest cache holds.
const ENTRIES: usize = 2048;
/// Entries of a long column that are folded side by side.
const LANES: usize = 64;

/// Columns of `k` entries, without gaps, that are worked on together.
fn width(k: usize) -> usize {
    (ENTRIES / k).clamp(1, COLUMNS)
}

/// `start`, which changes nothing, folded with what stands at `0..n`: one after the other, or of many in lanes, which
/// `join` brings together.
#[inline(always)]
fn fold<T: Real>(n: usize, start: T, f: impl Fn(T, usize) -> T, join: impl Fn(T, T) -> T) -> T {
    if n < LANES {
        return (0..n).fold(start, f);
    }
    let (mut lanes, rest) = ([start; LANES], n % LANES);
    for first in (0..n - rest).step_by(LANES) {
        for (i, lane) in lanes.iter_mut().enumerate() {
            *lane = f(*lane, first + i);
        }
    }
    for (i, lane) in lanes[..rest].iter_mut().enumerate() {
        *lane = f(*lane, n - rest + i);
    }
    kernel::halve(lanes, join)
}

/// `Σ term(i)`.
#[inline(always)]
fn sum<T: Real>(n: usize, term: impl Fn(usize) -> T) -> T {
    fold(n, T::zero(), inlined!(|sum, i| sum + term(i)), inlined!(|x, y| x + y))
}

#[inline(always)]
fn larger<T: Real>(x: T, y: T) -> T {
    if y > x { y } else { x }
}

#[inline(always)]
fn maximum<T: Real>(z: &[T]) -> T {
    fold(z.len(), z[0], inlined!(|max, i| larger(max, z[i])), larger)
}

/// `max z`, the sum `s` of `e^{z − max z}` over all classes but one of the largest score, and `ln(1 + s)`, which with
/// the maximum adds up to `logsumexp(z)`.
#[derive(Clone, Copy)]
struct Sums<T> {
    max: T,
    rest: T,
    log: T,
}

/// `s` of `k` numbers `e^{z − max z}`: where their sum is below 1.5, there is one 1 among them, which is left out rather
/// than subtracted.
#[inline(always)]
fn rest<T: Real>(k: usize, p: impl Fn(usize) -> T) -> T {
    let (zero, one) = (T::zero(), T::one());
    let all = sum(k, &p);
    if all >= T::of(1.5) {
        return all - one;
    }
    sum(k, inlined!(|i| Some(p(i)).filter(|p| *p != one).unwrap_or(zero)))
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
        sums.max = maximum(z);
        for (p, z) in p.iter_mut().zip(z) {
            *p = from_top(*z, sums.max);
        }
    }
    for p in p.iter_mut() {
        *p = fused.exp(*p);
    }
    for (p, sums) in p.chunks_exact(k).zip(&mut sums) {
        sums.rest = rest(k, inlined!(|i| p[i]));
    }
    sums
}

/// `Σ_i y_i (logsumexp(z) − z_i)`, each difference taken before the logarithm is added; it may overflow where
/// `y_i = 0`.
#[inline(always)]
fn cross_entropy<T: Real>(z: &[T], y: &[T], sums: Sums<T>) -> T {
    let (k, zero) = (z.len(), T::zero());
    let y = &y[..k];
    let all = sum(k, inlined!(|i| y[i] * ((sums.max - z[i]) + sums.log)));
    if all.abs() <= T::MAX {
        return all;
    }
    sum(k, inlined!(|i| if y[i] == zero { zero } else { y[i] * of_class(z[i], sums) }))
}

/// `logsumexp(z) − z_i`.
#[inline(always)]
fn of_class<T: Real>(z: T, sums: Sums<T>) -> T {
    sums.log - from_top(z, sums.max)
}

/// The weighted sum of the losses of neighbouring columns, and `p − y`, times the weights, in `delta`, if there is one.
#[inline(always)]
fn block<T: Real>(
    fused: Fused, z: &[T], y: TargetView<'_, T>, weights: &[T], delta: Option<&mut [T]>, room: &mut [T],
) -> T {
    let (k, has_delta) = (z.len() / weights.len(), delta.is_some());
    let p = delta.unwrap_or(&mut room[..z.len()]);
    let mut sums = softmax(fused, z, k, p);
    for sums in &mut sums {
        sums.log = fused.ln_1p(sums.rest);
    }
    let (numbers, classes) = match &y {
        TargetView::Numbers(y) => (flat(y).unwrap_or_default(), &[][..]),
        TargetView::Classes(classes) => (&[][..], *classes),
    };
    let mut total = T::zero();
    let columns = z.chunks_exact(k).zip(p.chunks_exact_mut(k)).zip(weights.iter().zip(&sums));
    for (j, ((z, p), (&w, &sums))) in columns.enumerate() {
        if w == T::zero() {
            p.fill(T::zero());
            continue;
        }
        total += w * match classes.get(j) {
            Some(class) => of_class(z[*class], sums),
            None => cross_entropy(z, &numbers[j * k..(j + 1) * k], sums),
        };
        match classes.get(j) {
            Some(class) if has_delta => slopes_of_class(z, *class, w, sums, p),
            None if has_delta => slopes(z, &numbers[j * k..(j + 1) * k], w, sums, p),
            _ => {}
        }
    }
    total
}

/// `w (p − y)` from `e^{z − max z}`, in place; of the largest score `(1 − y) − s/(1 + s)`, for a label `y ≥ ½`: then
/// `1 − y` is exact.
#[inline(always)]
fn slopes<T: Real>(z: &[T], y: &[T], w: T, sums: Sums<T>, delta: &mut [T]) {
    let (one, half) = (T::one(), T::of(0.5));
    let scale = one / (one + sums.rest);
    for (delta, y) in delta.iter_mut().zip(y) {
        *delta = w * (*delta * scale - *y);
    }
    if sums.rest < half {
        let m = z.iter().position(|z| *z == sums.max).unwrap_or(0);
        if y[m] >= half {
            delta[m] = w * ((one - y[m]) - sums.rest * scale);
        }
    }
}

/// The same where `y` is a one for the class, and zeros.
#[inline(always)]
fn slopes_of_class<T: Real>(z: &[T], class: usize, w: T, sums: Sums<T>, delta: &mut [T]) {
    let (zero, one) = (T::zero(), T::one());
    let scale = one / (one + sums.rest);
    let is_sure = sums.rest < T::of(0.5) && z[class] == sums.max;
    let own = if is_sure { zero - sums.rest * scale } else { delta[class] * scale - one };
    for delta in delta.iter_mut() {
        *delta = w * (*delta * scale);
    }
    delta[class] = w * own;
}

/// `w p ⊙ (r − pᵀr)` of neighbouring columns, `r` measured from that of the largest score.
#[inline(always)]
fn curve<T: Real>(fused: Fused, z: &[T], weights: &[T], r: &[T], out: &mut [T]) {
    let k = z.len() / weights.len();
    let sums = softmax(fused, z, k, out);
    for (((p, r), &w), sums) in out.chunks_exact_mut(k).zip(r.chunks_exact(k)).zip(weights).zip(sums) {
        let m = p.iter().position(|p| *p == T::one()).unwrap_or(0);
        let (all, top) = (T::one() + sums.rest, r[m]);
        let t = sum(k, inlined!(|i| p[i] * (r[i] - top))) / all;
        for (p, r) in p.iter_mut().zip(r) {
            *p = if w == T::zero() { T::zero() } else { w / all * *p * ((*r - top) - t) };
        }
    }
}

impl<T: Real> Loss<T> for CrossEntropy {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        let fits = fit(&[z.shape(), y.shape()], weights.len());
        if fits { total(z, TargetView::Numbers(y), weights, None) } else { T::NAN }
    }

    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T {
        let fits = fit(&[z.shape(), y.shape(), delta.shape()], weights.len());
        if fits { total(z, TargetView::Numbers(y), weights, Some(delta)) } else { T::NAN }
    }

    fn of_classes(
        &self, z: DMatrixView<'_, T>, classes: &[usize], weights: &[T], delta: Option<DMatrixViewMut<'_, T>>,
    ) -> Option<T> {
        // of one output it is not the class that is the target
        let fits = classes.len() == z.ncols() && classes.iter().all(|class| *class < z.nrows());
        let fits = fits && z.nrows() > 1 && classes.len() == weights.len();
        fits.then(|| total(z, TargetView::Classes(classes), weights, delta))
    }

    fn likelihood(&self) -> Likelihood {
        Likelihood::Known
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

    fn squashes(&self) -> bool {
        true
    }

    /// `Σ_i y_i r_i − max r`: how far the scores of a sample's own classes stay behind the largest, never positive.
    fn margin(&self, y: &[T], r: &[T], row: &mut [T]) -> T {
        if y.is_empty() || [y.len(), row.len()] != [r.len(); 2] {
            return T::NAN;
        }
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
    fn total<T>(
        z: DMatrixView<'a, T>, y: TargetView<'a, T>, weights: &'a [T], delta: Option<DMatrixViewMut<'a, T>>
    ) -> T {
        let (k, mut delta) = (z.nrows(), delta);
        let is_flat = delta.as_mut().is_none_or(|delta| flat_mut(delta).is_some());
        let width = if is_flat && flat(&z).is_some() && y.is_flat() { width(k) } else { 1 };
        with_scratch(k * width, |room| pairwise(0..weights.len(), COLUMNS * width, &mut |part| {
            kernel::vectorize(inlined!(|fused| {
                let mut total = T::zero();
                for start in part.clone().step_by(width) {
                    let columns = start..part.end.min(start + width);
                    let mut delta = delta.as_mut().map(|delta| delta.columns_range_mut(columns.clone()));
                    let (y, w) = (y.columns(columns.clone()), &weights[columns.clone()]);
                    let z = z.columns_range(columns);
                    total += block(fused, flat(&z).unwrap_or_default(), y, w, delta.as_mut().and_then(flat_mut), room);
                }
                total
            }))
        }))
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
        let is_flat = flat(&z).is_some() && flat(&r).is_some() && flat_mut(&mut out).is_some();
        let width = if is_flat { width(k) } else { 1 };
        kernel::vectorize(inlined!(|fused| {
            for (i, w) in weights.chunks(width).enumerate() {
                let columns = i * width..i * width + w.len();
                let (z, r) = (z.columns_range(columns.clone()), r.columns_range(columns.clone()));
                let mut out = out.columns_range_mut(columns);
                if let (Some(z), Some(r), Some(out)) = (flat(&z), flat(&r), flat_mut(&mut out)) {
                    curve(fused, z, w, r, out);
                }
            }
        }));
    }
}

//! The signs of the eigenvalues and the ends of the spectrum, without the spectrum.

use nalgebra::{DMatrix, DVector};

use super::inertia::signs;
use super::ql::finite;
use super::tridiagonal::symmetric;
use super::{Lanczos, cholesky, cholesky_solve};
use crate::kernel::real::{Real, compiled};
use crate::kernel::sums::norm_inf;

/// The least and the greatest eigenvalue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ends<T> {
    /// In the unit of [`Shifted`].
    least: T,
    greatest: T,
    /// By how much each can miss an eigenvalue.
    doubts: [T; 2],
}

/// How many eigenvalues lie beyond a tolerance on both sides of zero, and the ends.
#[derive(Debug)]
pub(crate) struct Counts<T: Real> {
    pub(crate) positive: usize,
    pub(crate) negative: usize,
    pub(crate) extremes: [T; 2],
    /// The unit eigenvector of the least eigenvalue, where that is negative.
    pub(crate) direction: Option<DVector<T>>,
}

/// How near an end is to an eigenvalue, beside the larger modulus.
const ROUGH: f64 = 1e-2;

compiled! {
    /// The ends to about a hundredth of the larger modulus, by Lanczos' method, as such and as numbers. `None` where its
    /// iteration did not end.
    pub(crate) fn ends<T>(h: &'a DMatrix<T>) -> Option<(Ends<T>, [T; 2])> {
        let (n, mut h) = (h.nrows(), Shifted::new(h));
        let a = h.minus(T::zero());
        let (ends, _) = lanczos(n, [T::of(ROUGH); 2], |x, y| {
            y.fill(T::zero());
            symmetric(a, n, 0, x, y);
        })?;
        Some((ends, h.extremes(ends)))
    }

    /// The eigenvalues `> tolerance` and `< −tolerance`: that all are, or none is, a Cholesky factorisation of
    /// `H ∓ tolerance` shows; else by the inertia of the two. `None` where an iteration did not end.
    pub(crate) fn counts<T>(h: &'a DMatrix<T>, ends: Ends<T>, tolerance: T) -> Option<Counts<T>> {
        let (n, mut h) = (h.nrows(), Shifted::new(h));
        let tolerance = tolerance * h.unit;
        for shift in [tolerance, -tolerance] {
            if ends.least > shift && let Some((least, _, _)) = h.above(shift, T::of(ROUGH)) {
                let positive = if shift == tolerance { n } else { signs(h.minus(tolerance), n)[0] };
                let extremes = h.extremes(Ends { least, ..ends });
                return Some(Counts { positive, negative: 0, extremes, direction: None });
            }
        }
        let [positive, _] = signs(h.minus(tolerance), n);
        let [_, negative] = signs(h.minus(-tolerance), n);
        if negative == 0 {
            return Some(Counts { positive, negative, extremes: h.extremes(ends), direction: None });
        }
        let (least, direction) = h.least_pair(ends, tolerance)?;
        let extremes = h.extremes(Ends { least, ..ends });
        Some(Counts { positive, negative, extremes, direction: Some(DVector::from_vec(direction)) })
    }
}

/// `H − shift 1` in the lower triangle of a buffer, in a unit that takes the largest entry of `H` next to 1.
struct Shifted<'a, T: Real> {
    h: &'a DMatrix<T>,
    unit: T,
    back: T,
    a: Vec<T>,
}

impl<'a, T: Real> Shifted<'a, T> {
    fn new(h: &'a DMatrix<T>) -> Self {
        let (unit, back) = norm_inf(h.as_slice()).unit();
        Self { h, unit, back, a: vec![T::zero(); h.len()] }
    }

    fn extremes(&self, ends: Ends<T>) -> [T; 2] {
        [ends.least, ends.greatest].map(|end| finite(end * self.back))
    }

    fn minus(&mut self, shift: T) -> &mut [T] {
        let (n, unit) = (self.h.nrows(), self.unit);
        let columns = self.a.chunks_exact_mut(n).zip(self.h.as_slice().chunks_exact(n));
        for (j, (a, h)) in columns.enumerate() {
            a[j..].iter_mut().zip(&h[j..]).for_each(|(a, h)| *a = *h * unit);
            a[j] -= shift;
        }
        &mut self.a
    }

    /// The least eigenvalue, by how much it may be less, and its unit eigenvector, where a Cholesky factorisation shows
    /// that it is above `shift`: the greatest `1 / (λ − shift)` to the accuracy.
    fn above(&mut self, shift: T, accuracy: T) -> Option<(T, T, Vec<T>)> {
        let (n, a) = (self.h.nrows(), self.minus(shift));
        if !cholesky(a, n) {
            return None;
        }
        let (inverse, vector) = lanczos(n, [T::MAX, accuracy], |x, y| {
            y.copy_from_slice(x);
            cholesky_solve(a, n, y);
        })?;
        let [from, to] = [inverse.greatest + inverse.doubts[1], inverse.greatest].map(|x| T::one() / x);
        Some((shift + to, to - from, vector))
    }

    /// The least eigenvalue and its unit eigenvector, by a shift that is below all eigenvalues and then by one next to
    /// the least: the nearer the shift, the fewer steps.
    fn least_pair(&mut self, ends: Ends<T>, tolerance: T) -> Option<(T, Vec<T>)> {
        let rounding = T::of(16.0) * tolerance;
        let mut gap = ends.doubts[0].max(ends.least.abs() / T::of(64.0)).max(rounding);
        let rough = (0..64).find_map(|_| {
            let found = self.above(ends.least - gap, T::of(0.1));
            gap *= T::of(4.0);
            found
        });
        let (least, doubt, _) = rough?;
        let next = self.above(least - doubt - rounding, T::EPSILON);
        let (least, _, vector) = next.or_else(|| self.above(ends.least - gap / T::of(4.0), T::EPSILON))?;
        Some((least, vector))
    }
}

/// Steps of Lanczos' method at most, and after how many its Ritz values are looked at.
const STEPS: usize = 100;
const LOOK: usize = 4;

/// The ends of the spectrum of a symmetric operator, and the unit Ritz vector of the greatest. Ends when they miss an
/// eigenvalue by at most so much of the larger modulus.
fn lanczos<T: Real>(
    n: usize, accuracy: [T; 2], mut multiply: impl FnMut(&[T], &mut [T]),
) -> Option<(Ends<T>, Vec<T>)> {
    let mut next: Vec<T> = (0..n).map(|i| T::of(((i * i + 1) as f64).sin())).collect();
    let mut run = Lanczos::default();
    Lanczos::start(&mut run, &next, n.min(STEPS));
    loop {
        multiply(run.last(), &mut next);
        let is_last = !Lanczos::take(&mut run, &mut next);
        if !(is_last || run.steps() % LOOK == 0) {
            continue;
        }
        if !Lanczos::ritz(&mut run, 1) {
            return None;
        }
        let [least, greatest] = run.ends();
        let doubts = [least, greatest].map(|end| run.doubt(end));
        let size = least.abs().max(greatest.abs());
        if is_last || (0..2).all(|i| doubts[i] <= accuracy[i] * size) {
            if !Lanczos::ritz(&mut run, n) {
                return None;
            }
            Lanczos::vector(&run, run.ends()[1], &mut next);
            return Some((Ends { least, greatest, doubts }, next));
        }
    }
}

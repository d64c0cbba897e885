use nalgebra::DMatrixView;

use crate::kernel::{self, compiled, pairwise};

compiled! {
    /// `R² = 1 − Σ w (y − z)² / Σ w (y − ȳ)²` over all outputs, `ȳ` the weighted mean of each; all powers of two that
    /// the squares might carry out of the range are taken out before.
    pub(crate) fn determination<T>(z: DMatrixView<'a, T>, y: DMatrixView<'a, T>, weights: &'a [T]) -> T {
        let (scale, _) = kernel::norm_inf(weights).unit();
        let sum = |f: &dyn Fn(usize) -> T| {
            pairwise(0..weights.len(), SAMPLES, &mut |part| {
                part.fold(T::zero(), |sum, j| sum + weights[j] * scale * f(j))
            })
        };
        let total = sum(&|_| T::one());
        // the mean squares of each output, times a power of two; a sixteenth of their roots is a number in any case
        let squares = |i: usize| {
            let (z, y) = (z.row(i), y.row(i));
            let (down, up) = z.amax().max(y.amax()).unit();
            let rough = sum(&|j| y[j] * down) / total;
            let mean = rough + sum(&|j| y[j] * down - rough) / total;
            let square = |f: &dyn Fn(usize) -> T| sum(&|j| f(j) * f(j)) / total;
            ([square(&|j| y[j] * down - z[j] * down), square(&|j| y[j] * down - mean)], up * T::of(0.0625))
        };
        let outputs: Vec<_> = (0..y.nrows()).map(squares).collect();
        let largest = outputs.iter().fold(T::zero(), |l, ([r, d], up)| l.max(r.max(*d).sqrt() * *up));
        let (down, _) = largest.unit();
        let squares = |k: usize| {
            let terms = outputs.iter().filter(|(s, _)| s[k] != T::zero());
            terms.fold(T::zero(), |sum, (s, up)| sum + s[k] * (*up * down) * (*up * down))
        };
        T::one() - squares(0) / squares(1)
    }
}

/// Samples that are added one after the other.
const SAMPLES: usize = 32;

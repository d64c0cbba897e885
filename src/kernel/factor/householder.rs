//! Least squares by Householder reflections, over blocks of samples that fit a cache.
//!
//! A block of rows `C` goes under the triangle so far, and reflections `H_j = 1 − τ v vᵀ` clear it column by
//! column. Each touches one row of the triangle: `v = (e_j, y)`, with `y` where the block's column was. A panel
//! of columns acts as one, `1 − V T Vᵀ` (Schreiber and Van Loan, 1989), so that nearly all work is products;
//! panels are halved down to a few columns (Elmroth and Gustavson, 2000).
#![expect(unsafe_code, reason = "hands columns of one buffer to the tiles as pointers")]

use super::reflector::{reflect, reflection};
use crate::kernel::product::{add_product, even_part, product};
use crate::kernel::real::Real;
use crate::kernel::simd::{Lines, PackRows, dispatch};
use crate::kernel::sums::{dot, larger, scale, unit};
use crate::kernel::views::Factor;

/// Columns of a panel, which act together on all columns to their right.
const PANEL: usize = 32;
/// Columns reflected one by one.
const NARROW: usize = 8;

/// The rows of a least-squares problem: samples `x` (`n × m`), a last coefficient for the constant 1 if `bias`,
/// targets `y` (`k × m`), and a weight each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Samples<'a, T> {
    pub(crate) x: Factor<'a, T>,
    /// What is subtracted from each row of `x`.
    pub(crate) origin: &'a [T],
    pub(crate) bias: bool,
    pub(crate) y: Factor<'a, T>,
    pub(crate) weights: Option<&'a [T]>,
}

impl<T: Real> Samples<'_, T> {
    /// Coefficients of each output.
    pub(crate) fn coefficients(&self) -> usize {
        self.x.rows + usize::from(self.bias)
    }

    pub(crate) fn outputs(&self) -> usize {
        self.y.rows
    }

    /// One over the power of two next to the largest entry of each column `x_i`, `1`, `y_o`.
    fn scales(&self) -> Vec<T> {
        let of_rows = |f: &Factor<'_, T>| -> Vec<T> {
            let row = |i| (0..f.cols).fold(T::zero(), |max, j| larger(max, f.at(i, j)));
            (0..f.rows).map(row).collect()
        };
        let mut scales = of_rows(&self.x);
        scales.extend(self.bias.then(T::one));
        scales.extend(of_rows(&self.y));
        scales.iter_mut().for_each(|s| *s = unit(*s));
        scales
    }

    /// Copies samples from `start` on to the rows of `block`, columns `x_i`, `1`, `y_o`, each times its scale,
    /// and each row times the root of its weight if `weighted`.
    pub(super) fn load(&self, start: usize, block: &mut Rows<T>, scales: &[T], weighted: bool) {
        let count = block.count;
        let (p, n) = (self.coefficients(), self.x.rows);
        for (f, first) in [(self.x, 0), (self.y, p)] {
            assert!(block.data.len() >= (first + f.rows) * block.stride);
            let samples = f.columns(start..start + count);
            let (from, line, step) = (samples.as_ptr(), samples.col_stride, samples.row_stride);
            let to = block.data[first * block.stride..].as_mut_ptr();
            let lines = Lines { count, depth: f.rows, from, line, step, to };
            // SAFETY: `count` samples from `start` on; as many rows, up to a multiple of 16, of the block.
            unsafe { dispatch(PackRows(lines, Some(block.stride))) };
        }
        for (j, origin) in self.origin.iter().enumerate().filter(|(_, origin)| **origin != T::zero()) {
            block.column(j).iter_mut().for_each(|x| *x -= *origin);
        }
        if self.bias {
            block.column(n).fill(T::one());
        }
        let weights = self.weights.filter(|_| weighted).map(|w| &w[start..start + count]);
        for (j, s) in scales.iter().enumerate() {
            if *s != T::one() {
                scale(*s, block.column(j));
            }
            if let Some(weights) = weights {
                for (x, w) in block.column(j).iter_mut().zip(weights) {
                    *x *= w.sqrt();
                }
            }
        }
    }
}

/// A block of rows, by columns.
#[derive(Debug)]
pub(super) struct Rows<T> {
    data: Vec<T>,
    /// Rows in use.
    pub(super) count: usize,
    /// From column to column: not a power of two, which would crowd the cache's sets.
    stride: usize,
}

impl<T: Real> Rows<T> {
    /// Space for up to `samples` rows of `columns`, half a megabyte at most where columns are not too many.
    pub(super) fn new(samples: usize, columns: usize) -> Self {
        let limit = ((512 << 10) / (columns.max(1) * size_of::<T>())).clamp(128, 512);
        let count = even_part(samples.max(1), limit, 16);
        let stride = count + 16;
        Self { data: vec![T::zero(); stride * columns], count, stride }
    }

    pub(super) fn column(&mut self, j: usize) -> &mut [T] {
        &mut self.data[j * self.stride..][..self.count]
    }

    fn columns(&self, j: usize, width: usize) -> Factor<'_, T> {
        let data = &self.data[j * self.stride..(j + width) * self.stride];
        Factor::strided(data, (self.count, width), (1, self.stride))
    }
}

/// `Qᵀ (√W X̃, √W Y) = (R, Qᵀ y)`: what is left of a least-squares problem.
#[derive(Debug)]
pub(crate) struct Triangle<T> {
    /// `p × (p + k)` by columns: R, then Qᵀ y; of scaled columns.
    pub(super) r: Vec<T>,
    /// What each column was multiplied with, powers of two.
    pub(super) scales: Vec<T>,
    /// The root of the weighted sum of squared residuals of each output, penalty included.
    pub(crate) residual: Vec<T>,
}

/// Reflects the samples, and rows `√λ_j β_j` of a `ridge` penalty (one `λ` for each coefficient, or none at
/// all), into a triangle. Every non-finite input leaves NaN behind.
pub(crate) fn factorise<T: Real>(samples: &Samples<'_, T>, ridge: &[T]) -> Triangle<T> {
    let plain = reflect_all(samples, ridge, vec![T::one(); samples.coefficients() + samples.outputs()]);
    // Squares of extreme numbers leave the range of the scalar: scaled by powers of two, nothing else changes.
    if plain.is_moderate() { plain } else { reflect_all(samples, ridge, samples.scales()) }
}

fn reflect_all<T: Real>(samples: &Samples<'_, T>, ridge: &[T], scales: Vec<T>) -> Triangle<T> {
    let (p, k, m) = (samples.coefficients(), samples.outputs(), samples.x.cols);
    assert!(samples.y.cols == m && samples.weights.is_none_or(|w| w.len() == m));
    assert!(ridge.is_empty() || ridge.len() == p);
    let mut work = Work {
        p,
        r: vec![T::zero(); p * (p + k)],
        rows: Rows::new(m, p + k),
        t: vec![T::zero(); PANEL * PANEL],
        small: [vec![T::zero(); PANEL * (p + k)], vec![T::zero(); PANEL * (p + k)]],
    };
    for (j, lambda) in ridge.iter().enumerate() {
        work.r[j * p + j] = lambda.sqrt() * scales[j];
    }
    let mut residual = vec![T::zero(); k];
    let step = work.rows.count;
    for start in (0..m).step_by(step) {
        work.rows.count = step.min(m - start);
        samples.load(start, &mut work.rows, &scales, true);
        for j in (0..p).step_by(PANEL) {
            let width = PANEL.min(p - j);
            work.factorise(j, width, j);
            work.apply(j, width, j, j + width..p + k);
        }
        for (o, residual) in residual.iter_mut().enumerate() {
            let y = work.rows.column(p + o);
            *residual += dot(y, y);
        }
    }
    for (residual, s) in residual.iter_mut().zip(&scales[p..]) {
        *residual = residual.sqrt() / *s;
    }
    Triangle { r: work.r, scales, residual }
}

struct Work<T> {
    p: usize,
    r: Vec<T>,
    rows: Rows<T>,
    /// `T` of the present panel, its columns [`PANEL`] apart.
    t: Vec<T>,
    small: [Vec<T>; 2],
}

impl<T: Real> Work<T> {
    /// Clears columns `j..j + width` of the block, which belong to the panel from `panel` on.
    fn factorise(&mut self, j: usize, width: usize, panel: usize) {
        if width <= NARROW {
            return self.reflect(j, width, panel);
        }
        let left = (width / 2).next_multiple_of(NARROW);
        self.factorise(j, left, panel);
        self.apply(j, left, panel, j + left..j + width);
        self.factorise(j + left, width - left, panel);
        self.join(j - panel, left, width, panel);
    }

    /// `T₁₂ = −T₁ (Y₁ᵀ Y₂) T₂` for the halves of a panel.
    fn join(&mut self, at: usize, left: usize, width: usize, panel: usize) {
        let right = width - left;
        let j = panel + at;
        let [g, h] = &mut self.small;
        let (y1, y2) = (self.rows.columns(j, left), self.rows.columns(j + left, right));
        product(T::one(), y1.t(), y2, T::zero(), g);
        let part = |t, size| Factor::strided(t, (size, size), (1, PANEL));
        let t1 = part(&self.t[at * PANEL + at..], left);
        product(-T::one(), t1, Factor::new(g, left, right), T::zero(), h);
        let t2 = part(&self.t[(at + left) * PANEL + at + left..], right);
        product(T::one(), Factor::new(h, left, right), t2, T::zero(), g);
        for (c, g) in g[..left * right].chunks_exact(left).enumerate() {
            self.t[(at + left + c) * PANEL + at..][..left].copy_from_slice(g);
        }
    }

    /// `C ← (1 − V T Vᵀ)ᵀ C` for some columns right of the panel's part `j..j + width`:
    /// `W = Tᵀ (C_top + Yᵀ C)`, `C_top ← C_top − W`, `C ← C − Y W`.
    fn apply(&mut self, j: usize, width: usize, panel: usize, columns: std::ops::Range<usize>) {
        let count = columns.len();
        if count == 0 {
            return;
        }
        let [w, tw] = &mut self.small;
        let tops = columns.clone().map(|c| c * self.p + j);
        for (w, top) in w.chunks_exact_mut(width).zip(tops.clone()) {
            w.copy_from_slice(&self.r[top..top + width]);
        }
        let (y, c) = (self.rows.columns(j, width), self.rows.columns(columns.start, count));
        product(T::one(), y.t(), c, T::one(), w);
        let at = j - panel;
        let t = &self.t[at * PANEL + at..];
        let t = Factor::strided(t, (width, width), (1, PANEL));
        product(T::one(), t.t(), Factor::new(w, width, count), T::zero(), tw);
        for (w, top) in tw.chunks_exact(width).zip(tops) {
            for (r, w) in self.r[top..top + width].iter_mut().zip(w) {
                *r -= *w;
            }
        }
        let (rows, stride) = (self.rows.count, self.rows.stride);
        let (left, right) = self.rows.data.split_at_mut(columns.start * stride);
        let y = Factor::strided(&left[j * stride..], (rows, width), (1, stride));
        add_product(-T::one(), y, Factor::new(tw, width, count), right, stride);
    }

    /// Reflects columns `j..j + width` one by one, and builds their `T`.
    fn reflect(&mut self, j: usize, width: usize, panel: usize) {
        let (p, stride, depth) = (self.p, self.rows.stride, self.rows.count);
        for c in 0..width {
            let top = (j + c) * p + j + c;
            let (diagonal, tau) = reflection(self.r[top], self.rows.column(j + c));
            self.r[top] = diagonal;
            // yᵀ y_i of the columns before, yᵀ c_i of those after.
            let mut dots = [T::zero(); NARROW];
            let (all, y) = (self.rows.columns(j, width), self.rows.columns(j + c, 1));
            product(T::one(), all.t(), y, T::zero(), &mut dots);
            let at = j - panel;
            for i in 0..c {
                let sum = (i..c).fold(T::zero(), |sum, l| sum + self.t[(at + l) * PANEL + at + i] * dots[l]);
                self.t[(at + c) * PANEL + at + i] = -tau * sum;
            }
            self.t[(at + c) * PANEL + at + c] = tau;
            let (left, right) = self.rows.data.split_at_mut((j + c + 1) * stride);
            let y = &left[(j + c) * stride..][..depth];
            for (i, other) in (c + 1..width).zip(right.chunks_exact_mut(stride)) {
                let top = &mut self.r[(j + i) * p + j + c];
                reflect(dots[i], tau, y, top, &mut other[..depth]);
            }
        }
    }
}

//! Least squares by Householder reflections, over blocks of samples that fit a cache.
//!
//! A block of rows `C` goes under the triangle so far, and reflections `H_j = 1 − τ v vᵀ` clear it column by
//! column. Each touches one row of the triangle: `v = (e_j, y)`, with `y` where the block's column was. A panel
//! of columns acts as one, `1 − V T Vᵀ` (Schreiber and Van Loan, 1989), so that nearly all work is products;
//! panels are halved down to a few columns (Elmroth and Gustavson, 2000).
#![expect(unsafe_code, reason = "hands columns of one buffer to the tiles as pointers")]

use super::reflector::{reflect as reflect_column, reflection};
use crate::kernel::product::{add_product, product};
use crate::kernel::simd::{Lines, PackRows, dispatch};
use crate::kernel::sums::{dot, scale};
use crate::kernel::{Factor, Real, compiled};

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

    pub(crate) fn count(&self) -> usize {
        self.x.cols
    }

    /// `X`, column by column.
    pub(crate) fn x_in_double(&self) -> Vec<f64> {
        let column = |j: usize| (0..self.x.rows).map(move |i| self.x.at(i, j).f64());
        (0..self.x.cols).flat_map(column).collect()
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
    /// Space for so many rows of `columns`.
    fn new(count: usize, columns: usize) -> Self {
        let stride = count.next_multiple_of(16) + 16;
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

/// `Qᵀ (√W X̃, √W Y) = (R, Qᵀ y)`: what is left of a least-squares problem. Every non-finite input leaves NaN behind.
#[derive(Debug)]
pub(crate) struct Triangle<T> {
    /// `p × (p + k)` by columns: R, then Qᵀ y; of scaled columns.
    pub(super) r: Vec<T>,
    /// What each column was multiplied with, powers of two.
    pub(super) scales: Vec<T>,
    /// The weighted sum of squared residuals of each output, penalty included; of scaled columns.
    pub(super) squares: Vec<T>,
}

impl<T: Real> Triangle<T> {
    /// Of no samples, for `p` coefficients and a scale for each of the columns.
    pub(crate) fn new(p: usize, scales: &[T]) -> Self {
        let squares = vec![T::zero(); scales.len() - p];
        Self { r: vec![T::zero(); p * scales.len()], scales: scales.to_vec(), squares }
    }
    /// All that depends on the samples.
    pub(crate) fn entries(&mut self) -> impl Iterator<Item = &mut T> {
        self.r.iter_mut().chain(&mut self.squares)
    }

    compiled! {
        /// Adds the rows `√λ_j β_j` of a penalty with one `λ` for each coefficient.
        pub(crate) fn penalise(this: &'a mut Triangle<T>, ridge: &'a [T]) {
            let p = ridge.len();
            let mut rows = Triangle::new(p, &this.scales);
            for (j, lambda) in ridge.iter().enumerate() {
                rows.r[j * p + j] = lambda.sqrt() * this.scales[j];
            }
            stack(this, &rows);
        }
    }
}

/// Reflects the samples, as many as the buffers hold, to the triangle of those before.
pub(in crate::kernel) fn reflect<T: Real>(
    triangle: &mut Triangle<T>, samples: &Samples<'_, T>, work: &mut Reflections<T>,
) {
    assert!(samples.y.cols == samples.x.cols && samples.weights.is_none_or(|w| w.len() == samples.x.cols));
    work.rows.count = samples.x.cols;
    samples.load(0, &mut work.rows, &triangle.scales, true);
    std::mem::swap(&mut work.r, &mut triangle.r);
    for j in (0..work.p).step_by(PANEL) {
        work.panel(j);
    }
    std::mem::swap(&mut work.r, &mut triangle.r);
    work.add_squares(&mut triangle.squares);
}

/// Reflects the rows of another triangle of the same scales to this one. A panel of columns has no rows below it.
pub(in crate::kernel) fn stack<T: Real>(triangle: &mut Triangle<T>, other: &Triangle<T>) {
    let (p, k) = (triangle.scales.len() - triangle.squares.len(), triangle.squares.len());
    let mut work = Reflections::of(p.min(ROWS), p, k);
    std::mem::swap(&mut work.r, &mut triangle.r);
    for start in (0..p).step_by(ROWS) {
        let count = ROWS.min(p - start);
        work.rows.count = count;
        for (j, column) in other.r.chunks_exact(p).enumerate() {
            work.rows.column(j).copy_from_slice(&column[start..start + count]);
        }
        for j in (start / PANEL * PANEL..p).step_by(PANEL) {
            work.rows.count = count.min(j + PANEL - start);
            work.panel(j);
        }
        work.rows.count = count;
        work.add_squares(&mut triangle.squares);
    }
    std::mem::swap(&mut work.r, &mut triangle.r);
    triangle.squares.iter_mut().zip(&other.squares).for_each(|(sum, other)| *sum += *other);
}

/// Rows of another triangle at a time, a multiple of [`PANEL`].
const ROWS: usize = 128;

/// Buffers for reflections.
#[derive(Debug)]
pub(crate) struct Reflections<T> {
    p: usize,
    r: Vec<T>,
    pub(super) rows: Rows<T>,
    /// `T` of the present panel, its columns [`PANEL`] apart.
    t: Vec<T>,
    small: [Vec<T>; 2],
}

impl<T: Real> Reflections<T> {
    /// Samples at a time, a power of two: half a megabyte at most where columns are not too many.
    pub(crate) fn width(columns: usize) -> usize {
        1 << ((512 << 10) / (columns.max(1) * size_of::<T>())).clamp(128, 512).ilog2()
    }

    /// For `p` coefficients of `k` outputs.
    pub(crate) fn new(p: usize, k: usize) -> Self {
        Self::of(Self::width(p + k), p, k)
    }

    fn of(rows: usize, p: usize, k: usize) -> Self {
        let small = || vec![T::zero(); PANEL * (p + k)];
        Self {
            p,
            r: Vec::new(),
            rows: Rows::new(rows, p + k),
            t: vec![T::zero(); PANEL * PANEL],
            small: [small(), small()],
        }
    }

    /// Clears the panel from column `j` on, and applies its reflections to all columns to its right.
    fn panel(&mut self, j: usize) {
        let (width, columns) = (PANEL.min(self.p - j), self.r.len() / self.p);
        self.factorise(j, width, j);
        self.apply(j, width, j, j + width..columns);
    }

    /// Adds the squares of what is left of the targets.
    fn add_squares(&mut self, squares: &mut [T]) {
        for (o, squares) in squares.iter_mut().enumerate() {
            let y = self.rows.column(self.p + o);
            *squares += dot(y, y);
        }
    }

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
                reflect_column(dots[i], tau, y, top, &mut other[..depth]);
            }
        }
    }
}

//! The linearised problem `min ‖r + A y‖` with `A = J D⁻¹`, damped or not, by an orthogonal factorisation.

use nalgebra::DMatrix;

use super::reflector::{reflect, reflection};
use crate::kernel::real::{Real, compiled};
use crate::kernel::sums::norm;

/// `A P = Q R` with column pivoting, and `Qᵀ r`.
#[derive(Debug, Clone)]
pub(crate) struct Linearised<T> {
    n: usize,
    /// The `m × n` factorisation: `R` in the upper triangle.
    a: Vec<T>,
    m: usize,
    /// `Qᵀ r`.
    c: Vec<T>,
    /// Column `k` of `A P` is column `pivots[k]` of `A`.
    pivots: Vec<usize>,
    rank: usize,
    /// Norms of the columns of `A P`.
    norms: Vec<T>,
    /// The triangle of the damped problem, and the row that is rotated into it.
    s: Vec<T>,
    row: Vec<T>,
    /// The solution, in the order of the pivots.
    y: Vec<T>,
    work: Vec<T>,
}

impl<T: Real> Linearised<T> {
    pub(crate) fn new() -> Self {
        Self {
            n: 0,
            m: 0,
            a: Vec::new(),
            c: Vec::new(),
            pivots: Vec::new(),
            rank: 0,
            norms: Vec::new(),
            s: Vec::new(),
            row: Vec::new(),
            y: Vec::new(),
            work: Vec::new(),
        }
    }

    compiled! {
        /// `‖P r‖`: the part of the residuals that the linearised problem takes away.
        pub(crate) fn projection(&this: Linearised<T>) -> T { norm(&this.c[..this.rank]) }
    }

    compiled! {
        /// [`reflect_all`](Self::reflect_all).
        pub(crate) fn factorise(&mut this: Linearised<T>, jacobian: &'a DMatrix<T>, d: &'a [T], r: &'a [T]) {
            this.reflect_all(jacobian, d, r);
        }

        /// [`solve`](Self::solve).
        pub(crate) fn newton(&mut this: Linearised<T>) -> T { this.solve() }

        /// [`solve_within`](Self::solve_within).
        pub(crate) fn within(&mut this: Linearised<T>, delta: T, lambda: &'a mut T) -> T {
            this.solve_within(delta, lambda)
        }

        /// [`multiply`](Self::multiply).
        pub(crate) fn change(&mut this: Linearised<T>) -> T { this.multiply() }
    }

    /// Factorises `J D⁻¹` by Householder reflections, first the column of which most is left (Businger and Golub
    /// 1965), as a share of its length: what is dependent does not depend on units.
    fn reflect_all(&mut self, jacobian: &DMatrix<T>, d: &[T], r: &[T]) {
        let (m, n) = jacobian.shape();
        if (self.m, self.n) != (m, n) {
            let zeros = |len| vec![T::zero(); len];
            (self.m, self.n, self.a, self.c) = (m, n, zeros(m * n), zeros(m.max(n)));
            (self.s, self.row, self.y, self.work) = (zeros(n * n), zeros(n), zeros(n), zeros(n));
            (self.pivots, self.norms) = (vec![0; n], zeros(n));
        }
        self.c.fill(T::zero());
        self.c[..m].copy_from_slice(r);
        self.a.copy_from_slice(jacobian.as_slice());
        for (j, (&d, pivot)) in d.iter().zip(&mut self.pivots).enumerate() {
            *pivot = j;
            let column = &mut self.a[j * m..][..m];
            column.iter_mut().for_each(|a| *a /= unit(d));
            self.norms[j] = norm(column);
        }
        let clear = T::of(m.max(n) as f64) * T::EPSILON;
        self.rank = 0;
        for k in 0..m.min(n) {
            let tail = |j: usize| j * m + k..(j + 1) * m;
            let mut most = (k, T::zero(), T::zero());
            for j in k..n {
                let length = norm(&self.a[tail(j)]);
                let share = length / self.norms[j];
                if share > most.1 {
                    most = (j, share, length);
                }
            }
            let (pivot, share, length) = most;
            if pivot != k {
                self.pivots.swap(k, pivot);
                self.norms.swap(k, pivot);
                let (left, right) = self.a.split_at_mut(pivot * m);
                left[k * m..][..m].swap_with_slice(&mut right[..m]);
            }
            if share > clear {
                self.rank = k + 1;
            }
            if length == T::zero() {
                break; // all that is left is zero
            }
            let (left, right) = self.a.split_at_mut((k + 1) * m);
            let (top, y) = left[k * m + k..].split_first_mut().expect("k < m");
            let (diagonal, tau) = reflection(*top, y);
            *top = diagonal;
            for column in right.chunks_exact_mut(m).chain([&mut self.c[..m]]) {
                let (top, below) = column[k..].split_first_mut().expect("k < m");
                reflect(tau, y, top, below);
            }
        }
    }

    fn r(&self, i: usize, j: usize) -> T {
        if i < self.m && j < self.n { self.a[j * self.m + i] } else { T::zero() }
    }

    /// The undamped solution (basic where the rank is short); its length.
    fn solve(&mut self) -> T {
        self.y.fill(T::zero());
        for i in (0..self.rank).rev() {
            let sum = (i + 1..self.rank).fold(-self.c[i], |sum, j| sum - self.r(i, j) * self.y[j]);
            self.y[i] = sum / self.r(i, i);
        }
        norm(&self.y)
    }

    /// The solution of length `Δ`, to a tenth, where the undamped one is longer: `min ‖r + A y‖² + λ ‖y‖²` for
    /// the `λ` that makes it so. Its length; `λ` starts from the one before.
    ///
    /// Source: Moré, *The Levenberg-Marquardt algorithm: implementation and theory* (1978), section 5.
    fn solve_within(&mut self, delta: T, lambda: &mut T) -> T {
        let mut length = self.solve();
        let tenth = T::of(0.1) * delta;
        if length - delta <= tenth && length.is_finite() {
            *lambda = T::zero();
            return length;
        }
        let mut lower = T::zero();
        if self.rank == self.n && length.is_finite() {
            let bend = self.bend(length, false);
            lower = (length - delta) / delta / bend / bend;
        }
        let gradient = self.gradient_length();
        let mut upper = gradient / delta;
        if !(upper > T::zero()) {
            upper = T::EPSILON;
        }
        *lambda = lambda.max(lower).min(upper);
        if *lambda == T::zero() {
            *lambda = (gradient / length.min(T::MAX)).max(upper * T::of(1e-3));
        }
        for _ in 0..20 {
            length = self.damped(*lambda);
            let over = length - delta;
            if over.abs() <= tenth {
                break;
            }
            if over > T::zero() {
                lower = lower.max(*lambda);
            } else {
                upper = upper.min(*lambda);
            }
            let bend = self.bend(length, true);
            let newton = *lambda + over / delta / bend / bend;
            *lambda = if newton > lower && newton < upper {
                newton
            } else {
                (lower * upper).sqrt().max(upper * T::of(1e-3))
            };
        }
        length
    }

    /// `‖Rᵀ Qᵀr‖`, the length of the scaled gradient.
    fn gradient_length(&mut self) -> T {
        for j in 0..self.n {
            self.work[j] = (0..=j).fold(T::zero(), |sum, i| sum + self.r(i, j) * self.c[i]);
        }
        norm(&self.work)
    }

    /// `‖S⁻ᵀ y‖ / ‖y‖`, with `S` the triangle of the damped problem, or `R`.
    fn bend(&mut self, length: T, damped: bool) -> T {
        for i in 0..self.n {
            let entry = |j: usize| if damped { self.s[i * self.n + j] } else { self.r(j, i) };
            let sum = (0..i).fold(self.y[i] / length, |sum, j| sum - entry(j) * self.work[j]);
            self.work[i] = sum / entry(i);
        }
        norm(&self.work)
    }

    /// The solution for `λ > 0`, by rotations of the rows `√λ` into the triangle; its length.
    fn damped(&mut self, lambda: T) -> T {
        let n = self.n;
        for j in 0..n {
            for i in 0..n {
                self.s[j * n + i] = if i <= j { self.r(i, j) } else { T::zero() };
            }
            self.y[j] = -self.c[j];
            if j >= self.m {
                self.y[j] = T::zero();
            }
        }
        for k in 0..n {
            self.row.fill(T::zero());
            self.row[k] = lambda.sqrt();
            let mut right = T::zero();
            for i in k..n {
                let (a, b) = (self.s[i * n + i], self.row[i]);
                if b == T::zero() {
                    continue;
                }
                let hypotenuse = a.hypot(b);
                let (cos, sin) = (a / hypotenuse, b / hypotenuse);
                for j in i..n {
                    let (a, b) = (self.s[j * n + i], self.row[j]);
                    self.s[j * n + i] = cos * a + sin * b;
                    self.row[j] = cos * b - sin * a;
                }
                let (a, b) = (self.y[i], right);
                self.y[i] = cos * a + sin * b;
                right = cos * b - sin * a;
            }
        }
        for i in (0..n).rev() {
            let sum = (i + 1..n).fold(self.y[i], |sum, j| sum - self.s[j * n + i] * self.y[j]);
            self.y[i] = sum / self.s[i * n + i];
        }
        norm(&self.y)
    }

    /// `‖A y‖`.
    fn multiply(&mut self) -> T {
        for i in 0..self.n {
            self.work[i] = (i..self.n).fold(T::zero(), |sum, j| sum + self.r(i, j) * self.y[j]);
        }
        norm(&self.work)
    }

    /// `x ← x + t D⁻¹ P y`.
    pub(crate) fn add(&self, t: T, d: &[T], x: &mut [T]) {
        for (&pivot, &y) in self.pivots.iter().zip(&self.y) {
            x[pivot] += t * y / unit(d[pivot]);
        }
    }
}

/// The scale of a column, one if there is none.
fn unit<T: Real>(d: T) -> T {
    if d > T::zero() { d } else { T::one() }
}

//! The linearised problem `min ‖r + A y‖` with `A = J D⁻¹`, damped or not, by an orthogonal factorisation.

use nalgebra::DMatrix;

use super::reflector::{reflect, reflection};
use crate::kernel::real::{Real, compiled};
use crate::kernel::sums::{dot, norm};

/// `A P = Q R` with column pivoting, and `Qᵀ r`.
#[derive(Debug, Clone, Default)]
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
    /// The triangle `S` of the damped problem with its right side, `n × (n + 1)`, and the row that is rotated into it.
    s: Vec<T>,
    row: Vec<T>,
    /// The solution, in the order of the pivots.
    y: Vec<T>,
    work: Vec<T>,
}

impl<T: Real> Linearised<T> {
    compiled! {
        /// `‖P r‖`: the part of the residuals that the linearised problem takes away.
        pub(crate) fn projection(this: &'a Linearised<T>) -> T { norm(&this.c[..this.rank]) }
    }

    compiled! {
        /// Factorises `J D⁻¹` by Householder reflections, first the column of which most is left (Businger and Golub
        /// 1965), as a share of its length: what is dependent does not depend on units.
        pub(crate) fn factorise(this: &'a mut Linearised<T>, jacobian: &'a DMatrix<T>, d: &'a [T], r: &'a [T]) {
            this.load(jacobian, d, r);
            let (m, n) = (this.m, this.n);
            let clear = T::of(m.max(n) as f64) * T::EPSILON;
            for k in 0..m.min(n) {
                let mut most = (k, T::zero(), T::zero());
                for j in k..n {
                    let length = norm(&this.a[j * m + k..(j + 1) * m]);
                    let share = length / this.work[j];
                    if share > most.1 {
                        most = (j, share, length);
                    }
                }
                let (pivot, share, length) = most;
                this.swap(k, pivot);
                if share > clear {
                    this.rank = k + 1;
                }
                if length == T::zero() {
                    break; // all that is left is zero
                }
                let (left, right) = this.a.split_at_mut((k + 1) * m);
                let (top, y) = left[k * m + k..].split_first_mut().expect("k < m");
                let (diagonal, tau) = reflection(*top, y);
                *top = diagonal;
                for column in right.chunks_exact_mut(m).chain([&mut this.c[..m]]) {
                    let (top, below) = column[k..].split_first_mut().expect("k < m");
                    reflect(dot(y, below), tau, y, top, below);
                }
            }
        }

        /// The undamped solution (basic where the rank is short); its length.
        pub(crate) fn newton(this: &'a mut Linearised<T>) -> T { this.damped(T::zero()) }

        /// The solution of length `Δ`, to a tenth, where the undamped one is longer: `min ‖r + A y‖² + λ ‖y‖²` for
        /// the `λ` that makes it so. Its length; `λ` starts from the one before.
        ///
        /// Source: Moré, *The Levenberg-Marquardt algorithm: implementation and theory* (1978), section 5.
        pub(crate) fn within(this: &'a mut Linearised<T>, delta: T, lambda: &'a mut T) -> T {
            let mut length = this.damped(T::zero());
            let is_met = |length: T| (length - delta).abs() <= T::of(0.1) * delta;
            if length < delta || is_met(length) {
                *lambda = T::zero();
                return length;
            }
            let has_bound = this.rank == this.n && length.is_finite();
            let mut lower = if has_bound { this.correction(length, delta) } else { T::zero() };
            let gradient = this.gradient_length();
            let mut upper = gradient / delta;
            if !(upper > T::zero()) {
                upper = T::EPSILON;
            }
            *lambda = lambda.max(lower).min(upper);
            if *lambda == T::zero() {
                *lambda = (gradient / length.min(T::MAX)).max(upper * T::of(1e-3));
            }
            for _ in 0..20 {
                length = this.damped(*lambda);
                if is_met(length) {
                    break;
                } else if length > delta {
                    lower = lower.max(*lambda);
                } else {
                    upper = upper.min(*lambda);
                }
                let newton = *lambda + this.correction(length, delta);
                let between = (lower * upper).sqrt().max(upper * T::of(1e-3));
                *lambda = if newton > lower && newton < upper { newton } else { between };
            }
            length
        }

        /// `‖A y‖`.
        pub(crate) fn change(this: &'a mut Linearised<T>) -> T {
            for i in 0..this.n {
                this.work[i] = (i..this.n).fold(T::zero(), |sum, j| sum + this.r(i, j) * this.y[j]);
            }
            norm(&this.work)
        }
    }

    /// `A = J D⁻¹`, the norms of its columns as work, and `r`.
    fn load(&mut self, jacobian: &DMatrix<T>, d: &[T], r: &[T]) {
        let (m, n) = jacobian.shape();
        (self.m, self.n) = (m, n);
        self.rank = 0;
        self.pivots.clear();
        self.pivots.extend(0..n);
        self.c.clear();
        self.c.extend_from_slice(r);
        self.c.resize(m.max(n), T::zero());
        self.s.resize(n * (n + 1), T::zero());
        self.row.resize(n + 1, T::zero());
        self.y.resize(n, T::zero());
        self.work.resize(n, T::zero());
        self.a.clear();
        for ((column, &d), length) in jacobian.column_iter().zip(d).zip(&mut self.work) {
            self.a.extend(column.iter().map(|&a| a / unit(d)));
            *length = norm(&self.a[self.a.len() - m..]);
        }
    }

    fn swap(&mut self, k: usize, pivot: usize) {
        self.pivots.swap(k, pivot);
        self.work.swap(k, pivot);
        for i in 0..self.m {
            self.a.swap(k * self.m + i, pivot * self.m + i);
        }
    }

    fn r(&self, i: usize, j: usize) -> T {
        if i < self.m { self.a[j * self.m + i] } else { T::zero() }
    }

    /// `‖Rᵀ Qᵀr‖`, the length of the scaled gradient.
    fn gradient_length(&mut self) -> T {
        for j in 0..self.n {
            self.work[j] = (0..=j).fold(T::zero(), |sum, i| sum + self.r(i, j) * self.c[i]);
        }
        norm(&self.work)
    }

    /// Newton's correction of `λ` towards `‖y‖ = Δ`, where `‖y‖` is `length`:
    /// `(‖y‖ − Δ) / (Δ ‖S⁻ᵀ y / ‖y‖ ‖²)`.
    fn correction(&mut self, length: T, delta: T) -> T {
        for i in 0..self.n {
            let column = &self.s[i * self.n..][..=i];
            let sum = (0..i).fold(self.y[i] / length, |sum, j| sum - column[j] * self.work[j]);
            self.work[i] = sum / column[i];
        }
        let slope = norm(&self.work);
        (length - delta) / delta / slope / slope
    }

    /// The solution for `λ ≥ 0`, by rotations of the rows `√λ` into the triangle; its length.
    fn damped(&mut self, lambda: T) -> T {
        let n = self.n;
        for j in 0..n {
            for i in 0..=j {
                self.s[j * n + i] = self.r(i, j);
            }
            self.s[n * n + j] = -self.c[j];
        }
        for k in 0..n {
            self.row.fill(T::zero());
            self.row[k] = lambda.sqrt();
            for i in k..n {
                let (a, b) = (self.s[i * n + i], self.row[i]);
                if b == T::zero() {
                    continue;
                }
                let hypotenuse = a.hypot(b);
                let (cos, sin) = (a / hypotenuse, b / hypotenuse);
                for j in i..=n {
                    let (a, b) = (self.s[j * n + i], self.row[j]);
                    self.s[j * n + i] = cos * a + sin * b;
                    self.row[j] = cos * b - sin * a;
                }
            }
        }
        let rank = if lambda > T::zero() { n } else { self.rank };
        self.y.fill(T::zero());
        for i in (0..rank).rev() {
            let sum = (i + 1..rank).fold(self.s[n * n + i], |sum, j| sum - self.s[j * n + i] * self.y[j]);
            self.y[i] = sum / self.s[i * n + i];
        }
        norm(&self.y)
    }

    /// `A = D⁻¹ P R⁻¹`, for which `A Aᵀ = (JᵀJ)⁻¹`; the columns of `J` that depend on others, where some do.
    pub(crate) fn inverse_root(&self, d: &[T]) -> Result<DMatrix<T>, Vec<usize>> {
        let n = self.n;
        if self.rank < n {
            return Err(self.pivots[self.rank..].to_vec());
        }
        let mut inverse = DMatrix::zeros(n, n);
        for column in 0..n {
            for i in (0..=column).rev() {
                let unit = if i == column { T::one() } else { T::zero() };
                let row = |j: usize| self.pivots[j];
                let sum =
                    (i + 1..=column).fold(unit, |sum, j| sum - self.r(i, j) * inverse[(row(j), column)]);
                inverse[(row(i), column)] = sum / self.r(i, i);
            }
        }
        inverse.row_iter_mut().zip(d).for_each(|(mut row, d)| row /= unit(*d));
        Ok(inverse)
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

//! Lanczos' method: what products with a symmetric matrix tell of its spectrum.

use super::ql::{finite, implicit_ql};
use crate::kernel::product::product;
use crate::kernel::sums::{all_finite, dot, norm, norm_inf};
use crate::kernel::{Factor, Real, compiled};

/// After `k` steps, with `k` orthonormal columns `Q` that span the Krylov space of a start, and `T` tridiagonal,
///
/// ```text
/// A Q = Q T + β q eₖᵀ
/// ```
///
/// (Lanczos 1950; orthogonalised twice against all columns, so that no copies of eigenvalues appear).
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanczos<T> {
    n: usize,
    /// The columns of `Q`, then `q`.
    basis: Vec<T>,
    /// The diagonal of `T`.
    alpha: Vec<T>,
    /// Its subdiagonal, then `β`.
    beta: Vec<T>,
    overlaps: Vec<T>,
    /// The largest product.
    scale: T,
    /// Ritz values, the eigenvalues of `T`, unsorted, and the rows of its eigenvectors that were asked for, by columns.
    pub(crate) values: Vec<T>,
    pub(crate) vectors: Vec<T>,
}

impl<T: Real> Lanczos<T> {
    /// Steps taken.
    pub(crate) fn steps(&self) -> usize {
        self.alpha.len()
    }

    /// What the next product is of.
    pub(crate) fn last(&self) -> &[T] {
        &self.basis[self.basis.len() - self.n..]
    }

    /// The least and the greatest Ritz value.
    pub(crate) fn ends(&self) -> [T; 2] {
        self.values.iter().fold([T::MAX, -T::MAX], |[least, greatest], value| {
            [if *value < least { *value } else { least }, if *value > greatest { *value } else { greatest }]
        })
    }

    /// Where an end of the Ritz values stands.
    fn at(&self, end: T) -> usize {
        self.values.iter().position(|value| *value == end).unwrap_or(0)
    }

    /// By how much an end of the Ritz values misses an eigenvalue at most, where the last row of vectors is known.
    pub(crate) fn doubt(&self, end: T) -> T {
        let rows = self.vectors.len() / self.values.len();
        self.beta[self.beta.len() - 1] * self.vectors[(self.at(end) + 1) * rows - 1].abs()
    }

    compiled! {
        /// Begins at a vector; with room for so many steps. False where that has no direction.
        pub(crate) fn start(this: &'a mut Lanczos<T>, start: &'a [T], steps: usize) -> bool {
            let length = norm(start);
            this.n = start.len();
            this.basis.clear();
            this.basis.reserve(this.n * steps);
            [&mut this.alpha, &mut this.beta, &mut this.values].into_iter().for_each(|buffer| {
                buffer.clear();
                buffer.reserve(steps);
            });
            this.vectors.clear();
            this.vectors.reserve(steps * steps);
            this.overlaps.resize(steps, T::zero());
            this.scale = T::zero();
            this.basis.extend(start.iter().map(|s| *s / length));
            length > T::zero() && length.is_finite()
        }

        /// Takes `A q`, whose content is spoilt. Whether there is a next `q`: what is left is not rounding, and finite.
        pub(crate) fn take(this: &'a mut Lanczos<T>, next: &'a mut [T]) -> bool {
            let (n, k) = (this.n, this.alpha.len() + 1);
            this.alpha.push(dot(&this.basis[(k - 1) * n..], next));
            let size = norm(next);
            this.scale = this.scale.max(size);
            for _ in 0..2 {
                let q = Factor::new(&this.basis, n, k);
                product(T::one(), q.t(), Factor::new(next, n, 1), T::zero(), &mut this.overlaps[..k]);
                product(-T::one(), q, Factor::new(&this.overlaps, k, 1), T::one(), next);
            }
            let rest = norm(next);
            let is_left = rest > T::of(n as f64) * T::EPSILON * this.scale;
            this.beta.push(if is_left { rest } else { T::zero() });
            let goes_on = is_left && rest.is_finite() && k < this.overlaps.len();
            if goes_on {
                this.basis.extend(next.iter().map(|next| *next / rest));
            }
            goes_on
        }

        /// Ritz values, and the last rows of the eigenvectors of `T`. False where it is not finite, or the bounded
        /// iteration did not converge.
        pub(crate) fn ritz(this: &'a mut Lanczos<T>, rows: usize) -> bool {
            let Lanczos { alpha, beta, overlaps, values, vectors, .. } = this;
            let (k, scale) = (alpha.len(), norm_inf(alpha).max(norm_inf(beta)));
            let (unit, rows) = (if scale > T::zero() { scale } else { T::one() }, rows.min(k));
            values.clear();
            values.extend(alpha.iter().map(|alpha| *alpha / unit));
            overlaps.iter_mut().zip(beta.iter()).for_each(|(e, beta)| *e = *beta / unit);
            vectors.clear();
            vectors.resize(rows * k, T::zero());
            let first = k - rows;
            (first..k).for_each(|i| vectors[i * rows + i - first] = T::one());
            let is_done = k > 0 && all_finite(values) && all_finite(&overlaps[..k]);
            let is_done = is_done && implicit_ql(values, &mut overlaps[..k], vectors);
            values.iter_mut().for_each(|value| *value = finite(*value * unit));
            is_done
        }
    }

    compiled! {
        /// The Ritz vector of a Ritz value.
        pub(crate) fn vector(this: &'a Lanczos<T>, value: T, out: &'a mut [T]) {
            let k = this.values.len();
            let v = &this.vectors[this.at(value) * k..][..k];
            product(T::one(), Factor::new(&this.basis, this.n, k), Factor::new(v, k, 1), T::zero(), out);
        }

        /// `Q c`.
        pub(crate) fn combine(this: &'a Lanczos<T>, c: &'a [T], out: &'a mut [T]) {
            product(T::one(), Factor::new(&this.basis, this.n, c.len()), Factor::new(c, c.len(), 1), T::zero(), out);
        }
    }

    /// `‖A s + b‖ / ‖b‖` of the solution `s` in the Krylov space of `b`: `Π βᵢ/dᵢ`, `d` the pivots of `T`.
    pub(crate) fn residual(&self) -> f64 {
        let (mut d, mut before, mut residual) = (1.0, 0.0, 1.0);
        for (alpha, beta) in self.alpha.iter().zip(&self.beta) {
            d = alpha.f64() - before * (before / d);
            before = beta.f64();
            residual *= (before / d).abs();
        }
        residual
    }

    /// What lies beyond all eigenvalues, on the side of an end of the Ritz values, given that the start has a component of
    /// length `γ` or more along the last eigenvector. With the Lanczos polynomials `p_j(A) q₀ = q_j`, Bessel's inequality
    /// for the unit eigenvector `v` of `λ` is
    ///
    /// ```text
    /// 1 ≥ Σ_j (q_jᵀv)² = γ² Σ_j p_j(λ)²,   β_j p_j₊₁(λ) = (λ − α_j) p_j(λ) − β_j₋₁ p_j₋₁(λ)
    /// ```
    ///
    /// and the sum grows with the distance from the Ritz values (van Dorsselaer, Hochstenbach and van der Vorst 2000, with
    /// one term of it).
    pub(crate) fn beyond(&self, end: T, side: f64, gamma: f64) -> f64 {
        let (end, most) = (end.f64(), gamma.powi(-2));
        let is_possible = |distance: f64| {
            let lambda = end + side * distance;
            let (mut p, mut before, mut sum, mut step) = (1.0, 0.0, 1.0, 0.0);
            for (alpha, beta) in self.alpha.iter().zip(&self.beta) {
                let next = ((lambda - alpha.f64()) * p - step * before) / beta.f64();
                (before, p, step) = (p, next, beta.f64());
                sum += p * p;
                // where nothing is left, 0/0 is no more than rounding
                if !(sum <= most) {
                    return false;
                }
            }
            true
        };
        // of the smallest numbers no share is left
        let (mut low, mut high) = (0.0, (self.scale.f64() * f64::EPSILON).max(f64::MIN_POSITIVE));
        while is_possible(high) && high < f64::MAX / 4.0 {
            (low, high) = (high, 2.0 * high);
        }
        for _ in 0..60 {
            let middle = low + (high - low) / 2.0;
            if is_possible(middle) { low = middle } else { high = middle }
        }
        end + side * high
    }
}

/// Numbers that are the same on every machine (SplitMix64; Steele, Lea and Flood 2014), in `[−1, 1)`.
fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = 0x5EED_u64.wrapping_add(seed << 32);
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) as f64 / 2f64.powi(63) - 1.0
    }
}

/// Fills `out` with numbers in `[−1, 1)`.
pub(crate) fn unstructured<T: Real>(seed: u64, out: &mut [T]) {
    let mut uniform = uniform(seed);
    out.iter_mut().for_each(|out| *out = T::of(uniform()));
}

/// Fills `out` with standard normal numbers, whose direction is uniform on the sphere (Box and Muller 1958).
pub(crate) fn normal<T: Real>(seed: u64, out: &mut [T]) {
    let mut uniform = uniform(seed);
    out.iter_mut().for_each(|out| {
        let radius = (-2.0 * (0.5 - 0.5 * uniform()).ln()).sqrt();
        *out = T::of(radius * (std::f64::consts::PI * uniform()).cos());
    });
}

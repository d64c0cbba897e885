//! Lanczos' method: what Hessian products tell of the spectrum.

use nalgebra::DVector;

use crate::contract::{check_size, room};
use crate::kernel::tridiagonal;
use crate::{Error, HessianProduct, Real, kernel};

/// `H Q ≈ Q T`, with `k` orthonormal columns `Q` that span the Krylov space of a start, and `T` tridiagonal
/// (Lanczos 1950; orthogonalised twice against all columns, so that no copies of eigenvalues appear).
#[derive(Debug, Clone)]
pub(crate) struct Lanczos<T: Real> {
    /// Columns of `Q`.
    basis: Vec<DVector<T>>,
    product: DVector<T>,
    /// The diagonal of `T`, then its eigenvalues.
    values: Vec<T>,
    /// The subdiagonal of `T`.
    beta: Vec<T>,
    /// The eigenvectors of `T`, by columns.
    vectors: Vec<T>,
    coordinates: Vec<T>,
    ritz: DVector<T>,
}

impl<T: Real> Lanczos<T> {
    pub(crate) fn new() -> Self {
        Self {
            basis: Vec::new(),
            product: DVector::zeros(0),
            values: Vec::new(),
            beta: Vec::new(),
            vectors: Vec::new(),
            coordinates: Vec::new(),
            ritz: DVector::zeros(0),
        }
    }

    /// At most `steps` steps from `start`; fewer where the space is exhausted or a product is not finite. Leaves
    /// the Ritz values, unsorted, and the Ritz vectors in the coordinates of `Q`. False where the start is zero,
    /// or there is no product to be had.
    pub(crate) fn run<O: HessianProduct<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, start: &DVector<T>, steps: usize,
    ) -> Result<bool, Error> {
        let n = x.len();
        let steps = steps.min(n);
        if self.product.len() != n || self.basis.len() < steps {
            room::<T>("dimension", &[n, steps])?;
            self.product = DVector::repeat(n, T::NAN);
            self.basis = vec![DVector::zeros(n); steps];
            for (buffer, size) in [
                (&mut self.values, steps),
                (&mut self.beta, steps),
                (&mut self.vectors, steps * steps),
                (&mut self.coordinates, steps),
            ] {
                *buffer = Vec::with_capacity(size);
            }
        }
        let length = kernel::norm(start.as_slice());
        if steps == 0 || !(length > T::zero() && length.is_finite()) {
            return Ok(false);
        }
        self.basis[0].zip_apply(start, |q, s| *q = s / length);
        self.values.clear();
        self.beta.clear();
        let mut scale = T::zero();
        for k in 0..steps {
            objective.hessian_product(x, &self.basis[k], &mut self.product);
            check_size("the Hessian product", self.product.len(), n)?;
            if !kernel::norm_inf(self.product.as_slice()).is_finite() {
                break;
            }
            self.values.push(kernel::dot(self.basis[k].as_slice(), self.product.as_slice()));
            scale = scale.max(kernel::norm(self.product.as_slice()));
            if k + 1 == steps {
                break;
            }
            for _ in 0..2 {
                for q in &self.basis[..=k] {
                    let overlap = kernel::dot(q.as_slice(), self.product.as_slice());
                    kernel::axpy(-overlap, q.as_slice(), self.product.as_mut_slice());
                }
            }
            let rest = kernel::norm(self.product.as_slice());
            if rest <= T::of(n as f64) * T::EPSILON * scale {
                break;
            }
            self.beta.push(rest);
            let (_, next) = self.basis.split_at_mut(k + 1);
            next[0].zip_apply(&self.product, |q, p| *q = p / rest);
        }
        let k = self.values.len();
        self.beta.resize(k, T::zero());
        self.vectors.resize(k * k, T::zero());
        Ok(k > 0 && tridiagonal(&mut self.values, &mut self.beta, &mut self.vectors))
    }

    /// The smallest Ritz value, and which it is.
    fn least(&self) -> (usize, T) {
        let values = self.values.iter().copied().enumerate();
        values.fold((0, self.values[0]), |least, value| if value.1 < least.1 { value } else { least })
    }

    /// `s = −Q V max(|Λ|, δ)⁻¹ Vᵀ (γ e₁)` into `out`, with `T = V Λ Vᵀ`, `δ = √ε max |λ|`, and `γ` the length of
    /// the start; `−Q (γ e₁)` where all Ritz values are zero. Returns whether a Ritz value is negative.
    pub(crate) fn descend(&mut self, length: T, out: &mut DVector<T>) -> bool {
        let k = self.values.len();
        let largest = kernel::norm_inf(&self.values);
        let floor = if largest > T::zero() { T::of(T::EPSILON.f64().powf(0.75)) * largest } else { T::one() };
        self.coordinates.clear();
        self.coordinates.resize(k, T::zero());
        for (v, &lambda) in self.vectors.chunks_exact(k).zip(&self.values) {
            let c = -(v[0] * length) / lambda.abs().max(floor);
            kernel::axpy(c, v, &mut self.coordinates);
        }
        combine(&self.basis, &self.coordinates, out);
        self.least().1 < T::zero()
    }

    /// The least eigenvalue that `steps` steps from a fixed vector without structure find, if it is negative, with its unit
    /// Ritz vector. A negative Ritz value is `vᵀHv`, so the curvature along `v` is negative. `None`, where the smallest is
    /// not negative beyond rounding, does not exclude a negative eigenvalue.
    pub(crate) fn negative_eigenvalue<O: HessianProduct<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, steps: usize,
    ) -> Result<Option<(T, &DVector<T>)>, Error> {
        let mut v = std::mem::replace(&mut self.ritz, DVector::zeros(0));
        if v.len() != x.len() {
            v = DVector::zeros(x.len());
        }
        unstructured(0, &mut v);
        let is_found = self.run(objective, x, &v, steps)?;
        self.ritz = v;
        let (k, rounding) = (self.values.len(), T::of(x.len() as f64) * T::EPSILON);
        if !is_found || self.least().1 >= -rounding * kernel::norm_inf(&self.values) {
            return Ok(None);
        }
        let (at, least) = self.least();
        combine(&self.basis, &self.vectors[at * k..(at + 1) * k], &mut self.ritz);
        let length = kernel::norm(self.ritz.as_slice());
        self.ritz /= length;
        Ok(Some((least, &self.ritz)))
    }

    /// Whether the last run found a value that is small beside the largest: a direction that may be flat.
    pub(crate) fn is_flat(&self) -> bool {
        let small = T::EPSILON.sqrt() * kernel::norm_inf(&self.values);
        self.values.iter().any(|value| value.abs() <= small)
    }
}

/// `Q c`, into `out`.
fn combine<T: Real>(basis: &[DVector<T>], coordinates: &[T], out: &mut DVector<T>) {
    out.fill(T::zero());
    for (q, &c) in basis.iter().zip(coordinates) {
        kernel::axpy(c, q.as_slice(), out.as_mut_slice());
    }
}

/// Fills `out` with numbers in `[−1, 1)` that are the same on every machine (SplitMix64; Steele, Lea and Flood
/// 2014).
pub(super) fn unstructured<T: Real>(seed: u64, out: &mut DVector<T>) {
    let mut state = 0x5EED_u64 + (seed << 32);
    out.apply(|out| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        *out = T::of((z ^ (z >> 31)) as f64 / 2f64.powi(63) - 1.0);
    });
}

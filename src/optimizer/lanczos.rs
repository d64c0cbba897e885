//! Lanczos' method: what Hessian products tell of the spectrum.

use nalgebra::{DMatrix, DVector};

use super::radius::norm;
use crate::critical_point::Spectrum;
use crate::error::room;
use crate::{Error, HessianProduct, Real, kernel};

/// `H Q ≈ Q T`, with `k` orthonormal columns `Q` that span the Krylov space of a start, and `T` tridiagonal
/// (Lanczos 1950; orthogonalised twice against all columns, so that no copies of eigenvalues appear).
#[derive(Debug, Clone)]
pub(super) struct Lanczos<T: Real> {
    /// Columns of `Q`.
    basis: Vec<DVector<T>>,
    product: DVector<T>,
}

impl<T: Real> Lanczos<T> {
    pub(super) fn new() -> Self {
        Self { basis: Vec::new(), product: DVector::zeros(0) }
    }

    /// At most `steps` steps from `start`; fewer where the space is exhausted or a product is not finite.
    /// The spectrum of `T`: Ritz values ascending, Ritz vectors in the coordinates of `Q`. `None` where the
    /// start is zero.
    pub(super) fn run<O: HessianProduct<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
        start: &DVector<T>,
        steps: usize,
    ) -> Result<Option<Spectrum<T>>, Error> {
        let n = x.len();
        let steps = steps.min(n);
        if self.product.len() != n || self.basis.len() < steps {
            room::<T>("dimension", &[n, steps])?;
            self.product = DVector::repeat(n, T::NAN);
            self.basis = vec![DVector::zeros(n); steps];
        }
        let length = norm(start.as_slice());
        if !(length > T::zero() && length.is_finite()) {
            return Ok(None);
        }
        self.basis[0].zip_apply(start, |q, s| *q = s / length);
        let (mut alpha, mut beta) = (Vec::with_capacity(steps), Vec::with_capacity(steps));
        let mut scale = T::zero();
        for k in 0..steps {
            objective.hessian_product(x, &self.basis[k], &mut self.product);
            if self.product.len() != n {
                let found = self.product.len();
                return Err(Error::Resized { what: "the Hessian product", expected: n, found });
            }
            if !kernel::norm_inf(self.product.as_slice()).is_finite() {
                break;
            }
            alpha.push(kernel::dot(self.basis[k].as_slice(), self.product.as_slice()));
            scale = scale.max(norm(self.product.as_slice()));
            if k + 1 == steps {
                break;
            }
            for _ in 0..2 {
                for q in &self.basis[..=k] {
                    let overlap = kernel::dot(q.as_slice(), self.product.as_slice());
                    kernel::axpy(-overlap, q.as_slice(), self.product.as_mut_slice());
                }
            }
            let rest = norm(self.product.as_slice());
            if rest <= T::of(n as f64) * T::EPSILON * scale {
                break;
            }
            beta.push(rest);
            let (_, next) = self.basis.split_at_mut(k + 1);
            next[0].zip_apply(&self.product, |q, p| *q = p / rest);
        }
        let k = alpha.len();
        if k == 0 {
            return Ok(None);
        }
        let tridiagonal = DMatrix::from_fn(k, k, |i, j| match i.abs_diff(j) {
            0 => alpha[i],
            1 => beta[i.min(j)],
            _ => T::zero(),
        });
        Ok(Spectrum::new(&tridiagonal))
    }

    /// `Q c`, into `out`.
    pub(super) fn combine(&self, coordinates: &[T], out: &mut DVector<T>) {
        out.fill(T::zero());
        for (q, &c) in self.basis.iter().zip(coordinates) {
            kernel::axpy(c, q.as_slice(), out.as_mut_slice());
        }
    }

    /// The direction of most negative curvature that `steps` steps from a fixed vector without structure
    /// find, with the curvature: the unit Ritz vector in `out`. A negative Ritz value is a proof, it is
    /// `vᵀHv`; `None`, where the smallest is not negative beyond rounding, is only a sign that there is
    /// none.
    pub(super) fn negative_curvature<O: HessianProduct<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &DVector<T>,
        steps: usize,
        out: &mut DVector<T>,
    ) -> Result<Option<T>, Error> {
        let start = unstructured(x.len());
        let Some(ritz) = self.run(objective, x, &start, steps)? else { return Ok(None) };
        Ok(self.most_negative(&ritz, out))
    }

    fn most_negative(&self, ritz: &Spectrum<T>, out: &mut DVector<T>) -> Option<T> {
        let least = ritz.values[0];
        if least >= -T::of(out.len() as f64) * T::EPSILON * ritz.values.amax() {
            return None;
        }
        self.combine(ritz.vectors.column(0).as_slice(), out);
        let length = norm(out.as_slice());
        *out /= length;
        Some(least)
    }
}

/// Numbers in `[−1, 1)` that are the same on every machine (SplitMix64; Steele, Lea and Flood 2014).
fn unstructured<T: Real>(n: usize) -> DVector<T> {
    let mut state = 0x5EED_u64;
    DVector::from_fn(n, |_, _| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        T::of((z ^ (z >> 31)) as f64 / 2f64.powi(63) - 1.0)
    })
}

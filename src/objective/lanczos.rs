//! Lanczos' method on the Hessian at a point.

use nalgebra::DVector;

use crate::contract::{check_size, room};
use crate::{Error, HessianProduct, Real, kernel};

/// Buffers for runs of Lanczos' method.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lanczos<T: Real> {
    pub(crate) krylov: kernel::Lanczos<T>,
    direction: DVector<T>,
    product: DVector<T>,
    coordinates: Vec<T>,
    ritz: DVector<T>,
}

impl<T: Real> Lanczos<T> {
    /// At most `steps` steps from `start`; fewer where the space is exhausted or a product is not finite. Leaves
    /// the Ritz values, unsorted, and the Ritz vectors in the coordinates of `Q`. False where the start is zero,
    /// or there is no product to be had.
    pub(crate) fn run<O: HessianProduct<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, start: &DVector<T>, steps: usize,
    ) -> Result<bool, Error> {
        self.run_until(start, steps, |v, out| objective.hessian_product(x, v, out), |_| false)
    }

    /// The same with any symmetric operator, and a look every few steps whether they are `enough`.
    pub(crate) fn run_until(
        &mut self, start: &DVector<T>, steps: usize, mut multiply: impl FnMut(&DVector<T>, &mut DVector<T>),
        mut enough: impl FnMut(&mut kernel::Lanczos<T>) -> bool,
    ) -> Result<bool, Error> {
        let n = start.len();
        let steps = steps.min(n);
        if self.product.len() != n || self.coordinates.capacity() < steps {
            room::<T>("dimension", &[n.max(steps), steps])?;
            self.product = DVector::repeat(n, T::NAN);
            self.direction = DVector::zeros(n);
            self.coordinates = Vec::with_capacity(steps);
        }
        if steps == 0 || !kernel::Lanczos::start(&mut self.krylov, start.as_slice(), steps) {
            return Ok(false);
        }
        loop {
            self.direction.as_mut_slice().copy_from_slice(self.krylov.last());
            multiply(&self.direction, &mut self.product);
            check_size("the Hessian product", self.product.len(), n)?;
            if !kernel::norm_inf(self.product.as_slice()).is_finite() {
                break;
            }
            let goes_on = kernel::Lanczos::take(&mut self.krylov, self.product.as_mut_slice());
            if !goes_on || (self.krylov.steps().is_multiple_of(LOOK) && enough(&mut self.krylov)) {
                break;
            }
        }
        Ok(kernel::Lanczos::ritz(&mut self.krylov, steps))
    }

    /// `s = Q V f(Λ) Vᵀ (γ e₁)` into `out`, with `T = V Λ Vᵀ`, and `γ` the length of the start.
    pub(crate) fn apply(&mut self, length: T, f: impl Fn(T) -> T, out: &mut DVector<T>) {
        let k = self.krylov.values.len();
        self.coordinates.clear();
        self.coordinates.resize(k, T::zero());
        for (v, &lambda) in self.krylov.vectors.chunks_exact(k).zip(&self.krylov.values) {
            kernel::axpy(v[0] * length * f(lambda), v, &mut self.coordinates);
        }
        kernel::Lanczos::combine(&self.krylov, &self.coordinates, out.as_mut_slice());
    }

    /// [`apply`](Self::apply) of `−max(|Λ|, δ)⁻¹`, `δ = ε^¾ max |λ|`; of `−1` where all Ritz values are zero. Returns
    /// whether a Ritz value is negative.
    pub(crate) fn descend(&mut self, length: T, out: &mut DVector<T>) -> bool {
        let largest = kernel::norm_inf(&self.krylov.values);
        let floor = if largest > T::zero() { T::of(T::EPSILON.f64().powf(0.75)) * largest } else { T::one() };
        self.apply(length, |lambda| -T::one() / lambda.abs().max(floor), out);
        self.krylov.ends()[0] < T::zero()
    }

    /// The least Ritz value with its unit Ritz vector.
    pub(crate) fn least(&mut self) -> (T, &DVector<T>) {
        let least = self.krylov.ends()[0];
        if self.ritz.len() != self.product.len() {
            self.ritz = DVector::zeros(self.product.len());
        }
        kernel::Lanczos::vector(&self.krylov, least, self.ritz.as_mut_slice());
        let length = kernel::norm(self.ritz.as_slice());
        self.ritz /= length;
        (least, &self.ritz)
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
        kernel::unstructured(0, v.as_mut_slice());
        let is_found = self.run(objective, x, &v, steps)?;
        self.ritz = v;
        let rounding = T::of(x.len() as f64) * T::EPSILON;
        if !is_found || self.krylov.ends()[0] >= -rounding * kernel::norm_inf(&self.krylov.values) {
            return Ok(None);
        }
        Ok(Some(self.least()))
    }

    /// Whether the last run found a value that is small beside the largest: a direction that may be flat.
    pub(crate) fn is_flat(&self) -> bool {
        let small = T::EPSILON.sqrt() * kernel::norm_inf(&self.krylov.values);
        self.krylov.values.iter().any(|value| value.abs() <= small)
    }
}

/// After how many steps it is looked whether they are enough.
const LOOK: usize = 10;

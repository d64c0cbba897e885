//! Exact second derivatives along a direction: forward over reverse (Pearlmutter 1994).

use nalgebra::{DMatrixView, DVector};

use super::cache::{KeptTangent, NetworkCache};
use super::hessian::{Target, second_derivatives};
use super::{Network, input};
use crate::kernel::{self, Factor, compiled, inlined};
use crate::{Real, SecondOrderModel};

impl<T: Real> SecondOrderModel<T> for Network {
    /// `R{Z⁽ˡ⁾} = V⁽ˡ⁾ A⁽ˡ⁻¹⁾ + v⁽ˡ⁾ 1ᵀ + W⁽ˡ⁾ R{A⁽ˡ⁻¹⁾}`, `R{A⁽ˡ⁾} = φ'(Z⁽ˡ⁾) ⊙ R{Z⁽ˡ⁾}`.
    fn tangent<'c>(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut NetworkCache<T>,
    ) -> DMatrixView<'c, T> {
        if cache.batch == 0 || !self.fits(theta, &x, cache) || v.len() != theta.len() {
            return self.output(&[], 0);
        }
        if std::mem::take(&mut cache.is_new) {
            derivatives(self, cache);
        }
        let NetworkCache { batch, layers, tangents, .. } = cache;
        for (l, layer) in self.layers.iter().enumerate() {
            let len = layer.units * *batch;
            let (w, _) = layer.parts(theta);
            let (v, v_b) = layer.parts(v);
            let (before, rest) = tangents.split_at_mut(l);
            let r = &mut rest[0];
            kernel::affine(v, Some(v_b), input(&layers[..l], layer, &x), &mut r.z[..len]);
            if let Some(before) = before.last() {
                let r_a = Factor::new(&before.a, layer.inputs, *batch);
                kernel::product(T::one(), w, r_a, T::one(), &mut r.z[..len]);
            }
            r.a[..len].copy_from_slice(&r.z[..len]);
            kernel::times(&mut r.a[..len], &r.first);
        }
        self.output(tangents.last().map_or(&[], |r| &r.a), *batch)
    }

    /// ```text
    /// R{∇W⁽ˡ⁾}   = R{Δ⁽ˡ⁾} A⁽ˡ⁻¹⁾ᵀ + Δ⁽ˡ⁾ R{A⁽ˡ⁻¹⁾}ᵀ,   R{∇b⁽ˡ⁾} = R{Δ⁽ˡ⁾} 1
    /// R{Δ⁽ˡ⁻¹⁾} = (W⁽ˡ⁾ᵀ R{Δ⁽ˡ⁾} + V⁽ˡ⁾ᵀ Δ⁽ˡ⁾) ⊙ φ' + W⁽ˡ⁾ᵀ Δ⁽ˡ⁾ ⊙ φ'' ⊙ R{Z⁽ˡ⁻¹⁾}
    /// ```
    ///
    /// Where `Δ = 0` throughout, every term with a `Δ` is left out: the Gauss–Newton product costs less.
    fn backward_tangent(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>, cache: &mut NetworkCache<T>, out: &mut DVector<T>,
    ) {
        let p = theta.len();
        if !self.follows(theta, &x, &delta, cache)
            || r_delta.shape() != delta.shape()
            || cache.tangents.len() != self.layers.len()
            || (v.len(), out.len()) != (p, p)
        {
            return;
        }
        let (last, one) = (self.layers.len() - 1, T::one());
        let batch = cache.batch;
        kernel::copy_columns(r_delta, &mut cache.tangents[last].delta);
        kernel::copy_columns(delta, &mut cache.layers[last].delta);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (before, rest) = cache.layers.split_at_mut(l);
            let (r_before, r_rest) = cache.tangents.split_at_mut(l);
            let (kept, r, len) = (&mut rest[0], &mut r_rest[0], layer.units * batch);
            through_activation(&mut kept.delta[..len], &mut r.delta, &r.first, &r.second, &r.z);
            let delta = Factor::new(&kept.delta, layer.units, batch);
            let r_delta = Factor::new(&r.delta, layer.units, batch);
            let (out_w, out_b) = layer.parts_mut(out);
            kernel::product(one, r_delta, input(before, layer, &x).t(), one, out_w);
            kernel::add_columns(r_delta, out_b);
            if let (Some(kept), Some(r)) = (before.last_mut(), r_before.last_mut()) {
                let (w, _) = layer.parts(theta);
                let (v, _) = layer.parts(v);
                kernel::product(one, delta, Factor::new(&r.a, layer.inputs, batch).t(), one, out_w);
                kernel::product(one, w.t(), r_delta, T::zero(), &mut r.delta);
                kernel::product(one, v.t(), delta, one, &mut r.delta);
                kernel::product(one, w.t(), delta, T::zero(), &mut kept.delta);
            }
        }
    }

    fn dense_hessian(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut NetworkCache<T>, out: &mut [T],
    ) {
        if theta.len().checked_mul(theta.len()) == Some(out.len()) {
            second_derivatives(self, theta, x, delta, curvature, cache, Target { out, is_dense: true });
        }
    }

    fn hessian_diagonal(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut NetworkCache<T>, out: &mut DVector<T>,
    ) {
        if theta.len() == out.len() {
            let target = Target { out: out.as_mut_slice(), is_dense: false };
            second_derivatives(self, theta, x, delta, curvature, cache, target);
        }
    }
}

compiled! {
    /// `φ'` and `φ''` at the last forward pass.
    fn derivatives<T>(network: &'a Network, cache: &'a mut NetworkCache<T>) {
        let NetworkCache { batch, layers, tangents, .. } = cache;
        if tangents.is_empty() {
            tangents.extend(layers.iter().map(|kept| {
                let zeros = || vec![T::zero(); kept.a.len()];
                KeptTangent { z: zeros(), a: zeros(), delta: zeros(), first: zeros(), second: zeros() }
            }));
        }
        for ((layer, kept), r) in network.layers.iter().zip(layers).zip(tangents) {
            let len = layer.units * *batch;
            let (first, second) = (&mut r.first[..len], &mut r.second[..len]);
            first.fill(T::one());
            second.fill(T::one());
            layer.activation.times_first(&kept.a[..len], &kept.first, first);
            layer.activation.times_second(&kept.z, &kept.a[..len], first, second);
        }
    }

    /// From `∂L/∂A` and `R{∂L/∂A}` to `Δ` and `R{Δ}`, in place:
    /// `R{Δ} = R{∂L/∂A} ⊙ φ' + ∂L/∂A ⊙ φ'' ⊙ R{Z}`, `Δ = ∂L/∂A ⊙ φ'`.
    fn through_activation<T>(delta: &'a mut [T], r: &'a mut [T], first: &'a [T], second: &'a [T], z: &'a [T]) {
        kernel::vectorize(inlined!(|_| {
            let derivatives = first.iter().zip(second).zip(z);
            for ((delta, r), ((first, second), z)) in delta.iter_mut().zip(r).zip(derivatives) {
                *r = *r * *first + *delta * *second * *z;
                *delta *= *first;
            }
        }));
    }
}

//! Exact second derivatives along a direction: forward over reverse (Pearlmutter 1994).

use nalgebra::{DMatrixView, DVector};

use super::{Layer, Network, NetworkCache, input};
use crate::kernel::{self, Factor};
use crate::{Real, SecondOrder};

/// Tangents of one layer, `units × batch` each.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    /// `R{Z⁽ˡ⁾}`.
    z: Vec<T>,
    /// `R{A⁽ˡ⁾} = φ'(Z⁽ˡ⁾) ⊙ R{Z⁽ˡ⁾}`.
    a: Vec<T>,
    /// `R{Δ⁽ˡ⁾}`.
    delta: Vec<T>,
    /// Room for `Δ⁽ˡ⁾ ⊙ φ''(Z⁽ˡ⁾) ⊙ R{Z⁽ˡ⁾}` before `φ'` has entered `Δ⁽ˡ⁾`.
    bend: Vec<T>,
}

impl<T: Real> SecondOrder<T> for Network {
    /// `R{Z⁽ˡ⁾} = V⁽ˡ⁾ A⁽ˡ⁻¹⁾ + v⁽ˡ⁾ 1ᵀ + W⁽ˡ⁾ R{A⁽ˡ⁻¹⁾}`, `R{A⁽ˡ⁾} = φ'(Z⁽ˡ⁾) ⊙ R{Z⁽ˡ⁾}`.
    fn tangent(
        &self,
        theta: &DVector<T>,
        v: &DVector<T>,
        x: DMatrixView<'_, T>,
        cache: &mut NetworkCache<T>,
    ) {
        let NetworkCache { batch, layers, tangents } = cache;
        if tangents.is_empty() {
            tangents.extend(layers.iter().map(|kept| {
                let zeros = || vec![T::zero(); kept.a.len()];
                Kept { z: zeros(), a: zeros(), delta: zeros(), bend: zeros() }
            }));
        }
        for (l, layer) in self.layers.iter().enumerate() {
            let len = layer.units * *batch;
            let (w, _) = layer.parts(theta);
            let (v, v_b) = layer.parts(v);
            let (before, rest) = tangents.split_at_mut(l);
            let (r, kept) = (&mut rest[0], &layers[l]);
            kernel::affine(v, Some(v_b), input(&layers[..l], layer, &x), &mut r.z[..len]);
            if let Some(before) = before.last() {
                let r_a = Factor::new(&before.a, layer.inputs, *batch);
                kernel::product(T::one(), w, r_a, T::one(), &mut r.z[..len]);
            }
            r.a[..len].copy_from_slice(&r.z[..len]);
            layer.activation.times_first(&kept.z, &kept.a[..len], &mut r.a[..len]);
        }
    }

    fn tangent_scores<'c>(&self, cache: &'c NetworkCache<T>) -> DMatrixView<'c, T> {
        let (units, a) = match (self.layers.last(), cache.tangents.last()) {
            (Some(layer), Some(kept)) => (layer.units, &kept.a[..]),
            _ => (0, &[][..]),
        };
        DMatrixView::from_slice(&a[..units * cache.batch], units, cache.batch)
    }

    /// ```text
    /// R{∇W⁽ˡ⁾}   = R{Δ⁽ˡ⁾} A⁽ˡ⁻¹⁾ᵀ + Δ⁽ˡ⁾ R{A⁽ˡ⁻¹⁾}ᵀ,   R{∇b⁽ˡ⁾} = R{Δ⁽ˡ⁾} 1
    /// R{Δ⁽ˡ⁻¹⁾} = (W⁽ˡ⁾ᵀ R{Δ⁽ˡ⁾} + V⁽ˡ⁾ᵀ Δ⁽ˡ⁾) ⊙ φ' + W⁽ˡ⁾ᵀ Δ⁽ˡ⁾ ⊙ φ'' ⊙ R{Z⁽ˡ⁻¹⁾}
    /// ```
    fn backward_tangent(
        &self,
        theta: &DVector<T>,
        v: &DVector<T>,
        x: DMatrixView<'_, T>,
        delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>,
        cache: &mut NetworkCache<T>,
        out: &mut DVector<T>,
    ) {
        let (Some(last), one) = (self.layers.len().checked_sub(1), T::one()) else { return };
        let (layer, batch) = (&self.layers[last], cache.batch);
        let r = &mut cache.tangents[last];
        copy_columns(delta, layer, &mut r.bend);
        copy_columns(r_delta, layer, &mut r.delta);
        self.output_delta(delta, cache);
        self.bend(last, cache);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (before, rest) = cache.layers.split_at_mut(l);
            let (r_before, r_rest) = cache.tangents.split_at_mut(l);
            let delta = Factor::new(&rest[0].delta, layer.units, batch);
            let r_delta = Factor::new(&r_rest[0].delta, layer.units, batch);
            let (out_w, out_b) = layer.parts_mut(out);
            kernel::product(one, r_delta, input(before, layer, &x).t(), one, out_w);
            kernel::add_columns(r_delta, out_b);
            if l > 0 {
                let len = layer.inputs * batch;
                let (kept, r) = (&mut before[l - 1], &mut r_before[l - 1]);
                let r_a = Factor::new(&r.a, layer.inputs, batch);
                kernel::product(one, delta, r_a.t(), one, out_w);

                let (w, _) = layer.parts(theta);
                let (v, _) = layer.parts(v);
                kernel::product(one, w.t(), delta, T::zero(), &mut r.bend[..len]);
                kernel::product(one, w.t(), r_delta, T::zero(), &mut r.delta[..len]);
                kernel::product(one, v.t(), delta, one, &mut r.delta[..len]);
                kept.delta[..len].copy_from_slice(&r.bend[..len]);
                self.layers[l - 1].activation.times_first(&kept.z, &kept.a[..len], &mut kept.delta[..len]);
                self.bend(l - 1, cache);
            }
        }
    }
}

impl Network {
    /// `R{Δ} ← R{Δ} ⊙ φ' + bend ⊙ φ'' ⊙ R{Z}`.
    fn bend<T: Real>(&self, l: usize, cache: &mut NetworkCache<T>) {
        let (layer, kept, r) = (&self.layers[l], &cache.layers[l], &mut cache.tangents[l]);
        let len = layer.units * cache.batch;
        let (delta, bend) = (&mut r.delta[..len], &mut r.bend[..len]);
        layer.activation.times_first(&kept.z, &kept.a[..len], delta);
        layer.activation.times_second(&kept.z, &kept.a[..len], bend);
        kernel::vectorize(
            #[inline(always)]
            |_| {
                for ((delta, bend), z) in delta.iter_mut().zip(bend).zip(&r.z) {
                    *delta += *bend * *z;
                }
            },
        );
    }
}

fn copy_columns<T: Real>(from: DMatrixView<'_, T>, layer: &Layer, to: &mut [T]) {
    for (to, from) in to.chunks_exact_mut(layer.units).zip(from.column_iter()) {
        to.copy_from_slice(from.as_slice());
    }
}

//! The exact dense Hessian, block by block (Bishop, *Exact calculation of the Hessian matrix for the multilayer
//! perceptron*, Neural Computation 4, 1992).
//!
//! With `ã = (a; 1)` the input of a layer and `W̃ = (W b)`, so that `z = W̃ ã` and `W̃` column by column is just
//! the layer's part of `θ`, and for layers `l < l'` of one sample
//!
//! ```text
//! S⁽ˡˡ'⁾ = ∂²L/∂z⁽ˡ⁾∂z⁽ˡ'⁾,  G⁽ˡˡ'⁾ = ∂a⁽ˡ'⁻¹⁾/∂z⁽ˡ⁾,  δ⁽ˡ⁾ = ∂L/∂z⁽ˡ⁾
//!
//! ∂²L/∂W̃⁽ˡ⁾ᵤᵢ ∂W̃⁽ˡ⁾ᵥⱼ  = ãᵢ ãⱼ S⁽ˡˡ⁾ᵤᵥ
//! ∂²L/∂W̃⁽ˡ⁾ᵤᵢ ∂W̃⁽ˡ'⁾ᵥⱼ = ãᵢ (S⁽ˡˡ'⁾ᵤᵥ ã'ⱼ + G⁽ˡˡ'⁾ᵤⱼ δ'ᵥ)
//! ```
//!
//! summed over samples. Both `S` and `G` go backwards through the layers as any derivative does,
//!
//! ```text
//! S⁽ˡ⁻¹,ˡ'⁾ = φ' ⊙ W⁽ˡ⁾ᵀ S⁽ˡˡ'⁾,    G⁽ˡ⁻¹,ˡ'⁾ = φ' ⊙ W⁽ˡ⁾ᵀ G⁽ˡˡ'⁾,    G⁽ˡ'⁻¹,ˡ'⁾ = diag φ'
//! S⁽ˡ⁻¹,ˡ⁻¹⁾ = S⁽ˡ⁻¹,ˡ⁾ W⁽ˡ⁾ ⊙ φ' + diag(φ'' ⊙ W⁽ˡ⁾ᵀ δ⁽ˡ⁾)
//! ```
//!
//! Here every such number is a run of samples, so that sums over samples are products of matrices.

use std::ops::Range;

use nalgebra::{DMatrixView, DVector};

use super::Network;
use super::cache::{NetworkCache, Room, Strip, reserve};
use crate::kernel::{self, Factor, compiled};
use crate::{Architecture, Real};

mod blocks;

/// Where the second derivatives go.
pub(super) enum Target<'a, T> {
    /// The lower triangle of a column-major `p × p` matrix.
    Dense(&'a mut [T]),
    /// The diagonal alone.
    Diagonal(&'a mut [T]),
}

compiled! {
    /// [`Network::add_second_derivatives`], compiled here.
    pub(super) fn second_derivatives<T>(
        network: &'a Network,
        theta: &'a DVector<T>,
        x: DMatrixView<'a, T>,
        delta: DMatrixView<'a, T>,
        curvature: DMatrixView<'a, T>,
        cache: &'a mut NetworkCache<T>,
        target: Target<'a, T>,
    ) {
        network.add_second_derivatives(theta, &x, &delta, &curvature, cache, target);
    }
}

impl Network {
    /// Adds the second derivatives of the batch of the last forward pass to `target`; `delta = ∂L/∂Z`, and
    /// `curvature` has `∂²L/∂z²` of one sample in each column. Nothing is done where shapes do not fit.
    fn add_second_derivatives<T: Real>(
        &self, theta: &DVector<T>, x: &DMatrixView<'_, T>, delta: &DMatrixView<'_, T>,
        curvature: &DMatrixView<'_, T>, cache: &mut NetworkCache<T>, mut target: Target<'_, T>,
    ) {
        let (k, batch) = (self.outputs(), cache.batch);
        if !self.follows(theta, x, delta, cache) || curvature.shape() != (k * k, batch) {
            return;
        }
        let mut room = cache.room.take().unwrap_or_else(|| Room::new(&self.layers, cache.max_batch));
        for start in (0..batch).step_by(room.width) {
            let samples = start..batch.min(start + room.width);
            self.strip(theta, x, delta, cache, samples.clone(), &mut room);
            self.output_pairs(curvature, samples.clone(), &mut room);
            self.descend(theta, samples.len(), &mut room, &mut target);
        }
        cache.room = Some(room);
    }

    /// Turns activations so that samples stand side by side, and goes backwards once for `δ` and `φ''`.
    fn strip<T: Real>(
        &self, theta: &DVector<T>, x: &DMatrixView<'_, T>, delta: &DMatrixView<'_, T>,
        cache: &NetworkCache<T>, samples: Range<usize>, room: &mut Room<T>,
    ) {
        let m = samples.len();
        let Room { layers, terms, block, .. } = room;
        turn(x, samples.clone(), &mut layers[0].input);
        for (l, layer) in self.layers.iter().enumerate() {
            layers[l].input[layer.inputs * m..][..m].fill(T::one());
            if let Some(next) = layers.get_mut(l + 1) {
                turn(&view(&cache.layers[l].a, layer.units, cache.batch), samples.clone(), &mut next.input);
            }
        }
        let last = self.layers.len() - 1;
        turn(delta, samples.clone(), &mut layers[last].second);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            // terms = a, block = z
            let (kept, len) = (&cache.layers[l], m * layer.units);
            reserve(terms, len);
            turn(&view(&kept.a, layer.units, cache.batch), samples.clone(), terms);
            if layer.activation.needs_scores() {
                reserve(block, len);
                turn(&view(&kept.z, layer.units, cache.batch), samples.clone(), block);
            }
            let (before, rest) = layers.split_at_mut(l);
            let Strip { first, delta, second, .. } = &mut rest[0];
            let (first, delta, second) = (&mut first[..len], &mut delta[..len], &mut second[..len]);
            delta.copy_from_slice(second);
            if layer.activation.keeps_first() {
                turn(&view(&kept.first, layer.units, cache.batch), samples.clone(), first);
            } else {
                first.fill(T::one());
                layer.activation.times_first(&terms[..len], &[], first);
            }
            kernel::times(delta, first);
            layer.activation.times_second(block, &terms[..len], first, second);
            if let Some(before) = before.last_mut() {
                let (w, _) = layer.parts(theta);
                kernel::product(
                    T::one(),
                    Factor::new(delta, m, layer.units),
                    w,
                    T::zero(),
                    &mut before.second,
                );
            }
        }
    }

    /// `S = φ' ∂²L/∂a² φ' + diag(φ'' ⊙ ∂L/∂a)` of the last layer.
    fn output_pairs<T: Real>(
        &self, curvature: &DMatrixView<'_, T>, samples: Range<usize>, room: &mut Room<T>,
    ) {
        let (Some(layer), Some(strip), m) = (self.layers.last(), room.layers.last(), samples.len()) else {
            return;
        };
        let k = layer.units;
        let mut pairs = room.pairs.chunks_exact_mut(m);
        for v in 0..k {
            for u in v..k {
                let Some(pair) = pairs.next() else { return };
                for (pair, c) in
                    pair.iter_mut().zip(curvature.row(v * k + u).columns_range(samples.clone()).iter())
                {
                    *pair = *c;
                }
                kernel::times(pair, &strip.first[v * m..][..m]);
                kernel::times(pair, &strip.first[u * m..][..m]);
                if u == v {
                    kernel::axpy(T::one(), &strip.second[u * m..][..m], pair);
                }
            }
        }
    }

    /// From the last layer, whose `S` stands in `pairs`, to the first.
    fn descend<T: Real>(&self, theta: &DVector<T>, m: usize, room: &mut Room<T>, target: &mut Target<'_, T>) {
        for (top, upper) in self.layers.iter().enumerate().rev() {
            match target {
                Target::Dense(out) => room.add_within(upper, top, m, out),
                Target::Diagonal(out) => room.add_diagonal(upper, top, m, out),
            }
            if top > 0 {
                unpack(&room.pairs, upper.units, m, &mut room.cross[0]);
            }
            for l in (0..top).rev() {
                let (lower, above) = (&self.layers[l], &self.layers[l + 1]);
                let (w, _) = above.parts(theta);
                let weights = &theta.as_slice()[above.offset..];
                let first = &room.layers[l].first[..m * lower.units];
                hop(upper.units * m, w, above.units, first, m, &mut room.cross);
                if l + 1 == top {
                    // of S W only the columns from u on: the rest is symmetric
                    let second = &room.layers[l].second;
                    let mut pairs = &mut room.pairs[..];
                    for u in 0..lower.units {
                        let rest = lower.units - u;
                        let (run, tail) = pairs.split_at_mut(m * rest);
                        let s = Factor::new(&room.cross[0][u * upper.units * m..], m, upper.units);
                        let w = Factor::new(&weights[u * upper.units..], upper.units, rest);
                        kernel::product(T::one(), s, w, T::zero(), run);
                        kernel::times(run, &first[u * m..]);
                        kernel::axpy(T::one(), &second[u * m..][..m], &mut run[..m]);
                        pairs = tail;
                    }
                } else if l + 2 == top {
                    // φ'ⱼ Wⱼᵤ φ'ᵤ
                    let outer = &room.layers[l + 1].first[..m * above.units];
                    let runs = room.spread[0].chunks_exact_mut(m * above.units);
                    for (u, (g, first)) in runs.zip(first.chunks_exact(m)).enumerate() {
                        for (j, (g, outer)) in g.chunks_exact_mut(m).zip(outer.chunks_exact(m)).enumerate() {
                            let w = weights[u * above.units + j];
                            for ((g, outer), first) in g.iter_mut().zip(outer).zip(first) {
                                *g = *outer * w * *first;
                            }
                        }
                    }
                } else {
                    hop(upper.inputs * m, w, above.units, first, m, &mut room.spread);
                }
                match target {
                    Target::Dense(out) => room.add_between((lower, l), (upper, top), m, out),
                    // only the next layer's own S is still wanted
                    Target::Diagonal(_) => break,
                }
            }
        }
    }
}

/// `∂·/∂z⁽ˡ⁻¹⁾ = (∂·/∂z⁽ˡ⁾) W⁽ˡ⁾ ⊙ φ'`, from the first buffer by way of the second.
fn hop<T: Real>(
    rows: usize, w: Factor<'_, T>, units: usize, first: &[T], m: usize, [now, next]: &mut [Vec<T>; 2],
) {
    kernel::product(T::one(), Factor::new(now, rows, units), w, T::zero(), next);
    for (runs, first) in next.chunks_exact_mut(rows).zip(first.chunks_exact(m)) {
        runs.chunks_exact_mut(m).for_each(|run| kernel::times(run, first));
    }
    std::mem::swap(now, next);
}

/// Both halves of a symmetric matrix of runs.
fn unpack<T: Real>(pairs: &[T], units: usize, m: usize, full: &mut [T]) {
    let mut pairs = pairs.chunks_exact(m);
    for v in 0..units {
        for (u, pair) in (v..units).zip(&mut pairs) {
            full[(v * units + u) * m..][..m].copy_from_slice(pair);
            full[(u * units + v) * m..][..m].copy_from_slice(pair);
        }
    }
}

fn view<T: Real>(data: &[T], rows: usize, columns: usize) -> DMatrixView<'_, T> {
    DMatrixView::from_slice(&data[..rows * columns], rows, columns)
}

/// The columns `samples` of `from`, transposed.
fn turn<T: Real>(from: &DMatrixView<'_, T>, samples: Range<usize>, to: &mut [T]) {
    let m = samples.len();
    for (s, column) in from.columns_range(samples).column_iter().enumerate() {
        for (to, x) in to[s..].iter_mut().step_by(m).zip(column.iter()) {
            *to = *x;
        }
    }
}

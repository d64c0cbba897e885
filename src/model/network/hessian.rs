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

use super::cache::{NetworkCache, Room, Strip};
use super::{Network, input};
use crate::kernel::{self, Factor, compiled, inside, reserve};
use crate::{Architecture, Real};

mod blocks;

/// Samples that are worth one addition to the Hessian.
const STRIP: usize = 256;

/// Where the second derivatives go: to the lower triangle of a column-major `p × p` matrix, or the diagonal alone.
pub(super) struct Target<'a, T> {
    pub(super) out: &'a mut [T],
    pub(super) is_dense: bool,
}

impl<T: Real> Target<'_, T> {
    /// How many of the `Sᵤᵥ`, `u ≥ v`, of a layer are wanted: of the first, the diagonal knows `u = v` alone.
    fn run(&self, l: usize, units: usize, v: usize) -> usize {
        if self.is_dense || l > 0 { units - v } else { 1 }
    }

    fn pairs(&self, l: usize, units: usize) -> usize {
        if self.is_dense || l > 0 { triangle(units) } else { units }
    }
}

compiled! {
    /// Adds the second derivatives of the batch of the last forward pass to `target`; `delta = ∂L/∂Z`, and
    /// `curvature` has `∂²L/∂z²` of one sample in each column. Nothing is done where shapes do not fit; where memory
    /// does not hold what is needed on the way, the result is NaN.
    pub(super) fn second_derivatives<T>(
        network: &'a Network,
        theta: &'a DVector<T>,
        x: DMatrixView<'a, T>,
        delta: DMatrixView<'a, T>,
        curvature: DMatrixView<'a, T>,
        cache: &'a mut NetworkCache<T>,
        target: Target<'a, T>,
    ) {
        let (k, batch, mut target) = (network.outputs(), cache.batch, target);
        if !network.follows(theta, &x, &delta, cache) || curvature.shape() != (k * k, batch) {
            return;
        }
        let mut room = std::mem::take(&mut cache.room);
        let width = network.strip_width(cache.max_batch, &target);
        let added = (0..batch).step_by(width).try_for_each(|start| {
            let samples = start..batch.min(start + width);
            network.strip(theta, &x, &delta, cache, samples.clone(), &mut room)?;
            network.output_pairs(&curvature, samples.clone(), &mut room, &target)?;
            network.descend(theta, samples.len(), &mut room, &mut target)
        });
        if added.is_none() {
            target.out.fill(T::NAN);
        }
        cache.room = room;
    }
}

impl Network {
    /// As many samples at a time as take no more room than the Hessian itself, unless that is next to nothing.
    fn strip_width<T: Real>(&self, batch: usize, target: &Target<'_, T>) -> usize {
        let units = |l: usize| self.layers[l].units;
        let lowest = |top: usize| if target.is_dense { 0 } else { top - 1 };
        let tops = 1..self.layers.len();
        let pairs = (0..self.layers.len()).map(|l| target.pairs(l, units(l))).max();
        let cross = tops.clone().flat_map(|t| (lowest(t)..=t).map(move |l| units(t) * units(l))).max();
        let spread = tops.flat_map(|t| (lowest(t)..t - 1).map(move |l| units(t - 1) * units(l))).max();
        let p = self.parameter_count();
        let budget = p.saturating_mul(p).clamp(1 << 22, 1 << 25);
        let sample = pairs.unwrap_or(0) + 2 * cross.unwrap_or(0) + 2 * spread.unwrap_or(0);
        (budget / sample.max(1)).clamp(1, STRIP.min(batch).max(1))
    }

    /// Turns activations so that samples stand side by side, and goes backwards once for `δ` and `φ''`.
    fn strip<T: Real>(
        &self, theta: &DVector<T>, x: &DMatrixView<'_, T>, delta: &DMatrixView<'_, T>,
        cache: &NetworkCache<T>, samples: Range<usize>, room: &mut Room<T>,
    ) -> Option<()> {
        let m = samples.len();
        let Room { layers, terms, block, .. } = room;
        layers.resize_with(self.layers.len(), Strip::default);
        for (l, (layer, strip)) in self.layers.iter().zip(&mut *layers).enumerate() {
            reserve(&mut strip.input, m * (layer.inputs + 1))?;
            for buffer in [&mut strip.first, &mut strip.delta, &mut strip.second] {
                reserve(buffer, m * layer.units)?;
            }
            kernel::turn(input(&cache.layers[..l], layer, x).columns(samples.clone()), &mut strip.input);
            strip.input[layer.inputs * m..][..m].fill(T::one());
        }
        kernel::turn(Factor::view(delta).columns(samples.clone()), &mut layers.last_mut()?.second);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (kept, len) = (&cache.layers[l], m * layer.units);
            let turn = |from: &[T], to: &mut [T]| {
                let from = Factor::new(from, layer.units, cache.batch).columns(samples.clone());
                kernel::turn(from, to);
            };
            // terms = a, block = z
            reserve(terms, len)?;
            turn(&kept.a, terms);
            if layer.activation.needs_scores() {
                reserve(block, len)?;
                turn(&kept.z, block);
            }
            let (before, rest) = layers.split_at_mut(l);
            let Strip { first, delta, second, .. } = &mut rest[0];
            let (first, delta, second) = (&mut first[..len], &mut delta[..len], &mut second[..len]);
            delta.copy_from_slice(second);
            if layer.activation.keeps_first() {
                turn(&kept.first, first);
            } else {
                first.fill(T::one());
                layer.activation.times_first(&terms[..len], &[], first);
            }
            inside::times(delta, first);
            layer.activation.times_second(block, &terms[..len], first, second);
            if let Some(before) = before.last_mut() {
                let (w, _) = layer.parts(theta);
                let delta = Factor::new(delta, m, layer.units);
                inside::product(T::one(), delta, w, T::zero(), &mut before.second);
            }
        }
        Some(())
    }

    /// `S = φ' ∂²L/∂a² φ' + diag(φ'' ⊙ ∂L/∂a)` of the last layer.
    fn output_pairs<T: Real>(
        &self, curvature: &DMatrixView<'_, T>, samples: Range<usize>, room: &mut Room<T>,
        target: &Target<'_, T>,
    ) -> Option<()> {
        let (strip, m, last, k) = (room.layers.last()?, samples.len(), self.layers.len() - 1, self.outputs());
        reserve(&mut room.pairs, m * target.pairs(last, k))?;
        let mut pairs = room.pairs.chunks_exact_mut(m);
        for v in 0..k {
            for (u, pair) in (v..v + target.run(last, k, v)).zip(&mut pairs) {
                let c = curvature.row(v * k + u);
                pair.iter_mut().zip(c.columns_range(samples.clone()).iter()).for_each(|(pair, c)| *pair = *c);
                inside::times(pair, &strip.first[v * m..][..m]);
                inside::times(pair, &strip.first[u * m..][..m]);
                if u == v {
                    inside::axpy(T::one(), &strip.second[u * m..][..m], pair);
                }
            }
        }
        Some(())
    }

    /// From the last layer, whose `S` stands in `pairs`, to the first.
    fn descend<T: Real>(
        &self, theta: &DVector<T>, m: usize, room: &mut Room<T>, target: &mut Target<'_, T>,
    ) -> Option<()> {
        for (top, upper) in self.layers.iter().enumerate().rev() {
            if target.is_dense {
                room.add_within(upper, top, m, target.out)?;
            } else {
                room.add_diagonal(upper, top, m, target)?;
            }
            if top > 0 {
                room.cross.iter_mut().try_for_each(|cross| reserve(cross, m * upper.units * upper.units))?;
                unpack(&room.pairs, upper.units, m, &mut room.cross[0]);
            }
            for l in (0..top).rev() {
                let (lower, above) = (&self.layers[l], &self.layers[l + 1]);
                let (w, _) = above.parts(theta);
                let weights = &theta.as_slice()[above.offset..];
                let first = &room.layers[l].first[..m * lower.units];
                hop(upper.units * m, w, above.units, first, m, &mut room.cross)?;
                if l + 1 == top {
                    // of S W only the columns from u on: the rest is symmetric
                    reserve(&mut room.pairs, m * target.pairs(l, lower.units))?;
                    let second = &room.layers[l].second;
                    let mut pairs = &mut room.pairs[..];
                    for u in 0..lower.units {
                        let rest = target.run(l, lower.units, u);
                        let (run, tail) = pairs.split_at_mut(m * rest);
                        let s = Factor::new(&room.cross[0][u * upper.units * m..], m, upper.units);
                        let w = Factor::new(&weights[u * upper.units..], upper.units, rest);
                        inside::product(T::one(), s, w, T::zero(), run);
                        inside::times(run, &first[u * m..]);
                        inside::axpy(T::one(), &second[u * m..][..m], &mut run[..m]);
                        pairs = tail;
                    }
                } else if l + 2 == top {
                    // φ'ⱼ Wⱼᵤ φ'ᵤ
                    room.spread.iter_mut().try_for_each(|g| reserve(g, m * above.units * lower.units))?;
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
                    hop(upper.inputs * m, w, above.units, first, m, &mut room.spread)?;
                }
                if !target.is_dense {
                    // only the next layer's own S is still wanted
                    break;
                }
                room.add_between((lower, l), (upper, top), m, target.out)?;
            }
        }
        Some(())
    }
}

/// `∂·/∂z⁽ˡ⁻¹⁾ = (∂·/∂z⁽ˡ⁾) W⁽ˡ⁾ ⊙ φ'`, from the first buffer by way of the second.
fn hop<T: Real>(
    rows: usize, w: Factor<'_, T>, units: usize, first: &[T], m: usize, buffers: &mut [Vec<T>; 2],
) -> Option<()> {
    buffers.iter_mut().try_for_each(|buffer| reserve(buffer, rows * first.len() / m))?;
    let [now, next] = buffers;
    inside::product(T::one(), Factor::new(now, rows, units), w, T::zero(), next);
    for (runs, first) in next.chunks_exact_mut(rows).zip(first.chunks_exact(m)) {
        runs.chunks_exact_mut(m).for_each(|run| inside::times(run, first));
    }
    std::mem::swap(now, next);
    Some(())
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

/// `n (n + 1) / 2`.
fn triangle(n: usize) -> usize {
    n * (n + 1) / 2
}

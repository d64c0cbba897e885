//! Sums over the samples of a strip: from `S`, `G` and `δ` to the parts of the Hessian.

use super::super::Layer;
use super::super::cache::{Room, Strip};
use super::{Target, triangle};
use crate::Real;
use crate::kernel::{self, Factor, compiled, inlined, inside, reserve};

/// Scalars of the factors that a product is given at a time.
const TERMS: usize = 1 << 16;
/// Scalars of the result that is then added to the Hessian.
const BLOCK: usize = 1 << 18;

impl<T: Real> Room<T> {
    /// `Σ ãᵢ ãⱼ Sᵤᵥ`: for as many `i ≥ j` at a time as there is room, one product for all `u ≥ v`.
    pub(super) fn add_within(&mut self, layer: &Layer, l: usize, m: usize, out: &mut [T]) -> Option<()> {
        let Self { layers, pairs, terms, block, .. } = self;
        let (units, inputs, p) = (layer.units, layer.inputs + 1, dimension(out));
        let (count, input) = (triangle(units), &layers[l].input);
        let s = Factor::new(pairs, m, count).t();
        let together = (TERMS / m).min(BLOCK / count).clamp(1, triangle(inputs));
        reserve(terms, together * m)?;
        reserve(block, together * count)?;
        let mut rest = (0..inputs).flat_map(|j| (j..inputs).map(move |i| (i, j)));
        loop {
            let these = rest.clone().take(together);
            let mut columns = 0;
            for (term, (i, j)) in terms.chunks_exact_mut(m).zip(these.clone()) {
                term.copy_from_slice(&input[i * m..][..m]);
                inside::times(term, &input[j * m..][..m]);
                columns += 1;
            }
            if columns == 0 {
                return Some(());
            }
            inside::product(T::one(), s, Factor::new(terms, m, columns), T::zero(), block);
            for (sums, (i, j)) in block.chunks_exact(count).zip(these) {
                let mut above = 0;
                for v in 0..units {
                    let at = (layer.offset + j * units + v) * p + layer.offset + i * units;
                    let (upper, lower) = out[at..][..units].split_at_mut(v);
                    inside::axpy(T::one(), &sums[above..][..units - v], lower);
                    above += units - v;
                    if i > j {
                        // Sᵤᵥ = Sᵥᵤ stands in the run of u
                        let mut run = 0;
                        for (u, out) in upper.iter_mut().enumerate() {
                            *out += sums[run + v - u];
                            run += units - u;
                        }
                    }
                }
            }
            rest.nth(columns - 1);
        }
    }

    /// `Σ ãᵢ (Sᵤᵥ ã'ⱼ + Gᵤⱼ δ'ᵥ)`: for each `u`, one product for all `v`, `i` and as many `j` at a time as
    /// there is room.
    pub(super) fn add_between(
        &mut self, (lower, l): (&Layer, usize), (upper, top): (&Layer, usize), m: usize, out: &mut [T],
    ) -> Option<()> {
        let Self { layers, cross, spread, terms, block, .. } = self;
        let (units, inputs, p) = (upper.units, upper.inputs + 1, dimension(out));
        let Strip { input: a, delta, .. } = &layers[top];
        let Strip { input, first, .. } = &layers[l];
        let x = Factor::new(input, m, lower.inputs + 1);
        let together = (TERMS / (m * units)).clamp(1, inputs);
        reserve(terms, together * units * m)?;
        reserve(block, together * units * (lower.inputs + 1))?;
        for u in 0..lower.units {
            let s = &cross[0][u * units * m..][..units * m];
            for start in (0..inputs).step_by(together) {
                let js = start..inputs.min(start + together);
                for (terms, j) in terms.chunks_exact_mut(units * m).zip(js.clone()) {
                    let a = &a[j * m..][..m];
                    // the bias depends on nothing; right above, a'ⱼ depends on zⱼ alone
                    let g = match () {
                        () if j == upper.inputs || (l + 1 == top && j != u) => None,
                        () if l + 1 == top => Some(&first[u * m..][..m]),
                        () => Some(&spread[0][(u * upper.inputs + j) * m..][..m]),
                    };
                    let runs = terms.chunks_exact_mut(m).zip(s.chunks_exact(m)).zip(delta.chunks_exact(m));
                    for ((term, s), delta) in runs {
                        match g {
                            Some(g) => sum_of_products(term, s, a, g, delta),
                            None => {
                                term.copy_from_slice(s);
                                inside::times(term, a);
                            }
                        }
                    }
                }
                let rows = js.len() * units;
                inside::product(T::one(), Factor::new(terms, m, rows).t(), x, T::zero(), block);
                for (i, sums) in block.chunks_exact(rows).take(lower.inputs + 1).enumerate() {
                    let column = lower.offset + i * lower.units + u;
                    let at = column * p + upper.offset + start * units;
                    inside::axpy(T::one(), sums, &mut out[at..][..rows]);
                }
            }
        }
        Some(())
    }

    /// `Σ ãᵢ² Sᵤᵤ`.
    pub(super) fn add_diagonal(
        &mut self, layer: &Layer, l: usize, m: usize, target: &mut Target<'_, T>,
    ) -> Option<()> {
        let Self { layers, pairs, terms, block, .. } = self;
        let (units, inputs) = (layer.units, layer.inputs + 1);
        let input = &layers[l].input[..m * inputs];
        reserve(terms, m * inputs)?;
        reserve(block, m * units)?;
        terms[..input.len()].copy_from_slice(input);
        inside::times(&mut terms[..input.len()], input);
        let mut pair = 0;
        for (u, s) in block.chunks_exact_mut(m).take(units).enumerate() {
            s.copy_from_slice(&pairs[pair * m..][..m]);
            pair += target.run(l, units, u);
        }
        let (s, squares) = (Factor::new(block, m, units), Factor::new(terms, m, inputs));
        inside::product(T::one(), s.t(), squares, T::one(), &mut target.out[layer.range()]);
        Some(())
    }
}

/// `p` of a `p × p` matrix.
fn dimension<T>(square: &[T]) -> usize {
    square.len().isqrt()
}

compiled! {
    /// `x ← a ⊙ b + c ⊙ d`.
    fn sum_of_products<T>(x: &'a mut [T], a: &'a [T], b: &'a [T], c: &'a [T], d: &'a [T]) {
        kernel::vectorize(inlined!(|_| {
            for ((((x, a), b), c), d) in x.iter_mut().zip(a).zip(b).zip(c).zip(d) {
                *x = *a * *b + *c * *d;
            }
        }));
    }
}

//! Passes over long vectors entry by entry, by several threads where that is worth a fork. Nothing is summed
//! across entries, so the threads leave no trace in the bits.
//!
//! A sweep is compiled with the function it stands in: [`compiled!`](super::compiled) makes that one of this crate.
//!
//! ```text
//! compiled! {
//!     /// `v ← μ v + g`, `x ← x − α v`
//!     fn roll<T>(g: &'a [T], v: &'a mut [T], x: &'a mut [T], alpha: T, mu: T) {
//!         sweep(g, [v, x], inlined!(|_, g, [v, x]| {
//!             let v = mu * v + g;
//!             [v, x - alpha * v]
//!         }));
//!     }
//! }
//! ```

/// Entries that one thread takes at the least.
const LONG: usize = 1 << 15;

/// Entries in a block.
const LANES: usize = 64;

/// Replaces the entries `x` of `moved` by `f(fused, g, x)`, entry by entry.
#[inline]
pub(crate) fn sweep<T: Real, const N: usize>(
    g: &[T], moved: [&mut [T]; N], f: impl Fn(Fused, T, [T; N]) -> [T; N] + Sync,
) {
    split(g, moved, &f);
}

use super::{Fused, Real, inlined, join, threads, vectorize};
fn split<T: Real, const N: usize>(
    g: &[T], moved: [&mut [T]; N], f: &(impl Fn(Fused, T, [T; N]) -> [T; N] + Sync),
) {
    if g.len() < 2 * LONG || threads() == 1 {
        return run(g, moved, f);
    }
    let half = g.len() / 2;
    let mut high: [&mut [T]; N] = std::array::from_fn(|_| Default::default());
    let mut low = moved;
    for (low, high) in low.iter_mut().zip(&mut high) {
        (*low, *high) = std::mem::take(low).split_at_mut(half);
    }
    join(|| split(&g[..half], low, f), || split(&g[half..], high, f));
}

#[inline]
fn run<T: Real, const N: usize>(g: &[T], moved: [&mut [T]; N], f: &impl Fn(Fused, T, [T; N]) -> [T; N]) {
    let n = moved.iter().fold(g.len(), |n, x| n.min(x.len()));
    vectorize(inlined!(|fused| {
        let (g, mut moved) = (&g[..n], moved.map(|x| &mut x[..n]));
        let whole = n - n % LANES;
        for start in (0..whole).step_by(LANES) {
            block::<T, N, LANES>(fused, g, &mut moved, start, f);
        }
        for start in whole..n {
            block::<T, N, 1>(fused, g, &mut moved, start, f);
        }
    }));
}

/// Entries `start..start + W`, all read before any is written: registers, not slices that might overlap.
#[inline(always)]
fn block<T: Real, const N: usize, const W: usize>(
    fused: Fused, g: &[T], moved: &mut [&mut [T]; N], start: usize, f: &impl Fn(Fused, T, [T; N]) -> [T; N],
) {
    let entries = |x: &[T]| -> [T; W] { *x[start..].first_chunk().expect("a block lies within") };
    let (g, mut x) = (entries(g), std::array::from_fn::<_, N, _>(|k| entries(moved[k])));
    for i in 0..W {
        let next = f(fused, g[i], std::array::from_fn(|k| x[k][i]));
        for k in 0..N {
            x[k][i] = next[k];
        }
    }
    for (moved, x) in moved.iter_mut().zip(&x) {
        moved[start..start + W].copy_from_slice(x);
    }
}

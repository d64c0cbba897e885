//! What passes through a network leave behind, in buffers that are sized once.

use super::Layer;
use crate::Real;

/// What a forward pass keeps, layer by layer, for batches up to the size it was made for.
///
/// ```
/// use gradus::model::NetworkCache;
/// use gradus::nalgebra::DMatrix;
/// use gradus::{Activation, Model, Network};
///
/// let network = Network::new(&[3, 8, 2], Activation::Tanh);
/// let mut cache: NetworkCache<f64> = network.cache(16); // for batches of up to 16 samples
/// let z = network.forward(&network.initial(1), DMatrix::zeros(3, 5).as_view(), &mut cache);
/// assert_eq!(z.shape(), (2, 5));
/// ```
#[derive(Debug, Clone)]
pub struct NetworkCache<T> {
    pub(super) inputs: usize,
    /// The largest batch that it takes, and the last one.
    pub(super) max_batch: usize,
    pub(super) batch: usize,
    /// Whether there was a forward pass since the last tangent.
    pub(super) is_new: bool,
    pub(super) layers: Vec<Kept<T>>,
    pub(super) tangents: Vec<KeptTangent<T>>,
    pub(super) room: Option<Room<T>>,
}

/// Of one layer, `units × batch` each.
#[derive(Debug, Clone)]
pub(super) struct Kept<T> {
    /// `Z⁽ˡ⁾`, only where `φ''` needs it.
    pub(super) z: Vec<T>,
    /// `A⁽ˡ⁾`.
    pub(super) a: Vec<T>,
    /// `φ'(Z⁽ˡ⁾)`, only where it is not read off from `A⁽ˡ⁾`.
    pub(super) first: Vec<T>,
    /// `Δ⁽ˡ⁾ = ∂L/∂Z⁽ˡ⁾`.
    pub(super) delta: Vec<T>,
}

/// Tangents of one layer, `units × batch` each.
#[derive(Debug, Clone)]
pub(super) struct KeptTangent<T> {
    /// `R{Z⁽ˡ⁾}`.
    pub(super) z: Vec<T>,
    /// `R{A⁽ˡ⁾} = φ'(Z⁽ˡ⁾) ⊙ R{Z⁽ˡ⁾}`.
    pub(super) a: Vec<T>,
    /// `R{Δ⁽ˡ⁾}`.
    pub(super) delta: Vec<T>,
    /// `φ'(Z⁽ˡ⁾)` and `φ''(Z⁽ˡ⁾)`, the same for every tangent after one forward pass.
    pub(super) first: Vec<T>,
    pub(super) second: Vec<T>,
}

/// Samples that are worth one addition to the Hessian.
const STRIP: usize = 256;
/// Room for one strip of `m` samples; the samples of a quantity stand side by side.
#[derive(Debug, Clone)]
pub(super) struct Room<T> {
    pub(super) width: usize,
    pub(super) layers: Vec<Strip<T>>,
    /// `S⁽ˡˡ⁾ᵤᵥ`, `v ≤ u`: for `v = 0, 1, …` those of `u = v, v + 1, …`.
    pub(super) pairs: Vec<T>,
    /// `S⁽ˡˡ'⁾ᵤᵥ`: for each `u` those of all `v`; and room for the next.
    pub(super) cross: [Vec<T>; 2],
    /// `G⁽ˡˡ'⁾ᵤⱼ`: for each `u` those of all `j`; and room for the next.
    pub(super) spread: [Vec<T>; 2],
    pub(super) terms: Vec<T>,
    pub(super) block: Vec<T>,
}

/// One layer over a strip, `m × …` each.
#[derive(Debug, Clone)]
pub(super) struct Strip<T> {
    /// `ã⁽ˡ⁻¹⁾`.
    pub(super) input: Vec<T>,
    /// `φ'(z⁽ˡ⁾)`.
    pub(super) first: Vec<T>,
    /// `δ⁽ˡ⁾`.
    pub(super) delta: Vec<T>,
    /// `φ''(z⁽ˡ⁾) ⊙ ∂L/∂a⁽ˡ⁾`.
    pub(super) second: Vec<T>,
}

impl<T: Real> Room<T> {
    pub(super) fn new(layers: &[Layer], batch: usize) -> Self {
        let units = |l: usize| layers[l].units;
        let tops = 1..layers.len();
        let largest = |sizes: &mut dyn Iterator<Item = usize>| sizes.max().unwrap_or(0);
        let pairs = largest(&mut layers.iter().map(|layer| triangle(layer.units)));
        let cross = largest(&mut tops.clone().flat_map(|t| (0..=t).map(move |l| units(t) * units(l))));
        let spread = largest(&mut tops.flat_map(|t| (0..t - 1).map(move |l| units(t - 1) * units(l))));
        // no more room than the Hessian itself takes, unless that is next to nothing
        let p = layers.last().map_or(0, |layer| layer.range().end);
        let budget = p.saturating_mul(p).clamp(1 << 22, 1 << 25);
        let width = (budget / (pairs + 2 * cross + 2 * spread).max(1)).clamp(1, STRIP.min(batch).max(1));
        let zeros = |count: usize| vec![T::zero(); count];
        let strip = |layer: &Layer| Strip {
            input: zeros(width * (layer.inputs + 1)),
            first: zeros(width * layer.units),
            delta: zeros(width * layer.units),
            second: zeros(width * layer.units),
        };
        Self {
            width,
            layers: layers.iter().map(strip).collect(),
            pairs: zeros(width * pairs),
            cross: [zeros(width * cross), zeros(width * cross)],
            spread: [zeros(width * spread), zeros(width * spread)],
            terms: Vec::new(),
            block: Vec::new(),
        }
    }
}

/// `n (n + 1) / 2`.
pub(super) fn triangle(n: usize) -> usize {
    n * (n + 1) / 2
}

pub(super) fn reserve<T: Real>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::zero());
    }
}

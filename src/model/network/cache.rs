//! What passes through a network leave behind, in buffers that are sized once.

use nalgebra::DMatrixView;

use super::layer::Layer;
use crate::Real;

/// The cache of backpropagation: what a forward pass keeps, layer by layer, for batches up to the size it was made for.
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
    /// Those of the network that it was made for.
    pub(super) model: Vec<Layer>,
    /// The largest batch that it takes, and the last one.
    pub(super) max_batch: usize,
    pub(super) batch: usize,
    /// Whether there was a forward pass since the last tangent.
    pub(super) is_new: bool,
    pub(super) layers: Vec<Kept<T>>,
    pub(super) tangents: Vec<KeptTangent<T>>,
    pub(super) room: Room<T>,
}

impl<T: Real> NetworkCache<T> {
    /// `A⁽ˡ⁾ = φ(Z⁽ˡ⁾)` (`units × samples`) of a layer, counted from 0, after [`forward`](crate::Model::forward); no
    /// samples before it, or of a layer that is not there.
    ///
    /// ```
    /// use gradus::{Activation, Model, Network, matrix, vector};
    ///
    /// let network = Network::new(&[1, 2, 1], Activation::Relu);
    /// let theta = vector![1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.5];
    /// let (x, mut cache) = (matrix![3.0], network.cache(1));
    /// network.forward(&theta, x.as_view(), &mut cache);
    /// assert_eq!(cache.activations(0), matrix![3.0; 0.0]);
    /// assert_eq!(cache.activations(1), matrix![3.5]);
    /// ```
    pub fn activations(&self, layer: usize) -> DMatrixView<'_, T> {
        self.of(layer, |kept| &kept.a)
    }

    /// `Δ⁽ˡ⁾ = ∂L/∂Z⁽ˡ⁾` (`units × samples`) of a layer, counted from 0, after [`backward`](crate::Model::backward).
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Activation, Model, Network, matrix, vector};
    ///
    /// let network = Network::new(&[1, 2, 1], Activation::Relu);
    /// let theta = vector![1.0, -1.0, 0.0, 0.0, 4.0, 5.0, 0.5];
    /// let (x, delta) = (matrix![3.0], matrix![1.0]);
    /// let (mut cache, mut gradient) = (network.cache(1), DVector::zeros(7));
    /// network.forward(&theta, x.as_view(), &mut cache);
    /// network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
    /// assert_eq!(cache.deltas(0), matrix![4.0; 0.0]); // Wᵀ Δ ⊙ φ'(Z)
    /// ```
    pub fn deltas(&self, layer: usize) -> DMatrixView<'_, T> {
        self.of(layer, |kept| &kept.delta)
    }

    fn of(&self, layer: usize, part: impl Fn(&Kept<T>) -> &[T]) -> DMatrixView<'_, T> {
        let units = self.model.get(layer).map_or(0, Layer::units);
        let kept = self.layers.get(layer).map_or(&[][..], part);
        DMatrixView::from_slice(&kept[..units * self.batch], units, self.batch)
    }
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

/// Room for one strip of `m` samples, had where it is needed; the samples of a quantity stand side by side.
#[derive(Debug, Clone, Default)]
pub(super) struct Room<T> {
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
#[derive(Debug, Clone, Default)]
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

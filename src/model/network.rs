use nalgebra::{DMatrixView, DMatrixViewMut, DVector};

use crate::kernel::{self, Factor};
use crate::{Activation, Architecture, Error, Initialize, Model, Real};

mod tangent;

/// A layered network: `A⁽ˡ⁾ = φ⁽ˡ⁾(W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ)`, `A⁽⁰⁾ = X`, of any depth.
///
/// The scores are the last layer's activations: leave that layer [`Activation::Identity`] and let the loss
/// hold the sigmoid or softmax. `θ` holds, layer by layer, `W⁽ˡ⁾` (units × inputs of the layer)
/// column-major, then `b⁽ˡ⁾`.
///
/// ```
/// use gradus::{Activation, Architecture, Network};
///
/// let network = Network::new(&[64, 32, 10], Activation::Relu);
/// assert_eq!((network.inputs(), network.outputs()), (64, 10));
///
/// let mixed = Network::with_layers(2, &[(8, Activation::Tanh), (4, Activation::Silu), (1, Activation::Identity)]);
/// assert_eq!(mixed.parameter_count(), 2 * 8 + 8 + 8 * 4 + 4 + 4 + 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    inputs: usize,
    layers: Vec<Layer>,
}

/// One layer: `W` is `units × inputs`, and its parameters start at `offset` in `θ`.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Layer {
    inputs: usize,
    units: usize,
    activation: Activation,
    offset: usize,
}

impl Layer {
    fn weights(&self) -> usize {
        self.inputs * self.units
    }

    /// `(W, b)` out of `θ`, or the same parts of anything of its shape.
    fn parts<'a, T: Real>(&self, theta: &'a DVector<T>) -> (Factor<'a, T>, &'a [T]) {
        let (w, b) = theta.as_slice()[self.offset..][..self.weights() + self.units].split_at(self.weights());
        (Factor::new(w, self.units, self.inputs), b)
    }

    fn parts_mut<'a, T: Real>(&self, theta: &'a mut DVector<T>) -> (&'a mut [T], &'a mut [T]) {
        let part = &mut theta.as_mut_slice()[self.offset..][..self.weights() + self.units];
        part.split_at_mut(self.weights())
    }
}

/// What a forward pass keeps, layer by layer, for batches up to the size it was made for.
#[derive(Debug, Clone)]
pub struct NetworkCache<T> {
    batch: usize,
    layers: Vec<Kept<T>>,
    tangents: Vec<tangent::Kept<T>>,
}

/// Of one layer, `units × batch` each.
#[derive(Debug, Clone)]
struct Kept<T> {
    /// `Z⁽ˡ⁾`, only where `φ'` needs it.
    z: Vec<T>,
    /// `A⁽ˡ⁾`.
    a: Vec<T>,
    /// `Δ⁽ˡ⁾ = ∂L/∂Z⁽ˡ⁾`.
    delta: Vec<T>,
}

impl Network {
    /// Layers of the given sizes, inputs first; `hidden` acts on every layer but the last, which is the
    /// identity.
    pub fn new(sizes: &[usize], hidden: Activation) -> Self {
        let Some((&inputs, sizes)) = sizes.split_first() else {
            return Self { inputs: 0, layers: Vec::new() };
        };
        let last = sizes.len().saturating_sub(1);
        let activation = |l| if l == last { Activation::Identity } else { hidden };
        let layers: Vec<_> = sizes.iter().enumerate().map(|(l, &units)| (units, activation(l))).collect();
        Self::with_layers(inputs, &layers)
    }

    /// Layers of the given units, each with its own activation; the last pair is the output.
    pub fn with_layers(inputs: usize, layers: &[(usize, Activation)]) -> Self {
        let (mut offset, mut fan_in) = (0, inputs);
        let layer = |&(units, activation): &(usize, Activation)| {
            let layer = Layer { inputs: fan_in, units, activation, offset };
            offset += layer.weights() + units;
            fan_in = units;
            layer
        };
        Self { inputs, layers: layers.iter().map(layer).collect() }
    }

    /// Parameters drawn by name, with a seed.
    pub fn initialize<T: Real>(&self, initialize: Initialize, seed: u64) -> DVector<T> {
        initialize.draw(self.layers.iter().map(|layer| (layer.inputs, layer.units, true)), seed)
    }

    /// Parameters as usual for the first activation: He uniform for relu and its kin, Glorot uniform for the
    /// others; biases zero.
    pub fn initial<T: Real>(&self, seed: u64) -> DVector<T> {
        use Activation::{Elu, Gelu, LeakyRelu, Relu, Silu};
        let kin = matches!(
            self.layers.first().map(|layer| layer.activation),
            Some(Relu | LeakyRelu { .. } | Elu { .. } | Gelu | Silu)
        );
        self.initialize(if kin { Initialize::HeUniform } else { Initialize::GlorotUniform }, seed)
    }
}

impl Architecture for Network {
    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        self.layers.last().map_or(self.inputs, |layer| layer.units)
    }

    fn parameter_count(&self) -> usize {
        self.layers.last().map_or(0, |layer| layer.offset + layer.weights() + layer.units)
    }

    fn penalised(&self, penalised: &mut [bool]) {
        for layer in &self.layers {
            let part = &mut penalised[layer.offset..][..layer.weights() + layer.units];
            let (weights, biases) = part.split_at_mut(layer.weights());
            weights.fill(true);
            biases.fill(false);
        }
    }

    fn is_affine(&self) -> bool {
        self.layers.len() == 1 && self.layers[0].activation == Activation::Identity
    }

    fn check(&self) -> Result<(), Error> {
        if self.inputs == 0 {
            return Err(Error::Empty { argument: "inputs", expected: "feature" });
        }
        if self.layers.is_empty() || self.layers.iter().any(|layer| layer.units == 0) {
            return Err(Error::Empty { argument: "layers", expected: "layer, and unit in each" });
        }
        self.layers.iter().try_for_each(|layer| layer.activation.check())
    }
}

impl<T: Real> Model<T> for Network {
    type Cache = NetworkCache<T>;

    fn cache(&self, max_batch: usize) -> NetworkCache<T> {
        let zeros = |units: usize| vec![T::zero(); units * max_batch];
        let layers = self.layers.iter().map(|layer| Kept {
            z: zeros(if layer.activation.needs_scores() { layer.units } else { 0 }),
            a: zeros(layer.units),
            delta: zeros(layer.units),
        });
        NetworkCache { batch: 0, layers: layers.collect(), tangents: Vec::new() }
    }

    /// `Z⁽ˡ⁾ = W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ`, `A⁽ˡ⁾ = φ(Z⁽ˡ⁾)`.
    fn forward(&self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &mut NetworkCache<T>) {
        cache.batch = x.ncols();
        for (l, layer) in self.layers.iter().enumerate() {
            let (w, b) = layer.parts(theta);
            let (before, rest) = cache.layers.split_at_mut(l);
            let kept = &mut rest[0];
            let a = &mut kept.a[..layer.units * cache.batch];
            kernel::affine(w, Some(b), input(before, layer, &x), a);
            if layer.activation.needs_scores() {
                kept.z[..a.len()].copy_from_slice(a);
            }
            layer.activation.apply(a);
        }
    }

    fn scores<'c>(&self, cache: &'c NetworkCache<T>) -> DMatrixView<'c, T> {
        let (units, a) = match (self.layers.last(), cache.layers.last()) {
            (Some(layer), Some(kept)) => (layer.units, &kept.a[..]),
            _ => (0, &[][..]),
        };
        DMatrixView::from_slice(&a[..units * cache.batch], units, cache.batch)
    }

    /// `∇W⁽ˡ⁾ += Δ⁽ˡ⁾ A⁽ˡ⁻¹⁾ᵀ`, `∇b⁽ˡ⁾ += Δ⁽ˡ⁾ 1`, `Δ⁽ˡ⁻¹⁾ = W⁽ˡ⁾ᵀ Δ⁽ˡ⁾ ⊙ φ'(Z⁽ˡ⁻¹⁾)`.
    fn backward(
        &self,
        theta: &DVector<T>,
        x: DMatrixView<'_, T>,
        delta: DMatrixView<'_, T>,
        cache: &mut NetworkCache<T>,
        gradient: &mut DVector<T>,
    ) {
        self.output_delta(delta, cache);
        for (l, layer) in self.layers.iter().enumerate().rev() {
            let (before, rest) = cache.layers.split_at_mut(l);
            let delta = Factor::new(&rest[0].delta, layer.units, cache.batch);
            let (grad_w, grad_b) = layer.parts_mut(gradient);
            kernel::product(T::one(), delta, input(before, layer, &x).t(), T::one(), grad_w);
            kernel::add_columns(delta, grad_b);
            if l > 0 {
                let (w, _) = layer.parts(theta);
                let kept = &mut before[l - 1];
                let len = layer.inputs * cache.batch;
                let previous = &mut kept.delta[..len];
                kernel::product(T::one(), w.t(), delta, T::zero(), previous);
                self.layers[l - 1].activation.times_first(&kept.z, &kept.a[..len], previous);
            }
        }
    }

    /// `∂L/∂X = W⁽¹⁾ᵀ Δ⁽¹⁾`.
    fn input_gradient(
        &self,
        theta: &DVector<T>,
        _delta: DMatrixView<'_, T>,
        cache: &mut NetworkCache<T>,
        mut out: DMatrixViewMut<'_, T>,
    ) -> bool {
        let (Some(layer), Some(kept)) = (self.layers.first(), cache.layers.first()) else { return false };
        let (w, _) = layer.parts(theta);
        for (delta, mut out) in kept.delta.chunks_exact(layer.units).zip(out.column_iter_mut()) {
            let delta = Factor::new(delta, layer.units, 1);
            kernel::product(T::one(), w.t(), delta, T::zero(), out.as_mut_slice());
        }
        true
    }
}

impl Network {
    /// `Δ⁽ᴰ⁾ = ∂L/∂A⁽ᴰ⁾ ⊙ φ'(Z⁽ᴰ⁾)`.
    fn output_delta<T: Real>(&self, delta: DMatrixView<'_, T>, cache: &mut NetworkCache<T>) {
        if let (Some(layer), Some(kept)) = (self.layers.last(), cache.layers.last_mut()) {
            let len = layer.units * cache.batch;
            for (kept, delta) in kept.delta.chunks_exact_mut(layer.units).zip(delta.column_iter()) {
                kept.copy_from_slice(delta.as_slice());
            }
            layer.activation.times_first(&kept.z, &kept.a[..len], &mut kept.delta[..len]);
        }
    }
}

/// `A⁽ˡ⁻¹⁾`: the layer before, or the data.
fn input<'a, T: Real>(before: &'a [Kept<T>], layer: &Layer, x: &DMatrixView<'a, T>) -> Factor<'a, T> {
    match before.last() {
        Some(kept) => Factor::new(&kept.a, layer.inputs, x.ncols()),
        None => Factor::view(x),
    }
}

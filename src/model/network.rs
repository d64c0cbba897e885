use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut, DVector};

use super::linear::to_inputs;
use crate::contract::{check_length, check_some, room, setting};
use crate::kernel::{self, Factor, compiled, inside};
use crate::{Activation, Architecture, Error, Initialize, InputGradient, Model, Real};

mod cache;
mod hessian;
mod layer;
mod tangent;

use cache::Kept;
pub use cache::NetworkCache;
pub use layer::Layer;

/// A layered network: `A⁽ˡ⁾ = φ⁽ˡ⁾(W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ)`, `A⁽⁰⁾ = X`, of any depth.
///
/// The scores are the last layer's activations: leave that layer [`Activation::Identity`] and let the loss
/// hold the sigmoid or softmax. `θ` holds, layer by layer, `W⁽ˡ⁾` (units × inputs of the layer)
/// column-major, then `b⁽ˡ⁾`; [`layers`](Self::layers) gives views of them.
///
/// `φ'` is formed beside `φ` from the same exponential, not from the rounded activation: saturated units keep the
/// digits of their derivatives.
///
/// Second derivatives are exact: products by forward over reverse (Pearlmutter 1994), the dense Hessian block by
/// block (Bishop 1992). Those of relu and its kin are the second derivatives of the linear pieces, `φ'' = 0`:
/// *within* one layer the Hessian is then its Gauss–Newton part, *between* two layers the term of the product
/// structure, `δ · ∂a/∂z`, remains.
///
/// The boundary and the loss of a small one, as it learns exclusive or ([the guide](crate::guide::backpropagation)):
///
#[doc = include_str!("../guide/pictures/exclusive_or.svg")]
///
/// ```
/// use gradus::{Activation, Architecture, Network};
///
/// let network = Network::new(&[64, 32, 10], Activation::Relu);
/// assert_eq!((network.inputs(), network.outputs()), (64, 10));
///
/// // one layer after the other, the last one as it is
/// let layers = [(8, Activation::Tanh), (4, Activation::Silu), (1, Activation::Identity)];
/// let mixed = Network::with_layers(2, &layers);
/// assert_eq!(mixed.parameter_count(), 2 * 8 + 8 + 8 * 4 + 4 + 4 + 1);
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("MLP", "multilayer perceptron", "neural network", "feed-forward", "hidden layer"))]
pub struct Network {
    inputs: usize,
    layers: Vec<Layer>,
}

impl Network {
    /// Layers of the given sizes, inputs first; `hidden` acts on every layer but the last, which is the
    /// identity.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[3, 8, 2], Activation::Tanh);
    /// assert_eq!(network.layers()[0].activation(), Activation::Tanh);
    /// assert_eq!(network.layers()[1].activation(), Activation::Identity);
    /// ```
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
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let layers = [(8, Activation::Silu), (2, Activation::Identity)];
    /// let network = Network::with_layers(3, &layers);
    /// assert_eq!(network, Network::new(&[3, 8, 2], Activation::Silu));
    /// ```
    pub fn with_layers(inputs: usize, layers: &[(usize, Activation)]) -> Self {
        let (mut offset, mut fan_in) = (0, inputs);
        let layer = |&(units, activation): &(usize, Activation)| {
            let layer = Layer { inputs: fan_in, units, activation, offset };
            (offset, fan_in) = (layer.range().end, units);
            layer
        };
        Self { inputs, layers: layers.iter().map(layer).collect() }
    }

    /// The same network with `activation` on the last layer, for losses that take responses rather than scores
    /// (a sigmoid under [`LogLoss`](crate::LogLoss) or [`CrossEntropy`](crate::CrossEntropy) is refused: they have their own).
    /// Default: the identity.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[2, 4, 1], Activation::Tanh);
    /// let network = network.with_output_activation(Activation::Softplus);
    /// assert_eq!(network.layers()[1].activation(), Activation::Softplus);
    /// ```
    #[must_use]
    pub fn with_output_activation(mut self, activation: Activation) -> Self {
        if let Some(layer) = self.layers.last_mut() {
            layer.activation = activation;
        }
        self
    }

    /// The layers, from the first hidden one to the output: their sizes, activations and parts of `θ`.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[64, 32, 10], Activation::Relu);
    /// let shapes = network.layers().iter().map(|layer| (layer.units(), layer.inputs()));
    /// assert!(shapes.eq([(32, 64), (10, 32)]));
    /// ```
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// Parameters from the weights and biases of each layer, `W` **row by row** (one row of as many numbers as there are
    /// inputs for each unit), as PyTorch, NumPy and C keep them.
    ///
    /// ```
    /// use gradus::{Activation, Network, matrix};
    ///
    /// let network = Network::new(&[3, 2, 1], Activation::Tanh);
    /// let (w1, b1) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0.1, 0.2]);
    /// let (w2, b2) = ([7.0, 8.0], [0.3]);
    /// let theta = network.parameters_from_rows(&[(&w1, &b1), (&w2, &b2)])?;
    /// assert_eq!(network.layers()[0].weights(&theta)?, matrix![1.0, 2.0, 3.0; 4.0, 5.0, 6.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] where the number of layers, weights or biases is another.
    pub fn parameters_from_rows<T: Real>(&self, layers: &[(&[T], &[T])]) -> Result<DVector<T>, Error> {
        check_length("layers", layers.len(), self.layers.len())?;
        let mut theta = Vec::new();
        for (layer, (weights, biases)) in self.layers.iter().zip(layers) {
            check_length("weights", weights.len(), layer.weight_count())?;
            check_length("biases", biases.len(), layer.units)?;
            for i in 0..layer.inputs {
                theta.extend(weights.iter().skip(i).step_by(layer.inputs));
            }
            theta.extend_from_slice(biases);
        }
        Ok(DVector::from_vec(theta))
    }

    /// Parameters as usual for the first activation: He uniform for relu and its kin, Glorot uniform for the
    /// others; biases zero. Of a network that memory does not hold there are none: an empty vector.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[2, 3, 1], Activation::Tanh);
    /// assert_eq!(network.initial::<f64>(1), network.initial(1)); // same seed, same bits
    /// assert_ne!(network.initial::<f64>(1), network.initial(2));
    /// ```
    pub fn initial<T: Real>(&self, seed: u64) -> DVector<T> {
        use Activation::{Elu, Gelu, LeakyRelu, Relu, Silu};
        let kin = matches!(
            self.layers.first().map(|layer| layer.activation),
            Some(Relu | LeakyRelu { .. } | Elu { .. } | Gelu | Silu)
        );
        self.initial_with(if kin { Initialize::HeUniform } else { Initialize::GlorotUniform }, seed)
    }

    /// [`initial`](Self::initial) parameters drawn as `initialize` says.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Activation, Initialize, Network};
    ///
    /// let network = Network::new(&[2, 3, 1], Activation::Relu);
    /// let theta: DVector<f64> = network.initial_with(Initialize::HeUniform, 1);
    /// assert!(theta.rows(0, 6).amax() <= 3.0_f64.sqrt()); // √(6/2)
    /// ```
    pub fn initial_with<T: Real>(&self, initialize: Initialize, seed: u64) -> DVector<T> {
        if room::<T>("layers", &[self.parameter_count()]).is_err() {
            return DVector::zeros(0);
        }
        initialize.draw(self.layers.iter().map(|layer| (layer.inputs, layer.units)), seed)
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
        self.layers.last().map_or(0, |layer| layer.range().end)
    }

    fn penalised(&self, penalised: &mut [bool]) {
        if penalised.len() != self.parameter_count() {
            return;
        }
        for layer in &self.layers {
            let (weights, biases) = penalised[layer.range()].split_at_mut(layer.weight_count());
            weights.fill(true);
            biases.fill(false);
        }
    }

    fn affine_in(&self) -> Range<usize> {
        match self.layers.last() {
            Some(layer) if layer.activation == Activation::Identity => layer.range(),
            _ => 0..0,
        }
    }

    fn ends_in_sigmoid(&self) -> bool {
        self.layers.last().is_some_and(|layer| layer.activation == Activation::Sigmoid)
    }

    fn check(&self) -> Result<(), Error> {
        check_some("inputs", "feature", self.inputs)?;
        let units = self.layers.iter().map(|layer| layer.units).min();
        check_some("layers", "layer, and unit in each", units.unwrap_or(0))?;
        let expected = "small enough for the parameters to be counted";
        setting("layers", expected, f64::INFINITY, self.parameter_count() < usize::MAX)?;
        self.layers.iter().try_for_each(|layer| layer.activation.check::<f64>())
    }
}

impl<T: Real> Model<T> for Network {
    type Cache = NetworkCache<T>;

    fn check_as(&self) -> Result<(), Error> {
        self.check()?;
        self.layers.iter().try_for_each(|layer| layer.activation.check::<T>())
    }

    fn cache(&self, max_batch: usize) -> NetworkCache<T> {
        let zeros = |is_kept: bool, units: usize| {
            let mut zeros = Vec::new();
            let len = if is_kept { units.saturating_mul(max_batch) } else { 0 };
            kernel::reserve(&mut zeros, len).map(|()| zeros)
        };
        let layers = self.layers.iter().map(|&Layer { units, activation, .. }| {
            Some(Kept {
                z: zeros(activation.needs_scores(), units)?,
                a: zeros(true, units)?,
                first: zeros(activation.keeps_first(), units)?,
                delta: zeros(true, units)?,
            })
        });
        // a batch that memory does not hold is one that does not fit
        let layers: Option<Vec<_>> = layers.collect();
        NetworkCache {
            model: self.layers.clone(),
            max_batch: if layers.is_some() { max_batch } else { 0 },
            batch: 0,
            is_new: true,
            layers: layers.unwrap_or_default(),
            tangents: Vec::new(),
            room: cache::Room::default(),
        }
    }

    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut NetworkCache<T>,
    ) -> DMatrixView<'c, T> {
        forward(self, theta, x, cache);
        self.output(cache.layers.last().map_or(&[], |kept| &kept.a), cache.batch)
    }

    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        cache: &mut NetworkCache<T>, gradient: &mut DVector<T>,
    ) {
        backward(self, theta, x, delta, cache, gradient);
    }

    /// One product and one sum of columns for each layer's part.
    fn adds_finished_sums(&self) -> bool {
        true
    }

    /// The last activations but one, or the data.
    fn affine_inputs<'c>(
        &self, x: DMatrixView<'c, T>, cache: &'c NetworkCache<T>,
    ) -> Option<DMatrixView<'c, T>> {
        let (layer, before) = (self.layers.last()?, cache.layers.iter().rev().nth(1));
        Some(before.map_or(x, |kept| {
            DMatrixView::from_slice(&kept.a[..layer.inputs * cache.batch], layer.inputs, cache.batch)
        }))
    }
}

compiled! {
    /// `Z⁽ˡ⁾ = W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ`, `A⁽ˡ⁾ = φ(Z⁽ˡ⁾)`, and `φ'(Z⁽ˡ⁾)` by the same exponential. Where shapes do not
    /// fit, there are no scores.
    fn forward<T>(
        network: &'a Network,
        theta: &'a DVector<T>,
        x: DMatrixView<'a, T>,
        cache: &'a mut NetworkCache<T>,
    ) {
        cache.batch = if network.fits(theta, &x, cache) { x.ncols() } else { 0 };
        cache.is_new = true;
        if cache.batch == 0 {
            return;
        }
        for (l, layer) in network.layers.iter().enumerate() {
            let (w, b) = layer.parts(theta);
            let (before, rest) = cache.layers.split_at_mut(l);
            let kept = &mut rest[0];
            let a = &mut kept.a[..layer.units * cache.batch];
            inside::affine(w, Some(b), input(before, layer, &x), a);
            if layer.activation.needs_scores() {
                kept.z[..a.len()].copy_from_slice(a);
            }
            layer.activation.forward(a, &mut kept.first);
        }
    }

    /// `∇W⁽ˡ⁾ += Δ⁽ˡ⁾ A⁽ˡ⁻¹⁾ᵀ`, `∇b⁽ˡ⁾ += Δ⁽ˡ⁾ 1`, `Δ⁽ˡ⁻¹⁾ = W⁽ˡ⁾ᵀ Δ⁽ˡ⁾ ⊙ φ'(Z⁽ˡ⁻¹⁾)`.
    fn backward<T>(
        network: &'a Network,
        theta: &'a DVector<T>,
        x: DMatrixView<'a, T>,
        delta: DMatrixView<'a, T>,
        cache: &'a mut NetworkCache<T>,
        gradient: &'a mut DVector<T>,
    ) {
        if !network.follows(theta, &x, &delta, cache) || gradient.len() != theta.len() {
            return;
        }
        let last = network.layers.len() - 1;
        kernel::copy_columns(delta, &mut cache.layers[last].delta);
        for (l, layer) in network.layers.iter().enumerate().rev() {
            let (before, rest) = cache.layers.split_at_mut(l);
            let (kept, len) = (&mut rest[0], layer.units * cache.batch);
            layer.activation.times_first(&kept.a[..len], &kept.first, &mut kept.delta[..len]);
            let delta = Factor::new(&kept.delta, layer.units, cache.batch);
            let (grad_w, grad_b) = layer.parts_mut(gradient);
            inside::product(T::one(), delta, input(before, layer, &x).t(), T::one(), grad_w);
            inside::add_columns(delta, grad_b);
            if let Some(kept) = before.last_mut() {
                let (w, _) = layer.parts(theta);
                inside::product(T::one(), w.t(), delta, T::zero(), &mut kept.delta);
            }
        }
    }
}

impl<T: Real> InputGradient<T> for Network {
    /// `∂L/∂X = W⁽¹⁾ᵀ Δ⁽¹⁾`.
    fn input_gradient(
        &self, theta: &DVector<T>, delta: DMatrixView<'_, T>, cache: &mut NetworkCache<T>,
        mut out: DMatrixViewMut<'_, T>,
    ) {
        let (Some(layer), Some(kept)) = (self.layers.first(), cache.layers.first()) else { return };
        if cache.model == self.layers
            && theta.len() == self.parameter_count()
            && delta.shape() == (self.outputs(), cache.batch)
            && out.shape() == (self.inputs, cache.batch)
        {
            let delta = DMatrixView::from_slice(&kept.delta, layer.units, cache.batch);
            to_inputs(layer.parts(theta).0, &delta, &mut out);
        }
    }
}

impl Network {
    /// The last layer's part of a cache, for a batch.
    fn output<'c, T: Real>(&self, last: &'c [T], batch: usize) -> DMatrixView<'c, T> {
        let units = self.outputs();
        DMatrixView::from_slice(&last[..units * batch], units, batch)
    }

    /// Whether `cache` was made by such a network for such a batch, and `theta` and `x` have its shapes.
    fn fits<T: Real>(&self, theta: &DVector<T>, x: &DMatrixView<'_, T>, cache: &NetworkCache<T>) -> bool {
        !self.layers.is_empty()
            && cache.model == self.layers
            && x.nrows() == self.inputs
            && x.ncols() <= cache.max_batch
            && theta.len() == self.parameter_count()
    }

    /// Whether these can be the arguments of the forward pass before, with its `delta`.
    fn follows<T: Real>(
        &self, theta: &DVector<T>, x: &DMatrixView<'_, T>, delta: &DMatrixView<'_, T>,
        cache: &NetworkCache<T>,
    ) -> bool {
        cache.batch > 0
            && x.ncols() == cache.batch
            && delta.shape() == (self.outputs(), cache.batch)
            && self.fits(theta, x, cache)
    }
}

/// `A⁽ˡ⁻¹⁾`: the layer before, or the data.
fn input<'a, T: Real>(before: &'a [Kept<T>], layer: &Layer, x: &DMatrixView<'a, T>) -> Factor<'a, T> {
    match before.last() {
        Some(kept) => Factor::new(&kept.a, layer.inputs, x.ncols()),
        None => Factor::view(x),
    }
}

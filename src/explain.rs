//! Every intermediate number: of backpropagation ([`Network::explain`]), and of the points that a method went through
//! ([`Trace`]).
//!
//! For learning and for looking into a case by hand: nothing of it is kept by training, which pays nothing for it.
//!
//! ```
//! use gradus::{Activation, LogLoss, Network, matrix, vector};
//!
//! let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
//! let theta = vector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05]; // W, b, w, b
//! let pass = network.explain(&LogLoss, &theta, &matrix![1.0; 3.0], &[1])?;
//! assert_eq!(pass.table().to_string(), "\
//! layer  sample  unit  z = W a₋ + b  a = φ(z)     φ'(z)  ∂L/∂a = W₊ᵀδ₊  δ = ∂L/∂a φ'
//!     1       0     0         -0.15   0.46257  0.248599      -0.363356    -0.0903299
//!     1       0     1           1.1   0.75026   0.18737       0.311448      0.058356
//!     2       0     0     -0.076357   0.48092  0.249636       -2.07935      -0.51908");
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! In the last layer `a` is the prediction `ŷ = σ(z)` and `∂L/∂a` is `∂L/∂ŷ`: their product is `ŷ − y`, in which the
//! derivative of the sigmoid has cancelled.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::contract::{check_evaluation, check_point, room};
use crate::data::{Inputs, Targets};
use crate::objective::evaluate;
use crate::{
    Activation, Architecture, EmpiricalRisk, Error, InputGradient, Layer, Loss, Model, Network, Perceptron,
    Real, SigmoidClassifier,
};

pub use crate::figures::Table;
pub use trace::{Trace, TracePoint};

mod tables;
mod trace;

/// One forward and one backward pass, with every intermediate number; made by [`Network::explain`].
///
/// ```text
/// forward    Z⁽ˡ⁾ = W⁽ˡ⁾ A⁽ˡ⁻¹⁾ + b⁽ˡ⁾ 1ᵀ     A⁽ˡ⁾ = φ(Z⁽ˡ⁾)     A⁽⁰⁾ = X
/// backward   ∂L/∂A⁽ˡ⁾ = W⁽ˡ⁺¹⁾ᵀ Δ⁽ˡ⁺¹⁾        Δ⁽ˡ⁾ = ∂L/∂Z⁽ˡ⁾ = ∂L/∂A⁽ˡ⁾ ⊙ φ'(Z⁽ˡ⁾)
///            ∂L/∂W⁽ˡ⁾ = Δ⁽ˡ⁾ A⁽ˡ⁻¹⁾ᵀ          ∂L/∂b⁽ˡ⁾ = Δ⁽ˡ⁾ 1
/// ```
///
/// `L` is the mean over the samples, so every `∂L/∂…` of one sample carries the factor `1/m`. Printed, it is its two
/// tables: [`table`](Self::table) and [`gradient_table`](Self::gradient_table).
///
/// ```
/// use gradus::{LogLoss, SigmoidClassifier, matrix, vector};
///
/// let model = SigmoidClassifier::new(2);
/// let (theta, x) = (vector![4.5, 1.5, 0.0], matrix![1.0; 3.0]);
/// let pass = model.explain(&LogLoss, &theta, &x, &[0])?;
/// assert_eq!(pass.value, 9.000123402189724);
/// let layer = &pass.layers[0];
/// assert!((layer.a[0] - 0.9998766054240138_f64).abs() < 1e-15); // ŷ = σ(9)
/// // ∂L/∂ŷ · ∂ŷ/∂z · ∂z/∂w₁, where ∂L/∂ŷ · ∂ŷ/∂z = ŷ − y
/// let product = layer.upstream[0] * layer.slope[0] * layer.input[0];
/// assert!((product - layer.weight_gradient[0]).abs() < 1e-12);
/// assert!((layer.delta[0] - (layer.a[0] - 0.0)).abs() < 1e-15);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("backprop", "chain rule", "partial derivatives"))]
pub struct Backpropagation<T: Real> {
    /// `L`, as [`EmpiricalRisk`] gives it.
    pub value: T,
    /// `∂L/∂θ`, to the last bit that of [`EmpiricalRisk`].
    pub gradient: DVector<T>,
    /// `Ŷ` (`k × m`): the responses that the loss makes of the scores.
    pub response: DMatrix<T>,
    /// From the first hidden layer to the output; of a perceptron or sigmoid classifier, its only one.
    pub layers: Vec<LayerPass<T>>,
}

/// What one layer made of `m` samples (columns), forward and backward.
///
/// The **last** layer is taken together with what the loss makes of its scores, where that happens output by output:
/// there `a` is `ŷ` (`σ(z)` of the log loss), `slope` is `∂ŷ/∂z` and `upstream` is `∂L/∂ŷ`, both formed from the rounded
/// `ŷ` as on paper. So the factors that cancel can be seen, and where paper fails: at `z = 40` with label 0 they are
/// `∞ · 0`. `delta` and the gradients never come from that product, but from the score, and are right. Softmax couples
/// the outputs: there `a` are the scores, and so behind the losses of counts and behind one of your own.
///
/// ```
/// use gradus::{LogLoss, SigmoidClassifier};
///
/// let theta = gradus::vector![40.0, 0.0];
/// let pass = SigmoidClassifier::new(1).explain(&LogLoss, &theta, &[1.0], &[0])?;
/// let layer = &pass.layers[0];
/// assert_eq!((layer.upstream[0], layer.slope[0]), (f64::INFINITY, 0.0));
/// assert_eq!(layer.delta[0], 1.0); // ŷ − y
/// assert!(pass.table().to_string().ends_with("∞ · 0: formed from z"));
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct LayerPass<T: Real> {
    /// `A⁽ˡ⁻¹⁾` (`inputs × m`): the activations of the layer before, or the data; `∂z/∂w` of its weight.
    pub input: DMatrix<T>,
    /// `Z⁽ˡ⁾` (`units × m`): scores, before the activation.
    pub z: DMatrix<T>,
    /// `A⁽ˡ⁾ = φ(Z⁽ˡ⁾)` (`units × m`).
    pub a: DMatrix<T>,
    /// `φ'(Z⁽ˡ⁾)` (`units × m`), `∂a/∂z`.
    pub slope: DMatrix<T>,
    /// `∂L/∂A⁽ˡ⁾` (`units × m`): what comes back from the next layer.
    pub upstream: DMatrix<T>,
    /// `Δ⁽ˡ⁾ = ∂L/∂Z⁽ˡ⁾` (`units × m`), shared by the weights, the bias and all earlier layers.
    pub delta: DMatrix<T>,
    /// `∂L/∂W⁽ˡ⁾` (`units × inputs`), part of the gradient: [`Layer::weights`] of it.
    pub weight_gradient: DMatrix<T>,
    /// `∂L/∂b⁽ˡ⁾` (`units`); empty where there is no bias.
    pub bias_gradient: DVector<T>,
}

/// `explain`, for a model and the network that is the same function.
macro_rules! explained {
    ($($(#[$attribute:meta])* $model:ty => $network:expr;)*) => {$(
        impl $model {
            $(#[$attribute])*
            #[doc(alias("chain rule", "backprop", "backpropagation"))]
            pub fn explain<'a, T: Real, L: Loss<T> + Clone>(
                &self, loss: &L, theta: &DVector<T>, x: impl Inputs<'a, T>, y: impl Targets<'a, T, L>,
            ) -> Result<Backpropagation<T>, Error> {
                explain(self, &$network(self), loss, theta, x.samples(self.inputs()), y)
            }
        }
    )*};
}

/// An affine map is a network of one layer.
fn of_one_layer(model: &impl Architecture) -> Network {
    Network::with_layers(model.inputs(), &[(model.outputs(), Activation::Identity)])
}

explained! {
    /// One forward and one backward pass at `theta` over samples `x` (`features × m`) with targets `y` (`outputs × m`, or
    /// class numbers), with every intermediate number of the chain rule: of each layer `z`, `a`, `φ'(z)`, `δ`, `∂L/∂W`
    /// and `∂L/∂b`, as matrices and as [tables](Backpropagation::table).
    ///
    /// ```
    /// use gradus::{Activation, LogLoss, Network, matrix, vector};
    ///
    /// let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    /// let theta = vector![0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05];
    /// let pass = network.explain(&LogLoss, &theta, &matrix![1.0; 3.0], &[1])?;
    /// println!("{pass}");
    /// let [hidden, output] = &pass.layers[..] else { unreachable!("two layers") };
    /// let (a, delta): (f64, f64) = (hidden.a[0], output.delta[0]);
    /// assert!((delta - (output.a[0] - 1.0)).abs() < 1e-15); // ŷ − y
    /// // ∂L/∂w₁₁ = −x₁ a₁ (1 − a₁) w₁ (y − ŷ)
    /// assert!((hidden.weight_gradient[(0, 0)] - a * (1.0 - a) * 0.7 * delta).abs() < 1e-16);
    /// // the same numbers, read out of the gradient by layers
    /// let layer = &network.layers()[0];
    /// assert_eq!(layer.weights(&pass.gradient)?, hidden.weight_gradient);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::Length`] and [`Error::NonFinite`] for `theta`, [`Error::Evaluation`]
    /// where the loss or its gradient is not finite there.
    Network => Network::clone;
    /// One pass at `theta` over samples `x` (`features × m`) with targets `y` (`outputs × m`), with every factor of
    /// `∂L/∂w = ∂L/∂ŷ · ∂ŷ/∂z · ∂z/∂w`. A perceptron is a network of one layer: [`Network::explain`].
    ///
    /// ```
    /// use gradus::{Perceptron, SquaredError, matrix, vector};
    ///
    /// let (theta, x) = (vector![2.0, -1.0, 0.5], matrix![1.0; 3.0]);
    /// let pass = Perceptron::new(2).explain(&SquaredError, &theta, &x, &[1.0])?;
    /// assert_eq!(pass.gradient_table().to_string(), "\
    /// layer  parameter  ∂L/∂θ  = Σ ∂L/∂a · φ'(z) · ∂z/∂θ
    ///     1     w[0,0]   -1.5               -1.5 · 1 · 1
    ///     1     w[0,1]   -4.5               -1.5 · 1 · 3
    ///     1       b[0]   -1.5               -1.5 · 1 · 1");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Network::explain`].
    Perceptron => of_one_layer;
    /// One pass at `theta` over samples `x` (`features × m`) with labels `y` (`outputs × m`, or class numbers), with
    /// every factor of `∂L/∂w = ∂L/∂ŷ · ∂ŷ/∂z · ∂z/∂w`: the first two are `(ŷ − y)/(ŷ (1 − ŷ))` and `ŷ (1 − ŷ)`, so that
    /// the derivative of the sigmoid cancels. A sigmoid classifier is a network of one layer: [`Network::explain`].
    ///
    /// ```
    /// use gradus::{LogLoss, SigmoidClassifier, matrix, vector};
    ///
    /// let (theta, x) = (vector![4.5, 1.5, 0.0], matrix![1.0; 3.0]);
    /// let pass = SigmoidClassifier::new(2).explain(&LogLoss, &theta, &x, &[0])?;
    /// assert_eq!(pass.gradient_table().to_string(), "\
    /// layer  parameter     ∂L/∂θ  = Σ ∂L/∂a · φ'(z) · ∂z/∂θ
    ///     1     w[0,0]  0.999877  8104.08 · 0.000123379 · 1
    ///     1     w[0,1]   2.99963  8104.08 · 0.000123379 · 3
    ///     1       b[0]  0.999877  8104.08 · 0.000123379 · 1");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Network::explain`].
    SigmoidClassifier => of_one_layer;
}

/// The passes of `model`, and what they left in the cache of `network`, which is the same function.
fn explain<'a, T: Real, M: Model<T> + Clone, L: Loss<T> + Clone>(
    model: &M, network: &Network, loss: &L, theta: &DVector<T>, x: DMatrixView<'a, T>,
    y: impl Targets<'a, T, L>,
) -> Result<Backpropagation<T>, Error> {
    let (k, m) = (model.outputs(), x.ncols());
    let y = y.targets(k);
    let mut risk = EmpiricalRisk::new(model.clone(), loss.clone(), x, y)?;
    check_point("theta", theta, model.parameter_count())?;
    let units = network.layers().iter().fold(0, |sum: usize, layer| sum.saturating_add(layer.units()));
    room::<T>("x", &[8, units, m])?;
    let mut gradient = DVector::zeros(0);
    let value = evaluate(&mut risk, theta, &mut gradient)?;
    check_evaluation("the value", "theta", &[value])?;
    check_evaluation("the gradient", "theta", gradient.as_slice())?;

    // a model without biases is a network whose biases are zero
    let theta = theta.clone().resize_vertically(network.parameter_count(), T::zero());
    let mut cache = network.cache(m);
    let scores = network.forward(&theta, x, &mut cache).into_owned();
    let share = T::one() / T::of(m as f64);
    let mut delta = DMatrix::zeros(k, m);
    let mut dense = y.room(k, m);
    y.value(loss, scores.as_view(), &vec![share; m], Some(delta.as_view_mut()), &mut dense);
    network.backward(&theta, x, delta.as_view(), &mut cache, &mut DVector::zeros(theta.len()));

    let mut response = scores.clone();
    loss.response(response.as_view_mut());
    let mut layers: Vec<LayerPass<T>> = Vec::new();
    for (l, layer) in network.layers().iter().enumerate() {
        let kept = [cache.activations(l), cache.deltas(l)].map(|kept| kept.into_owned());
        let (pass, before) =
            of_layer(layer, &theta, layers.last().map_or(x, |pass| pass.a.as_view()), kept, &gradient)?;
        if let Some(last) = layers.last_mut() {
            last.upstream = before;
        }
        layers.push(pass);
    }
    if let Some(last) = layers.last_mut() {
        last.upstream = delta;
        let targets = y.dense(&mut dense);
        for (i, (z, y)) in scores.iter().zip(targets.iter()).enumerate() {
            let Some([prediction, outer, inner]) = loss.chain(*z, *y) else { break };
            last.a[i] = prediction;
            last.upstream[i] = share * outer;
            last.slope[i] *= inner;
        }
    }
    Ok(Backpropagation { value, gradient, response, layers })
}

/// What a layer made of `input`, of whose outcome `A⁽ˡ⁾` and `Δ⁽ˡ⁾` are known, and `∂L/∂A⁽ˡ⁻¹⁾`. A layer is a perceptron
/// whose scores go through `φ`.
fn of_layer<T: Real>(
    layer: &Layer, theta: &DVector<T>, input: DMatrixView<'_, T>, [a, delta]: [DMatrix<T>; 2],
    gradient: &DVector<T>,
) -> Result<(LayerPass<T>, DMatrix<T>), Error> {
    let affine = Perceptron::new(layer.inputs()).with_outputs(layer.units());
    let own = theta.rows_range(layer.range()).into_owned();
    let mut cache = affine.cache(input.ncols());
    let z = affine.forward(&own, input, &mut cache).into_owned();
    let mut before = DMatrix::zeros(layer.inputs(), input.ncols());
    affine.input_gradient(&own, delta.as_view(), &mut cache, before.as_view_mut());
    let padded = gradient.clone().resize_vertically(theta.len(), T::zero());
    let biases = if gradient.len() == theta.len() { layer.units() } else { 0 };
    let pass = LayerPass {
        input: input.into_owned(),
        slope: z.map(|z| layer.activation().jet(z).1),
        upstream: DMatrix::zeros(0, 0),
        weight_gradient: layer.weights(&padded)?.into_owned(),
        bias_gradient: layer.bias(&padded)?.rows(0, biases).into_owned(),
        z,
        a,
        delta,
    };
    Ok((pass, before))
}

//! Architectures: functions of parameters and inputs to scores, without parameters or buffers of their own.
//!
//! ```
//! use gradus::{Model, Perceptron, matrix, vector};
//!
//! let (theta, x) = (vector![2.0, -1.0, 3.0], matrix![1.0; 4.0]);
//! let model = Perceptron::new(2);
//! let mut cache = model.cache(1);
//! // 2 · 1 − 4 + 3
//! assert_eq!(model.forward(&theta, x.as_view(), &mut cache), matrix![1.0]);
//! ```

use std::ops::Range;

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

use crate::Real;

pub use activation::Activation;
pub(crate) use affine::Affine;
#[cfg(feature = "num-dual")]
#[doc(hidden)]
pub use dual::DualCache;
#[cfg(feature = "num-dual")]
pub use dual::DualModel;
pub use initialize::Initialize;
pub(crate) use initialize::Stream;
pub(crate) use linear::Linear;
pub use network::{Layer, Network, NetworkCache};
pub use offset::Offset;
#[doc(hidden)]
pub use offset::OffsetCache;
#[cfg(feature = "num-dual")]
pub use own::DualActivation;
#[doc(hidden)]
pub use own::Own;
pub use own::OwnActivation;
pub use perceptron::Perceptron;
pub use sigmoid_classifier::SigmoidClassifier;

mod activation;
mod affine;
#[cfg(feature = "num-dual")]
mod dual;
mod initialize;
mod linear;
mod network;
mod offset;
mod own;
mod perceptron;
mod sigmoid_classifier;

/// What an architecture is, whatever the scalar.
///
/// ```
/// use gradus::{Activation, Architecture, Network, Perceptron};
///
/// assert_eq!(Perceptron::new(2).parameter_count(), 3);
/// let network = Network::new(&[2, 4, 1], Activation::Tanh);
/// assert_eq!(network.parameter_count(), 2 * 4 + 4 + 4 + 1);
/// ```
pub trait Architecture: Sync {
    /// Features `n`: the rows of `X`.
    ///
    /// ```
    /// use gradus::{Architecture, Perceptron};
    ///
    /// assert_eq!(Perceptron::new(2).with_outputs(3).inputs(), 2);
    /// ```
    fn inputs(&self) -> usize;

    /// Outputs `k`: the rows of the scores.
    ///
    /// ```
    /// use gradus::{Architecture, Perceptron};
    ///
    /// assert_eq!(Perceptron::new(2).with_outputs(3).outputs(), 3);
    /// ```
    fn outputs(&self) -> usize;

    /// Length `p` of the parameter vector `θ`.
    fn parameter_count(&self) -> usize;

    /// Sets `penalised[i]` for the parameters that a ridge penalty shrinks: weights, not biases.
    /// Default: all of them.
    ///
    /// ```
    /// use gradus::{Architecture, Perceptron};
    ///
    /// let mut penalised = [false; 3];
    /// Perceptron::new(2).penalised(&mut penalised);
    /// assert_eq!(penalised, [true, true, false]); // the bias is left alone
    /// ```
    fn penalised(&self, penalised: &mut [bool]) {
        penalised.fill(true);
    }

    /// In which parameters the scores are affine while the rest stand still: all of them (then a convex loss makes a
    /// convex objective), a network's last layer, or none (the default). Along these a loss can fall for ever.
    ///
    /// ```
    /// use gradus::{Activation, Architecture, Network, Perceptron};
    ///
    /// assert_eq!(Perceptron::new(2).affine_in(), 0..3);
    /// let network = Network::new(&[2, 4, 1], Activation::Tanh);
    /// assert_eq!(network.affine_in(), 12..17); // 4 weights and a bias
    /// assert!(network.with_output_activation(Activation::Tanh).affine_in().is_empty());
    /// ```
    fn affine_in(&self) -> Range<usize> {
        0..0
    }

    /// How many of the last features are added to the scores as they stand.
    #[doc(hidden)]
    fn offsets(&self) -> usize {
        0
    }

    /// Whether the scores are those of a sigmoid already.
    #[doc(hidden)]
    fn ends_in_sigmoid(&self) -> bool {
        false
    }

    /// What is wrong with the architecture itself, if anything; asked once, where a run starts.
    ///
    /// ```
    /// use gradus::{Activation, Architecture, Error, Network};
    ///
    /// let network = Network::new(&[2, 0, 1], Activation::Tanh); // a layer without units
    /// assert!(matches!(network.check(), Err(Error::Empty { argument: "layers", .. })));
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`](crate::Error::Setting) or [`Error::Empty`](crate::Error::Empty).
    fn check(&self) -> Result<(), crate::Error> {
        Ok(())
    }
}

/// A differentiable architecture: `Z = model(θ, X)`, and the gradient of anything downstream.
///
/// Shapes: `θ` has length `p`; `X` is `features × samples` (`n × m`, one sample per column, `m` at most the
/// batch that the cache was made for); scores and `Δ = ∂L/∂Z` are `k × m`.
///
/// **An implementor must** keep in the cache whatever `backward` needs, and **add** `∂L/∂θ` to `gradient`
/// (batches are split into chunks, and gradients add up); it must not keep anything between samples.
/// **A caller may** reuse one cache for any batch up to its size, and must call
/// [`forward`](Self::forward) with the same `θ` and `X` before [`backward`](Self::backward).
///
/// `examples/own_model.rs` writes one in a few lines.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{Model, Perceptron, matrix, vector};
///
/// let (model, theta, x) = (Perceptron::new(1), vector![2.0, 1.0], matrix![0.0, 3.0]);
/// let mut cache = model.cache(2);
/// let z = model.forward(&theta, x.as_view(), &mut cache);
/// assert_eq!(z, matrix![1.0, 7.0]);
///
/// let (delta, mut gradient) = (matrix![1.0, 1.0], DVector::zeros(2));
/// model.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
/// assert_eq!(gradient, vector![3.0, 2.0]); // Σ Δ x, Σ Δ
/// ```
pub trait Model<T: Real>: Architecture {
    /// What forward keeps for backward, sized once.
    type Cache: Send + Sync;

    /// A cache for batches of up to `max_batch` samples.
    fn cache(&self, max_batch: usize) -> Self::Cache;

    /// The scores `Z` (`k × m`) of `x`, kept with what `backward` needs in `cache`.
    #[doc(alias("forward pass", "forward propagation", "logits"))]
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T>;

    /// Adds `∂L/∂θ` to `gradient`, given `delta = ∂L/∂Z`.
    #[doc(alias("backprop", "backpropagation", "backward pass"))]
    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>, cache: &mut Self::Cache,
        gradient: &mut DVector<T>,
    );

    /// Whether `backward` adds to each entry one finished sum over the batch. Then sums in place and sums apart agree
    /// bit for bit, and the risk need not form them apart, which costs a twentieth of a step.
    #[doc(hidden)]
    fn adds_finished_sums(&self) -> bool {
        false
    }

    /// [`check`](Architecture::check), with settings as the scalar that they are used in.
    #[doc(hidden)]
    fn check_as(&self) -> Result<(), crate::Error> {
        self.check()
    }

    /// After [`forward`](Self::forward) of `x`, the inputs `ã` of the last map, where the scores are `W ã + b` with
    /// `W` by columns, then `b`, if there is one, in the parameters [`affine_in`](Architecture::affine_in).
    #[doc(hidden)]
    fn affine_inputs<'c>(
        &self, _x: DMatrixView<'c, T>, _cache: &'c Self::Cache,
    ) -> Option<DMatrixView<'c, T>> {
        None
    }
}

/// A model that knows the gradient of its inputs, for those who chain models. Implemented for those of the crate.
///
/// ```
/// use gradus::nalgebra::{DMatrix, DVector};
/// use gradus::{Activation, InputGradient, Model, Network, matrix, vector};
///
/// let network = Network::new(&[2, 1], Activation::Tanh);
/// let (theta, x, delta) = (vector![2.0, 3.0, 0.0], matrix![1.0; 1.0], matrix![1.0]);
/// let (mut cache, mut gradient) = (network.cache(1), DVector::zeros(3));
/// network.forward(&theta, x.as_view(), &mut cache);
/// network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
/// let mut out = DMatrix::zeros(2, 1);
/// network.input_gradient(&theta, delta.as_view(), &mut cache, out.as_view_mut());
/// assert_eq!(out, matrix![2.0; 3.0]); // Wᵀ Δ
/// ```
pub trait InputGradient<T: Real>: Model<T> {
    /// Writes `∂L/∂X` (`n × m`) to `out`; called after [`backward`](Model::backward) with the same arguments.
    fn input_gradient(
        &self, theta: &DVector<T>, delta: DMatrixView<'_, T>, cache: &mut Self::Cache,
        out: DMatrixViewMut<'_, T>,
    );
}

/// The second-order half of a model: tangents `R{·}`, the derivatives along a direction `v` of the
/// parameters (Pearlmutter, *Fast exact multiplication by the Hessian*, Neural Computation 6, 1994).
///
/// With `Z(θ + r v)`, `R{Z} = ∂Z/∂r` at `r = 0`. **A caller must** have called
/// [`forward`](Model::forward) with the same `θ` and `X`; then [`tangent`](Self::tangent), then
/// [`backward_tangent`](Self::backward_tangent) with `Δ = ∂L/∂Z` and `R{Δ} = (∂²L/∂Z²) R{Z}`. **An implementor
/// must** leave what `forward` kept as it is: one forward pass serves any number of tangents.
///
/// A model without it trains by first-order methods; asking for more is an error of the compiler, not of the run:
///
/// ```compile_fail,E0277
/// use gradus::nalgebra::{self, DMatrixView, DVector, dmatrix, dvector};
/// use gradus::{Architecture, EmpiricalRisk, Model, Newton, SquaredError, Stop, minimize};
///
/// /// z = θ x, differentiated once
/// struct Slope;
///
/// impl Architecture for Slope {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn parameter_count(&self) -> usize { 1 }
/// }
///
/// impl Model<f64> for Slope {
///     type Cache = Vec<f64>;
///     fn cache(&self, max_batch: usize) -> Self::Cache {
///         vec![0.0; max_batch]
///     }
///     fn forward<'c>(
///         &self,
///         theta: &DVector<f64>,
///         x: DMatrixView<'_, f64>,
///         z: &'c mut Self::Cache,
///     ) -> DMatrixView<'c, f64> {
///         z.iter_mut().zip(x.iter()).for_each(|(z, x)| *z = theta[0] * x);
///         DMatrixView::from_slice(z, 1, x.ncols())
///     }
///     fn backward(
///         &self,
///         _theta: &DVector<f64>,
///         x: DMatrixView<'_, f64>,
///         delta: DMatrixView<'_, f64>,
///         _cache: &mut Self::Cache,
///         gradient: &mut DVector<f64>,
///     ) {
///         gradient[0] += x.dot(&delta);
///     }
/// }
///
/// let (x, y) = (dmatrix![1.0, 2.0], dmatrix![2.0, 4.0]);
/// let mut risk = EmpiricalRisk::new(Slope, SquaredError, &x, &y)?;
/// // `Newton` → `GradientDescent::new(0.1)`, and it compiles
/// minimize(&mut Newton::new(), &mut risk, dvector![0.0], &Stop::default())?;
/// # Ok::<(), gradus::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "the model `{Self}` has no second derivatives, which this method needs",
    label = "implements `Model`, but not `SecondOrderModel`",
    note = "train it with a first-order method (`GradientDescent`, `Adam`, `Lbfgs`), or implement `SecondOrderModel`"
)]
pub trait SecondOrderModel<T: Real>: Model<T> {
    /// `R{Z}` along `v` (`k × m`), kept with what `backward_tangent` needs in `cache`.
    ///
    /// ```
    /// use gradus::{Model, Perceptron, SecondOrderModel, matrix, vector};
    ///
    /// let (model, x) = (Perceptron::new(1), matrix![1.0, 2.0]);
    /// let (theta, v, mut cache) = (vector![1.0, 0.0], vector![1.0, 1.0], model.cache(2));
    /// model.forward(&theta, x.as_view(), &mut cache);
    /// let r_z = model.tangent(&theta, &v, x.as_view(), &mut cache);
    /// assert_eq!(r_z, matrix![2.0, 3.0]); // v₁ x + v₂
    /// ```
    fn tangent<'c>(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T>;

    /// Adds `R{∂L/∂θ}`, the Hessian product `∇²L v`, to `out`. With `delta = 0` only the Gauss–Newton part
    /// `Jᵀ (∂²L/∂Z²) J v` remains (Schraudolph 2002).
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Model, Perceptron, SecondOrderModel, matrix, vector};
    ///
    /// let (model, x) = (Perceptron::new(1), matrix![1.0, 2.0]);
    /// let (theta, v) = (vector![1.0, 0.0], vector![1.0, 1.0]);
    /// let delta = matrix![0.5, -0.5];
    /// let (mut cache, mut hv) = (model.cache(2), DVector::zeros(2));
    /// model.forward(&theta, x.as_view(), &mut cache);
    /// // squared error: ∂²L/∂Z² = 1, so R{Δ} = R{Z}
    /// let r_delta = model.tangent(&theta, &v, x.as_view(), &mut cache).into_owned();
    /// let (x, delta, r_delta) = (x.as_view(), delta.as_view(), r_delta.as_view());
    /// model.backward_tangent(&theta, &v, x, delta, r_delta, &mut cache, &mut hv);
    /// assert_eq!(hv, vector![8.0, 5.0]); // [Σx², Σx; Σx, m] v for x = (1, 2), v = (1, 1)
    /// ```
    #[expect(clippy::too_many_arguments, reason = "each is a symbol of the formula")]
    fn backward_tangent(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut DVector<T>,
    );

    /// Adds the dense Hessian to the lower triangle of `out` (column-major `p × p`).
    ///
    /// `curvature` holds, a column per sample, the `k × k` block `∂²L/∂z²` of the loss (column-major). Called after
    /// [`forward`](Model::forward). Default: one product per column.
    ///
    /// ```
    /// use gradus::{Model, Perceptron, SecondOrderModel, matrix, vector};
    ///
    /// let (model, theta, x) = (Perceptron::new(1), vector![1.0, 0.0], matrix![1.0, 2.0]);
    /// let (mut cache, delta) = (model.cache(2), matrix![0.0, 0.0]);
    /// model.forward(&theta, x.as_view(), &mut cache);
    /// let (curvature, mut h) = (matrix![1.0, 1.0], [0.0; 4]); // squared error: ∂²L/∂Z² = 1
    /// let (x, delta, curvature) = (x.as_view(), delta.as_view(), curvature.as_view());
    /// model.dense_hessian(&theta, x, delta, curvature, &mut cache, &mut h);
    /// assert_eq!((h[0], h[1], h[3]), (5.0, 3.0, 2.0)); // Σx², Σx, m for x = (1, 2)
    /// ```
    fn dense_hessian(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut [T],
    ) {
        let p = theta.len();
        each_column(self, theta, (x, delta, curvature), cache, |j, column| {
            let lower = out.chunks_exact_mut(p).nth(j).into_iter().flatten().zip(column.iter());
            lower.skip(j).for_each(|(h, c)| *h += *c);
        });
    }

    /// Adds the diagonal of the Hessian to `out`; arguments as for [`dense_hessian`](Self::dense_hessian). Default:
    /// one product per entry.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Model, Perceptron, SecondOrderModel, matrix, vector};
    ///
    /// let (model, theta, x) = (Perceptron::new(1), vector![1.0, 0.0], matrix![1.0, 2.0]);
    /// let (mut cache, delta) = (model.cache(2), matrix![0.0, 0.0]);
    /// model.forward(&theta, x.as_view(), &mut cache);
    /// let (curvature, mut diagonal) = (matrix![1.0, 1.0], DVector::zeros(2)); // ∂²L/∂Z² = 1
    /// let (x, delta, curvature) = (x.as_view(), delta.as_view(), curvature.as_view());
    /// model.hessian_diagonal(&theta, x, delta, curvature, &mut cache, &mut diagonal);
    /// assert_eq!(diagonal, vector![5.0, 2.0]); // Σx², m for x = (1, 2)
    /// ```
    fn hessian_diagonal(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut Self::Cache, out: &mut DVector<T>,
    ) {
        each_column(self, theta, (x, delta, curvature), cache, |j, column| {
            if let (Some(out), Some(c)) = (out.get_mut(j), column.get(j)) {
                *out += *c;
            }
        });
    }
}

/// Hands out the columns `∇²L e_j` of a batch's Hessian, each a product, given `X`, `Δ` and the blocks `∂²L/∂z²`.
fn each_column<T: Real, M: SecondOrderModel<T> + ?Sized>(
    model: &M, theta: &DVector<T>,
    (x, delta, curvature): (DMatrixView<'_, T>, DMatrixView<'_, T>, DMatrixView<'_, T>),
    cache: &mut M::Cache, mut hand: impl FnMut(usize, &DVector<T>),
) {
    let (p, (k, m)) = (theta.len(), delta.shape());
    let (mut unit, mut column, mut r_delta) = (DVector::zeros(p), DVector::zeros(p), DMatrix::zeros(k, m));
    for j in 0..p {
        unit[j] = T::one();
        let r_z = model.tangent(theta, &unit, x, cache);
        if r_z.shape() != (k, m) || curvature.shape() != (k * k, m) {
            return;
        }
        // R{Δ} = (∂²L/∂z²) R{Z}, sample by sample
        for ((mut r_delta, r_z), block) in
            r_delta.column_iter_mut().zip(r_z.column_iter()).zip(curvature.column_iter())
        {
            let block = DMatrixView::from_slice(block.as_slice(), k, k);
            r_delta.gemv(T::one(), &block, &r_z, T::zero());
        }
        column.fill(T::zero());
        model.backward_tangent(theta, &unit, x, delta, r_delta.as_view(), cache, &mut column);
        unit[j] = T::zero();
        if column.len() != p {
            // a model of one's own replaced it
            column = DVector::repeat(p, T::NAN);
        }
        hand(j, &column);
    }
}

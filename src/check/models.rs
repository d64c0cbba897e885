//! The same for users' own models and losses.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::length::length;
use super::report::{CheckReport, Component};
use super::{Quantity, generic, write};
use crate::contract::{
    check_evaluation, check_finite, check_length, check_matrix, check_point, check_samples, check_shape,
    check_size, check_some,
};
use crate::{Error, InputGradient, Loss, Model, Real, SecondOrderLoss, SecondOrderModel, kernel};

/// Compares a model's `backward` with differences of its scores: the gradient in `θ` of `⟨Δ, Z⟩`, for a fixed `Δ`
/// (`k × m`) in which no mistake can hide.
///
/// `x` is `features × samples`; two or three samples are enough. That `backward` *adds* to the gradient is
/// checked too.
///
/// ```
/// use gradus::check;
/// use gradus::{Activation, Network, matrix};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let (theta, x) = (network.initial(1), matrix![0.5, -1.0; 2.0, 0.25]);
/// let report = check::model(&network, &theta, &x)?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// What the model finds wrong with itself; [`Error::Shape`], [`Error::Length`], [`Error::Empty`] and
/// [`Error::NonFinite`] for `theta` and `x`; [`Error::Evaluation`] where the scores are not finite.
pub fn model<'a, T: Real, M: Model<T>>(
    model: &M, theta: &DVector<T>, x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    // lent full of ones, to be added to
    let mut gradient = DVector::repeat(theta.len(), T::one());
    model.backward(theta, x, scored.delta.as_view(), &mut scored.cache, &mut gradient);
    check_size("the gradient", gradient.len(), theta.len())?;
    gradient.add_scalar_mut(-T::one());
    let slopes = Quantity { name: "∂⟨Δ, Z⟩/∂θ", rows: theta.len(), of_derivative: false };
    Ok(slopes.partials(gradient.as_slice(), theta, |theta, out| out[0] = scored.value(theta, x)))
}

/// Compares a model's gradient of its inputs with differences of its scores: that of `⟨Δ, Z⟩` in `X`, for a fixed `Δ`
/// (`k × m`).
///
/// ```
/// use gradus::check;
/// use gradus::{Activation, Network, matrix};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let (theta, x) = (network.initial(1), matrix![0.5, -1.0; 2.0, 0.25]);
/// let report = check::input_gradient(&network, &theta, &x)?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`model`].
pub fn input_gradient<'a, T: Real, M: InputGradient<T>>(
    model: &M, theta: &DVector<T>, x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    let (n, m) = x.shape();
    let mut gradient = DVector::zeros(theta.len());
    let mut of_x = DMatrix::from_element(n, m, T::NAN);
    model.backward(theta, x, scored.delta.as_view(), &mut scored.cache, &mut gradient);
    model.input_gradient(theta, scored.delta.as_view(), &mut scored.cache, of_x.as_view_mut());
    let slopes = Quantity { name: "∂⟨Δ, Z⟩/∂X", rows: n, of_derivative: false };
    Ok(slopes.partials(of_x.as_slice(), &flat(x), |x, out| {
        out[0] = scored.value(theta, DMatrixView::from_slice(x.as_slice(), n, m));
    }))
}

/// Compares a model's tangents with differences along a fixed direction `v`: `R{Z}` with those of the scores,
/// and the Hessian product of `⟨Δ, Z⟩ + ½ ⟨C ⊙ Z, Z⟩` with those of its gradient, for fixed `Δ` and `C`.
///
/// The gradient is taken to be right: [`model`] comes first.
///
/// ```
/// use gradus::check;
/// use gradus::{Activation, Network, matrix};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let (theta, x) = (network.initial(1), matrix![0.5, -1.0; 2.0, 0.25]);
/// let report = check::second_order_model(&network, &theta, &x)?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`model`].
pub fn second_order_model<'a, T: Real, M: SecondOrderModel<T>>(
    model: &M, theta: &DVector<T>, x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    let (k, m, p) = (model.outputs(), x.ncols(), theta.len());
    let c = DMatrix::from_fn(k, m, |i, j| generic::<T>(3 * (j * k + i) + 1).abs());
    let v = DVector::from_fn(p, |i, _| generic::<T>(5 * i + 2) * length(theta[i]));
    let delta = |scored: &mut Scored<'_, T, M>, theta: &DVector<T>| {
        let z = scored.scores(theta, x);
        &scored.delta + c.component_mul(&z)
    };

    let at_theta = delta(&mut scored, theta);
    let r_z = model.tangent(theta, &v, x, &mut scored.cache).into_owned();
    check_shape("tangent", r_z.shape(), (k, m))?;
    let (r_delta, mut product) = (c.component_mul(&r_z), DVector::zeros(p));
    let (at_theta, r_delta) = (at_theta.as_view(), r_delta.as_view());
    model.backward_tangent(theta, &v, x, at_theta, r_delta, &mut scored.cache, &mut product);
    check_size("the Hessian product", product.len(), p)?;

    let tangents = Quantity { name: "R{Z}", rows: k, of_derivative: true };
    let mut components = tangents.entries(0, r_z.as_slice(), T::zero(), |t, out| {
        out.copy_from_slice(scored.scores(&(theta + &v * t), x).as_slice());
    });
    let products = Quantity { name: "R{∂L/∂θ}", rows: p, of_derivative: true };
    components.extend(products.entries(0, product.as_slice(), T::zero(), |t, out| {
        let theta = theta + &v * t;
        let delta = delta(&mut scored, &theta);
        let mut gradient = DVector::zeros(p);
        model.backward(&theta, x, delta.as_view(), &mut scored.cache, &mut gradient);
        write(out, &gradient);
    }));
    Ok(CheckReport::of(components, true))
}

/// Compares a loss's `∂/∂Z` with differences of its value, entry by entry of the scores `z` (`k × m`), for
/// targets `y` (`k × m`) and weights (length `m`).
///
/// ```
/// use gradus::{LogLoss, matrix};
/// use gradus::check;
///
/// let (z, y) = (matrix![0.5, -2.0, 3.0], matrix![1.0, 0.0, 0.0]);
/// let report = check::loss(&LogLoss, &z, &y, &[0.2, 0.5, 0.3])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`], [`Error::Length`], [`Error::Empty`] and [`Error::NonFinite`] for the arguments, what the
/// loss has to say of the targets, [`Error::Evaluation`] where its value is not finite.
pub fn loss<'a, T: Real, L: Loss<T>>(
    loss: &L, z: impl Into<DMatrixView<'a, T>>, y: impl Into<DMatrixView<'a, T>>, weights: &[T],
) -> Result<CheckReport<T>, Error> {
    let (z, y) = (z.into(), y.into());
    let (value, delta) = at(loss, z, y, weights)?;
    let alone = Component::same("ℓ (value alone)", loss.value(z, y, weights), value);
    let (k, m) = z.shape();
    let slopes = Quantity { name: "∂L/∂Z", rows: k, of_derivative: false };
    let mut report = slopes.partials(delta.as_slice(), &flat(z), |z, out| {
        out[0] = loss.value(DMatrixView::from_slice(z.as_slice(), k, m), y, weights);
    });
    report.components.insert(0, alone);
    Ok(report)
}

/// Compares a loss's `(∂²L/∂Z²) R`, for a fixed `R` (`k × m`), with differences of `∂L/∂Z` along it.
///
/// The gradient is taken to be right: [`loss`] comes first.
///
/// ```
/// use gradus::{CrossEntropy, matrix};
/// use gradus::check;
///
/// let z = matrix![0.5, -2.0; 1.0, 0.0; -1.0, 0.25];
/// let y = matrix![1.0, 0.0; 0.0, 0.0; 0.0, 1.0];
/// let report = check::second_order_loss(&CrossEntropy, &z, &y, &[0.25, 0.75])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`loss`].
pub fn second_order_loss<'a, T: Real, L: SecondOrderLoss<T>>(
    loss: &L, z: impl Into<DMatrixView<'a, T>>, y: impl Into<DMatrixView<'a, T>>, weights: &[T],
) -> Result<CheckReport<T>, Error> {
    let (z, y) = (z.into(), y.into());
    let (_, mut delta) = at(loss, z, y, weights)?;
    let (k, m) = z.shape();
    let mut components = Vec::with_capacity(k * m * k);
    // one output after the other, so that every entry of every sample's block is seen
    for q in 0..k {
        let r = DMatrix::from_fn(k, m, |i, j| if i == q { generic::<T>(j) } else { T::zero() });
        let mut product = DMatrix::from_element(k, m, T::NAN);
        loss.curvature_product(z, y, weights, r.as_view(), product.as_view_mut());
        let products = Quantity { name: "(∂²L/∂Z²) R", rows: k, of_derivative: true };
        components.extend(products.entries(0, product.as_slice(), T::zero(), |t, out| {
            loss.value_gradient((z + &r * t).as_view(), y, weights, delta.as_view_mut());
            out.copy_from_slice(delta.as_slice());
        }));
    }
    Ok(CheckReport::of(components, true))
}

/// A model's scores at `θ`, weighed by a fixed `Δ`.
struct Scored<'m, T: Real, M: Model<T>> {
    model: &'m M,
    cache: M::Cache,
    delta: DMatrix<T>,
}

impl<'m, T: Real, M: Model<T>> Scored<'m, T, M> {
    fn new(model: &'m M, theta: &DVector<T>, x: DMatrixView<'_, T>) -> Result<Self, Error> {
        model.check_as()?;
        check_samples(x, model.inputs())?;
        check_point("theta", theta, model.parameter_count())?;
        let (k, m) = (model.outputs(), x.ncols());
        let delta = DMatrix::from_fn(k, m, |i, j| generic(j * k + i));
        let mut scored = Self { model, cache: model.cache(m), delta };
        check_shape("scores", model.forward(theta, x, &mut scored.cache).shape(), (k, m))?;
        check_evaluation("the value", "x", &[scored.value(theta, x)])?;
        Ok(scored)
    }

    /// `Z`, or NaN where it came back in another shape.
    fn scores(&mut self, theta: &DVector<T>, x: DMatrixView<'_, T>) -> DMatrix<T> {
        let z = self.model.forward(theta, x, &mut self.cache);
        if z.shape() == self.delta.shape() { z.into_owned() } else { self.delta.map(|_| T::NAN) }
    }

    /// `⟨Δ, Z⟩`.
    fn value(&mut self, theta: &DVector<T>, x: DMatrixView<'_, T>) -> T {
        kernel::dot(self.scores(theta, x).as_slice(), self.delta.as_slice())
    }
}

/// A loss's value and gradient, once the arguments are found fit.
fn at<T: Real, L: Loss<T>>(
    loss: &L, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T],
) -> Result<(T, DMatrix<T>), Error> {
    check_some("z", "score", z.len())?;
    check_length("weights", weights.len(), z.ncols())?;
    check_finite("z", z)?;
    check_matrix("y", y, z.shape())?;
    check_finite("weights", DMatrixView::from_slice(weights, weights.len(), 1))?;
    loss.check(y)?;
    let mut delta = DMatrix::from_element(z.nrows(), z.ncols(), T::NAN);
    let value = loss.value_gradient(z, y, weights, delta.as_view_mut());
    check_evaluation("the value", "x", &[value])?;
    Ok((value, delta))
}

fn flat<T: Real>(matrix: DMatrixView<'_, T>) -> DVector<T> {
    DVector::from_iterator(matrix.len(), matrix.iter().copied())
}

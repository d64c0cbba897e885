//! The same for users' own models and losses.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::report::{CheckReport, Component};
use super::{along, check_point, finite_value, generic, gradient_components};
use crate::contract::{check_finite, check_shape};
use crate::kernel;
use crate::{Error, InputGradient, Loss, Model, Real, SecondOrderLoss, SecondOrderModel};

/// Compares a model's `backward` with differences of its scores: the gradient in `θ` of `⟨Δ, Z⟩`, for a fixed `Δ`
/// (`k × m`) in which no mistake can hide.
///
/// `x` is `features × samples`; two or three samples are enough. That `backward` *adds* to the gradient is
/// checked too.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::check;
/// use gradus::{Activation, Network};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let report = check::model(&network, &network.initial(1), &dmatrix![0.5, -1.0; 2.0, 0.25])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// What the model finds wrong with itself; [`Error::Shape`], [`Error::Length`], [`Error::Empty`] and
/// [`Error::NonFinite`] for `theta` and `x`; [`Error::Evaluation`] where the scores are not finite.
pub fn model<'a, T: Real, M: Model<T>>(
    model: &M,
    theta: &DVector<T>,
    x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    let (delta, p) = (scored.delta.clone(), theta.len());
    let mut gradient = DVector::repeat(p, T::one());
    model.backward(theta, x, delta.as_view(), &mut scored.cache, &mut gradient);
    if gradient.len() != p {
        return Err(Error::Resized { what: "the gradient", expected: p, found: gradient.len() });
    }
    // it was lent full of ones, to be added to
    gradient.add_scalar_mut(-T::one());
    let components =
        gradient_components("∂⟨Δ, Z⟩/∂θ", theta, &gradient, |theta| scored.value(theta, x));
    Ok(CheckReport { components })
}

/// Compares a model's gradient of its inputs with differences of its scores: that of `⟨Δ, Z⟩` in `X`, for a fixed `Δ`
/// (`k × m`).
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::check;
/// use gradus::{Activation, Network};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let report = check::input_gradient(&network, &network.initial(1), &dmatrix![0.5, -1.0; 2.0, 0.25])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`model`].
pub fn input_gradient<'a, T: Real, M: InputGradient<T>>(
    model: &M,
    theta: &DVector<T>,
    x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    let (delta, mut gradient) = (scored.delta.clone(), DVector::zeros(theta.len()));
    let mut x_gradient = DMatrix::from_element(x.nrows(), x.ncols(), T::NAN);
    model.backward(theta, x, delta.as_view(), &mut scored.cache, &mut gradient);
    model.input_gradient(theta, delta.as_view(), &mut scored.cache, x_gradient.as_view_mut());
    let flat = |x: &DMatrix<T>| DVector::from_column_slice(x.as_slice());
    let inputs = flat(&x.clone_owned());
    let of_x = gradient_components("∂⟨Δ, Z⟩/∂X", &inputs, &flat(&x_gradient), |inputs| {
        scored.value(theta, DMatrixView::from_slice(inputs.as_slice(), x.nrows(), x.ncols()))
    });
    Ok(CheckReport { components: of_x.into_iter().map(|c| in_matrix(c, x.nrows())).collect() })
}

/// Compares a model's tangents with differences along a fixed direction `v`: `R{Z}` with those of the scores,
/// and the Hessian product of `⟨Δ, Z⟩ + ½ ⟨C ⊙ Z, Z⟩` with those of its gradient, for fixed `Δ` and `C`.
///
/// The gradient is taken to be right: [`model`] comes first.
///
/// ```
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::check;
/// use gradus::{Activation, Network};
///
/// let network = Network::new(&[2, 3, 1], Activation::Tanh);
/// let report = check::second_order(&network, &network.initial(1), &dmatrix![0.5, -1.0; 2.0, 0.25])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`model`].
pub fn second_order<'a, T: Real, M: SecondOrderModel<T>>(
    model: &M,
    theta: &DVector<T>,
    x: impl Into<DMatrixView<'a, T>>,
) -> Result<CheckReport<T>, Error> {
    let x = x.into();
    let mut scored = Scored::new(model, theta, x)?;
    let (k, m, p) = (model.outputs(), x.ncols(), theta.len());
    let c = DMatrix::from_fn(k, m, |i, j| generic::<T>(3 * (j * k + i) + 1).abs());
    let v = DVector::from_fn(p, |i, _| generic(5 * i + 2));
    let bent = |delta: &DMatrix<T>, z: DMatrixView<'_, T>| delta + c.component_mul(&z);

    let delta = bent(&scored.delta, model.forward(theta, x, &mut scored.cache));
    let r_z = model.tangent(theta, &v, x, &mut scored.cache).clone_owned();
    check_shape("tangent", r_z.shape(), (k, m))?;
    let (r_delta, mut product) = (c.component_mul(&r_z), DVector::zeros(p));
    let (delta, r_delta) = (delta.as_view(), r_delta.as_view());
    model.backward_tangent(theta, &v, x, delta, r_delta, &mut scored.cache, &mut product);
    if product.len() != p {
        return Err(Error::Resized { what: "the Hessian product", expected: p, found: product.len() });
    }

    let mut beside = theta.clone();
    let tangents = along("R{Z}", 0, r_z.as_slice(), |t, out| {
        beside.zip_zip_apply(theta, &v, |beside, theta, v| *beside = theta + t * v);
        out.copy_from_slice(model.forward(&beside, x, &mut scored.cache).clone_owned().as_slice());
    });
    let mut components: Vec<_> = tangents.into_iter().map(|c| in_matrix(c, k)).collect();
    let mut gradient = DVector::zeros(p);
    components.extend(along("R{∂L/∂θ}", 0, product.as_slice(), |t, out| {
        beside.zip_zip_apply(theta, &v, |beside, theta, v| *beside = theta + t * v);
        let delta = bent(&scored.delta, model.forward(&beside, x, &mut scored.cache));
        gradient.fill(T::zero());
        model.backward(&beside, x, delta.as_view(), &mut scored.cache, &mut gradient);
        out.copy_from_slice(gradient.as_slice());
    }));
    Ok(CheckReport { components })
}

/// Compares a loss's `∂/∂Z` with differences of its value, entry by entry of the scores `z` (`k × m`), for
/// targets `y` (`k × m`) and weights (length `m`).
///
/// ```
/// use gradus::LogLoss;
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::check;
///
/// let report = check::loss(&LogLoss, &dmatrix![0.5, -2.0, 3.0], &dmatrix![1.0, 0.0, 0.0], &[0.2, 0.5, 0.3])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Shape`], [`Error::Length`], [`Error::Empty`] and [`Error::NonFinite`] for the arguments, what the
/// loss has to say of the targets, [`Error::Evaluation`] where its value is not finite.
pub fn loss<'a, T: Real, L: Loss<T>>(
    loss: &L,
    z: impl Into<DMatrixView<'a, T>>,
    y: impl Into<DMatrixView<'a, T>>,
    weights: &[T],
) -> Result<CheckReport<T>, Error> {
    let (z, y) = (z.into(), y.into());
    check_pair(loss, z, y, weights)?;
    let mut delta = DMatrix::from_element(z.nrows(), z.ncols(), T::NAN);
    let value = loss.value_gradient(z, y, weights, delta.as_view_mut());
    finite_value(value)?;
    let scores = DVector::from_column_slice(z.clone_owned().as_slice());
    let mut components = vec![Component::same("ℓ (value alone)", (0, 0), loss.value(z, y, weights), value)];
    let analytic = DVector::from_column_slice(delta.as_slice());
    let of_z = gradient_components("∂L/∂Z", &scores, &analytic, |scores| {
        loss.value(DMatrixView::from_slice(scores.as_slice(), z.nrows(), z.ncols()), y, weights)
    });
    components.extend(of_z.into_iter().map(|c| in_matrix(c, z.nrows())));
    Ok(CheckReport { components })
}

/// Compares a loss's `(∂²L/∂Z²) R`, for a fixed `R` (`k × m`), with differences of `∂L/∂Z` along it.
///
/// The gradient is taken to be right: [`loss`] comes first.
///
/// ```
/// use gradus::CrossEntropy;
/// use gradus::nalgebra::{self, dmatrix};
/// use gradus::check;
///
/// let (z, y) = (dmatrix![0.5, -2.0; 1.0, 0.0; -1.0, 0.25], dmatrix![1.0, 0.0; 0.0, 0.0; 0.0, 1.0]);
/// let report = check::curvature(&CrossEntropy, &z, &y, &[0.25, 0.75])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`loss`].
pub fn curvature<'a, T: Real, L: SecondOrderLoss<T>>(
    loss: &L,
    z: impl Into<DMatrixView<'a, T>>,
    y: impl Into<DMatrixView<'a, T>>,
    weights: &[T],
) -> Result<CheckReport<T>, Error> {
    let (z, y) = (z.into(), y.into());
    check_pair(loss, z, y, weights)?;
    let (k, m) = z.shape();
    let mut delta = DMatrix::from_element(k, m, T::NAN);
    finite_value(loss.value_gradient(z, y, weights, delta.as_view_mut()))?;
    let mut components = Vec::with_capacity(k * m * k);
    // one output after the other, so that every entry of every sample's block is seen
    for q in 0..k {
        let r = DMatrix::from_fn(k, m, |i, j| if i == q { generic::<T>(j) } else { T::zero() });
        let mut product = DMatrix::from_element(k, m, T::NAN);
        loss.curvature_product(z, y, weights, r.as_view(), product.as_view_mut());
        let of_r = along("(∂²L/∂Z²) R", 0, product.as_slice(), |t, out| {
            loss.value_gradient((z + &r * t).as_view(), y, weights, delta.as_view_mut());
            out.copy_from_slice(delta.as_slice());
        });
        components.extend(of_r.into_iter().map(|c| in_matrix(c, k)));
    }
    Ok(CheckReport { components })
}

/// A model's scores at `θ`, weighed by a fixed `Δ`.
struct Scored<'m, T: Real, M: Model<T>> {
    model: &'m M,
    cache: M::Cache,
    delta: DMatrix<T>,
}

impl<'m, T: Real, M: Model<T>> Scored<'m, T, M> {
    fn new(model: &'m M, theta: &DVector<T>, x: DMatrixView<'_, T>) -> Result<Self, Error> {
        model.check()?;
        if x.ncols() == 0 {
            return Err(Error::Empty { argument: "x", expected: "sample (column)" });
        }
        check_shape("x", x.shape(), (model.inputs(), x.ncols()))?;
        check_finite("x", x)?;
        check_point("theta", theta, model.parameter_count())?;
        let (k, m) = (model.outputs(), x.ncols());
        let delta = DMatrix::from_fn(k, m, |i, j| generic(j * k + i));
        let mut scored = Self { model, cache: model.cache(m), delta };
        check_shape("scores", model.forward(theta, x, &mut scored.cache).shape(), (k, m))?;
        finite_value(scored.value(theta, x))?;
        Ok(scored)
    }

    /// `⟨Δ, Z⟩`.
    fn value(&mut self, theta: &DVector<T>, x: DMatrixView<'_, T>) -> T {
        let scores = self.model.forward(theta, x, &mut self.cache).clone_owned();
        kernel::dot(scores.as_slice(), self.delta.as_slice())
    }
}

fn check_pair<T: Real, L: Loss<T>>(
    loss: &L,
    z: DMatrixView<'_, T>,
    y: DMatrixView<'_, T>,
    weights: &[T],
) -> Result<(), Error> {
    if z.is_empty() {
        return Err(Error::Empty { argument: "z", expected: "score" });
    }
    check_shape("y", y.shape(), z.shape())?;
    if weights.len() != z.ncols() {
        return Err(Error::Length { argument: "weights", expected: z.ncols(), found: weights.len() });
    }
    check_finite("z", z)?;
    check_finite("y", y)?;
    check_finite("weights", DMatrixView::from_slice(weights, weights.len(), 1))?;
    loss.check(y)
}

/// A component of a flattened matrix, named by its row and column.
fn in_matrix<T>(c: Component<T>, rows: usize) -> Component<T> {
    Component { row: c.row % rows, column: c.row / rows, ..c }
}

//! Derivatives against differences.

use nalgebra::{DMatrix, DVector};

use crate::contract::check_point;
use crate::{Error, Hessian, HessianProduct, Objective, Real};

pub use models::{curvature, input_gradient, loss, model, second_order};
pub use report::{CheckReport, Component, Verdict};

use differences::{Estimate, differentiate};

mod differences;
mod models;
mod report;

/// Compares an objective's gradient at `x` with differences of its value, coordinate by coordinate.
///
/// The differences are central, extrapolated to step zero (Ridders 1982), with an estimate of their own
/// error; right derivatives agree to about `1e−8` in f64 and `1e−3` in f32. At a kink, and where the function
/// is too noisy to tell, the verdict is [`Verdict::Undecided`].
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{check, problems::Rosenbrock};
///
/// let report = check::gradient(&mut Rosenbrock::new(2), &dvector![-1.2, 1.0])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`] and [`Error::NonFinite`] for `x`; [`Error::Evaluation`] if `f(x)` is not finite;
/// [`Error::Resized`] if the gradient came back with another length.
pub fn gradient<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    let (value, gradient) = at(objective, x)?;
    let mut components = vec![Component::same("f (value alone)", (0, 0), objective.value(x), value)];
    components.extend(gradient_components("∇f", x, &gradient, |x| objective.value(x)));
    Ok(CheckReport { components })
}

/// Compares an objective's dense Hessian at `x` with differences of its gradient, entry by entry.
///
/// Both triangles are compared, so that an asymmetric Hessian fails. The gradient is taken to be right:
/// [`gradient`] comes first.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{check, problems::Rosenbrock};
///
/// let report = check::hessian(&mut Rosenbrock::new(2), &dvector![-1.2, 1.0])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`gradient`].
pub fn hessian<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    at(objective, x)?;
    let n = x.len();
    crate::contract::room::<Component<T>>("x", &[n, n])?;
    let mut hessian = DMatrix::from_element(n, n, T::NAN);
    objective.hessian(x, &mut hessian);
    if hessian.shape() != (n, n) {
        return Err(Error::Resized { what: "the Hessian", expected: n * n, found: hessian.len() });
    }
    let (mut beside, mut gradient) = (x.clone(), DVector::zeros(n));
    let mut components = Vec::with_capacity(n * n);
    for j in 0..n {
        let component = |i: usize, e: &Estimate<T>| Component::compare("∇²f", (i, j), hessian[(i, j)], e);
        let evaluate = |t: T, out: &mut [T]| {
            beside[j] = t;
            gradient_or_nan(objective, &beside, &mut gradient, out);
        };
        let column = differentiate(x[j], n, evaluate, |i, e| component(i, e).verdict == Verdict::Passed);
        components.extend(column.iter().enumerate().map(|(i, e)| component(i, e)));
        beside[j] = x[j];
    }
    Ok(CheckReport { components })
}

/// Compares an objective's Hessian products at `x`, along two fixed dense directions, with differences of
/// its gradient along them: `∇²f(x) v = d/dt ∇f(x + t v)` at `t = 0`.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{check, problems::Rosenbrock};
///
/// let report = check::hessian_product(&mut Rosenbrock::new(40), &DVector::repeat(40, 0.5))?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`gradient`].
pub fn hessian_product<T: Real, O: HessianProduct<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    at(objective, x)?;
    let n = x.len();
    let (mut beside, mut gradient) = (x.clone(), DVector::zeros(n));
    let mut components = Vec::with_capacity(2 * n);
    for direction in 0..2 {
        let v = DVector::from_fn(n, |i, _| generic(2 * i + direction));
        let mut product = DVector::from_element(n, T::NAN);
        objective.hessian_product(x, &v, &mut product);
        if product.len() != n {
            return Err(Error::Resized { what: "the Hessian product", expected: n, found: product.len() });
        }
        components.extend(along("∇²f v", direction, product.as_slice(), |t, out| {
            beside.zip_zip_apply(x, &v, |beside, x, v| *beside = x + t * v);
            gradient_or_nan(objective, &beside, &mut gradient, out);
        }));
    }
    Ok(CheckReport { components })
}

/// `f(x)` and `∇f(x)`, once `x` is found fit.
fn at<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
) -> Result<(T, DVector<T>), Error> {
    check_point("x", x, objective.dim())?;
    let mut gradient = DVector::from_element(x.len(), T::NAN);
    let value = objective.value_gradient(x, &mut gradient);
    if gradient.len() != x.len() {
        return Err(Error::Resized { what: "the gradient", expected: x.len(), found: gradient.len() });
    }
    finite_value(value)?;
    Ok((value, gradient))
}

fn finite_value<T: Real>(value: T) -> Result<(), Error> {
    if value.is_finite() {
        return Ok(());
    }
    Err(Error::Evaluation { what: "the value", at: "x", found: value.f64() })
}

/// The partial derivatives of `value` at `x` beside `analytic`.
fn gradient_components<T: Real>(
    quantity: &'static str,
    x: &DVector<T>,
    analytic: &DVector<T>,
    mut value: impl FnMut(&DVector<T>) -> T,
) -> Vec<Component<T>> {
    let mut beside = x.clone();
    let mut components = Vec::with_capacity(x.len());
    for i in 0..x.len() {
        let component = |e: &Estimate<T>| Component::compare(quantity, (i, 0), analytic[i], e);
        let evaluate = |t: T, out: &mut [T]| {
            beside[i] = t;
            out[0] = value(&beside);
        };
        let estimate = differentiate(x[i], 1, evaluate, |_, e| component(e).verdict == Verdict::Passed);
        components.extend(estimate.iter().map(component));
        beside[i] = x[i];
    }
    components
}

/// The derivative at `t = 0` of a vector-valued function, beside `analytic`.
fn along<T: Real>(
    quantity: &'static str,
    column: usize,
    analytic: &[T],
    evaluate: impl FnMut(T, &mut [T]),
) -> Vec<Component<T>> {
    let component = |i: usize, e: &Estimate<T>| Component::compare(quantity, (i, column), analytic[i], e);
    let passed = |i: usize, e: &Estimate<T>| component(i, e).verdict == Verdict::Passed;
    let estimates = differentiate(T::zero(), analytic.len(), evaluate, passed);
    estimates.iter().enumerate().map(|(i, e)| component(i, e)).collect()
}

/// Writes `∇f(x)`, or NaN where it does not have the length it was lent with.
fn gradient_or_nan<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O,
    x: &DVector<T>,
    gradient: &mut DVector<T>,
    out: &mut [T],
) {
    objective.value_gradient(x, gradient);
    if gradient.len() == out.len() {
        out.copy_from_slice(gradient.as_slice());
    } else {
        out.fill(T::NAN);
    }
}

/// The `i`-th of a sequence of numbers of both signs in `[−1.5, −0.5] ∪ [0.5, 1.5]`, with no pattern that a
/// mistake could hide in (multiples of the golden ratio, modulo 1).
fn generic<T: Real>(i: usize) -> T {
    let u = ((i + 1) as f64 * 0.618_033_988_749_894_9).fract();
    T::of(if u < 0.5 { -0.5 - 2.0 * u } else { 2.0 * u - 0.5 })
}

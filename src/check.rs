//! Derivatives against differences.

use nalgebra::DVector;

use crate::contract::{check_evaluation, check_hessian, check_point, check_size, matrix, room};
use crate::objective::evaluate;
use crate::{Error, Hessian, HessianProduct, Objective, Real};

pub use models::{input_gradient, loss, model, second_order_loss, second_order_model};
pub use report::{CheckReport, Component, Verdict};

use differences::{Estimate, differentiate};

mod differences;
mod length;
mod models;
mod report;

/// Compares an objective's gradient at `x` with differences of its value, coordinate by coordinate.
///
/// The differences are central, extrapolated to step zero (Ridders 1982), with an estimate of their own
/// error; right derivatives agree to about `1e−8` in f64 and `1e−3` in f32. At a kink, and where the function
/// is too noisy to tell, the verdict is [`Verdict::Undecided`]: in f32 that is so of many small derivatives, so that code
/// for both is best checked in f64.
///
/// ```
/// use gradus::{check, problems::Rosenbrock, vector};
///
/// let report = check::gradient(&mut Rosenbrock::new(2), &vector![-1.2, 1.0])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// [`Error::Length`], [`Error::Empty`] and [`Error::NonFinite`] for `x`; [`Error::Evaluation`] if `f(x)` is not
/// finite; [`Error::Resized`] if the gradient came back with another length.
pub fn gradient<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    let (value, gradient) = at(objective, x)?;
    let alone = Component::same("f (value alone)", objective.value(x), value);
    let slopes = Quantity { name: "∇f", rows: x.len(), of_derivative: false };
    let mut report = slopes.partials(gradient.as_slice(), x, |x, out| out[0] = objective.value(x));
    report.components.insert(0, alone);
    Ok(report)
}

/// Compares an objective's dense Hessian at `x` with differences of its gradient, entry by entry.
///
/// Both triangles are compared, so that an asymmetric Hessian fails. The gradient is taken to be right:
/// [`gradient`] comes first.
///
/// ```
/// use gradus::{check, problems::Rosenbrock, vector};
///
/// let report = check::hessian(&mut Rosenbrock::new(2), &vector![-1.2, 1.0])?;
/// assert!(report.passed(), "{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # Errors
/// As [`gradient`].
pub fn hessian<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    at(objective, x)?;
    let n = x.len();
    room::<Component<T>>("x", &[n, n])?;
    let mut hessian = matrix("x", (n, n), T::NAN)?;
    objective.hessian(x, &mut hessian);
    check_hessian(&hessian, n)?;
    let second = Quantity { name: "∇²f", rows: n, of_derivative: true };
    Ok(second.partials(hessian.as_slice(), x, |x, out| write_gradient(objective, x, out)))
}

/// Compares an objective's Hessian products at `x` with differences of its gradient along fixed directions,
/// `∇²f(x) v = d/dt ∇f(x + t v)` at `t = 0`: two by all coordinates of one size (to a factor of `1/√ε`), and two by those
/// that are zero, whose size is sought.
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
    objective: &mut O, x: &DVector<T>,
) -> Result<CheckReport<T>, Error> {
    at(objective, x)?;
    let n = x.len();
    let mut components = Vec::new();
    for (direction, v) in directions(x).into_iter().enumerate() {
        let mut product = DVector::from_element(n, T::NAN);
        objective.hessian_product(x, &v, &mut product);
        check_size("the Hessian product", product.len(), n)?;
        let along_v = |t: T, out: &mut [T]| write_gradient(objective, &(x + &v * t), out);
        let products = Quantity { name: "∇²f v", rows: n, of_derivative: true };
        components.extend(products.entries(direction * n, product.as_slice(), T::zero(), along_v));
    }
    Ok(CheckReport::of(components, true))
}

/// Two directions by the coordinates of each size, as long as these are: a coordinate beside one that is longer by far
/// would not be seen.
fn directions<T: Real>(x: &DVector<T>) -> Vec<DVector<T>> {
    let mut sizes: Vec<T> = x.iter().map(|x| x.abs()).collect();
    sizes.sort_by(|a, b| b.f64().total_cmp(&a.f64()));
    sizes.dedup_by(|next, largest| *next > T::EPSILON.sqrt() * *largest || *next == *largest);
    let ends = sizes.iter().skip(1).copied().chain([-T::one()]);
    let of_size = |(largest, end): (T, T)| {
        let length = move |x: T| if largest > T::zero() { x.sqrt() * largest.sqrt() } else { T::one() };
        [0, 1].map(|direction| {
            DVector::from_fn(x.len(), |i, _| match x[i].abs() {
                size if size > end && size <= largest => generic::<T>(2 * i + direction) * length(size),
                _ => T::zero(),
            })
        })
    };
    sizes.iter().copied().zip(ends).flat_map(of_size).collect()
}

/// `f(x)` and `∇f(x)`, once `x` is found fit.
fn at<T: Real, O: Objective<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>,
) -> Result<(T, DVector<T>), Error> {
    check_point("x", x, objective.dim())?;
    let mut gradient = DVector::zeros(0);
    let value = evaluate(objective, x, &mut gradient)?;
    check_evaluation("the value", "x", &[value])?;
    Ok((value, gradient))
}

fn write_gradient<T: Real, O: Objective<T> + ?Sized>(objective: &mut O, x: &DVector<T>, out: &mut [T]) {
    let mut gradient = DVector::from_element(x.len(), T::NAN);
    objective.value_gradient(x, &mut gradient);
    write(out, &gradient);
}

/// What came back, or NaN, which is outside of the domain, where it came back in another length.
fn write<T: Real>(out: &mut [T], found: &DVector<T>) {
    match found.len() == out.len() {
        true => out.copy_from_slice(found.as_slice()),
        false => out.fill(T::NAN),
    }
}

/// A derivative under test; its entries are those of a matrix with so many rows, column by column.
#[derive(Clone, Copy)]
struct Quantity {
    name: &'static str,
    rows: usize,
    /// Whether what is differentiated is a derivative itself.
    of_derivative: bool,
}

impl Quantity {
    /// The derivative of `f: R → Rᵏ` at `t` beside `analytic`, its entries from the `first` on.
    fn entries<T: Real>(
        self, first: usize, analytic: &[T], t: T, f: impl FnMut(T, &mut [T]),
    ) -> Vec<Component<T>> {
        let compare = |i: usize, estimate: &Estimate<T>| {
            let position = ((first + i) % self.rows, (first + i) / self.rows);
            Component::compare(self.name, position, analytic[i], estimate)
        };
        let settled = |i: usize, estimate: &Estimate<T>| {
            let compared = compare(i, estimate);
            compared.is_sure() || compared.is_still() && estimate.slope == T::zero()
        };
        let estimates = differentiate(t, analytic.len(), f, settled);
        estimates.iter().enumerate().map(|(i, estimate)| compare(i, estimate)).collect()
    }

    /// The partial derivatives of `f: Rⁿ → Rᵏ` at `x` beside `analytic`, `k` entries per coordinate.
    fn partials<T: Real>(
        self, analytic: &[T], x: &DVector<T>, mut f: impl FnMut(&DVector<T>, &mut [T]),
    ) -> CheckReport<T> {
        let k = (analytic.len() / x.len().max(1)).max(1);
        let mut beside = x.clone();
        let mut components = Vec::with_capacity(analytic.len());
        for (j, analytic) in analytic.chunks_exact(k).enumerate() {
            let along_j = |t: T, out: &mut [T]| {
                beside[j] = t;
                f(&beside, out);
            };
            components.extend(self.entries(j * k, analytic, x[j], along_j));
            beside[j] = x[j];
        }
        CheckReport::of(components, self.of_derivative)
    }
}

/// The `i`-th of a sequence of numbers of both signs in `[−1.5, −0.5] ∪ [0.5, 1.5]`, with no pattern that a
/// mistake could hide in (multiples of the golden ratio, modulo 1).
fn generic<T: Real>(i: usize) -> T {
    let u = ((i + 1) as f64 * 0.618_033_988_749_894_9).fract();
    T::of(if u < 0.5 { -0.5 - 2.0 * u } else { 2.0 * u - 0.5 })
}

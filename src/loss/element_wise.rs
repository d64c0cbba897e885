//! Losses that are a sum over the entries of one function of (z, y).

use nalgebra::{DMatrixView, DMatrixViewMut};

use super::fit;
use crate::kernel::{self, Fused};
use crate::{Activation, Curved, Error, Loss, Real, Through};

/// `ℓ(z, y)` with its first two derivatives in `z`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Jet<T> {
    /// `ℓ(z, y)`.
    pub value: T,
    /// `∂ℓ/∂z`.
    pub first: T,
    /// `∂²ℓ/∂z²`.
    pub second: T,
}

/// A loss that is a sum over outputs of one function `ℓ(z, y)`.
///
/// Whoever implements it gets [`Loss`], [`Curved`] and [`through`](Self::through) for nothing:
///
/// ```
/// use gradus::loss::{ElementWise, Jet};
/// use gradus::{EmpiricalRisk, Newton, Perceptron, Real, Stop, minimize};
/// use nalgebra::{DVector, dmatrix};
///
/// /// ℓ(z, y) = ln cosh(z − y)
/// #[derive(Debug, Clone, Copy)]
/// struct LogCosh;
///
/// impl ElementWise for LogCosh {
///     fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
///         let (r, tanh) = ((z - y).abs(), (z - y).tanh());
///         let value = r + (T::of(-2.0) * r).exp().ln_1p() - T::of(std::f64::consts::LN_2);
///         Jet { value, first: tanh, second: T::one() - tanh * tanh }
///     }
/// }
///
/// let (x, y) = (dmatrix![0.0, 1.0, 2.0, 3.0], dmatrix![1.0, 3.0, 5.0, 70.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), LogCosh, &x, &y)?;
/// let report = minimize(&mut Newton::new(), &mut risk, DVector::zeros(2), &Stop::default())?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait ElementWise: Sync {
    /// Whether `ℓ` is convex in `z`. Default: `false`.
    const CONVEX: bool = false;

    /// `ℓ(z, y)` with its derivatives in `z`.
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T>;

    /// The mean response that a score stands for. Default: the score itself.
    fn response<T: Real>(&self, z: T) -> T {
        z
    }

    /// Judges the loss's own settings, once, where a run starts. Default: nothing to complain about.
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is outside its domain.
    fn settings(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The loss behind an activation, `ℓ(φ(z), y)`, for pairs that do not match: the derivative is
    /// `∂ℓ/∂ŷ · φ'(z)`. Matched pairs ([`LogLoss`](crate::LogLoss), [`CrossEntropy`](crate::CrossEntropy))
    /// work on scores already.
    fn through(self, activation: Activation) -> Through<Self>
    where
        Self: Sized,
    {
        Through::new(self, activation)
    }
}

impl<T: Real, L: ElementWise> Loss<T> for L {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        sum(z, y, weights, |_, z, y| self.jet(z, y).value)
    }

    fn value_gradient(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        delta: DMatrixViewMut<'_, T>,
    ) -> T {
        sum_and_map(z, y, weights, delta, |_, z, y| {
            let jet = self.jet(z, y);
            (jet.value, jet.first)
        })
    }

    fn respond(&self, mut z: DMatrixViewMut<'_, T>) {
        z.apply(|z| *z = self.response(*z));
    }

    fn is_convex(&self) -> bool {
        L::CONVEX
    }

    fn check(&self, _y: DMatrixView<'_, T>) -> Result<(), Error> {
        self.settings()
    }
}

impl<T: Real, L: ElementWise> Curved<T> for L {
    fn curvature_product(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        scale(z, y, weights, r, out, |_, z, y| self.jet(z, y).second);
    }

    fn is_diagonal(&self) -> bool {
        true
    }
}

/// Independent partial sums, so that a sum over entries runs at the width of the machine in one fixed order.
const LANES: usize = 16;

/// `Σ w ℓ(z, y)` over runs of entries that share an order: `f` gets index, `z`, `y` and returns a term.
#[inline(always)]
fn lanes<T: Real>(z: &[T], y: &[T], mut term: impl FnMut(usize, T, T) -> T) -> T {
    let mut sums = [T::zero(); LANES];
    let whole = z.len() - z.len() % LANES;
    for start in (0..whole).step_by(LANES) {
        let (z, y) = (&z[start..start + LANES], &y[start..start + LANES]);
        for lane in 0..LANES {
            sums[lane] += term(start + lane, z[lane], y[lane]);
        }
    }
    for (i, (z, y)) in z.iter().zip(y).enumerate().skip(whole) {
        sums[i - whole] += term(i, *z, *y);
    }
    sums.iter().fold(T::zero(), |s, lane| s + *lane)
}

/// `w ℓ`, and exactly nothing for a sample of weight zero.
#[inline(always)]
fn weighted<T: Real>(w: T, value: T) -> T {
    if w == T::zero() { T::zero() } else { w * value }
}

/// `Σ_j w_j Σ_i ℓ(z_ij, y_ij)`.
pub(super) fn sum<T: Real>(
    z: DMatrixView<'_, T>,
    y: DMatrixView<'_, T>,
    weights: &[T],
    value: impl Fn(Fused, T, T) -> T,
) -> T {
    if !fit(&[z.shape(), y.shape()], weights.len()) {
        return T::NAN;
    }
    kernel::vectorize(
        #[inline(always)]
        |fused| match (z.nrows(), kernel::flat(&z), kernel::flat(&y)) {
            (1, Some(z), Some(y)) => lanes(z, y, |j, z, y| weighted(weights[j], value(fused, z, y))),
            _ => z.column_iter().zip(y.column_iter()).zip(weights).fold(T::zero(), |s, ((z, y), &w)| {
                s + lanes(z.as_slice(), y.as_slice(), |_, z, y| weighted(w, value(fused, z, y)))
            }),
        },
    )
}

/// The same sum, with `w_j ℓ'(z_ij, y_ij)` written to `delta`; `jet` gives `(ℓ, ℓ')`.
pub(super) fn sum_and_map<T: Real>(
    z: DMatrixView<'_, T>,
    y: DMatrixView<'_, T>,
    weights: &[T],
    mut delta: DMatrixViewMut<'_, T>,
    jet: impl Fn(Fused, T, T) -> (T, T),
) -> T {
    if !fit(&[z.shape(), y.shape(), delta.shape()], weights.len()) {
        return T::NAN;
    }
    kernel::vectorize(
        #[inline(always)]
        |fused| match (z.nrows(), kernel::flat(&z), kernel::flat(&y), kernel::flat_mut(&mut delta)) {
            (1, Some(z), Some(y), Some(delta)) => lanes(z, y, |j, z, y| {
                let (value, first) = jet(fused, z, y);
                delta[j] = weighted(weights[j], first);
                weighted(weights[j], value)
            }),
            _ => {
                let columns = z.column_iter().zip(y.column_iter()).zip(delta.column_iter_mut());
                columns.zip(weights).fold(T::zero(), |s, (((z, y), mut delta), &w)| {
                    let delta = delta.as_mut_slice();
                    s + lanes(z.as_slice(), y.as_slice(), |i, z, y| {
                        let (value, first) = jet(fused, z, y);
                        delta[i] = weighted(w, first);
                        weighted(w, value)
                    })
                })
            }
        },
    )
}

/// `out_ij = w_j ℓ''(z_ij, y_ij) r_ij`.
pub(super) fn scale<T: Real>(
    z: DMatrixView<'_, T>,
    y: DMatrixView<'_, T>,
    weights: &[T],
    r: DMatrixView<'_, T>,
    mut out: DMatrixViewMut<'_, T>,
    second: impl Fn(Fused, T, T) -> T,
) {
    if !fit(&[z.shape(), y.shape(), r.shape(), out.shape()], weights.len()) {
        return;
    }
    kernel::vectorize(
        #[inline(always)]
        |fused| match (
            z.nrows(),
            kernel::flat(&z),
            kernel::flat(&y),
            kernel::flat(&r),
            kernel::flat_mut(&mut out),
        ) {
            (1, Some(z), Some(y), Some(r), Some(out)) => {
                for (j, out) in out.iter_mut().enumerate() {
                    *out = weighted(weights[j], second(fused, z[j], y[j]) * r[j]);
                }
            }
            _ => {
                let columns =
                    z.column_iter().zip(y.column_iter()).zip(r.column_iter()).zip(out.column_iter_mut());
                for ((((z, y), r), mut out), &w) in columns.zip(weights) {
                    for (((z, y), r), out) in z.iter().zip(y.iter()).zip(r.iter()).zip(out.iter_mut()) {
                        *out = weighted(w, second(fused, *z, *y) * *r);
                    }
                }
            }
        },
    );
}

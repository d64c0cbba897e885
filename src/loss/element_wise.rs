//! Losses that are a sum over the entries of one function of (z, y).

use nalgebra::{DMatrixView, DMatrixViewMut};

use super::fit;
use crate::kernel::{self, Fused};
use crate::{Activation, Error, Loss, Real, SecondOrderLoss, Through};

/// `ℓ(z, y)` with its first two derivatives in `z`.
///
/// ```
/// use gradus::SquaredError;
/// use gradus::loss::{ElementWise, Jet};
///
/// let jet: Jet<f64> = SquaredError.jet(3.0, 1.0);
/// assert_eq!(jet, Jet { value: 2.0, first: 2.0, second: 1.0 });
/// ```
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
/// Whoever implements it gets [`Loss`], [`SecondOrderLoss`] and [`through`](Self::through) for nothing:
///
/// ```
/// use gradus::loss::{ElementWise, Jet};
/// use gradus::nalgebra::{self, DVector, dmatrix};
/// use gradus::{EmpiricalRisk, Newton, Perceptron, Real, Stop, minimize};
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
    ///
    /// ```
    /// use gradus::loss::ElementWise;
    /// use gradus::{Activation, Huber};
    ///
    /// fn is_convex<L: ElementWise>(_loss: &L) -> bool {
    ///     L::CONVEX
    /// }
    /// assert!(is_convex(&Huber::new(1.0)));
    /// assert!(!is_convex(&Huber::new(1.0).through(Activation::Tanh)));
    /// ```
    const CONVEX: bool = false;

    /// `ℓ(z, y)` with its derivatives in `z`.
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T>;

    /// The mean response that a score stands for. Default: the score itself.
    ///
    /// ```
    /// use gradus::loss::ElementWise;
    /// use gradus::{Activation, SquaredError};
    ///
    /// assert_eq!(SquaredError.response(3.0), 3.0);
    /// assert_eq!(SquaredError.through(Activation::Sigmoid).response(0.0), 0.5);
    /// ```
    fn response<T: Real>(&self, z: T) -> T {
        z
    }

    /// Judges the loss's own settings, once, where a run starts. Default: nothing to complain about.
    ///
    /// ```
    /// use gradus::loss::ElementWise;
    /// use gradus::{Error, Huber};
    ///
    /// assert!(matches!(Huber::new(-1.0).settings(), Err(Error::Setting { name: "delta", .. })));
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is outside its domain.
    fn settings(&self) -> Result<(), Error> {
        Ok(())
    }

    /// The loss behind an activation, `ℓ(φ(z), y)`, for pairs that do not match: the derivative is
    /// `∂ℓ/∂ŷ · φ'(z)`. Matched pairs ([`LogLoss`](crate::LogLoss), [`CrossEntropy`](crate::CrossEntropy))
    /// work on scores already.
    ///
    /// ```
    /// use gradus::loss::{ElementWise, Jet};
    /// use gradus::{Activation, SquaredError};
    ///
    /// // ½ (tanh z − 1)² at z = 0, where tanh' = 1 and tanh'' = 0
    /// let jet = SquaredError.through(Activation::Tanh).jet(0.0, 1.0);
    /// assert_eq!(jet, Jet { value: 0.5, first: -1.0, second: 1.0 });
    /// ```
    fn through(self, activation: Activation) -> Through<Self>
    where
        Self: Sized,
    {
        Through::new(self, activation)
    }
}

impl<T: Real, L: ElementWise> Loss<T> for L {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        sum(
            z,
            y,
            weights,
            #[inline(always)]
            |_, z, y| (self.jet(z, y).value, T::zero()),
        )
    }

    fn value_gradient(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        delta: DMatrixViewMut<'_, T>,
    ) -> T {
        sum_and_map(
            z,
            y,
            weights,
            delta,
            #[inline(always)]
            |_, z, y| {
                let jet = self.jet(z, y);
                (jet.value, jet.first)
            },
        )
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

impl<T: Real, L: ElementWise> SecondOrderLoss<T> for L {
    fn curvature_product(
        &self,
        z: DMatrixView<'_, T>,
        y: DMatrixView<'_, T>,
        weights: &[T],
        r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        scale(
            z,
            y,
            weights,
            r,
            out,
            #[inline(always)]
            |_, z, y| self.jet(z, y).second,
        );
    }

    fn is_diagonal(&self) -> bool {
        true
    }
}

/// Independent partial sums, so that a sum over entries runs at the width of the machine in one fixed order.
const LANES: usize = 16;

/// The weights of a run of entries: one each, or one for all.
#[derive(Clone, Copy)]
enum Weights<'a, T> {
    Each(&'a [T]),
    All(T),
}

impl<T: Real> Weights<'_, T> {
    /// Those of `count` entries from `start` on, and zeros.
    #[inline(always)]
    fn block(self, start: usize, count: usize) -> [T; LANES] {
        match self {
            Self::Each(w) => padded(&w[start..]),
            Self::All(w) => std::array::from_fn(
                #[inline(always)]
                |lane| if lane < count { w } else { T::zero() },
            ),
        }
    }
}

/// The first entries, and zeros where there are not enough.
#[inline(always)]
fn padded<T: Real>(x: &[T]) -> [T; LANES] {
    if let Some(block) = x.first_chunk() {
        return *block;
    }
    let mut block = [T::zero(); LANES];
    block[..x.len()].copy_from_slice(x);
    block
}

/// `w ℓ`, and exactly nothing for a sample of weight zero.
#[inline(always)]
fn weighted<T: Real>(w: T, value: T) -> T {
    if w == T::zero() { T::zero() } else { w * value }
}

/// `Σ w ℓ(z, y)` over a run of entries, block by block, with `w ℓ'` written to `delta`, if there is one.
#[inline(always)]
fn run<T: Real>(
    fused: Fused,
    z: &[T],
    y: &[T],
    weights: Weights<'_, T>,
    mut delta: Option<&mut [T]>,
    jet: &impl Fn(Fused, T, T) -> (T, T),
) -> T {
    let mut sums = [T::zero(); LANES];
    for start in (0..z.len()).step_by(LANES) {
        let count = LANES.min(z.len() - start);
        let (z, y, w) = (padded(&z[start..]), padded(&y[start..]), weights.block(start, count));
        let mut slopes = [T::zero(); LANES];
        for lane in 0..LANES {
            let (value, first) = jet(fused, z[lane], y[lane]);
            sums[lane] += weighted(w[lane], value);
            slopes[lane] = weighted(w[lane], first);
        }
        if let Some(delta) = &mut delta {
            delta[start..start + count].copy_from_slice(&slopes[..count]);
        }
    }
    let mut sum = T::zero();
    for lane in sums {
        sum += lane;
    }
    sum
}

/// `Σ_j w_j Σ_i ℓ(z_ij, y_ij)`.
pub(super) fn sum<T: Real>(
    z: DMatrixView<'_, T>,
    y: DMatrixView<'_, T>,
    weights: &[T],
    jet: impl Fn(Fused, T, T) -> (T, T),
) -> T {
    if !fit(&[z.shape(), y.shape()], weights.len()) {
        return T::NAN;
    }
    kernel::vectorize(
        #[inline(always)]
        |fused| {
            if let (1, Some(z), Some(y)) = (z.nrows(), kernel::flat(&z), kernel::flat(&y)) {
                return run(fused, z, y, Weights::Each(weights), None, &jet);
            }
            let mut total = T::zero();
            for ((z, y), &w) in z.column_iter().zip(y.column_iter()).zip(weights) {
                total += run(fused, z.as_slice(), y.as_slice(), Weights::All(w), None, &jet);
            }
            total
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
        |fused| {
            if let (1, Some(z), Some(y), Some(delta)) =
                (z.nrows(), kernel::flat(&z), kernel::flat(&y), kernel::flat_mut(&mut delta))
            {
                return run(fused, z, y, Weights::Each(weights), Some(delta), &jet);
            }
            let mut total = T::zero();
            let columns = z.column_iter().zip(y.column_iter()).zip(delta.column_iter_mut());
            for (((z, y), mut delta), &w) in columns.zip(weights) {
                let delta = Some(delta.as_mut_slice());
                total += run(fused, z.as_slice(), y.as_slice(), Weights::All(w), delta, &jet);
            }
            total
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
                for ((((z, y), r), out), w) in z.iter().zip(y).zip(r).zip(out).zip(weights) {
                    *out = weighted(*w, second(fused, *z, *y) * *r);
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

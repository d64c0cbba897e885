//! Losses that are a sum over the entries of one function of (z, y).

use nalgebra::{DMatrixView, DMatrixViewMut};

use super::entries::{Jet, Pass, Wanted, argmax, fit};
use super::margins::margin_by;
use super::{Family, Likelihood, Loss, SecondOrderLoss};
use crate::kernel::inlined;
use crate::{Activation, Error, Real};

/// A loss that is a sum over outputs of one function `ℓ(z, y)`.
///
/// Implementing it provides [`Loss`], [`SecondOrderLoss`] and [`through`](Self::through):
///
/// ```
/// use gradus::loss::{ElementWise, Jet};
/// use gradus::nalgebra::DVector;
/// use gradus::{EmpiricalRisk, Newton, Perceptron, Real, Stop, matrix, minimize};
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
/// let (x, y) = (matrix![0.0, 1.0, 2.0, 3.0], matrix![1.0, 3.0, 5.0, 70.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), LogCosh, &x, &y)?;
/// let start = DVector::zeros(2);
/// let report = minimize(&mut Newton::new(), &mut risk, start, &Stop::default())?;
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

    /// A pass over many entries of the loss behind an activation: the losses of this crate override it by code that
    /// is compiled here.
    #[doc(hidden)]
    fn pass<T: Real>(&self, behind: Activation, pass: Pass<'_, T>) -> T {
        run(self, behind, pass)
    }

    /// Which likelihood the loss is. Default: none. [`Loss::likelihood`] says what for.
    ///
    /// ```
    /// use gradus::loss::{ElementWise, Likelihood};
    /// use gradus::{Activation, SquaredError};
    ///
    /// assert_eq!(SquaredError.likelihood(), Likelihood::Normal);
    /// assert_eq!(SquaredError.through(Activation::Tanh).likelihood(), Likelihood::None);
    /// ```
    fn likelihood(&self) -> Likelihood {
        Likelihood::None
    }

    /// Whether `y` is a target that the loss understands, or what it has to be. Default: any will do.
    ///
    /// ```
    /// use gradus::loss::{ElementWise, Gamma};
    ///
    /// assert_eq!(Gamma.target(-1.0), Err("positive"));
    /// ```
    ///
    /// # Errors
    /// What a target has to be.
    fn target<T: Real>(&self, _y: T) -> Result<(), &'static str> {
        Ok(())
    }

    /// The mean of `∂²ℓ/∂z²` over targets that are distributed as the score says.
    #[doc(hidden)]
    fn expected<T: Real>(&self, z: T, y: T) -> T {
        self.jet(z, y).second
    }

    /// Which distribution the loss is by name.
    #[doc(hidden)]
    fn family(&self) -> Family {
        Family::Other
    }

    /// `ŷ`, `∂ℓ/∂ŷ` and `∂ŷ/∂z`, where `ŷ` is not the score itself.
    #[doc(hidden)]
    fn chain<T: Real>(&self, z: T, y: T) -> [T; 3] {
        [z, self.jet(z, y).first, T::one()]
    }

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

    /// The rate at which `ℓ(z, y)` falls for ever as `z` moves along `r`, negative where it grows; linear in `r`
    /// on either side of zero. Default: of a [convex](Self::CONVEX) loss by its slopes far out, which takes some evaluations;
    /// else `−|r|`. [`Loss::margin`] says what for.
    ///
    /// ```
    /// use gradus::SquaredError;
    /// use gradus::loss::ElementWise;
    ///
    /// assert_eq!(SquaredError.margin(1.0, 2.0), -2.0);
    /// assert_eq!(SquaredError.margin(1.0, -2.0), -2.0);
    /// ```
    fn margin<T: Real>(&self, y: T, r: T) -> T {
        let slope = |z: &[T], g: &mut [T]| g[0] = self.jet(z[0], y).first;
        if Self::CONVEX { margin_by(slope, &[y], &[r], &mut [r]) } else { -r.abs() }
    }

    /// Judges the loss's own settings as the scalar `T` that they are used in, once, where a run starts. Default: there
    /// are none.
    ///
    /// ```
    /// use gradus::loss::ElementWise;
    /// use gradus::{Error, Huber};
    ///
    /// let small = Huber::new(1e-50); // zero as `f32`
    /// assert!(small.settings::<f64>().is_ok());
    /// assert!(matches!(small.settings::<f32>(), Err(Error::Setting { name: "delta", .. })));
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] where a setting is outside its domain.
    fn settings<T: Real>(&self) -> Result<(), Error> {
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
        Through { loss: self, activation }
    }
}

/// A pass of `loss` behind an activation.
#[inline(always)]
pub(super) fn run<T: Real, L: ElementWise + ?Sized>(loss: &L, behind: Activation, pass: Pass<'_, T>) -> T {
    match behind {
        Activation::Identity => pass.run(inlined!(|_, z, y| loss.jet(z, y))),
        _ => pass.run(inlined!(|fused, z, y| jet_through(loss, behind.jet_by(fused, z), y))),
    }
}

/// `ℓ(φ(z), y)` with its derivatives in `z`, of `φ(z)`, `φ'(z)` and `φ''(z)`. Where `φ` is straight, it does not bend
/// an infinite slope either.
#[inline(always)]
fn jet_through<T: Real, L: ElementWise + ?Sized>(loss: &L, (a, d1, d2): (T, T, T), y: T) -> Jet<T> {
    let inner = loss.jet(a, y);
    let bend = if d2 == T::zero() { d2 } else { inner.first * d2 };
    Jet { value: inner.value, first: inner.first * d1, second: inner.second * d1 * d1 + bend }
}

impl<T: Real, L: ElementWise> Loss<T> for L {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        self.pass(Activation::Identity, Pass { z, y, weights, wanted: Wanted::Value })
    }

    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T {
        self.pass(Activation::Identity, Pass { z, y, weights, wanted: Wanted::Gradient(delta) })
    }

    fn likelihood(&self) -> Likelihood {
        ElementWise::likelihood(self)
    }

    #[doc(hidden)]
    fn family(&self) -> Family {
        ElementWise::family(self)
    }

    fn response(&self, mut z: DMatrixViewMut<'_, T>) {
        z.apply(|z| *z = ElementWise::response(self, *z));
    }

    #[doc(hidden)]
    fn chain(&self, z: T, y: T) -> Option<[T; 3]> {
        Some(ElementWise::chain(self, z, y))
    }

    fn margin(&self, y: &[T], r: &[T], row: &mut [T]) -> T {
        least(y, r, row, |y, r| ElementWise::margin(self, y, r))
    }

    #[doc(hidden)]
    fn second_order(&self) -> Option<&dyn SecondOrderLoss<T>> {
        Some(self)
    }

    fn is_convex(&self) -> bool {
        L::CONVEX
    }

    fn check(&self, y: DMatrixView<'_, T>) -> Result<(), Error> {
        self.settings::<T>()?;
        let wrong = |y: &T| self.target(*y).err().map(|expected| (expected, y.f64()));
        let mut columns = y.column_iter().enumerate();
        let found = columns.find_map(|(sample, y)| y.iter().find_map(wrong).map(|found| (sample, found)));
        found.map_or(Ok(()), |(sample, (expected, found))| {
            Err(Error::Label { argument: "y", expected, found, sample })
        })
    }
}

impl<T: Real, L: ElementWise> SecondOrderLoss<T> for L {
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        self.pass(Activation::Identity, Pass { z, y, weights, wanted: Wanted::Product(r, out) });
    }

    #[doc(hidden)]
    fn expected_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        mut out: DMatrixViewMut<'_, T>,
    ) {
        if !fit(&[z.shape(), y.shape(), r.shape(), out.shape()], weights.len()) {
            return;
        }
        for (j, w) in weights.iter().enumerate() {
            for o in 0..z.nrows() {
                let curvature = if *w == T::zero() { *w } else { *w * self.expected(z[(o, j)], y[(o, j)]) };
                out[(o, j)] = curvature * r[(o, j)];
            }
        }
    }
}

/// The least of the margins of all outputs, with its derivative in `r` written to `row`.
pub(super) fn least<T: Real>(y: &[T], r: &[T], row: &mut [T], margin: impl Fn(T, T) -> T) -> T {
    row.fill(T::zero());
    let margins = || y.iter().zip(r).map(|(y, r)| margin(*y, *r));
    let output = argmax(margins().map(|margin| -margin));
    let (Some(row), Some(y), Some(r)) = (row.get_mut(output), y.get(output), r.get(output)) else {
        return T::zero();
    };
    // linear on either side of zero: its value at ±1 is the slope
    let side = if *r < T::zero() { -T::one() } else { T::one() };
    *row = side * margin(*y, side);
    margin(*y, *r)
}

/// An element-wise loss behind an activation: `ℓ(φ(z), y)`; made by [`ElementWise::through`].
///
/// ```text
/// ∂/∂z   = ℓ' φ'
/// ∂²/∂z² = ℓ'' φ'² + ℓ' φ''
/// ```
///
/// ```
/// use gradus::loss::ElementWise;
/// use gradus::{Activation, Loss, SquaredError, matrix};
///
/// let loss = SquaredError.through(Activation::Sigmoid);
/// let (z, y) = (matrix![0.0], matrix![1.0]);
/// assert_eq!(loss.value(z.as_view(), y.as_view(), &[1.0]), 0.125);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Through<L> {
    pub(crate) loss: L,
    pub(crate) activation: Activation,
}

impl<L: ElementWise> ElementWise for Through<L> {
    #[inline(always)]
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        jet_through(&self.loss, self.activation.jet(z), y)
    }

    fn pass<T: Real>(&self, behind: Activation, pass: Pass<'_, T>) -> T {
        match behind {
            Activation::Identity => self.loss.pass(self.activation, pass),
            _ => run(self, behind, pass),
        }
    }

    fn response<T: Real>(&self, z: T) -> T {
        self.loss.response(self.activation.value(z))
    }

    fn chain<T: Real>(&self, z: T, y: T) -> [T; 3] {
        let (a, slope, _) = self.activation.jet(z);
        let [response, outer, inner] = self.loss.chain(a, y);
        [response, outer, inner * slope]
    }

    fn settings<T: Real>(&self) -> Result<(), Error> {
        self.activation.check::<T>()?;
        self.loss.settings::<T>()
    }
}

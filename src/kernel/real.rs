//! The scalars: f32 and f64, both first-class.

use nalgebra::RealField;
use num_traits::{FromPrimitive, ToPrimitive};

use crate::kernel::Kernel;

/// The scalars of the crate, `f32` and `f64`.
///
/// Sealed: the kernels know the two types by heart. All arithmetic and elementary functions come from
/// [`nalgebra::RealField`].
///
/// ```
/// use gradus::Real;
///
/// fn half<T: Real>(x: T) -> T {
///     x * T::of(0.5)
/// }
/// assert_eq!(half(3.0_f32), 1.5);
/// ```
#[expect(private_bounds, reason = "sealed by its kernels")]
pub trait Real: RealField + Copy + FromPrimitive + ToPrimitive + Default + Kernel {
    /// The distance from 1 to the next larger number: `2⁻²³` or `2⁻⁵²`.
    ///
    /// ```
    /// use gradus::Real;
    ///
    /// assert_eq!(<f32 as Real>::EPSILON, 2.0_f32.powi(-23));
    /// assert_eq!(<f64 as Real>::EPSILON, 2.0_f64.powi(-52));
    /// ```
    const EPSILON: Self;
    /// The largest finite number.
    ///
    /// ```
    /// use gradus::Real;
    ///
    /// assert_eq!(<f64 as Real>::MAX * 2.0, f64::INFINITY);
    /// ```
    const MAX: Self;
    /// Not a number.
    ///
    /// ```
    /// use gradus::Real;
    ///
    /// assert!(<f32 as Real>::NAN.is_nan());
    /// ```
    const NAN: Self;

    /// The nearest number to `value`.
    ///
    /// ```
    /// use gradus::Real;
    ///
    /// assert_eq!(f32::of(0.1), 0.1_f32);
    /// ```
    fn of(value: f64) -> Self;
    /// The number as `f64`, exactly.
    ///
    /// ```
    /// use gradus::Real;
    ///
    /// assert_eq!(0.5_f32.f64(), 0.5_f64);
    /// ```
    fn f64(self) -> f64;
}

impl Real for f32 {
    const EPSILON: Self = f32::EPSILON;
    const MAX: Self = f32::MAX;
    const NAN: Self = f32::NAN;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value as f32
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        f64::from(self)
    }
}

impl Real for f64 {
    const EPSILON: Self = f64::EPSILON;
    const MAX: Self = f64::MAX;
    const NAN: Self = f64::NAN;

    #[inline(always)]
    fn of(value: f64) -> Self {
        value
    }
    #[inline(always)]
    fn f64(self) -> f64 {
        self
    }
}

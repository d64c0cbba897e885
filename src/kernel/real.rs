//! The scalars: f32 and f64, both first-class.

use nalgebra::RealField;
use num_traits::{FromPrimitive, ToPrimitive};

use super::simd::Kernel;

/// A function over the scalars that is compiled in this crate, once for each: what [`compiled!`](super::compiled)
/// writes.
pub(crate) trait Compiled {
    type Arguments<'a, T: Real>;
    type Output<'a, T: Real>;
    fn single(arguments: Self::Arguments<'_, f32>) -> Self::Output<'_, f32>;
    fn double(arguments: Self::Arguments<'_, f64>) -> Self::Output<'_, f64>;
}

/// The way from generic code, which is compiled where it is called, to what is compiled here.
pub(crate) trait Compile: Kernel {
    fn call<F: Compiled>(arguments: F::Arguments<'_, Self>) -> F::Output<'_, Self>
    where
        Self: Real;
}

/// Functions of the crate that are hot: generic to their callers, but compiled here, for `f32` and for `f64`, so that
/// a user's program links them, optimised as this crate is, instead of compiling them with its own settings.
///
/// Written as generic functions over a scalar `T: Real`, all borrows for `'a`:
///
/// ```text
/// compiled! {
///     /// y ← y + α x
///     fn axpy<T>(alpha: T, x: &'a [T], y: &'a mut [T]) {
///         y.iter_mut().zip(x).for_each(|(y, x)| *y += alpha * *x);
///     }
/// }
/// ```
///
/// Without `<T>`, in an `impl<T: Real>` block, they are methods of the first argument, a reference to the type.
macro_rules! compiled {
    ($($(#[$attribute:meta])* $vis:vis fn $name:ident<T>($($argument:ident: $type:ty),* $(,)?)
        $(-> $output:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        #[inline]
        $vis fn $name<'a, T: $crate::Real>($($argument: $type),*) $(-> $output)? {
            $crate::kernel::compiled!(@function ($($argument: $type),*) ($($output)?) $body);
            T::call::<Function>(($($argument,)*))
        }
    )*};
    ($($(#[$attribute:meta])* $vis:vis fn $name:ident($this:ident: &'a mut $of:ty $(, $argument:ident: $type:ty)* $(,)?)
        $(-> $output:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        #[inline]
        $vis fn $name<'a>(&'a mut self $(, $argument: $type)*) $(-> $output)? {
            $crate::kernel::compiled!(@function ($this: &'a mut $of $(, $argument: $type)*) ($($output)?) $body);
            T::call::<Function>((self, $($argument,)*))
        }
    )*};
    ($($(#[$attribute:meta])* $vis:vis fn $name:ident($this:ident: &'a $of:ty $(, $argument:ident: $type:ty)* $(,)?)
        $(-> $output:ty)? $body:block)*) => {$(
        $(#[$attribute])*
        #[inline]
        $vis fn $name<'a>(&'a self $(, $argument: $type)*) $(-> $output)? {
            $crate::kernel::compiled!(@function ($this: &'a $of $(, $argument: $type)*) ($($output)?) $body);
            T::call::<Function>((self, $($argument,)*))
        }
    )*};
    (@output) => { () };
    (@output $type:ty) => { $type };
    (@function ($($argument:ident: $type:ty),*) ($($output:ty)?) $body:block) => {
        #[inline(always)]
        fn generic<'a, T: $crate::Real + 'a>($($argument: $type),*) $(-> $output)? $body

        struct Function;
        impl $crate::kernel::Compiled for Function {
            type Arguments<'a, T: $crate::Real> = ($($type,)*);
            type Output<'a, T: $crate::Real> = $crate::kernel::compiled!(@output $($output)?);
            #[inline(never)]
            fn single<'a>(($($argument,)*): Self::Arguments<'a, f32>) -> Self::Output<'a, f32> {
                generic::<f32>($($argument),*)
            }
            #[inline(never)]
            fn double<'a>(($($argument,)*): Self::Arguments<'a, f64>) -> Self::Output<'a, f64> {
                generic::<f64>($($argument),*)
            }
        }
    };
}
pub(crate) use compiled;

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
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no scalar of gradus: numbers are `f32` or `f64`",
    label = "neither `f32` nor `f64`",
    note = "a `Vec` of rows becomes a matrix by `gradus::data::columns(&rows)?`",
    note = "integers become numbers by `x.map(f64::from)`, or by `*x as f64` one by one"
)]
#[expect(private_bounds, reason = "sealed by its kernels")]
pub trait Real: RealField + Copy + FromPrimitive + ToPrimitive + Default + Compile {
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

macro_rules! scalar {
    ($scalar:ident, $compiled:ident) => {
        impl Compile for $scalar {
            #[inline(always)]
            fn call<F: Compiled>(arguments: F::Arguments<'_, Self>) -> F::Output<'_, Self> {
                F::$compiled(arguments)
            }
        }

        impl Real for $scalar {
            const EPSILON: Self = $scalar::EPSILON;
            const MAX: Self = $scalar::MAX;
            const NAN: Self = $scalar::NAN;

            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $scalar
            }
            #[inline(always)]
            fn f64(self) -> f64 {
                self.into()
            }
        }
    };
}

scalar!(f32, single);
scalar!(f64, double);

//! Activations of one's own.

use std::fmt;

use crate::Real;
use crate::kernel::Compiled;

/// An activation `φ` of one's own, by value, slope and curvature; [`Activation::own`](super::Activation::own) makes it one
/// of a network or a loss. Gradients, Hessians and products follow from these three, for `f32` and `f64`;
/// [`check::gradient`](crate::check::gradient) of a risk compares them with differences.
///
/// ```
/// use gradus::model::OwnActivation;
/// use gradus::{Activation, LogLoss, Network, Real, matrix};
///
/// struct Softsign; // z/(1 + |z|)
///
/// impl OwnActivation for Softsign {
///     const NAME: &'static str = "softsign";
///
///     fn jet<T: Real>(z: T) -> (T, T, T) {
///         let share = T::one() / (T::one() + z.abs()); // s' = s², s'' = −2 sign(z) s³
///         let slope = share * share;
///         (z * share, slope, -T::of(2.0) * z.signum() * slope * share)
///     }
/// }
///
/// let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
/// let network = Network::new(&[2, 8, 1], Activation::own::<Softsign>());
/// let fitted = network.fit(LogLoss, &x, &[0, 1, 1, 0], 1)?;
/// assert_eq!(fitted.classify(&x)?, [0, 1, 1, 0]);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// With the feature `serde` a saved network holds the name, and loading asks for the activation back: `load` inside of
/// [`known_in`](super::Activation::known_in).
pub trait OwnActivation {
    /// What tells it from others, in files too.
    const NAME: &'static str;

    /// `φ(z)`, `φ'(z)` and `φ''(z)`.
    fn jet<T: Real>(z: T) -> (T, T, T);
}

/// An activation of one's own from one function, whose slope and curvature are found by dual numbers;
/// [`Activation::derived`](super::Activation::derived) makes it one of a network or a loss. Branches on the value of a
/// number are fine (`z.is_positive()`); the derivatives are those of the branch taken.
///
/// ```
/// use gradus::model::DualActivation;
/// use gradus::num_dual::DualNum;
/// use gradus::{Activation, Network};
///
/// struct Mish; // z tanh ln(1 + e^z)
///
/// impl DualActivation for Mish {
///     const NAME: &'static str = "mish";
///
///     fn value<D: DualNum>(z: D) -> D {
///         z.clone() * z.exp().ln_1p().tanh()
///     }
/// }
///
/// let mish = Activation::derived::<Mish>();
/// assert!((mish.jet(0.0_f64).1 - 0.6).abs() < 1e-15); // tanh ln 2
/// let network = Network::new(&[2, 8, 1], mish);
/// assert_eq!(network.layers()[0].activation(), mish);
/// ```
#[cfg(feature = "num-dual")]
pub trait DualActivation {
    /// What tells it from others, in files too.
    const NAME: &'static str;

    /// `φ(z)`.
    fn value<D: num_dual::DualNum>(z: D) -> D;
}

type Jet<T> = fn(T) -> (T, T, T);

/// What an activation of one's own is here: a name, and a function for each scalar.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Own {
    pub(super) name: &'static str,
    single: Jet<f32>,
    double: Jet<f64>,
}

impl Own {
    pub(super) const fn new<A: OwnActivation>() -> Self {
        Self { name: A::NAME, single: A::jet, double: A::jet }
    }

    #[cfg(feature = "num-dual")]
    pub(super) const fn derived<A: DualActivation>() -> Self {
        let single = |z| num_dual::second_derivative(A::value, z);
        let double = |z| num_dual::second_derivative(A::value, z);
        Self { name: A::NAME, single, double }
    }

    pub(super) fn jet<T: Real>(&'static self) -> Jet<T> {
        T::call::<Own>((self,))
    }
}

impl Compiled for Own {
    type Arguments<'a, T: Real> = (&'static Own,);
    type Output<'a, T: Real> = Jet<T>;

    fn single<'a>((own,): Self::Arguments<'a, f32>) -> Self::Output<'a, f32> {
        own.single
    }

    fn double<'a>((own,): Self::Arguments<'a, f64>) -> Self::Output<'a, f64> {
        own.double
    }
}

/// By name.
impl PartialEq for Own {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(feature = "serde")]
mod saved {
    use std::cell::RefCell;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Own;
    use crate::Error;

    thread_local! {
        /// Those that a file may name.
        static KNOWN: RefCell<Vec<&'static Own>> = const { RefCell::new(Vec::new()) };
    }

    /// Forgets it again, whatever has happened.
    struct Forget;

    impl Drop for Forget {
        fn drop(&mut self) {
            KNOWN.with_borrow_mut(|known| known.pop());
        }
    }

    impl Own {
        pub(in crate::model) fn known_in<R>(&'static self, load: impl FnOnce() -> R) -> R {
            KNOWN.with_borrow_mut(|known| known.push(self));
            let _forget = Forget;
            load()
        }
    }

    impl Serialize for Own {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.name.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for &'static Own {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let name = String::deserialize(deserializer)?;
            let known = KNOWN.with_borrow(|known| known.iter().rfind(|own| own.name == name).copied());
            known.ok_or_else(|| D::Error::custom(Error::OwnActivation { name }))
        }
    }
}

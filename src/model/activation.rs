use super::Own;
use crate::contract::positive;
use crate::kernel::{self, Fused, inlined};
use crate::{Error, Real};

/// What a layer does to its scores, entry by entry: `a = φ(z)`.
///
/// Both derivatives are those of `z`, not of the rounded `a`: exact in saturation too, where `1 − tanh² z` and
/// `σ(z) (1 − σ(z))` would have lost all digits. At infinite scores they are their limits. At a kink of `φ` (relu and
/// its kin, elu with `α ≠ 1`) `φ'` is the left derivative and `φ'' = 0`; elu with `α = 1` has none, its `φ''` at 0 is
/// that of the left branch.
///
/// ```
/// use gradus::Activation;
///
/// assert_eq!(Activation::Relu.value(-2.0_f64), 0.0);
/// let (a, d1, d2) = Activation::Tanh.jet(0.0_f64);
/// assert_eq!((a, d1, d2), (0.0, 1.0, 0.0));
///
/// // tanh z rounds to 1 from 19.1 on; its derivative is still 4 e^{−2z}
/// let (a, d1, _) = Activation::Tanh.jet(20.0_f64);
/// assert_eq!(a, 1.0);
/// assert!((d1 - 1.6993417021166355e-17).abs() < 1e-31);
/// ```
#[non_exhaustive]
#[doc(alias("activation function", "logistic function"))]
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub enum Activation {
    /// `z`.
    Identity,
    /// `σ(z) = 1/(1 + e^{−z})`.
    Sigmoid,
    /// `tanh z`.
    Tanh,
    /// `max(z, 0)`. Second derivatives through it are those of the linear pieces.
    Relu,
    /// `z` where positive, `slope · z` elsewhere. [`Activation::LEAKY_RELU`] has slope 0.01.
    LeakyRelu {
        /// The slope of the negative side.
        slope: f64,
    },
    /// `z` where positive, `α (e^z − 1)` elsewhere (Clevert, Unterthiner and Hochreiter 2016).
    /// [`Activation::ELU`] has `α = 1`.
    Elu {
        /// The depth of the negative side.
        alpha: f64,
    },
    /// `ln(1 + e^z)`, evaluated as `max(z, 0) + ln(1 + e^{−|z|})`.
    Softplus,
    /// `z Φ(z) = ½ z erfc(−z/√2)`, the exact one (Hendrycks and Gimpel 2016).
    Gelu,
    /// `z σ(z)`, also called swish.
    #[doc(alias = "swish")]
    Silu,
    /// One of your own, made by [`Activation::own`].
    Own(&'static Own),
}

impl Activation {
    /// Leaky relu with the usual slope of 0.01.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!(Activation::LEAKY_RELU.value(-100.0), -1.0);
    /// ```
    pub const LEAKY_RELU: Self = Self::LeakyRelu { slope: 0.01 };
    /// Elu with the usual `α = 1`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!((Activation::ELU.value(-100.0), Activation::ELU.value(3.0)), (-1.0, 3.0));
    /// ```
    pub const ELU: Self = Self::Elu { alpha: 1.0 };

    /// One of your own ([`OwnActivation`](super::OwnActivation)). Two of the same name are equal.
    ///
    /// ```
    /// use gradus::model::OwnActivation;
    /// use gradus::{Activation, Real};
    ///
    /// struct Cube;
    ///
    /// impl OwnActivation for Cube {
    ///     const NAME: &'static str = "cube";
    ///
    ///     fn jet<T: Real>(z: T) -> (T, T, T) {
    ///         (z * z * z, T::of(3.0) * z * z, T::of(6.0) * z)
    ///     }
    /// }
    ///
    /// assert_eq!(Activation::own::<Cube>().jet(2.0), (8.0, 12.0, 12.0));
    /// ```
    #[doc(alias = "custom activation")]
    pub const fn own<A: super::OwnActivation>() -> Self {
        Self::Own(const { &Own::new::<A>() })
    }

    /// One of your own, from one function ([`DualActivation`](super::DualActivation)).
    ///
    /// ```
    /// use gradus::Activation;
    /// use gradus::model::DualActivation;
    /// use gradus::num_dual::DualNum;
    ///
    /// struct Sine;
    ///
    /// impl DualActivation for Sine {
    ///     const NAME: &'static str = "sine";
    ///
    ///     fn value<D: DualNum>(z: D) -> D {
    ///         z.sin()
    ///     }
    /// }
    ///
    /// assert_eq!(Activation::derived::<Sine>().jet(0.0), (0.0, 1.0, 0.0));
    /// ```
    #[cfg(feature = "num-dual")]
    pub const fn derived<A: super::DualActivation>() -> Self {
        Self::Own(const { &Own::derived::<A>() })
    }

    /// Lets files that `load` reads name this activation of your own. Others need no such thing.
    ///
    /// ```
    /// use gradus::model::OwnActivation;
    /// use gradus::{Activation, Network, Real};
    ///
    /// struct Cube;
    ///
    /// impl OwnActivation for Cube {
    ///     const NAME: &'static str = "cube";
    ///
    ///     fn jet<T: Real>(z: T) -> (T, T, T) {
    ///         (z * z * z, T::of(3.0) * z * z, T::of(6.0) * z)
    ///     }
    /// }
    ///
    /// let cube = Activation::own::<Cube>();
    /// let network = Network::new(&[2, 3, 1], cube);
    /// let file = serde_json::to_string(&network)?;
    /// assert!(serde_json::from_str::<Network>(&file).is_err()); // says how
    /// let loaded: Network = cube.known_in(|| serde_json::from_str(&file))?;
    /// assert_eq!(loaded, network);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn known_in<R>(self, load: impl FnOnce() -> R) -> R {
        match self {
            Self::Own(own) => own.known_in(load),
            _ => load(),
        }
    }

    /// `φ(z)`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert!((Activation::Softplus.value(0.0) - 2.0_f64.ln()).abs() < 1e-15);
    /// ```
    pub fn value<T: Real>(self, z: T) -> T {
        self.jet(z).0
    }

    /// `φ(z)`, `φ'(z)` and `φ''(z)`.
    ///
    /// ```
    /// use gradus::Activation;
    ///
    /// assert_eq!(Activation::Sigmoid.jet(0.0), (0.5, 0.25, 0.0));
    /// ```
    pub fn jet<T: Real>(self, z: T) -> (T, T, T) {
        kernel::vectorize(inlined!(|fused| self.jet_by(fused, z)))
    }

    /// The same with the instructions that are allowed where it is called.
    #[inline(always)]
    pub(crate) fn jet_by<T: Real>(self, fused: Fused, z: T) -> (T, T, T) {
        let (zero, one) = (T::zero(), T::one());
        match self {
            Self::Identity => (z, one, zero),
            Self::Sigmoid => fused.sigmoid_jet(z),
            Self::Tanh => fused.tanh_jet(z),
            Self::Relu if z > zero => (z, one, zero),
            // NaN stays NaN
            Self::Relu => (if z <= zero { zero } else { z }, zero, zero),
            Self::LeakyRelu { .. } if z > zero => (z, one, zero),
            Self::LeakyRelu { slope } => (T::of(slope) * z, T::of(slope), zero),
            Self::Elu { alpha } => fused.elu_jet(T::of(alpha), z),
            Self::Softplus => fused.softplus_jet(z),
            Self::Gelu => fused.gelu_jet(z),
            Self::Silu => fused.silu_jet(z),
            Self::Own(own) => own.jet()(z),
        }
    }

    /// Whether `φ''` needs `z` itself, or can do with `a = φ(z)` and `φ'(z)`.
    pub(crate) fn needs_scores(self) -> bool {
        matches!(self, Self::Softplus | Self::Gelu | Self::Silu | Self::Own(_))
    }

    /// Whether `φ'` is formed along with `φ`, or read off from `a = φ(z)`.
    pub(crate) fn keeps_first(self) -> bool {
        !matches!(self, Self::Identity | Self::Relu | Self::LeakyRelu { .. })
    }

    /// `z ← φ(z)`, and `first ← φ'(z)` where [`keeps_first`](Self::keeps_first).
    #[inline(always)]
    pub(crate) fn forward<T: Real>(self, z: &mut [T], first: &mut [T]) {
        match self {
            Self::Identity => {}
            Self::Sigmoid => map_both(z, first, inlined!(|f, z| f.sigmoid_jet(z))),
            Self::Tanh => map_both(z, first, inlined!(|f, z| f.tanh_jet(z))),
            Self::Relu => map(z, inlined!(|_, z| if z <= T::zero() { T::zero() } else { z })),
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                map(z, inlined!(|_, z| if z > T::zero() { z } else { slope * z }));
            }
            Self::Elu { alpha } => {
                let alpha = T::of(alpha);
                map_both(z, first, inlined!(|f, z| f.elu_jet(alpha, z)));
            }
            Self::Softplus => map_both(z, first, inlined!(|f, z| f.softplus_jet(z))),
            Self::Gelu => map_both(z, first, inlined!(|f, z| f.gelu_jet(z))),
            Self::Silu => map_both(z, first, inlined!(|f, z| f.silu_jet(z))),
            Self::Own(own) => {
                let jet = own.jet();
                map_both(z, first, inlined!(|_, z| jet(z)));
            }
        }
    }

    /// `δ ← δ ⊙ φ'(z)`, with `a = φ(z)`, and `first = φ'(z)` where [`keeps_first`](Self::keeps_first).
    #[inline(always)]
    pub(crate) fn times_first<T: Real>(self, a: &[T], first: &[T], delta: &mut [T]) {
        match self {
            Self::Identity => {}
            Self::Relu => select(a, delta, inlined!(|_| T::zero())),
            Self::LeakyRelu { slope } => {
                let slope = T::of(slope);
                select(a, delta, inlined!(move |delta| slope * delta));
            }
            _ => kernel::vectorize(inlined!(|_| {
                for (delta, first) in delta.iter_mut().zip(first) {
                    *delta *= *first;
                }
            })),
        }
    }

    /// `δ ← δ ⊙ φ''(z)`, with `a = φ(z)` and `first = φ'(z)`; `z` is read only where
    /// [`needs_scores`](Self::needs_scores).
    #[inline(always)]
    pub(crate) fn times_second<T: Real>(self, z: &[T], a: &[T], first: &[T], delta: &mut [T]) {
        let (zero, one, two) = (T::zero(), T::one(), T::of(2.0));
        match self {
            Self::Identity | Self::Relu | Self::LeakyRelu { .. } => delta.fill(zero),
            // σ'' = σ' (1 − 2 σ)
            Self::Sigmoid => scale(a, first, delta, inlined!(|_, a, first| first * (one - two * a))),
            // tanh'' = −2 tanh tanh'
            Self::Tanh => scale(a, first, delta, inlined!(|_, a, first| -two * a * first)),
            Self::Elu { alpha } => {
                let smooth = T::of(alpha) == one;
                scale(
                    a,
                    first,
                    delta,
                    inlined!(|_, a, first| if a < zero || (a == zero && smooth) { first } else { zero }),
                );
            }
            Self::Softplus => scale(z, first, delta, inlined!(|f, z, _| f.softplus_jet(z).2)),
            Self::Gelu => scale(z, first, delta, inlined!(|f, z, _| f.gelu_jet(z).2)),
            Self::Silu => scale(z, first, delta, inlined!(|f, z, _| f.silu_jet(z).2)),
            Self::Own(own) => {
                let jet = own.jet();
                scale(z, first, delta, inlined!(|_, z, _| jet(z).2));
            }
        }
    }

    /// Judges the setting as the scalar that it is used in.
    pub(crate) fn check<T: Real>(self) -> Result<(), Error> {
        match self {
            Self::LeakyRelu { slope } => positive::<T>("slope", slope),
            Self::Elu { alpha } => positive::<T>("alpha", alpha),
            _ => Ok(()),
        }
    }
}

#[inline(always)]
fn map<T: Real>(z: &mut [T], f: impl Fn(Fused, T) -> T) {
    kernel::vectorize(inlined!(|fused| {
        for z in z {
            *z = f(fused, *z);
        }
    }));
}

/// `z` and `first` become the first two of the images.
#[inline(always)]
fn map_both<T: Real>(z: &mut [T], first: &mut [T], f: impl Fn(Fused, T) -> (T, T, T)) {
    kernel::vectorize(inlined!(|fused| {
        for (z, first) in z.iter_mut().zip(first) {
            (*z, *first, _) = f(fused, *z);
        }
    }));
}

/// `δ ← δ ⊙ f(x, φ')`.
#[inline(always)]
fn scale<T: Real>(at: &[T], first: &[T], delta: &mut [T], f: impl Fn(Fused, T, T) -> T) {
    kernel::vectorize(inlined!(|fused| {
        for (delta, (at, first)) in delta.iter_mut().zip(at.iter().zip(first)) {
            *delta *= f(fused, *at, *first);
        }
    }));
}

/// `δ` where `a > 0`, `low(δ)` elsewhere.
#[inline(always)]
fn select<T: Real>(a: &[T], delta: &mut [T], low: impl Fn(T) -> T) {
    kernel::vectorize(inlined!(|_| {
        for (delta, a) in delta.iter_mut().zip(a) {
            let below = low(*delta);
            *delta = if *a > T::zero() { *delta } else { below };
        }
    }));
}

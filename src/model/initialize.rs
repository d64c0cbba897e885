use nalgebra::DVector;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::Real;

/// How the weights of a layer with `fan_in` inputs and `fan_out` outputs are drawn. Biases are zero except
/// where said.
///
/// The stream is ChaCha8 with a seed: the same seed gives the same bits everywhere.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{Activation, Initialize, Network};
///
/// let network = Network::new(&[2, 4, 1], Activation::Tanh);
/// let theta: DVector<f64> = network.initial_with(Initialize::GlorotUniform, 1);
/// assert!(theta.rows(0, 8).amax() <= 1.0); // √(6/(2 + 4))
/// assert_eq!(theta.rows(8, 4).amax(), 0.0);
/// ```
#[doc(alias("Xavier", "Glorot", "Kaiming", "He"))]
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Initialize {
    /// `U(±√(6/(in + out)))` (Glorot and Bengio 2010), for sigmoid and tanh.
    GlorotUniform,
    /// `N(0, 2/(in + out))` (Glorot and Bengio 2010).
    GlorotNormal,
    /// `U(±√(6/in))` (He et al. 2015), for relu and its kin.
    HeUniform,
    /// `N(0, 2/in)` (He et al. 2015).
    HeNormal,
    /// `N(0, 1/in)` (LeCun et al. 1998).
    LeCunNormal,
    /// `U(±1/√in)` for weights *and* biases: what PyTorch's `Linear` does.
    PyTorch,
    /// All zero. A network that starts here stays at an exact stationary point; for affine models it is
    /// the natural start.
    Zeros,
}

/// A seeded stream of uniform and normal numbers.
pub(crate) struct Stream(ChaCha8Rng);

impl Stream {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// One of many streams of a seed.
    pub(crate) fn part(seed: u64, part: u64) -> Self {
        let mut stream = Self::new(seed);
        stream.0.set_stream(part);
        stream
    }

    /// In `[0, 1)`, 53 bits.
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal (Box and Muller 1958).
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        radius * (2.0 * std::f64::consts::PI * self.uniform()).cos()
    }

    /// In `0..bound`, by rejection (no bias).
    fn below(&mut self, bound: u64) -> u64 {
        let zone = u64::MAX - u64::MAX % bound;
        loop {
            let x = self.0.next_u64();
            if x < zone {
                return x % bound;
            }
        }
    }

    /// Fisher and Yates.
    pub(crate) fn shuffle(&mut self, indices: &mut [usize]) {
        for i in (1..indices.len()).rev() {
            indices.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

impl Initialize {
    /// Parameters for layers of the given `(fan_in, fan_out, has_bias)`, in the order of `θ`.
    pub(crate) fn draw<T: Real>(self, layers: impl Iterator<Item = (usize, usize)>, seed: u64) -> DVector<T> {
        let mut stream = Stream::new(seed);
        let mut theta = Vec::new();
        for (fan_in, fan_out) in layers {
            let (i, o) = (fan_in as f64, fan_out as f64);
            let weight = |s: &mut Stream| match self {
                Self::GlorotUniform => (6.0 / (i + o)).sqrt() * (2.0 * s.uniform() - 1.0),
                Self::GlorotNormal => (2.0 / (i + o)).sqrt() * s.normal(),
                Self::HeUniform => (6.0 / i).sqrt() * (2.0 * s.uniform() - 1.0),
                Self::HeNormal => (2.0 / i).sqrt() * s.normal(),
                Self::LeCunNormal => (1.0 / i).sqrt() * s.normal(),
                Self::PyTorch => (1.0 / i).sqrt() * (2.0 * s.uniform() - 1.0),
                Self::Zeros => 0.0,
            };
            theta.extend((0..fan_in * fan_out).map(|_| T::of(weight(&mut stream))));
            let bias = |s: &mut Stream| if self == Self::PyTorch { weight(s) } else { 0.0 };
            theta.extend((0..fan_out).map(|_| T::of(bias(&mut stream))));
        }
        DVector::from_vec(theta)
    }
}

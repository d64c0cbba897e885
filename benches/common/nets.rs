//! The networks of the benches, and numbers to fill them with.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Activation, Network, Real};

/// Output `i` of SplitMix64 (Steele, Lea and Flood 2014) from state `seed`: any element without the ones
/// before it, and easily written in another language.
pub(crate) fn split_mix(seed: u64, i: u64) -> u64 {
    let z = seed.wrapping_add((i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// In `[0, 1)`, 53 bits.
pub(crate) fn unit(seed: u64, i: usize) -> f64 {
    (split_mix(seed, i as u64) >> 11) as f64 / (1u64 << 53) as f64
}

/// In `[−1, 1)`.
pub(crate) fn uniform(seed: u64, i: usize) -> f64 {
    2.0 * unit(seed, i) - 1.0
}

/// Layer sizes, inputs first, and a batch. One output: squared error; several: softmax cross-entropy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    pub(crate) name: &'static str,
    pub(crate) sizes: &'static [usize],
    pub(crate) batch: usize,
}

pub(crate) const NETS: [Net; 7] = [
    Net { name: "tiny", sizes: &[2, 16, 16, 1], batch: 32 },
    Net { name: "small", sizes: &[13, 64, 64, 1], batch: 64 },
    Net { name: "digits", sizes: &[64, 128, 64, 10], batch: 128 },
    Net { name: "mnist", sizes: &[784, 256, 128, 10], batch: 128 },
    Net { name: "large", sizes: &[784, 1024, 1024, 10], batch: 256 },
    Net { name: "classes", sizes: &[256, 1000], batch: 128 },
    Net { name: "deep-classes", sizes: &[64, 128, 1000], batch: 128 },
];

impl Net {
    pub(crate) fn network(&self, hidden: Activation) -> Network {
        Network::new(self.sizes, hidden)
    }

    pub(crate) fn outputs(&self) -> usize {
        *self.sizes.last().expect("a net has layers")
    }

    /// `(inputs, units)` of each layer.
    pub(crate) fn layers(&self) -> impl Iterator<Item = (usize, usize)> {
        self.sizes.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// One vector from numbers per layer: `entry(l, unit, input)` for weights, `entry(l, unit, inputs)` for
    /// biases; per layer `W` (units × inputs) column-major, then `b`.
    pub(crate) fn arrange<T: Real>(&self, entry: impl Fn(usize, usize, usize) -> f64) -> DVector<T> {
        let mut theta = Vec::new();
        for (l, (inputs, units)) in self.layers().enumerate() {
            for i in 0..=inputs {
                theta.extend((0..units).map(|o| T::of(entry(l, o, i))));
            }
        }
        DVector::from_vec(theta)
    }

    /// Initial parameters, `U(±1/√inputs)`.
    pub(crate) fn theta<T: Real>(&self) -> DVector<T> {
        self.arrange(|l, o, i| {
            let inputs = self.sizes[l];
            let scale = 1.0 / (inputs as f64).sqrt();
            let (seed, index) = if i < inputs { (100, o * inputs + i) } else { (200, o) };
            scale * uniform(seed + l as u64, index)
        })
    }

    /// Inputs, `features × batch`.
    pub(crate) fn x<T: Real>(&self, batch: usize) -> DMatrix<T> {
        let n = self.sizes[0];
        DMatrix::from_fn(n, batch, |i, j| T::of(uniform(1, j * n + i)))
    }

    /// Targets, `outputs × batch`: numbers for one output, one-hot columns for several.
    pub(crate) fn y<T: Real>(&self, batch: usize) -> DMatrix<T> {
        let classes = self.classes(batch);
        DMatrix::from_fn(self.outputs(), batch, |i, j| match self.outputs() {
            1 => T::of(uniform(2, j)),
            _ => T::of(f64::from(u8::from(i == classes[j]))),
        })
    }

    /// The classes of the samples.
    pub(crate) fn classes(&self, batch: usize) -> Vec<usize> {
        (0..batch).map(|j| (unit(2, j) * self.outputs() as f64) as usize).collect()
    }

    /// Floating-point operations in the products of one step: forward, `∇W`, and `Wᵀ Δ` but for the first
    /// layer.
    pub(crate) fn step_flop(&self) -> f64 {
        self.flop(self.batch, |l| if l == 0 { 2.0 } else { 3.0 })
    }

    /// Floating-point operations in the products of one forward pass.
    pub(crate) fn forward_flop(&self, batch: usize) -> f64 {
        self.flop(batch, |_| 1.0)
    }

    fn flop(&self, batch: usize, products: impl Fn(usize) -> f64) -> f64 {
        let layers = self.layers().enumerate();
        layers.map(|(l, (inputs, units))| 2.0 * products(l) * (inputs * units * batch) as f64).sum()
    }
}

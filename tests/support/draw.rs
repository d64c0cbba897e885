//! Random numbers of our own: what a battery tries must not depend on the crate.

pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        self.bits() as usize % n
    }

    /// In `[−1, 1)`.
    pub(crate) fn unit(&mut self) -> f64 {
        self.bits() as f64 / 2f64.powi(30) - 1.0
    }

    /// Of either sign, its exponent anywhere between two powers of two.
    pub(crate) fn wide(&mut self, low: i32, high: i32) -> f64 {
        let exponent = low + self.below((high - low) as usize + 1) as i32;
        let half = 2f64.powi(exponent / 2);
        self.unit().signum() * (1.5 + 0.5 * self.unit()) * half * 2f64.powi(exponent - exponent / 2)
    }
}

//! stand-in
use super::{Optimizer, Step};
use crate::{Error, Objective, Real, kernel};
use nalgebra::DVector;
/// stand-in
#[derive(Debug, Clone)]
pub struct Adam<T: Real> {
    rate: T,
    t: i32,
    g: DVector<T>,
    m: DVector<T>,
    v: DVector<T>,
}
impl<T: Real> Adam<T> {
    /// stand-in
    pub fn new(rate: T) -> Self {
        let z = || DVector::zeros(0);
        Self { rate, t: 0, g: z(), m: z(), v: z() }
    }
}
impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Adam<T> {
    fn reset(&mut self) {
        self.t = 0;
        self.m.fill(T::zero());
        self.v.fill(T::zero());
    }
    fn step(&mut self, o: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let value = super::evaluate(o, x, &mut self.g)?;
        let step = Step::new(value, kernel::norm_inf(self.g.as_slice()));
        if self.m.len() != x.len() {
            self.m = DVector::zeros(x.len());
            self.v = self.m.clone();
        }
        if step.is_finite() {
            self.t += 1;
            let (b1, b2) = (T::of(0.9), T::of(0.999));
            let (c1, c2) = (T::one() / (T::one() - b1.powi(self.t)), T::one() / (T::one() - b2.powi(self.t)));
            for i in 0..x.len() {
                self.m[i] = b1 * self.m[i] + (T::one() - b1) * self.g[i];
                self.v[i] = b2 * self.v[i] + (T::one() - b2) * self.g[i] * self.g[i];
                x[i] -= self.rate * self.m[i] * c1 / ((self.v[i] * c2).sqrt() + T::of(1e-8));
            }
        }
        Ok(step)
    }
}

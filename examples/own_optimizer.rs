//! An optimizer of one's own: resilient backpropagation, which follows signs and adapts a step per coordinate
//! (Riedmiller and Braun 1993).
//!
//! `cargo run --release --example own_optimizer`

use gradus::nalgebra::DVector;
use gradus::optimizer::{Optimizer, Step};
use gradus::{Error, Objective, Real, Stop, minimize};
use gradus::{check, problems::Problem};

struct Rprop<T: Real> {
    rates: DVector<T>,
    gradient: DVector<T>,
    last: DVector<T>,
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Rprop<T> {
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        self.rates = DVector::zeros(0);
        Ok(())
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        if self.rates.len() != x.len() {
            self.rates = DVector::repeat(x.len(), T::of(0.1));
            (self.gradient, self.last) = (DVector::zeros(x.len()), DVector::zeros(x.len()));
        }
        let value = objective.value_gradient(x, &mut self.gradient);
        for i in 0..x.len() {
            let (g, agreement) = (self.gradient[i], self.gradient[i] * self.last[i]);
            let factor = if agreement > T::zero() { 1.2 } else { 0.5 };
            if agreement != T::zero() {
                self.rates[i] *= T::of(factor);
            }
            if g != T::zero() && g.is_finite() {
                x[i] -= self.rates[i] * g.signum();
            }
        }
        self.last.copy_from(&self.gradient);
        Ok(Step::new(value, self.gradient.amax()))
    }
}

fn main() -> Result<(), Error> {
    let mut rprop = Rprop { rates: DVector::zeros(0), gradient: DVector::zeros(0), last: DVector::zeros(0) };
    for problem in [Problem::Quadratic, Problem::Booth, Problem::Beale] {
        let start = problem.start::<f64>();
        assert!(check::gradient(&mut { problem }, &start)?.passed());
        let report = minimize(&mut rprop, &mut { problem }, start, &Stop::default())?.into_converged()?;
        println!("{problem}: f = {:.1e} after {} steps, by signs alone.", report.value, report.iterations);
        assert!((report.value - problem.stationary_points()[0].value).abs() < 1e-12);
    }
    Ok(())
}

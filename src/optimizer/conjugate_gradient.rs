use nalgebra::DVector;

use super::search::{Directed, Direction};
use super::{Optimizer, Step};
use crate::kernel::{self, compiled};
use crate::{Error, Objective, Real};

/// Nonlinear conjugate gradients: the gradient, bent by the direction before.
///
/// ```text
/// d ← −g + max(β, η) d,    g = ∇f(x),  y = g − g₋      x ← x + t d
/// β = (y − 2 d ‖y‖²/(dᵀy))ᵀ g / (dᵀy),    η = −100 ‖g‖ / ‖d‖
/// ```
///
/// `t` satisfies the strong Wolfe conditions. The least memory of all methods that learn from their steps: four
/// vectors. On a quadratic with exact line searches it ends after `n` steps. Where memory for
/// [`Lbfgs`](super::Lbfgs) is at hand, that needs fewer evaluations. Safeguards are as there, and so is the
/// objective that must stay the same.
///
/// Source: Hager and Zhang, SIAM J. Optim. 16 (2005), (1.3), (1.6), (1.7); the bound `η` in the unit of `g`.
///
/// ```
/// use gradus::problems::Rosenbrock;
/// use gradus::{ConjugateGradient, Stop, minimize};
///
/// let mut valley = Rosenbrock::new(10);
/// let start = valley.start::<f64>();
/// let mut method = ConjugateGradient::new();
/// let report = minimize(&mut method, &mut valley, start, &Stop::default())?;
/// assert!((report.into_converged()?.x[9] - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct ConjugateGradient<T: Real>(Directed<T, Conjugate<T>>);

default_is_new!(ConjugateGradient);

impl<T: Real> ConjugateGradient<T> {
    /// With the default line search.
    ///
    /// ```
    /// use gradus::{ConjugateGradient, Stop, minimize, problems::Problem, vector};
    ///
    /// let mut method = ConjugateGradient::new();
    /// let (mut f, start) = (Problem::Booth, vector![0.0, 0.0]);
    /// let report = minimize(&mut method, &mut f, start, &Stop::default())?;
    /// assert!(report.into_converged()?.x.relative_eq(&vector![1.0, 3.0], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self(Directed::new(Conjugate::default(), 0.1))
    }

    /// The `0 < σ < 1` of the Wolfe condition `|φ'(t)| ≤ σ |φ'(0)|`: the smaller, the more exact the line
    /// search. Default: `0.1`.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{ConjugateGradient, Objective, Optimizer, problems::Problem, vector};
    ///
    /// let (mut x, mut g) = (vector![1.0, 1.0], DVector::zeros(2));
    /// // along d = −(3, 5)
    /// ConjugateGradient::new().wolfe(0.01).step(&mut Problem::Quadratic, &mut x)?;
    /// Problem::Quadratic.value_gradient(&x, &mut g);
    /// assert!(g.dot(&vector![3.0_f64, 5.0]).abs() <= 0.01 * 34.0); // |φ'(t)| ≤ σ |φ'(0)|
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn wolfe(mut self, sigma: T) -> Self {
        self.0.sigma = sigma;
        self
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for ConjugateGradient<T> {
    fn start(&mut self, _objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.0.start(tolerance)
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut lent = objective;
        step(self, &mut lent, x)
    }
}

compiled! {
    fn step<T>(
        method: &'a mut ConjugateGradient<T>, objective: &'a mut (dyn Objective<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        method.0.step(objective, x)
    }
}

/// The change of the gradient in the last step.
#[derive(Debug, Clone, Default)]
struct Conjugate<T> {
    y: Vec<T>,
    learnt: bool,
}

impl<T: Real> Direction<T> for Conjugate<T> {
    const SCALED: bool = false;

    fn prepare(&mut self, n: usize) -> Result<(), Error> {
        if self.y.len() != n {
            self.y = vec![T::zero(); n];
            self.learnt = false;
        }
        Ok(())
    }

    fn direction(&mut self, g: &[T], d: &mut [T]) -> bool {
        if !self.learnt {
            return false;
        }
        let dy = kernel::dot(d, &self.y);
        let yy = kernel::dot(&self.y, &self.y);
        let dg = kernel::dot(d, g);
        let beta = (kernel::dot(&self.y, g) - T::of(2.0) * (yy / dy) * dg) / dy;
        let eta = T::of(-100.0) * kernel::norm(g) / kernel::norm(d);
        kernel::scale(beta.max(eta), d);
        kernel::axpy(-T::one(), g, d);
        beta.is_finite()
    }

    fn learn(&mut self, _s: &[T], y: &[T]) {
        self.y.copy_from_slice(y);
        self.learnt = true;
    }

    fn forget(&mut self) {
        self.learnt = false;
    }
}

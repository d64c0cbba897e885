use nalgebra::DVector;

use super::lbfgs::scales;
use super::search::{Directed, Direction};
use super::{Optimizer, Step};
use crate::contract::matrix;
use crate::kernel::{self, Factor, compiled};
use crate::{Error, Objective, Real};

/// BFGS: the inverse Hessian from all the steps, as a dense matrix.
///
/// ```text
/// d = −H ∇f(x),   x ← x + t d          s = x₊ − x,  y = ∇f(x₊) − ∇f(x),  ρ = 1/(sᵀy)
/// H ← (1 − ρ s yᵀ) H (1 − ρ y sᵀ) + ρ s sᵀ       from H = (sᵀy / yᵀy) 1
/// ```
///
/// `t` satisfies the strong Wolfe conditions. Needs fewer steps than [`Lbfgs`](super::Lbfgs) for `n²` numbers
/// of memory and work per step: up to some hundreds of variables. All else is as there: safeguards, and the
/// objective that must stay the same.
///
/// Sources: Broyden, Fletcher, Goldfarb, Shanno (1970); Nocedal and Wright, *Numerical Optimization*, (6.17)
/// and (6.20); line search of Hager and Zhang (2005).
///
/// ```
/// use gradus::problems::Problem;
/// use gradus::{Bfgs, Stop, minimize};
///
/// let mut beale = Problem::Beale;
/// let start = beale.start::<f64>();
/// let report = minimize(&mut Bfgs::new(), &mut beale, start, &Stop::default())?;
/// assert!(report.into_converged()?.value < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bfgs<T: Real>(Directed<T, Inverse<T>>);

default_is_new!(Bfgs);

impl<T: Real> Bfgs<T> {
    /// With the default line search.
    ///
    /// ```
    /// use gradus::{Bfgs, Stop, minimize, problems::Problem, vector};
    ///
    /// let (mut f, start) = (Problem::Booth, vector![0.0, 0.0]);
    /// let report = minimize(&mut Bfgs::new(), &mut f, start, &Stop::default())?;
    /// assert!(report.into_converged()?.x.relative_eq(&vector![1.0, 3.0], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self(Directed::new(Inverse::default(), 0.9))
    }

    /// The `0 < σ < 1` of the Wolfe condition `|φ'(t)| ≤ σ |φ'(0)|`: the smaller, the more exact the line
    /// search. Default: `0.9`.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Bfgs, Objective, Optimizer, problems::Problem, vector};
    ///
    /// let (mut x, mut g) = (vector![1.0, 1.0], DVector::zeros(2));
    /// Bfgs::new().wolfe(0.01).step(&mut Problem::Quadratic, &mut x)?; // along d = −(3, 5)
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

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Bfgs<T> {
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
        method: &'a mut Bfgs<T>, objective: &'a mut (dyn Objective<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        method.0.step(objective, x)
    }
}

/// The inverse Hessian, `n × n` and symmetric.
#[derive(Debug, Clone, Default)]
struct Inverse<T> {
    h: Vec<T>,
    hy: Vec<T>,
    learnt: bool,
}

impl<T: Real> Inverse<T> {
    /// `out ← α H v`.
    fn times(h: &[T], alpha: T, v: &[T], out: &mut [T]) {
        let n = v.len();
        kernel::product(alpha, Factor::new(h, n, n), Factor::new(v, n, 1), T::zero(), out);
    }
}

impl<T: Real> Direction<T> for Inverse<T> {
    const SCALED: bool = true;

    fn prepare(&mut self, n: usize) -> Result<(), Error> {
        if self.hy.len() != n {
            self.h = matrix("x", (n, n), T::zero())?.data.into();
            self.hy = vec![T::zero(); n];
            self.learnt = false;
        }
        Ok(())
    }

    fn direction(&mut self, gradient: &[T], d: &mut [T]) -> bool {
        if self.learnt {
            Self::times(&self.h, -T::one(), gradient, d);
        }
        self.learnt
    }

    fn learn(&mut self, s: &[T], y: &[T]) {
        let n = s.len();
        let Some((rho, gamma)) = scales(s, y) else { return };
        if !self.learnt {
            self.h.fill(T::zero());
            self.h.iter_mut().step_by(n + 1).for_each(|h| *h = gamma);
            self.learnt = true;
        }
        // H + (1 + ρ yᵀHy) ρ s sᵀ − ρ (s (Hy)ᵀ + (Hy) sᵀ), column by column
        Self::times(&self.h, T::one(), y, &mut self.hy);
        let both = (T::one() + rho * kernel::dot(y, &self.hy)) * rho;
        for ((column, &s_j), &u_j) in self.h.chunks_exact_mut(n).zip(s).zip(&self.hy) {
            kernel::axpy(both * s_j - rho * u_j, s, column);
            kernel::axpy(-rho * s_j, &self.hy, column);
        }
    }

    fn forget(&mut self) {
        self.learnt = false;
    }
}

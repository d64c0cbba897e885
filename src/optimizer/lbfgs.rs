use nalgebra::DVector;

use super::search::{Bounds, Directed, Direction, Face, Full, Within};
use super::{Optimizer, Outcome, Step};
use crate::contract::{room, setting};
use crate::kernel::{self, compiled};
use crate::{Error, Objective, Real};

mod faces;

/// Limited-memory BFGS: second derivatives guessed from the last few steps, a few vectors of memory.
///
/// ```text
/// d = −H ∇f(x),   x ← x + t d          s = x₊ − x,  y = ∇f(x₊) − ∇f(x),  ρ = 1/(sᵀy)
/// H ← (1 − ρ s yᵀ) H (1 − ρ y sᵀ) + ρ s sᵀ       over the last `memory` pairs,
///                                                from H = (sᵀy / yᵀy) 1
/// ```
///
/// `t` satisfies the strong Wolfe conditions. The method of choice for smooth functions of many variables
/// where only gradients are known; it wants exact gradients of one and the same function (a whole batch, not
/// mini-batches). Where a direction does not descend it starts again from the gradient, at the best point it
/// has; a value that is not finite shortens the step; where nothing lowers the function any further it says
/// so. `x` never leaves the finite points, nor goes up by more than rounding.
///
/// It learns from its steps, so the objective must stay the same from one to the next; where it changes,
/// [`start`](super::Optimizer::start) forgets, as [`minimize`](crate::minimize) does.
///
/// Sources: Nocedal (1980); Liu and Nocedal (1989); line search of Hager and Zhang (2005).
///
/// ```
/// use gradus::problems::Rosenbrock;
/// use gradus::{Lbfgs, Stop, minimize};
///
/// let mut valley = Rosenbrock::new(100);
/// let start = valley.start::<f64>();
/// let report = minimize(&mut Lbfgs::new(), &mut valley, start, &Stop::default())?;
/// assert!((report.into_converged()?.x[99] - 1.0).abs() < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct Lbfgs<T: Real> {
    method: Directed<T, TwoLoops<T>>,
    bounds: Within<T>,
    /// The variables that the method's points consist of, within bounds.
    free: Vec<usize>,
}

default_is_new!(Lbfgs);

impl<T: Real> Lbfgs<T> {
    /// With a memory of ten steps.
    ///
    /// ```
    /// use gradus::{Lbfgs, Stop, minimize, problems::Problem, vector};
    ///
    /// let (mut f, start) = (Problem::Booth, vector![0.0, 0.0]);
    /// let report = minimize(&mut Lbfgs::new(), &mut f, start, &Stop::default())?;
    /// assert!(report.into_converged()?.x.relative_eq(&vector![1.0, 3.0], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        let rule = TwoLoops { memory: 10, ..TwoLoops::default() };
        Self { method: Directed::new(rule, 0.9), bounds: Within::default(), free: Vec::new() }
    }

    /// How many steps to learn from, at least 1 and no more than memory holds: room for all of them is taken at the
    /// first step ([`Error::TooLarge`] where there is none). Default: `10`.
    ///
    /// ```
    /// use gradus::problems::Rosenbrock;
    /// use gradus::{Error, Lbfgs, Stop, minimize};
    ///
    /// let (mut f, stop) = (Rosenbrock::new(10), Stop::default());
    /// let start = f.start::<f64>();
    /// assert!(minimize(&mut Lbfgs::new().memory(3), &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut Lbfgs::new().memory(0), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "memory", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn memory(mut self, steps: usize) -> Self {
        self.method.rule = TwoLoops { memory: steps, ..self.method.rule };
        self
    }

    /// The `0 < σ < 1` of the Wolfe condition `|φ'(t)| ≤ σ |φ'(0)|`: the smaller, the more exact the line
    /// search. Default: `0.9`.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Lbfgs, Objective, Optimizer, problems::Problem, vector};
    ///
    /// let (mut x, mut g) = (vector![1.0, 1.0], DVector::zeros(2));
    /// Lbfgs::new().wolfe(0.01).step(&mut Problem::Quadratic, &mut x)?; // along d = −(3, 5)
    /// Problem::Quadratic.value_gradient(&x, &mut g);
    /// assert!(g.dot(&vector![3.0_f64, 5.0]).abs() <= 0.01 * 34.0); // |φ'(t)| ≤ σ |φ'(0)|
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn wolfe(mut self, sigma: T) -> Self {
        self.method.sigma = sigma;
        self
    }

    /// Minimises within [`Bounds`](super::Bounds). Default: no bounds.
    ///
    /// ```
    /// use gradus::{Bounds, Lbfgs, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3 is least at y = ½
    /// let mut method = Lbfgs::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![4.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.converged() && report.x.relative_eq(&vector![3.0, 0.5], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn bounds(self, bounds: Bounds<T>) -> Self {
        Self { bounds: Within::new(bounds), ..self }
    }
}

impl<T: Real> Lbfgs<T> {
    /// Goes down from `x` by so many evaluations at the most; the value there, and how many it took.
    pub(crate) fn descend(
        &mut self, objective: &mut dyn Objective<T>, x: &mut DVector<T>, evaluations: usize,
    ) -> Result<(T, usize), Error> {
        self.method.start(Some(T::zero()))?;
        let mut left = evaluations;
        while left > 0 {
            self.method.search.most = Some(left);
            let step = self.method.step(objective, x)?;
            left = left.saturating_sub(step.evaluations);
            if matches!(step.outcome, Outcome::Ended(_)) {
                break;
            }
        }
        Ok((objective.value(x), evaluations - left + 1))
    }
}

compiled! {
    fn step<T>(
        method: &'a mut Lbfgs<T>, objective: &'a mut (dyn Objective<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let Lbfgs { method, bounds, free } = method;
        let Some(mut bounded) = bounds.0.take() else { return method.step(objective, x) };
        let step = bounded.step(objective, x, Full::first, |face, y, is_new| {
            if is_new {
                method.rule.follow(free, face.face.free());
                *free = face.face.free().to_vec();
            }
            if !method.here.knows(y) {
                method.here.evaluate(face, y)?; // projected, or with other variables
            }
            method.step(face, y)
        });
        bounds.0 = Some(bounded);
        step
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Lbfgs<T> {
    fn start(&mut self, objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.method.start(tolerance)?;
        self.bounds.start(objective.dim(), tolerance)
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut lent = objective;
        step(self, &mut lent, x)
    }

    fn face(&self) -> Option<&Face<T>> {
        self.bounds.face()
    }
}

/// The last pairs in two rings of `memory` columns, and the two loops over them (Nocedal 1980).
#[derive(Debug, Clone, Default)]
struct TwoLoops<T> {
    memory: usize,
    /// Pairs learnt so far; the next goes to column `learnt % memory`.
    learnt: usize,
    s: Vec<T>,
    y: Vec<T>,
    rho: Vec<T>,
    alpha: Vec<T>,
    gamma: T,
}

impl<T: Real> TwoLoops<T> {
    /// The rings' columns, oldest first.
    fn columns(&self) -> impl DoubleEndedIterator<Item = usize> + use<T> {
        let memory = self.memory;
        (self.learnt.saturating_sub(memory)..self.learnt).map(move |pair| pair % memory)
    }
}

impl<T: Real> Direction<T> for TwoLoops<T> {
    const SCALED: bool = true;

    fn prepare(&mut self, n: usize) -> Result<(), Error> {
        setting("memory", "at least 1", T::of(self.memory as f64), self.memory >= 1)?;
        let entries = n.saturating_mul(self.memory);
        if self.s.len() != entries || self.rho.len() != self.memory {
            room::<T>("memory", &[n.saturating_add(1), self.memory, 2])?;
            self.s = vec![T::zero(); entries];
            self.y = vec![T::zero(); entries];
            self.rho = vec![T::zero(); self.memory];
            self.alpha = vec![T::zero(); self.memory];
            self.learnt = 0;
        }
        Ok(())
    }

    fn direction(&mut self, gradient: &[T], d: &mut [T]) -> bool {
        let n = d.len();
        if self.learnt == 0 {
            return false;
        }
        kernel::scaled(-T::one(), gradient, d);
        for k in self.columns().rev() {
            self.alpha[k] = self.rho[k] * kernel::dot(&self.s[k * n..][..n], d);
            kernel::axpy(-self.alpha[k], &self.y[k * n..][..n], d);
        }
        kernel::scale(self.gamma, d);
        for k in self.columns() {
            let beta = self.rho[k] * kernel::dot(&self.y[k * n..][..n], d);
            kernel::axpy(self.alpha[k] - beta, &self.s[k * n..][..n], d);
        }
        true
    }

    fn learn(&mut self, s: &[T], y: &[T]) {
        let n = s.len();
        let Some((rho, gamma)) = scales(s, y) else { return };
        let k = self.learnt % self.memory;
        self.s[k * n..][..n].copy_from_slice(s);
        self.y[k * n..][..n].copy_from_slice(y);
        self.rho[k] = rho;
        self.gamma = gamma;
        self.learnt += 1;
    }

    fn forget(&mut self) {
        self.learnt = 0;
    }
}

/// `ρ = 1/(sᵀy)` and `γ = sᵀy / yᵀy`, if `sᵀy` is positive, clear of rounding.
pub(super) fn scales<T: Real>(s: &[T], y: &[T]) -> Option<(T, T)> {
    let sy = kernel::dot(s, y);
    let yy = kernel::dot(y, y);
    let rho = T::one() / sy;
    let gamma = sy / yy;
    let clear = sy > T::EPSILON * kernel::norm(s) * yy.sqrt();
    (clear && rho.is_finite() && gamma.is_finite() && gamma > T::zero()).then_some((rho, gamma))
}

use nalgebra::DVector;

use super::schedule::{check_average, check_rate, finite, sized};
use super::{Optimizer, Outcome, Schedule, Step};
use crate::kernel::{self, compiled, sweep};
use crate::{Error, Objective, Real, Termination};

/// Gradient descent, plain or with momentum.
///
/// ```text
/// plain                    x ← x − α g
/// momentum   v ← μ v + g,  x ← x − α v           (Polyak 1964)
/// Nesterov   v ← μ v + g,  x ← x − α (g + μ v)   (Nesterov 1983)
/// ```
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{GradientDescent, Stop, minimize, problems::Rosenbrock};
///
/// let mut descent = GradientDescent::new(1e-3).momentum(0.9);
/// let stop = Stop::default().iterations(20_000);
/// let report = minimize(&mut descent, &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct GradientDescent<T: Real> {
    rate: T,
    momentum: T,
    nesterov: bool,
    schedule: Schedule,
    steps: usize,
    gradient: DVector<T>,
    velocity: Vec<T>,
}

impl<T: Real> GradientDescent<T> {
    /// With learning rate `α`, constant, and no momentum.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0]; // g = (3, 5)
    /// GradientDescent::new(0.25).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x, dvector![0.25, -0.25]); // 1 − 0.25 · 3, 1 − 0.25 · 5
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self {
            rate,
            momentum: T::zero(),
            nesterov: false,
            schedule: Schedule::Constant,
            steps: 0,
            gradient: DVector::zeros(0),
            velocity: Vec::new(),
        }
    }

    /// Momentum `μ` in `[0, 1)`. Default: 0.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Optimizer, problems::Problem};
    ///
    /// let (mut descent, mut x) = (GradientDescent::new(0.25).momentum(0.5), dvector![1.0, 1.0]);
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // v = (3, 5)
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // v = (1.5, 2.5) + (1.25, −1.75)
    /// assert_eq!(x, dvector![-0.4375, -0.4375]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn momentum(self, momentum: T) -> Self {
        Self { momentum, nesterov: false, ..self }
    }

    /// Nesterov's momentum `μ` in `[0, 1)`. Default: 0.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0]; // g = v = (3, 5)
    /// GradientDescent::new(0.25).nesterov(0.5).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x, dvector![-0.125, -0.875]); // 1 − 0.25 (3 + 1.5), 1 − 0.25 (5 + 2.5)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn nesterov(self, momentum: T) -> Self {
        Self { momentum, nesterov: true, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::Constant`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{GradientDescent, Optimizer, Schedule, problems::Problem};
    ///
    /// let mut descent = GradientDescent::new(0.25).schedule(Schedule::WarmUp { steps: 2 });
    /// let mut x = dvector![1.0, 1.0]; // g = (3, 5)
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // at half the rate
    /// assert_eq!(x, dvector![0.625, 0.375]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for GradientDescent<T> {
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        self.steps = 0;
        self.velocity.clear();
        check_rate(self.rate)?;
        check_average("momentum", self.momentum)?;
        self.schedule.check()
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let value = crate::objective::evaluate(objective, x, &mut self.gradient)?;
        let g = self.gradient.as_slice();
        let mut step = Step::new(value, kernel::norm_inf(g));
        if !step.is_finite() {
            step.outcome = Outcome::Ended(Termination::NoDescent);
            return Ok(step);
        }
        let alpha = self.rate * T::of(self.schedule.factor(self.steps));
        self.steps += 1;
        if self.momentum == T::zero() {
            descend(g, x.as_mut_slice(), alpha);
            return Ok(step);
        }
        sized(&mut self.velocity, g.len());
        let follow = if self.nesterov { look_ahead } else { roll };
        follow(g, &mut self.velocity, x.as_mut_slice(), alpha, self.momentum);
        Ok(step)
    }
}

compiled! {
    /// `x ← x − α g`
    fn descend<T>(g: &'a [T], x: &'a mut [T], alpha: T) {
        sweep(g, [x], #[inline(always)] |_, g, [x]| [finite(x - alpha * g)]);
    }

    /// `v ← μ v + g`, `x ← x − α v`
    fn roll<T>(g: &'a [T], v: &'a mut [T], x: &'a mut [T], alpha: T, mu: T) {
        sweep(g, [v, x], #[inline(always)] |_, g, [v, x]| {
            let v = finite(mu * v + g);
            [v, finite(x - alpha * v)]
        });
    }

    /// `v ← μ v + g`, `x ← x − α (g + μ v)`
    fn look_ahead<T>(g: &'a [T], v: &'a mut [T], x: &'a mut [T], alpha: T, mu: T) {
        sweep(g, [v, x], #[inline(always)] |_, g, [v, x]| {
            let v = finite(mu * v + g);
            [v, finite(x - alpha * (g + mu * v))]
        });
    }
}

use super::Schedule;
use super::first_order::{FirstOrder, UpdateRule, check_average, finite};
use crate::kernel::{compiled, inlined, sweep};
use crate::{Error, Real};

/// Gradient descent, plain or with momentum.
///
/// ```text
/// plain                    x ← x − α g
/// momentum   v ← μ v + g,  x ← x − α v           (Polyak 1964)
/// Nesterov   v ← μ v + g,  x ← x − α (g + μ v)   (Nesterov 1983)
/// ```
///
/// ```
/// use gradus::{GradientDescent, Stop, minimize, problems::Rosenbrock, vector};
///
/// let mut descent = GradientDescent::new(1e-3).momentum(0.9);
/// let stop = Stop::default().iterations(20_000);
/// let report = minimize(&mut descent, &mut Rosenbrock::new(2), vector![-1.2, 1.0], &stop)?;
/// assert!(report.converged());
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
#[doc(alias("SGD", "gradient descent", "steepest descent", "learning rate", "momentum", "Nesterov"))]
pub struct GradientDescent<T: Real> {
    state: FirstOrder<T>,
    momentum: T,
    nesterov: bool,
}

impl<T: Real> GradientDescent<T> {
    /// With learning rate `α`, constant, and no momentum.
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// GradientDescent::new(0.25).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x, vector![0.25, -0.25]); // 1 − 0.25 · 3, 1 − 0.25 · 5
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self { state: FirstOrder::new(rate), momentum: T::zero(), nesterov: false }
    }

    /// Momentum `μ` in `[0, 1)`. Default: 0.
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, problems::Problem, vector};
    ///
    /// let (mut descent, mut x) = (GradientDescent::new(0.25).momentum(0.5), vector![1.0, 1.0]);
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // v = (3, 5)
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // v = (1.5, 2.5) + (1.25, −1.75)
    /// assert_eq!(x, vector![-0.4375, -0.4375]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn momentum(self, momentum: T) -> Self {
        Self { momentum, nesterov: false, ..self }
    }

    /// Nesterov's momentum `μ` in `[0, 1)`. Default: 0.
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = v = (3, 5)
    /// GradientDescent::new(0.25).nesterov(0.5).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x, vector![-0.125, -0.875]); // 1 − 0.25 (3 + 1.5), 1 − 0.25 (5 + 2.5)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn nesterov(self, momentum: T) -> Self {
        Self { momentum, nesterov: true, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::constant`].
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, Schedule, problems::Problem, vector};
    ///
    /// let mut descent = GradientDescent::new(0.25).schedule(Schedule::warm_up(2));
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // at half the rate
    /// assert_eq!(x, vector![0.625, 0.375]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.state.schedule = schedule;
        self
    }

    /// Gradients with a larger Euclidean norm `‖g‖` are shortened to it (Pascanu, Mikolov and Bengio 2013). Default: none
    /// are.
    ///
    /// ```
    /// use gradus::{GradientDescent, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// let mut descent = GradientDescent::new(0.25).clip(34f64.sqrt() / 2.0);
    /// descent.step(&mut Problem::Quadratic, &mut x)?;
    /// assert!(x.relative_eq(&vector![0.625, 0.375], 1e-15, 1e-15)); // along half of it
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn clip(mut self, norm: T) -> Self {
        self.state.clip = Some(norm);
        self
    }
}

impl<T: Real> UpdateRule for GradientDescent<T> {
    type Scalar = T;
    const NAME: &'static str = "GradientDescent";
    const ROOT: Option<usize> = None;

    fn state(&mut self) -> &mut FirstOrder<T> {
        &mut self.state
    }

    fn check(&self) -> Result<(), Error> {
        check_average("momentum", self.momentum)
    }

    fn memories(&self) -> usize {
        usize::from(self.momentum != T::zero())
    }

    fn update(&mut self, alpha: T, _t: usize, x: &mut [T]) {
        let FirstOrder { gradient, averages: [v, _], .. } = &mut self.state;
        let g = gradient.as_slice();
        match (self.momentum == T::zero(), self.nesterov) {
            (true, _) => descend(g, x, alpha),
            (_, false) => roll(g, v, x, alpha, self.momentum),
            (_, true) => look_ahead(g, v, x, alpha, self.momentum),
        }
    }
}

compiled! {
    /// `x ← x − α g`
    fn descend<T>(g: &'a [T], x: &'a mut [T], alpha: T) {
        sweep(g, [x], inlined!(|_, g, [x]| [finite(x - alpha * g)]));
    }

    /// `v ← μ v + g`, `x ← x − α v`
    fn roll<T>(g: &'a [T], v: &'a mut [T], x: &'a mut [T], alpha: T, mu: T) {
        sweep(g, [v, x], inlined!(|_, g, [v, x]| {
            let v = finite(mu * v + g);
            [v, finite(x - alpha * v)]
        }));
    }

    /// `v ← μ v + g`, `x ← x − α (g + μ v)`
    fn look_ahead<T>(g: &'a [T], v: &'a mut [T], x: &'a mut [T], alpha: T, mu: T) {
        sweep(g, [v, x], inlined!(|_, g, [v, x]| {
            let v = finite(mu * v + g);
            [v, finite(x - alpha * (g + mu * v))]
        }));
    }
}

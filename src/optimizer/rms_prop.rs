use super::Schedule;
use super::first_order::{
    FirstOrder, UpdateRule, check_average, check_epsilon, quarter_epsilon, scale_by_root,
};
use crate::{Error, Real};

/// RMSProp (Tieleman and Hinton 2012): AdaGrad with a memory that fades.
///
/// ```text
/// s ← ρ s + (1 − ρ) g²,  x ← x − α g / (√s + ε)
/// ```
///
/// ```
/// use gradus::{RmsProp, Stop, minimize, problems::Rosenbrock, vector};
///
/// let stop = Stop::default().iterations(1000);
/// let start = vector![-1.2, 1.0];
/// let report = minimize(&mut RmsProp::new(1e-2), &mut Rosenbrock::new(2), start, &stop)?;
/// assert!(report.value < 1.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct RmsProp<T: Real> {
    state: FirstOrder<T>,
    rho: T,
    epsilon: T,
}

impl<T: Real> RmsProp<T> {
    /// With learning rate `α`, `ρ = 0.9` and `ε = 1e−8`.
    ///
    /// ```
    /// use gradus::{Optimizer, RmsProp, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0];
    /// RmsProp::new(0.1).step(&mut Problem::Quadratic, &mut x)?; // s = 0.1 g²
    /// assert!((x[0] - (1.0 - 0.1 * 10.0_f64.sqrt())).abs() < 1e-8);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self { state: FirstOrder::new(rate), rho: T::of(0.9), epsilon: T::of(1e-8) }
    }

    /// `ρ` in `[0, 1)`. Default: `0.9`.
    ///
    /// ```
    /// use gradus::{Optimizer, RmsProp, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0];
    /// // s = g²: no memory at all
    /// RmsProp::new(0.1).rho(0.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert!(x.relative_eq(&vector![0.9, 0.9], 1e-8, 1e-8));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn rho(self, rho: T) -> Self {
        Self { rho, ..self }
    }

    /// `ε > 0`. Default: `1e−8`.
    ///
    /// ```
    /// use gradus::{Optimizer, RmsProp, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// RmsProp::new(0.5).rho(0.0).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x[0], 0.625); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epsilon(self, epsilon: T) -> Self {
        Self { epsilon, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::constant`].
    ///
    /// ```
    /// use gradus::{Optimizer, RmsProp, Schedule, problems::Problem, vector};
    ///
    /// let (schedule, mut x) = (Schedule::warm_up(5), vector![1.0, 1.0]);
    /// RmsProp::new(0.5).rho(0.0).schedule(schedule).step(&mut Problem::Quadratic, &mut x)?;
    /// // the first step at a fifth of the rate
    /// assert!(x.relative_eq(&vector![0.9, 0.9], 1e-8, 1e-8));
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
    /// use gradus::{Optimizer, RmsProp, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5), half of it is followed
    /// let mut method = RmsProp::new(0.5).rho(0.0).epsilon(1.0).clip(34f64.sqrt() / 2.0);
    /// method.step(&mut Problem::Quadratic, &mut x)?;
    /// assert!((x[0] - 0.7_f64).abs() < 1e-12); // 1 − 0.5 · 1.5 / (1.5 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn clip(mut self, norm: T) -> Self {
        self.state.clip = Some(norm);
        self
    }
}

impl<T: Real> UpdateRule for RmsProp<T> {
    type Scalar = T;
    const NAME: &'static str = "RmsProp";
    const ROOT: Option<usize> = Some(0);

    fn state(&mut self) -> &mut FirstOrder<T> {
        &mut self.state
    }

    fn check(&self) -> Result<(), Error> {
        check_average("rho", self.rho)?;
        check_epsilon(self.epsilon)
    }

    fn update(&mut self, alpha: T, _t: usize, x: &mut [T]) {
        let FirstOrder { gradient, averages: [root, _], .. } = &mut self.state;
        let (rho, epsilon) = (self.rho, quarter_epsilon(self.epsilon));
        scale_by_root(gradient.as_slice(), root, x, alpha, rho, T::one() - rho, epsilon);
    }
}

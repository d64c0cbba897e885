use super::Schedule;
use super::first_order::{FirstOrder, UpdateRule, check_epsilon, quarter_epsilon, scale_by_root};
use crate::{Error, Real};

/// AdaGrad (Duchi, Hazan and Singer 2011): steps shrink where gradients have been large.
///
/// ```text
/// s ← s + g²,  x ← x − α g / (√s + ε)
/// ```
///
/// ```
/// use gradus::{AdaGrad, Stop, minimize, problems::Rosenbrock, vector};
///
/// let stop = Stop::default().iterations(100);
/// let start = vector![-1.2, 1.0];
/// let report = minimize(&mut AdaGrad::new(0.5), &mut Rosenbrock::new(2), start, &stop)?;
/// assert!(report.value < 4.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct AdaGrad<T: Real> {
    state: FirstOrder<T>,
    epsilon: T,
}

impl<T: Real> AdaGrad<T> {
    /// With learning rate `α` and `ε = 1e−10`.
    ///
    /// ```
    /// use gradus::{AdaGrad, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0];
    /// AdaGrad::new(0.5).step(&mut Problem::Quadratic, &mut x)?; // the first step is α g / |g|
    /// assert!(x.relative_eq(&vector![0.5, 0.5], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self { state: FirstOrder::new(rate), epsilon: T::of(1e-10) }
    }

    /// `ε > 0`. Default: `1e−10`.
    ///
    /// ```
    /// use gradus::{AdaGrad, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// AdaGrad::new(0.5).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x[0], 0.625); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epsilon(self, epsilon: T) -> Self {
        Self { epsilon, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::constant`].
    ///
    /// ```
    /// use gradus::{AdaGrad, Optimizer, Schedule, problems::Problem, vector};
    ///
    /// let mut method = AdaGrad::new(0.5).schedule(Schedule::warm_up(5));
    /// let mut x = vector![1.0, 1.0];
    /// method.step(&mut Problem::Quadratic, &mut x)?; // the first step at a fifth of the rate
    /// assert!(x.relative_eq(&vector![0.9, 0.9], 1e-9, 1e-9));
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
    /// use gradus::{AdaGrad, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5), half of it is followed
    /// let mut method = AdaGrad::new(0.5).epsilon(1.0).clip(34f64.sqrt() / 2.0);
    /// method.step(&mut Problem::Quadratic, &mut x)?;
    /// assert!((x[0] - 0.7_f64).abs() < 1e-12); // 1 − 0.5 · 1.5 / (1.5 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn clip(mut self, norm: T) -> Self {
        self.state.clip = Some(norm);
        self
    }
}

impl<T: Real> UpdateRule for AdaGrad<T> {
    type Scalar = T;
    const NAME: &'static str = "AdaGrad";
    const ROOT: Option<usize> = Some(0);

    fn state(&mut self) -> &mut FirstOrder<T> {
        &mut self.state
    }

    fn check(&self) -> Result<(), Error> {
        check_epsilon(self.epsilon)
    }

    fn update(&mut self, alpha: T, _t: usize, x: &mut [T]) {
        let FirstOrder { gradient, averages: [root, _], .. } = &mut self.state;
        let epsilon = quarter_epsilon(self.epsilon);
        scale_by_root(gradient.as_slice(), root, x, alpha, T::one(), T::one(), epsilon);
    }
}

use nalgebra::DVector;

use super::schedule::{check_average, check_rate, finite, sized};
use super::{Optimizer, Outcome, Schedule, Step};
use crate::contract::setting;
use crate::kernel;
use crate::{Error, Objective, Real, Termination};

/// Which average of squared gradients scales the step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Squares<T> {
    /// `s ← s + g²`.
    Sum,
    /// `s ← ρ s + (1 − ρ) g²`.
    Average(T),
}

/// The part that AdaGrad and RMSProp share: `x ← x − α g / (√s + ε)`.
#[derive(Debug, Clone)]
struct Scaled<T: Real> {
    rate: T,
    squares: Squares<T>,
    epsilon: T,
    schedule: Schedule,
    steps: usize,
    gradient: DVector<T>,
    s: Vec<T>,
}

impl<T: Real> Scaled<T> {
    fn new(rate: T, squares: Squares<T>, epsilon: f64) -> Self {
        let (gradient, schedule) = (DVector::zeros(0), Schedule::Constant);
        Self { rate, squares, epsilon: T::of(epsilon), schedule, steps: 0, gradient, s: Vec::new() }
    }

    fn check(&self) -> Result<(), Error> {
        check_rate(self.rate)?;
        if let Squares::Average(rho) = self.squares {
            check_average("rho", rho)?;
        }
        let fine = self.epsilon > T::zero() && self.epsilon.is_finite();
        setting("epsilon", "positive and finite", self.epsilon, fine)?;
        self.schedule.check()
    }

    fn reset(&mut self) {
        self.steps = 0;
        self.s.clear();
    }

    fn step<O: Objective<T> + ?Sized>(
        &mut self,
        objective: &mut O,
        x: &mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let value = crate::objective::evaluate(objective, x, &mut self.gradient)?;
        let g = self.gradient.as_slice();
        let mut step = Step::new(value, kernel::norm_inf(g));
        if !step.is_finite() {
            step.outcome = Outcome::Ended(Termination::NoDescent);
            return Ok(step);
        }
        let alpha = self.rate * T::of(self.schedule.factor(self.steps));
        self.steps += 1;
        sized(&mut self.s, g.len());
        let (keep, add) = match self.squares {
            Squares::Sum => (T::one(), T::one()),
            Squares::Average(rho) => (rho, T::one() - rho),
        };
        let epsilon = self.epsilon;
        kernel::sweep(
            g,
            [&mut self.s, x.as_mut_slice()],
            #[inline(always)]
            |_, g, [s, x]| {
                let s = finite(keep * s + add * g * g);
                [s, finite(x - alpha * g / (s.sqrt() + epsilon))]
            },
        );
        Ok(step)
    }
}

/// AdaGrad (Duchi, Hazan and Singer 2011): steps shrink where gradients have been large.
///
/// ```text
/// s ← s + g²,  x ← x − α g / (√s + ε)
/// ```
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{AdaGrad, Stop, minimize, problems::Rosenbrock};
///
/// let stop = Stop::default().iterations(100);
/// let report = minimize(&mut AdaGrad::new(0.5), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
/// assert!(report.value < 4.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AdaGrad<T: Real>(Scaled<T>);

impl<T: Real> AdaGrad<T> {
    /// With learning rate `α` and `ε = 1e−10`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{AdaGrad, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0];
    /// AdaGrad::new(0.5).step(&mut Problem::Quadratic, &mut x)?; // the first step is α g / |g|
    /// assert!(x.relative_eq(&dvector![0.5, 0.5], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self(Scaled::new(rate, Squares::Sum, 1e-10))
    }

    /// `ε > 0`. Default: `1e−10`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{AdaGrad, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0]; // g = (3, 5)
    /// AdaGrad::new(0.5).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x[0], 0.625); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn epsilon(self, epsilon: T) -> Self {
        Self(Scaled { epsilon, ..self.0 })
    }

    /// How the rate changes with the steps. Default: [`Schedule::Constant`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{AdaGrad, Optimizer, Schedule, problems::Problem};
    ///
    /// let (mut method, mut x) = (AdaGrad::new(0.5).schedule(Schedule::WarmUp { steps: 5 }), dvector![1.0, 1.0]);
    /// method.step(&mut Problem::Quadratic, &mut x)?; // the first step at a fifth of the rate
    /// assert!(x.relative_eq(&dvector![0.9, 0.9], 1e-9, 1e-9));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self(Scaled { schedule, ..self.0 })
    }
}

/// RMSProp (Tieleman and Hinton 2012): AdaGrad with a memory that fades.
///
/// ```text
/// s ← ρ s + (1 − ρ) g²,  x ← x − α g / (√s + ε)
/// ```
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{RmsProp, Stop, minimize, problems::Rosenbrock};
///
/// let stop = Stop::default().iterations(1000);
/// let report = minimize(&mut RmsProp::new(1e-2), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
/// assert!(report.value < 1.0);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct RmsProp<T: Real>(Scaled<T>);

impl<T: Real> RmsProp<T> {
    /// With learning rate `α`, `ρ = 0.9` and `ε = 1e−8`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Optimizer, RmsProp, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0];
    /// RmsProp::new(0.1).step(&mut Problem::Quadratic, &mut x)?; // s = 0.1 g²
    /// assert!((x[0] - (1.0 - 0.1 * 10.0_f64.sqrt())).abs() < 1e-8);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self(Scaled::new(rate, Squares::Average(T::of(0.9)), 1e-8))
    }

    /// `ρ` in `[0, 1)`. Default: `0.9`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Optimizer, RmsProp, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0];
    /// RmsProp::new(0.1).rho(0.0).step(&mut Problem::Quadratic, &mut x)?; // s = g²: no memory at all
    /// assert!(x.relative_eq(&dvector![0.9, 0.9], 1e-8, 1e-8));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn rho(self, rho: T) -> Self {
        Self(Scaled { squares: Squares::Average(rho), ..self.0 })
    }

    /// `ε > 0`. Default: `1e−8`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Optimizer, RmsProp, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0]; // g = (3, 5)
    /// RmsProp::new(0.5).rho(0.0).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x[0], 0.625); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn epsilon(self, epsilon: T) -> Self {
        Self(Scaled { epsilon, ..self.0 })
    }

    /// How the rate changes with the steps. Default: [`Schedule::Constant`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Optimizer, RmsProp, Schedule, problems::Problem};
    ///
    /// let (schedule, mut x) = (Schedule::WarmUp { steps: 5 }, dvector![1.0, 1.0]);
    /// RmsProp::new(0.5).rho(0.0).schedule(schedule).step(&mut Problem::Quadratic, &mut x)?;
    /// assert!(x.relative_eq(&dvector![0.9, 0.9], 1e-8, 1e-8)); // the first step at a fifth of the rate
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self(Scaled { schedule, ..self.0 })
    }
}

macro_rules! scaled {
    ($method:ident) => {
        impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for $method<T> {
            fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
                self.0.reset();
                self.0.check()
            }
            fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
                self.0.step(objective, x)
            }
        }
    };
}
scaled!(AdaGrad);
scaled!(RmsProp);

use nalgebra::DVector;

use super::schedule::{check_average, check_rate, finite, sized};
use super::{Optimizer, Outcome, Schedule, Step};
use crate::contract::setting;
use crate::kernel;
use crate::{Error, Objective, Real, Termination};

/// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) with a weight decay.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g,    m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²,   v̂ = v / (1 − β₂ᵗ)
/// x ← x − α m̂ / (√v̂ + ε) − α λ x
/// ```
///
/// The decay `λ` shrinks every parameter, biases too; a ridge penalty of the risk leaves biases alone.
///
/// ```
/// use gradus::nalgebra::{self, dvector};
/// use gradus::{Adam, Stop, minimize, problems::Rosenbrock};
///
/// let stop = Stop::default().iterations(20_000);
/// let report = minimize(&mut Adam::new(1e-2), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &stop)?;
/// assert!(report.value < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Adam<T: Real> {
    rate: T,
    beta1: T,
    beta2: T,
    epsilon: T,
    decay: T,
    schedule: Schedule,
    steps: usize,
    gradient: DVector<T>,
    m: Vec<T>,
    v: Vec<T>,
}

impl<T: Real> Default for Adam<T> {
    /// `α = 1e−3`.
    fn default() -> Self {
        Self::new(T::of(1e-3))
    }
}

impl<T: Real> Adam<T> {
    /// With learning rate `α`, `β₁ = 0.9`, `β₂ = 0.999`, `ε = 1e−8` and no decay.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0];
    /// Adam::new(0.1).step(&mut Problem::Quadratic, &mut x)?; // m̂ = g and v̂ = g² at the first step
    /// assert!(x.relative_eq(&dvector![0.9, 0.9], 1e-8, 1e-8));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self {
            rate,
            beta1: T::of(0.9),
            beta2: T::of(0.999),
            epsilon: T::of(1e-8),
            decay: T::zero(),
            schedule: Schedule::Constant,
            steps: 0,
            gradient: DVector::zeros(0),
            m: Vec::new(),
            v: Vec::new(),
        }
    }

    /// AdamW: learning rate `α` and decoupled weight decay `λ`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, problems::Rosenbrock};
    ///
    /// let mut x = dvector![1.0, 1.0]; // the gradient is zero here: only the decay moves
    /// Adam::adam_w(0.1, 0.01).step(&mut Rosenbrock::new(2), &mut x)?;
    /// assert_eq!(x, dvector![0.999, 0.999]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn adam_w(rate: T, decay: T) -> Self {
        Self { decay, ..Self::new(rate) }
    }

    /// `β₁` and `β₂`, each in `[0, 1)`. Default: `0.9` and `0.999`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, problems::Problem};
    ///
    /// let (mut adam, mut x) = (Adam::new(0.1).betas(0.0, 0.0), dvector![1.0, 1.0]);
    /// for _ in 0..3 {
    ///     adam.step(&mut Problem::Quadratic, &mut x)?; // without averages, α along the signs of g
    /// }
    /// assert!(x.relative_eq(&dvector![0.7, 0.7], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn betas(self, beta1: T, beta2: T) -> Self {
        Self { beta1, beta2, ..self }
    }

    /// `ε > 0`. Default: `1e−8`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, problems::Problem};
    ///
    /// let mut x = dvector![1.0, 1.0]; // g = (3, 5)
    /// Adam::new(0.5).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert!((x[0] - 0.625_f64).abs() < 1e-12); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn epsilon(self, epsilon: T) -> Self {
        Self { epsilon, ..self }
    }

    /// Decoupled weight decay `λ ≥ 0`. Default: 0.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, problems::Rosenbrock};
    ///
    /// let mut x = dvector![1.0, 1.0]; // the minimum: only the decay moves
    /// Adam::new(0.1).weight_decay(0.5).step(&mut Rosenbrock::new(2), &mut x)?;
    /// assert_eq!(x, dvector![0.95, 0.95]); // x − α λ x
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn weight_decay(self, decay: T) -> Self {
        Self { decay, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::Constant`].
    ///
    /// ```
    /// use gradus::nalgebra::{self, dvector};
    /// use gradus::{Adam, Optimizer, Schedule, problems::Problem};
    ///
    /// let (mut adam, mut x) = (Adam::new(0.5).schedule(Schedule::WarmUp { steps: 5 }), dvector![1.0, 1.0]);
    /// adam.step(&mut Problem::Quadratic, &mut x)?; // the first step at a fifth of the rate
    /// assert!(x.relative_eq(&dvector![0.9, 0.9], 1e-8, 1e-8));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[must_use]
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Adam<T> {
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        self.steps = 0;
        self.m.clear();
        self.v.clear();
        let one = T::one();
        check_rate(self.rate)?;
        check_average("beta1", self.beta1)?;
        check_average("beta2", self.beta2)?;
        let fine = self.epsilon > T::zero() && self.epsilon.is_finite();
        setting("epsilon", "positive and finite", self.epsilon, fine)?;
        let fine = self.decay >= T::zero() && self.decay * self.rate < one;
        setting("weight_decay", "not negative, and below 1/rate", self.decay, fine)?;
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
        let (one, beta1, beta2, epsilon) = (T::one(), self.beta1, self.beta2, self.epsilon);
        if self.m.len() != g.len() {
            self.steps = 0; // another problem: its averages start anew
        }
        let rate = self.rate * T::of(self.schedule.factor(self.steps));
        self.steps += 1;
        let power = |beta: T| T::of(beta.f64().powf(self.steps as f64));
        // α m̂ / (√v̂ + ε) with the corrections taken out of the loop
        let alpha = rate / (one - power(beta1));
        let root = one / (one - power(beta2)).sqrt();
        let keep = one - rate * self.decay;
        sized(&mut self.m, g.len());
        sized(&mut self.v, g.len());
        kernel::sweep(
            g,
            [&mut self.m, &mut self.v, x.as_mut_slice()],
            #[inline(always)]
            |_, g, [m, v, x]| {
                let m = beta1 * m + (one - beta1) * g;
                let v = finite(beta2 * v + (one - beta2) * g * g);
                [m, v, finite(keep * x - alpha * m / (v.sqrt() * root + epsilon))]
            },
        );
        Ok(step)
    }
}

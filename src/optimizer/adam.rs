use super::Schedule;
use super::first_order::{
    FirstOrder, UpdateRule, check_average, check_epsilon, finite, quarter, quarter_epsilon, root_of_squares,
};
use crate::contract::setting;
use crate::kernel::{compiled, inlined, sweep};
use crate::{Error, Real};

/// Adam (Kingma and Ba 2015), and AdamW (Loshchilov and Hutter 2019) with a weight decay.
///
/// ```text
/// m ← β₁ m + (1 − β₁) g,    m̂ = m / (1 − β₁ᵗ)
/// v ← β₂ v + (1 − β₂) g²,   v̂ = v / (1 − β₂ᵗ)
/// x ← x − α m̂ / (√v̂ + ε) − α λ x
/// ```
///
/// No gradient is too large or too small for its square: `√v` is kept, not `v`, so that the step is bounded by the
/// rate whatever the scale of the objective.
///
/// The decay `λ` shrinks every parameter, biases too; a ridge penalty of the risk leaves biases alone.
///
/// ```
/// use gradus::{Adam, Stop, minimize, problems::Rosenbrock, vector};
///
/// let stop = Stop::default().iterations(20_000);
/// let start = vector![-1.2, 1.0];
/// let report = minimize(&mut Adam::new(1e-2), &mut Rosenbrock::new(2), start, &stop)?;
/// assert!(report.value < 1e-6);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct Adam<T: Real> {
    state: FirstOrder<T>,
    beta1: T,
    beta2: T,
    epsilon: T,
    decay: T,
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
    /// use gradus::{Adam, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0];
    /// Adam::new(0.1).step(&mut Problem::Quadratic, &mut x)?; // at first m̂ = g and v̂ = g²
    /// assert!(x.relative_eq(&vector![0.9, 0.9], 1e-8, 1e-8));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(rate: T) -> Self {
        Self {
            state: FirstOrder::new(rate),
            beta1: T::of(0.9),
            beta2: T::of(0.999),
            epsilon: T::of(1e-8),
            decay: T::zero(),
        }
    }

    /// `β₁` and `β₂`, each in `[0, 1)`. Default: `0.9` and `0.999`.
    ///
    /// ```
    /// use gradus::{Adam, Optimizer, problems::Problem, vector};
    ///
    /// let (mut adam, mut x) = (Adam::new(0.1).betas(0.0, 0.0), vector![1.0, 1.0]);
    /// for _ in 0..3 {
    ///     adam.step(&mut Problem::Quadratic, &mut x)?; // α along the signs of g
    /// }
    /// assert!(x.relative_eq(&vector![0.7, 0.7], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn betas(self, beta1: T, beta2: T) -> Self {
        Self { beta1, beta2, ..self }
    }

    /// `ε > 0`. Default: `1e−8`.
    ///
    /// ```
    /// use gradus::{Adam, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// Adam::new(0.5).epsilon(1.0).step(&mut Problem::Quadratic, &mut x)?;
    /// assert!((x[0] - 0.625_f64).abs() < 1e-12); // 1 − 0.5 · 3 / (3 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn epsilon(self, epsilon: T) -> Self {
        Self { epsilon, ..self }
    }

    /// Decoupled weight decay `λ ≥ 0`, which makes it AdamW. Default: 0.
    ///
    /// ```
    /// use gradus::{Adam, Optimizer, problems::Rosenbrock, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // the minimum: only the decay moves
    /// Adam::new(0.1).weight_decay(0.5).step(&mut Rosenbrock::new(2), &mut x)?;
    /// assert_eq!(x, vector![0.95, 0.95]); // x − α λ x
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn weight_decay(self, decay: T) -> Self {
        Self { decay, ..self }
    }

    /// How the rate changes with the steps. Default: [`Schedule::constant`].
    ///
    /// ```
    /// use gradus::{Adam, Optimizer, Schedule, problems::Problem, vector};
    ///
    /// let mut adam = Adam::new(0.5).schedule(Schedule::warm_up(5));
    /// let mut x = vector![1.0, 1.0];
    /// adam.step(&mut Problem::Quadratic, &mut x)?; // the first step at a fifth of the rate
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
    /// use gradus::{Adam, Optimizer, problems::Problem, vector};
    ///
    /// let mut adam = Adam::new(0.1).betas(0.0, 0.0).epsilon(1.0).clip(34f64.sqrt() / 2.0);
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5), half of it is followed
    /// adam.step(&mut Problem::Quadratic, &mut x)?;
    /// assert!((x[0] - 0.94_f64).abs() < 1e-12); // 1 − 0.1 · 1.5 / (1.5 + 1)
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn clip(mut self, norm: T) -> Self {
        self.state.clip = Some(norm);
        self
    }
}

impl<T: Real> UpdateRule for Adam<T> {
    type Scalar = T;
    const NAME: &'static str = "Adam";
    const ROOT: Option<usize> = Some(1);

    fn state(&mut self) -> &mut FirstOrder<T> {
        &mut self.state
    }

    fn check(&self) -> Result<(), Error> {
        check_average("beta1", self.beta1)?;
        check_average("beta2", self.beta2)?;
        check_epsilon(self.epsilon)?;
        let fine = self.decay >= T::zero() && self.decay * self.state.rate < T::one();
        setting("weight_decay", "not negative, and below 1/rate", self.decay, fine)
    }

    fn memories(&self) -> usize {
        2
    }

    fn update(&mut self, alpha: T, t: usize, x: &mut [T]) {
        let correction = |beta: T| T::one() - T::of(beta.f64().powf(t as f64)); // 1 − βᵗ
        let root = correction(self.beta2).sqrt();
        let rates = Rates {
            beta1: self.beta1,
            beta2: self.beta2,
            alpha: alpha * (root / correction(self.beta1)),
            epsilon: quarter_epsilon(self.epsilon * root),
            keep: T::one() - alpha * self.decay,
        };
        let FirstOrder { gradient, averages: [m, root], .. } = &mut self.state;
        adapt(gradient.as_slice(), m, root, x, rates);
    }
}

/// The factors of one step: the corrections `1 − βᵗ` are taken out of the loop.
#[derive(Clone, Copy)]
struct Rates<T> {
    beta1: T,
    beta2: T,
    /// `α √(1 − β₂ᵗ) / (1 − β₁ᵗ)`.
    alpha: T,
    /// `ε √(1 − β₂ᵗ) / 4`.
    epsilon: T,
    /// `1 − α λ`.
    keep: T,
}

compiled! {
    /// `m ← β₁ m + (1 − β₁) g`, `√v ← √(β₂ v + (1 − β₂) g²)`, both a quarter of it, and
    /// `x ← (1 − α λ) x − α m̂ / (√v̂ + ε)`
    fn adapt<T>(g: &'a [T], m: &'a mut [T], root: &'a mut [T], x: &'a mut [T], rates: Rates<T>) {
        let Rates { beta1, beta2, alpha, epsilon, keep } = rates;
        let (new1, new2) = (T::one() - beta1, T::one() - beta2);
        sweep(g, [m, root, x], inlined!(|fused, g, [m, root, x]| {
            let g = quarter(g);
            let m = fused.mul_add(beta1, m, new1 * g);
            let root = root_of_squares(fused, beta2, root, new2, g);
            [m, root, finite(fused.mul_add(-alpha, m / (root + epsilon), keep * x))]
        }));
    }
}

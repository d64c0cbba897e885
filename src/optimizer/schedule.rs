use std::f64::consts::PI;

use crate::contract::setting;
use crate::{Error, Real};

/// How a learning rate changes with the number of steps taken, `t = 0, 1, 2, …`: one rule, or one
/// [`then`](Self::then) another.
///
/// ```
/// use gradus::Schedule;
///
/// let schedule = Schedule::warm_up(100).then(Schedule::cosine(5000));
/// let factors = [0, 49, 100, 2600, 5100].map(|t| schedule.factor(t));
/// assert_eq!(factors, [0.01, 0.5, 1.0, 0.5, 0.0]);
/// ```
#[must_use]
#[derive(Debug, Clone, PartialEq, Default)]
#[doc(alias = "learning rate")]
pub struct Schedule {
    /// One after the other; none stands for a constant rate.
    phases: Vec<Phase>,
}

/// A rule, and for how many steps it holds where another follows.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Phase {
    rule: Rule,
    steps: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rule {
    Constant,
    StepDecay { every: usize, decay: f64 },
    Exponential { decay: f64 },
    InverseTime { decay: f64 },
    Cosine { steps: usize },
    WarmUp { steps: usize },
}

impl Schedule {
    fn of(rule: Rule, steps: Option<usize>) -> Self {
        Self { phases: vec![Phase { rule, steps }] }
    }

    /// `1`.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!(Schedule::constant().factor(1000), 1.0);
    /// ```
    pub fn constant() -> Self {
        Self::default()
    }

    /// `decay^⌊t / every⌋`, with `every` at least 1 and `decay` in `(0, 1]`.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// let schedule = Schedule::step_decay(3, 0.5);
    /// assert_eq!([0, 2, 3, 6].map(|t| schedule.factor(t)), [1.0, 1.0, 0.5, 0.25]);
    /// ```
    pub fn step_decay(every: usize, decay: f64) -> Self {
        Self::of(Rule::StepDecay { every, decay }, None)
    }

    /// `decayᵗ`, with `decay` in `(0, 1]`.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!(Schedule::exponential(0.5).factor(3), 0.125);
    /// ```
    pub fn exponential(decay: f64) -> Self {
        Self::of(Rule::Exponential { decay }, None)
    }

    /// `1 / (1 + decay · t)`, with a `decay` that is not negative (Robbins and Monro 1951).
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!(Schedule::inverse_time(1.0).factor(3), 0.25);
    /// ```
    pub fn inverse_time(decay: f64) -> Self {
        Self::of(Rule::InverseTime { decay }, None)
    }

    /// `½ (1 + cos(π t / steps))`, zero from `steps` on, at least 1 (Loshchilov and Hutter 2017).
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!([0, 8, 99].map(|t| Schedule::cosine(8).factor(t)), [1.0, 0.0, 0.0]);
    /// ```
    pub fn cosine(steps: usize) -> Self {
        Self::of(Rule::Cosine { steps }, Some(steps))
    }

    /// `(t + 1) / steps` up to 1, with at least one step: a slow start.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!([0, 1, 3, 9].map(|t| Schedule::warm_up(4).factor(t)), [0.25, 0.5, 1.0, 1.0]);
    /// ```
    pub fn warm_up(steps: usize) -> Self {
        Self::of(Rule::WarmUp { steps }, Some(steps))
    }

    /// The same for so many steps, before it gives way to what comes [`then`](Self::then). [`warm_up`](Self::warm_up)
    /// and [`cosine`](Self::cosine) know theirs.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// let schedule = Schedule::constant().lasting(10).then(Schedule::exponential(0.5));
    /// assert_eq!([9, 10, 11].map(|t| schedule.factor(t)), [1.0, 1.0, 0.5]);
    /// ```
    pub fn lasting(mut self, steps: usize) -> Self {
        match self.phases.last_mut() {
            Some(phase) => phase.steps = Some(steps),
            None => return Self::of(Rule::Constant, Some(steps)),
        }
        self
    }

    /// Another schedule from there on; its steps count from 0.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// let schedule = Schedule::warm_up(2).then(Schedule::step_decay(1, 0.5));
    /// assert_eq!([0, 1, 2, 3].map(|t| schedule.factor(t)), [0.5, 1.0, 1.0, 0.5]);
    /// ```
    pub fn then(self, next: Schedule) -> Self {
        let constant = Phase { rule: Rule::Constant, steps: None };
        let filled = |phases: Vec<Phase>| if phases.is_empty() { vec![constant] } else { phases };
        Self { phases: [filled(self.phases), filled(next.phases)].concat() }
    }

    /// What the rate is multiplied with at step `t`.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// assert_eq!(Schedule::warm_up(4).factor(0), 0.25);
    /// ```
    pub fn factor(&self, t: usize) -> f64 {
        let Some((last, earlier)) = self.phases.split_last() else { return 1.0 };
        let mut t = t;
        for phase in earlier {
            match phase.steps {
                Some(steps) if t >= steps => t -= steps,
                _ => return phase.rule.factor(t),
            }
        }
        last.rule.factor(t)
    }

    /// Judges the setting as the scalar that the rate is.
    pub(super) fn check<T: Real>(&self) -> Result<(), Error> {
        let Some((_, earlier)) = self.phases.split_last() else { return Ok(()) };
        for phase in earlier {
            let expected = "a number of steps (`lasting`) for what another schedule follows";
            setting("schedule", expected, f64::INFINITY, phase.steps.is_some())?;
        }
        self.phases.iter().try_for_each(|phase| phase.rule.check::<T>())
    }
}

impl Rule {
    fn factor(self, t: usize) -> f64 {
        let t_real = t as f64;
        match self {
            Self::Constant => 1.0,
            Self::StepDecay { every, decay } => decay.powf((t / every.max(1)) as f64),
            Self::Exponential { decay } => decay.powf(t_real),
            Self::InverseTime { decay } => 1.0 / (1.0 + decay * t_real),
            Self::Cosine { steps } => 0.5 * (1.0 + (PI * (t_real / steps.max(1) as f64).min(1.0)).cos()),
            Self::WarmUp { steps } => ((t_real + 1.0) / steps.max(1) as f64).min(1.0),
        }
    }

    fn check<T: Real>(self) -> Result<(), Error> {
        let (expected, found, fine) = match self {
            Self::StepDecay { every: 0, .. } | Self::Cosine { steps: 0 } | Self::WarmUp { steps: 0 } => {
                ("at least one step long", 0.0, false)
            }
            Self::StepDecay { decay, .. } | Self::Exponential { decay } => (
                "a decay in (0, 1], 1e-45 at the least in f32",
                decay,
                T::of(decay) > T::zero() && decay <= 1.0,
            ),
            Self::InverseTime { decay } => {
                let (used, expected) =
                    (T::of(decay), "a decay of 0, or positive and finite in the scalar of the rate");
                (expected, decay, used.is_finite() && (used > T::zero() || decay == 0.0))
            }
            Self::Constant | Self::Cosine { .. } | Self::WarmUp { .. } => return Ok(()),
        };
        setting("schedule", expected, found, fine)
    }
}

use std::f64::consts::PI;

use crate::contract::setting;
use crate::{Error, Real};

/// How a learning rate changes with the number of steps taken, `t = 0, 1, 2, …`.
///
/// ```
/// use gradus::Schedule;
///
/// let schedule = Schedule::Exponential { decay: 0.5 };
/// assert_eq!((schedule.factor(0), schedule.factor(3)), (1.0, 0.125));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Schedule {
    /// `1`.
    #[default]
    Constant,
    /// `decay^⌊t / every⌋`.
    StepDecay {
        /// Steps between decays, at least 1.
        every: usize,
        /// In `(0, 1]`.
        decay: f64,
    },
    /// `decayᵗ`.
    Exponential {
        /// In `(0, 1]`.
        decay: f64,
    },
    /// `1 / (1 + decay · t)` (Robbins and Monro 1951).
    InverseTime {
        /// Not negative.
        decay: f64,
    },
    /// `½ (1 + cos(π t / steps))`, zero from `steps` on (Loshchilov and Hutter 2017).
    Cosine {
        /// Steps until zero, at least 1.
        steps: usize,
    },
    /// `(t + 1) / steps` up to 1: a slow start.
    WarmUp {
        /// Steps until the whole rate, at least 1.
        steps: usize,
    },
}

impl Schedule {
    /// What the rate is multiplied with at step `t`.
    ///
    /// ```
    /// use gradus::Schedule;
    ///
    /// let schedule = Schedule::WarmUp { steps: 4 };
    /// assert_eq!([0, 1, 3, 9].map(|t| schedule.factor(t)), [0.25, 0.5, 1.0, 1.0]);
    /// ```
    pub fn factor(self, t: usize) -> f64 {
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

    /// Judges the setting as the scalar that the rate is.
    pub(super) fn check<T: Real>(self) -> Result<(), Error> {
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

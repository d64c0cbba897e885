use nalgebra::DMatrixView;

use super::first_order::UpdateRule;
use crate::contract::{check_finite, setting};
use crate::{Error, Real};

/// A method that is sound on an objective that changes from step to step, as the loss of one mini-batch after another
/// does: what it remembers are averages, not values or differences at earlier points. A
/// [`Trainer`](crate::Trainer) asks for it.
///
/// A method of one's own opts in by one line:
///
/// ```
/// use gradus::optimizer::Stochastic;
///
/// struct SignDescent;
/// impl Stochastic for SignDescent {}
/// ```
///
/// Methods that compare one point with the next do not have it:
///
/// ```compile_fail,E0277
/// let trainer = gradus::Trainer::<f64, _>::new(gradus::Lbfgs::new());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not known to be sound on mini-batches, where the objective changes from step to step",
    label = "does not implement `Stochastic`",
    note = "train with `GradientDescent`, `AdaGrad`, `RmsProp` or `Adam`, or use `minimize` on all samples at once",
    note = "a method of your own that keeps no value or gradient of an earlier step to compare with opts in by one \
            line: `impl gradus::optimizer::Stochastic for YourMethod {{}}`"
)]
pub trait Stochastic {
    /// What it remembers of its steps, for a checkpoint. Default: not told, and a run by it cannot be resumed.
    ///
    /// ```
    /// use gradus::optimizer::{Optimizer, Stochastic};
    /// use gradus::{GradientDescent, problems::Problem, vector};
    ///
    /// let (mut descent, mut x) = (GradientDescent::new(0.25).momentum(0.5), vector![1.0, 1.0]);
    /// descent.step(&mut Problem::Quadratic, &mut x)?; // v = g = (3, 5)
    /// let memory = descent.memory().expect("every method of the crate tells");
    /// assert_eq!((memory.steps, &memory.averages[0][..]), (1, &[3.0, 5.0][..]));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn memory(&mut self) -> Option<Memory> {
        None
    }

    /// Goes on from what a method like this one remembered, on `dim` parameters, with the same bits.
    ///
    /// ```
    /// use gradus::optimizer::{Optimizer, Stochastic};
    /// use gradus::{GradientDescent, problems::Problem, vector};
    ///
    /// let (mut descent, mut x) = (GradientDescent::new(0.25).momentum(0.5), vector![1.0, 1.0]);
    /// descent.step(&mut Problem::Quadratic, &mut x)?;
    /// let memory = descent.memory().expect("every method of the crate tells");
    /// let mut y = x.clone();
    /// descent.step(&mut Problem::Quadratic, &mut x)?;
    ///
    /// let mut other = GradientDescent::new(0.25).momentum(0.5);
    /// other.remember(&memory, 2)?;
    /// other.step(&mut Problem::Quadratic, &mut y)?;
    /// assert_eq!(x, y);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Checkpoint`] for the memory of another method or another number of parameters, and by default;
    /// [`Error::NonFinite`] and [`Error::Setting`] for numbers that no method remembers.
    fn remember(&mut self, memory: &Memory, _dim: usize) -> Result<(), Error> {
        Err(Error::Checkpoint { found: memory.method.clone(), expected: "a method that can be resumed" })
    }

    /// Multiplies the learning rate of all further steps. Default: nothing.
    ///
    /// ```
    /// use gradus::optimizer::{Optimizer, Stochastic};
    /// use gradus::{GradientDescent, problems::Problem, vector};
    ///
    /// let (mut descent, mut x) = (GradientDescent::new(0.5), vector![1.0, 1.0]);
    /// descent.scale_rate(0.5);
    /// descent.step(&mut Problem::Quadratic, &mut x)?;
    /// assert_eq!(x, vector![0.25, -0.25]); // 1 − 0.25 · 3, 1 − 0.25 · 5
    /// # Ok::<(), gradus::Error>(())
    /// ```
    fn scale_rate(&mut self, _factor: f64) {}
}

/// What a method remembers of its steps. Numbers of f32 are kept as f64, which holds them exactly.
///
/// ```
/// use gradus::{Adam, optimizer::Stochastic};
///
/// let memory = Adam::<f32>::default().memory().expect("every method of the crate tells");
/// assert_eq!((memory.method.as_str(), memory.steps, memory.scale), ("Adam", 0, 1.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Memory {
    /// The name of the method.
    pub method: String,
    /// How many it has taken.
    pub steps: usize,
    /// What the learning rate has been multiplied with, beside its schedule.
    pub scale: f64,
    /// Averages of gradients, an entry per parameter.
    pub averages: Vec<Vec<f64>>,
}

impl<M: UpdateRule> Stochastic for M {
    fn memory(&mut self) -> Option<Memory> {
        let (state, of) =
            (self.state(), |average: &Vec<M::Scalar>| average.iter().map(|a| a.f64()).collect());
        Some(Memory {
            method: Self::NAME.into(),
            steps: state.steps,
            scale: state.scale,
            averages: state.averages.iter().map(of).collect(),
        })
    }

    fn remember(&mut self, memory: &Memory, dim: usize) -> Result<(), Error> {
        let (averages, memories) = (&memory.averages, self.memories());
        let lengths = |(i, average): (usize, &Vec<f64>)| average.len() == if i < memories { dim } else { 0 };
        let fits = averages.len() == 2 && averages.iter().enumerate().all(lengths);
        if memory.method != Self::NAME || !(fits || memory.steps == 0) {
            return Err(Error::Checkpoint { found: memory.method.clone(), expected: Self::NAME });
        }
        let fine = memory.scale > 0.0 && memory.scale <= 1.0;
        setting("scale", "in (0, 1]", memory.scale, fine)?;
        // more than half of what can be counted took longer than any run
        let steps = memory.steps;
        setting("steps", "a number of steps taken", steps as f64, steps <= usize::MAX / 2)?;
        let state = self.state();
        (state.steps, state.scale) = (memory.steps, memory.scale);
        for (i, (to, from)) in state.averages.iter_mut().zip(averages).enumerate() {
            to.clear();
            to.extend(from.iter().map(|a| M::Scalar::of(*a)));
            check_finite("averages", DMatrixView::from_slice(to, to.len(), 1))?;
            let least = from.iter().copied().fold(0.0, f64::min);
            setting(
                "averages",
                "not negative where roots of squares",
                least,
                least == 0.0 || Self::ROOT != Some(i),
            )?;
        }
        Ok(())
    }

    fn scale_rate(&mut self, factor: f64) {
        self.state().scale *= factor;
    }
}

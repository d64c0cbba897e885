//! What the first-order methods share: a rate with its schedule, averages of gradients, and the order of a step.

use nalgebra::DVector;

use super::{Optimizer, Schedule, Step};
use crate::contract::setting;
use crate::kernel::{self, Fused, compiled, inlined, sweep};
use crate::objective::evaluate;
use crate::{Error, Objective, Real, Termination};

/// A method's rule, two lines under its formula; from it follows how the method is an [`Optimizer`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no `Optimizer` of this objective",
    note = "`LevenbergMarquardt` and `GaussNewton` minimise `Residuals`, by `solve`; a method of your own implements \
            `Optimizer`; second-order methods need `Hessian` or `HessianProduct` of the objective"
)]
pub(super) trait UpdateRule {
    type Scalar: Real;
    /// What a checkpoint calls it.
    const NAME: &'static str;
    /// Which of the averages is a root of squares, where one is.
    const ROOT: Option<usize>;

    /// What the method shares with the others.
    fn state(&mut self) -> &mut FirstOrder<Self::Scalar>;

    /// Judges the settings of its own.
    fn check(&self) -> Result<(), Error>;

    /// How many averages it keeps.
    fn memories(&self) -> usize {
        1
    }

    /// Moves `x` by step `t = 1, 2, …` at the rate `α`, by the gradient and the averages in the state.
    fn update(&mut self, alpha: Self::Scalar, t: usize, x: &mut [Self::Scalar]);
}

/// The state of a first-order method.
#[derive(Debug, Clone, Default)]
pub(super) struct FirstOrder<T: Real> {
    pub(super) rate: T,
    pub(super) schedule: Schedule,
    /// The largest Euclidean norm of a gradient that is followed as it is.
    pub(super) clip: Option<T>,
    /// What the rate has been scaled by since the start.
    pub(super) scale: f64,
    pub(super) steps: usize,
    pub(super) gradient: DVector<T>,
    pub(super) averages: [Vec<T>; 2],
}

impl<T: Real> FirstOrder<T> {
    pub(super) fn new(rate: T) -> Self {
        Self { rate, scale: 1.0, ..Self::default() }
    }

    /// All averages are zero before the first step.
    fn forget(&mut self) {
        (self.steps, self.scale) = (0, 1.0);
        self.averages.iter_mut().for_each(Vec::clear);
    }

    /// The rate `α` of the next step, and its number `t`. A point of another length begins anew.
    fn count(&mut self, memories: usize) -> (T, usize) {
        let n = self.gradient.len();
        let averages = &mut self.averages[..memories];
        if averages.iter().any(|average| average.len() != n) {
            self.steps = 0;
            for average in averages {
                average.clear();
                average.resize(n, T::zero());
            }
        }
        let alpha = self.rate * T::of(self.scale * self.schedule.factor(self.steps));
        self.steps += 1;
        (alpha, self.steps)
    }

    /// `g ← g min(1, c / ‖g‖)` (Pascanu, Mikolov and Bengio 2013).
    fn clip(&mut self) {
        let Some(most) = self.clip else { return };
        let norm = kernel::norm(self.gradient.as_slice());
        if norm > most {
            kernel::scale(most / norm, self.gradient.as_mut_slice());
        }
    }
}

impl<T: Real, O: Objective<T> + ?Sized, M: UpdateRule<Scalar = T>> Optimizer<T, O> for M {
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        let state = self.state();
        state.forget();
        let fine = state.rate > T::zero() && state.rate.is_finite();
        setting("rate", "positive and finite", state.rate, fine)?;
        state.schedule.check::<T>()?;
        let most = state.clip.unwrap_or(T::one());
        setting("clip", "positive and finite", most, most > T::zero() && most.is_finite())?;
        self.check()
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let memories = self.memories();
        let state = self.state();
        let value = evaluate(objective, x, &mut state.gradient)?;
        let step = Step::new(value, kernel::norm_inf(state.gradient.as_slice()));
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        state.clip();
        let (alpha, t) = state.count(memories);
        self.update(alpha, t, x.as_mut_slice());
        Ok(step)
    }
}

/// The weight of the past in an average lies in `[0, 1)`.
pub(super) fn check_average<T: Real>(name: &'static str, found: T) -> Result<(), Error> {
    setting(name, "in [0, 1)", found, found >= T::zero() && found < T::one())
}

/// A quarter of `ε`, but a normal number: a root of 0 stands for what is less.
pub(super) fn quarter_epsilon<T: Real>(epsilon: T) -> T {
    quarter(epsilon).max(T::LEAST_NORMAL)
}

/// What a root is added to, so that nothing is divided by zero.
pub(super) fn check_epsilon<T: Real>(epsilon: T) -> Result<(), Error> {
    setting("epsilon", "positive and finite", epsilon, epsilon > T::zero() && epsilon.is_finite())
}

/// The number itself, or the largest finite one where a sum ran over: no step leaves the numbers.
#[inline(always)]
pub(super) fn finite<T: Real>(x: T) -> T {
    let x = if x > T::MAX { T::MAX } else { x };
    if x < -T::MAX { -T::MAX } else { x }
}

/// A quarter of a gradient, so that no average of such, and no root of one of their squares, leaves the numbers.
#[inline(always)]
pub(super) fn quarter<T: Real>(g: T) -> T {
    g * T::of(0.25)
}

/// `√(a r² + b g²)` for `r ≥ 0` and a [`quarter`] `g`: a power of two keeps the squares within the range. Of numbers
/// below the least normal one it is 0.
#[inline(always)]
pub(super) fn root_of_squares<T: Real>(fused: Fused, a: T, r: T, b: T, g: T) -> T {
    let size = if g.abs() > r { g.abs() } else { r };
    let (down, up) = size.powers();
    let (r, g) = (r * down, g * down);
    fused.mul_add(a * r, r, b * g * g).sqrt() * up
}

compiled! {
    /// `√s ← √(kept s + new g²)`, a quarter of it, and `x ← x − α g / (√s + ε)`
    pub(super) fn scale_by_root<T>(
        g: &'a [T],
        root: &'a mut [T],
        x: &'a mut [T],
        alpha: T,
        kept: T,
        new: T,
        epsilon: T,
    ) {
        let most = quarter(T::MAX);
        sweep(g, [root, x], inlined!(|fused, g, [root, x]| {
            let g = quarter(g);
            let root = root_of_squares(fused, kept, root, new, g);
            let root = if root < most { root } else { most };
            [root, finite(fused.mul_add(-alpha, g / (root + epsilon), x))]
        }));
    }
}

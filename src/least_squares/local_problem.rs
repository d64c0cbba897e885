//! What Levenberg–Marquardt and Gauss–Newton share: the linearised problem at a point, and the judgement of a
//! step away from it.

use nalgebra::DVector;

use super::{LeastSquares, Residuals, column_norms, half_square, norm, scaled_norm};
use crate::kernel::{self, Linearised};
use crate::optimizer::{Outcome, Step};
use crate::{Error, Real, Termination};

/// The linearised problem `min ‖r + J δ‖` at a point, and a trial point beside it.
#[derive(Debug, Clone)]
pub(super) struct LocalProblem<T: Real> {
    here: Evaluated<T>,
    trial: Evaluated<T>,
    /// Whether the problem stays the same from step to step.
    in_run: bool,
    known: bool,
    /// `D`: the norms of the columns of `J`, the largest so far.
    scale: Vec<T>,
    /// Those norms at the point itself.
    norms: Vec<T>,
    /// The factorised `J D⁻¹`, and a solution `δ`.
    pub(super) linear: Linearised<T>,
}

/// A point with what is known of `f` there. The Jacobian is kept factorised, or in the buffer of [`LeastSquares`].
#[derive(Debug, Clone)]
struct Evaluated<T: Real> {
    x: DVector<T>,
    residuals: DVector<T>,
    gradient: DVector<T>,
    value: T,
}

impl<T: Real> Evaluated<T> {
    fn new(n: usize) -> Self {
        let zeros = || DVector::zeros(n);
        Self { x: zeros(), residuals: DVector::zeros(0), gradient: zeros(), value: T::NAN }
    }
}

/// What came of a trial point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Attempt<T> {
    /// Residuals or Jacobian are not finite there.
    Outside,
    /// The actual over the predicted reduction of `f`; taken if it is at least `10⁻⁴`.
    Ratio(T),
    /// Both reductions are rounding; taken if the scaled gradient is smaller there.
    Rounding { taken: bool },
}

impl<T: Real> Attempt<T> {
    /// Whether the trial point has become the point.
    pub(super) fn is_taken(self) -> bool {
        match self {
            Self::Outside => false,
            Self::Ratio(ratio) => ratio >= T::of(1e-4),
            Self::Rounding { taken } => taken,
        }
    }
}

impl<T: Real> LocalProblem<T> {
    pub(super) fn new(in_run: bool) -> Self {
        Self {
            here: Evaluated::new(0),
            trial: Evaluated::new(0),
            in_run,
            known: false,
            scale: Vec::new(),
            norms: Vec::new(),
            linear: Linearised::new(),
        }
    }

    /// `‖D x‖`.
    pub(super) fn size(&self) -> T {
        scaled_norm(&self.scale, self.here.x.as_slice())
    }

    /// Linearises at `x`, unless the last step of this run went there. Whether `x` is new, so that the norms of
    /// the columns start afresh; they go on in steps by hand from where the last one went.
    pub(super) fn stand<R: Residuals<T>>(
        &mut self,
        squares: &mut LeastSquares<T, R>,
        x: &DVector<T>,
    ) -> Result<(Step<T>, bool), Error> {
        let is_new = !(self.known && self.here.x == *x);
        if is_new {
            let n = x.len();
            self.scale.clear();
            self.scale.resize(n, T::zero());
            if self.here.x.len() != n {
                self.norms.resize(n, T::zero());
                self.here = Evaluated::new(n);
                self.trial = Evaluated::new(n);
            }
        }
        let evaluates = is_new || !self.in_run;
        if evaluates {
            self.trial.x.copy_from(x);
            self.evaluate(squares)?;
            self.known = self.linearise(squares)?;
            self.take(squares);
        }
        let gradient_norm = if self.known { kernel::norm_inf(self.here.gradient.as_slice()) } else { T::NAN };
        let mut step = Step::new(self.here.value, gradient_norm);
        step.evaluations = usize::from(evaluates);
        self.known = step.is_finite();
        Ok((step, is_new))
    }

    /// Residuals and value at the trial point.
    fn evaluate<R: Residuals<T>>(&mut self, squares: &mut LeastSquares<T, R>) -> Result<(), Error> {
        squares.residuals_at(&self.trial.x, &mut self.trial.residuals)?;
        self.trial.value = half_square(&self.trial.residuals);
        Ok(())
    }

    /// Jacobian and gradient at the trial point; whether they are finite.
    fn linearise<R: Residuals<T>>(&mut self, squares: &mut LeastSquares<T, R>) -> Result<bool, Error> {
        let finite = kernel::all_finite(squares.jacobian_at(&self.trial.x)?.as_slice());
        squares.gradient(&self.trial.residuals, &mut self.trial.gradient);
        Ok(finite && kernel::all_finite(self.trial.gradient.as_slice()))
    }

    /// The trial point, whose Jacobian is in the buffer, becomes the point.
    fn take<R: Residuals<T>>(&mut self, squares: &LeastSquares<T, R>) {
        std::mem::swap(&mut self.here, &mut self.trial);
        if self.known {
            column_norms(&squares.jacobian, &mut self.norms);
            self.scale.iter_mut().zip(&self.norms).for_each(|(d, &norm)| *d = d.max(norm));
            self.linear.factorise(&squares.jacobian, &self.scale, self.here.residuals.as_slice());
        }
    }

    /// Tries `x + t δ`, and takes it if `f` falls by at least `10⁻⁴` of what was `predicted`. Where both are
    /// rounding, the gradient decides.
    pub(super) fn attempt<R: Residuals<T>>(
        &mut self,
        squares: &mut LeastSquares<T, R>,
        t: T,
        predicted: T,
        step: &mut Step<T>,
    ) -> Result<Attempt<T>, Error> {
        self.trial.x.copy_from(&self.here.x);
        self.linear.add(t, &self.scale, self.trial.x.as_mut_slice());
        if !kernel::all_finite(self.trial.x.as_slice()) {
            return Ok(Attempt::Outside);
        }
        self.evaluate(squares)?;
        step.evaluations += 1;
        if !self.trial.value.is_finite() {
            return Ok(Attempt::Outside);
        }
        let (actual, noise) = (self.reduction(), self.noise());
        let is_rounding = predicted <= noise && actual.abs() <= noise;
        let ratio = Attempt::Ratio(actual / predicted);
        if !is_rounding && !ratio.is_taken() {
            return Ok(ratio);
        }
        if !self.linearise(squares)? {
            return Ok(Attempt::Outside);
        }
        let attempt = if is_rounding { Attempt::Rounding { taken: self.gradient_falls() } } else { ratio };
        if attempt.is_taken() {
            self.take(squares);
        }
        Ok(attempt)
    }

    /// `½ ‖r‖² − ½ ‖r₊‖² = ½ (r − r₊)ᵀ(r + r₊)`: small differences keep their digits.
    fn reduction(&self) -> T {
        let pairs = self.here.residuals.iter().zip(self.trial.residuals.iter());
        T::of(0.5) * pairs.fold(T::zero(), |sum, (&r, &s)| sum + (r - s) * (r + s))
    }

    /// What rounding does to `f`: the residuals are rounded, and so is the `x` they are taken at.
    fn noise(&self) -> T {
        let r = norm(self.here.residuals.as_slice());
        T::of(4.0) * T::EPSILON * r * (r + scaled_norm(&self.norms, self.here.x.as_slice()))
    }

    /// Whether `‖D⁻¹ ∇f‖` is smaller at the trial point.
    fn gradient_falls(&self) -> bool {
        let square = |gradient: &DVector<T>| {
            gradient.iter().zip(&self.scale).fold(T::zero(), |sum, (&g, &d)| {
                let g = if d > T::zero() { g / d } else { g };
                sum + g * g
            })
        };
        square(&self.trial.gradient) < square(&self.here.gradient)
    }

    /// Whether a small gradient may end the run here: the relative [`Offset`](super::Offset) is at most `ε^⅔`
    /// (`4e−11` in f64) and no parameter is lost. Leaves the Gauss–Newton step as `δ`.
    ///
    /// Where no step is left, an offset of half the digits of `ε` is enough; here one is at hand, and gives more.
    pub(super) fn is_settled(&mut self) -> bool {
        let tolerance = T::of(T::EPSILON.f64().cbrt().powi(2));
        self.linear.newton();
        self.trial.x.fill(T::zero());
        self.linear.add(T::one(), &self.scale, self.trial.x.as_mut_slice());
        let step = scaled_norm(&self.norms, self.trial.x.as_slice());
        let small = step <= tolerance * scaled_norm(&self.norms, self.here.x.as_slice())
            || self.linear.projection() <= tolerance * norm(self.here.residuals.as_slice());
        small && !self.is_lost()
    }

    /// Whether a parameter has run off to where it has no influence: its column of `J`, once `D_j` long, is down
    /// to `ε D_j`, and even a change by its own size would leave the residuals the same,
    /// `‖J_j‖ |x_j| ≤ ε ‖r‖`.
    fn is_lost(&self) -> bool {
        let r = norm(self.here.residuals.as_slice());
        self.norms.iter().zip(&self.scale).zip(&self.here.x).any(|((&norm, &scale), &x)| {
            scale > T::zero() && norm <= T::EPSILON * scale && norm * x.abs() <= T::EPSILON * r
        })
    }

    /// The step to the trial point that was taken, from a point that was `settled` or not.
    pub(super) fn moved(&self, x: &mut DVector<T>, settled: bool, mut step: Step<T>) -> Step<T> {
        x.copy_from(&self.here.x);
        step.outcome = if settled { Outcome::Moved } else { Outcome::Unsettled };
        step
    }

    /// The step that ends a run, for no trial point is taken.
    pub(super) fn ended<R: Residuals<T>>(&self, squares: &mut LeastSquares<T, R>, step: Step<T>) -> Step<T> {
        let solved = squares.offset(&self.here.x).is_ok_and(|offset| offset.is_small());
        step.ended(if self.is_lost() {
            Termination::Divergence
        } else if solved {
            Termination::Exact
        } else {
            Termination::NoDescent
        })
    }
}

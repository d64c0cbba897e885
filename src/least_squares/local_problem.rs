//! What Levenberg–Marquardt and Gauss–Newton share: the linearised problem at a point, and the judgement of a
//! step away from it.

use nalgebra::DVector;

use super::{LeastSquares, Offset, Residuals, half_square, residuals_at};
use crate::contract::{check_evaluation, check_point};
use crate::kernel::{self, Linearised, norm};
use crate::optimizer::{Outcome, Position, Probed, Size, Step, leave};
use crate::{Error, Real, Termination};

/// The linearised problem `min ‖r + J δ‖` at a point, and a trial point beside it.
#[derive(Debug, Clone, Default)]
pub(super) struct LocalProblem<T: Real> {
    pub(super) here: Evaluated<T>,
    trial: Evaluated<T>,
    /// Whether the problem stays the same from step to step.
    in_run: bool,
    known: bool,
    /// `D`: the norms of the columns of `J`, the largest so far.
    pub(super) scale: Vec<T>,
    /// Those norms at the point itself.
    pub(super) norms: Vec<T>,
    /// The factorised `J D⁻¹`, and a solution `δ`.
    pub(super) linear: Linearised<T>,
}

/// A point with what is known of `f` there. The Jacobian is kept factorised, or in the buffer of [`LeastSquares`].
#[derive(Debug, Clone, Default)]
pub(super) struct Evaluated<T: Real> {
    x: DVector<T>,
    pub(super) residuals: DVector<T>,
    gradient: DVector<T>,
}

/// What came of a trial point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Attempt<T> {
    /// Residuals or Jacobian are not finite there.
    Outside,
    /// The actual over the predicted reduction of `f`; taken if it is at least `10⁻⁴`.
    Ratio(T),
    /// Both reductions are rounding, or none is predicted; taken if the scaled gradient is smaller there.
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
        Self { in_run, ..Self::default() }
    }

    /// The problem is another one.
    pub(super) fn forget(&mut self) {
        self.known = false;
    }

    /// `‖D x‖`.
    pub(super) fn size(&self) -> T {
        scaled_norm(&self.scale, self.here.x.as_slice())
    }

    /// Linearises at `x`, unless the last step of this run went there. Leaves the Gauss–Newton step as `δ`. Whether `x`
    /// is new, so that the norms of the columns start afresh; they go on in steps by hand from where the last one went.
    pub(super) fn stand<R: Residuals<T>>(
        &mut self, squares: &mut LeastSquares<T, R>, x: &DVector<T>,
    ) -> Result<(Step<T>, bool), Error> {
        let is_new = !(self.known && self.here.x == *x);
        if is_new {
            let here = Evaluated { x: x.clone(), gradient: DVector::zeros(x.len()), ..Evaluated::default() };
            let trial = here.clone();
            let scale = vec![T::zero(); x.len()];
            let norms = scale.clone();
            *self = Self { here, trial, scale, norms, ..Self::new(self.in_run) };
        }
        let evaluates = is_new || !self.in_run;
        if evaluates {
            self.trial.x.copy_from(x);
            residuals_at(&mut squares.problem, x, &mut self.trial.residuals)?;
            self.linearise(squares)?;
            self.take(squares);
        }
        let gradient_norm = kernel::norm_inf(self.here.gradient.as_slice());
        let mut step = Step::new(half_square(&self.here.residuals), gradient_norm);
        step.evaluations = usize::from(evaluates);
        self.known = step.is_finite();
        step.outcome = if self.is_settled() { Outcome::Moved } else { Outcome::Unsettled };
        Ok((step, is_new))
    }

    /// Jacobian and gradient at the trial point; whether they are finite: what is not in `J` is not in `Jᵀr`.
    fn linearise<R: Residuals<T>>(&mut self, squares: &mut LeastSquares<T, R>) -> Result<bool, Error> {
        squares.jacobian_at(&self.trial.x)?;
        squares.gradient(&self.trial.residuals, &mut self.trial.gradient);
        Ok(kernel::all_finite(self.trial.gradient.as_slice()))
    }

    /// The trial point, whose Jacobian is in the buffer, becomes the point.
    fn take<R: Residuals<T>>(&mut self, squares: &LeastSquares<T, R>) {
        std::mem::swap(&mut self.here, &mut self.trial);
        let norms = self.norms.iter_mut().zip(squares.jacobian.column_iter());
        for ((length, column), d) in norms.zip(&mut self.scale) {
            // finite where the column is
            *length = norm(column.as_slice()).min(T::MAX);
            *d = d.max(*length);
        }
        self.linear.factorise(&squares.jacobian, &self.scale, self.here.residuals.as_slice());
    }

    /// Tries `x + t δ`, and moves there if `f` falls by at least `10⁻⁴` of what was `predicted`. Where both are
    /// rounding, the gradient decides.
    pub(super) fn attempt<R: Residuals<T>>(
        &mut self, squares: &mut LeastSquares<T, R>, x: &mut DVector<T>, t: T, predicted: T,
        step: &mut Step<T>,
    ) -> Result<Attempt<T>, Error> {
        if !(step.is_finite() && predicted.is_finite() && predicted > T::zero()) {
            return Ok(Attempt::Rounding { taken: false });
        }
        self.trial.x.copy_from(x);
        self.linear.add(t, &self.scale, self.trial.x.as_mut_slice());
        if !kernel::all_finite(self.trial.x.as_slice()) {
            return Ok(Attempt::Outside);
        }
        residuals_at(&mut squares.problem, &self.trial.x, &mut self.trial.residuals)?;
        step.evaluations += 1;
        if !half_square(&self.trial.residuals).is_finite() {
            return Ok(Attempt::Outside);
        }
        let actual = self.reduction();
        let noise = self.noise();
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
            x.copy_from(&self.here.x);
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
            let scaled =
                gradient.iter().zip(&self.scale).map(|(&g, &d)| if d > T::zero() { g / d } else { g });
            scaled.fold(T::zero(), |sum, g| sum + g * g)
        };
        square(&self.trial.gradient) < square(&self.here.gradient)
    }

    /// Whether a small gradient may end the run here: the relative [`Offset`](super::Offset) is at most `ε^⅔`
    /// (`4e−11` in f64) and no parameter is lost.
    ///
    /// Where no step is left, an offset of half the digits of `ε` is enough; here one is at hand, and gives more.
    fn is_settled(&mut self) -> bool {
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
    /// `‖J_j‖ |x_j| ≤ ε ‖r‖`. Where there is no residual, nothing is left to influence.
    fn is_lost(&self) -> bool {
        self.here.residuals.amax() > T::zero() && (0..self.norms.len()).any(|j| self.has_lost(j))
    }

    /// Whether the parameter has lost its influence.
    fn has_lost(&self, j: usize) -> bool {
        let r = norm(self.here.residuals.as_slice());
        let (norm, scale, x) = (self.norms[j], self.scale[j], self.here.x[j]);
        scale > T::zero() && norm <= T::EPSILON * scale && norm * x.abs() <= T::EPSILON * r
    }

    /// The ending of a point that no step leaves: along what the Jacobian leaves flat it is probed, and may be left.
    pub(super) fn ended<R: Residuals<T>>(
        &self, squares: &mut LeastSquares<T, R>, x: &mut DVector<T>, step: Step<T>,
    ) -> Result<Step<T>, Error> {
        // no sum of squares is less than zero
        let solved = step.value == T::zero() || squares.offset(x).is_ok_and(|offset| offset.is_small());
        let mut at = Position { objective: squares, x, step };
        at.step.outcome = Outcome::Moved;
        // where parameters have lost their influence on the way, only a minimum all around is told from a plateau
        let lost = self.is_lost();
        let axis = |j| DVector::from_fn(at.x.len(), |i, _| if i == j { T::one() } else { T::zero() });
        let range = match lost {
            true => (0..at.x.len()).filter(|j| !self.has_lost(*j)).map(axis).collect(),
            false => at.objective.range(at.x)?,
        };
        if at.step.value > T::zero() && range.len() < at.x.len() {
            leave(&mut at, (&self.here.gradient, &Size::at(&self.here.x)), &range, lost)?;
            // residuals that cancel in J x are noisier than their sum of squares
            let there = at.x.clone();
            if at.step.outcome == Outcome::Escaped && at.step.value - at.value(&there) <= self.noise() {
                at.x.copy_from(&self.here.x);
                at.step.outcome = Outcome::Moved;
                at.step.probed = Probed::Valley;
            }
        }
        let why = if lost && at.step.probed != Probed::Bowl {
            Termination::Divergence
        } else if at.step.outcome != Outcome::Moved {
            return Ok(at.step);
        } else if solved {
            Termination::Exact
        } else {
            Termination::NoDescent
        };
        Ok(at.step.ended(why))
    }
}

impl<T: Real, R: Residuals<T>> LeastSquares<T, R> {
    /// Orthonormal directions that span all that the Jacobian at `x` determines.
    fn range(&mut self, x: &DVector<T>) -> Result<Vec<DVector<T>>, Error> {
        self.jacobian_at(x)?;
        let size = kernel::norm_inf(self.jacobian.as_slice());
        let scaled = &self.jacobian * size.unit().0;
        let Some(spectrum) = kernel::spectrum(&scaled.tr_mul(&scaled)) else { return Ok(Vec::new()) };
        Ok(spectrum.range(spectrum.zero()))
    }

    /// The relative [`Offset`] at `x`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{LeastSquares, Residuals};
    ///
    /// struct Root; // r = x² − 2
    /// impl Residuals<f64> for Root {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn count(&self) -> usize { 1 }
    ///     fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
    ///         r[0] = x[0] * x[0] - 2.0;
    ///     }
    ///     fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
    ///         j[(0, 0)] = 2.0 * x[0];
    ///     }
    /// }
    /// let offset = LeastSquares::new(Root).offset(&dvector![3.0])?;
    /// assert!((offset.step - 7.0 / 18.0).abs() < 1e-15); // δ = −7/6 at x = 3
    /// assert!(!offset.is_small());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// `x` of the wrong length, residuals or Jacobian resized or not finite.
    pub fn offset(&mut self, x: &DVector<T>) -> Result<Offset<T>, Error> {
        check_point("x", x, self.problem.dim())?;
        let mut local = LocalProblem::new(false);
        let (step, _) = local.stand(self, x)?;
        check_evaluation("the value", "x", &[step.value])?;
        check_evaluation("the gradient", "x", &[step.gradient_norm])?;
        let over = |a: T, b: T| if a == T::zero() { a } else { a / b };
        let size = norm(local.here.residuals.as_slice());
        let slopes =
            local.here.gradient.iter().zip(&local.norms).map(|(&g, &d)| over(over(g.abs(), size), d));
        Ok(Offset {
            cosine: over(local.linear.projection(), size),
            step: over(local.linear.newton(), local.size()),
            slope: slopes.fold(T::zero(), |most, slope| if slope <= most { most } else { slope }),
        })
    }
}

/// `‖D v‖`.
pub(super) fn scaled_norm<T: Real>(d: &[T], v: &[T]) -> T {
    d.iter().zip(v).fold(T::zero(), |sum, (&d, &v)| sum + d * v * d * v).sqrt()
}

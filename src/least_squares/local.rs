//! What Levenberg–Marquardt and Gauss–Newton share: the linearised problem at a point, and the judgement of a
//! step away from it.

use nalgebra::DVector;

use super::{LeastSquares, Residuals, column_norms, half_square, norm, scaled_norm};
use crate::kernel::{self, Linearised};
use crate::optimizer::{Outcome, Step};
use crate::{Error, Real, Termination};

/// A point with residuals and factorised Jacobian, and a trial point beside it.
#[derive(Debug, Clone)]
pub(super) struct Local<T: Real> {
    here: Point<T>,
    trial: Point<T>,
    known: bool,
    /// Norms of the Jacobian's columns, the largest so far.
    pub(super) scale: Vec<T>,
    /// Those norms at the point itself.
    norms: Vec<T>,
    pub(super) triangle: Linearised<T>,
}

#[derive(Debug, Clone)]
struct Point<T: Real> {
    x: DVector<T>,
    residuals: DVector<T>,
    gradient: DVector<T>,
    value: T,
}

impl<T: Real> Point<T> {
    fn new() -> Self {
        let empty = || DVector::zeros(0);
        Self { x: empty(), residuals: empty(), gradient: empty(), value: T::NAN }
    }
}

/// What a trial says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Trial<T> {
    /// Residuals or Jacobian are not finite there.
    Outside,
    /// The actual reduction of `f`, over the predicted one.
    Gain(T),
    /// Both reductions are rounding, and the gradient is smaller there (or is not).
    Rounding(bool),
}

impl<T: Real> Local<T> {
    pub(super) fn new() -> Self {
        let (here, trial) = (Point::new(), Point::new());
        Self { here, trial, known: false, scale: Vec::new(), norms: Vec::new(), triangle: Linearised::new() }
    }

    pub(super) fn reset(&mut self) {
        self.known = false;
    }

    /// `‖D x‖`.
    pub(super) fn size(&self) -> T {
        scaled_norm(&self.scale, self.here.x.as_slice())
    }

    /// Stands at `x`; true if it did not stand there already.
    pub(super) fn stand<R: Residuals<T>>(
        &mut self,
        squares: &mut LeastSquares<T, R>,
        x: &DVector<T>,
    ) -> Result<(Step<T>, bool), Error> {
        let new = !(self.known && self.here.x == *x);
        if new {
            self.scale.clear();
            self.scale.resize(x.len(), T::zero());
            self.norms.resize(x.len(), T::zero());
            self.trial.x.clone_from(x);
            self.here.x = DVector::zeros(x.len());
            self.here.gradient = DVector::zeros(x.len());
            self.trial.gradient = DVector::zeros(x.len());
            squares.residuals_at(x, &mut self.trial.residuals)?;
            self.trial.value = half_square(&self.trial.residuals);
            self.known = self.linearise(squares)?;
            self.accept(squares);
        }
        let mut step = Step::new(self.here.value, kernel::norm_inf(self.here.gradient.as_slice()));
        step.evaluations = usize::from(new);
        if !self.known || !step.is_finite() {
            step.outcome = Outcome::Ended(Termination::NoDescent);
            self.known = false;
        }
        Ok((step, new))
    }

    /// Jacobian and gradient at the trial point; whether they are finite.
    fn linearise<R: Residuals<T>>(&mut self, squares: &mut LeastSquares<T, R>) -> Result<bool, Error> {
        let finite = kernel::all_finite(squares.jacobian_at(&self.trial.x)?.as_slice());
        squares.gradient(&self.trial.residuals, &mut self.trial.gradient);
        Ok(finite && kernel::all_finite(self.trial.gradient.as_slice()))
    }

    /// Goes to the trial point, whose Jacobian stands in the buffer.
    fn accept<R: Residuals<T>>(&mut self, squares: &LeastSquares<T, R>) {
        std::mem::swap(&mut self.here, &mut self.trial);
        if self.known {
            column_norms(&squares.jacobian, &mut self.norms);
            self.scale.iter_mut().zip(&self.norms).for_each(|(d, &norm)| *d = d.max(norm));
            self.triangle.factorise(&squares.jacobian, &self.scale, self.here.residuals.as_slice());
        }
    }

    /// Tries `x + t δ`, with `δ` the triangle's solution, and goes there if `f` falls by at least `10⁻⁴` of
    /// what was `predicted`. Where both are of the order of rounding, the gradient decides.
    pub(super) fn attempt<R: Residuals<T>>(
        &mut self,
        squares: &mut LeastSquares<T, R>,
        t: T,
        predicted: T,
        step: &mut Step<T>,
    ) -> Result<Trial<T>, Error> {
        let trial = &mut self.trial;
        trial.x.copy_from(&self.here.x);
        self.triangle.add(t, &self.scale, trial.x.as_mut_slice());
        if !kernel::all_finite(trial.x.as_slice()) {
            return Ok(Trial::Outside);
        }
        squares.residuals_at(&trial.x, &mut trial.residuals)?;
        step.evaluations += 1;
        trial.value = half_square(&trial.residuals);
        if !trial.value.is_finite() {
            return Ok(Trial::Outside);
        }
        let actual = self.reduction();
        let noise = self.noise();
        let (gain, enough) = (actual / predicted, T::of(1e-4));
        let rounding = predicted <= noise && actual.abs() <= noise;
        if !(rounding || gain >= enough) {
            return Ok(Trial::Gain(gain));
        }
        if !self.linearise(squares)? {
            return Ok(Trial::Outside);
        }
        if rounding && !self.smaller_gradient() {
            return Ok(Trial::Rounding(false));
        }
        self.accept(squares);
        Ok(if rounding { Trial::Rounding(true) } else { Trial::Gain(gain) })
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

    fn smaller_gradient(&self) -> bool {
        let length = |gradient: &DVector<T>| {
            gradient.iter().zip(&self.scale).fold(T::zero(), |sum, (&g, &d)| {
                let g = if d > T::zero() { g / d } else { g };
                sum + g * g
            })
        };
        length(&self.trial.gradient) < length(&self.here.gradient)
    }

    /// Whether a small gradient may end the run here: the relative [`Offset`](super::Offset) is at most `ε^⅔`
    /// (`4e−11` in f64) and the point is not lost.
    ///
    /// The offset halves the digits of `ε` where it judges an end; here, where a step is at hand, the solution
    /// shall have more than half of them.
    pub(super) fn is_settled(&mut self) -> bool {
        let tolerance = T::of(T::EPSILON.f64().cbrt().powi(2));
        self.triangle.newton();
        self.trial.x.fill(T::zero());
        self.triangle.add(T::one(), &self.scale, self.trial.x.as_mut_slice());
        let step = scaled_norm(&self.norms, self.trial.x.as_slice());
        let small = step <= tolerance * scaled_norm(&self.norms, self.here.x.as_slice())
            || self.triangle.projection() <= tolerance * norm(self.here.residuals.as_slice());
        small && !self.is_lost()
    }

    /// Whether a parameter has run off to where it has no influence: its column of `J`, once `D_j` long, is down
    /// to `ε D_j`, and even a change by its own size would leave the residuals the same,
    /// `‖J_j‖ |x_j| ≤ ε ‖r‖`.
    fn is_lost(&self) -> bool {
        let r = norm(self.here.residuals.as_slice());
        let columns = self.norms.iter().zip(&self.scale).zip(&self.here.x);
        columns.into_iter().any(|((&norm, &scale), &x)| {
            scale > T::zero() && norm <= T::EPSILON * scale && norm * x.abs() <= T::EPSILON * r
        })
    }

    /// `x` moves to where the last accepted trial went, from a point that was `settled` or not.
    pub(super) fn leave(&self, x: &mut DVector<T>, settled: bool, step: &mut Step<T>) {
        x.copy_from(&self.here.x);
        step.outcome = if settled { Outcome::Moved } else { Outcome::Unsettled };
    }

    /// No further: whether that is because there is nothing more to gain.
    pub(super) fn end<R: Residuals<T>>(&self, squares: &mut LeastSquares<T, R>, step: &mut Step<T>) {
        let offset = squares.offset(&self.here.x);
        let exact = offset.is_ok_and(|offset| offset.is_small());
        step.outcome = match (self.is_lost(), exact) {
            (true, _) => Outcome::Ended(Termination::Divergence),
            (false, true) => Outcome::Ended(Termination::Exact),
            (false, false) => Outcome::Ended(Termination::NoDescent),
        };
    }
}

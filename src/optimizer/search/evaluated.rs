//! The one place that keeps a point with what was evaluated there.

use nalgebra::{DMatrix, DVector};

use super::{Size, closeness, is_within, rounding};
use crate::contract::{check_hessian, check_size, matrix, room};
use crate::objective::evaluate;
use crate::optimizer::Step;
use crate::{CriticalPoint, Error, Hessian, Objective, Real, kernel};

/// `x`, `f` and `∇f` of the last evaluation, and `∇²f` for methods of second order; buffers are sized once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluated<T: Real> {
    pub(crate) x: DVector<T>,
    pub(crate) value: T,
    pub(crate) gradient: DVector<T>,
    pub(crate) hessian: DMatrix<T>,
    pub(crate) size: Size<T>,
    /// Within a run: where it ends. Only then is the objective the same from step to step.
    pub(super) tolerance: Option<T>,
    /// The verdict on `x`, once asked for.
    pub(super) judged: Option<CriticalPoint<T>>,
}

impl<T: Real> Evaluated<T> {
    /// A run begins or ends: what was evaluated belongs to an earlier one.
    pub(crate) fn start(&mut self, tolerance: Option<T>) {
        self.tolerance = tolerance;
        self.size.forget();
        self.forget();
    }

    /// The objective is another one.
    pub(crate) fn forget(&mut self) {
        self.value = T::NAN;
    }

    /// Whether the objective stays the same from step to step.
    pub(crate) fn is_within_run(&self) -> bool {
        self.tolerance.is_some()
    }

    /// Whether the run ends at a point with this gradient, unless it is a saddle.
    pub(crate) fn is_end(&self, step: &Step<T>) -> bool {
        self.tolerance.is_some_and(|tolerance| step.gradient_norm <= tolerance)
    }

    /// Value and gradient at `x`.
    pub(crate) fn evaluate<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        assign(&mut self.x, x);
        self.size.see(x);
        self.value = evaluate(objective, x, &mut self.gradient)?;
        Ok(Step { evaluations: 1, ..self.tell() })
    }

    /// Value, gradient and Hessian at `x`.
    pub(crate) fn evaluate_hessian<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        let n = x.len();
        if self.gradient.len() != n || self.hessian.len() != n * n {
            room::<T>("hessian", &[n, n, 2])?; // a factor of it as well
            // what is never written shows
            self.gradient = DVector::repeat(n, T::NAN);
            self.hessian = matrix("hessian", (n, n), T::NAN)?;
        }
        assign(&mut self.x, x);
        self.size.see(x);
        self.judged = None;
        self.value = objective.value_gradient_hessian(x, &mut self.gradient, &mut self.hessian);
        check_size("the gradient", self.gradient.len(), n)?;
        check_hessian(&self.hessian, n)?;
        Ok(Step { evaluations: 1, ..self.tell() })
    }

    /// As [`evaluate_hessian`](Self::evaluate_hessian), at no cost within a run where the last evaluation was of this
    /// point.
    pub(crate) fn visit<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        if self.is_within_run() && self.knows(x) {
            return Ok(self.tell());
        }
        self.evaluate_hessian(objective, x)
    }

    /// Whether only a gradient of zero would end the run.
    pub(crate) fn has_no_tolerance(&self) -> bool {
        self.tolerance == Some(T::zero())
    }

    /// `max_i Σ_j |H_ij| h_j`: by how much `‖∇f‖∞` changes at most where each coordinate moves by `h_j`, a function of `j`
    /// and `x_j`.
    pub(crate) fn change(&self, h: impl Fn(usize, T) -> T) -> T {
        let row = |column: &[T]| {
            let entries = column.iter().zip(self.x.as_slice()).enumerate();
            entries.fold(T::zero(), |sum, (j, (entry, x))| sum + entry.abs() * h(j, *x))
        };
        let columns = self.hessian.as_slice().chunks_exact(self.x.len().max(1));
        columns.map(row).fold(T::zero(), |largest, row| largest.max(row))
    }

    /// The size of the largest variable.
    pub(crate) fn scale(&self) -> T {
        let sizes = self.x.iter().enumerate().map(|(i, x)| self.size.of(i, *x));
        sizes.fold(T::zero(), |most, size| most.max(size))
    }

    /// Whether the Newton step `s` from here, which promises to lower `f` by so much, says that the point is stationary,
    /// whatever the unit of `f`: it is short, and its promise is rounding of `f`, or it is itself rounding of `x`.
    /// Coordinates next to zero are rounding of the unit, unless `f` is convex: then the promise alone tells.
    pub(crate) fn is_settled(&self, s: &DVector<T>, promised: impl Fn() -> T, is_convex: bool) -> bool {
        let size = |i: usize, x: T| if is_convex { x.abs() } else { self.size.of(i, x) };
        is_within(&self.x, s, closeness(), |i, x| self.size.of(i, x))
            && (promised() <= rounding(self.value) || is_within(&self.x, s, T::of(8.0) * T::EPSILON, size))
    }

    /// Changes places with what was evaluated elsewhere in the same run.
    pub(crate) fn swap(&mut self, there: &mut Self) {
        std::mem::swap(self, there);
        std::mem::swap(&mut self.tolerance, &mut there.tolerance);
        std::mem::swap(&mut self.size, &mut there.size);
    }

    /// Whether the last evaluation was of `x`.
    pub(crate) fn knows(&self, x: &DVector<T>) -> bool {
        self.value.is_finite() && self.x == *x
    }

    /// What a step tells of the point, evaluated before.
    pub(crate) fn tell(&self) -> Step<T> {
        let known = Step::new(self.value, kernel::norm_inf(self.gradient.as_slice()));
        Step { evaluations: 0, ..known }
    }

    /// Judges `x`, from what the last evaluation left behind if that was its point.
    pub(crate) fn judge<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<CriticalPoint<T>, Error> {
        let known = self.is_within_run() && self.knows(x) && self.hessian.nrows() == x.len();
        match self.judged.take().filter(|_| known) {
            Some(point) => Ok(point),
            None if known => Ok(CriticalPoint::judge(objective, x, &self.gradient, &self.hessian)?.0),
            None => CriticalPoint::of(objective, x),
        }
    }

    /// Judges `x`, and keeps the verdict and the Hessian that it rests on.
    pub(crate) fn judge_here<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<&CriticalPoint<T>, Error> {
        if !self.knows(x) {
            self.evaluate_hessian(objective, x)?;
        }
        let point = self.judge(objective, x)?;
        Ok(self.judged.insert(point))
    }
}

/// `to ← from`, without an allocation where the lengths agree.
pub(crate) fn assign<T: Real>(to: &mut DVector<T>, from: &DVector<T>) {
    if to.len() == from.len() {
        to.as_mut_slice().copy_from_slice(from.as_slice());
    } else {
        to.clone_from(from);
    }
}

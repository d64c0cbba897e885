//! Variables whose sizes lie far apart, each measured in a unit of its own.

use nalgebra::{DMatrix, DVector};

use super::{Evaluated, assign};
use crate::critical_point::measure;
use crate::optimizer::Step;
use crate::{Error, Hessian, Objective, Real, kernel};

/// Sizes within such a factor of each other are of one unit.
const APART: f64 = 1024.0;

/// A run in `y_i = x_i / u_i` where the sizes of the variables at the start lie [`APART`], else in `x`. The unit `u_i` is the
/// power of two below the size, so that it rounds nothing.
///
/// The size of `x_i` is `|x_i|`, or next to zero, where `|H_ii| x_i² < √ε max_j |H_jj| x_j²`, how far `f` bends along it by as
/// much as that maximum, which is `max_j g_j² / |H_jj|` where all are zero. All are measured in the unit of the variable.
#[derive(Debug, Clone, Default)]
pub(crate) struct Units<T: Real> {
    /// Empty where the run is in `x`.
    u: DVector<T>,
    y: DVector<T>,
    /// The point that the objective is asked at.
    there: DVector<T>,
    /// Of the run, in the units of `x`; nothing before its first step is taken.
    tolerance: Option<T>,
}

impl<T: Real> Units<T> {
    pub(crate) fn forget(&mut self) {
        self.u = DVector::zeros(0);
        self.tolerance = None;
    }

    /// Goes back to the units of `x`, and what is known of a point with it.
    pub(crate) fn end(&mut self, known: &mut Evaluated<T>) {
        if !self.u.is_empty() {
            known.measure(&std::mem::take(&mut self.u).map(|u| T::one() / u));
        }
    }

    /// A step from `x` of the method that keeps `here`, by its step in `y`.
    pub(crate) fn step<O: Hessian<T> + ?Sized, M>(
        &mut self, method: &mut M, here: impl Fn(&mut M) -> &mut Evaluated<T>, objective: &mut O,
        x: &mut DVector<T>,
        inner: impl FnOnce(&mut M, &mut InUnits<'_, T, O>, &mut DVector<T>) -> Result<Step<T>, Error>,
    ) -> Result<Step<T>, Error> {
        let mut evaluations = 0;
        if let (None, Some(tolerance)) = (self.tolerance, here(method).tolerance) {
            self.tolerance = Some(tolerance);
            let known = here(method);
            evaluations = known.visit(objective, x)?.evaluations;
            self.choose(known);
        }
        if self.u.is_empty() {
            let step = inner(method, &mut InUnits { objective, units: self }, x)?;
            return Ok(Step { evaluations: step.evaluations + evaluations, ..step });
        }
        let mut y = std::mem::take(&mut self.y);
        assign(&mut y, x);
        y.component_div_assign(&self.u);
        let mut scaled = InUnits { objective, units: self };
        let known = here(method);
        let told = known.visit(&mut scaled, &y)?;
        let pairs = known.gradient.iter().zip(&scaled.units.u);
        let norm = pairs.fold(T::zero(), |most, (g, u)| most.max((*g / *u).abs()));
        let is_ratio = norm > T::zero() && told.gradient_norm > T::zero();
        let ratio = if is_ratio { norm / told.gradient_norm } else { T::one() };
        known.tolerance = scaled.units.tolerance.map(|tolerance| tolerance / ratio);
        let mut step = inner(method, &mut scaled, &mut y)?;
        step.evaluations += told.evaluations + evaluations;
        if step.is_finite() {
            step.gradient_norm = norm;
            step.tolerance = step.tolerance.map(|tolerance| tolerance * ratio);
            step.floor *= ratio;
        }
        x.copy_from(&y);
        x.component_mul_assign(&self.u);
        self.y = y;
        Ok(step)
    }

    /// The units, by what is known of the start, which is then known in them.
    fn choose(&mut self, known: &mut Evaluated<T>) {
        let curvature = |i: usize| known.hessian[(i, i)].abs();
        let bend = |(i, x): (usize, &T)| curvature(i) * *x * *x;
        let gain =
            |(i, g): (usize, &T)| if curvature(i) > T::zero() { *g / curvature(i) * *g } else { T::zero() };
        let bends = known.x.iter().enumerate().map(bend).fold(T::zero(), |most, bend| most.max(bend));
        let gains = known.gradient.iter().enumerate().map(gain).fold(T::zero(), |most, gain| most.max(gain));
        let most = if bends > T::zero() { bends } else { gains };
        let sizes = known.x.map_with_location(|i, _, x| {
            let is_next_to_zero = bend((i, &x)) < T::EPSILON.sqrt() * most && curvature(i) > T::zero();
            if is_next_to_zero { (most / curvature(i)).sqrt() } else { x.abs() }
        });
        let Some(u) = units(&sizes) else { return };
        known.measure(&u);
        self.u = u;
    }
}

/// The powers of two below `sizes` where these lie [`APART`].
pub(crate) fn units<T: Real>(sizes: &DVector<T>) -> Option<DVector<T>> {
    let is_size = |size: &T| *size > T::zero() && size.is_finite();
    let are_apart = sizes.iter().all(is_size) && sizes.max() > sizes.min() * T::of(APART);
    are_apart.then(|| sizes.map(|size| T::one() / kernel::unit(size)))
}

impl<T: Real> Evaluated<T> {
    /// Measures `x_i` in `u_i`.
    fn measure(&mut self, u: &DVector<T>) {
        self.x.component_div_assign(u);
        slopes(&mut self.gradient, u);
        measure(&mut self.hessian, u);
        self.size.forget();
        self.size.see(&self.x);
        self.judged = None;
    }
}

/// `U g`; what user code has resized is refused elsewhere.
fn slopes<T: Real>(gradient: &mut DVector<T>, u: &DVector<T>) {
    gradient.iter_mut().zip(u).for_each(|(g, u)| *g *= *u);
}

/// `y ↦ f(U y)`, or `f` where the run is in `x`.
pub(crate) struct InUnits<'a, T: Real, O: ?Sized> {
    objective: &'a mut O,
    units: &'a mut Units<T>,
}

impl<T: Real, O: ?Sized> InUnits<'_, T, O> {
    /// `f`, and where to ask it.
    fn at<'b>(&'b mut self, y: &'b DVector<T>) -> (&'b mut O, &'b DVector<T>) {
        if self.units.u.is_empty() {
            return (self.objective, y);
        }
        assign(&mut self.units.there, y);
        self.units.there.component_mul_assign(&self.units.u);
        (self.objective, &self.units.there)
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for InUnits<'_, T, O> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&mut self, y: &DVector<T>) -> T {
        let (f, x) = self.at(y);
        f.value(x)
    }

    fn value_gradient(&mut self, y: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let (f, x) = self.at(y);
        let value = f.value_gradient(x, gradient);
        slopes(gradient, &self.units.u);
        value
    }

    fn is_convex(&self) -> bool {
        self.objective.is_convex()
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Hessian<T> for InUnits<'_, T, O> {
    fn hessian(&mut self, y: &DVector<T>, hessian: &mut DMatrix<T>) {
        let (f, x) = self.at(y);
        f.hessian(x, hessian);
        measure(hessian, &self.units.u);
    }

    fn value_gradient_hessian(
        &mut self, y: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        if self.units.u.is_empty() {
            return self.objective.value_gradient_hessian(y, gradient, hessian);
        }
        let (f, x) = self.at(y);
        let value = f.value_gradient_hessian(x, gradient, hessian);
        slopes(gradient, &self.units.u);
        measure(hessian, &self.units.u);
        value
    }
}

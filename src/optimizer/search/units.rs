//! Variables whose sizes lie far apart, each measured in a unit of its own.

use nalgebra::{DMatrix, DVector};

use super::{Evaluated, assign};
use crate::critical_point::measure;
use crate::optimizer::Step;
use crate::{Error, Hessian, Objective, Real, kernel};

/// Sizes within such a factor of each other are of one unit.
const APART: f64 = 1024.0;

/// A run in `y_i = x_i / u_i` where the sizes of the variables at the start lie [`APART`] and curvatures `u_i² H_ii` are nearer to
/// each other than `H_ii`, else in `x`. The unit `u_i` is the power of two below the size, so that it rounds nothing.
///
/// The size of `x_i` is `|x_i|`, or next to zero, where `|H_ii| x_i² < √ε max_j |H_jj| x_j²`, how far `f` bends along it by as
/// much as that maximum, which is `max_j g_j² / |H_jj|` where all are zero. All are measured in the unit of the variable.
#[derive(Debug, Clone, Default)]
pub(super) struct Units<T: Real> {
    /// Whether the start of the run was looked at.
    is_open: bool,
    pub(super) apart: Option<Box<Apart<T>>>,
}

/// Units that differ.
#[derive(Debug, Clone)]
pub(super) struct Apart<T: Real> {
    u: DVector<T>,
    y: DVector<T>,
    /// The point that the objective is asked at.
    there: DVector<T>,
    /// Of the run, in the units of `x`.
    tolerance: Option<T>,
}

impl<T: Real> Units<T> {
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Goes back to the units of `x`, and what is known of a point with it.
    pub(super) fn end(&mut self, known: &mut Evaluated<T>) {
        if let Some(apart) = self.apart.take() {
            known.measure(&apart.u.map(|u| T::one() / u));
        }
    }

    /// Looks at the start of a run, before its first step; how many evaluations that took.
    pub(super) fn open<O: Hessian<T> + ?Sized>(
        &mut self, known: &mut Evaluated<T>, objective: &mut O, x: &DVector<T>,
    ) -> Result<usize, Error> {
        if self.is_open || !known.is_within_run() {
            return Ok(0);
        }
        self.is_open = true;
        let evaluations = known.visit(objective, x)?.evaluations;
        self.apart = Apart::at(known).map(Box::new);
        Ok(evaluations)
    }
}

impl<T: Real> Apart<T> {
    /// The units, by what is known of the start, which is then known in them.
    fn at(known: &mut Evaluated<T>) -> Option<Self> {
        let curvature = |i: usize| known.hessian[(i, i)].abs();
        let bend = |(i, x): (usize, &T)| curvature(i) * *x * *x;
        let gain =
            |(i, g): (usize, &T)| if curvature(i) > T::zero() { *g / curvature(i) * *g } else { T::zero() };
        let bends = known.x.iter().enumerate().map(bend).fold(T::zero(), |most, bend| most.max(bend));
        let gains = known.gradient.iter().enumerate().map(gain).fold(T::zero(), |most, gain| most.max(gain));
        let most = if bends > T::zero() { bends } else { gains };
        let u = units(known.x.len(), |i| {
            let x = known.x[i];
            let is_next_to_zero = bend((i, &x)) < T::EPSILON.sqrt() * most && curvature(i) > T::zero();
            if is_next_to_zero { (most / curvature(i)).sqrt() } else { x.abs() }
        })?;
        // weights that were drawn are of one unit, however small some are: theirs would set curvatures further apart
        let spread = |curvature: &dyn Fn(usize) -> T| {
            let known = (0..u.len()).map(curvature).filter(|curvature| *curvature > T::zero());
            let (least, most) =
                known.fold((T::MAX, T::zero()), |(least, most), c| (least.min(c), most.max(c)));
            most / least
        };
        if !(spread(&|i| curvature(i) * u[i] * u[i]) <= spread(&curvature)) {
            return None;
        }
        known.measure(&u);
        let empty = || DVector::zeros(0);
        Some(Self { u, y: empty(), there: empty(), tolerance: known.tolerance })
    }

    /// A step from `x` of the method that keeps `here`, by its step in `y`.
    pub(super) fn step<O: Hessian<T> + ?Sized, M: ?Sized>(
        &mut self, method: &mut M, here: impl Fn(&mut M) -> &mut Evaluated<T>, objective: &mut O,
        x: &mut DVector<T>,
        inner: impl FnOnce(&mut M, &mut dyn Hessian<T>, &mut DVector<T>) -> Result<Step<T>, Error>,
    ) -> Result<Step<T>, Error> {
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
        step.evaluations += told.evaluations;
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
}

/// The powers of two below the sizes of `n` variables where these lie [`APART`].
pub(crate) fn units<T: Real>(n: usize, size: impl Fn(usize) -> T) -> Option<DVector<T>> {
    let (mut least, mut most) = (T::MAX, T::zero());
    for size in (0..n).map(&size) {
        if !(size > T::zero() && size.is_finite()) {
            return None;
        }
        (least, most) = (least.min(size), most.max(size));
    }
    (most > least * T::of(APART)).then(|| DVector::from_fn(n, |i, _| T::one() / kernel::unit(size(i))))
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

/// `y ↦ f(U y)`.
struct InUnits<'a, T: Real, O: ?Sized> {
    objective: &'a mut O,
    units: &'a mut Apart<T>,
}

impl<T: Real, O: ?Sized> InUnits<'_, T, O> {
    /// `f`, and where to ask it.
    fn at<'b>(&'b mut self, y: &'b DVector<T>) -> (&'b mut O, &'b DVector<T>) {
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
        let (f, x) = self.at(y);
        let value = f.value_gradient_hessian(x, gradient, hessian);
        slopes(gradient, &self.units.u);
        measure(hessian, &self.units.u);
        value
    }
}

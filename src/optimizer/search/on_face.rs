//! A function within bounds: as a function of its free variables, on which methods work unchanged, and as the run that
//! judges its points sees it.

use nalgebra::{DMatrix, DVector};

use super::{Bounds, Evaluated, Face, Size, assign, closeness, rounding};
use crate::optimizer::{Outcome, Step};
use crate::{CriticalPoint, Error, Hessian, Objective, Real, Recession, Termination};

/// What was evaluated last, of all variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Full<T: Real> {
    pub(super) here: Evaluated<T>,
    /// Whether the Hessian is of the same point.
    has_hessian: bool,
    /// Where the function is asked next.
    there: DVector<T>,
    evaluations: usize,
    /// What user code broke where no error could be told.
    broken: Option<Error>,
}

impl<T: Real> Full<T> {
    /// Value and gradient at `x`, unless they are known.
    pub(crate) fn first<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        if !self.here.knows(x) {
            self.has_hessian = false;
            self.evaluations += 1;
            self.here.evaluate(objective, x)?;
        }
        Ok(self.here.tell())
    }

    /// The Hessian as well.
    pub(crate) fn second<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Result<Step<T>, Error> {
        if !(self.has_hessian && self.here.knows(x)) {
            self.evaluations += 1;
            self.has_hessian = false;
            self.here.evaluate_hessian(objective, x)?;
            self.has_hessian = true;
        }
        Ok(self.here.tell())
    }
}

/// The bounds of a method, where it has some.
#[derive(Debug, Clone, Default)]
pub(crate) struct Within<T: Real>(pub(crate) Option<Box<Bounded<T>>>);

/// Bounds, and what is known of the point.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<T: Real> {
    bounds: Bounds<T>,
    /// Empty until a run starts.
    face: Face<T>,
    full: Full<T>,
    /// `∇f` at the point given, and the free variables there.
    gradient: DVector<T>,
    y: DVector<T>,
    /// Those that the last step led out of the bounds they lie at.
    outward: Vec<usize>,
    /// Those that a run has put onto the bounds they were next to.
    snapped: Vec<usize>,
}

impl<T: Real> Within<T> {
    pub(crate) fn new(bounds: Bounds<T>) -> Self {
        let (full, gradient, y): (_, DVector<T>, _) = Default::default();
        let face = Face::of(gradient.clone(), gradient.clone());
        Self(Some(Box::new(Bounded {
            bounds,
            face,
            full,
            gradient,
            y,
            outward: Vec::new(),
            snapped: Vec::new(),
        })))
    }

    /// Judges the bounds; a run begins or ends.
    pub(crate) fn start(&mut self, dim: usize, tolerance: Option<T>) -> Result<(), Error> {
        let Some(bounded) = &mut self.0 else { return Ok(()) };
        bounded.full.here.start(tolerance);
        bounded.snapped.clear();
        bounded.outward.clear();
        bounded.face = bounded.bounds.resolve(dim)?;
        Ok(())
    }

    pub(crate) fn face(&self) -> Option<&Face<T>> {
        Some(&self.0.as_ref()?.face).filter(|face| !face.x.is_empty())
    }

    /// The verdict on `x` as a point of its face.
    pub(crate) fn judge<O: Hessian<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>,
    ) -> Option<Result<CriticalPoint<T>, Error>> {
        let bounded = self.0.as_mut()?;
        Some(bounded.face(x.len()).and_then(|face| face.judge(objective, x)))
    }
}

impl<T: Real> Bounded<T> {
    /// Whether the objective stays the same from step to step.
    pub(crate) fn is_within_run(&self) -> bool {
        self.full.here.is_within_run()
    }

    /// The face, of so many variables.
    fn face(&mut self, dim: usize) -> Result<&mut Face<T>, Error> {
        if self.face.x.len() != dim {
            self.face = self.bounds.resolve(dim)?;
        }
        Ok(&mut self.face)
    }

    /// One step from `P(x)`: `look` evaluates there, and `inner` takes the step of the method on the face of the free
    /// variables, told whether they are others than before.
    pub(crate) fn step<O: ?Sized>(
        &mut self, objective: &mut O, x: &mut DVector<T>,
        look: impl Fn(&mut Full<T>, &mut O, &DVector<T>) -> Result<Step<T>, Error>,
        mut inner: impl FnMut(&mut OnFace<'_, T, O>, &mut DVector<T>, bool) -> Result<Step<T>, Error>,
    ) -> Result<Step<T>, Error> {
        self.face(x.len())?;
        let Self { face, full, gradient, y, outward, snapped, .. } = self;
        face.project(x);
        if !full.here.is_within_run() {
            full.here.forget();
            snapped.clear();
            outward.clear();
        }
        full.evaluations = 0;
        let step = look(full, objective, x)?;
        let step = Step { evaluations: full.evaluations, ..step };
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        let hessian = Some(&full.here.hessian).filter(|_| full.has_hessian);
        let is_new = face.refresh(x, &full.here.gradient, hessian);
        assign(gradient, &full.here.gradient);
        // what the last step of second order led out of its bound is held for one step, where its slope is nothing
        let led_out = std::mem::take(outward);
        let is_flat = |i: usize| gradient[i].abs() <= nothing(hessian, i, x);
        let is_held = face.hold(&face.at_bound(|_, i| led_out.contains(&i) && is_flat(i)));
        if face.free.is_empty() {
            return Ok(Step { gradient_norm: T::zero(), ..step }.ended(Termination::Exact));
        }
        face.gather(x, y);
        let looked = full.evaluations;
        let mut step = inner(&mut OnFace { objective, face, full }, y, is_new || is_held)?;
        let kept = face.at_bound(|_, i| face.keeps(i, x[i], gradient[i]));
        if is_stuck(&step) && face.hold(&kept) {
            face.gather(x, y);
            let further = inner(&mut OnFace { objective, face, full }, y, true)?;
            let has_moved = face.free.iter().zip(y.iter()).any(|(&i, y)| face.within(i, *y) != x[i]);
            step = if has_moved { further } else { Step { evaluations: further.evaluations, ..step } };
        } else if full.has_hessian && !is_held {
            *outward = face.at_bound(|k, i| face.within(i, y[k]) != y[k]);
        }
        face.lift(y, x);
        if is_stuck(&step) {
            assign(y, x);
            if face.snap(x, gradient, &full.here.size, snapped) {
                match look(full, objective, x)?.value <= step.value + rounding(step.value) {
                    true => step.outcome = Outcome::Unsettled,
                    false => assign(x, y),
                }
            }
        }
        if full.evaluations > looked {
            step.evaluations = full.evaluations;
        }
        full.broken.take().map_or(Ok(step), Err)
    }
}

/// What counts as no slope of a variable.
fn nothing<T: Real>(hessian: Option<&DMatrix<T>>, i: usize, x: &DVector<T>) -> T {
    let Some(h) = hessian else { return T::zero() };
    let terms = h.column(i).iter().zip(x).fold(T::zero(), |sum, (h, x)| sum + h.abs() * x.abs());
    closeness::<T>() * terms
}

fn is_stuck<T: Real>(step: &Step<T>) -> bool {
    step.outcome == Outcome::Ended(Termination::NoDescent)
}

/// `y ↦ f(P(x))`, `y` the free variables of `x`, the others where bounds hold them.
pub(crate) struct OnFace<'a, T: Real, O: ?Sized> {
    pub(crate) objective: &'a mut O,
    pub(crate) face: &'a Face<T>,
    pub(crate) full: &'a mut Full<T>,
}

impl<T: Real, O: ?Sized> OnFace<'_, T, O> {
    /// What `evaluate` tells at the point of `y`; NaN where it cannot.
    fn ask(
        &mut self, y: &DVector<T>,
        evaluate: impl FnOnce(&mut Full<T>, &mut O, &DVector<T>) -> Result<Step<T>, Error>,
    ) -> T {
        let mut there = std::mem::replace(&mut self.full.there, DVector::zeros(0));
        self.face.lift(y, &mut there);
        let told = evaluate(self.full, self.objective, &there);
        self.full.there = there;
        told.map_or_else(
            |error| {
                self.full.broken = Some(error);
                T::NAN
            },
            |step| step.value,
        )
    }

    /// `∂f(P)/∂y`: nothing changes with what is projected, nor down a slope that ends at once.
    fn gradient(&self, y: &DVector<T>, gradient: &mut DVector<T>) {
        if self.full.broken.is_some() {
            return gradient.fill(T::NAN);
        }
        for (k, &i) in self.face.free.iter().enumerate() {
            let slope = self.full.here.gradient[i];
            let is_inside = self.face.within(i, y[k]) == y[k] && !self.face.keeps(i, y[k], slope);
            gradient[k] = if is_inside { slope } else { T::zero() };
        }
    }

    fn block(&self, hessian: &mut DMatrix<T>) {
        if self.full.broken.is_some() {
            return hessian.fill(T::NAN);
        }
        for (k, &j) in self.face.free.iter().enumerate() {
            let column = self.full.here.hessian.column(j);
            hessian.column_mut(k).iter_mut().zip(&self.face.free).for_each(|(h, &i)| *h = column[i]);
        }
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for OnFace<'_, T, O> {
    fn dim(&self) -> usize {
        self.face.free.len()
    }

    fn value(&mut self, y: &DVector<T>) -> T {
        self.ask(y, |full, objective, x| {
            full.evaluations += 1;
            Ok(Step::new(objective.value(x), T::zero()))
        })
    }

    fn value_gradient(&mut self, y: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let value = self.ask(y, Full::first);
        self.gradient(y, gradient);
        value
    }

    fn is_convex(&self) -> bool {
        self.objective.is_convex()
    }
}

impl<T: Real, O: Hessian<T> + ?Sized> Hessian<T> for OnFace<'_, T, O> {
    fn hessian(&mut self, y: &DVector<T>, hessian: &mut DMatrix<T>) {
        self.ask(y, Full::second);
        self.block(hessian);
    }

    fn value_gradient_hessian(
        &mut self, y: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        let value = self.ask(y, Full::second);
        self.gradient(y, gradient);
        self.block(hessian);
        value
    }
}

impl<T: Real> Face<T> {
    /// The face at `x`: a bound holds where the gradient points out of it by more than `ε^⅔ Σ_j |H_ij x_j|`, as far
    /// as there is a Hessian to tell. Whether other variables are free than before.
    pub(super) fn refresh(
        &mut self, x: &DVector<T>, gradient: &DVector<T>, hessian: Option<&DMatrix<T>>,
    ) -> bool {
        self.x.copy_from(x);
        let mut changed = false;
        let mut count = 0;
        for i in 0..x.len() {
            let is_kept = self.keeps(i, x[i], gradient[i]) && gradient[i].abs() > nothing(hessian, i, x);
            let is_held = self.lower[i] == self.upper[i] || is_kept;
            self.multipliers[i] = if is_held { gradient[i] } else { T::zero() };
            if !is_held {
                if self.free.get(count) != Some(&i) {
                    changed = true;
                    self.free.truncate(count);
                    self.free.push(i);
                }
                count += 1;
            }
        }
        changed |= count < self.free.len();
        self.free.truncate(count);
        changed
    }

    /// Holds also these of the free variables, if there are any, and others are left.
    fn hold(&mut self, held: &[usize]) -> bool {
        let holds = !held.is_empty() && held.len() < self.free.len();
        if holds {
            self.free.retain(|i| !held.contains(i));
        }
        holds
    }

    /// The free variables that lie at a bound, and of which that is so.
    fn at_bound(&self, is_so: impl Fn(usize, usize) -> bool) -> Vec<usize> {
        let at = |i: usize| self.x[i] == self.lower[i] || self.x[i] == self.upper[i];
        let free = self.free.iter().copied().enumerate();
        free.filter(|&(k, i)| at(i) && is_so(k, i)).map(|(_, i)| i).collect()
    }

    /// Moves what is next to its bound onto it, where `f` falls that way, once a run: within so little way a method of free
    /// variables takes no step. Whether anything moved.
    fn snap(
        &self, x: &mut DVector<T>, gradient: &DVector<T>, size: &Size<T>, snapped: &mut Vec<usize>,
    ) -> bool {
        let mut moved = false;
        for &i in &self.free {
            let end = if gradient[i] > T::zero() { self.lower[i] } else { self.upper[i] };
            let way = (x[i] - end).abs();
            let is_next = way <= closeness::<T>() * size.of(i, x[i]);
            if way > T::zero() && is_next && !snapped.contains(&i) {
                x[i] = end;
                snapped.push(i);
                moved = true;
            }
        }
        moved
    }
}

/// The objective as a run sees it that judges the points of a method: as it is, or within the bounds that the method has,
/// what they hold at the point left where it is.
pub(crate) struct Seen<'a, T: Real, O: ?Sized> {
    objective: &'a mut O,
    face: Option<&'a Face<T>>,
    there: DVector<T>,
}

impl<'a, T: Real, O: ?Sized> Seen<'a, T, O> {
    pub(crate) fn new(objective: &'a mut O, face: Option<&'a Face<T>>) -> Self {
        Self { objective, face, there: DVector::zeros(0) }
    }

    /// `P(x)`, held variables where they are.
    fn place(&mut self, x: &DVector<T>) -> Option<&'a Face<T>> {
        let face = self.face?;
        assign(&mut self.there, &face.x);
        face.free.iter().for_each(|&i| self.there[i] = face.within(i, x[i]));
        Some(face)
    }
}

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for Seen<'_, T, O> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        match self.place(x) {
            Some(_) => self.objective.value(&self.there),
            None => self.objective.value(x),
        }
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let Some(face) = self.place(x) else { return self.objective.value_gradient(x, gradient) };
        let value = self.objective.value_gradient(&self.there, gradient);
        let mut free = face.free.iter().peekable();
        for (i, g) in gradient.iter_mut().enumerate() {
            let is_free = free.next_if(|free| **free == i).is_some();
            if !is_free || face.keeps(i, self.there[i], *g) {
                *g = T::zero();
            }
        }
        value
    }

    fn is_convex(&self) -> bool {
        self.objective.is_convex()
    }

    fn recedes(&mut self, x: &DVector<T>) -> Recession<T> {
        match self.objective.recedes(x) {
            Recession::Along(d) if self.face.is_some_and(|face| face.ends(&d)) => Recession::NotSought,
            other => other,
        }
    }
}

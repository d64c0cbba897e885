//! What is asked of the samples of a risk besides its value and derivatives. Model and loss stand behind pointers, so that
//! all of this is compiled in this crate, once for each scalar.

use std::borrow::BorrowMut;
use std::marker::PhantomData;
use std::ops::Range;

use nalgebra::{DMatrixView, DVector};

use super::EmpiricalRisk;
use super::frame::Frame;
use super::leaves::{Adder, InPlace, Leaves};
use super::pass::Add;
use super::samples::{Part, Samples};
use super::state::{Worker, second_width};
use super::tree::{Counter, Sum, Summand, into_kind, of_kind};
use super::window::Window;
use crate::kernel::{self, compiled};
use crate::model::Linear;
use crate::{
    Architecture, Error, Hessian, HessianProduct, Loss, Model, Real, SecondOrderLoss, SecondOrderModel,
};

/// A risk, whatever its model and loss.
#[derive(Clone, Copy)]
pub(crate) struct Survey<'r, T: Real> {
    pub(super) samples: &'r Samples<'r, T>,
    pub(super) model: &'r dyn Forward<T>,
    pub(super) loss: &'r dyn Loss<T>,
    pub(super) ridge: T,
    /// Runs of parameters that the penalty shrinks.
    pub(super) penalised: &'r [Range<usize>],
}

/// A model that any number of threads can run.
pub(super) trait Forward<T: Real>: Architecture {
    fn running(&self, width: usize) -> Box<dyn Running<T> + '_>;
}

/// A model with a cache, as [`Model`].
pub(super) trait Running<T: Real>: Send {
    fn forward(&mut self, theta: &DVector<T>, x: DMatrixView<'_, T>) -> DMatrixView<'_, T>;

    fn backward(
        &mut self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        gradient: &mut DVector<T>,
    );

    fn affine_inputs<'c>(&'c self, x: DMatrixView<'c, T>) -> Option<DMatrixView<'c, T>>;
}

/// What one thread needs to go through the samples.
pub(super) type Working<'r, T> = Worker<T, Box<dyn Running<T> + 'r>>;

/// A model with a cache of its own, or one that is lent.
pub(super) struct With<'m, T, M, C> {
    model: &'m M,
    cache: C,
    scalar: PhantomData<T>,
}

impl<'m, T: Real, M: Model<T>, C: BorrowMut<M::Cache>> With<'m, T, M, C> {
    pub(super) fn new(model: &'m M, cache: C) -> Self {
        Self { model, cache, scalar: PhantomData }
    }
}

impl<T: Real, M: Model<T>, C: BorrowMut<M::Cache> + Send> Running<T> for With<'_, T, M, C> {
    fn forward(&mut self, theta: &DVector<T>, x: DMatrixView<'_, T>) -> DMatrixView<'_, T> {
        self.model.forward(theta, x, self.cache.borrow_mut())
    }

    fn backward(
        &mut self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        gradient: &mut DVector<T>,
    ) {
        self.model.backward(theta, x, delta, self.cache.borrow_mut(), gradient);
    }

    fn affine_inputs<'c>(&'c self, x: DMatrixView<'c, T>) -> Option<DMatrixView<'c, T>> {
        self.model.affine_inputs(x, self.cache.borrow())
    }
}

impl<T: Real, M: Model<T>> Forward<T> for M {
    fn running(&self, width: usize) -> Box<dyn Running<T> + '_> {
        Box::new(With::new(self, self.cache(width)))
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    pub(crate) fn survey(&self) -> Survey<'_, T> {
        let Self { samples, model, loss, ridge, penalised, .. } = self;
        Survey { samples, model, loss, ridge: *ridge, penalised }
    }
}

/// A risk of second order, whatever its model and loss.
pub(crate) trait Surveyed<T: Real>: Hessian<T> + HessianProduct<T> {
    fn survey(&self) -> Survey<'_, T>;

    fn second(&self) -> &dyn SecondOrderLoss<T>;
}

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> Surveyed<T> for EmpiricalRisk<'_, T, M, L> {
    fn survey(&self) -> Survey<'_, T> {
        self.survey()
    }

    fn second(&self) -> &dyn SecondOrderLoss<T> {
        &self.loss
    }
}

impl<'r, T: Real> Survey<'r, T> {
    /// Samples in play.
    pub(crate) fn in_play(&self) -> usize {
        self.samples.in_play()
    }

    /// What features are measured by, if not as they are.
    pub(crate) fn frame(&self) -> Option<&'r Frame<T>> {
        self.samples.frame.as_ref()
    }

    /// The map `W x + b` of the features without offsets, where the model is affine.
    pub(crate) fn linear(&self) -> Linear {
        let (inputs, outputs) = (self.model.inputs() - self.model.offsets(), self.model.outputs());
        Linear { inputs, outputs, bias: self.model.parameter_count() > inputs * outputs }
    }

    /// Whether the scores are an affine function of all parameters.
    pub(crate) fn is_affine(&self) -> bool {
        self.model.affine_in() == (0..self.model.parameter_count())
    }

    /// Hands out the curvature that the penalty gives to each weight of a feature as it is.
    pub(super) fn each_penalised(&self, mut hand: impl FnMut(usize, T)) {
        if self.ridge != T::zero() {
            let scale = |i: usize| self.samples.frame.as_ref().map_or(T::one(), |frame| frame.scale(i));
            let penalised = self.penalised.iter().flat_map(Range::clone);
            penalised.for_each(|i| hand(i, self.ridge * scale(i) * scale(i)));
        }
    }

    /// The least and the greatest curvature that the penalty gives a weight.
    pub(crate) fn penalty_range(&self) -> [T; 2] {
        let mut range = [T::MAX, T::zero()];
        self.each_penalised(|_, ridge| range = [range[0].min(ridge), range[1].max(ridge)]);
        range
    }

    /// `(λ/2) ‖W‖²`, with `λ W` added to `gradient`.
    pub(super) fn penalty(&self, theta: &DVector<T>, gradient: Option<&mut DVector<T>>) -> T {
        if self.ridge == T::zero() { T::zero() } else { self.shrink(theta, gradient) }
    }

    compiled! {
        fn shrink(this: &'a Survey<'a, T>, theta: &'a DVector<T>, gradient: Option<&'a mut DVector<T>>) -> T {
            let mut gradient = gradient;
            if this.samples.frame.is_some() {
                let mut sum = T::zero();
                this.each_penalised(|i, ridge| {
                    gradient.iter_mut().for_each(|gradient| gradient[i] += ridge * theta[i]);
                    sum += T::of(0.5) * (ridge * theta[i]) * theta[i];
                });
                return sum;
            }
            let weights = || this.penalised.iter().map(|run| (run, &theta.as_slice()[run.clone()]));
            if let Some(gradient) = gradient {
                weights().for_each(|(run, w)| {
                    kernel::axpy(this.ridge, w, &mut gradient.as_mut_slice()[run.clone()]);
                });
            }
            T::of(0.5) * this.ridge * weights().fold(T::zero(), |sum, (_, w)| sum + kernel::dot(w, w))
        }
    }

    /// A model with room for chunks of this width.
    pub(super) fn worker(&self, width: usize, is_second: bool) -> Working<'r, T> {
        let (sizes, width) = ((self.model.inputs(), self.model.outputs()), width.min(self.samples.count));
        let room = self.samples.room(sizes, width, is_second);
        Worker { cache: self.model.running(width), room }
    }

    /// The sum over the samples in play, or over some others, of what `add` adds for one chunk: of `width`, in leaves of so
    /// many samples or more.
    pub(super) fn sum_once<S: Summand, W: Send>(
        &self, some: Option<Window<'_, T>>, (width, least): (usize, usize), worker: &dyn Fn() -> W,
        zero: &(dyn Fn() -> S + Sync), add: &Add<'_, T, W, S>,
    ) -> Result<S, Error> {
        let samples = some.map_or(self.samples.in_play(), |some| some.shares.len());
        let numbers = Sum::count(&mut zero());
        let leaves = Leaves::new(samples, width, numbers * size_of::<S::Number>()).of_at_least(least);
        let threads = leaves.threads(numbers);
        let mut workers: Vec<W> = (0..threads).map(|_| worker()).collect();
        let mut counters: Vec<_> = (0..threads).map(|_| Counter::default()).collect();
        let zero = || Box::new(zero()) as Box<dyn Sum>;
        let adder = Adder { leaves, in_place: InPlace::InLeaf, zero: &zero };
        let mut run = |part: &Part<'_, T>, range: Range<usize>, counters: &mut [Counter]| {
            adder.range(range, &mut workers, counters, &|chunk, worker, sum| {
                add(part, chunk, worker, of_kind(sum));
            });
        };
        self.samples.sum(some, leaves.size, &mut counters, &zero, &mut run).map(|sum| *into_kind(sum))
    }

    /// The same of the samples in play, with room for second derivatives.
    pub(super) fn sum_samples<S: Summand>(
        &self, zero: &(dyn Fn() -> S + Sync), add: &Add<'_, T, Working<'r, T>, S>,
    ) -> Result<S, Error> {
        let width = second_width(self.model.outputs());
        self.sum_once(None, (width, 1), &|| self.worker(width, true), zero, add)
    }
}

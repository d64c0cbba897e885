//! The loop: epochs over shuffled samples, and what is watched from one to the next.

use std::ops::{ControlFlow, Range};
use std::time::Instant;

use nalgebra::DVector;

use super::{Checkpoint, Epoch, History, Training};
use crate::contract::check_size;
use crate::fit::Fitted;
use crate::model::Stream;
use crate::optimizer::Stochastic;
use crate::risk::Window;
use crate::{EmpiricalRisk, Error, Loss, Model, Objective, Optimizer, Real, Report, Termination, kernel};

/// Puts samples into the order of an epoch, counted from 1, which follows from the seed alone.
pub(super) fn shuffle(samples: &mut [usize], seed: u64, epoch: u64) {
    Stream::part(seed, epoch).shuffle(samples);
}

/// The settings of a run.
pub(super) struct Plan<T> {
    /// Those that steps see, ascending.
    pub(super) samples: Vec<usize>,
    pub(super) held_out: Vec<usize>,
    pub(super) batch: usize,
    pub(super) epochs: usize,
    pub(super) seed: u64,
    pub(super) patience: Option<(usize, T)>,
    pub(super) plateau: Option<(usize, f64)>,
    pub(super) frozen: Vec<Range<usize>>,
}

pub(super) struct Run<T: Real> {
    plan: Plan<T>,
    state: Checkpoint<T>,
    /// Where the last step started.
    at: DVector<T>,
    order: Vec<usize>,
}

/// Whether a loss still improves.
struct Watch<T> {
    patience: usize,
    improvement: T,
    best: Option<T>,
    since: usize,
}

impl<T: Real> Watch<T> {
    fn new(patience: usize, improvement: T) -> Self {
        Self { patience, improvement, best: None, since: 0 }
    }

    /// Whether there was no improvement for as long as patience lasts.
    fn is_over(&mut self, entry: &Epoch<T>) -> bool {
        let (value, best) = (entry.watched(), self.best);
        // a loss that is not finite is no improvement
        if value.is_finite() && best.is_none_or(|best| value < best - self.improvement) {
            (self.best, self.since) = (Some(value), entry.epoch);
        }
        entry.epoch - self.since >= self.patience
    }
}

impl<T: Real> Run<T> {
    pub(super) fn new(plan: Plan<T>, state: Checkpoint<T>) -> Self {
        Self { at: state.theta.clone(), order: plan.samples.clone(), plan, state }
    }

    pub(super) fn epochs<'a, M: Model<T> + Clone, L: Loss<T> + Clone, P>(
        &mut self, optimizer: &mut P, risk: &mut EmpiricalRisk<'a, T, M, L>,
        mut validation: Option<&mut dyn Objective<T>>,
        mut progress: impl FnMut(&mut Training<'_, T>) -> ControlFlow<()>,
    ) -> Result<Termination, Error>
    where
        P: Stochastic + Optimizer<T, EmpiricalRisk<'a, T, M, L>>,
    {
        let (begun, before) = (Instant::now(), self.state.history.len());
        let mut stopping =
            self.plan.patience.map(|(patience, improvement)| Watch::new(patience, improvement));
        let mut plateau = self.plan.plateau.map(|(patience, _)| Watch::new(patience, T::zero()));
        let mut is_over = false;
        for entry in &self.state.history {
            is_over = stopping.as_mut().is_some_and(|watch| watch.is_over(entry));
            plateau.as_mut().map(|watch| watch.reduces(entry));
        }
        for epoch in before + 1..=self.plan.epochs {
            if is_over {
                self.return_to_best();
                return Ok(Termination::NoImprovement);
            }
            let Some(loss) = self.epoch(optimizer, risk, epoch)? else {
                return Ok(Termination::NonFinite);
            };
            let (validation, metric) = self.validate(risk, &mut validation)?;
            let entry = Epoch { epoch, loss, validation, metric };
            let least = self.state.history.best().map_or(T::MAX, Epoch::watched);
            self.state.history.0.push(entry);
            is_over = stopping.as_mut().is_some_and(|watch| watch.is_over(&entry));
            if stopping.is_some() && entry.watched() < least {
                self.state.keep();
            }
            if let (Some(watch), Some((_, factor))) = (&mut plateau, self.plan.plateau)
                && watch.reduces(&entry)
            {
                optimizer.scale_rate(factor);
            }
            let (state, epochs) = (&mut self.state, self.plan.epochs);
            let mut training = Training { state, method: optimizer, epochs, begun, before };
            if progress(&mut training).is_break() {
                return Ok(Termination::Stopped);
            }
        }
        if stopping.is_some() {
            self.return_to_best();
        }
        Ok(if is_over { Termination::NoImprovement } else { Termination::Iterations })
    }

    fn return_to_best(&mut self) {
        if let Some(best) = self.state.best.take() {
            self.state.theta = best;
        }
    }

    /// The validation objective, or loss and score of the samples that are held out.
    fn validate<M: Model<T> + Clone, L: Loss<T> + Clone>(
        &self, risk: &mut EmpiricalRisk<'_, T, M, L>, validation: &mut Option<&mut dyn Objective<T>>,
    ) -> Result<(Option<T>, Option<T>), Error> {
        let theta = &self.state.theta;
        if let Some(objective) = validation {
            return Ok((Some(objective.value(theta)), None));
        }
        if self.plan.held_out.is_empty() {
            return Ok((None, None));
        }
        let loss = risk.select(&self.plan.held_out)?.value(theta);
        let fitted = Fitted::new(risk.model().clone(), risk.loss().clone(), Report::given(theta.clone()));
        let Window { x, y, shares, .. } = risk.present();
        // none where there is none, as of constant targets
        Ok((Some(loss), fitted.score_weighted(x, y, shares).ok()))
    }

    /// One pass; the mean loss, or nothing once it is not finite.
    fn epoch<'a, M: Model<T>, L: Loss<T>, P: Optimizer<T, EmpiricalRisk<'a, T, M, L>>>(
        &mut self, optimizer: &mut P, risk: &mut EmpiricalRisk<'a, T, M, L>, epoch: usize,
    ) -> Result<Option<T>, Error> {
        let (state, mut loss) = (&mut self.state, 0.0);
        self.order.copy_from_slice(&self.plan.samples);
        shuffle(&mut self.order, self.plan.seed, epoch as u64);
        for samples in self.order.chunks(self.plan.batch) {
            self.at.as_mut_slice().copy_from_slice(state.theta.as_slice());
            let step = optimizer.step(risk.select(samples)?, &mut state.theta)?;
            check_size("the point", state.theta.len(), self.at.len())?;
            if !step.is_finite() {
                return Ok(None);
            }
            hold(&mut state.theta, &self.at, &self.plan.frozen);
            std::mem::swap(&mut state.good, &mut self.at);
            state.steps += 1;
            loss += step.value.f64() * (samples.len() as f64 / self.order.len() as f64);
        }
        Ok(Some(T::of(loss)))
    }

    /// Judges the point over all samples that were trained on; one that is not finite there gives way to the last good
    /// one.
    pub(super) fn report<M: Model<T>, L: Loss<T>>(
        self, risk: &mut EmpiricalRisk<'_, T, M, L>, mut termination: Termination,
    ) -> Result<(Report<T>, History<T>), Error> {
        match self.plan.held_out.is_empty() {
            true => risk.batch(0..risk.samples())?,
            false => risk.select(&self.plan.samples)?,
        };
        let Checkpoint { theta, good, history, steps, .. } = self.state;
        let mut gradient = DVector::zeros(theta.len());
        let mut found = T::NAN;
        let diverged = termination == Termination::NonFinite;
        for x in if diverged { [good, theta] } else { [theta, good] } {
            let value = risk.value_gradient(&x, &mut gradient);
            self.plan.frozen.iter().for_each(|range| gradient.as_mut_slice()[range.clone()].fill(T::zero()));
            let norm = kernel::norm_inf(gradient.as_slice());
            if value.is_finite() && norm.is_finite() {
                let mut report = Report::given(x);
                report.epochs = Some(history.len());
                (report.value, report.gradient_norm, report.termination) = (value, norm, termination);
                (report.iterations, report.evaluations) = (steps, steps + 1);
                return Ok((report, history));
            }
            found = if value.is_finite() { norm } else { value };
            termination = Termination::NonFinite;
        }
        let at = if steps == 0 {
            "the start"
        } else {
            "every point that was reached: take a smaller learning rate, or features of one scale"
        };
        Err(Error::Evaluation { what: "the loss over all samples, or its gradient,", at, found: found.f64() })
    }
}

impl<T: Real> Watch<T> {
    /// Whether patience is over; then it begins anew.
    fn reduces(&mut self, entry: &Epoch<T>) -> bool {
        let is_over = self.is_over(entry);
        if is_over {
            self.since = entry.epoch;
        }
        is_over
    }
}

/// Takes back what a step has done to these parameters.
fn hold<T: Real>(theta: &mut DVector<T>, before: &DVector<T>, ranges: &[Range<usize>]) {
    for range in ranges {
        theta.as_mut_slice()[range.clone()].copy_from_slice(&before.as_slice()[range.clone()]);
    }
}

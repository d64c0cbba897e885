//! Where the features of a risk lie, how large they are, and the same samples in other coordinates.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::frame::{Frame, SAMPLED, add_squares, distances, origins};
use super::leaves::LEAF;
use super::state::second_width;
use super::{EmpiricalRisk, Source, Sums, Window};
use crate::contract::room;
use crate::model::Linear;
use crate::{Error, Loss, Model, Perceptron, Real, Recession, SecondOrderModel, kernel};

impl<'a, T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'a, T, M, L> {
    /// [Origins](origins) of the features; of offsets, zero.
    pub(super) fn origins(&self) -> Result<Vec<T>, Error> {
        let (n, m) = (self.model.inputs(), self.in_play());
        let step = m.div_ceil(SAMPLED);
        // a place for each, and whether it counts
        let zero = || Sums::zeros((n + 1) * m.div_ceil(step), 0);
        let none = || ();
        let some =
            self.sum_once(None, (LEAF, m / 16), &none, &zero, &|here, chunk, (), some: &mut Sums<T>| {
                let first = chunk.start.next_multiple_of(step).min(chunk.end);
                for j in (first..chunk.end).step_by(step) {
                    let (x, _, share) = here.part(j..j + 1);
                    if share[0] > T::zero() {
                        let place = &mut some.vector.as_mut_slice()[(n + 1) * (j / step)..][..=n];
                        place.iter_mut().zip(&x).for_each(|(place, x)| *place = *x);
                        place[n] = T::one();
                    }
                }
            })?;
        let counting = some.vector.as_slice().chunks_exact(n + 1).filter(|place| place[n] > T::zero());
        let mut origins = origins(&counting.flat_map(|place| &place[..n]).copied().collect::<Vec<_>>(), n);
        origins[n - self.model.offsets()..].fill(T::zero());
        Ok(origins)
    }

    /// The largest distance of each feature from an origin, over samples that count.
    pub(super) fn distances(&self, origin: &[T]) -> Result<Vec<T>, Error> {
        self.largest(origin.len(), |here, chunk, _, largest| {
            let (x, _, shares) = here.part(chunk);
            distances(x, origin, shares, &mut largest.0);
        })
        .map(|distances| distances.into_iter().map(|distance| distance.max(T::zero())).collect())
    }

    /// What each share is, if all are the same.
    pub(super) fn equal_share(&self) -> Option<T> {
        let weight = match &self.weights {
            Some(weights) => (weights.least == weights.largest).then_some(weights.least)?,
            None => T::one(),
        };
        let first = self.batch.shares.first().filter(|_| self.is_in_memory());
        Some(first.copied().unwrap_or_else(|| self.share.of(weight)))
    }

    /// Goes over to the coordinates of a frame, or back.
    pub(crate) fn place(&mut self, frame: Option<Frame<T>>) -> Option<Frame<T>> {
        self.forget();
        self.workers = Default::default();
        std::mem::replace(&mut self.frame, frame)
    }

    /// The frame of the features of an affine model, unless that is no gain.
    pub(crate) fn affine_frame(&self) -> Result<Option<Frame<T>>, Error> {
        let Linear { outputs, bias, .. } = self.linear();
        // from a size of √λ down the penalty determines the weight of a feature
        self.frame_of(outputs, bias, self.ridge.sqrt())
    }

    fn frame_of(&self, outputs: usize, has_bias: bool, least: T) -> Result<Option<Frame<T>>, Error> {
        let origin = if has_bias { self.origins()? } else { vec![T::zero(); self.model.inputs()] };
        let distances = self.distances(&origin)?;
        Ok(Frame::new(origin, &distances[..self.linear().inputs], outputs, least))
    }

    /// The features in play that are far from zero, or whose size is far from 1.
    pub(crate) fn unusual_features(&self) -> Result<Vec<usize>, Error> {
        let frame = self.frame_of(1, true, T::zero())?;
        Ok(frame.map_or_else(Vec::new, |frame| frame.unusual()))
    }

    /// The same risk of the samples in play in the coordinates of its [frame](Self::affine_frame).
    pub(crate) fn framed(&self) -> Result<EmpiricalRisk<'_, T, M, L>, Error>
    where
        M: Clone,
        L: Clone,
    {
        let frame = self.affine_frame()?;
        let (model, loss) = (self.model.clone(), self.loss.clone());
        let mut framed = match (&self.source, &self.ranks) {
            (Source::Memory(..), None) => {
                let Window { x, y, .. } = self.present();
                EmpiricalRisk::unshared(model, loss, Source::Memory(x, y), self.penalised.clone())
            }
            _ => EmpiricalRisk::unshared(model, loss, self.source.clone(), self.penalised.clone()),
        };
        (framed.count, framed.share, framed.ranks) = (self.in_play(), self.share, self.ranks.clone());
        framed.batch.shares.clone_from(&self.batch.shares);
        framed.batch.range = 0..self.batch.shares.len();
        (framed.frame, framed.ridge) = (frame, self.ridge);
        Ok(framed)
    }

    pub(crate) fn loss_mut(&mut self) -> &mut L {
        &mut self.loss
    }

    /// The same, known to have a minimum.
    pub(crate) fn with_minimum(self) -> Self {
        Self { verdict: Some(Recession::No), ..self }
    }

    /// `Σ_j w_j x_ij²` of each feature; in a frame, a bound for features next to 1.
    pub(crate) fn mean_squares(&self) -> Result<Vec<T>, Error> {
        let n = self.linear().inputs;
        if self.frame.is_some() {
            return Ok(vec![T::of(4.0); n]);
        }
        let zero = || Sums::zeros(n, 0);
        let squares = self.sum_samples(&zero, &|here, chunk, _, sums| {
            let (x, _, shares) = here.part(chunk);
            add_squares(x, shares, sums.vector.as_mut_slice());
        })?;
        Ok(squares.vector.as_slice().to_vec())
    }

    /// Parameters of one output in these units have curvatures of one size, `1/√(Σ_j w_j x_ij² + λ/c)`; nothing is left to
    /// do in a frame, nor where a penalty holds more features than there are samples.
    pub(crate) fn units(&self, c: T) -> Result<Vec<T>, Error> {
        let Linear { inputs, bias, .. } = self.linear();
        let mut units = vec![T::one(); inputs + usize::from(bias)];
        if self.frame.is_none() && inputs <= self.in_play() {
            let squares = self.mean_squares()?.into_iter().map(|square| square + self.ridge / c);
            let sized = units.iter_mut().zip(squares).filter(|(_, square)| *square > T::zero());
            sized.for_each(|(unit, square)| *unit = T::one() / square.sqrt());
        }
        Ok(units)
    }

    /// `c X W Xᵀ + λ` in the parameters of one output, with `W` the shares: near the Hessian of each output of a loss
    /// whose curvature is about `c`.
    pub(crate) fn metric(&self, c: T) -> Result<DMatrix<T>, Error> {
        let (k, one) = (self.model.outputs(), Perceptron(Linear { outputs: 1, ..self.linear() }));
        let p = one.0.parameter_count();
        room::<T>("second moments of the features", &[p, p])?;
        let (nowhere, width) = (DVector::zeros(p), second_width(1));
        let (worker, zero) = (|| self.worker(&one, width, false), || Sums::zeros(0, p));
        let sums =
            self.sum_once(None, (width, 1), &worker, &zero, &|here, chunk, worker, sums: &mut Sums<T>| {
                let (x, _, shares) = here.part(chunk);
                let x = kernel::top(here.seen(x, &mut worker.placed), one.0.inputs);
                let shares = DMatrixView::from_slice(shares, 1, shares.len());
                let h = sums.matrix.as_mut_slice();
                one.dense_hessian(&nowhere, x, shares, shares, &mut worker.cache, h);
            })?;
        let mut metric = sums.matrix * c;
        kernel::mirror(metric.as_mut_slice(), p);
        for i in (0..one.0.inputs).filter(|_| self.ridge != T::zero()) {
            let scale = self.frame.as_ref().map_or(T::one(), |frame| frame.scale(i * k));
            metric[(i, i)] += self.ridge * scale * scale;
        }
        Ok(metric)
    }
}

//! Where the features of a risk lie, how large they are, and the same samples in other coordinates.

use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

use super::EmpiricalRisk;
use super::frame::{Frame, SAMPLED, add_squares, distances, origins};
use super::leaves::{LEAF, chunk_width};
use super::samples::Samples;
use super::state::{Worker, second_width};
use super::sums::Sums;
use super::survey::Survey;
use crate::contract::room;
use crate::kernel::{self, compiled};
use crate::model::Linear;
use crate::{Error, Loss, Model, Perceptron, Real, Recession, SecondOrderModel};

impl<T: Real> Survey<'_, T> {
    compiled! {
        /// [Origins](origins) of the features; of offsets, zero.
        pub(super) fn origins(this: &'a Survey<'a, T>) -> Result<Vec<T>, Error> {
            let (n, m) = (this.model.inputs(), this.samples.in_play());
            let step = m.div_ceil(SAMPLED);
            // a place for each, and whether it counts
            let zero = || Sums::zeros((n + 1) * m.div_ceil(step), 0);
            let none = || ();
            let some =
                this.sum_once(None, (LEAF, m / 16), &none, &zero, &|here, chunk, (), some: &mut Sums<T>| {
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
            origins[n - this.model.offsets()..].fill(T::zero());
            Ok(origins)
        }

        /// The largest distance of each feature from an origin, over samples that count.
        pub(super) fn distances(this: &'a Survey<'a, T>, origin: &'a [T]) -> Result<Vec<T>, Error> {
            this.largest(origin.len(), |here, chunk, _, largest| {
                let (x, _, shares) = here.part(chunk);
                distances(x, origin, shares, &mut largest.0);
            })
            .map(|distances| distances.into_iter().map(|distance| distance.max(T::zero())).collect())
        }

        /// The frame of the features of an affine model, unless that is no gain.
        pub(crate) fn affine_frame(this: &'a Survey<'a, T>) -> Result<Option<Frame<T>>, Error> {
            let Linear { outputs, bias, .. } = this.linear();
            // from a size of √λ down the penalty determines the weight of a feature
            this.frame_of(outputs, bias, this.ridge.sqrt())
        }

        fn frame_of(this: &'a Survey<'a, T>, outputs: usize, has_bias: bool, least: T) -> Result<Option<Frame<T>>, Error> {
            let origin = if has_bias { this.origins()? } else { vec![T::zero(); this.model.inputs()] };
            let distances = this.distances(&origin)?;
            Ok(Frame::new(origin, &distances[..this.linear().inputs], outputs, least))
        }

        /// The features in play that are far from zero, or whose size is far from 1.
        pub(crate) fn unusual_features(this: &'a Survey<'a, T>) -> Result<Vec<usize>, Error> {
            let frame = this.frame_of(1, true, T::zero())?;
            Ok(frame.map_or_else(Vec::new, |frame| frame.unusual()))
        }

        /// `Σ_j w_j x_ij²` of each feature; in a frame, a bound for features next to 1.
        pub(crate) fn mean_squares(this: &'a Survey<'a, T>) -> Result<Vec<T>, Error> {
            let n = this.linear().inputs;
            if this.samples.frame.is_some() {
                return Ok(vec![T::of(4.0); n]);
            }
            let zero = || Sums::zeros(n, 0);
            let squares = this.sum_samples(&zero, &|here, chunk, _, sums| {
                let (x, _, shares) = here.part(chunk);
                add_squares(x, shares, sums.vector.as_mut_slice());
            })?;
            Ok(squares.vector.as_slice().to_vec())
        }

        /// Parameters of one output in these units have curvatures of one size, `1/√(Σ_j w_j x_ij² + λ/c)`; nothing is left to
        /// do in a frame, nor where a penalty holds more features than there are samples.
        pub(crate) fn units(this: &'a Survey<'a, T>, c: T) -> Result<Vec<T>, Error> {
            let Linear { inputs, bias, .. } = this.linear();
            let mut units = vec![T::one(); inputs + usize::from(bias)];
            if this.samples.frame.is_none() && inputs <= this.samples.in_play() {
                let squares = this.mean_squares()?.into_iter().map(|square| square + this.ridge / c);
                let sized = units.iter_mut().zip(squares).filter(|(_, square)| *square > T::zero());
                sized.for_each(|(unit, square)| *unit = T::one() / square.sqrt());
            }
            Ok(units)
        }

        /// `c X W Xᵀ + λ` in the parameters of one output, with `W` the shares: near the Hessian of each output of a loss
        /// whose curvature is about `c`.
        pub(crate) fn metric(this: &'a Survey<'a, T>, c: T) -> Result<DMatrix<T>, Error> {
            let (k, one) = (this.model.outputs(), Perceptron(Linear { outputs: 1, ..this.linear() }));
            let p = one.0.parameter_count();
            room::<T>("second moments of the features", &[p, p])?;
            let (nowhere, width) = (DVector::zeros(p), second_width(1));
            let (worker, zero) = (|| Worker::new(&one, this.samples, width, false), || Sums::zeros(0, p));
            let sums =
                this.sum_once(None, (width, 1), &worker, &zero, &|here, chunk, worker, sums: &mut Sums<T>| {
                    let (x, _, shares) = here.part(chunk);
                    let x = kernel::top(here.seen(x, &mut worker.room.placed), one.0.inputs);
                    let shares = DMatrixView::from_slice(shares, 1, shares.len());
                    let h = sums.matrix.as_mut_slice();
                    one.dense_hessian(&nowhere, x, shares, shares, &mut worker.cache, h);
                })?;
            let mut metric = sums.matrix * c;
            kernel::mirror(metric.as_mut_slice(), p);
            for i in (0..one.0.inputs).filter(|_| this.ridge != T::zero()) {
                let scale = this.samples.frame.as_ref().map_or(T::one(), |frame| frame.scale(i * k));
                metric[(i, i)] += this.ridge * scale * scale;
            }
            Ok(metric)
        }

        /// The gradients at some points of a map of the features alone, by columns: the maps of all points, one below the other,
        /// are one map,
        ///
        /// ```text
        /// (Z₁; …; Z_q) = (W₁; …; W_q) X + (b₁; …; b_q) 1ᵀ,    (∇W₁; …; ∇W_q) = (Δ₁; …; Δ_q) Xᵀ
        /// ```
        pub(crate) fn gradients(this: &'a Survey<'a, T>, points: &'a DMatrix<T>) -> Result<DMatrix<T>, Error> {
            let (one, p, q) = (this.linear(), points.nrows(), points.ncols());
            let k = one.outputs;
            let all = Perceptron(Linear { outputs: k * q, ..one });
            // row `o` of point `c`, in column `i` of `W` or in `b`
            let theta = DVector::from_iterator(
                p * q,
                (0..p / k).flat_map(|i| (0..q).flat_map(move |c| (0..k).map(move |o| points[(i * k + o, c)]))),
            );
            let (width, zero) = (chunk_width(p * q), || Sums::zeros(p * q, 0));
            // targets and shares of each sample, as often as there are points
            let repeated = || (DMatrix::zeros(k, q * width), vec![T::zero(); q * width]);
            let worker = || (Worker::new(&all, this.samples, width, false), repeated());
            let sums = this.sum_once(None, (width, 1), &worker, &zero, &|here, chunk, worker, sums| {
                let (Worker { cache, room }, (targets, weights)) = worker;
                let ((x, y, shares), m) = (here.part(chunk.clone()), chunk.len());
                weights.chunks_exact_mut(q).zip(shares).for_each(|(to, w)| to.fill(*w));
                let each = targets.as_mut_slice().chunks_exact_mut(k * q);
                for (y, to) in y.dense(&mut y.room(k, m)).column_iter().zip(each) {
                    let rows = y.iter().enumerate();
                    rows.for_each(|(o, y)| to.iter_mut().skip(o).step_by(k).for_each(|to| *to = *y));
                }
                let z = all.forward(&theta, x, cache);
                let z = DMatrixView::from_slice(kernel::flat(&z).unwrap_or_default(), k, q * m);
                let delta = &mut room.delta.as_mut_slice()[..k * q * m];
                let slopes = DMatrixViewMut::from_slice(delta, k, q * m);
                this.loss.value_gradient(z, targets.columns(0, q * m), &weights[..q * m], slopes);
                let delta = DMatrixView::from_slice(delta, k * q, m);
                all.backward(&theta, x, delta, cache, &mut sums.vector);
            })?;
            let mut gradients = DMatrix::from_fn(p, q, |r, c| sums.vector[r / k * (k * q) + c * k + r % k]);
            for (point, mut to) in points.column_iter().zip(gradients.column_iter_mut()) {
                let mut gradient = to.clone_owned();
                this.penalty(&point.into_owned(), Some(&mut gradient));
                to.copy_from(&gradient);
            }
            Ok(gradients)
        }
    }
}

impl<T: Real, M: Model<T>, L: Loss<T>> EmpiricalRisk<'_, T, M, L> {
    /// Goes over to the coordinates of a frame, or back.
    pub(crate) fn place(&mut self, frame: Option<Frame<T>>) -> Option<Frame<T>> {
        self.forget();
        self.summing.workers = Default::default();
        std::mem::replace(&mut self.samples.frame, frame)
    }

    /// The same risk of the samples in play in the coordinates of its [frame](Self::affine_frame).
    pub(crate) fn framed(&self) -> Result<EmpiricalRisk<'_, T, M, L>, Error>
    where
        M: Clone,
        L: Clone,
    {
        let samples = Samples { frame: self.survey().affine_frame()?, ..self.samples.lent() };
        let (model, loss, penalised) = (self.model.clone(), self.loss.clone(), self.penalised.clone());
        Ok(EmpiricalRisk {
            ridge: self.ridge,
            ..EmpiricalRisk::with_samples(model, loss, samples, penalised)
        })
    }

    pub(crate) fn loss_mut(&mut self) -> &mut L {
        &mut self.loss
    }

    /// The same, known to have a minimum.
    pub(crate) fn with_minimum(self) -> Self {
        Self { verdict: Some(Recession::No), ..self }
    }
}

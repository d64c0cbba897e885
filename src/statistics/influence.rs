//! Which samples drive a fit.

use nalgebra::{DMatrix, DVector, DVectorView};

use super::information::{Curvature, Question};
use super::jacobian::Jacobian;
use crate::contract::matrix;
use crate::kernel::{self, Factor};
use crate::loss::Likelihood;
use crate::{
    EmpiricalRisk, Error, Hessian, Loss, Model, Newton, Objective, Real, Report, SecondOrderLoss,
    SecondOrderModel, Stop, minimize,
};

/// What each sample does to a fit; made by [`EmpiricalRisk::influence`].
///
/// # What question it answers
///
/// *Which samples drive the result, and what would it be without each of them?* With `H`, `σ` and `p` those of
/// [`statistics`](EmpiricalRisk::statistics), and `J_j = ∂z/∂θ` at sample `j`,
///
/// ```text
/// leverage          h_j = w_j ∂²ℓ_j/∂z² J_j H⁻¹ J_jᵀ
/// without sample j  θ_j minimises  Σ_i≠j w_i ℓ_i / Σ_i≠j w_i + (λ/2) ‖W‖²
/// Cook's distance   D_j = (θ_j − θ̂)ᵀ H (θ_j − θ̂) / (p σ²)
/// ```
///
/// (Cook 1977; Pregibon 1981). `λ` is the same, the mean is over the rest. With squared error and an affine model one solve
/// a sample is exact. Else the gradient of what is minimised is evaluated at the solution, which tells its error and
/// corrects it; more such steps follow, and at last Newton's method on the rest, until the error, as the steps shrink, is
/// less than 10⁻⁴ of the shift. Another minimum of a network may lie lower.
///
/// # The call
///
/// ```
/// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
///
/// let (x, y) = ([1.0, 2.0, 3.0, 4.0, 10.0], [2.9, 5.1, 7.0, 9.2, 14.0]);
/// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
/// let fitted = risk.fit()?;
/// let influence = risk.influence(fitted.parameters())?;
/// assert_eq!(influence.most_influential(1), [4]);
/// assert!((influence.parameters[(0, 4)] - 2.08_f64).abs() < 1e-12); // the slope without it
/// assert!((influence.leverage.sum() - 2.0_f64).abs() < 1e-12); // of two parameters
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// # How to read the answer
///
/// Leverages lie between 0 and 1, and add up to the number of parameters, less what a penalty takes; a sample with two or
/// three times their mean is far from the others. Cook's distance is the shift of all parameters: above 1 the sample alone
/// moves them by more than the data leave open, above 4/m it deserves a look. [`predictions`](Self::predictions) are those
/// of each sample by the fit without it: their errors are those of leave-one-out cross-validation.
///
#[doc = include_str!("../guide/pictures/leverage.svg")]
///
/// # When it is refused
///
/// As [`statistics`](EmpiricalRisk::statistics) is, and for samples that are not in the memory of this process,
/// [`Error::InMemory`]. A sample without which there is no single minimum is no reason: it is
/// [listed](Self::undetermined).
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Influence<T: Real> {
    /// Of each output and sample (`outputs × samples`).
    pub leverage: DMatrix<T>,
    /// Of each sample.
    pub cooks_distance: DVector<T>,
    /// The parameters without each sample, by columns (`p × samples`).
    pub parameters: DMatrix<T>,
    /// The mean response for each sample by the parameters without it (`outputs × samples`).
    pub predictions: DMatrix<T>,
    /// The estimated error of each column of parameters beside its shift; zero where it is exact.
    pub errors: DVector<T>,
    /// Samples without which the data have no single minimum: what is said of them is the point that was reached.
    pub undetermined: Vec<usize>,
}

impl<T: Real> Influence<T> {
    /// So many samples with the largest Cook's distances, the largest first.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let (x, y) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], [0, 0, 1, 0, 0, 1, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?.ridge(0.1);
    /// let fitted = risk.fit()?;
    /// let influence = risk.influence(fitted.parameters())?;
    /// assert_eq!(influence.most_influential(1), [2]); // the early one
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn most_influential(&self, count: usize) -> Vec<usize> {
        let mut samples: Vec<usize> = (0..self.cooks_distance.len()).collect();
        samples.sort_by(|i, j| self.cooks_distance[*j].f64().total_cmp(&self.cooks_distance[*i].f64()));
        samples.truncate(count);
        samples
    }
}

/// Errors beside the shift that are good enough, and steps at most until Newton's method takes over.
const ACCURACY: f64 = 1e-4;
const STEPS: usize = 13;
/// Scores of samples that are left out side by side.
const TOGETHER: usize = 64;

impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// What each sample does to the parameters `theta` that minimise this risk, over all its samples; [`Influence`]
    /// explains it. A sample costs a solve and, unless that is exact, a pass or two over the data, of affine models for many
    /// samples at once.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError};
    ///
    /// let (x, y) = ([-1.0, 0.0, 1.0], [0.0, 3.0, 3.0]);
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y)?;
    /// let fitted = risk.fit()?;
    /// let influence = risk.influence(fitted.parameters())?;
    /// assert!((influence.leverage[1] - 1.0_f64 / 3.0).abs() < 1e-14); // the one in the middle
    /// assert!((influence.predictions[1] - 1.5).abs() < 1e-14); // half-way between the others
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`statistics`](Self::statistics); [`Error::InMemory`] for streams and ranks; [`Error::TooLarge`] where
    /// memory does not hold parameters for each sample.
    pub fn influence(&mut self, theta: &DVector<T>) -> Result<Influence<T>, Error> {
        self.check_in_memory("influence")?;
        let question = Question { what: "influence", allows_flat: false, by_prior: true };
        let curvature = self.curvature(theta, question)?;
        let (p, m, k) = (theta.len(), self.samples(), self.model().outputs());
        let mut found = Influence {
            leverage: matrix("outputs", (k, m), T::zero())?,
            cooks_distance: DVector::zeros(m),
            parameters: matrix("theta", (p, m), T::zero())?,
            predictions: matrix("outputs", (k, m), T::zero())?,
            errors: DVector::zeros(m),
            undetermined: Vec::new(),
        };
        found.parameters.column_iter_mut().for_each(|mut without| without.copy_from(theta));
        let all: Vec<usize> = (0..m).collect();
        let width = (TOGETHER / k).max(1);
        for block in all.chunks(width) {
            let at = self.terms(block, |_| theta.clone())?;
            let v = times(Factor::view(&curvature.root.as_view()).t(), &at.jacobian);
            for (i, j) in block.iter().enumerate() {
                let v = v.columns(i * k, k);
                found.leverage.column_mut(*j).copy_from(&(at.bend(i) * v.tr_mul(&v)).diagonal());
            }
        }
        let (lambda, total) = (self.penalty_strength(), self.total_weight());
        let counting: Vec<usize> = all.iter().copied().filter(|j| self.counts(*j)).collect();
        let mean = total / T::of(counting.len() as f64);
        let aside = Aside { risk: self, lambda };
        aside.risk.set_penalty(lambda * ((total - mean) / total));
        let base = aside.risk.base((theta, lambda, mean), &curvature, question)?;
        for block in counting.chunks(width) {
            aside.risk.leave_out(block, theta, &base, &mut found)?;
        }
        drop(aside);
        found.undetermined.sort_unstable();
        self.measure(theta, &curvature, all.chunks(width), &mut found)?;
        Ok(found)
    }

    /// Fills in Cook's distances and predictions.
    fn measure<'b>(
        &self, theta: &DVector<T>, curvature: &Curvature<T>, blocks: impl Iterator<Item = &'b [usize]>,
        found: &mut Influence<T>,
    ) -> Result<(), Error> {
        let (k, here) = (self.model().outputs(), self.present());
        // in a frame, where terms of the bias do not cancel
        let frame = if self.is_affine_map(theta) { self.survey().affine_frame()? } else { None };
        let placed = |v: DVector<T>| frame.as_ref().map_or(v.clone(), |frame| frame.coordinates(&v));
        let columns: Vec<_> =
            curvature.root.column_iter().map(|column| placed(column.into_owned())).collect();
        let singular = Error::Evaluation { what: "the covariance", at: "x", found: f64::NAN };
        let inverse = DMatrix::from_columns(&columns).try_inverse().ok_or(singular)?;
        let mut cache = self.model().cache(2);
        for block in blocks {
            let without: Vec<DVector<T>> =
                block.iter().map(|j| found.parameters.column(*j).into_owned()).collect();
            let shifts: Vec<_> =
                without.iter().map(|without| placed(curvature.centred(without - theta))).collect();
            let u = times(Factor::view(&inverse.as_view()), &DMatrix::from_columns(&shifts));
            for ((j, without), u) in block.iter().zip(&without).zip(u.column_iter()) {
                let ratios = u.map_with_location(|i, _, u| u / curvature.sigma[i % k]);
                found.cooks_distance[*j] = ratios.norm_squared() / curvature.effective;
                let z = self.model().forward(without, here.x.columns(*j, 1), &mut cache);
                found.predictions.column_mut(*j).copy_from(&z);
            }
            let first = block.first().copied().unwrap_or_default();
            self.loss().response(found.predictions.columns_mut(first, block.len()));
        }
        Ok(())
    }

    /// Fills in the parameters without each of some samples: steps by the Hessian of the rest at the center, along the
    /// gradient of the rest where they are, and where these do not come to an end, Newton's method.
    fn leave_out(
        &mut self, block: &[usize], theta: &DVector<T>, base: &Base<'_, T>, found: &mut Influence<T>,
    ) -> Result<(), Error> {
        let rounding = T::of(64.0) * T::EPSILON * self.total_weight().sqrt();
        let (accuracy, half) = (T::of(ACCURACY), T::of(0.5));
        let mut at = self.terms(block, |_| base.center.clone())?;
        let without = Downdate::of_each(base, &at);
        let mut points = repeated(&base.center, block.len());
        let mut gradients = repeated(&base.gradient, block.len());
        let (mut open, mut last) = ((0..block.len()).collect::<Vec<_>>(), vec![None; block.len()]);
        let mut unsettled = Vec::new();
        for _ in 0..STEPS {
            let own = at.gradients();
            let rest: Vec<_> = open.iter().map(|i| &without[*i]).collect();
            let steps = base.solve(&base.downhill(&gradients, &at, &own, &points), &rest);
            points += &steps;
            let [lengths, owns] = [base.sizes(steps), base.sizes(base.solve(&own, &rest))];
            let sizes = base.sizes(&points - repeated(theta, open.len()));
            let before = std::mem::take(&mut open);
            for (c, i) in before.into_iter().enumerate() {
                let (j, length, size) = (block[i], lengths[c], sizes[c].max(rounding));
                if !without[i].is_determined {
                    found.undetermined.push(j);
                    continue;
                }
                found.parameters.column_mut(j).copy_from(&points.column(c));
                if base.is_exact {
                    continue;
                }
                // where the sample's own term has drowned the others in the sum of all, nothing is known of these
                let is_known = T::EPSILON * owns[c] <= accuracy * size;
                let shrinks = last[i].is_none_or(|last| length <= half * last);
                if !(is_known && (shrinks || length <= rounding)) {
                    unsettled.push(j);
                    continue;
                }
                // what is left is no more, as long as the steps shrink
                found.errors[j] = length / size;
                last[i] = Some(length);
                if !(found.errors[j] <= accuracy || length <= rounding) {
                    open.push(i);
                }
            }
            if open.is_empty() {
                break;
            }
            let samples: Vec<usize> = open.iter().map(|i| block[*i]).collect();
            points = found.parameters.select_columns(&samples);
            gradients = self.gradients(&points, base)?;
            at = self.terms(&samples, |c| points.column(c).into_owned())?;
        }
        unsettled.extend(open.iter().map(|i| block[*i]));
        unsettled.into_iter().try_for_each(|j| self.refit(j, theta, base, found))
    }

    /// The gradients of sums at some points, by columns.
    fn gradients(&mut self, points: &DMatrix<T>, base: &Base<'_, T>) -> Result<DMatrix<T>, Error> {
        if base.is_map {
            return Ok(self.survey().gradients(points)? * self.total_weight());
        }
        let (mut gradients, mut gradient) = (points.clone(), base.gradient.clone());
        for (point, mut to) in points.column_iter().zip(gradients.column_iter_mut()) {
            self.value_gradient(&point.into_owned(), &mut gradient);
            self.broken()?;
            to.copy_from(&gradient);
        }
        Ok(gradients * self.total_weight())
    }

    fn base<'c>(
        &mut self, (theta, lambda, mean): (&DVector<T>, T, T), curvature: &'c Curvature<T>,
        question: Question,
    ) -> Result<Base<'c, T>, Error> {
        let (mut center, mut root) = (theta.clone(), curvature.root.clone());
        if lambda > T::zero() {
            center = self.newton(&center)?.x;
            root = self.information(&center, question)?.root;
        }
        let (p, total) = (theta.len(), self.total_weight());
        let (mut gradient, mut penalty) = (DVector::zeros(p), DVector::zeros(p));
        self.value_gradient(&center, &mut gradient);
        self.broken()?;
        for run in self.penalised_parameters() {
            penalty.rows_mut(run.start, run.len()).fill(lambda);
        }
        let is_mean = |share: &T| *share == T::zero() || (*share * total - mean).abs() <= T::EPSILON * mean;
        let is_even = lambda == T::zero() || self.present().shares.iter().all(is_mean);
        let is_exact = self.is_affine() && self.loss().likelihood() == Likelihood::Normal && is_even;
        let is_map = self.is_affine_map(theta) && self.model().offsets() == 0;
        let (whole, gradient) = (curvature, gradient * total);
        Ok(Base { question, whole, center, root, gradient, penalty, mean, is_exact, is_map })
    }

    /// What some samples have to say, each at a point of its own.
    fn terms(&self, samples: &[usize], point: impl Fn(usize) -> DVector<T>) -> Result<Terms<T>, Error> {
        let (p, k, q) = (self.model().parameter_count(), self.model().outputs(), samples.len());
        let (here, mut jacobians) = (self.present(), Jacobian::new(self.model()));
        let (mut scores, mut jacobian) = (DMatrix::zeros(k, q), DMatrix::zeros(p, k * q));
        let (mut y, mut target) = (DMatrix::zeros(k, q), DMatrix::zeros(k, 1));
        for (c, &j) in samples.iter().enumerate() {
            let (z, columns) = (&mut scores.as_mut_slice()[c * k..][..k], c * k * p..(c + 1) * k * p);
            jacobians.at(&point(c), here.x.columns(j, 1), z, &mut jacobian.as_mut_slice()[columns])?;
            y.column_mut(c).copy_from(&here.y.columns(j..j + 1).dense(&mut target));
        }
        let (z, y, ones) = (scores.as_view(), y.as_view(), vec![T::one(); q]);
        let [mut slope, mut product] = [DMatrix::zeros(k, q), DMatrix::zeros(k, q)];
        let mut bend = DMatrix::zeros(k, k * q);
        self.loss().value_gradient(z, y, &ones, slope.as_view_mut());
        for o in 0..k {
            let unit = DMatrix::from_fn(k, q, |r, _| if r == o { T::one() } else { T::zero() });
            self.loss().expected_product(z, y, &ones, unit.as_view(), product.as_view_mut());
            let columns = bend.column_iter_mut().skip(o).step_by(k);
            columns.zip(product.column_iter()).for_each(|(mut bend, product)| bend.copy_from(&product));
        }
        let total = self.total_weight();
        let weights = samples.iter().map(|j| here.shares[*j] * total).collect();
        Ok(Terms { weights, jacobian, slope, bend })
    }

    /// Newton's method, in a frame where there is one.
    fn newton(&mut self, start: &DVector<T>) -> Result<Report<T>, Error> {
        let frame = if self.is_affine_map(start) { self.survey().affine_frame()? } else { None };
        let start = frame.as_ref().map_or(start.clone(), |frame| frame.coordinates(start));
        self.place(frame);
        let report = minimize(&mut Newton::new(), self as &mut dyn Hessian<T>, start, &Stop::default());
        let frame = self.place(None);
        let mut report = report?;
        if let Some(frame) = frame {
            report.x = frame.parameters(&report.x);
        }
        Ok(report)
    }

    /// Newton's method on the rest. A batch has the mean weight of the data, so that its penalty is brought to scale.
    fn refit(
        &mut self, j: usize, theta: &DVector<T>, base: &Base<'_, T>, found: &mut Influence<T>,
    ) -> Result<(), Error> {
        let rest: Vec<usize> = (0..self.samples()).filter(|i| *i != j && self.counts(*i)).collect();
        let (total, reduced, lambda) = (self.total_weight(), self.penalty_strength(), base.penalty.max());
        let weight = self.present().shares[j] * total;
        self.select(&rest)?;
        self.set_penalty(lambda * ((total - weight) / base.mean / T::of(rest.len() as f64)));
        let report = self.newton(theta);
        let is_determined = report
            .as_ref()
            .is_ok_and(|report| report.converged() && self.information(&report.x, base.question).is_ok());
        self.set_penalty(reduced);
        self.batch(0..self.samples())?;
        let report = report?;
        found.undetermined.extend((!is_determined).then_some(j));
        // the Newton step that is left, in standard errors
        let left = report.certificate.and_then(|point| point.decrement).unwrap_or_default() * total.sqrt();
        found.errors[j] = left / base.sizes(repeated(&(&report.x - theta), 1))[0].max(T::EPSILON);
        found.parameters.column_mut(j).copy_from(&report.x);
        Ok(())
    }
}

/// A risk whose batch, frame and penalty come back as they were, also where a user's loss panics.
struct Aside<'r, 'd, T: Real, M: Model<T>, L: Loss<T>> {
    risk: &'r mut EmpiricalRisk<'d, T, M, L>,
    lambda: T,
}

impl<T: Real, M: Model<T>, L: Loss<T>> Drop for Aside<'_, '_, T, M, L> {
    fn drop(&mut self) {
        let samples = self.risk.samples();
        self.risk.place(None);
        self.risk.set_penalty(self.lambda);
        // the whole of what is in memory, which was there before
        let _ = self.risk.batch(0..samples);
    }
}

/// What all samples share: the minimum with the penalty that is left without a sample of the mean weight.
struct Base<'c, T: Real> {
    question: Question,
    /// At the minimum of all, with standard errors of the parameters.
    whole: &'c Curvature<T>,
    center: DVector<T>,
    /// `A`, with `A Aᵀ = H⁻¹` there.
    root: DMatrix<T>,
    /// The gradient there, of sums.
    gradient: DVector<T>,
    /// `λ` of each parameter.
    penalty: DVector<T>,
    mean: T,
    is_exact: bool,
    /// Whether the model is a map of the features alone.
    is_map: bool,
}

impl<T: Real> Base<'_, T> {
    /// `−∇` of the reduced risks at some points, by the gradients of all there: less `own`, `w ∂ℓ/∂θ`, and what a sample leaves
    /// of the penalty is not that of the mean.
    fn downhill(
        &self, gradients: &DMatrix<T>, at: &Terms<T>, own: &DMatrix<T>, points: &DMatrix<T>,
    ) -> DMatrix<T> {
        let left = |i: usize, c: usize| self.penalty[i] * points[(i, c)] * (at.weights[c] - self.mean);
        own.map_with_location(|i, c, own| own + left(i, c) - gradients[(i, c)])
    }

    /// `A (1 − V D Vᵀ)⁻¹ Aᵀ b` of each column.
    fn solve(&self, b: &DMatrix<T>, without: &[&Downdate<T>]) -> DMatrix<T> {
        let mut b = times(Factor::view(&self.root.as_view()).t(), b);
        b.column_iter_mut()
            .zip(without)
            .for_each(|(mut b, without)| b += &without.gain * without.v.tr_mul(&b));
        times(Factor::view(&self.root.as_view()), &b)
    }

    /// Of each column the largest change of a parameter in its standard errors, of those that have one.
    fn sizes(&self, shifts: DMatrix<T>) -> Vec<T> {
        let largest = |shift: DVectorView<'_, T>| {
            let known = shift.iter().zip(&self.whole.errors).filter(|(_, error)| **error > T::zero());
            let ratios = known.map(|(shift, error)| (*shift / *error).abs());
            // what is no number is no size that any other reaches
            ratios.fold(T::zero(), |most, ratio| if ratio <= most { most } else { ratio.min(T::MAX) })
        };
        self.whole.contrast(shifts).column_iter().map(largest).collect()
    }
}

/// What some samples have to say, side by side.
struct Terms<T: Real> {
    weights: Vec<T>,
    /// `∂z/∂θ`, transposed (`p × k` of each).
    jacobian: DMatrix<T>,
    /// `∂ℓ/∂z` (`k × 1` of each).
    slope: DMatrix<T>,
    /// The expected `∂²ℓ/∂z²` (`k × k` of each).
    bend: DMatrix<T>,
}

impl<T: Real> Terms<T> {
    /// `w ∂²ℓ/∂z²` of one of them.
    fn bend(&self, c: usize) -> DMatrix<T> {
        let k = self.slope.nrows();
        self.bend.columns(c * k, k) * self.weights[c]
    }

    /// `w ∂ℓ/∂θ`, by columns.
    fn gradients(&self) -> DMatrix<T> {
        let (k, mut gradients) =
            (self.slope.nrows(), DMatrix::zeros(self.jacobian.nrows(), self.slope.ncols()));
        for (c, mut gradient) in gradients.column_iter_mut().enumerate() {
            let weighted = self.slope.column(c) * self.weights[c];
            gradient.gemv(T::one(), &self.jacobian.columns(c * k, k), &weighted, T::zero());
        }
        gradients
    }
}

/// `(1 − V D Vᵀ)⁻¹ b = b + V D (1 − S D)⁻¹ Vᵀ b` with `S = VᵀV`, and `V = Aᵀ Jᵀ`, `D = w ∂²ℓ/∂z²` of the sample that is left out
/// (Sherman and Morrison 1950; Woodbury 1950).
struct Downdate<T: Real> {
    v: DMatrix<T>,
    /// `V D (1 − S D)⁻¹`.
    gain: DMatrix<T>,
    is_determined: bool,
}

impl<T: Real> Downdate<T> {
    fn of_each(base: &Base<'_, T>, at: &Terms<T>) -> Vec<Self> {
        let (v, k) = (times(Factor::view(&base.root.as_view()).t(), &at.jacobian), at.slope.nrows());
        let each = (0..at.weights.len()).map(|c| (v.columns(c * k, k).into_owned(), at.bend(c)));
        each.map(|(v, bend)| Self::new(v, &bend)).collect()
    }

    fn new(v: DMatrix<T>, bend: &DMatrix<T>) -> Self {
        let k = bend.nrows();
        let lu = (DMatrix::identity(k, k) - v.tr_mul(&v) * bend).lu();
        let least = lu.u().diagonal().iter().fold(T::MAX, |least, pivot| least.min(pivot.abs()));
        let inverse = lu.try_inverse().filter(|_| least > T::of(64.0) * T::EPSILON);
        let is_determined = inverse.is_some();
        let gain = &v * bend * inverse.unwrap_or_else(|| DMatrix::zeros(k, k));
        Self { v, gain, is_determined }
    }
}

/// Copies of a column side by side.
fn repeated<T: Real>(column: &DVector<T>, copies: usize) -> DMatrix<T> {
    DMatrix::from_fn(column.len(), copies, |i, _| column[i])
}

/// `A B`.
fn times<T: Real>(a: Factor<'_, T>, b: &DMatrix<T>) -> DMatrix<T> {
    let mut product = DMatrix::zeros(a.rows, b.ncols());
    kernel::product(T::one(), a, Factor::view(&b.as_view()), T::zero(), product.as_mut_slice());
    product
}

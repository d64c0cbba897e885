//! Which samples drive a fit.

use std::ops::Range;

use nalgebra::{DMatrix, DVector};

use super::information::{Curvature, Question};
use super::jacobian::each_sample;
use crate::contract::matrix;
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

/// Errors beside the shift that are good enough, and corrections at most until Newton's method takes over.
const ACCURACY: f64 = 1e-4;
const CORRECTIONS: usize = 12;
impl<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// What each sample does to the parameters `theta` that minimise this risk, over all its samples; [`Influence`]
    /// explains it. A sample costs a solve and, unless that is exact, a pass or two over the data.
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
        self.each_term(theta, 0..m, |j, at| {
            let v = curvature.root.tr_mul(&at.jacobian);
            found.leverage.column_mut(j).copy_from(&(&at.bend * v.tr_mul(&v) * at.weight).diagonal());
            Ok(())
        })?;
        let (lambda, total) = (self.penalty_strength(), self.total_weight());
        let positive = (0..m).filter(|j| self.counts(*j)).count();
        let mean = total / T::of(positive as f64);
        let aside = Aside { risk: self, lambda };
        aside.risk.set_penalty(lambda * ((total - mean) / total));
        aside.risk.leave_out((theta, lambda, mean), &curvature, question, &mut found)?;
        drop(aside);
        // in a frame, where terms of the bias do not cancel
        let frame = if self.is_affine_map(theta) { self.survey().affine_frame()? } else { None };
        let placed = |v: DVector<T>| frame.as_ref().map_or(v.clone(), |frame| frame.coordinates(&v));
        let columns: Vec<_> =
            curvature.root.column_iter().map(|column| placed(column.into_owned())).collect();
        let singular = Error::Evaluation { what: "the covariance", at: "x", found: f64::NAN };
        let inverse = DMatrix::from_columns(&columns).try_inverse().ok_or(singular)?;
        let (here, mut cache) = (self.present(), self.model().cache(2));
        for j in 0..m {
            let without = found.parameters.column(j).into_owned();
            let u = &inverse * placed(curvature.centred(&without - theta));
            let ratios = u.map_with_location(|i, _, u| u / curvature.sigma[i % k]);
            found.cooks_distance[j] = ratios.norm_squared() / curvature.effective;
            let mut z = self.model().forward(&without, here.x.columns(j, 1), &mut cache).into_owned();
            self.loss().response(z.as_view_mut());
            found.predictions.column_mut(j).copy_from(&z);
        }
        found.undetermined.sort_unstable();
        Ok(found)
    }

    /// Fills in the parameters without each sample, with the penalty reduced by the share of a sample of `mean` weight: by one
    /// solve at the minimum of that, and then by corrections.
    fn leave_out(
        &mut self, (theta, lambda, mean): (&DVector<T>, T, T), curvature: &Curvature<T>, question: Question,
        found: &mut Influence<T>,
    ) -> Result<(), Error> {
        let m = self.samples();
        let base = self.base((theta, lambda, mean), curvature, question)?;
        let mut left_out = vec![false; m];
        self.each_term(&base.center, 0..m, |j, at| {
            let without = Downdate::new(&base, at);
            let step = &base.root * without.solve(base.downhill(&base.gradient, at, &base.center));
            let is_left_out = at.weight > T::zero() && without.is_determined;
            let shifted = if is_left_out { &base.center + &step } else { theta.clone() };
            found.parameters.column_mut(j).copy_from(&shifted);
            found.undetermined.extend((!without.is_determined).then_some(j));
            left_out[j] = is_left_out;
            Ok(())
        })?;
        for j in (0..m).filter(|j| left_out[*j] && !base.is_exact) {
            self.correct(j, theta, &base, found)?;
        }
        Ok(())
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
        let (whole, gradient) = (curvature, gradient * total);
        Ok(Base { question, whole, center, root, gradient, penalty, mean, is_exact })
    }

    /// Hands out scores of samples, their Jacobian, slopes and curvature.
    fn each_term(
        &self, theta: &DVector<T>, samples: Range<usize>,
        mut hand: impl FnMut(usize, &Terms<T>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (k, here, one) = (self.model().outputs(), self.present(), [T::one()]);
        let (mut targets, total) = (DMatrix::zeros(k, 1), self.total_weight());
        each_sample(self.model(), theta, here.x.columns_range(samples.clone()), |j, z, jacobian| {
            let j = samples.start + j;
            let (y, z) = (here.y.columns(j..j + 1), z.as_view());
            let y = y.dense(&mut targets);
            let [mut slope, mut bend] = [DMatrix::zeros(k, 1), DMatrix::zeros(k, k)];
            self.loss().value_gradient(z, y, &one, slope.as_view_mut());
            for o in 0..k {
                let unit = DMatrix::from_fn(k, 1, |q, _| if q == o { T::one() } else { T::zero() });
                self.loss().expected_product(z, y, &one, unit.as_view(), bend.columns_mut(o, 1));
            }
            let weight = here.shares[j] * total;
            hand(j, &Terms { weight, jacobian: jacobian.clone(), slope, bend })
        })
    }

    /// Steps by the Hessian at the center along the gradient of the reduced risk where it is, and where these do not come to an
    /// end, Newton's method.
    fn correct(
        &mut self, j: usize, theta: &DVector<T>, base: &Base<'_, T>, found: &mut Influence<T>,
    ) -> Result<(), Error> {
        let rounding = T::of(64.0) * T::EPSILON * self.total_weight().sqrt();
        let mut there = found.parameters.column(j).into_owned();
        let mut gradient = DVector::zeros(theta.len());
        let mut last: Option<T> = None;
        let mut without = None;
        self.each_term(&base.center, j..j + 1, |_, at| {
            without = Some(Downdate::new(base, at));
            Ok(())
        })?;
        for _ in 0..CORRECTIONS {
            self.value_gradient(&there, &mut gradient);
            self.broken()?;
            gradient *= self.total_weight();
            let (mut step, mut own) = (DVector::zeros(theta.len()), T::zero());
            self.each_term(&there, j..j + 1, |_, at| {
                let solve = |u: DVector<T>| {
                    &base.root * without.as_ref().map_or(u.clone(), |without| without.solve(u))
                };
                step = solve(base.downhill(&gradient, at, &there));
                own = base.size(&solve(base.root.tr_mul(&(&at.jacobian * at.slope.column(0) * at.weight))));
                Ok(())
            })?;
            there += &step;
            let (length, size) = (base.size(&step), base.size(&(&there - theta)));
            let shrinks = last.is_none_or(|last| length <= T::of(0.5) * last);
            // where the sample's own term has drowned the others in the sum of all, nothing is known of these
            let is_known = T::EPSILON * own <= T::of(ACCURACY) * size.max(rounding);
            if !(is_known && (shrinks || length <= rounding)) {
                break;
            }
            // what is left is no more, as long as the steps shrink
            found.errors[j] = length / size.max(rounding);
            if found.errors[j] <= T::of(ACCURACY) || length <= rounding {
                found.parameters.column_mut(j).copy_from(&there);
                return Ok(());
            }
            last = Some(length);
        }
        self.refit(j, theta, base, found)
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
        found.errors[j] = left / base.size(&(&report.x - theta)).max(T::EPSILON);
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
}

impl<T: Real> Base<'_, T> {
    /// `−Aᵀ ∇` of the reduced risk, by the gradient of all: less `w ∂ℓ/∂θ`, and what the sample leaves of the penalty is not that
    /// of the mean.
    fn downhill(&self, gradient: &DVector<T>, at: &Terms<T>, theta: &DVector<T>) -> DVector<T> {
        let penalty = self.penalty.component_mul(theta) * (at.weight - self.mean);
        self.root.tr_mul(&(&at.jacobian * at.slope.column(0) * at.weight + penalty - gradient))
    }

    /// The largest change of a parameter in its standard errors, of those that have one.
    fn size(&self, shift: &DVector<T>) -> T {
        let shift = self.whole.contrast(DMatrix::from_column_slice(shift.len(), 1, shift.as_slice()));
        let known = shift.iter().zip(&self.whole.errors).filter(|(_, error)| **error > T::zero());
        let ratios = known.map(|(shift, error)| (*shift / *error).abs());
        // what is no number is no size that any other reaches
        ratios.fold(T::zero(), |most, ratio| if ratio <= most { most } else { ratio.min(T::MAX) })
    }
}

struct Terms<T: Real> {
    weight: T,
    /// `∂z/∂θ`, transposed.
    jacobian: DMatrix<T>,
    slope: DMatrix<T>,
    /// The expected `∂²ℓ/∂z²`.
    bend: DMatrix<T>,
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
    fn new(base: &Base<'_, T>, at: &Terms<T>) -> Self {
        let v = base.root.tr_mul(&at.jacobian);
        let (bend, k) = (&at.bend * at.weight, at.slope.len());
        let lu = (DMatrix::identity(k, k) - v.tr_mul(&v) * &bend).lu();
        let least = lu.u().diagonal().iter().fold(T::MAX, |least, pivot| least.min(pivot.abs()));
        let inverse = lu.try_inverse().filter(|_| least > T::of(64.0) * T::EPSILON);
        let is_determined = inverse.is_some();
        let gain = &v * bend * inverse.unwrap_or_else(|| DMatrix::zeros(k, k));
        Self { v, gain, is_determined }
    }

    fn solve(&self, b: DVector<T>) -> DVector<T> {
        let along = self.v.tr_mul(&b);
        b + &self.gain * along
    }
}

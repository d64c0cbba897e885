//! Maximum likelihood for affine classifiers: Newton, on features of one scale.

use nalgebra::DVector;

use super::Fitted;
use super::bounds;
use super::method::Fit;
use super::whitened::{Axes, Whitened};
use crate::contract::check_evaluation;
use crate::data::{Inputs, Targets};
use crate::kernel::{self, compiled};
use crate::model::Linear;
use crate::risk::Surveyed;
use crate::{
    CrossEntropy, EmpiricalRisk, Error, Hessian, Huber, Lbfgs, LogLoss, Loss, Method, Model, Newton,
    Objective, Perceptron, Real, Report, SecondOrderLoss, SecondOrderModel, SigmoidClassifier, Stop,
    Termination, minimize,
};

impl SigmoidClassifier {
    /// Logistic regression for `x` (`features × samples`) and labels `y` of 0 and 1 (`outputs × samples`). `fit` takes the
    /// cheaper of two methods, by the numbers `m` of samples, `n` of features and `k` of outputs alone, `p = n k`:
    ///
    /// | method | taken where | ends where | verdict |
    /// |---|---|---|---|
    /// | Newton (iteratively reweighted least squares) | `7 (m p²/2 + p³/6) ≤ 100 m n (16 + 4 k)` | its step and what that promises are rounding | by its Hessian |
    /// | L-BFGS in units of the features, after 200 steps in coordinates in which they are independent | else | `‖∇‖∞ ≤ 1e−10` (f64; `1e−5` in f32) there | of penalised fits, by proven bounds of the eigenvalues |
    ///
    /// The risk is convex, so either ends at the minimum. Each feature is measured from an origin among its samples if they
    /// are far from zero, and in the power of two next to its size there, so that features need no scaling. Where the bias is
    /// so large that no number is near enough to the likeliest one, the report has not converged
    /// ([`Termination::NoDescent`](crate::Termination::NoDescent)). Then, as where features are not of moderate size, the
    /// certificate is by parameters of the features so measured: the signs of eigenvalues do not depend on that. Separable
    /// data have no likeliest weights: the report then says [`Termination::Separable`](crate::Termination::Separable) and
    /// has not converged; a [ridge penalty](EmpiricalRisk::fit) gives an answer. No penalty is on by default.
    ///
    /// ```
    /// use gradus::{SigmoidClassifier, Termination, matrix};
    ///
    /// let x = matrix![1.0, 2.0, 3.0, 4.0];
    /// let mixed = SigmoidClassifier::new(1).fit(&x, &matrix![0.0, 1.0, 0.0, 1.0])?;
    /// assert!(mixed.report.converged());
    /// let apart = SigmoidClassifier::new(1).fit(&x, &matrix![0.0, 0.0, 1.0, 1.0])?;
    /// assert_eq!(apart.report.termination, Termination::Separable);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::OneClass`] where an output with a bias sees a single class.
    pub fn fit<'a, T: Real>(
        self, x: impl Inputs<'a, T>, y: impl Targets<'a, T, LogLoss>,
    ) -> Result<Fitted<T, Self, LogLoss>, Error> {
        EmpiricalRisk::new(self, LogLoss, x, y)?.fit()
    }
}

impl<T: Real> Fit<T, LogLoss> for SigmoidClassifier {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, LogLoss>) -> Result<Fitted<T, Self, LogLoss>, Error> {
        let has_bias = risk.model().0.bias;
        let mut members = risk.survey().members()?.into_iter().filter(|_| has_bias);
        if let Some([has_ones, _]) = members.find(|both| *both != [true; 2]) {
            return Err(Error::OneClass { argument: "y", found: if has_ones { 1.0 } else { 0.0 } });
        }
        let start = zeros(risk);
        fit_affine(risk, |framed| run(framed, start, T::of(0.25), &of_probabilities()))
    }
}

impl<T: Real> Fit<T, CrossEntropy> for Perceptron {
    fn fit_risk(
        risk: &mut EmpiricalRisk<'_, T, Self, CrossEntropy>,
    ) -> Result<Fitted<T, Self, CrossEntropy>, Error> {
        let has_bias = risk.model().0.bias;
        let classes = risk.model().0.outputs;
        let empty = risk.survey().members()?.iter().position(|[has_members, _]| !has_members);
        if let Some(class) = empty.filter(|_| has_bias) {
            return Err(Error::NoSamples { argument: "y", class });
        }
        let curvature = T::one() / T::of(classes as f64);
        let start = zeros(risk);
        fit_affine(risk, |framed| run(framed, start, curvature, &of_probabilities()))
    }
}

impl<T: Real> Fit<T, Huber> for Perceptron {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, Huber>) -> Result<Fitted<T, Self, Huber>, Error> {
        fit_affine(risk, narrowed)
    }
}

/// Between `δ` and the targets the loss is straight, and its Hessian says nothing. So from a `δ` that is as large as they
/// are, which is narrowed to the loss's own: the solutions are a path in `δ` of straight pieces (Clark and Osborne 1986), along
/// which the next start is sought.
fn narrowed<T: Real>(framed: &mut EmpiricalRisk<'_, T, Perceptron, Huber>) -> Result<Report<T>, Error> {
    let own = framed.loss().delta;
    let largest = framed.survey().target_sizes()?.into_iter().fold(T::zero(), T::max);
    // ½ r² has to stay a number
    let widest = largest.min(T::MAX.sqrt() * T::EPSILON).f64();
    let stages = (widest / own).log(NARROWER).clamp(0.0, STAGES).floor();
    let start = zeros(framed);
    let mut at = |stage: f64, start| {
        let share = stage / stages.max(1.0);
        let delta = own.powf(1.0 - share) * widest.powf(share);
        framed.loss_mut().delta = delta;
        // where the fit is perfect, what is left of the risk is no unit: slopes are of residuals, up to δ
        let rounding = T::EPSILON * largest.min(T::of(delta));
        run(framed, start, T::one(), &Stop::default().gradient(rounding))
    };
    let ratio = T::of((widest / own).powf(stages.max(1.0).recip()));
    let mut report = at(stages, start)?;
    let mut before = report.x.clone();
    for stage in (0..stages as u32).rev() {
        let start = &report.x + (&report.x - &before) / ratio;
        before.copy_from(&report.x);
        report = after(&report, at(stage.into(), start)?);
    }
    Ok(report)
}

/// By how much `δ` is narrowed at a time, unless that takes too long.
const NARROWER: f64 = 4.0;
const STAGES: f64 = 32.0;

/// The slopes of a probability have no unit: they are at most 1.
fn of_probabilities<T: Real>() -> Stop<T> {
    Stop::default().gradient(T::of(if T::EPSILON.f64() < 1e-10 { 1e-10 } else { 1e-5 }))
}

/// No weights and no biases.
fn zeros<T: Real, M: Model<T>, L: Loss<T>>(risk: &EmpiricalRisk<'_, T, M, L>) -> DVector<T> {
    DVector::zeros(risk.model().parameter_count())
}

/// A run on features measured from an origin, in their own units. Where weights are penalised there is a minimum: biases
/// alone recede only where an output sees a single class.
pub(super) fn fit_affine<T: Real, M: SecondOrderModel<T> + Clone, L: SecondOrderLoss<T> + Clone>(
    risk: &mut EmpiricalRisk<'_, T, M, L>,
    run: impl FnOnce(&mut EmpiricalRisk<'_, T, M, L>) -> Result<Report<T>, Error>,
) -> Result<Fitted<T, M, L>, Error> {
    risk.check()?;
    let mut framed = risk.framed()?;
    let is_penalised = framed.penalty_strength() > T::zero();
    if is_penalised {
        framed = framed.with_minimum();
    }
    let mut report = run(&mut framed)?;
    let theta = framed.frame().map_or_else(|| report.x.clone(), |frame| frame.parameters(&report.x));
    let told = bring_back(&mut report, &mut framed, is_penalised);
    drop(framed);
    match told.and_then(|again| if again { evaluate(&mut report, risk) } else { Ok(()) }) {
        // of a source that is lost, or tells of other samples than before, the last good point is what there is
        Err(failure) if !risk.is_in_memory() && !matches!(failure, Error::Evaluation { .. }) => {
            report.x = theta;
            report.lose(failure);
        }
        told => told?,
    }
    Ok(Fitted::new(risk.model().clone(), risk.loss().clone(), report))
}

compiled! {
    /// What is said of the point that a run has left, of the features as they are.
    fn evaluate<T>(report: &'a mut Report<T>, risk: &'a mut dyn Surveyed<T>) -> Result<(), Error> {
        let mut gradient = DVector::zeros(risk.dim());
        report.value = risk.value_gradient(&report.x, &mut gradient);
        report.gradient_norm = kernel::norm_inf(gradient.as_slice());
        // the risk is convex
        if report.termination == Termination::NoDescent && report.gradient_norm == T::zero() {
            report.termination = Termination::GradientTolerance;
        }
        cover(report, risk, 1.0)?;
        risk.failure().map_or(Ok(()), Err)
    }

    /// Makes the floor of a stationary point cover so many times the rounding of its gradient, which a pass over the data
    /// tells, where tolerance and floor do not.
    pub(super) fn cover<T>(report: &'a mut Report<T>, risk: &'a dyn Surveyed<T>, times: f64) -> Result<(), Error> {
        if report.termination.is_stationary() && report.gradient_norm > report.tolerance.max(report.floor) {
            let rounding = risk.survey().rounding_of_gradient(risk.second(), &report.x)? * T::of(times);
            report.floor += rounding;
            report.tolerance += rounding;
        }
        Ok(())
    }
}

const ITERATIONS: usize = 1000;

/// Of `m` samples of `n` features with `k` outputs, by multiply-adds: about seven Newton steps, of `m p²/2` and `p³/6`
/// each, or a hundred evaluations, which go through the table as long as for 16 an entry, and take 4 for each output.
fn newton_costs_more(m: usize, n: usize, k: usize) -> bool {
    let [m, n, k] = [m, n, k].map(|size| size as f64);
    let p = n * k;
    7.0 * (m * p * p / 2.0 + p * p * p / 6.0) > 100.0 * m * n * (16.0 + 4.0 * k)
}

compiled! {
    /// By Newton, or where that costs more, by L-BFGS. `curvature` is about that of the loss at the start.
    pub(super) fn run<T>(
        framed: &'a mut dyn Surveyed<T>, start: DVector<T>, curvature: T, stop: &'a Stop<T>,
    ) -> Result<Report<T>, Error> {
        let Linear { inputs, outputs, .. } = framed.survey().linear();
        if !newton_costs_more(framed.survey().in_play(), inputs, outputs) {
            return Ok(Report { method: Some(Method::Newton), ..by_newton(framed, start, stop)? });
        }
        let relative = if stop.gradient > T::zero() { T::zero() } else { stop.relative };
        let report = by_lbfgs(framed, start, curvature, &stop.relative(relative))?;
        Ok(Report { method: Some(Method::Lbfgs), ..report })
    }
}

/// Newton's method, which goes on where the gradient is small only because a sample far out is the unit of its feature:
/// there the decrement promises more than rounding.
fn by_newton<T: Real>(
    framed: &mut dyn Surveyed<T>, start: DVector<T>, stop: &Stop<T>,
) -> Result<Report<T>, Error> {
    let report = minimize(&mut Newton::new(), framed as &mut dyn Hessian<T>, start, stop)?;
    let decrement = report.certificate.as_ref().and_then(|point| point.decrement).unwrap_or_default();
    if !report.converged() || decrement * decrement <= T::EPSILON * report.value {
        return Ok(report);
    }
    // what is left of a perfect fit is rounding of its residuals
    if report.value.sqrt() <= kernel::norm(framed.survey().rounding(&report.x)?.as_slice()) {
        return Ok(report);
    }
    let further = minimize(
        &mut Newton::new(),
        framed as &mut dyn Hessian<T>,
        report.x.clone(),
        &stop.gradient(T::zero()),
    )?;
    Ok(after(&report, further))
}

/// L-BFGS in the units of the features. Where it has not ended after some steps, features depend on each other, and it goes
/// on in coordinates in which they do not, unless a penalty holds more features than there are samples.
fn by_lbfgs<T: Real>(
    framed: &mut dyn Surveyed<T>, start: DVector<T>, curvature: T, stop: &Stop<T>,
) -> Result<Report<T>, Error> {
    let (n, m) = (framed.survey().linear().inputs, framed.survey().in_play());
    let units = framed.survey().units(curvature)?;
    let first = stop.iterations(if n > m { ITERATIONS } else { PLAIN });
    let report = along(framed, start, Axes::Units(units), &first)?;
    if n > m || report.termination != Termination::Iterations {
        return Ok(report);
    }
    let Some(axes) = Axes::of(framed.survey().metric(curvature)?) else { return Ok(report) };
    let further = along(framed, report.x.clone(), axes, stop)?;
    Ok(after(&report, further))
}

/// L-BFGS from `start` along some axes; the report is by `θ`.
fn along<T: Real>(
    risk: &mut dyn Objective<T>, start: DVector<T>, axes: Axes<T>, stop: &Stop<T>,
) -> Result<Report<T>, Error> {
    let (zero, steepness) = (DVector::zeros(start.len()), axes.steepness());
    let mut whitened = Whitened::new(risk, start, axes);
    let mut report = minimize(&mut Lbfgs::new().memory(MEMORY), &mut whitened, zero, stop)?;
    report.tolerance *= steepness;
    report.floor *= steepness;
    report.x = whitened.parameters(&report.x).clone();
    Ok(report)
}

/// A run that went on where another one had ended.
fn after<T: Real>(first: &Report<T>, further: Report<T>) -> Report<T> {
    let iterations = first.iterations + further.iterations;
    Report { iterations, evaluations: first.evaluations + further.evaluations, ..further }
}

const MEMORY: usize = 20;
/// Steps after which the second moments of the features are worth their cost.
const PLAIN: usize = 200;

compiled! {
    /// The point of a report by `θ`; whether that is to be evaluated anew.
    fn bring_back<T>(
        report: &'a mut Report<T>, framed: &'a mut dyn Surveyed<T>, is_penalised: bool,
    ) -> Result<bool, Error> {
        let by_gradients = report.method == Some(Method::Lbfgs);
        if let Some(failure) = report.failure.take() {
            return Err(failure);
        }
        if by_gradients && is_penalised {
            report.certificate = bounds::certify(framed, report)?;
        }
        let has_frame = framed.survey().frame().is_some();
        if has_frame {
            leave_frame(report, framed)?;
        }
        framed.failure().map_or(Ok(by_gradients || has_frame), Err)
    }
}

/// Where the numbers nearest to the likeliest parameters are far from likeliest, no step leads closer.
fn leave_frame<T: Real>(report: &mut Report<T>, framed: &mut dyn Surveyed<T>) -> Result<(), Error> {
    let survey = framed.survey();
    let Some(frame) = survey.frame() else { return Ok(()) };
    let (theta, weights) = (frame.parameters(&report.x), frame.weights);
    check_evaluation("the likeliest parameters", "the features' units", theta.as_slice())?;
    let steepness = frame.steepness();
    report.tolerance *= steepness;
    report.floor *= steepness;
    // what rounding of the biases costs: bᵀ H b
    let mut rounding = DVector::zeros(theta.len());
    rounding.rows_range_mut(weights..).copy_from(&(theta.rows_range(weights..) * T::EPSILON));
    let mut product = DVector::zeros(theta.len());
    framed.hessian_product(&report.x, &rounding, &mut product);
    let lost = rounding.dot(&product).max(T::zero());
    if report.termination.is_stationary() && lost > T::EPSILON.sqrt() * report.value {
        // where nothing is left of the loss, the scores tell what rounding may cost: φᵀ H φ = Σ w z² ∂²ℓ/∂z²
        framed.hessian_product(&report.x, &report.x, &mut product);
        if lost > T::EPSILON * T::EPSILON.sqrt() * report.x.dot(&product) {
            report.termination = Termination::NoDescent;
        }
    }
    report.x = theta;
    let decrement = report.certificate.iter_mut().filter_map(|point| point.decrement.as_mut());
    decrement.for_each(|decrement| *decrement = decrement.hypot(lost.sqrt()));
    Ok(())
}

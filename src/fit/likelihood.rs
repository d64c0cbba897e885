//! Maximum likelihood for affine classifiers: Newton, on features of one scale.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{Fit, Fitted};
use crate::contract::check_evaluation;
use crate::kernel;
use crate::model::Affine;
use crate::{
    CrossEntropy, EmpiricalRisk, Error, Hessian, LogLoss, Newton, Objective, Perceptron, Real, Report,
    SecondOrderLoss, SigmoidClassifier, Stop, Termination, minimize,
};

impl SigmoidClassifier {
    /// Logistic regression by Newton's method (iteratively reweighted least squares), for `x`
    /// (`features × samples`) and labels `y` of 0 and 1 (`outputs × samples`).
    ///
    /// Ends where `‖∇‖∞ ≤ 1e−10` (f64; `1e−5` in f32), each feature measured from an origin among its samples if they
    /// are far from zero, and in the power of two next to its size there, so that features need no scaling. Where the
    /// bias is so large that no number is near enough to the likeliest one, the report has not converged
    /// ([`Termination::NoDescent`](crate::Termination::NoDescent)). Then, as where features are not of moderate size, the
    /// certificate is by parameters of the features so measured: the signs of eigenvalues do not depend on that. Separable data have no likeliest weights: the report then says
    /// [`Termination::Separable`](crate::Termination::Separable) and has not converged; a [ridge penalty](EmpiricalRisk::fit) gives an answer.
    /// No penalty is on by default.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{SigmoidClassifier, Termination};
    ///
    /// let x = dmatrix![1.0, 2.0, 3.0, 4.0];
    /// let mixed = SigmoidClassifier::new(1).fit(&x, &dmatrix![0.0, 1.0, 0.0, 1.0])?;
    /// assert!(mixed.report.converged());
    /// let apart = SigmoidClassifier::new(1).fit(&x, &dmatrix![0.0, 0.0, 1.0, 1.0])?;
    /// assert_eq!(apart.report.termination, Termination::Separable);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`EmpiricalRisk::new`]; [`Error::OneClass`] where an output sees a single class.
    pub fn fit<'a, T: Real>(
        self, x: impl Into<DMatrixView<'a, T>>, y: impl Into<DMatrixView<'a, T>>,
    ) -> Result<Fitted<T, Self, LogLoss>, Error> {
        EmpiricalRisk::new(self, LogLoss, x, y)?.fit()
    }
}

impl<T: Real> Fit<T, LogLoss> for SigmoidClassifier {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, LogLoss>) -> Result<Fitted<T, Self, LogLoss>, Error> {
        let unbounded = risk.model().0.bias || risk.penalty_strength() == T::zero();
        let (_, y, shares) = risk.present();
        for labels in y.row_iter().filter(|_| unbounded) {
            let mut seen =
                labels.iter().zip(shares).filter(|(_, w)| **w > T::zero()).map(|(label, _)| *label);
            let first = seen.next().unwrap_or_default();
            if seen.all(|label| label == first) {
                return Err(Error::OneClass { argument: "y", found: first.f64() });
            }
        }
        fit_by_newton(risk)
    }
}

impl<T: Real> Fit<T, CrossEntropy> for Perceptron {
    fn fit_risk(
        risk: &mut EmpiricalRisk<'_, T, Self, CrossEntropy>,
    ) -> Result<Fitted<T, Self, CrossEntropy>, Error> {
        let unbounded = risk.model().0.bias || risk.penalty_strength() == T::zero();
        let (_, y, shares) = risk.present();
        for (class, targets) in y.row_iter().enumerate().filter(|_| unbounded) {
            if targets.iter().zip(shares).all(|(y, w)| *y * *w == T::zero()) {
                return Err(Error::NoSamples { argument: "y", class });
            }
        }
        fit_by_newton(risk)
    }
}

/// Newton from zero, on features measured from an origin, in their own units.
fn fit_by_newton<T: Real, M: Affine + Clone, L: SecondOrderLoss<T> + Clone>(
    risk: &mut EmpiricalRisk<'_, T, M, L>,
) -> Result<Fitted<T, M, L>, Error> {
    risk.check()?;
    let p = risk.dim();
    let tolerance = T::of(if T::EPSILON.f64() < 1e-10 { 1e-10 } else { 1e-5 });
    let stop = Stop::default().gradient(tolerance).iterations(200);
    let mut framed = risk.framed();
    let mut report = minimize(&mut Newton::new(), &mut framed, DVector::zeros(p), &stop)?;
    if framed.frame.is_some() {
        bring_back(&mut report, &mut framed)?;
        let mut gradient = DVector::zeros(p);
        report.value = risk.value_gradient(&report.x, &mut gradient);
        report.gradient_norm = kernel::norm_inf(gradient.as_slice());
    }
    Ok(Fitted::new(risk.model().clone(), risk.loss().clone(), report))
}

/// The point of a report by `θ`. Where the numbers nearest to the likeliest parameters are far from likeliest, no step
/// leads closer.
fn bring_back<T: Real, M: Affine, L: SecondOrderLoss<T>>(
    report: &mut Report<T>, framed: &mut EmpiricalRisk<'_, T, M, L>,
) -> Result<(), Error> {
    let mut hessian = DMatrix::zeros(report.x.len(), report.x.len());
    framed.hessian(&report.x, &mut hessian);
    let Some(frame) = &framed.frame else { return Ok(()) };
    report.x = frame.parameters(&report.x);
    check_evaluation("the likeliest parameters", "the features' units", report.x.as_slice())?;
    // what rounding of the biases costs
    let moved = report.x.rows_range(frame.weights..) * T::EPSILON;
    let lost = moved.dot(&(hessian.view_range(frame.weights.., frame.weights..) * &moved)).max(T::zero());
    if report.termination.is_stationary() && lost > T::EPSILON.sqrt() * report.value {
        report.termination = Termination::NoDescent;
    }
    let decrement = report.certificate.iter_mut().filter_map(|point| point.decrement.as_mut());
    decrement.for_each(|decrement| *decrement = decrement.hypot(lost.sqrt()));
    Ok(())
}

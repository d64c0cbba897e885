//! Maximum likelihood for affine classifiers: Newton, on features of one scale.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::{Fit, Fitted};
use crate::kernel::{self, compiled, inlined, vectorize};
use crate::{
    CriticalPoint, CrossEntropy, EmpiricalRisk, Error, Hessian, LogLoss, Newton, Objective, Perceptron, Real,
    SecondOrderLoss, SecondOrderModel, SigmoidClassifier, Stop, minimize,
};

impl SigmoidClassifier {
    /// Logistic regression by Newton's method (iteratively reweighted least squares), for `x`
    /// (`features × samples`) and labels `y` of 0 and 1 (`outputs × samples`).
    ///
    /// Ends where `‖∇‖∞ ≤ 1e−10` (f64; `1e−5` in f32), each feature measured in the power of two next to its own
    /// size, so that features need no scaling. Separable data have no likeliest weights: the report then says
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
        risk.fit_by_newton()
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
        risk.fit_by_newton()
    }
}

impl<T: Real, M: SecondOrderModel<T> + Clone, L: SecondOrderLoss<T> + Clone> EmpiricalRisk<'_, T, M, L> {
    /// Newton from zero.
    fn fit_by_newton(&mut self) -> Result<Fitted<T, M, L>, Error> {
        self.check()?;
        let p = self.dim();
        let scale = self.scales();
        let mut scaled = Scaled { theta: DVector::zeros(p), scale, risk: &mut *self };
        let tolerance = T::of(if T::EPSILON.f64() < 1e-10 { 1e-10 } else { 1e-5 });
        let stop = Stop::default().gradient(tolerance).iterations(ITERATIONS);
        let mut report = minimize(&mut Newton::new(), &mut scaled, DVector::zeros(p), &stop)?;

        // gradient and Hessian once more, for the certificate of the unscaled risk
        let (mut gradient, mut hessian) = (DVector::zeros(p), DMatrix::zeros(p, p));
        scaled.value_gradient_hessian(&report.x, &mut gradient, &mut hessian);
        let scale = scaled.scale;
        report.x.component_mul_assign(&scale);
        gradient.component_div_assign(&scale);
        for (mut column, s) in hessian.column_iter_mut().zip(scale.iter()) {
            column.component_div_assign(&scale);
            column /= *s;
        }
        report.gradient_norm = kernel::norm_inf(gradient.as_slice());
        report.certificate = CriticalPoint::judge(self, &report.x, &gradient, &hessian).ok();
        report.seek_recession(self);
        Ok(Fitted::new(self.model().clone(), self.loss().clone(), report))
    }

    /// One over the power of two next to the root mean square of the feature that each parameter multiplies.
    fn scales(&self) -> DVector<T> {
        let (x, _, _) = self.present();
        let k = self.model().outputs();
        let mut scale = DVector::repeat(self.dim(), T::one());
        // neither the power nor its inverse leaves the range
        let limit = T::MAX.log2() - T::of(8.0);
        for (i, size) in sizes(x).into_iter().enumerate() {
            if size > T::zero() {
                let exponent = -size.log2().round().clamp(-limit, limit);
                scale.rows_mut(i * k, k).fill(T::of(2.0).powf(exponent));
            }
        }
        scale
    }
}

compiled! {
    /// The root mean square of each row; column by column, as the samples lie.
    fn sizes<T>(x: DMatrixView<'a, T>) -> Vec<T> {
        vectorize(
            inlined!(|_| {
                let mut largest = vec![T::zero(); x.nrows()];
                for sample in x.column_iter() {
                    for (l, x) in largest.iter_mut().zip(sample.as_slice()) {
                        *l = if x.abs() > *l { x.abs() } else { *l };
                    }
                }
                let units: Vec<T> = largest.iter().map(|l| (T::one() / *l).min(T::MAX)).collect();
                let mut squares = vec![T::zero(); x.nrows()];
                for sample in x.column_iter() {
                    for ((s, x), unit) in squares.iter_mut().zip(sample.as_slice()).zip(&units) {
                        *s += (*x * *unit) * (*x * *unit);
                    }
                }
                let count = T::of(x.ncols() as f64);
                largest.iter().zip(squares).map(|(largest, s)| *largest * (s / count).sqrt()).collect()
            }),
        )
    }
}

const ITERATIONS: usize = 200;

/// The risk in variables `φ`, `θ = s ⊙ φ`.
struct Scaled<'r, T: Real, O> {
    risk: &'r mut O,
    scale: DVector<T>,
    theta: DVector<T>,
}

impl<T: Real, O> Scaled<'_, T, O> {
    fn place(&mut self, phi: &DVector<T>) {
        self.theta.as_mut_slice().copy_from_slice(phi.as_slice());
        kernel::times(self.theta.as_mut_slice(), self.scale.as_slice());
    }
}

impl<T: Real, O: Objective<T>> Objective<T> for Scaled<'_, T, O> {
    fn dim(&self) -> usize {
        self.risk.dim()
    }

    fn value(&mut self, phi: &DVector<T>) -> T {
        self.place(phi);
        self.risk.value(&self.theta)
    }

    fn value_gradient(&mut self, phi: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.place(phi);
        let value = self.risk.value_gradient(&self.theta, gradient);
        kernel::times(gradient.as_mut_slice(), self.scale.as_slice());
        value
    }

    fn is_convex(&self) -> bool {
        self.risk.is_convex()
    }
}

impl<T: Real, O: Hessian<T>> Scaled<'_, T, O> {
    fn scale_hessian(&self, hessian: &mut DMatrix<T>) {
        for (mut column, s) in hessian.column_iter_mut().zip(self.scale.iter()) {
            kernel::times(column.as_mut_slice(), self.scale.as_slice());
            kernel::scale(*s, column.as_mut_slice());
        }
    }
}

impl<T: Real, O: Hessian<T>> Hessian<T> for Scaled<'_, T, O> {
    fn hessian(&mut self, phi: &DVector<T>, hessian: &mut DMatrix<T>) {
        self.place(phi);
        self.risk.hessian(&self.theta, hessian);
        self.scale_hessian(hessian);
    }

    fn value_gradient_hessian(
        &mut self, phi: &DVector<T>, gradient: &mut DVector<T>, hessian: &mut DMatrix<T>,
    ) -> T {
        self.place(phi);
        let value = self.risk.value_gradient_hessian(&self.theta, gradient, hessian);
        kernel::times(gradient.as_mut_slice(), self.scale.as_slice());
        self.scale_hessian(hessian);
        value
    }
}

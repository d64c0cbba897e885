//! Maximum likelihood for affine classifiers: Newton, on features of one scale.

use nalgebra::{DMatrix, DMatrixView, DVector};

use super::Fitted;
use crate::kernel;
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
        self,
        x: impl Into<DMatrixView<'a, T>>,
        y: impl Into<DMatrixView<'a, T>>,
    ) -> Result<Fitted<T, Self, LogLoss>, Error> {
        EmpiricalRisk::new(self, LogLoss, x, y)?.fit()
    }
}

impl<T: Real> EmpiricalRisk<'_, T, SigmoidClassifier, LogLoss> {
    /// [`SigmoidClassifier::fit`] with the sample weights and the ridge penalty of the risk, over its present batch.
    ///
    /// A single class is an error even with a penalty, unless the model has no bias: the bias is not penalised, and
    /// runs to infinity.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let (x, y) = (dmatrix![1.0, 2.0, 3.0, 4.0], dmatrix![0.0, 0.0, 1.0, 1.0]);
    /// let fitted = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?.ridge(0.01).fit()?;
    /// assert!(fitted.report.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`SigmoidClassifier::fit`]; [`Error::Setting`] for the penalty.
    pub fn fit(&mut self) -> Result<Fitted<T, SigmoidClassifier, LogLoss>, Error> {
        let unbounded = self.model().0.bias || self.penalty_strength() == T::zero();
        let (_, y, shares) = self.present();
        for labels in y.row_iter().filter(|_| unbounded) {
            let mut seen =
                labels.iter().zip(shares).filter(|(_, w)| **w > T::zero()).map(|(label, _)| *label);
            let first = seen.next().unwrap_or_default();
            if seen.all(|label| label == first) {
                return Err(Error::OneClass { argument: "y", found: first.f64() });
            }
        }
        self.fit_by_newton()
    }
}

impl<T: Real> EmpiricalRisk<'_, T, Perceptron, CrossEntropy> {
    /// Softmax regression by Newton's method, with the sample weights and the ridge penalty of the risk, over its
    /// present batch.
    ///
    /// Ends as [`SigmoidClassifier::fit`] does. Adding the same number to all scores changes nothing, so the Hessian
    /// always has zero eigenvalues: the verdict is degenerate, and convex.
    ///
    /// ```
    /// use gradus::nalgebra::{self, dmatrix};
    /// use gradus::{CrossEntropy, EmpiricalRisk, Perceptron, data::one_hot};
    ///
    /// let x = dmatrix![0.1, 0.9, 1.1, 2.0, 2.2, 2.9];
    /// let y = one_hot(&[0, 0, 1, 1, 2, 2], 3)?;
    /// let model = Perceptron::new(1).with_outputs(3);
    /// let fitted = EmpiricalRisk::new(model, CrossEntropy, &x, &y)?.ridge(0.01).fit()?;
    /// assert_eq!(fitted.classify(&dmatrix![0.0, 1.5, 3.0])?, [0, 1, 2]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for the penalty, [`Error::NoSamples`] for a class without samples.
    pub fn fit(&mut self) -> Result<Fitted<T, Perceptron, CrossEntropy>, Error> {
        let unbounded = self.model().0.bias || self.penalty_strength() == T::zero();
        let (_, y, shares) = self.present();
        for (class, targets) in y.row_iter().enumerate().filter(|_| unbounded) {
            if targets.iter().zip(shares).all(|(y, w)| *y * *w == T::zero()) {
                return Err(Error::NoSamples { argument: "y", class });
            }
        }
        self.fit_by_newton()
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
        // column by column, as the samples lie
        let mut largest = DVector::zeros(x.nrows());
        for sample in x.column_iter() {
            largest.zip_apply(&sample, |l: &mut T, x: T| *l = l.max(x.abs()));
        }
        let unit = largest.map(|l| if l > T::zero() { (T::one() / l).min(T::MAX) } else { T::zero() });
        let mut squares = DVector::zeros(x.nrows());
        for sample in x.column_iter() {
            squares.zip_zip_apply(&sample, &unit, |s: &mut T, x: T, unit: T| *s += (x * unit) * (x * unit));
        }
        // neither the power nor its inverse leaves the range
        let limit = T::MAX.log2() - T::of(8.0);
        for (i, (largest, squares)) in largest.iter().zip(squares.iter()).enumerate() {
            if *largest > T::zero() {
                let size = *largest * (*squares / T::of(x.ncols() as f64)).sqrt();
                let exponent = -size.log2().round().clamp(-limit, limit);
                scale.rows_mut(i * k, k).fill(T::of(2.0).powf(exponent));
            }
        }
        scale
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
        self.theta.copy_from(phi);
        self.theta.component_mul_assign(&self.scale);
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
        gradient.component_mul_assign(&self.scale);
        value
    }

    fn is_convex(&self) -> bool {
        self.risk.is_convex()
    }
}

impl<T: Real, O: Hessian<T>> Scaled<'_, T, O> {
    fn scale_hessian(&self, hessian: &mut DMatrix<T>) {
        for (mut column, s) in hessian.column_iter_mut().zip(self.scale.iter()) {
            column.component_mul_assign(&self.scale);
            column *= *s;
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
        &mut self,
        phi: &DVector<T>,
        gradient: &mut DVector<T>,
        hessian: &mut DMatrix<T>,
    ) -> T {
        self.place(phi);
        let value = self.risk.value_gradient_hessian(&self.theta, gradient, hessian);
        gradient.component_mul_assign(&self.scale);
        self.scale_hessian(hessian);
        value
    }
}

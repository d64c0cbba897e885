use nalgebra::DVector;

use super::Fitted;
use super::likelihood::cover;
use crate::contract::room;
use crate::model::Affine;
use crate::risk::Firth;
use crate::{EmpiricalRisk, Error, LogLoss, Method, Newton, Objective, Real, Stop, kernel, minimize};

#[expect(private_bounds, reason = "the affine models of the crate")]
impl<T: Real, M: Affine<T> + Clone> EmpiricalRisk<'_, T, M, LogLoss> {
    /// The logistic fit with Firth's penalty: finite for any data, separable ones included, and with less bias where
    /// samples are few (Firth 1993; Heinze and Schemper 2002).
    ///
    /// ```text
    /// f(θ) = R(θ) − 1/(2M) ln det I(θ),     I(θ) = Σ_j w_j p_j (1 − p_j) x_j x_jᵀ,   M = Σ w_j
    /// ```
    ///
    /// `x_j` has a 1 for the bias; each output has a penalty of its own. `−M f` is the penalised log-likelihood. The penalty
    /// has no strength to choose, and no unit: scaling or shifting features changes the weights as it would without it. By
    /// Newton's method from zero, with the exact Hessian of both terms, in coordinates in which the features are independent;
    /// eigenvalues are those there, the rest of the report is that of `f(θ)`. Standard errors are those
    /// of [`firth_statistics`](Self::firth_statistics).
    ///
    /// This is the answer where a fit ends as [`Termination::Separable`](crate::Termination::Separable): R's `logistf` and
    /// `brglm2` give the same. Its predictions are drawn towards ½, and so biased: where those matter, a
    /// [ridge penalty](Self::ridge) chosen by cross-validation is the better answer.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier, Termination};
    ///
    /// let (hours, passed) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 0, 1, 1, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
    /// assert_eq!(risk.fit()?.report.termination, Termination::Separable);
    /// let fitted = risk.fit_firth()?;
    /// assert!(fitted.report.converged());
    /// println!("{}", risk.firth_statistics(fitted.parameters())?.summary(&["hours"])?);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RankDeficient`] where features depend on each other, for `det I` is zero then; [`Error::Setting`] beside a
    /// ridge penalty; [`Error::InMemory`] of a
    /// stream or of ranks; [`Error::TooLarge`].
    #[doc(alias("logistf", "Jeffreys"))]
    pub fn fit_firth(&mut self) -> Result<Fitted<T, M, LogLoss>, Error> {
        self.check()?;
        let p = self.dim();
        room::<T>("Hessian", &[p, p, p])?;
        let mut firth = Firth::new(self)?;
        let mut report = minimize(&mut Newton::new(), &mut firth, DVector::zeros(p), &Stop::default())?;
        report.method = Some(Method::Newton);
        report.x = firth.parameters(&report.x);
        let mut gradient = DVector::zeros(p);
        report.value = firth.at(&report.x, &mut gradient);
        report.gradient_norm = kernel::norm_inf(gradient.as_slice());
        let steepness = firth.steepness();
        report.tolerance *= steepness;
        report.floor *= steepness;
        // each term of a slope has one of the penalty beside it
        cover(&mut report, self, 4.0)?;
        Ok(Fitted::new(self.model().clone(), *self.loss(), report))
    }
}

use nalgebra::DVector;

use super::{Covariance, STATISTICS, Statistics};
use crate::contract::{check_point, room};
use crate::risk::Firth;
use crate::{EmpiricalRisk, Error, LogLoss, Objective, Real, SecondOrderModel};

impl<T: Real, M: SecondOrderModel<T>> EmpiricalRisk<'_, T, M, LogLoss> {
    /// Covariance `I(θ)⁻¹` and standard errors of the minimum `θ` with Firth's penalty, of
    /// [`fit_firth`](EmpiricalRisk::fit_firth), whatever separates the classes. Wald's intervals from them are too short
    /// where samples are few (Heinze and Schemper 2002). The log-likelihood is that without the penalty.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, LogLoss, SigmoidClassifier};
    ///
    /// let (hours, passed) = ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0, 0, 0, 1, 1, 1]);
    /// let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
    /// let fitted = risk.fit_firth()?;
    /// let statistics = risk.firth_statistics(fitted.parameters())?;
    /// assert!(statistics.standard_errors[0] > 0.5_f64 && statistics.standard_errors[0] < 2.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotStationary`] where `θ` is not that minimum; [`Error::RankDeficient`], [`Error::InMemory`]; [`Error::Length`]
    /// and [`Error::NonFinite`] for `θ`.
    pub fn firth_statistics(&mut self, theta: &DVector<T>) -> Result<Statistics<T>, Error> {
        self.check()?;
        let p = self.dim();
        check_point("theta", theta, p)?;
        room::<T>("theta", &[p, p, 4])?;
        let mut gradient = DVector::zeros(p);
        let value = Firth::new(self)?.at(theta, &mut gradient);
        let curvature = self.information(theta, STATISTICS)?;
        let curvature = self.settled(theta, curvature, (value, gradient), STATISTICS.what)?;
        self.tell(theta, curvature, Covariance::Information)
    }
}

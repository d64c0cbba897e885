//! Generalised linear models by Newton's method, from the mean response.

use nalgebra::DVector;

use super::Fitted;
use super::likelihood::{fit_affine, run};
use super::method::Fit;
use crate::contract::check_evaluation;
use crate::loss::{Family, Glm};
use crate::{EmpiricalRisk, Error, Loss, Model, Offset, Perceptron, Real, SecondOrderModel, Stop};

impl<T: Real, L: Glm> Fit<T, L> for Perceptron {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, L>) -> Result<Fitted<T, Self, L>, Error> {
        fit_glm(risk)
    }
}

impl<T: Real, L: Glm> Fit<T, L> for Offset<Perceptron> {
    fn fit_risk(risk: &mut EmpiricalRisk<'_, T, Self, L>) -> Result<Fitted<T, Self, L>, Error> {
        fit_glm(risk)
    }
}

fn fit_glm<T: Real, M: SecondOrderModel<T> + Clone, L: Glm>(
    risk: &mut EmpiricalRisk<'_, T, M, L>,
) -> Result<Fitted<T, M, L>, Error> {
    let start = start(risk)?;
    fit_affine(risk, |framed| run(framed, start, T::one(), &Stop::default()))
}

/// No weights, and the biases of the mean targets; below the features there may be an offset.
fn start<T: Real, M: Model<T>, L: Glm>(risk: &EmpiricalRisk<'_, T, M, L>) -> Result<DVector<T>, Error> {
    let (survey, linear) = (risk.survey(), risk.linear());
    let mut start = DVector::zeros(linear.parameter_count());
    if !linear.bias {
        return Ok(start);
    }
    let offset = |x: &[T]| x.get(linear.inputs).map_or(0.0, |offset| offset.f64());
    for o in 0..linear.outputs {
        let mean = survey.sample_sum(|_, y, w| w * y[o].f64())? / survey.sample_sum(|_, _, w| w)?;
        let bias = match Loss::<T>::family(risk.loss()) {
            Family::Binomial => (mean / (1.0 - mean)).ln() - survey.sample_sum(|x, _, w| w * offset(x))?,
            _ => (mean / survey.sample_sum(|x, _, w| w * offset(x).exp())?).ln(),
        };
        if mean <= 0.0 || Loss::<T>::family(risk.loss()) == Family::Binomial && mean >= 1.0 {
            return Err(Error::EdgeMean { argument: "y", found: mean });
        }
        check_evaluation("the bias to start from", "these offsets", &[bias])?;
        // the logarithm of 1 is 0, whatever rounding makes of it: as a coordinate it would tell a size
        let is_rounding = bias.abs() <= 8.0 * T::EPSILON.f64();
        start[linear.parameter_count() - linear.outputs + o] =
            if is_rounding { T::zero() } else { T::of(bias) };
    }
    Ok(start)
}

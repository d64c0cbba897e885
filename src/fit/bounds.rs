//! What is known of the Hessian of a penalised fit without forming it.

use crate::risk::Surveyed;
use crate::{CriticalPoint, Error, Inertia, Real, Report, kernel};

/// The verdict on the minimum of a convex risk whose weights, not its biases, are penalised:
///
/// ```text
/// H = (Λ 0; 0 0) + M,   M = Σ_j w_j ∂²ℓ_j/∂z² ⊗ (x_j, 1)(x_j, 1)ᵀ
/// ```
///
/// With `λ` the least penalty, `B` the part of `M` by the biases and `β` its least eigenvalue, and `α ≥ ‖M‖` by the
/// weights, a unit vector of weights of length `sin φ` and biases of `cos φ` has
///
/// ```text
/// vᵀ H v ≥ λ sin²φ + (√β cos φ − √α sin φ)₊² ≥ λ β / (λ + α + β)
/// ```
///
/// Of softmax, equal changes of all biases change nothing: `H` has one eigenvalue of zero, and the others are bounded so.
/// Nothing where `B` is not definite beyond.
pub(super) fn certify<T: Real>(
    risk: &dyn Surveyed<T>, report: &Report<T>,
) -> Result<Option<CriticalPoint<T>>, Error> {
    let (survey, p) = (risk.survey(), report.x.len());
    let linear = survey.linear();
    let [lambda, largest] = survey.penalty_range();
    let squares = survey.mean_squares()?.into_iter().fold(T::zero(), |sum, square| sum + square);
    let alpha = T::of(STEEPEST) * squares;
    let (mut least, mut greatest, mut zero) = (lambda, largest + alpha, 0);
    if linear.bias {
        let k = linear.outputs;
        let mut b = survey.score_curvature(risk.second(), &report.x)?;
        let size = b.trace();
        let rounding = T::of(4.0 * k as f64) * T::EPSILON * size;
        if k > 1 && b.column_iter().all(|column| column.sum().abs() <= rounding) {
            zero = 1;
            b.add_scalar_mut(size / T::of(k as f64));
        }
        if !kernel::cholesky(b.as_mut_slice(), k) {
            return Ok(None);
        }
        kernel::invert_lower(b.as_mut_slice(), k);
        let norm = kernel::norm(b.as_slice());
        let beta = T::one() / norm / norm;
        least = lambda * beta / (lambda + alpha + beta);
        greatest += T::of(STEEPEST);
    }
    let inertia = Inertia { positive: p - zero, zero, negative: 0 };
    let tolerance = (T::of(p as f64) * T::EPSILON * greatest).min(least * T::of(0.5));
    let ends = [if zero > 0 { T::zero() } else { least }, greatest];
    let point = CriticalPoint::counted(inertia, ends, tolerance, None);
    Ok((least >= T::LEAST_NORMAL).then(|| point.with(Some(report.gradient_norm), None, true)))
}

/// The curvature of a sample's loss in its scores is at most ¼ of the log loss, ½ of the cross-entropy, 1 of Huber's.
const STEEPEST: f64 = 1.0;

//! The verdict on a point of an objective, in no unit of a variable.

use nalgebra::{DMatrix, DVector};

use super::{Known, evaluate_hessian, spectrum};
use crate::kernel::zero;
use crate::{CriticalPoint, Error, Hessian, Real, kernel};

impl<T: Real> CriticalPoint<T> {
    /// With gradient and Hessian at `x` known; asks for one more Hessian or two unless the objective is convex. Of a minimum the
    /// Newton step as well.
    pub(crate) fn judge<O: Hessian<T> + ?Sized>(
        objective: &mut O, x: &DVector<T>, gradient: &DVector<T>, hessian: &DMatrix<T>,
    ) -> Result<(Self, Option<DVector<T>>), Error> {
        let (point, s) = Self::judge_in(objective, x, gradient, hessian, None)?;
        if point.inertia.zero == 0 || hessian.diagonal().iter().any(|h| *h == T::zero()) {
            return Ok((point, s));
        }
        // powers of two with u_i² |H_ii| next to 1: roots of 2ᵏ h are those of h for even k only
        let unit = kernel::norm_inf(hessian.as_slice()).unit().0;
        let u = hessian.diagonal().map(|h| kernel::unit((h.abs() * unit).sqrt()));
        let (mut scaled, slopes) = (hessian.clone(), gradient.component_mul(&u));
        measure(&mut scaled, &u);
        // a curvature that is negative in a unit of its own alone may be rounding of one that is zero
        let is_told =
            |other: &Self| other.inertia.negative == 0 || point.inertia.negative > 0 && !other.convex;
        let (other, s) = match Self::judge_in(objective, x, &slopes, &scaled, Some(&u)) {
            Ok((other, s)) if other.inertia.zero == 0 && is_told(&other) => (other, s),
            _ => return Ok((point, s)),
        };
        let direction = point.direction.clone();
        let signed =
            Self { direction, ..point.signed(other.inertia, other.smallest() / u.amax() / u.amax()) };
        let s = s.map(|s| s.component_mul(&u));
        Ok((signed.with(point.gradient_norm, other.decrement, point.convex), s))
    }

    /// The same by the variables `x_i / u_i`, which gradient and Hessian are by.
    fn judge_in<O: Hessian<T> + ?Sized>(
        objective: &mut O, x: &DVector<T>, gradient: &DVector<T>, hessian: &DMatrix<T>,
        units: Option<&DVector<T>>,
    ) -> Result<(Self, Option<DVector<T>>), Error> {
        let convex = objective.is_convex();
        let gradient_norm = kernel::norm_inf(gradient.as_slice());
        let mut known = Known::of(hessian)?;
        let rounding = zero(x.len(), known.ends());
        // s = H⁻¹∇f, or the gradient itself, which underflow on the way leaves unknown near the least normal number
        let unit = kernel::norm_inf(hessian.as_slice()).unit().0;
        let unknown = |i| units.map_or(T::one(), |u: &DVector<T>| u[i]) * T::of(64.0) * T::LEAST_NORMAL;
        let mut s =
            gradient.map_with_location(|i, _, g| if g.abs() < unknown(i) { unknown(i) } else { g }) * unit;
        let mut decrement = None;
        let mut factor = hessian * unit;
        let is_definite = known.ends()[0] > rounding;
        if is_definite && kernel::cholesky(factor.as_mut_slice(), x.len()) {
            kernel::cholesky_solve(factor.as_slice(), x.len(), s.as_mut_slice());
            decrement = Some(kernel::dot(gradient.as_slice(), s.as_slice()).max(T::zero()).sqrt());
        }
        // a gradient of zero may be one that underflows: next to eigenvalues that do, or by a variable that all but does
        let size = Some(kernel::norm_inf(x.as_slice())).filter(|size| *size > T::zero()).unwrap_or(T::one());
        let least = T::LEAST_NORMAL.sqrt() / size.min(T::one());
        let is_small = known.ends().iter().any(|end| *end != T::zero() && end.abs() < least);
        let moves = !convex && (gradient_norm > T::zero() || is_small);
        // eigenvectors cost more than eigenvalues: only where they are the step, or the direction of few variables
        let vectors = match &known {
            Known::All(_) if is_definite || (convex && known.ends()[0] >= -rounding) => None,
            Known::Ends(..) if decrement.is_some() || !moves => None,
            _ => Some(spectrum(hessian)?),
        };
        let mut tolerance = rounding;
        if moves {
            if let Some(spectrum) = &vectors {
                s = spectrum.solve(gradient, rounding);
                known = Known::All(spectrum.values.clone());
            }
            let reached = units.map_or_else(|| x - &s, |u| x - s.component_mul(u));
            tolerance = rounding.max(margin(objective, &reached, hessian, units)?);
        }
        let point = known.point(hessian, tolerance)?;
        let descends = point.inertia.negative > 0;
        let ours = vectors.filter(|_| descends).map(|s| s.vectors.column(0).into_owned());
        let direction = ours.or(point.direction.clone());
        let decrement = decrement.filter(|_| point.extremes[0] > rounding);
        // where there is a decrement, s is H⁻¹∇f
        let newton = decrement.map(|_| s);
        Ok((Self { direction, ..point }.with(Some(gradient_norm), decrement, convex), newton))
    }
}

/// `4 ‖H(x + s) − H(x)‖`, in the Frobenius norm, which bounds what an eigenvalue can change by (Weyl); the
/// arguments are `x + s`, `s` the Newton step, and `H(x)`. Infinite where the step leaves the domain: then
/// nothing is decided.
pub(crate) fn margin<T: Real, O: Hessian<T> + ?Sized>(
    objective: &mut O, reached: &DVector<T>, hessian: &DMatrix<T>, units: Option<&DVector<T>>,
) -> Result<T, Error> {
    let mut there = DMatrix::zeros(reached.len(), reached.len());
    evaluate_hessian(objective, reached, &mut there)?;
    if let Some(u) = units {
        measure(&mut there, u);
    }
    there -= hessian;
    let scale = kernel::norm_inf(there.as_slice());
    if scale == T::zero() || !scale.is_finite() {
        return Ok(if scale == T::zero() { scale } else { T::of(f64::INFINITY) });
    }
    Ok(T::of(4.0) * scale * there.iter().fold(T::zero(), |s, &d| s + (d / scale) * (d / scale)).sqrt())
}

/// `U H U`; what user code has resized is refused elsewhere.
pub(crate) fn measure<T: Real>(hessian: &mut DMatrix<T>, u: &DVector<T>) {
    for (mut column, by) in hessian.column_iter_mut().zip(u) {
        column.iter_mut().zip(u).for_each(|(h, u)| *h = *h * *u * *by);
    }
}

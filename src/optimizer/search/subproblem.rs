//! The trust-region subproblem, exactly.

use nalgebra::DVector;

use crate::Real;
use crate::kernel::{self, Spectrum};

/// Minimises `gᵀs + ½ sᵀHs` over `‖s‖ ≤ Δ`, into `s`, given `H = V Λ Vᵀ` and `c = Vᵀg`.
///
/// By Moré and Sorensen (1983) `s` is a solution if and only if for some `μ ≥ 0`
///
/// ```text
/// (H + μI) s = −g,    H + μI positive semi-definite,    μ (Δ − ‖s‖) = 0.
/// ```
///
/// In the basis of eigenvectors `s_i = −c_i / (λ_i + μ)`. The unknown is `ν = μ + λ₁ > 0`, so that nothing
/// cancels in `λ_i + μ = (λ_i − λ₁) + ν`: Newton's method on `1/‖s(ν)‖ = 1/Δ` from the left, where it is
/// monotone, kept in a bracket. Hard case: where `c` has next to nothing along the eigenvectors of `λ₁ ≤ 0`
/// and the rest stays inside, the step is completed along the first of them to the boundary, to the side
/// `c₁` prefers.
pub(in crate::optimizer) fn solve<T: Real>(
    spectrum: &Spectrum<T>,
    c: &DVector<T>,
    radius: T,
    s: &mut DVector<T>,
) -> T {
    let (lambda, zero) = (&spectrum.values, T::zero());
    let n = lambda.len();
    let least = lambda[0];
    let mut coordinates = DVector::zeros(n);
    let at = |coordinates: &mut DVector<T>, nu: T, skip: T| {
        for i in 0..n {
            let gap = lambda[i] - least;
            coordinates[i] = if gap <= skip && skip >= zero { zero } else { -c[i] / (gap + nu) };
        }
        kernel::norm(coordinates.as_slice())
    };
    let none = -T::one();
    // inside: the minimum of the model itself
    if least > zero && at(&mut coordinates, least, none) <= radius {
        s.gemv(T::one(), &spectrum.vectors, &coordinates, zero);
        return promise(lambda, &coordinates, zero);
    }
    let rounding = T::EPSILON * T::of(n as f64) * least.abs().max(lambda[n - 1].abs());
    let mut low = least.max(zero);
    let mut high = (kernel::norm(c.as_slice()) / radius).max(low);
    let first = c.iter().zip(lambda.iter()).filter(|(_, l)| **l - least <= rounding);
    let along = first.fold(zero, |m, (c, _)| m.max(c.abs()));
    if least <= zero {
        let rest = at(&mut coordinates, zero, rounding);
        // ‖s‖ at the smallest ν that rounding can tell from 0
        if rest < radius && along <= rounding * radius {
            let to_boundary = ((radius - rest) * (radius + rest)).sqrt();
            // along a flat direction there is nothing to gain
            if least < zero {
                coordinates[0] = if c[0] > zero { -to_boundary } else { to_boundary };
            }
            s.gemv(T::one(), &spectrum.vectors, &coordinates, zero);
            return promise(lambda, &coordinates, -least);
        }
    }
    let mut nu = low.max(along / radius).min(high);
    for _ in 0..ITERATIONS {
        if nu <= zero {
            nu = high * T::EPSILON;
        }
        let length = at(&mut coordinates, nu, none);
        if (length - radius).abs() <= T::of(64.0) * T::EPSILON * radius {
            break;
        }
        if length > radius {
            low = nu;
        } else {
            high = nu;
        }
        // d‖s‖/dν = −Σ s_i² / (λ_i − λ₁ + ν) / ‖s‖
        let steep = (0..n).fold(zero, |sum, i| {
            let s = coordinates[i] / length;
            sum + s * s / (lambda[i] - least + nu)
        });
        let newton = nu + (length - radius) / radius / steep;
        let between = if low > zero { (low * high).sqrt() } else { high * T::of(1e-3) };
        nu = if newton > low && newton < high { newton } else { between };
        if !(low < nu && nu < high) {
            break;
        }
    }
    s.gemv(T::one(), &spectrum.vectors, &coordinates, zero);
    promise(lambda, &coordinates, nu - least)
}

/// What the model gains by `s`, `Σ s_i² (½ λ_i + μ)`: no term is negative, so nothing cancels.
fn promise<T: Real>(lambda: &DVector<T>, s: &DVector<T>, mu: T) -> T {
    s.iter().zip(lambda).fold(T::zero(), |sum, (&s, &l)| sum + s * (s * (T::of(0.5) * l + mu)))
}

const ITERATIONS: usize = 100;

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
pub(crate) fn solve<T: Real>(spectrum: &Spectrum<T>, c: &DVector<T>, radius: T, s: &mut DVector<T>) -> T {
    let mut model = Model { lambda: &spectrum.values, c, radius, s: DVector::zeros(c.len()) };
    let mu = model.inside().or_else(|| model.hard_case()).unwrap_or_else(|| model.on_boundary());
    s.gemv(T::one(), &spectrum.vectors, &model.s, T::zero());
    model.promise(mu)
}

const ITERATIONS: usize = 100;

/// The model in the basis of eigenvectors, and the step under way there.
struct Model<'a, T: Real> {
    lambda: &'a DVector<T>,
    c: &'a DVector<T>,
    radius: T,
    s: DVector<T>,
}

impl<T: Real> Model<'_, T> {
    fn least(&self) -> T {
        self.lambda[0]
    }

    /// Puts `s_i = −c_i / (λ_i − λ₁ + ν)`, and 0 where `λ_i − λ₁` is at most `skip`; `‖s‖`.
    fn place(&mut self, nu: T, skip: Option<T>) -> T {
        let least = self.least();
        let terms = self.c.as_slice().iter().zip(self.lambda.as_slice());
        for (s, (&c, &lambda)) in self.s.as_mut_slice().iter_mut().zip(terms) {
            let gap = lambda - least;
            *s = if skip.is_some_and(|skip| gap <= skip) { T::zero() } else { -c / (gap + nu) };
        }
        kernel::norm(self.s.as_slice())
    }

    /// `μ = 0`: the minimum of the model itself, where there is one inside.
    fn inside(&mut self) -> Option<T> {
        let least = self.least();
        (least > T::zero() && self.place(least, None) <= self.radius).then_some(T::zero())
    }

    /// What counts as zero beside the eigenvalues.
    fn rounding(&self) -> T {
        let n = self.lambda.len();
        T::EPSILON * T::of(n as f64) * self.least().abs().max(self.lambda[n - 1].abs())
    }

    /// The largest `|c_i|` along the eigenvectors of `λ₁`.
    fn along_least(&self) -> T {
        let highest = self.least() + self.rounding();
        let first = self
            .c
            .as_slice()
            .iter()
            .zip(self.lambda.as_slice())
            .take_while(|(_, lambda)| **lambda <= highest);
        first.fold(T::zero(), |most, (c, _)| most.max(c.abs()))
    }

    /// `μ = −λ₁ ≥ 0`, where `c` does not reach the boundary: by the eigenvector of `λ₁`, to the side `c₁` prefers.
    fn hard_case(&mut self) -> Option<T> {
        let least = self.least();
        let rounding = self.rounding();
        // ‖s‖ at the smallest ν that rounding can tell from 0
        if least > T::zero() || self.along_least() > rounding * self.radius {
            return None;
        }
        let rest = self.place(T::zero(), Some(rounding));
        if rest >= self.radius {
            return None;
        }
        // along a flat direction there is nothing to gain
        if least < T::zero() {
            let to_boundary = ((self.radius - rest) * (self.radius + rest)).sqrt();
            self.s[0] = if self.c[0] > T::zero() { -to_boundary } else { to_boundary };
        }
        Some(-least)
    }

    /// `μ = ν − λ₁` with `‖s(ν)‖ = Δ`.
    fn on_boundary(&mut self) -> T {
        let mut low = self.least().max(T::zero());
        let mut high = (kernel::norm(self.c.as_slice()) / self.radius).max(low);
        let mut nu = low.max(self.along_least() / self.radius).min(high);
        for _ in 0..ITERATIONS {
            if nu <= T::zero() {
                nu = high * T::EPSILON;
            }
            let length = self.place(nu, None);
            if (length - self.radius).abs() <= T::of(64.0) * T::EPSILON * self.radius {
                break;
            }
            if length > self.radius {
                low = nu;
            } else {
                high = nu;
            }
            let newton = nu + (length - self.radius) / self.radius / self.steepness(nu, length);
            let between = if low > T::zero() { low * (high / low).sqrt() } else { high * T::of(1e-3) };
            nu = if newton > low && newton < high { newton } else { between };
            if !(low < nu && nu < high) {
                break;
            }
        }
        nu - self.least()
    }

    /// `−d‖s‖/dν / ‖s‖ = Σ (s_i/‖s‖)² / (λ_i − λ₁ + ν)`.
    fn steepness(&self, nu: T, length: T) -> T {
        self.s.as_slice().iter().zip(self.lambda.as_slice()).fold(T::zero(), |sum, (&s, &lambda)| {
            let share = s / length;
            sum + share * share / (lambda - self.least() + nu)
        })
    }

    /// What the model gains by `s`, `Σ s_i² (½ λ_i + μ)`: no term is negative, so nothing cancels.
    fn promise(&self, mu: T) -> T {
        let terms = self.s.as_slice().iter().zip(self.lambda.as_slice());
        terms.fold(T::zero(), |sum, (&s, &lambda)| sum + s * (s * (T::of(0.5) * lambda + mu)))
    }
}

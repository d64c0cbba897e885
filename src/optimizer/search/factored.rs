//! The trust-region subproblem by factorisations, for many variables.

use nalgebra::{DMatrix, DVector};

use super::{Evaluated, NewtonModel, Shape};
use crate::{Real, kernel};

/// The `s` with nearly the least `m(s) = gᵀs + ½ sᵀHs` of all that are as long: `‖s‖ = Δ`, give or take a quarter, or less
/// where the minimum of `m` lies inside.
///
/// By Moré and Sorensen (1983) `s` is the solution for its length if and only if for some `μ ≥ 0`
///
/// ```text
/// (H + μI) s = −g,    H + μI positive semidefinite.
/// ```
///
/// `H` is measured in its binary unit and `s` in that of `Δ`, so that `A u = b` with `A = H + μI`, `b = −g / Δ` and
/// `‖u‖ = 1`. Newton's method on `1/‖u‖ = 1` takes a Cholesky factorisation of `A` a step; where `‖u‖ > 1` it is monotone.
/// A bracket keeps `μ`: from `‖b‖ ∓ ‖H‖`, and `μ ≥ −λ₁ ≥ −vᵀHv` for every unit vector `v`, that is
///
/// - where the factorisation breaks off, the `v` that shows that `A` is not definite;
/// - where `‖u‖ < 1`, the `z` of inverse iteration with `A`. In the hard case `b` has next to nothing along the
///   eigenvectors of `λ₁`, and `u + αz` of length 1 is the solution, once it misses the least `m` by a hundredth.
#[derive(Debug, Clone, Default)]
pub(crate) struct Factored<T: Real> {
    /// The solution.
    pub(crate) s: DVector<T>,
    b: DVector<T>,
    /// `A⁻¹u`.
    inverse: DVector<T>,
    z: DVector<T>,
    /// `H` and `g` are measured in `1 / unit`.
    unit: T,
    /// The Frobenius norm of `H`.
    size: T,
    /// What was tried last for `μ`, and whether the factor is that of it.
    mu: T,
    is_factorised: bool,
    /// Bounds on `μ`.
    low: T,
    high: T,
    growth: T,
    /// `−λ₁` is not less.
    least: T,
    /// The length of the Newton step, infinite where the model has no minimum.
    newton: T,
}

/// Factorisations of one solution at most.
const FACTORISATIONS: usize = 60;
/// By how much `μ` is raised at first where `A` is not definite.
const GROWTH: f64 = 1.5;

impl<T: Real> Factored<T> {
    /// The model at another point.
    pub(crate) fn begin(&mut self, here: &Evaluated<T>, model: &NewtonModel<T>, shape: Shape) {
        let is_definite = shape == Shape::Definite;
        self.newton = match shape {
            Shape::Indefinite => T::of(f64::INFINITY),
            _ => kernel::norm(model.s.as_slice()),
        };
        let n = here.x.len();
        if self.s.len() != n {
            for v in [&mut self.s, &mut self.b, &mut self.inverse, &mut self.z] {
                *v = DVector::zeros(n);
            }
            self.mu = T::zero();
            self.unit = T::one();
            kernel::unstructured(0, self.z.as_mut_slice());
            self.z /= kernel::norm(self.z.as_slice());
        }
        let before = self.mu / self.unit;
        self.unit = kernel::norm_inf(here.hessian.as_slice()).unit().0;
        self.size = kernel::norm(here.hessian.as_slice()) * self.unit;
        self.mu = if is_definite { T::zero() } else { before * self.unit };
        self.is_factorised = is_definite;
        self.least = if is_definite { -self.size } else { T::zero() };
    }

    /// Puts the solution in `s`; what it gains by the model. Its factor becomes that of `A`. Where `H` is not finite, `m`
    /// is taken to be linear.
    pub(crate) fn solve(&mut self, here: &Evaluated<T>, model: &mut NewtonModel<T>, radius: T) -> T {
        if self.newton <= radius {
            self.s.copy_from(&model.s);
            return model.promise(here);
        }
        let factor = &mut model.factor;
        let slope = kernel::norm(here.gradient.as_slice());
        let pull = slope * self.unit / radius;
        if !(pull + self.size).is_finite() {
            self.s.copy_from(&here.gradient);
            kernel::scale(-radius / slope, self.s.as_mut_slice());
            return slope * radius;
        }
        kernel::scaled(-self.unit, here.gradient.as_slice(), self.b.as_mut_slice());
        kernel::scale(T::one() / radius, self.b.as_mut_slice());
        self.s.fill(T::zero());
        self.low = (pull - self.size).max(self.least).max(T::zero());
        self.high = pull + self.size;
        if !self.is_factorised {
            self.mu = self.mu.max(self.low).min(self.high);
        }
        self.growth = T::of(GROWTH);
        let mut gain = T::zero();
        for _ in 0..FACTORISATIONS {
            self.is_factorised = self.is_factorised || self.factorise(here, factor);
            if !self.is_factorised {
                continue;
            }
            let is_end = self.advance(factor, &mut gain);
            if is_end {
                break;
            }
            self.is_factorised = false;
            self.growth = T::of(GROWTH);
        }
        kernel::scale(radius, self.s.as_mut_slice());
        T::of(0.5) * gain * radius * (radius / self.unit)
    }

    /// Factorises `A = H + μI`; where that is not definite, raises `μ`.
    fn factorise(&mut self, here: &Evaluated<T>, factor: &mut DMatrix<T>) -> bool {
        let n = here.x.len();
        let a = factor.as_mut_slice();
        kernel::scaled(self.unit, here.hessian.as_slice(), a);
        a.iter_mut().step_by(n + 1).for_each(|a| *a += self.mu);
        let columns = kernel::cholesky_columns(a, n);
        if columns == n {
            return true;
        }
        // A = (L, 0; lᵀ, 1) diag(I, d, …) (Lᵀ, l; 0, 1): vᵀAv = d for v = (−L⁻ᵀl; 1; 0)
        let v = &mut self.inverse.as_mut_slice()[..columns];
        for i in (0..columns).rev() {
            let column = &a[i * n..][..=columns];
            v[i] = -(column[columns] + kernel::dot(&column[i + 1..columns], &v[i + 1..])) / column[i];
        }
        let length = kernel::norm(v);
        let d = a[columns * n + columns] / (T::one() + length * length);
        let raised = if d < T::zero() && d.is_finite() { self.mu - d } else { self.mu };
        self.least = self.least.max(raised);
        self.low = self.low.max(self.least);
        if self.high <= self.low {
            self.high = self.low * (T::one() + T::EPSILON.sqrt());
        }
        let between = self.high * (self.low / self.high).sqrt().max(T::of(1e-3));
        let above = if self.low > T::zero() { self.low * self.growth } else { between };
        self.growth *= self.growth;
        self.mu = if self.is_closed() { self.high } else { above.min(between) };
        false
    }

    /// Puts `u` in `s`, and goes on with `μ`. Whether `u` is the solution; `gain` is twice `−m`, in the units of `u` and `b`.
    fn advance(&mut self, factor: &DMatrix<T>, gain: &mut T) -> bool {
        let one = T::one();
        self.s.copy_from(&self.b);
        solve(factor, &mut self.s);
        self.inverse.copy_from(&self.s);
        solve(factor, &mut self.inverse);
        let length = kernel::norm(self.s.as_slice());
        // −m = ½ uᵀ(H + μI)u + ½ μ uᵀu
        *gain = self.promise() + self.mu * length * length;
        if (length - one).abs() <= T::of(0.25) || length < one && self.mu == T::zero() {
            return true;
        }
        // d‖u‖/dμ = −uᵀA⁻¹u / ‖u‖
        let bend = kernel::dot(self.s.as_slice(), self.inverse.as_slice());
        let newton = if length > T::zero() { (length - one) * length * (length / bend) } else { -self.mu };
        let next = self.mu + newton;
        if length > one {
            self.low = self.low.max(self.mu);
            if !self.is_closed() {
                self.mu = next.min(self.high);
                return false;
            }
        }
        let (curvature, doubt) = self.approach(factor);
        self.least = self.least.max(self.mu - curvature);
        self.low = self.low.max(self.least);
        self.high = self.high.min(self.mu.max(self.low));
        if self.complete(length, curvature, gain) {
            return true;
        }
        // just above −λ₁, as far as is known
        let lowest = if self.low > self.least { self.low } else { self.low + doubt };
        self.mu = next.max(lowest);
        false
    }

    /// Whether rounding does not let more be told of `μ`.
    fn is_closed(&self) -> bool {
        self.high - self.low <= T::of(8.0 * self.s.len() as f64) * T::EPSILON * self.high
    }

    fn promise(&self) -> T {
        kernel::dot(self.b.as_slice(), self.s.as_slice())
    }

    /// Inverse iteration: `z ← A⁻¹z / ‖A⁻¹z‖`. The curvature `κ = zᵀAz`, and at least a thousandth of it by which it can miss
    /// an eigenvalue, `‖Az − κz‖`.
    fn approach(&mut self, factor: &DMatrix<T>) -> (T, T) {
        let mut found = (T::zero(), T::zero());
        for _ in 0..16 {
            self.inverse.copy_from(&self.z);
            solve(factor, &mut self.inverse);
            let size = kernel::norm(self.inverse.as_slice());
            let cosine = kernel::dot(self.inverse.as_slice(), self.z.as_slice()) / size;
            let sine = ((T::one() - cosine) * (T::one() + cosine)).max(T::zero()).sqrt();
            self.z.copy_from(&self.inverse);
            kernel::scale(T::one() / size, self.z.as_mut_slice());
            found = (cosine / size, sine.max(T::of(1e-3) * cosine) / size);
            if sine <= T::of(0.02) {
                break;
            }
        }
        found
    }

    /// The solution where `‖u‖ < 1` and `μ` is next to `−λ₁`: `u + αz` of length 1, which gains `½ α² zᵀAz` less than the
    /// best, or `u` itself, where that is as good. False where `μ` is not near enough.
    fn complete(&mut self, length: T, curvature: T, gain: &mut T) -> bool {
        let rest = (T::one() - length) * (T::one() + length);
        let along = kernel::dot(self.s.as_slice(), self.z.as_slice());
        let side = if along < T::zero() { -T::one() } else { T::one() };
        let alpha = side * rest / (along.abs() + (along * along + rest).max(T::zero()).sqrt());
        let (whole, loss) = (*gain + self.mu * rest, alpha * alpha * curvature);
        let share = T::of(0.01);
        if !(self.is_closed() || loss <= share * whole || self.mu * rest <= share * *gain) {
            return false;
        }
        if rest < T::zero() || whole - loss > *gain * (T::one() + share) {
            *gain = whole - loss;
            kernel::axpy(alpha, self.z.as_slice(), self.s.as_mut_slice());
        }
        true
    }
}

/// `b ← A⁻¹b`.
fn solve<T: Real>(factor: &DMatrix<T>, b: &mut DVector<T>) {
    kernel::cholesky_solve(factor.as_slice(), b.len(), b.as_mut_slice());
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "copies, and the same bits in another unit")]
mod tests {
    use super::*;

    /// Uniform in `[−1, 1)`, seeded.
    struct Draw(u64);

    impl Draw {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        }

        fn below(&mut self, n: usize) -> usize {
            ((self.next() + 1.0) * 0.5 * n as f64) as usize % n
        }

        fn vector(&mut self, n: usize) -> DVector<f64> {
            DVector::from_fn(n, |_, _| self.next())
        }
    }

    /// A model whose eigenvalues and eigenvectors are known, rounded to numbers of the type that is tested; easy, hard and
    /// nearly hard, of any signs and units.
    fn draw(draw: &mut Draw) -> (DMatrix<f64>, DVector<f64>, f64) {
        let most = if draw.below(50) == 0 { 80 } else { 12 };
        let n = 1 + draw.below(most);
        let shift = [0.0, 1.0, -1.5][draw.below(3)];
        let mut lambda: Vec<f64> = (0..n).map(|_| draw.next() + shift).collect();
        lambda.sort_by(f64::total_cmp);
        if draw.below(4) == 0 && n > 2 {
            lambda[1] = lambda[0];
        }
        let v = draw.vector(n).normalize();
        let q = DMatrix::identity(n, n) - &v * v.transpose() * 2.0;
        let mut c = draw.vector(n);
        let hardness = [1.0, 1.0, 1e-3, 1e-9, 0.0][draw.below(5)];
        for i in 0..n {
            if lambda[i] == lambda[0] {
                c[i] *= hardness;
            }
        }
        let scale = 10f64.powi(draw.below(13) as i32 - 6);
        let h = &q * DMatrix::from_diagonal(&DVector::from_vec(lambda)) * &q * scale;
        ((&h + h.transpose()) * 0.5, &q * c * scale, 10f64.powi(draw.below(6) as i32 - 3))
    }

    /// The step, and what it gains.
    fn solved<T: Real>(h: &DMatrix<f64>, g: &DVector<f64>, radius: f64, unit: f64) -> (DVector<T>, T) {
        let n = g.len();
        let (gradient, hessian) = (g.map(|g| T::of(g) * T::of(unit)), h.map(|h| T::of(h) * T::of(unit)));
        let here = Evaluated { x: DVector::zeros(n), gradient, hessian, ..Evaluated::default() };
        let (mut model, mut factored) = (NewtonModel::default(), Factored::default());
        let shape = model.solve(&here);
        factored.begin(&here, &model, shape);
        let gain = factored.solve(&here, &mut model, T::of(radius));
        (factored.s, gain)
    }

    /// The greatest gain, by bisection on `μ` in the eigenvectors: `max −m = min over μ ≥ −λ₁ of ½ (gᵀ(H + μI)⁻¹g + μΔ²)`
    /// (duality holds for this problem: Rendl and Wolkowicz 1997).
    fn best(h: &DMatrix<f64>, g: &DVector<f64>, radius: f64) -> f64 {
        let eigen = h.clone().symmetric_eigen();
        let c = eigen.eigenvectors.transpose() * g;
        let least = eigen.eigenvalues.min();
        let floor = 4.0 * f64::EPSILON * eigen.eigenvalues.amax();
        let terms = |mu: f64, power: i32| -> f64 {
            let pairs = c.iter().zip(eigen.eigenvalues.iter());
            pairs.map(|(c, l)| c * c / (l + mu).max(floor).powi(power)).sum()
        };
        let (mut low, mut high) = ((-least).max(0.0), (-least).max(0.0) + g.norm() / radius);
        for _ in 0..200 {
            let mu = 0.5 * (low + high);
            if terms(mu, 2) > radius * radius { low = mu } else { high = mu }
        }
        0.5 * (terms(high, 1) + high * radius * radius)
    }

    fn check<T: Real>(cases: u64, tolerance: f64) {
        for seed in 0..cases {
            let (h, g, radius) = draw(&mut Draw(seed * 7 + 1));
            // what the type holds is the problem
            let (h, g) = (h.map(|h| T::of(h).f64()), g.map(|g| T::of(g).f64()));
            let radius = T::of(radius).f64();
            let (s, gain) = solved::<T>(&h, &g, radius, 1.0);
            let (step, gain) = (s.map(|s| s.f64()), gain.f64());
            let length = step.norm();
            assert!(length <= 1.26 * radius, "{seed}: {length} {radius}");
            // the longest of the two: inside, the minimum of the model is the solution for the whole region
            let within = if length < 0.74 * radius { radius } else { length };
            let size = (h.norm() + g.norm() / within) * within * within;
            let optimum = best(&h, &g, within);
            let reached = -(g.dot(&step) + 0.5 * step.dot(&(&h * &step)));
            assert!(reached >= 0.97 * optimum - tolerance * size, "{seed}: {reached:e} of {optimum:e}");
            assert!((gain - reached).abs() <= 1e3 * tolerance * size, "{seed}: {gain:e} {reached:e}");
            for k in [-21, 20] {
                let unit = 2f64.powi(k);
                let (scaled, more) = solved::<T>(&h, &g, radius, unit);
                assert!(scaled == s && more.f64() == gain * unit, "{seed}: 2^{k}");
            }
        }
    }

    #[test]
    fn steps_gain_nearly_what_is_to_be_had_at_their_length() {
        check::<f64>(5000, 1e-11);
        check::<f32>(2000, 1e-4);
    }
}

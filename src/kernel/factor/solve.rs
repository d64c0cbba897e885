//! What a [`Triangle`] answers: coefficients, how independent the columns are, and better coefficients.

use nalgebra::DMatrix;

use super::{Reflections, Samples, Triangle, invert_lower};
use crate::kernel::math::Elementary;
use crate::kernel::sums::{axpy, dot, norm, norm_inf, times};
use crate::kernel::views::{Factor, turn};
use crate::kernel::{Real, compiled, inlined, vectorize};

impl<T: Real> Triangle<T> {
    fn size(&self) -> usize {
        self.scales.len() - self.squares.len()
    }

    pub(crate) fn outputs(&self) -> usize {
        self.squares.len()
    }

    /// The root of the weighted sum of squared residuals of each output, penalty included.
    pub(crate) fn residual(&self, output: usize) -> T {
        self.squares[output].sqrt() / self.scales[self.size() + output]
    }

    /// Whether the norms of all columns are so far from the ends of the range that no square was lost.
    pub(crate) fn is_moderate(&self) -> bool {
        let p = self.size();
        let limit = T::LEAST_NORMAL.sqrt().sqrt();
        let safe = |norm: T| norm > limit && norm * limit < T::one();
        let targets = self.r[p * p..].chunks_exact(p.max(1)).zip(&self.squares);
        (0..p).all(|j| safe(norm_inf(&self.r[j * p..][..=j])))
            && targets.into_iter().all(|(y, square)| safe(norm_inf(y)) || safe(square.sqrt()))
    }

    compiled! {
        /// `β = R⁻¹ Qᵀ y`, the coefficients of one output after the other; NaN where one that matters is too small to
        /// be represented. Dividing by a zero on the diagonal leaves what it may.
        pub(crate) fn solve(this: &'a Triangle<T>, beta: &'a mut [T]) {
            let p = this.size();
            let outputs = beta.chunks_exact_mut(p.max(1)).zip(this.r[p * p..].chunks_exact(p.max(1)));
            for ((beta, y), unit) in outputs.zip(&this.scales[p..]) {
                beta.copy_from_slice(y);
                this.back(beta);
                let matters = norm_inf(beta) * T::EPSILON.sqrt();
                for (beta, scale) in beta.iter_mut().zip(&this.scales) {
                    let scaled = *beta * *scale / *unit;
                    let is_lost = beta.magnitude() > matters && scaled.magnitude() < T::LEAST_NORMAL;
                    *beta = if is_lost { T::of(f64::NAN) } else { scaled };
                }
            }
        }

        /// `R S⁻¹`, so that `X W Xᵀ` (penalty included) is its square, in the units of the samples.
        pub(crate) fn root(this: &'a Triangle<T>) -> DMatrix<T> {
            let p = this.size();
            DMatrix::from_fn(p, p, |i, j| if i <= j { this.r[j * p + i] / this.scales[j] } else { T::zero() })
        }

        /// `S R⁻¹`, the inverse of [`root`](Triangle::root).
        pub(crate) fn inverse_root(this: &'a Triangle<T>) -> DMatrix<T> {
            let p = this.size();
            // R⁻¹ = (R⁻ᵀ)ᵀ
            let (mut lower, mut inverse) = (vec![T::zero(); p * p], DMatrix::zeros(p, p));
            turn(Factor::new(&this.r[..p * p], p, p), &mut lower);
            invert_lower(&mut lower, p);
            turn(Factor::new(&lower, p, p), inverse.as_mut_slice());
            for mut column in inverse.column_iter_mut() {
                times(column.as_mut_slice(), &this.scales[..p]);
            }
            inverse
        }

        /// Adds `X̃ᵀ W (y − X̃ β)` of some samples, output after output, in twice the working precision and of scaled columns.
        pub(crate) fn add_slopes(
            this: &'a Triangle<T>,
            samples: &'a Samples<'a, T>,
            beta: &'a [T],
            work: &'a mut Reflections<T>,
            slopes: &'a mut [Double<T>],
        ) {
            let (p, k, rows) = (this.size(), this.squares.len(), &mut work.rows);
            assert!(samples.coefficients() == p && samples.outputs() == k && beta.len() == p * k);
            rows.count = samples.count();
            samples.load(0, rows, &this.scales, false);
            let mut residual = vec![Double::default(); rows.count];
            for o in 0..k {
                for (r, y) in residual.iter_mut().zip(rows.column(p + o)) {
                    *r = Double { high: *y, low: T::zero() };
                }
                for j in 0..p {
                    add_multiple(-this.scaled(j, o, beta[o * p + j]), rows.column(j), &mut residual);
                }
                if let Some(weights) = samples.weights {
                    for (r, w) in residual.iter_mut().zip(weights) {
                        *r = Double::default().add_product(*w, *r);
                    }
                }
                for j in 0..p {
                    let slope = &mut slopes[o * p + j];
                    *slope = slope.plus(inner(rows.column(j), &residual));
                }
            }
        }

        /// One step of refinement, `β ← β + d` with `Rᵀ R d = X̃ᵀ W (y − X̃ β) − λ β`, residual and gradient in twice
        /// the working precision (Björck 1987). Returns `max ‖R d‖ / ‖R β‖` over the outputs: a step that is not much
        /// smaller than the one before tells that no digits are left to gain.
        pub(crate) fn correct(this: &'a Triangle<T>, slopes: &'a [Double<T>], ridge: &'a [T], beta: &'a mut [T]) -> T {
            let p = this.size();
            let mut largest = T::zero();
            let mut step = vec![T::zero(); p];
            for (o, beta) in beta.chunks_exact_mut(p.max(1)).enumerate() {
                for j in 0..p {
                    let mut g = slopes[o * p + j];
                    if let Some(lambda) = ridge.get(j) {
                        let b = Double { high: -this.scaled(j, o, beta[j]), low: T::zero() };
                        g = g.add_product(*lambda * this.scales[j] * this.scales[j], b);
                    }
                    step[j] = g.high + g.low;
                }
                this.forward(&mut step);
                let (change, size) = (norm(&step), norm(&this.r[(p + o) * p..][..p]));
                this.back(&mut step);
                for (j, beta) in beta.iter_mut().enumerate() {
                    *beta += step[j] * this.scales[j] / this.scales[p + o];
                }
                let change = if size > T::zero() { change / size } else { change };
                largest = if change <= largest { largest } else { change };
            }
            largest
        }
    }

    /// A coefficient of an output in the scales of the columns.
    fn scaled(&self, j: usize, output: usize, beta: T) -> T {
        beta / self.scales[j] * self.scales[self.size() + output]
    }

    /// `x ← R⁻¹ x`.
    fn back(&self, x: &mut [T]) {
        let p = self.size();
        for j in (0..p).rev() {
            x[j] /= self.r[j * p + j];
            let (before, rest) = x.split_at_mut(j);
            axpy(-rest[0], &self.r[j * p..][..j], before);
        }
    }

    /// `x ← R⁻ᵀ x`.
    fn forward(&self, x: &mut [T]) {
        let p = self.size();
        for j in 0..p {
            x[j] = (x[j] - dot(&self.r[j * p..][..j], &x[..j])) / self.r[j * p + j];
        }
    }
}

/// An unevaluated sum of two numbers, about twice the digits (Dekker 1971).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Double<T> {
    pub(crate) high: T,
    pub(crate) low: T,
}

impl<T: Elementary> Double<T> {
    /// `self + x y`, the product's and the sum's rounding errors kept: `x y = p + e` by one fused step, and Knuth's
    /// sum of two.
    #[inline(always)]
    fn add_product(self, x: T, y: Self) -> Self {
        let p = x * y.high;
        let e = x.fma(y.high, -p) + x * y.low;
        self.plus(Self { high: p, low: e })
    }

    #[inline(always)]
    pub(crate) fn plus(self, other: Self) -> Self {
        let (a, b) = (self.high, other.high);
        let s = a + b;
        let t = s - a;
        let e = (a - (s - t)) + (b - t);
        Self { high: s, low: self.low + other.low + e }
    }
}

/// `r ← r + b x`.
fn add_multiple<T: Elementary>(b: T, x: &[T], r: &mut [Double<T>]) {
    vectorize(inlined!(|_| {
        for (r, x) in r.iter_mut().zip(x) {
            *r = r.add_product(b, Double { high: *x, low: T::default() });
        }
    }));
}

/// `xᵀ r`.
fn inner<T: Elementary>(x: &[T], r: &[Double<T>]) -> Double<T> {
    const LANES: usize = 16;
    let mut lanes = [Double::default(); LANES];
    vectorize(inlined!(|_| {
        for (x, r) in x.chunks(LANES).zip(r.chunks(LANES)) {
            for ((lane, x), r) in lanes.iter_mut().zip(x).zip(r) {
                *lane = lane.add_product(*x, *r);
            }
        }
    }));
    lanes.into_iter().fold(Double::default(), Double::plus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Factor, at_each_level, reflect, stack, unit};

    /// Some samples at a time, in two triangles that are joined, with the penalty.
    fn factorise<T: Real>(samples: &Samples<'_, T>, ridge: &[T]) -> Triangle<T> {
        let (p, k, m) = (samples.coefficients(), samples.outputs(), samples.count());
        let reflect_all = |scales: &[T]| {
            let mut halves = [Triangle::new(p, scales), Triangle::new(p, scales)];
            let mut work = Reflections::new(p, k);
            for (i, start) in (0..m).step_by(150).enumerate() {
                let range = start..m.min(start + 150);
                let (x, y) = (samples.x.columns(range.clone()), samples.y.columns(range.clone()));
                let weights = samples.weights.map(|w| &w[range]);
                reflect(&mut halves[i % 2], &Samples { x, y, weights, ..*samples }, &mut work);
            }
            let [mut first, second] = halves;
            stack(&mut first, &second);
            first
        };
        let mut triangle = reflect_all(&vec![T::one(); p + k]);
        if !triangle.is_moderate() {
            let largest =
                |f: Factor<'_, T>, i| (0..f.cols).fold(T::zero(), |max: T, j| max.max(f.at(i, j).abs()));
            let x = (0..samples.x.rows).map(|i| unit(largest(samples.x, i)));
            let y = (0..k).map(|o| unit(largest(samples.y, o)));
            triangle = reflect_all(&x.chain(samples.bias.then(T::one)).chain(y).collect::<Vec<_>>());
        }
        if !ridge.is_empty() {
            triangle.penalise(ridge);
        }
        triangle
    }

    fn refine<T: Real>(triangle: &Triangle<T>, samples: &Samples<'_, T>, ridge: &[T], beta: &mut [T]) -> T {
        let (p, m) = (samples.coefficients(), samples.count());
        let mut slopes = vec![Double::default(); beta.len()];
        let mut work = Reflections::new(p, samples.outputs());
        for start in (0..m).step_by(100) {
            let range = start..m.min(start + 100);
            let (x, y) = (samples.x.columns(range.clone()), samples.y.columns(range.clone()));
            let weights = samples.weights.map(|w| &w[range]);
            triangle.add_slopes(&Samples { x, y, weights, ..*samples }, beta, &mut work, &mut slopes);
        }
        triangle.correct(&slopes, ridge, beta)
    }

    /// NIST StRD Longley: y, x1..x6.
    const LONGLEY: [[f64; 7]; 16] = [
        [60323.0, 83.0, 234289.0, 2356.0, 1590.0, 107608.0, 1947.0],
        [61122.0, 88.5, 259426.0, 2325.0, 1456.0, 108632.0, 1948.0],
        [60171.0, 88.2, 258054.0, 3682.0, 1616.0, 109773.0, 1949.0],
        [61187.0, 89.5, 284599.0, 3351.0, 1650.0, 110929.0, 1950.0],
        [63221.0, 96.2, 328975.0, 2099.0, 3099.0, 112075.0, 1951.0],
        [63639.0, 98.1, 346999.0, 1932.0, 3594.0, 113270.0, 1952.0],
        [64989.0, 99.0, 365385.0, 1870.0, 3547.0, 115094.0, 1953.0],
        [63761.0, 100.0, 363112.0, 3578.0, 3350.0, 116219.0, 1954.0],
        [66019.0, 101.2, 397469.0, 2904.0, 3048.0, 117388.0, 1955.0],
        [67857.0, 104.6, 419180.0, 2822.0, 2857.0, 118734.0, 1956.0],
        [68169.0, 108.4, 442769.0, 2936.0, 2798.0, 120445.0, 1957.0],
        [66513.0, 110.8, 444546.0, 4681.0, 2637.0, 121950.0, 1958.0],
        [68655.0, 112.6, 482704.0, 3813.0, 2552.0, 123366.0, 1959.0],
        [69564.0, 114.2, 502601.0, 3931.0, 2514.0, 125368.0, 1960.0],
        [69331.0, 115.7, 518173.0, 4806.0, 2572.0, 127852.0, 1961.0],
        [70551.0, 116.9, 554894.0, 4007.0, 2827.0, 130081.0, 1962.0],
    ];

    /// The digits to which the worst coefficient agrees.
    fn digits(beta: &[f64], exact: &[f64]) -> f64 {
        beta.iter().zip(exact).map(|(b, e)| -((b - e) / e).abs().max(1e-16).log10()).fold(16.0, f64::min)
    }

    fn fit(x: Factor<'_, f64>, bias: bool, y: &[f64], refinements: usize) -> (Vec<f64>, f64) {
        let samples = Samples { x, origin: &[], bias, y: Factor::new(y, 1, y.len()), weights: None };
        let triangle = factorise(&samples, &[]);
        let mut beta = vec![0.0; samples.coefficients()];
        triangle.solve(&mut beta);
        for _ in 0..refinements {
            refine(&triangle, &samples, &[], &mut beta);
        }
        (beta, triangle.residual(0).powi(2))
    }

    #[test]
    fn longley_keeps_its_digits() {
        // Exact to 16 digits, the constant last.
        let exact = [
            15.061872271373295,
            -0.03581917929259102,
            -2.020229803816825,
            -1.033226867173592,
            -0.05110410565358072,
            1829.1514646135518,
            -3482258.634595818,
        ];
        let x: Vec<f64> = LONGLEY.iter().flat_map(|row| row[1..].to_vec()).collect();
        let y: Vec<f64> = LONGLEY.iter().map(|row| row[0]).collect();
        at_each_level(|| {
            let (beta, residual) = fit(Factor::new(&x, 6, 16), true, &y, 0);
            assert!(digits(&beta, &exact) >= 10.0, "{}", digits(&beta, &exact));
            assert!((residual / 836424.0555059146 - 1.0).abs() < 1e-10);
            let (beta, _) = fit(Factor::new(&x, 6, 16), true, &y, 2);
            assert!(digits(&beta, &exact) >= 13.0, "refined: {}", digits(&beta, &exact));
        });
    }

    #[test]
    fn wampler_polynomials_keep_their_digits() {
        let x: Vec<f64> = (0..21_i32).flat_map(|i| (1..6).map(move |j| f64::from(i.pow(j)))).collect();
        let y: Vec<f64> = (0..21_i32).map(|i| (0..6).map(|j| f64::from(i.pow(j))).sum()).collect();
        at_each_level(|| {
            let (beta, residual) = fit(Factor::new(&x, 5, 21), true, &y, 0);
            assert!(digits(&beta, &[1.0; 6]) >= 9.0, "{}", digits(&beta, &[1.0; 6]));
            assert!(residual < 1e-10);
            let (beta, _) = fit(Factor::new(&x, 5, 21), true, &y, 2);
            assert!(digits(&beta, &[1.0; 6]) >= 14.0, "refined: {}", digits(&beta, &[1.0; 6]));
        });
    }

    /// A problem of several blocks and panels, weighted and with a penalty, against its normal equations.
    fn check<T: Real>(n: usize, m: usize, k: usize, bias: bool, tolerance: f64) {
        let noise = |count: usize, seed: f64| -> Vec<T> {
            (0..count).map(|i| T::of((i as f64 * 1.7 + seed + (i * i % 101) as f64).sin())).collect()
        };
        let (x, y) = (noise(n * m, 0.1), noise(k * m, 0.7));
        let w: Vec<T> = (0..m).map(|j| T::of((j % 3) as f64)).collect();
        let transposed: Vec<T> = (0..n * m).map(|i| x[i % m * n + i / m]).collect();
        let p = n + usize::from(bias);
        let ridge: Vec<T> = (0..p).map(|j| T::of(0.5 + (j % 4) as f64)).collect();
        for x in [Factor::new(&x, n, m), Factor::new(&transposed, m, n).t()] {
            let samples = Samples { x, origin: &[], bias, y: Factor::new(&y, k, m), weights: Some(&w) };
            let triangle = factorise(&samples, &ridge);
            let mut beta = vec![T::zero(); p * k];
            triangle.solve(&mut beta);
            let mut refined = beta.clone();
            assert!(refine(&triangle, &samples, &ridge, &mut refined) < T::of(tolerance));
            let entry = |i: usize, j: usize| if i < n { x.at(i, j).f64() } else { 1.0 };
            for beta in [beta, refined] {
                for o in 0..k {
                    let mut sum = 0.0;
                    let mut gradient: Vec<f64> =
                        (0..p).map(|i| -ridge[i].f64() * beta[o * p + i].f64()).collect();
                    for j in 0..m {
                        let fitted: f64 = (0..p).map(|i| entry(i, j) * beta[o * p + i].f64()).sum();
                        let r = y[j * k + o].f64() - fitted;
                        sum += w[j].f64() * r * r;
                        for (i, g) in gradient.iter_mut().enumerate() {
                            *g += w[j].f64() * r * entry(i, j);
                        }
                    }
                    sum += (0..p).map(|i| ridge[i].f64() * beta[o * p + i].f64().powi(2)).sum::<f64>();
                    let size = 1.0 + m as f64;
                    assert!(gradient.iter().all(|g| g.abs() <= tolerance * size), "{n} × {m}: {gradient:?}");
                    assert!((triangle.residual(o).f64().powi(2) - sum).abs() <= tolerance * (1.0 + sum));
                }
            }
        }
    }

    #[test]
    fn the_gradient_vanishes_at_the_solution() {
        at_each_level(|| {
            let shapes = [(1, 1, 1), (2, 5, 1), (3, 2, 2), (9, 40, 3), (40, 700, 2), (70, 60, 1)];
            for &(n, m, k) in if cfg!(miri) { &shapes[..4] } else { &shapes } {
                check::<f64>(n, m, k, n % 2 == 1, 1e-12);
                check::<f32>(n, m, k, n % 2 == 0, 1e-4);
            }
            check::<f64>(0, 5, 1, true, 1e-13);
            check::<f64>(3, 0, 1, true, 1e-13);
        });
    }

    #[test]
    fn units_do_not_matter_and_dependence_shows() {
        let x: Vec<f64> = (0..40)
            .flat_map(|i| [f64::from(i) * 1e-200, 1e200 * f64::from(i % 7), 2e-200 * f64::from(i)])
            .collect();
        let y: Vec<f64> = (0..40).map(|i| 1e180 * (3.0 * f64::from(i) - f64::from(i % 7))).collect();
        let samples = Samples {
            x: Factor::new(&x, 3, 40),
            origin: &[],
            bias: true,
            y: Factor::new(&y, 1, 40),
            weights: None,
        };
        let root = factorise(&samples, &[]).root();
        let sine = |j: usize| root[(j, j)].abs() / root.column(j).amax();
        assert!(sine(0) > 0.1 && sine(1) > 0.1 && sine(2) < 1e-14 && sine(3) > 0.1);
        let pairs: Vec<f64> = x.chunks(3).flat_map(|x| [x[0], x[1]]).collect();
        let samples = Samples { x: Factor::new(&pairs, 2, 40), ..samples };
        let mut beta = [0.0; 3];
        factorise(&samples, &[]).solve(&mut beta);
        assert!((beta[0] * 1e-200 / 1e180 - 3.0).abs() < 1e-13 || beta[0].is_infinite());
        assert!((beta[1] / -1e-20 - 1.0).abs() < 1e-13);
    }

    #[test]
    fn what_is_not_finite_stays_visible() {
        for poison in [f64::NAN, f64::INFINITY] {
            let x = [1.0, 2.0, poison, 4.0];
            let samples = Samples {
                x: Factor::new(&x, 1, 4),
                origin: &[],
                bias: true,
                y: Factor::new(&[1.0; 4], 1, 4),
                weights: None,
            };
            let mut beta = [0.0; 2];
            factorise(&samples, &[]).solve(&mut beta);
            assert!(beta.iter().any(|b| b.is_nan()));
        }
    }
}

//! Affine models with an L1 penalty, by proximal Newton steps.

use nalgebra::{DMatrix, DVector};

use super::Fitted;
use crate::contract::{check_evaluation, room, setting};
use crate::model::Affine;
use crate::{EmpiricalRisk, Error, Hessian, Objective, Real, Report, SecondOrderLoss, Termination, kernel};

#[expect(private_bounds, reason = "the affine models of the crate")]
impl<T: Real, M: Affine<T> + Clone, L: SecondOrderLoss<T> + Clone> EmpiricalRisk<'_, T, M, L> {
    /// The minimum of `f(θ) + λ ‖W‖₁`, of an affine model under a convex loss: weights of features that do not earn their
    /// penalty are exactly zero (Tibshirani 1996). With a [ridge penalty](Self::ridge) too it is the elastic net. Biases
    /// are not penalised, and an [`Offset`](crate::Offset) has no coefficient. Features should be of one scale (see
    /// [`Standardizer`](crate::data::Standardizer)), for the penalty is.
    ///
    /// Proximal Newton steps (Lee, Sun and Saunders 2014): the exact Hessian, coordinate descent on the penalised model
    /// (Friedman, Hastie and Tibshirani 2010), damping. The report's value is that of the penalised objective, and
    /// its gradient norm the residual of the conditions of Karush, Kuhn and Tucker,
    ///
    /// ```text
    /// |∂f/∂b|,   |∂f/∂w + λ sign w|  for w ≠ 0,   max(|∂f/∂w| − λ, 0)  for w = 0
    /// ```
    ///
    /// of which the largest has to be `1e−10 λ` (f64; `1e−4 λ` in f32). Where a Newton step makes it no smaller, it is
    /// rounding: then the report says [`Termination::Exact`], and has it as its `floor`. `statistics` refuses the point: it is
    /// no minimum of `f`, and standard errors of a selection are not those of its model. scikit-learn's `Lasso` calls `λ`
    /// `alpha`; its `LogisticRegression` has `C = 1/(λ m)`.
    ///
    /// ```
    /// use gradus::{EmpiricalRisk, Perceptron, SquaredError, matrix};
    ///
    /// let x = matrix![-1.0, 1.0, -1.0, 1.0; -1.0, -1.0, 1.0, 1.0];
    /// let y = matrix![-3.1, 3.1, -2.9, 2.9]; // 3 x₁ − 0.1 x₁ x₂
    /// let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y)?;
    /// let fitted = risk.fit_l1(0.5)?;
    /// assert!(fitted.report.converged());
    /// assert!((fitted.weights()[0] - 2.5_f64).abs() < 1e-12);
    /// assert_eq!(fitted.weights()[1], 0.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a `λ` that is not positive and finite, and for a loss that is not convex;
    /// [`Error::OneClass`] and [`Error::NoSamples`] where a bias runs to infinity; [`Error::TooLarge`] where memory does not
    /// hold the Hessian; [`Error::Evaluation`] where nothing is finite at zero.
    #[doc(alias("lasso", "elastic net"))]
    pub fn fit_l1(&mut self, lambda: T) -> Result<Fitted<T, M, L>, Error> {
        self.check()?;
        setting("lambda", "positive and finite", lambda, lambda > T::zero() && lambda.is_finite())?;
        setting("loss", "convex", T::zero(), self.is_convex())?;
        self.check_biases()?;
        let p = self.dim();
        room::<T>("Hessian", &[p, p])?;
        let mut penalties = vec![T::zero(); p];
        for range in self.penalised_parameters() {
            penalties[range.clone()].fill(lambda);
        }
        let mut framed = self.framed()?;
        let in_frame =
            |(i, lambda): (usize, &T)| *lambda * framed.frame().map_or(T::one(), |frame| frame.scale(i));
        let in_frame = penalties.iter().enumerate().map(in_frame).collect();
        let mut run = Run::new(&mut framed, in_frame, lambda)?;
        let termination = run.iterate()?;
        let (phi, reached, iterations, evaluations) = (run.phi, run.value, run.iterations, run.evaluations);
        let theta = match framed.frame() {
            Some(frame) => frame.parameters(&phi),
            None => phi,
        };
        drop(framed);
        check_evaluation("the weights", "the features' units", theta.as_slice())?;

        let mut gradient = DVector::zeros(p);
        let value = self.value_gradient(&theta, &mut gradient);
        let mut report = Report::given(theta);
        report.value = value + penalty(&report.x, &penalties);
        report.gradient_norm = kernel::norm_inf(&residuals(&report.x, &gradient, &penalties));
        report.tolerance = tolerance::<T>() * lambda;
        (report.iterations, report.evaluations) = (iterations, evaluations + 1);
        let lost = report.value - reached;
        report.termination = match termination {
            _ if !(report.value.is_finite() && report.gradient_norm.is_finite()) => Termination::NonFinite,
            // the weights that minimise are not among the numbers there are
            _ if lost > T::EPSILON.sqrt() * reached.abs() => Termination::NoDescent,
            Termination::GradientTolerance if report.gradient_norm > report.tolerance => Termination::Exact,
            other => other,
        };
        if report.termination == Termination::Exact {
            report.floor = report.gradient_norm;
        }
        Ok(Fitted::new(self.model().clone(), self.loss().clone(), report))
    }
}

#[expect(private_bounds, reason = "the affine models of the crate")]
impl<T: Real, M: Affine<T>, L: SecondOrderLoss<T>> EmpiricalRisk<'_, T, M, L> {
    /// No penalty holds the biases: the loss must not fall for ever along one, as it does where a class is missing.
    fn check_biases(&mut self) -> Result<(), Error> {
        let linear = self.linear();
        if !linear.bias {
            return Ok(());
        }
        let (k, mut gradient) = (linear.outputs, DVector::zeros(self.dim()));
        self.value_gradient(&gradient.clone(), &mut gradient);
        let biases = gradient.rows(linear.weight_count(), k);
        self.broken()?;
        let grows = self.survey().grows_along_scores()?;
        for (i, side) in (0..2).flat_map(|side| (0..k).map(move |i| (i, side))) {
            let direction = if side == 0 { -T::one() } else { T::one() };
            if biases[i] * direction < T::zero() && !grows[2 * i + side] {
                let found = if direction > T::zero() { 1.0 } else { 0.0 };
                return Err(match (k, direction > T::zero()) {
                    (2.., false) => Error::NoSamples { argument: "y", class: i },
                    _ => Error::OneClass { argument: "y", found },
                });
            }
        }
        Ok(())
    }
}

/// `Σ λ_i |φ_i|`.
fn penalty<T: Real>(phi: &DVector<T>, penalties: &[T]) -> T {
    let terms: Vec<T> = phi.iter().zip(penalties).map(|(w, lambda)| *lambda * w.abs()).collect();
    kernel::sum(&terms)
}

/// By how much each condition of a minimum is violated.
fn residuals<T: Real>(phi: &DVector<T>, gradient: &DVector<T>, penalties: &[T]) -> Vec<T> {
    let violation = |((w, g), lambda): ((&T, &T), &T)| match *w == T::zero() {
        true => (g.abs() - *lambda).max(T::zero()),
        false => (*g + lambda.copysign(*w)).abs(),
    };
    phi.iter().zip(gradient).zip(penalties).map(violation).collect()
}

/// Of a residual, beside the penalty.
fn tolerance<T: Real>() -> T {
    T::of(if T::EPSILON.f64() < 1e-10 { 1e-10 } else { 1e-4 })
}

const STEPS: usize = 200;
const TRIES: usize = 40;
/// Rounds of the descent by coordinates, each ended by a step on the face that it found.
const ROUNDS: usize = 50;
const SWEEPS: usize = 20;

struct Run<'r, T: Real, O> {
    risk: &'r mut O,
    penalties: Vec<T>,
    /// What the residual of a bias is measured by.
    least: T,
    phi: DVector<T>,
    /// The penalised objective there.
    value: T,
    gradient: DVector<T>,
    hessian: DMatrix<T>,
    step: DVector<T>,
    /// `H d` of the step `d`.
    product: DVector<T>,
    /// Of the model, beside the largest curvature.
    damping: T,
    /// The same as a curvature.
    mu: T,
    iterations: usize,
    evaluations: usize,
}

enum Descent {
    Lower,
    Rounding,
    None,
}

impl<'r, T: Real, O: Hessian<T>> Run<'r, T, O> {
    fn new(risk: &'r mut O, penalties: Vec<T>, lambda: T) -> Result<Self, Error> {
        let p = penalties.len();
        let positive = penalties.iter().copied().filter(|penalty| *penalty > T::zero());
        let least = positive.fold(lambda, T::min);
        let zeros = || DVector::zeros(p);
        let hessian = crate::contract::matrix("Hessian", (p, p), T::zero())?;
        Ok(Self {
            risk,
            penalties,
            least,
            phi: zeros(),
            value: T::NAN,
            gradient: zeros(),
            hessian,
            step: zeros(),
            product: zeros(),
            damping: T::zero(),
            mu: T::zero(),
            iterations: 0,
            evaluations: 0,
        })
    }

    /// Proximal Newton steps from zero.
    fn iterate(&mut self) -> Result<Termination, Error> {
        let mut before: Option<(DVector<T>, T, Termination)> = None;
        for _ in 0..STEPS {
            let smooth = self.risk.value_gradient_hessian(&self.phi, &mut self.gradient, &mut self.hessian);
            self.evaluations += 1;
            let value = smooth + penalty(&self.phi, &self.penalties);
            check_evaluation("the loss, or its gradient,", "a point of the run", &[value])?;
            check_evaluation("the loss, or its gradient,", "a point of the run", self.gradient.as_slice())?;
            let residual = self.residual();
            if let Some((phi, _, why)) = before.take_if(|(_, before, _)| residual >= *before) {
                self.phi = phi;
                return Ok(why);
            }
            self.value = value;
            if residual <= tolerance() {
                return Ok(Termination::GradientTolerance);
            }
            before = None;
            match self.descend(value) {
                Descent::Lower => {}
                // a promise that is rounding of the values is judged by the residual; a step that damping has made short
                // promises little wherever it starts
                Descent::Rounding => {
                    let is_newton = self.damping <= T::of(1e-3);
                    let why = if is_newton { Termination::Exact } else { Termination::NoDescent };
                    before = Some((self.phi.clone(), residual, why));
                    self.damping *= T::of(0.1);
                }
                Descent::None => return Ok(Termination::NoDescent),
            }
            self.phi += &self.step;
            self.iterations += 1;
        }
        Ok(Termination::Iterations)
    }

    /// The largest residual beside its penalty, that of a bias beside the least of them.
    fn residual(&self) -> T {
        let mut residuals = residuals(&self.phi, &self.gradient, &self.penalties);
        residuals.iter_mut().zip(&self.penalties).for_each(|(r, lambda)| *r /= lambda.max(self.least));
        kernel::norm_inf(&residuals)
    }

    /// Finds a step with `F(φ + d) ≤ F(φ) + 10⁻⁴ slope`: the model's, damped as strongly as it takes
    /// (Levenberg 1944).
    fn descend(&mut self, value: T) -> Descent {
        let before = penalty(&self.phi, &self.penalties);
        let g = kernel::norm_inf(self.gradient.as_slice());
        let curvature = self.hessian.diagonal().max().max(g / value * g);
        for _ in 0..TRIES {
            self.mu = self.damping.max(T::EPSILON) * curvature;
            self.minimise_model();
            // what the step promises: −∇fᵀd − Σ λ (|φ + d| − |φ|)
            let trial = &self.phi + &self.step;
            let ahead = penalty(&trial, &self.penalties);
            let slope = kernel::dot(self.gradient.as_slice(), self.step.as_slice()) + ahead - before;
            if slope.abs() <= T::of(100.0) * T::EPSILON * value {
                return Descent::Rounding;
            }
            let there = self.risk.value(&trial) + ahead;
            self.evaluations += 1;
            if slope < T::zero() && there <= value + T::of(1e-4) * slope {
                self.damping *= T::of(0.1);
                return Descent::Lower;
            }
            self.damping = (self.damping * T::of(8.0)).max(T::of(1e-3));
        }
        Descent::None
    }

    /// The step `d` to the minimum of `gᵀd + ½ dᵀ(H + μ) d + Σ λ |φ + d|`: coordinate by coordinate, which finds the weights
    /// that are not zero, then on the face of those.
    fn minimise_model(&mut self) {
        self.step.fill(T::zero());
        self.product.fill(T::zero());
        let first = self.sweep();
        for _ in 0..ROUNDS {
            for _ in 0..SWEEPS {
                if self.sweep() <= T::EPSILON * T::EPSILON * first {
                    return;
                }
            }
            self.step_on_face();
        }
    }

    /// `(g + (H + μ) d)_i`.
    fn slope(&self, i: usize) -> T {
        self.gradient[i] + self.product[i] + self.mu * self.step[i]
    }

    /// Minimises by each coordinate in turn, `w ← S(w − (g + (H + μ) d)_i / h, λ_i / h)` with `h = H_ii + μ` and the soft
    /// threshold `S`; returns the largest `h δ²`.
    fn sweep(&mut self) -> T {
        let mut largest = T::zero();
        for i in 0..self.phi.len() {
            let (h, lambda) = (self.hessian[(i, i)] + self.mu, self.penalties[i]);
            let w = self.phi[i] + self.step[i];
            let free = w - self.slope(i) / h;
            let shrunk = (free.abs() - lambda / h).max(T::zero()).copysign(free);
            let change = shrunk - w;
            if change == T::zero() || !change.is_finite() {
                continue;
            }
            // a weight that is set to zero is zero to the last bit
            self.step[i] = if shrunk == T::zero() { -self.phi[i] } else { self.step[i] + change };
            kernel::axpy(change, self.hessian.column(i).as_slice(), self.product.as_mut_slice());
            largest = largest.max(h * change * change);
        }
        largest
    }

    /// The minimum over the weights that are not zero, as long as they keep their signs `s`:
    /// `(H + μ)_AA δ = −(g + (H + μ) d + λ s)_A`.
    fn step_on_face(&mut self) {
        let point = &self.phi + &self.step;
        let free = |i: &usize| point[*i] != T::zero() || self.penalties[*i] == T::zero();
        let face: Vec<usize> = (0..point.len()).filter(free).collect();
        let n = face.len();
        let mut factor = DMatrix::from_fn(n, n, |a, b| self.hessian[(face[a], face[b])]);
        (0..n).for_each(|a| factor[(a, a)] += self.mu);
        let slope = |&i: &usize| self.slope(i) + self.penalties[i].copysign(point[i]);
        let mut delta: Vec<T> = face.iter().map(|i| -slope(i)).collect();
        if n == 0 || !kernel::cholesky(factor.as_mut_slice(), n) {
            return;
        }
        kernel::cholesky_solve(factor.as_slice(), n, &mut delta);
        let keeps = |(i, delta): (&usize, &T)| {
            self.penalties[*i] == T::zero() || (point[*i] + *delta) * point[*i] > T::zero()
        };
        if face.iter().zip(&delta).all(keeps) {
            for (i, delta) in face.iter().zip(&delta) {
                self.step[*i] += *delta;
                kernel::axpy(*delta, self.hessian.column(*i).as_slice(), self.product.as_mut_slice());
            }
        }
    }
}

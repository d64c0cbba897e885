//! Models written once as a formula, with exact derivatives by dual numbers.

use nalgebra::{DMatrixView, DVector};
use num_dual::Dual;

use super::{Architecture, Model, SecondOrderModel};
use crate::kernel;
use crate::objective::{Chunk, DualReal, Number, WIDTH, parts, seed};

/// A model that is written once, over numbers that may carry derivatives: a curve, a mechanism, a small net of your own.
///
/// With [`Architecture`] beside it, it is a [`Model`] and a [`SecondOrderModel`], exact to rounding: it trains by every
/// method, has a verdict and [statistics](crate::EmpiricalRisk::statistics).
///
/// | quantity, for each sample | runs through [`scores`](Self::scores) |
/// |---|---|
/// | scores | 1, over plain numbers |
/// | gradient | `p/8`, each with eight derivatives |
/// | Hessian product | 1, and `p/8` with second derivatives |
/// | Hessian | `p²/16` of the same |
///
/// Forward mode costs a multiple of `p`: right for up to some hundred parameters.
///
/// ```
/// use gradus::{Architecture, DualModel, EmpiricalRisk, Number, SquaredError, Stop};
/// use gradus::{TrustRegion, vector};
///
/// /// z = θ₁ (1 − exp(−θ₂ x))
/// #[derive(Clone)]
/// struct Growth;
///
/// impl Architecture for Growth {
///     fn inputs(&self) -> usize { 1 }
///     fn outputs(&self) -> usize { 1 }
///     fn parameter_count(&self) -> usize { 2 }
/// }
///
/// impl DualModel for Growth {
///     fn scores<D: Number>(&self, theta: &[D], x: &[D], z: &mut [D]) {
///         z[0] = theta[0] * (D::of(1.0) - (-theta[1] * x[0]).exp());
///     }
/// }
///
/// let (x, y) = ([1.0, 2.0, 4.0, 8.0], [1.2, 2.0, 2.9, 3.4]);
/// let mut risk = EmpiricalRisk::new(Growth, SquaredError, &x, &y)?;
/// let (start, stop) = (vector![1.0, 1.0], Stop::default());
/// let fitted = risk.fit_with(&mut TrustRegion::new(), start, &stop)?;
/// assert!(fitted.report.converged() && (fitted.parameters()[0] - 3.4_f64).abs() < 0.2);
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// It is a model of `f64` and of `f32`, as the data are; constants are `D::of(0.5)`.
pub trait DualModel: Architecture {
    /// Writes the scores of one sample to `z` (length `k`), of parameters `theta` (`p`) and features `x` (`n`). Branches
    /// on the value of a number are fine; the derivatives are those of the branch taken.
    fn scores<D: Number>(&self, theta: &[D], x: &[D], z: &mut [D]);
}

/// Scores and tangents of the last batch, and numbers with none, one, eight and nine derivatives.
#[derive(Debug)]
pub struct DualCache<T: DualReal> {
    scores: Vec<T>,
    tangents: Vec<T>,
    plain: Numbers<T>,
    along: Numbers<Dual<T>>,
    first: Numbers<Chunk<T>>,
    second: Numbers<Dual<Chunk<T>>>,
}

/// Arguments and result of a run through a model.
#[derive(Debug)]
struct Numbers<D> {
    theta: Vec<D>,
    x: Vec<D>,
    z: Vec<D>,
}

impl<D: Number> Numbers<D> {
    fn new(model: &impl Architecture) -> Self {
        // what a model never writes shows
        let numbers = |length| vec![D::of(f64::NAN); length];
        let (theta, x, z) = (model.parameter_count(), model.inputs(), model.outputs());
        Self { theta: numbers(theta), x: numbers(x), z: numbers(z) }
    }

    /// The scores of one sample.
    fn run<M: DualModel>(
        &mut self, model: &M, theta: impl Fn(usize) -> D, x: impl Iterator<Item = D::Primitive>,
    ) -> &[D] {
        self.theta.iter_mut().enumerate().for_each(|(i, number)| *number = theta(i));
        self.x.iter_mut().zip(x).for_each(|(number, x)| *number = D::from(x));
        model.scores(&self.theta, &self.x, &mut self.z);
        &self.z
    }
}

/// Adds `rδ ∂z/∂θ + δ ∂²z/∂θ² v` of one sample, for the parameters of a run along `v`.
fn add<T: DualReal>(
    z: &[Dual<Chunk<T>>], delta: impl Iterator<Item = T>, r_delta: impl Fn(usize) -> T, out: &mut [T],
) {
    for ((o, z), delta) in z.iter().enumerate().zip(delta) {
        let r_delta = r_delta(o);
        for ((out, first), second) in out.iter_mut().zip(parts(&z.re)).zip(parts(&z.eps)) {
            *out += times(r_delta, first) + times(delta, second);
        }
    }
}

/// A sample that has no share adds nothing, whatever its derivatives.
fn times<T: DualReal>(weight: T, derivative: T) -> T {
    if weight == T::zero() { weight } else { weight * derivative }
}

/// Whether `θ` (or what is shaped like it), `X` and `Δ` have the shapes of the model.
fn fits(model: &impl Architecture, theta: &[usize], x: (usize, usize), delta: (usize, usize)) -> bool {
    let is_theta = theta.iter().all(|length| *length == model.parameter_count());
    is_theta && x.0 == model.inputs() && delta == (model.outputs(), x.1)
}

impl<T: DualReal, M: DualModel> Model<T> for M {
    type Cache = DualCache<T>;

    fn cache(&self, max_batch: usize) -> DualCache<T> {
        let mut scores = Vec::new();
        // a batch that memory does not hold is one that does not fit
        let _ = kernel::reserve(&mut scores, self.outputs().saturating_mul(max_batch));
        let (plain, along) = (Numbers::new(self), Numbers::new(self));
        let (first, second) = (Numbers::new(self), Numbers::new(self));
        DualCache { scores, tangents: Vec::new(), plain, along, first, second }
    }

    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut DualCache<T>,
    ) -> DMatrixView<'c, T> {
        let (k, m) = (self.outputs(), x.ncols());
        let has_room = k.saturating_mul(m) <= cache.scores.len();
        if !fits(self, &[theta.len()], x.shape(), (k, m)) || !has_room {
            return DMatrixView::from_slice(&[], k, 0);
        }
        for (x, scores) in x.column_iter().zip(cache.scores.chunks_exact_mut(k.max(1))) {
            scores.copy_from_slice(cache.plain.run(self, |i| theta[i], x.iter().copied()));
        }
        DMatrixView::from_slice(&cache.scores[..k * m], k, m)
    }

    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        cache: &mut DualCache<T>, gradient: &mut DVector<T>,
    ) {
        if !fits(self, &[theta.len(), gradient.len()], x.shape(), delta.shape()) {
            return;
        }
        for (x, delta) in x.column_iter().zip(delta.column_iter()) {
            for (chunk, out) in gradient.as_mut_slice().chunks_mut(WIDTH).enumerate() {
                let theta = |i| seed(theta[i], i, chunk * WIDTH);
                let z = cache.first.run(self, theta, x.iter().copied());
                for (z, delta) in z.iter().zip(delta.iter()) {
                    out.iter_mut().zip(parts(z)).for_each(|(out, part)| *out += times(*delta, part));
                }
            }
        }
    }
}

impl<T: DualReal, M: DualModel> SecondOrderModel<T> for M {
    fn tangent<'c>(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut DualCache<T>,
    ) -> DMatrixView<'c, T> {
        let (k, m) = (self.outputs(), x.ncols());
        let has_room = k.saturating_mul(m) <= cache.scores.len();
        if !fits(self, &[theta.len(), v.len()], x.shape(), (k, m)) || !has_room {
            return DMatrixView::from_slice(&[], k, 0);
        }
        cache.tangents.resize(cache.scores.len(), T::NAN);
        for (x, tangents) in x.column_iter().zip(cache.tangents.chunks_exact_mut(k.max(1))) {
            let z = cache.along.run(self, |i| Dual::new(theta[i], v[i]), x.iter().copied());
            tangents.iter_mut().zip(z).for_each(|(tangent, z)| *tangent = z.eps);
        }
        DMatrixView::from_slice(&cache.tangents[..k * m], k, m)
    }

    fn backward_tangent(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>, cache: &mut DualCache<T>, out: &mut DVector<T>,
    ) {
        let fit = fits(self, &[theta.len(), v.len(), out.len()], x.shape(), delta.shape());
        if !fit || r_delta.shape() != delta.shape() {
            return;
        }
        for (j, x) in x.column_iter().enumerate() {
            for (chunk, out) in out.as_mut_slice().chunks_mut(WIDTH).enumerate() {
                let theta = |i| Dual::new(seed(theta[i], i, chunk * WIDTH), Chunk::from(v[i]));
                let z = cache.second.run(self, theta, x.iter().copied());
                add(z, delta.column(j).iter().copied(), |o| r_delta[(o, j)], out);
            }
        }
    }

    /// Of a run along `e_j`, `∂z/∂θ_j` is at hand too: `R{Δ} = (∂²L/∂z²) ∂z/∂θ_j`.
    fn dense_hessian(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        curvature: DMatrixView<'_, T>, cache: &mut DualCache<T>, out: &mut [T],
    ) {
        let (p, k) = (theta.len(), self.outputs());
        let has_blocks = curvature.shape() == (k.saturating_mul(k), x.ncols());
        if !fits(self, &[p], x.shape(), delta.shape()) || !has_blocks || p.checked_mul(p) != Some(out.len()) {
            return;
        }
        for (sample, x) in x.column_iter().enumerate() {
            for (j, column) in out.chunks_exact_mut(p.max(1)).enumerate() {
                // the chunk that holds the diagonal, and those below
                for (chunk, out) in column.chunks_mut(WIDTH).enumerate().skip(j / WIDTH) {
                    let along = |i| if i == j { T::one() } else { T::zero() };
                    let theta = |i| Dual::new(seed(theta[i], i, chunk * WIDTH), Chunk::from(along(i)));
                    let z = cache.second.run(self, theta, x.iter().copied());
                    let r_delta = |o| {
                        let row = z.iter().enumerate();
                        row.fold(T::zero(), |sum, (q, z)| {
                            sum + times(curvature[(q * k + o, sample)], z.eps.re)
                        })
                    };
                    add(z, delta.column(sample).iter().copied(), r_delta, out);
                }
            }
        }
    }
}

//! The least-squares problem behind the risk of an affine model.

use nalgebra::{DMatrix, DVector};

use super::curvature::CurvedChunk;
use super::recession::Active;
use super::state::{Room, Worker};
use super::sums::Sums;
use super::survey::Survey;
use super::tree::Summand;
use crate::contract::{room, setting};
use crate::kernel::{self, Double, Factor, Reflections, Samples, Triangle, compiled};
use crate::model::Linear;
use crate::{Error, Model, Perceptron, Real, SecondOrderLoss, SecondOrderModel};

/// What weighs the rows of a least-squares problem.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Weighing<'a, T: Real> {
    /// The shares of the samples.
    Shares,
    /// These times the expected curvature of the loss of each sample by the score of one output, at `θ`; targets are left
    /// out.
    Curvature(&'a DVector<T>, usize),
}

/// The rows of an affine model's least-squares problem. Equal weights are left out: they change nothing but the
/// scale, and `weight · unit` is what the risk gives a sample. Where there is a bias to take it up, features that are
/// far from zero are measured from an [`origin`](origins).
#[derive(Debug)]
pub(crate) struct Design<'a, T: Real> {
    origin: Vec<T>,
    features: usize,
    /// Targets of a row.
    outputs: usize,
    bias: bool,
    weighing: Weighing<'a, T>,
    is_weighted: bool,
    /// `λ / unit` for each coefficient that is penalised; empty without a penalty.
    pub(crate) ridge: Vec<T>,
    pub(crate) unit: T,
}

/// The risk whose samples these are, with its loss.
pub(crate) type Asked<'a, T> = (&'a Survey<'a, T>, &'a dyn SecondOrderLoss<T>);

impl<'a, T: Real> Design<'a, T> {
    /// The samples in play of a risk of an affine model with its penalty.
    pub(crate) fn new(survey: &Survey<'_, T>, weighing: Weighing<'a, T>) -> Result<Self, Error> {
        let Linear { inputs, outputs, bias } = survey.linear();
        let is_by_shares = matches!(weighing, Weighing::Shares);
        let equal = survey.samples.equal_share().filter(|_| is_by_shares);
        let unit = equal.unwrap_or_else(T::one);
        let p = inputs + usize::from(bias);
        let mut ridge = vec![survey.ridge / unit; if survey.ridge == T::zero() { 0 } else { p }];
        if let (true, Some(last)) = (bias, ridge.last_mut()) {
            *last = T::zero();
        }
        for ridge in &ridge {
            let expected = "small enough to be finite when summed over the samples";
            setting("ridge", expected, *ridge, ridge.is_finite())?;
        }
        Ok(Self {
            origin: if bias { survey.origins()?[..inputs].to_vec() } else { vec![T::zero(); inputs] },
            features: inputs,
            outputs: if is_by_shares { outputs } else { 0 },
            bias,
            weighing,
            is_weighted: equal.is_none(),
            ridge,
            unit,
        })
    }

    /// Coefficients of each output.
    pub(crate) fn coefficients(&self) -> usize {
        self.features + usize::from(self.bias)
    }

    /// The same with the penalty.
    pub(crate) fn penalised(&self, mut triangle: Triangle<T>) -> Triangle<T> {
        if !self.ridge.is_empty() {
            triangle.penalise(&self.ridge);
        }
        triangle
    }

    /// The sum over the samples of what `add` makes of their rows.
    fn sum<S: Summand, U: Real>(
        &self, (survey, loss): Asked<'_, T>, zero: impl Fn() -> S + Sync,
        add: impl Fn(&Samples<'_, T>, &mut Reflections<U>, &mut S) + Sync,
    ) -> Result<S, Error> {
        let p = self.coefficients();
        let width = Reflections::<U>::width(p + self.outputs);
        let worker = || (survey.worker(width, false), Reflections::new(p, self.outputs));
        // to add a triangle costs as much as a third of p samples
        survey.sum_once(None, (width, 32 * p), &worker, &zero, &|here, chunk, (worker, work), sum| {
            let Worker { cache, room: Room { delta: curved, targets, .. } } = worker;
            let (x, y, shares) = here.part(chunk);
            let (m, y) = (x.ncols(), y.dense(targets));
            let (mut y_of_rows, mut curvatures) = (Factor::view(&y), Vec::new());
            if let Weighing::Curvature(theta, output) = self.weighing {
                let z = cache.forward(theta, x);
                let ones = DMatrix::repeat(y.nrows(), m, T::one());
                loss.expected_product(z, y, shares, ones.as_view(), curved.columns_mut(0, m));
                curvatures.extend(curved.columns(0, m).row(output).iter().copied());
                y_of_rows = Factor::new(&[], 0, m);
            }
            let weights = if curvatures.is_empty() { shares } else { &curvatures };
            let weights = self.is_weighted.then_some(weights);
            let x = kernel::top(x, self.features);
            let x = Factor::view(&x);
            add(&Samples { x, origin: &self.origin, bias: self.bias, y: y_of_rows, weights }, work, sum);
        })
    }

    fn root_in_double(&self, asked: Asked<'_, T>) -> Result<DMatrix<f64>, Error> {
        let double = |numbers: &[T]| numbers.iter().map(|x| x.f64()).collect::<Vec<_>>();
        let (p, origin) = (self.coefficients(), double(&self.origin));
        let alone = Design { outputs: 0, origin: self.origin.clone(), ridge: Vec::new(), ..*self };
        let ones = vec![1.0; p];
        let zero = || Triangle::new(p, &ones);
        let mut triangle = alone.sum(asked, zero, |samples, work, triangle: &mut Triangle<f64>| {
            let m = samples.count();
            let (x, weights) = (samples.x_in_double(), samples.weights.map(double));
            let (x, y) = (Factor::new(&x, self.features, m), Factor::new(&[], 0, m));
            let weights = weights.as_deref();
            kernel::reflect(triangle, &Samples { x, origin: &origin, bias: self.bias, y, weights }, work);
        })?;
        if !self.ridge.is_empty() {
            triangle.penalise(&double(&self.ridge));
        }
        Ok(triangle.root())
    }

    /// The coefficients of features as they are, output after output, from those of features measured from their
    /// origins: `b ← b − oᵀw`.
    pub(crate) fn bring_back(&self, beta: &mut [T]) {
        for beta in beta.chunks_exact_mut(self.coefficients()) {
            if let Some((bias, w)) = beta.split_last_mut().filter(|_| self.bias) {
                *bias -= kernel::dot(&self.origin, w);
            }
        }
    }

    /// At least `√Σ w x²` of each column of features as they are, from the root for features measured from their origins.
    pub(crate) fn lengths(&self, root: &DMatrix<T>) -> Vec<T> {
        let length = |j: usize| kernel::norm(root.column(j).as_slice()) * self.unit.sqrt();
        let shift = |j: usize| self.origin.get(j).map_or(T::zero(), |origin| origin.abs());
        let last = length(root.ncols() - 1);
        (0..root.ncols()).map(|j| length(j) + shift(j) * last).collect()
    }

    /// The inverse of a square root of `X W Xᵀ`, of features as they are, from that of features measured from their
    /// origins.
    pub(crate) fn inverse_root(&self, mut inverse: DMatrix<T>) -> DMatrix<T> {
        inverse.column_iter_mut().for_each(|mut column| self.bring_back(column.as_mut_slice()));
        inverse
    }
}

impl<T: Real> Design<'_, T> {
    compiled! {
        /// The triangular factor without the penalty.
        ///
        /// Squares of extreme numbers leave the range of the scalar: scaled by powers of two, nothing else changes.
        pub(crate) fn triangle(this: &'a Design<'a, T>, asked: Asked<'a, T>) -> Result<Triangle<T>, Error> {
            let (p, k) = (this.coefficients(), this.outputs);
            room::<T>("x", &[p, p.saturating_add(k)])?;
            let reflect = |scales: &[T]| {
                let zero = || Triangle::new(p, scales);
                this.sum(asked, zero, |samples, work, triangle| kernel::reflect(triangle, samples, work))
            };
            let plain = reflect(&vec![T::one(); p + k])?;
            if plain.is_moderate() {
                return Ok(plain);
            }
            let mut sizes = asked.0.distances(&this.origin)?;
            sizes.extend(this.bias.then(T::one));
            if k > 0 {
                sizes.extend(asked.0.target_sizes()?);
            }
            reflect(&sizes.into_iter().map(kernel::unit).collect::<Vec<_>>())
        }

        /// The inverse of the [root](Triangle::root) of the penalised triangle, where the samples and the penalty determine
        /// the coefficients.
        ///
        /// A column depends on those before it where its distance to their span is nothing but rounding of the terms that
        /// make it up. `ε (p + √m)` is what reflections and sums of `m` terms leave of an exact dependence. With `A` of
        /// columns `a_j` and the root `R`, the distance is `|R_jj|`, and the terms are `a_j` and those of
        /// `Σ_i<j (R⁻¹)_ij R_jj a_i`: none depends where `Σ_i |(R⁻¹)_ij| ‖a_i‖` is small beside the reciprocal of rounding.
        /// In doubt it is decided column by column, and then in `f64`.
        pub(crate) fn inverse(
            this: &'a Design<'a, T>, asked: Asked<'a, T>, triangle: &'a Triangle<T>,
        ) -> Result<DMatrix<T>, Error> {
            let p = this.coefficients();
            let rounding = 4.0 * (p as f64 + (asked.0.samples.in_play() as f64).sqrt());
            let (root, inverse) = (triangle.root(), triangle.inverse_root());
            // a factor of 16 for the order of the columns, in which the bias stands first where it is decided
            if are_independent(&root, &inverse, T::of(0.0625 / (rounding * T::EPSILON.f64()))) {
                return Ok(inverse);
            }
            let decide = |root: &DMatrix<f64>, epsilon: f64| dependent(root, this.bias, rounding * epsilon);
            let mut columns = decide(&root.map(Real::f64), T::EPSILON.f64());
            if T::EPSILON.f64() > f64::EPSILON && !columns.is_empty() {
                columns = decide(&this.root_in_double(asked)?, f64::EPSILON);
            }
            if columns.is_empty() {
                return Ok(inverse);
            }
            Err(Error::RankDeficient { rank: p - columns.len(), expected: p, columns })
        }

        /// `Σ_j w_j ∂²ℓ_j/∂z² ⊗ v_j v_jᵀ` at `θ`, with `v = Aᵀ x̃`: the Hessian of the risk without its penalty, by `φ` with
        /// `θ̃ = A φ` of each output.
        pub(crate) fn hessian(
            this: &'a Design<'a, T>, asked: Asked<'a, T>, theta: &'a DVector<T>, a: &'a DMatrix<T>,
        ) -> Result<DMatrix<T>, Error> {
            let (p, nowhere) = (this.coefficients(), DVector::zeros(theta.len()));
            let map = Perceptron(Linear { inputs: p, outputs: asked.0.model.outputs(), bias: false });
            let zero = || Sums::zeros(0, theta.len());
            let sums = asked.0.sum_samples(&zero, &|here, chunk, worker, sums| {
                let Worker { cache, room } = worker;
                let curved = here.curve_chunk((&mut **cache, asked.1), theta, chunk, room);
                let Some(CurvedChunk { x, delta, blocks, .. }) = curved else { return sums.spoil(0) };
                let placed = |i, j| if i < this.features { x[(i, j)] - this.origin[i] } else { T::one() };
                let v = a.tr_mul(&DMatrix::from_fn(p, x.ncols(), placed));
                let (mut room, sum) = (map.cache(x.ncols()), sums.matrix.as_mut_slice());
                map.dense_hessian(&nowhere, v.as_view(), delta, blocks, &mut room, sum);
            })?;
            let mut hessian = sums.matrix;
            kernel::mirror(hessian.as_mut_slice(), theta.len());
            Ok(hessian)
        }

        /// One step of [refinement](Triangle::correct).
        pub(crate) fn refine(
            this: &'a Design<'a, T>, asked: Asked<'a, T>, triangle: &'a Triangle<T>, beta: &'a mut [T],
        ) -> Result<T, Error> {
            let size = beta.len();
            let slopes = |samples: &Samples<'_, T>, work: &mut Reflections<T>, slopes: &mut Slopes<T>| {
                triangle.add_slopes(samples, beta, work, &mut slopes.0);
            };
            let slopes = this.sum(asked, || Slopes(vec![Double::default(); size]), slopes)?;
            Ok(triangle.correct(&slopes.0, &this.ridge, beta))
        }
    }
}

/// `Σ_i |(R⁻¹)_ij| ‖R_i‖ < limit` for all `j`.
fn are_independent<T: Real>(root: &DMatrix<T>, inverse: &DMatrix<T>, limit: T) -> bool {
    let lengths: Vec<T> = root.column_iter().map(|column| kernel::norm(column.as_slice())).collect();
    inverse.column_iter().all(|column| kernel::dot(column.abs().as_slice(), &lengths) < limit)
}

/// The columns that depend on those before them, and on the bias, which stands first here, so that what remains is
/// independent wherever features lie. What is dependent is left out of what later ones are compared with: it is rounding,
/// which points anywhere.
fn dependent(root: &DMatrix<f64>, bias: bool, tolerance: f64) -> Vec<usize> {
    let (mut kept, mut columns) = (Active::default(), Vec::new());
    let features = root.ncols() - usize::from(bias);
    for j in (features..root.ncols()).chain(0..features) {
        let length = kernel::norm(root.column(j).as_slice());
        let column = root.column(j) / length;
        let terms = kept.solve(&column).iter().fold(1.0, |sum, c| sum + c.abs());
        // a NaN is no independence
        if !(length > 0.0 && kept.add(column, 0.0, tolerance * terms)) {
            columns.push(j);
        }
    }
    columns
}

/// `X̃ᵀ W (y − X̃ β)`, output after output.
struct Slopes<T>(Vec<Double<T>>);

impl<T: Real> Summand for Slopes<T> {
    type Number = T;

    fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(sum, other)| *sum = sum.plus(*other));
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flat_map(|Double { high, low }| [high, low])
    }
}

impl<T: Real> Summand for Triangle<T> {
    type Number = T;

    fn add(&mut self, other: &Self) {
        kernel::stack(self, other);
    }

    fn numbers(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries()
    }
}

//! Derivatives are exact: every activation, loss, depth and batch against dual numbers that run through an
//! independent implementation (`support/oracle.rs`), and against references in higher precision.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::loss::ElementWise;
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Hessian, HessianProduct, Huber, InputGradient, LogLoss, Loss,
    Model, Network, Objective, Perceptron, Real, SecondOrderLoss, SecondOrderModel, SigmoidClassifier,
    SquaredError,
};
use nalgebra::{DMatrix, DVector};

#[path = "support/json.rs"]
mod json;
#[path = "support/oracle.rs"]
mod oracle;

use json::Json;
use oracle::{Plain, Problem};

const ACTIVATIONS: [Activation; 10] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::LEAKY_RELU,
    Activation::ELU,
    Activation::Elu { alpha: 0.5 },
    Activation::Softplus,
    Activation::Gelu,
    Activation::Silu,
];

/// A loss of the crate for both scalars.
trait Tested: SecondOrderLoss<f32> + SecondOrderLoss<f64> + Copy {}
impl<L: SecondOrderLoss<f32> + SecondOrderLoss<f64> + Copy> Tested for L {}

/// What is done with every loss; rank-2 polymorphism by hand.
trait Visit {
    fn visit<L: Tested>(&mut self, loss: L, plain: Plain);
}

fn every_loss(visitor: &mut impl Visit) {
    visitor.visit(SquaredError, Plain::Squared);
    visitor.visit(LogLoss, Plain::Log);
    visitor.visit(CrossEntropy, Plain::CrossEntropy);
    visitor.visit(Huber::new(0.5), Plain::Huber(0.5));
    for activation in ACTIVATIONS {
        visitor.visit(SquaredError.through(activation), Plain::SquaredThrough(activation));
    }
    visitor
        .visit(Huber::new(0.25).through(Activation::Sigmoid), Plain::HuberThrough(0.25, Activation::Sigmoid));
    visitor.visit(Huber::new(0.25).through(Activation::Silu), Plain::HuberThrough(0.25, Activation::Silu));
}

/// Multiples of 1/128 in `(−1, 1)`, none zero: exact in either precision.
struct Dyadic(u64);

impl Dyadic {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
    fn next(&mut self) -> f64 {
        let k = (self.bits() % 254) as f64 - 127.0;
        (if k == 0.0 { 1.0 } else { k }) / 128.0
    }
    fn vector(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.next()).collect()
    }
    /// A target that the loss understands.
    fn target(&mut self, k: usize, loss: Plain) -> Vec<f64> {
        match loss {
            Plain::Log => (0..k).map(|_| (self.bits() % 2) as f64).collect(),
            // half of them one-hot, half distributions
            Plain::CrossEntropy => {
                let mut y = vec![0.0; k];
                for share in [0.5, 0.25, 0.25] {
                    y[self.bits() as usize % k] += share;
                }
                if self.bits().is_multiple_of(2) {
                    y.fill(0.0);
                    y[self.bits() as usize % k] = 1.0;
                }
                y
            }
            _ => self.vector(k),
        }
    }
}

fn problem(inputs: usize, layers: Vec<(usize, Activation)>, loss: Plain, batch: usize, seed: u64) -> Problem {
    let (mut draw, outputs) = (Dyadic(seed), layers.last().map_or(inputs, |layer| layer.0));
    let x = (0..batch).map(|_| draw.vector(inputs)).collect();
    let y = (0..batch).map(|_| draw.target(outputs, loss)).collect();
    let weights = (0..batch).map(|_| (draw.bits() % 8 + 1) as f64 / 4.0).collect();
    Problem { inputs, layers, bias: true, loss, x, y, weights, ridge: 0.125 }
}

fn matrix<T: Real>(columns: &[Vec<f64>]) -> DMatrix<T> {
    let rows = columns.first().map_or(0, Vec::len);
    DMatrix::from_iterator(rows, columns.len(), columns.iter().flatten().map(|x| T::of(*x)))
}

fn vector<T: Real>(x: &[f64]) -> DVector<T> {
    DVector::from_iterator(x.len(), x.iter().map(|x| T::of(*x)))
}

/// Relative to the largest component of the reference.
#[track_caller]
fn close<T: Real>(found: &[T], expected: &[f64], tolerance: f64, what: impl std::fmt::Debug) {
    assert_eq!(found.len(), expected.len(), "{what:?}");
    let size = expected.iter().fold(1e-300_f64, |m, e| m.max(e.abs()));
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        let off = (f.f64() - e).abs();
        assert!(
            off <= tolerance * size,
            "{what:?}: entry {i} is {f}, should be {e} (off by {:e})",
            off / size
        );
    }
}

fn network(problem: &Problem) -> Network {
    Network::with_layers(problem.inputs, &problem.layers)
}

/// The risk of a model of the crate on the oracle's data.
macro_rules! risk {
    ($t:ty, $model:expr, $loss:expr, $problem:expr, $x:ident, $y:ident) => {{
        let weights: Vec<$t> = $problem.weights.iter().map(|w| <$t as Real>::of(*w)).collect();
        EmpiricalRisk::new($model, $loss, &$x, &$y)
            .unwrap()
            .with_weights(&weights)
            .unwrap()
            .ridge(<$t as Real>::of($problem.ridge))
    }};
}

fn gradient_agrees<T: Real, M: Model<T>, L: Loss<T>>(
    model: M, loss: L, problem: &Problem, theta: &[f64], expected: &(f64, Vec<f64>), tolerance: f64,
) {
    let (x, y) = (matrix::<T>(&problem.x), matrix::<T>(&problem.y));
    let mut risk = risk!(T, model, loss, problem, x, y);
    let (theta, mut gradient) = (vector::<T>(theta), DVector::repeat(theta.len(), T::NAN));
    let what = (problem.loss, &problem.layers, problem.x.len());
    let value = risk.value_gradient(&theta, &mut gradient);
    close(&[value, risk.value(&theta)], &[expected.0; 2], tolerance, what);
    close(gradient.as_slice(), &expected.1, tolerance, what);
}

/// Layers of a network of the given depth, all with one activation; a sigmoid before a loss that applies its own is refused.
fn layers(depth: usize, activation: Activation, loss: Plain) -> Vec<(usize, Activation)> {
    let outputs = if matches!(loss, Plain::CrossEntropy) || depth.is_multiple_of(2) { 3 } else { 1 };
    let mut layers: Vec<_> = [4, 3, 5].iter().take(depth - 1).map(|units| (*units, activation)).collect();
    let is_twice = activation == Activation::Sigmoid && matches!(loss, Plain::Log | Plain::CrossEntropy);
    layers.push((outputs, if is_twice { Activation::Identity } else { activation }));
    layers
}

#[test]
fn gradients_of_every_activation_loss_depth_and_batch() {
    struct Gradients(usize);
    impl Visit for Gradients {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            for activation in ACTIVATIONS {
                for depth in 1..=4 {
                    for batch in [1, 2, 7, 33] {
                        self.0 += 1;
                        let problem =
                            problem(2, layers(depth, activation, plain), plain, batch, self.0 as u64);
                        let theta = Dyadic(1000 + self.0 as u64).vector(problem.parameters());
                        let expected = problem.gradient(&theta);
                        let net = network(&problem);
                        gradient_agrees::<f64, _, _>(net.clone(), loss, &problem, &theta, &expected, 1e-12);
                        gradient_agrees::<f32, _, _>(net, loss, &problem, &theta, &expected, 1e-4);
                    }
                }
            }
        }
    }
    let mut gradients = Gradients(0);
    every_loss(&mut gradients);
    assert_eq!(gradients.0, 16 * 10 * 4 * 4);
}

fn product_agrees<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
    model: M, loss: L, problem: &Problem, theta: &[f64], tolerance: f64,
) {
    let (x, y) = (matrix::<T>(&problem.x), matrix::<T>(&problem.y));
    let mut risk = risk!(T, model, loss, problem, x, y);
    let p = theta.len();
    let v = Dyadic(77).vector(p);
    let what = (problem.loss, &problem.layers, problem.bias, problem.x.len());
    let (at, direction, mut out) = (vector::<T>(theta), vector::<T>(&v), DVector::repeat(p, T::NAN));
    risk.hessian_product(&at, &direction, &mut out);
    close(out.as_slice(), &problem.hessian_product(theta, &v), tolerance, ("H v", what));
    risk.gauss_newton_product(&at, &direction, &mut out);
    close(out.as_slice(), &problem.gauss_newton_product(theta, &v), tolerance, ("G v", what));
}

/// Dense Hessian against dual numbers; symmetric; and the products are products with it.
fn hessian_agrees<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
    model: M, loss: L, problem: &Problem, theta: &[f64], expected: &[f64],
    [tolerance, of_product, symmetric]: [f64; 3],
) {
    let (x, y) = (matrix::<T>(&problem.x), matrix::<T>(&problem.y));
    let mut risk = risk!(T, model, loss, problem, x, y);
    let (p, at) = (theta.len(), vector::<T>(theta));
    let what = (problem.loss, &problem.layers, problem.bias, problem.x.len());
    let (mut h, mut out) = (DMatrix::repeat(p, p, T::NAN), DVector::repeat(p, T::NAN));
    risk.hessian(&at, &mut h);
    close(h.as_slice(), expected, tolerance, ("H", what));
    let size = h.amax();
    assert!((&h - h.transpose()).amax() <= T::of(symmetric) * size, "{what:?}: asymmetric");

    let (mut fused, mut gradient) = (DMatrix::repeat(p, p, T::NAN), DVector::repeat(p, T::NAN));
    let value = risk.value_gradient_hessian(&at, &mut gradient, &mut fused);
    assert_eq!(fused, h, "{what:?}: alone and fused");
    let (f, g) = problem.gradient(theta);
    close(&[value], &[f], tolerance, ("f", what));
    close(gradient.as_slice(), &g, tolerance, ("g", what));

    for seed in 0..3 {
        let v = vector::<T>(&Dyadic(seed).vector(p));
        risk.hessian_product(&at, &v, &mut out);
        let product: Vec<f64> = (&h * &v).iter().map(|x| x.f64()).collect();
        // relative to the terms of the sums: H v may cancel
        let size = (h.abs() * v.abs()).amax().f64().max(1e-300);
        let off = out.iter().zip(&product).map(|(a, b)| (a.f64() - b).abs()).fold(0.0, f64::max);
        assert!(off <= of_product * size, "{what:?}: H v off by {:e}", off / size);
    }
}

#[test]
fn second_derivatives_of_affine_models_under_every_loss() {
    struct Affine(usize);
    impl Visit for Affine {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            for (inputs, outputs, bias) in
                [(1, 1, true), (3, 1, false), (3, 2, true), (4, 3, true), (2, 3, false), (7, 4, true)]
            {
                if outputs == 1 && matches!(plain, Plain::CrossEntropy) {
                    continue;
                }
                for batch in [1, 7, 33] {
                    self.0 += 1;
                    let layers = vec![(outputs, Activation::Identity)];
                    let mut problem = problem(inputs, layers, plain, batch, self.0 as u64);
                    problem.bias = bias;
                    let theta = Dyadic(500 + self.0 as u64).vector(problem.parameters());
                    let mut perceptron = Perceptron::new(inputs).with_outputs(outputs);
                    let mut sigmoid = SigmoidClassifier::new(inputs).with_outputs(outputs);
                    if !bias {
                        (perceptron, sigmoid) = (perceptron.without_bias(), sigmoid.without_bias());
                    }
                    let (h, g) = (problem.hessian(&theta), problem.gradient(&theta));
                    let (exact, single) = ([1e-12, 1e-12, 1e-14], [1e-4, 1e-5, 1e-6]);
                    hessian_agrees::<f64, _, _>(perceptron, loss, &problem, &theta, &h, exact);
                    hessian_agrees::<f64, _, _>(sigmoid, loss, &problem, &theta, &h, exact);
                    hessian_agrees::<f32, _, _>(perceptron, loss, &problem, &theta, &h, single);
                    product_agrees::<f64, _, _>(perceptron, loss, &problem, &theta, 1e-12);
                    product_agrees::<f32, _, _>(sigmoid, loss, &problem, &theta, 1e-4);
                    gradient_agrees::<f64, _, _>(perceptron, loss, &problem, &theta, &g, 1e-12);
                    gradient_agrees::<f32, _, _>(sigmoid, loss, &problem, &theta, &g, 1e-4);
                }
            }
        }
    }
    every_loss(&mut Affine(0));
}

#[test]
fn products_of_networks_under_every_activation_loss_and_depth() {
    struct Products(usize);
    impl Visit for Products {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            for activation in ACTIVATIONS {
                for depth in 1..=4 {
                    self.0 += 1;
                    let batch = [1, 2, 5][self.0 % 3];
                    let problem = problem(2, layers(depth, activation, plain), plain, batch, self.0 as u64);
                    let theta = Dyadic(2000 + self.0 as u64).vector(problem.parameters());
                    product_agrees::<f64, _, _>(network(&problem), loss, &problem, &theta, 1e-11);
                    product_agrees::<f32, _, _>(network(&problem), loss, &problem, &theta, 2e-4);
                }
            }
        }
    }
    every_loss(&mut Products(0));
}

#[test]
fn dense_hessians_of_networks() {
    struct Dense(usize);
    impl Visit for Dense {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            for (i, activation) in ACTIVATIONS.into_iter().enumerate() {
                for depth in 1..=4 {
                    // every pair of activation and loss, and every depth with each of either
                    if (i + self.0 + depth).is_multiple_of(2) {
                        continue;
                    }
                    let problem =
                        problem(2, layers(depth, activation, plain), plain, 3, (10 * self.0 + i) as u64);
                    let theta = Dyadic((3000 + 10 * self.0 + i) as u64).vector(problem.parameters());
                    let expected = problem.hessian(&theta);
                    let exact = [1e-11, 1e-12, 1e-14];
                    let net = network(&problem);
                    hessian_agrees::<f64, _, _>(net.clone(), loss, &problem, &theta, &expected, exact);
                    hessian_agrees::<f32, _, _>(net, loss, &problem, &theta, &expected, [2e-4, 1e-5, 1e-6]);
                }
            }
            self.0 += 1;
        }
    }
    every_loss(&mut Dense(0));
}

/// Layers of different activations, one of which needs its scores kept and one not.
#[test]
fn mixed_activations() {
    use Activation::{Gelu, Identity, Relu, Sigmoid, Silu, Softplus, Tanh};
    for (i, layers) in [
        vec![(4, Gelu), (3, Tanh), (2, Identity)],
        vec![(3, Relu), (4, Silu), (2, Softplus)],
        vec![(5, Sigmoid), (2, Relu), (3, Gelu), (2, Identity)],
    ]
    .into_iter()
    .enumerate()
    {
        let problem = problem(3, layers, Plain::Squared, 6, i as u64);
        let theta = Dyadic(40 + i as u64).vector(problem.parameters());
        let (g, h) = (problem.gradient(&theta), problem.hessian(&theta));
        gradient_agrees::<f64, _, _>(network(&problem), SquaredError, &problem, &theta, &g, 1e-12);
        let tolerances = [1e-11, 1e-12, 1e-14];
        hessian_agrees::<f64, _, _>(network(&problem), SquaredError, &problem, &theta, &h, tolerances);
        product_agrees::<f64, _, _>(network(&problem), SquaredError, &problem, &theta, 1e-11);
    }
}

fn input_gradient_agrees<T: Real, M: InputGradient<T>>(
    model: &M, problem: &Problem, theta: &[f64], tolerance: f64,
) where
    SquaredError: Loss<T>,
{
    let (x, y) = (matrix::<T>(&problem.x), matrix::<T>(&problem.y));
    let total: f64 = problem.weights.iter().sum();
    let shares: Vec<T> = problem.weights.iter().map(|w| T::of(*w / total)).collect();
    // a cache that is too large
    let (theta_t, mut cache) = (vector::<T>(theta), model.cache(x.ncols() + 3));
    let mut delta = DMatrix::zeros(model.outputs(), x.ncols());
    let z = model.forward(&theta_t, x.as_view(), &mut cache);
    SquaredError.value_gradient(z, y.as_view(), &shares, delta.as_view_mut());
    let mut gradient = DVector::zeros(theta.len());
    model.backward(&theta_t, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
    let mut out = DMatrix::repeat(x.nrows(), x.ncols(), T::NAN);
    model.input_gradient(&theta_t, delta.as_view(), &mut cache, out.as_view_mut());
    let expected = problem.input_gradient(theta);
    close(out.as_slice(), &expected, tolerance, "∂L/∂X");

    let (n, m) = x.shape();
    let mut wide = DMatrix::repeat(n + 2, m, T::of(7.0));
    model.input_gradient(&theta_t, delta.as_view(), &mut cache, wide.rows_mut(1, n));
    let inner = wide.rows(1, n).clone_owned();
    close(inner.as_slice(), &expected, tolerance, "∂L/∂X among other rows");
    assert!(wide.row(0).iter().chain(wide.row(n + 1).iter()).all(|x| *x == T::of(7.0)));
}

#[test]
fn derivatives_in_the_inputs() {
    for (i, activation) in ACTIVATIONS.into_iter().enumerate() {
        let problem = problem(3, vec![(4, activation), (2, activation)], Plain::Squared, 5, i as u64);
        let theta = Dyadic(i as u64).vector(problem.parameters());
        input_gradient_agrees::<f64, _>(&network(&problem), &problem, &theta, 1e-12);
        input_gradient_agrees::<f32, _>(&network(&problem), &problem, &theta, 1e-4);
    }
    for bias in [true, false] {
        let mut problem = problem(3, vec![(2, Activation::Identity)], Plain::Squared, 5, 9);
        problem.bias = bias;
        let theta = Dyadic(5).vector(problem.parameters());
        let mut model = Perceptron::new(3).with_outputs(2);
        if !bias {
            model = model.without_bias();
        }
        input_gradient_agrees::<f64, _>(&model, &problem, &theta, 1e-12);
    }
}

/// `f`, `∇f` and `∇²f` of a risk.
fn jet<M: SecondOrderModel<f64>, L: SecondOrderLoss<f64>>(
    risk: &mut EmpiricalRisk<'_, f64, M, L>, theta: &DVector<f64>,
) -> Vec<f64> {
    let p = theta.len();
    let (mut g, mut h) = (DVector::zeros(p), DMatrix::zeros(p, p));
    let f = risk.value_gradient_hessian(theta, &mut g, &mut h);
    std::iter::once(f).chain(g.iter().copied()).chain(h.iter().copied()).collect()
}

#[test]
fn weight_two_is_the_sample_twice_and_weight_zero_the_sample_removed() {
    struct Weights;
    impl Visit for Weights {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            let problem = problem(2, vec![(4, Activation::Tanh), (3, Activation::Identity)], plain, 6, 3);
            let (x, y) = (matrix::<f64>(&problem.x), matrix::<f64>(&problem.y));
            let theta = vector::<f64>(&Dyadic(8).vector(problem.parameters()));
            let columns = [0, 1, 1, 3, 4, 4, 4];
            let (twice_x, twice_y) = (x.select_columns(&columns), y.select_columns(&columns));
            let new = |x, y| EmpiricalRisk::new(network(&problem), loss, x, y).unwrap();
            let mut weighted = new(&x, &y).with_weights(&[1.0, 2.0, 0.0, 1.0, 3.0, 0.0]).unwrap();
            let (weighted, twice) = (jet(&mut weighted, &theta), jet(&mut new(&twice_x, &twice_y), &theta));
            close(&weighted, &twice, 1e-14, plain);
        }
    }
    every_loss(&mut Weights);
}

/// A sample of weight zero is removed even where its loss overflows.
#[test]
fn weight_zero_removes_what_is_not_finite() {
    struct Zero;
    impl Visit for Zero {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            let layers = vec![(3, Activation::Identity)];
            let mut problem = problem(1, layers, plain, 2, 3);
            problem.x[1][0] = 1e300;
            let (x, y) = (matrix::<f64>(&problem.x), matrix::<f64>(&problem.y));
            let model = Perceptron::new(1).with_outputs(3);
            let mut risk =
                EmpiricalRisk::new(model, loss, &x, &y).unwrap().with_weights(&[1.0, 0.0]).unwrap();
            let theta = vector::<f64>(&Dyadic(1).vector(6)) * 1e10;
            let mut gradient = DVector::zeros(6);
            let value = risk.value_gradient(&theta, &mut gradient);
            assert!(value.is_finite() && risk.value(&theta).is_finite(), "{plain:?}: {value}");
            assert!(gradient.iter().all(|g| g.is_finite()), "{plain:?}: {gradient}");
        }
    }
    every_loss(&mut Zero);
}

/// The mean weight of the samples that have one.
fn mean_weight(weights: &[f64]) -> f64 {
    weights.iter().sum::<f64>() / weights.iter().filter(|w| **w > 0.0).count() as f64
}

/// More samples than one chunk or one group of chunks holds, and ranges of them.
#[test]
fn any_number_of_samples() {
    for (layers, batch) in [
        (vec![(1, Activation::Identity)], 9001),
        (vec![(4, Activation::Tanh), (2, Activation::Identity)], 3001),
        (vec![(40, Activation::Sigmoid), (20, Activation::Softplus), (2, Activation::Identity)], 1025),
    ] {
        let inputs = if layers.len() == 3 { 10 } else { 2 };
        let problem = problem(inputs, layers, Plain::Squared, batch, 1);
        let (x, y) = (matrix::<f64>(&problem.x), matrix::<f64>(&problem.y));
        let theta = Dyadic(4).vector(problem.parameters());
        let at = vector::<f64>(&theta);
        let mut risk = risk!(f64, network(&problem), SquaredError, problem, x, y);
        let mut gradient = DVector::zeros(theta.len());
        // three coordinates are enough: each sums over all samples
        for (name, range) in [("all", 0..batch), ("tail", batch - 67..batch), ("most", 1..batch - 1)] {
            let value = risk.batch(range.clone()).unwrap().value_gradient(&at, &mut gradient);
            let part = Problem {
                x: problem.x[range.clone()].to_vec(),
                y: problem.y[range.clone()].to_vec(),
                weights: problem.weights[range.clone()].to_vec(),
                ..problem.clone()
            };
            // the loss of a batch times this is that of its own mean; the penalty is none of it
            let share = mean_weight(&part.weights) / mean_weight(&problem.weights);
            let part = Problem { ridge: part.ridge / share, ..part };
            let size = gradient.amax();
            for i in [0, theta.len() / 2, theta.len() - 1] {
                let mut point: Vec<_> = theta.iter().map(|t| num_dual::Dual64::from_re(*t)).collect();
                point[i].eps = 1.0;
                let expected = part.risk(&point) * share;
                assert!((value - expected.re).abs() <= 1e-12 * expected.re.abs(), "{name}");
                assert!((gradient[i] - expected.eps).abs() <= 1e-12 * size, "{name}: {i}");
            }
            let v = Dyadic(6).vector(theta.len());
            let mut hv = DVector::zeros(theta.len());
            risk.hessian_product(&at, &vector(&v), &mut hv);
            let lift = |(t, v): (&f64, &f64)| num_dual::HyperDual64::new(*t, *v, 0.0, 0.0);
            let mut point: Vec<_> = theta.iter().zip(&v).map(lift).collect();
            point[0].eps2 = 1.0;
            let expected = part.risk(&point).eps1eps2 * share;
            assert!((hv[0] - expected).abs() <= 1e-11 * hv.amax(), "{name}: {} for {expected}", hv[0]);
        }
        // and a selection
        let chosen: Vec<usize> = (0..batch).step_by(3).collect();
        let value = risk.select(&chosen).unwrap().value_gradient(&at, &mut gradient);
        let pick = |all: &[Vec<f64>]| chosen.iter().map(|&j| all[j].clone()).collect::<Vec<_>>();
        let weights: Vec<_> = chosen.iter().map(|&j| problem.weights[j]).collect();
        let share = mean_weight(&weights) / mean_weight(&problem.weights);
        let (x, y, ridge) = (pick(&problem.x), pick(&problem.y), problem.ridge / share);
        let part = Problem { x, y, weights, ridge, ..problem.clone() };
        let mut point: Vec<_> = theta.iter().map(|t| num_dual::Dual64::from_re(*t)).collect();
        point[0].eps = 1.0;
        let expected = part.risk(&point) * share;
        assert!((value - expected.re).abs() <= 1e-12 * expected.re.abs());
        assert!((gradient[0] - expected.eps).abs() <= 1e-12 * gradient.amax());
    }
}

/// Reference: outputs, loss and every gradient of small networks, in 17 digits. There rows are samples, and
/// `mse_mean` averages over outputs too, without the ½: it is `2/k` times the mean of ours.
fn reference_networks<T: Real>(tolerance: f64) {
    let reference = Json::parse(include_str!("data/mlp_gradients.json"));
    for case in reference.get("cases").items() {
        let rows = |key: &str| case.get(key).items().iter().map(Json::numbers).collect::<Vec<_>>();
        let (x, y) = (matrix::<T>(&rows("X")), matrix::<T>(&rows("T")));
        let sizes: Vec<usize> = case.get("sizes").numbers().iter().map(|s| *s as usize).collect();
        let activation = |name: &Json| match name.text() {
            "tanh" => Activation::Tanh,
            "relu" => Activation::Relu,
            "identity" => Activation::Identity,
            other => panic!("{other}"),
        };
        let activations = case.get("activations").items().iter().map(activation);
        let layers: Vec<_> = sizes[1..].iter().copied().zip(activations).collect();
        let network = Network::with_layers(sizes[0], &layers);
        // their W is out × in, row after row; ours column after column
        let flatten = |weights: &str, biases: &str| -> Vec<f64> {
            let (weights, biases) = (case.get(weights).items(), case.get(biases).items());
            let layer = |(w, b): (&Json, &Json)| {
                let (k, w) = (w.items().len(), w.flat());
                let n = w.len() / k;
                let columns: Vec<f64> = (0..n * k).map(|i| w[(i % k) * n + i / k]).collect();
                [columns, b.numbers()].concat()
            };
            weights.iter().zip(biases).flat_map(layer).collect()
        };
        let theta = vector::<T>(&flatten("weights_out_by_in", "biases"));
        let name = case.get("name").text();
        let k = *sizes.last().unwrap() as f64;
        let (scale, softmax) = match case.get("loss").text() {
            "mse_mean" => (2.0 / k, false),
            "softmax_ce_mean" => (1.0, true),
            other => panic!("{other}"),
        };
        let mut gradient = DVector::zeros(theta.len());
        let value = if softmax {
            EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y)
                .unwrap()
                .value_gradient(&theta, &mut gradient)
        } else {
            EmpiricalRisk::new(network.clone(), SquaredError, &x, &y)
                .unwrap()
                .value_gradient(&theta, &mut gradient)
        };
        close(&[value * T::of(scale)], &[case.get("loss_value").number()], tolerance, name);
        gradient *= T::of(scale);
        close(gradient.as_slice(), &flatten("grad_weights", "grad_biases"), tolerance, name);

        let mut cache = network.cache(x.ncols());
        let scores = network.forward(&theta, x.as_view(), &mut cache).clone_owned();
        close(scores.as_slice(), &case.get("output").flat(), tolerance, name);
        let (mut delta, mut out) = (scores.clone(), x.clone());
        let shares = vec![T::of(1.0 / x.ncols() as f64); x.ncols()];
        if softmax {
            CrossEntropy.value_gradient(scores.as_view(), y.as_view(), &shares, delta.as_view_mut());
        } else {
            SquaredError.value_gradient(scores.as_view(), y.as_view(), &shares, delta.as_view_mut());
        }
        network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
        network.input_gradient(&theta, delta.as_view(), &mut cache, out.as_view_mut());
        out *= T::of(scale);
        close(out.as_slice(), &case.get("grad_X").flat(), tolerance, name);
    }
    assert_eq!(reference.get("cases").items().len(), 3);
}

#[test]
fn reference_networks_in_17_digits() {
    reference_networks::<f64>(1e-12);
    reference_networks::<f32>(1e-4);
}

/// Distance in units in the last place of the reference.
fn ulps(found: f64, expected: f64) -> f64 {
    let gap = expected.abs().max(f64::MIN_POSITIVE).next_up() - expected.abs().max(f64::MIN_POSITIVE);
    (found - expected).abs() / gap
}

#[test]
fn stable_functions_at_every_scale() {
    let reference = Json::parse(include_str!("data/stable_functions.json"));
    for case in reference.get("scalar").items() {
        let z = case.get("z").number();
        let is = |found: f64, key: &str, bound: f64| {
            let expected = case.get(key).number();
            let off = ulps(found, expected);
            assert!(off <= bound, "{key}({z}) is {found:e}, should be {expected:e}: {off} ulp");
        };
        let (sigmoid, slope, _) = Activation::Sigmoid.jet(z);
        is(sigmoid, "sigmoid", 2.0);
        is(Activation::Sigmoid.value(-z), "one_minus_sigmoid", 2.0);
        is(Activation::Softplus.value(z), "softplus", 2.0);
        is(Activation::Tanh.value(z), "tanh", 2.0);
        let (z1, one, zero) =
            (DMatrix::from_element(1, 1, z), DMatrix::from_element(1, 1, 1.0), DMatrix::zeros(1, 1));
        let (z1, one, zero) = (z1.as_view(), one.as_view(), zero.as_view());
        is(LogLoss.value(z1, zero, &[1.0]), "bce_t0", 2.0);
        is(LogLoss.value(z1, one, &[1.0]), "bce_t1", 2.0);
        let mut out = DMatrix::zeros(1, 1);
        LogLoss.value_gradient(z1, zero, &[1.0], out.as_view_mut());
        is(out[0], "sigmoid", 3.0);
        LogLoss.value_gradient(z1, one, &[1.0], out.as_view_mut());
        is(-out[0], "one_minus_sigmoid", 3.0);
        LogLoss.curvature_product(z1, zero, &[1.0], one, out.as_view_mut());
        is(out[0], "sigmoid_grad", 4.0);
        is(slope, "sigmoid_grad", 4.0);
    }
    for case in reference.get("softmax").items() {
        let z = DVector::from_vec(case.get("logits").numbers());
        let mut p = DMatrix::from_column_slice(z.len(), 1, z.as_slice());
        let scores = p.clone();
        Loss::<f64>::response(&CrossEntropy, p.as_view_mut());
        for (p, expected) in p.iter().zip(case.get("softmax").numbers()) {
            assert!(ulps(*p, expected) <= 4.0, "{z}");
        }
        for (class, log) in case.get("log_softmax").numbers().into_iter().enumerate() {
            let y = DMatrix::from_fn(z.len(), 1, |i, _| f64::from(u8::from(i == class)));
            let loss = CrossEntropy.value(scores.as_view(), y.as_view(), &[1.0]);
            assert!(ulps(loss, -log) <= 4.0, "{z}: {loss} for {}", -log);
        }
    }
}

/// In f32 the same functions keep their tails: nothing overflows, underflows early or turns into NaN.
#[test]
fn stable_functions_in_single_precision() {
    let reference = Json::parse(include_str!("data/stable_functions.json"));
    for case in reference.get("scalar").items() {
        let z = case.get("z").number() as f32;
        if (f64::from(z) - case.get("z").number()).abs() > 1e-7 * f64::from(z).abs() {
            continue;
        }
        let is = |found: f32, key: &str| {
            let expected = case.get(key).number();
            let off = (f64::from(found) - expected).abs();
            // z itself is rounded: the relative error of e^z is that of z times z
            let bound = f64::from(f32::EPSILON) * (4.0 + f64::from(z).abs()) * expected.abs();
            assert!(off <= bound.max(1e-37), "{key}({z}) is {found:e}, should be {expected:e}");
        };
        is(Activation::Sigmoid.value(z), "sigmoid");
        is(Activation::Sigmoid.value(-z), "one_minus_sigmoid");
        is(Activation::Softplus.value(z), "softplus");
        is(Activation::Tanh.value(z), "tanh");
        let (z1, one, zero) =
            (DMatrix::from_element(1, 1, z), DMatrix::from_element(1, 1, 1.0), DMatrix::zeros(1, 1));
        is(LogLoss.value(z1.as_view(), zero.as_view(), &[1.0]), "bce_t0");
        is(LogLoss.value(z1.as_view(), one.as_view(), &[1.0]), "bce_t1");
        let mut out = DMatrix::zeros(1, 1);
        LogLoss.value_gradient(z1.as_view(), one.as_view(), &[1.0], out.as_view_mut());
        is(-out[0], "one_minus_sigmoid");
    }
}

/// Activations and their first two derivatives, point by point, where cancellation would hide in a network.
#[test]
fn jets_of_activations() {
    for activation in ACTIVATIONS {
        for k in -160..=160 {
            let z = f64::from(k) / 16.0 + 1.0 / 1024.0;
            let dual = oracle::activate(activation, num_dual::Dual2_64::new(z, 1.0, 0.0));
            let (a, d1, d2) = activation.jet(z);
            for (found, expected, name) in [(a, dual.re, "φ"), (d1, dual.v1, "φ'"), (d2, dual.v2, "φ''")] {
                let off = (found - expected).abs();
                assert!(
                    off <= 1e-14 * expected.abs().max(1.0),
                    "{name} of {activation:?} at {z}: {found} for {expected}"
                );
            }
            let (a32, s1, s2) = activation.jet(z as f32);
            for (found, expected) in [(a32, a), (s1, d1), (s2, d2)] {
                assert!(
                    (f64::from(found) - expected).abs() <= 2e-5 * expected.abs().max(0.1),
                    "{activation:?} at {z}"
                );
            }
        }
        // far out nothing is NaN
        for z in [-1e3, 1e3, -1e300, 1e300, f64::MAX, f64::MIN] {
            let (a, d1, d2) = activation.jet(z);
            assert!(!a.is_nan() && d1.is_finite() && d2.is_finite(), "{activation:?} at {z}: {a} {d1} {d2}");
        }
    }
}

/// Scores, targets, weights and outputs that do not fit each other: NaN, and nothing written.
#[test]
fn losses_answer_a_wrong_shape_by_nan_and_write_nothing() {
    struct Shapes;
    impl Visit for Shapes {
        fn visit<L: Tested>(&mut self, loss: L, plain: Plain) {
            let shapes = [(3, 40), (3, 39), (2, 40), (0, 0), (0, 40), (3, 0)];
            for (z, y, out, weights) in shapes.iter().flat_map(|&other| {
                let right = (3, 40);
                [
                    (other, right, right, 40),
                    (right, other, right, 40),
                    (right, right, other, 40),
                    (other, other, other, 7),
                ]
            }) {
                if z == y && y == out && out == (3, 40) && weights == 40 {
                    continue;
                }
                let ones = |(k, m)| DMatrix::<f64>::repeat(k, m, 1.0);
                let (z, y, mut out, w) = (ones(z), ones(y), ones(out), vec![1.0; weights]);
                let value = loss.value_gradient(z.as_view(), y.as_view(), &w, out.as_view_mut());
                assert!(value.is_nan(), "{plain:?}");
                if z.shape() != y.shape() || z.ncols() != weights {
                    assert!(loss.value(z.as_view(), y.as_view(), &w).is_nan(), "{plain:?}");
                    loss.curvature_product(z.as_view(), y.as_view(), &w, z.as_view(), out.as_view_mut());
                }
                assert!(out.iter().all(|x| *x == 1.0), "{plain:?}");
            }
        }
    }
    every_loss(&mut Shapes);
}

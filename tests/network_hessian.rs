//! Second derivatives of networks: the dense Hessian against dual numbers (a forward pass in plain loops that
//! shares no code with the crate) and against products; products and diagonals against the dense Hessian.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::nalgebra::{self, DMatrix, DVector, dmatrix};
use gradus::{
    Activation, Architecture, CrossEntropy, EmpiricalRisk, Error, Hessian, HessianProduct, Huber, LogLoss,
    Loss, Model, Network, Perceptron, Real, SecondOrderLoss, SecondOrderModel, SquaredError,
};
use num_dual::{Dual2DVec64, DualNum, hessian};

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::LEAKY_RELU,
    Activation::ELU,
    Activation::Softplus,
    Activation::Gelu,
    Activation::Silu,
];

type Dual = Dual2DVec64;

fn constant(x: f64) -> Dual {
    Dual::from_re(x)
}

fn phi(activation: Activation, z: &Dual) -> Dual {
    let one = constant(1.0);
    let sigmoid = |z: &Dual| one.clone() / ((-z.clone()).exp() + 1.0);
    match activation {
        Activation::Identity => z.clone(),
        Activation::Sigmoid => sigmoid(z),
        Activation::Tanh => z.tanh(),
        Activation::Relu if z.re > 0.0 => z.clone(),
        Activation::Relu => constant(0.0),
        Activation::LeakyRelu { .. } | Activation::Elu { .. } if z.re > 0.0 => z.clone(),
        Activation::LeakyRelu { slope } => z.clone() * slope,
        Activation::Elu { alpha } => z.exp_m1() * alpha,
        Activation::Softplus => (z.exp() + 1.0).ln(),
        Activation::Silu => z.clone() * sigmoid(z),
        // Φ(z) = ½ + φ(z) Σ z²ⁿ⁺¹/(2n+1)!!
        Activation::Gelu => {
            let (mut term, mut sum) = (z.clone(), z.clone());
            for n in 1..80 {
                term = term * z * z / f64::from(2 * n + 1);
                sum += term.clone();
            }
            let density = (z.clone() * z * -0.5).exp() / (2.0 * std::f64::consts::PI).sqrt();
            z.clone() * (density * sum + 0.5)
        }
        other => unreachable!("{other:?}"),
    }
}

fn scores(network: &Network, theta: &DVector<Dual>, x: &[f64]) -> Vec<Dual> {
    let mut a: Vec<Dual> = x.iter().map(|x| constant(*x)).collect();
    let mut at = 0;
    for layer in network.layers() {
        let (units, inputs) = (layer.units(), layer.inputs());
        let z = (0..units).map(|u| {
            let mut z = theta[at + units * inputs + u].clone();
            for (i, a) in a.iter().enumerate() {
                z += theta[at + i * units + u].clone() * a;
            }
            phi(layer.activation(), &z)
        });
        a = z.collect();
        at += units * (inputs + 1);
    }
    a
}

/// A loss here and in the crate.
type Twin = fn(&[Dual], &[f64]) -> Dual;

fn squared_error(z: &[Dual], y: &[f64]) -> Dual {
    z.iter().zip(y).fold(constant(0.0), |s, (z, y)| s + (z.clone() - *y).powi(2) * 0.5)
}

fn huber(z: &[Dual], y: &[f64]) -> Dual {
    z.iter().zip(y).fold(constant(0.0), |s, (z, y)| {
        let r = z.clone() - *y;
        s + if r.re.abs() <= 1.0 { r.powi(2) * 0.5 } else { r.clone() * r.re.signum() - 0.5 }
    })
}

fn log_loss(z: &[Dual], y: &[f64]) -> Dual {
    z.iter().zip(y).fold(constant(0.0), |s, (z, y)| s + (z.exp() + 1.0).ln() - z.clone() * *y)
}

fn cross_entropy(z: &[Dual], y: &[f64]) -> Dual {
    let sum = z.iter().fold(constant(0.0), |s, z| s + z.exp());
    z.iter().zip(y).fold(sum.ln(), |s, (z, y)| s - z.clone() * *y)
}

/// In (−1, 1), without a pattern.
fn noise(i: usize, j: usize) -> f64 {
    let bits = ((i * 7919 + j * 104_729 + 13) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Inputs, and targets that every loss understands: one hot, or 0 and 1 for a single output.
fn data<T: Real>(inputs: usize, outputs: usize, samples: usize) -> (DMatrix<T>, DMatrix<T>) {
    let x = DMatrix::from_fn(inputs, samples, |i, j| T::of(noise(i, j)));
    let hot = |i: usize, j: usize| (j * 7 + 3) % outputs.max(2) == i;
    (x, DMatrix::from_fn(outputs, samples, |i, j| if hot(i, j) { T::one() } else { T::zero() }))
}

fn point<T: Real>(network: &Network, seed: usize) -> DVector<T> {
    DVector::from_fn(network.parameter_count(), |i, _| T::of(0.8 * noise(i, 1000 + seed)))
}

fn unit(p: usize, j: usize) -> DVector<f64> {
    DVector::from_fn(p, |i, _| if i == j { 1.0 } else { 0.0 })
}

fn dense<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
    risk: &mut EmpiricalRisk<'_, T, M, L>, theta: &DVector<T>,
) -> DMatrix<T> {
    let mut h = DMatrix::from_element(theta.len(), theta.len(), T::NAN);
    risk.hessian(theta, &mut h);
    h
}

fn assert_close<T: Real>(a: &DMatrix<T>, b: &DMatrix<T>, tolerance: f64, what: &str) {
    let (error, scale) = ((a - b).amax().f64(), b.amax().f64());
    assert!(a.iter().all(|x| x.is_finite()), "{what}: not finite");
    assert!(error <= tolerance * scale, "{what}: {error:e} of {scale:e}");
}

/// Depths 1 to 4, the last layer with the activation too where `through` says so.
fn networks(activation: Activation, outputs: usize, through: bool) -> Vec<Network> {
    [&[3, outputs][..], &[3, 4, outputs], &[2, 3, 2, outputs], &[2, 3, 1, 3, outputs]]
        .map(|sizes| {
            let network = Network::new(sizes, activation);
            if through { network.with_output_activation(activation) } else { network }
        })
        .into()
}

/// A sigmoid before a loss that applies its own is refused.
fn is_sigmoid_twice<L: Loss<f64>>(network: &Network, loss: L, x: &DMatrix<f64>, y: &DMatrix<f64>) -> bool {
    let is_sigmoid = network.layers().last().is_some_and(|layer| layer.activation() == Activation::Sigmoid);
    let refused = matches!(EmpiricalRisk::new(network.clone(), loss, x, y), Err(Error::SigmoidTwice));
    assert!(is_sigmoid || !refused);
    refused
}

fn against_dual_numbers<L: SecondOrderLoss<f64> + Loss<f32> + SecondOrderLoss<f32> + Copy>(
    loss: L, twin: Twin, outputs: usize,
) {
    for activation in ACTIVATIONS {
        for through in [false, true] {
            for network in networks(activation, outputs, through) {
                let (x, y) = data::<f64>(network.inputs(), outputs, 5);
                if is_sigmoid_twice(&network, loss, &x, &y) {
                    continue;
                }
                let theta = point::<f64>(&network, 0);
                let mean = |theta: DVector<Dual>| {
                    (0..5).fold(constant(0.0), |sum, j| {
                        let (x, y): (Vec<_>, Vec<_>) =
                            (x.column(j).iter().copied().collect(), y.column(j).iter().copied().collect());
                        sum + twin(&scores(&network, &theta, &x), &y) / 5.0
                    })
                };
                let (value, gradient, exact) = hessian(mean, &theta);
                let what = format!("{network:?}");
                let mut risk = EmpiricalRisk::new(network.clone(), loss, &x, &y).unwrap();
                let (mut g, mut h) = (theta.clone(), exact.clone());
                let f = risk.value_gradient_hessian(&theta, &mut g, &mut h);
                assert!((f - value).abs() <= 1e-13 * value.abs().max(1.0), "{what}");
                assert!((&g - &gradient).amax() <= 1e-12 * gradient.amax(), "{what}");
                assert_close(&h, &exact, 1e-11, &what);
                assert_eq!(h, h.transpose(), "{what}");

                let (x, y) = (x.map(|x| x as f32), y.map(|y| y as f32));
                let mut risk = EmpiricalRisk::new(network, loss, &x, &y).unwrap();
                let h = dense(&mut risk, &theta.map(|x| x as f32));
                assert_close(&h.map(f64::from), &exact, 1e-4, &what);
            }
        }
    }
}

#[test]
fn the_dense_hessian_is_that_of_dual_numbers_under_squared_error() {
    against_dual_numbers(SquaredError, squared_error, 1);
    against_dual_numbers(SquaredError, squared_error, 2);
}

#[test]
fn the_dense_hessian_is_that_of_dual_numbers_under_log_loss() {
    against_dual_numbers(LogLoss, log_loss, 1);
    against_dual_numbers(LogLoss, log_loss, 2);
}

#[test]
fn the_dense_hessian_is_that_of_dual_numbers_under_cross_entropy() {
    against_dual_numbers(CrossEntropy, cross_entropy, 3);
}

#[test]
fn the_dense_hessian_is_that_of_dual_numbers_under_huber() {
    against_dual_numbers(Huber::default(), huber, 2);
}

fn against_products<L: SecondOrderLoss<f64> + Copy>(loss: L, outputs: usize, samples: usize) {
    for activation in ACTIVATIONS {
        for network in networks(activation, outputs, samples.is_multiple_of(2)) {
            let (x, y) = data::<f64>(network.inputs(), outputs, samples);
            if is_sigmoid_twice(&network, loss, &x, &y) {
                continue;
            }
            let (theta, p, what) = (point(&network, 1), network.parameter_count(), format!("{network:?}"));
            let mut risk = EmpiricalRisk::new(network, loss, &x, &y).unwrap().ridge(0.3);
            let h = dense(&mut risk, &theta);
            assert_eq!(h, h.transpose(), "{what}");
            let (mut columns, mut diagonal) = (h.clone(), DVector::from_element(p, f64::NAN));
            for j in 0..p {
                let mut column = DVector::from_element(p, f64::NAN);
                risk.hessian_product(&theta, &unit(p, j), &mut column);
                columns.set_column(j, &column);
            }
            assert_close(&columns, &h, 1e-12, &what);
            risk.hessian_diagonal(&theta, &mut diagonal);
            assert!((diagonal - h.diagonal()).amax() <= 1e-13 * h.amax(), "{what}");
        }
    }
}

#[test]
fn products_and_the_diagonal_are_those_of_the_dense_hessian() {
    against_products(SquaredError, 1, 33);
    against_products(SquaredError, 3, 2);
    against_products(LogLoss, 2, 7);
    against_products(CrossEntropy, 4, 64);
    against_products(Huber::default(), 2, 1);
}

/// More samples than a chunk takes, and wider layers than a chunk's worth of curvature fits in the room for it.
#[test]
fn chunks_and_strips_add_up() {
    for (sizes, samples) in [(&[5, 6, 4, 3][..], 700), (&[1, 300, 2], 333), (&[2, 40, 70, 3], 257)] {
        let network = Network::new(sizes, Activation::Silu);
        let (x, y) = data::<f64>(network.inputs(), network.outputs(), samples);
        let (theta, v) = (point(&network, 2), point::<f64>(&network, 3));
        let mut risk = EmpiricalRisk::new(network, CrossEntropy, &x, &y).unwrap();
        let h = dense(&mut risk, &theta);
        let mut product = v.clone();
        risk.hessian_product(&theta, &v, &mut product);
        assert!((&h * &v - &product).amax() <= 1e-12 * product.amax());
        assert_eq!(h, h.transpose());

        let mut diagonal = v.clone();
        risk.hessian_diagonal(&theta, &mut diagonal);
        assert!((diagonal - h.diagonal()).amax() <= 1e-13 * h.amax());

        // the Hessian of the whole is the mean of those of its halves
        let mut parts = DMatrix::zeros(theta.len(), theta.len());
        for range in [0..samples / 3, samples / 3..samples] {
            let share = range.len() as f64 / samples as f64;
            parts += dense(risk.batch(range).unwrap(), &theta) * share;
        }
        assert_close(&parts, &h, 1e-12, "parts");
    }
}

/// Products at one point share what the forward pass left: only as long as the batch is the same.
#[test]
fn a_product_forgets_what_it_must() {
    let network = Network::new(&[3, 5, 2], Activation::Gelu);
    let (x, y) = data::<f64>(3, 2, 40);
    let (theta, other, v) = (point(&network, 4), point(&network, 5), point::<f64>(&network, 6));
    let fresh = |select: &[usize], theta: &DVector<f64>, exact: bool| {
        let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y).unwrap();
        let (risk, mut out) = (risk.select(select).unwrap(), v.clone());
        if exact {
            risk.hessian_product(theta, &v, &mut out);
        } else {
            risk.gauss_newton_product(theta, &v, &mut out);
        }
        out
    };
    let mut risk = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y).unwrap();
    let (first, second): (Vec<usize>, Vec<usize>) = ((0..20).collect(), (20..40).rev().collect());
    let mut out = v.clone();
    for _ in 0..2 {
        for select in [&first, &second, &second] {
            for theta in [&theta, &theta, &other] {
                let risk = risk.select(select).unwrap();
                risk.hessian_product(theta, &v, &mut out);
                assert_eq!(out, fresh(select, theta, true));
                risk.gauss_newton_product(theta, &v, &mut out);
                assert_eq!(out, fresh(select, theta, false));
                risk.hessian_product(theta, &v, &mut out);
                assert_eq!(out, fresh(select, theta, true));
                let (mut g, mut h) = (v.clone(), DMatrix::zeros(v.len(), v.len()));
                risk.value_gradient_hessian(&other, &mut g, &mut h);
                risk.hessian_product(theta, &v, &mut out);
                assert_eq!(out, fresh(select, theta, true));
            }
        }
    }
    let mut range = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y).unwrap();
    range.batch(20..40).unwrap().hessian_product(&theta, &v, &mut out);
    range.batch(0..20).unwrap().hessian_product(&theta, &v, &mut out);
    assert_eq!(out, fresh(&first, &theta, true));
}

/// `Jᵀ (∂²L/∂Z²) J`, the Jacobian by dual numbers, one sample and output at a time.
#[test]
fn the_gauss_newton_product_leaves_out_the_curvature_of_the_model() {
    for activation in ACTIVATIONS {
        for network in networks(activation, 2, false) {
            let (x, y) = data::<f64>(network.inputs(), 2, 5);
            let (theta, v) = (point::<f64>(&network, 7), point::<f64>(&network, 8));
            let mut expected = v.map(|_| 0.0);
            for j in 0..5 {
                for k in 0..2 {
                    let x: Vec<f64> = x.column(j).iter().copied().collect();
                    let (_, row, _) = hessian(|theta| scores(&network, &theta, &x)[k].clone(), &theta);
                    expected.axpy(row.dot(&v) / 5.0, &row, 1.0);
                }
            }
            let (mut gauss_newton, mut exact) = (v.clone(), v.clone());
            let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
            risk.gauss_newton_product(&theta, &v, &mut gauss_newton);
            assert!((&gauss_newton - &expected).amax() <= 1e-12 * expected.amax(), "{network:?}");
            assert!(v.dot(&gauss_newton) >= 0.0);
            risk.hessian_product(&theta, &v, &mut exact);
            let differs = (exact - gauss_newton).amax() > 1e-6 * expected.amax();
            assert_eq!(differs, network.layers().len() > 1, "{network:?}");
        }
    }
}

#[test]
fn an_affine_model_has_no_curvature_of_its_own() {
    let (x, y) = data::<f64>(4, 3, 30);
    let model = Perceptron::new(4).with_outputs(3);
    let theta = DVector::from_fn(15, |i, _| noise(i, 1));
    let v = DVector::from_fn(15, |i, _| noise(i, 2));
    let (mut exact, mut gauss_newton) = (v.clone(), v.clone());
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap().ridge(0.1);
    risk.hessian_product(&theta, &v, &mut exact);
    risk.gauss_newton_product(&theta, &v, &mut gauss_newton);
    assert_eq!(exact, gauss_newton);
    assert!(v.dot(&exact) > 0.0);

    let (h, mut diagonal) = (dense(&mut risk, &theta), v.clone());
    risk.hessian_diagonal(&theta, &mut diagonal);
    assert!((diagonal - h.diagonal()).amax() <= 1e-15);
    assert!((h * v - exact).amax() <= 1e-14);
}

/// `φ'' = 0`: within a layer the Hessian is its Gauss–Newton part, between layers it is not.
#[test]
fn relu_bends_only_between_layers() {
    let network = Network::new(&[3, 5, 4, 1], Activation::Relu);
    let (x, y) = data::<f64>(3, 1, 20);
    let (theta, p) = (point::<f64>(&network, 9), network.parameter_count());
    let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
    let mut difference = dense(&mut risk, &theta);
    for j in 0..p {
        let mut column = DVector::zeros(p);
        risk.gauss_newton_product(&theta, &unit(p, j), &mut column);
        let mut rest = difference.column_mut(j);
        rest -= column;
    }
    let mut between = difference.clone();
    for layer in network.layers() {
        let (at, len) = (layer.range().start, layer.range().len());
        assert!(difference.view((at, at), (len, len)).amax() < 1e-14);
        between.view_mut((at, at), (len, len)).fill(0.0);
    }
    assert!(between.amax() > 1e-3);
}

/// A user's network without the dense hooks: the defaults take products instead.
#[derive(Debug)]
struct Plain(Network);

impl Architecture for Plain {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn parameter_count(&self) -> usize {
        self.0.parameter_count()
    }
}

mod plain {
    use super::{DVector, Model, Network, Plain, SecondOrderModel};
    use gradus::model::NetworkCache;
    use gradus::nalgebra::DMatrixView;

    impl Model<f64> for Plain {
        type Cache = NetworkCache<f64>;
        fn cache(&self, max_batch: usize) -> Self::Cache {
            self.0.cache(max_batch)
        }
        fn forward<'c>(
            &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, cache: &'c mut Self::Cache,
        ) -> DMatrixView<'c, f64> {
            self.0.forward(theta, x, cache)
        }
        fn backward(
            &self, theta: &DVector<f64>, x: DMatrixView<'_, f64>, delta: DMatrixView<'_, f64>,
            cache: &mut Self::Cache, gradient: &mut DVector<f64>,
        ) {
            self.0.backward(theta, x, delta, cache, gradient);
        }
    }

    impl SecondOrderModel<f64> for Plain {
        fn tangent<'c>(
            &self, theta: &DVector<f64>, v: &DVector<f64>, x: DMatrixView<'_, f64>,
            cache: &'c mut NetworkCache<f64>,
        ) -> DMatrixView<'c, f64> {
            self.0.tangent(theta, v, x, cache)
        }
        fn backward_tangent(
            &self, theta: &DVector<f64>, v: &DVector<f64>, x: DMatrixView<'_, f64>,
            delta: DMatrixView<'_, f64>, r_delta: DMatrixView<'_, f64>, cache: &mut NetworkCache<f64>,
            out: &mut DVector<f64>,
        ) {
            Network::backward_tangent(&self.0, theta, v, x, delta, r_delta, cache, out);
        }
    }
}

#[test]
fn a_model_without_dense_hooks_gets_the_same_from_products() {
    let network = Network::new(&[3, 4, 3], Activation::Tanh);
    let (x, y) = data::<f64>(3, 3, 300);
    let theta = point::<f64>(&network, 10);
    let mut blocks = EmpiricalRisk::new(network.clone(), CrossEntropy, &x, &y).unwrap();
    let mut products = EmpiricalRisk::new(Plain(network), CrossEntropy, &x, &y).unwrap();
    let (h, k) = (dense(&mut blocks, &theta), dense(&mut products, &theta));
    assert_close(&k, &h, 1e-12, "products");
    let (mut c, mut d) = (theta.clone(), theta.clone());
    blocks.hessian_diagonal(&theta, &mut c);
    products.hessian_diagonal(&theta, &mut d);
    assert!((&c - &d).amax() <= 1e-12 * h.amax() && (c - h.diagonal()).amax() <= 1e-12 * h.amax());
}

#[test]
fn wrong_shapes_write_nothing() {
    let network = Network::new(&[2, 3, 1], Activation::Tanh);
    let p = network.parameter_count();
    let (x, y) = data::<f64>(2, 1, 4);
    let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
    let vector = |len: usize| DVector::from_element(len, 0.5);
    for (theta, v, out) in [(p + 1, p, p), (p, 0, p), (p, p, p - 1), (0, 0, 0)] {
        let mut written = vector(out);
        risk.hessian_product(&vector(theta), &vector(v), &mut written);
        risk.gauss_newton_product(&vector(theta), &vector(v), &mut written);
        if (theta, out) != (p, p) {
            risk.hessian_diagonal(&vector(theta), &mut written);
        }
        assert_eq!(written, vector(out));
    }
    let mut h = DMatrix::from_element(p, p - 1, 0.5);
    assert!(risk.value_gradient_hessian(&vector(p), &mut vector(p), &mut h).is_nan());
    assert_eq!(h, DMatrix::from_element(p, p - 1, 0.5));

    // the model itself, lent what was made for another
    let mut cache = Network::new(&[2, 5, 1], Activation::Tanh).cache(4);
    let (delta, mut gradient) = (DMatrix::from_element(1, 4, 1.0), vector(p));
    assert_eq!(network.forward(&vector(p), x.as_view(), &mut cache).ncols(), 0);
    network.backward(&vector(p), x.as_view(), delta.as_view(), &mut cache, &mut gradient);
    network.tangent(&vector(p), &vector(p), x.as_view(), &mut cache);
    assert_eq!(gradient, vector(p));
    let (mut cache, mut square) = (network.cache(4), vec![0.5; p * p]);
    let nothing = DMatrix::zeros(1, 4);
    let (delta, nothing) = (delta.as_view(), nothing.as_view());
    network.dense_hessian(&vector(p), x.as_view(), delta, nothing, &mut cache, &mut square);
    network.forward(&vector(p), x.as_view(), &mut cache);
    network.backward_tangent(&vector(p), &vector(p), x.as_view(), delta, delta, &mut cache, &mut gradient);
    assert_eq!(gradient, vector(p));
    network.dense_hessian(&vector(p), x.as_view(), delta, nothing, &mut cache, &mut square[1..]);
    assert_eq!(square, vec![0.5; p * p]);
    network.dense_hessian(&vector(p), x.as_view(), delta, nothing, &mut cache, &mut square);
    assert_ne!(square, vec![0.5; p * p]);
}

#[test]
fn layers_are_views_of_theta() {
    let network = Network::with_layers(3, &[(4, Activation::Relu), (2, Activation::Identity)]);
    let mut theta = DVector::from_fn(network.parameter_count(), |i, _| i as f64);
    let [hidden, output] = network.layers() else { panic!("two layers") };
    assert_eq!((hidden.inputs(), hidden.units(), hidden.range()), (3, 4, 0..16));
    assert_eq!((output.inputs(), output.units(), output.range()), (4, 2, 16..26));
    assert_eq!(hidden.weights(&theta).unwrap()[(1, 2)], 9.0);
    assert_eq!(hidden.bias(&theta).unwrap()[3], 15.0);
    output.weights_mut(&mut theta).unwrap()[(1, 0)] = -1.0;
    output.bias_mut(&mut theta).unwrap()[0] = -2.0;
    assert_eq!((theta[17], theta[24]), (-1.0, -2.0));
    let mut short = DVector::<f64>::zeros(25);
    assert!(hidden.bias(&short).is_ok());
    assert!(output.bias(&short).is_err() && output.weights_mut(&mut short).is_err());
    let many = Network::new(&[usize::MAX, usize::MAX, 2], Activation::Relu);
    assert_eq!(many.parameter_count(), usize::MAX);
    assert!(many.check().is_err() && many.layers()[1].bias(&short).is_err());
}

/// `z = Σ_u v_u tanh(w_u x + b_u) + c`, of more units than a square of them would fit in memory.
#[test]
fn the_diagonal_of_a_wide_layer_needs_no_square() {
    let units = 100_000;
    let network = Network::new(&[1, units, 1], Activation::Tanh);
    let theta: DVector<f64> = network.initial(3);
    let (x, y) = (dmatrix![0.5, -2.0], dmatrix![0.3, 0.1]);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
    let mut diagonal = DVector::zeros(theta.len());
    risk.hessian_diagonal(&theta, &mut diagonal);

    let (w, b) = (theta.rows(0, units), theta.rows(units, units));
    let (v, c) = (theta.rows(2 * units, units), theta[3 * units]);
    let mut exact = DVector::zeros(theta.len());
    exact[3 * units] = 1.0;
    for (x, y) in x.iter().zip(y.iter()) {
        let a = DVector::from_fn(units, |u, _| (w[u] * x + b[u]).tanh());
        let r = a.dot(&v) + c - y;
        for u in 0..units {
            let first = 1.0 - a[u] * a[u];
            let s = 0.5 * (first * first * v[u] * v[u] - 2.0 * a[u] * first * v[u] * r);
            exact[u] += s * x * x;
            exact[units + u] += s;
            exact[2 * units + u] += 0.5 * a[u] * a[u];
        }
    }
    assert!((diagonal - exact).amax() <= 1e-12);
}

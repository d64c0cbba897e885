//! Every intermediate number, beside the formulas that it is taught by.
#![expect(clippy::float_cmp, reason = "the same bits, or exact results")]

use gradus::explain::{Backpropagation, Table};
use gradus::loss::{ElementWise, Jet, Poisson};
use gradus::problems::{Problem, Rosenbrock};
use gradus::univariate::{Brent, Halley, ScalarNewton};
use gradus::{
    Activation, Architecture, CrossEntropy, EmpiricalRisk, Error, Function, GradientDescent, Huber, LogLoss,
    Network, Newton, Objective, Perceptron, Real, SigmoidClassifier, SquaredError, Stop, Trace, minimize,
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
use draw::Draw;

fn matrix<T: Real>(draw: &mut Draw, rows: usize, columns: usize) -> DMatrix<T> {
    DMatrix::from_fn(rows, columns, |_, _| T::of(draw.unit()))
}

#[track_caller]
fn close<T: Real>(found: T, expected: f64, tolerance: f64) {
    let found = found.f64();
    assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{found} for {expected}");
}

/// The table as a reader of CSV sees it: header and rows.
fn cells(table: &Table) -> (Vec<String>, Vec<Vec<String>>) {
    let text = table.csv();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let own = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = own(reader.headers().unwrap());
    (header, reader.records().map(|record| own(&record.unwrap())).collect())
}

/// Value and gradient are those that training has, to the last bit, whatever the number of samples.
fn same_bits<T: Real>(seed: u64) {
    let mut draw = Draw::new(seed);
    for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Relu, Activation::Gelu] {
        let sizes: Vec<_> = (0..2 + draw.below(4)).map(|_| 1 + draw.below(7)).chain([2]).collect();
        let network = Network::new(&sizes, activation);
        let most = [3, 40, 3000][draw.below(3)];
        let samples = 1 + draw.below(most);
        let (x, y) = (matrix::<T>(&mut draw, sizes[0], samples), matrix(&mut draw, 2, samples));
        let theta: DVector<T> = network.initial(seed);
        let pass = network.explain(&SquaredError, &theta, &x, &y).unwrap();
        let mut risk = EmpiricalRisk::new(network.clone(), SquaredError, &x, &y).unwrap();
        let mut gradient = DVector::zeros(theta.len());
        assert!(risk.value_gradient(&theta, &mut gradient) == pass.value && gradient == pass.gradient);
        for (layer, of_layer) in network.layers().iter().zip(&pass.layers) {
            assert_eq!(layer.weights(&gradient).unwrap(), of_layer.weight_gradient);
            assert_eq!(layer.bias(&gradient).unwrap(), of_layer.bias_gradient);
        }
    }
}

#[test]
fn the_gradient_is_that_of_training_to_the_last_bit() {
    for seed in 1..12 {
        same_bits::<f64>(seed);
        same_bits::<f32>(seed);
    }
}

/// Forward and backward by the formulas of the text, one number after the other.
#[expect(clippy::needless_range_loop, reason = "indices as in the formulas")]
fn by_hand(
    pass: &Backpropagation<f64>, network: &Network, theta: &DVector<f64>, x: &DMatrix<f64>,
    phi: impl Fn(f64) -> (f64, f64), delta: impl Fn(usize, usize, f64) -> f64,
) {
    let (layers, m) = (network.layers(), x.ncols());
    let mut sums = vec![0.0; theta.len()];
    for j in 0..m {
        let mut a = vec![x.column(j).iter().copied().collect::<Vec<_>>()];
        let mut slopes = Vec::new();
        for (l, layer) in layers.iter().enumerate() {
            let (w, b) = (layer.weights(theta).unwrap(), layer.bias(theta).unwrap());
            let z: Vec<f64> = (0..layer.units())
                .map(|u| b[u] + (0..layer.inputs()).map(|i| w[(u, i)] * a[l][i]).sum::<f64>())
                .collect();
            let jets: Vec<_> =
                z.iter().map(|z| if l + 1 == layers.len() { (*z, 1.0) } else { phi(*z) }).collect();
            for u in 0..z.len() {
                close(pass.layers[l].z[(u, j)], z[u], 1e-13);
                assert_eq!(pass.layers[l].input.column(j).len(), a[l].len());
                if l + 1 < layers.len() {
                    close(pass.layers[l].a[(u, j)], jets[u].0, 1e-13);
                    close(pass.layers[l].slope[(u, j)], jets[u].1, 1e-13);
                }
            }
            a.push(jets.iter().map(|jet| jet.0).collect());
            slopes.push(jets.iter().map(|jet| jet.1).collect::<Vec<_>>());
        }
        let mut d: Vec<f64> =
            (0..network.outputs()).map(|u| delta(u, j, a[layers.len()][u]) / m as f64).collect();
        for (l, layer) in layers.iter().enumerate().rev() {
            let w = layer.weights(theta).unwrap();
            for u in 0..layer.units() {
                close(pass.layers[l].delta[(u, j)], d[u], 1e-13);
                let at = |i: usize| layer.range().start + i * layer.units() + u;
                (0..layer.inputs()).for_each(|i| sums[at(i)] += d[u] * a[l][i]);
                sums[at(layer.inputs())] += d[u];
            }
            if l > 0 {
                let back = |i: usize| (0..layer.units()).map(|u| w[(u, i)] * d[u]).sum::<f64>();
                for i in 0..layer.inputs() {
                    close(pass.layers[l - 1].upstream[(i, j)], back(i), 1e-13);
                }
                d = (0..layer.inputs()).map(|i| back(i) * slopes[l - 1][i]).collect();
            }
        }
    }
    sums.iter().zip(&pass.gradient).for_each(|(sum, found)| close(*found, *sum, 1e-12));
}

fn sigmoid(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

#[test]
fn every_number_is_that_of_its_formula() {
    let mut draw = Draw::new(7);
    for round in 0..40 {
        let (k, m) = (1 + draw.below(3), 1 + draw.below(9));
        let sizes: Vec<_> = (0..1 + draw.below(4)).map(|_| 1 + draw.below(5)).chain([k]).collect();
        let network =
            Network::new(&sizes, [Activation::Sigmoid, Activation::Tanh, Activation::Relu][round % 3]);
        let phi = |z: f64| match round % 3 {
            0 => (sigmoid(z), sigmoid(z) * (1.0 - sigmoid(z))),
            1 => (z.tanh(), 1.0 - z.tanh().powi(2)),
            _ => (z.max(0.0), f64::from(u8::from(z > 0.0))),
        };
        let theta: DVector<f64> = matrix(&mut draw, network.parameter_count(), 1).column(0).into_owned();
        let x = matrix(&mut draw, sizes[0], m);
        let y = matrix(&mut draw, k, m);
        let pass = network.explain(&SquaredError, &theta, &x, &y).unwrap();
        by_hand(&pass, &network, &theta, &x, phi, |u, j, z| z - y[(u, j)]);
        let labels = y.map(|y| f64::from(u8::from(y > 0.0)));
        let pass = network.explain(&LogLoss, &theta, &x, &labels).unwrap();
        by_hand(&pass, &network, &theta, &x, phi, |u, j, z| sigmoid(z) - labels[(u, j)]);
        let through = SquaredError.through(Activation::Sigmoid);
        let pass = network.explain(&through, &theta, &x, &labels).unwrap();
        by_hand(&pass, &network, &theta, &x, phi, |u, j, z| {
            (sigmoid(z) - labels[(u, j)]) * sigmoid(z) * (1.0 - sigmoid(z))
        });
    }
}

/// `∂L/∂ŷ · ∂ŷ/∂z = ∂L/∂z`, with the factors that the course writes.
#[test]
fn the_factors_of_the_last_layer_are_those_on_paper() {
    let (x, labels) = (dmatrix![0.3, -1.0, 0.8], dmatrix![1.0, 0.0, 0.0]);
    let theta = dvector![1.5, -0.2];
    let pass = SigmoidClassifier::new(1).explain(&LogLoss, &theta, &x, &labels).unwrap();
    let through = Perceptron::new(1).explain(&SquaredError.through(Activation::Sigmoid), &theta, &x, &labels);
    let huber = Perceptron::new(1).explain(&Huber::new(0.5), &theta, &x, &labels).unwrap();
    let [classifier, through, huber] = [pass, through.unwrap(), huber].map(|mut pass| pass.layers.remove(0));
    for j in 0..3 {
        let (z, y) = (1.5 * x[j] - 0.2, labels[j]);
        let p = sigmoid(z);
        close(classifier.a[j], p, 1e-15);
        close(classifier.upstream[j], (p - y) / (p * (1.0 - p)) / 3.0, 1e-14);
        close(classifier.slope[j], p * (1.0 - p), 1e-15);
        close(through.a[j], p, 1e-15);
        close(through.upstream[j], (p - y) / 3.0, 1e-15);
        close(through.slope[j], p * (1.0 - p), 1e-15);
        close(huber.a[j], z, 1e-15);
        close(huber.upstream[j], (z - y).clamp(-0.5, 0.5) / 3.0, 1e-15);
        assert_eq!(huber.slope[j], 1.0);
        for layer in [&classifier, &through, &huber] {
            close(layer.upstream[j] * layer.slope[j], layer.delta[j], 1e-15);
        }
    }
    // an activation on the last layer, and an identity behind it
    let network = Network::new(&[1, 1], Activation::Tanh).with_output_activation(Activation::Tanh);
    let pass = network.explain(&SquaredError, &theta, &x, &labels).unwrap();
    close(pass.layers[0].a[0], 0.25_f64.tanh(), 1e-15);
    close(pass.layers[0].slope[0], 1.0 - 0.25_f64.tanh().powi(2), 1e-15);
    assert_eq!(pass.response, pass.layers[0].a);
}

/// Where the factors are `∞ · 0` on paper, the product is finished from the score; nothing is NaN.
fn tails<T: Real>(scores: &[f64]) {
    for (score, label) in scores.iter().flat_map(|z| [(*z, 0), (*z, 1), (-*z, 0), (-*z, 1)]) {
        let theta = dvector![T::of(score), T::zero()];
        let pass = SigmoidClassifier::new(1).explain(&LogLoss, &theta, &[T::one()], &[label]).unwrap();
        let layer = &pass.layers[0];
        let all = [&layer.z, &layer.a, &layer.slope, &layer.upstream, &layer.delta];
        assert!(all.iter().all(|part| !part[0].f64().is_nan()), "{pass}");
        // σ(z) − y without cancellation
        let against = if label == 0 { score } else { -score };
        let expected = 1.0 / (1.0 + (-against).exp());
        let delta = layer.delta[0].f64().abs();
        assert!((delta - expected).abs() <= 1e-5 * expected + 1e-38, "{delta} for {expected}");
        let text = pass.table().to_string();
        assert_eq!(text.contains("∞ · 0"), score > 0.0 && label == 0, "{text}");
        let is_lost = text.contains("rounded");
        assert_eq!(is_lost, score > 0.0 && label == 1, "{text}");
    }
}

#[test]
fn where_paper_fails_the_table_says_so() {
    tails::<f64>(&[38.0, 40.0, 300.0]);
    tails::<f32>(&[18.0, 20.0, 80.0]);
    let pass = SigmoidClassifier::new(1).explain(&LogLoss, &dvector![1.0, 0.0], &[1.0], &[1]).unwrap();
    assert_eq!(cells(&pass.table()).0.len(), 8, "no notes where there is nothing to tell");
}

/// Losses whose factors are not told entry by entry show `∂L/∂z` alone, and their responses.
#[test]
fn coupled_and_unknown_losses_show_what_they_know() {
    #[derive(Clone)]
    struct Quartic;
    impl ElementWise for Quartic {
        fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
            let r = z - y;
            Jet { value: r.powi(4), first: T::of(4.0) * r.powi(3), second: T::of(12.0) * r * r }
        }
    }
    let (x, theta) = (dmatrix![1.0, 2.0], dvector![0.5, -1.0, 0.25, 0.0, 0.1, -0.1]);
    let model = Perceptron::new(1).with_outputs(3);
    let pass = model.explain(&CrossEntropy, &theta, &x, &[2, 0]).unwrap();
    let layer = &pass.layers[0];
    assert!(layer.a == layer.z && layer.delta == layer.upstream && layer.slope == DMatrix::repeat(3, 2, 1.0));
    for j in 0..2 {
        close(pass.response.column(j).sum(), 1.0, 1e-15);
        let y = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]][j];
        (0..3).for_each(|u| close(layer.delta[(u, j)], (pass.response[(u, j)] - y[u]) / 2.0, 1e-15));
    }
    let one_hot = dmatrix![0.0, 1.0; 0.0, 0.0; 1.0, 0.0];
    assert_eq!(pass, model.explain(&CrossEntropy, &theta, &x, &one_hot).unwrap());
    let pass = Perceptron::new(1).explain(&Quartic, &dvector![1.0, 0.0], &x, &[0.0, 0.0]).unwrap();
    assert_eq!(pass.layers[0].delta, dmatrix![2.0, 16.0]);
    let pass = Perceptron::new(1).explain(&Poisson, &dvector![1.0, 0.0], &x, &[1.0, 0.0]).unwrap();
    close(pass.response[1], 2.0_f64.exp(), 1e-15);
    close(pass.layers[0].delta[1], 2.0_f64.exp() / 2.0, 1e-15);
}

#[test]
fn a_model_without_bias_has_no_partial_of_one() {
    let theta = dvector![2.0, -1.0];
    let model = Perceptron::new(2).without_bias();
    let pass = model.explain(&SquaredError, &theta, &dmatrix![1.0; 3.0], &[1.0]).unwrap();
    assert_eq!(
        (pass.layers[0].weight_gradient.clone(), &pass.gradient),
        (dmatrix![-2.0, -6.0], &dvector![-2.0, -6.0])
    );
    assert!(pass.layers[0].bias_gradient.is_empty());
    let (_, rows) = cells(&pass.gradient_table());
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[1], ["1", "w[0,1]", "-6.0", "-2.0 · 1.0 · 3.0"]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (network, x) = (Network::new(&[2, 2, 1], Activation::Sigmoid), dmatrix![1.0; 3.0]);
    let explain = |theta: &DVector<f64>, x: &DMatrix<f64>, y: &[f64]| network.explain(&LogLoss, theta, x, y);
    let zero = DVector::zeros(9);
    assert!(explain(&zero, &x, &[1.0]).is_ok());
    assert!(matches!(explain(&DVector::zeros(8), &x, &[1.0]), Err(Error::Length { argument: "theta", .. })));
    let nan = DVector::repeat(9, f64::NAN);
    assert!(matches!(explain(&nan, &x, &[1.0]), Err(Error::NonFinite { argument: "theta", .. })));
    assert!(matches!(explain(&zero, &DMatrix::zeros(3, 1), &[1.0]), Err(Error::Shape { .. })));
    assert!(matches!(explain(&zero, &DMatrix::zeros(2, 0), &[]), Err(Error::Empty { .. })));
    assert!(matches!(explain(&zero, &x, &[0.5]), Err(Error::Label { .. })));
    assert!(explain(&zero, &x, &[1.0, 0.0]).is_err());
    let huge = Perceptron::new(1).explain(&SquaredError, &dvector![1e200, 0.0], &[1e200], &[1.0]);
    assert!(matches!(huge, Err(Error::Evaluation { .. })), "{huge:?}");
    let sigmoid = network.clone().with_output_activation(Activation::Sigmoid);
    assert!(matches!(sigmoid.explain(&LogLoss, &zero, &x, &[1.0]), Err(Error::SigmoidTwice)));
    let none = Network::new(&[], Activation::Tanh);
    assert!(none.explain(&SquaredError, &DVector::zeros(0), &x, &[1.0]).is_err());
    let endless = Perceptron::new(usize::MAX).with_outputs(3);
    assert!(endless.explain(&SquaredError, &DVector::zeros(1), &x, &[1.0]).is_err());
}

/// The tables hold the numbers of the fields, bit for bit, in all three forms.
#[test]
fn tables_hold_what_the_fields_hold() {
    let network = Network::new(&[2, 3, 2], Activation::Tanh);
    let theta: DVector<f32> = network.initial(3);
    let mut draw = Draw::new(5);
    let (x, y) = (matrix::<f32>(&mut draw, 2, 4), matrix(&mut draw, 2, 4));
    let pass = network.explain(&SquaredError, &theta, &x, &y).unwrap();
    let (header, rows) = cells(&pass.table());
    assert!(header.len() == 8 && rows.len() == 4 * (3 + 2));
    for row in &rows {
        let [layer, sample, unit] = [0, 1, 2].map(|i| row[i].parse::<usize>().unwrap());
        let layer = &pass.layers[layer - 1];
        let parts = [&layer.z, &layer.a, &layer.slope, &layer.upstream, &layer.delta];
        for (cell, part) in row[3..].iter().zip(parts) {
            assert_eq!(cell.parse::<f32>().unwrap(), part[(unit, sample)]);
        }
    }
    let (_, rows) = cells(&pass.gradient_table());
    assert_eq!(rows.len(), theta.len());
    let mut partials: Vec<f32> = rows.iter().map(|row| row[2].parse().unwrap()).collect();
    let mut expected: Vec<f32> = pass.gradient.iter().copied().collect();
    partials.sort_by(f32::total_cmp);
    expected.sort_by(f32::total_cmp);
    assert_eq!(partials, expected);
    let markdown = pass.table().markdown();
    assert!(markdown.lines().all(|line| line.matches('|').count() == 9) && markdown.lines().count() == 22);
    let shown = pass.table().to_string();
    assert_eq!(shown.lines().count(), 21);
    let widths: Vec<_> = shown.lines().map(|line| line.chars().count()).collect();
    assert!(widths.windows(2).all(|pair| pair[0] == pair[1]), "columns stand below each other\n{shown}");
}

/// A trace changes nothing of the run, and holds what the objective says at its points.
#[test]
fn a_trace_is_the_run_point_by_point() {
    for (mut newton, start) in [(Newton::pure(), dvector![4.0, 4.0]), (Newton::new(), dvector![0.0, 0.0])] {
        let mut f = Problem::QuarticSaddle;
        let report = minimize(&mut newton, &mut f, start.clone(), &Stop::default()).unwrap();
        let trace = Trace::of(&mut newton, &mut f, start, &Stop::default()).unwrap();
        assert_eq!(trace.report, report);
        assert_eq!(trace.points.last().unwrap().x, report.x);
        for (k, point) in trace.points.iter().enumerate() {
            let (x, y): (f64, f64) = (point.x[0], point.x[1]);
            assert_eq!(point.iteration, k);
            let f = x.powi(4) + 0.8 * y.powi(4) + 4.0 * x * x + 2.0 * y.powi(3) - x * y - 0.2 * x * x * y;
            close(point.value, f, 1e-14);
            close(point.gradient[0], 4.0 * x.powi(3) + 8.0 * x - y - 0.4 * x * y, 1e-14);
            let (a, b, d) = (12.0 * x * x + 8.0 - 0.4 * y, -1.0 - 0.4 * x, 9.6 * y * y + 12.0 * y);
            assert_eq!(point.hessian[(0, 1)], point.hessian[(1, 0)]);
            close(point.hessian[(1, 1)], d, 1e-14);
            let root = ((a - d).powi(2) + 4.0 * b * b).sqrt();
            close(point.eigenvalues[0], f64::midpoint(a + d, -root), 1e-14);
            close(point.eigenvalues[1], f64::midpoint(a + d, root), 1e-14);
            let next = trace.points.get(k + 1).map_or(point.x.clone(), |next| next.x.clone());
            assert_eq!(point.step, next - &point.x);
        }
        let (header, rows) = cells(&trace.table());
        assert_eq!(
            header[..9],
            ["k", "x[0]", "x[1]", "f(x)", "∂f/∂x[0]", "∂f/∂x[1]", "H[0,0]", "H[1,0]", "H[1,1]"]
        );
        assert_eq!(header[9..], ["λ[0]", "λ[1]", "step[0]", "step[1]"]);
        for (row, point) in rows.iter().zip(&trace.points) {
            let numbers: Vec<f64> = row.iter().map(|cell| cell.parse().unwrap()).collect();
            assert_eq!(numbers[1..3], point.x.as_slice()[..]);
            assert_eq!(numbers[9..11], point.eigenvalues.as_slice()[..]);
        }
    }
    // any method, any number of variables
    let stop = Stop::default().iterations(5);
    let start = DVector::repeat(7, -0.5);
    let trace = Trace::of(&mut GradientDescent::new(1e-3), &mut Rosenbrock::new(7), start, &stop).unwrap();
    let (header, rows) = cells(&trace.table());
    assert_eq!(header, ["k", "f(x)", "‖∇f‖∞", "λ least", "λ greatest", "‖step‖∞"]);
    assert_eq!(rows.len(), 6);
    assert!(Trace::of(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![1.0], &stop).is_err());
}

/// `x^{3/2}` has no finite curvature at 0, where a trace ends all the same.
#[test]
fn a_hessian_that_is_not_finite_has_no_eigenvalues() {
    let f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
        g[0] = 1.5 * x[0].signum() * x[0].abs().sqrt();
        x[0].abs().powf(1.5)
    });
    let mut f = f.with_hessian(|x: &DVector<f64>, h: &mut DMatrix<f64>| h[0] = 0.75 / x[0].abs().sqrt());
    let trace = Trace::of(&mut GradientDescent::new(0.1), &mut f, dvector![0.0], &Stop::default());
    let trace = trace.unwrap();
    assert!(trace.points[0].eigenvalues.is_empty() && trace.points[0].hessian[0].is_infinite());
    assert!(trace.table().to_string().contains("NaN"));
}

#[test]
fn in_one_variable_the_closure_tells_the_derivatives() {
    let cube = |x: f64| (x.powi(3) - 2.0, 3.0 * x * x, 6.0 * x);
    let report = Halley::new().trace(true).root(cube, 1.0).unwrap();
    let (header, rows) = cells(&report.table(cube).unwrap());
    assert_eq!(header, ["k", "x", "f(x)", "f'(x)", "f''(x)", "x₊ − x"]);
    assert_eq!(rows.len(), report.trace.len());
    for (k, row) in rows.iter().enumerate() {
        let x = report.trace[k];
        assert_eq!(row[1].parse::<f64>().unwrap(), x);
        assert_eq!(row[3].parse::<f64>().unwrap(), 3.0 * x * x);
        let step = report.trace.get(k + 1).map_or(String::new(), |next| format!("{:?}", next - x));
        assert_eq!(row[5], step);
    }
    let brent = Brent::new().trace(true).root(|x: f32| x * x - 2.0, (0.0, 2.0)).unwrap();
    assert_eq!(cells(&brent.table(|x| [x * x - 2.0]).unwrap()).0, ["k", "x", "f(x)", "x₊ − x"]);
    let none = ScalarNewton::new().root(|x: f64| (x, 1.0), 1.0).unwrap().table(|x| (x, 1.0));
    assert!(matches!(none, Err(Error::Empty { argument: "trace", .. })), "{none:?}");
}

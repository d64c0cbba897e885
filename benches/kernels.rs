//! The parts of a step through the public surface, each beside a bound: layers beside nalgebra's product,
//! activations and losses beside a copy of the same size. `Gelem/s` reads GFLOP/s for layers, values per
//! nanosecond for the others.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::nalgebra::DMatrix;
use gradus::{Activation, CrossEntropy, LogLoss, Loss, Model, Network, Real, SquaredError};

/// Fixed numbers in `[−1, 1]`.
fn numbers<T: Real>(rows: usize, columns: usize) -> DMatrix<T> {
    DMatrix::from_fn(rows, columns, |i, j| T::of((0.7 * i as f64 + 1.3 * j as f64).sin()))
}

/// `Z = W X + b 1ᵀ`, and `∇W = Δ Xᵀ`, `∇b = Δ 1`.
fn layer<T: Real>(criterion: &mut Criterion) {
    for (m, k, n) in [(16, 2, 32), (16, 16, 32), (1, 16, 32), (64, 64, 64), (256, 784, 128), (512, 512, 512)]
    {
        let mut group =
            criterion.benchmark_group(format!("layer {m}x{k}x{n} {}", std::any::type_name::<T>()));
        group.throughput(Throughput::Elements(2 * (m * k * n) as u64));
        let network = Network::new(&[k, m], Activation::Identity);
        let (x, delta, theta) =
            (numbers::<T>(k, n), numbers::<T>(m, n), numbers::<T>((k + 1) * m, 1).column(0).into());
        let (mut cache, mut gradient) = (network.cache(n), gradus::nalgebra::DVector::zeros((k + 1) * m));
        group.bench_function("forward", |bencher| {
            bencher.iter(|| network.forward(&theta, x.as_view(), &mut cache).len());
        });
        group.bench_function("backward", |bencher| {
            bencher
                .iter(|| network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient));
        });
        let (w, mut z) = (numbers::<T>(m, k), numbers::<T>(m, n));
        group.bench_function("nalgebra gemm", |bencher| bencher.iter(|| z.gemm(T::one(), &w, &x, T::zero())));
        group.finish();
    }
}

/// A layer of one input and one unit is its activation.
fn activation<T: Real>(criterion: &mut Criterion) {
    const N: usize = 4096;
    let mut group = criterion.benchmark_group(format!("activation {N} {}", std::any::type_name::<T>()));
    group.throughput(Throughput::Elements(N as u64));
    let (x, theta) = (numbers::<T>(1, N), numbers::<T>(2, 1).column(0).into());
    for activation in [
        Activation::Identity,
        Activation::Relu,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Elu { alpha: 1.0 },
        Activation::Softplus,
        Activation::Silu,
        Activation::Gelu,
    ] {
        let network = Network::with_layers(1, &[(1, activation)]);
        let mut cache = network.cache(N);
        group.bench_function(format!("{activation:?}").to_lowercase(), |bencher| {
            bencher.iter(|| network.forward(&theta, x.as_view(), &mut cache).len());
        });
    }
    let mut copy = x.clone();
    group.bench_function("copy", |bencher| {
        bencher.iter(|| copy.as_mut_slice().copy_from_slice(std::hint::black_box(x.as_slice())));
    });
    group.finish();
}

fn loss<T: Real, L: Loss<T>>(criterion: &mut Criterion, name: &str, loss: &L, outputs: usize) {
    let samples = 4096 / outputs;
    let (z, mut delta) = (numbers::<T>(outputs, samples), numbers::<T>(outputs, samples));
    let y = DMatrix::from_fn(outputs, samples, |i, j| T::of(f64::from(u8::from(i == j % outputs.max(2)))));
    let weights = vec![T::of(1.0 / samples as f64); samples];
    let mut group =
        criterion.benchmark_group(format!("{name} {outputs}x{samples} {}", std::any::type_name::<T>()));
    group.throughput(Throughput::Elements((outputs * samples) as u64));
    group.bench_function("value and gradient", |bencher| {
        bencher.iter(|| loss.value_gradient(z.as_view(), y.as_view(), &weights, delta.as_view_mut()));
    });
    group.bench_function("value", |bencher| bencher.iter(|| loss.value(z.as_view(), y.as_view(), &weights)));
    group.finish();
}

fn kernels(criterion: &mut Criterion) {
    layer::<f32>(criterion);
    layer::<f64>(criterion);
    activation::<f32>(criterion);
    activation::<f64>(criterion);
    loss::<f32, _>(criterion, "squared error", &SquaredError, 1);
    loss::<f32, _>(criterion, "log loss", &LogLoss, 1);
    loss::<f32, _>(criterion, "cross-entropy", &CrossEntropy, 10);
    loss::<f64, _>(criterion, "squared error", &SquaredError, 1);
    loss::<f64, _>(criterion, "log loss", &LogLoss, 1);
    loss::<f64, _>(criterion, "cross-entropy", &CrossEntropy, 10);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300));
    targets = kernels
}
criterion_main!(benches);

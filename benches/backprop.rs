//! One training step: forward, loss, backward, update. Throughput counts the products' floating-point
//! operations: `Gelem/s` reads GFLOP/s.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::{Activation, CrossEntropy, EmpiricalRisk, GradientDescent, Loss, Optimizer, Real, SquaredError};

use by_hand::ByHand;
use nets::{NETS, Net};

#[path = "common/by_hand.rs"]
#[expect(dead_code, reason = "the results are compared in `ratios`")]
mod by_hand;
#[path = "common/nets.rs"]
#[expect(dead_code, reason = "inference stands elsewhere")]
mod nets;

const RATE: f64 = 0.01;

/// Pools to run on: one thread, and two where the crate can use them.
fn pools() -> Vec<rayon::ThreadPool> {
    let counts = if cfg!(feature = "rayon") { &[1, 2][..] } else { &[1] };
    let pool = |&threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    counts.iter().map(|threads| pool(threads).expect("the system has threads")).collect()
}

fn step<T: Real, L: Loss<T> + Copy + Send>(criterion: &mut Criterion, net: &Net, loss: L) {
    let sizes: Vec<_> = net.sizes.iter().map(ToString::to_string).collect();
    let scalar = std::any::type_name::<T>();
    let mut group =
        criterion.benchmark_group(format!("step {} batch {} {scalar}", sizes.join("-"), net.batch));
    group.throughput(Throughput::Elements(net.step_flop() as u64));
    let (x, y) = (net.x::<T>(net.batch), net.y::<T>(net.batch));
    for pool in pools() {
        let threads = pool.current_num_threads();
        for activation in [Activation::Relu, Activation::Sigmoid, Activation::Tanh, Activation::Gelu] {
            if threads > 1 && activation != Activation::Relu {
                continue;
            }
            let mut risk =
                EmpiricalRisk::new(net.network(activation), loss, &x, &y).expect("data fit the net");
            let (mut descent, mut theta) = (GradientDescent::new(T::of(RATE)), net.theta());
            let name = format!("{activation:?} threads {threads}").to_lowercase();
            group.bench_function(name, |bencher| {
                pool.install(|| bencher.iter(|| descent.step(&mut risk, &mut theta)));
            });
        }
    }
    let mut hand = ByHand::<T>::new(net);
    group.bench_function("relu by hand", |bencher| bencher.iter(|| hand.step(T::of(RATE))));
    let mut naive = ByHand::<T>::new(net);
    group.bench_function("relu naive", |bencher| bencher.iter(|| naive.naive_step(T::of(RATE))));
    group.finish();
}

fn steps(criterion: &mut Criterion) {
    for net in NETS {
        match net.outputs() {
            1 => {
                step::<f32, _>(criterion, &net, SquaredError);
                step::<f64, _>(criterion, &net, SquaredError);
            }
            _ => {
                step::<f32, _>(criterion, &net, CrossEntropy);
                step::<f64, _>(criterion, &net, CrossEntropy);
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = steps
}
criterion_main!(benches);

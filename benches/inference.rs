//! Inference into a buffer that is there already, one sample and many. Throughput counts the products'
//! floating-point operations: `Gelem/s` reads GFLOP/s.

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradus::nalgebra::DMatrix;
use gradus::{Activation, Fitted, Real, SquaredError};

use nets::{NETS, Net};

#[path = "common/nets.rs"]
#[expect(dead_code, reason = "training stands elsewhere")]
mod nets;

fn predict<T: Real>(criterion: &mut Criterion, net: &Net) {
    let sizes: Vec<_> = net.sizes.iter().map(ToString::to_string).collect();
    let mut group =
        criterion.benchmark_group(format!("predict {} {}", sizes.join("-"), std::any::type_name::<T>()));
    // the squared error turns scores into nothing else
    let fitted = Fitted::from_parameters(net.network(Activation::Relu), SquaredError, net.theta::<T>());
    let fitted = fitted.expect("parameters fit the net");
    for batch in [1, 1024] {
        let (x, mut out) = (net.x::<T>(batch), DMatrix::zeros(net.outputs(), batch));
        let mut predictor = fitted.predictor(batch);
        group.throughput(Throughput::Elements(net.forward_flop(batch) as u64));
        group.bench_function(format!("batch {batch}"), |bencher| {
            bencher.iter(|| predictor.predict_into(&x, &mut out));
        });
    }
    group.finish();
}

fn inference(criterion: &mut Criterion) {
    for net in NETS {
        predict::<f32>(criterion, &net);
        predict::<f64>(criterion, &net);
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(600));
    targets = inference
}
criterion_main!(benches);

//! Whole fits: least squares, logistic regression by Newton, and epochs of mini-batch training.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::{
    Activation, Adam, CrossEntropy, EmpiricalRisk, LogLoss, Perceptron, SigmoidClassifier, SquaredError,
    Trainer,
};

use nets::Net;
use tables::{linear, logistic};

#[path = "shared/nets.rs"]
#[expect(dead_code, reason = "flops are not counted here")]
mod nets;
#[path = "shared/tables.rs"]
#[expect(dead_code, reason = "the classes stand in another bench")]
mod tables;

const SIZES: [(usize, usize); 2] = [(10_000, 20), (20_000, 100)];

fn regression(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("perceptron fit");
    for (samples, features) in SIZES {
        let table = linear(samples, features);
        group.bench_function(BenchmarkId::from_parameter(format!("{samples}x{features} f64")), |bencher| {
            bencher.iter(|| Perceptron::new(features).fit(&table.x, &table.y).expect("full rank"));
        });
        // what one would write first: normal equations lose half the digits
        group.bench_function(
            BenchmarkId::new("normal equations by hand", format!("{samples}x{features}")),
            |bencher| {
                bencher.iter(|| {
                    let x = table.x.clone().insert_row(features, 1.0);
                    let t = x.transpose();
                    (&x * &t).cholesky().expect("full rank").solve(&(&x * table.y.transpose()))
                });
            },
        );
    }
    group.finish();
}

fn classification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sigmoid classifier fit");
    for (samples, features) in SIZES {
        let table = logistic(samples, features);
        group.bench_function(BenchmarkId::from_parameter(format!("{samples}x{features} f64")), |bencher| {
            bencher.iter(|| {
                let risk = EmpiricalRisk::new(SigmoidClassifier::new(features), LogLoss, &table.x, &table.y);
                risk.expect("data fit").ridge(1e-3).fit().expect("two classes")
            });
        });
    }
    group.finish();
}

fn training(criterion: &mut Criterion) {
    let net = Net { name: "64-64-10", sizes: &[64, 64, 10], batch: 64 };
    let (samples, epochs) = (1438, 5);
    let (x, y, theta) = (net.x::<f32>(samples), net.y::<f32>(samples), net.theta());
    criterion.bench_function(
        &format!("train {} by adam, {samples} samples, {epochs} epochs, f32", net.name),
        |bencher| {
            bencher.iter(|| {
                let risk = EmpiricalRisk::new(net.network(Activation::Relu), CrossEntropy, &x, &y);
                let mut trainer = Trainer::new(Adam::new(1e-3)).epochs(epochs).batch_size(net.batch);
                trainer.train(&mut risk.expect("data fit"), theta.clone()).expect("finite at the start")
            });
        },
    );
    // the whole data as one batch: what an epoch costs without its steps
    let mut risk = EmpiricalRisk::new(net.network(Activation::Relu), SquaredError, &x, &y).expect("data fit");
    criterion.bench_function(&format!("value {} on {samples} samples f32", net.name), |bencher| {
        bencher.iter(|| gradus::Objective::value(&mut risk, &theta));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    targets = regression, classification, training
}
criterion_main!(benches);

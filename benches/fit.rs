//! Whole fits: least squares, logistic regression by Newton or L-BFGS, and epochs of mini-batch training.

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gradus::nalgebra::DVector;
use gradus::{
    Activation, Adam, CrossEntropy, EmpiricalRisk, Lbfgs, LogLoss, Newton, Perceptron, SigmoidClassifier,
    SquaredError, Stop, Trainer, minimize,
};

use nets::Net;
use tables::{linear, logistic};

#[path = "common/nets.rs"]
#[expect(dead_code, reason = "flops are not counted here")]
mod nets;
#[path = "common/tables.rs"]
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

/// Where Newton's Hessians begin to cost more than the gradients of L-BFGS: `fit` takes the cheaper of the two.
fn crossover(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("crossover of logistic fits");
    let stop = Stop::default().gradient(1e-10);
    for (samples, features) in [(5000, 100), (5000, 300), (5000, 600), (5000, 1000), (200, 2000)] {
        let table = logistic(samples, features);
        let risk = || {
            let risk = EmpiricalRisk::new(SigmoidClassifier::new(features), LogLoss, &table.x, &table.y);
            risk.expect("data fit").ridge(1.0 / samples as f64)
        };
        let start = || DVector::zeros(features + 1);
        let id = |name: &str| BenchmarkId::new(name, format!("{samples}x{features}"));
        group.bench_function(id("newton"), |bencher| {
            bencher.iter(|| minimize(&mut Newton::new(), &mut risk(), start(), &stop).expect("finite"));
        });
        group.bench_function(id("l-bfgs"), |bencher| {
            let mut method = Lbfgs::new().memory(20);
            bencher.iter(|| minimize(&mut method, &mut risk(), start(), &stop).expect("finite"));
        });
        group.bench_function(id("fit"), |bencher| bencher.iter(|| risk().fit().expect("two classes")));
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
    targets = regression, classification, crossover, training
}
criterion_main!(benches);

//! Second-order methods to `‖∇f‖∞ ≤ 1e−8` with the verdict, and exact second derivatives of networks.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus::nalgebra::{self, DMatrix, DVector, dvector};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Hessian, HessianProduct, Newton, Objective, Optimizer, Real,
    SecondOrderLoss, SquaredError, Stop, TrustRegion, minimize,
};

use functions::{Ours, Quartic, Valley};
use nets::Net;

#[path = "common/functions.rs"]
mod functions;
#[path = "common/nets.rs"]
#[expect(dead_code, reason = "nothing is trained here")]
mod nets;

const TOLERANCE: f64 = 1e-8;

fn run<O: Hessian<f64>, P: Optimizer<f64, O>>(mut method: P, objective: &mut O, start: &DVector<f64>) -> f64 {
    let stop = Stop::default().gradient(TOLERANCE);
    let report = minimize(&mut method, objective, start.clone(), &stop).expect("the start is finite");
    assert!(report.termination.is_stationary(), "{report}");
    report.value
}

fn methods<O: Hessian<f64>>(criterion: &mut Criterion, name: &str, mut f: O, start: &DVector<f64>) {
    let mut group = criterion.benchmark_group(format!("newton/{name}"));
    group.bench_function("pure", |bencher| bencher.iter(|| run(Newton::pure(), &mut f, start)));
    group.bench_function("safeguarded", |bencher| bencher.iter(|| run(Newton::new(), &mut f, start)));
    group.bench_function("trust region", |bencher| bencher.iter(|| run(TrustRegion::new(), &mut f, start)));
    group.finish();
}

fn minimisation(criterion: &mut Criterion) {
    for n in [2, 10, 100] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        methods(criterion, &format!("rosenbrock {n}"), Ours(Valley(n)), &start);
    }
    methods(criterion, "example A", Ours(Quartic::Bowl), &dvector![4.0, 4.0]);
    methods(criterion, "example B", Ours(Quartic::Saddle), &dvector![4.0, 4.0]);
}

fn dense<L: SecondOrderLoss<f64>>(criterion: &mut Criterion, net: &Net, loss: L) {
    let (x, y, theta) = (net.x(net.batch), net.y(net.batch), net.theta());
    let mut risk = EmpiricalRisk::new(net.network(Activation::Tanh), loss, &x, &y).expect("data fit the net");
    let mut hessian = DMatrix::zeros(theta.len(), theta.len());
    criterion.bench_function(&format!("hessian {} batch {} f64", net.name, net.batch), |bencher| {
        bencher.iter(|| risk.hessian(&theta, &mut hessian));
    });
}

fn product<T: Real>(criterion: &mut Criterion, net: &Net) {
    let (x, y, theta) = (net.x::<T>(net.batch), net.y::<T>(net.batch), net.theta());
    let mut risk =
        EmpiricalRisk::new(net.network(Activation::Tanh), CrossEntropy, &x, &y).expect("data fit the net");
    let (v, mut out) = (theta.clone(), DVector::zeros(theta.len()));
    let mut group =
        criterion.benchmark_group(format!("{} batch {} {}", net.name, net.batch, std::any::type_name::<T>()));
    group.bench_function("gradient", |bencher| bencher.iter(|| risk.value_gradient(&theta, &mut out)));
    group.bench_function("hessian product", |bencher| {
        bencher.iter(|| risk.hessian_product(&theta, &v, &mut out));
    });
    group.finish();
}

fn curvature(criterion: &mut Criterion) {
    dense(criterion, &Net { name: "13-16-16-1", sizes: &[13, 16, 16, 1], batch: 64 }, SquaredError);
    dense(criterion, &Net { name: "64-32-10", sizes: &[64, 32, 10], batch: 256 }, CrossEntropy);
    let net = Net { name: "784-256-128-10", sizes: &[784, 256, 128, 10], batch: 128 };
    product::<f32>(criterion, &net);
    product::<f64>(criterion, &net);
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(800));
    targets = minimisation, curvature
}
criterion_main!(benches);

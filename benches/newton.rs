//! Second-order methods to `‖∇f‖∞ ≤ 1e−8` with the verdict, and exact second derivatives of networks.

use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::{
    Activation, CrossEntropy, Curved, EmpiricalRisk, Hessian, HessianProduct, Newton, Objective, Optimizer,
    Real, SquaredError, Stop, TrustRegion, minimize,
};

use functions::{Quartic, Valley};
use nets::Net;

#[path = "shared/functions.rs"]
mod functions;
#[path = "shared/nets.rs"]
#[expect(dead_code, reason = "nothing is trained here")]
mod nets;

fn run<O: Hessian<f64>, P: Optimizer<f64, O>>(
    method: &mut P,
    objective: &mut O,
    start: &DVector<f64>,
) -> f64 {
    let report = minimize(method, objective, start.clone(), &Stop::default()).expect("the start is finite");
    assert!(report.termination.is_stationary(), "{report}");
    report.value
}

/// The textbook loop in ten lines, for comparison: no verdict, no safeguard.
fn by_hand<O: Hessian<f64>>(objective: &mut O, start: &DVector<f64>) -> f64 {
    let n = start.len();
    let (mut x, mut gradient, mut hessian) = (start.clone(), DVector::zeros(n), DMatrix::zeros(n, n));
    loop {
        let value = objective.value_gradient_hessian(&x, &mut gradient, &mut hessian);
        if gradient.amax() <= 1e-8 {
            return value;
        }
        let step = hessian.clone().lu().solve(&gradient).expect("the Hessian is regular");
        x -= step;
    }
}

fn methods<O: Hessian<f64>>(criterion: &mut Criterion, name: &str, objective: &mut O, start: &DVector<f64>) {
    let mut group = criterion.benchmark_group(name.to_owned());
    group
        .bench_function("newton pure", |bencher| bencher.iter(|| run(&mut Newton::pure(), objective, start)));
    group.bench_function("newton", |bencher| bencher.iter(|| run(&mut Newton::new(), objective, start)));
    group.bench_function("trust region", |bencher| {
        bencher.iter(|| run(&mut TrustRegion::new(), objective, start));
    });
    group.bench_function("pure by hand", |bencher| bencher.iter(|| by_hand(objective, start)));
    group.finish();
}

fn minimisation(criterion: &mut Criterion) {
    for n in [2, 10, 100] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        methods(criterion, &format!("rosenbrock {n}"), &mut Valley(n), &start);
    }
    methods(criterion, "example a from (4, 4)", &mut Quartic::Bowl, &dvector![4.0, 4.0]);
    methods(criterion, "example b from (4, 4)", &mut Quartic::Saddle, &dvector![4.0, 4.0]);
}

fn dense<L: Curved<f64>>(criterion: &mut Criterion, net: &Net, loss: L) {
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

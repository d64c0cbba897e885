//! Second-order methods to `‖∇f‖∞ ≤ 1e−8` with the verdict, beside argmin's Newton, and exact second derivatives of
//! networks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Hessian, HessianProduct, Newton, Objective, Optimizer, Real,
    SecondOrderLoss, SquaredError, Stop, TrustRegion, minimize,
};

use functions::{Formula, Ours, Quartic, Valley};
use nets::Net;

#[path = "shared/argmin.rs"]
mod argmin;
#[path = "shared/functions.rs"]
mod functions;
#[path = "shared/nets.rs"]
#[expect(dead_code, reason = "nothing is trained here")]
mod nets;

const TOLERANCE: f64 = 1e-8;

fn run<O: Hessian<f64>, P: Optimizer<f64, O>>(mut method: P, objective: &mut O, start: &DVector<f64>) -> f64 {
    let stop = Stop::default().gradient(TOLERANCE);
    let report = minimize(&mut method, objective, start.clone(), &stop).expect("the start is finite");
    assert!(report.termination.is_stationary(), "{report}");
    report.value
}

/// The textbook loop in ten lines, for comparison: no verdict, no safeguard.
fn by_hand<O: Hessian<f64>>(objective: &mut O, start: &DVector<f64>) -> f64 {
    let n = start.len();
    let (mut x, mut gradient, mut hessian) = (start.clone(), DVector::zeros(n), DMatrix::zeros(n, n));
    loop {
        let value = objective.value_gradient_hessian(&x, &mut gradient, &mut hessian);
        if gradient.amax() <= TOLERANCE {
            return value;
        }
        let step = hessian.clone().lu().solve(&gradient).expect("the Hessian is regular");
        x -= step;
    }
}

/// The fewest steps that argmin's Newton needs, which it cannot know: it pays for no test.
fn argmin_steps<F: Formula>(formula: &F, start: &DVector<f64>) -> u64 {
    let mut gradient = DVector::zeros(start.len());
    let converged = |steps: &u64| {
        let x = argmin::newton(formula, start.as_slice(), *steps).expect("the Hessian is regular");
        formula.value_gradient(&x, gradient.as_mut_slice());
        gradient.amax() <= TOLERANCE
    };
    (1..=500).find(converged).expect("Newton's method converges from here")
}

/// The methods side by side, and how many times longer argmin takes than each.
fn methods<F: Formula>(criterion: &mut Criterion, name: &str, formula: F, start: &DVector<f64>) {
    let steps = argmin_steps(&formula, start);
    let mut f = Ours(formula);
    let mut group = criterion.benchmark_group(format!("newton/{name}"));
    let mut least = Vec::new();
    let mut bench = |id: &'static str, call: &mut dyn FnMut() -> f64| {
        let mut best = f64::INFINITY;
        group.bench_function(id, |bencher| {
            bencher.iter_custom(|calls| {
                let begin = Instant::now();
                (0..calls).for_each(|_| _ = black_box(call()));
                let elapsed = begin.elapsed();
                best = best.min(elapsed.as_secs_f64() / calls as f64);
                elapsed
            });
        });
        least.push((id, best));
    };
    bench("gradus pure", &mut || run(Newton::pure(), &mut f, start));
    bench("gradus safeguarded", &mut || run(Newton::new(), &mut f, start));
    bench("gradus trust region", &mut || run(TrustRegion::new(), &mut f, start));
    bench("pure by hand", &mut || by_hand(&mut f, start));
    bench("argmin newton", &mut || argmin::newton(&f.0, start.as_slice(), steps).expect("it did before")[0]);
    group.finish();
    if let Some((_, theirs)) = least.pop().filter(|(_, theirs)| theirs.is_finite()) {
        for (id, ours) in least.iter().filter(|(_, ours)| ours.is_finite()) {
            println!("{name:<16} argmin newton / {id:<20} {:.2}", theirs / ours);
        }
    }
}

fn minimisation(criterion: &mut Criterion) {
    for n in [2, 10, 100] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        methods(criterion, &format!("rosenbrock {n}"), Valley(n), &start);
    }
    methods(criterion, "example A", Quartic::Bowl, &dvector![4.0, 4.0]);
    methods(criterion, "example B", Quartic::Saddle, &dvector![4.0, 4.0]);
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

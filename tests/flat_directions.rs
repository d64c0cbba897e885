//! Hessians that are singular by construction: softmax scores, dependent features.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;
use tables::standardised;

/// An optimizer of each kind that solves with the dense Hessian, by name.
fn run<O: Hessian<f64>>(name: &str, f: &mut O) -> Report<f64> {
    let (start, stop) = (DVector::zeros(f.dim()), Stop::default());
    match name {
        "newton" => minimize(&mut Newton::new(), f, start, &stop),
        "trust region" => minimize(&mut TrustRegion::new(), f, start, &stop),
        _ => minimize(&mut Newton::pure(), f, start, &stop),
    }
    .unwrap()
}

const METHODS: [&str; 3] = ["newton", "trust region", "pure"];

/// Whatever the order of the samples: nothing moves along equal biases.
#[test]
fn softmax_biases_sum_to_zero() {
    let (x, labels) = standardised("iris");
    let reference = json::Json::parse(&tables::read("tests/data/linear_models.json"));
    let intercepts = tables::vector(reference.get("cases").get("softmax_iris").get("intercept"));
    for stride in [1, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 149] {
        let order: Vec<usize> = (0..150).map(|j| j * stride % 150).collect();
        let x = x.select_columns(&order);
        let labels: Vec<usize> = order.iter().map(|j| labels[*j] as usize).collect();
        let y = data::one_hot(&labels, 3).unwrap();
        let model = Perceptron::new(4).with_outputs(3);
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y).unwrap().ridge(1.0 / 150.0);
        let fitted = risk.fit().unwrap().report;
        let runs = METHODS.map(|name| run(name, &mut risk));
        for (name, report) in METHODS.iter().zip(&runs).chain([(&"fit", &fitted)]) {
            let bias = report.x.rows(12, 3);
            println!("{name} {stride}: {} steps, {bias:?} {:e}", report.iterations, bias.sum());
            assert!(report.converged() && report.iterations < 20, "{name}: {report}");
            assert!(
                report.kind() == Some(CriticalKind::Degenerate) && report.modified == 0,
                "{name}: {report}"
            );
            assert!(report.certificate.as_ref().unwrap().convex);
            assert!(bias.sum().abs() < 1e-9, "{name}: {}", bias.sum());
            assert!((bias - &intercepts).amax() < 1e-6, "{name}: {bias}");
        }
    }
}

/// The third feature is made of the others: of all minima the shortest.
#[test]
fn dependent_features_share_their_weight() {
    let (x, labels) = standardised("iris");
    for (a, b) in
        [(1.0, 1.0), (1.0, -1.0), (0.5, 0.25), (3.0, 1.0 / 7.0), (1.0 / 3.0, 0.0), (10.0, 0.1), (0.1, 0.1)]
    {
        let x = DMatrix::from_fn(3, 100, |i, j| match i {
            2 => a * x[(1, 50 + j)] + b * x[(0, 50 + j)],
            i => x[(i, 50 + j)],
        });
        let y = DMatrix::from_fn(1, 100, |_, j| if labels[50 + j] > 1.0 { 1.0 } else { 0.0 });
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(3), LogLoss, &x, &y).unwrap();
        // two features determine the scores
        let two = x.rows(0, 2).into_owned();
        let mut determined = EmpiricalRisk::new(SigmoidClassifier::new(2), LogLoss, &two, &y).unwrap();
        let determined = determined.fit().unwrap().report;
        let (w0, w1) = (determined.x[0], determined.x[1]);
        // (w0 − b t, w1 − a t, t) of least norm
        let t = (w0 * b + w1 * a) / (1.0 + a * a + b * b);
        let expected = DVector::from_vec(vec![w0 - b * t, w1 - a * t, t, determined.x[2]]);
        for name in METHODS {
            let report = run(name, &mut risk);
            println!("{a} {b} {name}: {} steps, {:e}", report.iterations, (&report.x - &expected).amax());
            assert!(report.converged(), "{name}: {report}");
            assert!((&report.x - &expected).amax() < 1e-6, "{name}: {} {expected}", report.x);
        }
    }
}

/// f = x + y²/2 falls along its flat direction, and x² y² is no bowl at its axis.
#[test]
fn what_falls_along_a_flat_direction_is_followed() {
    let fall = || {
        Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
            g.copy_from_slice(&[1.0, x[1]]);
            x[0] + 0.5 * x[1] * x[1]
        })
        .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| h.copy_from_slice(&[0.0, 0.0, 0.0, 1.0]))
    };
    for name in &METHODS[..2] {
        let report = run(name, &mut fall());
        assert!(!report.converged() && report.value < -1e3, "{name}: {report}");
    }
}

/// A value and its derivatives.
type Jet = (f64, [f64; 2], [f64; 3]);

/// Ordinary minima at zero, and flat ones, by value, gradient and `(H_xx, H_xy, H_yy)`.
fn bowl(which: usize, x: f64, y: f64) -> Jet {
    match which {
        0 => (x * x + 3.0 * y * y, [2.0 * x, 6.0 * y], [2.0, 0.0, 6.0]),
        1 => {
            let f = x * x + y * y + x.powi(3) * y + x.powi(4);
            let g = [2.0 * x + 3.0 * x * x * y + 4.0 * x.powi(3), 2.0 * y + x.powi(3)];
            (f, g, [2.0 + 6.0 * x * y + 12.0 * x * x, 3.0 * x * x, 2.0])
        }
        2 => {
            let r = x * x * x - x;
            let slope = 3.0 * x * x - 1.0;
            (r * r + y * y, [2.0 * r * slope, 2.0 * y], [2.0 * (slope * slope + 6.0 * x * r), 0.0, 2.0])
        }
        3 => {
            let h = [12.0 * x * x, 0.0, 12.0 * y * y];
            (x.powi(4) + y.powi(4), [4.0 * x.powi(3), 4.0 * y.powi(3)], h)
        }
        _ => {
            let r = x * x + y * y - 1.0;
            let h = [4.0 * r + 8.0 * x * x, 8.0 * x * y, 4.0 * r + 8.0 * y * y];
            (r * r, [4.0 * r * x, 4.0 * r * y], h)
        }
    }
}

/// What a method has called converged stays so when its curvature is asked for, wherever the minimum lies, whatever its value.
fn certificates_take_nothing_back<T: Real>(seed: u64, least: usize, most: usize) {
    let mut draw = draw::Draw::new(seed);
    let (mut converged, mut taken) = (0, [0; 2]);
    for case in 0..600 {
        let (which, at, value) = (case % 5, [0.0, 1.0][case / 5 % 2], [0.0, 1.0][case / 10 % 2]);
        let jet = move |x: &DVector<T>| bowl(which, x[0].f64() - at, x[1].f64() - at);
        let mut f = Function::new(2, move |x: &DVector<T>, g: &mut DVector<T>| {
            let (f, slopes, _) = jet(x);
            g.copy_from_slice(&slopes.map(T::of));
            T::of(f + value)
        })
        .with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
            let [xx, xy, yy] = jet(x).2;
            h.copy_from_slice(&[xx, xy, xy, yy].map(T::of));
        });
        let start = DVector::from_fn(2, |_, _| T::of(at + 1.5 * draw.unit()));
        let stop = Stop::default();
        let methods: [&mut dyn Optimizer<T, _>; 6] = [
            &mut Newton::new(),
            &mut TrustRegion::new(),
            &mut Lbfgs::new(),
            &mut Bfgs::new(),
            &mut ConjugateGradient::new(),
            &mut GradientDescent::new(T::of(0.02)),
        ];
        for method in methods {
            let report = minimize(method, &mut f, start.clone(), &stop).unwrap();
            if !report.converged() {
                continue;
            }
            converged += 1;
            let (mut dense, mut by_products) = (report.clone(), report);
            dense.certify(&mut f).unwrap();
            by_products.certify_by_products(&mut f).unwrap();
            for (taken, after) in taken.iter_mut().zip([&dense, &by_products]) {
                let is_flat = which > 2 || after.kind() == Some(CriticalKind::Minimum);
                *taken += usize::from(!(after.converged() && is_flat));
            }
        }
    }
    println!("{converged} converged, {taken:?} taken back");
    assert!(converged > least && taken.iter().all(|taken| *taken <= most), "{converged} {taken:?}");
}

#[test]
fn a_certificate_does_not_take_a_minimum_back() {
    certificates_take_nothing_back::<f64>(17, 2500, 6);
    certificates_take_nothing_back::<f32>(18, 2000, 6);
}

/// `½ (aᵀx − b)²`: a plane of minima, of value zero, is no way to infinity, and no point of a line of minima lies lower.
#[test]
fn planes_and_lines_of_minima() {
    let mut draw = draw::Draw::new(5);
    let (mut lost, mut lower) = (0, 0);
    for case in 0..3000 {
        let big = [1.0, 8.0, 64.0, 1024.0][case % 4];
        let (a, b) = ([-5.0, -10.0, big], 5.0 * draw.unit() * big);
        let mut f = Function::new(3, move |x: &DVector<f64>, g: &mut DVector<f64>| {
            let r = a[0] * x[0] + a[1] * x[1] + a[2] * x[2] - b;
            g.copy_from_slice(&a.map(|a| a * r));
            0.5 * r * r
        })
        .with_hessian(move |_, h: &mut DMatrix<f64>| {
            h.copy_from(&DMatrix::from_fn(3, 3, |i, j| a[i] * a[j]));
        });
        let start = DVector::from_fn(3, |_, _| 5.0 * draw.unit());
        let stop = Stop::default();
        for report in [
            minimize(&mut Newton::new(), &mut f, start.clone(), &stop),
            minimize(&mut TrustRegion::new(), &mut f, start, &stop),
        ] {
            lost += usize::from(!report.unwrap().converged());
        }
        let b = [5.0 * draw.unit(), 5.0 * draw.unit()];
        let mut f = Function::new(2, move |x: &DVector<f64>, g: &mut DVector<f64>| {
            let r = [7.0 * x[0] + 14.0 * x[1] - b[0], x[0] + 2.0 * x[1] - b[1]];
            g.copy_from_slice(&[7.0 * r[0] + r[1], 14.0 * r[0] + 2.0 * r[1]]);
            0.5 * (r[0] * r[0] + r[1] * r[1])
        })
        .with_hessian(|_, h: &mut DMatrix<f64>| h.copy_from_slice(&[50.0, 100.0, 100.0, 200.0]));
        let start = DVector::from_fn(2, |_, _| 5.0 * draw.unit());
        let mut report = minimize(&mut Lbfgs::new(), &mut f, start, &stop).unwrap();
        let was = report.converged();
        report.certify(&mut f).unwrap();
        lower += usize::from(was && !report.converged());
    }
    println!("{lost} of 6000 lost, {lower} of 3000 taken back");
    assert!(lost <= 3 && lower <= 12, "{lost} {lower}");
}

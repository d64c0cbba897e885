//! Newton's method: the textbook iteration to the digit, and the safeguarded one to a true minimum.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::optimizer::Outcome;
use gradus::{
    CriticalKind, Error, Function, Hessian, Newton, Optimizer, Report, Stop, Termination, minimize,
    problems::{Problem, Rosenbrock},
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

#[path = "support/problems.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod more_problems;
use more_problems::problem;

type Value = fn(&DVector<f64>, &mut DVector<f64>) -> f64;
type Curvature = fn(&DVector<f64>, &mut DMatrix<f64>);

fn function(dim: usize, value: Value, hessian: Curvature) -> impl Hessian<f64> {
    Function::new(dim, value).with_hessian(hessian)
}

const SHALLOW: [f64; 2] = [0.002_582_454_519_14, 0.020_638_385_966_18];
const GLOBAL: [f64; 2] = [-0.211_793_484_365_63, -1.892_693_146_234_43];

fn at(report: &Report<f64>, point: [f64; 2]) -> bool {
    (report.x[0] - point[0]).hypot(report.x[1] - point[1]) < 1e-6
}

#[test]
fn example_a_to_the_digit() {
    let (mut f, mut newton) = (problem("quartic bowl"), Newton::pure());
    let mut x: DVector<f64> = dvector![4.0, 4.0];
    let iterates = [
        [2.582_738_66, 2.621_288_84],
        [1.592_256_91, 1.674_816_11],
        [0.870_589_17, 1.001_821_07],
        [0.335_194_31, 0.493_976_23],
        [0.041_235_85, 0.125_459_03],
    ];
    for expected in iterates {
        newton.step(&mut f, &mut x).unwrap();
        assert!((x[0] - expected[0]).abs() < 6e-9 && (x[1] - expected[1]).abs() < 6e-9, "{x}");
    }
    newton.step(&mut f, &mut x).unwrap();
    assert!((x[0] - 1.9466e-4).abs() < 6e-9 && (x[1] - 3.010_29e-3).abs() < 6e-9, "{x}");
    newton.step(&mut f, &mut x).unwrap();
    assert!((x[0] + 2.485e-8).abs() < 6e-12 && (x[1] - 3.554e-8).abs() < 6e-12, "{x}");
    newton.step(&mut f, &mut x).unwrap();
    // cancellation leaves a few units of 1e−17: (4.16e−17, −2.05e−17) in exact arithmetic
    assert!(x.amax() < 1e-16, "{x}");

    let report = minimize(&mut Newton::pure(), &mut f, dvector![4.0, 4.0], &Stop::default()).unwrap();
    assert_eq!((report.iterations, report.kind()), (8, Some(CriticalKind::Minimum)));
    assert!(report.converged());
    let eigenvalues = report.certificate.unwrap().eigenvalues().clone();
    assert!((eigenvalues - dvector![6.0 - 5f64.sqrt(), 6.0 + 5f64.sqrt()]).amax() < 1e-12);
}

#[test]
fn pure_newton_takes_example_b_where_the_textbook_says() {
    let (mut f, mut newton) = (Problem::QuarticSaddle, Newton::pure());
    let mut x: DVector<f64> = dvector![4.0, 4.0];
    let first = newton.step(&mut f, &mut x).unwrap();
    assert_eq!(first.gradient_norm, 293.6);
    assert!((x[0] - 2.581_481_485).abs() < 6e-10 && (x[1] - 2.525_356_408).abs() < 6e-10);
    newton.step(&mut f, &mut x).unwrap();
    assert!((x[0] - 1.589_243_96).abs() < 6e-9 && (x[1] - 1.564_946_841).abs() < 6e-10);

    let report = minimize(&mut Newton::pure(), &mut f, dvector![4.0, 4.0], &Stop::default()).unwrap();
    assert!(report.converged() && at(&report, SHALLOW));
    assert!((report.value + 8.9222e-6).abs() < 6e-11);

    let report = minimize(&mut Newton::pure(), &mut f, dvector![0.05, 0.0], &Stop::default()).unwrap();
    assert_eq!((report.kind(), report.converged()), (Some(CriticalKind::Saddle), false));
    assert_eq!(report.termination, Termination::GradientTolerance);
    let point = &report.certificate.as_ref().unwrap();
    assert!((point.eigenvalues()[0] - (4.0 - 17f64.sqrt())).abs() < 1e-5);
    assert!(report.to_string().starts_with("not converged: the gradient met its tolerance, but at a saddle"));
    let error = report.into_converged().unwrap_err();
    assert!(matches!(error, Error::NotConverged { obstacle: Some("at a saddle"), .. }));
    assert!(error.to_string().contains("the gradient met its tolerance, but at a saddle"), "{error}");
}

#[test]
fn safeguarded_newton_ends_example_b_on_a_minimum() {
    for start in [dvector![4.0, 4.0], dvector![0.05, 0.0], dvector![0.0, 0.0]] {
        let report =
            minimize(&mut Newton::new(), &mut Problem::QuarticSaddle, start.clone(), &Stop::default())
                .unwrap();
        assert!(report.converged() && report.kind() == Some(CriticalKind::Minimum), "{start}{report}");
        assert!(at(&report, SHALLOW) || at(&report, GLOBAL));
        assert_eq!(report.escapes > 0, start == dvector![0.0, 0.0]);
    }
}

fn grid() -> impl Iterator<Item = DVector<f64>> {
    (0..41).flat_map(|i| (0..41).map(move |j| dvector![-4.0 + 0.2 * f64::from(i), -4.0 + 0.2 * f64::from(j)]))
}

#[test]
fn a_grid_of_starts_by_the_textbook() {
    let (mut shallow, mut global, mut saddle) = (0, 0, 0);
    for start in grid() {
        let report =
            minimize(&mut Newton::pure(), &mut Problem::QuarticSaddle, start, &Stop::default()).unwrap();
        match report.kind() {
            Some(CriticalKind::Minimum) if at(&report, SHALLOW) => shallow += 1,
            Some(CriticalKind::Minimum) if at(&report, GLOBAL) => global += 1,
            Some(CriticalKind::Saddle) if at(&report, [0.0, 0.0]) && !report.converged() => saddle += 1,
            _ => panic!("{report}"),
        }
    }
    assert_eq!((shallow, global, saddle), (881, 617, 183));
}

#[test]
fn a_grid_of_starts_with_safeguards() {
    let mut escapes = 0;
    for start in grid() {
        let report =
            minimize(&mut Newton::new(), &mut Problem::QuarticSaddle, start, &Stop::default()).unwrap();
        assert!(report.converged() && report.kind() == Some(CriticalKind::Minimum), "{report}");
        assert!(at(&report, SHALLOW) || at(&report, GLOBAL));
        escapes += report.escapes;
    }
    assert!(escapes >= 1);
}

#[test]
fn one_step_is_the_solution_of_a_quadratic() {
    // f = 2x² + 3y² − xy
    let mut f = function(
        2,
        |p, g| {
            g.copy_from(&dvector![4.0 * p[0] - p[1], 6.0 * p[1] - p[0]]);
            2.0 * p[0] * p[0] + 3.0 * p[1] * p[1] - p[0] * p[1]
        },
        |_, h| h.copy_from(&dmatrix![4.0, -1.0; -1.0, 6.0]),
    );
    for mut newton in [Newton::new(), Newton::pure()] {
        let report = minimize(&mut newton, &mut f, dvector![4.0, -7.0], &Stop::default()).unwrap();
        assert_eq!((report.iterations, report.modified, report.escapes), (1, 0, 0));
        let eigenvalues = report.certificate.unwrap().eigenvalues().clone();
        assert!((eigenvalues - dvector![3.585_786_437_626_905, 6.414_213_562_373_095]).amax() < 1e-14);
    }
}

fn landing_saddle() -> impl Hessian<f64> {
    function(
        2,
        |p, g| {
            g.copy_from(&dvector![2.0 * p[0], -2.0 * p[1] + 4.0 * p[1].powi(3)]);
            p[0] * p[0] - p[1] * p[1] + p[1].powi(4)
        },
        |p, h| h.copy_from(&dmatrix![2.0, 0.0; 0.0, -2.0 + 12.0 * p[1] * p[1]]),
    )
}

#[test]
fn a_saddle_reached_in_one_step_is_left() {
    let report =
        minimize(&mut Newton::pure(), &mut landing_saddle(), dvector![1.0, 0.0], &Stop::default()).unwrap();
    assert_eq!((report.iterations, report.kind()), (1, Some(CriticalKind::Saddle)));
    let report =
        minimize(&mut Newton::new(), &mut landing_saddle(), dvector![1.0, 0.0], &Stop::default()).unwrap();
    assert!(report.escapes == 1 && report.converged() && (report.value + 0.25).abs() < 1e-14, "{report}");
}

#[test]
fn unbounded_functions_end_honestly() {
    let mut f = function(
        2,
        |p, g| {
            g.copy_from(&dvector![2.0 * p[0], -2.0 * p[1]]);
            p[0] * p[0] - p[1] * p[1]
        },
        |_, h| h.copy_from(&dmatrix![2.0, 0.0; 0.0, -2.0]),
    );
    for start in [dvector![1.0, 0.0], dvector![1.0, 1.0], dvector![0.0, 0.0]] {
        let report = minimize(&mut Newton::new(), &mut f, start, &Stop::default()).unwrap();
        assert!(!report.converged() && report.x.iter().all(|x| x.is_finite()), "{report}");
    }
    // a straight slope has no curvature at all
    let mut line = function(
        1,
        |p, g| {
            g[0] = 1.0;
            p[0]
        },
        |_, h| h[(0, 0)] = 0.0,
    );
    let report = minimize(&mut Newton::new(), &mut line, dvector![0.0], &Stop::default()).unwrap();
    assert!(!report.converged() && report.modified > 0);
    let report = minimize(&mut Newton::pure(), &mut line, dvector![0.0], &Stop::default()).unwrap();
    assert_eq!((report.termination, report.iterations), (Termination::NoDescent, 0));
}

#[test]
fn the_textbook_iteration_cycles_where_the_textbook_says() {
    // f' = x³ − 2x + 2 cycles 0 → 1 → 0
    let mut f = function(
        1,
        |p, g| {
            let x = p[0];
            g[0] = x.powi(3) - 2.0 * x + 2.0;
            x.powi(4) / 4.0 - x * x + 2.0 * x
        },
        |p, h| h[(0, 0)] = 3.0 * p[0] * p[0] - 2.0,
    );
    let mut x = dvector![0.0];
    let mut pure = Newton::pure();
    for expected in [1.0, 0.0, 1.0, 0.0] {
        assert_eq!(pure.step(&mut f, &mut x).unwrap().outcome, Outcome::Moved);
        assert_eq!(x[0], expected);
    }
    let report = minimize(&mut Newton::new(), &mut f, dvector![0.0], &Stop::default()).unwrap();
    assert!(report.converged() && (report.x[0] + 1.769_292_354_238_631).abs() < 1e-10, "{report}");
}

#[test]
fn rosenbrock_in_many_dimensions() {
    for n in [2, 10, 100] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        let report =
            minimize(&mut Newton::pure(), &mut Rosenbrock::new(n), start.clone(), &Stop::default()).unwrap();
        assert!(report.converged() && (report.x.add_scalar(-1.0)).amax() < 1e-8, "{report}");
        let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(n), start, &Stop::default()).unwrap();
        assert_eq!(report.kind(), Some(CriticalKind::Minimum), "{report}");
        assert!(report.converged() && report.iterations < 600, "{report}");
    }
}

#[test]
fn single_precision() {
    for (mut newton, n) in [(Newton::<f32>::new(), 2), (Newton::pure(), 2), (Newton::new(), 10)] {
        let start = DVector::from_fn(n, |i, _| if i % 2 == 0 { -1.2 } else { 1.0 });
        let report = minimize(&mut newton, &mut Rosenbrock::new(n), start, &Stop::default()).unwrap();
        assert_eq!(report.kind(), Some(CriticalKind::Minimum), "{report}");
    }
}

/// What is evaluated ahead is used in runs only: steps taken one by one see the function as it is at each.
#[test]
fn a_single_step_looks_at_its_own_function() -> Result<(), Error> {
    let bowl = |centre: f64| {
        Function::new(1, move |x: &DVector<f64>, g: &mut DVector<f64>| {
            g[0] = x[0] - centre;
            0.5 * (x[0] - centre).powi(2)
        })
        .with_hessian(|_: &DVector<f64>, h: &mut DMatrix<f64>| h[(0, 0)] = 1.0)
    };
    let (mut newton, mut x) = (Newton::new(), dvector![5.0]);
    minimize(&mut newton, &mut bowl(1.0), x.clone(), &Stop::default())?;
    for centre in [3.0, -2.0, 7.0] {
        let from = x[0];
        let step = newton.step(&mut bowl(centre), &mut x)?;
        assert_eq!((step.value, x[0]), (0.5 * (from - centre).powi(2), centre));
    }
    // full steps all the way: one evaluation a point
    let report = minimize(&mut newton, &mut bowl(1.0), x, &Stop::default())?;
    assert_eq!((report.iterations, report.evaluations, report.x[0]), (1, 2, 1.0));
    Ok(())
}

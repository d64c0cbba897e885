//! The test problems, those of the crate and those that only tests need, have the derivatives and the stationary
//! points they claim.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::check::{self, Verdict};
use gradus::problems::{Problem, Rosenbrock, StationaryPoint};
use gradus::{CriticalKind, Hessian, HessianProduct, Objective, Real};
use nalgebra::{DMatrix, DVector};

#[path = "support/json.rs"]
mod json;
#[path = "support/problems.rs"]
mod more_problems;
#[path = "support/stationary_points.rs"]
mod stationary_points;

use json::Json;
use more_problems::{classics, more_garbow_hillstrom, problem};
use stationary_points::STATIONARY_POINTS;

/// Computed in 50-digit arithmetic; twelve public problems of Moré, Garbow and Hillstrom.
const REFERENCE: &str = include_str!("data/mgh_minimisers.json");

/// An objective with a dense Hessian and its products.
trait Full<T: Real>: Hessian<T> + HessianProduct<T> {}
impl<T: Real, F: Hessian<T> + HessianProduct<T>> Full<T> for F {}

/// A test problem with its start and its known stationary points.
struct Known<T: Real> {
    name: String,
    f: Box<dyn Full<T>>,
    start: DVector<T>,
    points: &'static [StationaryPoint],
}

/// All of them: the crate's, and those of the tests of which stationary points are known.
fn all<T: Real>() -> Vec<Known<T>> {
    let own = Problem::ALL.into_iter().map(|f| Known {
        name: f.to_string(),
        f: Box::new(f),
        start: f.start(),
        points: f.stationary_points(),
    });
    let points = |name: &str| STATIONARY_POINTS.iter().find(|known| known.0 == name).map(|known| known.1);
    let tests = classics().into_iter().chain(more_garbow_hillstrom()).filter_map(|f| {
        let (name, start) = (f.id.to_owned(), DVector::from_vec(f.start.clone()).map(T::of));
        Some(Known { points: points(&name)?, name, f: Box::new(f), start })
    });
    let valley = Rosenbrock::new(2);
    let valley = Known {
        name: "Rosenbrock".to_owned(),
        f: Box::new(valley),
        start: valley.start(),
        points: points("01").unwrap_or_default(),
    };
    let all: Vec<_> = own.chain([valley]).chain(tests).collect();
    assert_eq!(all.len(), Problem::ALL.len() + 1 + STATIONARY_POINTS.len());
    all
}

/// The problems of all cases of the reference, each by its number in the paper or its name.
fn cases<T: Real>(mut test: impl FnMut(&Json, Known<T>)) {
    let (reference, mut seen) = (Json::parse(REFERENCE), 0);
    for case in reference.get("problems").items() {
        let names = [case.get("id").text(), case.get("name").text()];
        for known in all::<T>() {
            if names.contains(&known.name.to_lowercase().as_str()) {
                test(case, known);
                seen += 1;
            }
        }
    }
    // twelve by their formula in the tests, of which the crate has two
    assert_eq!(seen, 14);
}

fn close<T: Real>(found: &[T], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(f64::MIN_POSITIVE, |m, e| m.max(e.abs()));
    for (f, e) in found.iter().zip(expected) {
        assert!((f.f64() - e).abs() <= tolerance * size, "{what}: {f} for {e}");
    }
}

fn values_and_derivatives_at_the_start<T: Real>(tolerance: f64) {
    cases::<T>(|case, Known { name, mut f, start, .. }| {
        let n = start.len();
        close(start.as_slice(), &case.get("x0").numbers(), tolerance, &name);
        let (mut g, mut h) = (DVector::zeros(n), DMatrix::zeros(n, n));
        let value = f.value_gradient(&start, &mut g);
        f.hessian(&start, &mut h);
        close(&[value, f.value(&start)], &[case.get("f0").number(); 2], tolerance, &name);
        close(g.as_slice(), &case.get("grad0").numbers(), tolerance, &name);
        close(h.as_slice(), &case.get("hess0").flat(), tolerance, &name);
        let v = DVector::from_fn(n, |i, _| T::of(1.0 - 0.25 * i as f64));
        let mut hv = DVector::zeros(n);
        f.hessian_product(&start, &v, &mut hv);
        let expected: Vec<f64> = (&h * &v).iter().map(|x| x.f64()).collect();
        close(hv.as_slice(), &expected, tolerance, &name);
    });
}

#[test]
fn value_gradient_and_hessian_at_the_start_are_those_of_50_digit_arithmetic() {
    values_and_derivatives_at_the_start::<f64>(1e-13);
    values_and_derivatives_at_the_start::<f32>(1e-6);
}

#[test]
fn the_minimisers_are_those_of_50_digit_arithmetic() {
    cases::<f64>(|case, known| {
        let solved = problem(case.get("id").text());
        for minimiser in case.get("minimisers_reached").items() {
            let (x, f) = (minimiser.get("x").numbers(), minimiser.get("f").number());
            let found = known.points.iter().any(|point| {
                let apart = point.x.iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                apart < 2e-14 * x.iter().fold(1.0, |m: f64, x| m.max(x.abs()))
                    && (point.value - f).abs() <= 1e-14 * f.abs()
            });
            assert!(found && solved.is_solved(f), "{}: {x:?}", known.name);
        }
    });
}

/// `∇f = 0`, `f` as printed, and eigenvalues of the signs that the kind asks for.
#[test]
fn stationary_points_are_stationary_and_of_their_kind() {
    for Known { name, mut f, start, points } in all::<f64>() {
        assert!(!points.is_empty(), "{name}");
        for point in points {
            let (n, x) = (start.len(), point.point::<f64>());
            let (mut g, mut h) = (DVector::zeros(n), DMatrix::zeros(n, n));
            let value = f.value_gradient_hessian(&x, &mut g, &mut h);
            assert!((value - point.value).abs() <= 1e-13 * point.value.abs().max(1e-10), "{name}: {value}");
            // as near to zero as the rounding of x allows: ‖∇f‖ ≲ ε ‖H‖ ‖x‖, entry by entry
            for i in 0..n {
                let bound: f64 = (0..n).map(|j| h[(i, j)].abs() * x[j].abs()).sum();
                assert!(g[i].abs() <= 1e-13 * bound.max(1.0), "{name} at {:?}: {g}", point.x);
            }
            let eigenvalues = h.symmetric_eigenvalues();
            let zero = 1e-10 * eigenvalues.amax();
            let up = eigenvalues.iter().filter(|e| **e > zero).count();
            let down = eigenvalues.iter().filter(|e| **e < -zero).count();
            let badly_scaled = ["03", "04"].contains(&name.as_str());
            let kind = match (up, down) {
                (up, 0) if up == n || badly_scaled => CriticalKind::Minimum,
                (0, down) if down == n => CriticalKind::Maximum,
                (1.., 1..) => CriticalKind::Saddle,
                _ => CriticalKind::Degenerate,
            };
            assert_eq!(kind, point.kind, "{name} at {:?}: {eigenvalues}", point.x);
        }
    }
}

fn derivatives_are_those_of_the_value<T: Real>() {
    for Known { name, mut f, start, .. } in all::<T>() {
        // off the symmetries of the start
        let x = start.map_with_location(|i, _, x| x + T::of(0.05 / (2.0 + i as f64)));
        for report in [
            check::gradient(&mut *f, &x).unwrap(),
            check::hessian(&mut *f, &x).unwrap(),
            check::hessian_product(&mut *f, &x).unwrap(),
        ] {
            let wrong = report.with_verdict(Verdict::Failed).count();
            assert_eq!(wrong, 0, "{name}\n{report}");
            // 04: values of 10¹² drown a slope of 0.07; elsewhere one entry may be below the noise
            let told = T::EPSILON.f64() < 1e-10 && name != "04";
            let undecided = report.with_verdict(Verdict::Undecided).count();
            assert!(undecided <= 1 || !told, "{name}\n{report}");
        }
    }
    for n in [0, 1, 2, 3, 7] {
        let mut f = Rosenbrock::new(n);
        let x = f.start::<T>().map_with_location(|i, _, x| x + T::of(0.125 * i as f64));
        if n > 1 {
            assert!(check::gradient(&mut f, &x).unwrap().passed());
            assert!(check::hessian(&mut f, &x).unwrap().passed());
            assert!(check::hessian_product(&mut f, &x).unwrap().passed());
        } else {
            assert!(Objective::<T>::value(&mut f, &x) == T::zero());
        }
    }
}

#[test]
fn derivatives_agree_with_differences_f64() {
    derivatives_are_those_of_the_value::<f64>();
}

#[test]
fn derivatives_agree_with_differences_f32() {
    derivatives_are_those_of_the_value::<f32>();
}

#[test]
fn a_wrong_length_is_answered_by_nan_and_nothing_is_written() {
    let (long, mut g, mut h) =
        (DVector::<f64>::zeros(5), DVector::repeat(5, 7.0), DMatrix::repeat(5, 5, 7.0));
    for f in [&mut Problem::Beale as &mut dyn Full<f64>, &mut Rosenbrock::new(4)] {
        assert!(f.value(&long).is_nan() && f.value_gradient(&long, &mut g).is_nan());
        f.hessian(&long, &mut h);
        f.hessian_product(&long, &long, &mut g);
    }
    assert!(g.iter().chain(h.iter()).all(|x| *x == 7.0));
}

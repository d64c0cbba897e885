//! The test problems have the derivatives and the stationary points they claim.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::check;
use gradus::problems::{Problem, Rosenbrock};
use gradus::{CriticalKind, Hessian, HessianProduct, Objective, Real};
use nalgebra::{DMatrix, DVector};

#[path = "support/json.rs"]
mod json;
use json::Json;

/// Computed in 50-digit arithmetic; the twelve public problems of Moré, Garbow and Hillstrom.
const REFERENCE: &str = include_str!("data/mgh_minimisers.json");

fn problem(name: &str) -> Option<Problem> {
    Some(match name {
        "freudenstein_roth" => Problem::FreudensteinRoth,
        "beale" => Problem::Beale,
        "helical_valley" => Problem::HelicalValley,
        "bard" => Problem::Bard,
        "powell_singular" => Problem::PowellSingular,
        "wood" => Problem::Wood,
        "brown_dennis_m20" => Problem::BrownDennis,
        "watson_n6" => Problem::Watson,
        "trigonometric_n10" => Problem::Trigonometric,
        "chebyquad_n8" => Problem::Chebyquad,
        _ => return None,
    })
}

fn close<T: Real>(found: &[T], expected: &[f64], tolerance: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(f64::MIN_POSITIVE, |m, e| m.max(e.abs()));
    for (f, e) in found.iter().zip(expected) {
        assert!((f.f64() - e).abs() <= tolerance * size, "{what}: {f} for {e}");
    }
}

fn matches_at_the_start<T: Real, O>(objective: &mut O, start: &DVector<T>, case: &Json, tolerance: f64)
where
    O: Objective<T> + Hessian<T> + HessianProduct<T>,
{
    let (n, name) = (start.len(), case.get("name").text());
    close(start.as_slice(), &case.get("x0").numbers(), tolerance, name);
    let (mut g, mut h) = (DVector::zeros(n), DMatrix::zeros(n, n));
    let value = objective.value_gradient(start, &mut g);
    objective.hessian(start, &mut h);
    close(&[value, objective.value(start)], &[case.get("f0").number(); 2], tolerance, name);
    close(g.as_slice(), &case.get("grad0").numbers(), tolerance, name);
    close(h.as_slice(), &case.get("hess0").flat(), tolerance, name);
    let v = DVector::from_fn(n, |i, _| T::of(1.0 - 0.25 * i as f64));
    let mut hv = DVector::zeros(n);
    objective.hessian_product(start, &v, &mut hv);
    let expected: Vec<f64> = (&h * &v).iter().map(|x| x.f64()).collect();
    close(hv.as_slice(), &expected, tolerance, name);
}

#[test]
fn value_gradient_and_hessian_at_the_start_are_those_of_50_digit_arithmetic() {
    let (reference, mut seen) = (Json::parse(REFERENCE), 0);
    for case in reference.get("problems").items() {
        if case.get("name").text() == "rosenbrock" {
            let f = Rosenbrock::new(2);
            matches_at_the_start(&mut { f }, &f.start::<f64>(), case, 1e-14);
            matches_at_the_start(&mut { f }, &f.start::<f32>(), case, 1e-6);
        } else if let Some(f) = problem(case.get("name").text()) {
            matches_at_the_start(&mut { f }, &f.start::<f64>(), case, 1e-13);
            // the trigonometric sum cancels to 1e−3 of its terms
            matches_at_the_start(&mut { f }, &f.start::<f32>(), case, 2e-4);
        } else {
            continue;
        }
        seen += 1;
    }
    assert_eq!(seen, 11);
}

#[test]
fn the_minimisers_are_those_of_50_digit_arithmetic() {
    let reference = Json::parse(REFERENCE);
    for case in reference.get("problems").items() {
        let Some(problem) = problem(case.get("name").text()) else { continue };
        for minimiser in case.get("minimisers_reached").items() {
            let (x, f) = (minimiser.get("x").numbers(), minimiser.get("f").number());
            let known = problem.optima().iter().any(|optimum| {
                let apart = optimum.x.iter().zip(&x).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
                apart < 2e-14 * x.iter().fold(1.0, |m: f64, x| m.max(x.abs()))
                    && (optimum.value - f).abs() <= 1e-14 * f.abs()
            });
            assert!(known, "{problem}: {x:?}");
        }
    }
}

/// `∇f = 0`, `f` as printed, and eigenvalues of the signs that the kind asks for.
#[test]
fn stationary_points_are_stationary_and_of_their_kind() {
    for mut problem in Problem::ALL {
        assert!(!problem.optima().is_empty(), "{problem}");
        for optimum in problem.optima() {
            let (n, x) = (problem.dim(), optimum.point::<f64>());
            let (mut g, mut h) = (DVector::zeros(n), DMatrix::zeros(n, n));
            let value = problem.value_gradient_hessian(&x, &mut g, &mut h);
            assert!(
                (value - optimum.value).abs() <= 1e-13 * optimum.value.abs().max(1e-10),
                "{problem}: {value}"
            );
            // as near to zero as the rounding of x allows: ‖∇f‖ ≲ ε ‖H‖ ‖x‖, entry by entry
            for i in 0..n {
                let bound: f64 = (0..n).map(|j| h[(i, j)].abs() * x[j].abs()).sum();
                assert!(g[i].abs() <= 1e-13 * bound.max(1.0), "{problem} at {:?}: {g}", optimum.x);
            }
            let eigenvalues = h.symmetric_eigenvalues();
            let zero = 1e-10 * eigenvalues.amax();
            let (up, down) = (
                eigenvalues.iter().filter(|e| **e > zero).count(),
                eigenvalues.iter().filter(|e| **e < -zero).count(),
            );
            let badly_scaled = matches!(problem, Problem::PowellBadlyScaled | Problem::BrownBadlyScaled);
            let kind = match (up, down) {
                (up, 0) if up == n || badly_scaled => CriticalKind::Minimum,
                (0, down) if down == n => CriticalKind::Maximum,
                (1.., 1..) => CriticalKind::Saddle,
                _ => CriticalKind::Degenerate,
            };
            assert_eq!(kind, optimum.kind, "{problem} at {:?}: {eigenvalues}", optimum.x);
        }
    }
}

fn derivatives_are_those_of_the_value<T: Real>() {
    for mut problem in Problem::ALL {
        let x = problem.start::<T>();
        // off the symmetries of the start
        let x = x.map_with_location(|i, _, x| x + T::of(0.05 / (2.0 + i as f64)));
        for report in [
            check::gradient(&mut problem, &x).unwrap(),
            check::hessian(&mut problem, &x).unwrap(),
            check::hessian_product(&mut problem, &x).unwrap(),
        ] {
            let wrong = report.with_verdict(gradus::check::Verdict::Failed).count();
            assert_eq!(wrong, 0, "{problem}\n{report}");
            // values of 10¹² drown a slope of 0.07
            let told = T::EPSILON.f64() < 1e-10 && problem != Problem::BrownBadlyScaled;
            assert!(report.passed() || !told, "{problem}\n{report}");
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
    let (mut wood, mut rosenbrock) = (Problem::Wood, Rosenbrock::new(4));
    assert!(wood.value(&long).is_nan() && rosenbrock.value(&long).is_nan());
    assert!(wood.value_gradient(&long, &mut g).is_nan() && rosenbrock.value_gradient(&long, &mut g).is_nan());
    wood.hessian(&long, &mut h);
    rosenbrock.hessian(&long, &mut h);
    wood.hessian_product(&long, &long, &mut g);
    rosenbrock.hessian_product(&long, &long, &mut g);
    assert!(g.iter().chain(h.iter()).all(|x| *x == 7.0));
}

/// `x₁ = 0` is on the border of the two branches of the angle, and not on a jump of it for `x₂ > 0`.
#[test]
fn the_angle_of_the_helical_valley_is_continuous_above_the_axis() {
    let mut f = Problem::HelicalValley;
    let value = |f: &mut Problem, x: f64| f.value(&DVector::from_vec(vec![x, 0.7, 1.5]));
    let (left, middle, right) = (value(&mut f, -1e-14), value(&mut f, 0.0), value(&mut f, 1e-14));
    assert!((left - middle).abs() < 1e-9 && (right - middle).abs() < 1e-9);
}

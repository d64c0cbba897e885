//! The searches in one variable: roots and minima to rounding, and the reason wherever a search ends.

use std::f64::consts::{PI, SQRT_2};

use gradus::univariate::{Brent, Halley, ScalarNewton, ScalarReport};
use gradus::{CriticalKind, Error, Termination};

/// `W(1)`, 40-digit reference, correctly rounded.
const OMEGA: f64 = 0.5671432904097838;

fn square(x: f64) -> (f64, f64) {
    (x * x - 2.0, 2.0 * x)
}
fn cubic(x: f64) -> (f64, f64) {
    (x * x * x - 2.0 * x + 2.0, 3.0 * x * x - 2.0)
}
fn atan(x: f64) -> (f64, f64) {
    (x.atan(), 1.0 / (1.0 + x * x))
}
fn double(x: f64) -> (f64, f64) {
    ((x - 1.0) * (x - 1.0), 2.0 * (x - 1.0))
}
fn runaway(x: f64) -> (f64, f64) {
    (x * (-x).exp(), (1.0 - x) * (-x).exp())
}
fn cbrt(x: f64) -> (f64, f64) {
    (x.cbrt(), 1.0 / (3.0 * x.cbrt().powi(2)))
}
/// `e^x − ln x`.
fn omega(x: f64) -> (f64, f64, f64) {
    (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x))
}

type Function = fn(f64) -> (f64, f64);
type Curved = fn(f64) -> (f64, f64, f64);

/// Function, start, ending, root, trace.
type Case<'t> = (Function, f64, Termination, Option<f64>, &'t [f64]);

fn ulps(x: f64, y: f64) -> u64 {
    x.to_bits().abs_diff(y.to_bits())
}

/// What the report says must be what the function says; endings must agree with what is known.
fn check_root(report: &ScalarReport<f64>, f: impl Fn(f64) -> f64) {
    assert!(report.x.is_finite());
    let value = f(report.x);
    assert!(value.total_cmp(&report.value).is_eq() || value.is_nan() && report.value.is_nan());
    if report.converged() && value != 0.0 {
        let (a, b) = report.bracket.expect("neighbours");
        assert_eq!(ulps(a, b), 1);
        assert!(f(a) * f(b) < 0.0 && [a, b].contains(&report.x));
    }
}

/// The textbook iteration on the functions of the 40-digit reference: its trace, where it ends and why.
#[test]
fn pure_newton_is_the_textbook_iteration() {
    use Termination::{Cycle, Divergence, Exact, NonFinite, ZeroDerivative};
    #[rustfmt::skip]
    let cases: [Case; 21] = [
        (square, 1.0, Exact, Some(SQRT_2), &[1.0, 1.5, 1.4166666666666667, 1.4142156862745099, 1.4142135623746899, SQRT_2]),
        (square, -1.0, Exact, Some(-SQRT_2), &[-1.0, -1.5, -1.4166666666666667, -1.4142156862745099, -1.4142135623746899, -SQRT_2]),
        (square, 1e8, Exact, Some(SQRT_2), &[1e8, 50000000.00000001, 25000000.000000026, 12500000.000000054, 6250000.000000107, 3125000.0000002137, 1562500.0000004268, 781250.0000008534]),
        (square, 1e-8, Exact, Some(SQRT_2), &[1e-8, 100000000.00000001, 50000000.00000002, 25000000.000000034, 12500000.000000058, 6250000.000000109, 3125000.0000002147, 1562500.0000004272]),
        (square, 1e300, NonFinite, None, &[1e300]),
        (square, 1e-300, NonFinite, None, &[1e-300]),
        (cubic, 0.0, Cycle, None, &[0.0, 1.0, 0.0, 1.0]),
        (cubic, 1.0, Cycle, None, &[1.0, 0.0, 1.0, 0.0]),
        (cubic, -2.0, Exact, Some(-1.7692923542386314), &[-2.0, -1.8, -1.7699481865284974, -1.769292662905941, -1.7692923542386998, -1.7692923542386314]),
        (cubic, 0.5, Exact, Some(-1.7692923542386314), &[0.5, 1.4, 0.8989690721649484, -1.2887793276654596, -2.105767299013565, -1.8291999504602496, -1.771715812062107, -1.76929656115579]),
        (cubic, 0.1, Cycle, None, &[0.1, 1.01421, 0.0796558, 1.0091, 0.0522265, 1.00397, 0.0233294, 1.0008]),
        (atan, 1.0, Exact, Some(0.0), &[1.0, -0.5707963267948966, 0.1168599039989131, -0.001061022117044716, 7.963096044106416e-10, 0.0]),
        (atan, 1.39, Exact, Some(0.0), &[1.39, -1.3871456127913622, 1.3796413498582172, -1.3600228317572098, 1.3094882474891303, -1.184321878849839, 0.904953567454186, -0.43295963000005355]),
        (atan, 1.391745200270735, Cycle, None, &[1.39175, -1.39175, 1.39175, -1.39175]),
        (atan, 1.4, Divergence, None, &[1.4, -1.4136186488037423, 1.4501293146283372, -1.5506259756377534, 1.8470540841501895, -2.893562393142409, 8.710325846983174, -103.2497737719099]),
        (atan, 10.0, Divergence, None, &[10.0, -138.5838951046772, 29892.32073900695, -1403526592.8920786, 3.094291099131645e+18, -1.5039805267997506e+37, 3.5530744145452203e+74]),
        (double, 2.0, Exact, Some(1.0), &[2.0, 1.5, 1.25, 1.125, 1.0625, 1.03125, 1.015625, 1.0078125]),
        (double, 0.0, Exact, Some(1.0), &[0.0, 0.5, 0.75, 0.875, 0.9375, 0.96875, 0.984375, 0.9921875]),
        (runaway, -2.0, Exact, Some(0.0), &[-2.0, -1.3333333333333333, -0.7619047619047619, -0.32947232947232946, -0.08165045144716004, -0.006163540367967679, -3.775651605669814e-05, -1.425500682806244e-09]),
        (runaway, 2.0, Divergence, None, &[2.0, 4.0, 5.33333, 6.5641, 7.74383, 8.89211, 10.0188, 11.1297]),
        (runaway, 1.0, ZeroDerivative, None, &[1.0]),
    ];
    for (f, start, termination, root, trace) in cases {
        let report = ScalarNewton::pure().trace(true).root(f, start).unwrap();
        assert_eq!(report.termination, termination, "from {start}: {report}");
        assert_eq!(report.converged(), root.is_some());
        assert_eq!(report.trace.len(), report.iterations + 1);
        assert!(report.trace.len() >= trace.len());
        for (k, (x, reference)) in report.trace.iter().zip(trace).enumerate() {
            // Printed to six digits, or to all of them (the reference's exp and ours may round apart).
            let digits = if reference.to_string().len() < 10 { 1e-5 } else { 1e-14 };
            assert!((x - reference).abs() <= digits * reference.abs(), "from {start}, x{k}: {x} {reference}");
        }
        if let Some(root) = root {
            assert!((report.x - root).abs() <= f64::EPSILON * root.abs());
        }
        check_root(&report, |x| f(x).0);
    }
}

#[test]
fn pure_newton_on_the_minimum_of_exp_minus_log() {
    let trace = [
        0.05,
        0.09724764704478506,
        0.18317666678393094,
        0.3205196895502428,
        0.477297652386095,
        0.557849767087826,
        0.567059890228799,
        0.5671432838411802,
        OMEGA,
    ];
    let report = ScalarNewton::pure().trace(true).minimum(omega, 0.05).unwrap();
    assert_eq!(report.iterations, 8);
    for (x, reference) in report.trace.iter().zip(trace) {
        assert!((x - reference).abs() <= 4.0 * f64::EPSILON * reference, "{x} {reference}");
    }
    assert_eq!(report.kind, Some(CriticalKind::Minimum));
    assert!(report.converged() && report.residual.unwrap() <= 1e-15);
    assert!((report.value - 2.3303661247616805).abs() < 1e-15);

    let far = ScalarNewton::pure().minimum(omega, 50.0).unwrap();
    assert_eq!((far.iterations, far.converged()), (53, true));
    // Each step doubles x: short steps, and a derivative of −5e49.
    let tiny = ScalarNewton::pure().iterations(1).minimum(omega, 1e-50).unwrap();
    assert!(!tiny.converged() && tiny.derivative.unwrap() < -4e49);
    let overflow = ScalarNewton::pure().minimum(omega, 710.0).unwrap();
    assert_eq!((overflow.x, overflow.termination), (710.0, Termination::NonFinite));
    let root = ScalarNewton::pure().root(|x| (omega(x).0, omega(x).1), 1.0).unwrap();
    assert!(!root.converged());
}

#[test]
fn pure_newton_diverges_on_the_cube_root_and_crawls_on_a_cube() {
    let report = ScalarNewton::pure().root(cbrt, 1.0).unwrap();
    assert_eq!(report.termination, Termination::Divergence);
    let crawl = ScalarNewton::pure().root(|x| (x * x * x, 3.0 * x * x), 1.0).unwrap();
    assert_eq!(crawl.termination, Termination::Iterations);
    let longer = ScalarNewton::pure().iterations(2000).root(|x: f64| (x * x * x, 3.0 * x * x), 1.0).unwrap();
    assert_eq!(longer.termination, Termination::Exact); // 0 by underflow, at 10⁻¹⁰⁸
    assert!(longer.x.abs() < 1e-100);
}

#[test]
fn safeguarded_newton_finds_what_there_is() {
    #[rustfmt::skip]
    let cases: [(Function, f64, f64); 21] = [
        (square, 1.0, SQRT_2), (square, -1.0, -SQRT_2), (square, 1e8, SQRT_2), (square, 1e-8, SQRT_2),
        (square, 1e-300, SQRT_2), (square, 1e150, SQRT_2),
        (cubic, 0.0, -1.7692923542386314), (cubic, 1.0, -1.7692923542386314), (cubic, -2.0, -1.7692923542386314),
        (cubic, 0.5, -1.7692923542386314), (cubic, 0.1, -1.7692923542386314),
        (atan, 1.0, 0.0), (atan, 1.391745200270735, 0.0), (atan, 1.4, 0.0), (atan, -1e9, 0.0),
        (double, 2.0, 1.0), (double, 0.0, 1.0), (runaway, -2.0, 0.0), (cbrt, 1.0, 0.0), (cbrt, -1e-3, 0.0),
        (|x| (x.exp() - 1e300, x.exp()), 1.0, 690.7755278982137),
    ];
    for (f, start, root) in cases {
        let report = ScalarNewton::new().root(f, start).unwrap();
        assert!(report.converged(), "from {start}: {report}");
        assert!((report.x - root).abs() <= f64::EPSILON * root.abs(), "from {start}: {report}");
        assert!(report.iterations <= 40 && report.evaluations <= 60, "from {start}: {report}");
        check_root(&report, |x| f(x).0);
    }
}

#[test]
fn scale_does_not_matter() {
    for scale in [1e-250, 1e-20, 1.0, 1e20, 1e250] {
        let f = |x: f64| (scale * (x * x - 2.0), scale * 2.0 * x);
        for start in [1.0, 3.0, SQRT_2] {
            let report = ScalarNewton::new().root(f, start).unwrap();
            assert!(report.converged() && ulps(report.x, SQRT_2) <= 1, "{scale} {start}: {report}");
            let report = ScalarNewton::pure().root(f, start).unwrap();
            assert!(report.converged() && ulps(report.x, SQRT_2) <= 1, "{scale} {start}: {report}");
        }
        let g = |x: f64| (scale * (x - 1.0).cosh(), scale * (x - 1.0).sinh(), scale * (x - 1.0).cosh());
        let report = ScalarNewton::new().minimum(g, 4.0).unwrap();
        assert!(report.converged() && ulps(report.x, 1.0) <= 1, "{scale}: {report}");
    }
}

/// `1` up to some place and `½` beyond, without a slope anywhere: the lower half is found, or the plateau is told.
#[test]
fn a_plateau_is_no_minimum() {
    for k in 1..200 {
        let edge = 0.2 + 0.02 * f64::from(k);
        let step = |x: f64| (if x < edge { 1.0 } else { 0.5 }, 0.0, 0.0);
        let report = ScalarNewton::new().minimum(step, 0.2).unwrap();
        assert!(!report.converged() || report.value < 0.75, "{edge}: {report}");
        let flat = ScalarNewton::new().minimum(|_| (edge, 0.0, 0.0), 0.2).unwrap();
        assert!(!flat.converged(), "{flat}");
    }
}

#[test]
fn no_root_is_never_convergence() {
    let parabola: Function = |x| (x * x + 1.0, 2.0 * x);
    let exponential: Function = |x| (x.exp(), x.exp());
    let shifted: Function = |x| ((x - 1000.0).exp(), (x - 1000.0).exp());
    let jump: Function = |x| (x + if x > 0.3 { 1.0 } else { -1.0 }, 1.0);
    let no_root: Function = |x| (omega(x).0, omega(x).1);
    for (f, starts) in [
        (parabola, [0.0, 0.7, 1e6]),
        (exponential, [0.0, 10.0, -300.0]),
        (shifted, [900.0, 0.5, 990.0]),
        (jump, [1.0, -7.0, 0.4]),
        (no_root, [1.0, 1e-5, 30.0]),
        (runaway, [2.0, 20.0, 500.0]),
    ] {
        for start in starts {
            for tolerance in [0.0, 1e-100] {
                for newton in [ScalarNewton::new(), ScalarNewton::pure()] {
                    let report = newton.tolerance(tolerance).root(f, start).unwrap();
                    if f(start).0.abs() <= tolerance {
                        continue; // e^(x − 1000) underflows at the start
                    }
                    assert!(!report.converged(), "from {start}: {report}");
                    assert!(report.into_converged().is_err());
                }
            }
        }
    }
    assert_eq!(ScalarNewton::new().root(runaway, 2.0).unwrap().termination, Termination::Divergence);
    assert_eq!(ScalarNewton::new().root(jump, 1.0).unwrap().termination, Termination::Discontinuity);
    assert_eq!(ScalarNewton::new().root(parabola, 0.7).unwrap().termination, Termination::NoDescent);
    assert_eq!(ScalarNewton::new().root(parabola, 0.0).unwrap().termination, Termination::ZeroDerivative);
}

#[test]
fn a_bracket_is_never_left() {
    let tan: Function = |x| (x.tan(), 1.0 + x.tan().powi(2));
    #[rustfmt::skip]
    let cases: [(Function, f64, f64, Option<f64>); 13] = [
        (square, 0.0, 2.0, Some(SQRT_2)), (square, -2.0, 0.0, Some(-SQRT_2)), (square, 0.0, 1e300, Some(SQRT_2)),
        (|x| (x.cos() - x, -x.sin() - 1.0), 0.0, 1.0, Some(0.7390851332151607)),
        (|x| (x.ln(), 1.0 / x), 0.0, 50.0, Some(1.0)),
        (|x| (x - 1e-300, 1.0), -1.0, 1.0, Some(1e-300)),
        (tan, 3.0, 4.0, Some(PI)),
        (cbrt, -1.0, 8.0, Some(0.0)),
        (|x| (x.signum() * x.abs().powf(1.2), 1.2 * x.abs().powf(0.2)), -1.0, 7.0, Some(0.0)),
        (tan, 1.0, 2.0, None),
        (|x| (1.0 / x, -1.0 / (x * x)), -1.0, 1.0, None),
        (|x| (1.0 / x, -1.0 / (x * x)), -1.0, 3.0, None),
        (|x| (if x > 1e-200 { 1.0 } else { -1.0 }, 0.0), -1e300, 1e300, None),
    ];
    for (f, a, b, root) in cases {
        let inside = |x: f64| {
            assert!(a <= x && x <= b, "{x} is outside [{a}, {b}]");
            f(x)
        };
        let newton = ScalarNewton::new().bracket(a, b);
        let reports = [
            newton.root(inside, a),
            newton.root(inside, b),
            newton.root(inside, a / 2.0 + b / 2.0),
            Brent::new().root(|x| inside(x).0, (a, b)),
        ];
        for report in reports.map(Result::unwrap) {
            match root {
                Some(root) => {
                    let close = (report.x - root).abs() <= f64::EPSILON * root.abs();
                    assert!(report.converged() && close, "[{a}, {b}]: {report}");
                }
                None => assert_eq!(report.termination, Termination::Discontinuity, "{report}"),
            }
            assert!(report.iterations <= 80, "{report}");
        }
    }
}

#[test]
fn minima_are_found_and_never_uphill() {
    for start in [1e-300, 1e-100, 1e-20, 0.05, 1.0, 50.0, 700.0] {
        let report = ScalarNewton::new().minimum(omega, start).unwrap();
        assert!(report.converged() && ulps(report.x, OMEGA) <= 1, "from {start}: {report}");
        assert!(report.iterations <= 60, "from {start}: {report}");
        assert_eq!(report.kind, Some(CriticalKind::Minimum));
    }
    for (a, b) in [(0.0, 1.0), (1e-300, 700.0), (0.5, 0.6), (OMEGA, 3.0)] {
        let inside = |x: f64| {
            assert!(a <= x && x <= b);
            omega(x)
        };
        let report = ScalarNewton::new().bracket(a, b).minimum(inside, b).unwrap();
        assert!(report.converged() && ulps(report.x, OMEGA) <= 1, "[{a}, {b}]: {report}");
    }
    // Many minima, few of them below the start.
    let wavy = |x: f64| (x * x / 50.0 + x.cos(), x / 25.0 - x.sin(), 1.0 / 25.0 - x.cos());
    for k in -200..=200 {
        let start = f64::from(k) * 0.1;
        let report = ScalarNewton::new().minimum(wavy, start).unwrap();
        assert!(report.converged() && report.kind == Some(CriticalKind::Minimum), "from {start}: {report}");
        assert!(report.value <= wavy(start).0 + 1e-15, "from {start}: {report}");
        let bracketed = ScalarNewton::new().bracket(-30.0, 30.0).minimum(wavy, start).unwrap();
        assert!(
            bracketed.converged() && bracketed.kind == Some(CriticalKind::Minimum),
            "{start}: {bracketed}"
        );
    }
}

#[test]
fn what_is_no_minimum_is_not_called_one() {
    let cosine = |x: f64| (x.cos(), -x.sin(), -x.cos());
    for start in [0.0, 0.1, 2.0 * PI, 1e-12] {
        let pure = ScalarNewton::pure().minimum(cosine, start).unwrap();
        assert!(!pure.converged() && pure.kind == Some(CriticalKind::Maximum));
        let report = ScalarNewton::new().minimum(cosine, start).unwrap();
        assert!(report.converged() && ulps(report.value, -1.0) == 0);
    }
    let cube = |x: f64| (x.powi(3), 3.0 * x * x, 6.0 * x);
    let pure = ScalarNewton::pure().iterations(2000).minimum(cube, 1.0).unwrap();
    assert_eq!(pure.kind, Some(CriticalKind::Degenerate));
    for start in [1.0, 0.0] {
        assert_eq!(ScalarNewton::new().minimum(cube, start).unwrap().termination, Termination::Divergence);
    }
    let quartic = |x: f64| (x.powi(4), 4.0 * x.powi(3), 12.0 * x * x);
    let flat = ScalarNewton::new().minimum(quartic, 1.0).unwrap();
    assert!(flat.converged() && flat.x == 0.0 && flat.kind == Some(CriticalKind::Degenerate));
    for (g, ending) in [
        ((|x: f64| (-x, -1.0, 0.0)) as fn(f64) -> (f64, f64, f64), Termination::Divergence),
        (|x| (x.exp(), x.exp(), x.exp()), Termination::Divergence),
        (|x| ((x - 0.3).abs(), (x - 0.3).signum(), 0.0), Termination::Discontinuity),
    ] {
        let report = ScalarNewton::new().minimum(g, 0.0).unwrap();
        assert_eq!((report.termination, report.converged()), (ending, false));
    }
}

#[test]
fn a_tolerance_is_kept_at_the_point_returned() {
    for tolerance in [1e-2, 1e-6, 1e-12] {
        for newton in [ScalarNewton::new(), ScalarNewton::pure(), ScalarNewton::new().bracket(0.0, 5.0)] {
            let report = newton.tolerance(tolerance).root(square, 5.0).unwrap();
            assert_eq!(report.termination, Termination::ResidualTolerance);
            assert!(square(report.x).0.abs() <= tolerance);
            let report = newton.tolerance(tolerance).minimum(omega, 1.0).unwrap();
            assert!(report.converged() && omega(report.x).1.abs() <= tolerance);
        }
        let report = ScalarNewton::new().tolerance(1e-9).root(runaway, 2.0).unwrap();
        assert!(!report.converged(), "{report}");
    }
}

#[test]
fn halley_is_of_third_order_and_safe() {
    let kepler = |x: f64| (x - 0.9 * x.sin() - 1.0, 1.0 - 0.9 * x.cos(), 0.9 * x.sin());
    let halley = Halley::new().root(kepler, 1.0).unwrap();
    let newton = ScalarNewton::new().root(|x| (kepler(x).0, kepler(x).1), 1.0).unwrap();
    assert!(halley.converged() && ulps(halley.x, newton.x) <= 2);
    assert!(halley.second_derivative.is_some());
    // x ← x (x² + 6)/(3x² + 2) for x² − 2: 1, 7/5, 1393/985 ...
    let trace = Halley::pure().trace(true).root(|x: f64| (x * x - 2.0, 2.0 * x, 2.0), 1.0).unwrap().trace;
    for (x, exact) in trace.iter().zip([1.0, 7.0 / 5.0, 1393.0 / 985.0]) {
        assert!((x - exact).abs() <= 2.0 * f64::EPSILON);
    }
    for start in [1.4, 1e9, -30.0] {
        let report = Halley::new()
            .root(|x: f64| (x.atan(), 1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2)), start);
        assert!(report.unwrap().converged());
    }
    let bracketed = Halley::new().bracket(-2.0, 0.0).root(|x| (x * x - 2.0, 2.0 * x, 2.0), -0.0).unwrap();
    assert!(ulps(bracketed.x, -SQRT_2) <= 1);
    // the steps at a double root shrink to a third, and are lengthened as Newton's are
    for unit in [1.0, 2f64.powi(-500)] {
        let double = Halley::new().root(|x| (unit * x * x, 2.0 * unit * x, 2.0 * unit), 3.0).unwrap();
        assert!(double.converged() && double.x.abs() < 1e-100 && double.iterations < 10, "{double}");
    }
    let none = Halley::new().root(|x| (x * x + 1.0, 2.0 * x, 2.0), 1.0).unwrap();
    assert!(!none.converged());
}

#[test]
fn brent_finds_roots_by_interpolation() {
    type Case = (fn(f64) -> f64, f64, f64, f64);
    let cases: [Case; 4] = [
        (|x| x.cos() - x, 0.0, 1.0, 0.7390851332151607),
        (|x| x * x - 2.0, 0.0, 2.0, SQRT_2),
        (f64::sin, 3.0, 4.0, PI),
        (|x| x * x.exp() - 1.0, 0.0, 1.0, OMEGA),
    ];
    for (f, a, b, root) in cases {
        for (a, b) in [(a, b), (a - 1e-3, b + 1e-3)] {
            let report = Brent::new().root(f, (a, b)).unwrap();
            assert!(report.converged() && ulps(report.x, root) <= 1, "[{a}, {b}]: {report}");
            assert!(report.evaluations <= 14, "[{a}, {b}]: {report}"); // bisection: 54
        }
    }
}

#[test]
fn brent_minimises_without_derivatives() {
    let report = Brent::new().minimum(|x: f64| x.exp() - x.ln(), (0.0, 5.0)).unwrap();
    assert!(report.converged() && (report.x - OMEGA).abs() < 2e-8);
    assert!(report.evaluations < 30);
    let report = Brent::new().minimum(|x: f64| (x - 0.3).abs(), (-1.0, 2.0)).unwrap();
    assert!(report.converged() && (report.x - 0.3).abs() < 1e-8);
    for (slope, end) in [(1.0, -1.0), (-1.0, 2.0)] {
        let report = Brent::new().minimum(|x: f64| slope * x, (-1.0, 2.0)).unwrap();
        assert_eq!((report.termination, report.x, report.kind), (Termination::NoDescent, end, None));
    }
    let flat = Brent::new().minimum(|_: f64| 1.0, (-1.0, 2.0)).unwrap();
    assert_eq!(flat.kind, Some(CriticalKind::Degenerate));
    let hole = Brent::new().minimum(|x: f64| if x < 0.2 { f64::NAN } else { (x - 0.5).powi(2) }, (-1.0, 2.0));
    assert!((hole.unwrap().x - 0.5).abs() < 1e-8);
    let nothing = Brent::new().minimum(|_: f64| f64::NAN, (-1.0, 2.0)).unwrap();
    assert_eq!(nothing.termination, Termination::NonFinite);
}

#[test]
fn single_precision_is_first_class() {
    let root = ScalarNewton::<f32>::new().root(|x| (x * x - 2.0, 2.0 * x), 1.0).unwrap();
    assert!(root.converged() && (root.x - std::f32::consts::SQRT_2).abs() <= f32::EPSILON);
    let bracketed =
        ScalarNewton::<f32>::new().bracket(0.0, 1e30).root(|x| (x * x - 2.0, 2.0 * x), 1e30).unwrap();
    assert!(bracketed.converged() && (bracketed.x - std::f32::consts::SQRT_2).abs() <= f32::EPSILON);
    let omega = |x: f32| (x.exp() - x.ln(), x.exp() - 1.0 / x, x.exp() + 1.0 / (x * x));
    for start in [1e-30_f32, 0.05, 80.0] {
        for newton in [ScalarNewton::new(), ScalarNewton::pure()] {
            let report = newton.minimum(omega, start).unwrap();
            let overflows = start < 1e-20 && report.termination == Termination::NonFinite;
            assert!(overflows || report.converged(), "from {start}: {report}");
            assert!(overflows || (report.x - OMEGA as f32).abs() <= f32::EPSILON);
        }
    }
    let brent = Brent::<f32>::new().root(|x| x.cos() - x, (0.0, 1.0)).unwrap();
    assert!(brent.converged() && (brent.x - 0.739_085_14).abs() <= f32::EPSILON);
    let pole = Brent::<f32>::new().root(|x| 1.0 / x, (-1.0, 3.0)).unwrap();
    assert_eq!(pole.termination, Termination::Discontinuity);
    let minimum = Brent::<f32>::new().minimum(|x| (x - 0.3).powi(2) + 1.0, (-1.0, 2.0)).unwrap();
    assert!((minimum.x - 0.3).abs() < 1e-3);
}

#[test]
fn bad_input_is_a_typed_error() {
    let newton = ScalarNewton::new();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for newton in [newton, ScalarNewton::pure()] {
            assert!(matches!(newton.root(square, bad), Err(Error::NonFinite { argument: "start", .. })));
            assert!(matches!(newton.minimum(omega, bad), Err(Error::NonFinite { argument: "start", .. })));
            assert!(matches!(
                newton.tolerance(bad).root(square, 1.0),
                Err(Error::Setting { name: "tolerance", .. })
            ));
        }
        for (a, b) in [(bad, 1.0), (0.0, bad)] {
            let argument = "bracket";
            assert!(
                matches!(newton.bracket(a, b).root(square, 0.5), Err(Error::NonFinite { argument: x, .. }) if x == argument)
            );
            assert!(
                matches!(Brent::new().root(|x| x, (a, b)), Err(Error::NonFinite { argument: x, .. }) if x == argument)
            );
            assert!(
                matches!(Brent::new().minimum(|x| x, (a, b)), Err(Error::NonFinite { argument: x, .. }) if x == argument)
            );
        }
    }
    assert!(matches!(
        newton.tolerance(-1.0).root(square, 1.0),
        Err(Error::Setting { name: "tolerance", .. })
    ));
    assert!(matches!(
        ScalarNewton::pure().bracket(0.0, 2.0).root(square, 1.0),
        Err(Error::Setting { name: "bracket", .. })
    ));
    for (a, b, start) in [(2.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.0, 2.0, 3.0), (2.0, 3.0, 2.5)] {
        assert!(matches!(newton.bracket(a, b).root(square, start), Err(Error::Bracket { .. })));
    }
    assert!(matches!(newton.bracket(1.0, 2.0).minimum(omega, 1.5), Err(Error::Bracket { .. })));
    assert!(matches!(Brent::new().root(|x| x * x + 1.0, (-1.0, 1.0)), Err(Error::Bracket { .. })));
    assert!(matches!(Brent::new().root(|_| f64::NAN, (-1.0, 1.0)), Err(Error::Bracket { .. })));
    assert!(matches!(Brent::new().minimum(|x| x, (1.0, -1.0)), Err(Error::Bracket { .. })));
    // An exact zero at an end is a root.
    assert_eq!(ulps(newton.bracket(0.0, 2.0).root(|x| (x, 1.0), 1.0).unwrap().x, 0.0), 0);
    assert_eq!(ulps(Brent::new().root(|x| x - 2.0, (0.0, 2.0)).unwrap().x, 2.0), 0);
}

/// A closure that spoils its `k`-th call, with every kind of number that is none.
#[test]
fn hostile_closures_do_no_harm() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for k in 1..=20 {
            for for_ever in [false, true] {
                let mut calls = 0;
                let mut spoilt = move || {
                    calls += 1;
                    calls == k || for_ever && calls > k
                };
                let mut at = spoilt;
                let root = |x: f64| if at() { (bad, bad) } else { cubic(x) };
                let report = ScalarNewton::new().root(root, 0.3).unwrap();
                assert!(report.x.is_finite() && (k == 1 || report.value.is_finite() || bad.is_infinite()));
                let mut at = spoilt;
                let root = |x: f64| if at() { (bad, bad) } else { cubic(x) };
                assert!(ScalarNewton::pure().root(root, 0.3).unwrap().x.is_finite());
                let mut at = spoilt;
                let minimum = |x: f64| if at() { (bad, bad, bad) } else { omega(x) };
                let report = ScalarNewton::new().minimum(minimum, 0.05).unwrap();
                assert!(report.x.is_finite() && (k == 1 || report.value.is_finite()));
                let mut at = spoilt;
                let slopes = |x: f64| if at() { (omega(x).0, omega(x).1, bad) } else { omega(x) };
                let report = ScalarNewton::new().minimum(slopes, 0.05).unwrap();
                assert!(ulps(report.x, OMEGA) <= 1, "{report}");
                let mut at = spoilt;
                let root = |x: f64| if at() { (bad, bad) } else { cubic(x) };
                if let Ok(report) = ScalarNewton::new().bracket(-3.0, 1.0).root(root, 0.3) {
                    assert!(report.x.is_finite());
                }
                let mut at = spoilt;
                let root = |x: f64| if at() { bad } else { cubic(x).0 };
                if let Ok(report) = Brent::new().root(root, (-3.0, 1.0)) {
                    assert!(report.x.is_finite());
                }
                let mut at = spoilt;
                let minimum = |x: f64| if at() { bad } else { omega(x).0 };
                assert!(Brent::new().minimum(minimum, (0.01, 5.0)).unwrap().x.is_finite());
                let curved =
                    |x: f64| if spoilt() { (bad, bad, bad) } else { (cubic(x).0, cubic(x).1, 6.0 * x) };
                assert!(Halley::new().root(curved, 0.3).unwrap().x.is_finite());
            }
        }
    }
}

/// Derivatives that lie must not make a root of what is none.
#[test]
fn wrong_derivatives_are_survived() {
    for wrong in [-1.0, 0.1, 10.0, 1e9, 1e-9, 0.0] {
        let report = ScalarNewton::new().root(|x: f64| (x * x - 2.0, wrong * 2.0 * x), 1.0).unwrap();
        if report.converged() {
            assert!(ulps(report.x.abs(), SQRT_2) <= 1, "{wrong}: {report}");
        }
        let report = ScalarNewton::new().root(|x| (x * x + 2.0, wrong * 2.0 * x), 1.0).unwrap();
        assert!(!report.converged(), "{wrong}: {report}");
        let bracketed =
            ScalarNewton::new().bracket(0.0, 9.0).root(|x: f64| (x * x - 2.0, wrong * 2.0 * x), 1.0).unwrap();
        assert!(ulps(bracketed.x, SQRT_2) <= 1, "{wrong}: {bracketed}");
    }
}

/// The way to infinity, where `f` vanishes by underflow, takes no more iterations than were asked for and ends
/// nowhere that counts.
#[test]
fn no_minimum_at_infinity() {
    let falling: [Curved; 3] = [
        |x| (1.0 / x, -1.0 / (x * x), 2.0 / (x * x * x)),
        |x| (-x, -1.0, 0.0),
        |x| (-x.cbrt(), -1.0 / (3.0 * x.cbrt().powi(2)), 2.0 / (9.0 * x.cbrt().powi(5))),
    ];
    for g in falling {
        for start in [1e8, 1e150, 1e300, 1e307, f64::MAX] {
            for bound in [0, 1, 3, 256, 100_000] {
                let report = ScalarNewton::new().iterations(bound).minimum(g, start).unwrap();
                assert!(report.iterations <= bound && report.iterations <= 256, "{start}: {report}");
                assert!(report.x.is_finite() && !report.converged(), "{start}: {report}");
            }
        }
    }
}

/// An absolute tolerance is met anywhere on a flat stretch: a minimum has to hold as far as Newton's step leads.
#[test]
fn a_tolerance_met_on_the_way_down_is_no_minimum() {
    let falling: [Curved; 3] = [
        |x| (x.cbrt(), 1.0 / (3.0 * x.cbrt().powi(2)), -2.0 / (9.0 * x.cbrt().powi(5))),
        |x| (x.atan(), 1.0 / (1.0 + x * x), -2.0 * x / (1.0 + x * x).powi(2)),
        |x| (x * (-x).exp(), (1.0 - x) * (-x).exp(), (x - 2.0) * (-x).exp()),
    ];
    for (g, starts) in falling.iter().zip([[1e150, -1e150, -1e8], [1e8, -1e8, 1e-8], [50.0, 20.0, -3.0]]) {
        for (start, tolerance) in starts.into_iter().flat_map(|start| [(start, 1e-2), (start, 1e-6)]) {
            let report = ScalarNewton::new().tolerance(tolerance).minimum(g, start).unwrap();
            assert!(!report.converged(), "from {start}: {report}");
            let pure = ScalarNewton::pure().tolerance(tolerance).minimum(g, start).unwrap();
            assert!(pure.kind != Some(CriticalKind::Minimum), "from {start}: {pure}");
        }
    }
}

/// Wherever it stops, a method has made no more iterations than it was told to.
#[test]
fn the_bound_on_iterations_is_kept() {
    let wavy = |x: f64| (x * x / 50.0 + x.cos(), x / 25.0 - x.sin(), 1.0 / 25.0 - x.cos());
    let cube = |x: f64| (x.powi(3), 3.0 * x * x, 6.0 * x);
    for bound in 0..8 {
        for tolerance in [0.0, 1e-6, 0.1] {
            for start in [0.0, 1.0, -2.0, 1e150] {
                let newton = ScalarNewton::new().iterations(bound).tolerance(tolerance);
                let pure = ScalarNewton::pure().iterations(bound).tolerance(tolerance);
                let halley = Halley::new().iterations(bound).tolerance(tolerance);
                for report in [
                    newton.minimum(wavy, start),
                    newton.minimum(cube, start),
                    newton.root(cubic, start),
                    pure.minimum(wavy, start),
                    pure.root(cubic, start),
                    halley.root(cube, start),
                    newton.bracket(-1e300, 1e300).minimum(wavy, start),
                    newton.bracket(-1e300, 1e300).root(cubic, start),
                ] {
                    let report = report.unwrap();
                    assert!(report.iterations <= bound, "{bound} from {start}: {report}");
                }
            }
            let brent = Brent::new().iterations(bound).tolerance(tolerance);
            for report in [brent.root(|x| cubic(x).0, (-3.0, 1.0)), brent.minimum(|x| wavy(x).0, (-9.0, 7.0))]
            {
                assert!(report.unwrap().iterations <= bound);
            }
        }
    }
}

#[test]
fn every_run_is_bounded() {
    let mut seed = 1_u64;
    let mut noise = move || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    for start in [0.0, 1.0, 1e300, -1e-300] {
        for _ in 0..50 {
            let report = ScalarNewton::new().root(|_| (noise(), noise()), start).unwrap();
            assert!(report.iterations <= 256 && report.x.is_finite());
            let report = ScalarNewton::new().minimum(|_| (noise(), noise(), noise()), start).unwrap();
            assert!(report.iterations <= 256 && report.x.is_finite());
            let report = ScalarNewton::pure().minimum(|_| (noise(), noise(), noise()), start).unwrap();
            assert!(report.iterations <= 256 && report.x.is_finite());
        }
    }
    let zero = ScalarNewton::new().iterations(0).root(square, 1.0).unwrap();
    assert_eq!((zero.termination, zero.x, zero.evaluations), (Termination::Iterations, 1.0, 1));
}

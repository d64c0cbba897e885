//! Minima in one variable told from what is none: poles, jumps, edges of the domain, ways down, inflections and
//! plateaus, over random scales, shifts, offsets and brackets.

use gradus::univariate::{Brent, ScalarNewton};
use gradus::{CriticalKind, Real, Termination};

/// A seeded stream of numbers (xorshift, Marsaglia 2003).
struct Stream(u64);

impl Stream {
    fn uniform(&mut self, a: f64, b: f64) -> f64 {
        for (left, shift) in [(true, 13), (false, 7), (true, 17)] {
            self.0 ^= if left { self.0 << shift } else { self.0 >> shift };
        }
        a + (b - a) * (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn power(&mut self, most: i32) -> f64 {
        self.uniform(f64::from(-most), f64::from(most)).floor().exp2()
    }
}

/// `g(u, p)`, with a name.
type Shape = (&'static str, fn(f64, f64) -> f64);

/// With a minimum at 0.
const MINIMA: [Shape; 21] = [
    ("u²", |u, _| u * u),
    ("|u|", |u, _| u.abs()),
    ("cosh", |u, _| u.cosh()),
    ("well", |u, _| -(-u * u).exp()),
    ("cosine", |u, _| -u.cos()),
    ("root", |u, _| u.abs().sqrt()),
    ("fifth root", |u, _| u.abs().powf(0.2)),
    ("|u|^1.5", |u, _| u.abs().powf(1.5)),
    ("|u|³", |u, _| u.abs().powi(3)),
    ("u⁴", |u, _| u.powi(4)),
    ("ln cosh", |u, _| u.abs() + (-2.0 * u.abs()).exp().ln_1p()),
    ("to the edge of a domain", |u, _| u - u.ln_1p()),
    ("two slopes", |u, p| if u < 0.0 { -u * p } else { u }),
    ("u² + |u|", |u, _| u * u + u.abs()),
    ("Huber", |u, _| if u.abs() < 1.0 { 0.5 * u * u } else { u.abs() - 0.5 }),
    ("Geman", |u, _| u * u / (1.0 + u * u)),
    ("Cauchy", |u, _| (u * u).ln_1p()),
    ("exp", |u, _| u.exp() - u),
    ("asymmetric well", |u, p| -(-u * u * if u < 0.0 { p } else { 1.0 }).exp()),
    ("rounded", |u, _| (u * u + 1e3) - 1e3),
    ("expanded", |u, _| ((((u + 1.0) - 4.0) * (u + 1.0) + 6.0) * (u + 1.0) - 4.0) * (u + 1.0) + 1.0),
];

/// With none in `[−1.4, 1.4]`.
const NO_MINIMA: [Shape; 26] = [
    ("1/u", |u, _| 1.0 / u),
    ("−1/u", |u, _| -1.0 / u),
    ("−1/|u|", |u, _| -1.0 / u.abs()),
    ("−1/u²", |u, _| -1.0 / (u * u)),
    ("−1/√|u|", |u, _| -1.0 / u.abs().sqrt()),
    ("−1/|u|^0.2", |u, _| -u.abs().powf(-0.2)),
    ("u/100 − 1/|u|", |u, _| 0.01 * u - 1.0 / u.abs()),
    ("cotangent", |u, _| 1.0 / u.tan()),
    ("−cotangent", |u, _| -1.0 / u.tan()),
    ("ln", |u, _| u.ln()),
    ("ln|u|", |u, _| u.abs().ln()),
    ("ln|u| + u", |u, _| u.abs().ln() + u),
    ("ln|u| + u²", |u, _| u.abs().ln() + u * u),
    ("jump up", |u, p| if u < 0.0 { u + p } else { u }),
    ("jump down", |u, p| if u < 0.0 { -u } else { p - u }),
    ("jump beside a bowl", |u, p| (u + 2.0).powi(2) + if u < 0.0 { p + 1.0 } else { 0.0 }),
    ("saw", |u, _| u - u.floor()),
    ("edge, √u", |u, _| u.sqrt()),
    ("edge, e^u", |u, _| if u < 0.0 { f64::NAN } else { u.exp() }),
    ("edge, u^1.5", |u, _| u.powf(1.5)),
    ("wall", |u, _| if u < 0.0 { f64::INFINITY } else { u }),
    ("arctangent", |u, _| u.atan()),
    ("−arctangent", |u, _| -u.atan()),
    ("e^u", |u, _| u.exp()),
    ("cube root", |u, _| u.cbrt()),
    ("cube", |u, _| u.powi(3)),
];

/// By values alone, `2^k (offset + g((x − c)/w))` on a random bracket around `c`.
fn brent<T: Real>(cases: usize, most: i32, offsets: &[f64]) {
    let mut stream = Stream(88_172_645_463_325_252);
    let shapes = MINIMA.iter().map(|shape| (shape, true)).chain(NO_MINIMA.iter().map(|shape| (shape, false)));
    let shapes: Vec<_> = shapes.collect();
    let single = T::EPSILON.f64() > 1e-10;
    for case in 0..cases {
        let ((name, g), is_minimum) = shapes[case % shapes.len()];
        let (p, w, s) = (stream.uniform(0.3, 3.0), stream.power(most), stream.power(2 * most));
        let c = T::of(w * stream.uniform(-1.0, 1.0) * 10_f64.powi(stream.uniform(-3.0, 3.0) as i32)).f64();
        let (left, right) = (stream.uniform(0.2, 1.4), stream.uniform(0.2, 1.4));
        let offset = offsets[stream.uniform(0.0, offsets.len() as f64) as usize];
        if single && ["rounded", "expanded"].contains(name) {
            continue;
        }
        let bracket = (T::of(c - left * w), T::of(c + right * w));
        let value = |x: T| {
            assert!(bracket.0 <= x && x <= bracket.1, "{name}: {x} is outside {bracket:?}");
            T::of(s * (offset + g((x.f64() - c) / w, p)))
        };
        let report = Brent::new().minimum(value, bracket).unwrap();
        let u = (report.x.f64() - c) / w;
        let what = format!("{name} at {c:e} × {w:e}, + {offset}, [−{left}, {right}]: u = {u:e}, {report}");
        assert_eq!(report.converged(), is_minimum, "{what}");
        let near = if single || offset.abs() > 2.0 { 0.4 } else { 0.01 };
        assert!(!is_minimum || u.abs() <= near, "{what}");
        assert!(report.evaluations <= 1000, "{what}");
    }
}

/// `(g, g', g'')` of `u`, the starts, and whether there is a minimum to end at.
type Flat = (fn(f64) -> [f64; 3], [f64; 2], bool);

const FLAT: [Flat; 8] = [
    (|u| [u.powi(3), 3.0 * u * u, 6.0 * u], [0.0, 1e-9], false),
    (|u| [-u.powi(5), -5.0 * u.powi(4), -20.0 * u.powi(3)], [0.0, -1e-9], false),
    (|u| [u * u - u.powi(3), 2.0 * u - 3.0 * u * u, 2.0 - 6.0 * u], [0.7, 3.0], false),
    (|u| [u.powi(4), 4.0 * u.powi(3), 12.0 * u * u], [0.0, 1e-9], true),
    (|u| [u.powi(6), 6.0 * u.powi(5), 30.0 * u.powi(4)], [0.0, 0.0], true),
    (|u| [u.powi(4) - u.powi(3), 4.0 * u.powi(3) - 3.0 * u * u, 12.0 * u * u - 6.0 * u], [0.0, 1e-12], true),
    (
        |u| {
            let e = (-u * u).exp();
            [-e, 2.0 * u * e, (2.0 - 4.0 * u * u) * e]
        },
        [30.0, -40.0],
        true,
    ),
    (
        |u| {
            let e = (-u * u).exp();
            [-e, 2.0 * u * e, (2.0 - 4.0 * u * u) * e]
        },
        [6.0, -27.0],
        true,
    ),
];

/// Where slope and curvature vanish the values far around decide; scaled by `2^k`, and with a tolerance that is met.
#[test]
fn flat_points_are_minima_only_where_nothing_near_is_lower() {
    let mut stream = Stream(1_234_567_891_011);
    for case in 0..3_000 {
        let (g, starts, has_minimum) = FLAT[case % FLAT.len()];
        let (s, w) = (stream.power(40), stream.power(8));
        let start = w * starts[case / FLAT.len() % 2];
        let tolerance =
            if case % 3 == 0 { 0.0 } else { s / w * 10_f64.powi(stream.uniform(-14.0, -6.0) as i32) };
        let scaled = |x: f64| {
            let [value, slope, second] = g(x / w);
            (s * value, s / w * slope, s / w / w * second)
        };
        let report = ScalarNewton::new().tolerance(tolerance).minimum(scaled, start).unwrap();
        let what = format!("{case} × {w:e} from {start:e}, to {tolerance:e}: {report}");
        match case % FLAT.len() {
            // a long way over a plateau may take more steps than there are
            6 | 7 => assert!(!report.converged() || report.value < -0.99 * s, "{what}"),
            _ => assert_eq!(report.converged(), has_minimum, "{what}"),
        }
        assert!(scaled(report.x).0 <= scaled(start).0, "{case}: {report}");
        let pure = ScalarNewton::pure().tolerance(tolerance).minimum(scaled, start).unwrap();
        if !has_minimum || case % FLAT.len() == 6 {
            assert!(!pure.converged(), "{case} × {w:e} from {start:e}, to {tolerance:e}: {pure}");
        }
    }
    // single precision
    let cube = ScalarNewton::<f32>::new().minimum(|x| (x * x * x, 3.0 * x * x, 6.0 * x), 0.0).unwrap();
    assert!(!cube.converged(), "{cube}");
    let pure = ScalarNewton::<f32>::pure().minimum(|x| (x * x * x, 3.0 * x * x, 6.0 * x), 0.0).unwrap();
    assert_eq!((pure.termination, pure.kind), (Termination::ZeroDerivative, Some(CriticalKind::Degenerate)));
    let well = |x: f32| {
        let e = (-x * x).exp();
        (-e, 2.0 * x * e, (2.0 - 4.0 * x * x) * e)
    };
    let report = ScalarNewton::<f32>::new().minimum(well, 12.0).unwrap();
    assert!(report.converged() && report.x.abs() < 1e-6, "{report}");
}

/// `2^k g(x/w − c)` from anywhere: a quartic's minimum is found, a cube has none, and a cosine's is no maximum.
fn in_any_unit<T: Real>(cases: usize, most: i32) {
    let mut stream = Stream(246_813_579_111);
    for case in 0..cases {
        let (s, w) = (T::of(stream.power(most)), T::of(stream.power(most)));
        // a number with few digits, so that x/w = c is met; every fourth time 0
        let c =
            if case % 4 == 0 { T::zero() } else { T::of((64.0 * stream.uniform(-5.0, 5.0)).round() / 64.0) };
        let start = w * (c + T::of(stream.uniform(-5.0, 5.0)));
        let kind = case % 3;
        let scaled = |x: T| {
            let u = x / w - c;
            let [g, slope, second] = match kind {
                0 => [u.powi(4), T::of(4.0) * u.powi(3), T::of(12.0) * u * u],
                1 => [u.powi(3), T::of(3.0) * u * u, T::of(6.0) * u],
                _ => [u.cos(), -u.sin(), -u.cos()],
            };
            (s * g, s / w * slope, s / w / w * second)
        };
        for method in [ScalarNewton::new(), ScalarNewton::pure()] {
            let report = method.minimum(scaled, start).unwrap();
            let u = report.x / w - c;
            let what = format!("{case} × {w} at {c} from {start}: u = {u}, {report}");
            let is_minimum = [u.abs() < T::of(0.01), false, u.cos() < T::of(-0.99)][kind];
            assert!(is_minimum || !report.converged(), "{what}");
            let is_safe = method == ScalarNewton::new();
            assert!(!is_safe || report.converged() || kind == 1, "{what}");
            assert!(!is_safe || scaled(report.x).0 <= scaled(start).0, "{what}");
        }
    }
}

#[test]
fn no_unit_decides_what_is_a_minimum() {
    in_any_unit::<f64>(6_000, 200);
    in_any_unit::<f32>(6_000, 20);
}

#[test]
fn no_maximum_is_called_a_minimum() {
    let s = 2_f32.powi(-16);
    let cosine = |x: f32| ((x / s).cos(), -(x / s).sin() / s, -(x / s).cos() / s / s);
    let report = ScalarNewton::new().minimum(cosine, -7.107_748e-5).unwrap();
    assert!(report.converged() && report.value < -0.99, "{report}");
}

/// `(f, f')` with a root at 0, or with none.
type Crossing = (fn(f64) -> [f64; 2], bool);

const CROSSINGS: [Crossing; 16] = [
    (|u| [u, 1.0], true),
    (|u| [u.powi(3), 3.0 * u * u], true),
    (|u| [u.cbrt(), u.cbrt().powi(-2) / 3.0], true),
    (|u| [u.atan(), 1.0 / (1.0 + u * u)], true),
    (|u| [u.sinh(), u.cosh()], true),
    (|u| [(100.0 * u).tanh(), 100.0 * (100.0 * u).cosh().powi(-2)], true),
    (|u| [u.exp_m1(), u.exp()], true),
    (|u| [u + 0.3 * u * u, 1.0 + 0.6 * u], true),
    (|u| [u * u.abs(), 2.0 * u.abs()], true),
    (|u| [1.0 / u, -1.0 / (u * u)], false),
    (|u| [-1.0 / u.powi(3), 3.0 / u.powi(4)], false),
    (|u| [u.signum() / u.abs().sqrt(), -0.5 * u.abs().powf(-1.5)], false),
    (|u| [1.0 / u.tan(), -u.sin().powi(-2)], false),
    (|u| [u + u.signum(), 1.0], false),
    (|u| [u.signum(), 0.0], false),
    (|u| [(u - 1.0) * u.signum() + 3.0 * u.signum(), u.signum()], false),
];

/// A pole or a jump is no root, however `f` and `x` are scaled and shifted.
#[test]
fn a_change_of_sign_is_a_root_only_without_a_jump() {
    let mut stream = Stream(98_765_432_123_456);
    for case in 0..6_000 {
        let (f, has_root) = CROSSINGS[case % CROSSINGS.len()];
        let (s, w) = (stream.power(200), stream.power(40));
        let c = w * stream.uniform(-1.0, 1.0) * 10_f64.powi(stream.uniform(-3.0, 3.0) as i32);
        let call = |x: f64| {
            let [value, slope] = f((x - c) / w);
            (s * value, s / w * slope)
        };
        let (a, b) = (c - w * stream.uniform(0.2, 1.4), c + w * stream.uniform(0.2, 1.4));
        let newton = ScalarNewton::new().bracket(a, b);
        for report in [newton.root(call, a), newton.root(call, b), Brent::new().root(|x| call(x).0, (a, b))] {
            let report = report.unwrap();
            // at c itself a function may say what it likes
            if (report.x - c).abs() > 0.0 || has_root {
                assert_eq!(report.converged(), has_root, "{case} at {c:e} × {w:e}, [{a:e}, {b:e}]: {report}");
            }
        }
    }
}

#[test]
fn values_tell_minima_from_poles_jumps_and_edges_f64() {
    brent::<f64>(20_000, 60, &[0.0, 1.0]);
    brent::<f64>(4_000, 60, &[1e3, 1e6, -1e4]);
}

#[test]
fn values_tell_minima_from_poles_jumps_and_edges_f32() {
    brent::<f32>(20_000, 10, &[0.0, 1.0]);
    brent::<f32>(4_000, 10, &[1e2, -30.0]);
}

/// `g`, `g'`, `g''`.
type Jet = fn(f64) -> [f64; 3];

/// Strictly convex: every minimum has curvature, however far the move that hit it.
const BOWLS: [Jet; 4] = [
    |u| [u.exp() - u, u.exp_m1(), u.exp()],
    |u| [u.cosh(), u.sinh(), u.cosh()],
    |u| if u > -1.0 { [u - u.ln_1p(), u / (1.0 + u), (1.0 + u).powi(-2)] } else { [f64::NAN; 3] },
    |u| [u * u + u.powi(4), 2.0 * u + 4.0 * u.powi(3), 2.0 + 12.0 * u * u],
];

/// Falling for ever, to nothing.
const SLIDES: [Jet; 4] = [
    |u| {
        let p = 1.0 / (1.0 + u.exp());
        [if u > 0.0 { (-u).exp().ln_1p() } else { u.exp().ln_1p() - u }, -p, p * (1.0 - p)]
    },
    |u| [(-u).exp(), -(-u).exp(), (-u).exp()],
    |u| [-u.tanh(), u.tanh().powi(2) - 1.0, 2.0 * u.tanh() / u.cosh().powi(2)],
    |u| {
        [
            (-2.0 * u).exp() + (-u).exp(),
            -2.0 * (-2.0 * u).exp() - (-u).exp(),
            4.0 * (-2.0 * u).exp() + (-u).exp(),
        ]
    },
];

#[test]
fn newton_tells_bowls_from_slides() {
    let mut stream = Stream(24_681_357);
    let mut converged = 0;
    for case in 0..4_000 {
        let is_bowl = case % 2 == 0;
        let jet = if is_bowl { BOWLS[case / 2 % 4] } else { SLIDES[case / 2 % 4] };
        let w = stream.power(40);
        let c = if case % 3 == 0 { 0.0 } else { w * stream.uniform(-4.0, 4.0).round() };
        let call = |x: f64| {
            let [g, first, second] = jet((x - c) / w);
            (g, first / w, second / w / w)
        };
        // from far out on its other side a tanh is level
        let least = if is_bowl {
            -0.9
        } else if case / 2 % 4 == 2 {
            -2.0
        } else {
            -20.0
        };
        let start = c + w * stream.uniform(least, if is_bowl { 9.0 } else { 5.0 });
        let report = ScalarNewton::new().minimum(call, start).unwrap();
        assert!(is_bowl || !report.converged(), "{case}: {start:e} in {w:e}: {report}");
        if report.converged() {
            assert_eq!(report.kind, Some(CriticalKind::Minimum), "{case}: {start:e} in {w:e}: {report}");
            converged += 1;
        }
    }
    assert!(converged > 1_900, "{converged}");
}

/// An end of the bracket where the slope is zero is no minimum where `g` falls inwards.
#[test]
fn an_inflection_at_an_end_is_no_minimum() {
    let mut stream = Stream(112_358);
    for _ in 0..500 {
        let (w, c) = (stream.power(30), stream.uniform(-3.0, 3.0).round());
        let c = w * c;
        let call = |x: f64| {
            let u = (x - c) / w;
            (u.powi(4) + u.powi(3), (4.0 * u.powi(3) + 3.0 * u * u) / w, (12.0 * u * u + 6.0 * u) / w / w)
        };
        let (start, width) = (c - w * stream.uniform(0.1, 1.9), 2.0 * w);
        let report = ScalarNewton::new().bracket(c - width, c).minimum(call, start).unwrap();
        assert!(report.converged() && ((report.x - c) / w + 0.75).abs() < 1e-6, "{report}");
    }
}

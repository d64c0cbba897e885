//! The derivative checker on random functions: steep, oscillating, narrow, beside large offsets, in every unit. A right
//! derivative never fails; a wrong sign, a zeroed, swapped or shortened entry never passes.
#![expect(clippy::float_cmp, reason = "exact numbers, compared as they are")]

use gradus::check::{self, CheckReport, Verdict};
use gradus::{Function, Hessian, HessianProduct, Objective, Real};
use nalgebra::{DMatrix, DVector, dvector};

/// A seeded stream of numbers (xorshift, Marsaglia 2003).
struct Stream(u64);

impl Stream {
    fn uniform(&mut self, a: f64, b: f64) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        a + (b - a) * (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, n: usize) -> usize {
        self.uniform(0.0, n as f64) as usize
    }
}

/// `(f, f', f'')` at `u`, and how far from 0 to look.
type Shape = (fn(f64, f64) -> [f64; 3], f64);

fn exp(k: f64, u: f64) -> [f64; 3] {
    let e = (k * u).exp();
    [e, k * e, k * k * e]
}

fn sine(k: f64, u: f64) -> [f64; 3] {
    let (sin, cos) = (k * u).sin_cos();
    [sin, k * cos, -k * k * sin]
}

fn bump(k: f64, u: f64) -> [f64; 3] {
    let e = (-k * u * u).exp();
    [e, -2.0 * k * u * e, (4.0 * k * k * u * u - 2.0 * k) * e]
}

const SHAPES: [Shape; 11] = [
    (exp, 1.5),
    (|p, u| exp(80.0 * p, u), 0.1),
    (|p, u| exp(250.0 * p, u), 0.03),
    (sine, 1.5),
    (|p, u| sine(30.0 * p, u), 1.5),
    (bump, 1.0),
    (|p, u| bump(1e4 * p, u), 0.015),
    (|p, u| [u * u * u - p * u, 3.0 * u * u - p, 6.0 * u], 1.5),
    (|p, u| [0.5 * p * u * u, p * u, p], 1.5),
    (|p, u| [p * (u + 4.0).ln(), p / (u + 4.0), -p / ((u + 4.0) * (u + 4.0))], 1.5),
    (
        |p, u| {
            let q = 1.0 + p * p * u * u;
            [(p * u).atan(), p / q, -2.0 * p * p * p * u / (q * q)]
        },
        1.5,
    ),
];

/// `offset + Σ aᵢ gᵢ(xᵢ/wᵢ) + c x₀x₁/(w₀w₁)`.
struct Sum {
    terms: Vec<(Shape, f64, f64, f64)>,
    coupling: f64,
    offset: f64,
}

impl Sum {
    fn random(stream: &mut Stream, single: bool) -> Self {
        let n = 1 + stream.below(4);
        let (decades, offsets) = if single { (3.0, 2) } else { (9.0, 3) };
        let units = if stream.below(2) == 0 { decades } else { 0.0 };
        let sizes = if stream.below(4) == 0 { 3.0 } else { 0.0 };
        let mut term = || {
            let (shape, p) = (SHAPES[stream.below(SHAPES.len())], stream.uniform(0.3, 3.0));
            let unit = 10_f64.powf(stream.uniform(-units, units));
            (shape, p, unit, 10_f64.powf(stream.uniform(-sizes, sizes)))
        };
        let terms = (0..n).map(|_| term()).collect();
        let offset = if units + sizes == 0.0 && !single { 1e12 } else { 1e3 };
        let offset = [0.0, 1.0, offset][stream.below(offsets)];
        Self { terms, coupling: stream.uniform(-1.0, 1.0), offset }
    }

    fn point<T: Real>(&self, stream: &mut Stream) -> DVector<T> {
        let n = self.terms.len();
        DVector::from_fn(n, |i, _| {
            let (shape, _, unit, _) = self.terms[i];
            T::of(unit * shape.1 * stream.uniform(0.05, 1.0) * if stream.below(2) == 0 { -1.0 } else { 1.0 })
        })
    }

    fn at<T: Real>(&self, x: &DVector<T>) -> (f64, DVector<f64>, DMatrix<f64>) {
        let n = x.len();
        let (mut f, mut g, mut h) = (self.offset, DVector::zeros(n), DMatrix::zeros(n, n));
        for (i, &((shape, _), p, unit, size)) in self.terms.iter().enumerate() {
            let [value, slope, second] = shape(p, x[i].f64() / unit);
            f += size * value;
            g[i] += size * slope / unit;
            h[(i, i)] += size * second / (unit * unit);
        }
        if n > 1 {
            let (v, w) = (self.terms[0].2, self.terms[1].2);
            let (a, b, c) = (x[0].f64() / v, x[1].f64() / w, self.coupling);
            f += c * a * b;
            g[0] += c * b / v;
            g[1] += c * a / w;
            h[(0, 1)] += c / (v * w);
            h[(1, 0)] = h[(0, 1)];
        }
        (f, g, h)
    }

    /// As an objective with its derivatives spoilt.
    fn spoilt<'f, T: Real>(
        &'f self, gradient: impl Fn(&mut DVector<f64>) + 'f, hessian: impl Fn(&mut DMatrix<f64>) + 'f,
    ) -> impl gradus::Hessian<T> + 'f {
        Function::new(self.terms.len(), move |x: &DVector<T>, out: &mut DVector<T>| {
            let (f, mut g, _) = self.at(x);
            gradient(&mut g);
            out.copy_from(&g.map(T::of));
            T::of(f)
        })
        .with_hessian(move |x: &DVector<T>, out: &mut DMatrix<T>| {
            let mut h = self.at(x).2;
            hessian(&mut h);
            out.copy_from(&h.map(T::of));
        })
    }
}

fn spoil(fault: usize, entry: f64) -> f64 {
    match fault {
        0 => entry,
        1 => -entry,
        2 => 0.0,
        _ => 0.9 * entry,
    }
}

fn judged<T: Real>(report: &CheckReport<T>, fault: usize, what: &str) {
    let wrong = if fault == 0 { Verdict::Failed } else { Verdict::Passed };
    assert_ne!(report.verdict(), wrong, "{what}, fault {fault}:\n{report}");
}

fn battery<T: Real>(cases: usize) {
    let mut stream = Stream(88_172_645_463_325_252);
    let (epsilon, mut caught, mut wrong) = (T::EPSILON.f64(), 0, 0);
    for case in 0..cases {
        let sum = Sum::random(&mut stream, epsilon > 1e-10);
        let x: DVector<T> = sum.point(&mut stream);
        let (f, g, h) = sum.at(&x);
        let i = stream.below(x.len());
        let (what, unit) = (format!("case {case} at {x}, {i}"), x[i].f64().abs());
        // what an entry changes f or ∇f by, against their rounding
        let tells = [g[i] * unit / f, h[(i, i)] * unit / g[i]].map(|part| part.abs() > 1e4 * epsilon);
        for fault in 0..4 {
            if fault == 0 || tells[0] {
                let mut spoilt = sum.spoilt::<T>(|g| g[i] = spoil(fault, g[i]), |_| {});
                let report = check::gradient(&mut spoilt, &x).unwrap();
                judged(&report, fault, &what);
                wrong += usize::from(fault > 0);
                caught += usize::from(fault > 0 && report.verdict() == Verdict::Failed);
            }
            if fault == 0 || tells[1] {
                let mut spoilt = sum.spoilt::<T>(|_| {}, |h| h[(i, i)] = spoil(fault, h[(i, i)]));
                judged(&check::hessian(&mut spoilt, &x).unwrap(), fault, &what);
            }
        }
        let j = (i + 1) % x.len();
        if x.len() > 1 && tells[0] && (g[i] - g[j]).abs() > 0.01 * g[i].abs() {
            let mut spoilt = sum.spoilt::<T>(|g| g.swap_rows(i, j), |_| {});
            judged(&check::gradient(&mut spoilt, &x).unwrap(), 4, &what);
        }
    }
    println!("{caught} of {wrong} faults fail, the others are undecided");
    assert!(10 * caught > 8 * wrong, "{caught} of {wrong}");
}

#[test]
fn right_derivatives_never_fail_and_wrong_ones_never_pass_f64() {
    battery::<f64>(3_000);
}

#[test]
fn right_derivatives_never_fail_and_wrong_ones_never_pass_f32() {
    battery::<f32>(3_000);
}

#[test]
fn a_wrong_sign_is_wrong_however_steep_the_function() {
    for k in [5.0, 20.0, 200.0, 760.0, -760.0] {
        for sign in [1.0, -1.0, 0.0] {
            let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
                g[0] = sign * k * (k * x[0]).exp();
                (k * x[0]).exp()
            });
            let verdict = check::gradient(&mut f, &dvector![1e-3]).unwrap().verdict();
            assert_eq!(verdict, if sign == 1.0 { Verdict::Passed } else { Verdict::Failed }, "{k}, {sign}");
        }
    }
}

/// A step as long as a period, or as the way across a bump, sees nothing.
#[test]
fn long_steps_pass_over_nothing() {
    for k in [8.0, 64.0, 1024.0] {
        let wave = 2.0 * std::f64::consts::PI * k;
        for sign in [1.0, 0.0, -1.0] {
            let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
                g[0] = sign * wave * (wave * x[0]).cos();
                (wave * x[0]).sin()
            });
            let verdict = check::gradient(&mut f, &dvector![0.0]).unwrap().verdict();
            assert_eq!(verdict == Verdict::Passed, sign == 1.0, "{k}, {sign}");
            assert!(sign != 1.0 || verdict != Verdict::Failed);
        }
    }
}

/// In units of `2^±most`, at 0 and elsewhere: the lengths of the steps are found from the function.
fn any_unit<T: Real>(most: f64) {
    let mut stream = Stream(1_357_911_131_719);
    let shapes: [fn(f64) -> [f64; 3]; 5] = [
        |u| [(u - 0.5) * (u - 0.5), 2.0 * (u - 0.5), 2.0],
        |u| [u * u * u - u, 3.0 * u * u - 1.0, 6.0 * u],
        |u| sine(1.0, u),
        |u| exp(1.0, u),
        |u| {
            let q = 1.0 / (1.0 + u * u);
            [q, -2.0 * u * q * q, (6.0 * u * u - 2.0) * q * q * q]
        },
    ];
    for case in 0..2_000 {
        let (shape, unit) = (shapes[case % 5], stream.uniform(-most, most).floor().exp2());
        let at = [0.0, -1.0, stream.uniform(-1.5, 1.5)][case % 3];
        let x = DVector::from_element(1, T::of(at * unit));
        let [_, slope, second] = shape(x[0].f64() / unit);
        for fault in 0..4 {
            let function = |faults: [usize; 2]| {
                Function::new(1, move |x: &DVector<T>, g: &mut DVector<T>| {
                    let [value, slope, _] = shape(x[0].f64() / unit);
                    g[0] = T::of(spoil(faults[0], slope / unit));
                    T::of(value)
                })
                .with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
                    h[0] = T::of(spoil(faults[1], shape(x[0].f64() / unit)[2] / unit / unit));
                })
            };
            let what = format!("case {case} at {at} × {unit}");
            if fault == 0 || slope.abs() > 0.05 {
                judged(&check::gradient(&mut function([fault, 0]), &x).unwrap(), fault, &what);
            }
            if fault == 0 || second.abs() > 0.05 {
                judged(&check::hessian(&mut function([0, fault]), &x).unwrap(), fault, &what);
            }
        }
    }
}

#[test]
fn no_unit_decides() {
    any_unit::<f64>(240.0);
    any_unit::<f32>(40.0);
}

/// What saturates is resolved to the rounding of 1: no difference over short steps is no derivative of zero.
fn saturated<T: Real>(most: f64) {
    let mut stream = Stream(2_718_281_828);
    for case in 0..500 {
        let (k, u) = (stream.uniform(0.5, 8.0), stream.uniform(-most, most));
        for fault in [0, 2] {
            let mut f = Function::new(1, move |x: &DVector<T>, g: &mut DVector<T>| {
                let t = (T::of(k) * x[0]).tanh();
                g[0] = T::of(k) * (T::one() - t * t);
                t
            })
            .with_hessian(move |x: &DVector<T>, h: &mut DMatrix<T>| {
                let t = (T::of(k) * x[0]).tanh();
                h[0] = T::of(spoil(fault, 1.0) * -2.0 * k * k) * t * (T::one() - t * t);
            });
            let x = DVector::from_element(1, T::of(u / k));
            let slope = 1.0 - (T::of(k) * x[0]).tanh().f64().powi(2);
            if slope > 4.0 * T::EPSILON.f64() {
                let report = check::hessian(&mut f, &x).unwrap();
                judged(&report, fault, &format!("case {case}, tanh({k} x) at {u}"));
            }
        }
    }
}

#[test]
fn saturation_is_no_zero() {
    saturated::<f64>(15.0);
    saturated::<f32>(6.0);
}

/// Several variables in one unit of `2^±most`, some of them zero: lengths are those of the coordinates.
fn any_unit_of_several<T: Real>(most: f64, shapes: &[Shape]) {
    let mut stream = Stream(31_415_926_535);
    for case in 0..500 {
        let unit = stream.uniform(-most, most).floor().exp2();
        let mut term = || (shapes[stream.below(shapes.len())], stream.uniform(0.5, 2.0), unit, 1.0);
        let terms = vec![term(), term(), term()];
        let sum = Sum { terms, coupling: stream.uniform(0.5, 1.0), offset: 0.0 };
        let mut x: DVector<T> = sum.point(&mut stream);
        let zero = stream.below(3);
        if case % 3 > 0 {
            x[zero] = T::zero();
        }
        let (_, g, h) = sum.at(&x);
        let what = format!("case {case} at {x}, unit {unit}");
        for fault in 0..3 {
            let tells = |entry: f64, all: f64| fault == 0 || entry.abs() > 0.05 * all;
            if tells(g[zero], g.amax()) {
                let mut spoilt = sum.spoilt::<T>(|g| g[zero] = spoil(fault, g[zero]), |_| {});
                judged(&check::gradient(&mut spoilt, &x).unwrap(), fault, &what);
            }
            if tells(h[(zero, zero)], h.amax()) {
                let mut spoilt =
                    Products(sum.spoilt::<T>(|_| {}, |h| h[(zero, zero)] = spoil(fault, h[(zero, zero)])));
                judged(&check::hessian_product(&mut spoilt, &x).unwrap(), fault, &what);
            }
        }
    }
}

/// Products by the Hessian.
struct Products<F>(F);

impl<T: Real, F: Objective<T>> Objective<T> for Products<F> {
    fn dim(&self) -> usize {
        self.0.dim()
    }
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.0.value_gradient(x, gradient)
    }
}

impl<T: Real, F: Hessian<T>> HessianProduct<T> for Products<F> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut hessian = DMatrix::zeros(x.len(), x.len());
        self.0.hessian(x, &mut hessian);
        out.copy_from(&(hessian * v));
    }
}

#[test]
fn no_unit_of_several_decides() {
    let shapes: [Shape; 4] = [SHAPES[0], SHAPES[3], SHAPES[5], SHAPES[7]];
    any_unit_of_several::<f64>(120.0, &shapes);
    any_unit_of_several::<f32>(30.0, &shapes);
}

/// A zero that a large offset hides is not confirmed; one beside which others are seen is.
#[test]
fn a_zero_is_confirmed_only_where_it_could_be_seen() {
    let verdict = |offset: f64, second: f64| {
        let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
            g.copy_from_slice(&[0.0, second]);
            offset + second * x[1] + 1e-9 * x[0]
        });
        assert!(f.dim() == 2);
        check::gradient(&mut f, &dvector![0.3, 0.4]).unwrap().components[1].verdict
    };
    assert_eq!(verdict(1e12, 0.0), Verdict::Undecided);
    assert_eq!(verdict(0.0, 1.0), Verdict::Failed);
}

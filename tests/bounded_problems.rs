//! Known problems within bounds: Hock and Schittkowski's, SciPy's answers (`tests/data/bounds.py`), and least squares
//! without negative coefficients against all active sets.

use std::f64::consts::PI;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Bounds, CriticalKind, EmpiricalRisk, Error, Hessian, Lbfgs, LevenbergMarquardt, LogLoss, Newton,
    Objective, Perceptron, Report, Residuals, SigmoidClassifier, SquaredError, Stop, TrustRegion, minimize,
};
use num_dual::DualNum;
use serde_json::Value;

use draw::Draw;

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

const INFINITY: f64 = f64::INFINITY;

/// Hock and Schittkowski, *Test Examples for Nonlinear Programming Codes*, Lecture Notes in Economics and Mathematical
/// Systems 187 (1981): the problems that have bounds alone.
struct HockSchittkowski {
    number: usize,
    start: Vec<f64>,
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Points of known local minima, the book's first.
    minima: Vec<Vec<f64>>,
}

impl Objective<f64> for HockSchittkowski {
    fn dim(&self) -> usize {
        self.start.len()
    }
    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        let outside = |(x, (low, high)): (&f64, (&f64, &f64))| x < low || x > high;
        assert!(!x.iter().zip(self.lower.iter().zip(&self.upper)).any(outside), "asked outside: {x}");
        let (f, g) = num_dual::gradient(|x| formula(self.number, x.as_slice()), x);
        gradient.copy_from(&g);
        f
    }
}

impl Hessian<f64> for HockSchittkowski {
    fn hessian(&mut self, x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        hessian.copy_from(&num_dual::hessian(|x| formula(self.number, x.as_slice()), x).2);
    }
}

fn formula<D: DualNum<Primitive = f64> + Clone>(number: usize, x: &[D]) -> D {
    let at = |i: usize| x[i].clone();
    let one = D::from(1.0);
    match number {
        1 | 2 => (at(1) - at(0).powi(2)).powi(2) * 100.0 + (one - at(0)).powi(2),
        3 => at(1) + (at(1) - at(0)).powi(2) * 1e-5,
        4 => (at(0) + 1.0).powi(3) / 3.0 + at(1),
        5 => (at(0) + at(1)).sin() + (at(0) - at(1)).powi(2) - at(0) * 1.5 + at(1) * 2.5 + 1.0,
        25 => (1..100).fold(D::from(0.0), |sum, i| {
            let share = 0.01 * f64::from(i);
            let u = 25.0 + (-50.0 * share.ln()).powf(2.0 / 3.0);
            // a base of zero has no derivative of its power
            let power = ((-at(1) + u).ln() * at(2)).exp();
            sum + ((-power / at(0)).exp() - share).powi(2)
        }),
        38 => {
            (at(1) - at(0).powi(2)).powi(2) * 100.0
                + (one.clone() - at(0)).powi(2)
                + (at(3) - at(2).powi(2)).powi(2) * 90.0
                + (one.clone() - at(2)).powi(2)
                + ((at(1) - 1.0).powi(2) + (at(3) - 1.0).powi(2)) * 10.1
                + (at(1) - 1.0) * (at(3) - 1.0) * 19.8
        }
        45 => -x.iter().cloned().fold(one, |product, x| product * x) / 120.0 + 2.0,
        110 => {
            let terms = x.iter().cloned().map(|x| (x.clone() - 2.0).ln().powi(2) + (-x + 10.0).ln().powi(2));
            let sum = terms.fold(D::from(0.0), |sum, term| sum + term);
            sum - x.iter().cloned().fold(one, |product, x| product * x).powf(0.2)
        }
        _ => unreachable!("no problem of bounds alone has this number"),
    }
}

fn problems() -> Vec<HockSchittkowski> {
    let a = (598.0_f64 / 1200.0).sqrt();
    let b = 400.0 * a.powi(3);
    let second = |k: f64| vec![2.0 * a * ((b.recip().acos() + 2.0 * PI * k) / 3.0).cos(), 1.5];
    let of = |number, start: &[f64], lower: &[f64], upper: &[f64], minima: Vec<Vec<f64>>| HockSchittkowski {
        number,
        start: start.to_vec(),
        lower: lower.to_vec(),
        upper: upper.to_vec(),
        minima,
    };
    let (none, infinite) = ([-INFINITY; 2], [INFINITY; 2]);
    vec![
        of(1, &[-2.0, 1.0], &[none[0], -1.5], &infinite, vec![vec![1.0, 1.0]]),
        of(2, &[-2.0, 1.0], &[none[0], 1.5], &infinite, vec![second(0.0), second(1.0)]),
        of(3, &[10.0, 1.0], &[none[0], 0.0], &infinite, vec![vec![0.0, 0.0]]),
        of(4, &[1.125, 0.125], &[1.0, 0.0], &infinite, vec![vec![1.0, 0.0]]),
        of(
            5,
            &[0.0, 0.0],
            &[-1.5, -3.0],
            &[4.0, 3.0],
            vec![vec![0.5 - PI / 3.0, -0.5 - PI / 3.0], vec![4.0, 3.0]],
        ),
        of(25, &[60.0, 20.0, 2.0], &[0.1, 0.0, 0.0], &[100.0, 25.6, 5.0], vec![vec![50.0, 25.0, 1.5]]),
        of(38, &[-3.0, -1.0, -3.0, -1.0], &[-10.0; 4], &[10.0; 4], vec![vec![1.0; 4]]),
        of(45, &[2.0; 5], &[0.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0], vec![vec![1.0, 2.0, 3.0, 4.0, 5.0]]),
        of(110, &[9.0; 10], &[2.001; 10], &[9.999; 10], vec![vec![9.350265833069052; 10]]),
    ]
}

fn run(method: usize, f: &mut HockSchittkowski) -> Result<Report<f64>, Error> {
    let start = DVector::from_vec(f.start.clone());
    let bounds = Bounds::new(DVector::from_vec(f.lower.clone()), DVector::from_vec(f.upper.clone()));
    match method {
        0 => minimize(&mut TrustRegion::new().bounds(bounds), f, start, &Stop::default()),
        1 => minimize(&mut Newton::new().bounds(bounds), f, start, &Stop::default()),
        _ => minimize(&mut Lbfgs::new().bounds(bounds), f, start, &Stop::default()),
    }
}

#[test]
fn hock_and_schittkowski() -> Result<(), Error> {
    for mut f in problems() {
        for method in 0..3 {
            let mut report = run(method, &mut f)?;
            let found = f.minima.iter().any(|x| (&report.x - DVector::from_vec(x.clone())).amax() < 1e-4);
            assert!(report.converged() && found, "{} by {method}: {report}", f.number);
            report.certify(&mut f)?;
            assert_eq!(report.kind(), Some(CriticalKind::Minimum), "{} by {method}: {report}", f.number);
        }
    }
    Ok(())
}

fn scipy(name: &str) -> Value {
    let cases: Vec<Value> = serde_json::from_str(&tables::read("tests/data/bounds.json")).unwrap();
    cases.into_iter().find(|case| case["name"] == name).unwrap()
}

fn numbers(case: &Value, key: &str) -> DVector<f64> {
    let numbers = case[key].as_array().unwrap().iter().map(|x| x.as_f64().unwrap());
    DVector::from_vec(numbers.collect())
}

#[track_caller]
fn assert_close(found: &DVector<f64>, expected: &DVector<f64>, tolerance: f64) {
    assert!((found - expected).amax() <= tolerance * expected.amax(), "{found} {expected}");
}

fn methods(
    bounds: &Bounds<f64>, f: &mut impl Hessian<f64>, start: &DVector<f64>,
) -> Result<[Report<f64>; 3], Error> {
    let (bounds, stop) = (|| bounds.clone(), Stop::default());
    Ok([
        minimize(&mut TrustRegion::new().bounds(bounds()), f, start.clone(), &stop)?,
        minimize(&mut Newton::new().bounds(bounds()), f, start.clone(), &stop)?,
        minimize(&mut Lbfgs::new().bounds(bounds()), f, start.clone(), &stop)?,
    ])
}

#[test]
fn a_logistic_fit_without_negative_weights() -> Result<(), Error> {
    let (x, y) = tables::standardised("breast_cancer");
    let y = y.map(|y| 1.0 - y);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(30), LogLoss, &x, &y)?.ridge(1e-3);
    let case = scipy("logistic");
    let bounds = (0..30).fold(Bounds::unbounded(31), |bounds, i| bounds.lower(i, 0.0));
    for report in methods(&bounds, &mut risk, &DVector::zeros(31))? {
        assert!(report.converged(), "{report}");
        assert_close(&report.x, &numbers(&case, "x"), 1e-7);
        assert_close(report.face.as_ref().unwrap().multipliers(), &numbers(&case, "multipliers"), 1e-7);
        assert!((report.value - case["value"].as_f64().unwrap()).abs() < 1e-14);
        assert!(report.kind().is_none_or(|kind| kind == CriticalKind::Minimum), "{report}");
    }
    Ok(())
}

#[test]
fn a_bounded_valley_as_scipy_leaves_it() -> Result<(), Error> {
    let case = scipy("rosenbrock");
    let (low, high) = (numbers(&case, "low"), numbers(&case, "high"));
    for report in methods(
        &Bounds::new(low, high),
        &mut gradus::problems::Rosenbrock::new(10),
        &numbers(&case, "start"),
    )? {
        assert!(report.converged(), "{report}");
        assert_close(&report.x, &numbers(&case, "x"), 1e-8);
        assert_close(report.face.as_ref().unwrap().multipliers(), &numbers(&case, "multipliers"), 1e-7);
    }
    Ok(())
}

/// `r = A x − b`, or a curve through points.
struct Rows<F, J> {
    dim: usize,
    count: usize,
    residuals: F,
    jacobian: J,
}

impl<F: Fn(&DVector<f64>) -> DVector<f64>, J: Fn(&DVector<f64>) -> DMatrix<f64>> Residuals<f64>
    for Rows<F, J>
{
    fn dim(&self) -> usize {
        self.dim
    }
    fn count(&self) -> usize {
        self.count
    }
    fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
        r.copy_from(&(self.residuals)(x));
    }
    fn jacobian(&mut self, x: &DVector<f64>, j: &mut DMatrix<f64>) {
        j.copy_from(&(self.jacobian)(x));
    }
}

#[test]
fn curves_within_bounds_as_scipy_fits_them() -> Result<(), Error> {
    for name in ["growth", "sigmoid"] {
        let case = scipy(name);
        let (t, y) = (numbers(&case, "t"), numbers(&case, "y"));
        let growth = name == "growth";
        let value = |b: &DVector<f64>, t: f64| match growth {
            true => b[0] * (1.0 - (-b[1] * t).exp()),
            false => b[0] / (1.0 + (b[1] - b[2] * t).exp()),
        };
        let slopes = |b: &DVector<f64>, t: f64| match growth {
            true => vec![1.0 - (-b[1] * t).exp(), b[0] * t * (-b[1] * t).exp()],
            false => {
                let e = (b[1] - b[2] * t).exp();
                let d = b[0] * e / (1.0 + e).powi(2);
                vec![1.0 / (1.0 + e), -d, d * t]
            }
        };
        let start = numbers(&case, "start");
        let curve = Rows {
            dim: start.len(),
            count: t.len(),
            residuals: |b: &DVector<f64>| DVector::from_fn(t.len(), |i, _| value(b, t[i]) - y[i]),
            jacobian: |b: &DVector<f64>| DMatrix::from_fn(t.len(), b.len(), |i, j| slopes(b, t[i])[j]),
        };
        let bounds = Bounds::new(numbers(&case, "low"), numbers(&case, "high"));
        let report = LevenbergMarquardt::new().bounds(bounds).solve(curve, start)?;
        assert!(report.converged(), "{report}");
        assert_close(&report.x, &numbers(&case, "x"), 1e-7);
        assert!((report.value / case["value"].as_f64().unwrap() - 1.0).abs() < 1e-12);
    }
    Ok(())
}

/// `min ½ ‖A x − b‖²` with `x ≥ 0` by trying every set of variables that are zero.
fn enumerated(a: &DMatrix<f64>, b: &DVector<f64>) -> DVector<f64> {
    let n = a.ncols();
    let mut best = (INFINITY, DVector::zeros(n));
    for set in 0..1usize << n {
        let free: Vec<_> = (0..n).filter(|i| set >> i & 1 == 1).collect();
        let part = a.select_columns(&free);
        let mut x = DVector::zeros(n);
        if !free.is_empty() {
            let solved = part.clone().svd(true, true).solve(b, 1e-14).unwrap();
            free.iter().zip(&solved).for_each(|(&i, &s)| x[i] = s);
        }
        let value = 0.5 * (a * &x - b).norm_squared();
        if x.min() >= 0.0 && value < best.0 {
            best = (value, x);
        }
    }
    best.1
}

#[test]
fn least_squares_without_negative_coefficients() -> Result<(), Error> {
    let mut draw = Draw::new(7);
    for case in 0..300 {
        let (n, m) = (1 + draw.below(6), 6 + draw.below(6));
        let a = DMatrix::from_fn(m, n, |_, _| draw.unit());
        let b = DVector::from_fn(m, |_, _| draw.unit());
        let expected = enumerated(&a, &b);
        let (normal, ab) = (a.transpose() * &a, a.transpose() * &b);
        let bounds = Bounds::new(DVector::zeros(n), DVector::repeat(n, INFINITY));
        let rows =
            Rows { dim: n, count: m, residuals: |x: &DVector<f64>| &a * x - &b, jacobian: |_: &_| a.clone() };
        let start = DVector::from_fn(n, |_, _| 2.0 * draw.unit());
        let report = LevenbergMarquardt::new().bounds(bounds.clone()).solve(rows, start.clone())?;
        let f = gradus::Function::new(n, |x: &DVector<f64>, g: &mut DVector<f64>| {
            g.copy_from(&(&normal * x - &ab));
            0.5 * x.dot(&(&normal * x)) - ab.dot(x)
        });
        let mut f = f.with_hessian(|_: &_, h: &mut DMatrix<f64>| h.copy_from(&normal));
        for report in [report].iter().chain(&methods(&bounds, &mut f, &start)?) {
            assert!(report.converged(), "case {case}: {report}");
            assert!((&report.x - &expected).amax() < 1e-7, "case {case}: {report} {expected}");
        }
    }
    let (x, y) = tables::standardised("diabetes");
    let centred = y.transpose().column(0).add_scalar(-y.mean());
    let (a, b) = (x.transpose(), centred);
    let rows =
        Rows { dim: 10, count: 442, residuals: |x: &DVector<f64>| &a * x - &b, jacobian: |_: &_| a.clone() };
    let bounds = Bounds::new(DVector::zeros(10), DVector::repeat(10, INFINITY));
    let report = LevenbergMarquardt::new().bounds(bounds).solve(rows, DVector::zeros(10))?;
    assert_close(&report.into_converged()?.x, &numbers(&scipy("nnls"), "x"), 1e-12);
    // by the risk: the same with a bias that is free
    let mut risk = EmpiricalRisk::new(Perceptron::new(10), SquaredError, &x, &y)?;
    let bounds = (0..10).fold(Bounds::unbounded(11), |bounds, i| bounds.lower(i, 0.0));
    let mut method = LevenbergMarquardt::new().bounds(bounds);
    let fitted = risk.fit_with(&mut method, DVector::zeros(11), &Stop::default())?;
    assert!(fitted.report.converged(), "{}", fitted.report);
    let found = fitted.parameters().rows(0, 10).into_owned();
    assert_close(&found, &numbers(&scipy("nnls"), "x"), 1e-9);
    Ok(())
}

//! Minima within bounds: against solutions that are known beforehand, and by the conditions of Karush, Kuhn and Tucker.
#![expect(clippy::float_cmp, reason = "a bound is met exactly")]

use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::{
    Bounds, CriticalKind, Error, Function, Hessian, Lbfgs, LevenbergMarquardt, Newton, Optimizer, Real,
    Report, Residuals, Stop, Termination, TrustRegion, minimize,
};

use draw::Draw;

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

const INFINITY: f64 = f64::INFINITY;

fn cast<T: Real>(x: &DVector<f64>) -> DVector<T> {
    x.map(T::of)
}

/// `½ (x − c)ᵀ H (x − c)` within bounds, whose minimum is known: everything is drawn from it.
#[derive(Debug, Clone)]
struct Quadratic {
    h: DMatrix<f64>,
    /// `∇f(0)`.
    c: DVector<f64>,
    lower: DVector<f64>,
    upper: DVector<f64>,
    x: DVector<f64>,
    multipliers: DVector<f64>,
    /// `H = BᵀB`, where that is definite.
    root: DMatrix<f64>,
    /// At bounds that hold nothing.
    weak: Vec<usize>,
    scale: f64,
}

impl Quadratic {
    /// Few digits everywhere, so that f32 holds the same problem.
    fn draw(draw: &mut Draw, is_convex: bool, has_weak: bool) -> Self {
        let n = 1 + draw.below(8);
        let short = |draw: &mut Draw| (draw.unit() * 16.0).round() / 8.0;
        let root = DMatrix::from_fn(n, n, |i, j| short(draw) + if i == j { 4.0 } else { 0.0 });
        let mut h = root.transpose() * &root;
        let units = DVector::from_fn(n, |_, _| 2f64.powi(draw.below(13) as i32 - 6));
        let (mut lower, mut upper) = (DVector::repeat(n, -INFINITY), DVector::repeat(n, INFINITY));
        let (mut x, mut multipliers) = (DVector::zeros(n), DVector::zeros(n));
        let mut weak = Vec::new();
        for i in 0..n {
            x[i] = short(draw);
            let size = 0.25 + short(draw).abs();
            match draw.below(if has_weak { 6 } else { 5 }) {
                0 => {} // free for ever
                1 => (lower[i], upper[i]) = (x[i] - size, x[i] + size),
                2 => (lower[i], multipliers[i]) = (x[i], size),
                3 => (upper[i], multipliers[i]) = (x[i], -size),
                4 => (lower[i], upper[i], multipliers[i]) = (x[i], x[i], short(draw)),
                _ => {
                    lower[i] = x[i];
                    weak.push(i);
                }
            }
        }
        if !is_convex {
            // negative only where bounds hold
            for i in (0..n).filter(|i| multipliers[*i] != 0.0) {
                h[(i, i)] -= 64.0;
            }
        }
        // x_i in units of its own: x = S x', H' = S H S
        let root = &root * DMatrix::from_diagonal(&units);
        let h = DMatrix::from_fn(n, n, |i, j| units[i] * h[(i, j)] * units[j]);
        let [x, lower, upper] = [x, lower, upper].map(|v| v.component_div(&units));
        let multipliers = multipliers.component_mul(&units);
        let c = &multipliers - &h * &x;
        let scale = 2f64.powi(draw.below(41) as i32 - 20);
        Self { h, c, lower, upper, x, multipliers, root, weak, scale }
    }

    fn bounds<T: Real>(&self) -> Bounds<T> {
        Bounds::new(cast(&self.lower), cast(&self.upper))
    }

    fn objective<T: Real>(&self) -> impl Hessian<T> {
        let h = self.h.map(|h| T::of(h * self.scale));
        let c: DVector<T> = cast(&(&self.c * self.scale));
        let second = h.clone();
        let f = Function::new(self.x.len(), move |x: &DVector<T>, g: &mut DVector<T>| {
            let hx = &h * x;
            g.copy_from(&(&hx + &c));
            T::of(0.5) * x.dot(&hx) + c.dot(x)
        });
        f.with_hessian(move |_x: &DVector<T>, out: &mut DMatrix<T>| out.copy_from(&second))
    }

    /// Anywhere, outside of the bounds too.
    fn start<T: Real>(&self, draw: &mut Draw, size: f64) -> DVector<T> {
        let units = self.h.diagonal().map(|h| 8.0 / h.abs().sqrt());
        DVector::from_fn(self.x.len(), |i, _| T::of(self.x[i] + size * draw.unit() * units[i]))
    }

    /// How far from the solution, in units of the problem.
    fn distance<T: Real>(&self, x: &DVector<T>) -> f64 {
        let d = DVector::from_fn(x.len(), |i, _| (x[i].f64() - self.x[i]) * self.h[(i, i)].abs().sqrt());
        d.amax() / 8.0
    }
}

/// The conditions of a minimum within bounds, from the definitions.
fn satisfies<T: Real>(problem: &Quadratic, report: &Report<T>, tolerance: f64) -> bool {
    let x = report.x.map(|x| x.f64());
    let g = (&problem.h * &x + &problem.c) * problem.scale;
    let face = report.face.as_ref().unwrap();
    (0..x.len()).all(|i| {
        let terms = problem.h.row(i).iter().zip(&x).fold(problem.c[i].abs(), |s, (h, x)| s + (h * x).abs());
        let size = (terms + problem.h[(i, i)].abs().sqrt()) * problem.scale;
        let multiplier = face.multipliers()[i].f64();
        let (low, high) = (T::of(problem.lower[i]).f64(), T::of(problem.upper[i]).f64());
        let sign = match () {
            () if low == high => true,
            () if x[i] == low => multiplier >= 0.0,
            () if x[i] == high => multiplier <= 0.0,
            () => multiplier == 0.0,
        };
        sign && x[i] >= low && x[i] <= high && (g[i] - multiplier).abs() <= tolerance * size
    })
}

fn solve<T: Real>(problem: &Quadratic, method: usize, start: DVector<T>) -> Result<Report<T>, Error> {
    let (stop, bounds) = (Stop::default(), problem.bounds());
    let mut f = problem.objective::<T>();
    match method {
        0 => minimize(&mut TrustRegion::new().bounds(bounds), &mut f, start, &stop),
        1 => minimize(&mut Newton::new().bounds(bounds), &mut f, start, &stop),
        2 => minimize(&mut Lbfgs::new().bounds(bounds), &mut f, start, &stop),
        _ => LevenbergMarquardt::new().bounds(bounds).solve(Rows::new(problem), start),
    }
}

/// `r = √scale (B x + B⁻ᵀ c)`.
struct Rows<T: Real> {
    root: DMatrix<T>,
    b: DVector<T>,
}

impl<T: Real> Rows<T> {
    fn new(problem: &Quadratic) -> Self {
        let b = problem.root.transpose().lu().solve(&problem.c).unwrap() * problem.scale.sqrt();
        Self { root: problem.root.map(|b| T::of(b * problem.scale.sqrt())), b: cast(&b) }
    }
}

impl<T: Real> Residuals<T> for Rows<T> {
    fn dim(&self) -> usize {
        self.root.ncols()
    }
    fn count(&self) -> usize {
        self.root.nrows()
    }
    fn residuals(&mut self, x: &DVector<T>, r: &mut DVector<T>) {
        r.copy_from(&(&self.root * x + &self.b));
    }
    fn jacobian(&mut self, _x: &DVector<T>, j: &mut DMatrix<T>) {
        j.copy_from(&self.root);
    }
}

fn quadratics<T: Real>(seed: u64, close: f64) {
    let mut draw = Draw::new(seed);
    let mut steps = [0; 4];
    for case in 0..1000 {
        let problem = Quadratic::draw(&mut draw, true, case % 4 == 3);
        for (method, steps) in steps.iter_mut().enumerate() {
            let report = solve::<T>(&problem, method, problem.start(&mut draw, 3.0)).unwrap();
            let context = || format!("case {case}, method {method}: {problem:?}\n{report}");
            assert!(report.converged(), "{}", context());
            assert!(problem.distance(&report.x) <= close, "{} {}", problem.distance(&report.x), context());
            assert!(satisfies(&problem, &report, close), "{}", context());
            let held = |i: usize| problem.multipliers[i] != 0.0;
            let listed = report.face.as_ref().unwrap().free();
            let is_free = |i: usize| listed.contains(&i);
            let fixed = |i: usize| problem.lower[i] == problem.upper[i];
            let agree = |i| held(i) != is_free(i) || fixed(i) || problem.weak.contains(&i);
            assert!((0..problem.x.len()).all(agree), "{}", context());
            // units from 1/64 to 64 leave f32 few digits of the least eigenvalues
            let is_lost = T::EPSILON.f64() > 1e-10 && report.kind() == Some(CriticalKind::Degenerate);
            let kind = Some(CriticalKind::Minimum).filter(|_| method < 2);
            assert!(report.kind() == kind || is_lost, "{}", context());
            *steps += report.evaluations;
        }
    }
    assert!(
        steps[0] <= 25_000 && steps[1] <= 15_000 && steps[2] <= 50_000 && steps[3] <= 25_000,
        "{steps:?}"
    );
}

#[test]
fn convex_quadratics_end_at_the_solution_they_were_made_from() {
    quadratics::<f64>(1, 1e-6);
    quadratics::<f32>(2, 3e-3);
}

/// Least squares of small whole numbers in a box, from its corners and middles: minima lie on bounds that hold nothing, and
/// coordinates are zero. The solution is that of the one face whose conditions hold.
fn in_a_box<T: Real>(close: f64) {
    let mut draw = Draw::new(3);
    let mut left = [0; 4];
    for _ in 0..3000 {
        let n = 2 + draw.below(3);
        let whole = |draw: &mut Draw, most: usize| draw.below(2 * most + 1) as f64 - most as f64;
        let root = DMatrix::from_fn(n, n, |_, _| whole(&mut draw, 3));
        let h = root.tr_mul(&root);
        if root.determinant().abs() < 0.5 {
            continue;
        }
        let b = DVector::from_fn(n, |_, _| whole(&mut draw, 3));
        let c = -root.tr_mul(&b);
        let x = on_faces(&h, &c).unwrap();
        let (lower, upper) = (DVector::repeat(n, -1.0), DVector::repeat(n, 1.0));
        let (multipliers, weak) = (DVector::zeros(n), Vec::new());
        let problem = Quadratic { h, c, lower, upper, x, multipliers, root, weak, scale: 1.0 };
        for (method, left) in left.iter_mut().enumerate() {
            let start = DVector::from_fn(n, |_, _| T::of(whole(&mut draw, 1)));
            let report = solve::<T>(&problem, method, start).unwrap();
            assert!(problem.distance(&report.x) <= close, "method {method}: {problem:?}\n{report}");
            *left += usize::from(!report.converged());
        }
    }
    // where coordinates were never more than rounding, they tell no size that a last step could be rounding of
    assert!(left.iter().all(|left| *left <= 4), "{left:?}");
}

#[test]
fn whole_numbers_in_a_box() {
    in_a_box::<f64>(1e-7);
    in_a_box::<f32>(1e-3);
}

/// The minimum of `½ xᵀ H x + cᵀ x` for `−1 ≤ x ≤ 1`, of all faces.
fn on_faces(h: &DMatrix<f64>, c: &DVector<f64>) -> Option<DVector<f64>> {
    let n = c.len();
    (0..3_usize.pow(n as u32)).find_map(|face| {
        let side = |i: usize| (face / 3_usize.pow(i as u32) % 3) as f64 - 1.0;
        let free: Vec<usize> = (0..n).filter(|i| side(*i) == 0.0).collect();
        let mut x = DVector::from_fn(n, |i, _| side(i));
        let g = h * &x + c;
        let block = DMatrix::from_fn(free.len(), free.len(), |a, b| h[(free[a], free[b])]);
        let slopes = DVector::from_fn(free.len(), |a, _| -g[free[a]]);
        let inside = if free.is_empty() { slopes } else { block.lu().solve(&slopes)? };
        free.iter().zip(inside.iter()).for_each(|(i, inside)| x[*i] = *inside);
        let g = h * &x + c;
        let holds = |i: usize| match side(i) {
            side if side < 0.0 => g[i] >= -1e-9,
            side if side > 0.0 => g[i] <= 1e-9,
            _ => x[i].abs() <= 1.0 + 1e-9,
        };
        (0..n).all(holds).then_some(x)
    })
}

/// Curved downwards where bounds hold: the minimum is one of many, or there is none at all.
fn indefinite<T: Real>(seed: u64, close: f64) {
    let mut draw = Draw::new(seed);
    let (mut found, mut elsewhere) = (0, 0);
    for case in 0..250 {
        let problem = Quadratic::draw(&mut draw, false, false);
        for method in 0..3 {
            let report = solve::<T>(&problem, method, problem.start(&mut draw, 1e-3)).unwrap();
            let context = || format!("case {case}, method {method}: {problem:?}\n{report}");
            let at_hand = problem.distance(&report.x) <= close;
            found += usize::from(at_hand);
            // without second derivatives rounding may end a run first, and from the start f may fall for ever
            let falls = report.termination == Termination::Divergence;
            assert!(report.converged() || !at_hand || method == 2 || falls, "{}", context());
            let report = solve::<T>(&problem, method, problem.start(&mut draw, 3.0)).unwrap();
            let context = || format!("case {case}, method {method}: {problem:?}\n{report}");
            if report.converged() {
                elsewhere += 1;
                assert!(satisfies(&problem, &report, close), "{}", context());
                assert!(method == 2 || report.kind() != Some(CriticalKind::Saddle), "{}", context());
            }
        }
    }
    assert!(found > 450 && elsewhere > 150, "{found} near, {elsewhere} anywhere");
}

#[test]
fn quadratics_that_curve_down_where_bounds_hold() {
    indefinite::<f64>(3, 1e-6);
    indefinite::<f32>(4, 3e-3);
}

/// `½ xᵀ H x + cᵀ x`.
fn quadratic(h: DMatrix<f64>, c: DVector<f64>) -> impl Hessian<f64> {
    let second = h.clone();
    let f = Function::new(c.len(), move |x: &DVector<f64>, g: &mut DVector<f64>| {
        g.copy_from(&(&h * x + &c));
        0.5 * x.dot(&(&h * x)) + c.dot(x)
    });
    f.with_hessian(move |_: &DVector<f64>, out: &mut DMatrix<f64>| out.copy_from(&second))
}

/// Runs of the trust region and of Newton within `x ≥ 0`, and of L-BFGS, judged afterwards.
fn above_zero(h: DMatrix<f64>, c: DVector<f64>, start: DVector<f64>) -> Result<[Report<f64>; 3], Error> {
    let (n, stop) = (c.len(), Stop::default());
    let bounds = || Bounds::new(DVector::zeros(n), DVector::repeat(n, INFINITY));
    let mut f = quadratic(h, c);
    let mut last = minimize(&mut Lbfgs::new().bounds(bounds()), &mut f, start.clone(), &stop)?;
    last.certify(&mut f)?;
    let first = minimize(&mut TrustRegion::new().bounds(bounds()), &mut f, start.clone(), &stop)?;
    Ok([first, minimize(&mut Newton::new().bounds(bounds()), &mut f, start, &stop)?, last])
}

#[test]
fn a_bound_with_multiplier_zero_is_named_and_judged_by_its_curvature() -> Result<(), Error> {
    // curved up in both: a minimum, whatever the multiplier
    let origin = dvector![0.0, 0.0];
    for report in above_zero(dmatrix![2.0, 1.0; 1.0, 2.0], dvector![0.0, 3.0], origin.clone())? {
        assert_eq!(report.kind(), Some(CriticalKind::Minimum), "{report}");
        assert_eq!(report.face.unwrap().degenerate(), [0]);
    }
    // flat: degenerate, and a plateau as far as was looked
    for report in above_zero(dmatrix![0.0, 0.0; 0.0, 2.0], dvector![0.0, 3.0], origin.clone())? {
        assert_eq!(report.kind(), Some(CriticalKind::Degenerate), "{report}");
        assert_eq!(report.face.unwrap().degenerate(), [0]);
    }
    // down along (1, −1) only, which leaves the bounds: no saddle, but not proved a minimum
    for report in above_zero(dmatrix![1.0, 2.0; 2.0, 1.0], dvector![0.0, 0.0], origin.clone())? {
        assert_eq!(report.kind(), Some(CriticalKind::Degenerate), "{report}");
        assert!(report.converged() && report.face.unwrap().degenerate() == [0, 1]);
    }
    Ok(())
}

#[test]
fn what_falls_inwards_is_no_minimum() -> Result<(), Error> {
    // −x² + y² from x = 0, where the slope is zero: f falls for ever
    for report in above_zero(dmatrix![-2.0, 0.0; 0.0, 2.0], dvector![0.0, 0.0], dvector![0.0, 1.0])? {
        assert!(!report.converged(), "{report}");
    }
    // the same with an end at 3
    for fixed in [false, true] {
        let bounds = Bounds::unbounded(2).lower(0, 0.0).upper(0, 3.0);
        let bounds = if fixed { bounds.fixed(1, 1.0) } else { bounds };
        let mut f = quadratic(dmatrix![-2.0, 0.0; 0.0, 2.0], dvector![0.0, 0.0]);
        let mut method = TrustRegion::new().bounds(bounds);
        let report = minimize(&mut method, &mut f, dvector![0.0, 1.0], &Stop::default())?;
        assert!(report.converged(), "{report}");
        assert_eq!((report.x[0], report.kind()), (3.0, Some(CriticalKind::Minimum)));
    }
    Ok(())
}

#[test]
fn bounds_that_are_none_are_refused() {
    let start = || dvector![0.5, 0.5];
    let refused = |bounds: Bounds<f64>| {
        let mut f = gradus::problems::Rosenbrock::new(2);
        let mut errors = Vec::new();
        errors.extend(
            minimize(&mut Newton::new().bounds(bounds.clone()), &mut f, start(), &Stop::default()).err(),
        );
        errors.extend(
            minimize(&mut TrustRegion::new().bounds(bounds.clone()), &mut f, start(), &Stop::default()).err(),
        );
        errors.extend(
            minimize(&mut Lbfgs::new().bounds(bounds.clone()), &mut f, start(), &Stop::default()).err(),
        );
        errors.extend(Newton::new().bounds(bounds.clone()).step(&mut f, &mut start()).err());
        let problem = Rows { root: DMatrix::identity(2, 2), b: start() };
        errors.extend(LevenbergMarquardt::new().bounds(bounds).solve(problem, start()).err());
        assert_eq!(errors.len(), 5, "{errors:?}");
        errors
    };
    let nan = f64::NAN;
    let wrong = [
        Bounds::new(dvector![0.0, 1.0], dvector![1.0, 0.0]),
        Bounds::unbounded(2).lower(1, nan),
        Bounds::unbounded(2).fixed(1, nan),
        Bounds::unbounded(2).fixed(1, INFINITY),
        Bounds::unbounded(2).lower(1, INFINITY),
        Bounds::unbounded(2).upper(1, -INFINITY),
    ];
    for bounds in wrong {
        for error in refused(bounds) {
            assert!(matches!(error, Error::Bounds { variable: 1, .. }), "{error}");
        }
    }
    let short = [
        (Bounds::unbounded(3), 3),
        (Bounds::unbounded(usize::MAX), usize::MAX),
        (Bounds::unbounded(2).upper(7, 1.0), 8),
        (Bounds::unbounded(2).fixed(usize::MAX, 1.0), usize::MAX),
        (Bounds::new(dvector![0.0, 0.0], dvector![1.0]), 1),
        (Bounds::new(dvector![0.0], dvector![1.0, 1.0]), 1),
    ];
    for (bounds, length) in short {
        for error in refused(bounds) {
            let expected = Error::Length { argument: "bounds", expected: 2, found: length };
            assert_eq!(error, expected);
        }
    }
}

#[test]
fn bounds_that_hold_nothing_change_no_bit() -> Result<(), Error> {
    let stop = Stop::default().trace(true);
    let start = dvector![-1.2, 1.0, -1.2, 1.0];
    let mut f = gradus::problems::Rosenbrock::new(4);
    let mut free = Vec::new();
    let mut bounded = Vec::new();
    let bounds = || Bounds::unbounded(4);
    free.push(minimize(&mut Newton::new(), &mut f, start.clone(), &stop)?);
    free.push(minimize(&mut TrustRegion::new(), &mut f, start.clone(), &stop)?);
    free.push(minimize(&mut Lbfgs::new(), &mut f, start.clone(), &stop)?);
    bounded.push(minimize(&mut Newton::new().bounds(bounds()), &mut f, start.clone(), &stop)?);
    bounded.push(minimize(&mut TrustRegion::new().bounds(bounds()), &mut f, start.clone(), &stop)?);
    bounded.push(minimize(&mut Lbfgs::new().bounds(bounds()), &mut f, start, &stop)?);
    for (free, bounded) in free.iter().zip(&bounded) {
        assert_eq!((&free.x, free.iterations, free.kind()), (&bounded.x, bounded.iterations, bounded.kind()));
        assert!(bounded.face.as_ref().is_some_and(|face| face.free().len() == 4));
    }
    Ok(())
}

#[test]
fn the_unit_of_the_function_changes_no_bit_within_bounds() {
    let mut draw = Draw::new(11);
    for case in 0..100 {
        let problem = Quadratic::draw(&mut draw, true, case % 2 == 0);
        let start: DVector<f64> = problem.start(&mut draw, 3.0);
        for method in 0..3 {
            let run = |scale| solve(&Quadratic { scale, ..problem.clone() }, method, start.clone()).unwrap();
            let (one, other) = (run(1.0), run(2f64.powi(80)));
            assert_eq!(
                (&one.x, one.termination, one.kind()),
                (&other.x, other.termination, other.kind()),
                "{case}"
            );
        }
    }
}

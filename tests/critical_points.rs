//! The verdict on a point: kinds, inertia and eigenvalues against references, and honesty where the
//! second-derivative test cannot decide.

#[path = "support/rational.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod rational;

use approx::{assert_abs_diff_eq, assert_relative_eq};
use gradus::{
    CriticalKind, CriticalPoint, Error, Function, GradientDescent, Hessian, Newton, Real, Stop, minimize,
    problems::Rosenbrock,
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

type Value<T> = fn(&DVector<T>, &mut DVector<T>) -> T;
type Curvature<T> = fn(&DVector<T>, &mut DMatrix<T>);

fn function<T: Real>(dim: usize, value: Value<T>, hessian: Curvature<T>) -> impl Hessian<T> {
    Function::new(dim, value).with_hessian(hessian)
}

/// `(x² + y − 11)² + (x + y² − 7)²`.
fn himmelblau() -> impl Hessian<f64> {
    function(
        2,
        |p, g| {
            let (x, y) = (p[0], p[1]);
            let (a, b) = (x * x + y - 11.0, x + y * y - 7.0);
            g.copy_from(&dvector![4.0 * x * a + 2.0 * b, 2.0 * a + 4.0 * y * b]);
            a * a + b * b
        },
        |p, h| {
            let (x, y) = (p[0], p[1]);
            let off = 4.0 * (x + y);
            h.copy_from(&dmatrix![12.0 * x * x + 4.0 * y - 42.0, off; off, 12.0 * y * y + 4.0 * x - 26.0]);
        },
    )
}

/// All nine critical points, to 17 digits, with their eigenvalues (from 50-digit arithmetic).
#[test]
fn himmelblau_has_four_minima_four_saddles_and_a_maximum() {
    use CriticalKind::{Maximum, Minimum, Saddle};
    let points = [
        (
            [-3.779_310_253_377_747, -3.283_185_991_286_169_4],
            [70.714_354_744_244_2, 133.785_615_213_067],
            Minimum,
        ),
        (
            [-2.805_118_086_952_745, 3.131_312_518_250_573],
            [64.840_372_770_684_2, 80.550_071_778_933_2],
            Minimum,
        ),
        (
            [3.584_428_340_330_491_7, -1.848_126_526_964_403_6],
            [28.690_677_156_755_2, 105.418_908_336_316],
            Minimum,
        ),
        ([3.0, 2.0], [25.715_728_752_538_1, 82.284_271_247_461_9], Minimum),
        (
            [3.385_154_183_607_020_9, 0.073_851_879_837_749_28],
            [-14.135_178_485_450_5, 97.547_878_102_601_8],
            Saddle,
        ),
        (
            [0.086_677_504_555_396_36, 2.884_254_701_174_776],
            [-31.706_622_362_774_3, 75.507_609_238_232],
            Saddle,
        ),
        (
            [-3.073_025_750_764_389_6, -0.081_353_044_287_967_51],
            [-39.651_496_256_216_7, 72.435_248_068_118_7],
            Saddle,
        ),
        (
            [-0.127_961_346_730_680_07, -1.953_714_980_244_576_4],
            [-50.610_239_320_365_8, 20.284_049_975_935_1],
            Saddle,
        ),
        (
            [-0.270_844_590_667_347_6, -0.923_038_556_479_981_5],
            [-45.605_229_292_789_5, -16.066_019_667_290_9],
            Maximum,
        ),
    ];
    for (x, eigenvalues, kind) in points {
        let point = CriticalPoint::of(&mut himmelblau(), &DVector::from_row_slice(&x)).unwrap();
        assert_eq!(point.kind, kind, "{x:?}");
        assert_relative_eq!(
            *point.eigenvalues(),
            DVector::from_row_slice(&eigenvalues),
            max_relative = 1e-12
        );
        assert_eq!(point.direction.is_some(), kind != Minimum);
    }
}

#[test]
fn double_well() {
    let mut f = function::<f64>(
        2,
        |p, g| {
            let w = p[0] * p[0] - 1.0;
            g.copy_from(&dvector![4.0 * p[0] * w, 2.0 * p[1]]);
            w * w + p[1] * p[1]
        },
        |p, h| h.copy_from(&dmatrix![12.0 * p[0] * p[0] - 4.0, 0.0; 0.0, 2.0]),
    );
    for x in [-1.0, 1.0] {
        let point = CriticalPoint::of(&mut f, &dvector![x, 0.0]).unwrap();
        assert_eq!((point.kind, point.eigenvalues()), (CriticalKind::Minimum, &dvector![2.0, 8.0]));
    }
    let saddle = CriticalPoint::of(&mut f, &dvector![0.0, 0.0]).unwrap();
    assert_eq!((saddle.kind, saddle.eigenvalues()), (CriticalKind::Saddle, &dvector![-4.0, 2.0]));
    assert_abs_diff_eq!(saddle.direction.unwrap().abs(), dvector![1.0, 0.0]);
}

fn classifies<T: Real>(entries: &[f64], n: usize, kind: CriticalKind, eigenvalues: &[f64]) {
    for scale in [1.0, 1e-30, 1e30] {
        let h = DMatrix::from_iterator(n, n, entries.iter().map(|&e| T::of(e * scale)));
        let point = CriticalPoint::classify(&h).unwrap();
        assert_eq!(point.kind, kind, "{h}");
        for (found, expected) in point.eigenvalues().iter().zip(eigenvalues) {
            let error = (found.f64() / scale - expected).abs();
            assert!(error <= 8.0 * T::EPSILON.f64(), "{h}: {found} for {expected}");
        }
        let i = point.inertia;
        assert_eq!(i.positive + i.zero + i.negative, n);
        assert_eq!(i.negative > 0, point.direction.is_some());
        if let Some(v) = &point.direction {
            let residual = &h * v - v * point.eigenvalues()[0];
            assert!(residual.amax().f64() <= 16.0 * T::EPSILON.f64() * scale);
            assert!((v.norm().f64() - 1.0).abs() < 16.0 * T::EPSILON.f64());
        }
    }
}

fn reference_matrices<T: Real>() {
    use CriticalKind::{Degenerate, Maximum, Minimum, Saddle};
    classifies::<T>(&[1.0, 0.0, 0.0, 1.0], 2, Minimum, &[1.0, 1.0]);
    classifies::<T>(&[-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, -1.0], 3, Maximum, &[-1.0; 3]);
    classifies::<T>(&[1.0, 0.0, 0.0, -1.0], 2, Saddle, &[-1.0, 1.0]);
    classifies::<T>(&[0.0, 1.0, 1.0, 0.0], 2, Saddle, &[-1.0, 1.0]);
    classifies::<T>(&[1.0, 2.0, 2.0, 1.0], 2, Saddle, &[-1.0, 3.0]);
    classifies::<T>(&[0.0; 4], 2, Degenerate, &[0.0, 0.0]);
    classifies::<T>(&[0.0; 25], 5, Degenerate, &[0.0; 5]);
    classifies::<T>(&[1.0, 1.0, 1.0, 1.0], 2, Degenerate, &[0.0, 2.0]);
    classifies::<T>(&[1.0; 9], 3, Degenerate, &[0.0, 0.0, 3.0]);
    classifies::<T>(&[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -1.0], 3, Saddle, &[-1.0, 0.0, 1.0]);
    classifies::<T>(&[-2.0], 1, Maximum, &[-2.0]);
}

#[test]
fn matrices_of_every_kind_and_scale() {
    reference_matrices::<f32>();
    reference_matrices::<f64>();
}

/// The second-difference matrix has the eigenvalues `2 − 2 cos(kπ/(n + 1))`.
#[test]
fn eigenvalues_of_a_large_matrix() {
    for n in [3, 4, 7, 30, 101] {
        let h = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0,
        });
        let exact = |k: usize| 2.0 - 2.0 * (k as f64 * std::f64::consts::PI / (n + 1) as f64).cos();
        let expected = DVector::from_fn(n, |i, _| exact(i + 1));
        let point = CriticalPoint::classify(&h).unwrap();
        assert_eq!(point.kind, CriticalKind::Minimum);
        assert_abs_diff_eq!(*point.eigenvalues(), expected, epsilon = 1e-14 * n as f64);
        // and shifted into a saddle, rotated so that no structure is left
        let u = DVector::from_fn(n, |i, _| ((i * i) as f64).sin()).normalize();
        let q = DMatrix::identity(n, n) - &u * u.transpose() * 2.0;
        let rotated = &q * (&h - DMatrix::identity(n, n)) * &q;
        let rotated = (&rotated + rotated.transpose()) * 0.5;
        let point = CriticalPoint::classify(&rotated).unwrap();
        assert_eq!(point.kind, CriticalKind::Saddle);
        assert_abs_diff_eq!(*point.eigenvalues(), expected.add_scalar(-1.0), epsilon = 1e-13);
        let v = point.direction.clone().unwrap();
        assert_abs_diff_eq!(&rotated * &v, &v * point.eigenvalues()[0], epsilon = 1e-13);
    }
}

#[test]
fn zero_is_relative() {
    // n ε max|λ| = 4.4e−16 · 1e6
    let point = CriticalPoint::classify(&dmatrix![1e6, 0.0; 0.0, 4e-10]).unwrap();
    assert_eq!(point.kind, CriticalKind::Degenerate);
    assert_relative_eq!(point.tolerance, 2.0 * f64::EPSILON * 1e6);
    let point = CriticalPoint::classify(&dmatrix![1e6, 0.0; 0.0, 5e-10]).unwrap();
    assert_eq!(point.kind, CriticalKind::Minimum);
    let point = CriticalPoint::classify(&dmatrix![1e6, 0.0; 0.0, -5e-10]).unwrap();
    assert_eq!(point.kind, CriticalKind::Saddle);
}

#[test]
fn bad_matrices_are_errors() {
    let classify = |h: DMatrix<f64>| CriticalPoint::classify(&h).unwrap_err();
    assert!(matches!(classify(DMatrix::zeros(0, 0)), Error::Empty { argument: "hessian", .. }));
    assert!(matches!(classify(DMatrix::zeros(2, 3)), Error::Shape { argument: "hessian", .. }));
    assert!(matches!(classify(DMatrix::zeros(0, 3)), Error::Empty { .. }));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for n in [1, 2, 3, 8] {
            let mut h = DMatrix::identity(n, n);
            h[(n - 1, 0)] = bad;
            let found = classify(h);
            assert!(matches!(found, Error::NonFinite { row, column: 0, .. } if row == n - 1), "{found}");
        }
    }
    let found = classify(dmatrix![1.0, 2.0, 0.0; 2.0, 1.0, 5.0; 0.0, 4.0, 1.0]);
    assert_eq!(found, Error::Asymmetric { argument: "hessian", row: 1, column: 2, upper: 5.0, lower: 4.0 });
    // rounding is no asymmetry
    assert!(CriticalPoint::classify(&dmatrix![1e8, 0.1; 0.1 + 1e-9, 1.0]).is_ok());
    for huge in [f64::MAX, -f64::MAX] {
        for n in [1, 2, 3, 6] {
            let point = CriticalPoint::classify(&DMatrix::from_element(n, n, huge)).unwrap();
            assert!(point.eigenvalues().iter().all(|l| l.is_finite()));
        }
    }
}

#[test]
fn bad_points_are_errors() {
    let mut f = Rosenbrock::new(2);
    let mut of = |x: DVector<f64>| CriticalPoint::of(&mut f, &x).unwrap_err();
    assert!(matches!(of(dvector![1.0]), Error::Length { argument: "x", expected: 2, found: 1 }));
    assert!(matches!(of(dvector![1.0, f64::NAN]), Error::NonFinite { argument: "x", row: 1, .. }));
    assert!(matches!(of(dvector![1e200, 1.0]), Error::Evaluation { .. }));
}

fn cubic<T: Real>() -> impl Hessian<T> {
    function(
        2,
        |p, g| {
            let (x, y) = (p[0], p[1]);
            g.copy_from(&dvector![T::of(2.0) * x, T::of(3.0) * y * y]);
            x * x + y * y * y
        },
        |p, h| {
            h.fill(T::zero());
            (h[(0, 0)], h[(1, 1)]) = (T::of(2.0), T::of(6.0) * p[1]);
        },
    )
}

fn nearly_stationary<T: Real>() {
    // x² + y³ is unbounded below, and positive definite wherever y > 0
    let start = DVector::from_element(2, T::one());
    let report = minimize(&mut Newton::pure(), &mut cubic::<T>(), start, &Stop::default()).unwrap();
    assert!(!report.converged());
    let point = report.certificate.unwrap();
    assert_eq!(point.kind, CriticalKind::Degenerate);
    assert!(point.eigenvalues()[0] > T::zero(), "the signs alone would say minimum");
    assert!(point.eigenvalues()[0] <= point.tolerance);
}

#[test]
fn a_curvature_that_changes_by_its_own_size_decides_nothing() {
    nearly_stationary::<f32>();
    nearly_stationary::<f64>();
}

#[test]
fn a_gradient_of_zero_leaves_the_last_word_to_the_hessian() {
    let point = CriticalPoint::of(&mut cubic::<f64>(), &dvector![0.0, 0.0]).unwrap();
    assert_eq!(point.kind, CriticalKind::Degenerate);
    assert_relative_eq!(point.tolerance, 4.0 * f64::EPSILON);
}

#[test]
fn any_report_can_be_certified() {
    let mut f = Rosenbrock::new(2);
    let stop = Stop::default().iterations(100_000);
    let mut report = minimize(&mut GradientDescent::new(1e-3), &mut f, dvector![-1.2, 1.0], &stop).unwrap();
    assert_eq!(report.kind(), None);
    let certificate = report.certify(&mut f).unwrap().clone();
    assert_eq!(report.kind(), Some(CriticalKind::Minimum));
    assert_eq!(certificate.gradient_norm, Some(report.gradient_norm));
    // λ = ½ (1002 ± √1002401.6…), condition 2508.0096
    assert_relative_eq!(certificate.condition(), 2_508.009_6, max_relative = 1e-6);
    // ½ decrement² is what is left to gain
    let decrement = certificate.decrement.unwrap();
    assert_relative_eq!(0.5 * decrement * decrement, report.value, max_relative = 1e-3);
    assert!(!certificate.convex);

    // a saddle that gradient descent walked into is no longer converged once it is known
    let mut saddle = function::<f64>(
        2,
        |p, g| {
            g.copy_from(&dvector![2.0 * p[0], -2.0 * p[1]]);
            p[0] * p[0] - p[1] * p[1]
        },
        |_, h| h.copy_from(&dmatrix![2.0, 0.0; 0.0, -2.0]),
    );
    let mut report =
        minimize(&mut GradientDescent::new(0.1), &mut saddle, dvector![1.0, 0.0], &stop).unwrap();
    assert!(report.converged());
    report.certify(&mut saddle).unwrap();
    assert!(!report.converged());
    assert_eq!(report.certificate.as_ref().unwrap().decrement, None);
}

#[test]
fn certificates_survive_a_step_out_of_the_domain() {
    // √y at y = 10⁻²⁰⁰: the Newton step leaves the domain, so nothing is decided
    let mut f = function::<f64>(
        1,
        |p, g| {
            g[0] = 1.5 * p[0].sqrt();
            p[0] * p[0].sqrt()
        },
        |p, h| h[(0, 0)] = 0.75 / p[0].sqrt(),
    );
    let certificate = CriticalPoint::of(&mut f, &dvector![1e-20]).unwrap();
    assert_eq!(certificate.kind, CriticalKind::Degenerate);
}

#[test]
fn approximate_equality_ignores_the_sign_of_directions() {
    let a = CriticalPoint::classify(&dmatrix![1.0, 2.0; 2.0, 1.0]).unwrap();
    let mut b = CriticalPoint::classify(&dmatrix![1.0 + 1e-12, 2.0; 2.0, 1.0]).unwrap();
    b.direction = b.direction.map(|d| -d);
    assert_relative_eq!(a, b, max_relative = 1e-10);
    assert!(!approx::relative_eq!(a, b, epsilon = 1e-15, max_relative = 1e-15));
}

/// Variables in units that differ by orders of magnitude: the small eigenvalues keep their digits, whatever the
/// order of the variables. `H = D A D`, `A` with ones on the diagonal and ¼ elsewhere.
#[test]
fn small_eigenvalues_of_graded_hessians_keep_their_digits() -> Result<(), Error> {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for order in orders {
        let d = order.map(|k| 10f64.powi(-4 * k));
        let h = DMatrix::from_fn(3, 3, |i, j| d[i] * d[j] * if i == j { 1.0 } else { 0.25 });
        let product = CriticalPoint::classify(&h)?.eigenvalues().product();
        // det A = ¾² (¾ + 3/4)
        assert_relative_eq!(product, 1e-24 * 0.84375, max_relative = 1e-13);
    }
    Ok(())
}

/// `u³` next to zero, in any unit, is no minimum: its gradient underflows before its curvature does.
#[test]
fn a_gradient_that_underflows_proves_nothing() {
    for power in -60..=60 {
        let unit = 2f64.powi(power);
        for exponent in [-150, -155, -158, -160, -162, -165, -170, -180, -200] {
            let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
                let u = x[0] / unit;
                g[0] = 3.0 * u * u / unit;
                u * u * u
            })
            .with_hessian(|x, h| h[(0, 0)] = 6.0 * (x[0] / unit) / unit / unit);
            let x = dvector![10f64.powi(exponent) * unit];
            let point = CriticalPoint::of(&mut f, &x).unwrap();
            assert_ne!(point.kind, CriticalKind::Minimum, "1e{exponent} in 2^{power}: {point}");
        }
    }
}

/// `H = U L D Lᵀ U` of small integers has the signs of `D`, whatever powers of two are in `U`: of minima, maxima, saddles and,
/// where zeros are in `D`, of those that stay what they are by sign.
fn signs_have_no_unit<T: Real>(seed: u64, range: i64, (most, size): (i64, i64)) {
    let mut dice = rational::Dice(seed);
    let mut counts = [0; 4];
    for _ in 0..1500 {
        let n = dice.roll(2, most) as usize;
        let l = DMatrix::from_fn(n, n, |i, j| match i.cmp(&j) {
            std::cmp::Ordering::Less => 0.0,
            std::cmp::Ordering::Equal => 1.0,
            std::cmp::Ordering::Greater => dice.roll(-size, size) as f64,
        });
        let [least, greatest] = [[1, 3], [-3, -1], [-3, 3]][dice.roll(0, 2) as usize];
        let d: Vec<i64> =
            (0..n).map(|_| dice.roll(least, greatest)).map(|d| if d == 0 { 1 } else { d }).collect();
        let d = DMatrix::from_diagonal(&DVector::from_iterator(n, d.iter().map(|d| *d as f64)));
        let h = &l * &d * l.transpose();
        if h.diagonal().iter().any(|h| h.abs() < 0.5) {
            continue; // what has no size of its own has no unit either
        }
        let u: Vec<f64> = (0..n).map(|_| 2f64.powi(dice.roll(-range, range) as i32)).collect();
        let h = h.map_with_location(|i, j, h| T::of(h * u[i] * u[j]));
        let slopes = h.clone();
        let mut f = Function::new(n, move |x: &DVector<T>, g: &mut DVector<T>| {
            g.copy_from(&(&slopes * x));
            T::of(0.5) * x.dot(g)
        })
        .with_hessian(move |_: &DVector<T>, out: &mut DMatrix<T>| out.copy_from(&h));
        let positive = d.diagonal().iter().filter(|d| **d > 0.0).count();
        let inertia = gradus::Inertia { positive, zero: 0, negative: n - positive };
        for point in [
            CriticalPoint::of(&mut f, &DVector::zeros(n)).unwrap(),
            CriticalPoint::by_products(&mut f, &DVector::zeros(n)).unwrap(),
        ] {
            // what is negative by its unit alone may be rounding
            if point.kind == CriticalKind::Degenerate && (1..n).contains(&positive) {
                counts[3] += 1;
                continue;
            }
            assert_eq!(point.inertia, inertia, "{u:?} {point}");
            counts[point.kind as usize] += 1;
            // eigenvalues have those signs, and so has the way down
            let signs = point.eigenvalues().iter().filter(|l| **l > T::zero()).count();
            assert!(signs == positive && point.direction.is_some() == (positive < n), "{point}");
        }
    }
    println!("{counts:?} minima, maxima, saddles, not decided");
    assert!(counts[..3].iter().all(|count| *count > 300) && counts[3] < 60, "{counts:?}");
}

#[test]
fn no_unit_changes_the_sign_of_a_curvature() {
    signs_have_no_unit::<f64>(5, 20, (8, 2));
    signs_have_no_unit::<f32>(6, 10, (4, 1));
}

//! Verdicts on many variables, without a spectrum: matrices whose inertia is known by how they are made.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{CriticalKind, CriticalPoint, Error, Function, Inertia, Newton, Real, Stop, minimize};

/// Seeded numbers in `[−1, 1)`.
struct Draw(u64);

impl Draw {
    fn number(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / 2f64.powi(52) - 1.0
    }

    fn below(&mut self, n: usize) -> usize {
        (((self.number() + 1.0) * 0.5 * n as f64) as usize).min(n - 1)
    }
}

/// `L D Lᵀ` in exact integers, `L` unit lower triangular: by Sylvester's law as many eigenvalues of each sign as of `D`.
fn congruent(n: usize, signs: [usize; 3], draw: &mut Draw) -> DMatrix<f64> {
    let (mut l, mut d) = (DMatrix::identity(n, n), DVector::zeros(n));
    for i in 0..n {
        let size = 1.0 + draw.below(3) as f64;
        d[i] = if i < signs[0] { size } else { 0.0 };
        d[i] = if i >= n - signs[2] { -size } else { d[i] };
        for _ in 0..usize::from(i > 0) {
            l[(i, draw.below(i.max(1)))] = draw.below(3) as f64 - 1.0;
        }
    }
    for i in (1..n).rev() {
        d.swap_rows(i, draw.below(i + 1));
    }
    &l * DMatrix::from_diagonal(&d) * l.transpose()
}

/// `Q Λ Q`, `Q` of three reflections.
fn similar(spectrum: &DVector<f64>, draw: &mut Draw) -> DMatrix<f64> {
    let n = spectrum.len();
    let mut h = DMatrix::from_diagonal(spectrum);
    for _ in 0..3 {
        let v = DVector::from_fn(n, |_, _| draw.number()).normalize();
        let hv = &h * &v;
        let vhv = v.dot(&hv);
        h += (&v * v.transpose()) * (4.0 * vhv) - (&v * hv.transpose() + &hv * v.transpose()) * 2.0;
    }
    (&h + h.transpose()) * 0.5
}

fn inertia([positive, zero, negative]: [usize; 3]) -> Inertia {
    Inertia { positive, zero, negative }
}

/// The verdict, and that it holds whatever the unit and the order of the variables.
fn judged<T: Real>(h: &DMatrix<f64>, signs: [usize; 3], draw: &mut Draw) -> CriticalPoint<T> {
    let n = h.nrows();
    let classify = |h: &DMatrix<f64>, scale: i32| {
        let limit = if T::EPSILON.f64() > 1e-10 { scale / 10 } else { scale };
        let h = h.map(|x| T::of(x * 2f64.powi(limit)));
        let point = CriticalPoint::classify(&h).unwrap();
        assert!(point.eigenvalues().is_empty());
        if let Some(v) = &point.direction {
            let least = point.extremes().0;
            let rest = (&h * v - v * least).amax().f64();
            assert!(rest <= 100.0 * T::EPSILON.f64() * h.amax().f64() * n as f64, "{rest:e}");
            assert!((v.norm().f64() - 1.0).abs() <= 100.0 * T::EPSILON.f64());
        }
        assert_eq!(point.direction.is_some(), point.inertia.negative > 0);
        point
    };
    let mut order: Vec<usize> = (0..n).collect();
    for i in (1..n).rev() {
        order.swap(i, draw.below(i + 1));
    }
    let permuted = DMatrix::from_fn(n, n, |i, j| h[(order[i], order[j])]);
    for (h, scale) in [(h, 300), (h, -300), (&permuted, 0)] {
        assert_eq!(classify(h, scale).inertia, inertia(signs), "2^{scale}");
    }
    let [positive, zero, negative] = signs;
    assert_eq!(classify(&-h, 0).inertia, inertia([negative, zero, positive]));
    classify(h, 0)
}

#[test]
fn signs_of_integer_matrices_are_counted() {
    let mut draw = Draw(1);
    for case in 0..24 {
        let n = 201 + draw.below(60);
        let signs = match case % 6 {
            0 => [n, 0, 0],
            1 => [0, 0, n],
            2 => [n - 1, 1, 0],
            3 => [n / 3, 0, n - n / 3],
            4 => [n - 5, 4, 1],
            _ => [draw.below(n / 3), draw.below(n / 3), 0],
        };
        let signs = [signs[0], signs[1].max(n - signs[0] - signs[2]), signs[2]];
        let h = congruent(n, signs, &mut draw);
        judged::<f64>(&h, signs, &mut draw);
    }
}

#[test]
fn known_spectra_clusters_and_zeros() {
    fn check<T: Real>(seed: u64) {
        let mut draw = Draw(seed);
        for case in 0..8 {
            let n = 201 + draw.below(70);
            let spectrum = DVector::from_fn(n, |i, _| match case {
                0 => 1.0 + i as f64 / n as f64,
                1 => [-1.0, 1.0][i % 2],     // two clusters
                2 => [0.0, 3.0, 3.0][i % 3], // flat directions
                3 => {
                    if i == 7 {
                        -1e-3
                    } else {
                        1.0
                    }
                } // one way down
                4 => {
                    if i < 9 {
                        0.0
                    } else {
                        -2.0 - (i % 5) as f64
                    }
                }
                5 if i == 3 => 40.0,
                5 => (0.05 + 0.5 * (i as f64 * 0.02).sin().abs()) * [1.0, -1.0][i % 2],
                6 => {
                    if i < 5 {
                        -1.0
                    } else if i < 9 {
                        0.0
                    } else {
                        1.0 + i as f64
                    }
                }
                _ => 2f64.powi(-((i % 9) as i32)),
            });
            let count = |f: fn(&f64) -> bool| spectrum.iter().filter(|l| f(l)).count();
            let signs = [count(|l| *l > 0.0), count(|l| *l == 0.0), count(|l| *l < 0.0)];
            let h = similar(&spectrum, &mut draw);
            let point = judged::<T>(&h, signs, &mut draw);
            let (least, greatest) = point.extremes();
            let size = spectrum.amax();
            assert!((least.f64() - spectrum.min()).abs() <= 0.01 * size, "{case}: {least}");
            assert!((greatest.f64() - spectrum.max()).abs() <= 0.01 * size, "{case}: {greatest}");
            let rule = n as f64 * T::EPSILON.f64() * size;
            assert!((point.tolerance.f64() / rule - 1.0).abs() <= 0.01);
            let all = point.clone().with_eigenvalues(&h.map(T::of)).unwrap();
            assert_eq!((all.inertia, all.kind), (point.inertia, point.kind));
            let mut known = spectrum.as_slice().to_vec();
            known.sort_by(f64::total_cmp);
            for (found, known) in all.eigenvalues().iter().zip(known) {
                assert!((found.f64() - known).abs() <= 10.0 * T::EPSILON.f64() * n as f64 * size);
            }
        }
    }
    check::<f64>(2);
    check::<f32>(3);
}

/// An eigenvalue counts as zero while `|λ| ≤ n ε max |λ|`, also where it is not computed.
#[test]
fn zero_is_relative_for_many_variables_too() {
    let n = 256;
    for (share, kind) in [
        (0.5, CriticalKind::Degenerate),
        (-0.5, CriticalKind::Degenerate),
        (1.5, CriticalKind::Minimum),
        (-1.5, CriticalKind::Saddle),
    ] {
        let least = share * n as f64 * f64::EPSILON * 1e6;
        let h = DMatrix::from_diagonal(&DVector::from_fn(n, |i, _| if i == 40 { least } else { 1e6 }));
        assert_eq!(CriticalPoint::classify(&h).unwrap().kind, kind, "{share}");
    }
    for h in [DMatrix::zeros(n, n), DMatrix::from_element(n, n, 1e-320)] {
        assert_eq!(CriticalPoint::<f64>::classify(&h).unwrap().kind, CriticalKind::Degenerate);
    }
    for huge in [f64::MAX, -f64::MAX] {
        let point = CriticalPoint::classify(&DMatrix::from_element(n, n, huge)).unwrap();
        assert_eq!((point.kind, point.inertia.zero), (CriticalKind::Degenerate, n - 1));
    }
    for bad in [f64::NAN, f64::INFINITY] {
        let mut h = DMatrix::<f64>::identity(n, n);
        h[(n - 1, 3)] = bad;
        let found = CriticalPoint::classify(&h).unwrap_err();
        assert!(matches!(found, Error::NonFinite { row: 255, column: 3, .. }), "{found}");
    }
}

/// `½ (x − 1)ᵀ H (x − 1)`: the decrement at `x` is `√(2 f(x))`, and the Newton step leads to the end.
#[test]
fn a_certificate_of_many_variables() -> Result<(), Error> {
    let n = 230;
    let h = similar(&DVector::from_fn(n, |i, _| 1.0 + i as f64), &mut Draw(4));
    let (for_gradient, for_hessian) = (h.clone(), h.clone());
    let mut f = Function::new(n, move |x: &DVector<f64>, g: &mut DVector<f64>| {
        let s = x.add_scalar(-1.0);
        g.copy_from(&(&for_gradient * &s));
        0.5 * s.dot(g)
    })
    .with_hessian(move |_: &DVector<f64>, out: &mut DMatrix<f64>| out.copy_from(&for_hessian));

    let x = DVector::from_fn(n, |i, _| 1.0 + (i as f64).sin());
    let point = CriticalPoint::of(&mut f, &x)?;
    let s = x.add_scalar(-1.0);
    let decrement = s.dot(&(&h * &s)).sqrt();
    assert_eq!(point.kind, CriticalKind::Minimum);
    assert!((point.decrement.unwrap() / decrement - 1.0).abs() < 1e-12);
    assert!((point.condition() / n as f64 - 1.0).abs() < 0.02, "{}", point.condition());

    let mut report = minimize(&mut Newton::new(), &mut f, x, &Stop::default())?;
    assert_eq!(report.kind(), Some(CriticalKind::Minimum));
    assert!(report.to_string().contains("minimum: 230 positive (counted by a factorisation)"), "{report}");
    for _ in 0..2 {
        let eigenvalues = report.eigenvalues(&mut f)?;
        assert!((0..n).all(|i| (eigenvalues[i] - (i + 1) as f64).abs() < 1e-10));
    }
    assert!(!report.to_string().contains("counted"));
    Ok(())
}

/// `½ yᵀ H y` with `y_i = 2^{k_i} x_i`: what kind of point it is does not depend on the units.
#[test]
fn no_unit_of_a_variable_decides_the_kind() {
    fn kinds<T: Real>(reach: usize, draw: &mut Draw) {
        for case in 0..1000 {
            let n = 1 + draw.below(6);
            let zero = if case % 3 == 0 { 1 + draw.below(n) } else { 0 };
            let h = congruent(n, [n - zero, zero, 0], draw);
            let unit: Vec<_> =
                (0..n).map(|_| 2f64.powi(draw.below(2 * reach + 1) as i32 - reach as i32)).collect();
            let h = DMatrix::from_fn(n, n, |i, j| T::of(h[(i, j)] * unit[i] * unit[j]));
            let of_x = h.clone();
            let f = Function::new(n, move |x: &DVector<T>, gradient: &mut DVector<T>| {
                gradient.copy_from(&(&of_x * x));
                gradient.dot(x) * T::of(0.5)
            });
            let mut f = f.with_hessian(|_, out: &mut DMatrix<T>| out.copy_from(&h));
            for at in [0.0, 1e-6] {
                let x = DVector::from_fn(n, |i, _| T::of(at * draw.number() / unit[i]));
                let point = CriticalPoint::of(&mut f, &x).unwrap();
                let kind = if zero == 0 { CriticalKind::Minimum } else { CriticalKind::Degenerate };
                assert_eq!(point.kind, kind, "{case}: {h} {point}");
                assert_eq!(point.inertia.positive == n, zero == 0);
                assert!(zero > 0 || point.extremes().0 > point.tolerance, "{point}");
            }
        }
    }
    kinds::<f64>(60, &mut Draw(5));
    kinds::<f32>(15, &mut Draw(6));
}

//! Fits whose Hessians would cost more than gradients end where Newton's method ends.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;

/// Numbers without structure in (−1, 1).
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

/// Features that depend on each other, and the class with the largest of noisy scores.
fn table(m: usize, n: usize, k: usize, seed: u64) -> (DMatrix<f64>, DMatrix<f64>) {
    let mut draw = noise(seed);
    let mixing = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { 0.9 / n as f64 * draw() * 6.0 });
    let x = mixing * DMatrix::from_fn(n, m, |_, _| draw());
    let w = DMatrix::from_fn(k, n, |_, _| draw());
    let z = w * &x + DMatrix::from_fn(k, m, |_, _| draw());
    let y = match k {
        1 => z.map(|z| f64::from(u8::from(z > 0.0))),
        _ => DMatrix::from_fn(k, m, |i, j| f64::from(u8::from(z.column(j).imax() == i))),
    };
    (x, y)
}

/// `p − y` of softmax or logistic scores, and the gradient of the mean loss with the ridge, summed plainly.
fn gradient(theta: &DVector<f64>, x: &DMatrix<f64>, y: &DMatrix<f64>, ridge: f64) -> DMatrix<f64> {
    let (n, m, k) = (x.nrows(), x.ncols(), y.nrows());
    let w = DMatrix::from_column_slice(k, n, &theta.as_slice()[..k * n]);
    let mut z = &w * x;
    for mut z in z.column_iter_mut() {
        z += theta.rows(k * n, k);
        if k == 1 {
            z.apply(|z| *z = 1.0 / (1.0 + (-*z).exp()));
        } else {
            let max = z.max();
            z.apply(|z| *z = (*z - max).exp());
            let sum = z.sum();
            z /= sum;
        }
    }
    let delta = (z - y) / m as f64;
    let mut all = DMatrix::zeros(k, n + 1);
    all.columns_mut(0, n).copy_from(&(&delta * x.transpose() + w * ridge));
    all.column_mut(n).copy_from(&delta.column_sum());
    all
}

/// The Hessian of the same, by outputs within features, the biases last; summed plainly.
fn hessian(theta: &DVector<f64>, x: &DMatrix<f64>, k: usize, ridge: f64) -> DMatrix<f64> {
    let (n, m) = (x.nrows(), x.ncols());
    let x = x.clone().insert_row(n, 1.0);
    let mut z = DMatrix::from_column_slice(k, n + 1, theta.as_slice()) * &x;
    let mut h = DMatrix::zeros(k * (n + 1), k * (n + 1));
    for (mut z, x) in z.column_iter_mut().zip(x.column_iter()) {
        z.apply(|z| *z = z.exp());
        let sum = z.sum() + if k == 1 { 1.0 } else { 0.0 };
        let p = &z / sum;
        let s = DMatrix::from_diagonal(&p) - &p * p.transpose();
        h += (x * x.transpose()).kronecker(&s) / m as f64;
    }
    (0..k * n).for_each(|i| h[(i, i)] += ridge);
    h
}

/// The verdict is a proof, not a count: every eigenvalue lies between the bounds, and as many are zero as it says.
#[test]
fn penalised_fits_by_gradients_have_a_verdict() -> Result<(), Error> {
    for (m, n, k, seed, ridge) in
        [(400, 20, 10, 1, 2.5e-3), (300, 30, 8, 2, 1e-4), (90, 400, 1, 3, 1e-2), (700, 650, 1, 4, 1e-5)]
    {
        let (x, y) = table(m, n, k, seed);
        let report = match k {
            1 => EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?.ridge(ridge).fit()?.report,
            _ => {
                let model = Perceptron::new(n).with_outputs(k);
                EmpiricalRisk::new(model, CrossEntropy, &x, &y)?.ridge(ridge).fit()?.report
            }
        };
        let expected = if k == 1 { CriticalKind::Minimum } else { CriticalKind::Degenerate };
        assert!(report.converged() && report.kind() == Some(expected), "{report}");
        assert!(report.method == Some(Method::Lbfgs) && report.to_string().contains("L-BFGS"), "{report}");
        let point = report.certificate.as_ref().unwrap();
        let mut eigenvalues = hessian(&report.x, &x, k, ridge).symmetric_eigenvalues();
        eigenvalues.as_mut_slice().sort_by(f64::total_cmp);
        let (least, greatest) = point.extremes();
        let zero = usize::from(k > 1);
        assert_eq!((point.inertia.zero, point.inertia.negative), (zero, 0));
        assert!(eigenvalues[0].abs() < 1e-13 || zero == 0);
        assert!(least <= eigenvalues[0] + 1e-14 && eigenvalues[zero] > 2.0 * point.tolerance - 1e-14);
        assert!(greatest >= eigenvalues[eigenvalues.len() - 1]);
    }
    Ok(())
}

#[test]
fn many_classes_or_features_are_fitted_to_the_minimum() -> Result<(), Error> {
    for (m, n, k, seed) in
        [(400, 20, 10, 1), (600, 40, 6, 2), (800, 700, 1, 3), (60, 600, 1, 4), (300, 30, 12, 5)]
    {
        let (x, y) = table(m, n, k, seed);
        let ridge = 1.0 / m as f64;
        let theta = match k {
            1 => EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?.ridge(ridge).fit()?.report,
            _ => {
                let model = Perceptron::new(n).with_outputs(k);
                EmpiricalRisk::new(model, CrossEntropy, &x, &y)?.ridge(ridge).fit()?.report
            }
        }
        .into_converged()?
        .x;
        let g = gradient(&theta, &x, &y, ridge);
        assert!(g.amax() < 1e-9, "{m} × {n}, {k}: {}", g.amax());
    }
    Ok(())
}

/// Units and origins of features are taken up by the weights and the bias.
#[test]
fn units_change_no_prediction() -> Result<(), Error> {
    let (x, y) = table(500, 20, 10, 7);
    let model = || Perceptron::new(20).with_outputs(10);
    let plain = EmpiricalRisk::new(model(), CrossEntropy, &x, &y)?.fit()?;
    let moved = DMatrix::from_fn(20, 500, |i, j| {
        x[(i, j)] * 2f64.powi(7 * i as i32 - 60) + if i % 3 == 0 { 2f64.powi(7 * i as i32 - 52) } else { 0.0 }
    });
    let fitted = EmpiricalRisk::new(model(), CrossEntropy, &moved, &y)?.fit()?;
    assert!(plain.report.converged() && fitted.report.converged(), "{} {}", plain.report, fitted.report);
    let apart = (plain.predict(&x)? - fitted.predict(&moved)?).amax();
    assert!(apart < 1e-6, "{apart}");
    let single =
        EmpiricalRisk::new(model(), CrossEntropy, &x.map(|x| x as f32), &y.map(|y| y as f32))?.fit()?;
    let apart = (plain.predict(&x)? - single.predict(&x.map(|x| x as f32))?.map(f64::from)).amax();
    assert!(single.report.converged() && apart < 1e-2, "{apart} {}", single.report);
    Ok(())
}

/// More features than samples separate any classes.
#[test]
fn wide_tables_without_a_penalty_are_separable() -> Result<(), Error> {
    let (x, y) = table(60, 600, 1, 11);
    let fitted = SigmoidClassifier::new(600).fit(&x, &y)?;
    assert_eq!(fitted.report.termination, Termination::Separable);
    Ok(())
}

/// A sample far out, on its own side, sets the size of its feature, and nothing else.
#[test]
fn an_outlier_does_not_decide_where_a_fit_ends() -> Result<(), Error> {
    let near = [(1.0, 0.0), (2.0, 1.0), (3.0, 0.0), (4.0, 1.0), (2.5, 0.0)];
    let table = |samples: &[(f64, f64)]| {
        let row =
            |pick: fn(&(f64, f64)) -> f64| DMatrix::from_iterator(1, samples.len(), samples.iter().map(pick));
        (row(|sample| sample.0), row(|sample| sample.1))
    };
    let (x, y) = table(&near);
    let alone = SigmoidClassifier::new(1).fit(&x, &y)?;
    for far in [1e4, 1e6, 1e8, 1e10, 1e12] {
        let (x, y) = table(&[near.as_slice(), &[(far, 1.0)]].concat());
        let fitted = SigmoidClassifier::new(1).fit(&x, &y)?;
        let apart = (fitted.parameters() - alone.parameters()).amax();
        assert!(
            fitted.report.converged() && apart < 1e-6,
            "{far:e}: {} {}",
            fitted.parameters(),
            fitted.report
        );
    }
    Ok(())
}

/// Reflections of more columns than a block has rows reflect what rounding left, again and again.
#[test]
fn least_squares_of_many_features_in_single_precision() -> Result<(), Error> {
    let (m, n, mut draw) = (1100, 1000, noise(13));
    let x = DMatrix::from_fn(n, m, |_, _| draw() as f32);
    let w = DMatrix::from_fn(1, n, |_, i| (i % 7) as f64 - 3.0);
    let y = (&w * x.map(f64::from)).map(|z| (z + draw()) as f32);
    let fitted = Perceptron::new(n).fit(&x, &y)?;
    assert_eq!(fitted.report.kind(), Some(CriticalKind::Minimum));
    // the residual is orthogonal to every feature
    let residual = fitted.weights().map(f64::from) * x.map(f64::from) - y.map(f64::from);
    let residual = residual.add_scalar(f64::from(fitted.bias()[0]));
    let cosine = (x.map(f64::from) * residual.transpose()).amax() / residual.norm() / (m as f64 / 3.0).sqrt();
    assert!(cosine < 1e-3, "{cosine}");
    Ok(())
}

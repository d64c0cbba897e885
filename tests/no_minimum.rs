//! Data whose likelihood has no maximum: no run calls itself converged, whatever the gradient says.

use gradus::data::one_hot;
use gradus::{
    Activation, Architecture, CrossEntropy, EmpiricalRisk, Error, Lbfgs, LogLoss, Network, Newton, NewtonCg,
    Optimizer, Perceptron, Real, Recession, Report, SigmoidClassifier, Stop, Termination, TrustRegion,
    minimize,
};
use nalgebra::{DMatrix, DVector, dmatrix};

type Risk<'a, M, L> = EmpiricalRisk<'a, f64, M, L>;

fn ramp() -> DMatrix<f64> {
    dmatrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
}

fn binary(
    y: &DMatrix<f64>, method: &mut dyn FnMut(&mut Risk<'_, SigmoidClassifier, LogLoss>) -> Report<f64>,
) -> Termination {
    let x = ramp();
    let model = SigmoidClassifier::new(1).with_outputs(y.nrows());
    let mut risk = EmpiricalRisk::new(model, LogLoss, &x, y).unwrap();
    let report = method(&mut risk);
    assert!(report.termination != Termination::Separable || !report.converged());
    report.termination
}

fn by<P: for<'a> Optimizer<f64, Risk<'a, SigmoidClassifier, LogLoss>>>(
    mut method: P,
) -> impl FnMut(&mut Risk<'_, SigmoidClassifier, LogLoss>) -> Report<f64> {
    move |risk| {
        let zeros = DVector::zeros(2 * risk.model().outputs());
        minimize(&mut method, risk, zeros, &Stop::default()).unwrap()
    }
}

#[test]
fn separation_complete_or_not_of_all_outputs_or_one() {
    let complete = dmatrix![0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let second = dmatrix![0.0, 1.0, 0.0, 1.0, 0.0, 1.0; 0.0, 0.0, 0.0, 1.0, 1.0, 1.0];
    let overlap = dmatrix![0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
    for (y, expected) in [
        (complete, Termination::Separable),
        (second, Termination::Separable),
        (overlap, Termination::GradientTolerance),
    ] {
        assert_eq!(binary(&y, &mut by(Newton::new())), expected, "Newton, {y}");
        assert_eq!(binary(&y, &mut by(TrustRegion::new())), expected, "TrustRegion, {y}");
        assert_eq!(binary(&y, &mut |risk| risk.fit().unwrap().report), expected, "fit, {y}");
    }
}

#[test]
fn quasi_complete_separation() -> Result<(), Error> {
    let (x, y) = (dmatrix![1.0, 2.0, 3.0, 3.0, 4.0, 5.0], dmatrix![0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    let zeros = DVector::zeros(2);
    let newton = minimize(&mut Newton::new(), &mut risk, zeros.clone(), &Stop::default())?;
    let region = minimize(&mut TrustRegion::new(), &mut risk, zeros.clone(), &Stop::default())?;
    assert_eq!((newton.termination, region.termination), (Termination::Separable, Termination::Separable));
    // a method without a Hessian knows it too
    let truncated = minimize(&mut NewtonCg::new(), &mut risk, zeros.clone(), &Stop::default())?;
    assert!(!truncated.converged());

    // one sample on the other side by a hair, and there is a minimum
    let x = dmatrix![1.0, 2.0, 3.0 + 1e-6, 3.0, 4.0, 5.0];
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    let report = minimize(&mut Newton::new(), &mut risk, zeros.clone(), &Stop::default())?;
    assert!(!matches!(report.recession, Recession::Along(_)));
    // a penalty gives one too, and a sample of weight zero does not count
    let x = dmatrix![1.0, 2.0, 3.0, 3.0, 4.0, 5.0];
    let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    assert!(
        minimize(&mut Newton::new(), &mut risk.ridge(0.01), zeros.clone(), &Stop::default())?.converged()
    );
    let y = dmatrix![0.0, 0.0, 0.0, 1.0, 1.0, 0.0];
    let risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y)?;
    let mut risk = risk.with_weights(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0])?;
    let report = minimize(&mut Newton::new(), &mut risk, zeros, &Stop::default())?;
    assert_eq!(report.termination, Termination::Separable);
    Ok(())
}

#[test]
fn three_classes() -> Result<(), Error> {
    let x = ramp();
    let fit = |classes: &[usize]| -> Result<_, Error> {
        let y = one_hot(classes, 3)?;
        Ok(EmpiricalRisk::new(Perceptron::new(1).with_outputs(3), CrossEntropy, &x, &y)?.fit()?.report)
    };
    assert_eq!(fit(&[0, 0, 1, 1, 2, 2])?.termination, Termination::Separable);
    assert!(fit(&[0, 1, 2, 1, 2, 0])?.converged());
    Ok(())
}

#[test]
fn a_network_that_scales_its_last_layer() -> Result<(), Error> {
    let (x, y) = (dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], dmatrix![0.0, 1.0, 1.0, 0.0]);
    let network = Network::new(&[2, 4, 1], Activation::Tanh);
    let start = network.initial(1);
    let mut risk = EmpiricalRisk::new(network, LogLoss, &x, &y)?;
    let report = minimize(&mut TrustRegion::new(), &mut risk, start.clone(), &Stop::default())?;
    assert!(!report.converged(), "{report}");
    let report = minimize(&mut TrustRegion::new(), &mut risk.ridge(0.01), start, &Stop::default())?;
    assert!(report.termination != Termination::Separable, "{report}");
    Ok(())
}

/// A run is asked once its gradient has vanished beside the first one, and not only where numbers end.
fn ends_soon<T: Real>(rounds: usize) -> Result<(), Error> {
    let mut state = 7_u64;
    let mut draw = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / f64::from(1 << 23) - 1.0
    };
    for round in 0..rounds {
        let (n, m) = (1 + round % 3, 12 + round % 9);
        let unit = 2_f64.powi(round as i32 % 13 - 6);
        let x = DMatrix::from_fn(n, m, |_, _| draw());
        let w = DMatrix::from_fn(1, n, |_, _| draw());
        let y = (&w * &x).map(|z| T::of(f64::from(u8::from(z > 0.0))));
        let x = x.map(|x| T::of(x * unit));
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?;
        let zeros = || DVector::zeros(n + 1);
        for (name, report) in [
            ("Newton", minimize(&mut Newton::new(), &mut risk, zeros(), &Stop::default())?),
            ("TrustRegion", minimize(&mut TrustRegion::new(), &mut risk, zeros(), &Stop::default())?),
            ("L-BFGS", minimize(&mut Lbfgs::new(), &mut risk, zeros(), &Stop::default())?),
        ] {
            assert_eq!(report.termination, Termination::Separable, "{name}, {round}: {report}");
            assert!(!report.converged() && report.iterations < 100, "{name}, {round}: {report}");
        }
    }
    Ok(())
}

#[test]
fn runs_on_separable_data_end_soon() -> Result<(), Error> {
    ends_soon::<f64>(300)?;
    ends_soon::<f32>(150)
}

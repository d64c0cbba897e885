//! Exclusive-or by a 2-4-1 network from 200 seeds: every run says truly where it ended.

use gradus::nalgebra::{DMatrix, DVector, dmatrix};
use gradus::optimizer::Probed;
use gradus::{
    Activation, CriticalKind, EmpiricalRisk, Error, Fitted, LogLoss, Network, Newton, Objective, Recession,
    SecondOrderLoss, SquaredError, Stop, Termination, TrustRegion, minimize,
};

use draw::Draw;

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

const SEEDS: u64 = 200;
/// Of `θ`: 4 × 2 weights and 4 biases, then the last layer's.
const LAST: usize = 12;

fn corners() -> (DMatrix<f64>, DMatrix<f64>) {
    (dmatrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0], dmatrix![0.0, 1.0, 1.0, 0.0])
}

fn runs<L: SecondOrderLoss<f64> + Copy>(
    activation: Activation, loss: L, seeds: u64, mut see: impl FnMut(&gradus::Report<f64>, String),
) -> Result<(), Error> {
    let (x, y) = corners();
    let network = Network::new(&[2, 4, 1], activation);
    let mut risk = EmpiricalRisk::new(network.clone(), loss, &x, &y)?;
    for seed in 0..seeds {
        let (start, stop) = (network.initial(seed), Stop::default());
        let report = minimize(&mut TrustRegion::new(), &mut risk, start.clone(), &stop)?;
        see(&report, format!("trust region, seed {seed}: {report}"));
        let report = minimize(&mut Newton::new(), &mut risk, start, &stop)?;
        see(&report, format!("Newton, seed {seed}: {report}"));
    }
    Ok(())
}

/// Four hidden units tell the corners apart, so the log loss has no minimum: the report says so, and that it is the last
/// layer that runs to infinity, along which every score moves to its own side.
#[test]
fn under_the_log_loss_the_last_layer_runs_to_infinity() -> Result<(), Error> {
    let (x, y) = corners();
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        let network = Network::new(&[2, 4, 1], activation);
        runs(activation, LogLoss, SEEDS, |report, context| {
            assert_eq!(report.termination, Termination::Separable, "{context}");
            assert!(!report.converged(), "{context}");
            let Recession::Along(d) = &report.recession else { panic!("{context}") };
            assert!(d.iter().take(LAST).all(|d| *d == 0.0) && d.amax() > 0.0, "{context} {d}");
            let scores = |theta: DVector<f64>| {
                Fitted::from_parameters(network.clone(), LogLoss, theta)
                    .and_then(|fitted| fitted.scores(&x))
                    .unwrap()
            };
            let change =
                scores(&report.x + d * (report.x.amax().max(1.0) / d.amax())) - scores(report.x.clone());
            let mut sides = change.iter().zip(&y).map(|(change, y)| change * (2.0 * y - 1.0));
            assert!(sides.all(|side| side >= -1e-9) && change.amax() > 0.0, "{context} {change}");
        })?;
    }
    Ok(())
}

/// Under the squared error the minima are no points: a run that converged calls its own degenerate, has probed it, and
/// nothing near is lower; all others say that they have not.
#[test]
fn under_the_squared_error_a_minimum_is_degenerate_and_probed() -> Result<(), Error> {
    let (x, y) = corners();
    let mut draw = Draw::new(1);
    let (mut stated, mut all) = (0, 0);
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        let mut risk = EmpiricalRisk::new(Network::new(&[2, 4, 1], activation), SquaredError, &x, &y)?;
        runs(activation, SquaredError, 15, |report, context| {
            all += 1;
            if !report.converged() {
                assert_eq!(report.termination, Termination::Iterations, "{context}");
                return;
            }
            stated += 1;
            assert_eq!(report.kind(), Some(CriticalKind::Degenerate), "{context}");
            assert!(matches!(report.probed, Probed::Bowl | Probed::Valley), "{context}");
            for k in 0..100 {
                let length = 10f64.powi(-(k % 5));
                let near = report.x.map(|x| x + length * draw.unit());
                assert!(risk.value(&near) >= report.value - 1e-14, "{context}");
            }
        })?;
    }
    assert!(2 * stated > all, "{stated} of {all}");
    Ok(())
}

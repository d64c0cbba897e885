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
    activation: Activation, loss: L, mut see: impl FnMut(&gradus::Report<f64>, String),
) -> Result<(), Error> {
    let (x, y) = corners();
    let network = Network::new(&[2, 4, 1], activation);
    let mut risk = EmpiricalRisk::new(network.clone(), loss, &x, &y)?;
    for seed in 0..SEEDS {
        let (start, stop) = (network.initial(seed), Stop::default());
        let report = minimize(&mut TrustRegion::new(), &mut risk, start.clone(), &stop)?;
        see(&report, format!("trust region, seed {seed}: {report}"));
        if activation != Activation::Relu {
            let report = minimize(&mut Newton::new(), &mut risk, start, &stop)?;
            see(&report, format!("Newton, seed {seed}: {report}"));
        }
    }
    Ok(())
}

/// Four hidden units tell the corners apart, so the log loss has no minimum: the report says so, and that it is the last
/// layer that runs to infinity, along which every score moves to its own side.
fn the_last_layer_runs_to_infinity(activation: Activation) -> Result<(), Error> {
    let (x, y) = corners();
    let network = Network::new(&[2, 4, 1], activation);
    let mut dead = 0;
    runs(activation, LogLoss, |report, context| {
        // a network of relus that are all switched off says one half of each corner, and nothing near it more
        if activation == Activation::Relu && report.converged() {
            let is_probed = matches!(report.probed, Probed::Bowl | Probed::Valley);
            let is_dead = (report.value - 2.0_f64.ln()).abs() < 1e-12;
            assert!(is_probed && is_dead && report.kind() == Some(CriticalKind::Degenerate), "{context}");
            dead += 1;
            return;
        }
        assert_eq!(report.termination, Termination::Separable, "{context}");
        assert!(!report.converged(), "{context}");
        let Recession::Along(d) = &report.recession else { panic!("{context}") };
        assert!(d.iter().take(LAST).all(|d| *d == 0.0) && d.amax() > 0.0, "{context} {d}");
        let scores = |theta: DVector<f64>| {
            Fitted::from_parameters(network.clone(), LogLoss, theta)
                .and_then(|fitted| fitted.scores(&x))
                .unwrap()
        };
        let change = scores(&report.x + d * (report.x.amax().max(1.0) / d.amax())) - scores(report.x.clone());
        let mut sides = change.iter().zip(&y).map(|(change, y)| change * (2.0 * y - 1.0));
        assert!(sides.all(|side| side >= -1e-9) && change.amax() > 0.0, "{context} {change}");
    })?;
    assert!(dead <= 2, "{dead}");
    Ok(())
}

#[test]
fn log_loss_and_tanh() -> Result<(), Error> {
    the_last_layer_runs_to_infinity(Activation::Tanh)
}

#[test]
fn log_loss_and_sigmoid() -> Result<(), Error> {
    the_last_layer_runs_to_infinity(Activation::Sigmoid)
}

#[test]
fn log_loss_and_relu() -> Result<(), Error> {
    the_last_layer_runs_to_infinity(Activation::Relu)
}

/// Under the squared error the minima are no points: 4 residuals leave 13 of 17 directions flat. A run that converged calls
/// its point degenerate, has probed it, and nothing near is lower. How many did not, each of which says so; with the most
/// iterations of those that did.
fn a_minimum_is_degenerate_and_probed(
    activation: Activation, farthest: f64, largest: f64,
) -> Result<(usize, usize), Error> {
    let (x, y) = corners();
    let mut draw = Draw::new(1);
    let mut risk = EmpiricalRisk::new(Network::new(&[2, 4, 1], activation), SquaredError, &x, &y)?;
    let (mut others, mut most) = (0, 0);
    runs(activation, SquaredError, |report, context| {
        if !report.converged() {
            assert_eq!(report.termination, Termination::Iterations, "{context}");
            others += 1;
            return;
        }
        most = most.max(report.iterations);
        assert_eq!(report.kind(), Some(CriticalKind::Degenerate), "{context}");
        assert!(matches!(report.probed, Probed::Bowl | Probed::Valley), "{context}");
        assert!(report.value < largest, "{context}");
        for k in 0..100 {
            let length = farthest * 10f64.powi(-(k % 5));
            let near = report.x.map(|x| x + length * draw.unit());
            assert!(risk.value(&near) >= report.value - 1e-14, "{context}");
        }
    })?;
    Ok((others, most))
}

#[test]
fn squared_error_and_smooth_units() -> Result<(), Error> {
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        let (others, most) = a_minimum_is_degenerate_and_probed(activation, 1.0, 1e-20)?;
        // Newton's method is fast on the way to a flat minimum too
        assert!(others == 0 && most <= 100, "{activation:?}: {others}, {most} iterations");
    }
    Ok(())
}

/// At a kink of a unit no method of second derivatives is at home: such a run ends at the bound on iterations.
#[test]
fn squared_error_and_relu() -> Result<(), Error> {
    let (others, most) = a_minimum_is_degenerate_and_probed(Activation::Relu, 1e-4, 1.0)?;
    assert!(others <= 2 && most <= 400, "{others}, {most} iterations");
    Ok(())
}

//! How sure is a prediction: of a line, of a probability, and of a network, inside and outside of the data.
//!
//! `cargo run --release --example posterior`

use gradus::{
    Activation, EmpiricalRisk, Error, LogLoss, Network, Perceptron, Prediction, SigmoidClassifier,
    SquaredError, Stop, TrustRegion, minimize,
};

fn show(what: &str, at: &[f64], predicted: &Prediction<f64>) {
    println!("{what}");
    for (j, x) in at.iter().enumerate() {
        let (mean, lower, upper) = (predicted.mean[j], predicted.lower[j], predicted.upper[j]);
        println!("  at {x:4}: {mean:6.2}, between {lower:6.2} and {upper:6.2}");
    }
}

fn main() -> Result<(), Error> {
    let hours = [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0];
    let points = [1.2, 2.9, 3.1, 5.1, 5.6, 7.0, 7.2, 9.2, 8.9, 10.8, 11.9, 13.1];
    let at = [1.75, 3.25, 9.0];

    let mut risk = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &hours, &points)?;
    let fitted = risk.fit()?;
    let posterior = risk.posterior(fitted.parameters())?;
    show("a line, the mean of many students", &at, &posterior.predict(&at, 0.95)?);
    show("one more student", &at, &posterior.predict_observation(&at, 0.95)?);

    let passed = [0, 0, 0, 1, 0, 0, 1, 0, 1, 1, 1, 1];
    let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &hours, &passed)?;
    let fitted = risk.fit()?;
    let posterior = risk.posterior(fitted.parameters())?;
    show("the probability to pass", &at, &posterior.predict(&at, 0.95)?);

    // a penalty is a prior of the weights, and no direction is left without curvature
    let network = Network::new(&[1, 4, 1], Activation::Tanh);
    let start = network.initial(1);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &hours, &points)?.ridge(0.01);
    let report = minimize(&mut TrustRegion::new(), &mut risk, start, &Stop::default())?;
    println!("{report}");
    let posterior = risk.posterior(&report.x)?;
    show("a network", &at, &posterior.predict(&at, 0.95)?);
    Ok(())
}

//! Save what training leaves, load it again bit for bit, refuse a damaged file, and build a model from known weights.
//!
//! `cargo run --release --features serde --example save_load`
//!
//! Numbers come back to the last bit where `serde_json` has its feature `float_roundtrip`.

use gradus::data::Standardizer;
use gradus::{Activation, Fitted, LogLoss, Network, SigmoidClassifier};

type Classifier = Fitted<f64, Network, LogLoss>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // pass or fail, from hours of study and hours of sleep
    let x = gradus::matrix![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0;
                           8.0, 7.5, 4.0, 8.0, 5.0, 7.0, 4.5, 8.0];
    let y = [0, 0, 0, 1, 0, 1, 1, 1];
    let standard = Standardizer::fit(&x)?;
    let network = Network::new(&[2, 8, 1], Activation::Tanh);
    // a network is worth little without the scales of its features: it takes raw ones from here on, also from a file
    let fitted = network.fit(LogLoss, &standard.transform(&x)?, &y, 1)?.with_scaling(standard);

    let path = std::env::temp_dir().join(format!("gradus-{}.json", std::process::id()));
    std::fs::write(&path, serde_json::to_string(&fitted)?)?;
    let file = std::fs::read_to_string(&path)?;
    std::fs::remove_file(&path)?;
    let loaded: Classifier = serde_json::from_str(&file)?;
    let new = gradus::matrix![3.5, 6.5; 7.0, 6.0];
    let (before, after) = (fitted.predict(&new)?, loaded.predict(&new)?);
    assert_eq!(before, after);
    println!("saved {} bytes; the same answers before and after: {:.4?}", file.len(), after.as_slice());

    let damaged = file.replace("[\"Network\",2,", "[\"Network\",4294967296,");
    let refused = serde_json::from_str::<Classifier>(&damaged);
    println!("damaged: {}", refused.err().ok_or("a damaged file was loaded")?);

    // from known weights: w₁, w₂, b, as a paper or another program gives them
    let known = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, gradus::vector![1.5, 0.4, -9.0])?;
    println!("known weights: {:.4?}", known.predict(&new)?.as_slice());
    let short = Fitted::from_parameters(SigmoidClassifier::new(2), LogLoss, gradus::vector![1.5, 0.4]);
    println!("one too few: {}", short.err().ok_or("a missing weight was accepted")?);
    Ok(())
}

//! Classification: `ŷ = σ(w₁x₁ + w₂x₂ + b)`, the log loss, and why the sigmoid's derivative is not in the gradient.

use gradus::{Activation, Error, LogLoss, SigmoidClassifier, Termination, matrix, vector};

fn main() -> Result<(), Error> {
    println!("The sigmoid and its slope σ' = σ (1 − σ):\n");
    for z in [-6.0, -2.0, 0.0, 2.0, 6.0] {
        let (a, slope, _) = Activation::Sigmoid.jet(z);
        println!("z = {z:>4}   σ = {a:.6}   σ' = {slope:.6}   {}", "·".repeat((40.0 * a) as usize) + "*");
    }

    println!("\nx = (1, 3), w = (4.5, 1.5), b = 0, and the label is 0: sure of itself, and wrong.");
    println!(
        "∂L/∂ŷ = (ŷ − y)/(ŷ (1 − ŷ)) is large, ∂ŷ/∂z = ŷ (1 − ŷ) is small, and their product is ŷ − y:\n"
    );
    let model = SigmoidClassifier::new(2);
    let x = matrix![1.0; 3.0];
    println!("{}\n", model.explain(&LogLoss, &vector![4.5, 1.5, 0.0], &x, &[0])?);

    println!("At z = 40 the factors are ∞ and 0. So a loss takes scores, and cancels before it computes:\n");
    println!("{}\n", model.explain(&LogLoss, &vector![40.0, 0.0, 0.0], &x, &[0])?.table());

    println!("Hours of study, and who passed:\n");
    let hours = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let model = SigmoidClassifier::new(1);
    let fitted = model.fit(&hours, &[0, 0, 1, 0, 1, 1])?;
    println!("{}\n  p(3.5)      {:.4}", fitted.report, fitted.predict(&[3.5])?[0]);

    println!(
        "\nIf a threshold separates them, the loss falls for ever as w grows, and no weights are best:\n"
    );
    let separable = model.fit(&hours, &[0, 0, 0, 1, 1, 1])?.report;
    assert_eq!(separable.termination, Termination::Separable);
    println!("{separable}");
    Ok(())
}

//! Backpropagation at any depth: what the forward pass keeps, and what the backward pass makes of it.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Activation, Error, LogLoss, Loss, Model, Network, matrix};

fn main() -> Result<(), Error> {
    // exclusive-or: a sample in each column
    let x = matrix![0.0, 0.0, 1.0, 1.0; 0.0, 1.0, 0.0, 1.0];
    let y = matrix![0.0, 1.0, 1.0, 0.0];
    let network = Network::new(&[2, 4, 3, 1], Activation::Tanh);
    let theta: DVector<f64> = network.initial(2);

    println!("Forward: the cache keeps the activations of every layer.\n");
    let mut cache = network.cache(4); // for up to four samples
    let scores = network.forward(&theta, x.as_view(), &mut cache).into_owned();
    println!("A⁽¹⁾, a row for each unit, a column for each sample:{:.4}", cache.activations(0).into_owned());

    println!("Backward: from ∂L/∂Z of the last layer, δ goes back layer by layer, each computed once.\n");
    let mut delta = DMatrix::zeros(1, 4);
    let share = [0.25; 4]; // the mean of four
    let value = LogLoss.value_gradient(scores.as_view(), y.as_view(), &share, delta.as_view_mut());
    let mut gradient = DVector::zeros(theta.len());
    network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
    println!("L = {value:.6}; Δ⁽¹⁾:{:.6}", cache.deltas(0).into_owned());

    println!("The gradient, read by layers: ∂L/∂W⁽ˡ⁾ = Δ⁽ˡ⁾ A⁽ˡ⁻¹⁾ᵀ, ∂L/∂b⁽ˡ⁾ = Δ⁽ˡ⁾ 1");
    for (l, layer) in network.layers().iter().enumerate() {
        println!("∂L/∂W⁽{}⁾:{:.6}", l + 1, layer.weights(&gradient)?.into_owned());
    }
    let pass = network.explain(&LogLoss, &theta, &x, &y)?;
    assert_eq!(pass.gradient, gradient); // `explain` shows the same numbers
    println!("The same as a table, the first sample of the first layer:");
    pass.table().to_string().lines().take(5).for_each(|line| println!("{line}"));

    println!("\nTrained from the same start:\n");
    let fitted = network.fit(LogLoss, &x, &y, 2)?;
    println!("{}\n  ŷ           {:.4?}", fitted.report, fitted.predict(&x)?.as_slice());
    Ok(())
}

//! A network of two layers, and all of its partial derivatives.

use gradus::{Activation, Error, LogLoss, Network, matrix};

fn main() -> Result<(), Error> {
    // two inputs, two hidden units, one output; the rows of W are the units
    let network = Network::new(&[2, 2, 1], Activation::Sigmoid);
    let (w_hidden, b_hidden) = ([0.5, -0.25, 0.1, 0.4], [0.1, -0.2]);
    let (w, b) = ([0.7, -0.6], [0.05]);
    let mut theta = network.parameters_from_rows(&[(&w_hidden, &b_hidden), (&w, &b)])?;
    let x = matrix![1.0; 3.0];

    println!(
        "Forward: z and a of the hidden units, then ŷ = σ(z). Backward: δ = ŷ − y of the output, then of"
    );
    println!(
        "each hidden unit δⱼ = δ wⱼ σ'(zⱼ). A partial is δ of the unit it leads to, times what it multiplies.\n"
    );
    let pass = network.explain(&LogLoss, &theta, &x, &[1])?;
    println!("{pass}\n");

    let (hidden, output) = (&pass.layers[0], &pass.layers[1]);
    let (a, w1, y_hat) = (hidden.a[0], 0.7, output.a[0]);
    println!("By the formula of the notes, ∂L/∂w₁₁ = −x₁ a₁ (1 − a₁) w₁ (y − ŷ):");
    println!(
        "  {:.15}, and above {:.15}\n",
        -a * (1.0 - a) * w1 * (1.0 - y_hat),
        hidden.weight_gradient[(0, 0)]
    );

    println!("All gradients first, then all updates: the hidden layer needs the old w. With α = 1:\n");
    for step in 0..=5 {
        let pass = network.explain(&LogLoss, &theta, &x, &[1])?;
        println!("step {step}   ŷ = {:.6}   L = {:.6}", pass.response[0], pass.value);
        theta -= pass.gradient;
    }
    println!("\nThe output layer now, w and b: {:.4?}", &theta.as_slice()[network.layers()[1].range()]);
    Ok(())
}

//! Regression with a perceptron: `ŷ = w₁x₁ + w₂x₂ + b`, the loss `½ (y − ŷ)²`, and its gradient by the chain rule.

use gradus::{Error, Perceptron, SquaredError, matrix, vector};

fn main() -> Result<(), Error> {
    // rooms and age of four houses, one in each column, and their prices
    let x = matrix![2.0, 3.0, 4.0, 5.0;
                    1.0, 3.0, 0.0, 2.0];
    let y = [5.0, 5.1, 10.2, 9.9];
    let model = Perceptron::new(2);
    let mut theta = vector![0.0, 0.0, 0.0]; // w₁, w₂, b

    println!("One house: ∂L/∂w = ∂L/∂ŷ · ∂ŷ/∂z · ∂z/∂w = −(y − ŷ) · 1 · x\n");
    println!("{}\n", model.explain(&SquaredError, &theta, &x.column(0).into_owned(), &[5.0])?);

    println!("All four: the mean of their gradients. Gradient descent, θ ← θ − α ∂L/∂θ with α = 0.05:\n");
    for step in 0..=2000 {
        let pass = model.explain(&SquaredError, &theta, &x, &y)?;
        if step % 400 == 0 {
            println!(
                "step {step:>4}   L = {:.6}   w = ({:.4}, {:.4}), b = {:.4}",
                pass.value, theta[0], theta[1], theta[2]
            );
        }
        theta -= 0.05 * &pass.gradient;
    }

    println!("\nThe loss is a quadratic: one step of Newton's method, least squares, is there at once:\n");
    let fitted = model.fit(&x, &y)?;
    println!("{}", fitted.report);
    println!("  new house   4 rooms, 1 year: {:.2}", fitted.predict(&[4.0, 1.0])?[0]);
    Ok(())
}

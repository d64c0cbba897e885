//! A student's program of forty lines, `examples/notes.rs`, prints every number of the course notes.

use num_dual::{Dual64, DualNum};

#[path = "../examples/notes.rs"]
#[expect(dead_code, reason = "its `main` is for those who run it")]
mod student;

/// Every number in the text of a program, in its order.
fn numbers(text: &str) -> Vec<f64> {
    let words = text.split(|c: char| c.is_whitespace() || "·│,[]=(".contains(c));
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The number is printed, to as many digits as the notes have: within a unit of the last.
#[track_caller]
fn printed(found: &[f64], expected: &str) {
    let (digits, exponent) = expected.split_once('e').unwrap_or((expected, "0"));
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len()) as i32;
    let unit = 10f64.powi(exponent.parse::<i32>().unwrap() - decimals);
    let number: f64 = expected.parse().unwrap();
    let near = |found: &f64| (found - number).abs() <= 1.01 * unit;
    assert!(found.iter().any(near), "{expected} is not printed");
}

#[test]
fn the_program_is_short() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/notes.rs");
    let Ok(text) = std::fs::read_to_string(path) else { return };
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with("//"));
    assert!(lines.count() <= 40);
}

#[test]
fn every_printed_number_of_the_notes() {
    let text = student::notes().unwrap();
    let found = numbers(&text);
    let golden = "
        9 0.9998766054240137 9.000123402189724 0.99987660542 2.99962981627
        0.46257015 0.75026011 -0.07635695509769529 0.480920030621501 0.7320542792026764
        -0.2401109 -0.38944499 -0.519079969378499 -0.09032994 -0.27098981 0.05835597 0.17506791
        0.09724764704478506 0.18317666678393094 0.3205196895502428 0.477297652386095
        0.557849767087826 0.567059890228799 0.5671432838411802 0.5671432904097838
        3.585786437626905 6.414213562373095
        277.6 213.6 198.4 -2.6 157.6
        2.58273866 2.62128884 1.59225691 1.67481611 0.87058917 1.00182107 0.33519431 0.49397623
        0.04123585 0.12545903 1.9466e-4 3.01029e-3 -2.485e-8 3.554e-8
        293.6 201.6 2.581481485 2.525356408 1.58924396 1.564946841
        0.00258245451914 0.02063838596618 -8.9222e-6 -0.1231 8.1231
        -0.21179348436563 -1.89269314623443 -3.4965575 8.98431 11.98868
        2.3303661 3.7639320 8.2360680";
    golden.split_whitespace().for_each(|number| printed(&found, number));
    assert!(text.contains("saddle: 1 positive, 1 negative"), "{text}");
}

/// Every partial derivative of the networks with two and three layers, by dual numbers.
#[test]
fn all_partials_of_two_and_three_layers() {
    let text = student::notes().unwrap();
    let found = numbers(&text);
    let golden = [0.5, 0.1, -0.25, 0.4, 0.1, -0.2, 0.7, -0.6, 0.05];
    let initial = gradus::Network::new(&[2, 3, 2, 1], gradus::Activation::Sigmoid).initial::<f64>(1);
    for (sizes, theta) in [(&[2, 2, 1][..], &golden[..]), (&[2, 3, 2, 1], initial.as_slice())] {
        for i in 0..theta.len() {
            let part = |(j, t): (usize, &f64)| Dual64::new(*t, f64::from(u8::from(i == j)));
            let theta: Vec<_> = theta.iter().enumerate().map(part).collect();
            printed(&found, &format!("{:.14}", loss(sizes, &theta).eps));
        }
    }
}

/// `−ln σ(z)` of a network at `x = (1, 3)`; `W` by columns, then `b`.
fn loss(sizes: &[usize], theta: &[Dual64]) -> Dual64 {
    let sigmoid = |z: Dual64| ((-z).exp() + 1.0).recip();
    let (mut a, mut at) = (vec![Dual64::from(1.0), Dual64::from(3.0)], 0);
    for units in &sizes[1..] {
        let (w, b) = theta[at..at + units * a.len() + units].split_at(units * a.len());
        at += units * a.len() + units;
        let score = |u: usize| a.iter().enumerate().fold(b[u], |z, (i, a)| z + w[i * units + u] * a);
        a = (0..*units).map(|u| sigmoid(score(u))).collect();
    }
    -a[0].ln()
}

use std::fmt;

use super::{Backpropagation, LayerPass, Table};
use crate::Real;
use crate::figures::Cell;

/// Terms of a sum that are written out.
const TERMS: usize = 3;

impl<T: Real> Backpropagation<T> {
    /// A row for each layer (counted from 1), sample and unit: `z`, `a`, `φ'(z)`, `∂L/∂a` and `δ`, with their formulas.
    /// A subscript `₋` is the layer before, `₊` the one behind. Where the product of the factors is not `δ` to half its
    /// digits, a note says so.
    ///
    /// ```
    /// use gradus::{Perceptron, SquaredError, vector};
    ///
    /// let pass = Perceptron::new(1).explain(&SquaredError, &vector![2.0, 1.0], &[3.0], &[6.0])?;
    /// assert_eq!(pass.table().to_string(), "\
    /// layer  sample  unit  z = W a₋ + b  a = φ(z)  φ'(z)  ∂L/∂a = W₊ᵀδ₊  δ = ∂L/∂a φ'
    ///     1       0     0             7         7      1              1             1");
    /// println!("{}\n{}", pass.table().markdown(), pass.table().csv());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn table(&self) -> Table {
        let mut header = vec!["layer", "sample", "unit", "z = W a₋ + b", "a = φ(z)", "φ'(z)"];
        header.extend(["∂L/∂a = W₊ᵀδ₊", "δ = ∂L/∂a φ'"]);
        let mut rows = Vec::new();
        let mut notes = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            let LayerPass { z, a, slope, upstream, delta, .. } = layer;
            for i in 0..z.len() {
                let places = [l + 1, i / z.nrows(), i % z.nrows()].map(|place| Cell::text(&place));
                let numbers = [z[i], a[i], slope[i], upstream[i], delta[i]].map(Cell::number);
                rows.push(places.into_iter().chain(numbers).collect::<Vec<_>>());
                let missed = (upstream[i] * slope[i] - delta[i]).abs();
                notes.push(match missed <= T::EPSILON.sqrt() * delta[i].abs() {
                    true => "",
                    false if missed.is_finite() => "rounded: formed from z",
                    false => "∞ · 0: formed from z",
                });
            }
        }
        if notes.iter().any(|note| !note.is_empty()) {
            header.push("");
            rows.iter_mut().zip(notes).for_each(|(row, note)| row.push(Cell::text(&note)));
        }
        Table::new(header, rows)
    }

    /// A row for each parameter: its partial derivative, and the factors `∂L/∂a · ∂a/∂z · ∂z/∂θ` whose sum it is, of the
    /// first three samples.
    ///
    /// ```
    /// use gradus::{Perceptron, SquaredError, vector};
    ///
    /// let (theta, x, y) = (vector![2.0, 1.0], [3.0, 1.0], [6.0, 1.0]);
    /// let pass = Perceptron::new(1).explain(&SquaredError, &theta, &x, &y)?;
    /// assert_eq!(pass.gradient_table().to_string(), "\
    /// layer  parameter  ∂L/∂θ  = Σ ∂L/∂a · φ'(z) · ∂z/∂θ
    ///     1     w[0,0]    2.5    0.5 · 1 · 3 + 1 · 1 · 1
    ///     1       b[0]    1.5    0.5 · 1 · 1 + 1 · 1 · 1");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn gradient_table(&self) -> Table {
        let mut rows = Vec::new();
        for (l, layer) in self.layers.iter().enumerate() {
            let (units, inputs) = layer.weight_gradient.shape();
            for (unit, i) in (0..units).flat_map(|unit| (0..=inputs).map(move |i| (unit, i))) {
                let (name, partial) = match i < inputs {
                    true => (format!("w[{unit},{i}]"), layer.weight_gradient[(unit, i)]),
                    false if layer.bias_gradient.is_empty() => continue,
                    false => (format!("b[{unit}]"), layer.bias_gradient[unit]),
                };
                let place = [Cell::text(&(l + 1)), Cell::text(&name)];
                let numbers = [Cell::number(partial), terms(layer, unit, i)];
                rows.push(place.into_iter().chain(numbers).collect());
            }
        }
        Table::new(["layer", "parameter", "∂L/∂θ", "= Σ ∂L/∂a · φ'(z) · ∂z/∂θ"], rows)
    }
}

/// Each sample's factors of the partial derivative by the weight of an input, or after the last by the bias.
fn terms<T: Real>(layer: &LayerPass<T>, unit: usize, i: usize) -> Cell {
    let samples = layer.z.ncols();
    let term = |sample| {
        let last = if i < layer.input.nrows() { layer.input[(i, sample)] } else { T::one() };
        [layer.upstream[(unit, sample)], layer.slope[(unit, sample)], last].map(Cell::number).to_vec()
    };
    let rest = if samples > TERMS { format!(" + … of {samples} samples") } else { String::new() };
    Cell::Sum((0..samples.min(TERMS)).map(term).collect(), rest)
}

impl<T: Real> fmt::Display for Backpropagation<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let samples = self.response.ncols();
        let plural = if samples == 1 { "" } else { "s" };
        let value = Cell::number(self.value).shown(f.precision());
        writeln!(f, "L = {value}, the mean over {samples} sample{plural}\n")?;
        self.table().fmt(f)?;
        f.write_str("\n\n")?;
        self.gradient_table().fmt(f)
    }
}

//! The same table held by polars, by ndarray and by faer, in both orders and both precisions, into gradus; predictions
//! back. Polars alone is two minutes of compiling, so this runs without `--release`:
//!
//! ```text
//! cargo run --manifest-path examples/interop/Cargo.toml
//! ```

use std::error::Error;

use faer::Mat;
use gradus::data::{column_major, row_major};
use gradus::nalgebra::DMatrix;
use gradus::{Fitted, Perceptron, Real, SquaredError};
use ndarray::{Array2, ShapeBuilder};
use polars::prelude::*;

type Answer<T> = Result<T, Box<dyn Error>>;
type Line<T> = Fitted<T, Perceptron, SquaredError>;

/// `y = 2 x₁ − x₂ + 3`.
const X1: [f64; 4] = [0.0, 1.0, 0.0, 2.0];
const X2: [f64; 4] = [0.0, 0.0, 1.0, 1.0];
const Y: [f64; 4] = [3.0, 5.0, 2.0, 6.0];

fn main() -> Answer<()> {
    is_the_line(&from_polars()?, 1e-14);
    is_the_line(&from_ndarray(Array2::from_shape_fn((4, 2), table))?, 1e-14);
    is_the_line(&from_ndarray(Array2::from_shape_fn((4, 2).f(), table))?, 1e-14);
    is_the_line(&from_ndarray(Array2::from_shape_fn((4, 2), table).mapv(|x| x as f32))?, 1e-6);
    is_the_line(&from_ndarray(Array2::from_shape_fn((4, 2).f(), table).mapv(|x| x as f32))?, 1e-6);
    is_the_line(&from_faer(&Mat::from_fn(4, 2, |i, j| table((i, j))))?, 1e-14);
    is_the_line(&from_faer(&Mat::from_fn(4, 2, |i, j| table((i, j)) as f32))?, 1e-6);
    println!("one line from polars, ndarray and faer");
    Ok(())
}

/// Row by sample, column by feature, as all three hold tables.
fn table((sample, feature): (usize, usize)) -> f64 {
    [X1, X2][feature][sample]
}

fn is_the_line<T: Real>(fitted: &Line<T>, tolerance: f64) {
    let found = fitted.parameters().map(T::f64);
    let apart = [2.0, -1.0, 3.0].iter().zip(&found).map(|(t, found)| (t - found).abs());
    assert!(apart.fold(0.0, f64::max) < tolerance, "{found}");
}

/// Each column is a buffer of its own. Missing values are an error of `cont_slice`.
fn from_polars() -> Answer<Line<f64>> {
    let frame = df!["x1" => X1, "x2" => X2, "y" => Y]?;
    let mut buffer = Vec::new();
    for name in ["x1", "x2"] {
        buffer.extend_from_slice(frame.column(name)?.f64()?.rechunk().cont_slice()?);
    }
    let x = column_major(&buffer, 2)?;
    let y = frame.column("y")?.f64()?.rechunk();
    let fitted = Perceptron::new(2).fit(&x, y.cont_slice()?)?;

    let predicted = Column::new("predicted".into(), fitted.predict(&x)?.as_slice());
    let frame = frame.hstack(&[predicted])?;
    println!("columns of polars: {:?}", frame.get_column_names());
    Ok(fitted)
}

/// The order of the buffer decides: row-major is lent, column-major copied. Any other view is written anew first.
fn from_ndarray<T: Real>(table: Array2<T>) -> Answer<Line<T>> {
    let (m, n) = table.dim();
    let y = Y.map(T::of);
    let fitted = match table.as_slice() {
        Some(rows) => Perceptron::new(n).fit(row_major(rows, n)?, &y)?,
        None => {
            let columns = table.t().as_standard_layout().into_owned();
            let columns = columns.as_slice().ok_or("standard layout")?;
            Perceptron::new(n).fit(&column_major(columns, n)?, &y)?
        }
    };
    // one sample per row again: a column-major matrix of outputs × samples is a row-major one of samples × outputs
    let x = DMatrix::from_fn(n, m, |i, j| table[[j, i]]);
    let predicted = Array2::from_shape_vec((m, 1), fitted.predict(&x)?.data.into())?;
    assert_eq!(predicted.dim(), (m, 1));
    Ok(fitted)
}

/// Columns of faer may be padded, so a matrix need not be one buffer: entries are copied, in whatever order they lie.
fn from_faer<T: Real>(table: &Mat<T>) -> Answer<Line<T>> {
    let x = DMatrix::from_fn(table.ncols(), table.nrows(), |i, j| table[(j, i)]);
    let fitted = Perceptron::new(2).fit(&x, &Y.map(T::of))?;
    let predicted = fitted.predict(&x)?;
    let predicted = Mat::from_fn(x.ncols(), 1, |j, i| predicted[(i, j)]);
    assert_eq!(predicted.nrows(), 4);
    Ok(fitted)
}

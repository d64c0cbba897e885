//! The tables of `examples/data` and NIST's certified regressions of `tests/data/nist`.

use gradus::data::{Standardizer, columns};
use gradus::nalgebra::{DMatrix, DVector};

pub(crate) fn read(path: &str) -> String {
    let path = format!("{}/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Features (`n × m`) and the last column, the target (`1 × m`).
pub(crate) fn table(name: &str) -> (DMatrix<f64>, DMatrix<f64>) {
    let rows: Vec<Vec<f64>> = read(&format!("examples/data/{name}.csv"))
        .lines()
        .skip(1)
        .map(|line| line.split(',').map(|cell| cell.parse().unwrap()).collect())
        .collect();
    let all = columns(&rows).unwrap();
    let n = all.nrows() - 1;
    (all.rows(0, n).into_owned(), all.rows(n, 1).into_owned())
}

/// The same, features brought to mean 0 and variance 1.
pub(crate) fn standardised(name: &str) -> (DMatrix<f64>, DMatrix<f64>) {
    let (x, y) = table(name);
    (Standardizer::fit(&x).unwrap().transform(&x).unwrap(), y)
}

/// A certified regression: estimates and their standard deviations with the constant, where there is one, last.
pub(crate) struct Certified {
    pub x: DMatrix<f64>,
    pub y: DMatrix<f64>,
    pub bias: bool,
    pub estimates: DVector<f64>,
    pub deviations: DVector<f64>,
}

/// Reads NIST's file; `power` makes a polynomial of that degree out of the only predictor.
pub(crate) fn nist(name: &str, power: usize) -> Certified {
    let text = read(&format!("tests/data/nist/{name}.dat"));
    let mut certified: Vec<(f64, f64, bool)> = Vec::new();
    for line in text.lines().take(60) {
        let cells: Vec<_> = line.split_whitespace().collect();
        if let [name, estimate, deviation] = cells[..]
            && let (Some(number), Ok(estimate)) = (name.strip_prefix('B'), estimate.parse())
            && let (Ok(number), Ok(deviation)) = (number.parse::<usize>(), deviation.parse())
        {
            certified.push((estimate, deviation, number == 0));
        }
    }
    let bias = certified[0].2;
    certified.rotate_left(usize::from(bias));
    let (mut x, mut y) = (Vec::new(), Vec::new());
    for line in text.lines().skip(60).filter(|line| !line.trim().is_empty()) {
        let cells: Vec<f64> = line.split_whitespace().map(|cell| cell.parse().unwrap()).collect();
        y.push(cells[0]);
        match power {
            1 => x.push(cells[1..].to_vec()),
            _ => x.push((1..=power as i32).map(|k| cells[1].powi(k)).collect()),
        }
    }
    Certified {
        x: columns(&x).unwrap(),
        y: DMatrix::from_row_slice(1, y.len(), &y),
        bias,
        estimates: DVector::from_iterator(certified.len(), certified.iter().map(|c| c.0)),
        deviations: DVector::from_iterator(certified.len(), certified.iter().map(|c| c.1)),
    }
}

/// NIST's log relative error of the worst entry: the digits that agree, 15 at the most.
pub(crate) fn digits(found: &DVector<f64>, certified: &DVector<f64>) -> f64 {
    assert_eq!(found.len(), certified.len());
    let error = |(f, c): (&f64, &f64)| if *c == 0.0 { f.abs() } else { ((f - c) / c).abs() };
    let worst = found
        .iter()
        .zip(certified.iter())
        .map(error)
        .fold(0.0, |worst: f64, e| if e > worst || e.is_nan() { e } else { worst });
    if worst.is_nan() { f64::NAN } else { -worst.max(1e-15).log10() }
}

pub(crate) fn vector(array: &crate::json::Json) -> DVector<f64> {
    DVector::from_iterator(array.items().len(), array.items().iter().map(crate::json::Json::number))
}

//! Where an engineer begins: data in, a model out, and a report of what can go wrong.
//!
//! ```
//! use gradus::data::{Standardizer, split};
//! use gradus::nalgebra::DMatrix;
//! use gradus::{Activation, Network, SquaredError};
//!
//! // 200 samples of two features of different size, one per column
//! let x = DMatrix::from_fn(2, 200, |i, j| {
//!     let u = ((j * (7 + 12 * i) + i) % 101) as f64 / 101.0;
//!     if i == 0 { u } else { 1000.0 * u }
//! });
//! let y = DMatrix::from_fn(1, 200, |_, j| (3.0 * x[(0, j)]).sin() + 0.001 * x[(1, j)]);
//!
//! let (train, test) = split(200, 0.25, 1)?; // a quarter is held out
//! let (x_train, x_test) = (x.select_columns(&train), x.select_columns(&test));
//! let (y_train, y_test) = (y.select_columns(&train), y.select_columns(&test));
//!
//! let scale = Standardizer::fit(&x_train)?; // from the training samples alone
//! let network = Network::new(&[2, 16, 1], Activation::Tanh);
//! let fitted = network.fit(SquaredError, &scale.transform(&x_train)?, &y_train, 1)?;
//! let fitted = fitted.with_scaling(scale); // takes raw inputs from here on
//! println!("{}", fitted.report);
//! assert!(fitted.score(&x_test, &y_test)? > 0.98); // R² on samples that it has not seen
//! # Ok::<(), gradus::Error>(())
//! ```
//!
//! | to | see |
//! |---|---|
//! | choose a method | [how to choose](crate::how_to_choose) |
//! | read a CSV file, tables of polars, ndarray, faer | [`data::tables`](crate::data::tables) |
//! | split, fold, weigh classes | [`data`](crate::data) |
//! | judge | [`metrics`](crate::metrics) |
//! | keep parameters within bounds | [`Bounds`](crate::Bounds) |
//! | know what a report tells | [reading a report](super::reading_a_report) |
//! | train with validation, early stopping, schedules, checkpoints | [`Trainer`](crate::Trainer) |
//! | predict without allocating, one sample at a time | [`Predictor`](crate::Predictor) |
//! | save and load | [`Fitted`](crate::Fitted#save-and-load) |
//! | more data than memory, several machines | [`from_stream`](crate::EmpiricalRisk::from_stream), [`over`](crate::EmpiricalRisk::over) |
//!
//! # What it costs, what it promises
//!
//! No panics, no allocation in a training step, the same bits for the same seed on any number of threads; every error names the
//! argument, what was expected and what was found:
//!
//! ```
//! use gradus::{Perceptron, matrix};
//!
//! let (x, y) = (matrix![1.0, 2.0, 3.0], [1.0, 2.0, 3.0]); // one feature
//! let error = Perceptron::new(2).fit(&x, &y).unwrap_err();
//! println!("{error}");
//! assert!(error.to_string().starts_with("`x` is 1 × 3 but the model takes 2 features"));
//! ```
//!
//! Beside others, on one core, from the tables that stand with their commands in `benches/README.md`:
//!
#![doc = include_str!("pictures/speed.svg")]
//!
//! The whole job on a real table is `examples/wine.rs`, with the scikit-learn program that does the same beside it.

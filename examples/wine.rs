//! The whole job around a model: a table is read, split and scaled; two models are fitted, judged and cross-validated;
//! one is saved, loaded, and asked for one row. `wine.py` beside it does the same with scikit-learn.
//!
//! ```text
//! cargo run --release --features serde --example wine
//! ```

use std::error::Error;

use gradus::data::{Standardizer, columns, select, stratified_folds, stratified_split};
use gradus::metrics::{Classification, ConfusionMatrix};
use gradus::nalgebra::DMatrix;
use gradus::*;

const TABLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/wine.csv");

fn main() -> Result<(), Box<dyn Error>> {
    let rows = csv::Reader::from_path(TABLE)?.deserialize().collect::<Result<Vec<Vec<f64>>, _>>()?;
    let table = columns(&rows)?;
    // classes are 0, 1, 2: any other number is an error
    let class =
        |y: &f64| Some(*y).filter(|y| *y >= 0.0 && y.fract() == 0.0).map(|y| y as usize).ok_or("no class");
    let (x, y) = (table.rows(0, 13), table.row(13).iter().map(class).collect::<Result<Vec<usize>, _>>()?);
    let (train, test) = stratified_split(&y, 0.25, 1)?;
    let (x_train, y_train) = (select(&x, &train)?, select(&y, &train)?);
    let (x_test, y_test) = (select(&x, &test)?, select(&y, &test)?);

    let softmax = fit_softmax(&x_train, &y_train)?;
    judge("softmax", &softmax, &x_test, &y_test)?;
    let standard = Standardizer::fit(&x_train)?;
    let network = Network::new(&[13, 16, 3], Activation::Tanh);
    let network = network.fit(CrossEntropy, &standard.transform(&x_train)?, &y_train, 1)?;
    judge("network", &network.with_scaling(standard), &x_test, &y_test)?;

    for (train, test) in stratified_folds(&y, 5, 1)? {
        let fitted = fit_softmax(&select(&x, &train)?, &select(&y, &train)?)?;
        println!("held-out fold: {:.4}", fitted.score(&select(&x, &test)?, &select(&y, &test)?)?);
    }

    let file = serde_json::to_string(&softmax)?;
    let loaded: Fitted<f64, Perceptron, CrossEntropy> = serde_json::from_str(&file)?;
    println!("the first wine: {:.4?}", loaded.predict(&rows[0][..13])?.as_slice());
    Ok(())
}

/// Softmax regression of standardised features with scikit-learn's penalty, `C = 1`.
fn fit_softmax(
    x: &DMatrix<f64>, y: &[usize],
) -> Result<Fitted<f64, Perceptron, CrossEntropy>, gradus::Error> {
    let standard = Standardizer::fit(x)?;
    let (model, z) = (Perceptron::new(13).with_outputs(3), standard.transform(x)?);
    let mut risk = EmpiricalRisk::new(model, CrossEntropy, &z, y)?.ridge(1.0 / y.len() as f64);
    Ok(risk.fit()?.with_scaling(standard))
}

fn judge<M: Model<f64>>(
    name: &str, fitted: &Fitted<f64, M, CrossEntropy>, x: &DMatrix<f64>, y: &[usize],
) -> Result<(), gradus::Error> {
    let judged = Classification::new(y, &fitted.predict(x)?)?;
    println!("{name}: AUC {:.4}\n{}\n", judged.auc()?, ConfusionMatrix::new(y, &fitted.classify(x)?)?);
    Ok(())
}

//! w8: whole fits of wide tables, of many classes and of tall tables, from the data to the report. w9: verdicts on dense
//! matrices.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    CriticalPoint, CrossEntropy, EmpiricalRisk, Error, Fitted, LogLoss, Loss, Model, Objective, Perceptron,
    Real, SigmoidClassifier,
};

use crate::Settings;
use crate::linear::fits;
use crate::nets::uniform;
use crate::tables::{Table, linear, logistic, softmax};
use crate::timer::Timing;

pub(crate) fn run<T: Real>(settings: &Settings) -> Result<(), Error> {
    if settings.wants("w8") {
        tables::<T>(settings)?;
    }
    if settings.wants("w9") {
        verdicts::<T>(settings)?;
    }
    Ok(())
}

/// The ridge penalty is `1/m`, scikit-learn's `C = 1`; the linear fits have none.
fn tables<T: Real>(settings: &Settings) -> Result<(), Error> {
    for (m, n) in [(200, 2000), (5000, 1000)] {
        let (x, y) = typed::<T>(&logistic(m, n));
        let fit = || EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?.ridge(share(m)).fit();
        let (timing, fitted) = fits(settings, fit)?;
        let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y)?.ridge(share(m));
        print(settings, &format!("logistic-m{m}-n{n}"), timing, &fitted, &mut risk);
    }
    for (m, n, k) in [(5000, 200, 10), (5000, 784, 10), (20_000, 20, 10), (2000, 10, 100)] {
        let (x, y) = typed::<T>(&softmax(m, n, k));
        let model = Perceptron::new(n).with_outputs(k);
        let fit = || EmpiricalRisk::new(model, CrossEntropy, &x, &y)?.ridge(share(m)).fit();
        let (timing, fitted) = fits(settings, fit)?;
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, &y)?.ridge(share(m));
        print(settings, &format!("softmax-m{m}-n{n}-k{k}"), timing, &fitted, &mut risk);
    }
    for (m, n) in [(5000, 1000), (10_000, 2000)] {
        let (x, y) = typed::<T>(&linear(m, n));
        let (timing, fitted) = fits(settings, || Perceptron::new(n).fit(&x, &y))?;
        let mut risk = EmpiricalRisk::new(Perceptron::new(n), gradus::SquaredError, &x, &y)?;
        print(settings, &format!("linear-m{m}-n{n}"), timing, &fitted, &mut risk);
    }
    Ok(())
}

fn share<T: Real>(m: usize) -> T {
    T::one() / T::of(m as f64)
}

fn typed<T: Real>(table: &Table) -> (DMatrix<T>, DMatrix<T>) {
    (table.x.map(T::of), table.y.map(T::of))
}

/// With the objective, and the largest component of its gradient relative to that at zero, computed anew.
fn print<T: Real, M: Model<T>, L: Loss<T>>(
    settings: &Settings, case: &str, timing: Timing, fitted: &Fitted<T, M, L>, risk: &mut impl Objective<T>,
) {
    let mut gradient = DVector::zeros(risk.dim());
    risk.value_gradient(&gradient.clone(), &mut gradient);
    let start = gradient.amax();
    let objective = risk.value_gradient(fitted.parameters(), &mut gradient);
    let kind = fitted.report.kind().map_or("no verdict".into(), |kind| format!("{kind:?}"));
    let line = settings.line::<T>("w8", case).text("method", "fit").times(timing);
    line.number("objective", objective.f64())
        .number("rel_grad", (gradient.amax() / start).f64())
        .text("note", &format!("{kind}, {}", fitted.report.termination))
        .print();
}

/// Of `A + Aᵀ` with uniform entries, and of `A Aᵀ / n + 1`.
fn verdicts<T: Real>(settings: &Settings) -> Result<(), Error> {
    for n in [300, 1000, 2000] {
        let a = DMatrix::from_fn(n, n, |i, j| T::of(uniform(16, j * n + i)));
        let indefinite = &a + a.transpose();
        let definite = &a * a.transpose() / T::of(n as f64) + DMatrix::identity(n, n);
        for (case, hessian) in [("definite", definite), ("indefinite", indefinite)] {
            let (timing, point) = fits(settings, || CriticalPoint::classify(&hessian))?;
            let line = settings.line::<T>("w9", &format!("{case}-{n}")).text("method", "classify");
            line.times(timing).text("note", &format!("{:?}", point.kind)).print();
        }
    }
    Ok(())
}

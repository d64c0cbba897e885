//! Samples that come in blocks, and samples that are spread over ranks: to the last bit what they are in one memory.

use std::cell::Cell;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicUsize, Ordering};

use draw::Draw;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Error, Hessian, HessianProduct, Huber, Lbfgs, LogLoss, Network,
    Newton, Objective, Perceptron, Progress, Real, Recession, Robust, SecondOrderLoss, SecondOrderModel,
    SigmoidClassifier, SquaredError, Stop, Termination, Trainer, TrustRegion, minimize, minimize_with,
};
use ranks::on_ranks;

#[path = "../examples/mpi/src/log.rs"]
mod log;

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared with tests that draw more")]
mod draw;
#[path = "support/ranks.rs"]
mod ranks;

const BLOCKS: [usize; 4] = [1, 7, 128, 1000];
const RANKS: [usize; 5] = [1, 2, 3, 4, 8];
const NEVER: (usize, usize) = (0, usize::MAX);

/// Exact bits, so that `0.0` and `−0.0` differ.
fn bits<T: Real>(values: &[T]) -> Vec<u64> {
    values.iter().map(|v| v.f64().to_bits()).collect()
}

/// Numbers of features that lie anywhere and are of any size.
fn features<T: Real>(n: usize, m: usize, seed: u64) -> DMatrix<T> {
    let mut draw = Draw::new(seed);
    let places: Vec<_> = (0..n).map(|i| if i % 3 == 1 { 1000.0 } else { draw.unit() }).collect();
    DMatrix::from_fn(n, m, |i, _| T::of((places[i] + draw.unit()) * if i % 4 == 2 { 100.0 } else { 1.0 }))
}

fn labels(k: usize, m: usize, seed: u64) -> Vec<usize> {
    let mut draw = Draw::new(seed);
    (0..m).map(|_| draw.below(k)).collect()
}

fn weights<T: Real>(m: usize) -> Vec<T> {
    (0..m).map(|j| T::of((j % 4) as f64 + 0.1 * (j % 3) as f64)).collect()
}

/// The ends of blocks of so many samples.
fn cut(m: usize, block: usize) -> impl Iterator<Item = Range<usize>> {
    (0..m).step_by(block).map(move |start| start..m.min(start + block))
}

/// Where ranks begin, anywhere, each with a sample.
fn begins(m: usize, ranks: usize, seed: u64) -> Vec<Range<usize>> {
    let mut draw = Draw::new(seed);
    let mut ends: Vec<usize> = (1..ranks).map(|_| 1 + draw.below(m - 1)).collect();
    ends.extend([0, m]);
    ends.sort_unstable();
    ends.dedup();
    let mut parts: Vec<_> = ends.windows(2).map(|ends| ends[0]..ends[1]).collect();
    while parts.len() < ranks {
        let widest = (0..parts.len()).max_by_key(|i| parts[*i].len()).unwrap();
        let Range { start, end } = parts[widest].clone();
        let middle = usize::midpoint(start, end);
        parts.splice(widest..=widest, [start..middle, middle..end]);
    }
    parts
}

/// Value, gradient, Hessian, both products and the diagonal, one after the other.
fn sums<T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
    risk: EmpiricalRisk<'_, T, M, L>, theta: &DVector<T>,
) -> Vec<u64> {
    let (mut risk, p) = (risk.ridge(T::of(0.3)), theta.len());
    let (mut gradient, mut hessian) = (DVector::zeros(p), DMatrix::zeros(p, p));
    let mut sums = vec![risk.value(theta), risk.value_gradient(theta, &mut gradient)];
    sums.extend(gradient.iter());
    sums.push(risk.value_gradient_hessian(theta, &mut gradient, &mut hessian));
    sums.extend(gradient.iter().chain(&hessian));
    for _ in 0..2 {
        risk.hessian_product(theta, &theta.add_scalar(T::one()), &mut gradient);
        sums.extend(gradient.iter());
    }
    risk.gauss_newton_product(theta, &theta.add_scalar(T::one()), &mut gradient);
    sums.extend(gradient.iter());
    risk.hessian_diagonal(theta, &mut gradient);
    sums.extend(gradient.iter());
    assert_eq!(risk.failure(), None);
    bits(&sums)
}

fn weighted<'a, T: Real, M: SecondOrderModel<T>, L: SecondOrderLoss<T>>(
    risk: EmpiricalRisk<'a, T, M, L>, w: Option<&[T]>, part: Range<usize>,
) -> EmpiricalRisk<'a, T, M, L> {
    match w {
        Some(w) => risk.with_weights(&w[part]).unwrap(),
        None => risk,
    }
}

/// `of` a risk in memory gives the same as of streams and over ranks, with numbers for targets.
fn agree<T, M, L, R>(
    name: &str, (model, loss): (&M, &L), (x, y, w): (&DMatrix<T>, &DMatrix<T>, Option<&[T]>),
    of: impl Fn(EmpiricalRisk<'_, T, M, L>) -> R + Sync,
) where
    T: Real + Send,
    M: SecondOrderModel<T> + Clone + Sync,
    L: SecondOrderLoss<T> + Clone + Sync,
    R: PartialEq + std::fmt::Debug + Send,
{
    let m = x.ncols();
    let alone = of(weighted(EmpiricalRisk::new(model.clone(), loss.clone(), x, y).unwrap(), w, 0..m));
    let ones = vec![T::one(); m];
    let stream = |part: Range<usize>, block: usize| {
        let blocks =
            cut(part.len(), block).map(move |range| range.start + part.start..range.end + part.start);
        blocks.map(|range| {
            let (x, y) =
                (x.columns_range(range.clone()).clone_owned(), y.columns_range(range.clone()).clone_owned());
            Ok::<_, String>((x, y, w.unwrap_or(&ones)[range].to_vec()))
        })
    };
    for block in BLOCKS {
        let blocks = || stream(0..m, block);
        let risk = EmpiricalRisk::from_stream(model.clone(), loss.clone(), &blocks).unwrap();
        assert!(of(risk) == alone, "{name}: blocks of {block}");
    }
    for size in RANKS {
        let parts = begins(m, size, size as u64 + m as u64);
        for block in [0, 100] {
            let results = on_ranks(size, NEVER, |rank, exchange| {
                let part = parts[rank].clone();
                let blocks = || stream(part.clone(), block);
                let (mine, its) = (x.columns_range(part.clone()), y.columns_range(part.clone()));
                if block > 0 {
                    let risk = EmpiricalRisk::from_stream(model.clone(), loss.clone(), &blocks).unwrap();
                    return of(risk.over(exchange).unwrap());
                }
                let risk = EmpiricalRisk::new(model.clone(), loss.clone(), mine, its).unwrap();
                of(weighted(risk.over(exchange).unwrap(), w, part.clone()))
            });
            assert!(results.iter().all(|result| *result == alone), "{name}: {size} ranks, blocks of {block}");
        }
    }
}

fn one_hot<T: Real>(labels: &[usize], k: usize) -> DMatrix<T> {
    let of = |i, j: usize| if k == 1 { labels[j] } else { usize::from(labels[j] == i) };
    DMatrix::from_fn(k, labels.len(), |i, j| T::of(of(i, j) as f64))
}

fn every_sum<T: Real>() {
    // more than one window of a stream
    let (n, m) = (40, 20_011);
    let x = features::<T>(n, m, 1) * T::of(0.01);
    let (y, w) = (one_hot(&labels(2, m, 2), 1), weights(m));
    let theta = DVector::from_fn(n + 1, |i, _| T::of((i as f64).sin() * 0.1));
    agree("logistic", (&SigmoidClassifier::new(n), &LogLoss), (&x, &y, Some(&w)), |risk| sums(risk, &theta));

    let (n, m) = (6, 1999);
    let (x, y) = (features::<T>(n, m, 3) * T::of(0.01), one_hot(&labels(3, m, 4), 3));
    let network = Network::new(&[n, 5, 3], Activation::Tanh);
    let theta = network.initial(5);
    agree("network", (&network, &CrossEntropy), (&x, &y, None), |risk| sums(risk, &theta));
    let model = Perceptron::new(n).with_outputs(3);
    let theta = DVector::from_fn(3 * (n + 1), |i, _| T::of((i as f64).cos()));
    agree("robust", (&model, &Huber::default()), (&x, &y, Some(&weights(m))), |risk| sums(risk, &theta));
}

#[test]
fn every_sum_has_the_same_bits() {
    every_sum::<f64>();
    every_sum::<f32>();
}

fn linear_fits<T: Real>() {
    for (n, m, k) in [(5, 37, 1), (9, 3001, 2), (40, 9001, 1)] {
        let x = features::<T>(n, m, n as u64);
        let mut draw = Draw::new(7);
        let y = DMatrix::from_fn(k, m, |i, j| x[(i, j)] * T::of(0.5) + x[(2, j)] + T::of(draw.unit()));
        let of = |mut risk: EmpiricalRisk<'_, T, Perceptron, SquaredError>| {
            let fitted = risk.fit().unwrap();
            let theta = fitted.parameters();
            let statistics = risk.statistics(theta).unwrap();
            let robust = risk.robust_statistics(theta, Robust::Hc1).unwrap();
            let numbers = [theta.as_slice(), statistics.covariance.as_slice(), robust.covariance.as_slice()];
            let shrunk = risk.ridge(T::of(0.1)).fit().unwrap();
            let more = bits(shrunk.parameters().as_slice());
            (numbers.map(bits), statistics, robust, fitted.report, more, shrunk.report)
        };
        let model = Perceptron::new(n).with_outputs(k);
        agree("linear", (&model, &SquaredError), (&x, &y, None), of);
        agree("weighted linear", (&model, &SquaredError), (&x, &y, Some(&weights(m))), of);
    }
}

#[test]
fn linear_fits_and_their_statistics_have_the_same_bits() {
    linear_fits::<f64>();
    linear_fits::<f32>();
}

fn logistic_fits<T: Real>() {
    let (n, m) = (7, 4100);
    let x = features::<T>(n, m, 11);
    let (y, w) = (one_hot(&labels(2, m, 12), 1), weights(m));
    let of = |mut risk: EmpiricalRisk<'_, T, SigmoidClassifier, LogLoss>| {
        let fitted = risk.fit().unwrap();
        let statistics = risk.statistics(fitted.parameters()).unwrap();
        let robust = risk.robust_statistics(fitted.parameters(), Robust::Hc0).unwrap();
        let numbers =
            [fitted.parameters().as_slice(), statistics.covariance.as_slice(), robust.covariance.as_slice()];
        (numbers.map(bits), risk.recedes(fitted.parameters()), fitted.report)
    };
    agree("logistic", (&SigmoidClassifier::new(n), &LogLoss), (&x, &y, Some(&w)), of);

    // a line between the classes, nearly
    let apart = DMatrix::from_fn(1, m, |_, j| {
        let side = x[(0, j)].f64() + 0.3 * x[(3, j)].f64() + 0.1;
        T::of(f64::from(u8::from(side > 0.0)))
    });
    let separation = |mut risk: EmpiricalRisk<'_, T, SigmoidClassifier, LogLoss>| {
        let fitted = risk.fit().unwrap();
        assert_eq!(fitted.report.termination, Termination::Separable);
        match risk.recedes(&DVector::zeros(n + 1)) {
            Recession::Along(direction) => (bits(direction.as_slice()), bits(fitted.parameters().as_slice())),
            other => panic!("{other:?}"),
        }
    };
    agree("separable", (&SigmoidClassifier::new(n), &LogLoss), (&x, &apart, None), separation);
}

#[test]
fn logistic_fits_and_separation_have_the_same_bits() {
    logistic_fits::<f64>();
    logistic_fits::<f32>();
}

fn other_methods<T: Real>() {
    let (n, m) = (5, 2500);
    let (x, y) = (features::<T>(n, m, 21) * T::of(0.01), one_hot(&labels(3, m, 22), 3));
    let softmax = Perceptron::new(n).with_outputs(3);
    agree("softmax", (&softmax, &CrossEntropy), (&x, &y, None), |risk| {
        let mut risk = risk.ridge(T::of(0.01));
        let (fitted, sparse) = (risk.fit().unwrap(), risk.fit_l1(T::of(0.01)).unwrap());
        (
            bits(fitted.parameters().as_slice()),
            fitted.report,
            bits(sparse.parameters().as_slice()),
            sparse.report,
        )
    });
    let network = Network::new(&[n, 4, 3], Activation::Tanh);
    let (start, stop) = (network.initial::<T>(3), Stop::default().iterations(12));
    agree("network", (&network, &CrossEntropy), (&x, &y, None), |mut risk| {
        let by_gradients = minimize(&mut Lbfgs::new(), &mut risk, start.clone(), &stop).unwrap();
        let by_regions = minimize(&mut TrustRegion::new(), &mut risk, start.clone(), &stop).unwrap();
        (bits(by_gradients.x.as_slice()), by_gradients, bits(by_regions.x.as_slice()), by_regions)
    });
}

#[test]
fn other_methods_take_the_same_steps() {
    other_methods::<f64>();
    other_methods::<f32>();
}

/// One leaf of a large Hessian is as long as many ranks: they take turns.
#[test]
fn large_hessians_have_the_same_bits() {
    let (n, m) = (1500, 2300);
    let (x, y) = (features::<f64>(n, m, 31) * 0.01, one_hot(&labels(2, m, 32), 1));
    let theta = DVector::from_fn(n + 1, |i, _| (i as f64).sin() * 0.01);
    let of = |mut risk: EmpiricalRisk<'_, f64, SigmoidClassifier, LogLoss>| {
        let mut hessian = DMatrix::zeros(n + 1, n + 1);
        risk.hessian(&theta, &mut hessian);
        bits(hessian.as_slice())
    };
    let alone = of(EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &x, &y).unwrap());
    let results = on_ranks(2, NEVER, |rank, exchange| {
        let part = [0..1100, 1100..m][rank].clone();
        let (x, y) = (x.columns_range(part.clone()), y.columns_range(part));
        of(EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, x, y).unwrap().over(exchange).unwrap())
    });
    assert!(results.iter().all(|result| *result == alone));
}

/// Class numbers stay what they are.
#[test]
fn class_numbers_are_streamed() {
    let (n, m, k) = (4, 3000, 3);
    let (x, classes) = (features::<f64>(n, m, 41) * 0.01, labels(k, m, 42));
    let model = Perceptron::new(n).with_outputs(k);
    let alone = EmpiricalRisk::new(model, CrossEntropy, &x, &classes).unwrap().ridge(0.01).fit().unwrap();
    for block in BLOCKS {
        let blocks = || {
            cut(m, block).map(|range| {
                Ok::<_, String>((x.columns_range(range.clone()).clone_owned(), classes[range].to_vec()))
            })
        };
        let mut risk = EmpiricalRisk::from_stream(model, CrossEntropy, &blocks).unwrap().ridge(0.01);
        assert_eq!(risk.fit().unwrap(), alone);
    }
    let results = on_ranks(3, NEVER, |rank, exchange| {
        let part = [0..1, 1..1700, 1700..m][rank].clone();
        let (x, classes) = (x.columns_range(part.clone()), &classes[part]);
        EmpiricalRisk::new(model, CrossEntropy, x, classes).unwrap().over(exchange).unwrap().ridge(0.01).fit()
    });
    assert!(results.into_iter().all(|result| result.unwrap() == alone));
}

type Pass<'a> = Box<dyn Iterator<Item = Result<(DMatrix<f64>, DMatrix<f64>), String>> + 'a>;

/// A source whose pass `j` ends at block `k`, by an error or too early.
fn breaking<'a>(
    x: &'a DMatrix<f64>, y: &'a DMatrix<f64>, opened: &'a AtomicUsize, (pass, block): (usize, usize),
    silent: bool,
) -> impl Fn() -> Pass<'a> + Sync + 'a {
    move || {
        let now = opened.fetch_add(1, Ordering::SeqCst) + 1;
        let blocks = cut(x.ncols(), 100).enumerate().map(move |(number, range)| {
            match now >= pass && number >= block {
                true => Err("the disk is gone".to_owned()),
                false => {
                    Ok((x.columns_range(range.clone()).clone_owned(), y.columns_range(range).clone_owned()))
                }
            }
        });
        if silent && now >= pass { Box::new(blocks.take(block)) } else { Box::new(blocks) }
    }
}

#[test]
fn what_breaks_ends_the_run_at_the_last_good_point() {
    let (n, m) = (3, 1000);
    let (x, y) = (features::<f64>(n, m, 51) * 0.01, one_hot(&labels(2, m, 52), 1));
    let model = SigmoidClassifier::new(n);
    let (start, stop) = (DVector::zeros(n + 1), Stop::default());
    let whole = {
        let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y).unwrap();
        minimize(&mut Newton::new(), &mut risk, start.clone(), &stop).unwrap()
    };
    for (pass, block) in [(1, 0), (1, 7), (2, 0), (3, 9), (4, 3), (5, 5)] {
        for silent in [false, true] {
            let opened = AtomicUsize::new(0);
            let blocks = breaking(&x, &y, &opened, (pass, block), silent);
            let risk = EmpiricalRisk::from_stream(model, LogLoss, &blocks);
            let mut risk = match (risk, pass, silent) {
                (Err(error), 1, false) => {
                    let what = format!("block {} of pass 1: the disk is gone", block + 1);
                    assert_eq!(error, Error::Failed { what });
                    continue;
                }
                (Err(error), 1, true) if block == 0 => {
                    assert!(matches!(error, Error::Empty { .. }), "{error}");
                    continue;
                }
                (risk, ..) => risk.unwrap_or_else(|error| panic!("pass {pass}, block {block}: {error}")),
            };
            if pass == 1 {
                continue; // fewer samples, but always the same
            }
            let run = minimize(&mut Newton::new(), &mut risk, start.clone(), &stop);
            let is_right = |error: &Error| match (error, silent) {
                (Error::Failed { what }, false) => what.contains("the disk is gone"),
                (Error::Length { expected, found, .. }, true) => (*expected, *found) == (m, 100 * block),
                _ => false,
            };
            let mut good = start.clone();
            match run {
                Err(error) => assert!(is_right(&error), "{error}"),
                Ok(report) => {
                    assert_eq!(report.termination, Termination::Failed);
                    assert!(is_right(report.failure.as_ref().unwrap()) && !report.converged());
                    assert!(report.value.is_finite() && report.gradient_norm.is_finite());
                    good = report.x;
                }
            }
            // where it stopped, a run goes on to the same minimum
            let mut risk = EmpiricalRisk::new(model, LogLoss, &x, &y).unwrap();
            let resumed = minimize(&mut Newton::new(), &mut risk, good, &stop).unwrap();
            assert_eq!(bits(resumed.x.as_slice()), bits(whole.x.as_slice()));
            let blocks = || {
                cut(m, 50).map(|range| {
                    Ok::<_, String>((
                        x.columns_range(range.clone()).clone_owned(),
                        y.columns_range(range).clone_owned(),
                    ))
                })
            };
            assert!(EmpiricalRisk::from_stream(model, LogLoss, &blocks).is_ok());
        }
    }
}

#[test]
fn fits_and_statistics_of_what_breaks_are_errors() {
    let (n, m) = (3, 1000);
    let (x, y) = (features::<f64>(n, m, 61) * 0.01, one_hot(&labels(2, m, 62), 1));
    for pass in 2..40 {
        let opened = AtomicUsize::new(0);
        let blocks = breaking(&x, &y, &opened, (pass, 4), false);
        let mut linear = EmpiricalRisk::from_stream(Perceptron::new(n), SquaredError, &blocks).unwrap();
        match linear.fit() {
            Err(error) => assert!(error.to_string().contains("the disk is gone")),
            Ok(fitted) => match linear.statistics(fitted.parameters()) {
                Err(error) => assert!(error.to_string().contains("the disk is gone"), "{error}"),
                Ok(_) => assert!(opened.load(Ordering::SeqCst) < pass),
            },
        }
        let opened = AtomicUsize::new(0);
        let blocks = breaking(&x, &y, &opened, (pass, 4), false);
        let mut logistic = EmpiricalRisk::from_stream(SigmoidClassifier::new(n), LogLoss, &blocks).unwrap();
        match logistic.fit() {
            Err(error) => assert!(error.to_string().contains("the disk is gone")),
            Ok(fitted) if fitted.report.termination == Termination::Failed => {}
            Ok(fitted) => match logistic.statistics(fitted.parameters()) {
                Err(error) => assert!(error.to_string().contains("the disk is gone"), "{error}"),
                Ok(_) => assert!(opened.load(Ordering::SeqCst) < pass),
            },
        }
    }
}

/// A number that is none in a later pass is named, by whatever asks for that pass.
#[test]
fn later_passes_are_checked_like_the_first() {
    for from in 1..8 {
        let pass = AtomicUsize::new(0);
        let blocks = || {
            let p = pass.fetch_add(1, Ordering::SeqCst);
            let x = move |j: usize| if p >= from && j == 12 { f64::NAN } else { (j as f64 * 0.618).fract() };
            let y = |j: usize| f64::from(u8::from((j as f64 * 0.377).fract() > 0.5));
            (0..25).map(move |j| Ok::<_, std::io::Error>(([x(j)], [y(j)])))
        };
        let named = |error: Option<Error>| match error {
            None => {}
            Some(Error::NonFinite { argument: "x", row: 0, column: 12, .. }) => {}
            Some(error) => panic!("pass {from}: {error}"),
        };
        let linear = EmpiricalRisk::from_stream(Perceptron::new(1), SquaredError, &blocks).unwrap().fit();
        named(linear.map_or_else(Some, |fitted| fitted.report.failure));
        pass.store(0, Ordering::SeqCst);
        let mut risk = EmpiricalRisk::from_stream(SigmoidClassifier::new(1), LogLoss, &blocks).unwrap();
        match risk.fit() {
            Err(error) => named(Some(error)),
            Ok(fitted) => {
                named(fitted.report.failure.clone());
                named(risk.statistics(fitted.parameters()).err());
            }
        }
        assert!(pass.load(Ordering::SeqCst) > from, "pass {from} was not asked for");
    }
}

#[test]
fn streams_are_checked() {
    type Blocks = Vec<(DMatrix<f64>, DMatrix<f64>)>;
    let (x, y) = (DMatrix::<f64>::zeros(2, 5), DMatrix::<f64>::zeros(1, 5));
    let refused = |blocks: Blocks| {
        let open = || blocks.iter().cloned().map(Ok::<_, String>);
        EmpiricalRisk::from_stream(SigmoidClassifier::new(2), LogLoss, &open).map(|_| ()).unwrap_err()
    };
    let good = (x.clone(), y.clone());
    assert!(matches!(refused(vec![]), Error::Empty { .. }));
    assert!(matches!(
        refused(vec![good.clone(), (DMatrix::zeros(3, 5), y.clone())]),
        Error::Shape { argument: "x", .. }
    ));
    assert!(matches!(
        refused(vec![good.clone(), (x.clone(), DMatrix::zeros(1, 4))]),
        Error::Shape { argument: "y", .. }
    ));
    let mut odd = x.clone();
    odd[(1, 2)] = f64::NAN;
    assert!(matches!(
        refused(vec![good.clone(), (odd, y.clone())]),
        Error::NonFinite { argument: "x", row: 1, column: 7, .. }
    ));
    let mut odd = y.clone();
    odd[3] = 2.0;
    assert!(matches!(refused(vec![good.clone(), (x.clone(), odd)]), Error::Label { sample: 8, .. }));

    let blocks = || [good.clone(), good.clone()].into_iter().map(Ok::<_, String>);
    let mut risk = EmpiricalRisk::from_stream(Perceptron::new(2), SquaredError, &blocks).unwrap();
    assert_eq!(risk.samples(), 10);
    assert!(risk.batch(0..10).is_ok());
    for error in [
        risk.batch(0..5).map(|_| ()).unwrap_err(),
        risk.select(&[1]).map(|_| ()).unwrap_err(),
        Trainer::default().train(&mut risk, DVector::zeros(3)).map(|_| ()).unwrap_err(),
        gradus::minimize(
            &mut gradus::LevenbergMarquardt::new(),
            &mut risk,
            DVector::zeros(3),
            &Stop::default(),
        )
        .map(|_| ())
        .unwrap_err(),
    ] {
        assert!(matches!(error, Error::InMemory { .. }), "{error}");
        assert!(error.to_string().contains("needs all samples in the memory of one process"));
    }
}

#[test]
fn ranks_that_disagree_know_it_all() {
    let (x, y) = (DMatrix::<f64>::from_fn(3, 50, |i, j| (i * j) as f64), DMatrix::<f64>::zeros(1, 50));
    let errors = on_ranks(3, NEVER, |rank, exchange| {
        let n = if rank == 2 { 2 } else { 3 };
        let x = x.rows(0, n);
        EmpiricalRisk::new(Perceptron::new(n), SquaredError, x, &y)
            .unwrap()
            .over(exchange)
            .map(|_| ())
            .unwrap_err()
    });
    for error in errors {
        assert_eq!(error, Error::Disagree { what: "features", rank: 2, expected: 3, found: 2 });
    }
    let errors = on_ranks(2, NEVER, |rank, exchange| {
        let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap();
        let risk = if rank == 0 { risk.with_weights(&[1.0; 50]).unwrap() } else { risk };
        risk.over(exchange).map(|_| ()).unwrap_err()
    });
    assert!(errors.iter().all(|error| matches!(error, Error::Disagree { rank: 1, .. })), "{errors:?}");
}

/// Weights that are given after the ranks have met may all be zero on some of them.
fn ranks_without_weight<T: Real + Send>() {
    for seed in 0..30 {
        let (m, ranks) = (40 + 7 * seed as usize, 2 + seed as usize % 4);
        let (x, parts) = (features::<T>(3, m, seed), begins(m, ranks, seed));
        let y = DMatrix::from_fn(1, m, |_, j| x[(0, j)] + T::of(0.1 * (j % 5) as f64));
        let empty =
            |j: usize| parts[seed as usize % ranks].contains(&j) && m > parts[seed as usize % ranks].len();
        let w: Vec<T> = (0..m).map(|j| T::of(if empty(j) { 0.0 } else { 1.0 + (j % 3) as f64 })).collect();
        let theta = DVector::from_fn(4, |i, _| T::of(0.3 - 0.2 * i as f64));
        let of = |mut risk: EmpiricalRisk<'_, T, Perceptron, SquaredError>| {
            let mut gradient = DVector::zeros(4);
            let value = risk.value_gradient(&theta, &mut gradient);
            let fitted = risk.fit().unwrap();
            bits(
                &[gradient.as_slice(), fitted.parameters().as_slice(), &[value, fitted.report.value]]
                    .concat(),
            )
        };
        let alone = of(EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y)
            .unwrap()
            .with_weights(&w)
            .unwrap());
        let all = on_ranks(ranks, NEVER, |rank, exchange| {
            let Range { start, end } = parts[rank].clone();
            let (x, y) = (x.columns(start, end - start), y.columns(start, end - start));
            let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, x, y).unwrap();
            of(risk.over(exchange).unwrap().with_weights(&w[start..end]).unwrap())
        });
        assert!(all.iter().all(|bits| *bits == alone), "{seed}");
    }
}

#[test]
fn a_rank_may_have_no_weight() {
    ranks_without_weight::<f64>();
    ranks_without_weight::<f32>();
}

/// None waits for a rank whose weights are wrong.
#[test]
fn wrong_weights_of_one_rank_are_an_error_on_all() {
    let (x, y) = (features::<f64>(3, 50, 81), DMatrix::<f64>::zeros(1, 50));
    for (wrong, length) in [(f64::NAN, 50), (-1.0, 50), (1.0, 49), (f64::INFINITY, 50)] {
        let errors = on_ranks(3, NEVER, |rank, exchange| {
            let w = vec![if rank == 1 { wrong } else { 1.0 }; if rank == 1 { length } else { 50 }];
            let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap();
            risk.over(exchange).unwrap().with_weights(&w).map(|_| ()).unwrap_err()
        });
        assert!(matches!(&errors[1], Error::Setting { .. } | Error::Length { .. }), "{errors:?}");
        for error in [&errors[0], &errors[2]] {
            assert!(matches!(error, Error::Rank { rank: 1, .. }), "{error:?}");
        }
    }
    let errors = on_ranks(2, NEVER, |_, exchange| {
        let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap();
        risk.over(exchange).unwrap().with_weights(&[0.0; 50]).map(|_| ()).unwrap_err()
    });
    assert!(errors.iter().all(|error| matches!(error, Error::Setting { name: "weights", .. })), "{errors:?}");
}

/// Ranks that do not hold the same parameters, or ask for something else, are told so before anything is added.
#[test]
fn ranks_at_different_points_know_it() {
    let (x, y) = (features::<f64>(3, 50, 81), DMatrix::<f64>::zeros(1, 50));
    let errors = on_ranks(3, NEVER, |rank, exchange| {
        let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap();
        let start = DVector::from_element(4, if rank == 1 { 1.0 + f64::EPSILON } else { 1.0 });
        match minimize(&mut Newton::new(), &mut risk.over(exchange).unwrap(), start, &Stop::default()) {
            Ok(report) => report.failure.unwrap(),
            Err(error) => error,
        }
    });
    assert!(errors.iter().all(|error| matches!(error, Error::Disagree { rank: 1, .. })), "{errors:?}");
    let errors = on_ranks(2, NEVER, |rank, exchange| {
        let risk = EmpiricalRisk::new(Perceptron::new(3), SquaredError, &x, &y).unwrap();
        let (mut risk, theta, mut g) = (risk.over(exchange).unwrap(), DVector::zeros(4), DVector::zeros(4));
        let value = if rank == 0 { risk.value(&theta) } else { risk.value_gradient(&theta, &mut g) };
        assert!(value.is_nan());
        risk.failure().unwrap()
    });
    assert!(errors.iter().all(|error| matches!(error, Error::Disagree { rank: 1, .. })), "{errors:?}");
}

/// A run over ranks that is stopped again and again, its checkpoint cut short or damaged in between.
#[test]
fn a_run_that_is_stopped_ends_in_the_same_bits() {
    let (n, m) = (4, 3000);
    let (x, y) = (features::<f64>(n, m, 91) * 0.01, one_hot(&labels(2, m, 92), 1));
    let network = Network::new(&[n, 3, 1], Activation::Tanh);
    let saved = std::env::temp_dir().join(format!("gradus-streams-{}", std::process::id()));
    // value and parameters, unless that many evaluations came first
    let run = |method: usize, ranks: usize, most: usize| {
        let (known, bytes) = log::read(&saved)?;
        let ends = on_ranks(ranks, NEVER, |rank, exchange| {
            let mine = rank * m / ranks..(rank + 1) * m / ranks;
            let (x, y) = (x.columns_range(mine.clone()), y.columns_range(mine));
            let risk = EmpiricalRisk::new(network.clone(), LogLoss, x, y).unwrap();
            let mut risk = risk.ridge(0.01).over(exchange).unwrap();
            let (file, asked) = ((rank == 0).then(|| log::go_on(&saved, bytes).unwrap()), Cell::new(0));
            let mut logged = log::Logged::new(&mut risk, known.clone(), file, &asked);
            let (start, stop) = (network.initial(5), Stop::default().iterations(12));
            let go_on = |_: &Progress<f64>, _: &DVector<f64>| match asked.get() < most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            };
            let report = match method {
                0 => minimize_with(&mut Newton::new(), &mut logged, start, &stop, go_on),
                1 => minimize_with(&mut Lbfgs::new(), &mut logged, start, &stop, go_on),
                _ => minimize_with(&mut TrustRegion::new(), &mut logged, start, &stop, go_on),
            };
            let report = report.unwrap();
            assert_eq!(report.failure, None);
            let end = (report.value.to_bits(), bits(report.x.as_slice()));
            (report.termination != Termination::Stopped).then_some(end)
        });
        assert!(ends.iter().all(|end| *end == ends[0]));
        Ok::<_, std::io::Error>(ends[0].clone())
    };
    let mut draw = Draw::new(93);
    for method in 0..3 {
        let whole = run(method, 1, usize::MAX).unwrap().unwrap();
        let bytes = std::fs::read(&saved).unwrap();
        std::fs::remove_file(&saved).unwrap();
        let mut stops = 0;
        while run(method, 1 + stops % 3, 4).unwrap().is_none() {
            stops += 1;
        }
        assert!(stops > 1);
        assert_eq!(std::fs::read(&saved).unwrap(), bytes);
        for _ in 0..6 {
            std::fs::write(&saved, &bytes[..draw.below(bytes.len())]).unwrap();
            assert_eq!(run(method, 2, usize::MAX).unwrap().unwrap(), whole);
            assert_eq!(std::fs::read(&saved).unwrap(), bytes);
            let mut damaged = bytes.clone();
            damaged[draw.below(bytes.len() / 2)] ^= 1 << draw.below(8);
            std::fs::write(&saved, damaged).unwrap();
            match run(method, 2, usize::MAX) {
                Err(error) => assert!(error.to_string().ends_with("is damaged")),
                // a length that claims more than there is
                Ok(end) => assert_eq!(end.unwrap(), whole),
            }
        }
        std::fs::remove_file(&saved).unwrap();
    }
}

/// The exchange of a rank fails, or its source does: a typed error on every rank, at whatever round.
#[test]
fn one_ranks_error_is_an_error_on_all() {
    let (n, m) = (3, 5000);
    let (x, y) = (features::<f64>(n, m, 71) * 0.01, one_hot(&labels(2, m, 72), 1));
    let (start, stop) = (DVector::zeros(n + 1), Stop::default());
    let part = |rank: usize| [0..2000, 2000..m][rank].clone();
    for round in 0..12 {
        let results = on_ranks(2, (1, round), |rank, exchange| {
            let (x, y) = (x.columns_range(part(rank)), y.columns_range(part(rank)));
            let risk = EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, x, y).unwrap();
            minimize(&mut Newton::new(), &mut risk.over(exchange)?, start.clone(), &stop)
        });
        for result in results {
            match result {
                Err(error) => assert!(matches!(error, Error::Failed { .. }), "{error}"),
                Ok(report) => assert!(matches!(
                    (report.termination, report.failure),
                    (Termination::Failed, Some(Error::Failed { .. })) | (_, None)
                )),
            }
        }
    }
    for pass in 2..9 {
        let results = on_ranks(2, NEVER, |rank, exchange| {
            let (x, y) =
                (x.columns_range(part(rank)).clone_owned(), y.columns_range(part(rank)).clone_owned());
            let opened = AtomicUsize::new(0);
            let pass = if rank == 1 { pass } else { usize::MAX };
            let blocks = breaking(&x, &y, &opened, (pass, 3), false);
            let risk = EmpiricalRisk::from_stream(SigmoidClassifier::new(n), LogLoss, &blocks).unwrap();
            match minimize(&mut Newton::new(), &mut risk.over(exchange)?, start.clone(), &stop) {
                Ok(report) => Ok((report.x, report.failure)),
                Err(error) => Err(error),
            }
        });
        let told = |rank: usize| match &results[rank] {
            Err(error) => error.to_string(),
            Ok((_, failure)) => failure.as_ref().map(ToString::to_string).unwrap_or_default(),
        };
        assert!(told(0).contains("rank 1 failed") && told(0).contains("the disk is gone"), "{}", told(0));
        assert!(told(1).contains("the disk is gone") && !told(1).contains("rank"), "{}", told(1));
        if let [Ok(first), Ok(second)] = &results[..] {
            assert_eq!(bits(first.0.as_slice()), bits(second.0.as_slice()));
        }
    }
}

/// Whether data are separable is asked of them once.
#[test]
fn the_verdict_on_separation_is_kept() {
    let passes = std::sync::atomic::AtomicUsize::new(0);
    let blocks = || {
        passes.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        [Ok::<_, String>((vec![0.5, 1.5, 2.5, 3.5, 4.5], vec![0, 1, 0, 1, 1]))]
    };
    let mut risk = EmpiricalRisk::from_stream(SigmoidClassifier::new(1), LogLoss, &blocks).unwrap();
    let theta = risk.fit().unwrap().report.x;
    let [first, second] = [(); 2].map(|()| {
        let before = passes.load(std::sync::atomic::Ordering::Relaxed);
        risk.statistics(&theta).unwrap();
        passes.load(std::sync::atomic::Ordering::Relaxed) - before
    });
    assert!(second < first, "{first} passes, then {second}");
}

/// Whatever pass a source is lost in, of the run or of what is asked at its end: an error, or the last good point with it.
#[test]
fn no_verdict_outlives_its_source() {
    let at = std::sync::atomic::AtomicUsize::new(0);
    let x = |b: usize| DMatrix::<f64>::from_fn(2, 5, |i, q| ((b * 5 + q) * (i + 3) % 7) as f64);
    let y = |b: usize| (0..5).map(|q| (b + q * q) % 2).collect::<Vec<usize>>();
    let passes = |lost: usize, by_fit: bool, shrinks: bool| {
        at.store(0, std::sync::atomic::Ordering::Relaxed);
        let blocks = || {
            let pass = at.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            (0..4).map(move |b| match pass >= lost && b == 1 {
                true if shrinks => Ok((x(b).columns(0, 4).into_owned(), y(b)[..4].to_vec())),
                true => Err("gone"),
                false => Ok((x(b), y(b))),
            })
        };
        let fitted =
            EmpiricalRisk::from_stream(SigmoidClassifier::new(2), LogLoss, &blocks).and_then(|mut risk| {
                let start = DVector::zeros(3);
                if by_fit { risk.fit() } else { risk.fit_with(&mut Newton::new(), start, &Stop::default()) }
            });
        (fitted, at.load(std::sync::atomic::Ordering::Relaxed))
    };
    for (by_fit, shrinks) in [(false, false), (true, false), (false, true), (true, true)] {
        let (whole, count) = passes(usize::MAX, by_fit, shrinks);
        assert!(whole.unwrap().report.converged() && count > 8);
        let mut kept = 0;
        for lost in 1..count {
            match passes(lost, by_fit, shrinks).0 {
                Err(error) => assert!(shrinks || matches!(error, Error::Failed { .. }), "{lost}: {error}"),
                Ok(fitted) => {
                    let report = &fitted.report;
                    assert_eq!(report.termination, Termination::Failed, "{lost} of {count}: {report}");
                    assert!(report.failure.is_some() && !report.converged());
                    kept += 1;
                }
            }
        }
        assert!(kept > count / 2, "{kept} of {count}");
    }
}

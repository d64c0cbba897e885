//! How good predictions are: equal to scikit-learn's answers, to exact counts of pairs, and to themselves in other units
//! and orders; what has no answer is an error.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

#[path = "support/draw.rs"]
mod draw;
#[path = "support/json.rs"]
mod json;

use draw::Draw;
use gradus::metrics::{ClassScores, Classification, ConfusionMatrix, Regression};
use gradus::nalgebra::{self, DMatrix, dmatrix};
use gradus::{Error, Real};
use json::Json;

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-13 * (1.0 + expected.abs())
}

fn assert_scores(found: ClassScores, expected: &Json, case: usize) {
    let found = [found.precision, found.recall, found.f1];
    for (found, expected) in found.iter().zip(expected.numbers()) {
        assert!(close(*found, expected), "{case}: {found} {expected}");
    }
}

fn labels(of: &Json) -> Vec<usize> {
    of.numbers().iter().map(|label| *label as usize).collect()
}

/// Rows of a table as columns, or a list as a row.
fn matrix<T: Real>(of: &Json) -> DMatrix<T> {
    let samples = of.items().len();
    let entries = of.flat();
    DMatrix::from_iterator(entries.len() / samples, samples, entries.into_iter().map(T::of))
}

fn weights<T: Real>(of: &Json, samples: usize) -> Vec<T> {
    match of {
        Json::Scalar(_) => vec![T::one(); samples],
        given => given.numbers().into_iter().map(T::of).collect(),
    }
}

/// Inputs are exact in f32, and answers computed in f64; the file is of `tests/data/metrics.py`.
fn as_scikit_learn_says<T: Real>() {
    let path = format!("{}/tests/data/metrics.json", env!("CARGO_MANIFEST_DIR"));
    let file = Json::parse(&std::fs::read_to_string(path).unwrap());
    for (case, given) in file.get("confusion").items().iter().enumerate() {
        let (truth, predicted) = (labels(given.get("truth")), labels(given.get("predicted")));
        let w: Vec<T> = weights(given.get("weights"), truth.len());
        let found = ConfusionMatrix::weighted(&truth, &predicted, &w).unwrap();
        assert_eq!(found.counts().transpose().as_slice(), given.get("counts").flat(), "{case}");
        assert!(close(found.accuracy(), given.get("accuracy").number()));
        for (scores, expected) in found.classes().into_iter().zip(given.get("classes").items()) {
            assert_scores(scores, expected, case);
        }
        assert_scores(found.macro_average(), given.get("macro"), case);
        assert_scores(found.weighted_average(), given.get("weighted"), case);
        assert_scores(found.micro_average(), given.get("micro"), case);
    }
    for (case, given) in ["binary", "several"].iter().flat_map(|kind| file.get(kind).items()).enumerate() {
        let (truth, scores) = (labels(given.get("truth")), matrix::<T>(given.get("scores")));
        let w: Vec<T> = weights(given.get("weights"), truth.len());
        let found = Classification::new(&truth, &scores).unwrap().with_weights(&w).unwrap();
        assert!(close(found.auc().unwrap(), given.get("auc").number()), "{case}");
        assert!(close(found.brier_score().unwrap(), given.get("brier").number()), "{case}");
        // a probability of 0 or 1 is kept away from them by the ε of its own type
        let certain = scores.iter().any(|p| *p == T::zero() || *p == T::one());
        if !certain || size_of::<T>() == 8 {
            assert!(close(found.log_loss().unwrap(), given.get("log_loss").number()), "{case}");
        }
        if scores.nrows() > 1 {
            continue;
        }
        let points = &found.roc().unwrap().points[1..];
        let found_points =
            points.iter().flat_map(|p| [p.threshold, p.false_positive_rate, p.true_positive_rate]);
        let expected = given.get("roc").flat();
        assert_eq!(3 * points.len(), expected.len());
        assert!(found_points.zip(expected).all(|(found, expected)| close(found, expected)), "{case}");
        // scikit-learn's table knows no weights
        let table = Classification::new(&truth, &scores).unwrap().calibration(8).unwrap();
        let table: Vec<f64> = table.bins.iter().flat_map(|bin| [bin.predicted, bin.observed]).collect();
        let expected = given.get("calibration").flat();
        assert_eq!(table.len(), expected.len());
        assert!(table.iter().zip(expected).all(|(found, expected)| close(*found, expected)), "{case}");
    }
    for (case, given) in file.get("regression").items().iter().enumerate() {
        let (truth, predicted) = (matrix::<T>(given.get("truth")), matrix::<T>(given.get("predicted")));
        let w: Vec<T> = weights(given.get("weights"), truth.ncols());
        let found = Regression::new(&truth, &predicted).unwrap().with_weights(&w).unwrap();
        assert!(close(found.r2().unwrap(), given.get("r2").number()), "{case}");
        assert!(close(found.mean_absolute_error().unwrap(), given.get("mae").number()), "{case}");
        assert!(close(found.root_mean_squared_error().unwrap(), given.get("rmse").number()), "{case}");
    }
}

#[test]
fn answers_are_those_of_scikit_learn() {
    as_scikit_learn_says::<f64>();
    as_scikit_learn_says::<f32>();
}

/// Labels of both classes, scores on few levels, whole weights.
fn sample(draw: &mut Draw) -> (Vec<usize>, Vec<f64>, Vec<u64>) {
    let (m, levels) = (2 + draw.below(40), 1 + draw.below(12));
    let truth = (0..m).map(|j| if j < 2 { j } else { draw.below(2) }).collect();
    let scores = (0..m).map(|_| draw.below(levels) as f64 / levels as f64).collect();
    (truth, scores, (0..m).map(|j| draw.below(4) as u64 + u64::from(j < 2)).collect())
}

fn judged(truth: &[usize], scores: &[f64], weights: &[f64]) -> Classification {
    Classification::new(truth, &DMatrix::from_row_slice(1, scores.len(), scores))
        .unwrap()
        .with_weights(weights)
        .unwrap()
}

/// The area counts pairs: half-integers and one division, so the last bit is right.
#[test]
fn the_area_under_the_curve_counts_pairs() {
    let mut draw = Draw::new(51);
    for case in 0..2000 {
        let (truth, scores, w) = sample(&mut draw);
        let (mut twice, mut pairs) = (0, 0);
        for i in (0..truth.len()).filter(|i| truth[*i] == 1) {
            for j in (0..truth.len()).filter(|j| truth[*j] == 0) {
                let order = 1 + u64::from(scores[i] > scores[j]) - u64::from(scores[i] < scores[j]);
                (twice, pairs) = (twice + order * w[i] * w[j], pairs + w[i] * w[j]);
            }
        }
        let weights: Vec<f64> = w.iter().map(|w| *w as f64).collect();
        let found = judged(&truth, &scores, &weights).auc().unwrap();
        assert_eq!(found, twice as f64 / (2 * pairs) as f64, "{case}");
        // either class in a unit of its own, far apart
        let unit = |j: usize| 2f64.powi(if truth[j] == 1 { 900 } else { -900 });
        let scaled: Vec<f64> = weights.iter().enumerate().map(|(j, w)| w * unit(j)).collect();
        assert_eq!(judged(&truth, &scores, &scaled).auc().unwrap(), found, "{case}");
        // scores have an order and no more
        let stretched: Vec<f64> = scores.iter().map(|s| (s * 30.0 - 700.0).exp()).collect();
        assert_eq!(judged(&truth, &stretched, &weights).auc().unwrap(), found, "{case}");
        // the other class, from the other side
        let other = judged(&truth, &scores, &weights).of_class(0).unwrap().auc().unwrap();
        assert!((other - found).abs() < 1e-15, "{case}: {other} {found}");
    }
}

/// All numbers of a judgement.
fn all(judged: &Classification) -> Vec<f64> {
    let roc = judged.roc().unwrap();
    let table = judged.calibration(5).unwrap();
    let points =
        roc.points[1..].iter().flat_map(|p| [p.threshold, p.false_positive_rate, p.true_positive_rate]);
    let bins = table.bins.iter().flat_map(|b| [b.predicted, b.observed]);
    let single = [roc.auc, judged.log_loss().unwrap(), judged.brier_score().unwrap(), table.expected_error];
    points.chain(bins).chain(single).collect()
}

fn errors(judged: &Regression) -> [f64; 3] {
    let [r2, mae, rmse] = [judged.r2(), judged.mean_absolute_error(), judged.root_mean_squared_error()];
    [r2.unwrap(), mae.unwrap(), rmse.unwrap()]
}

fn same(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| close(*a, *b))
}

/// Weight 2 is the sample twice, weight 0 the sample left out, and neither order nor unit of weights counts.
#[test]
fn weights_are_samples_in_any_order() {
    let mut draw = Draw::new(52);
    for case in 0..600 {
        let (truth, scores, w) = sample(&mut draw);
        let m = truth.len();
        let mut order: Vec<usize> = (0..m).flat_map(|j| vec![j; w[j] as usize]).collect();
        (1..order.len()).rev().for_each(|j| order.swap(j, draw.below(j + 1)));
        let pick = |from: &[f64]| order.iter().map(|j| from[*j]).collect::<Vec<_>>();
        let (weights, ones): (Vec<f64>, _) = (w.iter().map(|w| *w as f64).collect(), vec![1.0; order.len()]);
        let often: Vec<usize> = order.iter().map(|j| truth[*j]).collect();
        let expected = all(&judged(&truth, &scores, &weights));
        assert!(same(&expected, &all(&judged(&often, &pick(&scores), &ones))), "{case}");

        let called: Vec<usize> = (0..m).map(|_| draw.below(3)).collect();
        let called_often: Vec<usize> = order.iter().map(|j| called[*j]).collect();
        let counted = ConfusionMatrix::weighted(&truth, &called, &weights).unwrap();
        let repeated = ConfusionMatrix::new(&often, &called_often).unwrap();
        if counted.counts().shape() == repeated.counts().shape() {
            assert_eq!(counted, repeated, "{case}");
        }
        assert_eq!(counted.macro_average(), repeated.macro_average(), "{case}");

        let y: Vec<f64> = (0..m).map(|j| j as f64 + draw.unit()).collect();
        let row = |entries: &[f64]| DMatrix::from_row_slice(1, entries.len(), entries);
        let given = Regression::new(&row(&y), &row(&scores)).unwrap().with_weights(&weights).unwrap();
        let expected_errors = errors(&given);
        let repeated = Regression::new(&row(&pick(&y)), &row(&pick(&scores))).unwrap();
        assert!(same(&expected_errors, &errors(&repeated)), "{case}");

        for power in [-1060, -300, 1010] {
            let scaled: Vec<f64> =
                weights.iter().map(|w| w * 2f64.powi(power / 2) * 2f64.powi(power - power / 2)).collect();
            assert!(same(&expected, &all(&judged(&truth, &scores, &scaled))), "{case}");
            assert!(same(&expected_errors, &errors(&given.clone().with_weights(&scaled).unwrap())), "{case}");
            let scaled = ConfusionMatrix::weighted(&truth, &called, &scaled).unwrap();
            assert_eq!(scaled.classes().len(), counted.classes().len());
            for (scaled, counted) in scaled.classes().iter().zip(counted.classes()) {
                assert_eq!(
                    [scaled.precision, scaled.recall, scaled.f1],
                    [counted.precision, counted.recall, counted.f1]
                );
            }
        }
    }
}

#[test]
fn errors_have_the_unit_of_their_numbers() {
    let mut draw = Draw::new(53);
    for case in 0..500 {
        let m = 2 + draw.below(20);
        let numbers = |draw: &mut Draw| DMatrix::from_fn(1, m, |_, _| draw.below(999) as f64 - 400.0);
        let (y, z) = (numbers(&mut draw), numbers(&mut draw));
        let expected = Regression::new(&y, &z).unwrap();
        for power in [-1070, -600, 600, 1013] {
            let unit = |x: &DMatrix<f64>| x * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
            let (Ok(found), (y, z)) = (Regression::new(&unit(&y), &unit(&z)), (&y, &z)) else {
                panic!("{case}")
            };
            if y.iter().any(|entry| *entry != y[0]) {
                assert_eq!(found.r2().unwrap(), expected.r2().unwrap(), "{case}: {y} {z}");
            }
            let [mae, rmse] = [expected.mean_absolute_error(), expected.root_mean_squared_error()]
                .map(|error| unit(&dmatrix![error.unwrap()])[0]);
            // to the last bit, or as near as subnormal numbers are
            let near = |found: f64, expected: f64| (found - expected).abs() <= 4e-16 * expected + 5e-324;
            assert!(near(found.mean_absolute_error().unwrap(), mae), "{case}");
            assert!(near(found.root_mean_squared_error().unwrap(), rmse), "{case}");
        }
    }
    let (y, z) = (dmatrix![1.7e308, 0.0], dmatrix![-1.7e308, 1.0]);
    let far = Regression::new(&y, &z).unwrap();
    assert!(matches!(far.mean_absolute_error(), Err(Error::Range { .. })));
    assert!(matches!(far.root_mean_squared_error(), Err(Error::Range { .. })));
    assert_eq!(far.with_weights(&[0.0, 1.0]).unwrap().mean_absolute_error(), Ok(1.0));
}

/// 10⁶ equal terms: in sequence, in f32, a sum of them is off by 1e−3 and more.
#[test]
fn rounding_does_not_grow_with_the_samples() {
    let m = 1_000_000;
    let truth: Vec<usize> = (0..m).map(|j| usize::from(j % 4 == 0)).collect();
    let p = DMatrix::from_element(1, m, 0.1_f32);
    let w = vec![0.1_f32; m];
    let judged = Classification::new(&truth, &p).unwrap().with_weights(&w).unwrap();
    let p = f64::from(0.1_f32);
    assert_eq!(judged.auc().unwrap(), 0.5);
    let expected = 0.25 * -p.ln() + 0.75 * -(1.0 - p).ln();
    assert!((judged.log_loss().unwrap() / expected - 1.0).abs() < 1e-14);
    let counts = ConfusionMatrix::weighted(&truth, &truth, &w).unwrap();
    assert_eq!(counts.counts()[(1, 1)], 250_000.0 * p);
    assert_eq!(counts.accuracy(), 1.0);
}

#[test]
fn what_has_no_answer_is_an_error() {
    let p = dmatrix![0.2, 0.8];
    let of = |truth: &[usize]| Classification::new(truth, &p).unwrap();
    assert!(matches!(of(&[1, 1]).auc(), Err(Error::OneClass { found: 1.0, .. })));
    assert!(matches!(of(&[0, 0]).roc(), Err(Error::OneClass { found: 0.0, .. })));
    let left_out = of(&[0, 1]).with_weights(&[0.0, 2.0]).unwrap();
    assert!(matches!(left_out.auc(), Err(Error::OneClass { .. })));
    assert!(left_out.to_string().ends_with("samples     2"));
    assert!(left_out.to_string().starts_with("AUC         none: `truth` holds a single class (1)"));
    assert!(matches!(Classification::new(&[0, 2], &p), Err(Error::Class { sample: 1, found: 2, .. })));
    assert!(matches!(Classification::new(&[0], &p), Err(Error::Length { .. })));
    assert!(matches!(Classification::new(&[], &DMatrix::<f64>::zeros(1, 0)), Err(Error::Empty { .. })));
    assert!(matches!(Classification::new(&[0, 0], &dmatrix![0.0, f64::NAN]), Err(Error::NonFinite { .. })));
    assert!(matches!(of(&[0, 1]).with_weights(&[1.0, -1.0]), Err(Error::Setting { .. })));
    assert!(matches!(of(&[0, 1]).with_weights(&[0.0, 0.0]), Err(Error::Setting { .. })));
    assert!(matches!(of(&[0, 1]).of_class(2), Err(Error::Setting { .. })));
    assert!(matches!(of(&[0, 1]).calibration(0), Err(Error::Setting { .. })));
    assert!(matches!(of(&[0, 1]).calibration(usize::MAX), Err(Error::Setting { .. })));

    // scores are ranked, but have neither loss nor calibration
    let scores = Classification::new(&[0, 1], &dmatrix![-3.0, 5.0]).unwrap();
    assert_eq!(scores.auc().unwrap(), 1.0);
    assert!(matches!(scores.log_loss(), Err(Error::Label { .. })));
    assert!(matches!(scores.brier_score(), Err(Error::Label { .. })));
    assert!(matches!(scores.calibration(3), Err(Error::Label { .. })));

    let three = dmatrix![0.5, 0.2, 0.1; 0.25, 0.5, 0.2; 0.25, 0.3, 0.7];
    let of = |truth: &[usize]| Classification::new(truth, &three).unwrap();
    assert!(matches!(of(&[0, 1, 1]).auc(), Err(Error::NoSamples { class: 2, .. })));
    assert!(matches!(of(&[2, 2, 2]).auc(), Err(Error::OneClass { found: 2.0, .. })));
    assert!(matches!(of(&[0, 1, 2]).roc(), Err(Error::Shape { .. })));
    assert!(of(&[0, 1, 2]).of_class(2).unwrap().roc().is_ok());
    let short = Classification::new(&[0, 1, 2], &(three * 0.5)).unwrap();
    assert!(matches!(short.log_loss(), Err(Error::Label { sample: 0, found: 0.5, .. })));

    assert!(matches!(ConfusionMatrix::new(&[], &[]), Err(Error::Empty { .. })));
    assert!(matches!(ConfusionMatrix::new(&[0, 1], &[0]), Err(Error::Length { .. })));
    for stray in [1000, 30_000, usize::MAX] {
        assert!(matches!(ConfusionMatrix::new(&[0], &[stray]), Err(Error::Setting { .. })));
    }
    assert!(matches!(ConfusionMatrix::weighted(&[0, 1], &[0, 1], &[f64::MAX; 2]), Err(Error::Range { .. })));
    assert!(ConfusionMatrix::new(&[0, 1], &[0, 1]).unwrap().class(2).is_err());

    let y = dmatrix![1.0, 1.0];
    let constant = Regression::new(&y, &y).unwrap();
    assert!(matches!(constant.r2(), Err(Error::Evaluation { .. })));
    assert_eq!(constant.root_mean_squared_error(), Ok(0.0));
    assert!(matches!(Regression::new(&y, &dmatrix![1.0]), Err(Error::Shape { .. })));
    assert!(matches!(Regression::new(&y, &dmatrix![1.0, f64::INFINITY]), Err(Error::NonFinite { .. })));
}

/// Weights of any size: answers are numbers, and shares lie between 0 and 1.
#[test]
fn any_weights_make_numbers() {
    let mut draw = Draw::new(54);
    for case in 0..1000 {
        let (truth, scores, _) = sample(&mut draw);
        let weights: Vec<f64> = truth.iter().map(|_| draw.wide(-1074, 1010).abs()).collect();
        let found = judged(&truth, &scores, &weights);
        if scores.iter().all(|p| *p > 0.0) {
            assert!(all(&found).iter().all(|x| (0.0..40.0).contains(x)), "{case}: {found}");
        }
        let roc = found.roc().unwrap();
        assert!(
            (0.0..=1.0).contains(&roc.auc) && roc.points.is_sorted_by_key(|p| p.true_positive_rate),
            "{case}"
        );
        let end = roc.points[roc.points.len() - 1];
        assert_eq!((end.false_positive_rate, end.true_positive_rate), (1.0, 1.0), "{case}");
        let counted = ConfusionMatrix::weighted(&truth, &truth, &weights).unwrap();
        assert_eq!((counted.accuracy(), counted.macro_average().f1), (1.0, 1.0), "{case}");
    }
}

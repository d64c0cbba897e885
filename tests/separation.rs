//! Whether a likelihood has a maximum, against linear programmes in exact arithmetic: small integer data, as they are,
//! shifted and scaled, in both precisions.

use gradus::data::one_hot;
use gradus::loss::{ElementWise, Jet};
use gradus::nalgebra::{DMatrix, DMatrixView, DVector};
use gradus::{
    Activation, Architecture, CrossEntropy, EmpiricalRisk, LogLoss, Loss, Model, Network, Newton, Objective,
    Perceptron, Real, Recession, Report, SigmoidClassifier, SquaredError, Stop, Termination, TrustRegion,
    minimize,
};

/// Exact fractions, lowest terms, positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fraction(i128, i128);

impl Fraction {
    fn new(n: i128, d: i128) -> Self {
        let (mut a, mut b) = (n.abs(), d.abs());
        while b != 0 {
            (a, b) = (b, a % b);
        }
        let sign = if d < 0 { -1 } else { 1 };
        Self(sign * n / a.max(1), sign * d / a.max(1))
    }
    fn less(self, other: Self) -> Self {
        let product = |a: i128, b: i128| a.checked_mul(b).expect("small numbers");
        Self::new(product(self.0, other.1) - product(other.0, self.1), product(self.1, other.1))
    }
    fn times(self, other: Self) -> Self {
        let (a, b) = (Self::new(self.0, other.1), Self::new(other.0, self.1));
        Self::new(a.0.checked_mul(b.0).expect("small"), a.1.checked_mul(b.1).expect("small"))
    }
}

/// Whether some `d` has `aᵀd ≥ 0` for all rows and `> 0` for one: by Stiemke's theorem, whether no `λ ≥ 1` has
/// `Σ λ a = 0`. The simplex method's first phase with Bland's rule, on `Σ μ a = −Σ a`, `μ ≥ 0`.
fn falls_somewhere(rows: &[Vec<i128>]) -> bool {
    let (m, p) = (rows.len(), rows[0].len());
    let integer = |n: i128| Fraction(n, 1);
    let mut tableau: Vec<Vec<Fraction>> = (0..p)
        .map(|i| {
            let right: i128 = -rows.iter().map(|row| row[i]).sum::<i128>();
            let sign = if right < 0 { -1 } else { 1 };
            let mut line: Vec<_> = rows.iter().map(|row| integer(sign * row[i])).collect();
            line.extend((0..p).map(|j| integer(i128::from(i == j))));
            line.push(integer(sign * right));
            line
        })
        .collect();
    let mut basis: Vec<usize> = (m..m + p).collect();
    loop {
        // what the sum of the artificial variables gains by each of the others
        let gain = |j: usize| {
            let lines = tableau.iter().zip(&basis).filter(|(_, basic)| **basic >= m);
            lines.fold(integer(0), |sum, (line, _)| sum.less(line[j].times(integer(-1))))
        };
        let Some(enters) = (0..m).find(|j| !basis.contains(j) && gain(*j).0 > 0) else {
            return gain(m + p).0 > 0;
        };
        let ratio = |i: usize| {
            let (right, line) = (tableau[i][m + p], tableau[i][enters]);
            (line.0 > 0).then(|| Fraction::new(right.0 * line.1, right.1 * line.0))
        };
        let mut leaves: Option<(usize, Fraction)> = None;
        for i in 0..p {
            let Some(ratio) = ratio(i) else { continue };
            let is_less = leaves.is_none_or(|(best, least)| {
                let less = ratio.less(least).0;
                less < 0 || (less == 0 && basis[i] < basis[best])
            });
            if is_less {
                leaves = Some((i, ratio));
            }
        }
        let (pivot, _) = leaves.expect("the sum of the artificial variables is bounded below");
        let by = tableau[pivot][enters];
        let line: Vec<_> = tableau[pivot].iter().map(|x| x.times(Fraction::new(by.1, by.0))).collect();
        for (i, other) in tableau.iter_mut().enumerate().filter(|(i, _)| *i != pivot) {
            _ = i;
            let factor = other[enters];
            other.iter_mut().zip(&line).for_each(|(x, l)| *x = x.less(l.times(factor)));
        }
        tableau[pivot] = line;
        basis[pivot] = enters;
    }
}

#[test]
fn the_oracle_knows_what_is_plain() {
    assert!(falls_somewhere(&[vec![1, 1], vec![2, 1]]));
    assert!(!falls_somewhere(&[vec![1, 1], vec![-1, -1]]));
    assert!(falls_somewhere(&[vec![1, 1], vec![-1, -1], vec![1, 0]])); // d = (1, −1)
    assert!(!falls_somewhere(&[vec![1, 0], vec![0, 1], vec![-1, -1]]));
}

/// Numbers that repeat.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % sides) as usize
    }
}

/// `ℓ = e^z − y z`: without counts, smaller scores are better for ever.
#[derive(Debug, Clone, Copy)]
struct Poisson;

impl ElementWise for Poisson {
    const CONVEX: bool = true;
    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let mean = z.exp();
        Jet { value: mean - y * z, first: mean - y, second: mean }
    }
    fn margin<T: Real>(&self, y: T, r: T) -> T {
        if y > T::zero() { -r.abs() } else { -r }
    }
}

/// An affine model that does not say how it is made: `z = W x + b`.
#[derive(Debug, Clone)]
struct Own(Perceptron);

impl Architecture for Own {
    fn inputs(&self) -> usize {
        self.0.inputs()
    }
    fn outputs(&self) -> usize {
        self.0.outputs()
    }
    fn parameter_count(&self) -> usize {
        self.0.parameter_count()
    }
    fn affine_in(&self) -> std::ops::Range<usize> {
        0..self.parameter_count()
    }
}

impl<T: Real> Model<T> for Own {
    type Cache = <Perceptron as Model<T>>::Cache;
    fn cache(&self, max_batch: usize) -> Self::Cache {
        self.0.cache(max_batch)
    }
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        self.0.forward(theta, x, cache)
    }
    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>, cache: &mut Self::Cache,
        gradient: &mut DVector<T>,
    ) {
        self.0.backward(theta, x, delta, cache, gradient);
    }
}

/// The verdict agrees with the programme, and a direction with the rows.
fn agree<T: Real, M: Model<T>, L: Loss<T>>(
    model: M, loss: L, (x, y): (&DMatrix<T>, &DMatrix<T>), rows: &[Vec<i128>], shift: i128, name: &str,
) -> bool {
    let mut risk = EmpiricalRisk::new(model, loss, x, y).unwrap();
    let (found, falls) = (risk.recedes(&DVector::zeros(risk.dim())), falls_somewhere(rows));
    let case = || format!("{name}, shifted by {shift}\n{x}{y}{found:?}");
    match &found {
        Recession::Along(d) => {
            assert!(falls, "{}", case());
            let least = |least: f64, row: &Vec<i128>| {
                least.min(row.iter().zip(d.iter()).map(|(a, d)| *a as f64 * d.f64()).sum())
            };
            if shift == 0 {
                assert!(rows.iter().fold(0.0, least) > -1e2 * T::EPSILON.f64(), "{}", case());
            }
        }
        // where there are counts for all, no loss falls anywhere, and nothing is sought
        Recession::No | Recession::NotSought => assert!(!falls, "{}", case()),
        // a model that does not tell its inputs cannot be moved nearer
        Recession::Undecided if shift == 1_000_000 && name.starts_with("own") => {}
        _ => panic!("{}", case()),
    }
    falls
}

/// Features from −3 to 3, more of them the same than not.
fn features(dice: &mut Dice, n: usize, m: usize) -> DMatrix<i128> {
    DMatrix::from_fn(n, m, |_, _| dice.roll(7) as i128 - 3)
}

/// `[x; 1]`, times `sign`, for output `o` of `k`.
fn row(x: &DMatrix<i128>, j: usize, signs: &[i128]) -> Vec<i128> {
    let inputs = x.column(j).iter().copied().chain([1]).collect::<Vec<_>>();
    inputs.iter().flat_map(|x| signs.iter().map(move |sign| sign * x)).collect()
}

/// Labels by a random plane, some of them turned.
fn labels(dice: &mut Dice, x: &DMatrix<i128>, turned: u64) -> Vec<usize> {
    let w: Vec<_> = (0..=x.nrows()).map(|_| dice.roll(5) as i128 - 2).collect();
    (0..x.ncols())
        .map(|j| {
            let z: i128 = x.column(j).iter().chain([&1]).zip(&w).map(|(x, w)| x * w).sum();
            usize::from(z > 0) ^ usize::from(turned > 0 && dice.roll(turned) == 0)
        })
        .collect()
}

fn battery<T: Real>(sets: usize) {
    let (mut dice, mut separable, mut total) = (Dice(7), 0, 0);
    for set in 0..sets {
        let (n, m) = (1 + dice.roll(3), 4 + dice.roll(12));
        let x = features(&mut dice, n, m);
        for shift in [0_i128, 1000, 1_000_000] {
            let shifted = x.map(|x| T::of((x + shift) as f64));
            let moved = x.add_scalar(0);
            let name = |what: &str| format!("{what}, set {set}");

            let y = labels(&mut dice, &x, [0, 3, 8][set % 3]);
            let target = DMatrix::from_fn(1, m, |_, j| T::of(y[j] as f64));
            let rows: Vec<_> = (0..m).map(|j| row(&moved, j, &[2 * y[j] as i128 - 1])).collect();
            let data = (&shifted, &target);
            let falls = agree(SigmoidClassifier::new(n), LogLoss, data, &rows, shift, &name("logistic"));
            agree(Own(Perceptron::new(n)), LogLoss, data, &rows, shift, &name("own model"));
            separable += usize::from(falls);
            total += 1;

            let other = labels(&mut dice, &x, 4);
            let both: Vec<_> =
                [&y, &other].map(|y| y.iter().map(|y| 2 * *y as i128 - 1)).into_iter().collect();
            let [first, second] = &both[..] else { unreachable!("two") };
            let (first, second): (Vec<_>, Vec<_>) = (first.clone().collect(), second.clone().collect());
            let rows: Vec<_> = (0..m)
                .flat_map(|j| [row(&moved, j, &[first[j], 0]), row(&moved, j, &[0, second[j]])])
                .collect();
            let target = DMatrix::from_fn(2, m, |i, j| T::of([y[j], other[j]][i] as f64));
            let model = SigmoidClassifier::new(n).with_outputs(2);
            agree(model, LogLoss, (&shifted, &target), &rows, shift, &name("two outputs"));

            let classes: Vec<_> = (0..m).map(|j| if dice.roll(4) == 0 { 2 } else { y[j] }).collect();
            let unit = |c: usize, i: usize| [0, 1, 2].map(|o| i128::from(o == c) - i128::from(o == i));
            let others = |c: usize| (0..3).filter(move |i| *i != c);
            let rows: Vec<_> = (0..m)
                .flat_map(|j| others(classes[j]).map(move |i| (j, i)))
                .map(|(j, i)| row(&moved, j, &unit(classes[j], i)))
                .collect();
            let target = one_hot(&classes, 3).unwrap();
            let data = (&shifted, &target);
            let model = Perceptron::new(n).with_outputs(3);
            agree(model, CrossEntropy, data, &rows, shift, &name("softmax"));
            agree(Own(model), CrossEntropy, data, &rows, shift, &name("own softmax"));

            let counts: Vec<_> = (0..m).map(|j| y[j] * dice.roll(3)).collect();
            let sides = |j: usize| if counts[j] > 0 { vec![-1, 1] } else { vec![-1] };
            let rows: Vec<_> = (0..m)
                .flat_map(|j| sides(j).into_iter().map(move |s| (j, s)))
                .map(|(j, s)| row(&moved, j, &[s]))
                .collect();
            let target = DMatrix::from_fn(1, m, |_, j| T::of(counts[j] as f64));
            agree(Perceptron::new(n), Poisson, (&shifted, &target), &rows, shift, &name("counts"));
        }
    }
    assert!(separable * 5 > total && separable * 5 < 4 * total, "{separable} of {total}");
}

#[test]
fn small_sets_of_integers_in_double_precision() {
    battery::<f64>(300);
}

#[test]
fn small_sets_of_integers_in_single_precision() {
    battery::<f32>(150);
}

/// Gaps and overlaps far below the features' own size.
/// One feature that is 0 or 1 and a bias leave each class its own odds on both sides: they have a maximum where every class
/// was seen on both. All tables of counts up to 2, from where a whole fit ends.
fn yes_or_no<T: Real>(classes: usize) {
    let cells = 2 * classes as u32;
    for table in 0..3_usize.pow(cells) {
        let count = |cell: u32| table / 3_usize.pow(cell) % 3;
        let (mut x, mut labels) = (Vec::new(), Vec::new());
        for cell in 0..cells {
            for _ in 0..count(cell) {
                x.push(T::of(f64::from(cell % 2)));
                labels.push(cell as usize / 2);
            }
        }
        let is_seen = |side: u32| (0..cells).any(|cell| cell % 2 == side && count(cell) > 0);
        if (0..classes as u32).any(|class| count(2 * class) + count(2 * class + 1) == 0)
            || !(is_seen(0) && is_seen(1))
        {
            continue;
        }
        let model = Perceptron::new(1).with_outputs(classes);
        let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x[..], &labels[..]).unwrap();
        let report = risk.fit().unwrap().report;
        let is_everywhere = (0..cells).all(|cell| count(cell) > 0);
        assert_eq!(report.converged(), is_everywhere, "{classes} classes, {x:?}, {labels:?}: {report}");
    }
}

#[test]
fn a_class_that_is_never_seen_on_one_side_has_no_odds_there() {
    yes_or_no::<f64>(2);
    yes_or_no::<f64>(3);
    yes_or_no::<f32>(2);
    yes_or_no::<f32>(3);
}

#[test]
fn a_hair_decides() {
    for hair in [1e-3_f64, 1e-6, 1e-9] {
        for (offset, expected) in [(0.0, true), (1.0, true), (1000.0, true)] {
            for sign in [1.0, -1.0] {
                // class 1 begins a hair above or below where class 0 ends
                let ends = [-2.0, -1.0, 0.0, sign * hair, 1.0, 2.0].map(|x| x + offset);
                let (x, y) = (DMatrix::from_row_slice(1, 6, &ends), [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]);
                let y = DMatrix::from_row_slice(1, 6, &y);
                let mut risk = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
                let found = risk.recedes(&DVector::zeros(2));
                let is_right = if sign > 0.0 {
                    matches!(found, Recession::Along(_)) == expected
                } else {
                    found == Recession::No
                };
                assert!(is_right, "{hair} {offset} {sign}: {found:?}");
            }
        }
    }
}

#[test]
fn weights_and_penalties_change_what_there_is() {
    let x = DMatrix::from_row_slice(1, 6, &[1.0, 2.0, 3.0, 3.0, 4.0, 5.0]);
    let y = DMatrix::from_row_slice(1, 6, &[0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
    let risk = || EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &y).unwrap();
    let zeros = DVector::zeros(2);
    assert_eq!(risk().recedes(&zeros), Recession::No);
    let mut without_last = risk().with_weights(&[1.0, 1.0, 1.0, 1.0, 1.0, 0.0]).unwrap();
    assert!(matches!(without_last.recedes(&zeros), Recession::Along(_)));
    let mut batch = risk();
    assert!(matches!(batch.batch(0..5).unwrap().recedes(&zeros), Recession::Along(_)));
    assert_eq!(batch.batch(0..6).unwrap().recedes(&zeros), Recession::No);
    let mut penalised = without_last.ridge(0.1);
    assert_eq!(penalised.recedes(&zeros), Recession::No);
    // the bias is not penalised: a single class sends it to infinity
    let ones = DMatrix::repeat(1, 6, 1.0);
    let mut single = EmpiricalRisk::new(SigmoidClassifier::new(1), LogLoss, &x, &ones).unwrap().ridge(0.1);
    assert_eq!(single.recedes(&zeros), Recession::Along(DVector::from_vec(vec![0.0, 1.0])));
    let model = SigmoidClassifier::new(1).without_bias();
    let mut single = EmpiricalRisk::new(model, LogLoss, &x, &ones).unwrap().ridge(0.1);
    assert_eq!(single.recedes(&DVector::zeros(1)), Recession::No);
    // squares grow along every direction
    let mut squares = EmpiricalRisk::new(Perceptron::new(1), SquaredError, &x, &y).unwrap();
    assert_eq!(squares.recedes(&zeros), Recession::No);
}

/// A network's last layer, with its inputs as the other layers leave them.
#[test]
fn networks_are_asked_at_their_hidden_layer() {
    let x = DMatrix::from_row_slice(2, 4, &[0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    let y = DMatrix::from_row_slice(1, 4, &[0.0, 1.0, 1.0, 0.0]);
    let network = Network::new(&[2, 4, 1], Activation::Tanh);
    let mut risk = EmpiricalRisk::new(network.clone(), LogLoss, &x, &y).unwrap();
    let start = network.initial(1);
    let Recession::Along(d) = risk.recedes(&start) else { panic!("four samples, four units") };
    assert_eq!(d.rows(0, 12), DVector::zeros(12));
    let mut there = start.clone();
    let mut before = f64::INFINITY;
    for power in 0..8 {
        there.rows_mut(12, 5).copy_from(&(d.rows(12, 5) * 10_f64.powi(power)));
        let value = risk.value(&there);
        // until nothing is left but samples on neither side
        assert!(value < before || power > 2 && value < before * (1.0 + 1e-9), "{power}: {value}");
        before = value;
    }
    // with all weights of the first layer zero, the units are the same for all samples
    assert_eq!(risk.recedes(&DVector::zeros(17)), Recession::No);
    let tanh = network.with_output_activation(Activation::Tanh);
    let mut bounded = EmpiricalRisk::new(tanh, LogLoss, &x, &y).unwrap();
    assert_eq!(bounded.recedes(&start), Recession::NotSought);
}

/// Many samples of several classes, asked far from the minimum: weak rows must not spoil the active set.
#[test]
fn many_overlapping_samples_are_told_from_anywhere() {
    let (n, m, k) = (8, 1500, 8);
    let mut dice = Dice(3);
    let mut uniform = || dice.roll(1 << 20) as f64 / f64::from(1 << 19) - 1.0;
    let x = DMatrix::from_fn(n, m, |_, _| uniform());
    let w = DMatrix::from_fn(k, n, |_, _| uniform());
    let scores = &w * &x + DMatrix::from_fn(k, m, |_, _| uniform());
    let classes: Vec<_> = scores.column_iter().map(|z| z.argmax().0).collect();
    let y = one_hot(&classes, k).unwrap();
    let mut risk = EmpiricalRisk::new(Perceptron::new(n).with_outputs(k), CrossEntropy, &x, &y).unwrap();
    assert_eq!(risk.recedes(&DVector::zeros(k * (n + 1))), Recession::No);
    // by the scores alone, whatever is added to them, the classes are apart
    let exact: Vec<_> = (&w * &x).column_iter().map(|z| z.argmax().0).collect();
    let y = one_hot(&exact, k).unwrap();
    let mut risk = EmpiricalRisk::new(Perceptron::new(n).with_outputs(k), CrossEntropy, &x, &y).unwrap();
    assert!(matches!(risk.recedes(&DVector::zeros(k * (n + 1))), Recession::Along(_)));
}

/// A single class, or a class without samples, of a model without a bias: a minimum where the samples lie on all sides.
#[test]
fn one_class_without_a_bias_may_have_a_minimum() {
    fn check<T: Real>(seed: u64, sets: usize) {
        let (mut dice, mut separable) = (Dice(seed), 0);
        for set in 0..sets {
            let (n, m) = (1 + dice.roll(2), 2 + dice.roll(8));
            let x = features(&mut dice, n, m);
            let inputs = x.map(|x| T::of(x as f64));
            let plain = |j: usize, signs: &[i128]| {
                x.column(j).iter().flat_map(|x| signs.iter().map(move |sign| sign * x)).collect::<Vec<_>>()
            };
            let rows: Vec<_> = (0..m).map(|j| plain(j, &[1])).collect();
            let model = SigmoidClassifier::new(n).without_bias();
            let ones = vec![1_usize; m];
            let mut risk = EmpiricalRisk::new(model, LogLoss, &inputs, ones.as_slice()).unwrap();
            let (falls, report) = (falls_somewhere(&rows), risk.fit().unwrap().report);
            separable += usize::from(falls);
            let expected = |falls: bool, report: &Report<T>| match falls {
                true => report.termination == Termination::Separable,
                false => report.converged(),
            };
            assert!(expected(falls, &report), "set {set} {falls} {x}{report}");

            let class = |j: usize| if set % 2 == 0 { 2 } else { 1 + j % 2 };
            let classes: Vec<usize> = (0..m).map(class).collect();
            let signs = |c: usize, i: usize| [0, 1, 2].map(|o| i128::from(o == c) - i128::from(o == i));
            let others = |c: usize| (0..3).filter(move |i| *i != c);
            let rows: Vec<_> = (0..m)
                .flat_map(|j| others(class(j)).map(move |i| (j, i)))
                .map(|(j, i)| plain(j, &signs(class(j), i)))
                .collect();
            let model = Perceptron::new(n).with_outputs(3).without_bias();
            let mut risk = EmpiricalRisk::new(model, CrossEntropy, &inputs, classes.as_slice()).unwrap();
            let (falls, report) = (falls_somewhere(&rows), risk.fit().unwrap().report);
            assert!(expected(falls, &report), "softmax, set {set} {falls} {x}{report}");
        }
        assert!(separable * 5 > sets && separable * 5 < 4 * sets, "{separable} of {sets}");
    }
    check::<f64>(5, 200);
    check::<f32>(6, 200);
}

/// Nothing changes where a feature has another unit, wherever the question is asked from.
#[test]
fn the_unit_of_a_feature_separates_nothing() {
    let mut dice = Dice(8);
    for set in 0..60 {
        let (k, m) = (3, 9 + dice.roll(3));
        let x = features(&mut dice, 2, m).map(|x| 1024.0 * x as f64);
        let classes: Vec<usize> = (0..m).map(|_| if set % 3 == 0 { 0 } else { dice.roll(3) }).collect();
        let has_bias = set % 2 == 1;
        let told: Vec<_> = [0, -100, -40, 40, 79, 120]
            .into_iter()
            .map(|power| {
                let x = DMatrix::from_fn(2, m, |i, j| x[(i, j)] * 2f64.powi(if i == 1 { power } else { 0 }));
                let model = Perceptron::new(2).with_outputs(k);
                let model = if has_bias { model } else { model.without_bias() };
                let mut risk = EmpiricalRisk::new(model, CrossEntropy, &x, classes.as_slice()).unwrap();
                let (start, stop) = (DVector::zeros(risk.dim()), Stop::default());
                let newton = minimize(&mut Newton::new(), &mut risk, start.clone(), &stop).unwrap();
                let region = minimize(&mut TrustRegion::new(), &mut risk, start, &stop).unwrap();
                [newton, region].map(|report| matches!(report.recession, Recession::Along(_)))
            })
            .collect();
        assert!(told.iter().flatten().all(|verdict| *verdict == told[0][0]), "set {set}: {told:?}");
    }
}

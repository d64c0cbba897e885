//! Wherever features lie, and whatever their unit, models that are linear in them say the same: fits, statistics, influence
//! and posteriors of moved features beside those of the same features near zero, in `f64`.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

use draw::Draw;
use gradus::loss::{Binomial, Gamma, NegativeBinomial, Poisson};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;

/// `a x + b` of each feature, and the samples near and far.
struct Samples<T: Real> {
    moves: Vec<(f64, f64)>,
    near: DMatrix<f64>,
    far: DMatrix<T>,
    /// What targets are about.
    scores: Vec<f64>,
}

impl<T: Real> Samples<T> {
    fn new(draw: &mut Draw) -> Self {
        let is_double = T::EPSILON.f64() < 1e-10;
        let moves: &[(f64, f64)] = match is_double {
            true => &[
                (1.0, 2e3),
                (86400.0, 1.6e9),
                (1.0, 1.6e9),
                (1e3, 1.6e12),
                (1.0, 1e10),
                (1e-3, 1e5),
                (1e-12, 0.0),
                (2f64.powi(60), 0.0),
                (1.0, 0.0),
            ],
            false => &[(1.0, 2e3), (1.0, 1e3), (0.25, 300.0), (1e-12, 0.0), (2f64.powi(40), 0.0), (1.0, 0.0)],
        };
        let (n, m) = (1 + draw.below(3), 12 + draw.below(20));
        let moves: Vec<_> = (0..n).map(|_| moves[draw.below(moves.len())]).collect();
        let far = DMatrix::from_fn(n, m, |i, _| T::of(moves[i].0 * draw.below(13) as f64 + moves[i].1));
        // what the numbers of this type hold of them
        let near = far.map_with_location(|i, _, x| (x.f64() - moves[i].1) / moves[i].0);
        let slopes: Vec<f64> = (0..n).map(|_| 0.15 * draw.unit()).collect();
        let score = |x: &[f64]| x.iter().zip(&slopes).map(|(x, slope)| slope * (x - 6.0)).sum::<f64>();
        let scores = near.column_iter().map(|x| score(x.as_slice()) + 0.5 * draw.unit()).collect();
        Self { moves, near, far, scores }
    }

    /// With an offset below.
    fn with_offset(mut self, offset: impl Fn(usize) -> f64) -> Self {
        let n = self.near.nrows();
        self.near = self.near.insert_row(n, 0.0);
        self.far = self.far.insert_row(n, T::zero());
        for j in 0..self.near.ncols() {
            (self.near[(n, j)], self.far[(n, j)]) = (offset(j), T::of(offset(j)));
        }
        self
    }
}

/// How far two numbers are apart, beside the larger or `least`.
fn apart(a: f64, b: f64, least: f64) -> f64 {
    (a - b).abs() / a.abs().max(b.abs()).max(least).max(f64::MIN_POSITIVE)
}

/// What is said of the same samples near and far.
struct Told<'s, T: Real> {
    name: &'s str,
    samples: &'s Samples<T>,
    outputs: usize,
    near: Report<f64>,
    far: Report<T>,
}

impl<T: Real> Told<'_, T> {
    /// What rounding of such numbers for the far parameters may change a score by.
    fn rounding_of(&self, theta: &DVector<T>) -> f64 {
        let (n, k, theta) = (self.samples.moves.len(), self.outputs, theta.map(|x| x.f64()));
        let terms = |o: usize, x: &[T]| {
            let of_features = (0..n).map(|i| (theta[i * k + o] * x[i].f64()).abs()).sum::<f64>();
            of_features + theta.get(n * k + o).map_or(0.0, |bias| bias.abs())
        };
        let all = self.samples.far.column_iter();
        let largest = all.flat_map(|x| (0..k).map(move |o| terms(o, x.as_slice()))).fold(0.0, f64::max);
        T::EPSILON.f64() * largest
    }

    fn rounding(&self) -> f64 {
        self.rounding_of(&self.far.x)
    }

    /// Slopes, of softmax as differences from those of the first of three outputs.
    fn slopes(&self) -> Vec<(f64, f64)> {
        let k = self.outputs;
        let one = |i: usize, o: usize| {
            let at = i * k + o;
            let [near, first] = [at, i * k].map(|at| self.near.x[at]);
            let [far, far_first] = [at, i * k].map(|at| self.far.x[at].f64() * self.samples.moves[i].0);
            if k > 2 { (near - first, far - far_first) } else { (near, far) }
        };
        (0..self.samples.moves.len())
            .flat_map(|i| (0..k).map(move |o| (i, o)))
            .map(|(i, o)| one(i, o))
            .collect()
    }

    fn check_fit(&self) -> bool {
        let (far, rounding) = (&self.far, self.rounding());
        let about = || format!("{} {:?}\n{}\n{}", self.name, self.samples.moves, self.near, self.far);
        if !far.converged() {
            assert!(rounding > 1e-4, "{}", about());
            return false;
        }
        assert!(far.gradient_norm <= far.tolerance.max(far.floor), "{}", about());
        let is_met = far.gradient_norm <= far.tolerance;
        assert!(is_met || far.termination == Termination::Exact, "{}", about());
        let allowed = if T::EPSILON.f64() < 1e-10 { 1e-5 } else { 1e-2 } + 64.0 * rounding;
        for (near, far) in self.slopes() {
            assert!(apart(near, far, 0.1) <= allowed, "{} {near} {far}", about());
        }
        true
    }
}

/// Matrices of what is said near and far, entry by entry.
fn pairs<'s, T: Real>(near: &'s DMatrix<f64>, far: &'s DMatrix<T>) -> impl Iterator<Item = (f64, f64)> + 's {
    assert_eq!(near.shape(), far.shape());
    near.iter().zip(far).map(|(near, far)| (*near, far.f64()))
}

impl<T: Real> Told<'_, T> {
    fn agree(&self, what: &str, pairs: impl Iterator<Item = (f64, f64)>, allowed: f64, least: f64) {
        for (near, far) in pairs {
            let Self { name, samples, far: report, .. } = self;
            let off = apart(near, far, least);
            assert!(
                off <= allowed,
                "{name} {what} {:?}: {near:e} {far:e}, {off:e} of {allowed:e}\n{report}",
                samples.moves
            );
        }
    }

    fn check_inference<M, L>(
        &self, near: &mut EmpiricalRisk<'_, f64, M, L>, far: &mut EmpiricalRisk<'_, T, M, L>,
    ) -> Result<(), Error>
    where
        M: SecondOrderModel<f64> + SecondOrderModel<T>,
        L: SecondOrderLoss<f64> + SecondOrderLoss<T>,
    {
        let allowed = if T::EPSILON.f64() < 1e-10 { 2e-6 } else { 5e-3 } + 64.0 * self.rounding();
        let (x_near, x_far, k) = (&self.near.x, &self.far.x, self.outputs);
        let errors = |near: Statistics<f64>, far: Statistics<T>| {
            let slopes = (0..self.samples.moves.len() * k).map(move |i| {
                let unit = self.samples.moves[i / k].0;
                (near.standard_errors[i], far.standard_errors[i].f64() * unit)
            });
            self.agree("errors", slopes, allowed, 0.0);
        };
        let statistics = far.statistics(x_far)?;
        // what is left of the errors of a slope and a bias
        let of_ends = allowed + 64.0 * self.rounding_of(&statistics.standard_errors);
        errors(near.statistics(x_near)?, statistics);
        let robust = Robust::Hc3;
        errors(near.robust_statistics(x_near, robust)?, far.robust_statistics(x_far, robust)?);

        let (a, b) = (near.influence(x_near)?, far.influence(x_far)?);
        assert_eq!(a.undetermined, b.undetermined, "{} {:?}", self.name, self.samples.moves);
        let is_told = |i: usize| !a.undetermined.contains(&(i / k));
        self.agree("leverage", pairs(&a.leverage, &b.leverage), allowed, 0.01);
        // both are refined to 1e-4 of a shift
        let distances = a.cooks_distance.iter().zip(&b.cooks_distance).map(|(a, b)| (*a, b.f64()));
        let distances = distances.enumerate().filter(|(j, _)| is_told(j * k)).map(|(_, both)| both);
        self.agree("distance", distances, allowed + 1e-3, 0.1);
        let predictions = pairs(&a.predictions, &b.predictions).enumerate();
        let predictions = predictions.filter(|(i, _)| is_told(*i)).map(|(_, both)| both);
        self.agree("prediction", predictions, allowed + 1e-3, 0.01);

        let a = near.posterior(x_near)?.predict(&self.samples.near, 0.9)?;
        let b = far.posterior(x_far)?.predict(&self.samples.far, 0.9)?;
        self.agree("lower end", pairs(&a.lower, &b.lower), of_ends, 0.01);
        self.agree("upper end", pairs(&a.upper, &b.upper), of_ends, 0.01);
        Ok(())
    }
}

/// A row of numbers.
fn row<T: Real>(numbers: &[f64]) -> DMatrix<T> {
    DMatrix::from_row_slice(1, numbers.len(), numbers).map(T::of)
}

/// Targets of each kind, which both types hold.
struct Responses {
    counts: Vec<f64>,
    rates: Vec<f64>,
    shares: Vec<f64>,
    values: Vec<f64>,
    labels: Vec<usize>,
    classes: Vec<usize>,
}

impl Responses {
    fn new(draw: &mut Draw, scores: &[f64]) -> Self {
        let mut of = |f: &dyn Fn(f64, f64) -> f64| scores.iter().map(|z| f(*z, draw.unit())).collect();
        Self {
            counts: of(&|z, noise| ((z + 1.0).exp() * (1.0 + 0.6 * noise)).round()),
            rates: of(&|z, noise| ((z + 0.3 * noise).exp() * 64.0).ceil() / 64.0),
            shares: of(&|z, noise| (((z + noise).tanh() + 1.0) * 4.0).round() / 8.0),
            values: of(&|z, noise| ((z + noise.powi(3)) * 64.0).round() / 64.0),
            labels: scores.iter().map(|z| usize::from(*z > 0.5 * draw.unit())).collect(),
            classes: scores.iter().map(|_| draw.below(3)).collect(),
        }
    }
}

fn of_type<T: Real>(rounds: usize) {
    let mut draw = Draw::new(11);
    let mut counted = 0;
    for round in 0..rounds {
        let samples = Samples::<T>::new(&mut draw);
        let y = Responses::new(&mut draw, &samples.scores);
        let offsets: Vec<f64> = samples.scores.iter().map(|_| (draw.below(9) as f64 - 4.0) / 4.0).collect();
        let n = samples.moves.len();
        macro_rules! law {
            ($name:expr, $samples:expr, $model:expr, $loss:expr, $near:expr, $far:expr) => {{
                let (y_near, y_far) = ($near, $far);
                let mut near = EmpiricalRisk::new($model, $loss, &$samples.near, &y_near).unwrap();
                let mut far = EmpiricalRisk::new($model, $loss, &$samples.far, &y_far).unwrap();
                if let (Ok(a), Ok(b)) = (near.fit(), far.fit()) {
                    let outputs = near.model().outputs();
                    let (name, samples) = ($name, &$samples);
                    let told = Told { name, samples, outputs, near: a.report, far: b.report };
                    let statistics = near.statistics(&told.near.x);
                    if told.near.converged() && statistics.is_ok() {
                        counted += 1;
                        if told.check_fit() {
                            told.check_inference(&mut near, &mut far).unwrap();
                        }
                    }
                }
            }};
            ($name:expr, $samples:expr, $model:expr, $loss:expr, $y:expr) => {
                law!($name, $samples, $model, $loss, row::<f64>(&$y), row::<T>(&$y))
            };
        }
        law!("poisson", samples, Perceptron::new(n), Poisson, y.counts);
        law!("gamma", samples, Perceptron::new(n), Gamma, y.rates);
        law!("negative binomial", samples, Perceptron::new(n), NegativeBinomial::new(0.5), y.counts);
        law!("binomial", samples, Perceptron::new(n), Binomial, y.shares);
        law!("huber", samples, Perceptron::new(n), Huber::new(0.3), y.values);
        law!("least squares", samples, Perceptron::new(n), SquaredError, y.values);
        let both = DMatrix::from_fn(2, y.values.len(), |o, j| if o == 0 { y.values[j] } else { y.counts[j] });
        let pair = Perceptron::new(n).with_outputs(2);
        law!("two outputs", samples, pair, SquaredError, both.clone(), both.map(T::of));
        law!("logistic", samples, SigmoidClassifier::new(n), LogLoss, y.labels.clone(), y.labels.clone());
        let mut risk =
            EmpiricalRisk::new(SigmoidClassifier::new(n), LogLoss, &samples.far, &y.labels).unwrap();
        if let Some(firth) = risk.fit_firth().ok().filter(|fitted| fitted.report.converged()) {
            let report = firth.report;
            let (tolerance, floor) = (report.tolerance, report.floor);
            assert!(
                report.gradient_norm <= tolerance.max(floor),
                "{tolerance} {floor} {:?} {report}",
                samples.moves
            );
        }
        let softmax = Perceptron::new(n).with_outputs(3);
        law!("softmax", samples, softmax, CrossEntropy, y.classes.clone(), y.classes.clone());
        let samples = samples.with_offset(|j| if round % 2 == 0 { offsets[j] } else { 0.0 });
        let model = || Offset::new(Perceptron::new(n));
        law!("poisson, offset", samples, model(), Poisson, y.counts);
        law!("gamma, offset", samples, model(), Gamma, y.rates);
        law!("negative binomial, offset", samples, model(), NegativeBinomial::new(0.5), y.counts);
        law!("binomial, offset", samples, model(), Binomial, y.shares);
    }
    assert!(counted > 10 * rounds, "{counted}");
}

#[test]
fn moved_features_say_the_same() {
    of_type::<f64>(50);
}

#[test]
fn moved_features_say_the_same_in_single_precision() {
    of_type::<f32>(50);
}

//! Users write models, losses, optimizers and objectives of their own, generic over the scalar, from what is
//! public.

use gradus::check;
use gradus::loss::{ElementWise, Jet};
use gradus::optimizer::{Optimizer, Step};
use gradus::{
    Architecture, CrossEntropy, EmpiricalRisk, Error, GradientDescent, Hessian, Lbfgs, LogLoss, Loss, Model,
    Newton, Objective, Perceptron, Real, Recession, Report, SecondOrderLoss, SecondOrderModel, SquaredError,
    Stop, TrustRegion, minimize,
};
use nalgebra::{DMatrix, DMatrixView, DMatrixViewMut, DVector};

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;
use draw::Draw;

/// `z = a (1 − e^{−b x})`.
struct Growth;

#[derive(Debug, Clone)]
struct GrowthCache<T> {
    z: Vec<T>,
    r_z: Vec<T>,
}

impl Architecture for Growth {
    fn inputs(&self) -> usize {
        1
    }
    fn outputs(&self) -> usize {
        1
    }
    fn parameter_count(&self) -> usize {
        2
    }
}

impl<T: Real> Model<T> for Growth {
    type Cache = GrowthCache<T>;

    fn cache(&self, max_batch: usize) -> Self::Cache {
        GrowthCache { z: vec![T::zero(); max_batch], r_z: vec![T::zero(); max_batch] }
    }
    fn forward<'c>(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        for (z, x) in cache.z.iter_mut().zip(x.iter()) {
            *z = theta[0] * (T::one() - (-theta[1] * *x).exp());
        }
        DMatrixView::from_slice(&cache.z, 1, x.ncols())
    }
    fn backward(
        &self, theta: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        _cache: &mut Self::Cache, gradient: &mut DVector<T>,
    ) {
        for (x, delta) in x.iter().zip(delta.iter()) {
            let e = (-theta[1] * *x).exp();
            gradient[0] += *delta * (T::one() - e);
            gradient[1] += *delta * theta[0] * *x * e;
        }
    }
}

impl<T: Real> SecondOrderModel<T> for Growth {
    fn tangent<'c>(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, cache: &'c mut Self::Cache,
    ) -> DMatrixView<'c, T> {
        for (r_z, x) in cache.r_z.iter_mut().zip(x.iter()) {
            let e = (-theta[1] * *x).exp();
            *r_z = v[0] * (T::one() - e) + v[1] * theta[0] * *x * e;
        }
        DMatrixView::from_slice(&cache.r_z, 1, x.ncols())
    }
    fn backward_tangent(
        &self, theta: &DVector<T>, v: &DVector<T>, x: DMatrixView<'_, T>, delta: DMatrixView<'_, T>,
        r_delta: DMatrixView<'_, T>, _cache: &mut Self::Cache, out: &mut DVector<T>,
    ) {
        for ((x, delta), r_delta) in x.iter().zip(delta.iter()).zip(r_delta.iter()) {
            let e = (-theta[1] * *x).exp();
            let r_e = -v[1] * *x * e;
            out[0] += *r_delta * (T::one() - e) - *delta * r_e;
            out[1] += *r_delta * theta[0] * *x * e + *delta * *x * (v[0] * e + theta[0] * r_e);
        }
    }
}

/// `ℓ = ln cosh(z − y)`, element by element.
#[derive(Debug, Clone, Copy)]
struct LogCosh;

impl ElementWise for LogCosh {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (r, tanh) = ((z - y).abs(), (z - y).tanh());
        let value = r + (T::of(-2.0) * r).exp().ln_1p() - T::of(std::f64::consts::LN_2);
        Jet { value, first: tanh, second: T::one() - tanh * tanh }
    }
}

/// `ℓ = √(1 + ‖z − y‖²) − 1`: not a sum over outputs, so written as a whole.
struct PseudoHuber;

impl PseudoHuber {
    fn root<T: Real>(z: &[T], y: &[T]) -> T {
        z.iter().zip(y).fold(T::one(), |s, (z, y)| s + (*z - *y) * (*z - *y)).sqrt()
    }
}

impl<T: Real> Loss<T> for PseudoHuber {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        let columns = z.column_iter().zip(y.column_iter()).zip(weights);
        columns.fold(T::zero(), |s, ((z, y), w)| s + *w * (Self::root(z.as_slice(), y.as_slice()) - T::one()))
    }
    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], mut delta: DMatrixViewMut<'_, T>,
    ) -> T {
        for (j, w) in weights.iter().enumerate() {
            let root = Self::root(z.column(j).as_slice(), y.column(j).as_slice());
            delta.column_mut(j).copy_from(&((z.column(j) - y.column(j)) * (*w / root)));
        }
        self.value(z, y, weights)
    }
    fn is_convex(&self) -> bool {
        true
    }
}

impl<T: Real> SecondOrderLoss<T> for PseudoHuber {
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        mut out: DMatrixViewMut<'_, T>,
    ) {
        for (j, w) in weights.iter().enumerate() {
            let (d, r) = (z.column(j) - y.column(j), r.column(j));
            let root = Self::root(z.column(j).as_slice(), y.column(j).as_slice());
            let along = d.dot(&r) / (root * root);
            out.column_mut(j).copy_from(&((r - d * along) * (*w / root)));
        }
    }
}

/// Gradient descent that halves its rate until the value falls.
struct Halving<T: Real> {
    rate: T,
    gradient: DVector<T>,
}

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Halving<T> {
    fn start(&mut self, _objective: &O, _tolerance: Option<T>) -> Result<(), Error> {
        if self.rate > T::zero() {
            return Ok(());
        }
        Err(Error::Setting { name: "rate", expected: "positive", found: self.rate.f64() })
    }
    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        self.gradient.resize_vertically_mut(x.len(), T::zero());
        let value = objective.value_gradient(x, &mut self.gradient);
        let mut rate = self.rate;
        for _ in 0..60 {
            let next = &*x - &self.gradient * rate;
            if objective.value(&next) < value {
                *x = next;
                break;
            }
            rate *= T::of(0.5);
        }
        Ok(Step::new(value, self.gradient.amax()))
    }
}

/// `½ (x − 1)ᵀ A (x − 1)`, as an objective written out.
struct Bowl<T: Real>(DMatrix<T>);

impl<T: Real> Objective<T> for Bowl<T> {
    fn dim(&self) -> usize {
        self.0.nrows()
    }
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let r = x.add_scalar(-T::one());
        gradient.gemv(T::one(), &self.0, &r, T::zero());
        T::of(0.5) * r.dot(gradient)
    }
}

impl<T: Real> Hessian<T> for Bowl<T> {
    fn hessian(&mut self, _x: &DVector<T>, hessian: &mut DMatrix<T>) {
        hessian.copy_from(&self.0);
    }
}

fn growth_data<T: Real>() -> (DMatrix<T>, DMatrix<T>) {
    let x = DMatrix::from_fn(1, 20, |_, j| T::of(0.25 * (j + 1) as f64));
    let y = x.map(|x| T::of(3.0 * (1.0 - (-0.8 * x.f64()).exp())));
    (x, y)
}

fn start<T: Real>() -> DVector<T> {
    DVector::from_vec(vec![T::of(2.5), T::one()])
}

fn lands_on_3_and_08<T: Real>(report: &Report<T>, tolerance: f64) {
    assert!(report.converged(), "{report}");
    let (a, b) = (report.x[0].f64(), report.x[1].f64());
    assert!((a - 3.0).abs() < tolerance && (b - 0.8).abs() < tolerance, "{a} {b}");
}

fn everything<T: Real>(tolerance: f64) {
    // the derivatives are right, and said to be
    let (x, y) = growth_data::<T>();
    assert!(check::model(&Growth, &start(), &x).unwrap().passed());
    assert!(check::second_order_model(&Growth, &start(), &x).unwrap().passed());
    let (z, t) = (x.clone().resize_vertically(2, T::of(0.5)), y.clone().resize_vertically(2, T::of(-1.0)));
    let w = vec![T::of(0.05); 20];
    for report in [
        check::loss(&LogCosh, &z, &t, &w),
        check::second_order_loss(&LogCosh, &z, &t, &w),
        check::loss(&PseudoHuber, &z, &t, &w),
        check::second_order_loss(&PseudoHuber, &z, &t, &w),
    ] {
        let report = report.unwrap();
        assert_ne!(report.verdict(), gradus::check::Verdict::Failed, "{report}");
    }

    // and they train: first order and second, own loss and optimizer
    let stop = Stop::default().iterations(20_000);
    let mut risk = EmpiricalRisk::new(Growth, SquaredError, &x, &y).unwrap();
    let descent = minimize(&mut GradientDescent::new(T::of(0.5)), &mut risk, start(), &stop).unwrap();
    lands_on_3_and_08(&descent, tolerance);
    let mut halving = Halving { rate: T::one(), gradient: DVector::zeros(0) };
    lands_on_3_and_08(&minimize(&mut halving, &mut risk, start(), &stop).unwrap(), tolerance);
    lands_on_3_and_08(&minimize(&mut Newton::new(), &mut risk, start(), &stop).unwrap(), tolerance);
    let mut robust = EmpiricalRisk::new(Growth, LogCosh, &x, &y).unwrap();
    lands_on_3_and_08(&minimize(&mut Newton::new(), &mut robust, start(), &stop).unwrap(), tolerance);
    let mut whole = EmpiricalRisk::new(Growth, PseudoHuber, &x, &y).unwrap();
    lands_on_3_and_08(&minimize(&mut Newton::new(), &mut whole, start(), &stop).unwrap(), tolerance);
    for report in [
        check::gradient(&mut whole, &start()),
        check::hessian(&mut whole, &start()),
        check::hessian_product(&mut whole, &start()),
    ] {
        assert!(report.unwrap().passed());
    }

    let mut bowl = Bowl(DMatrix::from_row_slice(2, 2, &[T::of(4.0), T::one(), T::one(), T::of(3.0)]));
    let report = minimize(&mut Newton::new(), &mut bowl, DVector::zeros(2), &Stop::default()).unwrap();
    assert!(report.converged() && (report.x.add_scalar(-T::one())).amax() < T::of(tolerance));
    assert!(check::hessian(&mut bowl, &DVector::zeros(2)).unwrap().passed());
}

#[test]
fn own_code_in_double_precision() {
    everything::<f64>(1e-6);
}

#[test]
fn own_code_in_single_precision() {
    everything::<f32>(2e-2);
}

#[test]
fn own_settings_are_checked_where_a_run_starts() {
    let mut halving = Halving { rate: -1.0, gradient: DVector::zeros(0) };
    let error =
        minimize(&mut halving, &mut Bowl(DMatrix::identity(2, 2)), DVector::zeros(2), &Stop::default());
    assert!(matches!(error, Err(Error::Setting { name: "rate", .. })));
}

/// What a method needs of an objective may stand behind a pointer.
#[test]
fn objects_of_traits_work_too() {
    let mut bowl: Box<dyn Hessian<f64>> = Box::new(Bowl(DMatrix::identity(3, 3)));
    let report = minimize(&mut Newton::new(), bowl.as_mut(), DVector::zeros(3), &Stop::default()).unwrap();
    assert!(report.converged());
}

/// Convex losses that say nothing of their margins.
#[derive(Debug, Clone, Copy)]
enum Silent {
    Poisson,
    /// With `ŷ` as it is written on paper.
    Logistic,
    SquaredHinge,
    LogCosh,
}

impl ElementWise for Silent {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let one = T::one();
        match self {
            Self::Poisson => Jet { value: z.exp() - y * z, first: z.exp() - y, second: z.exp() },
            Self::Logistic => {
                let (e, sign) = ((-z).exp(), if y > T::zero() { one } else { -one });
                let p = one / (one + e);
                Jet { value: (one + (-sign * z).exp()).ln(), first: p - y, second: p * (one - p) }
            }
            Self::SquaredHinge => {
                let sign = if y > T::zero() { one } else { -one };
                let short = (one - sign * z).max(T::zero());
                let second = if short > T::zero() { one } else { T::zero() };
                Jet { value: T::of(0.5) * short * short, first: -sign * short, second }
            }
            Self::LogCosh => {
                let tanh = (z - y).tanh();
                Jet {
                    value: (z - y).abs() + (-(z - y).abs() * T::of(2.0)).exp().ln_1p(),
                    first: tanh,
                    second: one - tanh * tanh,
                }
            }
        }
    }
}

/// The same, written as a whole.
struct Whole(Silent);

impl<T: Real> Loss<T> for Whole {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        self.0.value(z, y, weights)
    }
    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], delta: DMatrixViewMut<'_, T>,
    ) -> T {
        self.0.value_gradient(z, y, weights, delta)
    }
    fn is_convex(&self) -> bool {
        true
    }
}

impl<T: Real> SecondOrderLoss<T> for Whole {
    fn curvature_product(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], r: DMatrixView<'_, T>,
        out: DMatrixViewMut<'_, T>,
    ) {
        self.0.curvature_product(z, y, weights, r, out);
    }
}

#[test]
fn what_falls_for_ever_is_told_of_losses_that_do_not_say_so() {
    fn run<T: Real, L: SecondOrderLoss<T>>(loss: L, y: &[f64], has_minimum: bool, name: &str) {
        let x = DMatrix::from_row_slice(1, 4, &[0.0, 0.0, 1.0, 1.0]).map(T::of);
        let y = DMatrix::from_row_slice(1, 4, y).map(T::of);
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), loss, &x, &y).unwrap();
        for method in 0..3 {
            let (start, stop) = (DVector::from_element(2, T::of(0.1)), Stop::default());
            let report = match method {
                0 => minimize(&mut Newton::new(), &mut risk, start, &stop),
                1 => minimize(&mut TrustRegion::new(), &mut risk, start, &stop),
                _ => minimize(&mut Lbfgs::new(), &mut risk, start, &stop),
            };
            let report = report.unwrap();
            assert_eq!(report.converged(), has_minimum, "{name} {y} {method}: {report}");
        }
    }
    fn both<T: Real>(loss: Silent, y: &[f64], has_minimum: bool) {
        run::<T, _>(loss, y, has_minimum, &format!("{loss:?}"));
        run::<T, _>(Whole(loss), y, has_minimum, &format!("{loss:?} as a whole"));
    }
    fn of_type<T: Real>() {
        both::<T>(Silent::Poisson, &[3.0, 2.0, 0.0, 0.0], false);
        both::<T>(Silent::Poisson, &[3.0, 2.0, 0.0, 1.0], true);
        both::<T>(Silent::Logistic, &[0.0, 0.0, 1.0, 1.0], false);
        both::<T>(Silent::Logistic, &[0.0, 1.0, 1.0, 1.0], false);
        both::<T>(Silent::Logistic, &[0.0, 1.0, 0.0, 1.0], true);
        both::<T>(Silent::LogCosh, &[0.0, 1.0, 5.0, 1.0], true);
        // however large the target
        for y in [0.0, 1e6, -1e30, T::MAX.f64()].map(T::of) {
            for side in [1.0, -1.0].map(T::of) {
                assert!(ElementWise::margin(&Silent::LogCosh, y, side) < T::zero(), "{y} {side}");
            }
        }
        // it ends at its margin: there is a minimum, of value 0
        both::<T>(Silent::SquaredHinge, &[0.0, 0.0, 1.0, 1.0], true);
        both::<T>(Silent::SquaredHinge, &[0.0, 1.0, 0.0, 1.0], true);
    }
    of_type::<f64>();
    of_type::<f32>();
}

/// Losses of all scores at once that say nothing of their margins; `y` is one where the class is.
#[derive(Debug, Clone, Copy)]
enum Coupled {
    Softmax,
    /// With `eᶻ` as it is written on paper.
    SoftmaxOnPaper,
    /// `Σ_i ln(1 + e^(−s_i z_i))`.
    LogisticEach,
    /// `½ Σ_i max(0, 1 + z_i − z_y)²`: ends at its margin.
    Hinge,
    /// `ln Σ_i cosh(z_i − y_i)`.
    LogSumCosh,
}

impl Coupled {
    fn has_minimum(self) -> bool {
        matches!(self, Self::Hinge | Self::LogSumCosh)
    }

    fn of<T: Real>(self, z: &[T], y: &[T], g: &mut [T]) -> T {
        let (one, zero) = (T::one(), T::zero());
        match self {
            Self::Softmax | Self::SoftmaxOnPaper => {
                let is_safe = matches!(self, Self::Softmax);
                let most = if is_safe { z.iter().fold(z[0], |m, z| m.max(*z)) } else { zero };
                let sum = z.iter().fold(zero, |sum, z| sum + (*z - most).exp());
                let value = z
                    .iter()
                    .zip(y)
                    .fold(sum.ln(), |value, (z, y)| value - if *y > zero { *z - most } else { zero });
                g.iter_mut().zip(z).zip(y).for_each(|((g, z), y)| *g = (*z - most).exp() / sum - *y);
                value
            }
            Self::LogisticEach => z.iter().zip(y).zip(g).fold(zero, |value, ((z, y), g)| {
                let s = if *y > zero { one } else { -one };
                *g = -s / (one + (s * *z).exp());
                value + (-s * *z).exp().ln_1p()
            }),
            Self::Hinge => {
                let class = y.iter().position(|y| *y > zero).unwrap();
                g.fill(zero);
                let mut value = zero;
                for i in (0..z.len()).filter(|i| *i != class) {
                    let over = (one + z[i] - z[class]).max(zero);
                    value += T::of(0.5) * over * over;
                    g[i] += over;
                    g[class] -= over;
                }
                value
            }
            Self::LogSumCosh => {
                let r: Vec<T> = z.iter().zip(y).map(|(z, y)| *z - *y).collect();
                let most = r.iter().fold(zero, |most, r| most.max(r.abs()));
                let (up, down) = (|r: T| (r - most).exp(), |r: T| (-r - most).exp());
                let sum = r.iter().fold(zero, |sum, r| sum + up(*r) + down(*r));
                g.iter_mut().zip(&r).for_each(|(g, r)| *g = (up(*r) - down(*r)) / sum);
                most + sum.ln()
            }
        }
    }
}

impl<T: Real> Loss<T> for Coupled {
    fn value(&self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T]) -> T {
        self.value_gradient(z, y, weights, DMatrix::zeros(z.nrows(), z.ncols()).as_view_mut())
    }
    fn value_gradient(
        &self, z: DMatrixView<'_, T>, y: DMatrixView<'_, T>, weights: &[T], mut delta: DMatrixViewMut<'_, T>,
    ) -> T {
        let mut value = T::zero();
        for (j, w) in weights.iter().enumerate() {
            let (z, y) = (z.column(j).clone_owned(), y.column(j).clone_owned());
            let mut g = vec![T::zero(); z.len()];
            value += *w * self.of(z.as_slice(), y.as_slice(), &mut g);
            delta.column_mut(j).iter_mut().zip(g).for_each(|(delta, g)| *delta = *w * g);
        }
        value
    }
    fn is_convex(&self) -> bool {
        true
    }
}

/// Tables of three classes, beside the losses of the crate that say their margins.
#[test]
fn coupled_losses_that_do_not_say_so_fall_for_ever_where_others_do() {
    fn law<T: Real>(draw: &mut Draw) -> [usize; 3] {
        let mut counts = [0; 3];
        for _ in 0..150 {
            let m = 3 + draw.below(7);
            let x = DMatrix::from_fn(2, m, |_, _| T::of(draw.below(5) as f64 - 2.0));
            let labels: Vec<usize> = (0..m).map(|_| draw.below(3)).collect();
            let y = DMatrix::from_fn(3, m, |i, j| if labels[j] == i { T::one() } else { T::zero() });
            let model = || Perceptron::new(2).with_outputs(3);
            let start = DVector::zeros(9);
            let softmax = EmpiricalRisk::new(model(), CrossEntropy, &x, &y).unwrap().recedes(&start);
            let logistic = EmpiricalRisk::new(model(), LogLoss, &x, &y).unwrap().recedes(&start);
            for loss in [
                Coupled::Softmax,
                Coupled::SoftmaxOnPaper,
                Coupled::LogisticEach,
                Coupled::Hinge,
                Coupled::LogSumCosh,
            ] {
                let told = EmpiricalRisk::new(model(), loss, &x, &y).unwrap().recedes(&start);
                let expected = match loss {
                    _ if loss.has_minimum() => &Recession::No,
                    Coupled::LogisticEach => &logistic,
                    _ => &softmax,
                };
                let same = std::mem::discriminant(&told) == std::mem::discriminant(expected)
                    || loss.has_minimum() && told == Recession::NotSought;
                // the formula ends where eᶻ does: rows are not exact
                if matches!(loss, Coupled::SoftmaxOnPaper) && told == Recession::Undecided {
                    counts[2] += 1;
                    continue;
                }
                assert!(same, "{loss:?} {told:?} {expected:?} {x} {y}");
                counts[usize::from(matches!(told, Recession::Along(_)))] += 1;
            }
        }
        counts
    }
    let mut draw = Draw::new(70);
    for counts in [law::<f64>(&mut draw), law::<f32>(&mut draw)] {
        println!("{counts:?}");
        assert!(counts[0] > 100 && counts[1] > 100 && counts[2] < 15, "{counts:?}");
    }
}

/// Losses of a label ±1 that fall for ever towards it, faster than the logistic one.
#[derive(Debug, Clone, Copy)]
enum Steep {
    /// `e^(−2 y z)`
    Exponential,
    /// `ln²(1 + e^(−y z))`
    SquaredLogistic,
    /// `−ln(1 − e^(−e^z))` of a yes, `e^z` of a no.
    LogLog,
}

impl ElementWise for Steep {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        let (one, two) = (T::one(), T::of(2.0));
        match self {
            Self::Exponential => {
                let value = (-two * y * z).exp();
                Jet { value, first: -two * y * value, second: two * two * value }
            }
            Self::SquaredLogistic => {
                let s = y * z;
                let l = if s < T::zero() { (s.exp()).ln_1p() - s } else { (-s).exp().ln_1p() };
                let p = if s < T::zero() { one / (one + s.exp()) } else { (-s).exp() / (one + (-s).exp()) };
                Jet { value: l * l, first: -two * y * l * p, second: two * p * (p + l * (one - p)) }
            }
            Self::LogLog => {
                let u = z.exp();
                if y < T::zero() {
                    return Jet { value: u, first: u, second: u };
                }
                let d = u.exp_m1();
                if d > T::of(1e30) {
                    return Jet { value: T::zero(), first: T::zero(), second: T::zero() };
                }
                let second = u * (u * (d + one) - d) / (d * d);
                Jet { value: -(-(-u).exp_m1()).ln(), first: -u / d, second }
            }
        }
    }
}

/// All tables of one feature with three samples in −1, 0, 1: along an edge of the cone `s_j (w x_j + b) ≥ 0` the loss falls
/// for ever, or nowhere.
#[test]
fn steeper_losses_than_the_logistic_fall_for_ever_along_the_same_directions() {
    fn law<T: Real>() {
        let mut receding = 0;
        for case in 0..27 * 8 {
            let digit = |j: u32| f64::from((case / 3_i32.pow(j)) % 3 - 1);
            let sign = |j: u32| if (case / 27) >> j & 1 == 0 { 1.0 } else { -1.0 };
            let (x, s): (Vec<f64>, Vec<f64>) = (0..3).map(|j| (digit(j), sign(j))).unzip();
            let margins =
                |w: f64, b: f64| x.iter().zip(&s).map(move |(x, s)| s * (w * x + b)).collect::<Vec<_>>();
            let edges = x.iter().flat_map(|x| [(1.0, -x), (-1.0, *x)]).chain([(0.0, 1.0), (0.0, -1.0)]);
            let falls = |m: Vec<f64>| m.iter().all(|m| *m >= 0.0) && m.iter().any(|m| *m > 0.0);
            let expected = edges.into_iter().any(|(w, b)| falls(margins(w, b)));
            receding += usize::from(expected);
            let (x, y) =
                (DMatrix::from_row_slice(1, 3, &x).map(T::of), DMatrix::from_row_slice(1, 3, &s).map(T::of));
            for loss in [Steep::Exponential, Steep::SquaredLogistic, Steep::LogLog] {
                let mut risk = EmpiricalRisk::new(Perceptron::new(1), loss, &x, &y).unwrap();
                let told = risk.recedes(&DVector::zeros(2));
                assert_eq!(matches!(told, Recession::Along(_)), expected, "{loss:?} {x} {y} {told:?}");
                for method in 0..3 {
                    let (start, stop) = (DVector::zeros(2), Stop::default());
                    let report = match method {
                        0 => minimize(&mut Newton::new(), &mut risk, start, &stop),
                        1 => minimize(&mut TrustRegion::new(), &mut risk, start, &stop),
                        _ => minimize(&mut Lbfgs::new(), &mut risk, start, &stop),
                    };
                    let report = report.unwrap();
                    assert!(!(expected && report.converged()), "{loss:?} {method} {x} {y} {report}");
                }
            }
        }
        assert!(receding > 50 && receding < 200, "{receding}");
    }
    law::<f64>();
    law::<f32>();
}

/// Slices of other lengths are no panic.
#[test]
fn margins_of_wrong_lengths_are_none() {
    for (y, r, rows) in [(1, 2, 2), (2, 1, 1), (2, 2, 1), (0, 1, 1), (3, 3, 2)] {
        let (y, r, mut row) = (vec![1.0; y], vec![1.0; r], vec![0.0; rows]);
        assert!(Loss::<f64>::margin(&Coupled::Softmax, &y, &r, &mut row).is_nan());
        assert!(Loss::<f64>::margin(&CrossEntropy, &y, &r, &mut row).is_nan());
    }
}

/// Rounding along which a score would grow does not hide that another grows.
#[test]
fn rounding_of_a_score_decides_nothing() {
    let mut row = [0.0; 2];
    let poisson = Whole(Silent::Poisson);
    for tiny in [2e-17, -2e-17, 1e-12, 1e-300] {
        assert!(Loss::margin(&poisson, &[1.0, 2.0], &[-1.0, tiny], &mut row) < -0.1, "{tiny} {row:?}");
    }
    let (x, y) = ([0.0, 1.0, 1.0], DMatrix::from_row_slice(2, 3, &[1.0, 1.0, 0.0, 2.0, 1.0, 0.0]));
    let mut risk = EmpiricalRisk::new(Perceptron::new(1).with_outputs(2), poisson, &x, &y).unwrap();
    let report = minimize(&mut Lbfgs::new(), &mut risk, DVector::zeros(4), &Stop::default()).unwrap();
    assert!(report.converged(), "{report}");
}

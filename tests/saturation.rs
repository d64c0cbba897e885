//! Derivatives keep their digits where activations saturate and classes are certain, against formulas that do not
//! cancel: `tanh' z = 1/cosh² z`, `σ' z = 1/(2 cosh(z/2))²`.

use gradus::loss::{Binomial, ElementWise, Gamma, NegativeBinomial, Poisson};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, HessianProduct, LogLoss, Loss, Network, Objective, Real,
    SecondOrderLoss, SquaredError,
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

#[path = "support/double_double.rs"]
mod double_double;
#[path = "support/draw.rs"]
mod draw;

use double_double::{Double, Exact};
use draw::Draw;

#[track_caller]
fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{found:e} for {expected:e}");
}

fn sech_square(z: f64) -> f64 {
    1.0 / z.cosh().powi(2)
}

fn logistic(z: f64) -> f64 {
    if z > 0.0 { 1.0 / (1.0 + (-z).exp()) } else { z.exp() / (1.0 + z.exp()) }
}

/// `φ'(z)` and `φ''(z)`.
fn derivatives(activation: Activation, z: f64) -> (f64, f64) {
    let (s, slope) = (logistic(z), 0.25 / (z / 2.0).cosh().powi(2));
    match activation {
        Activation::Sigmoid => (slope, -slope * (z / 2.0).tanh()),
        Activation::Tanh => (sech_square(z), -2.0 * z.tanh() * sech_square(z)),
        Activation::Softplus => (s, slope),
        Activation::Silu => (s + z * slope, slope * (2.0 - z * (z / 2.0).tanh())),
        Activation::Elu { .. } if z > 0.0 => (1.0, 0.0),
        Activation::Elu { alpha } => (alpha * z.exp(), alpha * z.exp()),
        other => panic!("no formula for {other:?}"),
    }
}

#[test]
fn jets_over_the_whole_range() {
    for activation in [
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Softplus,
        Activation::Silu,
        Activation::ELU,
        Activation::Elu { alpha: 0.5 },
    ] {
        let reach = if activation == Activation::Tanh { 350.0 } else { 700.0 };
        for k in -700..=700 {
            let z = reach * f64::from(k) / 700.0;
            if k == 0 || (z.abs() < 3.0 && activation == Activation::Silu) {
                continue; // a kink; zeros of φ' and φ''
            }
            let (_, d1, d2) = activation.jet(z);
            let (e1, e2) = derivatives(activation, z);
            assert!((d1 - e1).abs() <= 1e-14 * e1.abs(), "φ' of {activation:?} at {z}: {d1:e} for {e1:e}");
            assert!((d2 - e2).abs() <= 1e-14 * e2.abs(), "φ'' of {activation:?} at {z}: {d2:e} for {e2:e}");
        }
        for k in -80..=80 {
            let z = k as f32 / 2.0;
            if k == 0 || (z.abs() < 3.0 && activation == Activation::Silu) {
                continue;
            }
            let (_, d1, d2) = activation.jet(z);
            let (e1, e2) = derivatives(activation, f64::from(z));
            assert!((f64::from(d1) - e1).abs() <= 2e-6 * e1.abs(), "φ' of {activation:?} at {z}: {d1:e}");
            assert!((f64::from(d2) - e2).abs() <= 2e-6 * e2.abs(), "φ'' of {activation:?} at {z}: {d2:e}");
        }
    }
}

/// `φ'(z) = Φ(z) + z Φ'(z)` in the lower tail, where `Φ(−t) = Φ'(t) / (t + 1/(t + 2/(t + …)))`.
#[test]
fn gelu_in_its_tail() {
    for t in [3.0, 7.3, 12.1, 20.7, 30.1, 37.0_f64] {
        let density = (-0.5 * t * t).exp() / (2.0 * std::f64::consts::PI).sqrt();
        let fraction = (1..200).rev().fold(t, |f, k| t + f64::from(k) / f);
        let (a, d1, d2) = Activation::Gelu.jet(-t);
        // the exponent is rounded above
        let tolerance = 1e-14 + 1.2e-16 * t * t;
        close(a, -t * density / fraction, tolerance);
        close(d1, density / fraction - t * density, tolerance);
        close(d2, density * (2.0 - t * t), tolerance);
    }
}

fn limits<T: Real>() {
    let (infinity, zero, one) = (T::one() / T::zero(), T::zero(), T::one());
    for activation in [Activation::Silu, Activation::Gelu] {
        assert_eq!(activation.jet(-infinity), (zero, zero, zero), "{activation:?}");
        assert_eq!(activation.jet(infinity), (infinity, one, zero), "{activation:?}");
        assert!(activation.value(T::NAN).f64().is_nan());
    }
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        assert_eq!((activation.jet(-infinity).1, activation.jet(infinity).1), (zero, zero));
    }
    let half = T::of(0.5);
    assert_eq!(Activation::Elu { alpha: 0.5 }.jet(zero), (zero, half, zero));
    assert_eq!(Activation::ELU.jet(zero), (zero, one, one));
}

#[test]
fn limits_and_kinks() {
    limits::<f32>();
    limits::<f64>();
}

fn one_unit<T: Real>(activation: Activation, z: f64, tolerance: f64) {
    let (x, y) = (DMatrix::from_element(1, 1, T::one()), DMatrix::from_element(1, 1, T::of(0.5)));
    let mut risk =
        EmpiricalRisk::new(Network::with_layers(1, &[(1, activation)]), SquaredError, &x, &y).unwrap();
    let theta = DVector::from_vec(vec![T::of(z), T::zero()]);
    let (mut g, mut hv) = (DVector::zeros(2), DVector::zeros(2));
    let (a, (d1, d2)) = (activation.jet(T::of(z)).0.f64(), derivatives(activation, z));
    risk.value_gradient(&theta, &mut g);
    close(g[0].f64(), (a - 0.5) * d1, tolerance);
    risk.hessian_product(&theta, &DVector::from_vec(vec![T::one(), T::zero()]), &mut hv);
    close(hv[0].f64(), d1 * d1 + (a - 0.5) * d2, tolerance);
    let jet = SquaredError.through(activation).jet(T::of(z), T::of(0.5));
    close(jet.first.f64(), (a - 0.5) * d1, tolerance);
    close(jet.second.f64(), d1 * d1 + (a - 0.5) * d2, tolerance);
}

#[test]
fn saturated_units() {
    for z in [8.0, 20.0, -20.0, 30.0] {
        for activation in [Activation::Tanh, Activation::Sigmoid] {
            one_unit::<f64>(activation, z, 1e-13);
            one_unit::<f32>(activation, z, 1e-5);
        }
    }
}

/// `a = tanh(w x)`, `z = v a`, `ℓ = ½ (z − y)²`: `∂ℓ/∂w = (v a − y) v x / cosh² (w x)`.
#[test]
fn a_saturated_hidden_layer() {
    for score in [8.0, 15.0, 20.0, 30.0_f64] {
        let (x, y) = (dmatrix![1.0], dmatrix![0.25]);
        let net = Network::new(&[1, 1, 1], Activation::Tanh);
        let mut risk = EmpiricalRisk::new(net, SquaredError, &x, &y).unwrap();
        let (theta, mut g, mut hv) = (dvector![score, 0.0, 2.0, 0.0], DVector::zeros(4), DVector::zeros(4));
        risk.value_gradient(&theta, &mut g);
        let (a, d1, d2) = (score.tanh(), sech_square(score), -2.0 * score.tanh() * sech_square(score));
        close(g[0], (2.0 * a - 0.25) * 2.0 * d1, 1e-13);
        risk.hessian_product(&theta, &dvector![1.0, 0.0, 0.0, 0.0], &mut hv);
        close(hv[0], 4.0 * d1 * d1 + (2.0 * a - 0.25) * 2.0 * d2, 1e-13);
    }
}

#[test]
fn cross_entropy_of_two_classes_is_the_log_loss() {
    let one = dmatrix![1.0];
    for d in [-700.0, -50.0, -3.0, 0.0, 0.5, 8.0, 30.0, 36.0, 50.0, 300.0, 700.0] {
        let (z, y, z1) = (dmatrix![d; 0.0], dmatrix![1.0; 0.0], dmatrix![d]);
        let (mut delta, mut expected) = (z.clone(), one.clone());
        let value = CrossEntropy.value_gradient(z.as_view(), y.as_view(), &[1.0], delta.as_view_mut());
        let log = LogLoss.value_gradient(z1.as_view(), one.as_view(), &[1.0], expected.as_view_mut());
        close(value, log, 1e-14);
        close(CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]), log, 1e-14);
        close(delta[0], expected[0], 1e-14);
        close(delta[1], -expected[0], 1e-14);
        let (r, mut out) = (dmatrix![1.0; 0.0], z.clone());
        CrossEntropy.curvature_product(z.as_view(), y.as_view(), &[1.0], r.as_view(), out.as_view_mut());
        LogLoss.curvature_product(z1.as_view(), one.as_view(), &[1.0], one.as_view(), expected.as_view_mut());
        close(out[0], expected[0], 1e-14);
        close(out[1], -expected[0], 1e-14);
    }
    let (z, y) = (dmatrix![1e308; -1e308; 0.0], dmatrix![1.0; 0.0; 0.0]);
    let mut delta = z.clone();
    let alone: f64 = CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]);
    let value: f64 = CrossEntropy.value_gradient(z.as_view(), y.as_view(), &[1.0], delta.as_view_mut());
    assert!(alone.abs() <= 0.0 && value.abs() <= 0.0, "{alone} {value}");
    assert!(delta.amax() <= 0.0);
    // two classes share the largest score
    let (z, y) = (dmatrix![5.0; 5.0; -60.0], dmatrix![0.0; 1.0; 0.0]);
    close(CrossEntropy.value(z.as_view(), y.as_view(), &[1.0]), 2.0_f64.ln(), 1e-15);
}

/// Scores anywhere: near zero, where functions bend, in the tails, and far beyond them.
fn scores(draw: &mut Draw, tail: f64) -> f64 {
    match draw.below(5) {
        0 => draw.wide(-60, 4),
        1 => 6.0 * draw.unit(),
        2 => 40.0 * draw.unit(),
        _ => tail * draw.unit(),
    }
}

/// Within 4 units in the last place of the larger of the result and the terms that cancel in it, and half a subnormal.
#[track_caller]
fn within<T: Real>(found: T, exact: Exact, what: impl std::fmt::Debug) -> f64 {
    let Exact { value, size, s } = exact;
    let least = if T::EPSILON.f64() < 1e-10 { -1074 } else { -149 };
    let ulp = 2f64.powf(size.log2().floor()) * T::EPSILON.f64();
    let half = 0.5 * 2f64.powi(least / 2) * 2f64.powi(least - least / 2 + s);
    let error = (value - found.f64() * 2f64.powi(s)).0.abs();
    assert!(error <= 4.0 * ulp + half, "{what:?}: {:e} for {:e} · 2^−{s}", found.f64(), value.0);
    if ulp > half { error / ulp } else { 0.0 }
}

fn jets_keep_their_digits<T: Real>(tail: f64, seed: u64) {
    let mut draw = Draw::new(seed);
    let mut worst = [0.0_f64; 3];
    for _ in 0..2000 {
        let alpha = T::of(draw.unit().abs() * 10.0 + 0.01).f64();
        let z = T::of(scores(&mut draw, tail));
        for activation in [
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Softplus,
            Activation::Silu,
            Activation::Gelu,
            Activation::Elu { alpha },
        ] {
            let (a, d1, d2) = activation.jet(z);
            let exact = double_double::jet(activation, z.f64());
            for (k, found) in [a, d1, d2].into_iter().enumerate() {
                worst[k] = worst[k].max(within(found, exact[k], (activation, z, k)));
            }
        }
    }
    println!("units in the last place, at the worst: {worst:.2?}");
}

/// 36,000 numbers in either precision.
#[test]
fn values_and_derivatives_are_within_four_units_over_the_whole_range() {
    jets_keep_their_digits::<f64>(800.0, 1);
    jets_keep_their_digits::<f32>(120.0, 2);
}

/// What a subnormal number can hold, as 40 digits say.
#[test]
fn silu_among_subnormal_numbers() {
    for (z, slope) in [(-730.0_f64, -6.72598259e-315_f64), (-740.0, -3.09547e-319)] {
        let found = Activation::Silu.jet(z).1;
        assert!((found - slope).abs() <= 5e-324, "{z}: {found:e}, {slope:e}");
    }
}

fn limits_of_losses<T: Real>() {
    let (infinity, zero, one) = (T::one() / T::zero(), T::zero(), T::one());
    let evaluate = |loss: &dyn SecondOrderLoss<T>, z: &[T], y: &[T]| {
        let (z, y) = (DMatrix::from_column_slice(z.len(), 1, z), DMatrix::from_column_slice(y.len(), 1, y));
        let (mut delta, mut bend) = (z.clone(), z.clone());
        let r = DMatrix::repeat(z.len(), 1, one);
        let value = loss.value_gradient(z.as_view(), y.as_view(), &[one], delta.as_view_mut());
        loss.curvature_product(z.as_view(), y.as_view(), &[one], r.as_view(), bend.as_view_mut());
        assert_eq!(loss.value(z.as_view(), y.as_view(), &[one]), value);
        (value, delta.as_slice().to_vec(), bend.as_slice().to_vec())
    };
    for (z, y, value, slope) in [
        (-infinity, zero, zero, zero),
        (infinity, one, zero, zero),
        (infinity, zero, infinity, one),
        (-infinity, one, infinity, -one),
    ] {
        assert_eq!(evaluate(&LogLoss, &[z], &[y]), (value, vec![slope], vec![zero]));
        // of two classes, the other score at 0
        let (value_2, delta, bend) = evaluate(&CrossEntropy, &[z, zero], &[y, one - y]);
        assert_eq!((value_2, &delta, bend), (value, &vec![slope, -slope], vec![zero; 2]));
        let huber = evaluate(&gradus::Huber::new(0.5), &[z], &[y]);
        assert_eq!(huber, (infinity, vec![T::of(0.5) * z.signum()], vec![zero]));
        assert_eq!(evaluate(&SquaredError, &[z], &[y]), (infinity, vec![z], vec![one]));
    }
    // scores that go to infinity together
    let half = T::of(0.5);
    let ln_2 = T::of(std::f64::consts::LN_2);
    for (z, y, value, slope) in [
        ([-infinity, infinity, infinity], [zero, one, zero], ln_2, [zero, -half, half]),
        ([-infinity, zero, zero], [zero, one, zero], ln_2, [zero, -half, half]),
        ([-infinity, zero, -infinity], [one, zero, zero], infinity, [-one, one, zero]),
    ] {
        let (found, delta, _) = evaluate(&CrossEntropy, &z, &y);
        assert_eq!((found, delta), (value, slope.to_vec()));
    }
    // a straight piece does not bend an infinite residual
    for activation in [Activation::Identity, Activation::Relu, Activation::Softplus, Activation::Silu] {
        let jet = SquaredError.through(activation).jet(infinity, one);
        assert_eq!((jet.value, jet.first, jet.second), (infinity, infinity, one), "{activation:?}");
    }
    for loss in [&LogLoss as &dyn Loss<T>, &CrossEntropy] {
        let (z, y) = (DMatrix::repeat(2, 1, T::NAN), DMatrix::from_column_slice(2, 1, &[zero, one]));
        assert!(loss.value(z.as_view(), y.as_view(), &[one]).f64().is_nan());
    }
}

#[test]
fn infinite_scores_have_the_limits_as_value_and_slope() {
    limits_of_losses::<f32>();
    limits_of_losses::<f64>();
}

/// Log loss and cross-entropy of random scores, infinite ones among them, against 30 digits.
fn losses_keep_their_digits<T: Real>(tail: f64, seed: u64) {
    let mut draw = Draw::new(seed);
    for _ in 0..2000 {
        let z = T::of(scores(&mut draw, tail));
        let label = draw.below(2) as f64;
        // ℓ(z, 1) = softplus(−z), ∂ℓ/∂z = −σ(−z); ℓ(z, 0) = softplus(z)
        let towards = if label > 0.5 { -z.f64() } else { z.f64() };
        let [value, first, _] = double_double::jet(Activation::Softplus, towards);
        let sign = if label > 0.5 { -1.0 } else { 1.0 };
        let first = Exact { value: first.value * Double::from(sign), ..first };
        let (scores, y) = (DMatrix::from_element(1, 1, z), DMatrix::from_element(1, 1, T::of(label)));
        let mut delta = scores.clone();
        let found = LogLoss.value_gradient(scores.as_view(), y.as_view(), &[T::one()], delta.as_view_mut());
        within(found, value, (z, label));
        within(delta[0], first, (z, label));
        let scores = DMatrix::from_column_slice(2, 1, &[z, T::zero()]);
        let y = DMatrix::from_column_slice(2, 1, &[T::of(label), T::of(1.0 - label)]);
        let mut delta = scores.clone();
        let found =
            CrossEntropy.value_gradient(scores.as_view(), y.as_view(), &[T::one()], delta.as_view_mut());
        within(found, value, (z, label));
        within(delta[0], first, (z, label));
    }
}

#[test]
fn losses_are_within_four_units_over_the_whole_range() {
    losses_keep_their_digits::<f64>(800.0, 3);
    losses_keep_their_digits::<f32>(120.0, 4);
}

/// At infinite scores a loss is what it tends to, which `own` says, and at the largest ones it is a number or infinite.
fn at_the_edges<T: Real>(loss: &(impl ElementWise + std::fmt::Debug), y: f64, own: [f64; 2]) {
    let y = T::of(y);
    for (end, own) in [f64::NEG_INFINITY, f64::INFINITY].into_iter().zip(own) {
        let end = T::of(end);
        let jet = loss.jet(end, y);
        let order = jet.value.f64().partial_cmp(&own);
        assert_eq!(order, Some(std::cmp::Ordering::Equal), "{loss:?} of {end} and {y}: {}", jet.value);
        for z in [end, end.max(-T::MAX).min(T::MAX)] {
            let jet = loss.jet(z, y);
            assert!(jet.value >= T::zero(), "{loss:?} of {z} and {y}: {}", jet.value);
            assert!(!jet.first.f64().is_nan() && jet.second >= T::zero(), "{loss:?} of {z} and {y}");
        }
    }
}

fn losses_at_infinite_scores<T: Real>() {
    let (infinity, mut draw) = (f64::INFINITY, Draw::new(71));
    for _ in 0..100 {
        let (count, share) = (draw.wide(-12, 12).abs(), 0.5 + 0.49 * draw.unit());
        at_the_edges::<T>(&Poisson, 0.0, [0.0, infinity]);
        at_the_edges::<T>(&Poisson, count, [infinity; 2]);
        at_the_edges::<T>(&Gamma, count, [infinity; 2]);
        at_the_edges::<T>(&NegativeBinomial::new(share), 0.0, [0.0, infinity]);
        at_the_edges::<T>(&NegativeBinomial::new(share), count, [infinity; 2]);
        at_the_edges::<T>(&Binomial, 0.0, [0.0, infinity]);
        at_the_edges::<T>(&Binomial, share, [infinity; 2]);
        at_the_edges::<T>(&Binomial, 1.0, [infinity, 0.0]);
    }
}

#[test]
fn infinite_scores_cost_what_they_tend_to() {
    losses_at_infinite_scores::<f64>();
    losses_at_infinite_scores::<f32>();
}

//! An activation of one's own has, in networks and losses, the derivatives of the same function written in the crate, and
//! a saved network asks for it back.

#[path = "support/draw.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod draw;

use draw::Draw;
use gradus::loss::ElementWise;
use gradus::model::OwnActivation;
use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, EmpiricalRisk, Hessian, HessianProduct, Network, Objective, Real, SquaredError, check,
};

struct MyTanh;

impl OwnActivation for MyTanh {
    const NAME: &'static str = "my tanh";

    fn jet<T: Real>(z: T) -> (T, T, T) {
        let a = z.tanh();
        let slope = T::one() / z.cosh().powi(2);
        (a, slope, -T::of(2.0) * a * slope)
    }
}

struct Softsign;

impl OwnActivation for Softsign {
    const NAME: &'static str = "softsign";

    fn jet<T: Real>(z: T) -> (T, T, T) {
        let share = T::one() / (T::one() + z.abs());
        let slope = share * share;
        (z * share, slope, -T::of(2.0) * z.signum() * slope * share)
    }
}

const MINE: Activation = Activation::own::<MyTanh>();

/// Gradient, Hessian, Hessian product, and the Hessian's diagonal of a random network.
fn derivatives<T: Real>(activation: Activation, seed: u64) -> [Vec<f64>; 4] {
    let mut draw = Draw::new(seed);
    let (n, k, m) = (1 + draw.below(4), 1 + draw.below(3), 1 + draw.below(40));
    let hidden = [1 + draw.below(6), 1 + draw.below(6)];
    let mut matrix = |rows, columns| DMatrix::from_fn(rows, columns, |_, _| T::of(2.0 * draw.unit()));
    let (x, y) = (matrix(n, m), matrix(k, m));
    let network = Network::new(&[n, hidden[0], hidden[1], k], activation);
    let p = network.layers().last().unwrap().range().end;
    let (theta, v) = (matrix(p, 1).column(0).into_owned(), matrix(p, 1).column(0).into_owned());
    let network = if seed.is_multiple_of(2) { network.with_output_activation(activation) } else { network };
    let mut risk = EmpiricalRisk::new(network, SquaredError.through(activation), &x, &y).unwrap();
    let (mut g, mut h, mut hv) = (DVector::zeros(p), DMatrix::zeros(p, p), DVector::zeros(p));
    risk.value_gradient(&theta, &mut g);
    risk.hessian(&theta, &mut h);
    risk.hessian_product(&theta, &v, &mut hv);
    let mut diagonal = DVector::zeros(p);
    risk.hessian_diagonal(&theta, &mut diagonal);
    [g.as_slice(), h.as_slice(), hv.as_slice(), diagonal.as_slice()]
        .map(|numbers| numbers.iter().map(|number| number.f64()).collect())
}

fn agree<T: Real>(tolerance: f64) {
    for seed in 0..60 {
        let (mine, theirs) = (derivatives::<T>(MINE, seed), derivatives::<T>(Activation::Tanh, seed));
        for (mine, theirs) in mine.iter().zip(&theirs) {
            let size = theirs.iter().fold(0.0_f64, |size, number| size.max(number.abs()));
            for (mine, theirs) in mine.iter().zip(theirs) {
                assert!((mine - theirs).abs() <= tolerance * size, "{seed}: {mine} {theirs} of {size}");
            }
        }
    }
}

#[test]
fn derivatives_are_those_of_the_same_function_in_the_crate() {
    agree::<f64>(1e-12);
    agree::<f32>(2e-5);
}

#[test]
fn differences_agree_with_the_derivatives_of_a_network() {
    let mut draw = Draw::new(7);
    for _ in 0..20 {
        let network = Network::new(&[2, 4, 3, 2], Activation::own::<Softsign>());
        let theta = DVector::from_fn(2 * 4 + 4 + 4 * 3 + 3 + 3 * 2 + 2, |_, _| draw.unit());
        let x = DMatrix::from_fn(2, 5, |_, _| draw.unit());
        assert!(check::model(&network, &theta, &x).unwrap().passed());
        let checked = check::second_order_model(&network, &theta, &x).unwrap();
        assert!(checked.passed(), "{checked}");
    }
}

#[test]
fn names_tell_own_activations_apart() {
    assert_eq!(MINE, Activation::own::<MyTanh>());
    assert_ne!(MINE, Activation::own::<Softsign>());
    assert_ne!(MINE, Activation::Tanh);
    assert_eq!(format!("{MINE:?}"), "Own(my tanh)");
}

#[cfg(feature = "num-dual")]
#[test]
fn one_function_is_enough() {
    use gradus::model::DualActivation;
    use gradus::num_dual::DualNum;

    /// `z tanh ln(1 + e^z)`
    struct Mish;

    impl DualActivation for Mish {
        const NAME: &'static str = "mish";

        fn value<D: DualNum>(z: D) -> D {
            z.clone() * z.exp().ln_1p().tanh()
        }
    }

    fn is_mish<T: Real>(tolerance: f64) {
        let mut draw = Draw::new(3);
        for _ in 0..500 {
            let z = T::of(8.0 * draw.unit()).f64();
            // tanh ln(1 + e^z) = t, t' = (1 − t²) σ, t'' = (1 − t²) σ (1 − σ − 2 t σ)
            let (t, s) = (z.exp().ln_1p().tanh(), 1.0 / (1.0 + (-z).exp()));
            let bump = (1.0 - t * t) * s;
            let (a, d1, d2) = Activation::derived::<Mish>().jet(T::of(z));
            let expected = [z * t, t + z * bump, 2.0 * bump + z * bump * (1.0 - s - 2.0 * t * s)];
            for (found, expected) in [a, d1, d2].into_iter().zip(expected) {
                assert!((found.f64() - expected).abs() <= tolerance, "{z}: {found} {expected}");
            }
        }
    }
    is_mish::<f64>(1e-13);
    is_mish::<f32>(2e-5);
    let network = Network::new(&[2, 3, 1], Activation::derived::<Mish>());
    let (theta, x) =
        (DVector::from_fn(13, |i, _| (i as f64).sin()), DMatrix::from_fn(2, 4, |i, j| (i + 2 * j) as f64));
    assert!(check::second_order_model(&network, &theta, &x).unwrap().passed());
}

#[cfg(feature = "serde")]
#[test]
fn a_file_asks_for_it_back() {
    use gradus::{Fitted, LogLoss, loss};

    let softsign = Activation::own::<Softsign>();
    let network = Network::with_layers(2, &[(3, MINE), (2, softsign), (1, Activation::Identity)]);
    let theta: DVector<f64> = network.initial(1);
    let fitted = Fitted::from_parameters(network, LogLoss, theta).unwrap();
    let text = serde_json::to_string(&fitted).unwrap();
    type Mine = Fitted<f64, Network, LogLoss>;
    let load = || serde_json::from_str::<Mine>(&text);

    let missing = |error: serde_json::Error| error.to_string();
    assert!(missing(load().unwrap_err()).contains("own activation `my tanh`: load it inside of `known_in`"));
    assert!(missing(MINE.known_in(load).unwrap_err()).contains("`softsign`"));
    let loaded = MINE.known_in(|| softsign.known_in(load)).unwrap();
    assert_eq!(loaded.predict(&[0.3, -0.7]).unwrap(), fitted.predict(&[0.3, -0.7]).unwrap());
    assert_eq!(loaded.model(), fitted.model());
    // it is forgotten afterwards, after a panic too
    assert!(load().is_err());
    let panicked = std::panic::catch_unwind(|| MINE.known_in(|| softsign.known_in(|| panic!("a panic"))));
    assert!(panicked.is_err() && load().is_err());
    assert!(Activation::Tanh.known_in(load).is_err());

    // formats without names, and losses
    let through = SquaredError.through(MINE);
    let bytes = postcard::to_allocvec(&(fitted.model(), through)).unwrap();
    let read = || postcard::from_bytes::<(Network, loss::Through<SquaredError>)>(&bytes);
    assert!(read().is_err());
    let (network, loss) = MINE.known_in(|| softsign.known_in(read)).unwrap();
    assert_eq!((&network, loss), (fitted.model(), through));
    // what came earlier is read as before
    assert_eq!(serde_json::from_str::<Activation>("\"Silu\"").unwrap(), Activation::Silu);
    for hostile in ["{\"Own\":7}", "{\"Own\":null}", "\"Own\"", "{\"Own\":\"\"}"] {
        assert!(MINE.known_in(|| serde_json::from_str::<Activation>(hostile)).is_err(), "{hostile}");
    }
}

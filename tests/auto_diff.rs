//! Objectives by dual numbers have the derivatives that were written by hand.

use gradus::num_dual::DualNum;
use gradus::problems::Rosenbrock;
use gradus::{Function, Hessian, HessianProduct, Objective};
use gradus::{
    check,
    objective::{AutoDiff, DualFunction, DualReal},
};
use nalgebra::{DMatrix, DVector, dmatrix, dvector};

/// Rosenbrock's valley of any length.
struct Valley(usize);

impl<T: DualReal> DualFunction<T> for Valley {
    fn dim(&self) -> usize {
        self.0
    }
    fn value<D: DualNum<Primitive = T>>(&self, x: &DVector<D>) -> D {
        let hundred = D::from(<T as gradus::Real>::of(100.0));
        let terms = x.as_slice().windows(2).map(|x| {
            let (t, u) = (x[1].clone() - x[0].clone() * &x[0], D::one() - &x[0]);
            hundred.clone() * &t * &t + u.clone() * &u
        });
        terms.sum()
    }
}

struct Helix;

impl DualFunction<f64> for Helix {
    fn dim(&self) -> usize {
        3
    }
    fn value<D: DualNum<Primitive = f64>>(&self, x: &DVector<D>) -> D {
        let turns = (x[1].clone() / &x[0]).atan() / (2.0 * std::f64::consts::PI);
        let turns = if x[0] > 0.0 { turns } else { turns + 0.5 };
        let radius = (x[0].powi(2) + x[1].powi(2)).sqrt();
        (x[2].clone() - turns * 10.0).powi(2) * 100.0 + (radius - 1.0).powi(2) * 100.0 + x[2].powi(2)
    }
}

/// The same by hand: `f = 100 (z − 10 φ)² + 100 (ρ − 1)² + z²` with the angle `φ` in turns and the radius `ρ`.
fn helix_by_hand() -> impl Hessian<f64> + HessianProduct<f64> {
    // a residual r with ∇r and the part of ∇²r in x and y
    let residuals = |p: &DVector<f64>| {
        let (x, y, z) = (p[0], p[1], p[2]);
        let (rho, tau) = (x.hypot(y), 2.0 * std::f64::consts::PI);
        let turns = (y / x).atan() / tau + if x > 0.0 { 0.0 } else { 0.5 };
        let (r2, r3, r4) = (rho.powi(2), rho.powi(3), rho.powi(4));
        let angle = dvector![100.0 * y / r2 / tau, -100.0 * x / r2 / tau, 10.0];
        let twist = dmatrix![-2.0 * x * y, x * x - y * y; x * x - y * y, 2.0 * x * y] * (100.0 / r4 / tau);
        let radius = dvector![10.0 * x / rho, 10.0 * y / rho, 0.0];
        let bow = dmatrix![y * y, -x * y; -x * y, x * x] * (10.0 / r3);
        [
            (10.0 * (z - 10.0 * turns), angle, twist),
            (10.0 * (rho - 1.0), radius, bow),
            (z, dvector![0.0, 0.0, 1.0], DMatrix::zeros(2, 2)),
        ]
    };
    Function::new(3, move |p: &DVector<f64>, g: &mut DVector<f64>| {
        g.fill(0.0);
        residuals(p).iter().for_each(|(r, slope, _)| g.axpy(2.0 * r, slope, 1.0));
        residuals(p).iter().map(|(r, ..)| r * r).sum()
    })
    .with_hessian(move |p: &DVector<f64>, h: &mut DMatrix<f64>| {
        h.fill(0.0);
        for (r, slope, second) in residuals(p) {
            h.ger(2.0, &slope, &slope, 1.0);
            h.view_mut((0, 0), (2, 2)).zip_apply(&second, |h, s| *h += 2.0 * r * s);
        }
    })
}

fn agree<T: DualReal>(
    dual: &mut (impl Hessian<T> + HessianProduct<T>), by_hand: &mut (impl Hessian<T> + HessianProduct<T>),
    x: &DVector<T>, tolerance: f64,
) {
    let n = x.len();
    let (mut g, mut h, mut hv) = (DVector::zeros(n), DMatrix::zeros(n, n), DVector::zeros(n));
    let (mut g2, mut h2, mut hv2) = (g.clone(), h.clone(), hv.clone());
    let v = DVector::from_fn(n, |i, _| <T as gradus::Real>::of(1.0 - 0.3 * i as f64));
    let close = |a: &[T], b: &[T]| {
        let size = b.iter().fold(1e-300_f64, |m, b| m.max(b.f64().abs()));
        a.iter().zip(b).all(|(a, b)| (a.f64() - b.f64()).abs() <= tolerance * size)
    };
    let (f, f2) = (dual.value_gradient(x, &mut g), by_hand.value_gradient(x, &mut g2));
    assert!(close(&[f, dual.value(x)], &[f2, f2]));
    assert!(close(g.as_slice(), g2.as_slice()), "{g}{g2}");
    dual.hessian(x, &mut h);
    by_hand.hessian(x, &mut h2);
    assert!(close(h.as_slice(), h2.as_slice()), "{h}{h2}");
    assert_eq!(h, h.transpose());
    dual.hessian_product(x, &v, &mut hv);
    by_hand.hessian_product(x, &v, &mut hv2);
    assert!(close(hv.as_slice(), hv2.as_slice()), "{hv}{hv2}");
}

#[test]
fn derivatives_are_those_written_by_hand() {
    // fewer coordinates than a run takes, as many, and more
    for n in [1, 2, 7, 8, 9, 16, 19] {
        let by_hand = Rosenbrock::new(n);
        agree::<f64>(&mut AutoDiff::new(Valley(n)), &mut { by_hand }, &by_hand.start(), 1e-14);
        agree::<f32>(&mut AutoDiff::new(Valley(n)), &mut { by_hand }, &by_hand.start(), 1e-6);
    }
    for x in [[-1.0, 0.3, 0.0], [0.5, -2.0, 1.0]] {
        let x = DVector::from_row_slice(&x);
        let mut helix = AutoDiff::new(Helix);
        // the formula below the axis differs by a turn from that of the published one
        if x[0] > 0.0 || x[1] > 0.0 {
            agree::<f64>(&mut helix, &mut helix_by_hand(), &x, 1e-13);
        }
        assert!(check::gradient(&mut helix, &x).unwrap().passed());
        assert!(check::hessian(&mut helix, &x).unwrap().passed());
    }
}

#[test]
fn a_wrong_length_is_answered_by_nan_and_nothing_is_written() {
    let mut f = AutoDiff::new(Helix);
    let (x, mut g, mut h) = (DVector::zeros(2), DVector::repeat(2, 7.0), DMatrix::repeat(2, 2, 7.0));
    assert!(f.value(&x).is_nan() && f.value_gradient(&x, &mut g).is_nan());
    f.hessian(&x, &mut h);
    f.hessian_product(&x, &x, &mut g);
    assert_eq!((g, h), (DVector::repeat(2, 7.0), DMatrix::repeat(2, 2, 7.0)));
    let mut nothing = AutoDiff::<f64, _>::new(Valley(0));
    let value = nothing.value_gradient(&DVector::zeros(0), &mut DVector::zeros(0));
    assert!(value.abs() < f64::MIN_POSITIVE);
}

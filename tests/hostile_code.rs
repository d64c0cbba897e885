//! What safe code may do without a panic: settings by hand, caches of another model, sizes that nobody has.
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

use gradus::check;
use gradus::loss::{ElementWise, Jet};
use gradus::nalgebra::{self, Const, DMatrix, DMatrixView, DVector, Dyn, dmatrix, dvector};
use gradus::optimizer::{Optimizer, Step};
use gradus::problems::Rosenbrock;
use gradus::*;

#[test]
fn a_report_with_any_counts_is_shown() {
    let mut report =
        minimize(&mut Newton::new(), &mut Rosenbrock::new(2), dvector![-1.2, 1.0], &Stop::default()).unwrap();
    for count in [0, 1, usize::MAX] {
        (report.modified, report.escapes) = (count, usize::MAX);
        (report.iterations, report.evaluations) = (count, count);
        assert!(report.to_string().contains(&usize::MAX.to_string()));
    }
}

/// A setting that is none is an error, or the step is a step, also by hand.
#[test]
fn a_step_by_hand_judges_or_works() {
    let mut f = Rosenbrock::new(3);
    let start = dvector![-1.2, 1.0, 0.5];
    let mut methods: Vec<Box<dyn Optimizer<f64, Rosenbrock>>> = vec![
        Box::new(Lbfgs::new().memory(0)),
        Box::new(Lbfgs::new().memory(usize::MAX)),
        Box::new(SaddleFree::new().dimension(0)),
        Box::new(SaddleFree::new().dimension(usize::MAX)),
        Box::new(Adam::new(f64::NAN)),
        Box::new(GradientDescent::new(-1.0)),
    ];
    for method in &mut methods {
        for dim in [3, 0, 1, 2, 7] {
            let mut x = start.clone().resize_vertically(dim, 0.25);
            _ = method.step(&mut f, &mut x);
        }
        let mut x = start.clone();
        _ = method.step(&mut f, &mut x);
        assert_eq!(x.len(), 3);
    }
}

/// Caches, parameters and samples that belong to another model.
#[test]
fn caches_of_another_model_do_no_harm() {
    let networks = [
        Network::new(&[2, 3, 1], Activation::Tanh),
        Network::new(&[2, 1], Activation::Tanh),
        Network::new(&[2, 5, 4, 3, 2], Activation::Relu),
        Network::new(&[2, 0, 1], Activation::Tanh),
        Network::new(&[0, 0], Activation::Tanh),
        Network::new(&[2], Activation::Tanh),
    ];
    for network in &networks {
        for other in &networks {
            for batch in [0, 1, 4] {
                let mut cache = Model::<f64>::cache(other, batch);
                for (inputs, samples) in [(2, 4), (2, 0), (0, 3), (7, 1)] {
                    let x = DMatrix::from_fn(inputs, samples, |i, j| (i + 2 * j) as f64 * 0.3 - 0.5);
                    let theta = other.initial::<f64>(1);
                    let delta = DMatrix::repeat(network.outputs(), samples, 0.5);
                    let mut gradient = DVector::zeros(theta.len());
                    _ = network.forward(&theta, x.as_view(), &mut cache);
                    network.backward(&theta, x.as_view(), delta.as_view(), &mut cache, &mut gradient);
                    _ = network.tangent(&theta, &theta, x.as_view(), &mut cache);
                    network.backward_tangent(
                        &theta,
                        &theta,
                        x.as_view(),
                        delta.as_view(),
                        delta.as_view(),
                        &mut cache,
                        &mut gradient,
                    );
                }
            }
        }
    }
}

/// Residuals whose number is another one at every call.
struct Changing(std::cell::Cell<usize>);

impl least_squares::Residuals<f64> for Changing {
    fn dim(&self) -> usize {
        2
    }
    fn count(&self) -> usize {
        self.0.set(self.0.get() + 1);
        self.0.get() % 5
    }
    fn residuals(&mut self, x: &DVector<f64>, r: &mut DVector<f64>) {
        r.iter_mut().for_each(|r| *r = x[0] - x[1] - 1.0);
    }
    fn jacobian(&mut self, _: &DVector<f64>, j: &mut DMatrix<f64>) {
        j.fill(0.5);
    }
}

#[test]
fn a_number_of_residuals_that_changes_is_survived() {
    for first in 0..5 {
        let new = || Changing(std::cell::Cell::new(first));
        for report in [
            LevenbergMarquardt::new().solve(new(), dvector![3.0, 4.0]),
            GaussNewton::new().solve(new(), dvector![3.0, 4.0]),
        ] {
            assert!(report.is_err() || report.is_ok_and(|report| report.x.iter().all(|x| x.is_finite())));
        }
        let mut f = LeastSquares::new(new());
        _ = minimize(&mut Lbfgs::new(), &mut f, dvector![3.0, 4.0], &Stop::default());
    }
}

/// The stride of one column, or of one row, is never walked.
#[test]
fn strides_that_are_never_walked_do_not_matter() {
    let data = [0.5, -1.0, 2.0, 0.25];
    let huge = Dyn(usize::MAX / 8);
    let column: DMatrixView<'_, f64> =
        DMatrixView::from_slice_with_strides_generic(&data, Dyn(4), Dyn(1), Const::<1>, huge);
    let targets = dmatrix![1.0];
    let risk = EmpiricalRisk::new(Perceptron::new(4), SquaredError, column, &targets);
    let mut risk = risk.unwrap();
    let (theta, mut gradient) = (DVector::repeat(5, 0.1), DVector::zeros(5));
    let value = risk.value_gradient(&theta, &mut gradient);
    let z: f64 = 0.1 * data.iter().sum::<f64>() + 0.1;
    assert!((value - 0.5 * (z - 1.0).powi(2)).abs() < 1e-15, "{value}");
    assert!((gradient[2] - (z - 1.0) * 2.0).abs() < 1e-15, "{gradient}");
    let mut hessian = DMatrix::zeros(5, 5);
    risk.hessian(&theta, &mut hessian);
    assert_eq!(hessian[(2, 2)], 4.0);
    let fitted = Perceptron::new(4).fit(column, &targets);
    assert!(fitted.is_err() || fitted.is_ok_and(|fitted| fitted.predict(column).is_ok()));
}

#[test]
fn sizes_that_no_memory_holds_are_empty() {
    let endless = Rosenbrock::new(usize::MAX);
    assert!(endless.start::<f64>().is_empty() && endless.minimum::<f32>().is_empty());
    let mut f = endless;
    let run = minimize(&mut Lbfgs::new(), &mut f, endless.start::<f64>(), &Stop::default());
    assert!(run.is_err());
    assert!(check::gradient(&mut f, &dvector![1.0, 2.0]).is_err());
    assert!(check::hessian(&mut f, &DVector::<f64>::zeros(0)).is_err());
}

/// A method that tells of a gradient as short as it likes.
struct Boast<T>(T);

impl<T: Real, O: Objective<T> + ?Sized> Optimizer<T, O> for Boast<T> {
    fn step(&mut self, f: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let value = f.value_gradient(x, &mut DVector::zeros(x.len()));
        Ok(Step::new(value, self.0))
    }
}

fn no_norm_is_negative<T: Real>() {
    let start = DVector::from_vec(vec![T::of(-1.2), T::one()]);
    for exponent in -30..30 {
        let mut method = Boast(-T::of(2.0_f64.powi(exponent)));
        let ended = minimize(&mut method, &mut Rosenbrock::new(2), start.clone(), &Stop::default());
        assert!(matches!(ended, Err(Error::Setting { name: "gradient_norm", .. })), "{ended:?}");
    }
    let ended = minimize(&mut Boast(T::zero()), &mut Rosenbrock::new(2), start, &Stop::default());
    assert!(ended.is_ok());
}

#[test]
fn a_norm_below_zero_is_an_error() {
    no_norm_is_negative::<f64>();
    no_norm_is_negative::<f32>();
}

/// Said to be convex, with second derivatives that say otherwise.
#[derive(Debug, Clone)]
struct Capsized;

impl ElementWise for Capsized {
    const CONVEX: bool = true;

    fn jet<T: Real>(&self, z: T, y: T) -> Jet<T> {
        Jet { value: (z - y) * (z - y), first: T::of(2.0) * (z - y), second: T::of(-2.0) }
    }
}

fn no_maximum_has_converged<T: Real>() {
    let x = DMatrix::from_fn(1, 5, |_, j| T::of(j as f64));
    for slope in -3..=3 {
        // at the minimum, and a step away
        let y = x.map(|x| x * T::of(f64::from(slope)) + T::one());
        let mut risk = EmpiricalRisk::new(Perceptron::new(1), Capsized, &x, &y).unwrap();
        for far in [0.0, 0.25] {
            let start = DVector::from_vec(vec![T::of(f64::from(slope) + far), T::one()]);
            for report in [
                minimize(&mut Newton::new(), &mut risk, start.clone(), &Stop::default()).unwrap(),
                minimize(&mut Newton::pure(), &mut risk, start.clone(), &Stop::default()).unwrap(),
                minimize(&mut TrustRegion::new(), &mut risk, start.clone(), &Stop::default()).unwrap(),
            ] {
                assert!(!report.converged() || report.kind().is_none(), "{report}");
                assert!(report.kind() != Some(CriticalKind::Maximum) || !report.converged(), "{report}");
            }
        }
    }
}

#[test]
fn a_maximum_has_not_converged_whatever_it_is_said_to_be() {
    no_maximum_has_converged::<f64>();
    no_maximum_has_converged::<f32>();
}

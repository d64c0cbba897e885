//! First-order updates, step by step, against their formulas in 40-digit arithmetic
//! (`tests/data/first_order.py` made the numbers).
#![expect(clippy::float_cmp, reason = "exact results, compared as they are")]

#[path = "support/draw.rs"]
mod draw;

use draw::Draw;
use gradus::nalgebra::{DVector, dvector};
use gradus::problems::Rosenbrock;
use gradus::*;

/// f = x₀² + x₀ x₁ + 2 x₁² − x₀.
fn bowl<T: Real>() -> impl Objective<T> {
    Function::new(2, |x: &DVector<T>, g: &mut DVector<T>| {
        let (one, two, four) = (T::one(), T::of(2.0), T::of(4.0));
        g[0] = two * x[0] + x[1] - one;
        g[1] = x[0] + four * x[1];
        x[0] * x[0] + x[0] * x[1] + two * x[1] * x[1] - x[0]
    })
}

fn follows<T: Real>(
    mut method: impl Optimizer<T, dyn Objective<T>>, expected: [[f64; 2]; 4],
) -> Result<(), Error> {
    // twice: what the first run left behind must not be felt in the second
    for _ in 0..2 {
        let (mut f, mut x) = (bowl::<T>(), DVector::from_vec(vec![T::one(), T::of(-2.0)]));
        let f: &mut dyn Objective<T> = &mut f;
        method.start(f, None)?;
        for row in expected {
            method.step(f, &mut x)?;
            for (found, expected) in x.iter().zip(row) {
                assert!((found.f64() - expected).abs() <= 40.0 * T::EPSILON.f64(), "{found} for {expected}");
            }
        }
    }
    Ok(())
}

fn updates<T: Real>() -> Result<(), Error> {
    let rate = T::of(0.1);
    follows::<T>(
        GradientDescent::new(rate),
        [[1.1, -1.3], [1.11, -0.89], [1.077, -0.645], [1.0261, -0.4947]],
    )?;
    let halving = Schedule::exponential(0.5);
    follows::<T>(
        GradientDescent::new(rate).schedule(halving),
        [[1.1, -1.3], [1.105, -1.095], [1.102125, -1.013125], [1.0997359375, -0.9762453125]],
    )?;
    follows::<T>(
        GradientDescent::new(rate).momentum(T::of(0.9)),
        [[1.1, -1.3], [1.2, -0.26], [1.176, 0.66], [0.9532, 1.1064]],
    )?;
    follows::<T>(
        GradientDescent::new(rate).nesterov(T::of(0.9)),
        [[1.19, -0.67], [1.1361, 0.1801], [0.875553, 0.458355], [0.54197011, 0.36116463]],
    )?;
    follows::<T>(
        AdaGrad::new(rate),
        [
            [1.09999999999, -1.9000000000014285],
            [1.157346234422813, -1.8319548900653249],
            [1.1963634072506595, -1.7776951548016342],
            [1.2242497006920465, -1.7315542111764468],
        ],
    )?;
    follows::<T>(
        RmsProp::new(rate),
        [
            [1.3162277560168383, -1.6837722354117335],
            [1.33330835917933, -1.4838456394904458],
            [1.2704620246048972, -1.328086116845834],
            [1.1955162027349675, -1.196883741527954],
        ],
    )?;
    follows::<T>(
        Adam::new(rate),
        [
            [1.099999999, -1.9000000001428572],
            [1.1975720479519962, -1.8002614697065296],
            [1.2892873121131516, -1.7009879047540024],
            [1.3695891585356859, -1.6024030914402092],
        ],
    )?;
    follows::<T>(
        Adam::new(rate).weight_decay(T::of(0.5)),
        [
            [1.049999999, -1.800000000142857],
            [1.0950720480019964, -1.6105445495370379],
            [1.1324421985490236, -1.4315360411332128],
            [1.1581086744548093, -1.262929487345826],
        ],
    )
}

#[test]
fn updates_follow_their_formulas() -> Result<(), Error> {
    updates::<f64>()?;
    updates::<f32>()
}

#[test]
fn schedules_at_their_ends() {
    let at = |schedule: Schedule, t| schedule.factor(t);
    assert_eq!(at(Schedule::step_decay(3, 0.5), 2), 1.0);
    assert_eq!(at(Schedule::step_decay(3, 0.5), 6), 0.25);
    assert_eq!(at(Schedule::inverse_time(1.0), 3), 0.25);
    assert_eq!(at(Schedule::cosine(8), 0), 1.0);
    assert!((at(Schedule::cosine(8), 4) - 0.5).abs() < 1e-16);
    assert_eq!(at(Schedule::cosine(8), 99), 0.0);
    assert_eq!([0, 3, 9].map(|t| at(Schedule::warm_up(4), t)), [0.25, 1.0, 1.0]);
}

#[test]
fn settings_are_judged_where_a_run_starts() {
    fn refused(mut method: impl Optimizer<f64, Rosenbrock>, setting: &str) {
        let error = minimize(&mut method, &mut Rosenbrock::new(2), dvector![1.0, 2.0], &Stop::default());
        assert!(matches!(error, Err(Error::Setting { name, .. }) if name == setting), "{setting}: {error:?}");
    }
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        refused(GradientDescent::new(bad), "rate");
        refused(AdaGrad::new(bad), "rate");
        refused(RmsProp::new(bad), "rate");
        refused(Adam::new(bad), "rate");
        refused(Adam::new(0.1).epsilon(bad), "epsilon");
        refused(AdaGrad::new(0.1).epsilon(bad), "epsilon");
    }
    for bad in [1.0, -0.1, f64::NAN, f64::INFINITY] {
        refused(GradientDescent::new(0.1).momentum(bad), "momentum");
        refused(GradientDescent::new(0.1).nesterov(bad), "momentum");
        refused(RmsProp::new(0.1).rho(bad), "rho");
        refused(Adam::new(0.1).betas(bad, 0.9), "beta1");
        refused(Adam::new(0.1).betas(0.9, bad), "beta2");
    }
    for bad in [-1.0, 10.0, f64::NAN, f64::INFINITY] {
        refused(Adam::new(0.1).weight_decay(bad), "weight_decay");
    }
    for bad in [
        Schedule::exponential(0.0),
        Schedule::exponential(f64::NAN),
        Schedule::step_decay(0, 0.5),
        Schedule::step_decay(2, 1.5),
        Schedule::inverse_time(-1.0),
        Schedule::cosine(0),
        Schedule::warm_up(0),
    ] {
        refused(GradientDescent::new(0.1).schedule(bad), "schedule");
    }
    // as the scalar they are used in
    let f = problems::Rosenbrock::new(2);
    for edge in [
        Schedule::exponential(1e-50),
        Schedule::step_decay(2, 1e-50),
        Schedule::inverse_time(1e50),
        Schedule::inverse_time(1e-50),
    ] {
        assert!(GradientDescent::new(0.1_f64).schedule(edge.clone()).start(&f, None).is_ok());
        let refused = GradientDescent::new(0.1_f32).schedule(edge.clone()).start(&f, None);
        assert!(matches!(refused, Err(Error::Setting { name: "schedule", .. })), "{edge:?}");
    }
}

/// A value that is not finite leaves the point where it was, and the report keeps the last good one.
#[test]
fn what_is_not_finite_moves_nothing() -> Result<(), Error> {
    for k in 1..20 {
        for poison in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            for in_gradient in [false, true] {
                let mut calls = 0;
                let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
                    calls += 1;
                    g[0] = if in_gradient && calls == k { poison } else { 2.0 * x[0] };
                    if !in_gradient && calls == k { poison } else { x[0] * x[0] }
                });
                let mut adam = Adam::new(0.1);
                // the call with the number k is that of step k − 1
                let stop = Stop::default().relative(0.0);
                match minimize(&mut adam, &mut f, dvector![30.0], &stop) {
                    Err(error) => assert!(k == 1 && matches!(error, Error::Evaluation { .. }), "{error}"),
                    Ok(report) => {
                        assert_eq!((report.termination, report.iterations), (Termination::NonFinite, k - 2));
                        assert_eq!(report.value, report.x[0] * report.x[0]);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Gradients at the end of the range run every sum over: the point stays a number.
fn no_step_leaves_the_numbers<T: Real>() -> Result<(), Error> {
    let (rate, mu) = (T::of(2.0), T::of(0.9));
    let methods: [Box<dyn Optimizer<T, dyn Objective<T>>>; 6] = [
        Box::new(GradientDescent::new(rate)),
        Box::new(GradientDescent::new(rate).momentum(mu)),
        Box::new(GradientDescent::new(rate).nesterov(mu)),
        Box::new(AdaGrad::new(rate)),
        Box::new(RmsProp::new(rate)),
        Box::new(Adam::new(rate).weight_decay(T::of(0.1))),
    ];
    for mut method in methods {
        let mut f = Function::new(2, |_: &DVector<T>, g: &mut DVector<T>| {
            g.copy_from_slice(&[T::MAX, -T::MAX]);
            T::zero()
        });
        let f: &mut dyn Objective<T> = &mut f;
        let mut x = DVector::from_vec(vec![-T::MAX, T::one()]);
        for _ in 0..5 {
            method.step(f, &mut x)?;
            assert!(x.iter().all(|x| x.is_finite()), "{x}");
        }
    }
    Ok(())
}

#[test]
fn no_step_leaves_the_numbers_in_either_precision() -> Result<(), Error> {
    no_step_leaves_the_numbers::<f32>()?;
    no_step_leaves_the_numbers::<f64>()
}

/// A method that goes on to a problem of another size has forgotten the first one.
#[test]
fn another_dimension_is_another_problem() -> Result<(), Error> {
    fn run<P: Optimizer<f64, Rosenbrock> + Clone>(fresh: &P) -> Result<(), Error> {
        let mut used = fresh.clone();
        let mut x = dvector![-1.2, 1.0];
        for _ in 0..3 {
            used.step(&mut Rosenbrock::new(2), &mut x)?;
        }
        let (mut fresh, mut f, mut a) = (fresh.clone(), Rosenbrock::new(3), dvector![0.5, -0.5, 2.0]);
        let mut b = a.clone();
        for _ in 0..3 {
            used.step(&mut f, &mut a)?;
            fresh.step(&mut f, &mut b)?;
            assert_eq!(a, b);
        }
        Ok(())
    }
    run(&GradientDescent::new(1e-3).momentum(0.9))?;
    run(&AdaGrad::new(1e-3))?;
    run(&RmsProp::new(1e-3))?;
    run(&Adam::new(1e-3))
}

/// Points after each step of the textbook's formulas from 0 at the rate 0.1, in numbers of moderate size.
fn textbook(method: usize, gradients: &[f64], epsilon: f64) -> Vec<f64> {
    let (mut x, mut m, mut root) = (0.0, 0.0, 0.0_f64);
    let add = |root: &mut f64, old: f64, new: f64, g: f64| *root = (old.sqrt() * *root).hypot(new.sqrt() * g);
    let step = |(t, g): (usize, &f64)| {
        let t = t as i32 + 1;
        let direction = match method {
            0 => {
                m = 0.9 * m + 0.1 * g;
                add(&mut root, 0.999, 0.001, *g);
                m / (1.0 - 0.9_f64.powi(t)) / (root / (1.0 - 0.999_f64.powi(t)).sqrt() + epsilon)
            }
            1 => {
                add(&mut root, 0.9, 0.1, *g);
                g / (root + epsilon)
            }
            _ => {
                add(&mut root, 1.0, 1.0, *g);
                g / (root + epsilon)
            }
        };
        x -= 0.1 * direction;
        x
    };
    gradients.iter().enumerate().map(step).collect()
}

/// Gradients of any size, alike and unlike within a run.
fn any_gradient_takes_its_step<T: Real>(reach: i32, tiny: f64, tolerance: f64) -> Result<(), Error> {
    let mut draw = Draw::new(7);
    for case in 0..1200 {
        let size = (f64::from(reach - 20) * draw.unit()) as i32;
        let spread = if case % 2 == 0 { reach.min(400) } else { 3 };
        let gradients: Vec<T> =
            (0..6).map(|_| T::of(draw.wide((size - spread).max(-reach), (size + 1).min(reach)))).collect();
        let (method, epsilon) = (case % 3, [1e-8, tiny, 1.0][case / 3 % 3]);
        let epsilon = T::of(epsilon);
        // what has no unit, from numbers without it
        let half = |x: f64| x * 2f64.powi(-size / 2) * 2f64.powi(-size - -size / 2);
        let moderate: Vec<f64> = gradients.iter().map(|g| half(g.f64())).collect();
        let expected = textbook(method, &moderate, half(epsilon.f64()));
        let given = gradients.clone();
        let mut t = 0;
        let mut f = Function::new(1, move |_: &DVector<T>, g: &mut DVector<T>| {
            g[0] = given[t];
            t += 1;
            T::zero()
        });
        let f: &mut dyn Objective<T> = &mut f;
        let rate = T::of(0.1);
        let mut adam: Box<dyn Optimizer<T, dyn Objective<T>>> = match method {
            0 => Box::new(Adam::new(rate).epsilon(epsilon)),
            1 => Box::new(RmsProp::new(rate).epsilon(epsilon)),
            _ => Box::new(AdaGrad::new(rate).epsilon(epsilon)),
        };
        let mut x = DVector::zeros(1);
        for expected in expected {
            adam.step(f, &mut x)?;
            let found = x[0].f64();
            let off = (found - expected).abs();
            assert!(off <= tolerance, "{case}: {found} for {expected}, {gradients:?}, {epsilon:?}");
        }
    }
    Ok(())
}

#[test]
fn a_step_is_bounded_by_the_rate_whatever_the_gradient() -> Result<(), Error> {
    any_gradient_takes_its_step::<f64>(1022, 1e-300, 1e-13)?;
    any_gradient_takes_its_step::<f32>(126, 1e-34, 1e-5)?;
    for g in [1e300, f64::MAX, 1e-300, 5e-324] {
        let mut x = dvector![0.0];
        let mut f = Function::new(1, move |x: &DVector<f64>, slope: &mut DVector<f64>| {
            slope[0] = g;
            if x[0] < 1.0 { 0.0 } else { 1.0 }
        });
        let mut adam = Adam::new(0.1).epsilon(5e-324);
        for _ in 0..2000 {
            let before: f64 = x[0];
            adam.step(&mut f, &mut x)?;
            assert!((before - x[0]).abs() <= 0.32, "{g:e}: {before} {}", x[0]);
        }
        assert!(g < 1e-323 || (x[0] + 200.0).abs() < 1e-3, "{g:e}: {}", x[0]);
    }
    Ok(())
}

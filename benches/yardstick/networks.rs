//! w1, w2 and w5: networks.

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Error, Fitted, GradientDescent, Hessian, HessianProduct,
    Network, Objective, Optimizer, Real, SecondOrderLoss, SquaredError,
};

use crate::Settings;
use crate::nets::{Net, uniform};
use crate::timer::time;

const RATE: f64 = 0.01;
/// Steps before the loss is read.
const STEPS: usize = 20;

/// Dense Hessians.
const CURVED: [Net; 2] = [
    Net { name: "mlp-13-16-16-1", sizes: &[13, 16, 16, 1], batch: 64 },
    Net { name: "mlp-64-32-10", sizes: &[64, 32, 10], batch: 256 },
];
/// A Hessian product.
const PRODUCT: Net = Net { name: "784-256-128-10", sizes: &[784, 256, 128, 10], batch: 128 };

pub(crate) fn run<T: Real>(settings: &Settings) -> Result<(), Error> {
    for net in settings.nets() {
        // Others leave the ½ out of the squared error: their loss is twice ours, and so is their step.
        if settings.wants("w1") {
            let (x, y, classes) = (net.x::<T>(net.batch), net.y::<T>(net.batch), net.classes(net.batch));
            match net.outputs() {
                1 => step(
                    settings,
                    &net,
                    EmpiricalRisk::new(net.network(Activation::Relu), SquaredError, &x, &y)?,
                    2.0,
                )?,
                ..100 => step(
                    settings,
                    &net,
                    EmpiricalRisk::new(net.network(Activation::Relu), CrossEntropy, &x, &y)?,
                    1.0,
                )?,
                _ => step(
                    settings,
                    &net,
                    EmpiricalRisk::new(net.network(Activation::Relu), CrossEntropy, &x, &classes)?,
                    1.0,
                )?,
            }
        }
        if settings.wants("w2") {
            inference::<T>(settings, &net, 1)?;
            inference::<T>(settings, &net, 1024)?;
        }
    }
    Ok(())
}

fn step<T: Real, L: SecondOrderLoss<T>>(
    settings: &Settings, net: &Net, mut risk: EmpiricalRisk<'_, T, Network, L>, scale: f64,
) -> Result<(), Error> {
    let mut descent = GradientDescent::new(T::of(scale * RATE));
    let mut theta = net.theta();
    for _ in 0..STEPS {
        descent.step(&mut risk, &mut theta)?;
    }
    let check = scale * risk.value(&theta).f64();
    let timing = time(settings.seconds, || descent.step(&mut risk, &mut theta));
    let line = settings.line::<T>("w1", net.name).times(timing).number("check", check);
    line.number("gflops", timing.gflops(net.step_flop())).print();
    Ok(())
}

fn inference<T: Real>(settings: &Settings, net: &Net, batch: usize) -> Result<(), Error> {
    // the squared error turns scores into nothing else
    let fitted = Fitted::from_parameters(net.network(Activation::Relu), SquaredError, net.theta::<T>())?;
    let (x, mut out) = (net.x::<T>(batch), DMatrix::zeros(net.outputs(), batch));
    let mut predictor = fitted.predictor(batch);
    let timing = time(settings.seconds, || predictor.predict_into(&x, &mut out));
    let check = out.sum();
    let case = format!("{}/b{batch}", net.name);
    let line = settings.line::<T>("w2", &case).times(timing).number("check", check.f64());
    line.number("gflops", timing.gflops(net.forward_flop(batch))).print();
    Ok(())
}

/// w5, whose dense Hessians are for f64.
pub(crate) fn curvature(settings: &Settings) -> Result<(), Error> {
    let [one_output, classes] = CURVED;
    dense(settings, &one_output, SquaredError, 2.0)?;
    dense(settings, &classes, CrossEntropy, 1.0)?;
    for scalar in &settings.scalars {
        match scalar.as_str() {
            "f32" => product::<f32>(settings)?,
            _ => product::<f64>(settings)?,
        }
    }
    Ok(())
}

fn dense<L: SecondOrderLoss<f64>>(settings: &Settings, net: &Net, loss: L, scale: f64) -> Result<(), Error> {
    let (x, y) = (net.x(net.batch), net.y(net.batch));
    let mut risk = EmpiricalRisk::new(net.network(Activation::Tanh), loss, &x, &y)?;
    let theta = net.theta();
    let mut hessian = DMatrix::zeros(theta.len(), theta.len());
    let timing = time(settings.seconds, || risk.hessian(&theta, &mut hessian));
    let line = settings.line::<f64>("w5", net.name).text("method", "hessian").times(timing);
    line.number("check", scale * hessian.norm()).number("params", theta.len() as f64).print();
    Ok(())
}

fn product<T: Real>(settings: &Settings) -> Result<(), Error> {
    let net = PRODUCT;
    let (x, y) = (net.x::<T>(net.batch), net.y::<T>(net.batch));
    let mut risk = EmpiricalRisk::new(net.network(Activation::Tanh), CrossEntropy, &x, &y)?;
    let theta = net.theta();
    // a direction whose entries run, layer by layer, along the rows of W and then along b
    let starts: Vec<usize> = net
        .layers()
        .scan(0, |at, (inputs, units)| {
            let start = *at;
            *at += (inputs + 1) * units;
            Some(start)
        })
        .collect();
    let v = net.arrange(|l, o, i| {
        let (inputs, units) = (net.sizes[l], net.sizes[l + 1]);
        uniform(300, starts[l] + if i < inputs { o * inputs + i } else { inputs * units + o })
    });
    let mut out = DVector::zeros(theta.len());
    let timing = time(settings.seconds, || risk.hessian_product(&theta, &v, &mut out));
    let line = settings.line::<T>("w5", &format!("hvp-{}", net.name)).text("method", "hessian_product");
    line.times(timing).number("check", out.norm().f64()).number("params", theta.len() as f64).print();
    let timing = time(settings.seconds, || risk.value_gradient(&theta, &mut out));
    let line = settings.line::<T>("w5", &format!("grad-{}", net.name)).text("method", "value_gradient");
    line.times(timing).number("params", theta.len() as f64).print();
    Ok(())
}

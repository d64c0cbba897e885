//! A second implementation of everything with derivatives, by plain loops over numbers that carry them: it
//! shares no code with the crate, only the names of activations.

use gradus::Activation;
use num_dual::{Dual64, DualNum, DualStruct, HyperDual64};

/// Numbers over `f64` that may carry derivatives.
pub(crate) trait Number: DualNum<Primitive = f64> + DualStruct<Real = f64> {}
impl<D: DualNum<Primitive = f64> + DualStruct<Real = f64>> Number for D {}

/// The losses, by their definitions.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Plain {
    Squared,
    Log,
    CrossEntropy,
    Huber(f64),
    SquaredThrough(Activation),
    HuberThrough(f64, Activation),
}

/// A network with all that makes an empirical risk of it. Samples are `x[j]`, `y[j]`.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub inputs: usize,
    pub layers: Vec<(usize, Activation)>,
    pub bias: bool,
    pub loss: Plain,
    pub x: Vec<Vec<f64>>,
    pub y: Vec<Vec<f64>>,
    pub weights: Vec<f64>,
    pub ridge: f64,
}

/// The normal distribution function: in the middle `½ + φ(z) (z + z³/3 + z⁵/(3·5) + …)`, in the tails
/// `Φ(−z) = 1 − Φ(z) = φ(z) / (z + 1/(z + 2/(z + …)))`.
fn normal_cdf<D: Number>(z: &D) -> D {
    let square = z.clone() * z.clone();
    let density = (square.clone() * -0.5).exp() / (2.0 * std::f64::consts::PI).sqrt();
    if z.re().abs() < 2.0 {
        let (mut term, mut sum) = (z.clone(), z.clone());
        for odd in (3..100).step_by(2) {
            term = term * &square / f64::from(odd);
            sum += term.clone();
        }
        return density * sum + 0.5;
    }
    let size = if z.re() > 0.0 { z.clone() } else { -z.clone() };
    let fraction = (1..120).rev().fold(size.clone(), |f, k| size.clone() + f.recip() * f64::from(k));
    let tail = density / fraction;
    if z.re() > 0.0 { -tail + 1.0 } else { tail }
}

fn sigmoid<D: Number>(z: D) -> D {
    if z.re() > 0.0 { ((-z).exp() + 1.0).recip() } else { z.exp() / (z.exp() + 1.0) }
}

/// `ln(1 + e^z)`.
fn softplus<D: Number>(z: D) -> D {
    if z.re() > 0.0 { z.clone() + (-z).exp().ln_1p() } else { z.exp().ln_1p() }
}

pub(crate) fn activate<D: Number>(activation: Activation, z: D) -> D {
    let positive = z.re() > 0.0;
    match activation {
        Activation::Identity => z,
        Activation::Sigmoid => sigmoid(z),
        Activation::Tanh => z.tanh(),
        Activation::Relu => z * f64::from(u8::from(positive)),
        Activation::LeakyRelu { slope } => z * if positive { 1.0 } else { slope },
        Activation::Elu { .. } if positive => z,
        Activation::Elu { alpha } => z.exp_m1() * alpha,
        Activation::Softplus => softplus(z),
        Activation::Gelu => normal_cdf(&z) * z,
        Activation::Silu => sigmoid(z.clone()) * z,
        other => panic!("the oracle does not know {other:?}"),
    }
}

fn squared<D: Number>(z: D, y: f64) -> D {
    let r = z - y;
    r.clone() * r * 0.5
}

fn huber<D: Number>(z: D, y: f64, delta: f64) -> D {
    let r = z - y;
    if r.re().abs() <= delta {
        r.clone() * r * 0.5
    } else {
        let size = if r.re() > 0.0 { r } else { -r };
        (size - delta / 2.0) * delta
    }
}

impl Plain {
    pub(crate) fn loss<D: Number>(self, z: &[D], y: &[f64]) -> D {
        let sum = |f: &dyn Fn(D, f64) -> D| -> D { z.iter().zip(y).map(|(z, y)| f(z.clone(), *y)).sum() };
        match self {
            Self::Squared => sum(&squared),
            Self::Log => sum(&|z: D, y| softplus(-z.clone()) * y + softplus(z) * (1.0 - y)),
            Self::CrossEntropy => {
                let largest = z.iter().map(DualStruct::re).fold(f64::MIN, f64::max);
                let total: D = z.iter().map(|z| (z.clone() - largest).exp()).sum();
                let log = total.ln() + largest;
                z.iter().zip(y).map(|(z, y)| (log.clone() - z.clone()) * *y).sum()
            }
            Self::Huber(delta) => sum(&|z, y| huber(z, y, delta)),
            Self::SquaredThrough(a) => sum(&|z, y| squared(activate(a, z), y)),
            Self::HuberThrough(delta, a) => sum(&|z, y| huber(activate(a, z), y, delta)),
        }
    }
}

impl Problem {
    pub(crate) fn parameters(&self) -> usize {
        let mut fan_in = self.inputs;
        let mut count = 0;
        for (units, _) in &self.layers {
            count += units * (fan_in + usize::from(self.bias));
            fan_in = *units;
        }
        count
    }

    /// Whether parameter `i` is a weight, not a bias.
    fn is_weight(&self) -> Vec<bool> {
        let mut fan_in = self.inputs;
        let mut weight = Vec::new();
        for (units, _) in &self.layers {
            weight.extend(std::iter::repeat_n(true, units * fan_in));
            weight.extend(std::iter::repeat_n(false, if self.bias { *units } else { 0 }));
            fan_in = *units;
        }
        weight
    }

    /// Scores of one sample. `θ` holds per layer `W` (units × inputs) column after column, then `b`.
    pub(crate) fn scores<D: Number>(&self, theta: &[D], x: &[D]) -> Vec<D> {
        let (mut a, mut offset) = (x.to_vec(), 0);
        for &(units, activation) in &self.layers {
            let bias = offset + units * a.len();
            let mut next = Vec::with_capacity(units);
            for unit in 0..units {
                let mut z = if self.bias { theta[bias + unit].clone() } else { D::from(0.0) };
                for (i, a) in a.iter().enumerate() {
                    z += theta[offset + i * units + unit].clone() * a.clone();
                }
                next.push(activate(activation, z));
            }
            offset = bias + if self.bias { units } else { 0 };
            a = next;
        }
        a
    }

    /// The empirical risk, penalty included.
    pub(crate) fn risk<D: Number>(&self, theta: &[D]) -> D {
        let total: f64 = self.weights.iter().sum();
        let mut sum = D::from(0.0);
        for ((x, y), w) in self.x.iter().zip(&self.y).zip(&self.weights) {
            let x: Vec<D> = x.iter().map(|x| D::from(*x)).collect();
            sum += self.loss.loss(&self.scores(theta, &x), y) * (*w / total);
        }
        for (theta, weight) in theta.iter().zip(self.is_weight()) {
            if weight {
                sum += theta.clone() * theta.clone() * (self.ridge / 2.0);
            }
        }
        sum
    }

    pub(crate) fn gradient(&self, theta: &[f64]) -> (f64, Vec<f64>) {
        let mut point: Vec<Dual64> = theta.iter().map(|t| Dual64::from_re(*t)).collect();
        let mut value = f64::NAN;
        let gradient = (0..theta.len()).map(|i| {
            point[i].eps = 1.0;
            let f = self.risk(&point);
            point[i].eps = 0.0;
            value = f.re;
            f.eps
        });
        let gradient = gradient.collect();
        (value, gradient)
    }

    /// `∇²f v`.
    pub(crate) fn hessian_product(&self, theta: &[f64], v: &[f64]) -> Vec<f64> {
        let lift = |(t, v): (&f64, &f64)| HyperDual64::new(*t, *v, 0.0, 0.0);
        let mut point: Vec<HyperDual64> = theta.iter().zip(v).map(lift).collect();
        let entry = |i: usize| {
            point[i].eps2 = 1.0;
            let f = self.risk(&point);
            point[i].eps2 = 0.0;
            f.eps1eps2
        };
        (0..theta.len()).map(entry).collect()
    }

    /// Column after column.
    pub(crate) fn hessian(&self, theta: &[f64]) -> Vec<f64> {
        let n = theta.len();
        let mut h = Vec::with_capacity(n * n);
        for j in 0..n {
            let unit: Vec<f64> = (0..n).map(|i| if i == j { 1.0 } else { 0.0 }).collect();
            h.extend(self.hessian_product(theta, &unit));
        }
        h
    }

    /// `Jᵀ (∂²L/∂Z²) J v`, penalty included.
    pub(crate) fn gauss_newton_product(&self, theta: &[f64], v: &[f64]) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        let mut out: Vec<f64> =
            v.iter().zip(self.is_weight()).map(|(v, w)| if w { self.ridge * v } else { 0.0 }).collect();
        for ((x, y), w) in self.x.iter().zip(&self.y).zip(&self.weights) {
            let x: Vec<Dual64> = x.iter().map(|x| Dual64::from_re(*x)).collect();
            let along: Vec<Dual64> = theta.iter().zip(v).map(|(t, v)| Dual64::new(*t, *v)).collect();
            let z = self.scores(&along, &x);
            // S (J v), entry by entry
            let bent: Vec<f64> = (0..z.len())
                .map(|o| {
                    let lift = |(i, z): (usize, &Dual64)| {
                        HyperDual64::new(z.re, z.eps, if i == o { 1.0 } else { 0.0 }, 0.0)
                    };
                    let z: Vec<HyperDual64> = z.iter().enumerate().map(lift).collect();
                    self.loss.loss(&z, y).eps1eps2 * w / total
                })
                .collect();
            for (i, out) in out.iter_mut().enumerate() {
                let lift = |(j, t): (usize, &f64)| Dual64::new(*t, if i == j { 1.0 } else { 0.0 });
                let point: Vec<Dual64> = theta.iter().enumerate().map(lift).collect();
                let z = self.scores(&point, &x);
                *out += z.iter().zip(&bent).map(|(z, s)| z.eps * s).sum::<f64>();
            }
        }
        out
    }

    /// `∂f/∂X`, sample after sample.
    pub(crate) fn input_gradient(&self, theta: &[f64]) -> Vec<f64> {
        let total: f64 = self.weights.iter().sum();
        let theta: Vec<Dual64> = theta.iter().map(|t| Dual64::from_re(*t)).collect();
        let mut out = Vec::new();
        for ((x, y), w) in self.x.iter().zip(&self.y).zip(&self.weights) {
            for i in 0..x.len() {
                let lift = |(j, x): (usize, &f64)| Dual64::new(*x, if i == j { 1.0 } else { 0.0 });
                let x: Vec<Dual64> = x.iter().enumerate().map(lift).collect();
                out.push(self.loss.loss(&self.scores(&theta, &x), y).eps * w / total);
            }
        }
        out
    }
}

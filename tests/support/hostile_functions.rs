//! Functions that methods stumble over: poles, jumps, edges of the domain, plateaus, overflow and underflow, infinite
//! slopes, kinks, no minimum at all, chains of saddles. Derivatives are by dual numbers, and so as hostile as the
//! function.

use gradus::{Hessian, HessianProduct, Objective, Real};
use nalgebra::{DMatrix, DVector};
use num_dual::DualNum;

/// One of them: its name, whether it has no local minimum (not even by rounding), and where to start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hostile {
    pub name: &'static str,
    pub falls: bool,
    pub start: &'static [f64],
}

const fn h(name: &'static str, falls: bool, start: &'static [f64]) -> Hostile {
    Hostile { name, falls, start }
}

pub(crate) const ALL: [Hostile; 72] = [
    h("x", true, &[0.3]),
    h("-x²", true, &[0.0]),
    h("-x² far", true, &[1e100]),
    h("x³", true, &[1.0]),
    h("x³ at 0", true, &[0.0]),
    h("x⁵", true, &[1.0]),
    h("-x⁴", true, &[0.0]),
    h("x⁴", false, &[1.0]),
    h("x⁸", false, &[3.0]),
    h("x² - x³", true, &[0.7]),
    h("1/x", true, &[1.0]),
    h("1/x below", true, &[-1.0]),
    h("-1/x", true, &[1.0]),
    h("-1/x²", true, &[2.0]),
    h("1/x²", true, &[1.0]),
    h("ln x", true, &[1.0]),
    h("-ln x", true, &[1.0]),
    h("ln x²", true, &[1.0]),
    h("x ln x", false, &[0.01]),
    h("√x", true, &[1.0]),
    h("-√x", true, &[1.0]),
    h("√(1 - x²)", true, &[0.1]),
    h("-√(1 - x²)", false, &[0.9]),
    h("x^1.5", false, &[1.0]),
    h("cube root", true, &[1.0]),
    h("|x|", false, &[0.3]),
    h("√|x|", false, &[0.3]),
    h("max(x, 0)", false, &[1.0]),
    h("max(x, 0) dead", false, &[-1.0]),
    h("eˣ", true, &[0.0]),
    h("e⁻ˣ", true, &[0.0]),
    h("eˣ at 709", true, &[709.0]),
    h("e^(eˣ)", true, &[1.0]),
    h("e^(x²)", false, &[5.0]),
    h("cosh", false, &[300.0]),
    h("x e⁻ˣ", false, &[5.0]),
    h("tan", true, &[0.1]),
    h("atan", true, &[1.0]),
    h("tanh", false, &[20.0]),
    h("-e^(-x²)", false, &[3.0]),
    h("-e^(-x²) far", false, &[30.0]),
    h("1/(1 + x²)", true, &[0.0]),
    h("floor", false, &[0.5]),
    h("saw", true, &[0.5]),
    h("jump", true, &[0.5]),
    h("NaN band", false, &[2.0]),
    h("constant", false, &[1.0]),
    h("sin 1000x + x²", false, &[1.0]),
    h("x sin 1/x", false, &[0.1]),
    h("1e300 x²", false, &[1e3]),
    h("1e-300 x²", false, &[1e3]),
    h("huge", false, &[1e150]),
    h("tiny", false, &[1e-150]),
    h("1e16 + x²", false, &[3.0]),
    h("(x + 1e8)² - 1e16", false, &[3.0]),
    h("rational pole", true, &[0.9]),
    h("xy", true, &[1.0, 0.5]),
    h("x² - y²", true, &[1.0, 0.0]),
    h("monkey saddle", true, &[1.0, 1.0]),
    h("x² - y⁴", true, &[1.0, 0.0]),
    h("x² + y³", true, &[1.0, 1.0]),
    h("x²y²", false, &[1.0, 2.0]),
    h("(x - y)²", false, &[1.0, 2.0]),
    h("x + y²/2", true, &[0.0, 0.0]),
    h("Peano", true, &[0.5, 0.5]),
    h("|x| + |y|", false, &[0.7, 0.4]),
    h("max(x², y)", true, &[1.0, 0.5]),
    h("Rosenbrock × 1e12", false, &[-1.2, 1.0]),
    h("x/y", true, &[1.0, 1.0]),
    h("√(x² + y²)", false, &[3.0, 4.0]),
    h("saddle chain", false, &[0.0, 0.0, 0.0]),
    h("ln Σ eˣ", true, &[1.0, -2.0, 3.0]),
];

fn formula<D: DualNum<Primitive = f64>>(name: &str, v: &[D]) -> D {
    let x = || v[0].clone();
    let y = || v[1].clone();
    let c = |c: f64| D::from(c);
    let abs = |x: D| if x.re() < 0.0 { -x } else { x };
    match name {
        "x" => x(),
        "-x²" | "-x² far" => -x().powi(2),
        "x³" | "x³ at 0" => x().powi(3),
        "x⁵" => x().powi(5),
        "-x⁴" => -x().powi(4),
        "x⁴" => x().powi(4),
        "x⁸" => x().powi(8),
        "x² - x³" => x().powi(2) - x().powi(3),
        "1/x" | "1/x below" => x().recip(),
        "-1/x" => -x().recip(),
        "-1/x²" => -x().powi(-2),
        "1/x²" => x().powi(-2),
        "ln x" => x().ln(),
        "-ln x" => -x().ln(),
        "ln x²" => x().powi(2).ln(),
        "x ln x" => x() * x().ln(),
        "√x" => x().sqrt(),
        "-√x" => -x().sqrt(),
        "√(1 - x²)" => (-x().powi(2) + 1.0).sqrt(),
        "-√(1 - x²)" => -(-x().powi(2) + 1.0).sqrt(),
        "x^1.5" => x().powf(1.5),
        "cube root" => x().cbrt(),
        "|x|" => abs(x()),
        "√|x|" => abs(x()).sqrt(),
        "max(x, 0)" | "max(x, 0) dead" => {
            if x().re() > 0.0 {
                x()
            } else {
                x() * 0.0
            }
        }
        "eˣ" | "eˣ at 709" => x().exp(),
        "e⁻ˣ" => (-x()).exp(),
        "e^(eˣ)" => x().exp().exp(),
        "e^(x²)" => x().powi(2).exp(),
        "cosh" => x().cosh(),
        "x e⁻ˣ" => -(x() * (-x()).exp()),
        "tan" => x().tan(),
        "atan" => x().atan(),
        "tanh" => x().tanh(),
        "-e^(-x²)" | "-e^(-x²) far" => -(-x().powi(2)).exp(),
        "1/(1 + x²)" => (x().powi(2) + 1.0).recip(),
        "floor" => x() * 0.0 + x().re().floor(),
        "saw" => x() - x().re().floor(),
        "jump" => x() + if x().re() < 0.0 { 3.0 } else { 0.0 },
        "NaN band" => x().powi(2) + if (1.0..1.5).contains(&x().re()) { f64::NAN } else { 0.0 },
        "constant" => x() * 0.0 + 7.0,
        "sin 1000x + x²" => (x() * 1e3).sin() + x().powi(2),
        "x sin 1/x" => x() * x().recip().sin(),
        "1e300 x²" => x().powi(2) * 1e300,
        "1e-300 x²" => x().powi(2) * 1e-300,
        "huge" | "tiny" => x().powi(2),
        "1e16 + x²" => x().powi(2) + 1e16,
        "(x + 1e8)² - 1e16" => (x() + 1e8).powi(2) - 1e16,
        "rational pole" => -(x() + 2.0) / (-x() + 1.0).powi(2),
        "xy" => x() * y(),
        "x² - y²" => x().powi(2) - y().powi(2),
        "monkey saddle" => x().powi(3) - x() * y().powi(2) * 3.0,
        "x² - y⁴" => x().powi(2) - y().powi(4),
        "x² + y³" => x().powi(2) + y().powi(3),
        "x²y²" => x().powi(2) * y().powi(2),
        "(x - y)²" => (x() - y()).powi(2),
        "x + y²/2" => x() + y().powi(2) * 0.5,
        "Peano" => (y() - x().powi(2)) * (y() - x().powi(2) * 3.0),
        "|x| + |y|" => abs(x()) + abs(y()),
        "max(x², y)" => {
            if x().re().powi(2) > y().re() {
                x().powi(2)
            } else {
                y()
            }
        }
        "Rosenbrock × 1e12" => ((y() - x().powi(2)).powi(2) * 100.0 + (-x() + 1.0).powi(2)) * 1e12,
        "x/y" => x() / y(),
        "√(x² + y²)" => (x().powi(2) + y().powi(2)).sqrt(),
        "saddle chain" => v.iter().fold(c(0.0), |f, x| f + x.clone().powi(4) - x.clone().powi(2)),
        "ln Σ eˣ" => v.iter().fold(c(0.0), |f, x| f + x.exp()).ln(),
        _ => unreachable!("no function {name}"),
    }
}

fn wide<T: Real>(x: &DVector<T>) -> DVector<f64> {
    x.map(|x| x.f64())
}

impl<T: Real> Objective<T> for Hostile {
    fn dim(&self) -> usize {
        self.start.len()
    }
    fn value(&mut self, x: &DVector<T>) -> T {
        T::of(formula(self.name, wide(x).as_slice()))
    }
    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let (f, g) = num_dual::gradient(|x| formula(self.name, x.as_slice()), &wide(x));
        gradient.copy_from(&g.map(T::of));
        T::of(f)
    }
}

impl<T: Real> Hessian<T> for Hostile {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        let (_, _, h) = num_dual::hessian(|x| formula(self.name, x.as_slice()), &wide(x));
        hessian.copy_from(&h.map(T::of));
    }
}

impl<T: Real> HessianProduct<T> for Hostile {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let mut h = DMatrix::zeros(x.len(), x.len());
        self.hessian(x, &mut h);
        out.gemv(T::one(), &h, v, T::zero());
    }
}

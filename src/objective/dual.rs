//! Exact derivatives of a function that is written once, by dual numbers.

use std::fmt;

use nalgebra::{DMatrix, DVector};
use num_dual::{Derivative, Dual, DualNum, DualNumFloat, DualSVec};

use crate::{Hessian, HessianProduct, Objective, Real};

/// The scalars that dual numbers are made of here: `f32` and `f64`.
///
/// ```
/// use gradus::Objective;
/// use gradus::nalgebra::{self, DVector, dvector};
/// use gradus::num_dual::DualNum;
/// use gradus::objective::{AutoDiff, DualFunction, DualReal};
///
/// struct Cube;
///
/// impl<T: DualReal> DualFunction<T> for Cube {
///     fn dim(&self) -> usize { 1 }
///     fn value<D: DualNum<Primitive = T> + Copy>(&self, x: &DVector<D>) -> D {
///         x[0].powi(3)
///     }
/// }
///
/// let mut g = dvector![0.0_f32];
/// AutoDiff::<f32, _>::new(Cube).value_gradient(&dvector![2.0], &mut g);
/// assert_eq!(g[0], 12.0); // 3 x²
/// ```
pub trait DualReal: Real + DualNumFloat + DualNum<Primitive = Self> {}

impl<T: Real + DualNumFloat + DualNum<Primitive = T>> DualReal for T {}

/// A number that may carry derivatives: what a [`DualModel`](crate::DualModel) or [`DualResiduals`](crate::least_squares::DualResiduals)
/// computes with, in `f64` or `f32`. It is [`Copy`], with the usual operators and functions (`exp`, `ln`, `powi`, `sqrt`,
/// `tanh`, …), and compares by value.
///
/// The functions are those of num-dual, and exact to rounding but for two: `tanh` takes its derivative from `1 − tanh²`, which
/// loses digits as `tanh` nears 1 (3e−8 of it at 10; write `1 − 2 / (e²ˣ + 1)`) and is not a number beyond 355 (`tanh` itself
/// beyond 710), and `powf` is not a number at 0 and may lose its second derivative next to it (for a power that is known
/// write `powi`, or products of `sqrt`). What overflows on the way has no derivative: `1 / (1 + e⁻ᶻ)` at `z = −800`; there
/// write `eᶻ / (1 + eᶻ)`, by a comparison of `z` with 0.
///
/// ```
/// use gradus::Number;
///
/// /// Rosenbrock's valley
/// fn valley<D: Number>(x: &[D]) -> D {
///     let t = x[1] - x[0] * x[0];
///     D::of(100.0) * t * t + (D::of(1.0) - x[0]).powi(2)
/// }
/// assert_eq!(valley(&[0.0, 1.0]), 101.0);
/// ```
pub trait Number: DualNum<Primitive: DualReal> + Copy {
    /// A constant.
    ///
    /// ```
    /// use gradus::Number;
    ///
    /// assert_eq!(<f32 as Number>::of(0.5), 0.5);
    /// ```
    fn of(value: f64) -> Self {
        <Self as From<Self::Primitive>>::from(<Self::Primitive as Real>::of(value))
    }
}

impl<D: DualNum<Primitive: DualReal> + Copy> Number for D {}

/// A function written once, over numbers that may carry derivatives; [`AutoDiff`] makes an objective of it.
///
/// ```
/// use gradus::nalgebra::{self, DVector, dvector};
/// use gradus::num_dual::DualNum;
/// use gradus::objective::{AutoDiff, DualFunction};
/// use gradus::{Newton, Stop, minimize};
///
/// /// f = eˣ + x y² − ln y
/// struct Mine;
///
/// impl DualFunction<f64> for Mine {
///     fn dim(&self) -> usize {
///         2
///     }
///     fn value<D: DualNum<Primitive = f64> + Copy>(&self, x: &DVector<D>) -> D {
///         let (x, y) = (x[0], x[1]);
///         x.exp() + x * y * y - y.ln()
///     }
/// }
///
/// let (mut f, start) = (AutoDiff::new(Mine), dvector![0.5, 0.5]);
/// let report = minimize(&mut Newton::new(), &mut f, start, &Stop::default())?;
/// println!("{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
pub trait DualFunction<T: DualReal> {
    /// The length of `x`.
    fn dim(&self) -> usize;

    /// `f(x)`. Branches on the value of a number are fine (`x > 0.0`); the derivatives are those of the branch
    /// taken.
    fn value<D: DualNum<Primitive = T> + Copy>(&self, x: &DVector<D>) -> D;
}

/// So many coordinates share one run through the function.
pub(crate) const WIDTH: usize = 8;

/// `f + Σ f_i ε_i`, a chunk of the gradient.
pub(crate) type Chunk<T> = DualSVec<T, WIDTH>;

/// A [`DualFunction`] as an objective with gradient, Hessian and Hessian product, exact to rounding.
///
/// | quantity | runs through the function |
/// |---|---|
/// | `f` | 1, over plain numbers |
/// | `∇f` | `n/8`, each with eight derivatives |
/// | `∇²f v` | `n/8`, each with nine first and eight mixed second derivatives |
/// | `∇²f` | `n²/16` of the same: the columns' lower halves |
///
/// Forward mode costs a multiple of `n`: right for functions of up to some hundred variables. Models trained on
/// data have an [`EmpiricalRisk`](crate::EmpiricalRisk) instead, whose gradient costs three values.
///
/// ```
/// use gradus::Hessian;
/// use gradus::nalgebra::{self, DMatrix, DVector, dmatrix, dvector};
/// use gradus::num_dual::DualNum;
/// use gradus::objective::{AutoDiff, DualFunction};
///
/// struct Product;
///
/// impl DualFunction<f64> for Product {
///     fn dim(&self) -> usize {
///         2
///     }
///     fn value<D: DualNum<Primitive = f64> + Copy>(&self, x: &DVector<D>) -> D {
///         x[0].powi(2) * x[1]
///     }
/// }
///
/// let (mut f, mut h) = (AutoDiff::new(Product), DMatrix::zeros(2, 2));
/// f.hessian(&dvector![3.0, 5.0], &mut h);
/// assert_eq!(h, dmatrix![10.0, 6.0; 6.0, 0.0]);
/// ```
#[derive(Clone)]
pub struct AutoDiff<T: DualReal, F> {
    pub(crate) function: F,
    pub(crate) first: Run<Chunk<T>>,
    pub(crate) second: Run<Dual<Chunk<T>>>,
}

/// The arguments of a run, and room for its results where there are several.
#[derive(Clone)]
pub(crate) struct Run<D> {
    pub(crate) x: DVector<D>,
    pub(crate) results: Vec<D>,
}

impl<T: DualReal> Run<Chunk<T>> {
    /// Derivatives in the coordinates from `start` on.
    pub(crate) fn place(&mut self, x: &DVector<T>, start: usize) {
        let numbers = x.iter().enumerate().map(|(i, x)| seed(*x, i, start));
        write(&mut self.x, x.len(), numbers);
    }
}

impl<T: DualReal> Run<Dual<Chunk<T>>> {
    /// Derivatives along `v`, and mixed ones in the coordinates from `start` on.
    pub(crate) fn place(&mut self, x: &DVector<T>, v: impl Fn(usize) -> T, start: usize) {
        let numbers = x.iter().enumerate().map(|(i, x)| Dual::new(seed(*x, i, start), Chunk::from_re(v(i))));
        write(&mut self.x, x.len(), numbers);
    }
}

fn write<D: DualNum + Copy>(to: &mut DVector<D>, n: usize, numbers: impl Iterator<Item = D>) {
    if to.len() == n {
        to.iter_mut().zip(numbers).for_each(|(to, number)| *to = number);
    } else {
        *to = DVector::from_iterator(n, numbers);
    }
}

impl<T: DualReal, F> AutoDiff<T, F> {
    /// The objective of a [`DualFunction`], the residuals of [`DualResiduals`](crate::least_squares::DualResiduals).
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dvector};
    /// use gradus::num_dual::DualNum;
    /// use gradus::objective::{AutoDiff, DualFunction};
    /// use gradus::{HessianProduct, Objective};
    ///
    /// struct Cube; // f = x³
    /// impl DualFunction<f64> for Cube {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn value<D: DualNum<Primitive = f64> + Copy>(&self, x: &DVector<D>) -> D {
    ///         x[0].powi(3)
    ///     }
    /// }
    /// let (mut f, mut out) = (AutoDiff::new(Cube), dvector![0.0]);
    /// assert_eq!((f.value_gradient(&dvector![2.0], &mut out), out[0]), (8.0, 12.0));
    /// f.hessian_product(&dvector![2.0], &dvector![1.0], &mut out);
    /// assert_eq!(out[0], 12.0); // 6 x
    /// ```
    pub fn new(function: F) -> Self {
        let first = Run { x: DVector::from_vec(Vec::new()), results: Vec::new() };
        let second = Run { x: DVector::from_vec(Vec::new()), results: Vec::new() };
        Self { function, first, second }
    }
}

impl<T: DualReal, F: DualFunction<T>> AutoDiff<T, F> {
    /// The function.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::num_dual::DualNum;
    /// use gradus::objective::{AutoDiff, DualFunction};
    ///
    /// struct Power(i32); // f = xⁿ
    /// impl DualFunction<f64> for Power {
    ///     fn dim(&self) -> usize { 1 }
    ///     fn value<D: DualNum<Primitive = f64> + Copy>(&self, x: &DVector<D>) -> D {
    ///         x[0].powi(self.0)
    ///     }
    /// }
    /// assert_eq!(AutoDiff::new(Power(3)).function().0, 3);
    /// ```
    pub fn function(&self) -> &F {
        &self.function
    }

    /// `vᵀ∇f` and its derivatives in the coordinates from `start`: a chunk of `∇²f v`.
    fn second(&mut self, x: &DVector<T>, v: impl Fn(usize) -> T, start: usize) -> [T; WIDTH] {
        self.second.place(x, v, start);
        parts(&self.function.value(&self.second.x).eps)
    }
}

/// `x`, as the `i`-th coordinate of a run for those from `start` on.
pub(crate) fn seed<T: DualReal>(x: T, i: usize, start: usize) -> Chunk<T> {
    let number = Chunk::from_re(x);
    if (start..start + WIDTH).contains(&i) { number.derivative(i - start) } else { number }
}

pub(crate) fn parts<T: DualReal>(number: &Chunk<T>) -> [T; WIDTH] {
    let Derivative(parts) = &number.eps;
    parts.map_or([T::zero(); WIDTH], |parts| parts.data.0[0])
}

impl<T: DualReal, F> fmt::Debug for AutoDiff<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AutoDiff").finish_non_exhaustive()
    }
}

impl<T: DualReal, F: DualFunction<T>> Objective<T> for AutoDiff<T, F> {
    fn dim(&self) -> usize {
        self.function.dim()
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        if x.len() == self.dim() { self.function.value(x) } else { T::NAN }
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        let n = self.dim();
        if [x.len(), gradient.len()] != [n; 2] {
            return T::NAN;
        }
        if n == 0 {
            return self.function.value(x);
        }
        let mut value = T::NAN;
        for start in (0..n).step_by(WIDTH) {
            self.first.place(x, start);
            let run = self.function.value(&self.first.x);
            value = run.re;
            for (gradient, part) in gradient.as_mut_slice()[start..].iter_mut().zip(parts(&run)) {
                *gradient = part;
            }
        }
        value
    }
}

impl<T: DualReal, F: DualFunction<T>> HessianProduct<T> for AutoDiff<T, F> {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let n = self.dim();
        if [x.len(), v.len(), out.len()] != [n; 3] {
            return;
        }
        for start in (0..n).step_by(WIDTH) {
            let parts = self.second(x, |i| v[i], start);
            for (out, part) in out.as_mut_slice()[start..].iter_mut().zip(parts) {
                *out = part;
            }
        }
    }
}

impl<T: DualReal, F: DualFunction<T>> Hessian<T> for AutoDiff<T, F> {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        let n = self.dim();
        if x.len() != n || hessian.shape() != (n, n) {
            return;
        }
        for j in 0..n {
            // the chunk that holds the diagonal, and those below
            for start in (j / WIDTH * WIDTH..n).step_by(WIDTH) {
                let parts = self.second(x, |i| if i == j { T::one() } else { T::zero() }, start);
                for (i, part) in (start..n).zip(parts) {
                    if i >= j {
                        hessian[(i, j)] = part;
                        hessian[(j, i)] = part;
                    }
                }
            }
        }
    }
}

use nalgebra::{DMatrix, DVector};

use crate::contract::room;
use crate::{Hessian, HessianProduct, Objective, Real};

/// Rosenbrock's valley in any number of variables (Rosenbrock 1960, chained), `O(n)` to evaluate.
///
/// ```text
/// f = Σ_{i<n} 100 (x_{i+1} − x_i²)² + (1 − x_i)²
/// ```
///
/// The global minimum is 0 at `(1, …, 1)`; from `n = 4` on there is another one near `(−1, 1, …, 1)`. Fewer
/// than two variables make the constant 0.
///
/// ```
/// use gradus::{Objective, problems::Rosenbrock};
///
/// let mut rosenbrock = Rosenbrock::new(10);
/// assert_eq!(rosenbrock.value(&rosenbrock.minimum::<f64>()), 0.0);
/// assert_eq!(rosenbrock.start::<f64>()[0], -1.2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rosenbrock {
    dim: usize,
}

impl Rosenbrock {
    /// In `dim` variables.
    ///
    /// ```
    /// use gradus::{Objective, problems::Rosenbrock, vector};
    ///
    /// // two terms of (1 − 0)²
    /// assert_eq!(Rosenbrock::new(3).value(&vector![0.0, 0.0, 0.0]), 2.0);
    /// ```
    pub fn new(dim: usize) -> Self {
        Self { dim }
    }

    /// The customary start, `(−1.2, 1, −1.2, 1, …)`; empty where memory does not hold it.
    ///
    /// ```
    /// use gradus::vector;
    /// use gradus::problems::Rosenbrock;
    ///
    /// assert_eq!(Rosenbrock::new(3).start::<f64>(), vector![-1.2, 1.0, -1.2]);
    /// ```
    pub fn start<T: Real>(&self) -> DVector<T> {
        DVector::from_fn(self.length::<T>(), |i, _| T::of(if i % 2 == 0 { -1.2 } else { 1.0 }))
    }

    /// The global minimum, `(1, …, 1)`; empty where memory does not hold it.
    ///
    /// ```
    /// use gradus::vector;
    /// use gradus::problems::Rosenbrock;
    ///
    /// assert_eq!(Rosenbrock::new(3).minimum::<f64>(), vector![1.0, 1.0, 1.0]);
    /// ```
    pub fn minimum<T: Real>(&self) -> DVector<T> {
        DVector::repeat(self.length::<T>(), T::one())
    }

    fn length<T: Real>(&self) -> usize {
        if room::<T>("dim", &[self.dim]).is_ok() { self.dim } else { 0 }
    }

    /// `(i, x_i, t)` of every term, with `t = x_{i+1} − x_i²`.
    fn terms<T: Real>(x: &DVector<T>) -> impl Iterator<Item = (usize, T, T)> {
        x.as_slice().windows(2).enumerate().map(|(i, x)| (i, x[0], x[1] - x[0] * x[0]))
    }
}

/// `100 t² + (1 − x)²`.
fn term<T: Real>(x: T, t: T) -> T {
    T::of(100.0) * t * t + (T::one() - x) * (T::one() - x)
}

/// `∂²/∂x_i²` and `∂²/∂x_i ∂x_{i+1}` of a term; `∂²/∂x_{i+1}²` is 200.
fn second<T: Real>(x: T, t: T) -> (T, T) {
    (T::of(800.0) * x * x - T::of(400.0) * t + T::of(2.0), T::of(-400.0) * x)
}

impl<T: Real> Objective<T> for Rosenbrock {
    fn dim(&self) -> usize {
        self.dim
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        if x.len() != self.dim {
            return T::NAN;
        }
        Self::terms(x).fold(T::zero(), |f, (_, x, t)| f + term(x, t))
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        if [x.len(), gradient.len()] != [self.dim; 2] {
            return T::NAN;
        }
        let g = gradient.as_mut_slice();
        g.fill(T::zero());
        let mut f = T::zero();
        for (i, x, t) in Self::terms(x) {
            f += term(x, t);
            g[i] -= T::of(400.0) * x * t + T::of(2.0) * (T::one() - x);
            g[i + 1] = T::of(200.0) * t;
        }
        f
    }
}

impl<T: Real> Hessian<T> for Rosenbrock {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        if x.len() != self.dim || hessian.shape() != (self.dim, self.dim) {
            return;
        }
        let (n, h) = (self.dim, hessian.as_mut_slice());
        h.fill(T::zero());
        for (i, x, t) in Self::terms(x) {
            let (diagonal, beside) = second(x, t);
            h[i * n + i] += diagonal;
            h[i * n + i + 1] = beside;
            h[i * n + n + i] = beside;
            h[i * n + n + i + 1] = T::of(200.0);
        }
    }
}

impl<T: Real> HessianProduct<T> for Rosenbrock {
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        if [x.len(), v.len(), out.len()] != [self.dim; 3] {
            return;
        }
        out.fill(T::zero());
        for (i, x, t) in Self::terms(x) {
            let (diagonal, beside) = second(x, t);
            out[i] += diagonal * v[i] + beside * v[i + 1];
            out[i + 1] = T::of(200.0) * v[i + 1] + beside * v[i];
        }
    }
}

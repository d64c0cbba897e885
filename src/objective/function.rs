//! Closures as objectives.

use std::fmt;

use nalgebra::{DMatrix, DVector};

use crate::kernel::{self, Factor};
use crate::{Hessian, HessianProduct, Objective, Real};

/// An objective made of closures: value and gradient, and by choice the value alone and the Hessian.
///
/// ```
/// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
/// use gradus::{CriticalKind, Function, Newton, Stop, minimize};
///
/// // f = 2x² + 3y² − xy
/// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
///     g.copy_from_slice(&[4.0 * x[0] - x[1], 6.0 * x[1] - x[0]]);
///     2.0 * x[0] * x[0] + 3.0 * x[1] * x[1] - x[0] * x[1]
/// })
/// .with_hessian(|_x: &DVector<f64>, h: &mut DMatrix<f64>| {
///     h.copy_from_slice(&[4.0, -1.0, -1.0, 6.0]);
/// });
/// let report = minimize(&mut Newton::new(), &mut f, dvector![4.0, 4.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// # Ok::<(), gradus::Error>(())
/// ```
///
/// Whether the derivatives belong to the function is a question for [`check::gradient`](crate::check::gradient) and
/// [`check::hessian`](crate::check::hessian).
#[derive(Clone)]
pub struct Function<T: Real, F, V = Without, H = Without> {
    dim: usize,
    value_gradient: F,
    value: V,
    hessian: H,
    /// The gradient that is thrown away where only the value is asked for.
    gradient: DVector<T>,
}

/// A closure that a [`Function`] was not given.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Without;

/// The closure that writes the Hessian of a [`Function`], and the matrix that its products go through.
#[doc(hidden)]
#[derive(Clone)]
pub struct WithHessian<T: Real, H> {
    write: H,
    scratch: DMatrix<T>,
}

/// The value alone, where there is a closure for it.
#[doc(hidden)]
pub trait ValueAlone<T> {
    fn value(&mut self, x: &DVector<T>) -> Option<T>;
}

impl<T> ValueAlone<T> for Without {
    fn value(&mut self, _x: &DVector<T>) -> Option<T> {
        None
    }
}

impl<T, V: FnMut(&DVector<T>) -> T> ValueAlone<T> for V {
    fn value(&mut self, x: &DVector<T>) -> Option<T> {
        Some(self(x))
    }
}

impl<T: Real, F> Function<T, F>
where
    F: FnMut(&DVector<T>, &mut DVector<T>) -> T,
{
    /// `value_gradient(x, g)` returns `f(x)` and writes `∇f(x)` to `g`; both have length `dim`.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dvector};
    /// use gradus::{Function, Objective};
    ///
    /// let mut f = Function::new(2, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g.copy_from_slice(&[x[1], x[0]]);
    ///     x[0] * x[1]
    /// });
    /// let mut g = DVector::zeros(2);
    /// assert_eq!((f.value_gradient(&dvector![2.0, 3.0], &mut g), g), (6.0, dvector![3.0, 2.0]));
    /// ```
    pub fn new(dim: usize, value_gradient: F) -> Self {
        Self { dim, value_gradient, value: Without, hessian: Without, gradient: DVector::zeros(0) }
    }
}

impl<T: Real, F, V, H> Function<T, F, V, H> {
    /// Adds a closure for `f(x)` alone, for line searches, which ask for nothing else. Default: the closure
    /// of [`new`](Function::new), its gradient thrown away.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector, dvector};
    /// use gradus::{Function, Objective};
    ///
    /// let mut f = Function::new(1, |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g[0] = x[0].exp();
    ///     g[0]
    /// })
    /// .with_value(|x: &DVector<f64>| x[0].exp());
    /// assert_eq!(f.value(&dvector![0.0]), 1.0);
    /// ```
    pub fn with_value<W: FnMut(&DVector<T>) -> T>(self, value: W) -> Function<T, F, W, H> {
        let Self { dim, value_gradient, hessian, gradient, .. } = self;
        Function { dim, value_gradient, value, hessian, gradient }
    }

    /// Adds a closure that writes the whole `dim × dim` Hessian.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DMatrix, DVector, dvector};
    /// use gradus::{Function, HessianProduct};
    ///
    /// let product = |x: &DVector<f64>, g: &mut DVector<f64>| {
    ///     g.copy_from_slice(&[x[1], x[0]]);
    ///     x[0] * x[1]
    /// };
    /// let write = |_x: &DVector<f64>, h: &mut DMatrix<f64>| {
    ///     h.copy_from_slice(&[0.0, 1.0, 1.0, 0.0]);
    /// };
    /// let (mut f, mut hv) = (Function::new(2, product).with_hessian(write), DVector::zeros(2));
    /// f.hessian_product(&dvector![2.0, 3.0], &dvector![5.0, 7.0], &mut hv);
    /// assert_eq!(hv, dvector![7.0, 5.0]);
    /// ```
    pub fn with_hessian<G: FnMut(&DVector<T>, &mut DMatrix<T>)>(
        self, hessian: G,
    ) -> Function<T, F, V, WithHessian<T, G>> {
        let Self { dim, value_gradient, value, gradient, .. } = self;
        let hessian = WithHessian { write: hessian, scratch: DMatrix::zeros(0, 0) };
        Function { dim, value_gradient, value, hessian, gradient }
    }
}

impl<T: Real, F, V, H> fmt::Debug for Function<T, F, V, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function").field("dim", &self.dim).finish_non_exhaustive()
    }
}

impl<T: Real, H> fmt::Debug for WithHessian<T, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WithHessian")
    }
}

impl<T: Real, F, V, H> Objective<T> for Function<T, F, V, H>
where
    F: FnMut(&DVector<T>, &mut DVector<T>) -> T,
    V: ValueAlone<T>,
{
    fn dim(&self) -> usize {
        self.dim
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        if [x.len(), gradient.len()] != [self.dim; 2] {
            return T::NAN;
        }
        (self.value_gradient)(x, gradient)
    }

    fn value(&mut self, x: &DVector<T>) -> T {
        if x.len() != self.dim {
            return T::NAN;
        }
        if let Some(value) = self.value.value(x) {
            return value;
        }
        // sized at the first call, and again should the closure have replaced it
        if self.gradient.len() != self.dim {
            self.gradient = DVector::zeros(self.dim);
        }
        (self.value_gradient)(x, &mut self.gradient)
    }
}

impl<T, F, V, H> Hessian<T> for Function<T, F, V, WithHessian<T, H>>
where
    T: Real,
    Self: Objective<T>,
    H: FnMut(&DVector<T>, &mut DMatrix<T>),
{
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        if x.len() == self.dim && hessian.shape() == (self.dim, self.dim) {
            (self.hessian.write)(x, hessian);
        }
    }
}

impl<T, F, V, H> HessianProduct<T> for Function<T, F, V, WithHessian<T, H>>
where
    T: Real,
    Self: Objective<T>,
    H: FnMut(&DVector<T>, &mut DMatrix<T>),
{
    fn hessian_product(&mut self, x: &DVector<T>, v: &DVector<T>, out: &mut DVector<T>) {
        let n = self.dim;
        if [x.len(), v.len(), out.len()] != [n; 3] {
            return;
        }
        let WithHessian { write, scratch } = &mut self.hessian;
        if scratch.shape() != (n, n) {
            *scratch = DMatrix::repeat(n, n, T::NAN);
        }
        write(x, scratch);
        // a closure that replaced the matrix by another has no product
        if scratch.shape() == (n, n) {
            let h = Factor::new(scratch.as_slice(), n, n);
            kernel::product(T::one(), h, Factor::new(v.as_slice(), n, 1), T::zero(), out.as_mut_slice());
        } else {
            out.fill(T::NAN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cubic<T: Real>() -> impl Hessian<T> + HessianProduct<T> {
        let three = T::of(3.0);
        Function::new(2, move |x: &DVector<T>, g: &mut DVector<T>| {
            g.copy_from_slice(&[three * x[0] * x[0], x[0]]);
            g[0] += x[1];
            x[0] * x[0] * x[0] + x[0] * x[1]
        })
        .with_hessian(|x: &DVector<T>, h: &mut DMatrix<T>| {
            h.copy_from_slice(&[T::of(6.0) * x[0], T::one(), T::one(), T::zero()]);
        })
    }

    fn answers<T: Real>() {
        let (mut f, x) = (cubic::<T>(), DVector::from_vec(vec![T::of(2.0), T::of(-3.0)]));
        let (mut g, mut hv) = (DVector::zeros(2), DVector::zeros(2));
        assert!(f.value(&x) == T::of(2.0) && f.value_gradient(&x, &mut g) == T::of(2.0));
        assert!(g == DVector::from_vec(vec![T::of(9.0), T::of(2.0)]));
        f.hessian_product(&x, &DVector::from_vec(vec![T::one(), T::of(10.0)]), &mut hv);
        assert!(hv == DVector::from_vec(vec![T::of(22.0), T::one()]));
    }

    #[test]
    fn value_gradient_and_product() {
        answers::<f32>();
        answers::<f64>();
    }

    #[test]
    fn a_wrong_length_is_answered_by_nan_and_nothing_is_written() {
        let (mut f, two, three) = (cubic::<f64>(), DVector::zeros(2), DVector::zeros(3));
        let (mut short, mut long) = (DVector::repeat(2, 7.0), DVector::repeat(3, 7.0));
        assert!(f.value(&three).is_nan());
        assert!(f.value_gradient(&three, &mut long).is_nan());
        assert!(f.value_gradient(&two, &mut long).is_nan());
        f.hessian_product(&three, &two, &mut short);
        let mut h = DMatrix::repeat(3, 3, 7.0);
        f.hessian(&two, &mut h);
        let untouched = (DVector::repeat(3, 7.0), DVector::repeat(2, 7.0), DMatrix::repeat(3, 3, 7.0));
        assert_eq!((long, short, h), untouched);
    }
}

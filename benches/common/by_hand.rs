//! The same training step without this crate, for comparison: relu hidden layers, plain gradient descent.

use gradus::Real;
use gradus::nalgebra::{DMatrix, DMatrixView, DVector, Dyn};

use crate::nets::Net;

/// A layer, its gradient, and what a step keeps.
struct Layer<T> {
    w: DMatrix<T>,
    b: DVector<T>,
    grad_w: DMatrix<T>,
    grad_b: DVector<T>,
    a: DMatrix<T>,
    delta: DMatrix<T>,
}

pub(crate) struct ByHand<T> {
    layers: Vec<Layer<T>>,
    x: DMatrix<T>,
    y: DMatrix<T>,
}

/// `∂L/∂Z` for half the squared error (one output) or softmax cross-entropy.
fn output_delta<T: Real>(z: &DMatrix<T>, y: &DMatrix<T>, delta: &mut DMatrix<T>) {
    let share = T::one() / T::of(z.ncols() as f64);
    if z.nrows() == 1 {
        delta.zip_zip_apply(z, y, |d, z, y| *d = (z - y) * share);
        return;
    }
    for ((z, y), mut delta) in z.column_iter().zip(y.column_iter()).zip(delta.column_iter_mut()) {
        let max = z.max();
        delta.zip_apply(&z, |d, z| *d = (z - max).exp());
        let scale = share / delta.sum();
        delta.zip_apply(&y, |d, y| *d = *d * scale - y * share);
    }
}

fn relu<T: Real>(z: T) -> T {
    if z > T::zero() { z } else { T::zero() }
}

/// `Aᵀ` as a view with exchanged strides, which nalgebra's `gemm` takes at full speed.
fn t<T: Real>(a: &DMatrix<T>) -> DMatrixView<'_, T, Dyn, Dyn> {
    DMatrixView::from_slice_with_strides_generic(
        a.as_slice(),
        Dyn(a.ncols()),
        Dyn(a.nrows()),
        Dyn(a.nrows()),
        Dyn(1),
    )
}

impl<T: Real> ByHand<T> {
    pub(crate) fn new(net: &Net) -> Self {
        let theta = net.theta::<T>();
        let mut at = 0;
        let layers = net.layers().map(|(inputs, units)| {
            let (w, b) = (theta.rows(at, inputs * units), theta.rows(at + inputs * units, units));
            at += (inputs + 1) * units;
            Layer {
                w: DMatrix::from_column_slice(units, inputs, w.as_slice()),
                b: b.clone_owned(),
                grad_w: DMatrix::zeros(units, inputs),
                grad_b: DVector::zeros(units),
                a: DMatrix::zeros(units, net.batch),
                delta: DMatrix::zeros(units, net.batch),
            }
        });
        Self { layers: layers.collect(), x: net.x(net.batch), y: net.y(net.batch) }
    }

    /// What a first version would say: operators, `transpose` and `tr_mul`.
    pub(crate) fn naive_step(&mut self, rate: T) {
        let Self { layers, x, y } = self;
        let mut a = vec![x.clone()];
        for (l, layer) in layers.iter().enumerate() {
            let mut z = &layer.w * &a[l];
            for mut column in z.column_iter_mut() {
                column += &layer.b;
            }
            a.push(if l + 1 < layers.len() { z.map(relu) } else { z });
        }
        let mut delta = y.clone();
        output_delta(&a[layers.len()], y, &mut delta);
        for (l, layer) in layers.iter_mut().enumerate().rev() {
            let (grad_w, grad_b) = (&delta * a[l].transpose(), delta.column_sum());
            if l > 0 {
                let below = layer.w.tr_mul(&delta);
                delta = below.zip_map(&a[l], |d, a| if a > T::zero() { d } else { T::zero() });
            }
            layer.w -= grad_w * rate;
            layer.b -= grad_b * rate;
        }
    }

    /// What a day's work gives: buffers made once, products on nalgebra's `gemm` with transposed views.
    pub(crate) fn step(&mut self, rate: T) {
        let (one, zero) = (T::one(), T::zero());
        let Self { layers, x, y } = self;
        let depth = layers.len();
        for l in 0..depth {
            let (before, rest) = layers.split_at_mut(l);
            let layer = &mut rest[0];
            for mut column in layer.a.column_iter_mut() {
                column.copy_from(&layer.b);
            }
            layer.a.gemm(one, &layer.w, before.last().map_or(&*x, |below| &below.a), one);
            if l + 1 < depth {
                layer.a.apply(|z| *z = relu(*z));
            }
        }
        let last = &mut layers[depth - 1];
        output_delta(&last.a, y, &mut last.delta);
        for l in (0..depth).rev() {
            let (before, rest) = layers.split_at_mut(l);
            let layer = &mut rest[0];
            layer.grad_w.gemm(one, &layer.delta, &t(before.last().map_or(&*x, |below| &below.a)), zero);
            layer.grad_b.fill(zero);
            for column in layer.delta.column_iter() {
                layer.grad_b += column;
            }
            if let Some(below) = before.last_mut() {
                below.delta.gemm(one, &t(&layer.w), &layer.delta, zero);
                below.delta.zip_apply(&below.a, |d, a| *d = if a > zero { *d } else { zero });
            }
        }
        for layer in layers {
            layer.w.zip_apply(&layer.grad_w, |w, g| *w -= rate * g);
            layer.b.axpy(-rate, &layer.grad_b, one);
        }
    }

    /// The parameters, as the crate arranges them.
    pub(crate) fn theta(&self) -> DVector<T> {
        let parts = self.layers.iter().flat_map(|layer| layer.w.iter().chain(layer.b.iter()));
        DVector::from_vec(parts.copied().collect())
    }
}

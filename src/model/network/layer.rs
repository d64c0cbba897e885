use std::ops::Range;

use nalgebra::{DMatrixView, DMatrixViewMut, DVector, DVectorView, DVectorViewMut};

use crate::kernel::Factor;
use crate::{Activation, Error, Real};

/// One layer of a [`Network`](crate::Network): `a = φ(W a' + b)`, and where its `W` (`units × inputs`) and `b`
/// (`units`) stand in `θ`.
///
/// ```
/// use gradus::{Activation, Network};
///
/// let network = Network::new(&[3, 8, 2], Activation::Tanh);
/// let mut theta = network.initial::<f64>(1);
/// let [hidden, output] = network.layers() else { unreachable!("two layers") };
/// assert_eq!((hidden.units(), hidden.activation()), (8, Activation::Tanh));
/// assert_eq!(hidden.weights(&theta)?.shape(), (8, 3));
///
/// output.bias_mut(&mut theta)?.fill(0.5);
/// assert_eq!(theta[theta.len() - 1], 0.5);
/// # Ok::<(), gradus::Error>(())
/// ```
#[doc(alias("hidden layer", "weights and biases"))]
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Layer {
    pub(super) inputs: usize,
    pub(super) units: usize,
    pub(super) activation: Activation,
    /// Where its parameters start in `θ`.
    pub(super) offset: usize,
}

impl Layer {
    /// What comes in: columns of `W`.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// assert_eq!(Network::new(&[3, 8, 2], Activation::Tanh).layers()[1].inputs(), 8);
    /// ```
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// What goes out: rows of `W`, length of `b`.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// assert_eq!(Network::new(&[3, 8, 2], Activation::Tanh).layers()[1].units(), 2);
    /// ```
    pub fn units(&self) -> usize {
        self.units
    }

    /// `φ`.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[3, 8, 2], Activation::Tanh);
    /// assert_eq!(network.layers()[0].activation(), Activation::Tanh);
    /// ```
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The layer's part of `θ`: `W` column-major, then `b`.
    ///
    /// ```
    /// use gradus::{Activation, Network};
    ///
    /// let network = Network::new(&[3, 8, 2], Activation::Tanh);
    /// assert_eq!(network.layers()[1].range(), 32..50); // after 3 · 8 weights and 8 biases
    /// ```
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset.saturating_add(self.count())
    }

    /// `W` (`units × inputs`), a view into the network's `θ`, or into anything of its shape: of a gradient it is `∂L/∂W` of
    /// this layer.
    ///
    /// Its numbers lie column by column: a slice of them is the transpose of what PyTorch or NumPy keep
    /// ([`parameters_from_rows`](crate::Network::parameters_from_rows) takes theirs).
    ///
    /// ```
    /// use gradus::{Activation, Network, matrix, vector};
    ///
    /// let network = Network::new(&[2, 2], Activation::Tanh);
    /// let theta = vector![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// assert_eq!(network.layers()[0].weights(&theta)?, matrix![1.0, 3.0; 2.0, 4.0]);
    /// let gradient = vector![0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    /// assert_eq!(network.layers()[0].weights(&gradient)?, matrix![0.1, 0.3; 0.2, 0.4]); // ∂L/∂W
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] where `θ` ends before the layer does.
    pub fn weights<'a, T: Real>(&self, theta: &'a DVector<T>) -> Result<DMatrixView<'a, T>, Error> {
        self.check(theta)?;
        Ok(DMatrixView::from_slice(self.slices(theta).0, self.units, self.inputs))
    }

    /// `b` (`units`), a view into the network's `θ`; of a gradient `∂L/∂b`.
    ///
    /// ```
    /// use gradus::{Activation, Network, vector};
    ///
    /// let network = Network::new(&[2, 2], Activation::Tanh);
    /// let theta = vector![1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    /// assert_eq!(network.layers()[0].bias(&theta)?, vector![5.0, 6.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn bias<'a, T: Real>(&self, theta: &'a DVector<T>) -> Result<DVectorView<'a, T>, Error> {
        self.check(theta)?;
        Ok(DVectorView::from_slice(self.slices(theta).1, self.units))
    }

    /// `W` (`units × inputs`), to be written.
    ///
    /// ```
    /// use gradus::{Activation, Network, vector};
    ///
    /// let network = Network::new(&[2, 1], Activation::Tanh);
    /// let mut theta = vector![1.0, 2.0, 3.0];
    /// network.layers()[0].weights_mut(&mut theta)?[(0, 1)] = 7.0;
    /// assert_eq!(theta, vector![1.0, 7.0, 3.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn weights_mut<'a, T: Real>(
        &self, theta: &'a mut DVector<T>,
    ) -> Result<DMatrixViewMut<'a, T>, Error> {
        self.check(theta)?;
        Ok(DMatrixViewMut::from_slice(self.parts_mut(theta).0, self.units, self.inputs))
    }

    /// `b` (`units`), to be written.
    ///
    /// ```
    /// use gradus::{Activation, Network, vector};
    ///
    /// let network = Network::new(&[2, 1], Activation::Tanh);
    /// let mut theta = vector![1.0, 2.0, 3.0];
    /// network.layers()[0].bias_mut(&mut theta)?.fill(0.0);
    /// assert_eq!(theta, vector![1.0, 2.0, 0.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`weights`](Self::weights).
    pub fn bias_mut<'a, T: Real>(&self, theta: &'a mut DVector<T>) -> Result<DVectorViewMut<'a, T>, Error> {
        self.check(theta)?;
        Ok(DVectorViewMut::from_slice(self.parts_mut(theta).1, self.units))
    }

    fn check<T: Real>(&self, theta: &DVector<T>) -> Result<(), Error> {
        let (expected, found) = (self.range().end, theta.len());
        if found < expected { Err(Error::Length { argument: "theta", expected, found }) } else { Ok(()) }
    }

    pub(super) fn weight_count(&self) -> usize {
        self.inputs.saturating_mul(self.units)
    }

    /// Parameters; `usize::MAX` stands for more than can be counted.
    fn count(&self) -> usize {
        self.weight_count().saturating_add(self.units)
    }

    fn slices<'a, T: Real>(&self, theta: &'a DVector<T>) -> (&'a [T], &'a [T]) {
        theta.as_slice()[self.range()].split_at(self.weight_count())
    }

    /// `(W, b)` out of `θ`, or the same parts of anything of its shape.
    pub(super) fn parts<'a, T: Real>(&self, theta: &'a DVector<T>) -> (Factor<'a, T>, &'a [T]) {
        let (w, b) = self.slices(theta);
        (Factor::new(w, self.units, self.inputs), b)
    }

    pub(super) fn parts_mut<'a, T: Real>(&self, theta: &'a mut DVector<T>) -> (&'a mut [T], &'a mut [T]) {
        theta.as_mut_slice()[self.range()].split_at_mut(self.weight_count())
    }
}

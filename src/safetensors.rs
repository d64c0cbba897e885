//! Weights in the safetensors format, by PyTorch's names and in its layout.

use nalgebra::DVector;
use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensors, serialize};

use crate::{Architecture, Error, Fitted, Loss, Model, Network, Perceptron, Real, SigmoidClassifier};

/// A model that is a row of affine maps, each a `Linear` of PyTorch.
pub(crate) trait Linears: Architecture {
    /// Of each map inputs, units, and whether it has biases, in the order of `θ`.
    fn linears(&self) -> Vec<(usize, usize, bool)>;
}

impl Linears for Network {
    fn linears(&self) -> Vec<(usize, usize, bool)> {
        self.layers().iter().map(|layer| (layer.inputs(), layer.units(), true)).collect()
    }
}

impl Linears for Perceptron {
    fn linears(&self) -> Vec<(usize, usize, bool)> {
        vec![(self.0.inputs, self.0.outputs, self.0.bias)]
    }
}

impl Linears for SigmoidClassifier {
    fn linears(&self) -> Vec<(usize, usize, bool)> {
        vec![(self.0.inputs, self.0.outputs, self.0.bias)]
    }
}

#[expect(private_bounds, reason = "the models of the crate")]
impl<T: Real, M: Model<T> + Linears, L: Loss<T>> Fitted<T, M, L> {
    /// A model with the weights of a safetensors file: those of PyTorch's `Linear` layers under `prefix`, in the order
    /// of their numbers (`fc.0.weight`, `fc.0.bias`, `fc.2.weight`, … or `fc1.weight`, `fc2.weight`, …; of a model of
    /// one layer, `fc.weight`). The empty prefix takes `0.weight`, `2.weight`, …, the names of a bare `nn.Sequential`.
    ///
    /// The file holds each `W` (`units × inputs`) row by row; the activations are the model's and not the file's.
    ///
    /// ```
    /// use gradus::{Activation, Fitted, Network, SquaredError, vector};
    ///
    /// let network = Network::new(&[2, 1, 1], Activation::Tanh);
    /// let theta = vector![1.0_f32, 2.0, 0.5, 3.0, -1.0];
    /// let known = Fitted::from_parameters(network.clone(), SquaredError, theta)?;
    /// let file = known.to_safetensors("fc")?; // or `std::fs::read("model.safetensors")`
    /// let loaded = Fitted::from_safetensors(&file, "fc", network, SquaredError)?;
    /// assert_eq!(loaded.parameters(), known.parameters());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Failed`] for what is no file of this format; [`Error::Tensor`] where a layer's weights or biases are
    /// missing, of another shape, or not of `F32` (or `F64`, where the scalar is f64), and where there are more layers;
    /// [`Error::NonFinite`]; and what architecture and loss have to say of themselves.
    #[doc(alias("PyTorch", "load_state_dict"))]
    pub fn from_safetensors(bytes: &[u8], prefix: &str, model: M, loss: L) -> Result<Self, Error> {
        model.check_as()?;
        let refused = |why| Error::Failed { what: format!("this is no safetensors file: {why}") };
        let file = SafeTensors::deserialize(bytes).map_err(refused)?;
        let linears = model.linears();
        let names = numbered(&file, prefix);
        if names.len() != linears.len() {
            return Err(Error::Tensor {
                name: format!("{prefix}*.weight"),
                expected: format!("there for each of {} layers, by the numbers in the names", linears.len()),
                found: format!("{names:?} among {:?}", sorted(&file)),
            });
        }
        let mut theta = Vec::new();
        for (name, (inputs, units, has_bias)) in names.iter().zip(linears) {
            let weights: Vec<T> = entries(&file, &format!("{name}weight"), &[units, inputs])?;
            for i in 0..inputs {
                theta.extend(weights.iter().skip(i).step_by(inputs));
            }
            let bias = format!("{name}bias");
            match has_bias {
                true => theta.extend(entries::<T>(&file, &bias, &[units])?),
                false if file.tensor(&bias).is_ok() => {
                    let (expected, found) = ("left out: the model has no bias".into(), "it".into());
                    return Err(Error::Tensor { name: bias, expected, found });
                }
                false => {}
            }
        }
        Self::from_parameters(model, loss, DVector::from_vec(theta))
    }

    /// The weights as a safetensors file, by the names that a `nn.Sequential` of `Linear` layers with an activation after
    /// each gives them under `prefix`: `prefix.0.weight`, `prefix.0.bias`, `prefix.2.weight`, …; of a model of one layer
    /// `prefix.weight` and `prefix.bias`.
    ///
    /// ```python
    /// model.load_state_dict(safetensors.torch.load_file("model.safetensors"))
    /// ```
    ///
    /// ```
    /// use gradus::{Fitted, Perceptron, SquaredError, vector};
    ///
    /// let line = Fitted::from_parameters(Perceptron::new(1), SquaredError, vector![2.0, 1.0])?;
    /// let file = line.to_safetensors("")?;
    /// assert!(String::from_utf8_lossy(&file).contains("weight"));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Failed`] where the format refuses it.
    #[doc(alias = "state_dict")]
    pub fn to_safetensors(&self, prefix: &str) -> Result<Vec<u8>, Error> {
        let linears = self.model().linears();
        let dot = if prefix.is_empty() { "" } else { "." };
        let (mut tensors, mut theta) = (Vec::new(), self.parameters().as_slice());
        for (l, &(inputs, units, has_bias)) in linears.iter().enumerate() {
            let number = if linears.len() == 1 { String::new() } else { format!("{}.", 2 * l) };
            let (weights, rest) = theta.split_at(inputs * units);
            let (biases, rest) = rest.split_at(if has_bias { units } else { 0 });
            theta = rest;
            let rows = (0..units).flat_map(|o| weights.iter().skip(o).step_by(units));
            tensors.push((format!("{prefix}{dot}{number}weight"), vec![units, inputs], bytes(rows)));
            if has_bias {
                tensors.push((format!("{prefix}{dot}{number}bias"), vec![units], bytes(biases.iter())));
            }
        }
        let refused = |why| Error::Failed { what: format!("the weights cannot be written: {why}") };
        let views = tensors.iter().map(|(name, shape, data)| {
            TensorView::new(dtype::<T>(), shape.clone(), data).map(|view| (name, view))
        });
        serialize(views.collect::<Result<Vec<_>, _>>().map_err(refused)?, None).map_err(refused)
    }
}

fn is_double<T: Real>() -> bool {
    T::EPSILON.f64() < 1e-10
}

fn dtype<T: Real>() -> Dtype {
    if is_double::<T>() { Dtype::F64 } else { Dtype::F32 }
}

fn bytes<'a, T: Real>(numbers: impl Iterator<Item = &'a T>) -> Vec<u8> {
    match is_double::<T>() {
        true => numbers.flat_map(|x| x.f64().to_le_bytes()).collect(),
        false => numbers.flat_map(|x| (x.f64() as f32).to_le_bytes()).collect(),
    }
}

fn sorted<'f>(file: &'f SafeTensors<'_>) -> Vec<&'f str> {
    let mut names = file.names();
    names.sort_unstable();
    names
}

/// What comes before `weight` in the names of the layers under a prefix, by their numbers: `fc2.` before `fc10.`.
fn numbered(file: &SafeTensors<'_>, prefix: &str) -> Vec<String> {
    let mut layers: Vec<(Vec<u64>, String)> = Vec::new();
    for name in sorted(file) {
        let Some(layer) = name.strip_suffix("weight") else { continue };
        let Some(number) = layer.strip_prefix(prefix) else { continue };
        let parts: Result<Vec<u64>, _> =
            number.split('.').filter(|part| !part.is_empty()).map(str::parse).collect();
        if let Ok(parts) = parts
            && (layer.is_empty() || layer.ends_with('.'))
        {
            layers.push((parts, layer.into()));
        }
    }
    layers.sort();
    layers.into_iter().map(|(_, layer)| layer).collect()
}

/// The numbers of a tensor of this shape, row by row.
fn entries<T: Real>(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<T>, Error> {
    let wrong = |found: String| {
        let types = if is_double::<T>() { "F64 or F32" } else { "F32" };
        Error::Tensor { name: name.into(), expected: format!("{types} of shape {shape:?}"), found }
    };
    let tensor = file.tensor(name).map_err(|_| wrong(format!("only {:?}", sorted(file))))?;
    if tensor.shape() != shape {
        return Err(wrong(format!("{:?} of shape {:?}", tensor.dtype(), tensor.shape())));
    }
    match tensor.dtype() {
        Dtype::F32 => Ok(of_bytes(tensor.data(), |b| f64::from(f32::from_le_bytes(b)))),
        Dtype::F64 if is_double::<T>() => Ok(of_bytes(tensor.data(), f64::from_le_bytes)),
        other => Err(wrong(format!("{other:?} of shape {shape:?}"))),
    }
}

fn of_bytes<T: Real, const N: usize>(data: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<T> {
    data.as_chunks().0.iter().map(|bytes| T::of(number(*bytes))).collect()
}

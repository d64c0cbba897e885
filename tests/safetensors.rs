//! PyTorch's weights, and back. `tests/data/torch/torch_networks.py` made the files and the predictions.

#[path = "support/draw.rs"]
mod draw;

use draw::Draw;
use gradus::nalgebra::{DMatrix, DVector, dvector};
use gradus::*;

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/torch/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Rows of the predictions' file, as columns.
fn table<T: Real>(name: &str) -> DMatrix<T> {
    let text = String::from_utf8(file("predictions.json")).unwrap();
    let rows: std::collections::BTreeMap<String, Vec<Vec<f64>>> = serde_json::from_str(&text).unwrap();
    let rows = &rows[name];
    DMatrix::from_fn(rows[0].len(), rows.len(), |i, j| T::of(rows[j][i]))
}

fn close<T: Real>(found: &DMatrix<T>, expected: &DMatrix<T>) {
    let most = (found - expected).iter().fold(0.0, |most: f64, d| most.max(d.f64().abs()));
    assert!(found.shape() == expected.shape() && most <= 1e-6, "{most}");
}

fn from_torch<T: Real>() {
    let x = table::<T>("x");
    let network = Network::new(&[4, 8, 5, 3], Activation::Tanh);
    let nested = Fitted::from_safetensors(&file("nested.safetensors"), "fc", network, CrossEntropy).unwrap();
    close(&nested.predict(&x).unwrap(), &table("nested"));

    let network = Network::new(&[4, 6, 5, 1], Activation::Silu);
    let named = Fitted::from_safetensors(&file("named.safetensors"), "fc", network, SquaredError).unwrap();
    close(&named.predict(&x).unwrap(), &table("named"));

    let model = Perceptron::new(4).with_outputs(2);
    let linear = Fitted::from_safetensors(&file("linear.safetensors"), "", model, SquaredError).unwrap();
    close(&linear.predict(&x).unwrap(), &table("linear"));

    // and back: the same weights in the same layout (`torch_networks.py FOLDER` reads them)
    for (name, bytes) in [
        ("nested", nested.to_safetensors("fc").unwrap()),
        ("named", named.to_safetensors("fc").unwrap()),
        ("linear", linear.to_safetensors("").unwrap()),
    ] {
        if let (Ok(folder), true) = (std::env::var("GRADUS_TORCH"), T::EPSILON.f64() > 1e-10) {
            std::fs::write(format!("{folder}/{name}.safetensors"), &bytes).unwrap();
        }
        let network = match name {
            "nested" => Network::new(&[4, 8, 5, 3], Activation::Tanh),
            "named" => Network::new(&[4, 6, 5, 1], Activation::Silu),
            _ => Network::new(&[4, 2], Activation::Identity),
        };
        let (prefix, parameters) = match name {
            "nested" => ("fc", nested.parameters()),
            "named" => ("fc", named.parameters()),
            _ => ("", linear.parameters()),
        };
        let again = Fitted::<T, _, _>::from_safetensors(&bytes, prefix, network, SquaredError).unwrap();
        assert_eq!(again.parameters(), parameters);
    }
}

#[test]
fn a_network_of_pytorch_predicts_the_same_here() {
    from_torch::<f32>();
    from_torch::<f64>();
}

#[test]
fn doubles_are_read_as_doubles_only() {
    let model = || Perceptron::new(4).with_outputs(2);
    let doubles = file("double.safetensors");
    let of_double = Fitted::<f64, _, _>::from_safetensors(&doubles, "", model(), SquaredError).unwrap();
    let single = file("linear.safetensors");
    let of_single = Fitted::<f64, _, _>::from_safetensors(&single, "", model(), SquaredError).unwrap();
    assert_eq!(of_double.parameters(), of_single.parameters());
    for name in ["double", "half"] {
        let bytes = file(&format!("{name}.safetensors"));
        let refused = Fitted::<f32, _, _>::from_safetensors(&bytes, "", model(), SquaredError).unwrap_err();
        assert!(matches!(&refused, Error::Tensor { name, .. } if name == "weight"), "{refused}");
    }
}

#[test]
fn what_does_not_fit_is_named() {
    let nested = file("nested.safetensors");
    let load = |network: Network, prefix: &str| {
        Fitted::<f32, _, _>::from_safetensors(&nested, prefix, network, CrossEntropy).unwrap_err().to_string()
    };
    let tanh = |sizes: &[usize]| Network::new(sizes, Activation::Tanh);
    assert_eq!(
        load(tanh(&[4, 9, 5, 3]), "fc"),
        "tensor `fc.0.weight` must be F32 of shape [9, 4], found F32 of shape [8, 4]"
    );
    let few = load(tanh(&[4, 8, 3]), "fc");
    assert!(
        few.starts_with("tensor `fc*.weight` must be there for each of 2 layers, by the numbers in the names, found [\"fc.0.\", "),
        "{few}"
    );
    let none = load(tanh(&[4, 8, 5, 3]), "layers");
    assert!(none.contains("found [] among [\"fc.0.bias\""), "{none}");
    let text = Fitted::<f32, _, _>::from_safetensors(b"no such file", "fc", tanh(&[1, 1]), SquaredError);
    assert!(matches!(text, Err(Error::Failed { .. })));

    let bias = file("linear.safetensors");
    let without = Perceptron::new(4).with_outputs(2).without_bias();
    let refused = Fitted::<f32, _, _>::from_safetensors(&bias, "", without, SquaredError).unwrap_err();
    assert_eq!(refused.to_string(), "tensor `bias` must be left out: the model has no bias, found it");
}

/// Any layers of any sizes, back and forth; the order of layers is that of numbers.
#[test]
fn weights_go_there_and_back() {
    let mut draw = Draw::new(1);
    for _ in 0..200 {
        let sizes: Vec<usize> = (0..2 + draw.below(11)).map(|_| 1 + draw.below(5)).collect();
        let network = Network::new(&sizes, Activation::Relu);
        let theta = DVector::from_fn(network.parameter_count(), |_, _| draw.wide(-900, 900));
        let known = Fitted::from_parameters(network.clone(), SquaredError, theta).unwrap();
        let prefix = ["", "net", "a.b"][draw.below(3)];
        let file = known.to_safetensors(prefix).unwrap();
        let loaded = Fitted::from_safetensors(&file, prefix, network.clone(), SquaredError).unwrap();
        assert_eq!(loaded.parameters(), known.parameters());

        let rows: Vec<(Vec<f64>, Vec<f64>)> = network
            .layers()
            .iter()
            .map(|layer| {
                let (w, b) =
                    (layer.weights(known.parameters()).unwrap(), layer.bias(known.parameters()).unwrap());
                (w.transpose().as_slice().to_vec(), b.as_slice().to_vec())
            })
            .collect();
        let rows: Vec<_> = rows.iter().map(|(w, b)| (&w[..], &b[..])).collect();
        assert_eq!(&network.parameters_from_rows(&rows).unwrap(), known.parameters());
        assert!(matches!(
            network.parameters_from_rows(&rows[1..]),
            Err(Error::Length { argument: "layers", .. })
        ));
    }
    let line = Fitted::from_parameters(SigmoidClassifier::new(1), LogLoss, dvector![2.0_f32, 1.0]).unwrap();
    let file = line.to_safetensors("out").unwrap();
    let loaded = Fitted::from_safetensors(&file, "out", SigmoidClassifier::new(1), LogLoss).unwrap();
    assert_eq!(loaded.parameters(), line.parameters());
}

#[test]
fn a_damaged_file_is_an_error() {
    let whole = file("nested.safetensors");
    let load = |bytes: &[u8]| {
        let network = Network::new(&[4, 8, 5, 3], Activation::Tanh);
        Fitted::<f32, _, _>::from_safetensors(bytes, "fc", network, CrossEntropy)
    };
    assert!((0..whole.len()).all(|end| load(&whole[..end]).is_err()));
    let mut draw = Draw::new(2);
    for _ in 0..5000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + draw.below(4) {
            let within = [bytes.len(), 400][draw.below(2)];
            let at = draw.below(within);
            bytes[at] = draw.bits() as u8;
        }
        if let Ok(fitted) = load(&bytes) {
            assert!(fitted.parameters().iter().all(|t| t.is_finite()));
        }
    }
}

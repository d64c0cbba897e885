//! What was saved is loaded bit for bit, and a file is never trusted: whatever it holds, loading ends in a sound model
//! or in an error, soon, and without memory for what the file only claims.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradus::data::Standardizer;
use gradus::loss::{Binomial, ElementWise, Gamma, NegativeBinomial, Poisson};
use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::problems::Rosenbrock;
use gradus::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The system's allocator, with the bytes that a thread has asked for.
struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator, unchanged; the counter neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator is unsafe to write, and nothing else can count bytes")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().saturating_add(layout.size())));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn bytes<R>(f: impl FnOnce() -> R) -> (R, usize) {
    let before = BYTES.get();
    let result = f();
    (result, BYTES.get() - before)
}

const ACTIVATIONS: [Activation; 9] = [
    Activation::Identity,
    Activation::Sigmoid,
    Activation::Tanh,
    Activation::Relu,
    Activation::LeakyRelu { slope: 0.1 + 0.2 },
    Activation::Elu { alpha: 1.0 / 3.0 },
    Activation::Softplus,
    Activation::Gelu,
    Activation::Silu,
];

/// Through a text, through a binary format, and through one that writes neither names of fields nor types.
fn again<S: Serialize + DeserializeOwned>(saved: &S) -> [S; 3] {
    let text = serde_json::to_string(saved).unwrap();
    let mut binary = Vec::new();
    ciborium::into_writer(saved, &mut binary).unwrap();
    let nameless = postcard::to_allocvec(saved).unwrap();
    [
        serde_json::from_str(&text).unwrap(),
        ciborium::from_reader(&binary[..]).unwrap(),
        postcard::from_bytes(&nameless).unwrap(),
    ]
}

fn assert_again<S: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(saved: &S) {
    for loaded in again(saved) {
        assert_eq!(&loaded, saved);
    }
}

fn bits<T: Real>(numbers: &DMatrix<T>) -> Vec<u64> {
    numbers.iter().map(|number| number.f64().to_bits()).collect()
}

fn x<T: Real>() -> DMatrix<T> {
    DMatrix::from_fn(2, 12, |i, j| T::of((1.7 * (i + 1) as f64 * j as f64).sin()))
}

fn labels<T: Real>() -> DMatrix<T> {
    DMatrix::from_fn(1, 12, |_, j| T::of(f64::from(u8::from(j % 3 == 0))))
}

/// Equal in everything, predictions bit for bit.
fn assert_kept<T, M, L>(fitted: &Fitted<T, M, L>)
where
    T: Real + Serialize + DeserializeOwned,
    M: Model<T> + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
    L: Loss<T> + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let before = bits(&fitted.predict(&x::<T>()).unwrap());
    for loaded in again(fitted) {
        assert_eq!(bits(&loaded.predict(&x::<T>()).unwrap()), before);
        assert_eq!((loaded.model(), loaded.loss()), (fitted.model(), fitted.loss()));
        assert_eq!(loaded.parameters(), fitted.parameters());
        assert_eq!(loaded.report.to_string(), fitted.report.to_string());
        // a report without a run has no numbers, and NaN is not equal to itself
        if fitted.report.termination != Termination::Given {
            assert_eq!(&loaded, fitted);
        }
    }
}

fn everything_is_kept<T: Real + Serialize + DeserializeOwned>() {
    let (x, y) = (x::<T>(), labels::<T>());
    assert_kept(&Perceptron::new(2).fit(&x, &y).unwrap());
    assert_kept(&Perceptron::new(2).without_bias().fit(&x, &y).unwrap());
    let fitted = SigmoidClassifier::new(2).fit(&x, &y).unwrap();
    assert_kept(&fitted);
    let standard = Standardizer::fit(&x).unwrap();
    assert_kept(&fitted.clone().with_scaling(standard));
    // scales of another number of features
    let one = Standardizer::fit(x.rows(0, 1)).unwrap();
    let file = serde_json::to_string(&fitted.with_scaling(one)).unwrap();
    let error = serde_json::from_str::<Fitted<T, SigmoidClassifier, LogLoss>>(&file).unwrap_err();
    assert!(error.to_string().starts_with("`scaling` must have length 2, found 1"), "{error}");
    let apart = y.map(|y| y - T::of(0.5)).resize_vertically(2, T::one());
    let separable = SigmoidClassifier::new(2).fit(&apart, &y).unwrap();
    assert_eq!(separable.report.termination, Termination::Separable);
    assert_kept(&separable);

    let two = DMatrix::from_fn(2, 12, |i, j| if i == 0 { y[j] } else { T::one() - y[j] });
    let softmax = Perceptron::new(2).with_outputs(2);
    let mut risk = EmpiricalRisk::new(softmax, CrossEntropy, &x, &two).unwrap().ridge(T::of(0.1));
    assert_kept(&risk.fit().unwrap());

    for activation in ACTIVATIONS {
        let network = Network::new(&[2, 3, 4, 1], activation).with_output_activation(Activation::Sigmoid);
        let start = network.initial(5);
        let mut risk = EmpiricalRisk::new(network, Huber::new(0.7), &x, &y).unwrap();
        let (fitted, _) = Trainer::default().epochs(2).train(&mut risk, start).unwrap();
        assert_kept(&fitted);
        let loss = SquaredError.through(activation).through(Activation::Tanh);
        let (network, theta) = (fitted.model().clone(), fitted.parameters().clone());
        assert_kept(&Fitted::from_parameters(network, loss, theta).unwrap());
    }
}

/// Counts, sizes and shares of random features, with an offset and without.
fn generalised_models_are_kept<T: Real + Serialize + DeserializeOwned>() {
    let mut dice = Dice(7);
    let x = x::<T>();
    for case in 0..20 {
        let counts = DMatrix::from_fn(1, 12, |_, _| T::of(1.0 + dice.below(9) as f64));
        let loss = NegativeBinomial::new(0.1 + case as f64 / 7.0);
        let shares = &counts / T::of(10.0);
        fn kept<T, M, L>(model: M, loss: L, x: &DMatrix<T>, y: &DMatrix<T>)
        where
            T: Real + Serialize + DeserializeOwned,
            M: SecondOrderModel<T> + Clone + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
            L: SecondOrderLoss<T> + Clone + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
        {
            let start = DVector::zeros(model.parameter_count());
            let mut risk = EmpiricalRisk::new(model, loss, x, y).unwrap();
            assert_kept(&risk.fit_with(&mut Newton::new(), start, &Stop::default()).unwrap());
        }
        kept(Perceptron::new(2), Poisson, &x, &counts);
        kept(Offset::new(Perceptron::new(1)), Poisson, &x, &counts);
        kept(Offset::new(Perceptron::new(1)), Gamma, &x, &counts);
        kept(Offset::new(Perceptron::new(1).without_bias()), loss, &x, &counts);
        kept(Offset::new(Perceptron::new(1)), Binomial, &x, &shares);
        kept(Offset::new(Network::new(&[1, 2, 1], Activation::Tanh)), loss, &x, &counts);
    }
    for alpha in ["0.0", "-1.0", "1e999", "null"] {
        refused::<NegativeBinomial>(&format!(r#"["NegativeBinomial",{alpha}]"#));
    }
    let error = refused::<Offset<Perceptron>>(&json(&Offset::new(SigmoidClassifier::new(2))).to_string());
    assert!(error.contains("expected Perceptron"), "{error}");
}

#[test]
fn generalised_linear_models_are_kept() {
    generalised_models_are_kept::<f64>();
    generalised_models_are_kept::<f32>();
}

#[test]
fn everything_is_kept_in_f64() {
    everything_is_kept::<f64>();
}

#[test]
fn everything_is_kept_in_f32() {
    everything_is_kept::<f32>();
}

#[test]
fn a_point_that_is_no_parameters_of_the_model_is_refused() {
    let mut fitted = Perceptron::new(2).fit(&x::<f64>(), &labels()).unwrap();
    (fitted.report.x, fitted.report.certificate) = (dvector![1.0], None);
    let error = refused::<Fitted<f64, Perceptron, SquaredError>>(&serde_json::to_string(&fitted).unwrap());
    assert!(error.contains("`theta` must have length 3, found 1"), "{error}");
}

#[test]
fn reports_keep_their_verdict() {
    let start = dvector![-1.2, 1.0];
    let stop = Stop::default().trace(true);
    let report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), start, &stop).unwrap();
    assert!(report.converged() && !report.trace.is_empty());
    assert_again(&report);

    // x² − y², and x² + y⁴: a saddle and a degenerate point, with a condition that no number says
    let saddle = |x: &DVector<f64>, g: &mut DVector<f64>| {
        g.copy_from_slice(&[2.0 * x[0], -2.0 * x[1]]);
        x[0].powi(2) - x[1].powi(2)
    };
    let flat = |x: &DVector<f64>, g: &mut DVector<f64>| {
        g.copy_from_slice(&[2.0 * x[0], 4.0 * x[1].powi(3)]);
        x[0].powi(2) + x[1].powi(4)
    };
    let mut saddle = Function::new(2, saddle).with_hessian(|_, h| h.copy_from_slice(&[2.0, 0.0, 0.0, -2.0]));
    let mut flat =
        Function::new(2, flat).with_hessian(|x, h| h.copy_from_slice(&[2.0, 0.0, 0.0, 12.0 * x[1].powi(2)]));
    let origin = DVector::zeros(2);
    let saddle = minimize(&mut Newton::pure(), &mut saddle, origin.clone(), &Stop::default()).unwrap();
    let flat = minimize(&mut Newton::pure(), &mut flat, origin, &Stop::default()).unwrap();
    assert_eq!(saddle.kind(), Some(CriticalKind::Saddle));
    assert_eq!(flat.kind(), Some(CriticalKind::Degenerate));
    assert_again(&saddle);
    assert_again(&flat);
}

/// A saddle of what is said to be convex: one of the two is not so, and the report has not converged. What is small beside
/// the other eigenvalues is rounding.
#[test]
fn a_saddle_of_a_convex_function_has_not_converged() {
    let mut dice = Dice(11);
    for _ in 0..1000 {
        let mut file: Value = serde_json::from_str(FILE).unwrap();
        let least = -(0.5_f64.powi(dice.below(60) as i32));
        let certificate = &mut file["report"]["certificate"];
        certificate["eigenvalues"][0] = json!(least);
        (certificate["convex"], certificate["tolerance"]) = (json!(true), json!({"Finite": 1e-17}));
        let report = serde_json::from_value::<Saved<f64>>(file).unwrap().report;
        let is_rounding = -least < 2.5 * f64::EPSILON.sqrt();
        let kind = if is_rounding { CriticalKind::Degenerate } else { CriticalKind::Saddle };
        assert_eq!((report.kind(), report.converged()), (Some(kind), is_rounding), "{least}");
        assert_again(&report);
    }
}

/// Every variable may be at a bound: then no eigenvalue is left, and nothing but multipliers speaks.
fn corners_are_kept<T: Real + Serialize + DeserializeOwned>() {
    let mut dice = Dice(12);
    for _ in 0..50 {
        let n = 1 + dice.below(4);
        let target = DVector::from_fn(n, |_, _| T::of(2.0 + dice.below(9) as f64));
        let is_lower: Vec<bool> = (0..n).map(|_| dice.below(2) == 0).collect();
        let corner = DVector::from_fn(n, |i, _| target[i] + if is_lower[i] { T::one() } else { -T::one() });
        let mut bounds = Bounds::unbounded(n);
        for (i, is_lower) in is_lower.iter().enumerate() {
            bounds = if *is_lower { bounds.lower(i, corner[i]) } else { bounds.upper(i, corner[i]) };
        }
        let squares = |x: &DVector<T>, g: &mut DVector<T>| {
            g.copy_from(&((x - &target) * T::of(2.0)));
            (x - &target).norm_squared()
        };
        let mut f = Function::new(n, squares).with_hessian(|_, h| h.fill_with_identity());
        let mut method = Newton::new().bounds(bounds);
        let report = minimize(&mut method, &mut f, corner.clone(), &Stop::default()).unwrap();
        assert!(report.converged() && report.x == corner && report.face.as_ref().unwrap().free().is_empty());
        assert_again(&report);
    }
}

#[test]
fn minima_at_corners_are_kept() {
    corners_are_kept::<f64>();
    corners_are_kept::<f32>();
}

/// Which bounds hold, where one is infinite, with multipliers: a report that was loaded is judged on the same face.
fn faces_are_kept<T: Real + Serialize + DeserializeOwned>() {
    let bounds = Bounds::unbounded(4).lower(0, T::of(-0.5)).upper(1, T::of(0.1)).fixed(3, T::of(0.3));
    let (mut f, start) = (Rosenbrock::new(4), DVector::from_element(4, T::one()));
    let mut method = TrustRegion::new().bounds(bounds);
    let report = minimize(&mut method, &mut f, start, &Stop::default()).unwrap();
    let face = report.face.as_ref().unwrap();
    assert!(face.started_outside() && !face.free().is_empty() && face.multipliers().amax() > T::zero());
    assert_again(&report);
    for mut loaded in again(&report) {
        loaded.certify(&mut f).unwrap();
        assert_eq!((loaded.kind(), loaded.face), (report.kind(), report.face.clone()));
    }
    let file = json(&report);
    let mut earlier = file.clone();
    earlier.as_object_mut().unwrap().remove("face");
    assert_eq!(serde_json::from_value::<Report<T>>(earlier).unwrap().face, None);
    for (pointer, value, message) in [
        ("/face/lower", json!(["NaN", "NaN", "NaN", "NaN"]), "bounds"),
        ("/face/lower/1", json!("Infinity"), "bounds"),
        ("/face/lower", json!([]), "`bounds` must have length 4, found 0"),
        ("/face/upper", json!([]), "`bounds` must have length 4, found 0"),
        ("/face/lower/0", json!({"Finite": 9.0}), "`x` must be within its bounds"),
        ("/face/x", json!([]), "`bounds` must have length 0, found 4"),
        ("/face/x/2", json!(7.0), "`face` must be that of x"),
        ("/face/free", json!([2, 1]), "`free` must be ascending variables"),
        ("/face/free", json!([4]), "`free` must be ascending variables"),
        ("/face/free", json!([1, 1]), "`free` must be ascending variables"),
        ("/certificate/eigenvalues", json!([0.5, 1.0, 1.5]), "`eigenvalues` must have length 2, found 3"),
        ("/face/multipliers", json!([0.0]), "`multipliers` must have length 4, found 1"),
        ("/face/multipliers/0", json!(null), "invalid type: null"),
    ] {
        let mut damaged = file.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        let error = refused::<Report<T>>(&damaged.to_string());
        assert!(error.contains(message), "{pointer}: {error}");
    }
}

#[test]
fn faces_are_kept_and_checked() {
    faces_are_kept::<f64>();
    faces_are_kept::<f32>();
}

/// Of many variables only the signs are known.
#[test]
fn counted_signs_are_kept_and_checked() {
    let hessian = |flat: f64| {
        let diagonal = DVector::from_fn(210, |i, _| if i < 3 { flat } else { 1.0 + i as f64 });
        DMatrix::from_diagonal(&diagonal)
    };
    for flat in [1.0, 0.0, -1.0] {
        let point = CriticalPoint::classify(&hessian(flat)).unwrap();
        assert!(point.eigenvalues().is_empty());
        assert_again(&point);
    }
    let file = json(&CriticalPoint::classify(&hessian(0.0)).unwrap());
    assert_eq!(file["counted"]["zero"], json!(3));
    for (pointer, value, message) in [
        ("/counted/zero", json!(-1), "invalid value: integer `-1`"),
        ("/counted/extremes", json!([2.0, 1.0]), "`extremes` must be ascending, found 1"),
        ("/counted/extremes", json!([2.0]), "invalid length 1"),
        ("/direction", json!([1.0]), "`direction` must have length 210, found 1"),
        ("/tolerance", json!("NaN"), "`tolerance` must be not negative"),
    ] {
        let mut damaged = file.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        let error = refused::<CriticalPoint<f64>>(&damaged.to_string());
        assert!(error.contains(message), "{pointer}: {error}");
    }
    let mut damaged = file.clone();
    let counted = json!({"positive": u64::MAX, "zero": u64::MAX, "negative": 1, "extremes": [-1.0, 1.0]});
    damaged["counted"] = counted.clone();
    assert!(serde_json::from_value::<CriticalPoint<f64>>(damaged).is_ok());
    let mut fitted: Value = serde_json::from_str(FILE).unwrap();
    let certificate = &mut fitted["report"]["certificate"];
    (certificate["eigenvalues"], certificate["counted"]) = (json!([]), counted);
    let error = refused::<Saved<f64>>(&fitted.to_string());
    assert!(error.contains("`eigenvalues` must have length 5"), "{error}");
}

/// Of products an interval is known, of convexity nothing else.
#[test]
fn intervals_are_kept_and_checked() {
    let at = DVector::from_element(1200, 1.0);
    let point = CriticalPoint::by_products(&mut Rosenbrock::new(1200), &at).unwrap();
    assert!(point.interval().is_some());
    assert_again(&point);
    let mut file = json(&point);
    file["interval"]["lower"] = json!(1e9);
    let error = refused::<CriticalPoint<f64>>(&file.to_string());
    assert!(error.contains("`interval` must be ascending"), "{error}");
    let at = at.map(|x| x - 1.5);
    let undecided = CriticalPoint::by_products(&mut Rosenbrock::new(1200), &at).unwrap();
    assert_again(&undecided);
    let (x, y) = (x::<f64>(), labels());
    let mut risk = EmpiricalRisk::new(Perceptron::new(2), SquaredError, &x, &y).unwrap();
    let convex = CriticalPoint::by_products(&mut risk, &DVector::zeros(3)).unwrap();
    assert!(convex.unknown == 3 && convex.convex);
    assert_again(&convex);
}

#[test]
fn standardizers_keep_their_bits() {
    let standard = Standardizer::fit(&x::<f64>()).unwrap();
    assert_again(&standard);
}

/// Files of this form stay readable.
const FILE: &str = r#"{"model":["Network",2,[[1,{"LeakyRelu":{"slope":0.01}}],[1,"Identity"]]],"loss":["Through",[["Huber",1.5],"Softplus"]],"report":{"x":[0.1,-0.2,0.3,0.4,0.5],"value":{"Finite":0.25},"gradient_norm":{"Finite":1e-9},"tolerance":{"Finite":1e-8},"floor":{"Finite":1e-16},"iterations":7,"evaluations":8,"termination":"GradientTolerance","certificate":{"eigenvalues":[0.5,1.0,1.5,2.0,2.5],"tolerance":"Infinity","direction":null,"gradient_norm":{"Finite":1e-9},"decrement":{"Finite":1e-9},"convex":false},"recession":"No","failure":null,"modified":0,"escapes":0,"probed":"No","trace":[{"iteration":0,"evaluations":1,"value":2.0,"gradient_norm":3.0}]}}"#;

type Saved<T> = Fitted<T, Network, Through<Huber>>;

#[test]
fn the_format_is_as_it_was() {
    let fitted: Saved<f64> = serde_json::from_str(FILE).unwrap();
    assert_eq!(fitted.scaling(), None, "there were none at first");
    let now = FILE.replace(",\"report\"", ",\"scaling\":null,\"report\"");
    let now = now.replace(",\"trace\"", ",\"epochs\":null,\"unscaled\":[],\"trace\"");
    let now = now.replace(",\"recession\"", ",\"face\":null,\"recession\"");
    let now = now.replace(",\"convex\":false", ",\"convex\":false,\"counted\":null,\"interval\":null");
    let now = now.replace(",\"iterations\":7", ",\"method\":null,\"iterations\":7");
    let now = now.replace("\"gradient_norm\":3.0}", "\"gradient_norm\":3.0,\"step\":0.0,\"radius\":null}");
    assert_eq!(serde_json::to_string(&fitted).unwrap(), now);
    let certificate = fitted.report.certificate.unwrap();
    assert_eq!(
        (certificate.condition().to_bits(), certificate.kind),
        (5_f64.to_bits(), CriticalKind::Degenerate)
    );

    for (json, saved) in [
        (
            json!(["Perceptron", {"inputs": 2, "outputs": 3, "bias": true}]),
            json(&Perceptron::new(2).with_outputs(3)),
        ),
        (
            json!(["SigmoidClassifier", {"inputs": 1, "outputs": 1, "bias": false}]),
            json(&SigmoidClassifier::new(1).without_bias()),
        ),
        (json!(["SquaredError", null]), json(&SquaredError)),
        (json!(["LogLoss", null]), json(&LogLoss)),
        (json!(["CrossEntropy", null]), json(&CrossEntropy)),
        (json!(["Poisson", null]), json(&Poisson)),
        (json!(["Gamma", null]), json(&Gamma)),
        (json!(["Binomial", null]), json(&Binomial)),
        (json!(["NegativeBinomial", 0.5]), json(&NegativeBinomial::new(0.5))),
        (
            json!(["Offset", ["Perceptron", {"inputs": 2, "outputs": 1, "bias": true}]]),
            json(&Offset::new(Perceptron::new(2))),
        ),
        (json!({"mean": [1.5], "scale": [0.5]}), json(&Standardizer::fit(&dmatrix![1.0, 2.0]).unwrap())),
    ] {
        assert_eq!(json, saved);
    }
}

fn json(saved: &impl Serialize) -> Value {
    serde_json::to_value(saved).unwrap()
}

/// The file with the value at `pointer` replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut file: Value = serde_json::from_str(FILE).unwrap();
    *file.pointer_mut(pointer).unwrap() = value;
    file.to_string()
}

/// What loading says, having spent no more memory than a file of that size may.
fn refused<S: DeserializeOwned>(file: &str) -> String {
    let (result, bytes) = bytes(|| serde_json::from_str::<S>(file));
    assert!(bytes < 32 * file.len() + 4096, "{bytes} bytes for {} of {file}", file.len());
    match result {
        Ok(_) => panic!("loaded {file}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_is_wrong_is_named() {
    let network = |inputs: u64, units: &[u64]| {
        let layers: Vec<_> = units.iter().map(|units| json!([units, "Tanh"])).collect();
        json!(["Network", inputs, layers])
    };
    for (pointer, value, message) in [
        // sizes: too many to count, countable but not there, none, no size at all
        ("/model", network(1 << 32, &[1 << 32; 2]), "`layers` must be small enough"),
        ("/model", network(1 << 31, &[1 << 31]), "`theta` must have length 4611686020574871552, found 5"),
        ("/model/1", json!(3), "`theta` must have length 6, found 5"),
        ("/model/1", json!(0), "`inputs` is empty"),
        ("/model/1", json!(-2), "invalid value: integer `-2`"),
        ("/model/1", json!(2.5), "invalid type: floating point `2.5`"),
        ("/model/2", json!([]), "`layers` is empty"),
        ("/model/2/0/0", json!(0), "`layers` is empty"),
        ("/report/x", json!([0.1, 0.2]), "`eigenvalues` must have length 2, found 5"),
        ("/report/x", json!([]), "`x` is empty"),
        (
            "/report/certificate/eigenvalues",
            json!([0.5, 1.0, 1.5, 2.0, 2.5, 3.0]),
            "`eigenvalues` must have length 5, found 6",
        ),
        ("/report/certificate/eigenvalues", json!([]), "`eigenvalues` must have length 5, found 0"),
        ("/report/certificate/direction", json!([1.0]), "`direction` must have length 5, found 1"),
        ("/report/recession", json!({"Along": [1.0]}), "`recession` must have length 5, found 1"),
        // numbers
        ("/report/x/3", json!(null), "invalid type: null"),
        ("/report/x/3", json!("NaN"), "invalid type: string \"NaN\""),
        ("/report/trace/0/value", json!(null), "invalid type: null"),
        ("/report/certificate/eigenvalues/0", json!(9.0), "`eigenvalues` must be ascending, found 1"),
        (
            "/report/certificate/tolerance",
            json!({"Finite": -1.0}),
            "`tolerance` must be not negative, found -1",
        ),
        ("/report/certificate/tolerance", json!("NaN"), "`tolerance` must be not negative, found NaN"),
        ("/report/certificate/decrement/Finite", json!(-1.0), "`decrement` must be not negative, found -1"),
        ("/report/iterations", json!(-1), "invalid value: integer `-1`"),
        // a run that converged knows its value and its gradient
        ("/report/value", json!("NaN"), "`value` must be finite where a run converged, found NaN"),
        ("/report/value", json!("MinusInfinity"), "`value` must be finite where a run converged, found -inf"),
        ("/report/value", json!(null), "expected value"),
        ("/report/gradient_norm/Finite", json!(-5.0), "`gradient_norm` must be finite and not negative"),
        ("/report/gradient_norm", json!("Infinity"), "`gradient_norm` must be finite and not negative"),
        ("/report/gradient_norm/Finite", json!(2e-8), "`gradient_norm` must be within tolerance or floor"),
        // what counts as zero is a size
        ("/report/tolerance/Finite", json!(-1e308), "`tolerance` must be not negative"),
        ("/report/tolerance", json!("NaN"), "`tolerance` must be not negative, found NaN"),
        ("/report/floor/Finite", json!(-1e-300), "`floor` must be not negative"),
        ("/report/floor", json!("NaN"), "`floor` must be not negative, found NaN"),
        // settings
        ("/loss/1/0/1", json!(0.0), "`delta` must be positive and finite in the scalar it is used in"),
        ("/loss/1/1", json!({"Elu": {"alpha": -1.0}}), "`alpha` must be positive and finite"),
        ("/model/2/0/1/LeakyRelu/slope", json!(-0.5), "`slope` must be positive"),
        // names
        ("/model/2/1/1", json!("Cosine"), "unknown variant `Cosine`"),
        ("/report/termination", json!("Luck"), "unknown variant `Luck`"),
        ("/loss", json!(["LogLoss", null]), "invalid value: string \"LogLoss\", expected Through"),
        ("/model", json!(["Perceptron", {"inputs": 4, "outputs": 1, "bias": true}]), "expected Network"),
        ("/model", json!(["Network", 2, [], 0.5]), "trailing characters"),
        ("/model", json!(["Network", 2]), "invalid length 2"),
        ("/report", json!({"x": [1.0], "y": 1.0}), "unknown field `y`"),
        ("/model", json!(null), "invalid type: null"),
    ] {
        let error = refused::<Saved<f64>>(&with(pointer, value.clone()));
        assert!(error.contains(message), "{pointer} = {value}: {error}");
    }
}

#[test]
fn numbers_out_of_range_are_refused() {
    for number in ["1e999", "-1e999", "NaN", "Infinity", "1e", ""] {
        let file = FILE.replace("-0.2", number);
        refused::<Saved<f64>>(&file);
        refused::<Saved<f32>>(&file);
        refused::<Standardizer<f64>>(&format!(r#"{{"mean":[{number}],"scale":[1.0]}}"#));
    }
    // a number for f64 that f32 does not have
    for (number, there) in [("0.1", "x"), ("0.25", "value"), ("2.5", "eigenvalues"), ("3.0", "trace")] {
        assert!(FILE.contains(there));
        let file = FILE.replacen(number, "1e300", 1);
        assert!(serde_json::from_str::<Saved<f64>>(&file).is_ok(), "{file}");
        refused::<Saved<f32>>(&file);
        let mut binary = Vec::new();
        ciborium::into_writer(&serde_json::from_str::<Value>(&file).unwrap(), &mut binary).unwrap();
        assert!(ciborium::from_reader::<Saved<f32>, _>(&binary[..]).is_err());
    }
    // numbers that a binary format has
    for poison in [f64::NAN, f64::INFINITY] {
        let mut binary = Vec::new();
        let mean = std::collections::BTreeMap::from([("mean", [poison]), ("scale", [1.0])]);
        ciborium::into_writer(&mean, &mut binary).unwrap();
        let error = ciborium::from_reader::<Standardizer<f64>, _>(&binary[..]).unwrap_err();
        assert!(error.to_string().contains("`mean` must be finite"), "{error}");
    }
    for (mean, scale) in [("[1.0]", "[0.0]"), ("[1.0]", "[-1.0]"), ("[1.0]", "[1.0,2.0]"), ("[]", "[]")] {
        refused::<Standardizer<f64>>(&format!(r#"{{"mean":{mean},"scale":{scale}}}"#));
    }
}

#[test]
fn a_file_is_read_as_nothing_else() {
    let regression = serde_json::to_string(&Perceptron::new(2).fit(&x::<f64>(), &labels()).unwrap()).unwrap();
    assert!(serde_json::from_str::<Fitted<f64, Perceptron, SquaredError>>(&regression).is_ok());
    let error = refused::<Fitted<f64, SigmoidClassifier, SquaredError>>(&regression);
    assert!(error.contains("invalid value: string \"Perceptron\", expected SigmoidClassifier"), "{error}");
    let error = refused::<Fitted<f64, Perceptron, CrossEntropy>>(&regression);
    assert!(error.contains("invalid value: string \"SquaredError\", expected CrossEntropy"), "{error}");
    refused::<Fitted<f64, Network, SquaredError>>(&regression);

    // nor where fields have no names
    let nameless = postcard::to_allocvec(&Perceptron::new(2)).unwrap();
    assert!(postcard::from_bytes::<Perceptron>(&nameless).is_ok());
    assert!(postcard::from_bytes::<SigmoidClassifier>(&nameless).is_err());
    let nameless = postcard::to_allocvec(&SquaredError).unwrap();
    assert!(postcard::from_bytes::<LogLoss>(&nameless).is_err());
}

#[test]
fn numbers_that_are_not_finite_come_back_as_they_were() {
    let start = dvector![-1.2, 1.0];
    let stop = Stop::default().iterations(1);
    let mut report = minimize(&mut Newton::new(), &mut Rosenbrock::new(2), start, &stop).unwrap();
    for number in [f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -0.0, f64::NAN] {
        report.value = number;
        report.gradient_norm = number;
        for loaded in again(&report) {
            assert_eq!(loaded.value.total_cmp(&number), std::cmp::Ordering::Equal, "{number}");
            assert_eq!(loaded.gradient_norm.total_cmp(&number), std::cmp::Ordering::Equal, "{number}");
        }
    }

    // least squares whose sum of squares overflows: the coefficients are there, but it has not converged
    let y = dmatrix![2.9, 5.1, 7.0, 9.2] * 2.0_f64.powi(600);
    let fitted = Perceptron::new(1).fit(&dmatrix![1.0, 2.0, 3.0, 4.0], &y).unwrap();
    assert_eq!((fitted.report.value, fitted.report.termination), (f64::INFINITY, Termination::NonFinite));
    assert!(!fitted.report.converged());
    assert_again(&fitted);
}

#[test]
fn claimed_lengths_cost_nothing() {
    let fitted: Saved<f64> = serde_json::from_str(FILE).unwrap();
    let mut binary = Vec::new();
    ciborium::into_writer(&fitted, &mut binary).unwrap();
    // the header of a list of one to five (0x81 to 0x85) becomes that of one with 2⁶⁰ entries
    let mut lists = 0;
    for at in 0..binary.len() {
        if matches!(binary[at], 0x81..=0x85) {
            let mut claim = binary.clone();
            claim.splice(at..=at, [0x9b, 0x10, 0, 0, 0, 0, 0, 0, 0]);
            let (result, bytes) = bytes(|| ciborium::from_reader::<Saved<f64>, _>(&claim[..]));
            assert!(bytes < 8 << 20, "{bytes} bytes");
            result.iter().for_each(assert_sound);
            lists += 1;
        }
    }
    assert!(lists >= 4);
}

#[test]
fn truncated_files_are_refused() {
    for end in 0..FILE.len() {
        refused::<Saved<f64>>(&FILE[..end]);
    }
}

/// xorshift64* (Vigna 2016).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}

/// Whatever loads is a model: parameters as many as it says and finite, scores of its shape, a report that displays.
fn assert_sound<T: Real>(fitted: &Saved<T>) {
    let model = fitted.model();
    assert_eq!(fitted.parameters().len(), model.parameter_count());
    assert!(fitted.parameters().iter().all(|t| t.is_finite()));
    match fitted.scores(&DMatrix::repeat(model.inputs(), 3, T::of(0.5))) {
        Ok(z) => assert_eq!(z.shape(), (model.outputs(), 3)),
        // finite parameters can be too large for finite scores
        Err(error) => assert!(matches!(error, Error::Evaluation { .. }), "{error}"),
    }
    assert!(!fitted.report.to_string().is_empty());
}

#[test]
fn damaged_files_never_panic() {
    const ROUNDS: usize = 20_000;
    let fitted: Saved<f64> = serde_json::from_str(FILE).unwrap();
    let mut binary = Vec::new();
    ciborium::into_writer(&fitted, &mut binary).unwrap();
    let nameless = postcard::to_allocvec(&fitted).unwrap();
    let mut dice = Dice(2024);
    let (mut loaded, mut failed) = (0, 0);
    for valid in [FILE.as_bytes(), &binary, &nameless] {
        for round in 0..ROUNDS {
            let mut file = valid.to_vec();
            for _ in 0..=round % 4 {
                let at = dice.below(file.len());
                match round % 3 {
                    0 => file[at] ^= 1 << dice.below(8),
                    1 => file[at] = b"0123456789-.eE+[]{}\":,nul"[dice.below(25)],
                    _ => file[at] = dice.below(256) as u8,
                }
            }
            let (result, bytes) = bytes(|| {
                let text = serde_json::from_slice::<Saved<f64>>(&file).ok();
                let single = serde_json::from_slice::<Saved<f32>>(&file).ok();
                let binary = ciborium::from_reader::<Saved<f64>, _>(&file[..]).ok();
                let nameless = postcard::from_bytes::<Saved<f64>>(&file).ok();
                single.iter().for_each(assert_sound);
                text.or(binary).or(nameless)
            });
            assert!(bytes < 16 << 20, "{bytes} bytes");
            result.iter().for_each(assert_sound);
            *if result.is_some() { &mut loaded } else { &mut failed } += 1;
        }
    }
    // damage to a digit is no damage to the form, so both happen
    assert!(loaded > ROUNDS / 20 && failed > ROUNDS / 20, "{loaded} loaded, {failed} refused");
}

//! Saving and loading by `serde`: a file is read into its fields first, and checked before it is anything.
//!
//! Every field is always written, so that formats without field names can be read back. Nothing is allocated by a size
//! that a file claims: lists grow as their entries arrive, and sizes are only counted, without overflow, and compared.

use std::marker::PhantomData;

use nalgebra::DVector;
use serde::de::{Error as _, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::contract::setting;
use crate::data::Standardizer;
use crate::loss::{Binomial, ElementWise, Gamma, NegativeBinomial, Poisson};
use crate::optimizer::{Face, Memory, Probed};
use crate::{
    Activation, Architecture, Checkpoint, CriticalPoint, CrossEntropy, Epoch, Error, Fitted, History, Huber,
    Inertia, LeastEigenvalue, LogLoss, Loss, Method, Model, Network, Offset, Perceptron, Progress, Real,
    Recession, Report, SigmoidClassifier, SquaredError, Termination, Through,
};
use checks::{check_checkpoint, check_face, check_judged, check_report, check_scales};

mod checks;

/// Serde's two traits: how a type is written, how it is read, and what is asked of it then.
macro_rules! saved {
    ($type:ident $(<$($of:ident: $bound:path),+>)?, $write:expr, $read:expr, $check:expr) => {
        impl$(<$($of: $bound + Serialize),+>)? Serialize for $type$(<$($of),+>)? {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $write(self, serializer)
            }
        }

        impl<'de $($(, $of: $bound + Deserialize<'de>)+)?> Deserialize<'de> for $type$(<$($of),+>)? {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let loaded: Self = $read(deserializer)?;
                $check(&loaded).map_err(D::Error::custom)?;
                Ok(loaded)
            }
        }
    };
}

/// Models and losses are saved as their name and what they hold, so that nothing else of the same shape reads the file.
macro_rules! named {
    ($($type:ident $(<$of:ident: $bound:path>)? { $($fields:tt)* } as $parts:tt, $check:expr;)*) => {$(
        impl$(<$of: $bound>)? Named for $type$(<$of>)? {
            const NAME: &'static str = stringify!($type);
        }

        saved!(
            $type$(<$of: $bound>)?,
            |$type { $($fields)* }: &Self, serializer| (Self::NAME, $parts).serialize(serializer),
            |file| <(Name<Self>, _)>::deserialize(file).map(|(_, $parts)| $type { $($fields)* }),
            $check
        );
    )*};
}

named! {
    Perceptron { 0: linear } as linear, Architecture::check;
    SigmoidClassifier { 0: linear } as linear, Architecture::check;
    Offset<M: Architecture> { 0: model } as model, Architecture::check;
    SquaredError {} as (), nothing;
    LogLoss {} as (), nothing;
    CrossEntropy {} as (), nothing;
    Poisson {} as (), nothing;
    Gamma {} as (), nothing;
    Binomial {} as (), nothing;
    NegativeBinomial { alpha } as alpha, ElementWise::settings::<f64>;
    Huber { delta } as delta, ElementWise::settings::<f64>;
    Through<L: ElementWise> { loss, activation } as (loss, activation), ElementWise::settings::<f64>;
}

/// Nothing is asked of what has no settings.
fn nothing<L>(_: &L) -> Result<(), Error> {
    Ok(())
}

trait Named {
    const NAME: &'static str;
}

/// The name of `M` in a file, read as no other.
struct Name<M>(PhantomData<M>);

impl<'de, M: Named> Deserialize<'de> for Name<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let found = String::deserialize(deserializer)?;
        if found == M::NAME {
            return Ok(Self(PhantomData));
        }
        Err(D::Error::invalid_value(Unexpected::Str(&found), &M::NAME))
    }
}

impl Named for Network {
    const NAME: &'static str = "Network";
}

saved!(
    Network,
    |network: &Self, serializer| (Self::NAME, network.inputs(), units(network)).serialize(serializer),
    |file| <(Name<Self>, _, Vec<_>)>::deserialize(file).map(|(_, n, layers)| Self::with_layers(n, &layers)),
    Architecture::check
);

fn units(network: &Network) -> Vec<(usize, Activation)> {
    network.layers().iter().map(|layer| (layer.units(), layer.activation())).collect()
}

saved!(Fitted<T: Real, M: Model<T>, L: Loss<T>>, SavedFit::serialize, SavedFit::deserialize, Fitted::check);

#[derive(Serialize, Deserialize)]
#[serde(remote = "Fitted", deny_unknown_fields)]
struct SavedFit<T: Real, M, L> {
    model: M,
    loss: L,
    scaling: Option<Standardizer<T>>,
    report: Report<T>,
}

/// Structs by the names of their fields: `as "Field"` what serde cannot write as it is, `[default]` what earlier files lack.
macro_rules! fields {
    ($($(#[$doc:meta])* $type:ident $name:literal as $saved:ident, $check:ident {
        $($field:ident: $kind:ty $(as $with:literal)? $([$($how:tt)+])?,)*
    })*) => {$(
        saved!($type<T: Real>, $saved::serialize, $saved::deserialize, $check);

        $(#[$doc])*
        #[derive(Serialize, Deserialize)]
        #[serde(remote = $name, deny_unknown_fields)]
        #[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
        struct $saved<T: Real> {
            $($(#[serde(with = $with)])? $(#[serde($($how)+)])? $field: $kind,)*
        }
    )*};
}

fields! {
    Report "Report" as SavedReport, check_report {
        x: DVector<T> as "Field",
        value: T as "Field",
        gradient_norm: T as "Field",
        tolerance: T as "Field",
        floor: T as "Field",
        method: Option<Method> [default],
        iterations: usize,
        evaluations: usize,
        termination: Termination,
        certificate: Option<CriticalPoint<T>>,
        face: Option<Face<T>> [default],
        recession: Recession<T> as "SavedRecession",
        failure: Option<Error> as "Field",
        modified: usize,
        escapes: usize,
        probed: Probed,
        epochs: Option<usize>,
        unscaled: Vec<usize> [default],
        trace: Vec<Progress<T>>,
    }

    /// Inertia, kind and condition follow from the eigenvalues, where they are all known; else the signs were counted.
    CriticalPoint "CriticalPoint" as SavedPoint, check_judged {
        eigenvalues: DVector<T> as "Field" [getter = "CriticalPoint::eigenvalues"],
        tolerance: T as "Field",
        direction: Option<DVector<T>> as "Field",
        gradient_norm: Option<T> as "Field",
        decrement: Option<T> as "Field",
        convex: bool,
        counted: Option<Counted<T>> [default, getter = "Counted::of"],
        interval: Option<LeastEigenvalue<T>> [default, getter = "known_interval"],
    }

    Face "Face" as SavedFace, check_face {
        lower: DVector<T> as "Ends",
        upper: DVector<T> as "Ends",
        x: DVector<T> as "Field",
        free: Vec<usize>,
        multipliers: DVector<T> as "Field",
        outside: bool,
    }

    Standardizer "Standardizer" as SavedScales, check_scales {
        mean: DVector<T> as "Field",
        scale: DVector<T> as "Field",
    }

    Epoch "Epoch" as SavedEpoch, nothing {
        epoch: usize,
        loss: T as "Field",
        validation: Option<T> as "Field",
        metric: Option<T> as "Field",
    }

    Checkpoint "Checkpoint" as SavedCheckpoint, check_checkpoint {
        theta: DVector<T> as "Field",
        good: DVector<T> as "Field",
        best: Option<DVector<T>> as "Field",
        history: History<T>,
        steps: usize,
        memory: Option<Memory>,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "Recession")]
#[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
enum SavedRecession<T: Real> {
    NotSought,
    No,
    Along(#[serde(with = "Field")] DVector<T>),
    Undecided,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Counted<T> {
    positive: usize,
    zero: usize,
    negative: usize,
    extremes: [T; 2],
    #[serde(default)]
    unknown: usize,
}

impl<T: Real> Counted<T> {
    fn of(point: &CriticalPoint<T>) -> Option<Self> {
        let Inertia { positive, zero, negative } = point.inertia;
        let (extremes, unknown) = (point.extremes().into(), point.unknown);
        point.eigenvalues().is_empty().then_some(Self { positive, zero, negative, extremes, unknown })
    }
}

fn known_interval<T: Real>(point: &CriticalPoint<T>) -> Option<LeastEigenvalue<T>> {
    point.interval().copied()
}

impl<T: Real> From<SavedPoint<T>> for CriticalPoint<T> {
    fn from(saved: SavedPoint<T>) -> Self {
        let point = match saved.counted {
            Some(Counted { positive, zero, negative, extremes, unknown }) if saved.eigenvalues.is_empty() => {
                let inertia = Inertia { positive, zero, negative };
                let point = Self::counted(inertia, extremes, saved.tolerance, saved.direction);
                point.with_unknown(unknown, saved.interval)
            }
            _ => Self::new(saved.eigenvalues, saved.tolerance, saved.direction),
        };
        point.with(saved.gradient_norm, saved.decrement, saved.convex)
    }
}

/// A field as something that serde writes and reads.
trait Field: Sized {
    type Raw;
    fn save(&self) -> Self::Raw;
    fn load(raw: Self::Raw) -> Result<Self, Error>;

    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>
    where
        Self::Raw: Serialize,
    {
        self.save().serialize(serializer)
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>
    where
        Self::Raw: Deserialize<'de>,
    {
        Self::load(Self::Raw::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// A number that need not be finite: few formats have an infinity or a NaN.
#[derive(Serialize, Deserialize)]
enum Number<T> {
    Finite(T),
    Infinity,
    MinusInfinity,
    NaN,
}

impl<T: Real> Field for T {
    type Raw = Number<T>;

    fn save(&self) -> Number<T> {
        match *self {
            x if x.is_finite() => Number::Finite(x),
            x if x > T::zero() => Number::Infinity,
            x if x < T::zero() => Number::MinusInfinity,
            _ => Number::NaN,
        }
    }

    fn load(raw: Number<T>) -> Result<T, Error> {
        Ok(match raw {
            Number::Finite(x) => setting("Finite", "finite", x, x.is_finite()).map(|()| x)?,
            Number::Infinity => T::of(f64::INFINITY),
            Number::MinusInfinity => T::of(f64::NEG_INFINITY),
            Number::NaN => T::NAN,
        })
    }
}

impl<T: Real> Field for DVector<T> {
    type Raw = Vec<T>;

    fn save(&self) -> Vec<T> {
        self.as_slice().to_vec()
    }

    fn load(raw: Vec<T>) -> Result<Self, Error> {
        Ok(Self::from_vec(raw))
    }
}

/// Bounds, which may be infinite.
struct Ends;

impl Ends {
    fn serialize<T: Real + Serialize, S: Serializer>(
        ends: &DVector<T>, serializer: S,
    ) -> Result<S::Ok, S::Error> {
        ends.iter().map(T::save).collect::<Vec<_>>().serialize(serializer)
    }

    fn deserialize<'de, T: Real + Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<DVector<T>, D::Error> {
        let ends = Vec::<Number<T>>::deserialize(deserializer)?.into_iter().map(T::load);
        ends.collect::<Result<Vec<_>, _>>().map(DVector::from_vec).map_err(D::Error::custom)
    }
}

impl Field for Error {
    type Raw = String;

    fn save(&self) -> String {
        self.to_string()
    }

    fn load(what: String) -> Result<Self, Error> {
        Ok(Self::Failed { what })
    }
}

impl<F: Field> Field for Option<F> {
    type Raw = Option<F::Raw>;

    fn save(&self) -> Option<F::Raw> {
        self.as_ref().map(F::save)
    }

    fn load(raw: Option<F::Raw>) -> Result<Self, Error> {
        raw.map(F::load).transpose()
    }
}

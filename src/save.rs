//! Saving and loading by `serde`: what a file says goes into raw types first, and is checked before it is anything.
//!
//! Nothing is allocated by a size that a file claims: lists grow as their entries arrive, and sizes are only counted,
//! without overflow, and compared.

use std::borrow::Cow;

use nalgebra::DVector;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::contract::check_point;
use crate::data::Standardizer;
use crate::loss::ElementWise;
use crate::model::Linear;
use crate::{
    Activation, Architecture, CriticalPoint, CrossEntropy, Error, Fitted, Huber, LogLoss, Loss, Model,
    Network, Perceptron, Progress, Real, Recession, Report, SigmoidClassifier, SquaredError, Termination,
    Through,
};

/// Models and losses are saved under their names, so that nothing else of the same shape reads their files.
macro_rules! named {
    ($name:ident $(<$inner:ident>)?, |$this:ident| $save:expr, |$raw:ident: $fields:ty| $load:expr) => {
        const _: () = {
            #[derive(Serialize, Deserialize)]
            enum Named<R> {
                $name(R),
            }

            impl$(<$inner: Serialize>)? Serialize for $name$(<$inner>)? {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    let $this = self;
                    Named::$name($save).serialize(serializer)
                }
            }

            impl<'de $(, $inner: ElementWise + Deserialize<'de>)?> Deserialize<'de> for $name$(<$inner>)? {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let Named::$name($raw) = Named::<$fields>::deserialize(deserializer)?;
                    let loaded: Result<Self, Error> = $load;
                    loaded.map_err(D::Error::custom)
                }
            }
        };
    };
    ($name:ident) => {
        const _: () = {
            #[derive(Serialize, Deserialize)]
            enum Named {
                $name,
            }

            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    Named::$name.serialize(serializer)
                }
            }

            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    Named::deserialize(deserializer).map(|Named::$name| $name)
                }
            }
        };
    };
}

named!(Perceptron, |model| model.0, |raw: Linear| sound(Perceptron(raw)));
named!(SigmoidClassifier, |model| model.0, |raw: Linear| sound(SigmoidClassifier(raw)));
named!(Network, |network| Layers::of(network), |raw: Layers| raw.network());
named!(SquaredError);
named!(LogLoss);
named!(CrossEntropy);
named!(Huber, |loss| Knee { delta: loss.delta }, |raw: Knee| settled(Huber::new(raw.delta)));
named!(
    Through<L>,
    |loss| Behind { loss: &loss.loss, activation: loss.activation },
    |raw: Behind<L>| settled(raw.loss.through(raw.activation))
);

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layers {
    inputs: usize,
    layers: Vec<Units>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Units {
    units: usize,
    activation: Activation,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Knee {
    delta: f64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Behind<L> {
    loss: L,
    activation: Activation,
}

impl Layers {
    fn of(network: &Network) -> Self {
        let units = |layer: &crate::Layer| Units { units: layer.units(), activation: layer.activation() };
        Self { inputs: network.inputs(), layers: network.layers().iter().map(units).collect() }
    }

    fn network(self) -> Result<Network, Error> {
        let layers: Vec<_> = self.layers.iter().map(|layer| (layer.units, layer.activation)).collect();
        sound(Network::with_layers(self.inputs, &layers))
    }
}

fn sound<M: Architecture>(model: M) -> Result<M, Error> {
    model.check()?;
    Ok(model)
}

fn settled<L: ElementWise>(loss: L) -> Result<L, Error> {
    loss.settings()?;
    Ok(loss)
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFitted<M, L, R> {
    model: M,
    loss: L,
    report: R,
}

impl<T: Real + Serialize, M: Serialize, L: Serialize> Serialize for Fitted<T, M, L> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawFitted { model: &self.model, loss: &self.loss, report: &self.report }.serialize(serializer)
    }
}

impl<'de, T, M, L> Deserialize<'de> for Fitted<T, M, L>
where
    T: Real + Deserialize<'de>,
    M: Model<T> + Deserialize<'de>,
    L: Loss<T> + Deserialize<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let RawFitted { model, loss, report } = RawFitted::<M, L, Report<T>>::deserialize(deserializer)?;
        Self::checked(model, loss, report).map_err(D::Error::custom)
    }
}

/// Numbers that need not be finite are nothing where they are not: few formats have a NaN or an infinity.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Real + Deserialize<'de>"))]
struct RawReport<'a, T: Real> {
    x: Cow<'a, [T]>,
    value: Option<T>,
    gradient_norm: Option<T>,
    iterations: usize,
    evaluations: usize,
    termination: Termination,
    certificate: Option<Cow<'a, CriticalPoint<T>>>,
    recession: RawRecession<'a, T>,
    failure: Option<Cow<'a, str>>,
    modified: usize,
    escapes: usize,
    trace: Cow<'a, [Progress<T>]>,
}

impl<'a, T: Real> RawReport<'a, T> {
    fn of(report: &'a Report<T>) -> Self {
        Self {
            x: Cow::from(report.x.as_slice()),
            value: finite(report.value),
            gradient_norm: finite(report.gradient_norm),
            iterations: report.iterations,
            evaluations: report.evaluations,
            termination: report.termination,
            certificate: report.certificate.as_ref().map(Cow::Borrowed),
            recession: RawRecession::of(&report.recession),
            failure: report.failure.as_ref().map(|failure| failure.to_string().into()),
            modified: report.modified,
            escapes: report.escapes,
            trace: Cow::from(&report.trace),
        }
    }
}

impl<T: Real> TryFrom<RawReport<'_, T>> for Report<T> {
    type Error = Error;

    fn try_from(raw: RawReport<'_, T>) -> Result<Self, Error> {
        let x = point("x", raw.x)?;
        let certificate = raw.certificate.map(Cow::into_owned);
        if let Some(point) = &certificate {
            check_point("eigenvalues", point.eigenvalues(), x.len())?;
        }
        let trace = raw.trace.into_owned();
        let numbers = [("value", raw.value), ("gradient_norm", raw.gradient_norm)];
        let points = trace.iter().flat_map(|point| [point.value, point.gradient_norm].map(Some));
        for (name, number) in numbers.into_iter().chain(points.map(|number| ("trace", number))) {
            if let Some(found) = number.filter(|number| !number.is_finite()) {
                return Err(setting(name, "finite", found));
            }
        }
        Ok(Self {
            value: raw.value.unwrap_or(T::NAN),
            gradient_norm: raw.gradient_norm.unwrap_or(T::NAN),
            iterations: raw.iterations,
            evaluations: raw.evaluations,
            termination: raw.termination,
            certificate,
            modified: raw.modified,
            escapes: raw.escapes,
            recession: raw.recession.check(x.len())?,
            failure: raw.failure.map(|what| Error::Failed { what: what.into_owned() }),
            trace,
            x,
        })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "T: Real + Deserialize<'de>"))]
enum RawRecession<'a, T: Real> {
    NotSought,
    No,
    Along(Cow<'a, [T]>),
    Undecided,
}

impl<'a, T: Real> RawRecession<'a, T> {
    fn of(recession: &'a Recession<T>) -> Self {
        match recession {
            Recession::NotSought => Self::NotSought,
            Recession::No => Self::No,
            Recession::Along(direction) => Self::Along(Cow::from(direction.as_slice())),
            Recession::Undecided => Self::Undecided,
        }
    }

    fn check(self, dim: usize) -> Result<Recession<T>, Error> {
        Ok(match self {
            Self::NotSought => Recession::NotSought,
            Self::No => Recession::No,
            Self::Undecided => Recession::Undecided,
            Self::Along(direction) => {
                let direction = point("recession", direction)?;
                check_point("recession", &direction, dim)?;
                Recession::Along(direction)
            }
        })
    }
}

/// Inertia, kind and condition follow from the eigenvalues.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Real + Deserialize<'de>"))]
struct RawCriticalPoint<'a, T: Real> {
    eigenvalues: Cow<'a, [T]>,
    tolerance: Option<T>,
    direction: Option<Cow<'a, [T]>>,
    gradient_norm: Option<T>,
    decrement: Option<T>,
    convex: bool,
}

impl<'a, T: Real> RawCriticalPoint<'a, T> {
    fn of(point: &'a CriticalPoint<T>) -> Self {
        Self {
            eigenvalues: Cow::from(point.eigenvalues().as_slice()),
            tolerance: finite(point.tolerance),
            direction: point.direction.as_ref().map(|direction| Cow::from(direction.as_slice())),
            gradient_norm: point.gradient_norm.and_then(finite),
            decrement: point.decrement.and_then(finite),
            convex: point.convex,
        }
    }
}

impl<T: Real> TryFrom<RawCriticalPoint<'_, T>> for CriticalPoint<T> {
    type Error = Error;

    fn try_from(raw: RawCriticalPoint<'_, T>) -> Result<Self, Error> {
        let eigenvalues = point("eigenvalues", raw.eigenvalues)?;
        if let Some(pair) = eigenvalues.as_slice().windows(2).find(|pair| pair[0] > pair[1]) {
            return Err(setting("eigenvalues", "ascending", pair[1]));
        }
        let direction = raw.direction.map(|direction| point("direction", direction)).transpose()?;
        if let Some(direction) = &direction {
            check_point("direction", direction, eigenvalues.len())?;
        }
        let tolerance = raw.tolerance.unwrap_or(T::of(f64::INFINITY));
        if !(tolerance >= T::zero()) {
            return Err(setting("tolerance", "not negative", tolerance));
        }
        for (name, found) in [("gradient_norm", raw.gradient_norm), ("decrement", raw.decrement)] {
            if let Some(found) = found.filter(|found| !(*found >= T::zero() && found.is_finite())) {
                return Err(setting(name, "finite and not negative", found));
            }
        }
        let point = Self::new(eigenvalues, tolerance, direction);
        Ok(point.with(raw.gradient_norm, raw.decrement, raw.convex))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(deserialize = "T: Real + Deserialize<'de>"))]
struct RawStandardizer<'a, T: Real> {
    mean: Cow<'a, [T]>,
    scale: Cow<'a, [T]>,
}

impl<'a, T: Real> RawStandardizer<'a, T> {
    fn of(standardizer: &'a Standardizer<T>) -> Self {
        let [mean, scale] = [standardizer.mean(), standardizer.scale()].map(|v| Cow::from(v.as_slice()));
        Self { mean, scale }
    }
}

impl<T: Real> TryFrom<RawStandardizer<'_, T>> for Standardizer<T> {
    type Error = Error;

    fn try_from(raw: RawStandardizer<'_, T>) -> Result<Self, Error> {
        let (mean, scale) = (point("mean", raw.mean)?, point("scale", raw.scale)?);
        check_point("scale", &scale, mean.len())?;
        match scale.iter().find(|scale| !(**scale > T::zero())) {
            Some(found) => Err(setting("scale", "positive", *found)),
            None => Ok(Self::new(mean, scale)),
        }
    }
}

/// Types that are saved as their raw twins.
macro_rules! through_raw {
    ($($type:ident as $raw:ident: $of:expr;)*) => {$(
        impl<T: Real + Serialize> Serialize for $type<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $of(self).serialize(serializer)
            }
        }

        impl<'de, T: Real + Deserialize<'de>> Deserialize<'de> for $type<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $raw::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
            }
        }
    )*};
}
through_raw! {
    Report as RawReport: RawReport::of;
    CriticalPoint as RawCriticalPoint: RawCriticalPoint::of;
    Standardizer as RawStandardizer: RawStandardizer::of;
}

fn finite<T: Real>(number: T) -> Option<T> {
    Some(number).filter(|number| number.is_finite())
}

/// A list that is neither empty nor holds anything but numbers.
fn point<T: Real>(argument: &'static str, entries: Cow<'_, [T]>) -> Result<DVector<T>, Error> {
    let entries = DVector::from_vec(entries.into_owned());
    check_point(argument, &entries, entries.len())?;
    Ok(entries)
}

fn setting<T: Real>(name: &'static str, expected: &'static str, found: T) -> Error {
    Error::Setting { name, expected, found: found.f64() }
}

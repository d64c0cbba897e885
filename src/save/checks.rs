//! What is asked of a file's fields before they are anything.

use nalgebra::DVector;

use crate::contract::{check_length, check_point, setting};
use crate::data::Standardizer;
use crate::optimizer::{Bounds, Face};
use crate::{Checkpoint, CriticalPoint, Error, Real, Recession, Report, Termination};

/// Only what is finite has been a stationary ending.
pub(super) fn check_report<T: Real>(report: &Report<T>) -> Result<(), Error> {
    let n = report.x.len();
    check_point("x", &report.x, n)?;
    if let Some(point) = &report.certificate {
        // earlier files hold no face
        let free = report.face.as_ref().map_or(1..=n, |face| face.free.len()..=face.free.len());
        let (found, expected) = (point.dimension(), *free.end());
        if !free.contains(&found) {
            return Err(Error::Length { argument: "eigenvalues", expected, found });
        }
    }
    if let Recession::Along(direction) = &report.recession {
        check_point("recession", direction, n)?;
    }
    if let Some(face) = &report.face {
        setting("face", "that of x", face.x.len() as f64, face.is_of(&report.x))?;
    }
    let stationary = report.termination.is_stationary();
    let norm = report.gradient_norm;
    let fine = norm.is_finite() && norm >= T::zero();
    setting("value", "finite where a run converged", report.value, !stationary || report.value.is_finite())?;
    setting("gradient_norm", "finite and not negative where a run converged", norm, !stationary || fine)?;
    for (name, zero) in [("tolerance", report.tolerance), ("floor", report.floor)] {
        setting(name, "not negative", zero, zero >= T::zero())?;
    }
    let is_within =
        report.termination != Termination::GradientTolerance || norm <= report.tolerance.max(report.floor);
    setting("gradient_norm", "within tolerance or floor where it ended a run", norm, is_within)?;
    for number in report.trace.iter().flat_map(|point| [point.value, point.gradient_norm, point.step]) {
        setting("trace", "finite", number, number.is_finite())?;
    }
    Ok(())
}

/// A point within bounds that are in order.
pub(super) fn check_face<T: Real>(face: &Face<T>) -> Result<(), Error> {
    let n = face.x.len();
    check_length("bounds", face.upper.len(), n)?;
    Bounds::new(face.lower.clone(), face.upper.clone()).resolve(n)?;
    check_point("multipliers", &face.multipliers, n)?;
    let is_within = !face.project(&mut face.x.clone());
    setting("x", "within its bounds", face.x.amax(), is_within)?;
    let free = face.free.iter().map(|i| *i as f64).chain([n as f64]);
    setting("free", "ascending variables", n as f64, free.is_sorted_by(|i, j| i < j))
}

pub(super) fn check_judged<T: Real>(point: &CriticalPoint<T>) -> Result<(), Error> {
    let (eigenvalues, n) = (point.eigenvalues(), point.dimension());
    let (least, greatest) = point.extremes();
    match eigenvalues.is_empty() {
        true => check_point("extremes", &DVector::from_vec(vec![least, greatest]), 2)?,
        false => check_point("eigenvalues", eigenvalues, n)?,
    }
    setting("extremes", "ascending", greatest, least <= greatest || !eigenvalues.is_empty())?;
    for pair in eigenvalues.as_slice().windows(2) {
        setting("eigenvalues", "ascending", pair[1], pair[0] <= pair[1])?;
    }
    if let Some(direction) = &point.direction {
        check_point("direction", direction, n)?;
    }
    setting("tolerance", "not negative", point.tolerance, point.tolerance >= T::zero())?;
    if let Some(least) = point.interval() {
        setting("interval", "ascending", least.upper, least.lower <= least.upper)?;
    }
    for (name, found) in [("gradient_norm", point.gradient_norm), ("decrement", point.decrement)] {
        let found = found.unwrap_or_default();
        setting(name, "not negative", found, found >= T::zero())?;
    }
    Ok(())
}

pub(super) fn check_scales<T: Real>(scales: &Standardizer<T>) -> Result<(), Error> {
    check_point("mean", &scales.mean, scales.mean.len())?;
    check_point("scale", &scales.scale, scales.mean.len())?;
    scales.scale.iter().try_for_each(|scale| setting("scale", "positive", *scale, *scale > T::zero()))
}

pub(super) fn check_checkpoint<T: Real>(checkpoint: &Checkpoint<T>) -> Result<(), Error> {
    checkpoint.check(checkpoint.parameters().len())
}

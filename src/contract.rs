//! What is asked of callers and of their code: shapes, finiteness, points, settings, memory, and the sizes of what
//! comes back from code that the crate lends a buffer to.

use nalgebra::{DMatrix, DMatrixView, DVector};

use crate::kernel::{self, compiled};
use crate::{Error, Real};

/// `found` is the shape that `argument` has to have.
pub(crate) fn check_shape(
    argument: &'static str, found: (usize, usize), expected: (usize, usize),
) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Shape { argument, expected, found }) }
}

/// `found` is the length that `argument` has to have.
pub(crate) fn check_length(argument: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Length { argument, expected, found }) }
}

/// `argument` holds one of what is `expected`, at least.
pub(crate) fn check_some(argument: &'static str, expected: &'static str, count: usize) -> Result<(), Error> {
    if count > 0 { Ok(()) } else { Err(Error::Empty { argument, expected }) }
}

compiled! {
    /// Every entry is finite.
    pub(crate) fn check_finite<T>(argument: &'static str, data: DMatrixView<'a, T>) -> Result<(), Error> {
        if kernel::flat(&data).is_some_and(kernel::all_finite) {
            return Ok(());
        }
        for (column, entries) in data.column_iter().enumerate() {
            if kernel::all_finite(entries.as_slice()) {
                continue;
            }
            if let Some(row) = entries.iter().position(|x| !x.is_finite()) {
                return Err(Error::NonFinite { argument, row, column, found: entries[row].f64() });
            }
        }
        Ok(())
    }
}

/// A matrix has its shape, and is finite.
pub(crate) fn check_matrix<T: Real>(
    argument: &'static str, data: DMatrixView<'_, T>, expected: (usize, usize),
) -> Result<(), Error> {
    check_shape(argument, data.shape(), expected)?;
    check_finite(argument, data)
}

/// Inputs hold a sample, with so many features each, and are finite.
pub(crate) fn check_samples<T: Real>(x: DMatrixView<'_, T>, features: usize) -> Result<(), Error> {
    check_some("x", "sample (column)", x.ncols())?;
    check_matrix("x", x, (features, x.ncols()))
}

/// Every label is one of so many classes.
pub(crate) fn check_classes(argument: &'static str, labels: &[usize], classes: usize) -> Result<(), Error> {
    match labels.iter().position(|label| *label >= classes) {
        Some(sample) => Err(Error::Class { argument, classes, found: labels[sample], sample }),
        None => Ok(()),
    }
}

compiled! {
    /// What was computed is finite.
    pub(crate) fn check_evaluation<T>(what: &'static str, at: &'static str, found: &'a [T]) -> Result<(), Error> {
        if kernel::all_finite(found) {
            return Ok(());
        }
        match found.iter().find(|x| !x.is_finite()) {
            Some(found) => Err(Error::Evaluation { what, at, found: found.f64() }),
            None => Ok(()),
        }
    }
}

/// A point has the objective's length, which is not zero, and is finite.
pub(crate) fn check_point<T: Real>(argument: &'static str, x: &DVector<T>, dim: usize) -> Result<(), Error> {
    check_length(argument, x.len(), dim)?;
    check_some(argument, "coordinate", dim)?;
    check_finite(argument, DMatrixView::from_slice(x.as_slice(), dim, 1))
}

/// A setting lies in the range that `fine` describes.
pub(crate) fn setting<T: Real>(
    name: &'static str, expected: &'static str, found: T, fine: bool,
) -> Result<(), Error> {
    if fine { Ok(()) } else { Err(Error::Setting { name, expected, found: found.f64() }) }
}

/// A setting that is given as `f64` is positive and finite as the scalar that it is used in.
pub(crate) fn positive<T: Real>(name: &'static str, found: f64) -> Result<(), Error> {
    let used = T::of(found);
    let expected = "positive and finite in the scalar it is used in (f32 holds 1e-45 to 3e38, f64 more)";
    setting(name, expected, found, used > T::zero() && used.is_finite())
}

compiled! {
    /// There is one weight for each sample, none of them negative or not finite.
    pub(crate) fn check_weights<T>(weights: &'a [T], samples: usize) -> Result<(), Error> {
        check_length("weights", weights.len(), samples)?;
        let wrong = weights.iter().find(|w| !(**w >= T::zero() && w.is_finite()));
        wrong.map_or(Ok(()), |found| setting("weights", "finite and not negative", *found, false))
    }
}

/// User code left the size of the buffer that it was lent as it was.
pub(crate) fn check_size(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    if found == expected { Ok(()) } else { Err(Error::Resized { what, expected, found }) }
}

/// A Hessian that user code has written is still `n × n`.
pub(crate) fn check_hessian<T: Real>(hessian: &DMatrix<T>, n: usize) -> Result<(), Error> {
    if hessian.shape() == (n, n) {
        return Ok(());
    }
    Err(Error::Resized { what: "the Hessian", expected: n * n, found: hessian.len() })
}

compiled! {
    /// Whether a matrix that a user gives is a Hessian: square, finite, and symmetric up to rounding.
    pub(crate) fn check_symmetric<T>(hessian: &'a DMatrix<T>) -> Result<(), Error> {
        let (n, columns) = hessian.shape();
        check_some("hessian", "row and column", hessian.len())?;
        check_shape("hessian", (n, columns), (n, n))?;
        let scale = kernel::norm_inf(hessian.as_slice());
        if !scale.is_finite() {
            let at = hessian.iter().position(|h| !h.is_finite()).unwrap_or(0);
            let row = at % n;
            let column = at / n;
            let found = hessian[at].f64();
            return Err(Error::NonFinite { argument: "hessian", row, column, found });
        }
        let rounding = T::EPSILON.sqrt() * scale;
        let mut worst = (rounding, 0, 0);
        // some rows at a time, whose mirrored columns stay in the cache
        for first in (0..n).step_by(64) {
            for column in first..n {
                for row in first..column.min(first + 64) {
                    let difference = (hessian[(row, column)] - hessian[(column, row)]).abs();
                    if difference > worst.0 {
                        worst = (difference, row, column);
                    }
                }
            }
        }
        let (_, row, column) = worst;
        if row != column {
            let upper = hessian[(row, column)].f64();
            let lower = hessian[(column, row)].f64();
            return Err(Error::Asymmetric { argument: "hessian", row, column, upper, lower });
        }
        Ok(())
    }
}

/// The product of `sizes`, if as many numbers can be had: an allocation that fails ends the process.
pub(crate) fn room<T>(argument: &'static str, sizes: &[usize]) -> Result<usize, Error> {
    let found = sizes.iter().fold(1, |count: usize, size| count.saturating_mul(*size));
    let is_there = found < usize::MAX && holds(found.saturating_mul(size_of::<T>()));
    if is_there { Ok(found) } else { Err(Error::TooLarge { argument, found }) }
}

/// Whether memory holds so many bytes; what is small is not worth a question.
fn holds(bytes: usize) -> bool {
    let mut trial = Vec::<u8>::new();
    let is_there = bytes < 1 << 23 || trial.try_reserve_exact(bytes).is_ok();
    // otherwise the compiler leaves the reservation out
    std::hint::black_box(&trial);
    is_there
}

compiled! {
    /// A matrix of `value`, if memory holds it.
    pub(crate) fn matrix<T>(argument: &'static str, shape: (usize, usize), value: T) -> Result<DMatrix<T>, Error> {
        let ((rows, columns), mut entries) = (shape, Vec::new());
        let count = rows.saturating_mul(columns);
        kernel::reserve(&mut entries, count).ok_or(Error::TooLarge { argument, found: count })?;
        entries.fill(value);
        Ok(DMatrix::from_vec(rows, columns, entries))
    }
}

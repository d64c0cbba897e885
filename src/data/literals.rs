//! Matrices written out.

use nalgebra::{DMatrix, Scalar};

/// A matrix (`DMatrix`) by its rows, as nalgebra's `dmatrix!`, but in a crate that depends on gradus alone.
///
/// ```
/// let x = gradus::matrix![1.0, 2.0, 3.0;
///                         4.0, 5.0, 6.0];
/// assert_eq!(x.shape(), (2, 3));
/// assert_eq!(x[(1, 0)], 4.0);
/// ```
///
/// A row of another length does not compile:
///
/// ```compile_fail,E0308
/// let ragged = gradus::matrix![1.0, 2.0; 3.0];
/// ```
#[macro_export]
macro_rules! matrix {
    () => { $crate::nalgebra::DMatrix::from_vec(0, 0, ::std::vec::Vec::new()) };
    ($($($entry:expr),+ $(,)?);+ $(;)?) => { $crate::data::from_rows([$([$($entry),+]),+]) };
}

/// A vector (`DVector`) by its entries, as nalgebra's `dvector!`, but in a crate that depends on gradus alone.
///
/// ```
/// use gradus::{Function, Lbfgs, Stop, minimize, vector};
///
/// let mut f = Function::new(2, |x, g| {
///     g.copy_from(x);
///     0.5 * x.dot(x)
/// });
/// let report = minimize(&mut Lbfgs::new(), &mut f, vector![3.0, -4.0], &Stop::default())?;
/// assert!(report.converged() && report.x.norm() < 1e-8);
/// # Ok::<(), gradus::Error>(())
/// ```
#[macro_export]
macro_rules! vector {
    ($($entry:expr),* $(,)?) => { $crate::nalgebra::DVector::from_vec(::std::vec![$($entry),*]) };
}

/// What [`matrix!`](crate::matrix) calls.
#[doc(hidden)]
pub fn from_rows<T: Scalar, const ROWS: usize, const COLUMNS: usize>(
    rows: [[T; COLUMNS]; ROWS],
) -> DMatrix<T> {
    DMatrix::from_row_iterator(ROWS, COLUMNS, rows.into_iter().flatten())
}

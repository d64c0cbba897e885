use std::fmt;
use std::ops::ControlFlow;

use nalgebra::{DMatrix, DVector};

use super::Table;
use crate::critical_point::hessian_at;
use crate::figures::Cell;
use crate::objective::evaluate;
use crate::{Error, Hessian, Optimizer, Real, Report, Stop, kernel, minimize_with};

/// Every point that a method went through, with gradient, Hessian and eigenvalues there: Newton's method, or any other,
/// at work on a function of several variables. In one variable: [`ScalarReport::table`](crate::univariate::ScalarReport::table).
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{Function, Newton, Stop, Trace, vector};
///
/// // f = 2x² + 3y² − xy: quadratic, so one step is enough
/// let f = Function::new(2, |v: &DVector<f64>, g| {
///     let (x, y) = (v[0], v[1]);
///     g.copy_from_slice(&[4.0 * x - y, 6.0 * y - x]);
///     2.0 * x * x + 3.0 * y * y - x * y
/// });
/// let mut f = f.with_hessian(|_, h| h.copy_from_slice(&[4.0, -1.0, -1.0, 6.0]));
/// let (mut newton, start) = (Newton::pure(), vector![4.0, 4.0]);
/// let trace = Trace::of(&mut newton, &mut f, start, &Stop::default())?;
/// println!("{trace}"); // k, x, f, ∇f, H, λ, step
/// let point = &trace.points[0];
/// assert_eq!(point.gradient, vector![12.0, 20.0]);
/// assert!((point.eigenvalues[0] - (5.0 - 2.0_f64.sqrt())).abs() < 1e-14);
/// assert!(trace.report.converged() && trace.points.len() == 2);
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
#[doc(alias("iterates", "path", "step by step"))]
pub struct Trace<T: Real> {
    /// From the start to the point returned.
    pub points: Vec<TracePoint<T>>,
    /// Where the run ended and why.
    pub report: Report<T>,
}

/// One point of a [`Trace`].
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct TracePoint<T: Real> {
    /// `k`: steps taken before the point.
    pub iteration: usize,
    /// `x` (`n`).
    pub x: DVector<T>,
    /// `f(x)`.
    pub value: T,
    /// `∇f(x)` (`n`).
    pub gradient: DVector<T>,
    /// `H = ∇²f(x)` (`n × n`).
    pub hessian: DMatrix<T>,
    /// `λ`, the eigenvalues of `H`, ascending (`n`); empty where `H` is not finite.
    pub eigenvalues: DVector<T>,
    /// `x₊ − x` to the next point (`n`); zero at the last.
    pub step: DVector<T>,
}

impl<T: Real> Trace<T> {
    /// [`minimize`](crate::minimize), with every point kept; derivatives there are evaluated again after the run, which is
    /// the same as without.
    ///
    /// ```
    /// use gradus::{Newton, Stop, Trace, problems::Rosenbrock, vector};
    ///
    /// let (mut newton, mut f) = (Newton::new(), Rosenbrock::new(2));
    /// let trace = Trace::of(&mut newton, &mut f, vector![-1.2, 1.0], &Stop::default())?;
    /// assert_eq!(trace.points.len(), trace.report.iterations + 1);
    /// let [start, next, ..] = &trace.points[..] else { unreachable!("it moves") };
    /// assert_eq!(start.step, &next.x - &start.x);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`minimize`](crate::minimize).
    pub fn of<O: Hessian<T> + ?Sized, P: Optimizer<T, O> + ?Sized>(
        optimizer: &mut P, objective: &mut O, start: DVector<T>, stop: &Stop<T>,
    ) -> Result<Self, Error> {
        let mut visited = Vec::new();
        let report = minimize_with(optimizer, objective, start, stop, |progress, x| {
            visited.push((progress.iteration, x.clone()));
            ControlFlow::Continue(())
        })?;
        let mut points: Vec<TracePoint<T>> = Vec::new();
        for (iteration, x) in visited {
            if let Some(before) = points.last_mut() {
                before.step = &x - &before.x;
            }
            let mut gradient = DVector::zeros(0);
            let value = evaluate(objective, &x, &mut gradient)?;
            let hessian = hessian_at(objective, &x)?;
            let is_finite = kernel::all_finite(hessian.as_slice());
            let eigenvalues = if is_finite { kernel::eigenvalues(&hessian) } else { None };
            let eigenvalues = eigenvalues.unwrap_or_else(|| DVector::zeros(0));
            let step = DVector::zeros(x.len());
            points.push(TracePoint { iteration, x, value, gradient, hessian, eigenvalues, step });
        }
        Ok(Self { points, report })
    }

    /// A row for each point. Of up to three variables all numbers: `k`, `x`, `f`, `∇f`, the lower triangle of `H`, `λ` and
    /// the step; of more `k`, `f`, `‖∇f‖∞`, the least and the greatest eigenvalue and `‖step‖∞`.
    ///
    /// ```
    /// use gradus::{Newton, Stop, Trace, problems::Problem, vector};
    ///
    /// let (mut newton, mut f) = (Newton::pure(), Problem::Quadratic);
    /// let trace = Trace::of(&mut newton, &mut f, vector![4.0, 4.0], &Stop::default())?;
    /// let csv = trace.table().csv();
    /// assert!(csv.starts_with("k,x[0],x[1],f(x),∂f/∂x[0],∂f/∂x[1],\"H[0,0]\","));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn table(&self) -> Table {
        let rows: Vec<_> = self.points.iter().map(TracePoint::named).collect();
        let header = rows.first().into_iter().flatten().map(|(name, _)| name.clone());
        let header: Vec<_> = ["k".to_owned()].into_iter().chain(header).collect();
        let row = |(point, named): (&TracePoint<T>, Vec<(String, T)>)| {
            let numbers = named.into_iter().map(|(_, number)| Cell::number(number));
            [Cell::text(&point.iteration)].into_iter().chain(numbers).collect()
        };
        Table::new(header, self.points.iter().zip(rows).map(row).collect())
    }
}

impl<T: Real> TracePoint<T> {
    /// What the table tells of the point, column by column.
    fn named(&self) -> Vec<(String, T)> {
        let n = self.x.len();
        let norm = |v: &DVector<T>| kernel::norm_inf(v.as_slice());
        let each = |name: &str, v: &DVector<T>| -> Vec<_> {
            v.iter().enumerate().map(|(i, v)| (format!("{name}[{i}]"), *v)).collect()
        };
        let value = [("f(x)".to_owned(), self.value)];
        // where H is not finite there are none
        let eigenvalues = self.eigenvalues.clone().resize_vertically(n, T::NAN);
        if n > 3 {
            let gradient = [("‖∇f‖∞".to_owned(), norm(&self.gradient))];
            let ends =
                [("λ least".to_owned(), eigenvalues[0]), ("λ greatest".to_owned(), eigenvalues[n - 1])];
            return [&value[..], &gradient, &ends, &[("‖step‖∞".to_owned(), norm(&self.step))]].concat();
        }
        let entry = |(i, j)| (format!("H[{i},{j}]"), self.hessian[(i, j)]);
        let lower: Vec<_> = (0..n).flat_map(|j| (j..n).map(move |i| (i, j))).map(entry).collect();
        let [x, gradient] = [each("x", &self.x), each("∂f/∂x", &self.gradient)];
        [&x[..], &value, &gradient, &lower, &each("λ", &eigenvalues), &each("step", &self.step)].concat()
    }
}

impl<T: Real> fmt::Display for Trace<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.table().fmt(f)?;
        write!(f, "\n{}", self.report)
    }
}

//! Bounds on variables: which of them hold at a point, and the face of the variables that are left free.

use nalgebra::DVector;

use crate::contract::check_length;
use crate::{Error, Real};

/// Lower and upper bounds `l ≤ x ≤ u` of variables, and variables that are fixed: a setting of
/// [`TrustRegion`](crate::TrustRegion::bounds), [`Newton`](crate::Newton::bounds), [`Lbfgs`](crate::Lbfgs::bounds) and
/// [`LevenbergMarquardt`](crate::LevenbergMarquardt::bounds).
///
/// What a minimum within bounds is (Karush 1939; Kuhn and Tucker 1951), with `λ = ∇f(x)` the multipliers:
///
/// ```text
/// l_i < x_i < u_i        λ_i = 0        free
/// x_i = l_i              λ_i ≥ 0        held at the lower bound: f rises inwards
/// x_i = u_i              λ_i ≤ 0        held at the upper bound
/// l_i = u_i              λ_i any        fixed
/// ```
///
/// In each step the variables that a bound holds, `x_i = l_i` with `λ_i > 0` and so on, are set apart, and the method
/// takes its own step in the others, the *face*; whatever point it tries is projected onto the bounds, so that a step may
/// take up many of them at once, and may leave as many (Bertsekas, *Projected Newton methods for optimization problems
/// with simple constraints*, SIAM J. Control Optim. 20, 1982; Conn, Gould and Toint 1988; Byrd, Lu, Nocedal and Zhu 1995).
/// The function is never asked outside of the bounds. A start outside is projected, and the report says so.
///
/// `gradient_norm` and the rules of [`Stop`](crate::Stop) are then those of the gradient on the face. The report's
/// [`face`](crate::Report::face) has the multipliers, and its kind is that of the point on the face, by the eigenvalues
/// of the Hessian in its free variables. A bound with a multiplier of zero (to `ε^⅔ Σ_j |H_ij x_j|`; where no Hessian is
/// known, zero itself) holds nothing: its variable counts as free, and is [listed](Face::degenerate).
/// There the kind is a minimum only if the Hessian has positive eigenvalues with those variables among the free ones too;
/// where these go both ways, and nothing lower is seen within the bounds, it is degenerate.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{Bounds, CriticalKind, Function, Stop, TrustRegion, minimize, vector};
///
/// // f = (x − 2)² + (y + 1)² + xy within 0 ≤ x ≤ 1, 0 ≤ y
/// let f = Function::new(2, |x: &DVector<f64>, g| {
///     g.copy_from_slice(&[2.0 * (x[0] - 2.0) + x[1], 2.0 * (x[1] + 1.0) + x[0]]);
///     (x[0] - 2.0).powi(2) + (x[1] + 1.0).powi(2) + x[0] * x[1]
/// });
/// let mut f = f.with_hessian(|_, h| h.copy_from_slice(&[2.0, 1.0, 1.0, 2.0]));
/// let bounds = Bounds::new(vector![0.0, 0.0], vector![1.0, f64::INFINITY]);
/// let mut method = TrustRegion::new().bounds(bounds);
/// let report = minimize(&mut method, &mut f, vector![0.5, 3.0], &Stop::default())?;
/// assert!(report.converged() && report.x == vector![1.0, 0.0]);
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// let face = report.face.as_ref().unwrap();
/// assert_eq!(face.multipliers(), &vector![-2.0, 3.0]); // the second bound costs 3 a unit
/// println!("{report}");
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds<T: Real> {
    dim: usize,
    /// Empty where there are none to begin with.
    lower: DVector<T>,
    upper: DVector<T>,
    set: Vec<(usize, [Option<T>; 2])>,
}

impl<T: Real> Bounds<T> {
    /// `lower ≤ x ≤ upper`, entry by entry; `±∞` where there is no bound, equal where the variable is fixed. Whether they
    /// are in order is asked where a run starts.
    ///
    /// ```
    /// use gradus::{Bounds, Error, Lbfgs, Stop, minimize, problems::Rosenbrock, vector};
    ///
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let bounds = Bounds::new(vector![f64::NEG_INFINITY, -1.5], vector![0.5, 2.0]);
    /// let mut method = Lbfgs::new().bounds(bounds);
    /// let report = minimize(&mut method, &mut f, start.clone(), &Stop::default())?;
    /// assert!(report.converged() && report.x[0] == 0.5);
    ///
    /// let mut method = Lbfgs::new().bounds(Bounds::new(vector![0.0, 1.0], vector![1.0, 0.0]));
    /// let refused = minimize(&mut method, &mut f, start, &Stop::default());
    /// assert!(matches!(refused, Err(Error::Bounds { variable: 1, .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new(lower: DVector<T>, upper: DVector<T>) -> Self {
        Self { dim: lower.len(), lower, upper, set: Vec::new() }
    }

    /// None yet, of so many variables.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start) = (Rosenbrock::new(10), DVector::from_element(10, 0.3));
    /// let bounds = Bounds::unbounded(10).lower(0, 0.0).upper(4, 0.5).fixed(9, 0.25);
    /// let mut method = Newton::new().bounds(bounds);
    /// let report = minimize(&mut method, &mut f, start, &Stop::default())?;
    /// assert!(report.converged() && report.x[4] <= 0.5 && report.x[9] == 0.25);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn unbounded(n: usize) -> Self {
        Self { dim: n, lower: DVector::zeros(0), upper: DVector::zeros(0), set: Vec::new() }
    }

    /// `x_i ≥ bound`.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3 is least at y = ½
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![4.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.x.relative_eq(&vector![3.0, 0.5], 1e-15, 1e-15));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn lower(self, i: usize, bound: T) -> Self {
        self.with(i, [Some(bound), None])
    }

    /// `x_i ≤ bound`.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).upper(1, -2.0));
    /// let (start, stop) = (vector![4.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.x.relative_eq(&vector![-0.5, -2.0], 1e-15, 1e-15)); // 2x² + 3y² − xy
    /// assert!(report.face.is_some_and(|face| face.started_outside()));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn upper(self, i: usize, bound: T) -> Self {
        self.with(i, [None, Some(bound)])
    }

    /// `x_i = value`.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).fixed(0, 3.0));
    /// let (start, stop) = (vector![3.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert_eq!(report.face.unwrap().free(), [1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn fixed(self, i: usize, value: T) -> Self {
        self.with(i, [Some(value); 2])
    }

    fn with(mut self, i: usize, ends: [Option<T>; 2]) -> Self {
        self.set.push((i, ends));
        self
    }

    /// The face of all variables, where the bounds are in order and of this length.
    pub(crate) fn resolve(&self, dim: usize) -> Result<Face<T>, Error> {
        let fits = |found| check_length("bounds", found, dim);
        fits(self.dim)?;
        let given = |ends: &DVector<T>, none| match ends.is_empty() {
            true => Ok(DVector::repeat(dim, T::of(none))),
            false => fits(ends.len()).map(|()| ends.clone()),
        };
        let mut lower = given(&self.lower, f64::NEG_INFINITY)?;
        let mut upper = given(&self.upper, f64::INFINITY)?;
        for &(i, [low, high]) in &self.set {
            if i >= dim {
                fits(i.saturating_add(1))?;
            }
            lower[i] = low.unwrap_or(lower[i]);
            upper[i] = high.unwrap_or(upper[i]);
        }
        for (variable, (low, high)) in lower.iter().zip(&upper).enumerate() {
            let is_finite = *low < T::of(f64::INFINITY) && *high > T::of(f64::NEG_INFINITY);
            if !(low <= high && is_finite) {
                return Err(Error::Bounds { variable, found: (low.f64(), high.f64()) });
            }
        }
        Ok(Face::of(lower, upper))
    }
}

/// Which bounds hold at a point, and with which multipliers.
///
/// ```
/// use gradus::{Bounds, Stop, TrustRegion, minimize, problems::Rosenbrock, vector};
///
/// let bounds = Bounds::unbounded(2).upper(0, 0.5).fixed(1, 0.3);
/// let mut method = TrustRegion::new().bounds(bounds);
/// let start = vector![-1.2, 1.0];
/// let report = minimize(&mut method, &mut Rosenbrock::new(2), start, &Stop::default())?;
/// let face = report.face.unwrap();
/// assert!(face.started_outside()); // its second entry was not 0.3
/// assert!(face.free().is_empty() || face.free() == [0]);
/// assert!(face.multipliers()[0] <= 0.0); // f rises inwards from an upper bound
/// assert!(face.degenerate().is_empty());
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Face<T: Real> {
    pub(crate) lower: DVector<T>,
    pub(crate) upper: DVector<T>,
    /// The point that this is of.
    pub(crate) x: DVector<T>,
    pub(crate) free: Vec<usize>,
    pub(crate) multipliers: DVector<T>,
    pub(crate) outside: bool,
}

impl<T: Real> Face<T> {
    /// Of no point yet.
    pub(super) fn of(lower: DVector<T>, upper: DVector<T>) -> Self {
        let (x, multipliers) = (DVector::repeat(lower.len(), T::NAN), DVector::zeros(lower.len()));
        Self { lower, upper, x, free: Vec::new(), multipliers, outside: false }
    }

    /// `∂f/∂x_i` where a bound holds `x_i`: positive at a lower bound, negative at an upper one, anything where the
    /// variable is fixed. Zero for free variables. Moving a bound by `δ` changes the minimum by `λ_i δ`, to first order.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![1.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// let expected = vector![11.5, 0.0];
    /// assert!(report.face.unwrap().multipliers().relative_eq(&expected, 1e-14, 1e-14));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn multipliers(&self) -> &DVector<T> {
        &self.multipliers
    }

    /// The variables that no bound holds, ascending.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![1.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert_eq!(report.face.unwrap().free(), [1]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn free(&self) -> &[usize] {
        &self.free
    }

    /// The variables that lie at a bound whose multiplier is zero: free, and degenerate there.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![1.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.face.unwrap().degenerate().is_empty()); // the multiplier is 11.5
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn degenerate(&self) -> Vec<usize> {
        let is_there = |&i: &usize| self.x[i] == self.lower[i] || self.x[i] == self.upper[i];
        self.free.iter().copied().filter(is_there).collect()
    }

    /// Whether the start had to be projected onto the bounds.
    ///
    /// ```
    /// use gradus::{Bounds, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // 2x² + 3y² − xy with x ≥ 3
    /// let mut method = Newton::new().bounds(Bounds::unbounded(2).lower(0, 3.0));
    /// let (start, stop) = (vector![1.0, 4.0], Stop::default());
    /// let report = minimize(&mut method, &mut Problem::Quadratic, start, &stop)?;
    /// assert!(report.face.unwrap().started_outside()); // x was 1
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn started_outside(&self) -> bool {
        self.outside
    }

    /// Whether this is the face of `x`.
    pub(crate) fn is_of(&self, x: &DVector<T>) -> bool {
        self.x == *x
    }

    /// With what became of the start.
    pub(crate) fn from(mut self, outside: bool) -> Self {
        self.outside = outside;
        self
    }

    /// `P(x)`, the nearest point within the bounds; whether `x` was outside.
    pub(crate) fn project(&self, x: &mut DVector<T>) -> bool {
        let mut is_outside = false;
        for (i, x) in x.iter_mut().enumerate() {
            let within = self.within(i, *x);
            is_outside |= within != *x;
            *x = within;
        }
        is_outside
    }

    /// The nearest number within the bounds of variable `i`.
    pub(super) fn within(&self, i: usize, x: T) -> T {
        if x < self.lower[i] {
            self.lower[i]
        } else if x > self.upper[i] {
            self.upper[i]
        } else {
            x
        }
    }

    /// Whether the bound that variable `i` lies at keeps it from going down this slope.
    pub(super) fn keeps(&self, i: usize, x: T, slope: T) -> bool {
        x == self.lower[i] && slope > T::zero() || x == self.upper[i] && slope < T::zero()
    }

    /// Whether a bound ends the ray from here along `d`.
    pub(crate) fn ends(&self, d: &DVector<T>) -> bool {
        let mut entries = d.iter().zip(self.lower.iter().zip(&self.upper));
        entries.any(|(d, (low, high))| {
            (*d < T::zero() && low.is_finite()) || (*d > T::zero() && high.is_finite())
        })
    }

    /// The free variables of `x`, into `y`.
    pub(super) fn gather(&self, x: &DVector<T>, y: &mut DVector<T>) {
        if y.len() != self.free.len() {
            *y = DVector::zeros(self.free.len());
        }
        y.iter_mut().zip(&self.free).for_each(|(y, &i)| *y = x[i]);
    }

    /// `P(x)` for the point of which `y` are the free variables, and the others lie where they are held.
    pub(crate) fn lift(&self, y: &DVector<T>, x: &mut DVector<T>) {
        if x.len() != self.x.len() {
            *x = DVector::zeros(self.x.len());
        }
        x.copy_from(&self.x);
        y.iter().zip(&self.free).for_each(|(&y, &i)| x[i] = self.within(i, y));
    }
}

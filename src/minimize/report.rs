//! What a run returns.

use std::fmt;

use nalgebra::DVector;

use super::method::Method;
use crate::contract::setting;
use crate::critical_point::{Columns, hessian_at, judged};
use crate::figures::Figure;
use crate::kernel::{self, compiled};
use crate::objective::evaluate;
use crate::optimizer::{
    Face, Position, Probed, Seen, Size, Step, closeness, is_same, leads_lower, probe, rounding,
};
use crate::{
    CriticalKind, CriticalPoint, Error, Hessian, HessianProduct, Objective, Real, Recession, Termination,
};

/// One point of a run.
///
/// ```
/// use gradus::{Newton, Stop, minimize, problems::Rosenbrock, vector};
///
/// let stop = Stop::default().trace(true);
/// let (mut f, start) = (Rosenbrock::new(2), vector![0.0, 0.0]);
/// let trace = minimize(&mut Newton::new(), &mut f, start, &stop)?.trace;
/// assert_eq!((trace[0].iteration, trace[0].value, trace[0].gradient_norm), (0, 1.0, 2.0));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
pub struct Progress<T> {
    /// Steps taken before the point.
    pub iteration: usize,
    /// Evaluations so far.
    pub evaluations: usize,
    /// `f(x)`.
    pub value: T,
    /// `‖∇f(x)‖∞`.
    pub gradient_norm: T,
    /// How far the point is from the one before, `‖x − x₋‖∞`; zero at the start.
    #[cfg_attr(feature = "serde", serde(default))]
    pub step: T,
    /// The radius of the trust region around it, of a method that has one.
    #[cfg_attr(feature = "serde", serde(default))]
    pub radius: Option<T>,
}

/// Where a run ended and why. Value and gradient are those of `x`, the point returned.
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{CriticalKind, Function, Newton, Stop, minimize, vector};
///
/// let f = Function::new(2, |x: &DVector<f64>, g| {
///     g.copy_from_slice(&[x[0] - 1.0, 4.0 * x[1] + 8.0]);
///     0.5 * (x[0] - 1.0).powi(2) + 2.0 * (x[1] + 2.0).powi(2)
/// });
/// let mut f = f.with_hessian(|_, h| h.copy_from_slice(&[1.0, 0.0, 0.0, 4.0]));
/// let report = minimize(&mut Newton::new(), &mut f, vector![0.0, 0.0], &Stop::default())?;
/// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
/// assert_eq!(report.to_string(), "\
/// converged: the gradient met its tolerance
///   x           [1, -2]
///   value       0
///   gradient    0
///   iterations  1 (2 evaluations)
///   kind        minimum: 2 positive");
/// let x = report.into_converged()?.x; // an error if it did not converge
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
pub struct Report<T: Real> {
    /// The point.
    pub x: DVector<T>,
    /// `f(x)`.
    pub value: T,
    /// `‖∇f(x)‖∞`; where a [`Trainer`](crate::Trainer) has frozen layers, of what is not frozen.
    pub gradient_norm: T,
    /// What `‖∇f‖∞` was to fall to at `x`, absolutely or by the [relative rule](crate::Stop::relative), in the same unit.
    pub tolerance: T,
    /// What rounding makes of `‖∇f‖∞` at `x`: four times what it changes by between neighbouring numbers, and, where a
    /// [`fit`](crate::EmpiricalRisk::fit) of an affine model needs that to reach `gradient_norm`, what follows from rounding
    /// of all terms of scores and slopes, which the tolerance then includes too. A converged run has `gradient_norm ≤
    /// max(tolerance, floor)`, and that can be computed again.
    pub floor: T,
    /// Which method took them, where [`fit`](crate::EmpiricalRisk::fit) chose it.
    pub method: Option<Method>,
    /// Steps taken.
    pub iterations: usize,
    /// Evaluations of the objective (value, or value and gradient).
    pub evaluations: usize,
    /// Why the run ended.
    pub termination: Termination,
    /// What second derivatives say of `x`, where the method knows them.
    pub certificate: Option<CriticalPoint<T>>,
    /// Which [bounds](crate::optimizer::Bounds) hold at `x`, with their multipliers, where the method had some. Gradient,
    /// tolerance and certificate are then those of the variables that are left free.
    pub face: Option<Face<T>>,
    /// Whether the objective [falls for ever](crate::Objective::recedes): then it has no minimum.
    pub recession: Recession<T>,
    /// What went wrong outside of mathematics ([`Termination::Failed`]).
    pub failure: Option<Error>,
    /// How many steps modified the Hessian to descend.
    pub modified: usize,
    /// How many stationary points with a negative eigenvalue were left along it.
    pub escapes: usize,
    /// What was seen along flat directions of the Hessian at `x`, where they leave undecided what the point is.
    pub probed: Probed,
    /// How many epochs a [`Trainer`](crate::Trainer) went through, where one did.
    pub epochs: Option<usize>,
    /// Features that are far from zero, or whose size is far from 1 (by a factor of 16), where a
    /// [`Trainer`](crate::Trainer) or [`fit_with`](crate::EmpiricalRisk::fit_with) went by gradients, to which units matter.
    pub unscaled: Vec<usize>,
    /// The whole run, if [`Stop::trace`](crate::Stop::trace) asked for it.
    pub trace: Vec<Progress<T>>,
}

impl<T: Real> Report<T> {
    /// The kind of the point, where second derivatives are known and it is stationary: to the tolerance of a run, or, however the
    /// run ended, by a gradient of zero or a Newton step that promises no more than rounding of `f`.
    ///
    /// ```
    /// use gradus::{CriticalKind, Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// // from the axis y = 0 the textbook finds the saddle
    /// let mut f = Problem::SaddleBetweenMinima;
    /// let report = minimize(&mut Newton::pure(), &mut f, vector![1.0, 0.0], &Stop::default())?;
    /// assert_eq!(report.kind(), Some(CriticalKind::Saddle));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn kind(&self) -> Option<CriticalKind> {
        let is_stationary = |point: &&CriticalPoint<T>| {
            let promised = point.decrement.map(|decrement| T::of(0.5) * decrement * decrement);
            self.termination.is_stationary()
                || point.gradient_norm == Some(T::zero())
                || promised.is_some_and(|promised| promised <= rounding(self.value))
        };
        self.certificate.as_ref().filter(is_stationary).map(|point| point.kind)
    }

    /// Whether `x` is stationary to the tolerance *and* nothing known speaks against a minimum: a saddle, a
    /// maximum, a plateau or an inflection has not converged.
    ///
    /// | method | what it knows where it converges | what it cannot know | how to ask for more |
    /// |---|---|---|---|
    /// | gradient descent, `AdaGrad`, `RmsProp`, `Adam`, an own method | the gradient is zero beside what it changes by along itself, along the last step and, eight steps later, along the way since ([`Stop::relative`](crate::Stop::relative)) | saddles that the gradient vanishes on, valleys that neither direction shows | [`certify`](Self::certify), [`certify_by_products`](Self::certify_by_products) |
    /// | `Lbfgs`, `Bfgs`, `ConjugateGradient` | the same; where no line search finds a lower value, to `√ε` or to the [`floor`](Self::floor) | the same | `certify`, or a restart |
    /// | `Newton`, `TrustRegion` | the Newton step is short, its promise is rounding of `f`, the signs of all eigenvalues; what is flat was probed ([`probed`](Self::probed)) | what a probe does not see | another start |
    /// | `NewtonCg`, `SaddleFree` | the same by products: up to 1,000 variables all eigenvalues, beyond an interval for the least; probes in all directions | beyond 1,000 variables, curvature within the interval | `certify` |
    /// | `Newton::pure` | as `Newton`, but it stays where it is | as `Newton` | `Newton` |
    /// | `certify` after any of them | the signs of all eigenvalues; looks where the Newton step leads, and probes what is flat | what a probe does not see | another start |
    /// | `LevenbergMarquardt`, `GaussNewton` | the relative [`Offset`](crate::least_squares::Offset) is small; what the Jacobian leaves flat was probed | second derivatives of the residuals | [`SecondOrderResiduals`](crate::least_squares::SecondOrderResiduals) |
    ///
    /// A probe looks as far as takes some variable by a quarter of its size, and farther, along some dozens of directions;
    /// the size is that of the variable now or earlier in the run, and 1 at most next to zero. It does not see wells that
    /// are narrower, what falls only along a curve, as `(y − x²)(y − 3x²)`, what first rises, as `x⁸ − x⁶/1000` does
    /// beyond what rounding shows, or a fall that is rounding at the start, as `exp(−x)` from 800.
    ///
    /// Where no curvature is known that can be seen beside the first gradient, and `f` is not known to be convex, all
    /// methods look on where the last step led, as far as the run has come: where `f` falls for ever that way, the run
    /// has [gone off](Termination::Divergence), also if the gradient has vanished by underflow or rounding. In many
    /// variables gradients alone do not tell such a way from a valley.
    /// Only a convex problem has no other minima: the report says where it is known to be.
    ///
    /// ```
    /// use gradus::{Newton, Stop, minimize, problems::Problem, vector};
    ///
    /// let mut f = Problem::SaddleBetweenMinima;
    /// let report = minimize(&mut Newton::pure(), &mut f, vector![1.0, 0.0], &Stop::default())?;
    /// assert!(report.termination.is_stationary() && !report.converged()); // a saddle
    /// let report = minimize(&mut Newton::new(), &mut f, vector![1.0, 0.0], &Stop::default())?;
    /// assert!(report.converged());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn converged(&self) -> bool {
        let descends = self.certificate.as_ref().is_some_and(|point| point.inertia.negative > 0);
        let is_unbounded = matches!(self.recession, Recession::Along(_) | Recession::Undecided);
        let is_undecided = matches!(self.probed, Probed::Lower | Probed::Level);
        self.termination.is_stationary() && !is_unbounded && !is_undecided && !descends
    }

    /// The report, if it converged.
    ///
    /// ```
    /// use gradus::{Error, Newton, Stop, minimize, problems::Rosenbrock, vector};
    ///
    /// let stop = Stop::default().iterations(1);
    /// let (mut f, start) = (Rosenbrock::new(2), vector![-1.2, 1.0]);
    /// let report = minimize(&mut Newton::new(), &mut f, start, &stop)?;
    /// let error = report.into_converged().unwrap_err();
    /// assert!(matches!(error, Error::NotConverged { iterations: 1, .. }));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NotConverged`]; the failure itself, where there was one.
    pub fn into_converged(self) -> Result<Self, Error> {
        if self.converged() {
            return Ok(self);
        }
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let (gradient, obstacle) = (self.gradient_norm.f64(), self.obstacle());
        let Self { termination, iterations, .. } = self;
        Err(Error::NotConverged { termination, iterations, gradient, obstacle })
    }

    /// What speaks against a minimum at a stationary point.
    fn obstacle(&self) -> Option<&'static str> {
        let descends = self.certificate.as_ref().filter(|point| point.inertia.negative > 0);
        let obstacle = match (descends, &self.recession, self.probed) {
            (Some(point), ..) if point.kind == CriticalKind::Maximum => "at a maximum",
            (Some(_), ..) => "at a saddle",
            (_, Recession::Along(_), _) => "the function falls for ever along a direction",
            (_, Recession::Undecided, _) => "it is undecided whether there is a minimum",
            (.., Probed::Lower) => "a lower point is near",
            (.., Probed::Level) => "nothing tells the point from a plateau",
            _ => return None,
        };
        Some(obstacle).filter(|_| self.termination.is_stationary())
    }
}

/// Points of more coordinates are not printed.
const COORDINATES: usize = 8;

impl<T: Real> fmt::Display for Report<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given = self.termination == Termination::Given;
        match (self.termination, self.epochs) {
            (termination, _) if self.converged() => write!(f, "converged: {termination}")?,
            (Termination::Iterations, Some(epochs)) => write!(f, "finished: all {epochs} epochs")?,
            (Termination::NoImprovement, Some(epochs)) => {
                write!(f, "finished after {epochs} epochs: {}", self.termination)?;
            }
            (termination, _) if given => write!(f, "{termination}")?,
            (termination, _) => {
                write!(f, "not converged: {termination}")?;
                self.obstacle().map_or(Ok(()), |obstacle| write!(f, ", but {obstacle}"))?;
            }
        }
        if self.x.len() <= COORDINATES {
            let x: Vec<_> = self.x.iter().map(|x| Figure(x.f64()).to_string()).collect();
            write!(f, "\n  x           [{}]", x.join(", "))?;
        }
        if given {
            return Ok(());
        }
        let [value, gradient] = [self.value, self.gradient_norm].map(|number| Figure(number.f64()));
        write!(f, "\n  value       {value}\n  gradient    {gradient}")?;
        if let Some(method) = self.method {
            write!(f, "\n  method      {method}")?;
        }
        write!(f, "\n  iterations  {} ({} evaluations)", self.iterations, self.evaluations)?;
        self.show_kind(f)?;
        self.show_face(f)?;
        if self.modified > 0 || self.escapes > 0 {
            let saddles = if self.escapes == 1 { "saddle" } else { "saddles" };
            write!(f, "\n  modified    {} Hessians, {} {saddles} escaped", self.modified, self.escapes)?;
        }
        if !self.unscaled.is_empty() {
            let named: Vec<_> = self.unscaled.iter().take(8).map(usize::to_string).collect();
            let more = if self.unscaled.len() > 8 { ", …" } else { "" };
            write!(
                f,
                "\n  unscaled    features {}{more}: bring them to one scale (`data::Standardizer`)",
                named.join(", ")
            )?;
        }
        match (&self.failure, &self.recession) {
            (Some(failure), _) => write!(f, "\n  failure     {failure}"),
            (None, Recession::Undecided) => f.write_str("\n  minimum     undecided whether there is one"),
            _ => Ok(()),
        }
    }
}

impl<T: Real> Report<T> {
    fn show_face(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(face) = &self.face else { return Ok(()) };
        let (free, degenerate) = (face.free().len(), face.degenerate());
        let outside = if face.started_outside() { "; the start was outside" } else { "" };
        write!(f, "\n  bounds      {free} of {} variables free{outside}", self.x.len())?;
        if self.x.len() <= COORDINATES {
            let numbers: Vec<_> = face.multipliers().iter().map(|x| Figure(x.f64()).to_string()).collect();
            write!(f, "\n  multipliers [{}]", numbers.join(", "))?;
        }
        match degenerate.len() {
            0 => Ok(()),
            _ => write!(f, "\n  degenerate  variables {degenerate:?}, at bounds with multiplier zero"),
        }
    }

    fn show_kind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(certificate) = &self.certificate else {
            let unknown = if self.converged() { "\n  kind        unknown: ask `certify`" } else { "" };
            return f.write_str(unknown);
        };
        match self.kind() {
            Some(kind) => write!(f, "\n  kind        {kind}: {}", certificate.signs())?,
            None => write!(f, "\n  eigenvalues {} (not stationary, so no kind)", certificate.signs())?,
        }
        let is_counted = certificate.unknown == 0 && certificate.interval().is_none();
        if certificate.eigenvalues().is_empty() && certificate.dimension() > 0 && is_counted {
            f.write_str(match self.method {
                Some(Method::Lbfgs) => " (by bounds of all eigenvalues)",
                _ => " (counted by a factorisation)",
            })?;
        }
        if self.converged() && certificate.convex {
            f.write_str("; convex, so a global minimum")?;
        }
        f.write_str(match self.probed {
            _ if !self.termination.is_stationary() => "",
            Probed::No => "",
            Probed::Bowl | Probed::Valley => "; flat directions were probed, nothing lower was seen",
            Probed::Lower => "; flat directions were probed, a lower point was seen",
            Probed::Level => "; level as far as was probed",
        })
    }
}

impl<T: Real> Report<T> {
    /// Judges the point by second derivatives, whatever method found it, and keeps the
    /// [`certificate`](Self::certificate), so that [`kind`](Self::kind) and
    /// [`converged`](Self::converged) take it into account.
    ///
    /// ```
    /// use gradus::{CriticalKind, GradientDescent, Stop, minimize, problems::Rosenbrock};
    /// use gradus::vector;
    ///
    /// let mut f = Rosenbrock::new(2);
    /// let stop = Stop::default().iterations(100_000);
    /// let mut descent = GradientDescent::new(1e-3);
    /// let mut report = minimize(&mut descent, &mut f, vector![-1.2, 1.0], &stop)?;
    /// assert_eq!(report.kind(), None); // a first-order method cannot know
    /// report.certify(&mut f)?;
    /// assert_eq!(report.kind(), Some(CriticalKind::Minimum));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CriticalPoint::of`]; [`Error::Setting`] where the run's gradient vanished and that of this objective does
    /// not.
    pub fn certify<O: Hessian<T> + ?Sized>(&mut self, objective: &mut O) -> Result<&CriticalPoint<T>, Error> {
        let mut lent = objective;
        certify(self, &mut lent).map(|()| self.kept())
    }

    /// The same for an objective that has only [products](HessianProduct) with its Hessian, after any method: exact up to
    /// 1,000 variables, and beyond an interval for the least eigenvalue with its confidence, as
    /// [`CriticalPoint::by_products`] explains. A convex problem takes no product. Within bounds the Hessian by the free variables
    /// is formed, whatever their number.
    ///
    /// ```
    /// use gradus::{Activation, CriticalKind, EmpiricalRisk, Lbfgs, Network, SquaredError};
    /// use gradus::{Stop, matrix};
    ///
    /// let (x, y) = (matrix![-1.0, 0.0, 1.0, 2.0], matrix![1.0, 0.0, 1.0, 4.0]);
    /// let network = Network::new(&[1, 4, 1], Activation::Tanh);
    /// let start = network.initial(3);
    /// let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y)?.ridge(1e-3);
    /// let mut fitted = risk.fit_with(&mut Lbfgs::new(), start, &Stop::default())?;
    /// assert_eq!(fitted.report.kind(), None); // a first-order method cannot know
    /// fitted.report.certify_by_products(&mut risk)?;
    /// // the penalty has switched off a hidden unit, whose bias matters to nothing
    /// assert_eq!(fitted.report.kind(), Some(CriticalKind::Degenerate));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CriticalPoint::by_products`].
    pub fn certify_by_products<O: HessianProduct<T> + ?Sized>(
        &mut self, objective: &mut O,
    ) -> Result<&CriticalPoint<T>, Error> {
        let mut lent = objective;
        certify_by_products(self, &mut lent).map(|()| self.kept())
    }

    /// All eigenvalues of `∇²f(x)`, ascending, also where the [`certificate`](Self::certificate) has only counted their
    /// signs: then the Hessian is evaluated once more, and the certificate keeps them. Without a certificate, the point
    /// is [judged](Self::certify) first.
    ///
    /// ```
    /// use gradus::nalgebra::{self, DVector};
    /// use gradus::{Newton, Stop, minimize, problems::Rosenbrock};
    ///
    /// let (mut f, start) = (Rosenbrock::new(300), DVector::from_element(300, 0.9));
    /// let mut report = minimize(&mut Newton::new(), &mut f, start, &Stop::default())?;
    /// println!("{report}"); // minimum: 300 positive (counted by a factorisation)
    /// assert_eq!(report.eigenvalues(&mut f)?.len(), 300);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`CriticalPoint::of`].
    pub fn eigenvalues<O: Hessian<T> + ?Sized>(&mut self, objective: &mut O) -> Result<&DVector<T>, Error> {
        let point = match self.certificate.take() {
            Some(point) => point,
            None => self.certify(objective)?.clone(),
        };
        let point = match (point.eigenvalues().is_empty(), &self.face) {
            (true, None) => point.with_eigenvalues(&hessian_at(objective, &self.x)?)?,
            (true, Some(face)) if !face.free().is_empty() => {
                point.with_eigenvalues(&face.hessian(objective, &self.x)?)?
            }
            _ => point,
        };
        Ok(self.certificate.insert(point).eigenvalues())
    }
}

compiled! {
    /// [`Report::certify`].
    fn certify<T>(
        report: &'a mut Report<T>, objective: &'a mut (dyn Hessian<T> + 'a),
    ) -> Result<(), Error> {
        let (point, s) = match &mut report.face {
            Some(face) => (face.judge(objective, &report.x)?, None),
            None => judged(objective, &report.x)?,
        };
        let is_flat = point.kind == CriticalKind::Degenerate && report.face.is_none();
        let hessian = if is_flat { Some(hessian_at(objective, &report.x)?) } else { None };
        let range =
            hessian.and_then(|hessian| kernel::spectrum(&hessian)).map(|all| all.range(point.tolerance));
        let (reach, _) = report.resolution(&point);
        let leads = s.map(|s| {
            let step = Step::new(objective.value(&report.x), report.gradient_norm);
            let mut at = Position { objective, x: &mut report.x, step };
            let leads = leads_lower(&mut at, &s, reach);
            report.evaluations = report.evaluations.saturating_add(at.step.evaluations);
            leads
        });
        report.settle(point, objective, &range.unwrap_or_default(), leads)
    }

    /// [`Report::certify_by_products`].
    fn certify_by_products<T>(
        report: &'a mut Report<T>, objective: &'a mut (dyn HessianProduct<T> + 'a),
    ) -> Result<(), Error> {
        let point = match &mut report.face {
            Some(face) => face.judge(&mut Columns(objective), &report.x)?,
            None => CriticalPoint::by_products(objective, &report.x)?,
        };
        report.settle(point, objective, &[], None)
    }
}

impl<T: Real> Report<T> {
    /// A point of which nothing is known yet.
    pub(crate) fn given(x: DVector<T>) -> Self {
        Self {
            x,
            value: T::NAN,
            gradient_norm: T::NAN,
            tolerance: T::zero(),
            floor: T::zero(),
            method: None,
            iterations: 0,
            evaluations: 0,
            termination: Termination::Given,
            certificate: None,
            face: None,
            recession: Recession::NotSought,
            failure: None,
            modified: 0,
            escapes: 0,
            probed: Probed::No,
            epochs: None,
            unscaled: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// Ends as what has failed outside of mathematics.
    pub(crate) fn lose(&mut self, failure: Error) {
        self.failure = Some(failure);
        self.termination = Termination::Failed;
    }

    /// Takes over the point that `step` told of; `at` gets the buffer of the one before.
    pub(super) fn tell(&mut self, at: &mut DVector<T>, step: &Step<T>, iteration: usize) {
        std::mem::swap(&mut self.x, at);
        self.value = step.value;
        self.gradient_norm = step.gradient_norm;
        self.probed = step.probed;
        self.iterations = iteration;
    }

    /// The point as the trace keeps it.
    pub(super) fn progress(&self, step: T, radius: Option<T>) -> Progress<T> {
        let &Self { iterations: iteration, evaluations, value, gradient_norm, .. } = self;
        Progress { iteration, evaluations, value, gradient_norm, step, radius }
    }

    /// Keeps the certificate, and asks what it does not tell. An objective whose gradient is larger at `x` than that of the run
    /// is another one, where its Newton step leads to a lower point, or, where that is not known, beyond `√ε ‖H‖ ‖x‖`.
    fn settle(
        &mut self, point: CriticalPoint<T>, objective: &mut dyn Objective<T>, range: &[DVector<T>],
        leads: Option<bool>,
    ) -> Result<(), Error> {
        let (least, greatest) = point.extremes();
        let steepest = least.abs().max(greatest.abs()) * kernel::norm_inf(self.x.as_slice());
        let found = point.gradient_norm.unwrap_or_default();
        let is_steep = found > T::of(4.0) * self.gradient_norm.max(self.tolerance).max(self.floor);
        let is_other = is_steep && leads.unwrap_or(found > T::EPSILON.sqrt() * steepest);
        let expected = "that of the run, whose gradient vanished (a risk does not hold a penalty of `fit_l1` or `fit_firth`)";
        setting("objective", expected, found, !(is_other && self.termination.is_stationary()))?;
        self.certificate = Some(point);
        let face = self.face.clone();
        let mut seen = Seen::new(objective, face.as_ref());
        self.seek_recession(&mut seen);
        self.probe(&mut seen, range)?;
        if leads == Some(true) && self.termination.is_stationary() {
            self.probed = Probed::Lower;
        }
        Ok(())
    }

    fn kept(&self) -> &CriticalPoint<T> {
        self.certificate.as_ref().expect("settled before")
    }

    /// By how far the variables reach, and what `f` may fall by, where a gradient within the tolerance tells no more: a tolerance
    /// `τ` is what moves by `δ` of that reach make of the gradient, so that it is `τ/(δ λ)`, and the fall `τ²/λ`, `λ` the greatest
    /// eigenvalue.
    fn resolution(&self, point: &CriticalPoint<T>) -> (T, T) {
        let (tolerance, greatest) = (self.tolerance, point.extremes().1);
        if !(greatest > T::zero() && self.termination.is_stationary()) {
            return (T::zero(), T::zero());
        }
        let share = tolerance / greatest;
        (share / closeness::<T>(), share * tolerance)
    }

    /// Looks along what is flat at the point, the directions orthogonal to all of `range`, unless a method has done so.
    pub(super) fn probe<O: Objective<T> + ?Sized>(
        &mut self, objective: &mut O, range: &[DVector<T>],
    ) -> Result<(), Error> {
        if self.probed != Probed::No || self.kind() != Some(CriticalKind::Degenerate) || objective.is_convex()
        {
            return Ok(());
        }
        let mut gradient = DVector::zeros(0);
        evaluate(objective, &self.x, &mut gradient)?;
        let (mut x, step) = (self.x.clone(), Step::new(self.value, self.gradient_norm));
        let mut at = Position { objective, x: &mut x, step };
        let size = Size::default();
        let seen = probe(&mut at, &gradient, range, &size)?.0;
        self.evaluations = self.evaluations.saturating_add(1 + at.step.evaluations);
        let hidden = self.certificate.as_ref().map_or(T::zero(), |point| self.resolution(point).1);
        let is_same = is_same(&self.x, &x, &size) || self.value - objective.value(&x) <= hidden;
        self.probed = if seen == Probed::Lower && is_same { Probed::No } else { seen };
        Ok(())
    }

    /// Asks whether there is a minimum at all, unless the run was broken off.
    pub(crate) fn seek_recession<O: Objective<T> + ?Sized>(&mut self, objective: &mut O) {
        if matches!(self.termination, Termination::Failed | Termination::Stopped) {
            return;
        }
        self.recession = objective.recedes(&self.x);
        if matches!(self.recession, Recession::Along(_)) {
            self.termination = Termination::Separable;
        }
    }
}

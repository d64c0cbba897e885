//! The verdict by products with the Hessian.

use nalgebra::{DMatrix, DVector};

use super::{CriticalPoint, Inertia, LeastEigenvalue, UNFINISHED};
use crate::contract::{check_evaluation, check_point, check_shape, check_symmetric};
use crate::figures::Figure;
use crate::kernel::{self, compiled, zero};
use crate::objective::{Lanczos, evaluate};
use crate::{Error, Hessian, HessianProduct, Objective, Real};

/// Up to so many variables the Hessian is formed.
const FORMED: usize = 1000;
/// Products of a run of Lanczos' method at most, and the numbers that it keeps.
const STEPS: usize = 300;
const KEPT: usize = 1 << 28;
/// Products for the size of a change of the Hessian.
const CHANGE: usize = 30;
/// What is left of the gradient by the Newton step, beside it.
const ACCURACY: f64 = 1e-3;
/// The probability with which what is said of spectra may be wrong; six ends of them are bounded at most.
const FAILURE: f64 = 1e-9;

impl<T: Real> CriticalPoint<T> {
    /// Judges a stationary or nearly stationary point of an objective by products with its Hessian.
    ///
    /// *Is this point a minimum?* where there is no dense Hessian, or no room for one. Without a product, if the objective
    /// is [convex](Objective::is_convex). Else, up to 1,000 variables, from the Hessian itself, a product a column: the
    /// verdict of [`of`](Self::of). Beyond, by Lanczos' method from a seeded start: an [interval](Self::interval)
    /// for the least eigenvalue,
    ///
    /// ```text
    /// θ − ε (λ_max − λ_min) ≤ λ_min ≤ θ
    /// ```
    ///
    /// with `θ` the least Ritz value of `k` products. The start is uniform on the sphere, so that its component along an
    /// eigenvector is shorter than `γ` with a probability of at most `γ √(2n/π)`, and a longer one would have shown in the
    /// products. Whatever the spectrum, the probability of a larger `ε` falls as fast as `1.648 √n exp(−(2k − 1) √ε)`
    /// (Kuczyński and Woźniakowski 1992); where eigenvalues are apart, far faster. Products end where the verdict is
    /// clear, or after 300.
    ///
    /// How to read it: a [minimum](crate::CriticalKind::Minimum) has the whole interval above zero, a saddle has a direction of
    /// negative and one of positive curvature; what is neither is [undecided](crate::CriticalKind::Undecided), with "no
    /// curvature below" the lower end. As in [`of`](Self::of), curvature that changes by its own size within the Newton
    /// step decides nothing: that size, and the step, are found by products too.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{CriticalKind, CriticalPoint, HessianProduct, Objective};
    ///
    /// /// ½ Σ dᵢ xᵢ²
    /// struct Bowl(DVector<f64>);
    ///
    /// impl Objective<f64> for Bowl {
    ///     fn dim(&self) -> usize {
    ///         self.0.len()
    ///     }
    ///     fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
    ///         gradient.copy_from(&x.component_mul(&self.0));
    ///         0.5 * x.dot(gradient)
    ///     }
    /// }
    ///
    /// impl HessianProduct<f64> for Bowl {
    ///     fn hessian_product(
    ///         &mut self,
    ///         _x: &DVector<f64>,
    ///         v: &DVector<f64>,
    ///         out: &mut DVector<f64>,
    ///     ) {
    ///         out.copy_from(&v.component_mul(&self.0));
    ///     }
    /// }
    ///
    /// let mut bowl = Bowl(DVector::from_fn(5000, |i, _| 1.0 + i as f64 / 100.0));
    /// let point = CriticalPoint::by_products(&mut bowl, &DVector::zeros(5000))?;
    /// assert_eq!(point.kind, CriticalKind::Minimum);
    /// bowl.0[7] = -1.0;
    /// let point = CriticalPoint::by_products(&mut bowl, &DVector::zeros(5000))?;
    /// assert_eq!(point.kind, CriticalKind::Saddle);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`of`](Self::of); [`Error::Evaluation`] where products are not finite.
    pub fn by_products<O: HessianProduct<T> + ?Sized>(
        objective: &mut O, x: &DVector<T>,
    ) -> Result<Self, Error> {
        let mut lent = objective;
        by_products(&mut lent, x)
    }

    /// Without a Hessian.
    fn unformed<O: HessianProduct<T> + ?Sized>(objective: &mut O, x: &DVector<T>) -> Result<Self, Error> {
        objective.check()?;
        check_point("x", x, objective.dim())?;
        let (n, mut gradient) = (x.len(), DVector::zeros(0));
        let value = evaluate(objective, x, &mut gradient)?;
        check_evaluation("the value", "x", &[value])?;
        check_evaluation("the gradient", "x", gradient.as_slice())?;
        let gradient_norm = Some(kernel::norm_inf(gradient.as_slice()));
        let nothing = Inertia { positive: 0, zero: 0, negative: 0 };
        if objective.is_convex() {
            let ends = [T::zero(), T::MAX];
            let point = Self::counted(nothing, ends, T::zero(), None).with(gradient_norm, None, true);
            return Ok(point.with_unknown(n, None));
        }
        let mut lanczos = Lanczos::default();
        let mut s = newton_step(objective, x, &gradient, &mut lanczos)?;
        let mut margin = change(objective, x, s.as_ref(), &mut lanczos)?;
        let mut start = DVector::zeros(n);
        kernel::normal(0, start.as_mut_slice());
        let is_clear = |krylov: &mut kernel::Lanczos<T>| {
            kernel::Lanczos::ritz(krylov, 0) && Ends::new(krylov, margin).inertia(krylov, n).1
        };
        let multiply = |v: &DVector<T>, out: &mut DVector<T>| objective.hessian_product(x, v, out);
        let steps = STEPS.min(KEPT / n).max(2);
        if !lanczos.run_until(&start, steps, multiply, is_clear)? {
            return Err(Error::Evaluation { what: "the Hessian product", at: "x", found: f64::NAN });
        }
        let mut decrement = None;
        if let Some(s) = s.as_mut().filter(|_| Ends::new(&lanczos.krylov, margin).lower > margin.f64()) {
            // along the flattest direction the step is not left to its accuracy
            let (least, v) = lanczos.least();
            let missing = kernel::dot(gradient.as_slice(), v.as_slice()) / least
                + kernel::dot(v.as_slice(), s.as_slice());
            kernel::axpy(-missing, v.as_slice(), s.as_mut_slice());
            decrement = Some((-kernel::dot(gradient.as_slice(), s.as_slice())).max(T::zero()).sqrt());
            margin = margin.max(change(objective, x, Some(s), &mut Lanczos::default())?);
        }
        let ends = Ends::new(&lanczos.krylov, margin);
        let (inertia, _) = ends.inertia(&lanczos.krylov, n);
        let [upper, greatest] = lanczos.krylov.ends();
        let direction = (inertia.negative > 0).then(|| lanczos.least().1.clone());
        let width = upper.f64() - ends.lower;
        let interval = LeastEigenvalue {
            lower: T::of(ends.lower),
            upper,
            confidence: 1.0 - FAILURE,
            epsilon: width / (greatest.f64() - upper.f64()).max(width).max(f64::MIN_POSITIVE),
            products: lanczos.krylov.steps(),
        };
        let decrement = decrement.filter(|_| inertia.positive == n);
        let point = Self::counted(inertia, [upper, greatest], T::of(ends.tolerance), direction);
        let point = point.with(gradient_norm, decrement, false);
        let unknown = n - inertia.positive - inertia.negative;
        Ok(point.with_unknown(unknown, Some(interval)))
    }
}

impl<T: Real> CriticalPoint<T> {
    /// How many variables there are.
    pub(crate) fn dimension(&self) -> usize {
        let Inertia { positive, zero, negative } = self.inertia;
        // a damaged file may count more than there are numbers
        match self.eigenvalues.len() {
            0 => positive.saturating_add(zero).saturating_add(negative).saturating_add(self.unknown),
            n => n,
        }
    }

    /// With all eigenvalues of the Hessian that was judged, whatever its size: about `4/3 n³` operations.
    ///
    /// ```
    /// use gradus::CriticalPoint;
    /// use gradus::nalgebra::{DMatrix, DVector};
    ///
    /// let hessian = DMatrix::from_diagonal(&DVector::from_fn(500, |i, _| 1.0 + i as f64));
    /// let point = CriticalPoint::classify(&hessian)?;
    /// assert_eq!((point.inertia.positive, point.eigenvalues().len()), (500, 0));
    /// let point = point.with_eigenvalues(&hessian)?;
    /// assert!((point.eigenvalues()[499] - 500.0).abs() < 1e-10);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`classify`](Self::classify); [`Error::Shape`] where the Hessian is of another size.
    pub fn with_eigenvalues(self, hessian: &DMatrix<T>) -> Result<Self, Error> {
        let n = self.dimension();
        check_symmetric(hessian)?;
        check_shape("hessian", hessian.shape(), (n, n))?;
        let eigenvalues = kernel::eigenvalues(hessian).ok_or(UNFINISHED(n))?;
        let point = Self::new(eigenvalues, self.tolerance, self.direction);
        Ok(point.with(self.gradient_norm, self.decrement, self.convex))
    }

    /// What a verdict [by products](Self::by_products) knows of the least eigenvalue, where it is an interval.
    ///
    /// ```
    /// use gradus::nalgebra::DVector;
    /// use gradus::{CriticalPoint, problems::Rosenbrock};
    ///
    /// let x = DVector::from_element(2000, 1.0);
    /// let point = CriticalPoint::by_products(&mut Rosenbrock::new(2000), &x)?;
    /// let least = point.interval().expect("more than 1,000 variables");
    /// assert!(least.lower <= least.upper && least.confidence > 0.999);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn interval(&self) -> Option<&LeastEigenvalue<T>> {
        self.interval.as_ref()
    }

    /// The signs in words, with what is known of the others.
    pub(crate) fn signs(&self) -> String {
        let (seen, [least, greatest]) = (self.inertia.to_string(), self.extremes);
        match &self.interval {
            None if self.unknown > 0 => "by convexity".into(),
            // a Hessian that changes within the Newton step, not rounding, decides what counts as zero
            None if self.inertia.zero > 0
                && self.tolerance > T::of(1e-3) * least.abs().max(greatest.abs()) =>
            {
                let tolerance = Figure(self.tolerance.f64());
                format!("{seen} (|λ| up to {tolerance} is zero: the Hessian changes so much nearby)")
            }
            None => seen,
            Some(least) if self.unknown == 0 => format!("{seen} ({least})"),
            Some(least) => {
                let comma = if seen.is_empty() { "" } else { ", " };
                format!("{seen}{comma}{} of unknown sign; {least}", self.unknown)
            }
        }
    }
}

/// Beyond which no eigenvalue lies, rounding included, and up to which one counts as zero.
struct Ends {
    lower: f64,
    upper: f64,
    tolerance: f64,
}

impl Ends {
    fn new<T: Real>(krylov: &kernel::Lanczos<T>, margin: T) -> Self {
        let ([least, greatest], n) = (krylov.ends(), krylov.last().len());
        // P(|component| ≤ γ) ≤ γ √(2 (n − 1)/π)
        let gamma = FAILURE / 6.0 * (std::f64::consts::FRAC_PI_2 / (n as f64 - 1.0).max(1.0)).sqrt();
        let (lower, upper) = (krylov.beyond(least, -1.0, gamma), krylov.beyond(greatest, 1.0, gamma));
        let rounding = zero(n, [least, greatest]).f64();
        Self { lower: lower - rounding, upper: upper + rounding, tolerance: rounding.max(margin.f64()) }
    }

    /// The signs that are known, and whether they decide. By interlacing there are no fewer eigenvalues beyond the
    /// tolerance than Ritz values (Cauchy).
    fn inertia<T: Real>(&self, krylov: &kernel::Lanczos<T>, n: usize) -> (Inertia, bool) {
        let beyond = |sign: f64| krylov.values.iter().filter(|l| sign * l.f64() > self.tolerance).count();
        let (positive, negative) = match () {
            () if self.lower > self.tolerance => (n, 0),
            () if self.upper < -self.tolerance => (0, n),
            () => (beyond(1.0), beyond(-1.0)),
        };
        let is_decided = positive == n || negative == n || (positive > 0 && negative > 0);
        (Inertia { positive, zero: 0, negative }, is_decided)
    }
}

/// The Newton step `s`, by Lanczos' method from the gradient, to [`ACCURACY`]; nothing where it is not found.
fn newton_step<T: Real, O: HessianProduct<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>, gradient: &DVector<T>, lanczos: &mut Lanczos<T>,
) -> Result<Option<DVector<T>>, Error> {
    let (n, length, mut s) = (x.len(), kernel::norm(gradient.as_slice()), DVector::zeros(x.len()));
    if length == T::zero() {
        return Ok(Some(s));
    }
    let multiply = |v: &DVector<T>, out: &mut DVector<T>| objective.hessian_product(x, v, out);
    let steps = STEPS.min(KEPT / n);
    if !lanczos.run_until(gradient, steps, multiply, |krylov| krylov.residual() <= ACCURACY)? {
        return Ok(None);
    }
    let zero = zero(n, lanczos.krylov.ends());
    lanczos.apply(length, |l| if l.abs() > zero { -T::one() / l } else { T::zero() }, &mut s);
    Ok((lanczos.krylov.residual() <= ACCURACY).then_some(s))
}

/// `4 ‖H(x + s) − H(x)‖₂` at most, by products. Infinite where there is no step, or it leaves the domain.
fn change<T: Real, O: HessianProduct<T> + ?Sized>(
    objective: &mut O, x: &DVector<T>, s: Option<&DVector<T>>, lanczos: &mut Lanczos<T>,
) -> Result<T, Error> {
    let infinite = T::of(f64::INFINITY);
    let Some(s) = s else { return Ok(infinite) };
    if s.amax() == T::zero() {
        return Ok(T::zero());
    }
    let (reached, mut there, mut start) = (x + s, DVector::zeros(x.len()), DVector::zeros(x.len()));
    let multiply = |v: &DVector<T>, out: &mut DVector<T>| {
        there.fill(T::NAN);
        objective.hessian_product(&reached, v, &mut there);
        objective.hessian_product(x, v, out);
        if there.len() == out.len() {
            kernel::axpy(-T::one(), there.as_slice(), out.as_mut_slice());
        }
    };
    kernel::normal(1, start.as_mut_slice());
    if !lanczos.run_until(&start, CHANGE, multiply, |_| false)? {
        return Ok(infinite);
    }
    let ends = Ends::new(&lanczos.krylov, T::zero());
    Ok(T::of(4.0 * ends.lower.abs().max(ends.upper.abs())))
}

compiled! {
    /// [`CriticalPoint::by_products`].
    fn by_products<T>(
        objective: &'a mut (dyn HessianProduct<T> + 'a), x: &'a DVector<T>,
    ) -> Result<CriticalPoint<T>, Error> {
        let point = if objective.is_convex() || x.len() > FORMED {
            CriticalPoint::unformed(objective, x)
        } else {
            CriticalPoint::of(&mut Columns(objective), x)
        };
        point.map_err(|error| objective.failure().unwrap_or(error))
    }
}

/// An objective whose Hessian is made of products, a column each.
pub(crate) struct Columns<'o, O: ?Sized>(pub(crate) &'o mut O);

impl<T: Real, O: Objective<T> + ?Sized> Objective<T> for Columns<'_, O> {
    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn value_gradient(&mut self, x: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.0.value_gradient(x, gradient)
    }

    fn is_convex(&self) -> bool {
        self.0.is_convex()
    }

    fn check(&self) -> Result<(), Error> {
        self.0.check()
    }
}

impl<T: Real, O: HessianProduct<T> + ?Sized> Hessian<T> for Columns<'_, O> {
    fn hessian(&mut self, x: &DVector<T>, hessian: &mut DMatrix<T>) {
        let n = x.len();
        let (mut unit, mut product) = (DVector::zeros(n), DVector::repeat(n, T::NAN));
        for (j, column) in hessian.as_mut_slice().chunks_exact_mut(n).enumerate() {
            unit[j] = T::one();
            self.0.hessian_product(x, &unit, &mut product);
            unit[j] = T::zero();
            // what came back in another size is no product
            let is_whole = product.len() == n;
            column.iter_mut().zip(&product).for_each(|(h, p)| *h = if is_whole { *p } else { T::NAN });
        }
    }
}

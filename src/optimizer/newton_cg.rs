use nalgebra::DVector;

use super::search::{Evaluated, Position, Region, ends_by_products};
use super::{Optimizer, Step};
use crate::contract::{check_size, setting};
use crate::kernel::{self, compiled};
use crate::objective::Lanczos;
use crate::{CriticalPoint, Error, HessianProduct, Real, Termination};

/// Truncated Newton: conjugate gradients on `H s = −∇f` in a trust region, by Hessian products alone.
///
/// ```text
/// ‖H s + ∇f‖ ≤ min(½, √‖∇f‖) ‖∇f‖,    ‖s‖ ≤ Δ
/// ```
///
/// Conjugate gradients stop at that residual, at the boundary, or at a direction `d` with `dᵀHd ≤ 0`, which
/// they follow to the boundary (Steihaug 1983; the residual rule is that of Dembo, Eisenstat and Steihaug
/// 1982). No matrix is formed: for large `n`. The radius lives as in [`TrustRegion`](super::TrustRegion).
///
/// Where `‖∇f‖∞ ≤ √ε`, 30 steps of Lanczos from a fixed vector look for negative curvature; if there is,
/// the point is left along it and the step counts as an escape. The report holds a verdict
/// [by products](crate::CriticalPoint::by_products).
///
/// ```
/// use gradus::nalgebra::DVector;
/// use gradus::{NewtonCg, Stop, minimize, problems::Rosenbrock};
///
/// let (mut f, start) = (Rosenbrock::new(100), DVector::from_element(100, 0.5));
/// let report = minimize(&mut NewtonCg::new(), &mut f, start, &Stop::default())?;
/// assert!(report.into_converged()?.value < 1e-12);
/// # Ok::<(), gradus::Error>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct NewtonCg<T: Real> {
    region: Region<T>,
    products: usize,
    here: Evaluated<T>,
    /// `‖∇f‖` where it was largest in this run.
    largest: T,
    /// `‖H u‖`, `u` the direction of the gradient.
    steepness: T,
    s: DVector<T>,
    residual: DVector<T>,
    direction: DVector<T>,
    product: DVector<T>,
    lanczos: Lanczos<T>,
}

/// How many Lanczos steps look for negative curvature.
const PROBE: usize = 30;
const REJECTIONS: usize = 60;

default_is_new!(NewtonCg);

impl<T: Real> NewtonCg<T> {
    /// With the defaults.
    ///
    /// ```
    /// use gradus::{NewtonCg, Stop, minimize, problems::Problem, vector};
    ///
    /// let (mut f, start) = (Problem::Booth, vector![0.0, 0.0]);
    /// let report = minimize(&mut NewtonCg::new(), &mut f, start, &Stop::default())?;
    /// assert!(report.into_converged()?.x.relative_eq(&vector![1.0, 3.0], 1e-7, 1e-7));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn new() -> Self {
        Self {
            region: Region::default(),
            products: 200,
            here: Evaluated::default(),
            largest: T::zero(),
            steepness: T::zero(),
            s: DVector::default(),
            residual: DVector::default(),
            direction: DVector::default(),
            product: DVector::default(),
            lanczos: Lanczos::default(),
        }
    }

    /// The radius `Δ₀` that a run starts with. Default: the power of two next to the largest coordinate of the start, 1 for
    /// a start of zeros.
    ///
    /// ```
    /// use gradus::{NewtonCg, Optimizer, problems::Problem, vector};
    ///
    /// let (start, mut x) = (vector![4.0_f64, 4.0], vector![4.0, 4.0]);
    /// NewtonCg::new().radius(0.5).step(&mut Problem::Quadratic, &mut x)?;
    /// assert!(((x - start).norm() - 0.5).abs() < 1e-12); // the step ends on the boundary
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn radius(mut self, radius: T) -> Self {
        self.region.begin_with(radius);
        self
    }

    /// The share of the promised reduction that a step must reach. Default: `0.15`.
    ///
    /// ```
    /// use gradus::{Error, NewtonCg, Stop, minimize, problems::Rosenbrock, vector};
    ///
    /// let (mut f, start, stop) = (Rosenbrock::new(2), vector![-1.2, 1.0], Stop::default());
    /// let mut method = NewtonCg::new().acceptance(0.0);
    /// assert!(minimize(&mut method, &mut f, start.clone(), &stop)?.converged());
    /// let refused = minimize(&mut NewtonCg::new().acceptance(0.25), &mut f, start, &stop);
    /// assert!(matches!(refused, Err(Error::Setting { name: "acceptance", .. })));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn acceptance(mut self, eta: T) -> Self {
        self.region.acceptance = eta;
        self
    }

    /// At most so many Hessian products for one direction. Default: `200`, and never more than `2n`.
    ///
    /// ```
    /// use gradus::{NewtonCg, Optimizer, problems::Problem, vector};
    ///
    /// let mut x = vector![1.0, 1.0]; // g = (3, 5)
    /// NewtonCg::new().radius(10.0).products(1).step(&mut Problem::Quadratic, &mut x)?;
    /// // one product: along −g
    /// assert!(((1.0 - x[1]) / (1.0 - x[0]) - 5.0 / 3.0_f64).abs() < 1e-12);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn products(mut self, bound: usize) -> Self {
        self.products = bound;
        self
    }

    /// Conjugate gradients on `H s = −∇f` (Steihaug 1983). What the model promises by `s`, and whether negative
    /// curvature was met.
    ///
    /// ```text
    /// t = r·r / dᵀHd,    s ← s + t d,    r ← r + t H d,    d ← (r₊·r₊ / r·r) d − r₊
    /// ```
    ///
    /// `r` and `d` are measured in `‖∇f‖`, so that the square of no length leaves the range. The model along `s + t d`
    /// has the slope `−‖∇f‖ r·r`.
    fn steihaug<O: HessianProduct<T> + ?Sized>(
        &mut self, objective: &mut O, x: &DVector<T>, radius: T,
    ) -> Result<(T, bool), Error> {
        let n = x.len();
        let half = T::of(0.5);
        let gradient = self.here.gradient.as_slice();
        let unit = kernel::norm(gradient);
        self.s.fill(T::zero());
        if unit == T::zero() {
            return Ok((unit, false));
        }
        kernel::scaled(T::one() / unit, gradient, self.residual.as_mut_slice());
        kernel::scaled(-T::one() / unit, gradient, self.direction.as_mut_slice());
        self.largest = self.largest.max(unit);
        let tolerance = half.min((unit / self.largest).sqrt());
        let mut promised = T::zero();
        let mut rr = T::one();
        for product in 0..self.products.min(2 * n).max(1) {
            objective.hessian_product(x, &self.direction, &mut self.product);
            check_size("the Hessian product", self.product.len(), n)?;
            if product == 0 {
                self.steepness = kernel::norm(self.product.as_slice());
            }
            let dhd = kernel::dot(self.direction.as_slice(), self.product.as_slice());
            let finite = dhd.is_finite() && kernel::norm_inf(self.product.as_slice()).is_finite();
            let convex = finite && dhd > T::zero();
            let fall = unit * rr;
            let t = fall / dhd;
            if !convex || reach(self.s.as_slice(), t, self.direction.as_slice(), radius) > T::one() {
                let t = self.to_boundary(radius);
                let rise = if finite { half * t * dhd } else { T::zero() };
                kernel::axpy(t, self.direction.as_slice(), self.s.as_mut_slice());
                return Ok((promised + t * (fall - rise), !convex));
            }
            kernel::axpy(t, self.direction.as_slice(), self.s.as_mut_slice());
            promised += half * t * fall;
            kernel::axpy(t / unit, self.product.as_slice(), self.residual.as_mut_slice());
            let next = kernel::dot(self.residual.as_slice(), self.residual.as_slice());
            if next.sqrt() <= tolerance || !next.is_finite() {
                break;
            }
            kernel::scale(next / rr, self.direction.as_mut_slice());
            kernel::axpy(-T::one(), self.residual.as_slice(), self.direction.as_mut_slice());
            rr = next;
        }
        Ok((promised, false))
    }

    /// Whether the step is all that there is, or a saddle or what is flat was left.
    fn ends<O: HessianProduct<T> + ?Sized>(
        &mut self, at: &mut Position<T, O>, (promised, met_negative): (T, bool),
    ) -> Result<bool, Error> {
        let is_convex = at.objective.is_convex();
        let is_settled = !met_negative && self.here.is_settled(&self.s, || promised, is_convex);
        let scale = self.here.scale();
        let is_near = at.step.gradient_norm <= T::EPSILON.sqrt() * self.steepness * scale;
        let said = (is_settled, is_near);
        ends_by_products(at, &self.here, &mut self.lanczos, PROBE, said)
    }

    /// `t ≥ 0` with `‖s + t d‖ = Δ`, without cancellation.
    fn to_boundary(&self, radius: T) -> T {
        let length = kernel::norm(self.direction.as_slice());
        let along = cosine(self.direction.as_slice(), length, self.s.as_slice(), radius);
        let z = kernel::norm(self.s.as_slice()) / radius;
        let gap = ((T::one() - z) * (T::one() + z)).max(T::zero());
        let root = (along * along + gap).sqrt();
        let t = if along > T::zero() { gap / (along + root) } else { root - along };
        t * radius / length
    }
}

compiled! {
    /// `(‖s + t d‖ / Δ)²`
    fn reach<T>(s: &'a [T], t: T, d: &'a [T], radius: T) -> T {
        s.iter().zip(d).fold(T::zero(), |sum, (s, d)| {
            let share = (*s + t * *d) / radius;
            sum + share * share
        })
    }

    /// `dᵀs / (‖d‖ Δ)`
    fn cosine<T>(d: &'a [T], length: T, s: &'a [T], radius: T) -> T {
        d.iter().zip(s).fold(T::zero(), |sum, (d, s)| sum + (*d / length) * (*s / radius))
    }
}

compiled! {
    fn step<T>(
        method: &'a mut NewtonCg<T>, objective: &'a mut (dyn HessianProduct<T> + 'a), x: &'a mut DVector<T>,
    ) -> Result<Step<T>, Error> {
        let n = x.len();
        if method.s.len() != n {
            method.s = DVector::zeros(n);
            method.residual = DVector::zeros(n);
            method.direction = DVector::zeros(n);
            method.product = DVector::repeat(n, T::NAN);
        }
        let step = method.here.evaluate(objective, x)?;
        if !step.is_finite() {
            return Ok(step.ended(Termination::NonFinite));
        }
        method.region.open(x);
        let step = Step { radius: Some(method.region.radius.now), ..step };
        let mut at = Position { objective, x, step };
        let mut model = method.steihaug(at.objective, at.x, method.region.radius.now)?;
        if method.ends(&mut at, model)? {
            return Ok(at.step);
        }
        if at.step.gradient_norm == T::zero() {
            return Ok(at.step.ended(Termination::NoDescent));
        }
        for _ in 0..REJECTIONS {
            let (promised, met_negative) = model;
            at.step.modified = met_negative;
            if !method.region.outgrows(&at, promised, &method.s) {
                if method.region.judge(&mut at, &method.s, promised)?.is_some() {
                    at.x.copy_from(&method.region.line.trial);
                    return Ok(at.step);
                }
                if method.region.line.trial == *at.x {
                    break;
                }
            }
            model = method.steihaug(at.objective, at.x, method.region.radius.now)?;
        }
        Ok(at.step.ended(Termination::NoDescent))
    }
}

impl<T: Real, O: HessianProduct<T> + ?Sized> Optimizer<T, O> for NewtonCg<T> {
    fn start(&mut self, _objective: &O, tolerance: Option<T>) -> Result<(), Error> {
        self.here.start(tolerance);
        self.largest = T::zero();
        setting("products", "at least 1", T::of(self.products as f64), self.products > 0)?;
        self.region.start()
    }

    fn step(&mut self, objective: &mut O, x: &mut DVector<T>) -> Result<Step<T>, Error> {
        let mut lent = objective;
        step(self, &mut lent, x)
    }

    fn certify(&mut self, objective: &mut O, x: &DVector<T>) -> Result<Option<CriticalPoint<T>>, Error> {
        CriticalPoint::by_products(objective, x).map(Some)
    }
}

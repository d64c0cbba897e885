//! Firth's penalty on the logistic risk.

use nalgebra::{DMatrix, DVector};

use super::{Design, EmpiricalRisk, Weighing};
use crate::contract::setting;
use crate::{Error, Hessian, LogLoss, Objective, Real, SecondOrderModel, kernel};

/// The logistic risk of an affine model less Firth's penalty, the log of Jeffreys' prior, over the weight `M` of all
/// samples:
///
/// ```text
/// f(θ) = R(θ) − 1/(2M) Σ_o ln det F_o,   F_o = Σ_j w_j s_j x_j x_jᵀ,   s = p (1 − p),
///                                                                   p = σ(θ_oᵀ x + offset)
/// ∂ ln det F = Σ_j c_j' ‖u_j‖² x_j,        c = w s,  u = F^(−½) x
/// ∂² ln det F = Σ_j c_j'' ‖u_j‖² x_j x_jᵀ − Σ_ij c_i' c_j' (u_iᵀ u_j)² x_i x_jᵀ
/// ```
///
/// of each output `o`, with a 1 in `x` for the bias (Firth, *Bias reduction of maximum likelihood estimates*, Biometrika 80,
/// 1993). As an objective it is a function of `φ`, in coordinates `v = Aᵀ x`, `θ = A φ`, in which the samples are
/// independent.
pub(crate) struct Firth<T: Real> {
    x: DMatrix<T>,
    v: DMatrix<T>,
    y: DMatrix<T>,
    /// Of the scores.
    offsets: Vec<T>,
    /// `A`.
    a: DMatrix<T>,
    shares: Vec<T>,
    weight: T,
    /// What `ln det F` of `x` has beyond that of `v` with shares for weights.
    constant: T,
}

impl<T: Real> Firth<T> {
    pub(crate) fn new<M: SecondOrderModel<T>>(
        risk: &mut EmpiricalRisk<'_, T, M, LogLoss>,
    ) -> Result<Self, Error> {
        risk.check_in_memory("Firth's penalty")?;
        let ridge = risk.penalty_strength();
        setting("ridge", "zero beside Firth's penalty", ridge, ridge == T::zero())?;
        risk.batch(0..risk.samples())?;
        let survey = risk.survey();
        let (design, asked) = (Design::new(&survey, Weighing::Shares)?, (&survey, &LogLoss as _));
        let inverse = design.inverse(asked, &design.triangle(asked)?)?;
        let model = risk.model();
        let (n, q, k) = (model.inputs() - model.offsets(), design.coefficients(), model.outputs());
        let log = (0..q).fold(T::zero(), |sum, i| sum + inverse[(i, i)].abs().ln());
        let weight = risk.total_weight();
        let constant = T::of(q as f64) * weight.ln() - log - log;
        let origin = if q > n { survey.origins()? } else { vec![T::zero(); n] };
        let present = risk.present();
        let m = present.x.ncols();
        let of = |i, j, origin: T| if i < n { present.x[(i, j)] - origin } else { T::one() };
        let x = DMatrix::from_fn(q, m, |i, j| of(i, j, T::zero()));
        let v = inverse
            .tr_mul(&DMatrix::from_fn(q, m, |i, j| of(i, j, origin.get(i).copied().unwrap_or_default())));
        let mut room = present.y.room(k, m);
        let y = present.y.dense(&mut room).into_owned();
        let offset = |x: &[T]| x[n..].iter().fold(T::zero(), |sum, offset| sum + *offset);
        let offsets = present.x.column_iter().map(|x| offset(x.as_slice())).collect();
        let shares = present.shares.to_vec();
        Ok(Self { x, v, y, offsets, a: design.inverse_root(inverse), shares, weight, constant })
    }

    /// `θ` of `φ`.
    pub(crate) fn parameters(&self, phi: &DVector<T>) -> DVector<T> {
        let k = self.y.nrows();
        let theta = DMatrix::from_column_slice(k, self.a.ncols(), phi.as_slice()) * self.a.transpose();
        DVector::from_column_slice(theta.as_slice())
    }

    /// By how much a gradient by `θ` may be larger than that by `φ`: `‖A⁻ᵀ‖∞`.
    pub(crate) fn steepness(&self) -> T {
        let inverse = self.a.clone().try_inverse().unwrap_or_else(|| self.a.clone());
        inverse.column_iter().fold(T::zero(), |most, column| most.max(column.abs().sum()))
    }

    /// `f` with its gradient by `θ`.
    pub(crate) fn at(&self, theta: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.write(theta, &self.x, Some(gradient), None)
    }

    /// `f` with its derivatives, at a point and by coordinates that the samples have along these axes.
    fn write(
        &self, point: &DVector<T>, axes: &DMatrix<T>, mut gradient: Option<&mut DVector<T>>,
        mut hessian: Option<&mut DMatrix<T>>,
    ) -> T {
        let (q, k, half) = (axes.nrows(), self.y.nrows(), T::of(-0.5) / self.weight);
        if let Some(hessian) = &mut hessian {
            hessian.fill(T::zero());
        }
        let mut value = T::zero();
        for o in 0..k {
            let z = axes.tr_mul(&DVector::from_fn(q, |a, _| point[a * k + o]));
            let of = |j: usize| bends(z[j] + self.offsets[j], self.y[(o, j)], self.shares[j]);
            let bends: Vec<_> = (0..z.len()).map(of).collect();
            let mut root = scaled(&self.v, |j| bends[j][2]) * self.v.transpose();
            if !kernel::cholesky(root.as_mut_slice(), q) {
                return T::NAN;
            }
            let log = (0..q).fold(T::zero(), |sum, i| sum + root[(i, i)].ln());
            value =
                bends.iter().fold(value + half * (log + log + self.constant), |sum, bends| sum + bends[0]);
            kernel::invert_lower(root.as_mut_slice(), q);
            let u = root.lower_triangle() * &self.v;
            let lengths: Vec<_> = u.column_iter().map(|u| kernel::dot(u.as_slice(), u.as_slice())).collect();
            if let Some(gradient) = &mut gradient {
                let slopes = DVector::from_fn(z.len(), |j, _| bends[j][1] + half * bends[j][3] * lengths[j]);
                (axes * slopes).iter().enumerate().for_each(|(a, g)| gradient[a * k + o] = *g);
            }
            if let Some(hessian) = &mut hessian {
                let second =
                    scaled(axes, |j| bends[j][2] + half * bends[j][4] * lengths[j]) * axes.transpose();
                let change = |a| scaled(&u, |j| bends[j][3] * axes[(a, j)]) * u.transpose();
                let changes: Vec<_> = (0..q).map(change).collect();
                for (a, b) in (0..q).flat_map(|a| (0..=a).map(move |b| (a, b))) {
                    let product = kernel::dot(changes[a].as_slice(), changes[b].as_slice());
                    let entry = second[(a, b)] - half * product;
                    hessian[(a * k + o, b * k + o)] = entry;
                    hessian[(b * k + o, a * k + o)] = entry;
                }
            }
        }
        value
    }
}

/// Columns times numbers.
fn scaled<T: Real>(from: &DMatrix<T>, by: impl Fn(usize) -> T) -> DMatrix<T> {
    let mut from = from.clone();
    from.column_iter_mut().enumerate().for_each(|(j, mut column)| column *= by(j));
    from
}

/// `w ℓ, w (p − y), w s, w s', w s''` of `ℓ = ln(1 + eᶻ) − y z`, `s = p (1 − p)`, which keep their digits on both sides.
fn bends<T: Real>(z: T, y: T, share: T) -> [T; 5] {
    let e = (-z.abs()).exp();
    let (less, more) = (e / (T::one() + e), T::one() / (T::one() + e));
    let (p, tanh) = if z < T::zero() { (less, less - more) } else { (more, more - less) };
    let s = less * more;
    let loss = z.max(T::zero()) + e.ln_1p() - y * z;
    [loss, p - y, s, -s * tanh, s * (T::one() - T::of(6.0) * s)].map(|bend| share * bend)
}

impl<T: Real> Objective<T> for Firth<T> {
    fn dim(&self) -> usize {
        self.a.nrows() * self.y.nrows()
    }

    fn value(&mut self, phi: &DVector<T>) -> T {
        self.write(phi, &self.v, None, None)
    }

    fn value_gradient(&mut self, phi: &DVector<T>, gradient: &mut DVector<T>) -> T {
        self.write(phi, &self.v, Some(gradient), None)
    }
}

impl<T: Real> Hessian<T> for Firth<T> {
    fn hessian(&mut self, phi: &DVector<T>, hessian: &mut DMatrix<T>) {
        self.write(phi, &self.v, None, Some(hessian));
    }
}

//! Eigenvalues of symmetric matrices, in bounded time.

use nalgebra::{DMatrix, DVector};

use super::conquer::{LEAF, conquer};
use super::ql::{ascending, finite, implicit_ql};
use super::tridiagonal::Tridiagonal;
use crate::kernel::real::{Real, compiled};
use crate::kernel::sums::norm_inf;

/// `H = V diag(λ) Vᵀ` with the eigenvalues ascending and the unit eigenvectors in the columns of `V`.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum<T: Real> {
    pub(crate) values: DVector<T>,
    pub(crate) vectors: DMatrix<T>,
}

impl<T: Real> Spectrum<T> {
    compiled! {
        /// `−V max(|Λ|, δ)⁻¹ Vᵀ g` with `δ = √ε max |λ|`: a direction of descent whatever the signs (Greenstadt
        /// 1967). `−g` where all eigenvalues are zero.
        pub(crate) fn descend(this: &'a Spectrum<T>, g: &'a DVector<T>) -> DVector<T> {
            let floor = T::EPSILON.sqrt() * this.values.amax();
            if floor == T::zero() {
                return -g;
            }
            let mut coordinates = this.vectors.tr_mul(g);
            coordinates.zip_apply(&this.values, |c, l| *c /= -l.abs().max(floor));
            &this.vectors * coordinates
        }

        /// Which columns of `V` belong to eigenvalues with `|λ| > tolerance`, applied to `b`:
        /// `Σ_{|λ| > tolerance} v (vᵀb) / λ`, the solution of least norm.
        pub(crate) fn solve(this: &'a Spectrum<T>, b: &'a DVector<T>, tolerance: T) -> DVector<T> {
            let mut coordinates = this.vectors.tr_mul(b);
            for (c, &l) in coordinates.iter_mut().zip(&this.values) {
                *c = if l.abs() > tolerance { *c / l } else { T::zero() };
            }
            &this.vectors * coordinates
        }
    }
}

impl<T: Real> Spectrum<T> {
    /// Up to which an eigenvalue is rounding of zero.
    pub(crate) fn zero(&self) -> T {
        let n = self.values.len();
        zero(n, [self.values[0], self.values[n - 1]])
    }

    /// The eigenvectors with `λ > tolerance`.
    pub(crate) fn range(&self, tolerance: T) -> Vec<DVector<T>> {
        let pairs = self.values.iter().zip(self.vectors.column_iter());
        pairs.filter(|(value, _)| **value > tolerance).map(|(_, v)| v.into_owned()).collect()
    }
}

compiled! {
    /// Eigenvalues and vectors of a square matrix, whose lower triangle is read. `None` where it is not finite, or the
    /// bounded iteration did not converge.
    pub(crate) fn spectrum<T>(h: &'a DMatrix<T>) -> Option<Spectrum<T>> {
        let n = h.nrows();
        if n == 0 || !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        if n == 2 {
            let (values, [c, s]) = two(h);
            return Some(Spectrum {
                values: DVector::from_column_slice(&values),
                vectors: DMatrix::from_column_slice(2, 2, &[c, s, -s, c]),
            });
        }
        let (rows, graded, scale) = graded(h);
        let reduced = Tridiagonal::new(graded, n);
        let (mut d, mut e) = mirrored(&reduced);
        let values = if n > LEAF { with_digits(&d, &e) } else { None };
        let mut z = conquer(&mut d, &mut e)?;
        z.chunks_exact_mut(n).for_each(<[T]>::reverse);
        reduced.rotate(&mut z);
        let values = values.unwrap_or(d).into_iter().map(|value| finite(value * scale));
        let values = DVector::from_iterator(n, values);
        let mut vectors = DMatrix::zeros(n, n);
        for (mut vector, z) in vectors.column_iter_mut().zip(z.chunks_exact(n)) {
            for (&row, z) in rows.iter().zip(z) {
                vector[row] = *z;
            }
        }
        Some(Spectrum { values, vectors })
    }

    /// The eigenvalues alone, a third of the work.
    pub(crate) fn eigenvalues<T>(h: &'a DMatrix<T>) -> Option<DVector<T>> {
        let n = h.nrows();
        if !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        match n {
            1 => return Some(DVector::from_element(1, h[(0, 0)])),
            2 => return Some(DVector::from_column_slice(&two(h).0)),
            _ => {}
        }
        let (_, graded, scale) = graded(h);
        let (mut d, mut e) = mirrored(&Tridiagonal::new(graded, n));
        let values = with_digits(&d, &e).or_else(|| conquer(&mut d, &mut e).map(|_| d))?;
        Some(DVector::from_iterator(n, values.into_iter().map(|value| finite(value * scale))))
    }
}

/// Diagonal and subdiagonal from their ends on: QL wants the small end first.
fn mirrored<T: Real>(reduced: &Tridiagonal<T>) -> (Vec<T>, Vec<T>) {
    let n = reduced.diagonal.len();
    let d = reduced.diagonal.iter().rev().copied().collect();
    (d, reduced.subdiagonal[..n - 1].iter().rev().copied().chain([T::zero()]).collect())
}

/// The eigenvalues of a tridiagonal matrix, ascending, the small ones with digits of their own where it is graded. `None`
/// where the iteration did not end.
fn with_digits<T: Real>(d: &[T], e: &[T]) -> Option<Vec<T>> {
    let (mut d, mut e) = (d.to_vec(), e.to_vec());
    let converged = implicit_ql(&mut d, &mut e, &mut []);
    d.sort_by(|a, b| a.f64().total_cmp(&b.f64()));
    converged.then_some(d)
}

/// The lower triangle of `H` with its diagonal in the order of falling size, its largest entry about 1; the old places
/// of the rows, and the unit of the entries.
///
/// In that order the reduction to tridiagonal form keeps the small eigenvalues of a matrix whose rows differ by
/// orders of magnitude, as they do where variables have different units; in the opposite order it drowns them in
/// `ε ‖H‖` (Martin, Reinsch and Wilkinson, Numer. Math. 11, 1968, of their mirrored order).
fn graded<T: Real>(h: &DMatrix<T>) -> (Vec<usize>, Vec<T>, T) {
    let (n, largest) = (h.nrows(), norm_inf(h.as_slice()));
    let (unit, back) = largest.unit();
    let rows = ascending(n, |i| -h[(i, i)].abs());
    let mut graded = vec![T::zero(); n * n];
    for (j, column) in graded.chunks_exact_mut(n).enumerate() {
        for (i, entry) in column.iter_mut().enumerate().skip(j) {
            *entry = h[(rows[i].max(rows[j]), rows[i].min(rows[j]))] * unit;
        }
    }
    (rows, graded, back)
}

/// The rule for zero, `n ε max |λ|`.
pub(crate) fn zero<T: Real>(n: usize, [least, greatest]: [T; 2]) -> T {
    T::of(n as f64) * T::EPSILON * least.abs().max(greatest.abs())
}

/// `[[a, b], [b, c]]`: with `m = (a + c)/2`, `d = (a − c)/2` and `r = √(d² + b²)` the eigenvalue of larger
/// modulus is `m + sign(m) r`, the other one follows from the determinant without cancellation; the unit
/// eigenvector of `m − r` is returned as `(cos, sin)`.
fn two<T: Real>(h: &DMatrix<T>) -> ([T; 2], [T; 2]) {
    let half = T::of(0.5);
    let h = h.as_slice();
    let (a, b, c) = (h[0], h[1], h[3]);
    let (m, d) = (half * a + half * c, half * a - half * c);
    // √(d² + b²) without overflow, and without the cost of `hypot`
    let (p, q) = (d.abs().max(b.abs()), d.abs().min(b.abs()));
    let t = if p > T::zero() { q / p } else { T::zero() };
    let r = p * (T::one() + t * t).sqrt();
    let large = finite(if m >= T::zero() { m + r } else { m - r });
    let small = if large == T::zero() {
        T::zero()
    } else {
        let (major, minor) = if a.abs() >= c.abs() { (a, c) } else { (c, a) };
        finite((major / large) * minor - (b / large) * b)
    };
    // rounding may exchange two that are nearly equal
    let values = if small <= large { [small, large] } else { [large, small] };
    // of m + r: (d + r, b), or (b, r − d) where d < 0; that of m − r is at right angles
    let (u, v) =
        if d >= T::zero() { (d * half + r * half, b * half) } else { (b * half, r * half - d * half) };
    let norm = u.abs().max(v.abs());
    if norm == T::zero() {
        return (values, [T::one(), T::zero()]);
    }
    let (u, v) = (u / norm, v / norm);
    let norm = (u * u + v * v).sqrt();
    (values, [-v / norm, u / norm])
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::{eigenvalues, spectrum};
    use crate::Real;
    use crate::kernel::{at_each_level, sizes};

    #[test]
    fn nearly_equal_eigenvalues_ascend() {
        let mut a = 1.283683477334007_f64;
        for _ in 0..100 {
            for (p, q) in [(a, a.next_up()), (a.next_up(), a), (-a, -a.next_up()), (a, a)] {
                let h = DMatrix::from_diagonal(&DVector::from_column_slice(&[p, q]));
                let values = eigenvalues(&h).expect("finite");
                assert!(values[0] <= values[1], "{p} {q}: {values}");
                assert_eq!(spectrum(&h).expect("finite").values, values);
            }
            a *= 1.01;
        }
    }

    /// `2` on the diagonal and `−1` beside it: `λ_k = 2 − 2 cos(kπ / (n + 1))`; and the same matrix reflected.
    fn known<T: Real>(n: usize) {
        let second = DMatrix::from_fn(n, n, |i, j| match i.abs_diff(j) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0_f64,
        });
        let v = DVector::from_fn(n, |i, _| ((i * i + 1) as f64).sin()).normalize();
        let reflect = |a: DMatrix<f64>| &a - &v * (v.transpose() * &a) * 2.0;
        let full = reflect(reflect(second.clone()).transpose());
        let tolerance = 40.0 * n as f64 * T::EPSILON.f64();
        for h in [second, (&full + full.transpose()) * 0.5] {
            let h = h.map(T::of);
            let spectrum = spectrum(&h).expect("finite");
            let values = eigenvalues(&h).expect("finite");
            for (k, (one, other)) in spectrum.values.iter().zip(&values).enumerate() {
                let expected = 2.0 - 2.0 * (std::f64::consts::PI * (k + 1) as f64 / (n + 1) as f64).cos();
                assert!((one.f64() - expected).abs() <= tolerance, "{n}: {k}, {one} {expected}");
                assert!((other.f64() - expected).abs() <= tolerance, "{n}: {k}, {other} {expected}");
            }
            let rest = &h * &spectrum.vectors - &spectrum.vectors * DMatrix::from_diagonal(&spectrum.values);
            assert!(rest.amax().f64() <= tolerance, "{n}: {}", rest.amax());
        }
    }

    /// Units that differ by orders of magnitude keep the digits of small eigenvalues: those of `D A D` for
    /// `D = diag(1, δ, δ², …)` tend to `δ²ᵏ` times the pivots of `A`.
    #[test]
    fn eigenvalues_that_are_known() {
        at_each_level(|| {
            for n in sizes(&[3, 10, 33, 64, 200], 10) {
                known::<f32>(n);
                known::<f64>(n);
            }
            {
                let (n, delta) = (6, 1e-5);
                let h = DMatrix::from_fn(n, n, |i, j| {
                    let a = if i == j { 2.0 } else { 1.0 };
                    // in no order
                    a * f64::powi(delta, ((i * 5 % n) + (j * 5 % n)) as i32)
                });
                // A = 1 + 11ᵀ has the pivots 2, 3/2, 4/3, …
                for (k, value) in eigenvalues(&h).expect("finite").iter().rev().enumerate() {
                    let expected = (k + 2) as f64 / (k + 1) as f64 * f64::powi(delta, 2 * k as i32);
                    assert!((value / expected - 1.0).abs() < 1e-9, "{delta}, {k}: {value} {expected}");
                }
            }
        });
    }
}

//! Eigenvalues of symmetric matrices, in bounded time.

use nalgebra::{DMatrix, DVector, SymmetricEigen, SymmetricTridiagonal};

use crate::kernel::real::{Real, compiled};
use crate::kernel::sums::{all_finite, norm_inf};

/// `H = V diag(λ) Vᵀ` with the eigenvalues ascending and the unit eigenvectors in the columns of `V`.
#[derive(Debug, Clone)]
pub(crate) struct Spectrum<T: Real> {
    pub(crate) values: DVector<T>,
    pub(crate) vectors: DMatrix<T>,
}

impl<T: Real> Spectrum<T> {
    /// Of a square matrix, whose lower triangle is read. `None` where it is not finite, or the bounded
    /// iteration did not converge.
    pub(crate) fn new(h: &DMatrix<T>) -> Option<Self> {
        spectrum(h)
    }

    /// The eigenvalues alone, a third of the work.
    pub(crate) fn values(h: &DMatrix<T>) -> Option<DVector<T>> {
        eigenvalues(h)
    }

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

compiled! {
    fn spectrum<T>(h: &'a DMatrix<T>) -> Option<Spectrum<T>> {
        let n = h.nrows();
        if !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        if n == 2 {
            let (values, [c, s]) = two(h);
            return Some(Spectrum {
                values: DVector::from_column_slice(&values),
                vectors: DMatrix::from_column_slice(2, 2, &[c, s, -s, c]),
            });
        }
        let (rows, graded) = graded(h);
        let eigen = SymmetricEigen::try_new(graded, T::EPSILON, bound(n))?;
        let columns = ascending(n, |i| eigen.eigenvalues[i]);
        let values = DVector::from_fn(n, |i, _| finite(eigen.eigenvalues[columns[i]]));
        let mut vectors = DMatrix::zeros(n, n);
        for (j, &column) in columns.iter().enumerate() {
            for (i, &row) in rows.iter().enumerate() {
                vectors[(row, j)] = eigen.eigenvectors[(i, column)];
            }
        }
        (values.iter().chain(&vectors).all(|v| v.is_finite())).then_some(Spectrum { values, vectors })
    }

    fn eigenvalues<T>(h: &'a DMatrix<T>) -> Option<DVector<T>> {
        let n = h.nrows();
        if !h.iter().all(|h| h.is_finite()) {
            return None;
        }
        match n {
            1 => return Some(DVector::from_element(1, h[(0, 0)])),
            2 => return Some(DVector::from_column_slice(&two(h).0)),
            _ => {}
        }
        let scale = h.amax();
        if scale == T::zero() {
            return Some(DVector::zeros(n));
        }
        let (mut d, e) = SymmetricTridiagonal::new(graded(h).1 / scale).unpack_tridiagonal();
        // QL wants the small end first
        d.as_mut_slice().reverse();
        let mut e: Vec<T> = e.iter().rev().copied().chain([T::zero()]).collect();
        if !implicit_ql(d.as_mut_slice(), &mut e, &mut []) {
            return None;
        }
        d.as_mut_slice().sort_by(|a, b| a.f64().total_cmp(&b.f64()));
        d.apply(|d| *d = finite(*d * scale));
        Some(d)
    }
}

/// `H` with its diagonal in the order of falling size, and the old places of the rows.
///
/// In that order the reduction to tridiagonal form keeps the small eigenvalues of a matrix whose rows differ by
/// orders of magnitude, as they do where variables have different units; in the opposite order it drowns them in
/// `ε ‖H‖` (Martin, Reinsch and Wilkinson, Numer. Math. 11, 1968, of their mirrored order).
fn graded<T: Real>(h: &DMatrix<T>) -> (Vec<usize>, DMatrix<T>) {
    let rows = ascending(h.nrows(), |i| -h[(i, i)].abs());
    let at = |i: usize, j: usize| h[(rows[i].max(rows[j]), rows[i].min(rows[j]))];
    let graded = DMatrix::from_fn(rows.len(), rows.len(), at);
    (rows, graded)
}

/// `0 … n − 1` in the order of rising keys.
fn ascending<T: Real>(n: usize, key: impl Fn(usize) -> T) -> Vec<usize> {
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&i, &j| key(i).f64().total_cmp(&key(j).f64()));
    order
}

/// The rule for zero, `n ε max |λ|`.
pub(crate) fn zero<T: Real>(values: &DVector<T>) -> T {
    let n = values.len();
    let largest = values[0].abs().max(values[n - 1].abs());
    T::of(n as f64) * T::EPSILON * largest
}

/// How many iterations the decomposition of an `n × n` matrix may take.
pub(crate) fn bound(n: usize) -> usize {
    100 + 60 * n
}

fn finite<T: Real>(x: T) -> T {
    x.clamp(-T::MAX, T::MAX)
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

/// `T = V diag(λ) Vᵀ` in place, for the symmetric tridiagonal `T` with diagonal `d` and subdiagonal `e` (and a
/// spare entry at its end): `d ← λ`, unsorted, and `v ← V`, by columns. False where `T` is not finite, or the
/// bounded iteration did not converge.
pub(crate) fn tridiagonal<T: Real>(d: &mut [T], e: &mut [T], v: &mut [T]) -> bool {
    if !(all_finite(d) && all_finite(e)) {
        return false;
    }
    v.fill(T::zero());
    v.iter_mut().step_by(d.len() + 1).for_each(|v| *v = T::one());
    let scale = norm_inf(d).max(norm_inf(e));
    if scale > T::zero() {
        d.iter_mut().chain(e.iter_mut()).for_each(|t| *t /= scale);
    }
    let converged = implicit_ql(d, e, v);
    d.iter_mut().for_each(|d| *d = finite(*d * scale));
    converged
}

/// Eigenvalues of the symmetric tridiagonal matrix with diagonal `d` and subdiagonal `e` (and a spare entry
/// at its end), of entries up to 1, unsorted in `d`, by QL steps with implicit shifts (Bowdler, Martin, Reinsch
/// and Wilkinson, Numer. Math. 11, 1968; Dubrulle 1970). The eigenvectors are multiplied to the `n` columns of
/// `z` from the right, `Z ← Z V`; an empty `z` has no rows. False if an eigenvalue needs more than 60 steps.
fn implicit_ql<T: Real>(d: &mut [T], e: &mut [T], z: &mut [T]) -> bool {
    let n = d.len();
    let rows = z.len() / n;
    let two = T::of(2.0);
    let length = |a: T, b: T| {
        let (p, q) = (a.abs().max(b.abs()), a.abs().min(b.abs()));
        if p == T::zero() { p } else { p * (T::one() + (q / p) * (q / p)).sqrt() }
    };
    for first in 0..n {
        for sweep in 0.. {
            // the block that begins at `first` ends where the subdiagonal vanishes
            let negligible =
                |i: usize| e[i].abs() <= T::EPSILON * (d[i].abs() + d[i + 1].abs()).max(T::EPSILON);
            let last = (first..n - 1).find(|&i| negligible(i)).unwrap_or(n - 1);
            if last == first {
                break;
            }
            if sweep == 60 {
                return false;
            }
            // Wilkinson's shift
            let g = (d[first + 1] - d[first]) / (two * e[first]);
            let root = length(g, T::one());
            let mut g = d[last] - d[first] + e[first] / if g >= T::zero() { g + root } else { g - root };
            let (mut cos, mut sin, mut shift) = (T::one(), T::one(), T::zero());
            let mut split = false;
            for i in (first..last).rev() {
                let (f, b) = (sin * e[i], cos * e[i]);
                let r = length(f, g);
                e[i + 1] = r;
                if r == T::zero() {
                    d[i + 1] -= shift;
                    split = true;
                    break;
                }
                (sin, cos) = (f / r, g / r);
                g = d[i + 1] - shift;
                let r = (d[i] - g) * sin + two * cos * b;
                shift = sin * r;
                d[i + 1] = g + shift;
                g = cos * r - b;
                let (left, right) = z[i * rows..(i + 2) * rows].split_at_mut(rows);
                for (l, r) in left.iter_mut().zip(right) {
                    (*l, *r) = (cos * *l - sin * *r, sin * *l + cos * *r);
                }
            }
            if !split {
                d[first] -= shift;
                e[first] = g;
            }
            e[last] = T::zero();
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use nalgebra::{DMatrix, DVector};

    use super::Spectrum;

    #[test]
    fn nearly_equal_eigenvalues_ascend() {
        let mut a = 1.283683477334007_f64;
        for _ in 0..100 {
            for (p, q) in [(a, a.next_up()), (a.next_up(), a), (-a, -a.next_up()), (a, a)] {
                let h = DMatrix::from_diagonal(&DVector::from_column_slice(&[p, q]));
                let values = Spectrum::values(&h).expect("finite");
                assert!(values[0] <= values[1], "{p} {q}: {values}");
                assert_eq!(Spectrum::new(&h).expect("finite").values, values);
            }
            a *= 1.01;
        }
    }
}

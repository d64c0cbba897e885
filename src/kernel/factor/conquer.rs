//! Eigenvectors of a symmetric tridiagonal matrix by halves.

use super::ql::{ascending, implicit_ql};
use super::secular::{roots, weights};
use crate::kernel::product::product;
use crate::kernel::sums::{norm, scale};
use crate::kernel::{Factor, Real};

/// Up to this size by QL steps.
pub(super) const LEAF: usize = 48;

/// `T = V diag(λ) Vᵀ` for the diagonal `d` and the subdiagonal `e` (and a spare entry at its end), of entries up to 1:
/// `λ`, ascending, takes the place of `d`; `V` by columns. `None` where an iteration did not end.
///
/// With `ρ = |e_m|` the halves are solved by themselves, and joined (Cuppen 1981; Gu and Eisenstat 1995):
///
/// ```text
/// T = (T₁ 0; 0 T₂) + ρ v vᵀ = V (D + 2 ρ z zᵀ) Vᵀ,   v = (0, …, 1, ±1, …, 0)
/// z = Vᵀ v / √2
/// ```
///
/// The vectors are orthogonal to rounding; eigenvalues have errors of `ε ‖T‖`.
pub(super) fn conquer<T: Real>(d: &mut [T], e: &mut [T]) -> Option<Vec<T>> {
    let n = d.len();
    if n <= LEAF {
        let mut v = vec![T::zero(); n * n];
        v.iter_mut().step_by(n + 1).for_each(|v| *v = T::one());
        return implicit_ql(d, e, &mut v).then(|| sorted(d, &v));
    }
    let m = n / 2;
    let rho = e[m - 1];
    let ((d1, d2), (e1, e2)) = (d.split_at_mut(m), e.split_at_mut(m));
    d1[m - 1] -= rho.abs();
    d2[0] -= rho.abs();
    e1[m - 1] = T::zero();
    let (left, right) = (conquer(d1, e1)?, conquer(d2, e2)?);
    let half = T::of(0.5).sqrt();
    let last = left[m - 1..].iter().step_by(m).map(|v| *v * half);
    let first = right.iter().step_by(n - m).map(|v| *v * half.signed_as(rho));
    let mut join = Join {
        d,
        z: last.chain(first).collect(),
        rho: T::of(2.0) * rho.abs(),
        v: vec![T::zero(); n * n],
        reach: (0..n).map(|j| [j < m, j >= m]).collect(),
    };
    for (j, column) in join.v.chunks_exact_mut(n).enumerate() {
        match j.checked_sub(m) {
            None => column[..m].copy_from_slice(&left[j * m..(j + 1) * m]),
            Some(j) => column[m..].copy_from_slice(&right[j * (n - m)..(j + 1) * (n - m)]),
        }
    }
    let kept = join.deflate();
    join.solve(&kept)?;
    Some(sorted(join.d, &join.v))
}

/// The columns of `v` in the order of rising `d`, which is sorted.
fn sorted<T: Real>(d: &mut [T], v: &[T]) -> Vec<T> {
    let n = d.len();
    let order = ascending(n, |i| d[i]);
    let values: Vec<T> = order.iter().map(|&i| d[i]).collect();
    d.copy_from_slice(&values);
    order.iter().flat_map(|&i| &v[i * n..(i + 1) * n]).copied().collect()
}

/// `V (D + ρ z zᵀ) Vᵀ`.
struct Join<'a, T> {
    d: &'a mut [T],
    z: Vec<T>,
    rho: T,
    v: Vec<T>,
    /// Whether a column of `v` has entries in the upper and in the lower half.
    reach: Vec<[bool; 2]>,
}

impl<T: Real> Join<'_, T> {
    /// Which entries of `z` are not zero, up to rounding, in the order of rising `d`: of two that are next to each other
    /// in `d` a rotation makes one zero.
    fn deflate(&mut self) -> Vec<usize> {
        let (n, d, z) = (self.d.len(), &mut *self.d, &mut self.z);
        let size = d.iter().fold(self.rho, |size, d| size.max(d.abs()));
        let rounding = T::of(8.0) * T::EPSILON * size;
        let mut kept: Vec<usize> = Vec::new();
        for j in ascending(n, |i| d[i]) {
            if self.rho * z[j].abs() <= rounding {
                continue;
            }
            if let Some(&i) = kept.last() {
                let length = z[i].hypot(z[j]);
                let (cos, sin) = (z[j] / length, z[i] / length);
                if ((d[j] - d[i]) * cos * sin).abs() <= rounding {
                    (z[i], z[j]) = (T::zero(), length);
                    let (p, q) = (d[i], d[j]);
                    (d[i], d[j]) = (cos * cos * p + sin * sin * q, sin * sin * p + cos * cos * q);
                    for row in 0..n {
                        let (p, q) = (self.v[i * n + row], self.v[j * n + row]);
                        self.v[i * n + row] = cos * p - sin * q;
                        self.v[j * n + row] = sin * p + cos * q;
                    }
                    let both = std::array::from_fn(|half| self.reach[i][half] || self.reach[j][half]);
                    (self.reach[i], self.reach[j]) = (both, both);
                    kept.pop();
                }
            }
            kept.push(j);
        }
        kept
    }

    /// Eigenvalues and vectors of what is kept, each half of the vectors by one product.
    fn solve(&mut self, kept: &[usize]) -> Option<()> {
        let (n, k) = (self.d.len(), kept.len());
        let [d, z]: [Vec<T>; 2] = [&*self.d, &self.z].map(|from| kept.iter().map(|&j| from[j]).collect());
        let (values, mut u) = roots(&d, &z, self.rho)?;
        let z = weights(&d, &z, &u);
        for u in u.chunks_exact_mut(k.max(1)) {
            u.iter_mut().zip(&z).for_each(|(u, z)| *u = *z / *u);
            scale(T::one() / norm(u), u);
        }
        for (half, rows) in [0..n / 2, n / 2..n].into_iter().enumerate() {
            let there: Vec<usize> = (0..k).filter(|&p| self.reach[kept[p]][half]).collect();
            let left: Vec<T> =
                there.iter().flat_map(|&p| &self.v[kept[p] * n..][rows.clone()]).copied().collect();
            let right: Vec<T> = u.chunks_exact(k.max(1)).flat_map(|u| there.iter().map(|&p| u[p])).collect();
            let mut joined = vec![T::zero(); rows.len() * k];
            let (left, right) =
                (Factor::new(&left, rows.len(), there.len()), Factor::new(&right, there.len(), k));
            product(T::one(), left, right, T::zero(), &mut joined);
            for (&j, joined) in kept.iter().zip(joined.chunks_exact(rows.len())) {
                self.v[j * n..][rows.clone()].copy_from_slice(joined);
            }
        }
        for (&j, value) in kept.iter().zip(values) {
            self.d[j] = value;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::{LEAF, conquer};
    use crate::Real;
    use crate::kernel::{at_each_level, dot, sizes};

    /// `T V = V Λ` and `VᵀV = 1` prove the decomposition, whatever the matrix.
    fn check<T: Real>(name: &str, d: &[f64], e: &[f64]) {
        let n = d.len();
        let size = d.iter().chain(e).fold(0.0_f64, |size, x| size.max(x.abs()));
        let of = |from: &[f64]| from.iter().map(|x| T::of(x / size)).collect::<Vec<T>>();
        let (d, e) = (of(d), of(e));
        let (mut values, mut spare) = (d.clone(), e.clone());
        let v = conquer(&mut values, &mut spare).expect(name);
        assert!(values.is_sorted());
        let tolerance = 10.0 * n as f64 * T::EPSILON.f64();
        for (j, (v_j, value)) in v.chunks_exact(n).zip(&values).enumerate() {
            for i in 0..n {
                let above = if i > 0 { e[i - 1] * v_j[i - 1] } else { T::zero() };
                let below = if i + 1 < n { e[i] * v_j[i + 1] } else { T::zero() };
                let rest = d[i] * v_j[i] + above + below - *value * v_j[i];
                assert!(rest.f64().abs() <= tolerance, "{name}, {n}: {i}, {j}: {rest}");
            }
            for (k, v_k) in v.chunks_exact(n).enumerate().take(j + 1) {
                let expected = if k == j { 1.0 } else { 0.0 };
                let overlap = dot(v_k, v_j).f64();
                assert!((overlap - expected).abs() <= tolerance, "{name}, {n}: {k}, {j}: {overlap}");
            }
        }
    }

    /// Sines that are never alike.
    fn noise(i: usize) -> f64 {
        ((i * i + 3 * i + 1) as f64).sin()
    }

    #[test]
    fn matrices_of_every_kind() {
        at_each_level(|| {
            for n in sizes(&[1, 2, 7, LEAF + 1, 2 * LEAF + 3], 7) {
                let of = |f: &dyn Fn(usize) -> f64| (0..n).map(f).collect::<Vec<f64>>();
                // Wilkinson's matrices of 21 rows, glued: clusters of nearly equal pairs
                let wilkinson = of(&|i| (i as f64 % 21.0 - 10.0).abs());
                let glue = |small: f64| of(&|i| if i % 21 == 20 { small } else { 1.0 });
                let cases = [
                    ("noise", of(&noise), of(&|i| noise(i + 500))),
                    ("second differences", of(&|_| 2.0), of(&|_| -1.0)),
                    ("one value", of(&|_| 1.0), of(&|_| 0.0)),
                    ("zeros", of(&|i| f64::from(u8::from(i == 0))), of(&|_| 0.0)),
                    ("two values", of(&|i| [1.0, -1.0][i % 2]), of(&|_| 1e-17)),
                    ("glued", wilkinson.clone(), glue(1e-9)),
                    ("barely glued", wilkinson, glue(1e-15)),
                    ("graded", of(&|i| 0.5_f64.powi(i as i32 / 2)), of(&|i| 0.5_f64.powi(i as i32 / 2 + 2))),
                    ("one large", of(&|i| if i == n / 2 { 1e9 } else { noise(i) }), of(&|_| 0.3)),
                    ("no diagonal", of(&|_| 0.0), of(&noise)),
                ];
                for (name, d, e) in &cases {
                    check::<f64>(name, d, e);
                    check::<f32>(name, d, e);
                }
            }
        });
    }
}

//! The secular equation: eigenvalues of `D + ρ z zᵀ`.

/// The roots `λ` of
///
/// ```text
/// f(λ) = 1 + ρ Σ z_i² / (d_i − λ) = 0,     d₁ < λ₁ < d₂ < … < d_k < λ_k
/// ```
///
/// with `d_i − λ_j` by columns of `j`, each to its last digits: `λ` is measured from the nearer pole. `None` where an
/// iteration did not end.
pub(super) fn roots<T: Real>(d: &[T], z: &[T], rho: T) -> Option<(Vec<T>, Vec<T>)> {
    let k = d.len();
    let w: Vec<T> = z.iter().map(|z| rho * *z * *z).collect();
    let whole = w.iter().fold(T::zero(), |sum, w| sum + *w);
    let (mut values, mut differences) = (Vec::with_capacity(k), vec![T::zero(); k * k]);
    for (j, delta) in differences.chunks_exact_mut(k.max(1)).enumerate() {
        let from =
            |base: T, delta: &mut [T]| delta.iter_mut().zip(d).for_each(|(delta, d)| *delta = *d - base);
        from(d[j], delta);
        let gap = if j + 1 < k { delta[j + 1] } else { whole };
        let middle = gap * T::of(0.5);
        let at_middle = Sums::at(middle, &w, delta, j).value();
        let (base, low, high) = match at_middle >= T::zero() {
            true => (d[j], T::zero(), middle),
            false if j + 1 == k => (d[j], middle, gap),
            false => (d[j + 1], -middle, T::zero()),
        };
        from(base, delta);
        let end = if j + 1 < k { delta[j + 1] } else { gap };
        let tau = root(&w, delta, (j, end), (low, high))?;
        delta.iter_mut().for_each(|delta| *delta -= tau);
        values.push(base + tau);
    }
    Some((values, differences))
}

/// Steps to a root at most.
const STEPS: usize = 200;

/// The root `τ` between `low` and `high` and the poles `δ_j` and `end`: of the two sums, over the poles up to `j` and
/// beyond, each is replaced by `p + q / (pole − τ)` of the same value and derivative (the middle way of Li, LAPACK
/// Working Note 89, 1994); a step that leaves the bracket halves it.
fn root<T: Real>(w: &[T], delta: &[T], (j, end): (usize, T), (mut low, mut high): (T, T)) -> Option<T> {
    let (two, four) = (T::of(2.0), T::of(4.0));
    let mut tau = (low + high) / two;
    for _ in 0..STEPS {
        let sums = Sums::at(tau, w, delta, j);
        let f = sums.value();
        let slope = sums.left_slope + sums.right_slope;
        let noise = T::of(8.0) * (sums.right - sums.left) + T::one() + tau.abs() * slope;
        if f.abs() <= T::EPSILON * noise {
            return Some(tau);
        }
        if f < T::zero() {
            low = tau;
        } else {
            high = tau;
        }
        let (p, q) = (delta[j] - tau, end - tau);
        let c = f - p * sums.left_slope - q * sums.right_slope;
        let (a, b) = ((p + q) * f - p * q * slope, p * q * f);
        let radical = (a * a - four * b * c).max(T::zero()).sqrt();
        let step = if a <= T::zero() { (a - radical) / (two * c) } else { two * b / (a + radical) };
        let next = tau + step;
        let next = if next > low && next < high { next } else { low + (high - low) / two };
        if next == tau || next == low || next == high {
            return Some(next);
        }
        tau = next;
    }
    None
}

/// `Σ w_i / (δ_i − τ)` and its derivative, over `i ≤ j` and beyond.
struct Sums<T> {
    left: T,
    left_slope: T,
    right: T,
    right_slope: T,
}

use crate::kernel::{Fused, Real, inlined, vectorize};
impl<T: Real> Sums<T> {
    fn at(tau: T, w: &[T], delta: &[T], j: usize) -> Self {
        let [[left, left_slope], [right, right_slope]] = vectorize(inlined!(|fused| [
            sums(fused, tau, &w[..=j], &delta[..=j]),
            sums(fused, tau, &w[j + 1..], &delta[j + 1..]),
        ]));
        Self { left, left_slope, right, right_slope }
    }

    fn value(&self) -> T {
        T::one() + (self.left + self.right)
    }
}

const LANES: usize = 16;

#[inline(always)]
fn sums<T: Real>(fused: Fused, tau: T, w: &[T], delta: &[T]) -> [T; 2] {
    let (mut value, mut slope) = ([T::zero(); LANES], [T::zero(); LANES]);
    let ((w, w_rest), (delta, delta_rest)) = (w.as_chunks::<LANES>(), delta.as_chunks::<LANES>());
    for (w, delta) in w.iter().zip(delta) {
        for i in 0..LANES {
            let inverse = T::one() / (delta[i] - tau);
            let term = w[i] * inverse;
            value[i] += term;
            slope[i] = fused.mul_add(term, inverse, slope[i]);
        }
    }
    for (i, (w, delta)) in w_rest.iter().zip(delta_rest).enumerate() {
        let inverse = T::one() / (*delta - tau);
        value[i] += *w * inverse;
        slope[i] += *w * inverse * inverse;
    }
    [value, slope].map(|lanes| lanes.iter().fold(T::zero(), |sum, x| sum + *x))
}

/// The `z` of which the `λ` are exactly the roots, up to a factor (Löwner 1934; Gu and Eisenstat 1994): with it the vectors
/// `z_i / (d_i − λ_j)` are orthogonal to rounding, however near eigenvalues are.
///
/// ```text
/// z_i² = |d_i − λ_i| Π_{j ≠ i} (d_i − λ_j) / (d_i − d_j)
/// ```
pub(super) fn weights<T: Real>(d: &[T], z: &[T], differences: &[T]) -> Vec<T> {
    let mut squares = vec![T::one(); d.len()];
    for (j, delta) in differences.chunks_exact(d.len().max(1)).enumerate() {
        vectorize(inlined!(|_| {
            for (i, (square, delta)) in squares.iter_mut().zip(delta).enumerate() {
                let gap = if i == j { -T::one() } else { d[i] - d[j] };
                *square *= *delta / gap;
            }
        }));
    }
    squares.iter().zip(z).map(|(square, z)| square.abs().sqrt().signed_as(*z)).collect()
}

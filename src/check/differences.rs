//! Numeric derivatives with an estimate of their own error.

use crate::Real;

/// What differences say of one derivative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate<T> {
    pub(super) value: T,
    /// How far `value` may be off, by the disagreement within the table and by rounding. Infinite where the
    /// function was nowhere finite beside the point.
    pub(super) error: T,
    /// The step of the last difference that entered `value`.
    pub(super) step: T,
    /// The steepest slope seen nearby: what counts as small.
    pub(super) slope: T,
    /// The one-sided slopes, where they differ by a jump that does not shrink with the step.
    pub(super) kink: Option<(T, T)>,
}

/// Columns of the extrapolation table: errors of order `h²`, `h⁴`, … `h¹⁰`.
const COLUMNS: usize = 5;

/// The table of one component, and what is remembered of it.
#[derive(Debug, Clone, Copy)]
struct Table<T> {
    row: [T; COLUMNS],
    filled: usize,
    best: Estimate<T>,
    /// `|forward − backward|` two levels and one level ago.
    jumps: [T; 2],
}

/// Derivatives of `f: R → Rᵏ` at `t`, one estimate per component.
///
/// ```text
/// D(h) = (f(t + h) − f(t − h)) / 2h          h = h₀, h₀/2, h₀/4, …
/// A_{k,0} = D(h_k)     A_{k,j} = (4ʲ A_{k,j−1} − A_{k−1,j−1}) / (4ʲ − 1)
/// ```
///
/// (Ridders, *Accurate computation of F'(x) and F'(x) F''(x)*, Advances in Engineering Software 4, 1982.)
/// The entry with the smallest error is kept. Unlike there, the table runs over all steps down to the limit
/// of the precision unless `settled` is content earlier, so that a kink or the end of the domain at any
/// distance is left behind; where only one side of `t` lies in the domain, one-sided differences take the
/// place of central ones, with `2ʲ` for `4ʲ`.
///
/// `evaluate(t, out)` writes `f(t)`; an entry that is not finite is outside the domain.
pub(super) fn differentiate<T: Real>(
    t: T, components: usize, mut evaluate: impl FnMut(T, &mut [T]),
    settled: impl Fn(usize, &Estimate<T>) -> bool,
) -> Vec<Estimate<T>> {
    let mut at = vec![T::zero(); components];
    let (mut above, mut below) = (at.clone(), at.clone());
    evaluate(t, &mut at);

    let scale = t.abs().max(T::one());
    let noise = noise(t, scale * T::of(16.0) * T::EPSILON, components, &mut evaluate);
    let smallest = scale * T::EPSILON.powf(T::of(0.6));
    let (zero, infinite) = (T::zero(), T::of(f64::INFINITY));
    let nothing = Estimate { value: T::NAN, error: infinite, step: zero, slope: zero, kink: None };
    let empty = Table { row: [zero; COLUMNS], filled: 0, best: nothing, jumps: [T::NAN; 2] };
    // from both sides of t, from above, from below
    let mut tables = vec![[empty; 3]; components];
    let mut h = T::of((0.125 * scale.f64()).log2().floor().exp2());
    while h >= smallest {
        let (up, down) = (t + h, t - h);
        evaluate(up, &mut above);
        evaluate(down, &mut below);
        for (i, [central, forward, backward]) in tables.iter_mut().enumerate() {
            let (f, plus, minus) = (at[i], above[i], below[i]);
            let finite = |x: T| if x.is_finite() { x.abs() } else { T::zero() };
            let size = finite(f).max(finite(plus)).max(finite(minus));
            let noise = noise[i].max(T::of(4.0) * T::EPSILON * size);
            let right = (plus - f) / (up - t);
            let left = (f - minus) / (t - down);
            forward.add(right, h, noise / h, T::of(2.0));
            backward.add(left, h, noise / h, T::of(2.0));
            central.add((plus - minus) / (up - down), h, noise / h, T::of(4.0));
            central.jump(left, right, noise / h);
        }
        let done = |(i, [central, ..]): (usize, &[Table<T>; 3])| {
            central.filled > 2 && central.best.kink.is_none() && settled(i, &central.best)
        };
        if tables.iter().enumerate().all(done) {
            break;
        }
        h *= T::of(0.5);
    }
    let estimate = |sides: &[Table<T>; 3]| {
        let known = sides.iter().find(|table| table.best.error.is_finite());
        let slope = sides.iter().fold(T::zero(), |m, side| m.max(side.best.slope));
        Estimate { slope, ..known.map_or(nothing, |table| table.best) }
    };
    tables.iter().map(estimate).collect()
}

/// How far the values of `f` are off, by its third and fourth differences over steps so small that a smooth
/// function has none (Moré and Wild, *Estimating computational noise*, SIAM J. Sci. Comput. 33, 2011).
fn noise<T: Real>(t: T, step: T, components: usize, evaluate: &mut impl FnMut(T, &mut [T])) -> Vec<T> {
    let mut samples = vec![T::zero(); 7 * components];
    for (k, sample) in samples.chunks_exact_mut(components.max(1)).enumerate() {
        evaluate(t + T::of(k as f64 - 3.0) * step, sample);
    }
    let noise = |i: usize| {
        let mut differences: [T; 7] = std::array::from_fn(|k| samples[k * components + i]);
        let mut worst = T::zero();
        // the variance of a j-th difference is (2j choose j) times that of the noise
        for (order, deviation) in [(1, 2.0), (2, 6.0), (3, 20.0), (4, 70.0)] {
            for k in 0..7 - order {
                differences[k] = differences[k + 1] - differences[k];
                let size = differences[k].abs() / T::of(f64::sqrt(deviation));
                if order > 2 && size.is_finite() {
                    worst = worst.max(size);
                }
            }
        }
        T::of(2.0) * worst
    };
    (0..components).map(noise).collect()
}

impl<T: Real> Table<T> {
    /// A row for the next step, half as long as the last.
    fn add(&mut self, difference: T, h: T, noise: T, factor: T) {
        if !difference.is_finite() {
            // the domain ends here, or nothing is left of it: begin again at the next step
            self.filled = 0;
            return;
        }
        self.best.slope = self.best.slope.max(difference.abs());
        let before = self.row;
        self.row[0] = difference;
        let (mut power, columns) = (factor, (self.filled + 1).min(COLUMNS));
        for j in 1..columns {
            let (left, above) = (self.row[j - 1], before[j - 1]);
            let value = (power * left - above) / (power - T::one());
            self.row[j] = value;
            let error = (value - left).abs().max((value - above).abs()) + noise;
            if error < self.best.error {
                self.best = Estimate { value, error, step: h, ..self.best };
            }
            power *= factor;
        }
        self.filled = columns;
    }

    /// Notes whether the slopes on both sides differ by as much as they did at a step four times as long:
    /// where the function is smooth, the difference is `h f''` and shrinks with `h`.
    fn jump(&mut self, left: T, right: T, noise: T) {
        let jump = (right - left).abs();
        let [earlier, last] = self.jumps;
        let stays = jump.is_finite() && jump > T::of(0.7) * earlier && jump > T::of(8.0) * noise;
        self.best.kink = stays.then_some((left, right));
        self.jumps = [last, jump];
    }
}

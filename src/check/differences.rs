//! Numeric derivatives with an estimate of their own error.

use super::length::scale;
use crate::Real;

/// What differences say of one derivative.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate<T> {
    pub(super) value: T,
    /// How far `value` may be off, by the disagreement within the table, of two steps, and by rounding. Infinite
    /// where no two steps agree.
    pub(super) error: T,
    /// The step of the last difference that entered `value`.
    pub(super) step: T,
    /// The steepest slope at that step: what counts as small.
    pub(super) slope: T,
    /// The steepest slope that noise hides within an eighth of the variable's size.
    pub(super) hidden: T,
    /// Between which slopes the derivative would be, where the one-sided ones settle at a distance.
    pub(super) kink: Option<(T, T)>,
    /// Whether short steps change nothing where longer ones do, on both sides in one direction: then a derivative of zero
    /// cannot be told from one that the function does not resolve.
    pub(super) flat: bool,
}

/// Columns of the extrapolation table: errors of order `h²`, `h⁴`, … `h¹⁰`.
const COLUMNS: usize = 5;

/// What one step showed: how long it is on both sides of `t`, and the values there.
struct Sample<T> {
    h: T,
    sides: [T; 2],
    below: Vec<T>,
    above: Vec<T>,
}

impl<T: Real> Sample<T> {
    /// What component `i` changes by on both sides of its value `f` at `t`.
    fn changes(&self, i: usize, f: T) -> [T; 2] {
        [f - self.below[i], self.above[i] - f]
    }

    /// A row for the tables from both sides of `t`, from above, from below.
    fn add(&self, i: usize, f: T, noise: T, [central, forward, backward]: &mut [Table<T>; 3]) {
        let (plus, minus) = (self.above[i], self.below[i]);
        let [left, right] = self.changes(i, f);
        let [left, right] = [left / self.sides[0], right / self.sides[1]];
        let finite = |x: T| if x.is_finite() { x.abs() } else { T::zero() };
        let size = finite(f).max(finite(plus)).max(finite(minus));
        let noise = noise.max(T::of(4.0) * T::EPSILON * size) / self.h;
        forward.add(right, [right; 2], self.h, noise, T::of(2.0));
        backward.add(left, [left; 2], self.h, noise, T::of(2.0));
        let difference = (plus - minus) / (self.sides[0] + self.sides[1]);
        central.add(difference, [left, right], self.h, noise, T::of(4.0));
    }
}

/// What component `i` resolves: its least change on both sides, in one direction, where shorter steps change nothing.
fn resolution<T: Real>(i: usize, f: T, samples: &[Sample<T>]) -> Option<T> {
    let mut least = None;
    for [left, right] in samples.iter().map(|sample| sample.changes(i, f)) {
        if least.is_some() && (left == T::zero() || right == T::zero()) {
            return least;
        }
        let rises = left > T::zero() && right > T::zero() || left < T::zero() && right < T::zero();
        least = if rises { Some(left.abs().min(right.abs())) } else { least };
    }
    None
}

/// The table of one component, and what is remembered of it.
#[derive(Debug, Clone, Copy)]
struct Table<T> {
    row: [T; COLUMNS],
    filled: usize,
    /// The best entries of the last two rows with their errors, and the best of all that agreed with the two before.
    last: [(T, T); 2],
    best: Estimate<T>,
    /// How far the one-sided slopes were from it.
    spread: T,
    /// The one-sided slopes at the last step, and their distance there and one step earlier.
    sides: [T; 2],
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
/// An entry is trusted where it agrees with those of the two steps before to the errors of both, and the slopes on both
/// sides approach each other; of these the one with the smallest error is kept, until a shorter step contradicts it or
/// slopes there stray further: long steps may pass over what `f` does. Unlike there, the table runs over all steps down to the limit of the
/// precision unless `settled` is content earlier, so that a kink or the end of the domain at any distance is left
/// behind; where only one side of `t` lies in the domain, one-sided differences take the place of central ones, with
/// `2ʲ` for `4ʲ`.
///
/// `evaluate(t, out)` writes `f(t)`; an entry that is not finite is outside the domain.
pub(super) fn differentiate<T: Real>(
    t: T, components: usize, mut evaluate: impl FnMut(T, &mut [T]),
    settled: impl Fn(usize, &Estimate<T>) -> bool,
) -> Vec<Estimate<T>> {
    let mut at = vec![T::zero(); components];
    let (mut above, mut below) = (at.clone(), at.clone());
    evaluate(t, &mut at);

    let (zero, one, infinite) = (T::zero(), T::one(), T::of(f64::INFINITY));
    let size = if t == zero { scale(&at, &mut evaluate) } else { t.abs() };
    let noise = noise(t, T::of(16.0) * T::EPSILON * size, components, &mut evaluate);
    let smallest = size * T::EPSILON.powf(T::of(0.7));
    let (value, error) = (T::NAN, infinite);
    let nothing = Estimate { value, error, step: zero, slope: zero, hidden: zero, kink: None, flat: false };
    let (last, sides, jumps) = ([(T::NAN, infinite); 2], [T::NAN; 2], [T::NAN; 2]);
    let row = [zero; COLUMNS];
    let empty = Table { row, filled: 0, last, best: nothing, spread: zero, sides, jumps };
    // from both sides of t, from above, from below
    let mut tables = vec![[empty; 3]; components];
    let mut samples = Vec::new();
    // no power of two, of which a function may be a period
    let far = if t == zero { size } else { size.max((T::of(8.0) * size.cbrt()).min(one)) };
    let mut h = T::of((0.125 * far.f64()).log2().floor().exp2() * (117.0 / 128.0));
    let done = |(i, [central, ..]): (usize, &[Table<T>; 3])| {
        central.best.kink.is_none() && settled(i, &central.best)
    };
    loop {
        // a step that neither end has to round
        let step = t.abs() + h - t.abs();
        let (up, down) = (t + step, t - step);
        evaluate(up, &mut above);
        evaluate(down, &mut below);
        let sample = Sample { h, sides: [t - down, up - t], below: below.clone(), above: above.clone() };
        for (i, sides) in tables.iter_mut().enumerate() {
            if h > smallest && !done((i, sides)) {
                sample.add(i, at[i], noise[i], sides);
            }
        }
        samples.push(sample);
        h *= T::of(0.5);
        // the last steps only show what is not resolved
        if !(T::of(16.0) * h > smallest) || tables.iter().enumerate().all(done) {
            break;
        }
    }
    let estimate = |(i, sides): (usize, &mut [Table<T>; 3])| {
        let rounding = noise[i].max(T::of(4.0) * T::EPSILON * at[i].abs());
        let least = resolution(i, at[i], &samples).filter(|least| *least > rounding);
        if let Some(least) = least {
            *sides = [empty; 3];
            samples.iter().for_each(|sample| sample.add(i, at[i], noise[i].max(least), sides));
        }
        let known = sides.iter().find(|table| table.filled > 0).map_or(nothing, |table| table.best);
        Estimate { hidden: known.hidden * T::of(8.0) / size, flat: least.is_some(), ..known }
    };
    tables.iter_mut().enumerate().map(estimate).collect()
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
    /// A row for the next step, half as long as the last, with the slopes on both sides of the point.
    fn add(&mut self, difference: T, sides: [T; 2], h: T, noise: T, factor: T) {
        let (infinite, two) = (T::of(f64::INFINITY), T::of(2.0));
        let (mut value, mut error) = (difference, infinite);
        let before = self.row;
        self.row[0] = difference;
        let (mut power, columns) = (factor, (self.filled + 1).min(COLUMNS));
        for j in 1..columns {
            let (left, above) = (self.row[j - 1], before[j - 1]);
            self.row[j] = (power * left - above) / (power - T::one());
            let off = (self.row[j] - left).abs().max((self.row[j] - above).abs()) + noise;
            if off < error {
                (value, error) = (self.row[j], off);
            }
            power *= factor;
        }
        let approach = self.approach(sides, noise);
        let last = self.last;
        self.last = [(value, error), last[0]];
        if !difference.is_finite() {
            // the domain ends here, or nothing is left of it: begin again at the next step
            self.filled = 0;
            self.last[0].1 = infinite;
            return;
        }
        self.filled = columns;
        let spread = |value: T| (sides[0] - value).abs().max((sides[1] - value).abs());
        let strays = spread(self.best.value) > two * (self.spread + self.best.error) + T::of(32.0) * noise;
        if strays || (value - self.best.value).abs() > T::of(8.0) * (error + self.best.error) {
            self.best.error = infinite;
        }
        let slope = sides[0].abs().max(sides[1].abs());
        let apart = |(last, off): (T, T)| ((value - last).abs(), two * (error + off));
        let agree = last.map(apart).iter().all(|&(apart, off)| apart <= off && off < infinite);
        let error = last.iter().fold(error, |error, &(last, _)| error.max((value - last).abs()));
        let tells = error <= T::of(1.0 / 64.0) * slope + noise && error <= T::of(0.25) * slope
            || slope.max(error) <= two * noise;
        if approach && agree && tells && error < self.best.error {
            self.best = Estimate { value, error, step: h, slope, hidden: noise * h, ..self.best };
            self.spread = spread(value);
        }
    }

    /// Whether the slopes on both sides approach each other, as those of a smooth function do: their distance is
    /// `h f''`. Notes a kink where they settle and it does not shrink.
    fn approach(&mut self, sides: [T; 2], noise: T) -> bool {
        let [left, right] = sides;
        let jump = (right - left).abs();
        let [earlier, last] = self.jumps;
        let is_noise = jump <= T::of(8.0) * noise;
        let moved = (left - self.sides[0]).abs().max((right - self.sides[1]).abs());
        let stays = jump > T::of(0.7) * earlier && !is_noise && moved <= T::of(0.125) * jump;
        let slack = T::of(10.0) * noise;
        self.best.kink = stays.then_some((left.min(right) - slack, left.max(right) + slack));
        (self.sides, self.jumps) = (sides, [last, jump]);
        is_noise || jump <= T::of(0.7) * earlier
    }
}

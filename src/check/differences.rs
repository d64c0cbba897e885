//! Numeric derivatives with an estimate of their own error.

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
}

/// Columns of the extrapolation table: errors of order `h²`, `h⁴`, … `h¹⁰`.
const COLUMNS: usize = 5;

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
    let nothing =
        Estimate { value: T::NAN, error: infinite, step: zero, slope: zero, hidden: zero, kink: None };
    let (last, sides, jumps) = ([(T::NAN, infinite); 2], [T::NAN; 2], [T::NAN; 2]);
    let row = [zero; COLUMNS];
    let empty = Table { row, filled: 0, last, best: nothing, spread: zero, sides, jumps };
    // from both sides of t, from above, from below
    let mut tables = vec![[empty; 3]; components];
    // no power of two, of which a function may be a period
    let far = if t == zero { size } else { size.max((T::of(8.0) * size.cbrt()).min(one)) };
    let mut h = T::of((0.125 * far.f64()).log2().floor().exp2() * (117.0 / 128.0));
    loop {
        // a step that neither end has to round
        let step = t.abs() + h - t.abs();
        let (up, down) = (t + step, t - step);
        evaluate(up, &mut above);
        evaluate(down, &mut below);
        for (i, [central, forward, backward]) in tables.iter_mut().enumerate() {
            if central.best.kink.is_none() && settled(i, &central.best) {
                continue;
            }
            let (f, plus, minus) = (at[i], above[i], below[i]);
            let finite = |x: T| if x.is_finite() { x.abs() } else { T::zero() };
            let size = finite(f).max(finite(plus)).max(finite(minus));
            let noise = noise[i].max(T::of(4.0) * T::EPSILON * size) / h;
            let right = (plus - f) / (up - t);
            let left = (f - minus) / (t - down);
            forward.add(right, [right; 2], h, noise, T::of(2.0));
            backward.add(left, [left; 2], h, noise, T::of(2.0));
            central.add((plus - minus) / (up - down), [left, right], h, noise, T::of(4.0));
        }
        let done = |(i, [central, ..]): (usize, &[Table<T>; 3])| {
            central.best.kink.is_none() && settled(i, &central.best)
        };
        h *= T::of(0.5);
        if !(h > smallest) || tables.iter().enumerate().all(done) {
            break;
        }
    }
    let estimate = |sides: &[Table<T>; 3]| {
        let known = sides.iter().find(|table| table.filled > 0).map_or(nothing, |table| table.best);
        Estimate { hidden: known.hidden * T::of(8.0) / size, ..known }
    };
    tables.iter().map(estimate).collect()
}

/// A length for a variable that is 0, by what the function does there. Towards 0 from it the changes of the values fall in
/// proportion, or shrink while the values stay within twice those at 0, at two lengths in turn; if no
/// length below 1 is needed for that, the shortest at which most components change. A side on which the domain ends
/// says nothing.
fn scale<T: Real>(at: &[T], evaluate: &mut impl FnMut(T, &mut [T])) -> T {
    let (one, many, n) = (T::one(), T::of(64.0), at.len());
    let tiny = T::MAX.recip() / T::EPSILON / T::EPSILON;
    let mut out = vec![T::zero(); 2 * n];
    let mut values = |h: T| {
        let (above, below) = out.split_at_mut(n);
        evaluate(h, above);
        evaluate(-h, below);
        out.clone()
    };
    let is_tame = |f: T, near: T, far: T| {
        let changes = [(near - f).abs(), (far - f).abs()];
        let is_linear = (changes[1] - many * changes[0]).abs() <= T::of(16.0) * changes[0];
        let shrinks = T::of(4.0) * changes[0] <= changes[1] || changes[0] <= many * T::EPSILON * f.abs();
        is_linear || far.abs() <= T::of(2.0) * f.abs() && shrinks
    };
    let are_tame = |near: &[T], far: &[T]| {
        let ends = |k: usize| !far[k].is_finite() && !near[k].is_finite();
        let tame = |k: usize| ends(k) || is_tame(at[k % n], near[k], far[k]);
        (0..n).all(|i| !(ends(i) && ends(i + n)) && tame(i) && tame(i + n))
    };
    let mut h = one;
    let first = values(h);
    let (mut far, mut tame, mut longest) = (first.clone(), 0, one);
    while tame < 2 && h > tiny {
        let near = values(h / many);
        if are_tame(&near, &far) {
            tame += 1;
        } else {
            (tame, longest) = (0, h / many);
        }
        (h, far) = (h / many, near);
    }
    if longest < one {
        return longest;
    }
    let changes = |far: &[T]| {
        let least = |k: usize| T::EPSILON.sqrt().sqrt() * at[k % n].abs();
        (0..2 * n).filter(|&k| far[k].is_finite() && (far[k] - at[k % n]).abs() > least(k)).count()
    };
    (h, far) = (one, first);
    let mut best = (changes(&far), h);
    while h * tiny < one && best.0 < 2 * n && far.iter().any(|far| far.is_finite()) {
        h *= many;
        far = values(h);
        best = if changes(&far) > best.0 { (changes(&far), h) } else { best };
    }
    best.1
}

/// A length for a variable that may be small because its unit is large, or by chance: 1 where it is 0.
pub(super) fn length<T: Real>(x: T) -> T {
    let size = x.abs();
    if size == T::zero() { T::one() } else { size.max(size.sqrt().min(T::one())) }
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

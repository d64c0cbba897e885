//! How long a variable is, whatever its unit.

use crate::Real;

/// A length for a variable that may be small because its unit is large, or by chance: 1 where it is 0.
pub(super) fn length<T: Real>(x: T) -> T {
    let size = x.abs();
    if size == T::zero() { T::one() } else { size.max(size.sqrt().min(T::one())) }
}

/// Whether values on the way to `f`, at two lengths that are apart by a factor of 64, change in proportion or shrink.
fn is_tame<T: Real>(f: T, near: T, far: T) -> bool {
    let many = T::of(64.0);
    let changes = [(near - f).abs(), (far - f).abs()];
    let is_linear = (changes[1] - many * changes[0]).abs() <= T::of(16.0) * changes[0];
    let shrinks = T::of(4.0) * changes[0] <= changes[1] || changes[0] <= many * T::EPSILON * f.abs();
    is_linear || far.abs() <= T::of(2.0) * f.abs() && shrinks
}

/// Whether they change by a power of the length.
fn is_power<T: Real>(f: T, near: T, far: T) -> bool {
    let noise = T::of(16.0) * T::EPSILON * f.abs();
    let fits = |power: i32| {
        let by = T::of(64_f64.powi(power));
        (far - f - by * (near - f)).abs() <= by * (T::of(1e-3) * (near - f).abs() + noise)
    };
    !far.is_finite() || (1..=4).any(fits)
}

/// Whether the value has not changed beyond rounding.
fn rests<T: Real>(f: T, near: T) -> bool {
    !((near - f).abs() > T::of(64.0) * T::EPSILON * f.abs())
}

/// A length for a variable that is 0, by what the function does there. Towards 0 from it the changes of the values fall in
/// proportion, or shrink while the values stay within twice those at 0, at two lengths in turn; if no
/// length below 1 is needed for that, the shortest at which most components change. A side on which the domain ends
/// says nothing. What the function does on lengths that no difference reaches from there is looked for down to its rounding:
/// where it changes by no power of the length any more, the search begins anew.
pub(super) fn scale<T: Real>(at: &[T], evaluate: &mut impl FnMut(T, &mut [T])) -> T {
    let (one, many, n) = (T::one(), T::of(64.0), at.len());
    let tiny = T::MAX.recip() / T::EPSILON / T::EPSILON;
    let mut out = vec![T::zero(); 2 * n];
    let mut values = |h: T| {
        let (above, below) = out.split_at_mut(n);
        evaluate(h, above);
        evaluate(-h, below);
        out.clone()
    };
    let are_tame = |near: &[T], far: &[T]| {
        let ends = |k: usize| !far[k].is_finite() && !near[k].is_finite();
        let tame = |k: usize| ends(k) || is_tame(at[k % n], near[k], far[k]);
        (0..n).all(|i| !(ends(i) && ends(i + n)) && tame(i) && tame(i + n))
    };
    let all = |law: &dyn Fn(usize) -> bool| (0..2 * n).all(law);
    let is_quiet = |near: &[T]| all(&|k| rests(at[k % n], near[k]));
    let (reached, least) = (T::EPSILON.powf(T::of(0.7)), T::of(2_f64.powi(-288)));
    let first = values(one);
    let (mut h, mut far, mut tame, mut longest, mut found) = (one, first.clone(), 0, one, None);
    // a second search is not led astray by rounding: half of the digits are a power of the length
    let again = (T::EPSILON.f64().log2() / -12.0).round() as usize;
    let mut needed = 2;
    while h > tiny && (tame < needed || h > least * longest) {
        let near = values(h / many);
        let are_powers = || all(&|k| is_power(at[k % n], near[k], far[k]));
        let is_tame = match tame < needed {
            true if found.is_none() => are_tame(&near, &far),
            true => are_powers() && !all(&|k| near[k] == at[k % n]),
            false if h < reached * longest => are_powers(),
            false => all(&|k| rests(at[k % n], near[k]) || !rests(at[k % n], far[k])),
        };
        tame = if is_tame { tame + 1 } else { 0 };
        if !is_tame {
            longest = h / many;
            needed = if found.is_some() { again } else { 2 };
        }
        found = if tame == needed { Some(longest) } else { found };
        if tame >= needed && is_quiet(&near) && !is_quiet(&far) {
            break;
        }
        (h, far) = (h / many, near);
    }
    let longest = found.unwrap_or(longest);
    if longest < one { longest } else { changing(at, first, tiny, values) }
}

/// The shortest length from 1 on at which most components change.
fn changing<T: Real>(at: &[T], first: Vec<T>, tiny: T, mut values: impl FnMut(T) -> Vec<T>) -> T {
    let (n, mut h, mut far) = (at.len(), T::one(), first);
    let changes = |far: &[T]| {
        let least = |k: usize| T::EPSILON.sqrt().sqrt() * at[k % n].abs();
        (0..2 * n).filter(|&k| far[k].is_finite() && (far[k] - at[k % n]).abs() > least(k)).count()
    };
    let mut best = (changes(&far), h);
    while h * tiny < T::one() && best.0 < 2 * n && far.iter().any(|far| far.is_finite()) {
        h *= T::of(64.0);
        far = values(h);
        best = if changes(&far) > best.0 { (changes(&far), h) } else { best };
    }
    best.1
}

//! `C ← α A B + β C` and `Z = W X + b 1ᵀ`, for any strides of the factors.
//!
//! Every element is one chain of multiply-adds over the depth (`k` ascending), whatever the other dimensions
//! are, so a column of `W X` has the same bits alone as among others. Exceptions: dot products of contiguous
//! vectors (a result of one row, or one column of `Aᵀ x`) are summed in lanes, which makes no difference to
//! that promise; and `product` with `β ≠ 0` sums a depth beyond [`depth_limit`] in stretches of that
//! length, each added to `C` when done.
#![expect(unsafe_code, reason = "hands checked slices to the tiles as pointers")]

use super::matrix_vector::{self, TERMS};
use super::simd::{Block, Lines, PackColumns, PackRows, Update, dispatch};
use super::{Factor, Real, with_scratch};

/// The depth of one block: a panel of `B` this deep fits the first-level cache (512 in f32, 256 in f64).
pub(super) const fn depth_limit<T>() -> usize {
    2048 / size_of::<T>()
}
/// Rows of one block: with [`depth_limit`], half a megabyte of the second-level cache.
pub(super) const ROWS: usize = 256;
/// Columns of one block.
const COLUMNS: usize = 1024;
/// Entries of a small `C`: parameters of models whose chunks hold many samples.
const FEW: usize = 1024;
/// Bytes of `A` up to which the tiles read it where it stands.
const SMALL: usize = 64 << 10;

/// `C ← α A B + β C`, with `C` column-major and contiguous. `β = 0` does not read `C`.
///
/// With `β = 1` and a depth up to [`depth_limit`] it is exactly `C` plus `α` times a sum that knows nothing
/// of `C`. Where many samples are added to a small `C`, that sum is one of short sums.
pub(crate) fn product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, beta: T, c: &mut [T]) {
    assert!(a.cols == b.rows && holds(c, a.rows, b.cols));
    if beta == T::zero() || a.cols <= 2 * TERMS || a.rows * b.cols > FEW {
        multiply(a, b, Update::Scaled(alpha, beta), c, a.rows);
    } else {
        product_in_short_sums(alpha, a, b, beta, c);
    }
}

#[inline(never)]
fn product_in_short_sums<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, beta: T, c: &mut [T]) {
    let mut sums = [T::zero(); FEW];
    for start in (0..a.cols).step_by(TERMS) {
        let depth = start..a.cols.min(start + TERMS);
        let (a, b) = (a.columns(depth.clone()), b.t().columns(depth).t());
        multiply(a, b, Update::Scaled(alpha, T::one()), &mut sums, a.rows);
    }
    c[..a.rows * b.cols].iter_mut().zip(sums).for_each(|(c, sum)| *c = beta * *c + sum);
}

/// `Z = W X + b 1ᵀ` (no bias: `Z = W X`), in one pass over `Z`.
pub(crate) fn affine<T: Real>(w: Factor<'_, T>, bias: Option<&[T]>, x: Factor<'_, T>, z: &mut [T]) {
    assert!(w.cols == x.rows && holds(z, w.rows, x.cols));
    let update = match bias {
        Some(b) => {
            assert!(b.len() >= w.rows);
            Update::Bias(&b[..w.rows])
        }
        None => Update::Scaled(T::one(), T::zero()),
    };
    multiply(w, x, update, z, w.rows);
}

/// `C ← C − A Bᵀ`, its columns `column` apart; of the square where `C` begins, the lower triangle only. `B` has up to
/// `WIDTH` rows.
pub(super) fn subtract_strip<T: Real, const WIDTH: usize>(
    a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T], column: usize,
) {
    let width = b.rows;
    assert!(width <= WIDTH && width <= a.rows && a.rows <= column && a.cols == b.cols);
    assert!(width == 0 || c.len() >= (width - 1) * column + a.rows);
    let mut square = [[T::zero(); WIDTH]; WIDTH];
    let square = square.as_flattened_mut();
    product(T::one(), a.lines(0..width), b.t(), T::zero(), square);
    for (j, part) in square[..width * width].chunks_exact(width.max(1)).enumerate() {
        let c = &mut c[j * column + j..j * column + width];
        c.iter_mut().zip(&part[j..]).for_each(|(c, part)| *c -= *part);
    }
    if width < a.rows {
        add_product(-T::one(), a.lines(width..a.rows), b.t(), &mut c[width..], column);
    }
}

/// `C ← C + α A B`, the columns of `C` standing `column` apart.
#[inline]
pub(super) fn add_product<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T], column: usize) {
    assert!(a.cols == b.rows && a.rows <= column);
    assert!(b.cols == 0 || c.len() >= (b.cols - 1) * column + a.rows);
    multiply(a, b, Update::Scaled(alpha, T::one()), c, column);
}

/// `C ← C − A Bᵀ` in the lower triangle of a square.
pub(super) fn subtract_lower<T: Real>(a: Factor<'_, T>, b: Factor<'_, T>, c: &mut [T], column: usize) {
    let n = a.rows;
    for j in (0..n).step_by(STRIP) {
        let width = STRIP.min(n - j);
        let c = &mut c[j * column + j..];
        subtract_strip::<T, STRIP>(a.lines(j..n), b.lines(j..j + width), c, column);
    }
}

/// Columns of a lower triangle that are brought up to date at a time.
pub(super) const STRIP: usize = 64;

fn holds<T>(c: &[T], rows: usize, columns: usize) -> bool {
    rows.checked_mul(columns).is_some_and(|count| c.len() >= count)
}

fn multiply<T: Real>(
    a: Factor<'_, T>, b: Factor<'_, T>, update: Update<'_, T>, c: &mut [T], c_column: usize,
) {
    let (rows, columns, depth) = (a.rows, b.cols, a.cols);
    if rows == 0 || columns == 0 {
        return;
    }
    if rows == 1 && c_column == 1 && matrix_vector::fits(&b.t(), &a.t()) {
        // Cᵀ = Bᵀ Aᵀ, and a row is as contiguous as a column.
        return matrix_vector::multiply(b.t(), a.t(), update, c);
    }
    if columns == 1 && (a.row_stride != 1 || rows > 48) && matrix_vector::fits(&a, &b) {
        return matrix_vector::multiply(a, b, update, c);
    }
    let block = block(a, b, update, c.as_mut_ptr(), c_column);
    let fits = rows * depth * size_of::<T>() <= SMALL || columns <= 8;
    if a.row_stride == 1 && depth <= depth_limit::<T>() && fits {
        // SAFETY: `Factor` vouches for its elements, the callers for C and the bias.
        unsafe { dispatch(block) };
    } else {
        blocked(block, a.col_stride);
    }
}

/// Factors as they lie in memory.
fn block<'a, T: Real>(
    a: Factor<'_, T>, b: Factor<'_, T>, update: Update<'a, T>, c: *mut T, c_column: usize,
) -> Block<'a, T> {
    Block {
        rows: a.rows,
        columns: b.cols,
        depth: a.cols,
        a: a.as_ptr(),
        a_step: a.row_stride,
        a_column: Some(a.col_stride),
        b: b.as_ptr(),
        b_step: b.col_stride,
        b_row: b.row_stride,
        b_column: b.col_stride,
        c,
        c_column,
        update,
    }
}

/// The product in blocks that fit the caches, each factor packed unless it is as well read where it stands.
fn blocked<T: Real>(whole: Block<'_, T>, a_column: usize) {
    let Block { rows, columns, depth, .. } = whole;
    let deep = depth_limit::<T>().min(depth.max(1));
    let (high, wide) = (even_part(rows, ROWS, 16), columns.min(COLUMNS));
    // Columns a multiple of 4096 bytes apart fall on the same few lines of the cache.
    let crowded = |column: usize| (column * size_of::<T>()).is_multiple_of(4096);
    let pack_a = whole.a_step != 1 || crowded(a_column);
    let pack_b = rows > 48 && (whole.b_row != 1 || crowded(whole.b_column));
    let space_a = if pack_a { PackRows::<T>::space(high, deep) } else { 0 };
    let space_b = if pack_b { PackColumns::<T>::space(deep, wide) } else { 0 };
    with_scratch(space_a + space_b, |scratch: &mut [T]| {
        let (packed_a, packed_b) = scratch.split_at_mut(space_a);
        let mut p = 0;
        while p < depth.max(1) {
            let deep = deep.min(depth - p);
            let mut block = Block { depth: deep, ..whole };
            if p > 0 {
                block.update = further(whole.update);
            }
            for j in (0..columns).step_by(wide) {
                block.columns = wide.min(columns - j);
                // SAFETY: all offsets are those of elements of the factors and of C; the packed
                // copies have the space that their tasks ask for.
                unsafe {
                    block.b = whole.b.wrapping_add(p * whole.b_row + j * whole.b_column);
                    if pack_b {
                        let (line, step, to) = (whole.b_column, whole.b_row, packed_b.as_mut_ptr());
                        let lines =
                            Lines { count: block.columns, depth: deep, from: block.b, line, step, to };
                        block.b_row = dispatch(PackColumns(lines));
                        (block.b, block.b_step, block.b_column) = (to, deep, 1);
                    }
                    for i in (0..rows).step_by(high) {
                        block.rows = high.min(rows - i);
                        block.a = whole.a.wrapping_add(i * whole.a_step + p * a_column);
                        if pack_a {
                            let (line, step, to) = (whole.a_step, a_column, packed_a.as_mut_ptr());
                            let lines =
                                Lines { count: block.rows, depth: deep, from: block.a, line, step, to };
                            dispatch(PackRows(lines, None));
                            (block.a, block.a_step, block.a_column) = (to, deep, None);
                        }
                        block.c = whole.c.add(i + j * whole.c_column);
                        if let Update::Bias(bias) = whole.update
                            && p == 0
                        {
                            block.update = Update::Bias(&bias[i..]);
                        }
                        dispatch(block);
                    }
                }
            }
            p += deep.max(1);
        }
    });
}

/// The update by the stretches of the depth after the first.
fn further<T: Real>(first: Update<'_, T>) -> Update<'_, T> {
    match first {
        Update::Scaled(alpha, beta) if alpha != T::one() || beta != T::zero() => {
            Update::Scaled(alpha, T::one())
        }
        _ => Update::Chain,
    }
}

/// `whole` cut into the least number of parts up to `limit`, as even as multiples of `unit` allow.
pub(super) fn even_part(whole: usize, limit: usize, unit: usize) -> usize {
    whole.div_ceil(whole.div_ceil(limit)).next_multiple_of(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{at_each_level, sizes};

    const SIZES: [usize; 17] = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 49, 64, 100];

    /// Small integers: every order of summation gives the same result exactly.
    fn integers<T: Real>(count: usize, seed: usize) -> Vec<T> {
        (0..count).map(|i| T::of((((i + seed) * 2_654_435_761) >> 7) as f64 % 9.0 - 4.0)).collect()
    }

    /// `rows × cols` elements in one of four orders: columns or rows contiguous, with or without gaps.
    fn factor<T: Real>(data: &[T], rows: usize, cols: usize, order: usize) -> Factor<'_, T> {
        match order {
            0 => Factor::new(data, rows, cols),
            1 => Factor::new(data, cols, rows).t(),
            2 => Factor::strided(data, (rows, cols), (1, rows + 3)),
            _ => Factor::strided(data, (rows, cols), (2, 2 * rows + 1)),
        }
    }

    fn plain<T: Real>(alpha: T, a: Factor<'_, T>, b: Factor<'_, T>, beta: T, c: &mut [T]) {
        for j in 0..b.cols {
            for i in 0..a.rows {
                let s = (0..a.cols).fold(T::zero(), |s, k| s + a.at(i, k) * b.at(k, j)) * alpha;
                let c = &mut c[j * a.rows + i];
                *c = if beta == T::zero() { s } else { s + beta * *c };
            }
        }
    }

    fn check<T: Real>(rows: usize, columns: usize, depth: usize, orders: impl Iterator<Item = usize>) {
        let (a, b) =
            (integers::<T>(2 * (rows + 3) * depth + 9, 1), integers::<T>(2 * (depth + 3) * columns + 9, 5));
        let (old, bias) = (integers::<T>(rows * columns + 1, 3), integers::<T>(rows, 8));
        for order in orders {
            let (a, b) = (factor(&a, rows, depth, order % 4), factor(&b, depth, columns, order / 4));
            for (alpha, beta) in [(1.0, 0.0), (1.0, 1.0), (-2.0, 0.0), (0.5, 2.0)] {
                let (alpha, beta) = (T::of(alpha), T::of(beta));
                let (mut c, mut d) = (old.clone(), old.clone());
                if beta == T::zero() {
                    c[..rows * columns].fill(T::NAN);
                }
                product(alpha, a, b, beta, &mut c);
                plain(alpha, a, b, beta, &mut d);
                assert_eq!(c, d, "{rows} × {depth} × {columns}, order {order}, α = {alpha}, β = {beta}");
            }
            let (mut z, mut y) = (vec![T::NAN; rows * columns], vec![T::zero(); rows * columns]);
            affine(a, Some(&bias), b, &mut z);
            for (i, y) in y.iter_mut().enumerate() {
                *y = bias[i % rows];
            }
            plain(T::one(), a, b, T::one(), &mut y);
            assert_eq!(z, y, "{rows} × {depth} × {columns}, order {order}");
        }
    }

    #[test]
    fn every_shape_and_order_agrees_with_three_loops() {
        at_each_level(|| {
            for (n, rows) in sizes(&SIZES, 17).enumerate() {
                for (m, columns) in sizes(&SIZES, 17).enumerate() {
                    let depth = SIZES[(n * 5 + m * 3) % SIZES.len()];
                    // All orders of small ones, one of each of the others.
                    let volume = rows * columns * depth;
                    let (small, limit) = if cfg!(miri) { (12, 300) } else { (1000, usize::MAX) };
                    if volume > limit {
                        continue;
                    }
                    let orders = if volume < small { 0..16 } else { (n + m) % 16..(n + m) % 16 + 1 };
                    check::<f32>(rows, columns, depth, orders.clone());
                    check::<f64>(rows, columns, depth, orders);
                }
            }
        });
    }

    #[test]
    fn beyond_one_block_too() {
        at_each_level(|| {
            if cfg!(miri) {
                check::<f64>(17, 1, 260, [0, 5].into_iter());
                return check::<f32>(49, 3, 5, [4, 15].into_iter());
            }
            check::<f64>(301, 9, 530, [0, 5].into_iter());
            check::<f32>(20, 1040, 3, 3..6);
            check::<f32>(70, 6, 1100, [1, 8, 15].into_iter());
            check::<f64>(1, 11, 700, 0..8);
            check::<f64>(300, 1, 700, 0..8);
        });
    }

    #[test]
    fn nothing_hides_a_nan() {
        at_each_level(|| {
            for n in sizes(&[1, 2, 9, 33], 9) {
                let mut a = vec![0.0; n * n];
                let b = vec![0.0; n * n];
                for poison in [f64::NAN, f64::INFINITY] {
                    a[(n - 1) * n] = poison;
                    let mut c = vec![0.0; n * n];
                    let (a, b) = (Factor::new(&a, n, n), Factor::new(&b, n, n));
                    for (a, b, at) in [(a, b, 0), (a.t(), b, n - 1), (a, b.t(), 0), (b, a, (n - 1) * n)] {
                        product(1.0, a, b, 0.0, &mut c);
                        assert!(c[at].is_nan(), "0 · {poison} in {n}");
                        affine(a, Some(&vec![1.0; n]), b, &mut c);
                        assert!(c[at].is_nan(), "1 + 0 · {poison} in {n}");
                    }
                }
            }
        });
    }

    /// Column `j` of a product has the same bits whatever stands beside it.
    #[test]
    fn a_sample_does_not_notice_its_neighbours() {
        at_each_level(|| {
            let shapes = [(1, 70), (3, 5), (16, 16), (64, 100), (130, 600)];
            for &(rows, depth) in if cfg!(miri) { &shapes[..3] } else { &shapes } {
                let noise = |count, seed| -> Vec<f32> {
                    integers::<f32>(count, seed).iter().map(|x| (x + 0.3).sin()).collect()
                };
                let (w, b, x) = (noise(rows * depth, 1), noise(rows, 2), noise(depth * 21, 3));
                let run = |x: &[f32]| {
                    let mut z = vec![0.0; rows * (x.len() / depth)];
                    let x = Factor::new(x, depth, x.len() / depth);
                    affine(Factor::new(&w, rows, depth), Some(&b), x, &mut z);
                    z
                };
                let together = run(&x);
                for j in 0..21 {
                    assert_eq!(together[j * rows..][..rows], run(&x[j * depth..][..depth]));
                }
                assert_eq!(together[..rows * 13], run(&x[..depth * 13]));
            }
        });
    }
}

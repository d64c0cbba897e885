//! Least squares in exact arithmetic, for small integers: determinants without fractions (Bareiss 1968).

/// Rows are samples.
pub(crate) type Table = Vec<Vec<i64>>;

/// Gauss and Jordan's elimination without fractions: the pivot columns, and the matrix, whose pivots are all the last
/// one, up to which sign.
fn eliminate(mut a: Vec<Vec<i128>>) -> (Vec<usize>, Vec<Vec<i128>>, i128) {
    let (rows, columns) = (a.len(), a.first().map_or(0, Vec::len));
    let (mut pivots, mut before) = (Vec::new(), 1_i128);
    for j in 0..columns {
        let k = pivots.len();
        let Some(pivot) = (k..rows).find(|i| a[*i][j] != 0) else { continue };
        a.swap(k, pivot);
        for i in (0..rows).filter(|i| *i != k) {
            let (pivot, factor) = (a[k].clone(), a[i][j]);
            for (x, of_pivot) in a[i].iter_mut().zip(&pivot) {
                *x = (pivot[j] * *x - factor * of_pivot) / before;
            }
        }
        before = a[k][j];
        pivots.push(j);
    }
    (pivots, a, before)
}

/// The rank, exactly.
pub(crate) fn rank(a: &Table) -> usize {
    eliminate(a.iter().map(|row| row.iter().map(|x| i128::from(*x)).collect()).collect()).0.len()
}

/// What an exact least-squares problem says.
pub(crate) struct Exact {
    pub beta: Vec<f64>,
    /// Roots of the diagonal of `s² (XᵀX)⁻¹`, `s²` over `m − p`; of `(XᵀX)⁻¹` alone where `m = p`.
    pub errors: Vec<f64>,
    /// The sum of squared residuals is zero.
    pub is_perfect: bool,
}

/// For `x` of full rank.
pub(crate) fn least_squares(x: &Table, y: &[i64]) -> Exact {
    let (m, p) = (x.len(), x[0].len());
    let product = |a: &dyn Fn(usize) -> i64, b: &dyn Fn(usize) -> i64| -> i128 {
        (0..m).map(|j| i128::from(a(j)) * i128::from(b(j))).sum()
    };
    // [XᵀX | Xᵀy | 1]
    let rows = (0..p).map(|i| {
        let mut row: Vec<i128> = (0..p).map(|k| product(&|j| x[j][i], &|j| x[j][k])).collect();
        row.push(product(&|j| x[j][i], &|j| y[j]));
        row.extend((0..p).map(|k| i128::from(i == k)));
        row
    });
    let (pivots, solved, determinant) = eliminate(rows.collect());
    assert!(pivots.len() == p && pivots[p - 1] == p - 1);
    // m is determinant · (1 | β | (XᵀX)⁻¹)
    let squares: i128 = product(&|j| y[j], &|j| y[j]) * determinant
        - (0..p).map(|i| solved[i][p] * product(&|j| x[j][i], &|j| y[j])).sum::<i128>();
    let ratio = |n: i128| n as f64 / determinant as f64;
    let variance = if m > p { ratio(squares) / (m - p) as f64 } else { 1.0 };
    Exact {
        beta: (0..p).map(|i| ratio(solved[i][p])).collect(),
        errors: (0..p).map(|i| (variance * ratio(solved[i][p + 1 + i])).sqrt()).collect(),
        is_perfect: squares == 0,
    }
}

/// Integers from a seed (xorshift64*).
pub(crate) struct Dice(pub u64);

impl Dice {
    /// From `low` to `high`, both included.
    pub(crate) fn roll(&mut self, low: i64, high: i64) -> i64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        low + (bits % (high - low + 1) as u64) as i64
    }
}

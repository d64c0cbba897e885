use std::fmt::{self, Write};

use num_traits::ToPrimitive;

use super::Figure;

/// Intermediate results as people read them: printed, as Markdown, or as CSV.
///
/// Printed and as Markdown a number has six significant digits; printed with a precision (`{:.12}`) it has as many
/// decimals. CSV keeps every bit.
///
/// ```
/// use gradus::univariate::ScalarNewton;
///
/// let square = |x: f64| (x * x - 2.0, 2.0 * x);
/// let newton = ScalarNewton::pure().iterations(2).trace(true);
/// let table = newton.root(square, 1.0)?.table(square)?;
/// assert_eq!(table.to_string(), "\
/// k        x        f(x)    f'(x)      x₊ − x
/// 0        1          -1        2         0.5
/// 1      1.5        0.25        3  -0.0833333
/// 2  1.41667  0.00694444  2.83333");
/// assert!(format!("{table:.12}").contains("1.416666666667"));
/// assert_eq!(table.csv().lines().nth(2), Some("1,1.5,0.25,3.0,-0.08333333333333326"));
/// assert!(table.markdown().starts_with("| k | x |"));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Text(String),
    /// What is rounded for people, and all digits.
    Number(f64, String),
    /// Sums of products, and what follows them.
    Sum(Vec<Vec<Self>>, String),
}

impl Cell {
    pub(crate) fn text(text: &impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    pub(crate) fn number(number: impl ToPrimitive + fmt::Debug + Copy) -> Self {
        Self::Number(number.to_f64().unwrap_or(f64::NAN), format!("{number:?}"))
    }

    /// With as many decimals, or six significant digits.
    pub(crate) fn shown(&self, decimals: Option<usize>) -> String {
        self.written(&|number, _| match decimals {
            Some(decimals) => format!("{number:.decimals$}"),
            None => Figure(number).to_string(),
        })
    }

    fn written(&self, write: &dyn Fn(f64, &str) -> String) -> String {
        let product = |factors: &Vec<Self>| {
            factors.iter().map(|factor| factor.written(write)).collect::<Vec<_>>().join(" · ")
        };
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number, exact) => write(*number, exact),
            Self::Sum(terms, rest) => terms.iter().map(product).collect::<Vec<_>>().join(" + ") + rest,
        }
    }
}

impl Table {
    /// Every row has as many cells as the header.
    pub(crate) fn new(header: impl IntoIterator<Item: ToString>, rows: Vec<Vec<Cell>>) -> Self {
        Self { header: header.into_iter().map(|name| name.to_string()).collect(), rows }
    }

    /// As Markdown, with a line of its own for each row.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// let line = |x: f64| (x - 2.0, 1.0);
    /// let table = ScalarNewton::pure().trace(true).root(line, 2.0)?.table(line)?;
    /// assert_eq!(table.markdown(), "\
    /// | k | x | f(x) | f'(x) | x₊ − x |
    /// |---:|---:|---:|---:|---:|
    /// | 0 | 2 | 0 | 1 |  |
    /// ");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn markdown(&self) -> String {
        let mut text = format!("| {} |\n|{}\n", self.header.join(" | "), "---:|".repeat(self.header.len()));
        for row in &self.rows {
            let cells: Vec<_> = row.iter().map(|cell| cell.shown(None).replace('|', "\\|")).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text
    }

    /// As CSV: the header, then a line for each row, with all digits of its numbers.
    ///
    /// ```
    /// use gradus::univariate::ScalarNewton;
    ///
    /// let line = |x: f64| (x - 2.0, 1.0);
    /// let table = ScalarNewton::pure().trace(true).root(line, 2.0)?.table(line)?;
    /// assert_eq!(table.csv(), "k,x,f(x),f'(x),x₊ − x\n0,2.0,0.0,1.0,\n");
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn csv(&self) -> String {
        let quoted = |text: &str| match text.contains([',', '"', '\n', '\r']) {
            true => format!("\"{}\"", text.replace('"', "\"\"")),
            false => text.to_owned(),
        };
        let line = |cells: Vec<String>| cells.join(",") + "\n";
        let exact = |cell: &Cell| quoted(&cell.written(&|_, exact| exact.to_owned()));
        let rows = self.rows.iter().map(|row| line(row.iter().map(exact).collect()));
        line(self.header.iter().map(|name| quoted(name)).collect()) + &rows.collect::<String>()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells = |row: &Vec<Cell>| row.iter().map(|cell| cell.shown(f.precision())).collect();
        let mut lines: Vec<Vec<String>> = vec![self.header.clone()];
        lines.extend(self.rows.iter().map(cells));
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<_> = (0..self.header.len()).map(width).collect();
        for (i, line) in lines.iter().enumerate() {
            let mut text = if i == 0 { String::new() } else { "\n".to_owned() };
            for (column, (cell, &width)) in line.iter().zip(&widths).enumerate() {
                write!(text, "{}{cell:>width$}", if column == 0 { "" } else { "  " })?;
            }
            f.write_str(text.trim_end_matches(' '))?;
        }
        Ok(())
    }
}

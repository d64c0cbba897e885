//! Numbers as people read them.

use std::fmt;

pub(crate) use table::Cell;
pub use table::Table;

mod table;

/// Six significant digits: plain in the ordinary range, from 1e−4 to 1e6, and with an exponent beyond it.
pub(crate) struct Figure(pub f64);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rounded = format!("{:.5e}", self.0);
        let (Some((digits, exponent)), true) = (rounded.split_once('e'), self.0.is_finite()) else {
            return f.pad(&rounded);
        };
        let shorter = |text: &str| match text.contains('.') {
            true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
            false => text.to_owned(),
        };
        match exponent.parse::<i32>() {
            Ok(exponent @ -4..6) => f.pad(&shorter(&format!("{:.*}", (5 - exponent) as usize, self.0))),
            _ => f.pad(&format!("{}e{exponent}", shorter(digits))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Figure;

    #[test]
    fn six_digits_and_no_more() {
        for (number, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (0.1 + 0.2, "0.3"),
            (2.0 / 3.0, "0.666667"),
            (1234.5678, "1234.57"),
            (999_999.4, "999999"),
            (999_999.5, "1e6"),
            (0.0001, "0.0001"),
            (0.000_099_999_99, "0.0001"),
            (0.000_012_5, "1.25e-5"),
            (1e300, "1e300"),
            (5e-324, "4.94066e-324"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(Figure(number).to_string(), text);
        }
        assert_eq!(format!("{:>8}|{:<8}", Figure(0.5), Figure(f64::NEG_INFINITY)), "     0.5|-inf    ");
    }
}

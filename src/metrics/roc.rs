use std::fmt;

use super::Compensated;
use crate::figures::Figure;
use crate::{Error, kernel};

/// How many of either class are called 1 as the threshold falls.
///
/// ```
/// use gradus::metrics::Classification;
///
/// let roc = Classification::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.4, 0.8])?.roc()?;
/// assert_eq!(roc.auc, 0.875); // three pairs in order and one tie, of four
/// assert_eq!(roc.points[2].threshold, 0.4);
/// assert_eq!(roc.to_string(), "\
/// AUC 0.875
/// threshold    false positive rate    true positive rate
///       inf                      0                     0
///       0.8                      0                   0.5
///       0.4                    0.5                     1
///       0.1                      1                     1");
/// # Ok::<(), gradus::Error>(())
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "receiver operating characteristic")]
pub struct RocCurve {
    /// From (0, 0) to (1, 1): one for each score that occurs, the highest first, after one where nothing is called 1.
    pub points: Vec<RocPoint>,
    /// The area under the curve: the probability that a sample of class 1 has a higher score than one of class 0, ties
    /// counted half.
    #[doc(alias = "area under the curve")]
    pub auc: f64,
}

/// A point of a [`RocCurve`].
///
/// ```
/// use gradus::metrics::{Classification, RocPoint};
///
/// let roc = Classification::new(&[0, 0, 1], &[0.1, 0.4, 0.3])?.roc()?;
/// let RocPoint { threshold, false_positive_rate, true_positive_rate } = roc.points[2];
/// assert_eq!((threshold, false_positive_rate, true_positive_rate), (0.3, 0.5, 1.0));
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RocPoint {
    /// Scores of at least so much are called 1; infinite at the first point.
    pub threshold: f64,
    /// The share of class 0 that is called 1.
    pub false_positive_rate: f64,
    /// The share of class 1 that is called 1, the recall.
    pub true_positive_rate: f64,
}

impl RocCurve {
    /// Of samples `(score, is of class 1, weight)`, whose weights of zero have been left out.
    pub(super) fn new(mut samples: Vec<(f64, bool, f64)>) -> Result<Self, Error> {
        samples.sort_by(|a, b| b.0.total_cmp(&a.0));
        // each class in its own unit: neither ratios nor the area know of it
        let unit = [false, true].map(|class| {
            let weights = samples.iter().filter(|sample| sample.1 == class).map(|sample| sample.2);
            kernel::unit(weights.fold(0.0, f64::max))
        });
        let (mut counted, mut counts) = ([Compensated::default(); 2], vec![(f64::INFINITY, [0.0; 2])]);
        let mut pairs = Vec::new();
        for tied in samples.chunk_by(|higher, next| next.0 >= higher.0) {
            let above = counted[1].value();
            let mut here = [Compensated::default(); 2];
            tied.iter()
                .for_each(|(_, class, w)| here[usize::from(*class)].add(w * unit[usize::from(*class)]));
            for class in 0..2 {
                counted[class].add(here[class].value());
            }
            // a sample of class 0 stands below all of class 1 before it, and beside half of those of its own score
            pairs.push(here[0].value() * (above + here[1].value() / 2.0));
            counts.push((tied[0].0, counted.map(Compensated::value)));
        }
        let [negative, positive] = counted.map(Compensated::value);
        if negative == 0.0 || positive == 0.0 {
            let found = if negative == 0.0 { 1.0 } else { 0.0 };
            return Err(Error::OneClass { argument: "truth", found });
        }
        let point = |(threshold, [no, yes]): (f64, [f64; 2])| RocPoint {
            threshold,
            false_positive_rate: no / negative,
            true_positive_rate: yes / positive,
        };
        let auc = (kernel::sum(&pairs) / (negative * positive)).min(1.0);
        Ok(Self { points: counts.into_iter().map(point).collect(), auc })
    }
}

/// At most so many points are printed.
const LINES: usize = 20;

impl fmt::Display for RocCurve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AUC {}\nthreshold    false positive rate    true positive rate", Figure(self.auc))?;
        let step = self.points.len().div_ceil(LINES);
        for point in self.points.iter().step_by(step.max(1)) {
            let RocPoint { threshold, false_positive_rate, true_positive_rate } = *point;
            let [t, no, yes] = [threshold, false_positive_rate, true_positive_rate].map(Figure);
            write!(f, "\n{t:>9}    {no:>19}    {yes:>18}")?;
        }
        if step > 1 { write!(f, "\n({} points, one of {step} shown)", self.points.len()) } else { Ok(()) }
    }
}

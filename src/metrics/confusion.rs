use std::fmt;

use nalgebra::DMatrix;

use super::{Compensated, weights};
use crate::contract::{check_length, check_some, matrix, setting};
use crate::figures::Figure;
use crate::{Error, Real};

/// How often each class was taken for each other.
///
/// ```
/// use gradus::metrics::ConfusionMatrix;
///
/// let confusion = ConfusionMatrix::new(&[0, 0, 1, 1, 1, 2], &[0, 1, 1, 1, 1, 2])?;
/// assert_eq!(confusion.to_string(), "\
/// true \\ predicted      0      1      2   precision     recall         F1
///                0      1      1      0           1        0.5   0.666667
///                1      0      3      0        0.75          1   0.857143
///                2      0      0      1           1          1          1
///            macro                         0.916667   0.833333    0.84127
///         weighted                            0.875   0.833333    0.81746
/// accuracy 0.833333 (5 of 6)");
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[doc(alias = "classification report")]
pub struct ConfusionMatrix {
    counts: DMatrix<f64>,
}

/// How well one class was told from the others, or an average over classes.
///
/// A ratio without a denominator (nothing was called so, nothing was so) is 0, as scikit-learn has it by default.
///
/// ```
/// use gradus::metrics::{ClassScores, ConfusionMatrix};
///
/// let scores = ConfusionMatrix::new(&[0, 0, 1, 1], &[0, 0, 0, 1])?.class(0)?;
/// let expected = ClassScores { precision: 2.0 / 3.0, recall: 1.0, f1: 0.8, support: 2.0 };
/// assert_eq!(scores, expected);
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClassScores {
    /// The share of right ones among those that were called so.
    pub precision: f64,
    /// The share of right ones among those that are so.
    #[doc(alias = "sensitivity")]
    pub recall: f64,
    /// `2 p r/(p + r)`, of precision `p` and recall `r`.
    pub f1: f64,
    /// Samples that are so, counted by their weights.
    pub support: f64,
}

impl ConfusionMatrix {
    /// Of true and predicted classes.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1], &[0, 0, 1])?;
    /// assert_eq!(confusion.counts()[(1, 0)], 1.0); // a 1 that was called 0
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::Length`] unless there are as many of both, [`Error::Setting`] for a class beyond 1,000 and
    /// the number of samples, which is a stray label; [`Error::TooLarge`] for more classes than there is memory for a table of.
    pub fn new(truth: &[usize], predicted: &[usize]) -> Result<Self, Error> {
        Self::weighted(truth, predicted, &vec![1.0; truth.len()])
    }

    /// The same with a weight for each sample.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::weighted(&[0, 1, 1], &[0, 0, 1], &[1.0, 2.0, 1.0])?;
    /// assert_eq!(confusion.accuracy(), 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`new`](Self::new); [`Error::Length`] unless there is one weight per sample; [`Error::Setting`] where
    /// one is negative or not finite, or none is positive; [`Error::Range`] where their sum is too large.
    #[doc(alias = "with_weights")]
    pub fn weighted<T: Real>(truth: &[usize], predicted: &[usize], given: &[T]) -> Result<Self, Error> {
        check_some("truth", "sample", truth.len())?;
        check_length("predicted", predicted.len(), truth.len())?;
        let weights = weights(given, truth.len())?;
        let classes = truth.iter().chain(predicted).fold(0, |k: usize, c| k.max(c.saturating_add(1)));
        let most = "at most 1000, or as many as samples: classes are numbered from 0";
        setting("classes", most, classes as f64, classes <= truth.len().max(1000))?;
        let mut counts = matrix("classes", (classes, classes), 0.0)?;
        let mut rounding = counts.clone();
        for ((truth, predicted), w) in truth.iter().zip(predicted).zip(&weights) {
            let at = (*truth, *predicted);
            let mut cell = Compensated { sum: counts[at], rounding: rounding[at] };
            cell.add(*w);
            (counts[at], rounding[at]) = (cell.sum, cell.rounding);
        }
        counts += rounding;
        Ok(Self { counts })
    }

    /// Samples counted by their weights: of row `i` those that are `i`, of column `j` those that were called `j`.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1], &[0, 0, 1])?;
    /// assert_eq!(confusion.counts(), &gradus::matrix![1.0, 0.0; 1.0, 1.0]);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn counts(&self) -> &DMatrix<f64> {
        &self.counts
    }

    /// The share of right samples.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// assert_eq!(ConfusionMatrix::new(&[0, 1, 1, 1], &[0, 0, 1, 1])?.accuracy(), 0.75);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    #[doc(alias = "accuracy_score")]
    pub fn accuracy(&self) -> f64 {
        self.counts.trace() / self.counts.sum()
    }

    /// Precision, recall and F1 of a class.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1, 1], &[1, 0, 1, 1])?;
    /// assert_eq!(confusion.class(1)?.recall, 2.0 / 3.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a class that there is not.
    #[doc(alias("precision", "recall", "F1"))]
    pub fn class(&self, class: usize) -> Result<ClassScores, Error> {
        let k = self.counts.nrows();
        setting("class", "below the number of classes", class as f64, class < k)?;
        Ok(self.of(class))
    }

    /// Precision, recall and F1 of each class, in order.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let scores = ConfusionMatrix::new(&[0, 1, 1, 1], &[1, 0, 1, 1])?.classes();
    /// assert_eq!((scores[0].recall, scores[1].recall), (0.0, 2.0 / 3.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn classes(&self) -> Vec<ClassScores> {
        (0..self.counts.nrows()).map(|class| self.of(class)).collect()
    }

    /// The plain mean over the classes that occur, be it in the truth or among the predictions.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1, 1], &[1, 0, 1, 1])?;
    /// assert_eq!(confusion.macro_average().recall, 1.0 / 3.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn macro_average(&self) -> ClassScores {
        self.average(|class| if self.margins(class) == (0.0, 0.0) { 0.0 } else { 1.0 })
    }

    /// The mean over classes, each as often as it has samples; its recall is the accuracy.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1, 1], &[1, 0, 1, 1])?;
    /// assert_eq!(confusion.weighted_average().recall, 0.5);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn weighted_average(&self) -> ClassScores {
        self.average(|class| self.margins(class).0)
    }

    /// The ratios of the sums over classes. Where each sample has one class, all three are the accuracy.
    ///
    /// ```
    /// use gradus::metrics::ConfusionMatrix;
    ///
    /// let confusion = ConfusionMatrix::new(&[0, 1, 1, 1], &[1, 0, 1, 1])?;
    /// assert_eq!(confusion.micro_average().f1, confusion.accuracy());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    pub fn micro_average(&self) -> ClassScores {
        let share = self.accuracy();
        ClassScores { precision: share, recall: share, f1: share, support: self.counts.sum() }
    }

    /// What is `class`, and what was called so.
    fn margins(&self, class: usize) -> (f64, f64) {
        (self.counts.row(class).sum(), self.counts.column(class).sum())
    }

    fn of(&self, class: usize) -> ClassScores {
        let (right, (support, called)) = (self.counts[(class, class)], self.margins(class));
        let ratio = |of: f64| if of > 0.0 { right / of } else { 0.0 };
        // 2 p r/(p + r) of p = right/called and r = right/support
        let f1 = 2.0 * ratio(support + called);
        ClassScores { precision: ratio(called), recall: ratio(support), f1, support }
    }

    fn average(&self, weight: impl Fn(usize) -> f64) -> ClassScores {
        let classes = self.classes();
        let weights: Vec<f64> = (0..classes.len()).map(weight).collect();
        let mean = |f: fn(&ClassScores) -> f64| super::mean(&weights, classes.iter().map(f).collect());
        let (precision, recall, f1) = (mean(|c| c.precision), mean(|c| c.recall), mean(|c| c.f1));
        ClassScores { precision, recall, f1, support: self.counts.sum() }
    }
}

/// Of more classes, the counts are not printed.
const COLUMNS: usize = 20;

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let classes = self.classes();
        let shown = if classes.len() <= COLUMNS { classes.len() } else { 0 };
        write!(f, "true \\ predicted")?;
        (0..shown).try_for_each(|class| write!(f, "{class:>7}"))?;
        let line = |f: &mut fmt::Formatter<'_>, scores: &ClassScores| {
            let [p, r, f1] = [scores.precision, scores.recall, scores.f1].map(Figure);
            write!(f, "{p:>12}{r:>11}{f1:>11}")
        };
        write!(f, "{:>12}{:>11}{:>11}", "precision", "recall", "F1")?;
        for (class, scores) in classes.iter().enumerate() {
            write!(f, "\n{class:>16}")?;
            (0..shown).try_for_each(|called| write!(f, "{:>7}", Figure(self.counts[(class, called)])))?;
            line(f, scores)?;
        }
        for (name, scores) in [("macro", self.macro_average()), ("weighted", self.weighted_average())] {
            write!(f, "\n{name:>16}{:1$}", "", 7 * shown)?;
            line(f, &scores)?;
        }
        let [share, right, all] = [self.accuracy(), self.counts.trace(), self.counts.sum()].map(Figure);
        write!(f, "\naccuracy {share} ({right} of {all})")
    }
}

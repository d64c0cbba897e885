use std::fmt;

use nalgebra::DMatrix;

use super::{Calibration, RocCurve, mean, weights};
use crate::contract::{check_classes, check_finite, check_length, check_some, setting};
use crate::data::Inputs;
use crate::figures::Figure;
use crate::{Error, Real, kernel};

/// Probabilities of classes, or scores, that were predicted, beside the true classes.
///
/// ```
/// use gradus::metrics::Classification;
///
/// let judged = Classification::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8])?;
/// assert_eq!(judged.to_string(), "\
/// AUC         0.75
/// log loss    0.472288
/// Brier score 0.158125
/// samples     4");
/// # Ok::<(), gradus::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Classification {
    labels: Vec<usize>,
    /// As they were given: one row for class 1 of two, or one for each class.
    scores: DMatrix<f64>,
    weights: Vec<f64>,
    /// What probabilities are kept away from 0 and 1 by, where logarithms are taken.
    epsilon: f64,
}

impl Classification {
    /// Of the true classes and what [`Fitted::predict`](crate::Fitted::predict) gives: probabilities, a slice or `1 × samples`
    /// for the class 1 of two, or `classes × samples`. The ROC curve and its area also take scores, that only have an order.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let p = gradus::matrix![0.8, 0.1, 0.3;
    ///                  0.1, 0.7, 0.3;
    ///                  0.1, 0.2, 0.4];
    /// assert_eq!(Classification::new(&[0, 1, 2], &p)?.auc()?, 1.0);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Empty`], [`Error::NonFinite`], [`Error::Length`] unless there is one label per column, [`Error::Class`]
    /// for one that is no class.
    pub fn new<'a, T: Real>(truth: &[usize], scores: impl Inputs<'a, T>) -> Result<Self, Error> {
        let scores = scores.samples(1);
        check_some("scores", "sample (column)", scores.len())?;
        check_finite("scores", scores)?;
        check_length("truth", truth.len(), scores.ncols())?;
        check_classes("truth", truth, scores.nrows().max(2))?;
        let (scores, weights) = (scores.map(T::f64), vec![1.0; truth.len()]);
        Ok(Self { labels: truth.to_vec(), scores, weights, epsilon: T::EPSILON.f64() })
    }

    /// With a weight for each sample.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let judged = Classification::new(&[0, 0, 1], &[0.1, 0.6, 0.5])?;
    /// assert_eq!(judged.with_weights(&[3.0, 1.0, 1.0])?.auc()?, 0.75);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Length`] unless there is one weight per sample; [`Error::Setting`] where one is negative or not finite,
    /// or none is positive; [`Error::Range`] where their sum is too large.
    pub fn with_weights<T: Real>(self, given: &[T]) -> Result<Self, Error> {
        Ok(Self { weights: weights(given, self.labels.len())?, ..self })
    }

    /// One class against all others, which become class 0.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let p = gradus::matrix![0.8, 0.1, 0.3; 0.1, 0.7, 0.3; 0.1, 0.2, 0.4];
    /// let roc = Classification::new(&[0, 1, 2], &p)?.of_class(2)?.roc()?;
    /// assert_eq!(roc.points[1].threshold, 0.4);
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] for a class that there is not.
    #[doc(alias = "one-vs-rest")]
    pub fn of_class(&self, class: usize) -> Result<Self, Error> {
        setting("class", "below the number of classes", class as f64, class < self.classes())?;
        let scores = match self.scores.nrows() {
            // the class 0 of two
            1 if class == 0 => self.scores.map(|score| 1.0 - score),
            1 => self.scores.clone(),
            _ => self.scores.rows(class, 1).into_owned(),
        };
        let labels = self.labels.iter().map(|label| usize::from(*label == class)).collect();
        Ok(Self { labels, scores, weights: self.weights.clone(), epsilon: self.epsilon })
    }

    /// The ROC curve of class 1 of two; for one of several classes, ask [`of_class`](Self::of_class) first.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let roc = Classification::new(&[0, 1, 1], &[0.2, 0.3, 0.9])?.roc()?;
    /// assert_eq!((roc.points.len(), roc.auc), (4, 1.0));
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OneClass`]; [`Error::Shape`] for more than two classes.
    pub fn roc(&self) -> Result<RocCurve, Error> {
        RocCurve::new(self.samples()?)
    }

    /// The area under the ROC curve: the probability that a sample of class 1 has a higher score than one of class 0,
    /// ties counted half (Hanley and McNeil 1982). Of several classes, the mean over classes of each against the
    /// others (scikit-learn's `multi_class="ovr"`).
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let judged = Classification::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.4, 0.8])?;
    /// assert_eq!(judged.auc()?, 0.875); // three pairs in order and one tie, of four
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OneClass`] where there are samples of one class only, [`Error::NoSamples`] for a class of several that
    /// there is none of.
    #[doc(alias("area under the curve", "roc_auc_score"))]
    pub fn auc(&self) -> Result<f64, Error> {
        if self.scores.nrows() <= 2 {
            return Ok(self.roc()?.auc);
        }
        let mut counts = vec![false; self.classes()];
        let counted = self.labels.iter().zip(&self.weights).filter(|(_, w)| **w > 0.0);
        counted.for_each(|(label, _)| counts[*label] = true);
        let present = |class: &usize| counts[*class];
        if let [class] = (0..counts.len()).filter(present).collect::<Vec<_>>()[..] {
            return Err(Error::OneClass { argument: "truth", found: class as f64 });
        }
        if let Some(class) = (0..counts.len()).find(|class| !present(class)) {
            return Err(Error::NoSamples { argument: "truth", class });
        }
        let areas = (0..counts.len()).map(|class| Ok(self.of_class(class)?.roc()?.auc));
        areas.collect::<Result<Vec<f64>, _>>().map(|areas| mean(&vec![1.0; areas.len()], areas))
    }

    /// The mean of `−ln p`, `p` the probability of the class that came true, taken for no less than `ε` (`2⁻⁵²` for
    /// `f64`, `2⁻²³` for `f32`) and for no more than `1 − ε`, as scikit-learn does.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let judged = Classification::new(&[1, 0], &[0.5, 0.5])?;
    /// assert_eq!(judged.log_loss()?, 2.0_f64.ln());
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Label`] where scores are no probabilities, between 0 and 1 and with a sum of 1.
    #[doc(alias = "cross-entropy")]
    pub fn log_loss(&self) -> Result<f64, Error> {
        self.check_probabilities()?;
        let within = |p: f64| p.clamp(self.epsilon, 1.0 - self.epsilon);
        let loss = |j: usize| match (self.scores.nrows(), self.labels[j]) {
            (1, 0) => -(-within(self.scores[j])).ln_1p(),
            (1, _) => -within(self.scores[j]).ln(),
            (_, label) => -within(self.scores[(label, j)]).ln(),
        };
        Ok(mean(&self.weights, (0..self.labels.len()).map(loss).collect()))
    }

    /// The mean of `Σ (p_i − y_i)²` over classes, `y_i` the indicator of class `i` (Brier 1950); with two classes half of
    /// it, which is `(p − y)²` of class 1.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let judged = Classification::new(&[1, 0], &[0.5, 0.25])?;
    /// assert_eq!(judged.brier_score()?, 0.15625); // (0.5² + 0.25²)/2
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Label`] where scores are no probabilities, between 0 and 1 and with a sum of 1.
    pub fn brier_score(&self) -> Result<f64, Error> {
        self.check_probabilities()?;
        let square = |p: f64, y: bool| (p - f64::from(u8::from(y))).powi(2);
        let score = |j: usize| {
            let p = self.scores.column(j);
            let label = self.labels[j];
            match p.len() {
                1 => square(p[0], label == 1),
                k => {
                    p.iter().enumerate().fold(0.0, |sum, (i, p)| sum + square(*p, i == label))
                        / f64::from(u8::from(k == 2) + 1)
                }
            }
        };
        Ok(mean(&self.weights, (0..self.labels.len()).map(score).collect()))
    }

    /// Samples in so many equal bins of probability of class 1, an upper edge belonging to its bin; for one of several
    /// classes, ask [`of_class`](Self::of_class) first.
    ///
    /// ```
    /// use gradus::metrics::Classification;
    ///
    /// let judged = Classification::new(&[0, 1, 1], &[0.2, 0.8, 0.9])?;
    /// assert_eq!(judged.calibration(10)?.bins.len(), 3); // those that hold a sample
    /// # Ok::<(), gradus::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Setting`] unless there are 1 to 65536 bins, [`Error::Label`] where scores are no probabilities,
    /// [`Error::Shape`] for more than two classes.
    pub fn calibration(&self, bins: usize) -> Result<Calibration, Error> {
        setting("bins", "from 1 to 65536", bins as f64, (1..=1 << 16).contains(&bins))?;
        self.check_probabilities()?;
        Ok(Calibration::new(self.samples()?, bins))
    }

    fn classes(&self) -> usize {
        self.scores.nrows().max(2)
    }

    /// Score of class 1 of two, whether the sample is of it, and its weight, where that is not zero.
    fn samples(&self) -> Result<Vec<(f64, bool, f64)>, Error> {
        let (k, m) = self.scores.shape();
        if k > 2 {
            return Err(Error::Shape { argument: "scores", expected: (1, m), found: (k, m) });
        }
        let scores = self.scores.row(k - 1);
        let samples = scores.iter().zip(&self.labels).zip(&self.weights);
        Ok(samples.map(|((s, label), w)| (*s, *label == 1, *w)).filter(|(.., w)| *w > 0.0).collect())
    }

    /// Each between 0 and 1, and those of a sample with a sum of 1.
    fn check_probabilities(&self) -> Result<(), Error> {
        let is_one = |sum: f64| (sum - 1.0).abs() <= self.epsilon.sqrt();
        for (sample, p) in self.scores.column_iter().enumerate() {
            let wrong = p.iter().find(|p| !(0.0..=1.0).contains(*p)).copied();
            let expected = "probabilities, between 0 and 1 and of a sum of 1";
            if let Some(found) = wrong.or((p.len() > 1 && !is_one(p.sum())).then(|| p.sum())) {
                return Err(Error::Label { argument: "scores", expected, found, sample });
            }
        }
        Ok(())
    }
}

impl fmt::Display for Classification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::line(f, "AUC", self.auc())?;
        super::line(f, "log loss", self.log_loss())?;
        super::line(f, "Brier score", self.brier_score())?;
        write!(f, "{:<12}{}", "samples", Figure(kernel::sum(&self.weights)))
    }
}

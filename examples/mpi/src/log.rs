//! Checkpoints of any method: all that was evaluated, in a file that grows.
//!
//! A method that is started again asks the same questions. What the file knows it is told from there, to the last bit and
//! without a pass over the data, until it stands where it was stopped.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Error, Hessian, Objective, Recession};

/// What was asked, by its hash, and the answer.
pub(crate) type Entry = (u64, Vec<f64>);

/// An objective that tells again what its file knows, and writes down what it has to evaluate.
pub(crate) struct Logged<'l, O> {
    objective: &'l mut O,
    known: VecDeque<Entry>,
    /// Bytes of the file that were told again.
    told: u64,
    /// Of the one rank that writes.
    file: Option<File>,
    /// Evaluations that the file did not know.
    asked: &'l Cell<usize>,
    failure: Option<Error>,
}

impl<'l, O> Logged<'l, O> {
    /// Of what [`read`] has found.
    pub(crate) fn new(
        objective: &'l mut O, known: Vec<Entry>, file: Option<File>, asked: &'l Cell<usize>,
    ) -> Self {
        Self { objective, known: known.into(), told: 0, file, asked, failure: None }
    }
}

impl<O: Objective<f64>> Logged<'_, O> {
    /// What is known of a point, or what `ask` finds out; `length` numbers that are none where that fails.
    fn tell(
        &mut self, kind: u64, x: &DVector<f64>, length: usize, ask: impl FnOnce(&mut O, &mut [f64]),
    ) -> Vec<f64> {
        let question = hash(std::iter::once(kind).chain(x.iter().map(|x| x.to_bits())));
        let mut answer = vec![f64::NAN; length];
        if let Some((known, numbers)) = self.known.pop_front() {
            if (known, numbers.len()) == (question, length) {
                self.told += bytes(length);
                return numbers;
            }
            // a run that is stopped evaluates its last point once more: what comes behind is another run's
            self.known.clear();
            let cut = self.file.as_ref().map_or(Ok(()), |file| file.set_len(self.told));
            self.failure = cut.as_ref().err().map(failed);
        }
        ask(self.objective, &mut answer);
        self.asked.set(self.asked.get() + 1);
        self.failure = self.failure.take().or_else(|| self.objective.failure());
        if let (Some(file), None) = (&mut self.file, &self.failure) {
            self.failure = write(file, question, &answer).as_ref().err().map(failed);
        }
        answer
    }
}

fn failed(error: &io::Error) -> Error {
    Error::Failed { what: format!("the checkpoint: {error}") }
}

/// Of an entry with so many numbers.
fn bytes(length: usize) -> u64 {
    8 * (length as u64 + 3)
}

/// The question, how many numbers, these, and a hash of it all.
fn write(file: &mut File, question: u64, numbers: &[f64]) -> io::Result<()> {
    let mut words = vec![question, numbers.len() as u64];
    words.extend(numbers.iter().map(|x| x.to_bits()));
    words.push(hash(words.iter().copied()));
    file.write_all(&words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>())
}

/// What a file knows, and how many of its bytes say so: the end may be missing, where a run was stopped as it wrote; what
/// is damaged is an error.
pub(crate) fn read(path: &Path) -> io::Result<(Vec<Entry>, u64)> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let words: Vec<u64> = bytes.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let (mut known, mut rest) = (Vec::new(), &words[..]);
    while let [question, length, after @ ..] = rest {
        let Some((numbers, [check, after @ ..])) = after.split_at_checked(*length as usize) else { break };
        if hash([*question, *length].into_iter().chain(numbers.iter().copied())) != *check {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{} is damaged", path.display())));
        }
        known.push((*question, numbers.iter().map(|x| f64::from_bits(*x)).collect()));
        rest = after;
    }
    Ok((known, 8 * (words.len() - rest.len()) as u64))
}

/// Opens a file to go on behind what it knows.
pub(crate) fn go_on(path: &Path, bytes: u64) -> io::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    file.set_len(bytes)?;
    Ok(file)
}

/// Fowler, Noll and Vo's hash, word by word.
fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| {
        (hash ^ word ^ word >> 32).wrapping_mul(0x0100_0000_01b3).rotate_left(29)
    })
}

impl<O: Objective<f64>> Objective<f64> for Logged<'_, O> {
    fn dim(&self) -> usize {
        self.objective.dim()
    }

    fn value(&mut self, x: &DVector<f64>) -> f64 {
        self.tell(0, x, 1, |objective, answer| answer[0] = objective.value(x))[0]
    }

    fn value_gradient(&mut self, x: &DVector<f64>, gradient: &mut DVector<f64>) -> f64 {
        let answer = self.tell(1, x, 1 + x.len(), |objective, answer| {
            answer[0] = objective.value_gradient(x, gradient);
            answer[1..].copy_from_slice(gradient.as_slice());
        });
        gradient.copy_from_slice(&answer[1..]);
        answer[0]
    }

    fn is_convex(&self) -> bool {
        self.objective.is_convex()
    }

    fn recedes(&mut self, x: &DVector<f64>) -> Recession<f64> {
        self.objective.recedes(x)
    }

    fn failure(&mut self) -> Option<Error> {
        self.failure.take().or_else(|| self.objective.failure())
    }

    fn check(&self) -> Result<(), Error> {
        self.objective.check()
    }
}

impl<O: Hessian<f64>> Hessian<f64> for Logged<'_, O> {
    fn hessian(&mut self, x: &DVector<f64>, hessian: &mut DMatrix<f64>) {
        self.value_gradient_hessian(x, &mut DVector::zeros(x.len()), hessian);
    }

    fn value_gradient_hessian(
        &mut self, x: &DVector<f64>, gradient: &mut DVector<f64>, hessian: &mut DMatrix<f64>,
    ) -> f64 {
        let n = x.len();
        let answer = self.tell(2, x, 1 + n + n * n, |objective, answer| {
            answer[0] = objective.value_gradient_hessian(x, gradient, hessian);
            answer[1..=n].copy_from_slice(gradient.as_slice());
            answer[n + 1..].copy_from_slice(hessian.as_slice());
        });
        gradient.copy_from_slice(&answer[1..=n]);
        hessian.copy_from_slice(&answer[n + 1..]);
        answer[0]
    }
}

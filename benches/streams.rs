//! Samples beyond memory and over ranks: how much reading hides behind computing, how much memory it takes, and what a
//! second rank brings.
//!
//! ```text
//! cargo bench --bench streams -- made 10 1          Newton's method, 10 features, 1 GB made by a formula in each pass
//! cargo bench --bench streams -- file 50 1 t.bin    50 features, from a file of 1 GB that is written first
//! cargo bench --bench streams -- memory 50 1000000  a million samples in memory: peak beside the table
//! cargo bench --bench streams -- ranks 50 200000    one rank and two, each a thread
//! ```
//!
//! Beside the time that passed stands that of the processor, which does not depend on what else the machine does: of the
//! thread that computes, and of all others. Memory is the peak of the process.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

use gradus::nalgebra::{DMatrix, DMatrixView, DVector};
use gradus::{
    Activation, EmpiricalRisk, Error, Exchange, Hessian, LogLoss, Network, Newton, Objective,
    SigmoidClassifier, Stop, minimize,
};

type Failure = Box<dyn std::error::Error>;
type Block = (DMatrix<f64>, Vec<usize>);

/// Samples of a block.
const BLOCK: usize = 2048;

/// A number after some words in a file that Linux keeps.
fn told(file: &str, after: &str, place: usize) -> f64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let rest = text.split_once(after).map_or("", |(_, rest)| rest);
    rest.split_whitespace().nth(place).and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

/// Megabytes at the peak.
fn peak() -> f64 {
    told("/proc/self/status", "VmHWM:", 0) / 1e3
}

/// Seconds that passed, of this thread, and of the whole process.
#[derive(Clone, Copy)]
struct Seconds {
    wall: f64,
    mine: f64,
    all: f64,
}

impl Seconds {
    fn times(self, share: f64) -> Self {
        Self { wall: self.wall * share, mine: self.mine * share, all: self.all * share }
    }
}

fn time(run: impl FnOnce() -> Result<(), Error>) -> Result<Seconds, Error> {
    let mine = || told("/proc/thread-self/schedstat", "", 0) / 1e9;
    let all = || (11..13).map(|place| told("/proc/self/stat", ")", place)).sum::<f64>() / 100.0;
    let before = (Instant::now(), mine(), all());
    run()?;
    Ok(Seconds { wall: before.0.elapsed().as_secs_f64(), mine: mine() - before.1, all: all() - before.2 })
}

/// The samples of one block: features next to zero, labels by a rule that noise blurs.
fn make(p: usize, number: usize) -> Block {
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 * (2.0 / (1_u64 << 53) as f64) - 1.0
    };
    let x = DMatrix::from_fn(p, BLOCK, |_, _| draw());
    let labels = x.column_iter().map(|x| usize::from(x[0] - x[p - 1] + draw() > 0.0)).collect();
    (x, labels)
}

/// The same from a file, a sample after the other: its features, then its label.
fn read(file: &mut impl Read, p: usize) -> std::io::Result<Block> {
    let mut bytes = vec![0; BLOCK * (p + 1) * 8];
    file.read_exact(&mut bytes)?;
    let numbers: Vec<f64> = bytes.as_chunks().0.iter().map(|x| f64::from_le_bytes(*x)).collect();
    let table = DMatrixView::from_slice(&numbers, p + 1, BLOCK);
    Ok((table.rows(0, p).clone_owned(), table.row(p).iter().map(|label| *label as usize).collect()))
}

/// Five steps of Newton's method, with its verdict.
fn newton(mut risk: EmpiricalRisk<'_, f64, SigmoidClassifier, LogLoss>) -> Result<(), Error> {
    let start = DVector::zeros(risk.dim());
    let report = minimize(&mut Newton::new(), &mut risk, start, &Stop::default().iterations(5))?;
    report.failure.map_or(Ok(()), Err)
}

/// What a pass sums up.
const SUMS: [&str; 3] = ["value", "gradient", "Hessian"];

/// Two passes for each sum, after one that makes the buffers.
fn sums(risk: &mut EmpiricalRisk<'_, f64, SigmoidClassifier, LogLoss>) -> Result<[Seconds; 3], Error> {
    let p = risk.dim();
    let (theta, mut g, mut h) = (DVector::zeros(p), DVector::zeros(p), DMatrix::zeros(p, p));
    risk.value_gradient_hessian(&theta, &mut g, &mut h);
    let times = [
        time(|| {
            (0..2).for_each(|_| _ = black_box(risk.value(black_box(&theta))));
            Ok(())
        })?,
        time(|| {
            (0..2).for_each(|_| _ = black_box(risk.value_gradient(black_box(&theta), &mut g)));
            Ok(())
        })?,
        time(|| {
            (0..2)
                .for_each(|_| _ = black_box(risk.value_gradient_hessian(black_box(&theta), &mut g, &mut h)));
            Ok(())
        })?,
    ];
    risk.failure().map_or(Ok(times.map(|both| both.times(0.5))), Err)
}

/// Passes over a stream, reading alone, and computing alone, of as many samples as fit into 128 MB; then a run.
fn stream<I: Iterator<Item = io::Result<Block>>>(
    what: &str, p: usize, count: usize, open: impl Fn() -> I + Sync,
) -> Result<(), Failure> {
    let passes = AtomicUsize::new(0);
    let blocks = || {
        passes.fetch_add(1, Ordering::Relaxed);
        open()
    };
    let model = SigmoidClassifier::new(p);
    println!("{what}, {p} features, {:.2} GB", (count * BLOCK * p * 8) as f64 / 1e9);
    let streamed = sums(&mut EmpiricalRisk::from_stream(model, LogLoss, &blocks)?)?;
    let most = peak();
    let reading = time(|| {
        open().for_each(|block| drop(black_box(block)));
        Ok(())
    })?;
    let part = count.min((128 << 20) / (BLOCK * p * 8));
    let some: Vec<Block> = open().take(part).collect::<io::Result<_>>()?;
    let x = DMatrix::from_iterator(p, part * BLOCK, some.iter().flat_map(|(x, _)| x.iter().copied()));
    let labels: Vec<usize> = some.into_iter().flat_map(|(_, labels)| labels).collect();
    let computing = sums(&mut EmpiricalRisk::new(model, LogLoss, &x, &labels)?)?;
    for (sum, (streamed, computing)) in SUMS.iter().zip(streamed.iter().zip(computing)) {
        let computing = computing.times(count as f64 / part as f64);
        println!(
            "  {sum:9} {:6.2} s a pass; reading alone {:.2}, computing alone {:.2}: {:.2} × the slower",
            streamed.wall,
            reading.wall,
            computing.wall,
            streamed.wall / reading.wall.max(computing.wall)
        );
    }
    drop((x, labels));
    passes.store(0, Ordering::Relaxed);
    let run = time(|| newton(EmpiricalRisk::from_stream(model, LogLoss, &blocks)?))?;
    let busier = run.mine.max(run.all - run.mine);
    println!(
        "  five steps of Newton's method, with the verdict: {:.1} s, {busier:.1} of the busier thread, {} passes",
        run.wall,
        passes.into_inner()
    );
    println!("  peak of the passes over the stream {most:.0} MB");
    Ok(())
}

fn made(p: usize, gigabytes: f64) -> Result<(), Failure> {
    let count = blocks_of(p, gigabytes);
    stream("made on the fly", p, count, || (0..count).map(|number| Ok(make(p, number))))
}

fn from_file(p: usize, gigabytes: f64, path: &str) -> Result<(), Failure> {
    let count = blocks_of(p, gigabytes);
    let mut file = BufWriter::new(File::create(path)?);
    for number in 0..count {
        let (x, labels) = make(p, number);
        for (x, label) in x.column_iter().zip(labels) {
            x.iter().chain([&(label as f64)]).try_for_each(|x| file.write_all(&x.to_le_bytes()))?;
        }
    }
    file.flush()?;
    stream("from a file", p, count, || {
        let mut file = File::open(path).map(BufReader::new);
        (0..count).map(move |_| read(file.as_mut().map_err(|error| io::Error::from(error.kind()))?, p))
    })?;
    Ok(fs::remove_file(path)?)
}

fn blocks_of(p: usize, gigabytes: f64) -> usize {
    ((gigabytes * 1e9 / (BLOCK * p * 8) as f64) as usize).max(1)
}

/// A whole fit, beside the table that it borrows.
fn memory(p: usize, m: usize) -> Result<(), Failure> {
    let mut x = DMatrix::zeros(p, m);
    let mut labels = Vec::with_capacity(m);
    for start in (0..m).step_by(BLOCK) {
        let (block, some) = make(p, start / BLOCK);
        let width = BLOCK.min(m - start);
        x.columns_mut(start, width).copy_from(&block.columns(0, width));
        labels.extend_from_slice(&some[..width]);
    }
    let (table, before) = ((size_of_val(x.as_slice()) + size_of_val(&labels[..])) as f64 / 1e6, peak());
    let fit = time(|| SigmoidClassifier::new(p).fit(&x, &labels).map(|_| ()))?;
    println!(
        "in memory, {m} × {p}: table {table:.0} MB, peak {before:.0} MB before and {:.0} after a fit",
        peak()
    );
    println!("  {:.3} × the table; {:.2} s", peak() / table, fit.wall);
    Ok(())
}

/// Two threads that wait for each other.
struct Table {
    meet: Barrier,
    given: Mutex<[Vec<u8>; 2]>,
}

struct Seat<'t>(usize, &'t Table);

impl Exchange for Seat<'_> {
    fn rank(&self) -> usize {
        self.0
    }

    fn size(&self) -> usize {
        2
    }

    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let given = || self.1.given.lock().expect("no panic");
        given()[self.0] = mine.to_vec();
        self.1.meet.wait();
        let all = given().to_vec();
        self.1.meet.wait();
        Ok(all)
    }
}

/// Hessians of a logistic regression and of a network, on one rank and on two.
fn ranks(p: usize, m: usize) -> Result<(), Failure> {
    let (x, labels): (Vec<_>, Vec<_>) = (0..m.div_ceil(BLOCK)).map(|number| make(p, number)).unzip();
    let (x, labels) =
        (DMatrix::from_iterator(p, x.len() * BLOCK, x.iter().flatten().copied()), labels.concat());
    let network = Network::new(&[p, 4, 1], Activation::Tanh);
    let theta = network.initial(1);
    let model = SigmoidClassifier::new(p);
    let both = |seat: Option<&Seat<'_>>| {
        let half = labels.len() / 2;
        let mine = seat.map_or(0..labels.len(), |seat| [0..half, half..labels.len()][seat.0].clone());
        let (x, y) = (x.columns_range(mine.clone()), &labels[mine]);
        let logistic = EmpiricalRisk::new(model, LogLoss, x, y)?;
        let network = EmpiricalRisk::new(network.clone(), LogLoss, x, y)?;
        Ok::<_, Error>(match seat {
            Some(seat) => {
                let logistic = hessians(logistic.over(seat)?, &DVector::zeros(p + 1))?;
                (logistic, hessians(network.over(seat)?, &theta)?)
            }
            None => (hessians(logistic, &DVector::zeros(p + 1))?, hessians(network, &theta)?),
        })
    };
    let alone = both(None)?;
    let table = Table { meet: Barrier::new(2), given: Mutex::default() };
    let (first, second) = thread::scope(|scope| {
        let second = scope.spawn(|| both(Some(&Seat(1, &table))));
        (both(Some(&Seat(0, &table))), second.join().expect("no panic"))
    });
    let (first, second) = (first?, second?);
    let tell = |what: &str, one: Seconds, first: Seconds, second: Seconds| {
        println!(
            "{what}, {m} × {p}: one rank {:.3} s ({:.3}), two {:.3} ({:.3} and {:.3}): {:.2} × by the clock, {:.2} × by the busier",
            one.wall,
            one.mine,
            first.wall,
            first.mine,
            second.mine,
            one.wall / first.wall,
            one.mine / first.mine.max(second.mine)
        );
    };
    tell("Hessians of a logistic regression", alone.0, first.0, second.0);
    tell("Hessians of a network", alone.1, first.1, second.1);
    Ok(())
}

/// Five Hessians, after one that makes the buffers.
fn hessians<O: Hessian<f64>>(mut risk: O, theta: &DVector<f64>) -> Result<Seconds, Error> {
    let p = theta.len();
    let (mut g, mut h) = (DVector::zeros(p), DMatrix::zeros(p, p));
    risk.value_gradient_hessian(theta, &mut g, &mut h);
    time(|| {
        for _ in 0..5 {
            risk.value_gradient_hessian(black_box(theta), &mut g, &mut h);
        }
        risk.failure().map_or(Ok(()), Err)
    })
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match &arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["made", p, gigabytes] => made(p.parse()?, gigabytes.parse()?),
        ["file", p, gigabytes, path] => from_file(p.parse()?, gigabytes.parse()?, path),
        ["memory", p, m] => memory(p.parse()?, m.parse()?),
        ["ranks", p, m] => ranks(p.parse()?, m.parse()?),
        _ => {
            made(10, 0.1)?;
            made(50, 0.1)?;
            memory(50, 100_000)?;
            ranks(50, 50_000)
        }
    }
}

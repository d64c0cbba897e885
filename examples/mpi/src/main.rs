//! Fits of a table that no rank holds as a whole: each reads its share of a file, and MPI carries the sums.

use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::path::Path;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{
    Activation, EmpiricalRisk, Error, Exchange, Lbfgs, LogLoss, Network, Newton, Objective, Optimizer,
    Report, SigmoidClassifier, Stop, Termination, TrustRegion, minimize_with,
};
use log::Logged;
use mpi::datatype::PartitionMut;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator, CommunicatorCollectives};

mod log;

type Failure = Box<dyn std::error::Error>;

/// All processes that `mpirun` has started.
struct World;

impl Exchange for World {
    fn rank(&self) -> usize {
        SimpleCommunicator::world().rank() as usize
    }

    fn size(&self) -> usize {
        SimpleCommunicator::world().size() as usize
    }

    fn gather(&self, mine: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
        let world = SimpleCommunicator::world();
        let too_much = |_| Error::Failed { what: "a message of more than 2 GB".into() };
        // Open MPI refuses buffers without a byte
        let mine = [&[0], mine].concat();
        let length = i32::try_from(mine.len()).map_err(too_much)?;
        let mut lengths = vec![0; self.size()];
        world.all_gather_into(&length, &mut lengths[..]);
        let starts: Vec<i32> =
            lengths.iter().scan(0, |end, length| Some(std::mem::replace(end, *end + length))).collect();
        let mut all = vec![0; lengths.iter().map(|length| *length as usize).sum()];
        world.all_gather_varcount_into(
            &mine[..],
            &mut PartitionMut::new(&mut all[..], &lengths[..], &starts[..]),
        );
        let part =
            |(start, length): (&i32, &i32)| all[*start as usize + 1..(start + length) as usize].to_vec();
        Ok(starts.iter().zip(&lengths).map(part).collect())
    }
}

const FEATURES: usize = 20;
const SAMPLES: usize = 200_000;
/// Samples of a block.
const BLOCK: usize = 4096;
/// Bytes of a sample: its features, then its label.
const SAMPLE: usize = 8 * (FEATURES + 1);

/// A table by a formula, sample after sample.
fn write_table(path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut state = 1_u64;
    let mut draw = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    for _ in 0..SAMPLES {
        let x: Vec<f64> = (0..FEATURES).map(|_| draw()).collect();
        let score: f64 = x.iter().enumerate().map(|(i, x)| x * (i as f64).sin()).sum();
        let label = f64::from(u8::from(score + 2.0 * draw() > 0.0));
        for number in x.iter().chain([&label]) {
            file.write_all(&number.to_le_bytes())?;
        }
    }
    file.flush()
}

/// Blocks of some of the samples of a file.
fn read(path: &Path, range: Range<usize>) -> impl Iterator<Item = io::Result<(DMatrix<f64>, Vec<f64>)>> {
    let begin = |path: &Path, start: usize| {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start((start * SAMPLE) as u64))?;
        Ok::<_, io::Error>(file)
    };
    let mut file = begin(path, range.start);
    range.clone().step_by(BLOCK).map(move |start| {
        let file = file.as_mut().map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        let mut bytes = vec![0; BLOCK.min(range.end - start) * SAMPLE];
        file.read_exact(&mut bytes)?;
        let numbers = bytes.as_chunks().0.iter().map(|number| f64::from_le_bytes(*number));
        let table = DMatrix::from_iterator(FEATURES + 1, bytes.len() / SAMPLE, numbers);
        Ok((table.rows(0, FEATURES).clone_owned(), table.row(FEATURES).iter().copied().collect()))
    })
}

/// A method whose evaluations are kept in a file, until that many have gone through the table.
fn run<O: Objective<f64>, P: for<'l> Optimizer<f64, Logged<'l, O>>>(
    mut method: P, risk: &mut O, start: DVector<f64>, stop: &Stop<f64>, (saved, most): (&Path, usize),
) -> Result<Report<f64>, Failure> {
    let (known, bytes) = log::read(saved)?;
    World.gather(&[])?; // all have read it
    let file = if World.rank() == 0 { Some(log::go_on(saved, bytes)?) } else { None };
    let asked = Cell::new(0);
    let mut logged = Logged::new(risk, known, file, &asked);
    let report = minimize_with(&mut method, &mut logged, start, stop, |_, _| match asked.get() < most {
        true => ControlFlow::Continue(()),
        false => ControlFlow::Break(()),
    })?;
    match report.termination {
        Termination::Stopped => Err("stopped as asked: run again to go on".into()),
        _ => Ok(report),
    }
}

/// Ending, value and a hash of the point: the same lines for any number of ranks.
fn tell(name: &str, report: &Report<f64>) {
    let bits = report.x.iter().flat_map(|x| x.to_le_bytes());
    let hash = bits.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if World.rank() == 0 {
        println!("{name:<12} {} value {:016x} point {hash:016x}", report.termination, report.value.to_bits());
    }
}

/// Where the first argument says: the table, and what was evaluated beside it.
fn fit() -> Result<(), Failure> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "target/table.bin".into());
    let most = std::env::args().nth(2).map_or(Ok(usize::MAX), |most| most.parse())?;
    let path = Path::new(&path);
    let (rank, size) = (World.rank(), World.size());
    let is_there = fs::metadata(path).is_ok_and(|file| file.len() == (SAMPLES * SAMPLE) as u64);
    World.gather(&[])?; // all have looked
    if rank == 0 && !is_there {
        write_table(path)?;
    }
    World.gather(&[])?;

    let mine = rank * SAMPLES / size..(rank + 1) * SAMPLES / size;
    let blocks = || read(path, mine.clone());
    let risk = EmpiricalRisk::from_stream(SigmoidClassifier::new(FEATURES), LogLoss, &blocks)?;
    let mut risk = risk.over(&World)?;
    let saved = |name: &str| path.with_extension(name);
    let (start, stop) = (DVector::zeros(FEATURES + 1), Stop::default());
    let report = run(Newton::new(), &mut risk, start.clone(), &stop, (&saved("newton"), most))?;
    tell("newton", &report);
    tell("l-bfgs", &run(Lbfgs::new(), &mut risk, start, &stop, (&saved("l-bfgs"), most))?);

    let network = Network::new(&[FEATURES, 4, 1], Activation::Tanh);
    let start = network.initial(1);
    let risk = EmpiricalRisk::from_stream(network, LogLoss, &blocks)?;
    let (mut risk, stop) = (risk.over(&World)?.ridge(1e-3), stop.iterations(8));
    let report = run(TrustRegion::new(), &mut risk, start, &stop, (&saved("trust-region"), most))?;
    tell("trust region", &report);
    Ok(())
}

fn main() {
    let universe = mpi::initialize().expect("MPI is started once");
    if let Err(error) = fit() {
        eprintln!("rank {}: {error}", World.rank());
        universe.world().abort(1);
    }
}

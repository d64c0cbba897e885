//! One program that times the public API on seven workloads and prints a line of JSON per result, so that
//! the crate can stand in a table beside programs in other languages. The data come from a formula
//! (`common/nets.rs`, `yardstick/linear.rs`), and each result carries a number to compare: same work, or
//! not.
//!
//! ```text
//! cargo bench --bench yardstick -- ours w1,w2 --threads 1 --secs 0.25 --nets tiny,large --dtypes f32
//! ```
//!
//! w1 a training step; w2 inference; w3 logistic and w4 linear regression; w5 Hessians and their products;
//! w6 Newton and trust region; w8 wide, many-class and tall tables; w9 verdicts; w7 digits by Adam (`--data PREFIX` names `PREFIX.x.f32` and `PREFIX.y.u8`).

use std::fmt::{Display, Write};
use std::process::ExitCode;

use gradus::Real;

#[path = "common/nets.rs"]
mod nets;
#[path = "common/tables.rs"]
mod tables;
#[path = "common/timer.rs"]
mod timer;

use timer::Timing;
#[path = "yardstick/desk.rs"]
mod desk;
#[path = "yardstick/digits.rs"]
mod digits;
#[path = "common/functions.rs"]
#[expect(dead_code, reason = "the bowl stands in another bench")]
mod functions;
#[path = "yardstick/linear.rs"]
mod linear;
#[path = "yardstick/methods.rs"]
mod methods;
#[path = "yardstick/networks.rs"]
mod networks;

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Settings {
    name: String,
    workloads: Vec<String>,
    threads: usize,
    seconds: f64,
    nets: Vec<String>,
    scalars: Vec<String>,
    data: Option<String>,
}

impl Settings {
    /// `NAME WORKLOADS [--option VALUE]…`, each with a default.
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let list = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        let mut settings = Self {
            name: "ours".into(),
            workloads: list("w1,w2,w3,w4,w5,w6"),
            threads: 1,
            seconds: 0.25,
            nets: list("tiny,small,digits,mnist,large,classes,deep-classes"),
            scalars: list("f32,f64"),
            data: None,
        };
        let (mut arguments, mut position) = (arguments, 0);
        while let Some(argument) = arguments.next() {
            if argument == "--bench" {
                continue;
            }
            if argument.starts_with("--") {
                let value = arguments.next().ok_or_else(|| format!("{argument} needs a value"))?;
                let wrong = |e: &dyn Display| format!("{argument} {value}: {e}");
                match argument.as_str() {
                    "--threads" => settings.threads = value.parse().map_err(|e| wrong(&e))?,
                    "--secs" => settings.seconds = value.parse().map_err(|e| wrong(&e))?,
                    "--nets" => settings.nets = list(&value),
                    "--dtypes" => settings.scalars = list(&value),
                    "--data" => settings.data = Some(value),
                    _ => return Err(format!("unknown option {argument}")),
                }
            } else {
                match position {
                    0 => settings.name = argument,
                    1 => settings.workloads = list(&argument),
                    _ => return Err(format!("unexpected argument {argument}")),
                }
                position += 1;
            }
        }
        Ok(settings)
    }

    fn wants(&self, workload: &str) -> bool {
        self.workloads.iter().any(|w| w == workload)
    }

    fn nets(&self) -> impl Iterator<Item = nets::Net> {
        nets::NETS.into_iter().filter(|net| self.nets.iter().any(|name| name == net.name))
    }

    /// The start of a result's line.
    fn line<T: Real>(&self, workload: &str, case: &str) -> Line {
        let version = env!("CARGO_PKG_VERSION");
        Line(String::new())
            .text("peer", &self.name)
            .text("workload", workload)
            .text("case", case)
            .text("dtype", std::any::type_name::<T>())
            .text("version", version)
            .number("threads", self.threads as f64)
    }
}

/// One JSON object on one line.
#[derive(Debug)]
pub(crate) struct Line(String);

impl Line {
    fn field(mut self, key: &str, value: impl Display) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        write!(self.0, "{comma}\"{key}\":{value}").expect("a string takes any text");
        self
    }

    /// A string without quotes or control characters of its own.
    fn text(self, key: &str, value: &str) -> Self {
        self.field(key, format_args!("\"{value}\""))
    }

    /// A number, `null` if it is not finite.
    fn number(self, key: &str, value: f64) -> Self {
        if value.is_finite() { self.field(key, value) } else { self.field(key, "null") }
    }

    fn times(self, timing: Timing) -> Self {
        self.number("us", timing.median * 1e6).number("min_us", timing.least * 1e6)
    }

    fn print(self) {
        println!("{{{}}}", self.0);
    }
}

fn run(settings: &Settings) -> Result<(), Box<dyn std::error::Error>> {
    for scalar in &settings.scalars {
        match scalar.as_str() {
            "f32" => networks::run::<f32>(settings).and_then(|()| desk::run::<f32>(settings))?,
            "f64" => networks::run::<f64>(settings).and_then(|()| desk::run::<f64>(settings))?,
            other => return Err(format!("--dtypes {other}: expected f32 or f64").into()),
        }
    }
    if settings.wants("w3") {
        linear::logistic_regression(settings)?;
    }
    if settings.wants("w4") {
        linear::linear_regression(settings)?;
    }
    if settings.wants("w5") {
        networks::curvature(settings)?;
    }
    if settings.wants("w6") {
        methods::run(settings)?;
    }
    if settings.wants("w7") {
        digits::run(settings)?;
    }
    Ok(())
}

/// Runs in a pool of as many threads as asked for, where the crate can use them: a step that starts on one of the
/// pool's own threads need not wake another first.
fn run_in_pool(settings: &Settings) -> Result<(), String> {
    let run = || run(settings).map_err(|e| e.to_string());
    if cfg!(feature = "rayon") {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build();
        return pool.map_err(|e| e.to_string())?.install(run);
    }
    match settings.threads {
        1 => run(),
        found => Err(format!("--threads {found} needs the feature `rayon`")),
    }
}

fn main() -> ExitCode {
    if std::env::args().len() == 1 {
        // `cargo test --benches` asks only whether it starts
        println!("yardstick: `cargo bench --bench yardstick` runs it");
        return ExitCode::SUCCESS;
    }
    let settings = Settings::parse(std::env::args().skip(1));
    let result = settings.and_then(|settings| run_in_pool(&settings));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("yardstick: {message}");
            ExitCode::FAILURE
        }
    }
}

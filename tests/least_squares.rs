//! Nonlinear least squares on NIST's Statistical Reference Datasets, from both starts of each.

use std::path::Path;

use gradus::least_squares::{GaussNewton, LeastSquares, LevenbergMarquardt, Residuals};
use gradus::nalgebra::{DMatrix, DVector};
use gradus::*;
use num_dual::{Dual64, DualNum};

/// A data set: rows of response and predictors, two starts, certified parameters.
struct Set {
    name: String,
    starts: [Vec<f64>; 2],
    certified: Vec<f64>,
    rows: Vec<Vec<f64>>,
}

/// The thirteen sets in files.
fn filed() -> Vec<Set> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/nist");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|path| parse(path)).collect()
}

fn parse(path: &Path) -> Set {
    let text = std::fs::read_to_string(path).unwrap();
    let numbers = |line: &str| line.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>();
    let (mut starts, mut certified) = ([Vec::new(), Vec::new()], Vec::new());
    for line in text.lines().filter(|line| line.trim_start().starts_with('b')) {
        if let Some((_, values)) = line.split_once('=')
            && let Ok([first, second, value, _]) = numbers(values).as_deref()
        {
            starts[0].push(*first);
            starts[1].push(*second);
            certified.push(*value);
        }
    }
    let data = text.rfind("Data:").unwrap();
    let rows =
        text[data..].lines().skip(1).filter_map(|line| numbers(line).ok().filter(|row| !row.is_empty()));
    let name = path.file_stem().unwrap().to_str().unwrap().into();
    Set { name, starts, certified, rows: rows.collect() }
}

/// Sets small enough to stand here.
fn written() -> Vec<Set> {
    let set = |name: &str, starts: [&[f64]; 2], certified: &[f64], rows: Vec<Vec<f64>>| Set {
        name: name.into(),
        starts: starts.map(<[f64]>::to_vec),
        certified: certified.to_vec(),
        rows,
    };
    let pairs = |y: &[f64], x: &[f64]| y.iter().zip(x).map(|(&y, &x)| vec![y, x]).collect::<Vec<_>>();
    let misra = filed().into_iter().find(|set| set.name == "Misra1a").unwrap().rows;
    let decay = |digits: i32| {
        let points = (0..24).map(|i| 0.05 * f64::from(i));
        let sum = |x: f64| 0.0951 * (-x).exp() + 0.8607 * (-3.0 * x).exp() + 1.5576 * (-5.0 * x).exp();
        points.map(|x| vec![format!("{:.*e}", (digits - 1) as usize, sum(x)).parse().unwrap(), x]).collect()
    };
    let lanczos: [&[f64]; 2] = [&[1.2, 0.3, 5.6, 5.5, 6.5, 7.6], &[0.5, 0.7, 3.6, 4.2, 4.0, 6.3]];
    vec![
        set(
            "Misra1c",
            [&[500.0, 0.0001], &[600.0, 0.0002]],
            &[6.3642725809e2, 2.0813627256e-4],
            misra.clone(),
        ),
        set("Misra1d", [&[500.0, 0.0001], &[450.0, 0.0003]], &[4.3736970754e2, 3.0227324449e-4], misra),
        set(
            "Rat43",
            [&[100.0, 10.0, 1.0, 1.0], &[700.0, 5.0, 0.75, 1.3]],
            &[6.9964151270e2, 5.2771253025, 7.5962938329e-1, 1.2792483859],
            pairs(
                &[
                    16.08, 33.83, 65.80, 97.20, 191.55, 326.20, 386.87, 520.53, 590.03, 651.92, 724.93,
                    699.56, 689.96, 637.56, 717.41,
                ],
                &(1..=15).map(f64::from).collect::<Vec<_>>(),
            ),
        ),
        set(
            "Eckerle4",
            [&[1.0, 10.0, 500.0], &[1.5, 5.0, 450.0]],
            &[1.5543827178, 4.0888321754, 4.5154121844e2],
            pairs(
                &[
                    0.0001575, 0.0001699, 0.0002350, 0.0003102, 0.0004917, 0.0008710, 0.0017418, 0.0046400,
                    0.0065895, 0.0097302, 0.0149002, 0.0237310, 0.0401683, 0.0712559, 0.1264458, 0.2073413,
                    0.2902366, 0.3445623, 0.3698049, 0.3668534, 0.3106727, 0.2078154, 0.1164354, 0.0616764,
                    0.0337200, 0.0194023, 0.0117831, 0.0074357, 0.0022732, 0.0008800, 0.0004579, 0.0002345,
                    0.0001586, 0.0001143, 0.0000710,
                ],
                &[
                    400.0, 405.0, 410.0, 415.0, 420.0, 425.0, 430.0, 435.0, 436.5, 438.0, 439.5, 441.0,
                    442.5, 444.0, 445.5, 447.0, 448.5, 450.0, 451.5, 453.0, 454.5, 456.0, 457.5, 459.0,
                    460.5, 462.0, 463.5, 465.0, 470.0, 475.0, 480.0, 485.0, 490.0, 495.0, 500.0,
                ],
            ),
        ),
        set(
            "MGH09",
            [&[25.0, 39.0, 41.5, 39.0], &[0.25, 0.39, 0.415, 0.39]],
            &[1.9280693458e-1, 1.9128232873e-1, 1.2305650693e-1, 1.3606233068e-1],
            pairs(
                &[0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246],
                &[4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625],
            ),
        ),
        set(
            "MGH10",
            [&[2.0, 400_000.0, 25_000.0], &[0.02, 4000.0, 250.0]],
            &[5.6096364710e-3, 6.1813463463e3, 3.4522363462e2],
            pairs(
                &[
                    34780.0, 28610.0, 23650.0, 19630.0, 16370.0, 13720.0, 11540.0, 9744.0, 8261.0, 7030.0,
                    6005.0, 5147.0, 4427.0, 3820.0, 3307.0, 2872.0,
                ],
                &(0..16).map(|i| 50.0 + 5.0 * f64::from(i)).collect::<Vec<_>>(),
            ),
        ),
        set(
            "Lanczos1",
            lanczos,
            &[9.5100000027e-2, 1.0000000001, 8.6070000013e-1, 3.0000000002, 1.5575999998, 5.0000000001],
            decay(14),
        ),
        set(
            "Lanczos2",
            lanczos,
            &[9.6251029939e-2, 1.0057332849, 8.6424689056e-1, 3.0078283915, 1.5529016879, 5.0028798100],
            decay(6),
        ),
    ]
}

/// The models, as NIST states them, of any number.
fn model<D: DualNum<Primitive = f64> + Copy>(name: &str, b: &[D], x: &[f64]) -> D {
    let t = x[0];
    let gauss = |height: D, centre: D, width: D| height * (-((-centre + t) / width).powi(2)).exp();
    match name {
        "BoxBOD" | "Misra1a" => b[0] * (-(-b[1] * t).exp() + 1.0),
        "Chwirut1" | "Chwirut2" => (-b[0] * t).exp() / (b[1] + b[2] * t),
        "DanWood" => b[0] * (b[1] * t.ln()).exp(),
        "Gauss1" => b[0] * (-b[1] * t).exp() + gauss(b[2], b[3], b[4]) + gauss(b[5], b[6], b[7]),
        "Kirby2" => (b[0] + b[1] * t + b[2] * (t * t)) / (b[3] * t + b[4] * (t * t) + 1.0),
        "Lanczos1" | "Lanczos2" | "Lanczos3" => {
            b[0] * (-b[1] * t).exp() + b[2] * (-b[3] * t).exp() + b[4] * (-b[5] * t).exp()
        }
        "MGH09" => b[0] * (b[1] * t + t * t) / (b[2] * t + b[3] + t * t),
        "MGH10" => b[0] * (b[1] / (b[2] + t)).exp(),
        "MGH17" => b[0] + b[1] * (-b[3] * t).exp() + b[2] * (-b[4] * t).exp(),
        "Misra1b" => b[0] * (-(b[1] * (t / 2.0) + 1.0).powi(-2) + 1.0),
        "Misra1c" => b[0] * (-(b[1] * (2.0 * t) + 1.0).sqrt().recip() + 1.0),
        "Misra1d" => b[0] * b[1] * t / (b[1] * t + 1.0),
        "Nelson" => b[0] - b[1] * t * (-b[2] * x[1]).exp(),
        "Rat42" => b[0] / ((b[1] - b[2] * t).exp() + 1.0),
        "Rat43" => b[0] / ((b[1] - b[2] * t).exp() + 1.0).powd(b[3].recip()),
        "Eckerle4" => b[0] / b[1] * (((-b[2] + t) / b[1]).powi(2) * -0.5).exp(),
        "Roszman1" => b[0] - b[1] * t - (b[2] / (-b[3] + t)).atan() / std::f64::consts::PI,
        "Thurber" => {
            let (t2, t3) = (t * t, t * t * t);
            (b[0] + b[1] * t + b[2] * t2 + b[3] * t3) / (b[4] * t + b[5] * t2 + b[6] * t3 + 1.0)
        }
        _ => unreachable!("{name}"),
    }
}

/// Residuals as a user would write them; the Jacobian by dual numbers.
impl Residuals<f64> for &Set {
    fn dim(&self) -> usize {
        self.certified.len()
    }
    fn count(&self) -> usize {
        self.rows.len()
    }
    fn residuals(&mut self, b: &DVector<f64>, r: &mut DVector<f64>) {
        for (r, row) in r.iter_mut().zip(&self.rows) {
            let y = if self.name == "Nelson" { row[0].ln() } else { row[0] };
            *r = model(&self.name, b.as_slice(), &row[1..]) - y;
        }
    }
    fn jacobian(&mut self, b: &DVector<f64>, j: &mut DMatrix<f64>) {
        let mut dual: Vec<_> = b.iter().map(|&b| Dual64::from(b)).collect();
        for (k, mut column) in j.column_iter_mut().enumerate() {
            dual[k].eps = 1.0;
            for (j, row) in column.iter_mut().zip(&self.rows) {
                *j = model(&self.name, &dual, &row[1..]).eps;
            }
            dual[k].eps = 0.0;
        }
    }
}

/// The digits in agreement: the least over the parameters, eleven at the most, as NIST certifies them.
fn digits(found: &DVector<f64>, certified: &[f64]) -> f64 {
    let each = found.iter().zip(certified).map(|(x, c)| -((x - c) / c).abs().log10());
    each.fold(11.0, |least, digits| if digits < least { digits } else { least })
}

#[test]
#[ignore]
fn explore() {
    for (method, gn) in [("LM", false), ("GN", true)] {
        let (mut good, mut fair, mut all) = (0, 0, 0);
        for set in filed().iter().chain(&written()) {
            for start in &set.starts {
                let factor = std::env::var("FACTOR").map_or(1.0, |f| f.parse().unwrap());
                let start = DVector::from_vec(start.clone());
                let report = if gn {
                    GaussNewton::new().solve(set, start)
                } else {
                    LevenbergMarquardt::new().factor(factor).solve(set, start)
                };
                all += 1;
                match report {
                    Ok(r) => {
                        let d = digits(&r.x, &set.certified);
                        good += usize::from(d >= 8.0);
                        fair += usize::from(d >= 6.0);
                        let o = LeastSquares::new(set).offset(&r.x).unwrap();
                        println!(
                            "{method} {} {d:.2} conv {} {} it {} ev {} cos {:e} step {:e}",
                            set.name,
                            r.converged(),
                            r.termination,
                            r.iterations,
                            r.evaluations,
                            o.cosine,
                            o.step
                        );
                    }
                    Err(e) => println!("{method} {}: {e}", set.name),
                }
            }
        }
        println!("{method}: {fair} at 6, {good} at 8 of {all}");
    }
}

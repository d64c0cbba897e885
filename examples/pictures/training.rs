//! Decision boundaries and losses while networks train.

use std::f64::consts::PI;

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Activation, Adam, EmpiricalRisk, Error, Fitted, LogLoss, Network, Optimizer};

use crate::svg::{BLUE, Frame, GREY, ORANGE, Point, Svg};

struct Job {
    title: &'static str,
    network: Network,
    points: Vec<Point>,
    labels: Vec<usize>,
    reach: f64,
    shown: [usize; 4],
    rate: f64,
}

/// The corners of a square: exclusive or.
pub(crate) fn exclusive_or() -> Result<String, Error> {
    draw(&Job {
        title: "Exclusive or: decision boundary and loss of a 2-4-1 network as it trains",
        network: Network::new(&[2, 4, 1], Activation::Tanh),
        points: vec![[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]],
        labels: vec![0, 1, 1, 0],
        reach: 1.5,
        shown: [0, 40, 120, 400],
        rate: 0.02,
    })
}

/// Two spirals of 100 points each, one turn and a half.
pub(crate) fn spirals() -> Result<String, Error> {
    let arm = |class: usize| {
        (0..100).map(move |j| {
            let share = 0.08 + 0.92 * f64::from(j) / 99.0;
            let angle = 3.0 * PI * share + PI * class as f64;
            [share * angle.cos(), share * angle.sin()]
        })
    };
    draw(&Job {
        title: "Two spirals: decision boundary and loss of a 2-32-32-1 network as it trains",
        network: Network::new(&[2, 32, 32, 1], Activation::Tanh),
        points: arm(0).chain(arm(1)).collect(),
        labels: (0..200).map(|j| j / 100).collect(),
        reach: 1.15,
        shown: [0, 100, 400, 1500],
        rate: 0.01,
    })
}

/// Trains with all samples at once; four boundaries, and the loss of every step.
fn draw(job: &Job) -> Result<String, Error> {
    let mut svg = Svg::new(job.title, 720, 400);
    let x = DMatrix::from_fn(2, job.points.len(), |i, j| job.points[j][i]);
    let mut risk = EmpiricalRisk::new(job.network.clone(), LogLoss, &x, &job.labels)?;
    let (mut theta, mut adam) = (job.network.initial(1), Adam::new(job.rate));
    let mut losses = Vec::new();
    for step in 0..=job.shown[3] {
        if let Some(k) = job.shown.iter().position(|&shown| shown == step) {
            let low = if job.reach > 1.2 { 1.0 - job.reach } else { -job.reach };
            let range = [low, job.reach];
            let corner = [20.0 + 175.0 * k as f64, 30.0];
            let frame = Frame { corner, size: [155.0, 155.0], x: range, y: range };
            boundary(&mut svg, frame, job, theta.clone())?;
            frame.axes(&mut svg, &format!("after {step} steps"), &[], &[]);
        }
        losses.push(adam.step(&mut risk, &mut theta)?.value);
    }
    let last = job.shown[3] as f64;
    let frame = Frame { corner: [60.0, 225.0], size: [630.0, 130.0], x: [0.0, last], y: [0.0, 0.8] };
    svg.stroke(&frame.line(losses.iter().enumerate().map(|(k, loss)| [k as f64, *loss])), BLUE, 1.8);
    let shown = job.shown.map(|step| [step as f64, losses[step]]);
    svg.stroke(&frame.dots(shown), BLUE, 7.0);
    let ticks: Vec<f64> = job.shown.iter().map(|&step| step as f64).collect();
    frame.axes(&mut svg, "log loss by step", &ticks, &[0.0, 0.25, 0.5, 0.75]);
    println!("{}: loss {:.4}", job.title, losses[job.shown[3]]);
    Ok(svg.finish())
}

/// Regions by the class predicted, the line of probability ½, and the samples.
fn boundary(svg: &mut Svg, frame: Frame, job: &Job, theta: DVector<f64>) -> Result<(), Error> {
    const N: usize = 78;
    let fitted = Fitted::from_parameters(job.network.clone(), LogLoss, theta)?;
    let grid = DMatrix::from_fn(2, N * N, |i, pixel| frame.pixel(N, pixel % N, pixel / N)[i]);
    let scores = fitted.scores(&grid)?;
    let height = 155.0 / N as f64 + 0.1;
    svg.fill(&frame.all(), "#d3e2f3", 1.0);
    svg.runs(&frame.region(N, |i, j| scores[j * N + i] >= 0.0), "#f6d9c2", height);
    let score = |[x, y]: Point| {
        let one = DMatrix::from_column_slice(2, 1, &[x, y]);
        fitted.scores(&one).map_or(f64::NAN, |z| z[0])
    };
    svg.stroke(&frame.contour(60, 0.0, score), GREY, 1.4);
    let size = if job.points.len() > 10 { 4.0 } else { 9.0 };
    for (class, colour) in [(0, BLUE), (1, ORANGE)] {
        let members = job.points.iter().zip(&job.labels).filter(|(_, label)| **label == class);
        svg.stroke(&frame.dots(members.map(|(point, _)| *point)), colour, size);
    }
    Ok(())
}

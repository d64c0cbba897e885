//! Newton's method, what it walks on, and where it ends.

use gradus::nalgebra::{DMatrix, DVector, SymmetricEigen};
use gradus::{
    Activation, CriticalKind, Error, Function, Hessian, Newton, Objective, Optimizer, Stop, minimize, vector,
};

use crate::svg::{BLUE, Frame, GREEN, GREY, ORANGE, PALE, Point, RED, Svg, line};

/// `x⁴ + 0.8y⁴ + 4x² + 2yᵖ − xy − 0.2x²y`: example A with `p = 2`, example B with `p = 3`.
fn example(p: i32) -> impl Hessian<f64> {
    let power = f64::from(p);
    let f = Function::new(2, move |v: &DVector<f64>, g: &mut DVector<f64>| {
        let (x, y) = (v[0], v[1]);
        g[0] = 4.0 * x.powi(3) + 8.0 * x - y - 0.4 * x * y;
        g[1] = 3.2 * y.powi(3) + 2.0 * power * y.powi(p - 1) - x - 0.2 * x * x;
        x.powi(4) + 0.8 * y.powi(4) + 4.0 * x * x + 2.0 * y.powi(p) - x * y - 0.2 * x * x * y
    });
    f.with_hessian(move |v: &DVector<f64>, h: &mut DMatrix<f64>| {
        let (x, y) = (v[0], v[1]);
        let mixed = -1.0 - 0.4 * x;
        let second = 9.6 * y * y + 2.0 * power * (power - 1.0) * y.powi(p - 2);
        h.copy_from_slice(&[12.0 * x * x + 8.0 - 0.4 * y, mixed, mixed, second]);
    })
}

fn value(p: i32, [x, y]: Point) -> f64 {
    example(p).value(&vector![x, y])
}

fn iterates(newton: &mut Newton<f64>, f: &mut impl Hessian<f64>, start: Point) -> Result<Vec<Point>, Error> {
    let mut x = vector![start[0], start[1]];
    let mut points = vec![start];
    for _ in 0..40 {
        newton.step(f, &mut x)?;
        points.push([x[0], x[1]]);
    }
    Ok(points)
}

/// Contours of both examples, and the iterates from some starts, textbook and safeguarded; and example B close to its
/// saddle.
pub(crate) fn paths() -> Result<String, Error> {
    let mut svg = Svg::new("Newton's iterates on the contours of examples A and B", 720, 310);
    let frame = |left: f64, x: Point, y: Point| Frame { corner: [left, 30.0], size: [205.0, 205.0], x, y };
    let wide = [-3.0, 4.3];
    let starts = [[4.0, 4.0], [-2.5, 3.0], [3.0, -0.6]];
    for (p, frame, title) in
        [(2, frame(30.0, wide, wide), "A: … 2y² …"), (3, frame(265.0, wide, wide), "B: … 2y³ …")]
    {
        let floor = if p == 2 { 0.0 } else { -3.4965575 };
        for k in 0..11 {
            svg.stroke(&frame.contour(48, floor + 0.25 * 2.1_f64.powi(k), |at| value(p, at)), PALE, 1.0);
        }
        walks(&mut svg, frame, p, &starts)?;
        frame.axes(&mut svg, title, &[-2.0, 0.0, 2.0, 4.0], &[-2.0, 0.0, 2.0, 4.0]);
        let minimum = if p == 2 { [0.0, 0.0] } else { [-0.2118, -1.8927] };
        svg.stroke(&frame.dots([minimum]), GREEN, 8.0);
    }
    let near = frame(505.0, [-0.018, 0.058], [-0.028, 0.048]);
    for level in [-1e-4, -4e-5, -1.6e-5, -8e-6, -4e-6, 1e-5, 6e-5, 3e-4, 1e-3, 3e-3] {
        svg.stroke(&near.contour(48, level, |at| value(3, at)), PALE, 1.0);
    }
    svg.stroke(&near.contour(96, 0.0, |at| value(3, at)), GREY, 1.0);
    walks(&mut svg, near, 3, &[[0.05, 0.0], [0.0, 0.0]])?;
    near.axes(&mut svg, "B at its saddle", &[0.0, 0.02, 0.04], &[0.0, 0.02, 0.04]);
    svg.stroke(&near.dots([[0.00258245, 0.02063839]]), GREEN, 8.0);
    svg.stroke(&cross(near.at([0.0, 0.0]), 5.0), RED, 2.5);
    let entries =
        [(ORANGE, "textbook"), (BLUE, "safeguarded"), (GREEN, "minimum"), (RED, "saddle"), (GREY, "f = 0")];
    legend(&mut svg, [30.0, 285.0], &entries);
    Ok(svg.finish())
}

/// The iterates from each start, until they leave the frame.
fn walks(svg: &mut Svg, frame: Frame, p: i32, starts: &[Point]) -> Result<(), Error> {
    for start in starts {
        for (mut newton, colour, width) in [(Newton::new(), BLUE, 3.5), (Newton::pure(), ORANGE, 1.6)] {
            let points = iterates(&mut newton, &mut example(p), *start)?;
            let seen: Vec<Point> = points.into_iter().take_while(|point| frame.holds(*point)).collect();
            svg.stroke(&frame.line(seen.iter().copied()), colour, width);
            svg.stroke(&frame.dots(seen.into_iter().take(9)), colour, width + 3.0);
        }
    }
    Ok(())
}

fn cross([x, y]: Point, r: f64) -> String {
    line([[x - r, y - r], [x + r, y + r]]) + &line([[x - r, y + r], [x + r, y - r]])
}

/// Words behind dots of their colours.
pub(crate) fn legend(svg: &mut Svg, [mut x, y]: Point, entries: &[(&str, &str)]) {
    for (colour, text) in entries {
        svg.stroke(&crate::svg::dots([[x + 5.0, y]]), colour, 9.0);
        svg.text([x + 15.0, y + 4.0], "start", text);
        x += 36.0 + 6.6 * text.chars().count() as f64;
    }
}

/// Where each of 401 × 401 starts on `[−4, 4]²` leads on example B.
pub(crate) fn basins() -> Result<String, Error> {
    const N: usize = 401;
    let mut svg = Svg::new("Basins of 401 × 401 starts on example B, textbook beside safeguarded", 720, 410);
    for (mut newton, left, title) in
        [(Newton::pure(), 30.0, "textbook"), (Newton::new(), 385.0, "safeguarded")]
    {
        let frame = Frame { corner: [left, 30.0], size: [320.0, 320.0], x: [-4.01, 4.01], y: [-4.01, 4.01] };
        let mut ends = Vec::with_capacity(N * N);
        for j in 0..N {
            for i in 0..N {
                let [x, y] = frame.pixel(N, i, j);
                let report = minimize(&mut newton, &mut example(3), vector![x, y], &Stop::default())?;
                ends.push(match report.kind() {
                    Some(CriticalKind::Minimum) if report.value < -3.0 => 0,
                    Some(CriticalKind::Minimum) => 1,
                    _ => 2,
                });
            }
        }
        let share = |end| 100.0 * ends.iter().filter(|&&e| e == end).count() as f64 / ends.len() as f64;
        let shares = [share(0), share(1), share(2)];
        println!("{title}: {shares:.1?} %");
        svg.fill(&frame.all(), "#b9d3ee", 1.0);
        for (end, colour) in [(0, BLUE), (2, RED)] {
            svg.runs(&frame.region(N, |i, j| ends[j * N + i] == end), colour, 320.0 / N as f64 + 0.5);
        }
        frame.axes(&mut svg, title, &[-4.0, -2.0, 0.0, 2.0, 4.0], &[-4.0, -2.0, 0.0, 2.0, 4.0]);
    }
    legend(
        &mut svg,
        [30.0, 390.0],
        &[
            (BLUE, "ends on the global minimum"),
            ("#b9d3ee", "on the shallow minimum"),
            (RED, "on the saddle"),
        ],
    );
    Ok(svg.finish())
}

/// Eigenvectors on the contours around a minimum, a saddle and a maximum.
pub(crate) fn eigenvectors() -> Result<String, Error> {
    let mut svg = Svg::new("Eigenvectors at a minimum, a saddle and a maximum", 720, 310);
    let cases = [
        ("minimum", [4.0, -1.0, 6.0], 25.0),
        ("saddle", [3.0, 2.0, -3.0], 260.0),
        ("maximum", [-3.0, 1.0, -5.0], 495.0),
    ];
    for (title, [a, b, c], left) in cases {
        let frame = Frame { corner: [left, 30.0], size: [200.0, 200.0], x: [-1.0, 1.0], y: [-1.0, 1.0] };
        let f = |[x, y]: Point| 0.5 * (a * x * x + 2.0 * b * x * y + c * y * y);
        for k in 1..7 {
            let level = 0.14 * f64::from(k * k);
            svg.stroke(&frame.contour(60, level, f), "#9dbbe0", 1.2);
            svg.stroke(&frame.contour(60, -level, f), "#eeb98f", 1.2);
        }
        let eigen = SymmetricEigen::new(DMatrix::from_row_slice(2, 2, &[a, b, b, c]));
        for i in 0..2 {
            let (lambda, v) = (eigen.eigenvalues[i], eigen.eigenvectors.column(i).into_owned());
            let v = if v[0] + 0.3 * v[1] < 0.0 { -v } else { v };
            let colour = if lambda > 0.0 { BLUE } else { ORANGE };
            let tip = [0.62 * v[0], 0.62 * v[1]];
            svg.stroke(&frame.line([[-tip[0], -tip[1]], tip]), colour, 3.0);
            let back = |turn: f64| [tip[0] - 0.1 * (v[0] - turn * v[1]), tip[1] - 0.1 * (v[1] + turn * v[0])];
            svg.stroke(&frame.line([back(0.6), tip, back(-0.6)]), colour, 3.0);
            let [x, y] = frame.at([tip[0] * 1.3, tip[1] * 1.3]);
            let text = format!("λ = {lambda:.2}").replace('-', "−");
            let up = if v[0] > v[1].abs() { 10.0 } else { -4.0 };
            svg.label([x - 6.0, y - up], "middle", &text);
        }
        frame.axes(&mut svg, title, &[], &[]);
        let matrix = format!("H = [[{a}, {b}], [{b}, {c}]]").replace('-', "−");
        svg.text([left + 100.0, 250.0], "middle", &matrix);
    }
    legend(
        &mut svg,
        [25.0, 285.0],
        &[(BLUE, "λ &gt; 0: f rises along the eigenvector"), (ORANGE, "λ &lt; 0: f falls")],
    );
    Ok(svg.finish())
}

/// The sigmoid, its slope, and tangents.
pub(crate) fn sigmoid() -> Result<String, Error> {
    let mut svg = Svg::new("The sigmoid with its slope", 720, 300);
    let frame = Frame { corner: [45.0, 30.0], size: [640.0, 200.0], x: [-8.0, 8.0], y: [0.0, 1.0] };
    let jet = |z: f64| Activation::Sigmoid.jet(z);
    svg.stroke(&frame.line([[-8.0, 0.25], [8.0, 0.25]]), PALE, 1.0);
    svg.stroke(&frame.line([[0.0, 0.0], [0.0, 1.0]]), PALE, 1.0);
    for (at, reach) in [(-3.0, 2.2), (0.0, 1.8), (2.0, 2.2)] {
        let (a, slope, _) = jet(at);
        let tangent = [-reach, reach].map(|dz| [at + dz, a + slope * dz]);
        svg.stroke(&frame.line(tangent), GREEN, 1.6);
        svg.stroke(&frame.dots([[at, a]]), GREEN, 7.0);
        let [x, y] = frame.at([at, a]);
        let (aside, anchor) = if at < 0.0 { (-10.0, "end") } else { (10.0, "start") };
        svg.label([x + aside, y + 1.2 * aside + 4.0], anchor, &format!("σ′ = {slope:.3}"));
    }
    svg.stroke(&frame.curve(|z| jet(z).0), BLUE, 2.4);
    svg.stroke(&frame.curve(|z| jet(z).1), ORANGE, 2.4);
    frame.axes(
        &mut svg,
        "σ(z) = 1/(1 + e⁻ᶻ), σ′(z) = σ(z)(1 − σ(z)) ≤ ¼",
        &[-8.0, -4.0, 0.0, 4.0, 8.0],
        &[0.0, 0.25, 0.5, 1.0],
    );
    legend(&mut svg, [45.0, 275.0], &[(BLUE, "σ"), (ORANGE, "σ′"), (GREEN, "tangents")]);
    Ok(svg.finish())
}

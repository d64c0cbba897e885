//! SVG, as little as the pictures need, and small: coordinates to a tenth of a pixel, each from the last.

use std::collections::BTreeMap;
use std::fmt::Write;

pub(crate) const BLUE: &str = "#2f6db5";
pub(crate) const ORANGE: &str = "#d9772b";
pub(crate) const GREEN: &str = "#2e8b57";
pub(crate) const RED: &str = "#c0392b";
pub(crate) const GREY: &str = "#8a8f98";
pub(crate) const PALE: &str = "#c3cbd6";
pub(crate) const INK: &str = "#30343b";

pub(crate) type Point = [f64; 2];

/// A picture on a white card, so that it can be read on light and dark pages alike.
pub(crate) struct Svg {
    head: String,
    body: String,
}

impl Svg {
    pub(crate) fn new(title: &str, width: u32, height: u32) -> Self {
        // the first line is a whole tag: so Markdown takes all that follows, up to an empty line, as it stands
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" role=\"img\" \
             style=\"max-width:100%;height:auto\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{INK}\">\n\
             <title>{title}</title>\n<rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"#fff\"/>\n"
        );
        Self { head, body: String::new() }
    }

    pub(crate) fn text(&mut self, [x, y]: Point, anchor: &str, text: &str) {
        let (x, y) = (short(x), short(y));
        let _ = writeln!(self.body, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
    }

    /// Words over lines, with a white edge.
    pub(crate) fn label(&mut self, at: Point, anchor: &str, text: &str) {
        self.body += "<g paint-order=\"stroke\" stroke=\"#fff\" stroke-width=\"4\">\n";
        self.text(at, anchor, text);
        self.body += "</g>\n";
    }

    pub(crate) fn fill(&mut self, path: &str, colour: &str, opacity: f64) {
        let _ = writeln!(self.body, "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"{opacity}\"/>");
    }

    pub(crate) fn stroke(&mut self, path: &str, colour: &str, width: f64) {
        let _ = writeln!(
            self.body,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\" stroke-linecap=\"round\" \
             stroke-linejoin=\"round\"/>"
        );
    }

    /// Runs of pixels, as high as `width`.
    pub(crate) fn runs(&mut self, path: &str, colour: &str, width: f64) {
        let _ = writeln!(
            self.body,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width:.1}\"/>"
        );
    }

    pub(crate) fn finish(self) -> String {
        self.head + &self.body + "</svg>\n"
    }
}

/// A tenth of a pixel, in as few characters as will do.
fn short(x: f64) -> String {
    let text = format!("{:.1}", x + 0.0);
    match text.strip_suffix(".0").unwrap_or(&text) {
        "-0" => "0".into(),
        text => text.into(),
    }
}

/// The line through points, each relative to the last as it was written.
pub(crate) fn line(points: impl IntoIterator<Item = Point>) -> String {
    let (mut path, mut last) = (String::new(), [0; 2]);
    for (i, point) in points.into_iter().enumerate() {
        let tenths = point.map(|x| (10.0 * x).round() as i64);
        let [dx, dy] = [0, 1].map(|k| short((tenths[k] - last[k]) as f64 / 10.0));
        if i > 0 && (dx.as_str(), dy.as_str()) == ("0", "0") {
            continue;
        }
        let between = if dy.starts_with('-') { "" } else { " " };
        let _ = write!(path, "{}{dx}{between}{dy}", if i == 0 { "M" } else { "l" });
        last = tenths;
    }
    path
}

/// Dots: lines of no length, with round ends.
pub(crate) fn dots(points: impl IntoIterator<Item = Point>) -> String {
    points.into_iter().map(|point| line([point]) + "h0").collect()
}

/// A rectangle of pixels, and the ranges of two variables that it shows.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    pub(crate) corner: Point,
    pub(crate) size: Point,
    pub(crate) x: Point,
    pub(crate) y: Point,
}

impl Frame {
    pub(crate) fn at(&self, [x, y]: Point) -> Point {
        let across = (x - self.x[0]) / (self.x[1] - self.x[0]);
        let up = (y - self.y[0]) / (self.y[1] - self.y[0]);
        [self.corner[0] + across * self.size[0], self.corner[1] + (1.0 - up) * self.size[1]]
    }

    pub(crate) fn holds(&self, [x, y]: Point) -> bool {
        (self.x[0]..=self.x[1]).contains(&x) && (self.y[0]..=self.y[1]).contains(&y)
    }

    /// The point inside that is nearest to the point.
    pub(crate) fn inside(&self, [x, y]: Point) -> Point {
        [x.clamp(self.x[0], self.x[1]), y.clamp(self.y[0], self.y[1])]
    }

    pub(crate) fn line(&self, points: impl IntoIterator<Item = Point>) -> String {
        line(points.into_iter().map(|point| self.at(self.inside(point))))
    }

    pub(crate) fn dots(&self, points: impl IntoIterator<Item = Point>) -> String {
        dots(points.into_iter().map(|point| self.at(point)))
    }

    /// All of it.
    pub(crate) fn all(&self) -> String {
        let ([a, b], [c, d]) = (self.x, self.y);
        self.line([[a, c], [b, c], [b, d], [a, d]]) + "z"
    }

    pub(crate) fn curve(&self, f: impl Fn(f64) -> f64) -> String {
        let [a, b] = self.x;
        self.line((0..=120).map(|i| a + (b - a) * f64::from(i) / 120.0).map(|x| [x, f(x)]))
    }

    /// Its edge, a title above, and ticks with their numbers.
    pub(crate) fn axes(&self, svg: &mut Svg, title: &str, x: &[f64], y: &[f64]) {
        let ([left, top], [width, height]) = (self.corner, self.size);
        let [left_text, top_text] = [short(left), short(top)];
        svg.stroke(
            &format!("M{left_text} {top_text}h{}v{}h-{}z", short(width), short(height), short(width)),
            GREY,
            1.0,
        );
        svg.text([left + width / 2.0, top - 8.0], "middle", title);
        for x in x {
            let [at, bottom] = self.at([*x, self.y[0]]);
            svg.stroke(&(line([[at, bottom]]) + "v4"), GREY, 1.0);
            svg.text([at, bottom + 17.0], "middle", &number(*x));
        }
        for y in y {
            let [left, at] = self.at([self.x[0], *y]);
            svg.stroke(&(line([[left, at]]) + "h-4"), GREY, 1.0);
            svg.text([left - 7.0, at + 4.0], "end", &number(*y));
        }
    }

    /// Where `f` is `true`, by runs of pixels on a grid of `n × n`.
    pub(crate) fn region(&self, n: usize, f: impl Fn(usize, usize) -> bool) -> String {
        let cell = self.size.map(|size| size / n as f64);
        let mut path = String::new();
        for j in 0..n {
            let mut i = 0;
            while i < n {
                let run = (i..n).take_while(|&i| f(i, j)).count();
                if run > 0 {
                    let [x, y] =
                        [self.corner[0] + cell[0] * i as f64, self.corner[1] + cell[1] * (j as f64 + 0.5)];
                    path += &format!("{}h{}", line([[x, y]]), short(cell[0] * run as f64));
                }
                i += run + 1;
            }
        }
        path
    }

    /// The middle of pixel `(i, j)` of such a grid.
    pub(crate) fn pixel(&self, n: usize, i: usize, j: usize) -> Point {
        let share = |k: usize| (k as f64 + 0.5) / n as f64;
        [self.x[0] + (self.x[1] - self.x[0]) * share(i), self.y[1] + (self.y[0] - self.y[1]) * share(j)]
    }

    /// The line along which `f` has the value `level`.
    pub(crate) fn contour(&self, n: usize, level: f64, f: impl Fn(Point) -> f64) -> String {
        let node = |[i, j]: [usize; 2]| {
            let share = |k: usize| k as f64 / n as f64;
            let point = [
                self.x[0] + (self.x[1] - self.x[0]) * share(i),
                self.y[0] + (self.y[1] - self.y[0]) * share(j),
            ];
            (point, f(point) - level)
        };
        // each side of a cell that the line crosses, and the sides that it goes on to
        let mut next: BTreeMap<Side, Vec<Side>> = BTreeMap::new();
        for i in 0..n {
            for j in 0..n {
                let sides = [
                    ([i, j], [i + 1, j]),
                    ([i + 1, j], [i + 1, j + 1]),
                    ([i, j + 1], [i + 1, j + 1]),
                    ([i, j], [i, j + 1]),
                ];
                let crossed: Vec<Side> =
                    sides.into_iter().filter(|(a, b)| (node(*a).1 < 0.0) != (node(*b).1 < 0.0)).collect();
                for pair in crossed.chunks_exact(2) {
                    next.entry(pair[0]).or_default().push(pair[1]);
                    next.entry(pair[1]).or_default().push(pair[0]);
                }
            }
        }
        let crossing = |(a, b): Side| {
            let ((a, u), (b, v)) = (node(a), node(b));
            [0, 1].map(|k| a[k] + (b[k] - a[k]) * u / (u - v))
        };
        let mut path = String::new();
        // lines that end at the edge first, then loops
        let ends: Vec<Side> = next.iter().filter(|(_, to)| to.len() == 1).map(|(side, _)| *side).collect();
        let all: Vec<Side> = next.keys().copied().collect();
        for start in ends.into_iter().chain(all) {
            let mut chain = vec![start];
            while let Some((here, to)) =
                chain.last().and_then(|here| Some((*here, next.get_mut(here)?.pop()?)))
            {
                next.entry(to).or_default().retain(|other| *other != here);
                chain.push(to);
            }
            if chain.len() > 1 {
                path += &self.line(chain.into_iter().map(crossing));
            }
        }
        path
    }
}

type Side = ([usize; 2], [usize; 2]);

fn number(x: f64) -> String {
    let text = format!("{x}");
    text.replace('-', "−")
}

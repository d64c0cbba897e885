//! Times of others over this crate's, from the tables that the benches print.

use serde_json::Value;

use crate::newton::legend;
use crate::svg::{BLUE, Frame, GREY, ORANGE, Svg};

/// `benches/figures.json`: what is timed, the peer, and its time over ours.
const FIGURES: &str = include_str!("../../benches/figures.json");

pub(crate) fn speed() -> Result<String, Box<dyn std::error::Error>> {
    let figures: Value = serde_json::from_str(FIGURES)?;
    let rows = figures["rows"].as_array().ok_or("no rows")?;
    let height = 75 + 24 * u32::try_from(rows.len())?;
    let mut svg = Svg::new("Time of others over the time of gradus", 720, height + 40);
    let high = f64::from(height) - 65.0;
    let frame =
        Frame { corner: [400.0, 35.0], size: [250.0, high], x: [0.0, 11.0], y: [0.0, rows.len() as f64] };
    for (k, row) in rows.iter().enumerate() {
        let (what, peer) = (row["what"].as_str().ok_or("what")?, row["peer"].as_str().ok_or("peer")?);
        let ratio = row["ratio"].as_f64().ok_or("ratio")?;
        let y = (rows.len() - 1 - k) as f64 + 0.5;
        let colour = if ratio >= 1.0 { BLUE } else { ORANGE };
        svg.runs(&frame.line([[0.0, y], [ratio, y]]), colour, 14.0);
        let [end, at] = frame.at([ratio, y]);
        svg.text([end + 6.0, at + 4.0], "start", &format!("{ratio:.2}"));
        svg.text([392.0, at + 4.0], "end", &format!("{what}: {peer}"));
    }
    svg.stroke(&frame.line([[1.0, 0.0], [1.0, rows.len() as f64]]), GREY, 1.2);
    frame.axes(&mut svg, "time of the other / time of gradus", &[0.0, 1.0, 5.0, 10.0], &[]);
    legend(
        &mut svg,
        [400.0, f64::from(height) + 20.0],
        &[(BLUE, "gradus is faster"), (ORANGE, "the other is")],
    );
    Ok(svg.finish())
}

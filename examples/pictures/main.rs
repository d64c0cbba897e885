//! The pictures of the guide and the README, all made here, the same bytes each time.
//!
//! ```text
//! cargo run --release --example pictures
//! ```
//!
//! Written by `svg.rs`, not by a plotting crate: an example compiles every dev-dependency, and contours, runs of pixels
//! and short paths (a picture is 3–40 KB of text in the documentation) would have to be made here all the same.

use std::error::Error;
use std::fs;
use std::path::Path;

mod fits;
mod newton;
mod speed;
mod svg;
mod training;

fn main() -> Result<(), Box<dyn Error>> {
    let pictures = [
        ("newton_paths", newton::paths()?),
        ("basins", newton::basins()?),
        ("eigenvectors", newton::eigenvectors()?),
        ("sigmoid", newton::sigmoid()?),
        ("exclusive_or", training::exclusive_or()?),
        ("spirals", training::spirals()?),
        ("confidence", fits::confidence()?),
        ("intervals", fits::intervals()?),
        ("leverage", fits::leverage()?),
        ("speed", speed::speed()?),
    ];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/pictures");
    fs::create_dir_all(&folder)?;
    for (name, svg) in pictures {
        println!("{name}.svg: {} bytes", svg.len());
        fs::write(folder.join(name).with_extension("svg"), svg)?;
    }
    Ok(())
}

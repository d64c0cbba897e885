//! The fits against certified and 40-digit values.

#[path = "support/json.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod json;
#[path = "support/tables.rs"]
#[expect(dead_code, reason = "shared by several tests")]
mod tables;

use gradus::nalgebra::{DMatrix, DVector, dmatrix, dvector};
use gradus::*;
use tables::{digits, nist, standardised, table};

#[test]
fn nist_regressions_keep_their_digits() {
    for (name, power, at_least) in [
        ("Norris", 1, 13.0),
        ("Pontius", 2, 12.0),
        ("NoInt1", 1, 14.0),
        ("Longley", 1, 13.0),
        ("Wampler1", 5, 14.0),
        ("Wampler4", 5, 13.0),
    ] {
        let set = nist(name, power);
        let model = Perceptron::new(set.x.nrows());
        let model = if set.bias { model } else { model.without_bias() };
        let fitted = model.fit(&set.x, &set.y).unwrap();
        let found = digits(fitted.parameters(), &set.estimates);
        println!("{name}: {found:.1}");
        assert!(found >= at_least, "{name}: {found}");
    }
}

//! Prints how a training step compares with the same arithmetic written out, in one process, round by round:
//! the noise of the machine falls on all of them alike.
//!
//! ```text
//! cargo bench --bench ratios
//! ```

use gradus::nalgebra::DVector;
use gradus::{
    Activation, CrossEntropy, EmpiricalRisk, Error, GradientDescent, Loss, Optimizer, Real, SquaredError,
};

use by_hand::ByHand;
use nets::{NETS, Net};
use timer::{Timing, time};

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/nets.rs"]
#[expect(dead_code, reason = "inference is not compared here")]
mod nets;
#[path = "common/timer.rs"]
#[expect(dead_code, reason = "the least time is not printed")]
mod timer;

const RATE: f64 = 0.01;
const ROUNDS: usize = 5;
const SECONDS: f64 = 0.1;

/// After three steps all three stand at the same point.
fn assert_equal<T: Real>(name: &str, a: &DVector<T>, b: &DVector<T>) {
    let apart = (a - b).amax();
    assert!(apart <= T::of(1e3) * T::EPSILON, "{name} computes something else: {apart} apart");
}

fn compare<T: Real, L: Loss<T>>(net: &Net, loss: L) -> Result<(), Error> {
    let (x, y, rate) = (net.x::<T>(net.batch), net.y::<T>(net.batch), T::of(RATE));
    let mut risk = EmpiricalRisk::new(net.network(Activation::Relu), loss, &x, &y)?;
    let (mut descent, mut theta) = (GradientDescent::new(rate), net.theta());
    let (mut hand, mut naive) = (ByHand::<T>::new(net), ByHand::<T>::new(net));
    for _ in 0..3 {
        descent.step(&mut risk, &mut theta)?;
        hand.step(rate);
        naive.naive_step(rate);
    }
    assert_equal("the loop by hand", &theta, &hand.theta());
    assert_equal("the naive loop", &theta, &naive.theta());

    let mut rounds = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        rounds[0].push(time(SECONDS, || descent.step(&mut risk, &mut theta)).median);
        rounds[1].push(time(SECONDS, || hand.step(rate)).median);
        rounds[2].push(time(SECONDS, || naive.naive_step(rate)).median);
    }
    let [ours, hand, naive] = rounds.map(Timing::of);
    let sizes: Vec<_> = net.sizes.iter().map(ToString::to_string).collect();
    println!(
        "{:<20} {:>5}  {:3}  {:>10.2}  {:>7.1}  {:>8.2}  {:>6.2}",
        sizes.join("-"),
        net.batch,
        std::any::type_name::<T>(),
        ours.median * 1e6,
        ours.gflops(net.step_flop()),
        hand.median / ours.median,
        naive.median / ours.median,
    );
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(()); // `cargo test --benches` asks only whether it starts
    }
    rayon::ThreadPoolBuilder::new().num_threads(1).build_global()?;
    println!("One training step, relu, one thread; others' time over ours (above 1: we are faster).");
    println!("net                  batch            µs  GFLOP/s   by hand   naive");
    for net in NETS {
        match net.outputs() {
            1 => {
                compare::<f32, _>(&net, SquaredError)?;
                compare::<f64, _>(&net, SquaredError)?;
            }
            _ => {
                compare::<f32, _>(&net, CrossEntropy)?;
                compare::<f64, _>(&net, CrossEntropy)?;
            }
        }
    }
    Ok(())
}

//! With threads, too, the crate allocates nothing after the first steps: counted over all threads, outside of a pool.
#![cfg(feature = "rayon")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use gradus::nalgebra::{DMatrix, DVector};
use gradus::{Activation, EmpiricalRisk, HessianProduct, Network, Objective, SquaredError};

struct Counting;

static ALLOCATIONS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator, unchanged; the counter neither allocates nor unwinds.
#[expect(unsafe_code, reason = "an allocator is unsafe to write, and nothing else can count allocations")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above; the pointer came from `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[test]
fn a_step_on_threads_outside_of_a_pool_allocates_nothing_of_its_own() {
    let x = DMatrix::from_fn(20, 4_000, |i, j| ((i + 1) * (j + 3) % 17) as f64 / 17.0);
    let y = DMatrix::from_fn(1, 4_000, |_, j| (j % 5) as f64);
    let network = Network::new(&[20, 30, 1], Activation::Tanh);
    let theta = network.initial::<f64>(1);
    let mut risk = EmpiricalRisk::new(network, SquaredError, &x, &y).unwrap();
    let (mut gradient, mut product) = (DVector::zeros(theta.len()), DVector::zeros(theta.len()));
    let mut step = || {
        risk.value_gradient(&theta, &mut gradient);
        risk.hessian_product(&theta, &gradient, &mut product);
    };
    (0..20).for_each(|_| step());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..60).for_each(|_| step());
    let count = ALLOCATIONS.load(Ordering::Relaxed) - before;
    // the queue through which rayon takes work from outside grows by a block every 63 entries
    assert!(count <= 120 / 63 + 1, "{count} allocations in 120 passes");
}

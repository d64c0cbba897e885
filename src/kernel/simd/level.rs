//! Which instructions this machine has, found once, and the way into code compiled for them.
#![expect(unsafe_code, reason = "calls functions compiled for instructions that detection has found")]

use std::sync::OnceLock;

use super::vector::{Kernel, Vector};
use crate::kernel::math::Fused;

/// The widest instructions in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// What the target always has: SSE2 on x86-64, NEON on aarch64.
    Portable,
    /// 256 bits with fused multiply-add.
    Avx2,
    /// 512 bits.
    Avx512,
}

/// The level in use: the machine's, or a lower one if the environment variable `GRADUS_KERNEL` says
/// `scalar` or `avx2` when the first kernel runs. It can lower the level, never raise it.
#[inline]
fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = forced::LEVEL.get() {
        return level;
    }
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| allowed().min(detected()))
}

#[cold]
fn allowed() -> Level {
    match std::env::var("GRADUS_KERNEL").as_deref() {
        Ok("scalar") => Level::Portable,
        Ok("avx2") => Level::Avx2,
        _ => Level::Avx512,
    }
}

#[cold]
fn detected() -> Level {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        let wide = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bw");
        return if wide { Level::Avx512 } else { Level::Avx2 };
    }
    Level::Portable
}

/// A closure that is compiled where it is called, for the instructions that are allowed there.
macro_rules! inlined {
    ($closure:expr) => {
        #[inline(always)]
        $closure
    };
}
pub(crate) use inlined;

/// Runs `f` compiled for the widest instructions of the machine, so that plain loops over slices become
/// vector loops. Write the closure as [`inlined!`]`(|fused| ...)`, and call only functions that are inlined
/// as well: what is not inlined is compiled for the baseline.
#[inline]
pub(crate) fn vectorize<R>(f: impl FnOnce(Fused) -> R) -> R {
    match level() {
        // SAFETY: `level` never exceeds what was detected.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(inlined!(|| f(Fused(true)))) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(inlined!(|| f(Fused(true)))) },
        _ => f(Fused::PORTABLE),
    }
}

/// Code written once over registers of any width.
pub(in crate::kernel) trait Task<T> {
    type Output;
    /// # Safety
    /// The machine has the instructions of `V`; the task's pointers are good for what it does.
    unsafe fn run<V: Vector<Scalar = T>>(self) -> Self::Output;
}

/// Runs `task` with the widest registers of the machine.
///
/// # Safety
/// The task's pointers are good for what it does.
#[inline]
pub(in crate::kernel) unsafe fn dispatch<T: Kernel, K: Task<T>>(task: K) -> K::Output {
    match level() {
        // SAFETY: `level` never exceeds what was detected; the caller answers for the pointers.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512(inlined!(|| task.run::<T::Avx512>())) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2(inlined!(|| task.run::<T::Avx2>())) },
        // SAFETY: any machine has these.
        _ => unsafe { task.run::<T::Portable>() },
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512dq,avx512vl,avx512bw,avx2,fma")]
fn avx512<R>(f: impl FnOnce() -> R) -> R {
    f()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<R>(f: impl FnOnce() -> R) -> R {
    f()
}

/// All threads see one level, also those that ask at the same time.
#[cfg(test)]
#[test]
fn the_level_is_found_once() {
    let levels: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(level)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(levels.iter().all(|found| *found == levels[0]));
}

#[cfg(test)]
pub(crate) use forced::{at_each_level, sizes};
#[cfg(test)]
mod forced {
    use std::cell::Cell;

    use super::{Level, detected};

    thread_local! {
        pub(in crate::kernel) static LEVEL: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// Runs `f` at each level that the machine has.
    pub(crate) fn at_each_level(f: impl Fn()) {
        for level in [Level::Portable, Level::Avx2, Level::Avx512] {
            if level <= detected() {
                LEVEL.set(Some(level));
                f();
            }
        }
        LEVEL.set(None);
    }

    /// All sizes; under Miri, which interprets every instruction, those up to `limit`.
    pub(crate) fn sizes(all: &[usize], limit: usize) -> impl Iterator<Item = usize> {
        all.iter().copied().filter(move |n| !cfg!(miri) || *n <= limit)
    }
}

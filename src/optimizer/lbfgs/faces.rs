//! What is learnt on one face of the bounds, on the next.

use super::TwoLoops;
use crate::Real;
use crate::optimizer::search::Direction;

impl<T: Real> TwoLoops<T> {
    /// The pairs of the variables `old` as pairs of the variables `new`, as far as they still curve upwards: where others
    /// stand still, `y` is what it was; those that are new have not moved.
    pub(super) fn follow(&mut self, old: &[usize], new: &[usize]) {
        let pairs: Vec<_> = self.columns().collect();
        let fresh = || vec![T::zero(); self.memory.saturating_mul(new.len())];
        if pairs.is_empty() {
            return;
        }
        let (s, y) = (std::mem::replace(&mut self.s, fresh()), std::mem::replace(&mut self.y, fresh()));
        self.learnt = 0;
        for pair in pairs {
            let part = |from: &[T]| {
                let from = &from[pair * old.len()..][..old.len()];
                let entry = |i| old.binary_search(i).map_or(T::zero(), |at| from[at]);
                new.iter().map(entry).collect::<Vec<_>>()
            };
            self.learn(&part(&s), &part(&y));
        }
    }
}

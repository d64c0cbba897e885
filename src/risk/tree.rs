//! One fixed binary tree of sums: its bits depend on the number of leaves, never on who adds what.
//!
//! Leaf `i` has level 0 and index `i`; a node of level `l` and index `i` is the sum of the leaves `i 2ˡ … (i + 1) 2ˡ − 1`,
//! those of its left child plus those of its right one. Whoever walks leaves in order holds at most one node a level.

use std::any::Any;
use std::slice;

use crate::Real;

/// What can be added up: numbers, as many in every sum of its kind.
pub(crate) trait Summand: Any + Send + Sync {
    type Number: Real;

    /// `self ← self + other`.
    fn add(&mut self, other: &Self);

    /// All that differs between two sums.
    fn numbers(&mut self) -> impl Iterator<Item = &mut Self::Number>;

    /// `self ← 0`.
    fn clear(&mut self) {
        self.numbers().for_each(|x| *x = num_traits::zero());
    }
}

/// A [`Summand`] of some kind, behind a pointer: the tree is compiled once for all of them.
pub(crate) trait Sum: Any + Send + Sync {
    /// `self ← self + other`, of the same kind.
    fn take_in(&mut self, other: &dyn Sum);

    fn empty(&mut self);

    /// How many numbers it has.
    fn count(&mut self) -> usize;

    fn write(&mut self, to: &mut Vec<f64>);

    /// Takes as many numbers as it has, if there are so many.
    fn read(&mut self, from: &mut slice::Iter<'_, f64>) -> Option<()>;
}

impl<S: Summand> Sum for S {
    fn take_in(&mut self, other: &dyn Sum) {
        let other: &dyn Any = other;
        self.add(other.downcast_ref().expect(ONE_KIND));
    }

    fn empty(&mut self) {
        self.clear();
    }

    fn count(&mut self) -> usize {
        self.numbers().count()
    }

    fn write(&mut self, to: &mut Vec<f64>) {
        to.extend(self.numbers().map(|x| x.f64()));
    }

    fn read(&mut self, from: &mut slice::Iter<'_, f64>) -> Option<()> {
        self.numbers().try_for_each(|x| {
            *x = S::Number::of(*from.next()?);
            Some(())
        })
    }
}

const ONE_KIND: &str = "sums of one kind";

/// A sum as what it is.
pub(crate) fn of_kind<S: Summand>(sum: &mut dyn Sum) -> &mut S {
    let sum: &mut dyn Any = sum;
    sum.downcast_mut().expect(ONE_KIND)
}

/// The same in its box.
pub(crate) fn into_kind<S: Summand>(sum: Box<dyn Sum>) -> Box<S> {
    let sum: Box<dyn Any> = sum;
    sum.downcast().expect(ONE_KIND)
}

/// A sum over some leaves of the tree.
pub(crate) struct Node {
    pub(crate) level: u32,
    pub(crate) index: usize,
    pub(crate) sum: Box<dyn Sum>,
}

/// Adds up nodes that come in order of their leaves, like a binary counter.
///
/// A counter that starts at leaf 0 ends by [`finish`](Self::finish). One that starts elsewhere holds the largest
/// subtrees of its leaves, at most two a level, and [hands them over](Self::hand_over) to the owner of those before.
#[derive(Default)]
pub(crate) struct Counter {
    nodes: Vec<Node>,
    /// Sums that were added to others, to be used again.
    free: Vec<Box<dyn Sum>>,
    handed: usize,
    /// The leaf that is not whole yet.
    pub(crate) open: Option<Box<dyn Sum>>,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("nodes", &self.nodes.len()).finish_non_exhaustive()
    }
}

impl Counter {
    /// Takes in the next node, and adds up every pair of siblings that it completes.
    pub(crate) fn push(&mut self, mut node: Node) {
        while let Some(mut left) = self.nodes.pop_if(|left| are_siblings(left, &node)) {
            left.sum.take_in(&*node.sum);
            self.free.push(node.sum);
            node = Node { level: left.level + 1, index: left.index / 2, sum: left.sum };
        }
        self.nodes.push(node);
    }

    /// The even sibling of leaf `index`, if that comes next: who adds to it in place pushes their sum, of level 1.
    pub(crate) fn sibling(&mut self, index: usize) -> Option<Box<dyn Sum>> {
        let is_sibling =
            |left: &mut Node| left.level == 0 && !index.is_multiple_of(2) && left.index + 1 == index;
        self.nodes.pop_if(is_sibling).map(|left| left.sum)
    }

    /// The sum of all leaves, once all are in: the last nodes have no siblings, and are added from the right.
    pub(crate) fn finish(&mut self) -> Option<Box<dyn Sum>> {
        let mut last = self.nodes.pop()?.sum;
        while let Some(mut left) = self.nodes.pop() {
            left.sum.take_in(&*last);
            self.free.push(std::mem::replace(&mut last, left.sum));
        }
        Some(last)
    }

    /// Pushes all nodes to the counter of the leaves before.
    pub(crate) fn hand_over(&mut self, owner: &mut Self) {
        self.handed = self.nodes.len();
        self.nodes.drain(..).for_each(|node| owner.push(node));
        owner.open = self.open.take().or(owner.open.take());
    }

    /// The nodes so far, which it no longer holds.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = Node> {
        self.nodes.drain(..)
    }

    /// Takes back as many sums as were handed over, once they have been added up.
    pub(crate) fn take_back(&mut self, owner: &mut Self) {
        let kept = owner.free.len().saturating_sub(self.handed);
        self.free.extend(owner.free.drain(kept..));
        self.handed = 0;
    }

    /// A zero, in the buffer of a sum that is no longer needed, if there is one.
    pub(crate) fn zero(&mut self, new: &Zero) -> Box<dyn Sum> {
        let Some(mut sum) = self.free.pop() else { return new() };
        sum.empty();
        sum
    }

    /// Keeps a sum that is no longer needed.
    pub(crate) fn keep(&mut self, sum: Box<dyn Sum>) {
        self.free.push(sum);
    }
}

/// Makes an empty sum.
pub(crate) type Zero<'f> = dyn Fn() -> Box<dyn Sum> + Sync + 'f;

fn are_siblings(left: &Node, right: &Node) -> bool {
    left.level == right.level && left.index.is_multiple_of(2) && left.index + 1 == right.index
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Summand for f32 {
        type Number = f32;
        fn add(&mut self, other: &f32) {
            *self += other;
        }
        fn numbers(&mut self) -> impl Iterator<Item = &mut f32> {
            std::iter::once(self)
        }
    }

    fn leaf(index: usize) -> Node {
        node(0, index, (1.0 + index as f32 * 0.37).sin())
    }

    fn node(level: u32, index: usize, sum: f32) -> Node {
        Node { level, index, sum: Box::new(sum) }
    }

    fn number(mut sum: Box<dyn Sum>) -> f32 {
        *of_kind(&mut *sum)
    }

    /// The tree as it is defined: siblings first, what is left over from the right.
    fn by_levels(mut sums: Vec<f32>) -> f32 {
        let mut rest = Vec::new();
        while sums.len() > 1 {
            if sums.len() % 2 == 1 {
                rest.extend(sums.pop());
            }
            sums = sums.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
        }
        let last = rest.into_iter().reduce(|last, left| left + last);
        last.map_or_else(|| sums[0], |last| sums[0] + last)
    }

    /// Leaves in parts that end at `cuts`, each by a counter of its own, as threads, blocks of a stream or ranks do it.
    fn in_parts(count: usize, cuts: &[usize]) -> (f32, usize) {
        let (mut owner, mut start, mut handed) = (Counter::default(), 0, 0);
        for end in cuts.iter().copied().chain([count]) {
            let mut part = Counter::default();
            (start..end).for_each(|index| part.push(leaf(index)));
            handed = handed.max(part.nodes.len());
            part.hand_over(&mut owner);
            start = end;
        }
        (number(owner.finish().unwrap()), handed)
    }

    #[test]
    fn bits_do_not_depend_on_the_cuts() {
        for count in [1_usize, 2, 3, 5, 7, 8, 61, 97, 256, 782, 1023, 1024] {
            let expected = by_levels((0..count).map(|index| number(leaf(index).sum)).collect());
            for parts in [1, 2, 3, 5, 8, 16] {
                let cuts: Vec<_> = (1..parts).map(|part| part * count / parts).collect();
                assert_eq!(in_parts(count, &cuts).0.to_bits(), expected.to_bits(), "{count} in {parts}");
            }
            for block in [1, 7, 128, 1000] {
                let cuts: Vec<_> = (1..count.div_ceil(block)).map(|part| part * block).collect();
                assert_eq!(in_parts(count, &cuts).0.to_bits(), expected.to_bits(), "{count} by {block}");
            }
            let odd: Vec<_> = [3, 4, 19, 64, 500].into_iter().filter(|cut| *cut < count).collect();
            let (sum, handed) = in_parts(count, &odd);
            assert!(sum.to_bits() == expected.to_bits() && handed <= 18);
        }
    }

    #[test]
    fn in_place_onto_the_even_sibling_is_the_same() {
        for count in [1_usize, 2, 3, 61, 782] {
            let mut counter = Counter::default();
            for index in 0..count {
                match counter.sibling(index) {
                    Some(left) => counter.push(node(1, index / 2, number(left) + number(leaf(index).sum))),
                    None => counter.push(leaf(index)),
                }
            }
            assert_eq!(number(counter.finish().unwrap()).to_bits(), in_parts(count, &[]).0.to_bits());
        }
    }

    /// 10⁸ terms of 0.1 in leaves of 95,000, each right to rounding.
    #[test]
    fn long_sums_of_equal_terms() {
        let (count, terms) = (1053_usize, 95_000_usize);
        let mut counter = Counter::default();
        let term = 0.1_f32;
        let leaf = (f64::from(term) * terms as f64) as f32;
        for index in 0..count {
            let zero = counter.zero(&|| Box::new(0.0_f32));
            counter.push(node(0, index, number(zero) + leaf));
        }
        let exact = f64::from(term) * (count * terms) as f64;
        let sum = f64::from(number(counter.finish().unwrap()));
        assert!((sum / exact - 1.0).abs() < 5e-7, "{sum} {exact}");
        assert!(counter.free.len() <= 11, "{} buffers", counter.free.len());
    }
}

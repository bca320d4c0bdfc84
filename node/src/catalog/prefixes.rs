//! Hashes of the latest prefixes of the log: what replicas are compared by, while trades go on, at a position that all of them
//! have passed.

use std::collections::VecDeque;

use replication::contract::{ChainHash, Position};

use crate::limits::PREFIXES;

/// Hashes of the prefixes that end at consecutive positions, the last one at what is applied.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    /// Position of the last one.
    end: Position,
    hashes: VecDeque<ChainHash>,
}

impl Prefixes {
    /// One prefix is known.
    pub(super) fn at(end: Position, hash: ChainHash) -> Self {
        Prefixes { end, hashes: VecDeque::from([hash]) }
    }

    /// The next entry was applied.
    pub(super) fn note(&mut self, position: Position, hash: ChainHash) {
        self.end = position;
        self.hashes.push_back(hash);
        if self.hashes.len() > PREFIXES {
            self.hashes.pop_front();
        }
    }

    /// The prefix in front of the first one noted becomes known too.
    pub(super) fn known_before(&mut self, position: Position, hash: ChainHash) {
        if self.hashes.is_empty() {
            *self = Prefixes::at(position, hash);
        } else if position + self.hashes.len() as u64 == self.end {
            self.hashes.push_front(hash);
        }
    }

    pub(super) fn get(&self, position: Position) -> Option<ChainHash> {
        let back = usize::try_from(self.end.checked_sub(position)?).ok()?;
        self.hashes.get(self.hashes.len().checked_sub(1 + back)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(position: Position) -> ChainHash {
        ChainHash::EMPTY.extend(&position.to_be_bytes())
    }

    #[test]
    fn the_latest_prefixes_are_known_and_no_others() {
        let mut prefixes = Prefixes::default();
        assert_eq!(prefixes.get(0), None);
        (5..8).for_each(|position| prefixes.note(position, hash(position)));
        prefixes.known_before(4, hash(4));
        prefixes.known_before(2, hash(2));
        let known: Vec<_> = (0..10).filter(|at| prefixes.get(*at) == Some(hash(*at))).collect();
        assert_eq!(known, [4, 5, 6, 7]);
        let last = 8 + PREFIXES as u64;
        (8..last).for_each(|position| prefixes.note(position, hash(position)));
        assert_eq!((prefixes.get(7), prefixes.get(8)), (None, Some(hash(8))));
        assert_eq!((prefixes.get(last - 1), prefixes.get(last)), (Some(hash(last - 1)), None));
    }

    #[test]
    fn a_replica_that_starts_knows_the_prefix_of_its_store() {
        let mut prefixes = Prefixes::default();
        prefixes.known_before(9, hash(9));
        assert_eq!((prefixes.get(8), prefixes.get(9)), (None, Some(hash(9))));
    }
}

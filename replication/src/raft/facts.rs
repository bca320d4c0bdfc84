//! What the delivered entries say about the group itself: its members, their disks, the term of the last entry.
//!
//! These facts are the engine's *mark*: they stand beside the store, because what they were read from is forgotten
//! with the log.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use raft::eraftpb::ConfState;
use serde::{Deserialize, Serialize};

use crate::contract::{Epoch, Incarnation, Members, ReplicaId};

/// First byte of a mark, so that a later layout is known as such.
const LAYOUT: u8 = 1;

/// The group as of some position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    /// Term of the entry there.
    pub(super) term: Epoch,
    pub(super) voters: BTreeSet<ReplicaId>,
    pub(super) learners: BTreeSet<ReplicaId>,
    /// Whose words count, by member. A member that is missing here was never heard of.
    pub(super) disks: BTreeMap<ReplicaId, Incarnation>,
    /// Disks that were removed; they and all older ones of that replica never count again.
    pub(super) gone: BTreeMap<ReplicaId, Incarnation>,
    /// A roll was called: the log itself says with whom the group began.
    pub(super) rolled: bool,
}

/// A change of one member, as an entry says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Change {
    /// A new member that copies, with its disk.
    Learn(ReplicaId, Incarnation),
    /// It votes from now on.
    Promote(ReplicaId),
    /// It goes.
    Remove(ReplicaId),
}

/// Who belongs to the group and speaks for which disk, as an entry says it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Roll {
    pub(super) voters: BTreeSet<ReplicaId>,
    pub(super) learners: BTreeSet<ReplicaId>,
    pub(super) disks: BTreeMap<ReplicaId, Incarnation>,
}

impl Facts {
    pub(super) fn begin(voters: BTreeSet<ReplicaId>) -> Self {
        Facts { voters, ..Facts::default() }
    }

    pub(super) fn encode(&self) -> Bytes {
        let mut bytes = vec![LAYOUT];
        bytes.extend(encode(self));
        Bytes::from(bytes)
    }

    /// `None` if these bytes are no mark of ours, or describe no group.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (layout, rest) = bytes.split_first()?;
        let facts: Facts = if *layout == LAYOUT { decode(rest)? } else { return None };
        let sound = facts.voters.is_disjoint(&facts.learners)
            && !facts.voters.contains(&0)
            && !facts.learners.contains(&0)
            && (!facts.voters.is_empty() || facts.learners.is_empty());
        sound.then_some(facts)
    }

    pub(super) fn is_member(&self, id: ReplicaId) -> bool {
        self.voters.contains(&id) || self.learners.contains(&id)
    }

    /// Takes a change that the library took, too.
    pub(super) fn change(&mut self, change: Change) {
        match change {
            Change::Learn(id, disk) => {
                self.learners.insert(id);
                self.disks.insert(id, disk);
            }
            Change::Promote(id) => {
                self.learners.remove(&id);
                self.voters.insert(id);
            }
            Change::Remove(id) => {
                self.voters.remove(&id);
                self.learners.remove(&id);
                if let Some(disk) = self.disks.remove(&id) {
                    let gone = self.gone.entry(id).or_insert(disk);
                    *gone = disk.max(*gone);
                }
            }
        }
    }

    /// Takes a roll: disks of members that had none yet.
    pub(super) fn call(&mut self, roll: &Roll) {
        self.rolled = true;
        for (id, disk) in &roll.disks {
            if self.is_member(*id) {
                self.disks.entry(*id).or_insert(*disk);
            }
        }
    }

    pub(super) fn conf_state(&self) -> ConfState {
        let ids = |set: &BTreeSet<ReplicaId>| set.iter().map(|id| u64::from(*id)).collect();
        ConfState {
            voters: ids(&self.voters),
            learners: ids(&self.learners),
            ..ConfState::default()
        }
    }

    pub(super) fn members(&self) -> Members {
        Members { voters: self.voters.clone(), learners: self.learners.clone() }
    }
}

pub(super) fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data always encodes")
}

/// `None` if the bytes are no such value, or something follows it.
pub(super) fn decode<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_removed_disk_never_counts_again_and_a_newer_one_may() {
        let mut facts = Facts::begin([1, 2, 3].into());
        facts.call(&Roll { disks: [(1, 10), (2, 20), (9, 90)].into(), ..Roll::default() });
        facts.call(&Roll { disks: [(2, 21), (3, 30)].into(), ..Roll::default() });
        assert_eq!(facts.disks, [(1, 10), (2, 20), (3, 30)].into(), "the first roll stands");
        facts.change(Change::Remove(2));
        facts.change(Change::Learn(2, 22));
        facts.change(Change::Promote(2));
        assert_eq!((facts.gone.get(&2), facts.disks.get(&2)), (Some(&20), Some(&22)));
        assert_eq!(facts.members(), Members { voters: [1, 2, 3].into(), ..Members::default() });
        assert_eq!(Facts::decode(&facts.encode()), Some(facts));
    }

    #[test]
    fn what_describes_no_group_is_refused() {
        let both =
            Facts { voters: [1].into(), learners: [1].into(), rolled: true, ..Facts::default() };
        let headless = Facts { learners: [1].into(), ..Facts::default() };
        let nobody = Facts { voters: [0, 1].into(), ..Facts::default() };
        for facts in [both, headless, nobody] {
            assert_eq!(Facts::decode(&facts.encode()), None, "{facts:?}");
        }
        assert_eq!(Facts::decode(&[]), None);
        assert_eq!(Facts::decode(&[LAYOUT + 1, 0, 0, 0, 0, 0, 0]), None);
    }
}

//! Views: who belongs to the group now, in which life, and whose turn it is.

use serde::{Deserialize, Serialize};

use super::message::Ballot;
use crate::contract::{Incarnation, Position};

/// One start of one disk. A member numbers its Requests from 0 in every life, so no number is ever used twice.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Life {
    /// The disk.
    pub incarnation: Incarnation,
    /// The start; greater after every restart.
    pub boot: u64,
}

/// Requests `from..upto` of one life of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Whose: index among the sorted ids.
    pub member: u8,
    /// Of which life.
    pub life: Life,
    /// Number of the first one.
    pub from: u64,
    /// Number after the last one.
    pub upto: u64,
}

impl Run {
    /// How many.
    pub fn len(&self) -> u64 {
        self.upto.saturating_sub(self.from)
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How many commands a Sequence covers.
pub(super) fn count(runs: &[Run]) -> u64 {
    runs.iter().map(Run::len).sum()
}

/// How far every member's Requests are covered by Sequences: the last life covered, and the next number in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frontier(pub Vec<(Life, u64)>);

impl Frontier {
    pub(super) fn new(size: usize) -> Self {
        Frontier(vec![(Life::default(), 0); size])
    }

    /// The first number of this life that no Sequence covers. A life older than the last one covered has none left.
    pub(super) fn next(&self, member: usize, life: Life) -> u64 {
        match self.0.get(member) {
            Some((known, next)) if *known == life => *next,
            Some((known, _)) if *known > life => u64::MAX,
            _ => 0,
        }
    }

    /// One more Sequence.
    pub(super) fn cover(&mut self, runs: &[Run]) {
        for run in runs {
            if let Some(place) = self.0.get_mut(usize::from(run.member)) {
                *place = (run.life, run.upto);
            }
        }
    }
}

/// Who belongs to the group, and how its numbers go on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub ballot: Ballot,
    /// Per member, in the sequence of their ids: the life that belongs to it.
    pub members: Vec<Option<Life>>,
    /// Whose turn it is, by index among the sorted ids: number `base + 1 + i` is the turn of `rotation[i mod len]`.
    pub rotation: Vec<u8>,
    /// The Sequences up to this one were recovered; the view's own follow.
    pub base: u64,
    /// The position that the last command of the recovered ones has.
    pub position: Position,
    /// The disks that the group was founded with.
    pub founders: Vec<Incarnation>,
}

impl View {
    /// Whose turn this number is, if it is one of this view's.
    pub(super) fn turn(&self, number: u64) -> Option<usize> {
        let turn = number.checked_sub(self.base + 1)?;
        let place = turn.checked_rem(self.rotation.len() as u64)? as usize;
        self.rotation.get(place).map(|index| usize::from(*index))
    }

    /// The life of a member in this view.
    pub(super) fn life(&self, member: usize) -> Option<Life> {
        self.members.get(member).copied().flatten()
    }

    /// The members' indices.
    pub(super) fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.members.len()).filter(|index| self.members[*index].is_some())
    }

    pub(super) fn rotates(&self, member: usize) -> bool {
        self.rotation.iter().any(|index| usize::from(*index) == member)
    }

    /// Could a sane proposer have made it, for a group of this size?
    pub(super) fn is_sound(&self, size: usize) -> bool {
        self.members.len() == size
            && self.founders.len() == size
            && !self.rotation.is_empty()
            && self.rotation.len() <= size
            && self.rotation.iter().all(|index| self.life(usize::from(*index)).is_some())
            && self.ballot != Ballot::NONE
    }
}

/// More than half of a group of this size.
pub(super) fn majority(size: usize) -> usize {
    size / 2 + 1
}

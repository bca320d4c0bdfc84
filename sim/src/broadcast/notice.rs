//! What is worth counting: the situations that a run must have met, seen from outside.

use replication::contract::{Changed, Entry, Position, Role};
use replication::rotating_sequencer::{Body, Message};

use super::world::World;

/// Two proposers within this time, in µs, are in each other's way.
const DUEL: u64 = 30_000;

impl World<'_> {
    /// A message reaches a member, which last said that it holds something.
    pub(super) fn notice_arrival(&mut self, to: usize, message: &Message) {
        let holds = &self.members[to].holds;
        if let Body::Sequence { number, upto } = &message.body {
            let ahead = upto.iter().zip(&holds.requests).any(|(upto, have)| upto > have);
            if ahead && *number > holds.sequences {
                self.marks.hit("sequences that overtook their requests");
            }
        }
    }

    /// A member says something.
    pub(super) fn notice_word(&mut self, member: usize, message: &Message) {
        match &message.body {
            Body::Repair { parts, .. } => {
                let others = parts.iter().any(|part| usize::from(part.member) != member);
                self.marks.hit(if others {
                    "repairs by others than the sender"
                } else {
                    "repairs"
                });
            }
            Body::Gather { ballot } => {
                let (last, at) = std::mem::replace(&mut self.gathered, (*ballot, self.now));
                if last.proposer != ballot.proposer && self.now < at + DUEL {
                    self.marks.hit("duelling proposers");
                }
            }
            Body::Install(install) if self.judges.reached(install.parent) > install.view.base => {
                self.marks.hit("recoveries that cut a tail");
            }
            _ => {}
        }
    }

    /// A position is delivered for the first time.
    pub(super) fn notice_delivery(&mut self, member: usize, entry: &Entry) {
        let origin = self.judges.proposals.of(&entry.command).map(|proposal| proposal.member);
        if origin.is_some_and(|origin| origin != self.members[member].id) {
            self.marks.hit("delivered first by another member than took it");
        }
        self.marks_of.push(self.members[member].mark.clone());
    }

    /// Does a batch go on after this position?
    pub(super) fn in_a_batch(&self, position: Position) -> bool {
        let index = position as usize;
        position > 0
            && index < self.marks_of.len()
            && self.marks_of[index - 1] == self.marks_of[index]
    }

    /// A member changes its role.
    pub(super) fn notice_change(&mut self, member: usize, changed: &Changed) {
        self.marks.hit(changed.cause);
        let target = &self.members[member];
        if changed.role == Role::Member && target.recovering {
            self.marks.hit("members back without their disks");
        } else if changed.role == Role::Member && target.boot > 1 && target.role != Role::Member {
            self.marks.hit("members back with their disks");
        }
    }
}

//! Founding: the first leader of a group needs the voices of *all* its first voters, not of a majority.
//!
//! # Why
//! An empty disk cannot tell "nothing was agreed on yet" from "I lost what was". Majorities of empty disks may therefore stand beside
//! a majority that has a log: with three voters, one that was never started and one that lost its disk would begin a second group.
//! Somebody who has a log, though, never votes for an empty one; so if all are asked, nobody has one.
//!
//! # What it rests on
//! - A log without a *roll* is unfounded. A leader writes the roll before the first command, so nothing that anybody was told rests
//!   on unfounded logs.
//! - The founder heard all first voters, so the first roll names all their disks. From then on a disk that takes the place of a lost one is
//!   known by its name, and majorities do.
//! - A candidate without a roll says so ([`FOUNDS`]): it names no disks, and an empty one may vote for it all the same.
//!
//! # What it costs
//! All first voters must run at once, once.

use std::collections::BTreeMap;

use raft::{StateRole, eraftpb};

use super::Raft;
use super::message::{Kind, Message};
use crate::contract::{Incarnation, ReplicaId};

/// What a candidate says, as the reason of its campaign, whose log has no roll yet.
pub(super) const FOUNDS: &[u8] = b"Founding";

/// Voices for a founder, held back until there are all.
#[derive(Default)]
pub(super) struct Founding {
    voices: BTreeMap<ReplicaId, eraftpb::Message>,
}

impl Founding {
    /// A campaign begins: earlier voices were for another one.
    pub(super) fn begin(&mut self) {
        self.voices.clear();
    }
}

impl Raft {
    /// The log has a roll, delivered or not.
    pub(super) fn is_founded(&self) -> bool {
        self.facts.rolled || self.raw.store().has_own()
    }

    /// Is this a voice that does not count alone?
    pub(super) fn is_founding_voice(&self, message: &Message) -> bool {
        let raft = &self.raw.raft;
        let present = match raft.state {
            StateRole::PreCandidate => (Kind::PreVoteAnswer, raft.term + 1),
            StateRole::Candidate => (Kind::VoteAnswer, raft.term),
            StateRole::Follower | StateRole::Leader => return false,
        };
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::FoundedByMajority) {
            return false;
        }
        (message.kind, message.term) == present && !message.reject && !self.is_founded()
    }

    /// Holds a voice back until every other first voter has given one; then all of them count.
    pub(super) fn hold_voice(&mut self, from: ReplicaId, voice: eraftpb::Message) {
        let voices = &mut self.founding.voices;
        voices.retain(|_, held| held.term == voice.term && held.msg_type == voice.msg_type);
        voices.insert(from, voice);
        let others = self.facts.voters.iter().filter(|voter| **voter != self.config.id);
        if others.clone().all(|voter| voices.contains_key(voter)) {
            for (_, voice) in std::mem::take(voices) {
                // Refused only if it comes from no member.
                let _ = self.raw.step(voice);
            }
        }
    }

    /// The disk of a member that is on no roll: the first one heard of. While nothing is founded a newer one takes its place: nothing
    /// was lost with the older one, and what it promised ends with it.
    pub(super) fn unrolled_disk(&mut self, from: ReplicaId, disk: Incarnation) -> Incarnation {
        let replaceable = !self.is_founded() && self.raw.raft.state != StateRole::Leader;
        let heard = self.heard.entry(from).or_insert(disk);
        if replaceable && *heard < disk {
            *heard = disk;
            self.founding.voices.remove(&from);
        }
        *heard
    }
}

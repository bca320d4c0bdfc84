//! Whose words count, and which cannot be true.
//!
//! The library trusts its callers: a message from a disk that was wiped makes it count promises that were forgotten,
//! and one with impossible numbers stops the process. Both are kept from it here.
//!
//! # Disks
//! A member speaks for the disk on the roll. Words of any other disk are dropped, but for a leader's with a *newer* disk:
//! a replica that is behind may not have heard that the member was removed and added again, and who leads was elected
//! by others. A voter whose disk is not on a roll yet (the group has not begun) speaks for the newest disk heard of (`founding`).
//! A disk without a log votes only for a candidate without a roll, or one whose log has it on the roll: it might have been wiped.

use raft::{StateRole, eraftpb};

use super::Raft;
use super::config::{MAX_POSITION, MAX_TERM};
use super::envelope;
use super::founding::FOUNDS;
use super::message::{Kind, Message};
use crate::contract::{Incarnation, ReplicaId};

impl Kind {
    /// Only who leads says it.
    fn is_a_leaders(self) -> bool {
        matches!(self, Kind::Append | Kind::Heartbeat | Kind::Snapshot)
    }

    fn is_answer(self) -> bool {
        matches!(
            self,
            Kind::AppendAnswer | Kind::VoteAnswer | Kind::PreVoteAnswer | Kind::HeartbeatAnswer
        )
    }
}

impl Raft {
    /// May the library hear this?
    pub(super) fn admits(&mut self, from: ReplicaId, message: &Message) -> bool {
        from != self.config.id
            && from != 0
            && possible(message)
            && self.is_for_this_disk(message)
            && self.speaks_for_its_disk(from, message)
            && self.plausible(from, message)
    }

    fn is_for_this_disk(&self, message: &Message) -> bool {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::EnrolmentIgnored) {
            return true;
        }
        let named = message.to_incarnation == self.config.incarnation;
        let asks = matches!(message.kind, Kind::Vote | Kind::PreVote);
        let blank = self.raw.raft.raft_log.last_index() == 0;
        if asks && blank && message.index > 0 && message.context != FOUNDS {
            return named;
        }
        named || message.to_incarnation == 0
    }

    fn speaks_for_its_disk(&mut self, from: ReplicaId, message: &Message) -> bool {
        #[cfg(feature = "mutants")]
        if self.config.errs(crate::mutants::Mutant::EnrolmentIgnored) {
            return true;
        }
        let disk = message.incarnation;
        // The last word of a leader that removed itself; whether it leads is asked for below.
        let farewell = message.kind == Kind::CampaignNow;
        if disk == 0 || (self.facts.gone.get(&from) >= Some(&disk) && !farewell) {
            return false;
        }
        let enrolled = self.facts.disks.get(&from).copied();
        let known = match enrolled {
            Some(disk) => disk,
            None if self.facts.is_member(from) => self.unrolled_disk(from, disk),
            // No member as far as this replica knows: it may be behind.
            None => return !message.kind.is_answer(),
        };
        let newer = || {
            let added = self.raw.store().names(self.delivered, from).0;
            message.kind.is_a_leaders() || (!message.kind.is_answer() && added == Some(disk))
        };
        disk == known || (disk > known && newer())
    }

    /// Could this be said to this replica as it is now?
    fn plausible(&self, from: ReplicaId, message: &Message) -> bool {
        let raft = &self.raw.raft;
        let end = raft.raft_log.last_index();
        match message.kind {
            // What the leader says this disk acknowledged, it has.
            Kind::Heartbeat => message.commit <= end,
            Kind::AppendAnswer if message.reject => {
                let matched = raft.prs().get(u64::from(from)).map_or(0, |p| p.matched);
                let leads = raft.state == StateRole::Leader && message.term == raft.term;
                // A rejection of what is known to match is late.
                message.index <= end
                    && message.reject_hint <= message.index
                    && (!leads || message.index > matched)
            }
            Kind::AppendAnswer => message.index <= end || message.term != raft.term,
            // Before its own question is durable nobody can have heard it.
            Kind::VoteAnswer | Kind::PreVoteAnswer => self.settled(),
            Kind::CampaignNow => raft.leader_id == u64::from(from) && message.term == raft.term,
            Kind::Append | Kind::Vote | Kind::PreVote | Kind::HeartbeatAnswer | Kind::Snapshot => {
                true
            }
        }
    }

    /// Remembers which disk leads: a replica that is behind has an older one on its roll.
    pub(super) fn hear_disk(&mut self, from: ReplicaId, message: &Message) {
        if message.kind.is_a_leaders() && message.term >= self.raw.raft.term {
            self.led_by = Some((message.term, from, message.incarnation));
        }
    }

    /// The disk that leads in a message's term, if the message is to it.
    pub(super) fn asked_by(
        &self,
        to: ReplicaId,
        message: &eraftpb::Message,
    ) -> Option<Incarnation> {
        let (term, leader, disk) = self.led_by?;
        (term == message.term && leader == to).then_some(disk)
    }

    /// The disk a message to this peer is meant for; 0 if unknown. A candidate names only what its log agreed on.
    pub(super) fn disk_of(&self, peer: ReplicaId, campaigns: bool) -> Incarnation {
        let (added, called) = self.raw.store().names(self.delivered, peer);
        let enrolled = self.facts.disks.get(&peer).copied();
        let heard = self.heard.get(&peer).copied().filter(|_| !campaigns);
        added.or(enrolled).or(called).or(heard).unwrap_or(0)
    }
}

/// Numbers that sums cannot overflow, and entries that could stand in a log.
fn possible(message: &Message) -> bool {
    let terms = [message.log_term, message.commit_term];
    let positions = [message.index, message.commit, message.reject_hint];
    let snapshot = message.snapshot.as_ref();
    message.term > 0
        && message.term <= MAX_TERM
        && terms.iter().all(|term| *term <= message.term)
        && positions.iter().all(|position| *position <= MAX_POSITION)
        && snapshot.is_none_or(|name| name.position > 0 && name.position <= MAX_POSITION)
        && (message.kind == Kind::Append || message.entries.is_empty())
        && (message.kind == Kind::Snapshot) == message.snapshot.is_some()
        // Only the beginning has no term; the library takes a place past its own end for one without, too.
        && (message.kind != Kind::Append || (message.index == 0) == (message.log_term == 0))
        && follows(message)
}

/// The entries follow `index` and each other, in ascending terms.
fn follows(message: &Message) -> bool {
    let (mut position, mut term) = (message.index, message.log_term);
    message.entries.iter().all(|entry| {
        let Some(opened) = envelope::open(&entry.envelope) else { return false };
        let fits = entry.position == position + 1
            && opened.term >= term.max(1)
            && opened.term <= message.term;
        (position, term) = (entry.position, opened.term);
        fits
    })
}

//! Members come and go one at a time (thesis, chapter 4), and speak for one disk each.
//!
//! A new member copies first (a learner), and is made a voter by the leader once it is level. Every member's disk is
//! on the *roll*: an entry of the leader's that says who speaks for which disk, made when a disk is first heard of.
//! The very first roll also says with whom the group began, for members that join before there is a snapshot.

use raft::StateRole;
use raft::eraftpb::{ConfChange, ConfChangeType};

use super::Raft;
use super::envelope::EntryKind;
use super::facts::{self, Change, Facts, Roll};
use super::log;
use crate::contract::{Incarnation, MemberChange, MemberError, ReplicaId};

impl Raft {
    /// Takes a change, if this replica leads and nothing else is changing.
    pub(super) fn take_change(&mut self, change: MemberChange) -> Result<(), MemberError> {
        if !self.is_leading() || self.handing_over.is_some() {
            return Err(MemberError::NotLeader { leader: self.known_leader() });
        }
        if !self.facts.rolled || self.is_changing() {
            return Err(MemberError::UnderWay);
        }
        let change = self.checked(change)?;
        self.stage(EntryKind::Members, facts::encode(&change));
        Ok(())
    }

    fn checked(&self, change: MemberChange) -> Result<Change, MemberError> {
        let facts = &self.facts;
        match change {
            MemberChange::Add(id, _) if facts.is_member(id) => Err(MemberError::IsMember(id)),
            MemberChange::Add(id, disk) if facts.gone.get(&id) >= Some(&disk) => {
                Err(MemberError::IsMember(id))
            }
            MemberChange::Add(..) if !facts.learners.is_empty() => Err(MemberError::UnderWay),
            MemberChange::Add(0, _) => Err(MemberError::NoMember(0)),
            MemberChange::Add(id, disk) => Ok(Change::Learn(id, disk)),
            MemberChange::Remove(id) if !facts.is_member(id) => Err(MemberError::NoMember(id)),
            MemberChange::Remove(id) if facts.voters.len() == 1 && facts.voters.contains(&id) => {
                Err(MemberError::LastVoter(id))
            }
            MemberChange::Remove(id) => match self.unheard_beside(id) {
                Some(other) => Err(MemberError::NotHeard(other)),
                None => Ok(Change::Remove(id)),
            },
        }
    }

    /// A voter whose disk is on no roll: it can help to elect nobody who has a log, so without `id` the majority might be one
    /// on paper only.
    fn unheard_beside(&self, id: ReplicaId) -> Option<ReplicaId> {
        let unheard = |voter: &&ReplicaId| **voter != id && !self.facts.disks.contains_key(voter);
        self.facts.voters.iter().find(unheard).copied()
    }

    /// A change is proposed and not delivered.
    fn is_changing(&self) -> bool {
        let staged = self.staged.iter().any(|entry| !entry.context.is_empty());
        staged || self.raw.raft.has_pending_conf() || self.roll_at > self.delivered
    }

    /// The leader's care for its members: the roll, and promotions.
    pub(super) fn tend_members(&mut self) {
        let leads = self.raw.raft.state == StateRole::Leader;
        if !leads || self.handing_over.is_some() || self.roll_at > self.delivered {
            return;
        }
        let members = self.facts.voters.iter().chain(&self.facts.learners);
        let unknown = members.filter(|id| !self.facts.disks.contains_key(id));
        let news: Vec<_> = unknown.filter_map(|id| Some((*id, *self.heard.get(id)?))).collect();
        if !self.facts.rolled || !news.is_empty() {
            self.call_roll(news);
        } else if self.is_leading() && !self.is_changing() {
            self.promote();
        }
    }

    fn call_roll(&mut self, news: Vec<(ReplicaId, Incarnation)>) {
        let (voters, learners) = (self.facts.voters.clone(), self.facts.learners.clone());
        let mut disks = self.facts.disks.clone();
        disks.extend(news);
        self.stage(EntryKind::Roll, facts::encode(&Roll { voters, learners, disks }));
        self.roll_at = self.last_position();
    }

    /// Makes a learner a voter once it is level.
    fn promote(&mut self) {
        let raft = &self.raw.raft;
        let level = raft.raft_log.committed.saturating_sub(self.config.limits.promotion_gap);
        let ready = |id: &&ReplicaId| {
            let progress = raft.prs().get(u64::from(**id));
            progress.is_some_and(|p| p.recent_active && p.matched > 0 && p.matched >= level)
        };
        if let Some(id) = self.facts.learners.iter().find(ready).copied() {
            self.stage(EntryKind::Members, facts::encode(&Change::Promote(id)));
        }
    }

    pub(super) fn stage(&mut self, kind: EntryKind, payload: Vec<u8>) {
        self.staged.push(log::proposal(kind, payload.into()));
    }

    /// A delivered change takes effect. One that the library refuses changes nothing, on every replica alike.
    pub(super) fn apply_change(&mut self, payload: &[u8]) {
        let Some(change) = facts::decode::<Change>(payload) else { return };
        if self.apply_to_library(change) {
            self.facts.change(change);
            self.leave_if_removed();
        }
    }

    fn apply_to_library(&mut self, change: Change) -> bool {
        let (change_type, id) = match change {
            Change::Learn(id, _) => (ConfChangeType::AddLearnerNode, id),
            Change::Promote(id) => (ConfChangeType::AddNode, id),
            Change::Remove(id) => (ConfChangeType::RemoveNode, id),
        };
        let mut library = ConfChange { node_id: u64::from(id), ..ConfChange::default() };
        library.set_change_type(change_type);
        id != 0 && self.raw.apply_conf_change(&library).is_ok()
    }

    /// A leader that is no voter any more stops at once (the library would lead on and stumble), and lets the best
    /// of the others follow without waiting for a timeout.
    fn leave_if_removed(&mut self) {
        if self.raw.raft.state != StateRole::Leader || self.facts.voters.contains(&self.config.id) {
            return;
        }
        if let Some(successor) = self.successor(None) {
            self.raw.raft.send_timeout_now(u64::from(successor));
        }
        let term = self.raw.raft.term;
        self.raw.raft.become_follower(term, 0);
    }

    /// A delivered roll takes effect; the first one also settles with whom the group began.
    pub(super) fn apply_roll(&mut self, payload: &[u8]) {
        let Some(roll) = facts::decode::<Roll>(payload) else { return };
        if !self.facts.rolled && !roll.voters.is_empty() {
            self.begin_with(&roll);
        }
        self.facts.call(&roll);
        self.heard.retain(|id, _| !self.facts.disks.contains_key(id));
        self.heard.insert(self.config.id, self.config.incarnation);
    }

    /// A replica that joined without a configuration, or with another, takes the group's.
    fn begin_with(&mut self, roll: &Roll) {
        let old = self.facts.clone();
        for voter in roll.voters.difference(&old.voters) {
            self.apply_to_library(Change::Promote(*voter));
        }
        for learner in roll.learners.difference(&old.learners) {
            self.apply_to_library(Change::Learn(*learner, 0));
        }
        for id in old.voters.union(&old.learners) {
            if !roll.voters.contains(id) && !roll.learners.contains(id) {
                self.apply_to_library(Change::Remove(*id));
            }
        }
        self.facts = Facts { voters: roll.voters.clone(), learners: roll.learners.clone(), ..old };
    }
}

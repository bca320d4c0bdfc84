//! The leader: numbers commands, sends them, counts acknowledgements, commits.

use std::collections::BTreeMap;

use super::{
    Message, Timing, catch_up, core::Core, hand_over::HandOver, in_sync::InSync, progress::Progress,
};
use crate::contract::{Command, Entry, Incarnation, Position, ProposeError, ReplicaId};
use crate::time::Time;

pub(super) struct Leader {
    /// Log end when elected: everything acknowledged in earlier epochs lies at or below it.
    pub(super) leso: Position,
    pub(super) followers: BTreeMap<ReplicaId, Progress>,
    pub(super) in_sync: InSync,
    pub(super) handing_over: Option<HandOver>,
    ticked_at: Time,
}

impl Leader {
    /// Starts to lead the adopted epoch, which is durable.
    pub(super) fn new(core: &Core, now: Time) -> Self {
        let end = core.log.end();
        let follower =
            |peer: &ReplicaId| (*peer, Progress::new(core.disk_of(*peer).unwrap_or(0), end, now));
        Leader {
            leso: end,
            followers: core.config.peers.iter().map(follower).collect(),
            in_sync: InSync::new(core.known.in_sync.clone()),
            handing_over: None,
            ticked_at: now,
        }
    }

    pub(super) fn propose(
        &mut self,
        core: &mut Core,
        commands: Vec<Command>,
    ) -> Result<Option<std::ops::Range<Position>>, ProposeError> {
        if self.handing_over.is_some() {
            return Err(ProposeError::NotLeader { epoch: core.epoch, leader: None });
        }
        let limit = core.config.limits.undelivered;
        let undelivered = (core.log.end() - core.delivered) as usize;
        if undelivered + commands.len() > limit {
            return Err(ProposeError::Full { undelivered, limit });
        }
        let first = core.log.end() + 1;
        commands.into_iter().for_each(|command| core.log.extend(command));
        Ok(Some(first..core.log.end() + 1))
    }

    /// An acknowledgement of this epoch.
    pub(super) fn acknowledged(
        &mut self,
        core: &mut Core,
        now: Time,
        from: ReplicaId,
        disk: Incarnation,
        matched: Position,
    ) {
        #[cfg(feature = "mutants")]
        let disk = old_disk_counts(core, from, disk);
        let Some(follower) = self.followers.get_mut(&from) else { return };
        if matched > core.log.end() {
            return;
        }
        follower.acknowledged(now, disk, matched);
        self.advance(core);
        self.grow(core, now);
        self.continue_hand_over(core, now);
    }

    /// A refusal of this epoch.
    pub(super) fn refused(&mut self, core: &Core, now: Time, from: ReplicaId, hint: Position) {
        if let Some(follower) = self.followers.get_mut(&from) {
            follower.refused(now, hint.min(core.log.end()));
        }
    }

    /// What a follower holds durably, if the disk that said so is the one the register knows.
    pub(super) fn counted(&self, core: &Core, peer: ReplicaId) -> Position {
        let known = core.disk_of(peer);
        let follower = self.followers.get(&peer);
        follower.filter(|follower| known == Some(follower.incarnation)).map_or(0, |f| f.matched)
    }

    /// What every replica holds durably that is, or may be, in sync; this one included.
    pub(super) fn in_sync_durable(&self, core: &Core) -> Position {
        let others = self.in_sync.maximal().iter().filter(|peer| **peer != core.config.id);
        others.map(|peer| self.counted(core, *peer)).fold(core.durable(), Position::min)
    }

    /// Commits what the maximal in-sync set holds.
    pub(super) fn advance(&mut self, core: &mut Core) {
        let position = self.in_sync_durable(core);
        core.learn_commit(position);
    }

    pub(super) fn tick(&mut self, core: &mut Core, now: Time) {
        let paused = now.since(self.ticked_at) >= core.config.timing.own_pause;
        self.ticked_at = now;
        let end = core.log.end();
        for follower in self.followers.values_mut() {
            if follower.matched >= end {
                follower.progressed_at = now;
            }
            if paused {
                follower.forgive(now);
            }
            follower.expire(now, &core.config.timing);
        }
        self.tend_in_sync(core, now);
        self.continue_hand_over(core, now);
    }

    pub(super) fn link(&mut self, now: Time, peer: ReplicaId, up: bool) {
        let Some(follower) = self.followers.get_mut(&peer) else { return };
        if up {
            // What was on its way when the link broke is gone; a probe tells how much.
            follower.down_since = None;
            follower.again();
        } else {
            follower.down_since.get_or_insert(now);
        }
    }

    /// Sends everyone what it lacks, as far as its window allows.
    pub(super) fn flush(&mut self, core: &mut Core, now: Time) {
        for (peer, follower) in &mut self.followers {
            catch_up::feed(core, *peer, follower, now);
            if wants_word(follower, core.commit, now, &core.config.timing) {
                let (previous, hash) = anchor(core, follower);
                send_append(core, *peer, follower, now, (previous, hash), Vec::new());
            }
        }
    }
}

/// An empty append is due: as a heartbeat, or to tell a commit that nothing else carried.
fn wants_word(follower: &Progress, commit: Position, now: Time, timing: &Timing) -> bool {
    let quiet = now.since(follower.sent_at);
    quiet >= timing.heartbeat || (follower.told_commit < commit && quiet >= timing.tell_commit)
}

/// A follower being probed must not take an empty append for the probe's answer, so it gets the empty prefix.
fn anchor(core: &Core, follower: &Progress) -> (Position, crate::contract::ChainHash) {
    core.anchor(if follower.probing { 0 } else { follower.next - 1 })
}

/// Sends one append that follows `previous`.
pub(super) fn send_append(
    core: &mut Core,
    to: ReplicaId,
    follower: &mut Progress,
    now: Time,
    (previous, previous_hash): (Position, crate::contract::ChainHash),
    entries: Vec<Entry>,
) {
    let (epoch, commit) = (core.epoch, core.commit);
    follower.sent_at = now;
    follower.told_commit = commit;
    core.send(to, Message::Append { epoch, previous, previous_hash, entries, commit });
}

#[cfg(feature = "mutants")]
fn old_disk_counts(core: &Core, from: ReplicaId, disk: Incarnation) -> Incarnation {
    let mutated = core.config.mutant == Some(crate::mutants::Mutant::OldIncarnationAcks);
    core.disk_of(from).filter(|_| mutated).unwrap_or(disk)
}

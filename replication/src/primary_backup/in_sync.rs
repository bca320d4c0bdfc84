//! The in-sync set as its leader sees it.
//!
//! The commit must count every replica that *may* be in the register's set, because each of them may be elected. So
//! the leader keeps the **maximal** set: a replica to be added is counted before the register is asked, a replica to
//! be removed is counted until the register is known to have removed it. A question without an answer leaves both
//! possibilities open, so the maximal set stays the union; the same question is asked again, which is harmless since
//! it names the version it expects, until a newer configuration is seen and closes the matter either way.
//!
//! **Invitations.** A set member must hold the whole commit. A follower that is fast but always one round trip behind
//! a busy group would never be seen to hold it. So the leader counts a follower that is nearly there at once
//! (a greater maximal set is always safe): the commit waits, the follower reaches it, and only then the register is asked.
//! If it does not get there soon, it is dropped from the maximal set again, which is safe because nothing was asked.

use std::collections::BTreeSet;

use super::{core::Core, leader::Leader};
use crate::contract::{Effect, Incarnation, Position, ReplicaId};
use crate::register::RegisterCommand;
use crate::time::Time;

pub(super) struct InSync {
    maximal: BTreeSet<ReplicaId>,
    /// A change whose outcome is not known, and when it was last asked for.
    pending: Option<(RegisterCommand, Time)>,
    invited: Option<(ReplicaId, Time)>,
    /// No invitation before this.
    quiet_until: Time,
}

impl InSync {
    pub(super) fn new(known: BTreeSet<ReplicaId>) -> Self {
        InSync { maximal: known, pending: None, invited: None, quiet_until: Time::default() }
    }

    pub(super) fn maximal(&self) -> &BTreeSet<ReplicaId> {
        &self.maximal
    }

    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_none()
    }
}

impl Leader {
    /// A newer configuration of the same epoch: whatever was asked for has happened or never will.
    pub(super) fn reconfigured(&mut self, core: &mut Core, now: Time) {
        let quiet_until = self.in_sync.quiet_until;
        self.in_sync = InSync { quiet_until, ..InSync::new(core.known.in_sync.clone()) };
        for (peer, follower) in &mut self.followers {
            let disk = core.disk_of(*peer).unwrap_or(0);
            if disk > follower.incarnation {
                // A new disk: nothing the old one acknowledged counts, and nothing is known about its log.
                (follower.incarnation, follower.matched) = (disk, 0);
                follower.rewind(follower.next);
            }
        }
        self.advance(core);
        self.tend_in_sync(core, now);
    }

    /// Asks again, removes who is late, adds who has caught up.
    pub(super) fn tend_in_sync(&mut self, core: &mut Core, now: Time) {
        if let Some((command, asked_at)) = &mut self.in_sync.pending {
            if now.since(*asked_at) >= core.config.timing.ask_again {
                *asked_at = now;
                core.out.push(Effect::Configure(command.clone()));
            }
            return;
        }
        self.shrink(core, now);
        self.grow(core, now);
        self.end_invitation(core, now);
    }

    fn shrink(&mut self, core: &mut Core, now: Time) {
        let late = |peer: &ReplicaId| self.is_late(core, *peer, now);
        let kept: BTreeSet<ReplicaId> =
            core.known.in_sync.iter().copied().filter(|peer| !late(peer)).collect();
        if kept.len() == core.known.in_sync.len() {
            return;
        }
        #[cfg(feature = "mutants")]
        if core.config.mutant == Some(crate::mutants::Mutant::ShrinkBeforeKnown) {
            self.in_sync.maximal.clone_from(&kept);
            self.advance(core);
        }
        self.ask(core, now, kept, None);
    }

    pub(super) fn is_late(&self, core: &Core, peer: ReplicaId, now: Time) -> bool {
        let (end, timing) = (core.log.end(), &core.config.timing);
        peer != core.config.id
            && self.followers.get(&peer).is_none_or(|follower| follower.late(now, end, timing))
    }

    /// Adds the first follower that holds everything committed; failing that, invites one that nearly does.
    pub(super) fn grow(&mut self, core: &mut Core, now: Time) {
        if !self.in_sync.is_settled() {
            return;
        }
        let outside: Vec<_> = self.candidates(core, now).collect();
        let needed = self.needed(core);
        if let Some((peer, disk)) = outside.iter().find(|(peer, _)| self.matched(*peer) >= needed) {
            self.in_sync.maximal.insert(*peer);
            let mut grown = core.known.in_sync.clone();
            grown.insert(*peer);
            return self.ask(core, now, grown, Some((*peer, *disk)));
        }
        self.invite(core, now, outside);
    }

    /// Followers outside the set whose word counts and who keep up.
    fn candidates<'a>(
        &'a self,
        core: &'a Core,
        now: Time,
    ) -> impl Iterator<Item = (ReplicaId, Incarnation)> + 'a {
        let outside = self.followers.iter().filter(|(peer, _)| !core.known.in_sync.contains(peer));
        outside
            .filter(move |(peer, follower)| core.known.knows(**peer, follower.incarnation))
            .filter(move |(peer, _)| !self.is_late(core, **peer, now))
            .map(|(peer, follower)| (*peer, follower.incarnation))
    }

    /// What a new member must hold. Everything acknowledged in this epoch is at most `commit`; everything
    /// acknowledged before is at most `leso`, and the commit may still be below that.
    fn needed(&self, core: &Core) -> Position {
        #[cfg(feature = "mutants")]
        if core.config.mutant == Some(crate::mutants::Mutant::ReadmitWithoutLeso) {
            return core.commit;
        }
        core.commit.max(self.leso)
    }

    fn matched(&self, peer: ReplicaId) -> Position {
        self.followers.get(&peer).map_or(0, |follower| follower.matched)
    }

    fn invite(&mut self, core: &Core, now: Time, outside: Vec<(ReplicaId, Incarnation)>) {
        if self.in_sync.invited.is_some() || now < self.in_sync.quiet_until {
            return;
        }
        let reach = self.needed(core).saturating_sub(core.config.limits.invitation_gap);
        let near = |peer: &ReplicaId| self.matched(*peer) > reach;
        if let Some(peer) = outside.into_iter().map(|(peer, _)| peer).find(near) {
            self.in_sync.maximal.insert(peer);
            self.in_sync.invited = Some((peer, now));
        }
    }

    /// Drops a guest that did not make it. Only while nothing is asked: then the register cannot hold it.
    fn end_invitation(&mut self, core: &mut Core, now: Time) {
        let Some((peer, since)) = self.in_sync.invited else { return };
        let timing = &core.config.timing;
        if self.in_sync.is_settled() && now.since(since) >= timing.invitation {
            self.in_sync.invited = None;
            self.in_sync.quiet_until = now + timing.between_invitations;
            if !core.known.in_sync.contains(&peer) {
                self.in_sync.maximal.remove(&peer);
            }
            self.advance(core);
        }
    }

    fn ask(
        &mut self,
        core: &mut Core,
        now: Time,
        in_sync: BTreeSet<ReplicaId>,
        added: Option<(ReplicaId, Incarnation)>,
    ) {
        let (expect, epoch) = (core.known.version, core.epoch);
        let command = RegisterCommand::AlterInSync { expect, epoch, in_sync, added };
        self.in_sync.pending = Some((command.clone(), now));
        core.out.push(Effect::Configure(command));
    }
}

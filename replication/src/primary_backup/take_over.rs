//! How a replica follows the register: enrols its disk, adopts epochs, takes over, steps down.
//!
//! An epoch is adopted when the register or a leader's append shows it; a refusal alone only makes a leader step down,
//! since the newer epoch it speaks of may turn out to be this replica's own next one. Adopting is written to disk
//! before anything is said in the new epoch. So a replica finds on its disk every epoch it ever spoke in, and when
//! the register names it leader of such an epoch, it was leader before a crash and may have lost entries that it sent:
//! it asks for a new epoch instead.

use super::{PrimaryBackup, State, cause, follower::Follower, leader::Leader};
use crate::contract::{Changed, Effect, Epoch, Role};
use crate::register::{Configuration, RegisterCommand};
use crate::time::Time;

impl PrimaryBackup {
    /// Acts on the register's configuration. An older one than known says nothing.
    pub(super) fn follow_register(&mut self, now: Time, configuration: &Configuration) {
        if configuration.version < self.core.known.version {
            return;
        }
        let newer = configuration.version > self.core.known.version;
        self.core.known = configuration.clone();
        self.heard_register = true;
        if !self.core.enrolled() {
            self.step_down(cause::NOT_ENROLLED);
            self.announce(cause::NOT_ENROLLED);
        } else if configuration.epoch >= self.core.epoch {
            if configuration.leader == Some(self.core.config.id) {
                self.named_leader(now, newer);
            } else {
                self.named_follower();
            }
        }
        self.announce(cause::ENROLLED);
        self.ask_register(now);
    }

    fn named_leader(&mut self, now: Time, newer: bool) {
        let epoch = self.core.known.epoch;
        if epoch > self.core.epoch || self.resumes(epoch) {
            self.core.epoch = epoch;
            self.state = State::TakingOver;
            self.announce(cause::NAMED);
            self.complete_take_over(now);
        } else if let State::Leader(leader) = &mut self.state
            && newer
        {
            leader.reconfigured(&mut self.core, now);
        }
    }

    /// Leads, once the new epoch is durable.
    pub(super) fn complete_take_over(&mut self, now: Time) {
        if matches!(self.state, State::TakingOver) && self.core.epoch_is_durable() {
            self.state = State::Leader(Box::new(Leader::new(&self.core, now)));
            self.announce(cause::ELECTED);
            self.advance_commit();
        }
    }

    fn named_follower(&mut self) {
        self.step_down(cause::DEPOSED);
        self.adopt(self.core.known.epoch, cause::NEWER_EPOCH);
        if let State::Follower(follower) = &mut self.state
            && follower.leader.is_none()
        {
            follower.leader = self.core.known.leader;
        }
    }

    /// Enters a newer epoch as a follower. Nothing is known yet about how its leader's log compares to this one.
    pub(super) fn adopt(&mut self, epoch: Epoch, cause: &'static str) {
        if epoch > self.core.epoch {
            self.core.epoch = epoch;
            let leads = self.core.known.leader.filter(|_| self.core.known.epoch == epoch);
            self.state = State::Follower(Follower::of(leads));
            self.announce(cause);
        }
    }

    /// Stops leading, or taking over, without entering another epoch.
    pub(super) fn step_down(&mut self, cause: &'static str) {
        if !matches!(self.state, State::Follower(_)) {
            self.state = State::Follower(Follower::default());
            self.announce(cause);
        }
    }

    /// Tells a change of role or epoch, once.
    pub(super) fn announce(&mut self, cause: &'static str) {
        let now = (self.role(), self.core.epoch);
        if self.announced != now {
            self.announced = now;
            let (role, epoch) = now;
            self.core.out.push(Effect::Changed(Changed { role, epoch, cause }));
        }
    }

    pub(super) fn role(&self) -> Role {
        match &self.state {
            State::Leader(_) => Role::Leader,
            State::Follower(follower) if follower.diverged => Role::Joining,
            _ if self.core.enrolled() => Role::Follower,
            _ => Role::Joining,
        }
    }

    /// Asks the register for what this replica lacks, at once and then again until a configuration shows it.
    pub(super) fn ask_register(&mut self, now: Time) {
        let Some(wish) = self.wish() else {
            self.asked = None;
            return;
        };
        let again = self.core.config.timing.ask_again;
        if self.asked.as_ref().is_some_and(|(last, at)| *last == wish && now.since(*at) < again) {
            return;
        }
        self.asked = Some((wish.clone(), now));
        self.core.out.push(Effect::Configure(wish));
    }

    fn wish(&self) -> Option<RegisterCommand> {
        let (core, known) = (&self.core, &self.core.known);
        let (replica, incarnation) = (core.config.id, core.config.incarnation);
        if !self.heard_register {
            return None;
        }
        if !core.enrolled() {
            return Some(RegisterCommand::Enrol { replica, incarnation, epoch: core.epoch });
        }
        let own_old_epoch = known.leader == Some(replica) && known.epoch == core.epoch;
        let follows = matches!(self.state, State::Follower(_));
        (own_old_epoch && follows && self.fenced_by <= core.epoch).then(|| RegisterCommand::Elect {
            expect: known.version,
            candidate: replica,
            incarnation,
            log_end: core.log.durable(),
            drop: None,
        })
    }

    #[cfg(not(feature = "mutants"))]
    fn resumes(&self, _epoch: Epoch) -> bool {
        false
    }

    #[cfg(feature = "mutants")]
    fn resumes(&self, epoch: Epoch) -> bool {
        self.core.config.mutant == Some(crate::mutants::Mutant::ResumeOldEpoch)
            && epoch == self.core.epoch
            && matches!(self.state, State::Follower(_))
    }
}
